#include "workloads/session_draw.hpp"

#include "models/base/errors.hpp"
#include "workloads/lengths.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

namespace tokenyard::workloads {
namespace {

constexpr double kLastInstant_s = 9.0e9;  // SimTime ends at 2^63 ns = 9.22e9 s

}  // namespace

bool tells_stories(const SyntheticSpec& spec) {
  return std::any_of(spec.clients.begin(), spec.clients.end(), [](const ClientSpec& client) {
    return client.weight > 0.0 && !std::holds_alternative<std::monostate>(client.story);
  });
}

SessionDraw::SessionDraw(const WorkloadSpec& spec, std::uint64_t seed)
    : clients_(std::get<SyntheticSpec>(spec.source).clients, spec.classes, seed),
      duration_(spec.duration),
      block_tokens_(std::get<SyntheticSpec>(spec.source).block_tokens),
      max_context_(spec.session_context),
      seed_(seed) {
  const auto& synthetic = std::get<SyntheticSpec>(spec.source);
  if (!std::holds_alternative<ClosedLoop>(synthetic.arrivals)) {
    clock_.emplace(synthetic.arrivals, RandomStream{seed, "workload.arrivals"}, synthetic.curve);
  }
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    const std::string& name = clients_.client(i).spec().name;
    const auto stream = [&](const std::string& law) { return RandomStream{seed, "workload." + law + "." + name}; };
    streams_.push_back({stream("turns"), stream("append"), stream("wait"), stream("reasoning"), stream("agents")});
  }
}

SimTime SessionDraw::draw_wait(const TimeSpec& spec, std::size_t client) {
  return SimTime::from(Seconds{std::min(draw_seconds(spec, streams_[client].wait), kLastInstant_s / 100.0)});
}

std::uint32_t SessionDraw::add_text(Session& session, std::size_t client, std::uint64_t group) const {
  const std::uint64_t key = mixed(mixed(seed_, session.name), session.texts.size());
  session.texts.emplace_back(key, block_tokens_, group, clients_.client(client).shared_tokens());
  return static_cast<std::uint32_t>(session.texts.size() - 1);
}

bool SessionDraw::add_turn(Session& session, Line& line, std::uint64_t new_tokens, std::uint32_t output, SimTime wait,
                           std::size_t client) {
  const std::uint64_t prompt = line.tokens + new_tokens;
  if (prompt + output > (max_context_ > 0 ? max_context_ : std::uint64_t{kMaxTokens})) return false;
  const ClientSpec& spec = clients_.client(client).spec();
  session.turns.push_back({.prompt_tokens = static_cast<std::uint32_t>(prompt),
                           .output_tokens = output,
                           .after = std::move(line.after),
                           .wait = wait,
                           .repeated = spec.reasoning <= 0.0,
                           .text = line.text});
  line.after = {static_cast<std::uint32_t>(session.turns.size() - 1)};
  const double thought =
      spec.reasoning > 0.0 ? draw_share(spec.reasoning, spec.reasoning_sd, streams_[client].reasoning) : 0.0;
  // What was thought is not said again: the rest of the answer then stands where the thoughts stood.
  const auto said = static_cast<std::uint64_t>(std::llround(static_cast<double>(output) * (1.0 - thought)));
  line.tokens = prompt + said;
  return true;
}

void SessionDraw::converse(const SessionSpec& spec, Session& session, Line line, std::size_t client) {
  ClientDraw& draw = clients_.client(client);
  const std::uint32_t turns = draw_length(spec.turns, streams_[client].turns);
  for (std::uint32_t turn = 0; turn < turns; ++turn) {
    const auto [prompt, output] = draw.lengths();
    const std::uint32_t fresh = turn == 0 ? prompt : draw_length(spec.append, streams_[client].append);
    const SimTime wait = turn == 0 ? SimTime{} : draw_wait(spec.think, client);
    if (add_turn(session, line, fresh, output, wait, client)) continue;
    if (turn > 0) ++cut_short_;
    return;
  }
}

