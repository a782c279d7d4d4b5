#include "actors/extension/change_feed.hpp"

#include <spdlog/spdlog.h>

#include <optional>
#include <stdexcept>

#include "actors/extension/audit_file.hpp"
#include "actors/io/event_based_actor.hpp"

namespace troupe {

namespace {

audit_file::sync sync_of(const std::string& text) {
  if (text == "batch") return audit_file::sync::batch;
  if (text == "never") return audit_file::sync::never;
  throw std::invalid_argument("sync must be \"batch\" or \"never\", not \"" + text + "\"");
}

/// Owns the file. Takes `asked`: how far it is. Dies of what it cannot write, and is spawned again.
class change_feed : public io::event_based_actor {
 public:
  change_feed(caf::actor_config& cfg, const node_actor_setup& s)
      : io::event_based_actor(cfg),
        feed_(s.feed),
        file_(std::in_place, s.directory / s.required("file"), sync_of(s.option("sync", "batch"))) {}

  caf::behavior make_behavior() override {
    set_exception_handler([](std::exception_ptr& p) -> caf::error {
      try {
        std::rethrow_exception(p);
      } catch (const std::exception& e) {
        return caf::make_error(caf::sec::runtime_error, e.what());
      }
    });
    go_on();
    return {[this](const asked&) { return answered{std::to_string(file_->after())}; }};
  }
  /// The feed may hold on to us for an answer; the next one of us needs the file now.
  void on_exit() override { file_.reset(), feed_ = nullptr; }
  const char* name() const override { return "troupe.change-feed"; }

 private:
  void go_on() {
    request(feed_, caf::infinite, feed::next{file_->after()}).then([this](const feed::batch& b) {
      if (b.too_old && file_->after() != 0)
        spdlog::warn(
            fmt::format("change feed: the log begins behind {:#x}, but only what is up to {:#x} was written; what is "
                        "between them is missing in the file, which says so",
                        b.first, file_->after()));
      file_->append(b);
      go_on();
    });
  }

  caf::actor feed_;
  std::optional<audit_file> file_;
};

}  // namespace

node_actor spawn_change_feed(caf::actor_system& system, const node_actor_setup& s) {
  return {system.spawn<change_feed, caf::detached>(s), true};
}

}  // namespace troupe
