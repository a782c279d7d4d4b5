/// A request type of one's own: bank.transfer. See docs/request-types.md.

#include <string>

#include "actors/extension/plugin.hpp"
#include "bank.capnp.h"
#include "cluster/extension/typed.hpp"

namespace {

using namespace troupe::extension;
using troupe::zk::err;

class transfer final : public typed_request_type<bank::TransferRequest, bank::TransferReply> {
 public:
  transfer() : typed_request_type({.name = "bank.transfer", .version = 1, .read_only = false, .bounds = {}}) {}

  void handle(bank::TransferRequest::Reader request, bank::TransferReply::Builder reply,
              request_context& tree) override {
    const std::string from = request.getFrom(), to = request.getTo();
    const auto amount = request.getAmount();
    if (amount <= 0 || from == to) throw request_failed(err::bad_arguments, "this is no transfer");
    const auto has = balance(tree, from), had = balance(tree, to);
    if (has < amount) throw request_failed(err::bad_arguments, from + " has only " + std::to_string(has));
    tree.set_data(from, std::to_string(has - amount));
    tree.set_data(to, std::to_string(had + amount));
    reply.setFromBalance(has - amount);
    reply.setToBalance(had + amount);
  }

 private:
  static std::int64_t balance(request_context& tree, const std::string& account) {
    const auto znode = tree.get(account);
    if (!znode) throw request_failed(err::no_node, "there is no account " + account);
    return std::stoll(znode->data);  // what it throws is the caller's error, like any exception
  }
};

}  // namespace

extern "C" void troupe_plugin(troupe::plugin_registry& registry) { registry.add(std::make_shared<transfer>()); }
