#include "sim/run/instance_network.hpp"
#include "sim/run/placement.hpp"

#include "models/base/errors.hpp"
#include "tests/support/small_experiment.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::test;

namespace {

config::PoolSpec pool(const std::string& chip, std::uint32_t instances, models::ParallelPlan plan) {
  return {.name = "pool", .chip = chip, .instances = instances, .plan = plan};
}

/// First and last chip of every instance of a pool: "0-7 8-15".
std::string spans(const std::vector<PlacedInstance>& instances) {
  std::string text;
  for (const PlacedInstance& one : instances) {
    for (std::size_t i = 1; i < one.chips.size(); ++i) CHECK(one.chips[i].index() == one.chips[i - 1].index() + 1);
    text += (text.empty() ? "" : " ") + std::to_string(one.chips.front().index()) + "-" +
            std::to_string(one.chips.back().index());
  }
  return text;
}

PlacedInstance chips_from(std::uint32_t first, std::uint32_t count) {
  PlacedInstance instance;
  for (std::uint32_t i = 0; i < count; ++i) instance.chips.push_back(ChipId{first + i});
  return instance;
}

/// Of figures in GB/s and us.
doctest::Approx near(double value) { return doctest::Approx(value).epsilon(1e-9); }
double gb_per_s(BytesPerSecond rate) { return rate.value() * 1e-9; }
double us(Seconds time) { return time.value() * 1e6; }

}  // namespace

TEST_CASE("placement: instances take chips in order of pools and instances") {
  const auto placed = place(machine("{base: hgx-h100, nodes: 2}"),
                            {pool("h100-sxm", 2, {.tensor = 4}), pool("h100-sxm", 3, {.tensor = 2})});
  REQUIRE(placed.size() == 2);
  CHECK(spans(placed[0]) == "0-3 4-7");
  CHECK(spans(placed[1]) == "8-9 10-11 12-13");
}

TEST_CASE("placement: an instance that fits into a domain is not spread over two") {
  // 5 of the 8 chips of a node: the other 3 are left over, also for the pool behind, whose 4 start in the next node.
  const auto placed = place(machine("{base: hgx-h100, nodes: 3}"),
                            {pool("h100-sxm", 2, {.attention_data = 5}), pool("h100-sxm", 1, {.tensor = 4})});
  CHECK(spans(placed[0]) == "0-4 8-12");
  CHECK(spans(placed[1]) == "16-19");
}

TEST_CASE("placement: an instance larger than a domain takes the chips as they come") {
  const auto placed = place(machine("{base: hgx-h100, nodes: 4}"),
                            {pool("h100-sxm", 1, {.tensor = 4}), pool("h100-sxm", 1, {.tensor = 8, .pipeline = 2})});
  CHECK(spans(placed[1]) == "4-19");
}

TEST_CASE("placement: kinds of chips are counted apart") {
  const auto placed = place(machine("{base: supernode-1024, groups: {prefill: {nodes: 1}, decode: {nodes: 1}}}"),
                            {pool("intellifusion-d1", 2, {.tensor = 2}), pool("intellifusion-p1", 2, {.tensor = 2})});
  // The first node holds the prefill chips, the second the decode chips, 8 each.
  CHECK(spans(placed[0]) == "8-9 10-11");
  CHECK(spans(placed[1]) == "0-1 2-3");
}

TEST_CASE("placement: chips that run out are told with what is left and what would fit") {
  // 3 nodes of 8: the first pool takes 8, 16 are left, room for two instances of 6 inside a node each.
  const SmallExperiment parts{
      .topology = "{base: hgx-h100, nodes: 3}",
      .pools =
          "{a: {role: prefill, parallel: {tensor: 8}}, b: {role: decode, instances: 3, parallel: "
          "{attention_data: 6}}}"};
  const config::Experiment experiment = read(parts);
  const std::string message = user_error([&] { (void)place(machine(parts.topology), experiment.pools); });
  CHECK(
      message.find("pools.b.instances: 3 instances of 6 chips need 18; topology 'hgx-h100' has 16 h100-sxm chips left "
                   "for this pool, room for 2 instances inside scale-up domains") != std::string::npos);
}

