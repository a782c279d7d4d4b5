/// What actor clients ask beside ZooKeeper's own requests: Call of every shipped type, Subscribe, Unsubscribe, Ask, and
/// calls by a create on the reserved path; through the commit processor (a small tree, all shipped types, small limits)
/// and the notifier. The node leads alone; what it proposes is committed at once, or when the input says so.
///
/// The input: one byte of modes, then steps (enum step below). Bodies are a request's struct filled from packed fields,
/// one place of it changed or not; JSON text; or the input's own bytes. What must hold: no exception; every frame of a
/// connection gets exactly one reply unless the connection is closed; replies of calls are what their type says, errors
/// are code and a text of bounded length; notifications can be read, and their zxids never go back; a second tree that
/// applies the transactions alone is the same as the node's.

#include <capnp/message.h>
#include <capnp/serialize.h>

#include <deque>
#include <map>
#include <set>

#include "cluster/commit/commit_processor.hpp"
#include "cluster/extension/form.hpp"
#include "cluster/extension/types/shipped.hpp"
#include "cluster/watch/watch_notifier.hpp"
#include "schema/client.capnp.h"
#include "schema/flat_message.hpp"
#include "schema/request_types.capnp.h"
#include "tests/fuzz/tables.hpp"
#include "tests/fuzz/without_stacks.hpp"

