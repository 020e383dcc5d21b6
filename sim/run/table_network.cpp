#include "sim/run/table_network.hpp"

#include "models/base/errors.hpp"
#include "models/fit/communication_families.hpp"
#include "sim/config/catalog.hpp"
#include "sim/config/read_topology.hpp"
#include "sim/run/collective_question.hpp"
#include "topologies/make_topology.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace tokenyard {
namespace {

/// One kind of software: where its rows stand, and the names that the chip has of it.
struct Kind {
  std::string_view place;
  std::string_view what;
  std::vector<std::string> names;
  bool measured = false;

  [[nodiscard]] bool has(const std::string& name) const {
    return std::find(names.begin(), names.end(), name) != names.end();
  }
};

template <class Tables>
std::vector<std::string> names_of(const Tables& tables) {
  std::vector<std::string> names;
  for (const auto& [name, table] : tables) names.push_back(name);
  return names;
}

std::array<Kind, 3> kinds_of(const models::CollectiveKernels& used, const calibrate::Measurements& measured) {
  std::array<Kind, 3> kinds{Kind{"all_reduce", "an engine's own all-reduce", names_of(used.all_reduces)},
                            Kind{"library.", "a library", names_of(used.libraries)},
                            Kind{"exchange.", "an exchange of experts", names_of(used.exchanges)}};
  for (Kind& kind : kinds) {
    kind.measured = std::any_of(measured.families().begin(), measured.families().end(),
                                [&](const auto& rows) { return rows.first.starts_with(kind.place); });
  }
  return kinds;
}

}  // namespace

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

void TableNetwork::refuse_useless_software(const calibrate::Measurements& measured) const {
  if (software_.empty()) return;
  const std::array<Kind, 3> kinds = kinds_of(chip_.kernels.collectives, measured);
  const std::string start = fmt::format("tokenyard calibrate: --software {}: ", software_);
  std::vector<std::string> names;  // that the rows could be of
  std::string known_as;
  for (const Kind& kind : kinds) {
    if (kind.has(software_) && kind.measured) return;
    if (kind.has(software_)) known_as += (known_as.empty() ? "" : " and ") + std::string(kind.what);
    if (kind.measured) names.insert(names.end(), kind.names.begin(), kind.names.end());
  }
  const bool new_all_reduce = known_as.empty() && kinds.front().measured;
  if (new_all_reduce) return;
  if (std::none_of(kinds.begin(), kinds.end(), [](const Kind& kind) { return kind.measured; })) {
    throw UserError(start + "no row of the tables is of communication; leave it out");
  }
  if (!known_as.empty()) {
    throw UserError(fmt::format("{}is {}, of which the tables have no row; theirs can be of: {}", start, known_as,
                                fmt::join(names, ", ")));
  }
  const std::string meant = config::nearest(software_, names);
  throw UserError(fmt::format("{}{} has no software of that name for these rows; there are: {}{}", start, chip_.name,
                              fmt::join(names, ", "), meant.empty() ? "" : "; is '" + meant + "' meant?"));
}

std::vector<fit::Family> TableNetwork::families(const calibrate::Measurements& measured) {
  refuse_useless_software(measured);
  const models::CollectiveKernels& used = chip_.kernels.collectives;
  fit::CommunicationSetup setup{.links = [this](std::uint32_t ranks) { return links(ranks); },
                                .all_reduce = used.all_reduce,
                                .library = used.library,
                                .exchange = used.decode_exchange};
  const bool exchange = used.exchanges.contains(software_);
  const bool library = used.libraries.contains(software_);
  if (exchange) setup.exchange = software_;
  if (library) setup.library = software_;
  const bool new_all_reduce = !software_.empty() && !exchange && !library;
  if (new_all_reduce || used.all_reduces.contains(software_)) setup.all_reduce = software_;
  const auto own = used.all_reduces.find(setup.all_reduce);
  setup.own_up_to = own == used.all_reduces.end() ? models::AllReduceCoefficients{}.up_to : own->second.up_to;
  return fit::communication_families(setup);
}

}  // namespace tokenyard
