#pragma once

#include "models/base/errors.hpp"
#include "workloads/request_source.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tokenyard::workloads {

/// The same requests, each call with the same limit of output tokens (max_tokens). Schedulers may see the limit, and
/// some reserve memory for it. next() throws SpecError("workload.max_output", ...) for an answer that is longer.
class CallLimit final : public RequestSource {
 public:
  CallLimit(std::unique_ptr<RequestSource> source, std::uint32_t limit) : source_(std::move(source)), limit_(limit) {}

  [[nodiscard]] std::optional<Arrival> next() override {
    std::optional<Arrival> arrival = source_->next();
    if (!arrival) return arrival;
    if (arrival->fate.output_tokens > limit_) {
      throw SpecError("workload.max_output",
                      "request " + std::to_string(arrival->request.id.index()) + " gets " +
                          std::to_string(arrival->fate.output_tokens) +
                          " output tokens, more than its call allows; raise it, or limit the lengths");
    }
    arrival->request.max_output_tokens = limit_;
    return arrival;
  }
  [[nodiscard]] bool interactive() const override { return source_->interactive(); }
  [[nodiscard]] std::optional<SimTime> due() const override { return source_->due(); }
  void on_end(RequestId request, SimTime now, Ending how) override { source_->on_end(request, now, how); }
  [[nodiscard]] bool exhausted() const override { return source_->exhausted(); }
  [[nodiscard]] std::vector<std::string> notes() const override { return source_->notes(); }
  [[nodiscard]] std::optional<std::uint64_t> expected() const override { return source_->expected(); }
  [[nodiscard]] std::optional<SimTime> horizon() const override { return source_->horizon(); }

 private:
  std::unique_ptr<RequestSource> source_;
  std::uint32_t limit_;
};

}  // namespace tokenyard::workloads
