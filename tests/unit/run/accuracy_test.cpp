#include "sim/run/accuracy.hpp"

#include "tests/support/temp_yaml.hpp"

#include <doctest/doctest.h>

using namespace tokenyard;

namespace {

constexpr const char* kHeader =
    "chip,model,engine,format,moe,split,longest_prompt,batch_from,batch_to,metric,n,median,mean,p90,bias\n";

std::string told(const std::string& row) {
  const TempYaml folder("");
  folder.add("accuracy.csv", kHeader + row + "\n");
  const std::string path = folder.path("accuracy.csv").string();
  const std::string message = user_error([&] { (void)read_accuracy(path); });
  return message.rfind(path, 0) == 0 ? message.substr(path.size()) : message;
}

}  // namespace

TEST_CASE("accuracy file: a line is read as it was written") {
  const TempYaml folder("");
  folder.add("accuracy.csv", std::string(kHeader) + "h100,llama,vllm,fp8,1,0,8000,17,64,TTFT,12,0.1,0.2,0.3,-0.05\n");
  const auto lines = read_accuracy(folder.path("accuracy.csv").string());
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].chip == "h100");
  CHECK(lines[0].format == "fp8");
  CHECK(lines[0].longest_prompt == 8000);
  CHECK(lines[0].moe);
  CHECK_FALSE(lines[0].split);
  CHECK(lines[0].batch_to == 64);
  CHECK(lines[0].metric == metrics::Metric::Ttft);
  CHECK(lines[0].errors.n == 12);
  CHECK(lines[0].errors.bias == -0.05);
}

TEST_CASE("accuracy file: what is not such a line is told with its place") {
  CHECK(told("h100,llama,vllm,fp8,yes,0,8000,17,64,TTFT,12,0.1,0.2,0.3,0") == ":2: moe: 'yes' is not 0 or 1");
  CHECK(told("h100,llama,vllm,fp8,1,0,8000,17,64,speed,12,0.1,0.2,0.3,0") ==
        ":2: metric: 'speed' is not TTFT, TPOT, throughput or E2E");
  CHECK(told("h100,llama,vllm,fp8,1,0,8000,17,64,TTFT,,0.1,0.2,0.3,0") ==
        ":2: n: is empty; a count from 1 on is needed");
  CHECK(told("h100,llama,vllm,fp8,1,0,8000,17,64,TTFT,1,-0.1,0.2,0.3,0") ==
        ":2: median: '-0.1' is out of range; from 0 to 100");
}
