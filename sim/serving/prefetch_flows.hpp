#pragma once

#include "models/base/ids.hpp"
#include "sim/engine/engine.hpp"
#include "sim/kv/tiers.hpp"
#include "sim/serving/tier_flows.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <functional>

namespace tokenyard::serving {

/// What one attention rank reads ahead from tiers on the machine's links, as flows between the tier's store and the
/// rank's chips, whose NICs stand for those of their host.
///
/// Each tier serves one request after the other, in batches of at most kBatch blocks. The next batch is asked for when
/// the one before is there, so that each takes the way there and back. A request that is stopped has what whole batches
/// have brought; the one on its way then goes on and comes for nobody.
/// Source: SGLang `cache_controller.py` at `350cb87962ba` (storage_batch_size, _page_transfer, prefetch_io_aux_func).
class PrefetchFlows final : public kv::AheadLinks, public engine::EventHandler {
 public:
  static constexpr std::uint32_t kBatch = 128;  ///< SGLang's storage_batch_size, in pages

  /// `came` is called after TierStack::came(), with the request's key. References outlive the object.
  PrefetchFlows(engine::Engine& engine, TierFlows& flows, InstanceId instance, std::uint32_t rank, kv::TierStack& tiers,
                std::function<void(std::uint32_t key)> came);

  void read_ahead(std::uint32_t key, kv::TierKind tier, std::uint32_t blocks) override;
  void stop_ahead(std::uint32_t key) override;
  void on_event(std::uint64_t what) override;

 private:
  struct Reading {
    std::uint32_t key = 0;
    std::uint32_t left = 0;
    bool wanted = true;
  };
  struct Line {
    std::deque<Reading> readings;  // the first one is being read
    std::uint32_t batch = 0;       // blocks on their way
  };
  void ask(std::size_t tier);

  engine::Engine& engine_;
  TierFlows& flows_;
  InstanceId instance_;
  std::uint32_t rank_;
  kv::TierStack& tiers_;
  std::function<void(std::uint32_t key)> came_;
  std::array<Line, kv::kTiers> lines_;
};

}  // namespace tokenyard::serving
