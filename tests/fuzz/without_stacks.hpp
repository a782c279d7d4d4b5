#pragma once
/// While one lives, exceptions of Cap'n Proto have no stack: a fuzzer causes thousands of them, and each walk up the stack takes as
/// long as some inputs do. For a variable of fuzz_one: kj wants it on the stack.

#include <kj/exception.h>

namespace troupe::fuzz {

struct without_stacks final : kj::ExceptionCallback {
  StackTraceMode stackTraceMode() override { return StackTraceMode::NONE; }
};

}  // namespace troupe::fuzz
