#pragma once
/// LMDB's list of free pages, read from its file without its map: tells a file that was cut off from one whose end was
/// never written. Pages that one transaction takes and gives back stay unwritten, and may be the last ones: a large
/// record that is appended and truncated in one step is enough.

#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace troupe::persistence {

/// Whether LMDB's newest meta page says of all pages from `from` up to, but without, `to` that they are free. Each page
/// is free or in use, so nothing is missing if the file ends there. False if the list itself is not whole.
bool pages_are_free(const std::filesystem::path& file, std::size_t page_size, std::uint64_t from, std::uint64_t to);

}  // namespace troupe::persistence
