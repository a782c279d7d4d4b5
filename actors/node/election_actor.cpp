#include "actors/node/election_actor.hpp"

#include <spdlog/spdlog.h>

#include "actors/node/decode.hpp"

namespace troupe::actors {

namespace {

zab::election_settings election_settings_of(const node_config& c) {
  zab::election_settings s;
  s.self = c.id;
  s.ensemble = c.membership();
  s.finalize_ms = c.election_finalize_ms;
  return s;
}

}  // namespace

election_actor::election_actor(caf::actor_config& cfg, caf::execution_unit* host, context_ptr ctx)
    : io::pinned_actor(cfg, host), ctx_(std::move(ctx)), election_(election_settings_of(ctx_->config)) {}

caf::behavior election_actor::make_behavior() {
  stop_node_on_exception(this, ctx_, "election");
  return {
      [this](boxed<msg::peer_frames>& m) {
        zab::election_effects e;
        for (auto& f : m->list) {
          zab::notification n;
          if (std::string why; !decoded(f.body, n, why)) {
            spdlog::warn(
                fmt::format("node {} sent a malformed election notification, closing the link: {}", f.from, why));
            send(ctx_->links, box(msg::drop_link{f.from}));
            continue;
          }
          election_.on_notification(f.from, n, ctx_->monotonic_ms(), e);
        }
        dispatch(e);
      },
      [this](boxed<msg::link_state>& m) {
        zab::election_effects e;
        election_.on_link(m->peer, m->up, ctx_->monotonic_ms(), e);
        dispatch(e);
      },
      [this](boxed<msg::look>& m) {
        zab::election_effects e;
        election_.look(m->last_logged, m->current_epoch, ctx_->monotonic_ms(), e);
        dispatch(e);
      },
      [this](boxed<msg::rest>&) {
        zab::election_effects e;
        election_.rest(e);
        dispatch(e);
      },
      [this](boxed<msg::established>& m) {
        zab::election_effects e;
        election_.on_established(m->epoch, ctx_->monotonic_ms(), e);
        dispatch(e);
      },
      [this](boxed<msg::tick>&) {
        zab::election_effects e;
        election_.tick(ctx_->monotonic_ms(), e);
        dispatch(e);
      },
  };
}

void election_actor::dispatch(zab::election_effects& e) {
  if (!e.send.empty()) {
    msg::peer_send out;
    for (auto& s : e.send)
      out.frames.push_back({s.to, msg::channel::election, shared_bytes::take(zab::encode(s.what))});
    send(ctx_->links, box(std::move(out)));
  }
  if (e.decided) {
    spdlog::info(fmt::format("election round {} decided: node {} leads", election_.round(), *e.decided));
    send(ctx_->broadcast, box(msg::decided{*e.decided}));
  }
}

}  // namespace troupe::actors
