#pragma once

#include "models/base/ids.hpp"
#include "models/base/sim_time.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace tokenyard::workloads {

/// What a prompt begins with, as names of its beginnings: two prompts with the same id at place i are equal in their
/// first (i + 1) * block_tokens tokens. Ids are of whole beginnings (chained), never of a block by itself. Without ids
/// a prompt shares nothing, not even with a prompt of the same text.
struct PromptPrefix {
  std::uint32_t block_tokens = 0;  ///< tokens of each block; > 0 where there are ids
  /// In order of position: full blocks and, last, possibly one that the prompt's end cuts short. They may cover less
  /// than the prompt; what is behind them is shared with nobody.
  std::vector<std::uint64_t> ids{};
};

/// One user's call, as the front door, the routers and the schedulers see it.
struct Request {
  RequestId id;  ///< in order of arrival, from 0
  SimTime arrival;
  std::uint32_t prompt_tokens = 1;  ///< >= 1
  ClassId slo_class;                ///< index into the experiment's SLO classes
  PromptPrefix prefix{};
  std::int32_t priority = 0;  ///< lower is more urgent; of weight only where an engine orders its queue by priority
  std::uint32_t tenant = 0;   ///< whose request it is, for results by tenant
  std::optional<std::uint64_t> session{};  ///< conversation it belongs to, for routers that keep one together
  /// Most output tokens that the call allows (max_tokens); absent: as many as it will get, as benchmark clients ask
  /// that fix the length of an answer.
  std::optional<std::uint32_t> max_output_tokens{};
};

}  // namespace tokenyard::workloads
