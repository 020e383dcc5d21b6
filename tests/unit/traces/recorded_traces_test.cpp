/// Public traces in full against figures that separate Python scripts counted over the same files.
#include "models/base/errors.hpp"
#include "sim/files/trace_file.hpp"
#include "tests/support/data_file.hpp"
#include "tests/support/trace_records.hpp"
#include "workloads/traces/prefix_blocks.hpp"
#include "workloads/traces/ragpulse_reader.hpp"
#include "workloads/traces/trace_stats.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::workloads;
using doctest::Approx;
using tokenyard::test::data_file;
using tokenyard::test::lenient;

namespace {

std::optional<TraceStats> stats_of(const std::string& file, const std::vector<std::uint64_t>& lru = {},
                                   const TracePolicy& policy = {}) {
  const auto path = data_file("traces/" + file);
  if (!path) return std::nullopt;
  CheckedRows rows = test::rows_of(files::open_trace(*path), {}, policy);
  TraceStats stats(lru);
  TraceRecord record;
  while (rows.next(record)) stats.add(record, rows.order() == TraceOrder::Sessions);
  stats.finish();
  return stats;
}

double share(std::uint64_t part, std::uint64_t all) { return static_cast<double>(part) / static_cast<double>(all); }

constexpr double kFourDigits = 0.5e-4;

}  // namespace

