#include "tests/history/index.hpp"

#include <algorithm>

namespace troupe::history {

namespace {

using kind = entry::kind;

constexpr std::uint32_t no_connection = static_cast<std::uint32_t>(-1);

struct client_state {
  std::uint32_t connection = no_connection;
  std::size_t answered = 0;  ///< how many calls of the connection have their outcome, from the first on
};

class builder {
 public:
  builder(const history& h, findings& f) : found_(f), out_{h, {}, {}, {}, {}, {}} {
    out_.calls.reserve(h.entries.size() / 2 + 1);
    out_.call_of.assign(h.entries.size(), 0);
    by_id_.reserve(h.entries.size() / 2 + 1);
  }

  index build() {
    for (std::size_t i = 0; i < out_.h.entries.size(); ++i) {
      auto& e = out_.h.entries[i];
      switch (e.what) {
        case kind::call:
          add_call(i, e);
          break;
        case kind::event:
          arrive(i, e, clients_[e.client]);
          break;
        case kind::disconnected:
          if (auto& c = clients_[e.client]; c.connection != no_connection) {
            out_.connections[c.connection].end = i;
            c = {};
          }
          break;
        default:
          end_call(i, e);
      }
    }
    for (std::uint32_t i = 0; i < out_.calls.size(); ++i) {
      auto& c = out_.calls[i];
      if (c.how == call::outcome::lost && c.writes()) out_.sessions[c.session].lost_writes.push_back(i);
    }
    return std::move(out_);
  }

 private:
  void bad(std::size_t i, const std::string& why) { found_.add("recording", why, {i}); }

  void add_call(std::size_t i, const entry& e) {
    auto number = static_cast<std::uint32_t>(out_.calls.size());
    if (e.call == 0 || !by_id_.emplace(e.call, number).second)
      return bad(i, "call number " + std::to_string(e.call) + " is zero or used twice");
    auto& c = out_.calls.emplace_back();
    out_.call_of[i] = number;
    c.at = i, c.asked = &e.asked, c.session = e.session, c.known = known_;
    if (e.asked.op == zk::op::create_session) {
      c.session = e.asked.session;
      out_.connects.push_back(number);
      return;
    }
    auto& client = clients_[e.client];
    if (client.connection == no_connection) return bad(i, "a call of a client that is not connected");
    auto& conn = out_.connections[client.connection];
    c.connection = client.connection, c.session = conn.session;
    c.ids = static_cast<std::uint32_t>(conn.ids.size());
    if (!c.overtakes()) conn.calls.push_back(number);
    if (e.asked.op == zk::op::auth && e.asked.path == "digest") conn.ids.push_back({e.asked.path, e.asked.data});
    auto& s = out_.sessions[c.session];
    c.place = static_cast<std::uint32_t>(s.calls.size());
    s.calls.push_back(number);
  }

  void arrive(std::size_t i, const entry& e, const client_state& client) {
    if (client.connection == no_connection) return bad(i, "something arrived at a client that is not connected");
    out_.connections[client.connection].arrivals.push_back(static_cast<std::uint32_t>(i));
    known_ = std::max(known_, e.zxid);
  }

  void end_call(std::size_t i, const entry& e) {
    auto it = by_id_.find(e.call);
    if (it == by_id_.end()) return bad(i, "an outcome of call " + std::to_string(e.call) + ", which was not made");
    auto number = it->second;
    auto& c = out_.calls[number];
    out_.call_of[i] = number;
    if (c.end != none) return bad(i, "a second outcome of call " + std::to_string(e.call));
    if (out_.h.entries[c.at].client != e.client) return bad(i, "an outcome at another client than the call");
    c.end = i;
    auto connects = c.asked->op == zk::op::create_session;
    if (e.what != kind::lost && connects == (e.what == kind::reply))
      return bad(i, "an outcome that does not fit its call");
    if (e.what == kind::connected) return connected(i, e, number);
    if (e.what == kind::expired) c.how = call::outcome::expired, c.session = e.session ? e.session : c.session;
    if (e.what == kind::reply) reply(i, e, number);
  }

  void connected(std::size_t i, const entry& e, std::uint32_t number) {
    auto& c = out_.calls[number];
    auto& client = clients_[e.client];
    if (client.connection != no_connection) bad(i, "a client connects that is connected");
    c.how = call::outcome::connected, c.session = e.session;
    client = {static_cast<std::uint32_t>(out_.connections.size()), 0};
    c.connection = client.connection;
    auto& conn = out_.connections.emplace_back();
    conn.client = e.client, conn.session = e.session, conn.begin = i, conn.asked_zxid = c.asked->zxid;
    out_.sessions[e.session].connections.push_back(client.connection);
  }

  void reply(std::size_t i, const entry& e, std::uint32_t number) {
    auto& c = out_.calls[number];
    c.how = call::outcome::replied, c.zxid = e.zxid, c.got = &e.got;
    auto& client = clients_[e.client];
    arrive(i, e, client);
    if (client.connection == no_connection) return;
    if (client.connection != c.connection) return bad(i, "a reply on another connection than the call");
    if (c.overtakes()) return;
    auto& conn = out_.connections[c.connection];
    if (client.answered < conn.calls.size() && conn.calls[client.answered] == number) {
      ++client.answered;
      return;
    }
    auto expected = client.answered < conn.calls.size() ? out_.calls[conn.calls[client.answered]].at : c.at;
    found_.add("fifo", "a reply came before that to an earlier call of its connection", {expected, c.at, i});
    auto at = std::find(conn.calls.begin(), conn.calls.end(), number);
    client.answered = std::max<std::size_t>(client.answered, static_cast<std::size_t>(at - conn.calls.begin()) + 1);
  }

  findings& found_;
  index out_;
  std::unordered_map<call_id, std::uint32_t> by_id_;
  std::unordered_map<client_id, client_state> clients_;
  zxid_t known_ = 0;
};

bool leaves_transaction(zk::op op) {
  switch (op) {
    case zk::op::create:
    case zk::op::create2:
    case zk::op::del:
    case zk::op::set_data:
    case zk::op::set_acl:
    case zk::op::multi:
    case zk::op::call:
    case zk::op::close_session:
      return true;
    default:
      return false;
  }
}

}  // namespace

bool call::writes() const { return leaves_transaction(asked->op); }

bool call::succeeded() const {
  if (!replied() || got->error != zk::err::ok) return false;
  return std::all_of(got->parts.begin(), got->parts.end(), [](auto& p) { return p.error == zk::err::ok; });
}

index make_index(const history& h, findings& f) { return builder(h, f).build(); }

}  // namespace troupe::history
