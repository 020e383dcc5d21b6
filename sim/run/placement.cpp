#include "sim/run/placement.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <map>
#include <optional>

namespace tokenyard {
namespace {

/// The chips of one kind in order, and how many of them are taken.
struct Supply {
  std::vector<ChipId> chips;
  std::size_t next = 0;
};

std::map<std::string, Supply> supplies(const topologies::Topology& topology) {
  std::map<std::string, Supply> kinds;
  for (std::uint32_t i = 0; i < topology.chip_count(); ++i)
    kinds[topology.place(ChipId{i}).kind].chips.push_back(ChipId{i});
  return kinds;
}

/// Chips from `at` on that stand in the same scale-up domain as the one at `at`.
std::size_t left_in_domain(const topologies::Topology& topology, const Supply& supply, std::size_t at) {
  const PlaneId plane = topology.scale_up();
  if (topology.port(supply.chips[at], plane) == BytesPerSecond{}) return supply.chips.size() - at;
  const std::uint32_t domain = topology.domain(supply.chips[at], plane);
  std::size_t end = at;
  while (end < supply.chips.size() && topology.port(supply.chips[end], plane) > BytesPerSecond{} &&
         topology.domain(supply.chips[end], plane) == domain) {
    ++end;
  }
  return end - at;
}

/// Chips from `at` on that stand in the same site as the one at `at`.
std::size_t left_in_site(const topologies::Topology& topology, const Supply& supply, std::size_t at) {
  const std::string& site = topology.place(supply.chips[at]).site;
  std::size_t end = at;
  while (end < supply.chips.size() && topology.place(supply.chips[end]).site == site) ++end;
  return end - at;
}

/// Size of the largest piece, to see whether an instance could fit into one at all. `left`: one of the two above.
template <class Left>
std::size_t largest(const topologies::Topology& topology, const Supply& supply, Left left) {
  std::size_t most = 0;
  for (std::size_t at = 0; at < supply.chips.size();) {
    const std::size_t size = left(topology, supply, at);
    most = std::max(most, size);
    at += size;
  }
  return most;
}

/// An instance is not spread over sites: collectives do not run over a WAN.
void refuse_wide_instance(const topologies::Topology& topology, const Supply& supply, const config::PoolSpec& pool) {
  std::string sites;
  for (std::size_t at = 0; at < supply.chips.size(); at += left_in_site(topology, supply, at)) {
    sites += (sites.empty() ? "" : ", ") + topology.place(supply.chips[at]).site + " has " +
             std::to_string(left_in_site(topology, supply, at));
  }
  pool.source->fail("parallel", "an instance of " + std::to_string(pool.chips()) + " " + pool.chip +
                                    " chips fits into no site, and collectives do not run between sites: " + sites);
}

/// Nor are attention and FFN apart.
void refuse_apart(const topologies::Topology& topology, ChipId attention, ChipId ffn, const config::PoolSpec& pool) {
  const auto place = [&](ChipId chip) {
    const topologies::ChipPlace& at = topology.place(chip);
    return at.kind + " chip " + std::to_string(chip.index()) + " in site " + at.site;
  };
  pool.source->fail("ffn.chip", "collectives do not run between sites: attention would stand on " + place(attention) +
                                    ", the FFN on " + place(ffn));
}

bool on_scale_up(const topologies::Topology& topology, const std::vector<ChipId>& chips) {
  return std::all_of(chips.begin(), chips.end(),
                     [&](ChipId chip) { return topology.port(chip, topology.scale_up()) > BytesPerSecond{}; });
}

/// Gives a pool's instances their chips of one kind, `need` each.
class Dealer {
 public:
  Dealer(const topologies::Topology& topology, Supply& supply, const config::PoolSpec& pool, const std::string& kind,
         std::size_t need)
      : topology_(topology),
        supply_(supply),
        pool_(pool),
        kind_(kind),
        need_(need),
        fits_domain_(need <= largest(topology, supply, left_in_domain)),
        largest_site_(largest(topology, supply, left_in_site)),
        before_(supply.next) {
    if (largest_site_ < supply.chips.size() && need > largest_site_) refuse_wide_instance(topology, supply, pool);
  }

  std::vector<ChipId> deal(std::uint32_t instance) {
    while (fits_domain_ && supply_.next < supply_.chips.size() &&
           left_in_domain(topology_, supply_, supply_.next) < need_) {
      supply_.next += left_in_domain(topology_, supply_, supply_.next);
    }
    while (need_ <= largest_site_ && supply_.next < supply_.chips.size() &&
           left_in_site(topology_, supply_, supply_.next) < need_) {
      supply_.next += left_in_site(topology_, supply_, supply_.next);
    }
    if (supply_.next + need_ > supply_.chips.size()) {
      pool_.source->fail("instances", std::to_string(pool_.instances) + " instances of " + std::to_string(need_) +
                                          " chips need " + std::to_string(pool_.instances * need_) + "; topology '" +
                                          topology_.name() + "' has " + std::to_string(supply_.chips.size() - before_) +
                                          " " + kind_ + " chips left for this pool, room for " +
                                          std::to_string(instance) +
                                          (fits_domain_ ? " instances inside scale-up domains" : " instances"));
    }
    const auto from = supply_.chips.begin() + static_cast<std::ptrdiff_t>(supply_.next);
    supply_.next += need_;
    return {from, from + static_cast<std::ptrdiff_t>(need_)};
  }

