#include "sim/policy/vllm_rules.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <vector>

namespace tokenyard::policy {
namespace {

std::uint32_t blocks_for(std::uint32_t tokens, std::uint32_t block_tokens) {
  return (tokens + block_tokens - 1) / block_tokens;
}

class VllmRules final : public BatchRules {
 public:
  explicit VllmRules(const VllmSpec& spec) : spec_(spec) {}

  bool compose(Desk& desk) override {
    std::uint32_t budget = spec_.max_num_batched_tokens;
    const bool preempted = serve_running(desk, budget);
    if (preempted) return true;  // what was preempted may come back as soon as the next step
    return admit_waiting(desk, budget);
  }

  [[nodiscard]] bool keeps_places_ahead() const override { return true; }

 private:
  [[nodiscard]] std::uint32_t chunk(std::uint32_t remaining, std::uint32_t budget) const {
    const std::uint32_t limit = spec_.long_prefill_token_threshold;
    return std::min({remaining, budget, limit == 0 ? remaining : limit});
  }

  /// Gives whether something was preempted.
  bool serve_running(Desk& desk, std::uint32_t& budget) const {
    const auto partials = desk.partials();
    // Without a limit per prompt, only the last admitted prompt can be incomplete: all decodes come before it.
    // Then, or when there is room for everybody, the order of service does not matter.
    const std::uint64_t decodes = std::uint64_t{desk.decoding()} * desk.decode_width();
    std::uint64_t demand = decodes;
    std::uint64_t blocks = desk.blocks_to_decode();
    std::vector<std::pair<SequenceId, std::uint32_t>> chunks;
    const bool decodes_first = partials.size() == 1 && desk.is_last(partials[0].id);
    for (const Partial& partial : partials) {
      const std::uint32_t room =
          decodes_first ? static_cast<std::uint32_t>(budget - std::min<std::uint64_t>(budget, decodes)) : budget;
      const std::uint32_t tokens = chunk(partial.remaining, room);
      demand += tokens;
      blocks += desk.blocks_needed(partial.id, tokens);
      if (tokens > 0) chunks.emplace_back(partial.id, tokens);
    }
    if (demand > budget || blocks > desk.free_blocks()) return serve_one_by_one(desk, budget);

    if (desk.decoding() > 0) desk.decode_all();
    for (const auto& [id, tokens] : chunks) desk.compute(id, tokens);
    budget -= static_cast<std::uint32_t>(demand);
    return false;
  }

  /// vLLM's loop to the letter, for steps in which tokens or blocks do not suffice for all.
  bool serve_one_by_one(Desk& desk, std::uint32_t& budget) const {
    struct Planned {
      SequenceId id;
      std::uint32_t tokens;
      std::uint32_t blocks;
      bool decode;
    };
    std::vector<SequenceId> order = desk.running_order();
    std::vector<Planned> plan;
    std::uint32_t reserved = 0;
    bool preempted = false;
    bool stopped = false;
    for (std::size_t i = 0; i < order.size() && budget > 0 && !stopped;) {
      const SequenceId id = order[i];
      const std::uint32_t wanted = desk.wanted(id);
      const bool decode = std::none_of(desk.partials().begin(), desk.partials().end(),
                                       [&](const Partial& partial) { return partial.id == id; });
      // A decode verifies all its drafts or waits.
      const std::uint32_t tokens = decode ? (wanted <= budget ? wanted : 0) : chunk(wanted, budget);
      if (tokens == 0) {
        ++i;
        continue;
      }
      const std::uint32_t need = desk.blocks_needed(id, tokens);
      while (need > desk.free_blocks() - reserved) {
        const std::size_t victim_at = choose_victim(desk, order);
        const SequenceId victim = order[victim_at];
        desk.preempt(victim);
        preempted = true;
        order.erase(order.begin() + static_cast<std::ptrdiff_t>(victim_at));
        if (victim == id) {
          stopped = true;
          break;
        }
        if (victim_at < i) --i;  // only under priority scheduling: it had been served already
        const auto served = std::find_if(plan.begin(), plan.end(), [&](const Planned& p) { return p.id == victim; });
        if (served != plan.end()) {
          budget += served->tokens;
          reserved -= served->blocks;
          plan.erase(served);
        }
      }
      if (stopped) break;
      plan.push_back({id, tokens, need, decode});
      reserved += need;
      budget -= tokens;
      ++i;
    }
    std::vector<SequenceId> decodes;
    for (const Planned& planned : plan) {
      if (planned.decode) decodes.push_back(planned.id);
    }
    if (desk.decoding() > 0) desk.decode(decodes);
    for (const Planned& planned : plan) {
      if (!planned.decode) desk.compute(planned.id, planned.tokens);
    }
    return preempted;
  }

