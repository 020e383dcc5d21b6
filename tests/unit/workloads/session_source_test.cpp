#include "workloads/session_source.hpp"

#include "models/base/errors.hpp"
#include "tests/support/byte_sources.hpp"
#include "workloads/causal_source.hpp"
#include "workloads/make_request_source.hpp"
#include "workloads/random_stream.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::workloads;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

class ListFeed final : public SessionFeed {
 public:
  explicit ListFeed(std::vector<Session> sessions) : sessions_(std::move(sessions)) {}
  [[nodiscard]] std::optional<Session> next() override {
    if (next_ == sessions_.size()) return std::nullopt;
    return sessions_[next_++];
  }

 private:
  std::vector<Session> sessions_;
  std::size_t next_ = 0;
};

struct Sent {
  Arrival arrival;
  SimTime end;
};

/// Plays a source against a server that takes `service` for each request; in order of sending.
std::vector<Sent> played(RequestSource& source, const std::function<SimTime(const Arrival&)>& service) {
  using Running = std::pair<SimTime, std::uint32_t>;
  std::priority_queue<Running, std::vector<Running>, std::greater<>> running;
  std::vector<Sent> all;
  SimTime now;
  while (true) {
    const auto due = source.due();
    if (!running.empty() && (!due || running.top().first <= *due)) {
      const auto [end, request] = running.top();
      running.pop();
      CHECK(end >= now);
      now = end;
      source.on_end(RequestId{request}, end, Ending::Answered);
      if (const auto next = source.due()) CHECK(*next >= now);
    } else if (!due) {
      break;
    } else if (auto arrival = source.next()) {
      CHECK(arrival->request.arrival >= now);
      now = arrival->request.arrival;
      CHECK(arrival->request.id == RequestId{static_cast<std::uint32_t>(all.size())});
      const SimTime end = now + service(*arrival);
      running.emplace(end, arrival->request.id.index());
      all.push_back({*arrival, end});
    }
  }
  return all;
}

Turn turn(std::vector<std::uint32_t> after, std::int64_t wait_s, std::uint32_t prompt = 10) {
  return {.prompt_tokens = prompt, .output_tokens = 1, .after = std::move(after), .wait = SimTime{wait_s * kSecond}};
}

std::vector<std::int64_t> seconds_of(const std::vector<Sent>& all) {
  std::vector<std::int64_t> times;
  for (const Sent& one : all) times.push_back(one.arrival.request.arrival.ns() / kSecond);
  return times;
}

using Times = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("sessions: a turn is sent when what it waits for has ended and been thought about") {
  // Service 3 s. Turn 0 at 1 s ends at 4 s; 1 and 2 after it, thinking 2 and 5 s, at 6 and 9 s; 3 waits for both: the
  // later ends at 12 s, and 1 s of thinking.
  Session session{
      .name = 1, .start = SimTime{kSecond}, .turns = {turn({}, 0), turn({0}, 2), turn({0}, 5), turn({1, 2}, 1)}};
  SessionSource source(std::make_unique<ListFeed>(std::vector<Session>{session}), {});
  CHECK_FALSE(source.exhausted());
  const auto all = played(source, [](const Arrival&) { return SimTime{3 * kSecond}; });
  CHECK(seconds_of(all) == Times{1, 6, 9, 13});
  CHECK(source.exhausted());
  CHECK(all[3].arrival.request.session == 1U);
}

TEST_CASE("sessions: a request that is alone in one is of none") {
  // So that the closed loop whose export as sessions is replayed gives the same rows.
  SessionSource source(
      std::make_unique<ListFeed>(std::vector<Session>{{.name = 1, .start = SimTime{kSecond}, .turns = {turn({}, 0)}}}),
      {});
  CHECK_FALSE(source.next()->request.session.has_value());
}

TEST_CASE("sessions: they begin at their starts whatever others do") {
  std::vector<Session> sessions;
  for (std::int64_t i = 0; i < 3; ++i) {
    sessions.push_back(
        {.name = static_cast<std::uint64_t>(i), .start = SimTime{i * kSecond}, .turns = {turn({}, 0), turn({0}, 10)}});
  }
  SessionSource source(std::make_unique<ListFeed>(sessions), {});
  CHECK(seconds_of(played(source, [](const Arrival&) { return SimTime{kSecond}; })) == Times{0, 1, 2, 11, 12, 13});
}

