#include "sim/calibrate/table_formats.hpp"

#include <string>

// Tables of NVIDIA aiconfigurator (github.com/ai-dynamo/aiconfigurator, Apache-2.0) as CSV: `op_name` says what was
// measured, `latency` is in milliseconds, columns of one value stand in INDEX.csv.
namespace tokenyard::calibrate {
namespace {

constexpr double kMillisecond = 1e-3;

bool measures(const KernelTable& table, std::string_view operation) {
  return table.has_all({"op_name", "latency"}) && table.text(0, "op_name") == operation;
}

double seconds(const KernelTable& table, std::size_t row) { return table.positive(row, "latency") * kMillisecond; }

bool is_gemm(const KernelTable& table) {
  // Files without an INDEX.csv beside them still have the column that no other table has.
  return measures(table, "gemm") || table.has_all({"gemm_dtype", "m", "n", "k", "latency"});
}

void read_gemm(const KernelTable& table, Measurements& into) {
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string_view format = table.text(row, "gemm_dtype");
    std::string place;
    if (format == "bfloat16") {
      place = "gemm.bf16";
    } else if (format == "fp8") {
      place = "quantised gemm.fp8";  // scales are computed inside: calibrate() takes those kernels off
    } else if (format == "fp8_block") {
      place = "gemm.fp8_block";
    } else if (format == "nvfp4") {
      place = "untuned gemm.nvfp4";  // taken when no table of tuned kernels stands beside it
    } else {
      into.leave_out("gemm_dtype", format);  // weight-only and smooth-quant kernels that no family here stands for
      continue;
    }
    into.add(place, {table.count(row, "m"), table.count(row, "n"), table.count(row, "k")}, seconds(table, row), table,
             row);
  }
}

bool is_quantise(const KernelTable& table) {
  return measures(table, "compute_scale") || measures(table, "scale_matrix");
}

void read_quantise(const KernelTable& table, Measurements& into) {
  const std::string place =
      std::string(table.text(0, "op_name") == "scale_matrix" ? "scale matrix." : "compute scale.") +
      std::string(table.text(0, "quant_dtype"));
  for (std::size_t row = 0; row < table.rows(); ++row) {
    into.add(place, {table.count(row, "m"), table.count(row, "k")}, seconds(table, row), table, row);
  }
}

/// "bf16" or "fp8" for a KV format as these tables write it; empty for others.
std::string_view cache_format(const KernelTable& table, std::size_t row) {
  const std::string_view format = table.text(row, "kv_cache_dtype");
  return format == "bfloat16" ? "bf16" : format == "fp8" ? "fp8" : "";
}

bool is_attention(const KernelTable& table) {
  return measures(table, "generation_attention") || measures(table, "context_attention");
}

void read_attention(const KernelTable& table, Measurements& into) {
  const bool decode = table.text(0, "op_name") == "generation_attention";
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string_view kv = cache_format(table, row);
    if (kv.empty() || table.text(row, "attn_dtype") != "bfloat16") continue;  // FP8 queries: nothing stands for them
    // A decode has `step` tokens in the cache and computes one more.
    const double length = decode ? table.number(row, "step") + 1.0 : table.positive(row, "isl");
    const double sequences = table.count(row, "batch_size");
    const double heads = table.count(row, "num_heads");
    const double kv_heads = table.count(row, "num_key_value_heads");
    const double head_dim = table.count(row, "head_dim");
    const std::string place = decode ? "attention_decode" : "attention_context";
    if (const double window = table.number(row, "window_size"); window > 0.0) {
      into.add(place + "_windowed." + std::string(kv), {sequences, length, heads, kv_heads, head_dim, window},
               seconds(table, row), table, row);
    } else {
      into.add(place + "." + std::string(kv), {sequences, length, heads, kv_heads, head_dim}, seconds(table, row),
               table, row);
    }
  }
}

bool is_latent(const KernelTable& table) {
  return (measures(table, "mla_generation") || measures(table, "mla_context")) && !table.has("gemm_type") &&
         table.has("tp_size");
}

void read_latent(const KernelTable& table, Measurements& into) {
  const bool decode = table.text(0, "op_name") == "mla_generation";
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string_view kv = cache_format(table, row);
    if (kv.empty() || table.text(row, "mla_dtype") != "bfloat16") continue;
    const double length = decode ? table.number(row, "step") + 1.0 : table.positive(row, "isl");
    into.add((decode ? "mla_decode." : "mla_context.") + std::string(kv),
             {table.count(row, "batch_size"), length, table.count(row, "num_heads")}, seconds(table, row), table, row);
  }
}

}  // namespace

std::vector<TableFormat> aiconfigurator_formats() {
  return {
      {"aiconfigurator gemm", "gemm_dtype, m, n, k, latency in ms", is_gemm, read_gemm},
      {"aiconfigurator quantise", "op_name compute_scale or scale_matrix, quant_dtype, m, k, latency in ms",
       is_quantise, read_quantise},
      {"aiconfigurator attention", "op_name generation_attention or context_attention, latency in ms", is_attention,
       read_attention},
      {"aiconfigurator mla", "op_name mla_generation or mla_context, tp_size, latency in ms", is_latent, read_latent}};
}

}  // namespace tokenyard::calibrate