  [[nodiscard]] std::size_t choose_victim(const Desk& desk, const std::vector<SequenceId>& order) const {
    if (spec_.order == QueueOrder::FirstCome) return order.size() - 1;
    const auto worst = std::max_element(order.begin(), order.end(),
                                        [&](SequenceId a, SequenceId b) { return desk.urgency(a) < desk.urgency(b); });
    return static_cast<std::size_t>(worst - order.begin());
  }

  /// Gives false when the head of the queue waits for slots or blocks.
  bool admit_waiting(Desk& desk, std::uint32_t budget) const {
    while (budget > 0) {
      const auto head = desk.candidate();
      if (!head) return true;
      const std::uint32_t block = desk.block_tokens();
      const std::uint32_t free = desk.free_blocks();
      if (desk.running() >= spec_.max_num_seqs) return false;
      if (head->from_remote && !head->loaded) {
        // A fetch takes no slot and no budget, but it must leave room for what is already promised.
        const std::uint32_t need = blocks_for(head->tokens + desk.lookahead(), block) - head->cached / block +
                                   head->cached_idle + reserve(desk);
        if (need > free || need > free - std::min(free, desk.blocks_promised())) return false;
        desk.load();
        continue;
      }
      if (head->loaded) {
        const std::uint32_t tokens = chunk(head->tokens - head->cached, budget);
        desk.admit(tokens);
        budget -= tokens;
        continue;
      }
      const std::uint32_t tokens = chunk(head->tokens - head->cached, budget);
      const std::uint32_t there = head->cached / block;
      std::uint32_t lacks = desk.block_groups() * (blocks_for(head->cached + tokens + desk.lookahead(), block) - there);
      if (spec_.reserve_full_prompt) {
        const std::uint32_t all = head->tokens + desk.lookahead();
        lacks = std::max(lacks, desk.blocks_lacked(there, all, spec_.max_num_batched_tokens));
      }
      if (lacks + head->cached_idle + reserve(desk) > free) return false;
      desk.admit(tokens);
      budget -= tokens;
    }
    // The budget is used up. With a slot free the next step may admit: its prompts are shorter by this step's chunks.
    return desk.running() < spec_.max_num_seqs || !desk.candidate().has_value();
  }

  /// Blocks that admission leaves free while others run.
  [[nodiscard]] std::uint32_t reserve(const Desk& desk) const {
    return desk.running() == 0 ? 0 : static_cast<std::uint32_t>(spec_.watermark * desk.total_blocks());
  }

  VllmSpec spec_;
};

}  // namespace

void validate(const VllmSpec& spec) {
  if (spec.max_num_seqs == 0) throw SpecError("max_num_seqs", "must be at least 1");
  if (spec.max_num_batched_tokens < spec.max_num_seqs) {
    throw SpecError("max_num_batched_tokens", "must be at least max_num_seqs (" + std::to_string(spec.max_num_seqs) +
                                                  "): every running request needs a token a step");
  }
  if (!(spec.watermark >= 0.0 && spec.watermark < 1.0)) throw SpecError("watermark", "must be from 0 to below 1");
}

std::unique_ptr<BatchRules> make_vllm_rules(const VllmSpec& spec) {
  validate(spec);
  return std::make_unique<VllmRules>(spec);
}

}  // namespace tokenyard::policy
