find_package(NLopt 2.7 REQUIRED)

tokenyard_room(fit
  SOURCES
    fit/attention_families.cpp
    fit/by_cache.cpp
    fit/communication_families.cpp
    fit/exchange_families.cpp
    fit/families.cpp
    fit/fit_family.cpp
    fit/gemm_family.cpp
    fit/latent_families.cpp
    fit/least_error.cpp
    fit/library_families.cpp
    fit/mixed_family.cpp
    fit/moe_family.cpp
    fit/samples.cpp
    fit/skew_family.cpp
    fit/small_families.cpp
  HEADERS
    fit/by_cache.hpp
    fit/communication_families.hpp
    fit/families.hpp
    fit/family.hpp
    fit/fit_family.hpp
    fit/least_error.hpp
    fit/samples.hpp
  BELOW base device llm cost
  PRIVATE NLopt::nlopt)
