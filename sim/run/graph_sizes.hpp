#pragma once

#include "sim/config/experiment.hpp"

#include <cstdint>
#include <vector>

namespace tokenyard {

/// Token counts that decode-only steps have graphs of, rising; empty without graphs.
///   vLLM          1, 2, 4, then 8 .. 248 by 8, then 256 .. max by 16, max = min(2 * max_num_seqs, 512), none above
///                 max_num_batched_tokens
///   SGLang        1, 2, 4, 8, 12, then 16 .. 256 by 8, 272 .. 496 by 16, from 512 by 32, up to cuda_graph_max_bs,
///                 which is one of them
///   TensorRT-LLM  with padding 1, 2, 4, then 8 .. 128 by 8; without, every size to 32, 64 and 128; then powers of two,
///                 up to cuda_graph_max_batch_size, which is one of them
/// Source: vllm/config/compilation.py; sglang server_args.py at 006b0e3d317f; tensorrt_llm/llmapi/llm_args.py
/// (_generate_cuda_graph_batch_sizes).
[[nodiscard]] std::vector<std::uint32_t> graph_sizes(const config::EngineSpec& engine);

}  // namespace tokenyard
