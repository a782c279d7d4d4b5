#pragma once
/// Files in memory, under the server's own logic, for the fuzzers of files. Nothing fails and nothing is lost.

#include <map>

#include "persistence/medium.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace troupe::fuzz {

class memory_medium final : public persistence::medium {
 public:
  std::map<std::filesystem::path, std::string> files;

  std::unique_ptr<persistence::file> open(const std::filesystem::path& name, mode m) override {
    if (!files.contains(name) && (m == mode::read || m == mode::write)) return nullptr;
    auto& bytes = files[name];
    if (m == mode::truncate) bytes.clear();
    return std::make_unique<opened>(bytes);
  }
  bool exists(const std::filesystem::path& name) const override { return files.contains(name); }
  void sync_directory(const std::filesystem::path&) override {}
  std::unique_ptr<persistence::table_store> open_tables(const std::filesystem::path&, std::size_t,
                                                        const std::vector<const char*>&) override {
    FUZZ_CHECK(!"tables are not needed here");
    return nullptr;
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
