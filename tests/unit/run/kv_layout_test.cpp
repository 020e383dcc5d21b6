#include "sim/run/kv_layout.hpp"

#include "sim/run/assemble.hpp"
#include "tests/support/small_experiment.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace tokenyard;
using namespace tokenyard::test;

namespace {

config::Experiment gpt_oss(const std::string& pool, const std::string& attention = "") {
  return read({.topology = "hgx-h100",
               .llm = "{base: gpt-oss-120b" + (attention.empty() ? "" : ", attention: {" + attention + "}") + "}",
               .pools = "{serve: {parallel: {tensor: 2}" + pool + "}}"});
}

KvLayout layout_of(const config::Experiment& experiment) { return kv_layout(experiment.pools[0], experiment.llm); }

/// Groups that see everything, windowed groups, and layers of a group.
std::string groups_of(const config::Experiment& experiment) {
  const KvLayout layout = layout_of(experiment);
  return std::to_string(layout.blocks.full) + " + " + std::to_string(layout.blocks.windowed) + " of " +
         std::to_string(static_cast<int>(layout.share * experiment.llm.layers + 0.5));
}

}  // namespace

TEST_CASE("kv layout: gpt-oss has twice as many blocks of half its layers under vLLM") {
  const config::Experiment experiment = gpt_oss("");
  const KvLayout layout = layout_of(experiment);
  CHECK(layout.blocks.tokens == 16);
  CHECK(layout.blocks.full == 1);
  CHECK(layout.blocks.windowed == 1);
  CHECK(layout.blocks.window == 128);
  CHECK(layout.share == 0.5);
  const config::Experiment alike = gpt_oss(", engine: {hybrid_kv_cache: false}");
  CHECK(layout_of(alike).blocks.windowed == 0);
  // A block on one of two chips: 16 tokens * 18 layers * K and V * 4 heads * 64 * 2 B = 294,912 B.
  const auto capacity = [](const config::Experiment& of) {
    return capacity_of(of.pools[0], of.llm, of.chips.at(of.pools[0].chip));
  };
  const Capacity halves = capacity(experiment);
  const Capacity wholes = capacity(alike);
  CHECK(halves.blocks_per_rank / 2 == wholes.blocks_per_rank);
  const double left = (experiment.chips.at(experiment.pools[0].chip).memory * 0.9 -
                       experiment.pools[0].engine.memory.reserve - halves.weights_per_chip)
                          .value();
  CHECK(halves.blocks_per_rank == static_cast<std::uint32_t>(left / 294'912.0));
  // One sequence that has taken 9 blocks of the windowed group leaves all others to the one that sees everything.
  CHECK(halves.kv_tokens(1) == (halves.blocks_per_rank - 9) * 16);
  CHECK(wholes.kv_tokens(1) == wholes.blocks_per_rank * 16);
}

TEST_CASE("kv layout: groups are as large as the rarer kind of layer or the commoner when it is little more") {
  // 36 layers. 6 and 30: groups of 6. 16 and 20: one group each, of 20, of which one has 4 places too many. 36 with a
  // window: one group that sees nothing else.
  CHECK(groups_of(gpt_oss("", "windowed_layers: 30")) == "1 + 5 of 6");
  CHECK(groups_of(gpt_oss("", "windowed_layers: 6")) == "5 + 1 of 6");
  CHECK(groups_of(gpt_oss("", "windowed_layers: 20")) == "1 + 1 of 20");
  CHECK(groups_of(gpt_oss("", "windowed_layers: 24")) == "1 + 2 of 12");
  CHECK(groups_of(gpt_oss("", "windowed_layers: 36")) == "0 + 1 of 36");
  // A drafting layer sees everything: 19 and 18 are groups of 19.
  const std::string eagle = ", speculation: {tokens: 2, draft: eagle, acceptance: [0.7, 0.7]}";
  CHECK(groups_of(gpt_oss(eagle)) == "1 + 1 of 19");
}

TEST_CASE("kv layout: layers are alike where KV is handed over and under other engines") {
  const config::Experiment apart = read({.topology = "hgx-h100",
                                         .llm = "gpt-oss-120b",
                                         .pools = "{p: {role: prefill, parallel: {tensor: 2}}, d: {role: decode, "
                                                  "parallel: {tensor: 2}}}"});
  CHECK(groups_of(apart) == "1 + 0 of 36");
  CHECK(groups_of(gpt_oss(", engine: {kind: tensorrt_llm}")) == "1 + 0 of 36");
  // SGLang keeps .8 of the tokens for the windowed half: .9 of the bytes a token.
  const KvLayout sglang = layout_of(gpt_oss(", engine: {kind: sglang}"));
  CHECK(sglang.blocks.windowed == 0);
  CHECK(sglang.share == doctest::Approx(0.9).epsilon(1e-12));
}
