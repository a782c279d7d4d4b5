/// The file of the journal. Whatever stands in it, opening it gives records or a storage_error with what is wrong; and
/// what was recovered can be written on: another open gives the same records and the new one.
///
/// The input: which blocks LMDB has, then pieces of the file: blocks (with the right checksum and id, or not) or bytes
/// anywhere.

#include "persistence/journal.hpp"
#include "persistence/crc32c.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/memory_medium.hpp"

namespace {

using namespace troupe;
using namespace troupe::persistence;

constexpr std::size_t blocks = 5, size = blocks * journal::alignment;
constexpr std::uint64_t id = 0x1122334455667788;

template <class T>
void put(std::string& to, std::size_t at, T number) {
  if (at + sizeof number <= to.size()) std::memcpy(to.data() + at, &number, sizeof number);
}

void place_block(fuzz::input& in, std::uint8_t packed, std::string& file) {
  auto at = (packed & 7u) % blocks * journal::alignment;
  auto sequence = in.u8();
  std::string records;
  for (auto n = packed >> 3 & 3; n >= 0; --n) {
    auto z = in.u8();
    auto payload = in.string();
    std::uint32_t length = static_cast<std::uint32_t>(payload.size());
    if (z == 0xff) length = in.u32();
    std::string head(journal::record_header_bytes, '\0');
    put<std::int64_t>(head, 0, make_zxid(1, z)), put(head, 8, length);
    records.append(head).append(payload);
  }
  std::uint32_t length = static_cast<std::uint32_t>(records.size());
  if (packed & 0x20) length = in.u32();
  std::string block(journal::header_bytes, '\0');
  put(block, 4, length), put(block, 8, id), put<std::uint64_t>(block, 16, sequence);
  block += records;
  block.resize(std::min(block.size(), size - at));
  put(block, 0, crc32c(std::string_view(block).substr(4)));
  file.replace(at, block.size(), block);
}

std::string read_file(fuzz::input& in) {
  std::string file(size, '\0');
  for (int n = 0; !in.empty() && n < 16; ++n) {
    auto packed = in.u8();
    if (!(packed & 0x80)) {
      place_block(in, packed, file);
      continue;
    }
    auto at = in.u16() % size;
    auto bytes = in.string().substr(0, size - at);
    file.replace(at, bytes.size(), bytes);
  }
  return file;
}

bool same(const log_records& a, const log_records& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i].zxid != b[i].zxid || a[i].payload.view() != b[i].payload.view()) return false;
  return true;
}

void fuzz_one(std::string_view bytes) {
  static const std::filesystem::path path = "/d/journal";
  fuzz::memory_medium disk;
  fuzz::input in(bytes);
  const journal_mark mark{id, in.u8(), size};
  disk.files[path] = read_file(in);
  log_records found;
  try {
    journal j(path, mark, disk);
    found = j.recover();
    std::vector<log_record> more{{make_zxid(2, 1), shared_bytes::copy_of("more")}};
    auto room = journal::block_bytes(1, 4);
    if (!j.fits(room)) return;
    j.write(more, room);
    found.push_back(more.front());
  } catch (const storage_error& e) {
    FUZZ_CHECK(std::string_view(e.what()).find("journal") != std::string_view::npos, e.what());
    return;
  }
  FUZZ_CHECK(same(journal(path, mark, disk).recover(), found));
}

}  // namespace

TROUPE_FUZZER(journal);
