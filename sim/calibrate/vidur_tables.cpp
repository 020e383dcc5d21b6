#include "sim/calibrate/table_formats.hpp"

#include <algorithm>
#include <string>

// Operator profiles of Vidur (github.com/microsoft/vidur, MIT), which Frontier (github.com/NetX-lab/Frontier, MIT)
// writes likewise: `time_stats.OPERATOR.median` in milliseconds, model and split in the columns. Heads have n_embd /
// n_head elements in Vidur's models; Frontier says no head size, so its projections are left out (those of Qwen3 have
// another). Rows of quantised layers, of mixed batches and of unequal sequences are left out. `devices_per_node` counts
// the ranks of a row that stand in one node, size is in bytes.
namespace tokenyard::calibrate {
namespace {

constexpr double kMillisecond = 1e-3;

/// The median of an operator; 0 where the row did not run it. Throws UserError for a negative one.
double median(const KernelTable& table, std::size_t row, const std::string& operation) {
  const std::string column = "time_stats." + operation + ".median";
  if (!table.has(column) || !table.given(row, column)) return 0.0;
  const double milliseconds = table.number(row, column);
  if (milliseconds < 0.0) table.fail(row, column, "is below 0");
  return milliseconds * kMillisecond;
}

/// Whether no layer of the row is quantised; counts one that is.
bool plain(const KernelTable& table, std::size_t row, Measurements& into) {
  if (!table.has("quant_signature") || table.text(row, "quant_signature") == "none") return true;
  into.leave_out("quant_signature", table.text(row, "quant_signature"));
  return false;
}

/// Whether the row says nothing in the column, or False.
bool is_false(const KernelTable& table, std::size_t row, std::string_view column) {
  return !table.has(column) || !table.given(row, column) || table.text(row, column) == "False";
}

bool is_layer(const KernelTable& table) {
  return table.has_all({"time_stats.mlp_up_proj.median", "n_head", "n_kv_head", "n_embd", "n_expanded_embd",
                        "use_gated_mlp", "num_tokens", "num_tensor_parallel_workers"});
}

void read_layer(const KernelTable& table, Measurements& into) {
  const bool says_heads = !table.has("profiling_precision");  // Vidur itself
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (!plain(table, row, into)) continue;
    const double tokens = table.positive(row, "num_tokens");
    const double split = table.positive(row, "num_tensor_parallel_workers");
    const double hidden = table.positive(row, "n_embd");
    const double inner = table.positive(row, "n_expanded_embd") / split;
    const double query = hidden / split;  // n_head heads of n_embd / n_head
    const double kv_heads = std::max(table.positive(row, "n_kv_head") / split, 1.0);
    const double head_dim = hidden / table.positive(row, "n_head");
    const auto add = [&](const char* operation, double n, double k) {
      const double seconds = median(table, row, operation);
      if (seconds > 0.0) into.add("gemm.bf16", {tokens, n, k}, seconds, table, row);
    };
    add("mlp_up_proj", (table.text(row, "use_gated_mlp") == "True" ? 2.0 : 1.0) * inner, hidden);
    add("mlp_down_proj", hidden, inner);
    if (!says_heads) continue;
    add("attn_pre_proj", query + 2.0 * kv_heads * head_dim, hidden);
    add("attn_post_proj", hidden, query);
  }
}

bool is_attention(const KernelTable& table) {
  return table.has_all({"time_stats.attn_prefill.median", "time_stats.attn_decode.median", "n_embd", "n_q_head",
                        "n_kv_head", "batch_size", "prefill_chunk_size", "kv_cache_size", "is_prefill",
                        "num_tensor_parallel_workers"});
}

/// Whether the sequences of a row are one kind and alike.
bool alike(const KernelTable& table, std::size_t row) {
  return is_false(table, row, "is_mixed_batch") && is_false(table, row, "is_true_mixed_batch");
}

void read_attention(const KernelTable& table, Measurements& into) {
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (!plain(table, row, into) || !alike(table, row)) continue;
    const double split = table.positive(row, "num_tensor_parallel_workers");
    const double heads = table.positive(row, "n_q_head");
    const double head_dim = table.positive(row, "n_embd") / heads;
    const double kv_heads = std::max(table.positive(row, "n_kv_head") / split, 1.0);
    const double batch = table.count(row, "batch_size");
    const double cached = table.number(row, "kv_cache_size");
    const bool prefill = table.text(row, "is_prefill") == "True";
    const double seconds = median(table, row, prefill ? "attn_prefill" : "attn_decode");
    if (!(seconds > 0.0) || (prefill && cached > 0.0)) continue;  // chunks behind a prefix are no row of a family
    // A decode has kv_cache_size tokens in the cache and computes one more.
    const double length = prefill ? table.positive(row, "prefill_chunk_size") : cached + 1.0;
    into.add(prefill ? "attention_context.bf16" : "attention_decode.bf16",
             {batch, length, heads / split, kv_heads, head_dim}, seconds, table, row);
  }
}

