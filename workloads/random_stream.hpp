#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

namespace tokenyard::workloads {

/// A reproducible stream of draws. The same (seed, name) gives the same draws on every machine; streams of different
/// names are independent, so that drawing more from one never shifts another.
///
/// Engine: pcg64 (M. E. O'Neill, PCG, Harvey Mudd College HMC-CS-2014-0905, 2014), whose stream number is the FNV-1a
/// hash of the name and whose state is that hash mixed with the seed by splitmix64 (G. Steele et al., OOPSLA 2014).
/// Distributions: Boost.Random, whose algorithms, unlike <random>'s, are the same on every standard library.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::string_view name);
  RandomStream(RandomStream&&) noexcept;
  RandomStream& operator=(RandomStream&&) noexcept;
  ~RandomStream();

  [[nodiscard]] double uniform01();    ///< in [0, 1)
  [[nodiscard]] double exponential();  ///< mean 1
  [[nodiscard]] double normal();       ///< mean 0, standard deviation 1
  /// Mean `shape`, variance `shape` (scale 1). REQUIRES: shape > 0.
  [[nodiscard]] double gamma(double shape);
  /// Whole, both ends included. REQUIRES: min <= max.
  [[nodiscard]] std::uint64_t integer(std::uint64_t min, std::uint64_t max);

 private:
  struct Engine;
  std::unique_ptr<Engine> engine_;
};

}  // namespace tokenyard::workloads
