#include "sim/report/json.hpp"

#include "models/base/errors.hpp"
#include "sim/report/json_pools.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdint>
#include <type_traits>

namespace tokenyard::report {
namespace {

using Json = nlohmann::ordered_json;
using metrics::Part;

constexpr int kSchema = 1;

/// Puts figures into JSON. Take, below, has the same functions the other way round, so that what is written and what is
/// read stand in one place: describe().
struct Put {
  Json& at;

  template <class Value>
  void field(const char* key, const Value& value) {
    at[key] = value;
  }
  /// `there`: whether the figure exists.
  void figure(const char* key, double value, bool there = true) {
    at[key] = there && std::isfinite(value) ? Json(value) : Json();
  }
  template <class Physical>
  void quantity(const char* key, Physical value) {
    figure(key, value.value());
  }
  /// A figure of what few experiments have: no key where it is not there.
  void rare(const char* key, double value, bool there) {
    if (there) figure(key, value);
  }
  void rare_count(const char* key, std::uint64_t count) {
    if (count > 0) at[key] = count;
  }
  template <class Inside>
  void rare_group(const char* key, bool there, Inside inside) {
    if (there) group(key, inside);
  }
  void derived(const char* key, double value, bool there) { figure(key, value, there); }
  void derived_flag(const char* key, bool value) { at[key] = value; }
  template <class Inside>
  void group(const char* key, Inside inside) {
    Json object = Json::object();
    inside(Put{object});
    at[key] = std::move(object);
  }
  void metric(const char* key, metrics::Metric metric) { at[key] = metrics::name(metric); }
  void window_end(const char* key, metrics::WindowEnd end) { at[key] = metrics::name(end); }
  template <class Optional, class Inside>
  void optional(const char* key, const Optional& value, Inside inside) {
    at[key] = Json();
    if (value) group(key, [&](Put in) { inside(in, *value); });
  }
  template <class List, class Inside>
  void list(const char* key, List& list, Inside inside) {
    Json array = Json::array();
    for (std::size_t i = 0; i < list.size(); ++i) {
      Json object = Json::object();
      inside(Put{object}, i);
      array.push_back(std::move(object));
    }
    at[key] = std::move(array);
  }
};

struct Take {
  const Json& at;

