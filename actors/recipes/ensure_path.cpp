#include "actors/recipes/surroundings.hpp"

namespace troupe::recipes {

void ensure_path(surroundings& out, std::string path, std::function<void(std::int32_t)> then) {
  if (path.empty() || path == "/") return then(0);
  // From below: most of the time it is there, and who may not write above need not.
  auto create = client::create{path, {}, client::create_mode::persistent, {}};
  out.ask(std::move(create), [&out, path, then = std::move(then)](const answer& a) mutable {
    auto again = [&out, path, then](std::int32_t code) mutable {
      if (code) return then(code);
      ensure_path(out, std::move(path), std::move(then));
    };
    if (a.ok() || a.is(zk::err::node_exists)) return then(0);
    if (a.is(zk::err::no_node)) return ensure_path(out, parent_of(path), std::move(again));
    if (a.is(zk::err::no_auth)) {  // above it we may not create; but perhaps it is there
      return out.ask(client::exists{path}, [then, code = a.code](const answer& e) {
        then(e.ok() && e.as<client::existing>().stat ? 0 : code);
      });
    }
    switch (fate_of(a.code)) {
      case fate::unknown:
      case fate::nothing_done:
        out.after(retry_pause, [again]() mutable { again(0); });
        return;
      default:
        then(a.code);
    }
  });
}

}  // namespace troupe::recipes
