#include "persistence/log_marks.hpp"

#include "fixture.hpp"
#include "persistence/memory_store.hpp"

using namespace troupe;
using namespace troupe::persistence;

namespace {

constexpr std::size_t marked_size = 84, record_bytes = marked_size + 16;

/// Records (1, from) to (1, to) were written, one by one.
void append(log_marks& m, std::uint32_t from, std::uint32_t to) {
  for (auto i = from; i <= to; ++i) m.appended(records(1, i, i, marked_size).records);
}

constexpr zxid_t at(std::uint32_t counter) { return make_zxid(1, counter); }

memory_log left_over(std::uint32_t n) {
  memory_log log;
  establish(log, 1);
  if (n) write(log, {records(1, 1, n, marked_size)});
  return log;
}

}  // namespace

TEST_CASE("behind the checkpoint so many records stay, or so many bytes if those are less") {
  for (auto [retained, bytes, upto] :
       {std::tuple{4ul, 1000 * record_bytes, 16u}, std::tuple{1000ul, 4 * record_bytes, 16u},
        std::tuple{4ul, 2 * record_bytes, 18u}, std::tuple{2ul, 4 * record_bytes, 18u}, std::tuple{0ul, 100ul, 20u},
        std::tuple{100ul, 0ul, 20u}, std::tuple{1000ul, 1000 * record_bytes, 0u}}) {
    log_marks m({retained, bytes, 1}, memory_log{});
    append(m, 1, 20);
    CHECK(m.trim(at(20), false) == (upto ? at(upto) : 0));
    CHECK(m.trim(at(20), false) == 0);  // once
    log_marks former({retained, bytes, 1}, left_over(20));
    CHECK(former.trim(at(20), false) == (upto ? at(upto) : 0));
  }
}

TEST_CASE("nothing behind the checkpoint is trimmed, however much there is") {
  for (bool all : {false, true}) {
    log_marks m({2, record_bytes, 1}, memory_log{});
    append(m, 1, 20);
    CHECK(m.trim(at(5), all) == at(5));
    log_marks former({2, record_bytes, 1}, left_over(20));
    CHECK(former.trim(at(18), all) == 0);
    append(former, 21, 30);
    CHECK(former.trim(at(25), all) == at(25));
  }
}

TEST_CASE("what is retained goes too when all is asked for, of former lives as well") {
  log_marks m({100, 100 * record_bytes, 1}, left_over(20));
  CHECK(m.trim(at(19), true) == 0);
  CHECK(m.trim(at(20), true) == at(20));
  append(m, 21, 30);
  CHECK(m.trim(at(29), false) == 0);
  CHECK(m.trim(at(29), true) == at(29));
}

TEST_CASE("between what may be trimmed are so many records, or a 64th of the bytes") {
  log_marks records_apart({0, 64 * 1000 * record_bytes, 7}, memory_log{});
  append(records_apart, 1, 20);
  CHECK(records_apart.trim(at(20), true) == at(15));  // 1, 8, 15
  log_marks bytes_apart({0, 64 * 3 * record_bytes, 1000}, memory_log{});
  append(bytes_apart, 1, 20);
  CHECK(bytes_apart.trim(at(20), true) == at(19));  // 1, 4, ..., 19
}

TEST_CASE("what a truncation or an installed checkpoint took away is never trimmed up to") {
  log_marks m({0, 1 << 20, 1}, left_over(10));
  append(m, 11, 20);
  m.truncated(at(15));
  CHECK(m.trim(make_zxid(2, 9), false) == at(15));
  append(m, 16, 20);
  m.cleared();
  CHECK(m.trim(make_zxid(2, 9), true) == 0);
  log_marks of_former({0, 1 << 20, 1}, left_over(10));
  of_former.truncated(at(9));
  CHECK(of_former.trim(at(20), true) == 0);
}
