#include "actors/node/node.hpp"

#include <spdlog/spdlog.h>

#include <atomic>
#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <chrono>
#include <cstdlib>
#include <random>
#include <thread>

#include "actors/extension/feed.hpp"
#include "actors/extension/node_actors.hpp"
#include "actors/extension/node_executor.hpp"
#include "actors/extension/node_types.hpp"
#include "actors/gateway/gateway.hpp"
#include "actors/node/broadcast_actor.hpp"
#include "actors/node/checkpointer.hpp"
#include "actors/node/commit_actor.hpp"
#include "actors/node/conf_text.hpp"
#include "actors/node/election_actor.hpp"
#include "actors/node/log_writer.hpp"
#include "actors/node/session_tracker_actor.hpp"
#include "actors/node/signals.hpp"
#include "actors/node/supervisor.hpp"
#include "actors/node/watch_notifier_actor.hpp"
#include "actors/peer/peer_links.hpp"
#include "persistence/storage.hpp"

namespace troupe {

using namespace actors;

namespace {

/// Election and broadcast measure time in it: short enough for a failover in some tens of milliseconds.
constexpr std::int64_t zab_tick_ms = 20;
/// How often touched sessions are reported and expiries looked for; a session's timeout is some seconds.
constexpr std::int64_t session_tick_ms = 100;
/// The log writer looks at the disk's free space, and trims when nothing else is to be written.
constexpr std::int64_t disk_tick_ms = 1000;
constexpr int listen_backlog = 1024;
/// Actors of one's own have so long to end, once the node has.
constexpr int actors_end_ms = 3000;

persistence::storage_settings storage_of(const node_config& c) {
  persistence::storage_settings s;
  s.directory = c.data_dir;
  s.ensemble = c.ensemble;
  s.self = c.id;
  s.map_size_bytes = c.map_size_bytes;
  s.min_free_bytes = c.min_free_bytes;
  s.ballast = c.ballast;
  return s;
}

gateway::options gateway_of(const node_config& c) {
  gateway::options o;
  o.max_connections = c.max_connections;
  o.max_connections_per_address = c.max_client_connections;
  o.max_frame = c.max_request_bytes;
  o.max_outstanding_total = c.max_outstanding;
  o.words = c.four_letter_words;
  o.conf = conf_text(c);
  if (c.alone()) o.leading_mode = "standalone";
  if (c.observer()) o.following_mode = "observer";
  return o;
}

/// The same bounds, for each of the two ports on its own.
gateway::options actor_gateway_of(const node_config& c) {
  auto o = gateway_of(c);
  o.spoken = gateway::protocol::actors;
  return o;
}

peer::options links_of(const node_config& c) {
  peer::options o;
  o.self = c.id;
  o.ensemble = c.ensemble;
  o.boot = static_cast<std::uint64_t>(std::random_device{}()) << 32 | std::random_device{}();
  for (auto& m : c.members) o.members.push_back({m.id, m.address.host, m.address.port});
  o.heartbeat_ms = c.link_heartbeat_ms;
  o.timeout_ms = c.link_timeout_ms;
  return o;
}

}  // namespace

int run_node(const node_config& config, caf::actor_system_config& caf_config) {
  auto known = open_node_types(config);
  auto types = known.requests;
  signals on_signal;
  auto storage = persistence::open_storage(storage_of(config));
  if (!storage.warning.empty()) spdlog::warn(storage.warning);
  auto log_state = storage.log->state();
  auto applied = storage.database->zxid();
  spdlog::info(fmt::format("data of {}: checkpoint at {:#x} with {} znodes, log from {:#x} to {:#x}, epoch {}",
                           config.data_dir.string(), applied, storage.database->node_count(), log_state.base,
                           log_state.last, log_state.current_epoch));

  // Before the first actor: a port that is taken must not leave half a node behind.
  auto client_port = io::listen_on(config.client_address, config.client_port, listen_backlog);
  io::listener peer_port, actor_port;
  if (config.actor_port) actor_port = io::listen_on(config.actor_address, config.actor_port, listen_backlog);
  if (!config.alone()) peer_port = io::listen_on(config.peer_address->host, config.peer_address->port, listen_backlog);

  caf::actor_system system(caf_config);
  io::io_thread loop(system);
  caf::execution_unit* host = config.host_actors_on_io_thread ? &loop : nullptr;
  auto ctx = std::make_shared<node_context>(config, std::make_unique<real_surroundings>(config.data_dir));
  auto* runs_types = new node_executor(system, types->known, ctx->stats);
  types->how.reset(runs_types);
  ctx->types = types;
  int code = 0;

  auto own_actors = std::make_shared<std::atomic<int>>(0);

  try {
    // `ctx` is complete before anyone reads it: the detached ones only answer, and the others wait for a first message,
    // which nobody sends before `loop.run()`. Without lazy_init they would begin at once when CAF's workers host them.
    ctx->log_writer = system.spawn<log_writer, caf::detached>(ctx, std::move(storage.log), applied);
    ctx->checkpointer = system.spawn<checkpointer, caf::detached>(ctx, std::move(storage.state));
    ctx->notifier = system.spawn<watch_notifier_actor, caf::lazy_init>(host, ctx);
    ctx->commit = system.spawn<commit_actor, caf::lazy_init>(host, ctx, std::move(storage.database));
    ctx->tracker = system.spawn<session_tracker_actor, caf::lazy_init>(host, ctx);
    ctx->broadcast = system.spawn<broadcast_actor, caf::lazy_init>(host, ctx, log_state, applied);
    ctx->election = system.spawn<election_actor, caf::lazy_init>(host, ctx);
    ctx->links = peer::spawn_peer_links(system, loop, std::move(peer_port), links_of(config), ctx->stats);
    ctx->gateway = gateway::spawn_gateway(system, loop, std::move(client_port), gateway_of(config), ctx->stats);
    if (config.actor_port)
      ctx->actor_gateway =
          gateway::spawn_gateway(system, loop, std::move(actor_port), actor_gateway_of(config), ctx->stats);
    if (!config.actors.empty()) {
      ctx->feed = system.spawn<feed_actor, caf::lazy_init>(nullptr, ctx);
      ctx->node_actors = system.spawn<node_actors, caf::lazy_init>(nullptr, ctx, known.actors, own_actors);
    }
    ctx->supervisor = system.spawn<supervisor>(host, ctx, [&](int c) { code = c, loop.stop(); });

    for (auto& a : {ctx->election, ctx->broadcast}) loop.subscribe_tick(a, zab_tick_ms);
    for (auto& a : {ctx->commit, ctx->tracker}) loop.subscribe_tick(a, session_tick_ms);
    loop.subscribe_tick(ctx->log_writer, disk_tick_ms);
    on_signal.deliver_to(loop, [&](const char* name) { caf::anon_send(ctx->supervisor, box(msg::shut_down{name})); });

    ctx->stats.started_ms = ctx->monotonic_ms(), ctx->stats.started_wall_ms = ctx->wall_ms();
    caf::anon_send(ctx->links, peer::start{ctx->election, ctx->broadcast});
    caf::anon_send(ctx->gateway, gateway::start{ctx->commit});
    if (ctx->actor_gateway) caf::anon_send(ctx->actor_gateway, gateway::start{ctx->commit});
    if (ctx->node_actors) caf::anon_send(ctx->node_actors, box(msg::questions{}));  // its first message: it begins
    loop.run();
  } catch (const std::exception& e) {
    // The actors are there, some on threads of their own, and only a supervisor that is told ends them: the actor system
    // would wait for them for ever.
    spdlog::critical(fmt::format("this node ends at once: {}", e.what()));
    spdlog::shutdown();
    std::_Exit(1);
  }
  ctx->forget_actors();
  for (int i = 0; *own_actors > 0 && i < actors_end_ms; i += 10)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  // Everybody else has ended, but the actor system would wait for these.
  if (runs_types->stuck() != 0 || *own_actors > 0) {
    spdlog::warn("a request type or an actor of one's own has not come to its end: ending without it");
    spdlog::shutdown();
    std::_Exit(code);
  }
  types->how = nullptr;  // its actors end, so that the system can
  return code;
}

}  // namespace troupe
