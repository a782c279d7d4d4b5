#include "actors/node/log_writer.hpp"

#include <spdlog/spdlog.h>

#include <caf/atom.hpp>

#include "cluster/planted_bug.hpp"

namespace troupe::actors {

namespace {
using flush_atom = caf::atom_constant<caf::atom("flush")>;
}  // namespace

log_writer::log_writer(caf::actor_config& cfg, context_ptr ctx, std::unique_ptr<persistence::log_store> log)
    : io::event_based_actor(cfg), ctx_(std::move(ctx)), log_(std::move(log)) {
  // What former lives have left counts too: a node that is started anew before it has written log-retain records would
  // never trim.
  auto retain = static_cast<std::int64_t>(ctx_->config.log_retain);
  if (auto z = log_->last_but(ctx_->config.log_retain)) marks_.push_back({-retain, z});
}

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
      [this](boxed<msg::checkpointed>& m) { trim(m->zxid); },
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
    if (auto* a = std::get_if<zab::append_records>(&op); a && !a->records.empty()) {
      remember(a->records.back().zxid, a->records.size());
    } else if (auto* t = std::get_if<zab::truncate_after>(&op)) {
      while (!marks_.empty() && marks_.back().zxid > t->last) marks_.pop_back();
    } else if (std::holds_alternative<zab::reset_log>(op)) {
      marks_.clear();
    }
  }
  waiting_.clear();
  s.log_records = static_cast<std::uint64_t>(records_);
  send(ctx_->broadcast, box(msg::durable{token_}));
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
  auto free = ctx_->around->free_bytes();
  bool low = free < c.min_free_bytes;
  if (low == space_low_) return;
  space_low_ = low;
  if (low)
    spdlog::error(fmt::format(
        "{} MiB are free for {}, below min-free-space ({} MiB): this node refuses to lead writes that need space until "
        "some is freed",
        free >> 20, c.data_dir.string(), c.min_free_bytes >> 20));
  else
    spdlog::info(fmt::format("{} MiB are free for {} again: writes are taken", free >> 20, c.data_dir.string()));
  send(ctx_->commit, box(msg::space{low}));
}

void log_writer::remember(zxid_t last, std::size_t records) {
  records_ += static_cast<std::int64_t>(records);
  auto step = static_cast<std::int64_t>(ctx_->config.trim_step);
  if (marks_.empty() || records_ - marks_.back().records >= step) marks_.push_back({records_, last});
}

void log_writer::trim(zxid_t checkpoint) {
  zxid_t upto = 0;
  auto retain = static_cast<std::int64_t>(ctx_->config.log_retain);
  while (!marks_.empty() && marks_.front().records + retain <= records_ &&
         (marks_.front().zxid <= checkpoint || planted(planted_bug::zk_3231))) {
    upto = marks_.front().zxid;
    marks_.pop_front();
  }
  if (upto) log_->trim(upto);
}

}  // namespace troupe::actors
