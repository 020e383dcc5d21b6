#include "sim/calibrate/table_formats.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <string>

namespace tokenyard::calibrate {

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
  std::string known;
  for (const TableFormat& format : table_formats()) {
    known += (known.empty() ? "" : "; ") + std::string(format.name) + " (" + std::string(format.columns) + ")";
  }
  throw UserError(table.path() + ":1: no known kernel table has these columns: " + table.header() +
                  "; known are: " + known);
}

}  // namespace tokenyard::calibrate
