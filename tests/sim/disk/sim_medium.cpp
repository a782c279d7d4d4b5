// The files and tables that persistence/ sees. Every handle belongs to one incarnation of the node: after a crash it
// throws instead of touching the disk, so that what the dead node's destructors do has no effect.
#include <algorithm>
#include <cerrno>

#include "persistence/file_io.hpp"
#include "tests/sim/disk/disk_state.hpp"

namespace troupe::sim {

namespace {

using persistence::fail_file;
using state = disk::state;

class open_file : public persistence::file {
 public:
  open_file(state& d, sim_file& f, std::filesystem::path name)
      : disk_(d), incarnation_(d.incarnation), file_(f), name_(std::move(name)) {}

  std::size_t size() const override {
    disk_.require(incarnation_);
    return file_.size();
  }
  std::string read_at(std::size_t size, std::size_t offset) const override {
    disk_.require(incarnation_);
    return file_.read(size, offset);
  }

  void write_at(std::string_view bytes, std::size_t offset) override {
    disk_.require(incarnation_);
    auto v = disk_.next(state::op::write);
    if (v.crash) {
      // Sectors may be lost from a power cut anyway. kill -9 may find the kernel in the middle of the copy.
      file_.write(disk_.armed == crash::power ? bytes : some_pages(bytes, offset), offset);
      disk_.crash_now();
    }
    auto end = offset + bytes.size();
    if (!v.error && end > file_.size() && end - file_.size() > disk_.free()) {
      disk_.count("disk full");
      fail_file(name_, "write", ENOSPC);
    }
    if (v.error) {
      file_.write(some_pages(bytes, offset), offset);
      fail_file(name_, "write", v.error);
    }
    file_.write(bytes, offset);
  }

  void sync() override {
    disk_.require(incarnation_);
    auto v = disk_.next(state::op::sync);
    if (v.crash) disk_.crash_now();
    if (v.error) {
      file_.failed_sync(disk_.chance);
      fail_file(name_, "sync", v.error);
    }
    file_.sync();
  }

 private:
  // What an interrupted write has copied: whole pages of the kernel, from the first.
  std::string_view some_pages(std::string_view bytes, std::size_t offset) const {
    auto pages = (offset + bytes.size() + page_bytes - 1) / page_bytes - offset / page_bytes;
    auto end = (offset / page_bytes + disk_.below(pages + 1)) * page_bytes;
    return bytes.substr(0, end > offset ? end - offset : 0);
  }

  state& disk_;
  std::uint64_t incarnation_;
  sim_file& file_;
  std::filesystem::path name_;
};

class cursor : public persistence::table_cursor {
 public:
  cursor(const rows& table, sim_tables* writable, std::size_t index)
      : table_(table), writable_(writable), index_(index) {}

  bool first() override { return at(table_.begin()); }
  bool last() override { return at(table_.empty() ? table_.end() : std::prev(table_.end())); }
  bool next() override { return at(at_ == table_.end() ? at_ : std::next(at_)); }
  bool prev() override { return at(at_ == table_.begin() ? table_.end() : std::prev(at_)); }
  bool at_or_after(std::uint64_t key) override { return at(table_.lower_bound(key)); }
  void erase() override {
    if (!writable_) throw std::logic_error("sim: erase through the cursor of a reader");
    writable_->erase(index_, key_);
    at_ = table_.end();
  }

 private:
  bool at(rows::const_iterator i) {
    at_ = i;
    if (i == table_.end()) return false;
    key_ = i->first, value_ = i->second;
    return true;
  }
  const rows& table_;
  sim_tables* writable_;
  std::size_t index_;
  rows::const_iterator at_;
};

class txn : public persistence::table_txn {
 public:
  txn(state& d, sim_tables& t, const std::filesystem::path& file, mode m)
      : disk_(d), incarnation_(d.incarnation), tables_(t), file_(file), writer_(m == mode::write) {
    if (!writer_) return;
    if (tables_.writing) throw std::logic_error(file.string() + ": a second write transaction");
    tables_.writing = true;
  }
  ~txn() override { abort(); }

  std::optional<std::string_view> get(std::size_t table, std::uint64_t key) override {
    auto& t = look_at(table);
    auto found = t.find(key);
    return found == t.end() ? std::nullopt : std::optional<std::string_view>(found->second);
  }
  void put(std::size_t table, std::uint64_t key, std::string_view value) override { change().put(table, key, value); }
  char* reserve(std::size_t table, std::uint64_t key, std::size_t size, bool append) override {
    auto& t = change();
    if (append && !t.table(table).empty() && t.table(table).rbegin()->first >= key) return nullptr;
    return t.reserve(table, key, size);
  }
  bool erase(std::size_t table, std::uint64_t key) override { return change().erase(table, key); }
  void clear(std::size_t table) override { change().clear(table); }
  std::unique_ptr<persistence::table_cursor> cursor(std::size_t table) override {
    return std::make_unique<sim::cursor>(look_at(table), writer_ ? &tables_ : nullptr, table);
  }

