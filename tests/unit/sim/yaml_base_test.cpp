#include "sim/config/catalog.hpp"
#include "sim/config/read_topology.hpp"
#include "sim/config/yaml_map.hpp"
#include "tests/support/temp_yaml.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace tokenyard;
using namespace tokenyard::config;

// `base` belongs to every catalogue; the topologies' serve as the example.
namespace {

constexpr const char* kBase =
    "name: beside\n"
    "chip: toy\n"
    "nodes: 2\n"
    "planes:\n"
    "  up: {kind: switched, switches: 2, links: 4, link: 10 GB/s, latency: 1 us}\n"
    "  out: {kind: leaf_spine, radix: 32, link: 5 GB/s, latency: 2 us, latency_across: 3 us}\n";

struct Reading {
  topologies::TopologySpec spec;
  std::string resolved;
};

Reading read(const TempYaml& file, const std::vector<Override>& overrides = {}) {
  YamlMap root = YamlMap::load(file.path(), "experiment", overrides);
  auto spec = read_topology(root.entry("topology", "topology", "topologies"));
  return {std::move(spec), root.resolved()};
}

}  // namespace

TEST_CASE("yaml base: keys that are given replace the base's and the others stay") {
  const TempYaml file(
      "topology:\n  base: b.yaml\n  nodes: 3\n  planes:\n    out: {radix: 64}\n    new: {kind: mesh, link: 1 GB/s, "
      "latency: 1 us}\n");
  file.add("b.yaml", kBase);
  const Reading got = read(file);
  CHECK(got.spec.name == "beside");
  CHECK(got.spec.groups[0].nodes == 3);
  REQUIRE(got.spec.planes.size() == 3);
  CHECK(got.spec.planes[0].name == "up");
  CHECK(got.spec.planes[1].name == "out");
  CHECK(got.spec.planes[2].name == "new");
  CHECK(std::get<topologies::LeafSpineWiring>(got.spec.planes[1].wiring).radix == 64);
  CHECK(got.spec.planes[1].link.value() == doctest::Approx(5e9));
}

TEST_CASE("yaml base: what is resolved is the result and can be read again") {
  const TempYaml file("topology: {base: b.yaml, nodes: 3}\n");
  file.add("b.yaml", kBase);
  const Reading got = read(file);
  CHECK(got.resolved.find("base") == std::string::npos);
  CHECK(got.resolved.find("nodes: 3") != std::string::npos);
  CHECK(got.resolved.find("switches: 2") != std::string::npos);
  CHECK(read(TempYaml(got.resolved)).resolved == got.resolved);
}

TEST_CASE("yaml base: a mapping of another kind replaces the base's whole") {
  const TempYaml file("topology: {base: b.yaml, planes: {up: {kind: mesh, link: 1 GB/s, latency: 1 us}}}\n");
  file.add("b.yaml", kBase);
  const Reading got = read(file);
  CHECK(std::holds_alternative<topologies::MeshWiring>(got.spec.planes[0].wiring));
  CHECK(got.spec.planes[0].links == 1);  // not the 4 of the switched plane
}

TEST_CASE("yaml base: a tilde takes a key of the base away") {
  const TempYaml file("topology: {base: b.yaml, planes: {up: ~}}\n");
  file.add("b.yaml", kBase);
  const Reading got = read(file);
  REQUIRE(got.spec.planes.size() == 1);
  CHECK(got.spec.planes[0].name == "out");
}

TEST_CASE("yaml base: a base may have a base") {
  const TempYaml file("topology: {base: c.yaml, nodes: 5}\n");
  file.add("b.yaml", kBase);
  file.add("c.yaml", "base: b.yaml\nname: middle\nnodes: 4\n");
  const Reading got = read(file);
  CHECK(got.spec.name == "middle");
  CHECK(got.spec.groups[0].nodes == 5);
  CHECK(got.spec.groups[0].chip == "toy");
}

TEST_CASE("yaml base: --set on a name changes a key of that entry") {
  const TempYaml file("topology: b.yaml\n");
  file.add("b.yaml", kBase);
  const Reading got = read(file, {{"topology.planes.out.link", "7 GB/s"}, {"topology.chips_per_node", "4"}});
  CHECK(got.spec.planes[1].link.value() == doctest::Approx(7e9));
  CHECK(got.spec.chips_per_node == 4);
  CHECK(got.spec.groups[0].nodes == 2);
}

TEST_CASE("yaml base: messages point at the file and line that a person wrote") {
  const auto complaint = [](const TempYaml& file, const std::vector<Override>& overrides = {}) {
    return user_error([&] { (void)read(file, overrides); });
  };
  SUBCASE("a key of the person's own") {
    const TempYaml file("topology:\n  base: b.yaml\n  nods: 3\n");
    file.add("b.yaml", kBase);
    CHECK(complaint(file) == file.at("3:3: topology.nods: unknown key; is 'nodes' meant?"));
  }
  SUBCASE("a value of the person's own, below a plane of the base") {
    const TempYaml file("topology:\n  base: b.yaml\n  planes:\n    out: {radix: one}\n");
    file.add("b.yaml", kBase);
    CHECK(complaint(file) == file.at("4:18: topology.planes.out.radix: 'one' is not a whole number"));
  }
  SUBCASE("a value of the base") {
    const TempYaml file("topology: {base: b.yaml, nodes: 3}\n");
    std::string text = kBase;
    text.replace(text.find("10 GB/s"), 7, "10 GX/s");
    file.add("b.yaml", text);
    CHECK(complaint(file).starts_with(file.at("5:53: topology.planes.up.link: ", "b.yaml")));
  }
  SUBCASE("--set") {
    const TempYaml file("topology: b.yaml\n");
    file.add("b.yaml", kBase);
    CHECK(complaint(file, {{"topology.nodes", "x"}}) == "--set: topology.nodes: 'x' is not a whole number");
  }
  SUBCASE("a base that is not there") {
    const TempYaml file("topology:\n  base: hgx-h10\n");
    CHECK(complaint(file) == file.at("2:9: topology.base: there is no 'hgx-h10' in topologies; is 'hgx-h100' meant?"));
  }
  SUBCASE("bases in a circle") {
    const TempYaml file("topology: b.yaml\n");
    file.add("b.yaml", "base: c.yaml\n");
    file.add("c.yaml", "base: b.yaml\n");
    CHECK(complaint(file) == file.at("1:7: base: 'c.yaml' stands on itself", "b.yaml"));
  }
  SUBCASE("a key twice") {
    const TempYaml file("topology:\n  base: b.yaml\n  nodes: 3\n  nodes: 4\n");
    file.add("b.yaml", kBase);
    CHECK(complaint(file) == file.at("4:3: topology.nodes: stands here twice; keep one"));
  }
}
