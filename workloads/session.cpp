#include "workloads/session.hpp"

namespace tokenyard::workloads {
namespace {

/// Of the full blocks of prompt and answer from the first on that the prompt does not fill.
[[nodiscard]] std::vector<std::uint64_t> names_behind(const ContextNames& text, const Turn& turn, std::uint32_t block) {
  const std::uint64_t all = (std::uint64_t{turn.prompt_tokens} + turn.output_tokens) / block;
  const std::vector<std::uint64_t> ids = text.prefix(all * block).ids;
  return {ids.begin() + static_cast<std::ptrdiff_t>(turn.prompt_tokens / block), ids.end()};
}

}  // namespace

TurnNames names_of(Session& session, std::size_t index) {
  const Turn& turn = session.turns.at(index);
  if (session.texts.empty()) return {.prefix = turn.prefix, .history = turn.history};
  ContextNames& text = session.texts.at(turn.text);
  if (turn.keep) text.cut(*turn.keep);
  TurnNames names{.prefix = text.prefix(turn.prompt_tokens)};
  if (turn.repeated) names.history = names_behind(text, turn, names.prefix.block_tokens);
  return names;
}

}  // namespace tokenyard::workloads
