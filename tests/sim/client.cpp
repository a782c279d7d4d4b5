#include "tests/sim/client.hpp"

#include <algorithm>

#include "schema/jute.hpp"
#include "tests/sim/codec.hpp"

namespace troupe::sim {

namespace {
// Readers go on asking while nobody answers: a sync that is answered late must not show what was true before it.
constexpr int reader_depth = 60;
constexpr std::int64_t reader_think_us = 50'000;

history::call_id next_call(history::history& h) { return static_cast<history::call_id>(h.entries.size()) + 1; }
}  // namespace

client::client(world& w, ports& p, history::history& h, history::client_id id, std::vector<node_id> nodes)
    : world_(w),
      ports_(p),
      history_(h),
      id_(id),
      nodes_(std::move(nodes)),
      reader_(id_ <= static_cast<unsigned>(w.set.readers)) {
  hooks_.connected = [this](conn_id c) { on_connected(c); };
  hooks_.frame = [this](conn_id c, std::string_view f) { on_frame(c, f); };
  hooks_.ended = [this](conn_id c) { on_ended(c); };
  wanted_timeout_ms_ = static_cast<std::int32_t>(world_.between(200, reader_ ? 4000 : 2500));
}

void client::start() {
  connect();
  work();
}

history::entry& client::record(history::entry::kind what) {
  history::entry e;
  e.what = what, e.at_us = world_.now_us(), e.client = id_, e.session = session_, e.node = node_;
  world_.note(0x300 + static_cast<std::uint64_t>(what), id_, static_cast<std::uint64_t>(session_));
  history_.entries.push_back(std::move(e));
  return history_.entries.back();
}

void client::connect() {
  if (state_ != state::offline || vanished_) return;
  state_ = state::connecting;
  if (wanted_) {
    node_ = wanted_;
  } else {
    do node_ = nodes_[world_.draw(nodes_.size())];
    while (node_ == avoided_ && nodes_.size() > 1);
  }
  avoided_ = wanted_ = 0;
  ++connections_;
  heard_us_ = world_.now_us();
  conn_ = ports_.connect(node_, &hooks_);
  keep_alive(connections_);
}

void client::on_connected(conn_id c) {
  if (c != conn_ || state_ != state::connecting) return;
  state_ = state::handshake;
  heard_us_ = world_.now_us();
  handshake_call_ = next_call(history_);
  auto& e = record(history::entry::kind::call);
  e.call = handshake_call_;
  e.asked.op = zk::op::create_session, e.asked.session = session_, e.asked.timeout_ms = wanted_timeout_ms_;
  e.asked.zxid = last_zxid_;
  std::string frame;
  jute::writer w(frame);
  w.i32(0), w.i64(last_zxid_), w.i32(wanted_timeout_ms_), w.i64(session_), w.buffer(password_), w.boolean(false);
  ports_.send(conn_, std::move(frame));
}

void client::on_ended(conn_id c) {
  if (c != conn_) return;
  if (state_ == state::online) disturbed("ends its connection");
  connection_over();
}

void client::connection_over() {
  if (state_ == state::offline) return;
  world_.trace([&] { return "client " + std::to_string(id_) + " lost its connection to " + std::to_string(node_); });
  if (state_ == state::handshake) record(history::entry::kind::lost).call = handshake_call_;
  for (auto* list : {&calls_, &pings_}) {
    for (auto& call : *list) record(history::entry::kind::lost).call = call.id;
    list->clear();
  }
  if (state_ == state::handshake || state_ == state::online) record(history::entry::kind::disconnected);
  state_ = state::offline;
  conn_ = 0, node_ = 0;
  read_back_sent_ = false;
  if (std::exchange(closing_, false)) {  // asked for: whether it took effect is unknown, the next one is new
    session_ = 0, password_.assign(16, '\0'), last_zxid_ = 0;
    data_watches_.clear(), exist_watches_.clear(), child_watches_.clear();
  }
  world_.after(world_.between(1000, 60000), [this] { connect(); });
}

void client::expect_calm() {
  calm_ = calm::moving;
  read_back_sent_ = finished_ = false;
  vanish(world_.between(1000, 50000));
}

/// Short sessions may end under slow links.
void client::disturbed(const char* by) {
  if (calm_ != calm::settled || timeout_ms_ < 1000 || world_.times("role changed") != calm_roles_) return;
  world_.breach("calm", "client " + std::to_string(id_) + ", session " + std::to_string(session_) + ": node " +
                            std::to_string(node_) + " " + by);
}

void client::leave() {
  vanished_ = true;
  if (conn_) ports_.close(conn_);
  connection_over();
}

void client::vanish(std::int64_t us) {
  if (vanished_) return;
  vanished_ = true;
  if (conn_) ports_.close(conn_);
  connection_over();
  world_.after(us, [this] {
    vanished_ = false;
    connect();
  });
}

void client::move() {
  avoided_ = node_;
  vanish(world_.between(100, 2000));
}

void client::visit(node_id node) {
  if (connected_to() == node) return;
  wanted_ = node;
  vanish(world_.between(100, 2000));
}

void client::keep_alive(std::uint64_t connection_count) {
  if (connection_count != connections_ || state_ == state::offline) return;
  auto timeout_us = std::int64_t{1000} * (session_ ? timeout_ms_ : wanted_timeout_ms_);
  if (world_.now_us() - heard_us_ > timeout_us * 2 / 3) {
    world_.trace([&] { return "client " + std::to_string(id_) + " gives up " + std::to_string(node_); });
    ports_.close(conn_);
    return connection_over();
  }
  if (state_ == state::online && pings_.empty() && world_.now_us() - sent_us_ > timeout_us / 3)
    send(history::request{}, zk::xid_ping);
  world_.after(timeout_us / 10, [this, connection_count] { keep_alive(connection_count); });
}

void client::send(history::request r, std::int32_t xid) {
  call c{next_call(history_), xid, std::move(r)};
  auto& e = record(history::entry::kind::call);
  e.call = c.id, e.asked = c.asked;
  world_.note(0x310, static_cast<std::uint64_t>(c.asked.op), static_cast<std::uint64_t>(xid));
  std::string frame;
  jute::writer w(frame);
  w.i32(xid), w.i32(static_cast<std::int32_t>(op_on_the_wire(c.asked.op)));
  frame += encode(c.asked);
  ports_.send(conn_, std::move(frame));
  sent_us_ = world_.now_us();
  if (c.asked.op == zk::op::close_session) closing_ = true;
  (xid == zk::xid_ping ? pings_ : calls_).push_back(std::move(c));
}

void client::on_frame(conn_id c, std::string_view frame) {
  if (c != conn_) return;
  heard_us_ = world_.now_us();
  if (state_ == state::handshake) return on_connect_response(frame);
  if (state_ == state::online) on_reply(frame);
}

void client::on_connect_response(std::string_view frame) {
  jute::reader r(frame);
  r.i32();
  auto timeout = r.i32();
  auto session = r.i64();
  auto password = r.buffer();
  if (!r.ok()) world_.breach("protocol", "a ConnectResponse is malformed");
  if (session == 0 || timeout <= 0) {
    record(history::entry::kind::expired).call = handshake_call_;
    disturbed("says that its session is over");
    world_.count("session expired");
    world_.trace([&] { return "client " + std::to_string(id_) + " is told that its session is over"; });
    session_ = 0, password_.assign(16, '\0'), last_zxid_ = 0;
    data_watches_.clear(), exist_watches_.clear(), child_watches_.clear(), versions_.clear();
    ports_.close(conn_);
    state_ = state::connecting;  // nothing is under way
    return connection_over();
  }
  bool again = session_ != 0;
  if (again && session != session_) world_.breach("protocol", "a re-attached session has another id");
  state_ = state::online;
  if (calm_ == calm::moving) calm_ = calm::settled, calm_roles_ = world_.times("role changed");
  session_ = session, timeout_ms_ = timeout, password_ = password;
  auto& e = record(history::entry::kind::connected);
  e.call = handshake_call_, e.timeout_ms = timeout, e.reattached = again;
  world_.count(again ? "session re-attached" : "session opened");
  if (again && (!data_watches_.empty() || !exist_watches_.empty() || !child_watches_.empty())) {
    history::request s;
    s.op = zk::op::set_watches, s.zxid = last_zxid_;
    s.data_watches.assign(data_watches_.begin(), data_watches_.end());
    s.exist_watches.assign(exist_watches_.begin(), exist_watches_.end());
    s.child_watches.assign(child_watches_.begin(), child_watches_.end());
    send(std::move(s), zk::xid_set_watches);
  }
}

void client::on_reply(std::string_view frame) {
  jute::reader r(frame);
  auto xid = r.i32();
  auto zxid = r.i64();
  auto error = static_cast<zk::err>(r.i32());
  if (!r.ok()) world_.breach("protocol", "a reply without a header");
  if (xid == zk::xid_watch_event) return on_event(r.rest(), zxid);
  auto& list = xid == zk::xid_ping ? pings_ : calls_;
  if (list.empty() || list.front().xid != xid)
    world_.breach("protocol",
                  "client " + std::to_string(id_) + " gets a reply to xid " + std::to_string(xid) +
                      (list.empty() ? " but waits for none" : " but waits for " + std::to_string(list.front().xid)));
  if (list.empty()) return;
  auto call = std::move(list.front());
  list.pop_front();
  history::result got;
  got.error = error;
  if (error == zk::err::ok && !decode(call.asked, r.rest(), got))
    world_.breach("protocol",
                  "the reply to operation " + std::to_string(static_cast<int>(call.asked.op)) + " is malformed");
  if (zxid > 0 && xid != zk::xid_ping) last_zxid_ = zxid;
  if (got.stat) versions_[got.path.empty() ? call.asked.path : got.path] = got.stat->version;
  if ((call.asked.flags & history::request::sequential) && error == zk::err::ok) made_.push_back(got.path);
  remember_watch(call, error);
  world_.count(error == zk::err::ok ? "reply" : "refusal");
  auto& e = record(history::entry::kind::reply);
  e.call = call.id, e.zxid = zxid, e.got = std::move(got);
  if (read_back_sent_ && calls_.empty()) finished_ = true;
}

void client::remember_watch(const call& c, zk::err error) {
  if (!c.asked.watch) return;
  bool ok = error == zk::err::ok;
  if (c.asked.op == zk::op::exists)
    (ok ? data_watches_ : exist_watches_).insert(c.asked.path);
  else if (ok)
    (c.asked.op == zk::op::get_data ? data_watches_ : child_watches_).insert(c.asked.path);
}

void client::on_event(std::string_view body, zxid_t zxid) {
  jute::reader r(body);
  auto type = static_cast<zk::event>(r.i32());
  r.i32();
  std::string path(r.ustring());
  if (!r.done()) world_.breach("protocol", "a watch event is malformed");
  auto& e = record(history::entry::kind::event);
  e.event = type, e.path = path, e.zxid = zxid;
  world_.count("watch event");
  if (type == zk::event::node_children_changed) {
    child_watches_.erase(path);
    return;
  }
  data_watches_.erase(path), exist_watches_.erase(path);
  if (type == zk::event::node_deleted) child_watches_.erase(path);
}

void client::work() {
  if (working_) {
    auto depth = static_cast<std::size_t>(reader_ ? reader_depth : world_.set.depth);
    if (state_ == state::online && !closing_ && calls_.size() < depth) send_next();
  } else if (finishing_ && state_ == state::online && calls_.empty() && !read_back_sent_) {
    read_back();
  }
  world_.after(world_.between(1, 2 * (reader_ ? reader_think_us : world_.set.think_us)), [this] { work(); });
}

void client::read_back() {
  read_back_sent_ = true;
  history::request r;
  r.op = zk::op::sync, r.path = "/";
  send(r, next_xid_++);
  r.op = zk::op::get_children2;
  send(r, next_xid_++);
  for (int i = 0; i < world_.set.keys; ++i) {
    r.path = "/k" + std::to_string(i);
    r.op = zk::op::get_data;
    send(r, next_xid_++);
    r.op = zk::op::get_children2;
    send(r, next_xid_++);
  }
}

std::string client::state_text() const {
  static const char* names[] = {"offline", "connecting", "in its handshake", "online"};
  return "client " + std::to_string(id_) + " is " + names[static_cast<int>(state_)] + " with node " +
         std::to_string(node_) + ", " + std::to_string(calls_.size()) + " calls wait";
}

}  // namespace troupe::sim
