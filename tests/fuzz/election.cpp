/// Notifications of peers, fed to the election of a voter or an observer among links that come and go. What must hold:
/// no exception; it decides only for a voter, and only while it looks; the round never goes back; it sends only to
/// members.
///
/// The input: one byte that says who we are, then steps: which, from whom, and the fields of a notification, packed.

#include "cluster/zab/election.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace troupe;
using namespace troupe::zab;

void fuzz_one(std::string_view bytes) {
  fuzz::input in(bytes);
  election_settings s;
  s.ensemble.members = {{1, false, 1}, {2, false, 1}, {3, false, 2}, {4, true, 1}, {5, false, 0}};
  s.self = static_cast<node_id>(1 + in.u8() % 5);
  election e(s);
  std::int64_t now_ms = 1000;
  auto round = e.round();
  while (!in.empty()) {
    auto control = in.u8();
    auto peer = static_cast<node_id>(control & 7);
    election_effects fx;
    bool looked = e.looking();
    switch (control >> 3 & 7) {
      case 0:
        e.on_link(peer, true, now_ms, fx);
        break;
      case 1:
        e.on_link(peer, false, now_ms, fx);
        break;
      case 2:
        looked = true;
        e.look(make_zxid(in.u8(), in.u8()), in.u8(), now_ms, fx);
        break;
      case 3:
        e.tick(now_ms += 10 * in.u8(), fx);
        break;
      case 4:
        e.on_established(in.u8(), now_ms, fx);
        break;
      case 6:
        e.rest(fx);
        FUZZ_CHECK(!e.looking());
        break;
      default: {
        notification n;
        auto packed = in.u8();
        n.state = static_cast<notification::state_t>(packed & 3);
        n.leader = packed >> 2 & 7;
        n.zxid = make_zxid(in.u8(), in.u8()), n.epoch = in.u8(), n.round = in.u8();
        if (packed & 0x80) n.leader = in.u8(), n.zxid = in.i64() & INT64_MAX, n.epoch = in.u32(), n.round = in.u64();
        e.on_notification(peer, n, now_ms, fx);
      }
    }
    FUZZ_CHECK(!fx.decided || looked);
    FUZZ_CHECK(!fx.decided || s.ensemble.votes(*fx.decided), std::to_string(*fx.decided));
    FUZZ_CHECK(!fx.decided || !e.looking());
    FUZZ_CHECK(e.round() >= round);
    round = e.round();
    for (auto& o : fx.send) FUZZ_CHECK(s.ensemble.find(o.to) && o.to != s.self);
  }
}

}  // namespace

TROUPE_FUZZER(election);
