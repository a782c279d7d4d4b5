/// Messages of peers, fed to a zab_peer that leads, follows, observes or looks, in any order, among a disk that answers
/// late and links that break. Peers may say anything: the worst that may come of it is that a link is dropped and the
/// node looks again. Only what names a divergence of histories, or the end of all epochs, may stop the node: both are by
/// design (a committed transaction must not be undone).
///
/// The input: three bytes for who we are and what the log holds, then steps. Messages come as packed fields (so that a
/// mutation of one byte is another message, and not a broken pointer) or as frames.

#include <map>

#include "actors/node/decode.hpp"
#include "cluster/zab/zab_peer.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/without_stacks.hpp"

namespace {

using namespace troupe;
using namespace troupe::zab;

/// Small numbers, so that they often meet; large ones now and then.
zxid_t read_zxid(fuzz::input& in) {
  auto packed = in.u8();
  if (packed == 0xff) return in.i64() & INT64_MAX;
  return make_zxid(packed >> 5, packed & 31);
}
epoch_t read_epoch(fuzz::input& in) {
  auto packed = in.u8();
  return packed == 0xff ? in.u32() : packed & 7;
}

shared_bytes payload() { return shared_bytes::copy_of("payload"); }

message read_message(fuzz::input& in, std::uint8_t kind) {
  message m;
  m.epoch = read_epoch(in);
  switch (kind % 17) {
    case 0:
      m.body = follower_info{read_epoch(in), read_zxid(in), (in.u8() & 1) != 0};
      break;
    case 1:
      m.body = leader_info{};
      break;
    case 2:
      m.body = ack_epoch{read_epoch(in), read_zxid(in), (in.u8() & 1) != 0};
      break;
    case 3:
      m.body = trunc{read_zxid(in)};
      break;
    case 4:
      m.body = truncated{read_zxid(in)};
      break;
    case 5: {
      auto z = read_zxid(in);
      auto packed = in.u8();
      m.body = snap_chunk{z, packed & 7u, (packed & 8) != 0, payload()};
      break;
    }
    case 6:
      m.body = snap_ack{in.u8()};
      break;
    case 7: {
      proposals p;
      p.commit = read_zxid(in);
      for (auto n = in.u8() & 7; n; --n) {
        auto z = read_zxid(in);
        p.records.push_back({z, z & 16 ? shared_bytes{} : payload()});
      }
      m.body = std::move(p);
      break;
    }
    case 8:
      m.body = new_leader{read_zxid(in)};
      break;
    case 9:
      m.body = ack_new_leader{};
      break;
    case 10:
      m.body = up_to_date{read_zxid(in)};
      break;
    case 11:
      m.body = ack{read_zxid(in)};
      break;
    case 12:
      m.body = commit_up_to{read_zxid(in)};
      break;
    case 13:
      m.body = ping{in.u8()};
      break;
    case 14:
      m.body = pong{in.u8(), {in.u8()}};
      break;
    case 15:
      m.body = requests{{{in.u8(), 1, 1, zk::op::create, "body", nullptr}}};
      break;
    case 16:
      m.body = replies{{{in.u8(), zk::err::ok, read_zxid(in), "body"}}};
      break;
  }
  return m;
}

class node {
 public:
  explicit node(fuzz::input& in) {
    auto who = in.u8(), history = in.u8();
    zab_settings s;
    s.self = static_cast<node_id>(1 + who % 4);
    s.ensemble.members = {{1, false, 1}, {2, false, 1}, {3, false, 1}, {4, true, 1}};
    s.window_bytes = who & 0x40 ? 100 : 1 << 20;  // a small one sends it to the disk for what it needs
    s.chunk_bytes = 150;
    s.max_counter = who & 0x80 ? 12 : 0xffffffff;
    self_ = s.self;
    log_state l;
    l.current_epoch = history >> 6, l.accepted_epoch = l.current_epoch + (history >> 5 & 1);
    if (l.current_epoch > 0) {
      l.base = make_zxid(l.current_epoch, history >> 3 & 3);
      l.last = l.base + (history & 7);
    }
    base_ = l.base;
    for (auto z = l.base + 1; z <= l.last; ++z) log_.push_back({z, payload()});
    applied_ = l.base + std::min<zxid_t>(in.u8() & 7, l.last - l.base);
    delivered_ = applied_;
    peer_ = std::make_unique<zab_peer>(s, l, applied_);
  }

