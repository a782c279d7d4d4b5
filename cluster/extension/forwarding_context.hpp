#pragma once
/// A context that lets each access pass a gate, and then hands it to another context.
///
/// `Gate` has `access(f)`, which calls f and returns what it returns, or throws. What a handler may ask without touching
/// the tree (who, when) is copied at the beginning, so that it stays valid whatever becomes of the other context.

#include <utility>

#include "cluster/extension/request_type.hpp"

namespace troupe::extension {

template <class Gate>
class forwarding_context final : public request_context {
 public:
  forwarding_context(request_context& to, Gate gate)
      : to_(to), gate_(std::move(gate)), session_(to.session()), caller_(to.caller()), now_ms_(to.now_ms()) {}

  session_id session() const override { return session_; }
  const tree::credentials& caller() const override { return caller_; }
  std::int64_t now_ms() const override { return now_ms_; }

  std::optional<znode> get(std::string_view path) override {
    return gate_.access([&] { return to_.get(path); });
  }
  bool exists(std::string_view path) override {
    return gate_.access([&] { return to_.exists(path); });
  }
  std::vector<std::string> children(std::string_view path) override {
    return gate_.access([&] { return to_.children(path); });
  }
  std::string create(std::string_view path, std::string_view data, create_mode mode, const zk::acl_list& acl) override {
    return gate_.access([&] { return to_.create(path, data, mode, acl); });
  }
  void set_data(std::string_view path, std::string_view data, std::int32_t version) override {
    gate_.access([&] { to_.set_data(path, data, version); });
  }
  void remove(std::string_view path, std::int32_t version) override {
    gate_.access([&] { to_.remove(path, version); });
  }
  void set_acl(std::string_view path, const zk::acl_list& acl, std::int32_t version) override {
    gate_.access([&] { to_.set_acl(path, acl, version); });
  }

 private:
  request_context& to_;  ///< touched within the gate only
  Gate gate_;
  session_id session_;
  tree::credentials caller_;
  std::int64_t now_ms_;
};

}  // namespace troupe::extension