TEST_CASE("sessions: a user takes the next when its own has ended") {
  std::vector<Session> sessions(5, Session{.name = 0, .turns = {turn({}, 0), turn({0}, 2)}});
  SessionSource source(std::make_unique<ListFeed>(sessions), {.users = 2});
  // Each session takes 1 + 2 + 1 s: two at a time from 0, 4 and 8 s.
  CHECK(seconds_of(played(source, [](const Arrival&) { return SimTime{kSecond}; })) ==
        Times{0, 0, 3, 3, 4, 4, 7, 7, 8, 11});
}

TEST_CASE("sessions: limits of requests and of time hold") {
  std::vector<Session> sessions(5, Session{.name = 0, .turns = {turn({}, 0), turn({0}, 2)}});
  SessionSource few(std::make_unique<ListFeed>(sessions), {.users = 2, .requests = 5});
  CHECK(played(few, [](const Arrival&) { return SimTime{kSecond}; }).size() == 5);
  CHECK(few.exhausted());
  SessionSource soon(std::make_unique<ListFeed>(sessions), {.users = 2, .duration = SimTime{4 * kSecond}});
  CHECK(seconds_of(played(soon, [](const Arrival&) { return SimTime{kSecond}; })) == Times{0, 0, 3, 3, 4, 4});
}

TEST_CASE("sessions: who loses patience leaves and who has seen enough goes on") {
  const Session session{.name = 1, .start = SimTime{}, .turns = {turn({}, 0), turn({0}, 1)}};
  SessionSource left(std::make_unique<ListFeed>(std::vector<Session>{session}), {});
  left.on_end(left.next()->request.id, SimTime{5 * kSecond}, Ending::TimedOut);
  CHECK_FALSE(left.due().has_value());
  CHECK(left.exhausted());
  CHECK(left.notes() == std::vector<std::string>{"1 sessions of 1 were left because a user's patience ran out"});

  SessionSource stayed(std::make_unique<ListFeed>(std::vector<Session>{session}), {});
  stayed.on_end(stayed.next()->request.id, SimTime{5 * kSecond}, Ending::Cancelled);
  CHECK(stayed.due() == SimTime{6 * kSecond});  // a second of thought
}

