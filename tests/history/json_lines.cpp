#include "tests/history/json_lines.hpp"

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace troupe::history {

namespace {

using nlohmann::json;

bool is_utf8(const std::string& s) {
  for (std::size_t i = 0; i < s.size();) {
    auto lead = static_cast<unsigned char>(s[i++]);
    auto more = lead < 0x80 ? 0 : lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc2 ? 1 : -1;
    // Longest forms and surrogates are no business of people either: they go as hexadecimal.
    if (more < 0 || lead > 0xf3 || (more == 3 && lead == 0xf0) || lead == 0xe0 || lead == 0xed) return false;
    for (; more; --more)
      if (i == s.size() || (s[i++] & 0xc0) != 0x80) return false;
  }
  return true;
}

void put_bytes(json& j, const std::string& name, const std::string& s) {
  if (s.empty()) return;
  if (is_utf8(s)) {
    j[name] = s;
    return;
  }
  static const char digits[] = "0123456789abcdef";
  std::string out;
  for (unsigned char c : s) out += digits[c >> 4], out += digits[c & 15];
  j[name + "_hex"] = out;
}

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  throw std::runtime_error("no hexadecimal digit");
}

std::string get_bytes(const json& j, const std::string& name) {
  if (auto it = j.find(name); it != j.end()) return it->get<std::string>();
  auto it = j.find(name + "_hex");
  if (it == j.end()) return {};
  auto text = it->get<std::string>();
  if (text.size() % 2) throw std::runtime_error("an odd number of hexadecimal digits");
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 2) out += static_cast<char>(digit(text[i]) << 4 | digit(text[i + 1]));
  return out;
}

/// What has its usual value is left out.
template <class T>
void put(json& j, const char* name, const T& value, const T& usual = T{}) {
  if (!(value == usual)) j[name] = value;
}
template <class T>
void get(const json& j, const char* name, T& value) {
  if (auto it = j.find(name); it != j.end()) value = it->get<T>();
}

template <class E>
void put_number(json& j, const char* name, E value, E usual) {
  if (value != usual) j[name] = static_cast<std::int32_t>(value);
}
template <class E>
void get_number(const json& j, const char* name, E& value) {
  if (auto it = j.find(name); it != j.end()) value = static_cast<E>(it->get<std::int32_t>());
}

void put_acl(json& j, const zk::acl_list& list) {
  if (list.empty()) return;
  auto& out = j["acl"] = json::array();
  for (auto& a : list) out.push_back({a.perms, a.who.scheme, a.who.name});
}
zk::acl_list get_acl(const json& j) {
  zk::acl_list out;
  if (auto it = j.find("acl"); it != j.end())
    for (auto& a : *it) out.push_back({a.at(0), {a.at(1), a.at(2)}});
  return out;
}

json to_json(const zk::stat& s) {
  return {s.czxid,    s.mzxid,           s.ctime,       s.mtime,        s.version, s.cversion,
          s.aversion, s.ephemeral_owner, s.data_length, s.num_children, s.pzxid};
}
zk::stat to_stat(const json& j) {
  return {j.at(0), j.at(1), j.at(2), j.at(3), j.at(4), j.at(5), j.at(6), j.at(7), j.at(8), j.at(9), j.at(10)};
}

json to_json(const request& r) {
  json j;
  j["op"] = static_cast<std::int32_t>(r.op);
  put_bytes(j, "path", r.path), put_bytes(j, "data", r.data);
  put(j, "version", r.version, -1), put(j, "flags", r.flags), put(j, "watch", r.watch);
  put_acl(j, r.acl);
  put(j, "timeout_ms", r.timeout_ms), put(j, "session", r.session), put(j, "zxid", r.zxid);
  put(j, "data_watches", r.data_watches), put(j, "exist_watches", r.exist_watches);
  put(j, "child_watches", r.child_watches);
  for (auto& p : r.parts) j["parts"].push_back(to_json(p));
  return j;
}

