#include <algorithm>

#include "cluster/extension/typed.hpp"
#include "cluster/extension/types/data.hpp"
#include "cluster/extension/types/shipped.hpp"
#include "schema/request_types.capnp.h"

namespace troupe::extension {

namespace {

using zk::err;

constexpr std::size_t digits = 10;

struct contender {
  std::int64_t sequence = 0;
  std::string name;
  bool operator<(const contender& other) const { return sequence < other.sequence; }
};

/// False if the name does not end in the number of a sequential znode.
bool read_number(const std::string& name, std::int64_t& out) {
  if (name.size() < digits) return false;
  out = 0;
  for (auto c : std::string_view(name).substr(name.size() - digits)) {
    if (c < '0' || c > '9') return false;
    out = out * 10 + (c - '0');
  }
  return true;
}

std::vector<contender> line_at(request_context& tree, const std::string& path) {
  std::vector<contender> out;
  for (auto& name : tree.children(path)) {
    contender c;
    if (read_number(name, c.sequence)) c.name = std::move(name), out.push_back(std::move(c));
  }
  std::sort(out.begin(), out.end());
  return out;
}

class lock final : public typed_request_type<wire::LockRequest, wire::LockReply> {
 public:
  lock() : typed_request_type({.name = "troupe.lock", .version = 1, .read_only = false, .bounds = {}}) {}

  void handle(wire::LockRequest::Reader request, wire::LockReply::Builder reply, request_context& tree) override {
    std::string path = request.getPath(), name = request.getName();
    if (name.empty() || name.find('/') != name.npos)
      throw request_failed(err::bad_arguments, "'" + name + "' is no beginning of an entry's name");
    std::vector<contender> line;
    bool there = tree.exists(path);
    if (there) line = line_at(tree, path);
    auto ours = std::find_if(line.begin(), line.end(), [&](const contender& c) {
      if (c.name.size() != name.size() + digits || !c.name.starts_with(name)) return false;
      auto entry = tree.get(below(path, c.name));
      return entry && entry->ephemeral_owner == tree.session();
    });
    reply.setEntry(""), reply.setWatch("");
    if (ours == line.end()) {
      if (request.getOnlyIfFree() && !line.empty()) {
        reply.setWatch(below(path, line.back().name));
        reply.setWaiting(static_cast<std::uint32_t>(line.size()));
        return;
      }
      if (!there) tree.create(path, "");
      auto made = tree.create(below(path, name), view(request.getData()), create_mode::ephemeral_sequential);
      contender c;
      c.name = made.substr(made.rfind('/') + 1);
      read_number(c.name, c.sequence);
      ours = line.insert(line.end(), std::move(c));
    }
    auto before = static_cast<std::uint32_t>(ours - line.begin());
    reply.setHeld(before == 0), reply.setEntry(below(path, ours->name)), reply.setSequence(ours->sequence);
    reply.setWaiting(before);
    if (before != 0) reply.setWatch(below(path, (ours - 1)->name));
  }
};

}  // namespace

std::shared_ptr<request_type> make_lock() { return std::make_shared<lock>(); }

}  // namespace troupe::extension
