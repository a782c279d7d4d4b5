#include "tests/chaos/operations.hpp"

#include <algorithm>

namespace troupe::chaos {

namespace {
using history::request;
using zk::op;
constexpr std::int32_t ephemeral = request::ephemeral, sequential = request::sequential;
constexpr std::size_t max_queue = 24;  // children of a parent of sequential znodes before they are taken away
}  // namespace

operations::operations(std::uint64_t seed) : random_(seed) {}

const std::vector<std::string>& operations::parents() {
  static const std::vector<std::string> all{"/r", "/t", "/t/a", "/t/b", "/q", "/l", "/l/s", "/e", "/a"};
  return all;
}

request operations::on(op what, std::string path) {
  request r;
  r.op = what, r.path = std::move(path);
  bool can_watch = what == op::exists || what == op::get_data || what == op::get_children || what == op::get_children2;
  r.watch = can_watch && chance(30);
  return r;
}

request operations::write(op what, std::string path, std::int32_t version) {
  auto r = on(what, std::move(path));
  r.version = version;
  if (what == op::set_data) r.data = value();
  return r;
}

request operations::create(std::string path, std::int32_t flags) {
  auto r = on(chance(40) ? op::create2 : op::create, std::move(path));
  r.flags = flags, r.data = value();
  return r;
}

std::string operations::key(const char* parent, unsigned count) {
  return std::string(parent) + std::to_string(random(count));
}

std::int32_t operations::version_of(const std::string& path) {
  auto at = versions_.find(path);
  return at == versions_.end() ? 0 : at->second;
}

// Mostly short; sometimes long enough that a record takes several blocks of the journal.
std::string operations::value() {
  auto v = "c" + std::to_string(client_) + "-" + std::to_string(++values_);
  if (chance(2)) v.resize(v.size() + 1 + random(20'000), '.');
  return v;
}

operations::list operations::multi() {
  request m;
  m.op = op::multi;
  auto a = key("/r/k", 8), b = key("/r/k", 8);
  switch (random(5)) {
    case 0:  // two registers together, on a condition
      m.parts = {write(op::check, a, version_of(a)), write(op::set_data, a), write(op::set_data, b)};
      break;
    case 1:  // a move
      m.parts = {write(op::del, a), create(b)};
      break;
    case 2:  // often fails at the end: nothing of it may stay
      m.parts = {write(op::set_data, a), create("/q/m-", sequential), write(op::check, b, version_of(b))};
      break;
    case 3:
      m.parts = {create("/q/m-", sequential), create("/q/m-", sequential | ephemeral)};
      break;
    default:  // a subtree, made and taken away in one
      m.parts = {create("/t/a/m"), create("/t/a/m/x"), write(op::del, "/t/a/m/x"), write(op::del, "/t/a/m")};
  }
  return {m};
}

operations::list operations::queue() {
  auto& known = children_["/q"];
  if (known.size() > max_queue || (!known.empty() && chance(40))) {
    auto oldest = known.front();
    known.erase(known.begin());
    return {write(op::del, "/q/" + oldest), on(op::get_children, "/q")};
  }
  return {create("/q/n-", sequential | (chance(30) ? ephemeral : 0))};
}

operations::list operations::lock() {
  if (chance(60)) {  // a lock: whoever creates it has it, until they delete it or their session ends
    auto path = key("/l/l", 2);
    return chance(50) ? list{create(path, ephemeral)} : list{write(op::del, path), on(op::exists, path)};
  }
  auto& known = children_["/l/s"];
  if (known.size() > max_queue || (!known.empty() && chance(50))) {
    auto one = known[random(known.size())];
    std::erase(known, one);
    return {write(op::del, "/l/s/" + one), on(op::get_children2, "/l/s")};
  }
  return {create("/l/s/lock-", ephemeral | sequential), on(op::get_children, "/l/s")};
}

operations::list operations::access() {
  auto path = key("/a/k", 3);
  switch (random(7)) {
    case 0:
      return {create(path)};
    case 1:
      return {write(op::del, path)};
    case 2:
      return {on(op::get_acl, path)};
    case 4:
      return {on(op::exists, path)};
    case 3:
      return {write(op::set_data, path), on(op::get_data, path)};
    default: {
      static constexpr std::int32_t perms[] = {zk::perm::all, zk::perm::all, zk::perm::all & ~zk::perm::write,
                                               zk::perm::all & ~zk::perm::read, zk::perm::read | zk::perm::admin};
      auto r = write(op::set_acl, path, chance(70) ? -1 : static_cast<std::int32_t>(random(3)));
      r.acl = {{perms[random(5)], {"world", "anyone"}}};
      return {r};
    }
  }
}

const std::vector<operations::kind>& operations::kinds() {
  static const std::vector<kind> all{
      {"get", 16, [](operations& o) { return list{o.on(op::get_data, o.key("/r/k", 8))}; }},
      {"set", 14, [](operations& o) { return list{o.write(op::set_data, o.key("/r/k", 8))}; }},
      {"set on a version", 10,
       [](operations& o) {
         auto k = o.key("/r/k", 8);
         return list{o.write(op::set_data, k, o.version_of(k))};
       }},
      {"create", 8, [](operations& o) { return list{o.create(o.key("/r/k", 8))}; }},
      {"delete", 4,
       [](operations& o) {
         auto k = o.key("/r/k", 8);
         return list{o.write(op::del, k, o.chance(50) ? -1 : o.version_of(k))};
       }},
      {"exists", 6, [](operations& o) { return list{o.on(op::exists, o.key(o.chance(50) ? "/r/k" : "/e/k", 8))}; }},
      {"children", 6,
       [](operations& o) {
         static const char* of[] = {"/r", "/t", "/t/a", "/q", "/l/s", "/e"};
         return list{o.on(o.chance(50) ? op::get_children : op::get_children2, of[o.random(6)])};
       }},
      {"sync and get", 5,
       [](operations& o) {
         auto k = o.key("/r/k", 8);
         return list{o.on(op::sync, k), o.on(op::get_data, k)};
       }},
      {"tree", 6,
       [](operations& o) {
         auto path = o.key(o.chance(50) ? "/t/a/k" : "/t/b/k", 3);
         if (o.chance(50)) path += o.chance(30) ? "/y" : "/x";
         return list{o.chance(60) ? o.create(path) : o.write(op::del, path)};
       }},
      {"ephemeral", 5,
       [](operations& o) {
         auto path = o.key("/e/k", 4);
         if (o.chance(15)) return list{o.create(path + "/below")};
         return list{o.chance(60) ? o.create(path, ephemeral) : o.write(op::del, path)};
       }},
      {"queue", 5, [](operations& o) { return o.queue(); }},
      {"lock", 8, [](operations& o) { return o.lock(); }},
      {"multi", 6, [](operations& o) { return o.multi(); }},
      {"acl", 4, [](operations& o) { return o.access(); }},
  };
  return all;
}

operations::list operations::draw(history::client_id client) {
  client_ = client;
  unsigned sum = 0;
  for (auto& k : kinds()) sum += k.weight;
  auto at = random(sum);
  for (auto& k : kinds()) {
    if (at < k.weight) return k.make(*this);
    at -= k.weight;
  }
  return {};
}

request operations::ephemeral_of(history::client_id client) {
  client_ = client;
  return create("/l/s/last-", ephemeral | sequential);
}

void operations::learn(const request& asked, const history::result& got) {
  if (got.error != zk::err::ok) return;
  if (got.stat && asked.op != op::set_acl && asked.op != op::get_acl)
    versions_[got.path.empty() ? asked.path : got.path] = got.stat->version;
  if (asked.op == op::get_children || asked.op == op::get_children2) children_[asked.path] = got.children;
}

}  // namespace troupe::chaos
