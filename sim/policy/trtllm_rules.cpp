#include "sim/policy/trtllm_rules.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <vector>

namespace tokenyard::policy {
namespace {

/// A prompt that may hold blocks: in progress, or next in the queue.
struct Context {
  std::optional<SequenceId> id;  ///< absent: it stands in the queue, behind the ones before it in the list
  std::uint32_t tokens = 0;      ///< of its prompt and what it had produced when it was paused
  std::uint32_t remaining = 0;
  std::uint32_t chunk = 0;  ///< to compute in this step
};

class TrtllmRules final : public BatchRules {
 public:
  explicit TrtllmRules(const TrtllmSpec& spec) : spec_(spec) {}

  bool compose(Desk& desk) override {
    take_over(desk);
    const bool paused = spec_.capacity_scheduler_policy == CapacityPolicy::MaxUtilization && make_room(desk);
    bool refused = !paused && fetch(desk);
    const std::uint32_t decodes = fitting(desk);
    std::vector<Context> contexts = plan(desk, room_beside(desk, decodes), paused || refused, refused);
    if (held_ || waits(contexts, decodes * desk.decode_width())) {
      for (Context& context : contexts) context.chunk = 0;
    }
    const bool all = start(desk, contexts);
    if (decodes > 0) decode(desk, decodes);
    return paused || !all || !refused;
  }

  [[nodiscard]] Sharing sharing() const override { return Sharing::Reuse; }
  [[nodiscard]] bool takes_first_token() const override { return true; }
  [[nodiscard]] bool starts_prompts(const Desk& desk) const override {
    const bool pauses = spec_.capacity_scheduler_policy == CapacityPolicy::MaxUtilization &&
                        desk.blocks_to_decode() > desk.free_blocks();
    bool refused = false;
    const std::vector<Context> contexts = plan(desk, room_beside(desk, fitting(desk)), pauses, refused);
    return std::any_of(contexts.begin(), contexts.end(), [](const Context& context) { return context.chunk > 0; });
  }
  void hold_prompts(bool held) override { held_ = held; }

 private:
  /// Decodes that find the tokens of a step, drafts included, and what they leave to prompts.
  [[nodiscard]] std::uint32_t fitting(const Desk& desk) const {
    return std::min(desk.decoding(), spec_.max_num_tokens / desk.decode_width());
  }
  [[nodiscard]] std::uint32_t room_beside(const Desk& desk, std::uint32_t decodes) const {
    return spec_.max_num_tokens - decodes * desk.decode_width();
  }

  // ---------------------------------------------------------------- stage 1: who may hold blocks

  /// Pauses the last started until the others find a block for their next token. Gives whether any was.
  static bool make_room(Desk& desk) {
    if (desk.blocks_to_decode() <= desk.free_blocks()) return false;
    std::vector<SequenceId> order = desk.running_order();
    while (desk.blocks_to_decode() > desk.free_blocks()) {
      if (desk.wanted(order.back()) > 0) desk.preempt(order.back());  // else its last token is in flight
      order.pop_back();
    }
    return true;
  }

  /// Requests whose KV has come go on as decodes, with the token that came with it.
  void take_over(Desk& desk) const {
    for (auto next = desk.candidate(); next && next->loaded && next->from_remote; next = desk.candidate()) {
      if (desk.running() >= spec_.max_batch_size || desk.decoding() >= spec_.max_num_tokens) break;
      desk.take_over();
    }
  }

  /// Requests whose prompt another instance has computed get blocks for it, before any prompt of this one's own. Gives
  /// whether one finds no blocks or no place in the batch.
  bool fetch(Desk& desk) const {
    std::optional<std::int64_t> blocks;
    for (std::size_t place = 0;;) {
      const auto next = desk.candidate_at(place);
      if (!next) return false;
      if (next->loaded || !next->from_remote) {
        ++place;
        continue;
      }
      if (!blocks) blocks = available(desk);
      const std::int64_t need = needed(desk, *next);
      if (need > *blocks || desk.running() + desk.arriving().size() >= spec_.max_batch_size) return true;
      *blocks -= need;
      desk.bring_forward(place);
      desk.load();
    }
  }

