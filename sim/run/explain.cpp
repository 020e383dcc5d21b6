#include "sim/run/explain.hpp"

#include "models/base/errors.hpp"
#include "sim/policy/spec.hpp"
#include "sim/run/assemble.hpp"
#include "sim/run/instance_network.hpp"
#include "sim/run/kernel_profile.hpp"
#include "sim/run/placement.hpp"
#include "sim/serving/chip_clocks.hpp"
#include "topologies/make_topology.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

namespace tokenyard {
namespace {

cost::StepShape shape_of(serving::Role role, const StepQuestion& question) {
  if (role == serving::Role::Prefill) {
    cost::StepShape shape;
    shape.add_chunk(0, question.prompt);
    return shape;
  }
  cost::StepShape shape{.decodes = question.decodes,
                        .decode_context = std::uint64_t{question.decodes} * question.context};
  if (role == serving::Role::Mixed && question.chunk > 0) shape.add_chunk(0, question.chunk);
  return shape;
}

std::string words_of(const config::PoolSpec& pool, const StepQuestion& question) {
  const std::string ranks =
      pool.plan.attention_data > 1 ? fmt::format(" on each of {} attention ranks", pool.plan.attention_data) : "";
  if (pool.role == serving::Role::Prefill) return fmt::format("a prompt of {} tokens{}", question.prompt, ranks);
  const bool chunk = pool.role == serving::Role::Mixed && question.chunk > 0;
  return fmt::format("{} decodes at {} tokens{}{}", question.decodes, question.context,
                     chunk ? fmt::format(" beside {} tokens of a prompt", question.chunk) : "", ranks);
}

void refuse_unused(const config::Experiment& experiment, const StepQuestion& question, bool prompt_given) {
  const auto any = [&](serving::Role role) {
    return std::any_of(experiment.pools.begin(), experiment.pools.end(),
                       [role](const config::PoolSpec& pool) { return pool.role == role; });
  };
  if (prompt_given && !any(serving::Role::Prefill)) {
    throw UserError("--prompt: no pool here has `role: prefill`; tokens of a prompt beside decodes are --chunk");
  }
  if (question.chunk > 0 && !any(serving::Role::Mixed)) {
    throw UserError("--chunk: no pool here has `role: mixed`; a prefill pool's prompt is --prompt");
  }
}

void refuse_too_long(const char* option, std::uint32_t tokens, const models::LlmSpec& llm) {
  if (tokens <= llm.max_context) return;
  throw UserError(fmt::format("{}: {} tokens are more than the context of {}; at most {}", option, tokens, llm.name,
                              llm.max_context));
}

/// Whether a step may hold tokens of prompts beside decodes.
bool mixes_prompts(const policy::RulesSpec& rules) {
  const auto* sglang = std::get_if<policy::SglangSpec>(&rules);
  return sglang == nullptr || sglang->enable_mixed_chunk;
}

void refuse_impossible_prompt(const config::PoolSpec& pool, const models::LlmSpec& llm, const StepQuestion& question) {
  if (question.prompt == 0) throw UserError("--prompt: must be at least 1");
  refuse_too_long("--prompt", question.prompt, llm);
  if (const std::uint32_t most = policy::max_step_tokens(pool.engine.rules); question.prompt > most) {
    throw UserError(fmt::format("--prompt: a step of pool '{}' has at most {} tokens a rank", pool.name, most));
  }
}

void refuse_impossible_decodes(const config::PoolSpec& pool, const models::LlmSpec& llm, const StepQuestion& question) {
  if (question.decodes == 0) {
    if (pool.role == serving::Role::Mixed && question.chunk > 0) return;
    throw UserError(fmt::format("--decodes: must be at least 1{}: a step of pool '{}' would have no token",
                                pool.role == serving::Role::Mixed ? ", or --chunk above 0" : "", pool.name));
  }
  refuse_too_long("--context", question.context, llm);
  if (question.context == 0) throw UserError("--context: must be at least 1: the new token counts");
  if (const std::uint32_t most = policy::max_sequences(pool.engine.rules); question.decodes > most) {
    throw UserError(fmt::format("--decodes: pool '{}' runs at most {} requests a rank", pool.name, most));
  }
}

void refuse_impossible_chunk(const config::PoolSpec& pool, const models::LlmSpec& llm, const StepQuestion& question) {
  if (pool.role != serving::Role::Mixed || question.chunk == 0) return;
  refuse_too_long("--chunk", question.chunk, llm);
  if (question.decodes > 0 && !mixes_prompts(pool.engine.rules)) {
    throw UserError(
        fmt::format("--chunk: pool '{0}' computes prompts in steps of their own; --decodes 0 asks for one, "
                    "pools.{0}.engine.enable_mixed_chunk lets decodes join",
                    pool.name));
  }
  const std::uint64_t tokens = std::uint64_t{question.chunk} + question.decodes;
  if (const std::uint32_t most = policy::max_step_tokens(pool.engine.rules); tokens > most) {
    throw UserError(
        fmt::format("--chunk: {} tokens beside {} decodes; a step of pool '{}' has at most {} tokens a rank",
                    question.chunk, question.decodes, pool.name, most));
  }
}

void refuse_impossible(const config::PoolSpec& pool, const models::LlmSpec& llm, const StepQuestion& question) {
  if (pool.role == serving::Role::Prefill) {
    refuse_impossible_prompt(pool, llm, question);
    return;
  }
  refuse_impossible_decodes(pool, llm, question);
  refuse_impossible_chunk(pool, llm, question);
}

/// By how much the step is longer where many like it come in a row; a pipeline's stages share its products evenly.
SimTime slower_clocks(const cost::StepCostSpec& spec, const cost::StepCost& cost,
                      const std::vector<cost::StepShape>& ranks, SimTime step) {
  if (!spec.chip.clocks) return {};
  return serving::longer_in_a_row(*spec.chip.clocks, step, cost.heavy_work(ranks));
}

std::vector<models::AcceleratorSpec> chips_of(const cost::StepCostSpec& spec) {
  std::vector<models::AcceleratorSpec> chips{spec.chip};
  if (spec.ffn) chips.push_back(spec.ffn->chip);
  return chips;
}

metrics::ChipWork work_of(const cost::Roofline& roofline) {
  return {.flop = roofline.flop.value(),
          .bytes = roofline.bytes.value(),
          .compute_s = roofline.compute.value(),
          .memory_s = roofline.memory.value()};
}

metrics::ChipRates rates_of(const models::AcceleratorSpec& chip) {
  metrics::ChipRates rates{.name = chip.name, .memory_bandwidth = chip.memory_bandwidth.value()};
  for (std::size_t i = 0; i < chip.peak.size(); ++i) {
    if (chip.peak[i]) {
      rates.peak.emplace_back(models::name(static_cast<models::Dtype>(i)), chip.peak[i]->value());
    }
  }
  return rates;
}

}  // namespace

metrics::StepSheet sheet_of(const PoolStep& step) {
  metrics::StepSheet sheet{.pool = step.pool,
                           .what = step.what,
                           .step_s = step.step.seconds().value(),
                           .in_a_row_s = step.in_a_row.seconds().value(),
                           .weights_per_chip_bytes = step.weights_per_chip.value(),
                           .blocks_per_rank = step.blocks_per_rank,
                           .traffic_bytes = step.traffic.value(),
                           .kv_tokens = step.kv_tokens,
                           .kv_tokens_asked = step.kv_tokens_asked};
  cost::Roofline sum;
  for (const cost::CostLine& line : step.lines) {
    sheet.lines.push_back({.name = line.name, .time_s = line.time.value()});
    sum += line.roofline;
    if (line.roofline.bytes > Bytes{}) sheet.lines.back().work = work_of(line.roofline);
  }
  if (step.chips.size() == 1) sheet.work = work_of(sum);
  for (const models::AcceleratorSpec& chip : step.chips) sheet.chips.push_back(rates_of(chip));
  if (step.load) {
    sheet.load = {.store = step.load->store,
                  .plane = step.load->plane,
                  .alone_s = step.load->alone.value(),
                  .together_s = step.load->together.value()};
  }
  return sheet;
}

StepQuestion usual_question(const config::Experiment& experiment) {
  StepQuestion question;
  question.context = std::min(question.context, experiment.llm.max_context);
  question.prompt = std::min(question.prompt, experiment.llm.max_context);
  for (const config::PoolSpec& pool : experiment.pools) {
    if (pool.role == serving::Role::Prefill) {
      question.prompt = std::min(question.prompt, policy::max_step_tokens(pool.engine.rules));
    } else {
      question.decodes = std::min(question.decodes, policy::max_sequences(pool.engine.rules));
    }
  }
  return question;
}

void refuse_impossible(const config::Experiment& experiment, const StepQuestion& question, bool prompt_given) {
  refuse_unused(experiment, question, prompt_given);
  for (const config::PoolSpec& pool : experiment.pools) refuse_impossible(pool, experiment.llm, question);
}

std::vector<PoolStep> explain(const config::Experiment& experiment, const StepQuestion& question) {
  const topologies::Topology topology = topologies::make_topology(experiment.topology);
  const auto placed = place(topology, experiment.pools);
  std::vector<PoolStep> steps;
  for (std::size_t p = 0; p < experiment.pools.size(); ++p) {
    const config::PoolSpec& pool = experiment.pools[p];
    const Capacity capacity = capacity_of(pool, experiment.llm, experiment.chips.at(pool.chip));
    const cost::KernelProfile profile = read_profile(pool, experiment.chips.at(pool.chip));
    cost::StepCostSpec spec =
        step_cost_spec(experiment, pool, network_figures(topology, placed[p][0], pool, experiment.planes));
    if (!profile.empty()) spec.profile = &profile;
    const std::vector<cost::StepShape> ranks(pool.plan.attention_data, shape_of(pool.role, question));
    if (ranks[0].tokens() == 0 || ranks[0].tokens() > spec.max_tokens) {
      pool.source->fail("engine",
                        fmt::format("a step of {} tokens a rank is asked for; from 1 to max_num_batched_tokens ({})",
                                    ranks[0].tokens(), spec.max_tokens));
    }
    pool.source->located([&] {
      auto lines = cost::explain_step(spec, ranks);
      refuse_endless_step(pool, "this step", lines);
      const auto cost = cost::make_kernel_sum(spec);
      const SimTime step = cost->step(ranks);
      steps.push_back({.pool = pool.name,
                       .what = words_of(pool, question),
                       .lines = std::move(lines),
                       .step = step,
                       .in_a_row = step + slower_clocks(spec, *cost, ranks, step),
                       .traffic = cost->traffic(ranks),
                       .blocks_per_rank = capacity.blocks_per_rank,
                       .kv_tokens = capacity.kv_tokens(std::max(1U, ranks[0].decodes + ranks[0].chunks)),
                       .kv_tokens_asked = ranks[0].decode_context + ranks[0].prefill_tokens,
                       .weights_per_chip = capacity.weights_per_chip,
                       .chips = chips_of(spec)});
    });
  }
  std::vector<Bytes> weights;
  for (const PoolStep& step : steps) weights.push_back(step.weights_per_chip);
  if (const auto store = weights_store(topology, experiment, placed)) {
    for (std::size_t p = 0; p < steps.size(); ++p) steps[p].load = weights_load(topology, *store, placed, weights, p);
  }
  return steps;
}

}  // namespace tokenyard
