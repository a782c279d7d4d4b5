#include "persistence/medium.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <random>

#include "persistence/file_io.hpp"
#include "persistence/lmdb_env.hpp"

namespace troupe::persistence {

namespace {

class system_file : public file {
 public:
  system_file(unique_fd fd, std::filesystem::path name) : fd_(std::move(fd)), name_(std::move(name)) {}

  std::size_t size() const override {
    struct stat st;
    if (::fstat(fd_.get(), &st) != 0) fail_file(name_, "stat", errno);
    return static_cast<std::size_t>(st.st_size);
  }
  std::string read_at(std::size_t size, std::size_t offset) const override {
    return persistence::read_at(fd_, name_, size, offset);
  }
  void write_at(std::string_view bytes, std::size_t offset) override {
    persistence::write_at(fd_, name_, bytes, offset);
  }
  void sync() override { sync_data(fd_, name_); }

 private:
  unique_fd fd_;
  std::filesystem::path name_;
};

int flags_of(medium::mode m) {
  switch (m) {
    case medium::mode::read:
      return O_RDONLY;
    case medium::mode::write:
      return O_RDWR;
    case medium::mode::create:
      return O_RDWR | O_CREAT;
    case medium::mode::truncate:
      return O_RDWR | O_CREAT | O_TRUNC;
  }
  throw std::logic_error("medium: mode " + std::to_string(static_cast<int>(m)));
}

class the_system : public medium {
 public:
  std::unique_ptr<file> open(const std::filesystem::path& name, mode m) override {
    auto fd = open_file(name, flags_of(m), m == mode::read || m == mode::write);
    return fd ? std::make_unique<system_file>(std::move(fd), name) : nullptr;
  }
  bool exists(const std::filesystem::path& name) const override {
    std::error_code ignored;
    return std::filesystem::exists(name, ignored);
  }
  void sync_directory(const std::filesystem::path& name) override { persistence::sync_directory(name); }
  std::unique_ptr<table_store> open_tables(const std::filesystem::path& directory, std::size_t map_size_bytes,
                                           const std::vector<const char*>& tables) override {
    return std::make_unique<lmdb_env>(directory, map_size_bytes, tables);
  }
  std::uint64_t fresh_id() override {
    std::random_device random;
    std::uint64_t id = 0;
    while (id == 0) id = std::uint64_t{random()} << 32 | random();
    return id;
  }
};

}  // namespace

medium& system_medium() {
  static the_system m;
  return m;
}

}  // namespace troupe::persistence
