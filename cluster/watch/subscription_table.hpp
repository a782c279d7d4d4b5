#pragma once
/// Who subscribed to what, by path and scope. A change finds all of them by one look-up for each of its ancestors; the
/// hash of a path is that of its parent carried on, so that all of them together cost one pass over the path.

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cluster/commit/stream.hpp"

namespace troupe::watch {

struct subscriber;

/// All subscribers to one path and scope.
struct subscriber_group {
  std::vector<subscriber*> members;
  std::vector<std::uint32_t> hits;  ///< changes of the transaction at hand that they are about
};

class subscription_table {
 public:
  void add(subscriber&);
  void remove(subscriber&);
  std::size_t size() const { return size_; }

  /// Calls f(subscriber_group&) for each that a change at `path` is of interest to.
  template <class F>
  void match(std::string_view path, F f) {
    if (places_.empty() || path.empty()) return;
    auto hash = hash_start;
    for (std::size_t i = 0; i < path.size(); ++i) {
      if (path[i] == '/' && i > 0) visit(path, i, hash, f);
      hash = carried(hash, path[i]);
      if (i == 0 && path.size() > 1) visit(path, 1, hash, f);  // the root
    }
    visit(path, path.size(), hash, f);
  }

 private:
  struct key {
    std::string_view path;
    std::uint64_t hash;
  };
  static constexpr std::uint64_t hash_start = 14695981039346656037u;
  static std::uint64_t carried(std::uint64_t h, char c) {
    return (h ^ static_cast<unsigned char>(c)) * 1099511628211u;  // FNV-1a
  }
  /// Not noexcept, so that the map keeps the hash of each entry: it is not cheap.
  struct hasher {
    using is_transparent = void;
    std::size_t operator()(const key& k) const { return k.hash; }
    std::size_t operator()(const std::string& s) const {
      auto h = hash_start;
      for (auto c : s) h = carried(h, c);
      return h;
    }
  };
  struct equal {
    using is_transparent = void;
    bool operator()(const std::string& a, const std::string& b) const { return a == b; }
    bool operator()(const key& a, const std::string& b) const { return a.path == b; }
    bool operator()(const std::string& a, const key& b) const { return a == b.path; }
  };
  struct place {
    subscriber_group of_scope[3];
  };

  template <class F>
  void visit(std::string_view path, std::size_t end, std::uint64_t hash, F& f) {
    auto it = places_.find(key{path.substr(0, end), hash});
    if (it == places_.end()) return;
    auto give = [&](subscription_scope s) {
      auto& g = it->second.of_scope[static_cast<int>(s)];
      if (!g.members.empty()) f(g);
    };
    if (end == path.size()) {
      give(subscription_scope::node);
    } else if (path.find('/', end == 1 ? 1 : end + 1) == path.npos) {
      give(subscription_scope::children);
    }
    give(subscription_scope::subtree);
  }

  std::unordered_map<std::string, place, hasher, equal> places_;
  std::size_t size_ = 0;
};

/// The same rule for one subscriber.
bool concerns(subscription_scope, std::string_view subscribed, std::string_view changed);

}  // namespace troupe::watch
