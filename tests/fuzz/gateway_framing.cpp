/// What a client's socket brings, cut into four-letter words and frames by the real gateway (on a socket of the local
/// domain) and split anywhere. The commit actor must see exactly the frames that are there, each is answered, and what
/// is no frame ends the connection. The bounds are small, so that the gateway often stops reading and takes up again.
///
/// The input: one byte that says where the stream is split, then the stream.

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "actors/gateway/four_letter_words.hpp"
#include "actors/gateway/gateway.hpp"
#include "schema/jute.hpp"
#include "tests/actors/loop_fixture.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace troupe;

constexpr std::size_t max_first_frame = 48, max_frame = 600;
constexpr int patience_ms = 60'000;  ///< only a failure waits so long; a busy machine stands still for 20 s at times
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
  std::mutex mutex;
  std::condition_variable changed;
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
      std::lock_guard lock(record_.mutex);
      for (auto& i : b->items) {
        record_.closed += i.what == request_batch::kind::closed;
        if (i.what != request_batch::kind::frame) continue;
        auto at = out.bytes.size();
        jute::writer(out.bytes).buffer(b->view(i));
        out.items.push_back(
            {i.conn, static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(out.bytes.size() - at), true, false});
        record_.frames.emplace_back(b->view(i));
      }
      record_.changed.notify_all();
      if (!out.items.empty()) self_->send(gateway_, box(std::move(out)));
    }};
  }
  io::pinned_actor* self_;
  caf::actor gateway_;
  record& record_;
};

class server : testing::loop_fixture {
 public:
  server() {
    gateway::options o;
    o.max_first_frame = max_first_frame, o.max_frame = max_frame;
    o.max_connections_per_address = 0;
    o.max_outstanding = 4, o.max_outstanding_bytes = 700;
    io::listener l;
    l.fd.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    socklen_t size = sizeof(sa_family_t);  // the kernel chooses a name
    sockaddr_un own{};
    own.sun_family = AF_UNIX;
    if (::bind(l.fd.get(), reinterpret_cast<sockaddr*>(&own), size) != 0 || ::listen(l.fd.get(), 16) != 0) std::abort();
    size_ = sizeof address_;
    ::getsockname(l.fd.get(), reinterpret_cast<sockaddr*>(&address_), &size_);
    gate_ = gateway::spawn_gateway(system, loop, std::move(l), std::move(o), stats_);
    commit_ = io::spawn_pinned<echo>(system, &loop, gate_, &seen);
    caf::anon_send(gate_, box(gateway::start{commit_}));
    on_loop([] {});
  }
  ~server() { end(gate_), end(commit_); }

  io::descriptor connect() const {
    io::descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    FUZZ_CHECK(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address_), size_) == 0, std::strerror(errno));
    return fd;
  }
  /// The loop has handled what the kernel has for it.
  void turn() {
    on_loop([] {});
  }

  record seen;

 private:
  sockaddr_un address_{};
  socklen_t size_ = 0;
  node_stats stats_;
  caf::actor gate_, commit_;
};

/// Reads `n` bytes, or up to the end if that comes first.
std::string receive(int fd, std::size_t n) {
  std::string out;
  while (out.size() < n) {
    pollfd p{fd, POLLIN, 0};
    FUZZ_CHECK(::poll(&p, 1, patience_ms) == 1, "no answer and no end after " + std::to_string(out.size()) + " bytes");
    char part[4096];
    auto got = ::recv(fd, part, std::min(sizeof part, n - out.size()), 0);
    if (got <= 0) break;
    out.append(part, static_cast<std::size_t>(got));
  }
  return out;
}

void fuzz_one(std::string_view bytes) {
  static auto& s = *new server;  // never ends: CAF is gone before statics are
  fuzz::input in(bytes);
  std::size_t split = in.u8();
  auto stream = in.rest();
  auto expected = read(stream);
  {
    std::lock_guard lock(s.seen.mutex);
    s.seen.frames.clear(), s.seen.closed = 0;
  }
  auto client = s.connect();
  for (int n = 0; !stream.empty(); ++n) {
    auto piece = n < pieces && split ? std::min(stream.size(), split) : stream.size();
    auto sent = ::send(client.get(), stream.data(), piece, MSG_NOSIGNAL);
    if (sent <= 0) break;  // refused already
    stream.remove_prefix(static_cast<std::size_t>(sent));
    if (!stream.empty()) s.turn();
    split = (split * 5 + 1) % 64;
  }
  if (expected.word) {
    auto answer = receive(client.get(), SIZE_MAX);
    FUZZ_CHECK(!answer.empty());
  } else if (expected.refused) {
    receive(client.get(), SIZE_MAX);  // it ends
  } else {
    std::string replies;
    for (auto& f : expected.frames) jute::writer(replies).buffer(f);
    auto got = receive(client.get(), replies.size());
    FUZZ_CHECK(got == replies, "replies are not those to the frames");
  }
  std::unique_lock lock(s.seen.mutex);
  auto complete = s.seen.changed.wait_for(lock, std::chrono::milliseconds(patience_ms),
                                          [&] { return s.seen.frames.size() >= expected.frames.size(); });
  FUZZ_CHECK(complete && s.seen.frames == expected.frames,
             std::to_string(s.seen.frames.size()) + " frames, not " + std::to_string(expected.frames.size()));
  // Until the gateway has taken note of the end, the next input must not begin.
  client.reset();
  if (!expected.frames.empty())
    FUZZ_CHECK(
        s.seen.changed.wait_for(lock, std::chrono::milliseconds(patience_ms), [&] { return s.seen.closed == 1; }));
}

}  // namespace

TROUPE_FUZZER(gateway_framing);