namespace {

using namespace troupe;

constexpr std::int64_t boot_ms = 1'700'000'000'000;
constexpr std::size_t slots = 3, max_error_text = 1'100;
constexpr extension::limits small{1'000, 2'000, 20, 200, 50};
constexpr const char* types[] = {"troupe.counter",          "troupe.lock", "troupe.queue-take", "troupe.bulk-update",
                                 "troupe.delete-recursive", "troupe.list", "troupe.unheard-of", ""};
constexpr const char* paths[] = {"/a", "/a/b", "/a/b/c", "/q", "/", "/none/x", "", "/a//b"};

/// They have no state: all inputs share them.
std::shared_ptr<const extension::request_types> shipped() {
  static const auto all = [] {
    auto out = extension::shipped_types();
    for (auto* name : types) out->known.adjust(name, 0, [](extension::limits& l) { l = small; });
    return out;
  }();
  return all;
}

/// A path, short text or data as the input has it.
std::string word(fuzz::input& in) {
  auto n = in.u8();
  return n < 128 ? std::string(paths[n % std::size(paths)]) : std::string(in.string());
}
capnp::Data::Reader data_of(const std::string& s) { return wire::as_data(s); }

void fill(wire::CounterRequest::Builder r, fuzz::input& in) {
  auto flags = in.u8();
  r.setPath(word(in)), r.setCreate(flags & 1), r.setInitial(static_cast<std::int8_t>(in.u8()));
  r.setForm(static_cast<wire::CounterRequest::Form>(flags >> 2 & 3));
  if (flags & 2) {
    r.getCompareAndSet().setExpected(static_cast<std::int8_t>(in.u8()));
    r.getCompareAndSet().setValue(in.i64());
  } else {
    r.setAdd(flags & 0x80 ? in.i64() : static_cast<std::int8_t>(in.u8()));
  }
}
void fill(wire::LockRequest::Builder r, fuzz::input& in) {
  auto flags = in.u8();
  r.setPath(word(in)), r.setOnlyIfFree(flags & 1);
  if (flags & 2) r.setName(std::string(in.string()));
  if (flags & 4) r.setData(data_of(word(in)));
}
void fill(wire::QueueTakeRequest::Builder r, fuzz::input& in) {
  auto flags = in.u8();
  r.setPath(word(in)), r.setAsText(flags & 1);
  if (flags & 2) r.setMax(in.u32());
  if (flags & 4) r.setPrefix(std::string(in.string()));
}
void fill(wire::BulkUpdateRequest::Builder r, fuzz::input& in) {
  for (auto i : r.initItems(in.u8() % 6)) {
    auto flags = in.u8();
    i.setPath(word(in)), i.setAction(static_cast<wire::BulkUpdateRequest::Action>(flags & 7));
    i.setAbsent(flags & 8);
    if (flags & 16) i.setVersion(static_cast<std::int8_t>(in.u8()));
    if (flags & 32) i.setData(data_of(word(in)));
    if (flags & 64) i.setText(word(in));
  }
}
void fill(wire::DeleteRecursiveRequest::Builder r, fuzz::input& in) {
  auto flags = in.u8();
  r.setPath(word(in)), r.setKeepTop(flags & 1), r.setPartial(flags & 2);
  if (flags & 4) r.setMax(in.u8());
}
void fill(wire::ListRequest::Builder r, fuzz::input& in) {
  auto flags = in.u8();
  r.setPath(word(in)), r.setWithData(flags & 1), r.setWithStat(flags & 2), r.setAsText(flags & 4);
  if (flags & 8) r.setPrefix(std::string(in.string()));
  if (flags & 16) r.setAfter(std::string(in.string()));
  if (flags & 32) r.setLimit(in.u32());
}

template <class F>
std::string flat(F&& write) {
  capnp::MallocMessageBuilder m(64);  // words; the default is 8 KB, to be cleared each time
  write(m);
  return std::string(wire::flatten(m).view());
}
template <class T>
std::string filled(fuzz::input& in) {
  return flat([&](auto& m) { fill(m.template initRoot<T>(), in); });
}

/// One byte of it is another one, if the input says so.
void change(std::string& s, fuzz::input& in) {
  std::size_t at = in.u16();
  if (auto by = in.u8(); by && !s.empty()) s[at % s.size()] = static_cast<char>(s[at % s.size()] ^ by);
}

std::string request_of(std::size_t type, std::uint8_t form, fuzz::input& in) {
  std::string out;
  switch (form % 4) {
    case 0:
      return std::string(in.string());
    case 1:
      return "{" + std::string(in.string());
    default:
      switch (type % 6) {
        case 0:
          out = filled<wire::CounterRequest>(in);
          break;
        case 1:
          out = filled<wire::LockRequest>(in);
          break;
        case 2:
          out = filled<wire::QueueTakeRequest>(in);
          break;
        case 3:
          out = filled<wire::BulkUpdateRequest>(in);
          break;
        case 4:
          out = filled<wire::DeleteRecursiveRequest>(in);
          break;
        default:
          out = filled<wire::ListRequest>(in);
          break;
      }
      if (form % 4 == 3) change(out, in);
      return out;
  }
}

template <class T>
void read_reply(std::string_view bytes) {
  FUZZ_CHECK(bytes.size() <= small.reply_bytes);
  wire::flat_message m(shared_bytes::copy_of(bytes));
  m.get<T>().totalSize();
}
void check_reply(std::size_t type, std::string_view bytes) {
  switch (type) {
    case 0:
      return read_reply<wire::CounterReply>(bytes);
    case 1:
      return read_reply<wire::LockReply>(bytes);
    case 2:
      return read_reply<wire::QueueTakeReply>(bytes);
    case 3:
      return read_reply<wire::BulkUpdateReply>(bytes);
    case 4:
      return read_reply<wire::DeleteRecursiveReply>(bytes);
    case 5:
      return read_reply<wire::ListReply>(bytes);
    default:
      FUZZ_CHECK(false, "a type that is not there has answered");
  }
}

class machine {
 public:
  explicit machine(std::uint8_t modes)
      : commit_at_once_(!(modes & 1)),
        log_reaches_back_(!(modes & 2)),
        node_({.self = 1}, std::make_unique<tree::database>(), boot_ms, shipped()),
        replica_({.self = 2}, std::make_unique<tree::database>(), boot_ms) {
    commit::effects fx, none;
    replica_.on_role(commit::role::following, none);
    node_.on_role(commit::role::leading, fx);
    take(fx);
  }