/// Sub-agents from here on, for all of which the line's next turn waits.
void SessionDraw::fan_out(const AgentSpec& spec, Session& session, Line& line, std::size_t client,
                          std::uint64_t group) {
  Streams& streams = streams_[client];
  const std::uint32_t width = draw_length(spec.width, streams.agents);
  std::vector<std::uint32_t> ends = line.after;
  for (std::uint32_t i = 0; i < width; ++i) {
    Line branch{.text = add_text(session, client, group),
                .tokens = clients_.client(client).shared_tokens(),
                .after = line.after};
    const std::uint32_t steps = draw_length(spec.sub_steps, streams.agents);
    for (std::uint32_t step = 0; step < steps; ++step) {
      const auto [prompt, output] = clients_.client(client).lengths();
      const std::uint32_t fresh = step == 0 ? prompt : draw_length(spec.append, streams.append);
      const SimTime wait = step == 0 ? SimTime{} : draw_wait(spec.tool, client);
      if (!add_turn(session, branch, fresh, output, wait, client)) break;
    }
    if (branch.after != line.after) ends.insert(ends.end(), branch.after.begin(), branch.after.end());
  }
  line.after = std::move(ends);
}

void SessionDraw::work(const AgentSpec& spec, Session& session, Line line, std::size_t client, std::uint64_t group) {
  ClientDraw& draw = clients_.client(client);
  Streams& streams = streams_[client];
  const std::uint32_t steps = draw_length(spec.steps, streams.turns);
  for (std::uint32_t step = 0; step < steps; ++step) {
    const auto [prompt, output] = draw.lengths();
    const std::uint32_t fresh = step == 0 ? prompt : draw_length(spec.append, streams.append);
    SimTime wait;
    if (step > 0) {
      const bool human = spec.human > 0.0 && streams.agents.uniform01() < spec.human;
      wait = draw_wait(human ? spec.think : spec.tool, client);
    }
    std::optional<std::uint64_t> keep;
    if (spec.compact_at > 0 && step > 0 && line.tokens + fresh + output > spec.compact_at) {
      keep = draw.shared_tokens();
      line.tokens = *keep + spec.compact_to;
    }
    if (!add_turn(session, line, fresh, output, wait, client)) {
      if (step > 0) ++cut_short_;
      return;
    }
    session.turns.back().keep = keep;
    if (step + 1 < steps && spec.fan_out > 0.0 && streams.agents.uniform01() < spec.fan_out) {
      fan_out(spec, session, line, client, group);
    }
  }
}

std::optional<Session> SessionDraw::next() {
  constexpr int kTries = 1000;  // in a row, before it is said that the lengths do not suit the model
  for (int attempt = 0; attempt < kTries; ++attempt) {
    Session session;
    if (clock_) {
      const Seconds instant = clock_->next();
      if (!(instant.value() <= kLastInstant_s)) {
        if (duration_) return std::nullopt;
        throw SpecError("workload.arrivals.rate",
                        "session " + std::to_string(sessions_) +
                            " would begin after more than 285 years; raise the rate or ask for fewer requests");
      }
      session.start = SimTime::from(instant);
      if (duration_ && *session.start > *duration_) return std::nullopt;
    }
    tell(session);
    if (!session.turns.empty()) return session;
    ++left_out_;
  }
  throw SpecError("workload", "the first requests of " + std::to_string(kTries) +
                                  " sessions in a row exceed the model's context of " + std::to_string(max_context_) +
                                  " tokens; draw shorter lengths or take a model with a longer context");
}

/// Draws what happens in it.
void SessionDraw::tell(Session& session) {
  const std::size_t chosen = clients_.choose();
  ClientDraw& draw = clients_.client(chosen);
  session.name = sessions_++;
  session.slo_class = draw.slo_class();
  session.tenant = draw.spec().tenant;
  session.priority = draw.spec().priority;
  const std::uint64_t group = draw.group().value_or(0);
  const Line line{.text = add_text(session, chosen, group), .tokens = draw.shared_tokens()};
  if (const auto* talk = std::get_if<SessionSpec>(&draw.spec().story)) {
    converse(*talk, session, line, chosen);
  } else if (const auto* agent = std::get_if<AgentSpec>(&draw.spec().story)) {
    work(*agent, session, line, chosen, group);
  } else {
    const auto [prompt, output] = draw.lengths();
    Line only = line;
    static_cast<void>(add_turn(session, only, prompt, output, SimTime{}, chosen));
  }
}

std::vector<std::string> SessionDraw::notes() const {
  std::vector<std::string> all;
  const std::string of = " of " + std::to_string(sessions_) + " sessions ";
  if (left_out_ > 0) {
    all.push_back(std::to_string(left_out_) + of + "were left out: their first request exceeds the model's context");
  }
  if (cut_short_ > 0) {
    all.push_back(std::to_string(cut_short_) + of +
                  "were ended early: their next request would have exceeded the model's context");
  }
  return all;
}

}  // namespace tokenyard::workloads
