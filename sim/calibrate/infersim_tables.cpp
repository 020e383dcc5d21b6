#include "sim/calibrate/table_formats.hpp"

#include "models/base/errors.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <string>

// Tables of InferSim (github.com/alibaba/InferSim, Apache-2.0): times in microseconds, one file for each set of heads,
// whose name says them: mha/decode/CHIP/HEADS-KVHEADS-HEADDIM.csv, mla/decode/CHIP/HEADS-512-64.csv. Products are FP8
// in blocks; grouped ones are DeepGEMM's, masked in decode/ and contiguous in prefill/. Known and refused: attention of
// prompts, and sparse and linear attention, which nothing here prices.
namespace tokenyard::calibrate {
namespace {

constexpr double kMicrosecond = 1e-6;

double seconds(const KernelTable& table, std::size_t row) { return table.positive(row, "latency_us") * kMicrosecond; }

/// The three numbers of a file name like 32-8-128.csv. Throws UserError when it has others.
std::array<double, 3> named_heads(const KernelTable& table) {
  const std::string stem = std::filesystem::path(table.path()).stem().string();
  std::array<double, 3> heads{};
  const char* at = stem.data();
  const char* const end = stem.data() + stem.size();
  for (std::size_t i = 0; i < heads.size(); ++i) {
    const auto [next, error] = std::from_chars(at, end, heads[i], std::chars_format::fixed);
    const bool right_end = i + 1 < heads.size() ? next != end && *next == '-' : next == end;
    if (error != std::errc{} || !right_end || !(heads[i] > 0.0)) {
      table.fail(0, "latency_us",
                 "the file's name must say the heads, like 32-8-128.csv (heads, KV heads, size of a head)");
    }
    at = next + 1;
  }
  return heads;
}

bool is_gemm(const KernelTable& table) { return table.has_all({"m", "k", "n", "latency_us"}); }

void read_gemm(const KernelTable& table, Measurements& into) {
  for (std::size_t row = 0; row < table.rows(); ++row) {
    into.add("gemm.fp8_block", {table.count(row, "m"), table.count(row, "n"), table.count(row, "k")},
             seconds(table, row), table, row);
  }
}

bool is_grouped(const KernelTable& table) {
  return table.has_all({"num_experts", "num_local_experts", "topk", "hidden_size", "intermediate_size",
                        "tokens_per_expert", "up_proj_us", "down_proj_us"});
}

/// Throws UserError where num_gpus, or the tokens that each GPU sends, contradict the other columns, as far as the
/// table has them: experts lie once on experts / num_local_experts GPUs, and num_gpus may be several such groups
/// (InferSim's own tables have two GPUs that hold all experts each). Tokens of an expert are told as a whole number.
void refuse_contradictions(const KernelTable& table, std::size_t row, double experts, double held, double top_k) {
  if (table.has("num_gpus")) {
    const double gpus = table.count(row, "num_gpus");
    if (std::fmod(gpus * held, experts) != 0.0) {
      table.fail(row, "num_gpus",
                 fmt::format("{:g} GPUs with {:g} experts each do not hold all {:g} experts equally often", gpus, held,
                             experts));
    }
  }
  for (const char* const sent : {"batch_size_per_gpu", "seq_len_per_gpu"}) {
    if (!table.has(sent)) continue;
    const double tokens = table.count(row, sent);
    const double expected = tokens * top_k / held;
    if (std::abs(table.count(row, "tokens_per_expert") - expected) < 1.0) continue;
    table.fail(row, "tokens_per_expert",
               fmt::format("'{}' is not the {:.4g} that {:g} tokens of each GPU ({}) with {:g} experts each leave the "
                           "{:g} experts of a GPU",
                           table.text(row, "tokens_per_expert"), expected, tokens, sent, top_k, held));
  }
}

/// Both grouped products of a layer's experts on one rank, gated, without what permutes, quantises and joins.
/// DeepGEMM's benchmarks draw the rows of an expert from 0.7 to 1.3 times the mean and cut them to whole ones
/// (tests/generators.py), so of a mean of one about half the experts get none: those rows are left out, all others hit
/// every expert.
void read_grouped(const KernelTable& table, Measurements& into) {
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const double experts = table.count(row, "num_experts");
    const double held = table.count(row, "num_local_experts");
    const double top_k = table.count(row, "topk");
    const double each = table.count(row, "tokens_per_expert");
    if (held > experts) table.fail(row, "num_local_experts", "is more than the experts there are");
    if (top_k > experts) table.fail(row, "topk", "is more than the experts there are");
    refuse_contradictions(table, row, experts, held, top_k);
    const double seconds = (table.positive(row, "up_proj_us") + table.positive(row, "down_proj_us")) * kMicrosecond;
    if (each < 2.0) {
      into.leave_out("tokens_per_expert", table.text(row, "tokens_per_expert"));
      continue;
    }
    into.add("grouped products.fp8_block",
             {each * experts / top_k, experts, top_k, experts / held, table.count(row, "hidden_size"),
              table.count(row, "intermediate_size"), held},
             seconds, table, row);
  }
}

bool is_decode(const KernelTable& table) {
  return table.has_all({"dtype", "kv_dtype", "batch_size", "kv_len", "latency_us"});
}

/// Throws UserError: the table is one of InferSim's, and why nothing is fitted to it.
[[noreturn]] void refuse(const KernelTable& table, const std::string& what) {
  throw UserError(table.path() + ":1: InferSim's table of " + what + "; leave it out");
}

bool is_linear(const KernelTable& table) {
  return table.has_all({"conv", "gdn_update"}) || table.has_all({"conv", "kkt", "chunk_gdn", "chunk_o"});
}

void refuse_linear(const KernelTable& table, Measurements& /*into*/) {
  refuse(table, "linear attention (gated delta nets): no model here has these kernels, so nothing could use a fit");
}

/// Logits of the indexer by their columns; attention to the chosen tokens has the columns of whole attention, and a
/// name that says how many are chosen: attn-128-576-2048.csv.
bool is_sparse(const KernelTable& table) {
  return table.has_all({"s_kv", "latency_us"}) ||
         (is_decode(table) && std::filesystem::path(table.path()).filename().string().starts_with("attn-"));
}

void refuse_sparse(const KernelTable& table, Measurements& /*into*/) {
  refuse(table,
         "sparse attention (DSA): no model here has an indexer that chooses the tokens it reads, so nothing could "
         "use a fit");
}

bool is_prompt(const KernelTable& table) { return table.has_all({"dtype", "seq_len", "latency_us", "mfu"}); }

void refuse_prompt(const KernelTable& table, Measurements& /*into*/) {
  refuse(table, "attention of prompts: four or five rows a set of heads are too few for a fit");
}

void read_decode(const KernelTable& table, Measurements& into) {
  const auto [heads, kv_heads, head_dim] = named_heads(table);
  const bool latent = kv_heads == 512.0;  // the rank of the latent stands where KV heads do
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string kv(table.text(row, "kv_dtype"));
    if (kv != "bf16" && kv != "fp8") table.fail(row, "kv_dtype", "'" + kv + "' is neither bf16 nor fp8");
    const double sequences = table.count(row, "batch_size");
    const double context = table.positive(row, "kv_len");
    if (latent) {
      into.add("mla_decode." + kv, {sequences, context, heads}, seconds(table, row), table, row);
    } else {
      into.add("attention_decode." + kv, {sequences, context, heads, kv_heads, head_dim}, seconds(table, row), table,
               row);
    }
  }
}

}  // namespace

std::vector<TableFormat> infersim_formats() {
  return {{"InferSim gemm", "m, k, n, latency_us", is_gemm, read_gemm},
          {"InferSim grouped products",
           "num_experts, num_local_experts, topk, hidden_size, intermediate_size, tokens_per_expert, up_proj_us, "
           "down_proj_us",
           is_grouped, read_grouped},
          {"InferSim linear attention", "...", is_linear, refuse_linear},
          {"InferSim sparse attention", "...", is_sparse, refuse_sparse},
          {"InferSim prompts", "...", is_prompt, refuse_prompt},
          {"InferSim decode", "dtype, kv_dtype, batch_size, kv_len, latency_us", is_decode, read_decode}};
}

}  // namespace tokenyard::calibrate
