#include "sim/calibrate/table_formats.hpp"

#include <charconv>
#include <string>

// MoE tables of NVIDIA aiconfigurator (github.com/ai-dynamo/aiconfigurator, Apache-2.0): routed experts of one layer on
// one rank of moe_ep_size, permutation and un-permutation included; num_tokens are those of all these ranks.
namespace tokenyard::calibrate {
namespace {

constexpr double kMillisecond = 1e-3;

bool is_moe(const KernelTable& table) {
  return table.has_all({"moe_dtype", "num_tokens", "hidden_size", "inter_size", "topk", "num_experts", "moe_tp_size",
                        "moe_ep_size", "distribution", "latency"}) &&
         !table.has("num_slots") && !table.text(0, "kernel_source").starts_with("deepep");
}

/// Where the rows of a kernel and a format go; those that no family stands for have a place of their own.
std::string place_of(std::string_view kernel, std::string_view format, bool balanced, double hidden) {
  if (kernel.ends_with("_nongated")) return "not gated moe." + std::string(format);
  if (format == "bfloat16") return "moe.bf16";
  if (format == "fp8" || format == "fp8_block") return "moe." + std::string(format);
  if (format == "nvfp4" && !kernel.ends_with("_min_latency")) return "grouped moe.nvfp4";
  // One of two ranks takes 0.96 to 0.98 of the time of one that holds all (medians of 8 to 256 tokens on B200, GB200),
  // where power laws and the other kernel have 0.6 to 0.7: tokens were not dealt as the row says.
  if (format == "nvfp4") return balanced ? "balanced, quick moe.nvfp4" : "moe.nvfp4";
  if (format == "w4a16_mxfp4") return "moe.w4a16";
  // gpt-oss has checkpoints in MXFP4, 2,880 wide; wider shapes, and balanced loads over many ranks, are up to three
  // times slower than their neighbours: a kernel that was not tuned for them.
  if (format == "w4a8_mxfp4_mxfp8" && hidden == 2880.0 && !balanced) return "moe.w4a8";
  return "moe of format " + std::string(format);
}

/// Exponent of the power law of "power_law_1.2"; 0 for "balanced".
double skew_of(const KernelTable& table, std::size_t row) {
  const std::string_view text = table.text(row, "distribution");
  constexpr std::string_view kPowerLaw = "power_law_";
  if (text == "balanced") return 0.0;
  double skew = 0.0;
  if (text.starts_with(kPowerLaw)) {
    const std::string_view number = text.substr(kPowerLaw.size());
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), skew);
    if (error == std::errc{} && end == number.data() + number.size() && skew > 0.0) return skew;
  }
  table.fail(row, "distribution", "'" + std::string(text) + "' is neither balanced nor power_law_ and its exponent");
}

void read_moe(const KernelTable& table, Measurements& into) {
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const double experts = table.positive(row, "num_experts");
    const double top_k = table.positive(row, "topk");
    const double ranks = table.positive(row, "moe_ep_size");
    if (top_k > experts) table.fail(row, "topk", "is more than the experts there are");
    if (static_cast<std::uint64_t>(experts) % static_cast<std::uint64_t>(ranks) != 0) {
      table.fail(row, "moe_ep_size", "does not divide num_experts");
    }
    const double skew = skew_of(table, row);
    const double hidden = table.positive(row, "hidden_size");
    into.add(place_of(table.text(row, "kernel_source"), table.text(row, "moe_dtype"), skew <= 0.0, hidden),
             {table.positive(row, "num_tokens"), experts, top_k, ranks, skew, hidden,
              table.positive(row, "inter_size") / table.positive(row, "moe_tp_size")},
             table.positive(row, "latency") * kMillisecond, table, row);
  }
}

}  // namespace

std::vector<TableFormat> aiconfigurator_expert_formats() {
  return {{"aiconfigurator moe",
           "kernel_source, moe_dtype, num_tokens, hidden_size, inter_size, topk, num_experts, moe_tp_size, "
           "moe_ep_size, distribution, latency in ms",
           is_moe, read_moe}};
}

}  // namespace tokenyard::calibrate
