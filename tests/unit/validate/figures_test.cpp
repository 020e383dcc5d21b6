#include "sim/validate/figures.hpp"

#include "models/base/errors.hpp"
#include "sim/config/catalog.hpp"
#include "sim/validate/read_set.hpp"
#include "tests/support/temp_yaml.hpp"

#include <doctest/doctest.h>

#include <filesystem>

using namespace tokenyard;
using namespace tokenyard::validate;

namespace {

constexpr const char* kHeader = "id,config,settings,model,chip,precision,engine,traffic,figure,value,unit,source\n";

MeasuredSet read(const std::string& row) { return read_figures(files::CsvTable::parse("f.csv", kHeader + row + '\n')); }
std::string told(const std::string& row) {
  return user_error([&] { (void)read(row); });
}

}  // namespace

TEST_CASE("figures: a row is an experiment with settings over it and one figure") {
  const MeasuredSet set =
      read("a,configs/smoke.yaml, topology.nodes=2 ; workload.requests=9;,m,c,p,e,t,tpot_p99,49.4,ms,s");
  const Point& point = set.points.at(0);
  CHECK(point.config == "configs/smoke.yaml");
  REQUIRE(point.settings.size() == 2);
  CHECK(point.settings[0].path == "topology.nodes");
  CHECK(point.settings[0].value == "2");
  CHECK(point.settings[1].path == "workload.requests");
  REQUIRE(point.measured.size() == 1);
  CHECK(point.measured[0].metric == metrics::Metric::Tpot);
  CHECK(point.measured[0].statistic == Statistic::P99);
  CHECK(point.measured[0].value == doctest::Approx(0.0494).epsilon(1e-15));  // ms
  CHECK(point.measured[0].trap.empty());
  CHECK(point.scored.engine == "e");
  CHECK(point.scored.traffic == "t");
}

TEST_CASE("figures: what is no figure or unit or setting is told with its place") {
  CHECK(told("a,c.yaml,,m,c,p,e,t,tpot,1,ms,s") ==
        "f.csv:2: figure: 'tpot' is no figure; docs/validation.md lists them");
  CHECK(told("a,c.yaml,,m,c,p,e,t,tpot_mean,1,tok/s,s") == "f.csv:2: unit: 'tok/s' is not s or ms");
  CHECK(told("a,c.yaml,,m,c,p,e,t,output_rate,1,ms,s") == "f.csv:2: unit: 'ms' is not tok/s");
  CHECK(told("a,c.yaml,nodes,m,c,p,e,t,output_rate,1,tok/s,s") == "f.csv:2: settings: 'nodes' is not PATH=VALUE");
  CHECK(told("a,c.yaml,,m,c,p,e,t,output_rate,0,tok/s,s") == "f.csv:2: value: must be above 0");
  CHECK(told("a,c.yaml,,m,c,p,e,t,output_rate,1,tok/s,") == "f.csv:2: source: is empty");
  CHECK(told("a,,,m,c,p,e,t,output_rate,1,tok/s,s") == "f.csv:2: config: is empty");
}

TEST_CASE("figures: the shipped sets name experiments that exist and each row has its source") {
  std::size_t rows = 0;
  for (const std::string& file : shipped_sets()) {
    const MeasuredSet set = read_set(file, "");
    for (const Point& point : set.points) {
      CHECK(std::filesystem::exists(config::catalog_root() / point.config));
      CHECK_FALSE(point.measured.empty());
      ++rows;
    }
    const auto table = files::CsvTable::read(file);
    for (const auto& row : table.rows()) CHECK_FALSE(table.text(row, "source").empty());
  }
  CHECK(rows >= 20);
}
