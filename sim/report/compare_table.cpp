#include "sim/report/table.hpp"

#include "models/base/errors.hpp"
#include "sim/report/figure_text.hpp"
#include "sim/report/grid.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

namespace tokenyard::report {
namespace {

using metrics::PlaneFigures;
using metrics::PoolFigures;
using metrics::Spread;
using metrics::Summary;

constexpr std::size_t kColumns = 100;
constexpr std::size_t kNarrowest = 8;
constexpr std::size_t kWidest = 24;
constexpr std::string_view kNothing = "-";

/// The last place at which `name` may be broken so that both pieces fit, of those that `may_break(before, after)`
/// allows.
template <class MayBreak>
std::size_t last_break(const std::string& name, std::size_t most, MayBreak may_break) {
  for (std::size_t at = name.size(); at-- > 1;) {
    const bool fits = width(name.substr(0, at)) <= most && width(name.substr(at)) <= most;
    if (fits && may_break(name[at - 1], name[at])) return at;
  }
  return std::string::npos;
}

/// A name on two lines of at most `most` characters; the second is empty when one is enough. Broken behind a mark that
/// separates words, or else before a number, and cut in the middle when two lines are not enough.
std::pair<std::string, std::string> two_lines(const std::string& name, std::size_t most) {
  if (width(name) <= most) return {name, ""};
  const auto is_digit = [](char byte) { return byte >= '0' && byte <= '9'; };
  std::size_t at = last_break(
      name, most, [](char before, char) { return std::string_view("-_. ").find(before) != std::string_view::npos; });
  if (at == std::string::npos) {
    at = last_break(name, most, [&](char before, char after) { return !is_digit(before) && is_digit(after); });
  }
  if (at != std::string::npos) return {name.substr(0, at), name.substr(at)};
  const std::string cut = cut_name(name, 2 * most);
  const std::string_view head = first_characters(cut, most);
  return {std::string(head), cut.substr(head.size())};
}

/// Rows of one figure over all designs.
class Rows {
 public:
  explicit Rows(const std::vector<Summary>& designs) : designs_(designs) {
    // The longest labels take 27 columns, and each column two of distance.
    const std::size_t room = (kColumns - 27) / designs.size();
    name_width_ = std::clamp<std::size_t>(room - std::min<std::size_t>(room, 2), kNarrowest, kWidest);
    std::vector<std::string> first{"design"};
    std::vector<std::string> second{""};
    bool any_second = false;
    for (const Summary& design : designs) {
      const auto [head, tail] = two_lines(design.name, name_width_);
      first.push_back(head);
      second.push_back(tail);
      any_second = any_second || !tail.empty();
    }
    grid_.row(std::move(first));
    if (any_second) grid_.row(std::move(second));
  }

  void heading(const std::string& text) {
    grid_.blank();
    grid_.row({text});
  }

  template <class Figure>  // std::string (const Summary&)
  void row(const std::string& label, Figure figure) {
    std::vector<std::string> cells{label};
    for (const Summary& design : designs_) cells.push_back(figure(design));
    grid_.row(std::move(cells));
  }

  void spread(const std::string& label, Spread Summary::* of) {
    const auto add = [&](const char* name, double Spread::* value) {
      row(label + name, [=](const Summary& design) {
        return (design.*of).count > 0 ? time_text(design.*of.*value) : std::string(kNothing);
      });
    };
    add(" mean", &Spread::mean_s);
    add(" p50", &Spread::p50_s);
    add(" p90", &Spread::p90_s);
    add(" p99", &Spread::p99_s);
  }

  [[nodiscard]] std::string text() const { return grid_.text(); }
  [[nodiscard]] std::size_t name_width() const { return name_width_; }

