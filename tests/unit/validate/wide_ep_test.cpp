#include "sim/validate/wide_ep.hpp"

#include "models/base/errors.hpp"
#include "tests/support/temp_yaml.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace tokenyard;
using namespace tokenyard::validate;
using metrics::RowFate;

namespace {

constexpr const char* kHeader = "id,phase,model,chip,gpus,parallelism,precision,isl,batch,spec,value,unit,note\n";

MeasuredSet read(const std::string& rows) { return read_wide_ep(files::CsvTable::parse("w.csv", kHeader + rows)); }

std::string setting(const Point& point, const std::string& path) {
  const auto found =
      std::find_if(point.settings.begin(), point.settings.end(), [&](const auto& one) { return one.path == path; });
  return found == point.settings.end() ? "" : found->value;
}

}  // namespace

TEST_CASE("wide EP: prefill is prompts of one length that keep every attention rank's step full") {
  const auto set = read(
      "a,prefill,DeepSeek-V3,H100,32,EP32,FP8,1024,16384 tok/device,none,57674,tok/s/node,measured\n"
      "b,prefill,DeepSeek-V3,H100,32,EP32,FP8,4096,16384 tok/device,none,59337,tok/s/node,perfect EPLB (simulated "
      "balance)\n");
  const Point& point = set.points.at(0);
  CHECK(point.scored.layout == "dp32 ep32");
  CHECK(setting(point, "topology.nodes") == "4");
  CHECK(setting(point, "pools.serve.precision.experts") == "fp8_block");
  CHECK(setting(point, "workload.arrivals.concurrency") == "1024");  // 2 * 32 * 16384 / 1024
  CHECK(setting(point, "workload.output.tokens") == "1");
  CHECK(point.measured.at(0).value == doctest::Approx(57674.0 / 8).epsilon(1e-15));  // a node has eight chips
  CHECK(point.measured.at(0).trap.empty());
  CHECK(setting(point, "pools.serve.engine.two_batch_overlap") == "prefill");
  CHECK(setting(point, "pools.serve.parallel.eplb") == "on");
  CHECK(setting(set.points.at(1), "pools.serve.parallel.eplb") == "ideal");
}

TEST_CASE("wide EP: decode without its prefill is refused and an unknown unit is an error") {
  CHECK(
      read("a,decode,DeepSeek-V3,H100,72,EP72,FP8,2000,256/device,none,22282,tok/s/node,\n").points.at(0).scored.fate ==
      RowFate::Refused);
  CHECK(user_error([] { (void)read("a,prefill,DeepSeek-V3,H100,32,EP32,FP8,1024,,none,57674,tok/h,\n"); }) ==
        "w.csv:2: unit: 'tok/h' is not tok/s/node or tok/s/GPU");
}
