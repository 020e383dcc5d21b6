#include "sim/policy/sglang_rules.hpp"

#include "models/base/errors.hpp"
#include "sim/policy/inbox.hpp"
#include "sim/policy/longest_prefix.hpp"
#include "sim/policy/new_token_ratio.hpp"

#include <algorithm>
#include <vector>

namespace tokenyard::policy {
namespace {

/// Most future tokens of one request that admission counts (CLIP_MAX_NEW_TOKENS).
constexpr std::uint32_t kMostProduced = 4096;

class SglangRules final : public BatchRules {
 public:
  explicit SglangRules(const SglangSpec& spec)
      : spec_(spec), ratio_(spec.schedule_conservativeness), inbox_(spec.scheduler_recv_interval) {}

  bool compose(Desk& desk) override {
    const std::uint64_t unasked = desk.steps() - steps_seen_;  // decode steps that nobody asked these rules for
    ratio_.decay(unasked);
    if (desk.idled()) ratio_.reset();
    steps_seen_ = desk.steps();
    const bool idle = desk.decoding() + desk.ended() == 0 && desk.partials().empty();
    inbox_.turn(desk.steps(), unasked, idle);
    bool full = desk.blocked() && desk.partials().empty();  // batch_is_full: a cut prompt that goes on takes it back
    if (!full && desk.partials().empty()) full = preallocate(desk);
    const bool took = desk.partials().empty() && take_over(desk);
    const bool prompts = !took && prefill(desk, full);
    if (prompts) {
      ++steps_seen_;
      if (spec_.enable_mixed_chunk) {
        decode_all(desk);
      } else if (desk.decoding() > 0) {
        desk.decode({});
      }
    } else if (decode(desk, full)) {
      ++steps_seen_;
    }
    inbox_.ran(prompts);
    return !full || !desk.partials().empty();
  }

  [[nodiscard]] bool sees_ends_late() const override { return true; }
  [[nodiscard]] Sharing sharing() const override { return Sharing::Tree; }
  [[nodiscard]] bool takes_first_token() const override { return true; }

 private:
  /// What a prefill batch may still take, in tokens.
  struct Room {
    double promised;  ///< what others are expected to produce, out of the free tokens
    std::int64_t chunk;
    std::int64_t input;
    std::int64_t page;

    void charge(std::int64_t tokens, std::int64_t produced) {
      const std::int64_t paged = (tokens + page - 1) / page * page;
      chunk -= paged;
      input -= paged;
      promised += static_cast<double>(page + produced);
    }
    [[nodiscard]] double total(const Desk& desk) const {
      return static_cast<double>(page * desk.free_blocks()) - promised;
    }
  };

  // ---------------------------------------------------------------- a decode pool

  /// Requests whose prompts another instance computes get room for them, in order, where enough is left for what is
  /// here and on its way, and for the largest one alone. Gives whether one is refused.
  bool preallocate(Desk& desk) const {
    for (;;) {
      std::size_t place = 0;
      auto next = desk.candidate_at(place);
      while (next && next->loaded) next = desk.candidate_at(++place);
      if (!next || !next->from_remote || !inbox_.sees(*next)) return false;
      if (!leaves_enough(desk, *next)) return true;
      desk.load();
    }
  }

  [[nodiscard]] bool leaves_enough(const Desk& desk, const Candidate& next) const {
    const std::int64_t free = std::int64_t{desk.block_tokens()} * desk.free_blocks();
    const std::int64_t reserved = spec_.num_reserved_decode_tokens;
    const std::int64_t room = free - reserved * static_cast<std::int64_t>(desk.running() + desk.arriving().size());
    if (next.tokens + reserved > room) return false;
    std::int64_t retractable = 0;  // tokens that would be free if all that runs were retracted
    std::int64_t largest = 0;
    for (const SequenceId id : desk.running_order()) {
      const Progress progress = desk.progress(id);
      retractable += progress.prompt + progress.given;
      const std::int64_t produced = std::min(progress.given + progress.may_produce, kMostProduced);
      largest = std::max(largest, progress.prompt + produced);
    }
    const std::int64_t left = std::min(room, free - (largest - retractable));
    const std::int64_t to_end = next.tokens + may_produce(desk, next);
    return std::max(next.tokens + reserved, to_end - retractable) <= left;
  }

