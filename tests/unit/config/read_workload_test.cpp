#include "sim/config/read_workload.hpp"

#include "models/base/errors.hpp"
#include "sim/config/catalog.hpp"
#include "tests/support/temporary_folder.hpp"
#include "workloads/lengths.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::config;
using namespace tokenyard::workloads;
using doctest::Approx;
using doctest::Contains;

namespace {

/// Reads `text` as the whole of w.yaml, whose root is the workload.
WorkloadSpec read(const std::string& text, const std::vector<Override>& overrides = {}) {
  const tests::TemporaryFolder folder;
  tests::write_text(folder / "w.yaml", text);
  return read_workload(YamlMap::load(folder / "w.yaml", "workload", overrides));
}

const SyntheticSpec& synthetic(const WorkloadSpec& spec) { return std::get<SyntheticSpec>(spec.source); }

/// What reading `text` ends with, from the file's name on; empty when it does not fail.
std::string refusal(const std::string& text, const std::vector<Override>& overrides = {}) {
  try {
    static_cast<void>(read(text, overrides));
  } catch (const UserError& error) {
    const std::string what = error.what();
    const std::size_t name = what.find("w.yaml");
    return name == std::string::npos ? what : what.substr(name);
  }
  return "";
}

const std::string kChat =
    "kind: synthetic\n"
    "arrivals: {kind: gamma, rate: 5.53 /s, cv: 1.094}\n"
    "prompt: {kind: lognormal, median: 800, sigma: 1.1}\n"
    "output: {kind: constant, tokens: 200}\n"
    "duration: 600 s\n";

}  // namespace

TEST_CASE("read workload: a mixture of lengths and a deadline") {
  const WorkloadSpec spec = read(
      "kind: synthetic\n"
      "arrivals: {kind: poisson, rate: 1 /s}\n"
      "prompt: {kind: mixture, parts: [{weight: 3, kind: constant, tokens: 10}, {kind: uniform, min: 5, max: 9}]}\n"
      "output: {kind: constant, tokens: 200}\n"
      "duration: 600 s\n"
      "slo: {default: {e2e: 10 s}}\n");
  const auto& mixture = std::get<MixtureLength>(synthetic(spec).clients[0].prompt);
  CHECK(mixture.weight == std::vector<double>{3.0, 1.0});
  REQUIRE(mixture.parts.size() == 2);
  CHECK(std::get<UniformLength>(mixture.parts[1]).max == 9);
  CHECK(spec.classes[0].e2e == Seconds{10.0});
}

TEST_CASE("read workload: when the users of a class give up") {
  const WorkloadSpec spec =
      read(kChat +
           "slo:\n"
           "  calm: {}\n"
           "  hasty:\n"
           "    patience: {first_token: {kind: constant, time: 5 s}, answer: {kind: exponential, mean: 1 min}, cancel: "
           "0.1,\n"
           "               cancel_after: {kind: constant, time: 9 s}, attempts: 3, backoff: 2 s}\n");
  REQUIRE(spec.classes.size() == 2);
  CHECK_FALSE(spec.classes[0].patience.has_value());
  REQUIRE(spec.classes[1].patience.has_value());
  const PatienceSpec& patience = *spec.classes[1].patience;
  CHECK(std::get<ConstantTime>(*patience.first_token).time == Seconds{5.0});
  CHECK(std::get<ExponentialTime>(*patience.answer).mean == Seconds{60.0});
  CHECK(patience.cancel == 0.1);
  CHECK(std::get<ConstantTime>(*patience.cancel_after).time == Seconds{9.0});
  CHECK(patience.attempts == 3);
  CHECK(patience.backoff == Seconds{2.0});
}

