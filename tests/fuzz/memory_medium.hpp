#pragma once
/// Files and tables in memory, under the server's own logic, for the fuzzers of what is on disk. Nothing fails and nothing
/// is lost.

#include <map>

#include "persistence/medium.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/memory_tables.hpp"

namespace troupe::fuzz {

class memory_medium final : public persistence::medium {
 public:
  std::map<std::filesystem::path, std::string> files;
  std::map<std::filesystem::path, table_set> tables;  ///< by their directory

  std::unique_ptr<persistence::file> open(const std::filesystem::path& name, mode m) override {
    if (!files.contains(name) && (m == mode::read || m == mode::write)) return nullptr;
    auto& bytes = files[name];
    if (m == mode::truncate) bytes.clear();
    return std::make_unique<opened>(bytes);
  }
  bool exists(const std::filesystem::path& name) const override { return files.contains(name); }
  void sync_directory(const std::filesystem::path&) override {}
  std::unique_ptr<persistence::table_store> open_tables(const std::filesystem::path& directory, std::size_t,
                                                        const std::vector<const char*>&) override {
    return std::make_unique<memory_tables>(tables[directory], directory);
  }
  std::uint64_t fresh_id() override { return 7; }

 private:
  struct opened final : persistence::file {
    explicit opened(std::string& b) : bytes(b) {}
    std::size_t size() const override { return bytes.size(); }
    std::string read_at(std::size_t size, std::size_t offset) const override {
      return offset < bytes.size() ? bytes.substr(offset, size) : std::string();
    }
    void write_at(std::string_view s, std::size_t offset) override {
      if (bytes.size() < offset + s.size()) bytes.resize(offset + s.size());
      bytes.replace(offset, s.size(), s);
    }
    void sync() override {}
    std::string& bytes;
  };
};

}  // namespace troupe::fuzz
