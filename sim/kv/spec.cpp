#include "sim/kv/spec.hpp"

#include "models/base/errors.hpp"

namespace tokenyard::kv {

void validate(const PrefixCacheSpec& spec) {
  if (spec.ttl && *spec.ttl <= SimTime{}) throw SpecError("ttl", "must be longer than 0");
}

}  // namespace tokenyard::kv
