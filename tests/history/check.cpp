#include "tests/history/check.hpp"

#include <algorithm>
#include <stdexcept>

#include "tests/history/index.hpp"
#include "tests/history/order.hpp"
#include "tests/history/replay.hpp"
#include "tests/history/watches.hpp"

namespace troupe::history {

const std::vector<rule>& rules() {
  static const std::vector<rule> all = {
      {"recording",
       "the history is well-formed, so that the other rules speak about the ensemble and not about the recorder"},
      {"fifo", "a connection's replies come in the order of its calls"},
      {"log_order", "zxids in the log rise without a gap, and each epoch begins at its first"},
      {"log_tree",
       "each transaction is one that a correct leader could make of the tree as it was: versions, sequence "
       "numbers, parents"},
      {"log_sessions",
       "a session is opened once and closed once, nothing is done on its behalf outside its life, and its "
       "ephemerals go in the transaction that closes it: none stays, nothing else goes"},
      {"asked",
       "each transaction was asked for, none more often than it was asked for, and a multi is there as a whole"},
      {"acknowledged", "each acknowledged write is in the log at its reply's zxid"},
      {"results",
       "each write in the log had to be granted, and its reply says what it did: path, Stat, results of a multi"},
      {"issue_order", "the writes of a session take effect in the order in which it called them"},
      {"errors", "each refusal is the right one as of its reply's zxid"},
      {"reads", "each read shows the tree as of its reply's zxid"},
      {"real_time",
       "what was called after something had been seen by anyone takes effect after it: writes, refusals and the "
       "opening of sessions are linearizable"},
      {"sync", "a sync is answered as of a zxid that is not below any seen by anyone before it was called"},
      {"single_image",
       "the zxids that a session sees never fall, also over reconnects, nor below its opening or a connection's "
       "events"},
      {"own_writes", "a reply shows the writes that its connection called before it, and none that it called after it"},
      {"session_end",
       "a session that ended is served no more and not attached again, and none is refused before its end"},
      {"moved", "a session is served on one connection at a time"},
      {"expiry_time",
       "a session doesn't expire before its timeout has passed since the leader last knew of it (judged only where the "
       "recording says how clocks compare)"},
      {"watch_lost", "each watch fires for the first change after it that matches it"},
      {"watch_order", "events come in the order of the changes, and before any reply that shows the change"},
      {"watch_spurious", "an event comes only for a watch that was left and a change that happened, and once"},
      {"set_watches", "setWatches tells of exactly those changes that its watches missed, and is not refused"},
  };
  return all;
}

std::vector<breach> check(const history& h, const options& o) {
  for (auto& name : o.disabled)
    if (std::none_of(rules().begin(), rules().end(), [&](auto& r) { return r.name == name; }))
      throw std::invalid_argument("no rule is called '" + name + "'");
  options recording_on = o;
  recording_on.disabled.erase("recording");
  findings recorded(recording_on);
  auto x = make_index(h, recorded);
  auto found = recorded.take();
  bool broken = std::any_of(found.begin(), found.end(), [](auto& b) { return b.rule == "recording"; });
  // What isn't well-formed can't be judged; with the rule off, it is left alone.
  if (broken) {
    if (o.disabled.contains("recording")) found.clear();
    return found;
  }
  findings f(o);
  auto log = replay(x, f);
  check_real_time(x, f);
  check_session_views(x, log, f);
  check_sessions(x, log, f);
  check_watches(x, log, f);
  for (auto& b : f.take())
    if (found.size() < o.max_breaches) found.push_back(std::move(b));
  return found;
}

}  // namespace troupe::history
