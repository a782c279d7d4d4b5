#include "persistence/log_marks.hpp"

#include <algorithm>

#include "cluster/planted_bug.hpp"

namespace troupe::persistence {

log_marks::log_marks(log_retention r, const log_store& log)
    : retained_records_(static_cast<std::int64_t>(r.records)),
      retained_bytes_(static_cast<std::int64_t>(r.bytes)),
      step_records_(static_cast<std::int64_t>(r.step)),
      step_bytes_(std::max<std::int64_t>(retained_bytes_ / 64, 1)) {
  auto end = log.last_but(0, 0);
  auto behind = log.last_but(r.records, r.bytes);
  if (behind && behind != end) marks_.push_back({-retained_records_, -retained_bytes_, behind});
  if (end) marks_.push_back({0, 0, end});
}

void log_marks::appended(const log_records& list) {
  if (list.empty()) return;
  records_ += static_cast<std::int64_t>(list.size());
  for (auto& r : list) bytes_ += static_cast<std::int64_t>(stored_bytes(r));
  if (marks_.empty() || records_ - marks_.back().records >= step_records_ ||
      bytes_ - marks_.back().bytes >= step_bytes_)
    marks_.push_back({records_, bytes_, list.back().zxid});
}

void log_marks::truncated(zxid_t last) {
  while (!marks_.empty() && marks_.back().zxid > last) marks_.pop_back();
}

zxid_t log_marks::trim(zxid_t checkpoint, bool all) {
  zxid_t upto = 0;
  auto behind = [&](const mark& m) {
    return all || m.records + retained_records_ <= records_ || m.bytes + retained_bytes_ <= bytes_;
  };
  while (!marks_.empty() && behind(marks_.front()) &&
         (marks_.front().zxid <= checkpoint || planted(planted_bug::zk_3231))) {
    upto = marks_.front().zxid;
    marks_.pop_front();
  }
  return upto;
}

}  // namespace troupe::persistence
