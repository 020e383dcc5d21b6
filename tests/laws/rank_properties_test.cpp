#include "sim/policy/vllm_rules.hpp"
#include "sim/serving/rank.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

using namespace tokenyard;
using policy::SequenceId;
using serving::SequenceState;

namespace {

/// One random case: a scheduler and what is sent to it.
struct Case {
  policy::VllmSpec rules;
  std::uint32_t blocks = 0;
  std::uint32_t depth = 1;
  bool hand_off = false;
  bool caching = false;
  kv::BlockLayout layout{.tokens = 4};
  struct Call {
    std::uint32_t prompt;
    std::uint32_t output;
    std::uint32_t at;  ///< number of composes before it is enqueued
    std::int32_t priority;
    std::uint32_t fetch;               ///< composes until its KV has come; 0 = local
    std::vector<std::uint64_t> ids{};  ///< of the prompt's blocks
  };
  std::vector<Call> calls;
};

constexpr std::uint32_t kBlockTokens = 4;

std::uint32_t in(std::uint32_t low, std::uint32_t high) { return *rc::gen::inRange(low, high + 1); }

/// Beginnings of few texts, so that many prompts share some.
std::vector<std::uint64_t> any_ids(std::uint32_t prompt) {
  std::vector<std::uint64_t> ids;
  std::uint64_t chain = 1;
  for (std::uint32_t i = 0; i < (prompt + kBlockTokens - 1) / kBlockTokens; ++i) {
    ids.push_back(chain = chain * 131 + (in(0, 3) == 0 ? 1U : 2U));
  }
  return ids;
}

enum class Layers : std::uint8_t { Alike, WithWindows };

Case any_case(bool hand_off, bool caching = false, Layers layers = Layers::Alike) {
  Case c;
  c.hand_off = hand_off;
  c.caching = caching;
  c.rules.max_num_seqs = in(1, 8);
  c.rules.max_num_batched_tokens = c.rules.max_num_seqs + in(0, 24);
  c.rules.long_prefill_token_threshold = in(0, 1) == 0 ? 0 : in(1, 9);
  c.rules.reserve_full_prompt = in(0, 1) == 1;
  c.rules.watermark = in(0, 1) == 1 ? 0.0 : 0.2;
  c.rules.order = in(0, 1) == 1 ? policy::QueueOrder::Priority : policy::QueueOrder::FirstCome;
  c.depth = in(1, 2);
  c.blocks = in(10, 40);
  if (layers == Layers::WithWindows) {
    c.layout = {.tokens = kBlockTokens, .full = in(0, 2), .windowed = in(1, 2), .window = in(1, 20)};
    // Any request still fits alone: 10 blocks of each group, and a fifth that admission keeps free.
    c.blocks = c.blocks * c.layout.groups();
  }
  const std::uint32_t count = in(1, 25);
  for (std::uint32_t i = 0; i < count; ++i) {
    c.calls.push_back(
        {.prompt = in(1, 24),
         .output = in(1, 16),
         .at = in(0, 40),
         .priority = c.rules.order == policy::QueueOrder::Priority ? static_cast<std::int32_t>(in(0, 3)) : 0,
         .fetch = hand_off || layers == Layers::WithWindows || in(0, 3) > 0 ? 0 : in(1, 6)});
    if (caching && in(0, 4) > 0) c.calls.back().ids = any_ids(c.calls.back().prompt);
  }
  return c;
}

/// Plays a case with books of its own: who computed what in which step, told by computed_of() alone.
class Auditor {
 public:
  explicit Auditor(const Case& c)
      : case_(c),
        rank_(table_, policy::make_vllm_rules(c.rules), c.blocks, c.layout, c.hand_off,
              c.caching ? std::optional<kv::PrefixCacheSpec>{kv::PrefixCacheSpec{}} : std::nullopt),
        ids_(c.calls.size()),
        books_(c.calls.size()) {}

