#pragma once

#include "models/cost/network_figures.hpp"
#include "models/device/accelerator.hpp"
#include "models/fit/family.hpp"
#include "sim/calibrate/measurements.hpp"
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
  /// `topology`: a machine's name or a .yaml file, `settings` over its keys. `software` names exchanges, libraries and
  /// all-reduces of engines that the chip has, or a new all-reduce; empty, and for what it does not name: what the chip
  /// uses. Throws UserError for a machine that nobody has.
  TableNetwork(const std::string& topology, const std::vector<config::Override>& settings, std::string software,
               const models::AcceleratorSpec& chip);

  /// The families of communication over the first chips of the kind, for these rows. This outlives them; their times
  /// throw UserError when the machine has fewer chips than a row has ranks. Throws UserError when no row can be of the
  /// software that was named: the name is not known and no row is of an all-reduce, or the rows are of another kind.
  [[nodiscard]] std::vector<fit::Family> families(const calibrate::Measurements& measured);

 private:
  void refuse_useless_software(const calibrate::Measurements& measured) const;
  [[nodiscard]] const cost::GroupLinks& links(std::uint32_t ranks);

  topologies::Topology machine_;
  std::string software_;
  const models::AcceleratorSpec& chip_;
  std::map<std::uint32_t, cost::GroupLinks> links_;  // by ranks, as far as they were asked for
};

}  // namespace tokenyard
