#pragma once
/// The directory itself: whose it is, who uses it, and how much room its disk has.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "persistence/medium.hpp"
#include "schema/ids.hpp"

namespace troupe::persistence {

/// Refuses, without creating anything, a directory that belongs to another node or ensemble, or that holds a log or a
/// checkpoint but does not say whose. Returns whether it is identified, for good: false if `write_identity` is to be
/// called, as long as there is nothing that it says the owner of.
bool check_identity(const std::filesystem::path& directory, const std::string& ensemble, node_id self,
                    medium& = system_medium());

/// Refuses a path that exists and is no directory. Returns whether it exists.
bool check_directory(const std::filesystem::path& directory);

/// Creates the directory (mode 0700: it holds the ACL digests and data of everybody) if there is none.
void make_directory(const std::filesystem::path& directory);

/// Takes DIR/lock for the life of the result. Refuses, naming the pid, if another process has it.
std::shared_ptr<void> lock_directory(const std::filesystem::path& directory);

/// Writes DIR/identity; the first file after the lock, so that a log without one means that it was lost.
void write_identity(const std::filesystem::path& directory, const std::string& ensemble, node_id self,
                    medium& = system_medium());

/// If `have`, which is free, is less than `min_free`: throws where there is no data yet, and returns a warning where there
/// is, whose node can serve and trim its log. Both say the numbers and what to do. Else returns an empty string.
std::string check_free_space(const std::filesystem::path& directory, std::uint64_t have, std::uint64_t min_free,
                             bool has_data);

/// Makes DIR/ballast unless the disk is too small for that. An operator removes it to repair a node whose disk is full.
void create_ballast(const std::filesystem::path& directory, std::uint64_t min_free);
inline constexpr std::uint64_t ballast_bytes = std::uint64_t{64} << 20;

std::uint64_t free_bytes(const std::filesystem::path& directory);

}  // namespace troupe::persistence
