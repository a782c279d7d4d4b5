#include "actors/recipes/queueing.hpp"

#include <algorithm>

namespace troupe::recipes {

namespace {

const std::string prefix = "item-";
constexpr std::size_t furthest = 15;  // of the items behind the oldest, one that a taker reaches for who loses races

std::string record_of(const queue_item& i) { return "took\n" + i.name + "\n" + i.data; }

std::optional<queue_item> item_in(const std::string& record) {
  auto name = record.find('\n'), data = record.find('\n', name + 1);
  if (!record.starts_with("took\n") || data == record.npos) return std::nullopt;
  return queue_item{record.substr(name + 1, data - name - 1), record.substr(data + 1), true};
}

}  // namespace

queueing::queueing(surroundings& out, std::string path, std::string name)
    : out_(out),
      items_(child(path, "items")),
      named_(!name.empty()),
      name_(named_ ? std::move(name) : out.token()),
      writer_(out, child(path, "clients"), name_),
      random_(static_cast<std::uint32_t>(std::hash<std::string>{}(name_))) {}

void queueing::put(std::string data, put_teller tell) {
  puts_.push_back({std::move(data), std::move(tell)});
  step();
}

std::uint64_t queueing::take(take_teller tell) {
  takes_.push_back({++last_take_, std::move(tell)});
  step();
  return last_take_;
}

void queueing::give_up(std::uint64_t number) {
  auto it = std::find_if(takes_.begin(), takes_.end(), [&](auto& t) { return t.number == number; });
  if (it == takes_.end() || (claiming_ && it == takes_.begin())) return;
  auto tell = std::move(it->tell);
  takes_.erase(it);
  tell(client::code::deadline_passed, {});
}

/// One thing at a time: what the writer can do.
void queueing::step() {
  if (busy_) return;
  bool can_take = !takes_.empty() && !watch_;
  if (puts_.empty() && !can_take) return finish_end();
  busy_ = true;
  if (!opened_) return open();
  put_was_last_ = !puts_.empty() && (!can_take || !put_was_last_);
  put_was_last_ ? do_put() : do_take();
}

void queueing::open() {
  ensure_path(out_, items_, [this](std::int32_t code) {
    if (code) return fail(code);
    writer_.open([this](std::int32_t code, const std::string& record) {
      if (code) return fail(code);
      // After an interference we come by here again: what we have still to hand out is only forgotten for another note.
      if (named_ && !record.empty()) left_over_ = item_in(record);
      if (left_over_ && left_over_->name == given_) left_over_.reset();  // the other one had it from our own note
      opened_ = true, busy_ = false;
      step();
    });
  });
}

/// There is no way to the queue: whoever waits is told.
void queueing::fail(std::int32_t code) {
  auto puts = std::exchange(puts_, {});
  auto takes = std::exchange(takes_, {});
  busy_ = false;
  for (auto& p : puts) p.tell(code);
  for (auto& t : takes) t.tell(code, {});
  step();
}

void queueing::do_put() {
  // An item that nobody was given yet stays noted, for whoever comes after us.
  writer_.write(
      {client::create{child(items_, prefix), puts_.front().data, client::create_mode::persistent_sequential, {}}},
      left_over_ ? record_of(*left_over_) : "put", [this](const exactly_once::result& r) { put_done(r.code); });
}

void queueing::put_done(std::int32_t code) {
  auto tell = std::move(puts_.front().tell);
  puts_.pop_front();
  busy_ = false;
  if (code == exactly_once::interference) opened_ = false;
  tell(code);
  step();
}

void queueing::do_take() {
  if (takes_.empty()) return busy_ = false, step();  // given up
  if (left_over_) {
    claiming_ = true;
    return take_done(0, *std::exchange(left_over_, std::nullopt));
  }
  if (seen_.empty()) return list();
  auto at = seen_.begin() + static_cast<std::ptrdiff_t>(random_() % (std::min(reach_, seen_.size() - 1) + 1));
  auto name = std::move(*at);
  seen_.erase(at);
  out_.ask(client::get_data{child(items_, name)}, [this, name](const answer& a) {
    if (takes_.empty()) {
      seen_.push_front(name);
      busy_ = false;
      return step();
    }
    if (a.ok()) return claim(name, a.as<client::data>());
    if (a.is(zk::err::no_node)) return do_take();  // somebody else has it
    if (fate_of(a.code) >= fate::refused) return take_done(a.code, {});
    seen_.push_front(name);
    out_.after(retry_pause, [this] { do_take(); });
  });
}

void queueing::list() {
  out_.ask(client::get_children{items_}, [this](const answer& a) {
    if (fate_of(a.code) >= fate::refused) return fail(a.code);
    if (!a.ok()) {
      out_.after(retry_pause, [this] { do_take(); });
      return;
    }
    auto& c = a.as<client::children>();
    for (auto& n : c.names)
      if (n.starts_with(prefix)) seen_.push_back(n);
    std::sort(seen_.begin(), seen_.end());
    if (!seen_.empty()) return do_take();
    wait_for_items(c.zxid);
  });
}

void queueing::wait_for_items(zxid_t since) {
  busy_ = false;
  watch_ = out_.watch(items_, client::scope::children, since, false, [this](const happening&) {
    if (!watch_) return;
    out_.end_watch(std::exchange(watch_, 0));
    step();
  });
  step();  // what else there is
}

void queueing::claim(const std::string& name, const client::data& d) {
  claiming_ = true;
  queue_item item{name, d.bytes, false};
  auto record = record_of(item);
  writer_.write({client::remove{child(items_, name), d.stat.version}}, record,
                [this, item = std::move(item)](const exactly_once::result& r) {
                  auto e = static_cast<zk::err>(r.code);
                  bool lost = e == zk::err::no_node || e == zk::err::bad_version;
                  reach_ = lost ? std::min(2 * reach_ + 1, furthest) : reach_ - (reach_ > 0);
                  if (!lost) return take_done(r.code, item);
                  if (end_) return take_done(client::code::cancelled, {});
                  claiming_ = false;
                  do_take();  // somebody else was faster
                });
}

void queueing::take_done(std::int32_t code, const queue_item& item) {
  claiming_ = false, busy_ = false;
  if (code == exactly_once::interference) opened_ = false;
  if (!code) given_ = item.name;
  auto tell = std::move(takes_.front().tell);
  takes_.pop_front();
  tell(code, code ? queue_item{} : item);
  step();
}

void queueing::end(std::function<void()> then) {
  end_ = std::move(then);
  auto takes = std::exchange(takes_, {});
  if (claiming_) takes_.push_back(std::move(takes.front())), takes.pop_front();
  for (auto& t : takes) t.tell(client::code::cancelled, {});
  step();
}

void queueing::finish_end() {
  if (!end_ || !takes_.empty()) return;
  if (watch_) out_.end_watch(std::exchange(watch_, 0));
  auto then = std::exchange(end_, nullptr);
  // A leftover that nobody took is for who comes next.
  if (!opened_ || left_over_) return then();
  busy_ = true;
  writer_.close(std::move(then));
}

}  // namespace troupe::recipes
