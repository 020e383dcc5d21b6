#pragma once

#include "sim/policy/batch_rules.hpp"
#include "sim/policy/inbox.hpp"

#include <cstddef>
#include <vector>

namespace tokenyard::policy {

/// Places of the queue (Desk::candidate_at) in the order in which SGLang's `lpm` tries them: those with the most tokens
/// in the cache first, of equals as they stand in the queue. Last come those that have next to nothing there but begin
/// like one before them, which computes it for them. A queue longer than 128 stays as it stands. Only requests that the
/// scheduler has seen and whose prompts are computed here. Looks every one up in the cache.
/// Source: SGLang, python/sglang/srt/managers/schedule_policy.py at 00550cd11b35.
[[nodiscard]] std::vector<std::size_t> longest_prefix_first(const Desk& desk, const Inbox& inbox);

}  // namespace tokenyard::policy
