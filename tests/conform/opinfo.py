#!/usr/bin/env python3
"""Runs frozen samples of PyTorch's OpInfo table against tensor.h, forward and backward; strided inputs as strided.

usage: tests/conform/opinfo.py DIR [--lib build/libtensor.so] [--only OP] [--most N] [--gradcheck]

DIR holds NAME[@VARIANT].json and .safetensors pairs (its README.md has the format). Every sample whose op has no entry in the
table below fails: nothing is skipped. --gradcheck compares, instead, the first and second derivatives of every sample that has
a gradient with differences (DIR then holds float64 samples). Needs numpy and cffi, and a C compiler to read the header's public part. The last line
is "N passed, N failed".
"""
import argparse
import glob
import json
import math
import os
import re
import subprocess
import sys

import numpy as np
from cffi import FFI

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
F32_MAX = float(np.finfo(np.float32).max)

# assert_close's tolerances (rtol, atol) by dtype, and op_db's own overrides for float32 on the CPU.
TOLERANCE = {"F16": (1e-3, 1e-5), "BF16": (1.6e-2, 1e-5), "F32": (1.3e-6, 1e-5), "F64": (1e-7, 1e-7)}
OVERRIDE = {"nn.functional.scaled_dot_product_attention": (5e-6, 5e-5)}
NUMPY = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": np.uint16, "I64": np.int64, "I32": np.int32, "I16": np.int16, "I8": np.int8, "U8": np.uint8, "BOOL": np.bool_}
DTYPE = {"float32": "TN_F32", "float64": "TN_F64", "float16": "TN_F16", "bfloat16": "TN_BF16", "int64": "TN_I64", "int32": "TN_I32", "int16": "TN_I16",
         "int8": "TN_I8", "uint8": "TN_U8", "bool": "TN_BOOL"}
TAGS = ["", "BOOL", "U8", "I8", "I16", "I32", "I64", "F16", "BF16", "F32", "F64"]


def load_header(path):
    """The public part of tensor.h as cffi takes it."""
    text = subprocess.run([os.environ.get("CC", "cc"), "-E", "-x", "c", path], check=True, capture_output=True, text=True).stdout
    ours, keep = [], False
    for line in text.split("\n"):
        marker = re.match(r'# \d+ "([^"]*)"', line)
        if marker:
            keep = marker.group(1).endswith("tensor.h")
        elif keep:
            ours.append(line)
    text = re.sub(r"__attribute__\s*\(\((?:[^()]|\([^()]*(?:\([^()]*\)[^()]*)*\))*\)\)", "", "\n".join(ours))
    text = re.sub(r"\b_Bool\b", "bool", text)
    text = re.sub(r"static inline [^{;]*\{[^{}]*\}", "", text)  # what the macros call
    ffi = FFI()
    ffi.cdef(text)
    return ffi


class Tensor:
    """A tensor.h handle with what the sample said of it."""

    def __init__(self, handle, grad):
        self.handle, self.grad = handle, grad


class Failure(Exception):
    pass


class Mismatch(Failure):
    """Floating values that differ by more than the tolerance."""


