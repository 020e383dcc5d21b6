#pragma once

#include "sim/config/yaml_map.hpp"
#include "sim/metrics/scoreboard.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tokenyard::validate {

/// Which figure of a run stands beside a measured one.
enum class Statistic : std::uint8_t {
  Mean,  ///< of a latency
  Median,
  P90,
  P99,
  OutputTokens,  ///< output tokens/s of all chips
  OutputTokensPerChip,
  PromptTokensPerChip,  ///< prompt tokens/s of a chip
  OutputTokensToEnd,    ///< all output tokens over the makespan, drain included
  Makespan,             ///< first arrival to last token
  HighestRate,          ///< output tokens/s of a chip at the highest rate within limits, of points with a search
};

/// A measured figure, in s or tokens/s.
struct Measured {
  metrics::Metric metric;
  Statistic statistic;
  double value = 0;
  std::string trap;  ///< why it does not mean what its column says; empty = it does
};

/// A point that asks how many requests a second can come, Poisson, until a percentile passes its limit.
struct RateSearch {
  double start = 0;   ///< requests/s where the search begins; the answer does not follow from it
  double ttft_s = 0;  ///< most that the 99th percentile of TTFT may be
  double tpot_s = 0;  ///< likewise of TPOT
  double span_s = 0;  ///< for which requests arrive in a trial
  double tokens = 0;  ///< output tokens of a request over the chips of all copies
};

/// A row of a set of measurements, understood: an experiment that plays it, and what it should give.
struct Point {
  metrics::ScoredPoint scored;             ///< `compared` and what follows it are still empty
  std::string config;                      ///< experiment below the catalogue root that is the row's harness
  std::vector<config::Override> settings;  ///< what of it the row sets
  std::vector<Measured> measured;
  std::optional<RateSearch> search;  ///< then what is measured is a HighestRate

  void set(std::string path, std::string value) { settings.push_back({std::move(path), std::move(value)}); }
  void set(std::string path, std::uint64_t value) { set(std::move(path), std::to_string(value)); }
  /// The row cannot be played. The first reason stays.
  void refuse(std::string why) {
    if (scored.fate == metrics::RowFate::Played) {
      scored.fate = metrics::RowFate::Refused;
      scored.why = std::move(why);
    }
  }
  void read_as(std::string reading) { scored.readings.push_back(std::move(reading)); }
};

/// A file of measurements, read.
struct MeasuredSet {
  std::string file;
  std::string kind;                ///< "inferencex", "mlperf" ...
  std::vector<Point> points;       ///< a row each, in order of the file
  std::vector<std::string> notes;  ///< columns that are missing, and how that was read
};

}  // namespace tokenyard::validate
