#pragma once

#include "workloads/random_stream.hpp"
#include "workloads/traces/byte_source.hpp"
#include "workloads/traces/json_value.hpp"
#include "workloads/traces/trace_reader.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

namespace tokenyard::workloads {

/// Requests drawn by the client windows of ServeGen (github.com/alibaba/ServeGen, arXiv 2505.09999): a folder with
/// chunk-N-trace.csv (window_start, rate, CV, Gamma or Weibull, shape, scale; a window lasts until the next) and
/// chunk-N-dataset.json (distributions of token counts by time of day) for clients N = 0, 1, ...
///
/// Within a window gaps have the file's family and shape, and a scale that makes their mean 1 / rate (the fitted scales
/// miss it by more than 5 % in a third of the windows). Input and output are drawn independently; ServeGen draws them
/// by one number, which makes their ranks agree. Inputs of multimodal clients are text plus images, each with as many
/// tokens as drawn. Streams: "workload.servegen.N". A client's records carry its number as tenant. Holds all
/// distributions.
class ServegenReader final : public TraceReader {
 public:
  /// `folder`: the trace, of which beside() gives the chunks. Throws UserError for one that is missing or malformed.
  ServegenReader(std::unique_ptr<ByteSource> folder, std::uint64_t seed);

  [[nodiscard]] bool next(TraceRecord& record) override;
  [[nodiscard]] std::string place() const override { return folder_->name(); }
  [[nodiscard]] std::optional<std::int64_t> origin_ns() const override { return 0; }
  [[nodiscard]] std::vector<std::string> notes() const override;

 private:
  struct Window {
    double begin_s = 0.0;
    double rate = 0.0;
    double shape = 0.0;
    bool weibull = false;
  };
  /// Values with the sum of the shares up to each; empty = nothing is known.
  struct Distribution {
    std::vector<double> values;
    std::vector<double> share_up_to;
    [[nodiscard]] double draw(RandomStream& stream) const;
  };
  struct Lengths {
    double begin_s = 0.0;
    Distribution input;
    Distribution output;
    Distribution images;        // how many
    Distribution image_tokens;  // of each
  };
  struct Client {
    std::vector<Window> windows;
    std::vector<Lengths> lengths;  // those that are known, by begin
    std::size_t window = 0;
    double at_s = 0.0;  // of the next request
    RandomStream stream;
  };

  [[nodiscard]] bool read_client(std::uint32_t number, std::uint64_t seed);
  void read_windows(ByteSource& bytes, Client& client) const;
  [[nodiscard]] Distribution distribution(const JsonValue& window, std::string_view key) const;
  [[nodiscard]] std::vector<Lengths> read_lengths(std::unique_ptr<ByteSource> bytes);
  [[nodiscard]] static bool advance(Client& client);

  std::unique_ptr<ByteSource> folder_;
  JsonParser parser_;
  std::vector<Client> clients_;
  std::priority_queue<std::pair<double, std::uint32_t>, std::vector<std::pair<double, std::uint32_t>>, std::greater<>>
      next_;
  std::uint64_t without_lengths_ = 0;
};

}  // namespace tokenyard::workloads
