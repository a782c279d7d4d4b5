#pragma once
/// A small value kept twice, so that a torn or rotten write leaves the other copy.
///
/// Format: two slots, at byte 0 and 4096 (two sectors, two pages). A slot is u32 crc32c of the rest, u32 payload
/// length, u64 serial, payload; little-endian. The valid slot with the higher serial counts. `write` never touches the slot that was
/// last made durable: whatever a crash or a power failure leaves of the other one, that value remains.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "persistence/medium.hpp"

namespace troupe::persistence {

class slot_file {
 public:
  static constexpr std::size_t max_payload = 512;  ///< what is kept here is a name and a few numbers

  /// Opens or creates. Throws storage_error if the file holds something other than zeros, but no valid slot.
  explicit slot_file(std::filesystem::path name, medium& = system_medium());

  /// Reads without creating anything; nothing if there is no file, or nothing in it.
  static std::optional<std::string> peek(const std::filesystem::path& name, medium& = system_medium());

  const std::optional<std::string>& value() const { return value_; }

  /// `durable`: on disk on return. Otherwise the kernel has it: it outlives the process, not a power failure. The first write of a
  /// new file is always durable.
  void write(std::string_view payload, bool durable);

 private:
  std::unique_ptr<file> file_;
  std::uint64_t serial_ = 0;
  int next_ = 1;  ///< the slot to write: the other one is on disk
  std::optional<std::string> value_;
};

}  // namespace troupe::persistence
