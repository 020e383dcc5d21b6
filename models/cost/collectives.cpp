#include "models/cost/collectives.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <cmath>

namespace tokenyard::cost {
namespace {

using models::Collective;

constexpr double kMeasuredRanks = 8;    // of one domain
constexpr double kMeasuredDomains = 2;  // 2 x 8 H100

double ranks_per_domain(const GroupLinks& links) { return static_cast<double>(links.ranks) / links.domains; }

/// t = launch + X + sqrt(fill*X)
Seconds filled(Seconds launch, Seconds wire, Seconds fill) {
  return launch + wire + Seconds{std::sqrt(fill.value() * wire.value())};
}

/// Hops of the smallest message that the launch pays for.
double serial_hops(Collective op, double ranks) {
  const double around = ranks - 1.0;
  if (op != Collective::AllReduce || ranks <= kMeasuredRanks) return around;
  return std::min(around, 2.0 * std::ceil(std::log2(ranks)));
}

/// Latency of the messages that follow one another inside a domain, beyond what launches hold.
Seconds step_latency(Collective op, Algorithm algorithm, const GroupLinks& links, std::optional<Seconds> measured) {
  const double around = (op == Collective::AllReduce ? 2.0 : 1.0) * (links.ranks - 1.0);
  const double levels = std::ceil(std::log2(1.0 * links.ranks));
  switch (algorithm) {
    case Algorithm::Ring:
      return beyond_measured(links.neighbour * around, around, measured);
    case Algorithm::Tree:
      return beyond_measured(2.0 * std::max(links.latency_inside, links.neighbour * levels), 2.0 * levels, measured);
    case Algorithm::TwoShot:
    case Algorithm::TwoLevel:
      return beyond_measured(2.0 * links.latency_inside, 2.0, measured);
    case Algorithm::OneShot:
    case Algorithm::InNetwork:
    case Algorithm::Direct:
      break;
  }
  return beyond_measured(links.latency_inside, 1.0, measured);
}

Seconds ring_wire(Collective op, Bytes size, const GroupLinks& links, const models::RingCoefficients& c) {
  // Where everybody sends to everybody a torus gives less than its ports.
  const bool spread = op == Collective::AllToAll && links.exchange > BytesPerSecond{};
  const BytesPerSecond rate = spread ? links.exchange : links.port;
  return port_bytes(op, size, links, Algorithm::Ring).inside / (rate * c.eff) + size / (links.port * c.copy);
}

Seconds switch_wire(Bytes size, const GroupLinks& links, const models::InNetworkCoefficients& c) {
  return port_bytes(Collective::AllReduce, size, links, Algorithm::InNetwork).inside / (links.port * c.eff);
}

bool by_switches(Collective op, Bytes size, const GroupLinks& links, const models::LibraryCoefficients& c) {
  return op == Collective::AllReduce && links.in_network_reduction && c.in_network && size >= c.in_network->from;
}

CollectivePrice one_domain(Collective op, Bytes size, const GroupLinks& links, const models::LibraryCoefficients& c) {
  const models::RingCoefficients& ring = c.of(op);
  const double hops = serial_hops(op, links.ranks);
  CollectivePrice price{.time = filled(ring.launch + hops * ring.per_peer, ring_wire(op, size, links, ring), ring.fill),
                        .algorithm = op == Collective::AllToAll ? Algorithm::Direct
                                     : hops < links.ranks - 1.0 ? Algorithm::Tree
                                                                : Algorithm::Ring,
                        .extrapolated = links.ranks > kMeasuredRanks};
  price.time += step_latency(op, price.algorithm, links, c.latency);
  if (!by_switches(op, size, links, c)) return price;
  const Seconds reduced =
      in_network_time(size, links, *c.in_network) + step_latency(op, Algorithm::InNetwork, links, c.latency);
  if (reduced < price.time)
    price = {.time = reduced, .algorithm = Algorithm::InNetwork, .extrapolated = price.extrapolated};
  return price;
}

CollectivePrice several_domains(Collective op, Bytes size, const GroupLinks& links,
                                const models::LibraryCoefficients& c) {
  Seconds inside;
  Seconds inner_latency;
  if (links.ranks > links.domains) {
    inner_latency = step_latency(op, Algorithm::TwoLevel, links, c.latency);
    inside = ring_wire(op, size, links, c.of(op));
    if (by_switches(op, size, links, c)) inside = std::min(inside, switch_wire(size, links, *c.in_network));
  }
  const Bytes sent = port_bytes(op, size, links, Algorithm::TwoLevel).across;
  const Seconds across = sent / (links.uplink * c.two_level.across_eff);
  const Seconds wire = links.one_plane ? inside + across : std::max(inside, across);
  const double hops = c.two_level.direct ? 1.0 : std::ceil(std::log2(1.0 * links.domains));
  const Seconds launch = c.two_level.launch + 2.0 * hops * links.latency + inner_latency;
  return {.time = filled(launch, wire, c.two_level.fill),
          .algorithm = op == Collective::AllToAll ? Algorithm::Direct : Algorithm::TwoLevel,
          .extrapolated = links.domains > kMeasuredDomains || ranks_per_domain(links) > kMeasuredRanks};
}

}  // namespace

std::string_view name(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::OneShot:
      return "one-shot";
    case Algorithm::TwoShot:
      return "two-shot";
    case Algorithm::Ring:
      return "ring";
    case Algorithm::Tree:
      return "tree";
    case Algorithm::InNetwork:
      return "in-network";
    case Algorithm::TwoLevel:
      return "two-level";
    case Algorithm::Direct:
      break;
  }
  return "direct";
}

