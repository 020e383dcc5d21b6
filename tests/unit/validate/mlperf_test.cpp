#include "sim/validate/mlperf.hpp"

#include "models/base/errors.hpp"
#include "sim/validate/mlperf_limits.hpp"
#include "sim/validate/mlperf_recipes.hpp"
#include "sim/validate/mlperf_rows.hpp"
#include "sim/validate/read_set.hpp"
#include "tests/support/data_file.hpp"
#include "tests/support/temp_yaml.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

using namespace tokenyard;
using namespace tokenyard::validate;
using files::CsvTable;
using metrics::Metric;
using metrics::RowFate;

namespace {

const std::string kHeader =
    "version,submitter,system,model,scenario,loadgen_scenario,valid,samples_per_s,tokens_per_s,target_qps,lat_mean_ms,"
    "lat_p50_ms,lat_p99_ms,ttft_mean_ms,ttft_p50_ms,ttft_p99_ms,tpot_mean_ms,tpot_p50_ms,tpot_p99_ms\n";
const std::string kOffline =
    "v5.1,NVIDIA,B200-SXM-180GBx8_TRT,llama2-70b-99,Offline,Offline,VALID,400,100000,376,,,,,,,,,\n";
const std::string kServer =
    "v5.1,Acme,X1_H200_SXM_141GBx16_TRT,llama2-70b-99.9,Server,Server,VALID,200,58400,202,40000,32000,150000,250,240,"
    "480,"
    "136,138,170\n";

MeasuredSet read(const std::string& rows) { return read_mlperf(CsvTable::parse("m.csv", kHeader + rows)); }

std::string setting(const Point& point, const std::string& path) {
  const auto found =
      std::find_if(point.settings.begin(), point.settings.end(), [&](const auto& one) { return one.path == path; });
  return found == point.settings.end() ? "" : found->value;
}

double figure(const Point& point, Metric metric) {
  return std::find_if(point.measured.begin(), point.measured.end(),
                      [&](const Measured& one) { return one.metric == metric; })
      ->value;
}

std::string mistake(const std::string& rows) {
  try {
    static_cast<void>(read(rows));
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

/// `row` with its first `from` replaced.
std::string with(std::string row, const std::string& from, const std::string& to) {
  return row.replace(row.find(from), from.size(), to);
}

}  // namespace

TEST_CASE("mlperf: a system's name tells its chip and how many of it there are") {
  const auto is = [](const char* written, const char* chip, std::uint32_t chips) {
    const MlperfSystem system = mlperf_system(written);
    return system.why.empty() && system.chip == chip && system.chips == chips;
  };
  CHECK(is("B200-SXM-180GBx8_TRT", "b200", 8));
  CHECK(is("SR680a_V3_B200SXMx8_TRT", "b200", 8));
  CHECK(is("Lenovo_8xH200_TRT", "h200", 8));
  CHECK(is("C885_H200x8", "h200", 8));
  CHECK(is("SMC_H100_SXM_80GBX8_TRT", "h100", 8));
  CHECK(is("DGX-H100_H100-SXM-80GBx32_TRT", "h100", 32));
  CHECK(mlperf_system("H200-SXM-141GBx8_TRT_Triton").triton);
}

TEST_CASE("mlperf: what is no SXM chip at its own power is told from what is") {
  const auto why = [](const char* written) { return mlperf_system(written).why; };
  CHECK(why("8xMI300X_2xEPYC_9575F") == "no configuration is known for MI300X; H100, H200 and B200 SXM are played");
  CHECK(why("GH200-GraceHopper-Superchip_GH200-144GB_aarch64x1_TRT").rfind("no configuration is known for GH200", 0) ==
        0);
  CHECK(why("D75E-4U_H200-NVL-141GBx4_TRT") == "H200 NVL or PCIe is another chip than the SXM one");
  CHECK(why("ESC8000A_E12_H100x8_TRT") == "H100 NVL or PCIe is another chip than the SXM one");
  CHECK(why("H200-SXM-141GB-CTSx8_TRT") == "H200 CTS, cooled for 1,000 W, is another chip than the SXM one");
  CHECK(why("H200-SXM-141GBx8_TRT_MaxQ") == "MaxQ: its chips are held below their power limit");
  CHECK(why("XE8640_4xH100_vLLM").find("not told") != std::string::npos);
  CHECK(why("H100_SXM") == "its system does not tell how many chips it has");
  CHECK(why("TPU_v6e") == "its system names no chip of NVIDIA's that is known");
}

TEST_CASE("mlperf: a submitter's own configuration goes before the one its round shares") {
  const MlperfRun shared{
      .round = "v5.1", .submitter = "NVIDIA", .chip = "b200-sxm", .llm = "llama-2-70b", .scenario = "interactive"};
  MlperfRun own = shared;
  own.submitter = "GigaComputing";
  CHECK(mlperf_recipe(shared)->tokens == 768);
  CHECK(!mlperf_recipe(shared)->own);
  CHECK(mlperf_recipe(own)->tokens == 512);
  CHECK(mlperf_recipe(own)->own);
  MlperfRun unknown = shared;
  unknown.round = "v4.1";
  CHECK(!mlperf_recipe(unknown));
}

TEST_CASE("mlperf: a table of lengths keeps its shape and gets the mean that is asked for") {
  // Straight from 10 to 30 and from 30 to 90, half of the draws each: means 20 and 60, 40 of all.
  const LengthTable table{.at = {0, 0.5, 1}, .tokens = {10, 30, 90}};
  CHECK(table.mean() == doctest::Approx(40.0).epsilon(1e-15));
  CHECK(table.scaled_to(80.0).tokens == std::vector<double>{20, 60, 180});
  CHECK(table.scaled_to(1.0).tokens == std::vector<double>{1, 1, 2});  // no request has less than a token
  for (const char* llm : {"llama-2-70b", "llama-3.1-8b", "llama-3.1-405b", "mixtral-8x7b"}) {
    CAPTURE(llm);
    const auto lengths = mlperf_lengths(llm);
    REQUIRE(lengths);
    for (const LengthTable* one : {&lengths->prompt, &lengths->output}) {
      CHECK(one->at.front() == 0.0);
      CHECK(one->at.back() == 1.0);
      CHECK(std::is_sorted(one->at.begin(), one->at.end()));
      CHECK(std::is_sorted(one->tokens.begin(), one->tokens.end()));
      CHECK(one->at.size() == one->tokens.size());
    }
  }
  // Rounding to whole tokens moves the mean by half a token at most.
  CHECK(mlperf_lengths("llama-2-70b")->prompt.mean() == doctest::Approx(191.0).epsilon(0.5 / 191.0));
  CHECK(mlperf_lengths("llama-3.1-405b")->prompt.mean() == doctest::Approx(9400.0).epsilon(0.5 / 9400.0));
  CHECK(!mlperf_lengths("deepseek-r1"));
}

TEST_CASE("mlperf: an offline row plays one copy with its slots full and compares tokens/s of a chip") {
  const Point point = read(kOffline).points.at(0);
  CHECK(point.scored.fate == RowFate::Played);
  CHECK(point.scored.engine == "trtllm offline");
  CHECK(point.scored.precision == "nvfp4");
  CHECK(point.scored.layout == "8 x tp1");
  CHECK(point.scored.readings.empty());
  CHECK(setting(point, "topology") == "hgx-b200");
  CHECK(setting(point, "pools.serve.instances").empty());
  CHECK(setting(point, "pools.serve.engine.max_batch_size") == "2048");
  CHECK(setting(point, "pools.serve.engine.max_num_tokens") == "3584");
  CHECK(setting(point, "pools.serve.precision.kv") == "fp8");
  CHECK(setting(point, "workload.arrivals.concurrency") == "4096");
  // 1.5 x 2,048 samples of a copy at 400/8 a second take 61.44 s.
  CHECK(setting(point, "workload.warm_up") == "62s");
  CHECK(figure(point, Metric::Throughput) == doctest::Approx(12'500.0).epsilon(1e-15));  // 100,000 of 8 chips
  CHECK(point.measured.size() == 1);
}

TEST_CASE("mlperf: a server row is played at its rate and at its load") {
  const auto points = read(kServer).points;
  REQUIRE(points.size() == 5);
  const std::array statistics{Statistic::Mean, Statistic::Median, Statistic::P99};
  for (std::size_t i = 0; i < 3; ++i) {
    CAPTURE(i);
    CHECK(points[i].scored.engine == "trtllm server");
    CHECK(setting(points[i], "workload.arrivals.rate") == "202/s");
    CHECK(setting(points[i], "workload.requests") == "48480");  // 240 s of them
    CHECK(setting(points[i], "workload.warm_up") == "96s");
    CHECK(setting(points[i], "pools.serve.instances") == "16");
    CHECK(setting(points[i], "topology.nodes") == "2");
    CHECK(points[i].measured.size() == 3);
    for (const Measured& one : points[i].measured) CHECK(one.statistic == statistics[i]);
  }
  CHECK(figure(points[2], Metric::Ttft) == doctest::Approx(0.48).epsilon(1e-15));
  CHECK(points[0].scored.readings.size() == 1);  // not NVIDIA's own
  // Little's law: 202/s that stay 40 s are 8,080 in the system, 505 in each of 16 copies.
  const Point& loaded = points[3];
  CHECK(loaded.scored.engine == "trtllm server, its load");
  CHECK(setting(loaded, "workload.arrivals.concurrency") == "505");
  CHECK(setting(loaded, "pools.serve.instances").empty());
  CHECK(figure(loaded, Metric::Throughput) == doctest::Approx(58'400.0 / 16).epsilon(1e-15));
  CHECK(figure(loaded, Metric::Tpot) == doctest::Approx(0.136).epsilon(1e-15));
}

TEST_CASE("mlperf: a server row asks for the highest rate within its limits") {
  const Point point = read(kServer).points.at(4);
  CHECK(point.scored.engine == "trtllm server, highest rate");
  CHECK(point.scored.traffic == "server, p99 TTFT <= 2s, TPOT <= 0.2s");
  CHECK(setting(point, "workload.arrivals.rate").empty());
  CHECK(setting(point, "pools.serve.instances") == "16");
  REQUIRE(point.search);
  CHECK(point.search->ttft_s == 2.0);
  CHECK(point.search->tpot_s == 0.2);
  CHECK(point.search->span_s == doctest::Approx(4 * 0.2 * 292).epsilon(1e-15));  // 58,400 tokens of 200 samples
  // 202 calls a second of 292 tokens each on 16 chips.
  CHECK(figure(point, Metric::Throughput) == doctest::Approx(202.0 * 292 / 16).epsilon(1e-15));
  CHECK(point.measured.at(0).trap.empty());
  // Its 170 ms of TPOT are close to the limit; 90 ms beside 480 ms of TTFT are close to none.
  CHECK(read(with(kServer, ",170", ",90")).points.at(4).measured.at(0).trap.find("not the highest rate") !=
        std::string::npos);
}

TEST_CASE("mlperf: limits are the row's own or those of its model and scenario") {
  MlperfRow row{.scenario = MlperfScenario::Server};
  const auto is = [&](const char* llm, double ttft, double tpot) {
    const auto limits = mlperf_limits(row, llm);
    return limits && limits->ttft == ttft && limits->tpot == tpot;
  };
  CHECK(is("llama-2-70b", 2.0, 0.2));
  CHECK(is("llama-3.1-405b", 6.0, 0.175));
  row.scenario = MlperfScenario::Interactive;
  CHECK(is("llama-2-70b", 0.45, 0.04));
  CHECK(is("llama-3.1-405b", 4.5, 0.08));
  CHECK_FALSE(mlperf_limits(row, "mixtral-8x7b"));  // has no such scenario
  row.ttft_limit = 1.0;
  row.tpot_limit = 0.05;
  CHECK(is("mixtral-8x7b", 1.0, 0.05));
}

TEST_CASE("mlperf: the published logs name the limits that are known here") {
  const auto file = test::data_file("serving/mlperf/mlperf_v41_v51_closed_llm_log_summaries.csv");
  if (!file) return;  // said so
  const CsvTable table = CsvTable::read(*file);
  const std::map<std::string, std::string> names{
      {"llama2-70b-99", "llama-2-70b"},    {"llama2-70b-99.9", "llama-2-70b"},  {"mixtral-8x7b", "mixtral-8x7b"},
      {"llama3.1-405b", "llama-3.1-405b"}, {"llama3_1-405b", "llama-3.1-405b"}, {"llama3.1-8b", "llama-3.1-8b"},
      {"llama3_1-8b", "llama-3.1-8b"}};
  std::size_t compared = 0;
  for (const CsvTable::Row& line : table.rows()) {
    MlperfRow row = mlperf_log_row(table, line);
    const auto llm = names.find(row.model);
    if (llm == names.end() || row.scenario == MlperfScenario::Offline) continue;
    const MlperfLimits told{row.ttft_limit, row.tpot_limit};
    row.ttft_limit = 0.0;
    const auto known = mlperf_limits(row, llm->second);
    CAPTURE(line.line);
    REQUIRE(known);
    CHECK(known->ttft == doctest::Approx(told.ttft).epsilon(1e-12));
    CHECK(known->tpot == doctest::Approx(told.tpot).epsilon(1e-12));
    ++compared;
  }
  CHECK(compared == 292);  // all Server and Interactive runs with limits
}

TEST_CASE("mlperf: answers have the mean of the row") {
  const auto offline = read(kOffline).points.at(0);                           // 250 tokens a sample
  const auto longer = read(with(kOffline, "100000", "120000")).points.at(0);  // 300
  CHECK(setting(offline, "workload.output.tokens") != setting(longer, "workload.output.tokens"));
  CHECK(setting(offline, "workload.prompt.tokens") == setting(longer, "workload.prompt.tokens"));
  const auto at = [](const Point& point) { return setting(point, "workload.output.tokens"); };
  CHECK(at(offline).find(",212,") != std::string::npos);  // median: 250 exp(-sigma^2/2) = 250 x 250/292 of the table
}

TEST_CASE("mlperf: rows that cannot be played say why") {
  const auto why = [](const std::string& row) {
    const auto points = read(row).points;
    REQUIRE(points.size() == 1);
    CHECK(points[0].scored.fate == RowFate::Refused);
    return points[0].scored.why;
  };
  CHECK(why(with(kOffline, "VALID", "INVALID")) == "loadgen calls the run INVALID: its rules were not kept");
  CHECK(why(with(kOffline, ",Offline,VALID", ",SingleStream,VALID")) ==
        "runs of one stream are not played; Offline and Server are");
  CHECK(why(with(kOffline, "llama2-70b-99", "gptj-99")).rfind("no model 'gptj-99'", 0) == 0);
  CHECK(why(with(kOffline, "v5.1", "v4.1")).find("no configuration of v4.1 for llama-2-70b, offline, on b200-sxm") !=
        std::string::npos);
  CHECK(why(with(kOffline, ",400,100000", ",,")) == "nothing measured: no tokens/s");
  CHECK(why(with(kServer, ",202,", ",,")) == "no target_qps: when samples came is not told");
  // 100,000 tokens of 4 samples; 1,000,000 calls a second beside 58,400 tokens of 292 a call.
  CHECK(why(with(kOffline, ",400,", ",4,")).rfind("tokens_per_s over samples_per_s are 25000 tokens an answer", 0) ==
        0);
  CHECK(why(with(kServer, ",202,", ",1000000,")).find("of which the run answered 200") != std::string::npos);
  CHECK(why(with(with(kOffline, "GBx8", "GBx6"), "llama2-70b-99", "llama3.1-405b")) ==
        "its chips are no whole number of copies of the layout");
}

TEST_CASE("mlperf: what is no number and no word of loadgen is a mistake with its place") {
  CHECK(mistake(kOffline + with(kServer, "58400", "58400 tok"))
            .rfind("m.csv:3: tokens_per_s: '58400 tok' is not a number", 0) == 0);
  CHECK(mistake(with(kServer, ",250,", ",-250,")).rfind("m.csv:2: ttft_mean_ms: ", 0) == 0);
  CHECK(mistake(with(kOffline, "VALID", "MAYBE")) == "m.csv:2: valid: 'MAYBE' is not VALID or INVALID");
  CHECK(mistake(with(kOffline, ",Offline,VALID", ",Offlin,VALID")) ==
        "m.csv:2: loadgen_scenario: 'Offlin' is no scenario of loadgen; Offline, Server, Interactive, SingleStream and "
        "MultiStream are; is 'offline' meant?");
  // A row of a chip that is not played is read all the same.
  CHECK(mistake(with(with(kOffline, "B200-SXM-180GBx8", "8xMI300X"), "400", "many"))
            .rfind("m.csv:2: samples_per_s: ", 0) == 0);
}

TEST_CASE("mlperf: of a round's summary the offline results are played with the answers it tells") {
  const std::string header =
      "ID,Submitter,Platform,UsedModel,Scenario,Performance_Result,Performance_Units,Accuracy,Location\n";
  const std::string offline =
      "5.1-0001,NVIDIA,B200-SXM-180GBx8_TRT,llama2-70b-99,Offline,100000,Tokens/s,ROUGE1: 44.4  TOKENS_PER_SAMPLE: "
      "250,\n";
  const auto set = read_mlperf(CsvTable::parse(
      "s.csv", header + offline + with(offline, "Offline", "Server") + with(offline, "Tokens/s", "Queries/s")));
  // The log of the same run: 400 samples/s of 250 tokens.
  const Point logged = read(kOffline).points.at(0);
  const Point& told = set.points.at(0);
  CHECK(figure(told, Metric::Throughput) == figure(logged, Metric::Throughput));
  for (const auto& one : logged.settings) {
    CAPTURE(one.path);
    CHECK(setting(told, one.path) == one.value);
  }
  CHECK(set.points.at(1).scored.why == "no target_qps: when samples came is not told");
  CHECK(set.points.at(2).scored.why == "nothing measured: no tokens/s");
}

TEST_CASE("mlperf: its tables are told apart by their headers") {
  TempYaml folder{""};
  folder.add("serving.csv", kHeader + kOffline);
  folder.add("power.csv", "version,submitter,system,model,scenario,mean_active_W\nv4.1,N,H200,l,Offline,4609\n");
  folder.add("short.csv", "system,model,scenario,loadgen_scenario,valid,sample_per_s,tokens_per_s\n");
  const auto error = [&](const char* name) {
    try {
      static_cast<void>(read_set(folder.path(name).string(), ""));
    } catch (const UserError& mistake) {
      return std::string(mistake.what());
    }
    return std::string();
  };
  CHECK(read_set(folder.path("serving.csv").string(), "").kind == "mlperf");
  CHECK(error("power.csv").find("power.csv:1: holds watts of MLPerf's power runs") != std::string::npos);
  CHECK(error("short.csv")
            .find("nearest are rows of MLPerf, which also have: samples_per_s (is 'sample_per_s' meant?)") !=
        std::string::npos);
}

TEST_CASE("mlperf: every row of the published rounds is played or says why not") {
  const auto path = test::data_file("serving/mlperf/mlperf_v41_v51_closed_llm_log_summaries.csv");
  if (!path) return;
  const CsvTable table = CsvTable::read(*path);
  const MeasuredSet set = read_mlperf(table);
  std::set<std::uint64_t> rows;
  std::map<std::string, std::size_t> played;
  for (const Point& point : set.points) {
    rows.insert(point.scored.row);
    CHECK((point.scored.fate == RowFate::Played) == point.scored.why.empty());
    if (point.scored.fate != RowFate::Played) continue;
    CHECK(!point.measured.empty());
    ++played[point.scored.engine];
  }
  CHECK(rows.size() == table.rows().size());
  CHECK(played.at("trtllm offline") > 100);
  CHECK(played.at("trtllm server") == 3 * played.at("trtllm server, its load"));
  CHECK(played.at("trtllm interactive") == 3 * played.at("trtllm interactive, its load"));
}
