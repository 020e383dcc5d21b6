#include "models/cost/exchange.hpp"
#include "sim/calibrate/table_formats.hpp"

// Tables of MoE dispatch and combine: DeepEP and TensorRT-LLM as NVIDIA aiconfigurator measured them
// (github.com/ai-dynamo/aiconfigurator, Apache-2.0), and those that NVIDIA printed of GB200 NVL72 (TensorRT-LLM tech
// blog 18). Tokens are those of a rank.
namespace tokenyard::calibrate {
namespace {

constexpr double kMicrosecond = 1e-6;
constexpr double kMillisecond = 1e-3;
// DeepSeek-V3 (config.json), which the tables without these columns are of.
constexpr double kHidden = 7168.0;
constexpr double kTopK = 8.0;

/// FP8 with a scale for 128 elements there, BF16 back.
double fp8_copy(double hidden) { return cost::dispatch_bytes(hidden, models::GemmKind::Fp8Block); }

/// Ranks of `node_num` nodes: 4 GPUs in one of GB200, 8 elsewhere.
double ranks(const KernelTable& table, std::size_t row) {
  const bool trays = table.has("device") && table.text(row, "device").starts_with("NVIDIA GB");
  return (trays ? 4.0 : 8.0) * table.positive(row, "node_num");
}

void add(const KernelTable& table, std::size_t row, const char* times, double sms, Measurements& into) {
  const bool dispatch = std::string_view(times).starts_with("dispatch");
  const double hidden = table.positive(row, "hidden_size");
  double us = table.positive(row, times);
  // Ranks of several nodes tell each other first how much is coming.
  const char* const counts = dispatch ? "dispatch_notify_us" : "combine_notify_us";
  if (table.has(counts)) us += table.number(row, counts);
  into.add(dispatch ? "exchange.dispatch" : "exchange.combine",
           {table.positive(row, "num_token"), ranks(table, row), table.positive(row, "num_topk"),
            dispatch ? fp8_copy(hidden) : cost::combine_bytes(hidden), sms, 0.0},
           us * kMicrosecond, table, row);
}

bool is_low_latency(const KernelTable& table) {
  return table.has_all({"node_num", "num_token", "num_topk", "hidden_size", "dispatch_avg_t_us", "combine_avg_t_us"});
}

void read_low_latency(const KernelTable& table, Measurements& into) {
  for (std::size_t row = 0; row < table.rows(); ++row) {
    for (const char* const times : {"dispatch_avg_t_us", "combine_avg_t_us"}) add(table, row, times, 0.0, into);
  }
}

bool is_normal(const KernelTable& table) {
  return table.has_all({"node_num", "num_token", "num_topk", "hidden_size", "dispatch_sms", "dispatch_transmit_us",
                        "combine_sms", "combine_transmit_us"});
}

void read_normal(const KernelTable& table, Measurements& into) {
  for (std::size_t row = 0; row < table.rows(); ++row) {
    add(table, row, "dispatch_transmit_us", table.positive(row, "dispatch_sms"), into);
    add(table, row, "combine_transmit_us", table.positive(row, "combine_sms"), into);
  }
}

bool is_one_sided(const KernelTable& table) {
  return table.has_all({"op_name", "moe_dtype", "num_tokens", "moe_ep_size", "hidden_size", "topk", "latency"}) &&
         table.text(0, "op_name").starts_with("alltoall_");
}

/// One-sided kernels with what they send in NVFP4; of the two-sided ones nothing is fitted.
void read_one_sided(const KernelTable& table, Measurements& into) {
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (table.text(row, "kernel_source") != "NVLinkOneSided" || table.text(row, "moe_dtype") != "nvfp4") continue;
    const bool dispatch = table.text(row, "op_name") == "alltoall_dispatch";
    const double hidden = table.positive(row, "hidden_size");
    const double balanced = table.text(row, "distribution") == "balanced" ? 1.0 : 0.0;
    into.add(
        dispatch ? "exchange.dispatch" : "exchange.combine",
        {table.positive(row, "num_tokens"), table.positive(row, "moe_ep_size"), table.positive(row, "topk"),
         dispatch ? cost::dispatch_bytes(hidden, models::GemmKind::Nvfp4) : cost::combine_bytes(hidden), 0.0, balanced},
        table.positive(row, "latency") * kMillisecond, table, row);
  }
}

bool is_printed(const KernelTable& table) {
  return table.has_all({"ep_size", "tokens_per_rank", "dispatch_dtype", "dispatch_us", "combine_us"});
}

void read_printed(const KernelTable& table, Measurements& into) {
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (table.text(row, "dispatch_dtype") != "bf16") table.fail(row, "dispatch_dtype", "is not bf16");
    for (const char* const direction : {"dispatch", "combine"}) {
      into.add("exchange." + std::string(direction),
               {table.positive(row, "tokens_per_rank"), table.positive(row, "ep_size"), kTopK,
                cost::combine_bytes(kHidden), 0.0, 1.0},
               table.positive(row, std::string(direction) + "_us") * kMicrosecond, table, row);
    }
  }
}

}  // namespace

std::vector<TableFormat> exchange_formats() {
  return {{"DeepEP low latency", "node_num, num_token, num_topk, hidden_size, dispatch_avg_t_us, combine_avg_t_us",
           is_low_latency, read_low_latency},
          {"DeepEP normal",
           "node_num, num_token, num_topk, hidden_size, dispatch_sms, dispatch_transmit_us, combine_sms, "
           "combine_transmit_us",
           is_normal, read_normal},
          {"TensorRT-LLM all-to-all", "op_name alltoall_..., moe_dtype, num_tokens, moe_ep_size, latency in ms",
           is_one_sided, read_one_sided},
          {"TensorRT-LLM all-to-all as printed", "ep_size, tokens_per_rank, dispatch_dtype, dispatch_us, combine_us",
           is_printed, read_printed}};
}

}  // namespace tokenyard::calibrate
