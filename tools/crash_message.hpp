#pragma once
/// The last words of a node that dies of a signal. LMDB reads its files through a memory map and has no checksums of its
/// own: where the disk damaged or shortened such a file, it may read what is not there (SIGBUS), follow a number that is
/// no page (SIGSEGV) or fail an assertion of its own (SIGABRT). An operator must not have to guess that.

#include <filesystem>

namespace troupe::tools {

/// From here on such a signal writes one line to standard error that names the data directory, and then ends the process
/// as it would have (with a core dump where those are on).
void explain_crashes(const std::filesystem::path& data_directory);

}  // namespace troupe::tools
