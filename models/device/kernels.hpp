#pragma once

#include "models/base/units.hpp"
#include "models/device/dtype.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tokenyard::models {

/// The values of one figure of the shapes ("m", "context") that a set of coefficients was fitted on.
struct ValidRange {
  std::string figure;
  double least = 0.0;
  double greatest = 0.0;
};

/// Where a set of coefficients comes from, and how far it was off on shapes it was not fitted on. What was never
/// measured is absent.
struct Provenance {
  std::string source;               ///< never empty
  std::optional<double> error_p50;  ///< median of |ln(predicted / measured)|
  std::optional<double> error_p90;  ///< its 90th percentile
  std::uint32_t rows = 0;           ///< shapes measured, those held out included; 0: unknown
  std::vector<ValidRange> valid;    ///< a shape outside one of these is extrapolated; empty: unknown
};

/// Matrix product [M,K] x [K,N] on one chip:
///   t = t0 + k_latency * K/1000 + pnorm_p( 2MNK/(peak*eff_flops), (NK*wB + MK*aB + 2MN)/(BW*eff_bw) ) +
///   act_pass*4MK/BW
struct GemmCoefficients {
  Seconds t0;
  double eff_flops = 1.0;
  double eff_bw = 1.0;
  double p = 1e9;         ///< exponent of the p-norm; large = plain maximum
  Seconds k_latency;      ///< per 1,000 of K: a thread block walks K serially
  double act_pass = 0.0;  ///< passes over the activations when the kernel quantises them itself
  Provenance provenance;
};

/// Decode attention, GQA/MHA: t = pnorm_p(t0, KV bytes / (BW*eff_bw)); p < 1 is slower than the sum of both.
struct DecodeAttentionCoefficients {
  Seconds t0;
  double eff_bw = 1.0;
  double p = 1.0;
  Provenance provenance;
};

/// Context (prefill) attention: t = t0 + FLOP/(bf16 peak * eff_flops) + activation bytes/(BW * eff_io).
struct ContextAttentionCoefficients {
  Seconds t0;
  double eff_flops = 1.0;
  double eff_io = 1.0;
  Provenance provenance;
};

/// MLA decode, absorbed: t = t0 + max( FLOP/(bf16 peak * eff_flops), latent bytes/(BW * eff_bw) ).
struct MlaDecodeCoefficients {
  Seconds t0;
  double eff_flops = 1.0;
  double eff_bw = 1.0;
  Provenance provenance;
};

/// MoE grouped product of one layer on one rank; T tokens of the whole EP group, T' of them whose results it adds up (all where
/// every chip holds every token, its own where tokens are dispatched), E experts, k chosen, I inner size:
///   tk = T*k/ep ; hit = (E/ep)*(1-(1-k/E)^T) ; im = ep^imbalance_exponent
///   t = t0 + per_local_expert*(E/ep) + pnorm_p( 6*tk*h*I*im/(peak*eff_flops), 3*hit*h*I*wB*hit_factor/(BW*eff_bw) )
///       + act_io*im*(tk*(2h*aB+8I+4h)+4hT')/BW
struct MoeCoefficients {
  Seconds t0;
  double eff_flops = 1.0;
  double eff_bw = 1.0;
  double p = 1e9;
  double act_io = 0.0;
  Seconds per_local_expert;
  double imbalance_exponent = 0.0;
  double hit_factor = 1.0;
  Provenance provenance;
};

/// Norms, rotary embedding + KV append, activation-multiply, quantise: t = t0 + bytes/(BW*eff_bw) each.
struct SmallKernelCoefficients {
  Seconds t0;
  double eff_bw = 1.0;
  Provenance provenance;
};

/// All-reduce of the engine's own kernels inside one switched domain of link bandwidth B, S bytes, p ranks:
///   one-shot a1 + b(p-1) + (p-1)S/(e1*B) ; two-shot a2 + b(p-1) + 2(p-1)/p*S/(e2*B) ; the smaller of both
struct AllReduceCoefficients {
  Seconds one_shot_t0;      ///< a1
  Seconds per_peer;         ///< b
  double one_shot_eff = 1;  ///< e1
  Seconds two_shot_t0;      ///< a2
  double two_shot_eff = 1;  ///< e2
  Provenance provenance;
};

/// MoE dispatch or combine inside one switched domain: t = a0 + a1*log2(ep) + bytes of the busiest port / (eta*B).
struct ExchangeCoefficients {
  Seconds a0;
  Seconds a1;
  double eta = 1.0;
  Provenance provenance;
};

/// What the cost model knows about the kernels of one chip. A family that is absent cannot be priced on it.
struct KernelSet {
  std::array<std::optional<GemmCoefficients>, kGemmKinds> gemm;                        ///< by GemmKind
  std::array<std::optional<DecodeAttentionCoefficients>, kDtypes> decode_attention;    ///< by KV dtype
  std::array<std::optional<ContextAttentionCoefficients>, kDtypes> context_attention;  ///< by KV dtype
  std::array<std::optional<MlaDecodeCoefficients>, kDtypes> mla_decode;                ///< by KV dtype
  std::array<std::optional<ContextAttentionCoefficients>, kDtypes> mla_context;        ///< by KV dtype
  std::array<std::optional<MoeCoefficients>, kGemmKinds> moe;                          ///< by GemmKind
  SmallKernelCoefficients small;
  Seconds head_t0;  ///< sampling and the copy of the tokens to the host, per step
  AllReduceCoefficients all_reduce;
  ExchangeCoefficients dispatch;
  ExchangeCoefficients combine;
};

}  // namespace tokenyard::models
