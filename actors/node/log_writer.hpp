#pragma once
/// The log writer: owns the log environment, alone, on a thread of its own.
///
/// Takes   msg::persist and msg::log_read (broadcast); msg::history_read (notifier, feed); msg::checkpointed
///         (checkpointer): older records may go; msg::tick
/// Sends   msg::durable, msg::log_read_done -> broadcast; msg::history -> who asked for it; msg::space -> commit;
///         msg::fatal -> supervisor
/// Dies    at the first failed write or sync, and the node with it: after a failed sync neither LMDB nor the kernel can
///         be trusted.
/// Group commit: everything that waits in the mailbox goes into one transaction; while the disk syncs, the next
/// gathers.

#include <deque>

#include "actors/io/event_based_actor.hpp"
#include "actors/node/context.hpp"
#include "persistence/log_store.hpp"

namespace troupe::actors {

class log_writer : public io::event_based_actor {
 public:
  log_writer(caf::actor_config&, context_ptr, std::unique_ptr<persistence::log_store>);
  caf::behavior make_behavior() override;
  const char* name() const override { return "log writer"; }

 private:
  void flush();
  msg::history committed(const msg::history_read&);
  void remember(zxid_t last, std::size_t records);
  void trim(zxid_t checkpoint);
  void check_space();

  context_ptr ctx_;
  std::unique_ptr<persistence::log_store> log_;
  std::vector<zab::persist_op> waiting_;
  std::uint64_t token_ = 0;
  bool flush_sent_ = false;
  bool space_low_ = false;

  struct mark {
    std::int64_t records;
    zxid_t zxid;
  };  ///< after so many records since start (below 0: before it), the log ended here
  std::deque<mark> marks_;
  std::int64_t records_ = 0;
};

}  // namespace troupe::actors
