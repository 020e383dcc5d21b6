#include "topologies/picture.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>
#include <vector>

namespace tokenyard::topologies {
namespace {

constexpr std::size_t kMostChips = 96;
constexpr std::size_t kMostSwitches = 32;
constexpr double kWidth = 1280.0;
constexpr double kLeft = 210.0;  // where labels end
constexpr double kTier = 110.0;  // from one tier to the next
constexpr double kTitle = 40.0;

template <class... Values>
std::string print(const char* format, Values... values) {
  std::array<char, 256> text{};
  std::snprintf(text.data(), text.size(), format, values...);
  return text.data();
}

std::string rate_of(const CableSpec& cable) {
  const std::string one = print("%.4g GB/s", cable.rate.value() * 1e-9);
  return cable.count == 1 ? one : std::to_string(cable.count) + " x " + one;
}

std::string vertex_name(const Topology& topology, std::size_t plane, std::uint32_t vertex) {
  if (vertex < topology.chip_count()) return "chip" + std::to_string(vertex);
  return "p" + std::to_string(plane) + "s" + std::to_string(vertex - topology.chip_count());
}

std::string device_name(const Topology& topology, const DrawnDevice& device) {
  return "\"" + topology.stores()[device.store.index()].name + std::to_string(device.number) + "\"";
}

/// Tier of every vertex: 0 = chip, else cables to the nearest chip.
std::vector<std::uint32_t> tiers_of(const Topology& topology, PlaneId plane) {
  std::vector<std::uint32_t> tier(topology.vertex_count(plane), UINT32_MAX);
  std::fill_n(tier.begin(), topology.chip_count(), 0U);
  for (bool grew = true; grew;) {
    grew = false;
    for (const DrawnCable& drawn : topology.cables(plane)) {
      for (const auto& [near, far] : {std::pair{drawn.a, drawn.b}, std::pair{drawn.b, drawn.a}}) {
        if (tier[near] == UINT32_MAX || tier[far] <= tier[near] + 1) continue;
        tier[far] = tier[near] + 1;
        grew = true;
      }
    }
  }
  return tier;
}

struct Place {
  double x = 0.0;
  double y = 0.0;
  bool drawn = false;
};

std::string escaped(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    if (c == '<') {
      safe += "&lt;";
    } else if (c == '&') {
      safe += "&amp;";
    } else {
      safe += c;
    }
  }
  return safe;
}

std::string draw_cables(const Topology& topology, PlaneId plane, const std::vector<Place>& places) {
  std::string text;
  for (const DrawnCable& drawn : topology.cables(plane)) {
    const Place& a = places[drawn.a];
    const Place& b = places[drawn.b];
    if (!a.drawn || !b.drawn) continue;
    // Cables between chips are arcs below their row.
    const double sag = a.y == b.y ? 12.0 + 0.12 * std::abs(a.x - b.x) : 0.0;
    text += print("<path d=\"M%.1f %.1f Q%.1f %.1f %.1f %.1f\"><title>", a.x, a.y, 0.5 * (a.x + b.x),
                  0.5 * (a.y + b.y) + 2.0 * sag, b.x, b.y) +
            rate_of(drawn.cable) + "</title></path>\n";
  }
  return text;
}

/// The devices of the plane's stores in a row at `y`, with their cables; empty without any.
std::string draw_devices(const Topology& topology, PlaneId plane, const std::vector<Place>& places, double y) {
  const std::vector<DrawnDevice>& devices = topology.devices(plane);
  if (devices.empty()) return "";
  const std::size_t shown = std::min(devices.size(), kMostSwitches);
  std::string cables;
  std::string boxes;
  std::string names;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const std::string& store = topology.stores()[devices[i].store.index()].name;
    if (devices[i].number == 0) names += (names.empty() ? "" : ", ") + store;
    if (i >= shown) continue;
    const double pitch = (kWidth - kLeft - 30.0) / static_cast<double>(shown);
    const double side = std::clamp(0.6 * pitch, 3.0, 18.0);
    const double x = kLeft + pitch * (static_cast<double>(i) + 0.5);
    boxes += print("<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"t4\"><title>", x - 0.5 * side,
                   y - 0.5 * side, side, side) +
             escaped(store) + " " + std::to_string(devices[i].number) + "</title></rect>\n";
    for (const DrawnDevice::Cable& cable : devices[i].cables) {
      const Place& to = places[cable.to];
      if (!to.drawn) continue;
      cables += print("<path d=\"M%.1f %.1f L%.1f %.1f\"><title>", x, y, to.x, to.y) + rate_of(cable.cable) +
                "</title></path>\n";
    }
  }
  return "<g class=\"cables\">\n" + cables + "</g>\n" + boxes +
         print("<text x=\"16\" y=\"%.1f\">%zu stores%s</text>\n", y + 5.0, devices.size(),
               shown < devices.size() ? ", first ones drawn" : "") +
         print("<text x=\"16\" y=\"%.1f\">", y + 21.0) + escaped(names) + "</text>\n";
}

