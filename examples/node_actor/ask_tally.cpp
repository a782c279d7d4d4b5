// ask_tally NODES: changes a znode, and asks the actor `tally` in the node how often it was changed.

#include <iostream>
#include <thread>
#include <troupe/client.hpp>

#include "examples/common.hpp"

int main(int argc, char** argv) {
  using namespace std::chrono_literals;
  troupe::client::blocking_client zk({.nodes = nodes_of(argc, argv)});
  const auto path = zk.create("/tally-", "", troupe::client::create_mode::ephemeral_sequential).path;
  for (int i = 0; i < 3; ++i) zk.set_data(path, std::to_string(i));
  std::string answer;
  do {  // the actor goes at its own pace
    answer = zk.ask("tally", path).bytes;
    if (answer != "4") std::this_thread::sleep_for(10ms);
  } while (answer != "4");
  std::cout << "changed " << answer << " times\n";
}
