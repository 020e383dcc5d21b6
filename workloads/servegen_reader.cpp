#include "workloads/servegen_reader.hpp"

#include "models/base/errors.hpp"
#include "workloads/traces/fields.hpp"
#include "workloads/traces/jsonl_reader.hpp"
#include "workloads/traces/line_reader.hpp"
#include "workloads/traces/row_fault.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string_view>
#include <utility>

namespace tokenyard::workloads {
namespace {

constexpr double kWindow_s = 600.0;  // of the last one, which no other ends

[[nodiscard]] std::optional<double> number(std::string_view text) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

/// A window is a distribution function written as a Python dict: "{138: 0.0004, 139: 0.002}".
[[nodiscard]] std::optional<std::vector<std::pair<double, double>>> parse_dict(std::string_view text) {
  std::vector<std::pair<double, double>> pairs;
  const auto trim = [](std::string_view part) {
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    return part;
  };
  text = trim(text);
  if (!text.starts_with('{') || !text.ends_with('}')) return std::nullopt;
  text = trim(text.substr(1, text.size() - 2));
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find(','));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
    const std::size_t colon = pair.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto value = number(trim(pair.substr(0, colon)));
    const auto share = number(trim(pair.substr(colon + 1)));
    if (!value || !share || *value < 0.0 || *share < 0.0) return std::nullopt;
    pairs.emplace_back(*value, *share);
  }
  return pairs;
}

}  // namespace

double ServegenReader::Distribution::draw(RandomStream& stream) const {
  const double share = stream.uniform01() * share_up_to.back();
  const auto chosen = std::upper_bound(share_up_to.begin(), share_up_to.end(), share);
  return chosen == share_up_to.end() ? values.back() : values[static_cast<std::size_t>(chosen - share_up_to.begin())];
}

ServegenReader::ServegenReader(std::unique_ptr<ByteSource> folder, std::uint64_t seed) : folder_(std::move(folder)) {
  for (std::uint32_t number = 0; read_client(number, seed); ++number) {
  }
  if (clients_.empty()) {
    throw UserError(folder_->name() + ": chunk-0-trace.csv is not there; a folder of ServeGen's chunks is needed");
  }
}

void ServegenReader::read_windows(ByteSource& bytes, Client& client) const {
  std::string text(64 * 1024, '\0');
  std::string all;
  for (std::size_t got = bytes.read(text.data(), text.size()); got > 0; got = bytes.read(text.data(), text.size())) {
    all.append(text, 0, got);
  }
  std::size_t row = 0;
  for (std::size_t begin = 0; begin < all.size();) {
    const std::size_t end = std::min(all.find('\n', begin), all.size());
    std::string_view line = std::string_view(all).substr(begin, end - begin);
    begin = end + 1;
    ++row;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    std::array<std::string_view, 6> fields;
    for (std::string_view& field : fields) {
      field = line.substr(0, line.find(','));
      line.remove_prefix(std::min(field.size() + 1, line.size()));
    }
    const auto start = number(fields[0]);
    const auto rate = number(fields[1]);
    const auto shape = number(fields[4]);
    const bool idle = fields[3].empty();
    const bool sound = start && rate && *rate >= 0.0 && (!idle || *rate == 0.0) && (idle || (shape && *shape > 0.0)) &&
                       (idle || fields[3] == "Gamma" || fields[3] == "Weibull") &&
                       (client.windows.empty() || *start > client.windows.back().begin_s);
    if (!sound) {
      throw UserError(bytes.name() + ":" + std::to_string(row) +
                      ": is not window_start,rate,cv,Gamma or Weibull,shape,scale with rising starts");
    }
    client.windows.push_back({.begin_s = *start,
                              .rate = idle ? 0.0 : *rate,
                              .shape = idle ? 1.0 : *shape,
                              .weibull = fields[3] == "Weibull"});
  }
}

ServegenReader::Distribution ServegenReader::distribution(const JsonValue& window, std::string_view key) const {
  Distribution result;
  const auto text = window.find(key);
  if (!text) return result;
  const auto pairs = parse_dict(text->text(std::string(key)));
  if (!pairs) throw RowFault(Fault::Malformed, std::string(key), "is not a text like '{138: 0.0004, 139: 0.002}'");
  double sum = 0.0;
  for (const auto& [value, share] : *pairs) {
    sum += share;
    result.values.push_back(value);
    result.share_up_to.push_back(sum);
  }
  if (sum <= 0.0) return {};
  return result;
}

