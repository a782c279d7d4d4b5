#pragma once
/// Writes that are done once, whatever becomes of connections and sessions: what the queue and the counter are made of.
///
/// The writer has a persistent znode of its own, `home/NAME`. Each write is one multi that also sets the data of this
/// znode, at the version where the writer knows it to be: of all attempts at one write at most one can succeed. If nobody
/// tells how it went, the version does. So every write ends in `done` or `not done`, never in a guess, as long as the
/// process lives; the znode's data, the record of the last write, tell whoever comes after it under the same name.
///
/// The data are a token of the writer's, a line's end, and the record. A process that has died may have left a write on its
/// way, which is done after its next life has read the znode: the version alone would then tell the new life that a write
/// of its own was done, and two lives may well write the same record. (Data without a token are all record.)
///
/// What its users owe: operations that have failed once in a write must fail for ever (a check of a version, the
/// deletion of a znode whose name never comes again): an attempt that is still on its way somewhere then fails, too.
///
/// Owns its znode. Two writers of one name disturb each other: each then gets `interference`, and opens again. Of a write
/// with that result nothing was done; only if its outcome was lost with a connection, and the other one wrote on before it
/// was found out, nobody knows. One write at a time.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "actors/recipes/surroundings.hpp"

namespace troupe::recipes {

class exactly_once {
 public:
  struct result {
    std::int32_t code = 0;      ///< 0: done
    std::size_t operation = 0;  ///< otherwise: which one failed
    zxid_t zxid = 0;            ///< done, and known at once: of the transaction; 0: it was found out afterwards
  };
  using operations = std::vector<client::multi::operation>;
  static constexpr std::int32_t interference = static_cast<std::int32_t>(zk::err::runtime_inconsistency);

  exactly_once(surroundings& out, std::string home, std::string name)
      : out_(out), path_(child(home, name)), mark_(out.token() + "\n") {}

  /// Makes or finds the znode. `then` gets 0 or an error, and the record that another writer of this name has left there;
  /// empty: there is none, or it is our own.
  void open(std::function<void(std::int32_t code, const std::string& record)> then);
  void write(operations, const std::string& record, std::function<void(const result&)> then);
  /// Removes the znode: nobody comes after us. If somebody has come, it stays.
  void close(std::function<void()> then);

 private:
  void read(std::function<void(std::int32_t, const std::string&)>);
  void attempt();
  void on_answer(const client::multi_result&);
  void find_out();
  void finish(const result&);

  surroundings& out_;
  const std::string path_;
  const std::string mark_;  ///< what our data begin with
  std::int32_t version_ = -1;
  bool unknown_ = false;  ///< an attempt at the present write may have been done
  operations operations_;
  std::function<void(const result&)> then_;
};

}  // namespace troupe::recipes
