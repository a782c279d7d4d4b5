#pragma once
/// What a connection waits for, in the order of its requests; and which of this node's requests are on their way to
/// the leader.

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "schema/ids.hpp"
#include "schema/zookeeper.hpp"

namespace troupe::commit {

struct waiting {
  enum class kind : std::uint8_t {
    write,        ///< on its way to the leader, or to be applied
    answered,     ///< bytes: its reply, which waits for those before it
    last_answer,  ///< the same, and the connection ends with it
    local,        ///< bytes: a request that this node answers itself, when those before it are answered
  };
  kind what = kind::write;
  zk::op op = zk::op::create;
  std::int32_t xid = 0;
  std::string bytes;  ///< of a write, only if it is a call by way of a create: the path that was asked for
  bool text = false;  ///< such a call: its request is text
};

/// A queue in one vector: no allocation as long as few wait. Every entry has a number of its own, from 0.
class request_queue {
 public:
  bool empty() const { return head_ == items_.size(); }
  std::size_t size() const { return items_.size() - head_; }
  std::size_t bytes() const { return bytes_; }  ///< held by the entries
  waiting& front() { return items_[head_]; }
  std::uint64_t front_number() const { return popped_; }

  std::uint64_t push(waiting w) {
    bytes_ += w.bytes.size();
    items_.push_back(std::move(w));
    return popped_ + size() - 1;
  }
  /// Null if it left the queue already.
  waiting* find(std::uint64_t number) {
    return number < popped_ || number - popped_ >= size() ? nullptr : &items_[head_ + (number - popped_)];
  }
  void set_bytes(waiting& w, std::string bytes) {
    bytes_ += bytes.size() - w.bytes.size();
    w.bytes = std::move(bytes);
  }
  void pop() { pop_moved(front().bytes.size()); }
  /// The same for an entry whose content, of so many bytes, was moved out.
  void pop_moved(std::size_t bytes) {
    bytes_ -= bytes;
    front() = {};
    ++head_, ++popped_;
    if (empty()) {
      items_.clear(), head_ = 0;
    } else if (head_ >= compact_at && head_ * 2 >= items_.size()) {
      items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(head_));
      head_ = 0;
    }
  }

 private:
  static constexpr std::size_t compact_at = 64;
  std::vector<waiting> items_;
  std::size_t head_ = 0, bytes_ = 0;
  std::uint64_t popped_ = 0;
};

/// Requests of this node that are not yet settled, by their ids, which are consecutive.
class pending_requests {
 public:
  struct entry {
    conn_id conn = 0;
    std::uint64_t number = 0;  ///< in the connection's queue
    bool settled = false;
  };

  explicit pending_requests(std::uint64_t first_id) : first_(first_id) {}

  std::uint64_t add(conn_id conn, std::uint64_t number) {
    entries_.push_back({conn, number, false});
    ++outstanding_;
    return first_ + entries_.size() - 1;
  }
  /// The request, without taking it out.
  entry peek(std::uint64_t id) const {
    if (id < first_ || id - first_ >= entries_.size() || entries_[id - first_].settled) return {};
    return entries_[id - first_];
  }
  /// Takes out the request; conn 0 if it is not one of ours that waits (settled, or of a role that ended).
  entry settle(std::uint64_t id) {
    auto out = peek(id);
    if (!out.conn) return {};
    entries_[id - first_].settled = true;
    --outstanding_;
    for (; !entries_.empty() && entries_.front().settled; ++first_) entries_.pop_front();
    return out;
  }
  void drop_all() {
    first_ += entries_.size();
    entries_.clear(), outstanding_ = 0;
  }
  std::size_t outstanding() const { return outstanding_; }

 private:
  std::uint64_t first_;  ///< id of entries_.front()
  std::deque<entry> entries_;
  std::size_t outstanding_ = 0;
};

}  // namespace troupe::commit
