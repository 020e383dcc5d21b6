#include "sim/config/key_groups.hpp"

#include <array>

namespace tokenyard::config {
namespace {

constexpr std::string_view kSize = "B, kB, MB, GB, TB, KiB, MiB, GiB";
constexpr std::string_view kTime = "s, ms, us, ns, min, h";
constexpr std::string_view kSource = "Where these figures come from, and how sure they are; assumed ones say so.";
constexpr std::string_view kRepeated = "What the table shows of a repeated kernel that a step does not meet.";
constexpr std::string_view kRange = "Least and greatest value of this figure of the shapes.";
constexpr std::string_view kFloor = "Time of the kernel with nothing to do.";
constexpr std::string_view kEffFlops = "Fraction of the dense peak that large shapes reach.";
constexpr std::string_view kEffBw = "Fraction of the memory bandwidth that large shapes reach.";
constexpr std::string_view kDecodeHeads = "mapping: chip.kernels.attention_decode.HEADS";
constexpr std::string_view kNorm = "Exponent that joins compute and memory time; large: the longer of both.";

constexpr auto kKeys = joined(
    std::to_array<Key>({
        {"chip.kernels", "gemm", "mapping: chip.kernels.gemm", kRequired, "Matrix products, by kind."},
        {"chip.kernels", "attention_decode", "mapping: chip.kernels.attention_decode", kOptional,
         "Grouped-query decode attention, by KV format."},
        {"chip.kernels", "attention_split", "mapping: chip.kernels.attention_split", kOptional,
         "How decode kernels split contexts over thread blocks; without it they do not."},
        {"chip.kernels", "attention_context", "mapping: chip.kernels.attention_context", kOptional,
         "Grouped-query prompt attention, by KV format."},
        {"chip.kernels", "attention_skew", "mapping: chip.kernels.attention_skew", kOptional,
         "What decodes of unequal contexts cost beside attention_decode, by KV format."},
        {"chip.kernels", "attention_mixed", "mapping: chip.kernels.attention_mixed", kOptional,
         "Grouped-query attention of a step with prompts and its decodes as one launch, by KV format; see "
         "engine.attention."},
        {"chip.kernels", "mla_decode", "mapping: chip.kernels.mla_decode", kOptional,
         "Latent decode attention (absorbed), by KV format."},
        {"chip.kernels", "mla_context", "mapping: chip.kernels.mla_context", kOptional,
         "Latent prompt attention, by KV format."},
        {"chip.kernels", "moe", "mapping: chip.kernels.moe", kOptional, "Grouped products of the experts, by kind."},
        {"chip.kernels", "moe_of", "mapping of names: chip.kernels.moe", kOptional,
         "The same of other libraries, by name; see engine.experts."},
        {"chip.kernels", "small", "mapping: chip.kernels.small", kRequired,
         "Norms, rotary, activation, quantise, sampling."},
        {"chip.kernels", "head", "mapping: chip.kernels.head", kOptional,
         "What a step takes at its head beside product and sampling."},
        {"chip.kernels", "collectives", "mapping: collectives", kRequired,
         "All-reduce, library and exchange kernels: an entry of models/catalog/collectives, or in place."},
    }),
    kind_rows("chip.kernels.gemm", "mapping: chip.kernels.gemm.KIND"),
    std::to_array<Key>({
        {"chip.kernels.gemm.KIND", "t0", kTime, kRequired, kFloor},
        {"chip.kernels.gemm.KIND", "eff_flops", "ratio", kRequired, kEffFlops},
        {"chip.kernels.gemm.KIND", "eff_bw", "ratio", kRequired, kEffBw},
        {"chip.kernels.gemm.KIND", "p", "number", "1e9", kNorm},
        {"chip.kernels.gemm.KIND", "k_latency", kTime, "0", "Added per 1,000 of K: a thread block walks K serially."},
        {"chip.kernels.gemm.KIND", "act_pass", "number", "0",
         "Passes over the activations when the kernel quantises them."},
    }),
    provenance_rows("chip.kernels.gemm.KIND"),
    cache_rows("chip.kernels.attention_decode", "mapping: chip.kernels.attention_decode.KV"),
    std::to_array<Key>({
        {"chip.kernels.attention_decode", "single", kDecodeHeads, kOptional, "Of one query head a KV head."},
        {"chip.kernels.attention_decode", "wide", kDecodeHeads, kOptional,
         "Of groups of more than 8 queries a KV head, heads of 128."},
        {"chip.kernels.attention_decode", "heads_64", kDecodeHeads, kOptional, "Of heads up to 64, in groups up to 8."},
        {"chip.kernels.attention_decode", "heads_64_wide", kDecodeHeads, kOptional, "Of heads up to 64, wider groups."},
        {"chip.kernels.attention_decode", "heads_64_window", kDecodeHeads, kOptional,
         "Of heads up to 64, layers with a sliding window."},
        {"chip.kernels.attention_decode", "heads_192", kDecodeHeads, kOptional, "Of heads above 128, up to 192."},
        {"chip.kernels.attention_decode", "heads_192_window", kDecodeHeads, kOptional,
         "Of such heads, layers with a sliding window."},
        {"chip.kernels.attention_decode", "heads_256", kDecodeHeads, kOptional,
         "Of heads above 192, in groups up to 8."},
        {"chip.kernels.attention_decode", "heads_256_wide", kDecodeHeads, kOptional,
         "Of heads above 192, wider groups."},
    }),
    cache_rows("chip.kernels.attention_decode.HEADS", "mapping: chip.kernels.attention_decode.KV"),
    std::to_array<Key>({
        {"chip.kernels.attention_decode.KV", "t0", kTime, kRequired, kFloor},
        {"chip.kernels.attention_decode.KV", "eff_bw", "ratio", kRequired, kEffBw},
        {"chip.kernels.attention_decode.KV", "p", "number", "1",
         "Exponent that joins t0 and the KV read; 1: their sum."},
        {"chip.kernels.attention_decode.KV", "per_head", kTime, "0",
         "Added for each KV head of each sequence, or for each thread block of attention_split."},
        {"chip.kernels.attention_decode.KV", "flash", kTime, "0",
         "Added for engines with flash_attention: how much longer that kernel takes than the one measured."},
        {"chip.kernels.attention_decode.KV", "repeated", "mapping: chip.kernels.repeated", kOptional, kRepeated},
    }),
    provenance_rows("chip.kernels.attention_decode.KV"),
    std::to_array<Key>({
        {"chip.kernels.attention_split", "keys", "number", kRequired, "Tokens that make a thread block of their own."},
        {"chip.kernels.attention_split", "blocks", "number", kRequired, "Blocks on the whole chip, at most."},
        {"chip.kernels.attention_split", "whole_context", "true or false", "false",
         "Blocks are counted by the whole context where a layer sees a window of it."},
        {"chip.kernels.attention_split", "source", "text", kRequired, kSource},
    }),
    cache_rows("chip.kernels.attention_context", "mapping: chip.kernels.context.KV"),
    std::to_array<Key>({
        {"chip.kernels.attention_context", "window", "mapping: chip.kernels.attention_context.HEADS", kOptional,
         "Of layers with a sliding window."},
        {"chip.kernels.attention_context", "heads_256", "mapping: chip.kernels.attention_context.HEADS", kOptional,
         "Of heads above 128."},
    }),
    cache_rows("chip.kernels.attention_context.HEADS", "mapping: chip.kernels.context.KV"),
    cache_rows("chip.kernels.mla_context", "mapping: chip.kernels.context.KV"),
    std::to_array<Key>({
        {"chip.kernels.context.KV", "t0", kTime, kRequired, kFloor},
        {"chip.kernels.context.KV", "eff_flops", "ratio", kRequired, "FLOP/s reached, over the dense BF16 peak."},
        {"chip.kernels.context.KV", "eff_io", "ratio", kRequired,
         "Bandwidth reached on queries, keys, values and output."},
        {"chip.kernels.context.KV", "p", "number", "1", "Exponent that joins t0 and the work; 1: their sum."},
        {"chip.kernels.context.KV", "tile_keys", "number", "0", "Keys that a token pays beyond those it sees: tiles."},
        {"chip.kernels.context.KV", "softmax_dim", "number", "0", "Added to the size of a head: exponentials."},
    }),
    provenance_rows("chip.kernels.context.KV"),
    cache_rows("chip.kernels.attention_skew", "mapping: chip.kernels.attention_skew.KV"),
    std::to_array<Key>({
        {"chip.kernels.attention_skew.KV", "per_key", kTime, kRequired,
         "Added for each token that the longest context is above the mean."},
        {"chip.kernels.attention_skew.KV", "unsplit", "number", "0",
         "From so many decodes times KV heads on; below, the kernel splits long contexts."},
    }),
    provenance_rows("chip.kernels.attention_skew.KV"),
    cache_rows("chip.kernels.attention_mixed", "mapping: chip.kernels.attention_mixed.KV"),
    std::to_array<Key>({
        {"chip.kernels.attention_mixed.KV", "t0", kTime, kRequired, kFloor},
        {"chip.kernels.attention_mixed.KV", "eff_flops", "ratio", kRequired,
         "FLOP/s reached, over the dense BF16 peak."},
        {"chip.kernels.attention_mixed.KV", "eff_bw", "ratio", kRequired, kEffBw},
        {"chip.kernels.attention_mixed.KV", "block_keys", "number", "0",
         "Start and end of a tile of queries, as keys."},
        {"chip.kernels.attention_mixed.KV", "per_empty", kTime, "0", "A thread block that finds no queries."},
        {"chip.kernels.attention_mixed.KV", "blocks", "number", kRequired, "Thread blocks that the chip runs at once."},
        {"chip.kernels.attention_mixed.KV", "tile_rows", "number", "64", "Rows of queries in a tile."},
        {"chip.kernels.attention_mixed.KV", "packed", "true or false", "false",
         "A tile holds the rows of all query heads that share a KV head."},
        {"chip.kernels.attention_mixed.KV", "reuse", kSize, "0",
         "KV of one head of all decodes that query heads of a group still find in the L2; 0: whatever its size."},
    }),
    provenance_rows("chip.kernels.attention_mixed.KV"),
    cache_rows("chip.kernels.mla_decode", "mapping: chip.kernels.mla_decode.KV"),
    std::to_array<Key>({
        {"chip.kernels.mla_decode.KV", "t0", kTime, kRequired, kFloor},
        {"chip.kernels.mla_decode.KV", "eff_flops", "ratio", kRequired, "FLOP/s reached, over the dense BF16 peak."},
        {"chip.kernels.mla_decode.KV", "eff_bw", "ratio", kRequired, kEffBw},
        {"chip.kernels.mla_decode.KV", "p", "number", "1", "Exponent that joins t0 and the work; 1: their sum."},
        {"chip.kernels.mla_decode.KV", "query_io", "number", "0", "Passes over the absorbed queries and outputs."},
        {"chip.kernels.mla_decode.KV", "repeated", "mapping: chip.kernels.repeated", kOptional, kRepeated},
    }),
    provenance_rows("chip.kernels.mla_decode.KV"), kind_rows("chip.kernels.moe", "mapping: chip.kernels.moe.KIND"),
    std::to_array<Key>({
        {"chip.kernels.moe.KIND", "t0", kTime, kRequired, kFloor},
        {"chip.kernels.moe.KIND", "eff_flops", "ratio", kRequired, kEffFlops},
        {"chip.kernels.moe.KIND", "eff_bw", "ratio", kRequired, kEffBw},
        {"chip.kernels.moe.KIND", "p", "number", "1e9", kNorm},
        {"chip.kernels.moe.KIND", "act_io", "number", "0", "Passes over the tokens: permute, quantise, un-permute."},
        {"chip.kernels.moe.KIND", "per_local_expert", kTime, "0", "Added for every expert that the rank holds."},
        {"chip.kernels.moe.KIND", "per_hit_expert", kTime, "0",
         "Added for every expert of the rank that a token chose."},
        {"chip.kernels.moe.KIND", "per_token", kTime, "0",
         "Added for every token of the ranks that share the experts."},
        {"chip.kernels.moe.KIND", "tile_rows", "number", "0",
         "Rows that each hit expert's last tile is filled up with."},
        {"chip.kernels.moe.KIND", "most_rows", "number", "0",
         "Of an entry of moe_of: rows of a rank (tokens times experts chosen) up to which it is used."},
    }),
    provenance_rows("chip.kernels.moe.KIND"),
    std::to_array<Key>({
        {"chip.kernels.head", "t0", kTime, kRequired, "Per step, beside the head's product and sampling."},
        {"chip.kernels.head", "source", "text", kRequired, kSource},

        {"chip.kernels.repeated", "below", kSize, kRequired,
         "A smaller KV cache stayed in the L2 between repetitions."},
        {"chip.kernels.repeated", "share", "ratio", kRequired, "What its bytes then cost, of their price from memory."},

        {"chip.kernels.valid", "m", "list: number", kOptional, kRange},
        {"chip.kernels.valid", "n", "list: number", kOptional, kRange},
        {"chip.kernels.valid", "k", "list: number", kOptional, kRange},
        {"chip.kernels.valid", "sequences", "list: number", kOptional, kRange},
        {"chip.kernels.valid", "context", "list: number", kOptional, kRange},
        {"chip.kernels.valid", "tokens", "list: number", kOptional, kRange},
        {"chip.kernels.valid", "equal_us", "list: number", kOptional, kRange},
        {"chip.kernels.valid", "longest", "list: number", kOptional, kRange},
        {"chip.kernels.valid", "prefix", "list: number", kOptional, kRange},
        {"chip.kernels.valid", "area", "list: number", kOptional, kRange},
        {"chip.kernels.valid", "heads", "list: number", kOptional, kRange},
        {"chip.kernels.valid", "kv_heads", "list: number", kOptional, kRange},
        {"chip.kernels.valid", "head_dim", "list: number", kOptional, kRange},
        {"chip.kernels.valid", "window", "list: number", kOptional, kRange},
        {"chip.kernels.valid", "width", "list: number", kOptional, kRange},
        {"chip.kernels.valid", "bytes", "list: number", kOptional, kRange},
        {"chip.kernels.valid", "ranks", "list: number", kOptional, kRange},
        {"chip.kernels.valid", "experts", "list: number", kOptional, kRange},
        {"chip.kernels.valid", "hidden", "list: number", kOptional, kRange},
        {"chip.kernels.valid", "inner", "list: number", kOptional, kRange},
        {"chip.kernels.valid", "top_k", "list: number", kOptional, kRange},
        {"chip.kernels.valid", "hit", "list: number", kOptional, kRange},
        {"chip.kernels.valid", "expert_ranks", "list: number", kOptional, kRange},
        {"chip.kernels.valid", "skew", "list: number", kOptional, kRange},
        {"chip.kernels.valid", "sms", "list: number", kOptional, kRange},
        {"chip.kernels.valid", "balanced", "list: number", kOptional, kRange},
    }));

}  // namespace

std::span<const Key> kernel_keys() { return kKeys; }

}  // namespace tokenyard::config
