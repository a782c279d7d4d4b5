/// Reading through the overlay: what is pending, and what the transaction in preparation did, against a model in which
/// everything has happened.

#include <capnp/serialize.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>

#include "cluster/commit/prepare_operation.hpp"
#include "schema/records.capnp.h"
#include "tests/cluster/commit/harness.hpp"

namespace troupe::test {
namespace {

using data = std::optional<std::string>;  ///< nothing: null

struct model {
  std::map<std::string, data> nodes{{"/", ""}};
  static std::string parent(const std::string& path) {
    auto slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
  }
  std::vector<std::string> children(const std::string& path) const {
    std::vector<std::string> out;
    for (auto& [p, d] : nodes)
      if (p != "/" && parent(p) == path) out.push_back(p.substr(p.rfind('/') + 1));
    return out;
  }
};

class run {
 public:
  explicit run(unsigned seed) : random_(seed) { pending_.reset(&db_); }

  void step() {
    switch (random_() % 8) {
      case 0:
        return apply_one();
      case 1:
        return transaction(true);
      default:
        return transaction(false);
    }
  }
  void apply_all() {
    while (!waiting_.empty()) apply_one();
    CHECK(pending_.size() == 0);
    check();
  }
  void check() {
    for (auto& path : paths()) {
      auto it = model_.nodes.find(path);
      CAPTURE(path);
      REQUIRE(pending_.look(path).exists == (it != model_.nodes.end()));
      if (it == model_.nodes.end()) continue;
      auto seen = pending_.data_of(path, txn_);
      REQUIRE((seen.data() != nullptr) == it->second.has_value());
      if (it->second) REQUIRE(seen == *it->second);
      auto children = model_.children(path);
      if (path == "/") children.push_back("zookeeper");
      std::sort(children.begin(), children.end());
      REQUIRE(pending_.children_of(path) == children);
      REQUIRE(pending_.look(path).children == static_cast<std::int64_t>(children.size()));
    }
  }

 private:
  /// All that can ever be: two levels, some names that begin like others.
  static std::vector<std::string> paths() {
    std::vector<std::string> out{"/"};
    for (std::string top : {"/a", "/ab", "/b"}) {
      out.push_back(top);
      for (auto* name : {"/a", "/ab", "/x"}) out.push_back(top + name);
    }
    return out;
  }

  bool change() {
    commit::operation o;
    auto all = paths();
    auto path = all[1 + random_() % (all.size() - 1)];
    data d;
    if (random_() % 4) d = std::string(random_() % 3 ? random_() % 20 : 0, static_cast<char>('a' + random_() % 26));
    o.op = std::vector{op::create, op::set_data, op::del}[random_() % 3];
    o.path = txn_.keep(path), o.open_acl = true;
    if (d && o.op != op::del) o.data = txn_.keep(*d);
    if (commit::prepare_operation(o, {1, {}}, pending_, txn_) != err::ok) return false;
    if (o.op == op::del)
      model_.nodes.erase(path);
    else
      model_.nodes[path] = d;
    return true;
  }

  void transaction(bool give_up) {
    auto before = model_;
    txn_.clear();
    pending_.begin();
    for (auto n = 1 + random_() % 5; n; --n)
      if (change()) check();
    if (give_up || txn_.changes.empty()) {
      pending_.rollback();
      model_ = before;
      txn_.clear();
      return check();
    }
    auto bytes = txn_.build(1, 0, 0, 0);
    pending_.commit(bytes);
    waiting_.push_back(bytes);
    txn_.clear();
    check();
  }

  void apply_one() {
    if (waiting_.empty()) return;
    auto bytes = waiting_.front();
    waiting_.pop_front();
    capnp::FlatArrayMessageReader m(
        kj::arrayPtr(reinterpret_cast<const capnp::word*>(bytes.data()), bytes.size() / sizeof(capnp::word)));
    std::vector<tree::applied_change> ignored;
    db_.apply(++zxid_, m.getRoot<wire::Transaction>(), ignored);
    pending_.applied();
    check();
  }

  std::mt19937 random_;
  tree::database db_;
  commit::overlay pending_;
  commit::transaction_builder txn_;
  std::deque<shared_bytes> waiting_;
  zxid_t zxid_ = 0;
  model model_;
};

TEST_CASE("what is read through the overlay is what will be once everything that is pending is applied") {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    run r(seed);
    for (int i = 0; i < 150; ++i) r.step();
    r.apply_all();
  }
}

}  // namespace
}  // namespace troupe::test
