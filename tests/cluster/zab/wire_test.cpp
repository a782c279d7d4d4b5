#include <doctest/doctest.h>
#include <kj/exception.h>

#include <random>

#include "cluster/zab/messages.hpp"

using namespace troupe;
using namespace troupe::zab;

namespace {

shared_bytes bytes(std::string_view s) { return shared_bytes::copy_of(s); }

std::vector<message> one_of_each() {
  auto creds = std::make_shared<const tree::credentials>(tree::credentials{{"ip", "127.0.0.1"}, {"digest", "u:h"}});
  return {
      {0, follower_info{7, make_zxid(7, 3), true}},
      {8, leader_info{}},
      {8, ack_epoch{6, make_zxid(6, 9), true}},
      {8, zab::trunc{make_zxid(6, 4)}},
      {8, truncated{make_zxid(5, 4)}},
      {8, snap_chunk{make_zxid(6, 4), 3, true, bytes("state")}},
      {8, snap_ack{3}},
      {8, proposals{{{make_zxid(8, 1), bytes("one")}, {make_zxid(8, 2), bytes("two, longer than a word")}},
                    make_zxid(7, 1)}},
      {8, proposals{{}, 5}},
      {8, new_leader{make_zxid(8, 2)}},
      {8, ack_new_leader{}},
      {8, up_to_date{9}},
      {8, ack{10}},
      {8, commit_up_to{11}},
      {8, ping{12}},
      {8, pong{12, {1, -2, 3}}},
      {8, requests{{{5, -6, 7, zk::op::set_data, "body of some length", creds},
                    {6, 1, -1, zk::op::close_session, "", nullptr}}}},
      {8, replies{{{5, zk::err::no_node, 13, "x"}, {6, zk::err::ok, 14, ""}}}},
  };
}

/// Decoding ends in a message or in one of the exceptions that messages.hpp names; nothing else may happen.
bool refused(const shared_bytes& frame) {
  try {
    decode_message(frame);
    return false;
  } catch (const kj::Exception&) {
    return true;
  } catch (const std::runtime_error&) {
    return true;
  }
}

}  // namespace

TEST_CASE("every message survives its encoding") {
  for (auto& m : one_of_each()) {
    auto frame = encode(m);
    CHECK(frame.size() % 8 == 0);
    auto back = decode_message(bytes(frame));
    CHECK(back.epoch == m.epoch);
    CHECK(back.body.index() == m.body.index());
    CHECK(encode(back) == frame);
  }
}

TEST_CASE("a decoded message has the values that were encoded") {
  auto all = one_of_each();
  auto p = std::get<proposals>(decode_message(bytes(encode(all[7]))).body);
  REQUIRE(p.records.size() == 2);
  CHECK(p.records[1].zxid == make_zxid(8, 2));
  CHECK(p.records[1].payload.view() == "two, longer than a word");
  CHECK(p.commit == make_zxid(7, 1));
  auto a = std::get<ack_epoch>(decode_message(bytes(encode(all[2]))).body);
  CHECK(a.current_epoch == 6);
  CHECK(a.repeated);
  auto q = std::get<requests>(decode_message(bytes(encode(all[16]))).body);
  REQUIRE(q.list.size() == 2);
  CHECK(q.list[0].body == "body of some length");
  CHECK(q.list[0].creds->at(1).name == "u:h");
  CHECK(q.list[0].session == -6);
  CHECK(q.list[1].op == zk::op::close_session);
  auto r = std::get<replies>(decode_message(bytes(encode(all[17]))).body);
  CHECK(r.list[0].error == zk::err::no_node);
  CHECK(r.list[1].after == 14);
  CHECK(std::get<pong>(decode_message(bytes(encode(all[15]))).body).touched == std::vector<session_id>{1, -2, 3});
}

TEST_CASE("records of a decoded message are slices of its frame") {
  auto frame = bytes(encode(one_of_each()[7]));
  auto p = std::get<proposals>(decode_message(frame).body);
  CHECK(p.records[0].payload.data() > frame.data());
  CHECK(p.records[0].payload.data() < frame.data() + frame.size());
  CHECK(p.records[0].payload.owner() == frame.owner());
  CHECK(p.records[0].payload.aligned());
}

TEST_CASE("a frame that is not aligned is decoded all the same") {
  auto frame = encode(one_of_each()[7]);
  auto shifted = bytes(" " + frame).slice(1, frame.size());
  CHECK(std::get<proposals>(decode_message(shifted).body).records[1].payload.view() == "two, longer than a word");
}

TEST_CASE("a frame of thousands of records is encoded whole") {
  proposals p;
  for (std::uint32_t i = 1; i <= 5000; ++i) p.records.push_back({make_zxid(1, i), bytes(std::string(i % 300, 'x'))});
  auto back = std::get<proposals>(decode_message(bytes(encode(message{1, p}))).body);
  REQUIRE(back.records.size() == 5000);
  CHECK(back.records[4999].zxid == make_zxid(1, 5000));
  CHECK(back.records[298].payload.size() == 299);
}

TEST_CASE("a frame that was cut short is refused") {
  for (auto& m : one_of_each()) {
    auto frame = encode(m);
    for (std::size_t n = 0; n < frame.size(); ++n) CHECK(refused(bytes(frame.substr(0, n))));
  }
}

TEST_CASE("a frame with flipped bits is decoded or refused, and what is decoded can be encoded") {
  std::mt19937 random(1);
  int refusals = 0;
  for (auto& m : one_of_each()) {
    auto frame = encode(m);
    for (int i = 0; i < 3000; ++i) {
      auto bad = frame;
      for (auto flips = 1 + random() % 4; flips; --flips)
        bad[random() % bad.size()] ^= static_cast<char>(1 << random() % 8);
      refusals += refused(bytes(bad));
    }
  }
  CHECK(refusals > 1000);
}

TEST_CASE("a negative zxid is refused") {
  CHECK(refused(bytes(encode(message{1, ack{-1}}))));
  CHECK(refused(bytes(encode(message{1, proposals{{{-5, bytes("x")}}, 0}}))));
}

TEST_CASE("notifications survive their encoding, and malformed ones are refused") {
  notification n{notification::state_t::leading, 3, make_zxid(4, 5), 6, 1ull << 40};
  auto frame = encode(n);
  auto back = decode_notification(bytes(frame));
  CHECK(back.state == n.state);
  CHECK(back.leader == 3);
  CHECK(back.zxid == n.zxid);
  CHECK(back.epoch == 6);
  CHECK(back.round == n.round);
  CHECK_THROWS(decode_notification(bytes(frame.substr(0, 8))));
  n.zxid = -1;
  CHECK_THROWS(decode_notification(bytes(encode(n))));
}
