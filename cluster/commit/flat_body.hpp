#pragma once
/// Bodies of Troupe's own operations: Cap'n Proto, flat.

#include <kj/exception.h>

#include <string_view>

#include "schema/flat_message.hpp"

namespace troupe::commit {

/// Reads a body by `read(T::Reader)`. False: it is none.
template <class T, class F>
bool decode_flat(std::string_view body, F&& read) {
  if (body.empty() || body.size() % sizeof(capnp::word)) return false;
  try {
    wire::flat_message m(shared_bytes::copy_of(body));
    read(m.get<T>());
    return true;
  } catch (const kj::Exception&) {
    return false;
  }
}

}  // namespace troupe::commit
