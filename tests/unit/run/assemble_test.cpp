#include "sim/run/assemble.hpp"

#include "sim/run/graph_sizes.hpp"
#include "sim/run/run.hpp"
#include "tests/support/small_experiment.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::test;

namespace {

Capacity capacity(const config::Experiment& experiment) {
  return capacity_of(experiment.pools[0], experiment.llm, experiment.chips.at(experiment.pools[0].chip));
}

/// KV bytes a token on the decode side of `llm`, whose prefill side has 8 chips and whose decode side is `parallel`.
double hand_off_bytes(const std::string& llm, const std::string& parallel, const std::string& kv = "bf16") {
  const std::string precision = ", precision: {kv: " + kv + "}";
  const Assembly assembly =
      assemble(read({.topology = "{base: hgx-h200, nodes: 8}",
                     .llm = llm,
                     .pools = "{first: {role: prefill, parallel: {tensor: 8}" + precision +
                              "}, second: {role: decode, parallel: {" + parallel + "}" + precision + "}}"}),
               {});
  REQUIRE(assembly.hand_off.has_value());
  return assembly.hand_off->bytes_per_token.value();
}

/// The plane that carries KV on `topology` between a prefill and a decode instance of `chips` chips.
std::string plane_on(const std::string& topology, const std::string& more = "", int chips = 8) {
  const std::string parallel = "parallel: {tensor: " + std::to_string(chips) + "}}";
  const Assembly assembly =
      assemble(read({.topology = topology,
                     .pools = "{p: {role: prefill, " + parallel + ", d: {role: decode, " + parallel + "}",
                     .more = more}),
               {});
  REQUIRE(assembly.networks.size() == 1);
  return assembly.networks[0].plane;
}

}  // namespace

