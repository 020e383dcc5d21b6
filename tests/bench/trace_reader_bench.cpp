/// Rows a second of the trace reader, and requests a second of a synthetic stream, on one core. In a Release build:
///     trace_reader_bench [--benchmark_filter=...]
#include "tests/support/byte_sources.hpp"
#include "workloads/make_request_source.hpp"
#include "workloads/trace_source.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>

namespace {

using namespace tokenyard;
using namespace tokenyard::workloads;

constexpr std::size_t kRows = 1'000'000;

WorkloadSpec workload(std::variant<SyntheticSpec, TraceSpec> source) {
  return WorkloadSpec{.source = std::move(source),
                      .requests = kRows,
                      .classes = {{.name = "default", .ttft = Seconds{2.0}, .tpot = Seconds{0.05}}}};
}

void drain(RequestSource& source, benchmark::State& state) {
  std::uint64_t rows = 0;
  while (const auto arrival = source.next()) rows += arrival->fate.output_tokens > 0 ? 1U : 0U;
  if (rows != kRows) state.SkipWithError("a row was lost");
}

/// The text is made beforehand, so that only the reader is timed.
void trace_rows(benchmark::State& state) {
  test::GeneratedTrace generated{kRows};
  std::string text;
  char piece[4096];
  while (const std::size_t got = generated.read(piece, sizeof piece)) text.append(piece, got);
  for (auto _ : state) {
    state.PauseTiming();
    auto bytes = std::make_unique<test::TextBytes>(text);
    state.ResumeTiming();
    const auto source = make_request_source(workload(TraceSpec{.path = "generated.csv"}), 0, std::move(bytes));
    drain(*source, state);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kRows));
}
BENCHMARK(trace_rows)->Unit(benchmark::kMillisecond);

/// JSON lines as Mooncake's: 24 prefix ids a row, the mean of its conversation trace.
void json_rows(benchmark::State& state) {
  std::string text;
  for (std::size_t row = 0; row < kRows; ++row) {
    text += "{\"timestamp\": " + std::to_string(row) +
            ", \"input_length\": 12035, \"output_length\": 343, \"hash_ids\": [0";
    for (std::size_t id = 1; id < 24; ++id) text += ", " + std::to_string(row * 24 + id);
    text += "]}\n";
  }
  for (auto _ : state) {
    state.PauseTiming();
    auto bytes = std::make_unique<test::TextBytes>(text);
    state.ResumeTiming();
    const auto source = make_request_source(workload(TraceSpec{.path = "generated.jsonl"}), 0, std::move(bytes));
    drain(*source, state);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kRows));
}
BENCHMARK(json_rows)->Unit(benchmark::kMillisecond);

void synthetic_requests(benchmark::State& state) {
  const ClientSpec client{.name = "chat",
                          .prompt = LognormalLength{.median = 800, .sigma = 1.1},
                          .output = EmpiricalLength{.at = {0.0, 0.5, 1.0}, .tokens = {1, 100, 1000}}};
  const SyntheticSpec spec{.arrivals = GammaArrivals{.rate = PerSecond{5.53}, .cv = 1.094}, .clients = {client}};
  for (auto _ : state) {
    const auto source = make_request_source(workload(spec), 1, nullptr);
    drain(*source, state);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kRows));
}
BENCHMARK(synthetic_requests)->Unit(benchmark::kMillisecond);

}  // namespace
