#include "tests/history/watches.hpp"

#include <algorithm>
#include <queue>

#include "tests/history/answers.hpp"

namespace troupe::history {

namespace {

/// For each path, the steps that fire each of the two tables there, in order.
struct step_index {
  struct lists {
    std::vector<std::uint32_t> data, child;
  };
  std::unordered_map<std::string_view, lists> paths;

  explicit step_index(const std::vector<watch_step>& steps) {
    for (std::uint32_t i = 0; i < steps.size(); ++i) {
      auto& l = paths[steps[i].path];
      if (steps[i].data) l.data.push_back(i);
      if (steps[i].child) l.child.push_back(i);
    }
  }

  /// The first one after `zxid`; none if there is none.
  std::size_t first_after(const std::vector<watch_step>& steps, bool child, std::string_view path, zxid_t zxid) const {
    auto it = paths.find(path);
    if (it == paths.end()) return none;
    auto& list = child ? it->second.child : it->second.data;
    auto at =
        std::upper_bound(list.begin(), list.end(), zxid, [&](zxid_t z, std::uint32_t i) { return z < steps[i].zxid; });
    return at == list.end() ? none : *at;
  }
};

/// What one connection has to get: the watches it left, each with the step that fires it.
class watcher {
 public:
  watcher(const index& x, const replayed& log, const step_index& where, const connection& c, findings& f)
      : x_(x), log_(log), where_(where), conn_(c), f_(f) {}

  void run() {
    for (at_ = 0; at_ < conn_.arrivals.size() && !f_.full(); ++at_) {
      auto i = conn_.arrivals[at_];
      auto& e = x_.h.entries[i];
      if (e.what == entry::kind::reply)
        on_reply(i, e);
      else if (e.zxid < 0)
        found_.push_back(i);
      else if (!excused_.empty() && std::find(excused_.begin(), excused_.end(), i) != excused_.end())
        continue;  // told already, as late
      else
        on_event(i, e);
    }
  }

 private:
  struct armed {
    std::uint32_t step;
    bool child;
    std::string_view path;
    std::size_t left_at;                                            ///< the reply that left it
    bool operator<(const armed& o) const { return step > o.step; }  // smallest on top
  };
  static std::string key(bool child, std::string_view path) { return (child ? 'c' : 'd') + std::string(path); }

  void arm(bool child, std::string_view path, zxid_t zxid, std::size_t reply) {
    auto step = where_.first_after(log_.steps, child, path, zxid);
    if (step == none) return;                               // nothing fires it any more
    if (!active_.emplace(key(child, path)).second) return;  // a watch is left once however often it is asked for
    heap_.push({static_cast<std::uint32_t>(step), child, path, reply});
  }

  /// Removes the next step with all watches that it fires; tells whether this connection may know of it, given so many
  /// of its identities.
  bool fire(std::size_t ids) {
    auto step = heap_.top().step;
    while (!heap_.empty() && heap_.top().step == step) {
      active_.erase(key(heap_.top().child, heap_.top().path));
      heap_.pop();
    }
    return allowed(log_.steps[step].acl, zk::perm::read, {conn_.session, conn_.ids.data(), ids});
  }

  static bool shows(const entry& e, const watch_step& s) {
    return e.what == entry::kind::event && e.event == s.what && e.path == s.path && e.zxid == s.zxid;
  }

  /// Watches that had to fire by now did not.
  void overdue(zxid_t zxid, std::size_t shown_by) {
    while (!heap_.empty() && log_.steps[heap_.top().step].zxid <= zxid) {
      auto top = heap_.top();
      auto& s = log_.steps[top.step];
      if (!fire(ids_before_)) continue;
      auto late = std::find_if(conn_.arrivals.begin() + static_cast<std::ptrdiff_t>(at_), conn_.arrivals.end(),
                               [&](std::uint32_t i) { return shows(x_.h.entries[i], s); });
      auto text = name(s.what) + " of " + std::string(s.path) + " at " + hex(s.zxid);
      if (late == conn_.arrivals.end()) {
        f_.add("watch_lost", text + " never came, but a reply as of " + hex(zxid) + " did", {top.left_at, shown_by},
               {s.zxid});
      } else {
        excused_.push_back(*late);
        f_.add("watch_order", text + " came after what a client may see only later", {top.left_at, shown_by, *late},
               {s.zxid});
      }
    }
  }

  void on_event(std::size_t i, const entry& e) {
    while (!heap_.empty()) {
      auto& s = log_.steps[heap_.top().step];
      if (shows(e, s)) {
        auto left_at = heap_.top().left_at;
        if (!fire(ids_))
          f_.add("watch_spurious", "an event about " + e.path + ", which this client may not read", {left_at, i},
                 {e.zxid});
        return;
      }
      if (!expected(e)) break;
      overdue_first(i);
    }
    f_.add("watch_spurious",
           name(e.event) + " of " + e.path + " at " + hex(e.zxid) +
               ", for which no watch was left or which did not happen",
           {i}, {e.zxid});
  }