TEST_CASE("capacity: Llama 70B on four A100 by hand") {
  // Layer: Q and O 2 * 8192^2, K and V 2 * 8192 * 1024, FFN 3 * 8192 * 28672 = 855,638,016; 80 of them, embedding and
  // head of 128,256 * 8192 each: 70,552,387,584 weights of 2 B on 4 chips.
  const double weights = (80.0 * 855'638'016 + 2.0 * 128'256 * 8192) * 2 / 4;
  CHECK(weights == 35'276'193'792.0);
  // A block: 16 tokens * 80 layers * K and V * 2 of the 8 heads * 128 * 2 B = 1,310,720 B.
  // 80 GiB * 0.9 - 3 GB - weights = 39,033,217,536 B = 29,779.98 blocks.
  const Capacity got =
      capacity(read({.topology = "dgx-a100", .llm = "llama-3.1-70b", .pools = "{serve: {parallel: {tensor: 4}}}"}));
  CHECK(got.weights_per_chip.value() == weights);
  CHECK(got.blocks_per_rank == 29'779);
}

TEST_CASE("capacity: what the engine section says of memory counts") {
  const auto blocks = [](const std::string& engine) {
    return capacity(read({.topology = "dgx-a100",
                          .llm = "llama-3.1-70b",
                          .pools = "{serve: {parallel: {tensor: 4}, engine: {" + engine + "}}}"}))
        .blocks_per_rank;
  };
  // 24,064 B more reserve a chip would have been missing for one block more: 29,780 * 1,310,720 - 39,033,217,536.
  CHECK(blocks("memory_reserve: 2999975936 B") == 29'780);
  CHECK(blocks("memory_reserve: 2999975937 B") == 29'779);
  CHECK(blocks("blocks: 1000") == 1'000);
  CHECK(blocks("block_tokens: 32") == 14'889);  // half of 29,779.98, rounded down
  // 0.95: 5 % of 80 GiB more, 4,294,967,296 B = 3,276.8 blocks.
  CHECK(blocks("memory_utilisation: 0.95") == 33'056);
}

TEST_CASE("capacity: KV in FP8 takes half and data-parallel attention a cache a rank") {
  const Capacity halves = capacity(read({.topology = "hgx-h100",
                                         .llm = "llama-3.1-70b",
                                         .pools = "{serve: {parallel: {tensor: 4}, precision: {kv: fp8}}}"}));
  CHECK(halves.blocks_per_rank == 59'559);  // 39,033,217,536 / 655,360 = 59,559.96, the H100 has 80 GiB too
  const Assembly ranks =
      assemble(read({.llm = "llama-3.1-8b", .pools = "{serve: {parallel: {attention_data: 4}}}"}), {});
  CHECK(ranks.facts[0].blocks_per_instance == 4 * std::uint64_t{ranks.pools[0].instances[0].blocks_per_rank});
  CHECK(ranks.pools[0].instances[0].ranks == 4);
}

TEST_CASE("capacity: a model that does not fit is told with what is missing") {
  const config::Experiment experiment =
      read({.topology = "dgx-a100", .llm = "llama-3.1-70b", .pools = "{serve: {parallel: {tensor: 1}}}"});
  const std::string message = user_error([&] { (void)capacity(experiment); });
  // 141,104,775,168 B of weights and a block of 5,242,880 B against 74,309,411,328 B.
  CHECK(message.find("llama-3.1-70b does not fit: weights take 141.1 GB of each a100-80g-sxm, which offers 74.3 GB") !=
        std::string::npos);
  CHECK(message.find("66800606720 bytes (66.8 GB) are missing") != std::string::npos);
}

TEST_CASE("graph sizes: vLLM's list") {
  config::EngineSpec engine;  // 256 sequences, 8,192 tokens: up to 512
  const auto all = graph_sizes(engine);
  CHECK(all.size() == 3 + 31 + 17);  // 1, 2, 4; 8 .. 248; 256 .. 512
  CHECK(std::vector<std::uint32_t>(all.begin(), all.begin() + 6) == std::vector<std::uint32_t>{1, 2, 4, 8, 16, 24});
  CHECK(all[33] == 248);
  CHECK(all[34] == 256);
  CHECK(all[35] == 272);
  CHECK(all.back() == 512);

  std::get<policy::VllmSpec>(engine.rules).max_num_seqs = 10;  // up to 20
  CHECK(graph_sizes(engine) == std::vector<std::uint32_t>{1, 2, 4, 8, 16});
  std::get<policy::VllmSpec>(engine.rules).max_num_seqs = 1;
  CHECK(graph_sizes(engine) == std::vector<std::uint32_t>{1, 2});
  std::get<policy::VllmSpec>(engine.rules).max_num_seqs = 10;
  std::get<policy::VllmSpec>(engine.rules).max_num_batched_tokens = 12;
  CHECK(graph_sizes(engine) == std::vector<std::uint32_t>{1, 2, 4, 8});
  engine.graphs = false;
  CHECK(graph_sizes(engine).empty());
}

TEST_CASE("hand-off: bytes of a token are what lands on the decode side") {
  // Llama 70B: 80 layers * K and V * 8 heads * 128 * 2 B = 327,680, split over up to 8 chips, and copied beyond.
  CHECK(hand_off_bytes("llama-3.1-70b", "tensor: 4") == 327'680.0);
  CHECK(hand_off_bytes("llama-3.1-70b", "tensor: 8") == 327'680.0);
  CHECK(hand_off_bytes("llama-3.1-70b", "tensor: 16") == 2 * 327'680.0);
  CHECK(hand_off_bytes("llama-3.1-70b", "tensor: 4", "fp8") == 163'840.0);
  // DeepSeek-R1: 61 layers * (512 + 64) * 2 B = 70,272 for a rank of one chip, and the same on each of 8.
  CHECK(hand_off_bytes("deepseek-r1", "attention_data: 16, expert: 16") == 70'272.0);
  CHECK(hand_off_bytes("deepseek-r1", "tensor: 8, attention_data: 2, expert: 16") == 8 * 70'272.0);
}

TEST_CASE("hand-off: pipeline stages that do not divide the layers move no more bytes") {
  // Llama 405B: 126 layers * K and V * 8 heads * 128 * 2 B = 516,096. 4 stages hold 32, 32, 31 and 31 of them.
  CHECK(hand_off_bytes("llama-3.1-405b", "tensor: 8, pipeline: 4") == 516'096.0);
  const Assembly assembly = assemble(read({.topology = "{base: hgx-h200, nodes: 4}",
                                           .llm = "llama-3.1-405b",
                                           .pools = "{serve: {parallel: {tensor: 8, pipeline: 4}}}"}),
                                     {});
  CHECK(assembly.facts[0].kv_block.value() == 16 * 516'096.0);
}

TEST_CASE("hand-off: every attention rank has endpoints on every domain its chips stand in") {
  // Prefill: 2 instances of 8 chips, a node each. Decode: 16 ranks of one chip on the nodes behind.
  const Assembly assembly =
      assemble(read({.topology = "{base: hgx-h200, nodes: 4}",
                     .llm = "deepseek-r1",
                     .pools = "{p: {role: prefill, instances: 2, parallel: {tensor: 8}}, d: {role: "
                              "decode, parallel: {attention_data: 16, expert: 16}}}"}),
               {});
  REQUIRE(assembly.pools.size() == 2);
  CHECK(assembly.pools[0].endpoints.size() == 2);
  REQUIRE(assembly.pools[0].endpoints[1].size() == 1);
  CHECK(assembly.pools[0].endpoints[1][0].size() == 1);
  REQUIRE(assembly.pools[1].endpoints.size() == 1);
  CHECK(assembly.pools[1].endpoints[0].size() == 16);
  const topologies::FlowNetwork& network = assembly.networks.at(0);
  CHECK(network.plane == "ib");
  CHECK(network.endpoints.size() == 18);
  // 8 NICs of 50 GB/s and one of them, 0.93 of it payload.
  const EndpointId prefill = assembly.pools[0].endpoints[1][0][0];
  const EndpointId decode = assembly.pools[1].endpoints[0][15][0];
  CHECK(network.endpoints[prefill.index()].bandwidth.value() == doctest::Approx(8 * 46.5e9).epsilon(1e-12));
  CHECK(network.endpoints[decode.index()].bandwidth.value() == doctest::Approx(46.5e9).epsilon(1e-12));
  // Instances are numbered through both pools.
  CHECK(assembly.pools[1].instances[0].id == InstanceId{2});
}

TEST_CASE("hand-off: KV travels on the scale-up plane where that joins both sides") {
  CHECK(plane_on("gb200-nvl72") == "nvlink");
  CHECK(plane_on("cloudmatrix384") == "ub");  // across nodes too
  CHECK(plane_on("hgx-h100", "", 4) == "nvlink");
  CHECK(plane_on("{base: hgx-h100, nodes: 2}") == "ib");
  CHECK(plane_on("hgx-h100", "kv_transfer: {plane: ib}\n", 4) == "ib");
  CHECK(plane_on("cloudmatrix384", "kv_transfer: {plane: rdma}\n") == "rdma");
}

TEST_CASE("hand-off: a plane that is not there or does not join is refused with those that are") {
  CHECK(user_error([] { (void)plane_on("{base: hgx-h100, nodes: 2}", "kv_transfer: {plane: nvlink}\n"); })
            .find("kv_transfer.plane: 'nvlink' does not join chip 0 to chip 8, and so not all chips of both pools; "
                  "planes: ") != std::string::npos);
  CHECK(user_error([] {
          (void)plane_on("hgx-h100", "kv_transfer: {plane: ub}\n", 4);
        }).find("kv_transfer.plane: hgx-h100 has no plane 'ub'; it has: nvlink, ib") != std::string::npos);
}

TEST_CASE("facts: peak and FLOP that MFU is taken of") {
  // 2 * (68,451,041,280 weights of layers + head 1,050,673,152) FLOP a token; BF16 dense peak of an A100.
  const Assembly assembly =
      assemble(read({.topology = "dgx-a100", .llm = "llama-3.1-70b", .pools = "{serve: {parallel: {tensor: 4}}}"}), {});
  CHECK(assembly.facts[0].peak.value() == 312e12);
  CHECK(assembly.facts[0].matmul_per_token.value() == 2.0 * (68'451'041'280.0 + 1'050'673'152.0));
  CHECK(assembly.facts[0].chips_per_instance == 4);
  // Scores and values of one pair: 2 * 2 * 64 heads * 128, in 80 layers.
  CHECK(assembly.facts[0].attention_per_pair.value() == 4.0 * 64 * 128 * 80);
}

TEST_CASE("resolved: defaults and catalogue entries stand in place and read again they give the same") {
  const config::Experiment first =
      read({.pools = "{serve: {role: prefill, parallel: {tensor: 2}}, answer: {role: decode}}"},
           {{"pools.serve.engine.max_num_seqs", "64"}});
  for (const char* part : {"max_num_seqs: 64", "max_num_batched_tokens: 8192", "memory_utilisation: 0.9",
                           "hidden: 4096", "round_robin", "t0: ", "schema: 1"}) {
    CAPTURE(part);
    CHECK(first.resolved.find(part) != std::string::npos);
  }
  const config::Experiment again = config::read_experiment(TempYaml(first.resolved).path(), {});
  CHECK(again.resolved == first.resolved);
  const Assembly a = assemble(first, {});
  const Assembly b = assemble(again, {});
  CHECK(a.pools[0].instances[0].blocks_per_rank == b.pools[0].instances[0].blocks_per_rank);
  const cost::StepShape shape{.decodes = 16, .decode_context = 16'000};
  CHECK(a.costs[0]->step(shape) == b.costs[0]->step(shape));
}

TEST_CASE("assemble: caches of all prefill instances share the cables of a torus between the pools") {
  // Half of a torus of 4 x 4 x 4 each: 2 * 16 cables of 100 GB/s, 0.9 of it payload, lead from one half to the other.
  const Assembly assembly = assemble(read({.topology = "tpu-v7-pod",
                                           .pools = "{a: {role: prefill, instances: 4, parallel: {tensor: 8}}, "
                                                    "b: {role: decode, instances: 4, parallel: {tensor: 8}}}"}),
                                     {});
  const topologies::FlowNetwork& ici = assembly.networks.at(0);
  REQUIRE(ici.plane == "ici");
  REQUIRE(ici.domains.size() == 2);
  CHECK(ici.domains[0].trunk.value() == doctest::Approx(2 * 16 * 100e9 * 0.9));
  CHECK(ici.domains[1].trunk == ici.domains[0].trunk);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(ici.endpoints[assembly.pools[0].endpoints[i][0][0].index()].domain == 0);
    CHECK(ici.endpoints[assembly.pools[1].endpoints[i][0][0].index()].domain == 1);
  }
}
