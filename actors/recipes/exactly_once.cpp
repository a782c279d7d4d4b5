#include "actors/recipes/exactly_once.hpp"

#include <algorithm>

namespace troupe::recipes {

namespace {

/// Without the token in front of it.
std::string record_in(const std::string& data) {
  constexpr std::size_t digits = 32;
  auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  bool has_token = data.find('\n') == digits && std::all_of(data.begin(), data.begin() + digits, is_digit);
  return has_token ? data.substr(digits + 1) : data;
}

}  // namespace

void exactly_once::open(std::function<void(std::int32_t, const std::string&)> then) {
  ensure_path(out_, path_, [this, then = std::move(then)](std::int32_t code) {
    if (code) return then(code, {});
    read([this, then](std::int32_t code, const std::string& data) {
      then(code, data.starts_with(mark_) ? std::string() : record_in(data));
    });
  });
}

/// Behind a sync: what was on its way is ordered before it.
void exactly_once::read(std::function<void(std::int32_t, const std::string&)> then) {
  auto again = [this, then](std::int32_t code) {
    if (fate_of(code) >= fate::refused) return then(code, {});
    out_.after(retry_pause, [this, then] { read(then); });
  };
  out_.ask(client::sync{path_}, [this, then, again](const answer& s) {
    if (!s.ok()) return again(s.code);
    out_.ask(client::get_data{path_}, [this, then, again](const answer& a) {
      if (!a.ok()) return again(a.code);
      auto& d = a.as<client::data>();
      version_ = d.stat.version;
      then(0, d.bytes);
    });
  });
}

void exactly_once::write(operations what, const std::string& record, std::function<void(const result&)> then) {
  then_ = std::move(then), unknown_ = false;
  // Ours stands first: if an earlier attempt has succeeded, that is what must be told, not that its work is done already.
  operations_.clear();
  operations_.push_back(client::set_data{path_, mark_ + record, version_});
  for (auto& o : what) operations_.push_back(std::move(o));
  attempt();
}

void exactly_once::attempt() {
  out_.ask(client::multi{operations_}, [this](const answer& a) {
    switch (fate_of(a.code)) {
      case fate::done:
        return on_answer(a.as<client::multi_result>());
      case fate::unknown:
        unknown_ = true;
        return find_out();
      case fate::nothing_done:
        out_.after(retry_pause, [this] { attempt(); });
        return;
      default:
        return finish({a.code, 0, 0});
    }
  });
}

void exactly_once::on_answer(const client::multi_result& r) {
  if (r.committed) {
    ++version_;
    return finish({0, 0, r.zxid});
  }
  // Those before the one that failed are told ok, those behind it that they were not tried.
  for (std::size_t i = 0; i < r.results.size(); ++i) {
    auto e = r.results[i].error;
    if (e == zk::err::ok || e == zk::err::runtime_inconsistency) continue;
    if (i == 0 && e == zk::err::bad_version && unknown_) return find_out();
    if (i == 0 && (e == zk::err::bad_version || e == zk::err::no_node)) break;  // somebody else was at ours
    return finish({static_cast<std::int32_t>(e), i ? i - 1 : 0, 0});
  }
  finish({interference, 0, 0});
}

void exactly_once::find_out() {
  read([this, before = version_](std::int32_t code, const std::string& data) {
    if (code) return finish({code == static_cast<std::int32_t>(zk::err::no_node) ? interference : code, 0, 0});
    if (version_ == before) return attempt();  // if the former attempt comes yet, one of both fails
    finish({version_ == before + 1 && data.starts_with(mark_) ? 0 : interference, 0, 0});
  });
}

void exactly_once::finish(const result& r) { std::exchange(then_, nullptr)(r); }

void exactly_once::close(std::function<void()> then) {
  out_.ask(client::remove{path_, version_}, [this, then = std::move(then)](const answer& a) {
    auto f = fate_of(a.code);
    if (f != fate::unknown && f != fate::nothing_done) return then();
    out_.after(retry_pause, [this, then] { close(then); });
  });
}

}  // namespace troupe::recipes
