#include "actors/extension/node_actor_types.hpp"

#include <algorithm>
#include <stdexcept>

#include "actors/extension/change_feed.hpp"

namespace troupe {

namespace {

bool fits(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

}  // namespace

node_actor_types::node_actor_types() { types_["troupe.change-feed"] = spawn_change_feed; }

void node_actor_types::add(const std::string& name, node_actor_factory f) {
  constexpr std::size_t longest = 64;
  if (name.empty() || name.size() > longest || !std::all_of(name.begin(), name.end(), fits))
    throw std::invalid_argument("'" + name + "' is no name for a type of actors");
  if (name.starts_with("troupe."))
    throw std::invalid_argument("'" + name + "': names with troupe. are for those that ship");
  if (!f) throw std::invalid_argument("'" + name + "': no factory");
  if (!types_.emplace(name, std::move(f)).second)
    throw std::invalid_argument("'" + name + "': there is a type of actors of that name");
}

const node_actor_factory* node_actor_types::find(const std::string& name) const {
  auto it = types_.find(name);
  return it == types_.end() ? nullptr : &it->second;
}

std::string node_actor_types::names() const {
  std::string out;
  for (auto& [name, f] : types_) out += (out.empty() ? "" : ", ") + name;
  return out;
}

const std::string& node_actor_setup::required(const std::string& key) const {
  auto it = options.find(key);
  if (it == options.end() || it->second.empty())
    throw std::invalid_argument("actor '" + name + "' needs the option '" + key + "'");
  return it->second;
}

std::string node_actor_setup::option(const std::string& key, const std::string& otherwise) const {
  auto it = options.find(key);
  return it == options.end() ? otherwise : it->second;
}

}  // namespace troupe
