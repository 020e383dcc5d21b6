#include "models/cost/small_kernels.hpp"
#include "sim/calibrate/table_formats.hpp"

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>

// Tables of tools/measure (models/catalog/measured): times in microseconds.
namespace tokenyard::calibrate {
namespace {

constexpr double kMicrosecond = 1e-6;

double seconds(const KernelTable& table, std::size_t row) { return table.positive(row, "us") * kMicrosecond; }

/// Kernels of small.csv by the family that they are a case of.
const std::map<std::string_view, std::string_view>& families_of_kernels() {
  static const std::map<std::string_view, std::string_view> families{
      {"norm", "small.norm"},
      {"add_norm", "small.norm"},
      {"add_norm_fp8", "small.norm_quantise"},
      {"add_norm_fp8_token", "small.norm_quantise"},
      {"add_norm_fp8_group", "small.norm_quantise"},
      {"silu_mul", "small.activation"},
      {"silu_mul_fp8", "small.activation_quantise"},
      {"silu_mul_fp8_group", "small.activation_quantise"},
      {"quantise_fp8", "small.quantise"},
      {"quantise_fp8_group", "small.quantise"},
      {"rope_kv_write", "small.rotary"},
      {"rope_kv_write_fp8", "small.rotary"},
      {"add", "small.add"},
      {"top_4", "small.routing"},
      {"top_8", "small.routing"},
      {"top_8_grouped", "small.routing"}};
  return families;
}

bool is_small(const KernelTable& table) { return table.has_all({"kernel", "tokens", "width", "bytes", "us"}); }

void read_small(const KernelTable& table, Measurements& into) {
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const auto family = families_of_kernels().find(table.text(row, "kernel"));
    if (family == families_of_kernels().end()) continue;  // a step has no such kernel of its own
    into.add(family->second,
             {table.positive(row, "tokens"), table.positive(row, "width"), table.positive(row, "bytes")},
             seconds(table, row), table, row);
  }
}

bool is_sampling(const KernelTable& table) { return table.has_all({"kernel", "rows", "vocabulary", "us"}); }

/// A sampler is several kernels, which stand in rows of their own: adds up `kernels` of each shape that the last of
/// them has a row of.
void read_sampler(const KernelTable& table, std::string_view place, std::initializer_list<std::string_view> kernels,
                  Measurements& into) {
  std::map<std::pair<double, double>, std::map<std::string_view, double>> times;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    times[{table.positive(row, "rows"), table.positive(row, "vocabulary")}].insert_or_assign(table.text(row, "kernel"),
                                                                                             seconds(table, row));
  }
  const std::string_view last = *(kernels.end() - 1);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (table.text(row, "kernel") != last) continue;
    const std::pair<double, double> shape{table.positive(row, "rows"), table.positive(row, "vocabulary")};
    double sum = 0.0;
    for (const std::string_view kernel : kernels) {
      const auto found = times[shape].find(kernel);
      if (found == times[shape].end()) {
        table.fail(
            row, "kernel",
            std::string(last) + " without a row " + std::string(kernel) + " of the same shape; a sampler needs both");
      }
      sum += found->second;
    }
    const cost::SmallShape all = cost::sampling_shape(shape.first, shape.second);
    into.add(place, {shape.first, all.width, all.bytes}, sum, table, row);
  }
}

/// Greedy: the greatest. Top-p: what is left of the sorted rows, then a draw from that.
void read_sampling(const KernelTable& table, Measurements& into) {
  read_sampler(table, "small.sampling", {"to_fp32", "argmax"}, into);
  read_sampler(table, "small.top_p", {"to_fp32", "draw", "nucleus"}, into);
}

bool is_gemm(const KernelTable& table) { return table.has_all({"kind", "m", "n", "k", "us"}); }

void read_gemm(const KernelTable& table, Measurements& into) {
  for (std::size_t row = 0; row < table.rows(); ++row) {
    into.add("gemm." + std::string(table.text(row, "kind")),
             {table.count(row, "m"), table.count(row, "n"), table.count(row, "k")}, seconds(table, row), table, row);
  }
}

bool is_attention(const KernelTable& table) {
  return table.has_all({"kernel", "backend", "sequences", "tokens", "heads", "kv_heads", "us"});
}

/// Heads of 128, BF16. Of two back ends the quicker one counts, as of all rows of one shape.
void read_attention(const KernelTable& table, Measurements& into) {
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const bool decode = table.text(row, "kernel") == "decode";
    into.add(decode ? "attention_decode.bf16" : "attention_context.bf16",
             {table.count(row, "sequences"), table.positive(row, "tokens"), table.count(row, "heads"),
              table.count(row, "kv_heads"), 128.0},
             seconds(table, row), table, row);
  }
}

bool is_experts(const KernelTable& table) {
  return table.has_all(
      {"library", "kind", "tokens", "experts", "top_k", "expert_ranks", "hidden", "inner", "hit", "us"});
}

void read_experts(const KernelTable& table, Measurements& into) {
  for (std::size_t row = 0; row < table.rows(); ++row) {
    into.add("moe_of." + std::string(table.text(row, "library")) + "." + std::string(table.text(row, "kind")),
             {table.positive(row, "tokens"), table.positive(row, "experts"), table.positive(row, "top_k"),
              table.positive(row, "expert_ranks"), table.positive(row, "hidden"), table.positive(row, "inner"),
              table.positive(row, "hit")},
             seconds(table, row), table, row);
  }
}

}  // namespace

std::vector<TableFormat> own_formats() {
  return {{"tools/measure small", "kernel, tokens, width, bytes, us", is_small, read_small},
          {"tools/measure sampling", "kernel, rows, vocabulary, us", is_sampling, read_sampling},
          {"tools/measure products", "kind, m, n, k, us", is_gemm, read_gemm},
          {"experts of a library",
           "library, kind, tokens, experts, top_k, expert_ranks, hidden, inner, hit (experts of the rank), us",
           is_experts, read_experts},
          {"tools/measure attention", "kernel, backend, sequences, tokens, heads, kv_heads, us", is_attention,
           read_attention}};
}

}  // namespace tokenyard::calibrate
