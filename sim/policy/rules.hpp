#pragma once

#include "sim/policy/batch_rules.hpp"
#include "sim/policy/spec.hpp"

#include <memory>

namespace tokenyard::policy {

/// The rules of one scheduler, as the engine named by the alternative forms steps. Throws SpecError as validate() does.
[[nodiscard]] std::unique_ptr<BatchRules> make_rules(const RulesSpec& spec);

}  // namespace tokenyard::policy
