#include "fixture.hpp"

#include <capnp/message.h>

#include "persistence/log_store.hpp"

namespace troupe::sim {

using persistence::log_store;
using persistence::state_store;

std::string payload_of(zxid_t z, std::size_t size) {
  auto s = "<payload of " + persistence::zxid_text(z) + ">";
  s.resize(std::max(size, s.size()), 'x');
  return s;
}

zab::append_records records(epoch_t epoch, std::uint32_t from, std::uint32_t to, std::size_t size) {
  zab::append_records out;
  for (auto i = from; i <= to; ++i)
    out.records.push_back({make_zxid(epoch, i), shared_bytes::copy_of(payload_of(make_zxid(epoch, i), size))});
  return out;
}

void model::settle() {
  auto marker = log.unfinished_install();
  if (marker == 0) return;
  zab::persist_op op = zab::begin_install{0};
  if (state.zxid() == marker && state.installed()) op = zab::reset_log{marker};
  log.write({&op, 1});
}

namespace {

void create_nodes(tree::database& db, std::uint32_t from, std::uint32_t to) {
  std::vector<tree::applied_change> out;
  for (auto i = from; i <= to; ++i) {
    capnp::MallocMessageBuilder message;
    auto txn = message.initRoot<wire::Transaction>();
    txn.setTimeMs(1000 + i);
    auto change = txn.initChanges(1)[0];
    change.setOp(static_cast<std::int32_t>(zk::op::create));
    change.setPath("/n" + std::to_string(i));
    auto create = change.initCreate();
    auto data = payload_of(i, 60);
    create.setData({reinterpret_cast<const kj::byte*>(data.data()), data.size()});
    create.setParentCreates(static_cast<std::int32_t>(i));
    db.apply(make_zxid(1, i), txn.asReader(), out);
  }
}

class script_builder {
 public:
  std::vector<step> take() { return std::move(steps_); }

  void ops(const std::string& name, std::vector<zab::persist_op> list) {
    steps_.push_back({name, [list](log_store& log, state_store&) { log.write(list); }});
  }
  void trim(zxid_t upto) {
    steps_.push_back({"trim", [upto](log_store& log, state_store&) { log.trim(upto); }});
  }
  void read(zxid_t after) {
    steps_.push_back({"read", [after](log_store& log, state_store&) { log.read(after, 4000); }});
  }
  // What changed in db_ since the last one, as a checkpoint of `zxid`.
  void checkpoint(zxid_t zxid) {
    auto delta = std::make_shared<tree::state_delta>(db_.take_delta());
    delta->zxid = zxid;
    steps_.push_back({"checkpoint", [delta](log_store&, state_store& state) { state.write(*delta); }});
  }
  void chunks(zxid_t zxid, std::uint32_t nodes, bool all) {
    persistence::memory_state leader;
    tree::database db;
    create_nodes(db, 1, nodes);
    auto delta = db.take_delta();
    delta.zxid = zxid;
    leader.write(delta);
    for (std::uint32_t i = 0;; ++i) {
      auto c = leader.read_chunk(i, 1500);
      steps_.push_back({"chunk", [c](log_store&, state_store& state) { state.install_chunk(c); }});
      if (c.last || !all) break;
    }
  }
  tree::database& db() { return db_; }

