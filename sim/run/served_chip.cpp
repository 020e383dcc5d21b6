#include "sim/run/served_chip.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace tokenyard {
namespace {

constexpr double kBf16Bytes = 2.0;

}  // namespace

models::AcceleratorSpec served_chip(const config::Experiment& experiment, const config::PoolSpec& pool) {
  models::AcceleratorSpec chip = experiment.chips.at(pool.chip);
  if (pool.engine.flash_attention) {
    for (auto& decode : chip.kernels.decode_attention) {
      if (decode) decode->t0 += decode->flash;
    }
  }
  models::CollectiveKernels& kernels = chip.kernels.collectives;
  kernels.one_shot_up_to = Bytes{kBf16Bytes * pool.engine.one_shot_tokens * experiment.llm.hidden};
  const std::vector<std::string>& wanted = pool.engine.all_reduce;
  if (wanted.empty()) return chip;
  const auto usable = [&](const std::string& name) { return name == "default" || kernels.all_reduces.contains(name); };
  const auto found = std::ranges::find_if(wanted, usable);
  if (found == wanted.end()) {
    std::string known;
    for (const auto& entry : kernels.all_reduces) known += entry.first + ", ";
    pool.source->fail("engine.all_reduce", fmt::format("{} has {}default; none of these is named", chip.name, known));
  }
  if (*found != "default") kernels.all_reduce = *found;
  return chip;
}

}  // namespace tokenyard
