/// Writes the seeds of the corpus: `make_corpus DIRECTORY` makes DIRECTORY/<decoder>/seed-<what>. The same bytes in every
/// run. Each seed is something real (frames that a client sends, records as the server encodes them), in the form of
/// input that its fuzzer reads.

#include <capnp/message.h>
#include <capnp/serialize.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <utility>

#include "actors/extension/audit_file.hpp"
#include "actors/peer/hello.hpp"
#include "cluster/commit/transaction_builder.hpp"
#include "cluster/zab/messages.hpp"
#include "persistence/checkpoint_record.hpp"
#include "persistence/state_chunk.hpp"
#include "schema/client.capnp.h"

namespace {

using namespace troupe;
namespace fs = std::filesystem;

fs::path root;

void seed(const std::string& decoder, const std::string& what, std::string_view bytes) {
  fs::create_directories(root / decoder);
  std::ofstream(root / decoder / ("seed-" + what), std::ios::binary) << bytes;
}

std::string byte(unsigned n) { return {static_cast<char>(n)}; }
/// As fuzz::input::string reads it.
std::string counted(std::string_view s) {
  if (s.size() < 255) return byte(static_cast<unsigned>(s.size())).append(s);
  return byte(255).append(byte(s.size() & 255)).append(byte(static_cast<unsigned>(s.size() >> 8))).append(s);
}
std::string framed(std::string_view s) {
  std::string out;
  jute::writer(out).buffer(s);
  return out;
}

// ---- clients

const zk::acl_list open_acl{{zk::perm::all, {"world", "anyone"}}};

template <class F>
std::string request(zk::op op, F fill) {
  std::string out;
  jute::writer w(out);
  w.i32(1), w.i32(static_cast<std::int32_t>(op));
  fill(w);
  return out;
}
std::string create(zk::op op, std::string_view path, std::int32_t flags, const zk::acl_list& acl = open_acl) {
  return request(op, [&](auto& w) { w.ustring(path), w.buffer("data"), zk::write(w, acl), w.i32(flags); });
}
std::string watch(zk::op op, std::string_view path) {
  return request(op, [&](auto& w) { w.ustring(path), w.boolean(true); });
}
std::string versioned(zk::op op, std::string_view path) {
  return request(op, [&](auto& w) { w.ustring(path), w.i32(-1); });
}
std::string set_data(std::string_view path) {
  return request(zk::op::set_data, [&](auto& w) { w.ustring(path), w.buffer("other"), w.i32(-1); });
}
std::string connect_request() {
  std::string out;
  jute::writer w(out);
  w.i32(0), w.i64(0), w.i32(10'000), w.i64(0), w.buffer(std::string(16, '\0')), w.boolean(false);
  return out;
}
std::string multi() {
  return request(zk::op::multi, [&](auto& w) {
    auto head = [&](zk::op o) { w.i32(static_cast<std::int32_t>(o)), w.boolean(false), w.i32(-1); };
    head(zk::op::create), w.ustring("/m"), w.buffer("x"), zk::write(w, open_acl), w.i32(0);
    head(zk::op::check), w.ustring("/"), w.i32(-1);
    head(zk::op::set_data), w.ustring("/m"), w.buffer("y"), w.i32(0);
    head(zk::op::del), w.ustring("/m"), w.i32(-1);
    w.i32(-1), w.boolean(true), w.i32(-1);
  });
}
std::vector<std::pair<std::string, std::string>> requests() {
  using zk::op;
  return {
      {"create", create(op::create, "/a", 0)},
      {"create2-ephemeral", create(op::create2, "/a/e", 1)},
      {"create-sequential", create(op::create, "/a/s-", 3)},
      {"create-acl", create(op::create, "/acl", 0, {{31, {"digest", "u:h"}}, {1, {"ip", "10.0.0.0/8"}}})},
      {"delete", versioned(op::del, "/a")},
      {"exists", watch(op::exists, "/a")},
      {"get-data", watch(op::get_data, "/a")},
      {"set-data", set_data("/a")},
      {"get-acl", request(op::get_acl, [](auto& w) { w.ustring("/a"); })},
      {"set-acl", request(op::set_acl,
                          [](auto& w) {
                            w.ustring("/a"), zk::write(w, {{31, {"auth", ""}}}), w.i32(-1);
                          })},
      {"get-children", watch(op::get_children, "/")},
      {"get-children2", watch(op::get_children2, "/a")},
      {"sync", request(op::sync, [](auto& w) { w.ustring("/a"); })},
      {"ping", request(op::ping, [](auto&) {})},
      {"multi", multi()},
      {"auth", request(op::auth, [](auto& w) { w.i32(0), w.ustring("digest"), w.buffer("u:p"); })},
      {"set-watches", request(op::set_watches,
                              [](auto& w) {
                                w.i64(1);
                                for (auto p : {"/a", "/b", "/"}) w.i32(1), w.ustring(p);
                              })},
      {"close", request(op::close_session, [](auto&) {})},
  };
}

void clients() {
  constexpr unsigned frame = 0, hello = 3, come_back = 4, lost = 5, commit = 6, other = 7;
  auto step = [](unsigned what, unsigned conn, const std::string& rest) { return byte(what << 2 | conn) + rest; };
  const auto create_a = step(frame, 0, counted(create(zk::op::create, "/a", 0)));
  const auto at_once = byte(0) + step(hello, 0, byte(10)) + create_a;
  const auto waiting =
      byte(1) + step(hello, 0, byte(10)) + step(hello, 1, byte(10)) + step(commit, 0, byte(1)) + create_a;
  constexpr std::size_t longest = 200;  // of the seeds with several requests
  auto all = at_once, late = waiting;
  auto finish = [&, part = 0]() mutable {
    auto name = std::to_string(++part);
    seed("client_frames", "all-" + name, std::exchange(all, at_once));
    seed("client_frames", "all-committed-late-" + name, std::exchange(late, waiting) + step(commit, 0, byte(255)));
  };
  for (auto& [name, r] : requests()) {
    if (late.size() + r.size() > longest) finish();
    seed("client_frames", name, at_once + step(frame, 0, counted(r)));
    if (name != "close") all += step(frame, 0, counted(r));
    late += step(frame, name.size() % 2, counted(r));
  }
  finish();
  seed("client_frames", "connect", byte(0) + step(frame, 2, counted(connect_request())));
  seed("client_frames", "moves",
       byte(2) + step(hello, 0, byte(10)) + step(come_back, 1, byte(0)) + step(lost, 1, "") +
           step(come_back, 2, byte(0)) + step(other, 0, byte(1)));
  seed("client_frames", "forwarded",
       byte(0) + step(hello, 0, byte(10)) + step(other, 0, byte(0) + std::string("\5\0\0\0", 4) + counted("\0")) +
           step(other, 0, byte(2 | 4)) + step(other, 0, byte(3)) + step(frame, 0, counted(multi())));

  const auto connected = framed(connect_request());
  auto stream = connected;
  auto sent = [&, part = 0]() mutable {
    auto name = std::to_string(++part);
    seed("gateway_framing", "requests-" + name, byte(0) + stream);
    seed("gateway_framing", "requests-split-" + name, byte(7) + std::exchange(stream, connected));
  };
  for (auto& [name, r] : requests()) {
    if (stream.size() + r.size() > 400) sent();
    stream += framed(r);
  }
  sent();
  seed("gateway_framing", "partial", byte(1) + (connected + framed(set_data("/a"))).substr(0, 60));
  seed("gateway_framing", "negative", byte(9) + framed(connect_request()) + "\xff\xff\xff\xff");
  for (auto word : {"ruok", "srvr", "stat", "mntr", "isro", "conf", "cons", "crst", "srst", "envi", "dirs", "wchs",
                    "dump", "wchc", "hash"}) {
    seed("gateway_framing", word, byte(1) + word);
    seed("four_letter_words", word,
         word + byte(0x3d) + std::string(120, '\3') + counted("a=b") + counted("") + byte(1) + counted("::1") +
             std::string(40, '\1'));
  }
}

// ---- actor clients

void actor_clients() {
  auto flat = [](capnp::MessageBuilder& m) {
    auto words = capnp::messageToFlatArray(m);
    auto size = static_cast<std::uint32_t>(words.asBytes().size());
    const std::uint32_t head[] = {size, 5};
    return std::string(reinterpret_cast<const char*>(head), sizeof head)
        .append(words.asChars().begin(), words.asChars().size());
  };
  capnp::MallocMessageBuilder hello, requests, alive;
  hello.initRoot<wire::FromClient>().initHello().setTimeoutMs(10'000);
  auto body = watch(zk::op::get_data, "/a").substr(8);
  auto list = requests.initRoot<wire::FromClient>().initRequests(3);
  for (unsigned i = 0; i < list.size(); ++i) {
    list[i].setCall(static_cast<std::int32_t>(i + 1)), list[i].setOp(static_cast<std::int32_t>(zk::op::get_data));
    list[i].setBody({reinterpret_cast<const kj::byte*>(body.data()), body.size()});
  }
  alive.initRoot<wire::FromClient>().setKeepAlive();
  const auto said = flat(hello) + flat(requests) + flat(alive);
  seed("actor_frames", "stream", byte(1) + said);
  seed("actor_frames", "stream-split", byte(0x75) + said);
  seed("actor_frames", "no-hello", byte(1) + flat(requests));
  seed("actor_frames", "cut", byte(1) + said.substr(0, said.size() - 8));
  seed("actor_frames", "http", byte(1) + "GET / HTTP/1.1\r\n\r\n");
  auto versions = [](unsigned newest, unsigned oldest) {
    return byte(0) + byte(newest) + byte(oldest) + std::string(20, '\0') + byte(0);
  };
  const std::string unchanged(3, '\0');
  auto ask = [](unsigned kind) {
    return byte(kind) + byte(2) + byte(3) + byte(4) + counted("body") + byte(6) + byte(1) +
           counted(std::string(70, 'b'));
  };
  seed("actor_frames", "packed", byte(0) + unchanged + versions(1, 1) + ask(1) + byte(3) + ask(2));
  seed("actor_frames", "packed-segments", byte(0x32) + unchanged + versions(9, 1) + ask(0x81) + byte(3));
  seed("actor_frames", "packed-changed", byte(0) + byte(90) + byte(0) + byte(1) + versions(1, 1) + ask(1));
  seed("actor_frames", "too-old", byte(0) + unchanged + versions(0, 0));
  seed("actor_frames", "too-new", byte(0) + unchanged + versions(9, 2));
}

/// What a node says to an actor client, and the client's own steps, as actor_client.cpp takes them apart.
void nodes_to_actor_clients() {
  // Frames: greeted, then everything that is asked there is answered, in order, with notifications in between.
  auto frame = [](capnp::MessageBuilder& m) {
    auto words = capnp::messageToFlatArray(m);
    const std::uint32_t head[] = {static_cast<std::uint32_t>(words.asBytes().size()), 5};
    return std::string(reinterpret_cast<const char*>(head), sizeof head)
        .append(words.asChars().begin(), words.asChars().size());
  };
  capnp::MallocMessageBuilder welcome, refused, items, inner;
  auto w = welcome.initRoot<wire::ToClient>().initWelcome();
  w.setVersion(1), w.setSession(77), w.setTimeoutMs(9'000);
  auto r = refused.initRoot<wire::ToClient>().initRefused();
  r.setWhy("too old"), r.setOldest(2), r.setNewest(3);
  auto n = inner.initRoot<wire::Notification>();
  n.setSubscription(1), n.setZxid(5);
  auto c = n.initChanges(1)[0];
  c.setType(3), c.setPath("/s/a");
  auto flat = capnp::messageToFlatArray(inner);
  auto list = items.initRoot<wire::ToClient>().initItems(5);
  list[0].setAlive(4), list[1].initEvent().setPath("/e"), list[2].setNotification(flat.asBytes());
  for (unsigned i = 3; i < 5; ++i)
    list[i].initResponse().setCall(static_cast<std::int32_t>(i)), list[i].getResponse().setZxid(6);
  const auto said = frame(welcome) + frame(items);
  seed("actor_client", "stream", byte(1) + said);
  seed("actor_client", "stream-split", byte(0x71) + said);
  seed("actor_client", "refused", byte(1) + frame(refused));
  seed("actor_client", "too-long", byte(1) + frame(welcome) + std::string("\xf8\xff\xff\xff\5\0\0\0", 8));

  constexpr unsigned ask = 0, more = 1, connect = 2, listen = 3, says = 4, greets = 5, time = 6, other = 7;
  auto step = [](unsigned what, unsigned rest, const std::string& fields) { return byte(rest << 3 | what) + fields; };
  const auto subscribe = step(more, 0, byte(1)), lost = step(other, 0, ""), fill = step(listen, 0, "");
  const auto up = step(connect, 0, "");
  auto answer = [&](const std::string& zxid) { return step(says, 0, byte(3) + zxid + counted("text")); };
  auto changed = [](unsigned zxid) {
    return byte(2) + byte(2 | 0x10) + byte(zxid) + counted("/s/a") + counted("data");
  };
  auto part = [](unsigned flags, unsigned zxid) {
    return byte(2) + byte(1 | flags) + byte(zxid) + byte(1) + counted("/s") + counted("data");
  };
  std::string all = byte(0);
  for (unsigned type = 0; type < 12; ++type) all += step(ask, type, byte(0));
  all += up + answer(byte(1));  // to the authentication
  for (unsigned type = 0; type < 12; ++type) all += answer(byte(2 + type));
  seed("actor_client", "all-replies", all);
  const auto taken =
      byte(0) + subscribe + up + step(says, 1, byte(3) + byte(1) + counted("") + byte(3) + byte(2) + counted(""));
  seed("actor_client", "changes",
       taken + step(says, 1, changed(5) + changed(6)) + lost + up + step(says, 0, byte(0) + byte(9)));
  // The message is cut by the change of a byte in the middle of what it tells.
  for (unsigned at : {56, 72, 112, 144, 152})
    seed("actor_client", "changes-damaged-" + std::to_string(at),
         taken + step(says, 4, changed(5) + byte(at) + byte(0) + byte(0xff)) + up + fill);
  for (unsigned at : {56, 80})
    seed("actor_client", "reply-damaged-" + std::to_string(at),
         byte(0) + up + step(says, 0, byte(3) + byte(1) + counted("")) + step(ask, 5, byte(0)) + fill +
             step(says, 4, byte(3) + byte(2) + counted("text") + byte(at) + byte(0) + byte(0xff)));
  seed("actor_client", "state",
       taken + step(says, 1, part(0x10, 7) + part(0x20, 7)) + step(says, 0, changed(8)) +
           step(says, 0, byte(2) + byte(0) + byte(9) + counted("gone")));
  seed("actor_client", "state-cut-off", byte(2) + (taken.substr(1) + step(says, 0, part(0x10, 7)) + lost + up));
  seed("actor_client", "writes-on-their-way",
       byte(0) + up + step(ask, 1, byte(0)) + step(ask, 5, byte(0)) + fill + step(ask, 2, byte(2)) +
           step(time, 8, byte(1)) + lost + up);
  seed("actor_client", "expired",
       byte(0) + up + step(ask, 1, byte(0)) + lost + step(connect, 1, "") +
           step(greets, 0, counted("") + byte(0) + std::string(4, '\0')) + up);
  seed("actor_client", "closes", byte(0) + up + step(more, 3, byte(9)) + fill + answer(byte(1)) + answer(byte(2)));
}

/// Steps as actor_requests.cpp takes them apart.
void actor_requests() {
  constexpr unsigned call = 0, by_create = 2, own = 3, subscribe = 4, unsubscribe = 5, plain = 6, other = 7;
  auto step = [](unsigned what, unsigned conn, const std::string& rest) { return byte(what << 2 | conn) + rest; };
  constexpr unsigned packed = 2 << 3, json = 1 << 3, a = 0, q = 3;  // paths of the fuzzer
  const auto create_a = step(plain, 0, byte(1) + counted(create(zk::op::create, "/a", 0).substr(8)));
  const auto create_q = step(plain, 0, byte(1) + counted(create(zk::op::create, "/q", 0).substr(8)));
  const auto item = step(plain, 0, byte(1) + counted(create(zk::op::create, "/q/i-", 2).substr(8)));
  const std::vector<std::pair<std::string, std::string>> calls{
      {"counter", byte(packed | 0) + byte(1) + byte(a) + byte(3) + byte(5)},
      {"counter-cas", byte(packed | 0) + byte(3) + byte(a) + byte(0) + byte(3) + std::string(8, '\1')},
      {"lock", byte(packed | 1) + byte(4) + byte(a) + byte(q)},
      {"queue-take", byte(packed | 2) + byte(2 | 4) + byte(q) + std::string("\2\0\0\0", 4) + counted("i-")},
      {"bulk-update", byte(packed | 3) + byte(3) + byte(3 | 64) + byte(a) + byte(q) + byte(2) + byte(1) + byte(0 | 16) +
                          byte(a) + byte(0)},
      {"delete-recursive", byte(packed | 4) + byte(2 | 4) + byte(q) + byte(9)},
      {"list", byte(packed | 5) + byte(1 | 2 | 4 | 8) + byte(q) + counted("i")},
      {"json", byte(json | 0) + counted(R"("path":"/a","add":"1","create":true})")},
      {"json-bulk", byte(json | 3) + counted(R"("items":[{"path":"/a","action":"put","text":"x"}]})")},
      {"unknown", byte(6) + counted("x")},
  };
  const auto begin = step(subscribe, 1, byte(1 | 8 | 32 | 64) + byte(4)) + create_a + create_q + item;
  constexpr std::size_t longest = 215;  // of the seeds with several calls
  auto all = begin, late = begin;
  auto finish = [&, part = 0]() mutable {
    auto name = std::to_string(++part);
    seed("actor_requests", "all-" + name, byte(0) + std::exchange(all, begin));
    seed("actor_requests", "all-committed-late-" + name,
         byte(1) + std::exchange(late, begin) + step(other, 0, byte(8)));
  };
  for (auto& [name, c] : calls) {
    if (late.size() + c.size() > longest) finish();
    seed("actor_requests", name, byte(0) + create_a + create_q + item + step(call, 0, c));
    all += step(call, 0, c);
    late += step(by_create, 1, c);
  }
  finish();
  auto resumed = create_q + item + step(subscribe, 1, byte(2 | 8 | 16 | 64) + byte(4) + byte(1)) + item +
                 step(subscribe, 1, byte(1 | 4 | 64) + byte(q)) + step(other, 0, byte(1)) + item +
                 step(unsubscribe, 1, byte(2));
  seed("actor_requests", "resumed", byte(0) + resumed);
  seed("actor_requests", "too-old", byte(2) + resumed);
  capnp::MallocMessageBuilder m;
  m.initRoot<wire::Ask>().setActor("audit");
  auto flat = capnp::messageToFlatArray(m);
  seed("actor_requests", "ask",
       byte(0) + step(own, 0, byte(3) + counted({flat.asChars().begin(), flat.asChars().size()})) +
           step(own, 1, byte(0) + counted("not a message")));
}

// ---- peers

void peers() {
  using namespace zab;
  auto payload = shared_bytes::copy_of("payload.");
  auto who = std::make_shared<const tree::credentials>(tree::credentials{{"ip", "::1"}, {"digest", "u:h"}});
  const std::vector<message> messages{
      {0, follower_info{1, make_zxid(1, 5), false}},
      {2, leader_info{}},
      {2, ack_epoch{1, make_zxid(1, 5), true}},
      {2, zab::trunc{make_zxid(1, 4)}},
      {2, truncated{make_zxid(1, 4)}},
      {2, snap_chunk{make_zxid(1, 9), 0, true, payload}},
      {2, snap_ack{3}},
      {2, proposals{{{make_zxid(2, 1), payload}, {make_zxid(2, 2), payload}}, make_zxid(1, 5)}},
      {2, new_leader{make_zxid(1, 5)}},
      {2, ack_new_leader{}},
      {2, up_to_date{make_zxid(1, 5)}},
      {2, ack{make_zxid(2, 2)}},
      {2, commit_up_to{make_zxid(2, 2)}},
      {2, ping{7}},
      {2, pong{7, {1, 2, 3}}},
      {2, zab::requests{{{9, 1, 2, zk::op::create, "body", who}}}},
      {2, replies{{{9, zk::err::no_node, make_zxid(2, 2), "body"}}}},
  };
  const auto begin = byte(0) + byte(0x42) + byte(1) + byte(3) + byte(0x0b) + byte(6) + byte(8 | 3);
  constexpr std::size_t longest = 300;
  auto said = begin;
  auto finish = [&, part = 0]() mutable {
    seed("peer_conversation", "frames-" + std::to_string(++part), std::exchange(said, begin));
  };
  for (auto& m : messages) {
    auto encoded = encode(m);
    seed("peer_messages", "zab-" + std::to_string(m.body.index()), byte(0) + encoded);
    if (said.size() + encoded.size() > longest) finish();
    said += byte(0x80 | 8) + counted(encoded);
  }
  finish();
  notification n{notification::state_t::following, 3, make_zxid(1, 5), 1, 4};
  seed("peer_messages", "notification", byte(1) + encode(n));

  // A learner (node 2) that joins node 1 in epoch 2, gets two records, and serves; a leader with two followers.
  auto link = [](unsigned id) { return byte((id - 1) << 3 | 3); };
  auto say = [](unsigned from, unsigned kind, unsigned epoch, const std::string& rest) {
    return byte((from - 1) << 3) + byte(kind) + byte(epoch) + rest;
  };
  const auto disk = byte(4) + byte(4);
  auto z = [](unsigned epoch, unsigned counter) { return byte(epoch << 5 | counter); };
  auto joins = byte(1) + byte(0x45) + byte(5) + link(1) + byte(6) + say(1, 1, 2, "") + disk + say(1, 8, 2, z(1, 5)) +
               disk + say(1, 10, 2, z(1, 5)) + say(1, 7, 2, z(1, 5) + byte(2) + z(2, 1) + z(2, 2)) + disk +
               say(1, 12, 2, z(2, 2)) + byte(7) + byte(1) + say(1, 13, 2, byte(1));
  seed("peer_conversation", "learner-diff", joins);
  seed("peer_conversation", "learner-trunc",
       byte(1) + byte(0x45) + byte(2) + link(1) + byte(6) + say(1, 1, 2, "") + disk + say(1, 3, 2, z(1, 3)) + disk +
           say(1, 8, 2, z(1, 3)) + disk);
  seed("peer_conversation", "learner-snap",
       byte(1) + byte(0x45) + byte(2) + link(1) + byte(6) + say(1, 1, 2, "") + disk + say(1, 5, 2, z(1, 9) + byte(0)) +
           disk + byte(4) + byte(3) + say(1, 5, 2, z(1, 9) + byte(9)) + byte(4) + byte(3) + disk +
           say(1, 8, 2, z(1, 9)) + disk);
  auto leads = byte(0) + byte(0x45) + byte(5) + link(2) + link(3) + byte(6) +
               say(2, 0, 0, byte(1) + z(1, 5) + byte(0)) + disk + say(2, 2, 2, byte(1) + z(1, 5) + byte(0)) + disk +
               say(2, 9, 2, "") + disk + byte(7) + byte(0x11) + disk + say(2, 11, 2, z(2, 1)) + say(2, 15, 2, byte(1)) +
               byte(7) + byte(0x20) + say(2, 14, 2, byte(1)) + byte(5) + byte(40);
  seed("peer_conversation", "leader", leads);
  seed("peer_conversation", "leader-sends-snap",
       byte(0x40) + byte(0x57) + byte(7) + link(2) + link(3) + byte(6) + say(2, 0, 0, byte(1) + z(0, 0) + byte(0)) +
           disk + say(2, 2, 2, byte(1) + z(0, 0) + byte(0)) + disk + byte(4) + byte(1) + byte(4) + byte(2) +
           say(2, 6, 2, byte(0)) + byte(4) + byte(2) + say(2, 6, 2, byte(1)) + byte(4) + byte(2) +
           say(2, 6, 2, byte(2)));

  seed("election", "three",
       byte(0) + byte(0 << 3 | 2) + byte(0 << 3 | 3) + byte(2 << 3) + byte(1) + byte(5) + byte(1) + byte(5 << 3 | 2) +
           byte(2 << 2) + byte(1) + byte(6) + byte(1) + byte(1) + byte(5 << 3 | 3) + byte(2 << 2) + byte(1) + byte(6) +
           byte(1) + byte(1) + byte(3 << 3) + byte(50) + byte(4 << 3) + byte(2));
  seed("election", "joins-a-leader",
       byte(3) + byte(1) + byte(2) + byte(3) + byte(2 << 3) + byte(0) + byte(0) + byte(0) + byte(5 << 3 | 1) +
           byte(1 << 2 | 2) + byte(1) + byte(6) + byte(1) + byte(3) + byte(5 << 3 | 2) + byte(1 << 2 | 1) + byte(1) +
           byte(6) + byte(1) + byte(3));

  peer::options o;
  o.self = 3, o.ensemble = "troupe", o.boot = 9;
  for (node_id id = 1; id <= 3; ++id) o.members.push_back({id, "127.0.0.1", 3181});
  auto frame = [](unsigned kind, std::string_view body) {
    std::string out(8, '\0');
    out[0] = static_cast<char>(body.size()), out[1] = static_cast<char>(body.size() >> 8);
    out[4] = static_cast<char>(kind);
    return out.append(body);
  };
  auto hello = frame(1, peer::make_hello(o, 2).view());
  o.ensemble = "another";
  auto stranger = frame(1, peer::make_hello(o, 2).view());
  std::string stream = hello + frame(2, "") + frame(3, encode(n));
  for (auto& m : messages) stream += frame(4, encode(m));
  seed("link_frames", "hello", byte(0) + byte(0) + hello);
  seed("link_frames", "stranger", byte(0) + byte(0) + stranger);
  seed("link_frames", "stream", byte(1) + byte(9) + stream);
  seed("link_frames", "unknown-kind", byte(1) + byte(3) + hello + frame(5, ""));
}

// ---- disk

/// As log_rows.cpp, state_rows.cpp and identity.cpp take them apart. `delta`: all of a new tree.
void rows(const tree::state_delta& delta) {
  auto z = [](unsigned epoch, unsigned counter) { return byte(epoch << 5 | counter); };
  auto record = [](unsigned packed, const std::string& rest) { return byte(packed) + rest; };
  const auto epochs = byte(2) + byte(1) + z(0, 0) + z(0, 0), mark = byte(9) + byte(3) + std::string(8, '\0');
  const auto records = record(0, counted("one")) + record(0, counted("two")) + record(0, counted("three"));
  const auto next_epoch = record(1, z(2, 1) + counted("four")) + record(0, counted("five"));
  seed("log_rows", "two-epochs", byte(1 | 8) + epochs + mark + z(2, 2) + records + next_epoch);
  seed("log_rows", "base", byte(1) + byte(2) + byte(1) + z(1, 2) + z(0, 0) + z(1, 3) + records);
  seed("log_rows", "lost-the-end", byte(1) + epochs + z(1, 4) + records);
  seed("log_rows", "hole",
       byte(1) + epochs + z(1, 3) + record(0, counted("one")) + record(1, z(1, 3) + counted("three")));
  seed("log_rows", "rotten",
       byte(1) + epochs + z(0, 0) + record(0, counted("one")) + record(32, counted("two") + byte(17) + byte(1)) +
           record(0, counted("three")));
  seed("log_rows", "another-record", byte(1) + epochs + z(0, 0) + record(8, z(1, 2) + counted("one")));
  seed("log_rows", "epochs-damaged", byte(5) + epochs + byte(9) + byte(1) + z(0, 0) + records);
  seed("log_rows", "mark-damaged", byte(1 | 0x28) + epochs + mark + byte(9) + byte(1) + z(0, 0) + records);

  const auto no_sum = byte(0) + std::string(8, '\0');
  std::string tree;
  for (auto& e : delta.entries)
    tree += byte(static_cast<unsigned>(e.where) | 4 | 16) + byte(static_cast<unsigned>(e.key)) + counted(e.value);
  seed("state_rows", "tree", byte(1) + byte(9) + no_sum + tree);
  seed("state_rows", "installed", byte(1 | 8) + byte(9) + no_sum + tree);
  seed("state_rows", "other-sum", byte(1 | 2) + byte(9) + byte(7) + std::string(8, '\1') + tree);
  seed("state_rows", "no-record", byte(0) + byte(9) + no_sum + tree);
  seed("state_rows", "record-damaged", byte(1 | 16) + byte(9) + no_sum + tree + byte(3));
  auto record_of = persistence::encode({9, false, persistence::state_sum{}});
  seed("state_rows", "raw-record",
       byte(1 | 4) + byte(9) + no_sum + counted({record_of.data(), record_of.size()}) + tree);
  auto node = [](unsigned parent, std::string_view name) { return byte(1) + byte(parent) + counted(name) + byte(0); };
  const auto packed =
      byte(0) + byte(1) + byte(9) + byte(3) + byte(1) + byte(1) + node(0, "") + node(1, "a") + node(2, "b");
  seed("state_rows", "packed", byte(1) + byte(9) + no_sum + packed);
  seed("state_rows", "row-damaged",
       byte(1) + byte(9) + no_sum + packed + byte(33) + byte(3) + counted("c") + byte(0) + byte(9) + byte(0) + byte(1));

  const std::string own("\1\1troupe", 8), others("\1\3another", 9);
  seed("identity", "own", byte(2) + byte(1) + counted(own) + byte(2) + counted(own));
  seed("identity", "own-once", byte(0) + byte(1) + counted(own));
  seed("identity", "others", byte(2) + byte(1) + counted(others) + byte(2) + counted(others));
  seed("identity", "newer", byte(0) + byte(1) + counted("\2?"));
  seed("identity", "none", byte(0x40));
  seed("identity", "none-but-data", byte(0x60));
}

void disk() {
  using commit::change_draft;
  commit::transaction_builder b;
  std::string records = byte(1);
  auto add = [&](std::initializer_list<change_draft> changes) {
    b.clear();
    b.changes = changes;
    records += counted(b.build(1, 2, 3, 4).view());
  };
  using kind = change_draft::kind;
  add({{kind::open_session, zk::op::create_session, {}, {}, {}, 7, 4000}});
  add({{kind::create, zk::op::create, "/a", "data", tree::canonical({{1, {"ip", "::1"}}}), 0, 1},
       {kind::create, zk::op::create2, "/a/e", "", {}, 7, 1}});
  add({{kind::check, zk::op::check, "/a", {}, {}, 0, 0}, {kind::set_data, zk::op::set_data, "/a", "x", {}, 0, 1}});
  add({{kind::set_acl, zk::op::set_acl, "/a", {}, {}, 0, 1}});
  add({{kind::del, zk::op::close_session, "/a/e", {}, {}, 0, 0},
       {kind::close_session, zk::op::close_session, {}, {}, {}, 7, 0}});
  seed("transactions", "records", records);
  auto change = [](unsigned kind, unsigned path, unsigned session) { return byte(kind) + byte(path) + byte(session); };
  seed("transactions", "packed",
       byte(2) + byte(0) + change(5, 7, 1) + byte(0) + byte(0) + change(1, 1, 0) + byte(0) + byte(1) + change(1, 2, 1) +
           change(3, 1, 0) + byte(0) + byte(1) + change(2, 2, 0) + change(6, 7, 1) + byte(0) + byte(0) +
           (byte(1) + byte(0x82) + "/x" + byte(0)) + byte(0));

  tree::database db;
  std::vector<std::string> stored;
  std::vector<persistence::stored_entry> entries;
  auto delta = db.take_delta();
  for (auto& e : delta.entries) {
    auto& s = stored.emplace_back(persistence::sealed_header_bytes + e.value.size(), '\0');
    persistence::seal(e.where, e.key, e.value, s.data());
  }
  for (std::size_t i = 0; i < stored.size(); ++i)
    entries.push_back({delta.entries[i].where, delta.entries[i].key, stored[i]});
  seed("checkpoints", "chunk", byte(1) + std::string(persistence::build_chunk(entries).view()));
  std::string raw = byte(0);
  for (auto& e : delta.entries)
    raw += byte(static_cast<unsigned>(e.where) | 4 | 16) + byte(static_cast<unsigned>(e.key)) + counted(e.value);
  seed("checkpoints", "entries", raw);
  auto node = [](unsigned parent, std::string_view name, unsigned packed, const std::string& rest = {}) {
    return byte(1) + byte(parent) + counted(name) + byte(packed) + rest;
  };
  seed("checkpoints", "packed",
       byte(0) + byte(0) + byte(1) + byte(9) + byte(3) + byte(1) + byte(1) + byte(2) + byte(1) + byte(40) +
           node(0, "", 0) + node(1, "a", 8) +
           node(2, "b", 0xa1, counted("data") + byte(1) + byte(2) + std::string("\1\0\0\0", 4)) + node(2, "c", 0x20));

  auto block = [](unsigned at, unsigned sequence, unsigned zxid) {
    return byte(at) + byte(sequence) + byte(zxid) + counted("payload");
  };
  seed("journal", "three-blocks", byte(4) + block(0, 5, 1) + block(1, 6, 2) + block(2, 7, 3));
  seed("journal", "covered", byte(7) + block(0, 5, 1) + block(1, 6, 2) + block(2, 7, 3));
  seed("journal", "torn", byte(0) + block(0, 1, 1) + block(1, 2, 2) + (byte(0x80) + byte(8) + byte(16) + counted("x")));
  seed("journal", "rotten",
       byte(0) + block(0, 1, 1) + block(1, 2, 2) + block(2, 3, 3) + (byte(0x80) + byte(8) + byte(16) + counted("x")));
  seed("journal", "empty", byte(0));
  rows(delta);
  auto mark = std::string("\1\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0", 16);
  seed("high_water", "one", byte(0) + byte(0) + byte(1) + counted(mark));
  seed("high_water", "two", byte(2) + byte(0) + byte(1) + counted(mark) + byte(0) + byte(2) + counted(mark));
  seed("high_water", "one-damaged",
       byte(2) + byte(1) + byte(1) + counted(mark) + std::string(4, '\0') + byte(0) + byte(2) + counted(mark));
}

void audits() {
  auto line = [](unsigned packed, const std::string& rest) { return byte(packed) + counted("/path") + rest; };
  seed("audit_lines", "whole", byte(0) + line(1 | 1 << 3, "") + line(1, ""));
  seed("audit_lines", "torn", byte(0) + line(1, "") + line(1 | 3 << 3 | 0x40, byte(30)));
  seed("audit_lines", "not-all-lines", byte(0) + line(1, "") + line(1 | 3 << 3 | 0x20, ""));
  feed::transaction t;
  t.zxid = make_zxid(1, 7), t.time_ms = 1, t.session = 7;
  t.changes.resize(1);
  std::string text = R"({"type":"gap","after":"0x100000003","first":"0x100000006"})"
                     "\n";
  seed("audit_lines", "gap", byte(1) + text);
  for (auto& l : audit_lines(t)) text += l;
  seed("audit_lines", "text", byte(1) + text);
  seed("audit_lines", "text-torn", byte(1) + text.substr(0, text.size() - 20));
  seed("audit_lines", "diary", byte(1) + "this is somebody's diary\n");
}

void configurations() {
  seed("configuration", "least", "[troupe]\ndata-dir = \"data\"\n");
  seed("configuration", "ensemble",
       "; a comment\n[troupe]\nid = 2\nensemble = \"e\"\ndata-dir = \"data\"\nclient-address = \"0.0.0.0\"\n"
       "client-port = 2181\npeer-address = \"[::1]:3181\"\nmembers = [\n  {id = 2, address = \"[::1]:3182\", "
       "role = \"voter\", weight = 2},\n  {id = 3, address = \"h:3183\", role = \"observer\", weight = 0}]\n");
  seed("configuration", "settings",
       "[troupe]\ndata-dir = \"data\"\ntick = 2s\nping-interval = 500ms\nmap-size = \"16GiB\"\nballast = false\n"
       "four-letter-words = [\"srvr\", \"mntr\"]\nlog-level = \"debug\"\npid-file = \"pid\"\n\n"
       "[scheduler]\npolicy = 'sharing'\nmax-threads = 2\n");
  seed("configuration", "wrong", "[troupe]\ndata-dir = 7\nid = \"x\"\nclient-prt = 1\ntick = 3\n[nobody]\nx = 'y'\n");
  seed("configuration", "syntax", "[troupe]\n# data\nid = {\n");
  seed("configuration", "twice", "[troupe]\nid = 1\nid = 2\ndata-dir = \"d\\n\\\"\"\n");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: " << argv[0] << " DIRECTORY\n";
    return 2;
  }
  root = argv[1];
  clients();
  actor_clients();
  nodes_to_actor_clients();
  actor_requests();
  peers();
  disk();
  audits();
  configurations();
}
