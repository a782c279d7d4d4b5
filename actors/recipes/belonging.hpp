#pragma once
/// Who is in a group, and our own place in it: the logic of group membership.
///
/// A member is an ephemeral znode PATH/NAME with its data. The members are a subscription to PATH's children: whoever
/// listens is told the whole list after every transaction that changed it, with its zxid, none left out, in order.
///
/// Takes   join, leave; session events
/// Gives   the list; joined (with the czxid of our znode), parted, refused
/// Invariants: while somebody else has our name, we wait until it is free. Our znode is the one that our create has made, by
/// its czxid: another member on the same client, in the same session, is somebody else. Only where the answer to a create
/// was lost, a znode of our session that was not there before is taken for ours: two on one client that ask for one name
/// at once may then both take it for theirs. We have one znode: who joins under another name has left the former first,
/// and who joins again with other data has changed them. After an expired session we join again by ourselves; a join that
/// was answered by `refused` is none, and takes us out, if we were in. `parted` is told once our znode is gone and joining
/// was not wanted any more. A subscription that a node does not go on with is asked for again and again; until one takes it,
/// nothing is done by what was seen last, and then the list is told anew.

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
  void on_no_view(std::int32_t code);
  void step();
  void create();
  void change(const mirrored&);
  void remove();
  void settle(std::function<void()> then);
  void refuse(std::int32_t code);
  const mirrored* own() const;
  bool wants(const std::string& path) const { return wanted_ && path == child(path_, name_); }

  surroundings& out_;
  port& port_;
  const std::string path_;
  mirror mirror_;
  std::string name_, data_;
  bool wanted_ = false, busy_ = false, parting_ = false;
  bool asked_ = false;  ///< a join is still to be answered
  bool seen_ = false;   ///< there was a view of the group: something may have been done by it
  std::string own_;     ///< the path of the znode that we have made last
  zxid_t since_ = 0;    ///< its czxid; 0: none in this session
  zxid_t joined_ = 0;   ///< what was told
  session_id session_ = 0;
};

}  // namespace troupe::recipes