  /// What has come joins the decodes. Gives whether anything did.
  bool take_over(Desk& desk) const {
    bool any = false;
    for (auto next = desk.candidate(); next && next->loaded && next->from_remote; next = desk.candidate()) {
      if (desk.running() >= spec_.max_running_requests) break;
      desk.take_over();
      any = true;
    }
    return any;
  }

  // ---------------------------------------------------------------- prompts

  /// The next prompt to compute here, if the scheduler has seen it.
  [[nodiscard]] std::optional<Candidate> prompt(const Desk& desk) const {
    auto head = inbox_.head(desk);
    if (head && (head->loaded || head->from_remote)) head.reset();
    return head;
  }

  /// Gives whether there is a prefill batch. `full`: nothing is admitted; set when a request was refused.
  bool prefill(Desk& desk, bool& full) const {
    const bool goes_on = !desk.partials().empty();
    if (!goes_on && (full || !prompt(desk))) return false;
    if (!goes_on && desk.running() >= spec_.max_running_requests) {
      full = true;
      return false;
    }
    const std::uint32_t joining = spec_.enable_mixed_chunk ? desk.decoding() + desk.ended() : 0;
    const std::uint32_t joining_blocks =
        spec_.enable_mixed_chunk ? desk.blocks_to_decode() + desk.blocks_for_ended() : 0;
    if (joining_blocks > desk.free_blocks()) return false;
    Room room{.promised = joining + ratio_.value() * static_cast<double>(may_produce(desk)),
              .chunk = std::int64_t{spec_.chunked_prefill_size} - joining,
              .input = std::int64_t{spec_.max_prefill_tokens} - joining,
              .page = desk.block_tokens()};
    if (goes_on && !go_on(desk, room, joining_blocks)) return false;
    return admit(desk, room, full, goes_on);
  }

  /// The prompt in progress takes its next chunk, at any price but memory that is not there.
  static bool go_on(Desk& desk, Room& room, std::uint32_t joining_blocks) {
    const Partial partial = desk.partials().front();
    const std::uint32_t produced = std::min(desk.progress(partial.id).may_produce, kMostProduced);
    std::int64_t tokens = std::min(room.chunk, static_cast<std::int64_t>(room.total(desk)));
    if (tokens <= 0) tokens = room.chunk;
    const std::int64_t in_last_page = (room.page - partial.computed % room.page) % room.page;
    const std::int64_t fit = in_last_page + room.page * (desk.free_blocks() - joining_blocks);
    tokens = std::min({tokens, std::int64_t{partial.remaining}, fit});
    if (tokens <= 0) return false;
    desk.compute(partial.id, static_cast<std::uint32_t>(tokens));
    room.charge(tokens, tokens < partial.remaining ? 0 : produced);
    return true;
  }

  bool admit(Desk& desk, Room& room, bool& full, bool any) const {
    const bool sorted = spec_.schedule_policy == PromptOrder::LongestPrefix && desk.partials().empty();
    std::vector<std::size_t> order = sorted ? longest_prefix_first(desk, inbox_) : std::vector<std::size_t>{};
    for (std::size_t tried = 0; desk.partials().empty(); ++tried) {  // one prompt in progress
      if (sorted && tried == order.size()) break;
      const auto head = sorted ? desk.candidate_at(order[tried]) : prompt(desk);
      if (!head) break;
      if (desk.running() >= spec_.max_running_requests) {
        full = true;
        break;
      }
      const std::int64_t extend = head->tokens - head->cached;
      const std::int64_t produced = may_produce(desk, *head);
      // What it finds in the tree is locked from here on: tokens that could have been evicted are none any more.
      const double left = room.total(desk) - static_cast<double>(room.page * head->cached_idle);
      if (static_cast<double>(extend + produced + room.page) >= left) {
        full = true;
        break;
      }
      const std::int64_t to_compute = extend - head->from_tiers;  // the rest is loaded back with the batch
      const std::int64_t paged = (to_compute + room.page - 1) / room.page * room.page;
      if (any && paged >= room.input) break;
      const std::int64_t tokens = to_compute <= room.chunk ? to_compute : room.chunk / room.page * room.page;
      if (tokens <= 0) break;
      if (sorted) bring_forward(desk, order, tried);
      desk.admit(static_cast<std::uint32_t>(tokens));
      any = true;
      room.charge(tokens, tokens < to_compute ? 0 : produced);
      if (room.total(desk) <= 0) {
        full = true;
        break;
      }
      if (room.input <= 0 || room.chunk <= 0) break;
    }
    return any;
  }

