#include "sim/config/keys.hpp"

#include <array>

namespace tokenyard::config {
namespace {

constexpr std::string_view kTime = "s, ms, us, ns, min, h";
constexpr std::string_view kRate = "GB/s, TB/s, MB/s, B/s, Gbps, Tbps, Mbps, GiB/s";
constexpr std::string_view kSize = "B, kB, MB, GB, TB, KiB, MiB, GiB";
constexpr std::string_view kGemm = "one of: native | bf16 | fp8 | fp8_block | int8 | nvfp4 | w4a16 | w4a8";
constexpr std::string_view kOtherGemm = "one of: weights | bf16 | fp8 | fp8_block | int8 | nvfp4 | w4a16 | w4a8";

constexpr auto kKeys = std::to_array<Key>({
    {"experiment", "schema", "count", kRequired, "Version of this file format: 1."},
    {"experiment", "name", "text", kRequired, "Name of the run; results go to out/NAME."},
    {"experiment", "description", "text", kOptional, "What the run is to show, for a reader."},
    {"experiment", "seed", "count", "1", "Seed of all random streams."},
    {"experiment", "topology", "mapping: topology", kRequired,
     "The machine: a name in topologies/, or a mapping in place."},
    {"experiment", "llm", "mapping: llm", kRequired,
     "The model: a name in models/catalog/llms, or a mapping in place."},
    {"experiment", "chips", "mapping: chip by name", kOptional,
     "Chips in place of catalogue entries, by the name the topology uses."},
    {"experiment", "pools", "mapping: pool by name", kRequired,
     "Instances of the model: one pool of role mixed, or one prefill and one decode."},
    {"experiment", "planes", "mapping: planes", kOptional,
     "Which network carries which traffic, where not the default one."},
    {"experiment", "network", "mapping: network", kOptional, "How traffic of different kinds shares links."},
    {"experiment", "request_transfer", "mapping: request_transfer", kOptional,
     "What calls and tokens weigh, where planes.front_end carries them."},
    {"experiment", "kv_transfer", "mapping: kv_transfer", kOptional,
     "How KV caches travel from prefill to decode instances."},
    {"experiment", "workload", "mapping: workload", kRequired, "Where requests come from."},
    {"experiment", "output", "mapping: output", kOptional, "What is written besides the summary."},

    {"pool", "role", "one of: mixed | prefill | decode", "mixed", "What its instances compute."},
    {"pool", "chip", "text", kOptional, "Kind of chip, where the topology has several."},
    {"pool", "instances", "count", "1", "Independent copies of the model."},
    {"pool", "parallel", "mapping: parallel", kOptional, "How one copy is spread over chips."},
    {"pool", "ffn", "mapping: ffn", kOptional,
     "FFN and experts on chips of their own, beside those of `parallel`, which then hold attention and KV; in decode "
     "pools."},
    {"pool", "precision", "mapping: precision", kOptional, "Number formats of weights and KV cache."},
    {"pool", "engine", "mapping: engine", kOptional, "How the engine forms steps and uses memory."},
    {"pool", "cost", "mapping: cost", kOptional, "What prices its kernels; absent: the formulas of the chip."},
    {"pool", "speculation", "mapping: speculation", kOptional, "Speculative decoding; absent: none."},
    {"pool", "router", "a kind of router, or mapping: router", "round_robin",
     "Which instance of the pool a request goes to; one word takes the kind's defaults."},

    {"cost", "kind", "one of: formula | table", kRequired,
     "formula: the chip's coefficients. table: times of your own kernels where `files` have the shape, else the "
     "formula."},
    {"cost", "files", "list: text", kOptional,
     "Kernel tables as `tokenyard calibrate` reads them; relative to the file that names them."},

    {"ffn", "chips", "count", kRequired, "Chips of an instance that hold FFN and experts."},
    {"ffn", "tensor", "count", "1",
     "Chips that share the matrices of shared experts and of the dense FFN; 1: whole on each."},
    {"ffn", "expert", "count", kOptional,
     "Groups of whole experts, redundant ones included; the chips of a group share all matrices of theirs. Absent: one "
     "a chip."},
    {"ffn", "chip", "text", kOptional, "Their kind; without it the pool's."},
    {"ffn", "micro_batches", "count", "3",
     "Parts of a step's batch that are in flight between both sides, at most 16."},

    {"parallel", "tensor", "count", "1", "Chips that share every matrix of an attention rank."},
    {"parallel", "pipeline", "count", "1", "Stages of consecutive layers; as many batches are in flight."},
    {"parallel", "attention_data", "count", "1",
     "Attention ranks of a stage, each with its own batch and KV cache, in lockstep."},
    {"parallel", "expert", "count", "1", "Groups of whole experts; divides tensor * context * attention_data."},
    {"parallel", "context", "count", "1",
     "Groups of `tensor` chips that share a prompt by position; in prefill pools."},
    {"parallel", "redundant_experts", "count", "0", "Replicas of experts in every MoE layer, besides one of each."},
    {"parallel", "shared_expert_ranks", "count", "0",
     "Of the expert ranks, those that hold a copy of the shared experts and nothing else; 0: every rank computes them "
     "for its own tokens."},
    {"parallel", "eplb", "one of: off | on | ideal", "off",
     "Who places experts and replicas: nobody, DeepSeek's balancer by the loads, or one that makes ranks alike."},
    {"parallel", "expert_load", "one of: fitted | balanced | power_law | log_normal | measured", "fitted",
     "Loads of the experts; fitted: as tables are taken for the model, experts by the power law of llm.moe.load_alpha, "
     "their exchange evenly."},
    {"parallel", "expert_load_alpha", "number", "0.6",
     "Exponent of power_law; 0 spreads loads evenly between least and most, which is not balanced."},
    {"parallel", "expert_load_sigma", "number", "1.03",
     "Standard deviation of the logarithms of the loads, for log_normal; the default is DeepSeek-R1's (TensorRT-LLM)."},
    {"parallel", "expert_load_drift", "number", "0.1",
     "How far an expert's load strays from step to step: standard deviation over the load, for power_law, log_normal "
     "and measured; the default is DeepSeek-R1's."},
    {"parallel", "expert_shares", "list: number", kOptional, "Loads of the experts, of any scale, for measured."},
    {"parallel", "kv", "count", "1", "Chips of a tensor group that share a cache of which each would hold a copy."},

    {"precision", "weights", kGemm, "native",
     "All that no other key names, but LM head and router, which are BF16; native: as the checkpoint."},
    {"precision", "experts", kGemm, "native",
     "Routed experts; native: as the checkpoint, MXFP4 with 8-bit activations (w4a8) where the chip has such kernels."},
    {"precision", "kv", "one of: bf16 | fp8 | int8", "bf16", "KV cache."},
    {"precision", "ffn", kOtherGemm, "weights", "Dense FFN and shared experts; weights: as those."},
    {"precision", "attention_output", kOtherGemm, "weights", "Projection behind attention; weights: as those."},

    {"speculation", "tokens", "count", kRequired, "Drafts that a decode verifies in a step; 0 = none."},
    {"speculation", "acceptance", "list: ratio", kRequired,
     "That a draft is accepted when all before it are, by position; or one for all positions."},
    {"speculation", "draft", "one of: mtp | eagle, or mapping: draft", "mtp",
     "Who drafts: the model's multi-token-prediction layer, one dense decoder layer, or a model; once a draft."},

    {"draft", "llm", "mapping: llm", kRequired,
     "A smaller model of the same vocabulary, in the formats of its checkpoint, on the chips of the last stage: a name "
     "in models/catalog/llms, or a mapping in place."},

    {"planes", "tensor", "text", kOptional,
     "All-reduces of attention ranks, and what chips that share a cache send each other. Default: the scale-up plane "
     "in its domains, between them too where it joins them, else the "
     "scale-out plane."},
    {"planes", "expert", "text", kOptional, "Dispatch, combine and all-reduces of experts; default as tensor."},
    {"planes", "pipeline", "text", kOptional, "From stage to stage; default as tensor."},
    {"planes", "kv", "text", kOptional, "KV caches from prefill to decode instances: the same as kv_transfer.plane."},
    {"planes", "offload", "text", kOptional,
     "KV blocks to and from the tiers of caches. Default: the plane of the first store of the tier's kind that the "
     "chips "
     "reach."},
    {"planes", "weights", "text", kOptional,
     "Weights from a pool of the machine to its chips, before a run (`explain` says how long). Default: the plane of "
     "the "
     "first pool that all chips reach."},
    {"planes", "front_end", "text", kOptional,
     "Calls from users to instances and tokens back to them. Default: none; both are there at once, and weigh "
     "nothing."},

    {"request_transfer", "per_prompt_token", kSize, "4 B",
     "Of a call, for every token of its prompt. Default: 4 characters of English a token (OpenAI's help page on "
     "tokens)."},
    {"request_transfer", "per_output_token", kSize, "249 B",
     "Of an answer, for every token. Default: one event a token as vLLM streams a chat completion, JSON and framing of "
     "events 243 B (output in vLLM PR 15593), of HTTP chunks 6 B; without TCP and IP headers."},
    {"request_transfer", "bandwidth", kRate, kOptional,
     "Per direction between the plane and all users together. Default: a port of every node that calls go to."},

    {"network", "contention", "one of: on | off", "on",
     "on: KV hand-offs and collectives on the same links slow each other; off: each sees idle links."},
    {"network", "fidelity", "one of: step | flow", "step",
     "step: collectives are a part of a step's price and meet hand-offs as averages. flow: they are flows from chip to "
     "chip on the "
     "same links, for small runs: each step costs rounds x chips x peers flows of some 10 us."},
    {"network", "rounds", "count", "0",
     "Of `fidelity: flow`: turns that computation and collectives take in a step; 0 = the model's layers."},
    {"network", "solver", "one of: flat | simgrid", "flat",
     "Who says how flows share links, max-min fairly both. flat: the program itself. simgrid: SimGrid, the reference, "
     "10 to 40 times slower a flow; the same to the nanosecond, but that a flow never gets more than its narrowest "
     "link had at its start, though contention had slowed that."},

    {"kv_transfer", "plane", "text", kOptional,
     "Network that carries KV caches; without it the scale-up plane where it joins both sides, else the scale-out "
     "plane."},
    {"kv_transfer", "setup", kTime, "400 us",
     "Software before the first byte, once a request. Default: 382 us fitted on Mooncake 1P1D transfers (H800, RDMA)."},
    {"kv_transfer", "direction", "one of: pull | push", "pull",
     "pull: once the decode side has KV blocks for the request. push: once the KV is computed, into a buffer of the "
     "decode side "
     "that its blocks do not count."},
    {"kv_transfer", "when", "one of: after_prefill | with_prefill", "after_prefill",
     "with_prefill (a push): layer by layer behind every prefill step, to a decode instance chosen as the first one "
     "starts."},
    {"kv_transfer", "chunk_tokens", "count", "0", "Tokens that one transfer operation carries; 0 = all of a request."},
    {"kv_transfer", "per_chunk", kTime, "0 s",
     "Software from one operation to the next; the last byte arrives no sooner than the last operation is posted."},
    {"kv_transfer", "non_cached_tokens", "count", "0",
     "A prompt of which the decode instance lacks fewer tokens is prefilled there and skips the prefill pool (llm-d: "
     "nonCachedTokens); 0 = "
     "none. The router of the decode pool says what is there; one that knows no caches, nothing."},
    {"kv_transfer", "replicas", "one of: each | once", "each",
     "KV that several chips of a decode rank hold (latent attention, more chips than KV heads) crosses the network for "
     "each of "
     "them, or once, copied on inside the instance at no cost."},
    {"kv_transfer", "efficiency", "ratio", "0.7",
     "Share of the links' wire rate that the connector reaches, protocol included; at most the plane's own efficiency. "
     "Default: 0.70 to 0.72 fitted on Mooncake 1P1D transfers."},

    {"output", "requests", "true or false", "true", "Write requests.csv (a row a request)."},
    {"output", "steps", "true or false", "false", "Write steps.csv (a row a step of an instance)."},
    {"output", "interval", kTime, "1 s", "Interval of timeseries.csv; doubled until a run has at most 4,096 of them."},
});

}  // namespace

std::span<const Key> experiment_keys() { return kKeys; }

}  // namespace tokenyard::config
