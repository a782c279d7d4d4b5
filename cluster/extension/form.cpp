#include "cluster/extension/form.hpp"

namespace troupe::extension {

namespace {

/// Bytes of the character that begins with `lead`; 0 if none does.
std::size_t length_of(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xc2) return 0;  // the middle of a character, or one written longer than need be
  if (lead < 0xe0) return 2;
  if (lead < 0xf0) return 3;
  return lead < 0xf5 ? 4 : 0;
}

bool is_control(unsigned char c) { return c < 0x20 || c == 0x7f; }

}  // namespace

bool is_plain_text(std::string_view s, bool lines) {
  for (std::size_t i = 0; i < s.size();) {
    auto lead = static_cast<unsigned char>(s[i]);
    bool line = lead == '\n' || lead == '\r' || lead == '\t';
    auto n = length_of(lead);
    if (n == 0 || n > s.size() - i || (is_control(lead) && !(lines && line))) return false;
    for (std::size_t j = 1; j < n; ++j)
      if ((static_cast<unsigned char>(s[i + j]) & 0xc0) != 0x80) return false;
    i += n;
  }
  return true;
}

}  // namespace troupe::extension