class Runner:
    def __init__(self, lib):
        self.ffi = load_header(os.path.join(ROOT, "tensor.h"))
        self.lib = self.ffi.dlopen(lib)
        self.null = self.ffi.NULL
        self.keep, self.wide, self.tied, self.substitute = [], False, False, None
        self.lib.tn_set_log(self.null, self.null)

    # --- values in and out

    def new(self, kind, *init):
        value = self.ffi.new(kind, *init)
        self.keep.append(value)
        return value

    def opts(self, kind, **fields):
        return self.new(kind + " *", {k: v for k, v in fields.items() if v is not None})

    def i64s(self, values):
        return self.new("int64_t[]", list(values))

    def ints(self, values):
        return self.new("int[]", list(values))

    def list(self, values):
        return self.new("tn_tensor *[]", list(values)), len(values)

    def check(self, handle):
        if handle == self.null:
            raise Failure("error: " + self.ffi.string(self.lib.tn_error()).decode())
        return handle

    def dtype(self, name):
        return getattr(self.lib, DTYPE["float64" if self.wide and "float" in name else name]) if name else 0

    def from_array(self, tag, array, stride=None):
        """A tensor of array's values with that layout: a view of a flat one where the layout is not contiguous."""
        shape = list(array.shape)
        o = self.opts("tn_tensor_opts", dtype=getattr(self.lib, "TN_" + tag))
        if stride is None or array.size == 0 or all(s == c or n == 1 for s, c, n in zip(stride, contiguous(shape), shape)):
            data = np.ascontiguousarray(array)
            self.keep.append(data)
            return self.check(self.lib.tn_from(self.ffi.cast("void *", data.ctypes.data), self.i64s(shape), len(shape), o))
        flat = np.zeros(1 + sum((n - 1) * s for n, s in zip(shape, stride)), array.dtype)
        view = np.lib.stride_tricks.as_strided(flat, shape, [s * flat.itemsize for s in stride])
        view[...] = array
        self.keep.append(flat)
        base = self.check(self.lib.tn_from(self.ffi.cast("void *", flat.ctypes.data), self.i64s([flat.size]), 1, o))
        return self.check(self.lib.tn_as_strided(base, self.i64s(shape), self.i64s(stride), len(shape), 0))

    def to_array(self, handle):
        L = self.lib
        n = L.tn_ndim(handle)
        shape, stride = [L.tn_size(handle, d) for d in range(n)], [L.tn_stride(handle, d) for d in range(n)]
        tag = TAGS[L.tn_get_dtype(handle)]
        kind = NUMPY.get(tag, np.uint16)
        if 0 in shape:
            return tag, np.zeros(shape, kind)
        span = 1 + sum((s - 1) * k for s, k in zip(shape, stride))
        raw = self.ffi.buffer(L.tn_data(handle), span * np.dtype(kind).itemsize)
        return tag, np.lib.stride_tricks.as_strided(np.frombuffer(raw, kind), shape, [k * np.dtype(kind).itemsize for k in stride]).copy()

    def number(self, v):
        """An operand that is a number."""
        if isinstance(v, Tensor):
            return v.handle
        if v is None:
            return self.null
        if isinstance(v, bool):
            return self.lib.tn_arg_b(v)
        return self.lib.tn_arg_i(v) if isinstance(v, int) else self.lib.tn_arg_f(v)

    def h(self, v):
        return v.handle if v is not None else self.null

    # --- one sample

    def decode(self, v, tensors, made):
        if isinstance(v, list):
            return [self.decode(x, tensors, made) for x in v]
        if not isinstance(v, dict):
            return v
        if "t" in v:
            if self.substitute is not None and v.get("grad"):
                return Tensor(next(self.substitute), True)
            tag, array = self.widened(tensors[v["t"]])
            handle = self.from_array(tag, array, v["stride"])
            if v.get("grad"):
                self.check(self.lib.tn_requires_grad_(handle, True))
            t = Tensor(handle, bool(v.get("grad")))
            made.append(t)
            return t
        if "float" in v:
            return float(v["float"])
        if "dtype" in v:
            return v["dtype"]
        if "tuple" in v:
            return tuple(self.decode(x, tensors, made) for x in v["tuple"])
        if "slice" in v:
            return slice(*v["slice"])
        if "ellipsis" in v:
            return Ellipsis
        raise Failure(f"unknown value {v}")

    def compute(self, key, sample, tensors):
        """The results and the gradients as [what, handle, expected key, expected stride]; a handle may be None for a gradient."""
        lib, made = self.lib, []
        lib.tn_error_clear()
        x = self.decode(sample["input"], tensors, made)
        args = [self.decode(a, tensors, made) for a in sample["args"]]
        kwargs = {k: self.decode(v, tensors, made) for k, v in sample["kwargs"].items()}
        kwargs.pop("device", None)
        lib.tn_manual_seed(42)
        out = OPS[key](self, x, *args, **kwargs)
        out = [self.check(t) for t in (out if isinstance(out, list) else [out])]
        if len(out) != len(sample["out"]):
            raise Failure(f"{len(out)} results, not {len(sample['out'])}")
        got = [[f"result {i}", t, want["t"], want["stride"]] for i, (t, want) in enumerate(zip(out, sample["out"]))]
        if not sample.get("cotangents"):
            return got
        leaves = [t for t in made if t.grad]
        roots, fed = zip(*[(out[i], self.from_array(*self.widened(tensors[c["t"]]), c["stride"])) for i, c in sample["cotangents"]])
        if not any(lib.tn_requires_grad(r) for r in roots):
            if any(g is not None for g in sample["grads"]):
                raise Failure("the result does not require grad")
            return got
        grads = lib.tn_autograd_grad(*self.list(roots), *self.list([t.handle for t in leaves]), self.list(fed)[0], self.opts("tn_grad_opts", allow_unused=True))
        if grads.at == self.null:
            raise Failure("backward: " + self.ffi.string(lib.tn_error()).decode())
        for i, want in enumerate(sample["grads"]):
            handle = grads.at[i] if grads.at[i] != self.null else None
            got.append([f"gradient {i}", handle, want["t"] if want else None, want["stride"] if want else None])
        return got

    def gradcheck(self, key, sample, tensors, order):
        """tn_gradcheck of every differentiable output, at the sample's inputs laid out contiguous."""
        lib, failure = self.lib, []
        made = []
        for v in [sample["input"], *sample["args"], *sample["kwargs"].values()]:
            self.decode(self.flattened(v), tensors, made)
        leaves = [t.handle for t in made if t.grad]

        def call(user, inputs, n):
            fresh = iter([inputs[i] for i in range(n)])
            self.substitute = fresh
            try:
                got = self.compute(key, dict(sample, cotangents=None), tensors)
                return got[index][1]
            except Exception as e:  # must not leave a C frame
                failure.append(str(e))
                return self.null
            finally:
                self.substitute = None
        callback = self.ffi.callback("tn_checkpoint_fn", call)
        for index, _ in sample["cotangents"]:
            for eps in (1e-6, 1e-5):  # the wider step for values so large that the narrow one drowns in their rounding
                o = self.opts("tn_gradcheck_opts", eps=eps, atol=1e-6, rtol=1e-5, second_order=order == 2)
                if lib.tn_gradcheck(callback, self.null, *self.list(leaves), o) == lib.TN_OK:
                    break
            else:
                raise Failure(f"result {index}: " + (failure[0] if failure else self.ffi.string(lib.tn_error()).decode()))

    def flattened(self, v):
        """The value with every tensor contiguous."""
        if isinstance(v, list):
            return [self.flattened(x) for x in v]
        if isinstance(v, dict):
            return dict(v, stride=None) if "t" in v else {"tuple": self.flattened(v["tuple"])} if "tuple" in v else v
        return v

    def key(self, name, variant, release):
        key = next((k for k in (f"{name}@{variant}", f"{name}@{release}") if k in OPS), name)
        if key not in OPS:
            raise Failure("no such op in this runner")
        return key

    def run(self, name, variant, release, sample, tensors):
        """Raises Failure unless all is equal; true if the referee had to say so."""
        key = self.key(name, variant, release)
        wrong, self.tied = None, False
        got = self.compute(key, sample, tensors)
        for what, t, want, stride in got:
            if name.startswith("empty"):
                self.compare_layout(t, tensors[want], stride)
            elif self.tied and what.startswith("gradient"):
                continue  # it went to another of the equal places
            elif t is None or want is None:  # PyTorch's None is our zero, and the reverse
                if (t is not None and np.any(floats(*self.to_array(t)))) or (want is not None and np.any(floats(*tensors[want]))):
                    raise Failure(f"{what}: one of the two has none")
            else:
                try:
                    self.compare(what, key, t, tensors[want], sample, tensors)
                except Mismatch as e:
                    wrong = wrong or e
        if wrong:
            self.referee(key, sample, tensors, [(self.to_array(t), tensors[want]) for _, t, want, _ in got if t is not None and want is not None], wrong)
        return wrong is not None

    def referee(self, key, sample, tensors, pairs, wrong):
        """Where narrow floats differ: computed in float64, tensor.h's error may be at most twice PyTorch's."""
        self.wide = True
        try:
            exact = [self.to_array(t)[1] for _, t, want, _ in self.compute(key, sample, tensors) if t is not None and want is not None]
        except Failure:
            raise wrong
        finally:
            self.wide = False
        for ((tag, ours), (_, theirs)), e in zip(pairs, exact):
            if e.dtype != np.float64 or tag not in TOLERANCE or e.size == 0:
                continue
            ours, theirs = np.abs(floats(tag, ours) - e), np.abs(floats(tag, theirs) - e)
            sane = np.max(theirs) <= min(100 * TOLERANCE[tag][0], 0.1) * np.max(np.abs(e)) + 1e-3  # rounding, not another result
            exact_half = tag != "F32" and np.all(ours <= TOLERANCE[tag][1] + TOLERANCE[tag][0] * np.abs(e))  # PyTorch's halves are the coarser ones
            if not exact_half and not (sane and np.max(ours) <= 2 * np.max(theirs) + 1e-12):
                raise wrong

    def widened(self, tensor):
        tag, array = tensor
        return ("F64", floats(tag, array)) if self.wide and tag in ("F32", "F16", "BF16") else tensor

    def compare_layout(self, t, want, stride):
        tag, array = self.to_array(t)
        if tag != want[0] or array.shape != want[1].shape:
            raise Failure(f"{tag}{list(array.shape)}, not {want[0]}{list(want[1].shape)}")
        got = [self.lib.tn_stride(t, d) for d in range(array.ndim)]
        if array.size and any(a != b for a, b, n in zip(got, stride, array.shape) if n > 1):
            raise Failure(f"strides {got}, not {stride}")

    def compare(self, what, key, t, want, sample=None, tensors=None):
        tag, a = self.to_array(t)
        wtag, b = want
        if what == ("result 0" if key == "argsort" else "result 1") and key in ("topk", "sort", "argsort") and tag == wtag == "I64" and a.shape == b.shape and not sample["kwargs"].get("stable"):
            dim = sample["kwargs"].get("dim", sample["args"][key == "topk"] if len(sample["args"]) > (key == "topk") else -1)
            values = floats(*tensors[sample["input"]["t"]])
            if values.ndim and a.size:  # places of equal values may be in any order, but each place stands once
                once = all(len(set(line)) == len(line) for line in np.moveaxis(a, dim, -1).reshape(-1, a.shape[dim]).tolist())
                self.tied = once and bool(np.any(a != b))
                a, b = (np.take_along_axis(values, i, dim) for i in (a, b)) if once else (a, b)
                a, b = np.nan_to_num(a, nan=np.inf), np.nan_to_num(b, nan=np.inf)
        if tag != wtag:
            raise Failure(f"{what}: dtype {tag}, not {wtag}")
        if a.shape != b.shape:
            raise Failure(f"{what}: shape {list(a.shape)}, not {list(b.shape)}")
        if tag not in TOLERANCE:
            bad = a != b
        else:
            rtol, atol = TOLERANCE[tag]
            if tag == "F32" and key in OVERRIDE:
                rtol, atol = OVERRIDE[key]
            x, y = floats(tag, a), floats(tag, b)
            with np.errstate(invalid="ignore"):
                bad = ~((x == y) | (np.isnan(x) & np.isnan(y)) | (np.isfinite(y) & (np.abs(x - y) <= atol + rtol * np.abs(y))))
        if np.any(bad):
            at = tuple(int(i[0]) for i in np.nonzero(bad)) if bad.ndim else ()
            raise (Mismatch if tag in TOLERANCE else Failure)(f"{what}: {int(np.sum(bad))} of {a.size} differ, first at {list(at)}: {shown(tag, a)[at]}, not {shown(tag, b)[at]}")