bool is_moe(const KernelTable& table) {
  return table.has_all({"time_stats.moe_grouped_gemm.median", "num_tokens", "num_experts", "expert_parallel_size",
                        "router_topk", "hidden_dim", "expert_hidden_dim", "use_gated", "num_tensor_parallel_workers"});
}

/// Permutation and grouped products; their loads are uniform draws, which no exponent describes better than 0.
void read_moe(const KernelTable& table, Measurements& into) {
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (!plain(table, row, into) || table.text(row, "use_gated") != "True") continue;
    if (table.has("load_distribution") && table.text(row, "load_distribution") != "uniform") continue;
    const double products = median(table, row, "moe_grouped_gemm");
    if (!(products > 0.0)) continue;
    into.add("moe.bf16",
             {table.positive(row, "num_tokens"), table.positive(row, "num_experts"), table.positive(row, "router_topk"),
              table.positive(row, "expert_parallel_size"), 0.0, table.positive(row, "hidden_dim"),
              table.positive(row, "expert_hidden_dim") / table.positive(row, "num_tensor_parallel_workers")},
             products + median(table, row, "moe_shuffling"), table, row);
  }
}

bool is_send(const KernelTable& table) {
  return table.has_all({"time_stats.send_recv.median", "num_workers", "size", "collective", "devices_per_node"});
}

/// One rank to one other, both in a node; between nodes nothing is fitted.
void read_send(const KernelTable& table, Measurements& into) {
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (table.text(row, "collective") != "send_recv") table.fail(row, "collective", "is not send_recv");
    if (table.number(row, "devices_per_node") < table.positive(row, "num_workers")) {
      into.leave_out("devices_per_node", table.text(row, "devices_per_node"));
      continue;
    }
    const double seconds = median(table, row, "send_recv");
    if (seconds > 0.0) into.add("library.point_to_point", {table.positive(row, "size"), 2.0}, seconds, table, row);
  }
}

bool is_all_reduce(const KernelTable& table) {
  return table.has_all({"time_stats.all_reduce.median", "num_workers", "size", "collective", "devices_per_node"});
}

void read_all_reduce(const KernelTable& table, Measurements& into) {
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const double ranks = table.positive(row, "num_workers");
    if (table.text(row, "collective") != "all_reduce" || table.number(row, "devices_per_node") < ranks) continue;
    const double seconds = median(table, row, "all_reduce");
    if (seconds > 0.0) into.add("all_reduce", {table.positive(row, "size"), ranks}, seconds, table, row);
  }
  into.of_software("all_reduce", "NCCL as Vidur calls it", table);
}

}  // namespace

std::vector<TableFormat> vidur_formats() {
  return {{"Vidur layers", "time_stats.mlp_up_proj.median in ms, n_head, n_embd, n_expanded_embd, num_tokens, ...",
           is_layer, read_layer},
          {"Vidur attention", "time_stats.attn_prefill.median in ms, n_q_head, batch_size, kv_cache_size, ...",
           is_attention, read_attention},
          {"Vidur experts", "time_stats.moe_grouped_gemm.median in ms, num_experts, router_topk, hidden_dim, ...",
           is_moe, read_moe},
          {"Vidur all-reduce", "time_stats.all_reduce.median in ms, num_workers, size in bytes, collective, ...",
           is_all_reduce, read_all_reduce},
          {"Vidur send and receive", "time_stats.send_recv.median in ms, num_workers, size in bytes, collective, ...",
           is_send, read_send}};
}

}  // namespace tokenyard::calibrate
