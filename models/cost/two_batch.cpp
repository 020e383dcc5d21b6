#include "models/cost/two_batch.hpp"

#include "models/base/errors.hpp"

namespace tokenyard::cost {
namespace {

double ns(Seconds time) { return time.value() * 1e9; }

}  // namespace

TwoBatch::TwoBatch(const StepCostSpec& spec, const StepParts& parts, std::uint32_t largest,
                   std::uint32_t largest_shared)
    : moe_layers_(spec.llm.moe_layers()),
      moe_share_(1.0 * spec.llm.moe_layers() / spec.llm.layers),
      moe_(largest, [&](double tokens) { return ns(total(parts.local(tokens, {.moe = spec.llm.moe_layers()}))); }),
      dense_(largest,
             [&](double tokens) { return ns(total(parts.local(tokens, {.dense = spec.llm.dense_layers()}))); }),
      experts_(largest_shared, [&](double tokens) { return ns(total(parts.experts(tokens))); }),
      exchange_(largest_shared, [&](double tokens) { return ns(total(parts.exchange(tokens))); }),
      exchange_prompts_(largest_shared, [&](double tokens) { return ns(total(parts.exchange(tokens, true))); }) {
  expect(spec.plan.pipeline == 1 && spec.llm.moe, "two half batches hide the exchange of experts, in one stage");
}

}  // namespace tokenyard::cost