TEST_CASE("read workload: an open loop with one kind of client") {
  const WorkloadSpec spec = read(kChat + "warm_up: 60 s\n");
  const auto& arrivals = std::get<GammaArrivals>(synthetic(spec).arrivals);
  CHECK(arrivals.rate.value() == Approx(5.53).epsilon(1e-12));
  CHECK(arrivals.cv == Approx(1.094).epsilon(1e-12));
  REQUIRE(synthetic(spec).clients.size() == 1);
  CHECK(std::get<LognormalLength>(synthetic(spec).clients[0].prompt).max == kMaxTokens);
  CHECK(std::get<ConstantLength>(synthetic(spec).clients[0].output).tokens == 200);
  CHECK(spec.duration == SimTime{600'000'000'000});
  CHECK(spec.warm_up == SimTime{60'000'000'000});
  CHECK_FALSE(spec.requests.has_value());
}

TEST_CASE("read workload: one class of 2 s and 50 ms when none is given") {
  const WorkloadSpec spec = read(kChat);
  REQUIRE(spec.classes.size() == 1);
  CHECK(spec.classes[0].name == "default");
  CHECK(spec.classes[0].ttft == Seconds{2.0});
  CHECK(spec.classes[0].tpot.value() == Approx(0.05).epsilon(1e-12));
}

TEST_CASE("read workload: scale multiplies the rate of an open loop") {
  CHECK(std::get<GammaArrivals>(synthetic(read(kChat + "scale: 2\n")).arrivals).rate.value() ==
        Approx(11.06).epsilon(1e-12));
}

TEST_CASE("read workload: a closed loop with classes and clients") {
  const WorkloadSpec spec = read(
      "kind: synthetic\n"
      "arrivals: {kind: closed_loop, concurrency: 64}\n"
      "clients:\n"
      "  - {name: chat, weight: 0.8, slo_class: interactive, prompt: {kind: uniform, min: 10, max: 20},\n"
      "     output: {kind: constant, tokens: 5}}\n"
      "  - {name: nightly, weight: 0.2, prompt: {kind: constant, tokens: 9},\n"
      "     output: {kind: empirical, at: [0, 0.5, 1], tokens: [1, 2, 30]}}\n"
      "slo: {batch: {ttft: 60 s, tpot: 1 s}, interactive: {ttft: 500 ms}}\n"
      "requests: 1000\n");
  CHECK(std::get<ClosedLoop>(synthetic(spec).arrivals).concurrency == 64);
  REQUIRE(synthetic(spec).clients.size() == 2);
  CHECK(synthetic(spec).clients[0].slo_class == "interactive");
  CHECK(synthetic(spec).clients[1].slo_class.empty());
  CHECK(std::get<EmpiricalLength>(synthetic(spec).clients[1].output).tokens.back() == Approx(30.0).epsilon(1e-12));
  REQUIRE(spec.classes.size() == 2);
  CHECK(spec.classes[0].name == "batch");  // in the order of the file
  CHECK(spec.classes[1].tpot.value() == Approx(0.05).epsilon(1e-12));
  CHECK(spec.requests == 1000);
}

TEST_CASE("read workload: a trace with its window") {
  const tests::TemporaryFolder folder;
  tests::write_text(folder / "w.yaml",
                    "kind: trace\ntrace: {path: data/a.csv, speedup: 2.5, window_start: 10 s, window: 10 min}\n");
  const WorkloadSpec spec = read_workload(YamlMap::load(folder / "w.yaml", "workload"));
  const auto& trace = std::get<TraceSpec>(spec.source);
  CHECK(trace.path == folder / "data/a.csv");  // relative to the file that names it
  CHECK(trace.format == "auto");
  CHECK(trace.speedup == Approx(2.5).epsilon(1e-12));
  CHECK(trace.window_start == SimTime{10'000'000'000});
  CHECK(trace.window == SimTime{600'000'000'000});
}

TEST_CASE("read workload: --set reaches every part") {
  const std::string text = "kind: trace\ntrace: {path: a.csv}\n";
  const WorkloadSpec spec = read(text, {{"trace.path", "/data/b.csv"}, {"trace.speedup", "3"}});
  CHECK(std::get<TraceSpec>(spec.source).path == "/data/b.csv");
  CHECK(std::get<TraceSpec>(spec.source).speedup == Approx(3.0).epsilon(1e-12));
  const WorkloadSpec relative = read(text, {{"trace.path", "b.csv"}});
  CHECK(std::get<TraceSpec>(relative.source).path == (std::filesystem::current_path() / "b.csv").string());
  CHECK(refusal(text, {{"trace.speedup", "0"}}) == "--set: trace.speedup: 0 is out of range; from 0.001 to 1e+06");
}

TEST_CASE("read workload: a preset needs only an end") {
  const WorkloadSpec spec = read("preset: azure-2023-conversation\nduration: 600 s\n");
  const auto& arrivals = std::get<GammaArrivals>(synthetic(spec).arrivals);
  CHECK(arrivals.rate.value() == Approx(5.53).epsilon(1e-12));
  CHECK(arrivals.cv == Approx(1.094).epsilon(1e-12));
  CHECK(std::get<EmpiricalLength>(synthetic(spec).clients[0].prompt).at.size() > 100);
}

TEST_CASE("read workload: keys beside a preset go before its own") {
  SUBCASE("scale: twice the traffic") {
    const WorkloadSpec spec = read("preset: azure-2023-conversation\nscale: 2\nrequests: 10\n");
    CHECK(std::get<GammaArrivals>(synthetic(spec).arrivals).rate.value() == Approx(11.06).epsilon(1e-12));
  }
  SUBCASE("one key of a mapping leaves the others") {
    const WorkloadSpec spec = read("preset: azure-2023-conversation\narrivals: {rate: 3 /s}\nrequests: 10\n");
    CHECK(std::get<GammaArrivals>(synthetic(spec).arrivals).rate == PerSecond{3.0});
    CHECK(std::get<GammaArrivals>(synthetic(spec).arrivals).cv == Approx(1.094).epsilon(1e-12));
  }
  SUBCASE("another kind replaces the whole mapping") {
    const WorkloadSpec spec =
        read("preset: azure-2023-conversation\narrivals: {kind: closed_loop, concurrency: 8}\nrequests: 10\n");
    CHECK(std::get<ClosedLoop>(synthetic(spec).arrivals).concurrency == 8);
  }
  SUBCASE("~ takes a key away") {
    const WorkloadSpec spec = read(
        "preset: azure-2023-conversation\nprompt: ~\noutput: ~\nrequests: 10\n"
        "clients: [{name: a, prompt: {kind: constant, tokens: 1}, output: {kind: constant, tokens: 1}}]\n");
    CHECK(synthetic(spec).clients[0].name == "a");
  }
  SUBCASE("--set goes before both") {
    const WorkloadSpec spec =
        read("preset: azure-2023-conversation\nrequests: 10\n", {{"preset", "chat-short"}, {"arrivals.rate", "7 /s"}});
    CHECK(std::get<PoissonArrivals>(synthetic(spec).arrivals).rate == PerSecond{7.0});
  }
}

TEST_CASE("read workload: every preset is whole and says where it comes from") {
  const std::vector<std::string> names = catalog_names("workloads/presets");
  CHECK(names.size() >= 12);
  for (const std::string& name : names) {
    INFO(name);
    const WorkloadSpec spec = read("preset: " + name + "\nduration: 1 min\n");
    CHECK(synthetic(spec).clients.size() == 1);
    YamlMap preset = YamlMap::load(catalog_root() / "workloads/presets" / (name + ".yaml"), "workload");
    CHECK(preset.text("name") == name);
    CHECK_FALSE(preset.text("source").empty());
    CHECK_FALSE(preset.text("leaves_out").empty());
  }
}

TEST_CASE("read workload: presets draw the mean lengths of their sources") {
  struct Source {
    std::string preset;
    double prompt;
    double output;
  };
  // Means of the raw lengths; the tables stand within 0.9 % of them, and a mean of 10^5 draws has a standard deviation
  // of up to 1 % (sd / mean of the DeepSeek prompts is 3.3). Together 3 %.
  const std::vector<Source> sources{{"azure-2023-conversation", 1154.7, 211.1},
                                    {"azure-2023-code", 2047.8, 27.9},
                                    {"chat-short", 61.7, 162.1},
                                    {"summarization", 2753.1, 170.5},
                                    {"creation", 307.7, 1144.3},
                                    {"deepseek-r1", 1268.2, 1527.4},
                                    {"kimi-conversation", 12035.1, 342.6},
                                    {"rag", 2943.6, 283.2},
                                    {"azure-2024-code", 2511, 23},
                                    {"claude-code", 27234.8, 439.2}};
  constexpr int kDraws = 100'000;
  for (const Source& source : sources) {
    INFO(source.preset);
    const WorkloadSpec spec = read("preset: " + source.preset + "\nduration: 1 min\n");
    RandomStream stream{1, "presets"};
    double prompt = 0.0;
    double output = 0.0;
    for (int i = 0; i < kDraws; ++i) {
      prompt += draw_length(synthetic(spec).clients[0].prompt, stream);
      output += draw_length(synthetic(spec).clients[0].output, stream);
    }
    CHECK(prompt / kDraws == Approx(source.prompt).epsilon(0.03));
    CHECK(output / kDraws == Approx(source.output).epsilon(0.03));
  }
}

TEST_CASE("read workload: what was read can be read again") {
  const tests::TemporaryFolder folder;
  tests::write_text(folder / "e.yaml", "workload: {preset: azure-2023-code, scale: 2, requests: 10}\n");
  YamlMap experiment = YamlMap::load(folder / "e.yaml", "experiment");
  static_cast<void>(read_workload(experiment.map("workload", "workload")));
  tests::write_text(folder / "again.yaml", experiment.resolved());
  YamlMap again = YamlMap::load(folder / "again.yaml", "experiment");
  const WorkloadSpec spec = read_workload(again.map("workload", "workload"));
  CHECK(std::get<GammaArrivals>(synthetic(spec).arrivals).rate.value() == Approx(2 * 2.567).epsilon(1e-12));
  CHECK(again.resolved() == experiment.resolved());
}

TEST_CASE("read workload: refusals name the place and what would be right") {
  const std::string head =
      "kind: synthetic\nprompt: {kind: constant, tokens: 1}\noutput: {kind: constant, tokens: 1}\n";
  const std::string poisson = head + "arrivals: {kind: poisson, rate: 1 /s}\n";
  SUBCASE("a rate of 0") {
    CHECK(refusal(head + "arrivals: {kind: poisson, rate: 0 /s}\nrequests: 1\n") ==
          "w.yaml:4:33: arrivals.rate: must be above 0, such as 5 /s");
  }
  SUBCASE("a rate without a unit") {
    CHECK(refusal(head + "arrivals: {kind: poisson, rate: 5}\nrequests: 1\n") ==
          "w.yaml:4:33: arrivals.rate: '5' needs a unit, one of: /s, /min, /h");
  }
  SUBCASE("a cv where it means nothing") {
    CHECK(refusal(head + "arrivals: {kind: poisson, rate: 5 /s, cv: 2}\nrequests: 1\n") ==
          "w.yaml:4:39: arrivals.cv: has no meaning here, beside the other keys of this mapping");
  }
  SUBCASE("an unknown kind") {
    CHECK(refusal(head + "arrivals: {kind: poison, rate: 5 /s}\nrequests: 1\n") ==
          "w.yaml:4:18: arrivals.kind: 'poison' is not known; one of: constant, poisson, gamma, weibull, mmpp, "
          "on_off, batch, closed_loop; is "
          "'poisson' "
          "meant?");
  }
  SUBCASE("an unknown key") {
    CHECK(refusal(poisson + "request: 1\nrequests: 1\n") == "w.yaml:5:1: request: unknown key; is 'requests' meant?");
  }
  SUBCASE("no end") {
    CHECK(refusal(poisson) ==
          "w.yaml:1:1: duration: give a duration, a number of requests or both; else it never ends");
  }
  SUBCASE("a warm-up as long as the run") {
    CHECK(refusal(poisson + "duration: 10 s\nwarm_up: 10 s\n") ==
          "w.yaml:6:10: warm_up: must be shorter than the arrivals last, else nothing is counted");
  }
  SUBCASE("a scale beside a closed loop") {
    CHECK(refusal(head + "arrivals: {kind: closed_loop, concurrency: 2}\nscale: 2\nrequests: 1\n") ==
          "w.yaml:5:1: scale: has no meaning here, beside the other keys of this mapping");
  }
  SUBCASE("clients beside a prompt") {
    CHECK(refusal(poisson +
                  "requests: 1\n"
                  "clients: [{name: a, prompt: {kind: constant, tokens: 1}, output: {kind: constant, tokens: 1}}]\n") ==
          "w.yaml:2:1: prompt: has no meaning here, beside the other keys of this mapping");
  }
  SUBCASE("an unknown class of a client") {
    CHECK(refusal("kind: synthetic\narrivals: {kind: poisson, rate: 1 /s}\nrequests: 1\n"
                  "clients:\n  - name: a\n    slo_class: defualt\n    prompt: {kind: constant, tokens: 1}\n"
                  "    output: {kind: constant, tokens: 1}\n") ==
          "w.yaml:6:16: clients.0.slo_class: 'defualt' is not known; one of: default; is 'default' meant?");
  }
  SUBCASE("min above max") {
    CHECK(refusal("kind: synthetic\narrivals: {kind: poisson, rate: 1 /s}\nrequests: 1\n"
                  "prompt: {kind: uniform, min: 5, max: 4}\noutput: {kind: constant, tokens: 1}\n") ==
          "w.yaml:4:30: prompt.min: 5 is more than max, 4");
  }
  SUBCASE("quantiles that do not end with 1") {
    CHECK(refusal("kind: synthetic\narrivals: {kind: poisson, rate: 1 /s}\nrequests: 1\n"
                  "prompt: {kind: empirical, at: [0, 0.9], tokens: [1, 2]}\noutput: {kind: constant, tokens: 1}\n") ==
          "w.yaml:4:31: prompt.at: must start with 0 and end with 1");
  }
  SUBCASE("a promise of 0 s") {
    CHECK(refusal(poisson + "requests: 1\nslo: {a: {ttft: 0 s}}\n") == "w.yaml:6:17: slo.a.ttft: must be above 0 s");
  }
  SUBCASE("a trace without a path") {
    CHECK_THROWS_WITH_AS(read("kind: trace\ntrace: {format: azure}\n"), Contains("w.yaml:2:8: trace.path: required: "),
                         UserError);
  }
  SUBCASE("an unknown format") {
    CHECK(refusal("kind: trace\ntrace: {path: a, format: azur}\n") ==
          "w.yaml:2:26: trace.format: 'azur' is not known; one of: auto, azure, mooncake, bailian, burstgpt, weka, "
          "ragpulse, "
          "vidur, splitwise, llmservingsim, otel, sessions_csv, servegen, tokenyard, csv, jsonl; is 'azure' meant?");
  }
  SUBCASE("an unknown preset") {
    CHECK(
        refusal("preset: azure-2023-konversation\nrequests: 1\n") ==
        "w.yaml:1:9: preset: there is no 'azure-2023-konversation' in workloads/presets; is 'azure-2023-conversation' "
        "meant?");
  }
}
