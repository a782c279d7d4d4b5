#include "cluster/watch/watch_notifier.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

#include "cluster/planted_bug.hpp"
#include "cluster/watch/watch_registry.hpp"
#include "schema/jute.hpp"

namespace troupe::watch {

namespace {

constexpr std::int32_t state_sync_connected = 3;

/// The znode above; "/" for a child of the root.
std::string_view parent_of(std::string_view path) {
  auto slash = path.rfind('/');
  return slash == 0 || slash == std::string_view::npos ? std::string_view{"/"} : path.substr(0, slash);
}

/// Who may read a znode. Connections with the same credentials (most often those that share one object) are judged
/// once.
class read_filter {
 public:
  explicit read_filter(const tree::acl_ref& acl) : acl_(acl) {}

  bool lets_pass(const tree::credentials* who) {
    if (!acl_) return true;
    if (!judged_ || who != last_) {
      static const tree::credentials nobody;
      verdict_ = tree::allowed(acl_, zk::perm::read, who ? *who : nobody);
      last_ = who, judged_ = true;
    }
    return verdict_;
  }

 private:
  const tree::acl_ref& acl_;
  const tree::credentials* last_ = nullptr;
  bool judged_ = false, verdict_ = false;
};

}  // namespace

struct watch_notifier::impl {
  impl(watch_limits l, subscription_limits s) : registry(l), subs(s) {}

  watch_registry registry;
  subscriptions subs;
  std::vector<conn_id> overflown;  ///< too much waited for them

  /// The frame of one event, appended to the batch when the first connection needs it and shared by all others.
  class event_frame {
   public:
    event_frame(impl& m, delivery_batch& out, zk::event what, zxid_t zxid, std::string_view path)
        : m_(m), out_(out), what_(what), zxid_(zxid), path_(path) {}

    void deliver_to(conn_id conn) {
      if (size_ == 0) write();
      m_.give({.conn = conn, .at = at_, .size = size_}, out_);
    }

   private:
    void write() {
      auto at = out_.bytes.size();
      jute::writer w(out_.bytes);
      auto frame = w.begin_frame();
      w.i32(zk::xid_watch_event), w.i64(zxid_), w.i32(0);
      w.i32(static_cast<std::int32_t>(what_)), w.i32(state_sync_connected), w.ustring(path_);
      w.end_frame(frame);
      if (out_.bytes.size() > std::numeric_limits<std::uint32_t>::max())
        throw std::logic_error("a delivery batch of " + std::to_string(out_.bytes.size()) +
                               " bytes; 4 GiB is the most");
      at_ = static_cast<std::uint32_t>(at), size_ = static_cast<std::uint32_t>(out_.bytes.size() - at);
    }

    impl& m_;
    delivery_batch& out_;
    zk::event what_;
    zxid_t zxid_;
    std::string_view path_;
    std::uint32_t at_ = 0, size_ = 0;
  };

  /// A piece for a connection: out, or behind what a subscription of it still has to be told.
  void give(const delivery_batch::item& piece, delivery_batch& out) {
    if (!subs.any_held() || !subs.holds(piece.conn)) return out.items.push_back(piece);
    if (subs.hold(piece.conn, std::string_view(out.bytes).substr(piece.at, piece.size), piece.is_reply)) return;
    overflown.push_back(piece.conn);
    out.items.push_back({.conn = piece.conn, .close = true});
  }

  /// Not at once: watches may be firing.
  void refuse_overflown() {
    for (auto c : overflown) registry.refuse(c);
    overflown.clear();
  }

  void forget(conn_id conn) {
    registry.drop(conn);
    subs.drop(conn);
  }

  void fire(std::string_view path, bool data, bool child, zk::event what, zxid_t zxid, const tree::acl_ref& acl,
            delivery_batch& out) {
    event_frame frame(*this, out, what, zxid, path);
    read_filter filter(acl);
    registry.fire(path, data, child, [&](const watch_registry::connection& c) {
      if (filter.lets_pass(c.creds.get()) || planted(planted_bug::cve_2024_23944)) frame.deliver_to(c.id);
    });
  }

  void on_change(const stream_batch& in, const stream_item& i, delivery_batch& out) {
    auto data = registry.any(watch_table::data), child = registry.any(watch_table::child);
    if (!data && !child) return;
    if (i.index + std::size_t{1} >= in.acls.size())
      throw std::logic_error("a change refers to ACL " + std::to_string(i.index) + " and the next, of " +
                             std::to_string(in.acls.size()));
    auto path = in.path(i);
    auto deleted = i.event == zk::event::node_deleted;
    if (data || deleted) fire(path, data, deleted, i.event, i.zxid, in.acls[i.index], out);
    if (child && i.event != zk::event::node_data_changed)
      fire(parent_of(path), false, true, zk::event::node_children_changed, i.zxid, in.acls[i.index + 1], out);
  }

