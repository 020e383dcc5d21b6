#pragma once

#include "workloads/random_stream.hpp"
#include "workloads/request_source.hpp"
#include "workloads/spec.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <unordered_map>
#include <vector>

namespace tokenyard::workloads {

/// The same requests, sent by users who do not wait for ever: each gets the patience of its class (Fate::patience), and
/// where the class tries again, a request that timed out or was turned away is sent once more after the back-off, as a
/// request of its own with a patience of its own. Until its last attempt has ended nobody who waits for its answer is
/// told. Streams: "workload.patience.NAME" of every class NAME.
///
/// Holds a copy of every request in flight that may be sent again, and nothing else.
class ImpatientSource final : public RequestSource {
 public:
  /// `classes`: validated, one of them with a patience. `duration`: nothing is sent after it. Where some class tries
  /// again the source is interactive, and `source` must not be a closed loop that carries no times.
  ImpatientSource(std::unique_ptr<RequestSource> source, const std::vector<SloClass>& classes, std::uint64_t seed,
                  std::optional<SimTime> duration);

  [[nodiscard]] bool interactive() const override { return tries_again_ || source_->interactive(); }
  [[nodiscard]] std::optional<SimTime> due() const override;
  [[nodiscard]] std::optional<Arrival> next() override;
  void on_end(RequestId request, SimTime now, Ending how) override;
  [[nodiscard]] bool exhausted() const override;

  /// Attempts after the first are not counted.
  [[nodiscard]] std::optional<std::uint64_t> expected() const override { return source_->expected(); }
  [[nodiscard]] std::optional<SimTime> horizon() const override { return source_->horizon(); }
  [[nodiscard]] std::vector<std::string> notes() const override;

 private:
  struct Attempt {
    Arrival arrival;  // as the source gave it
    std::uint32_t number = 1;
  };
  struct Due {
    SimTime at;
    std::uint64_t order;  // of timing out: breaks ties
    std::uint32_t attempt;
    friend bool operator>(const Due& a, const Due& b) { return a.at != b.at ? a.at > b.at : a.order > b.order; }
  };

  [[nodiscard]] std::optional<SimTime> source_due() const;
  [[nodiscard]] std::optional<Arrival> from_source();
  [[nodiscard]] Arrival send(Attempt attempt, SimTime at);
  [[nodiscard]] Patience draw(ClassId slo_class);
  [[nodiscard]] std::uint32_t attempts_of(const Arrival& arrival) const;

  std::unique_ptr<RequestSource> source_;
  std::vector<std::optional<PatienceSpec>> specs_;  // by class
  std::vector<RandomStream> streams_;               // by class
  std::optional<SimTime> duration_;
  bool tries_again_ = false;
  std::optional<Arrival> ahead_;                          // of a source that is not interactive
  std::unordered_map<std::uint32_t, Attempt> in_flight_;  // by request; looked up only
  std::vector<Attempt> waiting_;                          // those of again_; some places are free
  std::vector<std::uint32_t> free_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> again_;
  std::uint64_t sent_ = 0;
  std::uint64_t order_ = 0;
  std::uint64_t retried_ = 0;
  std::uint64_t lost_ = 0;
};

/// Whether some class has a patience, and whether some tries again.
[[nodiscard]] bool is_impatient(const std::vector<SloClass>& classes);
[[nodiscard]] bool tries_again(const std::vector<SloClass>& classes);

}  // namespace tokenyard::workloads
