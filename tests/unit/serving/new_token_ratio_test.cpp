#include "sim/policy/new_token_ratio.hpp"

#include <doctest/doctest.h>

using tokenyard::policy::NewTokenRatio;

TEST_CASE("new-token ratio S10: 600 decode steps take it from 0.7 to 0.098 and no further") {
  // 0.14 * 0.7 = 0.098; each step takes (0.7 - 0.098) / 600 = 0.0010033; rounding of doubles only.
  NewTokenRatio ratio(1.0);
  CHECK(ratio.value() == doctest::Approx(0.7).epsilon(1e-12));
  ratio.decay(100);
  CHECK(ratio.value() == doctest::Approx(0.7 - 100 * 0.602 / 600).epsilon(1e-12));
  ratio.decay(500);
  CHECK(ratio.value() == doctest::Approx(0.098).epsilon(1e-12));
  ratio.decay(1000);
  CHECK(ratio.value() == doctest::Approx(0.098).epsilon(1e-12));
}

TEST_CASE("new-token ratio: many steps at once are the same as one by one") {
  NewTokenRatio at_once(0.9);
  NewTokenRatio singly(0.9);
  at_once.decay(377);
  for (int i = 0; i < 377; ++i) singly.decay(1);
  CHECK(at_once.value() == singly.value());
}

TEST_CASE("new-token ratio: the conservativeness scales its start up to 1") {
  CHECK(NewTokenRatio(0.3).value() == doctest::Approx(0.21).epsilon(1e-12));
  CHECK(NewTokenRatio(2.0).value() == 1.0);
}

TEST_CASE("new-token ratio: a retraction sets it from what is left and 20 steps ahead") {
  // Two requests with 30 of 200 tokens: (30 + 40) / 201. It then falls from there, and idleness starts it anew.
  NewTokenRatio ratio(1.0);
  ratio.decay(50);
  ratio.retracted(30, 200, 2);
  CHECK(ratio.value() == doctest::Approx(70.0 / 201.0).epsilon(1e-12));
  ratio.decay(1);
  CHECK(ratio.value() == doctest::Approx(70.0 / 201.0 - 0.602 / 600).epsilon(1e-12));
  ratio.reset();
  CHECK(ratio.value() == doctest::Approx(0.7).epsilon(1e-12));
  ratio.retracted(7, 10, 1);  // (7 + 20) / 11
  CHECK(ratio.value() == 1.0);
}
