#include "sim/run/instance_network.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <optional>

namespace tokenyard {
namespace {

bool on_scale_up(const topologies::Topology& topology, const std::vector<ChipId>& chips) {
  return std::all_of(chips.begin(), chips.end(),
                     [&](ChipId chip) { return topology.port(chip, topology.scale_up()) > BytesPerSecond{}; });
}

/// A plane that an experiment names for a kind of group, and the key it does that with.
struct Named {
  PlaneId plane;
  const char* key;
};

std::optional<Named> named(const topologies::Topology& topology, const std::optional<std::string>& name,
                           const char* key) {
  if (!name) return std::nullopt;
  const PlaneId plane = topology.plane(*name);
  if (topology.planes()[plane.index()].wide_area) {
    throw SpecError(key, "'" + *name + "' joins sites, and collectives do not run between sites");
  }
  return Named{plane, key};
}

/// All that the graph alone says of a group.
cost::GroupLinks links_of_view(const topologies::GroupView& view) {
  return {.ranks = view.ranks,
          .domains = view.domains,
          .port = view.port,
          .exchange = view.exchange,
          .uplink = view.uplink,
          .latency = view.latency,
          .latency_inside = view.latency_inside,
          .neighbour = view.neighbour};
}

cost::GroupLinks links_on(const topologies::Topology& topology, const std::vector<ChipId>& chips, const Named& named) {
  const std::string& name = topology.planes()[named.plane.index()].name;
  for (const ChipId chip : chips) {
    if (topology.port(chip, named.plane) > BytesPerSecond{}) continue;
    throw SpecError(named.key, "'" + name + "' has no link for chip " + std::to_string(chip.index()) + " (" +
                                   topology.place(chip).kind + ")");
  }
  const topologies::GroupView view = topology.view(chips, named.plane);
  if (view.domains > 1 && view.uplink == BytesPerSecond{}) {
    throw SpecError(named.key, "'" + name + "' does not join chips " + std::to_string(chips.front().index()) + " to " +
                                   std::to_string(chips.back().index()) + ", which stand in " +
                                   std::to_string(view.domains) + " of its domains");
  }
  cost::GroupLinks links = links_of_view(view);
  links.one_plane = view.domains > 1;
  links.in_network_reduction = topology.planes()[named.plane.index()].in_network_reduction;
  return links;
}

cost::GroupLinks links_of(const topologies::Topology& topology, const std::vector<ChipId>& chips,
                          const std::optional<Named>& named) {
  if (chips.size() < 2) return {};
  if (named) return links_on(topology, chips, *named);
  const PlaneId up = topology.scale_up();
  const PlaneId out = topology.scale_out();
  const bool has_up = on_scale_up(topology, chips);
  const topologies::GroupView view = topology.view(chips, has_up ? up : out);
  cost::GroupLinks links = links_of_view(view);
  if (view.domains > 1 && has_up && view.uplink == BytesPerSecond{}) {
    // The scale-up plane ends at the domain: what leaves it goes over the other plane.
    const topologies::GroupView across = topology.view(chips, out);
    links.uplink = across.domains > 1 ? across.uplink : across.port;
    links.latency = across.latency;
  } else {
    links.one_plane = view.domains > 1;
  }
  links.in_network_reduction = topology.planes()[(has_up ? up : out).index()].in_network_reduction;
  return links;
}

/// What holds for both of two groups of one kind: they work in step, so the worse one counts.
cost::GroupLinks worse(const cost::GroupLinks& a, const cost::GroupLinks& b) {
  return {.ranks = a.ranks,
          .domains = std::max(a.domains, b.domains),
          .port = std::min(a.port, b.port),
          .exchange = std::min(a.exchange, b.exchange),
          .uplink = std::min(a.uplink, b.uplink),
          .latency = std::max(a.latency, b.latency),
          .latency_inside = std::max(a.latency_inside, b.latency_inside),
          .neighbour = std::max(a.neighbour, b.neighbour),
          .one_plane = a.one_plane || b.one_plane,
          .in_network_reduction = a.in_network_reduction && b.in_network_reduction};
}

/// The worst of several groups, the first of which is `groups(0)`.
template <class Groups>
cost::GroupLinks worst_of(const topologies::Topology& topology, const std::optional<Named>& named, std::uint32_t count,
                          Groups groups) {
  cost::GroupLinks links = links_of(topology, groups(0), named);
  if (links.ranks < 2) return links;
  for (std::uint32_t i = 1; i < count; ++i) links = worse(links, links_of(topology, groups(i), named));
  return links;
}

/// Most flows over one cable when a stage's chips send to the next stage at once: 1, but in a torus where stages are no
/// neighbours they pass on what others send.
double flows_of_a_hop(const topologies::Topology& topology, const PlacedInstance& instance,
                      const models::ParallelPlan& plan, const std::optional<Named>& named) {
  const topologies::TorusGrid* torus = topology.torus(named ? named->plane : topology.scale_up());
  if (torus == nullptr) return 1.0;
  double most = 1.0;
  for (std::uint32_t stage = 0; stage + 1 < plan.pipeline; ++stage) {
    std::vector<topologies::TorusPlace> from;
    std::vector<topologies::TorusPlace> to;
    for (std::uint32_t i = 0; i < plan.stage_chips(); ++i) {
      const std::size_t chip = std::size_t{stage} * plan.stage_chips() + i;
      const auto& here = torus->places[instance.chips[chip].index()];
      const auto& next = torus->places[instance.chips[chip + plan.stage_chips()].index()];
      if (here.slice != next.slice) continue;
      from.push_back(here);
      to.push_back(next);
    }
    most = std::max(most, topologies::paired_flows(*torus, from, to));
  }
  return most;
}

}  // namespace

cost::GroupLinks group_links(const topologies::Topology& topology, const std::vector<ChipId>& chips) {
  return links_of(topology, chips, std::nullopt);
}

cost::NetworkFigures network_figures(const topologies::Topology& topology, const PlacedInstance& instance,
                                     const models::ParallelPlan& plan, const config::PlaneChoice& planes) {
  cost::NetworkFigures figures;
  const auto tensor = named(topology, planes.tensor, "planes.tensor");
  const auto expert = named(topology, planes.expert, "planes.expert");
  const auto pipeline = named(topology, planes.pipeline, "planes.pipeline");
  const auto neighbours = [&](std::uint32_t group, std::uint32_t size) {
    const auto from = instance.chips.begin() + std::ptrdiff_t{group} * size;
    return std::vector<ChipId>(from, from + size);
  };
  figures.tensor = worst_of(topology, tensor, plan.chips() / plan.tensor,
                            [&](std::uint32_t i) { return neighbours(i, plan.tensor); });
  figures.kv =
      worst_of(topology, tensor, plan.chips() / plan.kv, [&](std::uint32_t i) { return neighbours(i, plan.kv); });
  figures.context = worst_of(topology, tensor, plan.chips() / plan.context, [&](std::uint32_t i) {
    // Of one rank the chips that have the same place in their tensor groups.
    std::vector<ChipId> group;
    for (std::uint32_t c = 0; c < plan.context; ++c) {
      group.push_back(instance.chips[i / plan.tensor * plan.rank_chips() + c * plan.tensor + i % plan.tensor]);
    }
    return group;
  });
  figures.expert =
      worst_of(topology, expert, plan.pipeline, [&](std::uint32_t i) { return instance.stage_chips(plan, i); });
  if (!instance.ffn.empty()) {
    figures.ffn = links_of(topology, instance.all(), expert);
  }
  if (plan.pipeline > 1) {
    // Every chip hands on to the one in its place in the next stage.
    const std::uint32_t stage = plan.stage_chips();
    figures.pipeline = worst_of(topology, pipeline, plan.chips() - stage, [&](std::uint32_t i) {
      return std::vector<ChipId>{instance.chips[i], instance.chips[i + stage]};
    });
    figures.pipeline.ranks = plan.pipeline;
    figures.pipeline.port = figures.pipeline.port / flows_of_a_hop(topology, instance, plan, pipeline);
  }
  return figures;
}

cost::NetworkFigures network_figures(const topologies::Topology& topology, const PlacedInstance& instance,
                                     const config::PoolSpec& pool, const config::PlaneChoice& planes) {
  cost::NetworkFigures figures = network_figures(topology, instance, pool.plan, planes);
  if (!pool.ffn) return figures;
  const auto named_tensor = named(topology, planes.tensor, "planes.tensor");
  const auto groups_of = [&](std::uint32_t size) {
    return worst_of(topology, named_tensor, pool.ffn->plan.chips() / size, [&](std::uint32_t i) {
      const auto from = instance.ffn.begin() + std::ptrdiff_t{i} * size;
      return std::vector<ChipId>(from, from + size);
    });
  };
  figures.ffn_tensor = groups_of(pool.ffn->plan.tensor);
  figures.ffn_experts = groups_of(pool.ffn->plan.expert_tensor());
  return figures;
}

namespace {

/// Of a kind that `name` names a plane for, if any. REQUIRES: the instance has two chips or more.
class InstancePlanes {
 public:
  InstancePlanes(const topologies::Topology& topology, const PlacedInstance& instance) : topology_(topology) {
    const std::vector<ChipId> chips = instance.all();
    inner_ = on_scale_up(topology, chips) ? topology.scale_up() : topology.scale_out();
    const topologies::GroupView view = topology.view(chips, inner_);
    outer_ = view.domains == 1 || view.uplink > BytesPerSecond{} ? inner_ : topology.scale_out();
    leaves_ = view.domains > 1;
  }
  [[nodiscard]] GroupPlanes of(const std::optional<std::string>& name) const {
    if (!name) return {inner_, outer_, leaves_};
    return {topology_.plane(*name), topology_.plane(*name), true};
  }

