#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace tokenyard {

/// Kinds of groups of an instance's chips that send to each other in a step.
enum class Sender : std::uint8_t {
  Tensor,    ///< chips of an attention rank
  Expert,    ///< chips of a stage
  Pipeline,  ///< neighbouring stages
  Out,       ///< chips that hold attention to those that hold the FFN, where they stand apart
  Back,      ///< from these
  Ffn        ///< chips of the FFN side that share matrices
};
inline constexpr std::size_t kSenders = 6;

/// Bytes that leave the ports of all chips of an instance together. Whole ones, so that it does not matter how steps
/// are grouped.
struct CollectiveBytes {
  struct Of {
    std::uint64_t inside = 0;  ///< to chips of the same leaf domain
    std::uint64_t across = 0;  ///< to other domains
    Of& operator+=(const Of& other) {
      inside += other.inside;
      across += other.across;
      return *this;
    }
    friend bool operator==(const Of&, const Of&) = default;
  };
  std::array<Of, kSenders> of{};

  [[nodiscard]] Of& operator[](Sender sender) { return of[static_cast<std::size_t>(sender)]; }
  [[nodiscard]] const Of& operator[](Sender sender) const { return of[static_cast<std::size_t>(sender)]; }
  [[nodiscard]] bool any() const { return *this != CollectiveBytes{}; }
  CollectiveBytes& operator+=(const CollectiveBytes& other) {
    for (std::size_t i = 0; i < kSenders; ++i) of[i] += other.of[i];
    return *this;
  }
  /// REQUIRES: no number of `other` is the larger one.
  [[nodiscard]] CollectiveBytes operator-(const CollectiveBytes& other) const {
    CollectiveBytes rest = *this;
    for (std::size_t i = 0; i < kSenders; ++i) {
      rest.of[i].inside -= other.of[i].inside;
      rest.of[i].across -= other.of[i].across;
    }
    return rest;
  }
  friend bool operator==(const CollectiveBytes&, const CollectiveBytes&) = default;

  /// `times` of them.
  [[nodiscard]] CollectiveBytes operator*(std::uint64_t times) const {
    return changed([&](std::uint64_t bytes) { return bytes * times; });
  }
  /// Every number replaced by what `change` makes of it.
  template <class Change>
  [[nodiscard]] CollectiveBytes changed(Change change) const {
    CollectiveBytes result;
    for (std::size_t i = 0; i < kSenders; ++i) {
      result.of[i] = {.inside = change(of[i].inside), .across = change(of[i].across)};
    }
    return result;
  }
};

/// Which share of an instance's bytes a link carries, by where they come from.
struct CollectiveShare {
  struct Of {
    double inside = 0.0;
    double across = 0.0;
  };
  std::array<Of, kSenders> of{};

  [[nodiscard]] Of& operator[](Sender sender) { return of[static_cast<std::size_t>(sender)]; }
  [[nodiscard]] bool any() const {
    return std::any_of(of.begin(), of.end(), [](const Of& one) { return one.inside > 0.0 || one.across > 0.0; });
  }
  /// Bytes that it carries.
  [[nodiscard]] double operator()(const CollectiveBytes& bytes) const {
    double sum = 0.0;
    for (std::size_t i = 0; i < kSenders; ++i) {
      sum += of[i].inside * static_cast<double>(bytes.of[i].inside) +
             of[i].across * static_cast<double>(bytes.of[i].across);
    }
    return sum;
  }
};

}  // namespace tokenyard
