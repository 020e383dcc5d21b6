#include "sim/serving/contention.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

namespace tokenyard::serving {
namespace {

using Of = engine::LinkPlace::Of;

/// What a chip puts on a link of that kind: its own port carries everything, a trunk what leaves the domain.
double on_link(const cost::PortBytes& bytes, Of of) {
  return (of == Of::Endpoint ? bytes.inside + bytes.across : bytes.across).value();
}

}  // namespace

Contention::Contention(engine::Engine& engine, std::size_t plane, const topologies::FlowNetwork& network,
                       const std::vector<Footprint>& footprints)
    : engine_(engine), plane_(plane) {
  for (const topologies::FlowEndpoint& endpoint : network.endpoints) {
    add_link({.of = Of::Endpoint, .index = static_cast<std::uint32_t>(domain_of_.size())}, endpoint.bandwidth);
    domain_of_.push_back(endpoint.domain);
  }
  for (std::uint32_t domain = 0; domain < network.domains.size(); ++domain) {
    add_link({.of = Of::Domain, .index = domain}, network.domains[domain].trunk);
  }
  for (const Footprint& footprint : footprints) {
    const auto number = static_cast<std::uint32_t>(members_.size());
    Member& member = members_.emplace_back();
    member.on_plane = footprint.on_plane;
    if (!member.on_plane.any()) continue;
    std::map<std::uint32_t, double> chips;  // by domain
    const auto cross = [&](std::uint32_t link, double behind, std::vector<std::uint32_t>& kind) {
      kind.push_back(link);
      links_[link].members.push_back(number);
      links_[link].chips.push_back(behind);
    };
    for (const Footprint::Nics& nics : footprint.nics) {
      for (const bool up : {true, false}) cross(nic(nics.endpoint, up), nics.chips, member.nics);
      chips[domain_of_[nics.endpoint.index()]] += nics.chips;
    }
    if (chips.size() < 2) continue;  // nothing of it leaves the domain
    for (const auto& [domain, behind] : chips) {
      if (links_[trunk(domain, true)].bandwidth <= 0.0) continue;
      for (const bool up : {true, false}) cross(trunk(domain, up), behind, member.trunks);
    }
  }
}

void Contention::add_link(engine::LinkPlace place, BytesPerSecond bandwidth) {
  for (const bool up : {true, false}) {
    place.up = up;
    links_.push_back({.place = place, .bandwidth = bandwidth.value(), .applied = bandwidth.value()});
  }
}

void Contention::join(InstanceId instance, StepsOnLinks& steps) { members_[instance.index()].steps = &steps; }

Seconds Contention::delay(InstanceId instance, const cost::Communication& communication) const {
  const Member& member = members_[instance.index()];
  if (member.flows == 0) return {};
  const cost::PortLoad load = cost::load_on(communication, member.on_plane);
  double longest = 0.0;
  for (const std::uint32_t index : member.nics) {
    const Link& link = links_[index];
    if (link.flows == 0) continue;
    // A flow uses the ports of all chips of the group alike.
    longest = std::max(longest, link.flows * on_link(load.per_flow, Of::Endpoint) * link.chips[0] / link.bandwidth);
  }
  for (const std::uint32_t index : member.trunks) {
    // All chips' collectives cross it, each in flows of its own.
    const Link& link = links_[index];
    longest = std::max(longest, link.flows * on_link(load.per_flow, Of::Domain) / link.bandwidth);
  }
  return Seconds{longest};
}

void Contention::runs(InstanceId instance, const cost::Communication& communication, Seconds step) {
  expect(step.value() > 0.0, "a step takes time");
  set_load(instance.index(), cost::load_on(communication, members_[instance.index()].on_plane), 1.0 / step.value());
}

void Contention::idles(InstanceId instance) { set_load(instance.index(), {}, 0.0); }

void Contention::set_load(std::uint32_t member, const cost::PortLoad& load, double steps_per_s) {
  Member& changed = members_[member];
  if (!changed.stale && changed.load.sent.inside == load.sent.inside && changed.load.sent.across == load.sent.across)
    return;
  changed.stale = false;
  changed.load = load;
  changed.steps_per_s = steps_per_s;
  for (const std::uint32_t index : changed.nics) apply(links_[index]);
  for (const std::uint32_t index : changed.trunks) apply(links_[index]);
}

void Contention::count(std::size_t plane, EndpointId from, EndpointId to, bool begins) {
  if (plane != plane_) return;
  const std::uint32_t a = domain_of_[from.index()];
  const std::uint32_t b = domain_of_[to.index()];
  const std::array<std::uint32_t, 4> route{nic(from, true), nic(to, false), trunk(a, true), trunk(b, false)};
  const std::size_t length = a == b ? 2 : 4;
  std::vector<std::uint32_t> touched;
  for (std::size_t i = 0; i < length; ++i) {
    for (const std::uint32_t member : links_[route[i]].members) {
      if (std::find(touched.begin(), touched.end(), member) == touched.end()) touched.push_back(member);
    }
  }
  for (const std::uint32_t member : touched) members_[member].steps->links_change();
  for (std::size_t i = 0; i < length; ++i) {
    Link& link = links_[route[i]];
    link.flows += begins ? 1U : UINT32_MAX;
    for (const std::uint32_t member : link.members) members_[member].flows += begins ? 1U : UINT32_MAX;
  }
  for (const std::uint32_t member : touched) {
    members_[member].stale = true;
    members_[member].steps->links_changed();
  }
  for (std::size_t i = 0; i < length; ++i) apply(links_[route[i]]);
}

/// Without flows nobody minds how much of a link is left.
void Contention::apply(Link& link) {
  if (link.flows == 0) return;
  double load = 0.0;  // B/s
  double sent = 0.0;  // B a step of each
  double per_flow = 0.0;
  for (std::size_t i = 0; i < link.members.size(); ++i) {
    const Member& member = members_[link.members[i]];
    if (member.steps_per_s <= 0.0) continue;
    const double bytes = link.chips[i] * on_link(member.load.sent, link.place.of);
    load += bytes * member.steps_per_s;
    sent += bytes;
    // Of a trunk every chip's flows count, of NICs the flows of one chip: those of the group run side by side.
    per_flow += (link.place.of == Of::Endpoint ? link.chips[i] : 1.0) * on_link(member.load.per_flow, link.place.of);
  }
  double left = link.bandwidth;
  if (load > 0.0) {
    const double flows = per_flow > 0.0 ? sent / per_flow : 1.0;
    left = std::max(link.bandwidth - load, link.bandwidth * link.flows / (link.flows + flows));
  }
  if (std::abs(left - link.applied) <= kFinest * link.bandwidth) return;
  link.applied = left;
  engine_.set_bandwidth(plane_, link.place, BytesPerSecond{left});
}

}  // namespace tokenyard::serving
