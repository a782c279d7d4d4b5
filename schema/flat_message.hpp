#pragma once
/// Cap'n Proto messages in their flat form (segment table and segments, as they stand in logs and bodies), to and from
/// shared_bytes.

#include <capnp/message.h>
#include <capnp/serialize.h>

#include <cstring>

#include "schema/bytes.hpp"

namespace troupe::wire {

/// capnp::messageToFlatArray, but into memory that shared_bytes owns, in one allocation and one copy.
inline shared_bytes flatten(capnp::MessageBuilder& m) {
  auto segments = m.getSegmentsForOutput();
  auto table_words = segments.size() / 2 + 1;
  auto words = capnp::computeSerializedSizeInWords(m);
  auto out = std::make_shared_for_overwrite<std::uint64_t[]>(words);
  out[table_words - 1] = 0;  // its second half may be padding
  auto* sizes = reinterpret_cast<std::uint32_t*>(out.get());
  sizes[0] = static_cast<std::uint32_t>(segments.size() - 1);
  auto* at = out.get() + table_words;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    sizes[i + 1] = static_cast<std::uint32_t>(segments[i].size());
    std::memcpy(at, segments[i].begin(), segments[i].size() * 8);
    at += segments[i].size();
  }
  auto* begin = reinterpret_cast<const char*>(out.get());
  return {std::move(out), begin, words * 8};
}

/// A flat message. Reads it in place; copies it only if it does not lie as Cap'n Proto wants. What does not fit throws
/// kj::Exception, here or when it is read; so does a message that is read more often than its size explains (pointers
/// that all lead to one place).
class flat_message {
 public:
  explicit flat_message(const shared_bytes& payload)
      : bytes_(payload.aligned() ? payload : shared_bytes::copy_of(payload.view())),
        reader_(kj::arrayPtr(reinterpret_cast<const capnp::word*>(bytes_.data()), bytes_.size() / sizeof(capnp::word)),
                options(bytes_.size())) {}
  template <class T>
  typename T::Reader get() {
    return reader_.getRoot<T>();
  }

 private:
  /// Each byte is read a few times at most; the default limit would stop us at a message of tens of megabytes.
  static capnp::ReaderOptions options(std::size_t bytes) {
    capnp::ReaderOptions o;
    o.traversalLimitInWords = 1024 + bytes;
    return o;
  }
  shared_bytes bytes_;
  capnp::FlatArrayMessageReader reader_;
};

inline std::string_view view(capnp::Text::Reader t) { return {t.begin(), t.size()}; }
/// Never null, also of no bytes.
inline std::string_view view(capnp::Data::Reader d) {
  return {d.size() == 0 ? "" : reinterpret_cast<const char*>(d.begin()), d.size()};
}
inline capnp::Data::Reader as_data(std::string_view s) {
  return {reinterpret_cast<const kj::byte*>(s.data()), s.size()};
}
template <class Builder>
void set_text(Builder to, std::string_view text) {
  std::memcpy(to.begin(), text.data(), text.size());
}

}  // namespace troupe::wire
