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

}  // namespace

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

}  // namespace tokenyard
