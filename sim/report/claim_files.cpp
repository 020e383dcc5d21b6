#include "sim/report/claim_files.hpp"

#include <nlohmann/json.hpp>

#include <cmath>

namespace tokenyard::report {
namespace {

using Json = nlohmann::ordered_json;
using metrics::ClaimRange;

Json range(const ClaimRange& range) {
  return {{"from", range.from ? Json(*range.from) : Json()}, {"to", range.to ? Json(*range.to) : Json()}};
}

Json test(const metrics::ClaimTestRow& row) {
  Json values = Json::array();
  for (const metrics::ClaimValue& value : row.values) {
    values.push_back({{"set_up", value.set_up.empty() ? Json() : Json(value.set_up)},
                      {"value", std::isfinite(value.value) ? Json(value.value) : Json()},
                      {"error", value.error},
                      {"verdict", name(value.verdict)}});
  }
  Json json{{"what", row.what}, {"unit", row.unit}, {"claimed", range(row.claimed)}};
  json["evidence"] = row.evidence ? range(*row.evidence) : Json();
  json["evidence_source"] = row.evidence_source;
  json["error_source"] = row.error_source;
  json["values"] = std::move(values);
  json["verdict"] = name(row.verdict);
  return json;
}

}  // namespace

void write_claims_json(const std::vector<metrics::ClaimRow>& rows, std::ostream& out) {
  Json all = Json::array();
  for (const metrics::ClaimRow& row : rows) {
    Json json{{"id", row.id},
              {"claim", row.claim},
              {"quote", row.quote},
              {"document", row.document},
              {"measured", row.measured},
              {"verdict", name(row.verdict)},
              {"because", row.because}};
    json["confidence"] = row.confidence;
    json["tests"] = Json::array();
    for (const metrics::ClaimTestRow& one : row.tests) {
      if (!one.values.empty()) json["tests"].push_back(test(one));
    }
    all.push_back(std::move(json));
  }
  out << Json{{"report_schema", 1}, {"claims", std::move(all)}}.dump(2, ' ', false, Json::error_handler_t::replace)
      << '\n';
}

}  // namespace tokenyard::report
