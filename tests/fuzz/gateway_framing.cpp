/// What a client's socket brings, cut into four-letter words and frames by the real gateway (on a socket of the local
/// domain) and split anywhere. The commit actor must see exactly the frames that are there, each is answered, and what
/// is no frame ends the connection. The bounds are small, so that the gateway often stops reading and takes up again.
///
/// All of it runs in one thread, and the loop turns when the input says so: a wake-up that gets lost is one that the loop
/// has come to rest without, not one that a machine was too busy for.
///
/// The input: one byte that says where the stream is split, then the stream.

#include <cerrno>

#include "actors/gateway/four_letter_words.hpp"
#include "actors/gateway/gateway.hpp"
#include "schema/jute.hpp"
#include "tests/actors/turned_fixture.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace troupe;

constexpr std::size_t max_first_frame = 48, max_frame = 600;
constexpr int pieces = 12;

/// What the stream means.
struct meaning {
  std::vector<std::string> frames;
  bool word = false, refused = false;
};
meaning read(std::string_view stream) {
  meaning out;
  while (stream.size() >= 4) {
    bool fresh = out.frames.empty();
    if (fresh && gateway::is_four_letter_word(stream.substr(0, 4))) return out.word = true, out;
    auto size = static_cast<std::uint32_t>(jute::reader(stream).i32());
    if (size > (fresh ? max_first_frame : max_frame)) return out.refused = true, out;
    if (stream.size() - 4 < size) break;
    out.frames.emplace_back(stream.substr(4, size));
    stream.remove_prefix(4 + size);
  }
  return out;
}

/// What the commit actor saw of the one connection that there is.
struct record {
  std::vector<std::string> frames;
  std::size_t closed = 0;
};

/// Answers each frame with itself.
struct echo {
  static constexpr const char* name = "echo";
  echo(io::pinned_actor* self, caf::actor gateway, record* r)
      : self_(self), gateway_(std::move(gateway)), record_(*r) {}
  caf::behavior make_behavior() {
    return {[this](boxed<request_batch>& b) {
      delivery_batch out;
      for (auto& i : b->items) {
        record_.closed += i.what == request_batch::kind::closed;
        if (i.what != request_batch::kind::frame) continue;
        auto at = out.bytes.size();
        jute::writer(out.bytes).buffer(b->view(i));
        out.items.push_back(
            {i.conn, static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(out.bytes.size() - at), true, false});
        record_.frames.emplace_back(b->view(i));
      }
      if (!out.items.empty()) self_->send(gateway_, box(std::move(out)));
    }};
  }
  io::pinned_actor* self_;
  caf::actor gateway_;
  record& record_;
};

struct server : testing::turned_fixture, testing::local_listener {
  server() {
    gateway::options o;
    o.max_first_frame = max_first_frame, o.max_frame = max_frame;
    o.max_connections_per_address = 0;
    o.max_outstanding = 4, o.max_outstanding_bytes = 250;
    auto gate = gateway::spawn_gateway(system, loop, std::move(listener), std::move(o), stats);
    caf::anon_send(gate, box(gateway::start{io::spawn_pinned<echo>(system, &loop, gate, &seen)}));
    settle();
  }
  record seen;
  node_stats stats;
};

void fuzz_one(std::string_view bytes) {
  static auto& s = *new server;  // never ends: CAF is gone before statics are
  fuzz::input in(bytes);
  std::size_t split = in.u8();
  auto stream = in.rest();
  auto expected = read(stream);
  s.seen.frames.clear(), s.seen.closed = 0;

  auto client = s.connect();
  for (int n = 0; !stream.empty(); ++n) {
    auto piece = n < pieces && split ? std::min(stream.size(), split) : stream.size();
    auto sent = ::send(client.get(), stream.data(), piece, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) break;  // refused already
    stream.remove_prefix(static_cast<std::size_t>(sent));
    for (auto turns = split >> 1 & 3u; turns > 0; --turns) s.loop.turn();
    split = (split * 5 + 1) % 64;
  }
  s.settle();
  std::string replies, got;
  bool open = testing::read_available(client.get(), got);
  if (expected.word) {
    FUZZ_CHECK(!got.empty() && !open);
  } else if (expected.refused) {
    FUZZ_CHECK(!open);
  } else {
    for (auto& f : expected.frames) jute::writer(replies).buffer(f);
    FUZZ_CHECK(got == replies,
               std::to_string(got.size()) + " bytes of replies, not the " + std::to_string(replies.size()));
    FUZZ_CHECK(open);
  }
  FUZZ_CHECK(s.seen.frames == expected.frames,
             std::to_string(s.seen.frames.size()) + " frames, not " + std::to_string(expected.frames.size()));
  client.reset();
  s.settle();
  FUZZ_CHECK(s.seen.closed == (expected.frames.empty() ? 0 : 1), std::to_string(s.seen.closed));
  FUZZ_CHECK(s.stats.connections == 0);
}

}  // namespace

TROUPE_FUZZER(gateway_framing);
