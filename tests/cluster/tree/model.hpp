#pragma once
/// The simplest database that could be right: a map from paths, with everything computed by searching it. Random steps
/// go to it and to the real one.

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "cluster/tree/path.hpp"
#include "tests/cluster/tree/transactions.hpp"

namespace troupe::tree::test {

struct model {
  struct node {
    std::string data;
    bool null = false;
    std::string acl;
    zk::stat st;  // without data_length, num_children and cversion
    std::int32_t creates = 0;
  };
  std::map<std::string, node> nodes;
  std::map<session_id, std::int32_t> sessions;

  model() {
    for (auto p : {"/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"}) nodes[p];
  }

  std::vector<std::string> children_of(const std::string& path) const {
    std::vector<std::string> names;
    const auto prefix = path == "/" ? path : path + "/";
    for (auto i = nodes.upper_bound(prefix); i != nodes.end() && i->first.starts_with(prefix); ++i)
      if (i->first.find('/', prefix.size()) == std::string::npos) names.push_back(i->first.substr(prefix.size()));
    std::sort(names.begin(), names.end());
    return names;
  }

  void apply(zxid_t zxid, std::int64_t time_ms, const step& s) {
    using kind = step::kind;
    switch (s.what) {
      case kind::check:
        break;
      case kind::create: {
        auto& n = nodes[s.path];
        n = {s.data, s.null_data, s.acl, {}, 0};
        n.st.czxid = n.st.mzxid = n.st.pzxid = zxid;
        n.st.ctime = n.st.mtime = time_ms;
        n.st.ephemeral_owner = s.session;
        auto& p = nodes[std::string(parent_of(s.path))];
        p.creates = s.number;
        p.st.pzxid = zxid;
        break;
      }
      case kind::remove:
        nodes.erase(s.path);
        nodes[std::string(parent_of(s.path))].st.pzxid = zxid;
        break;
      case kind::set_data: {
        auto& n = nodes[s.path];
        n.data = s.data, n.null = s.null_data;
        n.st.mzxid = zxid, n.st.mtime = time_ms, n.st.version = s.number;
        break;
      }
      case kind::set_acl:
        nodes[s.path].acl = s.acl, nodes[s.path].st.aversion = s.number;
        break;
      case kind::open:
        sessions[s.session] = s.number;
        break;
      case kind::close:
        sessions.erase(s.session);
        break;
    }
  }
};

/// Random transactions that fit the model.
class random_steps {
 public:
  random_steps(model& m, std::uint64_t seed) : model_(m), random_(seed) {}

  /// The steps are applied to the model as they are made: later ones may build on earlier ones.
  std::vector<step> next(zxid_t zxid, std::int64_t time_ms) {
    std::vector<step> steps;
    const auto emit = [&](step s) {
      model_.apply(zxid, time_ms, s);
      steps.push_back(std::move(s));
    };
    for (auto n = below(8) == 0 ? below(4) + 1 : 1; n; --n) one(emit);
    return steps;
  }

 private:
  std::size_t below(std::size_t n) { return random_() % n; }
  std::string data() { return std::string(below(4) == 0 ? below(300) : below(20), static_cast<char>('a' + below(26))); }
  std::string acl() { return below(2) ? std::string{} : acl_of_user(std::string(1 + below(20), 'u')); }
  /// A znode at random; few names, so that paths come again.
  std::string some_path() {
    std::string p;
    for (auto depth = below(3) + 1; depth; --depth) p.append("/n").append(std::to_string(below(12)));
    return p;
  }

  template <class Emit>
  void one(Emit emit) {
    const auto dice = below(100);
    if (dice < 4) {
      const auto id = static_cast<session_id>(below(10) + 1);
      return emit(open_session(id, static_cast<std::int32_t>(below(100000))));
    }
    if (dice < 6) {
      if (model_.sessions.empty()) return;
      auto s = model_.sessions.begin();
      std::advance(s, below(model_.sessions.size()));
      const auto id = s->first;
      std::vector<std::string> owned;
      for (auto& [path, n] : model_.nodes)
        if (n.st.ephemeral_owner == id) owned.push_back(path);
      for (auto& path : owned) emit(delete_node(path));
      return emit(close_session(id));
    }
    const auto path = some_path();
    const auto at = model_.nodes.find(path);
    if (at == model_.nodes.end()) return create_at(path, emit);
    if (dice < 40) {
      if (model_.children_of(path).empty()) emit(delete_node(path));
    } else if (dice < 85) {
      auto s = set_data(path, data(), next_version(at->second.st.version));
      if (s.data.empty()) s.null_data = below(2) == 0;
      emit(std::move(s));
    } else {
      emit(set_acl(path, acl(), next_version(at->second.st.aversion)));
    }
  }

  template <class Emit>
  void create_at(const std::string& path, Emit emit) {
    const auto parent = model_.nodes.find(std::string(parent_of(path)));
    if (parent == model_.nodes.end() || parent->second.st.ephemeral_owner != 0) return;
    session_id owner = 0;
    if (!model_.sessions.empty() && below(3) == 0) {
      auto s = model_.sessions.begin();
      std::advance(s, below(model_.sessions.size()));
      owner = s->first;
    }
    auto s = create_node(path, data(), parent->second.creates + 1, owner);
    if (s.data.empty()) s.null_data = below(2) == 0;
    s.acl = acl();
    emit(std::move(s));
  }

  model& model_;
  std::mt19937_64 random_;
};

inline void check_equal(const database& db, const model& m) {
  REQUIRE(db.node_count() == m.nodes.size());
  std::size_t size = 0, ephemerals = 0;
  std::map<session_id, std::vector<std::string>> owned;
  for (auto& [named, n] : m.nodes) {
    const auto& path = named;  // clang's lambdas, as in CAPTURE, do not see the names of bindings
    CAPTURE(path);
    const auto* z = db.find(path);
    REQUIRE(z);
    const auto children = m.children_of(path);
    auto expected = n.st;
    expected.data_length = static_cast<std::int32_t>(n.data.size());
    expected.num_children = static_cast<std::int32_t>(children.size());
    expected.cversion = 2 * n.creates - expected.num_children;
    std::string a, b;
    jute::writer wa(a), wb(b);
    zk::write(wa, db.stat_of(*z)), zk::write(wb, expected);
    REQUIRE(a == b);
    REQUIRE(db.data_of(*z) == n.data);
    if (path.starts_with("/n")) REQUIRE((db.data_of(*z).data() == nullptr) == n.null);
    const auto acl = db.acl_of(*z);
    REQUIRE((acl ? canonical(*acl) : std::string{}) == n.acl);
    REQUIRE(db.creates_of(*z) == n.creates);
    std::vector<std::string> names;
    db.for_each_child(*z, [&](std::string_view name) { names.emplace_back(name); });
    std::sort(names.begin(), names.end());
    REQUIRE(names == children);
    REQUIRE(db.path_of(*z) == path);
    size += path.size() + n.data.size();
    if (n.st.ephemeral_owner) ++ephemerals, owned[n.st.ephemeral_owner].push_back(path);
  }
  REQUIRE(db.data_size() == size);
  REQUIRE(db.ephemeral_count() == ephemerals);
  REQUIRE(db.session_count() == m.sessions.size());
  for (auto& [id, timeout_ms] : m.sessions) {
    REQUIRE(db.find_session(id));
    REQUIRE(db.find_session(id)->timeout_ms == timeout_ms);
    REQUIRE(db.ephemerals_of(id) == owned[id]);
  }
}

}  // namespace troupe::tree::test
