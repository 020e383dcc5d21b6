#include "sim/config/catalog.hpp"

#include <algorithm>
#include <cstdlib>
#include <numeric>

namespace tokenyard::config {
namespace {

bool has_catalog(const std::filesystem::path& root) {
  return std::filesystem::is_directory(root / "models/catalog/chips") &&
         std::filesystem::is_directory(root / "topologies");
}

/// Levenshtein distance.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0U);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row.back();
}

std::string lower(std::string_view text) {
  std::string small(text);
  for (char& letter : small) letter = letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  return small;
}

}  // namespace

std::filesystem::path catalog_root() {
  if (const char* home = std::getenv("TOKENYARD_HOME"); home != nullptr && *home != '\0') return home;
  for (auto here = std::filesystem::current_path();; here = here.parent_path()) {
    if (has_catalog(here)) return here;
    if (here == here.parent_path()) break;
  }
  return TOKENYARD_SOURCE_DIR;
}

std::vector<std::string> catalog_names(std::string_view folder) {
  std::vector<std::string> names;
  const auto path = catalog_root() / folder;
  if (!std::filesystem::is_directory(path)) return names;
  for (const auto& file : std::filesystem::directory_iterator(path)) {
    if (file.path().extension() == ".yaml") names.push_back(file.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string nearest(std::string_view written, const std::vector<std::string>& known) {
  constexpr std::size_t kBeginning = 3;  // letters that tell something
  const std::string asked = lower(written);
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, written.size() / 3) + 1;
  for (const std::string& name : known) {
    const std::string offered = lower(name);
    const bool begins = asked.size() >= kBeginning && offered.starts_with(asked) && offered != asked;
    if (const std::size_t d = begins ? 1 : distance(asked, offered); d < best_distance) {
      best = name;
      best_distance = d;
    }
  }
  return best;
}

}  // namespace tokenyard::config