std::vector<ServegenReader::Lengths> ServegenReader::read_lengths(std::unique_ptr<ByteSource> bytes) {
  LineReader lines(std::move(bytes), kLongestJson);
  std::vector<Lengths> all;
  const auto document = lines.next_document();
  if (!document) throw UserError(lines.name() + ": is empty; windows of token counts are needed");
  try {
    const JsonValue windows = parser_.parse(*document);
    if (!windows.is_object()) throw RowFault(Fault::Malformed, "windows", "is not an object of windows");
    windows.for_each_field([&](std::string_view begin, const JsonValue& window) {
      const auto begin_s = number(begin);
      if (!begin_s || !window.is_object()) throw RowFault(Fault::Malformed, std::string(begin), "is not a window");
      Lengths lengths{.begin_s = *begin_s,
                      .input = distribution(window, "input_tokens"),
                      .output = distribution(window, "output_tokens"),
                      .images = distribution(window, "image_count"),
                      .image_tokens = distribution(window, "image_tokens")};
      if (lengths.input.values.empty()) lengths.input = distribution(window, "text_tokens");
      if (!lengths.input.values.empty() && !lengths.output.values.empty()) all.push_back(std::move(lengths));
    });
  } catch (const RowFault& fault) {
    throw UserError(lines.name() + ":" + std::to_string(lines.row()) + ": " + fault.column() + ": " + fault.what());
  }
  std::sort(all.begin(), all.end(), [](const Lengths& a, const Lengths& b) { return a.begin_s < b.begin_s; });
  return all;
}

bool ServegenReader::read_client(std::uint32_t client_number, std::uint64_t seed) {
  const std::string chunk = "chunk-" + std::to_string(client_number);
  const auto windows = folder_->beside(chunk + "-trace.csv");
  if (windows == nullptr) return false;
  auto lengths = folder_->beside(chunk + "-dataset.json");
  if (lengths == nullptr) throw UserError(folder_->name() + ": " + chunk + "-dataset.json is not there");
  Client client{
      .windows = {}, .lengths = {}, .stream = RandomStream{seed, "workload.servegen." + std::to_string(client_number)}};
  read_windows(*windows, client);
  client.lengths = read_lengths(std::move(lengths));
  if (client.lengths.empty()) {
    ++without_lengths_;
  } else if (!client.windows.empty()) {
    client.at_s = client.windows.front().begin_s;
    if (advance(client)) next_.emplace(client.at_s, client_number);
  }
  clients_.push_back(std::move(client));
  return true;
}

/// To the client's next request; false when it has none. A gap that leaves its window ends with it, and the next window
/// begins anew, as ServeGen draws window by window.
bool ServegenReader::advance(Client& client) {
  while (client.window < client.windows.size()) {
    const Window& window = client.windows[client.window];
    const double end_s = client.window + 1 < client.windows.size() ? client.windows[client.window + 1].begin_s
                                                                   : window.begin_s + kWindow_s;
    if (window.rate > 0.0) {
      const double gap = window.weibull ? std::pow(client.stream.exponential(), 1.0 / window.shape) *
                                              std::exp(-std::lgamma(1.0 + 1.0 / window.shape))
                                        : client.stream.gamma(window.shape) / window.shape;
      const double at_s = client.at_s + gap / window.rate;
      if (at_s < end_s) {
        client.at_s = at_s;
        return true;
      }
    }
    client.at_s = end_s;
    ++client.window;
  }
  return false;
}

bool ServegenReader::next(TraceRecord& record) {
  if (next_.empty()) return false;
  const auto [at_s, client_number] = next_.top();
  next_.pop();
  Client& client = clients_[client_number];
  record.clear();
  record.at_ns = std::llround(at_s * 1e9);
  record.tenant = client_number;
  // The latest lengths known by then; before the first ones, those.
  const auto behind = std::upper_bound(client.lengths.begin(), client.lengths.end(), at_s,
                                       [](double at, const Lengths& lengths) { return at < lengths.begin_s; });
  const Lengths& lengths = behind == client.lengths.begin() ? *behind : *std::prev(behind);
  double input = lengths.input.draw(client.stream);
  if (!lengths.images.values.empty() && !lengths.image_tokens.values.empty()) {
    const auto images = static_cast<int>(lengths.images.draw(client.stream));
    for (int image = 0; image < images; ++image) input += lengths.image_tokens.draw(client.stream);
  }
  record.prompt_tokens = static_cast<std::uint64_t>(std::llround(std::max(input, 1.0)));
  record.output_tokens = static_cast<std::uint64_t>(std::llround(std::max(lengths.output.draw(client.stream), 1.0)));
  if (advance(client)) next_.emplace(client.at_s, client_number);
  return true;
}

std::vector<std::string> ServegenReader::notes() const {
  if (without_lengths_ == 0) return {};
  return {std::to_string(without_lengths_) + " of " + std::to_string(clients_.size()) +
          " clients were left out: nothing is known of their lengths"};
}

}  // namespace tokenyard::workloads