  void play() {
    // Far more calls than any case needs: every request computes its tokens at most once per preemption.
    for (std::uint32_t call = 0; ended_ < case_.calls.size(); ++call) {
      RC_ASSERT(call < 20'000U);
      outside(call);
      compose_once(call);
      check_books();
    }
    RC_ASSERT(rank_.free_blocks() == case_.blocks);
    RC_ASSERT(rank_.running() == 0U);
    RC_ASSERT(rank_.waiting() == 0U);
    RC_ASSERT(rank_.outstanding_tokens() == 0U);
    for (std::size_t i = 0; i < books_.size(); ++i) {
      RC_ASSERT(books_[i].given == (case_.hand_off ? 1U : case_.calls[i].output));
    }
  }

  /// Tokens that admissions found in the cache.
  [[nodiscard]] std::uint64_t found() const { return found_; }

 private:
  struct Book {
    bool here = false;
    bool ended = false;
    bool pinned = false;
    std::uint32_t given = 0;       ///< tokens handed out
    std::uint32_t fetched_at = 0;  ///< 0 = no fetch in progress
    std::uint32_t unpinned_at = 0;
  };
  struct Flight {
    serving::RankStep step;
    /// Sequences that get a token at its end, with their count of preemptions: a later one drops the token.
    std::vector<std::pair<std::size_t, std::uint32_t>> tokens;
  };

  void outside(std::uint32_t call) {
    for (std::size_t i = 0; i < books_.size(); ++i) {
      const Case::Call& of = case_.calls[i];
      Book& book = books_[i];
      if (!book.here && of.at <= call) {
        ids_[i] = table_.add({.id = RequestId{static_cast<std::uint32_t>(i)},
                              .arrival = {},
                              .prompt_tokens = of.prompt,
                              .slo_class = {},
                              .prefix = {.block_tokens = kBlockTokens, .ids = of.ids}},
                             {.output_tokens = of.output});
        table_[ids_[i]].priority = of.priority;
        table_[ids_[i]].from_remote = of.fetch > 0;
        rank_.enqueue(ids_[i]);
        book.here = true;
      }
      if (book.fetched_at > 0 && book.fetched_at <= call) {
        book.fetched_at = 0;
        rank_.loaded(ids_[i]);
      }
      if (book.pinned && book.unpinned_at <= call) {
        book.pinned = false;
        rank_.release(ids_[i]);
      }
    }
  }

  void compose_once(std::uint32_t call) {
    std::vector<std::uint32_t> before(books_.size());
    std::vector<std::uint32_t> preempted_before(books_.size());
    for (std::size_t i = 0; i < books_.size(); ++i) {
      if (!books_[i].here) continue;
      before[i] = rank_.computed_of(ids_[i]);
      preempted_before[i] = table_[ids_[i]].preemptions;
    }
    Flight& flight = flights_[call % 2];
    flight.tokens.clear();
    const bool computes = rank_.compose(flight.step);
    RC_ASSERT(computes == flight.step.live);

    std::uint32_t tokens = 0;
    for (std::size_t i = 0; i < books_.size(); ++i) {
      if (!books_[i].here || books_[i].ended) continue;
      const serving::Sequence& sequence = table_[ids_[i]];
      if (sequence.preemptions > preempted_before[i]) {
        RC_ASSERT(rank_.computed_of(ids_[i]) == 0U);  // and nothing is admitted in a step that preempted
        continue;
      }
      std::uint32_t chunk = rank_.computed_of(ids_[i]) - before[i];
      if (chunk > 0 && before[i] == 0) {
        RC_ASSERT(case_.caching || sequence.hit == 0U);
        RC_ASSERT(sequence.hit % kBlockTokens == 0U);
        RC_ASSERT(sequence.hit < sequence.target);  // one token at least is computed
        chunk -= sequence.hit;
        found_ += sequence.hit;
      }
      tokens += chunk;
      if (chunk > 0 && rank_.computed_of(ids_[i]) >= sequence.target)
        flight.tokens.emplace_back(i, sequence.preemptions);
    }
    for (const SequenceId id : rank_.news().fetches) {
      const auto i = static_cast<std::size_t>(table_[id].request.id.index());
      books_[i].fetched_at = call + case_.calls[i].fetch;
    }
    RC_ASSERT(rank_.news().preempted.empty() || rank_.news().admitted.empty());
    rank_.clear_news();
    RC_ASSERT(tokens == flight.step.shape.tokens());
    RC_ASSERT(tokens <= case_.rules.max_num_batched_tokens);
    RC_ASSERT(rank_.running() <= case_.rules.max_num_seqs);
    check_books();

    Flight& done = case_.depth == 1 ? flight : flights_[(call + 1) % 2];
    if (done.step.live) complete(done, call);
  }

  void complete(Flight& flight, std::uint32_t call) {
    std::uint32_t decodes = 0;
    for (const auto& [i, preemptions] : flight.tokens) {
      if (table_[ids_[i]].preemptions != preemptions) continue;  // preempted while in flight: to be made again
      ++books_[i].given;
      ++decodes;
    }
    RC_ASSERT(flight.step.decode_tokens + flight.step.prompts_done.size() == decodes);
    rank_.complete(flight.step);
    for (const SequenceId id : flight.step.closing) {
      const auto i = static_cast<std::size_t>(table_[id].request.id.index());
      books_[i].ended = true;
      ++ended_;
      if (case_.hand_off) {
        books_[i].pinned = true;
        books_[i].unpinned_at = call + 3;
      }
    }
    if (case_.hand_off && ended_ == books_.size()) {
      for (std::size_t i = 0; i < books_.size(); ++i) {
        if (books_[i].pinned) rank_.release(ids_[i]);
      }
    }
  }

  void check_books() const {
    std::uint32_t owned = 0;
    std::uint64_t unfilled = 0;
    std::uint32_t holders = 0;
    bool fetching = false;          // then blocks wait for KV that is on its way
    std::set<std::uint32_t> named;  // with a cache: several may use the same block
    const auto own = [&](std::uint32_t blocks, const std::vector<std::uint32_t>& held) {
      owned += blocks - static_cast<std::uint32_t>(held.size());
      for (const std::uint32_t block : held) owned += named.insert(block).second ? 1U : 0U;
    };
    for (std::size_t i = 0; i < books_.size(); ++i) {
      const Book& book = books_[i];
      if (!book.here) continue;
      if (book.ended) {
        if (table_[ids_[i]].pinned_blocks == 0) continue;
        own(table_[ids_[i]].pinned_blocks, table_[ids_[i]].pinned_held);
        unfilled += table_[ids_[i]].pinned_blocks * kBlockTokens - case_.calls[i].prompt;
        ++holders;
        continue;
      }
      const std::uint32_t computed = rank_.computed_of(ids_[i]);
      const auto [seen, left] = seen_of(computed);
      unfilled += rank_.blocks_of(ids_[i]) * kBlockTokens + left - case_.layout.groups() * computed;
      holders += rank_.blocks_of(ids_[i]) > 0 ? case_.layout.groups() : 0U;
      std::vector<std::uint32_t> held = table_[ids_[i]].held;
      held.insert(held.end(), table_[ids_[i]].window_held.begin(), table_[ids_[i]].window_held.end());
      own(rank_.blocks_of(ids_[i]), held);
      const SequenceState state = table_[ids_[i]].state;
      fetching = fetching || state == SequenceState::Loading || state == SequenceState::Loaded;
      if (state != SequenceState::Loading && state != SequenceState::Loaded) {
        RC_ASSERT(rank_.blocks_of(ids_[i]) == seen);
      }
      if (!case_.hand_off) RC_ASSERT(rank_.handed_out(ids_[i]) == book.given);
    }
    // What windows passed in the last step, which still reads it, is nobody's and not free yet: with full blocks only.
    RC_ASSERT(rank_.free_blocks() + owned <= case_.blocks);
    RC_ASSERT(case_.layout.windowed > 0 || rank_.free_blocks() + owned == case_.blocks);
    RC_ASSERT(rank_.unfilled_tokens() == unfilled);
    RC_ASSERT(fetching || unfilled <= holders * (kBlockTokens - 1U));  // less than a block each

    // The sums that make a step cost the same whatever the batch, against the batch itself.
    const std::vector<SequenceId> order = rank_.running_order();
    std::uint32_t decoding = 0;
    std::uint64_t context = 0;
    std::uint32_t crossing = 0;
    for (const SequenceId id : order) {
      if (table_[id].state != SequenceState::Decoding) continue;
      ++decoding;
      context += rank_.computed_of(id);
      crossing += rank_.blocks_needed(id, 1);
    }
    RC_ASSERT(order.size() == rank_.running());
    RC_ASSERT(decoding == rank_.decoding());
    RC_ASSERT(context == rank_.context());
    RC_ASSERT(crossing == rank_.blocks_to_decode());
  }

  /// Blocks that hold a token which some layer will see of a sequence with so many in the cache, and the tokens of all
  /// groups that have been given back: counted block by block.
  [[nodiscard]] std::pair<std::uint32_t, std::uint64_t> seen_of(std::uint32_t computed) const {
    std::uint32_t seen = 0;
    std::uint64_t left = 0;
    for (std::uint32_t begin = 0; begin < computed; begin += kBlockTokens) {
      seen += case_.layout.full;
      // The next token, at place `computed`, sees the `window` - 1 before itself.
      const bool in_sight = begin + kBlockTokens + case_.layout.window > computed + 1;
      seen += in_sight ? case_.layout.windowed : 0;
      left += in_sight ? 0U : std::uint64_t{case_.layout.windowed} * kBlockTokens;
    }
    return {seen, left};
  }

  const Case& case_;
  serving::SequenceTable table_;
  serving::Rank rank_;
  std::vector<SequenceId> ids_;
  std::vector<Book> books_;
  std::array<Flight, 2> flights_;
  std::size_t ended_ = 0;
  std::uint64_t found_ = 0;
};

/// The same cases every time; whoever wants others sets RC_PARAMS.
void choose_cases(const char* parameters) { setenv("RC_PARAMS", parameters, 0); }

}  // namespace

TEST_CASE("rank: blocks are conserved and budgets and slots kept and every request gets its tokens whatever comes") {
  // Any request fits alone: 24 + 16 - 1 tokens are 10 blocks of 4. With a watermark of 0.2 that still holds, since
  // nothing is kept free while nothing runs.
  choose_cases("seed=7 max_success=400");
  CHECK(rc::check("mixed and fetched requests", [] {
    const Case c = any_case(false);
    Auditor{c}.play();
  }));
}

TEST_CASE("rank: the same holds on a prefill side whose blocks stay pinned for a while") {
  choose_cases("seed=8 max_success=200");
  CHECK(rc::check("prefill side", [] {
    const Case c = any_case(true);
    Auditor{c}.play();
  }));
}

TEST_CASE("rank: blocks that no window sees any more are free in the next step and none before") {
  choose_cases("seed=10 max_success=600");
  std::uint64_t found = 0;
  CHECK(rc::check("layers with windows", [&found] {
    const Case c = any_case(false, in(0, 1) == 1, Layers::WithWindows);
    Auditor auditor{c};
    auditor.play();
    found += auditor.found();
  }));
  CHECK(found > 2'000);
}

TEST_CASE("rank: with a prefix cache every block in use is counted once however many use it") {
  choose_cases("seed=9 max_success=400");
  std::uint64_t found = 0;
  CHECK(rc::check("shared beginnings", [&found] {
    const Case c = any_case(in(0, 2) == 0, true);
    Auditor auditor{c};
    auditor.play();
    found += auditor.found();
  }));
  CHECK(found > 5'000);  // the cases do share
}
