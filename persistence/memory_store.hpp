#pragma once
/// log_store and state_store in memory, for tests: what the real ones are compared with. The rules of the interface are
/// checked as in LMDB's; nothing can rot, and copying the object is taking an image of the disk.

#include <map>

#include "persistence/log_store.hpp"
#include "persistence/state_chunk.hpp"
#include "persistence/state_store.hpp"

namespace troupe::persistence {

class memory_log : public log_store {
 public:
  zab::log_state state() const override { return state_; }
  zxid_t unfinished_install() const override { return install_; }
  void write(std::span<const zab::persist_op>) override;
  zab::zab_peer::log_read_result read(zxid_t after, std::size_t max_bytes) override;
  void trim(zxid_t upto) override;
  zxid_t last_but(std::size_t records, std::size_t bytes) const override;
  std::size_t size_bytes() const override { return bytes_; }

 private:
  void apply(const zab::persist_op&);
  void erase(std::map<zxid_t, shared_bytes>::iterator);
  zab::log_state state_;
  zxid_t install_ = 0;
  std::map<zxid_t, shared_bytes> records_;
  std::size_t bytes_ = 0;
};

class memory_state : public state_store {
 public:
  zxid_t zxid() const override { return zxid_; }
  bool installed() const { return installed_; }
  void write(const tree::state_delta&) override;
  std::unique_ptr<tree::database> load() override;
  zab::snap_chunk read_chunk(std::uint32_t index, std::size_t max_bytes) override;
  bool install_chunk(const zab::snap_chunk&) override;
  std::size_t size_bytes() const override;

 private:
  using key = std::pair<std::size_t, std::uint64_t>;  ///< position in table_order, key
  std::map<key, std::string> entries_, incoming_;     ///< stored form
  zxid_t zxid_ = 0, incoming_zxid_ = 0;
  std::uint32_t incoming_next_ = 0;
  bool installed_ = false;
  std::vector<key> places_;
  std::size_t places_max_bytes_ = 0;
};

}  // namespace troupe::persistence
