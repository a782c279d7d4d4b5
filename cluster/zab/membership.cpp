#include "cluster/zab/membership.hpp"

#include <bitset>

namespace troupe::zab {

const member* membership::find(node_id id) const {
  for (auto& m : members)
    if (m.id == id) return &m;
  return nullptr;
}

bool membership::votes(node_id id) const {
  auto* m = find(id);
  return m && !m->observer && m->weight > 0;
}

bool membership::quorum(const std::vector<node_id>& ids, bool observers_too) const {
  std::bitset<256> in;
  for (auto id : ids) in.set(id);
  std::uint64_t all = 0, have = 0;
  for (auto& m : members) {
    if (!m.observer) all += m.weight;
    if (in.test(m.id) && (!m.observer || observers_too)) have += m.weight;
  }
  return have * 2 > all;
}

std::size_t membership::voters() const {
  std::size_t n = 0;
  for (auto& m : members) n += !m.observer && m.weight > 0;
  return n;
}

}  // namespace troupe::zab
