#pragma once
/// A double barrier: all of N begin together, and all end together. The logic of the barrier recipe.
///
/// A participant is an ephemeral znode PATH/in-<token>. Whoever sees N of them, and none of the last round, writes to
/// PATH/ready the zxid as of which it sees that. Every participant that was there as of that zxid (its czxid is not greater)
/// is in the round, and has entered when it sees it; who has come later waits for the next round. To leave is to delete
/// one's znode, and to wait until nobody of the round is there.
///
/// Why rounds do not mix, however many come and however late a write arrives: czxids only grow, so once nobody of a round
/// is there, nobody of it will ever be. What was true when a round was asked for is true when it begins. And `ready` is
/// written at the version that was seen with it, and never deleted (a znode that is made anew has its old versions again):
/// of several that would begin a round one does, and the others fail for ever.
///
/// Takes   enter, leave; session events; a subscription to PATH's children
/// Gives   entered, left, refused
/// Promises: nobody has entered before N were in at one zxid, it among them; nobody has left before each of the others has
/// gone, or its session has expired. A participant whose session expires before it has entered comes in again; later, its
/// part in the round is over (`left` tells of the others all the same). Who is refused goes out, if it is in. A subscription
/// that a node does not go on with is asked for again and again; until one takes it, nothing is done by what was seen last.

#include <string>

#include "actors/recipes/mirror.hpp"
#include "actors/recipes/surroundings.hpp"

namespace troupe::recipes {

class gathering {
 public:
  class port {
   public:
    virtual void entered() = 0;
    virtual void left() = 0;
    virtual void refused(std::int32_t code) = 0;

   protected:
    ~port() = default;
  };
  gathering(surroundings&, port&, std::string path, std::size_t size);

  void start();
  void enter();
  void leave();
  void on_session(const client::session_event&);

 private:
  enum class phase : std::uint8_t {
    out,
    entering,
    in,
    leaving,
    refused  ///< leaves, and has nobody to tell
  };
  void on_happening(const happening&);
  void on_no_view(std::int32_t code);
  void step();
  void step_in();
  void step_out();
  void begin_round();
  void settle(client_request);
  void look_again();
  void refuse(std::int32_t code);
  zxid_t last_round() const;
  std::size_t participants(zxid_t as_of) const;

  surroundings& out_;
  port& port_;
  const std::string path_, ready_;
  const std::size_t size_;
  mirror mirror_;
  phase phase_ = phase::out;
  std::string own_;   ///< our znode's path
  zxid_t round_ = 0;  ///< that we entered, by the zxid that it has in `ready`
  bool busy_ = false;
  bool seen_ = false;  ///< there was a view of the group: something may have been done by it
  session_id session_ = 0;
};

}  // namespace troupe::recipes
