#include "sim/config/key_groups.hpp"

#include <array>

namespace tokenyard::config {
namespace {

constexpr std::string_view kTime = "s, ms, us, ns, min, h";
constexpr std::string_view kSize = "B, kB, MB, GB, TB, KiB, MiB, GiB";
constexpr std::string_view kBandwidth = "GB/s, TB/s, MB/s, B/s, Gbps, Tbps, Mbps, GiB/s";
constexpr std::string_view kBase =
    "Name of an entry (or a .yaml file) that this mapping is laid over key by key; ~ takes a key of it away.";
constexpr std::string_view kOperation = "mapping: collectives.operation";
constexpr std::string_view kOf = "Coefficients of this operation inside one domain.";
constexpr std::string_view kDirection = "mapping: collectives.direction";

constexpr auto kKeys = joined(
    std::to_array<Key>({
        {"collectives", "base", "text", kOptional, kBase},
        {"collectives", "name", "text", "custom", "Name of the entry, as the file is called."},
        {"collectives", "latency", kTime, kOptional,
         "One way in the domain that all tables were measured in, which their launches hold; what a domain has beyond "
         "is "
         "added to every step of a collective. Nothing is added when left out."},
        {"collectives", "all_reduce", "text", kRequired, "Which of `all_reduces` engines use inside a domain."},
        {"collectives", "fused_norm", "mapping: collectives.fused_norm", kOptional,
         "What engines with norm_in_all_reduce take up to some sizes whose own all-reduce has no norm inside."},
        {"collectives.fused_norm", "kernel", "text", kRequired, "Which of `all_reduces`, one with `norm`."},
        {"collectives.fused_norm", "ranks_2", kSize, kOptional, "Largest buffer among 2 ranks; default: not taken."},
        {"collectives.fused_norm", "ranks_4", kSize, kOptional, "Among 4."},
        {"collectives.fused_norm", "ranks_8", kSize, kOptional, "Among 8."},
        {"collectives.fused_norm", "source", "text", kRequired, "Where these limits come from."},
        {"collectives", "library", "text", kRequired, "Which of `libraries` does everything else."},
        {"collectives", "decode_exchange", "text", kRequired, "Which of `exchanges` steps use that only decode."},
        {"collectives", "prompt_exchange", "text", kRequired,
         "Which of `exchanges` steps use that hold prompt tokens."},
        {"collectives", "all_reduces", "mapping of names: collectives.all_reduce", kRequired,
         "All-reduce kernels of serving engines, by engine and version."},
        {"collectives", "libraries", "mapping of names: collectives.library", kRequired,
         "Collective libraries, by name and version."},
        {"collectives", "exchanges", "mapping of names: collectives.exchange", kRequired,
         "MoE dispatch and combine kernels, by library and mode."},

        {"collectives.all_reduce", "one_shot_t0", kTime, kRequired, "Floor when every rank reads all others at once."},
        {"collectives.all_reduce", "per_peer", kTime, kRequired, "Added for every other rank."},
        {"collectives.all_reduce", "one_shot_eff", "ratio", kRequired, "Fraction of the link, one-shot."},
        {"collectives.all_reduce", "two_shot_t0", kTime, kRequired, "Floor of reduce-scatter, then all-gather."},
        {"collectives.all_reduce", "two_shot_eff", "ratio", kRequired, "Fraction of the link, two-shot."},
        {"collectives.all_reduce", "norm", kTime, kOptional,
         "Residual and norm inside the kernel, beyond the all-reduce, for engines with norm_in_all_reduce; default: no "
         "kernel does both."},
        {"collectives.all_reduce", "up_to", kSize, "8 MiB", "Largest buffer it takes; the library does larger ones."},
        {"collectives.all_reduce", "most_ranks", "count", "8",
         "Most ranks it takes; the library does more. Default: custom kernels of vLLM, SGLang and TensorRT-LLM."},
    }),
    provenance_rows("collectives.all_reduce"),
    std::to_array<Key>({
        {"collectives.library", "all_reduce", kOperation, kRequired, kOf},
        {"collectives.library", "all_gather", kOperation, kRequired, kOf},
        {"collectives.library", "reduce_scatter", kOperation, kRequired, kOf},
        {"collectives.library", "all_to_all", kOperation, kRequired, kOf},
        {"collectives.library", "in_network", "mapping: collectives.in_network", kOptional,
         "All-reduce in switches that add; used on planes with `in_network_reduction`."},
        {"collectives.library", "two_level", "mapping: collectives.two_level", kRequired, "Over several domains."},
        {"collectives.library", "point_to_point", "mapping: collectives.point_to_point", kRequired,
         "Send and receive."},
        {"collectives.operation", "launch", kTime, kRequired, "Floor: launch and protocol."},
        {"collectives.operation", "per_peer", kTime, kRequired,
         "Added for every other rank: one hop of a small message."},
        {"collectives.operation", "eff", "ratio", "1",
         "Fraction of the link; below 1 where a hop is no plain copy over it (through the host's memory)."},
        {"collectives.operation", "copy", "ratio", kRequired,
         "Rate of the pass over the buffer that every byte pays once, over the link."},
        {"collectives.operation", "fill", kTime, kRequired,
         "c of sqrt(c * X): filling the pipeline, change of protocol."},
    }),
    provenance_rows("collectives.operation"),
    std::to_array<Key>({
        {"collectives.in_network", "launch", kTime, kRequired, "Floor."},
        {"collectives.in_network", "eff", "ratio", kRequired, "Fraction of the link."},
        {"collectives.in_network", "fill", kTime, kRequired, "c of sqrt(c * X)."},
        {"collectives.in_network", "from", kSize, "2 MB", "Smallest buffer that goes this way."},
    }),
    provenance_rows("collectives.in_network"),
    std::to_array<Key>({
        {"collectives.two_level", "launch", kTime, kRequired, "Floor without the wire's latency."},
        {"collectives.two_level", "across_eff", "ratio", kRequired, "Fraction of a rank's uplink."},
        {"collectives.two_level", "fill", kTime, kRequired, "c of sqrt(c * X)."},
        {"collectives.two_level", "paths", "one of: tree | direct", "tree",
         "Latencies of the wire: tree: 2 log2 of the domains; direct: 2, every domain sends to every other."},
    }),
    provenance_rows("collectives.two_level"),
    std::to_array<Key>({
        {"collectives.point_to_point", "launch_inside", kTime, kRequired, "Floor inside a domain."},
        {"collectives.point_to_point", "eff_inside", "ratio", "1", "Fraction of the link."},
        {"collectives.point_to_point", "launch_across", kTime, kRequired, "Floor between domains, without the wire."},
        {"collectives.point_to_point", "eff_across", "ratio", "1", "Fraction of a rank's uplink."},
    }),
    provenance_rows("collectives.point_to_point"),
    std::to_array<Key>({
        {"collectives.exchange", "copies", "one of: per_expert | per_rank | per_domain", kRequired,
         "What is sent of a token: a copy to each chosen expert, one to each rank that holds one, or one to each "
         "domain "
         "and "
         "there one to each rank."},
        {"collectives.exchange", "sms", "count", "0", "SMs that the kernel takes while it runs."},
        {"collectives.exchange", "ranks_per_chip", "count", "1",
         "Ranks of the library on one chip: 2 where each die of a package is one."},
        {"collectives.exchange", "dispatch", kDirection, kRequired, "Tokens to experts."},
        {"collectives.exchange", "combine", kDirection, kRequired, "Results back."},
        {"collectives.direction", "launch", kTime, kRequired, "Floor in one domain, at one rank."},
        {"collectives.direction", "per_doubling", kTime, "0", "Added for every doubling of the ranks of one domain."},
        {"collectives.direction", "across_launch", kTime, kOptional,
         "Floor over several domains, without the wire; `launch` when left out."},
        {"collectives.direction", "across_per_doubling", kTime, "0", "Added for every doubling of the domains."},
        {"collectives.direction", "eff", "ratio", kRequired, "Fraction of the link inside a domain."},
        {"collectives.direction", "across_eff", "ratio", "1", "Fraction of a rank's uplink."},
        {"collectives.direction", "overlap", "number", "1",
         "Exponent that joins the times of both networks; 1: their sum, large: the longer."},
        {"collectives.direction", "norm", "number", "1", "Exponent that joins floor and bytes; 1: their sum."},
        {"collectives.direction", "rate_per_sm", kBandwidth, "0", "That one SM moves in one domain; 0: no limit."},
        {"collectives.direction", "across_rate_per_sm", kBandwidth, "0", "Likewise over several domains; 0: no limit."},
        {"collectives.direction", "per_token", kTime, "0",
         "Serial part for every token that a rank sends, in one domain."},
    }),
    provenance_rows("collectives.direction"));

}  // namespace

std::span<const Key> collective_keys() { return kKeys; }

}  // namespace tokenyard::config
