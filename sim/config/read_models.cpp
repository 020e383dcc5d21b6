#include "sim/config/read_models.hpp"

#include "models/base/errors.hpp"
#include "sim/config/read_kernels.hpp"
#include "sim/config/yaml_node.hpp"

#include <cstddef>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenyard::config {
namespace {

using models::AcceleratorSpec;
using models::Dtype;
using models::GemmKind;
using models::GqaSpec;
using models::kDtypes;
using models::kGemmKinds;
using models::LlmSpec;
using models::MlaSpec;
using models::MoeSpec;

/// The source of a group of data-sheet figures: a reader of the file needs it, the simulation does not.
void finish_with_source(YamlMap& map) {
  (void)map.text("source");
  map.finish();
}

void read_data_sheet(YamlMap& map, AcceleratorSpec& chip) {
  YamlMap peak = map.map("peak", "chip.peak");
  for (std::size_t i = 0; i < kDtypes; ++i) {
    const auto format = static_cast<Dtype>(i);
    if (peak.given(name(format)) || format == Dtype::Bf16) chip.peak[i] = peak.flop_rate(name(format));
  }
  finish_with_source(peak);

  YamlMap memory = map.map("memory", "chip.memory");
  chip.memory = memory.bytes("capacity");
  chip.memory_bandwidth = memory.bandwidth("bandwidth");
  finish_with_source(memory);

  YamlMap links = map.map("links", "chip.links");
  chip.scale_up = links.bandwidth("scale_up");
  chip.scale_out = links.bandwidth("scale_out");
  finish_with_source(links);

  YamlMap power = map.map("power", "chip.power");
  chip.power = {.idle = power.watts("idle"),
                .decode = power.watts("decode"),
                .prefill = power.watts("prefill"),
                .tdp = power.watts("tdp")};
  finish_with_source(power);

  if (!map.given("clocks")) return;
  YamlMap clocks = map.map("clocks", "chip.clocks");
  chip.clocks = {.burst = clocks.seconds("burst"),
                 .recovery = clocks.number("recovery", 0.01, 100.0),
                 .sustained = clocks.number("sustained", 0.1, 1.0),
                 .reach = clocks.number("reach", 0.1, 1.0),
                 .decode_attention = clocks.number("decode_attention", 0.0, 1.0)};
  finish_with_source(clocks);
}

void skip_description(YamlMap& map) {
  if (map.given("description")) (void)map.text("description");
}

GemmKind read_kind(YamlMap& map, std::string_view key) {
  std::vector<std::string> known;
  for (std::size_t i = 0; i < kGemmKinds; ++i) known.emplace_back(name(static_cast<GemmKind>(i)));
  const auto kind = models::gemm_kind(map.choice(key, known));
  expect(kind.has_value(), "a kind that choice() let through is known");
  return *kind;
}

void read_attention(YamlMap map, LlmSpec& llm) {
  const std::string kind = map.choice("kind", {"gqa", "mla"});
  if (kind == "gqa") {
    llm.gqa = GqaSpec{.heads = map.count("heads"),
                      .kv_heads = map.count("kv_heads"),
                      .head_dim = map.count("head_dim"),
                      .window = map.count("window", 0),
                      .windowed_layers = map.count("windowed_layers", 0),
                      .head_norms = map.flag("head_norms"),
                      .q_rank = map.given("q_rank") ? map.count("q_rank") : 0};
  } else {
    llm.mla = MlaSpec{.heads = map.count("heads"),
                      .q_rank = map.count("q_rank"),
                      .kv_rank = map.count("kv_rank"),
                      .rope_dim = map.count("rope_dim"),
                      .nope_dim = map.count("nope_dim"),
                      .v_dim = map.count("v_dim")};
  }
  map.finish();
}

MoeSpec read_experts(YamlMap map) {
  MoeSpec moe{.experts = map.count("experts"),
              .top_k = map.count("top_k"),
              .expert_ffn = map.count("expert_ffn"),
              .shared_ffn = map.count("shared_ffn", 0),
              .dense_layers = map.count("dense_layers", 0),
              .groups = map.count("groups", 0),
              .top_groups = map.count("top_groups", 0),
              .load_alpha = map.number("load_alpha", 0.0, 10.0)};
  map.finish();
  return moe;
}

void read_published(YamlMap map, LlmSpec& llm) {
  constexpr double kMost = 1e15;
  llm.published_total = map.number("total", 1.0, kMost);
  llm.published_active = map.number("active", 1.0, kMost);
  finish_with_source(map);
}

}  // namespace

models::AcceleratorSpec read_chip(YamlMap map) {
  AcceleratorSpec chip;
  chip.name = map.text("name");
  skip_description(map);
  chip.vendor = map.text("vendor");
  chip.scenario = map.flag("scenario");
  read_data_sheet(map, chip);
  chip.kernels = read_kernels(map.map("kernels", "chip.kernels"));
  map.finish();
  map.located([&] { validate(chip); });
  return chip;
}

models::AcceleratorSpec load_chip(const std::string& name) {
  constexpr std::string_view kFolder = "models/catalog/chips";
  std::filesystem::path file;
  try {
    file = entry_file(name, kFolder, "");
  } catch (const std::invalid_argument& error) {
    throw UserError("chip '" + name + "': " + error.what());
  }
  YamlMap map = YamlMap::load(file, "chip");
  map.lay_over("base", kFolder);
  return read_chip(std::move(map));
}

models::LlmSpec read_llm(YamlMap map) {
  LlmSpec llm;
  llm.name = map.text("name");
  skip_description(map);
  (void)map.text("source");
  llm.layers = map.count("layers");
  llm.hidden = map.count("hidden");
  llm.vocab = map.count("vocab");
  llm.max_context = map.count("max_context");
  llm.ffn = map.count("ffn", 0);
  llm.gated_ffn = map.flag("gated_ffn");
  llm.tied_embeddings = map.flag("tied_embeddings");
  llm.mtp_layers = map.count("mtp_layers", 0);
  llm.native = read_kind(map, "native");
  if (map.given("native_experts")) llm.native_experts = read_kind(map, "native_experts");
  read_attention(map.map("attention", "llm.attention"), llm);
  if (map.given("moe")) llm.moe = read_experts(map.map("moe", "llm.moe"));
  if (map.given("published")) read_published(map.map("published", "llm.published"), llm);
  map.finish();
  map.located([&] { validate(llm); });
  return llm;
}

}  // namespace tokenyard::config
