#include "sim/validate/batches.hpp"

#include "models/base/errors.hpp"
#include "sim/validate/read_set.hpp"
#include "tests/support/temp_yaml.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace tokenyard;
using namespace tokenyard::validate;
using files::CsvTable;
using metrics::Metric;
using metrics::RowFate;

namespace {

std::string setting(const Point& point, const std::string& path) {
  const auto found =
      std::find_if(point.settings.begin(), point.settings.end(), [&](const auto& one) { return one.path == path; });
  return found == point.settings.end() ? "" : found->value;
}

const Measured& figure(const Point& point, Metric metric) {
  return *std::find_if(point.measured.begin(), point.measured.end(),
                       [&](const Measured& one) { return one.metric == metric; });
}

}  // namespace

TEST_CASE("batches: a row of splitwise is one batch whose prompts share a step without graphs or overlap") {
  const auto set = read_splitwise(CsvTable::parse("s.csv",
                                                  "model,hardware,prompt_size,batch_size,token_size,peak_power,average_"
                                                  "power,prompt_time,token_time,e2e_time,tensor_parallel\n"
                                                  "llama2-70b,a100-80gb,512,4,128,1,0.7,196,54,7168,8\n"
                                                  "llama2-70b,h100-80gb-pcap,512,4,128,1,0.7,196,54,7168,8\n"
                                                  "bloom-176b,h100-80gb,512,4,128,1,0.7,196,54,7168,8\n"));
  const Point& point = set.points.at(0);
  CHECK(point.scored.fate == RowFate::Played);
  CHECK(setting(point, "topology") == "dgx-a100");
  CHECK(setting(point, "llm") == "llama-2-70b");
  CHECK(setting(point, "workload.requests") == "4");
  CHECK(setting(point, "workload.arrivals.concurrency") == "4");
  CHECK(setting(point, "pools.serve.engine.max_num_batched_tokens") == "2048");
  CHECK(setting(point, "pools.serve.engine.profile") == "vllm-2023-eager");
  CHECK(setting(point, "pools.serve.precision.weights") == "bf16");
  CHECK(figure(point, Metric::Ttft).value == doctest::Approx(0.196).epsilon(1e-15));
  CHECK(figure(point, Metric::EndToEnd).value == doctest::Approx(7.168).epsilon(1e-15));
  CHECK(set.points.at(1).scored.why == "rows of a power-capped H100 are derived by the authors, not measured");
  CHECK(set.points.at(2).scored.why.rfind("no model 'bloom-176b'", 0) == 0);
}

TEST_CASE("batches: a row of LLM-Inference-Bench is compared by the time to its last token") {
  const auto set = read_inference_bench(CsvTable::parse(
      "a.csv",
      "Hardware,Num of Hardware,Framework,Model,Input Output Length,Batch Size,Parallelism Type,Latency,Throughput\n\n"
      "Nvidia H100 GPU,4,vLLM,meta-llama/Meta-Llama-3-70B,1024,16,Pipeline Parallelism,30,1092\n"
      "Nvidia H100 GPU,4,llama.cpp,meta-llama/Meta-Llama-3-70B,1024,16,TP,30,1092\n"
      "Nvidia H100 GPU,4,vLLM,meta-llama/Meta-Llama-3-70B,1024,16,Hybrid TP = 2 and PP = 2,30,1092\n"));
  const Point& point = set.points.at(0);
  CHECK(point.scored.fate == RowFate::Played);
  CHECK(setting(point, "pools.serve.parallel.pipeline") == "4");
  CHECK(setting(point, "workload.prompt.tokens") == "1024");
  CHECK(setting(point, "workload.output.tokens") == "1024");
  CHECK(figure(point, Metric::EndToEnd).statistic == Statistic::Makespan);
  CHECK(point.measured.size() == 1);  // their throughput is computed from the latency
  CHECK(set.points.at(1).scored.why == "no engine 'llama.cpp'; vLLM and TensorRT-LLM are known");
  CHECK(set.points.at(2).scored.why == "no layout 'Hybrid TP = 2 and PP = 2'; TP and PP are known");
}

TEST_CASE("batches: TensorRT-LLM's offline rows queue every request at once") {
  const char* header =
      "model,chip,gpus,tp,weights_precision,isl,osl,num_requests(all queued at "
      "t=0),output_tok_s_total,output_tok_s_per_gpu\n";
  const auto set = read_offline(
      CsvTable::parse("o.csv", std::string(header) + "Llama-3.3-70B,H100,2,TP2,FP8,128,2048,3000,6651,3325.5\n"));
  const Point& point = set.points.at(0);
  CHECK(setting(point, "workload.requests") == "3000");
  CHECK(setting(point, "pools.serve.parallel.tensor") == "2");
  // 2 x 80 GiB less 70.6 GB in FP8, 0.95 of it: 96.2e9 B over 2,176 tokens of 2 x 80 x 8 x 128 B hold 270 requests,
  // rounded up to 384; 270 x (1 + 128/2,048) are below the least limit.
  CHECK(setting(point, "pools.serve.engine.max_batch_size") == "384");
  CHECK(setting(point, "pools.serve.engine.max_num_tokens") == "2048");
  CHECK(setting(point, "pools.serve.precision.kv") == "fp8");
  CHECK(figure(point, Metric::Throughput).statistic == Statistic::OutputTokensToEnd);
  const auto moe = read_offline(
      CsvTable::parse("o.csv", std::string(header) + "Qwen3-235B-A22B,H100,8,TP8,FP8,1000,1000,3000,14898,1\n"));
  CHECK(setting(moe.points.at(0), "pools.serve.parallel.tensor") == "1");
  CHECK(setting(moe.points.at(0), "pools.serve.parallel.attention_data") == "8");
  CHECK(setting(moe.points.at(0), "pools.serve.parallel.expert") == "8");
  CHECK(setting(moe.points.at(0), "pools.serve.precision.weights") == "fp8");  // NVIDIA's, not Qwen's
  CHECK(user_error([&] {
          (void)read_offline(CsvTable::parse("o.csv", std::string(header) + "m,H100,2,2,FP8,128,2048,3000,1,1\n"));
        }) == "o.csv:2: tp: '2' is not TP and a number");
  CHECK(user_error([&] {
          (void)read_offline(CsvTable::parse("o.csv", std::string(header) + "m,H100,2,TP2,FP8,,2048,3000,1,1\n"));
        }) == "o.csv:2: isl: is empty; a count from 1 on is needed");
}
