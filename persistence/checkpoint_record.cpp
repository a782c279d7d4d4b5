#include "persistence/checkpoint_record.hpp"

#include <cstring>

#include "persistence/crc32c.hpp"

namespace troupe::persistence {

std::array<char, checkpoint_record_bytes> encode(const checkpoint_record& r) {
  std::array<char, checkpoint_record_bytes> out;
  std::uint32_t installed = r.installed;
  auto& sum = r.sum.value();
  std::memcpy(out.data() + 4, &installed, 4);
  std::memcpy(out.data() + 8, &r.zxid, 8);
  std::memcpy(out.data() + 16, &sum.count, 8);
  std::memcpy(out.data() + 24, &sum.hash, 8);
  auto crc = crc32c({out.data() + 4, out.size() - 4});
  std::memcpy(out.data(), &crc, 4);
  return out;
}

std::optional<checkpoint_record> decode_checkpoint_record(std::string_view bytes) {
  if (bytes.size() != checkpoint_record_bytes && bytes.size() != checkpoint_record_bytes_without_sum) return {};
  std::uint32_t crc, installed;
  std::memcpy(&crc, bytes.data(), 4);
  if (crc != crc32c(bytes.substr(4))) return {};
  checkpoint_record out;
  std::memcpy(&installed, bytes.data() + 4, 4);
  std::memcpy(&out.zxid, bytes.data() + 8, 8);
  out.installed = installed != 0;
  if (bytes.size() == checkpoint_record_bytes_without_sum) return out;
  out.sum.emplace();
  std::memcpy(&out.sum->count, bytes.data() + 16, 8);
  std::memcpy(&out.sum->hash, bytes.data() + 24, 8);
  return out;
}

}  // namespace troupe::persistence
