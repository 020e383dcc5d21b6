#pragma once

#include "models/base/quantity.hpp"

namespace tokenyard {

using Seconds = Quantity<1, 0, 0, 0>;
using Bytes = Quantity<0, 1, 0, 0>;
using Flop = Quantity<0, 0, 1, 0>;
using Joules = Quantity<0, 0, 0, 1>;
using PerSecond = Quantity<-1, 0, 0, 0>;
using BytesPerSecond = Quantity<-1, 1, 0, 0>;
using FlopPerSecond = Quantity<-1, 0, 1, 0>;
using Watts = Quantity<-1, 0, 0, 1>;

/// Decimal prefixes are decimal (1 GB = 10^9 B), binary ones binary (1 GiB = 2^30 B). Never mixed.
namespace literals {
constexpr Seconds operator""_s(long double v) { return Seconds{static_cast<double>(v)}; }
constexpr Seconds operator""_s(unsigned long long v) { return Seconds{static_cast<double>(v)}; }
constexpr Seconds operator""_ms(long double v) { return Seconds{static_cast<double>(v) * 1e-3}; }
constexpr Seconds operator""_ms(unsigned long long v) { return Seconds{static_cast<double>(v) * 1e-3}; }
constexpr Seconds operator""_us(long double v) { return Seconds{static_cast<double>(v) * 1e-6}; }
constexpr Seconds operator""_us(unsigned long long v) { return Seconds{static_cast<double>(v) * 1e-6}; }
constexpr Bytes operator""_B(unsigned long long v) { return Bytes{static_cast<double>(v)}; }
constexpr Bytes operator""_MB(unsigned long long v) { return Bytes{static_cast<double>(v) * 1e6}; }
constexpr Bytes operator""_GB(unsigned long long v) { return Bytes{static_cast<double>(v) * 1e9}; }
constexpr Bytes operator""_GiB(unsigned long long v) { return Bytes{static_cast<double>(v) * 1073741824.0}; }
constexpr BytesPerSecond operator""_GBps(long double v) { return BytesPerSecond{static_cast<double>(v) * 1e9}; }
constexpr BytesPerSecond operator""_GBps(unsigned long long v) { return BytesPerSecond{static_cast<double>(v) * 1e9}; }
constexpr BytesPerSecond operator""_Gbps(unsigned long long v) {
  return BytesPerSecond{static_cast<double>(v) * 0.125e9};
}
constexpr FlopPerSecond operator""_TFLOPps(long double v) { return FlopPerSecond{static_cast<double>(v) * 1e12}; }
constexpr FlopPerSecond operator""_TFLOPps(unsigned long long v) {
  return FlopPerSecond{static_cast<double>(v) * 1e12};
}
constexpr Watts operator""_W(unsigned long long v) { return Watts{static_cast<double>(v)}; }
}  // namespace literals

}  // namespace tokenyard
