#!/usr/bin/env python3
"""What PyTorch on the CPU gives, for tests/test_parity.c; and the way back.

usage: tools/make_goldens.py [--check build/gpt.safetensors]

Writes tests/data/parity.safetensors (the loss of 100 steps of four nets from seed 0) and tests/data/gpt.safetensors (the small
GPT and its AdamW after 50 of them). --check loads a checkpoint that tests/test_parity.c wrote after 50 steps (tn_checkpoint_save)
into PyTorch, trains the other 50 and compares the loss with PyTorch's own run. Needs torch and safetensors.
"""
import argparse
import os
import sys

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

from torch_checkpoint import flatten, restore

DATA = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests", "data")
STEPS = 100


def mlp():
    net = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.LayerNorm(16), nn.Linear(16, 3))
    opt = torch.optim.AdamW(net.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(opt, 1e-2, STEPS)
    return net, opt, schedule, lambda: F.cross_entropy(net(torch.rand(32, 4)), torch.randint(0, 3, (32,)))


def cnn():
    net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 3))
    opt = torch.optim.SGD(net.parameters(), lr=5e-2, momentum=0.9, nesterov=True)
    return net, opt, None, lambda: F.cross_entropy(net(torch.rand(16, 1, 8, 8)), torch.randint(0, 3, (16,)))


def lstm():
    net = nn.ModuleList([nn.LSTM(4, 16), nn.Linear(16, 3)])
    opt = torch.optim.AdamW(net.parameters(), lr=1e-2)
    return net, opt, None, lambda: F.cross_entropy(net[1](net[0](torch.rand(6, 8, 4))[0][-1]), torch.randint(0, 3, (8,)))


def gpt():
    first, places = nn.Embedding(11, 16), nn.Embedding(8, 16)
    layer = nn.TransformerEncoderLayer(16, 2, 32, 0.0, F.gelu, batch_first=True, norm_first=True)
    net = nn.ModuleList([first, places, nn.TransformerEncoder(layer, 2, nn.LayerNorm(16), enable_nested_tensor=False), nn.Linear(16, 11)])
    opt = torch.optim.AdamW(net.parameters(), lr=1e-2)
    data = torch.randint(0, 11, (4, 9))
    x, y = data[:, :8], data[:, 1:].flatten()
    mask = nn.Transformer.generate_square_subsequent_mask(8)

    def loss():
        h = net[2](net[0](x) + net[1](torch.arange(8)), mask=mask, is_causal=True)
        return F.cross_entropy(net[3](h).reshape(-1, 11), y)
    return net, opt, None, loss


def train(run, first, last):
    net, opt, schedule, loss_of = run
    out = []
    for _ in range(first, last):
        loss = loss_of()
        opt.zero_grad()
        loss.backward()
        opt.step()
        if schedule:
            schedule.step()
        out.append(loss.item())
    return out


def begin(make):
    torch.manual_seed(0)
    return make()


def check(path):
    want = train(begin(gpt), 0, STEPS)
    run = begin(gpt)
    tensors = load_file(path)
    run[0].load_state_dict({k[6:]: v for k, v in tensors.items() if k.startswith("model.")})
    restore(run[1], tensors, "optimizer.")
    got = train(run, STEPS // 2, STEPS)
    worst = max(abs(a - b) / abs(b) for a, b in zip(got, want[STEPS // 2:]))
    print(f"{path}: loss of steps {STEPS // 2} to {STEPS} within {worst:.1e} of PyTorch's own")
    return worst < 1e-4


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.check:
        sys.exit(0 if check(options.check) else 1)
    curves = {make.__name__: torch.tensor(train(begin(make), 0, STEPS), dtype=torch.float64) for make in (mlp, cnn, lstm, gpt)}
    save_file(curves, os.path.join(DATA, "parity.safetensors"), {"torch": torch.__version__})
    run = begin(gpt)
    train(run, 0, STEPS // 2)
    save_file({**{"model." + k: v for k, v in run[0].state_dict().items()}, **flatten(run[1], "optimizer.")}, os.path.join(DATA, "gpt.safetensors"), {"torch": torch.__version__})
    for name, curve in curves.items():
        print(name, *(f"{curve[i]:.6f}" for i in (0, 49, 99)))


if __name__ == "__main__":
    main()
