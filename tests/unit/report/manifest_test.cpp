#include "sim/report/manifest.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <sstream>

using namespace tokenyard::report;
using nlohmann::ordered_json;

TEST_CASE("manifest: hashes are those of the reference vectors of FNV-1a") {
  // The draft's test vectors (draft-eastlake-fnv, appendix C): "", "a", "foobar".
  CHECK(fnv1a_64("") == 0xcbf29ce484222325U);
  CHECK(fnv1a_64("a") == 0xaf63dc4c8601ec8cU);
  CHECK(fnv1a_64("foobar") == 0x85944171f73967e8U);
}

TEST_CASE("manifest: json holds what made the run") {
  const Manifest manifest{.build = {.version = "0.1.0", .type = "Release", .compiler = "GCC 12.2.0"},
                          .simgrid_version = "3.32",
                          .scenario_hash = 0x1234,
                          .arguments = {"tokenyard", "run", "a.yaml"},
                          .complete = false,
                          .wall_time = std::chrono::milliseconds(1500),
                          .peak_memory_bytes = 123'456'789,
                          .events = 1'000'000,
                          .flows = 20,
                          .files = {"requests.csv", "summary.json"}};
  std::ostringstream out;
  write_manifest(manifest, out);
  const ordered_json json = ordered_json::parse(out.str());
  CHECK(json.begin().key() == "manifest_schema");
  CHECK(json["version"] == "0.1.0");
  CHECK(json["commit"].is_null());
  CHECK(json["build_type"] == "Release");
  CHECK(json["scenario_hash"] == "fnv1a64:0000000000001234");
  CHECK(json["arguments"][2] == "a.yaml");
  CHECK(json["complete"] == false);
  CHECK(json["wall_time_s"] == 1.5);
  CHECK(json["peak_memory_bytes"] == 123'456'789);
  CHECK(json["events"] == 1'000'000);
  CHECK(json["flows"] == 20);
  CHECK(json["files"].size() == 2);
}

TEST_CASE("manifest: this build knows itself") {
  const Build build = this_build();
  CHECK(!build.version.empty());
  CHECK(build.compiler.size() > 4);
  CHECK((!build.commit || build.commit->size() == 40));
}
