#include "sim/validate/names.hpp"

#include "sim/config/catalog.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

namespace tokenyard::validate {
namespace {

/// Words in small letters, split at everything that is neither letter, digit nor '.'.
std::vector<std::string> words_of(std::string_view written) {
  std::vector<std::string> words(1);
  for (const char c : written) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '.') {
      words.back() += static_cast<char>(std::tolower(byte));
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : "-") + word;
  return text;
}

bool listed(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Words of a name that say nothing of a model's shape.
constexpr std::array kShapeless{"meta",  "instruct", "chat", "hf",   "it",   "base", "fp8",  "fp4",
                                "nvfp4", "mxfp4",    "bf16", "int8", "w8a8", "awq",  "gptq", "dynamic",
                                "0528",  "0324",     "2507", "kv",   "v0.1", "99",   "99.9", "v2"};

struct Alias {
  const char* theirs;
  const char* ours;
  const char* reading;
};

/// Names that do not become ours by leaving words out. Shapes: config.json of each model on Hugging Face.
constexpr std::array kAliases{
    Alias{"llama2-70b", "llama-2-70b", ""},
    Alias{"llama3.1-405b", "llama-3.1-405b", ""},
    Alias{"llama3.1-8b", "llama-3.1-8b", ""},
    Alias{"llama3.1-70b", "llama-3.1-70b", ""},
    Alias{"llama-3.3-70b", "llama-3.1-70b", "Llama 3.3 70B is played as Llama 3.1 70B: the same shape"},
    Alias{"llama3-70b", "llama-3.1-70b", "Llama 3 70B is played as Llama 3.1 70B: the same shape"},
    Alias{"llama-3-70b", "llama-3.1-70b", "Llama 3 70B is played as Llama 3.1 70B: the same shape"},
    Alias{"llama-3-8b", "llama-3.1-8b", "Llama 3 8B is played as Llama 3.1 8B: the same shape"},
    Alias{"qwen2.5-7b", "qwen2-7b", "Qwen2.5 7B is played as Qwen2 7B: the same shape"},
    Alias{"qwen2.5-72b", "qwen2-72b", "Qwen2.5 72B is played as Qwen2 72B: the same shape"},
    Alias{"deepseek-r1", "deepseek-r1", ""},
    Alias{"deepseek", "deepseek-v3", ""},
    Alias{"mixtral-8x7b", "mixtral-8x7b", ""},
    Alias{"kimi-k2-thinking", "kimi-k2", ""},
};

struct KnownChip {
  const char* word;
  const char* topology;
  const char* chip;
  std::uint32_t chips_per_node;
  std::uint32_t nodes = 1;
};

constexpr std::array kChips{
    KnownChip{"a100", "dgx-a100", "a100-80g-sxm", 8},
    KnownChip{"h100", "hgx-h100", "h100-sxm", 8},
    KnownChip{"h200", "hgx-h200", "h200-sxm", 8},
    KnownChip{"h20", "hgx-h20", "h20", 8},
    KnownChip{"h800", "hgx-h800", "h800-sxm", 8},
    KnownChip{"b200", "hgx-b200", "b200-sxm", 8},
    KnownChip{"gb200", "gb200-nvl72", "gb200", 4, 18},
    KnownChip{"gb300", "gb300-nvl72", "gb300", 4, 18},
    KnownChip{"mi300x", "mi300x-8", "mi300x", 8},
    KnownChip{"910b", "atlas-800t-a2", "ascend-910b", 8},
    KnownChip{"910c", "cloudmatrix384", "ascend-910c", 8, 48},
    KnownChip{"rtxpro6000", "rtx-pro-6000", "rtx-pro-6000", 8},
};

/// "8xmi300x" -> "mi300x": how many there are is told by another column.
std::string without_count(const std::string& word) {
  std::size_t at = 0;
  while (at < word.size() && std::isdigit(static_cast<unsigned char>(word[at])) != 0) ++at;
  return at > 0 && at + 1 < word.size() && word[at] == 'x' ? word.substr(at + 1) : word;
}

std::string nothing_of(const std::string& what, std::string_view written, const std::string& where,
                       const std::string& meant) {
  return "no " + what + " '" + std::string(written) + "' in " + where +
         (meant.empty() ? "" : "; the nearest is " + meant);
}

}  // namespace

Named llm_named(std::string_view written) {
  const std::vector<std::string> known = config::catalog_names("models/catalog/llms");
  const std::string_view bare =
      written.substr(written.rfind('/') == std::string_view::npos ? 0 : written.rfind('/') + 1);
  std::vector<std::string> words = words_of(bare);
  std::erase_if(words, [](const std::string& word) {
    return std::find(kShapeless.begin(), kShapeless.end(), word) != kShapeless.end();
  });
  const std::string name = joined(words);
  const auto alias =
      std::find_if(kAliases.begin(), kAliases.end(), [&](const Alias& one) { return name == one.theirs; });
  const std::string ours = alias != kAliases.end() ? alias->ours : name;
  if (listed(known, ours)) return {ours, alias != kAliases.end() ? alias->reading : "", ""};
  return {"", "", nothing_of("model", written, "models/catalog/llms", config::nearest(name, known))};
}

Machine machine_named(std::string_view written) {
  const std::vector<std::string> known = config::catalog_names("topologies");
  for (const std::string& word : words_of(written)) {
    const std::string bare = without_count(word);
    const auto chip =
        std::find_if(kChips.begin(), kChips.end(), [&](const KnownChip& one) { return bare == one.word; });
    if (chip != kChips.end() && listed(known, chip->topology)) {
      return {chip->topology, chip->chip, chip->chips_per_node, chip->nodes, ""};
    }
  }
  std::vector<std::string> chips;
  for (const KnownChip& chip : kChips) chips.emplace_back(chip.word);
  std::string meant;
  for (const std::string& word : words_of(written)) {
    if (meant.empty()) meant = config::nearest(without_count(word), chips);
  }
  return {"", "", 0, 1, nothing_of("machine with chips", written, "topologies", meant)};
}

}  // namespace tokenyard::validate
