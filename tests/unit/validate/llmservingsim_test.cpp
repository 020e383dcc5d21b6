#include "sim/validate/llmservingsim.hpp"

#include "models/base/errors.hpp"
#include "tests/support/temp_yaml.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace tokenyard;
using namespace tokenyard::validate;
using metrics::Metric;
using metrics::RowFate;

namespace {

// Arrivals on one clock, stamps on another that is 1000 s behind, less 5 ms that the first request takes to be queued.
constexpr const char* kRequests =
    R"({"request_id": "a", "input_toks": 100, "output_toks": 11, "arrival_time": 2000.0, "queued_ts": 1000.005, "scheduled_ts": 1000.005, "first_token_ts": 1000.105, "last_token_ts": 1000.605}
{"request_id": "b", "input_toks": 100, "output_toks": 1, "arrival_time": 2001.0, "queued_ts": 1001.105, "scheduled_ts": 1001.105, "first_token_ts": 1001.505, "last_token_ts": 1001.505}
)";

struct Run {
  TempYaml folder{""};
  Run() {
    folder.add("requests.jsonl", kRequests);
    folder.add(
        "meta.json",
        R"({"model": "meta-llama/Llama-3.1-8B", "vllm_version": "0.19.0", "tensor_parallel_size": 2, "data_parallel_size": 1,
 "max_num_seqs": 128, "max_num_batched_tokens": 2048, "dataset_path": "workloads/some-300.jsonl"})");
    folder.add("config.json", R"({"hardware": "H100"})");
  }
  [[nodiscard]] std::string path() const { return folder.path("requests.jsonl").string(); }
};

double figure(const Point& point, Metric metric) {
  return std::find_if(point.measured.begin(), point.measured.end(),
                      [&](const Measured& one) { return one.metric == metric; })
      ->value;
}

}  // namespace

TEST_CASE("LLMServingSim: times are from arrival on the engine's clock") {
  const Run run;
  run.folder.add("some-300_lengths_hash16.jsonl", "{}\n");
  const auto set = read_llmservingsim(run.path(), kRequests, "");
  REQUIRE(set.points.size() == 3);
  const Point& mean = set.points[0];
  CHECK(mean.scored.fate == RowFate::Played);
  CHECK(mean.scored.layout == "tp2");
  // TTFT 100 and 500 ms after arrival; TPOT (1000.605 - 1000.105) / 10 of the one with two tokens or more
  CHECK(figure(mean, Metric::Ttft) == doctest::Approx(0.3).epsilon(1e-9));
  CHECK(figure(mean, Metric::Tpot) == doctest::Approx(0.05).epsilon(1e-9));
  CHECK(figure(mean, Metric::EndToEnd) == doctest::Approx(0.55).epsilon(1e-9));
  CHECK(figure(set.points[1], Metric::Ttft) == doctest::Approx(0.1).epsilon(1e-9));  // nearest rank of two
  CHECK(figure(set.points[2], Metric::Ttft) == doctest::Approx(0.5).epsilon(1e-9));
}

TEST_CASE("LLMServingSim: without the trace of the requests there is nothing to play") {
  const Run run;
  const auto set = read_llmservingsim(run.path(), kRequests, "");
  CHECK(set.points[0].scored.why.rfind("no some-300_lengths_hash16.jsonl beside the set", 0) == 0);
  run.folder.add("some-300_lengths_hash16.jsonl", "{}\n");
  CHECK(read_llmservingsim(run.path(), kRequests, "/nowhere").points[0].scored.fate == RowFate::Played);
}

TEST_CASE("LLMServingSim: a line without a stamp and a folder without its description are told") {
  const Run run;
  CHECK(user_error([&] { (void)read_llmservingsim("r.jsonl", "\n{\"arrival_time\": 1}\n", ""); }) ==
        "r.jsonl:2: queued_ts: is missing; a number is needed");
  CHECK(user_error([&] { (void)read_llmservingsim("r.jsonl", "{\"arrival_time\": \"x\"}\n", ""); }) ==
        "r.jsonl:1: arrival_time: 'x' is not a number");
  CHECK(user_error([&] { (void)read_llmservingsim("r.jsonl", "{\"arrival_time\": 1, \"arrival_time\": 2}\n", ""); }) ==
        "r.jsonl:1: arrival_time: is given twice; once would be right");
  CHECK(user_error([&] { (void)read_llmservingsim("r.jsonl", "\n", ""); }) == "r.jsonl: holds no request");
  const TempYaml empty("");
  CHECK(user_error([&] {
          (void)read_llmservingsim(empty.path("r.jsonl").string(), kRequests, "");
        }).find("meta.json: cannot be opened") != std::string::npos);
}
