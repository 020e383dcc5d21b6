#include "sim/report/step_sheets.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <sstream>
#include <string>

using namespace tokenyard;
using nlohmann::ordered_json;

namespace {

/// A product of 40 GFLOP and 10 MB in 100 us on a chip of 1,000 TFLOP/s and 1 TB/s, and an all-reduce of 60 us.
metrics::StepSheet step() {
  const metrics::ChipWork work{.flop = 40e9, .bytes = 10e6, .compute_s = 40e-6, .memory_s = 10e-6};
  return {.pool = "serve",
          .what = "32 decodes at 1,024 tokens",
          .lines = {{.name = "qkv", .time_s = 100e-6, .work = work}, {.name = "all-reduce", .time_s = 60e-6}},
          .step_s = 200e-6,
          .in_a_row_s = 200e-6,
          .work = work,
          .chips = {{.name = "c", .memory_bandwidth = 1e12, .peak = {{"bf16", 1e15}}}},
          .weights_per_chip_bytes = 16e9,
          .blocks_per_rank = 1000,
          .traffic_bytes = 17e9,
          .kv_tokens = 16'000,
          .kv_tokens_asked = 32'768};
}

std::string line_with(const std::string& text, const std::string& start) {
  const std::size_t at = text.find("  " + start + " ");
  REQUIRE(at != std::string::npos);
  return text.substr(at, text.find('\n', at) - at);
}

}  // namespace

TEST_CASE("step sheet: the table has what each kernel reaches of its chip") {
  const std::string text = report::step_table(step());
  // 40 of 100 us at the peak, 10 of 100 us at the memory's rate; of the step 0.2 and 0.05.
  CHECK(line_with(text, "qkv") ==
        "  qkv                           0.100  0.5000       40.000      10.000  0.4000 0.1000");
  CHECK(line_with(text, "all-reduce") ==
        "  all-reduce                    0.060  0.3000            -           -       -      -");
  CHECK(line_with(text, "waiting for the host").find("0.040  0.2000") != std::string::npos);
  CHECK(line_with(text, "step") ==
        "  step                          0.200  1.0000       40.000      10.000  0.2000 0.0500");
  CHECK(text.find("c: memory 1.000 TB/s, peak bf16 1,000 TFLOP/s (from 1000 FLOP a byte on)") != std::string::npos);
  CHECK(text.find("its requests have 32768 tokens a rank, the KV cache holds 16000") != std::string::npos);
}

TEST_CASE("step sheet: json has the same figures and null where there are none") {
  std::ostringstream out;
  report::write_steps_json({step()}, out);
  const ordered_json json = ordered_json::parse(out.str()).at("steps").at(0);
  CHECK(json["step_s"] == 200e-6);
  CHECK(json["lines"][0]["chip_work"]["flop"] == 40e9);
  CHECK(json["lines"][0]["chip_work"]["peak_compute_share"].get<double>() == doctest::Approx(0.4));
  CHECK(json["lines"][0]["chip_work"]["memory_bandwidth_share"].get<double>() == doctest::Approx(0.1));
  CHECK(json["lines"][1]["chip_work"].is_null());
  CHECK(json["chip_work"]["peak_compute_share"].get<double>() == doctest::Approx(0.2));
  CHECK(json["chips"][0]["peak_flop_per_s"]["bf16"] == 1e15);
  CHECK(json["weights_load"].is_null());
}
