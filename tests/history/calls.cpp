#include "tests/history/calls.hpp"

#include <algorithm>
#include <charconv>

#include "tests/history/trial.hpp"

namespace troupe::history {

using zk::err;

namespace {

std::string below(std::string_view path, std::string_view name) {
  std::string out(path == "/" ? std::string_view{} : path);
  return out.append("/").append(name);
}

request request_of(zk::op op, std::string path, std::string data = {}) {
  request r;
  r.op = op, r.path = std::move(path), r.data = std::move(data);
  return r;
}

/// A call in the making: parts are tried as they come, and the first refusal is the call's.
class performer {
 public:
  performer(const model& m, const caller& who) : model_(m), who_(who), trial_(m, who) {}

  call_outcome perform(const request& r) {
    if (r.data == "add")
      add(r);
    else if (r.data == "take")
      take(r);
    else
      remove(r);
    if (out_.error != err::ok) out_.parts.clear(), out_.reply.clear();
    return std::move(out_);
  }

 private:
  bool good() const { return out_.error == err::ok; }
  void fail(err e) {
    if (good()) out_.error = e;
  }
  /// Null, and an error, if it is not there or not to be read.
  const model::node* read(const std::string& path) {
    auto* n = model_.find(path);
    if (!n) fail(err::no_node);
    if (n && !allowed(n->acl, zk::perm::read, who_)) fail(err::no_auth);
    return good() ? n : nullptr;
  }
  void attempt(request part) {
    if (!good()) return;
    out_.parts.push_back(std::move(part));
    fail(trial_.perform(out_.parts.back()).error);
  }

  void add(const request& r) {
    auto* n = model_.find(r.path);
    if (n && !read(r.path)) return;
    std::int64_t before = 0;
    if (n && !n->data.empty()) {
      auto [end, code] = std::from_chars(n->data.data(), n->data.data() + n->data.size(), before);
      if (code != std::errc{} || end != n->data.data() + n->data.size()) return fail(err::bad_arguments);
    }
    auto after = before + r.version;
    bool changed = !n || after != before;
    if (changed) attempt(request_of(n ? zk::op::set_data : zk::op::create, r.path, std::to_string(after)));
    auto version = !n ? 0 : changed ? next_version(n->version) : n->version;
    out_.reply = "{\"value\":\"" + std::to_string(after) + "\",\"previous\":\"" + std::to_string(before) +
                 "\",\"changed\":" + (changed ? "true" : "false") + ",\"version\":" + std::to_string(version) + "}";
  }

  void take(const request& r) {
    auto* n = read(r.path);
    if (!n) return;
    std::string items;
    std::size_t taken = 0;
    for (auto name : n->children) {
      if (taken == static_cast<std::size_t>(r.version)) break;
      auto path = below(r.path, name);
      auto* item = read(path);
      if (!item) return;
      items += (taken++ ? "," : "") + std::string("{\"name\":\"") + std::string(name) + "\",\"text\":\"" +
               std::string(item->data) + "\"}";
      attempt(request_of(zk::op::del, path));
    }
    out_.reply = "{\"items\":[" + items + "],\"left\":\"" + std::to_string(n->children.size() - taken) + "\"}";
  }

  void remove(const request& r) {
    remove_below(r.path);
    out_.reply = "{\"deleted\":\"" + std::to_string(out_.parts.size()) + "\",\"more\":false}";
  }
  void remove_below(const std::string& path) {
    auto* n = read(path);
    if (!n) return;
    for (auto name : n->children)
      if (good()) remove_below(below(path, name));
    attempt(request_of(zk::op::del, path));
  }

  const model& model_;
  const caller& who_;
  trial trial_;
  call_outcome out_;
};

}  // namespace

call_outcome perform_call(const model& m, const caller& who, const request& r) { return performer(m, who).perform(r); }

bool left_no_transaction(const request& r, const result& got) {
  if (r.op != zk::op::call) return false;
  if (r.data == "add") return got.data.find("\"changed\":false") != got.data.npos;
  return r.data == "take" && got.data.starts_with("{\"items\":[]");
}

bool could_be_call(const txn& t, const request& r) {
  using kind = change::kind;
  if (r.data == "add") {
    if (t.changes.size() != 1 || t.changes[0].path != r.path) return false;
    return t.changes[0].what == kind::create || t.changes[0].what == kind::set_data;
  }
  bool all = r.data == "delete";
  if (all && t.changes.back().path != r.path) return false;
  if (!all && t.changes.size() > static_cast<std::size_t>(r.version)) return false;
  return std::all_of(t.changes.begin(), t.changes.end(), [&](const change& c) {
    bool inside = c.path.starts_with(below(r.path, ""));
    return c.what == kind::del && (inside || (all && c.path == r.path));
  });
}

}  // namespace troupe::history
