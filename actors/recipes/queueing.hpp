#pragma once
/// A queue of items, each for exactly one taker: the logic of the queue recipe.
///
/// PATH/items/item-<10 digits> are the items, PATH/clients/NAME the writers' own (exactly_once.hpp). To take an item is to
/// delete it in one multi with the note in one's own znode that one has it: nobody else can take it then, and a taker who
/// is not told how the multi went reads there. To put one is such a multi too.
///
/// Gives   each put and each take its result once. Nothing is guessed: while the outcome is unknown, it is found out
/// Order: takers that race for one item get it one after the other and slow each other down to the pace of one. Who loses a
/// race therefore reaches for one of the 16 oldest at random, ever nearer to the oldest the fewer it loses.
/// Invariants: an item is handed to one asker of one taker. A put that was answered 0 is one item; one that was answered
/// with an error is none, unless the client was closed meanwhile. If a process dies between taking and handing over, the
/// item is in its znode: whoever starts under the same name gets it first, marked `again`, because it may have been
/// handed over.

#include <deque>
#include <functional>
#include <optional>
#include <random>
#include <string>

#include "actors/recipes/exactly_once.hpp"

namespace troupe::recipes {

struct queue_item {
  std::string name, data;
  bool again = false;  ///< a former life under the same name took it, and may have worked on it
};

class queueing {
 public:
  using put_teller = std::function<void(std::int32_t code)>;
  using take_teller = std::function<void(std::int32_t code, const queue_item&)>;
  /// `name`: of the taker, for good; empty: one that nobody had, or will have.
  queueing(surroundings&, std::string path, std::string name);

  void put(std::string data, put_teller);
  /// Waits until there is an item. The number is for `give_up`.
  std::uint64_t take(take_teller);
  /// Answers the take with deadline_passed, unless it is claiming an item just now.
  void give_up(std::uint64_t take);
  void end(std::function<void()> then);  ///< gives up the takes that wait; when nothing is under way any more

 private:
  struct putting {
    std::string data;
    put_teller tell;
  };
  struct taking {
    std::uint64_t number;
    take_teller tell;
  };
  void step();
  void open();
  void finish_end();
  void do_put();
  void do_take();
  void list();
  void wait_for_items(zxid_t since);
  void claim(const std::string& name, const client::data&);
  void put_done(std::int32_t code);
  void take_done(std::int32_t code, const queue_item&);
  void fail(std::int32_t code);

  surroundings& out_;
  const std::string items_;
  const bool named_;
  const std::string name_;
  exactly_once writer_;
  std::minstd_rand random_;
  std::size_t reach_ = 0;  ///< how far behind the oldest item one is taken
  bool opened_ = false, busy_ = false, claiming_ = false, put_was_last_ = false;
  std::deque<putting> puts_;
  std::deque<taking> takes_;
  std::uint64_t last_take_ = 0;
  std::deque<std::string> seen_;  ///< items of the last list, in order
  std::optional<queue_item> left_over_;
  std::string given_;               ///< the item that was handed over last
  surroundings::number watch_ = 0;  ///< there was no item
  std::function<void()> end_;
};

}  // namespace troupe::recipes
