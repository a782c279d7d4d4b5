#include "cluster/commit/commit_processor.hpp"

#include <stdexcept>
#include <utility>

#include "cluster/commit/processor.hpp"
#include "cluster/planted_bug.hpp"
#include "cluster/session/password.hpp"

namespace troupe::commit {

namespace {

/// Request ids start at the boot time with room for a million requests each millisecond, so that no later life of this
/// node uses one again.
constexpr int request_id_shift = 20;

}  // namespace

void effects::clear() {
  stream.bytes.clear(), stream.text.clear(), stream.items.clear(), stream.acls.clear(), stream.creds.clear();
  stream.subscriptions.clear(), stream.transactions.clear(), stream.state_bytes = 0;
  proposals.clear(), forward.clear(), questions.clear(), sessions.clear();
}

commit_processor::impl::impl(settings s, std::unique_ptr<tree::database> database, std::int64_t boot_ms,
                             std::shared_ptr<const extension::request_types> known_types)
    : cfg(s),
      db(std::move(database)),
      types(std::move(known_types)),
      preparing(s.max_request, types),
      pending(static_cast<std::uint64_t>(boot_ms) << request_id_shift),
      next_session(session::first_session_id(s.self, boot_ms)),
      now_ms(boot_ms) {}

commit_processor::commit_processor(settings s, std::unique_ptr<tree::database> database, std::int64_t boot_ms,
                                   std::shared_ptr<const extension::request_types> types)
    : impl_(std::make_unique<impl>(s, std::move(database), boot_ms, std::move(types))) {}

commit_processor::~commit_processor() = default;

void commit_processor::on_requests(const request_batch& batch, std::int64_t now_ms, effects& fx) {
  auto& p = *impl_;
  p.now_ms = now_ms;
  for (auto& item : batch.items) {
    switch (item.what) {
      case request_batch::kind::opened:
        p.on_opened(item.conn, batch.view(item), fx);
        break;
      case request_batch::kind::closed:
        p.on_closed(item.conn, fx);
        break;
      case request_batch::kind::frame:
        if (auto* c = p.find(item.conn)) p.on_frame(*c, batch.view(item), now_ms, fx);
        break;
    }
  }
}

void commit_processor::on_forwarded(node_id from, const std::vector<forwarded_request>& list, std::int64_t now_ms,
                                    effects& fx) {
  auto& p = *impl_;
  if (p.current != role::leading) return;  // of a term that is over: the follower drops it, too
  p.now_ms = now_ms;
  static const tree::credentials nobody;
  for (auto& r : list) {
    auto& creds = r.creds ? *r.creds : nobody;
    // It lives, whatever it asks. Its node says so as well, but only with the next pong: a session that has just come to
    // another node would expire meanwhile (ZooKeeper touches it when the leader is asked for it, too).
    p.heard_of(r.session);
    p.preparing.prepare({from, r.id, r.session, r.op, r.body, creds}, now_ms, fx.proposals);
  }
}

void commit_processor::on_expired(const std::vector<session_id>& list, std::int64_t now_ms, effects& fx) {
  auto& p = *impl_;
  if (p.current != role::leading) return;
  p.now_ms = now_ms;
  for (auto s : list) p.preparing.expire(s, now_ms, fx.proposals);
}

void commit_processor::on_space(bool low) { impl_->preparing.space_low(low); }

void commit_processor::on_committed(const log_records& records, effects& fx) {
  for (auto& r : records) impl_->apply(r, fx);
}

void commit_processor::on_replies(std::vector<reply_only> list, effects& fx) {
  for (auto& r : list) impl_->held.push_back(std::move(r));
  impl_->release_replies(fx);
}

void commit_processor::on_state_wanted(conn_id conn, std::int64_t subscription, std::uint64_t serial, effects& fx) {
  impl_->state_wanted(conn, subscription, serial, fx);
}

void commit_processor::on_outcome(std::uint64_t id, zk::err e, std::string_view body, effects& fx) {
  impl_->settle_question(id, e, body, fx);
}

void commit_processor::on_role(role next, effects& fx) {
  auto& p = *impl_;
  if (!planted(planted_bug::connections_kept)) p.close_all(fx);
  p.pending.drop_all();
  p.held.clear();
  p.current = next;
  next == role::leading ? p.preparing.start(*p.db) : p.preparing.stop();
}

void commit_processor::on_database(std::unique_ptr<tree::database> database, effects& fx) {
  auto& p = *impl_;
  if (p.current != role::looking) throw std::logic_error("commit: a checkpoint came while the node serves");
  p.db = std::move(database);
  p.db->for_each_session([&](session_id s, const tree::database::session_info& info) {
    fx.sessions.push_back({s, info.timeout_ms, true});
  });
}

std::vector<session_id> commit_processor::take_touched() {
  ++impl_->touch_round;
  return std::exchange(impl_->touched, {});
}

tree::database& commit_processor::database() { return *impl_->db; }
const tree::database& commit_processor::database() const { return *impl_->db; }
role commit_processor::current_role() const { return impl_->current; }
std::size_t commit_processor::outstanding() const { return impl_->pending.outstanding(); }

}  // namespace troupe::commit
