#include "sim/run/link_records.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <set>

namespace tokenyard {
namespace {

/// Which bytes of one instance's collectives a link carries.
struct Source {
  std::size_t instance = 0;
  CollectiveShare share{};
};

/// What sources and flows put on a link by interval, at the coarsest of their intervals.
class Load {
 public:
  Load(const std::deque<metrics::InstanceMeter>& meters, const std::vector<Source>& sources, SimTime interval)
      : interval_(interval) {
    for (const Source& source : sources) interval_ = std::max(interval_, meters[source.instance].interval());
    for (const Source& source : sources) {
      const metrics::InstanceMeter& meter = meters[source.instance];
      for (std::size_t i = 0; i < meter.bins().size(); ++i) {
        add(i, meter.interval(), source.share(meter.sent_in(i)), true);
      }
    }
  }
  /// Bytes of interval `index` of a series of intervals that divide this one's.
  void add(std::size_t index, SimTime interval, double bytes, bool collective = false) {
    if (collective) collectives_ += bytes;
    const auto at = index / static_cast<std::size_t>(interval_.ns() / interval.ns());
    if (at >= bytes_.size()) bytes_.resize(at + 1, 0.0);
    bytes_[at] += bytes;
    all_ += bytes;
  }

  [[nodiscard]] double collectives() const { return collectives_; }
  [[nodiscard]] double all() const { return all_; }
  /// Of the fullest interval; the last one ends with the run.
  [[nodiscard]] double peak_rate(SimTime end) const {
    double most = 0.0;
    for (std::size_t i = 0; i < bytes_.size(); ++i) {
      const SimTime from = interval_ * static_cast<std::int64_t>(i);
      const SimTime length = std::min(interval_, end - from);
      if (length > SimTime{}) most = std::max(most, bytes_[i] / length.seconds().value());
    }
    return most;
  }

