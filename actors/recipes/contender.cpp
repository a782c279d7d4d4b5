#include "actors/recipes/contender.hpp"

#include <algorithm>

namespace troupe::recipes {

contender::contender(surroundings& out, port& p, settings s) : out_(out), port_(p), settings_(std::move(s)) {}

void contender::enter() {
  wanted_ = true;
  if (state_ == state::out) begin();
}

void contender::leave() {
  wanted_ = false;
  switch (state_) {
    case state::out:
      return port_.left();
    case state::looking:
    case state::waiting:
    case state::holding:
      return remove_entry();
    default:
      return;  // once it is known whether there is an entry
  }
}

void contender::begin() {
  name_ = out_.token() + "__lock__";
  create_entry();
}

void contender::create_entry() {
  if (!wanted_) return gone();
  state_ = state::entering;
  out_.ask(client::create{child(settings_.path, name_), settings_.data, client::create_mode::ephemeral_sequential, {}},
           current([this](const answer& a) { on_created(a); }));
}

void contender::on_created(const answer& a) {
  if (a.ok()) {
    auto& c = a.as<client::created>();
    entry_ = name_of(c.path), fencing_ = c.stat.czxid, owner_ = c.stat.ephemeral_owner;
    return entered();
  }
  if (a.is(zk::err::no_node))
    return ensure_path(out_, settings_.path,
                       current([this](std::int32_t code) { code ? refuse(code) : create_entry(); }));
  switch (fate_of(a.code)) {
    case fate::unknown:
      return find_entry();
    case fate::nothing_done:
      return pause(&contender::create_entry);
    default:
      return refuse(a.code);
  }
}

/// Nobody told us whether there is an entry: it has our token. What was on its way on the old connection is ordered
/// before the sync, or refused: the session has moved.
void contender::find_entry() {
  state_ = state::finding;
  out_.ask(client::sync{settings_.path}, current([this](const answer& s) {
             if (!s.ok()) return fate_of(s.code) == fate::closed ? refuse(s.code) : pause(&contender::find_entry);
             out_.ask(client::get_children{settings_.path}, current([this](const answer& a) {
                        if (a.ok()) return on_found(a.as<client::children>());
                        if (a.is(zk::err::no_node)) return create_entry();
                        if (fate_of(a.code) >= fate::refused) return refuse(a.code);
                        pause(&contender::find_entry);
                      }));
           }));
}

void contender::on_found(const client::children& c) {
  for (auto& one : line_of(c.names))
    if (one.starts_with(name_)) {
      entry_ = one;
      return read_entry(&contender::entered);
    }
  create_entry();
}

/// The fencing token and the owner of an entry that we know by its name only.
void contender::read_entry(void (contender::*next)()) {
  out_.ask(client::exists{child(settings_.path, entry_)}, current([this, next](const answer& a) {
             if (fate_of(a.code) >= fate::refused) return refuse(a.code);
             if (!a.ok()) return pause(&contender::find_entry);
             auto& stat = a.as<client::existing>().stat;
             if (!stat) return start_over();
             fencing_ = stat->czxid, owner_ = stat->ephemeral_owner;
             (this->*next)();
           }));
}

void contender::entered() {
  if (session_ && owner_ != session_) return start_over();  // it goes with the session that made it
  if (!wanted_) return remove_entry();
  look();
}

void contender::look() {
  end_watch();
  state_ = state::looking;
  out_.ask(client::get_children{settings_.path}, current([this](const answer& a) {
             if (a.ok()) return on_line(a.as<client::children>());
             if (a.is(zk::err::no_node)) return start_over();
             if (fate_of(a.code) == fate::closed) return refuse(a.code);
             pause(&contender::look);
           }));
}

void contender::on_line(const client::children& c) {
  auto line = line_of(c.names);
  auto mine = std::find(line.begin(), line.end(), entry_);
  if (mine == line.end()) return start_over();  // somebody has deleted it
  if (mine == line.begin()) return hold(c.zxid);
  wait_for(*(mine - 1), c.zxid);
}

void contender::wait_for(const std::string& entry, zxid_t since) {
  state_ = state::waiting;
  watch_ =
      out_.watch(child(settings_.path, entry), client::scope::node, since, false, current([this](const happening& h) {
                   if (std::holds_alternative<std::int32_t>(h)) return end_watch(), pause(&contender::look);
                   look();
                 }));
}

void contender::hold(zxid_t as_of) {
  state_ = state::holding;
  watch_own_entry(as_of);
  if (!connected_) timer_ = out_.after(settings_.patience, [this] { timer_ = 0, lose(); });
  port_.held(fencing_, entry_);
}

void contender::watch_own_entry(zxid_t since) {
  watch_ = out_.watch(child(settings_.path, entry_), client::scope::node, since, false,
                      current([this](const happening& h) { on_own_entry(h); }));
}

/// The node went on no longer with the watch: we hold it all the same, unless the entry went meanwhile.
void contender::look_at_own_entry() {
  out_.ask(client::exists{child(settings_.path, entry_)}, current([this](const answer& a) {
             if (fate_of(a.code) == fate::closed) return refuse(a.code);
             if (!a.ok()) return pause(&contender::look_at_own_entry);
             auto& e = a.as<client::existing>();
             if (!e.stat) return lose();
             watch_own_entry(e.zxid);
           }));
}

void contender::on_own_entry(const happening& h) {
  if (auto* s = std::get_if<client::state>(&h); s && !s->list.empty()) return;
  if (auto* c = std::get_if<client::changes>(&h); c && c->list.back().type != zk::event::node_deleted) return;
  if (std::holds_alternative<std::int32_t>(h)) return end_watch(), pause(&contender::look_at_own_entry);
  lose();
}

void contender::on_session(const client::session_event& e) {
  using enum client::session_state;
  connected_ = e.state == connected;
  switch (e.state) {
    case connected:
      session_ = e.session;
      return end_timer();
    case disconnected:
      if (holding() && !timer_) timer_ = out_.after(settings_.patience, [this] { timer_ = 0, lose(); });
      return;
    case expired:
      session_ = 0;
      end_timer();
      // A create whose answer is still to come was not on its way in the old session: its answer says what to do.
      if (state_ == state::out || state_ == state::entering) return;
      if (state_ == state::leaving) return gone();
      if (holding()) {
        wanted_ = false;
        end_watch();
        state_ = state::leaving;
        port_.lost();
        return gone();
      }
      return start_over();
    case closed:
      return refuse(client::code::closed);
  }
}

/// Our entry is gone, and we are still to stand in line.
void contender::start_over() {
  end_watch();
  ++round_;
  if (!wanted_) return gone();
  begin();
}

void contender::lose() {
  if (!holding()) return;
  wanted_ = false;
  remove_entry();
  port_.lost();
}

void contender::remove_entry() {
  end_watch(), end_timer();
  state_ = state::leaving;
  out_.ask(client::remove{child(settings_.path, entry_), -1}, current([this](const answer& a) {
             switch (fate_of(a.code)) {
               case fate::unknown:
               case fate::nothing_done:
                 return pause(&contender::remove_entry);
               case fate::closed:
                 return refuse(a.code);
               default:
                 return gone();
             }
           }));
}

void contender::gone() {
  ++round_;
  state_ = state::out;
  if (wanted_) return begin();
  port_.left();
}

void contender::refuse(std::int32_t code) {
  bool was = holding();
  end_watch(), end_timer();
  state_ = state::leaving;  // who enters again when told `lost` does not begin a new entry
  if (was) port_.lost();
  ++round_, wanted_ = false, state_ = state::out;
  port_.refused(code);
}

void contender::pause(void (contender::*next)()) {
  out_.after(retry_pause, current([this, next] { (this->*next)(); }));
}

void contender::end_watch() {
  if (watch_) out_.end_watch(std::exchange(watch_, 0));
}

void contender::end_timer() {
  if (timer_) out_.forget(std::exchange(timer_, 0));
}

std::vector<std::string> line_of(const std::vector<std::string>& names) {
  constexpr std::size_t digits = 10;
  auto is_entry = [](const std::string& n) {
    // kazoo's WriteLock and its ReadLock stand in the same line.
    auto at = n.find("__lock__"), shared = n.find("__rlock__");
    if (at == n.npos && shared == n.npos) return false;
    return n.size() > digits && std::all_of(n.end() - digits, n.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  std::vector<std::string> out;
  std::copy_if(names.begin(), names.end(), std::back_inserter(out), is_entry);
  auto number = [](const std::string& n) { return std::string_view(n).substr(n.size() - digits); };
  std::sort(out.begin(), out.end(), [&](auto& a, auto& b) { return number(a) < number(b); });
  return out;
}

}  // namespace troupe::recipes
