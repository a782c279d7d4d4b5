#include "actors/recipes/belonging.hpp"

namespace troupe::recipes {

belonging::belonging(surroundings& out, port& p, std::string path) : out_(out), port_(p), path_(std::move(path)) {}

void belonging::start() {
  out_.watch(path_, client::scope::children, 0, true, [this](const happening& h) { on_happening(h); });
}

void belonging::on_happening(const happening& h) {
  if (auto* code = std::get_if<std::int32_t>(&h)) return on_no_view(*code);
  auto* state = std::get_if<client::state>(&h);
  bool first = !mirror_.ready();
  seen_ = true;
  auto touched = state ? mirror_.apply(*state) : mirror_.apply(std::get<client::changes>(h));
  if (!touched.empty() || first) port_.members(list());
  step();
}

/// A node may refuse to go on with the subscription when we come to it, for its bound on watches, say. Until one takes it, what
/// we see is not what is: nothing may be done by it.
void belonging::on_no_view(std::int32_t code) {
  if (fate_of(code) == fate::closed) return port_.refused(code);
  mirror_ = {};
  if (fate_of(code) == fate::refused && !seen_) parting_ = false, refuse(code);
  out_.after(retry_pause, [this] { start(); });
}

member_list belonging::list() const {
  member_list out{mirror_.zxid(), {}};
  for (auto& [path, n] : mirror_.nodes()) out.members.push_back({name_of(path), n.data, n.czxid});
  return out;
}

void belonging::join(std::string name, std::string data) {
  name_ = std::move(name), data_ = std::move(data), wanted_ = asked_ = true, parting_ = false, joined_ = 0;
  step();
}

void belonging::leave() {
  wanted_ = asked_ = false, parting_ = true;
  step();
}

void belonging::on_session(const client::session_event& e) {
  session_ = e.state == client::session_state::connected ? e.session : session_;
  if (e.state == client::session_state::expired) session_ = 0, joined_ = 0, since_ = 0;
  if (e.state == client::session_state::closed) return wanted_ = false, port_.refused(client::code::closed);
  step();
}

const mirrored* belonging::own() const {
  auto* n = since_ ? mirror_.find(own_) : nullptr;
  return n && n->czxid == since_ ? n : nullptr;
}

/// Compares what is with what is wanted. The mirror shows whatever we have been answered: changes are told before the
/// answers that show them.
void belonging::step() {
  if (busy_ || !session_ || !mirror_.ready()) return;
  auto* mine = own();
  auto path = child(path_, name_);
  if (mine && (!wanted_ || own_ != path)) return remove();
  if (wanted_ && !mirror_.find(path)) return create();
  if (mine && joined_ != since_) {
    if (mine->data != data_) return change(*mine);
    joined_ = since_, asked_ = false;
    return port_.joined(since_);
  }
  if (!wanted_ && parting_) return parting_ = false, joined_ = 0, port_.parted();
}

void belonging::create() {
  busy_ = true;
  auto path = child(path_, name_);
  out_.ask(client::create{path, data_, client::create_mode::ephemeral, {}}, [this, path](const answer& a) {
    if (a.is(zk::err::no_node))
      return ensure_path(out_, path_, [this, path](std::int32_t code) {
        if (code && wants(path)) return refuse(code);
        busy_ = false;
        step();
      });
    if (fate_of(a.code) == fate::refused && !a.is(zk::err::node_exists) && wants(path)) return refuse(a.code);
    if (a.ok()) own_ = path, since_ = a.as<client::created>().stat.czxid;
    if (fate_of(a.code) != fate::unknown) return settle({});
    settle([this, path] {
      auto* n = mirror_.find(path);
      if (n && n->ephemeral_owner == session_) own_ = path, since_ = n->czxid;
    });
  });
}

void belonging::change(const mirrored& mine) {
  busy_ = true;
  out_.ask(client::set_data{own_, data_, mine.version}, [this](const answer& a) {
    bool expected = a.is(zk::err::no_node) || a.is(zk::err::bad_version);
    if (fate_of(a.code) == fate::refused && !expected) {
      refuse(a.code);
      if (!wanted_) step();  // out
      return;
    }
    settle({});
  });
}

void belonging::remove() {
  busy_ = true;
  out_.ask(client::remove{own_, -1}, [this](const answer& a) {
    if (fate_of(a.code) == fate::refused && !a.is(zk::err::no_node)) return refuse(a.code);
    settle({});
  });
}

/// Whatever came of it: behind a sync the mirror knows.
void belonging::settle(std::function<void()> then) {
  out_.ask(client::sync{path_}, [this, then = std::move(then)](const answer& a) {
    if (a.ok() && mirror_.ready()) {
      if (then) then();
      busy_ = false;
      return step();
    }
    if (fate_of(a.code) == fate::closed) return;
    out_.after(retry_pause, [this, then] { settle(then); });
  });
}

void belonging::refuse(std::int32_t code) {
  busy_ = false;
  if (std::exchange(asked_, false)) wanted_ = false;  // it is answered: it must not happen by itself later
  port_.refused(code);
}

}  // namespace troupe::recipes
