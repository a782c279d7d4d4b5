/// log_dump DATA_DIRECTORY: the log of a node that has stopped, one JSON line a transaction as the history checker reads
/// them. What stands in the journal only is committed to LMDB by opening it, as at a start of the node.
/// Exit code 1 and one line if the log is refused. The first line on standard error: where the log begins and ends.

#include <iostream>

#include "persistence/data_directory.hpp"
#include "persistence/journaled_log.hpp"
#include "tests/history/json_lines.hpp"
#include "tests/history/transaction_reader.hpp"

int main(int argc, char** argv) try {
  using namespace troupe;
  if (argc != 2) {
    std::cerr << "usage: log_dump DATA_DIRECTORY\n";
    return 2;
  }
  std::filesystem::path directory = argv[1];
  auto lock = persistence::lock_directory(directory);
  persistence::journaled_log_settings settings;
  settings.directory = directory / "log";
  persistence::journaled_log log(settings);
  auto state = log.state();
  std::cerr << "base " << persistence::zxid_text(state.base) << " last " << persistence::zxid_text(state.last)
            << " accepted " << state.accepted_epoch << " current " << state.current_epoch << "\n";
  for (auto after = state.base;;) {
    auto piece = log.read(after, std::size_t{4} << 20);
    for (auto& r : piece.records) {
      std::cout << history::to_line(history::read_transaction(r.zxid, r.payload.view())) << '\n';
      after = r.zxid;
    }
    if (piece.at_end || piece.records.empty()) break;
  }
  std::cout.flush();
  return std::cout ? 0 : 1;
} catch (const std::exception& e) {
  std::cerr << "log_dump: " << e.what() << "\n";
  return 1;
}
