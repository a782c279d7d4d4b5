#include "actors/extension/node_actors.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/atom.hpp>
#include <stdexcept>

namespace troupe::actors {

namespace {
using again_atom = caf::atom_constant<caf::atom("again")>;

std::string not_there(const std::string& name) {
  return "actor '" + name + "' has ended and is not there at the moment";
}
}  // namespace

node_actors::node_actors(caf::actor_config& cfg, caf::execution_unit* unit, context_ptr ctx,
                         const node_actor_types& types, std::shared_ptr<std::atomic<int>> alive,
                         node_actors_settings settings)
    : io::pinned_actor(cfg, unit), ctx_(std::move(ctx)), alive_(std::move(alive)), settings_(settings) {
  for (auto& c : ctx_->config.actors) {
    auto& a = actors_[c.name];
    a.make = types.find(c.type);
    if (!a.make) throw std::logic_error("no type of actors '" + c.type + "'");
    a.setup.name = c.name, a.setup.node = ctx_->config.id, a.setup.directory = ctx_->config.directory;
    for (auto& [key, value] : c.options) a.setup.options[key] = value.text;
    a.setup.feed = ctx_->feed;
  }
}

caf::behavior node_actors::make_behavior() {
  stop_node_on_exception(this, ctx_, "node actors");
  set_down_handler([this](caf::down_msg& down) {
    for (auto& [name, a] : actors_)
      if (a.handle && a.handle.address() == down.source) {
        a.handle = nullptr;
        if (down.reason && down.reason != caf::exit_reason::normal)
          ended(a, home_system().render(down.reason));
        else
          spdlog::info(fmt::format("actor '{}' has ended", name));
        return;
      }
  });
  for (auto& [name, a] : actors_) spawn_one(name);
  return {
      [this](boxed<msg::questions>& m) {
        for (auto& q : m->list) ask(q);
      },
      [this](again_atom, const std::string& name) { spawn_one(name); },
  };
}

void node_actors::on_exit() {
  for (auto& [name, a] : actors_) {
    if (a.handle) caf::anon_send_exit(a.handle, caf::exit_reason::user_shutdown);
    a.handle = nullptr, a.setup.feed = nullptr;
  }
}

void node_actors::spawn_one(const std::string& name) {
  auto& a = actors_.at(name);
  a.since = std::chrono::steady_clock::now();
  try {
    auto made = (*a.make)(home_system(), a.setup);
    if (!made.handle) throw std::runtime_error("its factory returned none");
    a.handle = std::move(made.handle), a.may_be_asked = made.may_be_asked;
  } catch (const std::exception& e) {
    return ended(a, e.what());
  } catch (...) {
    return ended(a, "an exception of a type of its own");
  }
  ++*alive_;
  a.handle->attach_functor([alive = alive_] { --*alive; });
  monitor(a.handle);
  spdlog::info(fmt::format("actor '{}' is there", name));
}

void node_actors::ended(one& a, const std::string& why) {
  auto lived = std::chrono::steady_clock::now() - a.since;
  a.pause = lived >= settings_.healthy || a.pause.count() == 0 ? settings_.first_pause
                                                               : std::min(2 * a.pause, settings_.longest_pause);
  spdlog::error(fmt::format("actor '{}' ended: {}; it is spawned again in {} ms", a.setup.name, why, a.pause.count()));
  delayed_send(this, a.pause, again_atom::value, a.setup.name);
}

void node_actors::settle(std::uint64_t id, zk::err e, std::string body) {
  send(ctx_->commit, box(msg::outcome{id, e, std::move(body)}));
}

void node_actors::ask(commit::question& q) {
  auto it = actors_.find(q.actor);
  // One that may not be asked looks as one that is not there.
  if (it == actors_.end() || (it->second.handle && !it->second.may_be_asked))
    return settle(q.id, zk::err::no_node, "no actor '" + q.actor + "' of this node may be asked");
  auto& a = it->second;
  if (!a.handle) return settle(q.id, zk::err::system_error, not_there(q.actor));
  if (a.questions >= settings_.max_questions)
    return settle(q.id, zk::err::quota_exceeded, "too many questions to actor '" + q.actor + "' wait for an answer");
  ++a.questions;
  request(a.handle, settings_.answer_time, asked{q.session, std::move(q.creds), std::move(q.message)})
      .then(
          [this, &a, id = q.id](answered& r) {
            --a.questions;
            settle(id, zk::err::ok, std::move(r.bytes));
          },
          [this, &a, id = q.id](const caf::error& e) {
            --a.questions;
            auto& name = a.setup.name;
            if (e == caf::sec::request_timeout)
              settle(id, zk::err::request_timeout, "actor '" + name + "' did not answer in time");
            else if (e == caf::sec::request_receiver_down)
              settle(id, zk::err::system_error, not_there(name));
            else
              settle(id, zk::err::system_error, "actor '" + name + "': " + home_system().render(e));
          });
}

}  // namespace troupe::actors
