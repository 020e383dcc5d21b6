#include "sim/config/keys.hpp"

#include <array>

namespace tokenyard::config {
namespace {

constexpr auto kKeys = std::to_array<Key>({
    {"claim", "claim", "text", kRequired, "What is claimed, in one English sentence."},
    {"claim", "quote", "text", kRequired, "The document's own words, short."},
    {"claim", "document", "text", kRequired, "File name of the document."},
    {"claim", "measured", "text", kRequired, "What is measured here."},
    {"claim", "fair", "text", kRequired, "Why this set-up is a fair test, and what it leaves out."},
    {"claim", "runs", "mapping: claim_run by name", kRequired, "What is played, priced or counted."},
    {"claim", "variants", "list: claim_variant", kOptional,
     "Set-ups as plausible as the one of the runs; a verdict that changes between them is `depends`."},
    {"claim", "tests", "list: claim_test", kRequired, "Values and the range that the claim predicts for each."},
    {"claim", "figure", "mapping: claim_figure", kOptional, "A picture, where a curve says more than a number."},

    {"claim_run", "experiment", "text", kOptional, "File of an experiment, relative to this one."},
    {"claim_run", "machine", "text", kOptional, "A name in topologies/ instead: its figures."},
    {"claim_run", "set", "list: text", kOptional, "PATH=VALUE, as --set has it."},
    {"claim_run", "explain", "mapping: claim_explain", kOptional,
     "One step of each pool is priced, nothing is played."},
    {"claim_run", "collective", "mapping: claim_collective", kOptional, "One collective of the machine is priced."},
    {"claim_run", "sweep", "mapping: claim_sweep", kOptional, "Once for each value; every figure is then a list."},

    {"claim_explain", "decodes", "count", "32", "Sequences that decode, on each attention rank."},
    {"claim_explain", "context", "count", "1024", "Tokens of each in the cache."},
    {"claim_explain", "prompt", "count", "1024", "Tokens of a prompt, on each rank of a prefill pool."},

    {"claim_collective", "op", "text", kRequired,
     "all_reduce, all_gather, reduce_scatter, all_to_all, send, dispatch or combine."},
    {"claim_collective", "ranks", "count", kRequired, "Chips that take part."},
    {"claim_collective", "size", "B, kB, MB, GB, TB, KiB, MiB, GiB", kOptional,
     "Of the buffer; but for dispatch and combine."},
    {"claim_collective", "tokens", "count", kOptional, "Of each rank, for dispatch and combine."},

    {"claim_sweep", "key", "text", kRequired,
     "Path of the experiment's key; decodes, context or prompt of an explained step, ranks or tokens of a collective."},
    {"claim_sweep", "values", "list: text", kRequired, "Its values, in order."},

    {"claim_variant", "name", "text", kRequired, "What is other than in the runs: `64 users`."},
    {"claim_variant", "set", "list: text", kRequired, "PATH=VALUE; decodes, context or prompt of an explained step."},
    {"claim_variant", "runs", "list: text", kOptional, "Runs it changes; default: all."},

    {"claim_test", "what", "text", kRequired, "Name of the value."},
    {"claim_test", "value", "text", kRequired,
     "Figures RUN.PATH of summary.json with + - * / ( ), first, last, max, min of a sweep, exponent(y, x), its growth, "
     "least(x, y, enough) and most(y, x, limit)."},
    {"claim_test", "unit", "text", kOptional, "Unit of the value and of its ranges: ms, GB, %, tokens/s ..."},
    {"claim_test", "claimed", "mapping: claim_range", kRequired, "What the claim predicts."},
    {"claim_test", "evidence", "mapping: claim_evidence", kOptional, "What independent measurements say."},
    {"claim_test", "error", "number", kOptional,
     "Error |ln(simulated / measured)| of the value; default: of the figures it is made of, from the measured points."},
    {"claim_test", "error_source", "text", kOptional, "Where `error` comes from."},

    {"claim_range", "from", "number", kOptional, "Least; absent: none."},
    {"claim_range", "to", "number", kOptional, "Most; absent: none."},

    {"claim_evidence", "from", "number", kOptional, "Least; absent: none."},
    {"claim_evidence", "to", "number", kOptional, "Most; absent: none."},
    {"claim_evidence", "source", "text", kRequired, "Who measured it."},

    {"claim_figure", "x", "text", kRequired, "Words below the picture."},
    {"claim_figure", "y", "text", kRequired, "Words beside it."},
    {"claim_figure", "scale", "one of: linear | log", "log", "Of both axes."},
    {"claim_figure", "curves", "list: claim_curve", kRequired, "What is drawn."},

    {"claim_curve", "name", "text", kRequired, "Name of the curve."},
    {"claim_curve", "x", "text", kRequired, "Values as of a test; RUN.x is what a sweep changes."},
    {"claim_curve", "y", "text", kRequired, "Values as of a test, as many."},

    {"open_claims", "claims", "list: open_claim", kRequired, "Claims without a test."},

    {"open_claim", "id", "text", kRequired, "Its number."},
    {"open_claim", "claim", "text", kRequired, "What is claimed, in one English sentence."},
    {"open_claim", "document", "text", kRequired, "File name of the document."},
    {"open_claim", "why", "text", kRequired, "What is missing: a model of cost, of power ..."},
});

}  // namespace

std::span<const Key> claim_keys() { return kKeys; }

}  // namespace tokenyard::config
