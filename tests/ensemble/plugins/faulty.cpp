/// A plug-in of types that do what a type should not do.

#include <chrono>
#include <functional>
#include <thread>

#include "actors/extension/plugin.hpp"

namespace {

using namespace troupe::extension;
using handler = std::function<std::string(std::string_view, request_context&)>;

class scripted final : public request_type {
 public:
  scripted(description about, handler h) : about_(std::move(about)), handler_(std::move(h)) {}
  const description& about() const override { return about_; }
  std::string handle(std::string_view request, request_context& c) override { return handler_(request, c); }

 private:
  description about_;
  handler handler_;
};

/// For ever, but without a whole processor of whoever runs the tests.
void rest() { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }

std::string echo(std::string_view request, request_context& c) {
  if (!c.exists("/faulty")) c.create("/faulty", "");
  c.set_data("/faulty", request);
  return std::string(request);
}

std::string throws(std::string_view request, request_context& c) {
  c.create("/thrown", "");
  if (request == "{int}") throw 7;
  throw std::runtime_error("as it was meant to");
}

std::string loops(std::string_view, request_context& c) {
  c.create("/looped", "");
  for (;;) rest();
}

std::string touches(std::string_view, request_context& c) {
  for (;;) try {
      rest();
      c.create("/touched", "");
    } catch (...) {
    }
}

std::string too_much(std::string_view request, request_context& c) {
  if (request == "{reply}") return std::string(1 << 20, 'x');
  for (int i = 0;; ++i) c.create("/much" + std::to_string(i), "");
}

std::string whoami(std::string_view, request_context& c) {
  std::string out;
  for (auto& id : c.caller()) out += id.scheme + ":" + id.name + " ";
  return out;
}

}  // namespace

extern "C" void troupe_plugin(troupe::plugin_registry& registry) {
  auto add = [&](const char* name, handler h, bool read_only = false, std::uint16_t version = 1) {
    description about{.name = name, .version = version, .read_only = read_only, .bounds = {}};
    about.bounds.time_ms = 200;
    registry.add(std::make_shared<scripted>(about, std::move(h)));
  };
  add("test.echo", echo);
  add(
      "test.echo", [](auto r, auto& c) { return "{two}" + echo(r, c); }, false, 2);
  add("test.throws", throws);
  add("test.loops", loops);
  add("test.touches", touches);
  add("test.too-much", too_much);
  add("test.whoami", whoami, true);
}
