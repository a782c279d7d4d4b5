#include "actors/node/log_writer.hpp"

#include <spdlog/spdlog.h>

#include <caf/atom.hpp>

namespace troupe::actors {

namespace {
using flush_atom = caf::atom_constant<caf::atom("flush")>;

/// Between two ticks a fast disk takes as much as is to stay free: it is looked at after so much was written, too.
constexpr std::int64_t check_space_every = std::int64_t{16} << 20;

persistence::log_retention retention_of(const node_config& c) {
  return {.records = c.log_retain, .bytes = c.log_retain_bytes, .step = c.trim_step};
}
}  // namespace

log_writer::log_writer(caf::actor_config& cfg, context_ptr ctx, std::unique_ptr<persistence::log_store> log,
                       zxid_t checkpoint)
    : io::event_based_actor(cfg),
      ctx_(std::move(ctx)),
      log_(std::move(log)),
      checkpoint_(checkpoint),
      marks_(retention_of(ctx_->config), *log_) {}

caf::behavior log_writer::make_behavior() {
  stop_node_on_exception(this, ctx_, "log");
  return {
      [this](boxed<msg::persist>& m) {
        for (auto& op : m->ops) waiting_.push_back(std::move(op));
        token_ = m->token;
        if (flush_sent_) return;
        // Behind everything that waits already: whatever comes before it goes into the same transaction.
        flush_sent_ = true;
        send(this, flush_atom::value);
      },
      [this](flush_atom) { flush(); },
      [this](boxed<msg::log_read>& m) {
        flush();  // the reader must see what was appended before it asked
        msg::log_read_done done{m->what, log_->read(m->what.after, m->what.max_bytes)};
        send(ctx_->broadcast, box(std::move(done)));
      },
      [this](boxed<msg::history_read>& m) {
        flush();  // what is committed was handed to us before
        send(caf::actor_cast<caf::actor>(current_sender()), box(committed(*m)));
      },
      [this](boxed<msg::checkpointed>& m) {
        checkpoint_ = m->zxid;
        trim();
      },
      [this](boxed<msg::tick>&) {
        if (waiting_.empty() && log_->trim_pending()) log_->write({});
        if (!log_->trim_pending()) ctx_->stats.log_base = log_->state().base;
        check_space();
      },
  };
}

void log_writer::flush() {
  flush_sent_ = false;
  if (waiting_.empty()) return;
  auto before = ctx_->around->monotonic_us();
  log_->write(waiting_);
  auto& s = ctx_->stats;
  auto us = static_cast<std::uint64_t>(ctx_->around->monotonic_us() - before);
  s.fsync_last_us = us, s.fsync_sum_us += us, s.fsync_max_us.raise(us);
  ++s.log_commits;
  for (auto& op : waiting_) {
    if (auto* a = std::get_if<zab::append_records>(&op)) {
      marks_.appended(a->records);
    } else if (auto* t = std::get_if<zab::truncate_after>(&op)) {
      marks_.truncated(t->last);
    } else if (std::holds_alternative<zab::reset_log>(op)) {
      marks_.cleared();
    }
  }
  waiting_.clear();
  s.log_records = static_cast<std::uint64_t>(marks_.records());
  send(ctx_->broadcast, box(msg::durable{token_}));
  if (marks_.bytes() - checked_at_ >= check_space_every) check_space();
}

msg::history log_writer::committed(const msg::history_read& m) {
  msg::history out{m.what, {}, false, 0};
  auto found = log_->read(m.what.after, m.max_bytes);
  if (found.position < 0) {
    out.too_old = true, out.base = log_->state().base;
    return out;
  }
  out.records = std::move(found.records);
  while (!out.records.empty() && out.records.back().zxid > m.what.upto) out.records.pop_back();
  return out;
}

void log_writer::check_space() {
  auto& c = ctx_->config;
  ctx_->stats.log_size = log_->size_bytes();
  checked_at_ = marks_.bytes();
  auto free = ctx_->around->free_bytes();
  // What was trimmed takes records again without the disk: the log's file does not shrink. The checkpoint does not get
  // any of that, so that a quarter has to be free on the disk all the same.
  std::uint64_t reusable = free < 2 * c.min_free_bytes ? log_->reusable_bytes() : 0;
  bool low = free + reusable < c.min_free_bytes || free < c.min_free_bytes / 4;
  trim_all_ = low || free + reusable < 2 * c.min_free_bytes;
  if (low != space_low_) {
    auto what = fmt::format("{} MiB are free for {}, and {} MiB within its log", free >> 20, c.data_dir.string(),
                            reusable >> 20);
    if (low)
      spdlog::error(fmt::format(
          "{}, below min-free-space ({} MiB): this node refuses to lead writes that need space until some is freed",
          what, c.min_free_bytes >> 20));
    else
      spdlog::info(fmt::format("{}: writes are taken", what));
  }
  if (low || space_low_) send(ctx_->commit, box(msg::space{low, free}));
  space_low_ = low;
  if (trim_all_) trim();
}

void log_writer::trim() {
  if (auto upto = marks_.trim(checkpoint_, trim_all_)) log_->trim(upto);
}

}  // namespace troupe::actors
