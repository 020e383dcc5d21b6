#pragma once

#include <compare>
#include <cstdint>

namespace tokenyard {

/// A dense index that cannot be taken for another kind of index.
template <class Tag>
class Id {
 public:
  constexpr Id() = default;
  constexpr explicit Id(std::uint32_t index) : index_(index) {}
  [[nodiscard]] constexpr std::uint32_t index() const { return index_; }
  friend constexpr auto operator<=>(Id, Id) = default;

 private:
  std::uint32_t index_ = 0;
};

using ChipId = Id<struct ChipTag>;          ///< a chip of the topology, in order of nodes
using PlaneId = Id<struct PlaneTag>;        ///< a network of the topology (scale-up, scale-out, ...)
using EndpointId = Id<struct EndpointTag>;  ///< where flows start and end: one group of NICs on one plane
using FlowId = Id<struct FlowTag>;
using InstanceId = Id<struct InstanceTag>;
using RequestId = Id<struct RequestTag>;  ///< in order of arrival
using ClassId = Id<struct ClassTag>;      ///< an SLO class of the experiment

}  // namespace tokenyard
