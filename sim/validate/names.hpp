#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tokenyard::validate {

// What others call a model or a machine, in our catalogue's names.

/// A name that was found, or what is wrong with it.
struct Named {
  std::string name;     ///< catalogue entry; empty = not found
  std::string reading;  ///< told to the reader: the entry is another model of the same shape; mostly empty
  std::string why;      ///< not found: one line
};

/// Entry of models/catalog/llms: "meta-llama/Llama-3.1-70B-Instruct", "DeepSeek-R1-0528", "llama2-70b-99.9",
/// "nvidia/Qwen3-32B-NVFP4". Organisation, number format, tuning and date of a release say nothing of the shape.
[[nodiscard]] Named llm_named(std::string_view written);

/// A machine whose chips are named.
struct Machine {
  std::string topology;  ///< entry of topologies/; empty = not found
  std::string chip;      ///< entry of models/catalog/chips
  std::uint32_t chips_per_node = 0;
  std::uint32_t nodes = 1;  ///< that the entry has without being asked
  std::string why;
};
/// "h200_sxm", "Nvidia H100 GPU", "a100-80gb", "8xMI300X_2xEPYC_9575F": the first word that is a chip of ours counts.
[[nodiscard]] Machine machine_named(std::string_view written);

}  // namespace tokenyard::validate
