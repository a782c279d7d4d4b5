#pragma once
/// An ensemble of commit processors without a network: the broadcast's part is played here. Node 1 leads; what it
/// prepares gets its zxid at once and waits until the test commits it.

#include <doctest/doctest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cluster/commit/commit_processor.hpp"
#include "cluster/session/password.hpp"

namespace troupe::test {

using zk::err;
using zk::op;

inline const zk::acl_list open_acl = {{zk::perm::all, {"world", "anyone"}}};

/// A jute record in the making.
struct body {
  std::string bytes;
  jute::writer w{bytes};
  body() = default;
  body(const body&) = delete;
  body& str(std::string_view s) { return w.ustring(s), *this; }
  body& i32(std::int32_t v) { return w.i32(v), *this; }
  body& i64(std::int64_t v) { return w.i64(v), *this; }
  body& flag(bool v) { return w.boolean(v), *this; }
  body& acl(const zk::acl_list& l) { return zk::write(w, l), *this; }
  body& raw(std::string_view s) { return bytes += s, *this; }
  body& paths(const std::vector<std::string>& list) {
    w.i32(static_cast<std::int32_t>(list.size()));
    for (auto& p : list) w.ustring(p);
    return *this;
  }
  operator std::string() const { return bytes; }
  operator std::string_view() const { return bytes; }
};

inline std::string create_body(std::string_view path, std::string_view data = "", int flags = 0,
                               const zk::acl_list& acl = open_acl) {
  return body().str(path).str(data).acl(acl).i32(flags);
}
inline std::string set_body(std::string_view path, std::string_view data, int version = -1) {
  return body().str(path).str(data).i32(version);
}
inline std::string path_version(std::string_view path, int version = -1) { return body().str(path).i32(version); }
inline std::string path_watch(std::string_view path, bool watch = false) { return body().str(path).flag(watch); }
inline std::string multi_body(const std::vector<std::pair<op, std::string>>& ops) {
  body b;
  for (auto& [o, rest] : ops) b.i32(static_cast<int>(o)).flag(false).i32(-1).raw(rest);
  return b.i32(-1).flag(true).i32(-1);
}

inline zk::stat read_stat(jute::reader& r) {
  zk::stat s;
  s.czxid = r.i64(), s.mzxid = r.i64(), s.ctime = r.i64(), s.mtime = r.i64();
  s.version = r.i32(), s.cversion = r.i32(), s.aversion = r.i32(), s.ephemeral_owner = r.i64();
  s.data_length = r.i32(), s.num_children = r.i32(), s.pzxid = r.i64();
  return s;
}

/// One item of a node's stream, taken apart.
struct seen {
  using kind = stream_item::kind;
  kind what = kind::reply;
  conn_id conn = 0;
  std::string frame;  ///< replies: payload without length
  std::string path;
  watch_table table = watch_table::data;
  zk::event event = zk::event::node_created;
  zxid_t zxid = 0;  ///< events and changes: the item's; replies: the header's
  tree::acl_ref acl, parent_acl;
  tree::credentials creds;
  subscription about;
  applied_transaction transaction;

  std::int32_t xid() const { return jute::reader(frame).i32(); }
  err error() const {
    jute::reader r(std::string_view(frame).substr(12));
    return static_cast<err>(r.i32());
  }
  jute::reader rest() const { return jute::reader(std::string_view(frame).substr(16)); }
  zk::stat stat() const {
    auto r = rest();
    return read_stat(r);
  }
};

class ensemble {
 public:
  static constexpr node_id leader = 1;
  static constexpr std::int64_t boot_ms = 1'700'000'000'000;
  std::int64_t now_ms = boot_ms;
  std::map<node_id, std::unique_ptr<commit::commit_processor>> nodes;
  std::map<node_id, std::vector<seen>> streams;
  std::map<node_id, std::vector<commit::effects::session_change>> sessions;
  std::size_t confirms = 0;  ///< outcomes that asked for a confirmation of leadership
  conn_id next_conn = 1;
  std::function<void(node_id, stream_batch&&)> on_stream;  ///< gets what a node's notifier would get
  std::vector<log_record> records;                         ///< committed
  std::vector<troupe::commit::question> questions;         ///< asked of actors in the nodes

  using types_of = std::function<std::shared_ptr<const extension::request_types>(node_id)>;

  explicit ensemble(node_id size = 1, commit::settings cfg = {}, const types_of& types = {}) {
    for (node_id n = 1; n <= size; ++n) {
      cfg.self = n;
      nodes[n] = std::make_unique<commit::commit_processor>(cfg, std::make_unique<tree::database>(), boot_ms + n,
                                                            types ? types(n) : nullptr);
      commit::effects fx;
      nodes[n]->on_role(n == leader ? commit::role::leading : commit::role::following, fx);
    }
  }

