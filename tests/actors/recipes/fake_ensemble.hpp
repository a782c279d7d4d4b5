#pragma once
/// A tree and its clients in one thread, on virtual time, for the logic of recipes: one request or one message at a time,
/// in seeded order, with faults where a test wants them. Time passes only when nothing else can happen.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "actors/recipes/surroundings.hpp"

namespace troupe::recipes_test {

class fake_client;

/// What happens to a client's connection.
enum class fault {
  answers_lost,     ///< what the ensemble has done, it has done; nobody hears of it
  requests_lost,    ///< what was on its way is not done
  requests_late,    ///< writes at a version that were on their way are done later, or refused for their versions
  requests_slow,    ///< the connection stays, but what it carries to the ensemble takes longer than all that others do
  log_too_short,    ///< subscriptions go on from a state instead of changes
  session_expired,  ///< the client stays away until its session is over
  subscriptions_ended  ///< the next node goes on with none of them; for recipes that go on all the same
};
/// That every recipe lives through.
inline constexpr fault all_faults[] = {fault::answers_lost,  fault::requests_lost, fault::requests_late,
                                       fault::requests_slow, fault::log_too_short, fault::session_expired};

inline constexpr auto no_auth = static_cast<std::int32_t>(zk::err::no_auth),
                      system_error = static_cast<std::int32_t>(zk::err::system_error);

/// Whether it writes (other than by a multi) to that znode.
bool writes_to(const recipes::client_request&, const std::string& path);

/// A step at which no fault comes.
inline constexpr std::size_t never = SIZE_MAX;

class fake_ensemble {
 public:
  static constexpr std::int64_t session_timeout_ms = 3'000;
  explicit fake_ensemble(std::uint32_t seed) : random_(seed) {}

  struct node {
    std::string data;
    std::int32_t version = 0;
    session_id owner = 0;
    zxid_t czxid = 0, mzxid = 0;
    std::int32_t next = 0;  ///< of sequential names below
  };
  std::map<std::string, node> tree{{"/", {}}};
  zxid_t zxid = 1;
  /// What it says to a request instead of doing it; 0: it does it.
  std::function<std::int32_t(const recipes::client_request&)> refuses;

  recipes::answer execute(session_id, const recipes::client_request&);
  void expire(session_id);
  std::vector<std::string> children_of(const std::string& path) const;

  /// One thing happens. False: nothing can, ever.
  bool step();
  /// Until `done`, at most so many steps. Before step number `at`, `what` befalls client number `whom`.
  bool run(const std::function<bool()>& done, std::size_t most, std::size_t at, std::size_t whom, fault what);
  std::size_t steps = 0;   ///< of the last run
  std::size_t multis = 0;  ///< that were asked
  std::int64_t now_ms = 0;

  client::changes filter(const client::changes&, const std::string& path, client::scope) const;
  client::state state_of(const std::string& path, client::scope) const;
  std::vector<client::changes> log;

 private:
  friend class fake_client;
  zk::err apply(session_id, const client::multi::operation&, client::multi_result::one&, client::changes&);
  void publish(client::changes);
  zk::stat stat_of(const std::string& path) const;

  std::mt19937 random_;
  std::vector<fake_client*> clients_;
  session_id last_session_ = 100;
  std::uint64_t last_token_ = 0;
  std::multimap<std::int64_t, std::function<void()>> later_;  ///< by time
  std::deque<std::function<void()>> late_;                    ///< any time
};

class fake_client final : public recipes::surroundings {
 public:
  explicit fake_client(fake_ensemble&);
  std::function<void(const client::session_event&)> on_session;
  session_id session() const { return session_; }

  void ask(recipes::client_request, std::function<void(const recipes::answer&)>) override;
  number watch(std::string path, client::scope, zxid_t since, bool with_data,
               std::function<void(const recipes::happening&)>) override;
  void end_watch(number n) override { watches_.erase(n); }
  number after(std::chrono::milliseconds, std::function<void()>) override;
  void forget(number timer) override { timers_.erase(timer); }
  std::string token() override;

  void suffer(fault);
  /// The node goes on with none of its subscriptions.
  void end_subscriptions(std::int32_t code);
  /// Its process dies: it hears and asks nothing any more. Returns the multis that were on their way.
  std::vector<recipes::client_request> die();
  /// As one with a short deadline: what it asks without a connection fails at once.
  bool impatient = false;

 private:
  friend class fake_ensemble;
  struct asked {
    recipes::client_request what;
    std::function<void(const recipes::answer&)> then;
    number subscribes = 0;  ///< it is this watch that begins
  };
  struct watching {
    std::string path;
    client::scope where;
    zxid_t since;
    std::function<void(const recipes::happening&)> tell;
    bool begun = false;
  };
  /// What the client will hear.
  struct message {
    std::function<void()> deliver;
    asked request;  ///< that it answers, if it does
    bool answers = false;
    bool changes = false;  ///< a subscription's: on a broken connection it is told again on the next one
  };
  bool can_step() const { return !inbox_.empty() || (connected_ && !slow_ && !waiting_.empty()); }
  void step(bool hear);
  void carry_out(asked);
  void begin_watch(number);
  void hear_changes(const client::changes&);
  void tell(number, recipes::happening);
  void say(client::session_state, session_id);
  void answer(asked, recipes::answer);
  void reconnect(bool expired);

  fake_ensemble& ensemble_;
  session_id session_;
  bool connected_ = true, slow_ = false, log_reaches_back_ = true;
  std::vector<client::changes> missed_;
  std::deque<asked> waiting_;
  std::deque<message> inbox_, told_again_;
  std::map<number, watching> watches_;
  std::map<number, std::function<void()>> timers_;
  number last_ = 0;
};

}  // namespace troupe::recipes_test