  template <class Value>
  void field(const char* key, Value& value) {
    value = at.at(key).get<Value>();
  }
  void figure(const char* key, double& value, bool = true) {
    const Json& found = at.at(key);
    value = found.is_null() ? 0.0 : found.get<double>();
  }
  template <class Physical>
  void quantity(const char* key, Physical& value) {
    double bare = 0.0;
    figure(key, bare);
    value = Physical{bare};
  }
  void rare(const char* key, double& value, bool = true) {
    if (at.contains(key)) figure(key, value);
  }
  template <class Count>
  void rare_count(const char* key, Count& count) {
    if (at.contains(key)) count = at.at(key).get<Count>();
  }
  template <class Inside>
  void rare_group(const char* key, bool, Inside inside) {
    if (at.contains(key)) group(key, inside);
  }
  void derived(const char*, double, bool) {}
  void derived_flag(const char*, bool) {}
  template <class Inside>
  void group(const char* key, Inside inside) {
    inside(Take{at.at(key)});
  }
  void metric(const char* key, metrics::Metric& metric) {
    const auto name = at.at(key).get<std::string>();
    for (std::size_t m = 0; m < metrics::kMetrics; ++m) {
      if (name == metrics::name(static_cast<metrics::Metric>(m))) metric = static_cast<metrics::Metric>(m);
    }
  }
  void window_end(const char* key, metrics::WindowEnd& end) {
    const auto name = at.at(key).get<std::string>();
    for (const auto one :
         {metrics::WindowEnd::LastToken, metrics::WindowEnd::LastArrival, metrics::WindowEnd::EndOfSending}) {
      if (name == metrics::name(one)) end = one;
    }
  }
  template <class Optional, class Inside>
  void optional(const char* key, Optional& value, Inside inside) {
    value.reset();
    if (!at.at(key).is_null()) inside(Take{at.at(key)}, value.emplace());
  }
  template <class List, class Inside>
  void list(const char* key, List& list, Inside inside) {
    const Json& array = at.at(key);
    list.resize(array.size());
    for (std::size_t i = 0; i < list.size(); ++i) inside(Take{array.at(i)}, i);
  }
};

void describe_spread(auto door, auto& spread) {
  door.field("count", spread.count);
  const bool any = spread.count > 0;
  door.figure("mean_s", spread.mean_s, any);
  door.figure("p50_s", spread.p50_s, any);
  door.figure("p90_s", spread.p90_s, any);
  door.figure("p99_s", spread.p99_s, any);
}

void describe_latency(auto door, auto& summary) {
  door.group("ttft", [&](auto in) { describe_spread(in, summary.ttft); });
  door.group("ttft_from_admission", [&](auto in) { describe_spread(in, summary.ttft_from_admission); });
  door.group("tpot", [&](auto in) { describe_spread(in, summary.tpot); });
  door.group("itl", [&](auto in) { describe_spread(in, summary.itl); });
  door.group("e2e", [&](auto in) { describe_spread(in, summary.latency); });
}

void describe_parts(auto door, auto& summary) {
  for (std::size_t i = 0; i < metrics::kParts; ++i) {
    auto& part = summary.parts[i];
    door.group(metrics::name(static_cast<Part>(i)), [&](auto in) {
      describe_spread(in, part);
      const bool any = summary.latency.mean_s > 0.0;
      in.derived("share_of_e2e", any ? part.mean_s / summary.latency.mean_s : 0.0, any);
    });
  }
}

/// Requests that were given up; no key where there were none.
void describe_given_up(auto door, const char* key, auto& given_up) {
  door.rare_group(key, given_up.requests() > 0, [&](auto in) {
    in.field("timed_out", given_up.timed_out);
    in.field("cancelled", given_up.cancelled);
    in.rare_count("rejected", given_up.rejected);
    in.field("output_tokens", given_up.output_tokens);
  });
}

/// A list that is read grows; one that is written is const and as long as it is.
template <class List>
void make_room(List& list, std::size_t size) {
  if constexpr (!std::is_const_v<List>) list.resize(size);
}

void describe_classes(auto door, auto& summary) {
  door.list("classes", summary.classes, [&](auto in, std::size_t i) {
    make_room(summary.by_class, summary.classes.size());
    auto& target = summary.classes[i];
    auto& figures = summary.by_class.at(i);
    in.field("name", target.name);
    in.quantity("ttft_target_s", target.ttft);
    in.quantity("tpot_target_s", target.tpot);
    double e2e_s = target.e2e ? target.e2e->value() : 0.0;
    in.rare("e2e_target_s", e2e_s, e2e_s > 0.0);
    if constexpr (!std::is_const_v<std::remove_reference_t<decltype(target)>>) {
      if (e2e_s > 0.0) target.e2e = Seconds{e2e_s};
    }
    in.field("requests", figures.requests);
    in.field("good_requests", figures.good_requests);
    in.field("output_tokens", figures.output_tokens);
    in.field("good_output_tokens", figures.good_output_tokens);
    describe_given_up(in, "given_up", figures.given_up);
    in.rare_group("latency", i < summary.class_latency.size(), [&](auto below) {
      make_room(summary.class_latency, i + 1);
      below.group("ttft", [&](auto of) { describe_spread(of, summary.class_latency[i].ttft); });
      below.group("tpot", [&](auto of) { describe_spread(of, summary.class_latency[i].tpot); });
    });
    const std::uint64_t all = figures.requests + figures.given_up.requests();
    in.derived("share", all > 0 ? static_cast<double>(figures.good_requests) / static_cast<double>(all) : 0.0, all > 0);
    make_room(summary.class_rates, summary.classes.size());
    in.figure("requests_per_s", summary.class_rates.at(i).good_requests_per_s);
    in.figure("output_tokens_per_s", summary.class_rates.at(i).good_tokens_per_s);
  });
}

void describe_tenants(auto door, auto& tenants) {
  door.list("tenants", tenants, [&](auto in, std::size_t i) {
    auto& tenant = tenants[i];
    in.field("tenant", tenant.tenant);
    in.field("requests", tenant.requests);
    in.field("good_requests", tenant.good_requests);
    in.field("prompt_tokens", tenant.prompt_tokens);
    in.field("cached_tokens", tenant.cached_tokens);
    in.field("output_tokens", tenant.output_tokens);
    describe_given_up(in, "given_up", tenant.given_up);
    in.group("ttft", [&](auto below) { describe_spread(below, tenant.ttft); });
    in.group("tpot", [&](auto below) { describe_spread(below, tenant.tpot); });
  });
}

void describe_energy(auto door, auto& summary) {
  double energy_j = 0.0;
  for (const auto& pool : summary.pools) energy_j += pool.energy_j;
  door.derived("energy_j", energy_j, true);
  door.figure("mean_power_w", summary.mean_power_w);
  door.figure("energy_per_output_token_j", summary.joules_per_output_token, summary.output_tokens_per_s > 0.0);
}

/// A metric that nobody looked up is absent; the errors of measurements that do not exist are null.
void describe_confidence(auto door, auto& summary) {
  door.list("confidence", summary.confidence, [&](auto in, std::size_t i) {
    auto& one = summary.confidence[i];
    in.metric("metric", one.metric);
    in.field("extrapolated", one.extrapolated);
    in.field("reason", one.reason);
    in.field("basis", one.basis);
    in.optional("errors", one.errors, [](auto inside, auto& errors) {
      inside.field("measurements", errors.n);
      inside.figure("p50", errors.median);
      inside.figure("mean", errors.mean);
      inside.figure("p90", errors.p90);
      inside.figure("bias", errors.bias);
    });
  });
}

/// Works on Put with a const Summary, and on Take with one to fill. Order matters to Take only where one figure decides
/// whether another exists, which it does not ask.
void describe(auto door, auto& summary) {
  door.field("name", summary.name);
  door.field("complete", summary.complete);
  door.figure("window_s", summary.window_s);
  door.derived_flag("window_to_last_arrival", summary.window_end == metrics::WindowEnd::LastArrival);
  door.window_end("window_end", summary.window_end);
  door.figure("warm_up_s", summary.warm_up_s);
  door.field("chips", summary.chips);
  door.field("chips_idle", summary.chips_idle);
  door.group("requests", [&](auto in) {
    in.field("arrived", summary.requests_arrived);
    in.field("finished", summary.requests_finished);
    in.field("measured", summary.requests_measured);
    in.field("preempted", summary.requests_preempted);
    describe_given_up(in, "given_up", summary.given_up);
    describe_given_up(in, "given_up_after_warm_up", summary.given_up_after_warm_up);
  });
  door.field("exact_percentiles", summary.exact_percentiles);
  door.group("latency", [&](auto in) { describe_latency(in, summary); });
  door.group("parts", [&](auto in) { describe_parts(in, summary); });
  door.group("throughput", [&](auto in) {
    in.figure("requests_per_s", summary.requests_per_s);
    in.figure("prompt_tokens_per_s", summary.prompt_tokens_per_s);
    in.figure("output_tokens_per_s", summary.output_tokens_per_s);
    in.figure("output_tokens_per_s_per_chip", summary.output_tokens_per_s_per_chip);
    in.figure("output_tokens_per_s_per_user", summary.tokens_per_s_per_user, summary.tpot.count > 0);
  });
  door.group("goodput", [&](auto in) {
    in.figure("requests_per_s", summary.good_requests_per_s);
    in.figure("output_tokens_per_s", summary.good_tokens_per_s);
    in.figure("share", summary.good_share, summary.requests_measured + summary.given_up_after_warm_up.requests() > 0);
    describe_classes(in, summary);
  });
  door.list("pools", summary.pools, [&](auto in, std::size_t i) { describe_pool(in, summary.pools[i]); });
  describe_tenants(door, summary.tenants);
  door.list("planes", summary.planes, [&](auto in, std::size_t i) { describe_plane(in, summary.planes[i]); });
  door.group("energy", [&](auto in) { describe_energy(in, summary); });
  describe_confidence(door, summary);
  door.field("notes", summary.notes);
}

}  // namespace

void write_summary(const metrics::Summary& summary, std::ostream& out) {
  Json json = Json::object();
  json["report_schema"] = kSchema;
  describe(Put{json}, summary);
  // A name that is not UTF-8 must not cost a person the results of a run.
  out << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

metrics::Summary read_summary(std::istream& in, const std::string& name) {
  try {
    const Json json = Json::parse(in);
    if (json.at("report_schema") != kSchema) {
      throw UserError(name + ": has report_schema " + json.at("report_schema").dump() + ", not " +
                      std::to_string(kSchema));
    }
    metrics::Summary summary;
    describe(Take{json}, summary);
    return summary;
  } catch (const Json::exception& error) {
    throw UserError(name + ": is not a summary of tokenyard: " + error.what());
  }
}

}  // namespace tokenyard::report