 private:
  const topologies::Topology& topology_;
  Supply& supply_;
  const config::PoolSpec& pool_;
  const std::string& kind_;
  std::size_t need_;
  bool fits_domain_;
  std::size_t largest_site_;
  std::size_t before_;
};

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
  return {.ranks = view.ranks,
          .domains = view.domains,
          .port = view.port,
          .exchange = view.exchange,
          .uplink = view.uplink,
          .latency = view.latency,
          .one_plane = view.domains > 1,
          .in_network_reduction = topology.planes()[named.plane.index()].in_network_reduction};
}

cost::GroupLinks links_of(const topologies::Topology& topology, const std::vector<ChipId>& chips,
                          const std::optional<Named>& named) {
  if (chips.size() < 2) return {};
  if (named) return links_on(topology, chips, *named);
  const PlaneId up = topology.scale_up();
  const PlaneId out = topology.scale_out();
  const bool has_up = on_scale_up(topology, chips);
  const topologies::GroupView view = topology.view(chips, has_up ? up : out);
  cost::GroupLinks links{.ranks = view.ranks,
                         .domains = view.domains,
                         .port = view.port,
                         .exchange = view.exchange,
                         .uplink = view.uplink,
                         .latency = view.latency};
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

}  // namespace

cost::GroupLinks group_links(const topologies::Topology& topology, const std::vector<ChipId>& chips) {
  return links_of(topology, chips, std::nullopt);
}

std::vector<ChipId> PlacedInstance::all() const {
  std::vector<ChipId> both = chips;
  both.insert(both.end(), ffn.begin(), ffn.end());
  return both;
}

std::vector<ChipId> PlacedInstance::rank_chips(const models::ParallelPlan& plan, std::uint32_t stage,
                                               std::uint32_t rank) const {
  const auto from = chips.begin() + (stage * plan.stage_chips() + rank * plan.rank_chips());
  return {from, from + plan.rank_chips()};
}

std::vector<ChipId> PlacedInstance::stage_chips(const models::ParallelPlan& plan, std::uint32_t stage) const {
  const auto from = chips.begin() + stage * plan.stage_chips();
  return {from, from + plan.stage_chips()};
}

std::vector<ChipId> PlacedInstance::kv_chips(const models::ParallelPlan& plan, std::uint32_t rank) const {
  std::vector<ChipId> all;
  for (std::uint32_t stage = 0; stage < plan.pipeline; ++stage) {
    const auto some = rank_chips(plan, stage, rank);
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

std::vector<std::vector<PlacedInstance>> place(const topologies::Topology& topology,
                                               const std::vector<config::PoolSpec>& pools) {
  auto kinds = supplies(topology);
  std::vector<std::vector<PlacedInstance>> placed;
  for (const config::PoolSpec& pool : pools) {
    const bool other_kind = pool.ffn && pool.ffn->chip != pool.chip;
    Dealer chips(topology, kinds.at(pool.chip), pool, pool.chip, other_kind ? pool.plan.chips() : pool.chips());
    std::optional<Dealer> ffn;
    if (other_kind) ffn.emplace(topology, kinds.at(pool.ffn->chip), pool, pool.ffn->chip, pool.ffn->plan.chips());
    auto& instances = placed.emplace_back();
    for (std::uint32_t i = 0; i < pool.instances; ++i) {
      std::vector<ChipId> all = chips.deal(i);
      if (ffn) {
        const auto more = ffn->deal(i);
        all.insert(all.end(), more.begin(), more.end());
        if (!topology.one_site(all)) refuse_apart(topology, all.front(), more.front(), pool);
      }
      const auto side = all.begin() + pool.plan.chips();
      instances.push_back({.chips = {all.begin(), side}, .ffn = {side, all.end()}});
    }
  }
  return placed;
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
                                                      const PlacedInstance& instance, const config::PlaneChoice& planes,
                                                      const cost::WirePerToken& wire) {
  std::vector<metrics::CollectiveWire> wires;
  const std::vector<ChipId> chips = instance.all();
  if (chips.size() < 2) return wires;
  const auto add = [&](PlaneId plane, Bytes per_token) {
    const std::string& name = topology.planes()[plane.index()].name;
    for (metrics::CollectiveWire& known : wires) {
      if (known.plane != name) continue;
      known.per_token += per_token;
      return;
    }
    wires.push_back({name, per_token, topology.view(chips, plane).port});
  };
  const InstancePlanes of_instance(topology, instance);
  const auto add_group = [&](const std::optional<std::string>& name, const cost::Wire& group) {
    const GroupPlanes on = of_instance.of(name);
    add(on.inside, group.inside);
    if (on.leaves) add(on.across, group.across);
  };
  add_group(planes.tensor, wire.tensor);
  add_group(planes.expert, wire.expert);
  add_group(planes.pipeline, wire.pipeline);
  add_group(planes.expert, wire.out);
  add_group(planes.expert, wire.back);
  add_group(planes.tensor, wire.ffn);
  return wires;
}

}  // namespace tokenyard