def shown(tag, array):
    return floats(tag, array) if tag == "BF16" else array


def floats(tag, array):
    """float64 values; bf16 comes as its bits."""
    return (array.astype(np.uint32) << 16).view(np.float32).astype(np.float64) if tag == "BF16" else array.astype(np.float64)


def contiguous(shape):
    out, step = [], 1
    for n in reversed(shape):
        out.insert(0, step)
        step *= max(n, 1)
    return out


def load_safetensors(path):
    with open(path, "rb") as f:
        data = f.read()
    n = int.from_bytes(data[:8], "little")
    out = {}
    for key, v in json.loads(data[8:8 + n]).items():
        if key != "__metadata__":
            a, b = v["data_offsets"]
            out[key] = v["dtype"], np.frombuffer(data[8 + n + a:8 + n + b], NUMPY[v["dtype"]]).reshape(v["shape"])
    return out


# --- PyTorch's calls as tensor.h's: OPS[name](runner, input, *args, **kwargs)

OPS = {}


def op(*names):
    def register(fn):
        for name in names:
            OPS[name] = fn
        return fn
    return register


def seq(v):
    return list(v) if isinstance(v, (list, tuple)) else [v]


def plain(*names):
    """Functions of tensors, and of numbers in a tensor's place."""
    for name in names:
        OPS[name] = lambda r, x, *a, f="tn_" + name.split(".")[-1]: getattr(r.lib, f)(r.h(x), *[r.number(v) for v in a])


plain("abs", "atan2", "bmm", "ceil", "clone", "contiguous", "cos", "dot", "eq", "erf", "exp", "expm1", "floor", "ge", "gt", "isfinite", "isinf", "isnan", "le",
      "lerp", "log", "log1p", "log2", "logical_and", "logical_not", "logical_or", "logical_xor", "lt", "masked_fill", "masked_select", "matmul", "maximum", "minimum",
      "mm", "mul", "mv", "ne", "neg", "outer", "pow", "reciprocal", "remainder", "rsqrt", "sigmoid", "sign", "sin", "sqrt", "square", "t", "tan", "tanh", "trunc",
      "nn.functional.hardsigmoid", "nn.functional.hardswish", "nn.functional.logsigmoid", "nn.functional.mish", "nn.functional.relu", "nn.functional.relu6",
      "nn.functional.selu", "nn.functional.silu", "acos", "nn.functional.linear")
OPS["nn.functional.linear"] = lambda r, x, w, b=None: r.lib.tn_linear(x.handle, w.handle, r.h(b))
OPS["max@binary"], OPS["min@binary"] = OPS["maximum"], OPS["minimum"]
OPS["max@reduction_no_dim"] = lambda r, x: r.lib.tn_max(x.handle)
OPS["min@reduction_no_dim"] = lambda r, x: r.lib.tn_min(x.handle)
OPS["where"] = lambda r, x, c, y: r.lib.tn_where(c.handle, x.handle, r.number(y))