request to_request(const json& j) {
  request r;
  get_number(j, "op", r.op);
  r.path = get_bytes(j, "path"), r.data = get_bytes(j, "data");
  get(j, "version", r.version), get(j, "flags", r.flags), get(j, "watch", r.watch);
  r.acl = get_acl(j);
  get(j, "timeout_ms", r.timeout_ms), get(j, "session", r.session), get(j, "zxid", r.zxid);
  get(j, "data_watches", r.data_watches), get(j, "exist_watches", r.exist_watches);
  get(j, "child_watches", r.child_watches);
  if (auto it = j.find("parts"); it != j.end())
    for (auto& p : *it) r.parts.push_back(to_request(p));
  return r;
}

json to_json(const result& r) {
  json j = json::object();
  put_number(j, "error", r.error, zk::err::ok);
  put_bytes(j, "path", r.path), put_bytes(j, "data", r.data);
  if (r.stat) j["stat"] = to_json(*r.stat);
  put(j, "children", r.children);
  put_acl(j, r.acl);
  for (auto& p : r.parts) j["parts"].push_back(to_json(p));
  return j;
}

result to_result(const json& j) {
  result r;
  get_number(j, "error", r.error);
  r.path = get_bytes(j, "path"), r.data = get_bytes(j, "data");
  if (auto it = j.find("stat"); it != j.end()) r.stat = to_stat(*it);
  get(j, "children", r.children);
  r.acl = get_acl(j);
  if (auto it = j.find("parts"); it != j.end())
    for (auto& p : *it) r.parts.push_back(to_result(p));
  return r;
}

const char* const kinds[] = {"call", "reply", "lost", "event", "connected", "disconnected", "expired"};
const char* const changes[] = {"check", "create", "delete", "set_data", "set_acl", "open_session", "close_session"};

template <class E, std::size_t n>
E kind_named(const char* const (&names)[n], const json& j) {
  auto text = j.get<std::string>();
  for (std::size_t i = 0; i < n; ++i)
    if (text == names[i]) return static_cast<E>(i);
  throw std::runtime_error("unknown kind '" + text + "'");
}

json to_json(const change& c) {
  json j;
  j["kind"] = changes[static_cast<std::size_t>(c.what)];
  j["op"] = static_cast<std::int32_t>(c.op);
  put_bytes(j, "path", c.path), put_bytes(j, "data", c.data);
  put_acl(j, c.acl);
  put(j, "owner", c.ephemeral_owner), put(j, "creates", c.parent_creates), put(j, "version", c.version);
  put(j, "session", c.session), put(j, "timeout_ms", c.timeout_ms);
  return j;
}

change to_change(const json& j) {
  change c;
  c.what = kind_named<change::kind>(changes, j.at("kind"));
  get_number(j, "op", c.op);
  c.path = get_bytes(j, "path"), c.data = get_bytes(j, "data");
  c.acl = get_acl(j);
  get(j, "owner", c.ephemeral_owner), get(j, "creates", c.parent_creates), get(j, "version", c.version);
  get(j, "session", c.session), get(j, "timeout_ms", c.timeout_ms);
  return c;
}

entry to_entry(const json& j) {
  entry e;
  e.what = kind_named<entry::kind>(kinds, j.at("entry"));
  get(j, "at_us", e.at_us), get(j, "client", e.client), get(j, "session", e.session), get(j, "node", e.node);
  get(j, "call", e.call), get(j, "zxid", e.zxid);
  if (auto it = j.find("asked"); it != j.end()) e.asked = to_request(*it);
  if (auto it = j.find("got"); it != j.end()) e.got = to_result(*it);
  get_number(j, "event", e.event);
  e.path = get_bytes(j, "path");
  get(j, "timeout_ms", e.timeout_ms), get(j, "reattached", e.reattached);
  return e;
}

txn to_txn(const json& j) {
  txn t;
  t.zxid = j.at("txn");
  get(j, "session", t.session), get(j, "time_ms", t.time_ms), get(j, "origin", t.origin);
  get(j, "request", t.request_id);
  for (auto& c : j.at("changes")) t.changes.push_back(to_change(c));
  return t;
}

