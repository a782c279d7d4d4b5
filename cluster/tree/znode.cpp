#include "cluster/tree/znode.hpp"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace troupe::tree {

namespace {

void* resized(void* p, std::size_t n) {
  p = std::realloc(p, n);
  if (!p) throw std::bad_alloc{};
  return p;
}

/// Not memcpy on an empty view: its pointer may be null.
void copy(char* to, std::string_view s) {
  if (!s.empty()) std::memcpy(to, s.data(), s.size());
}

}  // namespace

void children::add(znode* z) {
  if (count == capacity) {
    const auto n = capacity + capacity / 2 + 2;
    slots = static_cast<znode**>(resized(slots, n * sizeof(znode*)));
    capacity = n;
  }
  z->parent = this;
  z->slot = count;
  slots[count++] = z;
}

void children::remove(const znode* z) {
  auto* last = slots[--count];
  slots[z->slot] = last;
  last->slot = z->slot;
  if (count == 0) {
    std::free(slots);
    slots = nullptr, capacity = 0;
  } else if (count < capacity / 4) {
    capacity /= 2;
    slots = static_cast<znode**>(resized(slots, capacity * sizeof(znode*)));
  }
}

znode* znode::make(std::string_view name, std::string_view data, bool owner) {
  const auto part = owner ? sizeof(owner_part) : 0;
  auto* z = new (resized(nullptr, sizeof(znode) + part + name.size() + data.size())) znode{};
  z->name_and_flags =
      static_cast<std::uint32_t>(name.size()) | (owner ? has_owner : 0u) | (data.data() ? 0u : null_data);
  z->data_size = static_cast<std::uint32_t>(data.size());
  copy(z->tail() + part, name);
  copy(z->tail() + part + name.size(), data);
  return z;
}

void znode::free(znode* z) {
  if (z->kids) std::free(z->kids->slots);
  delete z->kids;
  std::free(z);
}

znode* znode::with_aversion(znode* z, std::int32_t aversion) {
  const auto at = z->aversion_at();
  if (!z->has(has_aversion)) {
    const auto size = z->size();
    z = static_cast<znode*>(resized(z, size + sizeof aversion));
    std::memmove(z->tail() + at + sizeof aversion, z->tail() + at, size - sizeof(znode) - at);
    z->name_and_flags |= has_aversion;
  }
  z->write(at, aversion);
  return z;
}

znode* znode::with_data(znode* z, std::string_view data) {
  const auto now = z->size(), wanted = now - z->data_size + data.size();
  // Smaller data stay in place, so that sizes that go up and down don't move the znode, unless that wastes much.
  if (wanted > now || malloc_usable_size(z) > wanted + wanted / 4 + 64) z = static_cast<znode*>(resized(z, wanted));
  z->data_size = static_cast<std::uint32_t>(data.size());
  z->name_and_flags = (z->name_and_flags & ~null_data) | (data.data() ? 0u : null_data);
  copy(z->tail() + z->name_at() + z->name_size(), data);
  return z;
}

}  // namespace troupe::tree
