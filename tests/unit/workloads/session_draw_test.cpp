#include "workloads/session_draw.hpp"

#include "models/base/errors.hpp"
#include "workloads/lengths.hpp"
#include "workloads/session_source.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::workloads;
using doctest::Approx;

namespace {

WorkloadSpec workload(ClientSpec client) {
  return WorkloadSpec{
      .source = SyntheticSpec{.arrivals = PoissonArrivals{.rate = PerSecond{1.0}}, .clients = {std::move(client)}},
      .requests = 1'000'000'000,
      .classes = {{.name = "default", .ttft = Seconds{2.0}, .tpot = Seconds{0.05}}}};
}

ClientSpec chat() {
  return {.name = "chat",
          .prompt = UniformLength{.min = 50, .max = 150},
          .output = UniformLength{.min = 10, .max = 90},
          .story = SessionSpec{.turns = ConstantLength{.tokens = 5},
                               .append = ConstantLength{.tokens = 30},
                               .think = LognormalTime{.median = Seconds{10.0}, .sigma = 1.0}}};
}

std::size_t same(const PromptPrefix& a, const PromptPrefix& b) {
  std::size_t count = 0;
  while (count < a.ids.size() && count < b.ids.size() && a.ids[count] == b.ids[count]) ++count;
  return count;
}

/// The prefixes of a session in order of its turns, as SessionSource makes them.
std::vector<PromptPrefix> prefixes_of(Session session) {
  std::vector<PromptPrefix> all;
  for (const Turn& turn : session.turns) {
    if (turn.keep) session.texts[turn.text].cut(*turn.keep);
    all.push_back(session.texts[turn.text].prefix(turn.prompt_tokens));
  }
  return all;
}

}  // namespace

TEST_CASE("drawn sessions: the context grows by what was asked and answered") {
  const WorkloadSpec spec = workload(chat());
  validate(spec);
  SessionDraw draw(spec, 1);
  for (int i = 0; i < 100; ++i) {
    const auto session = draw.next();
    REQUIRE(session->turns.size() == 5);
    const auto prefixes = prefixes_of(*session);
    for (std::size_t turn = 1; turn < 5; ++turn) {
      const Turn& before = session->turns[turn - 1];
      CHECK(session->turns[turn].prompt_tokens == before.prompt_tokens + before.output_tokens + 30);
      CHECK(session->turns[turn].after == std::vector<std::uint32_t>{static_cast<std::uint32_t>(turn - 1)});
      CHECK(same(prefixes[turn - 1], prefixes[turn]) == before.prompt_tokens / 16);
    }
  }
}

