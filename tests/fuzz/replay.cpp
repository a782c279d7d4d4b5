/// Feeds files to the fuzzers without libFuzzer: `test_fuzz DECODER FILE|DIRECTORY...`, so that the corpus and every
/// input that once broke something are part of the unit tests of an ordinary build. Prints how many it fed; a decoder
/// that breaks ends the process, after a line with the file.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <vector>

#include "tests/fuzz/fuzz.hpp"

namespace fs = std::filesystem;

namespace troupe::fuzz {

namespace {
std::map<std::string, entry>& decoders() {
  static std::map<std::string, entry> all;
  return all;
}
}  // namespace

registration::registration(const char* name, entry f) { decoders()[name] = f; }

}  // namespace troupe::fuzz

int main(int argc, char** argv) {
  auto& all = troupe::fuzz::decoders();
  if (argc < 3 || !all.contains(argv[1])) {
    std::fprintf(stderr, "usage: %s DECODER FILE|DIRECTORY...; the decoders:", argv[0]);
    for (auto& [name, f] : all) std::fprintf(stderr, " %s", name.c_str());
    std::fprintf(stderr, "\n");
    return 2;
  }
  std::vector<fs::path> files;
  for (int i = 2; i < argc; ++i) {
    if (!fs::is_directory(argv[i])) {
      files.emplace_back(argv[i]);
      continue;
    }
    for (auto& e : fs::recursive_directory_iterator(argv[i]))
      if (e.is_regular_file()) files.push_back(e.path());
  }
  std::sort(files.begin(), files.end());
  auto* one = all.at(argv[1]);
  one({});
  for (auto& f : files) {
    std::ifstream in(f, std::ios::binary);
    if (!in) {
      std::fprintf(stderr, "%s: cannot be read\n", f.c_str());
      return 2;
    }
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    // In memory of exactly its size, so that a sanitizer sees the first byte that is read past its end.
    auto copy = std::make_unique<char[]>(bytes.size());
    std::copy(bytes.begin(), bytes.end(), copy.get());
    std::fprintf(stderr, "%s\r", f.c_str());
    one({copy.get(), bytes.size()});
  }
  std::printf("%s: %zu inputs\n", argv[1], files.size());
  std::fflush(stdout);
  std::_Exit(files.empty() ? 1 : 0);  // threads of the gateway's fuzzer go on
}
