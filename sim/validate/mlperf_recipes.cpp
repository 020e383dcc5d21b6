#include "sim/validate/mlperf_recipes.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string_view>

namespace tokenyard::validate {
namespace {

/// A line of what the configurations say; `submitter` empty: all that have no line of their own.
struct Known {
  std::string_view round, chip, llm, scenario, submitter;
  MlperfRecipe recipe;
};

constexpr std::string_view kLlama2 = "llama-2-70b", kLlama8b = "llama-3.1-8b", kLlama405b = "llama-3.1-405b",
                           kMixtral = "mixtral-8x7b";
constexpr std::string_view kOffline = "offline", kServer = "server", kInteractive = "interactive";
constexpr bool kChunks = true, kWhole = false;     // of prompts
constexpr bool kQuantised = true, kPlain = false;  // outputs of attention

constexpr Known kKnown[] = {
    // v5.1, NVIDIA/configs/B200-SXM-180GBx8/SCENARIO/MODEL.py
    {"v5.1", "b200-sxm", kLlama2, kOffline, "", {"fp4", 1, 1, 2048, 3584, "0.95", kChunks, kQuantised, false}},
    {"v5.1", "b200-sxm", kLlama2, kServer, "", {"fp4", 1, 1, 2048, 3584, "0.95", kChunks, kQuantised, false}},
    {"v5.1", "b200-sxm", kLlama2, kInteractive, "", {"fp4", 1, 1, 768, 768, "0.95", kChunks, kQuantised, false}},
    {"v5.1", "b200-sxm", kLlama405b, kOffline, "", {"fp4", 2, 2, 128, 1536, "0.95", kChunks, kQuantised, false}},
    {"v5.1", "b200-sxm", kLlama405b, kServer, "", {"fp4", 4, 1, 256, 2048, "0.95", kChunks, kQuantised, false}},
    {"v5.1", "b200-sxm", kLlama405b, kInteractive, "", {"fp4", 4, 1, 256, 1536, "0.95", kChunks, kQuantised, false}},
    {"v5.1", "b200-sxm", kLlama8b, kOffline, "", {"fp4", 1, 1, 6000, 12000, "0.9", kChunks, kQuantised, false}},
    {"v5.1", "b200-sxm", kLlama8b, kServer, "", {"fp4", 1, 1, 6000, 12000, "0.9", kChunks, kQuantised, false}},
    {"v5.1", "b200-sxm", kLlama8b, kInteractive, "", {"fp4", 1, 1, 6000, 12000, "0.9", kChunks, kQuantised, false}},
    // GigaComputing/configs/G894-SD1_B200-SXM-180GBx8/Interactive/llama2-70b.py
    {"v5.1",
     "b200-sxm",
     kLlama2,
     kInteractive,
     "GigaComputing",
     {"fp4", 1, 1, 768, 512, "0.95", kChunks, kQuantised, true}},
    // v5.1, ASUSTeK/configs/ESC_N8_H200-SXM-141GBx8/{Offline,Server}/llama2-70b.py,
    // Nebius/configs/H200-SXM-141GBx8/Interactive/llama2-70b.py: NVIDIA's code carries them, its own rows are B200's
    {"v5.1", "h200-sxm", kLlama2, kOffline, "", {"fp8", 1, 1, 2048, 1536, "0.9", kChunks, kQuantised, false}},
    {"v5.1", "h200-sxm", kLlama2, kServer, "", {"fp8", 1, 1, 2048, 1536, "0.9", kChunks, kQuantised, false}},
    {"v5.1", "h200-sxm", kLlama2, kInteractive, "", {"fp8", 1, 1, 512, 256, "0.9", kChunks, kQuantised, false}},
    // Nebius/configs/H200-SXM-141GBx8/SCENARIO/llama3_1-405b.py; the same in Dell_Broadcom and Quanta_Cloud_Technology
    {"v5.1", "h200-sxm", kLlama405b, kOffline, "", {"fp8", 4, 2, 512, 1536, "0.95", kChunks, kQuantised, false}},
    {"v5.1", "h200-sxm", kLlama405b, kServer, "", {"fp8", 8, 1, 64, 2560, "0.9", kChunks, kQuantised, false}},
    {"v5.1", "h200-sxm", kLlama405b, kInteractive, "", {"fp8", 8, 1, 64, 2560, "0.9", kChunks, kQuantised, false}},
    // Quanta_Cloud_Technology/configs/D74U-7U_H200-SXM-141GBx8/SCENARIO/llama3_1-8b.py
    {"v5.1", "h200-sxm", kLlama8b, kOffline, "", {"fp8", 1, 1, 2048, 1536, "0.9", kChunks, kQuantised, false}},
    {"v5.1", "h200-sxm", kLlama8b, kServer, "", {"fp8", 1, 1, 2048, 1536, "0.9", kChunks, kQuantised, false}},
    {"v5.1", "h200-sxm", kLlama8b, kInteractive, "", {"fp8", 1, 1, 2048, 1536, "0.9", kChunks, kQuantised, false}},
    // HPE/configs/HPE_Cray_XD670_H200_SXM_141GBx8/SCENARIO/llama3_1-8b.py, Offline/mixtral-8x7b.py
    {"v5.1", "h200-sxm", kLlama8b, kOffline, "HPE", {"fp8", 1, 1, 2048, 12000, "0.99", kChunks, kQuantised, true}},
    {"v5.1", "h200-sxm", kLlama8b, kServer, "HPE", {"fp8", 1, 1, 2048, 12000, "0.99", kChunks, kQuantised, true}},
    {"v5.1", "h200-sxm", kLlama8b, kInteractive, "HPE", {"fp8", 1, 1, 2048, 12000, "0.99", kChunks, kQuantised, true}},
    {"v5.1", "h200-sxm", kMixtral, kOffline, "HPE", {"fp8", 1, 1, 3072, 9216, "0.97", kChunks, kPlain, true}},
    // ASUSTeK/configs/ESC_N8_H200-SXM-141GBx8/Server/mixtral-8x7b.py; Offline: what HPE's file has beside its changes
    {"v5.1", "h200-sxm", kMixtral, kOffline, "", {"fp8", 1, 1, 3072, 9216, "0.9", kChunks, kPlain, false}},
    {"v5.1", "h200-sxm", kMixtral, kServer, "", {"fp8", 1, 1, 3072, 8192, "0.9", kChunks, kPlain, false}},
    // Cisco/configs/llama2-70b/{Offline,Server}/__init__.py (two stages; the file has two tensor ranks as well, with a
    // target rate of 0.7 times that of the rows), Cisco/configs/llama3_1-405b/{Offline,Server}/__init__.py
    {"v5.1", "h100-sxm", kLlama2, kOffline, "", {"fp8", 1, 2, 1024, 1024, "0.95", kChunks, kQuantised, false}},
    {"v5.1", "h100-sxm", kLlama2, kServer, "", {"fp8", 1, 2, 1024, 1024, "0.95", kChunks, kQuantised, false}},
    {"v5.1", "h100-sxm", kLlama405b, kOffline, "", {"fp8", 8, 1, 256, 1536, "0.95", kChunks, kQuantised, false}},
    {"v5.1", "h100-sxm", kLlama405b, kServer, "", {"fp8", 8, 1, 64, 2560, "0.9", kChunks, kQuantised, false}},
    // v4.1, NVIDIA/configs/llama2-70b/{Offline,Server}/__init__.py; tokens of a step: default of
    // JuniperNetworks/code/llama2-70b/tensorrt/builder.py
    {"v4.1", "h100-sxm", kLlama2, kOffline, "", {"fp8", 2, 1, 896, 16384, "0.9", kWhole, kPlain, false}},
    {"v4.1", "h100-sxm", kLlama2, kServer, "", {"fp8", 2, 1, 1024, 16384, "0.9", kWhole, kPlain, false}},
    {"v4.1", "h200-sxm", kLlama2, kOffline, "", {"fp8", 1, 1, 806, 16384, "0.9", kWhole, kPlain, false}},
    {"v4.1", "h200-sxm", kLlama2, kServer, "", {"fp8", 1, 1, 896, 16384, "0.9", kWhole, kPlain, false}},
    // GigaComputing/configs/mixtral-8x7b/Offline/__init__.py, Google/configs/mixtral-8x7b/Server/__init__.py (each
    // NVIDIA's, whole); tokens of a step where they name none: NVIDIA/configs/mixtral-8x7b/__init__.py
    {"v4.1", "h100-sxm", kMixtral, kOffline, "", {"fp8", 1, 1, 896, 8192, "0.9", kWhole, kPlain, false}},
    {"v4.1", "h100-sxm", kMixtral, kServer, "", {"fp8", 1, 1, 896, 16384, "0.9", kWhole, kPlain, false}},
    {"v4.1", "h200-sxm", kMixtral, kOffline, "", {"fp8", 1, 1, 3072, 16384, "0.9", kWhole, kPlain, false}},
    {"v4.1", "h200-sxm", kMixtral, kServer, "", {"fp8", 1, 1, 1200, 8192, "0.9", kWhole, kPlain, false}},
};

/// A log-normal between 1 and `most`, at quantiles that hold its bulk and its tail.
LengthTable lognormal(double median, double sigma, double most) {
  // Standard normal quantiles.
  constexpr double kAt[] = {0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99};
  constexpr double kNormal[] = {-2.3263, -1.6449, -1.2816, -0.6745, 0.0, 0.6745, 1.2816, 1.6449, 2.3263};
  LengthTable table{.at = {0.0}, .tokens = {1.0}};
  for (std::size_t i = 0; i < std::size(kAt); ++i) {
    table.at.push_back(kAt[i]);
    table.tokens.push_back(std::min(most, median * std::exp(sigma * kNormal[i])));
  }
  table.at.push_back(1.0);
  table.tokens.push_back(most);
  return table;
}

/// sigma of the log-normal whose mean is so many times its median: mean = median exp(sigma^2 / 2).
double sigma_of(double mean_over_median) { return std::sqrt(2.0 * std::log(mean_over_median)); }

}  // namespace

std::optional<MlperfRecipe> mlperf_recipe(const MlperfRun& run) {
  const Known* shared = nullptr;
  for (const Known& one : kKnown) {
    if (one.round != run.round || one.chip != run.chip || one.llm != run.llm || one.scenario != run.scenario) continue;
    if (one.submitter == run.submitter) return one.recipe;
    if (one.submitter.empty()) shared = &one;
  }
  return shared != nullptr ? std::optional(shared->recipe) : std::nullopt;
}

double LengthTable::mean() const {
  double sum = 0.0;
  for (std::size_t i = 1; i < at.size(); ++i) sum += (at[i] - at[i - 1]) * 0.5 * (tokens[i] + tokens[i - 1]);
  return sum;
}

LengthTable LengthTable::scaled_to(double wanted) const {
  LengthTable scaled = *this;
  const double by = wanted / mean();
  for (double& length : scaled.tokens) length = std::max(1.0, std::round(length * by));
  return scaled;
}

std::optional<MlperfLengths> mlperf_lengths(const std::string& llm) {
  using Table = LengthTable;  // straight lines between quantiles lie above the lengths, so that means are set right
  if (llm == kLlama2) {
    return MlperfLengths{.prompt = Table{{0, 0.05, 0.25, 0.5, 0.65, 0.75, 0.82, 0.88, 0.93, 0.97, 0.99, 1},
                                         {50, 64, 89, 121, 157, 207, 279, 370, 537, 736, 908, 1015}}
                                       .scaled_to(191.0),
                         .output = lognormal(250.0, sigma_of(292.0 / 250.0), 1024.0)};
  }
  if (llm == kLlama8b) {
    return MlperfLengths{.prompt = Table{{0, 0.05, 0.1, 0.25, 0.5, 0.65, 0.75, 0.85, 0.95, 0.99, 1},
                                         {249, 463, 525, 648, 888, 1088, 1237, 1429, 1874, 2213, 2412}}
                                       .scaled_to(985.0),
                         .output = {{0, 1}, {128, 128}}};
  }
  if (llm == kMixtral) {
    return MlperfLengths{.prompt = Table{{0, 0.05, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.95, 0.99, 1},
                                         {36, 94, 116, 153, 219, 347, 636, 662, 730, 1122, 1741, 1932}}
                                       .scaled_to(451.0),
                         .output = lognormal(112.0, sigma_of(145.0 / 112.0), 1024.0)};
  }
  if (llm == kLlama405b) {
    return MlperfLengths{.prompt = Table{{0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1},
                                         {613, 2585, 3317, 5376, 10144, 12586, 14877, 17153, 19544, 19857}}
                                       .scaled_to(9400.0),
                         .output = {{0, 0.015, 0.05, 0.2, 0.25, 0.3, 0.5, 0.75, 0.9, 0.99, 1},
                                    {1, 190, 205, 219, 436, 602, 747, 899, 997, 1163, 1257}}};
  }
  return std::nullopt;
}

}  // namespace tokenyard::validate
