#pragma once
/// A history as text, one JSON object a line, so that it can be kept, read by people and cut with grep. README.md has the
/// format. Bytes that are no UTF-8 become hexadecimal.

#include <iosfwd>
#include <string>

#include "tests/history/history.hpp"

namespace troupe::history {

void save(const history&, std::ostream&);
void save(const history&, const std::string& file);  ///< throws std::runtime_error if it can't be written

/// Adds what stands in the stream: a history may be in several pieces (each client's entries, the log), which `sort`
/// brings into order. Throws std::runtime_error with the number of the line that is wrong.
void load(std::istream&, history&);
history load(const std::string& file);

/// One line each, without the newline: for recorders that append as they go.
std::string to_line(const entry&);
std::string to_line(const txn&);
std::string to_line(const settings&);

}  // namespace troupe::history
