#include "tests/history/wgl.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <unordered_set>

#include "tests/history/model.hpp"

namespace troupe::history {

const char* to_string(linearizability l) {
  return l == linearizability::yes ? "linearizable" : l == linearizability::no ? "NOT linearizable" : "not decided";
}

namespace {

struct znode_state {
  bool exists = false;
  std::int32_t version = 0, value = 0;
  std::int64_t owner = 0;
  bool operator==(const znode_state&) const = default;
};

/// One part of an operation: whether it may happen here with the outcome that it had; `s` is then the state after it.
bool happen_one(znode_state& s, const operation& o) {
  using kind = operation::kind;
  bool pending = o.end == operation::never;  // it happens only if it is granted
  bool version_fits = o.asked == -1 || o.asked == s.version;
  auto agree = [&](zk::err right) { return pending ? right == zk::err::ok : o.error == right; };
  switch (o.what) {
    case kind::create: {
      auto right = s.exists ? zk::err::node_exists : zk::err::ok;
      if (!agree(right)) return false;
      if (right == zk::err::ok) s = {true, 0, o.value, o.session};
      return true;
    }
    case kind::set:
    case kind::remove: {
      auto right = !s.exists ? zk::err::no_node : !version_fits ? zk::err::bad_version : zk::err::ok;
      if (!agree(right)) return false;
      if (right != zk::err::ok) return true;
      if (o.what == kind::remove) {
        s = {};
        return true;
      }
      s.version = next_version(s.version), s.value = o.value;
      return o.version == -1 || o.version == s.version;
    }
    case kind::read:
      if (o.error == zk::err::no_node) return !s.exists;
      return s.exists && (o.value == -1 || o.value == s.value) && (o.version == -1 || o.version == s.version);
    case kind::end_session:
      if (s.exists && s.owner == o.session) s = {};
      return true;
  }
  return false;
}

/// Whether the operation may happen here with the outcome that it had; `s` then becomes the state after it. One whose
/// outcome is unknown need not happen: it has no effect where it would be refused.
bool happen(znode_state& s, const operation& o) {
  auto before = s;
  bool fits = happen_one(s, o);
  for (std::size_t i = 0; fits && i < o.more.size(); ++i) fits = happen_one(s, o.more[i]);
  if (fits || o.end != operation::never) return fits;
  s = before;
  return true;
}

/// Which operations have happened: all up to `high` but the holes. Holes are few: what ran at the same time, and what
/// may never have happened. So a place in the search is remembered in a few bytes however long the history is.
class progress {
 public:
  /// Tells what `high` was before.
  std::int64_t add(std::int64_t i) {
    auto before = high_;
    if (i > high_) {
      for (auto k = high_ + 1; k < i; ++k) holes_.push_back(k);
      high_ = i;
    } else {
      holes_.erase(std::lower_bound(holes_.begin(), holes_.end(), i));
    }
    return before;
  }
  void take_back(std::int64_t i, std::int64_t high_before) {
    if (i == high_) {
      high_ = high_before;
      while (!holes_.empty() && holes_.back() > high_) holes_.pop_back();
    } else {
      holes_.insert(std::lower_bound(holes_.begin(), holes_.end(), i), i);
    }
  }
  std::string remember(const znode_state& s) const {
    std::string out;
    out.resize((holes_.size() + 4) * sizeof(std::int64_t));
    std::int64_t head[4] = {high_, s.owner, s.exists, static_cast<std::int64_t>(s.version) << 32 | s.value};
    std::memcpy(out.data(), head, sizeof head);
    if (!holes_.empty()) std::memcpy(out.data() + sizeof head, holes_.data(), holes_.size() * sizeof(std::int64_t));
    return out;
  }

