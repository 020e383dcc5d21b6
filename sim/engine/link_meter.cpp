#include "sim/engine/link_meter.hpp"

#include "models/base/errors.hpp"

namespace tokenyard::engine {

LinkMeter::LinkMeter(const topologies::FlowNetwork& plane, SimTime interval)
    : plane_(plane),
      pods_(plane.pods.size(), Link(interval)),
      trunks_(plane.domains.size(), Link(interval)),
      nics_(plane.endpoints.size(), Link(interval)) {}

bool LinkMeter::connects(EndpointId from, EndpointId to) const {
  expect(from.index() < nics_.size() && to.index() < nics_.size(), "a flow goes between endpoints of its plane");
  const std::uint32_t a = plane_.endpoints[from.index()].domain;
  const std::uint32_t b = plane_.endpoints[to.index()].domain;
  if (a == b) return true;
  const auto has_trunk = [&](std::uint32_t domain) { return plane_.domains[domain].trunk.value() > 0.0; };
  const auto pod = [&](std::uint32_t domain) { return plane_.domains[domain].pod; };
  const bool pods_meet = pods_.empty() || pod(a) == pod(b) ||
                         (plane_.pods[pod(a)].trunk.value() > 0.0 && plane_.pods[pod(b)].trunk.value() > 0.0);
  return has_trunk(a) && has_trunk(b) && pods_meet;
}

template <class Visit>
void LinkMeter::on_route(EndpointId from, EndpointId to, Visit visit) {
  const std::uint32_t a = plane_.endpoints[from.index()].domain;
  const std::uint32_t b = plane_.endpoints[to.index()].domain;
  visit(nics_[from.index()].up);
  visit(nics_[to.index()].down);
  if (a != b) {
    visit(trunks_[a].up);
    visit(trunks_[b].down);
    const std::uint32_t above_a = plane_.domains[a].pod;
    const std::uint32_t above_b = plane_.domains[b].pod;
    if (!pods_.empty() && above_a != above_b) {
      visit(pods_[above_a].up);
      visit(pods_[above_b].down);
    }
  }
}

void LinkMeter::begin(EndpointId from, EndpointId to, SimTime at) {
  on_route(from, to, [at](Counter& link) {
    if (link.flows++ == 0) {
      link.since = at;
    }
  });
}

void LinkMeter::end(EndpointId from, EndpointId to, Bytes size, SimTime began, SimTime at, Traffic traffic) {
  on_route(from, to, [began, at, size, traffic](Counter& link) {
    Counter::Carried& carried = link.of(traffic);
    carried.bytes += size;
    carried.series.add(began, at, size.value());
    if (--link.flows == 0) {
      link.busy += at - link.since;
    }
  });
}

std::vector<LinkUse> LinkMeter::rows(SimTime now) const {
  std::vector<LinkUse> rows;
  const auto add = [&](const std::string& name, BytesPerSecond bandwidth, LinkPlace place, const Counter& link) {
    const SimTime busy = link.flows > 0 ? link.busy + (now - link.since) : link.busy;
    rows.push_back({.plane = plane_.plane,
                    .link = name + (place.up ? " up" : " down"),
                    .bandwidth = bandwidth,
                    .carried = link.hand_offs.bytes,
                    .tiers = link.tiers.bytes,
                    .busy = busy.seconds(),
                    .place = place,
                    .interval = link.hand_offs.series.interval(),
                    .per_interval = link.hand_offs.series.bytes(),
                    .collectives = link.collectives.bytes,
                    .collective_interval = link.collectives.series.interval(),
                    .collectives_per_interval = link.collectives.series.bytes(),
                    .tier_interval = link.tiers.series.interval(),
                    .tiers_per_interval = link.tiers.series.bytes()});
  };
  const auto add_both = [&](const std::string& name, BytesPerSecond bandwidth, LinkPlace::Of of, std::size_t index,
                            const Link& link) {
    add(name, bandwidth, {.of = of, .index = static_cast<std::uint32_t>(index), .up = true}, link.up);
    add(name, bandwidth, {.of = of, .index = static_cast<std::uint32_t>(index), .up = false}, link.down);
  };
  for (std::size_t p = 0; p < pods_.size(); ++p) {
    add_both(plane_.pods[p].name, plane_.pods[p].trunk, LinkPlace::Of::Pod, p, pods_[p]);
  }
  for (std::size_t d = 0; d < trunks_.size(); ++d) {
    const topologies::FlowDomain& domain = plane_.domains[d];
    if (domain.trunk.value() > 0.0) {
      add_both(domain.name, domain.trunk, LinkPlace::Of::Domain, d, trunks_[d]);
    }
  }
  for (std::size_t e = 0; e < nics_.size(); ++e) {
    const topologies::FlowEndpoint& endpoint = plane_.endpoints[e];
    const BytesPerSecond receive = endpoint.receive.value() > 0.0 ? endpoint.receive : endpoint.bandwidth;
    add(endpoint.name, endpoint.bandwidth, {.index = static_cast<std::uint32_t>(e), .up = true}, nics_[e].up);
    add(endpoint.name, receive, {.index = static_cast<std::uint32_t>(e), .up = false}, nics_[e].down);
  }
  return rows;
}

}  // namespace tokenyard::engine
