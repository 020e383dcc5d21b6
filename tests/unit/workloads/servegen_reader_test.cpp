#include "workloads/servegen_reader.hpp"

#include "models/base/errors.hpp"
#include "tests/support/byte_sources.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::workloads;
using doctest::Approx;

namespace {

/// A folder whose files stand in the test.
class Folder final : public ByteSource {
 public:
  explicit Folder(std::map<std::string, std::string> files) : files_(std::move(files)) {}
  [[nodiscard]] std::size_t read(char*, std::size_t) override { return 0; }
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] std::unique_ptr<ByteSource> beside(const std::string& file) const override {
    const auto found = files_.find(file);
    return found == files_.end() ? nullptr : std::make_unique<test::TextBytes>(found->second);
  }

 private:
  std::map<std::string, std::string> files_;
  std::string name_ = "folder";
};

std::map<std::string, std::string> two_clients() {
  return {{"chunk-0-trace.csv", "0,20,2,Gamma,0.25,0.1\n600,0,0,,0,0\n1200,10,1,Weibull,1,0.1\n"},
          {"chunk-0-dataset.json",
           "{\"0\": {\"input_tokens\": \"{100: 0.5, 300: 0.5}\", \"output_tokens\": \"{7: 1.0}\"}, \"1200\": "
           "{\"input_tokens\": \"{50: 1}\", \"output_tokens\": \"{}\"}}"},
          {"chunk-1-trace.csv", "0,5,1,Gamma,1,0.2\n600,5,1,Gamma,1,0.2\n"},
          {"chunk-1-dataset.json",
           "{\"0\": {\"text_tokens\": \"{10: 1}\", \"image_count\": \"{2: 1}\", \"image_tokens\": \"{500: 1}\", "
           "\"output_tokens\": \"{1: 0.25, 9: 0.75}\"}}"}};
}

}  // namespace

TEST_CASE("servegen: clients keep their rates and families and lengths window by window") {
  double counts[2] = {0, 0};
  double gap_cv = 0.0;
  double input = 0.0;
  double output = 0.0;
  constexpr int kSeeds = 20;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    ServegenReader reader(std::make_unique<Folder>(two_clients()), seed);
    TraceRecord record;
    std::int64_t last = 0;
    double previous = 0.0;
    double sum = 0.0;
    double squares = 0.0;
    int gaps = 0;
    while (reader.next(record)) {
      CHECK(*record.at_ns >= last);
      last = *record.at_ns;
      const double at_s = static_cast<double>(last) * 1e-9;
      ++counts[record.tenant];
      if (record.tenant == 1) {
        CHECK(record.prompt_tokens == 10 + 2 * 500);
        output += static_cast<double>(record.output_tokens);
        CHECK(at_s < 1200.0);
        continue;
      }
      CHECK((at_s < 600.0 || at_s >= 1200.0));
      CHECK(record.output_tokens == 7);
      input += static_cast<double>(record.prompt_tokens);
      if (at_s >= 600.0) continue;
      sum += at_s - previous;
      squares += (at_s - previous) * (at_s - previous);
      previous = at_s;
      ++gaps;
    }
    const double mean = sum / gaps;
    gap_cv += std::sqrt(squares / gaps - mean * mean) / mean / kSeeds;
  }
  // 600 s at 20 /s and 600 s at 10 /s; 1200 s at 5 /s. A window begins without memory: of a gamma of shape 1/4 its
  // first gap is no longer than others, so a window holds up to (CV^2 - 1) / 2 = 1.5 requests more than rate * time.
  CHECK(counts[0] / kSeeds == Approx(18'000).epsilon(0.02));
  CHECK(counts[1] / kSeeds == Approx(6'000).epsilon(0.02));
  CHECK(gap_cv == Approx(2.0).epsilon(0.02));  // 1 / sqrt(1/4)
  CHECK(input / counts[0] == Approx(200.0).epsilon(0.02));
  CHECK(output / counts[1] == Approx(7.0).epsilon(0.02));
}

TEST_CASE("servegen: what is missing or malformed is told") {
  const auto refusal = [](const std::string& file, const std::string& text) {
    auto files = two_clients();
    if (text.empty()) {
      files.erase(file);
    } else {
      files[file] = text;
    }
    try {
      ServegenReader reader(std::make_unique<Folder>(files), 0);
    } catch (const UserError& error) {
      return std::string(error.what());
    }
    return std::string{};
  };
  CHECK(refusal("chunk-0-trace.csv", "") ==
        "folder: chunk-0-trace.csv is not there; a folder of ServeGen's chunks is needed");
  CHECK(refusal("chunk-1-dataset.json", "") == "folder: chunk-1-dataset.json is not there");
  for (const char* const bad :
       {"x", "0,1", "0,1,1,Pareto,1,1", "0,1,1,Gamma,-1,1", "5,1,1,Gamma,1,1\n0,1,1,Gamma,1,1"}) {
    INFO(bad);
    CHECK(refusal("chunk-0-trace.csv", bad).find("is not window_start,rate,cv,Gamma or Weibull") != std::string::npos);
  }
  for (const char* const bad :
       {"[]", "{\"0\": 5}", "{\"x\": {}}", "{\"0\": {\"input_tokens\": \"1: 2\"}}", "{\"0\": {\"input_tokens\": 4}}"}) {
    INFO(bad);
    CHECK_FALSE(refusal("chunk-0-dataset.json", bad).empty());
  }
}
