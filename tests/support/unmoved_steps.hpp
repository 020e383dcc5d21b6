#pragma once

#include "sim/serving/contention.hpp"

namespace tokenyard::test {

/// Steps that take no notice of what becomes of their links.
struct UnmovedSteps final : serving::StepsOnLinks {
  void links_change() override {}
  void links_changed() override {}
};

}  // namespace tokenyard::test
