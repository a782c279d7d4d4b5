#include "actors/peer/hello.hpp"

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "schema/link.capnp.h"

namespace troupe::peer {

namespace {

/// What a stranger sent, for a line of the log: short, and nothing in it that ends the line or moves the cursor.
std::string harmless(std::string text) {
  if (text.size() > 64) text.resize(64);
  for (auto& c : text)
    if (c < ' ' || c > '~') c = '?';
  return text;
}

}  // namespace

shared_bytes make_hello(const options& o, node_id to) {
  capnp::MallocMessageBuilder message;
  auto h = message.initRoot<wire::Hello>();
  h.setVersion(link_version), h.setOldest(oldest_link_version);
  h.setEnsemble(o.ensemble.c_str());
  h.setFrom(o.self), h.setTo(to), h.setBoot(o.boot);
  auto words = capnp::messageToFlatArray(message);
  auto bytes = words.asChars();
  return shared_bytes::copy_of({bytes.begin(), bytes.size()});
}

hello_result check_hello(const options& o, const shared_bytes& body) {
  hello_result out;
  auto e = kj::runCatchingExceptions([&] {
    capnp::ReaderOptions limits;
    limits.traversalLimitInWords = o.max_hello / 8, limits.nestingLimit = 4;
    capnp::FlatArrayMessageReader message(
        kj::arrayPtr(reinterpret_cast<const capnp::word*>(body.data()), body.size() / sizeof(capnp::word)), limits);
    auto h = message.getRoot<wire::Hello>();
    std::string ensemble(h.getEnsemble().begin(), h.getEnsemble().size());
    if (h.getVersion() < oldest_link_version || h.getOldest() > link_version)
      out.error = fmt::format("speaks versions {} to {} of the link, we {} to {}", h.getOldest(), h.getVersion(),
                              oldest_link_version, link_version);
    else if (ensemble != o.ensemble)
      out.error = fmt::format("belongs to ensemble '{}', we to '{}'", harmless(ensemble), o.ensemble);
    else if (h.getTo() != o.self)
      out.error = fmt::format("looks for node {}, we are {}", h.getTo(), o.self);
    else if (h.getFrom() == o.self ||
             std::none_of(o.members.begin(), o.members.end(), [&](auto& m) { return m.id == h.getFrom(); }))
      out.error = fmt::format("says it is node {}, which is no other member", h.getFrom());
    out.from = h.getFrom();
  });
  if (e != nullptr) out.error = "sent no Hello";
  return out;
}

}  // namespace troupe::peer
