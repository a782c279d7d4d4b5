#include "actors/node/configuration.hpp"

#include <algorithm>
#include <caf/atom.hpp>
#include <caf/dictionary.hpp>
#include <caf/expected.hpp>
#include <caf/pec.hpp>
#include <charconv>
#include <fstream>
#include <set>
#include <sstream>

#include "actors/node/configuration_fields.hpp"
#include "actors/node/configuration_source.hpp"
#include "actors/node/configuration_value.hpp"

namespace troupe {
namespace {

using dictionary = caf::config_value::dictionary;

/// Letters to change, add or drop to make b of a: for "did you mean".
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row[b.size()];
}

std::string did_you_mean(const std::string& word, const std::set<std::string>& known) {
  const std::string* best = nullptr;
  auto bound = 2 + word.size() / 3;
  for (const auto& one : known) {
    if (auto d = distance(word, one); d < bound) best = &one, bound = d;
  }
  return best != nullptr ? "; did you mean '" + *best + "'?" : "";
}

std::string of_caf(caf::string_view s) { return {s.begin(), s.end()}; }

/// The types that CAF names, for people.
std::string wanted(const std::string& type) {
  if (type == "boolean") return "true or false";
  if (type == "timespan") return "a duration such as 500ms or 2s";
  if (type == "atom") return "a word in single quotes such as 'sharing'";
  if (type == "uint64") return "a whole number, not negative";
  if (type == "string") return "a string in double quotes";
  return "a " + type;
}

/// One pass over a parsed file.
class reader {
 public:
  reader(std::string file, key_lines lines, const caf::config_option_set& options)
      : file_(std::move(file)), lines_(std::move(lines)), options_(options) {}

  configuration_result read(const caf::settings& content, const std::filesystem::path& directory) {
    for (const auto& [key, where] : lines_.lines) {
      if (where.size() > 1) wrong(key, "'" + key + "' is set twice; first on line " + std::to_string(where.front()));
    }
    for (const auto& [name, value] : content) {
      const auto* group = caf::get_if<dictionary>(&value);
      if (group == nullptr) {
        wrong(name, "'" + name + "' stands before any group; keys of a node belong under [troupe]");
      } else if (name == "troupe") {
        read_troupe(*group);
      } else {
        check_caf(name, *group);
      }
    }
    derive(directory);
    if (result_.errors.empty()) cross_check();
    return std::move(result_);
  }

 private:
  void wrong(const std::string& key, const std::string& what) {
    result_.errors.push_back(lines_.place(file_, key) + ": " + what);
  }

  void read_troupe(const dictionary& group) {
    const auto& fields = configuration_fields();
    for (const auto& [key, value] : group) {
      const auto at = std::find_if(fields.begin(), fields.end(), [&k = key](const auto& f) { return f.key == k; });
      const std::string full = "troupe." + key;
      if (at == fields.end()) {
        std::set<std::string> known;
        for (const auto& f : fields) known.insert(f.key);
        wrong(full, "unknown key '" + key + "' in group 'troupe'" + did_you_mean(key, known));
      } else if (const auto complaint = at->read(value, result_.config)) {
        wrong(full, "'" + key + "' must be " + *complaint + " (found " + value_text(value) + ")");
      } else {
        set_.insert(key);
      }
    }
  }

  /// CAF's own groups. CAF itself would ignore what is wrong here.
  void check_caf(const std::string& name, const dictionary& group) {
    std::set<std::string> groups{"troupe"}, keys;
    for (const auto& option : options_) {
      if (of_caf(option.category()) == "global") continue;
      groups.insert(of_caf(option.category()));
      if (of_caf(option.category()) == name) keys.insert(of_caf(option.long_name()));
    }
    if (keys.empty()) {
      const auto first = group.empty() ? std::string{} : name + "." + group.begin()->first;
      wrong(first, "unknown group '" + name + "'" + did_you_mean(name, groups));
      return;
    }
    for (const auto& [key, value] : group) {
      const std::string full = name + "." + key;
      const auto* option = options_.qualified_name_lookup(name, key);
      if (option == nullptr) {
        wrong(full, "unknown key '" + key + "' in group '" + name + "'" + did_you_mean(key, keys));
      } else if (option->check(value)) {
        wrong(full,
              "'" + full + "' must be " + wanted(of_caf(option->type_name())) + " (found " + value_text(value) + ")");
      } else if (full == "scheduler.policy") {
        const auto text = value_text(value);
        if (text != "'sharing'" && text != "'stealing'") wrong(full, "'" + full + "' must be 'sharing' or 'stealing'");
      } else if (full == "scheduler.max-threads") {
        const auto* n = caf::get_if<std::int64_t>(&value);
        if (*n < 1 || *n > 1024) wrong(full, "'" + full + "' must be a whole number from 1 to 1024");
      }
    }
  }

  void derive(const std::filesystem::path& directory) {
    auto& c = result_.config;
    if (set_.count("min-session-timeout") == 0) c.min_session_timeout_ms = 2 * c.tick_ms;
    if (set_.count("max-session-timeout") == 0) c.max_session_timeout_ms = 20 * c.tick_ms;
    if (c.actor_address.empty()) c.actor_address = c.client_address;
    if (set_.count("init-timeout") == 0) c.init_timeout_ms = 10 * c.tick_ms;
    auto anchor = [&](std::filesystem::path& p) { p = std::filesystem::absolute(directory / p).lexically_normal(); };
    for (auto* path : {&c.data_dir, &c.pid_file}) {
      if (!path->empty()) anchor(*path);
    }
    for (auto& p : c.plugins) anchor(p);
    c.directory = std::filesystem::absolute(directory).lexically_normal();
  }

