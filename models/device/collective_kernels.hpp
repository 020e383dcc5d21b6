#pragma once

#include "models/base/units.hpp"
#include "models/device/provenance.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace tokenyard::models {

// Coefficients of what a communication library's kernels do on one chip. Launches are software: they follow the version
// of the library more than the chip. Shares of a link carry over from chip to chip. A link is always the group's, as
// the topology gives it (payload rate, efficiency included).

/// Operations of a collective library, in the order of nccl-tests.
enum class Collective : std::uint8_t { AllReduce, AllGather, ReduceScatter, AllToAll };
inline constexpr std::size_t kCollectives = 4;
[[nodiscard]] std::string_view name(Collective op);  ///< "all_reduce", "all_gather", "reduce_scatter", "all_to_all"

/// All-reduce of a serving engine's own kernels inside one switched domain of link B, S bytes, p ranks:
///   one-shot a1 + b(p-1) + (p-1)S/(e1*B) ; two-shot a2 + b(p-1) + 2(p-1)/p*S/(e2*B) ; the smaller; p = 2: one-shot
/// A kernel that adds the residual and normalises as well takes `norm` longer; absent, no kernel of these does.
struct AllReduceCoefficients {
  Seconds one_shot_t0;             ///< a1
  Seconds per_peer;                ///< b
  double one_shot_eff = 1;         ///< e1
  Seconds two_shot_t0;             ///< a2
  double two_shot_eff = 1;         ///< e2
  std::optional<Seconds> norm{};   ///< of a kernel with residual and norm inside, beyond the all-reduce
  Bytes up_to{8.0 * 1024 * 1024};  ///< largest buffer it takes; the library does the rest
  /// Most ranks it takes. Default: vLLM's custom_all_reduce.py has 2, 4, 6 and 8 (_SUPPORTED_WORLD_SIZES), SGLang's the
  /// same, TensorRT-LLM's custom all-reduce stays in a node.
  std::uint32_t most_ranks = 8;
  /// One way in the domain it was measured in, which its launches hold; absent: what a domain has beyond is not known.
  std::optional<Seconds> latency{};
  Provenance provenance;
};

/// The kernel with residual and norm inside that engines take up to some sizes whose own all-reduce has none.
struct FusedNorm {
  std::string kernel;                    ///< a key of all_reduces, of one that has `norm`; empty: there is none
  std::map<std::uint32_t, Bytes> up_to;  ///< by ranks of one domain; not taken among others
};

/// One operation of a library inside a switched domain of link B, V bytes out of the busiest port, S bytes of buffer:
///   t = launch + per_peer*(p-1) + X + sqrt(fill*X) ,  X = V/(eff*B) + S/(copy*B)
/// S/(copy*B) is the pass over the buffer that every byte pays once whatever p; sqrt(fill*X) fills the pipeline and
/// changes protocols.
struct RingCoefficients {
  Seconds launch;
  Seconds per_peer;
  double eff = 1;  ///< of the link; below 1 where a hop is not one copy over it (through the host's memory)
  double copy = 1;
  Seconds fill;
  Provenance provenance;
};

/// All-reduce in switches that add (NVLS): each port carries V = (1 + 1/p)S; t = launch + X + sqrt(fill*X), X =
/// V/(eff*B).
struct InNetworkCoefficients {
  Seconds launch;
  double eff = 1;
  Seconds fill;
  Bytes from;  ///< smallest buffer it is used for
  Provenance provenance;
};

/// All-reduce over several domains, one phase a network, pipelined:
///   t = launch + h * wire's latency + X + sqrt(fill*X) , X = max( inside , 2(d-1)/d * S/g / (across_eff*uplink) )
/// h = 2 ceil(log2 d), up and down a tree of domains; where each sends to all others directly (a dragonfly), 2.
struct TwoLevelCoefficients {
  Seconds launch;
  double across_eff = 1;
  Seconds fill;
  bool direct = false;  ///< every domain to every other, and not along a tree
  Provenance provenance;
};

/// One rank to one other: t = launch + S/(eff*B), inside a domain and between domains.
struct PointToPointCoefficients {
  Seconds launch_inside;
  double eff_inside = 1;
  Seconds launch_across;
  double eff_across = 1;
  std::optional<Seconds> latency{};  ///< as AllReduceCoefficients::latency
  Provenance provenance;
};