TEST_CASE("drawn sessions: thoughts are no part of later prompts") {
  ClientSpec client = chat();
  client.reasoning = 0.75;
  client.output = ConstantLength{.tokens = 80};
  SessionDraw draw(workload(client), 1);
  const auto session = draw.next();
  CHECK(session->turns[1].prompt_tokens == session->turns[0].prompt_tokens + 20 + 30);
  client.reasoning_sd = 0.2;
  client.output = ConstantLength{.tokens = 10'000};
  SessionDraw varied(workload(client), 1);
  double sum = 0.0;
  double squares = 0.0;
  int count = 0;
  for (int i = 0; i < 5'000; ++i) {
    const auto one = varied.next();
    for (std::size_t turn = 1; turn < 5; ++turn) {
      const double share =
          1.0 - (one->turns[turn].prompt_tokens - one->turns[turn - 1].prompt_tokens - 30.0) / 10'000.0;
      sum += share;
      squares += share * share;
      ++count;
    }
  }
  const double mean = sum / count;
  CHECK(mean == Approx(0.75).epsilon(0.02));
  CHECK(std::sqrt(squares / count - mean * mean) == Approx(0.2).epsilon(0.02));
}

TEST_CASE("drawn sessions: think times are lognormal and the seed decides") {
  const WorkloadSpec spec = workload(chat());
  SessionDraw draw(spec, 1);
  SessionDraw again(spec, 1);
  SessionDraw other(spec, 2);
  std::vector<double> waits;
  bool differs = false;
  for (int i = 0; i < 25'000; ++i) {
    const auto session = draw.next();
    const auto twin = again.next();
    const auto stranger = other.next();
    CHECK(session->start == twin->start);
    differs = differs || session->start != stranger->start;
    for (std::size_t turn = 1; turn < 5; ++turn) {
      waits.push_back(std::log(session->turns[turn].wait.seconds().value()));
      CHECK(session->turns[turn].wait == twin->turns[turn].wait);
    }
  }
  CHECK(differs);
  const double mean = std::accumulate(waits.begin(), waits.end(), 0.0) / static_cast<double>(waits.size());
  double squares = 0.0;
  for (const double wait : waits) squares += (wait - mean) * (wait - mean);
  CHECK(mean == Approx(std::log(10.0)).epsilon(0.02));
  CHECK(std::sqrt(squares / static_cast<double>(waits.size())) == Approx(1.0).epsilon(0.02));
}

TEST_CASE("drawn sessions: groups are as popular as Zipf says and share their text") {
  ClientSpec client = chat();
  client.story = {};
  client.prefix = PrefixGroups{.groups = 50, .tokens = 100, .alpha = 1.1};
  SessionDraw draw(workload(client), 1);
  std::map<std::uint64_t, int> counts;
  std::map<std::uint64_t, PromptPrefix> seen;
  for (int i = 0; i < 100'000; ++i) {
    const auto session = draw.next();
    const PromptPrefix prefix = prefixes_of(*session).front();
    ++counts[prefix.ids[5]];
    const auto [known, is_new] = seen.try_emplace(prefix.ids[5], prefix);
    if (!is_new) CHECK(same(known->second, prefix) == 6);  // 96 of the 100 tokens are full blocks
    CHECK(session->turns[0].prompt_tokens >= 150);
  }
  CHECK(counts.size() == 50);
  std::vector<int> sorted;
  for (const auto& [name, count] : counts) sorted.push_back(count);
  std::sort(sorted.rbegin(), sorted.rend());
  double norm = 0.0;
  for (int k = 1; k <= 50; ++k) norm += std::pow(k, -1.1);
  for (const int k : {1, 2, 3}) {
    CHECK(sorted[static_cast<std::size_t>(k - 1)] == Approx(1e5 * std::pow(k, -1.1) / norm).epsilon(0.03));
  }
}

TEST_CASE("drawn sessions: agents compact and fan out and join") {
  ClientSpec client = chat();
  client.prefix = PrefixGroups{.groups = 1, .tokens = 160};
  client.prompt = ConstantLength{.tokens = 1000};
  client.output = ConstantLength{.tokens = 100};
  client.story = AgentSpec{.steps = ConstantLength{.tokens = 40},
                           .append = ConstantLength{.tokens = 200},
                           .tool = ExponentialTime{.mean = Seconds{1.0}},
                           .human = 0.25,
                           .think = ConstantTime{.time = Seconds{100.0}},
                           .fan_out = 0.2,
                           .width = UniformLength{.min = 1, .max = 3},
                           .sub_steps = ConstantLength{.tokens = 2},
                           .compact_at = 4'000,
                           .compact_to = 500};
  const WorkloadSpec spec = workload(client);
  validate(spec);
  SessionDraw draw(spec, 1);
  int compactions = 0;
  int human = 0;
  int main_steps = 0;
  int fanned = 0;
  for (int i = 0; i < 500; ++i) {
    const auto session = draw.next();
    const auto prefixes = prefixes_of(*session);
    std::vector<bool> waited_for(session->turns.size(), false);
    std::optional<std::size_t> last;
    for (std::size_t t = 0; t < session->turns.size(); ++t) {
      const Turn& turn = session->turns[t];
      CHECK(turn.prompt_tokens + turn.output_tokens <= 4'000);
      CHECK(same(prefixes[0], prefixes[t]) >= 10);  // the shared 160 tokens
      for (const std::uint32_t before : turn.after) {
        CHECK(before < t);
        waited_for[before] = true;
      }
      if (turn.text != 0) {
        CHECK(turn.after.size() == 1);
        continue;
      }
      ++main_steps;
      if (turn.wait == SimTime{100'000'000'000}) ++human;
      if (turn.after.size() > 1) ++fanned;
      if (turn.keep) {
        ++compactions;
        CHECK(turn.prompt_tokens == 160 + 500 + 200);
        CHECK(same(prefixes[*last], prefixes[t]) == 10);
      } else if (last) {
        CHECK(turn.prompt_tokens == session->turns[*last].prompt_tokens + 100 + 200);
      }
      last = t;
    }
    // Every turn but the very last is waited for: nothing runs on beside the main line.
    CHECK(std::count(waited_for.begin(), waited_for.end(), false) == 1);
  }
  CHECK(main_steps == 500 * 40);
  CHECK(compactions > 500);
  CHECK(human / 19'500.0 == Approx(0.25).epsilon(0.05));  // sqrt(0.75 / 0.25 / 19,500) = 1.2 %
  CHECK(fanned / 19'500.0 == Approx(0.2).epsilon(0.06));
}

TEST_CASE("drawn sessions: they end before they exceed the context") {
  ClientSpec client = chat();
  WorkloadSpec spec = workload(client);
  spec.session_context = 300;
  SessionDraw draw(spec, 1);
  std::size_t shorter = 0;
  for (int i = 0; i < 200; ++i) {
    const auto session = draw.next();
    for (const Turn& turn : session->turns) CHECK(turn.prompt_tokens + turn.output_tokens <= 300);
    if (session->turns.size() < 5) ++shorter;
  }
  CHECK(shorter > 100);
  CHECK(draw.notes().size() == 1);
  spec.session_context = 20;
  SessionDraw none(spec, 1);
  CHECK_THROWS_AS(static_cast<void>(none.next()), SpecError);
}

TEST_CASE("drawn lengths: the further laws have their moments") {
  const auto moments = [](const LengthSpec& law) {
    validate(law);
    RandomStream stream(5, "test");
    double sum = 0.0;
    double squares = 0.0;
    for (int i = 0; i < 100'000; ++i) {
      const double length = draw_length(law, stream);
      sum += length;
      squares += length * length;
    }
    const double mean = sum / 1e5;
    return std::pair{mean, std::sqrt(squares / 1e5 - mean * mean)};
  };
  const auto [normal, normal_sd] = moments(NormalLength{.mean = 1000, .sd = 100});
  CHECK(normal == Approx(1000).epsilon(0.02));
  CHECK(normal_sd == Approx(100).epsilon(0.02));
  const auto [exponential, exponential_sd] = moments(ExponentialLength{.mean = 1000});
  CHECK(exponential == Approx(1000).epsilon(0.02));
  CHECK(exponential_sd == Approx(1000).epsilon(0.02));
  const auto [gamma, gamma_sd] = moments(GammaLength{.mean = 1000, .cv = 0.5});
  CHECK(gamma == Approx(1000).epsilon(0.02));
  CHECK(gamma_sd == Approx(500).epsilon(0.02));
  // alpha 5 from 1000: mean 1000 * 5 / 4, variance 1000^2 * 5 / (16 * 3).
  const auto [pareto, pareto_sd] = moments(ParetoLength{.alpha = 5, .min = 1000});
  CHECK(pareto == Approx(1250).epsilon(0.02));
  CHECK(pareto_sd == Approx(std::sqrt(5e6 / 48.0)).epsilon(0.05));  // its fourth moment is large
}

TEST_CASE("drawn lengths: pairs keep their laws and have the rank correlation asked for") {
  const LengthSpec first = LognormalLength{.median = 1000, .sigma = 1};
  const LengthSpec second = GammaLength{.mean = 10'000, .cv = 0.7};
  for (const double wanted : {-0.5, 0.0, 0.7}) {
    RandomStream stream(5, "test");
    std::vector<std::pair<double, double>> pairs;
    for (int i = 0; i < 100'000; ++i) {
      const auto [a, b] = draw_lengths(first, second, wanted, stream);
      pairs.emplace_back(a, b);
    }
    const auto ranks = [&](auto member) {
      std::vector<std::size_t> order(pairs.size());
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::stable_sort(order.begin(), order.end(),
                       [&](std::size_t a, std::size_t b) { return pairs[a].*member < pairs[b].*member; });
      std::vector<double> rank(pairs.size());
      for (std::size_t i = 0; i < order.size(); ++i) rank[order[i]] = static_cast<double>(i);
      return rank;
    };
    const auto a = ranks(&std::pair<double, double>::first);
    const auto b = ranks(&std::pair<double, double>::second);
    const double middle = (static_cast<double>(pairs.size()) - 1.0) / 2.0;
    double both = 0.0;
    double each = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      both += (a[i] - middle) * (b[i] - middle);
      each += (a[i] - middle) * (a[i] - middle);
    }
    INFO(wanted);
    CHECK(std::abs(both / each - wanted) < 0.015);  // sqrt(1 / 1e5) is 0.003; ties of whole tokens take a little
    double sum = 0.0;
    for (const auto& pair : pairs) sum += pair.second;
    CHECK(sum / 1e5 == Approx(10'000).epsilon(0.02));
    std::vector<double> sorted;
    for (const auto& pair : pairs) sorted.push_back(pair.first);
    std::nth_element(sorted.begin(), sorted.begin() + 50'000, sorted.end());
    CHECK(sorted[50'000] == Approx(1000).epsilon(0.02));
  }
}
