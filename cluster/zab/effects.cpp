#include "cluster/zab/effects.hpp"

namespace troupe::zab {

void effects::clear() {
  send.clear(), persist.clear(), local.clear(), log_reads.clear(), snapshot_reads.clear(), installs.clear();
  touched.clear(), drop_links.clear(), log.clear(), accused.clear();
  persist_token = 0;
  rest = look = false;
  fatal.reset();
}

}  // namespace troupe::zab
