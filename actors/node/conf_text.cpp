#include "actors/node/conf_text.hpp"

#include <sstream>

namespace troupe::actors {

std::string conf_text(const node_config& c) {
  std::ostringstream out;
  out << "clientPort=" << c.client_port << '\n'
      << "secureClientPort=-1\n"
      << "dataDir=" << c.data_dir.string() << '\n'
      << "dataLogDir=" << c.data_dir.string() << '\n'
      << "tickTime=" << c.tick_ms << '\n'
      << "maxClientCnxns=" << c.max_client_connections << '\n'
      << "minSessionTimeout=" << c.min_session_timeout_ms << '\n'
      << "maxSessionTimeout=" << c.max_session_timeout_ms << '\n'
      << "clientPortListenBacklog=-1\n"
      << "serverId=" << static_cast<int>(c.id) << '\n';
  if (c.alone()) return out.str();
  out << "initLimit=" << c.init_timeout_ms / c.tick_ms << '\n'
      << "syncLimit=" << c.sync_timeout_ms / c.tick_ms << '\n'
      << "electionAlg=3\n"
      << "electionPort=" << c.peer_address->port << '\n'  // one port for both
      << "quorumPort=" << c.peer_address->port << '\n'
      << "peerType=" << (c.observer() ? 1 : 0) << '\n'
      << "membership: \n";
  for (auto& m : c.members)
    out << "server." << static_cast<int>(m.id) << '=' << m.address.text() << ':' << m.address.port << ':'
        << (m.observer ? "observer" : "participant") << '\n';
  return out.str();
}

}  // namespace troupe::actors
