#include "workloads/session.hpp"

namespace tokenyard::workloads {

TurnNames names_of(Session& session, std::size_t index) {
  const Turn& turn = session.turns.at(index);
  if (session.texts.empty()) return {.prefix = turn.prefix, .history = turn.history};
  ContextNames& text = session.texts.at(turn.text);
  if (turn.keep) text.cut(*turn.keep);
  TurnNames names{.prefix = text.prefix(turn.prompt_tokens)};
  if (turn.repeated) names.history = text.answer(turn.prompt_tokens, turn.output_tokens);
  return names;
}

}  // namespace tokenyard::workloads
