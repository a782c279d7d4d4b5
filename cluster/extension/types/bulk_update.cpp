#include "cluster/extension/typed.hpp"
#include "cluster/extension/types/data.hpp"
#include "cluster/extension/types/shipped.hpp"
#include "schema/request_types.capnp.h"

namespace troupe::extension {

namespace {

using action = wire::BulkUpdateRequest::Action;
using item = wire::BulkUpdateRequest::Item::Reader;
using zk::err;

struct failure {
  std::uint32_t number;
  bool there;
  std::int32_t version;
};

bool as_expected(const item& i, const std::optional<znode>& found) {
  if (i.getAbsent() || i.getAction() == action::CREATE) return !found;
  if (!found) return i.getAction() == action::PUT && i.getVersion() == -1;
  return i.getVersion() == -1 || i.getVersion() == found->version;
}

void check(const item& i, std::uint32_t number) {
  auto wrong = [&](const char* why) {
    throw request_failed(err::bad_arguments, "item " + std::to_string(number) + ": " + why);
  };
  if (i.getAction() > action::DELETE) wrong("this action is unknown");
  if (i.getAbsent() && (i.getAction() == action::SET || i.getAction() == action::DELETE))
    wrong("what is absent cannot be set or deleted");
  if (i.hasData() && i.hasText()) wrong("data and text at once");
}

class bulk_update final : public typed_request_type<wire::BulkUpdateRequest, wire::BulkUpdateReply> {
 public:
  bulk_update() : typed_request_type({.name = "troupe.bulk-update", .version = 1, .read_only = false, .bounds = {}}) {}

  void handle(wire::BulkUpdateRequest::Reader request, wire::BulkUpdateReply::Builder reply,
              request_context& tree) override {
    auto items = request.getItems();
    std::vector<failure> failed;
    for (std::uint32_t i = 0; i < items.size(); ++i) {
      check(items[i], i);
      auto found = tree.get(view(items[i].getPath()));
      if (!as_expected(items[i], found)) failed.push_back({i, found.has_value(), found ? found->version : 0});
    }
    reply.setDone(failed.empty());
    auto list = reply.initFailed(static_cast<unsigned>(failed.size()));
    for (unsigned i = 0; i < failed.size(); ++i)
      list[i].setItem(failed[i].number), list[i].setThere(failed[i].there), list[i].setVersion(failed[i].version);
    if (!failed.empty()) return;
    for (std::uint32_t i = 0; i < items.size(); ++i) {
      try {
        perform(items[i], tree);
      } catch (const request_failed& e) {
        throw request_failed(e.code(), "item " + std::to_string(i) + ": " + e.what());
      }
    }
  }

 private:
  static void perform(const item& i, request_context& tree) {
    auto path = view(i.getPath());
    auto data = i.hasText() ? view(i.getText()) : view(i.getData());
    if (!data.data()) data = "";
    switch (i.getAction()) {
      case action::CHECK:
        return;
      case action::SET:
        return tree.set_data(path, data);
      case action::CREATE:
        tree.create(path, data);
        return;
      case action::PUT:
        tree.exists(path) ? tree.set_data(path, data) : (void)tree.create(path, data);
        return;
      case action::DELETE:
        return tree.remove(path);
    }
  }
};

}  // namespace

std::shared_ptr<request_type> make_bulk_update() { return std::make_shared<bulk_update>(); }

}  // namespace troupe::extension
