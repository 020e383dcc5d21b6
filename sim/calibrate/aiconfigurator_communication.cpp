#include "sim/calibrate/table_formats.hpp"

#include <string>

// Communication tables of NVIDIA aiconfigurator (github.com/ai-dynamo/aiconfigurator, Apache-2.0): `latency` in
// milliseconds, `message_size` in elements of two bytes, one switched domain of `num_gpus`.
namespace tokenyard::calibrate {
namespace {

constexpr double kMillisecond = 1e-3;
constexpr double kElement = 2.0;  // bytes: half and bfloat16

bool is_custom(const KernelTable& table) {
  return table.has_all({"allreduce_dtype", "num_gpus", "message_size", "latency"});
}

/// "vLLM 0.24.0", by the index or the columns; without either by the kernel.
std::string software_of(const KernelTable& table) {
  if (table.has_all({"framework", "version"})) {
    return std::string(table.text(0, "framework")) + " " + std::string(table.text(0, "version"));
  }
  return table.has("kernel_source") ? std::string(table.text(0, "kernel_source")) : "unnamed software";
}

/// Kernels of engines in CUDA graphs. Rows that an engine launched eagerly are 4 to 10 times slower and no step's.
void read_custom(const KernelTable& table, Measurements& into) {
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (table.has("backend") && table.text(row, "backend").ends_with("_eager")) continue;
    into.add("all_reduce", {kElement * table.positive(row, "message_size"), table.positive(row, "num_gpus")},
             kMillisecond * table.positive(row, "latency"), table, row);
  }
  into.of_software("all_reduce", software_of(table), table);
}

bool is_nccl(const KernelTable& table) {
  return table.has_all({"nccl_dtype", "op_name", "num_gpus", "message_size", "latency"});
}

void read_nccl(const KernelTable& table, Measurements& into) {
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (table.text(row, "nccl_dtype") != "half") continue;
    std::string operation(table.text(row, "op_name"));
    if (operation == "alltoall") operation = "all_to_all";
    into.add("library." + operation, {kElement * table.positive(row, "message_size"), table.positive(row, "num_gpus")},
             kMillisecond * table.positive(row, "latency"), table, row);
  }
}

}  // namespace

std::vector<TableFormat> aiconfigurator_communication_formats() {
  return {{"aiconfigurator all-reduce", "allreduce_dtype, num_gpus, message_size in elements, latency in ms", is_custom,
           read_custom},
          {"aiconfigurator nccl", "nccl_dtype, op_name, num_gpus, message_size in elements, latency in ms", is_nccl,
           read_nccl}};
}

}  // namespace tokenyard::calibrate
