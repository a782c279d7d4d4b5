#include "tests/history/replay.hpp"

#include <algorithm>

#include "tests/history/answers.hpp"
#include "tests/history/calls.hpp"
#include "tests/history/trial.hpp"

namespace troupe::history {

namespace {

bool is_empty_multi(const request& r) { return r.op == zk::op::multi && r.parts.empty(); }

class player {
 public:
  player(index& x, findings& f) : x_(x), f_(f), model_(x.h.base) {}

  replayed play() {
    sort_calls();
    sort_openings();
    std::size_t next = 0;
    zxid_t last = x_.h.base.zxid;
    for (auto& t : x_.h.log) {
      for (; next < judged_.size() && x_.calls[judged_[next]].zxid < t.zxid; ++next) judge(judged_[next]);
      check_order(last, t);
      last = t.zxid;
      play(t);
      if (f_.full()) break;
    }
    for (; next < judged_.size() && !f_.full(); ++next) judge(judged_[next]);
    if (!f_.full()) missing();
    out_.sessions = model_.sessions();
    out_.end = last;
    return std::move(out_);
  }

 private:
  /// Acknowledged writes wait for their transaction; everything else that was answered for the model as of its zxid.
  void sort_calls() {
    for (std::uint32_t i = 0; i < x_.calls.size(); ++i) {
      auto& c = x_.calls[i];
      if (!c.replied() || c.overtakes()) continue;
      if (c.writes() && c.succeeded() && !is_empty_multi(*c.asked) && !left_no_transaction(*c.asked, *c.got)) {
        auto [at, first] = acknowledged_.try_emplace(c.zxid, i);
        if (!first)
          f_.add("acknowledged", "two acknowledged writes have the same zxid " + hex(c.zxid),
                 {x_.calls[at->second].at, c.at, c.end}, {c.zxid});
      } else {
        judged_.push_back(i);
      }
    }
    std::stable_sort(judged_.begin(), judged_.end(),
                     [&](auto a, auto b) { return x_.calls[a].zxid < x_.calls[b].zxid; });
  }

  /// Each new session has one opening in the log, which can have been granted to one call only.
  void sort_openings() {
    for (auto i : x_.connects) {
      auto& c = x_.calls[i];
      if (c.how != call::outcome::connected || c.asked->session != 0) continue;
      auto [at, first] = openings_.try_emplace(c.session, i);
      if (!first)
        f_.add("acknowledged", "session " + hex(c.session) + " was given to two that asked for a new one",
               {x_.calls[at->second].at, c.at, c.end});
    }
  }

  void judge(std::uint32_t i) {
    auto& c = x_.calls[i];
    auto who = x_.who(c);
    if (c.zxid < x_.h.base.zxid) return;
    bool reads = !c.writes() && c.asked->op != zk::op::sync;
    auto rule = reads ? "reads" : "errors";
    if (c.zxid > (x_.h.log.empty() ? x_.h.base.zxid : x_.h.log.back().zxid))
      return f_.add(rule, "a reply as of zxid " + hex(c.zxid) + ", which is not in the log", {c.at, c.end}, {c.zxid});
    if (c.asked->op == zk::op::set_watches) {
      if (c.succeeded()) out_.set_watches.emplace(i, answer_set_watches(model_, who, *c.asked));
      return;
    }
    if (!f_.wanted(rule)) return;
    auto fault = reads ? fault_of_read(model_, who, *c.asked, *c.got) : fault_of_refusal(model_, who, *c.asked, *c.got);
    if (reads && !fault.empty() && x_.connections[c.connection].ids.size() > c.ids) {
      // Auth overtakes reads that wait: it may have been read with what was proved after the call.
      who.id_count = x_.connections[c.connection].ids.size();
      fault = fault_of_read(model_, who, *c.asked, *c.got);
    }
    if (!fault.empty())
      f_.add(rule, name(c.asked->op) + " " + c.asked->path + " as of " + hex(c.zxid) + ": " + fault, {c.at, c.end},
             {c.zxid});
  }

  void check_order(zxid_t last, const txn& t) {
    auto follows = t.zxid == last + 1 || (epoch_of(t.zxid) > epoch_of(last) && counter_of(t.zxid) == 1);
    if (!follows) f_.add("log_order", hex(t.zxid) + " does not follow " + hex(last), {}, {last, t.zxid});
  }

  void play(const txn& t) {
    check_sessions(t);
    auto i = find_call(t);
    std::vector<std::string> paths(t.changes.size());
    if (i != none) grant(t, static_cast<std::uint32_t>(i), paths);
    for (std::size_t k = 0; k < t.changes.size(); ++k) {
      auto& c = t.changes[k];
      auto acl = acl_of(c);
      auto fault = model_.apply(t, c);
      if (!fault.empty()) {
        bool of_session = c.what == change::kind::open_session || c.what == change::kind::close_session;
        f_.add(of_session || fault.find("session") != fault.npos ? "log_sessions" : "log_tree",
               hex(t.zxid) + " " + fault, {}, {t.zxid});
      }
      note_steps(t, c, acl);
      if (i != none) check_result(t, static_cast<std::uint32_t>(i), k);
    }
    model_.finish(t);
  }

