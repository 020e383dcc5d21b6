#include "models/cost/step_parts.hpp"

#include "models/base/errors.hpp"
#include "models/cost/collectives.hpp"
#include "models/cost/exchange.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>

namespace tokenyard::cost {
namespace {

using models::Dtype;
using models::GemmKind;

constexpr double kBf16Bytes = 2.0;  // activations and logits travel between chips in BF16
constexpr std::string_view kSharedExperts = "shared experts";

/// Adds to the part of this name, so that products of one line and layer kinds share it.
void add(std::vector<Part>& parts, std::string_view name, PriceFamily family, double count, const Priced& kernel) {
  auto part = std::find_if(parts.begin(), parts.end(), [&](const Part& p) { return p.name == name; });
  if (part == parts.end()) part = parts.insert(part, {.name = name, .time = {}, .family = family});
  part->time += count * kernel.time;
  if (kernel.outside) part->outside += count * kernel.time;
  if (kernel.table) part->table += count * kernel.time;
  part->roofline += count * kernel.roofline;
}

template <class Families, class Index>
bool has(const Families& families, Index index) {
  return families.at(static_cast<std::size_t>(index)).has_value();
}

template <class Families, class Index>
void require(const Families& families, Index format, const char* field, const std::string& kernel,
             const models::AcceleratorSpec& chip) {
  if (has(families, format)) return;
  std::string known;
  for (std::size_t i = 0; i < families.size(); ++i) {
    if (families[i]) known += (known.empty() ? "" : ", ") + std::string(models::name(static_cast<Index>(i)));
  }
  throw SpecError(field, chip.name + " has no " + kernel + " kernel for " + std::string(models::name(format)) +
                             "; it has one for: " + (known.empty() ? "nothing" : known));
}

void require_peak(Dtype dtype, const char* field, const models::AcceleratorSpec& chip) {
  if (!has(chip.peak, dtype)) {
    throw SpecError(field, chip.name + " has no dense peak for " + std::string(models::name(dtype)));
  }
}

/// Chips that share each routed expert: a group of the instance's expert group, inside a domain as far as it fits.
GroupLinks split_links(const GroupLinks& stage, std::uint32_t splits) {
  GroupLinks links = stage;
  const std::uint32_t per_domain = std::max(stage.ranks / stage.domains, 1U);
  links.ranks = splits;
  links.domains = std::max(splits / per_domain, 1U);
  return links;
}

/// Exponent of the power law that the experts' loads follow, as kernel tables name it; nothing for loads of their own.
std::optional<double> skew_of(const models::ExpertLoad& load, const models::MoeSpec& moe) {
  const ExpertRouting routing = routing_of(load, moe, 0);
  if (routing.placement != ExpertRouting::Placement::InOrder) return std::nullopt;
  if (routing.kind == ExpertRouting::Kind::Measured || routing.kind == ExpertRouting::Kind::LogNormal)
    return std::nullopt;
  return routing.kind == ExpertRouting::Kind::Balanced ? 0.0 : routing.alpha;
}

}  // namespace

Seconds total(const std::vector<Part>& parts) {
  Seconds sum;
  for (const Part& part : parts) sum += part.time;
  return sum;
}

Part& Part::operator+=(const Part& other) {
  time += other.time;
  outside += other.outside;
  table += other.table;
  roofline += other.roofline;
  return *this;
}

Part operator*(double factor, Part part) {
  part.time *= factor;
  part.outside *= factor;
  part.table *= factor;
  part.roofline = factor * part.roofline;
  return part;
}

void append(std::vector<Part>& parts, const std::vector<Part>& more) {
  for (const Part& part : more) {
    const auto same = std::find_if(parts.begin(), parts.end(), [&](const Part& p) { return p.name == part.name; });
    if (same != parts.end()) {
      *same += part;
    } else {
      parts.push_back(part);
    }
  }
}

Part as_one(std::string_view name, const std::vector<Part>& parts) {
  Part sum{.name = name, .time = total(parts)};
  for (const Part& part : parts) {
    sum.outside += part.outside;
    sum.table += part.table;
    sum.roofline += part.roofline;
  }
  return sum;
}

StepParts::StepParts(const StepCostSpec& spec)
    : spec_(spec),
      experts_(spec.llm.moe ? expert_shape(spec.llm, spec.plan) : MoeShape{}),
      work_(layer_work(spec.llm, spec.plan, spec.precision, spec.chip.kernels.small, spec.fusion.rotary_apart)),
      head_(head_product(spec.llm, spec.plan)) {
  check_kernels();
  if (spec.expert_exchange == ExpertExchange::Gather) experts_.gathered = 1.0;
  if (spec.llm.moe) {
    const models::MoeSpec& moe = *spec.llm.moe;
    expert_loads_.emplace(routing_of(spec.expert_load, moe, spec.plan.redundant_experts, spec.network.expert.domains),
                          moe.experts, moe.top_k, spec.plan.routed_ranks());
  }
  expect(spec.network.tensor.ranks == spec.plan.tensor, "the tensor group has the plan's ranks");
  expect(spec.network.expert.ranks == spec.plan.stage_chips(), "the expert group is a stage");
  expect(spec.network.pipeline.ranks == spec.plan.pipeline, "the pipeline group has the plan's stages");
  expect(spec.network.context.ranks == spec.plan.context, "the context group has the plan's ranks");
  expect(spec.network.kv.ranks == spec.plan.kv, "the group that shares a cache has the plan's ranks");
}

void StepParts::check_kernels() const {
  const models::AcceleratorSpec& chip = spec_.chip;
  const models::KernelSet& kernels = chip.kernels;
  const models::Precision& precision = spec_.precision;
  for (const auto& [field, format] : {std::pair{"weights", precision.weights},
                                      {"ffn", precision.of_ffn()},
                                      {"attention_output", precision.of_attention_output()}}) {
    require(kernels.gemm, format, field, "matrix product", chip);
    require_peak(models::compute_dtype(format), field, chip);
  }
  require(kernels.gemm, GemmKind::Bf16, "weights", "matrix product (for the LM head)", chip);
  if (spec_.sampling == Sampling::TopP && !has(kernels.small.by_kind, models::SmallKernel::TopP)) {
    throw SpecError("engine.sampling", chip.name + " has no figures of top_p (kernels.small.top_p); greedy has some");
  }
  if (spec_.llm.mla) {
    require(kernels.mla_decode, precision.kv, "kv", "latent decode attention", chip);
    require(kernels.mla_context, precision.kv, "kv", "latent context attention", chip);
  } else {
    require(kernels.decode_attention, precision.kv, "kv", "decode attention", chip);
    require(kernels.context_attention, precision.kv, "kv", "context attention", chip);
  }
  if (!spec_.llm.moe) return;
  require(kernels.moe, precision.experts, "experts", "grouped product", chip);
  require_peak(models::compute_dtype(precision.experts), "experts", chip);
}

Priced StepParts::reduce(double tokens, const GroupLinks& links) const {
  const Bytes size{kBf16Bytes * tokens * spec_.llm.hidden};
  const models::AllReduceCoefficients* const fused = norms_in_reduce_of(tokens);
  Priced price = priced().all_reduce(size, links);
  if (price.table || fused == nullptr) return price;
  if (fused != &spec_.chip.kernels.collectives.own_all_reduce()) price = priced().all_reduce_by(*fused, size, links);
  price.time += *fused->norm;
  return price;
}

std::vector<Part> StepParts::local(double tokens) const {
  return local(tokens, spec_.llm.dense_layers(), spec_.llm.moe_layers(), spec_.plan.pipeline);
}

std::vector<Part> StepParts::local(double tokens, const models::StageLayers& stage) const {
  return local(tokens, stage.dense, stage.moe, 1.0);
}

std::vector<Part> StepParts::local_sent(double tokens) const {
  std::vector<Part> parts;
  add_sent(tokens, spec_.llm.dense_layers(), spec_.llm.moe_layers(), spec_.plan.pipeline, parts);
  return parts;
}

std::vector<Part> StepParts::local(double tokens, double dense, double moe, double hops) const {
  std::vector<Part> parts = computed(tokens, {.all = dense + moe, .dense = dense, .moe = moe});
  add_sent(tokens, dense, moe, hops, parts);
  return parts;
}

std::vector<Part> StepParts::local_attention(double tokens) const {
  const double layers = spec_.llm.moe_layers();
  std::vector<Part> parts = computed(tokens, {.all = layers});
  add_sent(tokens, 0.0, layers, 0.0, parts);
  return parts;
}

std::vector<Part> StepParts::local_prepare(double tokens) const {
  return computed(tokens, {.all = 1.0 * spec_.llm.moe_layers()}, false);
}

std::vector<Part> StepParts::local_ffn(double tokens) const {
  return computed(tokens, {.moe = 1.0 * spec_.llm.moe_layers()});
}

std::vector<Part> StepParts::computed(double all_tokens, const Layers& of, bool all) const {
  std::vector<Part> parts;
  const double tokens = all_tokens / spec_.plan.context;
  if (tokens <= 0) return parts;
  const double moe = of.moe;
  const auto layers = [&](LayersOf in) {
    return in == LayersOf::All ? of.all : in == LayersOf::Dense ? of.dense : of.moe;
  };
  for (const Product& product : work_.products) {
    if (product.after_attention && !all) continue;
    add(parts, product.line, PriceFamily::Products, layers(product.in), multiplied(product, tokens));
  }
  const bool norms_in_reduce = norms_in_reduce_of(tokens) != nullptr;
  for (const Pointwise& kernel : work_.pointwise) {
    if (left_out(kernel, norms_in_reduce) || (kernel.after_attention && !all)) continue;
    const SmallShape shape{.width = kernel.token.width, .bytes = kernel.token.bytes * tokens};
    add(parts, "small kernels", PriceFamily::SmallKernels, layers(kernel.in),
        priced().small(shape, kernel.kind, tokens));
  }
  if (moe > 0 && spec_.llm.moe->shared_ffn > 0 && all_tokens <= spec_.fusion.shared_experts_beside) {
    add(parts, kSharedExperts, PriceFamily::Products, -moe, beside_experts(tokens));
  }
  return parts;
}

void StepParts::add_sent(double all_tokens, double dense, double moe, double hops, std::vector<Part>& parts) const {
  const double tokens = all_tokens / spec_.plan.context;
  if (tokens <= 0) return;
  if (spec_.plan.tensor > 1) {
    // After attention everywhere, after a dense FFN, and where experts are dispatched, to gather what comes back and
    // to add up the shared experts. Without attention ranks the experts end in an all-reduce of their own: shared().
    const bool dispatched = spreads_tokens() && spec_.llm.moe;
    const double reduces = dense + moe + dense + (dispatched ? moe : 0.0);
    add(parts, "all-reduce", PriceFamily::AllReduce, reduces, reduce(tokens, spec_.network.tensor));
  }
  if (spec_.plan.pipeline > 1) {
    const Bytes hidden{kBf16Bytes * tokens * spec_.llm.hidden};
    add(parts, "stage hops", PriceFamily::StageHops, hops, priced().hop(hidden, spec_.network.pipeline));
  }
}

const models::AllReduceCoefficients* StepParts::norms_in_reduce_of(double tokens) const {
  const GroupLinks& links = spec_.network.tensor;
  if (!spec_.fusion.norm_in_all_reduce || spec_.plan.tensor == 1 || links.domains > 1) return nullptr;
  const Bytes size{kBf16Bytes * tokens * spec_.llm.hidden};
  const models::CollectiveKernels& collectives = spec_.chip.kernels.collectives;
  const models::AllReduceCoefficients* const fused = collectives.all_reduce_with_norm(size, links.ranks);
  if (fused != &collectives.own_all_reduce()) return fused;
  const Algorithm own = all_reduce(size, links, collectives).algorithm;
  return own == Algorithm::OneShot || own == Algorithm::TwoShot ? fused : nullptr;
}

bool StepParts::left_out(const Pointwise& kernel, bool norms_in_reduce) const {
  if (kernel.after_attention) return spec_.fusion.quantise_in_attention;
  return kernel.after_reduce && norms_in_reduce;
}

Priced StepParts::beside_experts(double tokens) const {
  Priced beside;
  for (const Product& product : work_.products) {
    if (product.line != kSharedExperts) continue;
    const Priced one = multiplied(product, tokens);
    beside = {
        .time = beside.time + one.time, .outside = beside.outside || one.outside, .table = beside.table || one.table};
  }
  MoeShape shape = experts_;
  shape.tokens = tokens;
  const auto& kernel = moe_kernel(shape, expert_loads_->at(tokens), spec_.precision.experts, spec_.chip);
  beside.time = std::min(beside.time, kernel.t0);
  return beside;
}

Priced StepParts::multiplied(const Product& product, double tokens) const {
  GemmShape shape = product.shape;
  shape.m = tokens;
  return priced().product(shape, product.kind);
}

std::vector<Part> StepParts::latents(const LatentWork& work) const {
  const LatentWork parted = work.parted(spec_.absorbed_prefix_below);
  std::vector<Part> parts = absorbed(parted.rows);
  append(parts, expanded(static_cast<double>(parted.keys)));
  return parts;
}

std::vector<Part> StepParts::absorbed(double rows) const {
  std::vector<Part> parts;
  if (rows <= 0) return parts;
  for (const Product& product : work_.absorbed) {
    add(parts, product.line, PriceFamily::Products, product.layers, multiplied(product, rows / spec_.plan.context));
  }
  return parts;
}

std::vector<Part> StepParts::expanded(double keys) const {
  std::vector<Part> parts;
  // Chips that share prompts have gathered the latents of all, and expand them all.
  const double whole = std::floor(keys / kExpandedAtOnce);
  if (whole > 0) add_expanded(whole, kExpandedAtOnce, parts);
  if (const double rest = keys - whole * kExpandedAtOnce; rest > 0) add_expanded(1.0, rest, parts);
  return parts;
}

void StepParts::add_expanded(double times, double keys, std::vector<Part>& parts) const {
  for (const Product& product : work_.expanded) {
    add(parts, product.line, PriceFamily::Products, times * product.layers, multiplied(product, keys));
  }
  for (const Pointwise& kernel : work_.joined) {
    const SmallShape shape{.width = kernel.token.width, .bytes = kernel.token.bytes * keys};
    add(parts, "small kernels", PriceFamily::SmallKernels, times * kernel.layers,
        priced().small(shape, kernel.kind, keys));
  }
}

std::vector<Part> StepParts::shared(double tokens, bool prompts) const {
  std::vector<Part> parts = experts(tokens);
  for (const Part& part : exchange(tokens, prompts)) parts.push_back(part);
  return parts;
}

std::vector<Part> StepParts::experts(double tokens) const {
  std::vector<Part> parts;
  if (!spec_.llm.moe || tokens <= 0) return parts;
  MoeShape shape = experts_;
  shape.tokens = tokens;
  add(parts, "experts", PriceFamily::Experts, spec_.llm.moe_layers(),
      priced().experts(shape, busiest_load(tokens), spec_.precision.experts,
                       skew_of(spec_.expert_load, *spec_.llm.moe)));
  return parts;
}

ExpertLoad StepParts::busiest_load(double tokens) const {
  ExpertLoad load = expert_loads_->at(tokens);
  if (const double shared = spec_.plan.shared_expert_ranks; shared > 0) {
    const double mean = tokens * spec_.llm.moe->top_k / spec_.plan.routed_ranks();
    load.rows = std::max(load.rows, tokens / shared / mean);
    load.hit = std::max(load.hit, std::min(tokens / shared, 1.0));
  }
  return load;
}

std::vector<Part> StepParts::exchange(double tokens, bool prompts) const {
  std::vector<Part> parts;
  const models::ParallelPlan& plan = spec_.plan;
  if (!spec_.llm.moe || tokens <= 0 || plan.stage_chips() == 1) return parts;
  const GroupLinks& links = spec_.network.expert;
  const double layers = spec_.llm.moe_layers();
  if (spreads_tokens() && spec_.expert_exchange == ExpertExchange::Gather) {
    const Bytes sent{tokens * gathered_bytes(spec_.llm.hidden, spec_.precision.experts)};
    const Bytes back{tokens * combine_bytes(spec_.llm.hidden)};
    add(parts, "gathered tokens", PriceFamily::Exchange, layers, priced().all_gather(sent, links));
    add(parts, "scattered results", PriceFamily::Exchange, layers, priced().reduce_scatter(back, links));
    return parts;
  }
  if (!spreads_tokens() || plan.expert == 1) {
    // Every chip has every token (or gathers them all), computes its experts' part, and the parts are added up.
    add(parts, "all-reduce", PriceFamily::AllReduce, layers, reduce(tokens, links));
    return parts;
  }
  // At the busiest rank's port; exchange tables are taken with even loads, and so is their price where nobody says one.
  const bool even = spec_.expert_load.routing == models::Routing::Fitted;
  double fullest = busiest_load(tokens).rows;  // rows of its rank over those of the mean rank
  if (plan.shared_expert_ranks > 0) {
    const double top_k = spec_.llm.moe->top_k;
    fullest *= top_k / plan.routed_ranks() * plan.expert / (top_k + 1.0);
  }
  const double busiest = even ? tokens : tokens * fullest;
  const ExchangeShape sent = dispatch_shape(spec_.llm, plan, spec_.precision, links, busiest);
  const ExchangeShape back = combine_shape(spec_.llm, plan, links, busiest);
  add(parts, kDispatch, PriceFamily::Exchange, layers, priced().exchange(sent, links, prompts, Direction::Dispatch));
  add(parts, "combine", PriceFamily::Exchange, layers, priced().exchange(back, links, prompts, Direction::Combine));
  if (plan.expert_tensor() > 1) {
    // Rows that each group of experts returns, added up among the chips that share them.
    const double copies = tokens * distinct_ranks(sent.choices, plan.expert) / plan.expert;
    add(parts, "all-reduce", PriceFamily::AllReduce, layers, reduce(copies, split_links(links, plan.expert_tensor())));
  }
  return parts;
}

double StepParts::kernels() const {
  constexpr double kExpertKernels = 5.0;           // permute, two grouped products, the activation between, un-permute
  constexpr double kHeadKernels = 3.0;             // product, logits to FP32, the greatest
  double count = kHeadKernels + spec_.llm.layers;  // an attention kernel a layer
  for (const Product& product : work_.products) count += product.layers;
  for (const Product& product : work_.absorbed) count += product.layers;  // as many launches as a prompt's expansion
  for (const Pointwise& kernel : work_.pointwise) {
    if (!left_out(kernel, norms_in_reduce_of(1.0) != nullptr)) count += kernel.layers;
  }
  if (spec_.plan.tensor > 1) count += 1.0 * spec_.llm.layers + spec_.llm.dense_layers();
  if (spec_.llm.moe) {
    const double exchanges = spec_.plan.stage_chips() == 1 ? 0.0 : spreads_tokens() ? 2.0 : 1.0;
    count += spec_.llm.moe_layers() * (kExpertKernels + exchanges);
  }
  return count;
}

std::vector<Part> StepParts::head(double rows) const {
  std::vector<Part> parts;
  if (rows <= 0) return parts;
  add(parts, "head", PriceFamily::Products, 1.0, multiplied(head_, rows));
  if (spec_.plan.tensor > 1) {
    const Bytes logits{kBf16Bytes * rows * spec_.llm.vocab};
    add(parts, "gathered logits", PriceFamily::Head, 1.0, priced().all_gather(logits, spec_.network.tensor));
  }
  add(parts, "sampling", PriceFamily::Head, 1.0,
      priced().small(sampling_shape(rows, spec_.llm.vocab),
                     spec_.sampling == Sampling::TopP ? models::SmallKernel::TopP : models::SmallKernel::Sampling,
                     rows));
  if (const Seconds more = spec_.chip.kernels.head_t0; more > Seconds{0.0}) {
    add(parts, "sampling", PriceFamily::Head, 1.0, {.time = more, .outside = true});
  }
  return parts;
}

std::vector<Part> StepParts::attention(const AttentionWork& work) const {
  std::vector<Part> parts;
  const std::optional<MixedAttention> mixed = work.tokens > 0.0 ? mixed_attention(spec_) : std::nullopt;
  for (const AttentionLayers& group : attention_layers(spec_.llm)) {
    if (mixed) {
      const double ns = (*mixed)(group.seen(work, mixed_tile_rows(spec_)));
      add(parts, work.sequences > 0.0 ? "mixed attention" : "context attention", PriceFamily::ContextAttention,
          group.layers,
          {.time = Seconds{1e-9 * ns},
           .roofline = decode_layer_roofline(spec_, group, work.sequences, work.context) +
                       context_layer_roofline(spec_, group, work)});
      continue;
    }
    if (work.sequences > 0.0) {
      const double context = group.seen_context(work.sequences, work.context);
      const double longest = group.seen_longest(work.longest_context);
      add(parts, "decode attention", PriceFamily::DecodeAttention, group.layers,
          {.time = decode_layer_time(spec_, group, work.sequences, work.context),
           .roofline = decode_layer_roofline(spec_, group, work.sequences, work.context)});
      const Seconds skew = skew_layer_time(spec_, work.sequences, context, longest);
      if (skew > Seconds{}) add(parts, "unequal contexts", PriceFamily::DecodeAttention, group.layers, {.time = skew});
    }
    if (work.tokens > 0.0) {
      const bool absorbed = absorbs_prompts(spec_, work);
      add(parts, absorbed ? "absorbed attention" : "context attention", PriceFamily::ContextAttention, group.layers,
          {.time = absorbed ? absorbed_layer_time(spec_, work) : context_layer_time(spec_, group, work),
           .roofline = context_layer_roofline(spec_, group, work)});
    }
  }
  return parts;
}

Bytes StepParts::rank_weights() const {
  Bytes sum = head_.weights();
  for (const Product& product : work_.products) sum += product.weights();
  for (const Product& product : work_.absorbed) sum += product.weights();
  return sum * spec_.plan.tensor;
}

Bytes StepParts::expert_weights(double tokens) const {
  if (!spec_.llm.moe) return Bytes{0.0};
  MoeShape shape = experts_;
  shape.tokens = tokens;
  const ExpertLoad mean{.hit = expert_loads_->at(tokens).mean_hit};
  const Bytes per_chip = moe_weight_bytes(shape, mean, spec_.precision.experts);
  const double shared = spec_.plan.shared_expert_ranks;
  const ExpertLoad copy{.hit = shared > 0 ? std::min(tokens / shared, 1.0) : 0.0};
  return spec_.llm.moe_layers() * (per_chip * (spec_.plan.stage_chips() - shared) +
                                   moe_weight_bytes(shape, copy, spec_.precision.experts) * shared);
}

}  // namespace tokenyard::cost
