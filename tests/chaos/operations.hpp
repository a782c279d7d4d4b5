#pragma once
/// What a client of the workload may ask next: requests drawn from a seed over a small key space, so that clients meet.
///
///   /r/k0..k7   registers: set and get, with and without version, deleted and created anew; multi over several
///   /t/...      a tree two levels deep: creates, deletes, NOTEMPTY, children watches
///   /q          a queue of sequential znodes, persistent and ephemeral, whose oldest are taken away
///   /l/l0..l1   locks: an ephemeral that one client can create;  /l/s: locks by ephemeral sequential znodes
///   /e          ephemerals, and what may not stand below them
///   /a          znodes whose ACL changes
///
/// Every value written is unique in the run.

#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/history/history.hpp"

namespace troupe::chaos {

class operations {
 public:
  explicit operations(std::uint64_t seed);

  /// The parents, which are never deleted.
  static const std::vector<std::string>& parents();

  /// One or a few requests that one client asks one behind the other.
  std::vector<history::request> draw(history::client_id);

  /// Creates an ephemeral: to be asked just before the session ends, so that its end meets what is still pending.
  history::request ephemeral_of(history::client_id);

  /// What is known of the tree, which need not be true any more: makes conditions that hold as often as not.
  void learn(const history::request&, const history::result&);

  std::uint64_t random(std::uint64_t below) { return random_() % below; }

 private:
  using list = std::vector<history::request>;
  struct kind {
    const char* name;
    unsigned weight;
    std::function<list(operations&)> make;
  };
  static const std::vector<kind>& kinds();

  history::request on(zk::op, std::string path);
  history::request write(zk::op, std::string path, std::int32_t version = -1);
  history::request create(std::string path, std::int32_t flags = 0);
  bool chance(unsigned percent) { return random(100) < percent; }
  std::string key(const char* parent, unsigned count);
  std::int32_t version_of(const std::string& path);
  std::string value();
  list multi();
  list queue();
  list lock();
  list access();

  std::mt19937_64 random_;
  history::client_id client_ = 0;
  std::uint64_t values_ = 0;
  std::map<std::string, std::int32_t> versions_;
  std::map<std::string, std::vector<std::string>> children_;
};

}  // namespace troupe::chaos
