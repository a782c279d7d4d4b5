#include <charconv>

#include "cluster/extension/typed.hpp"
#include "cluster/extension/types/shipped.hpp"
#include "schema/request_types.capnp.h"

namespace troupe::extension {

namespace {

using wire::CounterRequest;
using zk::err;

std::int64_t parse(CounterRequest::Form form, const std::string& path, std::string_view data) {
  if (data.empty()) return 0;
  if (form == CounterRequest::Form::I64) {
    if (data.size() == sizeof(std::int64_t)) return jute::reader(data).i64();
    throw request_failed(err::bad_arguments, path + " holds " + std::to_string(data.size()) + " bytes, not 8");
  }
  std::int64_t value = 0;
  auto [end, code] = std::from_chars(data.data(), data.data() + data.size(), value);
  if (code == std::errc{} && end == data.data() + data.size()) return value;
  throw request_failed(err::bad_arguments, path + " does not hold a whole number of 64 bits");
}

std::string print(CounterRequest::Form form, std::int64_t value) {
  if (form == CounterRequest::Form::DECIMAL) return std::to_string(value);
  std::string out;
  jute::writer(out).i64(value);
  return out;
}

class counter final : public typed_request_type<CounterRequest, wire::CounterReply> {
 public:
  counter() : typed_request_type({.name = "troupe.counter", .version = 1, .read_only = false, .bounds = {}}) {}

  void handle(CounterRequest::Reader request, wire::CounterReply::Builder reply, request_context& tree) override {
    std::string path = request.getPath();
    auto there = tree.get(path);
    if (!there && !request.getCreate()) throw request_failed(err::no_node, path + ": there is no such znode");
    auto before = there ? parse(request.getForm(), path, there->data) : request.getInitial();
    auto after = before;
    bool sets = true;
    if (request.isAdd()) {
      if (__builtin_add_overflow(before, request.getAdd(), &after))
        throw request_failed(err::bad_arguments, path + " would leave the range of 64 bits");
    } else if (auto wanted = request.getCompareAndSet(); wanted.getExpected() == before) {
      after = wanted.getValue();
    } else {
      sets = false;
    }
    bool changed = sets && (after != before || !there);
    if (changed && there) tree.set_data(path, print(request.getForm(), after));
    if (changed && !there) tree.create(path, print(request.getForm(), after));
    if (changed) there = tree.get(path);
    reply.setValue(after), reply.setPrevious(before), reply.setChanged(changed);
    reply.setVersion(there ? there->version : 0);
  }
};

}  // namespace

std::shared_ptr<request_type> make_counter() { return std::make_shared<counter>(); }

}  // namespace troupe::extension
