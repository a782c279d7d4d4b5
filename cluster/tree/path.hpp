#pragma once
/// ZooKeeper's rules for paths (PathUtils.validatePath): each char is a UTF-16 unit.

#include <string_view>

namespace troupe::tree {

/// Non-empty, starts with '/', no trailing '/', no empty, "." or ".." component, none of U+0000-001F, U+007F-009F,
/// U+D800-F8FF, U+FFF0-FFFF. `sequential`: a digit is appended before the check, as PathUtils does for sequential
/// names.
bool valid_path(std::string_view path, bool sequential = false);

/// "/" of "/a", "/a" of "/a/b"; empty for "/".
std::string_view parent_of(std::string_view path);
std::string_view name_of(std::string_view path);

}  // namespace troupe::tree
