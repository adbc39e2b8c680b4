#!/usr/bin/env python3
"""Freezes PyTorch's own op samples (torch.testing._internal's op_db) as tests/conform/opinfo.py reads them.

usage: tools/freeze_opinfo.py OUT [--ops FILE_OR_DIR] [--dtype float32] [--most 0] [--largest 0] [--pack]

OUT gets NAME[@VARIANT].json and .safetensors, or one pair for all with --pack (a list of such records). The project's own
tests/data/opinfo-DTYPE were made by: tools/freeze_opinfo.py tests/data/opinfo-DTYPE --dtype DTYPE --most 3 --largest 1000
--pack --ops tests/data/opinfo-ops.txt. --ops: a folder of such files, whose ops are taken, or a file with a name a
line. Needs torch, expecttest and safetensors. Gradients are frozen where op_db says that the op has one.
"""
import argparse
import glob
import json
import math
import os
import sys

import torch
from safetensors.torch import save_file
from torch.testing._internal.common_methods_invocations import op_db

SKIP_KWARGS = {"device", "layout", "pin_memory", "generator", "memory_format"}


class Unfit(Exception):
    pass


class Freezer:
    def __init__(self):
        self.tensors = {}

    def tensor(self, t, key):
        name = f"{key}{len(self.tensors)}"
        self.tensors[name] = t.detach().clone().contiguous()
        return {"t": name, "stride": list(t.stride()), "grad": t.requires_grad}

    def value(self, v, key):
        if isinstance(v, torch.Tensor):
            if v.is_complex() or v.is_sparse or v.layout != torch.strided:
                raise Unfit("a tensor that is not strided and real")
            return self.tensor(v, key)
        if isinstance(v, torch.dtype):
            return {"dtype": str(v).split(".")[1]}
        if isinstance(v, torch.device):
            return "cpu"
        if isinstance(v, bool) or v is None or isinstance(v, (str, int)):
            return v
        if isinstance(v, float):
            return {"float": str(v)} if math.isinf(v) or math.isnan(v) else v
        if isinstance(v, slice):
            return {"slice": [v.start, v.stop, v.step]}
        if v is Ellipsis:
            return {"ellipsis": True}
        if isinstance(v, tuple):
            return {"tuple": [self.value(x, key) for x in v]}
        if isinstance(v, list):
            return [self.value(x, key) for x in v]
        raise Unfit(type(v).__name__)


def leaves_of(v):
    if isinstance(v, torch.Tensor):
        return [v] if v.requires_grad else []
    if isinstance(v, (list, tuple)):
        return [t for x in v for t in leaves_of(x)]
    return leaves_of(list(v.values())) if isinstance(v, dict) else []


def outputs_of(v):
    if isinstance(v, torch.Tensor):
        return [v]
    return [t for x in v for t in outputs_of(x)] if isinstance(v, (list, tuple)) else []


def freeze(op, sample, index, backward):
    """The sample's record, its tensors: inputs are frozen before the call, which may change them."""
    f = Freezer()
    kwargs = {k: v for k, v in sample.kwargs.items() if k not in SKIP_KWARGS}
    if any(k in sample.kwargs and sample.kwargs[k] is not None for k in ("generator",)) or sample.kwargs.get("memory_format") is not None:
        raise Unfit("an argument that has no counterpart")
    record = {"input": f.value(sample.input, f"{index}.in"), "args": [f.value(a, f"{index}.in") for a in sample.args], "kwargs": {k: f.value(v, f"{index}.in") for k, v in kwargs.items()}}
    leaves = leaves_of([sample.input, list(sample.args), sample.kwargs])
    torch.manual_seed(42)
    call_input = sample.input.detach() if op.name in ("uniform",) and isinstance(sample.input, torch.Tensor) else sample.input
    out = outputs_of(op(call_input, *sample.args, **sample.kwargs))
    record["out"] = [f.tensor(t, f"{index}.out") for t in out]
    roots = [(i, t) for i, t in enumerate(out) if t.requires_grad]
    if backward and roots and leaves:
        cotangents = [torch.randn(t.shape, dtype=t.dtype) for _, t in roots]
        grads = torch.autograd.grad([t for _, t in roots], leaves, cotangents, allow_unused=True)
        record["cotangents"] = [[i, f.tensor(c, f"{index}.cot")] for (i, _), c in zip(roots, cotangents)]
        record["grads"] = [None if g is None else f.tensor(g, f"{index}.grad") for g in grads]
    return record, f.tensors


def wanted(path):
    if path is None:
        return None
    if os.path.isdir(path):
        return {os.path.basename(f)[:-5] for f in glob.glob(os.path.join(path, "*.json"))}
    with open(path) as f:
        return set(f.read().split())


def write(path, spec, tensors):
    save_file(tensors, path + ".safetensors")
    with open(path + ".json", "w") as f:
        json.dump(spec, f, separators=(",", ":"))
        f.write("\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--ops")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--most", type=int, default=0, help="samples an op; 0: all")
    parser.add_argument("--largest", type=int, default=0, help="leave samples with a tensor of more elements out; 0: none")
    parser.add_argument("--pack", action="store_true", help="one pair of files for all ops")
    options = parser.parse_args()
    os.makedirs(options.out, exist_ok=True)
    packed, everything = [], {}
    dtype, names, count, left = getattr(torch, options.dtype), wanted(options.ops), 0, 0
    for op in op_db:
        title = op.name + ("@" + op.variant_test_name if op.variant_test_name else "")
        if (names is not None and title not in names) or not op.supports_dtype(dtype, "cpu"):
            continue
        backward = op.supports_autograd and dtype.is_floating_point
        records, tensors = [], {}
        torch.manual_seed(0)
        for i, sample in enumerate(op.sample_inputs("cpu", dtype, requires_grad=backward)):
            if options.most and len(records) >= options.most:
                break
            try:
                record, more = freeze(op, sample, i, backward)
            except (Unfit, RuntimeError, TypeError, NotImplementedError) as e:
                left += 1
                print(f"{title} sample {i} left out: {str(e).splitlines()[0][:100]}", file=sys.stderr)
                continue
            if options.largest and any(t.numel() > options.largest for t in more.values()):
                left += 1
                continue
            records.append(record)
            tensors.update(more)
        if not records:
            continue
        spec = {"op": op.name, "variant": op.variant_test_name, "torch": torch.__version__, "samples": records}
        count += len(records)
        if options.pack:
            packed.append(spec)
            everything.update({f"{title}/{k}": v for k, v in tensors.items()})
        else:
            write(os.path.join(options.out, title), spec, tensors)
    if options.pack:
        write(os.path.join(options.out, "all"), packed, everything)
    print(f"{count} samples, {left} left out")


if __name__ == "__main__":
    main()
