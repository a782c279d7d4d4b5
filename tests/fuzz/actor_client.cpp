/// What a node says to an actor client (actors/client): frames, and the client's machine behind them, with the decoders of
/// replies. Whatever comes, every request is answered at most once, and by the end exactly once; a write goes out once
/// at most, and is told `nothing was done` only if it did not; a subscription is told transactions in ascending order, and
/// nothing once it has ended; and after a broken connection it goes on from where it or a response has told it to, so that
/// nothing is left out. What is told is in proportion to what came.
///
/// The input: one byte of modes, then the stream of a node to a client that has asked everything; or steps, of the
/// client's side (questions, time, lost connections) and of the node's, whose messages may have one byte changed.

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "actors/client/codec.hpp"
#include "actors/client/machine.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/without_stacks.hpp"

namespace {

using namespace troupe;
using client::kind;
using client::ticket;
using client::word_buffer;

constexpr std::size_t frame_limit = 4096;  // small, so that it is met

capnp::Data::Reader data_of(std::string_view s) { return {reinterpret_cast<const kj::byte*>(s.data()), s.size()}; }
std::string text_of(capnp::Data::Reader d) { return {reinterpret_cast<const char*>(d.begin()), d.size()}; }
word_buffer words_of(std::string_view s) {
  word_buffer out((s.size() + 7) / 8);
  if (!s.empty()) std::memcpy(out.data(), s.data(), s.size());
  return out;
}
word_buffer flat(capnp::MessageBuilder& m) {
  auto words = capnp::messageToFlatArray(m);
  return words_of({words.asChars().begin(), words.asChars().size()});
}
capnp::FlatArrayMessageReader reader_of(std::span<const std::uint64_t> m) {
  return capnp::FlatArrayMessageReader(kj::arrayPtr(reinterpret_cast<const capnp::word*>(m.data()), m.size()));
}

// ---- every kind of request, and what a node answers to it

struct request_type {
  kind what;
  zk::op op;
  bool (*decodes)(const client::outcome&);
};
/// No reply has more in it than came.
std::size_t parts(const client::children& c) { return c.names.size() * 4; }
std::size_t parts(const client::multi_result& m) { return m.results.size() * 9; }
std::size_t parts(const client::acl_of& a) { return a.acl.size() * 12; }
std::size_t parts(const client::reply& r) { return r.bytes.size(); }
std::size_t parts(const client::data& d) { return d.bytes.size(); }
template <class T>
std::size_t parts(const T&) {
  return 0;
}
template <class R>
request_type type_of() {
  return {client::traits<R>::what, client::traits<R>::op, [](const client::outcome& o) {
            typename client::traits<R>::reply r;
            auto good = client::decode(o, r);
            FUZZ_CHECK(parts(r) <= o.body.size());
            return good;
          }};
}
const request_type types[] = {type_of<client::create>(), type_of<client::set_data>(),     type_of<client::set_acl>(),
                              type_of<client::remove>(), type_of<client::multi>(),        type_of<client::get_data>(),
                              type_of<client::exists>(), type_of<client::get_children>(), type_of<client::get_acl>(),
                              type_of<client::sync>(),   type_of<client::call>(),         type_of<client::ask>()};

void write_stat(jute::writer& w) { zk::write(w, zk::stat{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}); }
std::string reply_to(zk::op op, std::string_view text) {
  std::string out;
  jute::writer w(out);
  auto head = [&](zk::op o, bool last = false) { w.i32(static_cast<std::int32_t>(o)), w.boolean(last), w.i32(0); };
  switch (op) {
    case zk::op::create2:
      w.ustring(text), write_stat(w);
      break;
    case zk::op::multi:
      head(zk::op::create), w.ustring(text), head(zk::op::create2), w.ustring(text), write_stat(w);
      head(zk::op::set_data), write_stat(w), head(zk::op::del), head(zk::op::check);
      if (text.size() % 2) head(zk::op::error), w.i32(-103);
      head(zk::op::error, true);
      break;
    case zk::op::get_data:
      w.buffer(text), write_stat(w);
      break;
    case zk::op::get_children2:
      w.i32(2), w.ustring(text), w.ustring("b"), write_stat(w);
      break;
    case zk::op::get_acl:
      zk::write(w, {{31, {"world", "anyone"}}, {1, {"digest", std::string(text)}}}), write_stat(w);
      break;
    default:
      write_stat(w);
  }
  return out;
}

// ---- the client's side

class world final : client::outside {
 public:
  world(bool framed, std::size_t pieces) : framed_(framed), pieces_(pieces), m_(options(), *this) { m_.start(now_); }