def pair(result):
    return [result.values, result.indices]


OPS["max@reduction_with_dim"] = lambda r, x, dim, keepdim=False: pair(r.lib.tn_max_dim(x.handle, dim, keepdim))
OPS["min@reduction_with_dim"] = lambda r, x, dim, keepdim=False: pair(r.lib.tn_min_dim(x.handle, dim, keepdim))
OPS["add"] = lambda r, x, y, alpha=1: r.lib.tn_add_alpha(x.handle, r.number(y), alpha)
OPS["sub"] = lambda r, x, y, alpha=1: r.lib.tn_sub_alpha(x.handle, r.number(y), alpha)
OPS["addcdiv"] = lambda r, x, a, b, value=1: r.lib.tn_addcdiv(x.handle, a.handle, b.handle, value)
OPS["addcmul"] = lambda r, x, a, b, value=1: r.lib.tn_addcmul(x.handle, a.handle, b.handle, value)
OPS["addmm"] = lambda r, x, a, b, alpha=1, beta=1: r.lib.tn_addmm(x.handle, a.handle, b.handle, beta, alpha)
OPS["baddbmm"] = lambda r, x, a, b, alpha=1, beta=1: r.lib.tn_baddbmm(x.handle, a.handle, b.handle, beta, alpha)
OPS["div"] = lambda r, x, y, rounding_mode=None: r.lib.tn_div_rounded(x.handle, r.number(y), {None: 0, "trunc": 1, "floor": 2}[rounding_mode])
OPS["round"] = lambda r, x, decimals=None: r.lib.tn_round(x.handle) if decimals is None else r.lib.tn_round_decimals(x.handle, decimals)
OPS["clamp"] = lambda r, x, lo=None, hi=None: r.lib.tn_clamp(x.handle, r.number(lo), r.number(hi))
OPS["fill"] = lambda r, x, value: r.lib.tn_fill(x.handle, r.number(value))
OPS["nn.functional.elu"] = lambda r, x, alpha=1.0: r.lib.tn_elu(x.handle, alpha)
OPS["nn.functional.leaky_relu"] = lambda r, x, slope=0.01: r.lib.tn_leaky_relu(x.handle, slope)
OPS["nn.functional.gelu"] = lambda r, x, approximate="none": r.lib.tn_gelu(x.handle, {"none": 0, "tanh": 1}[approximate])
OPS["nn.functional.glu"] = lambda r, x, dim=-1: r.lib.tn_glu(x.handle, dim)
OPS["nn.functional.hardtanh"] = lambda r, x, min_val=-1.0, max_val=1.0: r.lib.tn_hardtanh(x.handle, min_val, max_val)
OPS["nn.functional.softplus"] = lambda r, x, beta=1, threshold=20: r.lib.tn_softplus(x.handle, beta, threshold)
OPS["nn.functional.dropout"] = lambda r, x, p=0.5, training=True: r.lib.tn_dropout(x.handle, p, training)
OPS["nn.functional.dropout2d"] = lambda r, x, p=0.5, training=True: r.lib.tn_dropout2d(x.handle, p, training)
OPS["nn.functional.prelu"] = lambda r, x, weight: r.lib.tn_prelu(x.handle, weight.handle)


# Reductions.
def reduce_opts(r, dim=None, keepdim=False, dtype=None):
    dims = seq(dim) if dim is not None else []
    if isinstance(dim, int):
        return r.opts("tn_reduce_opts", dim=dim, has_dim=True, keepdim=keepdim, dtype=r.dtype(dtype))
    return r.opts("tn_reduce_opts", dims=dims, n_dims=len(dims), keepdim=keepdim, dtype=r.dtype(dtype))


for name in ("sum", "mean", "prod", "amax", "amin", "any", "all", "count_nonzero", "argmax", "argmin", "logsumexp"):
    OPS[name] = lambda r, x, dim=None, keepdim=False, f="tn_" + name, **kw: getattr(r.lib, f)(x.handle, reduce_opts(r, dim, keepdim, **kw))
OPS["linalg.vector_norm"] = lambda r, x, ord=2, dim=None, keepdim=False: r.lib.tn_linalg_vector_norm(x.handle, ord, reduce_opts(r, dim, keepdim))


def var_opts(r, dim=None, unbiased=None, keepdim=False, correction=None):
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if correction is None:
        correction = 1 if unbiased is None or unbiased else 0
    dims = seq(dim) if dim is not None else []
    return r.opts("tn_var_opts", dims=dims, n_dims=len(dims), keepdim=keepdim, correction=correction if correction else 1e-300)


OPS["var"] = lambda r, x, *a, **k: r.lib.tn_var(x.handle, var_opts(r, *a, **k))
OPS["std"] = lambda r, x, *a, **k: r.lib.tn_std(x.handle, var_opts(r, *a, **k))


@op("var_mean")
def _(r, x, *a, **k):
    got = r.lib.tn_var_mean(x.handle, var_opts(r, *a, **k))
    return [got.var, got.mean]


OPS["cumsum"] = lambda r, x, dim, dtype=None: r.lib.tn_cumsum(x.handle, dim, r.dtype(dtype))
OPS["softmax"] = lambda r, x, dim, dtype=None: r.lib.tn_softmax(x.handle, dim, r.dtype(dtype))
OPS["log_softmax"] = lambda r, x, dim, dtype=None: r.lib.tn_log_softmax(x.handle, dim, r.dtype(dtype))


# Creation and draws.
def make_opts(r, dtype=None, requires_grad=False, **_):
    return r.opts("tn_tensor_opts", dtype=r.dtype(dtype), requires_grad=requires_grad)


for name in ("empty", "zeros", "ones", "randn"):
    OPS[name] = lambda r, size, f="tn_" + name, **k: getattr(r.lib, f)(r.i64s(size), len(size), make_opts(r, **k))
for name in ("empty_like", "zeros_like", "ones_like", "randn_like"):
    OPS[name] = lambda r, x, f="tn_" + name, **k: getattr(r.lib, f)(x.handle, make_opts(r, **k))
