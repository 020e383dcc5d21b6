#include "models/device/provenance.hpp"

#include <algorithm>

namespace tokenyard::models {

bool Provenance::measured() const { return error_p50.has_value() || rows > 0 || !valid.empty(); }

bool Provenance::covers(std::initializer_list<ShapeFigure> shape) const {
  if (!measured()) return false;
  return std::all_of(shape.begin(), shape.end(), [&](const ShapeFigure& figure) {
    const auto range =
        std::find_if(valid.begin(), valid.end(), [&](const ValidRange& each) { return each.figure == figure.name; });
    return range == valid.end() || (figure.value >= range->least && figure.value <= range->greatest);
  });
}

}  // namespace tokenyard::models
