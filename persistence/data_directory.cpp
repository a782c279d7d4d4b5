#include "persistence/data_directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "persistence/file_io.hpp"
#include "persistence/slot_file.hpp"

namespace troupe::persistence {

namespace {

constexpr std::size_t max_ensemble_name = 255;

// u8 format, u8 node id, ensemble name.
std::string identity_of(const std::string& ensemble, node_id self) {
  if (ensemble.empty() || ensemble.size() > max_ensemble_name)
    throw storage_error("the ensemble's name must have 1 to 255 bytes, has " + std::to_string(ensemble.size()));
  if (self == 0) throw storage_error("the node's id must be 1 to 255");
  return {std::string{'\1', static_cast<char>(self)} + ensemble};
}

std::string describe(std::string_view identity) {
  return "node " + std::to_string(static_cast<unsigned char>(identity[1])) + " of ensemble '" +
         std::string(identity.substr(2)) + "'";
}

}  // namespace

bool check_directory(const std::filesystem::path& directory) {
  std::error_code ec;
  auto status = std::filesystem::status(directory, ec);
  if (status.type() == std::filesystem::file_type::not_found) return false;
  if (status.type() == std::filesystem::file_type::none) fail_file(directory, "look into", ec.value());
  if (!std::filesystem::is_directory(status)) fail_file(directory, "use as data directory", ENOTDIR);
  return true;
}

bool check_identity(const std::filesystem::path& directory, const std::string& ensemble, node_id self, medium& on) {
  auto wanted = identity_of(ensemble, self);
  auto file = directory / "identity";
  auto found = slot_file::peek(file, on);
  bool data = false;
  for (auto part : {"log", "state"}) data |= on.exists(directory / part / "data.mdb");
  if (!found) {
    if (data)
      throw storage_error(file.string() + ": missing, although there is data beside it; " +
                          std::string(resynchronise_advice));
    return false;
  }
  if (found->size() < 3 || (*found)[0] != 1)
    throw storage_error(file.string() + ": has an unknown format: written by a newer version of Troupe?");
  if (*found != wanted)
    throw storage_error(directory.string() + ": belongs to " + describe(*found) + ", this is " + describe(wanted) +
                        "; correct the configured id, ensemble or data directory");
  return data;  // the first start did not end: that the file can be read does not say that it is on the disk
}

void make_directory(const std::filesystem::path& directory) {
  if (std::filesystem::is_directory(directory)) return;
  auto parent = std::filesystem::absolute(directory).parent_path();
  std::error_code ec;
  std::filesystem::create_directories(parent, ec);
  if (ec) fail_file(parent, "create", ec.value());
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) fail_file(directory, "create", errno);
  sync_directory(parent);
}

std::shared_ptr<void> lock_directory(const std::filesystem::path& directory) {
  auto file = directory / "lock";
  auto fd = open_file(file, O_RDWR | O_CREAT);
  struct flock whole {};
  whole.l_type = F_WRLCK, whole.l_whence = SEEK_SET;
  // Of the open file description: a lock of the process would be lost when anything in it closes the file.
  if (::fcntl(fd.get(), F_OFD_SETLK, &whole) != 0) {
    if (errno != EAGAIN && errno != EACCES) fail_file(file, "lock", errno);
    auto holder = read_at(fd, file, 32, 0);
    while (!holder.empty() && holder.back() == '\n') holder.pop_back();
    throw storage_error(directory.string() + ": in use by process " + (holder.empty() ? "(unknown)" : holder) +
                        "; stop it, or give this node a data directory of its own");
  }
  if (::ftruncate(fd.get(), 0) != 0) fail_file(file, "truncate", errno);
  write_at(fd, file, std::to_string(::getpid()) + "\n", 0);
  return std::make_shared<unique_fd>(std::move(fd));
}

void write_identity(const std::filesystem::path& directory, const std::string& ensemble, node_id self, medium& on) {
  slot_file file(directory / "identity", on);
  auto identity = identity_of(ensemble, self);
  file.write(identity, true);  // twice: both slots
  file.write(identity, true);
  on.sync_directory(directory);
}

std::uint64_t free_bytes(const std::filesystem::path& directory) {
  struct statvfs s;
  if (::statvfs(directory.c_str(), &s) != 0) fail_file(directory, "see the free space of", errno);
  return static_cast<std::uint64_t>(s.f_bavail) * s.f_frsize;
}

std::string check_free_space(const std::filesystem::path& directory, std::uint64_t have, std::uint64_t min_free,
                             bool has_data) {
  if (have >= min_free) return {};
  auto text = directory.string() + ": only " + std::to_string(have >> 20) + " MiB are free on its disk, needed are " +
              std::to_string(min_free >> 20) + " MiB; ";
  if (!has_data) throw storage_error(text + advice(ENOSPC));
  return text + "the node starts, and trims its log; unless that makes room, free space (removing the file `ballast` " +
         "of the data directory frees 64 MiB)";
}

void create_ballast(const std::filesystem::path& directory, std::uint64_t min_free) {
  auto file = directory / "ballast";
  struct stat st;
  if (::stat(file.c_str(), &st) == 0 && static_cast<std::uint64_t>(st.st_size) >= ballast_bytes) return;
  if (free_bytes(directory) < min_free + 2 * ballast_bytes) return;
  auto fd = open_file(file, O_RDWR | O_CREAT);
  // A file system without fallocate (EOPNOTSUPP) goes without: zeros may be stored as nothing there.
  if (::fallocate(fd.get(), 0, 0, static_cast<off_t>(ballast_bytes)) != 0) ::unlink(file.c_str());
}

}  // namespace troupe::persistence
