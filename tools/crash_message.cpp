#include "tools/crash_message.hpp"

#include <signal.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "persistence/file_io.hpp"

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
    if (::write(STDERR_FILENO, piece.data(), piece.size()) < 0) break;
  ::raise(signal);  // waits until we return; its default action is in place again
}

}  // namespace

void explain_crashes(const std::filesystem::path& data_directory) {
  words = new std::string("the process ends. If the disk has damaged a file of " + data_directory.string() + ", " +
                          std::string(persistence::resynchronise_advice) +
                          "; if the same happens again, it is a bug of Troupe's\n");
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
