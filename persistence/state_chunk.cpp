#include "persistence/state_chunk.hpp"

#include <capnp/message.h>
#include <capnp/serialize.h>

#include <cstring>
#include <stdexcept>

#include "persistence/crc32c.hpp"
#include "schema/records.capnp.h"

namespace troupe::persistence {

namespace {

std::uint32_t checksum(tree::table t, std::uint64_t key, std::string_view bytes) {
  char head[9];
  head[0] = static_cast<char>(t);
  std::memcpy(head + 1, &key, 8);
  return crc32c(bytes, crc32c({head, sizeof head}));
}

}  // namespace

void seal(tree::table t, std::uint64_t key, std::string_view bytes, char* out) {
  auto crc = checksum(t, key, bytes);
  auto length = static_cast<std::uint32_t>(bytes.size());
  std::memcpy(out, &crc, 4);
  std::memcpy(out + 4, &length, 4);
  if (length) std::memcpy(out + sealed_header_bytes, bytes.data(), bytes.size());
}

std::optional<std::string_view> unseal(tree::table t, std::uint64_t key, std::string_view stored) {
  if (stored.size() < sealed_header_bytes) return std::nullopt;
  std::uint32_t crc, length;
  std::memcpy(&crc, stored.data(), 4);
  std::memcpy(&length, stored.data() + 4, 4);
  auto bytes = stored.substr(sealed_header_bytes);
  if (length != bytes.size() || crc != checksum(t, key, bytes)) return std::nullopt;
  return bytes;
}

shared_bytes build_chunk(std::span<const stored_entry> entries) {
  capnp::MallocMessageBuilder message;
  auto list = message.initRoot<wire::StateChunk>().initEntries(static_cast<unsigned>(entries.size()));
  for (unsigned i = 0; i < entries.size(); ++i) {
    auto& e = entries[i];
    list[i].setTable(static_cast<std::uint8_t>(e.where));
    list[i].setKey(e.key);
    list[i].setValue({reinterpret_cast<const kj::byte*>(e.stored.data()), e.stored.size()});
  }
  auto words = std::make_shared<kj::Array<capnp::word>>(capnp::messageToFlatArray(message));
  auto bytes = words->asBytes();
  auto* data = reinterpret_cast<const char*>(bytes.begin());
  return {std::move(words), data, bytes.size()};
}

void for_each_entry(const shared_bytes& chunk, const std::function<void(const stored_entry&)>& f) {
  auto aligned = chunk.aligned() ? chunk : shared_bytes::copy_of(chunk.view());
  kj::ArrayPtr<const capnp::word> words(reinterpret_cast<const capnp::word*>(aligned.data()),
                                        aligned.size() / sizeof(capnp::word));
  capnp::ReaderOptions options;
  options.traversalLimitInWords = words.size() * 2 + 1024;  // each word once, with some slack for headers
  auto refuse = [](const std::string& why) { throw std::runtime_error("chunk of a checkpoint: " + why); };
  try {
    capnp::FlatArrayMessageReader reader(words, options);
    for (auto e : reader.getRoot<wire::StateChunk>().getEntries()) {
      if (e.getTable() >= table_count) refuse("unknown table " + std::to_string(e.getTable()));
      auto value = e.getValue();
      stored_entry out{static_cast<tree::table>(e.getTable()),
                       e.getKey(),
                       {reinterpret_cast<const char*>(value.begin()), value.size()}};
      if (!unseal(out.where, out.key, out.stored))
        refuse("entry " + std::to_string(out.key) + " of table " + std::to_string(e.getTable()) + " is damaged");
      f(out);
    }
  } catch (const kj::Exception& e) {
    refuse(e.getDescription().cStr());
  }
}

}  // namespace troupe::persistence
