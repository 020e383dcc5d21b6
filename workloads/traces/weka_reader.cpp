#include "workloads/traces/weka_reader.hpp"

#include "workloads/traces/fields.hpp"
#include "workloads/traces/prefix_blocks.hpp"
#include "workloads/traces/row_fault.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

namespace tokenyard::workloads {
namespace {

[[nodiscard]] std::int64_t ns(double seconds) { return std::llround(std::max(seconds, 0.0) * 1e9); }

[[nodiscard]] double seconds_or(const JsonValue& object, const std::string& key, double otherwise) {
  const auto value = object.find(key);
  if (!value || value->is_null()) return otherwise;
  const double seconds = value->number(key);
  if (!(std::abs(seconds) <= 1e9)) throw RowFault(Fault::Malformed, key, "is not a time of at most 1e9 s");
  return seconds;
}

[[nodiscard]] double time_of(const JsonValue& node) {
  static_cast<void>(node.at("t"));  // has to be there
  return seconds_or(node, "t", 0.0);
}

/// Of everything a session consists of but its name.
[[nodiscard]] std::uint64_t digest(const std::vector<TraceRecord>& session) {
  std::uint64_t all = session.size();
  for (const TraceRecord& turn : session) {
    all = mixed(all, turn.prompt_tokens);
    all = mixed(all, turn.output_tokens);
    all = mixed(all, static_cast<std::uint64_t>(turn.at_ns.value_or(0)));
    for (const std::uint64_t id : turn.prefix.ids) all = mixed(all, id);
  }
  return all;
}

}  // namespace

WekaReader::WekaReader(LineReader lines) : lines_(std::move(lines)) {}

std::string WekaReader::place() const { return lines_.name() + ":" + std::to_string(lines_.row()); }

void WekaReader::read_turn(const JsonValue& turn, double begin_s, Chain& chain) {
  TraceRecord& record = session_.emplace_back();
  record.turn = static_cast<std::uint32_t>(session_.size() - 1);
  record.session = sessions_;
  const double sent_s = begin_s + time_of(turn);
  record.at_ns = ns(sent_s);
  record.prompt_tokens = turn.at("in").token_count("in");
  record.output_tokens = turn.at("out").token_count("out");
  if (const auto type = turn.find("subagent_type")) record.category = type->text("subagent_type");
  const double elapsed_s = seconds_or(turn, "api_time", 0.0);
  record.elapsed_ns = ns(elapsed_s);
  record.after = chain.after;
  if (!chain.after.empty()) {
    // The think_time of a sub-agent's first turn counts from its own beginning, that of a turn that joins sub-agents
    // from the turn before them.
    const double gap_s = sent_s - chain.end_s;
    record.wait_ns = ns(chain.recorded_gap ? gap_s : seconds_or(turn, "think_time", gap_s));
  }
  record.prefix.block_tokens = block_tokens_;
  std::vector<std::uint64_t>& ids = record.prefix.ids;
  if (const auto ranges = turn.find("hash_ranges")) {
    ranges->for_each([&](const JsonValue& range) {
      std::vector<std::uint64_t> pair;
      range.append_names(pair, "hash_ranges");
      if (pair.size() != 2 || pair[1] > kMaxTraceTokens / block_tokens_) {
        throw RowFault(Fault::Malformed, "hash_ranges", "is not a list of [first id, how many]");
      }
      for (std::uint64_t i = 0; i < pair[1]; ++i) ids.push_back(pair[0] + i);
    });
  } else if (const auto list = turn.find("hash_ids")) {
    list->append_names(ids, "hash_ids");
  }
  chain = {{record.turn}, sent_s + elapsed_s, false};
}

/// Of a sub-agent that has a duration, `t` is when it ended; of one that went on by itself, when it was launched.
double WekaReader::begin_of(const JsonValue& sub_agent) {
  return time_of(sub_agent) - seconds_or(sub_agent, "duration_ms", 0.0) / 1000.0;
}

void WekaReader::join(Chain& chain, std::vector<Chain>& branches, double now_s) {
  std::vector<Chain> running;
  for (Chain& branch : branches) {
    if (branch.end_s > now_s) {
      running.push_back(std::move(branch));
      continue;
    }
    chain.after.insert(chain.after.end(), branch.after.begin(), branch.after.end());
    chain.end_s = std::max(chain.end_s, branch.end_s);
    chain.recorded_gap = true;
  }
  branches = std::move(running);
}

void WekaReader::read_turns(const JsonValue& turns, double begin_s, Chain& chain) {
  if (!turns.is_list()) throw RowFault(Fault::Malformed, "requests", "is not a list of requests");
  std::vector<Chain> branches;  // sub-agents that no turn has waited for
  turns.for_each([&](const JsonValue& node) {
    if (!node.is_object()) throw RowFault(Fault::Malformed, "requests", "holds something that is not an object");
    const auto inner = node.find("requests");
    if (!inner) {
      join(chain, branches, begin_s + time_of(node));
      read_turn(node, begin_s, chain);
      return;
    }
    Chain branch{chain.after, chain.end_s, true};
    read_turns(*inner, begin_s + begin_of(node), branch);
    if (branch.after != chain.after) branches.push_back(std::move(branch));  // else it asked nothing
  });
  join(chain, branches, std::numeric_limits<double>::infinity());
}

void WekaReader::read_session(const JsonValue& session) {
  if (!session.is_object()) throw RowFault(Fault::Malformed, "session", "is not a JSON object with requests");
  const auto block = session.find("block_size");
  const std::uint64_t tokens = block ? block->token_count("block_size") : 64;
  if (tokens == 0) throw RowFault(Fault::Malformed, "block_size", "is 0; 64 would be usual");
  block_tokens_ = static_cast<std::uint32_t>(tokens);
  Chain chain;
  read_turns(session.at("requests"), 0.0, chain);
  const bool local = !session.find("hash_id_scope") || session.at("hash_id_scope").text("hash_id_scope") != "global";
  const bool duplicate = !session_.empty() && !seen_.insert(digest(session_)).second;
  for (TraceRecord& turn : session_) {
    turn.duplicate = duplicate;
    for (std::uint64_t& id : turn.prefix.ids) id = local ? mixed(sessions_, id) : id;
  }
}

bool WekaReader::next(TraceRecord& record) {
  while (given_ == session_.size()) {
    session_.clear();
    given_ = 0;
    const auto document = lines_.next_document();
    if (!document) return false;
    ++sessions_;
    try {
      read_session(parser_.parse(*document));
    } catch (const RowFault&) {
      session_.clear();  // all of it or nothing
      throw;
    }
  }
  record = std::move(session_[given_++]);
  return true;
}

}  // namespace tokenyard::workloads
