#pragma once
/// The log writer: owns the log environment, alone, on a thread of its own.
///
/// Takes   msg::persist and msg::log_read (broadcast); msg::history_read (notifier, feed); msg::checkpointed
///         (checkpointer): older records may go; msg::tick
/// Sends   msg::durable, msg::log_read_done -> broadcast; msg::history -> who asked for it; msg::space -> commit, at each
///         tick while the disk is low; msg::fatal -> supervisor
/// Dies    at the first failed write or sync, and the node with it: after a failed sync neither LMDB nor the kernel can
///         be trusted.
/// Group commit: everything that waits in the mailbox goes into one transaction; while the disk syncs, the next
/// gathers.
/// A disk with less than twice min-free-space: all that the checkpoint has is trimmed, without regard to nodes that lag. They
/// take a checkpoint. So a disk that only the log fills is not low.

#include "actors/io/event_based_actor.hpp"
#include "actors/node/context.hpp"
#include "persistence/log_marks.hpp"

namespace troupe::actors {

class log_writer : public io::event_based_actor {
 public:
  /// `checkpoint`: what there is one of already.
  log_writer(caf::actor_config&, context_ptr, std::unique_ptr<persistence::log_store>, zxid_t checkpoint = 0);
  caf::behavior make_behavior() override;
  const char* name() const override { return "log writer"; }

 private:
  void flush();
  msg::history committed(const msg::history_read&);
  void trim();
  void check_space();

  context_ptr ctx_;
  std::unique_ptr<persistence::log_store> log_;
  std::vector<zab::persist_op> waiting_;
  std::uint64_t token_ = 0;
  bool flush_sent_ = false;
  bool space_low_ = false, trim_all_ = false;
  std::int64_t checked_at_ = 0;  ///< bytes that were appended when the space was looked at
  zxid_t checkpoint_;            ///< what is older is not needed
  persistence::log_marks marks_;
};

}  // namespace troupe::actors
