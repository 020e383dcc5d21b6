#!/usr/bin/env python3
"""Measures whether a GPU keeps its speed: a layer's products of a long prompt, again and again for seconds.

    tools/measure/sustained.py OUT

Writes OUT/sustained.csv, the speed by time since the first product with the clock of the SMs and the power drawn, and
OUT/duty.csv, the speed of products that take turns with what is bound by memory."""

import argparse
import pathlib
import time

import pynvml
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

import graph_chain as chain

LAYER = [(10240, 8192), (8192, 8192), (57344, 8192), (8192, 28672)]  # (n, k) of Llama 3.1 70B on one chip
SECONDS = 3.0


def products(kind, tokens):
    """A layer's products, and their FLOPs."""
    fp8 = kind == "fp8"
    one = torch.ones((), device="cuda")
    pairs = []
    for n, k in LAYER:
        a = torch.randn(tokens, k, device="cuda", dtype=torch.bfloat16)
        w = torch.randn(n, k, device="cuda", dtype=torch.bfloat16) * 0.02
        if fp8:
            a, w = a.to(torch.float8_e4m3fn), (w * 20).to(torch.float8_e4m3fn)
        pairs.append((a, w))

    def body(_):
        for a, w in pairs:
            if fp8:
                torch._scaled_mm(a, w.t(), scale_a=one, scale_b=one, out_dtype=torch.bfloat16, use_fast_accum=True)
            else:
                torch.mm(a, w.t())

    return body, sum(2.0 * tokens * n * k for n, k in LAYER)


def attention(tokens):
    q = torch.randn(1, 64, tokens, 128, device="cuda", dtype=torch.bfloat16)
    k, v = torch.randn(2, 1, 8, tokens, 128, device="cuda", dtype=torch.bfloat16)

    def body(_):
        with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
            torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)

    return body, 2.0 * 64 * 128 * tokens * tokens


def sustain(rows, kind, tokens, gpu):
    body, flop = attention(tokens) if kind == "attention" else products(kind, tokens)
    graph = chain.captured(body, 1)
    torch.cuda.synchronize()
    time.sleep(1.5)
    begin = time.perf_counter()
    while time.perf_counter() - begin < SECONDS:
        first, last = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        at = time.perf_counter() - begin
        replays = 1 if at < 0.1 else max(1, int(0.1 * 6e14 / flop))
        first.record()
        for _ in range(replays):
            graph.replay()
        last.record()
        last.synchronize()
        rows.add(kind, tokens, at, flop * replays / (first.elapsed_time(last) * 1e-3) / 1e12,
                 pynvml.nvmlDeviceGetClockInfo(gpu, pynvml.NVML_CLOCK_SM), pynvml.nvmlDeviceGetPowerUsage(gpu) / 1e3,
                 pynvml.nvmlDeviceGetTemperature(gpu, pynvml.NVML_TEMPERATURE_GPU))


def duty(rows, gpu, compute_ms, stream_ms):
    """Products for compute_ms, then reads of memory for stream_ms (as a step of decodes is), again and again: the speed
    of both in the second half of the time."""
    body, flop = products("fp8", 2048)
    times = max(1, round(compute_ms * 1e-3 * 1.4e15 / flop))
    big = torch.randn(1 << 29, device="cuda", dtype=torch.bfloat16)
    vectors = torch.randn(1 << 15, 4, device="cuda", dtype=torch.bfloat16)
    matrix = big.view(1 << 14, 1 << 15)
    reads = round(stream_ms * 1e-3 * 4.2e12 / (big.numel() * 2))
    compute = chain.captured(body, times)
    stream = chain.captured(lambda _: matrix @ vectors, reads) if reads else None
    torch.cuda.synchronize()
    time.sleep(1.0)
    begin = time.perf_counter()
    seen = []
    while time.perf_counter() - begin < SECONDS:
        marks = [torch.cuda.Event(enable_timing=True) for _ in range(3)]
        marks[0].record()
        compute.replay()
        marks[1].record()
        if stream:
            stream.replay()
        marks[2].record()
        marks[2].synchronize()
        seen.append((marks[0].elapsed_time(marks[1]), marks[1].elapsed_time(marks[2]),
                     pynvml.nvmlDeviceGetClockInfo(gpu, pynvml.NVML_CLOCK_SM),
                     pynvml.nvmlDeviceGetPowerUsage(gpu) / 1e3))
    late = seen[len(seen) // 2:]
    mean = [sum(row[i] for row in late) / len(late) for i in range(4)]
    first = seen[0]
    rows.add(compute_ms, stream_ms, flop * times / first[0] * 1e-9, flop * times / mean[0] * 1e-9, mean[0], mean[1],
             reads * big.numel() * 2 / mean[1] * 1e-9 if reads else 0.0, mean[2], mean[3])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    options = parser.parse_args()
    chain.prepare()
    pynvml.nvmlInit()
    gpu = pynvml.nvmlDeviceGetHandleByIndex(0)
    rows = chain.Rows(options.out / "sustained.csv", ["kind", "tokens", "since_s", "tflops", "sm_mhz", "watts",
                                                      "celsius"])
    for kind, tokens in (("fp8", 8192), ("bf16", 8192), ("attention", 8192), ("fp8", 1024)):
        chain.attempt(kind, lambda: sustain(rows, kind, tokens, gpu))
    rows = chain.Rows(options.out / "duty.csv", ["compute_ms_aimed", "stream_ms_aimed", "tflops_first", "tflops",
                                                 "compute_ms", "stream_ms", "tb_per_s", "sm_mhz", "watts"])
    for compute_ms, stream_ms in ((20, 0), (20, 20), (20, 60), (20, 200), (80, 80), (80, 240), (200, 200), (5, 15),
                                  (5, 50)):
        chain.attempt("duty", lambda: duty(rows, gpu, compute_ms, stream_ms))


if __name__ == "__main__":
    main()
