#pragma once
/// What a request type of one's own sees of the tree, and does to it (extension::request_context): here on the leader over
/// everything pending, and, for those that only read, over a node's database. Both count what the handler does against the
/// limits of its type, and check the caller's rights as the ordinary requests do.

#include "cluster/commit/overlay.hpp"
#include "cluster/commit/prepare_operation.hpp"
#include "cluster/commit/transaction_builder.hpp"
#include "cluster/extension/request_type.hpp"
#include "cluster/tree/database.hpp"

namespace troupe::commit {

class counting_context : public extension::request_context {
 public:
  counting_context(const commit::caller& who, std::int64_t now_ms, const extension::description& about)
      : session_(who.session), creds_(who.creds.begin(), who.creds.end()), now_ms_(now_ms), about_(about) {}
  session_id session() const final { return session_; }
  const tree::credentials& caller() const final { return creds_; }
  std::int64_t now_ms() const final { return now_ms_; }

 protected:
  void count_reads(std::size_t);
  void count_operation();
  void need_read(const tree::acl_ref&, std::string_view path) const;
  [[noreturn]] static void refuse(zk::err, std::string_view path);
  commit::caller who() const { return {session_, creds_}; }

 private:
  session_id session_;
  tree::credentials creds_;
  std::int64_t now_ms_;
  const extension::description& about_;
  std::size_t reads_ = 0, operations_ = 0;
};

/// Over the database alone: what reads see.
class reading_context final : public counting_context {
 public:
  reading_context(const commit::caller& who, std::int64_t now_ms, const extension::description& about,
                  const tree::database& db)
      : counting_context(who, now_ms, about), db_(db) {}

  std::optional<extension::znode> get(std::string_view path) override;
  bool exists(std::string_view path) override;
  std::vector<std::string> children(std::string_view path) override;
  std::string create(std::string_view, std::string_view, extension::create_mode, const zk::acl_list&) override;
  void set_data(std::string_view, std::string_view, std::int32_t) override;
  void remove(std::string_view, std::int32_t) override;
  void set_acl(std::string_view, const zk::acl_list&, std::int32_t) override;

 private:
  const tree::znode* find(std::string_view path);
  const tree::database& db_;
};

/// Over the overlay, within the transaction that is being prepared: every change is at once part of both. Throws
/// MARSHALLINGERROR when the changes take more than `max_bytes`.
class changing_context final : public counting_context {
 public:
  changing_context(const commit::caller& who, std::int64_t now_ms, const extension::description& about,
                   std::size_t max_bytes, overlay& pending, transaction_builder& txn)
      : counting_context(who, now_ms, about), pending_(pending), txn_(txn), bytes_left_(max_bytes) {}

  std::optional<extension::znode> get(std::string_view path) override;
  bool exists(std::string_view path) override;
  std::vector<std::string> children(std::string_view path) override;
  std::string create(std::string_view, std::string_view, extension::create_mode, const zk::acl_list&) override;
  void set_data(std::string_view, std::string_view, std::int32_t) override;
  void remove(std::string_view, std::int32_t) override;
  void set_acl(std::string_view, const zk::acl_list&, std::int32_t) override;

 private:
  node_state look(std::string_view path);
  void change(operation&);

  overlay& pending_;
  transaction_builder& txn_;
  std::size_t bytes_left_;
};

}  // namespace troupe::commit
