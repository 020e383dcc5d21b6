#pragma once

#include "sim/metrics/recorder.hpp"
#include "sim/metrics/records.hpp"
#include "sim/report/csv_rows.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <ostream>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace tokenyard::report {

/// requests.csv: a row a request that has ended, by RequestId, warm-up included, written while the run goes on: a row
/// as soon as all requests before it have ended. Holds those that have not had their turn. Times are exact: the parts,
/// added as decimals, give latency_s. docs/results.md explains the columns.
class RequestRows final : public metrics::RequestListener {
 public:
  /// `classes`: names by ClassId. `out` outlives the object.
  RequestRows(std::ostream& out, std::vector<std::string> classes);

  /// REQUIRES of both: each id once.
  void finished(const metrics::RequestRecord& record) override;
  void given_up(const metrics::GivenUpRecord& record) override;

  /// Writes what waits behind requests that have not ended. REQUIRES: the last call.
  void finish();

 private:
  using Ended = std::variant<std::monostate, metrics::RequestRecord, metrics::GivenUpRecord>;  // none: it has not

  Ended& place_of(RequestId id);
  void write_ready(bool all);
  void write(const metrics::RequestRecord& request);
  void write(const metrics::GivenUpRecord& request);
  void end_row(std::optional<std::uint64_t> session);

  CsvRows rows_;
  std::vector<std::string> classes_;
  std::unordered_map<std::uint64_t, std::uint64_t> turns_;  // so far, by session; looked up only
  std::deque<Ended> places_;                                // of next_ and those after it
  std::uint32_t next_ = 0;
};

}  // namespace tokenyard::report
