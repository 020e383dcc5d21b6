#pragma once

#include "models/base/ids.hpp"
#include "models/base/sim_time.hpp"
#include "models/base/units.hpp"
#include "workloads/traces/checked_rows.hpp"
#include "workloads/traces/row_layout.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tokenyard::workloads {

/// Gaps between arrivals; `rate` is the mean rate of the whole stream. CV is standard deviation over mean.
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
/// Gaps of a Weibull law, whose tail is heavier than a gamma's of the same CV.
struct WeibullArrivals {
  PerSecond rate;
  double cv = 1.0;
};
/// A Poisson process whose rate jumps between states (MMPP): it stays in each for an exponential time and goes on to
/// the next, from the last to the first. Of two states with rate 0 in one of them: on and off.
struct ModulatedArrivals {
  std::vector<PerSecond> rates;  ///< by state
  std::vector<Seconds> dwell;    ///< mean time in each
};
/// `size` requests at one instant; instants are Poisson, and `rate` counts requests.
struct BatchArrivals {
  PerSecond rate;
  std::uint32_t size = 1;
};
/// `concurrency` users, each of whom sends its next request when its last one has ended.
struct ClosedLoop {
  std::uint32_t concurrency = 1;
};
using ArrivalSpec = std::variant<ConstantArrivals, PoissonArrivals, GammaArrivals, WeibullArrivals, ModulatedArrivals,
                                 BatchArrivals, ClosedLoop>;

/// Factor on the rate over time: linear between knots, as at the last one after it. Two knots of one time make a jump.
/// With a period it begins anew after that long.
struct RateCurve {
  std::vector<Seconds> at;     ///< rising or equal, from 0
  std::vector<double> factor;  ///< >= 0; not all 0
  std::optional<Seconds> period{};
};

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
/// Of the four below: clamped to [min, max] after rounding.
struct NormalLength {
  double mean = 1;
  double sd = 1;
  std::uint32_t min = 1;
  std::uint32_t max = kMaxTokens;
};
struct ExponentialLength {
  double mean = 1;
  std::uint32_t min = 1;
  std::uint32_t max = kMaxTokens;
};
struct GammaLength {
  double mean = 1;
  double cv = 1;
  std::uint32_t min = 1;
  std::uint32_t max = kMaxTokens;
};
/// P(length > x) = (min / x)^alpha.
struct ParetoLength {
  double alpha = 2;
  std::uint32_t min = 1;
  std::uint32_t max = kMaxTokens;
};
/// Inverse of the distribution function, linear between knots. `at` rises from 0 to 1, `tokens` never falls.
struct EmpiricalLength {
  std::vector<double> at;
  std::vector<double> tokens;
};
using PlainLengthSpec = std::variant<ConstantLength, UniformLength, LognormalLength, EmpiricalLength, NormalLength,
                                     ExponentialLength, GammaLength, ParetoLength>;
/// Each draw is of one part, chosen by weight. Where lengths are drawn together (rank correlation) parts count as in
/// order from short to long.
struct MixtureLength {
  std::vector<double> weight;  ///< >= 0, not all 0
  std::vector<PlainLengthSpec> parts;
};
using LengthSpec = std::variant<ConstantLength, UniformLength, LognormalLength, EmpiricalLength, NormalLength,
                                ExponentialLength, GammaLength, ParetoLength, MixtureLength>;

/// Laws of a time: of thinking, of a tool.
struct ConstantTime {
  Seconds time;
};
struct ExponentialTime {
  Seconds mean;
};
struct LognormalTime {
  Seconds median;
  double sigma = 1;
  Seconds max{9.0e8};
};
using TimeSpec = std::variant<ConstantTime, ExponentialTime, LognormalTime>;

/// Text in front of every prompt of a client, from one of `groups` texts: system prompts, tools, documents. Group k is
/// chosen with weight k^-alpha (Zipf).
struct PrefixGroups {
  std::uint32_t groups = 1;
  std::uint32_t tokens = 1;  ///< of each; they come on top of the prompt drawn
  double alpha = 0.0;
};

/// A conversation: every further prompt is all that was said, and something new.
struct SessionSpec {
  LengthSpec turns;   ///< requests of a session
  LengthSpec append;  ///< new tokens of every prompt but the first
  TimeSpec think;     ///< from an answer to the next prompt
};

/// An agent: steps with a tool between them, over a context that grows until it is compacted.
struct AgentSpec {
  LengthSpec steps;              ///< requests of its main line
  LengthSpec append;             ///< new tokens of every prompt but the first: what the tool said
  TimeSpec tool;                 ///< from an answer to the next step
  double human = 0.0;            ///< share of steps that wait for a person instead
  TimeSpec think;                ///< how long then
  double fan_out = 0.0;          ///< share of steps that call sub-agents, for which the next step waits
  LengthSpec width;              ///< sub-agents called at once
  LengthSpec sub_steps;          ///< requests of each; their first prompts are drawn as the client's
  std::uint64_t compact_at = 0;  ///< context that is not to be exceeded; 0 = none
  std::uint32_t compact_to = 0;  ///< tokens that a compaction leaves, behind the shared prefix
};

