#pragma once

#include "models/base/ids.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace tokenyard::policy {

/// A request in the hands of one scheduler.
using SequenceId = Id<struct SequenceTag>;

/// Tokens by which Candidate::beginning tells prompts apart.
inline constexpr std::uint32_t kBeginning = 32;

/// The request that is next to be admitted.
struct Candidate {
  std::uint32_t tokens = 0;       ///< to compute before it generates: prompt, plus what it had produced when preempted
  std::uint32_t cached = 0;       ///< of these, already in the cache
  std::uint32_t cached_idle = 0;  ///< blocks of the cached ones that nobody uses: free until it starts
  std::uint32_t from_tiers = 0;   ///< besides: those that its first step brings from tiers; they take blocks
  bool from_remote = false;       ///< its KV, or a part of it, is to be fetched first, from another instance or a tier
  bool loaded = false;            ///< that has arrived: it has blocks for all its tokens, of which `cached` are there
  std::int32_t priority = 0;      ///< lower is more urgent
  /// Most output tokens that its call still allows (max_tokens less those given); 1 where it is handed off after that.
  std::uint32_t may_produce = 1;
  /// Name of its first full block that is not in the cache and that others may know; absent without a cache.
  std::optional<std::uint64_t> next_block{};
  /// Name of its first kBeginning tokens, rounded up to whole blocks; absent where it has fewer that others may know.
  std::optional<std::uint64_t> beginning{};
  std::uint64_t came = 0;  ///< steps() when it joined the queue for the first time
};

/// A request whose prompt is not complete.
struct Partial {
  SequenceId id;
  std::uint32_t computed = 0;
  std::uint32_t remaining = 0;
};

/// How far a running request is.
struct Progress {
  std::uint32_t prompt = 0;       ///< tokens of its prompt, as it came
  std::uint32_t given = 0;        ///< output tokens it has been given, those in flight not counted
  std::uint32_t may_produce = 0;  ///< most output tokens that its call still allows
  std::uint32_t blocks = 0;       ///< that it holds
};

/// When the blocks of a request can be found by others, in an engine with a prefix cache.
enum class Sharing : std::uint8_t {
  AtOnce,  ///< when the step that computes them is composed: by later requests of the same step too; vLLM
  Tree,    ///< prompts when their chunk has run, answers at the end; of equal blocks one is kept; SGLang's radix tree
  Reuse,   ///< prompts when their chunk has run; of a prompt that is there in full one token is computed; TensorRT-LLM
};

/// What a scheduler sees and may do while it composes one step. Every deed takes effect at once.
/// Implemented by serving::Rank; rules hold no state of their own about single sequences.
class Desk {
 public:
  virtual ~Desk() = default;

  // ---- what it sees ----
  [[nodiscard]] virtual std::uint32_t running()
      const = 0;  ///< slots taken, requests whose last token is in flight included
  [[nodiscard]] virtual std::uint32_t decoding() const = 0;  ///< requests that can compute one more token now
  [[nodiscard]] virtual std::uint32_t decode_width() const {
    return 1;
  }  ///< tokens of a decode: its own and its drafts
  [[nodiscard]] virtual std::uint32_t lookahead() const {
    return 0;
  }  ///< tokens beyond those computed that have places
  [[nodiscard]] virtual std::uint32_t block_tokens() const = 0;
  /// Blocks that each `block_tokens()` tokens take: one for each group of layers, more than one only of models with
  /// sliding windows (kv::BlockLayout).
  [[nodiscard]] virtual std::uint32_t block_groups() const { return 1; }
  /// New blocks that a prompt of so many tokens has at most at once in steps of at most `step` of them, when its first
  /// `there` blocks (of each group) are there.
  [[nodiscard]] virtual std::uint32_t blocks_lacked(std::uint32_t there, std::uint32_t tokens,
                                                    std::uint32_t /*step*/) const {
    return (tokens + block_tokens() - 1) / block_tokens() - there;
  }
  [[nodiscard]] virtual std::uint32_t free_blocks() const = 0;
  [[nodiscard]] virtual std::uint32_t total_blocks() const = 0;
  [[nodiscard]] virtual std::uint32_t blocks_to_decode() const = 0;     ///< new blocks if all that can decode do
  [[nodiscard]] virtual std::span<const Partial> partials() const = 0;  ///< in order of admission
  [[nodiscard]] virtual bool is_last(SequenceId id) const = 0;          ///< the most recently admitted one
  /// Head of the queue: loaded requests first, then first come (or by priority), or nothing.
  [[nodiscard]] virtual std::optional<Candidate> candidate() const = 0;
  /// Blocks that prompts in progress will still take until they are complete.
  [[nodiscard]] virtual std::uint32_t blocks_promised() const = 0;

