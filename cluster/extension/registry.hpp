#pragma once
/// The request types that a node has, by name and version. Filled before the node runs; constant afterwards.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "cluster/extension/request_type.hpp"

namespace troupe::extension {

struct registered {
  std::shared_ptr<request_type> type;
  description about;         ///< what the type says of itself, with the limits that hold in this node
  bool ours = false;         ///< ships with Troupe: it may run where everything else of the node waits for it
  std::size_t position = 0;  ///< in the order of registration, from 0
};

class registry {
 public:
  /// Throws std::invalid_argument, with what is wrong, for a name that no type may have and for a second type of one
  /// name and version.
  void add(std::shared_ptr<request_type>, bool ours = false);

  /// Version 0 stands for the newest. Null: there is none.
  const registered* find(std::string_view name, std::uint16_t version) const;
  /// Why `find` found nothing, and what there is in its place.
  std::string missing(std::string_view name, std::uint16_t version) const;

  /// Other limits for a version of a type, or for all of them (0). False: there is none.
  bool adjust(std::string_view name, std::uint16_t version, const std::function<void(limits&)>&);

  const std::deque<registered>& list() const { return list_; }

 private:
  std::deque<registered> list_;  ///< entries stay where they are
  std::map<std::string, std::map<std::uint16_t, registered*>, std::less<>> by_name_;
};

}  // namespace troupe::extension