TEST_CASE("placement: an instance too large for any domain is counted in chips alone") {
  const SmallExperiment parts{.topology = "{base: hgx-h100, nodes: 2}",
                              .pools = "{a: {instances: 2, parallel: {attention_data: 12}}}"};
  const config::Experiment experiment = read(parts);
  const std::string message = user_error([&] { (void)place(machine(parts.topology), experiment.pools); });
  CHECK(message.find(
            "2 instances of 12 chips need 24; topology 'hgx-h100' has 16 h100-sxm chips left for this pool, room "
            "for 1 instances") != std::string::npos);
  CHECK(message.find("inside scale-up domains") == std::string::npos);
}

TEST_CASE("placement: chips of ranks and stages and of a rank's KV cache") {
  // 2 stages of 3 attention ranks of 2 chips: stage 0 is 10 .. 15, stage 1 is 16 .. 21.
  const models::ParallelPlan plan{.tensor = 2, .pipeline = 2, .attention_data = 3};
  const PlacedInstance instance = chips_from(10, 12);
  CHECK(instance.rank_chips(plan, 0, 1) == std::vector<ChipId>{ChipId{12}, ChipId{13}});
  CHECK(instance.rank_chips(plan, 1, 2) == std::vector<ChipId>{ChipId{20}, ChipId{21}});
  CHECK(instance.stage_chips(plan, 1).front() == ChipId{16});
  CHECK(instance.stage_chips(plan, 1).size() == 6);
  CHECK(instance.kv_chips(plan, 1) == std::vector<ChipId>{ChipId{12}, ChipId{13}, ChipId{18}, ChipId{19}});
}

TEST_CASE("network figures: one chip has no links") {
  const auto figures = network_figures(machine("hgx-h100"), chips_from(0, 1), {});
  CHECK(figures.tensor.ranks == 1);
  CHECK(figures.expert.ranks == 1);
  CHECK(figures.pipeline.ranks == 1);
}

TEST_CASE("network figures: a node of HGX H100 is one NVLink domain") {
  // 18 links of 25 GB/s, 0.95 of them payload: 427.5 GB/s.
  const auto figures = network_figures(machine("hgx-h100"), chips_from(0, 8), {.tensor = 8});
  CHECK(figures.tensor.ranks == 8);
  CHECK(figures.tensor.domains == 1);
  CHECK(gb_per_s(figures.tensor.port) == near(427.5));
  CHECK(figures.tensor.uplink == figures.tensor.port);
  CHECK(us(figures.tensor.latency) == near(1.5));
}

TEST_CASE("network figures: two nodes of HGX H100 meet over InfiniBand") {
  // Inside 427.5 GB/s as before; across a NIC of 50 GB/s, 0.93 of it payload, on one leaf (4 nodes): 46.5 GB/s, 2.8 us.
  const topologies::Topology hgx = machine("{base: hgx-h100, nodes: 8}");
  const auto near_by = network_figures(hgx, chips_from(0, 16), {.tensor = 8, .attention_data = 2, .expert = 16});
  CHECK(near_by.tensor.domains == 1);
  CHECK(near_by.expert.ranks == 16);
  CHECK(near_by.expert.domains == 2);
  CHECK(gb_per_s(near_by.expert.port) == near(427.5));
  CHECK(gb_per_s(near_by.expert.uplink) == near(46.5));
  CHECK(us(near_by.expert.latency) == near(2.8));
  // Nodes 3 and 4 are on two leaves of 32 NICs and 32 uplinks: 0.94 of the trunk's 32 * 50 * 0.93 GB/s, a 32nd each.
  const auto far = network_figures(hgx, chips_from(24, 16), {.attention_data = 16, .expert = 16});
  CHECK(gb_per_s(far.expert.uplink) == near(46.5 * 0.94));
  CHECK(us(far.expert.latency) == near(3.7));
}

TEST_CASE("network figures: stages of a node each hand on over InfiniBand") {
  const auto figures =
      network_figures(machine("{base: hgx-h100, nodes: 2}"), chips_from(0, 16), {.tensor = 8, .pipeline = 2});
  CHECK(figures.pipeline.ranks == 2);
  CHECK(figures.pipeline.domains == 2);
  CHECK(gb_per_s(figures.pipeline.uplink) == near(46.5));
  CHECK(figures.tensor.domains == 1);
}

