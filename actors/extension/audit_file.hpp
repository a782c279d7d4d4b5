#pragma once
/// A file with one JSON line for each change and session event: an audit trail, and a change feed for whoever reads it.
///
///     {"zxid":"0x100000003","time":1700000000000,"session":"0x1...","type":"created","path":"/a","version":0}
///
/// type: created, deleted, changed, acl-changed, session-opened, session-closed; `path` and `version` where there is
/// one (of the data; acl-changed: of the ACL), `of` for session events: the session that was opened or closed. The last
/// line of a transaction has "last":true. {"type":"gap","after":"0x..","first":"0x.."}: what was committed between these
/// two is not in the file, because the log did not reach back so far.
///
/// Who opens it again goes on behind the last line that was written: a torn line at the end is cut off, a transaction
/// of which some lines are there is completed.

#include <cstdint>
#include <filesystem>
#include <string>

#include "actors/extension/node_actor.hpp"
#include "actors/io/descriptor.hpp"

namespace troupe {

class audit_file {
 public:
  enum class sync : std::uint8_t {
    batch,  ///< each batch is on disk when `append` returns
    never,  ///< left to the kernel: a power cut may cost the last seconds, a killed process nothing
  };
  /// Creates it if need be. Throws std::runtime_error: what is wrong, with the file's name.
  audit_file(std::filesystem::path, sync);

  zxid_t after() const { return after_; }  ///< go on behind this; 0: it is empty
  /// In zxid order, behind `after`. Transactions without a line (they only checked something) are passed over.
  void append(const feed::batch&);

 private:
  void recover();
  void write(const std::string&);

  std::filesystem::path path_;
  sync sync_;
  io::descriptor fd_;
  zxid_t after_ = 0;
  std::size_t skip_ = 0;  ///< lines of the next transaction that are there already
};

/// The lines of one transaction, each with its newline.
std::vector<std::string> audit_lines(const feed::transaction&);

}  // namespace troupe
