#pragma once

#include "models/base/ids.hpp"
#include "models/base/units.hpp"

#include <cstddef>

namespace tokenyard::serving {

/// How calls come to an instance and tokens go back to their users, over a network of the engine.
///
/// A call is a flow of prompt * prompt_token bytes that its front end gets when the last of them is there; it shares
/// links like any other. Tokens are output_token bytes each, spread evenly over the time from the first to the last of
/// an answer: they count for the links, take nothing from flows (10^4 tokens/s of 250 B are a ten-thousandth of a port
/// of 200 Gb/s), and reach the user `latency` later, which the front end adds (FrontEndSpec::way_back). Leaves out: the
/// second call that a proxy sends to a decode instance, which is short when it names a cache and the prompt again when
/// it does not; connection set-up; what a router's own machine adds.
struct RequestWay {
  std::size_t network = 0;  ///< of the engine
  EndpointId users;         ///< where calls come from
  EndpointId instance;      ///< the NICs of the node with its first chip, or of its first rank
  Seconds latency;          ///< of the wire, one way
  Bytes prompt_token;
  Bytes output_token;
};

}  // namespace tokenyard::serving
