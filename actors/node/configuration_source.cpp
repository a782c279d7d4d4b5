#include "actors/node/configuration_source.hpp"

#include <cctype>

namespace troupe {
namespace {

bool in_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.'; }

class scanner {
 public:
  explicit scanner(std::string_view text) : text_(text) {}

  key_lines run() {
    while (!at_end()) {
      if (peek() == ';') {
        skip_comment();
      } else if (peek() == '[') {
        next();
        group_ = name();
        next();  // the closing bracket
      } else if (in_name(peek())) {
        const int line = line_;
        const std::string key = name();
        found_.lines[group_.empty() ? key : group_ + "." + key].push_back(line);
        skip_value();
      } else {
        next();
      }
    }
    return std::move(found_);
  }

 private:
  bool at_end() const { return at_ == text_.size(); }
  char peek() const { return text_[at_]; }
  void next() {
    if (at_end()) return;
    if (text_[at_++] == '\n') ++line_;
  }
  void skip_comment() {
    while (!at_end() && peek() != '\n') next();
  }
  std::string name() {
    std::string result;
    for (; !at_end() && in_name(peek()); next()) result += peek();
    return result;
  }
  void skip_quoted(char quote) {
    for (next(); !at_end() && peek() != quote; next()) {
      if (peek() == '\\') next();
    }
    next();
  }
  /// To the end of the line on which the value's last bracket closes.
  void skip_value() {
    for (int depth = 0; !at_end() && !(depth == 0 && peek() == '\n');) {
      const char c = peek();
      if (c == ';') {
        skip_comment();
      } else if (c == '"' || c == '\'') {
        skip_quoted(c);
      } else {
        depth += (c == '[' || c == '{') - (c == ']' || c == '}');
        next();
      }
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
  std::string group_;
  key_lines found_;
};

}  // namespace

key_lines find_keys(std::string_view text) { return scanner{text}.run(); }

std::string key_lines::place(const std::string& file, const std::string& key) const {
  const auto i = lines.find(key);
  return i == lines.end() ? file : file + ":" + std::to_string(i->second.back());
}

}  // namespace troupe
