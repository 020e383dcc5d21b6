#include "models/device/figure_group.hpp"

#include "models/base/errors.hpp"

#include <cmath>
#include <utility>

namespace tokenyard::models {

FigureGroup::FigureGroup(std::string at) : at_(std::move(at)) {}

void FigureGroup::efficiency(std::string_view key, double value) const {
  if (!(value > 0.0 && value <= 1.0)) fail(key, "an efficiency lies above 0 and is at most 1");
}

void FigureGroup::not_negative(std::string_view key, double value) const {
  if (!(value >= 0.0 && std::isfinite(value))) fail(key, "must be 0 or more");
}

void FigureGroup::positive(std::string_view key, double value) const {
  if (!(value > 0.0 && std::isfinite(value))) fail(key, "must be above 0");
}

void FigureGroup::sourced(const Provenance& provenance) const {
  if (provenance.source.empty()) fail("source", "every group of figures says where it comes from");
}

void FigureGroup::fail(std::string_view key, const std::string& why) const {
  throw SpecError(at_ + "." + std::string(key), why);
}

}  // namespace tokenyard::models
