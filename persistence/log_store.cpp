#include "persistence/log_store.hpp"

#include <cstdio>

namespace troupe::persistence {

std::string zxid_text(zxid_t z) {
  char buffer[24];
  std::snprintf(buffer, sizeof buffer, "0x%llx", static_cast<unsigned long long>(z));
  return buffer;
}

}  // namespace troupe::persistence