  void step(fuzz::input& in) {
    enum step : std::uint8_t { call, call_again, by_create, own, subscribe, unsubscribe, plain, other };
    const auto control = in.u8();
    const auto slot = (control & 3u) % slots;
    now_ms_ += control >> 6;
    switch (control >> 2 & 7u) {
      case call:
      case call_again: {
        auto what = in.u8();
        auto type = what & 7u;
        auto request = request_of(type, what >> 3, in);
        auto text = extension::is_text(request);
        auto body = flat([&](auto& m) {
          auto c = m.template initRoot<wire::Call>();
          c.setType(types[type]), c.setVersion(what >> 6 & 1), c.setRequest(data_of(request));
        });
        auto changed = what & 0x80;
        if (changed) change(body, in);
        ask(slot, zk::op::call, body, changed ? asked::anything : text ? asked::text : asked::binary, type);
        break;
      }
      case by_create: {
        auto what = in.u8();
        std::string body;
        jute::writer w(body);
        w.ustring("/zookeeper/call/" + (what & 0x80 ? std::string(in.string()) : types[what & 7]));
        w.buffer(request_of(what & 7u, what >> 3, in));
        zk::write(w, zk::acl_list{{zk::perm::all, {"world", "anyone"}}}), w.i32(0);
        ask(slot, zk::op::create, body, asked::anything, 0);
        break;
      }
      case own:  // the bytes are the body's own
        ask(slot, static_cast<zk::op>(1'000 + in.u8() % 5), std::string(in.string()), asked::anything, 0);
        break;
      case subscribe: {
        auto what = in.u8();
        auto body = flat([&](auto& m) {
          auto s = m.template initRoot<wire::Subscribe>();
          s.setSubscription(what & 3), s.setPath(word(in)), s.setScope(static_cast<wire::Scope>(what >> 2 & 3));
          s.setSince(what & 16 ? make_zxid(1, in.u8()) : what & 32 ? 0 : -1), s.setWithData(what & 64);
        });
        if (what & 128) change(body, in);
        ask(slot, zk::op::subscribe, body, asked::anything, 0);
        break;
      }
      case unsubscribe: {
        auto number = in.u8();
        ask(slot, zk::op::unsubscribe,
            flat([&](auto& m) { m.template initRoot<wire::Unsubscribe>().setSubscription(number & 3); }),
            asked::anything, 0);
        break;
      }
      case plain:  // other requests between, with credentials and ACLs
      {
        auto op = static_cast<zk::op>(in.u8() % 16);
        if (op == zk::op::ping) op = zk::op::exists;  // the translator lets none through: clients have keepAlive
        ask(slot, op, std::string(in.string()), asked::anything, 0);
      } break;
      case other:
        step_other(in, slot);
        break;
    }
    if (commit_at_once_) settle(SIZE_MAX);
  }

  void end() {
    do settle(SIZE_MAX);
    while (catch_up());
    FUZZ_CHECK(node_.outstanding() == 0, std::to_string(node_.outstanding()));
    for (auto& [id, c] : open_) FUZZ_CHECK(c.due.empty(), std::to_string(c.due.size()) + " frames have no reply");
    fuzz::check_same(replica_.database(), node_.database());
    fuzz::check_tree(node_.database());
    fuzz::check_tree(replica_.database());
  }

 private:
  struct asked {
    enum form : std::uint8_t { anything, binary, text, hello };
    form what;
    std::size_t type;
    std::int32_t xid;
  };
  struct connection {
    std::deque<asked> due;
    std::map<std::int64_t, zxid_t> told;
    std::int32_t xid = 0;
  };
  struct outcome {
    log_record record;  ///< zxid 0: none
    commit::reply_only reply;
  };

  void step_other(fuzz::input& in, std::size_t slot) {
    auto what = in.u8();
    commit::effects fx;
    switch (what & 3) {
      case 0:
        settle(what >> 2);
        break;
      case 1:
        catch_up();
        break;
      case 2:
        if (conns_[slot]) lose(slot);
        break;
      case 3:
        if (!sessions_.empty()) node_.on_expired({sessions_[(what >> 2) % sessions_.size()]}, now_ms_, fx);
        take(fx);
        break;
    }
  }

  void ask(std::size_t slot, zk::op op, const std::string& body, asked::form form, std::size_t type) {
    if (!conns_[slot]) {
      conns_[slot] = actor_port_bit | ++last_conn_;
      open_[conns_[slot]].due.push_back({asked::hello, 0, 0});
      put(request_batch::kind::opened, conns_[slot], "10.0.0.1");
      std::string hello;
      jute::writer w(hello);
      w.i32(0), w.i64(0), w.i32(10'000), w.i64(0), w.buffer(std::string(16, '\0'));
      put(request_batch::kind::frame, conns_[slot], hello);
    }
    auto& c = open_[conns_[slot]];
    c.due.push_back({form, type, ++c.xid});
    std::string frame;
    jute::writer w(frame);
    w.i32(c.xid), w.i32(static_cast<std::int32_t>(op)), w.out().append(body);
    put(request_batch::kind::frame, conns_[slot], frame);
    submit();
  }

  void lose(std::size_t slot) {
    open_.erase(conns_[slot]);
    put(request_batch::kind::closed, conns_[slot], "");
    submit();
    conns_[slot] = 0;
  }

  void put(request_batch::kind what, conn_id conn, std::string_view bytes) {
    requests_.items.push_back(
        {conn, what, static_cast<std::uint32_t>(requests_.bytes.size()), static_cast<std::uint32_t>(bytes.size())});
    requests_.bytes += bytes;
  }

  void submit() {
    request_batch exact = requests_;  // no room behind its last byte, so that the sanitizer sees who reads there
    requests_.items.clear(), requests_.bytes.clear();
    commit::effects fx;
    node_.on_requests(exact, now_ms_, fx);
    take(fx);
  }

  void settle(std::size_t n) {
    for (; n && !in_flight_.empty(); --n) {
      auto o = std::move(in_flight_.front());
      in_flight_.pop_front();
      commit::effects fx, none;
      if (o.record.zxid) {
        log_.push_back(o.record);
        node_.on_committed({o.record}, fx);
        replica_.on_committed({o.record}, none);
      } else {
        node_.on_replies({std::move(o.reply)}, fx);
      }
      take(fx);
    }
  }

  void take(commit::effects& fx) {
    for (auto& p : fx.proposals) {
      outcome o{{}, p.reply};
      if (p.txn.empty())
        o.reply.after = counter_ ? make_zxid(1, counter_) : 0;
      else
        o.record = {make_zxid(1, ++counter_), p.txn};
      in_flight_.push_back(std::move(o));
    }
    for (auto& s : fx.sessions)
      if (s.open && sessions_.size() < 64) sessions_.push_back(s.session);
    for (auto& q : fx.questions) questions_.push_back(std::move(q));
    if (fx.stream.items.empty()) return;
    delivery_batch out;
    notifier_.step(std::move(fx.stream), out);
    deliver(out);
  }

  /// One of the things that subscriptions and questions wait for. False: none does.
  bool catch_up() {
    delivery_batch out;
    if (!questions_.empty()) {
      auto q = std::move(questions_.front());
      questions_.pop_front();
      auto known = q.actor.size() < 4;
      commit::effects fx;
      node_.on_outcome(q.id, known ? zk::err::ok : zk::err::unimplemented, known ? q.message : "no such actor", fx);
      take(fx);
      return true;
    }
    if (!reads_.empty()) {
      watch::history h{reads_.front(), {}, false, 0};
      reads_.pop_front();
      if (log_reaches_back_) {
        for (auto& r : log_)
          if (r.zxid > h.what.after && r.zxid <= h.what.upto && h.records.size() < 3) h.records.push_back(r);
      } else {
        h.too_old = true, h.base = node_.database().zxid();
      }
      notifier_.on_history(std::move(h), out);
    } else if (!states_.empty()) {
      auto s = states_.front();
      states_.pop_front();
      commit::effects fx;
      node_.on_state_wanted(s.conn, s.number, s.serial, fx);
      take(fx);
      return true;
    } else if (!drained_.empty()) {
      auto conn = drained_.front();
      drained_.pop_front();
      notifier_.on_drained(conn, out);
    } else if (std::exchange(turn_, false)) {
      notifier_.take_turns(out);
    } else {
      return false;
    }
    deliver(out);
    return true;
  }

  void deliver(const delivery_batch& out) {
    std::set<conn_id> closed;
    for (auto& i : out.items) {
      FUZZ_CHECK(std::size_t{i.at} + i.size <= out.bytes.size());
      auto at = open_.find(i.conn);
      FUZZ_CHECK(at != open_.end(), "connection " + std::to_string(i.conn));
      if (i.size) check_piece(at->second, std::string_view(out.bytes).substr(i.at, i.size), i.is_reply);
      if (i.paced) drained_.push_back(i.conn);
      if (i.close) closed.insert(i.conn), open_.erase(at);
    }
    auto wants = notifier_.take_wants();
    for (auto& r : wants.reads) reads_.push_back(r);
    for (auto& s : wants.states) states_.push_back(s);
    turn_ |= wants.turn;
    for (auto id : closed) {
      for (auto& c : conns_)
        if (c == id) c = 0;
      put(request_batch::kind::closed, id, "");
    }
    if (!closed.empty()) submit();
  }

  void check_piece(connection& c, std::string_view piece, bool is_reply) {
    jute::reader r(piece);
    FUZZ_CHECK(r.i32() == static_cast<std::int32_t>(piece.size()) - 4);
    constexpr std::size_t header = 4 + 16;
    if (!is_reply) {
      auto xid = r.i32();
      FUZZ_CHECK(piece.size() >= header && (xid == -1 || xid == zk::xid_notification), std::to_string(xid));
      if (xid == zk::xid_notification) check_notification(c, piece.substr(header));
      return;
    }
    FUZZ_CHECK(!c.due.empty());
    auto a = c.due.front();
    c.due.pop_front();
    if (a.what != asked::hello) FUZZ_CHECK(r.i32() == a.xid, std::to_string(a.xid));
    if (a.what == asked::anything) c.told.clear();  // a number may be used again, for what came earlier
    if (a.what != asked::binary && a.what != asked::text) return;
    r.i64();
    auto error = r.i32();
    auto body = piece.substr(header);
    FUZZ_CHECK(error <= 0, std::to_string(error));
    if (error == static_cast<std::int32_t>(zk::err::session_expired)) return;
    if (error) {
      FUZZ_CHECK(!body.empty() && body.size() <= max_error_text, std::to_string(error));
    } else if (a.what == asked::text) {
      FUZZ_CHECK(body.size() >= 2 && body.front() == '{' && body.back() == '}');
    } else {
      check_reply(a.type, body);
    }
  }

  void check_notification(connection& c, std::string_view bytes) {
    wire::flat_message m(shared_bytes::copy_of(bytes));
    auto n = m.get<wire::Notification>();
    FUZZ_CHECK(n.getSubscription() > 0);
    n.totalSize();
    if (n.isChanges()) {
      FUZZ_CHECK(n.getChanges().size() > 0);
      for (auto change : n.getChanges()) FUZZ_CHECK(change.getType() >= 1 && change.getType() <= 3);
    }
    auto& told = c.told[n.getSubscription()];
    FUZZ_CHECK(n.getZxid() >= told, std::to_string(told));
    told = n.getZxid();
  }

  bool commit_at_once_, log_reaches_back_;
  commit::commit_processor node_, replica_;
  watch::watch_notifier notifier_;
  std::int64_t now_ms_ = boot_ms;
  std::uint32_t counter_ = 0;
  conn_id last_conn_ = 0;
  conn_id conns_[slots] = {};
  std::map<conn_id, connection> open_;
  std::vector<session_id> sessions_;
  request_batch requests_;
  std::deque<outcome> in_flight_;
  std::vector<log_record> log_;
  std::deque<watch::history_wanted> reads_;
  std::deque<watch::state_wanted> states_;
  std::deque<conn_id> drained_;
  std::deque<commit::question> questions_;
  bool turn_ = false;
};

void fuzz_one(std::string_view bytes) {
  fuzz::without_stacks quiet;
  fuzz::input in(bytes);
  machine m(in.u8());
  while (!in.empty()) m.step(in);
  m.end();
}

}  // namespace

TROUPE_FUZZER(actor_requests);
