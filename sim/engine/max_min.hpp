#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace tokenyard::engine {

/// Shares links among flows max-min fairly: nobody can get more without somebody who has no more getting less.
///
/// That is so exactly if every flow has a bottleneck: a link that is full and gives nobody more (or a limit of its
/// own). Bertsekas, Gallager, Data Networks, 2nd ed., 1992, section 6.5.2. So a change needs new rates only for flows
/// that lose their bottleneck by it. Those that have it in a changed link get new ones by progressive filling, in what
/// the others leave; whoever of the others has no bottleneck then joins them, until all have one. A change that reaches
/// few flows costs little however many there are.
///
/// Progressive filling: the link that gives least to each of its flows gives them that, which leaves more to the flows
/// of every other link that they cross; so on until every flow has its rate. As what a link gives only grows on the
/// way, a heap whose figures are looked at again when they come up finds the least one.
///
/// Links and flows are numbers; in steady state nothing is allocated. The unit of rates is that of capacities. Rates
/// that differ by less than one part in 10^12 count as the same.
class MaxMin {
 public:
  static constexpr double kNoLimit = std::numeric_limits<double>::infinity();

  /// Capacities by link.
  explicit MaxMin(const std::vector<double>& capacities);

  /// REQUIRES: capacity > 0 where flows are.
  void set_capacity(std::uint32_t link, double capacity);
  /// REQUIRES: `flow` is not there; `links` are different ones, 1 to 6 of them, with capacities > 0; limit > 0.
  void add(std::uint32_t flow, std::span<const std::uint32_t> links, double limit = kNoLimit);
  /// REQUIRES: `flow` is there.
  void remove(std::uint32_t flow);

  /// Gives the flows whose rates may be others than before, in no particular order but the same in every run. Valid
  /// until the next call.
  [[nodiscard]] std::span<const std::uint32_t> settle();
  /// REQUIRES: settle() has been called since the last change; `flow` is there.
  [[nodiscard]] double rate(std::uint32_t flow) const { return flows_[flow].rate; }

 private:
  static constexpr std::size_t kMostLinks = 6;
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};          ///< bottleneck of a flow without a rate
  static constexpr std::uint32_t kItsLimit = ~std::uint32_t{0} - 1;  ///< bottleneck of a flow that has all it can take

  struct Flow {
    double limit = kNoLimit;
    double rate = 0.0;
    std::uint32_t bottleneck = kNone;  ///< link
    std::uint32_t count = 0;           ///< of links
    std::array<std::uint32_t, kMostLinks> links{};
    std::array<std::uint32_t, kMostLinks> places{};  ///< among the flows of that link
    std::uint64_t part_of = 0;                       ///< the last settling that it had a part in
    std::uint64_t filled = 0;                        ///< the last filling that gave it a rate
    double new_rate = 0.0;
    std::uint32_t new_bottleneck = kNone;
  };
  struct Link {
    double capacity = 0.0;
    double load = 0.0;            ///< sum of rates
    std::uint32_t added_up = 0;   ///< changes of `load` since it was added up anew
    std::uint32_t held_here = 0;  ///< flows that have it as their bottleneck
    bool changed = false;
    std::vector<std::uint32_t> flows{};

    std::uint64_t part_of = 0;      ///< of these only if the settling is this
    double room = 0.0;              ///< for the flows that take part
    std::uint32_t taking_part = 0;  ///< flows
    std::uint32_t held_taking_part = 0;

    double left = 0.0;       ///< of the room, in this filling
    std::uint32_t open = 0;  ///< flows without a rate yet
    double top = 0.0;        ///< highest rate given
    bool full = false;       ///< it was the bottleneck of the last flows
  };
  /// What a link would give to each flow, or less.
  struct Share {
    double least = 0.0;
    std::uint32_t link = 0;
  };

  void change(std::uint32_t link);
  void book(Link& link, double rate);
  void reach(std::uint32_t link);
  void join(std::uint32_t flow);
  [[nodiscard]] bool join_those_without_bottleneck();
  void fill();
  void fix(std::uint32_t flow, double rate, std::uint32_t bottleneck);
  void sink(std::size_t at);

  std::vector<Flow> flows_;
  std::vector<Link> links_;
  std::vector<std::uint32_t> changed_;  ///< links
  std::uint64_t settling_ = 0;
  std::uint64_t filling_ = 0;
  std::vector<std::uint32_t> part_;     ///< flows of this settling
  std::vector<std::uint32_t> reached_;  ///< their links, and those that have changed
  std::vector<std::uint32_t> limited_;  ///< flows of this filling with a limit, the lowest first
  std::vector<Share> heap_;
};

}  // namespace tokenyard::engine
