#pragma once

#include "models/cost/step_cost.hpp"
#include "models/cost/step_shape.hpp"

namespace tokenyard::cost {

/// What chips that share one sequence's cache send each other in a pass, all layers.
///   decodes, plan.kv = c chips: queries of all heads are gathered, every chip attends to its part of the cache, and
///   the partial outputs with their log-sum-exp (4 B a head) are added up and scattered: two exchanges a layer prompts,
///   plan.context or plan.kv > 1: keys and values of what other chips hold are gathered before attention; with context
///   ranks that is all of chunk and prefix, with kv alone the prefix
/// A gather of S bytes in all among g ranks takes a1 + b(g-1) + (g-1)/g * S/(e2*port) in one domain, and across d
/// domains the slower of that and (d-1)/d * S*d/g / uplink, plus ceil(log2 d) latencies: half an all-reduce's two-shot
/// kernel. Not hidden behind attention. Source: vLLM, decode context parallelism (all-gather of queries, reduce-scatter
/// of outputs corrected by LSE) and prefill context parallelism (all-gather of KV); ring attention hides what is
/// exchanged here.
class KvExchange {
 public:
  explicit KvExchange(const StepCostSpec& spec);

  [[nodiscard]] bool active() const { return active_; }
  /// Nanoseconds of one rank.
  [[nodiscard]] double operator()(const StepShape& shape) const;

 private:
  bool active_;
  bool whole_;  // prompts gather their own keys too
  double decode_floor_ = 0.0;
  double per_sequence_ = 0.0;
  double gather_floor_ = 0.0;
  double per_token_ = 0.0;
};

}  // namespace tokenyard::cost
