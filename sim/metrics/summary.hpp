#pragma once

#include "models/base/collective_bytes.hpp"
#include "models/base/units.hpp"
#include "sim/metrics/confidence.hpp"
#include "sim/metrics/instance_meter.hpp"
#include "sim/metrics/recorder.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace tokenyard::metrics {

/// Mean and nearest-rank percentiles of a set of spans, in seconds.
struct Spread {
  std::uint64_t count = 0;
  double mean_s = 0;
  double p50_s = 0;
  double p90_s = 0;
  double p99_s = 0;
};

/// What the collectives of one instance send over a plane.
struct CollectiveWire {
  std::string plane;
  CollectiveShare on{};  ///< which of them
  BytesPerSecond port;   ///< of one chip, per direction
};

/// What the summary must know of a pool beyond its meters.
struct PoolFacts {
  std::string name;
  std::string role;  ///< "mixed", "prefill", "decode"
  std::string chip;
  bool scenario = false;  ///< the chip's figures are targets of a plan, not a product's
  std::uint32_t instances = 0;
  std::uint32_t chips_per_instance = 0;
  Flop matmul_per_token;            ///< 2 * active matmul parameters
  Flop attention_per_pair;          ///< per (query, key) pair, all layers
  FlopPerSecond peak;               ///< of one chip, dense, at the precision of the weights
  BytesPerSecond memory_bandwidth;  ///< of one chip
  Bytes memory;                     ///< of one chip
  Bytes weights_per_chip;
  Bytes kv_block;  ///< one block on all chips of its attention rank together
  std::uint64_t blocks_per_instance = 0;
  std::uint32_t block_tokens = 0;
  std::uint32_t windowed_groups = 0;  ///< of layers that see a window: they have blocks of their own (kv::BlockLayout)
  std::uint32_t drafts = 0;           ///< that a decode verifies in a step; 0: no speculation
  Watts idle_power;                   ///< of one chip

  std::vector<CollectiveWire> collectives;  ///< of one instance, a row a plane; empty for a single chip
};

/// One link and direction of a plane.
struct LinkFigures {
  std::string plane;
  std::string link;
  bool entry = false;  ///< the way out of chips or of a store, where bytes enter the plane; not a trunk
  double bandwidth_bytes_per_s = 0;
  double bytes = 0;
  double request_bytes = 0;     ///< of these: calls from users and tokens to them
  double busy_s = 0;            ///< time with at least one flow on it
  double utilisation = 0;       ///< bytes / (bandwidth * length of the run)
  bool flows = true;            ///< KV may go over it; false: ports of an instance on a plane without
  double collective_bytes = 0;  ///< of the steps of the whole run
  double mean_utilisation = 0;  ///< both kinds of bytes / (bandwidth * length of the run)
  double peak_utilisation = 0;  ///< the same of the fullest interval of the time series
};

/// What the prices of a pool's steps rest on, as shares of the time that its instances compute.
struct PriceShares {
  std::array<double, kPriceFamilies> outside{};  ///< by family: priced outside of the shapes that were measured
  double table = 0;                              ///< read from a table of the user's own kernels

  [[nodiscard]] double all_outside() const;
};

/// Pool figures over the measured window. Ratios are in [0, 1].
struct PoolFigures {
  PoolFacts facts;
  std::uint64_t steps = 0;
  double busy = 0;                  ///< share of the window with a step running, mean over instances
  double prefill_tokens_per_s = 0;  ///< prompt tokens computed, recomputed ones included
  double decode_tokens_per_s = 0;
  double mfu = 0;                    ///< 2 * active matmul parameters * tokens / (window * chips * peak)
  double mfu_prefill_steps = 0;      ///< the same within steps that computed prompt tokens
  double mfu_decode_steps = 0;       ///< the same within steps that computed none
  double mfu_with_attention = 0;     ///< of the window, attention FLOP counted
  double bandwidth_utilisation = 0;  ///< memory traffic / (window * chips * bandwidth)
  double bandwidth_utilisation_decode_steps = 0;
  CollectiveBytes sent{};            ///< by collectives of steps in the window, all instances
  double exposed_prefill_steps = 0;  ///< of the time of steps with prompt tokens, collectives that nothing hides
  double exposed_decode_steps = 0;   ///< the same of steps without
  double running_mean = 0;           ///< requests in a batch, mean over time and instances
  double waiting_mean = 0;
  double kv_occupancy_mean = 0;   ///< used / all blocks
  double kv_occupancy_peak = 0;   ///< highest of any instance
  double kv_unfilled_tokens = 0;  ///< places in used blocks without a token, of an instance, mean over time
  double kv_fragmentation = 0;    ///< those / all places in used blocks, both as means over time
  std::uint64_t preemptions = 0;
  CacheSums cache{};            ///< of the prefix caches of its instances
  double tokens_per_step = 0;   ///< that a decode hands out in a step, with drafts; 0 without them
  double draft_acceptance = 0;  ///< accepted drafts / all
  double energy_j = 0;          ///< chips of this pool, idle time included
  PriceShares priced{};
};