OPS["rand_like"] = lambda r, x, **k: r.lib.tn_rand_like(x.handle, make_opts(r, **k))
OPS["rand_like@2.14"] = OPS["randn_like"]  # op_db called randn_like there
OPS["full"] = lambda r, size, v, **k: r.lib.tn_full(r.i64s(size), len(size), v, make_opts(r, **k))
OPS["full_like"] = lambda r, x, v, **k: r.lib.tn_full_like(x.handle, v, make_opts(r, **k))
OPS["eye"] = lambda r, n, m=-1, **k: r.lib.tn_eye(n, m, make_opts(r, **k))


@op("arange")
def _(r, start, end=None, step=1, **k):
    start, end = (0, start) if end is None else (start, end)
    whole = all(isinstance(v, int) for v in (start, end, step))
    k.setdefault("dtype", "int64" if whole else "float32")
    return r.lib.tn_arange(start, end, step, make_opts(r, **k))


@op("linspace")
def _(r, start, end, steps, **k):
    value = lambda v: r.lib.tn_item(v.handle) if isinstance(v, Tensor) else v
    return r.lib.tn_linspace(value(start), value(end), steps, make_opts(r, **k))


@op("randint")
def _(r, high, *a, **k):
    low, high, size = (high, a[0], a[1]) if len(a) == 2 else (0, high, a[0])
    k.setdefault("dtype", "int64")
    return r.lib.tn_randint(low, high, r.i64s(size), len(size), make_opts(r, **k))


@op("normal")
def _(r, mean, std=1.0, size=None, **k):
    if size is not None:
        out = r.lib.tn_empty(r.i64s(size), len(size), make_opts(r, **k))
        return r.lib.tn_normal_(out, mean, std, r.null)
    return r.lib.tn_normal(r.number(mean), r.number(std), r.null)


OPS["normal@number_mean"] = lambda r, std, mean, *a, **k: OPS["normal"](r, mean, std, *a, **k)  # op_db calls it so
OPS["normal@in_place"] = lambda r, x, mean=0, std=1: r.lib.tn_normal_(x.handle, mean, std, r.null)
OPS["uniform"] = lambda r, x, low=0, high=1: r.lib.tn_uniform_(x.handle, low, high, r.null)
OPS["bernoulli"] = lambda r, x: r.lib.tn_bernoulli(x.handle, r.null)
OPS["multinomial"] = lambda r, x, n, replacement=False: r.lib.tn_multinomial(x.handle, n, replacement, r.null)


# Shape.
for name in ("broadcast_to", "expand", "reshape", "view", "repeat"):
    OPS[name] = lambda r, x, size, f="tn_" + name: getattr(r.lib, f)(x.handle, r.i64s(size), len(size))
for name in ("permute", "flip"):
    OPS[name] = lambda r, x, dims, f="tn_" + name: getattr(r.lib, f)(x.handle, r.ints(dims), len(dims))
OPS["flip"] = lambda r, x, dims: r.lib.tn_flip(x.handle, r.ints(dims), len(dims))
OPS["cat"] = lambda r, x, dim=0: r.lib.tn_cat(*r.list([t.handle for t in x]), dim)
OPS["stack"] = lambda r, x, dim=0: r.lib.tn_stack(*r.list([t.handle for t in x]), dim)
OPS["flatten"] = lambda r, x, start_dim=0, end_dim=-1: r.lib.tn_flatten(x.handle, start_dim, end_dim)
OPS["unflatten"] = lambda r, x, dim, sizes: r.lib.tn_unflatten(x.handle, dim, r.i64s(sizes), len(sizes))
OPS["squeeze"] = lambda r, x, dim=None: r.lib.tn_squeeze(x.handle) if dim is None else r.lib.tn_squeeze_dims(x.handle, r.ints(seq(dim)), len(seq(dim)))
OPS["unsqueeze"] = lambda r, x, dim: r.lib.tn_unsqueeze(x.handle, dim)
OPS["transpose"] = lambda r, x, a, b: r.lib.tn_transpose(x.handle, a, b)
OPS["movedim"] = lambda r, x, a, b: r.lib.tn_movedim(x.handle, r.ints(seq(a)), r.ints(seq(b)), len(seq(a)))
OPS["select"] = lambda r, x, dim, index: r.lib.tn_select(x.handle, dim, index)
OPS["tril"] = lambda r, x, d=0: r.lib.tn_tril(x.handle, d)
OPS["triu"] = lambda r, x, d=0: r.lib.tn_triu(x.handle, d)
OPS["unfold"] = lambda r, x, dim, size, step: r.lib.tn_unfold_dim(x.handle, dim, size, step)


@op("narrow")
def _(r, x, dim, start, length):
    if isinstance(start, Tensor):
        start = r.lib.tn_item_i64(start.handle)
    return r.lib.tn_narrow(x.handle, dim, start, length)


@op("slice")
def _(r, x, dim=0, start=None, end=None, step=1):
    return r.lib.tn_slice(x.handle, dim, 0 if start is None else start, 2**62 if end is None else end, step)


def several(r, got):
    if got.at == r.null:
        return [r.null]
    return [got.at[i] for i in range(got.n)]


OPS["chunk"] = lambda r, x, n, dim=0: several(r, r.lib.tn_chunk(x.handle, n, dim))
OPS["unbind"] = lambda r, x, dim=0: several(r, r.lib.tn_unbind(x.handle, dim))


@op("split")
def _(r, x, size, dim=0):
    if isinstance(size, int):
        return several(r, r.lib.tn_split(x.handle, size, dim))
    return several(r, r.lib.tn_split_sizes(x.handle, r.i64s(size), len(size), dim))


@op("repeat_interleave")
def _(r, x, repeats, dim=-100, output_size=None):
    dim = -100 if dim is None else dim
    if isinstance(repeats, Tensor):
        return r.lib.tn_repeat_interleave_t(x.handle, repeats.handle, dim)
    return r.lib.tn_repeat_interleave(x.handle, repeats, dim)


@op("roll")
def _(r, x, shifts, dims=()):
    return r.lib.tn_roll(x.handle, r.i64s(seq(shifts)), r.ints(seq(dims)), len(seq(dims)))


