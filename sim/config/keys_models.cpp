#include "sim/config/keys.hpp"

#include <array>

namespace tokenyard::config {
namespace {

constexpr std::string_view kSize = "B, kB, MB, GB, TB, KiB, MiB, GiB";
constexpr std::string_view kBandwidth = "GB/s, TB/s, MB/s, B/s, Gbps, Tbps, Mbps, GiB/s";
constexpr std::string_view kFlopRate = "TFLOP/s, PFLOP/s, GFLOP/s";
constexpr std::string_view kPower = "W, kW, MW";
constexpr std::string_view kKind = "one of: bf16 | fp8 | fp8_block | int8 | nvfp4 | w4a16 | w4a8";

constexpr std::string_view kSource = "Where these figures come from, and how sure they are; assumed ones say so.";
constexpr std::string_view kBase =
    "Name of an entry (or a .yaml file) that this mapping is laid over key by key; ~ takes a key of it away.";

constexpr auto kKeys = std::to_array<Key>({
    {"chip", "base", "text", kOptional, kBase},
    {"chip", "name", "text", kRequired, "Name of the chip, as the file is called."},
    {"chip", "description", "text", kOptional, "What it is, for a reader."},
    {"chip", "vendor", "text", kRequired, "Who makes it."},
    {"chip", "scenario", "true or false", "false", "Figures are targets of a plan, not of a product's data sheet."},
    {"chip", "peak", "mapping: chip.peak", kRequired, "Dense peaks by number format."},
    {"chip", "memory", "mapping: chip.memory", kRequired, "The memory that holds weights and KV cache."},
    {"chip", "links", "mapping: chip.links", kRequired, "What leaves the chip."},
    {"chip", "power", "mapping: chip.power", kRequired, "Power of one chip, by what it does."},
    {"chip", "clocks", "mapping: chip.clocks", kOptional, "How long it keeps full clocks; absent: always."},
    {"chip", "kernels", "mapping: chip.kernels", kRequired, "What the step cost knows about the kernels."},

    {"chip.peak", "fp32", kFlopRate, kOptional, "Vector or matrix FP32."},
    {"chip.peak", "tf32", kFlopRate, kOptional, "Dense TF32."},
    {"chip.peak", "bf16", kFlopRate, kRequired, "Dense BF16 (FP16 where the chip has no BF16)."},
    {"chip.peak", "fp8", kFlopRate, kOptional, "Dense FP8; leave out when the chip has none."},
    {"chip.peak", "int8", kFlopRate, kOptional, "Dense INT8."},
    {"chip.peak", "fp4", kFlopRate, kOptional, "Dense FP4."},
    {"chip.peak", "source", "text", kRequired, kSource},

    {"chip.memory", "capacity", kSize, kRequired, "What the driver reports as usable."},
    {"chip.memory", "bandwidth", kBandwidth, kRequired, "Data-sheet bandwidth."},
    {"chip.memory", "source", "text", kRequired, kSource},

    {"chip.links", "scale_up", kBandwidth, kRequired, "All scale-up links together, per direction."},
    {"chip.links", "scale_out", kBandwidth, kRequired, "The chip's share of the NICs, per direction."},
    {"chip.links", "source", "text", kRequired, kSource},

    {"chip.power", "idle", kPower, kRequired, "Model loaded, no request."},
    {"chip.power", "decode", kPower, kRequired, "While decoding only."},
    {"chip.power", "prefill", kPower, kRequired, "While a step holds prompt tokens."},
    {"chip.power", "tdp", kPower, kRequired, "What cooling and supply are built for."},
    {"chip.power", "source", "text", kRequired, kSource},

    {"chip.clocks", "burst", "s, ms, us, ns, min, h", kRequired, "Of large products at full clocks, from rest."},
    {"chip.clocks", "recovery", "number", kRequired,
     "Seconds of other work, or of none, that give one second of the burst back."},
    {"chip.clocks", "sustained", "number", kRequired,
     "Speed of work bound by FLOPs from then on, as a share of that at full clocks."},
    {"chip.clocks", "reach", "number", kRequired,
     "FLOP/s of large products at full clocks, as a share of the dense peak."},
    {"chip.clocks", "decode_attention", "number", "0",
     "Of the time of decode attention, what counts as large products."},
    {"chip.clocks", "source", "text", kRequired, kSource},

    {"llm", "base", "text", kOptional, kBase},
    {"llm", "name", "text", kRequired, "Name of the model, as the file is called."},
    {"llm", "description", "text", kOptional, "What it is, for a reader."},
    {"llm", "source", "text", kRequired, "Where the architecture comes from."},
    {"llm", "layers", "count", kRequired, "Transformer blocks, multi-token prediction not counted."},
    {"llm", "hidden", "count", kRequired, "Width of the residual stream."},
    {"llm", "vocab", "count", kRequired, "Rows of the embedding and of the head."},
    {"llm", "max_context", "tokens", kRequired, "Longest prompt and output together."},
    {"llm", "ffn", "count", "0", "Inner size of a dense FFN; 0 when every layer is a MoE layer."},
    {"llm", "gated_ffn", "true or false", "true", "Three matrices (SwiGLU) and not two."},
    {"llm", "tied_embeddings", "true or false", "false", "Embedding and head are one matrix."},
    {"llm", "mtp_layers", "count", "0", "Multi-token-prediction layers; not part of any total."},
    {"llm", "native", kKind, "bf16", "Format of the published checkpoint's matrices."},
    {"llm", "native_experts", kKind, kOptional, "Format of its routed experts, where that differs."},
    {"llm", "attention", "mapping: llm.attention", kRequired, "Attention of every layer."},
    {"llm", "moe", "mapping: llm.moe", kOptional, "Experts; absent: a dense model."},
    {"llm", "published", "mapping: llm.published", kOptional, "Parameters its makers state; checked against ours."},

    {"llm.attention", "kind", "one of: gqa | mla", kRequired,
     "Grouped-query (multi-head included) or latent attention."},
    {"llm.attention", "heads", "count", kRequired, "Query heads."},
    {"llm.attention", "kv_heads", "count", kOptional, "gqa: KV heads; as many as heads for multi-head attention."},
    {"llm.attention", "head_dim", "count", kOptional, "gqa: size of a head."},
    {"llm.attention", "window", "tokens", "0", "gqa: what a sliding-window layer sees; 0: there is none."},
    {"llm.attention", "windowed_layers", "count", "0", "gqa: how many layers have the window."},
    {"llm.attention", "head_norms", "true or false", "false",
     "gqa: queries and keys are normalised head by head, a small kernel each."},
    {"llm.attention", "q_rank", "count", kOptional,
     "Rank of the query's way down. mla: q_lora_rank; gqa: absent where queries are one matrix."},
    {"llm.attention", "kv_rank", "count", kOptional, "mla: the latent that is cached (kv_lora_rank)."},
    {"llm.attention", "rope_dim", "count", kOptional, "mla: rotary part of a head, cached beside the latent."},
    {"llm.attention", "nope_dim", "count", kOptional, "mla: part of a head without position."},
    {"llm.attention", "v_dim", "count", kOptional, "mla: size of a value head."},

    {"llm.moe", "experts", "count", kRequired, "Routed experts of a layer."},
    {"llm.moe", "top_k", "count", kRequired, "Experts that a token visits."},
    {"llm.moe", "expert_ffn", "count", kRequired, "Inner size of one routed expert."},
    {"llm.moe", "shared_ffn", "count", "0", "Inner size of all shared experts together."},
    {"llm.moe", "dense_layers", "count", "0", "Leading layers with a dense FFN instead."},
    {"llm.moe", "groups", "count", "0", "Groups of experts, for routing that is limited to some of them; 0: none."},
    {"llm.moe", "top_groups", "count", "0", "Groups that a token's experts may come from."},
    {"llm.moe", "load_alpha", "number", "1.2",
     "Exponent of the power law that the loads of its experts are taken to follow where expert_load is fitted."},

    {"llm.published", "total", "parameters", kRequired, "All parameters."},
    {"llm.published", "active", "parameters", kRequired,
     "Parameters used for one token, with or without the embedding."},
    {"llm.published", "source", "text", kRequired, kSource},
});

}  // namespace

std::span<const Key> model_keys() { return kKeys; }

}  // namespace tokenyard::config
