#pragma once
/// A queue in one block of memory, which grows and is never given back in parts: nothing is allocated once it has its
/// size.

#include <bit>
#include <cstddef>
#include <utility>
#include <vector>

namespace troupe::client {

template <class T>
class ring {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  T& operator[](std::size_t i) { return slots_[(head_ + i) & (slots_.size() - 1)]; }
  const T& operator[](std::size_t i) const { return slots_[(head_ + i) & (slots_.size() - 1)]; }
  T& front() { return (*this)[0]; }
  void push_back(T value) {
    if (size_ == slots_.size()) grow();
    (*this)[size_++] = std::move(value);
  }
  void pop_front() { head_ = (head_ + 1) & (slots_.size() - 1), --size_; }
  void pop_back() { --size_; }
  void clear() { head_ = size_ = 0; }
  /// Those of the `from`th on for which `what` is true go; the others keep their order.
  template <class F>
  void erase_if(F&& what, std::size_t from = 0) {
    auto kept = from;
    for (auto i = from; i < size_; ++i)
      if (auto& one = (*this)[i]; !what(one)) {
        if (kept != i) (*this)[kept] = std::move(one);
        ++kept;
      }
    size_ = kept;
  }

 private:
  void grow() {
    std::vector<T> wider(slots_.empty() ? 16 : slots_.size() * 2);
    for (std::size_t i = 0; i < size_; ++i) wider[i] = std::move((*this)[i]);
    slots_.swap(wider), head_ = 0;
  }
  std::vector<T> slots_;  ///< a power of two of them
  std::size_t head_ = 0, size_ = 0;
};

}  // namespace troupe::client
