#pragma once
/// A request type whose request and reply are Cap'n Proto structs. What most types are made of: derive from
/// typed_request_type<Request, Reply> and write `handle`.
///
/// The request comes in its binary form (one flat message), or as JSON text of the same struct: whatever begins with
/// '{', and nothing at all, which stands for a request with all defaults. The reply goes back in the same form. JSON is
/// Cap'n Proto's own (capnp/compat/json.h): 64-bit numbers may be written as text and come back as text, Data is best
/// annotated with $Json.base64, unknown fields are refused.

#include <capnp/compat/json.h>
#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>

#include <cstring>

#include "cluster/extension/form.hpp"
#include "cluster/extension/request_type.hpp"

namespace troupe::extension {

template <class Request, class Reply>
class typed_request_type : public request_type {
 public:
  explicit typed_request_type(description about) : about_(std::move(about)) {
    json_.handleByAnnotation<Request>();
    json_.handleByAnnotation<Reply>();
    json_.setRejectUnknownFields(true);
    json_.setMaxNestingDepth(max_depth);
  }
  ~typed_request_type() noexcept override = default;
  const description& about() const final { return about_; }

  virtual void handle(typename Request::Reader, typename Reply::Builder, request_context&) = 0;

  std::string handle(std::string_view request, request_context& context) final {
    try {
      return is_text(request) ? handle_text(request, context) : handle_binary(request, context);
    } catch (const kj::Exception& e) {  // of a malformed request, wherever the handler came upon it
      auto why = e.getDescription();
      throw request_failed(zk::err::marshalling_error, "the request cannot be read: " + std::string(why.cStr()));
    }
  }

 private:
  static constexpr int max_depth = 32;

  std::string handle_text(std::string_view request, request_context& context) {
    capnp::MallocMessageBuilder in, out;
    auto body = in.initRoot<Request>();
    if (!request.empty()) json_.decode(kj::arrayPtr(request.data(), request.size()), body);
    auto reply = out.initRoot<Reply>();
    handle(body.asReader(), reply, context);
    auto text = json_.encode(reply);
    return {text.cStr(), text.size()};
  }

  std::string handle_binary(std::string_view request, request_context& context) {
    auto words = kj::heapArray<capnp::word>(request.size() / sizeof(capnp::word));  // aligned, as it must be
    std::memcpy(words.begin(), request.data(), words.size() * sizeof(capnp::word));
    capnp::ReaderOptions options;
    // Enough to read each byte some times; a message that points to the same bytes again and again ends here.
    options.traversalLimitInWords = 1024 + 8 * words.size();
    options.nestingLimit = max_depth;
    capnp::FlatArrayMessageReader in(words, options);
    capnp::MallocMessageBuilder out;
    auto reply = out.initRoot<Reply>();
    handle(in.getRoot<Request>(), reply, context);
    auto flat = capnp::messageToFlatArray(out);
    auto bytes = flat.asBytes();
    return {reinterpret_cast<const char*>(bytes.begin()), bytes.size()};
  }

  description about_;
  capnp::JsonCodec json_;
};

}  // namespace troupe::extension
