#include "sim/policy/rules.hpp"
#include "sim/serving/rank.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <set>
#include <vector>

// Any requests under the rules that are not vLLM's: the books of a rank hold after every call, and all come to their
// end.

using namespace tokenyard;
using policy::SequenceId;
using serving::SequenceState;

namespace {

constexpr std::uint32_t kBlockTokens = 4;

std::uint32_t in(std::uint32_t low, std::uint32_t high) { return *rc::gen::inRange(low, high + 1); }

struct Case {
  policy::RulesSpec rules;
  std::uint32_t depth = 1;
  std::uint32_t blocks = 0;
  bool caching = false;
  struct Call {
    std::uint32_t prompt;
    std::uint32_t output;
    std::uint32_t most;                ///< output that the call allows
    std::uint32_t at;                  ///< calls before it is enqueued
    std::uint32_t gone;                ///< calls before its user gives up, if it is still here; 0 = never
    std::vector<std::uint64_t> ids{};  ///< of the prompt's blocks
  };
  std::vector<Call> calls;
};

/// Beginnings of few texts, so that many prompts share some.
std::vector<std::uint64_t> any_ids(std::uint32_t prompt) {
  std::vector<std::uint64_t> ids;
  std::uint64_t chain = 1;
  for (std::uint32_t i = 0; i < (prompt + kBlockTokens - 1) / kBlockTokens; ++i) {
    ids.push_back(chain = chain * 131 + (in(0, 3) == 0 ? 1U : 2U));
  }
  return ids;
}

Case any_case(bool sglang, bool caching) {
  Case c;
  c.caching = caching;
  if (sglang) {
    c.rules = policy::SglangSpec{.max_running_requests = in(1, 8),
                                 .chunked_prefill_size = in(4, 40),
                                 .max_prefill_tokens = in(8, 60),
                                 .schedule_conservativeness = in(1, 20) * 0.1,
                                 .enable_mixed_chunk = in(0, 1) == 1,
                                 .scheduler_recv_interval = in(0, 1) == 1 ? in(2, 12) : 1};
  } else {
    const bool chunks = in(0, 1) == 1;
    c.rules =
        policy::TrtllmSpec{.max_batch_size = in(1, 8),
                           .max_num_tokens = chunks ? in(5, 40) : in(24, 48),
                           .capacity_scheduler_policy = in(0, 1) == 1 ? policy::CapacityPolicy::MaxUtilization
                                                                      : policy::CapacityPolicy::GuaranteedNoEvict,
                           .enable_chunked_prefill = chunks,
                           .context_chunking_policy = in(0, 1) == 1 ? policy::ChunkingPolicy::EqualProgress
                                                                    : policy::ChunkingPolicy::FirstComeFirstServed,
                           .batch_wait_timeout_iters = in(0, 3),
                           .batch_wait_max_tokens_ratio = in(0, 10) * 0.1};
  }
  c.depth = in(1, 2);
  c.blocks = in(12, 40);  // 24 + 15 tokens, a page and two more fit into 12
  const std::uint32_t count = in(1, 25);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t output = in(1, 16);
    const std::uint32_t at = in(0, 40);
    c.calls.push_back({.prompt = in(1, 24),
                       .output = output,
                       .most = output + in(0, 40),
                       .at = at,
                       .gone = in(0, 3) > 0 ? 0 : at + in(1, 20)});
    if (caching && in(0, 4) > 0) c.calls.back().ids = any_ids(c.calls.back().prompt);
  }
  return c;
}

class Auditor {
 public:
  explicit Auditor(const Case& c)
      : case_(c),
        rank_(table_, policy::make_rules(c.rules), c.blocks, {.tokens = kBlockTokens}, false,
              c.caching ? std::optional<kv::PrefixCacheSpec>{kv::PrefixCacheSpec{}} : std::nullopt),
        ids_(c.calls.size()) {}