struct PlaneFigures {
  std::string plane;
  double bytes = 0;                  ///< payload of KV hand-offs that entered the plane
  double request_bytes = 0;          ///< likewise of calls from users and tokens to them
  double mean_utilisation = 0;       ///< by both, mean over their links, over the run
  double peak_link_utilisation = 0;  ///< highest mean of a link, KV and collectives; over the run
  double peak_utilisation = 0;       ///< of the fullest interval of any of its links, likewise
  std::string busiest_link;
  double collective_bytes = 0;        ///< of steps in the measured window, counted where they leave a chip
  double collective_utilisation = 0;  ///< mean over the ports of the chips that take part, over the window
};

/// Figures of one tenant's measured requests.
struct TenantSummary {
  std::uint32_t tenant = 0;
  std::uint64_t requests = 0;
  std::uint64_t prompt_tokens = 0;
  std::uint64_t cached_tokens = 0;
  std::uint64_t output_tokens = 0;
  std::uint64_t good_requests = 0;
  GivenUp given_up{};
  Spread ttft;
  Spread tpot;
};

/// What of one class was good, a second of the window.
struct ClassRates {
  double good_requests_per_s = 0;
  double good_tokens_per_s = 0;
};

/// Until when rates, pools and energy are measured.
enum class WindowEnd : std::uint8_t {
  LastToken,    ///< the end of the run
  LastArrival,  ///< after which the run only drains
  EndOfSending  ///< likewise, where users wait for answers: the end of one behind which nothing more was sent
};
[[nodiscard]] const char* name(WindowEnd end);

/// Latencies of the measured requests of one class.
struct ClassLatency {
  Spread ttft;
  Spread tpot;
};

struct Summary {
  std::string name;
  bool complete = true;  ///< false: the run was interrupted; figures are of what had ended
  double window_s = 0;   ///< of rates, pools and energy: from the end of warm-up
  WindowEnd window_end = WindowEnd::LastToken;
  double warm_up_s = 0;
  std::uint64_t requests_arrived = 0;
  std::uint64_t requests_finished = 0;
  std::uint64_t requests_measured = 0;
  std::uint64_t requests_preempted = 0;
  /// Given up or turned away. Of a complete run arrived = finished + timed out + cancelled + rejected.
  GivenUp given_up{};
  GivenUp given_up_after_warm_up{};  ///< beside requests_measured
  std::uint32_t chips = 0;           ///< that instances were placed on
  std::uint32_t chips_idle = 0;      ///< of the topology, beyond these

  Spread ttft;  ///< from arrival
  Spread ttft_from_admission;
  Spread tpot;  ///< of requests with two output tokens or more
  Spread itl;   ///< gaps between tokens, each token counts once
  Spread latency;
  std::array<Spread, kParts> parts;
  bool exact_percentiles = true;  ///< false: more than 2^18 requests, percentiles are of 0.1 % wide buckets

  double requests_per_s = 0;  ///< ended in the window
  double prompt_tokens_per_s = 0;
  double output_tokens_per_s = 0;
  double output_tokens_per_s_per_chip = 0;
  double tokens_per_s_per_user = 0;  ///< 1 / mean TPOT
  double good_requests_per_s = 0;    ///< goodput: of requests_per_s, those within the targets of their class
  double good_tokens_per_s = 0;
  double good_share = 0;  ///< of measured requests and those given up
  double joules_per_output_token = 0;
  double mean_power_w = 0;  ///< of the chips in use

  std::vector<SloTarget> classes;
  std::vector<ClassFigures> by_class;
  std::vector<ClassRates> class_rates;      ///< by ClassId
  std::vector<ClassLatency> class_latency;  ///< by ClassId; empty where there is one class, whose are all latencies
  std::vector<TenantSummary> tenants;       ///< in order of their number; empty when all requests are of tenant 0
  std::vector<PoolFigures> pools;
  std::vector<PlaneFigures> planes;
  std::vector<LinkFigures> links;
  std::vector<Confidence> confidence;  ///< of TTFT and TPOT; empty when nobody looked it up
  std::vector<std::string> notes;      ///< what a reader must know to trust the figures: scenario chips, extrapolations
};

/// What held when the last request arrived, or when it became clear that it had. After that a run only drains: rates
/// and means that went on to its last token would mix the machine's work with the tail of its longest answers.
struct Steady {
  SimTime end;
  bool at_arrival = true;                         ///< `end` is the instant of the last arrival
  std::vector<MeterSums> meters;                  ///< as of then, by instance
  std::vector<EndedFigures> ended_after_warm_up;  ///< likewise, by ClassId
};

/// `meters`: by instance, pools in order; `pools` in the same order. `end`: when the run ended.
/// `links` of the run, in their order. Means over no samples are 0 and their count says so.
/// Rates, pools and energy are over [end of warm-up, steady->end] where `steady` is given and that is at least half of
/// the time to the last token, else (a batch sent at once) to the last token, and then rates are of measured requests.
/// Latencies and what prefix caches found are of all measured requests, what caches did is of the run after warm-up.
[[nodiscard]] Summary summarize(std::string name, Recorder& recorder, const std::deque<InstanceMeter>& meters,
                                const std::vector<PoolFacts>& pools, std::vector<LinkFigures> links, SimTime end,
                                const Steady* steady = nullptr);

}  // namespace tokenyard::metrics
