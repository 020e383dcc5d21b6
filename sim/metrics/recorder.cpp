#include "sim/metrics/recorder.hpp"

#include "models/base/errors.hpp"

#include <algorithm>

namespace tokenyard::metrics {

const char* name(Part part) {
  switch (part) {
    case Part::Queue:
      return "queue";
    case Part::Prefill:
      return "prefill";
    case Part::KvWait:
      return "kv_wait";
    case Part::KvTransfer:
      return "kv_transfer";
    case Part::DecodeWait:
      return "decode_wait";
    case Part::Preempted:
      return "preempted";
    case Part::Decode:
      return "decode";
    case Part::FrontEnd:
      return "front_end";
  }
  return "";
}

SimTime part_of(const RequestRecord& record, Part part) {
  switch (part) {
    case Part::Queue:
      return record.queue;
    case Part::Prefill:
      return record.prefill;
    case Part::KvWait:
      return record.kv_wait;
    case Part::KvTransfer:
      return record.kv_transfer;
    case Part::DecodeWait:
      return record.decode_wait;
    case Part::Preempted:
      return record.preempted;
    case Part::Decode:
      return record.decode;
    case Part::FrontEnd:
      return record.front_end;
  }
  return {};
}

Recorder::Recorder(SimTime warm_up, std::vector<SloTarget> classes, bool keep_requests, bool keep_steps)
    : by_class(classes.size()),
      ended_after_warm_up(classes.size()),
      warm_up_(warm_up),
      classes_(std::move(classes)),
      keep_requests_(keep_requests),
      keep_steps_(keep_steps) {
  expect(!classes_.empty(), "there is at least one SLO class");
  if (classes_.size() == 1) return;
  class_ttft.resize(classes_.size());
  class_tpot.resize(classes_.size());
}

/// Latencies of a tenant are kept apart from when there is a second one: until then they are all there are.
TenantFigures& Recorder::tenant_of(std::uint32_t number) {
  if (by_tenant.size() == 1 && by_tenant.begin()->first != number) {
    by_tenant.begin()->second.ttft = ttft;
    by_tenant.begin()->second.tpot = tpot;
  }
  return by_tenant[number];
}

bool Recorder::met_targets(const RequestRecord& record) const {
  const SloTarget& target = classes_[record.slo_class.index()];
  return record.ttft() <= SimTime::from(target.ttft) &&
         (record.output_tokens < 2 || record.tpot() <= SimTime::from(target.tpot)) &&
         (!target.e2e || record.latency() <= SimTime::from(*target.e2e));
}

/// Of a request that has ended after warm-up.
void Recorder::ended(const RequestRecord& record, bool met) {
  EndedFigures& figures = ended_after_warm_up.at(record.slo_class.index());
  ++figures.requests;
  figures.prompt_tokens += record.prompt_tokens;
  if (!met) return;
  ++figures.good_requests;
  if (record.first_token > warm_up_) {
    figures.good_output_tokens += record.output_tokens;
  } else {
    const double share = (record.last_token - warm_up_).seconds() / (record.last_token - record.first_token).seconds();
    figures.good_output_tokens += static_cast<std::uint64_t>(share * (record.output_tokens - 1));
  }
}

void Recorder::request(const RequestRecord& record) {
  SimTime sum;
  for (std::size_t i = 0; i < kParts; ++i) {
    const SimTime part = part_of(record, static_cast<Part>(i));
    expect(part >= SimTime{}, "no part of a latency is negative");
    sum += part;
  }
  expect(sum == record.latency(), "the parts of a latency add up to it");

  ++finished;
  const bool met = met_targets(record);
  if (record.last_token > warm_up_) ended(record, met);
  last_end = std::max(last_end, record.last_token);
  if (keep_requests_) requests_.push_back(record);
  if (listener_ != nullptr) listener_->finished(record);
  if (record.arrival < warm_up_) return;

  ++measured;
  prompt_tokens += record.prompt_tokens;
  cached_tokens += record.cached_tokens;
  output_tokens += record.output_tokens;
  preempted_requests += record.preemptions > 0 ? 1 : 0;
  TenantFigures& tenant = tenant_of(record.tenant);
  ttft.add(record.ttft());
  ttft_from_admission.add(record.ttft_from_admission());
  if (record.output_tokens > 1) tpot.add(record.tpot());
  latency.add(record.latency());
  for (std::size_t i = 0; i < kParts; ++i) parts[i].add(part_of(record, static_cast<Part>(i)));

  ClassFigures& figures = by_class.at(record.slo_class.index());
  ++figures.requests;
  if (!class_ttft.empty()) {
    class_ttft[record.slo_class.index()].add(record.ttft());
    if (record.output_tokens > 1) class_tpot[record.slo_class.index()].add(record.tpot());
  }
  figures.output_tokens += record.output_tokens;
  if (met) {
    ++figures.good_requests;
    figures.good_output_tokens += record.output_tokens;
  }

  ++tenant.requests;
  tenant.prompt_tokens += record.prompt_tokens;
  tenant.cached_tokens += record.cached_tokens;
  tenant.output_tokens += record.output_tokens;
  tenant.good_requests += met ? 1 : 0;
  if (by_tenant.size() > 1) {
    tenant.ttft.add(record.ttft());
    if (record.output_tokens > 1) tenant.tpot.add(record.tpot());
  }
}

void Recorder::given_up(const GivenUpRecord& record) {
  gone.add(record);
  last_end = std::max(last_end, record.gone);
  if (listener_ != nullptr) listener_->given_up(record);
  if (record.arrival < warm_up_) return;
  gone_after_warm_up.add(record);
  by_class.at(record.slo_class.index()).given_up.add(record);
  tenant_of(record.tenant).given_up.add(record);
}

}  // namespace tokenyard::metrics
