#include "sim/policy/rules.hpp"

#include "sim/policy/sglang_rules.hpp"
#include "sim/policy/trtllm_rules.hpp"
#include "sim/policy/vllm_rules.hpp"

#include <algorithm>

namespace tokenyard::policy {
namespace {

std::uint32_t sequences_of(const VllmSpec& spec) { return spec.max_num_seqs; }
std::uint32_t tokens_of(const VllmSpec& spec) { return spec.max_num_batched_tokens; }
std::unique_ptr<BatchRules> rules_of(const VllmSpec& spec) { return make_vllm_rules(spec); }

std::uint32_t sequences_of(const SglangSpec& spec) { return spec.max_running_requests; }
std::uint32_t tokens_of(const SglangSpec& spec) {
  return std::max(spec.chunked_prefill_size, spec.max_running_requests);
}
std::unique_ptr<BatchRules> rules_of(const SglangSpec& spec) { return make_sglang_rules(spec); }

std::uint64_t longest_of(const VllmSpec& spec, std::uint64_t blocks, const kv::BlockLayout& layout) {
  return layout.longest(blocks, spec.max_num_batched_tokens);
}
// Admission wants room for prompt, output and a page, strictly.
std::uint64_t longest_of(const SglangSpec&, std::uint64_t blocks, const kv::BlockLayout& layout) {
  const std::uint64_t pool = blocks * layout.tokens;
  return pool - std::min<std::uint64_t>(pool, layout.tokens + 2);
}

std::uint32_t sequences_of(const TrtllmSpec& spec) { return spec.max_batch_size; }
std::uint32_t tokens_of(const TrtllmSpec& spec) { return spec.max_num_tokens; }
std::unique_ptr<BatchRules> rules_of(const TrtllmSpec& spec) { return make_trtllm_rules(spec); }
std::uint64_t longest_of(const TrtllmSpec&, std::uint64_t blocks, const kv::BlockLayout& layout) {
  return blocks * layout.tokens;
}

}  // namespace

void validate(const RulesSpec& spec) {
  std::visit([](const auto& kind) { validate(kind); }, spec);
}

std::uint32_t max_sequences(const RulesSpec& spec) {
  return std::visit([](const auto& kind) { return sequences_of(kind); }, spec);
}

std::uint32_t max_step_tokens(const RulesSpec& spec) {
  return std::visit([](const auto& kind) { return tokens_of(kind); }, spec);
}

std::uint64_t longest_request(const RulesSpec& spec, std::uint64_t blocks, const kv::BlockLayout& layout) {
  return std::visit([&](const auto& kind) { return longest_of(kind, blocks, layout); }, spec);
}

std::uint32_t reserved_beside_prompt(const RulesSpec& spec) {
  const auto* sglang = std::get_if<SglangSpec>(&spec);
  return sglang == nullptr ? 0 : sglang->num_reserved_decode_tokens;
}

std::optional<std::uint32_t> longest_prompt(const RulesSpec& spec) {
  const auto* whole = std::get_if<TrtllmSpec>(&spec);
  if (whole == nullptr || whole->enable_chunked_prefill) return std::nullopt;
  return whole->max_num_tokens;
}

std::unique_ptr<BatchRules> make_rules(const RulesSpec& spec) {
  return std::visit([](const auto& kind) { return rules_of(kind); }, spec);
}

}  // namespace tokenyard::policy
