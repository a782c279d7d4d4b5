#include "actors/extension/plugin_loader.hpp"

#include <dlfcn.h>

#include <stdexcept>
#include <string>

#include "actors/extension/abi.hpp"

namespace troupe {

namespace {

constexpr std::size_t max_tag = 500;

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& why) {
  auto line = "plug-in " + file.string() + ": " + why;
  for (auto& c : line)
    if (c == '\n' || c == '\r') c = ' ';
  throw std::runtime_error(line);
}

std::string last_error() {
  const auto* said = ::dlerror();
  return said != nullptr ? said : "unknown error of the dynamic loader";
}

}  // namespace

void load_plugin(const std::filesystem::path& file, plugin_registry& registry) {
  // All symbols now, rather than a crash at the first request; and nobody else sees its symbols.
  auto* object = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (object == nullptr) refuse(file, "cannot be loaded: " + last_error());
  const auto* tag = static_cast<const char*>(::dlsym(object, "troupe_plugin_abi"));
  if (tag == nullptr)
    refuse(file,
           "is no plug-in of Troupe: it lacks the symbol troupe_plugin_abi (include actors/extension/plugin.hpp)");
  const std::string theirs(tag, ::strnlen(tag, max_tag)), ours = TROUPE_PLUGIN_ABI;
  if (theirs != ours) refuse(file, "was built for '" + theirs + "', but this node is '" + ours + "'");
  auto* entry = reinterpret_cast<void (*)(plugin_registry&)>(::dlsym(object, "troupe_plugin"));
  if (entry == nullptr) refuse(file, "lacks the function extern \"C\" void troupe_plugin(troupe::plugin_registry&)");
  try {
    entry(registry);
  } catch (const std::exception& e) {
    refuse(file, e.what());
  } catch (...) {
    refuse(file, "threw an exception of a type of its own");
  }
}

}  // namespace troupe
