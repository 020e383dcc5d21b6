tokenyard_room(claims
  SOURCES
    claims/answer.cpp
    claims/expression.cpp
    claims/play_claims.cpp
    claims/read_claim.cpp
  HEADERS
    claims/answer.hpp
    claims/claim.hpp
    claims/expression.hpp
    claims/play_claims.hpp
  BELOW base device llm cost topologies metrics config report run
  PRIVATE fmt::fmt)