  /// Blocks that a request takes, or has kept for it, when it starts.
  [[nodiscard]] std::int64_t needed(const Desk& desk, const Candidate& next) const {
    const bool evicts = spec_.capacity_scheduler_policy == CapacityPolicy::MaxUtilization;
    return to_end(desk, std::uint64_t{next.tokens} + (evicts ? 0 : next.may_produce));
  }

  /// Blocks that are neither taken nor promised to those that run or will when their KV is here.
  [[nodiscard]] std::int64_t available(const Desk& desk) const {
    std::int64_t blocks = desk.free_blocks();
    if (spec_.capacity_scheduler_policy == CapacityPolicy::MaxUtilization) return blocks - desk.blocks_to_decode();
    const auto promise = [&](SequenceId id) {
      const Progress progress = desk.progress(id);
      blocks -= to_end(desk, std::uint64_t{progress.prompt} + progress.given + progress.may_produce) -
                static_cast<std::int64_t>(progress.blocks);
    };
    for (const SequenceId id : desk.running_order()) {
      if (desk.wanted(id) > 0) promise(id);
    }
    for (const SequenceId id : desk.arriving()) promise(id);
    return blocks;
  }

  /// Blocks of a request of so many tokens, all of them, and of the drafts beside its last one; the engine cuts what a
  /// call may ask for to what the pool holds.
  static std::int64_t to_end(const Desk& desk, std::uint64_t all) {
    const std::uint64_t block = desk.block_tokens();
    const std::uint64_t tokens = all + desk.decode_width() - 1;
    return static_cast<std::int64_t>(std::min<std::uint64_t>((tokens + block - 1) / block, desk.total_blocks()));
  }

  /// Prompts in progress, then those of the queue that find blocks and a place in the batch, in order, with the part of
  /// `room` tokens that each gets. Ends where nothing further can get any; behind one that was `paused` nobody is
  /// looked at. `refused`: the next one finds no blocks or place.
  [[nodiscard]] std::vector<Context> plan(const Desk& desk, std::uint32_t room, bool paused, bool& refused) const {
    std::vector<Context> contexts;
    const std::uint32_t unit = desk.block_tokens();
    std::uint32_t left = room;
    bool more = true;
    std::vector<std::uint64_t> coming;  // first blocks that prompts of this list add to the cache
    for (const Partial& partial : desk.partials()) {
      if (const auto next = desk.next_block(partial.id)) coming.push_back(*next);
      contexts.push_back({partial.id, partial.computed + partial.remaining, partial.remaining});
      more = more && give(contexts.back(), left, unit);
    }
    more = more && !paused;
    std::int64_t blocks = more && desk.candidate() ? available(desk) : 0;
    std::size_t passed = 0;
    for (std::size_t place = 0; more; ++place) {
      const auto next = desk.candidate_at(place);
      if (!next) break;
      if (next->next_block && std::find(coming.begin(), coming.end(), *next->next_block) != coming.end()) {
        contexts.push_back({std::nullopt, next->tokens, 0});  // passed over: what it lacks is being computed
        ++passed;
        continue;
      }
      const std::int64_t need = needed(desk, *next);
      const std::size_t batch = desk.decoding() + desk.arriving().size() + contexts.size() - passed;
      if (next->loaded || next->from_remote || need > blocks || batch >= spec_.max_batch_size) {
        refused = true;
        break;
      }
      blocks -= need;
      if (next->next_block) coming.push_back(*next->next_block);
      contexts.push_back({std::nullopt, next->tokens, next->tokens - next->cached - next->from_tiers});
      more = give(contexts.back(), left, unit);
    }
    if (alike()) advance_alike(contexts, room, unit);
    return contexts;
  }

  // ---------------------------------------------------------------- stage 2: who computes

  [[nodiscard]] bool alike() const {
    return spec_.enable_chunked_prefill && spec_.context_chunking_policy == ChunkingPolicy::EqualProgress;
  }

