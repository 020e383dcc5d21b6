#include "sim/config/read_kernels.hpp"

#include "sim/config/read_collectives.hpp"
#include "sim/config/read_provenance.hpp"
#include "sim/config/read_small.hpp"

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>

namespace tokenyard::config {
namespace {

using models::ByCache;
using models::ContextAttentionCoefficients;
using models::DecodeAttentionCoefficients;
using models::Dtype;
using models::GemmCoefficients;
using models::GemmKind;
using models::KernelSet;
using models::kGemmKinds;
using models::MixedAttentionCoefficients;
using models::MlaDecodeCoefficients;
using models::MoeCoefficients;
using models::SkewCoefficients;

constexpr double kLargest = 1e12;  // of a plain number: exponents, passes

models::RepeatedReads read_repeated(YamlMap& map) {
  if (!map.given("repeated")) return {};
  YamlMap repeated = map.map("repeated", "chip.kernels.repeated");
  models::RepeatedReads reads{.below = repeated.bytes("below"), .share = repeated.number("share", 0.0, 1.0)};
  repeated.finish();
  return reads;
}

GemmCoefficients read_gemm(YamlMap map) {
  GemmCoefficients gemm{.t0 = map.seconds("t0"),
                        .eff_flops = map.number("eff_flops", 0.0, 1.0),
                        .eff_bw = map.number("eff_bw", 0.0, 1.0),
                        .p = map.number("p", 0.0, kLargest),
                        .k_latency = map.seconds("k_latency"),
                        .act_pass = map.number("act_pass", 0.0, kLargest),
                        .walk = map.seconds("walk"),
                        .store = map.seconds("store"),
                        .last_wave = map.number("last_wave", 0.0, 1.0),
                        .split = map.seconds("split"),
                        .start = map.seconds("start"),
                        .repeated = read_repeated(map),
                        .provenance = read_provenance(map)};
  map.finish();
  return gemm;
}

DecodeAttentionCoefficients read_decode_attention(YamlMap map) {
  DecodeAttentionCoefficients attention{.t0 = map.seconds("t0"),
                                        .eff_bw = map.number("eff_bw", 0.0, 1.0),
                                        .p = map.number("p", 0.0, kLargest),
                                        .per_head = map.seconds("per_head"),
                                        .per_part = map.seconds("per_part"),
                                        .resident = map.number("resident", 0.0, 32.0),
                                        .last_wave = map.number("last_wave", 0.0, 1.0),
                                        .repeated = read_repeated(map),
                                        .flash = map.seconds("flash"),
                                        .provenance = read_provenance(map)};
  map.finish();
  return attention;
}

ContextAttentionCoefficients read_context_attention(YamlMap map) {
  ContextAttentionCoefficients attention{.t0 = map.seconds("t0"),
                                         .eff_flops = map.number("eff_flops", 0.0, 4.0),
                                         .eff_io = map.number("eff_io", 0.0, 1.0),
                                         .p = map.number("p", 0.0, kLargest),
                                         .tile_keys = map.number("tile_keys", 0.0, kLargest),
                                         .softmax_dim = map.number("softmax_dim", 0.0, kLargest),
                                         .tile_dim = map.number("tile_dim", 0.0, kLargest),
                                         .tile_rows = map.number("tile_rows", 0.0, kLargest),
                                         .last_tiles = map.number("last_tiles", 0.0, 1.0),
                                         .alone = map.number("alone", 0.1, 10.0),
                                         .provenance = read_provenance(map)};
  map.finish();
  return attention;
}

SkewCoefficients read_skew(YamlMap map) {
  SkewCoefficients skew{.per_key = map.seconds("per_key"),
                        .unsplit = map.number("unsplit", 0.0, kLargest),
                        .provenance = read_provenance(map)};
  map.finish();
  return skew;
}

MixedAttentionCoefficients read_mixed_attention(YamlMap map) {
  MixedAttentionCoefficients mixed{.t0 = map.seconds("t0"),
                                   .eff_flops = map.number("eff_flops", 0.0, 4.0),
                                   .eff_bw = map.number("eff_bw", 0.0, 1.0),
                                   .block_keys = map.number("block_keys", 0.0, kLargest),
                                   .per_empty = map.seconds("per_empty"),
                                   .blocks = map.number("blocks", 1.0, 1e6),
                                   .tile_rows = map.number("tile_rows", 1.0, 1e6),
                                   .packed = map.flag("packed"),
                                   .reuse = map.bytes("reuse"),
                                   .provenance = read_provenance(map)};
  map.finish();
  return mixed;
}

MlaDecodeCoefficients read_mla_decode(YamlMap map) {
  MlaDecodeCoefficients mla{.t0 = map.seconds("t0"),
                            .eff_flops = map.number("eff_flops", 0.0, 4.0),
                            .eff_bw = map.number("eff_bw", 0.0, 1.0),
                            .p = map.number("p", 0.0, kLargest),
                            .query_io = map.number("query_io", 0.0, kLargest),
                            .walk = map.seconds("walk"),
                            .resident = map.number("resident", 0.0, 32.0),
                            .last_walk = map.number("last_walk", 0.0, 4.0),
                            .another_read = map.number("another_read", 0.0, 4.0),
                            .split = map.seconds("split"),
                            .repeated = read_repeated(map),
                            .provenance = read_provenance(map)};
  map.finish();
  return mla;
}

MoeCoefficients read_moe(YamlMap map) {
  MoeCoefficients moe{.t0 = map.seconds("t0"),
                      .eff_flops = map.number("eff_flops", 0.0, 1.0),
                      .eff_bw = map.number("eff_bw", 0.0, 1.0),
                      .p = map.number("p", 0.0, kLargest),
                      .act_io = map.number("act_io", 0.0, kLargest),
                      .per_local_expert = map.seconds("per_local_expert"),
                      .per_hit_expert = map.seconds("per_hit_expert"),
                      .per_token = map.seconds("per_token"),
                      .tile_rows = map.number("tile_rows", 0.0, 1e4),
                      .tile_most = map.number("tile_most", 0.0, 1e4),
                      .tile_fill = map.number("tile_fill", 0.0, 10.0),
                      .per_tile_row = map.seconds("per_tile_row"),
                      .most_rows = map.number("most_rows", 0.0, 1e9),
                      .provenance = read_provenance(map)};
  map.finish();
  return moe;
}

Seconds read_head(YamlMap map) {
  const Seconds t0 = map.seconds("t0");
  (void)map.text("source");
  map.finish();
  return t0;
}

double read_multiprocessors(YamlMap map) {
  const double count = map.number("count", 1.0, kLargest);
  (void)map.text("source");
  map.finish();
  return count;
}

models::AttentionSplit read_split(YamlMap map) {
  const models::AttentionSplit split{.keys = map.number("keys", 1.0, kLargest),
                                     .blocks = map.number("blocks", 1.0, kLargest),
                                     .whole_context = map.flag("whole_context"),
                                     .root = map.number("root", 0.0, kLargest)};
  (void)map.text("source");
  map.finish();
  return split;
}

/// Coefficients by the name of a GemmKind.
template <class Coefficients, class Read>
void read_kinds(YamlMap& map, const std::string& section, std::array<std::optional<Coefficients>, kGemmKinds>& by_kind,
                Read read) {
  for (std::size_t i = 0; i < by_kind.size(); ++i) {
    const auto entry = name(static_cast<GemmKind>(i));
    if (map.given(entry)) by_kind[i] = read(map.map(entry, section));
  }
}

/// Experts of other libraries: a mapping of names, each with the kinds that the library has.
std::map<std::string, models::ExpertKernels> read_expert_libraries(YamlMap& kernels) {
  std::map<std::string, models::ExpertKernels> libraries;
  if (!kernels.given("moe_of")) return libraries;
  for (auto& [library, map] : kernels.named_maps("moe_of", "chip.kernels.moe")) {
    read_kinds(map, "chip.kernels.moe.KIND", libraries[library], read_moe);
    map.finish();
  }
  return libraries;
}

/// Coefficients by the name of a KV format.
template <class Coefficients, class Read>
void read_caches(YamlMap& map, const std::string& section, ByCache<Coefficients>& by_cache, Read read) {
  for (const Dtype format : {Dtype::Bf16, Dtype::Fp8, Dtype::Int8}) {
    const auto entry = name(format);
    if (map.given(entry)) by_cache[static_cast<std::size_t>(format)] = read(map.map(entry, section));
  }
}

/// Those of particular heads, by the name of a `Heads`.
template <class Heads, class Families, class Read>
void read_heads(YamlMap& map, const std::string& section, const std::string& entry_section, Families& by_heads,
                Read read) {
  for (std::size_t i = 0; i < by_heads.size(); ++i) {
    const std::string entry{name(static_cast<Heads>(i))};
    if (!map.given(entry)) continue;
    YamlMap heads = map.map(entry, section);
    read_caches(heads, entry_section, by_heads[i], read);
    heads.finish();
  }
}

}  // namespace

models::KernelSet read_kernels(YamlMap map) {
  KernelSet kernels;
  const std::string decode = "chip.kernels.attention_decode.KV";
  const std::string context = "chip.kernels.context.KV";
  const auto group = [&](const std::string& key, auto read) {
    if (!map.given(key)) return;
    YamlMap families = map.map(key, "chip.kernels." + key);
    read(families);
    families.finish();
  };
  group("gemm", [&](YamlMap& in) { read_kinds(in, "chip.kernels.gemm.KIND", kernels.gemm, read_gemm); });
  group("attention_decode", [&](YamlMap& in) {
    read_caches(in, decode, kernels.decode_attention, read_decode_attention);
    read_heads<models::DecodeHeads>(in, "chip.kernels.attention_decode.HEADS", decode, kernels.decode_by_heads,
                                    read_decode_attention);
  });
  if (map.given("multiprocessors")) {
    kernels.multiprocessors = read_multiprocessors(map.map("multiprocessors", "chip.kernels.multiprocessors"));
  }
  if (map.given("attention_split")) {
    kernels.attention_split = read_split(map.map("attention_split", "chip.kernels.attention_split"));
  }
  group("attention_context", [&](YamlMap& in) {
    read_caches(in, context, kernels.context_attention, read_context_attention);
    read_heads<models::ContextHeads>(in, "chip.kernels.attention_context.HEADS", context, kernels.context_by_heads,
                                     read_context_attention);
  });
  group("attention_skew",
        [&](YamlMap& in) { read_caches(in, "chip.kernels.attention_skew.KV", kernels.attention_skew, read_skew); });
  group("attention_mixed", [&](YamlMap& in) {
    read_caches(in, "chip.kernels.attention_mixed.KV", kernels.mixed_attention, read_mixed_attention);
  });
  group("mla_decode",
        [&](YamlMap& in) { read_caches(in, "chip.kernels.mla_decode.KV", kernels.mla_decode, read_mla_decode); });
  group("mla_context", [&](YamlMap& in) { read_caches(in, context, kernels.mla_context, read_context_attention); });
  group("moe", [&](YamlMap& in) { read_kinds(in, "chip.kernels.moe.KIND", kernels.moe, read_moe); });
  kernels.moe_of = read_expert_libraries(map);
  kernels.small = read_small(map.map("small", "chip.kernels.small"));
  if (map.given("head")) kernels.head_t0 = read_head(map.map("head", "chip.kernels.head"));
  kernels.collectives = read_collectives(map.entry("collectives", "collectives", "models/catalog/collectives"));
  map.finish();
  return kernels;
}

}  // namespace tokenyard::config