/// A library such as NCCL, one version.
struct LibraryCoefficients {
  std::array<RingCoefficients, kCollectives> ring;  ///< by Collective
  std::optional<InNetworkCoefficients> in_network;
  TwoLevelCoefficients two_level;
  PointToPointCoefficients point_to_point;
  std::optional<Seconds> latency{};  ///< as AllReduceCoefficients::latency

  [[nodiscard]] const RingCoefficients& of(Collective op) const { return ring.at(static_cast<std::size_t>(op)); }
};

/// What an exchange kernel sends of a token with k chosen experts.
enum class ExchangeCopies : std::uint8_t {
  PerExpert,  ///< a copy to every chosen expert's rank, k in all (DeepEP low latency, CANN)
  PerRank,    ///< one to each rank that holds a chosen expert (TensorRT-LLM one-sided and two-sided)
  PerDomain   ///< one over the outer network to each domain, there one to each rank (DeepEP normal)
};

/// MoE dispatch or combine among n ranks of d domains, I and A bytes out of a rank's port inside and across:
///   inside = I / min(eff*port, rate*sms), rate = d == 1 ? rate_per_sm : across_rate_per_sm ; across =
///   A/(across_eff*uplink) a      = d == 1 ? launch + per_doubling*log2(n) : across_launch +
///   across_per_doubling*log2(d) + wire latency t      = pnorm_norm( a , pnorm_overlap(inside, across) ) + (d == 1 ?
///   per_token*tokens : 0)
struct ExchangeCoefficients {
  Seconds launch;
  Seconds per_doubling;
  Seconds across_launch;
  Seconds across_per_doubling;
  double eff = 1;
  double across_eff = 1;
  double overlap = 1;                 ///< 1: one network after the other; large: the slower decides
  double norm = 1;                    ///< 1: launch, then bytes; above: the launch is partly hidden behind the bytes
  BytesPerSecond rate_per_sm;         ///< that one SM moves when there is one domain; 0: never the limit
  BytesPerSecond across_rate_per_sm;  ///< likewise with several, where it forwards as well
  Seconds per_token;                  ///< serial part per token that a rank sends
  std::optional<Seconds> latency{};   ///< as AllReduceCoefficients::latency
  Provenance provenance;
};

/// Both directions of one exchange kernel.
struct ExchangeKernel {
  ExchangeCopies copies = ExchangeCopies::PerExpert;
  std::uint32_t sms = 0;             ///< that it takes while it runs; 0: none to speak of
  std::uint32_t ranks_per_chip = 1;  ///< the library's ranks on one chip: 2 where each die of a package is one
  ExchangeCoefficients dispatch;
  ExchangeCoefficients combine;
};

/// Named tables of software for one chip, and which of them a run uses.
struct CollectiveKernels {
  std::string name;                                          ///< of the entry
  std::map<std::string, AllReduceCoefficients> all_reduces;  ///< "vllm-0.24"
  std::map<std::string, LibraryCoefficients> libraries;      ///< "nccl-2.29"
  std::map<std::string, ExchangeKernel> exchanges;           ///< "deepep-low-latency"
  std::string all_reduce;                                    ///< in use; a key of all_reduces, as below
  FusedNorm fused_norm;
  std::string library;
  Bytes one_shot_up_to;  ///< > 0, of more than two ranks: one shot up to here whatever is quicker, then the library
  std::string decode_exchange;  ///< of steps that only decode
  std::string prompt_exchange;  ///< of steps that hold prompt tokens

  [[nodiscard]] const AllReduceCoefficients& own_all_reduce() const { return all_reduces.at(all_reduce); }
  /// The kernel that adds up `size`, and adds the residual and normalises besides: the one in use where it does, else
  /// that of `fused_norm` up to its size. nullptr: none does.
  [[nodiscard]] const AllReduceCoefficients* all_reduce_with_norm(Bytes size, std::uint32_t ranks) const;
  [[nodiscard]] const LibraryCoefficients& used_library() const { return libraries.at(library); }
  [[nodiscard]] const ExchangeKernel& exchange(bool prompts) const {
    return exchanges.at(prompts ? prompt_exchange : decode_exchange);
  }
};

/// Throws SpecError("kernels.collectives...", ...) for an efficiency outside (0, 1], a negative time, a name in use
/// that no table has; the message lists the names.
void validate(const CollectiveKernels& kernels);

}  // namespace tokenyard::models
