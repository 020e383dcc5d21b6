#pragma once

#include "sim/metrics/scoreboard.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tokenyard::metrics {

/// How far predictions were off where something was measured: one line of models/catalog/accuracy.csv.
struct AccuracyLine {
  std::string chip, model, engine;  ///< catalogue entries; an engine kind
  std::string format;               ///< of the weights that lead its steps: "fp8_block"
  bool moe = false;
  bool split = false;                ///< prefill and decode apart
  std::uint32_t longest_prompt = 0;  ///< tokens of the longest prompts among its points, on the mean of a point
  std::uint32_t batch_from = 1;      ///< requests in a batch of one instance, both ends included
  std::uint32_t batch_to = 1;
  Metric metric = Metric::Tpot;
  ErrorFigures errors;
};

/// The batches that a line of accuracy is for: 1 to 16, 17 to 64, 65 and more. Where fixed costs, weights, and
/// attention and arithmetic lead.
[[nodiscard]] std::uint32_t batch_class(double mean_batch);

/// Lines of all played points whose figures mean what they say, by chip, model, engine, format, P/D and class of
/// batches; sorted.
[[nodiscard]] std::vector<AccuracyLine> accuracy_lines(const std::vector<ScoredPoint>& points);

/// What a run is like, as far as the look-up goes.
struct Regime {
  std::string chip, model, engine, format;
  bool moe = false;
  bool split = false;
  double mean_batch = 0;      ///< of an instance that decodes
  double mean_prompt = 0;     ///< tokens
  bool kernel_tables = true;  ///< whether the chip's coefficients were fitted on measured kernels
  std::string unlike;         ///< what it has that no measured point has; empty: nothing
};

/// Prompts up to so many times as long as measured ones are no other regime.
constexpr double kLongerPrompts = 1.25;

/// How far to trust one predicted latency.
struct Confidence {
  Metric metric = Metric::Tpot;
  std::optional<ErrorFigures> errors;  ///< of the nearest measurements; absent: none are near
  std::string basis;                   ///< which these are; empty without them
  bool extrapolated = true;            ///< they are of another load, model or engine, or there are none
  std::string reason;                  ///< why, when it is
};

/// The nearest measurements, in this order: the same in all; another class of batches; another format; another engine;
/// another model of the same kind (dense or MoE); of several at one distance, all together, n added and figures
/// weighted by n. Never another chip and never the other of P/D and together: those say nothing. What is `unlike` all
/// that was measured, or has prompts more than kLongerPrompts times as long, is extrapolated whatever is nearest.
[[nodiscard]] Confidence confidence_of(const std::vector<AccuracyLine>& lines, const Regime& regime, Metric metric);

}  // namespace tokenyard::metrics
