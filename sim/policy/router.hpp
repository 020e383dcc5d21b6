#pragma once

#include "models/base/ids.hpp"
#include "models/base/sim_time.hpp"
#include "sim/policy/router_spec.hpp"
#include "workloads/request.hpp"

#include <cstdint>
#include <memory>
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
};

/// Chooses the instance of a pool that a request goes to.
class Router {
 public:
  virtual ~Router() = default;
  /// Whether choose() would look at more than the ids now; if not, the views' loads are not filled in.
  [[nodiscard]] virtual bool needs_load(SimTime now) const = 0;
  /// Index into `instances`. REQUIRES: instances is not empty, always the same ones, `now` never goes back. Must not
  /// keep the views: they die with the call.
  [[nodiscard]] virtual std::size_t choose(const workloads::Request& request, std::span<const InstanceView> instances,
                                           SimTime now) = 0;

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
/// For PrefixAware and KvAware see prefix_routers.hpp. Throws SpecError as validate().
[[nodiscard]] std::unique_ptr<Router> make_router(const RouterSpec& spec, std::unique_ptr<UniformDraw> draw);

}  // namespace tokenyard::policy
