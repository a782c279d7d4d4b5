#pragma once
/// What the tests of persistence/ share: a directory that goes away, records, and files to spoil.

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "persistence/journaled_log.hpp"

namespace troupe::persistence {

struct scratch {
  std::filesystem::path path;
  scratch() {
    auto name = (std::filesystem::temp_directory_path() / "troupe-persistence-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

inline lmdb_log_settings small_log(const std::filesystem::path& directory) {
  return {.directory = directory, .map_size_bytes = std::size_t{1} << 30};
}

/// A journal of two blocks at least: most tests want it to begin again often.
inline journaled_log_settings small_journal(const std::filesystem::path& directory, std::size_t bytes = 64 << 10,
                                            std::size_t flush_bytes = 1 << 20) {
  return {.directory = directory,
          .map_size_bytes = std::size_t{1} << 30,
          .journal_bytes = bytes,
          .flush_bytes = flush_bytes};
}

inline std::string payload_of(zxid_t z, std::size_t size) {
  auto s = "<payload of " + zxid_text(z) + ">";
  s.resize(std::max(size, s.size()), 'x');
  return s;
}

/// Records (epoch, from) to (epoch, to).
inline zab::append_records records(epoch_t epoch, std::uint32_t from, std::uint32_t to, std::size_t size = 100) {
  zab::append_records out;
  for (auto i = from; i <= to; ++i)
    out.records.push_back({make_zxid(epoch, i), shared_bytes::copy_of(payload_of(make_zxid(epoch, i), size))});
  return out;
}

inline void write(log_store& log, std::vector<zab::persist_op> ops) { log.write(ops); }

/// A log that has accepted and established `epoch`.
inline void establish(log_store& log, epoch_t epoch) {
  write(log, {zab::set_accepted_epoch{epoch}, zab::set_current_epoch{epoch}});
}

inline std::string slurp(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void overwrite(const std::filesystem::path& file, std::size_t at, std::string_view bytes) {
  std::fstream f(file, std::ios::binary | std::ios::in | std::ios::out);
  f.seekp(static_cast<std::streamoff>(at));
  f.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  REQUIRE(f.good());
}

/// The text of the storage_error that `f` throws; fails the test if it throws none.
template <class F>
std::string refusal(F&& f) {
  try {
    f();
  } catch (const storage_error& e) {
    return e.what();
  }
  FAIL("nothing was refused");
  return {};
}

inline bool has(const std::string& text, std::string_view part) {
  auto found = text.find(part) != std::string::npos;
  if (!found) MESSAGE("in: " << text);
  return found;
}

}  // namespace troupe::persistence
