#include "sim/config/read_steps.hpp"

#include "models/base/errors.hpp"
#include "sim/config/read_models.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace tokenyard::config {

void read_step_keys(YamlMap& map, EngineSpec& engine) {
  engine.host.per_launch = map.seconds("launch");
  if (engine.host.per_launch > Seconds{1.0}) map.fail("launch", "is out of range; at most 1 s");
  engine.one_attention_kernel = std::holds_alternative<policy::VllmSpec>(engine.rules);
  if (map.given("attention")) {
    engine.one_attention_kernel = map.choice("attention", {"one_kernel", "two_kernels"}) == "one_kernel";
  }
  if (map.given("prompt_graph_tokens")) {
    engine.prompt_graph_tokens = map.count("prompt_graph_tokens", 0);
    if (!engine.graphs && *engine.prompt_graph_tokens > 0) {
      map.fail("prompt_graph_tokens", "needs graphs: true; this engine captures none");
    }
  }
  const std::string overlap = map.choice("two_batch_overlap", {"off", "prefill", "decode", "both"});
  engine.two_batch = {.decode = overlap == "decode" || overlap == "both",
                      .prefill = overlap == "prefill" || overlap == "both",
                      .sm_share = map.number("exchange_sm_share", 0.0, 1.0),
                      .attention_cores = map.number("attention_cores", 0.0, 1.0)};
  if (engine.two_batch.attention_cores >= 1.0) {
    map.fail("attention_cores", "leaves no cores for experts; must be below 1");
  }
  if (engine.two_batch.attention_cores > 0.0 && !engine.two_batch.decode) {
    map.fail("attention_cores", "deals cores to two half batches; set two_batch_overlap to decode or both");
  }
  engine.expert_exchange = map.choice("expert_exchange", {"all_to_all", "gather"}) == "gather"
                               ? cost::ExpertExchange::Gather
                               : cost::ExpertExchange::AllToAll;
  engine.fusion = {.norm_in_all_reduce = map.flag("norm_in_all_reduce"),
                   .quantise_in_attention = map.flag("quantise_in_attention"),
                   .rotary_apart = map.flag("rotary_apart"),
                   .shared_experts_beside = map.count("shared_experts_beside", 0)};
  engine.absorbed_prefix_below = map.count("absorbed_prefix_below", 0);
  engine.sampling =
      map.choice("sampling", {"greedy", "top_p"}) == "top_p" ? cost::Sampling::TopP : cost::Sampling::Greedy;
  engine.flash_attention = map.flag("flash_attention");
  engine.fp8_prompt_attention = map.number("fp8_prompt_attention", 0.0, 100.0);
  engine.all_reduce = map.texts("all_reduce");
  engine.experts = map.texts("experts");
  engine.one_shot_tokens = map.count("one_shot_tokens", 0);
}

models::ExpertLoad read_expert_load(YamlMap& map) {
  models::ExpertLoad load;
  const std::string routing = map.choice("expert_load", {"fitted", "balanced", "power_law", "log_normal", "measured"});
  load.routing = routing == "fitted"       ? models::Routing::Fitted
                 : routing == "balanced"   ? models::Routing::Balanced
                 : routing == "power_law"  ? models::Routing::PowerLaw
                 : routing == "log_normal" ? models::Routing::LogNormal
                                           : models::Routing::Measured;
  load.alpha = map.number("expert_load_alpha", 0.0, 10.0);
  load.sigma = map.number("expert_load_sigma", 0.0, 5.0);
  load.drift = map.number("expert_load_drift", 0.0, 1.0);
  load.shares = map.numbers("expert_shares");
  if (!load.shares.empty() && load.routing != models::Routing::Measured) {
    map.fail("expert_shares", "needs expert_load: measured");
  }
  const std::string eplb = map.choice("eplb", {"off", "on", "ideal"});
  load.eplb = eplb == "off" ? models::Eplb::Off : eplb == "on" ? models::Eplb::On : models::Eplb::Ideal;
  if (load.routing == models::Routing::Fitted && load.eplb == models::Eplb::On) {
    map.fail("eplb", "needs loads to balance: set expert_load to log_normal, power_law or measured, or eplb to ideal");
  }
  return load;
}

