#include "tests/support/child.hpp"
#include "tests/support/digest.hpp"
#include "workloads/random_stream.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::test;

// A decode pauses for a step when one that stands before it gives up its blocks: the engine then serves no further
// request in that step. Under first come, first served the one that gives up is always the last, and nobody pauses; by
// priority it is the youngest, which need not stand last on a decode side, where requests come in the order of their
// transfers.

namespace {

std::vector<ScriptedSource::Row> rows_of(std::uint64_t seed, std::uint32_t count) {
  workloads::RandomStream stream{seed, "pauses"};
  std::vector<ScriptedSource::Row> rows;
  std::int64_t now = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    rows.push_back(
        {now, static_cast<std::uint32_t>(stream.integer(1, 90)), static_cast<std::uint32_t>(stream.integer(1, 60))});
    now += static_cast<std::int64_t>(stream.integer(0, 40)) * 1'000'000;
  }
  return rows;
}

FormulaCost uneven_cost() {
  return FormulaCost([](const cost::StepShape& shape) {
    return 2'000'000 + 37'000 * static_cast<std::int64_t>(shape.tokens()) +
           100 * static_cast<std::int64_t>(shape.decode_context);
  });
}

SmallCluster tight(std::uint64_t seed) {
  return {.rules = policy::VllmSpec{.max_num_seqs = 8,
                                    .max_num_batched_tokens = 64,
                                    .reserve_full_prompt = false,
                                    .order = policy::QueueOrder::Priority},
          .instances = 2,
          .ranks = 1 + static_cast<std::uint32_t>(seed % 3 == 0),
          .blocks = 12,
          .depth = 1 + static_cast<std::uint32_t>(seed % 2),
          .decode_instances = 1,
          .bytes_per_token = Bytes{1e5}};
}

}  // namespace

TEST_CASE("gaps: they add up to the time between first and last tokens even when decodes pause") {
  // Every token but the first ends one gap, which begins where the one before ended; so per request the gaps add up to
  // last - first. The histogram keeps count and sum as integers; its mean is one rounding of a double away: 1e-12.
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    const std::string told = in_child([&] {
      ScriptedSource source{rows_of(seed, 80)};
      const FormulaCost cost = uneven_cost();
      const Played played = play(tight(seed), source, cost);
      std::int64_t spans = 0;
      std::uint64_t tokens = 0;
      std::uint32_t preemptions = 0;
      for (const metrics::RequestRecord& request : played.requests) {
        spans += (request.last_token - request.first_token).ns();
        tokens += request.output_tokens - 1;
        preemptions += request.preemptions;
      }
      const metrics::SpanHistogram& gaps = played.meters[2].gaps();
      const double error =
          gaps.mean().value() * static_cast<double>(gaps.count()) / (static_cast<double>(spans) * 1e-9) - 1;
      return std::to_string(gaps.count() == tokens) + " " + std::to_string(std::abs(error) < 1e-12) + " " +
             std::to_string(preemptions > 0);
    });
    CHECK(told.substr(0, 3) == "1 1");
    CHECK(told.back() == '1');  // blocks are few enough that requests were preempted
  }
}

TEST_CASE("decode runs: equal single steps bit for bit when decodes pause") {
  for (std::uint64_t seed = 21; seed <= 32; ++seed) {
    CAPTURE(seed);
    const auto told = [&](bool step_by_step) {
      return in_child([&] {
        SmallCluster cluster = tight(seed);
        cluster.step_by_step = step_by_step;
        ScriptedSource source{rows_of(seed, 80)};
        const FormulaCost cost = uneven_cost();
        return digest(play(cluster, source, cost));
      });
    };
    const std::string runs = told(false);
    CHECK(runs == told(true));
    CHECK(runs.size() > 80 * 20);
  }
}
