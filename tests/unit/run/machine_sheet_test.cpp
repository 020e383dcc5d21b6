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
  CHECK(count(dot, " -- ") == 8 * 4 + 8);
  CHECK(count(dot, "shape=ellipse") == 4 + 1);
  CHECK(dot.find("5 x 25 GB/s") != std::string::npos);
  const std::string svg = machine_svg("hgx-h100", {});
  CHECK(count(svg, "<path") == 8 * 4 + 8);
  CHECK(count(svg, "<rect") == 1 + 2 * 8 + 4 + 1);  // the ground, the chips on either plane, the switches
  CHECK(svg.ends_with("</svg>\n"));
}