  bool step(fuzz::input& in) {
    enum step : std::uint8_t { say, say_more, say_still, links, disk, time, roles, other };
    auto control = in.u8();
    auto from = static_cast<node_id>(1 + (control >> 3 & 3));
    effects fx;
    switch (control & 7) {
      case say:
      case say_more:
      case say_still:
        hear(in, control, from, fx);
        break;
      case links:
        if (from != self_) peer_->on_link(from, (control & 0x80) == 0, now_ms_, fx);
        break;
      case disk:
        answer(in.u8(), fx);
        break;
      case time:
        now_ms_ += in.u8() * 20;
        peer_->tick(now_ms_, fx);
        break;
      case roles:
        if (!idle_) break;
        idle_ = false;
        if (from == self_ && self_ != 4)
          peer_->lead(now_ms_, fx);
        else
          peer_->follow(from == self_ ? 1 : from, now_ms_, fx);
        break;
      case other:
        speak(in.u8(), fx);
        break;
    }
    return carry(fx);
  }

 private:
  void hear(fuzz::input& in, std::uint8_t control, node_id from, effects& fx) {
    if (from == self_) from = 5;  // a stranger: links never hand such a message on, but it must do no harm
    message m;
    if (control & 0x80) {
      std::string why;
      if (!actors::decoded(shared_bytes::copy_of(in.string()), m, why)) return;
    } else {
      m = read_message(in, in.u8());
    }
    peer_->on_message(from, std::move(m), now_ms_, fx);
  }

  /// The disk answers the oldest of what it was asked, as it really stands.
  void answer(std::uint8_t which, effects& fx) {
    switch (which & 3) {
      case 0:
        if (token_ > confirmed_) {
          confirmed_ += which & 4 ? token_ - confirmed_ : 1;
          peer_->on_durable(confirmed_, now_ms_, fx);
        }
        break;
      case 1:
        if (!reads_.empty()) {
          auto r = reads_.front();
          reads_.erase(reads_.begin());
          peer_->on_log_read(r, read(r), now_ms_, fx);
        }
        break;
      case 2:
        if (!snapshot_reads_.empty()) {
          auto [learner, index] = snapshot_reads_.front();
          snapshot_reads_.erase(snapshot_reads_.begin());
          peer_->on_snapshot_chunk(learner, {applied_, index, index >= 2, payload()}, now_ms_, fx);
        }
        break;
      case 3:
        if (!installs_.empty()) {
          auto c = installs_.front();
          installs_.erase(installs_.begin());
          if (c.last)
            delivered_ = applied_ = c.zxid, peer_->on_installed(c.zxid, now_ms_, fx);
          else
            peer_->on_chunk_installed(c.index, now_ms_, fx);
        }
        break;
    }
  }

  zab_peer::log_read_result read(const read_log& r) const {
    zab_peer::log_read_result out;
    if (r.after < base_) return out.position = -1, out;
    out.position = base_, out.at_end = true;
    std::size_t size = 0;
    for (auto& e : log_) {
      if (e.zxid <= r.after) {
        out.position = e.zxid;
      } else if (size < r.max_bytes) {
        out.records.push_back(e), size += 40;
      } else {
        out.at_end = false;
      }
    }
    return out;
  }

