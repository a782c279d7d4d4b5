#include "actors/recipes/gathering.hpp"

#include <charconv>

namespace troupe::recipes {

gathering::gathering(surroundings& out, port& p, std::string path, std::size_t size)
    : out_(out), port_(p), path_(std::move(path)), ready_(child(path_, "ready")), size_(size) {}

void gathering::start() {
  out_.watch(path_, client::scope::children, 0, true, [this](const happening& h) { on_happening(h); });
}

void gathering::on_happening(const happening& h) {
  if (auto* code = std::get_if<std::int32_t>(&h)) return on_no_view(*code);
  auto* state = std::get_if<client::state>(&h);
  state ? mirror_.apply(*state) : mirror_.apply(std::get<client::changes>(h));
  seen_ = true;
  step();
}

/// A node may refuse to go on with the subscription when we come to it, for its bound on watches, say. Until one takes it, what
/// we see is not what is: nothing may be done by it.
void gathering::on_no_view(std::int32_t code) {
  if (fate_of(code) == fate::closed) return port_.refused(code);
  mirror_ = {};
  if (fate_of(code) == fate::refused && !seen_) phase_ = phase::out, port_.refused(code);
  out_.after(retry_pause, [this] { start(); });
}

void gathering::enter() {
  // One that was refused may still be on its way out: it stays then, as it is.
  if (phase_ == phase::out) own_ = child(path_, "in-" + out_.token());
  phase_ = phase::entering, round_ = 0;
  step();
}

void gathering::leave() {
  phase_ = phase::leaving;
  step();
}

void gathering::on_session(const client::session_event& e) {
  if (e.state == client::session_state::connected) session_ = e.session;
  if (e.state == client::session_state::expired) session_ = 0;
  if (e.state == client::session_state::closed) return port_.refused(client::code::closed);
  step();
}

/// Compares what is with what is wanted, after every transaction.
void gathering::step() {
  if (!mirror_.ready()) return;
  if (phase_ == phase::entering) step_in();
  if (phase_ == phase::leaving || phase_ == phase::refused) step_out();
}

void gathering::step_in() {
  auto* own = mirror_.find(own_);
  auto round = last_round();
  if (own && own->czxid <= round) {
    phase_ = phase::in, round_ = round;
    return port_.entered();
  }
  if (busy_ || !session_) return;
  if (!own) return settle(client::create{own_, {}, client::create_mode::ephemeral, {}});
  if (participants(round) == 0 && participants(mirror_.zxid()) >= size_) begin_round();
}

void gathering::begin_round() {
  auto* ready = mirror_.find(ready_);
  auto now = std::to_string(mirror_.zxid());
  if (ready) return settle(client::set_data{ready_, now, ready->version});
  settle(client::create{ready_, now, client::create_mode::persistent, {}});
}

void gathering::step_out() {
  if (busy_) return;  // a create of ours may be on its way
  if (mirror_.find(own_)) {
    if (session_) settle(client::remove{own_, -1});
    return;
  }
  if (participants(round_) > 0) return;
  if (std::exchange(phase_, phase::out) == phase::leaving) port_.left();
}

/// 0: there was none.
zxid_t gathering::last_round() const {
  auto* ready = mirror_.find(ready_);
  zxid_t round = 0;
  if (!ready || std::from_chars(ready->data.data(), ready->data.data() + ready->data.size(), round).ec != std::errc())
    return 0;
  return round < ready->mzxid ? round : 0;  // or it was copied here from another ensemble, whose zxids say nothing
}

/// That are there now, and were there at that zxid.
std::size_t gathering::participants(zxid_t as_of) const {
  std::size_t n = 0;
  auto prefix = child(path_, "in-");
  for (auto it = mirror_.nodes().lower_bound(prefix); it != mirror_.nodes().end() && it->first.starts_with(prefix);
       ++it)
    n += it->second.czxid <= as_of;
  return n;
}

void gathering::settle(client_request r) {
  busy_ = true;
  bool removal = std::holds_alternative<client::remove>(r);
  out_.ask(std::move(r), [this, removal](const answer& a) {
    if (a.is(zk::err::no_node) && phase_ == phase::entering)
      return ensure_path(out_, path_, [this](std::int32_t code) {
        if (code && phase_ == phase::entering) return refuse(code);
        busy_ = false;
        step();
      });
    bool expected = a.is(zk::err::node_exists) || a.is(zk::err::no_node) || a.is(zk::err::bad_version);
    // What was wanted may have changed: the others may have begun without our doing, or we may leave.
    bool wanted = removal == (phase_ != phase::entering) && phase_ != phase::in;
    if (fate_of(a.code) >= fate::refused && !expected && wanted) return refuse(a.code);
    look_again();
  });
}

/// Behind a sync: the mirror shows then what came of it, whatever the answer was.
void gathering::look_again() {
  out_.ask(client::sync{path_}, [this](const answer& a) {
    if (a.ok() && mirror_.ready()) return busy_ = false, step();
    if (fate_of(a.code) == fate::closed) return;
    out_.after(retry_pause, [this] { look_again(); });
  });
}

/// Who is told so is not to take part: an entry of ours would make the others begin without us, and wait for us.
void gathering::refuse(std::int32_t code) {
  bool entering = phase_ == phase::entering;
  busy_ = false, phase_ = phase::refused;
  port_.refused(code);
  if (entering) step();  // otherwise we may not leave, and try again after the next change
}

}  // namespace troupe::recipes
