/// Client frames, through everything that a node does with them: jute, commit processor, preparation, tree, watches. The
/// node leads alone; what it proposes is committed at once, or when the input says so.
///
/// The input: one byte of modes, then steps (enum step below). What must hold: no exception; every frame of a connection
/// gets exactly one reply unless the connection is closed; nothing is delivered after that; every piece is one whole
/// frame; in the end nothing is outstanding, and the checkpoints taken on the way hold the same tree.

#include <deque>
#include <map>
#include <set>

#include "cluster/commit/commit_processor.hpp"
#include "cluster/session/password.hpp"
#include "cluster/watch/watch_notifier.hpp"
#include "tests/fuzz/tables.hpp"

namespace {

using namespace troupe;

constexpr std::int64_t boot_ms = 1'700'000'000'000;
constexpr std::size_t slots = 4;

class machine {
 public:
  explicit machine(std::uint8_t modes)
      : commit_at_once_(!(modes & 1)),
        node_({.self = 1}, std::make_unique<tree::database>(), boot_ms),
        notifier_(modes & 2 ? watch::watch_limits{3, 64} : watch::watch_limits{}) {
    commit::effects fx;
    node_.on_role(commit::role::leading, fx);
    take(fx);
  }

  void step(fuzz::input& in) {
    enum step : std::uint8_t { frame, frame_again, frame_more, hello, come_back, lost, commit, other };
    const auto control = in.u8();
    const auto slot = control & 3u;
    now_ms_ += control >> 6;
    switch (control >> 2 & 7u) {
      case frame:
      case frame_again:
      case frame_more: {
        auto bytes = in.string();
        if (control & 0x80 && last_closed_) put(request_batch::kind::frame, last_closed_, bytes), submit();
        send(slot, bytes);
        break;
      }
      case hello:
        if (conns_[slot]) lose(slot);
        send(slot, connect_request(0, {}, in.u8()));
        break;
      case come_back: {  // with the session of another connection
        if (conns_[slot]) lose(slot);
        auto s = sessions_.empty() ? session_id{1} : sessions_[in.u8() % sessions_.size()];
        auto p = session::password_of(s);
        send(slot, connect_request(s, {p.data(), p.size()}, 10));
        break;
      }
      case lost:
        if (conns_[slot]) lose(slot);
        break;
      case commit:
        settle(in.u8() + 1u);
        break;
      case other:
        step_other(in);
        break;
    }
    if (commit_at_once_) settle(SIZE_MAX);
  }

  void end() {
    settle(SIZE_MAX);
    FUZZ_CHECK(node_.outstanding() == 0, std::to_string(node_.outstanding()));
    for (auto& [id, c] : open_)
      FUZZ_CHECK(c.replies == c.frames,
                 std::to_string(c.replies) + " replies to " + std::to_string(c.frames) + " frames");
    if (checkpoints_) check_checkpoint();
  }

 private:
  struct connection {
    std::size_t frames = 0, replies = 0;
  };
  struct outcome {
    log_record record;  ///< zxid 0: none
    node_id origin;
    commit::reply_only reply;
  };

  static std::string connect_request(session_id s, std::string_view password, std::uint8_t seconds) {
    std::string out;
    jute::writer w(out);
    w.i32(0), w.i64(0), w.i32(seconds * 1000), w.i64(s), w.buffer(password);
    return out;
  }

  void step_other(fuzz::input& in) {
    commit::effects fx;
    switch (auto what = in.u8(); what & 3) {
      case 0:  // a follower forwards
        node_.on_forwarded(static_cast<node_id>(2 + (what >> 7)),
                           {{++forwarded_, session_by(what >> 2), 1, static_cast<zk::op>(in.i32()),
                             std::string(in.string()), what & 64 ? credentials() : nullptr}},
                           now_ms_, fx);
        break;
      case 1:
        node_.on_expired({session_by(what >> 2)}, now_ms_, fx);
        break;
      case 2:
        node_.on_space(what & 4);
        break;
      case 3:
        checkpoint();
        break;
    }
    take(fx);
  }

  session_id session_by(unsigned n) const { return sessions_.empty() ? n : sessions_[n % sessions_.size()]; }
  static std::shared_ptr<const tree::credentials> credentials() {
    return std::make_shared<const tree::credentials>(tree::credentials{{"ip", "::1"}, {"digest", "a:b"}});
  }

