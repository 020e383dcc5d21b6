#pragma once

#include "models/base/units.hpp"
#include "models/cost/network_figures.hpp"
#include "models/fit/family.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tokenyard::fit {

/// The machine that tables of communication are of, and the names of the software that they show.
struct CommunicationSetup {
  std::function<cost::GroupLinks(std::uint32_t ranks)> links;  ///< of its first `ranks` chips
  std::string all_reduce;  ///< what collectives.all_reduces calls the engine's own kernels
  Bytes own_up_to;         ///< largest buffer that those take; above, tables of an engine show its library
  std::string library;     ///< likewise collectives.libraries
  std::string exchange;    ///< likewise collectives.exchanges
};

/// What any algorithm sends out of a port of these links: `share` of a buffer.
[[nodiscard]] cost::Roofline over_port(Bytes buffer, double share, const cost::GroupLinks& links);

/// The families of communication kernels, as models/cost prices them over the links of that machine: all_reduce,
/// library.OPERATION, library.in_network, library.point_to_point and exchange.DIRECTION. Shapes are `bytes` of a rank's
/// buffer and `ranks`; of exchanges `tokens` that a rank sends, `ranks`, `top_k`, `bytes` of a copy, `sms` and
/// `balanced`. What is sent of a token is not fitted: it is that of the chip's table of the same name, and without one
/// no exchange suits the chip. All-reduces of 8 ranks of 2 MiB and more, where switches can add, belong to
/// library.in_network, others to the ring.
[[nodiscard]] std::vector<Family> communication_families(const CommunicationSetup& setup);

// Each defines the families of one kind; communication_families.cpp joins them.
[[nodiscard]] std::vector<Family> library_families(const CommunicationSetup& setup);   ///< library_families.cpp
[[nodiscard]] std::vector<Family> exchange_families(const CommunicationSetup& setup);  ///< exchange_families.cpp

}  // namespace tokenyard::fit
