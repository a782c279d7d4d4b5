#pragma once
/// A set of 32-bit numbers for tables of many small sets: 16 bytes, two numbers inline, a plain array up to 16 numbers,
/// an open-addressing hash table above. 5 to 11 bytes a number when large; insert, erase and contains in constant time.

#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

namespace troupe::watch {

class u32_set {
 public:
  /// Not a member of any set: marks free places of the hash table.
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

  u32_set() = default;
  u32_set(u32_set&& o) noexcept { swap(o); }
  u32_set& operator=(u32_set&& o) noexcept {
    u32_set taken(std::move(o));
    swap(taken);
    return *this;
  }
  ~u32_set() {
    if (capacity_ > inline_capacity) delete[] heap_;
  }

  std::uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  bool contains(std::uint32_t v) const { return place_of(v) != none; }

  /// False if it was there.
  bool insert(std::uint32_t v) {
    if (contains(v)) return false;
    if (full()) resize(capacity_ * 2);
    put(v);
    return true;
  }

  /// False if it was not there.
  bool erase(std::uint32_t v) {
    auto i = place_of(v);
    if (i == none) return false;
    if (hashed())
      close_gap(i);
    else
      slots()[i] = slots()[size_ - 1];
    --size_;
    // A quarter of the room at an eighth of the load: far enough from the next growth that the cost stays amortised.
    if (capacity_ > inline_capacity && size_ < capacity_ / 8) resize(capacity_ / 4);
    return true;
  }

  template <class F>
  void for_each(F f) const {
    auto n = hashed() ? capacity_ : size_;
    for (std::uint32_t i = 0; i < n; ++i)
      if (!hashed() || slots()[i] != none) f(slots()[i]);
  }

 private:
  static constexpr std::uint32_t inline_capacity = 2, array_capacity = 16;

  bool hashed() const { return capacity_ > array_capacity; }
  bool full() const { return hashed() ? size_ >= capacity_ / 4 * 3 : size_ == capacity_; }
  std::uint32_t* slots() { return capacity_ > inline_capacity ? heap_ : inline_; }
  const std::uint32_t* slots() const { return capacity_ > inline_capacity ? heap_ : inline_; }
  std::uint32_t home(std::uint32_t v) const { return (v * 0x9E3779B1u) >> (32 - std::countr_zero(capacity_)); }

  std::uint32_t place_of(std::uint32_t v) const {
    auto* s = slots();
    if (!hashed()) {
      for (std::uint32_t i = 0; i < size_; ++i)
        if (s[i] == v) return i;
      return none;
    }
    for (auto i = home(v);; i = (i + 1) & (capacity_ - 1)) {
      if (s[i] == v) return i;
      if (s[i] == none) return none;
    }
  }

  void put(std::uint32_t v) {
    auto* s = slots();
    if (!hashed()) {
      s[size_++] = v;
      return;
    }
    auto i = home(v);
    while (s[i] != none) i = (i + 1) & (capacity_ - 1);
    s[i] = v, ++size_;
  }

  /// Linear probing without tombstones: what follows moves back unless that would put it before its home.
  void close_gap(std::uint32_t hole) {
    auto mask = capacity_ - 1;
    auto* s = slots();
    for (auto i = (hole + 1) & mask; s[i] != none; i = (i + 1) & mask)
      if (((i - home(s[i])) & mask) >= ((i - hole) & mask)) s[hole] = s[i], hole = i;
    s[hole] = none;
  }

  void resize(std::uint32_t capacity) {
    u32_set next;
    if (capacity > inline_capacity) {
      auto* fresh = new std::uint32_t[capacity];
      next.heap_ = fresh, next.capacity_ = capacity;
      if (next.hashed())
        for (std::uint32_t i = 0; i < capacity; ++i) fresh[i] = none;
    }
    for_each([&](std::uint32_t v) { next.put(v); });
    swap(next);
  }

  void swap(u32_set& o) noexcept {
    static_assert(sizeof inline_ == sizeof heap_);
    char mine[sizeof inline_];
    std::memcpy(mine, inline_, sizeof inline_);
    std::memcpy(inline_, o.inline_, sizeof inline_);
    std::memcpy(o.inline_, mine, sizeof inline_);
    std::swap(size_, o.size_), std::swap(capacity_, o.capacity_);
  }

  union {
    std::uint32_t inline_[inline_capacity] = {0, 0};
    std::uint32_t* heap_;
  };
  std::uint32_t size_ = 0, capacity_ = inline_capacity;
};

}  // namespace troupe::watch
