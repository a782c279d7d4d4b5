#include "persistence/slot_file.hpp"

#include <cstring>

#include "persistence/crc32c.hpp"
#include "persistence/file_io.hpp"

namespace troupe::persistence {

namespace {

constexpr std::size_t slot_distance = 4096, header_size = 16;

struct slot {
  int place = 0;
  std::uint64_t serial = 0;
  std::string payload;
};

std::optional<slot> parse(std::string_view bytes) {
  if (bytes.size() < header_size) return std::nullopt;
  std::uint32_t crc, length;
  slot out;
  std::memcpy(&crc, bytes.data(), 4);
  std::memcpy(&length, bytes.data() + 4, 4);
  std::memcpy(&out.serial, bytes.data() + 8, 8);
  if (length > bytes.size() - header_size || crc != crc32c(bytes.substr(4, header_size - 4 + length)))
    return std::nullopt;
  if (length > slot_file::max_payload) return std::nullopt;  // whole, but not ours
  if (out.serial >> 63) return std::nullopt;  // nobody writes so often, and one of the next would be the older one
  out.payload = bytes.substr(header_size, length);
  return out;
}

std::optional<slot> newest(const file& from, const std::filesystem::path& name) {
  auto bytes = from.read_at(slot_distance * 2, 0);
  // Zeros: a power failure in the first write ever can leave the size without the bytes.
  if (bytes.find_first_not_of('\0') == std::string::npos) return std::nullopt;
  auto best = parse(std::string_view(bytes).substr(0, slot_distance));
  if (bytes.size() > slot_distance) {
    auto other = parse(std::string_view(bytes).substr(slot_distance));
    if (other && (!best || other->serial > best->serial)) best = std::move(other), best->place = 1;
  }
  if (!best) throw storage_error(name.string() + ": both copies are damaged; " + std::string(resynchronise_advice));
  return best;
}

}  // namespace

slot_file::slot_file(std::filesystem::path name, medium& on) : file_(on.open(name, medium::mode::create)) {
  auto s = newest(*file_, name);
  if (!s) return;
  // A process that was killed, or whose sync failed, may have left it with the kernel alone, which after a failed sync
  // takes it for written: it is written again before the other one is.
  serial_ = s->serial - 1, next_ = s->place;
  write(s->payload, true);
}

std::optional<std::string> slot_file::peek(const std::filesystem::path& name, medium& on) {
  auto file = on.open(name, medium::mode::read);
  if (!file) return std::nullopt;
  auto s = newest(*file, name);
  return s ? std::optional(std::move(s->payload)) : std::nullopt;
}

void slot_file::write(std::string_view payload, bool durable) {
  if (payload.size() > max_payload)
    throw std::logic_error("slot_file: payload of " + std::to_string(payload.size()) + " bytes");
  char buffer[header_size + max_payload];
  auto length = static_cast<std::uint32_t>(payload.size());
  ++serial_;
  std::memcpy(buffer + 4, &length, 4);
  std::memcpy(buffer + 8, &serial_, 8);
  std::memcpy(buffer + header_size, payload.data(), payload.size());
  auto crc = crc32c({buffer + 4, header_size - 4 + payload.size()});
  std::memcpy(buffer, &crc, 4);
  file_->write_at({buffer, header_size + payload.size()}, static_cast<std::size_t>(next_) * slot_distance);
  if (durable || !value_) file_->sync(), next_ = 1 - next_;
  if (!value_) value_.emplace();
  value_->assign(payload);
}

}  // namespace troupe::persistence
