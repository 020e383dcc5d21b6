#include "sim/validate/read_set.hpp"

#include "models/base/errors.hpp"

namespace tokenyard::validate {

MeasuredSet read_set(const std::string& path) {
  const files::CsvTable table = files::CsvTable::read(path);
  if (table.has("isl") && table.has("osl") && table.has("system")) return read_inferencex(table);
  throw UserError(path +
                  ":1: the header is of no kind of measurements that is known: InferenceX (model, system, isl, osl, "
                  "ttft_ms, tpot_ms ...)");
}

}  // namespace tokenyard::validate