 private:
  std::vector<step> steps_;
  tree::database db_;
};

std::vector<step> build() {
  script_builder s;
  s.ops("epoch 1", {zab::set_accepted_epoch{1}, zab::set_current_epoch{1}});
  std::uint32_t n = 0;
  auto append = [&](epoch_t epoch, std::uint32_t count, std::size_t size) {
    s.ops("append", {records(epoch, n + 1, n + count, size)});
    n += count;
  };
  for (auto size : {20, 100, 600, 2000, 5000, 100, 100}) append(1, 1 + n % 4, static_cast<std::size_t>(size));
  create_nodes(s.db(), 1, 6);
  s.checkpoint(make_zxid(1, 6));
  s.trim(make_zxid(1, 4));
  append(1, 3, 100);
  s.ops("idle", {});
  append(1, 2, 100);
  s.read(make_zxid(1, 5));
  append(1, 12, 4000);
  s.ops("accepted epoch 2", {zab::set_accepted_epoch{2}});
  append(1, 1, 100);
  n -= 3;
  s.ops("truncate", {zab::truncate_after{make_zxid(1, n)}});
  append(1, 2, 50);
  n -= 1;
  s.ops("truncate, append, epoch", {zab::truncate_after{make_zxid(1, n)}, records(2, 1, 3), zab::set_current_epoch{2}});
  n = 3;
  for (int i = 0; i < 6; ++i) append(2, 2, 300);
  create_nodes(s.db(), 7, 20);
  s.checkpoint(make_zxid(2, 5));
  s.trim(make_zxid(2, 4));
  append(2, 1, 100);
  s.ops("accepted epoch 3", {zab::set_accepted_epoch{3}});
  s.ops("begin install", {zab::begin_install{make_zxid(3, 50)}});
  s.chunks(make_zxid(3, 50), 40, true);
  s.ops("reset", {zab::reset_log{make_zxid(3, 50)}, zab::set_current_epoch{3}});
  n = 50;
  for (int i = 0; i < 3; ++i) append(3, 1, 200);
  s.ops("begin install", {zab::begin_install{make_zxid(3, 90)}});
  s.chunks(make_zxid(3, 90), 10, false);
  s.ops("give up", {zab::begin_install{0}});
  append(3, 2, 200);
  tree::database fresh;
  s.db().take_delta();
  create_nodes(s.db(), 21, 41);
  s.checkpoint(make_zxid(3, 55));
  s.trim(make_zxid(3, 54));
  append(3, 1, 200);
  append(3, 1, 200);
  return s.take();
}

std::vector<model> run_through() {
  std::vector<model> out(1);
  for (auto& s : script()) {
    out.push_back(out.back());
    s.run(out.back().log, out.back().state);
  }
  return out;
}

}  // namespace

const std::vector<step>& script() {
  static const std::vector<step> s = build();
  return s;
}

const std::vector<model>& states() {
  static const std::vector<model> s = run_through();
  return s;
}

std::string difference(persistence::storage& found, model want) {
  want.settle();
  auto a = found.log->state(), b = want.log.state();
  auto differ = [](const char* what, auto x, auto y) {
    return std::string(what) + ": found " + std::to_string(x) + " instead of " + std::to_string(y);
  };
  if (a.accepted_epoch != b.accepted_epoch) return differ("accepted epoch", a.accepted_epoch, b.accepted_epoch);
  if (a.current_epoch != b.current_epoch) return differ("current epoch", a.current_epoch, b.current_epoch);
  if (a.last != b.last) return differ("end", a.last, b.last);
  if (a.base > b.base) return differ("base", a.base, b.base);
  if (found.log->unfinished_install() != 0) return "an install is not settled";
  if (found.state->zxid() != want.state.zxid()) return differ("checkpoint", found.state->zxid(), want.state.zxid());
  if (!found.log->read(a.base, SIZE_MAX).at_end) return "the log cannot be read to its end";
  auto x = found.log->read(b.base, SIZE_MAX), y = want.log.read(b.base, SIZE_MAX);
  if (x.records.size() != y.records.size()) return differ("records", x.records.size(), y.records.size());
  for (std::size_t i = 0; i < x.records.size(); ++i)
    if (x.records[i].zxid != y.records[i].zxid || x.records[i].payload.view() != y.records[i].payload.view())
      return "record " + persistence::zxid_text(y.records[i].zxid) + " differs";
  auto db = want.state.load();
  if (found.database->node_count() != db->node_count())
    return differ("znodes", found.database->node_count(), db->node_count());
  if (found.database->data_size() != db->data_size())
    return differ("data", found.database->data_size(), db->data_size());
  return {};
}

std::size_t run(disk& d, persistence::storage& s) {
  std::size_t done = 0;
  try {
    for (; done < script().size(); ++done) {
      script()[done].run(*s.log, *s.state);
      auto now = d.durable().state();
      auto& want = states()[done + 1];
      REQUIRE(now.last == want.log.state().last);
      REQUIRE(now.accepted_epoch == want.log.state().accepted_epoch);
      REQUIRE(now.current_epoch == want.log.state().current_epoch);
      REQUIRE(d.durable().checkpoint() == want.state.zxid());
      if (now.last > want.log.state().base) REQUIRE(d.durable().find(now.last).has_value());
    }
  } catch (const crashed&) {
    REQUIRE(d.down());
  }
  return done;
}

std::size_t recovered(disk& d, const persistence::storage_settings& settings, std::size_t done) {
  auto s = open_storage(d, settings);
  auto text = difference(s, states()[done]);
  if (text.empty()) return done;
  CAPTURE(text);
  REQUIRE(done < script().size());
  REQUIRE(difference(s, states()[done + 1]) == "");
  return done + 1;
}

std::uint64_t operations_of_script(std::size_t journal_bytes) {
  seeded_disk x(1);
  auto s = open_storage(x.d, node_with(journal_bytes));
  REQUIRE(run(x.d, s) == script().size());
  return x.d.operations();
}

}  // namespace troupe::sim
