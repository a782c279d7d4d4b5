#include <algorithm>
#include <cstdio>

#include "tests/history/answers.hpp"
#include "tests/history/check.hpp"

namespace troupe::history {

namespace {

std::string quoted(const std::string& s) {
  std::string out = "'";
  for (char c : s.substr(0, 40)) {
    char text[8] = {c, 0};
    if (static_cast<unsigned char>(c) < 0x20)
      std::snprintf(text, sizeof text, "\\x%02x", static_cast<unsigned char>(c));
    out += text;
  }
  return out + (s.size() > 40 ? "'..." : "'");
}

std::string describe(const request& r) {
  auto out = name(r.op);
  if (!r.path.empty()) out += ' ' + r.path;
  bool creates = r.op == zk::op::create || r.op == zk::op::create2;
  if (creates || r.op == zk::op::set_data || r.op == zk::op::call) out += ' ' + quoted(r.data);
  if (creates && r.flags & request::ephemeral) out += " ephemeral";
  if (creates && r.flags & request::sequential) out += " sequential";
  if (r.version != -1) out += " version " + std::to_string(r.version);
  if (r.watch) out += " watch";
  if (r.op == zk::op::create_session)
    out += " session " + hex(r.session) + " timeout " + std::to_string(r.timeout_ms) + " ms, has seen " + hex(r.zxid);
  if (r.op == zk::op::set_watches) {
    out += " since " + hex(r.zxid);
    for (auto& p : r.data_watches) out += " data " + p;
    for (auto& p : r.exist_watches) out += " exist " + p;
    for (auto& p : r.child_watches) out += " child " + p;
  }
  for (auto& p : r.parts) out += " [" + describe(p) + "]";
  return out;
}

std::string describe(const result& r) {
  auto out = name(r.error);
  if (!r.path.empty()) out += ' ' + r.path;
  if (!r.data.empty()) out += ' ' + quoted(r.data);
  if (r.stat)
    out += " version " + std::to_string(r.stat->version) + " cversion " + std::to_string(r.stat->cversion) + " mzxid " +
           hex(r.stat->mzxid) + " pzxid " + hex(r.stat->pzxid);
  if (!r.children.empty()) {
    out += " children";
    for (auto& c : r.children) out += ' ' + c;
  }
  for (auto& p : r.parts) out += " [" + describe(p) + "]";
  return out;
}

}  // namespace

std::string describe(const entry& e) {
  using kind = entry::kind;
  char head[96];
  std::snprintf(head, sizeof head, "%14.6f client %u node %u session %s", static_cast<double>(e.at_us) / 1e6, e.client,
                static_cast<unsigned>(e.node), hex(e.session).c_str());
  auto out = std::string(head);
  auto number = " #" + std::to_string(e.call);
  switch (e.what) {
    case kind::call:
      return out + number + " calls " + describe(e.asked);
    case kind::reply:
      return out + number + " gets at " + hex(e.zxid) + ' ' + describe(e.got);
    case kind::lost:
      return out + number + " is lost";
    case kind::event:
      return out + " event at " + (e.zxid < 0 ? "-1" : hex(e.zxid)) + ' ' + name(e.event) + ' ' + e.path;
    case kind::connected:
      return out + number + (e.reattached ? " re-attached, " : " connected, ") + std::to_string(e.timeout_ms) + " ms";
    case kind::disconnected:
      return out + " disconnected";
    case kind::expired:
      return out + number + " expired";
  }
  return out;
}

std::string describe(const txn& t) {
  using kind = change::kind;
  auto out = hex(t.zxid) + " session " + hex(t.session) + " node " + std::to_string(t.origin) + ':';
  for (auto& c : t.changes) {
    out += " [" + name(c.op) + ' ';
    switch (c.what) {
      case kind::check:
        out += c.path;
        break;
      case kind::create:
        out += c.path + ' ' + quoted(c.data) + " as number " + std::to_string(c.parent_creates);
        if (c.ephemeral_owner) out += " of " + hex(c.ephemeral_owner);
        break;
      case kind::del:
        out += "deletes " + c.path;
        break;
      case kind::set_data:
        out += c.path + ' ' + quoted(c.data) + " version " + std::to_string(c.version);
        break;
      case kind::set_acl:
        out += c.path + " version " + std::to_string(c.version);
        break;
      case kind::open_session:
        out += hex(c.session) + ' ' + std::to_string(c.timeout_ms) + " ms";
        break;
      case kind::close_session:
        out += hex(c.session);
        break;
    }
    out += ']';
  }
  return out;
}

std::string describe(const history& h, const breach& b, std::size_t context) {
  std::string out = b.rule + ": " + b.what + '\n';
  for (auto& r : rules())
    if (r.name == b.rule) out += "  proves: not so, that " + std::string(r.sentence) + '\n';
  std::set<std::size_t> shown;
  for (auto i : b.entries) {
    if (i >= h.entries.size()) continue;
    // What this client did around it.
    auto client = h.entries[i].client;
    shown.insert(i);
    for (std::size_t k = i, n = 0; k-- > 0 && n < context;)
      if (h.entries[k].client == client) shown.insert(k), ++n;
    for (std::size_t k = i + 1, n = 0; k < h.entries.size() && n < context; ++k)
      if (h.entries[k].client == client) shown.insert(k), ++n;
  }
  for (auto i : shown) {
    bool named = std::find(b.entries.begin(), b.entries.end(), i) != b.entries.end();
    out += (named ? "  > " : "    ") + describe(h.entries[i]) + '\n';
  }
  for (auto z : b.zxids) {
    auto at = std::lower_bound(h.log.begin(), h.log.end(), z, [](auto& t, zxid_t v) { return t.zxid < v; });
    if (at != h.log.end() && at->zxid == z) out += "  log " + describe(*at) + '\n';
  }
  return out;
}

}  // namespace troupe::history
