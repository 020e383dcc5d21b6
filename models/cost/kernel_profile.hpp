#pragma once

#include "models/base/units.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tokenyard::cost {

/// Measured times of one kernel family, looked up by shape.
///
/// Some figures of a shape (heads, experts ...) must be those of a row; between rows that differ in the others time is
/// a straight line in the logarithms, figure by figure. A shape beyond the rows, in any figure, has no time.
class ProfiledKernel {
 public:
  /// `order`: positions of the figures in a shape, the `matched` first of them being those that must be met.
  ProfiledKernel(std::vector<std::size_t> order, std::size_t matched);

  /// REQUIRES: as many figures as `order` has, those not matched above 0; seconds > 0. Of two times of one shape the
  /// shorter counts.
  void add(std::span<const double> shape, double seconds);
  /// Sorts what was added. REQUIRES: called once, before at() and line().
  void close();

  /// Seconds of a shape; nothing outside of the rows. Exactly the row's where there is one.
  [[nodiscard]] std::optional<double> at(std::span<const double> shape) const;

  /// Rows that have the figures of `shape` in all but the last of `order`: their last figure and seconds, ascending.
  struct Line {
    std::vector<double> figures;
    std::vector<double> seconds;
  };
  /// The lines of every value of the last figure but one, in ascending order of it; the matched figures are `shape`'s.
  [[nodiscard]] std::map<double, Line> lines(std::span<const double> shape) const;

 private:
  struct Row {
    std::vector<double> key;  // figures in `order`
    double seconds = 0.0;
  };
  using Rows = std::span<const Row>;
  [[nodiscard]] std::optional<double> log_time(Rows rows, std::span<const double> key, std::size_t level) const;

  std::vector<std::size_t> order_;
  std::size_t matched_;
  std::vector<Row> rows_;
};

/// A user's own kernels, by the places of their coefficients ("gemm.bf16", "moe.fp8") and "all_reduce".
class KernelProfile {
 public:
  /// Measured shapes have these figures, in this order; those in parentheses must be met, the others may lie between
  /// rows. gemm: m n k; attention: sequences, tokens or context of each, (heads, KV heads, head size); latent attention
  /// without the last two; moe: tokens, (experts, top_k, expert ranks, skew, hidden, inner); all_reduce: bytes,
  /// (ranks). Gives whether the place is one of these; rows of others are not looked at.
  bool add(std::string_view place, std::span<const double> shape, double seconds);
  /// REQUIRES: called once, when all rows are there.
  void close();

  [[nodiscard]] bool empty() const { return kernels_.empty(); }
  /// The family at `place`; nullptr when nobody measured it.
  [[nodiscard]] const ProfiledKernel* find(std::string_view place) const;
  [[nodiscard]] std::optional<Seconds> time(std::string_view place, std::span<const double> shape) const;

 private:
  std::map<std::string, ProfiledKernel, std::less<>> kernels_;
};

}  // namespace tokenyard::cost
