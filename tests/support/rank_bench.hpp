#pragma once

#include "sim/policy/rules.hpp"
#include "sim/serving/rank.hpp"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace tokenyard::test {

/// One scheduler on a bench, without engine or clock: step by step, each told as one line of text.
///
///     "A1 B7 | free 15 | running AB | waiting C | fetching D | loaded E | preempted F | first B | ended G"
///
/// First the tokens computed per request ("A8+4": 8 found in the prefix cache, 4 computed); then, after the outputs
/// that this call takes, the free blocks and who is where (empty lists are left out); then who was preempted, was taken
/// over with its first token, got its first token, ended. Names are letters, in order of add().
///
/// With depth 2 a call is what the asynchronous loop does once: compose a step, then take the outputs of the step
/// before.
class RankBench {
 public:
  RankBench(const policy::VllmSpec& spec, std::uint32_t blocks, std::uint32_t depth = 1, std::uint32_t block_tokens = 4,
            bool hand_off = false, const std::optional<kv::PrefixCacheSpec>& caching = std::nullopt,
            serving::Acceptance* acceptance = nullptr)
      : RankBench(policy::RulesSpec{spec}, blocks, depth, block_tokens, hand_off, caching, acceptance) {}
  /// Of a model with sliding windows.
  RankBench(const policy::VllmSpec& spec, std::uint32_t blocks, const kv::BlockLayout& layout,
            const std::optional<kv::PrefixCacheSpec>& caching = std::nullopt)
      : rank_(table_, policy::make_rules(policy::RulesSpec{spec}), blocks, layout, false, caching),
        depth_(1),
        block_tokens_(layout.tokens) {}
  RankBench(const policy::RulesSpec& spec, std::uint32_t blocks, std::uint32_t depth = 1,
            std::uint32_t block_tokens = 4, bool hand_off = false,
            const std::optional<kv::PrefixCacheSpec>& caching = std::nullopt, serving::Acceptance* acceptance = nullptr)
      : rank_(table_, policy::make_rules(spec), blocks, {.tokens = block_tokens}, hand_off, caching, acceptance),
        depth_(depth),
        block_tokens_(block_tokens) {}

  struct Extra {
    std::int32_t priority = 0;
    bool from_remote = false;
    std::vector<std::uint64_t> ids{};            ///< of the prompt's blocks
    std::vector<std::uint64_t> history{};        ///< of those of prompt and answer
    std::optional<std::uint32_t> most_output{};  ///< that the call allows
  };
  void add(std::uint32_t prompt, std::uint32_t output) { add(prompt, output, Extra{}); }
  void add(std::uint32_t prompt, std::uint32_t output, Extra extra) {
    const RequestId id{static_cast<std::uint32_t>(all_.size())};
    all_.push_back(table_.add({.id = id,
                               .arrival = {},
                               .prompt_tokens = prompt,
                               .slo_class = {},
                               .prefix = {.block_tokens = block_tokens_, .ids = extra.ids},
                               .max_output_tokens = extra.most_output},
                              {.output_tokens = output, .history_ids = extra.history}));
    table_[all_.back()].priority = extra.priority;
    table_[all_.back()].from_remote = extra.from_remote;
    rank_.enqueue(all_.back());
  }
  /// The KV of a request that is being fetched is there.
  void loaded(char name) { rank_.loaded(id_of(name)); }
  /// Its user gives it up.
  void cancel(char name) {
    table_[id_of(name)].given_up = true;
    rank_.cancel(id_of(name));
  }
  /// A prefill side's pinned blocks are given back.
  void release(char name) { rank_.release(id_of(name)); }

  std::string step() {
    std::vector<std::uint32_t> before;
    for (const SequenceId id : all_) before.push_back(rank_.computed_of(id));
    serving::RankStep& composed = steps_[calls_ % 2];
    rank_.compose(composed);
    ++calls_;

    std::string text;
    for (std::size_t i = 0; i < all_.size(); ++i) {
      const std::uint32_t after = rank_.computed_of(all_[i]);
      if (after <= before[i]) continue;
      const std::uint32_t found = before[i] == 0 ? table_[all_[i]].hit : 0;
      text += name(all_[i]) + (found > 0 ? std::to_string(found) + "+" : "") +
              std::to_string(after - before[i] - found) + " ";
    }
    if (text.empty()) text = "nothing ";
    std::string preempted;
    for (const SequenceId id : rank_.news().preempted) preempted += name(id);
    std::string taken;
    for (const SequenceId id : rank_.news().taken_over) taken += name(id);
    rank_.clear_news();

    std::string first;
    std::string ended;
    serving::RankStep& done = depth_ == 1 ? composed : steps_[calls_ % 2];
    if (done.live) {
      for (const SequenceId id : done.prompts_done) {
        if (table_[id].produced == 0) first += name(id);
      }
      rank_.complete(done);
      for (const SequenceId id : done.closing) ended += name(id);
    }
    text += "| free " + std::to_string(rank_.free_blocks());
    const auto list = [&text](const char* title, const std::string& names) {
      if (!names.empty()) text += std::string(" | ") + title + " " + names;
    };
    std::string running;
    for (const SequenceId id : rank_.running_order()) running += name(id);
    list("running", running);
    list("waiting", in(serving::SequenceState::Waiting, ended));
    list("fetching", in(serving::SequenceState::Loading, ended));
    list("loaded", in(serving::SequenceState::Loaded, ended));
    list("preempted", preempted);
    list("taken", taken);
    list("first", first);
    list("ended", ended);
    return text;
  }

  [[nodiscard]] std::uint32_t blocks_of(char name) const { return rank_.blocks_of(id_of(name)); }
  [[nodiscard]] std::uint32_t produced(char name) const { return table_[id_of(name)].produced; }
  [[nodiscard]] std::uint32_t fetched(char name) const { return table_[id_of(name)].fetched; }
  /// What the last call composed.
  [[nodiscard]] const serving::RankStep& composed() const { return steps_[(calls_ + 1) % 2]; }
  [[nodiscard]] const serving::Rank& rank() const { return rank_; }

 private:
  using SequenceId = policy::SequenceId;
  [[nodiscard]] static std::string name(SequenceId id) { return std::string(1, static_cast<char>('A' + id.index())); }
  [[nodiscard]] SequenceId id_of(char name) const { return all_.at(static_cast<std::size_t>(name - 'A')); }
  [[nodiscard]] std::string in(serving::SequenceState state, const std::string& but) const {
    std::string names;
    for (const SequenceId id : all_) {
      if (table_[id].state == state && but.find(name(id)) == std::string::npos) names += name(id);
    }
    return names;
  }

  serving::SequenceTable table_;
  serving::Rank rank_;
  std::uint32_t depth_;
  std::uint32_t block_tokens_;
  std::vector<SequenceId> all_;
  std::array<serving::RankStep, 2> steps_;
  std::size_t calls_ = 0;
};

}  // namespace tokenyard::test
