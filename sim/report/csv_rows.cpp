#include "sim/report/csv_rows.hpp"

#include <charconv>
#include <cmath>

namespace tokenyard::report {
namespace {

constexpr std::size_t kBuffer = std::size_t{1} << 16;
/// Longer than any number we print: a double in fixed notation is limited to 1e18, and its decimals by 1e-9.
constexpr std::size_t kLongestField = 64;
constexpr std::int64_t kNanoseconds = 1'000'000'000;

}  // namespace

CsvRows::CsvRows(std::ostream& out, std::string_view header) : out_(out), buffer_(kBuffer) { out_ << header << '\n'; }

/// Where the next field goes: after its comma, with room for a number.
char* CsvRows::field() {
  if (kBuffer - used_ < kLongestField) {
    out_.write(buffer_.data(), static_cast<std::streamsize>(used_));
    used_ = 0;
  }
  if (row_started_) buffer_[used_++] = ',';
  row_started_ = true;
  return buffer_.data() + used_;
}

void CsvRows::text(std::string_view value) {
  field();
  const bool quoted = value.find_first_of(",\"\n\r") != std::string_view::npos;
  const auto put = [this](char byte) {
    if (used_ == kBuffer) {
      out_.write(buffer_.data(), static_cast<std::streamsize>(used_));
      used_ = 0;
    }
    buffer_[used_++] = byte;
  };
  if (quoted) put('"');
  for (const char byte : value) {
    if (byte == '"') put('"');
    put(byte);
  }
  if (quoted) put('"');
}

void CsvRows::count(std::uint64_t value) {
  char* at = field();
  filled_to(std::to_chars(at, at + kLongestField - 1, value).ptr);
}

void CsvRows::time(SimTime value) {
  char* at = field();
  std::int64_t ns = value.ns();
  if (ns < 0) {
    *at++ = '-';
    ns = -ns;
  }
  at = std::to_chars(at, at + 20, ns / kNanoseconds).ptr;
  if (auto fraction = static_cast<std::uint32_t>(ns % kNanoseconds); fraction != 0) {
    int digits = 9;
    for (; fraction % 10 == 0; fraction /= 10) --digits;
    *at = '.';
    for (int i = digits; i > 0; --i, fraction /= 10) at[i] = static_cast<char>('0' + fraction % 10);
    at += digits + 1;
  }
  filled_to(at);
}

void CsvRows::number(double value) {
  char* at = field();
  if (!std::isfinite(value)) return;
  const double size = std::abs(value);
  // People read 80000000000 better than 8e+10; beyond these limits the exponent is shorter and fits.
  const bool plain = !(size > 0.0) || (size >= 1e-9 && size < 1e18);
  const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
  filled_to(std::to_chars(at, at + kLongestField - 1, value, format).ptr);
}

void CsvRows::empty() { field(); }

void CsvRows::end_row() {
  row_started_ = false;
  if (used_ == kBuffer) {
    out_.write(buffer_.data(), static_cast<std::streamsize>(used_));
    used_ = 0;
  }
  buffer_[used_++] = '\n';
}

void CsvRows::finish() {
  out_.write(buffer_.data(), static_cast<std::streamsize>(used_));
  used_ = 0;
}

}  // namespace tokenyard::report
