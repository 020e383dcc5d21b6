#pragma once

#include "models/base/ids.hpp"
#include "sim/config/experiment.hpp"
#include "sim/run/assemble.hpp"
#include "sim/run/placement.hpp"
#include "topologies/topology.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

namespace tokenyard {

/// The plane that `planes.front_end` names, if any. Throws UserError there when a chip of an instance has no port on
/// it, or when it does not lead out of the leaf domain of an instance's first chip, beside which its front end stands.
[[nodiscard]] std::optional<PlaneId> front_end_plane(const topologies::Topology& topology,
                                                     const config::Experiment& experiment,
                                                     const std::vector<std::vector<PlacedInstance>>& placed);

/// Where an instance stands on the engine's network of that plane.
struct InstanceEndpoint {
  std::size_t network = 0;
  EndpointId endpoint;
};
using FindInstance = std::function<InstanceEndpoint(std::size_t pool, std::size_t instance)>;

/// Puts the users on the network of `plane`, as one endpoint "users" in a domain (and pod) of its own, and tells every
/// instance its way from and to them (serving::RequestWay). Where a front-end or scale-out plane is one domain they
/// stand in that. They are as far away as the first chip of another domain, of another pod where there are any.
/// REQUIRES: front_end_plane() gave `plane`; assembly.networks and pools are complete, `find` knows all instances.
void join_users(const config::Experiment& experiment, const std::vector<std::vector<PlacedInstance>>& placed,
                PlaneId plane, const FindInstance& find, Assembly& assembly);

}  // namespace tokenyard
