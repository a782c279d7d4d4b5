#include "actors/recipes/counting.hpp"

#include <charconv>
#include <limits>
#include <optional>

namespace troupe::recipes {

namespace {

constexpr auto malformed = static_cast<std::int32_t>(zk::err::marshalling_error);
constexpr auto out_of_range = static_cast<std::int32_t>(zk::err::bad_arguments);

std::optional<std::int64_t> number_in(const std::string& text) {
  std::int64_t n = 0;
  if (text.empty()) return 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return n;
}

}  // namespace

counting::counting(surroundings& out, std::string path)
    : out_(out), path_(std::move(path)), writer_(out, child(path_, "clients"), out.token()) {}

void counting::add(std::int64_t delta, teller tell) {
  waiting_.push_back({delta, std::move(tell)});
  step();
}

void counting::step() {
  if (busy_) return;
  if (waiting_.empty()) {
    if (!end_) return;
    if (!opened_) return std::exchange(end_, nullptr)();
    busy_ = true;
    return writer_.close([this] { std::exchange(end_, nullptr)(); });
  }
  busy_ = true;
  if (opened_) return ask_value();
  writer_.open([this](std::int32_t code, const std::string&) {
    if (code) return finish(code, 0);
    opened_ = true;
    ask_value();
  });
}

void counting::ask_value() {
  out_.ask(client::get_data{path_}, [this](const answer& a) {
    if (fate_of(a.code) >= fate::refused) return finish(a.code, 0);
    if (!a.ok()) {
      out_.after(retry_pause, [this] { ask_value(); });
      return;
    }
    auto& d = a.as<client::data>();
    auto value = number_in(d.bytes);
    if (!value) return finish(malformed, 0);
    std::int64_t sum = 0;
    if (__builtin_add_overflow(*value, waiting_.front().delta, &sum)) return finish(out_of_range, 0);
    write(sum, d.stat.version);
  });
}

void counting::write(std::int64_t value, std::int32_t version) {
  auto text = std::to_string(value);
  writer_.write({client::set_data{path_, text, version}}, text, [this, value](const exactly_once::result& r) {
    if (r.code == static_cast<std::int32_t>(zk::err::bad_version)) return ask_value();  // others were faster
    finish(r.code, value);
  });
}

void counting::finish(std::int32_t code, std::int64_t value) {
  auto tell = std::move(waiting_.front().tell);
  waiting_.pop_front();
  busy_ = false;
  if (code == exactly_once::interference) opened_ = false;
  tell(code, value);
  step();
}

void counting::read(teller tell) {
  out_.ask(client::sync{path_}, [this, tell = std::move(tell)](const answer& s) {
    if (!s.ok()) return tell(s.code, 0);
    out_.ask(client::get_data{path_}, [tell](const answer& a) {
      if (a.is(zk::err::no_node)) return tell(0, 0);
      if (!a.ok()) return tell(a.code, 0);
      auto value = number_in(a.as<client::data>().bytes);
      tell(value ? 0 : malformed, value.value_or(0));
    });
  });
}

void counting::end(std::function<void()> then) {
  end_ = std::move(then);
  step();
}

}  // namespace troupe::recipes
