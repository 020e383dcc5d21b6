#include "sim/report/table.hpp"
#include "tests/support/small_summary.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::report;

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// The words of the line that starts with `label`, with one blank between them.
std::string line(const std::string& text, const std::string& label) {
  for (const std::string& candidate : lines_of(text)) {
    const std::size_t start = candidate.find_first_not_of(' ');
    if (start == std::string::npos || candidate.compare(start, label.size(), label) != 0) continue;
    std::istringstream words(candidate.substr(start + label.size()));
    std::string joined;
    for (std::string word; words >> word;) joined += (joined.empty() ? "" : " ") + word;
    return joined;
  }
  return "no such line";
}

}  // namespace

TEST_CASE("run table: figures of the summary stand there with their units") {
  const std::string text = run_table(test::small_summary());
  INFO(text);
  CHECK(lines_of(text)[0] == "small");
  CHECK(lines_of(text)[1] ==
        "8 chips, 120 requests arrived, 110 finished, 100 measured; rates are of the 10.0 s to the last token");
  // mean, p50, p90 = 2 * mean, p99 = 4 * mean
  CHECK(line(text, "time to first token (TTFT)") == "12.3 ms 12.3 ms 24.6 ms 49.2 ms");
  CHECK(line(text, "TTFT from admission") == "2.30 ms 2.30 ms 4.60 ms 9.20 ms");
  CHECK(line(text, "end to end") == "2.56 s 2.56 s 5.12 s 10.2 s");
  CHECK(line(text, "in queue") == "10.0 ms 0.0039");  // 0.01 / 2.56
  CHECK(line(text, "decode ") == "2.50 s 0.9766");    // 2.5 / 2.56
  CHECK(line(text, "output tokens/s") == "1,280 160.0 50.00");
  CHECK(line(text, "prompt tokens/s") == "4,000 500.0");  // 4,000 / 8 chips
  CHECK(line(text, "chat: TTFT <= 500 ms, TPOT <= 50.0 ms") == "8.000 1,024 0.8000");
  CHECK(line(text, "main   ") == "2 x 4 ridge-100 0.7500 0.2500 0.5000 0.0625 0.3750");
  CHECK(line(text, "energy") == "25.6 kJ, 2.56 kW on average, 2.00 J per output token");
}

TEST_CASE("run table: it fits a terminal") {
  metrics::Summary summary = test::split_summary(std::string(300, 'n'));
  summary.classes[0].name = std::string(300, 'c');
  summary.pools[0].facts.chip = std::string(300, 'h');
  summary.notes = {
      "chips of pool prefill are a scenario: their figures are targets of a plan and were never measured, "
      "so read these results as a what-if"};
  const std::vector<std::string> lines = lines_of(run_table(summary));
  CHECK(lines.size() <= 48);
  for (const std::string& each : lines) CHECK(each.size() <= 100);
}

TEST_CASE("run table: an interrupted run says so first") {
  metrics::Summary summary = test::small_summary();
  summary.complete = false;
  CHECK(lines_of(run_table(summary))[0] ==
        "INCOMPLETE: the run was interrupted, these figures are of the 110 of 120 requests that had ended");
}

TEST_CASE("run table: parts that no request had are left out") {
  CHECK(line(run_table(test::small_summary()), "KV transfer") == "no such line");
  CHECK(line(run_table(test::split_summary()), "KV transfer") == "4.00 ms 0.0016");  // 0.004 / 2.56
}

TEST_CASE("run table: planes show what they carried") {
  CHECK(line(run_table(test::split_summary()), "scale_out") ==
        "3.00 TB 0.0500 420 GB 0.2100 prefill-0.0 up 0.4200 0.9300");
}

TEST_CASE("run table: a run in which nothing ended shows dashes") {
  metrics::Summary empty{.name = "nothing ended"};
  empty.classes = {{.name = "chat", .ttft = Seconds{1.0}, .tpot = Seconds{0.1}}};
  empty.by_class = {{}};
  empty.class_rates = {{}};
  const std::string text = run_table(empty);
  CHECK(line(text, "time per output token (TPOT)") == "- - - -");
  CHECK(line(text, "decode") == "- -");
  CHECK(line(text, "chat: TTFT <= 1.00 s, TPOT <= 100 ms") == "0 0 -");
  CHECK(text.find("nan") == std::string::npos);
}

TEST_CASE("run table: several classes stand under their sum") {
  metrics::Summary summary = test::small_summary();
  summary.classes.push_back({.name = "batch", .ttft = Seconds{30.0}, .tpot = Seconds{1.0}});
  summary.by_class.push_back({.requests = 4, .output_tokens = 40, .good_requests = 1, .good_output_tokens = 10});
  summary.class_rates.push_back({.good_requests_per_s = 0.1, .good_tokens_per_s = 1.0});
  const std::string text = run_table(summary);
  CHECK(line(text, "all classes") == "8.000 1,024 0.8000");
  CHECK(line(text, "batch: TTFT <= 30.0 s, TPOT <= 1.00 s") == "0.1000 1.000 0.2500");
}
