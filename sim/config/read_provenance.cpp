#include "sim/config/read_provenance.hpp"

#include "sim/config/keys.hpp"

#include <string>
#include <vector>

namespace tokenyard::config {
namespace {

std::vector<models::ValidRange> read_valid(YamlMap map) {
  std::vector<models::ValidRange> valid;
  for (const Key& key : kernel_keys()) {
    if (key.section != "chip.kernels.valid" || !map.given(key.name)) continue;
    const std::vector<double> ends = map.numbers(key.name);
    if (ends.size() != 2 || !(ends[0] <= ends[1])) map.fail(key.name, "two numbers are needed: [least, greatest]");
    valid.push_back({.figure = std::string(key.name), .least = ends[0], .greatest = ends[1]});
  }
  map.finish();
  return valid;
}

}  // namespace

models::Provenance read_provenance(YamlMap& map) {
  models::Provenance provenance{.source = map.text("source")};
  if (map.given("error_p50")) provenance.error_p50 = map.number("error_p50", 0.0, 10.0);
  if (map.given("error_p90")) provenance.error_p90 = map.number("error_p90", 0.0, 10.0);
  provenance.rows = map.count("rows", 0);
  if (map.given("valid")) provenance.valid = read_valid(map.map("valid", "chip.kernels.valid"));
  return provenance;
}

}  // namespace tokenyard::config