models::SpeculationSpec read_speculation(YamlMap& pool, const models::LlmSpec& llm) {
  models::SpeculationSpec spec;
  if (!pool.given("speculation")) return spec;
  YamlMap map = pool.map("speculation", "speculation");
  spec.tokens = map.count("tokens", 0, 1'000);
  spec.acceptance = map.numbers("acceptance");
  if (spec.acceptance.size() == 1) spec.acceptance.resize(std::max(spec.tokens, 1U), spec.acceptance[0]);
  if (map.is_map("draft")) {
    YamlMap draft = map.map("draft", "draft");
    spec.drafter = models::Drafter::Model;
    spec.model = read_llm(draft.entry("llm", "llm", "models/catalog/llms"));
    draft.finish();
  } else {
    spec.drafter = map.choice("draft", {"mtp", "eagle"}) == "mtp" ? models::Drafter::Mtp : models::Drafter::Eagle;
  }
  map.finish();
  map.located([&] { models::validate(spec, llm); });
  return spec;
}

void check_steps(const YamlMap& source, const PoolSpec& pool, const models::LlmSpec& llm) {
  if (pool.plan.context > 1 && pool.role != serving::Role::Prefill) {
    source.fail("parallel.context", "shares prompts out; a pool that decodes shares its cache with parallel.kv");
  }
  const auto* sglang = std::get_if<policy::SglangSpec>(&pool.engine.rules);
  if (sglang != nullptr && sglang->enable_mixed_chunk && pool.speculation.tokens > 0) {
    source.fail("engine.enable_mixed_chunk", "must be false with drafts, as the engine turns it off");
  }
  const auto* trtllm = std::get_if<policy::TrtllmSpec>(&pool.engine.rules);
  if (trtllm != nullptr && trtllm->max_num_tokens < pool.speculation.width()) {
    source.fail("engine.max_num_tokens", "must be at least " + std::to_string(pool.speculation.width()) +
                                             ", a decode and its " + std::to_string(pool.speculation.tokens) +
                                             " drafts");
  }
  if (const std::uint64_t width = pool.speculation.width();
      width > 1 && std::holds_alternative<policy::VllmSpec>(pool.engine.rules)) {
    const std::uint64_t least = policy::max_sequences(pool.engine.rules) * width;
    if (policy::max_step_tokens(pool.engine.rules) < least) {
      source.fail("engine.max_num_batched_tokens",
                  "must be at least " + std::to_string(least) + ": with " + std::to_string(pool.speculation.tokens) +
                      " drafts each of max_num_seqs requests computes " + std::to_string(width) + " tokens a step");
    }
  }
  if (pool.speculation.model) {
    const models::LlmSpec& draft = *pool.speculation.model;
    try {
      models::validate(models::drafting_plan(draft, pool.plan), draft);
    } catch (const SpecError& error) {
      source.fail("speculation.draft.llm", draft.name + " does not fit parallel." + error.field() + ": " + error.why());
    }
  }
  if (pool.ffn && pool.speculation.tokens > 0) {
    source.fail("speculation", "is not priced where `ffn` stands apart; leave one of them out");
  }
  if (pool.engine.two_batch.decode || pool.engine.two_batch.prefill) {
    if (pool.engine.expert_exchange == cost::ExpertExchange::Gather) {
      source.fail("engine.two_batch_overlap",
                  "hides an exchange by dispatch and combine; set expert_exchange to "
                  "all_to_all, or this to off");
    }
    if (pool.plan.pipeline > 1) {
      source.fail("engine.two_batch_overlap",
                  "works in one pipeline stage; set parallel.pipeline to 1, or this to off");
    }
    if (!llm.moe || pool.plan.attention_data == 1 || pool.plan.expert == 1) {
      source.fail(
          "engine.two_batch_overlap",
          "hides the exchange of experts among attention ranks, of which there is none here; it needs a MoE model "
          "with parallel.attention_data and parallel.expert above 1, or off");
    }
  }
}

}  // namespace tokenyard::config
