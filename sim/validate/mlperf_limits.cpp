#include "sim/validate/mlperf_limits.hpp"

#include <string_view>

namespace tokenyard::validate {
namespace {

struct Known {
  std::string_view llm;
  MlperfScenario scenario;
  MlperfLimits limits;
};

constexpr Known kKnown[] = {
    {"llama-2-70b", MlperfScenario::Server, {2.0, 0.2}},
    {"llama-2-70b", MlperfScenario::Interactive, {0.45, 0.04}},
    {"mixtral-8x7b", MlperfScenario::Server, {2.0, 0.2}},
    {"llama-3.1-405b", MlperfScenario::Server, {6.0, 0.175}},
    {"llama-3.1-405b", MlperfScenario::Interactive, {4.5, 0.08}},
    {"llama-3.1-8b", MlperfScenario::Server, {2.0, 0.1}},
    {"llama-3.1-8b", MlperfScenario::Interactive, {0.5, 0.03}},
};

}  // namespace

std::optional<MlperfLimits> mlperf_limits(const MlperfRow& row, const std::string& llm) {
  if (row.ttft_limit > 0.0 && row.tpot_limit > 0.0) return MlperfLimits{row.ttft_limit, row.tpot_limit};
  for (const Known& one : kKnown) {
    if (one.llm == llm && one.scenario == row.scenario) return one.limits;
  }
  return std::nullopt;
}

}  // namespace tokenyard::validate
