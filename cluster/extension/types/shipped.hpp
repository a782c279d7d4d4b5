#pragma once
/// The request types that ship with Troupe; schema/request_types.capnp says what each does.

#include <memory>

#include "cluster/extension/executor.hpp"

namespace troupe::extension {

std::shared_ptr<request_type> make_bulk_update();
std::shared_ptr<request_type> make_counter();
std::shared_ptr<request_type> make_delete_recursive();
std::shared_ptr<request_type> make_list();
std::shared_ptr<request_type> make_lock();
std::shared_ptr<request_type> make_queue_take();

/// Registers all of them.
void add_shipped_types(registry&);

/// Those alone, run in place: by whatever clock (microseconds), or by none.
std::shared_ptr<request_types> shipped_types(in_place_executor::clock now_us = {});

}  // namespace troupe::extension