@op("nn.functional.pad")
def _(r, x, pads, mode="constant", value=None):
    o = r.opts("tn_pad_opts", mode={"constant": 0, "reflect": 1, "replicate": 2, "circular": 3}[mode], value=value or 0)
    return r.lib.tn_pad(x.handle, r.i64s(pads), len(pads), o)


# Indexing and order.
def index_item(r, v):
    if isinstance(v, Tensor):
        return {"kind": r.lib.TN_INDEX_TENSOR, "tensor": v.handle}
    if isinstance(v, slice):
        return {"kind": r.lib.TN_INDEX_SLICE, "start": v.start or 0, "has_start": v.start is not None, "stop": v.stop or 0, "has_stop": v.stop is not None, "step": v.step or 0}
    if v is None:
        return {"kind": r.lib.TN_INDEX_NONE}
    if v is Ellipsis:
        return {"kind": r.lib.TN_INDEX_ELLIPSIS}
    if isinstance(v, list) or isinstance(v, bool):
        array = np.array(v)
        return {"kind": r.lib.TN_INDEX_TENSOR, "tensor": r.from_array("BOOL" if array.dtype == bool else "I64", array)}
    return {"kind": r.lib.TN_INDEX_INT, "start": v}


@op("__getitem__")
def _(r, x, item):
    items = [index_item(r, v) for v in (item if isinstance(item, tuple) else [item])]
    return r.lib.tn_getitem(x.handle, r.new("tn_index_item[]", items), len(items))


@op("index_put")
def _(r, x, indices, values, accumulate=False):
    return r.lib.tn_index_put(x.handle, *r.list([r.h(t) for t in indices]), values.handle, accumulate)


KIND = {"sum": 0, "prod": 1, "mean": 2, "amax": 3, "amin": 4, "max": 3, "min": 4}
OPS["gather"] = lambda r, x, dim, index: r.lib.tn_gather(x.handle, dim, index.handle)
OPS["index_select"] = lambda r, x, dim, index: r.lib.tn_index_select(x.handle, dim, index.handle)
OPS["index_add"] = lambda r, x, dim, index, source, alpha=1: r.lib.tn_index_add(x.handle, dim, index.handle, source.handle, alpha)
@op("scatter")
def _(r, x, dim, index, src, reduce=None):
    if reduce is None:
        return r.lib.tn_scatter(x.handle, dim, index.handle, r.number(src))
    if not isinstance(src, Tensor):  # a number is what scatter puts into a tensor like index
        like = r.lib.tn_expand(r.lib.tn_scalar(src, r.opts("tn_tensor_opts", dtype=r.lib.tn_get_dtype(x.handle))), r.lib.tn_shape(index.handle), r.lib.tn_ndim(index.handle))
        src = Tensor(r.check(like), False)
    return r.lib.tn_scatter_reduce(x.handle, dim, index.handle, src.handle, {"add": 0, "multiply": 1}[reduce], False)


OPS["scatter_add"] = lambda r, x, dim, index, src: r.lib.tn_scatter_add(x.handle, dim, index.handle, src.handle)
OPS["scatter_reduce"] = lambda r, x, dim, index, src, reduce, include_self=True: r.lib.tn_scatter_reduce(x.handle, dim, index.handle, src.handle, KIND[reduce], not include_self)
@op("nonzero")
def _(r, x, as_tuple=False):
    if as_tuple and r.lib.tn_ndim(x.handle) == 0:
        return r.lib.tn_select(r.lib.tn_nonzero(r.lib.tn_unsqueeze(x.handle, 0)), 1, 0)
    got = r.lib.tn_nonzero(x.handle)
    return several(r, r.lib.tn_unbind(got, 1)) if as_tuple and got != r.null else got



@op("_segment_reduce")
def _(r, x, reduce, axis=0, unsafe=False, initial=None, lengths=None, offsets=None):
    o = r.opts("tn_segment_reduce_opts", lengths=r.h(lengths), offsets=r.h(offsets), axis=axis, unsafe=unsafe, initial=initial or 0, has_initial=initial is not None)
    return r.lib.tn_segment_reduce(x.handle, KIND[reduce], o)


OPS["nn.functional.embedding"] = lambda r, weight, x: r.lib.tn_embedding(x.handle, weight.handle, r.null)
OPS["sort"] = lambda r, x, dim=-1, descending=False, stable=False: pair(r.lib.tn_sort(x.handle, dim, descending, stable))
OPS["argsort"] = lambda r, x, dim=-1, descending=False, stable=False: r.lib.tn_argsort(x.handle, dim, descending, stable)
OPS["topk"] = lambda r, x, k, dim=-1, largest=True, sorted=True: pair(r.lib.tn_topk(x.handle, k, r.opts("tn_topk_opts", dim=dim, has_dim=True, smallest=not largest, unsorted=not sorted)))


@op("unique")
def _(r, x, sorted=True, return_inverse=False, return_counts=False, dim=None):
    o = r.opts("tn_unique_opts", return_inverse=return_inverse, return_counts=return_counts, unsorted=not sorted, dim=dim or 0, has_dim=dim is not None)
    got = r.lib.tn_unique(x.handle, o)
    return [got.output] + [got.inverse] * return_inverse + [got.counts] * return_counts


@op("searchsorted")
def _(r, x, values, out_int32=False, right=False, side=None, sorter=None):
    o = r.opts("tn_searchsorted_opts", right=right or side == "right", out_int32=out_int32, sorter=r.h(sorter))
    return r.lib.tn_searchsorted(x.handle, r.number(values), o)


@op("einsum")
def _(r, operands, equation):
    return r.lib.tn_einsum(r.new("char[]", equation.encode()), *r.list([t.handle for t in operands]))


# Networks.
def axes(v):
    """A number for all axes or one an axis, as the option structs have them."""
    if isinstance(v, (tuple, list)) and len(v) > 1:
        return 0, list(v) + [0] * (3 - len(v))
    return v[0] if isinstance(v, (tuple, list)) and v else v, [0, 0, 0]


