"""PyTorch's side of bench/compare.py: reads workload names from stdin, prints one JSON line per figure, then an empty line."""
import json
import os
import statistics
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

if len(sys.argv) > 1 and sys.argv[1] != "0":
    torch.set_num_threads(int(sys.argv[1]))
DEVICE = sys.argv[2] if len(sys.argv) > 2 else "cpu"
torch.set_default_device(DEVICE)
torch.manual_seed(0)


def finish():
    if DEVICE != "cpu":
        torch.cuda.synchronize()


def bench(fn, min_time=0.6, warm=3, reps=5):
    for _ in range(warm):
        fn()
    finish()
    t = time.perf_counter()
    fn()
    finish()
    one = max(time.perf_counter() - t, 1e-7)
    n = max(1, int(min_time / reps / one))
    out = []
    for _ in range(reps):
        t = time.perf_counter()
        for _ in range(n):
            fn()
        finish()
        out.append((time.perf_counter() - t) / n)
    return statistics.median(out)


def emit(name, value, unit):
    print(json.dumps({"name": name, "value": value, "unit": unit}), flush=True)


def op_latency():
    a, b = torch.ones(1), torch.ones(1)

    def add():
        for _ in range(1000):
            a + b
    emit("op_latency/add1", bench(add) * 1e6 / 1000, "us/op")
    w = torch.ones(1, requires_grad=True)

    def chain():
        x = w
        for _ in range(100):
            x = x * b
        x.backward()
        w.grad = None
    emit("op_latency/mul1_fwd_bwd", bench(chain) * 1e6 / 100, "us/op")


def gemm_of(kind, dtype, n):
    a, b = torch.randn(n, n).to(dtype), torch.randn(n, n).to(dtype)
    emit(f"gemm/{kind}/{n}", 2 * n**3 / bench(lambda: a @ b) / 1e9, "GFLOP/s")


def gemm():
    for n in (256, 512, 1024, 2048) if DEVICE == "cpu" else (1024, 4096, 8192):
        gemm_of("f32", torch.float32, n)
        if DEVICE != "cpu":
            gemm_of("bf16", torch.bfloat16, n)
    if DEVICE != "cpu":
        torch.set_float32_matmul_precision("high")
        gemm_of("tf32", torch.float32, 8192)
        torch.set_float32_matmul_precision("highest")


def gemm_narrow():
    if DEVICE != "cpu":
        return
    for n in (256, 1024, 2048):
        gemm_of("bf16", torch.bfloat16, n)
        a, b = torch.randint(-128, 128, (n, n), dtype=torch.int8), torch.randint(-128, 128, (n, n), dtype=torch.int8)
        emit(f"gemm/int8/{n}", 2 * n**3 / bench(lambda: torch._int_mm(a, b)) / 1e9, "GOP/s")
    x, w = torch.randn(1, 2048).bfloat16(), torch.randn(2048, 2048).bfloat16().t()
    emit("gemm/bf16/1x2048x2048", 2 * 2048**2 / bench(lambda: x @ w) / 1e9, "GFLOP/s")


SMALL = {"gemm/f32/8": (1, 8, 8, 8), "gemm/f32/16": (1, 16, 16, 16), "gemm/f32/32": (1, 32, 32, 32), "gemm/f32/64": (1, 64, 64, 64), "bmm/f32/256x16": (256, 16, 16, 16),
         "bmm/f32/64x64": (64, 64, 64, 64)}
LAYERS = {"layer/64x512x784": (1, 64, 512, 784), "layer/256x768x768": (1, 256, 768, 768), "layer/256x3072x768": (1, 256, 3072, 768), "layer/256x768x3072": (1, 256, 768, 3072),
          "layer/8x768x768": (1, 8, 768, 768), "layer/1x4096x4096": (1, 1, 4096, 4096)}


