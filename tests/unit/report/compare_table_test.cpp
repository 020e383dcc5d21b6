#include "models/base/errors.hpp"
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

/// The cells of the line `label` in the block that starts with the line `block`: two blanks or more stand between them.
std::vector<std::string> cells(const std::string& text, const std::string& block, const std::string& label) {
  bool inside = block.empty();
  for (const std::string& line : lines_of(text)) {
    if (line == block) inside = true;
    const std::string start = (block.empty() ? "" : "  ") + label + "  ";
    if (!inside || line.compare(0, start.size(), start) != 0) continue;
    std::vector<std::string> found;
    std::size_t at = start.size();
    while ((at = line.find_first_not_of(' ', at)) != std::string::npos) {
      const std::size_t end = std::min(line.find("  ", at), line.size());
      found.push_back(line.substr(at, end - at));
      at = end;
    }
    return found;
  }
  return {"no such line"};
}

using Cells = std::vector<std::string>;

metrics::Summary faster() {
  metrics::Summary summary = test::small_summary("faster");
  summary.ttft.p99_s = 0.0005;
  summary.chips = 16;
  return summary;
}

}  // namespace

TEST_CASE("compare table: three designs stand side by side") {
  const std::string text = compare_table({test::small_summary("base"), faster(), test::split_summary()});
  INFO(text);
  CHECK(cells(text, "", "design") == Cells{"base", "faster", "split"});
  CHECK(cells(text, "", "chips") == Cells{"8", "16", "8"});
  CHECK(cells(text, "latency", "TTFT p99") == Cells{"49.2 ms", "500 us", "49.2 ms"});  // 4 * 12.3 ms
  CHECK(cells(text, "latency", "ITL mean") == Cells{"19.5 ms", "19.5 ms", "19.5 ms"});
  CHECK(cells(text, "mean time", "KV transfer") == Cells{"0 s", "0 s", "4.00 ms"});
  CHECK(cells(text, "throughput", "output tokens/s per chip") == Cells{"160.0", "160.0", "160.0"});
  CHECK(cells(text, "goodput", "share of requests") == Cells{"0.8000", "0.8000", "0.8000"});
  CHECK(cells(text, "energy", "J per output token") == Cells{"2.000", "2.000", "2.000"});
}

TEST_CASE("compare table: pools are matched by role and planes by name") {
  const std::string text = compare_table({test::small_summary("base"), test::split_summary(), faster()});
  INFO(text);
  CHECK(cells(text, "mixed pool", "MFU") == Cells{"0.2500", "-", "0.2500"});
  CHECK(cells(text, "mixed pool", "instances x chips") == Cells{"2 x 4", "-", "2 x 4"});
  CHECK(cells(text, "decode pool", "MFU") == Cells{"-", "0.0321", "-"});
  CHECK(cells(text, "prefill pool", "MFU in prefill steps") == Cells{"-", "0.5000", "-"});
  CHECK(cells(text, "network scale_out", "KV hand-offs") == Cells{"-", "420 GB", "-"});
  CHECK(cells(text, "network scale_out", "collectives") == Cells{"-", "3.00 TB", "-"});
  CHECK(cells(text, "network scale_out", "mean utilisation by them") == Cells{"-", "0.0500", "-"});
}

TEST_CASE("compare table: two pools of one role are told apart") {
  metrics::Summary summary = test::small_summary("two");
  summary.pools.push_back(summary.pools[0]);
  summary.pools[1].preemptions = 77;
  const std::string text = compare_table({summary, test::small_summary("one")});
  CHECK(cells(text, "mixed pool", "preemptions") == Cells{"4", "4"});
  CHECK(cells(text, "mixed pool 2", "preemptions") == Cells{"77", "-"});
}

TEST_CASE("compare table: every row ends where its column ends") {
  const std::vector<metrics::Summary> designs{test::small_summary("a-rather-long-name-of-a-design-with-tp8"),
                                              test::split_summary("a-rather-long-name-of-a-design-with-tp16"),
                                              faster()};
  for (std::size_t count = 2; count <= 6; ++count) {
    std::vector<metrics::Summary> some;
    for (std::size_t i = 0; i < count; ++i) some.push_back(designs[i % 3]);
    const std::vector<std::string> lines = lines_of(compare_table(some));
    const std::size_t width = lines[0].size();
    CHECK(width <= 100);
    for (const std::string& line : lines) {
      // Blank lines and headings hold no cells. Every other row is filled to its last column.
      // The second line of a name may end earlier.
      const bool heading =
          &line == &lines[1] || line.empty() || (line[0] != ' ' && line.find("  ") == std::string::npos);
      if (!heading) CHECK(line.size() == width);
    }
  }
}

TEST_CASE("compare table: long names take two lines and break between words") {
  // Five designs leave (100 - 27) / 5 - 2 = 12 characters a column.
  const metrics::Summary shorter = test::small_summary("gb200-nvl72");
  const metrics::Summary longer = test::small_summary("supernode-1024");
  const metrics::Summary number = test::small_summary("cloudmatrix384");
  const std::string text = compare_table({shorter, longer, shorter, shorter, number});
  const std::vector<std::string> lines = lines_of(text);
  CHECK(cells(text, "", "design") == Cells{"gb200-nvl72", "supernode-", "gb200-nvl72", "gb200-nvl72", "cloudmatrix"});
  CHECK(lines[1].find_first_not_of(' ') == lines[1].rfind("1024"));
  CHECK(lines[1].ends_with(" 384"));
  // Right under its first half: both end at the end of the column.
  CHECK(lines[1].find("1024") + 4 == lines[0].find("supernode-") + std::string("supernode-").size());
}

TEST_CASE("compare table: names longer than two lines keep both ends") {
  // Two designs: 24 characters a line, 48 in all.
  const std::string middle(60, 'x');
  const std::string text = compare_table({test::small_summary("llama" + middle + "tp4"), test::small_summary("other")});
  CHECK(cells(text, "", "design")[0].starts_with("llama"));
  CHECK(lines_of(text)[1].ends_with("xtp4"));
}

TEST_CASE("compare table: an interrupted run is named in the first line") {
  metrics::Summary half = test::split_summary("half");
  half.complete = false;
  const std::string text = compare_table({test::small_summary("whole"), half});
  CHECK(lines_of(text)[0] == "INCOMPLETE: half (interrupted: figures of the requests that had ended)");
}

TEST_CASE("compare table: notes say whose they are") {
  metrics::Summary plan = test::small_summary("plan");
  plan.notes = {"scenario chip"};
  CHECK(lines_of(compare_table({test::small_summary(), plan})).back() == "note: plan: scenario chip");
}

TEST_CASE("compare table: no designs are a bug") { CHECK_THROWS_AS(compare_table({}), BugError); }
