#include "sim/run/table_network.hpp"

#include "models/base/errors.hpp"
#include "models/fit/communication_families.hpp"
#include "sim/config/read_topology.hpp"
#include "sim/run/collective_question.hpp"
#include "topologies/make_topology.hpp"

#include <fmt/format.h>

#include <utility>

namespace tokenyard {

TableNetwork::TableNetwork(const std::string& topology, const std::vector<config::Override>& settings,
                           std::string software, const models::AcceleratorSpec& chip)
    : machine_(topologies::make_topology(config::read_machine(topology, settings))),
      software_(std::move(software)),
      chip_(chip) {}

const cost::GroupLinks& TableNetwork::links(std::uint32_t ranks) {
  const auto known = links_.find(ranks);
  if (known != links_.end()) return known->second;
  const auto found = first_links(machine_, chip_.name, ranks);
  if (!found) {
    throw UserError(
        fmt::format("tokenyard calibrate: --topology {}: has fewer than the {} {} chips of a row; --set "
                    "nodes=N makes it larger",
                    machine_.name(), ranks, chip_.name));
  }
  return links_.emplace(ranks, *found).first->second;
}

std::vector<fit::Family> TableNetwork::families() {
  const models::CollectiveKernels& used = chip_.kernels.collectives;
  fit::CommunicationSetup setup{.links = [this](std::uint32_t ranks) { return links(ranks); },
                                .all_reduce = used.all_reduce,
                                .library = used.library,
                                .exchange = used.decode_exchange};
  if (used.exchanges.contains(software_)) {
    setup.exchange = software_;
  } else if (used.libraries.contains(software_)) {
    setup.library = software_;
  } else if (!software_.empty()) {
    setup.all_reduce = software_;
  }
  const auto own = used.all_reduces.find(setup.all_reduce);
  setup.own_up_to = own == used.all_reduces.end() ? models::AllReduceCoefficients{}.up_to : own->second.up_to;
  return fit::communication_families(setup);
}

}  // namespace tokenyard
