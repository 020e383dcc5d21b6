#include "sim/report/step_sheets.hpp"

#include "sim/report/figure_text.hpp"
#include "sim/report/grid.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace tokenyard::report {
namespace {

using Json = nlohmann::ordered_json;
using metrics::ChipWork;
using metrics::KernelRow;
using metrics::StepSheet;

constexpr double kShown = 0.5e-6;  // s: rounding may leave some of what nothing is left of
constexpr std::size_t kColumns = 100;
constexpr double kHidden = 1.001;  // of the lines' sum; above it the step waits for its host

struct Reached {
  double compute = 0;
  double memory = 0;
};
/// Shares of the chip's rates.
Reached reached(const ChipWork& work, double time_s) {
  return {.compute = work.compute_s / time_s, .memory = work.memory_s / time_s};
}

std::string row(const std::string& name, double time_s, double step_s, const std::optional<ChipWork>& work) {
  const bool shown = std::abs(time_s) >= kShown;
  std::string text =
      fmt::format("  {:<24} {:>10.3f}  {:>6.4f}", name, shown ? time_s * 1e3 : 0.0, shown ? time_s / step_s : 0.0);
  if (!work || !shown) return text + fmt::format("  {:>11} {:>11}  {:>6} {:>6}\n", "-", "-", "-", "-");
  const Reached share = reached(*work, time_s);
  const auto of_flop = [&](auto value, const char* format) {
    return work->flop > 0.0 ? fmt::format(fmt::runtime(format), value) : std::string("-");
  };
  return text + fmt::format("  {:>11} {:>11.3f}  {:>6} {:>6.4f}\n", of_flop(work->flop * 1e-9, "{:.3f}"),
                            work->bytes * 1e-6, of_flop(share.compute, "{:.4f}"), share.memory);
}

std::string rates_lines(const metrics::ChipRates& chip) {
  std::string peaks;
  for (const auto& [format, peak] : chip.peak) {
    peaks += fmt::format("{}{} {} TFLOP/s (from {:.0f} FLOP a byte on)", peaks.empty() ? "" : ", ", format,
                         number_text(peak * 1e-12), peak / chip.memory_bandwidth);
  }
  return wrapped(
      fmt::format("{}: memory {} TB/s, peak {}", chip.name, number_text(chip.memory_bandwidth * 1e-12), peaks),
      kColumns, "  ", "    ");
}

Json work_json(const std::optional<ChipWork>& work, double time_s) {
  if (!work) return {};
  const Reached share = reached(*work, time_s);
  return {{"flop", work->flop},
          {"bytes", work->bytes},
          {"peak_compute_share", share.compute},
          {"memory_bandwidth_share", share.memory}};
}

}  // namespace

std::string step_table(const StepSheet& step) {
  std::string text = step.pool + ": " + step.what + "\n";
  text += fmt::format("  {:<24} {:>10}  {:>6}  {:>11} {:>11}  {:>6} {:>6}\n", "", "ms", "share", "GFLOP", "MB", "peak",
                      "memory");
  double sum = 0.0;
  for (const KernelRow& line : step.lines) {
    sum += line.time_s;
    text += row(line.name, line.time_s, step.step_s, line.work);
  }
  if (step.step_s > kHidden * sum) text += row("waiting for the host", step.step_s - sum, step.step_s, {});
  text += row("step", step.step_s, step.step_s, step.work);
  if (step.in_a_row_s > step.step_s) {
    text += fmt::format("  {:<24} {:>10.3f}  (chips busy with products cannot keep full clocks)\n",
                        "step, many in a row", step.in_a_row_s * 1e3);
  }
  text +=
      "  GFLOP and MB of one chip; peak, memory: shares of its rates that they make in that time (memory above 1: the\n"
      "  chip's cache keeps what one kernel leaves for the next)\n";
  for (const metrics::ChipRates& chip : step.chips) text += rates_lines(chip);
  text += fmt::format("  weights {:.1f} GB a chip, {} KV blocks a rank, {:.1f} GB read a step by all chips together\n",
                      step.weights_per_chip_bytes * 1e-9, step.blocks_per_rank, step.traffic_bytes * 1e-9);
  if (step.kv_tokens_asked > step.kv_tokens) {
    text += fmt::format("  no engine runs this step: its requests have {} tokens a rank, the KV cache holds {}\n",
                        step.kv_tokens_asked, step.kv_tokens);
  }
  if (step.load) {
    text += fmt::format("  loaded from {} over {} in {:.1f} s, with all other instances at once in {:.1f} s\n",
                        step.load->store, step.load->plane, step.load->alone_s, step.load->together_s);
  }
  return text;
}

void write_steps_json(const std::vector<StepSheet>& steps, std::ostream& out) {
  Json all = Json::array();
  for (const StepSheet& step : steps) {
    Json json{{"pool", step.pool}, {"what", step.what}, {"step_s", step.step_s}, {"in_a_row_s", step.in_a_row_s}};
    json["chip_work"] = work_json(step.work, step.step_s);
    json["lines"] = Json::array();
    for (const KernelRow& line : step.lines) {
      Json entry{{"name", line.name}, {"time_s", line.time_s}};
      entry["chip_work"] = work_json(line.work, line.time_s);
      json["lines"].push_back(std::move(entry));
    }
    json["chips"] = Json::array();
    for (const metrics::ChipRates& chip : step.chips) {
      Json peaks = Json::object();
      for (const auto& [format, peak] : chip.peak) peaks[format] = peak;
      json["chips"].push_back({{"name", chip.name},
                               {"memory_bandwidth_bytes_per_s", chip.memory_bandwidth},
                               {"peak_flop_per_s", std::move(peaks)}});
    }
    json["weights_per_chip_bytes"] = step.weights_per_chip_bytes;
    json["kv_blocks_per_rank"] = step.blocks_per_rank;
    json["kv_tokens_per_rank"] = step.kv_tokens;
    json["kv_tokens_asked_per_rank"] = step.kv_tokens_asked;
    json["traffic_bytes"] = step.traffic_bytes;
    json["weights_load"] = step.load ? Json{{"store", step.load->store},
                                            {"plane", step.load->plane},
                                            {"alone_s", step.load->alone_s},
                                            {"together_s", step.load->together_s}}
                                     : Json();
    all.push_back(std::move(json));
  }
  out << Json{{"report_schema", 1}, {"steps", std::move(all)}}.dump(2, ' ', false, Json::error_handler_t::replace)
      << '\n';
}

}  // namespace tokenyard::report
