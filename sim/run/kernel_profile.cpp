#include "sim/run/kernel_profile.hpp"

#include "models/base/errors.hpp"
#include "sim/calibrate/calibrate.hpp"
#include "sim/calibrate/peaks.hpp"

#include <string>
#include <vector>

namespace tokenyard {
namespace {

calibrate::Measurements read(const config::PoolSpec& pool) {
  std::vector<std::string> paths;
  for (const std::filesystem::path& path : pool.kernel_tables) paths.push_back(path.string());
  try {
    return calibrate::read_tables(paths);
  } catch (const UserError& error) {
    pool.source->fail("cost.files", error.what());
  }
}

}  // namespace

cost::KernelProfile read_profile(const config::PoolSpec& pool, const models::AcceleratorSpec& chip) {
  cost::KernelProfile profile;
  if (pool.kernel_tables.empty()) return profile;
  const calibrate::Measurements measured = read(pool);
  try {
    calibrate::refuse_above_peaks(measured, chip);
  } catch (const UserError& error) {
    pool.source->fail("cost.files", error.what());
  }
  std::string unused;
  for (const auto& [place, rows] : measured.families()) {
    bool used = true;
    for (std::size_t row = 0; used && row < rows.size(); ++row) {
      used = profile.add(place, rows.shape(row), rows.seconds(row));
    }
    if (!used) unused += (unused.empty() ? "" : ", ") + place;
  }
  if (profile.empty()) {
    pool.source->fail("cost.files", "hold no kernel that steps are priced by" +
                                        (unused.empty() ? std::string{} : "; they hold: " + unused));
  }
  profile.close();
  return profile;
}

}  // namespace tokenyard
