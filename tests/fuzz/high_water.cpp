/// The file that keeps a small value twice (slot_file.hpp), as the high-water mark uses it. Whatever stands in it, opening
/// gives a mark, none, or a storage_error; and a mark that is written over it is read back.
///
/// The input: for each slot whether it has the right checksum, its payload and serial; or the whole file as it is.

#include "persistence/high_water.hpp"
#include "persistence/crc32c.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/memory_medium.hpp"

namespace {

using namespace troupe;
using namespace troupe::persistence;

std::string read_slot(fuzz::input& in) {
  auto modes = in.u8();
  std::uint64_t serial = modes & 2 ? in.u64() : in.u8();
  auto payload = in.string();
  auto length = modes & 4 ? in.u32() : static_cast<std::uint32_t>(payload.size());
  std::string out(16, '\0');
  std::memcpy(out.data() + 4, &length, 4);
  std::memcpy(out.data() + 8, &serial, 8);
  out += payload;
  auto crc = modes & 1 ? in.u32() : crc32c(std::string_view(out).substr(4));
  std::memcpy(out.data(), &crc, 4);
  return out;
}

void fuzz_one(std::string_view bytes) {
  static const std::filesystem::path directory = "/d";
  fuzz::memory_medium disk;
  fuzz::input in(bytes);
  std::string file;
  if (auto modes = in.u8(); modes & 1) {
    file = in.rest();
  } else {
    file = read_slot(in);
    file.resize(4096);
    if (modes & 2) file += read_slot(in);
  }
  disk.files[directory / "high-water"] = file;
  const high_water::mark next{make_zxid(3, 9), 3};
  try {
    high_water h(directory, disk);
    h.lower(next);
  } catch (const storage_error& e) {
    FUZZ_CHECK(std::string_view(e.what()).find("high-water") != std::string_view::npos, e.what());
    return;
  }
  high_water again(directory, disk);
  FUZZ_CHECK(again.exists() && again.value().last == next.last && again.value().current_epoch == next.current_epoch);
}

}  // namespace

TROUPE_FUZZER(high_water);
