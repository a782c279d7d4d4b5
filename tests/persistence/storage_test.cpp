#include "persistence/storage.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include "fixture.hpp"
#include "persistence/data_directory.hpp"
#include "persistence/lmdb_state.hpp"

using namespace troupe;
using namespace troupe::persistence;

namespace {

storage_settings settings_for(const std::filesystem::path& directory) {
  storage_settings s;
  s.directory = directory;
  s.map_size_bytes = 1 << 24;
  s.min_free_bytes = 0;
  s.journal_bytes = 64 << 10;
  s.ballast = false;
  return s;
}

std::string refused(const storage_settings& s) {
  return refusal([&] { open_storage(s); });
}

// A checkpoint of `zxid` as a leader would send it.
zab::snap_chunk chunk_of(zxid_t zxid) {
  scratch dir;
  lmdb_state leader(dir.path, 1 << 24);
  tree::database db;
  auto delta = db.take_delta();
  delta.zxid = zxid;
  leader.write(delta);
  return leader.read_chunk(0, 1 << 20);
}

}  // namespace

TEST_CASE("a new data directory is created, and what was written is there again") {
  scratch dir;
  auto s = settings_for(dir.path / "a" / "node1");
  {
    auto st = open_storage(s);
    CHECK(st.database->zxid() == 0);
    establish(*st.log, 1);
    write(*st.log, {records(1, 1, 9)});
  }
  CHECK((std::filesystem::status(s.directory).permissions() & std::filesystem::perms(0077)) ==
        std::filesystem::perms::none);
  auto st = open_storage(s);
  CHECK(st.log->state().last == make_zxid(1, 9));
  CHECK(st.state->zxid() == 0);
}

TEST_CASE("a directory of another node or ensemble is refused and left as it was") {
  scratch dir;
  auto s = settings_for(dir.path / "d");
  open_storage(s);
  std::filesystem::remove(s.directory / "lock");
  auto other = s;
  other.self = 2;
  CHECK(has(refused(other), "belongs to node 1 of ensemble 'troupe', this is node 2"));
  other = s, other.ensemble = "theirs";
  CHECK(has(refused(other), "this is node 1 of ensemble 'theirs'"));
  CHECK(!std::filesystem::exists(s.directory / "lock"));
  std::filesystem::remove(s.directory / "identity");
  CHECK(has(refused(s), "identity: missing"));
  CHECK(!std::filesystem::exists(s.directory / "identity"));
}

TEST_CASE("an identity of which one copy rotted still counts, one that rotted twice is refused") {
  scratch dir;
  auto s = settings_for(dir.path / "d");
  open_storage(s);
  overwrite(s.directory / "identity", 18, "\xff");
  open_storage(s);
  overwrite(s.directory / "identity", 4096 + 18, "\xff");
  CHECK(has(refused(s), "both copies are damaged"));
}

TEST_CASE("a file of which a power failure in its first write left only zeros counts as new") {
  scratch dir;
  auto s = settings_for(dir.path / "d");
  std::filesystem::create_directories(s.directory / "log");
  for (auto file : {s.directory / "identity", s.directory / "log" / "high-water"})
    std::ofstream(file, std::ios::binary) << std::string(4130, '\0');
  {
    auto st = open_storage(s);
    establish(*st.log, 1);
  }
  CHECK(open_storage(s).log->state().current_epoch == 1);
  std::ofstream(s.directory / "log" / "high-water", std::ios::binary) << std::string(4130, '\0');
  CHECK(has(refused(s), "high-water: missing"));
}