PortBytes port_bytes(Collective op, Bytes size, const GroupLinks& links, Algorithm algorithm) {
  const double n = links.ranks;
  const double d = links.domains;
  const double g = ranks_per_domain(links);
  switch (op) {
    case Collective::AllReduce:
      if (algorithm == Algorithm::OneShot) return {.inside = (n - 1.0) * size, .across = {}};
      if (algorithm == Algorithm::InNetwork) return {.inside = (1.0 + 1.0 / g) * size, .across = {}};
      return {.inside = 2.0 * (g - 1.0) / g * size, .across = 2.0 * (d - 1.0) / d * size / g};
    case Collective::AllGather:
    case Collective::ReduceScatter:
      return {.inside = (g - 1.0) / g * size, .across = (d - 1.0) / n * size};
    case Collective::AllToAll:
      break;
  }
  return {.inside = (g - 1.0) / n * size, .across = (n - g) / n * size};
}

Seconds in_network_time(Bytes size, const GroupLinks& links, const models::InNetworkCoefficients& c) {
  return filled(c.launch, switch_wire(size, links, c), c.fill);
}

CollectivePrice library_time(Collective op, Bytes size, const GroupLinks& links, const models::LibraryCoefficients& c) {
  expect(links.ranks >= 1 && links.domains >= 1, "a group has a rank");
  if (links.ranks == 1) return {};
  return links.domains == 1 ? one_domain(op, size, links, c) : several_domains(op, size, links, c);
}

namespace {

Seconds shot_time(Algorithm algorithm, Bytes size, const GroupLinks& links, const models::AllReduceCoefficients& c) {
  const bool one = algorithm == Algorithm::OneShot;
  const Bytes sent = port_bytes(Collective::AllReduce, size, links, algorithm).inside;
  return (one ? c.one_shot_t0 : c.two_shot_t0) + c.per_peer * (links.ranks - 1.0) +
         sent / (links.port * (one ? c.one_shot_eff : c.two_shot_eff)) +
         step_latency(Collective::AllReduce, algorithm, links, c.latency);
}

CollectivePrice shot(Algorithm algorithm, Bytes size, const GroupLinks& links, const models::AllReduceCoefficients& c) {
  return {.time = shot_time(algorithm, size, links, c),
          .algorithm = algorithm,
          .extrapolated = links.ranks > kMeasuredRanks};
}

}  // namespace

CollectivePrice own_all_reduce(Bytes size, const GroupLinks& links, const models::AllReduceCoefficients& c) {
  expect(links.ranks >= 1 && links.domains == 1, "an engine's own all-reduce stays in one domain");
  if (links.ranks == 1) return {};
  const CollectivePrice one = shot(Algorithm::OneShot, size, links, c);
  if (links.ranks == 2) return one;
  const CollectivePrice two = shot(Algorithm::TwoShot, size, links, c);
  return one.time <= two.time ? one : two;
}

CollectivePrice all_reduce(Bytes size, const GroupLinks& links, const models::CollectiveKernels& c) {
  const models::AllReduceCoefficients& own = c.own_all_reduce();
  if (links.domains > 1 || links.ranks > own.most_ranks) {
    return library_time(Collective::AllReduce, size, links, c.used_library());
  }
  if (c.one_shot_up_to > Bytes{} && links.ranks > 2) {
    if (size <= c.one_shot_up_to) return shot(Algorithm::OneShot, size, links, own);
  } else if (size <= own.up_to) {
    return own_all_reduce(size, links, own);
  }
  return library_time(Collective::AllReduce, size, links, c.used_library());
}

Seconds beyond_measured(Seconds path, double steps, std::optional<Seconds> measured) {
  return measured ? std::max(path - *measured * steps, Seconds{0.0}) : Seconds{0.0};
}

Seconds hop_time(Bytes size, const GroupLinks& links, const models::PointToPointCoefficients& c) {
  if (links.ranks == 1) return Seconds{0.0};
  if (links.domains == 1) {
    return c.launch_inside + size / (links.port * c.eff_inside) + beyond_measured(links.latency_inside, 1.0, c.latency);
  }
  return c.launch_across + links.latency + size / (links.uplink * c.eff_across);
}

}  // namespace tokenyard::cost
