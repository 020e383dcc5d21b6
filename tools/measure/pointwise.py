"""The small kernels of a decoder layer as engines fuse them, in Triton."""

import torch
import triton
import triton.language as tl

PLAIN, STATIC, TOKEN, GROUP = 0, 1, 2, 3  # BF16 out; FP8 by a given scale, a scale a token, a scale a token and 128
FP8 = torch.float8_e4m3fn


@triton.jit
def empty(x):
    pass


@triton.jit
def empty_early(x):
    tl.extra.cuda.gdc_wait()
    tl.extra.cuda.gdc_launch_dependents()


@triton.jit
def store_row(y, out, scales, row, width, cols, mask, QUANT: tl.constexpr, BLOCK: tl.constexpr):
    base = out + row * width
    if QUANT == 0:
        tl.store(base + cols, y.to(tl.bfloat16), mask=mask)
    elif QUANT == 1:
        scale = tl.load(scales)
        tl.store(base + cols, tl.minimum(tl.maximum(y * scale, -448.0), 448.0).to(tl.float8e4nv), mask=mask)
    elif QUANT == 2:
        scale = tl.maximum(tl.max(tl.abs(y), 0), 1e-6) / 448.0
        tl.store(scales + row, scale)
        tl.store(base + cols, (y / scale).to(tl.float8e4nv), mask=mask)
    else:
        groups: tl.constexpr = BLOCK // 128
        r = tl.reshape(y, (groups, 128))
        scale = tl.maximum(tl.max(tl.abs(r), 1), 1e-6) / 448.0
        first = tl.min(cols, 0) // 128
        g = first + tl.arange(0, groups)
        tl.store(scales + row * (width // 128) + g, scale, mask=g < width // 128)
        q = tl.reshape(r / tl.expand_dims(scale, 1), (BLOCK,))
        tl.store(base + cols, q.to(tl.float8e4nv), mask=mask)


@triton.jit
def norm_row(x, residual, weight, out, scales, width, ADD: tl.constexpr, QUANT: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    cols = tl.arange(0, BLOCK)
    mask = cols < width
    a = tl.load(x + row * width + cols, mask=mask, other=0.0).to(tl.float32)
    if ADD:
        a += tl.load(residual + row * width + cols, mask=mask, other=0.0).to(tl.float32)
        tl.store(residual + row * width + cols, a.to(tl.bfloat16), mask=mask)
    y = a / tl.sqrt(tl.sum(a * a, 0) / width + 1e-6)
    y = y * tl.load(weight + cols, mask=mask, other=0.0).to(tl.float32)
    store_row(y, out, scales, row, width, cols, mask, QUANT, BLOCK)


@triton.jit
def norm(x, residual, weight, out, scales, width, ADD: tl.constexpr, QUANT: tl.constexpr, BLOCK: tl.constexpr):
    norm_row(x, residual, weight, out, scales, width, ADD, QUANT, BLOCK)


@triton.jit
def norm_early(x, residual, weight, out, scales, width, ADD: tl.constexpr, QUANT: tl.constexpr, BLOCK: tl.constexpr):
    """The same under programmatic dependent launch: its blocks are on the chip before the kernel before it has ended."""
    tl.extra.cuda.gdc_wait()
    tl.extra.cuda.gdc_launch_dependents()
    norm_row(x, residual, weight, out, scales, width, ADD, QUANT, BLOCK)


@triton.jit
def silu_mul(x, out, scales, inner, QUANT: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    cols = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    mask = cols < inner
    gate = tl.load(x + row * 2 * inner + cols, mask=mask, other=0.0).to(tl.float32)
    up = tl.load(x + row * 2 * inner + inner + cols, mask=mask, other=0.0).to(tl.float32)
    store_row(gate * tl.sigmoid(gate) * up, out, scales, row, inner, cols, mask, QUANT, BLOCK)


@triton.jit
def quantise(x, out, scales, width, QUANT: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    cols = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    mask = cols < width
    y = tl.load(x + row * width + cols, mask=mask, other=0.0).to(tl.float32)
    store_row(y, out, scales, row, width, cols, mask, QUANT, BLOCK)


@triton.jit
def rope(qkv, weight, positions, table, slots, keys, values, heads, kv_heads, NORM: tl.constexpr, WRITE: tl.constexpr,
         CAST: tl.constexpr, DIM: tl.constexpr, HEADS: tl.constexpr):
    """Rotates queries and keys (after a norm of each head: NORM); WRITE: appends keys and values to the cache too."""
    row = tl.program_id(0)
    h = tl.expand_dims(tl.program_id(1) * HEADS + tl.arange(0, HEADS), 1)
    d = tl.expand_dims(tl.arange(0, DIM // 2), 0)
    rotated = h < heads + kv_heads
    there = h < heads + 2 * kv_heads if WRITE else rotated
    base = qkv + row * (heads + 2 * kv_heads) * DIM + h * DIM + d
    a = tl.load(base, mask=there, other=0.0).to(tl.float32)
    b = tl.load(base + DIM // 2, mask=there, other=0.0).to(tl.float32)
    if NORM:
        scale = 1.0 / tl.sqrt(tl.expand_dims(tl.sum(a * a + b * b, 1), 1) / DIM + 1e-6)
        a = a * scale * tl.load(weight + d).to(tl.float32)
        b = b * scale * tl.load(weight + DIM // 2 + d).to(tl.float32)
    position = tl.load(positions + row)
    cos = tl.load(table + position * DIM + d).to(tl.float32)
    sin = tl.load(table + position * DIM + DIM // 2 + d).to(tl.float32)
    first = tl.where(rotated, a * cos - b * sin, a)
    second = tl.where(rotated, b * cos + a * sin, b)
    if WRITE:
        query = h < heads
        tl.store(base, first.to(tl.bfloat16), mask=query)
        tl.store(base + DIM // 2, second.to(tl.bfloat16), mask=query)
        slot = tl.load(slots + row)
        key = (h >= heads) & rotated
        value = (h >= heads + kv_heads) & there
        to_key = keys + slot * kv_heads * DIM + (h - heads) * DIM + d
        to_value = values + slot * kv_heads * DIM + (h - heads - kv_heads) * DIM + d
        if CAST:
            first_out = first.to(tl.float8e4nv)
            second_out = second.to(tl.float8e4nv)
        else:
            first_out = first.to(tl.bfloat16)
            second_out = second.to(tl.bfloat16)
        tl.store(to_key, first_out, mask=key)
        tl.store(to_key + DIM // 2, second_out, mask=key)
        tl.store(to_value, first_out, mask=value)
        tl.store(to_value + DIM // 2, second_out, mask=value)
    else:
        tl.store(base, first.to(tl.bfloat16), mask=rotated)
        tl.store(base + DIM // 2, second.to(tl.bfloat16), mask=rotated)


@triton.jit
def kv_write(kv, slots, keys, values, width, stride, CAST: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    cols = tl.arange(0, BLOCK)
    mask = cols < width
    slot = tl.load(slots + row)
    k = tl.load(kv + row * stride + cols, mask=mask)
    v = tl.load(kv + row * stride + width + cols, mask=mask)
    if CAST:
        k = k.to(tl.float8e4nv)
        v = v.to(tl.float8e4nv)
    tl.store(keys + slot * width + cols, k, mask=mask)
    tl.store(values + slot * width + cols, v, mask=mask)


@triton.jit
def embedding(ids, table, out, width, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    cols = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    mask = cols < width
    tl.store(out + row * width + cols, tl.load(table + tl.load(ids + row) * width + cols, mask=mask), mask=mask)


@triton.jit
def add(x, y, width, BLOCK: tl.constexpr):
    at = tl.program_id(0) * width + tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    mask = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK) < width
    tl.store(y + at, tl.load(x + at, mask=mask) + tl.load(y + at, mask=mask), mask=mask)


@triton.jit
def top_k(logits, bias, weights, ids, experts, CHOSEN: tl.constexpr, GROUPS: tl.constexpr, BLOCK: tl.constexpr):
    """GROUPS 0: softmax and the best. Else DeepSeek-V3's: sigmoid, the 4 best of GROUPS groups, the best in those."""
    row = tl.program_id(0)
    cols = tl.arange(0, BLOCK)
    x = tl.load(logits + row * experts + cols, mask=cols < experts, other=-1e30).to(tl.float32)
    if GROUPS == 0:
        e = tl.exp(x - tl.max(x, 0))
        score = e / tl.sum(e, 0)
        rank = score
    else:
        score = tl.sigmoid(x)
        rank = score + tl.load(bias + cols)
        grouped = tl.reshape(rank, (GROUPS, BLOCK // GROUPS))
        best = tl.max(grouped, 1)
        second = tl.max(tl.where(grouped == tl.expand_dims(best, 1), -1e30, grouped), 1)
        strength = best + second
        of_groups = tl.arange(0, GROUPS)
        taken = tl.zeros((GROUPS,), dtype=tl.int32)
        for _ in tl.static_range(4):
            g = tl.argmax(strength, 0)
            taken = tl.where(of_groups == g, 1, taken)
            strength = tl.where(of_groups == g, -1e30, strength)
        rank = tl.reshape(tl.where(tl.expand_dims(taken, 1) > 0, grouped, -1e30), (BLOCK,))
    for k in tl.static_range(CHOSEN):
        i = tl.argmax(rank, 0)
        w = tl.sum(tl.where(cols == i, score, 0.0), 0)
        tl.store(weights + row * CHOSEN + k, w)
        tl.store(ids + row * CHOSEN + k, i)
        rank = tl.where(cols == i, -1e30, rank)


@triton.jit
def combine(x, weights, out, width, CHOSEN: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    cols = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    mask = cols < width
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for k in tl.static_range(CHOSEN):
        w = tl.load(weights + row * CHOSEN + k)
        total += w * tl.load(x + (row * CHOSEN + k) * width + cols, mask=mask, other=0.0).to(tl.float32)
    tl.store(out + row * width + cols, total.to(tl.bfloat16), mask=mask)


def block_of(width):
    """Block and warps of a kernel that takes a row at once."""
    block = triton.next_power_of_2(width)
    return {"BLOCK": block, "num_warps": max(1, min(16, block // 512))}


def run_norm(x, residual, weight, out, scales, quant=PLAIN, add_first=True, early=False):
    kernel, more = (norm_early, {"launch_pdl": True}) if early else (norm, {})
    kernel[(x.shape[0],)](x, residual, weight, out, scales, x.shape[1], ADD=add_first, QUANT=quant,
                          **block_of(x.shape[1]), **more)


def run_silu(x, out, scales, quant=PLAIN):
    inner = x.shape[1] // 2
    silu_mul[(x.shape[0], triton.cdiv(inner, 1024))](x, out, scales, inner, QUANT=quant, BLOCK=1024, num_warps=4)


def run_quantise(x, out, scales, quant):
    shape = block_of(x.shape[1]) if quant == TOKEN else {"BLOCK": 1024, "num_warps": 4}
    quantise[(x.shape[0], triton.cdiv(x.shape[1], shape["BLOCK"]))](x, out, scales, x.shape[1], QUANT=quant, **shape)


def run_rope(qkv, weight, positions, table, slots, keys, values, heads, kv_heads, norm_first=False, write=False):
    wide = heads + kv_heads * (2 if write else 1)
    rope[(qkv.shape[0], triton.cdiv(wide, 8))](qkv, weight, positions, table, slots, keys, values, heads, kv_heads,
                                               NORM=norm_first, WRITE=write, CAST=keys.dtype == FP8, DIM=128, HEADS=8,
                                               num_warps=4)


def run_kv_write(kv, slots, keys, values, width, offset):
    kv_write[(kv.shape[0],)](kv[:, offset:], slots, keys, values, width, kv.stride(0), CAST=keys.dtype == FP8,
                             **block_of(width))
