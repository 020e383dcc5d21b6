#include "models/fit/families.hpp"

#include <algorithm>
#include <iterator>

namespace tokenyard::fit {

std::vector<double> Family::row_of(std::span<const double> figures) const {
  std::vector<double> row(figures.begin(), figures.end());
  if (derived.of_first == 0) return row;
  const std::vector<double> more = derived.figures(figures.first(derived.of_first));
  row.insert(row.end(), more.begin(), more.end());
  return row;
}

std::vector<std::string> Family::path() const {
  if (!keys.empty()) return keys;
  const std::size_t dot = place.find('.');
  if (dot == std::string::npos) return {place};
  return {place.substr(0, dot), place.substr(dot + 1)};
}

const std::vector<Family>& families() {
  static const std::vector<Family> joined = [] {
    std::vector<Family> all;
    for (std::vector<Family> kind : {gemm_families(), attention_families(), skew_families(), mixed_families(),
                                     latent_families(), moe_families(), small_families()}) {
      all.insert(all.end(), std::make_move_iterator(kind.begin()), std::make_move_iterator(kind.end()));
    }
    return all;
  }();
  return joined;
}

const Family* find_family(std::string_view place) {
  const auto& all = families();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Family& family) { return family.place == place; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace tokenyard::fit
