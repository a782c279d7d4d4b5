#include "persistence/journal.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "cluster/planted_bug.hpp"
#include "persistence/crc32c.hpp"
#include "persistence/file_io.hpp"

namespace troupe::persistence {

namespace {

constexpr std::size_t zeros_at_once = std::size_t{1} << 20;

std::size_t aligned(std::size_t n) { return (n + journal::alignment - 1) / journal::alignment * journal::alignment; }

template <class T>
T number_at(std::string_view bytes, std::size_t at) {
  T out;
  std::memcpy(&out, bytes.data() + at, sizeof out);
  return out;
}

template <class T>
char* put(char* at, T number) {
  std::memcpy(at, &number, sizeof number);
  return at + sizeof number;
}

}  // namespace

struct journal::block {
  std::uint64_t sequence = 0;  ///< 0: no whole block of this journal stands here
  std::string_view records;
};

journal journal::create(std::filesystem::path name, std::size_t size_bytes, medium& on) {
  auto size = file_bytes(size_bytes);
  {
    auto file = on.open(name, medium::mode::truncate);
    std::string zeros(std::min(zeros_at_once, size), '\0');
    for (std::size_t at = 0; at < size; at += zeros_at_once)
      file->write_at(std::string_view(zeros).substr(0, std::min(zeros_at_once, size - at)), at);
    file->sync();
  }
  on.sync_directory(name.parent_path());
  return journal(std::move(name), {on.fresh_id(), 0, size}, on);
}

journal::journal(std::filesystem::path name, const journal_mark& m, medium& on)
    : name_(std::move(name)),
      file_(on.open(name_, medium::mode::write)),
      id_(m.id),
      sequence_(m.covered),
      size_(m.size_bytes) {
  if (!file_)
    throw storage_error(name_.string() + ": missing, so that nobody knows whether the log is complete; " +
                        std::string(resynchronise_advice));
  if (auto found = file_->size(); found != size_)
    throw storage_error(name_.string() + ": has " + std::to_string(found) + " bytes instead of " +
                        std::to_string(size_) + "; " + std::string(resynchronise_advice));
}

journal::block journal::block_at(std::string_view bytes, std::size_t at) const {
  if (at + header_bytes > bytes.size() || number_at<std::uint64_t>(bytes, at + 8) != id_) return {};
  auto length = number_at<std::uint32_t>(bytes, at + 4);
  if (length > bytes.size() - at - header_bytes) return {};
  if (number_at<std::uint32_t>(bytes, at) != crc32c(bytes.substr(at + 4, header_bytes - 4 + length))) return {};
  return {number_at<std::uint64_t>(bytes, at + 16), bytes.substr(at + header_bytes, length)};
}

void journal::take_records(std::string_view from, log_records& to) const {
  while (!from.empty()) {
    auto length = from.size() < record_header_bytes ? UINT32_MAX : number_at<std::uint32_t>(from, 8);
    if (length > from.size() - std::min(from.size(), record_header_bytes))
      throw storage_error(place() + ": a block has a record that does not fit into it; " +
                          std::string(resynchronise_advice));
    to.push_back({number_at<zxid_t>(from, 0), shared_bytes::copy_of(from.substr(record_header_bytes, length))});
    from.remove_prefix(record_header_bytes + length);
  }
}

std::string journal::place() const { return name_.string() + ", byte " + std::to_string(position_); }

log_records journal::recover() {
  log_records out;
  auto bytes = file_->read_at(size_, 0);
  for (auto b = block_at(bytes, 0); b.sequence == sequence_ + 1; b = block_at(bytes, position_)) {
    take_records(b.records, out);
    ++sequence_;
    position_ += aligned(header_bytes + b.records.size());
  }
  for (auto at = position_; at < size_ && !planted(planted_bug::rot_as_torn); at += alignment)
    if (auto later = block_at(bytes, at).sequence; later > sequence_)
      throw storage_error(place() + ": the block of sequence " + std::to_string(sequence_ + 1) +
                          " is damaged: the one of sequence " + std::to_string(later) + ", at byte " +
                          std::to_string(at) + ", was written when it was on disk; " +
                          std::string(resynchronise_advice));
  return out;
}

std::size_t journal::file_bytes(std::size_t wanted) { return std::max(aligned(wanted), alignment); }

std::size_t journal::block_bytes(std::size_t records, std::size_t payload_bytes) {
  return aligned(header_bytes + records * record_header_bytes + payload_bytes);
}

void journal::write(std::span<const log_record> records, std::size_t block_bytes) {
  if (!fits(block_bytes)) throw std::logic_error("journal: a block of " + std::to_string(block_bytes) + " bytes");
  if (block_bytes > buffer_size_) {
    buffer_.reset(static_cast<char*>(std::aligned_alloc(alignment, block_bytes)));
    if (!buffer_) throw std::bad_alloc();
    buffer_size_ = block_bytes;
  }
  auto at = buffer_.get() + header_bytes;
  for (auto& r : records) {
    at = put(at, r.zxid);
    at = put(at, static_cast<std::uint32_t>(r.payload.size()));
    if (!r.payload.empty()) std::memcpy(at, r.payload.data(), r.payload.size());
    at += r.payload.size();
  }
  auto used = static_cast<std::size_t>(at - buffer_.get());
  std::memset(at, 0, block_bytes - used);
  put(put(put(buffer_.get() + 4, static_cast<std::uint32_t>(used - header_bytes)), id_), sequence_ + 1);
  put(buffer_.get(), crc32c({buffer_.get() + 4, used - 4}));
  try {
    file_->write_at({buffer_.get(), block_bytes}, position_);
    if (position_ != 0 || !planted(planted_bug::unsynced_block)) file_->sync();
  } catch (const storage_error&) {
    if (!planted(planted_bug::zk_4882)) throw;
  }
  ++sequence_;
  position_ += block_bytes;
}

}  // namespace troupe::persistence
