#include "sim/validate/mlperf_rows.hpp"

#include "sim/config/catalog.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

namespace tokenyard::validate {
namespace {

using files::CsvTable;

constexpr double kMostMs = 1e9;
constexpr double kMostRate = 1e9;
constexpr std::uint32_t kMostChips = 100'000;

std::string lower(std::string_view text) {
  std::string small(text);
  for (char& c : small) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return small;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool holds(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

std::vector<std::string> words_of(std::string_view written) {
  std::vector<std::string> words(1);
  for (const char c : lower(written)) {
    if (is_digit(c) || (c >= 'a' && c <= 'z')) {
      words.back() += c;
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  return words;
}

/// 8 of "180gbx8" and of "8xh200"; 0 of words that count nothing.
std::uint32_t count_in(const std::string& word, std::string_view chip) {
  const auto number = [](std::string_view digits) {
    std::uint32_t value = 0;
    for (const char c : digits) value = std::min(kMostChips, 10 * value + static_cast<std::uint32_t>(c - '0'));
    return value;
  };
  std::size_t from = word.size();
  while (from > 0 && is_digit(word[from - 1])) --from;
  if (from < word.size() && from > 1 && word[from - 1] == 'x') return number(std::string_view(word).substr(from));
  std::size_t to = 0;
  while (to < word.size() && is_digit(word[to])) ++to;
  const bool leads = to > 0 && word.compare(to, 1 + chip.size(), "x" + std::string(chip)) == 0;
  return leads ? number(std::string_view(word).substr(0, to)) : 0;
}

struct Foreign {
  const char* word;
  const char* chip;
};
/// What MLPerf rows run on and configurations are not known of, by a part of a word of the system.
constexpr std::array kForeign{Foreign{"gh200", "GH200"},      Foreign{"mi300x", "MI300X"},
                              Foreign{"mi325x", "MI325X"},    Foreign{"mi355x", "MI355X"},
                              Foreign{"l40s", "L40S"},        Foreign{"orin", "Orin"},
                              Foreign{"rtx", "RTX PRO 6000"}, Foreign{"b60", "Arc Pro B60"},
                              Foreign{"emr", "a Xeon"},       Foreign{"gnr", "a Xeon"}};
constexpr std::array kPlayed{"gb200", "b200", "h200", "h100"};

/// Of a word of loadgen's, "Offline" or "server"; fails at `column` for another.
MlperfScenario scenario_of(const CsvTable& table, const CsvTable::Row& row, const char* column) {
  const std::string given = lower(table.text(row, column));
  const std::vector<std::string> known{"offline", "server", "interactive", "singlestream", "multistream"};
  if (std::find(known.begin(), known.end(), given) == known.end()) {
    const std::string meant = config::nearest(given, known);
    table.fail(row, column,
               "'" + table.text(row, column) +
                   "' is no scenario of loadgen; Offline, Server, Interactive, SingleStream and MultiStream are" +
                   (meant.empty() ? "" : "; is '" + meant + "' meant?"));
  }
  return given == "offline"       ? MlperfScenario::Offline
         : given == "server"      ? MlperfScenario::Server
         : given == "interactive" ? MlperfScenario::Interactive
                                  : MlperfScenario::Stream;
}

/// 301.1 of "ROUGE1: 44.4  TOKENS_PER_SAMPLE: 301.1"; 0 when it is not told.
double tokens_per_sample(const std::string& accuracy) {
  constexpr std::string_view kName = "TOKENS_PER_SAMPLE: ";
  const std::size_t at = accuracy.find(kName);
  if (at == std::string::npos) return 0.0;
  double value = 0.0;
  std::from_chars(accuracy.data() + at + kName.size(), accuracy.data() + accuracy.size(), value);
  return value;
}

}  // namespace

const char* word(MlperfScenario scenario) {
  switch (scenario) {
    case MlperfScenario::Offline:
      return "offline";
    case MlperfScenario::Server:
      return "server";
    case MlperfScenario::Interactive:
      return "interactive";
    case MlperfScenario::Stream:
      return "stream";
  }
  return "";
}

std::string short_number(double value) {
  std::string digits = std::to_string(value);
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.back() == '.') digits.pop_back();
  return digits;
}

MlperfRow mlperf_log_row(const CsvTable& table, const CsvTable::Row& row) {
  const auto number = [&](std::string_view column, double most) {
    return table.number(row, column, 0.0, most).value_or(0.0);
  };
  MlperfRow told{.round = table.text(row, "version"),
                 .submitter = table.text(row, "submitter"),
                 .system = table.text(row, "system"),
                 .model = table.text(row, "model"),
                 .scenario = scenario_of(table, row, "loadgen_scenario")};
  if (told.scenario == MlperfScenario::Server && lower(table.text(row, "scenario")) == "interactive")
    told.scenario = MlperfScenario::Interactive;
  const std::string& valid = table.text(row, "valid");
  if (valid != "VALID" && valid != "INVALID") table.fail(row, "valid", "'" + valid + "' is not VALID or INVALID");
  told.valid = valid == "VALID";
  told.tokens_per_s = number("tokens_per_s", kMostRate);
  const double samples_per_s = number("samples_per_s", kMostRate);
  if (samples_per_s > 0.0) told.answer = told.tokens_per_s / samples_per_s;
  told.target_qps = number("target_qps", kMostRate);
  told.ttft_limit = 1e-3 * number("ttft_limit_ms", kMostMs);
  told.tpot_limit = 1e-3 * number("tpot_limit_ms", kMostMs);
  for (std::size_t metric = 0; metric < kMlperfMetrics.size(); ++metric) {
    for (std::size_t statistic = 0; statistic < kMlperfStatistics.size(); ++statistic) {
      told.times[metric][statistic] =
          1e-3 * number(std::string(kMlperfMetrics[metric].second) + "_" + kMlperfStatistics[statistic].second + "_ms",
                        kMostMs);
    }
  }
  return told;
}

MlperfRow mlperf_result_row(const CsvTable& table, const CsvTable::Row& row) {
  const std::string& id = table.text(row, "ID");
  MlperfRow told{.round = "v" + id.substr(0, id.find('-')),
                 .submitter = table.text(row, "Submitter"),
                 .system = table.text(row, "Platform"),
                 .model = table.text(row, "UsedModel"),
                 .scenario = scenario_of(table, row, "Scenario"),
                 .valid = true};
  const double result = table.number(row, "Performance_Result", 0.0, kMostRate).value_or(0.0);
  if (table.text(row, "Performance_Units") == "Tokens/s") told.tokens_per_s = result;
  told.answer = tokens_per_sample(table.text(row, "Accuracy"));
  return told;
}

MlperfSystem mlperf_system(std::string_view written) {
  const std::vector<std::string> words = words_of(written);
  const auto has = [&](std::string_view part) {
    return std::any_of(words.begin(), words.end(), [&](const std::string& word) { return holds(word, part); });
  };
  for (const Foreign& one : kForeign) {
    if (has(one.word))
      return {.why = std::string("no configuration is known for ") + one.chip + "; H100, H200 and B200 SXM are played"};
  }
  const auto chip = std::find_if(kPlayed.begin(), kPlayed.end(), has);
  if (chip == kPlayed.end()) return {.why = "its system names no chip of NVIDIA's that is known"};
  MlperfSystem system{.chip = *chip, .triton = has("triton")};
  for (const std::string& word : words) {
    if (const std::uint32_t count = count_in(word, system.chip); count > 0) system.chips = count;
  }
  std::string name = system.chip;
  for (char& c : name) c = is_digit(c) ? c : static_cast<char>(c - 'a' + 'A');
  if (has("pcie") || (has("nvl") && !has("nvl72"))) system.why = name + " NVL or PCIe is another chip than the SXM one";
  // Their systems/*.json: H100-PCIe-80GB and H100-NVL-94GB, which their names do not tell.
  const bool cards = has("esc8000a") || has("esc4000a");
  if (cards) system.why = name + " NVL or PCIe is another chip than the SXM one";
  if (has("cts")) system.why = name + " CTS, cooled for 1,000 W, is another chip than the SXM one";
  if (has("maxq")) system.why = "MaxQ: its chips are held below their power limit";
  if (has("vllm")) system.why = "its layout and limits are not told: vLLM without its arguments";
  if (system.why.empty() && system.chips == 0) system.why = "its system does not tell how many chips it has";
  return system;
}

}  // namespace tokenyard::validate
