#pragma once

#include "models/base/sim_time.hpp"
#include "models/base/units.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace tokenyard::workloads {

/// Gaps between arrivals. CV is standard deviation over mean.
struct ConstantArrivals {
  PerSecond rate;
};
struct PoissonArrivals {
  PerSecond rate;
};
struct GammaArrivals {
  PerSecond rate;
  double cv = 1.0;
};
/// `concurrency` users, each of whom sends its next request when its last one has ended.
struct ClosedLoop {
  std::uint32_t concurrency = 1;
};
using ArrivalSpec = std::variant<ConstantArrivals, PoissonArrivals, GammaArrivals, ClosedLoop>;

/// Longest prompt or output that any length may give or a trace may hold.
inline constexpr std::uint32_t kMaxTokens = 1U << 30U;

/// Lengths in tokens; every draw is rounded to a whole number and then clamped to at least 1.
struct ConstantLength {
  std::uint32_t tokens = 1;
};
struct UniformLength {
  std::uint32_t min = 1;
  std::uint32_t max = 1;  ///< included, as min is
};
struct LognormalLength {
  double median = 1;
  double sigma = 1;
  std::uint32_t min = 1;
  std::uint32_t max = kMaxTokens;
};
/// Inverse of the distribution function, linear between knots. `at` rises from 0 to 1, `tokens` never falls.
struct EmpiricalLength {
  std::vector<double> at;
  std::vector<double> tokens;
};
using LengthSpec = std::variant<ConstantLength, UniformLength, LognormalLength, EmpiricalLength>;

/// A kind of client and its share of the traffic.
struct ClientSpec {
  std::string name;
  double weight = 1.0;      ///< share = weight / sum of weights
  std::string slo_class{};  ///< name of a class in WorkloadSpec::classes; empty = the first
  LengthSpec prompt;
  LengthSpec output;
};

struct SyntheticSpec {
  ArrivalSpec arrivals;             ///< of the whole stream; each request then draws its client by weight
  std::vector<ClientSpec> clients;  ///< >= 1
};

/// Rows of a file. Format "azure": TIMESTAMP,ContextTokens,GeneratedTokens (2023 and 2024 stamps; gzip or plain).
struct TraceSpec {
  std::string path{};  ///< as the person wrote it, made absolute
  std::string format = "azure";
  double speedup = 1.0;             ///< 2 = gaps halved: twice the load
  SimTime window_start{};           ///< rows before this are left out; measured from the first row, before speedup
  std::optional<SimTime> window{};  ///< length of what is kept, before speedup
};

/// What a class of users was promised. A request meets it when both hold.
struct SloClass {
  std::string name;
  Seconds ttft;
  Seconds tpot;
};

struct WorkloadSpec {
  std::variant<SyntheticSpec, TraceSpec> source;
  std::optional<SimTime> duration{};        ///< no arrivals after this
  std::optional<std::uint64_t> requests{};  ///< at most this many
  SimTime warm_up{};                        ///< requests that arrive earlier are simulated but not counted
  std::uint32_t max_context = 0;            ///< prompt + output beyond this is an error at the request; 0 = no limit
  std::vector<SloClass> classes;            ///< >= 1; by ClassId
};

/// Throw SpecError with the key of what is wrong ("rate", "min"): rate or speedup not positive, CV outside (0, 100], no
/// users, a length of 0 tokens or beyond kMaxTokens, min > max, quantiles that do not rise from 0 to 1 ...
void validate(const ArrivalSpec& spec);
void validate(const LengthSpec& spec);
void validate(const TraceSpec& spec);
void validate(const SloClass& spec);

/// The same for every part, with the path of its key ("arrivals.rate", "clients.chat.prompt.min"), and besides: no
/// clients, two of one name, weights that sum to 0, an unknown class, neither duration nor requests for a synthetic
/// stream, zero requests, a warm-up that leaves nothing to count.
void validate(const WorkloadSpec& spec);

}  // namespace tokenyard::workloads
