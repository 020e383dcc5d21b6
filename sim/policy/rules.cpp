#include "sim/policy/rules.hpp"

#include "sim/policy/vllm_rules.hpp"

namespace tokenyard::policy {
namespace {

std::uint32_t sequences_of(const VllmSpec& spec) { return spec.max_num_seqs; }
std::uint32_t tokens_of(const VllmSpec& spec) { return spec.max_num_batched_tokens; }
std::unique_ptr<BatchRules> rules_of(const VllmSpec& spec) { return make_vllm_rules(spec); }

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

std::unique_ptr<BatchRules> make_rules(const RulesSpec& spec) {
  return std::visit([](const auto& kind) { return rules_of(kind); }, spec);
}

}  // namespace tokenyard::policy
