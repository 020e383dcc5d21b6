"""Times kernels as a serving engine runs them: one after the other in a CUDA graph, launch gaps included."""

import csv
import pathlib
import sys
import traceback

import torch

SIDE = None  # the stream that captures
POOL = None  # one memory pool for all graphs
KEEP = []


def prepare():
    """Makes the stream and a pool that an always-living graph holds, so that later graphs share its memory."""
    global SIDE, POOL
    SIDE = torch.cuda.Stream()
    POOL = torch.cuda.graph_pool_handle()
    scratch = torch.zeros(16, device="cuda")
    KEEP.append((captured(lambda _: scratch.add_(1.0), 1), scratch))


def captured(body, count):
    """A graph of body(0) ... body(count - 1). `torch.cuda.graph` would collect garbage each time: slow."""
    graph = torch.cuda.CUDAGraph()
    SIDE.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(SIDE):
        body(0)  # compiles, creates handles and workspaces
        torch.cuda.synchronize()
        graph.capture_begin(pool=POOL)
        try:
            for i in range(count):
                body(i)
        finally:
            graph.capture_end()
    torch.cuda.synchronize()
    return graph


def replay_seconds(graph, rounds=5, most_s=0.4):
    """Seconds of one replay: the median of `rounds` bundles of replays that are queued back to back."""
    first, last = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)

    def bundle(replays):
        first.record()
        for _ in range(replays):
            graph.replay()
        last.record()
        last.synchronize()
        return first.elapsed_time(last) * 1e-3 / replays

    graph.replay()
    once = bundle(1)
    replays = max(1, min(5, int(2e-3 / once)))
    rounds = max(2, min(rounds, int(most_s / (once * replays))))
    times = sorted(bundle(replays) for _ in range(rounds))
    return times[len(times) // 2]


def time_chain(body, count):
    """Seconds of one of `count` calls in a chain."""
    graph = captured(body, count)
    seconds = replay_seconds(graph) / count
    del graph
    return seconds


def chain_length(expected_s, least=4, most=100):
    """As many kernels as take 0.6 ms."""
    return max(least, min(most, int(0.6e-3 / expected_s)))


class Rows:
    """A CSV file that is on disk row by row."""

    def __init__(self, path, header):
        pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
        self.file = open(path, "w", newline="")
        self.writer = csv.writer(self.file, lineterminator="\n")
        self.writer.writerow(header)

    def add(self, *row):
        self.writer.writerow([f"{value:.6g}" if isinstance(value, float) else value for value in row])
        self.file.flush()


FAILURES = {}


def attempt(label, body):
    """Runs `body`; a failure is told once a label and does not end the measurement."""
    try:
        body()
    except Exception as failure:  # pylint: disable=broad-except
        if label not in FAILURES:
            print(f"FAILED {label}: {type(failure).__name__}: {str(failure)[:300]}", flush=True)
            if len(FAILURES) < 4:
                traceback.print_exc(limit=4, file=sys.stdout)
        FAILURES[label] = FAILURES.get(label, 0) + 1