  void commit() override {
    auto& t = change();
    if (t.changed()) {
      part(state::op::write);
      part(state::op::sync);
      part(state::op::synced_write);
      t.commit();
    }
    writer_ = false, t.writing = false;
  }

 private:
  const rows& look_at(std::size_t table) {
    disk_.require(incarnation_);
    return writer_ ? tables_.table(table) : tables_.committed(table);
  }
  sim_tables& change() {
    disk_.require(incarnation_);
    if (!writer_) throw std::logic_error(file_.string() + ": a change in a transaction that reads or has ended");
    return tables_;
  }
  void abort() {
    if (!writer_ || incarnation_ != disk_.incarnation) return;
    tables_.rollback();
    writer_ = false, tables_.writing = false;
  }
  // Until the meta page it never was; once the write of that has begun, nobody knows.
  void part(state::op what) {
    auto v = disk_.next(what);
    bool meta = what == state::op::synced_write;
    if (!v.crash && !v.error && !meta && tables_.grown_bytes() - tables_.file_bytes() > disk_.free())
      disk_.count("disk full"), v.error = EIO;
    if (!v.crash && !v.error) return;
    if (meta) {
      auto whole = disk_.coin();
      disk_.count(whole ? "commit cut off, whole" : "commit cut off, lost");
      if (whole) tables_.commit();
    }
    if (v.crash) disk_.crash_now();
    abort();
    fail_file(file_, "commit", v.error);
  }

  state& disk_;
  std::uint64_t incarnation_;
  sim_tables& tables_;
  const std::filesystem::path& file_;
  bool writer_;
};

class store : public persistence::table_store {
 public:
  store(state& d, const std::filesystem::path& directory, std::size_t tables)
      : disk_(d), file_(directory / "data.mdb"), tables_(d.content.tables[directory.filename().string()]) {
    if (!tables_.exists()) {
      for (auto part : {state::op::write, state::op::sync, state::op::synced_write, state::op::sync}) {
        auto v = d.next(part);
        if (v.crash) d.crash_now();
        if (v.error) fail_file(file_, part == state::op::sync ? "sync" : "open", v.error);
      }
      tables_.create(tables);
    }
    if (tables_.missing)
      throw persistence::storage_error(file_.string() + ": truncated: has " +
                                       std::to_string(tables_.file_bytes() - tables_.missing) + " bytes, needs " +
                                       std::to_string(tables_.file_bytes()) + "; " +
                                       std::string(persistence::resynchronise_advice));
  }

  std::unique_ptr<persistence::table_txn> begin(persistence::table_txn::mode m) override {
    disk_.require(incarnation_);
    return std::make_unique<txn>(disk_, tables_, file_, m);
  }
  const std::filesystem::path& file() const override { return file_; }
  std::size_t used_bytes() const override {
    disk_.require(incarnation_);
    return tables_.used_bytes();
  }
  std::size_t file_bytes() const override {
    disk_.require(incarnation_);
    return tables_.file_bytes();
  }
  std::size_t reusable_bytes() override {
    disk_.require(incarnation_);
    return tables_.file_bytes() - tables_.used_bytes();
  }
  void ensure_room(std::size_t) override {}
  void grow() override {}
  void drop_resident() override {}
  void reopen() override {}

 private:
  state& disk_;
  std::filesystem::path file_;
  sim_tables& tables_;
  std::uint64_t incarnation_ = disk_.incarnation;
};

class disk_medium : public persistence::medium {
 public:
  explicit disk_medium(state& d) : disk_(d) {}

  std::unique_ptr<persistence::file> open(const std::filesystem::path& name, mode m) override {
    auto key = name.filename().string();
    auto at = disk_.content.files.find(key);
    if (at == disk_.content.files.end()) {
      if (m == mode::read || m == mode::write) return nullptr;
      at = disk_.content.files.emplace(key, named_file{name.parent_path(), {}}).first;
    } else if (m == mode::truncate) {
      at->second.content.truncate();
    }
    return std::make_unique<open_file>(disk_, at->second.content, name);
  }

  bool exists(const std::filesystem::path& name) const override {
    auto& c = disk_.content;
    if (name.filename() != "data.mdb") return c.files.contains(name.filename().string());
    auto t = c.tables.find(name.parent_path().filename().string());
    return t != c.tables.end() && t->second.exists();
  }

  void sync_directory(const std::filesystem::path& directory) override {
    auto v = disk_.next(state::op::sync);
    if (v.crash) disk_.crash_now();
    if (v.error) fail_file(directory, "sync", v.error);
    for (auto& [key, f] : disk_.content.files)
      if (f.directory == directory) f.content.sync_name();
  }

  std::unique_ptr<persistence::table_store> open_tables(const std::filesystem::path& directory, std::size_t,
                                                        const std::vector<const char*>& tables) override {
    return std::make_unique<store>(disk_, directory, tables.size());
  }

  std::uint64_t fresh_id() override {
    std::uint64_t id = 0;
    while (id == 0) id = disk_.chance();
    return id;
  }

 private:
  state& disk_;
};

}  // namespace

std::unique_ptr<persistence::medium> make_medium(disk::state& d) { return std::make_unique<disk_medium>(d); }

}  // namespace troupe::sim
