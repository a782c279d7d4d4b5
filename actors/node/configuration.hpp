#pragma once
/// The configuration of one node: what a file may say, what holds when it says nothing, and what is wrong with it.
///
/// A file is CAF's own configuration format (INI) with a group `troupe`, beside CAF's own groups (`scheduler`, ...).
/// CAF ignores a value of the wrong type in a file and keeps keys that nobody declared; so this reads the file a second
/// time and refuses both. Every problem found is one line; nothing is created before all checks have passed.

#include <caf/actor_system_config.hpp>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cluster/zab/membership.hpp"
#include "schema/ids.hpp"

namespace troupe {

struct endpoint {
  std::string host;  ///< a name or an address; IPv6 without its brackets
  std::uint16_t port = 0;
  std::string text() const;  ///< "host:port", "[host]:port" for IPv6
};

/// "host:port" or "[ipv6]:port", port 1 to 65535.
std::optional<endpoint> parse_endpoint(const std::string&);

struct member_config {
  node_id id = 0;
  endpoint address;  ///< where its peers reach it
  bool observer = false;
  std::uint32_t weight = 1;  ///< of its vote, 0 to 1000
};

/// An actor of one's own in the node (actors/extension/node_actor.hpp).
struct named_actor_config {
  std::string name, type;
  struct value {
    std::string text;     ///< what the actor gets: of a string what is in it, of everything else as it is written
    std::string written;  ///< in the file's syntax
  };
  std::map<std::string, value> options;
};

/// Limits of a request type that differ from its own.
struct request_type_config {
  std::string name;
  std::uint16_t version = 0;  ///< 0: all
  std::optional<std::size_t> request_bytes, reply_bytes, operations, reads;
  std::optional<std::int64_t> time_ms;
};

/// Durations are milliseconds and positive, sizes are bytes, whatever the file wrote them in. In the comments: the key
/// in group `troupe`, [its default]. README.md has the same table for users.
struct node_config {
  // ---- who
  node_id id = 1;                   ///< id [1]: 1 to 255
  std::string ensemble = "troupe";  ///< ensemble ["troupe"]: a data directory of another ensemble is refused
  std::filesystem::path data_dir;   ///< data-dir: required; relative to the file's directory, absolute here

  // ---- where
  std::string client_address = "127.0.0.1";  ///< client-address: what to listen on for clients; "0.0.0.0" for all
  std::uint16_t client_port = 2181;          ///< client-port [2181]
  std::uint16_t actor_port = 0;              ///< actor-port [0]: for clients that are actors; 0: none
  std::string actor_address;                 ///< actor-address [client-address]: what to listen on for them
  /// peer-address: "host:port" to listen on for peers; [our own address in members]. Unset if the node is alone.
  std::optional<endpoint> peer_address;
  /// members: list of {id, address, role = "voter"|"observer", weight}, sorted by id here. Empty: the node is alone
  /// (Mode: standalone). A list with one member is an ensemble of one, alone too.
  std::vector<member_config> members;

  // ---- time
  std::int64_t tick_ms = 2000;                  ///< tick [2s]: unit of session expiry, 10 ms to 60 s
  std::int64_t min_session_timeout_ms = 4000;   ///< min-session-timeout [2 ticks]
  std::int64_t max_session_timeout_ms = 40000;  ///< max-session-timeout [20 ticks]
  std::int64_t init_timeout_ms = 20000;    ///< init-timeout [10 ticks]: a learner's synchronisation without progress
  std::int64_t sync_timeout_ms = 5000;     ///< sync-timeout [5s]: silence in ZAB after which a peer is given up
  std::int64_t ping_interval_ms = 500;     ///< ping-interval [500ms]: leader to learners; below sync-timeout / 2
  std::int64_t election_finalize_ms = 50;  ///< election-finalize-wait [50ms]: for a better vote, once there is a quorum
  std::int64_t link_heartbeat_ms = 500;    ///< link-heartbeat [500ms]: a link with nothing to say says so
  std::int64_t link_timeout_ms = 3000;     ///< link-timeout [3s]: silence after which a link is cut; > 2 heartbeats