 private:
  std::int64_t high_ = -1;
  std::vector<std::int64_t> holes_;
};

class search {
 public:
  search(std::vector<operation> ops, const wgl_options& o) : ops_(std::move(ops)), options_(o) {
    std::sort(ops_.begin(), ops_.end(), [](auto& a, auto& b) { return a.begin < b.begin; });
    struct moment {
      std::size_t at;
      bool ends;
      std::int64_t op;
    };
    std::vector<moment> moments;
    for (std::size_t i = 0; i < ops_.size(); ++i) {
      auto number = static_cast<std::int64_t>(i);
      moments.push_back({ops_[i].begin, false, number});
      if (ops_[i].end == operation::never) continue;
      moments.push_back({ops_[i].end, true, number});
      ++definite_;
    }
    std::stable_sort(moments.begin(), moments.end(), [](auto& a, auto& b) { return a.at < b.at; });
    nodes_.resize(moments.size() + 1);
    begins_.resize(ops_.size());
    for (std::size_t i = 0; i < moments.size(); ++i) {
      nodes_[i + 1] = {i, i + 2 <= moments.size() ? i + 2 : 0, moments[i].op, moments[i].ends, 0};
      auto op = static_cast<std::size_t>(moments[i].op);
      if (moments[i].ends)
        nodes_[begins_[op]].end = i + 1;
      else
        begins_[op] = i + 1;
    }
    nodes_[0].next = moments.empty() ? 0 : 1;
  }

  linearizability run() {
    auto at = nodes_[0].next;
    for (std::size_t steps = 0; definite_ > 0; ++steps) {
      if (steps > options_.max_steps) return linearizability::unknown;
      if (at == 0) throw std::logic_error("wgl: ran past the end of the operations");
      auto& n = nodes_[at];
      if (n.ends) {  // it should have happened by now: take the last choice back
        if (!back(at)) return linearizability::no;
        continue;
      }
      auto& o = ops_[static_cast<std::size_t>(n.op)];
      auto after = state_;
      bool pending = o.end == operation::never;
      if (!happen(after, o) || (pending && after == state_)) {
        at = n.next;
        continue;
      }
      auto high = done_.add(n.op);
      if (!tried_.insert(done_.remember(after)).second) {
        done_.take_back(n.op, high);
        at = n.next;
        continue;
      }
      bool free = !pending && o.more.empty() && (o.what == operation::kind::read || o.error != zk::err::ok);
      choices_.push_back({at, high, free, state_});
      state_ = after;
      if (!pending) --definite_;
      unlink(at);
      at = nodes_[0].next;
    }
    return linearizability::yes;
  }

 private:
  struct node {
    std::size_t previous = 0, next = 0;
    std::int64_t op = 0;
    bool ends = false;
    std::size_t end = 0;  ///< of a beginning: the node of its end; 0: none
  };
  struct choice {
    std::size_t at;
    std::int64_t high;
    bool free;  ///< it changes nothing anywhere: to let it happen as soon as it could was right, whatever comes
    znode_state before;
  };

  bool back(std::size_t& at) {
    for (bool free = true; free;) {
      if (choices_.empty()) return false;
      auto c = choices_.back();
      choices_.pop_back();
      state_ = c.before, free = c.free;
      auto op = nodes_[c.at].op;
      done_.take_back(op, c.high);
      if (ops_[static_cast<std::size_t>(op)].end != operation::never) ++definite_;
      relink(c.at);
      at = nodes_[c.at].next;
    }
    return true;
  }

  void cut(std::size_t i) {
    auto& n = nodes_[i];
    nodes_[n.previous].next = n.next;
    if (n.next) nodes_[n.next].previous = n.previous;
  }
  void mend(std::size_t i) {
    auto& n = nodes_[i];
    nodes_[n.previous].next = i;
    if (n.next) nodes_[n.next].previous = i;
  }
  void unlink(std::size_t i) {
    cut(i);
    if (nodes_[i].end) cut(nodes_[i].end);
  }
  void relink(std::size_t i) {
    if (nodes_[i].end) mend(nodes_[i].end);
    mend(i);
  }

  std::vector<operation> ops_;
  const wgl_options& options_;
  std::vector<node> nodes_;  ///< a list in real time; 0 is its head, and the end of it
  std::vector<std::size_t> begins_;
  std::size_t definite_ = 0;  ///< operations that must still happen
  progress done_;
  znode_state state_;
  std::vector<choice> choices_;
  std::unordered_set<std::string> tried_;
};

}  // namespace

linearizability linearizable(std::vector<operation> ops, const wgl_options& o) {
  return search(std::move(ops), o).run();
}

}  // namespace troupe::history
