#include "sim/traffic/stats_table.hpp"

#include "sim/report/figure_text.hpp"
#include "sim/report/grid.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tokenyard::traffic {
namespace {

using report::count_text;
using report::number_text;
using report::ratio_text;
using report::time_text;

[[nodiscard]] std::vector<std::string> quantile_row(const std::string& name, const workloads::LengthCounts& counts) {
  std::vector<std::string> row{name, number_text(counts.mean())};
  for (const double share : {0.5, 0.9, 0.99, 1.0}) row.push_back(number_text(counts.quantile(share)));
  return row;
}

[[nodiscard]] std::string share_text(std::uint64_t part, std::uint64_t all) {
  return all == 0 ? "-" : ratio_text(static_cast<double>(part) / static_cast<double>(all));
}

void reuse_rows(const workloads::TraceStats& stats, const std::vector<std::uint64_t>& lru_blocks, report::Grid& grid) {
  grid.blank();
  grid.row({"reuse of prefixes", "of tokens", "of blocks", "of full blocks", "requests hit"});
  for (std::size_t i = 0; i < stats.caches().size(); ++i) {
    const workloads::ReuseMeter& cache = stats.caches()[i];
    grid.row({i == 0 ? "  infinite cache" : "  LRU of " + count_text(lru_blocks[i - 1]) + " blocks",
              share_text(cache.tokens_hit, cache.tokens), share_text(cache.blocks_hit, cache.blocks),
              share_text(cache.full_blocks_hit, cache.full_blocks), share_text(cache.requests_hit, cache.requests)});
  }
  const workloads::ReuseMeter& all = stats.reuse();
  grid.row({"  blocks", count_text(all.blocks)});
  grid.row({"  different ones", count_text(all.unique_blocks)});
}

}  // namespace

std::string stats_table(const workloads::TraceStats& stats, const std::vector<std::uint64_t>& lru_blocks) {
  report::Grid grid;
  grid.row({"requests", count_text(stats.requests())});
  if (stats.span_s() > 0.0) {
    if (stats.arrivals() != stats.requests()) grid.row({"arrivals of sessions", count_text(stats.arrivals())});
    grid.row({"span", time_text(stats.span_s())});
    grid.row({"rate", number_text(stats.rate()) + " /s"});
    grid.row({"CV of gaps", number_text(stats.gap_cv())});
    grid.row({"variance / mean of arrivals in 1 s", number_text(stats.dispersion())});
    grid.row({"busiest minute / mean minute", number_text(stats.busiest_minute())});
    grid.row({"at the instant of the one before", share_text(stats.ties(), stats.arrivals())});
  }
  grid.blank();
  grid.row({"tokens", "mean", "p50", "p90", "p99", "max", "sum"});
  for (const auto& [name, counts] : {std::pair{"  prompt", &stats.prompt()}, std::pair{"  output", &stats.output()}}) {
    std::vector<std::string> row = quantile_row(name, *counts);
    row.push_back(count_text(counts->sum()));
    grid.row(row);
  }
  if (stats.reuse().blocks > 0) reuse_rows(stats, lru_blocks, grid);
  const bool no_ids = stats.reuse().blocks == 0 && !lru_blocks.empty();
  if (stats.sessions() > 0) {
    grid.blank();
    grid.row({"sessions", count_text(stats.sessions()), "p50", "p90", "p99", "max"});
    grid.row(quantile_row("  turns, mean first", stats.turns()));
    if (stats.waits_ms().count() > 0) {
      std::vector<std::string> row{"  wait before a turn", time_text(stats.waits_ms().mean() * 1e-3)};
      for (const double share : {0.5, 0.9, 0.99, 1.0})
        row.push_back(time_text(stats.waits_ms().quantile(share) * 1e-3));
      grid.row(row);
    }
  }
  return grid.text() + (no_ids ? "note: there are no prefix ids, so an LRU cache of any size finds nothing\n" : "");
}

std::string rate_plot(const std::vector<std::uint64_t>& counts, double width_s) {
  constexpr double kColumns = 60.0;
  const std::uint64_t largest = counts.empty() ? 0 : *std::max_element(counts.begin(), counts.end());
  if (largest == 0) return {};
  report::Grid grid;
  grid.row({"from", "arrivals/s"});
  std::string text = grid.text();
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double share = static_cast<double>(counts[i]) / static_cast<double>(largest);
    std::string from = time_text(static_cast<double>(i) * width_s);
    std::string rate = number_text(static_cast<double>(counts[i]) / width_s);
    from.resize(std::max<std::size_t>(from.size(), 10), ' ');
    rate.insert(0, rate.size() < 10 ? 10 - rate.size() : 0, ' ');
    text += from + rate + "  " + std::string(static_cast<std::size_t>(std::lround(share * kColumns)), '#') + "\n";
  }
  return text;
}

}  // namespace tokenyard::traffic
