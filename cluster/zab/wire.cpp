/// Messages as flat Cap'n Proto (schema/zab.capnp, schema/election.capnp). Encoding builds in place: the words that a
/// message takes are counted first, so that one allocation and one pass suffice also for thousands of records.

#include <capnp/message.h>
#include <capnp/serialize.h>

#include <stdexcept>
#include <string>

#include "cluster/zab/messages.hpp"
#include "schema/election.capnp.h"
#include "schema/zab.capnp.h"

namespace troupe::zab {

namespace {

template <class... F>
struct overloaded : F... {
  using F::operator()...;
};
template <class... F>
overloaded(F...) -> overloaded<F...>;

constexpr std::size_t words(std::size_t bytes) { return (bytes + 7) / 8; }
template <class T>
constexpr std::size_t struct_words() {
  return capnp::_::structSize<T>().total();
}

/// One segment inside the string that will be the frame, behind the 8 bytes of the segment table.
class frame_builder final : public capnp::MessageBuilder {
 public:
  explicit frame_builder(std::size_t n) : frame_(8 + 8 * n, '\0'), words_(n) {}

  kj::ArrayPtr<capnp::word> allocateSegment(unsigned least) override {
    if (taken_ || least > words_)
      throw std::logic_error("zab frame counted as " + std::to_string(words_) + " words is too small by " +
                             std::to_string(least));
    taken_ = true;
    return {reinterpret_cast<capnp::word*>(frame_.data() + 8), words_};
  }

  std::string finish() {
    auto n = static_cast<std::uint32_t>(getSegmentsForOutput()[0].size());
    std::uint32_t table[2] = {0, n};  // one segment; little-endian, as are all machines that Troupe runs on
    std::memcpy(frame_.data(), table, sizeof table);
    frame_.resize(8 + 8 * std::size_t{n});
    return std::move(frame_);
  }

