#!/usr/bin/env python3
"""Ours and PyTorch on the same shapes, alternately, in one run.

usage: bench/compare.py [--only NAME,...] [--threads N] [--device cpu|cuda] [--rounds N] [--json]

Each workload is measured by ours, then by the peer, in turns; the best of the rounds counts for both. Prints name, ours,
peer, how many times better ours is, and the share of the machine's limit that the same run measured. The peer runs twice:
with its defaults, and with the settings that suit it best (its own CPU capability, malloc that keeps big buffers).
"""
import argparse
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WORKLOADS = ["op_latency", "gemm", "gemm_narrow", "bandwidth", "attn", "mlp", "cnn", "gpt_char", "gpt2", "decode", "resnet", "lstm", "indices"]
BEST = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "4294967296", "MALLOC_TOP_PAD_": "67108864"}


class Worker:
    def __init__(self, command, **extra):
        env = {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}
        env.update(extra)
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)

    def run(self, name):
        self.process.stdin.write(name + "\n")
        self.process.stdin.flush()
        rows = {}
        while True:
            line = self.process.stdout.readline()
            if line == "":
                raise SystemExit(f"{self.process.args[0]} ended during {name}")
            if not line.strip():
                return rows
            row = json.loads(line)
            rows[row["name"]] = row


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--only", default="")
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--device", default="cpu")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--json", action="store_true")
    a = p.parse_args()
    names = [n for n in a.only.split(",") if n] or WORKLOADS
    unknown = [n for n in names if n not in WORKLOADS]
    if unknown:
        p.error("no workload " + ", ".join(unknown))
    build = os.path.join(ROOT, "build")
    os.makedirs(build, exist_ok=True)
    ours_path = os.path.join(build, "bench")
    subprocess.run([os.environ.get("CC", "cc"), "-std=c11", "-O2", "-DTENSOR_IMPLEMENTATION", os.path.join(ROOT, "bench/bench.c"), "-o", ours_path, "-lm", "-pthread", "-ldl"], check=True)
    if a.device != "cpu":
        subprocess.run(["make", "-C", ROOT, "-s", "plugins"], check=True)

    threads = str(a.threads)
    peer = [sys.executable, os.path.join(ROOT, "bench/peer_torch.py"), threads, a.device]
    workers = {"ours": Worker([ours_path, threads, a.device], TN_ACCEL_PATH=os.path.join(build, "plugins")), "peer": Worker(peer), "tuned": Worker(peer, **BEST)}
    version = workers["peer"].run("version")["version"]["value"]
    limits = workers["ours"].run("limits")
    for row in limits.values():
        print(json.dumps(row) if a.json else f"# {row['name']}: {row['value']:.1f} {row['unit']}")
    if not a.json:
        print(f"# PyTorch {version}, {threads} threads, best of {a.rounds} rounds; ratio: ours against the better of the peer's two")
        print(f"{'workload':<36}{'ours':>12}{'tuned':>12}{'default':>12}  {'unit':<10}{'ratio':>7}{'of limit':>10}")
    for name in names:
        best = {}
        for _ in range(a.rounds):
            for who, w in workers.items():
                for key, row in w.run(name).items():
                    less = row["unit"][:2] in ("us", "ms")
                    old = best.setdefault(key, {}).get(who)
                    if old is None or (row["value"] < old if less else row["value"] > old):
                        best[key][who] = row["value"]
                    best[key]["unit"] = row["unit"]
        for key, b in best.items():
            less = b["unit"][:2] in ("us", "ms")
            rival = min(b["peer"], b["tuned"]) if less else max(b["peer"], b["tuned"])
            ratio = rival / b["ours"] if less else b["ours"] / rival
            kind = key.split("/")[1] if key.startswith(("gemm/bf16", "gemm/int8")) else "fma_avx2"
            limit = limits.get(f"limit/{kind}_1t", {}).get("value")
            share = b["ours"] / (limit * a.threads) if b["unit"] in ("GFLOP/s", "GOP/s") and limit else None
            if a.json:
                print(json.dumps({"name": key, "ours": b["ours"], "tuned": b["tuned"], "default": b["peer"], "unit": b["unit"], "ratio": ratio, "of_limit": share}))
            else:
                print(f"{key:<36}{b['ours']:>12.4g}{b['tuned']:>12.4g}{b['peer']:>12.4g}  {b['unit']:<10}{ratio:>6.2f}x{'' if share is None else f'{share:>9.0%}'}", flush=True)
    for w in workers.values():
        w.process.stdin.close()


main()
