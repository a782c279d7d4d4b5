#pragma once
/// What the shipped types do with the data of znodes.

#include <capnp/blob.h>

#include <cstring>
#include <string>
#include <string_view>

#include "cluster/extension/form.hpp"
#include "schema/flat_message.hpp"

namespace troupe::extension {

using wire::as_data;
using wire::view;

/// `path` + '/' + `name`; below the root, there is one slash.
inline std::string below(std::string_view path, std::string_view name) {
  std::string out(path == "/" ? std::string_view{} : path);
  return out.append("/").append(name);
}

/// Room of a reply that is filled item by item, counted in the longer of its two forms, which is JSON.
class reply_room {
 public:
  explicit reply_room(std::size_t bytes) : left_(bytes > reserve ? bytes - reserve : 0) {}
  /// False if an item with these would not fit any more.
  bool take(std::string_view name, std::string_view data, bool as_text) {
    auto cost = per_item + 6 * name.size() + (as_text ? 2 * data.size() : data.size() / 3 * 4 + 4);
    if (cost > left_) return false;
    left_ -= cost;
    return true;
  }

 private:
  static constexpr std::size_t reserve = 512, per_item = 200;  ///< names of fields, numbers
  std::size_t left_;
};

inline void fill(capnp::Text::Builder to, std::string_view from) {
  if (!from.empty()) std::memcpy(to.begin(), from.data(), from.size());
}

/// Fills an item's `data`, or its `text` if that was asked for and can be.
template <class Item>
void put_data(Item item, std::string_view data, bool as_text) {
  if (as_text && is_plain_text(data, true))
    fill(item.initText(static_cast<unsigned>(data.size())), data);
  else
    item.setData(as_data(data));
}

}  // namespace troupe::extension
