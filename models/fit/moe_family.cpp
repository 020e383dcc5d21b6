#include "models/cost/expert_load.hpp"
#include "models/cost/kernels.hpp"
#include "models/cost/roofline.hpp"
#include "models/fit/families.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

// The routed experts of one layer on the busiest rank, gated. A row is what one rank of `expert_ranks` computes when
// `tokens` tokens, all of which it holds, choose `top_k` of `experts`; `inner` is what is left of an expert's inner
// size after a split. `skew` is the exponent of the power law that the experts' loads were drawn from; 0: dealt in
// turn.
namespace tokenyard::fit {
namespace {

using cost::ExpertRouting;
using models::AcceleratorSpec;
using models::GemmKind;
using models::MoeCoefficients;

constexpr auto kTime = Parameter::Unit::Time;

// Tokens first and what else the load depends on, so that rows in order of shape share it.
enum Figure : std::size_t { Tokens, Experts, TopK, ExpertRanks, Skew, Hidden, Inner, Rows, Hit };
constexpr std::size_t kLoadFigures = 5;
// Tables that tell how many experts were hit have the first four, no skew, and then these.
enum ToldFigure : std::size_t { ToldHidden = 4, ToldHit = 6 };

/// The layer of a row, whose hidden size stands at `hidden` and the inner size behind it.
cost::MoeShape layer_of(std::span<const double> s, std::size_t hidden) {
  return {.tokens = s[Tokens],
          .hidden = s[hidden],
          .inner = s[hidden + 1],
          .experts = s[Experts],
          .top_k = s[TopK],
          .expert_ranks = s[ExpertRanks]};
}

std::vector<double> busiest_rank(std::span<const double> shape) {
  ExpertRouting routing{.alpha = shape[Skew]};
  if (shape[Skew] <= 0.0) routing.kind = ExpertRouting::Kind::Balanced;
  const auto count = [&](Figure figure) { return static_cast<std::uint32_t>(shape[figure]); };
  const cost::ExpertLoad load =
      cost::expert_load(routing, count(Experts), count(TopK), count(ExpertRanks), shape[Tokens]);
  return {load.rows, load.hit};
}

/// The terms that every table can tell apart.
std::vector<Parameter> first_parameters() {
  return {{"t0", kTime, 28e-6, 1e-6, 120e-6},
          {.key = "eff_flops", .start = 0.7, .lowest = 0.05, .highest = 1.0},
          {.key = "eff_bw", .start = 0.8, .lowest = 0.1, .highest = 1.0},
          {.key = "p", .start = 1.5, .lowest = 0.6, .highest = 20.0},
          {.key = "act_io", .start = 2.0, .lowest = 0.0, .highest = 12.0}};
}

/// The others, of tables with many shapes.
std::vector<Parameter> further_parameters() {
  return {{.key = "per_local_expert", .unit = kTime, .start = 0.1e-6, .highest = 1e-6},
          {.key = "per_hit_expert", .unit = kTime, .start = 0.1e-6, .highest = 1e-6},
          {.key = "per_token", .unit = kTime, .start = 2e-9, .highest = 100e-9},
          {.key = "tile_rows", .start = 20.0, .highest = 128.0}};
}

/// TensorRT-LLM runs Triton's kernels for MXFP4 with BF16 activations where the chip cannot multiply FP4, its own
/// elsewhere (get_moe_cls).
bool runs_triton(const AcceleratorSpec& chip) {
  return !chip.peak[static_cast<std::size_t>(models::Dtype::Fp4)].has_value();
}

/// Of kernels that choose tiles by the rows of the mean expert, in place of tile_rows.
std::vector<Parameter> tile_parameters() {
  return {{.key = "tile_most", .highest = 128.0, .choices = {128.0}, .of_chip = runs_triton},
          {.key = "tile_fill", .highest = 1.5, .of_chip = runs_triton},
          {.key = "per_tile_row", .unit = kTime, .highest = 2e-6, .of_chip = runs_triton}};
}

std::vector<Parameter> all_parameters() {
  std::vector<Parameter> all = first_parameters();
  for (const Parameter& more : further_parameters()) all.push_back(more);
  return all;
}

std::vector<double> values_of(const MoeCoefficients& moe, std::size_t parameters) {
  std::vector<double> values{moe.t0.value(),
                             moe.eff_flops,
                             moe.eff_bw,
                             moe.p,
                             moe.act_io,
                             moe.per_local_expert.value(),
                             moe.per_hit_expert.value(),
                             moe.per_token.value(),
                             moe.tile_rows,
                             moe.tile_most,
                             moe.tile_fill,
                             moe.per_tile_row.value()};
  values.resize(parameters);
  return values;
}

/// `values` of first_parameters(), and of the further ones and those of tiles where they are there.
MoeCoefficients coefficients(std::span<const double> values) {
  MoeCoefficients moe{
      .t0 = Seconds{values[0]}, .eff_flops = values[1], .eff_bw = values[2], .p = values[3], .act_io = values[4]};
  if (values.size() > 5) {
    moe.per_local_expert = Seconds{values[5]};
    moe.per_hit_expert = Seconds{values[6]};
    moe.per_token = Seconds{values[7]};
    moe.tile_rows = values[8];
  }
  if (values.size() > 9) {
    moe.tile_most = values[9];
    moe.tile_fill = values[10];
    moe.per_tile_row = Seconds{values[11]};
  }
  return moe;
}

std::function<bool(const AcceleratorSpec&)> has_peak_of(GemmKind kind) {
  return [kind](const AcceleratorSpec& chip) {
    return chip.peak[static_cast<std::size_t>(models::compute_dtype(kind))].has_value();
  };
}

Family moe_family(GemmKind kind) {
  Family family;
  family.place = "moe." + std::string(name(kind));
  family.parameters = all_parameters();
  if (kind == GemmKind::W4a16) {
    Parameter& tile_rows = family.parameters.back();
    tile_rows.start = 0.0;
    tile_rows.of_chip = [](const AcceleratorSpec& chip) { return !runs_triton(chip); };
    for (const Parameter& parameter : tile_parameters()) family.parameters.push_back(parameter);
  }
  family.shape = {"tokens", "experts", "top_k", "expert_ranks", "skew", "hidden", "inner"};
  family.derived = {.of_first = kLoadFigures, .figures = busiest_rank};
  family.time = [kind](std::span<const double> values, std::span<const double> s, const AcceleratorSpec& chip) {
    return cost::moe_time(layer_of(s, Hidden), {.rows = s[Rows], .hit = s[Hit]}, kind, coefficients(values), chip);
  };
  // Layers of models from 30 to 1,000 billion parameters; a slice of an expert below 128 is no split that anybody runs.
  family.serves = [](std::span<const double> shape, const AcceleratorSpec&) {
    return shape[Hidden] >= 2048.0 && shape[Inner] >= 128.0;
  };
  family.stored = [kind, parameters = family.parameters.size()](
                      const models::KernelSet& kernels) -> std::optional<std::vector<double>> {
    const auto& moe = kernels.moe[static_cast<std::size_t>(kind)];
    if (!moe) return std::nullopt;
    return values_of(*moe, parameters);
  };
  family.expected_load = true;
  family.roofline = [kind](std::span<const double> s, const AcceleratorSpec& chip) {
    return cost::experts_roofline(layer_of(s, Hidden), {.rows = s[Rows], .hit = s[Hit]}, kind, chip);
  };
  family.suits = has_peak_of(kind);
  return family;
}

/// The grouped products of experts alone, whose coefficients are those of whole experts: beside them these launch as
/// many kernels as StepParts counts, each at the floor of the chip's small kernels, and move what act_io and per_token
/// say, of which such a table knows nothing. Every expert that a rank holds is hit.
Family products_family(GemmKind kind) {
  constexpr double kOtherKernels = 3.0;  // permute, the activation between, un-permute
  Family family;
  family.place = "moe." + std::string(name(kind));
  family.rows_at = "grouped products." + std::string(name(kind));
  family.shape = {"tokens", "experts", "top_k", "expert_ranks", "hidden", "inner", "hit"};
  for (Parameter parameter : all_parameters()) {
    if (parameter.key == "act_io" || parameter.key == "per_token") continue;
    if (parameter.key == "per_local_expert") {  // no row tells it from those that are hit
      parameter.start = 0.0;
      parameter.of_chip = [](const AcceleratorSpec&) { return false; };
    }
    if (parameter.key == "per_hit_expert") parameter.highest = 5e-6;
    family.parameters.push_back(parameter);
  }
  const auto whole = [](std::span<const double> v) {
    return std::vector{v[0], v[1], v[2], v[3], 0.0, v[4], v[5], 0.0, v[6]};
  };
  family.time = [kind, whole](std::span<const double> values, std::span<const double> s, const AcceleratorSpec& chip) {
    const Seconds time = cost::moe_time(layer_of(s, ToldHidden), {.rows = 1.0, .hit = s[ToldHit]}, kind,
                                        coefficients(whole(values)), chip);
    return std::max(time - kOtherKernels * chip.kernels.small.other.t0, Seconds{1e-9});
  };
  family.expected_load = true;
  family.roofline = [kind](std::span<const double> s, const AcceleratorSpec& chip) {
    cost::Roofline roofline =
        cost::experts_roofline(layer_of(s, ToldHidden), {.rows = 1.0, .hit = s[ToldHit]}, kind, chip);
    roofline.bytes = {};  // those of the kernels beside the products are among them
    roofline.memory = {};
    return roofline;
  };
  family.serves = [](std::span<const double>, const AcceleratorSpec&) { return true; };
  family.stored = [kind](const models::KernelSet& kernels) -> std::optional<std::vector<double>> {
    const auto& moe = kernels.moe[static_cast<std::size_t>(kind)];
    if (!moe) return std::nullopt;
    const std::vector<double> v = values_of(*moe, all_parameters().size());
    return std::vector{v[0], v[1], v[2], v[3], v[5], v[6], v[8]};
  };
  family.suits = has_peak_of(kind);
  return family;
}

/// Experts of a library: how many of them were hit stands in its tables. From the few rows that people publish (`few`)
/// only the terms that such a table can tell apart are fitted.
Family library_family(const std::string& library, GemmKind kind, bool few) {
  Family family;
  family.place = "moe_of." + library + "." + std::string(name(kind));
  family.keys = {"moe_of", library, std::string(name(kind))};
  family.fewest = 12;
  family.hold_every = 4;
  family.parameters = few ? first_parameters() : all_parameters();
  for (Parameter& parameter : family.parameters) {
    if (parameter.key != "per_local_expert") continue;
    parameter.start = 0.0;
    parameter.told_by = "experts";  // else no row tells it from t0
  }
  family.shape = {"tokens", "experts", "top_k", "expert_ranks", "hidden", "inner", "hit"};
  family.time = [kind](std::span<const double> values, std::span<const double> s, const AcceleratorSpec& chip) {
    return cost::moe_time(layer_of(s, ToldHidden), {.rows = 1.0, .hit = s[ToldHit]}, kind, coefficients(values), chip);
  };
  family.expected_load = true;
  family.roofline = [kind](std::span<const double> s, const AcceleratorSpec& chip) {
    return cost::experts_roofline(layer_of(s, ToldHidden), {.rows = 1.0, .hit = s[ToldHit]}, kind, chip);
  };
  family.serves = [](std::span<const double>, const AcceleratorSpec&) { return true; };
  family.stored = [library, kind, parameters = family.parameters.size()](
                      const models::KernelSet& kernels) -> std::optional<std::vector<double>> {
    const auto found = kernels.moe_of.find(library);
    if (found == kernels.moe_of.end()) return std::nullopt;
    const auto& moe = found->second[static_cast<std::size_t>(kind)];
    if (!moe) return std::nullopt;
    return values_of(*moe, parameters);
  };
  family.suits = has_peak_of(kind);
  return family;
}

}  // namespace

std::vector<Family> moe_families() {
  std::vector<Family> all;
  for (std::size_t kind = 0; kind < models::kGemmKinds; ++kind) all.push_back(moe_family(static_cast<GemmKind>(kind)));
  all.push_back(products_family(GemmKind::Fp8Block));
  for (std::size_t kind = 0; kind < models::kGemmKinds; ++kind) {
    all.push_back(library_family("trtllm-gen", static_cast<GemmKind>(kind), true));
    all.push_back(library_family("triton", static_cast<GemmKind>(kind), false));
    all.push_back(library_family("marlin", static_cast<GemmKind>(kind), false));
  }
  return all;
}

}  // namespace tokenyard::fit
