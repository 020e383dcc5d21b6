#include "sim/calibrate/table_formats.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <string>

namespace tokenyard::calibrate {

namespace {

/// Names of columns in what a format says that it needs: the first words between its commas.
std::vector<std::string> columns_in(std::string_view text) {
  std::vector<std::string> columns;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(", "), text.size());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 2, text.size()));
    const std::size_t word = std::min(part.find(' '), part.size());
    if (part != "...") columns.emplace_back(part.substr(0, word));
  }
  return columns;
}

/// "; nearest is KIND, which also needs: a, b", or nothing when none has a column in common.
std::string nearest_kind(const KernelTable& table) {
  const TableFormat* nearest = nullptr;
  std::vector<std::string> lacks;
  std::size_t most = 0;
  for (const TableFormat& format : table_formats()) {
    const std::vector<std::string> columns = columns_in(format.columns);
    std::vector<std::string> missing;
    for (const std::string& column : columns) {
      if (!table.has(column)) missing.push_back(column);
    }
    const std::size_t found = columns.size() - missing.size();
    if (found == 0 ||
        (nearest != nullptr && (missing.size() > lacks.size() || (missing.size() == lacks.size() && found <= most))))
      continue;
    nearest = &format;
    lacks = std::move(missing);
    most = found;
  }
  if (nearest == nullptr) return {};
  std::string text = "; nearest is " + std::string(nearest->name) + ", which also needs: ";
  for (std::size_t i = 0; i < lacks.size(); ++i) text += (i > 0 ? ", " : "") + lacks[i];
  return text;
}

}  // namespace

const std::vector<TableFormat>& table_formats() {
  static const std::vector<TableFormat> joined = [] {
    std::vector<TableFormat> all;
    for (const std::vector<TableFormat>& project :
         {aiconfigurator_formats(), aiconfigurator_expert_formats(), aiconfigurator_communication_formats(),
          exchange_formats(), infersim_formats(), profiler_formats(), vidur_formats(), own_formats()}) {
      all.insert(all.end(), project.begin(), project.end());
    }
    return all;
  }();
  return joined;
}

void read_table(const KernelTable& table, Measurements& into) {
  for (const TableFormat& format : table_formats()) {
    if (format.fits(table)) return format.read(table, into);
  }
  throw UserError(table.path() + ":1: no kind of kernel table has these columns" + nearest_kind(table) +
                  "; sim/calibrate/README.md lists the kinds");
}

}  // namespace tokenyard::calibrate
