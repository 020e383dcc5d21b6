#include "sim/config/catalog.hpp"
#include "sim/config/read_models.hpp"
#include "sim/config/read_topology.hpp"
#include "topologies/bill.hpp"
#include "topologies/bisection.hpp"
#include "topologies/make_topology.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>

using namespace tokenyard;
using namespace tokenyard::config;

// What vendors and the study of May 2025 (Zeping Macro, AIDC industry study, system table) print for whole systems,
// added up from the catalogue's parts: sums that nobody typed in.
namespace {

topologies::TopologySpec spec_of(const std::string& name) { return read_machine(name, {}); }

topologies::Topology machine(const std::string& name) { return topologies::make_topology(spec_of(name)); }

models::AcceleratorSpec chip_of(const topologies::Topology& topology) {
  const auto file = catalog_root() / "models/catalog/chips" / (topology.place(ChipId{0}).kind + ".yaml");
  return read_chip(YamlMap::load(file, "chip"));
}

/// In Gb/s, to the whole number that is printed.
double gbit(BytesPerSecond rate) { return std::round(rate.value() * 8e-9); }

}  // namespace

TEST_CASE("system aggregates: GB200 NVL72 as published") {
  const topologies::Topology nvl72 = machine("gb200-nvl72");
  const PlaneId nvlink = nvl72.plane("nvlink");
  CHECK(nvl72.chip_count() == 72);
  CHECK(nvl72.place(ChipId{71}).node == 17);  // 18 trays
  CHECK(nvl72.place(ChipId{71}).rack == 0);
  CHECK(nvl72.switch_count(nvlink) == 18);
  CHECK(nvl72.cable_count(nvlink) == 1296);                   // 72 * 18
  CHECK(gbit(nvl72.port(ChipId{0}, nvlink)) == 7200);         // a chip
  CHECK(gbit(nvl72.injection(nvlink)) == 518'400);            // scale-up
  CHECK(gbit(nvl72.injection(nvl72.plane("ib"))) == 28'800);  // scale-out: 72 * 400
  CHECK(nvl72.planes()[nvlink.index()].domains == 1);
  CHECK(nvl72.hops(ChipId{0}, ChipId{71}, nvlink) == 2);
  const models::AcceleratorSpec gb200 = chip_of(nvl72);
  CHECK(gb200.peak_of(models::Dtype::Bf16).value() * 72 == doctest::Approx(180e15));  // 72 * 2,500 TFLOP/s
  CHECK(gb200.memory_bandwidth.value() * 72 == doctest::Approx(576e12));              // 72 * 8 TB/s
}

TEST_CASE("system aggregates: CloudMatrix384 with the study's figures as published") {
  const topologies::Topology cm384 = machine("cloudmatrix384-s3");
  const PlaneId ub = cm384.plane("ub");
  CHECK(cm384.chip_count() == 384);
  CHECK(gbit(cm384.port(ChipId{0}, ub)) == 2800);
  CHECK(gbit(cm384.injection(ub)) == 1'075'200);
  CHECK(gbit(cm384.injection(cm384.plane("rdma"))) == 153'600);
  CHECK(cm384.switch_count(ub) == 336 + 112);
  const models::AcceleratorSpec chip = chip_of(cm384);
  // 384 * 780 TFLOP/s = 299.52, printed as 300; 384 * 3.2 TB/s = 1,228.8, printed as 1,229.
  const double pflops = chip.peak_of(models::Dtype::Bf16).value() * 384 * 1e-15;
  CHECK(pflops == doctest::Approx(299.52));
  CHECK(std::round(pflops) == 300);
  CHECK(std::round(chip.memory_bandwidth.value() * 384 * 1e-12) == 1229);
  // "1.7 times the performance, more than 5 times the chips"
  CHECK(pflops / 180 == doctest::Approx(1.664));
  CHECK(384.0 / 72 == doctest::Approx(5.333).epsilon(0.001));
}

TEST_CASE("system aggregates: CloudMatrix384 wired as its paper says") {
  const topologies::Topology cm384 = machine("cloudmatrix384");
  const PlaneId ub = cm384.plane("ub");
  CHECK(cm384.port(ChipId{0}, ub).value() == doctest::Approx(392e9));  // 7 * 2 * 28
  CHECK(cm384.planes()[ub.index()].domains == 48);                     // nodes
  CHECK(cm384.place(ChipId{383}).rack == 11);                          // 12 compute racks
  CHECK(cm384.switch_count(ub) == 336 + 112);
  // 384 * 14 cables to first switches and 336 * 16 uplinks of 28 GB/s: 448 GB/s above each of the 7 of a node.
  CHECK(cm384.cable_count(ub) == 384 * 14 + 336 * 16);
  CHECK(cm384.trunk(0, ub).value() == doctest::Approx(7 * 448e9));
  CHECK(cm384.trunk(0, ub).value() == doctest::Approx(8 * 392e9));  // does not block
  CHECK(cm384.hops(ChipId{0}, ChipId{7}, ub) == 2);
  CHECK(cm384.hops(ChipId{0}, ChipId{8}, ub) == 4);
  CHECK(cm384.latency(ChipId{0}, ChipId{7}, ub).value() == doctest::Approx(1.2e-6));
  CHECK(cm384.latency(ChipId{0}, ChipId{8}, ub).value() == doctest::Approx(1.9e-6));
  CHECK(cm384.planes()[cm384.scale_up().index()].name == "ub");
  CHECK(cm384.planes()[cm384.scale_out().index()].name == "rdma");
  // 50 GB/s a node, however many of its 8 chips ask.
  CHECK(cm384.trunk(0, cm384.plane("vpc")).value() == doctest::Approx(50e9));
}

TEST_CASE("system aggregates: CloudMatrix384 has 6912 optical modules") {
  // SemiAnalysis, April 2025, counts 6,912 of 400 Gb/s: 336 * 16 cables of 200 Gb/s, two of which share a module, at
  // both ends are 5,376; 384 cables to RDMA leaves and 384 above them, at both ends, are 1,536.
  const auto spec = spec_of("cloudmatrix384");
  const topologies::Bill bill = topologies::bill_of(spec, topologies::make_topology(spec));
  std::uint64_t modules = 0;
  for (const topologies::PlaneBill& plane : bill.planes) modules += plane.transceivers;
  CHECK(modules == 6912);
  CHECK(bill.chips.at("ascend-910c") == 384);
  CHECK(bill.nodes == 48);
  CHECK(bill.racks == 12);
  CHECK(bill.power_known);
  CHECK(bill.node_power.value() == doctest::Approx(559.4e3).epsilon(1e-3));  // a node's share is written to 10 W
}

TEST_CASE("system aggregates: a GB200 scalable unit is 8 racks of 576 GPUs on 4 rails") {
  const topologies::Topology unit = machine("gb200-superpod");
  const PlaneId ib = unit.plane("ib");
  CHECK(unit.chip_count() == 576);
  CHECK(unit.place(ChipId{575}).rack == 7);
  CHECK(unit.planes()[0].domains == 8);
  // Chips of one place in their trays share a leaf, those of one tray do not.
  CHECK(unit.domain(ChipId{0}, ib) == unit.domain(ChipId{4}, ib));
  CHECK(unit.domain(ChipId{0}, ib) != unit.domain(ChipId{1}, ib));
}

TEST_CASE("system aggregates: a TPU v7 pod is a torus of 9216 chips with 1536 links across its middle") {
  auto spec = spec_of("tpu-v7-pod");
  spec.groups[0].nodes = 2304;
  std::get<topologies::TorusWiring>(spec.planes[0].wiring).dims = {16, 24, 24};
  const topologies::Topology pod = topologies::make_topology(spec);
  CHECK(pod.chip_count() == 9216);
  CHECK(pod.cable_count(PlaneId{0}) == 3 * 9216);
  CHECK(pod.hops(ChipId{0}, ChipId{1}, PlaneId{0}) == 1);
  // 16 * 24 rows, cut twice, of 100 GB/s; the furthest chip is half of every ring away.
  CHECK(topologies::bisection(pod, PlaneId{0}).value() == doctest::Approx(16 * 24 * 2 * 100e9));
  std::uint32_t most = 0;
  for (std::uint32_t i = 0; i < 9216; ++i) most = std::max(most, pod.hops(ChipId{0}, ChipId{i}, PlaneId{0}));
  CHECK(most == 8 + 12 + 12);
}

TEST_CASE("system aggregates: the machine gives a chip what its data sheet says") {
  for (const std::string& name : catalog_names("topologies")) {
    CAPTURE(name);
    const topologies::Topology topology = machine(name);
    for (std::uint32_t id = 0; id < topology.chip_count(); id += topology.chip_count() / 2) {
      const auto file = catalog_root() / "models/catalog/chips" / (topology.place(ChipId{id}).kind + ".yaml");
      const models::AcceleratorSpec chip =
          read_chip(YamlMap::load_entry(file.stem().string(), "chip", "models/catalog/chips"));
      // A chip that is not on the machine's scale-up plane has another one before the scale-out plane.
      PlaneId up = topology.scale_up();
      while (topology.port(ChipId{id}, up) == BytesPerSecond{}) up = PlaneId{up.index() + 1};
      CHECK(topology.port(ChipId{id}, up).value() == doctest::Approx(chip.scale_up.value()));
      CHECK(topology.port(ChipId{id}, topology.scale_out()).value() == doctest::Approx(chip.scale_out.value()));
    }
  }
}
