#pragma once

#include "models/base/ids.hpp"
#include "workloads/random_stream.hpp"
#include "workloads/request.hpp"
#include "workloads/spec.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tokenyard::workloads {

/// What one kind of client draws, each law from a stream of its own: "workload.prompt.NAME" and "workload.output.NAME"
/// (of correlated lengths both from "workload.lengths.NAME"), "workload.group.NAME".
class ClientDraw {
 public:
  /// REQUIRES: validate() passed for the workload it belongs to.
  ClientDraw(const ClientSpec& spec, const std::vector<SloClass>& classes, std::uint64_t seed);

  struct Lengths {
    std::uint32_t prompt;  ///< without the shared prefix
    std::uint32_t output;
  };
  [[nodiscard]] Lengths lengths();
  /// Key of the text of a group, by its popularity; nothing for a client without a shared prefix.
  [[nodiscard]] std::optional<std::uint64_t> group();

  [[nodiscard]] const ClientSpec& spec() const { return spec_; }
  [[nodiscard]] ClassId slo_class() const { return slo_class_; }
  /// Tokens in front of every prompt.
  [[nodiscard]] std::uint32_t shared_tokens() const { return spec_.prefix ? spec_.prefix->tokens : 0; }

 private:
  ClientSpec spec_;
  ClassId slo_class_;
  RandomStream prompt_;
  RandomStream output_;
  RandomStream together_;
  RandomStream groups_;
  std::vector<double> weight_up_to_;  // of the groups
};

/// Clients of a workload, chosen by weight from the stream "workload.clients".
class ClientMix {
 public:
  ClientMix(const std::vector<ClientSpec>& clients, const std::vector<SloClass>& classes, std::uint64_t seed);

  /// Index into what client() takes.
  [[nodiscard]] std::size_t choose();
  [[nodiscard]] ClientDraw& client(std::size_t index) { return clients_[index]; }
  [[nodiscard]] const ClientDraw& client(std::size_t index) const { return clients_[index]; }
  [[nodiscard]] std::size_t size() const { return clients_.size(); }

 private:
  std::vector<ClientDraw> clients_;  // those with a weight above 0, in the spec's order
  std::vector<double> weight_up_to_;
  RandomStream stream_;
};

}  // namespace tokenyard::workloads
