#pragma once
/// Clients that ask without end, at a bounded rate, and that are as unreliable as real ones: they lose patience, stay away
/// for longer than their session lives, close it, ask several things at once.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/chaos/client_session.hpp"
#include "tests/chaos/operations.hpp"

namespace troupe::chaos {

struct workload_settings {
  std::uint64_t seed = 1;
  std::vector<server> servers;
  unsigned clients = 8;
  unsigned rate_per_s = 600;                                  ///< requests of all clients together
  std::int32_t min_timeout_ms = 1000, max_timeout_ms = 6000;  ///< of sessions
};

struct workload_counts {
  std::uint64_t asked = 0, answered = 0, lost = 0, writes_done = 0, events = 0, connections = 0, expired = 0;
  std::map<std::int32_t, std::uint64_t> errors;  ///< by code, also of a multi's parts
  std::int64_t longest_write_gap_us = 0;         ///< between two acknowledged writes
  std::vector<std::string> broken;               ///< breaches of the protocol
};

class workload final : public client_session::listener {
 public:
  static constexpr std::size_t max_outstanding = 16;  ///< of a session

  workload(int epoll, recorder&, workload_settings);

  void tick(std::int64_t now_us);
  /// Asks nothing any more and ends every session.
  void finish();
  /// True once finish() has come to its end.
  bool finished() const;
  /// Gives up on what is still open.
  void abandon();
  const workload_counts& counts() const { return counts_; }

  void on_reply(client_session&, const history::request&, const history::result&) override;
  void on_lost(client_session&, const history::request&) override { ++counts_.lost; }
  void on_event(client_session&, zk::event, const std::string&) override { ++counts_.events; }
  void on_open(client_session&, bool reattached) override;
  void on_expired(client_session&) override { ++counts_.expired; }
  void on_broken(client_session&, const std::string& what) override;

 private:
  void ask(client_session&, std::vector<history::request>);
  void ask_for_parents(client_session&, std::int64_t now_us);
  void misbehave(client_session&, std::int64_t now_us);

  recorder& recorder_;
  workload_settings settings_;
  operations operations_;
  std::vector<std::unique_ptr<client_session>> clients_;
  workload_counts counts_;
  std::int64_t due_us_ = 0, last_write_us_ = 0;
  std::set<std::string> missing_parents_;
  std::int64_t parents_due_us_ = 0;
  bool finishing_ = false;
};

}  // namespace troupe::chaos