  void play() {
    for (std::uint32_t call = 0; ended_ < ids_.size(); ++call) {
      RC_ASSERT(call < 20'000U);
      for (std::size_t i = 0; i < ids_.size(); ++i) {
        const Case::Call& of = case_.calls[i];
        if (of.at != call) continue;
        ids_[i] = table_.add({.id = RequestId{static_cast<std::uint32_t>(i)},
                              .arrival = {},
                              .prompt_tokens = of.prompt,
                              .slo_class = {},
                              .prefix = {.block_tokens = kBlockTokens, .ids = of.ids},
                              .max_output_tokens = of.most},
                             {.output_tokens = of.output});
        rank_.enqueue(ids_[i]);
        here_.push_back(i);
      }
      give_up(call);
      compose_once(call);
    }
    RC_ASSERT(rank_.free_blocks() == case_.blocks);
    RC_ASSERT(rank_.running() == 0U);
    RC_ASSERT(rank_.waiting() == 0U);
    RC_ASSERT(rank_.outstanding_tokens() == 0U);
  }

 private:
  void give_up(std::uint32_t call) {
    for (const std::size_t i : std::vector<std::size_t>(here_)) {
      if (case_.calls[i].gone != call || call == 0) continue;
      rank_.cancel(ids_[i]);
      std::erase(here_, i);
      ++ended_;
      check_books();
    }
  }

  void compose_once(std::uint32_t call) {
    std::vector<std::uint32_t> before(ids_.size());
    for (const std::size_t i : here_) before[i] = rank_.computed_of(ids_[i]);
    const std::uint32_t ended = rank_.ended();
    serving::RankStep& step = steps_[call % 2];
    rank_.compose(step);

    std::uint32_t tokens = 0;
    for (const std::size_t i : here_) {
      const std::uint32_t after = rank_.computed_of(ids_[i]);
      RC_ASSERT(after >= before[i] || after == 0U);  // whoever is taken back has computed nothing
      if (after > before[i]) tokens += after - before[i] - (before[i] == 0 ? table_[ids_[i]].hit : 0);
    }
    RC_ASSERT(rank_.news().preempted.empty() || rank_.news().admitted.empty());
    if (const auto* spec = std::get_if<policy::TrtllmSpec>(&case_.rules)) {
      RC_ASSERT(spec->capacity_scheduler_policy == policy::CapacityPolicy::MaxUtilization ||
                rank_.news().preempted.empty());  // guaranteed no eviction
      RC_ASSERT(rank_.running() <= spec->max_batch_size + ended);
      RC_ASSERT(step.shape.tokens() == tokens);
    } else {
      const auto& sglang = std::get<policy::SglangSpec>(case_.rules);
      RC_ASSERT(rank_.running() <= sglang.max_running_requests);
      RC_ASSERT(step.shape.tokens() >= tokens);
      RC_ASSERT(step.shape.tokens() <= tokens + ended);  // those that ended compute once more at most
      if (!sglang.enable_mixed_chunk) RC_ASSERT(rank_.partials().size() <= 1U);
    }
    RC_ASSERT(step.shape.tokens() <= policy::max_step_tokens(case_.rules));
    rank_.clear_news();
    check_books();
    serving::RankStep& done = case_.depth == 1 ? step : steps_[(call + 1) % 2];
    if (!done.live) return;
    rank_.complete(done);
    for (const SequenceId id : done.closing) {
      std::erase(here_, static_cast<std::size_t>(table_[id].request.id.index()));
      ++ended_;
    }
    check_books();
  }

  /// No block is lost or owned twice, and the sums over decodes are those of the decodes.
  void check_books() const {
    std::uint32_t owned = 0;
    std::set<std::uint32_t> shared;
    std::uint32_t decoding = 0;
    std::uint64_t context = 0;
    std::uint32_t crossing = 0;
    std::uint64_t unfilled = 0;
    for (const std::size_t i : here_) {
      const SequenceId id = ids_[i];
      owned += rank_.blocks_of(id) - static_cast<std::uint32_t>(table_[id].held.size());
      shared.insert(table_[id].held.begin(), table_[id].held.end());
      RC_ASSERT(rank_.blocks_of(id) * kBlockTokens >= rank_.computed_of(id));
      unfilled += rank_.blocks_of(id) * kBlockTokens - rank_.computed_of(id);
      RC_ASSERT(rank_.handed_out(id) <= case_.calls[i].output);
      if (table_[id].state != SequenceState::Decoding) continue;
      ++decoding;
      context += rank_.computed_of(id);
      crossing += rank_.blocks_needed(id, 1);
    }
    RC_ASSERT(rank_.free_blocks() + owned + shared.size() == case_.blocks);
    RC_ASSERT(rank_.unfilled_tokens() == unfilled);
    RC_ASSERT(decoding == rank_.decoding());
    RC_ASSERT(context == rank_.context());
    RC_ASSERT(crossing == rank_.blocks_to_decode());
  }

  const Case& case_;
  serving::SequenceTable table_;
  serving::Rank rank_;
  std::vector<SequenceId> ids_;
  std::vector<std::size_t> here_;
  std::array<serving::RankStep, 2> steps_;
  std::size_t ended_ = 0;
};

/// The same cases every time; whoever wants others sets RC_PARAMS.
void any_requests_keep_the_books(bool sglang, bool caching) {
  setenv("RC_PARAMS", "seed=9 max_success=400", 0);
  CHECK(rc::check([=] {
    const Case c = any_case(sglang, caching);
    Auditor(c).play();
  }));
}

}  // namespace

TEST_CASE("rank: any requests under SGLang's rules keep the books and end") {
  any_requests_keep_the_books(true, false);
}

TEST_CASE("rank: any requests under SGLang's rules with a radix cache keep the books and end") {
  any_requests_keep_the_books(true, true);
}

TEST_CASE("rank: any requests under TensorRT-LLM's rules keep the books and end") {
  any_requests_keep_the_books(false, false);
}

TEST_CASE("rank: any requests under TensorRT-LLM's rules with block reuse keep the books and end") {
  any_requests_keep_the_books(false, true);
}
