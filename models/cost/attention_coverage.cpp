#include "models/cost/attention_coverage.hpp"

#include "models/cost/layer_work.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string_view>

namespace tokenyard::cost {
namespace {

models::ValidRange range_of(const models::Provenance& provenance, std::string_view figure) {
  const auto found = std::find_if(provenance.valid.begin(), provenance.valid.end(),
                                  [&](const models::ValidRange& each) { return each.figure == figure; });
  if (found != provenance.valid.end()) return *found;
  return {.figure = std::string(figure), .least = 0.0, .greatest = std::numeric_limits<double>::max()};
}

const models::Provenance& decode_provenance(const StepCostSpec& spec, const AttentionLayers& layers) {
  if (!spec.llm.mla) return decode_kernel(spec, layers).provenance;
  return spec.chip.kernels.mla_decode.at(static_cast<std::size_t>(spec.precision.kv))->provenance;
}

const models::Provenance& context_provenance(const StepCostSpec& spec, const AttentionLayers& layers) {
  if (!spec.llm.mla) return context_kernel(spec, layers).provenance;
  return spec.chip.kernels.mla_context.at(static_cast<std::size_t>(spec.precision.kv))->provenance;
}

bool heads_covered(const StepCostSpec& spec, const models::Provenance& provenance, double queries) {
  const double heads = 1.0 * spec.llm.heads() / spec.plan.tensor * queries;
  if (spec.llm.mla) return provenance.covers({{"heads", heads}});
  return provenance.covers({{"heads", heads},
                            {"kv_heads", kv_heads_per_chip(spec.llm, spec.plan)},
                            {"head_dim", 1.0 * spec.llm.gqa->head_dim}});
}

std::uint64_t whole_ns(double ns) { return static_cast<std::uint64_t>(ns + 0.5); }

}  // namespace

AttentionCoverage::Box::Box(const models::Provenance& provenance, bool heads, const char* length_name)
    : any(heads), sequences(range_of(provenance, "sequences")), length(range_of(provenance, length_name)) {}

bool AttentionCoverage::Box::holds(double count, double sum) const {
  return any && count >= sequences.least && count <= sequences.greatest && sum >= length.least * count &&
         sum <= length.greatest * count;
}

bool AttentionCoverage::hold(const std::vector<Box>& boxes, double count, double sum) {
  return std::ranges::all_of(boxes, [&](const Box& box) { return box.holds(count, sum); });
}

AttentionCoverage::AttentionCoverage(const StepCostSpec& spec)
    : absorbed_below_(spec.llm.mla ? 1.0 * spec.absorbed_prefix_below : 0.0) {
  for (const AttentionLayers& layers : attention_layers(spec.llm)) {
    const models::Provenance& decode = decode_provenance(spec, layers);
    const models::Provenance& context = context_provenance(spec, layers);
    decode_.emplace_back(decode, heads_covered(spec, decode, 1.0 * spec.speculation.width() * spec.plan.kv), "context");
    context_.emplace_back(context, heads_covered(spec, context, 1.0), "tokens");
  }
  if (!mixed_attention(spec)) return;
  const auto kv = static_cast<std::size_t>(spec.precision.kv);
  together_ = heads_covered(spec, spec.chip.kernels.mixed_attention.at(kv)->provenance, 1.0);
}

AttentionCoverage::Outside AttentionCoverage::of(const StepShape& shape) const {
  const bool prompts = shape.prefill_tokens > 0;
  if (prompts && together_) return {.decode = false, .context = !*together_};
  const bool decode = shape.decodes > 0 && !hold(decode_, shape.decodes, static_cast<double>(shape.decode_context));
  if (!prompts) return {.decode = decode};
  const AttentionWork work = attention_work(shape);
  const bool absorbed = absorbs_prompts(work.tokens, work.keys, absorbed_below_);
  return {.decode = decode, .context = absorbed || !hold(context_, work.chunks, work.tokens)};
}

void AttentionCoverage::add_basis(const StepShape& shape, const Attention& attention, PriceBasis& basis) const {
  const Outside outside = of(shape);
  if (!outside.decode && !outside.context) return;
  const AttentionWork work = attention_work(shape);
  const bool apart = shape.decodes > 0 && !(shape.prefill_tokens > 0 && together_);
  const double decode = apart ? attention(decodes_of(work)) : 0.0;
  if (outside.decode) basis.of(PriceFamily::DecodeAttention) += whole_ns(decode);
  if (outside.context) basis.of(PriceFamily::ContextAttention) += whole_ns(attention(work) - decode);
}

bool AttentionCoverage::covers_run(std::uint32_t decodes, std::uint64_t first_context, std::uint64_t steps) const {
  const double first = static_cast<double>(first_context);
  const double last = first + static_cast<double>(decodes) * static_cast<double>(steps - 1);
  return hold(decode_, decodes, first) && hold(decode_, decodes, last);
}

}  // namespace tokenyard::cost
