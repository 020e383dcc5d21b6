#pragma once

#include "models/base/ids.hpp"
#include "models/base/sim_time.hpp"
#include "sim/policy/forecast.hpp"
#include "sim/policy/router_spec.hpp"
#include "workloads/request.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace tokenyard::policy {

/// What a router knows of an instance of the pool it chooses from.
struct InstanceView {
  InstanceId id;
  /// Tokens of unfinished requests there: prompts waiting or in progress and contexts being decoded.
  std::uint64_t outstanding_tokens = 0;
  std::uint64_t prompt_tokens = 0;  ///< of prompts there, not yet computed
  std::uint32_t running = 0;        ///< requests
  std::uint32_t waiting = 0;
  std::uint64_t used_blocks = 0;  ///< KV blocks in use
  std::uint64_t total_blocks = 0;
  std::uint32_t block_tokens = 0;
  /// Until what is there has been prefilled, steps in flight included, by what was expected of each prompt when it was
  /// sent. Filled in only for routers that ask for it.
  SimTime queued_prefill{};
};

/// Where a request goes.
struct Choice {
  std::size_t instance = 0;  ///< index into the views
  /// Tokens of the prompt that the router takes to be there, or to come with `copy`; 0 for routers that know no caches.
  std::uint32_t cached = 0;
  /// Instance from which the beginning of `cached` tokens is copied first.
  std::optional<std::size_t> copy_from{};
  SimTime prefill{};                       ///< expected of its prompt alone; 0 for routers that expect nothing
  std::optional<SimTime> expected_ttft{};  ///< likewise nothing
  std::optional<SimTime> expected_tpot{};
};

/// Chooses the instance of a pool that a request goes to.
class Router {
 public:
  virtual ~Router() = default;
  /// Whether choose() would look at more than the ids now; if not, the views' loads are not filled in.
  [[nodiscard]] virtual bool needs_load(SimTime now) const = 0;
  /// REQUIRES: instances is not empty, always the same ones, `now` never goes back. Must not keep the views: they die
  /// with the call.
  [[nodiscard]] virtual Choice choose(const workloads::Request& request, std::span<const InstanceView> instances,
                                      SimTime now) = 0;
  /// Whether it expects latencies: then it needs InstanceView::queued_prefill, and a decode pool's is asked at arrival.
  [[nodiscard]] virtual bool expects() const { return false; }

  /// Whether it wants to hear of names that the instances' prefix caches begin or cease to hold.
  [[nodiscard]] virtual bool wants_names() const { return false; }
  /// The cache of `instance` (an index as in choose()) holds `name` since `when`, or does no more.
  virtual void name_changed(std::size_t instance, std::uint64_t name, bool here, SimTime when);
};

/// `draw` gives independent uniform numbers in [0, 1) (for RouterKind::Random).
class UniformDraw {
 public:
  virtual ~UniformDraw() = default;
  [[nodiscard]] virtual double next() = 0;
};

/// Routers by kind. RoundRobin, Random and LeastOutstandingTokens know no prefixes; ties go to the lowest index.
/// SessionAffinity: a session stays where its first request went, which is where the fewest tokens are outstanding.
/// VllmScore: least 4 * waiting + running, as vLLM's data-parallel front end balances (vllm/v1/engine/core_client.py).
/// For PrefixAware and KvAware see prefix_routers.hpp, for Mooncake mooncake_router.hpp. `forecast`: for Mooncake; it
/// outlives the router. Throws SpecError as validate().
[[nodiscard]] std::unique_ptr<Router> make_router(const RouterSpec& spec, std::unique_ptr<UniformDraw> draw,
                                                  const Forecast* forecast = nullptr);

}  // namespace tokenyard::policy