  /// Whether a watch is armed that this event belongs to.
  bool expected(const entry& e) const {
    auto copy = heap_;
    for (; !copy.empty(); copy.pop())
      if (shows(e, log_.steps[copy.top().step])) return true;
    return false;
  }

  /// The next watch was passed over by the event `i`: it comes out of order, or never.
  void overdue_first(std::size_t i) {
    auto top = heap_.top();
    auto& s = log_.steps[top.step];
    if (!fire(ids_before_)) return;
    auto late = std::find_if(conn_.arrivals.begin() + static_cast<std::ptrdiff_t>(at_), conn_.arrivals.end(),
                             [&](std::uint32_t k) { return shows(x_.h.entries[k], s); });
    auto text = name(s.what) + " of " + std::string(s.path) + " at " + hex(s.zxid);
    if (late == conn_.arrivals.end())
      return f_.add("watch_lost", text + " never came, but a later event did", {top.left_at, i}, {s.zxid});
    excused_.push_back(*late);
    f_.add("watch_order", text + " came after a later event", {top.left_at, i, *late}, {s.zxid});
  }

  void on_reply(std::size_t i, const entry& e) {
    auto& c = x_.calls[x_.call_of[i]];
    if (c.asked->op == zk::op::auth) {
      if (c.got->error == zk::err::ok) ids_ = std::min<std::size_t>(c.ids + 1, conn_.ids.size());
      return;
    }
    overdue(e.zxid, i);
    ids_before_ = ids_;
    if (c.asked->op == zk::op::set_watches) return on_set_watches(i, x_.call_of[i]);
    if (!found_.empty() && !c.overtakes()) {
      f_.add("set_watches", "an event without a zxid, and no setWatches after it", {found_[0], i});
      found_.clear();
    }
    if (!c.asked->watch) return;
    auto error = c.got->error;
    switch (c.asked->op) {
      case zk::op::exists:
        if (error == zk::err::ok || error == zk::err::no_node) arm(false, c.asked->path, e.zxid, i);
        return;
      case zk::op::get_data:
        if (error == zk::err::ok) arm(false, c.asked->path, e.zxid, i);
        return;
      case zk::op::get_children:
      case zk::op::get_children2:
        if (error == zk::err::ok) arm(true, c.asked->path, e.zxid, i);
        return;
      default:
        return;
    }
  }

  void on_set_watches(std::size_t i, std::uint32_t number) {
    auto found = std::move(found_);
    found_.clear();
    // It can't be refused: what it may not tell of it keeps silent, and a connection with too many watches is closed.
    if (auto error = x_.calls[number].got->error; error != zk::err::ok)
      return f_.add("set_watches", "setWatches was refused: " + name(error), {x_.calls[number].at, i},
                    {x_.h.entries[i].zxid});
    auto it = log_.set_watches.find(number);
    if (it == log_.set_watches.end()) return;
    auto right = it->second.events;
    std::vector<set_watches_answer::event> got;
    for (auto k : found) got.push_back({x_.h.entries[k].event, x_.h.entries[k].path});
    std::sort(right.begin(), right.end()), std::sort(got.begin(), got.end());
    std::vector<set_watches_answer::event> missing, more;
    std::set_difference(right.begin(), right.end(), got.begin(), got.end(), std::back_inserter(missing));
    std::set_difference(got.begin(), got.end(), right.begin(), right.end(), std::back_inserter(more));
    auto zxid = x_.h.entries[i].zxid;
    for (auto& m : missing)
      f_.add("set_watches",
             "setWatches as of " + hex(zxid) + " did not tell of " + name(m.what) + " of " + std::string(m.path),
             {x_.calls[number].at, i}, {zxid});
    for (auto& m : more)
      f_.add("set_watches",
             "setWatches as of " + hex(zxid) + " told of " + name(m.what) + " of " + std::string(m.path) +
                 ", which is not so",
             {x_.calls[number].at, i}, {zxid});
    for (auto& [child, path] : it->second.left) arm(child, path, zxid, i);
  }

  const index& x_;
  const replayed& log_;
  const step_index& where_;
  const connection& conn_;
  findings& f_;
  std::size_t at_ = 0;  ///< in conn_.arrivals
  /// How many identities its server knows: replies to auth stand in the same stream as events. A change that was kept
  /// from the client may have happened any time since the last reply that carried a zxid.
  std::size_t ids_ = 0, ids_before_ = 0;
  std::priority_queue<armed> heap_;
  std::set<std::string> active_;
  std::vector<std::uint32_t> found_, excused_;  ///< events: from setWatches; told already
};

}  // namespace

void check_watches(const index& x, const replayed& log, findings& f) {
  for (auto rule : {"watch_lost", "watch_order", "watch_spurious", "set_watches"}) {
    if (!f.wanted(rule)) continue;
    step_index where(log.steps);
    for (auto& c : x.connections) watcher(x, log, where, c, f).run();
    return;
  }
}

}  // namespace troupe::history
