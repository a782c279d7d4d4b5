#include <algorithm>

#include "cluster/extension/typed.hpp"
#include "cluster/extension/types/data.hpp"
#include "cluster/extension/types/shipped.hpp"
#include "schema/request_types.capnp.h"

namespace troupe::extension {

namespace {

using zk::err;

struct found {
  std::string name;
  bool hidden = false;
  znode node;
};

class list final : public typed_request_type<wire::ListRequest, wire::ListReply> {
 public:
  list() : typed_request_type({.name = "troupe.list", .version = 1, .read_only = true, .bounds = {}}) {}

  void handle(wire::ListRequest::Reader request, wire::ListReply::Builder reply, request_context& tree) override {
    std::string path = request.getPath();
    auto prefix = view(request.getPrefix()), after = view(request.getAfter());
    auto names = tree.children(path);
    std::erase_if(names, [&](const std::string& n) { return !n.starts_with(prefix); });
    auto at = after.empty() ? names.begin() : std::upper_bound(names.begin(), names.end(), after);

    reply_room room(about().bounds.reply_bytes);
    std::vector<found> page;
    for (; at != names.end() && page.size() < request.getLimit(); ++at) {
      found f;
      f.name = *at;
      if (request.getWithData() || request.getWithStat()) look(tree, below(path, *at), f);
      auto data = request.getWithData() ? std::string_view(f.node.data) : std::string_view{};
      if (!room.take(f.name, data, request.getAsText())) break;
      page.push_back(std::move(f));
    }
    if (page.empty() && at != names.end() && request.getLimit() != 0)
      throw request_failed(err::quota_exceeded, below(path, *at) + " is too large for a reply");
    reply.setMore(at != names.end()), reply.setTotal(names.size());
    auto items = reply.initItems(static_cast<unsigned>(page.size()));
    for (unsigned i = 0; i < page.size(); ++i) write(request, items[i], page[i]);
  }

 private:
  static void look(request_context& tree, const std::string& path, found& f) {
    try {
      auto n = tree.get(path);
      f.node = n.value_or(znode{});
    } catch (const request_failed& e) {
      if (e.code() != err::no_auth) throw;
      f.hidden = true;
    }
  }

  static void write(wire::ListRequest::Reader request, wire::ListReply::Item::Builder to, const found& f) {
    to.setName(f.name), to.setHidden(f.hidden);
    if (f.hidden) return;
    if (request.getWithData()) put_data(to, f.node.data, request.getAsText());
    if (!request.getWithStat()) return;
    to.setVersion(f.node.version), to.setEphemeralOwner(f.node.ephemeral_owner);
    to.setChildren(f.node.child_count), to.setDataLength(static_cast<std::uint32_t>(f.node.data.size()));
  }
};

}  // namespace

std::shared_ptr<request_type> make_list() { return std::make_shared<list>(); }

}  // namespace troupe::extension
