#pragma once

#include "models/cost/step_cost.hpp"
#include "workloads/request_source.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace tokenyard::test {

/// Requests as listed, in order of arrival.
class ScriptedSource final : public workloads::RequestSource {
 public:
  struct Row {
    std::int64_t arrival_ns;
    std::uint32_t prompt;
    std::uint32_t output;
    std::vector<std::uint64_t> ids{};  ///< of the prompt's blocks of 16 tokens
    std::int32_t priority = 0;
    std::uint32_t slo_class = 0;
    workloads::Patience patience{};
  };
  explicit ScriptedSource(std::vector<Row> rows) : rows_(std::move(rows)) {}
  [[nodiscard]] std::optional<workloads::Arrival> next() override {
    if (next_ == rows_.size()) return std::nullopt;
    const Row& row = rows_[next_];
    const RequestId id{static_cast<std::uint32_t>(next_++)};
    return workloads::Arrival{{.id = id,
                               .arrival = SimTime{row.arrival_ns},
                               .prompt_tokens = row.prompt,
                               .slo_class = ClassId{row.slo_class},
                               .prefix = {.block_tokens = 16, .ids = row.ids},
                               .priority = row.priority},
                              {.output_tokens = row.output, .patience = row.patience}};
  }
  [[nodiscard]] std::optional<std::uint64_t> expected() const override { return rows_.size(); }
  [[nodiscard]] std::optional<SimTime> horizon() const override { return std::nullopt; }

 private:
  std::vector<Row> rows_;
  std::size_t next_ = 0;
};

/// A step costs what the formula says, in nanoseconds; with several ranks the slowest counts. Of `stages` alike.
class FormulaCost final : public cost::StepCost {
 public:
  using Formula = std::function<std::int64_t(const cost::StepShape&)>;
  explicit FormulaCost(Formula formula, std::int64_t stages = 1) : formula_(std::move(formula)), stages_(stages) {}
  [[nodiscard]] SimTime step(const cost::StepShape& shape) const override { return SimTime{formula_(shape)}; }
  [[nodiscard]] SimTime step(std::span<const cost::StepShape> ranks) const override {
    SimTime slowest;
    for (const cost::StepShape& shape : ranks) {
      if (shape.tokens() > 0) slowest = std::max(slowest, step(shape));
    }
    return slowest;
  }
  [[nodiscard]] SimTime stage(std::span<const cost::StepShape> ranks) const override {
    return SimTime{step(ranks).ns() / stages_};
  }
  [[nodiscard]] Bytes traffic(std::span<const cost::StepShape>) const override { return Bytes{1.0}; }
  [[nodiscard]] SimTime exposed(std::span<const cost::StepShape> ranks) const override {
    return SimTime{step(ranks).ns() / 4};
  }
  [[nodiscard]] cost::Communication communication(std::span<const cost::StepShape> ranks) const override {
    cost::Communication sent;
    double tokens = 0.0;
    for (const cost::StepShape& shape : ranks) tokens += shape.tokens();
    sent.expert.add(tokens / static_cast<double>(ranks.size()), {.inside = sent_per_token}, {.inside = flows});
    return sent;
  }

  [[nodiscard]] cost::HeavyWork heavy_work(std::span<const cost::StepShape> ranks) const override {
    const double whole = static_cast<double>(step(ranks).ns()) * 1e-9;
    const bool prompts =
        std::any_of(ranks.begin(), ranks.end(), [](const cost::StepShape& s) { return s.prefill_tokens > 0; });
    if (prompts) return {.at_peak = Seconds{peak_share * whole}};
    return {.decode_attention = Seconds{attention_share * whole}};
  }

  double peak_share = 0.0;       ///< of a step with prompts, what its products would take at the peak
  double attention_share = 0.0;  ///< of a step of decodes alone, its attention
  Bytes sent_per_token;          ///< by the experts' exchange out of a chip's port, inside the domain
  double flows = 1.0;            ///< to so many peers at once

 private:
  Formula formula_;
  std::int64_t stages_;
};

}  // namespace tokenyard::test
