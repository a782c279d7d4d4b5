/// Records of the log (records.capnp Transaction), applied to a database as the commit processor does it. A record that
/// does not fit must be refused by an exception, which stops the node; one that is taken must leave a tree that is whole
/// and that a checkpoint can hold.
///
/// The input: one byte of modes, then records: as they stand in a log, or as packed changes that are built into one.

#include <kj/exception.h>

#include "cluster/commit/commit_processor.hpp"
#include "cluster/commit/transaction_builder.hpp"
#include "tests/fuzz/tables.hpp"
#include "tests/fuzz/without_stacks.hpp"

namespace {

using namespace troupe;

std::string_view read_path(fuzz::input& in) {
  static constexpr std::string_view some[] = {"/", "/a", "/a/b", "/a/c", "/a/b/d", "/zookeeper", "/zookeeper/quota",
                                              ""};
  auto n = in.u8();
  return n < 0x80 ? some[n % std::size(some)] : in.bytes(n & 15u);
}

shared_bytes build(fuzz::input& in, commit::transaction_builder& builder) {
  builder.clear();
  for (auto n = in.u8() & 3; n >= 0; --n) {
    commit::change_draft d;
    auto packed = in.u8();
    d.what = static_cast<commit::change_draft::kind>(packed % 7);
    d.op = packed & 8 ? zk::op::create : zk::op::set_data;
    d.path = read_path(in);
    if (packed & 16) d.data = in.string();
    if (packed & 32) d.acl = packed & 64 ? tree::canonical({{1, {"ip", "::1"}}}) : std::string(in.string());
    auto s = in.u8();
    d.session = s == 0xff ? in.i64() : s & 3;
    d.number = packed & 128 ? in.i32() : s >> 2;
    builder.changes.push_back(std::move(d));
  }
  return builder.build(1, 1, 1, in.u8());
}

void fuzz_one(std::string_view bytes) {
  fuzz::without_stacks quiet;
  fuzz::input in(bytes);
  commit::transaction_builder builder;
  commit::commit_processor node({.self = 1}, std::make_unique<tree::database>(), 1);
  commit::effects fx;
  node.on_role(commit::role::following, fx);
  fuzz::tables stored;
  zxid_t zxid = 0;
  auto modes = in.u8();
  while (!in.empty()) {
    auto payload = modes & 1 ? shared_bytes::copy_of(in.string()) : build(in, builder);
    fx.clear();
    try {
      node.on_committed({{make_zxid(1, static_cast<std::uint32_t>(++zxid)), payload}}, fx);
    } catch (const kj::Exception&) {
      return;
    } catch (const std::logic_error& e) {
      FUZZ_CHECK(std::string_view(e.what()).find("diverged") != std::string_view::npos, e.what());
      return;
    }
    if (modes & 2) stored.take(node.database());
  }
  stored.take(node.database());
  fuzz::check_tree(node.database());
  tree::database copy;
  stored.load(copy, node.database().zxid());
  fuzz::check_tree(copy);
  fuzz::check_same(copy, node.database());
}

}  // namespace

TROUPE_FUZZER(transactions);
