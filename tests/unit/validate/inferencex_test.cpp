#include "models/base/errors.hpp"
#include "sim/validate/read_set.hpp"
#include "sim/validate/recipes.hpp"
#include "tests/support/source_root.hpp"
#include "tests/support/temp_yaml.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

using namespace tokenyard;
using namespace tokenyard::validate;
using metrics::Metric;
using metrics::RowFate;

namespace {

constexpr const char* kHeader =
    "id,model,system,precision,mode,backend,version,isl,osl,concurrency,tp,pp,attn_dp,moe_tp,moe_ep,gpus,ttft_ms,tpot_"
    "ms,"
    "derived_out_tok_s_per_gpu_closed_loop\n";

Point point(const std::string& row) {
  return read_inferencex(files::CsvTable::parse("p.csv", kHeader + row + "\n")).points.at(0);
}

/// The value a row sets; empty when it does not.
std::string setting(const Point& point, const std::string& path) {
  const auto found =
      std::find_if(point.settings.begin(), point.settings.end(), [&](const auto& one) { return one.path == path; });
  return found == point.settings.end() ? "" : found->value;
}

bool was_read(const Point& point, const char* part) {
  return std::any_of(point.scored.readings.begin(), point.scored.readings.end(),
                     [&](const std::string& reading) { return reading.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("InferenceX: a row is a closed loop of ten requests a user with lengths from four fifths to nominal") {
  const Point dense = point("r,meta-llama/Llama-3.1-70B,h200_sxm,fp8,agg,vllm,,1024,8192,16,4,1,1,1,1,4,80,10,100");
  CHECK(dense.scored.fate == RowFate::Played);
  CHECK(dense.config == "configs/validation/closed-loop.yaml");
  CHECK(setting(dense, "topology") == "hgx-h200");
  CHECK(setting(dense, "llm") == "llama-3.1-70b");
  CHECK(setting(dense, "pools.serve.parallel.tensor") == "4");
  CHECK(setting(dense, "pools.serve.precision.weights") == "fp8");
  CHECK(setting(dense, "workload.arrivals.concurrency") == "16");
  CHECK(setting(dense, "workload.requests") == "160");
  CHECK(setting(dense, "workload.prompt.min") == "820");  // ceil(0.8 * 1024)
  CHECK(setting(dense, "workload.prompt.max") == "1024");
  CHECK(setting(dense, "workload.output.min") == "6554");  // ceil(0.8 * 8192)
  REQUIRE(dense.measured.size() == 3);
  CHECK(dense.measured[0].statistic == Statistic::Mean);  // TTFT
  CHECK(dense.measured[0].value == doctest::Approx(0.08).epsilon(1e-15));
  CHECK(dense.measured[1].statistic == Statistic::Median);  // TPOT
  CHECK(dense.measured[2].value == doctest::Approx(100.0).epsilon(1e-15));
}

TEST_CASE("InferenceX: a layout multiplied twice is read as the chips it ran on and its rate a chip follows") {
  const Point r1 = point("r,deepseek-ai/DeepSeek-R1,b200_sxm,fp8,agg,sglang,,1024,1024,64,64,1,1,8,8,64,80,10,100");
  CHECK(r1.scored.layout == "tp8 ep8");
  CHECK(setting(r1, "pools.serve.parallel.tensor") == "8");
  CHECK(setting(r1, "pools.serve.parallel.expert") == "8");
  CHECK(was_read(r1, "g*g"));
  // 100 tok/s on each of 64 chips that were 8
  CHECK(r1.measured[2].value == doctest::Approx(800.0).epsilon(1e-15));
  const Point ranks = point("r,deepseek-ai/DeepSeek-R1,b200_sxm,fp8,agg,trtllm,,1024,1024,64,1,1,64,8,8,64,80,10,");
  CHECK(ranks.scored.layout == "dp8 ep8");
  // 2 x 2 of Qwen3-235B are four chips indeed
  const Point qwen = point("r,Qwen/Qwen3-235B-A22B-FP8,h200_sxm,fp8,agg,vllm,,1024,1024,64,4,1,1,2,2,4,80,10,");
  CHECK(qwen.scored.layout == "tp4 ep2");
}

TEST_CASE("InferenceX: TensorRT-LLM computes as many tokens of Llama 70B in a step as a request may have") {
  const auto tokens = [](const char* lengths) {
    return setting(
        point(std::string("r,meta-llama/Llama-3.3-70B,h200_sxm,fp8,agg,trtllm,,") + lengths + ",16,4,1,1,1,1,4,80,10,"),
        "pools.serve.engine.max_num_tokens");
  };
  CHECK(tokens("1024,1024") == "2048");
  CHECK(tokens("8192,1024") == "9216");
}

TEST_CASE("InferenceX: vLLM of 2025 computes prompts over an FP8 cache by a slower kernel on Blackwell only") {
  const auto times = [](const char* system) {
    return setting(
        point(std::string("r,meta-llama/Llama-3.3-70B,") + system + ",fp8,agg,vllm,,8192,1024,16,4,1,1,1,1,4,80,10,"),
        "pools.serve.engine.fp8_prompt_attention");
  };
  CHECK(times("b200_sxm") == "2.2");
  CHECK(times("h200_sxm").empty());
}

TEST_CASE("InferenceX: SGLang sends as many tokens in an event as its start script says") {
  const auto sent = [](const char* model, const char* system, const char* precision) {
    return setting(point(std::string("r,") + model + "," + system + "," + precision +
                         ",agg,sglang,,1024,1024,16,8,1,1,1,8,8,80,10,"),
                   "pools.serve.engine.front_end.per_output_token");
  };
  CHECK(sent("deepseek-ai/DeepSeek-R1", "b200_sxm", "fp8") == "1.5 us");  // 46 us / 30
  CHECK(sent("deepseek-ai/DeepSeek-R1", "b200_sxm", "fp4") == "4.6 us");  // 46 us / 10
  CHECK(sent("deepseek-ai/DeepSeek-R1", "h200_sxm", "fp8") == "4.6 us");
  CHECK(sent("Qwen/Qwen3-32B", "h100_sxm", "").empty());  // the profile's: an event a token
}

TEST_CASE("InferenceX: number formats follow checkpoint and engine") {
  const auto formats = [](const char* row) {
    const Point read = point(row);
    return setting(read, "pools.serve.precision.weights") + " " + setting(read, "pools.serve.precision.experts") + " " +
           setting(read, "pools.serve.precision.kv");
  };
  CHECK(formats("r,Qwen/Qwen3-32B,h100_sxm,,agg,vllm,,1024,1024,8,2,1,1,1,1,2,80,10,") == "bf16  bf16");
  CHECK(formats("r,Qwen/Qwen3-32B,h100_sxm,fp8,agg,trtllm,,1024,1024,8,2,1,1,1,1,2,80,10,") == "fp8_block  fp8");
  CHECK(formats("r,openai/gpt-oss-120b,h200_sxm,fp4,agg,trtllm,,1024,1024,8,2,1,1,2,1,2,80,10,") ==
        "bf16 native bf16");  // MXFP4, by the chip's kernels
  const char* r1_fp4 = "r,deepseek-ai/DeepSeek-R1,b200_sxm,fp4,agg,sglang,,1024,1024,8,8,1,1,8,1,8,80,10,";
  CHECK(formats(r1_fp4) == "bf16 nvfp4 fp8");
  CHECK(setting(point(r1_fp4), "pools.serve.precision.ffn") == "nvfp4");
  CHECK(setting(point(r1_fp4), "pools.serve.precision.attention_output") == "nvfp4");
  CHECK(formats("r,deepseek-ai/DeepSeek-R1,h200_sxm,fp8,agg,sglang,,1024,1024,8,8,1,1,8,1,8,80,10,") ==
        "fp8_block fp8_block bf16");
}

TEST_CASE("InferenceX: prefill and decode apart are two pools and chips beyond a node are nodes") {
  const auto set = read_inferencex(files::CsvTable::parse(
      "p.csv",
      "model,system,precision,mode,backend,isl,osl,concurrency,prefill_workers,prefill_tp,prefill_ep,decode_workers,"
      "decode_tp,"
      "decode_ep,ttft_ms\nQwen/Qwen3-32B,h100_sxm,fp8,disagg,vllm,4000,1000,64,2,4,,1,8,,500\n"));
  const Point& split = set.points.at(0);
  CHECK(split.config == "configs/validation/closed-loop-split.yaml");
  CHECK(split.scored.layout == "2 x tp4 + tp8");
  CHECK(setting(split, "pools.prefill.instances") == "2");
  CHECK(setting(split, "pools.decode.parallel.tensor") == "8");
  CHECK(setting(split, "topology.nodes") == "2");
  CHECK(std::count(set.notes.begin(), set.notes.end(), "no column 'version': read as unknown") == 1);
}

TEST_CASE("InferenceX: a row that cannot be played is there with its reason") {
  CHECK(point("r,acme/Giant-9T,h200_sxm,fp8,agg,vllm,,1024,1024,16,4,1,1,1,1,4,80,10,")
            .scored.why.rfind("no model 'acme/Giant-9T'", 0) == 0);
  CHECK(point("r,meta-llama/Llama-3.1-70B,xyz,fp8,agg,vllm,,1024,1024,16,4,1,1,1,1,4,80,10,")
            .scored.why.rfind("no machine", 0) == 0);
  CHECK(point("r,meta-llama/Llama-3.1-70B,h200_sxm,fp8,agg,trtlm,,1024,1024,16,4,1,1,1,1,4,80,10,").scored.why ==
        "no backend 'trtlm'; vllm, sglang and trtllm are known; is 'trtllm' meant?");
  CHECK(point("r,meta-llama/Llama-3.1-70B,h200_sxm,fp3,agg,vllm,,1024,1024,16,4,1,1,1,1,4,80,10,")
            .scored.why.rfind("no precision 'fp3'", 0) == 0);
  CHECK(point("r,meta-llama/Llama-3.1-70B,h200_sxm,fp8,agg,vllm,,1024,1024,,4,1,1,1,1,4,80,10,")
            .scored.why.rfind("no concurrency", 0) == 0);
  CHECK(point("r,meta-llama/Llama-3.1-70B,h200_sxm,fp8,agg,vllm,,1024,1024,16,4,1,1,1,1,4,,,")
            .scored.why.rfind("nothing measured", 0) == 0);
}

TEST_CASE("InferenceX: a field that is no number or a missing column is an error with file and row and column") {
  CHECK(user_error([] {
          (void)point("r,meta-llama/Llama-3.1-70B,h200_sxm,fp8,agg,vllm,,1024,1024,16,4,1,1,1,1,4,80 ms,10,");
        }).rfind("p.csv:2: ttft_ms: '80 ms' is not a number", 0) == 0);
  CHECK(user_error([] {
          (void)point("r,meta-llama/Llama-3.1-70B,h200_sxm,fp8,agg,vllm,,1k,1024,16,4,1,1,1,1,4,80,10,");
        }).rfind("p.csv:2: isl: '1k' is not a number", 0) == 0);
  CHECK(user_error([] { (void)read_inferencex(files::CsvTable::parse("p.csv", "system,isl,osl\n")); }) ==
        "p.csv:1: column 'model' is missing");
  const MeasuredSet seconds = read_inferencex(files::CsvTable::parse("p.csv", "model,system,isl,osl,tpot_s\n"));
  CHECK(std::count(seconds.notes.begin(), seconds.notes.end(),
                   "no column 'tpot_ms': read as not measured; is 'tpot_s' meant?") == 1);
}

TEST_CASE("InferenceX: a header of no kind is refused with the nearest kind and what it lacks") {
  const tests::TemporaryFolder here;
  tests::write_text(here / "p.csv", "model,system,isll,osl\n");
  CHECK(user_error([&] { (void)read_set(here / "p.csv", ""); }) ==
        (here / "p.csv") +
            ":1: the header is of no kind of measurements that is known; nearest are rows of InferenceX, "
            "which also have: isl (is 'isll' meant?); docs/validation.md names the columns of each");
  CHECK(user_error([&] { (void)read_set(here.path().string(), ""); }) ==
        here.path().string() + ": is a folder; a file of measurements is needed");
}

TEST_CASE("InferenceX: figures that do not mean what their column says are marked by a named rule") {
  const Point rc3 = point("r,Qwen/Qwen3-32B,h100_sxm,fp8,agg,trtllm,1.0.0rc3,1024,1024,8,2,1,1,1,1,2,80,10,");
  CHECK_FALSE(rc3.measured[0].trap.empty());  // TTFT
  CHECK(rc3.measured[1].trap.empty());        // TPOT
  const Point fixed = point("r,Qwen/Qwen3-32B,h100_sxm,,agg,sglang,0.5.1.post1,1024,1024,8,2,1,1,1,1,2,80,10,");
  CHECK(setting(fixed, "workload.prompt.min") == "1024");
  CHECK(was_read(fixed, "lengths fixed"));
}

TEST_CASE("InferenceX: P/D layouts that lost their workers are those of the start configuration with as many users") {
  const auto read = [](const char* rows) {
    return read_inferencex(
               files::CsvTable::parse(
                   "p.csv", std::string("model,system,precision,mode,backend,isl,osl,concurrency,prefill_workers,"
                                        "prefill_tp,decode_workers,decode_tp,decode_ep,gpus,tpot_ms,"
                                        "derived_out_tok_s_per_gpu_closed_loop\n") +
                                rows))
        .points;
  };
  // 1 prefill worker of 8 chips and 5 decode workers of 8 attention ranks: the rate of the 16 chips told is that of 48
  const Point one =
      read("deepseek-ai/DeepSeek-R1,b200_sxm,fp8,disagg,trtllm,1024,1024,1920,,8,,8,8,16,32,3000\n").at(0);
  CHECK(one.scored.layout == "dp8 ep8 + 5 x dp8 ep8");
  CHECK(setting(one, "topology.nodes") == "6");
  CHECK(setting(one, "pools.decode.instances") == "5");
  CHECK(setting(one, "pools.decode.parallel.attention_data") == "8");
  CHECK(one.measured.at(0).trap.empty());
  CHECK(one.measured.at(1).value == doctest::Approx(1000.0).epsilon(1e-15));
  // six users: with and without multi-token prediction; of two rows the faster one has it
  const auto two = read(
      "deepseek-ai/DeepSeek-R1,h100_sxm,fp8,disagg,trtllm,1024,1024,6,,16,,16,16,32,7.7,\n"
      "deepseek-ai/DeepSeek-R1,h100_sxm,fp8,disagg,trtllm,1024,1024,6,,16,,16,16,32,14.0,\n");
  CHECK(two.at(0).measured.at(0).trap == "P/D: the start configuration has multi-token prediction");
  CHECK(two.at(1).measured.at(0).trap.empty());
  CHECK(two.at(1).scored.layout == "dp16 ep16 + 3 x tp16 ep16");
  const Point unknown =
      read("deepseek-ai/DeepSeek-R1,h100_sxm,fp8,disagg,trtllm,1024,1024,5,,16,,16,16,32,7.7,\n").at(0);
  CHECK(unknown.measured.at(0).trap.rfind("P/D: how many workers there were is not told", 0) == 0);
}

TEST_CASE("InferenceX: of two rows alike but for their figures one that is far faster is suspected of speculation") {
  const std::string row =
      "r,deepseek-ai/DeepSeek-R1,h200_sxm,fp8,agg,trtllm,1.1.0rc2.post2,1024,1024,16,8,1,1,1,8,8,80,";
  const auto points =
      read_inferencex(files::CsvTable::parse("p.csv", kHeader + row + "10,\n" + row + "10.5,\n" + row + "6.9,\n"))
          .points;
  CHECK(points.at(0).measured.at(1).trap.empty());
  CHECK(points.at(1).measured.at(1).trap.empty());
  CHECK(points.at(2).measured.at(1).trap.rfind("speculation suspected", 0) == 0);
}

TEST_CASE("InferenceX: its own client's prompts take what random text of the model's tokenizer was measured to take") {
  const auto dated = [](const char* model, const char* day) {
    const std::string header = "model,system,precision,backend,measured,isl,osl,concurrency,tp,ttft_ms\n";
    const std::string row = std::string(model) + ",h200_sxm,fp8,sglang," + day + ",1024,1024,16,8,80\n";
    const Point point = read_inferencex(files::CsvTable::parse("p.csv", header + row)).points.at(0);
    return setting(point, "pools.serve.engine.front_end.per_prompt_token");
  };
  CHECK(dated("meta-llama/Llama-3.1-70B", "2026-03-25") == "2.5 us");
  CHECK(dated("deepseek-ai/DeepSeek-R1", "2026-03-25") == "3.6 us");
  CHECK(dated("meta-llama/Llama-3.1-70B", "").empty());  // others' clients: the profile's English

  // The figures are the means of our measurements.
  const files::CsvTable table =
      files::CsvTable::read((test::source_root() / "models/catalog/measured/tokenizers.csv").string());
  const std::map<std::string, std::string> served = {
      {"llama3_1", "llama-3.1-8b"}, {"qwen3", "qwen3-32b"}, {"deepseek_v3", "deepseek-r1"}, {"gpt4o", "gpt-oss-120b"}};
  std::map<std::string, std::pair<double, int>> sums;
  for (const files::CsvTable::Row& row : table.rows()) {
    if (table.text(row, "text") != "vocabulary") continue;
    auto& [sum, rows] = sums[table.text(row, "tokenizer")];
    sum += table.number(row, "us_per_token", 0.0, 100.0).value();
    ++rows;
  }
  REQUIRE(sums.size() == served.size());
  for (const auto& [tokenizer, sum] : sums) {
    INFO(tokenizer);
    const double mean = sum.first / sum.second;
    CHECK(std::stod(random_text_time(served.at(tokenizer))) == doctest::Approx(mean).epsilon(0.02));
  }
}