void add_line(const json& j, history& h) {
  if (j.contains("entry")) {
    h.entries.push_back(to_entry(j));
  } else if (j.contains("txn")) {
    h.log.push_back(to_txn(j));
  } else if (j.contains("settings")) {
    h.set.name = j.at("settings");
    get(j, "tick_ms", h.set.tick_ms), get(j, "expiry_tolerance_ms", h.set.expiry_tolerance_ms);
    get(j, "touch_report_ms", h.set.touch_report_ms), get(j, "clock_offset_ms", h.set.clock_offset_ms);
  } else if (j.contains("base")) {
    h.base.zxid = j.at("base");
  } else if (j.contains("base_node")) {
    h.base.nodes.push_back({get_bytes(j, "base_node"), get_bytes(j, "data"), get_acl(j), to_stat(j.at("stat"))});
  } else if (j.contains("base_session")) {
    h.base.sessions.push_back({j.at("base_session"), j.at("timeout_ms")});
  } else {
    throw std::runtime_error("neither entry, txn, settings nor base");
  }
}

}  // namespace

std::string to_line(const entry& e) {
  json j;
  j["entry"] = kinds[static_cast<std::size_t>(e.what)];
  j["at_us"] = e.at_us, j["client"] = e.client;
  put(j, "session", e.session), put(j, "node", e.node), put(j, "call", e.call), put(j, "zxid", e.zxid);
  if (e.what == entry::kind::call) j["asked"] = to_json(e.asked);
  if (e.what == entry::kind::reply) j["got"] = to_json(e.got);
  if (e.what == entry::kind::event) j["event"] = static_cast<std::int32_t>(e.event);
  put_bytes(j, "path", e.path);
  put(j, "timeout_ms", e.timeout_ms), put(j, "reattached", e.reattached);
  return j.dump();
}

std::string to_line(const txn& t) {
  json j;
  j["txn"] = t.zxid;
  put(j, "session", t.session), put(j, "time_ms", t.time_ms), put(j, "origin", t.origin);
  put(j, "request", t.request_id);
  j["changes"] = json::array();
  for (auto& c : t.changes) j["changes"].push_back(to_json(c));
  return j.dump();
}

std::string to_line(const settings& s) {
  json j;
  j["settings"] = s.name;
  put(j, "tick_ms", s.tick_ms), put(j, "expiry_tolerance_ms", s.expiry_tolerance_ms, -1);
  put(j, "touch_report_ms", s.touch_report_ms, -1), put(j, "clock_offset_ms", s.clock_offset_ms);
  return j.dump();
}

void save(const history& h, std::ostream& out) {
  out << to_line(h.set) << '\n';
  if (h.base.zxid) out << json{{"base", h.base.zxid}}.dump() << '\n';
  for (auto& s : h.base.sessions) out << json{{"base_session", s.session}, {"timeout_ms", s.timeout_ms}}.dump() << '\n';
  for (auto& n : h.base.nodes) {
    json j;
    put_bytes(j, "base_node", n.path), put_bytes(j, "data", n.data);
    put_acl(j, n.acl);
    j["stat"] = to_json(n.stat);
    out << j.dump() << '\n';
  }
  for (auto& t : h.log) out << to_line(t) << '\n';
  for (auto& e : h.entries) out << to_line(e) << '\n';
}

void save(const history& h, const std::string& file) {
  std::ofstream out(file);
  save(h, out);
  out.flush();
  if (!out) throw std::runtime_error("can't write " + file);
}

void load(std::istream& in, history& h) {
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) try {
      if (!line.empty()) add_line(json::parse(line), h);
    } catch (const std::exception& e) {
      throw std::runtime_error("line " + std::to_string(number) + ": " + e.what());
    }
}

history load(const std::string& file) {
  std::ifstream in(file);
  if (!in) throw std::runtime_error("can't read " + file);
  history h;
  try {
    load(in, h);
  } catch (const std::exception& e) {
    throw std::runtime_error(file + ", " + e.what());
  }
  return h;
}

}  // namespace troupe::history
