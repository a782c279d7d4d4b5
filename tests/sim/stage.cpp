#include "tests/sim/stage.hpp"

#include <stdexcept>

namespace troupe::sim {

namespace {

caf::scheduled_actor& scheduled(const caf::actor& who) {
  return dynamic_cast<caf::scheduled_actor&>(*caf::actor_cast<caf::abstract_actor*>(who));
}

}  // namespace

stage_system::stage_system() : system(prepared(config)) {}

caf::actor_system_config& stage_system::prepared(caf::actor_system_config& c) {
  c.set("scheduler.policy", caf::atom("testing"));
  return c;
}

stage::stage(caf::actor_system& s)
    : caf::execution_unit(&s), scheduler_(dynamic_cast<caf::scheduler::test_coordinator&>(s.scheduler())) {}

void stage::add(seat& s) {
  s.scheduled = &scheduled(s.who);
  seats_[s.scheduled] = &s;
}

void stage::remove(seat& s) {
  std::vector<seat*> unused;
  collect(unused);  // what it was about to do is ours to give back
  for (auto* other : unused)
    if (other != &s) fresh_.push_back(other);
  seats_.erase(s.scheduled);
  if (s.job) caf::intrusive_ptr_release(std::exchange(s.job, nullptr));
  std::exchange(s.scheduled, nullptr)->cleanup(caf::error{caf::exit_reason::kill}, this);
  s.who = nullptr;
}

void stage::forget(caf::actor& port) {
  scheduled(port).cleanup(caf::error{caf::exit_reason::kill}, this);
  port = nullptr;
}

void stage::take(caf::resumable* job) {
  auto it = seats_.find(job);
  if (it == seats_.end()) {  // of an actor that has ended
    caf::intrusive_ptr_release(job);
    return;
  }
  if (it->second->job) throw std::logic_error("an actor was made ready twice");
  it->second->job = job;
  fresh_.push_back(it->second);
}

void stage::exec_later(caf::resumable* job) { take(job); }

void stage::collect(std::vector<seat*>& ready) {
  while (!scheduler_.jobs.empty()) {
    auto* job = scheduler_.jobs.front();
    scheduler_.jobs.pop_front();
    take(job);
  }
  for (auto* s : fresh_)
    if (s->job) ready.push_back(s);
  fresh_.clear();
}

bool stage::has_ended(const seat& s) const { return s.scheduled->getf(caf::abstract_actor::is_terminated_flag); }

std::size_t stage::waiting(const seat& s) const {
  if (!s.job) throw std::logic_error("an idle actor's mailbox must not be looked into: it would not wake up any more");
  return s.scheduled->mailbox().count();
}

bool stage::run(seat& s) {
  auto* job = std::exchange(s.job, nullptr);
  switch (job->resume(this, 1)) {
    case caf::resumable::resume_later:
      s.job = job;
      return true;
    default:
      caf::intrusive_ptr_release(job);
      return false;
  }
}

}  // namespace troupe::sim
