#include "sim/engine/plane_links.hpp"

#include "models/base/errors.hpp"

namespace tokenyard::engine {

PlaneLinks::PlaneLinks(const topologies::FlowNetwork& plane)
    : pods_(static_cast<std::uint32_t>(plane.pods.size())),
      domains_(static_cast<std::uint32_t>(plane.domains.size())),
      endpoints_(static_cast<std::uint32_t>(plane.endpoints.size())) {
  bandwidths_.reserve(count());
  const auto add = [&](BytesPerSecond up, BytesPerSecond down) {
    bandwidths_.push_back(up);
    bandwidths_.push_back(down);
  };
  for (const topologies::FlowPod& pod : plane.pods) add(pod.trunk, pod.trunk);
  for (const topologies::FlowDomain& domain : plane.domains) {
    expect(plane.pods.empty() || domain.pod < plane.pods.size(), "a domain stands in a pod of its plane");
    add(domain.trunk, domain.trunk);
    pod_of_.push_back(domain.pod);
  }
  for (const topologies::FlowEndpoint& endpoint : plane.endpoints) {
    expect(endpoint.domain < domains_, "a flow endpoint stands in a domain of its plane");
    expect(endpoint.bandwidth.value() > 0.0, "a flow endpoint has bandwidth");
    add(endpoint.bandwidth, endpoint.receive.value() > 0.0 ? endpoint.receive : endpoint.bandwidth);
    domain_of_.push_back(endpoint.domain);
  }
}

std::uint32_t PlaneLinks::number(const LinkPlace& place) const {
  const std::uint32_t down = place.up ? 0 : 1;
  switch (place.of) {
    case LinkPlace::Of::Pod:
      expect(place.index < pods_, "a pod of the plane");
      return 2 * place.index + down;
    case LinkPlace::Of::Domain:
      expect(place.index < domains_, "a domain of the plane");
      return 2 * (pods_ + place.index) + down;
    case LinkPlace::Of::Endpoint:
      break;
  }
  expect(place.index < endpoints_, "an endpoint of the plane");
  return 2 * (pods_ + domains_ + place.index) + down;
}

LinkPlace PlaneLinks::place(std::uint32_t number) const {
  const std::uint32_t index = number / 2;
  const bool up = number % 2 == 0;
  if (index < pods_) return {.of = LinkPlace::Of::Pod, .index = index, .up = up};
  if (index < pods_ + domains_) return {.of = LinkPlace::Of::Domain, .index = index - pods_, .up = up};
  return {.of = LinkPlace::Of::Endpoint, .index = index - pods_ - domains_, .up = up};
}

bool PlaneLinks::connects(EndpointId from, EndpointId to) const {
  expect(from.index() < endpoints_ && to.index() < endpoints_, "a flow goes between endpoints of its plane");
  const Route links = route(from, to);
  for (const std::uint32_t link : links) {
    if (bandwidths_[link].value() <= 0.0) return false;
  }
  return true;
}

Route PlaneLinks::route(EndpointId from, EndpointId to) const {
  const std::uint32_t a = domain_of_[from.index()];
  const std::uint32_t b = domain_of_[to.index()];
  const auto up = [](std::size_t index) { return static_cast<std::uint32_t>(2 * index); };
  const auto down = [&](std::size_t index) { return up(index) + 1; };
  Route route;
  route.add(up(pods_ + domains_ + from.index()));
  route.add(down(pods_ + domains_ + to.index()));
  if (a == b) return route;
  route.add(up(pods_ + a));
  route.add(down(pods_ + b));
  if (pods_ > 0 && pod_of_[a] != pod_of_[b]) {
    route.add(up(pod_of_[a]));
    route.add(down(pod_of_[b]));
  }
  return route;
}

}  // namespace tokenyard::engine
