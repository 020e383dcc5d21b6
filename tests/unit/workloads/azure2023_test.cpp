#include "tests/support/byte_sources.hpp"
#include "tests/support/data_file.hpp"
#include "workloads/trace_source.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>

using namespace tokenyard;
using namespace tokenyard::workloads;
using doctest::Approx;
using tokenyard::test::data_file;

namespace {

struct Sums {
  std::uint64_t rows = 0;
  double prompt = 0.0;
  double output = 0.0;
  SimTime last;
  double gap_cv = 0.0;
};

Sums sums_of(const std::string& path) {
  const WorkloadSpec spec{.source = TraceSpec{.path = path},
                          .classes = {{.name = "default", .ttft = Seconds{2.0}, .tpot = Seconds{0.05}}}};
  validate(spec);
  TraceSource source{spec, 0, std::make_unique<test::FileBytes>(path)};
  Sums sums;
  double squares = 0.0;
  while (const auto arrival = source.next()) {
    const double gap = (arrival->request.arrival - sums.last).seconds().value();
    squares += gap * gap;
    ++sums.rows;
    sums.prompt += arrival->request.prompt_tokens;
    sums.output += arrival->fate.output_tokens;
    sums.last = arrival->request.arrival;
  }
  const double gaps = static_cast<double>(sums.rows) - 1.0;
  const double mean = sums.last.seconds().value() / gaps;
  sums.gap_cv = std::sqrt(squares / gaps - mean * mean) / mean;
  return sums;
}

}  // namespace

// Expected values: counts, column means, span and CV of the gaps of the same files by a separate Python script.
TEST_CASE("azure 2023: the conversation trace has its rows and sums") {
  const auto file = data_file("traces/azure2023/AzureLLMInferenceTrace_conv.csv");
  if (!file) return;
  const Sums sums = sums_of(*file);
  CHECK(sums.rows == 19'366);
  CHECK(sums.prompt / 19'366.0 == Approx(1154.7).epsilon(5e-5));  // printed to one digit
  CHECK(sums.output / 19'366.0 == Approx(211.1).epsilon(3e-4));
  CHECK(sums.last.seconds().value() == Approx(3501.7).epsilon(2e-5));
  CHECK(sums.gap_cv == Approx(1.094).epsilon(5e-4));
}

TEST_CASE("azure 2023: the code trace has its rows and sums") {
  const auto file = data_file("traces/azure2023/AzureLLMInferenceTrace_code.csv");
  if (!file) return;
  const Sums sums = sums_of(*file);
  CHECK(sums.rows == 8'819);
  CHECK(sums.prompt / 8'819.0 == Approx(2047.8).epsilon(3e-5));
  CHECK(sums.output / 8'819.0 == Approx(27.9).epsilon(2e-3));
  CHECK(sums.last.seconds().value() == Approx(3435.9).epsilon(2e-5));
  CHECK(sums.gap_cv == Approx(13.15).epsilon(5e-4));
}

TEST_CASE("azure 2024: the head of the code trace is read with its own style of stamps") {
  const auto file = data_file("traces/azure2024/AzureLLMInferenceTrace_code_1week_head.csv");
  if (!file) return;
  const Sums sums = sums_of(*file);
  CHECK(sums.rows == 5);
  CHECK(sums.prompt == Approx(2162 + 2399 + 76 + 2376 + 7670).epsilon(1e-12));
  CHECK(sums.output == Approx(5 + 6 + 15 + 1 + 8).epsilon(1e-12));
  CHECK(sums.last == SimTime{83'890'000 - 9'930'000});
}

// The recorder's clock ticks every 3 s. With ties spread the gaps are those of a Poisson process: 1.01 is the CV that a
// separate script found for ties spread uniformly; a seed moves it by about 1 / sqrt(12,031) = 0.009.
TEST_CASE("mooncake: spreading ties takes the CV of the gaps from 3.03 to 1.01") {
  const auto file = data_file("traces/mooncake/conversation_trace.jsonl");
  if (!file) return;
  const auto cv = [&](bool spread, std::uint64_t seed) {
    const WorkloadSpec spec{.source = TraceSpec{.path = *file, .spread_ties = spread},
                            .classes = {{.name = "default", .ttft = Seconds{2.0}, .tpot = Seconds{0.05}}}};
    TraceSource source{spec, seed, std::make_unique<test::FileBytes>(*file)};
    SimTime last;
    double sum = 0.0;
    double squares = 0.0;
    std::uint64_t gaps = 0;
    static_cast<void>(source.next());
    while (const auto arrival = source.next()) {
      const double gap = (arrival->request.arrival - last).seconds().value();
      CHECK(gap >= 0.0);
      last = arrival->request.arrival;
      sum += gap;
      squares += gap * gap;
      ++gaps;
    }
    const double mean = sum / static_cast<double>(gaps);
    return std::sqrt(squares / static_cast<double>(gaps) - mean * mean) / mean;
  };
  CHECK(cv(false, 1) == Approx(3.03).epsilon(2e-3));
  CHECK(cv(true, 1) == Approx(1.01).epsilon(0.02));
  CHECK(cv(true, 2) == Approx(1.01).epsilon(0.02));
}
