#include "models/cost/kernels.hpp"
#include "models/device/attention_kernels.hpp"
#include "models/fit/by_cache.hpp"
#include "models/fit/families.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Grouped-query attention. A row is one batch of equal sequences: `context` and `tokens` are of each of them, the whole
// of a windowed layer too.
namespace tokenyard::fit {
namespace {

using models::AcceleratorSpec;
using models::ContextAttentionCoefficients;
using models::ContextHeads;
using models::DecodeAttentionCoefficients;
using models::DecodeHeads;
using models::Dtype;

constexpr auto kTime = Parameter::Unit::Time;
constexpr auto kNumber = Parameter::Unit::Number;
constexpr auto kSize = Parameter::Unit::Size;

enum Figure : std::size_t { Sequences, Length, Heads, KvHeads, HeadDim, Window };

constexpr double kWidestGroup = 16.0;  // larger ones run other kernels, 2 to 50 times slower or faster
constexpr double kLargestHead = 256.0;

/// Heads of a row; rows of windowed layers have one figure more.
models::HeadShape heads_of(std::span<const double> shape) {
  return {.head_dim = shape[HeadDim],
          .group = shape[Heads] / shape[KvHeads],
          .windowed = shape.size() > Window && shape[Window] <= models::kShortWindow};
}

bool in_groups(std::span<const double> shape) {
  const double group = shape[Heads] / shape[KvHeads];
  return group >= 2.0 && group <= kWidestGroup;
}

/// Libraries that split contexts compile a kernel for a size of heads and groups; others have one for all.
bool told_apart(const AcceleratorSpec& chip) { return chip.kernels.attention_split.keys > 0.0; }

bool counts_waves(const AcceleratorSpec& chip) { return told_apart(chip) && chip.kernels.multiprocessors > 0.0; }

/// Thread blocks that an SM may hold at once. That of single heads holds four by its code (cost::DecodeGrid).
std::vector<double> blocks_of(std::optional<DecodeHeads> kind) {
  if (kind == DecodeHeads::Single) return {4.0};
  return {1.0, 2.0, 3.0, 4.0};
}

/// Whether TensorRT-LLM takes its older kernel, that of single heads with a block for each query head: XQA would have
/// fewer blocks than a quarter of the multiprocessors (kEnableMinBlockFactor in decoderXQAConstants.h). The tables with
/// an FP8 cache do not show it.
bool too_few_blocks(std::span<const double> shape, const AcceleratorSpec& chip) {
  constexpr double kOfMultiprocessors = 4.0;
  if (!counts_waves(chip)) return false;
  const double parts = std::max(1.0, std::floor(shape[Length] / chip.kernels.attention_split.keys));
  return kOfMultiprocessors * shape[Sequences] * shape[KvHeads] * parts < chip.kernels.multiprocessors;
}

/// Its place, and where its rows and coefficients are: of `kind` of heads, or of those that no kind has to itself.
void place(Family& family, const std::string& group, std::string_view kind, Dtype kv, bool windowed) {
  const std::string format{name(kv)};
  if (kind.empty()) {
    family.place = group + "." + format;
  } else {
    family.place = group + "." + std::string(kind) + "." + format;
    family.keys = {group, std::string(kind), format};
    family.rows_at = group + (windowed ? "_windowed." : ".") + format;
  }
  if (windowed) family.shape.emplace_back("window");
}

double seen(std::span<const double> shape) {
  return shape.size() > Window ? std::min(shape[Length], shape[Window]) : shape[Length];
}

cost::DecodeAttentionShape decode_shape(std::span<const double> s) {
  return {.sequences = s[Sequences],
          .context = s[Sequences] * seen(s),
          .heads = s[Heads],
          .kv_heads = s[KvHeads],
          .head_dim = s[HeadDim],
          .windowed = heads_of(s).windowed,
          .unseen = s[Sequences] * (s[Length] - seen(s))};
}

cost::ContextAttentionShape context_shape(std::span<const double> s) {
  const double area = s[Length] * (s.size() > Window ? std::min(s[Length], 2.0 * s[Window]) : s[Length]);
  return {.tokens = s[Sequences] * s[Length],
          .area_x2 = s[Sequences] * area,
          .longest = seen(s),
          .heads = s[Heads],
          .kv_heads = s[KvHeads],
          .head_dim = s[HeadDim],
          .windowed = heads_of(s).windowed};
}

DecodeAttentionCoefficients decode_coefficients(std::span<const double> values) {
  return {.t0 = Seconds{values[0]},
          .eff_bw = values[1],
          .p = values[2],
          .per_head = Seconds{values[3]},
          .per_part = Seconds{values[6]},
          .resident = values[7],
          .last_wave = values[8],
          .repeated = {.below = Bytes{values[4]}, .share = values[5]}};
}

/// `kind`: absent for the kernel of heads that have none to themselves.
Family decode_family(std::optional<DecodeHeads> kind, Dtype kv) {
  Family family;
  family.shape = {"sequences", "context", "heads", "kv_heads", "head_dim"};
  const bool windowed = kind == DecodeHeads::Heads64Window || kind == DecodeHeads::Heads192Window;
  place(family, "attention_decode", kind ? name(*kind) : std::string_view{}, kv, windowed);
  family.parameters = {
      {"t0", kTime, 10e-6, 1e-6, 60e-6},
      {"eff_bw", kNumber, 0.85, 0.2, 1.0},
      {"p", kNumber, 0.9, 0.3, 4.0},
      {.key = "per_head", .unit = kTime, .highest = 0.1e-6, .term = 1, .trial = 5e-9},
      {.key = "repeated.below",
       .unit = kSize,
       .start = 80e6,
       .lowest = 16e6,
       .highest = 160e6,
       .term = 2,
       .trial = 80e6},
      {.key = "repeated.share", .start = 1.0, .lowest = 0.05, .highest = 1.0, .term = 2, .trial = 0.5},
      {.key = "per_part", .unit = kTime, .highest = 0.1e-6, .term = 1, .trial = 5e-9, .of_chip = told_apart},
      {.key = "resident", .highest = 8.0, .term = 1, .choices = blocks_of(kind), .of_chip = counts_waves},
      {.key = "last_wave", .highest = 1.0, .term = 1, .trial = 0.7, .of_chip = counts_waves}};
  family.time = [kv](std::span<const double> values, std::span<const double> s, const AcceleratorSpec& chip) {
    return cost::repeated_time(decode_shape(s), kv, decode_coefficients(values), chip);
  };
  family.roofline = [kv](std::span<const double> s, const AcceleratorSpec& chip) {
    return cost::attention_roofline(decode_shape(s), kv, chip);
  };
  family.serves = [kind](std::span<const double> shape, const AcceleratorSpec& chip) {
    if (shape[Length] < 128.0 || shape[Sequences] > 512.0) return false;
    const models::HeadShape heads = heads_of(shape);
    if (heads.group > kWidestGroup || heads.head_dim > kLargestHead) return false;
    return !told_apart(chip) || models::decode_heads(heads) == kind;
  };
  if (kind) family.told_apart = told_apart;
  if (kv == Dtype::Bf16 && kind != DecodeHeads::Single) family.of_another = too_few_blocks;
  family.stored = [kind, kv](const models::KernelSet& kernels) -> std::optional<std::vector<double>> {
    const auto format = static_cast<std::size_t>(kv);
    const auto& c =
        kind ? kernels.decode_by_heads[static_cast<std::size_t>(*kind)][format] : kernels.decode_attention[format];
    if (!c) return std::nullopt;
    return std::vector{
        c->t0.value(),     c->eff_bw,           c->p,        c->per_head.value(), c->repeated.below.value(),
        c->repeated.share, c->per_part.value(), c->resident, c->last_wave};
  };
  return family;
}

ContextAttentionCoefficients context_coefficients(std::span<const double> values) {
  return {.t0 = Seconds{values[0]},
          .eff_flops = values[1],
          .eff_io = values[2],
          .p = values[3],
          .tile_keys = values[4],
          .softmax_dim = values[5],
          .tile_dim = values[6],
          .tile_rows = values[7],
          .last_tiles = values[8],
          .alone = values[9]};
}

Family context_family(std::optional<ContextHeads> kind, Dtype kv) {
  Family family;
  family.shape = {"sequences", "tokens", "heads", "kv_heads", "head_dim"};
  const bool windowed = kind == ContextHeads::Window;
  place(family, "attention_context", kind ? name(*kind) : std::string_view{}, kv, windowed);
  family.parameters = {{"t0", kTime, 14e-6, 1e-6, 60e-6},
                       {"eff_flops", kNumber, 0.6, 0.05, 4.0},
                       {"eff_io", kNumber, 0.5, 0.05, 1.0},
                       {.key = "p", .start = 1.0, .lowest = 0.4, .highest = 4.0, .term = 1, .trial = 0.8},
                       {.key = "tile_keys", .highest = 2000.0, .term = 1, .trial = 300.0},
                       {.key = "softmax_dim", .highest = 128.0, .term = 2, .told_by = "head_dim", .trial = 40.0},
                       {.key = "tile_dim", .highest = 1000.0, .term = 5, .told_by = "head_dim", .trial = 80.0},
                       tile_rows(),
                       last_tiles(),
                       alone()};
  family.time = [](std::span<const double> values, std::span<const double> s, const AcceleratorSpec& chip) {
    return cost::context_time(context_shape(s), context_coefficients(values), chip);
  };
  family.roofline = [kv](std::span<const double> s, const AcceleratorSpec& chip) {
    cost::ContextAttentionShape shape = context_shape(s);
    shape.area_x2 = s[Sequences] * seen(s) * (2.0 * s[Length] - seen(s));  // exactly what a window leaves
    return cost::attention_roofline(shape, 0.0, kv, chip);
  };
  family.serves = [kind](std::span<const double> shape, const AcceleratorSpec&) {
    return in_groups(shape) && shape[HeadDim] <= kLargestHead && shape[Length] >= 64.0 &&
           models::context_heads(heads_of(shape)) == kind;
  };
  family.stored = [kind, kv](const models::KernelSet& kernels) -> std::optional<std::vector<double>> {
    const auto format = static_cast<std::size_t>(kv);
    const auto& c =
        kind ? kernels.context_by_heads[static_cast<std::size_t>(*kind)][format] : kernels.context_attention[format];
    if (!c) return std::nullopt;
    return std::vector{c->t0.value(),  c->eff_flops, c->eff_io,    c->p,          c->tile_keys,
                       c->softmax_dim, c->tile_dim,  c->tile_rows, c->last_tiles, c->alone};
  };
  return family;
}

/// Those of heads that have no kernel to themselves, then of each kind; each with a cache in BF16 and in FP8.
template <class Kind, std::size_t kKinds>
void add_all(std::vector<Family>& families, Family (*family)(std::optional<Kind>, Dtype)) {
  for (std::size_t i = 0; i <= kKinds; ++i) {
    const auto kind = i == 0 ? std::nullopt : std::optional(static_cast<Kind>(i - 1));
    for (const Dtype kv : {Dtype::Bf16, Dtype::Fp8}) families.push_back(of_cache(family(kind, kv)));
  }
}

}  // namespace

std::vector<Family> attention_families() {
  std::vector<Family> families;
  add_all<DecodeHeads, models::kDecodeHeads>(families, decode_family);
  add_all<ContextHeads, models::kContextHeads>(families, context_family);
  return families;
}

}  // namespace tokenyard::fit