  void ask(std::size_t type, std::int64_t deadline_ms, bool unwanted) {
    if (m_.refusal()) return;
    auto& t = types[type % std::size(types)];
    auto who = add({t.what, &t, 0, unwanted});
    // The ticket is the body, so that what goes out is known again.
    m_.ask(now_, who, t.what, t.op, deadline_ms,
           [&](jute::writer& w) { w.i32(static_cast<std::int32_t>(who)), w.i32(0); });
  }
  void subscribe(zxid_t since, std::int64_t deadline_ms) {
    if (m_.refusal()) return;
    auto who = add({kind::subscribe, nullptr, ++last_subscription_, false});
    subscriptions_[last_subscription_] = {since, {since < -1 ? -1 : since}};
    FUZZ_CHECK(m_.subscribe(now_, who, deadline_ms, "/s", client::scope::subtree, true, since) == last_subscription_);
  }
  void unsubscribe(std::int64_t id, std::int64_t deadline_ms) {
    if (m_.refusal()) return;
    subscriptions_.erase(id);
    m_.unsubscribe(now_, add({kind::unsubscribe, nullptr, 0, false}), deadline_ms, id);
  }
  void authenticate(std::int64_t deadline_ms) {
    if (m_.refusal()) return;
    m_.authenticate(now_, add({kind::auth, nullptr, 0, false}), deadline_ms, {"digest", "u:p"});
  }
  void close(std::int64_t deadline_ms) {
    if (m_.refusal()) return;
    m_.close(now_, add({kind::close, nullptr, 0, false}), deadline_ms);
  }
  void cancel(ticket which) {
    m_.cancel([&](ticket t) { return t == which; });
  }
  void pass(std::int64_t ms) {
    now_ += ms;
    m_.on_tick(now_);
  }
  void lose() { m_.on_lost(now_, "cut"); }
  void pick_up() {
    if (!dialled_) return;
    dialled_ = false, in_.clear();
    m_.on_dialled(now_);
    listen();
  }

  /// What the client says now.
  void listen() {
    word_buffer out;
    while (m_.fill(now_, out, frame_limit)) {
    }
    for (std::size_t at = 0; at < out.size();) {
      client::frame_header h;
      std::memcpy(&h, reinterpret_cast<const char*>(&out[at]), sizeof h);
      FUZZ_CHECK(h.kind == client::frame_kind && h.size % 8 == 0 && h.size / 8 < out.size() - at);
      hear({out.data() + at + 1, h.size / 8});
      at += 1 + h.size / 8;
    }
  }

  // ---- the node's side
  struct asked {
    std::int32_t call = 0;
    zk::op op{};
  };
  const std::vector<asked>& on_their_way() const { return on_their_way_; }
  void responded(std::int32_t call) {
    std::erase_if(on_their_way_, [&](auto& a) { return a.call == call; });
  }

  void say(word_buffer message) {
    if (!framed_) return hears({message.data(), message.size()});
    client::frame_header h{static_cast<std::uint32_t>(message.size() * 8), client::frame_kind, 0};
    std::string bytes(reinterpret_cast<const char*>(&h), sizeof h);
    if (!message.empty()) bytes.append(reinterpret_cast<const char*>(message.data()), h.size);
    receive(bytes);
  }
  /// As client_actor::receive. Ends with the connection.
  void receive(std::string_view bytes) {
    auto number = connections_;
    while (!bytes.empty()) {
      auto space = in_.prepare();
      FUZZ_CHECK(!space.empty() && space.size() <= (64 << 10) + 2 * frame_limit);
      auto n = std::min({space.size(), bytes.size(), pieces_ ? pieces_ : bytes.size()});
      std::memcpy(space.data(), bytes.data(), n);
      bytes.remove_prefix(n), in_.add(n);
      for (;;) {
        std::span<const std::uint64_t> message;
        auto r = in_.next(message);
        if (r == client::frame_buffer::result::incomplete) break;
        if (r == client::frame_buffer::result::malformed) return lose();
        FUZZ_CHECK(message.size_bytes() <= frame_limit);
        hears(message);
        if (number != connections_) return;
      }
    }
  }
  /// A response may hold what looks like one of the client's own codes: nothing is concluded of them any more.
  void any_code() { any_code_ = true; }

