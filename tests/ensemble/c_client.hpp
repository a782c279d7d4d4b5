#pragma once
/// ZooKeeper's C client, opened and closed with the test, its events kept in order.

#include <doctest/doctest.h>
#include <zookeeper/zookeeper.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace troupe::ensemble {

using event = std::pair<int, std::string>;  ///< type, path

/// "host:port" of each node, from TROUPE_CONNECT.
inline std::vector<std::string> hosts() {
  auto* connect = std::getenv("TROUPE_CONNECT");
  REQUIRE_MESSAGE(connect != nullptr, "TROUPE_CONNECT names no servers");
  std::vector<std::string> out(1);
  for (auto* c = connect; *c; ++c)
    if (*c == ',')
      out.emplace_back();
    else
      out.back() += *c;
  return out;
}

class c_client {
 public:
  static constexpr auto patience = std::chrono::seconds(40);

  explicit c_client(const std::string& where, int timeout_ms = 10000) {
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    handle_ = zookeeper_init(where.c_str(), &c_client::on_event, timeout_ms, nullptr, this, 0);
    REQUIRE(handle_ != nullptr);
    wait_for_state(ZOO_CONNECTED_STATE);
  }
  ~c_client() {
    if (handle_) zookeeper_close(handle_);
  }
  c_client(const c_client&) = delete;
  c_client& operator=(const c_client&) = delete;

  operator zhandle_t*() const { return handle_; }
  std::int64_t session() const { return zoo_client_id(handle_)->client_id; }
  int close() { return zookeeper_close(std::exchange(handle_, nullptr)); }

  void wait_for_state(int state) {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, patience, [&] { return state_ == state; }));
  }
  /// The next event of a watch; fails if none comes.
  event next_event() {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, patience, [&] { return !events_.empty(); }));
    auto e = events_.front();
    events_.pop_front();
    return e;
  }
  bool no_event() {
    std::unique_lock lock(mutex_);
    return events_.empty();
  }

  /// For the zoo_w functions.
  static void on_event(zhandle_t*, int type, int state, const char* path, void* self) {
    auto& c = *static_cast<c_client*>(self);
    std::unique_lock lock(c.mutex_);
    if (type == ZOO_SESSION_EVENT)
      c.state_ = state;
    else
      c.events_.emplace_back(type, path);
    c.changed_.notify_all();
  }

  // ---- what most tests need, in fewer words

  int create(const std::string& path, const std::string& data = {}, int flags = 0, std::string* made = nullptr,
             const ACL_vector* acl = &ZOO_OPEN_ACL_UNSAFE) {
    char name[1024] = "";
    auto error =
        zoo_create(handle_, path.c_str(), data.data(), static_cast<int>(data.size()), acl, flags, name, sizeof name);
    if (made) *made = name;
    return error;
  }
  std::optional<std::string> get(const std::string& path, ::Stat* stat = nullptr) {
    std::string data(1 << 20, '\0');
    auto size = static_cast<int>(data.size());
    ::Stat unused;
    if (zoo_get(handle_, path.c_str(), 0, data.data(), &size, stat ? stat : &unused) != ZOK) return std::nullopt;
    data.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return data;
  }
  int set(const std::string& path, const std::string& data, int version = -1) {
    return zoo_set(handle_, path.c_str(), data.data(), static_cast<int>(data.size()), version);
  }
  int remove(const std::string& path, int version = -1) { return zoo_delete(handle_, path.c_str(), version); }
  bool exists(const std::string& path) { return zoo_exists(handle_, path.c_str(), 0, nullptr) == ZOK; }

  int sync(const std::string& path) {
    struct result {
      std::mutex mutex;
      std::condition_variable done;
      std::optional<int> error;
    } r;
    auto sent = zoo_async(
        handle_, path.c_str(),
        [](int error, const char*, const void* to) {
          auto& r = *static_cast<result*>(const_cast<void*>(to));
          std::unique_lock lock(r.mutex);
          r.error = error;
          r.done.notify_all();
        },
        &r);
    if (sent != ZOK) return sent;
    std::unique_lock lock(r.mutex);
    r.done.wait(lock, [&] { return r.error.has_value(); });
    return *r.error;
  }

 private:
  zhandle_t* handle_ = nullptr;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<event> events_;
  int state_ = 0;
};

}  // namespace troupe::ensemble
