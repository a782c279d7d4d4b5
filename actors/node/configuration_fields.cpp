#include "actors/node/configuration_fields.hpp"

#include <algorithm>
#include <array>
#include <caf/timespan.hpp>
#include <limits>
#include <type_traits>

#include "actors/gateway/options.hpp"
#include "actors/node/configuration_value.hpp"

namespace troupe {
namespace {

using complaint = std::optional<std::string>;

constexpr std::int64_t day_ms = 24LL * 3600 * 1000;
constexpr std::array<const char*, 5> log_levels{"trace", "debug", "info", "warn", "error"};

template <class T>
configuration_field whole_number(const char* key, T node_config::*to, std::int64_t low, std::int64_t high,
                                 const char* meaning) {
  return {key, meaning,
          [=](const caf::config_value& v, node_config& c) -> complaint {
            const auto* n = caf::get_if<std::int64_t>(&v);
            if (n == nullptr || *n < low || *n > high) {
              return "a whole number from " + std::to_string(low) + " to " + std::to_string(high);
            }
            c.*to = static_cast<T>(*n);
            return {};
          },
          [=](const node_config& c) { return std::to_string(c.*to); }};
}

configuration_field duration(const char* key, std::int64_t node_config::*to, std::int64_t low_ms, std::int64_t high_ms,
                             const char* meaning) {
  return {
      key, meaning,
      [=](const caf::config_value& v, node_config& c) -> complaint {
        const auto* span = caf::get_if<caf::timespan>(&v);
        constexpr std::int64_t ns = 1'000'000;
        if (span == nullptr || span->count() % ns != 0 || span->count() < low_ms * ns || span->count() > high_ms * ns) {
          return "a duration in whole milliseconds from " + duration_text(low_ms * ns) + " to " +
                 duration_text(high_ms * ns) + ", such as 500ms or 2s";
        }
        c.*to = span->count() / ns;
        return {};
      },
      [=](const node_config& c) { return duration_text(c.*to * 1'000'000); }};
}

configuration_field size(const char* key, std::size_t node_config::*to, std::size_t low, std::size_t high,
                         const char* meaning) {
  return {key, meaning,
          [=](const caf::config_value& v, node_config& c) -> complaint {
            const auto* text = caf::get_if<std::string>(&v);
            const auto bytes = text != nullptr ? parse_size(*text) : std::nullopt;
            if (!bytes || *bytes < low || *bytes > high) {
              return "a size from " + quoted(size_text(low)) + " to " + quoted(size_text(high)) +
                     ", a string with the unit B, KiB, MiB, GiB or TiB";
            }
            c.*to = *bytes;
            return {};
          },
          [=](const node_config& c) { return quoted(size_text(c.*to)); }};
}

configuration_field flag(const char* key, bool node_config::*to, const char* meaning) {
  return {key, meaning,
          [=](const caf::config_value& v, node_config& c) -> complaint {
            const auto* b = caf::get_if<bool>(&v);
            if (b == nullptr) return "true or false";
            c.*to = *b;
            return {};
          },
          [=](const node_config& c) { return c.*to ? "true" : "false"; }};
}

/// Anything that is written as a string in the file; `take` says what is wrong with it.
configuration_field text(const char* key, const char* meaning,
                         std::function<complaint(const std::string&, node_config&)> take,
                         std::function<std::string(const node_config&)> show) {
  return {key, meaning,
          [take](const caf::config_value& v, node_config& c) -> complaint {
            const auto* s = caf::get_if<std::string>(&v);
            return s == nullptr ? take("", c).value_or("a string") : take(*s, c);
          },
          [show](const node_config& c) {
            const auto s = show(c);
            return s.empty() ? s : quoted(s);
          }};
}

// ---- members

complaint read_member(const caf::config_value& v, std::vector<member_config>& to) {
  const auto* map = caf::get_if<caf::config_value::dictionary>(&v);
  if (map == nullptr)
    return "a list of maps such as {id = 1, address = \"10.0.0.1:3181\"}; one entry is " + value_text(v);
  member_config m;
  for (const auto& [key, one] : *map) {
    const auto* s = caf::get_if<std::string>(&one);
    const auto* n = caf::get_if<std::int64_t>(&one);
    if (key == "id") {
      if (n == nullptr || *n < 1 || *n > 255) return "given ids from 1 to 255, not " + value_text(one);
      m.id = static_cast<node_id>(*n);
    } else if (key == "address") {
      const auto address = s != nullptr ? parse_endpoint(*s) : std::nullopt;
      if (!address) return "given addresses such as \"10.0.0.1:3181\", not " + value_text(one);
      m.address = *address;
    } else if (key == "role") {
      if (s == nullptr || (*s != "voter" && *s != "observer")) {
        return "given the role \"voter\" or \"observer\", not " + value_text(one);
      }
      m.observer = *s == "observer";
    } else if (key == "weight") {
      if (n == nullptr || *n < 0 || *n > 1000) return "given weights from 0 to 1000, not " + value_text(one);
      m.weight = static_cast<std::uint32_t>(*n);
    } else {
      return "given id, address, role and weight only; '" + key + "' is unknown";
    }
  }
  if (m.id == 0) return "given an id each; one has none: " + value_text(v);
  if (m.address.port == 0) return "given an address each; member " + std::to_string(m.id) + " has none";
  to.push_back(std::move(m));
  return {};
}

complaint read_members(const caf::config_value& v, node_config& c) {
  const auto* list = caf::get_if<caf::config_value::list>(&v);
  if (list == nullptr) return "a list of maps such as [{id = 1, address = \"10.0.0.1:3181\"}]";
  std::vector<member_config> members;
  for (const auto& one : *list) {
    if (auto wrong = read_member(one, members)) return wrong;
  }
  std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  for (std::size_t i = 0; i < members.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (members[i].id == members[j].id) return "given each id once; " + std::to_string(members[i].id) + " is twice";
      if (members[i].address.text() == members[j].address.text()) {
        return "given each address once; " + members[i].address.text() + " is twice";
      }
    }
  }
  c.members = std::move(members);
  return {};
}

std::string print_members(const node_config& c) {
  std::string result = "[";
  for (const auto& m : c.members) {
    result += "\n  {id = " + std::to_string(m.id) + ", address = " + quoted(m.address.text()) +
              ", role = " + (m.observer ? "\"observer\"" : "\"voter\"") + ", weight = " + std::to_string(m.weight) +
              "},";
  }
  return result + (c.members.empty() ? "]" : "\n]");
}

// ---- four-letter words

complaint read_words(const caf::config_value& v, node_config& c) {
  const std::string wanted = "a list of four-letter words such as [\"srvr\", \"mntr\"], or [\"*\"] for all";
  const auto* list = caf::get_if<caf::config_value::list>(&v);
  if (list == nullptr) return wanted;
  std::vector<std::string> words;
  for (const auto& one : *list) {
    const auto* s = caf::get_if<std::string>(&one);
    if (s == nullptr || (*s != "*" && s->size() != 4)) return wanted + "; one entry is " + value_text(one);
    words.push_back(*s);
  }
  c.four_letter_words = std::move(words);
  return {};
}

std::string print_words(const node_config& c) {
  std::string result;
  for (const auto& w : c.four_letter_words) result += (result.empty() ? "" : ", ") + quoted(w);
  return "[" + result + "]";
}

// ---- extensions

complaint read_plugins(const caf::config_value& v, node_config& c) {
  const std::string wanted = "a list of shared objects such as [\"libaudit.so\"]";
  const auto* list = caf::get_if<caf::config_value::list>(&v);
  if (list == nullptr) return wanted;
  std::vector<std::filesystem::path> files;
  for (const auto& one : *list) {
    const auto* s = caf::get_if<std::string>(&one);
    if (s == nullptr || s->empty()) return wanted + "; one entry is " + value_text(one);
    files.emplace_back(*s);
  }
  c.plugins = std::move(files);
  return {};
}

std::string print_plugins(const node_config& c) {
  std::string result;
  for (const auto& p : c.plugins) result += (result.empty() ? "" : ", ") + quoted(p.string());
  return "[" + result + "]";
}

/// A handler's longest time: everybody waits for it, peers included.
constexpr std::int64_t max_request_type_ms = 1000;
/// Of a reply: a client that gets it as base64 takes frames of 1 MiB.
constexpr std::size_t max_reply_bytes = std::size_t{512} << 10;
constexpr std::size_t largest_request = std::size_t{64} << 20;
constexpr std::int64_t max_request_type_count = 100'000'000;

complaint read_request_type(const caf::config_value& v, std::vector<request_type_config>& to) {
  const auto* map = caf::get_if<caf::config_value::dictionary>(&v);
  if (map == nullptr) return "a list of maps such as {name = \"x\", time = 20ms}; one entry is " + value_text(v);
  request_type_config r;
  for (const auto& [key, one] : *map) {
    const auto* s = caf::get_if<std::string>(&one);
    const auto* n = caf::get_if<std::int64_t>(&one);
    const auto* span = caf::get_if<caf::timespan>(&one);
    const auto bad = [&k = key, &o = one](const std::string& wanted) {
      return "given " + wanted + " for " + k + ", not " + value_text(o);
    };
    if (key == "name") {
      if (s == nullptr || s->empty()) return bad("a string");
      r.name = *s;
    } else if (key == "version") {
      if (n == nullptr || *n < 1 || *n > 65535) return bad("a number from 1 to 65535");
      r.version = static_cast<std::uint16_t>(*n);
    } else if (key == "time") {
      constexpr std::int64_t ms = 1'000'000;
      if (span == nullptr || span->count() % ms != 0 || span->count() < ms || span->count() > max_request_type_ms * ms)
        return bad("whole milliseconds from 1ms to 1s");
      r.time_ms = span->count() / ms;
    } else if (key == "request" || key == "reply") {
      const auto bytes = s != nullptr ? parse_size(*s) : std::nullopt;
      if (!bytes || *bytes > (key == "reply" ? max_reply_bytes : largest_request))
        return bad("a size up to " + quoted(size_text(key == "reply" ? max_reply_bytes : largest_request)));
      (key == "reply" ? r.reply_bytes : r.request_bytes) = *bytes;
    } else if (key == "operations" || key == "reads") {
      if (n == nullptr || *n < 0 || *n > max_request_type_count) return bad("a whole number, not negative");
      (key == "reads" ? r.reads : r.operations) = static_cast<std::size_t>(*n);
    } else {
      return "given name, version, time, request, reply, operations and reads only; '" + key + "' is unknown";
    }
  }
  if (r.name.empty()) return "given a name each; one has none: " + value_text(v);
  to.push_back(std::move(r));
  return {};
}

complaint read_request_types(const caf::config_value& v, node_config& c) {
  const auto* list = caf::get_if<caf::config_value::list>(&v);
  if (list == nullptr) return "a list of maps such as [{name = \"troupe.list\", time = 20ms}]";
  std::vector<request_type_config> types;
  for (const auto& one : *list) {
    if (auto wrong = read_request_type(one, types)) return wrong;
  }
  c.request_types = std::move(types);
  return {};
}

std::string print_request_types(const node_config& c) {
  std::string result = "[";
  for (const auto& r : c.request_types) {
    result += "\n  {name = " + quoted(r.name);
    if (r.version != 0) result += ", version = " + std::to_string(r.version);
    if (r.time_ms) result += ", time = " + duration_text(*r.time_ms * 1'000'000);
    if (r.request_bytes) result += ", request = " + quoted(size_text(*r.request_bytes));
    if (r.reply_bytes) result += ", reply = " + quoted(size_text(*r.reply_bytes));
    if (r.operations) result += ", operations = " + std::to_string(*r.operations);
    if (r.reads) result += ", reads = " + std::to_string(*r.reads);
    result += "},";
  }
  return result + (c.request_types.empty() ? "]" : "\n]");
}

bool fits_name(const std::string& s) {
  constexpr std::size_t longest = 64;
  return !s.empty() && s.size() <= longest && std::all_of(s.begin(), s.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  });
}

