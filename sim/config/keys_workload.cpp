#include "sim/config/keys.hpp"

#include <array>

namespace tokenyard::config {
namespace {

constexpr std::string_view kTime = "s, ms, us, ns, min, h";

constexpr auto kKeys = std::to_array<Key>({
    {"workload", "preset", "text", kOptional,
     "Traffic described in workloads/presets (or a .yaml file); what stands beside this key goes before it. Mappings "
     "of the same kind are joined and ~ takes a key away."},
    {"workload", "name", "text", kOptional, "Name of a preset, as the file is called."},
    {"workload", "description", "text", kOptional, "What it is, for a reader."},
    {"workload", "source", "text", kOptional, "Where the figures of a preset come from."},
    {"workload", "leaves_out", "text", kOptional, "What of the source a preset does not show."},
    {"workload", "kind", "one of: synthetic | trace", kRequired, "Drawn from distributions, or replayed from a file."},
    {"workload", "arrivals", "mapping: workload.arrivals", kRequired, "When requests come; of kind synthetic."},
    {"workload", "scale", "ratio", "1",
     "Factor on the rate of an open loop: 2 is twice the traffic of the same shape."},
    {"workload", "prompt", "mapping: workload.length", kOptional, "Length of the prompts, where there are no clients."},
    {"workload", "output", "mapping: workload.length", kOptional, "Length of the answers, where there are no clients."},
    {"workload", "clients", "list: workload.client", kOptional,
     "Kinds of clients with their share and lengths, in place of prompt and output."},
    {"workload", "trace", "mapping: workload.trace", kRequired, "The file to replay; of kind trace."},
    {"workload", "duration", kTime, kOptional, "No request arrives later; a synthetic stream needs this or requests."},
    {"workload", "requests", "count", kOptional,
     "At most this many requests; the first limit reached ends the stream."},
    {"workload", "warm_up", kTime, "0 s", "Requests that arrive earlier are simulated but not counted."},
    {"workload", "slo", "mapping: names to workload.slo", "{default: {}}",
     "Classes of users and what each was promised; the first is that of clients who name none, and of traces."},

    {"workload.arrivals", "kind", "one of: constant | poisson | gamma | closed_loop", kRequired,
     "Law of the gaps between requests, or users who wait for their answer before they ask again."},
    {"workload.arrivals", "rate", "/s, /min, /h", kRequired, "Mean rate of the whole stream."},
    {"workload.arrivals", "cv", "ratio", kRequired,
     "Standard deviation of the gaps over their mean, of kind gamma; 1 is Poisson, more is burstier."},
    {"workload.arrivals", "concurrency", "count", kRequired,
     "Users of a closed loop, each with one request at a time."},

    {"workload.length", "kind", "one of: constant | uniform | lognormal | empirical", kRequired,
     "Law of a length in tokens; draws are rounded to whole tokens, at least 1."},
    {"workload.length", "tokens", "count, or list of counts", kRequired,
     "The length of kind constant; of kind empirical the lengths at the quantiles `at`."},
    {"workload.length", "min", "count", "1", "Shortest; of uniform, and a clamp of lognormal."},
    {"workload.length", "max", "count", kOptional, "Longest; of uniform, and a clamp of lognormal (else 2^30)."},
    {"workload.length", "median", "tokens", kRequired, "Median of a lognormal before clamping."},
    {"workload.length", "sigma", "ratio", kRequired,
     "Standard deviation of the logarithm; mean = median exp(sigma^2 / 2)."},
    {"workload.length", "at", "list of ratios", kRequired,
     "Quantiles of kind empirical, rising from 0 to 1; between them lengths are interpolated."},

    {"workload.client", "name", "text", kRequired, "Name of this kind of client; its draws depend on it."},
    {"workload.client", "weight", "ratio", "1", "Share of the requests: this over the sum of all weights."},
    {"workload.client", "slo_class", "text", kOptional, "Class of slo that holds for its requests; else the first."},
    {"workload.client", "prompt", "mapping: workload.length", kRequired, "Length of its prompts."},
    {"workload.client", "output", "mapping: workload.length", kRequired, "Length of its answers."},

    {"workload.trace", "path", "file", kRequired,
     "Recorded requests; relative to the file that names it, or with --set to the working folder."},
    {"workload.trace", "format", "one of: azure", "azure",
     "azure: CSV with the columns TIMESTAMP, ContextTokens and GeneratedTokens."},
    {"workload.trace", "speedup", "ratio", "1", "Gaps are divided by this: 2 is twice the load."},
    {"workload.trace", "window_start", kTime, "0 s",
     "Rows earlier than this after the first are left out (before speedup)."},
    {"workload.trace", "window", kTime, kOptional, "How much is kept from window_start on (before speedup); else all."},

    {"workload.slo", "ttft", kTime, "2 s",
     "Time to first token promised; 2 s is MLPerf Inference's limit for llama2-70b in the Server scenario."},
    {"workload.slo", "tpot", kTime, "50 ms",
     "Time per further token promised; 50 ms is assumed, within the 40 to 200 ms that MLPerf Inference grants "
     "llama2-70b (Interactive and Server)."},
});

}  // namespace

std::span<const Key> workload_keys() { return kKeys; }

}  // namespace tokenyard::config
