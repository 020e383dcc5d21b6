#!/usr/bin/env python3
"""Measures whole decoder layers without attention in one CUDA graph, and their parts alone, on the GPU it runs on.

    tools/measure/layers.py OUT

Writes OUT/layers.csv (model, format, part, tokens, us a layer): is a layer the sum of its kernels?"""

import argparse
import pathlib
import time

import torch

import graph_chain as chain
import pointwise as pw

# hidden, heads, KV heads, inner size of the FFN on one chip
MODELS = {"llama-8b": (4096, 32, 8, 14336), "llama-70b/8": (8192, 8, 1, 3584), "qwen3-32b/4": (5120, 16, 2, 6400)}
LAYERS = 16  # weights of their own each, so that none stays in the L2
TOKENS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096]
SLOTS = 65536


class Layers:
    def __init__(self, hidden, heads, kv_heads, inner, fp8, tokens):
        self.shape = hidden, heads, kv_heads, inner
        self.fp8, self.tokens = fp8, tokens
        sizes = {"qkv": ((heads + 2 * kv_heads) * 128, hidden), "o": (hidden, heads * 128), "up": (2 * inner, hidden),
                 "down": (hidden, inner)}
        self.weights = [{name: self.weight(*size) for name, size in sizes.items()} for _ in range(LAYERS)]
        dtype = pw.FP8 if fp8 else torch.bfloat16
        self.cache = [torch.zeros(2, SLOTS, kv_heads * 128, device="cuda", dtype=torch.bfloat16).to(dtype)
                      for _ in range(2)]
        self.slots = torch.randperm(SLOTS, device="cuda")[:tokens]
        self.positions = self.slots % 8192
        self.table = self.random(8192, 128)
        self.gain = self.random(hidden)
        self.one = torch.ones((), device="cuda")
        self.scales = torch.ones(1 << 20, device="cuda")
        self.x, self.residual = self.random(tokens, hidden), self.random(tokens, hidden)
        self.qkv = self.random(tokens, (heads + 2 * kv_heads) * 128)
        self.attended = self.random(tokens, heads * 128)
        self.gated = self.random(tokens, 2 * inner)
        self.normed = self.random(tokens, hidden).to(dtype)
        self.attended_in = self.attended.to(dtype)
        self.acted = self.random(tokens, inner).to(dtype)

    @staticmethod
    def random(*shape):
        return torch.randn(*shape, device="cuda", dtype=torch.bfloat16) * 0.05

    def weight(self, n, k):
        w = self.random(n, k)
        return w.to(pw.FP8) if self.fp8 else w

    def resized(self, tokens):
        """The same weights for fewer tokens."""
        for name in ("slots", "positions", "x", "residual", "qkv", "attended", "gated", "normed", "attended_in",
                     "acted"):
            setattr(self, name, getattr(self, name)[:tokens])
        self.tokens = tokens
        return self

    def mm(self, a, weight, out):
        if self.fp8:
            torch._scaled_mm(a, weight.t(), scale_a=self.one, scale_b=self.one, out_dtype=torch.bfloat16)
        else:
            torch.mm(a, weight.t(), out=out)

    def layer(self, i, products, small, nothing=False):
        """Products, small kernels, or both; `nothing` puts empty kernels in the place of the small ones."""
        hidden, heads, kv_heads, _ = self.shape
        w = self.weights[i % LAYERS]
        quant = pw.STATIC if self.fp8 else pw.PLAIN

        def put(body):
            if nothing:
                pw.empty[(132,)](self.one)
            elif small:
                body()

        put(lambda: pw.run_norm(self.x, self.residual, self.gain, self.normed, self.scales, quant))
        if products:
            self.mm(self.normed, w["qkv"], self.qkv)
        keys, values = self.cache[i % 2]
        put(lambda: pw.run_rope(self.qkv, self.gain, self.positions, self.table, self.slots, keys, values, heads,
                                kv_heads))
        put(lambda: pw.run_kv_write(self.qkv, self.slots, keys, values, kv_heads * 128, heads * 128))
        if self.fp8:
            put(lambda: pw.run_quantise(self.attended, self.attended_in, self.scales, pw.STATIC))
        if products:
            self.mm(self.attended_in, w["o"], self.x)
        put(lambda: pw.run_norm(self.x, self.residual, self.gain, self.normed, self.scales, quant))
        if products:
            self.mm(self.normed, w["up"], self.gated)
        put(lambda: pw.run_silu(self.gated, self.acted, self.scales, quant))
        if products:
            self.mm(self.acted, w["down"], self.x)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    options = parser.parse_args()
    chain.prepare()
    rows = chain.Rows(options.out / "layers.csv", ["model", "format", "part", "tokens", "us"])
    for name, shape in MODELS.items():
        for fp8 in (False, True):
            start = time.perf_counter()
            layers = Layers(*shape, fp8, TOKENS[-1])
            for tokens in reversed(TOKENS):
                layers.resized(tokens)
                parts = {"layer": (True, True), "products": (True, False), "small": (False, True),
                         "products_and_nothing": (True, False, True)}
                for part, flags in parts.items():
                    chain.attempt(part, lambda: rows.add(name, "fp8" if fp8 else "bf16", part, tokens, chain.time_chain(
                        lambda i: layers.layer(i, *flags), LAYERS) * 1e6))
            del layers
            torch.cuda.empty_cache()
            print(f"{name} {'fp8' if fp8 else 'bf16'}: {time.perf_counter() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
