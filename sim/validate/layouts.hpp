#pragma once

#include "models/llm/architecture.hpp"
#include "sim/validate/point.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace tokenyard::validate {

/// How one side of a row was spread over chips, as its columns say.
struct WrittenLayout {
  std::uint32_t workers = 1;
  std::uint32_t tp = 1, pp = 1, dp = 1;
  std::optional<std::uint32_t> moe_tp, moe_ep;  ///< absent: not told
};

/// The same in our terms: `instances` copies of a parallel plan.
struct ReadLayout {
  std::uint32_t instances = 1;
  std::uint32_t tensor = 1, pipeline = 1, attention_data = 1, expert = 1;

  [[nodiscard]] std::uint32_t chips() const { return instances * tensor * pipeline * attention_data; }
  [[nodiscard]] std::string text() const;  ///< "tp4", "dp8 ep8", "2 x tp4"
};

/// Reads the columns of a layout; what was read otherwise than written is told to `point`:
/// - moe_tp = moe_ep = g > 1 with g * g in tp or attn_dp: the column was multiplied twice, the row ran on g chips with
/// g
///   groups of experts (their clean twins have the same figures). Not for Qwen3-235B, where g chips would have to
///   stream their weights faster than their memory can.
/// - data-parallel ranks of a dense model are independent copies.
[[nodiscard]] ReadLayout read_layout(const WrittenLayout& written, const models::LlmSpec& llm, Point& point);

/// Keys pools.POOL.instances and .parallel.
void set_layout(const ReadLayout& layout, const std::string& pool, Point& point);

/// Entries of models/catalog/llms, each read once.
class Llms {
 public:
  /// REQUIRES: the catalogue lists it. Throws UserError when its file has a mistake.
  [[nodiscard]] const models::LlmSpec& entry(const std::string& name);

 private:
  std::map<std::string, models::LlmSpec> read_;
};

}  // namespace tokenyard::validate
