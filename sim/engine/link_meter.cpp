#include "sim/engine/link_meter.hpp"

namespace tokenyard::engine {

LinkMeter::LinkMeter(const topologies::FlowNetwork& plane, SimTime interval)
    : plane_(plane), links_(plane), counters_(links_.count(), Counter(interval)) {}

void LinkMeter::begin(EndpointId from, EndpointId to, SimTime at) {
  const Route route = links_.route(from, to);
  for (const std::uint32_t link : route) {
    Counter& counter = counters_[link];
    if (counter.flows++ == 0) counter.since = at;
  }
}

void LinkMeter::end(EndpointId from, EndpointId to, Bytes size, SimTime began, SimTime at, Traffic traffic) {
  const Route route = links_.route(from, to);
  for (const std::uint32_t link : route) {
    Counter& counter = counters_[link];
    counter.count(size, began, at, traffic);
    if (--counter.flows == 0) counter.busy += at - counter.since;
  }
}

void LinkMeter::count(EndpointId from, EndpointId to, Bytes size, SimTime began, SimTime ended, Traffic traffic) {
  const Route route = links_.route(from, to);
  for (const std::uint32_t link : route) counters_[link].count(size, began, ended, traffic);
}

std::string LinkMeter::name(const LinkPlace& place) const {
  const std::string& owner = place.of == LinkPlace::Of::Pod      ? plane_.pods[place.index].name
                             : place.of == LinkPlace::Of::Domain ? plane_.domains[place.index].name
                                                                 : plane_.endpoints[place.index].name;
  return owner + (place.up ? " up" : " down");
}

std::vector<LinkUse> LinkMeter::rows(SimTime now) const {
  std::vector<LinkUse> rows;
  for (std::uint32_t number = 0; number < links_.count(); ++number) {
    const LinkPlace place = links_.place(number);
    const BytesPerSecond bandwidth = links_.bandwidth(number);
    if (place.of == LinkPlace::Of::Domain && bandwidth.value() <= 0.0) continue;
    const Counter& link = counters_[number];
    const SimTime busy = link.flows > 0 ? link.busy + (now - link.since) : link.busy;
    rows.push_back({.plane = plane_.plane,
                    .link = name(place),
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
                    .tiers_per_interval = link.tiers.series.bytes(),
                    .requests = link.requests.bytes,
                    .request_interval = link.requests.series.interval(),
                    .requests_per_interval = link.requests.series.bytes()});
  }
  return rows;
}

}  // namespace tokenyard::engine
