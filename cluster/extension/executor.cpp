#include "cluster/extension/executor.hpp"

#include "cluster/extension/forwarding_context.hpp"

namespace troupe::extension {

namespace {

using zk::err;

constexpr std::size_t max_text = 1000;

/// A sentence of bounded length that is UTF-8 if `s` was.
std::string shortened(std::string_view s) {
  if (s.size() <= max_text) return std::string(s);
  auto n = max_text;
  while (n > 0 && (static_cast<unsigned char>(s[n]) & 0xc0) == 0x80) --n;
  return std::string(s.substr(0, n)) + "...";
}

/// A handler speaks for itself only: not of sessions and connections, and no success by way of an exception.
err sane(err code) {
  switch (code) {
    case err::session_expired:
    case err::session_moved:
    case err::auth_failed:
      return err::system_error;
    default:
      return static_cast<std::int32_t>(code) < 0 ? code : err::system_error;
  }
}

std::string too_much(const char* what, std::size_t size, std::size_t bound) {
  return std::string("the ") + what + " has " + std::to_string(size) + " bytes; this type's bound is " +
         std::to_string(bound);
}

/// Looks at the clock at each access.
struct deadline {
  const in_place_executor::clock& now_us;
  std::int64_t end_us;
  std::int64_t time_ms;
  template <class F>
  decltype(auto) access(F&& f) {
    if (now_us() > end_us)
      throw request_failed(err::request_timeout, "the handler took longer than " + std::to_string(time_ms) + " ms");
    return f();
  }
};

}  // namespace

outcome perform(request_type& type, const limits& bounds, std::string_view request, request_context& context) {
  if (request.size() > bounds.request_bytes)
    return {err::quota_exceeded, too_much("request", request.size(), bounds.request_bytes)};
  try {
    auto reply = type.handle(request, context);
    if (reply.size() > bounds.reply_bytes)
      return {err::quota_exceeded, too_much("reply", reply.size(), bounds.reply_bytes)};
    return {err::ok, std::move(reply)};
  } catch (const request_failed& e) {
    return {sane(e.code()), shortened(e.what())};
  } catch (const std::exception& e) {
    return {err::system_error, shortened(std::string("the handler failed: ") + e.what())};
  } catch (...) {
    return {err::system_error, "the handler failed with an exception of a type of its own"};
  }
}

outcome in_place_executor::run(const registered& r, std::string_view request, request_context& context) {
  if (!now_us_) return perform(*r.type, r.about.bounds, request, context);
  auto time_ms = r.about.bounds.time_ms;
  forwarding_context<deadline> watched(context, {now_us_, now_us_() + time_ms * 1000, time_ms});
  return perform(*r.type, r.about.bounds, request, watched);
}

}  // namespace troupe::extension