@torch.inference_mode()
def products(shapes, layer):
    for name, (b, m, n, k) in shapes.items():
        x, w = torch.randn(b, m, k), torch.randn(b, n, k) if layer else torch.randn(b, k, n)
        if b == 1:
            x, w = x[0], w[0]
        emit(name, 2 * b * m * n * k / bench((lambda: F.linear(x, w)) if layer else (lambda: x @ w)) / 1e9, "GFLOP/s")


def small():
    products(SMALL, False)


def layers():
    products(LAYERS, True)


@torch.inference_mode()
def cache():
    x, w = torch.randn(512, 512), torch.ones(512)
    for name, fn in {"exp": lambda: torch.exp(x), "gelu": lambda: F.gelu(x), "gelu_tanh": lambda: F.gelu(x, approximate="tanh"), "softmax": lambda: x.softmax(-1),
                     "layernorm": lambda: F.layer_norm(x, (512,), w, w)}.items():
        emit("cache/" + name, 512 * 512 / bench(fn) / 1e9, "Gelem/s")


def bandwidth():
    n = 1 << (24 if DEVICE == "cpu" else 28)
    x, y = torch.randn(n), torch.randn(n)
    m, w = x.view(-1, 1024), torch.ones(1024)
    passes = {"copy": (8, lambda: y.copy_(x)), "add": (12, lambda: x + y), "chain_eager": (12, lambda: torch.sigmoid(x) * x + y * 0.5 - x.abs()),
              "exp": (8, lambda: torch.exp(x)), "gelu": (8, lambda: F.gelu(x)), "sum": (4, lambda: x.sum()), "softmax": (8, lambda: m.softmax(-1)),
              "layernorm": (8, lambda: F.layer_norm(m, (1024,), w, w)), "transpose": (8, lambda: m.t().contiguous())}
    for name, (size, fn) in passes.items():
        emit("bw/" + name, size * n / bench(fn) / 1e9, "GB/s")


def attn():
    q, k, v, g = (torch.randn(4, 12, 1024, 64) for _ in range(4))
    flops = 2 * 4 * 12 * 1024 * 1024 * 64
    with torch.inference_mode():
        emit("attn/forward", flops / bench(lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True), min_time=1.0) / 1e9, "GFLOP/s")
    for x in (q, k, v):
        x.requires_grad_()

    def step():
        torch.autograd.grad(F.scaled_dot_product_attention(q, k, v, is_causal=True), (q, k, v), g)
    emit("attn/fwd_bwd", 3.5 * flops / bench(step, min_time=2.0) / 1e9, "GFLOP/s")
    q, k, v = torch.randn(1, 12, 1, 64), torch.randn(1, 12, 4096, 64), torch.randn(1, 12, 4096, 64)
    with torch.inference_mode():
        emit("attn/decode_t4096", bench(lambda: F.scaled_dot_product_attention(q, k, v), min_time=0.6) * 1e6, "us")


COMPILE = "BENCH_COMPILE" in os.environ
only_memory = False


def train(name, net, x, y, units, unit):
    opt = torch.optim.AdamW(net.parameters(), lr=1e-4, fused=True)
    net = torch.compile(net) if COMPILE else net

    def step():
        opt.zero_grad(set_to_none=True)
        out = net(x)
        F.cross_entropy(out.view(-1, out.shape[-1]), y.view(-1)).backward()
        opt.step()
    if only_memory:
        for _ in range(5):
            step()
        return
    emit(name, units / bench(step, min_time=1.0), unit)


def mlp():
    net = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
    train("mlp/train", net, torch.randn(128, 784), torch.randint(0, 10, (128,)), 128, "samples/s")


