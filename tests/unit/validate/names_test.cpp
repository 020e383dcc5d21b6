#include "sim/validate/names.hpp"

#include <doctest/doctest.h>

using namespace tokenyard::validate;

TEST_CASE("names: organisation and format and tuning of a checkpoint do not change which model it is") {
  CHECK(llm_named("meta-llama/Llama-3.1-70B-Instruct").name == "llama-3.1-70b");
  CHECK(llm_named("nvidia/Llama-3.1-8B-Instruct-FP8").name == "llama-3.1-8b");
  CHECK(llm_named("Qwen/Qwen3-235B-A22B-FP8").name == "qwen3-235b-a22b");
  CHECK(llm_named("nvidia/DeepSeek-R1-NVFP4").name == "deepseek-r1");
  CHECK(llm_named("deepseek-ai/DeepSeek-R1-0528").name == "deepseek-r1");
  CHECK(llm_named("openai/gpt-oss-120b").name == "gpt-oss-120b");
  CHECK(llm_named("llama2-70b-99.9").name == "llama-2-70b");
  CHECK(llm_named("meta-llama/Llama-2-70b-hf").name == "llama-2-70b");
  CHECK(llm_named("mistralai/Mistral-7B-v0.1").name == "mistral-7b");
  CHECK(llm_named("Qwen/Qwen2-7B").name == "qwen2-7b");
}

TEST_CASE("names: a model of the same shape is played and said to be another") {
  const Named llm = llm_named("meta-llama/Llama-3.3-70B-Instruct");
  CHECK(llm.name == "llama-3.1-70b");
  CHECK(llm.reading == "Llama 3.3 70B is played as Llama 3.1 70B: the same shape");
}

TEST_CASE("names: a model that the catalogue does not have is told with the nearest") {
  const Named llm = llm_named("acme/Lama-3.1-70B");
  CHECK(llm.name.empty());
  CHECK(llm.why == "no model 'acme/Lama-3.1-70B' in models/catalog/llms; the nearest is llama-3.1-70b");
}

TEST_CASE("names: the first word that is a chip of ours names the machine and counts before it do not matter") {
  CHECK(machine_named("h200_sxm").topology == "hgx-h200");
  CHECK(machine_named("Nvidia H100 GPU").chip == "h100-sxm");
  CHECK(machine_named("a100-80gb").topology == "dgx-a100");
  CHECK(machine_named("8xMI300X_2xEPYC_9575F").chip == "mi300x");
  CHECK(machine_named("gb200").topology == "gb200-nvl72");
  CHECK(machine_named("b200_sxm").topology == "hgx-b200");
  CHECK(machine_named("xyz9000").topology.empty());
  CHECK(machine_named("xyz9000").why == "no machine with chips 'xyz9000' in topologies");
  CHECK(machine_named("h220_sxm").why == "no machine with chips 'h220_sxm' in topologies; the nearest is h200");
  CHECK(machine_named("8xMI300_x").why == "no machine with chips '8xMI300_x' in topologies; the nearest is mi300x");
}