TEST_CASE("recorded: azure 2023 conversation has its burstiness") {
  const auto stats = stats_of("azure2023/AzureLLMInferenceTrace_conv.csv");
  if (!stats) return;
  CHECK(stats->requests() == 19'366);
  CHECK(stats->rate() == Approx(5.530).epsilon(1e-4));
  CHECK(stats->gap_cv() == Approx(1.094).epsilon(5e-4));
  CHECK(stats->dispersion() == Approx(1.385).epsilon(4e-4));
  CHECK(stats->busiest_minute() == Approx(1.521).epsilon(4e-4));
  CHECK(stats->prompt().quantile(0.5) == Approx(1020).epsilon(1e-12));
  CHECK(stats->prompt().quantile(0.9) == Approx(2735).epsilon(4e-4));  // printed whole
  CHECK(stats->prompt().quantile(0.99) == Approx(4142).epsilon(3e-4));
  CHECK(stats->output().quantile(0.9) == Approx(424).epsilon(2e-3));
}

TEST_CASE("recorded: azure 2023 code is bursty and azure 2024 is read from another file") {
  if (const auto stats = stats_of("azure2023/AzureLLMInferenceTrace_code.csv")) {
    CHECK(stats->requests() == 8'819);
    CHECK(stats->gap_cv() == Approx(13.15).epsilon(5e-4));
    CHECK(stats->dispersion() == Approx(13.19).epsilon(5e-4));
    CHECK(stats->busiest_minute() == Approx(4.178).epsilon(4e-4));
  }
}

TEST_CASE("recorded: mooncake conversation has its blocks and hits") {
  const auto stats = stats_of("mooncake/conversation_trace.jsonl", {1'000, 3'000, 10'000, 30'000, 50'000, 100'000});
  if (!stats) return;
  CHECK(stats->requests() == 12'031);
  CHECK(stats->prompt().mean() == Approx(12'035.1).epsilon(5e-6));
  CHECK(stats->output().mean() == Approx(342.6).epsilon(2e-4));
  CHECK(stats->gap_cv() == Approx(3.03).epsilon(2e-3));
  const ReuseMeter& reuse = stats->reuse();
  CHECK(reuse.blocks == 288'500);
  CHECK(reuse.unique_blocks == 182'790);
  CHECK(std::abs(share(reuse.blocks_hit, reuse.blocks) - 0.3664) <= kFourDigits);
  CHECK(std::abs(share(reuse.tokens_hit, reuse.tokens) - 0.3736) <= kFourDigits);
  CHECK(std::abs(share(reuse.full_blocks_hit, reuse.full_blocks) - 0.3819) <= kFourDigits);
  CHECK(std::abs(share(reuse.requests_hit, reuse.requests) - 0.9999) <= kFourDigits);
  const std::vector<double> blocks{0.0445, 0.0653, 0.2116, 0.3257, 0.3546, 0.3637};
  const std::vector<double> tokens{0.0454, 0.0666, 0.2157, 0.3322, 0.3615, 0.3708};
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const ReuseMeter& cache = stats->caches()[i + 1];
    INFO(i);
    CHECK(std::abs(share(cache.blocks_hit, cache.blocks) - blocks[i]) <= kFourDigits);
    CHECK(std::abs(share(cache.tokens_hit, cache.tokens) - tokens[i]) <= kFourDigits);
  }
}

TEST_CASE("recorded: mooncake synthetic has its blocks and hits") {
  const auto stats = stats_of("mooncake/synthetic_trace.jsonl", {1'000, 3'000, 10'000, 30'000, 50'000, 100'000});
  if (!stats) return;
  CHECK(stats->requests() == 3'993);
  const ReuseMeter& reuse = stats->reuse();
  CHECK(reuse.blocks == 121'877);
  CHECK(reuse.unique_blocks == 43'924);
  CHECK(std::abs(share(reuse.blocks_hit, reuse.blocks) - 0.6396) <= kFourDigits);
  CHECK(std::abs(share(reuse.tokens_hit, reuse.tokens) - 0.6512) <= kFourDigits);
  CHECK(std::abs(share(reuse.full_blocks_hit, reuse.full_blocks) - 0.6594) <= kFourDigits);
  CHECK(std::abs(share(reuse.requests_hit, reuse.requests) - 0.4463) <= kFourDigits);
  const std::vector<double> blocks{0.0841, 0.1906, 0.4239, 0.6242, 0.6396, 0.6396};
  const std::vector<double> tokens{0.0857, 0.1942, 0.4318, 0.6356, 0.6512, 0.6512};
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const ReuseMeter& cache = stats->caches()[i + 1];
    INFO(i);
    CHECK(std::abs(share(cache.blocks_hit, cache.blocks) - blocks[i]) <= kFourDigits);
    CHECK(std::abs(share(cache.tokens_hit, cache.tokens) - tokens[i]) <= kFourDigits);
  }
}

TEST_CASE("recorded: agent sessions have their sums and hits at 64 and at 512 tokens") {
  const auto path = data_file("traces/kv-cache-tester/claude_code_sessions_rle.jsonl.gz");
  if (!path) return;
  CheckedRows rows = test::rows_of(files::open_trace(*path), {}, lenient(OnFault::Mend));
  TraceStats stats;
  ReuseMeter large;
  std::vector<std::int64_t> waits;
  TraceRecord record;
  while (rows.next(record)) {
    stats.add(record, true);
    if (record.wait_ns) waits.push_back(*record.wait_ns / 1'000'000);
    record.prefix = reblocked(record.prefix, record.prompt_tokens, 512);
    record.prefix.ids.resize(record.prompt_tokens / 512);  // full blocks only, as the figure counts
    large.add(record);
  }
  stats.finish();
  CHECK(stats.requests() == 46'218);
  CHECK(stats.sessions() == 692);
  CHECK(stats.prompt().sum() == 5'467'403'989);
  CHECK(rows.counts().mended[static_cast<std::size_t>(Fault::ZeroTokens)] == 27);
  CHECK(std::abs(share(stats.reuse().tokens_hit, stats.prompt().sum()) - 0.9623) <= kFourDigits);
  CHECK(std::abs(share(large.tokens_hit, stats.prompt().sum()) - 0.9605) <= kFourDigits);
  CHECK(stats.prompt().quantile(0.5) == Approx(100'446).epsilon(1e-5));
  CHECK(stats.output().quantile(0.5) == Approx(218).epsilon(1e-12));
  // turns a session: sub-agents' turns are of their session
  CHECK(stats.turns().sum() == 46'218);
  // The longest think_time is 77,589 s. Two sub-agents of one session began later: at t - duration = 440,149.292 s, its
  // turn before them ended at 297,115 + 5.72 s. Nearest rank of the 45,526 waits: 2,972 s at p99.
  std::sort(waits.begin(), waits.end());
  REQUIRE(waits.size() == 45'526);
  CHECK(waits[45'070] == 2'972'000);
  CHECK(waits[45'523] == 77'589'000);
  CHECK(waits[45'524] / 10 == 14'302'857);
  CHECK(waits[45'525] / 10 == 14'302'857);
}

TEST_CASE("recorded: ragpulse components hit as its prefix order allows") {
  const auto path = data_file("traces/ragpulse/0_trace.jsonl");
  if (!path) return;
  CHECK_THROWS_AS(stats_of("ragpulse/0_trace.jsonl"), UserError);  // one row goes back in time
  const auto stats = stats_of("ragpulse/0_trace.jsonl", {}, lenient(OnFault::Mend));
  CHECK(stats->requests() == 7'106);
  CHECK(stats->prompt().mean() == Approx(2943.6).epsilon(2e-5));
  CHECK(stats->output().mean() == Approx(283.2).epsilon(2e-4));
  CHECK(stats->span_s() == Approx(604'603).epsilon(1e-6));
  CHECK(stats->gap_cv() == Approx(3.06).epsilon(2e-3));
  // Piece by piece, whatever their lengths: 0.3153 of the tokens of all pieces.
  RagpulseReader reader(LineReader(files::open_trace(*path)), 16);
  std::unordered_set<std::uint64_t> seen;
  TraceRecord record;
  std::uint64_t hit = 0;
  std::uint64_t all = 0;
  while (reader.next(record)) {
    std::uint64_t chain = 0;
    bool found = true;
    for (const Piece& piece : reader.pieces()) {
      chain = mixed(chain, piece.name);
      found = found && seen.contains(chain);
      hit += found ? piece.tokens : 0;
      all += piece.tokens;
      seen.insert(chain);
    }
  }
  CHECK(all == 20'851'449);
  CHECK(std::abs(share(hit, all) - 0.3153) <= kFourDigits);
  // In blocks of 16 whole shared pieces lose less than a block each: about five pieces of 600 tokens a request.
  CHECK(share(stats->reuse().tokens_hit, stats->prompt().sum()) > 0.29);
  CHECK(share(stats->reuse().tokens_hit, stats->prompt().sum()) < 0.3153 + 0.01);
}

TEST_CASE("recorded: lengths without times and the sharegpt lengths of llmservingsim") {
  if (const auto stats = stats_of("vidur/arxiv_summarization_stats_llama2_tokenizer_filtered_v2.csv")) {
    CHECK(stats->requests() == 28'257);
    CHECK(stats->prompt().mean() == Approx(2588.1).epsilon(2e-5));
    CHECK(stats->output().mean() == Approx(291.4).epsilon(2e-4));
    CHECK(stats->arrivals() == 0);
  }
  if (const auto stats = stats_of("llmservingsim/sharegpt-llama-3.1-8b-300-sps10_lengths_hash16.jsonl")) {
    CHECK(stats->requests() == 300);
    CHECK(stats->rate() == Approx(10.30).epsilon(2e-2));  // printed: 300 rows over 29.1 s
    CHECK(std::abs(share(stats->reuse().tokens_hit, stats->reuse().tokens) - 0.0759) <= kFourDigits);
    CHECK(std::abs(share(stats->reuse().requests_hit, stats->reuse().requests) - 0.107) <= 0.5e-3);
  }
  const auto path = data_file("traces/llmservingsim/sharegpt-llama-3.1-8b-300-sps10_lengths_hash16.jsonl");
  if (!path) return;
  CheckedRows rows = test::rows_of(files::open_trace(*path), {});
  ReuseMeter large;
  TraceRecord record;
  while (rows.next(record)) {
    record.prefix = reblocked(record.prefix, record.prompt_tokens, 512);
    large.add(record);
  }
  CHECK(large.tokens_hit == 11'264);  // full blocks alone have names, as in the file: 22 of 512
  CHECK(large.tokens == 257'239);     // prompts of less than a block count too
  CHECK(std::abs(share(large.requests_hit, large.requests) - 0.067) <= 0.5e-3);
}

TEST_CASE("recorded: heads and samples of the other formats are detected and read") {
  const auto rows = [](const std::string& file) -> std::uint64_t {
    const auto stats = stats_of(file, {}, lenient(OnFault::Mend));
    return stats ? stats->requests() : 0;
  };
  if (!data_file("traces/fixtures/SOURCE.txt")) return;
  CHECK(rows("fixtures/aiperf_mooncake_example.jsonl") == 3);
  CHECK(rows("fixtures/burstgpt_1_head3.csv") == 3);
  CHECK(rows("fixtures/qwen_bailian_format_example.jsonl") == 1);
  CHECK(rows("fixtures/mooncake_arxiv_head4.jsonl") == 4);
  CHECK(rows("fixtures/tracelab_replay_multi_session_example.csv") == 8);
  CHECK(rows("fixtures/tracelab_replay_session_workload_example.csv") > 0);
  CHECK(rows("fixtures/weka_trace_0504.json") > 0);
  CHECK(rows("frontier/prefix_cache_shared_session_trace.csv") == 2);
  CHECK(rows("llmservingsim/workload_me2_01_mixed.jsonl") == 608);
  CHECK(rows("inference-perf/simple_chain.json") == 3);
  CHECK(rows("inference-perf/multi_agent_research.json") > 5);
  CHECK(rows("inference-perf/prefix_sharing_example.json") > 5);
  CHECK(rows("inference-perf/trace.csv") > 10);
}
