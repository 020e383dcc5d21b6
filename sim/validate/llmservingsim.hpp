#pragma once

#include "sim/validate/point.hpp"

#include <string>
#include <string_view>

namespace tokenyard::validate {

/// A run of vLLM that LLMServingSim's authors recorded: requests.jsonl with a request a line (input_toks, output_toks,
/// arrival_time, queued_ts, first_token_ts, last_token_ts, in s), and beside it meta.json (model, engine arguments) and
/// config.json (hardware). Three points: mean, median and 99th percentile of TTFT, TPOT and end to end.
///
/// Times are from arrival. Arrivals are on another clock than the engine's stamps; the two are put together so that the
/// request that waits least before the engine queues it waits 0.
///
/// The traffic is played from the trace of the same requests with its prefix ids, whose name meta.json tells
/// (dataset_path x.jsonl -> x_lengths_hash16.jsonl), looked for beside the file and in `traces`; the points are refused
/// without it. `text` is the content of `path`.
/// Throws UserError "path:line: key: what" for a line without one of the numbers, "path: ..." for a missing file.
/// Source of the runs: github.com/casys-kaist/LLMServingSim 5daddb21, bench/examples.
[[nodiscard]] MeasuredSet read_llmservingsim(const std::string& path, std::string_view text, const std::string& traces);

}  // namespace tokenyard::validate
