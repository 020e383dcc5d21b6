#pragma once

#include "sim/files/csv_table.hpp"
#include "sim/validate/point.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace tokenyard::validate {

enum class MlperfScenario : std::uint8_t {
  Offline,
  Server,
  Interactive,  ///< Server to loadgen, with shorter limits
  Stream        ///< SingleStream or MultiStream
};
/// "offline", "server", "interactive", "stream".
[[nodiscard]] const char* word(MlperfScenario scenario);

/// What loadgen reports of a run, as its columns begin and continue: ttft_mean_ms.
inline constexpr std::array<std::pair<metrics::Metric, const char*>, 3> kMlperfMetrics{
    {{metrics::Metric::Ttft, "ttft"}, {metrics::Metric::Tpot, "tpot"}, {metrics::Metric::EndToEnd, "lat"}}};
inline constexpr std::array<std::pair<Statistic, const char*>, 3> kMlperfStatistics{
    {{Statistic::Mean, "mean"}, {Statistic::Median, "p50"}, {Statistic::P99, "p99"}}};

/// A run of MLPerf Inference, as a row of one of its tables tells it. Figures that are not told are 0.
struct MlperfRow {
  std::string round;  ///< "v5.1"
  std::string submitter, system, model;
  MlperfScenario scenario = MlperfScenario::Offline;
  bool valid = false;
  double tokens_per_s = 0;  ///< of output
  double answer = 0;        ///< output tokens of a sample, mean
  double target_qps = 0;
  double ttft_limit = 0, tpot_limit = 0;         ///< s, of a valid run's 99th percentiles
  std::array<std::array<double, 3>, 3> times{};  ///< s, in order of kMlperfMetrics and kMlperfStatistics
};

/// A number as settings and texts of these rows write it: "1.5", "2000".
[[nodiscard]] std::string short_number(double value);

// Both throw UserError "file:line: column: what" for what is no number or no word of loadgen, in rows of chips and
// models that are not played as well.

/// Of the logs' summaries (mlperf_log_summary.txt), a run a row.
[[nodiscard]] MlperfRow mlperf_log_row(const files::CsvTable& table, const files::CsvTable::Row& row);

/// Of a round's summary of results (summary_results.json): ID, Submitter, Platform, UsedModel, Scenario,
/// Performance_Result, Performance_Units, Accuracy. Rates of arrival and latencies are not in it.
[[nodiscard]] MlperfRow mlperf_result_row(const files::CsvTable& table, const files::CsvTable::Row& row);

/// Chips of a system as submitters write them: "XE9680L_B200_SXM_180GBx8_TRT" is 8 of "b200".
struct MlperfSystem {
  std::string chip;         ///< "h100"; empty: none that is played
  std::uint32_t chips = 0;  ///< in all
  bool triton = false;      ///< behind a Triton server
  std::string why;          ///< it is not played: one line, without the system's name
};
[[nodiscard]] MlperfSystem mlperf_system(std::string_view written);

}  // namespace tokenyard::validate
