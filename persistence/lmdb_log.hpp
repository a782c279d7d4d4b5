#pragma once
/// The log in LMDB. DIR/log/data.mdb has two tables:
///
///   records   zxid -> u32 crc32c of the rest, u32 payload length, u64 zxid, payload
///   epochs    0 -> u32 crc32c of the rest, u32 accepted epoch, u32 current epoch, u32 zero, i64 base, i64 install
///   marker
///
/// and DIR/log/high-water stands beside it (high_water.hpp). Little-endian, as Cap'n Proto.
///
/// A crash leaves either all or nothing of a `write`: LMDB's commit. Nothing is ever taken for torn: a record whose
/// checksum is wrong rotted after it was written, and the log says so instead of ending before it.

#include <optional>

#include "persistence/high_water.hpp"
#include "persistence/lmdb_env.hpp"
#include "persistence/log_store.hpp"

namespace troupe::persistence {

struct lmdb_log_settings {
  std::filesystem::path directory;  ///< exists
  std::size_t map_size_bytes = std::size_t{1} << 36;
  /// The file is kept this much longer than used, by zeros written ahead in steps of a quarter of it; 0 = not at all.
  std::size_t extend_bytes = std::size_t{16} << 20;
};

class lmdb_log : public log_store {
 public:
  explicit lmdb_log(lmdb_log_settings);

  zab::log_state state() const override;
  zxid_t unfinished_install() const override;
  void write(std::span<const zab::persist_op>) override;
  zab::zab_peer::log_read_result read(zxid_t after, std::size_t max_bytes) override;
  void trim(zxid_t upto) override;
  bool trim_pending() const override;
  std::size_t size_bytes() const override;

  std::size_t file_bytes() const { return env_.file_bytes(); }

 private:
  struct position {
    zab::log_state state;
    zxid_t install = 0;
    bool leftovers = false;  ///< there are records up to the base
    bool operator==(const position&) const;
  };
  class writer;

  template <class F>
  auto guarded(F&& f);
  void recover();
  void check_high_water(bool fresh) const;
  void write_unguarded(std::span<const zab::persist_op>);
  zab::zab_peer::log_read_result read_unguarded(zxid_t after, std::size_t max_bytes);
  std::string_view verified_payload(zxid_t zxid, std::string_view value) const;
  [[noreturn]] void rotten(zxid_t zxid, const std::string& what) const;

  lmdb_log_settings settings_;
  bool fresh_;  ///< there was no file
  lmdb_env env_;
  high_water high_water_;
  position now_;
  zxid_t trim_to_ = 0;
  std::size_t written_since_drop_ = 0;
  std::optional<std::string> poisoned_;
};

}  // namespace troupe::persistence
