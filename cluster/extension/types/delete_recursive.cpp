#include "cluster/extension/typed.hpp"
#include "cluster/extension/types/data.hpp"
#include "cluster/extension/types/shipped.hpp"
#include "schema/request_types.capnp.h"

namespace troupe::extension {

namespace {

using zk::err;

/// A znode whose children are being deleted, one after the other.
struct level {
  std::string path;
  std::vector<std::string> children;
  std::size_t next = 0;
};

class delete_recursive final : public typed_request_type<wire::DeleteRecursiveRequest, wire::DeleteRecursiveReply> {
 public:
  delete_recursive()
      : typed_request_type({.name = "troupe.delete-recursive", .version = 1, .read_only = false, .bounds = {}}) {}

  void handle(wire::DeleteRecursiveRequest::Reader request, wire::DeleteRecursiveReply::Builder reply,
              request_context& tree) override {
    std::string top = request.getPath();
    std::vector<level> walk;  // from the top down to where we are
    walk.push_back({top, tree.children(top), 0});
    std::size_t deleted = 0;
    while (!walk.empty()) {
      auto& here = walk.back();
      if (here.next < here.children.size()) {
        auto path = below(here.path, here.children[here.next++]);
        auto children = tree.children(path);
        walk.push_back({std::move(path), std::move(children), 0});
        continue;
      }
      if (walk.size() == 1 && request.getKeepTop()) break;
      if (deleted == request.getMax()) {
        if (!request.getPartial())
          throw request_failed(err::quota_exceeded,
                               top + " and below: more than " + std::to_string(deleted) + " znodes");
        reply.setMore(true);
        break;
      }
      tree.remove(here.path);
      ++deleted;
      walk.pop_back();
    }
    reply.setDeleted(deleted);
  }
};

}  // namespace

std::shared_ptr<request_type> make_delete_recursive() { return std::make_shared<delete_recursive>(); }

}  // namespace troupe::extension
