#include "sim/report/json.hpp"

#include "models/base/errors.hpp"
#include "tests/support/small_summary.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <limits>
#include <sstream>
#include <string>

using namespace tokenyard;
using namespace tokenyard::report;
using nlohmann::ordered_json;

namespace {

std::string text_of(const metrics::Summary& summary) {
  std::ostringstream out;
  write_summary(summary, out);
  return out.str();
}

ordered_json json_of(const metrics::Summary& summary) { return ordered_json::parse(text_of(summary)); }

metrics::Summary read(const std::string& text) {
  std::istringstream in(text);
  return read_summary(in, "a.json");
}

/// What read_summary says of a text that it refuses.
std::string refused(const std::string& text) {
  try {
    (void)read(text);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("summary json: figures stand under keys that end in their unit") {
  const ordered_json json = json_of(test::split_summary("two pools"));
  CHECK(json.begin().key() == "report_schema");
  CHECK(json["report_schema"] == 1);
  CHECK(json["name"] == "two pools");
  CHECK(json["complete"] == true);
  CHECK(json["requests"]["measured"] == 100);
  CHECK(json["latency"]["ttft"]["count"] == 100);
  CHECK(json["latency"]["ttft"]["p99_s"] == 4 * 0.0123);
  CHECK(json["latency"]["e2e"]["mean_s"] == 2.56);
  CHECK(json["parts"]["decode"]["mean_s"] == 2.5);
  CHECK(json["parts"]["decode"]["share_of_e2e"] == 2.5 / 2.56);
  CHECK(json["throughput"]["output_tokens_per_s"] == 1280.0);
  CHECK(json["throughput"]["output_tokens_per_s_per_user"] == 50.0);
  CHECK(json["goodput"]["share"] == 0.8);
  CHECK(json["goodput"]["classes"][0]["ttft_target_s"] == 0.5);
  CHECK(json["goodput"]["classes"][0]["share"] == 0.8);  // 80 of 100
  CHECK(json["pools"].size() == 2);
  CHECK(json["pools"][1]["kv_occupancy_peak"] == 0.9);
  CHECK(json["pools"][1]["facts"]["peak_per_chip_flop_per_s"] == 1e15);
  CHECK(json["planes"][0]["busiest_link"] == "prefill-0.0 up");
  CHECK(json["energy"]["energy_j"] == 2 * 25'600.0);  // two pools of 25.6 kJ
  CHECK(json["energy"]["energy_per_output_token_j"] == 2.0);
  CHECK(json["notes"].empty());
}

TEST_CASE("summary json: what has no samples is null and never zero") {
  metrics::Summary empty{.name = "nothing ended"};
  empty.classes = {{.name = "chat", .ttft = Seconds{1.0}, .tpot = Seconds{0.1}}};
  empty.by_class = {{}};
  empty.class_rates = {{}};
  empty.pools = {{.facts = {.name = "p", .role = "mixed"}}};
  const ordered_json json = json_of(empty);
  CHECK(json["latency"]["tpot"]["count"] == 0);
  CHECK(json["latency"]["tpot"]["mean_s"].is_null());
  CHECK(json["latency"]["tpot"]["p99_s"].is_null());
  CHECK(json["parts"]["queue"]["share_of_e2e"].is_null());
  CHECK(json["throughput"]["output_tokens_per_s_per_user"].is_null());
  CHECK(json["goodput"]["share"].is_null());
  CHECK(json["goodput"]["classes"][0]["share"].is_null());
  CHECK(json["pools"][0]["mfu_decode_steps"].is_null());
  CHECK(json["energy"]["energy_per_output_token_j"].is_null());
  CHECK(json["throughput"]["output_tokens_per_s"] == 0.0);  // this one is true
}

TEST_CASE("summary json: no figure is NaN or infinite") {
  metrics::Summary summary = test::small_summary();
  summary.mean_power_w = std::numeric_limits<double>::quiet_NaN();
  summary.classes[0].ttft = Seconds{std::numeric_limits<double>::infinity()};
  const ordered_json json = json_of(summary);
  CHECK(json["energy"]["mean_power_w"].is_null());
  CHECK(json["goodput"]["classes"][0]["ttft_target_s"].is_null());
}

TEST_CASE("summary json: numbers are the shortest that read back") {
  metrics::Summary summary = test::small_summary();
  summary.ttft.mean_s = 0.1;
  summary.ttft.p50_s = 1.0 / 3.0;
  const std::string text = text_of(summary);
  CHECK(text.find("\"mean_s\": 0.1,") != std::string::npos);
  CHECK(text.find("\"p50_s\": 0.3333333333333333,") != std::string::npos);
}

TEST_CASE("summary json: the same summary gives the same bytes and ends its last line") {
  CHECK(text_of(test::split_summary()) == text_of(test::split_summary()));
  CHECK(text_of(test::split_summary()).ends_with("}\n"));
}

TEST_CASE("summary json: reading back and writing again changes nothing") {
  metrics::Summary summary = test::split_summary("caf\xC3\xA9");
  summary.complete = false;
  summary.exact_percentiles = false;
  summary.notes = {"one", "two \"quoted\""};
  summary.classes.push_back({.name = "batch", .ttft = Seconds{10.0}, .tpot = Seconds{1.0 / 3.0}});
  summary.by_class.push_back({.requests = 0});
  summary.class_rates.push_back({.good_requests_per_s = 0.5, .good_tokens_per_s = 7.0});
  summary.window_end = metrics::WindowEnd::EndOfSending;
  summary.tpot = {};
  const std::string text = text_of(summary);
  const metrics::Summary back = read(text);
  CHECK(text_of(back) == text);
  CHECK(back.name == summary.name);
  CHECK(back.classes[1].tpot == Seconds{1.0 / 3.0});
  CHECK(back.pools[1].facts.block_tokens == 16);
  CHECK(back.itl.count == 12'700);
  CHECK(back.window_end == metrics::WindowEnd::EndOfSending);
  CHECK(back.tpot.count == 0);
}

TEST_CASE("summary json: a text that is no summary is refused by name") {
  CHECK(refused("{").starts_with("a.json: is not a summary of tokenyard: "));
  CHECK(refused("{}").starts_with("a.json: is not a summary of tokenyard: "));
  CHECK(refused("{\"report_schema\": 2}") == "a.json: has report_schema 2, not 1");
  CHECK(refused("{\"report_schema\": 1, \"name\": 5}").starts_with("a.json: is not a summary of tokenyard: "));
}

TEST_CASE("summary json: a name that is not UTF-8 does not stop the results") {
  const ordered_json json = json_of(test::small_summary("bad \xFF byte"));
  CHECK(json["name"] == "bad \xEF\xBF\xBD byte");
}

TEST_CASE("summary json: a pool's prefix cache and its KV bytes and the tenants survive writing and reading") {
  metrics::Summary summary = test::small_summary();
  summary.pools[0].cache = {.asked_tokens = 1000,
                            .found_tokens = 250,
                            .asked_blocks = 60,
                            .found_blocks = 15,
                            .evicted_blocks = 7,
                            .recomputed_blocks = 3,
                            .repeated_tokens = 11};
  summary.tenants = {
      {.tenant = 4, .requests = 2, .prompt_tokens = 300, .cached_tokens = 100, .ttft = test::spread_of(2, 0.5)}};
  const ordered_json json = json_of(summary);
  const ordered_json& pool = json["pools"][0];
  CHECK(pool["prefix_cache"]["hit_rate_tokens"] == 0.25);
  CHECK(pool["prefix_cache"]["hit_rate_blocks"] == 0.25);
  CHECK(json["tenants"][0]["ttft"]["mean_s"] == 0.5);
  // 0.3 and 0.9 of 5,000 blocks of 2 MiB against 4 chips with 4 GB of weights and 80 GB of memory each.
  const double all = 5000 * 2097152.0;
  CHECK(pool["kv_mean_bytes"] == doctest::Approx(0.3 * all).epsilon(1e-12));  // rounding only
  CHECK(pool["kv_peak_share_of_weights"] == doctest::Approx(0.9 * all / 16e9).epsilon(1e-12));
  CHECK(pool["kv_mean_share_of_memory"] == doctest::Approx(0.3 * all / 320e9).epsilon(1e-12));

  const metrics::Summary back = read(text_of(summary));
  CHECK(back.pools[0].cache.found_tokens == 250);
  CHECK(back.pools[0].cache.recomputed_blocks == 3);
  CHECK(back.pools[0].cache.repeated_tokens == 11);
  CHECK(back.tenants.at(0).tenant == 4);
  CHECK(back.tenants.at(0).cached_tokens == 100);
  // Nobody asked: there is no rate.
  CHECK(json_of(test::small_summary())["pools"][0]["prefix_cache"]["hit_rate_tokens"].is_null());
}
