#include "tests/actors/recipes/fake_ensemble.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace troupe::recipes_test {

namespace {

using namespace recipes;

bool within(const std::string& path, const std::string& top, client::scope where) {
  switch (where) {
    case client::scope::node:
      return path == top;
    case client::scope::children:
      return path != top && parent_of(path) == top;
    case client::scope::subtree:
      return path == top || path.starts_with(top + "/");
  }
  return false;
}

answer failed(zk::err e) { return {static_cast<std::int32_t>(e), {}}; }

}  // namespace

bool writes_to(const client_request& r, const std::string& path) {
  auto is = [&](auto* one) { return one && one->path == path; };
  return is(std::get_if<client::create>(&r)) || is(std::get_if<client::set_data>(&r)) ||
         is(std::get_if<client::remove>(&r));
}

zk::stat fake_ensemble::stat_of(const std::string& path) const {
  auto& n = tree.at(path);
  zk::stat s;
  s.czxid = n.czxid, s.mzxid = n.mzxid, s.version = n.version, s.ephemeral_owner = n.owner;
  return s;
}

std::vector<std::string> fake_ensemble::children_of(const std::string& path) const {
  std::vector<std::string> out;
  for (auto& [p, n] : tree)
    if (p != "/" && parent_of(p) == path) out.push_back(name_of(p));
  return out;
}

zk::err fake_ensemble::apply(session_id session, const client::multi::operation& o, client::multi_result::one& result,
                             client::changes& c) {
  if (auto* create = std::get_if<client::create>(&o)) {
    auto parent = tree.find(parent_of(create->path));
    if (parent == tree.end()) return zk::err::no_node;
    auto mode = static_cast<int>(create->mode);
    auto path = create->path;
    if (mode & 2) {
      char digits[16];
      std::snprintf(digits, sizeof digits, "%010d", parent->second.next++);
      path += digits;
    }
    if (tree.contains(path)) return zk::err::node_exists;
    tree[path] = {create->data, 0, mode & 1 ? session : 0, zxid, zxid, 0};
    result.path = path, result.stat = stat_of(path);
    c.list.push_back({zk::event::node_created, path, create->data, 0, tree[path].owner});
    return zk::err::ok;
  }
  auto path = std::visit([](auto& one) { return one.path; }, o);
  auto it = tree.find(path);
  if (it == tree.end()) return zk::err::no_node;
  auto fits = [&](std::int32_t version) { return version == -1 || version == it->second.version; };
  if (auto* set = std::get_if<client::set_data>(&o)) {
    if (!fits(set->version)) return zk::err::bad_version;
    it->second.data = set->data, ++it->second.version, it->second.mzxid = zxid;
    result.stat = stat_of(path);
    c.list.push_back({zk::event::node_data_changed, path, set->data, it->second.version, 0});
  } else if (auto* remove = std::get_if<client::remove>(&o)) {
    if (!fits(remove->version)) return zk::err::bad_version;
    if (!children_of(path).empty()) return zk::err::not_empty;
    tree.erase(it);
    c.list.push_back({zk::event::node_deleted, path, {}, 0, 0});
  } else if (!fits(std::get<client::check>(o).version)) {
    return zk::err::bad_version;
  }
  return zk::err::ok;
}

answer fake_ensemble::execute(session_id session, const client_request& r) {
  if (auto code = refuses ? refuses(r) : 0) return {code, {}};
  client::multi many;
  if (auto* get = std::get_if<client::get_data>(&r)) {
    if (!tree.contains(get->path)) return failed(zk::err::no_node);
    return {0, client::data{tree.at(get->path).data, false, stat_of(get->path), zxid}};
  }
  if (auto* exists = std::get_if<client::exists>(&r)) {
    client::existing e{std::nullopt, zxid};
    if (tree.contains(exists->path)) e.stat = stat_of(exists->path);
    return {0, e};
  }
  if (auto* list = std::get_if<client::get_children>(&r)) {
    if (!tree.contains(list->path)) return failed(zk::err::no_node);
    return {0, client::children{children_of(list->path), stat_of(list->path), zxid}};
  }
  if (std::holds_alternative<client::sync>(r)) return {0, client::done{zxid}};
  if (auto* m = std::get_if<client::multi>(&r)) many = *m, ++multis;
  if (auto* c = std::get_if<client::create>(&r)) many.operations = {*c};
  if (auto* s = std::get_if<client::set_data>(&r)) many.operations = {*s};
  if (auto* d = std::get_if<client::remove>(&r)) many.operations = {*d};

  auto before = tree;
  client::changes c;
  c.zxid = ++zxid;
  client::multi_result out;
  out.results.resize(many.operations.size());
  auto error = zk::err::ok;
  for (std::size_t i = 0; i < many.operations.size(); ++i) {
    auto& e = out.results[i].error;
    e = error == zk::err::ok ? apply(session, many.operations[i], out.results[i], c) : zk::err::runtime_inconsistency;
    if (error == zk::err::ok) error = e;
  }
  if (error != zk::err::ok) {
    tree = std::move(before), --zxid;
    if (std::holds_alternative<client::multi>(r)) return {0, out};
    return failed(error);
  }
  out.committed = true, out.zxid = zxid;
  publish(c);
  auto& one = out.results.front();
  if (std::holds_alternative<client::create>(r)) return {0, client::created{one.path, one.stat, zxid}};
  if (std::holds_alternative<client::set_data>(r)) return {0, client::changed{one.stat, zxid}};
  if (std::holds_alternative<client::remove>(r)) return {0, client::done{zxid}};
  return {0, out};
}

