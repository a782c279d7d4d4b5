// What goes into one frame, driven step by step: peers cut a link on which a frame is too large, so nothing that clients ask may
// make one.

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "stepwise_node.hpp"

using namespace troupe;
using namespace troupe::zab;

namespace {

constexpr std::size_t megabyte = std::size_t{1} << 20;

/// Node 2 of three, which follows leader 1.
struct follower : node {
  follower() : node(2, 3) {
    link(1);
    peer.follow(1, now_ms, fx);
    hear(1, 1, leader_info{}), disk();
    hear(1, 1, new_leader{0}), disk();
    hear(1, 1, up_to_date{0});
    REQUIRE(peer.role() == commit::role::following);
    fx.clear();
  }
  /// The ids in each frame of requests.
  std::vector<std::vector<std::uint64_t>> forward(std::vector<commit::forwarded_request> list) {
    fx.clear();
    peer.forward(std::move(list), now_ms, fx);
    std::vector<std::vector<std::uint64_t>> out;
    for (auto& s : fx.send) {
      out.emplace_back();
      for (auto& r : std::get<requests>(s.what.body).list) out.back().push_back(r.id);
    }
    return out;
  }
};

commit::forwarded_request request(std::uint64_t id, std::size_t bytes) {
  return {id, 1, 1, zk::op::create, std::string(bytes, 'x'), nullptr};
}

using frames = std::vector<std::vector<std::uint64_t>>;

}  // namespace

TEST_CASE("forwarded requests go out in one frame if they are small, and in several if not, in their order") {
  follower f;
  CHECK(f.forward({request(1, 10), request(2, 10), request(3, 10)}) == frames{{1, 2, 3}});
  CHECK(f.forward({request(1, 10), request(2, megabyte), request(3, 10), request(4, 10)}) == frames{{1}, {2}, {3, 4}});
}

TEST_CASE("the identities of its client count for the size of a forwarded request") {
  follower f;
  auto creds = std::make_shared<tree::credentials>(tree::credentials{{"digest", std::string(megabyte / 2, 'n')}});
  std::vector<commit::forwarded_request> list;
  for (std::uint64_t id = 1; id <= 4; ++id) {
    list.push_back(request(id, 10));
    list.back().creds = creds;
  }
  CHECK(f.forward(list) == frames{{1}, {2}, {3}, {4}});
}

TEST_CASE("answers for a follower's clients go out in frames that peers take, in their order") {
  node n(1, 3, {1, 1, 0, 0});
  n.link(2), n.link(3);
  n.peer.lead(0, n.fx);
  for (node_id id : {2, 3}) n.hear(id, 0, follower_info{1}), n.disk();
  for (node_id id : {2, 3}) n.hear(id, 2, ack_epoch{1}), n.disk();
  for (node_id id : {2, 3}) n.hear(id, 2, ack_new_leader{}), n.disk();
  REQUIRE(n.peer.role() == commit::role::leading);
  for (std::size_t body : {std::size_t{10}, megabyte}) {
    std::vector<commit::prepared> list;
    constexpr std::uint64_t many = 1'000;
    for (std::uint64_t id = 1; id <= many; ++id)
      list.push_back({{}, 2, {id, zk::err::ok, 0, std::string(body, 'p')}, false});
    n.fx.clear();
    n.peer.submit(std::move(list), 0, n.fx);
    std::uint64_t last = 0;
    for (auto& s : n.fx.send) {
      std::size_t bytes = 0;
      for (auto& r : std::get<replies>(s.what.body).list) {
        CHECK(r.id == ++last);
        bytes += r.body.size();
      }
      CHECK(bytes < 32 * megabyte);
    }
    CHECK(last == many);
    CHECK(n.fx.send.size() < (body == 10 ? 10 : many + 1));
  }
}
