#pragma once
// What every example needs: the nodes from its command line, and a znode to begin with.

#include <algorithm>
#include <string>
#include <troupe/blocking.hpp>
#include <vector>

/// The actor ports of an ensemble, "host:port,host:port,...": 1000 above the client ports that `troupe up` prints.
inline std::vector<std::string> nodes_of(int argc, char** argv) {
  std::string list = argc > 1 ? argv[1] : "127.0.0.1:3181";
  std::vector<std::string> out;
  for (std::size_t at = 0; at <= list.size();) {
    auto end = std::min(list.find(',', at), list.size());
    out.push_back(list.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

/// Makes the znode and those above it, or sets its data.
inline void put(troupe::client::blocking_client& zk, const std::string& path, const std::string& data) {
  zk.sync();  // what an earlier run has made is not made again
  for (auto at = path.find('/', 1); at != path.npos; at = path.find('/', at + 1))
    if (!zk.exists(path.substr(0, at)).stat) zk.create(path.substr(0, at), "");
  if (zk.exists(path).stat)
    zk.set_data(path, data);
  else
    zk.create(path, data);
}
