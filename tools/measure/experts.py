#!/usr/bin/env python3
"""Measures the experts of a layer in Triton (grouped.py) on the GPU it runs on, from the router's scores to the sum.

    tools/measure/experts.py OUT [--warm] [--only NAME]

Writes OUT/experts.csv, the rows that `tokenyard calibrate` reads, with the tile that was the fastest of those tried,
and OUT/experts_parts.csv, all tiles."""

import argparse
import pathlib
import time

import torch

import graph_chain as chain
import grouped

# name: kind, experts on the chip, of how many, chosen a token, shared ones among them, hidden, inner
LAYERS = {
    "r1/8": ("fp8_block", 257, 256, 9, 1, 7168, 256),
    "r1/8 alone": ("fp8_block", 256, 256, 8, 0, 7168, 256),
    "r1/4": ("fp8_block", 256, 256, 8, 0, 7168, 512),
    "qwen3-235b/4": ("fp8_block", 128, 128, 8, 0, 4096, 384),
    "qwen3-235b/2": ("fp8_block", 128, 128, 8, 0, 4096, 768),
    "qwen3-30b": ("fp8_block", 128, 128, 8, 0, 2048, 768),
    "glm-4.5/4": ("fp8_block", 160, 160, 8, 0, 5120, 384),
    "qwen3-next": ("fp8_block", 512, 512, 10, 0, 2048, 512),
    "mixtral/8": ("fp8_block", 8, 8, 2, 0, 4096, 1792),
    "qwen3-30b bf16": ("bf16", 128, 128, 8, 0, 2048, 768),
    "mixtral/8 bf16": ("bf16", 8, 8, 2, 0, 4096, 1792),
    "r1 over 8": ("fp8_block", 32, 256, 8, 0, 7168, 2048),
    "qwen3-235b over 4": ("fp8_block", 32, 128, 8, 0, 4096, 1536),
    "qwen3-235b/8 bf16": ("bf16", 128, 128, 8, 0, 4096, 192),
}
TOKENS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384]


def tiles(kind, rows):
    """Block sizes, stages and warps worth trying for so many rows an expert, without and with swapped sides: those
    of the tuned tables of SGLang for these kernels lie among them."""
    bf16 = kind == "bf16"
    small = [(16, 64, 4, 4), (16, 128, 4, 4)] if bf16 else [(16, 128, 3, 4), (16, 128, 4, 4)]
    middle = [(32, 128, 3, 4)]
    large = [(64, 128, 3, 4), (128, 128, 3, 8)] if bf16 else [(64, 128, 3, 4), (64, 128, 4, 4)]
    chosen = small if rows <= 4 else small[:1] + middle + large[:1] if rows <= 40 else large
    swaps = [(*tile, True) for tile in chosen if tile[0] < 64 and not bf16]
    return [(*tile, False) for tile in chosen] + swaps


def every_tile(kind):
    return sorted({tile for rows in (1, 20, 100) for tile in tiles(kind, rows)})


def warm(name):
    """Compiles all tiles to Triton's cache on disk."""
    kind, experts, of, chosen, shared, hidden, inner = LAYERS[name]
    layer = grouped.Experts(kind, experts, chosen, hidden, inner, 64)
    for tokens in (1, 64):
        ids, _ = layer.route(tokens, of, shared)
        for tile in every_tile(kind):
            layer.run(ids, tokens, tile, router=of)
    torch.cuda.synchronize()


def measure(name, rows, parts):
    kind, experts, of, chosen, shared, hidden, inner = LAYERS[name]
    most = max(t for t in TOKENS if t * chosen * (hidden * 2 + inner * 6) < 12e9)
    layer = grouped.Experts(kind, experts, chosen, hidden, inner, most)
    for tokens in [t for t in TOKENS if t <= most]:
        routes = [layer.route(tokens, of, shared) for _ in range(6)]
        routes = [route for route in routes if route[1]]
        if not routes:
            continue
        hit = sum(hits for _, hits in routes) / len(routes)
        weights = hit * 3 * hidden * inner * (2 if kind == "bf16" else 1)
        expected = max(weights / 3e12, tokens * chosen * 6.0 * hidden * inner / 5e14) + 2e-5
        count = max(6 if tokens < 256 else 2, chain.chain_length(expected, most=12))
        tried = []
        for tile in tiles(kind, tokens * chosen / experts):
            us = chain.time_chain(lambda i: layer.run(routes[i % len(routes)][0], tokens, tile, router=of), count) * 1e6
            tried.append((us, tile))
            parts.add(name, tokens, "x".join(map(str, tile[:4])), tile[4], us)
        rows.add("triton", kind, tokens, of + shared, chosen, max(1, of // experts), hidden, inner, round(hit, 1),
                 min(tried)[0])


def check():
    """The chain computes what the definition says."""
    torch.manual_seed(1)
    for kind, swap in (("bf16", False), ("fp8_block", False), ("fp8_block", True)):
        layer = grouped.Experts(kind, 8, 2, 256, 128, 32)
        ids, _ = layer.route(32, 8)
        layer.run(ids, 32, (16, 128, 3, 4, swap), router=8)
        x = layer.x_in.float() if kind != "bf16" else layer.x.float()
        if kind != "bf16":
            x = x * layer.x.float().reshape(32, 2, 128).abs().amax(2).div(448).repeat_interleave(128, 1)
        want = torch.zeros(32, 256, device="cuda")
        for token in range(32):
            for c in range(2):
                e = int(ids[token * 2 + c])
                both = layer.up[e].float() @ x[token]
                acted = torch.nn.functional.silu(both[:128]) * both[128:]
                want[token] += layer.weights[token, c] * (layer.down[e].float() @ acted)
        error = ((layer.out[:32].float() - want).norm() / want.norm()).item()
        print(f"{kind} swapped={swap}: relative error {error:.4f}", flush=True)
        assert error < 0.06, "the experts' chain computes something else"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--warm", action="store_true", help="only compile")
    parser.add_argument("--only", help="one layer")
    options = parser.parse_args()
    chain.prepare()
    names = [options.only] if options.only else list(LAYERS)
    if options.warm:
        for name in names:
            chain.attempt(f"warm {name}", lambda: warm(name))
        return
    check()
    rows = chain.Rows(options.out / "experts.csv", ["library", "kind", "tokens", "experts", "top_k", "expert_ranks",
                                                    "hidden", "inner", "hit", "us"])
    parts = chain.Rows(options.out / "experts_parts.csv", ["layer", "tokens", "tile", "swapped", "us"])
    for name in names:
        start = time.perf_counter()
        chain.attempt(name, lambda: measure(name, rows, parts))
        torch.cuda.empty_cache()
        print(f"{name}: {time.perf_counter() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
