#pragma once
/// The requests of a client that are not answered yet, in the order in which they were asked: first those that are on
/// their way, then those that wait to go out.
///
/// Owns the requests' bodies, in one block. Takes no decision about what becomes of a request when a connection breaks:
/// that is the machine's. Invariant: what is on its way is answered in this order, and nothing in front of it waits.

#include <cstdint>
#include <string>
#include <string_view>

#include "actors/client/ring.hpp"
#include "schema/zookeeper.hpp"

namespace troupe::client {

/// The asker's place, for whoever carries the machine.
using ticket = std::uint32_t;
inline constexpr ticket nobody = ~ticket{0};

/// What may be done with a request when its connection breaks.
enum class kind : std::uint8_t {
  read,   ///< ask again
  write,  ///< nobody knows whether it was done
  auth,
  subscribe,
  unsubscribe,
  close,
};

struct request {
  ticket who = nobody;
  kind what = kind::read;
  bool answered = false;  ///< the asker has been told; if it is on its way, its response is still to come
  bool waited = false;    ///< it has seen a time without a connection
  zk::op op = zk::op::exists;
  std::int32_t call = 0;  ///< 0: it did not go out
  std::uint64_t at = 0;   ///< of the body
  std::uint32_t size = 0;
  std::int64_t deadline_ms = INT64_MAX;
  std::int64_t reference = 0;  ///< the subscription, or which authentication
  /// That it was to begin: none of `auth`, whose references count for themselves.
  std::int64_t subscription() const { return what == kind::subscribe ? reference : 0; }
};

class request_queue {
 public:
  std::size_t size() const { return list_.size(); }
  std::size_t bytes() const { return bytes_.size() - static_cast<std::size_t>(head_ - base_); }
  std::size_t on_their_way() const { return sent_; }
  bool has_unsent() const { return sent_ < list_.size(); }
  request& operator[](std::size_t i) { return list_[i]; }
  request& front() { return list_.front(); }

  /// `encode` writes the body.
  template <class F>
  void add(request r, F&& encode) {
    r.at = base_ + bytes_.size();
    jute::writer w(bytes_);
    encode(w);
    r.size = static_cast<std::uint32_t>(base_ + bytes_.size() - r.at);
    if (r.deadline_ms < earliest_ms_) earliest_ms_ = r.deadline_ms;
    list_.push_back(r);
  }
  std::string_view body(const request& r) const { return {bytes_.data() + (r.at - base_), r.size}; }

  /// The next `n` that have not gone out have gone out.
  void went_out(std::size_t n) { sent_ += n; }
  void pop_front();
  /// All are to go out again, or not at all: `stays` says which.
  template <class F>
  void recall(F&& stays) {
    sent_ = 0;
    list_.erase_if([&](request& r) { return !stays(r); });
    reclaim();
  }
  /// Of those that have not gone out, the answered ones leave: they count towards no bound any more.
  void drop_answered() {
    list_.erase_if([](request& r) { return r.answered; }, sent_);
    reclaim();
  }
  /// No deadline before this one. May be too early.
  std::int64_t earliest_ms() const { return earliest_ms_; }
  void set_earliest(std::int64_t ms) { earliest_ms_ = ms; }

 private:
  void reclaim();

  ring<request> list_;
  std::size_t sent_ = 0;
  std::string bytes_;
  std::uint64_t base_ = 0, head_ = 0;  ///< position of bytes_[0]; of the first that is needed
  std::int64_t earliest_ms_ = INT64_MAX;
};

}  // namespace troupe::client
