#include <algorithm>

#include "cluster/extension/typed.hpp"
#include "cluster/extension/types/data.hpp"
#include "cluster/extension/types/shipped.hpp"
#include "schema/request_types.capnp.h"

namespace troupe::extension {

namespace {

using zk::err;

class queue_take final : public typed_request_type<wire::QueueTakeRequest, wire::QueueTakeReply> {
 public:
  queue_take() : typed_request_type({.name = "troupe.queue-take", .version = 1, .read_only = false, .bounds = {}}) {}

  void handle(wire::QueueTakeRequest::Reader request, wire::QueueTakeReply::Builder reply,
              request_context& tree) override {
    std::string path = request.getPath();
    auto names = tree.children(path);
    auto prefix = view(request.getPrefix());
    std::erase_if(names, [&](const std::string& n) { return !n.starts_with(prefix); });

    reply_room room(about().bounds.reply_bytes);
    std::vector<znode> taken;
    auto most = std::min<std::size_t>(request.getMax(), names.size());
    for (; taken.size() < most;) {
      auto& name = names[taken.size()];
      auto item = tree.get(below(path, name));
      if (!room.take(name, item->data, request.getAsText())) break;
      tree.remove(below(path, name));
      taken.push_back(std::move(*item));
    }
    if (taken.empty() && most != 0)
      throw request_failed(err::quota_exceeded, below(path, names.front()) + " is too large for a reply");
    auto items = reply.initItems(static_cast<unsigned>(taken.size()));
    for (unsigned i = 0; i < taken.size(); ++i) {
      items[i].setName(names[i]);
      put_data(items[i], taken[i].data, request.getAsText());
    }
    reply.setLeft(names.size() - taken.size());
  }
};

}  // namespace

std::shared_ptr<request_type> make_queue_take() { return std::make_shared<queue_take>(); }

}  // namespace troupe::extension
