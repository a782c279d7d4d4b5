#include <capnp/serialize.h>

#include <algorithm>
#include <iterator>

#include "cluster/commit/overlay.hpp"
#include "cluster/commit/transaction_builder.hpp"
#include "schema/records.capnp.h"

namespace troupe::commit {

namespace {

std::string_view view(bool there, capnp::Data::Reader d) {
  if (!there) return {};
  auto* bytes = reinterpret_cast<const char*>(d.begin());
  return {bytes ? bytes : "", d.size()};
}

/// The data that a change of a pending transaction sets. They lie in the transaction's bytes.
std::string_view data_in(const shared_bytes& transaction, std::uint32_t change) {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = 1024 + transaction.size();
  capnp::FlatArrayMessageReader message(
      kj::arrayPtr(reinterpret_cast<const capnp::word*>(transaction.data()), transaction.size() / sizeof(capnp::word)),
      options);
  auto c = message.getRoot<wire::Transaction>().getChanges()[change];
  if (c.isCreate()) return view(c.getCreate().hasData(), c.getCreate().getData());
  return view(c.getSetData().hasData(), c.getSetData().getData());
}

bool directly_below(std::string_view path, std::string_view parent) {
  return path.size() > parent.size() + 1 && path.starts_with(parent) && path[parent.size()] == '/' &&
         path.find('/', parent.size() + 1) == path.npos;
}

}  // namespace

std::string_view overlay::data_of(std::string_view path, const transaction_builder& preparing) const {
  if (auto it = nodes_.find(path); it != nodes_.end()) {
    auto& n = it->second.state;
    if (n.data_txn == current()) return preparing.changes[n.data_change].data;
    if (n.data_txn > applied_) return data_in(transactions_[n.data_txn - applied_ - 1], n.data_change);
  }
  auto* n = db_->find(path);
  return n ? db_->data_of(*n) : std::string_view{};
}

std::vector<std::string> overlay::children_of(std::string_view path) const {
  std::vector<std::string> names, gone, out;
  if (auto* n = db_->find(path)) {
    names.reserve(db_->child_count(*n));
    db_->for_each_child(*n, [&](std::string_view name) { names.emplace_back(name); });
  }
  if (nodes_.contains(path)) {  // a change of its children leaves an entry of its own
    auto below = path == "/" ? std::string_view{} : path;
    for (auto& [child, entry] : nodes_)
      if (directly_below(child, below)) (entry.state.exists ? names : gone).push_back(child.substr(below.size() + 1));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (gone.empty()) return names;
  std::sort(gone.begin(), gone.end());
  std::set_difference(std::make_move_iterator(names.begin()), std::make_move_iterator(names.end()), gone.begin(),
                      gone.end(), std::back_inserter(out));
  return out;
}

}  // namespace troupe::commit
