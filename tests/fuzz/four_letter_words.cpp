/// Four-letter words, with any numbers in the statistics and any connections open. Every word has an answer, which is
/// text that ends.

#include "actors/gateway/four_letter_words.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace troupe;
using namespace troupe::gateway;

struct nobody : connection_owner {
  void on_connection_ready(connection&, std::uint32_t) override {}
};

void read_stats(fuzz::input& in, node_stats& s) {
  auto packed = in.u8();
  s.role = static_cast<node_stats::role_is>(packed % 3);
  if (packed & 4) s.latency_count = in.u64(), s.latency_min_us = in.u64(), s.latency_sum_us = in.u64();
  if (packed & 8) s.log_commits = in.u64(), s.fsync_sum_us = in.u64(), s.fsync_max_us = in.u64();
  if (packed & 16) s.zxid = in.i64(), s.proposal_size_last = in.i64(), s.started_ms = in.i64() >> 1;
  if (packed & 32) s.connections = in.u64(), s.node_count = in.u64(), s.watch_count = in.u64();
}

void fuzz_one(std::string_view bytes) {
  fuzz::input in(bytes);
  const std::string word(in.bytes(4));
  node_stats stats;
  read_stats(in, stats);
  options opts;
  if (auto conf = in.string(); !conf.empty()) opts.conf = conf;
  if (auto allowed = in.string(); !allowed.empty()) opts.words = {std::string(allowed.substr(0, 4))};
  nobody owner;
  std::vector<std::unique_ptr<connection>> open;
  for (auto n = in.u8() & 3; n; --n) {
    auto& c = *open.emplace_back(
        std::make_unique<connection>(owner, n, io::descriptor{}, io::peer_name{std::string(in.string()), in.u16()}));
    c.session = in.i64(), c.stats.last_op = in.i32(), c.stats.latency_count = in.u8(), c.stats.last_zxid = in.i64();
    c.state = static_cast<connection::phase>(in.u8() & 3);
  }
  const word_context w{opts, stats, 1000, [&](const std::function<void(connection&)>& what) {
                         for (auto& c : open) what(*c);
                       }};
  // What is no word is the length of a frame, and never asked for.
  if (!is_four_letter_word(word)) return;
  FUZZ_CHECK(!answer(word, w).empty());
}

}  // namespace

TROUPE_FUZZER(four_letter_words);
