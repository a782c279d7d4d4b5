#include "tools/crash_message.hpp"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>

#include "persistence/file_io.hpp"
#include "tools/patient_write.hpp"

namespace troupe::tools {
namespace {

/// Never freed: a handler may run while the process is on its way out.
const std::string* words = nullptr;

std::string_view name_of(int signal) {
  switch (signal) {
    case SIGBUS:
      return "troupe: SIGBUS: ";
    case SIGSEGV:
      return "troupe: SIGSEGV: ";
    default:
      return "troupe: SIGABRT: ";
  }
}

/// Calls only what may be called within a signal handler.
void on_signal(int signal) {
  for (auto piece : {name_of(signal), std::string_view(*words)})
    if (!write_patiently(STDERR_FILENO, piece)) break;
  ::raise(signal);  // waits until we return; its default action is in place again
}

/// In the place of the library's own, which waits for whoever reads, in one thread, while all others go on.
[[noreturn]] void on_terminate() {
  auto say = [](std::string_view what) {
    for (auto piece : {std::string_view("troupe: ended by an exception: "), what, std::string_view("\n")})
      if (!write_patiently(STDERR_FILENO, piece)) break;
  };
  try {
    if (std::current_exception()) std::rethrow_exception(std::current_exception());
    say("std::terminate");
  } catch (const std::exception& e) {
    say(e.what());
  } catch (...) {
    say("of an unknown type");
  }
  std::abort();
}

}  // namespace

void explain_crashes(const std::filesystem::path& data_directory) {
  words = new std::string("the process ends. If the disk has damaged a file of " + data_directory.string() + ", " +
                          std::string(persistence::resynchronise_advice) +
                          "; if the same happens again, it is a bug of Troupe's\n");
  std::set_terminate(on_terminate);
  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  for (int signal : {SIGSEGV, SIGBUS, SIGABRT}) {
    struct sigaction before = {};
    ::sigaction(signal, nullptr, &before);
    if (before.sa_handler == SIG_DFL) ::sigaction(signal, &action, nullptr);  // else a sanitizer has more to say
  }
}

}  // namespace troupe::tools
