#include "sim/run/collective_question.hpp"

#include "models/base/errors.hpp"
#include "models/cost/collectives.hpp"
#include "sim/config/read_models.hpp"
#include "sim/config/read_topology.hpp"
#include "sim/run/instance_network.hpp"
#include "topologies/make_topology.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

namespace tokenyard {
namespace {

using models::CollectiveKernels;

/// The name asked for, checked, or else the one in use.
template <class Tables>
std::string chosen(const Tables& tables, const std::string& asked, const std::string& used) {
  if (asked.empty()) return used;
  if (tables.contains(asked)) return asked;
  std::string known;
  for (const auto& [name, table] : tables) known += (known.empty() ? "" : ", ") + name;
  throw UserError(
      fmt::format("tokenyard collective: --software {}: there is no such table; there are: {}", asked, known));
}

/// The first `count` chips of a kind; all of them where there are fewer.
std::vector<ChipId> first_chips(const topologies::Topology& machine, const std::string& kind, std::uint32_t count) {
  std::vector<ChipId> chips;
  for (std::uint32_t i = 0; i < machine.chip_count() && chips.size() < count; ++i) {
    if (machine.place(ChipId{i}).kind == kind) chips.push_back(ChipId{i});
  }
  return chips;
}

std::optional<models::Collective> library_operation(const std::string& op) {
  for (std::size_t i = 0; i < models::kCollectives; ++i) {
    if (op == models::name(static_cast<models::Collective>(i))) return static_cast<models::Collective>(i);
  }
  return {};
}

void add_row(double size, const cost::CollectivePrice& price, const cost::PortBytes& sent, CollectiveAnswer& answer) {
  const Bytes out = sent.inside + sent.across;
  answer.rows.push_back({.size = size,
                         .time = price.time,
                         .algorithm = std::string(cost::name(price.algorithm)),
                         .bus = price.time > Seconds{} ? out / price.time : BytesPerSecond{},
                         .extrapolated = price.extrapolated});
}

void price_exchange(const CollectiveQuestion& q, const CollectiveKernels& kernels, CollectiveAnswer& answer) {
  const models::ExchangeKernel& kernel = kernels.exchanges.at(answer.software);
  const bool dispatch = q.op == "dispatch";
  for (const std::uint32_t tokens : q.tokens) {
    const cost::ExchangeShape shape{
        .tokens_per_chip = 1.0 * tokens * kernel.ranks_per_chip,
        .choices = 1.0 * q.top_k,
        .groups = 1.0 * answer.links.ranks,
        .bytes_per_copy = dispatch ? cost::dispatch_bytes(q.hidden, q.format) : cost::combine_bytes(q.hidden),
        .domain_limit = 1.0 * q.domain_limit,
        .balanced = q.balanced};
    const Seconds time = cost::exchange_time(shape, answer.links, kernel,
                                             dispatch ? cost::Direction::Dispatch : cost::Direction::Combine);
    const cost::PortBytes sent = cost::exchange_bytes(shape, answer.links, kernel);
    const Bytes out = (sent.inside + sent.across) / (1.0 * kernel.ranks_per_chip);
    answer.rows.push_back({.size = 1.0 * tokens,
                           .time = time,
                           .algorithm = answer.software,
                           .bus = time > Seconds{} ? out / time : BytesPerSecond{}});
  }
}

/// The key that gives a machine more chips of a kind.
std::string nodes_key(const topologies::TopologySpec& machine, const std::string& kind) {
  const auto group = std::find_if(machine.groups.begin(), machine.groups.end(),
                                  [&](const topologies::NodeGroupSpec& one) { return one.chip == kind; });
  return group == machine.groups.end() || group->name.empty() ? "nodes" : "groups." + group->name + ".nodes";
}

/// The links that the ranks stand on, if there are so many and they can reach each other.
cost::GroupLinks links_for(const CollectiveQuestion& q, const topologies::TopologySpec& machine,
                           const topologies::Topology& topology, const std::string& kind, std::uint32_t count) {
  const std::vector<ChipId> chips = first_chips(topology, kind, count);
  if (chips.size() < count) {
    throw UserError(fmt::format("tokenyard collective: --ranks {}: '{}' has {} {} chips; --set {}=N makes it larger",
                                q.ranks, topology.name(), chips.size(), kind, nodes_key(machine, kind)));
  }
  if (!topology.one_site(chips)) {
    throw UserError(
        fmt::format("tokenyard collective: --ranks {}: collectives do not run between sites, and these "
                    "chips of '{}' stand in several; take fewer",
                    q.ranks, topology.name()));
  }
  return group_links(topology, chips);
}

}  // namespace

std::optional<cost::GroupLinks> first_links(const topologies::Topology& machine, const std::string& kind,
                                            std::uint32_t count) {
  const std::vector<ChipId> chips = first_chips(machine, kind, count);
  if (chips.size() < count || !machine.one_site(chips)) return std::nullopt;
  return group_links(machine, chips);
}

CollectiveAnswer price_collective(const CollectiveQuestion& q) {
  const topologies::TopologySpec machine = config::read_machine(q.topology, q.settings);
  const topologies::Topology topology = topologies::make_topology(machine);
  const std::string kind = q.chip.empty() ? machine.groups.front().chip : q.chip;
  const models::AcceleratorSpec chip =
      config::read_chip(config::YamlMap::load_entry(kind, "chip", "models/catalog/chips"));
  const CollectiveKernels& kernels = chip.kernels.collectives;

  CollectiveAnswer answer;
  const bool exchange = q.op == "dispatch" || q.op == "combine";
  const std::optional<models::Collective> op = library_operation(q.op);
  if (!exchange && !op && q.op != "send") {
    throw UserError("tokenyard collective: --op " + q.op +
                    ": one of: all_reduce, all_gather, reduce_scatter, all_to_all, send, dispatch, combine");
  }
  const bool own =
      op == models::Collective::AllReduce && (q.software.empty() || kernels.all_reduces.contains(q.software));
  answer.software = exchange ? chosen(kernels.exchanges, q.software, kernels.decode_exchange)
                    : own    ? chosen(kernels.all_reduces, q.software, kernels.all_reduce)
                             : chosen(kernels.libraries, q.software, kernels.library);

  const std::uint32_t per_chip = exchange ? kernels.exchanges.at(answer.software).ranks_per_chip : 1;
  if (q.ranks % per_chip != 0) {
    throw UserError(fmt::format("tokenyard collective: --ranks {}: {} has {} ranks a chip; take a multiple", q.ranks,
                                answer.software, per_chip));
  }
  answer.links = links_for(q, machine, topology, kind, q.ranks / per_chip);
  if (exchange) {
    price_exchange(q, kernels, answer);
    return answer;
  }
  CollectiveKernels used = kernels;
  if (own) used.all_reduce = answer.software;
  const models::LibraryCoefficients& library = own ? used.used_library() : kernels.libraries.at(answer.software);
  for (const Bytes size : q.sizes) {
    if (q.op == "send") {
      add_row(
          size.value(),
          {.time = cost::hop_time(size, answer.links, library.point_to_point), .algorithm = cost::Algorithm::Direct},
          {.inside = size}, answer);
      continue;
    }
    const cost::CollectivePrice price =
        own ? cost::all_reduce(size, answer.links, used) : cost::library_time(*op, size, answer.links, library);
    add_row(size.value(), price, cost::port_bytes(*op, size, answer.links, price.algorithm), answer);
  }
  return answer;
}

}  // namespace tokenyard
