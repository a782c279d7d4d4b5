#include <optional>

#include "cluster/commit/flat_body.hpp"
#include "cluster/commit/processor.hpp"
#include "cluster/commit/subscription_limits.hpp"
#include "cluster/commit/subscription_state.hpp"
#include "cluster/tree/path.hpp"
#include "schema/client.capnp.h"

namespace troupe::commit {

namespace {

using zk::err;

void answer_in_place(stream_batch& s, conn_id conn, std::int32_t xid, zxid_t zxid, err e) {
  auto begin = s.bytes.size();
  append_frame(s.bytes, [&](auto& w) { write_reply_header(w, xid, zxid, e); });
  push_reply(s, conn, begin);
}

/// The reply that was just written belongs to an item of its own kind, about `what`.
void make_item(stream_batch& s, stream_item::kind kind, zxid_t zxid, subscription what) {
  auto& i = s.items.back();
  i.what = kind, i.zxid = zxid, i.index = static_cast<std::uint32_t>(s.subscriptions.size());
  s.subscriptions.push_back(std::move(what));
}

std::size_t bytes_of(const std::vector<shared_bytes>& list) {
  std::size_t n = 0;
  for (auto& b : list) n += b.size();
  return n;
}

}  // namespace

bool commit_processor::impl::subscribe(connection& c, std::int32_t xid, std::string_view body, effects& fx) {
  subscription s;
  std::uint16_t scope = 0;
  auto fits = decode_flat<wire::Subscribe>(body, [&](wire::Subscribe::Reader r) {
    s.number = r.getSubscription(), s.path = wire::view(r.getPath()), s.since = r.getSince();
    s.with_data = r.getWithData(), scope = static_cast<std::uint16_t>(r.getScope());
  });
  auto refuse_with = [&](err e) { return answer_in_place(fx.stream, c.id, xid, db->zxid(), e), true; };
  if (!fits) return refuse_with(err::marshalling_error);
  if (s.number <= 0 || scope > static_cast<std::uint16_t>(subscription_scope::subtree) || !tree::valid_path(s.path) ||
      s.since < -1 || s.since > db->zxid() || c.subscriptions.contains(s.number))
    return refuse_with(err::bad_arguments);
  s.scope = static_cast<subscription_scope>(scope);
  s.serial = ++last_subscription;
  if (c.subscriptions.size() >= max_subscriptions_per_connection || subscriptions >= max_subscriptions ||
      c.subscription_path_bytes + s.path.size() > max_subscription_path_bytes_per_connection ||
      subscription_path_bytes + s.path.size() > max_subscription_path_bytes)
    return refuse_with(err::quota_exceeded);
  auto told = s;
  if (s.since == 0) {
    if (fx.stream.state_bytes > max_step_state_bytes) return close(c, fx), false;
    auto state = state_of(*db, *c.creds, s, false);
    if (!state) return refuse_with(err::quota_exceeded);
    told.state = std::move(*state);
    fx.stream.state_bytes += bytes_of(told.state);
  }
  ++subscriptions;
  c.subscription_path_bytes += s.path.size(), subscription_path_bytes += s.path.size();
  auto number = s.number;
  c.subscriptions.emplace(number, std::move(s));
  answer_in_place(fx.stream, c.id, xid, db->zxid(), err::ok);
  make_item(fx.stream, stream_item::kind::subscribe, db->zxid(), std::move(told));
  return true;
}

void commit_processor::impl::drop_subscription(connection& c, std::int64_t number) {
  auto it = c.subscriptions.find(number);
  --subscriptions;
  c.subscription_path_bytes -= it->second.path.size(), subscription_path_bytes -= it->second.path.size();
  c.subscriptions.erase(it);
}

void commit_processor::impl::unsubscribe(connection& c, std::int32_t xid, std::string_view body, effects& fx) {
  subscription s;
  auto fits = decode_flat<wire::Unsubscribe>(body, [&](auto r) { s.number = r.getSubscription(); });
  if (!fits) return answer_in_place(fx.stream, c.id, xid, db->zxid(), err::marshalling_error);
  if (!c.subscriptions.contains(s.number)) return answer_in_place(fx.stream, c.id, xid, db->zxid(), err::bad_arguments);
  drop_subscription(c, s.number);
  answer_in_place(fx.stream, c.id, xid, db->zxid(), err::ok);
  make_item(fx.stream, stream_item::kind::unsubscribe, db->zxid(), std::move(s));
}

void commit_processor::impl::state_wanted(conn_id conn, std::int64_t number, std::uint64_t serial, effects& fx) {
  auto* c = find(conn);
  if (!c) return;  // gone meanwhile
  auto it = c->subscriptions.find(number);
  if (it == c->subscriptions.end() || it->second.serial != serial) return;
  if (fx.stream.state_bytes > max_step_state_bytes) return close(*c, fx);
  auto told = it->second;
  auto state = state_of(*db, *c->creds, told, true);
  told.ended = !state;
  if (state)
    told.state = std::move(*state);
  else
    told.state = {ended_notification(told, db->zxid(),
                                     "the log does not reach back to what was told last, and the "
                                     "state is too large to be sent")};
  fx.stream.state_bytes += bytes_of(told.state);
  if (told.ended) drop_subscription(*c, number);
  push_plain(fx.stream, stream_item::kind::state, conn);
  make_item(fx.stream, stream_item::kind::state, db->zxid(), std::move(told));
}

}  // namespace troupe::commit
