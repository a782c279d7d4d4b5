#include "actors/node/checkpointer.hpp"

#include <algorithm>

namespace troupe::actors {

checkpointer::checkpointer(caf::actor_config& cfg, context_ptr ctx, std::unique_ptr<persistence::state_store> state)
    : io::event_based_actor(cfg), ctx_(std::move(ctx)), state_(std::move(state)) {}

caf::behavior checkpointer::make_behavior() {
  stop_node_on_exception(this, ctx_, "checkpoint");
  return {
      [this](boxed<msg::checkpoint>& m) {
        if (m->delta.zxid <= state_->zxid()) return;  // of the database that an install has replaced meanwhile
        waiting_ = std::move(m->delta);
        write_waiting();
      },
      [this](boxed<msg::snapshot_read>& m) {
        auto& r = m->what;
        if (r.close) {
          readers_.erase(r.learner), sent_to_.erase(r.learner);
        } else {
          auto chunk = state_->read_chunk(r.index, ctx_->config.chunk_bytes);
          readers_.insert(r.learner), sent_to_[r.learner] = chunk.zxid;
          if (chunk.last) readers_.erase(r.learner);
          send(ctx_->broadcast, box(msg::snapshot_chunk{r.learner, std::move(chunk)}));
        }
        write_waiting();
      },
      [this](boxed<msg::install>& m) {
        auto& c = m->what.chunk;
        installing_ = !c.last;
        msg::installed done{c.index, false, c.zxid, nullptr};
        if (state_->install_chunk(c)) {
          waiting_.reset();  // of the database that has just been replaced
          done.last = true;
          done.database = state_->load();
        }
        send(ctx_->broadcast, box(std::move(done)));
      },
      [this](boxed<msg::role>& m) {
        if (m->what.role == commit::role::looking) return;
        installing_ = false;  // whether it came to its end or was given up: we serve
        write_waiting();
      },
  };
}

void checkpointer::write_waiting() {
  if (!waiting_ || !readers_.empty() || installing_) return;
  auto zxid = waiting_->zxid;
  state_->write(*waiting_);
  waiting_.reset();
  ctx_->stats.checkpoint_zxid = zxid;
  ctx_->stats.state_size = state_->size_bytes();
  ++ctx_->stats.checkpoints;
  send(ctx_->commit, box(msg::checkpointed{zxid}));
  // A log that is trimmed past what a learner has just copied would make it copy again, for ever on a busy leader.
  auto keep = zxid;
  for (auto& [learner, sent] : sent_to_) keep = std::min(keep, sent);
  send(ctx_->log_writer, box(msg::checkpointed{keep}));
}

}  // namespace troupe::actors