/// A kind of client and its share of the traffic.
struct ClientSpec {
  std::string name;
  double weight = 1.0;      ///< share = weight / sum of weights
  std::string slo_class{};  ///< name of a class in WorkloadSpec::classes; empty = the first
  LengthSpec prompt;        ///< of the first request, shared prefix not counted
  LengthSpec output;
  std::optional<double> rank_correlation{};  ///< of prompt and output (Spearman); absent = drawn independently
  std::optional<PrefixGroups> prefix{};
  std::variant<std::monostate, SessionSpec, AgentSpec> story{};  ///< what one arrival brings; nothing = one request
  double reasoning = 0.0;     ///< mean share of an answer that is thought and left out of later prompts
  double reasoning_sd = 0.0;  ///< its standard deviation, of a beta law; 0 = constant
  std::uint32_t tenant = 0;
  std::int32_t priority = 0;  ///< lower is more urgent
};

struct SyntheticSpec {
  ArrivalSpec arrivals;              ///< of the whole stream; each request then draws its client by weight
  std::vector<ClientSpec> clients;   ///< >= 1
  std::optional<RateCurve> curve{};  ///< of an open loop
  std::uint32_t block_tokens = 16;   ///< tokens of each id of a shared prefix or a session's context
};

/// Rows of a recorded trace, gzip or plain (docs/traces.md).
struct TraceSpec {
  std::string path{};                   ///< as the person wrote it, made absolute
  std::string format = "auto";          ///< one of trace_formats()
  RowLayout columns{};                  ///< of the formats csv and jsonl
  std::uint32_t file_block_tokens = 0;  ///< tokens of each prefix id in the file; 0 = as the format has it
  std::uint32_t block_tokens = 0;       ///< tokens of each prefix id given on; 0 = as in the file
  bool session_scope = false;           ///< prefix ids are local to a session (rows without one: to the row)
  double speedup = 1.0;                 ///< 2 = gaps halved: twice the load
  std::optional<PerSecond> rate{};      ///< in place of speedup: the mean rate of what is kept
  SimTime window_start{};               ///< rows before this are left out; measured from the first row, before speedup
  std::optional<SimTime> window{};      ///< length of what is kept, before speedup
  bool spread_ties = false;             ///< rows with the same stamp are spread over the tick (tied_rows.hpp)
  std::optional<SimTime> tick{};        ///< of the recorder's clock, before speedup; absent = found out
  std::optional<ArrivalSpec> arrivals{};  ///< in place of the recorded times; open loops only
  bool causal = false;  ///< a row of a session waits for the answer to the one before (causal_source.hpp)
  std::optional<std::uint32_t>
      users{};                        ///< of traces of sessions: who play them one after the other, in place of starts
  std::optional<SimTime> wait_cap{};  ///< of traces of sessions: longest think or tool time
  TracePolicy policy{};
  /// Rows over policy.max_context are faults, over the model's context where that is 0; else they are played.
  bool limits_context = false;
};

/// When users give a request up. At least one of the three is given.
struct PatienceSpec {
  std::optional<TimeSpec> first_token{};   ///< longest wait for the first token
  std::optional<TimeSpec> answer{};        ///< longest wait for the whole answer
  double cancel = 0.0;                     ///< share of requests whose user has seen enough before the end
  std::optional<TimeSpec> cancel_after{};  ///< when that is, from sending; exactly where cancel > 0
  std::uint32_t attempts = 1;              ///< a request that timed out is sent again until it has been sent so often
  Seconds backoff{1.0};                    ///< from a time-out to the second attempt; doubled with each further one
};

/// What a class of users was promised. A request meets it when all hold.
struct SloClass {
  std::string name;
  Seconds ttft;
  Seconds tpot;
  std::optional<Seconds> e2e{};            ///< from arrival to the last token; absent: no promise
  std::optional<PatienceSpec> patience{};  ///< absent: they wait for ever
};

/// The class of that name, the first one where there is none.
[[nodiscard]] ClassId class_named(const std::vector<SloClass>& classes, std::string_view name);

struct WorkloadSpec {
  std::variant<SyntheticSpec, TraceSpec> source;
  std::optional<SimTime> duration{};          ///< no arrivals after this
  std::optional<std::uint64_t> requests{};    ///< at most this many
  SimTime warm_up{};                          ///< requests that arrive earlier are simulated but not counted
  std::optional<std::uint32_t> max_output{};  ///< output tokens that every call allows; absent: as many as it gets
  std::uint32_t max_context = 0;              ///< prompt + output beyond this is an error at the request; 0 = no limit
  std::uint32_t session_context = 0;          ///< drawn sessions end before prompt + output exceeds this; 0 = never
  std::vector<SloClass> classes;              ///< >= 1; by ClassId
};

/// Throw SpecError with the key of what is wrong ("rate", "min"): rate or speedup not positive, CV outside (0, 100], no
/// users, a length of 0 tokens or beyond kMaxTokens, min > max, quantiles that do not rise from 0 to 1 ...
void validate(const ArrivalSpec& spec);
void validate(const LengthSpec& spec);
void validate(const TimeSpec& spec);
void validate(const RateCurve& spec);
void validate(const TraceSpec& spec);
void validate(const PatienceSpec& spec);
void validate(const SloClass& spec);

/// The same for every part, with the path of its key ("arrivals.rate", "clients.chat.prompt.min"), and besides: no
/// clients, two of one name, weights that sum to 0, an unknown class, neither duration nor requests for a synthetic
/// stream, zero requests, a warm-up that leaves nothing to count.
void validate(const WorkloadSpec& spec);

}  // namespace tokenyard::workloads
