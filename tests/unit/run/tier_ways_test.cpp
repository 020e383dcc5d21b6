#include "sim/run/tier_ways.hpp"

#include "sim/run/assemble.hpp"
#include "sim/run/run.hpp"
#include "tests/support/temp_yaml.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

using namespace tokenyard;

namespace {

constexpr std::size_t kHost = 0;
constexpr std::size_t kPool = 2;

/// Llama-3.1-8B with tiers on a machine; `pools` with braces for what the pool's engine has besides.
config::Experiment experiment(const std::string& machine, const std::string& pools, const std::string& more = "") {
  const TempYaml file("schema: 1\nname: tiers\ntopology: " + machine + "\nllm: llama-3.1-8b\n" + more + "pools:\n" +
                      pools +
                      "workload:\n  kind: synthetic\n  arrivals: {kind: poisson, rate: 2 /s}\n"
                      "  prompt: {kind: constant, tokens: 100}\n  output: {kind: constant, tokens: 10}\n"
                      "  duration: 10 s\n");
  return config::read_experiment(file.path(), {});
}

std::string pool(const std::string& parallel, const std::string& tiers, const std::string& role = "mixed",
                 const std::string& name = "serve") {
  return "  " + name + ":\n    role: " + role + "\n    parallel: " + parallel +
         "\n    engine: {prefix_caching: true, cache: {tiers: " + tiers + "}}\n";
}

}  // namespace

TEST_CASE("tier ways: a tier takes rates and latency and capacity from the machine's store") {
  // Two of the four chips of a processor: 2 * 64 GB/s * 0.85 of PCIe, half of its 1 TB. There and back 2 us, 30 us of
  // software.
  const Assembly assembly = assemble(experiment("hgx-h100", pool("{tensor: 2}", "[{kind: host, latency: 30 us}]")), {});
  const kv::TierSpec& host = assembly.pools[0].instances[0].tiers->tiers[0];
  CHECK(host.on_links);
  CHECK(host.read.value() == doctest::Approx(2 * 64e9 * 0.85));
  CHECK(host.capacity.value() == doctest::Approx(0.5e12));
  CHECK(host.latency.value() == doctest::Approx(32e-6));
  REQUIRE(assembly.networks.size() == 1);
  CHECK(assembly.networks[0].plane == "pcie");
  REQUIRE(assembly.pools[0].tier_ways.size() == 1);
  const serving::TierWay& way = *assembly.pools[0].tier_ways[0].at(0)[kHost];
  REQUIRE(way.legs.size() == 1);
  CHECK(way.legs[0].share == 1.0);
  CHECK(assembly.networks[0].endpoints[way.legs[0].store.index()].name == "host 0");
  CHECK(way.before_read.value() == doctest::Approx(32e-6));
  CHECK_FALSE(assembly.links.has_value());  // collectives are on NVLink
}

TEST_CASE("tier ways: the chips of a whole node read the memory of both processors") {
  // 4 * 54.4 = 217.6 GB/s of links in front of 250 GB/s of memory, twice.
  const Assembly assembly = assemble(experiment("hgx-h100", pool("{tensor: 8}", "[{kind: host}]")), {});
  const serving::TierWay& way = *assembly.pools[0].tier_ways[0].at(0)[kHost];
  REQUIRE(way.legs.size() == 2);
  CHECK(way.legs[1].share == 0.5);
  CHECK(way.read.value() == doctest::Approx(8 * 54.4e9));
  CHECK(assembly.pools[0].instances[0].tiers->tiers[0].capacity.value() == doctest::Approx(2e12));
}

TEST_CASE("tier ways: every attention rank has ways of its own and lanes share them") {
  const Assembly assembly =
      assemble(experiment("hgx-h100", pool("{pipeline: 2, attention_data: 2}", "[{kind: host}]")), {});
  const serving::TierWays& ways = assembly.pools[0].tier_ways[0];
  REQUIRE(ways.size() == 4);  // two ranks, two lanes
  CHECK(ways[0][kHost]->legs[0].chips != ways[1][kHost]->legs[0].chips);
  CHECK(ways[0][kHost]->legs[0].chips == ways[2][kHost]->legs[0].chips);
}

TEST_CASE("tier ways: a pool on the plane of hand-offs is on their network") {
  const std::string machine = "{base: hgx-h100, nodes: 4, stores: {storage: {plane: ib}}}";
  const std::string pools = pool("{tensor: 8}", "[{kind: host}, {kind: pool}]", "prefill", "first") +
                            pool("{tensor: 8}", "[{kind: pool}]", "decode", "second");
  const Assembly assembly = assemble(experiment(machine, pools), {});
  REQUIRE(assembly.networks.size() == 2);
  CHECK(assembly.networks[0].plane == "ib");
  CHECK(assembly.networks[1].plane == "pcie");
  const auto& sending = *assembly.pools[0].tier_ways[0].at(0)[kPool];
  const auto& taking = *assembly.pools[1].tier_ways[0].at(0)[kPool];
  CHECK(sending.network == 0);
  CHECK(sending.legs[0].store == taking.legs[0].store);  // one endpoint for all its machines
  CHECK(sending.legs[0].chips == assembly.pools[0].endpoints[0][0][0]);
  CHECK(taking.legs[0].chips == assembly.pools[1].endpoints[0][0][0]);
  CHECK(assembly.pools[0].tier_ways[0].at(0)[kHost]->network == 1);
  CHECK_FALSE(assembly.pools[1].tier_ways[0].at(0)[kHost].has_value());
}

