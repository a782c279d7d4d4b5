#pragma once
/// Immutable bytes that several owners share without copying.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace troupe {

/// A slice of an immutable buffer, which it keeps alive. Copying costs one reference count. Data of buffers made by
/// `copy_of` and of frames received from peers starts 8-byte aligned, as Cap'n Proto wants; `aligned()` tells.
class shared_bytes {
 public:
  shared_bytes() = default;
  shared_bytes(std::shared_ptr<const void> owner, const char* data, std::size_t size)
      : owner_(std::move(owner)), data_(data), size_(size) {}

  static shared_bytes copy_of(std::string_view s) {
    auto p = std::make_shared_for_overwrite<std::uint64_t[]>((s.size() + 7) / 8 + 1);
    if (!s.empty()) std::memcpy(p.get(), s.data(), s.size());  // not from null, even of no bytes
    auto* d = reinterpret_cast<const char*>(p.get());
    return {std::move(p), d, s.size()};
  }

  /// Takes the string over, without a copy. Not necessarily aligned.
  static shared_bytes take(std::string s) {
    auto p = std::make_shared<const std::string>(std::move(s));
    auto* d = p->data();
    auto n = p->size();
    return {std::move(p), d, n};
  }

  const char* data() const { return data_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  bool aligned() const { return reinterpret_cast<std::uintptr_t>(data_) % 8 == 0; }
  std::string_view view() const { return {data_, size_}; }
  shared_bytes slice(std::size_t at, std::size_t n) const { return {owner_, data_ + at, n}; }
  const std::shared_ptr<const void>& owner() const { return owner_; }

 private:
  std::shared_ptr<const void> owner_;
  const char* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace troupe
