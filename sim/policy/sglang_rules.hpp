#pragma once

#include "sim/policy/batch_rules.hpp"
#include "sim/policy/spec.hpp"

#include <memory>

namespace tokenyard::policy {

/// SGLang's scheduler, order of arrival: a batch of prompts goes before the decodes, which wait (or join it, with mixed
/// chunk); one prompt at most is in progress; a request is admitted when its prompt and all it may produce leave room
/// for a share of what the running ones may still produce (NewTokenRatio); after a refusal nothing is tried until a
/// request ends or leaves; when a decode step finds no memory, those with the fewest outputs go to the tail of the
/// queue; requests that come are seen once in scheduler_recv_interval decode steps (Inbox). Source: SGLang,
/// python/sglang/srt/managers/scheduler.py at 0003215cf146, schedule_policy.py at 00550cd11b35 and schedule_batch.py,
/// as restated in this project's docs/engines.md. Leaves out: orders other than arrival, priorities, ends of a stop
/// token, the admission of `ignore_eos` requests without radix cache, LoRA, host cache tiers, the abort of a single
/// request that outgrows the pool (it is retracted).
[[nodiscard]] std::unique_ptr<BatchRules> make_sglang_rules(const SglangSpec& spec);

}  // namespace tokenyard::policy