  /// Those behind it in the queue move up.
  static void bring_forward(Desk& desk, std::vector<std::size_t>& order, std::size_t at) {
    const std::size_t place = order[at];
    if (place > 0) desk.bring_forward(place);
    for (std::size_t& later : order) {
      if (later > place) --later;
    }
  }

  /// As the engine cuts it when a request comes: so that prompt and output alone leave a page and a token of the pool.
  static std::int64_t may_produce(const Desk& desk, const Candidate& head) {
    const std::int64_t pool = std::int64_t{desk.total_blocks()} * desk.block_tokens();
    return std::min({std::int64_t{head.may_produce}, std::int64_t{kMostProduced},
                     pool - desk.block_tokens() - 1 - std::int64_t{head.tokens}});
  }

  /// Output tokens that the calls of the running requests still allow, the prompt in progress left out.
  static std::uint64_t may_produce(const Desk& desk) {
    std::uint64_t sum = 0;
    for (const SequenceId id : desk.running_order()) {
      if (!is_partial(desk, id)) sum += std::min(desk.progress(id).may_produce, kMostProduced);
    }
    return sum;
  }

  static bool is_partial(const Desk& desk, SequenceId id) {
    const auto partials = desk.partials();
    return std::any_of(partials.begin(), partials.end(), [&](const Partial& partial) { return partial.id == id; });
  }

  static void decode_all(Desk& desk) {
    if (desk.ended() > 0) desk.decode_ended();
    if (desk.decoding() > 0) desk.decode_all();
  }

  /// Gives whether anything decodes.
  bool decode(Desk& desk, bool& full) {
    if (desk.decoding() + desk.ended() == 0) return false;
    if (fits(desk)) {
      ratio_.decay(1);
    } else {
      retract(desk);
      full = false;
      if (!fits(desk)) return false;
    }
    const bool any = desk.decoding() + desk.ended() > 0;
    decode_all(desk);
    return any;
  }

  static bool fits(const Desk& desk) { return desk.blocks_to_decode() + desk.blocks_for_ended() <= desk.free_blocks(); }

  /// Those with the fewest outputs, then the longest prompt, leave until the others can do the next step.
  void retract(Desk& desk) {
    struct Row {
      SequenceId id;
      Progress progress;
    };
    std::vector<Row> rows;
    for (const SequenceId id : desk.running_order()) {
      if (desk.wanted(id) == desk.decode_width() && !is_partial(desk, id)) rows.push_back({id, desk.progress(id)});
    }
    std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
      return a.progress.given != b.progress.given ? a.progress.given > b.progress.given
                                                  : a.progress.prompt < b.progress.prompt;
    });
    while (!rows.empty() && !fits(desk)) {
      desk.retract(rows.back().id);
      rows.pop_back();
    }
    if (rows.empty()) return;
    std::uint64_t given = 0;
    std::uint64_t allowed = 0;
    for (const Row& row : rows) {
      given += row.progress.given;
      allowed += row.progress.given + row.progress.may_produce;
    }
    ratio_.retracted(given, allowed, rows.size());
  }

  SglangSpec spec_;
  NewTokenRatio ratio_;
  Inbox inbox_;
  std::uint64_t steps_seen_ = 0;
};

}  // namespace

void validate(const SglangSpec& spec) {
  if (spec.max_running_requests == 0) throw SpecError("max_running_requests", "must be at least 1");
  if (spec.chunked_prefill_size == 0) throw SpecError("chunked_prefill_size", "must be at least 1");
  if (spec.max_prefill_tokens == 0) throw SpecError("max_prefill_tokens", "must be at least 1");
  if (!(spec.schedule_conservativeness > 0.0)) throw SpecError("schedule_conservativeness", "must be above 0");
  if (spec.scheduler_recv_interval == 0) throw SpecError("scheduler_recv_interval", "must be at least 1");
}

std::unique_ptr<BatchRules> make_sglang_rules(const SglangSpec& spec) {
  validate(spec);
  return std::make_unique<SglangRules>(spec);
}

}  // namespace tokenyard::policy
