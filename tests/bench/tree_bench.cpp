/// What a znode costs in memory and an operation in time: `tree_bench [znodes]` (1,000,000 by default, at
/// /zkload/aX/bY/nZ with 100 bytes of data). Times include the reading of the Cap'n Proto transaction, not its
/// building.

#include <capnp/message.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "cluster/tree/database.hpp"

namespace {

using namespace troupe;

std::size_t resident_bytes() {
  std::size_t total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

/// CPU time of this thread, so that other load on the machine counts little.
double now_ns() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

std::string path_of(std::size_t i) {
  return "/zkload/a" + std::to_string(i / 100000) + "/b" + std::to_string(i / 1000 % 100) + "/n" +
         std::to_string(i % 1000);
}

/// Builds batches of transactions of one change each, and applies them with the clock running.
class runner {
 public:
  explicit runner(tree::database& db) : db_(db) {}

  template <class Fill>
  void add(Fill fill) {
    // One change a message, as the log has them; the scratch space is reused from batch to batch.
    auto& m = batch_.emplace_back(std::make_unique<capnp::MallocMessageBuilder>(64));
    auto txn = m->initRoot<wire::Transaction>();
    txn.setTimeMs(1700000000000);
    fill(txn.initChanges(1)[0]);
    if (batch_.size() == 1000) flush();
  }
  void flush() {
    const auto start = now_ns();
    for (auto& m : batch_) {
      out_.clear();
      db_.apply(++zxid_, m->getRoot<wire::Transaction>().asReader(), out_);
    }
    const auto took = now_ns() - start;
    spent_ += took;
    worst_ = std::max(worst_, took / static_cast<double>(std::max<std::size_t>(batch_.size(), 1)));
    done_ += batch_.size();
    batch_.clear();
  }
  void report(const char* what) {
    flush();
    std::printf("%-18s %8.0f ns each, %6.0f in the worst thousand\n", what, spent_ / static_cast<double>(done_),
                worst_);
    spent_ = worst_ = 0, done_ = 0;
  }

 private:
  tree::database& db_;
  std::vector<std::unique_ptr<capnp::MallocMessageBuilder>> batch_;
  std::vector<tree::applied_change> out_;
  zxid_t zxid_ = 0;
  double spent_ = 0, worst_ = 0;
  std::size_t done_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const std::size_t n = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1000000;
  const std::string data(100, 'x');
  const kj::ArrayPtr<const capnp::byte> bytes(reinterpret_cast<const capnp::byte*>(data.data()), data.size());

  tree::database db;
  runner run(db);
  auto create = [&](const std::string& path, std::int32_t creates) {
    run.add([&](wire::Change::Builder c) {
      c.setPath(path.c_str());
      auto b = c.initCreate();
      b.setData(bytes);
      b.setParentCreates(creates);
    });
  };
  create("/zkload", 1);
  for (std::size_t a = 0; a * 100000 < n; ++a) {
    create("/zkload/a" + std::to_string(a), static_cast<std::int32_t>(a + 1));
    for (std::size_t b = 0; b < 100; ++b)
      create("/zkload/a" + std::to_string(a) + "/b" + std::to_string(b), static_cast<std::int32_t>(b + 1));
  }
  run.flush();
  const auto before = resident_bytes();
  for (std::size_t i = 0; i < n; ++i) create(path_of(i), static_cast<std::int32_t>(i % 1000 + 1));
  run.report("create");
  const auto filled = resident_bytes();
  std::printf("%zu znodes: process %.1f MB resident, %.0f bytes a znode\n", db.node_count(), filled / 1e6,
              static_cast<double>(filled - before) / static_cast<double>(n));

  // A full-period walk over all znodes in an order that no cache knows.
  auto scattered = [&](std::size_t i) { return (i * 7368787 + 13) % n; };
  std::vector<std::string> paths(200000);
  for (std::size_t i = 0; i < paths.size(); ++i) paths[i] = path_of(scattered(i));
  std::size_t found = 0;
  auto start = now_ns();
  for (auto& p : paths) found += db.find(p) != nullptr;
  std::printf("%-18s %8.0f ns each (%zu found)\n", "find", (now_ns() - start) / static_cast<double>(paths.size()),
              found);
  std::string reply;
  start = now_ns();
  for (auto& p : paths) {
    reply.clear();
    jute::writer w(reply);
    const auto* z = db.find(p);
    w.buffer(db.data_of(*z));
    write(w, db.stat_of(*z));
  }
  std::printf("%-18s %8.0f ns each\n", "getData", (now_ns() - start) / static_cast<double>(paths.size()));
  start = now_ns();
  for (std::size_t i = 0; i < 1000; ++i) {
    reply.clear();
    jute::writer w(reply);
    db.write_children(*db.find("/zkload/a0/b" + std::to_string(i % 100)), w);
  }
  std::printf("%-18s %8.0f ns each\n", "getChildren (1000)", (now_ns() - start) / 1000);

  auto set_data = [&](std::size_t i, std::int32_t version) {
    run.add([&](wire::Change::Builder c) {
      c.setPath(path_of(i).c_str());
      auto b = c.initSetData();
      b.setData(bytes);
      b.setVersion(version);
    });
  };
  for (std::size_t i = 0; i < n; ++i) set_data(scattered(i), 1);
  run.report("setData, first");
  const auto changed = resident_bytes();
  std::printf("all changed once: process %.1f MB resident\n", changed / 1e6);
  for (std::size_t i = 0; i < n / 4; ++i) set_data(scattered(i), 2);
  run.report("setData, again");
  for (std::size_t i = 0; i < n / 4; ++i)
    run.add([&](wire::Change::Builder c) {
      c.setPath(path_of(scattered(i)).c_str());
      c.setDelete();
    });
  run.report("delete");

  start = now_ns();
  auto delta = db.take_delta();
  std::printf("%-18s %8.0f ns each of %zu entries\n", "take_delta",
              (now_ns() - start) / static_cast<double>(delta.entries.size()), delta.entries.size());
  tree::database copy;
  start = now_ns();
  for (auto& e : delta.entries) copy.load(e);
  copy.loaded(delta.zxid);
  std::printf("%-18s %8.0f ns each, %zu znodes\n", "load",
              (now_ns() - start) / static_cast<double>(delta.entries.size()), copy.node_count());
  return found == paths.size() ? 0 : 1;
}
