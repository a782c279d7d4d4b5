/// --print-config: every key with the value that holds, in a form that a node would read back.

#include <caf/actor_system_config.hpp>
#include <ostream>

#include "actors/node/configuration.hpp"
#include "actors/node/configuration_fields.hpp"
#include "actors/node/configuration_value.hpp"

namespace troupe {
namespace {

/// CAF keeps "no bound" as the largest size_t, which a file cannot say; and a passphrase is nobody's business.
bool printable(const std::string& key, const caf::config_value& value) {
  const auto* n = caf::get_if<std::int64_t>(&value);
  return (n == nullptr || *n >= 0) && key != "passphrase";
}

}  // namespace

void print_configuration(std::ostream& out, const node_config& config, const node_actor_config& caf) {
  out << "[troupe]\n";
  for (const auto& field : configuration_fields()) {
    const std::string value = field.print(config);
    out << "; " << field.meaning << "\n"
        << (value.empty() ? "; " + field.key + " is not set" : field.key + " = " + value);
    out << "\n";
  }
  for (const auto& [name, value] : caf.dump_content()) {
    const auto* group = caf::get_if<caf::config_value::dictionary>(&value);
    if (group == nullptr || name == "troupe" || name == "global") continue;
    out << "\n[" << name << "]\n";
    for (const auto& [key, one] : *group) {
      if (printable(key, one)) {
        out << key << " = " << value_text(one) << "\n";
      } else {
        out << "; " << key << (key == "passphrase" ? " is not shown\n" : " is not bounded\n");
      }
    }
  }
}

}  // namespace troupe
