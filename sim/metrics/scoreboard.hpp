#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tokenyard::metrics {

/// What a measured point says about serving.
enum class Metric : std::uint8_t { Ttft, Tpot, Throughput, EndToEnd };
inline constexpr std::size_t kMetrics = 4;
/// "TTFT", "TPOT", "throughput", "E2E".
[[nodiscard]] const char* name(Metric metric);

/// A simulated figure beside the measured one, both in s or both in tokens/s. REQUIRES: both > 0.
struct Comparison {
  double predicted = 0;
  double measured = 0;
  std::string trap;  ///< why the measured figure does not mean what its column says; empty = it does

  /// ln(predicted / measured): 0.05 is 5 % too high, and half and double are equally far off.
  [[nodiscard]] double error() const;
};

/// What became of a row of a set of measurements.
enum class RowFate : std::uint8_t {
  Played,
  Repeat,   ///< same set-up and same figures as an earlier row: counted once
  Refused,  ///< could not be played: `why` says what is unknown, missing or does not fit
};

/// Where the time of the predicted step goes at the mean batch: shares of it, in [0, 1], that add up to 1.
struct StepShares {
  double projections = 0;  ///< matrix products of attention, dense FFN and head
  double attention = 0;
  double experts = 0;
  double communication = 0;
  double other = 0;      ///< norms and the like, and whatever has another name
  double host = 0;       ///< seen, not hidden
  double lone_step = 0;  ///< not one of them: step of a single decode over this step, what no batch divides
};

/// One row of a set of measurements, played.
struct ScoredPoint {
  std::string set;        ///< file it stands in
  std::uint64_t row = 0;  ///< line of that file
  std::string id;
  std::string chip, model, precision, engine, version;
  std::string engine_kind;  ///< whose rules played it, as in YAML: "vllm"
  std::string format;       ///< of the weights that lead its steps, as played
  bool moe = false;
  bool split = false;             ///< prefill and decode apart
  std::string layout;             ///< "tp4", "dp8 ep8", "1 x tp4 ep4 + 1 x tp8 ep4"
  std::string traffic;            ///< "1024/1024 c64"
  std::uint32_t concurrency = 0;  ///< requests in the system at most; 0 = an open loop
  RowFate fate = RowFate::Played;
  std::string why;                                           ///< not played: what is wrong with the row
  std::string reason;                                        ///< the same without the row's own figures; empty = `why`
  std::vector<std::string> readings;                         ///< how columns were read that say something else
  std::array<std::optional<Comparison>, kMetrics> compared;  ///< by Metric
  bool extrapolated = false;                                 ///< beyond what the kernel tables behind the chip cover
  double mean_batch = 0;                                     ///< requests in a batch of one instance
  double mean_prompt = 0;                                    ///< tokens
  double queue_share_of_ttft = 0;
  std::optional<StepShares> shares;
  std::string suspected;  ///< likeliest reason of a large error, as far as the simulator can tell
  std::string command;    ///< plays this point alone
};

/// Errors of many comparisons: |ln(predicted / measured)| and its sign. Nearest rank; all 0 when n is 0.
struct ErrorFigures {
  std::size_t n = 0;
  double median = 0;
  double mean = 0;
  double p90 = 0;
  double bias = 0;  ///< median of ln(predicted / measured): below 0 = predicted too small
};
[[nodiscard]] ErrorFigures error_figures(std::vector<double> errors);

/// One line of the scoreboard: points that have all of set, chip, model, precision and engine in common.
struct ScoreRow {
  std::string set, chip, model, precision, engine;
  std::size_t points = 0;  ///< played
  std::size_t extrapolated = 0;
  std::array<ErrorFigures, kMetrics> meant;  ///< of figures that mean what they say, by Metric
  std::array<ErrorFigures, kMetrics> all;    ///< trapped figures included
};

struct Scoreboard {
  std::vector<ScoreRow> rows;    ///< sorted by set, chip, model, precision, engine
  std::vector<ScoreRow> totals;  ///< a line a set: chip, model, precision, engine are empty
  std::size_t points = 0;        ///< rows of all sets
  std::size_t played = 0;
  std::size_t repeats = 0;
  /// Reason -> how many rows, most frequent first, ties by text.
  std::vector<std::pair<std::string, std::size_t>> refused;
  std::vector<std::pair<std::string, std::size_t>> trapped;  ///< figures, not rows
  std::vector<std::pair<std::string, std::size_t>> readings;
};
[[nodiscard]] Scoreboard scoreboard(const std::vector<ScoredPoint>& points);

/// Indices of the `most` played points with the largest error of `metric`, trapped figures left out, the largest first,
/// ties by order.
[[nodiscard]] std::vector<std::size_t> worst_points(const std::vector<ScoredPoint>& points, Metric metric,
                                                    std::size_t most);

}  // namespace tokenyard::metrics
