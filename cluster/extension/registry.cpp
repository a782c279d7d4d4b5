#include "cluster/extension/registry.hpp"

#include <algorithm>
#include <stdexcept>

namespace troupe::extension {

namespace {

constexpr std::size_t max_name = 64;
constexpr std::string_view our_prefix = "troupe.";

bool fits_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

bool good_name(std::string_view name) {
  return !name.empty() && name.size() <= max_name && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), fits_name);
}

}  // namespace

void registry::add(std::shared_ptr<request_type> type, bool ours) {
  if (!type) throw std::invalid_argument("a request type that is null");
  auto about = type->about();
  auto who = "request type '" + about.name + "'";
  if (!good_name(about.name))
    throw std::invalid_argument(who + ": a name is 1 to 64 letters, digits, '-', '_' and '.', and not a path");
  if (!ours && about.name.starts_with(our_prefix))
    throw std::invalid_argument(who + ": names that begin with 'troupe.' are for those that ship with Troupe");
  if (about.version == 0) throw std::invalid_argument(who + ": versions begin with 1");
  auto& versions = by_name_[about.name];
  if (versions.contains(about.version))
    throw std::invalid_argument(who + " version " + std::to_string(about.version) + " is registered twice");
  list_.push_back({std::move(type), about, ours, list_.size()});
  versions[about.version] = &list_.back();
}

const registered* registry::find(std::string_view name, std::uint16_t version) const {
  auto it = by_name_.find(name);
  if (it == by_name_.end()) return nullptr;
  auto& versions = it->second;
  if (version == 0) return versions.rbegin()->second;
  auto at = versions.find(version);
  return at == versions.end() ? nullptr : at->second;
}

std::string registry::missing(std::string_view name, std::uint16_t version) const {
  std::string out = "this node has no request type '" + std::string(name) + "'";
  auto it = by_name_.find(name);
  if (it == by_name_.end()) return out;
  out += " of version " + std::to_string(version) + ", but of version";
  const char* between = " ";
  for (auto& [number, entry] : it->second) out += between + std::to_string(number), between = ", ";
  return out;
}

bool registry::adjust(std::string_view name, std::uint16_t version, const std::function<void(limits&)>& change) {
  auto it = by_name_.find(name);
  if (it == by_name_.end()) return false;
  bool found = false;
  for (auto& [number, entry] : it->second)
    if (version == 0 || version == number) change(entry->about.bounds), found = true;
  return found;
}

}  // namespace troupe::extension