TEST_CASE("sessions: of random graphs no turn is early and none is late") {
  RandomStream random(3, "test");
  std::vector<Session> sessions;
  for (std::uint64_t name = 0; name < 200; ++name) {
    Session session{.name = name, .start = SimTime{static_cast<std::int64_t>(name) * kSecond}};
    const std::uint64_t turns = random.integer(2, 12);
    for (std::uint32_t i = 0; i < turns; ++i) {
      std::vector<std::uint32_t> after;
      for (std::uint32_t j = 0; j < i; ++j) {
        if (random.uniform01() < 0.4) after.push_back(j);
      }
      Turn one = turn(after, 0, i + 1);
      one.wait = SimTime{static_cast<std::int64_t>(random.integer(0, 3'000'000'000))};
      session.turns.push_back(one);
    }
    sessions.push_back(session);
  }
  SessionSource source(std::make_unique<ListFeed>(sessions), {});
  const auto all = played(
      source, [&](const Arrival&) { return SimTime{static_cast<std::int64_t>(random.integer(1, 5'000'000'000))}; });
  std::map<std::pair<std::uint64_t, std::uint32_t>, SimTime> ends;
  std::size_t turns = 0;
  for (const Session& session : sessions) turns += session.turns.size();
  CHECK(all.size() == turns);
  for (const Sent& one : all) {
    const Session& session = sessions[*one.arrival.request.session];
    const std::uint32_t index = one.arrival.request.prompt_tokens - 1;
    SimTime ready = *session.start;
    for (const std::uint32_t before : session.turns[index].after) {
      ready = std::max(ready, ends.at({session.name, before}));  // throws when it has not even been sent
    }
    CHECK(one.arrival.request.arrival == ready + session.turns[index].wait);
    ends[{session.name, index}] = one.end;
  }
}

TEST_CASE("sessions: a trace of sessions is played causally") {
  const std::string text =
      "session_id,arrival_time,round_idx,prefix_len,input_len,output_len,tool_wait_after_ms\n"
      "0,1000,0,0,20,5,2000\n"
      "0,1000,1,25,20,5,0\n"
      "1,3000,0,0,20,5,0\n";
  const WorkloadSpec spec{.source = TraceSpec{.path = "trace.csv", .block_tokens = 8, .speedup = 2.0},
                          .classes = {{.name = "default", .ttft = Seconds{2.0}, .tpot = Seconds{0.05}}}};
  const auto source = make_request_source(spec, 0, std::make_unique<test::TextBytes>(text));
  REQUIRE(source->interactive());
  const auto all = played(*source, [](const Arrival&) { return SimTime{4 * kSecond}; });
  // Starts 2 s apart, at double speed 1 s; the second turn 4 s of service and 2 s of thinking after the first.
  CHECK(seconds_of(all) == Times{0, 1, 6});
  CHECK(all[2].arrival.request.prefix.block_tokens == 8);
  CHECK(all[2].arrival.request.prefix.ids[1] == all[0].arrival.request.prefix.ids[1]);
}

TEST_CASE("sessions: a window keeps those that began in it, whoever plays them") {
  const std::string text =
      "session_id,arrival_time,round_idx,prefix_len,input_len,output_len,tool_wait_after_ms\n"
      "0,1000,0,0,20,5,0\n"
      "1,3000,0,0,30,5,0\n"
      "2,5000,0,0,40,5,0\n"
      "3,9000,0,0,50,5,0\n";
  TraceSpec trace{.path = "trace.csv", .window_start = SimTime{kSecond}, .window = SimTime{4 * kSecond}};
  SUBCASE("at their own starts") {}
  SUBCASE("users") { trace.users = 1; }
  SUBCASE("arrivals") { trace.arrivals = ConstantArrivals{.rate = PerSecond{1.0}}; }
  const WorkloadSpec spec{.source = trace,
                          .classes = {{.name = "default", .ttft = Seconds{2.0}, .tpot = Seconds{0.05}}}};
  const auto source = make_request_source(spec, 0, std::make_unique<test::TextBytes>(text));
  const auto all = played(*source, [](const Arrival&) { return SimTime{kSecond / 10}; });
  // Starts after the first: 0, 2, 4 and 8 s; the window is from 1 to 5 s.
  REQUIRE(all.size() == 2);
  CHECK(all[0].arrival.request.prompt_tokens == 30);
  CHECK(all[1].arrival.request.prompt_tokens == 40);
}

TEST_CASE("sessions: those without starts have no window and no pace") {
  const std::string text =
      "{\"id\": \"a\", \"block_size\": 64, \"requests\": [{\"t\": 0, \"in\": 130, \"out\": 5, \"hash_ids\": [1, "
      "2]}]}\n";
  TraceSpec trace{.path = "trace.csv", .users = 1};
  SUBCASE("window") { trace.window = SimTime{kSecond}; }
  SUBCASE("window_start") { trace.window_start = SimTime{kSecond}; }
  SUBCASE("speedup") {
    trace.users.reset();
    trace.speedup = 2.0;
    trace.arrivals = ConstantArrivals{.rate = PerSecond{1.0}};
  }
  const WorkloadSpec spec{.source = trace,
                          .classes = {{.name = "default", .ttft = Seconds{2.0}, .tpot = Seconds{0.05}}}};
  CHECK_THROWS_WITH_AS(make_request_source(spec, 0, std::make_unique<test::TextBytes>(text)),
                       "trace.csv: does not say when its sessions began; window, window_start and speedup are of the "
                       "times of a trace, workload.requests and duration end a run without them",
                       UserError);
}

TEST_CASE("sessions: agents without starts need users or arrivals") {
  const std::string text =
      "{\"id\": \"a\", \"block_size\": 64, \"requests\": [{\"t\": 0, \"in\": 130, \"out\": 5, \"hash_ids\": [1, "
      "2]}]}\n";
  WorkloadSpec spec{.source = TraceSpec{.path = "trace.csv"},
                    .classes = {{.name = "default", .ttft = Seconds{2.0}, .tpot = Seconds{0.05}}}};
  CHECK_THROWS_WITH_AS(
      make_request_source(spec, 0, std::make_unique<test::TextBytes>(text)),
      "trace.csv: does not say when its sessions began; give trace.users, such as 8, or trace.arrivals, such as "
      "{kind: poisson, rate: 1 /min}",
      UserError);
  std::get<TraceSpec>(spec.source).users = 3;
  const auto source = make_request_source(spec, 0, std::make_unique<test::TextBytes>(text));
  CHECK(played(*source, [](const Arrival&) { return SimTime{1}; }).size() == 1);
}

TEST_CASE("sessions: the blocks of an answer have the names that the next prompt gives them") {
  const auto check = [](RequestSource& source) {
    std::map<std::uint64_t, Arrival> last;
    std::size_t named = 0;
    for (const Sent& one : played(source, [](const Arrival&) { return SimTime{kSecond}; })) {
      const Arrival& arrival = one.arrival;
      if (!arrival.request.session) continue;  // alone
      if (const auto before = last.find(*arrival.request.session); before != last.end()) {
        const Arrival& first = before->second;
        const std::uint32_t block = first.request.prefix.block_tokens;
        const std::size_t from = first.request.prompt_tokens / block;
        const std::size_t until = (first.request.prompt_tokens + first.fate.output_tokens) / block;
        const std::vector<std::uint64_t>& names = first.fate.history_ids;
        REQUIRE(names.size() <= until - from);
        CHECK(names.size() + 1 >= until - from);  // of recorded blocks twice as large the last half may be unknown
        for (std::size_t i = 0; i < names.size(); ++i) {
          CHECK(names[i] == arrival.request.prefix.ids[from + i]);
          ++named;
        }
      }
      last.insert_or_assign(*arrival.request.session, arrival);
    }
    CHECK(named > 0);
  };
  const std::vector<SloClass> classes{{.name = "default", .ttft = Seconds{2.0}, .tpot = Seconds{0.05}}};
  const ClientSpec chat{.name = "chat",
                        .prompt = UniformLength{.min = 50, .max = 150},
                        .output = UniformLength{.min = 10, .max = 90},
                        .story = SessionSpec{.turns = ConstantLength{.tokens = 5},
                                             .append = ConstantLength{.tokens = 30},
                                             .think = ConstantTime{.time = Seconds{1.0}}}};
  const WorkloadSpec drawn{
      .source = SyntheticSpec{.arrivals = PoissonArrivals{.rate = PerSecond{1.0}}, .clients = {chat}},
      .requests = 200,
      .classes = classes};
  check(*make_request_source(drawn, 1, nullptr));
  const std::string text =
      "session_id,arrival_time,round_idx,prefix_len,input_len,output_len,tool_wait_after_ms\n"
      "0,1000,0,0,100,75,2000\n"
      "0,1000,1,175,200,40,0\n"
      "0,1000,2,415,20,5,0\n";
  for (const std::uint32_t block : {0U, 8U, 32U}) {
    const WorkloadSpec spec{.source = TraceSpec{.path = "trace.csv", .block_tokens = block}, .classes = classes};
    check(*make_request_source(spec, 0, std::make_unique<test::TextBytes>(text)));
  }
}

TEST_CASE("causal rows: one is sent at its time or when the answer before it has ended") {
  const std::string row = ", \"input_length\": 20, \"output_length\": 5, \"hash_ids\": [7, 8]}\n";
  const std::string text = "{\"chat_id\": 1, \"parent_chat_id\": -1, \"timestamp\": 0.0" + row +
                           "{\"chat_id\": 2, \"parent_chat_id\": 1, \"timestamp\": 2.0" + row +   // too early
                           "{\"chat_id\": 3, \"parent_chat_id\": -1, \"timestamp\": 3.0" + row +  // another chat
                           "{\"chat_id\": 4, \"parent_chat_id\": 2, \"timestamp\": 4.0" + row +
                           "{\"chat_id\": 5, \"parent_chat_id\": 4, \"timestamp\": 60.0" + row;
  const WorkloadSpec spec{.source = TraceSpec{.path = "trace.csv", .causal = true},
                          .classes = {{.name = "default", .ttft = Seconds{2.0}, .tpot = Seconds{0.05}}}};
  const auto source = make_request_source(spec, 0, std::make_unique<test::TextBytes>(text));
  const auto all = played(*source, [](const Arrival&) { return SimTime{5 * kSecond}; });
  CHECK(seconds_of(all) == Times{0, 3, 5, 10, 60});
  CHECK(source->notes() ==
        std::vector<std::string>{"2 requests were sent later than recorded: the answer before them in "
                                 "their session had not ended"});
  CHECK(source->exhausted());
}
