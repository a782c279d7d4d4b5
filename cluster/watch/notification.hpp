#pragma once
/// Notifications of changes, as frames of the stream: length, reply header with xid_notification, flat message.

#include <span>
#include <string>

#include "cluster/watch/transaction_changes.hpp"

namespace troupe::watch {

/// Appends the frame of one transaction: the changes of `list` whose indices are in `which`.
void append_notification(std::string& out, std::int64_t subscription, const transaction_changes&,
                         std::span<const std::uint32_t> which, bool with_data);
/// Appends the frame of a Notification that is flat already.
void append_notification(std::string& out, zxid_t, std::string_view flat);
/// Appends a copy of the frame at [at, at + size) of `out`, for a subscription of another number. False: it cannot be
/// done, because the message is of several segments.
bool append_copy(std::string& out, std::size_t at, std::size_t size, std::int64_t subscription);

}  // namespace troupe::watch
