#pragma once

#include "models/base/sim_time.hpp"

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string_view>
#include <vector>

namespace tokenyard::report {

/// Writes CSV (RFC 4180, but lines end in LF), a field at a time, through a buffer of its own.
class CsvRows {
 public:
  /// `header`: the names of the columns with commas between them.
  CsvRows(std::ostream& out, std::string_view header);
  CsvRows(const CsvRows&) = delete;
  CsvRows& operator=(const CsvRows&) = delete;

  /// Quoted where it must be.
  void text(std::string_view value);
  void count(std::uint64_t value);
  /// Seconds, exact: from whole nanoseconds, without trailing zeros ("12.345678901", "3", "0").
  void time(SimTime value);
  /// The shortest decimal that reads back as the same double; empty when it is not finite.
  void number(double value);
  void empty();
  void end_row();

  /// Hands the rest to the stream. REQUIRES: the last call.
  void finish();

 private:
  char* field();
  void filled_to(const char* end) { used_ = static_cast<std::size_t>(end - buffer_.data()); }

  std::ostream& out_;
  std::vector<char> buffer_;
  std::size_t used_ = 0;
  bool row_started_ = false;
};

}  // namespace tokenyard::report
