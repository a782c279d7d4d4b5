#include "actors/node/configuration.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <utility>

namespace troupe {
namespace {

namespace fs = std::filesystem;

configuration_result parse(const std::string& text) {
  node_actor_config caf;
  return parse_configuration(text, "node.conf", "/somewhere", caf);
}

/// The one error of a [troupe] group that has a data directory and these lines, from line 3 on.
std::string complaint(const std::string& lines) {
  const auto result = parse("[troupe]\ndata-dir = \"data\"\n" + lines + "\n");
  REQUIRE(result.errors.size() == 1);
  CHECK(result.errors[0].find('\n') == std::string::npos);
  return result.errors[0];
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

struct temporary_directory {
  fs::path path;
  temporary_directory() {
    std::string name = (fs::temp_directory_path() / "troupe-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~temporary_directory() { fs::remove_all(path); }
};

const char* const three_members =
    "members = [\n  {id = 1, address = \"127.0.0.1:3181\"},  ; the first\n"
    "  {id = 3, address = \"[::1]:3183\", role = \"observer\", weight = 0},\n"
    "  {id = 2, address = \"h:3182\", weight = 7}\n]";

TEST_CASE("a file that says only where the data is gives a node alone with ZooKeeper's defaults") {
  const auto [c, errors] = parse("[troupe]\ndata-dir = \"data\"\n");
  REQUIRE(errors.empty());
  CHECK(c.data_dir == "/somewhere/data");
  CHECK(c.alone());
  CHECK(c.client_port == 2181);
  CHECK(c.tick_ms == 2000);
  CHECK(c.min_session_timeout_ms == 4000);
  CHECK(c.max_session_timeout_ms == 40000);
  CHECK(c.init_timeout_ms == 20000);
  CHECK(c.membership().members.size() == 1);
  CHECK_FALSE(c.peer_address);
}

TEST_CASE("session bounds that are not set follow the tick, those that are set stay") {
  const auto [c, errors] = parse("[troupe]\ndata-dir = \"/d\"\ntick = 100ms\nmax-session-timeout = 5s\n");
  REQUIRE(errors.empty());
  CHECK(c.min_session_timeout_ms == 200);
  CHECK(c.max_session_timeout_ms == 5000);
  CHECK(c.init_timeout_ms == 1000);
}

TEST_CASE("there is no actor port unless it is asked for, and it listens where the client port does") {
  CHECK(parse("[troupe]\ndata-dir = \"d\"\n").config.actor_port == 0);
  const auto one = parse("[troupe]\ndata-dir = \"d\"\nactor-port = 4181\nclient-address = \"h\"\n").config;
  CHECK(one.actor_port == 4181);
  CHECK(one.actor_address == "h");
  CHECK(parse("[troupe]\ndata-dir = \"d\"\nactor-address = \"::1\"\n").config.actor_address == "::1");
}

TEST_CASE("actors of one's own are read with what their types want to know, and printed so that it is read again") {
  const std::string lines =
      "actors = [{name = \"audit\", type = \"troupe.change-feed\", file = \"a \\\"b\\\".jsonl\", sync = \"never\"},\n"
      "  {name = \"other\", type = \"mine\", often = 2s, count = 7, loud = true}]\n";
  node_actor_config caf;
  const auto [c, errors] = parse("[troupe]\ndata-dir = \"d\"\n" + lines);
  REQUIRE(errors.empty());
  CHECK(c.directory == "/somewhere");
  std::ostringstream printed;
  print_configuration(printed, c, caf);
  const auto again = parse(printed.str());
  REQUIRE(again.errors.empty());
  for (const auto* actors : {&c.actors, &again.config.actors}) {
    REQUIRE(actors->size() == 2);
    const auto& audit = (*actors)[0];
    CHECK(audit.name == "audit");
    CHECK(audit.type == "troupe.change-feed");
    CHECK(audit.options.size() == 2);
    CHECK(audit.options.at("file").text == "a \"b\".jsonl");
    CHECK(audit.options.at("sync").text == "never");
    const auto& other = (*actors)[1];
    CHECK(other.options.at("often").text == "2s");
    CHECK(other.options.at("count").text == "7");
    CHECK(other.options.at("loud").text == "true");
  }
  CHECK(parse("[troupe]\ndata-dir = \"d\"\n").config.actors.empty());
}

TEST_CASE("actors that are not named, not of a type, or named alike are refused") {
  CHECK(contains(complaint("actors = \"audit\""), "'actors' must be a list of maps"));
  CHECK(contains(complaint("actors = [\"audit\"]"), "one entry is \"audit\""));
  CHECK(contains(complaint("actors = [{name = \"a\"}]"), "one lacks it"));
  CHECK(contains(complaint("actors = [{type = \"a\"}]"), "one lacks it"));
  CHECK(contains(complaint("actors = [{name = \"a b\", type = \"t\"}]"), "not \"a b\""));
  CHECK(contains(complaint("actors = [{name = 7, type = \"t\"}]"), "not 7"));
  CHECK(contains(complaint("actors = [{name = \"a\", type = \"t\"}, {name = \"a\", type = \"u\"}]"), "\"a\" is twice"));
}

TEST_CASE("members are read with their roles and weights, and our own address among them is where we listen") {
  const auto [c, errors] = parse("[troupe]\ndata-dir = \"d\"\nid = 2\n" + std::string(three_members) + "\n");
  REQUIRE(errors.empty());
  REQUIRE(c.members.size() == 3);
  CHECK(c.members[1].weight == 7);
  CHECK(c.members[2].observer);
  CHECK(c.members[2].address.host == "::1");
  CHECK(c.members[2].address.text() == "[::1]:3183");
  CHECK_FALSE(c.observer());
  REQUIRE(c.peer_address);
  CHECK(c.peer_address->text() == "h:3182");
}

TEST_CASE("an unknown key is refused with its line and the key that was probably meant") {
  const auto e = complaint("tik = 2s");
  CHECK(contains(e, "node.conf:3: unknown key 'tik' in group 'troupe'"));
  CHECK(contains(e, "did you mean 'tick'?"));
}

TEST_CASE("a value of the wrong type is refused whatever the type of the key") {
  CHECK(contains(complaint("id = \"one\""), "'id' must be a whole number from 1 to 255 (found \"one\")"));
  CHECK(contains(complaint("id = 256"), "from 1 to 255"));
  CHECK(contains(complaint("client-port = 65536"), "'client-port' must be"));
  CHECK(contains(complaint("actor-port = 65536"), "'actor-port' must be a whole number from 0 to 65535"));
  CHECK(contains(complaint("actor-address = \"\""), "'actor-address' must be a name or an address"));
  CHECK(contains(complaint("tick = 2000"), "'tick' must be a duration"));
  CHECK(contains(complaint("tick = 1us"), "'tick' must be a duration in whole milliseconds"));
  CHECK(contains(complaint("ballast = \"yes\""), "'ballast' must be true or false"));
  CHECK(contains(complaint("ensemble = 7"), "'ensemble' must be a string"));
  CHECK(contains(complaint("min-free-space = 256"), "'min-free-space' must be a size"));
  CHECK(contains(complaint("min-free-space = \"99999999999999TiB\""), "'min-free-space' must be a size"));
  CHECK(contains(complaint("max-request-size = \"17MiB\""), "'max-request-size' must be a size"));
  CHECK(contains(complaint("four-letter-words = \"srvr\""), "'four-letter-words' must be a list"));
  CHECK(contains(complaint("log-level = \"loud\""), "'log-level' must be \"trace\""));
  CHECK(contains(complaint("members = 3"), "'members' must be a list of maps"));
}

TEST_CASE("members that make no ensemble are refused") {
  CHECK(contains(complaint("members = [{id = 1}]"), "member 1 has none"));
  CHECK(contains(complaint("members = [{address = \"a:1\"}]"), "one has none"));
  CHECK(contains(complaint("members = [{id = 1, address = \"a\"}]"), "not \"a\""));
  CHECK(contains(complaint("members = [{id = 1, address = \"a:1\", rank = 1}]"), "'rank' is unknown"));
  CHECK(contains(complaint("members = [{id = 1, address = \"a:1\"}, {id = 1, address = \"b:1\"}]"), "1 is twice"));
  CHECK(contains(complaint("members = [{id = 1, address = \"a:1\"}, {id = 2, address = \"a:1\"}]"), "a:1 is twice"));
  CHECK(contains(complaint("members = [{id = 2, address = \"a:1\"}]"), "lacks this node's own id 1"));
  CHECK(contains(complaint("members = [{id = 1, address = \"a:1\", role = \"observer\"}]"), "no voter"));
  CHECK(contains(complaint("peer-address = \"127.0.0.1:3181\""), "'members' is missing"));
}

TEST_CASE("keys that contradict each other are refused") {
  CHECK(contains(complaint("min-session-timeout = 50s"), "must not exceed"));
  CHECK(contains(complaint("ping-interval = 4s"), "less than half of 'sync-timeout'"));
  CHECK(contains(complaint("link-timeout = 1s"), "less than half of 'link-timeout'"));
  CHECK(contains(complaint("client-port = 5\nactor-port = 5"), "actor clients and others cannot share the address"));
  CHECK(contains(complaint("actor-port = 5\nactor-address = \"a\"\n"
                           "members = [{id = 1, address = \"a:5\"}, {id = 2, address = \"b:1\"}]"),
                 "actor clients and peers cannot share the address a:5"));
}

TEST_CASE("a key that is set twice is refused, since CAF would silently take the first") {
  CHECK(
      contains(complaint("id = 1\nclient-port = 5\nid = 2"), "node.conf:5: 'troupe.id' is set twice; first on line 3"));
}

TEST_CASE("each of several errors gets a line of its own") {
  const auto result = parse("[troupe]\ntick = 1\nid = 0\nfoo = 1\n[bar]\nx = 1\n");
  CHECK(result.errors.size() == 4);
}

TEST_CASE("a missing data directory is named") {
  const auto result = parse("[troupe]\nid = 1\n");
  REQUIRE(result.errors.size() == 1);
  CHECK(contains(result.errors[0], "'data-dir' is missing"));
}

TEST_CASE("a syntax error is told with its line, and a comment with # by its name") {
  CHECK(contains(complaint("# hello"), "node.conf:3: syntax error at column"));
  CHECK(contains(complaint("# hello"), "a comment starts with ';'"));
}

TEST_CASE("CAF's own groups work beside ours and are checked as strictly") {
  node_actor_config caf;
  const auto good = parse_configuration("[troupe]\ndata-dir=\"d\"\n[scheduler]\nmax-threads = 3\n", "f", "/", caf);
  REQUIRE(good.errors.empty());
  CHECK(caf::get_or(caf, "scheduler.max-threads", std::int64_t{0}) == 3);
  CHECK(caf::get_or(caf, "scheduler.policy", caf::atom("none")) == caf::atom("sharing"));

  CHECK(contains(complaint("[scheduler]\nmax-threads = \"3\""), "'scheduler.max-threads' must be a whole number"));
  CHECK(contains(complaint("[scheduler]\nmax-threads = 0"), "from 1 to 1024"));
  CHECK(contains(complaint("[scheduler]\nmax-thread = 3"), "did you mean 'max-threads'?"));
  CHECK(contains(complaint("[scheduler]\npolicy = 'lazy'"), "must be 'sharing' or 'stealing'"));
  CHECK(contains(complaint("[sheduler]\nx = 1"), "unknown group 'sheduler'; did you mean 'scheduler'?"));
}

TEST_CASE("the configuration that is printed reads back as the same configuration") {
  node_actor_config caf;
  const auto text = "[troupe]\nid = 2\ndata-dir = \"/a \\\"b\\\"\"\ntick = 1500ms\nmap-size = \"1GiB\"\n" +
                    std::string(three_members) + "\n[scheduler]\nmax-threads = 3\n";
  const auto first = parse_configuration(text, "f", "/", caf);
  REQUIRE(first.errors.empty());
  std::ostringstream once, twice;
  print_configuration(once, first.config, caf);
  node_actor_config again;
  const auto second = parse_configuration(once.str(), "printed", "/", again);
  CHECK(second.errors == std::vector<std::string>{});
  print_configuration(twice, second.config, again);
  CHECK(once.str() == twice.str());
  CHECK(contains(once.str(), "tick = 1500ms\n"));
  CHECK(contains(once.str(), "data-dir = \"/a \\\"b\\\"\"\n"));
  CHECK(contains(once.str(), "max-threads = 3\n"));
}

TEST_CASE("a file that is not there is an error that names it") {
  node_actor_config caf;
  const auto result = load_configuration("/nonexistent/node.conf", caf);
  REQUIRE(result.errors.size() == 1);
  CHECK(contains(result.errors[0], "/nonexistent/node.conf: cannot be read: No such file"));
}

TEST_CASE("preflight names a port that is taken, and leaves nothing behind") {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(::listen(fd, 1) == 0);
  REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  temporary_directory temporary;
  node_config c;
  c.data_dir = temporary.path / "a" / "b";
  c.client_port = ntohs(address.sin_port);
  const auto errors = preflight(c, 0);
  REQUIRE(errors.size() == 1);
  CHECK(contains(errors[0], "127.0.0.1:" + std::to_string(c.client_port) + " ('client-port') is in use"));
  CHECK(fs::is_empty(temporary.path));

  c.actor_address = c.client_address, c.actor_port = std::exchange(c.client_port, 0);
  const auto other = preflight(c, 0);
  REQUIRE(other.size() == 1);
  CHECK(contains(other[0], std::to_string(c.actor_port) + " ('actor-port') is in use"));

  ::close(fd);
  CHECK(preflight(c, 0).empty());
  CHECK(fs::is_empty(temporary.path));
}

TEST_CASE("preflight names a data directory that cannot be made, and every other problem too") {
  temporary_directory temporary;
  std::ofstream(temporary.path / "file") << "x";
  node_config c;
  c.client_address = "no-such-host.invalid";
  c.data_dir = temporary.path / "file" / "data";
  const auto errors = preflight(c, 0);
  REQUIRE(errors.size() == 2);
  CHECK(contains(errors[0], "no-such-host.invalid"));
  CHECK(contains(errors[1], "cannot be made or written: Not a directory"));

  c.client_address = "127.0.0.1";
  c.client_port = 0;  // any
  c.data_dir = temporary.path / "file";
  CHECK(preflight(c, 0) ==
        std::vector<std::string>{"the data directory " + c.data_dir.string() + " is not a directory"});
}

}  // namespace
}  // namespace troupe
