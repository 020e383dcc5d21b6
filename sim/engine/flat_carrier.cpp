#include "sim/engine/flat_carrier.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <cmath>

namespace tokenyard::engine {

namespace {

constexpr double kPrecision_ns = kFlowPrecision.value() * 1e9;

/// After so long the clock is pinned anew. A double resolves 0.0005 ns there.
constexpr double kLongest_ns = 3.6e12;

double per_ns(BytesPerSecond bandwidth) { return bandwidth.value() / 1e9; }

std::vector<double> capacities(const std::vector<topologies::FlowNetwork>& planes) {
  std::vector<double> rates;
  for (const topologies::FlowNetwork& plane : planes) {
    const PlaneLinks links(plane);
    for (std::uint32_t link = 0; link < links.count(); ++link) rates.push_back(per_ns(links.bandwidth(link)));
  }
  return rates;
}

}  // namespace

FlatCarrier::FlatCarrier(const std::vector<topologies::FlowNetwork>& planes) : sharing_(capacities(planes)) {
  std::uint32_t first = 0;
  for (const topologies::FlowNetwork& plane : planes) {
    const double limit = plane.flow_limit.value() > 0.0 ? per_ns(plane.flow_limit) : MaxMin::kNoLimit;
    planes_.push_back({.links = PlaneLinks(plane), .first_link = first, .limit = limit});
    first += planes_.back().links.count();
  }
}

/// The clock counts from `now` on, to which it has come. Ends move by whole nanoseconds, to where doubles lie closer:
/// they are not rounded.
void FlatCarrier::pin(SimTime now) {
  for (Flow& flow : flows_) {  // those without a flow too: what stands there is not looked at
    flow.bytes = std::max(0.0, flow.bytes - flow.rate * (clock_ns_ - flow.since_ns));
    flow.since_ns = 0.0;
  }
  ends_.shift(static_cast<double>((now - pin_).ns()));
  clock_ns_ = 0.0;
  pin_ = now;
}

void FlatCarrier::start(std::uint32_t flow, std::size_t plane, EndpointId from, EndpointId to, std::uint64_t bytes,
                        SimTime now) {
  if (idle()) {
    pin_ = now;
    clock_ns_ = 0.0;
  }
  ++in_flight_;
  const Plane& on = planes_[plane];
  Route route = on.links.route(from, to);
  const bool leaves_domain = route.count > 2;
  for (std::uint32_t i = 0; i < route.count; ++i) route.links[i] += on.first_link;
  sharing_.add(flow, {route.begin(), route.end()}, leaves_domain ? on.limit : MaxMin::kNoLimit);
  if (flow >= flows_.size()) flows_.resize(std::size_t{flow} + 1);
  flows_[flow] = {.bytes = static_cast<double>(bytes), .since_ns = clock_ns_, .rate = 0.0};
}

void FlatCarrier::set_bandwidth(std::size_t plane, const LinkPlace& link, BytesPerSecond bandwidth) {
  const Plane& on = planes_[plane];
  sharing_.set_capacity(on.first_link + on.links.number(link), per_ns(bandwidth));
}

/// Flows whose share has changed go on at the new one.
void FlatCarrier::share() {
  for (const std::uint32_t number : sharing_.settle()) {
    const double rate = sharing_.rate(number);
    Flow& flow = flows_[number];
    if (rate == flow.rate) continue;  // the very same: where nothing has changed the same sums give the same bits
    flow.bytes = std::max(0.0, flow.bytes - flow.rate * (clock_ns_ - flow.since_ns));
    flow.since_ns = clock_ns_;
    flow.rate = rate;
    ends_.set(number, clock_ns_ + flow.bytes / rate);
  }
}

bool FlatCarrier::wait(SimTime until, std::vector<EndedFlow>& ended) {
  expect(!idle(), "somebody waits for flows only while there are some");
  share();
  const double until_ns = until == SimTime::never() ? MaxMin::kNoLimit : static_cast<double>((until - pin_).ns());
  const double first_ns = ends_.first().when_ns;
  if (first_ns >= until_ns + kPrecision_ns) {
    clock_ns_ = until_ns;
    if (clock_ns_ > kLongest_ns) pin(until);
    return true;
  }
  clock_ns_ = std::max(clock_ns_, std::min(first_ns, until_ns));
  const SimTime at = instant_after(pin_, clock_ns_ - kPrecision_ns);
  while (!ends_.empty() && ends_.first().when_ns <= first_ns + kPrecision_ns) {
    const std::uint32_t flow = ends_.first().flow;
    ends_.pop();
    sharing_.remove(flow);
    ended.push_back({.flow = flow, .at = at});
    --in_flight_;
  }
  return clock_ns_ >= until_ns;
}

}  // namespace tokenyard::engine
