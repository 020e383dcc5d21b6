#include "models/device/collective_kernels.hpp"

#include "models/base/errors.hpp"
#include "models/device/figure_group.hpp"

namespace tokenyard::models {
namespace {

void check(const AllReduceCoefficients& c, const FigureGroup& group) {
  group.not_negative("one_shot_t0", c.one_shot_t0.value());
  group.not_negative("per_peer", c.per_peer.value());
  group.efficiency("one_shot_eff", c.one_shot_eff);
  group.not_negative("two_shot_t0", c.two_shot_t0.value());
  group.efficiency("two_shot_eff", c.two_shot_eff);
  if (c.norm) group.not_negative("norm", c.norm->value());
  group.not_negative("up_to", c.up_to.value());
  group.positive("most_ranks", c.most_ranks);
  group.sourced(c.provenance);
}

void check(const LibraryCoefficients& c, const std::string& at) {
  for (std::size_t i = 0; i < kCollectives; ++i) {
    const FigureGroup group(at + "." + std::string(name(static_cast<Collective>(i))));
    group.not_negative("launch", c.ring[i].launch.value());
    group.not_negative("per_peer", c.ring[i].per_peer.value());
    group.efficiency("eff", c.ring[i].eff);
    group.positive("copy", c.ring[i].copy);
    group.not_negative("fill", c.ring[i].fill.value());
    group.sourced(c.ring[i].provenance);
  }
  if (c.in_network) {
    const FigureGroup group(at + ".in_network");
    group.not_negative("launch", c.in_network->launch.value());
    group.efficiency("eff", c.in_network->eff);
    group.not_negative("fill", c.in_network->fill.value());
    group.sourced(c.in_network->provenance);
  }
  const FigureGroup levels(at + ".two_level");
  levels.not_negative("launch", c.two_level.launch.value());
  levels.efficiency("across_eff", c.two_level.across_eff);
  levels.not_negative("fill", c.two_level.fill.value());
  levels.sourced(c.two_level.provenance);
  const FigureGroup hop(at + ".point_to_point");
  hop.not_negative("launch_inside", c.point_to_point.launch_inside.value());
  hop.efficiency("eff_inside", c.point_to_point.eff_inside);
  hop.not_negative("launch_across", c.point_to_point.launch_across.value());
  hop.efficiency("eff_across", c.point_to_point.eff_across);
  hop.sourced(c.point_to_point.provenance);
}

void check(const ExchangeCoefficients& c, const FigureGroup& group) {
  group.not_negative("launch", c.launch.value());
  group.not_negative("per_doubling", c.per_doubling.value());
  group.not_negative("across_launch", c.across_launch.value());
  group.not_negative("across_per_doubling", c.across_per_doubling.value());
  group.efficiency("eff", c.eff);
  group.efficiency("across_eff", c.across_eff);
  group.positive("overlap", c.overlap);
  group.positive("norm", c.norm);
  group.not_negative("rate_per_sm", c.rate_per_sm.value());
  group.not_negative("across_rate_per_sm", c.across_rate_per_sm.value());
  group.not_negative("per_token", c.per_token.value());
  group.sourced(c.provenance);
}

/// The name in use of a family must be one of its tables.
template <class Tables>
void check_use(const Tables& tables, const std::string& used, const std::string& key) {
  if (tables.contains(used)) return;
  std::string known;
  for (const auto& [each, table] : tables) known += (known.empty() ? "" : ", ") + each;
  throw SpecError("kernels.collectives." + key, "there is no table '" + used + "'; there are: " + known);
}

}  // namespace

std::string_view name(Collective op) {
  switch (op) {
    case Collective::AllReduce:
      return "all_reduce";
    case Collective::AllGather:
      return "all_gather";
    case Collective::ReduceScatter:
      return "reduce_scatter";
    case Collective::AllToAll:
      break;
  }
  return "all_to_all";
}

const AllReduceCoefficients* CollectiveKernels::all_reduce_with_norm(Bytes size, std::uint32_t ranks) const {
  if (own_all_reduce().norm) return &own_all_reduce();
  const auto limit = fused_norm.up_to.find(ranks);
  return limit != fused_norm.up_to.end() && size <= limit->second ? &all_reduces.at(fused_norm.kernel) : nullptr;
}

void validate(const CollectiveKernels& kernels) {
  const std::string at = "kernels.collectives.";
  for (const auto& [each, table] : kernels.all_reduces) check(table, FigureGroup(at + "all_reduces." + each));
  for (const auto& [each, table] : kernels.libraries) check(table, at + "libraries." + each);
  for (const auto& [each, table] : kernels.exchanges) {
    check(table.dispatch, FigureGroup(at + "exchanges." + each + ".dispatch"));
    check(table.combine, FigureGroup(at + "exchanges." + each + ".combine"));
    if (table.ranks_per_chip == 0) throw SpecError(at + "exchanges." + each + ".ranks_per_chip", "must be at least 1");
  }
  check_use(kernels.all_reduces, kernels.all_reduce, "all_reduce");
  if (!kernels.fused_norm.kernel.empty()) {
    check_use(kernels.all_reduces, kernels.fused_norm.kernel, "fused_norm.kernel");
    if (!kernels.all_reduces.at(kernels.fused_norm.kernel).norm) {
      throw SpecError(at + "fused_norm.kernel", "'" + kernels.fused_norm.kernel + "' has no norm inside");
    }
  }
  check_use(kernels.libraries, kernels.library, "library");
  check_use(kernels.exchanges, kernels.decode_exchange, "decode_exchange");
  check_use(kernels.exchanges, kernels.prompt_exchange, "prompt_exchange");
}

}  // namespace tokenyard::models
