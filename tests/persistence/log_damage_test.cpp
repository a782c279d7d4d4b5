// What reliability demands of the log when its files are not what was written: refuse with a name, never read on.
#include <sys/mount.h>

#include "disk_faults.hpp"
#include "fixture.hpp"

using namespace troupe;
using namespace troupe::persistence;

namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t txnid_offset = 144;  // of MDB_meta in its page, LMDB 0.9

std::size_t newest_meta_page(const std::filesystem::path& file) {
  auto bytes = slurp(file);
  std::uint64_t a, b;
  std::memcpy(&a, bytes.data() + txnid_offset, 8);
  std::memcpy(&b, bytes.data() + page + txnid_offset, 8);
  return a > b ? 0 : 1;
}

void make_log(const std::filesystem::path& directory, std::uint32_t count) {
  lmdb_log log(small_log(directory));
  establish(log, 1);
  for (std::uint32_t i = 1; i <= count; ++i) write(log, {records(1, i, i)});
}

// LMDB leaves former versions of pages behind, so that the text stands in several places.
void flip_everywhere(const std::filesystem::path& file, const std::string& text) {
  auto bytes = slurp(file);
  for (auto at = bytes.find(text); at != std::string::npos; at = bytes.find(text, at + 1))
    overwrite(file, at + 3, std::string(1, static_cast<char>(bytes[at + 3] ^ 4)));
}

}  // namespace

TEST_CASE("a record in which one bit flipped is refused by its name, and so is everything after") {
  scratch dir;
  make_log(dir.path, 30);
  flip_everywhere(dir.path / "data.mdb", payload_of(make_zxid(1, 17), 0));
  lmdb_log log(small_log(dir.path));
  CHECK(log.read(make_zxid(1, 17), 1 << 20).records.size() == 13);
  auto text = refusal([&] { log.read(0, 1 << 20); });
  CHECK(has(text, zxid_text(make_zxid(1, 17))));
  CHECK(has(text, (dir.path / "data.mdb").string()));
  CHECK(has(refusal([&] { write(log, {records(1, 31, 31)}); }), "stopped after an error"));
}

TEST_CASE("a last record that rotted is refused at open, not taken for a torn one") {
  scratch dir;
  make_log(dir.path, 30);
  flip_everywhere(dir.path / "data.mdb", payload_of(make_zxid(1, 30), 0));
  CHECK(has(refusal([&] { lmdb_log log(small_log(dir.path)); }), zxid_text(make_zxid(1, 30))));
}

TEST_CASE("a log whose newest meta page was zeroed is refused") {
  scratch dir;
  make_log(dir.path, 30);
  overwrite(dir.path / "data.mdb", newest_meta_page(dir.path / "data.mdb") * page, std::string(page, '\0'));
  CHECK(has(refusal([&] { lmdb_log log(small_log(dir.path)); }), "data.mdb"));
}

TEST_CASE("a log that went back by a lost meta page is told from the high-water mark") {
  scratch dir;
  make_log(dir.path, 30);
  auto before = slurp(dir.path / "data.mdb").substr(0, 2 * page);
  {
    lmdb_log log(small_log(dir.path));
    write(log, {records(1, 31, 33)});
  }
  overwrite(dir.path / "data.mdb", 0, before);
  auto text = refusal([&] { lmdb_log log(small_log(dir.path)); });
  CHECK(has(text, "lost 3 transactions"));
  CHECK(has(text, zxid_text(make_zxid(1, 33))));
  CHECK(has(text, "move the data directory away"));
}

TEST_CASE("a log that lost the commit of its epoch is told from the high-water mark") {
  scratch dir;
  make_log(dir.path, 3);
  auto before = slurp(dir.path / "data.mdb").substr(0, 2 * page);
  {
    lmdb_log log(small_log(dir.path));
    establish(log, 5);
  }
  overwrite(dir.path / "data.mdb", 0, before);
  CHECK(has(refusal([&] { lmdb_log log(small_log(dir.path)); }), "the current epoch is 1, but was 5"));
}

TEST_CASE("a log that lost the commit of a promise is told from the high-water mark: no epoch is given out twice") {
  scratch dir;
  make_log(dir.path, 3);
  auto before = slurp(dir.path / "data.mdb").substr(0, 2 * page);
  {
    lmdb_log log(small_log(dir.path));
    write(log, {zab::set_accepted_epoch{7}});
  }
  overwrite(dir.path / "data.mdb", 0, before);
  CHECK(has(refusal([&] { lmdb_log log(small_log(dir.path)); }), "the accepted epoch is 1, but was 7"));
}

TEST_CASE("a log whose file is gone is told from the high-water mark") {
  scratch dir;
  make_log(dir.path, 3);
  std::filesystem::remove(dir.path / "data.mdb");
  CHECK(has(refusal([&] { lmdb_log log(small_log(dir.path)); }), "lost 3 transactions"));
}

TEST_CASE("a high-water mark that is missing or damaged twice is refused, damaged once it is read from its copy") {
  scratch dir;
  make_log(dir.path, 5);
  auto file = dir.path / "high-water";
  const auto good = slurp(file);
  const std::size_t slots[] = {0, 4096};
  for (auto slot : slots) {
    overwrite(file, slot + 20, "\xff\xff");
    lmdb_log log(small_log(dir.path));
    overwrite(file, 0, good);
  }
  for (auto slot : slots) overwrite(file, slot + 20, "\xff\xff");
  CHECK(has(refusal([&] { lmdb_log log(small_log(dir.path)); }), "both copies are damaged"));
  std::filesystem::remove(file);
  CHECK(has(refusal([&] { lmdb_log log(small_log(dir.path)); }), "high-water: missing"));
}

