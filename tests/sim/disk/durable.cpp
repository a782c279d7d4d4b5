// Reads the bytes on the device by itself, with nothing of the log's own code but its formats: it is what the log's
// promises are checked against.
#include <algorithm>
#include <cstring>

#include "persistence/crc32c.hpp"
#include "persistence/journal.hpp"
#include "persistence/log_writer.hpp"
#include "tests/sim/disk/disk_state.hpp"

namespace troupe::sim {

namespace {

using persistence::journal;

template <class T>
T number_at(std::string_view bytes, std::size_t at) {
  T out{};
  if (at + sizeof out <= bytes.size()) std::memcpy(&out, bytes.data() + at, sizeof out);
  return out;
}

}  // namespace

std::optional<std::string_view> durable_image::find(zxid_t zxid) const {
  if (zxid <= state_.base || zxid > state_.last) return std::nullopt;
  auto j = std::lower_bound(journal_.begin(), journal_.end(), zxid, [](auto& r, zxid_t z) { return r.zxid < z; });
  if (j != journal_.end() && j->zxid == zxid) return j->payload.view();
  if (!home_) return std::nullopt;
  auto r = home_->find(static_cast<std::uint64_t>(zxid));
  if (r == home_->end()) return std::nullopt;
  return std::string_view(r->second).substr(std::min(persistence::record_header_bytes, r->second.size()));
}

const durable_image& disk::durable() const {
  auto& out = state_->durable;
  auto& c = state_->content;
  std::uint64_t id = 0, covered = 0;
  out.state_ = {}, out.checkpoint_ = 0, out.home_ = nullptr;
  if (auto t = c.tables.find("log"); t != c.tables.end() && t->second.exists()) {
    out.home_ = &t->second.committed(persistence::table_records);
    auto& small = t->second.committed(persistence::table_epochs);
    if (auto e = small.find(persistence::key_epochs); e != small.end()) {
      out.state_.accepted_epoch = number_at<epoch_t>(e->second, 4);
      out.state_.current_epoch = number_at<epoch_t>(e->second, 8);
      out.state_.base = number_at<zxid_t>(e->second, 16);
    }
    if (auto m = small.find(persistence::key_journal); m != small.end())
      id = number_at<std::uint64_t>(m->second, 8), covered = number_at<std::uint64_t>(m->second, 16);
    out.state_.last = out.state_.base;
    if (!out.home_->empty())
      out.state_.last = std::max(out.state_.base, static_cast<zxid_t>(out.home_->rbegin()->first));
  }
  if (auto t = c.tables.find("state"); t != c.tables.end() && t->second.exists()) {
    auto& checkpoint = t->second.committed(t->second.count() - 1);
    if (auto e = checkpoint.find(0); e != checkpoint.end()) out.checkpoint_ = number_at<zxid_t>(e->second, 8);
  }
  if (out.id_ != id || out.covered_ != covered) {
    out.id_ = id, out.covered_ = out.sequence_ = covered, out.position_ = 0;
    out.journal_.clear();
  }
  if (auto f = c.files.find("journal"); id != 0 && f != c.files.end() && f->second.content.durable_name()) {
    auto& file = f->second.content;
    for (;;) {
      auto head = file.durable(journal::header_bytes, out.position_);
      auto length = number_at<std::uint32_t>(head, 4);
      if (head.size() < journal::header_bytes || number_at<std::uint64_t>(head, 8) != id ||
          number_at<std::uint64_t>(head, 16) != out.sequence_ + 1)
        break;
      auto block = file.durable(journal::header_bytes + length, out.position_);
      if (block.size() < journal::header_bytes + length ||
          number_at<std::uint32_t>(block, 0) != persistence::crc32c(std::string_view(block).substr(4)))
        break;
      for (auto at = journal::header_bytes; at < block.size();) {
        auto size = number_at<std::uint32_t>(block, at + 8);
        auto payload = std::string_view(block).substr(at + journal::record_header_bytes, size);
        out.journal_.push_back({number_at<zxid_t>(block, at), shared_bytes::copy_of(payload)});
        at += journal::record_header_bytes + size;
      }
      ++out.sequence_;
      out.position_ += (block.size() + journal::alignment - 1) / journal::alignment * journal::alignment;
    }
  }
  if (!out.journal_.empty()) out.state_.last = out.journal_.back().zxid;
  return out;
}

}  // namespace troupe::sim