  void finish() {
    m_.abandon("the end");
    FUZZ_CHECK(m_.closed() && m_.outstanding() == 0 && m_.refusal() == client::code::closed);
    for (std::size_t t = 0; t < asked_.size(); ++t)
      FUZZ_CHECK(asked_[t].answered != asked_[t].freed, "request " + std::to_string(t));
  }

 private:
  struct question {
    kind what;
    const request_type* type;
    std::int64_t subscription;
    bool unwanted;
    bool answered = false, freed = false, went_out = false;
  };
  struct subscription {
    zxid_t last = 0;
    std::set<zxid_t> told;
  };

  static client::machine_options options() {
    client::machine_options o;
    o.nodes = 2, o.timeout_ms = 9'000, o.max_requests = 64, o.auth = {{"digest", "a:b"}};
    return o;
  }
  ticket add(question q) {
    asked_.push_back(q);
    return static_cast<ticket>(asked_.size() - 1);
  }

  void hears(std::span<const std::uint64_t> message) {
    note_zxids(message);
    told_bytes_ = 0;
    m_.on_message(now_, message);
    FUZZ_CHECK(told_bytes_ <= 100 * message.size_bytes() + (4 << 10), std::to_string(told_bytes_));
  }
  /// Up to where responses tell everything (client.capnp): what a subscription may go on from.
  void note_zxids(std::span<const std::uint64_t> message) {
    try {
      auto reader = reader_of(message);
      auto m = reader.getRoot<wire::ToClient>();
      if (!m.isItems()) return;
      for (auto i : m.getItems()) {
        if (i.isAlive()) said_.insert(i.getAlive());
        if (i.isResponse()) said_.insert(i.getResponse().getZxid());
      }
    } catch (const kj::Exception&) {  // no more than before: the machine reads less far than we do
    }
  }

  void hear(std::span<const std::uint64_t> message) {
    auto reader = reader_of(message);
    auto m = reader.getRoot<wire::FromClient>();
    if (!m.isRequests()) return;
    for (auto r : m.getRequests()) {
      auto op = static_cast<zk::op>(r.getOp());
      FUZZ_CHECK(r.getCall() > 0);
      on_their_way_.push_back({r.getCall(), op});
      auto body = text_of(r.getBody());
      if (op == zk::op::subscribe) goes_on(body);
      if (body.size() != 8) continue;
      auto& q = asked_.at(static_cast<std::size_t>(jute::reader(body).i32()));
      FUZZ_CHECK(!q.answered && !q.freed && (q.what != kind::write || !q.went_out));
      q.went_out = true;
    }
  }
  void goes_on(std::string_view body) {
    auto words = words_of(body);
    auto reader = reader_of(words);
    auto s = reader.getRoot<wire::Subscribe>();
    auto it = subscriptions_.find(s.getSubscription());
    if (it == subscriptions_.end()) return;  // made before it was given up
    auto since = s.getSince();
    FUZZ_CHECK(since == 1 || said_.contains(since) || it->second.told.contains(since), std::to_string(since));
  }

