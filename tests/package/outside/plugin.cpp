// A request type of somebody else's: what it is sent comes back behind the data of a znode, which it also changes.
#include <memory>
#include <string>

#include "actors/extension/plugin.hpp"
#include "cluster/extension/request_type.hpp"

namespace {

using namespace troupe::extension;

class appending final : public request_type {
 public:
  const description& about() const override { return about_; }
  std::string handle(std::string_view request, request_context& tree) override {
    const std::string path = "/outside-appended";
    auto znode = tree.get(path);
    auto data = (znode ? znode->data : std::string()) + std::string(request);
    if (znode)
      tree.set_data(path, data);
    else
      tree.create(path, data);
    return data;
  }

 private:
  const description about_{.name = "outside.append", .version = 1, .read_only = false, .bounds = {}};
};

}  // namespace

extern "C" void troupe_plugin(troupe::plugin_registry& registry) { registry.add(std::make_shared<appending>()); }
