#include "sim/config/key_groups.hpp"

#include <array>

namespace tokenyard::config {
namespace {

constexpr std::string_view kTime = "s, ms, us, ns, min, h";
constexpr std::string_view kSize = "B, kB, MB, GB, TB, KiB, MiB, GiB";
constexpr std::string_view kKind = "mapping: chip.kernels.small.KIND";

constexpr auto kKeys = joined(
    std::to_array<Key>({
        {"chip.kernels.small", "t0", kTime, kRequired, "Of kinds without figures of their own: with nothing to do."},
        {"chip.kernels.small", "eff_bw", "ratio", kRequired, "Of the same: fraction of the memory bandwidth reached."},
    }),
    provenance_rows("chip.kernels.small"),
    std::to_array<Key>({
        {"chip.kernels.small", "rotary_in_attention", "true or false", "false",
         "The tables of attention measured rotary embedding and append along: no kernel of its own."},
        {"chip.kernels.small", "routing_in_experts", "true or false", "false",
         "The tables of experts measured their choice along: no kernel of its own."},
        {"chip.kernels.small", "norm", kKind, kOptional, "Sum with the residual and norm."},
        {"chip.kernels.small", "norm_quantise", kKind, kOptional, "The same, written quantised."},
        {"chip.kernels.small", "activation", kKind, kOptional, "Of the gate, times the up-projection."},
        {"chip.kernels.small", "activation_quantise", kKind, kOptional, "The same, written quantised."},
        {"chip.kernels.small", "quantise", kKind, kOptional, "Of attention's output."},
        {"chip.kernels.small", "rotary", kKind, kOptional, "Rotary embedding, and append to the KV cache."},
        {"chip.kernels.small", "add", kKind, kOptional, "Of the shared experts' result."},
        {"chip.kernels.small", "routing", kKind, kOptional, "Scores of the experts, and the best of them."},
        {"chip.kernels.small", "sampling", kKind, kOptional, "Logits to FP32, and the greatest of each row."},
        {"chip.kernels.small", "top_p", kKind, kOptional,
         "Logits to FP32, top-p by sorting each row, and a draw from what is left; for engines with sampling: top_p."},
        {"chip.kernels.small.KIND", "t0", kTime, kRequired, "Time of the kernel with nothing to do."},
        {"chip.kernels.small.KIND", "row_latency", kTime, "0",
         "Added per 1,000 elements of a row: a thread block walks it."},
        {"chip.kernels.small.KIND", "eff_bw", "ratio", kRequired, "Fraction of the memory bandwidth of large steps."},
        {"chip.kernels.small.KIND", "p", "number", "1", "Exponent that joins both; 1: their sum."},
        {"chip.kernels.small.KIND", "near", "mapping: chip.kernels.small.near", kOptional,
         "What the L2 still holds of the kernel before."},
        {"chip.kernels.small.near", "below", kSize, kRequired,
         "Fewer bytes than this come from the L2 in part; less than half of it all."},
        {"chip.kernels.small.near", "share", "ratio", kRequired, "What they then cost, of their price from memory."},
    }),
    provenance_rows("chip.kernels.small.KIND"));

}  // namespace

std::span<const Key> small_keys() { return kKeys; }

}  // namespace tokenyard::config
