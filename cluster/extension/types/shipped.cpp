#include "cluster/extension/types/shipped.hpp"

namespace troupe::extension {

void add_shipped_types(registry& to) {
  for (auto make : {make_bulk_update, make_counter, make_delete_recursive, make_list, make_lock, make_queue_take})
    to.add(make(), true);
}

std::shared_ptr<request_types> shipped_types(in_place_executor::clock now_us) {
  auto out = std::make_shared<request_types>();
  add_shipped_types(out->known);
  out->how = std::make_unique<in_place_executor>(std::move(now_us));
  return out;
}

}  // namespace troupe::extension
