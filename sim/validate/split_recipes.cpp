#include "sim/validate/split_recipes.hpp"

#include <algorithm>
#include <array>

namespace tokenyard::validate {
namespace {

/// How a worker's attention is spread: over all its chips, or a rank each.
enum class Attention : std::uint8_t { Tensor, Ranks };
constexpr Attention T = Attention::Tensor;
constexpr Attention R = Attention::Ranks;

struct Row {
  std::array<std::uint32_t, 6> users;
  bool speculates;
  std::uint32_t prefill_workers;
  Attention prefill;
  std::uint32_t decode_workers;
  std::uint32_t decode_chips;
  std::uint32_t groups;  ///< of experts, on the decode side
  Attention decode;
};

struct Table {
  const char* engine;
  const char* chip;
  const char* precision;
  std::uint32_t isl;
  std::uint32_t osl;
  std::uint32_t prefill_chips;  ///< of a worker, all of them groups of experts
  std::vector<Row> rows;
};

const std::vector<Table>& tables() {
  static const std::vector<Table> kTables{
      {"trtllm",
       "b200-sxm",
       "fp4",
       1024,
       1024,
       4,
       {{{1214}, true, 1, R, 2, 8, 8, R},
        {{875}, true, 1, R, 5, 8, 8, R},
        {{6, 10, 15, 25, 45, 90}, true, 1, R, 5, 8, 8, T},
        {{180}, true, 1, R, 5, 8, 8, T},
        {{4968}, true, 3, R, 4, 8, 8, R},
        {{10860}, true, 3, R, 5, 4, 4, R},
        {{4096}, false, 1, R, 1, 8, 8, R},
        {{2192}, false, 1, R, 2, 8, 8, R},
        {{1365}, false, 1, R, 5, 8, 8, R},
        {{6, 10, 15, 25, 45, 90}, false, 1, R, 5, 8, 8, T},
        {{180}, false, 1, R, 5, 8, 8, T},
        {{450}, false, 1, R, 6, 8, 8, T}}},
      {"trtllm",
       "b200-sxm",
       "fp4",
       8192,
       1024,
       4,
       {{{90}, true, 1, R, 1, 8, 8, R},
        {{66}, true, 1, R, 3, 8, 8, T},
        {{6, 10, 15, 30, 60}, true, 1, R, 5, 8, 8, T},
        {{548}, true, 3, R, 1, 8, 8, R},
        {{1096, 1691}, true, 5, R, 1, 8, 8, R},
        {{658}, true, 5, R, 2, 8, 8, R},
        {{6, 10, 15, 25, 50, 100}, false, 1, R, 5, 8, 8, T},
        {{370}, false, 2, R, 5, 8, 8, T},
        {{1606}, false, 4, R, 1, 8, 8, R},
        {{837}, false, 4, R, 3, 8, 8, R},
        {{2222}, false, 7, R, 2, 8, 8, R}}},
      {"trtllm",
       "b200-sxm",
       "fp8",
       1024,
       1024,
       8,
       {{{8, 32, 64, 256}, true, 1, R, 8, 8, 1, T},
        {{896}, true, 1, R, 7, 8, 8, R},
        {{1024}, true, 1, R, 4, 8, 8, R},
        {{1184}, true, 1, R, 3, 8, 8, R},
        {{1600}, true, 1, R, 2, 8, 8, R},
        {{4, 32, 128}, false, 1, R, 3, 8, 1, T},
        {{1920}, false, 1, R, 5, 8, 8, R},
        {{4096}, false, 1, R, 1, 8, 8, R},
        {{5152}, false, 2, R, 5, 8, 8, R}}},
      {"trtllm",
       "b200-sxm",
       "fp8",
       8192,
       1024,
       8,
       {{{8, 48}, true, 1, R, 6, 8, 1, T},
        {{8}, true, 1, R, 2, 8, 1, T},
        {{64}, true, 1, R, 4, 8, 1, T},
        {{224}, true, 2, R, 3, 8, 8, R},
        {{288}, true, 2, R, 1, 8, 8, R},
        {{1088}, true, 4, R, 1, 8, 8, R},
        {{1}, false, 1, R, 1, 8, 1, T},
        {{32, 128}, false, 1, R, 4, 8, 1, T},
        {{96}, false, 1, R, 6, 8, 1, T},
        {{128, 256}, false, 1, R, 1, 8, 8, R},
        {{128}, false, 1, R, 2, 8, 8, R},
        {{640}, false, 2, R, 1, 8, 8, R}}},
      {"trtllm",
       "h200-sxm",
       "fp8",
       1024,
       1024,
       8,
       {{{13}, true, 1, R, 11, 8, 8, T},
        {{44, 88, 352}, true, 1, T, 11, 8, 8, T},
        {{144}, true, 1, T, 9, 8, 8, T},
        {{512}, true, 1, R, 8, 8, 8, R},
        {{896}, true, 1, R, 7, 8, 8, R},
        {{1024}, true, 1, R, 4, 8, 8, R},
        {{1024}, true, 1, R, 2, 8, 8, R},
        {{11}, false, 1, R, 9, 8, 8, T},
        {{36, 72, 144, 288, 576}, false, 1, T, 9, 8, 8, T},
        {{1152}, false, 1, R, 9, 8, 8, R},
        {{1536}, false, 1, R, 6, 8, 8, R},
        {{3584}, false, 2, R, 7, 8, 8, R}}},
      {"trtllm",
       "h200-sxm",
       "fp8",
       8192,
       1024,
       8,
       {{{9, 28}, true, 1, T, 7, 8, 8, T},
        {{48}, true, 1, T, 6, 8, 8, T},
        {{48}, true, 1, T, 3, 8, 8, T},
        {{160}, true, 3, T, 5, 8, 8, T},
        {{64}, true, 1, R, 1, 8, 8, R},
        {{128}, true, 2, R, 1, 8, 8, R},
        {{256, 512}, true, 3, R, 1, 8, 8, R},
        {{9, 28}, false, 1, T, 7, 8, 8, T},
        {{48}, false, 1, T, 6, 8, 8, T},
        {{48}, false, 1, T, 3, 8, 8, T},
        {{160}, false, 2, T, 5, 8, 8, T},
        {{192}, false, 2, R, 3, 8, 8, R},
        {{128}, false, 1, R, 1, 8, 8, R},
        {{768}, false, 5, R, 3, 8, 8, R},
        {{512}, false, 3, R, 1, 8, 8, R}}},
      {"trtllm",
       "h100-sxm",
       "fp8",
       1024,
       1024,
       16,
       {{{6, 9, 30, 60, 117}, true, 1, R, 3, 16, 16, T},
        {{231}, true, 1, R, 3, 16, 16, R},
        {{462}, true, 1, R, 3, 16, 16, T},
        {{615, 1229}, true, 1, R, 1, 16, 16, R},
        {{6, 9, 30, 60}, false, 1, R, 3, 16, 16, T},
        {{231, 462, 924, 1845}, false, 1, R, 3, 16, 16, R},
        {{4916}, false, 2, R, 1, 16, 16, R}}},
      {"trtllm",
       "h100-sxm",
       "fp8",
       8192,
       1024,
       16,
       {{{6, 9, 30}, true, 1, R, 3, 16, 16, T},
        {{77}, true, 1, R, 1, 16, 16, R},
        {{154}, true, 2, R, 1, 16, 16, R},
        {{6, 9, 30}, false, 1, R, 3, 16, 16, T},
        {{154}, false, 1, R, 2, 16, 16, T},
        {{308}, false, 2, R, 1, 16, 16, R}}},
      {"sglang",
       "b200-sxm",
       "fp8",
       1024,
       1024,
       8,
       {{{4, 64}, true, 1, T, 1, 8, 8, T},
        {{4, 8, 16, 32, 128}, true, 1, T, 3, 8, 8, T},
        {{512, 4096}, true, 1, R, 5, 8, 8, R},
        {{1024, 2048, 4096}, true, 2, R, 5, 8, 8, R},
        {{512, 1024, 2048}, true, 1, R, 2, 8, 8, R},
        {{4}, false, 1, T, 1, 8, 8, T},
        {{16, 32, 64, 128, 256}, false, 1, T, 3, 8, 8, T},
        {{1024, 2048, 4096}, false, 1, R, 5, 8, 8, R},
        {{2048, 4096}, false, 2, R, 5, 8, 8, R}}},
      {"sglang",
       "b200-sxm",
       "fp8",
       8192,
       1024,
       8,
       {{{16, 32, 64}, true, 1, T, 1, 8, 8, T},
        {{8, 256}, true, 1, T, 4, 8, 8, T},
        {{4, 8, 16, 256}, true, 1, T, 6, 8, 8, T},
        {{256}, true, 1, R, 1, 8, 8, R},
        {{128, 512}, true, 2, R, 1, 8, 8, R},
        {{4, 32, 64, 512}, false, 1, T, 1, 8, 8, T},
        {{64, 512}, false, 1, T, 4, 8, 8, T},
        {{32}, false, 1, T, 6, 8, 8, T},
        {{128, 512, 1024}, false, 1, R, 1, 8, 8, R},
        {{256, 512, 1024}, false, 2, R, 1, 8, 8, R}}},
  };
  return kTables;
}

ReadLayout spread(std::uint32_t workers, std::uint32_t chips, std::uint32_t groups, Attention attention) {
  return {.instances = workers,
          .tensor = attention == Attention::Tensor ? chips : 1,
          .attention_data = attention == Attention::Ranks ? chips : 1,
          .expert = groups};
}

}  // namespace

std::vector<SplitRecipe> split_recipes(const ServedRow& served) {
  std::vector<SplitRecipe> found;
  for (const Table& table : tables()) {
    const bool same = served.engine == table.engine && served.chip == table.chip &&
                      served.precision == table.precision && served.isl == table.isl && served.osl == table.osl;
    if (!same) continue;
    for (const Row& row : table.rows) {
      if (std::find(row.users.begin(), row.users.end(), served.concurrency) == row.users.end()) continue;
      found.push_back({.prefill = spread(row.prefill_workers, table.prefill_chips, table.prefill_chips, row.prefill),
                       .decode = spread(row.decode_workers, row.decode_chips, row.groups, row.decode),
                       .speculates = row.speculates});
    }
  }
  return found;
}

}  // namespace tokenyard::validate
