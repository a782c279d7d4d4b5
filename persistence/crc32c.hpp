#pragma once
/// CRC32C (Castagnoli, RFC 3720 appendix B.4): the checksum of everything that persistence/ writes.

#include <cstdint>
#include <string_view>

namespace troupe::persistence {

/// Checksum of `bytes`; of a longer string when `before` is the checksum of what stands in front of it. Uses the
/// SSE 4.2 instruction where the processor has it.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

/// The same by table, whatever the processor can do.
std::uint32_t crc32c_portable(std::string_view bytes, std::uint32_t before = 0);

}  // namespace troupe::persistence
