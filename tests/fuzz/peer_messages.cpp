/// Frames of peers, as they come off a link: zab.capnp and election.capnp. Whatever decodes must come out the same when
/// it is encoded and decoded again; what does not must be refused by an exception that the shells expect
/// (actors/node/decode.hpp).

#include "actors/node/decode.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/without_stacks.hpp"

namespace {

using namespace troupe;

template <class T>
void decode(const shared_bytes& frame) {
  T first, second;
  std::string why;
  if (!actors::decoded(frame, first, why)) {
    FUZZ_CHECK(!why.empty());
    return;
  }
  // Slices of the frame are taken over as they are, so the first encoding may differ; the second may not.
  auto once = zab::encode(first);
  FUZZ_CHECK(actors::decoded(shared_bytes::copy_of(once), second, why), why);
  FUZZ_CHECK(zab::encode(second) == once);
}

void fuzz_one(std::string_view bytes) {
  fuzz::without_stacks quiet;
  fuzz::input in(bytes);
  auto kind = in.u8();
  auto frame = shared_bytes::copy_of(in.rest());
  if (kind & 1)
    decode<zab::notification>(frame);
  else
    decode<zab::message>(frame);
}

}  // namespace

TROUPE_FUZZER(peer_messages);
