#include "persistence/lmdb_env.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "persistence/file_io.hpp"
#include "persistence/free_pages.hpp"

namespace troupe::persistence {

namespace {

/// LMDB's own table of free pages: the transaction that freed them -> their number, then each. Readers may look.
constexpr MDB_dbi free_pages = 0;

MDB_val val(std::string_view s) { return {s.size(), const_cast<char*>(s.data())}; }
MDB_val val(const std::uint64_t& key) { return {sizeof key, const_cast<std::uint64_t*>(&key)}; }

}  // namespace

// ---- environment

lmdb_env::lmdb_env(std::filesystem::path directory, std::size_t map_size_bytes, std::vector<const char*> tables)
    : directory_(std::move(directory)),
      file_(directory_ / "data.mdb"),
      tables_(std::move(tables)),
      map_size_(std::max<std::size_t>(map_size_bytes, 1u << 20)) {
  open();
}

lmdb_env::~lmdb_env() { close(); }

void lmdb_env::fail(std::string_view operation, int code) const {
  auto text = file_.string() + ": cannot " + std::string(operation) + ": " + mdb_strerror(code) + "; " + advice(code);
  if (code == MDB_MAP_FULL) throw map_full(text);
  throw storage_error(text);
}

void lmdb_env::open() {
  std::error_code ignored;
  auto fresh = !std::filesystem::exists(file_, ignored);
  if (auto rc = mdb_env_create(&env_)) env_ = nullptr, fail("set up", rc);
  try {
    mdb_env_set_mapsize(env_, map_size_);
    mdb_env_set_maxdbs(env_, static_cast<MDB_dbi>(tables_.size()));
    if (auto rc = mdb_env_open(env_, directory_.c_str(), MDB_NORDAHEAD | MDB_NOTLS, 0600)) fail("open", rc);
    MDB_stat st;
    if (auto rc = mdb_env_stat(env_, &st)) fail("open", rc);
    page_size_ = st.ms_psize;
    MDB_envinfo info;
    if (auto rc = mdb_env_info(env_, &info)) fail("open", rc);
    map_size_ = info.me_mapsize;  // larger than asked for if what is there needs more
    if (auto have = file_bytes(); used_bytes() > have && !fresh &&
                                  !pages_are_free(file_, page_size_, have / page_size_, used_bytes() / page_size_))
      throw storage_error(file_.string() + ": truncated: has " + std::to_string(have) + " bytes, needs " +
                          std::to_string(used_bytes()) + "; " + std::string(resynchronise_advice));
    int dead = 0;
    mdb_reader_check(env_, &dead);  // readers of a process that was killed would pin old pages for ever
    handles_.clear();
    MDB_txn* txn = nullptr;
    if (auto rc = mdb_txn_begin(env_, nullptr, 0, &txn)) fail("begin a transaction", rc);
    for (auto name : tables_) {
      MDB_dbi handle;
      if (auto rc = mdb_dbi_open(txn, name, MDB_CREATE | MDB_INTEGERKEY, &handle))
        mdb_txn_abort(txn), fail("open a table", rc);
      handles_.push_back(handle);
    }
    if (auto rc = mdb_txn_commit(txn)) fail("commit", rc);
    if (fresh) sync_directory(directory_);
  } catch (...) {
    close();
    throw;
  }
}

void lmdb_env::close() {
  if (env_) mdb_env_close(env_);
  env_ = nullptr;
}

void lmdb_env::reopen() {
  close();
  ::malloc_trim(0);
  open();
}

std::size_t lmdb_env::used_bytes() const {
  MDB_envinfo info;
  if (auto rc = mdb_env_info(env_, &info)) fail("read its description", rc);
  return (info.me_last_pgno + 1) * page_size_;
}

std::size_t lmdb_env::file_bytes() const {
  struct stat st;
  if (::stat(file_.c_str(), &st) != 0) fail_file(file_, "stat", errno);
  return static_cast<std::size_t>(st.st_size);
}

std::size_t lmdb_env::reusable_bytes() {
  lmdb_txn txn(*this, table_txn::mode::read);
  lmdb_cursor c(txn, free_pages);
  std::size_t pages = 0;
  for (bool any = c.first(); any; any = c.next()) {
    std::size_t n = 0;
    if (c.value().size() >= sizeof n) std::memcpy(&n, c.value().data(), sizeof n);
    pages += n;
  }
  return pages * page_size_;
}

void lmdb_env::ensure_room(std::size_t bytes) {
  // Twice: a page is copied before it changes, and large values take whole pages.
  while (used_bytes() + 2 * bytes + (128u << 10) > map_size_ / 5 * 4) grow();
}

void lmdb_env::grow() {
  drop_resident();
  if (auto rc = mdb_env_set_mapsize(env_, map_size_ * 2)) fail("grow the map", rc);
  map_size_ *= 2;
}

void lmdb_env::drop_resident() {
  // LMDB tells the address of its map only for fixed maps, so that the kernel has to say.
  int fd;
  struct stat st;
  if (mdb_env_get_fd(env_, &fd) != 0 || ::fstat(fd, &st) != 0) return;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> maps(std::fopen("/proc/self/maps", "re"), &std::fclose);
  if (!maps) return;
  char line[4608];
  while (std::fgets(line, sizeof line, maps.get())) {
    unsigned long from, to, inode;
    if (std::sscanf(line, "%lx-%lx r--s %*x %*x:%*x %lu", &from, &to, &inode) != 3 || inode != st.st_ino) continue;
    auto end = std::min<std::size_t>(to - from, file_bytes());
    ::madvise(reinterpret_cast<void*>(from), end, MADV_DONTNEED);
  }
}

std::unique_ptr<table_txn> lmdb_env::begin(table_txn::mode m) { return std::make_unique<lmdb_txn>(*this, m); }

// ---- transaction

lmdb_txn::lmdb_txn(lmdb_env& env, mode m) : env_(env) {
  if (auto rc = mdb_txn_begin(env_.env_, nullptr, m == mode::read ? MDB_RDONLY : 0, &txn_))
    txn_ = nullptr, env_.fail("begin a transaction", rc);
}

lmdb_txn::~lmdb_txn() {
  if (txn_) mdb_txn_abort(txn_);
}

std::optional<std::string_view> lmdb_txn::get(std::size_t table, std::uint64_t key) {
  auto k = val(key);
  MDB_val v;
  auto rc = mdb_get(txn_, env_.handles_[table], &k, &v);
  if (rc == MDB_NOTFOUND) return std::nullopt;
  if (rc) env_.fail("read", rc);
  return std::string_view(static_cast<const char*>(v.mv_data), v.mv_size);
}

void lmdb_txn::put(std::size_t table, std::uint64_t key, std::string_view value) {
  auto k = val(key), v = val(value);
  if (auto rc = mdb_put(txn_, env_.handles_[table], &k, &v, 0)) env_.fail("write", rc);
}

char* lmdb_txn::reserve(std::size_t table, std::uint64_t key, std::size_t size, bool append) {
  auto k = val(key);
  MDB_val v{size, nullptr};
  auto rc = mdb_put(txn_, env_.handles_[table], &k, &v, MDB_RESERVE | (append ? MDB_APPEND : 0));
  if (append && rc == MDB_KEYEXIST) return nullptr;
  if (rc) env_.fail("write", rc);
  return static_cast<char*>(v.mv_data);
}

bool lmdb_txn::erase(std::size_t table, std::uint64_t key) {
  auto k = val(key);
  auto rc = mdb_del(txn_, env_.handles_[table], &k, nullptr);
  if (rc && rc != MDB_NOTFOUND) env_.fail("erase", rc);
  return rc == 0;
}

void lmdb_txn::clear(std::size_t table) {
  if (auto rc = mdb_drop(txn_, env_.handles_[table], 0)) env_.fail("erase", rc);
}

std::unique_ptr<table_cursor> lmdb_txn::cursor(std::size_t table) {
  return std::make_unique<lmdb_cursor>(*this, env_.handles_[table]);
}

void lmdb_txn::commit() {
  auto rc = mdb_txn_commit(txn_);
  txn_ = nullptr;
  if (rc) env_.fail("commit", rc);
}

// ---- cursor

lmdb_cursor::lmdb_cursor(lmdb_txn& txn, MDB_dbi table) : env_(txn.env_) {
  if (auto rc = mdb_cursor_open(txn.txn_, table, &cursor_)) env_.fail("open a cursor", rc);
}

lmdb_cursor::~lmdb_cursor() { mdb_cursor_close(cursor_); }

bool lmdb_cursor::at_or_after(std::uint64_t key) { return move(MDB_SET_RANGE, val(key)); }

bool lmdb_cursor::move(MDB_cursor_op op, MDB_val k) {
  MDB_val v{};
  auto rc = mdb_cursor_get(cursor_, &k, &v, op);
  if (rc == MDB_NOTFOUND) return false;
  if (rc) env_.fail("read", rc);
  if (k.mv_size != sizeof key_) env_.fail("read a key", MDB_CORRUPTED);
  std::memcpy(&key_, k.mv_data, sizeof key_);
  value_ = {static_cast<const char*>(v.mv_data), v.mv_size};
  return true;
}

void lmdb_cursor::erase() {
  if (auto rc = mdb_cursor_del(cursor_, 0)) env_.fail("erase", rc);
}

}  // namespace troupe::persistence
