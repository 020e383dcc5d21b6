#include "sim/config/catalog.hpp"
#include "sim/config/read_models.hpp"
#include "sim/config/read_topology.hpp"
#include "tests/support/temp_yaml.hpp"
#include "topologies/make_topology.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

using namespace tokenyard;
using namespace tokenyard::config;

// What vendors and the study of May 2025 (Zeping Macro, AIDC industry study, system table) print for whole systems,
// added up from the catalogue's parts: sums that nobody typed in.
namespace {

topologies::Topology machine(const std::string& name) {
  const TempYaml file("topology: " + name + "\n");
  YamlMap root = YamlMap::load(file.path(), "experiment");
  return topologies::make_topology(read_topology(root.entry("topology", "topology", "topologies")));
}

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

TEST_CASE("system aggregates: the machine gives a chip what its data sheet says") {
  for (const std::string& name : catalog_names("topologies")) {
    CAPTURE(name);
    const topologies::Topology topology = machine(name);
    for (std::uint32_t id = 0; id < topology.chip_count(); id += topology.chip_count() / 2) {
      const auto file = catalog_root() / "models/catalog/chips" / (topology.place(ChipId{id}).kind + ".yaml");
      const models::AcceleratorSpec chip = read_chip(YamlMap::load(file, "chip"));
      CHECK(topology.port(ChipId{id}, topology.scale_up()).value() == doctest::Approx(chip.scale_up.value()));
      CHECK(topology.port(ChipId{id}, topology.scale_out()).value() == doctest::Approx(chip.scale_out.value()));
    }
  }
}