  // ---- disk
  std::uint64_t snapshot_distance = 100'000;  ///< snapshot-distance [100000]: transactions between checkpoints
  std::size_t snapshot_distance_bytes = std::size_t{64} << 20;  ///< snapshot-distance-bytes ["64MiB"]: of log, or so
  std::uint64_t log_retain = 100'000;  ///< log-retain [100000]: records kept behind the checkpoint for laggards
  std::size_t log_retain_bytes = std::size_t{1} << 30;  ///< log-retain-bytes ["1GiB"]: the same; the lesser holds
  std::size_t map_size_bytes = std::size_t{1}
                               << 36;  ///< map-size ["64GiB"]: of each LMDB environment: address space only
  std::size_t min_free_bytes = std::size_t{256} << 20;  ///< min-free-space ["256MiB"]: below it, writes are refused
  bool ballast = true;                                  ///< ballast [true]: keep 64 MiB to free when the disk is full

  // ---- limits
  std::size_t max_client_connections = 60;  ///< max-client-connections [60]: from one address; 0: no bound of its own
  std::size_t max_connections = 50'000;     ///< max-connections [50000]: client connections in all, at least 1
  std::size_t max_outstanding = 20'000;  ///< max-outstanding [20000]: requests in this node; past it no socket is read
  std::size_t max_request_bytes = 0xfffff;  ///< max-request-size ["1048575B"]: of a client's frame (jute.maxbuffer)
  std::vector<std::string> four_letter_words{"*"};  ///< four-letter-words [["*"]]: those answered; "*": all we have

  // ---- extensions
  /// plugins: list of shared objects (actors/extension/plugin.hpp), relative to the file's directory, absolute here.
  std::vector<std::filesystem::path> plugins;
  /// request-types: list of {name, version, time, request, reply, operations, reads}; only what differs.
  std::vector<request_type_config> request_types;

  /// actors: list of {name, type, and what the type wants to know}
  std::vector<named_actor_config> actors;
  /// Of the file: what an actor's relative paths are relative to.
  std::filesystem::path directory;

  // ---- running
  bool host_actors_on_io_thread = true;  ///< host-actors-on-io-thread [true]: false leaves them to CAF's workers
  std::string log_level = "info";        ///< log-level ["info"]: trace, debug, info, warn, error
  /// pid-file: written at start, for those who start a node by hand and stop it by tool; relative to the file's
  /// directory, absolute here. [none]
  std::filesystem::path pid_file;

  // ---- not in files: other values are for simulations, which are short
  std::size_t window_bytes = std::size_t{8} << 20;  ///< of recent records that a leader keeps in memory
  std::size_t chunk_bytes = std::size_t{1} << 20;   ///< of one frame of records, of one piece of a checkpoint
  std::uint32_t max_counter = 0xffffffff;           ///< last zxid counter of an epoch
  std::uint64_t trim_step = 256;                    ///< records: the log keeps at most that many more than log_retain
  std::int64_t answer_timeout_ms = 300, gather_timeout_ms = 1000;  ///< zab_settings

  // ---- derived
  bool alone() const { return members.size() < 2; }
  bool observer() const;  ///< our own role
  zab::membership membership() const;
};

/// CAF's configuration with our group declared and our default for CAF's (scheduler.policy = 'sharing': no idle spin,
/// no stall behind a busy actor). Holds the file's values after `load_configuration`.
class node_actor_config : public caf::actor_system_config {
 public:
  node_actor_config();
  const caf::config_option_set& options() const { return custom_options_; }
};

struct configuration_result {
  node_config config;
  std::vector<std::string> errors;  ///< one line each, without a newline; empty: config is good
};

/// Reads a file into `caf` and a node_config. Touches nothing but the file.
configuration_result load_configuration(const std::filesystem::path& file, node_actor_config& caf);
/// The same for a text; `directory` is what a relative data-dir is relative to, `name` stands in errors.
configuration_result parse_configuration(const std::string& text, const std::string& name,
                                         const std::filesystem::path& directory, node_actor_config& caf);

/// What would stop the node from starting: ports that are taken, names that do not resolve, a data directory that
/// cannot be made or written. One line each. Leaves nothing behind. Waits up to `patience_ms` for a taken port: a node
/// killed a moment ago still holds its own until the kernel has taken it apart.
std::vector<std::string> preflight(const node_config&, std::int64_t patience_ms = 1000);

/// The effective configuration as a file that says the same, with CAF's groups after ours.
void print_configuration(std::ostream&, const node_config&, const node_actor_config& caf);

}  // namespace troupe