  /// What no key can tell alone. Only for a file whose keys are right, so that no error is a consequence of another.
  void cross_check() {
    auto& c = result_.config;
    if (c.data_dir.empty()) wrong("", "'data-dir' is missing from group 'troupe': say where the node keeps its data");
    if (c.min_session_timeout_ms > c.max_session_timeout_ms) {
      wrong("troupe.min-session-timeout", "'min-session-timeout' must not exceed 'max-session-timeout'");
    }
    if (c.ping_interval_ms * 2 >= c.sync_timeout_ms) {
      wrong("troupe.ping-interval", "'ping-interval' must be less than half of 'sync-timeout'");
    }
    if (c.link_heartbeat_ms * 2 >= c.link_timeout_ms) {
      wrong("troupe.link-heartbeat", "'link-heartbeat' must be less than half of 'link-timeout'");
    }
    if (c.actor_port == c.client_port && c.actor_address == c.client_address) {
      wrong("troupe.actor-port",
            "actor clients and others cannot share the address " + endpoint{c.client_address, c.client_port}.text());
    }
    if (c.members.empty()) {
      if (set_.count("peer-address") != 0) {
        wrong("troupe.peer-address",
              "'peer-address' is set but 'members' is missing: list the ensemble, this node too");
      }
      return;
    }
    const auto self = std::find_if(c.members.begin(), c.members.end(), [&](const auto& m) { return m.id == c.id; });
    if (self == c.members.end()) {
      wrong("troupe.members", "'members' lacks this node's own id " + std::to_string(c.id));
      return;
    }
    if (std::none_of(c.members.begin(), c.members.end(), [](const auto& m) { return !m.observer && m.weight > 0; })) {
      wrong("troupe.members", "'members' has no voter with a weight above 0, so nobody could lead");
    }
    if (!c.alone() && !c.peer_address) c.peer_address = self->address;
    if (c.peer_address && c.peer_address->port == c.client_port && c.peer_address->host == c.client_address) {
      wrong("troupe.client-port", "clients and peers cannot share the address " + c.peer_address->text());
    }
    if (c.peer_address && c.peer_address->port == c.actor_port && c.peer_address->host == c.actor_address) {
      wrong("troupe.actor-port", "actor clients and peers cannot share the address " + c.peer_address->text());
    }
  }

  std::string file_;
  key_lines lines_;
  const caf::config_option_set& options_;
  std::set<std::string> set_;
  configuration_result result_;
};

std::string syntax_error(const caf::error& e, const std::string& name, const std::string& text) {
  std::int64_t line = 0, column = 0;
  if (e.context().match_elements<caf::settings>()) {
    const auto& at = e.context().get_as<caf::settings>(0);
    line = caf::get_or(at, "line", line);
    column = caf::get_or(at, "column", column);
  }
  std::string what = to_string(static_cast<caf::pec>(e.code()));
  std::replace(what.begin(), what.end(), '_', ' ');
  std::istringstream lines(text);
  std::string at;
  for (std::int64_t i = 0; i < line && std::getline(lines, at); ++i) {
  }
  std::string hint;
  if (at.find('#') != std::string::npos) hint = "; a comment starts with ';', not '#'";
  if (at.find('\r') != std::string::npos) hint = "; lines must end without a carriage return";
  return name + ":" + std::to_string(line) + ": syntax error at column " + std::to_string(column) + " (" + what + ")" +
         hint;
}

}  // namespace

std::string endpoint::text() const {
  return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
}

std::optional<endpoint> parse_endpoint(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return std::nullopt;
  endpoint result;
  result.host = text.substr(0, colon);
  if (result.host.front() == '[' && result.host.back() == ']' && result.host.size() > 2) {
    result.host = result.host.substr(1, result.host.size() - 2);
  } else if (result.host.find_first_of(":[] \t") != std::string::npos) {
    return std::nullopt;
  }
  const char* first = text.data() + colon + 1;
  const char* last = text.data() + text.size();
  const auto [end, failed] = std::from_chars(first, last, result.port);
  if (failed != std::errc{} || end != last || result.port == 0) return std::nullopt;
  return result;
}

bool node_config::observer() const {
  return std::any_of(members.begin(), members.end(), [&](const auto& m) { return m.id == id && m.observer; });
}

zab::membership node_config::membership() const {
  zab::membership result;
  for (const auto& m : members) result.members.push_back({m.id, m.observer, m.weight});
  if (result.members.empty()) result.members.push_back({id, false, 1});
  return result;
}

node_actor_config::node_actor_config() { set("scheduler.policy", caf::atom("sharing")); }

configuration_result parse_configuration(const std::string& text, const std::string& name,
                                         const std::filesystem::path& directory, node_actor_config& caf) {
  std::istringstream first(text), second(text);
  const auto content = caf::actor_system_config::parse_config(first);
  if (!content) return {{}, {syntax_error(content.error(), name, text)}};
  auto result = reader{name, find_keys(text), caf.options()}.read(*content, directory);
  if (result.errors.empty()) {
    if (const auto e = caf.parse({}, second)) result.errors.push_back(name + ": " + caf.render(e));
  }
  return result;
}

configuration_result load_configuration(const std::filesystem::path& file, node_actor_config& caf) {
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) return {{}, {file.string() + ": is a directory, not a file"}};
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  if (!in) return {{}, {file.string() + ": cannot be read: " + std::generic_category().message(errno)}};
  if (in.peek() != std::ifstream::traits_type::eof()) text << in.rdbuf();
  if (in.bad()) return {{}, {file.string() + ": cannot be read"}};
  return parse_configuration(text.str(), file.string(), std::filesystem::absolute(file).parent_path(), caf);
}

}  // namespace troupe