def conv(r, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1, output_padding=0, f=None):
    o = {"groups": groups}
    o["stride"], o["strides"] = axes(stride)
    o["dilation"], o["dilations"] = axes(dilation)
    o["output_padding"], o["output_paddings"] = axes(output_padding)
    if isinstance(padding, str):
        o["padding_mode_same"] = {"valid": 1, "same": 2}[padding]
    else:
        o["padding"], o["paddings"] = axes(padding)
        o["per_axis_padding"] = isinstance(padding, (tuple, list)) and len(padding) > 1
    return getattr(r.lib, f)(x.handle, weight.handle, r.h(bias), r.opts("tn_conv_opts", **o))


for name in ("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"):
    OPS["nn.functional." + name] = lambda r, *a, f="tn_" + name, **k: conv(r, *a, f=f, **k)


def pool_opts(r, kernel_size, stride, padding, dilation, ceil_mode, **more):
    o = dict(more, ceil_mode=ceil_mode)
    kernel, o["kernel_sizes"] = axes(kernel_size)
    o["stride"], o["strides"] = axes(stride if stride is not None and stride != () else 0)
    o["padding"], o["paddings"] = axes(padding)
    o["per_axis_padding"] = isinstance(padding, (tuple, list)) and len(padding) > 1
    o["dilation"], o["dilations"] = axes(dilation)
    return kernel, r.opts("tn_pool_opts", **o)


def max_pool(r, x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False, f=None):
    kernel, o = pool_opts(r, kernel_size, stride, padding, dilation, ceil_mode)
    if return_indices:
        return pair(getattr(r.lib, f + "_indices")(x.handle, kernel, o))
    return getattr(r.lib, f)(x.handle, kernel, o)


def avg_pool(r, x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None, f=None):
    kernel, o = pool_opts(r, kernel_size, stride, padding, 1, ceil_mode, exclude_pad=not count_include_pad, divisor_override=divisor_override or 0)
    return getattr(r.lib, f)(x.handle, kernel, o)


for n in "12":
    OPS[f"nn.functional.max_pool{n}d"] = lambda r, *a, f=f"tn_max_pool{n}d", **k: max_pool(r, *a, f=f, **k)
    OPS[f"nn.functional.avg_pool{n}d"] = lambda r, *a, f=f"tn_avg_pool{n}d", **k: avg_pool(r, *a, f=f, **k)


def adaptive(size):
    return [-1 if v is None else v for v in seq(size)]


OPS["nn.functional.adaptive_avg_pool2d"] = lambda r, x, size: r.lib.tn_adaptive_avg_pool2d(x.handle, r.i64s(adaptive(size)), len(adaptive(size)))


@op("nn.functional.adaptive_max_pool2d")
def _(r, x, size, return_indices=False):
    got = r.lib.tn_adaptive_max_pool2d(x.handle, r.i64s(adaptive(size)), len(adaptive(size)))
    return pair(got) if return_indices else got.values


