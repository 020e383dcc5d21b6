#include "sim/claims/expression.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <stdexcept>

namespace tokenyard::claims {
namespace {

[[noreturn]] void refuse(const std::string& why) { throw std::invalid_argument(why); }

double largest(const Quantity& quantity) {
  double most = 0.0;
  for (const double value : quantity.values) most = std::max(most, std::abs(value));
  return most;
}

Quantity combined(const Quantity& a, const Quantity& b, char sign) {
  if (a.values.size() != b.values.size() && a.values.size() != 1 && b.values.size() != 1) {
    refuse("lists of " + std::to_string(a.values.size()) + " and " + std::to_string(b.values.size()) +
           " points do not match");
  }
  Quantity result;
  for (std::size_t i = 0; i < std::max(a.values.size(), b.values.size()); ++i) {
    const double x = a.values[a.values.size() == 1 ? 0 : i];
    const double y = b.values[b.values.size() == 1 ? 0 : i];
    if (sign == '/' && y == 0.0) refuse("a division by 0");
    result.values.push_back(sign == '+' ? x + y : sign == '-' ? x - y : sign == '*' ? x * y : x / y);
  }
  if (sign == '*' || sign == '/') {
    result.error = std::hypot(a.error, b.error);
  } else if (const double sum = largest(result); sum > 0.0) {
    result.error = std::hypot(a.error * largest(a), b.error * largest(b)) / sum;
  }
  return result;
}

/// Least-squares slope of ln y over ln x; errors of y are taken as independent from point to point.
Quantity growth(const Quantity& y, const Quantity& x) {
  const std::size_t n = y.values.size();
  if (n != x.values.size() || n < 2) refuse("exponent(y, x) needs two lists of as many points, two or more");
  double mean_x = 0.0;
  double mean_y = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    if (!(x.values[i] > 0.0) || !(y.values[i] > 0.0)) refuse("exponent(y, x) needs values above 0");
    mean_x += std::log(x.values[i]) / static_cast<double>(n);
    mean_y += std::log(y.values[i]) / static_cast<double>(n);
  }
  double above = 0.0;
  double below = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    const double dx = std::log(x.values[i]) - mean_x;
    above += dx * (std::log(y.values[i]) - mean_y);
    below += dx * dx;
  }
  if (!(below > 0.0)) refuse("exponent(y, x) needs different values of x");
  const double slope = above / below;
  const double error = std::hypot(y.error, x.error) / std::sqrt(below);
  return {{slope}, slope != 0.0 ? error / std::abs(slope) : error};
}

/// The first x whose y is `enough` or more; its error is left out, as a list of x has none.
Quantity least(const Quantity& x, const Quantity& y, const Quantity& enough) {
  if (x.values.size() != y.values.size()) refuse("least(x, y, enough) needs two lists of as many points");
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    if (y.values[i] >= enough.values[0]) return {{x.values[i]}, x.error};
  }
  refuse("no point of the sweep reaches what least() asks for");
}

/// The largest y whose x is `limit` or less; 0 where there is none.
Quantity most(const Quantity& y, const Quantity& x, const Quantity& limit) {
  if (x.values.size() != y.values.size()) refuse("most(y, x, limit) needs two lists of as many points");
  Quantity best{{0.0}, y.error};
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    if (x.values[i] <= limit.values[0]) best.values[0] = std::max(best.values[0], y.values[i]);
  }
  return best;
}

class Parser {
 public:
  Parser(std::string_view text, const Lookup& lookup) : text_(text), lookup_(lookup) {}

  Quantity all() {
    Quantity value = sum();
    skip();
    if (at_ < text_.size()) refuse("'" + std::string(text_.substr(at_)) + "' is left over");
    return value;
  }

 private:
  void skip() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool take(char c) {
    skip();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  Quantity sum() {
    Quantity value = product();
    for (;;) {
      if (take('+')) {
        value = combined(value, product(), '+');
      } else if (take('-')) {
        value = combined(value, product(), '-');
      } else {
        return value;
      }
    }
  }
  Quantity product() {
    Quantity value = factor();
    for (;;) {
      if (take('*')) {
        value = combined(value, factor(), '*');
      } else if (take('/')) {
        value = combined(value, factor(), '/');
      } else {
        return value;
      }
    }
  }
  Quantity factor() {
    if (take('(')) {
      Quantity value = sum();
      if (!take(')')) refuse("a ')' is missing");
      return value;
    }
    skip();
    if (at_ >= text_.size()) refuse("it ends where a value is needed");
    const char c = text_[at_];
    if (std::isdigit(static_cast<unsigned char>(c)) != 0) return number();
    if (std::isalpha(static_cast<unsigned char>(c)) != 0) return named();
    refuse("'" + std::string(text_.substr(at_)) + "' is no value");
  }
  Quantity number() {
    double value = 0.0;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc{}) refuse("'" + std::string(text_.substr(at_)) + "' is no number");
    at_ = static_cast<std::size_t>(end - text_.data());
    return {{value}};
  }
  Quantity named() {
    const std::size_t from = at_;
    const auto inside = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '-';
    };
    while (at_ < text_.size() && inside(text_[at_])) ++at_;
    const std::string name(text_.substr(from, at_ - from));
    if (!take('(')) return lookup_(name);
    std::vector<Quantity> arguments{sum()};
    while (take(',')) arguments.push_back(sum());
    if (!take(')')) refuse("a ')' is missing");
    return reduced(name, arguments);
  }
  static Quantity reduced(const std::string& name, const std::vector<Quantity>& arguments) {
    if (name == "exponent" && arguments.size() == 2) return growth(arguments[0], arguments[1]);
    if (name == "least" && arguments.size() == 3) return least(arguments[0], arguments[1], arguments[2]);
    if (name == "most" && arguments.size() == 3) return most(arguments[0], arguments[1], arguments[2]);
    const auto& values = arguments[0].values;
    const double error = arguments[0].error;
    if (arguments.size() == 1) {
      if (name == "first") return {{values.front()}, error};
      if (name == "last") return {{values.back()}, error};
      if (name == "max") return {{*std::max_element(values.begin(), values.end())}, error};
      if (name == "min") return {{*std::min_element(values.begin(), values.end())}, error};
    }
    refuse("there is no " + name + "() of " + std::to_string(arguments.size()) +
           " values; there are first, last, max, min of one, exponent of two least and most of three");
  }

  std::string_view text_;
  const Lookup& lookup_;
  std::size_t at_ = 0;
};

}  // namespace

Quantity evaluate(std::string_view text, const Lookup& lookup) { return Parser(text, lookup).all(); }

}  // namespace tokenyard::claims
