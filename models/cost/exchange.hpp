#pragma once

#include "models/base/units.hpp"
#include "models/cost/collectives.hpp"
#include "models/cost/network_figures.hpp"
#include "models/device/collective_kernels.hpp"
#include "models/device/dtype.hpp"
#include "models/llm/architecture.hpp"
#include "models/llm/parallel_plan.hpp"

#include <cstdint>

namespace tokenyard::cost {

/// Tokens that are sent to their experts, or their results that come back.
struct ExchangeShape {
  double tokens_per_chip = 0;  ///< that a chip sends out
  double choices = 0;          ///< experts of a token: top_k, and the shared ones where they have ranks of their own
  double groups = 1;           ///< that the experts are dealt to, of `splits` chips each; groups * splits chips in all
  double splits = 1;           ///< chips that share each expert; every one of them gets the token
  double bytes_per_copy = 0;
  double domain_limit = 0;  ///< domains that a token's experts may lie in (node-limited routing); 0: any number
  bool balanced = false;  ///< a token's experts never meet on a rank before all ranks have one, as benchmarks deal them
};

/// Ranks of `ranks` that hold at least one of `choices` experts, drawn evenly: ranks*(1 - (1 - 1/ranks)^choices);
/// balanced: min(ranks, choices).
[[nodiscard]] double distinct_ranks(double choices, double ranks, bool balanced = false);

/// Bytes out of one chip's ports, V = tokens_per_chip * bytes_per_copy, n ranks of d domains, g = n/d:
///   per expert  V*k*splits, per rank V*distinct*splits, each: (g-1)/n of them inside, (n-g)/n across
///   per domain  inside V*distinct*splits*(g-1)/g, across V*distinct domains*(d-1)/d
/// A library that runs r ranks a chip has n = r * chips: what goes to another die of the package counts as sent.
[[nodiscard]] PortBytes exchange_bytes(const ExchangeShape& shape, const GroupLinks& links,
                                       const models::ExchangeKernel& kernel);

enum class Direction : std::uint8_t { Dispatch, Combine };

/// MoE dispatch or combine among the chips of `links`; the form stands at models::ExchangeCoefficients. On one plane
/// (links.one_plane) bytes inside and across share the ports and add up whatever the kernel's overlap.
/// Combine sends what dispatch received; the busiest port is the receiving one, with the same bytes.
[[nodiscard]] Seconds exchange_time(const ExchangeShape& shape, const GroupLinks& links,
                                    const models::ExchangeKernel& kernel, Direction direction);

/// What a layer of `llm` dispatches and combines when the instance's stage of `links.domains` domains holds `tokens`
/// tokens, spread evenly. Every split of an expert gets the token; they add up their parts, and one of them returns it.
/// Domains under group-limited routing, groups dealt to domains in order: the expected number that top_groups groups
/// drawn evenly lie in.
[[nodiscard]] ExchangeShape dispatch_shape(const models::LlmSpec& llm, const models::ParallelPlan& plan,
                                           const models::Precision& precision, const GroupLinks& links, double tokens);
[[nodiscard]] ExchangeShape combine_shape(const models::LlmSpec& llm, const models::ParallelPlan& plan,
                                          const GroupLinks& links, double tokens);

/// Bytes of one token's hidden vector as dispatch sends it: FP8 and INT8 hidden + 4 a block of 128 + 16 of header,
/// NVFP4 hidden/2 + hidden/16, else BF16. Combine always returns BF16.
[[nodiscard]] double dispatch_bytes(double hidden, models::GemmKind experts);
[[nodiscard]] double combine_bytes(double hidden);
/// The same where every chip gathers all tokens: quantised before where the format's scale needs no search (static FP8
/// hidden, NVFP4 as above), else BF16. Source: TensorRT-LLM,
/// tensorrt_llm/_torch/modules/fused_moe/fused_moe_cutlass.py; its blog 3 on DeepSeek-R1 tells of the FP4 all-gather.
[[nodiscard]] double gathered_bytes(double hidden, models::GemmKind experts);

}  // namespace tokenyard::cost
