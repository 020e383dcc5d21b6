#include "sim/claims/answer.hpp"

#include "models/base/errors.hpp"
#include "sim/config/catalog.hpp"
#include "sim/config/read_models.hpp"
#include "sim/config/read_topology.hpp"
#include "sim/report/flat_figures.hpp"
#include "sim/run/accuracy.hpp"
#include "sim/run/explain.hpp"
#include "sim/run/run.hpp"
#include "topologies/bill.hpp"
#include "topologies/make_topology.hpp"

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <sstream>

namespace tokenyard::claims {
namespace {

using metrics::Metric;

bool starts(const std::string& text, std::string_view with) { return text.rfind(with, 0) == 0; }
bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

constexpr double kEnoughPoints = 20.0;  // below, a p90 says little

/// p90 of all measured points of the run's kind, weighted by their numbers.
double error_of_kind(const std::vector<metrics::AccuracyLine>& lines, bool moe, bool split, Metric metric) {
  for (const bool same_split : {true, false}) {
    double sum = 0.0;
    double n = 0.0;
    for (const metrics::AccuracyLine& line : lines) {
      if (line.metric != metric || line.moe != moe || (same_split && line.split != split)) continue;
      sum += static_cast<double>(line.errors.n) * line.errors.p90;
      n += static_cast<double>(line.errors.n);
    }
    if (n >= (same_split ? kEnoughPoints : 1.0)) return sum / n;
  }
  return 0.0;
}

/// Which error a figure of a run has.
double error_of(const std::string& path, const LatencyErrors& errors) {
  if (starts(path, "latency.ttft") || starts(path, "parts.queue") || starts(path, "parts.prefill")) return errors.ttft;
  for (const char* modelled : {"latency.", "parts.", "throughput.", "goodput.", "energy."}) {
    if (starts(path, modelled)) return errors.tpot;
  }
  for (const char* modelled : {"mfu", "busy", "bandwidth_utilisation", "tokens_per_s", "energy_j",
                               "collective_utilisation", "mean_utilisation", "exposed"}) {
    if (holds(path, modelled)) return errors.tpot;
  }
  return 0.0;
}

std::string confidence_line(const config::Experiment& experiment, const metrics::Summary& summary,
                            const LatencyErrors& errors) {
  const auto all = confidence_of_run(experiment, summary);
  const metrics::Confidence& tpot = all.back();
  std::string line = experiment.llm.name + " on " + experiment.pools.back().chip + ": ";
  line += tpot.extrapolated ? "extrapolated, " + tpot.reason : "measured (" + tpot.basis + ")";
  return line + fmt::format("; error p90 TTFT {:.2f}, TPOT {:.2f}", errors.ttft, errors.tpot);
}

std::string path_name(std::string text) {
  for (char& c : text) {
    if (c == ' ' || c == ',') c = '_';
  }
  return text;
}

Answer of_run(const config::Experiment& experiment, const std::atomic<bool>* interrupted) {
  Outcome outcome = run(experiment, {.interrupted = interrupted});
  outcome.summary.name = experiment.name;
  const LatencyErrors errors = errors_of(experiment, outcome.summary);
  Answer answer{.confidence = confidence_line(experiment, outcome.summary, errors)};
  for (const auto& [path, value] : report::flat_figures(outcome.summary)) {
    answer.figures[path] = {value, error_of(path, errors)};
  }
  return answer;
}

Answer of_step(const config::Experiment& experiment, const StepQuestion& question) {
  Answer answer;
  const auto steps = explain(experiment, question);
  metrics::Summary load;  // what the look-up of measured points asks for
  load.pools.resize(experiment.pools.size());
  load.pools.back().running_mean = 1.0 * question.decodes * experiment.pools.back().plan.attention_data;
  const LatencyErrors errors = errors_of(experiment, load);
  answer.confidence = confidence_line(experiment, load, errors);
  for (std::size_t p = 0; p < steps.size(); ++p) {
    const PoolStep& step = steps[p];
    const config::PoolSpec& pool = experiment.pools[p];
    const double error = pool.role == serving::Role::Prefill ? errors.ttft : errors.tpot;
    const auto put = [&](const std::string& name, double value, double by) {
      answer.figures[step.pool + "." + name] = {value, by};
    };
    put("step_s", step.step.seconds().value(), error);
    for (const cost::CostLine& line : step.lines) put("parts." + path_name(line.name), line.time.value(), error);
    const double chips = pool.chips();
    put("chips", chips, 0.0);
    put("weights_per_chip_bytes", step.weights_per_chip.value(), 0.0);
    put("weights_bytes", step.weights_per_chip.value() * chips, 0.0);
    put("kv_blocks_per_rank", step.blocks_per_rank, 0.0);
    put("kv_tokens_per_rank", static_cast<double>(step.kv_tokens), 0.0);
    put("traffic_bytes", step.traffic.value(), 0.0);
    put("memory_time_s", step.traffic.value() / (chips * experiment.chips.at(pool.chip).memory_bandwidth.value()), 0.0);
  }
  return answer;
}

void add_chips(const topologies::Bill& bill, Answer& answer) {
  constexpr std::array kFormats{models::Dtype::Bf16, models::Dtype::Fp8, models::Dtype::Int8, models::Dtype::Fp4};
  for (const auto& [kind, count] : bill.chips) {
    const models::AcceleratorSpec chip = config::load_chip(kind);
    const auto add = [&](const std::string& name, double one) { answer.figures[name].value += one * count; };
    add("chips", 1.0);
    add("memory_bytes", chip.memory.value());
    add("memory_bandwidth_bytes_per_s", chip.memory_bandwidth.value());
    add("chip_power_w", chip.power.tdp.value());
    for (const models::Dtype format : kFormats) {
      if (const auto& peak = chip.peak[static_cast<std::size_t>(format)]) {
        add("peak_" + std::string(models::name(format)) + "_flop_per_s", peak->value());
      }
    }
  }
}

Answer of_machine(const Ask& ask) {
  const topologies::TopologySpec spec = config::read_machine(ask.machine, ask.settings);
  const topologies::Topology topology = topologies::make_topology(spec);
  const topologies::Bill bill = topologies::bill_of(spec, topology);
  Answer answer;
  add_chips(bill, answer);
  answer.figures["nodes"] = {1.0 * bill.nodes};
  answer.figures["racks"] = {1.0 * bill.racks};
  if (bill.power_known) answer.figures["power_w"] = {bill.power().value()};
  for (const topologies::PlaneBill& plane : bill.planes) {
    answer.figures[plane.name + ".port_bytes_per_s"] = {plane.port.value()};
    answer.figures[plane.name + ".injection_bytes_per_s"] = {plane.injection.value()};
    answer.figures[plane.name + ".bisection_bytes_per_s"] = {plane.bisection.value()};
  }
  return answer;
}

Answer of_collective(const Ask& ask) {
  CollectiveQuestion question = *ask.collective;
  question.topology = ask.machine;
  question.settings = ask.settings;
  const CollectiveAnswer priced = price_collective(question);
  Answer answer;
  answer.figures["time_s"] = {priced.rows[0].time.value(), 0.0};
  answer.figures["bus_bytes_per_s"] = {priced.rows[0].bus.value(), 0.0};
  return answer;
}

}  // namespace

LatencyErrors errors_of(const config::Experiment& experiment, const metrics::Summary& summary) {
  const auto file = config::catalog_root() / "models/catalog/accuracy.csv";
  if (!std::filesystem::exists(file)) return {};
  const auto lines = read_accuracy(file.string());
  LatencyErrors errors;
  for (const metrics::Confidence& one : confidence_of_run(experiment, summary)) {
    double& error = one.metric == Metric::Ttft ? errors.ttft : errors.tpot;
    error = one.errors ? one.errors->p90
                       : error_of_kind(lines, experiment.llm.moe.has_value(), experiment.pools.size() > 1, one.metric);
  }
  return errors;
}

Answer answer(const Ask& ask, const std::atomic<bool>* interrupted) {
  if (ask.collective) return of_collective(ask);
  if (ask.experiment.empty()) return of_machine(ask);
  const config::Experiment experiment = config::read_experiment(ask.experiment, ask.settings);
  return ask.explain ? of_step(experiment, *ask.explain) : of_run(experiment, interrupted);
}

std::string to_text(const Answer& answer) {
  std::string text = answer.confidence + "\n";
  for (const auto& [path, figure] : answer.figures) text += fmt::format("{} {} {}\n", path, figure.value, figure.error);
  return text;
}

Answer from_text(const std::string& text) {
  std::istringstream in(text);
  Answer answer;
  std::getline(in, answer.confidence);
  for (std::string line; std::getline(in, line);) {
    const std::size_t second = line.rfind(' ');
    const std::size_t first = line.rfind(' ', second - 1);
    answer.figures[line.substr(0, first)] = {std::stod(line.substr(first + 1)), std::stod(line.substr(second + 1))};
  }
  return answer;
}

}  // namespace tokenyard::claims
