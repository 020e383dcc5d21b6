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
    } else if (format == "fp8_block" || format == "nvfp4") {
      place = "gemm." + std::string(format);
    } else {
      continue;  // weight-only and smooth-quant kernels that no family here stands for
    }
    into.add(place, {table.positive(row, "m"), table.positive(row, "n"), table.positive(row, "k")}, seconds(table, row),
             table, row);
  }
}

}  // namespace

std::vector<TableFormat> aiconfigurator_formats() {
  return {{"aiconfigurator gemm", "gemm_dtype, m, n, k, latency in ms", is_gemm, read_gemm}};
}

}  // namespace tokenyard::calibrate
