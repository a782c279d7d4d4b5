#include "actors/recipes/gathering.hpp"

namespace troupe::recipes {

gathering::gathering(surroundings& out, port& p, std::string path, std::size_t size)
    : out_(out), port_(p), path_(std::move(path)), ready_(child(path_, "ready")), size_(size) {}

void gathering::start() {
  out_.watch(path_, client::scope::children, 0, false, [this](const happening& h) { on_happening(h); });
}

void gathering::on_happening(const happening& h) {
  if (auto* code = std::get_if<std::int32_t>(&h)) {
    if (fate_of(*code) >= fate::refused) return port_.refused(*code);
    out_.after(retry_pause, [this] { start(); });
    return;
  }
  auto* state = std::get_if<client::state>(&h);
  state ? mirror_.apply(*state) : mirror_.apply(std::get<client::changes>(h));
  step();
}

void gathering::enter() {
  phase_ = phase::entering, own_ = child(path_, "in-" + out_.token());
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
  if (phase_ == phase::leaving) step_out();
}

void gathering::step_in() {
  auto* ready = mirror_.find(ready_);
  bool inside = mirror_.find(own_) != nullptr;
  auto others = mirror_.nodes().size() - (ready ? 1 : 0);
  if (inside && ready) {
    phase_ = phase::in, round_ = ready->czxid;
    return port_.entered();
  }
  if (busy_ || !session_) return;
  if (ready && others == 0) return settle(client::remove{ready_, -1});  // those of the last round have died
  if (ready) return;
  if (!inside) return settle(client::create{own_, {}, client::create_mode::ephemeral, {}});
  if (others >= size_) return settle(client::create{ready_, {}, client::create_mode::persistent, {}});
}

void gathering::step_out() {
  if (busy_) return;  // a create of ours may be on its way
  auto* ready = mirror_.find(ready_);
  if (!mirror_.find(own_)) {
    bool over = !ready || ready->czxid != round_;
    bool last = mirror_.nodes().size() == 1;
    if (over || last) {
      if (!over) settle(client::remove{ready_, -1});
      phase_ = phase::out;
      return port_.left();
    }
  }
  if (session_ && mirror_.find(own_)) settle(client::remove{own_, -1});
}

/// Asks, and looks again behind a sync: the mirror shows then what came of it, whatever the answer was.
void gathering::settle(client_request r) {
  busy_ = true;
  out_.ask(std::move(r), [this](const answer& a) {
    if (a.is(zk::err::no_node) && phase_ == phase::entering)
      return ensure_path(out_, path_, [this](std::int32_t code) {
        busy_ = false;
        code ? port_.refused(code) : step();
      });
    bool expected = a.is(zk::err::node_exists) || a.is(zk::err::no_node);
    if (fate_of(a.code) >= fate::refused && !expected) return busy_ = false, port_.refused(a.code);
    out_.ask(client::sync{path_}, [this](const answer& s) {
      auto again = [this] { busy_ = false, step(); };
      if (s.ok()) return again();
      if (fate_of(s.code) != fate::closed) out_.after(retry_pause, again);
    });
  });
}

}  // namespace troupe::recipes