 private:
  SimTime interval_;
  std::vector<double> bytes_;
  double collectives_ = 0.0;
  double all_ = 0.0;
};

double ratio(double part, double whole) { return whole > 0.0 ? part / whole : 0.0; }

void measure(const Load& load, SimTime end, metrics::LinkFigures& link) {
  link.collective_bytes = std::round(load.collectives());
  link.mean_utilisation = ratio(load.all(), link.bandwidth_bytes_per_s * end.seconds().value());
  link.peak_utilisation = ratio(load.peak_rate(end), link.bandwidth_bytes_per_s);
}

/// Of an instance's bytes, those that a link carries which `attention` of its chips stand behind, as many as hold
/// attention, and `ffn` others: spread evenly over the chips. `inside`: also what stays in a domain.
CollectiveShare share_of(const serving::Footprint& footprint, double attention, double ffn, bool up, bool inside) {
  const cost::PlaneShare& plane = footprint.on_plane;
  CollectiveShare share;
  const auto add = [&](Sender sender, const cost::PlaneShare::Kind& kind, double part) {
    share[sender] = {.inside = inside && kind.inside ? part : 0.0, .across = kind.across ? part : 0.0};
  };
  add(Sender::Tensor, plane.tensor, attention);
  add(Sender::Expert, plane.expert, attention);
  add(Sender::Pipeline, plane.pipeline, attention);
  add(Sender::Out, plane.expert, up ? attention : ffn);
  add(Sender::Back, plane.expert, up ? ffn : attention);
  add(Sender::Ffn, plane.tensor, ffn);
  return share;
}

/// Collectives on the links of the plane that carries KV.
std::vector<Source> sources_of(const engine::LinkPlace& place, const Assembly& assembly) {
  using Of = engine::LinkPlace::Of;
  std::vector<Source> sources;
  for (std::size_t i = 0; i < assembly.footprints.size(); ++i) {
    const serving::Footprint& footprint = assembly.footprints[i];
    std::set<std::uint32_t> domains;
    double attention = 0.0;  // chips behind the link, and all
    double ffn = 0.0;
    double all_attention = 0.0;
    double all_ffn = 0.0;
    for (const serving::Footprint::Nics& nics : footprint.nics) {
      const std::uint32_t domain = assembly.networks[0].endpoints[nics.endpoint.index()].domain;
      domains.insert(domain);
      const std::uint32_t index = place.of == Of::Endpoint ? nics.endpoint.index() : domain;
      (nics.ffn ? all_ffn : all_attention) += nics.chips;
      if (index == place.index) (nics.ffn ? ffn : attention) += nics.chips;
    }
    const bool port = place.of == Of::Endpoint;
    if (place.of == Of::Pod || (!port && domains.size() < 2)) continue;
    const auto part = [](double some, double all) { return all > 0.0 ? some / all : 0.0; };
    const CollectiveShare share =
        share_of(footprint, part(attention, all_attention), part(ffn, all_ffn), place.up, port);
    if (share.any()) sources.push_back({i, share});
  }
  return sources;
}

}  // namespace

std::vector<metrics::LinkFigures> link_records(const engine::Engine& engine, const Assembly& assembly,
                                               const std::deque<metrics::InstanceMeter>& meters, SimTime end) {
  // The rest of a flow's bytes stands for what the connector leaves unused.
  const double payload = assembly.hand_off ? assembly.hand_off->efficiency : 1.0;
  std::vector<metrics::LinkFigures> links;
  for (const engine::LinkUse& use : engine.link_use()) {
    const double carried = std::round(use.carried.value() * payload + use.tiers.value() + use.requests.value());
    metrics::LinkFigures& link = links.emplace_back();
    link = {.plane = use.plane,
            .link = use.link,
            .entry = use.place.up && use.place.of == engine::LinkPlace::Of::Endpoint,
            .bandwidth_bytes_per_s = use.bandwidth.value(),
            .bytes = carried,
            .request_bytes = use.requests.value(),
            .busy_s = use.busy.value(),
            .utilisation = ratio(carried, use.bandwidth.value() * end.seconds().value())};
    // Averages of collectives are known for the first network alone.
    const bool first = use.plane == assembly.networks[0].plane;
    Load load(meters, first ? sources_of(use.place, assembly) : std::vector<Source>{},
              std::max({use.interval, use.collective_interval, use.tier_interval, use.request_interval}));
    for (std::size_t i = 0; i < use.per_interval.size(); ++i) load.add(i, use.interval, use.per_interval[i] * payload);
    for (std::size_t i = 0; i < use.tiers_per_interval.size(); ++i) {
      load.add(i, use.tier_interval, use.tiers_per_interval[i]);
    }
    for (std::size_t i = 0; i < use.requests_per_interval.size(); ++i) {
      load.add(i, use.request_interval, use.requests_per_interval[i]);
    }
    for (std::size_t i = 0; i < use.collectives_per_interval.size(); ++i) {
      load.add(i, use.collective_interval, use.collectives_per_interval[i], true);
    }
    measure(load, end, link);
  }
  std::size_t instance = 0;
  for (const metrics::PoolFacts& pool : assembly.facts) {
    for (std::uint32_t i = 0; i < pool.instances; ++i, ++instance) {
      for (const metrics::CollectiveWire& wire : pool.collectives) {
        const bool has_flows =
            std::any_of(assembly.networks.begin(), assembly.networks.end(), [&](const auto& network) {
              const bool known =
                  assembly.footprints.empty() ? assembly.collective_flows : &network == &assembly.networks[0];
              return known && network.plane == wire.plane;
            });
        const Load load(meters, {{instance, wire.on}}, SimTime{1});
        if (has_flows || load.collectives() <= 0.0) continue;
        metrics::LinkFigures& link = links.emplace_back();
        link.plane = wire.plane;
        link.link = pool.name + " " + std::to_string(i) + " ports";
        link.bandwidth_bytes_per_s = wire.port.value() * pool.chips_per_instance;
        link.flows = false;
        measure(load, end, link);
      }
    }
  }
  return links;
}

}  // namespace tokenyard