 private:
  const topologies::Topology& topology_;
  PlaneId inner_;
  PlaneId outer_;
  bool leaves_;
};

}  // namespace

GroupPlanes group_planes(const topologies::Topology& topology, const PlacedInstance& instance,
                         const std::optional<std::string>& named) {
  return InstancePlanes(topology, instance).of(named);
}

cost::PlaneShare share_of_plane(const topologies::Topology& topology, const PlacedInstance& instance,
                                const config::PlaneChoice& planes, PlaneId plane) {
  if (instance.all().size() < 2) return {};
  const InstancePlanes of_instance(topology, instance);
  const auto kind = [&](const std::optional<std::string>& name) {
    const GroupPlanes group = of_instance.of(name);
    return cost::PlaneShare::Kind{.inside = group.inside == plane, .across = group.leaves && group.across == plane};
  };
  return {.tensor = kind(planes.tensor), .expert = kind(planes.expert), .pipeline = kind(planes.pipeline)};
}

std::vector<metrics::CollectiveWire> collective_wires(const topologies::Topology& topology,
                                                      const PlacedInstance& instance,
                                                      const config::PlaneChoice& planes) {
  std::vector<metrics::CollectiveWire> wires;
  const std::vector<ChipId> chips = instance.all();
  if (chips.size() < 2) return wires;
  const auto on_plane = [&](PlaneId plane) -> CollectiveShare& {
    const std::string& name = topology.planes()[plane.index()].name;
    for (metrics::CollectiveWire& known : wires) {
      if (known.plane == name) return known.on;
    }
    return wires.emplace_back(metrics::CollectiveWire{.plane = name, .port = topology.view(chips, plane).port}).on;
  };
  const InstancePlanes of_instance(topology, instance);
  const auto add_group = [&](const std::optional<std::string>& name, Sender sender) {
    const GroupPlanes on = of_instance.of(name);
    on_plane(on.inside)[sender].inside = 1.0;
    if (on.leaves) on_plane(on.across)[sender].across = 1.0;
  };
  add_group(planes.tensor, Sender::Tensor);
  add_group(planes.expert, Sender::Expert);
  add_group(planes.pipeline, Sender::Pipeline);
  add_group(planes.expert, Sender::Out);
  add_group(planes.expert, Sender::Back);
  add_group(planes.tensor, Sender::Ffn);
  return wires;
}

}  // namespace tokenyard
