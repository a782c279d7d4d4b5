#include "actors/extension/feed.hpp"

#include <algorithm>

#include "schema/flat_message.hpp"
#include "schema/records.capnp.h"

namespace troupe::actors {

feed::transaction told(zxid_t zxid, const shared_bytes& payload) {
  wire::flat_message m(payload);
  auto t = m.get<wire::Transaction>();
  feed::transaction out{zxid, t.getTimeMs(), t.getSession(), {}};
  auto text = [](auto v) { return std::string(wire::view(v)); };
  using kind = feed::change::kind;
  for (auto c : t.getChanges()) {
    feed::change to;
    switch (c.which()) {
      case wire::Change::CREATE: {
        auto n = c.getCreate();
        to.what = kind::created, to.data = text(n.getData()), to.ephemeral_owner = n.getEphemeralOwner();
        break;
      }
      case wire::Change::DELETE:
        to.what = kind::deleted;
        break;
      case wire::Change::SET_DATA:
        to.what = kind::data_changed, to.data = text(c.getSetData().getData());
        to.version = c.getSetData().getVersion();
        break;
      case wire::Change::SET_ACL:
        to.what = kind::acl_changed, to.version = c.getSetAcl().getVersion();
        break;
      case wire::Change::OPEN_SESSION:
        to.what = kind::session_opened, to.session = c.getOpenSession().getSession();
        to.timeout_ms = c.getOpenSession().getTimeoutMs();
        break;
      case wire::Change::CLOSE_SESSION:
        to.what = kind::session_closed, to.session = c.getCloseSession();
        break;
      default:  // a check changes nothing
        continue;
    }
    to.path = text(c.getPath());
    out.changes.push_back(std::move(to));
  }
  return out;
}

feed_actor::feed_actor(caf::actor_config& cfg, caf::execution_unit* unit, context_ptr ctx)
    : io::pinned_actor(cfg, unit), ctx_(std::move(ctx)) {}

caf::behavior feed_actor::make_behavior() {
  stop_node_on_exception(this, ctx_, "feed");
  set_down_handler([this](const caf::down_msg& down) {
    known_.erase(down.source);
    // The first one's read of the log may be under way: its answer goes nowhere.
    auto from = waiting_.begin() + (reading_ ? 1 : 0);
    waiting_.erase(std::remove_if(from, waiting_.end(), [&](const request& r) { return r.who == down.source; }),
                   waiting_.end());
  });
  return {
      [this](const feed::next& n) -> caf::result<feed::batch> {
        auto who = caf::actor_cast<caf::actor_addr>(current_sender());  // the promise takes it away
        auto promise = make_response_promise<feed::batch>();
        if (waiting_.size() >= max_feed_requests) {
          promise.deliver(caf::make_error(caf::sec::runtime_error, "too many requests wait for the feed"));
          return promise;
        }
        if (who && known_.insert(who).second) monitor(who);
        waiting_.push_back({{n.after, std::max<std::size_t>(n.max, 1)}, promise, who});
        serve();
        return promise;
      },
      [this](boxed<msg::committed>& m) {
        asked_commit_ = false;
        committed_ = std::max(committed_, m->zxid);
        serve();
      },
      [this](boxed<msg::history>& m) { on_history(*m); },
  };
}

/// Who asked holds us, and we hold who asked: neither would ever go.
void feed_actor::on_exit() {
  for (auto& r : waiting_) r.promise.deliver(caf::make_error(caf::exit_reason::user_shutdown));
  waiting_.clear(), known_.clear();
}

/// Starts what can be started: one read of the log for the first that has something to read, one question to commit for
/// the others.
void feed_actor::serve() {
  if (waiting_.empty()) return;
  auto ready = [this](const request& r) { return r.what.after < committed_; };
  if (!reading_) {
    if (auto it = std::find_if(waiting_.begin(), waiting_.end(), ready); it != waiting_.end()) {
      std::rotate(waiting_.begin(), it, it + 1);
      reading_ = ++last_serial_;
      watch::history_wanted wanted{reading_, 0, waiting_.front().what.after, committed_};
      send(ctx_->log_writer, box(msg::history_read{wanted, ctx_->config.chunk_bytes}));
    }
  }
  if (asked_commit_) return;
  zxid_t lowest = 0;
  bool any = false;
  for (auto& r : waiting_)
    if (!ready(r)) lowest = any ? std::min(lowest, r.what.after) : r.what.after, any = true;
  if (!any) return;
  asked_commit_ = true;
  send(ctx_->commit, box(msg::committed_wanted{std::max(lowest, committed_)}));
}

void feed_actor::on_history(msg::history& h) {
  if (h.what.serial != reading_) return;
  reading_ = 0;
  auto r = std::move(waiting_.front());
  waiting_.pop_front();
  feed::batch out;
  out.too_old = h.too_old, out.first = h.base;
  if (!h.too_old && h.records.empty()) {
    // A checkpoint of the leader's has taken the place of the log, up to what was committed at least.
    out.too_old = true, out.first = h.what.upto;
  }
  if (h.records.size() > r.what.max) h.records.resize(r.what.max);
  for (auto& record : h.records) out.list.push_back(told(record.zxid, record.payload));
  r.promise.deliver(std::move(out));
  serve();
}

}  // namespace troupe::actors
