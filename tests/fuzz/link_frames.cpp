/// The byte stream of a link to a peer, cut into frames and then read as a Hello. The same bytes in pieces of any size
/// must give the same frames as in one piece, and a stranger's Hello must end in a text.
///
/// The input: one byte of modes, one that says where the stream is split, then the stream.

#include <algorithm>
#include <vector>

#include "actors/peer/frames.hpp"
#include "actors/peer/hello.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace troupe;
using namespace troupe::peer;

constexpr std::size_t limit = 4096;
// 256 more than the reader's least room: a new block, or the old one from its beginning, every 256 bytes.
constexpr std::size_t block_bytes = (16 << 10) + 256;

struct outcome {
  std::vector<std::pair<kind, std::string>> frames;
  bool malformed = false;
  bool operator==(const outcome&) const = default;
};

/// `pieces`: 0 = all at once, else the size of the first piece; each of the others is a little larger.
outcome cut(std::string_view stream, std::size_t pieces) {
  outcome out;
  frame_reader reader(block_bytes);
  std::vector<shared_bytes> kept;  // as those who handle messages keep them
  while (!stream.empty() && !out.malformed) {
    auto [room, size] = reader.prepare();
    FUZZ_CHECK(size > 0);
    auto n = std::min({stream.size(), size, pieces ? pieces : stream.size()});
    if (pieces) pieces = pieces % 97 + 1;
    std::memcpy(room, stream.data(), n);
    reader.add(n), stream.remove_prefix(n);
    for (;;) {
      kind what;
      shared_bytes body;
      auto r = reader.next(limit, what, body);
      if (r == frame_reader::result::malformed) out.malformed = true;
      if (r != frame_reader::result::frame) break;
      FUZZ_CHECK(body.size() <= limit && body.aligned());
      out.frames.emplace_back(what, body.view());
      if (kept.size() < 4) kept.push_back(body);
    }
  }
  // A slice that somebody holds is never written again.
  for (std::size_t i = 0; i < kept.size(); ++i) FUZZ_CHECK(kept[i].view() == out.frames[i].second);
  return out;
}

const options& ours() {
  static const options o = [] {
    options out;
    out.self = 2, out.ensemble = "troupe", out.boot = 7;
    for (node_id id = 1; id <= 3; ++id) out.members.push_back({id, "127.0.0.1", 3181});
    return out;
  }();
  return o;
}

void fuzz_one(std::string_view bytes) {
  fuzz::input in(bytes);
  auto modes = in.u8(), split = in.u8();
  auto stream = in.rest();
  auto whole = cut(stream, 0);
  if (modes & 1) FUZZ_CHECK(cut(stream, split + 1u) == whole);
  for (auto& [what, body] : whole.frames) {
    if (what != kind::hello) continue;
    auto [from, error] = check_hello(ours(), shared_bytes::copy_of(body));
    FUZZ_CHECK(!error.empty() || (from == 1 || from == 3), std::to_string(from));
    FUZZ_CHECK(error.find('\n') == error.npos, error);
  }
}

}  // namespace

TROUPE_FUZZER(link_frames);
