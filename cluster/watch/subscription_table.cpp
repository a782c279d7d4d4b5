#include "cluster/watch/subscription_table.hpp"

#include <algorithm>

#include "cluster/tree/path.hpp"
#include "cluster/watch/subscriber.hpp"

namespace troupe::watch {

void subscription_table::add(subscriber& s) {
  auto& m = places_[s.path].of_scope[static_cast<int>(s.scope)].members;
  s.slot = m.size();
  m.push_back(&s);
  ++size_;
}

void subscription_table::remove(subscriber& s) {
  auto it = places_.find(s.path);
  auto& m = it->second.of_scope[static_cast<int>(s.scope)].members;
  m.back()->slot = s.slot;
  m[s.slot] = m.back();
  m.pop_back();
  --size_;
  auto& g = it->second.of_scope;
  if (std::all_of(std::begin(g), std::end(g), [](auto& one) { return one.members.empty(); })) places_.erase(it);
}

bool concerns(subscription_scope scope, std::string_view subscribed, std::string_view changed) {
  switch (scope) {
    case subscription_scope::node:
      return changed == subscribed;
    case subscription_scope::children:
      return tree::parent_of(changed) == subscribed;
    case subscription_scope::subtree:
      return subscribed == "/" || changed == subscribed ||
             (changed.size() > subscribed.size() && changed.starts_with(subscribed) &&
              changed[subscribed.size()] == '/');
  }
  return false;
}

}  // namespace troupe::watch
