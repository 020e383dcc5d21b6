#pragma once

#include "sim/files/csv_table.hpp"
#include "sim/validate/point.hpp"

#include <string>
#include <vector>

namespace tokenyard::validate {

/// Reads a file of measurements; its header says of which kind it is. Rows that cannot be played are points all the
/// same, refused with a reason. Throws UserError "file:row: column: what" for what is no measurement at all: an unknown
/// header, a field that is not the number its column needs.
/// `traces`: folder in which the traces of recorded runs are looked for besides that of the file; may be empty.
[[nodiscard]] MeasuredSet read_set(const std::string& path, const std::string& traces);

/// The small sets of published figures that ship with the catalogue, models/catalog/measured/serving/*.csv, by name.
[[nodiscard]] std::vector<std::string> shipped_sets();

/// Serving points with the columns of InferenceX as ai-dynamo/aiconfigurator ships them (systems/silicon_sample.csv):
/// id, model, system, precision, mode, backend, version, isl, osl, concurrency, tp, pp, attn_dp, moe_tp, moe_ep,
/// prefill_* and decode_* of P/D layouts, gpus, ttft_ms, tpot_ms, derived_out_tok_s_per_gpu_closed_loop. Columns may
/// stand in any order; model, system, isl, osl and one measured column are needed.
[[nodiscard]] MeasuredSet read_inferencex(const files::CsvTable& table);

}  // namespace tokenyard::validate
