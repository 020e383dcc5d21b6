#include "models/cost/drafting.hpp"

#include "models/base/errors.hpp"
#include "models/cost/kernels.hpp"

#include <string_view>
#include <vector>

namespace tokenyard::cost {
namespace {

constexpr std::string_view kDrafts = "drafts";

double ns(Seconds time) { return time.value() * 1e9; }

Part drafts(const std::vector<Part>& parts) { return as_one(kDrafts, parts); }

/// What drafts, on the chips of the last stage. `drafts` more tokens are verified in its attention.
StepCostSpec layer_spec(const StepCostSpec& spec, std::uint32_t drafts) {
  expect(spec.speculation.tokens > 0, "drafts are proposed");
  StepCostSpec layer = spec;
  layer.llm = models::drafting_model(spec.speculation, spec.llm);
  layer.plan = models::drafting_plan(layer.llm, spec.plan);
  layer.precision = models::drafting_precision(spec.speculation, spec.precision);
  layer.network.pipeline = {};
  layer.speculation.tokens = drafts;
  layer.graph_sizes.clear();
  return layer;
}

/// A format that the chip has no kernel for is the drafting model's, not the pool's.
StepParts parts_of(const StepCostSpec& layer) {
  try {
    return StepParts(layer);
  } catch (const SpecError& error) {
    if (layer.speculation.drafter != models::Drafter::Model) throw;
    throw SpecError("speculation.draft.llm", error.why());
  }
}

}  // namespace

DraftParts::DraftParts(const StepCostSpec& spec)
    : spec_(layer_spec(spec, spec.speculation.tokens)),
      parts_(parts_of(spec_)),
      single_(layer_spec(spec, 0)),
      passes_(spec.speculation.tokens - 1.0) {}

Part DraftParts::rank(double tokens, const StepShape& shape) const {
  const AttentionWork work = attention_work(shape);
  const Part again = drafts(single_.attention({.sequences = work.sequences, .context = work.context}));
  const Part latents = drafts(parts_.latents(latent_work(shape, static_cast<std::uint32_t>(tokens))));
  return first(tokens) + later(shape.decodes + shape.chunks) + latents + drafts(parts_.attention(work)) +
         passes_ * again;
}

Part DraftParts::first(double tokens) const {
  if (tokens <= 0) return drafts({});
  if (spec_.speculation.drafter == models::Drafter::Model) return drafts(parts_.local(tokens));
  const double hidden = spec_.llm.hidden;
  const GemmShape join{.m = tokens, .n = hidden, .k = 2.0 * hidden};
  const Part joined{.name = kDrafts,
                    .time = gemm_time(join, spec_.precision.weights, spec_.chip),
                    .roofline = product_roofline(join, spec_.precision.weights, spec_.chip)};
  return joined + drafts(parts_.local(tokens));
}

Part DraftParts::later(double rows) const {
  if (rows <= 0) return drafts({});
  const Part head = drafts(parts_.head(rows));
  return head + passes_ * (first(rows) + drafts(parts_.absorbed(rows)) + head);
}

Part DraftParts::first_shared(double tokens) const { return drafts(parts_.shared(tokens)); }

Part DraftParts::later_shared(double rows) const { return passes_ * first_shared(rows); }

Drafting::Drafting(const StepCostSpec& spec, std::uint32_t largest, std::uint32_t largest_shared)
    : latents_(layer_spec(spec, spec.speculation.tokens), parts_of(layer_spec(spec, spec.speculation.tokens)), largest),
      verify_(layer_spec(spec, spec.speculation.tokens)),
      single_(layer_spec(spec, 0)),
      passes_(spec.speculation.tokens - 1.0),
      first_(largest, [parts = DraftParts(spec)](double tokens) { return ns(parts.first(tokens).time); }),
      later_(largest, [parts = DraftParts(spec)](double rows) { return ns(parts.later(rows).time); }),
      first_shared_(largest_shared,
                    [parts = DraftParts(spec)](double tokens) { return ns(parts.first_shared(tokens).time); }),
      later_shared_(largest_shared,
                    [parts = DraftParts(spec)](double rows) { return ns(parts.later_shared(rows).time); }) {}

double Drafting::rank(std::uint32_t tokens, const StepShape& shape) const {
  const AttentionWork work = attention_work(shape);
  const std::uint32_t rows = shape.decodes + shape.chunks;
  double time = first_(tokens) + later_(rows) + latents_(latent_work(shape, tokens)) + verify_(work);
  if (passes_ > 0.0 && shape.decodes > 0) {
    time += passes_ * single_({.sequences = work.sequences, .context = work.context});
  }
  return time;
}

}  // namespace tokenyard::cost
