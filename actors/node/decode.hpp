#pragma once
/// Decoding of peers' frames: malformed ones are a peer's fault, not ours, so they end in a text and not in an
/// exception.

#include <kj/exception.h>

#include <exception>
#include <string>

#include "cluster/zab/messages.hpp"

namespace troupe::actors {

template <class T, class Decode>
bool decode_or_explain(T& out, std::string& why, Decode decode) {
  try {
    out = decode();
    return true;
  } catch (const kj::Exception& e) {
    why = e.getDescription().cStr();
  } catch (const std::exception& e) {
    why = e.what();
  }
  return false;
}

inline bool decoded(const shared_bytes& body, zab::notification& out, std::string& why) {
  return decode_or_explain(out, why, [&] { return zab::decode_notification(body); });
}
inline bool decoded(const shared_bytes& body, zab::message& out, std::string& why) {
  return decode_or_explain(out, why, [&] { return zab::decode_message(body); });
}

}  // namespace troupe::actors
