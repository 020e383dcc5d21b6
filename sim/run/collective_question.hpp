#pragma once

#include "models/base/units.hpp"
#include "models/cost/exchange.hpp"
#include "models/cost/network_figures.hpp"
#include "models/device/accelerator.hpp"
#include "sim/config/yaml_map.hpp"
#include "topologies/topology.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tokenyard {

/// One collective among the first chips of a machine.
struct CollectiveQuestion {
  std::string topology;                    ///< name of a machine or a .yaml file
  std::vector<config::Override> settings;  ///< over the machine's keys
  std::string chip;                        ///< empty: the machine's first kind
  std::string op = "all_reduce";  ///< all_reduce | all_gather | reduce_scatter | all_to_all | send | dispatch | combine
  std::uint32_t ranks = 8;        ///< of the library: chips, or dies where its table says so
  std::string software;           ///< a table's name; empty: what the chip's entry uses
  std::vector<Bytes> sizes;       ///< buffers; for dispatch and combine empty
  std::vector<std::uint32_t> tokens;  ///< that each rank sends, of dispatch and combine
  std::uint32_t top_k = 8;
  std::uint32_t hidden = 7168;
  bool balanced = false;                                 ///< a token's experts on as many ranks as can be
  std::uint32_t domain_limit = 0;                        ///< nodes that a token's experts may lie in; 0: any
  models::GemmKind format = models::GemmKind::Fp8Block;  ///< of the experts: decides the bytes of a dispatched copy
};

/// One size of it, priced.
struct CollectiveRow {
  double size = 0;  ///< bytes or tokens
  Seconds time;
  std::string algorithm;  ///< "one-shot", "ring", "direct", ...; of an exchange the kernel's name
  BytesPerSecond bus;     ///< bytes out of the busiest rank's ports over the time
  bool extrapolated = false;
};

/// The links that the ranks stand on, and a row a size. Throws UserError for a name that nobody has, too few chips, and
/// chips in several sites.
struct CollectiveAnswer {
  std::string software;
  cost::GroupLinks links;
  std::vector<CollectiveRow> rows;
};
[[nodiscard]] CollectiveAnswer price_collective(const CollectiveQuestion& question);

/// The links that the first `count` chips of this kind of a machine stand on; absent when it has fewer in one site.
[[nodiscard]] std::optional<cost::GroupLinks> first_links(const topologies::Topology& machine, const std::string& kind,
                                                          std::uint32_t count);

}  // namespace tokenyard
