#include "actors/extension/node_types.hpp"

#include <stdexcept>

#include "actors/extension/plugin_loader.hpp"
#include "cluster/extension/types/shipped.hpp"

namespace troupe {

namespace {

struct registration final : plugin_registry {
  explicit registration(extension::registry& to) : to(to) {}
  void add(std::shared_ptr<extension::request_type> type) override { to.add(std::move(type)); }
  extension::registry& to;
};

void apply(const request_type_config& from, extension::limits& to) {
  to.request_bytes = from.request_bytes.value_or(to.request_bytes);
  to.reply_bytes = from.reply_bytes.value_or(to.reply_bytes);
  to.operations = from.operations.value_or(to.operations);
  to.reads = from.reads.value_or(to.reads);
  to.time_ms = from.time_ms.value_or(to.time_ms);
}

}  // namespace

std::shared_ptr<extension::request_types> open_request_types(const node_config& config) {
  auto out = std::make_shared<extension::request_types>();
  extension::add_shipped_types(out->known);
  registration plugins(out->known);
  for (auto& file : config.plugins) load_plugin(file, plugins);
  for (auto& r : config.request_types)
    if (!out->known.adjust(r.name, r.version, [&](extension::limits& l) { apply(r, l); }))
      throw std::runtime_error("request-types: " + out->known.missing(r.name, r.version));
  return out;
}

}  // namespace troupe
