#pragma once
/// Is there an order of the operations on a znode that explains what every client saw? Wing and Gong's search with Lowe's
/// memory of what was tried, znode by znode (linearizability is local). It looks neither at the log nor at zxids: only
/// at what was called when, and at data, versions and errors. So it can't share a fault with check.hpp.
///
/// A znode is a register (create, setData with or without a version, delete, getData) and a lock (create ephemeral,
/// delete, end of the session). Plain reads are not linearizable in ZooKeeper; a getData whose connection called a sync
/// just before is taken as one operation from the call of the sync to the reply of the read. A znode whose name the
/// server chose (sequential) is left out.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/history/history.hpp"

namespace troupe::history {

enum class linearizability : std::uint8_t {
  yes,
  no,
  unknown,  ///< the bound was reached
};

const char* to_string(linearizability);

struct linearizability_result {
  linearizability verdict = linearizability::yes;  ///< the worst of all znodes
  std::string path;                                ///< no, unknown: the znode
  std::size_t operations = 0, znodes = 0;          ///< how many were judged
  std::size_t undecided = 0;                       ///< znodes where the bound was reached: nothing is said about them
  std::vector<std::size_t> entries;                ///< no: the calls on this znode
};

struct wgl_options {
  std::size_t max_steps = 2'000'000;  ///< for one znode: each tries one operation at one point. About a second
};

linearizability_result check_linearizable(const history&, const wgl_options& = {});

/// What happened to one znode.
struct operation {
  static constexpr std::size_t never = static_cast<std::size_t>(-1);
  std::size_t begin = 0, end = never;  ///< in real time; never: outcome unknown, it may have no effect at all
  std::size_t entry = 0;               ///< of the call
  enum class kind : std::uint8_t { create, set, remove, read, end_session } what = kind::read;
  std::int64_t session = 0;   ///< create: its owner if ephemeral; end_session
  std::int32_t value = 0;     ///< create, set: the new one; read: the one seen
  std::int32_t asked = -1;    ///< set, remove: the version asked for
  std::int32_t version = -1;  ///< set, read: the version seen; -1: not told
  zk::err error = zk::err::ok;
  std::vector<operation> more = {};  ///< further parts of one multi on this znode: all at once, all or none
};

/// The heart of it. The znode does not exist at first.
linearizability linearizable(std::vector<operation>, const wgl_options& = {});

/// What is judged of a history, znode by znode. Times are indexes of entries.
std::map<std::string, std::vector<operation>> operations_by_znode(const history&);

}  // namespace troupe::history