 private:
  std::string frame_;
  std::size_t words_;
  bool taken_ = false;
};

template <class Text>
capnp::Data::Reader raw(const Text& s) {
  return {reinterpret_cast<const kj::byte*>(s.data()), s.size()};
}
capnp::Text::Reader text(const std::string& s) { return {s.c_str(), s.size()}; }

std::size_t body_words(const message& m) {
  return std::visit(overloaded{
                        [](const follower_info&) { return struct_words<wire::FollowerInfo>(); },
                        [](const ack_epoch&) { return struct_words<wire::AckEpoch>(); },
                        [](const snap_chunk& c) { return struct_words<wire::SnapChunk>() + words(c.chunk.size()); },
                        [](const proposals& p) {
                          auto n =
                              struct_words<wire::Proposals>() + 1 + p.records.size() * struct_words<wire::Record>();
                          for (auto& r : p.records) n += words(r.payload.size());
                          return n;
                        },
                        [](const pong& p) { return struct_words<wire::Pong>() + p.touched.size(); },
                        [](const requests& q) {
                          auto n = 1 + q.list.size() * struct_words<wire::Request>();
                          for (auto& r : q.list) {
                            n += words(r.body.size());
                            if (!r.creds || r.creds->empty()) continue;
                            n += 1 + r.creds->size() * struct_words<wire::Credential>();
                            for (auto& c : *r.creds) n += words(c.scheme.size() + 1) + words(c.name.size() + 1);
                          }
                          return n;
                        },
                        [](const replies& q) {
                          auto n = 1 + q.list.size() * struct_words<wire::Reply>();
                          for (auto& r : q.list) n += words(r.body.size());
                          return n;
                        },
                        [](const auto&) { return std::size_t{0}; },
                    },
                    m.body);
}

void fill(wire::Zab::Builder out, const message& m) {
  out.setEpoch(m.epoch);
  std::visit(overloaded{
                 [&](const follower_info& v) {
                   auto b = out.initFollowerInfo();
                   b.setAcceptedEpoch(v.accepted_epoch), b.setLastZxid(v.last), b.setObserver(v.observer);
                 },
                 [&](const leader_info&) { out.setLeaderInfo(); },
                 [&](const ack_epoch& v) {
                   auto b = out.initAckEpoch();
                   b.setCurrentEpoch(v.current_epoch), b.setLastZxid(v.last), b.setRepeated(v.repeated);
                 },
                 [&](const trunc& v) { out.setTrunc(v.to); },
                 [&](const truncated& v) { out.setTruncated(v.last); },
                 [&](const snap_chunk& v) {
                   auto b = out.initSnapChunk();
                   b.setZxid(v.zxid), b.setIndex(v.index), b.setLast(v.last), b.setChunk(raw(v.chunk));
                 },
                 [&](const snap_ack& v) { out.setSnapAck(v.index); },
                 [&](const proposals& v) {
                   auto b = out.initProposals();
                   b.setCommit(v.commit);
                   auto list = b.initRecords(static_cast<unsigned>(v.records.size()));
                   unsigned i = 0;
                   for (auto& r : v.records) {
                     auto to = list[i++];
                     to.setZxid(r.zxid), to.setPayload(raw(r.payload));
                   }
                 },
                 [&](const new_leader& v) { out.setNewLeader(v.last); },
                 [&](const ack_new_leader&) { out.setAckNewLeader(); },
                 [&](const up_to_date& v) { out.setUpToDate(v.commit); },
                 [&](const ack& v) { out.setAck(v.last); },
                 [&](const commit_up_to& v) { out.setCommit(v.commit); },
                 [&](const ping& v) { out.setPing(v.serial); },
                 [&](const pong& v) {
                   auto b = out.initPong();
                   b.setSerial(v.serial);
                   auto list = b.initTouched(static_cast<unsigned>(v.touched.size()));
                   for (unsigned i = 0; i < list.size(); ++i) list.set(i, v.touched[i]);
                 },
                 [&](const requests& v) {
                   auto list = out.initRequests(static_cast<unsigned>(v.list.size()));
                   unsigned i = 0;
                   for (auto& r : v.list) {
                     auto to = list[i++];
                     to.setId(r.id), to.setSession(r.session), to.setXid(r.xid),
                         to.setOp(static_cast<std::int32_t>(r.op));
                     to.setBody(raw(r.body));
                     if (!r.creds || r.creds->empty()) continue;
                     auto creds = to.initCredentials(static_cast<unsigned>(r.creds->size()));
                     for (unsigned k = 0; k < creds.size(); ++k)
                       creds[k].setScheme(text((*r.creds)[k].scheme)), creds[k].setName(text((*r.creds)[k].name));
                   }
                 },
                 [&](const replies& v) {
                   auto list = out.initReplies(static_cast<unsigned>(v.list.size()));
                   unsigned i = 0;
                   for (auto& r : v.list) {
                     auto to = list[i++];
                     to.setId(r.id), to.setError(static_cast<std::int32_t>(r.error)), to.setAfter(r.after);
                     to.setBody(raw(r.body));
                   }
                 },
             },
             m.body);
}

/// A frame to read: aligned (copied if it is not), of whole words, and with a limit on what reading may traverse: a
/// well-formed message touches every word once.
class frame_reader {
 public:
  explicit frame_reader(const shared_bytes& f)
      : frame_(f.aligned() ? f : shared_bytes::copy_of(f.view())), reader_(checked(frame_), options(frame_)) {}

  template <class T>
  typename T::Reader root() {
    return reader_.getRoot<T>();
  }
  shared_bytes slice(capnp::Data::Reader d) const {
    return {frame_.owner(), reinterpret_cast<const char*>(d.begin()), d.size()};
  }

 private:
  static kj::ArrayPtr<const capnp::word> checked(const shared_bytes& f) {
    if (f.size() < 16 || f.size() % 8)
      throw std::runtime_error("a frame of " + std::to_string(f.size()) + " bytes is no Cap'n Proto message");
    return {reinterpret_cast<const capnp::word*>(f.data()), f.size() / 8};
  }
  static capnp::ReaderOptions options(const shared_bytes& f) { return {2 * (f.size() / 8) + 64, 16}; }

