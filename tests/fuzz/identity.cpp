/// What a data directory says of whose it is (persistence/data_directory, in a file of two slots). Whatever stands there,
/// a node finds that it is its own, that there is none yet, or a storage_error that says what to do; and what a node
/// writes it knows again.
///
/// The input: modes; what each slot holds, with the right checksum; or the file as it is.

#include "persistence/crc32c.hpp"
#include "persistence/data_directory.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/memory_medium.hpp"

namespace {

using namespace troupe;
using namespace troupe::persistence;

const std::filesystem::path directory = "/d";

std::string slot(fuzz::input& in) {
  std::uint64_t serial = in.u8();
  auto payload = in.string();
  auto length = static_cast<std::uint32_t>(payload.size());
  std::string out(16, '\0');
  std::memcpy(out.data() + 4, &length, 4);
  std::memcpy(out.data() + 8, &serial, 8);
  out += payload;
  auto crc = crc32c(std::string_view(out).substr(4));
  std::memcpy(out.data(), &crc, 4);
  return out;
}

void fuzz_one(std::string_view bytes) {
  fuzz::input in(bytes);
  fuzz::memory_medium disk;
  auto modes = in.u8();
  std::string ensemble = modes & 4 ? "another" : "troupe";
  node_id self = 1 + (modes >> 3 & 3);
  if (modes & 0x20) disk.files[directory / "log" / "data.mdb"];
  if (!(modes & 0x40)) {
    auto& file = disk.files[directory / "identity"];
    if (modes & 1) {
      file = in.rest();
    } else {
      file = slot(in);
      file.resize(4096);
      if (modes & 2) file += slot(in);
    }
  }
  try {
    if (check_identity(directory, ensemble, self, disk)) return;
    FUZZ_CHECK(!(modes & 0x20));  // data of nobody are refused
    write_identity(directory, ensemble, self, disk);
  } catch (const storage_error& e) {
    FUZZ_CHECK(std::string_view(e.what()).starts_with("/d"), e.what());
    return;
  }
  disk.files[directory / "log" / "data.mdb"];  // it is known for good as soon as there is data beside it
  FUZZ_CHECK(check_identity(directory, ensemble, self, disk));
}

}  // namespace

TROUPE_FUZZER(identity);