/// One plane from `top` on; gives its text and moves `top` below it.
std::string draw_plane(const Topology& topology, PlaneId plane, double& top) {
  const std::vector<std::uint32_t> tier = tiers_of(topology, plane);
  std::uint32_t highest = 0;
  for (const std::uint32_t one : tier) {
    if (one != UINT32_MAX) highest = std::max(highest, one);
  }
  std::vector<Place> places(tier.size());
  std::string boxes;
  std::string labels = print("<text x=\"16\" y=\"%.1f\" class=\"plane\">", top + 24.0) +
                       escaped(topology.planes()[plane.index()].name) + "</text>\n";
  for (std::uint32_t level = 0; level <= highest; ++level) {
    std::vector<std::uint32_t> row;
    for (std::uint32_t v = 0; v < tier.size(); ++v) {
      const bool on_plane = v >= topology.chip_count() || topology.port(ChipId{v}, plane) > BytesPerSecond{};
      if (tier[v] == level && on_plane) row.push_back(v);
    }
    const double y = top + kTitle + kTier * (highest - level) + 10.0;
    const std::size_t shown = std::min(row.size(), level == 0 ? kMostChips : kMostSwitches);
    const std::string what = level == 0 ? " chips" : level == 1 ? " first switches" : level == 2 ? " spines" : " cores";
    labels += print("<text x=\"16\" y=\"%.1f\">%zu%s%s</text>\n", y + 5.0, row.size(), what.c_str(),
                    shown < row.size() ? ", first ones drawn" : "");
    const double pitch = (kWidth - kLeft - 30.0) / static_cast<double>(std::max<std::size_t>(shown, 1));
    const double side = std::clamp(0.6 * pitch, 3.0, 18.0);
    for (std::size_t i = 0; i < shown; ++i) {
      const Place place{kLeft + pitch * (static_cast<double>(i) + 0.5), y, true};
      places[row[i]] = place;
      boxes += print("<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"t%u\"><title>",
                     place.x - 0.5 * side, y - 0.5 * side, side, side, std::min(level, 3U)) +
               vertex_name(topology, plane.index(), row[i]) + "</title></rect>\n";
    }
  }
  top += kTitle + kTier * (highest + 1) + 20.0;
  const std::string devices = draw_devices(topology, plane, places, top);
  if (!devices.empty()) top += 60.0;
  return "<g class=\"cables\">\n" + draw_cables(topology, plane, places) + "</g>\n" + boxes + labels + devices;
}

}  // namespace

std::string dot(const Topology& topology) {
  std::string text = "graph \"" + topology.name() + "\" {\n  node [shape=box];\n";
  for (std::uint32_t i = 0; i < topology.chip_count(); ++i) {
    const ChipPlace& place = topology.place(ChipId{i});
    text += "  chip" + std::to_string(i) + " [label=\"" + place.kind + " " + std::to_string(i) + "\\nnode " +
            std::to_string(place.node) + "\"];\n";
  }
  for (std::uint32_t p = 0; p < topology.planes().size(); ++p) {
    text += "  subgraph \"" + topology.planes()[p].name + "\" {\n";
    for (std::uint32_t v = topology.chip_count(); v < topology.vertex_count(PlaneId{p}); ++v) {
      text += "    " + vertex_name(topology, p, v) + " [shape=ellipse, label=\"" + topology.planes()[p].name + " " +
              std::to_string(v - topology.chip_count()) + "\"];\n";
    }
    for (const DrawnDevice& device : topology.devices(PlaneId{p})) {
      text += "    " + device_name(topology, device) + " [shape=cylinder, label=\"" +
              topology.stores()[device.store.index()].name + " " + std::to_string(device.number) + "\"];\n";
      for (const DrawnDevice::Cable& cable : device.cables) {
        text += "    " + device_name(topology, device) + " -- " + vertex_name(topology, p, cable.to) + " [label=\"" +
                rate_of(cable.cable) + "\"];\n";
      }
    }
    for (const DrawnCable& drawn : topology.cables(PlaneId{p})) {
      text += "    " + vertex_name(topology, p, drawn.a) + " -- " + vertex_name(topology, p, drawn.b) + " [label=\"" +
              rate_of(drawn.cable) + "\"];\n";
    }
    text += "  }\n";
  }
  return text + "}\n";
}

std::string svg(const Topology& topology) {
  std::string body;
  double top = 0.0;
  for (std::uint32_t p = 0; p < topology.planes().size(); ++p) body += draw_plane(topology, PlaneId{p}, top);
  return print(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" font-family=\"sans-serif\" "
             "font-size=\"13\">\n",
             kWidth, top) +
         "<style>.cables path{fill:none;stroke:#567;stroke-width:.7;stroke-opacity:.45}.plane{font-size:17px;"
         "font-weight:bold}.t0{fill:#2a7}.t1{fill:#37c}.t2{fill:#c73}.t3{fill:#a3a}.t4{fill:#555}</style>\n"
         "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n" +
         body + "</svg>\n";
}

}  // namespace tokenyard::topologies
