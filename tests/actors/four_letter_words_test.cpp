#include "actors/gateway/four_letter_words.hpp"

#include <doctest/doctest.h>

#include <regex>

#include "tests/actors/gateway_fixture.hpp"

using namespace troupe;
using namespace troupe::testing;

namespace {

std::string ask(gateway_fixture& f, std::string_view word) {
  client c(f.port);
  c.send(word);
  return c.read_all();
}

const std::string not_serving = "This ZooKeeper instance is not currently serving requests\n";

}  // namespace

TEST_CASE("a node without a leader says that it does not serve, and that it lives") {
  gateway_fixture f;
  CHECK(ask(f, "ruok") == "imok");
  CHECK(ask(f, "isro") == "null");
  for (auto* word : {"srvr", "stat", "mntr", "cons", "dirs", "wchs"}) CHECK(ask(f, word) == not_serving);
}

TEST_CASE("srvr, stat and mntr have the lines that tools parse") {
  gateway_fixture f;
  f.lead();
  f.stats.zxid = 0x300000007, f.stats.node_count = 5;
  auto srvr = ask(f, "srvr");
  CHECK(std::regex_search(srvr,
                          std::regex("^Zookeeper version: [0-9]+\\.[0-9]+\\.[0-9]+-.*, built on .*\n"
                                     "Latency min/avg/max: [0-9]+/[0-9.]+/[0-9]+\nReceived: [0-9]+\nSent: [0-9]+\n"
                                     "Connections: 1\nOutstanding: 0\nZxid: 0x300000007\nMode: leader\nNode count: 5\n"
                                     "Proposal sizes last/min/max: -1/-1/-1\n$")));
  CHECK(ask(f, "isro") == "rw");
  CHECK(ask(f, "mntr").find("zk_server_state\tleader\n") != std::string::npos);
  CHECK(ask(f, "mntr").find("zk_znode_count\t5\n") != std::string::npos);
  CHECK(ask(f, "envi").find("\nzookeeper.version=3.9.0-") != std::string::npos);
}

TEST_CASE("cons and stat list a session with its id and its numbers") {
  gateway_fixture f;
  f.lead();
  client c(f.port);
  std::string response;  // the echo of this is read as a ConnectResponse: protocolVersion, timeOut, sessionId
  jute::writer w(response);
  w.i32(0), w.i32(30'000), w.i64(0x1000000000000abc), w.buffer(std::string(16, 'p'));
  c.send(frame(response));
  REQUIRE(c.read(response.size() + 4) == frame(response));
  auto cons = ask(f, "cons");
  CHECK(std::regex_search(
      cons, std::regex(" /127\\.0\\.0\\.1:[0-9]+\\[1\\]\\(queued=0,recved=1,sent=1,sid=0x1000000000000abc,lop=SESS,"
                       "est=[0-9]+,to=30000,lcxid=0x0,lzxid=0x0,lresp=[0-9]+,llat=[0-9]+,minlat=[0-9]+,"
                       "avglat=[0-9]+,maxlat=[0-9]+\\)\n")));
  CHECK(std::regex_search(ask(f, "stat"),
                          std::regex("\nClients:\n( /127\\.0\\.0\\.1:[0-9]+\\[[01]\\]\\(queued=0,recved=[0-9]+,"
                                     "sent=[0-9]+\\)\n)+\nLatency")));
}

TEST_CASE("a word that is not allowed or not ours is refused in ZooKeeper's words, others close the connection") {
  gateway::options o;
  o.words = {"ruok"};
  gateway_fixture f(o);
  f.lead();
  CHECK(ask(f, "ruok") == "imok");
  CHECK(ask(f, "srvr") == "srvr is not executed because it is not in the whitelist.\n");
  CHECK(ask(f, "xyzw").empty());
}

TEST_CASE("a four-letter word may be followed by a newline, as people type it") {
  gateway_fixture f;
  CHECK(ask(f, "ruok\n") == "imok");
}

TEST_CASE("conf answers what the node was given") {
  gateway::options o;
  o.conf = "clientPort=2181\ndataDir=/x\n";
  gateway_fixture f(o);
  f.lead();
  CHECK(ask(f, "conf") == "clientPort=2181\ndataDir=/x\n");
}
