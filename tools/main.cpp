/// The executable `troupe`: reads the command line, hands over to a subcommand, turns what it throws into exit codes.

#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>
#include <sstream>

#include "tools/commands.hpp"
#include "tools/ensemble_directory.hpp"

namespace troupe::tools {

std::string complaint(const std::string& what) {
  std::istringstream lines(what);
  std::string text;
  for (std::string line; std::getline(lines, line);) text += "troupe: " + line + "\n";
  return text;
}

void complain(const std::string& what) { std::cerr << complaint(what) << std::flush; }

}  // namespace troupe::tools

namespace {

namespace tools = troupe::tools;

int parse_and_run(int argc, char** argv) {
  CLI::App app{
      "Troupe: a coordination service for ZooKeeper's clients.\n"
      "Exit codes: 0 done, 1 it did not work out, 2 the request or the configuration is wrong."};
  app.name("troupe");
  app.set_version_flag("--version", "troupe " TROUPE_VERSION);
  app.require_subcommand(1);

  tools::node_options node;
  auto* node_app = app.add_subcommand("node", "Runs one node in the foreground until SIGTERM or SIGINT.");
  node_app->add_option("--config-file", node.config_file, "its configuration: an INI file with a group [troupe]")
      ->type_name("FILE");
  node_app->add_flag("--print-config", node.print_config,
                     "prints every key with the value that holds (without a file: the defaults), and exits");

  tools::up_options up;
  auto* up_app =
      app.add_subcommand("up",
                         "Starts an ensemble on this machine in the background, waits until it serves, and\n"
                         "prints its connect string as the last line. On an existing directory: starts what\n"
                         "does not run, with the data that is there.");
  up_app->add_option("--dir", up.directory, "where configuration, data, log and pid of each node are kept")
      ->type_name("DIR")
      ->required();
  up_app->add_option("--nodes", up.nodes, "how many (a new ensemble: 3)")->type_name("N");
  up_app->add_option("--base-port", up.base_port, "client port of node 1; the others follow (a new ensemble: 2181)")
      ->type_name("P");
  up_app->add_flag("--next-free", up.next_free, "a new ensemble takes the next base port whose ports are all free");
  up_app
      ->add_option("--set", up.settings, "for a new ensemble: a line of group [troupe], such as tick=500ms; repeatable")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);

  std::filesystem::path directory;
  const auto add_directory = [&](CLI::App* to) {
    to->add_option("--dir", directory, "the directory that was given to `troupe up`")->type_name("DIR")->required();
  };
  auto* down_app = app.add_subcommand("down", "Stops the nodes of a directory, gracefully.");
  add_directory(down_app);
  auto* status_app = app.add_subcommand("status",
                                        "Prints each node's role, epoch, zxid and sessions; exit code 1 unless\n"
                                        "a quorum serves.");
  add_directory(status_app);

  tools::simulate_options simulate;
  auto* simulate_app = app.add_subcommand(
      "simulate",
      "Runs whole ensembles in this process on virtual time, with faults drawn from a seed, and checks\n"
      "every step and all that clients saw. The same seed always does the same.");
  auto* one_seed = simulate_app->add_option("--seed", simulate.seeds, "one seed")->type_name("S");
  simulate_app->add_option("--seeds", simulate.seeds, "from A to B (1..1000)")->type_name("A..B")->excludes(one_seed);
  simulate_app->add_option("--jobs", simulate.jobs, "processes (1)")->type_name("N");
  simulate_app->add_option("--minutes", simulate.minutes, "takes no new seed after so many")->type_name("M");
  simulate_app->add_option("--without", simulate.without, "leaves out a kind of fault; repeatable")
      ->type_name("KIND")
      ->allow_extra_args(false);
  simulate_app->add_option("--disable", simulate.disable, "leaves out an invariant or rule; repeatable")
      ->type_name("CHECK")
      ->allow_extra_args(false);
  simulate_app->add_flag("--twice", simulate.twice, "runs each seed twice and compares the traces");
  simulate_app->add_flag("--trace", simulate.trace, "tells what happens, on stderr");
  simulate_app->add_flag("--list", simulate.list, "names the invariants, the rules and the kinds of faults");

  // CLI11 would only say that a subcommand is required.
  const std::string first = argc > 1 ? argv[1] : "";
  const auto known = app.get_subcommands([&](CLI::App* one) { return one->get_name() == first; });
  if (!first.empty() && first.front() != '-' && known.empty()) {
    tools::complain("unknown subcommand '" + first +
                    "': it is one of node, up, down, status, simulate (`troupe --help`)");
    return 2;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  if (*node_app) return tools::node_command(node);
  // Absolute, since nodes that are started get another working directory.
  const auto absolute = [](const std::filesystem::path& p) { return std::filesystem::absolute(p).lexically_normal(); };
  if (*up_app) {
    up.directory = absolute(up.directory);
    return tools::up_command(up);
  }
  if (*simulate_app) return tools::simulate_command(simulate);
  return *down_app ? tools::down_command(absolute(directory)) : tools::status_command(absolute(directory));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return parse_and_run(argc, argv);
  } catch (const tools::usage_error& e) {
    tools::complain(e.what());
    return 2;
  } catch (const std::exception& e) {
    tools::complain(e.what());
    return 1;
  }
}