  void check_sessions(const txn& t) {
    if (t.changes.empty()) return f_.add("log_tree", hex(t.zxid) + " changes nothing", {}, {t.zxid});
    auto& last = t.changes.back();
    if (last.what == change::kind::open_session) return;
    if (t.session && !model_.alive(t.session))
      f_.add("log_sessions", hex(t.zxid) + " is on behalf of session " + hex(t.session) + ", which does not live", {},
             {t.zxid});
    if (last.what != change::kind::close_session) return;
    out_.closes.emplace(last.session, &t);
    auto* s = model_.find_session(last.session);
    for (std::size_t k = 0; s && k + 1 < t.changes.size(); ++k) {
      auto& c = t.changes[k];
      if (c.what != change::kind::del || !s->ephemerals.contains(c.path))
        f_.add("log_sessions", hex(t.zxid) + " closes a session and touches " + c.path + ", no ephemeral of it", {},
               {t.zxid});
    }
  }

  /// Of the znode that a change is about, as it was (delete) or becomes: who may know.
  acl_pointer acl_of(const change& c) const {
    if (c.what == change::kind::create) return c.acl.empty() ? nullptr : &c.acl;
    auto* n = model_.find(c.path);
    return n ? n->acl : nullptr;
  }

  void note_steps(const txn& t, const change& c, acl_pointer acl) {
    using e = zk::event;
    bool created = c.what == change::kind::create, deleted = c.what == change::kind::del;
    if (c.what == change::kind::set_data)
      out_.steps.push_back({t.zxid, e::node_data_changed, c.path, acl, true, false});
    if (!created && !deleted) return;
    out_.steps.push_back({t.zxid, created ? e::node_created : e::node_deleted, c.path, acl, true, deleted});
    auto parent = parent_of(c.path);
    auto* p = model_.find(parent);
    out_.steps.push_back({t.zxid, e::node_children_changed, parent, p ? p->acl : nullptr, false, true});
  }

  /// The call that became this transaction; none for those of the ensemble.
  std::size_t find_call(const txn& t) {
    if (t.changes.empty()) return none;
    auto& last = t.changes.back();
    if (last.what == change::kind::open_session) return find_connect(t, last), none;
    auto ack = acknowledged_.find(t.zxid);
    if (ack != acknowledged_.end()) {
      auto& c = x_.calls[ack->second];
      if (c.session == t.session && could_be(t, *c.asked, x_.who(c))) return take(t, ack->second);
      f_.add("acknowledged",
             hex(t.zxid) + " was acknowledged as " + name(c.asked->op) + " " + c.asked->path + ", but is another " +
                 "transaction",
             {c.at, c.end}, {t.zxid});
      c.done = t.zxid;
      return none;
    }
    if (last.what == change::kind::close_session && last.session == t.session && t.origin == 0) return none;  // expiry
    auto s = x_.sessions.find(t.session);
    if (s != x_.sessions.end()) {
      auto& lost = s->second.lost_writes;
      auto& place = place_[t.session];
      // Two that look alike may differ in their condition: what had to be refused here is not the one that took effect.
      std::size_t refused = none;
      for (auto i : lost) {
        auto& c = x_.calls[i];
        if (c.done != 0 || c.place < place || !could_be(t, *c.asked, x_.who(c))) continue;
        if (granted(t, c)) return take(t, i);
        if (refused == none) refused = i;
      }
      if (refused != none) return take(t, static_cast<std::uint32_t>(refused));
    }
    f_.add("asked", hex(t.zxid) + " (" + describe(t) + ") is no call of session " + hex(t.session), {}, {t.zxid});
    return none;
  }

  void find_connect(const txn& t, const change& open) {
    if (auto asked = openings_.find(open.session); asked != openings_.end()) x_.calls[asked->second].done = t.zxid;
    if (x_.sessions.contains(open.session)) return;
    if (unseen_ == none) {
      unseen_ = 0;
      for (auto i : x_.connects)
        if (x_.calls[i].how == call::outcome::lost && x_.calls[i].asked->session == 0) ++unseen_;
    }
    if (unseen_ == 0)
      return f_.add("asked", hex(t.zxid) + " opens session " + hex(open.session) + ", which nobody asked for", {},
                    {t.zxid});
    --unseen_;
  }

