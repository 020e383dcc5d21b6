#pragma once

#include "models/cost/communication.hpp"
#include "models/cost/graph_padding.hpp"
#include "models/cost/kv_exchange.hpp"
#include "models/cost/step_cost.hpp"
#include "models/cost/token_table.hpp"
#include "models/cost/two_batch.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace tokenyard::cost {

class StepParts;

/// A PortLoad by number of tokens.
class PortLoadTable {
 public:
  PortLoadTable(std::uint32_t most, const std::function<PortLoad(double)>& load);
  [[nodiscard]] PortLoad operator()(std::uint32_t tokens) const;
  [[nodiscard]] PortBytes sent(std::uint32_t tokens) const {
    return {.inside = Bytes{sent_inside_(tokens)}, .across = Bytes{sent_across_(tokens)}};
  }

 private:
  /// `knots` are filled as the first table asks for them, in order; the others read them.
  PortLoadTable(std::uint32_t most, const std::function<PortLoad(double)>& load, std::vector<PortLoad> knots);

  TokenTable sent_inside_;
  TokenTable sent_across_;
  TokenTable flow_inside_;
  TokenTable flow_across_;
};

/// What the all-reduces of its tensor group send out of a chip's port in one step, whose rank has so many tokens.
[[nodiscard]] PortLoad tensor_load(const StepCostSpec& spec, double tokens);

/// The collectives of make_kernel_sum()'s price, compiled: the time that they are exposed and what they send.
///
/// exposed: all-reduces and hops of the rank with the most tokens, exchange of the experts, what chips that share a
/// cache send each other; of two half batches only what the other half's computation does not hide. It is the chips'
/// time: a host or launches that take longer than the chips may hide it again, which is not looked at.
/// Left out: the collectives of drafting layers; in the bytes also KvExchange. What is sent is of the chip with the
/// mean load; bytes are of all chips.
class CommunicationTable {
 public:
  CommunicationTable(const StepCostSpec& spec, const StepParts& parts);

  // REQUIRES: as StepCost::step().
  [[nodiscard]] SimTime exposed(std::span<const StepShape> ranks) const;
  [[nodiscard]] Communication sent(std::span<const StepShape> ranks) const;
  [[nodiscard]] CollectiveBytes bytes(std::span<const StepShape> ranks) const;

  /// Whether all steps of a run of decodes expose the same.
  [[nodiscard]] bool same_in_a_run() const { return !two_batch_; }

 private:
  /// What a step's ranks compute, padded.
  struct Tokens {
    std::uint32_t most = 0;  // of a rank
    std::uint32_t all = 0;
    bool prompts = false;
  };
  /// `take(shape, own)` for every rank, `own` being its tokens, padded.
  template <class Take>
  void each_rank(std::span<const StepShape> ranks, Take take) const;
  [[nodiscard]] Tokens tokens(std::span<const StepShape> ranks) const;
  [[nodiscard]] double hidden_ns(std::span<const StepShape> ranks, const Tokens& tokens) const;

  GraphPadding graphs_;
  bool has_experts_;
  double ranks_;
  double chips_;                 // of the instance
  TokenTable local_;             // ns, of a rank's tokens
  TokenTable exchange_;          // ns, of all tokens
  TokenTable exchange_prompts_;  // likewise, where steps hold prompts
  PortLoadTable tensor_;         // of a rank's tokens
  PortLoadTable expert_;         // of all tokens
  PortLoadTable expert_prompts_;
  PortLoad hop_;  // of one of a rank's tokens
  KvExchange kv_exchange_;
  TwoBatchOverlap overlap_;
  std::optional<TwoBatch> two_batch_;
};

}  // namespace tokenyard::cost
