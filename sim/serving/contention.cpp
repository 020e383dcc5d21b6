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
  for (const Footprint& footprint : footprints) add_member(footprint);
}

void Contention::add_member(const Footprint& footprint) {
  const auto number = static_cast<std::uint32_t>(members_.size());
  Member& member = members_.emplace_back();
  member.on_plane = footprint.on_plane;
  if (!member.on_plane.any()) return;
  const auto cross = [&](std::uint32_t index, const Weights& bytes, const Weights& flows,
                         std::vector<std::uint32_t>& kind) {
    kind.push_back(index);
    links_[index].members.push_back(number);
    links_[index].bytes.push_back(bytes);
    links_[index].flows_of.push_back(flows);
  };
  const double share = footprint.ffn_share;
  struct Chips {
    double attention = 0.0;
    double ffn = 0.0;
  };
  std::map<std::uint32_t, Chips> domains;
  for (const Footprint::Nics& nics : footprint.nics) {
    const double n = nics.chips;
    Chips& here = domains[domain_of_[nics.endpoint.index()]];
    (nics.ffn ? here.ffn : here.attention) += n;
    for (const bool up : {true, false}) {
      // What goes out leaves attention upwards and comes down to the FFN. A flow uses the ports of all chips alike.
      const bool out = nics.ffn != up;
      const Weights flows{.both = nics.ffn ? 0.0 : n, .out = out ? n : 0.0, .back = out ? 0.0 : n};
      const double bytes = nics.ffn ? share : 1.0;
      cross(nic(nics.endpoint, up), {.both = flows.both, .out = bytes * flows.out, .back = bytes * flows.back}, flows,
            member.nics);
    }
  }
  if (domains.size() < 2) return;  // nothing of it leaves the domain
  for (const auto& [domain, chips] : domains) {
    if (links_[trunk(domain, true)].bandwidth <= 0.0) continue;
    const double ffn = share * chips.ffn;
    for (const bool up : {true, false}) {
      const Weights bytes{
          .both = chips.attention, .out = up ? chips.attention : ffn, .back = up ? ffn : chips.attention};
      // All chips' collectives cross it, each in flows of its own.
      const auto any = [](double weight) { return weight > 0.0 ? 1.0 : 0.0; };
      cross(trunk(domain, up), bytes, {.both = any(bytes.both), .out = any(bytes.out), .back = any(bytes.back)},
            member.trunks);
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

Contention::Delay Contention::delay(InstanceId instance, const cost::Communication& communication) const {
  const Member& member = members_[instance.index()];
  if (member.flows == 0) return {};
  const Load load{cost::load_on(communication, member.on_plane), cost::ways_on(communication, member.on_plane)};
  Delay longest;
  const auto look_at = [&](const Link& link) {
    if (link.flows == 0) return;
    const auto place = std::find(link.members.begin(), link.members.end(), instance.index()) - link.members.begin();
    const Weights& weights = link.flows_of[static_cast<std::size_t>(place)];
    const auto raise = [&](Seconds& time, const cost::PortLoad& of, double weight) {
      time = std::max(time, Seconds{link.flows * on_link(of.per_flow, link.place.of) * weight / link.bandwidth});
    };
    raise(longest.held_up, load.both, weights.both);
    raise(longest.out, load.ways.out, weights.out);
    raise(longest.back, load.ways.back, weights.back);
  };
  for (const std::uint32_t index : member.nics) look_at(links_[index]);
  for (const std::uint32_t index : member.trunks) look_at(links_[index]);
  return longest;
}

void Contention::runs(InstanceId instance, const cost::Communication& communication, Seconds step) {
  expect(step.value() > 0.0, "a step takes time");
  const cost::PlaneShare& on_plane = members_[instance.index()].on_plane;
  set_load(instance.index(), {cost::load_on(communication, on_plane), cost::ways_on(communication, on_plane)},
           1.0 / step.value());
}

void Contention::idles(InstanceId instance) { set_load(instance.index(), {}, 0.0); }

void Contention::set_load(std::uint32_t member, const Load& load, double steps_per_s) {
  Member& changed = members_[member];
  const auto same = [](const cost::PortLoad& a, const cost::PortLoad& b) {
    return a.sent.inside == b.sent.inside && a.sent.across == b.sent.across;
  };
  if (!changed.stale && same(changed.load.both, load.both) && same(changed.load.ways.out, load.ways.out)) return;
  changed.stale = false;
  changed.load = load;
  changed.steps_per_s = steps_per_s;
  for (const std::uint32_t index : changed.nics) apply(links_[index]);
  for (const std::uint32_t index : changed.trunks) apply(links_[index]);
}

void Contention::count(std::size_t plane, EndpointId from, EndpointId to, bool begins) {
  if (plane != plane_) return;
  expect(from.index() < domain_of_.size() && to.index() < domain_of_.size(), "it knows all endpoints of its plane");
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
    const auto sum = [&](const Weights& weights, cost::PortBytes cost::PortLoad::* of) {
      return weights.both * on_link(member.load.both.*of, link.place.of) +
             weights.out * on_link(member.load.ways.out.*of, link.place.of) +
             weights.back * on_link(member.load.ways.back.*of, link.place.of);
    };
    const double bytes = sum(link.bytes[i], &cost::PortLoad::sent);
    load += bytes * member.steps_per_s;
    sent += bytes;
    per_flow += sum(link.flows_of[i], &cost::PortLoad::per_flow);
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