TEST_CASE("network figures: a rank that straddles two domains counts though the first does not") {
  // Six ranks of 16 chips on racks of 72: ranks 0 to 3 stand on chips 0 .. 63, rank 4 on 64 .. 79 of both racks. Ranks
  // run in lockstep, so their all-reduce is that of rank 4: NVLink of 18 * 50 * 0.95 GB/s inside, a NIC of 50 * 0.93
  // across.
  const models::ParallelPlan plan{.tensor = 16, .attention_data = 6};
  const auto figures = network_figures(machine("{base: gb200-nvl72, nodes: 36}"), chips_from(0, 96), plan);
  CHECK(figures.tensor.ranks == 16);
  CHECK(figures.tensor.domains == 2);
  CHECK(gb_per_s(figures.tensor.port) == near(855.0));
  CHECK(gb_per_s(figures.tensor.uplink) == near(46.5));
}

TEST_CASE("network figures: a later stage boundary between nodes counts though the first is inside one") {
  // Stages of 4 chips on nodes of 8: 0 -> 1 inside, 1 -> 2 across.
  const auto figures =
      network_figures(machine("{base: hgx-h100, nodes: 2}"), chips_from(0, 12), {.tensor = 4, .pipeline = 3});
  CHECK(figures.pipeline.ranks == 3);
  CHECK(figures.pipeline.domains == 2);
  CHECK(gb_per_s(figures.pipeline.uplink) == near(46.5));
}

TEST_CASE("network figures: a rack of GB200 NVL72 is one NVLink domain") {
  const auto figures =
      network_figures(machine("gb200-nvl72"), chips_from(0, 64), {.tensor = 2, .attention_data = 32, .expert = 64});
  CHECK(figures.expert.ranks == 64);
  CHECK(figures.expert.domains == 1);
  CHECK(gb_per_s(figures.expert.port) == near(855.0));
  CHECK(us(figures.expert.latency) == near(1.5));
}

TEST_CASE("network figures: nodes of CloudMatrix384 meet over UB itself") {
  // A chip: 7 switches * 2 links * 28 GB/s = 392, 0.85 of it payload: 333.2 GB/s. A node's uplinks: 7 * 448 GB/s * 0.85
  // * 0.98, an eighth for each chip: 326.536 GB/s.
  const auto figures =
      network_figures(machine("cloudmatrix384"), chips_from(0, 16), {.attention_data = 16, .expert = 16});
  CHECK(figures.expert.domains == 2);
  CHECK(gb_per_s(figures.expert.port) == near(333.2));
  CHECK(gb_per_s(figures.expert.uplink) == near(7 * 448 * 0.85 * 0.98 / 8));
  CHECK(us(figures.expert.latency) == near(1.9));
}

TEST_CASE("placement: collectives are counted on the planes that carry them") {
  CollectiveBytes sent;
  sent[Sender::Tensor] = {70, 3};
  sent[Sender::Expert] = {20, 2};
  sent[Sender::Pipeline] = {10, 1};
  const auto inside = collective_wires(machine("hgx-h100"), chips_from(0, 8), {});
  REQUIRE(inside.size() == 1);
  CHECK(inside[0].plane == "nvlink");
  CHECK(inside[0].on(sent) == 100.0);
  CHECK(gb_per_s(inside[0].port) == near(427.5));  // 450 at 0.95
  const topologies::Topology two = machine("{base: hgx-h100, nodes: 2}");
  const auto across = collective_wires(two, chips_from(0, 16), {});
  REQUIRE(across.size() == 2);
  CHECK(across[0].on(sent) == 100.0);
  CHECK(across[1].plane == "ib");
  CHECK(across[1].on(sent) == 6.0);
  CHECK(gb_per_s(across[1].port) == near(46.5));
  // All of the tensor groups over ib: 73 bytes and the 3 of the others that leave a node.
  const auto named = collective_wires(two, chips_from(0, 16), {.tensor = "ib"});
  REQUIRE(named.size() == 2);
  CHECK(named[0].plane == "ib");
  CHECK(named[0].on(sent) == 76.0);
  CHECK(named[1].on(sent) == 30.0);
  const auto ub = collective_wires(machine("cloudmatrix384"), chips_from(0, 16), {});
  REQUIRE(ub.size() == 1);
  CHECK(ub[0].on(sent) == 106.0);
  CHECK(collective_wires(machine("hgx-h100"), chips_from(0, 1), {}).empty());
}