  commit::commit_processor& at(node_id n) { return *nodes.at(n); }
  tree::database& db(node_id n = leader) { return at(n).database(); }

  void item(node_id n, request_batch::kind what, conn_id conn, std::string_view bytes) {
    request_batch b;
    b.bytes = bytes;
    b.items.push_back({conn, what, 0, static_cast<std::uint32_t>(bytes.size())});
    commit::effects fx;
    at(n).on_requests(b, now_ms, fx);
    route(n, fx);
  }
  void expire(session_id s) {
    commit::effects fx;
    at(leader).on_expired({s}, now_ms, fx);
    route(leader, fx);
  }
  void role(node_id n, commit::role r) {
    commit::effects fx;
    at(n).on_role(r, fx);
    if (r == commit::role::looking && n == leader) in_flight_.clear(), counter_ = counter_of(db().zxid());
    route(n, fx);
  }
  std::size_t in_flight() const { return in_flight_.size(); }
  zxid_t last_assigned() const { return make_zxid(1, counter_); }

  /// What the notifier asks for when the log does not reach back.
  void state_wanted(node_id n, conn_id conn, std::int64_t number, std::uint64_t serial) {
    commit::effects fx;
    at(n).on_state_wanted(conn, number, serial, fx);
    route(n, fx);
  }

  /// An actor in the node has answered.
  void answer(node_id n, std::uint64_t id, err error, std::string_view body) {
    commit::effects fx;
    at(n).on_outcome(id, error, body, fx);
    route(n, fx);
  }

  /// Commits the oldest `n` outcomes, one step each; all that there are, also those that follow, if n is not given.
  void commit(std::size_t n = SIZE_MAX) {
    for (; n && !in_flight_.empty(); --n) {
      auto o = std::move(in_flight_.front());
      in_flight_.pop_front();
      deliver(std::move(o));
    }
  }
  /// Delivers outcomes to the leader and, of transactions, nothing to `slow`, which gets them by `catch_up`.
  void hold(node_id slow) { slow_ = slow; }
  void catch_up() {
    auto list = std::move(missed_);
    missed_.clear();
    auto n = std::exchange(slow_, 0);
    commit::effects fx;
    at(n).on_committed(list, fx);
    route(n, fx);
  }

 private:
  struct outcome {
    log_record record;  ///< zxid 0: none
    node_id origin;
    commit::reply_only reply;
  };

  void route(node_id n, commit::effects& fx) {
    collect(n, fx);
    for (auto& q : fx.questions) questions.push_back(std::move(q));
    if (!fx.forward.empty()) {
      REQUIRE(n != leader);
      commit::effects at_leader;
      at(leader).on_forwarded(n, fx.forward, now_ms, at_leader);
      route(leader, at_leader);
    }
    for (auto& p : fx.proposals) {
      REQUIRE(n == leader);
      outcome o{{}, p.origin, p.reply};
      confirms += p.confirm;
      if (p.txn.empty())
        o.reply.after = last_assigned();
      else
        o.record = {make_zxid(1, ++counter_), p.txn};
      in_flight_.push_back(std::move(o));
    }
  }
  void deliver(outcome o) {
    if (o.record.zxid == 0) {
      commit::effects fx;
      at(o.origin).on_replies({o.reply}, fx);
      return route(o.origin, fx);
    }
    records.push_back(o.record);
    for (auto& [n, p] : nodes) {
      if (n == slow_) {
        missed_.push_back(o.record);
        continue;
      }
      commit::effects fx;
      p->on_committed({o.record}, fx);
      route(n, fx);
    }
  }
  void collect(node_id n, commit::effects& fx) {
    auto& s = fx.stream;
    for (auto& i : s.items) {
      seen out;
      out.what = i.what, out.conn = i.conn, out.table = i.table, out.event = i.event, out.zxid = i.zxid;
      switch (i.what) {
        case stream_item::kind::reply:
        case stream_item::kind::last_reply:
        case stream_item::kind::subscribe:
        case stream_item::kind::unsubscribe: {
          REQUIRE(i.at + i.size <= s.bytes.size());
          jute::reader r(std::string_view(s.bytes).substr(i.at, i.size));
          REQUIRE(r.i32() == static_cast<std::int32_t>(i.size) - 4);
          out.frame = r.rest();
          jute::reader head(out.frame);
          head.i32(), out.zxid = head.i64();
          if (i.what == stream_item::kind::subscribe) out.about = s.subscriptions.at(i.index);
          break;
        }
        case stream_item::kind::identity:
          out.creds = *s.creds.at(i.index);
          break;
        case stream_item::kind::change:
          out.acl = s.acls.at(i.index), out.parent_acl = s.acls.at(i.index + 1);
          [[fallthrough]];
        case stream_item::kind::watch:
        case stream_item::kind::event:
          out.path = s.path(i);
          break;
        case stream_item::kind::state:
          out.about = s.subscriptions.at(i.index);
          break;
        case stream_item::kind::transaction:
          out.transaction = s.transactions.at(i.index);
          break;
        default:
          break;
      }
      streams[n].push_back(std::move(out));
    }
    for (auto& c : fx.sessions) sessions[n].push_back(c);
    if (on_stream) on_stream(n, std::move(s));
    s = {};
  }