  void speak(std::uint8_t what, effects& fx) {
    std::vector<commit::prepared> list;
    for (auto n = what & 3; n >= 0; --n) {
      commit::prepared p;
      p.origin = static_cast<node_id>(1 + (what >> 2 & 3));
      p.reply.id = ++requests_;
      if (what & 16) p.txn = payload();
      p.confirm = what & 32;
      list.push_back(std::move(p));
    }
    if (peer_->role() == commit::role::leading) peer_->submit(std::move(list), now_ms_, fx);
    if (peer_->role() == commit::role::following) {
      peer_->forward({{++requests_, 1, 1, zk::op::create, "body", nullptr}}, now_ms_, fx);
      peer_->touched({1, 2, 3});
    }
  }

  /// False: the node stops.
  bool carry(effects& fx) {
    if (fx.fatal) {
      FUZZ_CHECK(fx.fatal->find("diverged") != fx.fatal->npos || fx.fatal->starts_with("epochs are used up"),
                 *fx.fatal);
      return false;
    }
    FUZZ_CHECK(fx.persist.empty() || fx.persist_token > token_);
    if (!fx.persist.empty()) token_ = fx.persist_token;
    for (auto& op : fx.persist) persist(op);
    for (auto& l : fx.local)
      if (auto* d = std::get_if<deliver>(&l)) deliver_all(*d);
    for (auto& s : fx.send) FUZZ_CHECK(s.to >= 1 && s.to <= 4 && s.to != self_, std::to_string(s.to));
    for (auto& r : fx.log_reads) reads_.push_back(r);
    for (auto& r : fx.snapshot_reads)
      if (!r.close) snapshot_reads_.emplace_back(r.learner, r.index);
    for (auto& i : fx.installs) installs_.push_back(i.chunk);
    idle_ |= fx.look;
    FUZZ_CHECK(peer_->delivered() <= peer_->committed());
    auto dropped = fx.drop_links;
    for (auto id : dropped) {
      effects more;
      peer_->on_link(id, false, now_ms_, more);
      if (!carry(more)) return false;
    }
    return true;
  }

  void persist(const persist_op& op) {
    if (auto* a = std::get_if<append_records>(&op)) {
      for (auto& r : a->records) {
        FUZZ_CHECK(r.zxid > (log_.empty() ? base_ : log_.back().zxid));
        log_.push_back(r);
      }
    } else if (auto* t = std::get_if<truncate_after>(&op)) {
      while (!log_.empty() && log_.back().zxid > t->last) log_.pop_back();
      FUZZ_CHECK((log_.empty() ? base_ : log_.back().zxid) >= delivered_);
    } else if (auto* r = std::get_if<reset_log>(&op)) {
      log_.clear();
      base_ = r->base;
    } else if (auto* e = std::get_if<set_accepted_epoch>(&op)) {
      FUZZ_CHECK(e->epoch > accepted_), accepted_ = e->epoch;
    }
  }

  void deliver_all(const deliver& d) {
    for (auto& r : d.committed) {
      FUZZ_CHECK(r.zxid > delivered_, std::to_string(r.zxid) + " after " + std::to_string(delivered_));
      delivered_ = r.zxid;
    }
    applied_ = delivered_;
  }

  node_id self_ = 0;
  std::unique_ptr<zab_peer> peer_;
  std::int64_t now_ms_ = 1000;
  bool idle_ = true;
  log_records log_;
  zxid_t base_ = 0, applied_ = 0, delivered_ = 0;
  epoch_t accepted_ = 0;
  std::uint64_t token_ = 0, confirmed_ = 0, requests_ = 0;
  std::vector<read_log> reads_;
  std::vector<std::pair<node_id, std::uint32_t>> snapshot_reads_;
  std::vector<snap_chunk> installs_;
};

void fuzz_one(std::string_view bytes) {
  fuzz::without_stacks quiet;
  fuzz::input in(bytes);
  node n(in);
  while (!in.empty() && n.step(in)) {
  }
}

}  // namespace

TROUPE_FUZZER(peer_conversation);