TEST_CASE("network figures: stages that are no neighbours in a torus share the cables between them") {
  // 4 chips are 2 x 2 x 1, the next 4 lie on top of them: one hop each. Of 8 chips, a cube, each has
  // two hops to its like in the next one, over a cable that it shares with the one in between.
  const topologies::Topology pod = machine("{base: tpu-v7-pod, nodes: 32, planes: {ici: {dims: 8x4x4}}}");
  const auto hop = [&](std::uint32_t tensor) {
    return network_figures(pod, chips_from(0, 2 * tensor), {.tensor = tensor, .pipeline = 2}).pipeline;
  };
  const double cable = gb_per_s(hop(4).port);
  CHECK(cable > 0.0);
  CHECK(us(hop(4).latency_inside) == near(1.0));
  CHECK(gb_per_s(hop(8).port) == near(cable / 2.0));
  CHECK(us(hop(8).latency_inside) == near(2.0));
  CHECK(us(hop(8).neighbour) == near(1.0));
  CHECK(gb_per_s(hop(16).port) > 0.0);
}

TEST_CASE("placement: a plane that an experiment names carries its groups alone") {
  const topologies::Topology two = machine("{base: hgx-h100, nodes: 2}");
  const models::ParallelPlan plan{.tensor = 8, .attention_data = 2, .expert = 16};
  const auto figures = network_figures(two, chips_from(0, 16), plan, {.tensor = "ib"});
  CHECK(gb_per_s(figures.tensor.port) == near(46.5));
  CHECK(figures.tensor.domains == 1);  // a leaf
  CHECK(gb_per_s(figures.expert.port) == near(427.5));
  CHECK_THROWS_WITH_AS((void)network_figures(two, chips_from(0, 16), plan, {.expert = "nvlink"}),
                       "planes.expert: 'nvlink' does not join chips 0 to 15, which stand in 2 of its domains",
                       SpecError);
  CHECK_THROWS_WITH_AS(
      (void)network_figures(machine("vr-nvl144-cpx"), chips_from(72, 8), {.tensor = 8}, {.tensor = "nvlink"}),
      "planes.tensor: 'nvlink' has no link for chip 72 (rubin-cpx)", SpecError);
}

TEST_CASE("network figures: groups of the FFN side are neighbours among its chips") {
  // Chips 0 to 3 hold attention, the FFN has 4 to 19: of its groups of eight the second, 12 to 19, leaves its node.
  const topologies::Topology three = machine("{base: hgx-h100, nodes: 3}");
  config::PoolSpec spec = pool("h100-sxm", 1, {.attention_data = 4});
  spec.ffn = config::FfnPoolSpec{.chip = "h100-sxm", .plan = {.tensor = 8, .attention_data = 2, .expert = 8}};
  const auto placed = place(three, {spec});
  const auto figures = network_figures(three, placed[0][0], spec, {});
  CHECK(figures.ffn.ranks == 20);
  CHECK(figures.ffn_tensor.ranks == 8);
  CHECK(figures.ffn_tensor.domains == 2);
  CHECK(gb_per_s(figures.ffn_tensor.uplink) == near(46.5));
  // Pairs that share experts stay inside.
  CHECK(figures.ffn_experts.ranks == 2);
  CHECK(figures.ffn_experts.domains == 1);
  CHECK(gb_per_s(figures.ffn_experts.port) == near(427.5));
}

TEST_CASE("placement: an instance stands in one site") {
  // 12 of the 16 chips of a site fit into no node: the second instance starts in the other site.
  const auto placed = place(machine("{base: two-sites, groups: {east: {nodes: 2}, west: {nodes: 2}}}"),
                            {pool("h100-sxm", 2, {.attention_data = 12})});
  CHECK(spans(placed[0]) == "0-11 16-27");
}
