#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tokenyard::metrics {

/// What a kernel, or a whole step, computes and moves on one chip, and what it would take at the chip's rates.
struct ChipWork {
  double flop = 0;
  double bytes = 0;      ///< between the chip and its memory
  double compute_s = 0;  ///< flop at the dense peak of the format that is multiplied
  double memory_s = 0;   ///< bytes at the memory's bandwidth
};

/// One line of a step.
struct KernelRow {
  std::string name;
  double time_s = 0;               ///< over all layers; below 0 what two half batches hide
  std::optional<ChipWork> work{};  ///< absent of what sends or waits
};

/// What a step ran on.
struct ChipRates {
  std::string name;
  double memory_bandwidth = 0;                       ///< bytes a second
  std::vector<std::pair<std::string, double>> peak;  ///< by number format, FLOP a second
};

/// One step of one pool, taken apart.
struct StepSheet {
  std::string pool;
  std::string what;                ///< "32 decodes at 1,024 tokens on each of 8 attention ranks"
  std::vector<KernelRow> lines;    ///< in order of the pass
  double step_s = 0;               ///< the price of a run: also at least the host's time
  double in_a_row_s = 0;           ///< of one behind many like it, whose chips cannot keep their clocks
  std::optional<ChipWork> work{};  ///< of all lines; absent where they are of several kinds of chips
  std::vector<ChipRates> chips;    ///< of the pool; those of its FFN behind the others
  double weights_per_chip_bytes = 0;
  std::uint32_t blocks_per_rank = 0;
  double traffic_bytes = 0;           ///< weights and KV that all chips read
  std::uint64_t kv_tokens = 0;        ///< that fit on a rank
  std::uint64_t kv_tokens_asked = 0;  ///< that the step's requests have there
  struct Load {
    std::string store;
    std::string plane;
    double alone_s = 0;
    double together_s = 0;  ///< with all other instances at once
  };
  std::optional<Load> load{};  ///< of the weights; absent in a machine without a pool to load them from
};

}  // namespace tokenyard::metrics