def cnn():
    net = nn.Sequential(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                        nn.Flatten(), nn.Linear(64 * 49, 128), nn.ReLU(), nn.Linear(128, 10))
    train("cnn/train", net, torch.randn(128, 1, 28, 28), torch.randint(0, 10, (128,)), 128, "images/s")


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln1, self.qkv, self.proj = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.ln2, self.fc, self.fc2 = nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = self.qkv(self.ln1(x)).view(b, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(y.transpose(1, 2).reshape(b, t, c))
        return x + self.fc2(F.gelu(self.fc(self.ln2(x)), approximate="tanh"))


class GPT(nn.Module):
    def __init__(self, vocabulary=256, places=128, layers=4, heads=4, width=128):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocabulary, width), nn.Embedding(places, width)
        self.h = nn.ModuleList([Block(width, heads) for _ in range(layers)])
        self.ln = nn.LayerNorm(width)

    def forward(self, x):
        h = self.wte(x) + self.wpe.weight[: x.shape[1]]
        for b in self.h:
            h = b(h)
        return F.linear(self.ln(h), self.wte.weight)


def gpt_char():
    x = torch.randint(0, 255, (16, 128))
    train("gpt_char_0.8m/train_f32_b16_t128", GPT(), x, x, 2048, "tokens/s")


def gpt2():
    x = torch.randint(0, 50257, (4, 64))
    train("gpt2_124m/train_f32_b4_t64", GPT(50304, 1024, 12, 12, 768), x, x, 256, "tokens/s")


def decode():
    width, layers, at = 768, 12, 256
    weights = [[torch.randn(*s) * 0.02 for s in ((3 * width, width), (width, width), (4 * width, width), (width, 4 * width))] for _ in range(layers)]
    head, ln = torch.randn(50304, width) * 0.02, torch.ones(width)
    keys, values = torch.zeros(layers, 12, 512, 64), torch.zeros(layers, 12, 512, 64)

    @torch.inference_mode()
    def token():
        x = head[5]
        for l, (qkv, proj, fc, fc2) in enumerate(weights):
            q, k, v = F.linear(F.layer_norm(x, (width,), ln), qkv).view(3, 12, 64)
            keys[l, :, at] = k
            values[l, :, at] = v
            a = F.scaled_dot_product_attention(q[None, :, None], keys[l, :, : at + 1][None], values[l, :, : at + 1][None])
            x = x + F.linear(a.reshape(width), proj)
            x = x + F.linear(F.gelu(F.linear(F.layer_norm(x, (width,), ln), fc), approximate="tanh"), fc2)
        return F.linear(F.layer_norm(x, (width,), ln), head).argmax()
    emit("decode/gpt2_124m_b1", 1 / bench(token, min_time=1.5), "tokens/s")


class Residual(nn.Module):
    """torchvision's BasicBlock, or its Bottleneck."""

    def __init__(self, i, width, stride, deep):
        super().__init__()
        out = 4 * width if deep else width
        sizes = ((i, width, 1, 1), (width, width, 3, stride), (width, out, 1, 1)) if deep else ((i, width, 3, stride), (width, out, 3, 1))
        self.main = nn.Sequential()
        for k, (a, b, kernel, s) in enumerate(sizes):
            self.main.extend([nn.Conv2d(a, b, kernel, s, kernel // 2, bias=False), nn.BatchNorm2d(b)] + ([nn.ReLU(inplace=True)] if k + 1 < len(sizes) else []))
        self.shortcut = nn.Sequential(nn.Conv2d(i, out, 1, stride, bias=False), nn.BatchNorm2d(out)) if stride != 1 or i != out else nn.Identity()

    def forward(self, x):
        return F.relu(self.main(x) + self.shortcut(x), inplace=True)


def resnet_of(counts, deep, classes):
    layers, i = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)], 64
    for stage, count in enumerate(counts):
        for k in range(count):
            layers.append(Residual(i, 64 << stage, 2 if stage and not k else 1, deep))
            i = (64 << stage) * (4 if deep else 1)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(i, classes))


def resnet18():
    train("resnet18_32px/train", resnet_of((2, 2, 2, 2), False, 10), torch.randn(32, 3, 32, 32), torch.randint(0, 10, (32,)), 32, "images/s")