TEST_CASE("a second process is refused with the pid of the first") {
  scratch dir;
  auto s = settings_for(dir.path / "d");
  auto first = open_storage(s);
  auto child = ::fork();
  if (child == 0) {
    auto wanted = "in use by process " + std::to_string(::getppid());
    try {
      open_storage(s);
    } catch (const storage_error& e) {
      ::_exit(std::string(e.what()).find(wanted) != std::string::npos ? 0 : 2);
    }
    ::_exit(1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  first = {};
  CHECK(open_storage(s).log != nullptr);
}

TEST_CASE("a path that is no directory is refused") {
  scratch dir;
  std::ofstream(dir.path / "file") << "x";
  CHECK(has(refused(settings_for(dir.path / "file")), "Not a directory"));
  CHECK(has(refused(settings_for(dir.path / "file" / "below")), "file"));
}

TEST_CASE("a disk with less room than the watermark is refused with both numbers, and nothing is written") {
  scratch dir;
  auto s = settings_for(dir.path / "d");
  s.min_free_bytes = std::size_t{1} << 60;
  for (int i = 0; i < 2; ++i) {
    auto text = refused(s);
    CHECK(has(text, "needed are 1099511627776 MiB"));
    CHECK(has(text, s.directory.string()));
    CHECK_FALSE(std::filesystem::exists(s.directory / "identity"));
  }
}

TEST_CASE(
    "a disk with less room than the watermark is no reason not to start with data: it is warned of, with both "
    "numbers") {
  scratch dir;
  auto s = settings_for(dir.path / "d");
  {
    auto st = open_storage(s);
    CHECK(st.warning.empty());
    establish(*st.log, 1);
    write(*st.log, {records(1, 1, 3)});
  }
  s.min_free_bytes = std::size_t{1} << 60;
  auto st = open_storage(s);
  CHECK(st.log->state().last == make_zxid(1, 3));
  CHECK(has(st.warning, "needed are 1099511627776 MiB"));
  CHECK(has(st.warning, "`ballast`"));
  CHECK(has(st.warning, s.directory.string()));
}

TEST_CASE("the ballast is made where there is room, and kept") {
  scratch dir;
  auto s = settings_for(dir.path / "d");
  s.ballast = true;
  for (int i = 0; i < 2; ++i) {
    open_storage(s);
    CHECK(std::filesystem::file_size(s.directory / "ballast") == ballast_bytes);
  }
}

TEST_CASE("a crash after begin_install and before the checkpoint is in place leaves the former state and log") {
  scratch dir;
  auto s = settings_for(dir.path / "d");
  auto chunk = chunk_of(make_zxid(2, 50));
  chunk.last = false;
  {
    auto st = open_storage(s);
    establish(*st.log, 3);
    write(*st.log, {records(1, 1, 5), zab::begin_install{make_zxid(2, 50)}});
    st.state->install_chunk(chunk);
  }
  auto st = open_storage(s);
  CHECK(st.log->unfinished_install() == 0);
  CHECK(st.log->state().last == make_zxid(1, 5));
  CHECK(st.state->zxid() == 0);
}

TEST_CASE("a crash after the checkpoint is in place and before reset_log is finished at open") {
  scratch dir;
  auto s = settings_for(dir.path / "d");
  {
    auto st = open_storage(s);
    establish(*st.log, 3);
    write(*st.log, {records(1, 1, 5), zab::begin_install{make_zxid(2, 50)}});
    CHECK(st.state->install_chunk(chunk_of(make_zxid(2, 50))));
  }
  auto st = open_storage(s);
  CHECK(st.log->unfinished_install() == 0);
  CHECK(st.log->state().base == make_zxid(2, 50));
  CHECK(st.log->state().last == make_zxid(2, 50));
  CHECK(st.database->zxid() == make_zxid(2, 50));
}

TEST_CASE("an abandoned install is not taken for finished when a checkpoint of that zxid is written later") {
  scratch dir;
  auto s = settings_for(dir.path / "d");
  {
    auto st = open_storage(s);
    establish(*st.log, 1);
    write(*st.log, {records(1, 1, 9), zab::begin_install{make_zxid(1, 5)}});
    tree::database db;
    auto delta = db.take_delta();
    delta.zxid = make_zxid(1, 5);
    st.state->write(delta);
  }
  auto st = open_storage(s);
  CHECK(st.log->state().last == make_zxid(1, 9));
  CHECK(st.log->state().base == 0);
}

TEST_CASE("a checkpoint that does not fit the log is refused") {
  for (auto zxid : {make_zxid(1, 2), make_zxid(1, 10)}) {
    scratch dir;
    auto s = settings_for(dir.path / "d");
    {
      auto st = open_storage(s);
      establish(*st.log, 1);
      write(*st.log, {records(1, 1, 9)});
      tree::database db;
      auto delta = db.take_delta();
      delta.zxid = zxid;
      st.state->write(delta);
      st.log->trim(make_zxid(1, 4));
      write(*st.log, {});
    }
    CHECK(has(refused(s), "the checkpoint is of " + zxid_text(zxid)));
  }
}

TEST_CASE("a learner that crashed between history and epoch may come back") {
  scratch dir;
  auto s = settings_for(dir.path / "d");
  {
    auto st = open_storage(s);
    write(*st.log, {zab::set_accepted_epoch{2}});
    write(*st.log, {records(1, 1, 9)});
  }
  CHECK(open_storage(s).log->state().current_epoch == 0);
}

TEST_CASE("a log above its accepted epoch is refused") {
  scratch dir;
  auto s = settings_for(dir.path / "d");
  {
    auto st = open_storage(s);
    write(*st.log, {zab::set_accepted_epoch{1}});
    write(*st.log, {records(2, 1, 1)});
  }
  CHECK(has(refused(s), "above the accepted epoch 1"));
}