void fake_ensemble::expire(session_id session) {
  client::changes c;
  c.zxid = ++zxid;
  for (auto& [path, n] : tree)
    if (n.owner == session) c.list.push_back({zk::event::node_deleted, path, {}, 0, 0});
  for (auto& one : c.list) tree.erase(one.path);
  publish(c);
}

void fake_ensemble::publish(client::changes c) {
  log.push_back(c);
  for (auto* one : clients_) one->hear_changes(c);
}

client::changes fake_ensemble::filter(const client::changes& c, const std::string& path, client::scope where) const {
  client::changes out{0, c.zxid, 0, {}};
  for (auto& one : c.list)
    if (within(one.path, path, where)) out.list.push_back(one);
  return out;
}

client::state fake_ensemble::state_of(const std::string& path, client::scope where) const {
  client::state out;
  out.zxid = zxid;
  for (auto& [p, n] : tree)
    if (within(p, path, where)) out.list.push_back({p, n.data, n.czxid, n.mzxid, n.version, n.owner});
  return out;
}

bool fake_ensemble::step() {
  std::vector<fake_client*> able;
  for (auto* c : clients_)
    if (c->can_step()) able.push_back(c);
  bool late = !late_.empty() && (able.empty() ? later_.empty() : random_() % 8 == 0);
  if (late) {
    auto what = std::move(late_.front());
    late_.pop_front();
    what();
    return true;
  }
  if (!able.empty()) {
    able[random_() % able.size()]->step(random_() % 2);
    return true;
  }
  if (later_.empty()) return false;
  auto next = later_.extract(later_.begin());
  now_ms = std::max(now_ms, next.key());
  next.mapped()();
  return true;
}

bool fake_ensemble::run(const std::function<bool()>& done, std::size_t most, std::size_t at, std::size_t whom,
                        fault what) {
  for (steps = 0; !done() && steps < most; ++steps) {
    if (steps == at) clients_[whom % clients_.size()]->suffer(what);
    if (!step()) break;
  }
  return done();
}

fake_client::fake_client(fake_ensemble& e) : ensemble_(e), session_(++e.last_session_) {
  e.clients_.push_back(this);
  say(client::session_state::connected, session_);
}

void fake_client::ask(client_request r, std::function<void(const recipes::answer&)> then) {
  if (!connected_ && impatient) return answer({std::move(r), std::move(then), 0}, {client::code::deadline_passed, {}});
  waiting_.push_back({std::move(r), std::move(then), 0});
}

surroundings::number fake_client::watch(std::string path, client::scope where, zxid_t since, bool,
                                        std::function<void(const happening&)> tell) {
  watches_[++last_] = {std::move(path), where, since, std::move(tell)};
  waiting_.push_back({client::sync{}, {}, last_});
  return last_;
}

surroundings::number fake_client::after(std::chrono::milliseconds delay, std::function<void()> what) {
  auto n = ++last_;
  timers_[n] = std::move(what);
  ensemble_.later_.emplace(ensemble_.now_ms + delay.count(), [this, n] {
    if (auto timer = timers_.extract(n)) timer.mapped()();
  });
  return n;
}

std::string fake_client::token() {
  char out[40];
  std::snprintf(out, sizeof out, "%032llx", static_cast<unsigned long long>(++ensemble_.last_token_));
  return out;
}

void fake_client::step(bool hear) {
  if (!inbox_.empty() && (hear || !connected_ || slow_ || waiting_.empty())) {
    auto m = std::move(inbox_.front());
    inbox_.pop_front();
    return m.deliver();
  }
  auto a = std::move(waiting_.front());
  waiting_.pop_front();
  carry_out(std::move(a));
}

void fake_client::carry_out(asked a) {
  if (a.subscribes) return begin_watch(a.subscribes);
  auto how = ensemble_.execute(session_, a.what);
  answer(std::move(a), std::move(how));
}

void fake_client::answer(asked a, recipes::answer how) {
  auto then = a.then;
  inbox_.push_back({[then, how = std::move(how)] { then(how); }, std::move(a), true});
}

