#pragma once

#include "models/device/provenance.hpp"

#include <string>
#include <string_view>

namespace tokenyard::models {

/// Checks of one group of figures; `at` is where the group stands in the catalogue entry. Each throws
/// SpecError(at.key, why).
class FigureGroup {
 public:
  explicit FigureGroup(std::string at);

  void efficiency(std::string_view key, double value) const;    ///< above 0, at most 1
  void not_negative(std::string_view key, double value) const;  ///< 0 or more, finite
  void positive(std::string_view key, double value) const;      ///< above 0, finite
  void sourced(const Provenance& provenance) const;             ///< says where it comes from

 private:
  [[noreturn]] void fail(std::string_view key, const std::string& why) const;
  std::string at_;
};

}  // namespace tokenyard::models
