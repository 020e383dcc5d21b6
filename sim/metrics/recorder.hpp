#pragma once

#include "models/base/units.hpp"
#include "sim/metrics/quantiles.hpp"
#include "sim/metrics/records.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tokenyard::metrics {

/// What a class of users was promised.
struct SloTarget {
  std::string name;
  Seconds ttft;
  Seconds tpot;
  std::optional<Seconds> e2e{};  ///< to the last token, from arrival
};

/// The named parts of a request's latency, in order of time; the front end works before and behind all others.
enum class Part : std::uint8_t { Queue, Prefill, KvWait, KvTransfer, DecodeWait, Preempted, Decode, FrontEnd };
inline constexpr std::size_t kParts = 8;
[[nodiscard]] const char* name(Part part);
[[nodiscard]] SimTime part_of(const RequestRecord& record, Part part);

/// Requests that were given up or turned away; none of them counts as finished or measured.
struct GivenUp {
  std::uint64_t timed_out = 0;      ///< their users' patience ran out
  std::uint64_t cancelled = 0;      ///< their users had seen enough
  std::uint64_t rejected = 0;       ///< turned away when they came
  std::uint64_t output_tokens = 0;  ///< handed out to them, for nothing

  [[nodiscard]] std::uint64_t requests() const { return timed_out + cancelled + rejected; }
  void add(const GivenUpRecord& record) {
    ++(record.how == GaveUp::Cancelled ? cancelled : record.how == GaveUp::Rejected ? rejected : timed_out);
    output_tokens += record.output_tokens;
  }
};

/// Figures of one SLO class.
struct ClassFigures {
  std::uint64_t requests = 0;
  std::uint64_t output_tokens = 0;
  std::uint64_t good_requests = 0;  ///< met all targets; a single-token answer has no TPOT to miss
  std::uint64_t good_output_tokens = 0;
  GivenUp given_up{};  ///< beside `requests`
};

/// Requests of one SLO class that ended after warm-up, whenever they arrived: what throughput and goodput count.
struct EndedFigures {
  std::uint64_t requests = 0;
  std::uint64_t prompt_tokens = 0;
  std::uint64_t good_requests = 0;       ///< met all targets
  std::uint64_t good_output_tokens = 0;  ///< handed out after warm-up, as if those behind the first came evenly
};

/// Figures of one tenant.
struct TenantFigures {
  std::uint64_t requests = 0;
  std::uint64_t prompt_tokens = 0;
  std::uint64_t cached_tokens = 0;  ///< of these, found in the prefix cache
  std::uint64_t output_tokens = 0;
  std::uint64_t good_requests = 0;  ///< met the targets of their class
  GivenUp given_up{};
  Quantiles ttft;  ///< empty while there is but one tenant, whose are all latencies
  Quantiles tpot;
};

/// Is told of requests as they end.
class RequestListener {
 public:
  virtual ~RequestListener() = default;
  virtual void finished(const RequestRecord& record) = 0;
  virtual void given_up(const GivenUpRecord& record) = 0;
};

/// Takes requests as they end. Those that arrived during warm-up are counted but not measured.
class Recorder {
 public:
  Recorder(SimTime warm_up, std::vector<SloTarget> classes, bool keep_requests, bool keep_steps);

  /// From now on `listener`, which outlives the recorder's use, is told of every request that is taken.
  void tell(RequestListener& listener) { listener_ = &listener; }

  void request(const RequestRecord& record);
  void given_up(const GivenUpRecord& record);
  void step(const StepRecord& record) {
    if (keep_steps_) steps_.push_back(record);
  }

  [[nodiscard]] SimTime warm_up() const { return warm_up_; }
  [[nodiscard]] const std::vector<SloTarget>& classes() const { return classes_; }
  [[nodiscard]] const std::vector<RequestRecord>& requests() const { return requests_; }  ///< in order of ending
  [[nodiscard]] const std::vector<StepRecord>& steps() const { return steps_; }

  std::uint64_t finished = 0;       ///< with warm-up
  std::uint64_t measured = 0;       ///< without
  std::uint64_t prompt_tokens = 0;  ///< of measured requests
  std::uint64_t cached_tokens = 0;  ///< of prompt_tokens, found in the prefix cache
  std::uint64_t output_tokens = 0;
  GivenUp gone;                          ///< with warm-up
  GivenUp gone_after_warm_up;            ///< that arrived after it
  std::uint64_t preempted_requests = 0;  ///< measured requests that were preempted at least once
  SimTime last_end;                      ///< latest last_token seen
  Quantiles ttft;
  Quantiles ttft_from_admission;
  Quantiles tpot;
  Quantiles latency;
  std::array<Quantiles, kParts> parts;
  /// By ClassId; where there is but one class, `ttft` and `tpot` above are its own, and these are empty.
  std::vector<Quantiles> class_ttft;
  std::vector<Quantiles> class_tpot;
  std::vector<ClassFigures> by_class;                ///< by ClassId
  std::vector<EndedFigures> ended_after_warm_up;     ///< by ClassId
  std::map<std::uint32_t, TenantFigures> by_tenant;  ///< those with measured requests

 private:
  TenantFigures& tenant_of(std::uint32_t number);
  [[nodiscard]] bool met_targets(const RequestRecord& record) const;
  void ended(const RequestRecord& record, bool met);

  SimTime warm_up_;
  std::vector<SloTarget> classes_;
  RequestListener* listener_ = nullptr;
  bool keep_requests_;
  bool keep_steps_;
  std::vector<RequestRecord> requests_;
  std::vector<StepRecord> steps_;
};

}  // namespace tokenyard::metrics
