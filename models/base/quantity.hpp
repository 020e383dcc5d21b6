#pragma once

#include <compare>

namespace tokenyard {

/// A double with a dimension: seconds^S * bytes^B * flop^F * joule^J, always in base units (s, B, FLOP, J).
/// Adding unlike quantities, or passing one where another is wanted, does not compile.
template <int S, int B, int F, int J>
class Quantity {
 public:
  constexpr Quantity() = default;
  constexpr explicit Quantity(double base_units) : value_(base_units) {}

  /// The bare number in base units. For doors (SimGrid, JSON, CSV, YAML) and for inner loops of the cost model.
  [[nodiscard]] constexpr double value() const { return value_; }

  constexpr Quantity& operator+=(Quantity other) {
    value_ += other.value_;
    return *this;
  }
  constexpr Quantity& operator-=(Quantity other) {
    value_ -= other.value_;
    return *this;
  }
  constexpr Quantity& operator*=(double factor) {
    value_ *= factor;
    return *this;
  }

  friend constexpr Quantity operator+(Quantity a, Quantity b) { return Quantity{a.value_ + b.value_}; }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return Quantity{a.value_ - b.value_}; }
  friend constexpr Quantity operator*(Quantity a, double k) { return Quantity{a.value_ * k}; }
  friend constexpr Quantity operator*(double k, Quantity a) { return Quantity{a.value_ * k}; }
  friend constexpr Quantity operator/(Quantity a, double k) { return Quantity{a.value_ / k}; }
  friend constexpr auto operator<=>(Quantity, Quantity) = default;

 private:
  double value_ = 0.0;
};

template <int S, int B, int F, int J, int S2, int B2, int F2, int J2>
[[nodiscard]] constexpr auto operator*(Quantity<S, B, F, J> a, Quantity<S2, B2, F2, J2> b) {
  if constexpr (S + S2 == 0 && B + B2 == 0 && F + F2 == 0 && J + J2 == 0) {
    return a.value() * b.value();
  } else {
    return Quantity<S + S2, B + B2, F + F2, J + J2>{a.value() * b.value()};
  }
}

/// Like over like is a plain ratio (double); anything else keeps its dimension.
template <int S, int B, int F, int J, int S2, int B2, int F2, int J2>
[[nodiscard]] constexpr auto operator/(Quantity<S, B, F, J> a, Quantity<S2, B2, F2, J2> b) {
  if constexpr (S == S2 && B == B2 && F == F2 && J == J2) {
    return a.value() / b.value();
  } else {
    return Quantity<S - S2, B - B2, F - F2, J - J2>{a.value() / b.value()};
  }
}

}  // namespace tokenyard
