#pragma once
/// The newest records of the log, in a file that never changes its size: one group of records = one block = one write
/// and one flush of the disk, where a commit of LMDB takes two and writes to six places.
///
/// Format. The file is written with zeros when it is created, so that later writes change neither its size nor its
/// extents. Blocks stand behind each other from byte 0, each at a multiple of 4096 (so that no write touches a page or
/// sector that holds what was acknowledged before):
///
///   u32 crc32c of the rest, u32 bytes of records, u64 journal id, u64 sequence, records, zeros up to the next 4096
///   record: i64 zxid, u32 payload length, payload
///
/// Little-endian. The id is random and new for each file. It tells blocks of this file from what stood on the disk or
/// came with another node's file, and from bytes that a client put into a payload to look like a block: no client knows
/// it. Sequences grow by one for each block, and for each write that goes past the journal, and never start again.
///
/// LMDB holds a journal_mark, written in the transaction that commits the journal's records: blocks up to `covered` are
/// history. After that commit the next block, of sequence covered + 1, goes to byte 0 again. What is written to LMDB directly takes a
/// sequence of its own, which is covered by that transaction. So what a crash leaves:
///
///   before, or in, the write of a block   the blocks before it; the block itself whole, torn or not at all
///   between its write and the reply       the block, although nobody was told: allowed
///   before LMDB's commit                  all blocks, which are committed to LMDB at the next open
///   after LMDB's commit                   old blocks only, none above `covered`: nothing to do
///   while the file is created             no mark in LMDB: it is created anew
///
/// Torn or rotten? Blocks are written one after another, each only when the one before it is on disk. So a damaged
/// block is the torn last one only if no whole block of a higher sequence stands anywhere behind it, and then nobody
/// was told of it. Otherwise it rotted and the file is refused. A last block that rotted looks like a torn one: that
/// the log ended further on is told from the high-water mark (high_water.hpp).

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <span>

#include "persistence/medium.hpp"

namespace troupe::persistence {

/// What LMDB knows of the journal.
struct journal_mark {
  std::uint64_t id = 0;          ///< 0: there is no journal, whatever file there may be
  std::uint64_t covered = 0;     ///< sequence of the last block whose records are in LMDB
  std::uint64_t size_bytes = 0;  ///< of the file
  bool operator==(const journal_mark&) const = default;
};

class journal {
 public:
  static constexpr std::size_t alignment = 4096, header_bytes = 24, record_header_bytes = 12;

  /// Writes FILE anew, durably; it counts once its mark is in LMDB. The size is rounded up to the alignment.
  static journal create(std::filesystem::path name, std::size_t size_bytes, medium& = system_medium());
  /// Refuses a file that is missing or has another size.
  journal(std::filesystem::path name, const journal_mark&, medium& = system_medium());

  /// The records that LMDB does not have, oldest first. Throws storage_error if a block rotted. Once, after opening.
  log_records recover();
  /// Where the first block that is not whole would stand: for messages.
  std::string place() const;

  /// What `create` makes of a wanted size.
  static std::size_t file_bytes(std::size_t wanted);
  /// Bytes that a block with such records takes.
  static std::size_t block_bytes(std::size_t records, std::size_t payload_bytes);
  bool fits(std::size_t block_bytes) const { return position_ + block_bytes <= size_; }
  /// One block, which must fit; on disk on return.
  void write(std::span<const log_record>, std::size_t block_bytes);
  /// The mark to be stored in the transaction that commits all records written so far.
  journal_mark mark() const { return {id_, sequence_, size_}; }
  /// The same for a transaction that writes to the log what was in no block: the next block passes over a sequence, so that it is
  /// not taken for the successor of what stood before, should LMDB lose the transaction.
  journal_mark pass_over() {
    ++sequence_;
    return mark();
  }
  /// That transaction is on disk: begins at the start of the file again.
  void restart() { position_ = 0; }

 private:
  struct block;
  struct aligned_free {
    void operator()(char* p) const { std::free(p); }
  };
  block block_at(std::string_view bytes, std::size_t at) const;
  void take_records(std::string_view from, log_records& to) const;

  std::filesystem::path name_;
  std::unique_ptr<file> file_;
  std::uint64_t id_, sequence_;
  std::size_t size_, position_ = 0;
  std::unique_ptr<char, aligned_free> buffer_;
  std::size_t buffer_size_ = 0;
};

}  // namespace troupe::persistence
