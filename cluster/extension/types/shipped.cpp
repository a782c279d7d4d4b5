#include "cluster/extension/types/shipped.hpp"

namespace troupe::extension {

void add_shipped_types(registry& to) {
  for (auto& type : {make_counter()}) to.add(type, true);
}

std::shared_ptr<request_types> shipped_types(in_place_executor::clock now_us) {
  auto out = std::make_shared<request_types>();
  add_shipped_types(out->known);
  out->how = std::make_unique<in_place_executor>(std::move(now_us));
  return out;
}

}  // namespace troupe::extension
