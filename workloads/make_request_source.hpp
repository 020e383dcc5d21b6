#pragma once

#include "workloads/request_source.hpp"
#include "workloads/spec.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace tokenyard::workloads {

/// Gives the decompressed bytes of a trace; sim opens the file (this room knows no files).
/// `read` fills at most `size` bytes and gives how many; 0 = end. It may throw UserError (truncated gzip).
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  [[nodiscard]] virtual std::size_t read(char* buffer, std::size_t size) = 0;
  [[nodiscard]] virtual const std::string& name() const = 0;  ///< for messages: the file's path
};

/// Synthetic streams draw arrivals, clients and lengths from independent streams of `seed`. In a closed loop every
/// arrival carries time 0: the front door decides when it is sent, and stops taking after `duration`.
/// REQUIRES: validate(spec) passed; `trace` is given exactly when spec.source is a TraceSpec.
/// Throws UserError for a trace without the needed header.
[[nodiscard]] std::unique_ptr<RequestSource> make_request_source(const WorkloadSpec& spec, std::uint64_t seed,
                                                                 std::unique_ptr<ByteSource> trace);

}  // namespace tokenyard::workloads