void fake_client::begin_watch(number n) {
  auto it = watches_.find(n);
  if (it == watches_.end()) return;
  auto& w = it->second;
  w.begun = true;
  if (w.since == 0) return tell(n, ensemble_.state_of(w.path, w.where));
  for (auto& c : ensemble_.log)
    if (c.zxid > w.since)
      if (auto f = ensemble_.filter(c, w.path, w.where); !f.list.empty()) tell(n, f);
}

void fake_client::hear_changes(const client::changes& c) {
  if (!connected_) return missed_.push_back(c);
  for (auto& [n, w] : watches_)
    if (w.begun)
      if (auto f = ensemble_.filter(c, w.path, w.where); !f.list.empty()) tell(n, f);
}

void fake_client::end_subscriptions(std::int32_t code) {
  for (auto& [n, w] : std::exchange(watches_, {}))
    inbox_.push_back({[tell = w.tell, code] { tell(code); }, {}, false, false});
}

void fake_client::tell(number n, happening h) {
  inbox_.push_back({[this, n, h = std::move(h)] {
                      auto it = watches_.find(n);
                      if (it == watches_.end()) return;
                      auto call = it->second.tell;  // it may end the watch
                      call(h);
                    },
                    {},
                    false,
                    true});
}

void fake_client::say(client::session_state s, session_id id) {
  inbox_.push_back({[this, s, id] {
                      if (on_session) on_session({s, id});
                    },
                    {},
                    false});
}

std::vector<client_request> fake_client::die() {
  std::vector<client_request> out;
  for (auto& a : waiting_)
    if (std::holds_alternative<client::multi>(a.what)) out.push_back(std::move(a.what));
  connected_ = false;
  waiting_.clear(), inbox_.clear(), told_again_.clear(), watches_.clear(), timers_.clear();
  return out;
}

void fake_client::suffer(fault what) {
  if (!connected_) return;
  if (what == fault::requests_slow) {
    slow_ = true;
    ensemble_.later_.emplace(ensemble_.now_ms + 300, [this] { slow_ = false; });
    return;
  }
  if (what == fault::subscriptions_ended) {
    end_subscriptions(system_error);
    what = fault::answers_lost;
  }
  connected_ = false;
  auto is_write = [](const asked& a) {
    return !a.subscribes && (a.what.index() <= 3);  // create, set_data, remove, multi
  };
  const recipes::answer loss{client::code::connection_loss, {}};
  // What the ensemble has answered, and what is on its way to it: some of what waits.
  auto heard = std::exchange(inbox_, {});
  std::deque<asked> again;
  for (auto& m : heard) {
    if (!m.answers)
      (m.changes ? told_again_ : inbox_).push_back(std::move(m));
    else if (is_write(m.request))
      answer(std::move(m.request), loss);
    else
      again.push_back(std::move(m.request));
  }
  if (what != fault::answers_lost)
    while (!waiting_.empty() && is_write(waiting_.front())) {
      auto a = std::move(waiting_.front());
      waiting_.pop_front();
      auto* set = std::get_if<client::set_data>(&a.what);
      if (what == fault::requests_late && (std::holds_alternative<client::multi>(a.what) || (set && set->version >= 0)))
        ensemble_.late_.push_back([this, r = a.what, s = session_] { ensemble_.execute(s, r); });
      answer(std::move(a), loss);
    }
  for (auto it = again.rbegin(); it != again.rend(); ++it) waiting_.push_front(std::move(*it));
  say(client::session_state::disconnected, session_);
  if (what == fault::session_expired) {
    ensemble_.later_.emplace(ensemble_.now_ms + ensemble_.session_timeout_ms,
                             [this, s = session_] { ensemble_.expire(s); });
    ensemble_.later_.emplace(ensemble_.now_ms + ensemble_.session_timeout_ms + ensemble_.random_() % 500,
                             [this] { reconnect(true); });
    return;
  }
  log_reaches_back_ = what != fault::log_too_short;
  ensemble_.later_.emplace(ensemble_.now_ms + ensemble_.random_() % 500, [this] { reconnect(false); });
}

void fake_client::reconnect(bool expired) {
  if (expired) {
    auto all = std::exchange(waiting_, {});
    for (auto& a : all)
      if (!a.subscribes && a.what.index() <= 3)
        answer(std::move(a), failed(zk::err::session_expired));
      else
        waiting_.push_back(std::move(a));
    say(client::session_state::expired, session_);
    session_ = ++ensemble_.last_session_;
  }
  connected_ = true;
  say(client::session_state::connected, session_);
  auto missed = std::exchange(missed_, {});
  auto told_again = std::exchange(told_again_, {});
  if (std::exchange(log_reaches_back_, true)) {
    for (auto& m : told_again) inbox_.push_back(std::move(m));
    for (auto& c : missed) hear_changes(c);
    return;
  }
  for (auto& [n, w] : watches_)
    if (w.begun) {
      auto s = ensemble_.state_of(w.path, w.where);
      s.too_old = true;
      tell(n, s);
    }
}

}  // namespace troupe::recipes_test
