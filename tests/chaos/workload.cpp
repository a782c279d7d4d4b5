#include "tests/chaos/workload.hpp"

#include <algorithm>

namespace troupe::chaos {

namespace {

bool is_write(zk::op op) {
  return op == zk::op::create || op == zk::op::create2 || op == zk::op::del || op == zk::op::set_data ||
         op == zk::op::set_acl || op == zk::op::multi;
}

// Of 10,000 requests so many come with an end of the connection or of the session.
constexpr unsigned closes = 15, reattaches = 30, absences = 15;

}  // namespace

workload::workload(int epoll, recorder& r, workload_settings s)
    : recorder_(r), settings_(std::move(s)), operations_(settings_.seed) {
  missing_parents_.insert(operations::parents().begin(), operations::parents().end());
  auto span = static_cast<std::uint64_t>(settings_.max_timeout_ms - settings_.min_timeout_ms + 1);
  for (unsigned i = 1; i <= settings_.clients; ++i)
    clients_.push_back(std::make_unique<client_session>(
        epoll, *this, recorder_, i, settings_.seed * 1'000'003 + i, settings_.servers,
        settings_.min_timeout_ms + static_cast<std::int32_t>(operations_.random(span))));
}

void workload::ask(client_session& c, std::vector<history::request> list) {
  for (auto& r : list) {
    if (!c.open()) return;  // the connection may have broken under the first of them
    ++counts_.asked;
    c.ask(std::move(r));
  }
}

void workload::tick(std::int64_t now) {
  for (auto& c : clients_) c->tick(now);
  if (finishing_) {
    for (auto& c : clients_)
      if (c->open()) {
        history::request close;
        close.op = zk::op::close_session;
        c->retire();
        c->ask(close);
      }
    return;
  }
  if (due_us_ == 0) due_us_ = now;
  due_us_ = std::max(due_us_, now - 100'000);  // what could not be asked is not made up for
  while (due_us_ <= now) {
    due_us_ += 1'000'000 / settings_.rate_per_s;
    auto& c = *clients_[operations_.random(clients_.size())];
    if (!c.open() || c.outstanding() >= max_outstanding) continue;
    if (!missing_parents_.empty() && now >= parents_due_us_) ask_for_parents(c, now);
    // Bursts fill the pipeline of a session now and then.
    for (auto n = operations_.random(20) == 0 ? 8 : 1; n > 0 && c.open(); --n) ask(c, operations_.draw(c.client()));
    misbehave(c, now);
  }
}

// In their order in one pipeline; again if the answers do not come.
void workload::ask_for_parents(client_session& c, std::int64_t now) {
  parents_due_us_ = now + 500'000;
  for (auto& path : operations::parents()) {
    history::request r;
    r.op = zk::op::create, r.path = path;
    if (missing_parents_.contains(path)) ask(c, {r});
  }
}

void workload::misbehave(client_session& c, std::int64_t now) {
  auto what = operations_.random(10'000);
  if (what < closes) {
    history::request close;
    close.op = zk::op::close_session;
    ask(c, {operations_.ephemeral_of(c.client()), close});
  } else if (what < closes + reattaches) {
    c.reattach();
  } else if (what < closes + reattaches + absences) {
    c.reattach(now + std::int64_t{c.timeout_ms()} * (800 + static_cast<std::int64_t>(operations_.random(1200))));
  }
}

void workload::finish() { finishing_ = true; }

bool workload::finished() const {
  return std::all_of(clients_.begin(), clients_.end(), [](auto& c) { return c->apart() && c->session() == 0; });
}

void workload::abandon() {
  for (auto& c : clients_) c->retire(), c->reattach();
}

void workload::on_reply(client_session&, const history::request& asked, const history::result& got) {
  if (asked.op != zk::op::set_watches) ++counts_.answered;
  if (got.error != zk::err::ok) ++counts_.errors[static_cast<std::int32_t>(got.error)];
  for (auto& part : got.parts)
    if (part.error != zk::err::ok) ++counts_.errors[static_cast<std::int32_t>(part.error)];
  if (asked.op == zk::op::create && (got.error == zk::err::ok || got.error == zk::err::node_exists))
    missing_parents_.erase(asked.path);
  operations_.learn(asked, got);
  if (!is_write(asked.op) || got.error != zk::err::ok) return;
  ++counts_.writes_done;
  auto now = monotonic_us();
  if (last_write_us_ != 0) counts_.longest_write_gap_us = std::max(counts_.longest_write_gap_us, now - last_write_us_);
  last_write_us_ = now;
}

void workload::on_open(client_session&, bool) { ++counts_.connections; }

void workload::on_broken(client_session& c, const std::string& what) {
  counts_.broken.push_back("client " + std::to_string(c.client()) + ": " + what);
}

}  // namespace troupe::chaos
