#include "workloads/random_stream.hpp"

#include "models/base/errors.hpp"

#include <boost/random/exponential_distribution.hpp>
#include <boost/random/gamma_distribution.hpp>
#include <boost/random/normal_distribution.hpp>
#include <boost/random/uniform_01.hpp>
#include <boost/random/uniform_int_distribution.hpp>
#include <pcg_random.hpp>

namespace tokenyard::workloads {
namespace {

[[nodiscard]] constexpr std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char letter : text) {
    hash ^= static_cast<unsigned char>(letter);
    hash *= 0x100000001b3U;
  }
  return hash;
}

[[nodiscard]] constexpr std::uint64_t splitmix64(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

[[nodiscard]] pcg64 engine_of(std::uint64_t seed, std::string_view name) {
  using Word = pcg64::result_type;
  using State = pcg64::state_type;
  const std::uint64_t hash = fnv1a(name);
  const Word high = splitmix64(splitmix64(seed) ^ hash);
  const Word low = splitmix64(high ^ seed);
  return pcg64{(State{high} << 64U) | State{low}, State{hash}};
}

}  // namespace

struct RandomStream::Engine {
  pcg64 draw;
};

RandomStream::RandomStream(std::uint64_t seed, std::string_view name)
    : engine_(std::make_unique<Engine>(Engine{engine_of(seed, name)})) {}
RandomStream::RandomStream(RandomStream&&) noexcept = default;
RandomStream& RandomStream::operator=(RandomStream&&) noexcept = default;
RandomStream::~RandomStream() = default;

double RandomStream::uniform01() { return boost::random::uniform_01<double>{}(engine_->draw); }
double RandomStream::exponential() { return boost::random::exponential_distribution<double>{}(engine_->draw); }
double RandomStream::normal() { return boost::random::normal_distribution<double>{}(engine_->draw); }

double RandomStream::gamma(double shape) {
  expect(shape > 0.0, "the shape of a gamma distribution is positive");
  return boost::random::gamma_distribution<double>{shape}(engine_->draw);
}

std::uint64_t RandomStream::integer(std::uint64_t min, std::uint64_t max) {
  expect(min <= max, "a range of integers is not empty");
  return boost::random::uniform_int_distribution<std::uint64_t>{min, max}(engine_->draw);
}

}  // namespace tokenyard::workloads
