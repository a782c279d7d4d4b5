#include "actors/recipes/belonging.hpp"

namespace troupe::recipes {

belonging::belonging(surroundings& out, port& p, std::string path) : out_(out), port_(p), path_(std::move(path)) {}

void belonging::start() {
  out_.watch(path_, client::scope::children, 0, true, [this](const happening& h) { on_happening(h); });
}

void belonging::on_happening(const happening& h) {
  if (auto* code = std::get_if<std::int32_t>(&h)) {
    if (fate_of(*code) >= fate::refused) return port_.refused(*code);
    out_.after(retry_pause, [this] { start(); });
    return;
  }
  auto* state = std::get_if<client::state>(&h);
  bool first = !mirror_.ready();
  auto touched = state ? mirror_.apply(*state) : mirror_.apply(std::get<client::changes>(h));
  if (!touched.empty() || first) port_.members(list());
  step();
}

member_list belonging::list() const {
  member_list out{mirror_.zxid(), {}};
  for (auto& [path, n] : mirror_.nodes()) out.members.push_back({name_of(path), n.data, n.czxid});
  return out;
}

void belonging::join(std::string name, std::string data) {
  name_ = std::move(name), data_ = std::move(data), wanted_ = true, parting_ = false, joined_ = 0;
  step();
}

void belonging::leave() {
  wanted_ = false, parting_ = true;
  step();
}

void belonging::on_session(const client::session_event& e) {
  session_ = e.state == client::session_state::connected ? e.session : session_;
  if (e.state == client::session_state::expired) session_ = 0, joined_ = 0;
  if (e.state == client::session_state::closed) return wanted_ = false, port_.refused(client::code::closed);
  step();
}

const mirrored* belonging::own() const { return name_.empty() ? nullptr : mirror_.find(child(path_, name_)); }

/// Compares what is with what is wanted. The mirror shows whatever we have been answered: changes are told before the
/// answers that show them.
void belonging::step() {
  if (busy_ || !session_ || !mirror_.ready()) return;
  auto* mine = own();
  bool is_ours = mine && mine->ephemeral_owner == session_;
  if (wanted_ && !mine) return create();
  if (wanted_ && is_ours && joined_ != mine->czxid) return joined_ = mine->czxid, port_.joined(joined_);
  if (!wanted_ && is_ours) return remove();
  if (!wanted_ && parting_) return parting_ = false, joined_ = 0, port_.parted();
}

void belonging::create() {
  busy_ = true;
  auto what = client::create{child(path_, name_), data_, client::create_mode::ephemeral, {}};
  out_.ask(std::move(what), [this](const answer& a) {
    if (a.is(zk::err::no_node))
      return ensure_path(out_, path_, [this](std::int32_t code) {
        busy_ = false;
        code ? port_.refused(code) : step();
      });
    if (fate_of(a.code) == fate::refused && !a.is(zk::err::node_exists)) return busy_ = false, port_.refused(a.code);
    settle();
  });
}

void belonging::remove() {
  busy_ = true;
  out_.ask(client::remove{child(path_, name_), -1}, [this](const answer&) { settle(); });
}

/// Whatever came of it: behind a sync the mirror knows.
void belonging::settle() {
  out_.ask(client::sync{path_}, [this](const answer& a) {
    if (a.ok()) return busy_ = false, step();
    if (fate_of(a.code) == fate::closed) return;
    out_.after(retry_pause, [this] { settle(); });
  });
}

}  // namespace troupe::recipes
