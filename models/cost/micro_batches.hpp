#pragma once

#include <cstdint>
#include <span>

namespace tokenyard::cost {

/// Largest number of micro-batches of a step.
inline constexpr std::uint32_t kMostMicroBatches = 16;

/// What one micro-batch takes in one layer, in picoseconds: on the attention chips, on its way to the expert chips,
/// there, on its way back; and what expert chips that share matrices send each other in between, which keeps their
/// ports and not their cores busy.
struct LayerTrip {
  std::int64_t attention = 0;
  std::int64_t send = 0;
  std::int64_t ffn = 0;
  std::int64_t back = 0;
  std::int64_t share = 0;
};

/// Layers in a row that are alike.
struct LayerTrips {
  std::uint32_t layers = 0;
  LayerTrip trip{};
};

/// Picoseconds from the first micro-batch's first layer until the last micro-batch is back from its last one. Each of
/// the five places (attention chips, way out, expert chips, the ports between these, way back) serves one micro-batch
/// at a time, in order; a micro-batch begins a layer when it is back from the one before. With times that are alike in
/// all layers, sum s and longest t of the five, n layers of m micro-batches take max(s + (n m - 1) t, n s + (m - 1) t).
/// Exact, in a few rounds however many layers: places that have moved on by the same time in a round do so in every
/// one. REQUIRES: 1 <= micro_batches <= kMostMicroBatches; no time below 0. Source of the form: MegaScale-Infer, arXiv
/// 2504.02263, section 4.1, which has the case without ways out and back.
[[nodiscard]] std::int64_t round_trips(std::span<const LayerTrips> layers, std::uint32_t micro_batches);

}  // namespace tokenyard::cost
