#include "cluster/commit/call.hpp"
#include "cluster/commit/call_context.hpp"
#include "cluster/commit/processor.hpp"
#include "cluster/extension/form.hpp"

namespace troupe::commit {

void commit_processor::impl::on_call(connection& c, std::int32_t xid, zk::op op, std::string_view body,
                                     std::int64_t now_ms, effects& fx) {
  auto asked = decode_call(op, body);
  auto* type = types ? types->known.find(asked.name, asked.version) : nullptr;
  if (type && type->about.read_only) {
    serve(c, xid, op, body, fx);
    return;
  }
  // What is wrong with it, or unknown here, is the leader's to say: it may know more.
  waiting w{waiting::kind::write, op, xid, std::string(asked.path), extension::is_text(asked.request)};
  if (op != zk::op::call && w.bytes.empty()) w.bytes = call_root;
  submit(c, std::move(w), body, now_ms, fx);
}

void commit_processor::impl::answer_call(connection& c, std::int32_t xid, zk::op op, std::string_view body,
                                         effects& fx) {
  auto asked = decode_call(op, body);
  auto* type = types->known.find(asked.name, asked.version);
  reading_context context({c.session, *c.creds}, now_ms, type->about, *db);
  auto done = types->how->run(*type, asked.request, context);
  call_reply_form form{op, std::string(asked.path), extension::is_text(asked.request)};
  auto begin = fx.stream.bytes.size();
  append_frame(fx.stream.bytes, [&](auto& w) { write_call_outcome(w, xid, db->zxid(), form, done.error, done.text); });
  push_reply(fx.stream, c.id, begin);
}

}  // namespace troupe::commit
