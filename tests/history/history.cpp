#include "tests/history/history.hpp"

#include <algorithm>
#include <map>

namespace troupe::history {

namespace {

/// Whether the entry begins something: it then stands before what ends at the same microsecond elsewhere.
bool begins(const entry& e) { return e.what == entry::kind::call; }

}  // namespace

void sort(history& h) {
  std::stable_sort(h.log.begin(), h.log.end(), [](const txn& a, const txn& b) { return a.zxid < b.zxid; });
  // A client's order is kept even where its clock steps back: its times are made to grow.
  std::map<client_id, std::int64_t> latest;
  for (auto& e : h.entries) {
    auto [at, first] = latest.try_emplace(e.client, e.at_us);
    at->second = e.at_us = first ? e.at_us : std::max(at->second, e.at_us);
  }
  // A client's reply and its next call in the same microsecond keep their order because a call is moved before the
  // replies of others only: per instant, clients' sequences are merged, and those that begin with a call come first.
  std::stable_sort(h.entries.begin(), h.entries.end(),
                   [](const entry& a, const entry& b) { return a.at_us < b.at_us; });
  for (auto first = h.entries.begin(); first != h.entries.end();) {
    auto last = std::find_if(first, h.entries.end(), [&](const entry& e) { return e.at_us != first->at_us; });
    std::map<client_id, bool> ended;  // a client that already had something end at this instant
    std::stable_partition(first, last, [&](const entry& e) {
      auto& done = ended[e.client];
      done = done || !begins(e);
      return !done;
    });
    first = last;
  }
}

}  // namespace troupe::history
