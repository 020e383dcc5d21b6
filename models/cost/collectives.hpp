#pragma once

#include "models/base/units.hpp"
#include "models/cost/network_figures.hpp"
#include "models/device/collective_kernels.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace tokenyard::cost {

// Collectives on an idle network, closed forms. Every bandwidth is the group's (GroupLinks); the coefficients give
// launches and the share of a link that the kernel reaches. A group of one rank costs nothing.
// Launches hold the latency of the domain that they were measured in (`latency` of the coefficients). What a domain has
// beyond is added, for every message that waits for another, nothing where it has less: one shot, direct, one hop 1;
// two shots 2; ring p-1 (all-reduce 2(p-1)) to the neighbour; tree up and down, each the longest way in the domain or
// log2 p neighbours, whichever is more; switches that add 1; the phases inside the domains of two levels 2.

/// Direct: every rank to each that it has something for.
enum class Algorithm : std::uint8_t { OneShot, TwoShot, Ring, Tree, InNetwork, TwoLevel, Direct };
/// "one-shot", "two-shot", "ring", "tree", "in-network", "two-level", "direct"
[[nodiscard]] std::string_view name(Algorithm algorithm);

struct CollectivePrice {
  Seconds time;
  Algorithm algorithm = Algorithm::Ring;
  bool extrapolated = false;  ///< outside what was measured: more than 8 ranks in a domain, more than 2 domains
};

/// Bytes that leave the port of one rank, by where they go. What a price is made of, and what the links carry.
struct PortBytes {
  Bytes inside;  ///< to ranks of the own domain
  Bytes across;  ///< to other domains
};
/// Of an operation on a buffer of `size` on every rank (all-gather: after it, reduce-scatter: before it), n ranks of d
/// domains, g = n/d in each. Ring and two-shot all-reduce inside, shards across:
///   all-reduce 2(g-1)/g*S , 2(d-1)/d*S/g ; all-gather and reduce-scatter (g-1)/g*S , (d-1)*S/n ;
///   all-to-all (g-1)/n*S , (n-g)/n*S ; one-shot (g-1)*S ; in-network (1+1/g)*S inside
[[nodiscard]] PortBytes port_bytes(models::Collective op, Bytes size, const GroupLinks& links, Algorithm algorithm);

/// An operation of the library (NCCL). One domain: RingCoefficients; all-reduce from InNetworkCoefficients::from bytes
/// on the quicker of ring and switches, where the plane has links.in_network_reduction; above 8 ranks the launch is
/// that of a tree, per_peer*2*ceil(log2 p), where that is less. Several domains: TwoLevelCoefficients with the inside
/// bytes of the quicker inner algorithm at port rate, plus 2*ceil(log2 d) wire latencies. The phases are pipelined, so
/// the slower counts; on one plane (links.one_plane) they share the ports, and both count. Source: network study of the
/// project, sections 1 and 8; fits in models/catalog/collectives.
[[nodiscard]] CollectivePrice library_time(models::Collective op, Bytes size, const GroupLinks& links,
                                           const models::LibraryCoefficients& c);

/// All-reduce in the switches of one domain, whatever the ring takes. REQUIRES: links.domains == 1.
[[nodiscard]] Seconds in_network_time(Bytes size, const GroupLinks& links, const models::InNetworkCoefficients& c);

/// The engine's own kernels, one domain: the smaller of one shot and two shots; two ranks always in one shot.
/// REQUIRES: links.domains == 1.
[[nodiscard]] CollectivePrice own_all_reduce(Bytes size, const GroupLinks& links,
                                             const models::AllReduceCoefficients& c);

/// All-reduce as engines choose: their own kernels in one domain up to c.own_all_reduce().up_to and most_ranks, else
/// the library. Where c.one_shot_up_to is given, more than two ranks use one shot up to it and the library above.
[[nodiscard]] CollectivePrice all_reduce(Bytes size, const GroupLinks& links, const models::CollectiveKernels& c);

/// What `steps` messages one after the other take beyond the latency that the launches hold: path - steps * measured.
[[nodiscard]] Seconds beyond_measured(Seconds path, double steps, std::optional<Seconds> measured);

/// One hop between neighbouring pipeline stages, or any other pair: launch + size over the share of the link that the
/// library reaches, and across domains the wire's latency.
[[nodiscard]] Seconds hop_time(Bytes size, const GroupLinks& links, const models::PointToPointCoefficients& c);

}  // namespace tokenyard::cost