  std::uint32_t counter_ = 0;
  std::deque<outcome> in_flight_;
  node_id slow_ = 0;
  log_records missed_;
};

/// A client's connection to one node.
class client {
 public:
  client(ensemble& e, node_id node = ensemble::leader, conn_id bits = 0)
      : e_(e), node_(node), conn_(e.next_conn++ | bits) {
    e_.item(node_, request_batch::kind::opened, conn_, "127.0.0.1");
  }

  conn_id conn() const { return conn_; }
  session_id session = 0;
  std::int32_t timeout_ms = 0;

  void frame(std::string_view bytes) { e_.item(node_, request_batch::kind::frame, conn_, bytes); }
  void lost() { e_.item(node_, request_batch::kind::closed, conn_, ""); }
  void ask_session(std::int32_t timeout = 10000, session_id s = 0, std::string_view password = std::string(16, '\0'),
                   zxid_t seen_zxid = 0) {
    frame(body().i32(0).i64(seen_zxid).i32(timeout).i64(s).str(password).flag(false));
  }
  void ask_again(session_id s, std::int32_t timeout = 10000) {
    auto p = session::password_of(s);
    ask_session(timeout, s, {p.data(), p.size()});
  }
  /// Reads the ConnectResponse. False: refused.
  bool take_session() {
    auto r = take();
    REQUIRE(r.has_value());
    jute::reader in(r->frame);
    in.i32();
    timeout_ms = in.i32(), session = in.i64();
    auto password = in.buffer();
    CHECK((session == 0 || session::password_fits(session, password)));
    in.boolean();
    CHECK(in.done());
    return session != 0;
  }
  client& connect() {
    ask_session(), e_.commit();
    REQUIRE(take_session());
    return *this;
  }

  /// Sends a request; its xid.
  std::int32_t send(op o, std::string_view rest = "", std::int32_t xid = 0) {
    if (!xid) xid = next_xid_++;
    body b;
    frame(b.i32(xid).i32(static_cast<int>(o)).raw(rest));
    return xid;
  }
  /// Sends a request, commits everything, and returns its reply, which must be the next one.
  seen call(op o, std::string_view rest = "") {
    auto xid = send(o, rest);
    e_.commit();
    auto r = take();
    REQUIRE(r.has_value());
    REQUIRE(r->xid() == xid);
    return *r;
  }
  /// The next reply of this connection that the test has not seen.
  std::optional<seen> take() {
    auto& s = e_.streams[node_];
    for (; at_ < s.size(); ++at_) {
      auto& i = s[at_];
      if (i.conn == conn_ && (i.what == seen::kind::reply || i.what == seen::kind::last_reply ||
                              i.what == seen::kind::subscribe || i.what == seen::kind::unsubscribe))
        return s[at_++];
    }
    return {};
  }
  /// The stream has ended this connection.
  bool ended() const {
    for (auto& i : e_.streams[node_])
      if (i.conn == conn_ && (i.what == seen::kind::close || i.what == seen::kind::last_reply)) return true;
    return false;
  }
  /// Everything about this connection, and the changes, from position `from` of the stream on.
  std::vector<seen> stream(std::size_t from = 0) const {
    std::vector<seen> out;
    auto& s = e_.streams[node_];
    for (auto i = from; i < s.size(); ++i)
      if (s[i].conn == conn_ || s[i].what == seen::kind::change) out.push_back(s[i]);
    return out;
  }
  std::size_t mark() const { return e_.streams[node_].size(); }

 private:
  ensemble& e_;
  node_id node_;
  conn_id conn_;
  std::int32_t next_xid_ = 1;
  std::size_t at_ = 0;
};

}  // namespace troupe::test