  void send(std::size_t slot, std::string_view bytes) {
    if (!conns_[slot]) {
      conns_[slot] = ++last_conn_;
      open_[last_conn_] = {};
      put(request_batch::kind::opened, last_conn_, "10.0.0.1");
    }
    ++open_[conns_[slot]].frames;
    put(request_batch::kind::frame, conns_[slot], bytes);
    submit();
  }

  void lose(std::size_t slot) {
    open_.erase(conns_[slot]);
    put(request_batch::kind::closed, conns_[slot], "");
    submit();
    conns_[slot] = 0;
  }

  /// As the gateway does it: what came together goes together.
  void put(request_batch::kind what, conn_id conn, std::string_view bytes) {
    requests_.items.push_back(
        {conn, what, static_cast<std::uint32_t>(requests_.bytes.size()), static_cast<std::uint32_t>(bytes.size())});
    requests_.bytes += bytes;
  }

  void submit() {
    // A copy has no room behind its last byte, so that the sanitizer sees who reads there.
    request_batch exact = requests_;
    requests_.items.clear(), requests_.bytes.clear();
    commit::effects fx;
    node_.on_requests(exact, now_ms_, fx);
    take(fx);
  }

  void settle(std::size_t n) {
    for (; n && !in_flight_.empty(); --n) {
      auto o = std::move(in_flight_.front());
      in_flight_.pop_front();
      commit::effects fx;
      if (o.record.zxid)
        node_.on_committed({o.record}, fx);
      else if (o.origin == 1)
        node_.on_replies({std::move(o.reply)}, fx);
      take(fx);
    }
  }

  void take(commit::effects& fx) {
    FUZZ_CHECK(fx.forward.empty());
    for (auto& p : fx.proposals) {
      outcome o{{}, p.origin, p.reply};
      if (p.txn.empty())  // as the broadcast does it: nothing was assigned, nothing to wait for
        o.reply.after = counter_ ? make_zxid(1, counter_) : 0;
      else
        o.record = {make_zxid(1, ++counter_), p.txn};
      in_flight_.push_back(std::move(o));
    }
    for (auto& s : fx.sessions)
      if (s.open && sessions_.size() < 64) sessions_.push_back(s.session);
    if (fx.stream.items.empty()) return;
    delivery_batch out;
    notifier_.step(std::move(fx.stream), out);
    std::set<conn_id> closed;
    for (auto& i : out.items) check_delivery(out, i, closed);
    for (auto id : closed) {
      last_closed_ = id;
      for (auto& c : conns_)
        if (c == id) c = 0;
      put(request_batch::kind::closed, id, "");
    }
    if (!closed.empty()) submit();
  }

  void check_delivery(const delivery_batch& out, const delivery_batch::item& i, std::set<conn_id>& closed) {
    FUZZ_CHECK(std::size_t{i.at} + i.size <= out.bytes.size());
    auto at = open_.find(i.conn);
    FUZZ_CHECK(at != open_.end(), "connection " + std::to_string(i.conn));
    if (i.size) {
      jute::reader r(std::string_view(out.bytes).substr(i.at, i.size));
      FUZZ_CHECK(r.i32() == static_cast<std::int32_t>(i.size) - 4);
    }
    FUZZ_CHECK(i.size != 0 || i.close);
    FUZZ_CHECK(!i.is_reply || i.size >= 4);
    at->second.replies += i.is_reply;
    FUZZ_CHECK(at->second.replies <= at->second.frames);
    if (i.close) closed.insert(i.conn), open_.erase(at);
  }

  void checkpoint() {
    checkpoints_ = true;
    stored_.take(node_.database());
  }
  void check_checkpoint() {
    checkpoint();
    tree::database copy;
    stored_.load(copy, node_.database().zxid());
    fuzz::check_same(copy, node_.database());
    fuzz::check_tree(copy);
  }

  bool commit_at_once_, checkpoints_ = false;
  commit::commit_processor node_;
  watch::watch_notifier notifier_;
  std::int64_t now_ms_ = boot_ms;
  std::uint32_t counter_ = 0;
  std::uint64_t forwarded_ = 0;
  conn_id last_conn_ = 0, last_closed_ = 0;
  conn_id conns_[slots] = {};
  std::map<conn_id, connection> open_;
  std::vector<session_id> sessions_;
  request_batch requests_;
  std::deque<outcome> in_flight_;
  fuzz::tables stored_;
};

void fuzz_one(std::string_view bytes) {
  fuzz::input in(bytes);
  machine m(in.u8());
  while (!in.empty()) m.step(in);
  m.end();
}

}  // namespace

TROUPE_FUZZER(client_frames);
