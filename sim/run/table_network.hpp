#pragma once

#include "models/cost/network_figures.hpp"
#include "models/device/accelerator.hpp"
#include "models/fit/family.hpp"
#include "sim/config/yaml_map.hpp"
#include "topologies/topology.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tokenyard {

/// What tables of communication are of, for `tokenyard calibrate`: a machine, whose links their rates are shares of,
/// and the software that they show.
class TableNetwork {
 public:
  /// `topology`: a machine's name or a .yaml file, `settings` over its keys. `software` names an exchange or a library
  /// that the chip has, else an engine's all-reduce; empty, and for what it does not name: what the chip uses. Throws
  /// UserError for a machine that nobody has.
  TableNetwork(const std::string& topology, const std::vector<config::Override>& settings, std::string software,
               const models::AcceleratorSpec& chip);

  /// The families of communication over the first chips of the kind. This outlives them; their times throw UserError
  /// when the machine has fewer chips than a row has ranks.
  [[nodiscard]] std::vector<fit::Family> families();

 private:
  [[nodiscard]] const cost::GroupLinks& links(std::uint32_t ranks);

  topologies::Topology machine_;
  std::string software_;
  const models::AcceleratorSpec& chip_;
  std::map<std::uint32_t, cost::GroupLinks> links_;  // by ranks, as far as they were asked for
};

}  // namespace tokenyard
