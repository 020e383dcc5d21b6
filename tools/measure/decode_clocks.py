#!/usr/bin/env python3
"""Measures whether a GPU keeps its speed in steps of many decodes: a layer's products and its attention in turn, layer
after layer, for seconds.

    tools/measure/decode_clocks.py OUT [--skip N]

Writes OUT/decode_clocks.csv: a step from rest and in the long run, with what its products and its attention take alone."""

import argparse
import pathlib
import time

import pynvml
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

import graph_chain as chain

# (n, k) of a layer's products on one chip, heads, KV heads, format of products and cache. Attention is PyTorch's, in
# BF16: over a cache of FP8 it reads half as many tokens.
MODELS = {
    "llama-70b/2": ([(5120, 8192), (8192, 4096), (28672, 8192), (8192, 14336)], 32, 4, "fp8"),
    "llama-8b": ([(6144, 4096), (4096, 4096), (28672, 4096), (4096, 14336)], 32, 8, "bf16"),
}
CASES = [("llama-70b/2", tokens, 400) for tokens in (16, 64, 128, 192, 256, 512, 1024, 2048)]
CASES += [("llama-70b/2", 64, 4000), ("llama-70b/2", 128, 2000), ("llama-70b/2", 256, 2000), ("llama-70b/2", 512, 1500)]
CASES += [("llama-8b", tokens, 800) for tokens in (32, 128, 256, 512, 1024)]
CASES += [("llama-70b/2", 4, 64000), ("llama-70b/2", 16, 16000), ("llama-70b/2", 32, 8000)]
CASES += [("llama-8b", 2, 64000), ("llama-8b", 8, 16000), ("llama-8b", 32, 4000), ("llama-8b", 64, 4000)]
WEIGHTS = 4  # layers with weights of their own, more than the L2 holds
LAYERS = 16  # of a step
SECONDS = 2.0


class Steps:
    def __init__(self, model, tokens, context):
        shapes, heads, kv_heads, self.kind = MODELS[model]
        self.inputs, self.weights = [], []
        for n, k in shapes:
            self.inputs.append(self.formatted(torch.randn(tokens, k, device="cuda", dtype=torch.bfloat16)))
            self.weights.append([self.formatted(torch.randn(n, k, device="cuda", dtype=torch.bfloat16) * 0.4)
                                 for _ in range(WEIGHTS)])
        self.one = torch.ones((), device="cuda")
        seen = context // 2 if self.kind == "fp8" else context
        self.query = torch.randn(tokens, heads, 1, 128, device="cuda", dtype=torch.bfloat16)
        self.keys = torch.randn(tokens, kv_heads, seen, 128, device="cuda", dtype=torch.bfloat16)
        self.values = torch.randn_like(self.keys)

    def formatted(self, x):
        return x.to(torch.float8_e4m3fn) if self.kind == "fp8" else x

    def multiply(self, i):
        for a, copies in zip(self.inputs, self.weights):
            w = copies[i % WEIGHTS]
            if self.kind == "fp8":
                torch._scaled_mm(a, w.t(), scale_a=self.one, scale_b=self.one, out_dtype=torch.bfloat16,
                                 use_fast_accum=True)
            else:
                torch.mm(a, w.t())

    def attend(self, _):
        with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
            torch.nn.functional.scaled_dot_product_attention(self.query, self.keys, self.values, enable_gqa=True)

    def step(self, i):
        self.multiply(i)
        self.attend(i)


def replays(graph, seconds):
    """Milliseconds of replays one after the other until so much time has passed, with clock and power at the end."""
    gpu = pynvml.nvmlDeviceGetHandleByIndex(0)
    seen = []
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds:
        marks = [torch.cuda.Event(enable_timing=True) for _ in range(2)]
        marks[0].record()
        graph.replay()
        marks[1].record()
        marks[1].synchronize()
        seen.append((marks[0].elapsed_time(marks[1]), pynvml.nvmlDeviceGetClockInfo(gpu, pynvml.NVML_CLOCK_SM),
                     pynvml.nvmlDeviceGetPowerUsage(gpu) / 1e3))
    return seen


def middle(values):
    return sorted(values)[len(values) // 2]


def measure(rows, model, tokens, context):
    steps = Steps(model, tokens, context)
    graphs = [chain.captured(body, LAYERS) for body in (steps.multiply, steps.attend, steps.step)]
    alone = []
    for graph in graphs:
        graph.replay()  # uploads it
        torch.cuda.synchronize()
        time.sleep(1.0)
        at, first = 0.0, []
        for row in replays(graph, 0.02):
            at += row[0]
            if at > 15.0 and first:
                break
            first.append(row[0])
        alone.append(middle(first))
    time.sleep(1.0)
    seen = replays(graphs[2], SECONDS)
    late = seen[len(seen) // 2:]
    rows.add(model, MODELS[model][3], tokens, context, *alone,
             sum(row[0] for row in late) / len(late), sum(row[1] for row in late) / len(late),
             sum(row[2] for row in late) / len(late))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--skip", type=int, default=0, help="so many cases are left out")
    options = parser.parse_args()
    chain.prepare()
    pynvml.nvmlInit()
    rows = chain.Rows(options.out / "decode_clocks.csv",
                      ["model", "format", "tokens", "context", "products_ms", "attention_ms", "first_ms", "late_ms",
                       "sm_mhz", "watts"])
    for case in CASES[options.skip:]:
        chain.attempt(" ".join(map(str, case)), lambda: measure(rows, *case))


if __name__ == "__main__":
    main()
