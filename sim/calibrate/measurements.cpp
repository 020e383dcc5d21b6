#include "sim/calibrate/measurements.hpp"

#include "models/base/errors.hpp"

#include <utility>

namespace tokenyard::calibrate {
namespace {
constexpr unsigned kLineBits = 40;  // of an origin: the line; above them the table
}  // namespace

void Measurements::add(std::string_view place, std::initializer_list<double> shape, double seconds,
                       const KernelTable& table, std::size_t row) {
  if (paths_.empty() || paths_.back() != table.path()) paths_.push_back(table.path());
  auto found = families_.find(place);
  if (found == families_.end()) found = families_.emplace(place, fit::Samples(shape.size())).first;
  const std::uint64_t origin = (static_cast<std::uint64_t>(paths_.size() - 1) << kLineBits) | table.line(row);
  found->second.add({shape.begin(), shape.size()}, seconds, origin);
}

void Measurements::of_software(std::string_view place, const std::string& software, const KernelTable& table) {
  if (!families_.contains(place)) return;
  const auto [known, first] = software_.try_emplace(std::string(place), Software{software, table.path()});
  if (first || known->second.name == software) return;
  throw UserError(table.path() + ": " + std::string(place) + " of " + software + " beside those of " +
                  known->second.name + " in " + known->second.table + "; one software at a time");
}

void Measurements::leave_out(std::string_view column, std::string_view value) {
  ++left_out_[std::string(column) + " '" + std::string(value) + "'"];
}

fit::Samples Measurements::take(std::string_view place, std::size_t width) {
  const auto found = families_.find(place);
  if (found == families_.end()) return fit::Samples(width);
  fit::Samples taken = std::move(found->second);
  families_.erase(found);
  return taken;
}

void Measurements::put(std::string_view place, fit::Samples samples) {
  if (samples.size() > 0) families_.insert_or_assign(std::string(place), std::move(samples));
}

std::string Measurements::where(std::uint64_t origin) const {
  return paths_.at(static_cast<std::size_t>(origin >> kLineBits)) + ":" +
         std::to_string(origin & ((std::uint64_t{1} << kLineBits) - 1U));
}

}  // namespace tokenyard::calibrate
