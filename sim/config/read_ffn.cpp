#include "sim/config/read_ffn.hpp"

#include "models/cost/micro_batches.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace tokenyard::config {
namespace {

/// What has to be cut in equal parts.
struct Whole {
  std::uint32_t size;
  std::string what;
};

/// Fails at `key` where `parts` does not divide one of `wholes`, the first of which is never less than a part.
void check_parts(const YamlMap& map, const char* key, std::uint32_t parts, const std::vector<Whole>& wholes) {
  const auto divides = [&](std::uint32_t number) {
    return std::ranges::all_of(wholes, [&](const Whole& whole) { return whole.size % number == 0; });
  };
  if (divides(parts)) return;
  const auto whole = std::ranges::find_if(wholes, [&](const Whole& one) { return one.size % parts != 0; });
  std::string fit;
  for (std::uint32_t number = 1; number <= wholes[0].size; ++number) {
    if (divides(number)) fit += (fit.empty() ? "" : ", ") + std::to_string(number);
  }
  map.fail(key, std::to_string(parts) + " does not divide the " + std::to_string(whole->size) + " " + whole->what +
                    "; these work: " + fit);
}

void check_ffn(const YamlMap& pool_map, const models::LlmSpec& llm, const models::ParallelPlan& side) {
  const std::uint32_t chips = side.chips();
  const std::uint32_t held = llm.moe->experts + side.redundant_experts;
  if (held % chips != 0 && side.expert == chips) {
    pool_map.fail("ffn.chips", std::to_string(chips) + " does not divide the " + std::to_string(held) +
                                   " experts, redundant ones included");
  }
  check_parts(pool_map, "ffn.expert", side.expert,
              {{chips, "chips of the FFN side"}, {held, "experts, redundant ones included"}});
  if (llm.moe->expert_ffn % side.expert_tensor() != 0) {
    pool_map.fail("ffn.expert", "with " + std::to_string(side.expert) + " groups each expert is split over " +
                                    std::to_string(side.expert_tensor()) +
                                    " chips, which do not divide its inner size of " +
                                    std::to_string(llm.moe->expert_ffn));
  }
  if (side.tensor == 1) return;
  std::vector<Whole> wholes{{chips, "chips of the FFN side"}};
  if (llm.dense_layers() > 0) wholes.push_back({llm.ffn, "inner columns of the dense FFN"});
  if (llm.moe->shared_ffn > 0) wholes.push_back({llm.moe->shared_ffn, "inner columns of the shared experts"});
  if (wholes.size() == 1) {
    pool_map.fail("ffn.tensor", llm.name +
                                    " has neither shared experts nor a dense FFN to split; to split its routed " +
                                    "experts set ffn.expert below ffn.chips");
  }
  check_parts(pool_map, "ffn.tensor", side.tensor, wholes);
}

}  // namespace

std::optional<FfnPoolSpec> read_ffn(YamlMap& pool, const std::vector<std::string>& kinds, const std::string& own_kind) {
  if (!pool.given("ffn")) return std::nullopt;
  YamlMap map = pool.map("ffn", "ffn");
  FfnPoolSpec ffn{.chip = map.given("chip") ? map.choice("chip", kinds) : own_kind, .plan = {}};
  const std::uint32_t chips = map.count("chips", 1, 100'000);
  const std::uint32_t tensor = map.count("tensor", 1, chips);
  const std::uint32_t expert = map.given("expert") ? map.count("expert", 1, chips) : chips;
  check_parts(map, "tensor", tensor, {{chips, "chips of the FFN side"}});
  check_parts(map, "expert", expert, {{chips, "chips of the FFN side"}});
  ffn.plan = {.tensor = tensor, .attention_data = chips / tensor, .expert = expert};
  ffn.micro_batches = map.count("micro_batches", 1, cost::kMostMicroBatches);
  map.finish();
  return ffn;
}

void check_apart(const YamlMap& pool_map, const YamlMap& parallel, const models::LlmSpec& llm, PoolSpec& pool) {
  if (!llm.moe) pool_map.fail("ffn", "stands apart for MoE models only; " + llm.name + " is dense");
  if (pool.role != serving::Role::Decode) pool_map.fail("ffn", "takes steps of decodes; give the pool role decode");
  const models::ParallelPlan& plan = pool.plan;
  for (const auto& [key, value] :
       {std::pair{"pipeline", plan.pipeline}, {"context", plan.context}, {"kv", plan.kv}, {"expert", plan.expert}}) {
    if (value > 1) parallel.fail(key, "must be 1 where `ffn` holds the experts");
  }
  if (plan.shared_expert_ranks > 0) parallel.fail("shared_expert_ranks", "must be 0 where `ffn` holds the experts");
  models::LlmSpec attention = llm;
  attention.moe.reset();
  models::ParallelPlan alone = plan;
  alone.redundant_experts = 0;
  parallel.located([&] { models::validate(alone, attention); });
  pool.ffn->plan.redundant_experts = plan.redundant_experts;
  check_ffn(pool_map, llm, pool.ffn->plan);
}

}  // namespace tokenyard::config
