#include "models/cost/kv_exchange.hpp"

#include "models/cost/collectives.hpp"
#include "models/cost/layer_work.hpp"

#include <algorithm>
#include <cmath>

namespace tokenyard::cost {
namespace {

/// A gather (or scatter) among `links` as floor and nanoseconds a byte of the whole.
struct Line {
  double floor = 0.0;
  double per_byte = 0.0;
};

Line gather(const GroupLinks& links, const models::AllReduceCoefficients& c) {
  if (links.ranks == 1) return {};
  const double ranks = links.ranks;
  const double domains = links.domains;
  const double inside = ranks / domains;
  const double within = (inside - 1.0) / inside / (links.port.value() * c.two_shot_eff);
  const double across = links.domains == 1 ? 0.0 : (domains - 1.0) / domains / inside / links.uplink.value();
  const Seconds floor = c.one_shot_t0 + c.per_peer * (inside - 1.0) + std::ceil(std::log2(domains)) * links.latency +
                        beyond_measured(links.latency_inside, 1.0, c.latency);
  return {.floor = floor.value() * 1e9, .per_byte = std::max(within, across) * 1e9};
}

/// Sizes of one head's query and of its partial output, in elements.
struct HeadSizes {
  double query = 0.0;
  double output = 0.0;
};

HeadSizes head_sizes(const models::LlmSpec& llm) {
  if (!llm.mla) return {.query = 1.0 * llm.gqa->head_dim, .output = 1.0 * llm.gqa->head_dim};
  return {.query = 1.0 * llm.mla->kv_rank + llm.mla->rope_dim, .output = 1.0 * llm.mla->kv_rank};
}

}  // namespace

KvExchange::KvExchange(const StepCostSpec& spec)
    : active_(spec.plan.context > 1 || spec.plan.kv > 1), whole_(spec.plan.context > 1) {
  if (!active_) return;
  const double layers = spec.llm.layers;
  const double heads = 1.0 * spec.llm.heads() / spec.plan.tensor * spec.plan.kv;  // gathered
  const HeadSizes sizes = head_sizes(spec.llm);
  const Line decode = gather(spec.network.kv, spec.chip.kernels.collectives.own_all_reduce());
  const double bytes = spec.speculation.width() * heads * (2.0 * sizes.query + 2.0 * sizes.output + 4.0);
  decode_floor_ = layers * 2.0 * decode.floor;
  per_sequence_ = layers * bytes * decode.per_byte;

  const Line prompt =
      gather(whole_ ? spec.network.context : spec.network.kv, spec.chip.kernels.collectives.own_all_reduce());
  models::ParallelPlan undivided = spec.plan;
  undivided.context = undivided.kv = 1;
  gather_floor_ = layers * prompt.floor;
  per_token_ = layers * kv_bytes_per_layer(spec.llm, undivided, spec.precision.kv).value() * prompt.per_byte;
}

double KvExchange::operator()(const StepShape& shape) const {
  double time = 0.0;
  if (shape.decodes > 0) time += decode_floor_ + per_sequence_ * shape.decodes;
  if (shape.prefill_tokens > 0) {
    const double contexts = shape.keys_of_prompts();
    const double gathered = whole_ ? contexts : contexts - shape.prefill_tokens;
    if (gathered > 0.0) time += gather_floor_ + per_token_ * gathered;
  }
  return time;
}

}  // namespace tokenyard::cost
