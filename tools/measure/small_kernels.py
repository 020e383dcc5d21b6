#!/usr/bin/env python3
"""Measures the small kernels of a decoder layer, of the head and of the host on the GPU it runs on.

    tools/measure/small_kernels.py OUT [--only SECTION ...] [--warm]

Writes OUT/small.csv (kernel, tokens, width, bytes, us), OUT/sampling.csv, OUT/host.csv. --warm only compiles."""

import argparse
import pathlib
import time

import torch

import graph_chain as chain
import pointwise as pw

TOKENS = [1 << i for i in range(15)]
CACHE_TOKENS = 65536
QUANTS = {pw.PLAIN: ("", 2), pw.STATIC: ("_fp8", 1), pw.TOKEN: ("_fp8_token", 1), pw.GROUP: ("_fp8_group", 1)}


def bf16(*shape):
    return torch.randn(*shape, device="cuda", dtype=torch.bfloat16)


def output(rows, width, quant):
    return torch.empty(rows, width, device="cuda", dtype=torch.bfloat16 if quant == pw.PLAIN else pw.FP8)


class Small:
    """The sections of small.csv. `bytes` is what a kernel reads and writes for its tokens, weights left out."""

    def __init__(self, out, warm):
        self.tokens = TOKENS[:1] if warm else TOKENS
        self.warm = warm
        self.rows = None if warm else chain.Rows(out / "small.csv", ["kernel", "tokens", "width", "bytes", "us"])
        self.scales = torch.ones(1 << 22, device="cuda")

    def row(self, kernel, tokens, width, per_token, body):
        if self.warm:
            return chain.attempt(kernel, lambda: body(0))
        moved = tokens * per_token
        count = chain.chain_length(2e-6 + moved / 2e12)
        return chain.attempt(kernel, lambda: self.rows.add(kernel, tokens, width, int(moved),
                                                           chain.time_chain(body, count) * 1e6))

    def norm(self):
        for width in (512, 1536, 2048, 4096, 5120, 7168, 8192, 16384):
            x, residual, weight = bf16(TOKENS[-1], width), bf16(TOKENS[-1], width), bf16(width)
            for m in self.tokens:
                if width in (512, 1536):
                    out = output(m, width, pw.PLAIN)
                    self.row("norm", m, width, 4 * width,
                             lambda _: pw.run_norm(x[:m], residual, weight, out, self.scales, add_first=False))
                    continue
                for quant, (name, size) in QUANTS.items():
                    out = output(m, width, quant)
                    self.row("add_norm" + name, m, width, (6 + size) * width,
                             lambda _: pw.run_norm(x[:m], residual, weight, out, self.scales, quant))
                if width in (4096, 8192):
                    out = output(m, width, pw.PLAIN)
                    self.row("add_norm_early", m, width, 8 * width,
                             lambda _: pw.run_norm(x[:m], residual, weight, out, self.scales, early=True))

    def activation(self):
        for inner in (1024, 2048, 3584, 7168, 14336, 28672):
            x = bf16(TOKENS[-1], 2 * inner)
            for m in self.tokens:
                for quant in (pw.PLAIN, pw.STATIC, pw.GROUP):
                    name, size = QUANTS[quant]
                    out = output(m, inner, quant)
                    self.row("silu_mul" + name, m, inner, (4 + size) * inner,
                             lambda _: pw.run_silu(x[:m], out, self.scales, quant))

    def quantise(self):
        for width in (1024, 2048, 4096, 7168, 8192, 16384):
            x = bf16(TOKENS[-1], width)
            for m in self.tokens:
                for quant in (pw.STATIC, pw.TOKEN, pw.GROUP):
                    out = output(m, width, quant)
                    self.row("quantise" + QUANTS[quant][0], m, width, 3 * width,
                             lambda _: pw.run_quantise(x[:m], out, self.scales, quant))

    def cache(self, kv_heads, dtype, dim=128):
        def half():
            return torch.zeros(CACHE_TOKENS, kv_heads * dim, device="cuda", dtype=torch.bfloat16).to(dtype)
        return half(), half()

    def rotary(self):
        table, weight = bf16(8192, 128), bf16(128)
        slots = torch.randperm(CACHE_TOKENS, device="cuda")[:TOKENS[-1]]
        positions = slots % 8192
        for heads, kv_heads in ((8, 1), (16, 2), (32, 8), (64, 4), (64, 8)):
            qkv = bf16(TOKENS[-1], (heads + 2 * kv_heads) * 128)
            for dtype, name in ((torch.bfloat16, ""), (pw.FP8, "_fp8")):
                keys, values = self.cache(kv_heads, dtype)
                size = keys.element_size()
                for m in self.tokens:
                    def run(norm_first, write):
                        return lambda _: pw.run_rope(qkv[:m], weight, positions, table, slots, keys, values, heads,
                                                     kv_heads, norm_first, write)
                    if name == "":
                        self.row("rope", m, heads, 4 * (heads + kv_heads) * 128, run(False, False))
                        self.row("head_norm_rope", m, heads, 4 * (heads + kv_heads) * 128, run(True, False))
                    self.row("rope_kv_write" + name, m, heads, (4 * heads + 2 * kv_heads * (2 + size)) * 128,
                             run(False, True))

    def kv_write(self):
        slots = torch.randperm(CACHE_TOKENS, device="cuda")[:TOKENS[-1]]
        for kv_heads in (1, 2, 4, 8):
            kv = bf16(TOKENS[-1], 2 * kv_heads * 128)
            for dtype, name in ((torch.bfloat16, ""), (pw.FP8, "_fp8")):
                keys, values = self.cache(kv_heads, dtype)
                for m in self.tokens:
                    self.row("kv_write" + name, m, kv_heads * 128, 2 * kv_heads * 128 * (2 + keys.element_size()),
                             lambda _: pw.run_kv_write(kv[:m], slots, keys, values, kv_heads * 128, 0))

    def rest(self):
        for width in (4096, 7168, 8192):
            table, out = bf16(131072, width), bf16(TOKENS[-1], width)
            ids = torch.randint(131072, (TOKENS[-1],), device="cuda")
            for m in self.tokens:
                self.row("embedding", m, width, 4 * width, lambda _: pw.embedding[(m, (width + 1023) // 1024)](
                    ids, table, out, width, BLOCK=1024, num_warps=4))
                self.row("add", m, width, 6 * width, lambda _: pw.add[(m, (width + 1023) // 1024)](
                    table, out, width, BLOCK=1024, num_warps=4))
            del table
        for hidden, experts, chosen, groups in ((4096, 128, 8, 0), (7168, 256, 8, 8), (2880, 128, 4, 0)):
            x, gate, bias = bf16(TOKENS[-1], hidden), bf16(experts, hidden), torch.zeros(experts, device="cuda")
            logits = torch.randn(TOKENS[-1], experts, device="cuda", dtype=torch.bfloat16)
            weights = torch.empty(TOKENS[-1], chosen, device="cuda")
            ids = torch.empty(TOKENS[-1], chosen, device="cuda", dtype=torch.int32)
            parts, out = bf16(TOKENS[-1] * chosen, hidden), bf16(TOKENS[-1], hidden)
            for m in self.tokens:
                self.row("router_product", m, hidden, 2 * (hidden + experts),
                         lambda _: torch.mm(x[:m], gate.t(), out=logits[:m]))
                self.row(f"top_{chosen}" + ("_grouped" if groups else ""), m, experts, 2 * experts + 8 * chosen,
                         lambda _: pw.top_k[(m,)](logits, bias, weights, ids, experts, CHOSEN=chosen, GROUPS=groups,
                                                  BLOCK=experts, num_warps=1))
                self.row("combine", m, hidden, 2 * (chosen + 1) * hidden,
                         lambda _: pw.combine[(m, (hidden + 1023) // 1024)](parts, weights, out, hidden, CHOSEN=chosen,
                                                                            BLOCK=1024, num_warps=4))


def sampling(out):
    rows = chain.Rows(out / "sampling.csv", ["kernel", "rows", "vocabulary", "us"])
    for vocabulary in (128256, 151936, 201088):
        for batch in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024):
            half = bf16(batch, vocabulary)
            logits = half.float()
            noise, heat = torch.empty_like(logits), torch.ones(batch, 1, device="cuda")

            def draw(_):
                scaled = torch.softmax(logits.div(heat), dim=-1, dtype=torch.float32)
                noise.exponential_()
                return scaled.div_(noise).argmax(dim=-1)

            def nucleus(_):
                values, order = logits.sort(dim=-1, descending=False)
                kept = values.softmax(dim=-1).cumsum(dim=-1)
                return values.masked_fill_(kept <= 0.1, float("-inf")).scatter(-1, order, values)

            for kernel, body in (("argmax", lambda _: torch.argmax(logits, dim=-1)), ("to_fp32", lambda _: half.float()),
                                 ("draw", draw), ("nucleus", nucleus)):
                if kernel == "nucleus" and batch > 256:
                    continue
                count = chain.chain_length(10e-6 + batch * vocabulary * 8 / 2e12, least=2, most=20)
                chain.attempt(kernel, lambda: rows.add(kernel, batch, vocabulary, chain.time_chain(body, count) * 1e6))
            del half, logits, noise


def host(out):
    rows = chain.Rows(out / "host.csv", ["what", "count", "us"])
    scratch = torch.zeros(1 << 20, device="cuda")

    def idle():
        torch.cuda.synchronize()
        return time.perf_counter()

    def median(body, repeats=31):
        times = []
        for _ in range(repeats):
            start = idle()
            body()
            times.append(time.perf_counter() - start)
        return sorted(times)[repeats // 2] * 1e6

    for grid in (1, 132, 1056):
        for nodes in (1, 10, 100, 1000):
            def measure():
                graph = chain.captured(lambda _: pw.empty[(grid,)](scratch), nodes)
                rows.add(f"graph_of_empty_{grid}", nodes, chain.replay_seconds(graph) * 1e6)
                if grid == 1:
                    rows.add("graph_launch_host", nodes, median(graph.replay))
                    rows.add("graph_launch_to_idle", nodes, median(lambda: (graph.replay(), torch.cuda.synchronize())))
            chain.attempt("empty", measure)
    for nodes in (1, 10, 100, 1000):
        chain.attempt("early", lambda: rows.add("graph_of_empty_early", nodes, chain.replay_seconds(chain.captured(
            lambda _: pw.empty_early[(132,)](scratch, launch_pdl=True), nodes)) * 1e6))

    def eager(name, body, calls=400):
        body()
        start = idle()
        for _ in range(calls):
            body()
        issued = time.perf_counter() - start
        torch.cuda.synchronize()
        rows.add(name + "_issued", calls, issued / calls * 1e6)
        rows.add(name + "_done", calls, (time.perf_counter() - start) / calls * 1e6)

    small, weight = bf16(16, 1024), bf16(1024, 1024)
    chain.attempt("eager", lambda: eager("eager_add", lambda: scratch[:1024].add_(1.0)))
    chain.attempt("eager", lambda: eager("eager_mm", lambda: torch.mm(small, weight)))
    chain.attempt("eager", lambda: eager("eager_triton", lambda: pw.empty[(1,)](scratch)))
    for count in (1, 16, 64, 256, 1024):
        ids = torch.zeros(count, device="cuda", dtype=torch.int64)
        pinned = torch.zeros(count, dtype=torch.int64).pin_memory()
        done = torch.cuda.Event()

        def fetch():
            pinned.copy_(ids, non_blocking=True)
            done.record()
            done.synchronize()

        def send():
            ids.copy_(pinned, non_blocking=True)
            torch.cuda.synchronize()

        rows.add("ids_to_host", count, median(fetch))
        rows.add("ids_to_device", count, median(send))
    rows.add("synchronize_idle", 1, median(torch.cuda.synchronize))
    large = torch.empty(1 << 30, device="cuda", dtype=torch.bfloat16)
    moved = 2 * large.numel()  # half of it read, as much written
    rows.add("copy_GBps", moved, moved * 1e-9 / chain.time_chain(lambda _: large[:1 << 29].copy_(large[1 << 29:]), 2))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--warm", action="store_true")
    options = parser.parse_args()
    chain.prepare()
    small = Small(options.out, options.warm)
    sections = {name: getattr(small, name) for name in ("norm", "activation", "quantise", "rotary", "kv_write", "rest")}
    if not options.warm:
        sections |= {"sampling": lambda: sampling(options.out), "host": lambda: host(options.out)}
    for name, section in sections.items():
        if options.only and name not in options.only:
            continue
        start = time.perf_counter()
        chain.attempt(name, section)
        torch.cuda.empty_cache()
        print(f"{name}: {time.perf_counter() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
