#pragma once
/// SIGTERM and SIGINT as events of the I/O thread.

#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <system_error>

#include "actors/io/descriptor.hpp"
#include "actors/io/io_thread.hpp"

namespace troupe::actors {

/// Construct it before any other thread exists, since it blocks the signals for all threads started later.
class signals final : public io::fd_handler {
 public:
  signals() {
    sigemptyset(&mask_);
    sigaddset(&mask_, SIGTERM);
    sigaddset(&mask_, SIGINT);
    if (pthread_sigmask(SIG_BLOCK, &mask_, nullptr) != 0)
      throw std::system_error(errno, std::generic_category(), "pthread_sigmask");
    signal(SIGPIPE, SIG_IGN);
    fd_.reset(signalfd(-1, &mask_, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd_) throw std::system_error(errno, std::generic_category(), "signalfd");
  }
  void deliver_to(io::io_thread& loop, std::function<void(const char* name)> what) {
    what_ = std::move(what);
    loop.watch(fd_.get(), EPOLLIN, this);
  }
  void on_ready(int fd, std::uint32_t) override {
    signalfd_siginfo info;
    while (read(fd, &info, sizeof info) == sizeof info) what_(info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM");
  }

 private:
  sigset_t mask_;
  io::descriptor fd_;
  std::function<void(const char*)> what_;
};

}  // namespace troupe::actors
