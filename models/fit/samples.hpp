#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tokenyard::fit {

/// Measured times of one kernel family: a row is a shape (the figures that the family names, in its order) and seconds.
class Samples {
 public:
  /// REQUIRES: width >= 1.
  explicit Samples(std::size_t width);

  /// `origin` is whatever leads a reader back to where the row came from; it is handed back and not looked at.
  /// REQUIRES: shape.size() == width(); seconds > 0.
  void add(std::span<const double> shape, double seconds, std::uint64_t origin = 0);

  [[nodiscard]] std::size_t width() const { return width_; }
  [[nodiscard]] std::size_t size() const { return seconds_.size(); }
  [[nodiscard]] std::span<const double> shape(std::size_t row) const { return {&figures_[row * width_], width_}; }
  [[nodiscard]] double seconds(std::size_t row) const { return seconds_[row]; }
  [[nodiscard]] std::uint64_t origin(std::size_t row) const { return origins_[row]; }

  /// One row a shape: the fastest of those that measure the same one. Rows come in ascending order of shape.
  [[nodiscard]] Samples distinct() const;

 private:
  std::size_t width_;
  std::vector<double> figures_;
  std::vector<double> seconds_;
  std::vector<std::uint64_t> origins_;
};

/// A number from the shape alone, the same on every machine: splits rows into fitted and held out.
[[nodiscard]] std::uint64_t shape_hash(std::span<const double> shape);

}  // namespace tokenyard::fit
