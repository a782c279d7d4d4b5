#pragma once
/// A double barrier: all of N begin together, and all end together. The logic of the barrier recipe.
///
/// A participant is an ephemeral znode PATH/in-<token>. Whoever sees N of them makes PATH/ready; who sees that one, and
/// was in before, has entered. To leave is to delete one's znode and to wait until all are gone; then anybody deletes
/// `ready`. While a `ready` of a former round stands, nobody comes in: the rounds do not mix.
///
/// Takes   enter, leave; session events; a subscription to PATH's children, which leaves no transaction out
/// Gives   entered, left, refused
/// Promises: nobody has entered before N were in at one zxid; nobody has left before each of the others has gone, or its
/// session has expired. A participant whose session expires before it has entered comes in again; later, its part in the
/// round is over (`left` tells of the others all the same).

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
  enum class phase : std::uint8_t { out, entering, in, leaving };
  void on_happening(const happening&);
  void step();
  void step_in();
  void step_out();
  void settle(client_request);

  surroundings& out_;
  port& port_;
  const std::string path_, ready_;
  const std::size_t size_;
  mirror mirror_;
  phase phase_ = phase::out;
  std::string own_;   ///< our znode's path
  zxid_t round_ = 0;  ///< czxid of the `ready` that we entered by
  bool busy_ = false;
  session_id session_ = 0;
};

}  // namespace troupe::recipes