@op("nn.functional.batch_norm")
def _(r, x, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    o = r.opts("tn_batch_norm_opts", weight=r.h(weight), bias=r.h(bias), running_mean=r.h(running_mean), running_var=r.h(running_var), training=training,
               momentum=momentum or 1e-300, eps=eps or 1e-300)
    return r.lib.tn_batch_norm(x.handle, o)


@op("nn.functional.instance_norm")
def _(r, x, running_mean=None, running_var=None, weight=None, bias=None, use_input_stats=True, momentum=0.1, eps=1e-5):
    o = r.opts("tn_instance_norm_opts", weight=r.h(weight), bias=r.h(bias), running_mean=r.h(running_mean), running_var=r.h(running_var),
               use_running_stats=not use_input_stats, momentum=momentum or 1e-300, eps=eps or 1e-300)
    return r.lib.tn_instance_norm(x.handle, o)


OPS["nn.functional.layer_norm"] = lambda r, x, shape, weight=None, bias=None, eps=1e-5: r.lib.tn_layer_norm(x.handle, r.i64s(shape), len(shape), r.h(weight), r.h(bias), eps)
OPS["nn.functional.rms_norm"] = lambda r, x, shape, weight=None, eps=0: r.lib.tn_rms_norm(x.handle, r.i64s(shape), len(shape), r.h(weight), eps or 0)
OPS["nn.functional.group_norm"] = lambda r, x, groups, weight=None, bias=None, eps=1e-5: r.lib.tn_group_norm(x.handle, groups, r.h(weight), r.h(bias), eps)
OPS["nn.functional.normalize"] = lambda r, x, p=2.0, dim=1, eps=1e-12: r.lib.tn_normalize(x.handle, p, dim, eps)
OPS["nn.functional.cosine_similarity"] = lambda r, x, y, dim=1, eps=1e-8: r.lib.tn_cosine_similarity(x.handle, y.handle, dim, eps)
OPS["nn.functional.pixel_shuffle"] = lambda r, x, upscale_factor: r.lib.tn_pixel_shuffle(x.handle, upscale_factor)


@op("nn.functional.unfold")
def _(r, x, kernel_size, dilation=1, padding=0, stride=1):
    both = lambda v: list(v) if isinstance(v, tuple) else [v, v]
    o = r.opts("tn_unfold_opts", kernel=both(kernel_size), dilation=both(dilation), padding=both(padding), stride=both(stride))
    return r.lib.tn_unfold(x.handle, o)


@op("nn.functional.interpolate")
def _(r, x, size=None, scale_factor=None, mode="nearest", align_corners=None, recompute_scale_factor=None):
    modes = {"nearest": "TN_NEAREST", "nearest-exact": "TN_NEAREST_EXACT", "linear": "TN_LINEAR", "bilinear": "TN_BILINEAR", "bicubic": "TN_BICUBIC",
             "trilinear": "TN_TRILINEAR", "area": "TN_AREA"}
    sizes, scales = seq(size) if size is not None else [], seq(scale_factor) if scale_factor is not None else []
    o = r.opts("tn_interpolate_opts", size=sizes, n_size=len(sizes), scale=scales, n_scale=len(scales), mode=getattr(r.lib, modes[mode]),
               align_corners=bool(align_corners), recompute_scale_factor=bool(recompute_scale_factor))
    return r.lib.tn_interpolate(x.handle, o)


@op("nn.functional.scaled_dot_product_attention")
def _(r, q, k, v, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False):
    o = r.opts("tn_sdpa_opts", attn_mask=r.h(attn_mask), dropout_p=dropout_p, is_causal=is_causal, scale=scale or 0, enable_gqa=enable_gqa)
    return r.lib.tn_scaled_dot_product_attention(q.handle, k.handle, v.handle, o)


@op("nn.functional.multi_head_attention_forward")
def _(r, q, k, v, embed_dim, num_heads, in_w, in_b, bias_k, bias_v, add_zero_attn, dropout_p, out_w, out_b, training=True, key_padding_mask=None, need_weights=True,
      attn_mask=None, use_separate_proj_weight=False, q_proj_weight=None, k_proj_weight=None, v_proj_weight=None, average_attn_weights=True, is_causal=False, **_):
    o = r.opts("tn_mha_opts", in_proj_weight=r.h(in_w), in_proj_bias=r.h(in_b), bias_k=r.h(bias_k), bias_v=r.h(bias_v), add_zero_attn=add_zero_attn,
               dropout_p=dropout_p, out_proj_weight=r.h(out_w), out_proj_bias=r.h(out_b), training=training, key_padding_mask=r.h(key_padding_mask),
               attn_mask=r.h(attn_mask), is_causal=is_causal, need_weights=need_weights, separate_head_weights=not average_attn_weights)
    if use_separate_proj_weight:
        o.q_proj_weight, o.k_proj_weight, o.v_proj_weight, o.in_proj_weight = q_proj_weight.handle, k_proj_weight.handle, v_proj_weight.handle, r.null
    got = r.lib.tn_multi_head_attention_forward(q.handle, k.handle, v.handle, embed_dim, num_heads, o)
    return [got.output] + [got.weights] * need_weights


# Losses.
REDUCTION = {"mean": 0, "sum": 1, "none": 2, "batchmean": 3}


@op("nn.functional.cross_entropy", "nn.functional.nll_loss")
def _(r, x, target, weight=None, ignore_index=None, reduction="mean", label_smoothing=0.0, f="tn_cross_entropy"):
    o = r.opts("tn_cross_entropy_opts", weight=r.h(weight), ignore_index=ignore_index or 0, has_ignore_index=ignore_index is not None, label_smoothing=label_smoothing,
               reduction=REDUCTION[reduction])
    return getattr(r.lib, f)(x.handle, target.handle, o)


OPS["nn.functional.nll_loss"] = lambda r, *a, f=OPS["nn.functional.cross_entropy"], **k: f(r, *a, f="tn_nll_loss", **k)


def loss(r, x, target, reduction="mean", weight=None, pos_weight=None, beta=None, delta=None, log_target=False, f=None):
    zero = lambda v: 1e-300 if v == 0 else v
    o = r.opts("tn_loss_opts", reduction=REDUCTION[reduction], weight=r.h(weight), pos_weight=r.h(pos_weight), beta=zero(beta), delta=zero(delta), log_target=log_target)
    return getattr(r.lib, f)(x.handle, target.handle, o)


for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits", "kl_div"):
    OPS["nn.functional." + name] = lambda r, *a, f="tn_" + name, **k: loss(r, *a, f=f, **k)

# Samples of the frozen table that cannot be equal, and why.
CAUSES = {("nn.functional.batch_norm", "2.14.1+debian", 6): "PyTorch itself gives [26.7588, -10.4166] for the frozen inputs: the frozen result was computed with other running statistics"}


def specs(folder, only):
    """(title, record, tensors) of every op in the folder: a pair of files an op, or one pair with a list of records."""
    for path in sorted(glob.glob(os.path.join(folder, "*.json"))):
        with open(path) as f:
            spec = json.load(f)
        tensors = load_safetensors(path[:-5] + ".safetensors")
        for one in spec if isinstance(spec, list) else [spec]:
            title = one["op"] + ("@" + one["variant"] if one["variant"] else "")
            if not only or only in title:
                yield title, one, {k[len(title) + 1:]: v for k, v in tensors.items() if k.startswith(title + "/")} if isinstance(spec, list) else tensors


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir")
    parser.add_argument("--lib", default=os.path.join(ROOT, "build", "libtensor.so"))
    parser.add_argument("--only", help="ops whose name contains this")
    parser.add_argument("--gradcheck", action="store_true")
    parser.add_argument("--most", type=int, default=8, help="failures listed an op")
    options = parser.parse_args()
    runner = Runner(os.path.abspath(options.lib))
    passed = failed = refereed = unexplained = 0
    for title, spec, tensors in specs(options.dir, options.only):
        wrong = []
        if sys.stderr.isatty():
            print(f"\r{passed + failed:6} {title:60}", end="", file=sys.stderr)
        for i, sample in enumerate(spec["samples"]):
            scope = runner.lib.tn_scope_open()
            try:
                release = ".".join(spec["torch"].split(".")[:2])
                if options.gradcheck:
                    if not sample.get("cotangents") or not any(sample["grads"]) or spec["op"] in ("normal", "bernoulli"):
                        continue  # a draw's gradient is zero by definition, not by differences
                    key = runner.key(spec["op"], spec["variant"], release)
                    for order in (1, 2):
                        runner.gradcheck(key, sample, tensors, order)
                elif runner.run(spec["op"], spec["variant"], release, sample, tensors):
                    refereed += 1
                    print(f"{title}: sample {i} differs by rounding; its error against float64 is at most twice PyTorch's")
                passed += 1
            except Failure as e:
                wrong.append((i, str(e)))
            except Exception as e:  # a call that the runner cannot even make
                wrong.append((i, f"{type(e).__name__}: {e}"))
            finally:
                runner.lib.tn_scope_close(runner.ffi.new("tn_scope *", scope))
                runner.keep.clear()
        failed += len(wrong)
        if wrong:
            print(f"{title}: {len(wrong)} of {len(spec['samples'])} failed")
        unexplained += len(wrong[options.most:])
        for i, message in wrong[:options.most]:
            print(f"    sample {i}: {message}")
            cause = CAUSES.get((spec["op"], spec["torch"], i))
            unexplained += cause is None
            if cause:
                print(f"        cause: {cause}")
    if sys.stderr.isatty():
        print(file=sys.stderr)
    print(f"{refereed} of those that passed by their error against float64")
    print(f"{passed} passed, {failed} failed")
    return 1 if unexplained or not passed else 0  # a failure whose cause lies in the sample is listed, and no more


if __name__ == "__main__":
    sys.exit(main())