  shared_bytes frame_;
  capnp::FlatArrayMessageReader reader_;
};

zxid_t zxid(std::int64_t v) {
  if (v < 0) throw std::runtime_error("a zab message carries the negative zxid " + std::to_string(v));
  return v;
}

std::string bytes(capnp::Data::Reader d) { return {reinterpret_cast<const char*>(d.begin()), d.size()}; }
std::string string(capnp::Text::Reader t) { return {t.begin(), t.size()}; }

proposals read_proposals(wire::Proposals::Reader in, const frame_reader& frame) {
  proposals out;
  out.commit = zxid(in.getCommit());
  auto list = in.getRecords();
  out.records.reserve(list.size());
  for (auto r : list) out.records.push_back({zxid(r.getZxid()), frame.slice(r.getPayload())});
  return out;
}

requests read_requests(capnp::List<wire::Request>::Reader list) {
  requests out;
  out.list.reserve(list.size());
  for (auto r : list) {
    commit::forwarded_request q;
    q.id = r.getId(), q.session = r.getSession(), q.xid = r.getXid(), q.op = static_cast<zk::op>(r.getOp());
    q.body = bytes(r.getBody());
    tree::credentials creds;
    for (auto c : r.getCredentials()) creds.push_back({string(c.getScheme()), string(c.getName())});
    q.creds = std::make_shared<const tree::credentials>(std::move(creds));
    out.list.push_back(std::move(q));
  }
  return out;
}

replies read_replies(capnp::List<wire::Reply>::Reader list) {
  replies out;
  out.list.reserve(list.size());
  for (auto r : list)
    out.list.push_back({r.getId(), static_cast<zk::err>(r.getError()), zxid(r.getAfter()), bytes(r.getBody())});
  return out;
}

}  // namespace

std::string encode(const message& m) {
  frame_builder frame(1 + struct_words<wire::Zab>() + body_words(m));
  fill(frame.initRoot<wire::Zab>(), m);
  return frame.finish();
}

message decode_message(const shared_bytes& bytes_of_frame) {
  frame_reader frame(bytes_of_frame);
  auto in = frame.root<wire::Zab>();
  message m;
  m.epoch = in.getEpoch();
  switch (in.which()) {
    case wire::Zab::FOLLOWER_INFO: {
      auto b = in.getFollowerInfo();
      m.body = follower_info{b.getAcceptedEpoch(), zxid(b.getLastZxid()), b.getObserver()};
      break;
    }
    case wire::Zab::LEADER_INFO:
      m.body = leader_info{};
      break;
    case wire::Zab::ACK_EPOCH: {
      auto b = in.getAckEpoch();
      m.body = ack_epoch{b.getCurrentEpoch(), zxid(b.getLastZxid()), b.getRepeated()};
      break;
    }
    case wire::Zab::TRUNC:
      m.body = trunc{zxid(in.getTrunc())};
      break;
    case wire::Zab::TRUNCATED:
      m.body = truncated{zxid(in.getTruncated())};
      break;
    case wire::Zab::SNAP_CHUNK: {
      auto b = in.getSnapChunk();
      m.body = snap_chunk{zxid(b.getZxid()), b.getIndex(), b.getLast(), frame.slice(b.getChunk())};
      break;
    }
    case wire::Zab::SNAP_ACK:
      m.body = snap_ack{in.getSnapAck()};
      break;
    case wire::Zab::PROPOSALS:
      m.body = read_proposals(in.getProposals(), frame);
      break;
    case wire::Zab::NEW_LEADER:
      m.body = new_leader{zxid(in.getNewLeader())};
      break;
    case wire::Zab::ACK_NEW_LEADER:
      m.body = ack_new_leader{};
      break;
    case wire::Zab::UP_TO_DATE:
      m.body = up_to_date{zxid(in.getUpToDate())};
      break;
    case wire::Zab::ACK:
      m.body = ack{zxid(in.getAck())};
      break;
    case wire::Zab::COMMIT:
      m.body = commit_up_to{zxid(in.getCommit())};
      break;
    case wire::Zab::PING:
      m.body = ping{in.getPing()};
      break;
    case wire::Zab::PONG: {
      auto b = in.getPong();
      auto list = b.getTouched();
      pong p{b.getSerial(), {}};
      p.touched.reserve(list.size());
      for (auto id : list) p.touched.push_back(id);
      m.body = std::move(p);
      break;
    }
    case wire::Zab::REQUESTS:
      m.body = read_requests(in.getRequests());
      break;
    case wire::Zab::REPLIES:
      m.body = read_replies(in.getReplies());
      break;
    default:
      throw std::runtime_error("a zab message of the unknown kind " + std::to_string(in.which()));
  }
  return m;
}

std::string encode(const notification& n) {
  frame_builder frame(1 + struct_words<wire::Notification>());
  auto b = frame.initRoot<wire::Notification>();
  b.setState(static_cast<wire::State>(n.state));
  b.setLeader(n.leader), b.setZxid(n.zxid), b.setEpoch(n.epoch), b.setRound(n.round);
  return frame.finish();
}

notification decode_notification(const shared_bytes& bytes_of_frame) {
  frame_reader frame(bytes_of_frame);
  auto in = frame.root<wire::Notification>();
  if (in.getState() > wire::State::OBSERVING) throw std::runtime_error("a notification of an unknown state");
  return {static_cast<notification::state_t>(in.getState()), in.getLeader(), zxid(in.getZxid()), in.getEpoch(),
          in.getRound()};
}

}  // namespace troupe::zab
