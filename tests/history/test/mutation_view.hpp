#pragma once
/// What the mutations share: finding a place of a history that something can be done to.

#include <algorithm>
#include <functional>
#include <map>
#include <vector>

#include "tests/history/test/mutations.hpp"

namespace troupe::history::test {

using kind = entry::kind;

struct view {
  explicit view(history& history) : h(history) {
    for (std::size_t i = 0; i < h.entries.size(); ++i)
      if (h.entries[i].what == kind::call) calls[h.entries[i].call] = i;
  }
  const request& asked(const entry& e) const { return h.entries[calls.at(e.call)].asked; }
  bool writes(const entry& e) const {
    switch (asked(e).op) {
      case zk::op::create:
      case zk::op::create2:
      case zk::op::del:
      case zk::op::set_data:
      case zk::op::set_acl:
      case zk::op::multi:
        return true;
      default:
        return false;
    }
  }
  bool granted(const entry& e) const {
    return e.what == kind::reply && e.got.error == zk::err::ok &&
           (e.got.parts.empty() ||
            std::all_of(e.got.parts.begin(), e.got.parts.end(), [](auto& p) { return p.error == zk::err::ok; }));
  }
  txn* at(zxid_t z) const {
    auto it = std::find_if(h.log.begin(), h.log.end(), [&](auto& t) { return t.zxid == z; });
    return it == h.log.end() ? nullptr : &*it;
  }
  /// One of the entries that fit.
  entry* one(dice& d, const std::function<bool(const entry&)>& fits) {
    std::vector<entry*> all;
    for (auto& e : h.entries)
      if (fits(e)) all.push_back(&e);
    return all.empty() ? nullptr : all[d.below(all.size())];
  }
  txn* one_txn(dice& d, const std::function<bool(const txn&)>& fits) {
    std::vector<txn*> all;
    for (auto& t : h.log)
      if (fits(t)) all.push_back(&t);
    return all.empty() ? nullptr : all[d.below(all.size())];
  }
  entry* reply_to(dice& d, const std::function<bool(const entry&, const request&)>& fits) {
    return one(d, [&](const entry& e) { return e.what == kind::reply && fits(e, asked(e)); });
  }
  /// What anyone had seen before each call.
  std::map<call_id, zxid_t> known() const {
    std::map<call_id, zxid_t> out;
    zxid_t seen = 0;
    for (auto& e : h.entries) {
      if (e.what == kind::call) out[e.call] = seen;
      if (e.what == kind::reply || e.what == kind::event) seen = std::max(seen, e.zxid);
    }
    return out;
  }
  /// A reply that stands in the leader's order.
  bool ordered(const entry& e) const { return e.what == kind::reply && (writes(e) || asked(e).op == zk::op::sync); }
  /// The transaction that opens or closes a session.
  txn* of_session(change::kind what, session_id s) const {
    auto it = std::find_if(h.log.begin(), h.log.end(),
                           [&](auto& t) { return t.changes.back().what == what && t.changes.back().session == s; });
    return it == h.log.end() ? nullptr : &*it;
  }
  std::size_t place(const entry* e) const { return static_cast<std::size_t>(e - h.entries.data()); }

  history& h;
  std::map<call_id, std::size_t> calls;
};

std::vector<mutation> log_mutations();
std::vector<mutation> answer_mutations();
std::vector<mutation> order_mutations();
std::vector<mutation> watch_mutations();
std::vector<mutation> session_mutations();
std::vector<mutation> opening_mutations();
std::vector<mutation> asker_mutations();
std::vector<mutation> access_mutations();

}  // namespace troupe::history::test