complaint read_actor(const caf::config_value& v, std::vector<named_actor_config>& to) {
  const auto* map = caf::get_if<caf::config_value::dictionary>(&v);
  if (map == nullptr) return "a list of maps such as {name = \"a\", type = \"t\"}; one entry is " + value_text(v);
  named_actor_config a;
  for (const auto& [key, one] : *map) {
    const auto* s = caf::get_if<std::string>(&one);
    if (key == "name" || key == "type") {
      if (s == nullptr || !fits_name(*s))
        return "given names and types of 1 to 64 letters, digits and '-_.', not " + value_text(one);
      (key == "name" ? a.name : a.type) = *s;
    } else {
      a.options[key] = {s != nullptr ? *s : value_text(one), value_text(one)};
    }
  }
  if (a.name.empty() || a.type.empty()) return "given a name and a type each; one lacks it: " + value_text(v);
  for (const auto& other : to)
    if (other.name == a.name) return "given each name once; " + troupe::quoted(a.name) + " is twice";
  to.push_back(std::move(a));
  return {};
}

complaint read_actors(const caf::config_value& v, node_config& c) {
  const auto* list = caf::get_if<caf::config_value::list>(&v);
  if (list == nullptr) return "a list of maps such as [{name = \"a\", type = \"troupe.change-feed\", file = \"f\"}]";
  std::vector<named_actor_config> actors;
  for (const auto& one : *list) {
    if (auto wrong = read_actor(one, actors)) return wrong;
  }
  c.actors = std::move(actors);
  return {};
}