  // ---- outside
  void dial(std::size_t node) override {
    FUZZ_CHECK(node < 2 && !m_.closed());
    dialled_ = true;
  }
  void hang_up() override { dialled_ = false, ++connections_, on_their_way_.clear(), in_.clear(); }
  void output_waits() override {}
  bool wanted(ticket t) override {
    if (asked_.at(t).unwanted) FUZZ_CHECK(!std::exchange(asked_[t].freed, true));
    return !asked_[t].unwanted;
  }
  void session_is(client::session_event) override {}
  void note(std::string_view) override {}
  void answer(ticket t, const client::outcome& o) override {
    auto& q = asked_.at(t);
    FUZZ_CHECK(!q.answered && !q.freed, "request " + std::to_string(t) + " is answered twice");
    q.answered = true;
    auto undone = o.code == client::code::deadline_passed || o.code == client::code::closed ||
                  o.code == client::code::cancelled || o.code == client::code::too_many;
    if (q.what == kind::write && !any_code_) {
      FUZZ_CHECK(!undone || !q.went_out, std::to_string(o.code));
      FUZZ_CHECK(o.code || q.went_out);
    }
    if (q.subscription && o.code) subscriptions_.erase(q.subscription);
    if (q.type && (!o.code || o.code == static_cast<std::int32_t>(zk::err::no_node))) q.type->decodes(o);
  }
  subscription& told(std::int64_t id) {
    FUZZ_CHECK(subscriptions_.contains(id), "told to a subscription that has ended: " + std::to_string(id));
    return subscriptions_[id];
  }
  void tell(client::changes&& c) override {
    auto& s = told(c.subscription);
    FUZZ_CHECK(c.zxid > s.last, std::to_string(c.zxid) + " after " + std::to_string(s.last));
    s.last = c.zxid, s.told.insert(c.zxid);
    for (auto& i : c.list) told_bytes_ += sizeof i + i.path.size() + i.data.size();
  }
  void tell(client::state&& c) override {
    auto& s = told(c.subscription);
    s.last = std::max<zxid_t>(c.zxid, 1), s.told.insert(s.last);
    for (auto& i : c.list) told_bytes_ += i.path.size() + i.data.size();
  }
  void tell(client::subscription_ended&& e) override { FUZZ_CHECK(subscriptions_.erase(e.subscription) == 1); }

  /// One for all inputs: its 64 KB would be filled with zeros for each.
  static client::frame_buffer& buffer() {
    static client::frame_buffer one(frame_limit);
    one.clear();
    return one;
  }

