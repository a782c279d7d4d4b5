#pragma once
/// What every fuzzer here is made of: the entry point, a reader that takes an input apart, and a check that ends the
/// process with a line that says what did not hold.
///
/// One source file is one decoder. Built with clang it is a libFuzzer program of its own; built with g++ it is one part
/// of test_fuzz, which feeds it the files of the corpus (replay.cpp).

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace troupe::fuzz {

using entry = void (*)(std::string_view);

/// For test_fuzz: every decoder by name.
struct registration {
  registration(const char* name, entry);
};

[[noreturn]] inline void fail(const char* what, const char* file, int line, const std::string& details = {}) {
  std::fprintf(stderr, "%s:%d: does not hold: %s %s\n", file, line, what, details.c_str());
  std::abort();
}

/// Takes an input apart from its beginning. Past its end numbers are 0 and strings are empty, so that every input means
/// something and a shortened one means nearly the same.
class input {
 public:
  explicit input(std::string_view s) : rest_(s) {}

  bool empty() const { return rest_.empty(); }
  std::uint8_t u8() { return number<std::uint8_t>(); }
  std::uint16_t u16() { return number<std::uint16_t>(); }
  std::uint32_t u32() { return number<std::uint32_t>(); }
  std::uint64_t u64() { return number<std::uint64_t>(); }
  std::int32_t i32() { return number<std::int32_t>(); }
  std::int64_t i64() { return number<std::int64_t>(); }
  std::string_view bytes(std::size_t n) {
    n = n < rest_.size() ? n : rest_.size();
    auto out = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return out;
  }
  /// With its length in front: one byte, or 255 and two more.
  std::string_view string() {
    std::size_t n = u8();
    if (n == 255) n = u16();
    return bytes(n);
  }
  std::string_view rest() { return bytes(rest_.size()); }

 private:
  template <class T>
  T number() {
    T out{};
    auto b = bytes(sizeof out);
    if (!b.empty()) std::memcpy(&out, b.data(), b.size());
    return out;
  }
  std::string_view rest_;
};

}  // namespace troupe::fuzz

#define FUZZ_CHECK(condition, ...) \
  ((condition) ? void() : ::troupe::fuzz::fail(#condition, __FILE__, __LINE__ __VA_OPT__(, ) __VA_ARGS__))

#ifdef TROUPE_FUZZ_REPLAY
#define TROUPE_FUZZER(name) static const ::troupe::fuzz::registration registered_##name(#name, &fuzz_one)
#else
#define TROUPE_FUZZER(name)                                                           \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    fuzz_one({reinterpret_cast<const char*>(data), size});                            \
    return 0;                                                                         \
  }                                                                                   \
  static_assert(true)
#endif
