#pragma once

#include "models/fit/samples.hpp"
#include "sim/calibrate/kernel_table.hpp"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tokenyard::calibrate {

/// Measured times by the place of their family ("gemm.bf16"), and for each row where it stood.
class Measurements {
 public:
  /// Row `row` of `table` measured `shape` of the family at `place`. REQUIRES: as many figures as other rows of the
  /// place.
  void add(std::string_view place, std::initializer_list<double> shape, double seconds, const KernelTable& table,
           std::size_t row);

  /// Says whose kernels the rows of a place in this table are. Throws UserError when another table has rows of other
  /// software for the place: a fit would take both for one kernel. REQUIRES: the table's rows of it are added.
  void of_software(std::string_view place, const std::string& software, const KernelTable& table);

  /// Counts a row that no family stands for, by what its `column` says.
  void leave_out(std::string_view column, std::string_view value);
  /// How many rows, by "column 'value'".
  [[nodiscard]] const std::map<std::string, std::size_t, std::less<>>& left_out() const { return left_out_; }

  [[nodiscard]] const std::map<std::string, fit::Samples, std::less<>>& families() const { return families_; }
  /// Takes a family away and gives its rows; an empty one when it has none. For rows that become another family's.
  [[nodiscard]] fit::Samples take(std::string_view place, std::size_t width);
  /// Rows of a family, put together from others.
  void put(std::string_view place, fit::Samples samples);

  /// "path:line" of a row's origin.
  [[nodiscard]] std::string where(std::uint64_t origin) const;
  [[nodiscard]] const std::vector<std::string>& tables() const { return paths_; }

 private:
  std::map<std::string, fit::Samples, std::less<>> families_;
  std::map<std::string, std::size_t, std::less<>> left_out_;
  struct Software {
    std::string name;
    std::string table;
  };
  std::map<std::string, Software, std::less<>> software_;  // by place
  std::vector<std::string> paths_;
};

}  // namespace tokenyard::calibrate
