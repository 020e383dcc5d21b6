#include "models/cost/attention_ffn.hpp"

#include "models/base/errors.hpp"
#include "models/cost/exchange.hpp"
#include "models/cost/expert_load.hpp"
#include "models/cost/ffn_groups.hpp"
#include "models/cost/ways.hpp"

#include <algorithm>
#include <cmath>
#include <string>

namespace tokenyard::cost {
namespace {

using models::ExchangeCoefficients;
using models::ExchangeKernel;

constexpr double kPicosecondsANanosecond = 1e3;

double ns(Seconds time) { return time.value() * 1e9; }
std::int64_t ps(double nanoseconds) { return static_cast<std::int64_t>(nanoseconds * kPicosecondsANanosecond + 0.5); }

/// Products that stand on the FFN side.
bool on_ffn_side(std::string_view line) { return line == "dense ffn" || line == "shared experts"; }

double side_ns(const std::vector<Part>& parts, bool ffn) {
  Seconds sum;
  for (const Part& part : parts) {
    if (on_ffn_side(part.name) == ffn) sum += part.time;
  }
  return ns(sum);
}

/// The attention side's chips, whose plan knows no experts.
StepCostSpec attention_side(StepCostSpec spec) {
  spec.plan.expert = 1;
  spec.plan.redundant_experts = 0;
  spec.expert_load = {};
  return spec;
}

/// Nanoseconds of one way of a micro-batch of `tokens`, `bytes` each; `fullest`: load of the fullest FFN chip over the
/// mean.
double way_ns(const StepCostSpec& spec, Direction way, double tokens, Bytes bytes, double fullest) {
  const ExchangeKernel& kernel = way_kernel(spec, way);
  const ExchangeCoefficients& c = way == Direction::Dispatch ? kernel.dispatch : kernel.combine;
  const GroupLinks& links = spec.network.ffn;
  const double ranks = 1.0 * links.ranks * kernel.ranks_per_chip;
  const bool one = links.domains == 1;
  const Seconds launch = one ? c.launch + c.per_doubling * std::log2(ranks)
                             : c.across_launch + c.across_per_doubling * std::log2(1.0 * links.domains) + links.latency;
  const Bytes attention = tokens / spec.plan.chips() * bytes;
  const Bytes ffn = tokens * fullest / spec.ffn->plan.chips() * bytes;
  const BytesPerSecond rate = one ? links.port * c.eff : links.uplink * c.across_eff;
  return ns(Seconds{p_norm(launch.value(), (std::max(attention, ffn) / rate).value(), c.norm)});
}

std::uint32_t all_tokens(const StepCostSpec& spec) { return GraphPadding(spec).largest() * spec.plan.attention_data; }

using Layer = std::array<models::StageLayers, 2>;
constexpr Layer kLayers{models::StageLayers{.dense = 1}, models::StageLayers{.moe = 1}};

/// Tables for dense and MoE layers.
template <class Price>
std::array<TokenTable, 2> tables(std::uint32_t most, Price price) {
  const auto table = [&](std::size_t kind) {
    return TokenTable(most, [&price, kind](double tokens) { return tokens > 0.0 ? price(kind, tokens) : 0.0; });
  };
  return {table(0), table(1)};
}

std::array<TokenTable, 2> way_tables(const StepCostSpec& spec, Direction way) {
  // As in steps of chips that have both: exchange tables are taken with even loads, and so priced where nobody says
  // one.
  const bool even = spec.expert_load.routing == models::Routing::Fitted;
  const models::ParallelPlan& plan = spec.ffn->plan;
  const ExpertLoads loads(routing_of(spec.expert_load, *spec.llm.moe, plan.redundant_experts), spec.llm.moe->experts,
                          spec.llm.moe->top_k, plan.expert);
  return tables(all_tokens(spec), [&](std::size_t kind, double tokens) {
    const double fullest = kind == 0 || even ? 1.0 : loads.at(tokens).rows;
    return way_ns(spec, way, tokens, way_bytes(spec, way, kind == 1), fullest);
  });
}

/// The m-th part of a rank's attention; its longest sequence is in every part.
AttentionWork part_of(AttentionWork work, double parts) {
  work.sequences /= parts;
  work.context /= parts;
  work.chunks /= parts;
  work.tokens /= parts;
  work.area_x2 /= parts;
  work.keys /= parts;
  return work;
}

LatentWork part_of(LatentWork work, std::uint32_t parts) {
  return {.rows = (work.rows + parts - 1) / parts,
          .tokens = (work.tokens + parts - 1) / parts,
          .keys = (work.keys + parts - 1) / parts};
}

double product_bytes(const StepCostSpec& spec, bool ffn) {
  Bytes sum;
  const LayerWork work = layer_work(spec.llm, spec.plan, spec.precision);
  for (const Product& product : work.products) {
    if (on_ffn_side(product.line) == ffn) sum += product.weights();
  }
  for (const Product& product : work.absorbed) {
    if (!ffn) sum += product.weights();
  }
  return sum.value();
}

void check(const StepCostSpec& spec) {
  if (!spec.llm.moe) throw SpecError("ffn", "stands apart for MoE models only; " + spec.llm.name + " is dense");
  if (spec.ffn->micro_batches < 1 || spec.ffn->micro_batches > kMostMicroBatches) {
    throw SpecError("ffn.micro_batches", "must be from 1 to " + std::to_string(kMostMicroBatches));
  }
}

/// spec, once it can be priced.
const StepCostSpec& checked(const StepCostSpec& spec) {
  expect(spec.ffn.has_value(), "there is an FFN side");
  check(spec);
  return spec;
}

}  // namespace

AttentionFfn::AttentionFfn(const StepCostSpec& spec)
    : spec_(checked(spec)),
      graphs_(spec),
      latents_(attention_side(spec), StepParts(attention_side(spec)), graphs_.largest()),
      attention_(spec),
      local_(tables(graphs_.largest(),
                    [parts = StepParts(attention_side(spec))](std::size_t kind, double tokens) {
                      return side_ns(parts.local(tokens, kLayers[kind]), false);
                    })),
      send_(way_tables(spec, Direction::Dispatch)),
      ffn_(tables(all_tokens(spec),
                  [shared = StepParts(ffn_side(spec)), routed = StepParts(expert_side(spec)), &spec](std::size_t kind,
                                                                                                     double tokens) {
                    const double own = tokens / spec.ffn->plan.attention_data;
                    const double whole = side_ns(shared.local(own, kLayers[kind]), true);
                    return kind == 0 ? whole : whole + ns(total(routed.experts(tokens))) / spec.llm.moe_layers();
                  })),
      share_(tables(all_tokens(spec),
                    [&spec](std::size_t kind, double tokens) { return ns(group_time(spec, tokens, kind == 1)); })),
      back_(way_tables(spec, Direction::Combine)),
      ffn_sent_{group_bytes(spec, false), group_bytes(spec, true)},
      tensor_(graphs_.largest(),
              [side = attention_side(spec)](double tokens) { return cost::tensor_load(side, tokens); }),
      head_(graphs_.largest(),
            [parts = StepParts(attention_side(spec))](double rows) { return ns(total(parts.head(rows))); }),
      expert_weights_(all_tokens(spec), [parts = StepParts(expert_side(spec))](
                                            double tokens) { return parts.expert_weights(tokens).value(); }),
      rank_weights_(product_bytes(attention_side(spec), false) * spec.plan.tensor),
      shared_weights_(product_bytes(ffn_side(spec), true) * spec.ffn->plan.chips()) {}

AttentionFfn::Load AttentionFfn::load(std::span<const StepShape> ranks) const {
  const bool padded = graphs_.pads(ranks);
  const std::uint32_t common = graphs_.common(ranks, padded);
  Load load;
  std::uint32_t sequences = 0;
  const auto own = [&](const StepShape& shape) { return common > 0 ? common : graphs_.tokens(shape, padded); };
  for (const StepShape& shape : ranks) {
    load.tokens += own(shape);
    load.largest = std::max(load.largest, own(shape));
    sequences = std::max(sequences, shape.decodes + shape.chunks);
    load.head = std::max(load.head, head_(graphs_.rows(shape)));
  }
  expect(load.largest > 0, "a step has a token");
  load.micro_batches = std::min(spec_.ffn->micro_batches, load.largest);
  const auto share = [&](std::uint32_t tokens) { return (tokens + load.micro_batches - 1) / load.micro_batches; };
  double attention = 0.0;  // of a layer and micro-batch, of the rank with the most
  for (const StepShape& shape : ranks) {
    const double all_layers = attention_(part_of(attention_work(shape), load.micro_batches)) +
                              latents_(part_of(latent_work(shape, own(shape)), load.micro_batches));
    attention = std::max(attention, all_layers / spec_.llm.layers);
  }
  load.together = share(load.tokens);
  for (std::size_t kind = 0; kind < 2; ++kind) {
    load.layers[kind] = {.layers = kind == 0 ? spec_.llm.dense_layers() : spec_.llm.moe_layers(),
                         .trip = {.attention = ps(local_[kind](share(load.largest)) + attention),
                                  .send = ps(send_[kind](load.together)),
                                  .ffn = ps(ffn_[kind](load.together)),
                                  .back = ps(back_[kind](load.together)),
                                  .share = ps(share_[kind](load.together))}};
  }
  load.host = ns(spec_.host.per_step) + ns(spec_.host.per_sequence) * sequences;
  return load;
}

SimTime AttentionFfn::price(const Load& load) const {
  const double chips =
      static_cast<double>(round_trips(load.layers, load.micro_batches)) / kPicosecondsANanosecond + load.head;
  const double both = spec_.host.overlapped ? std::max(chips, load.host) : chips + load.host;
  return SimTime{std::max<std::int64_t>(1, static_cast<std::int64_t>(both + 0.5))};
}

SimTime AttentionFfn::step(std::span<const StepShape> ranks) const { return price(load(ranks)); }

SimTime AttentionFfn::exposed(std::span<const StepShape> ranks) const {
  Load step = load(ranks);
  const SimTime all = price(step);
  for (LayerTrips& group : step.layers) group.trip.send = group.trip.back = group.trip.share = 0;
  return all - price(step);
}

SimTime AttentionFfn::longer(std::span<const StepShape> ranks, Seconds out, Seconds back) const {
  Load step = load(ranks);
  const SimTime alone = price(step);
  const double ways = 1.0 * spec_.llm.layers * step.micro_batches;
  for (LayerTrips& group : step.layers) {
    group.trip.send += ps(ns(out) / ways);
    group.trip.back += ps(ns(back) / ways);
  }
  return price(step) - alone;
}

/// That an attention chip sends, or gets back, in one layer of one micro-batch.
Bytes AttentionFfn::way_bytes_of(const Load& load, Direction way, bool moe) const {
  return 1.0 * load.together / spec_.plan.chips() * way_bytes(spec_, way, moe);
}

Communication AttentionFfn::communication(std::span<const StepShape> ranks) const {
  const Load step = load(ranks);
  Communication sent{.tensor = tensor_(step.tokens / spec_.plan.attention_data)};
  const bool inside = spec_.network.ffn.domains == 1;
  const FlowCount to_all{.inside = 1.0 * spec_.ffn->plan.chips(), .across = 1.0 * spec_.ffn->plan.chips()};
  for (std::size_t kind = 0; kind < 2; ++kind) {
    const double times = 1.0 * step.layers[kind].layers * step.micro_batches;
    const auto bytes = [&](Direction way) {
      const Bytes all = way_bytes_of(step, way, kind == 1);
      return inside ? PortBytes{.inside = all} : PortBytes{.across = all};
    };
    sent.ways.out.add(times, bytes(Direction::Dispatch), to_all);
    sent.ways.back.add(times, bytes(Direction::Combine), to_all);
  }
  return sent;
}

CollectiveBytes AttentionFfn::bytes(std::span<const StepShape> ranks) const {
  const double chips = spec_.plan.chips();
  const Communication sent = communication(ranks);
  const Load step = load(ranks);
  PortBytes ffn;
  for (std::size_t kind = 0; kind < 2; ++kind) {
    const double tokens = 1.0 * step.layers[kind].layers * step.micro_batches * step.together;
    ffn.inside += tokens * ffn_sent_[kind].inside;
    ffn.across += tokens * ffn_sent_[kind].across;
  }
  CollectiveBytes sum;
  sum[Sender::Tensor] = of_chips(sent.tensor.sent, chips);
  sum[Sender::Out] = of_chips(sent.ways.out.sent, chips);
  sum[Sender::Back] = of_chips(sent.ways.back.sent, chips);
  sum[Sender::Ffn] = of_chips(ffn, 1.0);
  return sum;
}

std::optional<StepTrips> AttentionFfn::trips(std::span<const StepShape> ranks) const {
  const Load step = load(ranks);
  StepTrips trips{.layers = step.layers,
                  .micro_batches = step.micro_batches,
                  .head = SimTime::from(Seconds{step.head * 1e-9}),
                  .host = SimTime::from(Seconds{step.host * 1e-9}),
                  .host_overlapped = spec_.host.overlapped};
  for (std::size_t kind = 0; kind < 2; ++kind) {
    trips.way_bytes[kind] = {way_bytes_of(step, Direction::Dispatch, kind == 1),
                             way_bytes_of(step, Direction::Combine, kind == 1)};
  }
  return trips;
}

std::array<Roofline, 3> AttentionFfn::rooflines(std::span<const StepShape> ranks) const {
  const Load step = load(ranks);
  const auto share = [&](double tokens) { return std::ceil(tokens / step.micro_batches); };
  const StepParts attention(attention_side(spec_));
  const StepParts shared(ffn_side(spec_));
  const StepParts routed(expert_side(spec_));
  std::array<Roofline, 3> sums;
  const auto add = [](Roofline& sum, const std::vector<Part>& parts, bool ffn, double times) {
    for (const Part& part : parts) {
      if (on_ffn_side(part.name) == ffn) sum += times * part.roofline;
    }
  };
  for (std::size_t kind = 0; kind < 2; ++kind) {
    const double layers = step.layers[kind].layers;
    add(sums[0], attention.local(share(step.largest), kLayers[kind]), false, layers);
    add(sums[1], shared.local(1.0 * step.together / spec_.ffn->plan.attention_data, kLayers[kind]), true, layers);
  }
  for (const Part& part : routed.experts(step.together)) sums[1] += part.roofline;
  Roofline widest;  // of the rank that waits for its attention the longest
  double longest = -1.0;
  const bool padded = graphs_.pads(ranks);
  const std::uint32_t common = graphs_.common(ranks, padded);
  for (const StepShape& shape : ranks) {
    const AttentionWork part = part_of(attention_work(shape), step.micro_batches);
    const std::uint32_t own = common > 0 ? common : graphs_.tokens(shape, padded);
    const LatentWork latents = part_of(latent_work(shape, own), step.micro_batches);
    if (const double time = attention_(part) + latents_(latents); time > longest) {
      longest = time;
      widest = as_one("", attention.attention(part)).roofline;
      widest += as_one("", attention.latents(latents)).roofline;
    }
    if (head_(graphs_.rows(shape)) >= step.head) sums[2] = as_one("", attention.head(graphs_.rows(shape))).roofline;
  }
  sums[0] += widest;
  return sums;
}

std::vector<CostLine> AttentionFfn::explain(std::span<const StepShape> ranks) const {
  const Load step = load(ranks);
  LayerTrip sum;
  for (const LayerTrips& group : step.layers) {
    sum.attention += group.layers * group.trip.attention;
    sum.send += group.layers * group.trip.send;
    sum.ffn += group.layers * group.trip.ffn;
    sum.back += group.layers * group.trip.back;
    sum.share += group.layers * group.trip.share;
  }
  const std::int64_t alone = sum.attention + sum.send + sum.ffn + sum.share + sum.back;
  const std::int64_t all = round_trips(step.layers, step.micro_batches);
  const auto line = [](const char* name, std::int64_t picoseconds, const Roofline& roofline = {}) {
    return CostLine{.name = name, .time = Seconds{1e-12 * static_cast<double>(picoseconds)}, .roofline = roofline};
  };
  const auto [on_attention, on_ffn, on_head] = rooflines(ranks);
  std::vector<CostLine> lines{line("attention chips", sum.attention, on_attention), line("way out", sum.send),
                              line("ffn chips", sum.ffn, on_ffn)};
  if (sum.share > 0) lines.push_back(line("between ffn chips", sum.share));
  lines.push_back(line("way back", sum.back));
  lines.push_back(line("behind micro-batches", all - alone));
  lines.push_back({.name = "head", .time = Seconds{1e-9 * step.head}, .roofline = on_head});
  const double chips = static_cast<double>(all) / kPicosecondsANanosecond + step.head;
  const double host = spec_.host.overlapped ? std::max(step.host - chips, 0.0) : step.host;
  if (host > 0.0) lines.push_back({.name = "host", .time = Seconds{1e-9 * host}});
  return lines;
}

Bytes AttentionFfn::traffic(std::span<const StepShape> ranks) const {
  const Load step = load(ranks);
  double weights = shared_weights_ + expert_weights_(step.together);
  double cache = 0.0;
  const double token = kv_bytes_per_layer(spec_.llm, spec_.plan, spec_.precision.kv).value() * spec_.plan.tensor;
  for (const StepShape& shape : ranks) {
    if (shape.tokens() > 0) weights += rank_weights_;
    if (shape.decodes == 0) continue;
    for (const AttentionLayers& group : attention_layers(spec_.llm)) {
      cache += token * group.layers * group.seen_context(shape.decodes, static_cast<double>(shape.decode_context));
    }
  }
  return Bytes{std::floor(weights * step.micro_batches + cache + 0.5)};
}

Bytes AttentionFfn::attention_weights(const models::LlmSpec& llm, const models::ParallelPlan& plan,
                                      const models::Precision& precision) {
  const models::Parameters p = models::count_parameters(llm);
  models::ParallelPlan alone = plan;
  alone.expert = 1;
  alone.redundant_experts = 0;
  const double ffn =
      llm.dense_layers() * p.dense_ffn_per_layer / plan.tensor * models::weight_bytes(precision.of_ffn()) +
      llm.moe_layers() * (p.shared_per_layer / plan.tensor * models::weight_bytes(precision.of_ffn()) +
                          llm.moe->experts * p.expert / alone.stage_chips() * models::weight_bytes(precision.experts));
  return models::weight_bytes_per_chip(llm, alone, precision) - Bytes{ffn};
}

Bytes AttentionFfn::ffn_weights(const models::LlmSpec& llm, const models::ParallelPlan& side,
                                const models::Precision& precision) {
  const models::Parameters p = models::count_parameters(llm);
  const double whole = llm.dense_layers() * p.dense_ffn_per_layer + llm.moe_layers() * p.shared_per_layer;
  const double held = 1.0 * llm.moe->experts + side.redundant_experts;
  const double dealt = llm.moe_layers() * held * p.expert / side.chips();
  return Bytes{whole / side.tensor * models::weight_bytes(precision.of_ffn()) +
               dealt * models::weight_bytes(precision.experts)};
}

}  // namespace tokenyard::cost
