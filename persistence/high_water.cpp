#include "persistence/high_water.hpp"

#include <cstring>

#include "persistence/file_io.hpp"

namespace troupe::persistence {

namespace {

struct stored_mark {
  std::int64_t last;
  std::uint32_t current_epoch;
  std::uint32_t accepted_epoch;
};

}  // namespace

high_water::high_water(const std::filesystem::path& directory, medium& on) : slots_(directory / "high-water", on) {
  if (!exists()) return;
  stored_mark s;
  if (slots_.value()->size() != sizeof s)
    throw storage_error((directory / "high-water").string() + ": has an unknown format; " +
                        std::string(resynchronise_advice));
  std::memcpy(&s, slots_.value()->data(), sizeof s);
  mark_ = {s.last, s.current_epoch, s.accepted_epoch};
}

void high_water::raise(mark m) {
  if (exists() && m == mark_) return;
  write(m, !exists());
}

void high_water::lower(mark m) { write(m, true); }

void high_water::write(mark m, bool durable) {
  stored_mark s{m.last, m.current_epoch, m.accepted_epoch};
  slots_.write({reinterpret_cast<const char*>(&s), sizeof s}, durable);
  mark_ = m;
}

}  // namespace troupe::persistence
