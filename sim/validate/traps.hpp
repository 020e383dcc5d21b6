#pragma once

#include "sim/validate/point.hpp"
#include "sim/validate/recipes.hpp"

namespace tokenyard::validate {

/// Whether the row's harness sent requests of one length: waves that stay in lock-step are seen in these rows alone.
[[nodiscard]] bool fixed_lengths(const ServedRow& row);

/// Marks measured figures that do not mean what their column says, each by a named rule; docs/validation.md has the
/// evidence of every rule. The rows are played and listed all the same, and both scores are shown.
void note_traps(const ServedRow& row, bool split, Point& point);

}  // namespace tokenyard::validate
