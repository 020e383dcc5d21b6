#include "models/cost/profiled_attention.hpp"

#include "models/cost/layer_work.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

namespace tokenyard::cost {
namespace {

constexpr double kNanoseconds = 1e9;

std::string place(const StepCostSpec& spec, const char* gqa, const char* latent) {
  return (spec.llm.mla ? latent : gqa) + std::string(".") + std::string(models::name(spec.precision.kv));
}

/// A shape whose heads are the pool's on one chip; `queries` of each.
std::vector<double> with_heads(const StepCostSpec& spec, double queries) {
  const double heads = 1.0 * spec.llm.heads() / spec.plan.tensor * queries;
  if (spec.llm.mla) return {0.0, 0.0, heads};
  return {0.0, 0.0, heads, kv_heads_per_chip(spec.llm, spec.plan), 1.0 * spec.llm.gqa->head_dim};
}

}  // namespace

double ProfiledAttention::Curve::at(double wanted) const {
  const auto next = std::lower_bound(length.begin(), length.end(), wanted);
  const auto i = static_cast<std::size_t>(next - length.begin());
  if (i == 0 || !(wanted < length[i])) return time[i];
  return time[i - 1] + (time[i] - time[i - 1]) * (wanted - length[i - 1]) / (length[i] - length[i - 1]);
}

std::vector<ProfiledAttention::Curve> ProfiledAttention::curves(const KernelProfile& profile, const std::string& place,
                                                                const std::vector<double>& heads) {
  std::vector<Curve> curves;
  const ProfiledKernel* const kernel = profile.find(place);
  if (kernel == nullptr) return curves;
  for (const auto& [sequences, line] : kernel->lines(heads)) {
    Curve curve{.sequences = std::log(sequences)};
    for (std::size_t i = 0; i < line.figures.size(); ++i) {
      const double time = std::log(line.seconds[i]);
      curve.length.push_back(std::log(line.figures[i]));
      curve.time.push_back(i == 0 ? time : std::max(time, curve.time.back()));
    }
    curves.push_back(std::move(curve));
  }
  return curves;
}

std::optional<ProfiledAttention::Found> ProfiledAttention::find(const std::vector<Curve>& curves, double sequences,
                                                                double length) {
  const double n = std::log(sequences);
  const auto high = std::lower_bound(curves.begin(), curves.end(), n,
                                     [](const Curve& curve, double value) { return curve.sequences < value; });
  if (high == curves.end() || (high == curves.begin() && n < high->sequences)) return std::nullopt;
  const auto low = n < high->sequences ? std::prev(high) : high;
  const double least = std::max(low->length.front(), high->length.front());
  const double greatest = std::min(low->length.back(), high->length.back());
  if (least > greatest) return std::nullopt;
  const double wanted = std::log(length);
  const double held = std::clamp(wanted, least, greatest);
  const double share = low == high ? 0.0 : (n - low->sequences) / (high->sequences - low->sequences);
  const double from = low->at(held);
  return Found{.log_time = from + share * (high->at(held) - from),
               .side = wanted < least      ? -1
                       : wanted > greatest ? 1
                                           : 0};
}

ProfiledAttention::ProfiledAttention(const StepCostSpec& spec, const KernelProfile& profile)
    : layers_(spec.llm.layers - (spec.llm.gqa ? 1.0 * spec.llm.gqa->windowed_layers : 0.0)) {
  // A cache or a prompt that several chips share is no shape of a table.
  if (spec.plan.kv == 1) {
    decode_ = curves(profile, place(spec, "attention_decode", "mla_decode"),
                     with_heads(spec, 1.0 * spec.speculation.width()));
  }
  if (spec.plan.context == 1) {
    context_ = curves(profile, place(spec, "attention_context", "mla_context"), with_heads(spec, 1.0));
  }
  if (layers_ < spec.llm.layers) {  // formula and table share a step's attention only where all layers are alike
    decode_.clear();
    context_.clear();
  }
}

ProfiledAttention::Time ProfiledAttention::operator()(const StepShape& shape, const Attention& formula) const {
  const AttentionWork work = attention_work(shape);
  Time time;
  if (shape.prefill_tokens > 0 && shape.decodes > 0 && formula.one_kernel()) {
    time.context = formula(work);
    return time;
  }
  if (shape.decodes > 0) {
    const double alike = formula({.sequences = work.sequences, .context = work.context});
    const double unequal = formula(decodes_of(work)) - alike;  // a table's sequences are alike
    time.decode = alike;
    if (const auto found = find(decode_, work.sequences, work.context / work.sequences)) {
      const double table = layers_ * kNanoseconds * std::exp(found->log_time);
      time.decode_in_table = found->side == 0;
      time.decode = found->side == 0  ? table
                    : found->side > 0 ? std::max(time.decode, table)
                                      : std::min(time.decode, table);
    }
    time.decode += unequal;
  }
  if (shape.prefill_tokens > 0) {
    AttentionWork prompts = work;
    prompts.sequences = prompts.context = prompts.longest_context = 0.0;
    time.context = formula(prompts);
    if (formula.prompts_absorbed(work)) return time;
    const double mean = work.tokens / work.chunks;
    const auto found = find(context_, work.chunks, mean);
    time.context_in_table = found && found->side == 0;
    if (time.context_in_table) {
      const double alike = formula({.chunks = work.chunks, .tokens = work.tokens, .area_x2 = work.tokens * mean});
      time.context *= layers_ * kNanoseconds * std::exp(found->log_time) / alike;
    }
  }
  return time;
}

void ProfiledAttention::add_basis(const StepShape& shape, const Attention& formula, const AttentionCoverage& coverage,
                                  PriceBasis& basis) const {
  const Time time = (*this)(shape, formula);
  const AttentionCoverage::Outside outside = coverage.of(shape);
  const auto book = [&](double ns, bool in_table, bool out, PriceFamily family) {
    const auto whole = static_cast<std::uint64_t>(ns + 0.5);
    if (in_table) {
      basis.table += whole;
    } else if (out) {
      basis.of(family) += whole;
    }
  };
  book(time.decode, time.decode_in_table, outside.decode, PriceFamily::DecodeAttention);
  book(time.context, time.context_in_table, outside.context, PriceFamily::ContextAttention);
}

}  // namespace tokenyard::cost
