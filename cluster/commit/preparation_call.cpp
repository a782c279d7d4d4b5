#include "cluster/commit/call.hpp"
#include "cluster/commit/call_context.hpp"
#include "cluster/commit/preparation.hpp"

namespace troupe::commit {

using zk::err;

void preparation::call(const request_view& r, std::int64_t now_ms, std::vector<prepared>& out) {
  auto asked = decode_call(r.op, r.body);
  if (asked.error != err::ok) return answer(r, asked.error, out, std::move(asked.why));
  if (auto e = check_session(r); e != err::ok) return answer(r, e, out);
  auto* type = types_ ? types_->known.find(asked.name, asked.version) : nullptr;
  if (!type) {
    auto why = types_ ? types_->known.missing(asked.name, asked.version) : "this node has no request types";
    return answer(r, err::unimplemented, out, std::move(why));
  }
  if (space_low_ && !type->about.read_only)
    return answer(r, err::system_error, out, "the leader's disk is nearly full");
  pending_.begin();
  changing_context context({r.session, r.creds}, now_ms, type->about, max_transaction_bytes(), pending_, txn_);
  auto done = types_->how->run(*type, asked.request, context);
  if (done.error == err::ok && !txn_.changes.empty()) {
    txn_.result = std::move(done.text);
    return propose(r, now_ms, true, out);
  }
  pending_.rollback();
  answer(r, done.error, out, std::move(done.text));
}

}  // namespace troupe::commit
