/// What an actor client sends, through the translator of its connection: the bytes as they come from a socket, or a
/// valid conversation of the packed fields that follow, with one place of it changed. What is taken must be exactly what a
/// commit processor may get (a ConnectRequest first, then requests with calls above 0 and pings), not larger than what was
/// sent, and the same in whatever pieces and wherever in memory the bytes come; what is not taken must be refused with a
/// reason of our own words. What the node answers must leave as frames that Cap'n Proto reads back.
///
/// The input: one byte of modes, then the stream; or, for a conversation, where and how it is changed, then its fields.

#include <capnp/message.h>
#include <capnp/serialize.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "actors/gateway/actor_translator.hpp"
#include "cluster/commit/handshake.hpp"
#include "schema/client.capnp.h"
#include "schema/jute.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/without_stacks.hpp"

namespace {

using namespace troupe;
using gateway::actor_translator;

constexpr actor_translator::limits limits{600, 200};
constexpr conn_id conn = actor_port_bit | 3;
constexpr std::size_t header_bytes = 8;

std::string framed(capnp::MessageBuilder& m) {
  auto words = capnp::messageToFlatArray(m);
  auto size = static_cast<std::uint32_t>(words.asBytes().size());
  const std::uint32_t head[] = {size, 5};
  return std::string(reinterpret_cast<const char*>(head), sizeof head)
      .append(words.asChars().begin(), words.asChars().size());
}

capnp::Data::Reader data_of(std::string_view s) { return {reinterpret_cast<const kj::byte*>(s.data()), s.size()}; }

std::string conversation(fuzz::input& in) {
  std::string out;
  while (!in.empty()) {
    auto what = in.u8();
    // In pieces of a few words, so that a message has several segments.
    capnp::MallocMessageBuilder m(what & 0x80 ? 4 : 256, capnp::AllocationStrategy::FIXED_SIZE);
    auto root = m.initRoot<wire::FromClient>();
    if (what % 4 == 0) {
      auto h = root.initHello();
      h.setVersion(in.u8()), h.setOldest(in.u8()), h.setSession(in.i64()), h.setTimeoutMs(in.i32());
      h.setLastZxidSeen(in.i64()), h.setPassword(data_of(in.string()));
    } else if (what % 4 == 3) {
      root.setKeepAlive();
    } else {
      auto list = root.initRequests(in.u8() % 6);
      for (auto r : list) {
        auto packed = in.u8();
        r.setCall(packed & 1 ? in.i32() : packed >> 1), r.setOp(static_cast<std::int8_t>(in.u8()));
        if (packed & 2) r.setBody(data_of(in.string()));
      }
    }
    out += framed(m);
  }
  return out;
}

struct outcome {
  std::vector<std::string> frames;
  std::string why;
  bool understood = false;
  bool operator==(const outcome&) const = default;
};

/// `pieces`: 0 = all at once. `shift`: of the bytes from where a word begins.
outcome translate(std::string_view stream, std::size_t pieces, std::size_t shift, actor_translator& t) {
  outcome out;
  std::vector<std::uint64_t> room(stream.size() / 8 + 2);
  auto* memory = reinterpret_cast<char*>(room.data()) + shift;
  std::size_t begin = 0, have = 0;
  request_batch batch;
  while (have < stream.size() && !t.refused()) {
    auto n = std::min(stream.size() - have, pieces ? pieces : stream.size());
    if (pieces) pieces = pieces % 61 + 1;
    std::memcpy(memory + have, stream.data() + have, n);
    have += n;
    for (;;) {
      auto frame = t.first_frame({memory + begin, have - begin});
      FUZZ_CHECK(!t.refused() || frame.empty());
      if (frame.empty()) break;
      const auto items = batch.items.size(), bytes = batch.bytes.size();
      auto taken = t.take(frame, conn, batch);
      FUZZ_CHECK(taken == !t.refused());
      FUZZ_CHECK(batch.bytes.size() - bytes <= frame.size() + 8 * (batch.items.size() - items) + 64);
      if (!taken) {
        batch.items.resize(items), batch.bytes.resize(bytes);
        break;
      }
      begin += frame.size();
    }
  }
  for (auto& i : batch.items) {
    FUZZ_CHECK(i.conn == conn && i.what == request_batch::kind::frame);
    out.frames.emplace_back(batch.view(i));
  }
  out.why = t.why(), out.understood = t.understood();
  return out;
}

void check_in(const outcome& o) {
  FUZZ_CHECK(o.why.find_first_not_of("abcdefghijklmnopqrstuvwxyzHC0123456789 -:;,.'^") == o.why.npos, o.why);
  FUZZ_CHECK(o.why.size() < 200, o.why);
  for (std::size_t i = 0; i < o.frames.size(); ++i) {
    auto& f = o.frames[i];
    FUZZ_CHECK(f.size() <= limits.max_request);
    if (i == 0) {
      FUZZ_CHECK(commit::decode_connect(f).has_value());
      continue;
    }
    jute::reader r(f);
    auto xid = r.i32(), op = r.i32();
    FUZZ_CHECK(r.ok());
    if (xid == zk::xid_ping)
      FUZZ_CHECK(op == static_cast<std::int32_t>(zk::op::ping) && r.at_end());
    else
      FUZZ_CHECK(xid > 0 && (op >= 0 || op == -11) && op != 11, std::to_string(op));
  }
}

/// Answers what was taken, each frame by one that is made of it, and reads the answers back.
void check_out(const outcome& o, actor_translator& t) {
  if (o.frames.empty()) return;
  std::vector<std::string> pieces;
  auto piece = [&](auto&& write) {
    auto& p = pieces.emplace_back();
    jute::writer w(p);
    auto at = w.begin_frame();
    write(w);
    w.end_frame(at);
  };
  piece([](auto& w) { w.i32(0), w.i32(4'000), w.i64(77), w.buffer("password"); });
  for (std::size_t i = 1; i < o.frames.size(); ++i) {
    auto xid = jute::reader(o.frames[i]).i32();
    if (xid % 7 == 3) piece([&](auto& w) { w.i32(-1), w.i64(xid), w.i32(0), w.i32(3), w.i32(3), w.ustring("/path"); });
    if (xid % 7 == 4) piece([&](auto& w) { w.i32(-100), w.i64(xid), w.i32(0), w.out().append(o.frames[i]); });
    piece([&](auto& w) { w.i32(xid), w.i64(xid), w.i32(0), w.out().append(o.frames[i]); });
  }
  for (auto& p : pieces) t.collect(p);
  std::string out;
  while (t.anything()) t.write_frame(out);
  std::size_t items = 0, welcomes = 0;
  for (std::string_view rest = out; !rest.empty();) {
    FUZZ_CHECK(rest.size() >= header_bytes);
    std::uint32_t head[2];
    std::memcpy(head, rest.data(), sizeof head);
    FUZZ_CHECK(head[1] == 5 && head[0] % 8 == 0 && head[0] <= rest.size() - header_bytes);
    capnp::FlatArrayMessageReader reader(
        kj::arrayPtr(reinterpret_cast<const capnp::word*>(rest.data() + header_bytes), head[0] / 8));
    FUZZ_CHECK(reinterpret_cast<const char*>(reader.getEnd()) == rest.data() + header_bytes + head[0]);
    auto message = reader.getRoot<wire::ToClient>();
    if (message.isWelcome()) {
      ++welcomes;
      FUZZ_CHECK(message.getWelcome().getSession() == 77);
    } else {
      FUZZ_CHECK(message.isItems());
      for (auto i : message.getItems()) {
        ++items;
        if (!i.isResponse()) continue;
        auto body = i.getResponse().getBody();
        FUZZ_CHECK(std::find(o.frames.begin(), o.frames.end(),
                             std::string(reinterpret_cast<const char*>(body.begin()), body.size())) != o.frames.end());
      }
    }
    rest.remove_prefix(header_bytes + head[0]);
  }
  FUZZ_CHECK(welcomes == 1 && items == pieces.size() - 1);
}

void fuzz_one(std::string_view bytes) {
  fuzz::without_stacks quiet;
  fuzz::input in(bytes);
  auto modes = in.u8();
  std::string stream;
  if (modes & 1) {
    stream = in.rest();
  } else {
    std::size_t at = in.u16();
    auto change = in.u8();
    stream = conversation(in);
    if (!stream.empty()) stream[at % stream.size()] = static_cast<char>(stream[at % stream.size()] ^ change);
  }
  actor_translator whole(limits), parts(limits);
  auto expected = translate(stream, 0, 0, whole);
  check_in(expected);
  FUZZ_CHECK(translate(stream, modes >> 4, modes >> 1 & 7, parts) == expected);
  check_out(expected, whole);
  std::string refusal;
  actor_translator::write_refused(refusal, expected.why);
  FUZZ_CHECK(refusal.size() % 8 == 0);
}

}  // namespace

TROUPE_FUZZER(actor_frames);
