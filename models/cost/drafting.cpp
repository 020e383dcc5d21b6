#include "models/cost/drafting.hpp"

#include "models/base/errors.hpp"
#include "models/cost/kernels.hpp"

namespace tokenyard::cost {
namespace {

double ns(Seconds time) { return time.value() * 1e9; }

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

Seconds DraftParts::rank(double tokens, const StepShape& shape) const {
  const AttentionWork work = attention_work(shape);
  const Seconds again = total(single_.attention({.sequences = work.sequences, .context = work.context}));
  return first(tokens) + later(shape.decodes + shape.chunks) + total(parts_.attention(work)) + passes_ * again;
}

Seconds DraftParts::first(double tokens) const {
  if (tokens <= 0) return Seconds{0.0};
  if (spec_.speculation.drafter == models::Drafter::Model) return total(parts_.local(tokens));
  const double hidden = spec_.llm.hidden;
  const GemmShape join{.m = tokens, .n = hidden, .k = 2.0 * hidden};
  return gemm_time(join, spec_.precision.weights, spec_.chip) + total(parts_.local(tokens));
}

Seconds DraftParts::later(double rows) const {
  if (rows <= 0) return Seconds{0.0};
  return total(parts_.head(rows)) + passes_ * (first(rows) + total(parts_.head(rows)));
}

Seconds DraftParts::first_shared(double tokens) const { return total(parts_.shared(tokens)); }

Seconds DraftParts::later_shared(double rows) const { return passes_ * first_shared(rows); }

Drafting::Drafting(const StepCostSpec& spec, std::uint32_t largest, std::uint32_t largest_shared)
    : verify_(layer_spec(spec, spec.speculation.tokens)),
      single_(layer_spec(spec, 0)),
      passes_(spec.speculation.tokens - 1.0),
      first_(largest, [parts = DraftParts(spec)](double tokens) { return ns(parts.first(tokens)); }),
      later_(largest, [parts = DraftParts(spec)](double rows) { return ns(parts.later(rows)); }),
      first_shared_(largest_shared,
                    [parts = DraftParts(spec)](double tokens) { return ns(parts.first_shared(tokens)); }),
      later_shared_(largest_shared, [parts = DraftParts(spec)](double rows) { return ns(parts.later_shared(rows)); }) {}

double Drafting::rank(std::uint32_t tokens, const StepShape& shape) const {
  const AttentionWork work = attention_work(shape);
  const std::uint32_t rows = shape.decodes + shape.chunks;
  double time = first_(tokens) + later_(rows) + verify_(work);
  if (passes_ > 0.0 && shape.decodes > 0) {
    time += passes_ * single_({.sequences = work.sequences, .context = work.context});
  }
  return time;
}

}  // namespace tokenyard::cost
