#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace tokenyard::workloads {

/// Gives the decompressed bytes of a trace; sim opens the file (this room knows no files).
/// `read` fills at most `size` bytes and gives how many; 0 = end. It may throw UserError (truncated gzip).
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  [[nodiscard]] virtual std::size_t read(char* buffer, std::size_t size) = 0;
  /// For messages: the path of the file that the bytes given last are of; of a folder, before it gave any, its own.
  /// No two files share a line.
  [[nodiscard]] virtual const std::string& name() const = 0;

  /// Another file of the same folder (of this one, when the trace is a folder), or nothing when there is none: the side
  /// tables of RAGPulse, the chunks of ServeGen. An empty name opens this trace once more, from its beginning.
  [[nodiscard]] virtual std::unique_ptr<ByteSource> beside(const std::string& file) const {
    static_cast<void>(file);
    return nullptr;
  }
};

}  // namespace tokenyard::workloads
