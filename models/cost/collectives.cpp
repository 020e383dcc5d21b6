#include "models/cost/collectives.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <cmath>

namespace tokenyard::cost {
namespace {

// NCCL send/receive, H100: over NVLink, and over 50 GB/s NICs.
constexpr Seconds kHopInside{7.7e-6};
constexpr Seconds kHopAcross{19.7e-6};

Seconds across_domains(Bytes size, const GroupLinks& links, const models::AllReduceCoefficients& c) {
  const double domains = links.domains;
  const double inside = links.ranks / domains;
  const Seconds across = 2.0 * (domains - 1.0) / domains * size / inside / links.uplink;
  const Seconds launch = c.one_shot_t0 + 2.0 * std::ceil(std::log2(domains)) * links.latency;
  if (links.ranks == links.domains) return launch + across;

  const Seconds within = 2.0 * (inside - 1.0) / inside * size / (links.port * c.two_shot_eff);
  return launch + c.two_shot_t0 + c.per_peer * (inside - 1.0) + std::max(within, across);
}

}  // namespace

Seconds all_reduce_time(Bytes size, const GroupLinks& links, const models::AllReduceCoefficients& c) {
  expect(links.ranks >= 1 && links.domains >= 1, "a group has a rank");
  if (links.ranks == 1) return Seconds{0.0};
  if (links.domains > 1) return across_domains(size, links, c);

  const double ranks = links.ranks;
  const Seconds peers = c.per_peer * (ranks - 1.0);
  const Seconds one_shot = c.one_shot_t0 + peers + (ranks - 1.0) * size / (links.port * c.one_shot_eff);
  const Seconds two_shot = c.two_shot_t0 + peers + 2.0 * (ranks - 1.0) / ranks * size / (links.port * c.two_shot_eff);
  return std::min(one_shot, two_shot);
}

Seconds exchange_time(const ExchangeShape& shape, const GroupLinks& links, const models::ExchangeCoefficients& c) {
  expect(links.ranks >= 1 && links.domains >= 1, "a group has a rank");
  if (links.ranks == 1) return Seconds{0.0};
  const double ranks = links.ranks;
  const double domains = links.domains;
  const Bytes sent{shape.tokens_per_rank * shape.copies * shape.bytes_per_copy};
  const Seconds launch = c.a0 + c.a1 * std::log2(ranks);
  const Seconds inside = (ranks / domains - 1.0) / ranks * sent / (links.port * c.eta);
  if (links.domains == 1) return launch + inside;
  const Seconds across = (domains - 1.0) / domains * sent / links.uplink;
  return launch + links.latency + std::max(inside, across);
}

double dispatch_bytes(double hidden, models::GemmKind experts) {
  switch (experts) {
    case models::GemmKind::Fp8:
    case models::GemmKind::Fp8Block:
    case models::GemmKind::Int8:
      return hidden + 4.0 * hidden / 128.0 + 16.0;
    case models::GemmKind::Nvfp4:
      return hidden / 2.0 + hidden / 16.0;
    case models::GemmKind::Bf16:
    case models::GemmKind::W4a16:
      break;
  }
  return 2.0 * hidden;
}

double combine_bytes(double hidden) { return 2.0 * hidden; }

Seconds stage_hop_time(Bytes size, const GroupLinks& links) {
  if (links.ranks == 1) return Seconds{0.0};
  if (links.domains == 1) return kHopInside + size / links.port;
  return kHopAcross + links.latency + size / links.uplink;
}

}  // namespace tokenyard::cost
