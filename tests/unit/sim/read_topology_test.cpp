#include "sim/config/read_topology.hpp"

#include "sim/config/catalog.hpp"
#include "tests/support/temp_yaml.hpp"
#include "topologies/make_topology.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace tokenyard;
using namespace tokenyard::config;

namespace {

topologies::TopologySpec read(const TempYaml& file, const std::vector<Override>& overrides = {}) {
  YamlMap root = YamlMap::load(file.path(), "experiment", overrides);
  return read_topology(root.entry("topology", "topology", "topologies"));
}

std::string complaint(const TempYaml& file) {
  return user_error([&] { (void)read(file); });
}

constexpr const char* kPair =
    "topology:\n"
    "  chip: toy\n"
    "  nodes: 2\n"
    "  chips_per_node: 4\n"
    "  planes:\n"
    "    up: {kind: switched, switches: 2, links: 4, link: 200 Gbps, latency: 1 us}\n"
    "    out: {kind: leaf_spine, radix: 16, link: 400 Gbps, latency: 2 us, latency_across: 3 us, oversubscription: "
    "3}\n";

}  // namespace

TEST_CASE("read topology: a machine in place") {
  const topologies::TopologySpec spec = read(TempYaml(kPair));
  CHECK(spec.name == "custom");
  REQUIRE(spec.groups.size() == 1);
  CHECK(spec.groups[0].chip == "toy");
  CHECK(spec.groups[0].nodes == 2);
  REQUIRE(spec.planes.size() == 2);
  CHECK(spec.planes[0].name == "up");
  CHECK(spec.planes[0].link.value() == doctest::Approx(25e9));
  CHECK(spec.planes[0].links == 4);
  const auto& out = std::get<topologies::LeafSpineWiring>(spec.planes[1].wiring);
  CHECK(out.radix == 16);
  CHECK(out.spine_radix == 16);
  CHECK(out.oversubscription == 3.0);
  CHECK_FALSE(out.rails);
}

TEST_CASE("read topology: every file of the catalogue loads and is drawn") {
  const std::vector<std::string> names = catalog_names("topologies");
  CHECK(names.size() >= 13);
  for (const std::string& name : names) {
    CAPTURE(name);
    const topologies::TopologySpec spec = read(TempYaml("topology: " + name + "\n"));
    CHECK(spec.name == name);
    CHECK_NOTHROW((void)topologies::make_topology(spec));
  }
}

TEST_CASE("read topology: every mapping of the catalogue that has figures has a source") {
  for (const std::string& name : catalog_names("topologies")) {
    CAPTURE(name);
    std::ifstream file(catalog_root() / "topologies" / (name + ".yaml"));
    int mappings =
        1;  // the machine itself; each plane begins with its kind or changes one of a base; each group has nodes
    int sources = 0;
    for (std::string line; std::getline(file, line);) {
      const bool of_plane = line.starts_with("  ") && !line.starts_with("   ") && line.ends_with(":");
      if (of_plane) ++mappings;
      if (line.find("source: ") != std::string::npos) ++sources;
    }
    CHECK(sources == mappings);
  }
}

TEST_CASE("read topology: nodes of a catalogue entry are a parameter") {
  CHECK(read(TempYaml("topology: {base: hgx-h100, nodes: 8}\n")).groups[0].nodes == 8);
  CHECK(read(TempYaml("topology: hgx-h100\n"), {{"topology.nodes", "4"}}).groups[0].nodes == 4);
  const auto spec =
      read(TempYaml("topology: hgx-h100\n"), {{"topology.nodes", "4"}, {"topology.planes.ib.oversubscription", "2"}});
  CHECK(spec.planes[0].name == "nvlink");  // the order stays
  CHECK(std::get<topologies::LeafSpineWiring>(spec.planes[1].wiring).oversubscription == 2.0);
}