def resnet50():
    net, x = resnet_of((3, 4, 6, 3), True, 1000).eval(), torch.randn(1, 3, 224, 224)
    net = torch.compile(net) if COMPILE else net
    with torch.inference_mode():
        emit("resnet50/infer_b1_f32", bench(lambda: net(x), min_time=1.5) * 1e3, "ms")


def lstm():
    net, x = nn.LSTM(128, 256, 2, batch_first=True), torch.randn(32, 64, 128)
    opt = torch.optim.AdamW(net.parameters(), lr=1e-4, fused=True)

    def step():
        opt.zero_grad(set_to_none=True)
        net(x)[0].pow(2).mean().backward()
        opt.step()
    emit("lstm/train_b32_t64_h256x2", 32 * 64 / bench(step, min_time=1.0), "steps/s")


def indices():
    x = torch.randn(1 << 20)
    emit("sort_1m", bench(lambda: x.sort()) * 1e3, "ms")
    to, index, source = torch.zeros(100000, 64), torch.randint(0, 100000, (100000,)), torch.randn(100000, 64)
    emit("index_add_100kx64", bench(lambda: to.index_add(0, index, source)) * 1e3, "ms")


def load():
    path = os.environ.get("BENCH_FILE")
    if not path:
        return
    from safetensors.torch import load_file

    @torch.inference_mode()
    def use():
        d, x = load_file(path), torch.ones(1, 1000)
        for i in range(125):
            x = F.relu(F.linear(x, d[f"l{i}.weight"]))
        return x
    emit("load/safetensors_500mb", bench(use, min_time=2) * 1e3, "ms")


def status_mb(key):
    with open("/proc/self/status") as f:
        return next(float(line.split()[1]) / 1024 for line in f if line.startswith(key))


def memory_of(fn):
    """What a training step takes at most, over what the process had before its net was made."""
    global only_memory
    with open("/proc/self/clear_refs", "w") as f:
        f.write("5")
    before = status_mb("VmRSS:")
    only_memory = True
    fn()
    emit("memory/" + fn.__name__, status_mb("VmHWM:") - before, "MB")


# Graph nets by PyTorch Geometric, where it is installed (pip install torch_geometric).
def train_graph(name, layer, nodes, edges, features, hidden, classes):
    from torch_geometric import nn as pyg
    edge_index = torch.randint(0, nodes, (2, edges))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = getattr(pyg, layer)(features, hidden), getattr(pyg, layer)(hidden, classes)

        def forward(self, x):
            return self.b(self.a(x, edge_index).relu(), edge_index)
    train(name, Net(), torch.randn(nodes, features), torch.randint(0, classes, (nodes,)), 1, "epochs/s")


def gnn_cora():
    for name, layer in (("gcn", "GCNConv"), ("sage", "SAGEConv"), ("gat", "GATConv")):
        train_graph(f"gnn/{name}_cora_h16", layer, 2708, 10556, 1433, 16, 7)


def gcn_arxiv():
    train_graph("gnn/gcn_arxiv_h64", "GCNConv", 169343, 2332486, 128, 64, 40)


def sage_arxiv():
    train_graph("gnn/sage_arxiv_h64", "SAGEConv", 169343, 2332486, 128, 64, 40)


def gat_arxiv():
    train_graph("gnn/gat_arxiv_h64", "GATConv", 169343, 2332486, 128, 64, 40)


WORKLOADS = {f.__name__: f for f in (op_latency, gemm, gemm_narrow, small, layers, cache, bandwidth, attn, mlp, cnn, gpt_char, gpt2, decode, resnet18, resnet50, lstm, indices, load,
                                   gnn_cora, gcn_arxiv, sage_arxiv, gat_arxiv)}
for line in sys.stdin:
    name = line.strip()
    if name == "version":
        print(json.dumps({"name": "version", "value": torch.__version__, "unit": ""}), flush=True)
    if name.startswith("memory:"):
        memory_of(WORKLOADS[name[7:]])
    elif name in WORKLOADS:
        WORKLOADS[name]()
    print(flush=True)