  bool framed_;
  std::size_t pieces_;
  std::int64_t now_ = 1'000'000;
  bool dialled_ = false, any_code_ = false;
  std::uint64_t connections_ = 0;
  client::frame_buffer& in_ = buffer();
  std::vector<question> asked_;
  std::vector<asked> on_their_way_;
  std::map<std::int64_t, subscription> subscriptions_;
  std::int64_t last_subscription_ = 0;
  std::set<zxid_t> said_;
  std::size_t told_bytes_ = 0;
  client::machine m_;
};

// ---- messages of packed fields

word_buffer notification(fuzz::input& in) {
  auto packed = in.u8();
  if (packed >> 6 == 3) return words_of(in.string());
  capnp::MallocMessageBuilder m(32);
  auto n = m.initRoot<wire::Notification>();
  n.setSubscription(1 + (packed >> 2 & 3)), n.setZxid(in.u8()), n.setTimeMs(packed);
  auto text = [&] {
    auto s = in.string();
    return std::string(s.substr(0, s.find('\0')));
  };
  if (packed % 4 == 0) {
    n.setEnded(text().c_str());
  } else if (packed % 4 == 1) {
    auto part = n.initState();
    part.setFirst(packed & 0x10), part.setLast(packed & 0x20), part.setTooOld(packed & 0x40);
    for (auto i : part.initNodes(in.u8() % 4)) i.setPath(text().c_str()), i.setData(data_of(in.string()));
  } else {
    for (auto c : n.initChanges(packed >> 4 & 3)) c.setPath(text().c_str()), c.setData(data_of(in.string()));
  }
  return flat(m);
}

void response(fuzz::input& in, world& w, std::uint8_t packed, wire::Response::Builder r) {
  auto& list = w.on_their_way();
  world::asked a;
  if (!list.empty()) a = list[packed & 0x20 ? 1 % list.size() : packed & 0x40 ? list.size() - 1 : 0];
  if (packed & 0x80) a.call = in.i32();
  r.setCall(a.call), r.setZxid(in.u8());
  if (packed & 4) r.setError(packed & 8 ? -101 : -1000 - in.u8());
  if (packed & 0x10) {
    r.setBody(data_of(in.string()));
  } else {
    auto body = reply_to(a.op, in.string());
    r.setBody(data_of(body));
  }
  w.responded(a.call);
}

/// By count, then a change of one byte if there is to be one.
word_buffer items(fuzz::input& in, world& w, unsigned count) {
  capnp::MallocMessageBuilder m(256);
  for (auto i : m.initRoot<wire::ToClient>().initItems(count)) {
    auto packed = in.u8();
    if (packed % 4 == 0) {
      i.setAlive(in.u8());
    } else if (packed % 4 == 1) {
      i.initEvent().setZxid(in.u8());
    } else if (packed % 4 == 2) {
      auto words = notification(in);
      i.setNotification({reinterpret_cast<const kj::byte*>(words.data()), words.size() * 8});
    } else {
      response(in, w, packed, i.initResponse());
    }
  }
  return flat(m);
}

word_buffer greeting(fuzz::input& in, unsigned packed) {
  capnp::MallocMessageBuilder m(64);
  auto root = m.initRoot<wire::ToClient>();
  if (packed & 8) {
    auto r = root.initRefused();
    r.setOldest(in.u8()), r.setNewest(in.u8()), r.setWhy("because");
  } else {
    auto welcome = root.initWelcome();
    auto password = in.string();
    welcome.setSession(in.u8()), welcome.setTimeoutMs(in.i32()), welcome.setPassword(data_of(password));
  }
  return flat(m);
}

void say(fuzz::input& in, world& w, word_buffer message, bool change) {
  if (change && !message.empty()) {
    w.any_code();
    auto at = in.u16() % (message.size() * 8);
    reinterpret_cast<std::uint8_t*>(message.data())[at] ^= in.u8();
  }
  w.say(std::move(message));
}

word_buffer welcome() {
  capnp::MallocMessageBuilder m(64);
  auto w = m.initRoot<wire::ToClient>().initWelcome();
  w.setSession(77), w.setTimeoutMs(9'000), w.setPassword(data_of("password"));
  return flat(m);
}

void step(fuzz::input& in, world& w) {
  auto packed = in.u8();
  auto rest = packed >> 3;
  switch (packed & 7) {
    case 0: {
      auto d = in.u8();
      return w.ask(rest, d * 10, d & 1);
    }
    case 1: {
      std::int64_t what = in.u8();
      if (rest % 4 == 0) return w.subscribe(what - 2, 0);
      if (rest % 4 == 1) return w.unsubscribe(what, 0);
      if (rest % 4 == 2) return w.authenticate(what * 10);
      return w.close(what * 10);
    }
    case 2:
      w.pick_up();
      if (rest & 1) return;
      w.say(welcome());
      return w.listen();
    case 3:
      return w.listen();
    case 4:
      return say(in, w, items(in, w, 1 + rest % 4), rest & 4);
    case 5:
      return say(in, w, greeting(in, rest << 3), rest & 2);
    case 6:
      return w.pass(std::int64_t{in.u8()} << (rest & 15));
    default:
      if (rest % 4 == 0) return w.lose();
      if (rest % 4 == 1) return w.cancel(in.u8());
      w.any_code();
      return w.say(words_of(in.string()));
  }
}

void fuzz_one(std::string_view bytes) {
  fuzz::without_stacks quiet;
  fuzz::input in(bytes);
  auto modes = in.u8();
  world w(modes & 3, modes >> 4);
  if (modes & 1) {
    w.any_code();
    for (std::size_t i = 0; i < std::size(types); ++i) w.ask(i, 0, false);
    w.subscribe(-1, 0), w.subscribe(5, 0), w.authenticate(0);
    w.pick_up();
    w.receive(in.rest());
    w.listen();
  } else {
    for (int n = 0; !in.empty() && n < 64; ++n) step(in, w);
  }
  // Once more on another connection, where what is left goes on.
  w.lose();
  w.pick_up();
  w.say(welcome());
  w.listen();
  w.finish();
}

}  // namespace

TROUPE_FUZZER(actor_client);
