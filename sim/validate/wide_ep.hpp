#pragma once

#include "sim/files/csv_table.hpp"
#include "sim/validate/point.hpp"

namespace tokenyard::validate {

/// Published figures of wide expert parallelism: phase, model, chip, gpus or npus, precision, isl, batch, and tokens/s
/// of a node of 8 or of a chip (value and unit, or tput_tok_s_per_npu). Prefill rows are played: prompts of `isl`
/// tokens that answer with one, an attention rank and a group of experts a chip, 16,384 tokens in a step of a rank,
/// twice as many users as fill a step, two half batches in turn as both systems do. SGLang balances 32 replicas by the
/// loads, which are taken as the power law; rows of perfect balance are played with it. Decode rows are refused: their
/// batches are told without the prefill that feeds them, and `tokenyard explain` prices their step. Sources: LMSYS,
/// DeepSeek on 96 H100 (May 2025) and on GB200 NVL72 (June, September 2025); arXiv 2506.12708.
[[nodiscard]] MeasuredSet read_wide_ep(const files::CsvTable& table);

}  // namespace tokenyard::validate
