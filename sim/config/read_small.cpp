#include "sim/config/read_small.hpp"

#include "sim/config/read_provenance.hpp"

#include <cstddef>

namespace tokenyard::config {
namespace {

using models::SmallKernel;
using models::SmallKernelCoefficients;

models::NearBytes read_near(YamlMap map) {
  models::NearBytes near{.below = map.bytes("below"), .share = map.number("share", 0.0, 1.0)};
  map.finish();
  return near;
}

SmallKernelCoefficients read_kind(YamlMap map) {
  SmallKernelCoefficients small{.t0 = map.seconds("t0"),
                                .eff_bw = map.number("eff_bw", 0.0, 1.0),
                                .row_latency = map.seconds("row_latency"),
                                .p = map.number("p", 0.0, 1e12)};
  if (map.given("near")) small.near = read_near(map.map("near", "chip.kernels.small.near"));
  small.provenance = read_provenance(map);
  map.finish();
  return small;
}

}  // namespace

models::SmallKernels read_small(YamlMap map) {
  models::SmallKernels small;
  small.other.t0 = map.seconds("t0");
  small.other.eff_bw = map.number("eff_bw", 0.0, 1.0);
  small.other.provenance = read_provenance(map);
  small.rotary_in_attention = map.flag("rotary_in_attention");
  small.routing_in_experts = map.flag("routing_in_experts");
  for (std::size_t i = 0; i < models::kSmallKernels; ++i) {
    const auto kind = name(static_cast<SmallKernel>(i));
    if (map.given(kind)) small.by_kind[i] = read_kind(map.map(kind, "chip.kernels.small.KIND"));
  }
  map.finish();
  return small;
}

}  // namespace tokenyard::config
