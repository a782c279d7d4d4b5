#include "actors/extension/node_types.hpp"

#include <stdexcept>

#include "actors/extension/plugin_loader.hpp"
#include "cluster/extension/types/shipped.hpp"

namespace troupe {

namespace {

struct registration final : plugin_registry {
  explicit registration(node_types& to) : to(to) {}
  void add(std::shared_ptr<extension::request_type> type) override { to.requests->known.add(std::move(type)); }
  void add_actor(const std::string& name, node_actor_factory f) override { to.actors.add(name, std::move(f)); }
  node_types& to;
};

void apply(const request_type_config& from, extension::limits& to) {
  to.request_bytes = from.request_bytes.value_or(to.request_bytes);
  to.reply_bytes = from.reply_bytes.value_or(to.reply_bytes);
  to.operations = from.operations.value_or(to.operations);
  to.reads = from.reads.value_or(to.reads);
  to.time_ms = from.time_ms.value_or(to.time_ms);
}

}  // namespace

node_types open_node_types(const node_config& config) {
  node_types out;
  out.requests = std::make_shared<extension::request_types>();
  extension::add_shipped_types(out.requests->known);
  registration plugins(out);
  for (auto& file : config.plugins) load_plugin(file, plugins);
  for (auto& r : config.request_types)
    if (!out.requests->known.adjust(r.name, r.version, [&](extension::limits& l) { apply(r, l); }))
      throw std::runtime_error("request-types: " + out.requests->known.missing(r.name, r.version));
  for (auto& a : config.actors)
    if (!out.actors.find(a.type))
      throw std::runtime_error("actors: '" + a.name + "' is of type '" + a.type + "', which is unknown; known are " +
                               out.actors.names());
  return out;
}

}  // namespace troupe