  /// Requests whose last token is in flight and will be handed out before the step being composed has run.
  [[nodiscard]] virtual std::uint32_t ended() const = 0;
  [[nodiscard]] virtual std::uint32_t blocks_for_ended() const = 0;  ///< new blocks if these computed one token more
  /// compose() gave false the last time, and nothing has ended, left or freed blocks since.
  [[nodiscard]] virtual bool blocked() const = 0;
  /// There was an instant since the last compose at which it had no request at all.
  [[nodiscard]] virtual bool idled() const = 0;
  /// Steps so far that computed something. Those that compose() was not asked for were nothing but decodes.
  [[nodiscard]] virtual std::uint64_t steps() const = 0;
  /// Requests that hold blocks for KV from another instance, on its way or here, and do not run yet; in order of
  /// load().
  [[nodiscard]] virtual std::span<const SequenceId> arriving() const = 0;
  /// The request `place` places behind the head of the queue, the head at 0; loaded ones first, as candidate().
  [[nodiscard]] virtual std::optional<Candidate> candidate_at(std::size_t place) const = 0;

  // ---- for the slow path: one by one ----
  /// Of a prompt in progress: as Candidate::next_block. Nothing in engines that share at once.
  [[nodiscard]] virtual std::optional<std::uint64_t> next_block(SequenceId id) const = 0;
  [[nodiscard]] virtual Progress progress(SequenceId id) const = 0;         ///< of a running or arriving request
  [[nodiscard]] virtual std::vector<SequenceId> running_order() const = 0;  ///< in order of admission
  /// Tokens it could compute now: decode_width() when decoding, the rest of the prompt, or 0 when its last token is in
  /// flight.
  [[nodiscard]] virtual std::uint32_t wanted(SequenceId id) const = 0;
  [[nodiscard]] virtual std::uint32_t blocks_needed(SequenceId id, std::uint32_t tokens) const = 0;
  /// (priority, order of arrival): the larger, the sooner it is preempted under priority scheduling.
  [[nodiscard]] virtual std::pair<std::int32_t, std::uint64_t> urgency(SequenceId id) const = 0;

  // ---- what it does ----
  virtual void decode_all() = 0;                                  ///< REQUIRES: blocks_to_decode() <= free_blocks()
  virtual void decode(std::span<const SequenceId> chosen) = 0;    ///< the others that could decode pause for this step
  virtual void compute(SequenceId id, std::uint32_t tokens) = 0;  ///< a further chunk of a partial prompt
  virtual void admit(std::uint32_t tokens) = 0;                   ///< candidate() starts running with its first chunk
  virtual void load() = 0;  ///< candidate() gets blocks for all its tokens and is fetched
  /// candidate(), fetched with its first token, starts running: it decodes from this step on, or has ended.
  /// REQUIRES: takes_first_token(); before decode_all() and decode() of this step, which leave it out of no step.
  virtual void take_over() = 0;
  virtual void preempt(SequenceId id) = 0;            ///< loses all blocks, back to the head of the queue
  virtual void retract(SequenceId id) = 0;            ///< the same, but to the tail of the queue
  virtual void bring_forward(std::size_t place) = 0;  ///< candidate_at(place) becomes candidate()
  /// candidate() takes the blocks for its first `tokens` tokens at once, before it is admitted with fewer.
  virtual void reserve(std::uint32_t tokens) = 0;
  /// Those of ended() compute a token more, which nobody gets. REQUIRES: before decode_all() and decode() of this step.
  virtual void decode_ended() = 0;
};

/// How an engine forms steps. Each scheduler has its own: rules may remember things from step to step, but nothing
/// that follows from what the desk shows.
class BatchRules {
 public:
  virtual ~BatchRules() = default;
  /// Composes one step; deeds may be none. Gives false when a candidate is left that could only start after something
  /// ends, leaves or frees blocks: until then composing anew with the same decodes would change nothing.
  virtual bool compose(Desk& desk) = 0;
  /// Whether the next compose() would compute prompt tokens, as the desk stands. Only of rules that can hold them.
  [[nodiscard]] virtual bool starts_prompts(const Desk&) const { return false; }
  /// From now on compose() computes no prompt tokens (other attention ranks have none, RankBalance), or does again.
  virtual void hold_prompts(bool /*held*/) {}
  /// Whether the end of a request is seen a step late, so that it takes part in a step after that of its last token.
  [[nodiscard]] virtual bool sees_ends_late() const { return false; }
  [[nodiscard]] virtual Sharing sharing() const { return Sharing::AtOnce; }
  /// Whether a request with drafts has places for as many tokens beyond those of its step, prompts included.
  [[nodiscard]] virtual bool keeps_places_ahead() const { return false; }
  /// Whether fetched KV brings the first token along, which the prefill side has made; else the last prompt token is
  /// computed again and gives it.
  [[nodiscard]] virtual bool takes_first_token() const { return false; }
};

}  // namespace tokenyard::policy