TEST_CASE(
    "what was made durable in a slot file stays there until something else is durable, for power failures spoil what "
    "is not") {
  scratch dir;
  auto name = dir.path / "slots";
  auto has_slot = [&](const std::string& slot) {
    auto now = slurp(name);
    return slot == now.substr(0, slot.size()) || slot == now.substr(4096, slot.size());
  };
  auto newest_slot = [&](const std::string& payload) {
    auto now = slurp(name);
    auto at = now.find(payload);
    REQUIRE(at != std::string::npos);
    return now.substr(at - 16, 16 + payload.size());
  };
  for (auto* opened : {"first", "again"}) {
    slot_file file(name);
    // What a process left with the kernel alone is written again, to the same place, when it is opened.
    auto safe = file.value() ? newest_slot(*file.value()) : std::string();
    for (int i = 0; i < 22; ++i) {
      auto payload = opened + std::to_string(i);
      auto durable = safe.empty() || i % 5 == 4;  // the first one ever is in any case
      file.write(payload, i % 5 == 4);
      CHECK(slot_file::peek(name) == payload);
      if (durable) safe = newest_slot(payload);
      CHECK(has_slot(safe));
    }
  }
}

TEST_CASE("a slot with more in it than we ever write is a damaged one, though its checksum is right") {
  scratch dir;
  auto name = dir.path / "slots";
  auto slot = [](std::uint64_t serial, const std::string& payload) {
    std::string out(16, '\0');
    auto length = static_cast<std::uint32_t>(payload.size());
    std::memcpy(out.data() + 4, &length, 4), std::memcpy(out.data() + 8, &serial, 8);
    out += payload;
    auto crc = crc32c(std::string_view(out).substr(4));
    std::memcpy(out.data(), &crc, 4);
    out.resize(4096);
    return out;
  };
  std::string large(slot_file::max_payload + 1, 'x');
  SUBCASE("beside one of ours") {
    std::ofstream(name, std::ios::binary) << slot(1, "ours") + slot(2, large);
    CHECK(slot_file(name).value() == "ours");
  }
  SUBCASE("alone") {
    std::ofstream(name, std::ios::binary) << slot(1, large);
    CHECK_THROWS_AS(slot_file{name}, storage_error);
  }
}

TEST_CASE("a truncation lowers the high-water mark before it is done") {
  scratch dir;
  make_log(dir.path, 30);
  {
    lmdb_log log(small_log(dir.path));
    reset_faults();
    write(log, {zab::truncate_after{make_zxid(1, 20)}});
    CHECK_MESSAGE(faults().syncs == 2, "the lower mark must be on disk before the commit");
  }
  lmdb_log log(small_log(dir.path));
  CHECK(log.state().last == make_zxid(1, 20));
}

TEST_CASE("a log file that was cut off is refused before anything touches the missing pages") {
  scratch dir;
  make_log(dir.path, 300);
  auto file = dir.path / "data.mdb";
  for (auto size : {std::filesystem::file_size(file) / 2, std::uintmax_t{3 * page}}) {
    std::filesystem::resize_file(file, size);
    CHECK(has(refusal([&] { lmdb_log log(small_log(dir.path)); }), "truncated"));
  }
  std::filesystem::resize_file(file, page / 2);
  CHECK(has(refusal([&] { lmdb_log log(small_log(dir.path)); }), "data.mdb"));
}

TEST_CASE("a log stops for good at the first failed sync or write, whichever it is, and keeps what it acknowledged") {
  for (bool sync : {true, false})
    for (int n = 0; n < 12; ++n) {
      CAPTURE(sync);
      CAPTURE(n);
      scratch dir;
      zxid_t acknowledged = 0;
      {
        lmdb_log log(small_log(dir.path));
        establish(log, 1);
        reset_faults();
        (sync ? faults().fail_sync : faults().fail_write) = n;
        bool failed = false;
        for (std::uint32_t i = 1; i <= 20; ++i) try {
            write(log, {records(1, i, i)});
            CHECK(!failed);
            acknowledged = make_zxid(1, i);
          } catch (const storage_error& e) {
            failed = true;
          }
        CHECK(failed);
        CHECK_THROWS_AS(log.read(0, 1), storage_error);
        CHECK_THROWS_AS(log.trim(make_zxid(1, 1)), storage_error);
        reset_faults();
      }
      lmdb_log log(small_log(dir.path));
      CHECK(log.state().last >= acknowledged);
      CHECK(log.read(0, 1 << 20).at_end);
    }
}

TEST_CASE("a full disk stops the log with advice, and room lets it go on after a restart") {
  scratch dir;
  if (::mount("tmpfs", dir.path.c_str(), "tmpfs", 0, "size=2m") != 0) {
    MESSAGE("no right to mount a small file system: left out");
    return;
  }
  zxid_t acknowledged = 0;
  std::string text;
  {
    lmdb_log log(small_log(dir.path));
    establish(log, 1);
    text = refusal([&] {
      for (std::uint32_t i = 1; i < 1000; ++i) write(log, {records(1, i, i, 10000)}), acknowledged = make_zxid(1, i);
    });
  }
  CHECK(has(text, "ballast"));
  CHECK(acknowledged > make_zxid(1, 50));
  CHECK(::mount("tmpfs", dir.path.c_str(), "tmpfs", MS_REMOUNT, "size=8m") == 0);
  {
    lmdb_log log(small_log(dir.path));
    CHECK(log.state().last == acknowledged);
    write(log, {records(1, counter_of(acknowledged) + 1, counter_of(acknowledged) + 9, 10000)});
    CHECK(log.read(0, 100 << 20).records.size() == counter_of(acknowledged) + 9);
  }
  CHECK(::umount(dir.path.c_str()) == 0);
}
