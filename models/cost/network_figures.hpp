#pragma once

#include "models/base/units.hpp"

#include <cstdint>

namespace tokenyard::cost {

/// What a group of chips sees of the network it talks over; derived from the topology's graph, never typed in.
struct GroupLinks {
  std::uint32_t ranks = 1;
  std::uint32_t domains = 1;  ///< leaf domains (nodes, racks) that the group spans
  BytesPerSecond port;        ///< of one rank inside its domain, per direction, efficiency included
  BytesPerSecond exchange;    ///< of one rank inside its domain when all send evenly to all, per direction, efficiency
                              ///< included: = port, less in a torus, where such traffic takes many cables
  BytesPerSecond uplink;      ///< of one rank towards other domains, per direction: its share of the narrower of
                              ///< its own NICs and its domain's trunk; = port when domains == 1
  Seconds latency;            ///< longest one-way wire latency between two ranks
  Seconds latency_inside;     ///< the same of two ranks of a domain
  Seconds neighbour;       ///< one way to the next rank of a ring inside a domain: = latency_inside, in a torus a hop
  bool one_plane = false;  ///< the ports that send inside a domain are those that send across
  bool in_network_reduction = false;  ///< switches of the domain can add up what they carry
};

/// The kinds of groups of one instance.
struct NetworkFigures {
  GroupLinks tensor;       ///< the chips of one attention rank (all-reduce)
  GroupLinks expert;       ///< the chips of one stage (dispatch, combine)
  GroupLinks pipeline;     ///< neighbouring stages (point to point); ranks = stages
  GroupLinks context;      ///< chips of one place in the tensor groups that share prompts
  GroupLinks kv;           ///< chips of a tensor group that share a cache
  GroupLinks ffn;          ///< chips of both sides where attention and FFN stand apart: the narrower port counts
  GroupLinks ffn_tensor;   ///< FFN chips that share shared experts and the dense FFN
  GroupLinks ffn_experts;  ///< FFN chips that share each of their experts
};

}  // namespace tokenyard::cost
