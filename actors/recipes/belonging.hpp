#pragma once
/// Who is in a group, and our own place in it: the logic of group membership.
///
/// A member is an ephemeral znode PATH/NAME with its data. The members are a subscription to PATH's children: whoever
/// listens is told the whole list after every transaction that changed it, with its zxid, none left out, in order.
///
/// Takes   join, leave; session events
/// Gives   the list; joined (with the czxid of our znode), parted, refused
/// Invariants: while somebody else has our name, we wait until it is free. After an expired session we join again by
/// ourselves. `parted` is told once our znode is gone and joining was not wanted any more.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "actors/recipes/mirror.hpp"
#include "actors/recipes/surroundings.hpp"

namespace troupe::recipes {

struct member {
  std::string name, data;
  zxid_t since = 0;  ///< the czxid of its znode
};
struct member_list {
  zxid_t zxid = 0;
  std::vector<member> members;  ///< by name
};

class belonging {
 public:
  class port {
   public:
    virtual void members(const member_list&) = 0;
    virtual void joined(zxid_t since) = 0;
    virtual void parted() = 0;
    virtual void refused(std::int32_t code) = 0;

   protected:
    ~port() = default;
  };
  belonging(surroundings&, port&, std::string path);

  void start();
  void join(std::string name, std::string data);
  void leave();
  void on_session(const client::session_event&);

  bool ready() const { return mirror_.ready(); }
  member_list list() const;

 private:
  void on_happening(const happening&);
  void step();
  void create();
  void remove();
  void settle();
  const mirrored* own() const;

  surroundings& out_;
  port& port_;
  const std::string path_;
  mirror mirror_;
  std::string name_, data_;
  bool wanted_ = false, busy_ = false, parting_ = false;
  zxid_t joined_ = 0;  ///< what was told
  session_id session_ = 0;
};

}  // namespace troupe::recipes
