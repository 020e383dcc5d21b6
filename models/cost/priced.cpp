#include "models/cost/priced.hpp"

#include <array>
#include <cstddef>
#include <initializer_list>
#include <string>

namespace tokenyard::cost {
namespace {

using models::GemmKind;

template <class Families, class Index>
const models::Provenance& provenance(const Families& families, Index index) {
  return families.at(static_cast<std::size_t>(index))->provenance;
}

/// A kernel of a kind of product, where somebody measured it.
std::optional<Priced> look_up(const KernelProfile* profile, const char* group, GemmKind kind,
                              std::initializer_list<double> shape) {
  if (profile == nullptr) return std::nullopt;
  const auto time = profile->time(group + std::string(models::name(kind)), {shape.begin(), shape.size()});
  if (!time) return std::nullopt;
  return Priced{.time = *time, .table = true};
}

}  // namespace

Priced PricedKernels::product(const GemmShape& s, GemmKind kind) const {
  const Roofline roofline = product_roofline(s, kind, chip_);
  if (auto priced = s.batch > 1.0 ? std::nullopt : look_up(profile_, "gemm.", kind, {s.m, s.n, s.k})) {
    priced->roofline = roofline;
    return *priced;
  }
  return {.time = gemm_time(s, kind, chip_),
          .outside = !provenance(chip_.kernels.gemm, kind).covers({{"m", s.m}, {"n", s.n}, {"k", s.k}}),
          .roofline = roofline};
}

Priced PricedKernels::experts(const MoeShape& s, const ExpertLoad& load, GemmKind kind,
                              std::optional<double> skew) const {
  const Roofline roofline = experts_roofline(s, load, kind, chip_);
  if (skew && s.gathered >= 1.0 && s.redundant <= 0.0) {
    auto priced =
        look_up(profile_, "moe.", kind, {s.tokens, s.experts, s.top_k, s.expert_ranks, *skew, s.hidden, s.inner});
    if (priced) {
      priced->roofline = roofline;
      return *priced;
    }
  }
  return {.time = moe_time(s, load, kind, chip_),
          .outside = !moe_kernel(s, load, kind, chip_)
                          .provenance.covers({{"tokens", s.tokens},
                                              {"experts", s.experts},
                                              {"top_k", s.top_k},
                                              {"expert_ranks", s.expert_ranks},
                                              {"hidden", s.hidden},
                                              {"inner", s.inner},
                                              {"hit", load.hit}}),
          .roofline = roofline};
}

Priced PricedKernels::small(const SmallShape& s, models::SmallKernel kind, double tokens) const {
  const models::Provenance& from = chip_.kernels.small.of(kind).provenance;
  return {.time = small_kernel_time(s, kind, chip_),
          .outside = !(s.width > 0.0 ? from.covers({{"tokens", tokens}, {"width", s.width}, {"bytes", s.bytes}})
                                     : from.covers({{"tokens", tokens}, {"bytes", s.bytes}})),
          .roofline = small_roofline(s, chip_)};
}

Priced PricedKernels::all_gather(Bytes size, const GroupLinks& links) const {
  return by_library(models::Collective::AllGather, size, links);
}

Priced PricedKernels::reduce_scatter(Bytes size, const GroupLinks& links) const {
  return by_library(models::Collective::ReduceScatter, size, links);
}

Priced PricedKernels::by_library(models::Collective op, Bytes size, const GroupLinks& links) const {
  const models::LibraryCoefficients& library = chip_.kernels.collectives.used_library();
  const CollectivePrice price = library_time(op, size, links, library);
  const models::Provenance& from = links.domains > 1 ? library.two_level.provenance : library.of(op).provenance;
  const bool covered = from.covers({{"bytes", size.value()}, {"ranks", 1.0 * links.ranks}});
  return {.time = price.time, .outside = links.ranks > 1 && (price.extrapolated || !covered)};
}

Priced PricedKernels::all_reduce(Bytes size, const GroupLinks& links) const {
  if (profile_ != nullptr && links.domains == 1 && links.ranks > 1) {
    const std::array shape{size.value(), 1.0 * links.ranks};
    if (const auto time = profile_->time("all_reduce", shape)) return {.time = *time, .table = true};
  }
  const models::CollectiveKernels& c = chip_.kernels.collectives;
  const CollectivePrice price = cost::all_reduce(size, links, c);
  const bool own = price.algorithm == Algorithm::OneShot || price.algorithm == Algorithm::TwoShot;
  const models::LibraryCoefficients& library = c.used_library();
  const models::Provenance& from = own                                       ? c.own_all_reduce().provenance
                                   : price.algorithm == Algorithm::InNetwork ? library.in_network->provenance
                                   : price.algorithm == Algorithm::TwoLevel
                                       ? library.two_level.provenance
                                       : library.of(models::Collective::AllReduce).provenance;
  const bool covered = from.covers({{"bytes", size.value()}, {"ranks", 1.0 * links.ranks}});
  return {.time = price.time, .outside = links.ranks > 1 && (price.extrapolated || !covered)};
}

Priced PricedKernels::all_reduce_by(const models::AllReduceCoefficients& kernel, Bytes size,
                                    const GroupLinks& links) const {
  const CollectivePrice price = own_all_reduce(size, links, kernel);
  const bool covered = kernel.provenance.covers({{"bytes", size.value()}, {"ranks", 1.0 * links.ranks}});
  return {.time = price.time, .outside = price.extrapolated || !covered};
}

Priced PricedKernels::exchange(const ExchangeShape& shape, const GroupLinks& links, bool prompts,
                               Direction direction) const {
  const models::ExchangeKernel& kernel = chip_.kernels.collectives.exchange(prompts);
  const auto& c = direction == Direction::Dispatch ? kernel.dispatch : kernel.combine;
  return {.time = exchange_time(shape, links, kernel, direction),
          .outside = !c.provenance.covers({{"tokens", shape.tokens_per_chip}, {"ranks", 1.0 * links.ranks}})};
}

Priced PricedKernels::hop(Bytes size, const GroupLinks& links) const {
  const models::PointToPointCoefficients& c = chip_.kernels.collectives.used_library().point_to_point;
  return {.time = hop_time(size, links, c), .outside = !c.provenance.covers({{"bytes", size.value()}})};
}

}  // namespace tokenyard::cost
