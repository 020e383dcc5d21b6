#include "sim/run/engine_memory.hpp"

#include <algorithm>
#include <cmath>

namespace tokenyard {

double memory_share(const config::EngineSpec& engine, const models::ParallelPlan& plan, Bytes memory) {
  if (engine.memory.utilisation) return *engine.memory.utilisation;
  constexpr double kMiB = 1024.0 * 1024.0;
  const double total = memory.value() / kMiB;
  const auto& rules = std::get<policy::SglangSpec>(engine.rules);
  double reserved =
      512.0 + 1.5 * std::max(rules.chunked_prefill_size, 2048U) + 2.0 * engine.graph_max + plan.chips() / 8.0 * 1024.0;
  if (plan.attention_data > 1) {
    reserved += (engine.graph_max > 300 ? 4.5 : 3.0) * engine.graph_max * plan.attention_data;
  }
  if (total > 60.0 * 1024.0) reserved = std::max(reserved, 10.0 * 1024.0);
  return std::max(0.0, std::round((total - reserved) / total * 1000.0) / 1000.0);
}

const char* memory_key(const config::EngineSpec& engine) {
  if (std::holds_alternative<policy::SglangSpec>(engine.rules)) return "engine.mem_fraction_static";
  if (std::holds_alternative<policy::TrtllmSpec>(engine.rules)) return "engine.memory_reserve";
  return "engine.memory_utilisation";
}

}  // namespace tokenyard
