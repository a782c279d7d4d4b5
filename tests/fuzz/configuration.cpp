/// Configuration files. Any text gives a configuration, or errors of one clear line each; what --print-config says of a
/// good one must be a file that gives the same again.

#include <sstream>

#include "actors/node/configuration.hpp"
#include "actors/node/configuration_source.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace troupe;

std::string printed(const node_config& c, const node_actor_config& caf) {
  std::ostringstream out;
  print_configuration(out, c, caf);
  return out.str();
}

void fuzz_one(std::string_view bytes) {
  const std::string text(bytes);
  find_keys(text);  // also of what CAF would refuse
  node_actor_config caf;
  auto [config, errors] = parse_configuration(text, "node.conf", "/d", caf);
  for (auto& e : errors) {
    FUZZ_CHECK(e.starts_with("node.conf"), e);
    FUZZ_CHECK(e.find_first_of(std::string_view("\n\r\0", 3)) == e.npos, e);
  }
  if (!errors.empty()) return;
  auto first = printed(config, caf);
  node_actor_config again;
  auto [same, none] = parse_configuration(first, "node.conf", "/d", again);
  FUZZ_CHECK(none.empty(), none.front() + "\n" + first);
  FUZZ_CHECK(printed(same, again) == first, first);
}

}  // namespace

TROUPE_FUZZER(configuration);
