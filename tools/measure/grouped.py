"""Experts of a layer as engines compute them in Triton: route, sort rows by expert, two grouped products, sum."""

import torch
import triton
import triton.language as tl

import pointwise as pw


@triton.jit(do_not_specialize=["count", "capacity"])
def sort_plan(ids, cursors, expert_of, padded_total, rows, count, capacity, BLOCK_M: tl.constexpr, BINS: tl.constexpr):
    """Program 0 counts rows an expert and lays out blocks of BLOCK_M; program 1 empties the list of rows."""
    if tl.program_id(0) == 1:
        slot = tl.arange(0, 2048)
        for begin in range(0, capacity, 2048):
            tl.store(rows + begin + slot, count, mask=begin + slot < capacity)
    else:
        experts = tl.arange(0, BINS)
        at = tl.arange(0, 1024)
        seen = tl.zeros((BINS,), dtype=tl.int32)
        for first in range(0, count, 1024):
            there = first + at < count
            seen += tl.histogram(tl.load(ids + first + at, mask=there, other=0), BINS, mask=there)
        padded = (seen + BLOCK_M - 1) // BLOCK_M * BLOCK_M
        start = tl.cumsum(padded, 0) - padded
        tl.store(cursors + experts, start)
        tl.store(padded_total, tl.sum(padded, 0))
        for j in range(0, tl.max(padded, 0) // BLOCK_M):
            tl.store(expert_of + start // BLOCK_M + j, experts, mask=j * BLOCK_M < padded)


@triton.jit(do_not_specialize=["count"])
def sort_rows(ids, cursors, rows, count):
    i = tl.program_id(0) * 256 + tl.arange(0, 256)
    there = i < count
    expert = tl.load(ids + i, mask=there, other=0)
    tl.store(rows + tl.atomic_add(cursors + expert, 1, mask=there), i, mask=there)


@triton.jit(do_not_specialize=["count", "capacity"])
def grouped(a, a_scale, b, b_scale, out, rows, expert_of, padded_total, capacity, count, n, k, CHOSEN: tl.constexpr,
            BLOCK_FP8: tl.constexpr, SWAP: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr,
            BLOCK_K: tl.constexpr, GROUP: tl.constexpr):
    """out[row] = a[row // CHOSEN] times the transposed matrix of the row's expert; scales of 128 x 128 (BLOCK_FP8).
    SWAP computes the transposed product: the wide side of a tensor-core instruction is then the weights'."""
    pid = tl.program_id(0)
    blocks_m = tl.cdiv(capacity, BLOCK_M)
    blocks_n = tl.cdiv(n, BLOCK_N)
    band = pid // (GROUP * blocks_n)
    tall = min(blocks_m - band * GROUP, GROUP)
    pid_m = band * GROUP + (pid % (GROUP * blocks_n)) % tall
    pid_n = (pid % (GROUP * blocks_n)) // tall
    if pid_m * BLOCK_M >= tl.load(padded_total):
        return
    row = tl.load(rows + pid_m * BLOCK_M + tl.arange(0, BLOCK_M)).to(tl.int64)
    there = row < count
    token = row // CHOSEN
    expert = tl.load(expert_of + pid_m).to(tl.int64)
    cols = pid_n * BLOCK_N + tl.arange(0, BLOCK_N).to(tl.int64)
    of_k = tl.arange(0, BLOCK_K)
    a_at = a + token[:, None] * k + of_k[None, :]
    b_at = b + expert * n * k + (cols % n)[None, :] * k + of_k[:, None]
    groups = k // 128
    a_scale_at = a_scale + token * groups
    b_scale_at = b_scale + expert * ((n + 127) // 128) * groups + pid_n * BLOCK_N // 128 * groups
    if SWAP:
        total = tl.zeros((BLOCK_N, BLOCK_M), dtype=tl.float32)
    else:
        total = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for first in range(0, k, BLOCK_K):
        x = tl.load(a_at, mask=there[:, None], other=0.0)
        w = tl.load(b_at)
        if BLOCK_FP8:
            scale = tl.load(a_scale_at + first // 128, mask=there, other=0.0) * tl.load(b_scale_at + first // 128)
            if SWAP:
                total += tl.dot(tl.trans(w), tl.trans(x)) * scale[None, :]
            else:
                total += tl.dot(x, w) * scale[:, None]
        elif SWAP:
            total = tl.dot(tl.trans(w), tl.trans(x), acc=total)
        else:
            total = tl.dot(x, w, acc=total)
        a_at += BLOCK_K
        b_at += BLOCK_K
    if SWAP:
        total = tl.trans(total)
    out_at = out + row[:, None] * n + cols[None, :]
    tl.store(out_at, total.to(tl.bfloat16), mask=there[:, None] & (cols[None, :] < n))


class Experts:
    """Matrices of the local experts of one chip, and room for `most` tokens."""

    def __init__(self, kind, experts, chosen, hidden, inner, most):
        self.kind, self.experts, self.chosen, self.hidden, self.inner = kind, experts, chosen, hidden, inner
        dtype = torch.bfloat16 if kind == "bf16" else pw.FP8
        self.up, self.down = (self.matrices(n, k, dtype) for n, k in ((2 * inner, hidden), (hidden, inner)))
        self.ones = torch.ones(max(experts * (-(-2 * inner // 128)) * (hidden // 128),
                                   experts * (hidden // 128) * max(1, inner // 128)), device="cuda")
        rows = most * chosen
        self.gated = torch.empty(rows, 2 * inner, device="cuda", dtype=torch.bfloat16)
        self.acted = torch.empty(rows, inner, device="cuda", dtype=torch.bfloat16)
        self.acted_in = self.acted.to(dtype)
        self.result = torch.empty(rows, hidden, device="cuda", dtype=torch.bfloat16)
        self.scales = torch.ones(max(most * hidden, rows * inner) // 128 + 1, device="cuda")
        self.x = torch.randn(most, hidden, device="cuda", dtype=torch.bfloat16)
        self.x_in = self.x.to(dtype)
        self.out = torch.empty_like(self.x)
        self.weights = torch.rand(most, chosen, device="cuda")
        self.row_list = torch.empty(rows + experts * 128, device="cuda", dtype=torch.int32)
        self.cursors = torch.empty(1024, device="cuda", dtype=torch.int32)
        self.expert_of = torch.empty(rows + experts, device="cuda", dtype=torch.int32)
        self.total = torch.empty(1, device="cuda", dtype=torch.int32)
        self.logits = torch.randn(most, 512, device="cuda", dtype=torch.bfloat16)
        self.bias = torch.zeros(1024, device="cuda")
        self.routed = torch.empty(most * 16, device="cuda", dtype=torch.int32)
        self.routed_weights = torch.empty(most * 16, device="cuda")

    def matrices(self, n, k, dtype):
        w = torch.empty(self.experts, n, k, device="cuda", dtype=dtype)
        for e in range(self.experts):
            w[e] = (torch.randn(n, k, device="cuda", dtype=torch.bfloat16) * 0.05).to(dtype)
        return w

    def route(self, tokens, all_experts, shared=0):
        """Experts of each token, all the same likely, and `shared` that each token takes: the rows of local ones (the
        first of all), and how many of these are hit."""
        draw = torch.rand(tokens, all_experts, device="cuda").topk(self.chosen - shared, dim=1).indices
        if shared:
            draw = torch.cat([draw, torch.full((tokens, shared), self.experts - 1, device="cuda")], dim=1)
        ids = draw.flatten().to(torch.int32)
        ids = ids[ids < self.experts]
        return ids, int(ids.unique().numel())

    def product(self, a, b, out, n, k, chosen, tile, count, capacity):
        block_m, block_n, stages, warps, swap = tile
        grid = (triton.cdiv(capacity, block_m) * triton.cdiv(n, block_n),)
        grouped[grid](a, self.scales, b, self.ones, out, self.row_list, self.expert_of, self.total, capacity, count, n,
                      k, CHOSEN=chosen, BLOCK_FP8=self.kind == "fp8_block", SWAP=swap, BLOCK_M=block_m,
                      BLOCK_N=block_n, BLOCK_K=128 if self.kind != "bf16" else 64, GROUP=16, num_stages=stages,
                      num_warps=warps)

    def run(self, ids, tokens, tile, router=0):
        """The kernels of a layer's experts for `tokens` tokens whose rows are `ids`: `router` experts to choose from,
        0 leaves routing out."""
        count = ids.numel()
        capacity = min(count * tile[0], count + self.experts * (tile[0] - 1))
        fp8 = self.kind != "bf16"
        quant = pw.GROUP if self.kind == "fp8_block" else pw.STATIC
        if router:
            groups = 8 if router == 256 and self.hidden == 7168 else 0
            pw.top_k[(tokens,)](self.logits, self.bias, self.routed_weights, self.routed, router, CHOSEN=8,
                                GROUPS=groups, BLOCK=triton.next_power_of_2(router), num_warps=4)
        if fp8:
            pw.run_quantise(self.x[:tokens], self.x_in, self.scales, quant)
        sort_plan[(2,)](ids, self.cursors, self.expert_of, self.total, self.row_list, count, capacity,
                        BLOCK_M=tile[0], BINS=triton.next_power_of_2(self.experts), num_warps=16)
        sort_rows[(triton.cdiv(count, 256),)](ids, self.cursors, self.row_list, count, num_warps=4)
        x = self.x_in if fp8 else self.x
        self.product(x, self.up, self.gated, 2 * self.inner, self.hidden, self.chosen, tile, count, capacity)
        pw.run_silu(self.gated[:count], self.acted, self.scales)
        if fp8:
            pw.run_quantise(self.acted[:count], self.acted_in, self.scales, quant)
        acted = self.acted_in if fp8 else self.acted
        self.product(acted, self.down, self.result, self.hidden, self.inner, 1, tile, count, capacity)
        pw.combine[(tokens, triton.cdiv(self.hidden, 1024))](self.result, self.weights, self.out, self.hidden,
                                                             CHOSEN=self.chosen, BLOCK=1024, num_warps=4)
