#include "cluster/commit/flat_body.hpp"
#include "cluster/commit/processor.hpp"
#include "schema/client.capnp.h"

namespace troupe::commit {

/// The question goes at once; its answer takes the place of the request in the connection's order.
void commit_processor::impl::ask(connection& c, std::int32_t xid, std::string_view body, effects& fx) {
  if (c.queue.size() >= max_waiting_requests) return close(c, fx);
  question q;
  auto fits = decode_flat<wire::Ask>(
      body, [&](wire::Ask::Reader r) { q.actor = wire::view(r.getActor()), q.message = wire::view(r.getMessage()); });
  q.id = pending.add(c.id, c.queue.push({waiting::kind::write, zk::op::ask, xid, {}}));
  if (!fits) return settle_question(q.id, zk::err::marshalling_error, "no Ask (client.capnp)", fx);
  q.session = c.session, q.creds = c.creds;
  fx.questions.push_back(std::move(q));
}

void commit_processor::impl::settle_question(std::uint64_t id, zk::err e, std::string_view body, effects& fx) {
  auto own = pending.settle(id);
  auto* c = own.conn ? find(own.conn) : nullptr;
  if (!c) return;  // its client went away meanwhile
  answer_with(*c, own.number, c->queue.find(own.number)->xid, e, body, fx);
}

}  // namespace troupe::commit