  void on_watch(conn_id conn, watch_table table, std::string_view path, delivery_batch& out) {
    if (registry.add(conn, table, path) != watch_registry::added::refused) return;
    subs.drop(conn);
    out.items.push_back({.conn = conn, .close = true});
  }

  bool silenced(conn_id conn) const { return registry.any_refused() && registry.refused(conn); }
};

watch_notifier::watch_notifier(watch_limits l, subscription_limits s) : impl_(std::make_unique<impl>(l, s)) {}
watch_notifier::~watch_notifier() = default;

void watch_notifier::step(stream_batch&& in, delivery_batch& out) {
  auto& m = *impl_;
  std::size_t shift = 0;
  if (out.bytes.empty()) {
    // Swapped rather than moved, so that neither side loses its capacity.
    out.bytes.swap(in.bytes);
  } else {
    shift = out.bytes.size();
    out.bytes.append(in.bytes);
  }
  if (out.bytes.size() > std::numeric_limits<std::uint32_t>::max())
    throw std::logic_error("a delivery batch of " + std::to_string(out.bytes.size()) + " bytes; 4 GiB is the most");
  if (out.items.capacity() < out.items.size() + in.items.size())
    out.items.reserve(std::max(out.items.size() + in.items.size(), out.items.capacity() * 2));
  auto piece = [&](const stream_item& i, bool close) {
    return delivery_batch::item{i.conn, static_cast<std::uint32_t>(i.at + shift), i.size, true, close};
  };
  for (auto& i : in.items) {
    if (!m.overflown.empty()) m.refuse_overflown();
    switch (i.what) {
      case stream_item::kind::reply:
        if (!m.silenced(i.conn)) m.give(piece(i, false), out);
        break;
      case stream_item::kind::last_reply:
        // What is held is dropped: it would promise what was not told. This one ends the session, or shows nothing.
        if (!m.silenced(i.conn)) out.items.push_back(piece(i, true));
        m.forget(i.conn);
        break;
      case stream_item::kind::close:
        if (!m.silenced(i.conn)) out.items.push_back({.conn = i.conn, .close = true});
        m.forget(i.conn);
        break;
      case stream_item::kind::watch:
        m.on_watch(i.conn, i.table, in.path(i), out);
        break;
      case stream_item::kind::event:
        if (!m.silenced(i.conn)) impl::event_frame(m, out, i.event, i.zxid, in.path(i)).deliver_to(i.conn);
        break;
      case stream_item::kind::change:
        m.on_change(in, i, out);
        break;
      case stream_item::kind::identity:
        m.registry.identify(i.conn, in.creds.at(i.index));
        m.subs.identify(i.conn, in.creds.at(i.index));
        break;
      case stream_item::kind::closed:
        m.forget(i.conn);
        break;
      case stream_item::kind::subscribe:
        if (m.silenced(i.conn)) break;
        if (!m.subs.subscribe(i.conn, m.registry.credentials_of(i.conn), std::move(in.subscriptions.at(i.index)),
                              i.zxid, piece(i, false), out))
          m.registry.refuse(i.conn);
        break;
      case stream_item::kind::unsubscribe:
        if (!m.silenced(i.conn)) m.subs.unsubscribe(i.conn, in.subscriptions.at(i.index).number, piece(i, false), out);
        break;
      case stream_item::kind::state:
        m.subs.state(i.conn, std::move(in.subscriptions.at(i.index)), i.zxid, out);
        break;
      case stream_item::kind::transaction:
        m.subs.transaction(i.zxid, in.transactions.at(i.index), out);
        break;
    }
  }
  m.refuse_overflown();
}

void watch_notifier::on_history(history&& h, delivery_batch& out) { impl_->subs.on_history(std::move(h), out); }
void watch_notifier::on_drained(conn_id c, delivery_batch& out) { impl_->subs.on_drained(c, out); }
void watch_notifier::take_turns(delivery_batch& out) { impl_->subs.take_turns(out); }
subscriptions::wants watch_notifier::take_wants() { return impl_->subs.take_wants(); }
const subscriptions& watch_notifier::subscribed() const { return impl_->subs; }

std::size_t watch_notifier::watch_count() const { return impl_->registry.count(); }
std::size_t watch_notifier::watched_paths() const { return impl_->registry.paths(); }
std::size_t watch_notifier::watching_connections() const { return impl_->registry.connections_with_watches(); }

}  // namespace troupe::watch
