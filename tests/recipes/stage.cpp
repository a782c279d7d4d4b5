#include "tests/recipes/stage.hpp"

#include <stdexcept>

namespace troupe::recipes_trial {

actor_client::actor_client(caf::actor_system& system, client::connections& connections,
                           const std::vector<std::uint16_t>& ports, std::chrono::milliseconds timeout) {
  client::options o;
  o.session_timeout = timeout, o.connect_timeout = 1'000ms;
  for (auto port : ports) {
    proxies_.push_back(std::make_unique<ensemble::cut_proxy>(port));
    o.nodes.push_back("127.0.0.1:" + std::to_string(proxies_.back()->port()));
  }
  actor_ = connections.spawn(o);
  listener_ = system.spawn([this](caf::event_based_actor*) -> caf::behavior {
    return {[this](const client::session_event& e) {
      if (e.state == client::session_state::connected) ++connects_;
      if (e.state == client::session_state::disconnected) ++losses_;
      if (e.state == client::session_state::expired) ++expiries_;
    }};
  });
  caf::anon_send(actor_, client::watch_session{listener_});
  wait("a first connection", [this] { return connects_ > 0; });
}

actor_client::~actor_client() { caf::anon_send_exit(listener_, caf::exit_reason::user_shutdown); }

void actor_client::wait(const char* what, const std::function<bool()>& condition) {
  for (auto end = std::chrono::steady_clock::now() + 60s; !condition(); std::this_thread::sleep_for(5ms))
    if (std::chrono::steady_clock::now() > end) throw std::runtime_error(std::string("not within 60 s: ") + what);
}

void actor_client::cut() {
  auto before = connects_.load(), lost = losses_.load();
  for (auto& p : proxies_) p->cut();
  wait("the loss of a connection", [&] { return losses_ > lost; });
  for (auto& p : proxies_) p->mend();
  wait("a connection after a cut", [&] { return connects_ > before; });
}

void actor_client::expire() {
  auto before = expiries_.load(), connects = connects_.load();
  for (auto& p : proxies_) p->cut();
  std::this_thread::sleep_for(session_timeout + 1'000ms);
  for (auto& p : proxies_) p->mend();
  wait("a connection after a long cut", [&] { return connects_ > connects; });
  if (expiries_ == before) return expire();  // while the ensemble had no leader, time did not count
}

}  // namespace troupe::recipes_trial