 private:
  const std::vector<Summary>& designs_;
  std::size_t name_width_;
  Grid grid_;
};

/// The `nth` pool of a role, where the design has one.
const PoolFigures* find_pool(const Summary& design, std::string_view role, std::size_t nth) {
  for (const PoolFigures& pool : design.pools) {
    if (pool.facts.role == role && nth-- == 0) return &pool;
  }
  return nullptr;
}

void add_pool(Rows& rows, const std::vector<Summary>& designs, const std::string& role, std::size_t nth) {
  rows.heading(nth == 0 ? role + " pool" : fmt::format("{} pool {}", role, nth + 1));
  const auto pool_row = [&](const std::string& label, const std::function<std::string(const PoolFigures&)>& figure) {
    rows.row("  " + label, [&](const Summary& design) {
      const PoolFigures* pool = find_pool(design, role, nth);
      return pool != nullptr ? figure(*pool) : std::string(kNothing);
    });
  };
  const auto ratio_row = [&](const std::string& label, double PoolFigures::* ratio) {
    pool_row(label, [=](const PoolFigures& pool) { return ratio_text(pool.*ratio); });
  };
  // Of steps of one kind; no row where no design has such steps.
  const auto steps_row = [&](const std::string& label, double PoolFigures::* ratio) {
    const bool any = std::any_of(designs.begin(), designs.end(), [&](const Summary& design) {
      const PoolFigures* pool = find_pool(design, role, nth);
      return pool != nullptr && pool->*ratio > 0.0;
    });
    if (!any) return;
    pool_row(label, [=](const PoolFigures& pool) {
      return pool.*ratio > 0.0 ? ratio_text(pool.*ratio) : std::string(kNothing);
    });
  };
  pool_row("instances x chips", [](const PoolFigures& pool) {
    return fmt::format("{} x {}", pool.facts.instances, pool.facts.chips_per_instance);
  });
  pool_row("chip", [&](const PoolFigures& pool) { return cut_name(pool.facts.chip, rows.name_width()); });
  ratio_row("busy", &PoolFigures::busy);
  ratio_row("MFU", &PoolFigures::mfu);
  steps_row("MFU in prefill steps", &PoolFigures::mfu_prefill_steps);
  steps_row("MFU in decode steps", &PoolFigures::mfu_decode_steps);
  ratio_row("memory bw", &PoolFigures::bandwidth_utilisation);
  steps_row("memory bw in decode steps", &PoolFigures::bandwidth_utilisation_decode_steps);
  ratio_row("KV occupancy mean", &PoolFigures::kv_occupancy_mean);
  ratio_row("KV occupancy peak", &PoolFigures::kv_occupancy_peak);
  pool_row("batch mean", [](const PoolFigures& pool) { return number_text(pool.running_mean); });
  pool_row("preemptions", [](const PoolFigures& pool) { return count_text(pool.preemptions); });
}

void add_pools(Rows& rows, const std::vector<Summary>& designs) {
  // Roles in the order in which designs name them.
  std::vector<std::string> roles;
  for (const Summary& design : designs) {
    for (const PoolFigures& pool : design.pools) {
      if (std::find(roles.begin(), roles.end(), pool.facts.role) == roles.end()) roles.push_back(pool.facts.role);
    }
  }
  for (const std::string& role : roles) {
    const auto has = [&](std::size_t nth) {
      return std::any_of(designs.begin(), designs.end(),
                         [&](const Summary& design) { return find_pool(design, role, nth) != nullptr; });
    };
    for (std::size_t nth = 0; has(nth); ++nth) add_pool(rows, designs, role, nth);
  }
}

const PlaneFigures* find_plane(const Summary& design, std::string_view name) {
  for (const PlaneFigures& plane : design.planes) {
    if (plane.plane == name) return &plane;
  }
  return nullptr;
}

void add_planes(Rows& rows, const std::vector<Summary>& designs) {
  std::vector<std::string> names;
  for (const Summary& design : designs) {
    for (const PlaneFigures& plane : design.planes) {
      if (std::find(names.begin(), names.end(), plane.plane) == names.end()) names.push_back(plane.plane);
    }
  }
  for (const std::string& name : names) {
    rows.heading("network " + cut_name(name, kWidest));
    const auto plane_row = [&](const std::string& label,
                               const std::function<std::string(const PlaneFigures&)>& figure) {
      rows.row("  " + label, [&](const Summary& design) {
        const PlaneFigures* plane = find_plane(design, name);
        return plane != nullptr ? figure(*plane) : std::string(kNothing);
      });
    };
    plane_row("collectives", [](const PlaneFigures& plane) { return prefixed_text(plane.collective_bytes, "B"); });
    plane_row("mean utilisation by them",
              [](const PlaneFigures& plane) { return ratio_text(plane.collective_utilisation); });
    plane_row("KV hand-offs", [](const PlaneFigures& plane) { return prefixed_text(plane.bytes, "B"); });
    const bool users = std::any_of(designs.begin(), designs.end(), [&](const Summary& design) {
      const PlaneFigures* plane = find_plane(design, name);
      return plane != nullptr && plane->request_bytes > 0.0;
    });
    if (users) {
      plane_row("calls and tokens", [](const PlaneFigures& plane) { return prefixed_text(plane.request_bytes, "B"); });
    }
    plane_row("mean utilisation by them", [](const PlaneFigures& plane) { return ratio_text(plane.mean_utilisation); });
    plane_row("peak link utilisation",
              [](const PlaneFigures& plane) { return ratio_text(plane.peak_link_utilisation); });
  }
}

void add_rates(Rows& rows) {
  rows.heading("throughput");
  rows.row("  output tokens/s", [](const Summary& design) { return number_text(design.output_tokens_per_s); });
  rows.row("  output tokens/s per chip",
           [](const Summary& design) { return number_text(design.output_tokens_per_s_per_chip); });
  rows.row("  output tokens/s per user", [](const Summary& design) {
    return design.tpot.count > 0 ? number_text(design.tokens_per_s_per_user) : std::string(kNothing);
  });
  rows.heading("goodput");
  rows.row("  requests/s", [](const Summary& design) { return number_text(design.good_requests_per_s); });
  rows.row("  output tokens/s", [](const Summary& design) { return number_text(design.good_tokens_per_s); });
  rows.row("  share of requests", [](const Summary& design) {
    return design.requests_measured > 0 ? ratio_text(design.good_share) : std::string(kNothing);
  });
}

void add_parts(Rows& rows) {
  rows.heading("mean time");
  for (std::size_t i = 0; i < metrics::kParts; ++i) {
    rows.row("  " + part_text(static_cast<metrics::Part>(i)), [i](const Summary& design) {
      return design.parts[i].count > 0 ? time_text(design.parts[i].mean_s) : std::string(kNothing);
    });
  }
}

std::string incomplete(const std::vector<Summary>& designs) {
  std::string names;
  for (const Summary& design : designs) {
    if (!design.complete) names += (names.empty() ? "" : ", ") + design.name;
  }
  if (names.empty()) return {};
  return wrapped(names + " (interrupted: figures of the requests that had ended)", kColumns,
                 "INCOMPLETE: ", "            ");
}

}  // namespace

std::string compare_table(const std::vector<Summary>& designs) {
  expect(!designs.empty(), "there is a design to show");
  Rows rows(designs);
  rows.row("chips", [](const Summary& design) { return count_text(design.chips); });
  rows.row("requests measured", [](const Summary& design) { return count_text(design.requests_measured); });
  rows.heading("latency");
  rows.spread("  TTFT", &Summary::ttft);
  rows.spread("  TPOT", &Summary::tpot);
  rows.spread("  ITL", &Summary::itl);
  rows.spread("  end to end", &Summary::latency);
  add_parts(rows);
  add_rates(rows);
  add_pools(rows, designs);
  add_planes(rows, designs);
  rows.heading("energy");
  rows.row("  J per output token", [](const Summary& design) {
    return design.output_tokens_per_s > 0.0 ? number_text(design.joules_per_output_token) : std::string(kNothing);
  });

  std::string text = incomplete(designs) + rows.text();
  for (const Summary& design : designs) {
    for (const std::string& note : design.notes) {
      text += wrapped(design.name + ": " + note, kColumns, "note: ", "      ");
    }
  }
  return text;
}

}  // namespace tokenyard::report
