#include "cluster/tree/acl.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <tuple>

#include "cluster/tree/ip_prefix.hpp"

namespace troupe::tree {

namespace {

bool world(const zk::id& i) { return i.scheme == "world" && i.name == "anyone"; }

bool matches(const zk::id& entry, const zk::id& caller) {
  if (entry.scheme != caller.scheme) return false;
  if (entry.scheme != "ip") return entry.name == caller.name;
  const auto prefix = parse_ip_prefix(entry.name), peer = parse_ip_prefix(caller.name);
  return prefix && peer && contains(*prefix, *peer);
}

/// Java's `id.split(":").length == 2`, which drops empty parts at the end.
bool valid_digest(std::string_view name) {
  while (!name.empty() && name.back() == ':') name.remove_suffix(1);
  return std::count(name.begin(), name.end(), ':') == 1;
}

bool valid_entry(const zk::id& i) {
  if (world(i)) return true;
  if (i.scheme == "digest") return valid_digest(i.name);
  if (i.scheme == "ip") return parse_ip_prefix(i.name).has_value();
  return false;
}

/// What `auth` stands for: "ip" is known of everybody, and "super" cannot stand in an ACL.
bool authenticated(const zk::id& i) { return i.scheme != "ip" && i.scheme != "super" && i.scheme != "world"; }

}  // namespace

bool allowed(const acl_ref& list, std::int32_t wanted, std::span<const zk::id> who) {
  if (!list || list->empty()) return true;
  for (auto& i : who)
    if (i.scheme == "super") return true;
  for (auto& entry : *list) {
    if ((entry.perms & wanted) == 0) continue;
    if (world(entry.who)) return true;
    for (auto& i : who)
      if (matches(entry.who, i)) return true;
  }
  return false;
}

std::optional<zk::acl_list> fix_acl(const zk::acl_list& list, std::span<const zk::id> who) {
  zk::acl_list out;
  // A set and not a search: a frame holds some 80,000 entries.
  std::set<std::tuple<std::string_view, std::string_view, std::int32_t>> seen;
  for (auto& entry : list) {
    if (!seen.emplace(entry.who.scheme, entry.who.name, entry.perms).second) continue;
    if (entry.who.scheme == "auth") {
      const auto before = out.size();
      for (auto& i : who)
        if (authenticated(i)) out.push_back({entry.perms, i});
      if (out.size() == before) return {};
    } else if (valid_entry(entry.who)) {
      out.push_back(entry);
    } else {
      return {};
    }
  }
  if (out.empty()) return {};
  return out;
}

zk::id digest_id(std::string_view user_password) {
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (EVP_Digest(user_password.data(), user_password.size(), hash, &size, EVP_sha1(), nullptr) != 1)
    throw std::logic_error("OpenSSL has no SHA-1");
  unsigned char text[EVP_MAX_MD_SIZE * 2];
  const int n = EVP_EncodeBlock(text, hash, static_cast<int>(size));
  auto name = std::string(user_password.substr(0, user_password.find(':')));
  name += ':';
  name.append(reinterpret_cast<const char*>(text), static_cast<std::size_t>(n));
  return {"digest", std::move(name)};
}

std::string canonical(const zk::acl_list& list) {
  std::string out;
  if (list.size() == 1 && list[0].perms == zk::perm::all && world(list[0].who)) return out;
  jute::writer w(out);
  zk::write(w, list);
  return out;
}

}  // namespace troupe::tree
