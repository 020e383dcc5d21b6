#pragma once

#include "sim/calibrate/kernel_table.hpp"
#include "sim/calibrate/measurements.hpp"

#include <span>
#include <string_view>
#include <vector>

namespace tokenyard::calibrate {

/// A kind of kernel table: how it is told from others, and what its rows measure.
struct TableFormat {
  std::string_view name;     ///< "aiconfigurator gemm"
  std::string_view columns;  ///< what it needs, for messages
  bool (*fits)(const KernelTable&);
  void (*read)(const KernelTable&, Measurements&);
};

/// Every format, in the order they are tried.
[[nodiscard]] const std::vector<TableFormat>& table_formats();

/// Reads one table by the first format that fits its header. Throws UserError when none does, or a cell is wrong.
void read_table(const KernelTable& table, Measurements& into);

// Each defines the formats of one project; table_formats.cpp joins them.
[[nodiscard]] std::vector<TableFormat> aiconfigurator_formats();         ///< aiconfigurator_tables.cpp; times in ms
[[nodiscard]] std::vector<TableFormat> aiconfigurator_expert_formats();  ///< aiconfigurator_experts.cpp; times in ms
/// aiconfigurator_communication.cpp; times in ms
[[nodiscard]] std::vector<TableFormat> aiconfigurator_communication_formats();
[[nodiscard]] std::vector<TableFormat> exchange_formats();  ///< exchange_tables.cpp: DeepEP, TensorRT-LLM
[[nodiscard]] std::vector<TableFormat> infersim_formats();  ///< infersim_tables.cpp; times in us
[[nodiscard]] std::vector<TableFormat> profiler_formats();  ///< profiler_tables.cpp: LLMServingSim; times in us
[[nodiscard]] std::vector<TableFormat> vidur_formats();     ///< vidur_tables.cpp: Vidur and Frontier; times in ms
[[nodiscard]] std::vector<TableFormat> own_formats();       ///< own_tables.cpp: tools/measure; times in us

}  // namespace tokenyard::calibrate
