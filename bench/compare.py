#!/usr/bin/env python3
"""Ours and its peers on the same shapes, alternately, in one run.

usage: bench/compare.py [--only NAME,...] [--threads N] [--device cpu|cuda] [--rounds N] [--compile] [--llmc DIR] [--json]

Each workload is measured by ours, then by each peer that knows it, in turns; the best of the rounds counts for all. Prints
name, ours, PyTorch tuned and by default, the best of the others, how many times better ours is than the best of all peers,
and the share of the machine's limit that the same run measured. PyTorch runs twice: with its defaults, and with the settings
that suit it best (malloc that keeps big buffers); --compile adds torch.compile. The others are taken where they are
installed: OpenBLAS (libopenblas0-pthread), oneDNN (libdnnl, or pip install onednn tbb intel-cmplr-lib-rt intel-sycl-rt),
ONNX Runtime (pip install onnxruntime onnx), llm.c from a checkout of it (--llmc; with gcc, as its Makefile builds it).
"""
import argparse
import ctypes.util
import glob
import json
import os
import struct
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build")
WORKLOADS = ["op_latency", "gemm", "gemm_narrow", "small", "layers", "cache", "bandwidth", "attn", "mlp", "cnn", "gpt_char", "gpt2", "decode", "resnet18", "resnet50", "lstm", "indices", "load", "cold",
             "gnn_cora", "gcn_arxiv", "sage_arxiv", "gat_arxiv", "gnn_sampling", "memory"]
GPU = ["op_latency", "gemm", "bandwidth", "attn", "mlp", "cnn", "gpt_char", "gpt2", "decode", "resnet18", "resnet50", "lstm", "indices"]
MEMORY = ["mlp", "cnn", "gpt_char", "gpt2", "resnet18", "gcn_arxiv", "sage_arxiv", "gat_arxiv"]
BEST = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "4294967296", "MALLOC_TOP_PAD_": "67108864"}


class Worker:
    def __init__(self, command, **extra):
        self.command, self.env = command, {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}
        self.env.update(extra)
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self.env)

    def stop(self):
        self.process.stdin.close()
        self.process.wait()

    def run(self, name):
        self.process.stdin.write(name + "\n")
        self.process.stdin.flush()
        rows = {}
        while True:
            line = self.process.stdout.readline()
            if line == "":
                raise SystemExit(f"{self.command[0]} ended during {name}")
            if not line.strip():
                return rows
            if line[0] != "{":  # what a peer says of itself
                continue
            row = json.loads(line)
            rows[row["name"]] = row


def build(source, *flags):
    path = os.path.join(BUILD, "bench_" + os.path.splitext(source)[0])
    subprocess.run([os.environ.get("CC", "cc"), "-std=gnu11", "-O2", os.path.join(ROOT, "bench", source), "-o", path, *flags], check=True)
    return path


def onednn():
    """The library, and the folder of those that it needs."""
    path = next(iter(sorted(glob.glob(os.path.join(sys.prefix, "lib", "libdnnl.so*")))), None) or ctypes.util.find_library("dnnl")
    return path, os.path.dirname(path or "")


def have(module):
    return subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True).returncode == 0


def peers(threads, llmc):
    """The others, of those that are here."""
    blas, (dnnl, beside), found = ctypes.util.find_library("openblas"), onednn(), {}
    program = build("peer_blas.c", "-ldl") if blas or dnnl else None
    if blas:
        found["OpenBLAS"] = Worker([program, blas, threads])
    if dnnl:
        found["oneDNN"] = Worker([program, dnnl, threads], OMP_NUM_THREADS=threads, LD_LIBRARY_PATH=beside + ":" + os.environ.get("LD_LIBRARY_PATH", ""))
    if have("onnxruntime, onnx"):
        found["ONNX Runtime"] = Worker([sys.executable, os.path.join(ROOT, "bench/peer_onnxruntime.py"), threads])
    if llmc:
        found["llm.c"] = Worker([build("peer_llmc.c", "-Ofast", "-march=native", "-fopenmp", "-Wno-unused-result", "-I" + llmc, "-lm")], OMP_NUM_THREADS=threads)
    return found


def layers_file():
    """125 square layers of 1000, 500 MB."""
    path, each = os.path.join(BUILD, "bench_500mb.safetensors"), 4000000
    if not os.path.exists(path):
        header = json.dumps({f"l{i}.weight": {"dtype": "F32", "shape": [1000, 1000], "data_offsets": [i * each, (i + 1) * each]} for i in range(125)}).encode()
        header += b" " * (-len(header) % 8)
        with open(path + ".part", "wb") as f:
            f.write(struct.pack("<Q", len(header)) + header)
            for _ in range(125):
                f.write(struct.pack("<f", 0.001) * 1000000)
        os.rename(path + ".part", path)
    return path


