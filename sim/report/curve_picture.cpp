#include "sim/report/claim_files.hpp"
#include "sim/report/figure_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>
#include <string>
#include <vector>

namespace tokenyard::report {
namespace {

using metrics::ClaimCurve;
using metrics::ClaimFigure;

constexpr double kWidth = 720.0;
constexpr double kHeight = 460.0;
constexpr double kEdge = 8.0;
constexpr double kLeft = 80.0;
constexpr double kRight = 200.0;  // where the names of the curves stand
constexpr double kTop = 80.0;     // below two lines of title and the name of the axis
constexpr double kBottom = 60.0;
constexpr double kLine = 16.0;
constexpr std::size_t kTitleWidth = 100;  // characters of a line
constexpr std::array kColours{"#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf"};

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else {
      out += c;
    }
  }
  return out;
}

/// One axis: values to places between `from` and `to`.
class Axis {
 public:
  Axis(bool logarithmic, double from, double to) : logarithmic_(logarithmic), from_(from), to_(to) {}

  [[nodiscard]] bool shows(double value) const { return std::isfinite(value) && (!logarithmic_ || value > 0.0); }
  void widen(double value) {
    if (!shows(value)) return;
    low_ = any_ ? std::min(low_, value) : value;
    high_ = any_ ? std::max(high_, value) : value;
    any_ = true;
  }
  /// Room around what is shown; a linear axis starts at 0.
  void close() {
    if (!any_) low_ = high_ = 1.0;
    if (!logarithmic_) low_ = std::min(low_, 0.0);
    if (!(high_ > low_)) high_ = low_ > 0.0 ? 2.0 * low_ : low_ + 1.0;
  }
  [[nodiscard]] double place(double value) const {
    const double part =
        logarithmic_ ? std::log(value / low_) / std::log(high_ / low_) : (value - low_) / (high_ - low_);
    return from_ + part * (to_ - from_);
  }
  /// Where lines are drawn: both ends and between them powers of ten, within two decades also twice and five times
  /// these; or four even parts.
  [[nodiscard]] std::vector<double> ticks() const {
    std::vector<double> ticks;
    if (!logarithmic_) {
      for (int i = 0; i <= 4; ++i) ticks.push_back(low_ + (high_ - low_) * i / 4.0);
      return ticks;
    }
    ticks.push_back(low_);
    const bool few = high_ < 100.0 * low_;
    for (int e = static_cast<int>(std::floor(std::log10(low_))); std::pow(10.0, e) < high_; ++e) {
      for (const double digit : {1.0, 2.0, 5.0}) {
        const double tick = digit * std::pow(10.0, e);
        if ((few || digit == 1.0) && tick > kApart * low_ && tick < high_ / kApart) ticks.push_back(tick);
      }
    }
    ticks.push_back(high_);
    return ticks;
  }

 private:
  static constexpr double kApart = 1.25;  // so that numbers do not touch

  bool logarithmic_;
  double from_;
  double to_;
  double low_ = 0.0;
  double high_ = 0.0;
  bool any_ = false;
};

std::string text_at(double x, double y, const std::string& anchor, const std::string& text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", x, y, anchor, escaped(text));
}

/// Split at blanks into lines of at most kTitleWidth characters, where words allow it.
std::vector<std::string> title_lines(const std::string& title) {
  std::vector<std::string> lines(1);
  std::istringstream words(title);
  for (std::string word; words >> word;) {
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > kTitleWidth) lines.emplace_back();
    lines.back() += (lines.back().empty() ? "" : " ") + word;
  }
  return lines;
}

std::string line(double x1, double y1, double x2, double y2, const char* colour) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\"/>\n", x1, y1, x2, y2,
                     colour);
}

}  // namespace

void write_curves(const std::string& title, const ClaimFigure& figure, std::ostream& out) {
  Axis across(figure.logarithmic, kLeft, kWidth - kRight);
  Axis up(figure.logarithmic, kHeight - kBottom, kTop);
  for (const ClaimCurve& curve : figure.curves) {
    for (const double x : curve.x) across.widen(x);
    for (const double y : curve.y) up.widen(y);
  }
  across.close();
  up.close();
  out << fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n",
      kWidth, kHeight);
  double at = kLine + 4.0;
  for (const std::string& part : title_lines(title)) {
    out << text_at(kEdge, at, "start", part);
    at += kLine;
  }
  for (const double tick : across.ticks()) {
    out << line(across.place(tick), kTop, across.place(tick), kHeight - kBottom, "#ddd")
        << text_at(across.place(tick), kHeight - kBottom + 16.0, "middle", number_text(tick));
  }
  for (const double tick : up.ticks()) {
    out << line(kLeft, up.place(tick), kWidth - kRight, up.place(tick), "#ddd")
        << text_at(kLeft - 6.0, up.place(tick) + 4.0, "end", number_text(tick));
  }
  out << text_at((kLeft + kWidth - kRight) / 2.0, kHeight - 18.0, "middle", figure.x)
      << text_at(kEdge, kTop - 14.0, "start", figure.y);
  for (std::size_t c = 0; c < figure.curves.size(); ++c) {
    const ClaimCurve& curve = figure.curves[c];
    const char* colour = kColours[c % kColours.size()];
    std::string points;
    for (std::size_t i = 0; i < curve.x.size(); ++i) {
      if (!across.shows(curve.x[i]) || !up.shows(curve.y[i])) continue;
      const double x = across.place(curve.x[i]);
      const double y = up.place(curve.y[i]);
      points += fmt::format("{:.1f},{:.1f} ", x, y);
      out << fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"/>\n", x, y, colour);
    }
    out << fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>\n", points, colour);
    const double y = kTop + 14.0 + 18.0 * static_cast<double>(c);
    out << line(kWidth - kRight + 14.0, y - 4.0, kWidth - kRight + 34.0, y - 4.0, colour)
        << text_at(kWidth - kRight + 40.0, y, "start", curve.name);
  }
  out << "</svg>\n";
}

}  // namespace tokenyard::report
