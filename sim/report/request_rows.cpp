#include "sim/report/request_rows.hpp"

#include "models/base/errors.hpp"

#include <utility>

namespace tokenyard::report {

using metrics::Part;

RequestRows::RequestRows(std::ostream& out, std::vector<std::string> classes)
    : rows_(out,
            "request,class,prompt_tokens,output_tokens,prefill_instance,decode_instance,preemptions,"
            "arrival_s,admitted_s,first_token_s,last_token_s,ttft_s,tpot_s,latency_s,"
            "queue_s,prefill_s,kv_wait_s,kv_transfer_s,decode_wait_s,preempted_s,decode_s,front_end_s,"
            "cached_tokens,tenant,ending,session,turn"),
      classes_(std::move(classes)) {}

RequestRows::Ended& RequestRows::place_of(RequestId id) {
  expect(id.index() >= next_, "a request ends once");
  const std::size_t place = id.index() - next_;
  if (place >= places_.size()) places_.resize(place + 1);
  expect(std::holds_alternative<std::monostate>(places_[place]), "a request ends once");
  return places_[place];
}

void RequestRows::finished(const metrics::RequestRecord& record) {
  place_of(record.id) = record;
  write_ready(false);
}

void RequestRows::given_up(const metrics::GivenUpRecord& record) {
  place_of(record.id) = record;
  write_ready(false);
}

void RequestRows::write_ready(bool all) {
  while (!places_.empty() && (all || !std::holds_alternative<std::monostate>(places_.front()))) {
    if (const auto* finished = std::get_if<metrics::RequestRecord>(&places_.front())) write(*finished);
    if (const auto* gone = std::get_if<metrics::GivenUpRecord>(&places_.front())) write(*gone);
    places_.pop_front();
    ++next_;
  }
}

void RequestRows::finish() {
  write_ready(true);
  rows_.finish();
}

void RequestRows::write(const metrics::RequestRecord& request) {
  rows_.count(request.id.index());
  rows_.text(classes_.at(request.slo_class.index()));
  rows_.count(request.prompt_tokens);
  rows_.count(request.output_tokens);
  rows_.count(request.prefill_instance.index());
  rows_.count(request.decode_instance.index());
  rows_.count(request.preemptions);
  rows_.time(request.arrival);
  rows_.time(request.admitted);
  rows_.time(request.first_token);
  rows_.time(request.last_token);
  rows_.time(request.ttft());
  if (request.output_tokens > 1) {
    rows_.time(request.tpot());
  } else {
    rows_.empty();
  }
  rows_.time(request.latency());
  for (std::size_t i = 0; i < metrics::kParts; ++i) rows_.time(metrics::part_of(request, static_cast<Part>(i)));
  rows_.count(request.cached_tokens);
  rows_.count(request.tenant);
  rows_.text("answered");
  end_row(request.session);
}

/// Only what holds of a request that no scheduler has seen to its end.
void RequestRows::write(const metrics::GivenUpRecord& request) {
  const auto empty = [this](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) rows_.empty();
  };
  rows_.count(request.id.index());
  rows_.text(classes_.at(request.slo_class.index()));
  rows_.count(request.prompt_tokens);
  rows_.count(request.output_tokens);
  empty(3);  // instances, preemptions
  rows_.time(request.arrival);
  empty(5);  // instants and spans of tokens
  rows_.time(request.gone - request.arrival);
  empty(metrics::kParts + 1);  // parts, cached tokens
  rows_.count(request.tenant);
  rows_.text(request.how == metrics::GaveUp::Cancelled  ? "cancelled"
             : request.how == metrics::GaveUp::Rejected ? "rejected"
                                                        : "timed_out");
  end_row(request.session);
}

/// Rows are in order of arrival, and so are the turns of a session.
void RequestRows::end_row(std::optional<std::uint64_t> session) {
  if (session) {
    rows_.count(*session);
    rows_.count(turns_[*session]++);
  } else {
    rows_.empty();
    rows_.empty();
  }
  rows_.end_row();
}

}  // namespace tokenyard::report
