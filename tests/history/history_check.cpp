/// history_check [--without RULE]... [--rules] FILE...
///
/// Checks recorded histories. Several files are several histories; with --merge they are pieces of one (each client's
/// entries, the log). Exit: 0 all right, 1 breaches, 2 wrong use or unreadable.

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>

#include "tests/history/check.hpp"
#include "tests/history/json_lines.hpp"
#include "tests/history/wgl.hpp"

namespace {

using namespace troupe::history;

constexpr const char* usage =
    "history_check [--without RULE]... [--merge] FILE...    checks histories (JSON lines)\n"
    "history_check --rules                                  lists the rules\n";

/// Whether the history holds.
bool judge(const std::string& name, const history& h, const options& o) {
  auto begin = std::chrono::steady_clock::now();
  auto found = check(h, o);
  auto single = check_linearizable(h);
  auto ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  std::printf("%s: %zu entries, %zu transactions, %zu breaches, registers and locks %s (%zu operations on %zu znodes",
              name.c_str(), h.entries.size(), h.log.size(), found.size(), to_string(single.verdict), single.operations,
              single.znodes);
  // A pass says nothing about what was not decided: so that is told, too.
  if (single.undecided) std::printf(", %zu znodes not decided", single.undecided);
  std::printf("), %.1f ms\n", ms);
  for (auto& b : found) std::cout << describe(h, b) << '\n';
  if (single.verdict == linearizability::no)
    std::cout << "linearizability: no order of the operations on " << single.path << " explains their results\n";
  return found.empty() && single.verdict != linearizability::no;
}

}  // namespace

int main(int argc, char** argv) try {
  struct options o;
  bool merge = false;
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) {
    std::string_view a = argv[i];
    if (a == "--rules") {
      for (auto& r : rules()) std::cout << r.name << "\t" << r.sentence << '\n';
      return 0;
    }
    if (a == "--without" && i + 1 < argc)
      o.disabled.insert(argv[++i]);
    else if (a == "--merge")
      merge = true;
    else if (a.starts_with("-"))
      return std::cerr << usage, 2;
    else
      files.emplace_back(a);
  }
  if (files.empty()) return std::cerr << usage, 2;
  bool holds = true;
  if (merge) {
    history h;
    for (auto& f : files) {
      std::ifstream in(f);
      if (!in) throw std::runtime_error("can't read " + f);
      load(in, h);
    }
    sort(h);
    holds = judge("merged", h, o);
  } else {
    for (auto& f : files) holds = judge(f, load(f), o) && holds;
  }
  return holds ? 0 : 1;
} catch (const std::exception& e) {
  std::cerr << "history_check: " << e.what() << '\n';
  return 2;
}
