#pragma once

#include "models/base/units.hpp"
#include "models/cost/network_figures.hpp"
#include "models/device/dtype.hpp"
#include "models/device/kernels.hpp"

#include <cstdint>

namespace tokenyard::cost {

/// Collectives on an idle network, closed forms. Every bandwidth is the group's (GroupLinks); the coefficients give
/// launches and the share of a link that the kernel reaches. A group of one rank costs nothing.
/// Inside one domain the wire's latency is part of the measured launches and is not added again.

/// All-reduce of `size` on every rank of `links`, g = ranks / domains ranks a domain:
///   one domain   min( a1 + b(g-1) + (g-1)*S/(e1*port) , a2 + b(g-1) + 2(g-1)/g*S/(e2*port) )
///   several, d   a2 + b(g-1) + a1 + 2*ceil(log2 d)*latency + max( 2(g-1)/g*S/(e2*port) , 2(d-1)/d*S/g/uplink )
/// that is, a reduce-scatter and all-gather inside each domain, and an all-reduce of each rank's part across domains,
/// pipelined. With one rank a domain the inner phase falls away.
/// Source: network study of the project: custom all-reduce kernels of vLLM and SGLang, and NCCL on 2 x 8 H100.
[[nodiscard]] Seconds all_reduce_time(Bytes size, const GroupLinks& links, const models::AllReduceCoefficients& c);

/// Tokens that are sent to their experts, or their results that come back.
struct ExchangeShape {
  double tokens_per_rank = 0;  ///< that a rank sends out
  double copies = 0;           ///< ranks that each token goes to: min(top_k, expert groups) * splits of an expert
  double bytes_per_copy = 0;
};
/// MoE dispatch or combine among the ranks of `links`, V = tokens_per_rank * copies * bytes_per_copy, copies spread
/// evenly over the n ranks of d domains:
///   one domain   a0 + a1*log2(n) + V*(n-1)/n/(eta*port)
///   several, d   a0 + a1*log2(n) + latency + max( V*(n/d-1)/n/(eta*port) , V*(d-1)/d/uplink )
/// Source: network study of the project: DeepEP low-latency kernels, where the slower of both networks decides.
[[nodiscard]] Seconds exchange_time(const ExchangeShape& shape, const GroupLinks& links,
                                    const models::ExchangeCoefficients& c);

/// Bytes of one token's hidden vector as dispatch sends it: FP8 and INT8 hidden + 4 a block of 128 + 16 of header,
/// NVFP4 hidden/2 + hidden/16, else BF16. Combine always returns BF16.
[[nodiscard]] double dispatch_bytes(double hidden, models::GemmKind experts);
[[nodiscard]] double combine_bytes(double hidden);

/// One hop between neighbouring pipeline stages: send/receive launch + size/bandwidth, and across domains the latency.
/// Source of the launch: NCCL send/receive on H100, 7.7 us in a domain and 19.7 us across (network study).
[[nodiscard]] Seconds stage_hop_time(Bytes size, const GroupLinks& links);

}  // namespace tokenyard::cost
