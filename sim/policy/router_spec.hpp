#pragma once

#include "models/base/sim_time.hpp"
#include "sim/policy/spec.hpp"

#include <cstdint>

namespace tokenyard::policy {

/// Where a router's picture of the instances' caches comes from.
enum class PrefixView : std::uint8_t {
  Guess,   ///< from its own choices: what it sent there, up to a capacity, is taken to be there
  Events,  ///< from what the caches tell of names that come and go
};

/// A router and how well it knows what it chooses from.
struct RouterSpec {
  RouterKind kind = RouterKind::RoundRobin;
  /// Loads are looked at no more often than this; in between the router adds what it sends. 0 = always fresh.
  SimTime refresh{};

  // For the kinds that know prefixes.
  PrefixView view = PrefixView::Guess;
  std::uint32_t block_tokens = 16;  ///< Guess: tokens of a block of the picture
  std::uint32_t capacity = 31'250;  ///< Guess: blocks that each instance is taken to hold; 0 = no limit
  std::uint32_t most_blocks = 0;    ///< longest beginning looked at, in blocks; 0 = no limit
  SimTime delay{};                  ///< Events: from a change of a cache until the router knows
  double prefix_weight = 2.0;       ///< PrefixAware: weights of its three scores
  double queue_weight = 1.0;
  double memory_weight = 1.0;
  double overlap_weight = 1.0;  ///< KvAware: weight of blocks to prefill against blocks to decode

  std::uint32_t start = 0;  ///< VllmScore: instance that is looked at first

  // Mooncake.
  /// A beginning is copied to an instance that has less than 1 / this of what the best one has. The study's example has
  /// 2; the paper gives no figure.
  double copy_threshold = 2.0;
  bool reject = false;   ///< a request that is expected to miss a target of its class is turned away when it comes
  bool prefills = true;  ///< what the pool does with requests; both: mixed
  bool decodes = true;
};

/// Throws SpecError: negative weights or none above 0, a block of no tokens.
void validate(const RouterSpec& spec);

}  // namespace tokenyard::policy