def cold():
    """How long a program takes that starts, makes a small step, prints a number and ends."""
    ours = [build("cold.c", "-lm", "-pthread", "-ldl")]
    theirs = [sys.executable, "-c", "import torch, torch.nn as nn; net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1)); loss = net(torch.ones(8, 64)).sum(); loss.backward(); "
                                    "print(loss.item())"]

    def spent(command):
        t = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return (time.perf_counter() - t) * 1e3
    return {"cold_start": {"ours": min(spent(ours) for _ in range(10)), "PyTorch": min(spent(theirs) for _ in range(3)), "unit": "ms"}}


def memory(workers):
    """Each workload in processes of its own."""
    rows = {}
    for name in MEMORY:
        for who in ("ours", "PyTorch", "tuned"):
            workers[who].stop()
            workers[who].start()
            for key, row in workers[who].run("memory:" + name).items():
                rows.setdefault(key, {"unit": row["unit"]})[who] = row["value"]
    return rows


def less_is_better(unit):
    return unit[:2] in ("us", "ms") or unit == "MB"


def measure(workers, name, rounds):
    best = {}
    for _ in range(rounds):
        for who, w in workers.items():
            for key, row in w.run(name).items():
                b = best.setdefault(key, {"unit": row["unit"]})
                choose = min if less_is_better(row["unit"]) else max
                b[who] = choose(b.get(who, row["value"]), row["value"])
    return best


def show(key, b, limits, as_json):
    better = min if less_is_better(b["unit"]) else max
    rivals = {k: v for k, v in b.items() if k not in ("ours", "unit")}
    if "ours" not in b or not rivals:
        return
    best = better(rivals.values())
    ratio = best / b["ours"] if better is min else b["ours"] / best
    kind = key.split("/")[1] if key.startswith(("gemm/bf16", "gemm/int8")) else "fma"
    limit = limits.get("limit/" + kind, {}).get("value") if b["unit"] in ("GFLOP/s", "GOP/s") else None
    share = b["ours"] / limit if limit else None
    others = {k: v for k, v in rivals.items() if k not in ("PyTorch", "tuned")}
    if as_json:
        print(json.dumps({"name": key, "ours": b["ours"], "tuned": b.get("tuned"), "default": b.get("PyTorch"), "others": others, "unit": b["unit"], "ratio": ratio, "of_limit": share}), flush=True)
        return
    other = next(((k, v) for k, v in others.items() if v == better(others.values())), None)
    cells = "".join(f"{b[k]:>11.4g}" if k in b else f"{'':>11}" for k in ("ours", "tuned", "PyTorch"))
    print(f"{key:<34}{cells}  {b['unit']:<10}{ratio:>6.2f}x{'' if share is None else f'{share:>8.0%}':>8}" + (f"   {other[0]} {other[1]:.4g}" if other else ""), flush=True)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--only", default="")
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--device", default="cpu")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--compile", action="store_true")
    p.add_argument("--llmc", metavar="DIR")
    p.add_argument("--json", action="store_true")
    a = p.parse_args()
    names = [n for n in a.only.split(",") if n] or (WORKLOADS if a.device == "cpu" else GPU)
    unknown = [n for n in names if n not in WORKLOADS]
    if unknown:
        p.error("no workload " + ", ".join(unknown))
    os.makedirs(BUILD, exist_ok=True)
    ours = build("bench.c", "-DTENSOR_IMPLEMENTATION", "-lm", "-pthread", "-ldl")
    if a.device != "cpu":
        subprocess.run(["make", "-C", ROOT, "-s", "plugins"], check=True)
    if "load" in names:
        os.environ["BENCH_FILE"] = layers_file()

    threads = str(a.threads)
    torch = [sys.executable, os.path.join(ROOT, "bench/peer_torch.py"), threads, a.device]
    workers = {"ours": Worker([ours, threads, a.device], TN_ACCEL_PATH=os.path.join(BUILD, "plugins")), "PyTorch": Worker(torch), "tuned": Worker(torch, **BEST)}
    if a.compile:
        workers["torch.compile"] = Worker(torch, BENCH_COMPILE="1", **BEST)
    if a.device == "cpu":
        workers.update(peers(threads, a.llmc))
    version = workers["PyTorch"].run("version")["version"]["value"]
    limits = workers["ours"].run("limits")
    for row in limits.values():
        print(json.dumps(row) if a.json else f"# {row['name']}: {row['value']:.1f} {row['unit']}")
    if not a.json:
        print(f"# PyTorch {version} and {', '.join(k for k in workers if k not in ('ours', 'PyTorch', 'tuned')) or 'no other'}; {threads} threads, best of {a.rounds} rounds; ratio: ours against the best of the peers")
        print(f"{'workload':<34}{'ours':>11}{'tuned':>11}{'default':>11}  {'unit':<10}{'ratio':>7}{'limit':>8}   best other")
    for name in names:
        rows = cold() if name == "cold" else memory(workers) if name == "memory" else measure(workers, name, a.rounds)
        for key, b in rows.items():
            show(key, b, limits, a.json)
    for w in workers.values():
        w.stop()


main()