TEST_CASE("read topology: stores are read with their plane and what is left out") {
  const auto spec =
      read(TempYaml("topology: {base: hgx-h100, nodes: 2, planes: {ib: ~, eth: {kind: leaf_spine, radix: 16, link: 100 "
                    "Gbps, latency: "
                    "2 us, latency_across: 3 us}}, stores: {nvme: ~, storage: {plane: ~, nodes: 3, read: 1 GB/s}}}\n"));
  REQUIRE(spec.stores.size() == 2);
  CHECK(spec.stores[0].name == "host");
  CHECK(spec.stores[0].kind == topologies::StoreKind::Host);
  CHECK(spec.stores[0].plane == "pcie");
  CHECK_FALSE(spec.stores[0].nodes.has_value());
  CHECK(spec.stores[0].capacity.value() == doctest::Approx(1e12));
  CHECK(spec.stores[1].nodes == 3);
  const topologies::Topology topology = topologies::make_topology(spec);
  CHECK(topology.stores()[1].plane == topology.plane("eth"));  // the scale-out plane, though it stands last but one
  CHECK(topology.scale_out() == topology.plane("eth"));
  CHECK(topology.front_end() == topology.plane("frontend"));
  CHECK(topology.stores()[1].read.value() == doctest::Approx(1e9));
}

TEST_CASE("read topology: the split of the super node is a parameter") {
  const auto spec =
      read(TempYaml("topology: {base: supernode-1024, groups: {prefill: {nodes: 48}, decode: {nodes: 80}}}\n"));
  REQUIRE(spec.groups.size() == 2);
  CHECK(spec.groups[0].nodes == 48);
  CHECK(spec.groups[1].nodes == 80);
  CHECK(spec.groups[1].chip == "intellifusion-d1");
  const topologies::Topology topology = topologies::make_topology(spec);
  CHECK(topology.chip_count() == 1024);
  const PlaneId fabric = topology.plane("fabric");
  CHECK(topology.port(ChipId{0}, fabric).value() == doctest::Approx(200e9));       // 4 links of 50
  CHECK(topology.port(ChipId{48 * 8}, fabric).value() == doctest::Approx(400e9));  // 8 links of 50
  CHECK(topology.trunk(0, fabric).value() == doctest::Approx(8 * 200e9));          // does not block
}

TEST_CASE("read topology: what cannot be is refused at its place") {
  SUBCASE("zero nodes") {
    const TempYaml file("topology: {base: hgx-h100, nodes: 0}\n");
    CHECK(complaint(file) == file.at("1:35: topology.nodes: 0 is out of range; from 1 to 100000"));
  }
  SUBCASE("a name that is not there") {
    const TempYaml file("topology: hgx-h10\n");
    CHECK(complaint(file) == file.at("1:11: topology: there is no 'hgx-h10' in topologies; is 'hgx-h100' meant?"));
  }
  SUBCASE("no chips at all") {
    const TempYaml file("topology:\n  planes: {}\n");
    CHECK(complaint(file) == file.at("2:3: topology.chip: required: the chips of the machine (or `groups`)"));
  }
  SUBCASE("a key of another kind of plane") {
    std::string text = kPair;
    text.replace(text.find("switches: 2"), 11, "switches: 2, tiers: 3");
    const TempYaml file(text);
    CHECK(complaint(file) ==
          file.at("6:39: topology.planes.up.tiers: has no meaning here, beside the other keys of this mapping"));
  }
  SUBCASE("a leaf that is too small: of 4 ports at 3:1 only 3 look down") {
    std::string text = kPair;
    text.replace(text.find("radix: 16"), 9, "radix: 4");
    const TempYaml file(text);
    CHECK(complaint(file) ==
          file.at("7:36: topology.planes.out.radix: a leaf of 4 ports has 3 of them downwards, fewer "
                  "than the 4 links of a node"));
  }
  SUBCASE("a second tier without its latency") {
    std::string text = kPair;
    text.erase(text.find(", latency_across: 3 us"), 22);
    const TempYaml file(text);
    CHECK(complaint(file) == file.at("7:10: topology.planes.out.latency_across: must be given, and at least `latency`: "
                                     "one way between two domains"));
  }
  SUBCASE("nothing that joins the nodes") {
    std::string text = kPair;
    text.erase(text.find("    out:"));
    const TempYaml file(text);
    CHECK(complaint(file) ==
          file.at("6:5: topology.planes: no plane joins all chips: 'up' does not join chip 0 to chip 4; "
                  "add one that does (kind: leaf_spine)"));
  }
  SUBCASE("a group that the machine does not have") {
    const TempYaml file("topology: {base: supernode-1024, planes: {fabric: {groups: {encode: {links: 1}}}}}\n");
    CHECK(complaint(file).find("topology.planes.fabric.groups: the machine has no group 'encode'; it has: prefill, "
                               "decode") != std::string::npos);
  }
}
