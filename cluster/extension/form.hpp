#pragma once
/// Requests come as text or as a binary message; the first byte tells.

#include <string_view>

namespace troupe::extension {

/// The request is text (JSON), and wants text back. So does one of no bytes, which stands for `{}`. A flat Cap'n Proto
/// message begins with '{' only if it has 124 segments: senders flatten to one.
inline bool is_text(std::string_view request) { return request.empty() || request.front() == '{'; }

/// UTF-8 without control characters, but for tabs and ends of lines if `lines`.
bool is_plain_text(std::string_view, bool lines);

}  // namespace troupe::extension
