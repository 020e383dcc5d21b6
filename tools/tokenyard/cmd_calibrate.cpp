#include "tools/tokenyard/commands.hpp"

#include "models/base/errors.hpp"
#include "sim/calibrate/calibrate.hpp"
#include "sim/calibrate/calibration_text.hpp"
#include "sim/config/read_models.hpp"
#include "sim/files/output_file.hpp"
#include "sim/run/table_network.hpp"
#include "tools/tokenyard/options.hpp"

#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>
#include <optional>

namespace tokenyard::cli {
namespace {

struct CalibrateArguments {
  std::vector<std::string> tables;
  std::string chip;
  std::string name;
  std::string source;
  std::string output;
  std::string topology;
  std::vector<std::string> settings;
  std::string software;
  bool check = false;
};

int calibrate_chip(const CalibrateArguments& given) {
  const models::AcceleratorSpec chip = config::load_chip(given.chip);
  const calibrate::Measurements measured = calibrate::read_tables(given.tables);
  if (given.topology.empty() && !given.settings.empty()) {
    throw UserError("tokenyard calibrate: --set changes the machine of --topology, which is not given");
  }
  std::optional<TableNetwork> network;
  if (!given.topology.empty()) network.emplace(given.topology, overrides(given.settings), given.software, chip);
  const calibrate::MoreFamilies more = network ? network->families(measured) : calibrate::MoreFamilies{};
  const calibrate::Calibration calibration =
      given.check ? calibrate::check_tables(measured, chip, more) : calibrate::fit_tables(measured, chip, more);
  if (calibration.families.empty()) {
    throw UserError("calibrate: none of the tables holds a kernel family of " + chip.name +
                    (calibration.left_out.empty() ? std::string{} : "; " + calibration.left_out.front()));
  }
  std::cout << calibrate::report_text(calibration);
  if (given.output.empty()) return 0;
  const std::string name = given.name.empty() ? chip.name + "-calibrated" : given.name;
  const std::string source = given.source.empty() ? "tokenyard calibrate of " + given.tables.front() : given.source;
  files::OutputFile output(given.output);
  output.stream() << calibrate::chip_yaml(calibration, chip.name, chip.kernels.collectives.name, name, source);
  output.commit();
  std::cout << "\nwritten: " << given.output << " (a chip entry over " << chip.name << ")\n";
  return 0;
}

}  // namespace

void add_calibrate(CLI::App& app, Command& command) {
  auto* sub = app.add_subcommand("calibrate", "fit a chip's kernel coefficients to tables of measured kernels");
  const auto given = std::make_shared<CalibrateArguments>();
  sub->add_option("tables", given->tables, "CSV files, plain or gzip")->required();
  sub->add_option("--chip", given->chip, "entry of models/catalog/chips (or a .yaml file) that the tables are of")
      ->required();
  sub->add_option("--output", given->output, "write the coefficients here, as a chip entry over --chip");
  sub->add_option("--name", given->name, "name of that entry (default: NAME-calibrated)");
  sub->add_option("--source", given->source, "what its `source` says (default: the first table)");
  auto* const topology = sub->add_option(
      "--topology", given->topology, "machine of `topologies` (or a .yaml file) that tables of communication are of");
  add_set_option(*sub, given->settings);
  sub->add_option(
         "--software", given->software,
         "what those show, by its name in models/catalog/collectives, or a new engine's all-reduce; the chip's "
         "choice when left out")
      ->needs(topology);
  sub->add_flag("--check", given->check,
                "judge the coefficients that the chip has; fit nothing (--output writes them with their errors)");
  sub->callback([given, &command] { command = [given] { return calibrate_chip(*given); }; });
}

}  // namespace tokenyard::cli