  /// Gives a prompt its part of the tokens `left`, prompt by prompt; and whether others may get some too.
  [[nodiscard]] bool give(Context& context, std::uint32_t& left, std::uint32_t unit) const {
    if (alike()) return true;  // shared out when all are known
    if (context.remaining <= left) {
      context.chunk = context.remaining;
    } else if (spec_.enable_chunked_prefill) {
      context.chunk = left / unit * unit;
    } else if (context.remaining > spec_.max_num_tokens) {
      context.chunk = left;  // one that was paused with too many outputs to go on whole
    } else {
      return false;
    }
    left -= context.chunk;
    return left > 0;
  }

  /// A unit each in turn, until no unit fits.
  static void advance_alike(std::vector<Context>& contexts, std::uint32_t room, std::uint32_t unit) {
    for (bool any = true; any;) {
      any = false;
      for (Context& context : contexts) {
        const std::uint32_t more = std::min(unit, context.remaining - context.chunk);
        if (more == 0 || more > room) continue;
        context.chunk += more;
        room -= more;
        any = true;
      }
    }
  }

  /// Prompts wait for more of them while others generate, so many steps at most.
  bool waits(const std::vector<Context>& contexts, std::uint32_t decode_tokens) {
    std::uint64_t tokens = decode_tokens;
    bool any = false;
    for (const Context& context : contexts) {
      if (context.chunk > 0) tokens += context.tokens;
      any = any || context.chunk > 0;
    }
    if (!any || decode_tokens == 0) return false;
    if (waited_ < spec_.batch_wait_timeout_iters &&
        static_cast<double>(tokens) < spec_.batch_wait_max_tokens_ratio * spec_.max_num_tokens) {
      ++waited_;
      return true;
    }
    waited_ = 0;
    return false;
  }

  // ---------------------------------------------------------------- deeds

  /// Gives whether every prompt of the list got tokens.
  static bool start(Desk& desk, const std::vector<Context>& contexts) {
    std::size_t passed = 0;
    bool all = true;
    for (const Context& context : contexts) {
      all = all && context.chunk > 0;
      if (context.id) {
        if (context.chunk > 0) desk.compute(*context.id, context.chunk);
      } else if (context.chunk == 0) {
        ++passed;
      } else {
        if (passed > 0) desk.bring_forward(passed);
        desk.reserve(context.tokens);  // the blocks of a prompt are taken with its first chunk
        desk.admit(context.chunk);
      }
    }
    return all;
  }

  static void decode(Desk& desk, std::uint32_t decodes) {
    if (decodes == desk.decoding()) {
      desk.decode_all();
      return;
    }
    std::vector<SequenceId> chosen;
    const auto partials = desk.partials();
    for (const SequenceId id : desk.running_order()) {
      const bool partial =
          std::any_of(partials.begin(), partials.end(), [&](const Partial& one) { return one.id == id; });
      if (desk.wanted(id) == desk.decode_width() && !partial && chosen.size() < decodes) chosen.push_back(id);
    }
    desk.decode(chosen);
  }

  TrtllmSpec spec_;
  std::uint32_t waited_ = 0;
  bool held_ = false;
};

}  // namespace

void validate(const TrtllmSpec& spec) {
  if (spec.max_batch_size == 0) throw SpecError("max_batch_size", "must be at least 1");
  if (spec.max_num_tokens == 0) throw SpecError("max_num_tokens", "must be at least 1");
  if (!(spec.batch_wait_max_tokens_ratio >= 0.0 && spec.batch_wait_max_tokens_ratio <= 1.0)) {
    throw SpecError("batch_wait_max_tokens_ratio", "must be from 0 to 1");
  }
  if (spec.attention_dp_balance && spec.attention_dp_timeout_iters == 0) {
    throw SpecError("attention_dp_timeout_iters",
                    "must be at least 1; without waiting set attention_dp_balance to false");
  }
}

std::unique_ptr<BatchRules> make_trtllm_rules(const TrtllmSpec& spec) {
  validate(spec);
  return std::make_unique<TrtllmRules>(spec);
}

}  // namespace tokenyard::policy