std::string print_actors(const node_config& c) {
  std::string result = "[";
  for (const auto& a : c.actors) {
    result += "\n  {name = " + quoted(a.name) + ", type = " + quoted(a.type);
    for (const auto& [key, value] : a.options) result += ", " + key + " = " + value.written;
    result += "},";
  }
  return result + (c.actors.empty() ? "]" : "\n]");
}

complaint need(bool good, const char* wanted) { return good ? complaint{} : complaint{wanted}; }

std::vector<configuration_field> make_fields() {
  using c = node_config;
  constexpr std::int64_t many = 1'000'000'000'000;
  return {
      whole_number("id", &c::id, 1, 255, "of this node, one of members"),
      text(
          "ensemble", "name; a data directory of another ensemble is refused",
          [](const std::string& s, c& to) {
            to.ensemble = s;
            return need(!s.empty() && s.size() <= 255, "a string of 1 to 255 bytes");
          },
          [](const c& from) { return from.ensemble; }),
      text(
          "data-dir", "relative to the configuration file",
          [](const std::string& s, c& to) {
            to.data_dir = s;
            return need(!s.empty(), "the path of a directory, a string");
          },
          [](const c& from) { return from.data_dir.string(); }),
      text(
          "client-address", "what to listen on for clients; \"0.0.0.0\" for all of the machine's addresses",
          [](const std::string& s, c& to) {
            to.client_address = s;
            return need(!s.empty(), "a name or an address without a port, a string");
          },
          [](const c& from) { return from.client_address; }),
      whole_number("client-port", &c::client_port, 1, 65535, "port for clients"),
      whole_number("actor-port", &c::actor_port, 0, 65535, "port for clients that are actors; 0: none"),
      text(
          "actor-address", "what to listen on for actor clients; default: client-address",
          [](const std::string& s, c& to) {
            to.actor_address = s;
            return need(!s.empty(), "a name or an address without a port, a string");
          },
          [](const c& from) { return from.actor_address; }),
      text(
          "peer-address", "what to listen on for peers; default: our own address in members",
          [](const std::string& s, c& to) {
            to.peer_address = parse_endpoint(s);
            return need(to.peer_address.has_value(), "host:port, a string such as \"0.0.0.0:3181\"");
          },
          [](const c& from) { return from.peer_address ? from.peer_address->text() : std::string{}; }),
      {"members", "of the ensemble; none: the node is alone", read_members, print_members},
      duration("tick", &c::tick_ms, 10, 60'000, "unit of session expiry"),
      duration("min-session-timeout", &c::min_session_timeout_ms, 1, day_ms, "default: 2 ticks"),
      duration("max-session-timeout", &c::max_session_timeout_ms, 1, day_ms, "default: 20 ticks"),
      duration("init-timeout", &c::init_timeout_ms, 10, day_ms,
               "a learner may take so long to join without progress; default: 10 ticks"),
      duration("sync-timeout", &c::sync_timeout_ms, 10, day_ms, "silence after which leader and learner part"),
      duration("ping-interval", &c::ping_interval_ms, 1, day_ms, "leader to learners"),
      duration("election-finalize-wait", &c::election_finalize_ms, 1, 60'000, "for a better vote"),
      duration("link-heartbeat", &c::link_heartbeat_ms, 1, day_ms, "between peers that have nothing to say"),
      duration("link-timeout", &c::link_timeout_ms, 10, day_ms,
               "silence after which a connection between peers is cut"),
      whole_number("snapshot-distance", &c::snapshot_distance, 1, many, "transactions between checkpoints"),
      size("snapshot-distance-bytes", &c::snapshot_distance_bytes, 1, std::size_t{1} << 50,
           "of log between checkpoints, if that comes first"),
      whole_number("log-retain", &c::log_retain, 0, many, "records kept behind the checkpoint for nodes that lag"),
      size("log-retain-bytes", &c::log_retain_bytes, 0, std::size_t{1} << 50, "kept of those, at most"),
      size("map-size", &c::map_size_bytes, std::size_t{16} << 20, std::size_t{1} << 44,
           "bound of each of the two databases; address space, not disk"),
      size("min-free-space", &c::min_free_bytes, 0, std::size_t{1} << 50, "on the disk; below it writes are refused"),
      flag("ballast", &c::ballast, "keep 64 MiB to free when the disk is full"),
      whole_number("max-client-connections", &c::max_client_connections, 0, 1'000'000, "from one address; 0: no bound"),
      whole_number("max-connections", &c::max_connections, 1, 1'000'000, "client connections in all"),
      whole_number("max-outstanding", &c::max_outstanding, 1, 100'000'000,
                   "requests in this node; past it no client is read"),
      size("max-request-size", &c::max_request_bytes, 1024, gateway::group_limit, "of a client's frame"),
      {"four-letter-words", "that are answered; [\"*\"]: all", read_words, print_words},
      {"plugins", "shared objects to load at start; relative to the configuration file", read_plugins, print_plugins},
      {"request-types", "limits that differ from a type's own", read_request_types, print_request_types},
      {"actors", "of one's own in this node: name, type, what the type wants to know", read_actors, print_actors},
      flag("host-actors-on-io-thread", &c::host_actors_on_io_thread, "false: on CAF's workers"),
      text(
          "log-level", "trace, debug, info, warn or error",
          [](const std::string& s, c& to) {
            to.log_level = s;
            return need(std::find(log_levels.begin(), log_levels.end(), s) != log_levels.end(),
                        "\"trace\", \"debug\", \"info\", \"warn\" or \"error\"");
          },
          [](const c& from) { return from.log_level; }),
      text(
          "pid-file", "written at start; relative to the configuration file",
          [](const std::string& s, c& to) {
            to.pid_file = s;
            return need(!s.empty(), "the path of a file, a string");
          },
          [](const c& from) { return from.pid_file.string(); }),
  };
}

}  // namespace

const std::vector<configuration_field>& configuration_fields() {
  static const std::vector<configuration_field> fields = make_fields();
  return fields;
}

}  // namespace troupe
