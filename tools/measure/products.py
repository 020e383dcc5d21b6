#!/usr/bin/env python3
"""Measures matrix products with weights that are not in the L2, and attention, on the GPU it runs on.

    tools/measure/products.py OUT

Writes OUT/gemm.csv and OUT/heads.csv (kind, m, n, k, us) and OUT/attention.csv. Shapes are those of models; they check fits, and are not
fitted."""

import argparse
import pathlib
import time

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

import graph_chain as chain

# name: (n, k) of each product of a layer on one chip
SHAPES = {
    "llama-8b": [(6144, 4096), (4096, 4096), (28672, 4096), (4096, 14336)],
    "llama-70b/8": [(1280, 8192), (8192, 1024), (7168, 8192), (8192, 3584)],
    "llama-70b/2": [(5120, 8192), (8192, 4096), (28672, 8192), (8192, 14336)],
    "qwen3-32b": [(10240, 5120), (5120, 8192), (51200, 5120), (5120, 25600)],
    "qwen3-32b/4": [(2560, 5120), (5120, 2048), (12800, 5120), (5120, 6400)],
}
HEADS = [(128256, 4096), (16032, 8192), (151936, 5120), (16160, 7168)]
TOKENS = [1, 2, 4, 8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192]
COLD = 256e6  # bytes of weights that pass before one is read again
RATE = {"bf16": 700e12, "fp8": 1300e12, "fp8_block": 1000e12}


def product(kind, weights, m, k, scales):
    """A function of i that computes with the i-th copy of the weights."""
    if kind == "bf16":
        a = torch.randn(m, k, device="cuda", dtype=torch.bfloat16)
        out = torch.empty(m, weights[0].shape[0], device="cuda", dtype=torch.bfloat16)
        return lambda i: torch.mm(a, weights[i % len(weights)].t(), out=out)
    a = torch.randn(m, k, device="cuda", dtype=torch.bfloat16).to(torch.float8_e4m3fn)
    if kind == "fp8":
        one = torch.ones((), device="cuda")
        return lambda i: torch._scaled_mm(a, weights[i % len(weights)].t(), scale_a=one, scale_b=one,
                                          out_dtype=torch.bfloat16)
    by_token = torch.ones(k // 128, m, device="cuda").t()
    return lambda i: torch._scaled_mm(a, weights[i % len(weights)].t(), scale_a=by_token, scale_b=scales.t(),
                                      out_dtype=torch.bfloat16)


def products(out):
    columns = ["kind", "m", "n", "k", "us"]
    files = {False: chain.Rows(out / "gemm.csv", columns), True: chain.Rows(out / "heads.csv", columns)}
    shapes = [shape for group in SHAPES.values() for shape in group]
    for kind in ("bf16", "fp8", "fp8_block"):
        size = 2 if kind == "bf16" else 1
        start = time.perf_counter()
        for n, k in shapes + (HEADS if kind == "bf16" else []):
            copies = max(2, min(48, int(COLD / (n * k * size)) + 1))
            weights = [torch.randn(n, k, device="cuda", dtype=torch.bfloat16) for _ in range(copies)]
            if size == 1:
                weights = [w.to(torch.float8_e4m3fn) for w in weights]
            scales = torch.ones((n + 127) // 128, k // 128, device="cuda")
            rows = files[(n, k) in HEADS]
            for m in TOKENS:
                expected = 4e-6 + max(2.0 * m * n * k / RATE[kind], size * n * k / 2.5e12)
                count = max(copies, chain.chain_length(expected, least=3, most=48)) if expected < 1e-3 else 3
                chain.attempt(f"gemm {kind}", lambda: rows.add(kind, m, n, k, chain.time_chain(
                    product(kind, weights, m, k, scales), count) * 1e6))
            del weights
        print(f"{kind}: {time.perf_counter() - start:.1f} s", flush=True)


def attention(out):
    rows = chain.Rows(out / "attention.csv", ["kernel", "backend", "sequences", "tokens", "heads", "kv_heads", "us"])
    backends = {"cudnn": SDPBackend.CUDNN_ATTENTION, "flash": SDPBackend.FLASH_ATTENTION}

    def run(kernel, backend, batch, queries, keys, heads, kv_heads):
        q = torch.randn(batch, heads, queries, 128, device="cuda", dtype=torch.bfloat16)
        copies = max(1, min(24, int(COLD / (batch * kv_heads * keys * 512)) + 1)) if kernel == "decode" else 1
        kv = [torch.randn(2, batch, kv_heads, keys, 128, device="cuda", dtype=torch.bfloat16) for _ in range(copies)]

        def body(i):
            k, v = kv[i % copies]
            with sdpa_kernel(backends[backend]):
                torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=kernel == "context",
                                                                 enable_gqa=True)

        flop = 2.0 * batch * heads * 128 * queries * keys
        count = max(copies, chain.chain_length(8e-6 + flop / 4e14, least=2, most=30))
        rows.add(kernel, backend, batch, keys, heads, kv_heads, chain.time_chain(body, count) * 1e6)

    for backend in backends:
        for heads, kv_heads in ((32, 8), (8, 1), (64, 8), (16, 2)):
            for batch in (1, 4):
                for tokens in (128, 256, 512, 1024, 2048, 4096, 8192, 16384):
                    if batch * tokens <= 32768:
                        chain.attempt(f"context {backend}", lambda: run("context", backend, batch, tokens, tokens,
                                                                        heads, kv_heads))
            for batch in (1, 4, 16, 64, 128, 256):
                for tokens in (512, 1024, 4096, 8192):
                    if batch * tokens * kv_heads <= 128 * 8192 * 8:
                        chain.attempt(f"decode {backend}", lambda: run("decode", backend, batch, 1, tokens, heads,
                                                                       kv_heads))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    options = parser.parse_args()
    chain.prepare()
    for section in (products, attention):
        start = time.perf_counter()
        chain.attempt(section.__name__, lambda: section(options.out))
        torch.cuda.empty_cache()
        print(f"{section.__name__}: {time.perf_counter() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
