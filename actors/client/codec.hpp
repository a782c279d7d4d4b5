#pragma once
/// The bodies of requests and replies: between values.hpp and what goes over the wire. `traits<R>` says of each request
/// what it is answered with and what may be done with it when the connection breaks.

#include <optional>

#include "actors/client/outside.hpp"
#include "actors/client/values.hpp"

namespace troupe::client {

void encode(jute::writer&, const create&);
void encode(jute::writer&, const set_data&);
void encode(jute::writer&, const set_acl&);
void encode(jute::writer&, const remove&);
void encode(jute::writer&, const multi&);
void encode(jute::writer&, const get_data&);
void encode(jute::writer&, const exists&);
void encode(jute::writer&, const get_children&);
void encode(jute::writer&, const get_acl&);
void encode(jute::writer&, const sync&);
void encode(jute::writer&, const call&);
void encode(jute::writer&, const ask&);

/// False: the body is not what it should be.
bool decode(const outcome&, created&);
bool decode(const outcome&, changed&);
bool decode(const outcome&, done&);
bool decode(const outcome&, multi_result&);
bool decode(const outcome&, data&);
bool decode(const outcome&, existing&);
bool decode(const outcome&, children&);
bool decode(const outcome&, acl_of&);
bool decode(const outcome&, subscribed&);
bool decode(const outcome&, reply&);

template <zk::op Op, kind Kind, class Reply>
struct request_traits {
  static constexpr zk::op op = Op;
  static constexpr kind what = Kind;
  using reply = Reply;
};
template <class R>
struct traits;
template <>
struct traits<create> : request_traits<zk::op::create2, kind::write, created> {};
template <>
struct traits<set_data> : request_traits<zk::op::set_data, kind::write, changed> {};
template <>
struct traits<set_acl> : request_traits<zk::op::set_acl, kind::write, changed> {};
template <>
struct traits<remove> : request_traits<zk::op::del, kind::write, done> {};
template <>
struct traits<multi> : request_traits<zk::op::multi, kind::write, multi_result> {};
template <>
struct traits<get_data> : request_traits<zk::op::get_data, kind::read, data> {};
template <>
struct traits<exists> : request_traits<zk::op::exists, kind::read, existing> {};
template <>
struct traits<get_children> : request_traits<zk::op::get_children2, kind::read, children> {};
template <>
struct traits<get_acl> : request_traits<zk::op::get_acl, kind::read, acl_of> {};
template <>
struct traits<sync> : request_traits<zk::op::sync, kind::read, done> {};
template <>
struct traits<call> : request_traits<zk::op::call, kind::write, reply> {};
template <>
struct traits<ask> : request_traits<zk::op::ask, kind::write, reply> {};
template <>
struct traits<add_auth> : request_traits<zk::op::auth, kind::auth, done> {};
template <>
struct traits<unsubscribe> : request_traits<zk::op::unsubscribe, kind::unsubscribe, done> {};
template <>
struct traits<close> : request_traits<zk::op::close_session, kind::close, done> {};

template <class R>
kind kind_of(const R&) {
  return traits<R>::what;
}
inline kind kind_of(const call& c) { return c.repeatable ? kind::read : kind::write; }

}  // namespace troupe::client