  bool granted(const txn& t, const call& c) const {
    if (c.asked->op == zk::op::close_session) return true;
    auto who = x_.who(c);
    if (c.asked->op == zk::op::call) {  // what it changes hangs on the tree: another one that looks alike may fit
      auto right = perform_call(model_, who, *c.asked);
      return right.error == zk::err::ok && fault_of_changes(t, right, who).empty();
    }
    return trial(model_, who).perform_all(*c.asked).first == zk::err::ok;
  }

  std::size_t take(const txn& t, std::uint32_t i) {
    auto& c = x_.calls[i];
    c.done = t.zxid;
    auto& place = place_[t.session];
    if (c.place < place)
      f_.add("issue_order", hex(t.zxid) + " was called before a write of the same session that has a smaller zxid",
             {c.at}, {t.zxid});
    place = std::max(place, c.place + 1);
    return i;
  }

  /// The leader's decision, made again.
  void grant(const txn& t, std::uint32_t i, std::vector<std::string>& paths) {
    auto& c = x_.calls[i];
    auto& r = *c.asked;
    if (r.op == zk::op::close_session || !f_.wanted("results")) return;
    auto who = x_.who(c);
    if (r.op == zk::op::call) return grant_call(t, c, who);
    trial tr(model_, who);
    bool multi = r.op == zk::op::multi;
    for (std::size_t k = 0; k < t.changes.size(); ++k) {
      auto& part = multi ? r.parts[k] : r;
      auto [error, path] = tr.perform(part);
      std::string fault;
      if (error != zk::err::ok)
        fault = name(part.op) + " " + part.path + " has to be refused: " + name(error);
      else
        fault = misfit(t.changes[k], part, path, who);
      if (!fault.empty()) return f_.add("results", hex(t.zxid) + ": " + fault, {c.at}, {t.zxid});
      paths[k] = std::move(path);
    }
  }

  static std::string fault_of_changes(const txn& t, const call_outcome& right, const caller& who) {
    if (right.parts.size() != t.changes.size())
      return "it has " + std::to_string(t.changes.size()) + " changes, but " + std::to_string(right.parts.size()) +
             " are right";
    for (std::size_t k = 0; k < right.parts.size(); ++k)
      if (auto fault = misfit(t.changes[k], right.parts[k], right.parts[k].path, who); !fault.empty()) return fault;
    return {};
  }

  void grant_call(const txn& t, const call& c, const caller& who) {
    auto right = perform_call(model_, who, *c.asked);
    right_reply_ = std::move(right.reply);
    auto fault =
        right.error == zk::err::ok ? fault_of_changes(t, right, who) : "it has to be refused: " + name(right.error);
    if (!fault.empty())
      f_.add("results", hex(t.zxid) + ": call " + c.asked->data + " " + c.asked->path + ": " + fault, {c.at}, {t.zxid});
  }

  void check_call_result(const txn& t, const call& c) {
    if (c.got->data == right_reply_) return;
    f_.add("results", hex(t.zxid) + ": the reply was " + c.got->data + ", but " + right_reply_ + " is right",
           {c.at, c.end}, {t.zxid});
  }

  void check_result(const txn& t, std::uint32_t i, std::size_t k) {
    auto& c = x_.calls[i];
    if (!c.replied() || c.asked->op == zk::op::close_session || !f_.wanted("results")) return;
    if (c.asked->op == zk::op::call) return k == 0 ? check_call_result(t, c) : void();
    bool multi = c.asked->op == zk::op::multi;
    std::string fault;
    if (multi && c.got->parts.size() != t.changes.size())
      fault = "the multi has " + std::to_string(c.got->parts.size()) + " results";
    else
      fault =
          fault_of_result(model_, t.changes[k], multi ? c.asked->parts[k] : *c.asked, multi ? c.got->parts[k] : *c.got);
    if (!fault.empty())
      f_.add("results", hex(t.zxid) + " " + name(t.changes[k].op) + " " + t.changes[k].path + ": " + fault,
             {c.at, c.end}, {t.zxid});
  }

  void missing() {
    for (auto& [zxid, i] : acknowledged_) {
      auto& c = x_.calls[i];
      if (c.done || zxid <= x_.h.base.zxid) continue;
      f_.add("acknowledged",
             name(c.asked->op) + " " + c.asked->path + " was acknowledged with zxid " + hex(zxid) +
                 ", which is not in the log",
             {c.at, c.end}, {zxid});
    }
  }

  index& x_;
  findings& f_;
  model model_;
  replayed out_;
  std::unordered_map<zxid_t, std::uint32_t> acknowledged_;
  std::unordered_map<session_id, std::uint32_t> openings_;  ///< calls that were granted a new session
  std::vector<std::uint32_t> judged_;
  std::unordered_map<session_id, std::uint32_t> place_;
  std::size_t unseen_ = none;
  std::string right_reply_;  ///< of the call that is being played
};

}  // namespace

replayed replay(index& x, findings& f) { return player(x, f).play(); }

}  // namespace troupe::history
