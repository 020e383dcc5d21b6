#include "sim/config/read_collectives.hpp"

#include "sim/config/read_provenance.hpp"

#include <string>
#include <utility>

namespace tokenyard::config {
namespace {

using models::AllReduceCoefficients;
using models::Collective;
using models::CollectiveKernels;
using models::ExchangeCoefficients;
using models::ExchangeCopies;
using models::ExchangeKernel;
using models::InNetworkCoefficients;
using models::kCollectives;
using models::LibraryCoefficients;
using models::PointToPointCoefficients;
using models::RingCoefficients;
using models::TwoLevelCoefficients;

AllReduceCoefficients read_all_reduce(YamlMap map) {
  AllReduceCoefficients reduce{.one_shot_t0 = map.seconds("one_shot_t0"),
                               .per_peer = map.seconds("per_peer"),
                               .one_shot_eff = map.number("one_shot_eff", 0.0, 1.0),
                               .two_shot_t0 = map.seconds("two_shot_t0"),
                               .two_shot_eff = map.number("two_shot_eff", 0.0, 1.0),
                               .up_to = map.bytes("up_to"),
                               .most_ranks = map.count("most_ranks", 2, 1'000'000),
                               .provenance = read_provenance(map)};
  if (map.given("norm")) reduce.norm = map.seconds("norm");
  map.finish();
  return reduce;
}

RingCoefficients read_ring(YamlMap map) {
  constexpr double kFastest = 1000.0;  // a copy may be far quicker than the link
  RingCoefficients ring{.launch = map.seconds("launch"),
                        .per_peer = map.seconds("per_peer"),
                        .eff = map.number("eff", 0.0, 1.0),
                        .copy = map.number("copy", 0.0, kFastest),
                        .fill = map.seconds("fill"),
                        .provenance = read_provenance(map)};
  map.finish();
  return ring;
}

InNetworkCoefficients read_in_network(YamlMap map) {
  InNetworkCoefficients reduce{.launch = map.seconds("launch"),
                               .eff = map.number("eff", 0.0, 1.0),
                               .fill = map.seconds("fill"),
                               .from = map.bytes("from"),
                               .provenance = read_provenance(map)};
  map.finish();
  return reduce;
}

TwoLevelCoefficients read_two_level(YamlMap map) {
  TwoLevelCoefficients levels{.launch = map.seconds("launch"),
                              .across_eff = map.number("across_eff", 0.0, 1.0),
                              .fill = map.seconds("fill"),
                              .direct = map.choice("paths", {"tree", "direct"}) == "direct",
                              .provenance = read_provenance(map)};
  map.finish();
  return levels;
}

PointToPointCoefficients read_point_to_point(YamlMap map) {
  PointToPointCoefficients hop{.launch_inside = map.seconds("launch_inside"),
                               .eff_inside = map.number("eff_inside", 0.0, 1.0),
                               .launch_across = map.seconds("launch_across"),
                               .eff_across = map.number("eff_across", 0.0, 1.0),
                               .provenance = read_provenance(map)};
  map.finish();
  return hop;
}

LibraryCoefficients read_library(YamlMap map) {
  LibraryCoefficients library;
  for (std::size_t i = 0; i < kCollectives; ++i) {
    library.ring[i] = read_ring(map.map(name(static_cast<Collective>(i)), "collectives.operation"));
  }
  if (map.given("in_network")) library.in_network = read_in_network(map.map("in_network", "collectives.in_network"));
  library.two_level = read_two_level(map.map("two_level", "collectives.two_level"));
  library.point_to_point = read_point_to_point(map.map("point_to_point", "collectives.point_to_point"));
  map.finish();
  return library;
}

ExchangeCoefficients read_direction(YamlMap map) {
  constexpr double kPlainMaximum = 1e9;
  ExchangeCoefficients exchange{.launch = map.seconds("launch"), .per_doubling = map.seconds("per_doubling")};
  exchange.across_launch = map.given("across_launch") ? map.seconds("across_launch") : exchange.launch;
  exchange.across_per_doubling = map.seconds("across_per_doubling");
  exchange.eff = map.number("eff", 0.0, 1.0);
  exchange.across_eff = map.number("across_eff", 0.0, 1.0);
  exchange.overlap = map.number("overlap", 0.0, kPlainMaximum);
  exchange.norm = map.number("norm", 0.0, kPlainMaximum);
  exchange.rate_per_sm = map.bandwidth("rate_per_sm");
  exchange.across_rate_per_sm = map.bandwidth("across_rate_per_sm");
  exchange.per_token = map.seconds("per_token");
  exchange.provenance = read_provenance(map);
  map.finish();
  return exchange;
}

ExchangeKernel read_exchange(YamlMap map) {
  ExchangeKernel kernel;
  const std::string copies = map.choice("copies", {"per_expert", "per_rank", "per_domain"});
  kernel.copies = copies == "per_expert" ? ExchangeCopies::PerExpert
                  : copies == "per_rank" ? ExchangeCopies::PerRank
                                         : ExchangeCopies::PerDomain;
  kernel.sms = map.count("sms", 0, 100'000);
  kernel.ranks_per_chip = map.count("ranks_per_chip", 1, 64);
  kernel.dispatch = read_direction(map.map("dispatch", "collectives.direction"));
  kernel.combine = read_direction(map.map("combine", "collectives.direction"));
  map.finish();
  return kernel;
}

models::FusedNorm read_fused_norm(YamlMap map) {
  models::FusedNorm fused{.kernel = map.text("kernel")};
  for (const std::uint32_t ranks : {2U, 4U, 8U}) {
    const std::string key = "ranks_" + std::to_string(ranks);
    if (map.given(key)) fused.up_to.emplace(ranks, map.bytes(key));
  }
  (void)map.text("source");
  map.finish();
  return fused;
}

/// Of the domain that all tables were measured in.
void set_latency(Seconds latency, CollectiveKernels& kernels) {
  for (auto& [name, table] : kernels.all_reduces) table.latency = latency;
  for (auto& [name, table] : kernels.libraries) table.latency = table.point_to_point.latency = latency;
  for (auto& [name, table] : kernels.exchanges) table.dispatch.latency = table.combine.latency = latency;
}

}  // namespace

CollectiveKernels read_collectives(YamlMap map) {
  CollectiveKernels kernels;
  kernels.name = map.text("name");
  for (auto& [name, table] : map.named_maps("all_reduces", "collectives.all_reduce")) {
    kernels.all_reduces.emplace(name, read_all_reduce(std::move(table)));
  }
  for (auto& [name, table] : map.named_maps("libraries", "collectives.library")) {
    kernels.libraries.emplace(name, read_library(std::move(table)));
  }
  for (auto& [name, table] : map.named_maps("exchanges", "collectives.exchange")) {
    kernels.exchanges.emplace(name, read_exchange(std::move(table)));
  }
  if (map.given("latency")) set_latency(map.seconds("latency"), kernels);
  kernels.all_reduce = map.text("all_reduce");
  if (map.given("fused_norm")) {
    kernels.fused_norm = read_fused_norm(map.map("fused_norm", "collectives.fused_norm"));
  }
  kernels.library = map.text("library");
  kernels.decode_exchange = map.text("decode_exchange");
  kernels.prompt_exchange = map.text("prompt_exchange");
  map.finish();
  return kernels;
}

}  // namespace tokenyard::config