TEST_CASE("tier ways: where collectives use the links of a tier each is told of the other") {
  // The only plane of these servers carries all-reduces and host memory.
  const auto read = [](const std::string& more) {
    return assemble(experiment("rtx-pro-6000", pool("{tensor: 2}", "[{kind: host}]"), more), {});
  };
  const Assembly assembly = read("");
  REQUIRE(assembly.links.has_value());
  CHECK(assembly.links->footprints.size() == 1);
  CHECK(assembly.links->footprints[0].on_plane.tensor.inside);
  CHECK(assembly.footprints.size() == 1);
  CHECK_FALSE(read("network: {contention: off}\n").links.has_value());
}

TEST_CASE("tier ways: with collectives as flows every chip is an endpoint") {
  const Assembly assembly =
      assemble(experiment("hgx-h100", pool("{tensor: 4}", "[{kind: host}]"), "network: {fidelity: flow}\n"), {});
  const serving::TierWay& way = *assembly.pools[0].tier_ways[0].at(0)[kHost];
  CHECK(assembly.networks.at(way.network).plane == "pcie");
  REQUIRE(way.legs.size() == 4);
  CHECK(way.legs[3].share == 0.25);
}

TEST_CASE("tier ways: planes.offload chooses among stores of a kind") {
  const std::string machine =
      "{base: hgx-h100, nodes: 2, stores: {near: {kind: pool, plane: ib, nodes: 2, link: 50 GB/s, capacity: 1 TB}}}";
  const auto plane = [&](const std::string& more) {
    return assemble(experiment(machine, pool("{}", "[{kind: pool}]"), more), {}).networks.at(0).plane;
  };
  CHECK(plane("") == "frontend");
  CHECK(plane("planes: {offload: ib}\n") == "ib");
  const Assembly named = assemble(experiment(machine, pool("{}", "[{kind: pool, store: near}]")), {});
  CHECK(named.networks.at(0).plane == "ib");
}

TEST_CASE("tier ways: without a store a tier has the link that is given") {
  const Assembly assembly =
      assemble(experiment("{base: hgx-h100, stores: ~}",
                          pool("{}", "[{kind: host, capacity: 1 TB, read: 50 GB/s, write: 40 GB/s}]")),
               {});
  CHECK(assembly.pools[0].tier_ways.empty());
  CHECK(assembly.networks.empty());
  CHECK_FALSE(assembly.pools[0].instances[0].tiers->tiers[0].on_links);
}

TEST_CASE("tier ways: links record what tiers moved beside hand-offs") {
  // Hand-offs are longer on a link than their bytes, by what the connector leaves unused; blocks of tiers are not.
  const TempYaml file(
      "schema: 1\nname: both\ntopology: {base: hgx-h100, nodes: 2, stores: {storage: {plane: ib}}}\nllm: llama-3.1-8b\n"
      "pools:\n"
      "  first:\n    role: prefill\n    engine: {prefix_caching: true, blocks: 300, cache: {fetch: always, tiers: "
      "[{kind: "
      "pool, policy: write_through}]}}\n"
      "  second: {role: decode}\nplanes: {kv: ib}\n"
      "workload:\n  kind: synthetic\n  arrivals: {kind: poisson, rate: 4 /s}\n  clients:\n    - name: one\n"
      "      prompt: {kind: constant, tokens: 500}\n      output: {kind: constant, tokens: 4}\n"
      "      prefix: {groups: 4, tokens: 2000}\n  requests: 100\n");
  const metrics::Summary summary = run(config::read_experiment(file.path(), {}), {}).summary;
  const auto bytes = [&](const std::string& name) {
    const auto link = std::find_if(summary.links.begin(), summary.links.end(),
                                   [&](const metrics::LinkFigures& one) { return one.link == name; });
    REQUIRE(link != summary.links.end());
    return link->bytes;
  };
  const metrics::PoolFigures& prefill = summary.pools[0];
  const double block = prefill.facts.kv_block.value();
  REQUIRE(prefill.cache.read_blocks[kPool] > 0);
  const double read = static_cast<double>(prefill.cache.read_blocks[kPool]) * block;
  const double written = static_cast<double>(prefill.cache.written_blocks[kPool]) * block;
  CHECK(bytes("storage up") == doctest::Approx(read));
  CHECK(bytes("storage down") == doctest::Approx(written).epsilon(0.02));  // the last may be on its way
  // Out of the prefill chip go its caches and what it writes.
  const double token = block / prefill.facts.block_tokens;
  CHECK(bytes("group 0 up") == doctest::Approx(100 * 2500 * token + bytes("storage down")));
  CHECK(bytes("group 1 down") == doctest::Approx(100 * 2500 * token));
}
