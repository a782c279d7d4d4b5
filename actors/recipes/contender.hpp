#pragma once
/// One place in the line before a lock: what the lock and the election are made of.
///
/// Entries are ephemeral sequential znodes `<token>__lock__<10 digits>` below the lock's path, in the order of their
/// digits, as kazoo's Lock makes them: both stand in the same line. The first one holds; everybody else watches the one
/// before it, so that one who goes wakes one. The fencing token is the czxid of the holder's entry: it grows from holder
/// to holder, and never begins anew.
///
/// Owns    its entry, found again by its token when the answer to the create was lost
/// Takes   enter, leave; session events
/// Gives   held (with the fencing token), lost, left, refused
/// Invariants: `held` is told only of an entry that stood first as of some zxid after it was made. After `held` comes
/// `lost` as soon as the session has expired, the entry is gone, or there was no connection for `patience`: so long as
/// the session outlives a disconnection by more than that, nobody else holds before. After `left` no entry of ours
/// is there. An entry that nobody knows of is never left behind in a living session.

#include <cstdint>
#include <string>

#include "actors/recipes/surroundings.hpp"

namespace troupe::recipes {

class contender {
 public:
  struct settings {
    std::string path{};
    std::string data{};  ///< of the entry: who it is, for people
    /// Without a connection, how long the lock still counts as held: below a third of the session's timeout.
    std::chrono::milliseconds patience{1'000};
  };
  /// Called back last in an event: it may call the contender.
  class port {
   public:
    virtual void held(zxid_t fencing, const std::string& entry) = 0;
    virtual void lost() = 0;  ///< it leaves by itself: `left` follows
    virtual void left() = 0;
    virtual void refused(std::int32_t code) = 0;  ///< it is out: no right, no client any more

   protected:
    ~port() = default;
  };

  contender(surroundings&, port&, settings);

  void enter();  ///< once it is out, or leaves: then behind that
  void leave();
  void on_session(const client::session_event&);

  bool holding() const { return state_ == state::holding; }
  bool out() const { return state_ == state::out; }

 private:
  enum class state : std::uint8_t { out, entering, finding, looking, waiting, holding, leaving };

  void begin();
  void create_entry();
  void on_created(const answer&);
  void find_entry();
  void on_found(const client::children&);
  void read_entry(void (contender::*next)());
  void entered();
  void look();
  void on_line(const client::children&);
  void wait_for(const std::string& entry, zxid_t since);
  void hold(zxid_t as_of);
  void watch_own_entry(zxid_t since);
  void look_at_own_entry();
  void on_own_entry(const happening&);
  void remove_entry();
  void start_over();
  void lose();
  void gone();
  void refuse(std::int32_t code);
  void pause(void (contender::*next)());
  void end_watch();
  void end_timer();
  /// Whatever was asked before does not count any more.
  template <class F>
  auto current(F&& f) {
    return [this, round = ++round_, f = std::forward<F>(f)](const auto&... a) {
      if (round == round_) f(a...);
    };
  }

  surroundings& out_;
  port& port_;
  const settings settings_;
  state state_ = state::out;
  bool wanted_ = false, connected_ = true;
  session_id session_ = 0;
  std::uint64_t round_ = 0;
  std::string name_;   ///< of our entries in this session, without digits
  std::string entry_;  ///< with them
  zxid_t fencing_ = 0;
  session_id owner_ = 0;
  surroundings::number watch_ = 0, timer_ = 0;
};

/// The entries among `names`, in their order.
std::vector<std::string> line_of(const std::vector<std::string>& names);

}  // namespace troupe::recipes
