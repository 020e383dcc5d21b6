#include "sim/run/machine_sheet.hpp"

#include "models/base/errors.hpp"
#include "tests/support/temp_yaml.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

using namespace tokenyard;

namespace {

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

}  // namespace

TEST_CASE("machine sheet: what a rack is made of stands in it") {
  const std::string sheet = machine_sheet("gb200-nvl72", {});
  CHECK(sheet.find("72 x gb200, 18 nodes, 1 rack") != std::string::npos);
  CHECK(sheet.find("1,296") != std::string::npos);      // NVLink cables
  CHECK(sheet.find("32.4 TB/s") != std::string::npos);  // half of 72 * 900 GB/s
  CHECK(sheet.find("855 GB/s") != std::string::npos);   // 0.95 of a chip's 900
}

TEST_CASE("machine sheet: stores stand in it with what chips get of them") {
  const std::string sheet = machine_sheet("hgx-h100", {});
  const std::size_t at = sheet.find("stores, payload");
  REQUIRE(at != std::string::npos);
  const std::string stores = sheet.substr(at);
  CHECK(stores.find("54.4 GB/s") != std::string::npos);  // 0.85 of PCIe 5.0 x16
  CHECK(stores.find("2.00 TB") != std::string::npos);
  CHECK(stores.find("storage, pool") != std::string::npos);
  CHECK(machine_sheet("hgx-h100", {{"stores", "~"}}).find("stores") == std::string::npos);
  CHECK_THROWS_WITH_AS((void)machine_sheet("hgx-h100", {{"stores.host.plane", "pci"}}),
                       "--set: stores.host.plane: the machine has no plane 'pci'; it has: nvlink, ib, pcie, frontend",
                       UserError);
}

TEST_CASE("machine sheet: parameters may be changed and mistakes are told") {
  CHECK(machine_sheet("hgx-h100", {{"nodes", "8"}}).find("64 x h100-sxm, 8 nodes, 2 racks") != std::string::npos);
  CHECK_THROWS_WITH_AS((void)machine_sheet("hgx-h10", {}),
                       "topology: there is no 'hgx-h10' in topologies; is 'hgx-h100' meant?", UserError);
}

TEST_CASE("machine sheet: an experiment stands for its machine") {
  const TempYaml file("schema: 1\nname: x\ntopology: {base: hgx-h100, nodes: 2}\n");
  CHECK(machine_sheet(std::string(file.path()), {}).find("16 x h100-sxm") != std::string::npos);
  CHECK(machine_sheet(std::string(file.path()), {{"nodes", "3"}}).find("24 x h100-sxm") != std::string::npos);
}

TEST_CASE("machine sheet: the drawing has every chip and switch and bundle of cables") {
  // A node of 8 chips: 4 NVSwitches with a bundle from each chip, one leaf with a cable from each.
  const std::string dot = machine_dot("hgx-h100", {});
  // Each chip to one of two processors, and to the port of the node, which has a switch above it. Memory and drives at
  // each processor, four storage machines at the switch.
  constexpr std::size_t kCables = 8 * 4 + 8 + 8 + (8 + 1);
  constexpr std::size_t kDevices = 2 + 2 + 4;
  CHECK(count(dot, " -- ") == kCables + kDevices);
  CHECK(count(dot, "shape=ellipse") == 4 + 1 + 2 + 2);
  CHECK(count(dot, "shape=cylinder") == kDevices);
  CHECK(dot.find("5 x 25 GB/s") != std::string::npos);
  const std::string svg = machine_svg("hgx-h100", {});
  CHECK(count(svg, "<path") == kCables + kDevices);
  CHECK(count(svg, "<rect") == 1 + 4 * 8 + 9 + kDevices);  // the ground, the chips on every plane, the rest
  CHECK(svg.ends_with("</svg>\n"));
}

TEST_CASE("machine sheet: every pair of kinds of chips has a row") {
  // A Rubin has 2 and a CPX 1 link of 100 GB/s with 0.93 of payload.
  const std::string sheet = machine_sheet("vr-nvl144-cpx", {});
  const auto row = [&](const std::string& start) {
    const std::size_t at = sheet.find(start);
    REQUIRE(at != std::string::npos);
    return sheet.substr(at, sheet.find('\n', at) - at);
  };
  CHECK(row("ib, one node, vr200-rubin ").find("186 GB/s") != std::string::npos);
  CHECK(row("ib, one node, rubin-cpx ").find("93.0 GB/s") != std::string::npos);
  CHECK(row("ib, one site, vr200-rubin to rubin-cpx").find("93.0 GB/s") != std::string::npos);
  // 0.85 of 8 and of 4 links of 50 GB/s.
  const std::string two = machine_sheet("supernode-1024", {});
  CHECK(two.find("340 GB/s") != std::string::npos);
  CHECK(two.find("170 GB/s") != std::string::npos);
}

TEST_CASE("machine sheet: what holds of a part of a plane's chips says so") {
  const std::string sheet = machine_sheet("hgx-h100", {{"nodes", "2"}});
  const std::string rates = sheet.substr(sheet.find("wire rates"));
  CHECK(rates.find("1.80 TB/s of a part") != std::string::npos);  // NVLink joins a node: half of 8 * 450 GB/s
  CHECK(rates.find("2 hops of a part") != std::string::npos);
  const std::string ib = rates.substr(rates.find("  ib "), rates.find("  pcie ") - rates.find("  ib "));
  CHECK(ib.find("of a part") == std::string::npos);
}
