#!/usr/bin/env python3
"""Test accuracies of graph nets: ours (bench/gnn_table.c), PyTorch Geometric's and the papers'. make gnn-table

usage: bench/gnn_table.py [--only MODEL,...] [--seeds N] [--repeats N] [--data DIR] [--pyg]

Ours is trained now; PyG's figures are read from bench/gnn_table_pyg.json, which --pyg makes anew, of the models that are asked for (needs
torch, torch_geometric and safetensors). Both have one thread, the same hyper-parameters, seeds, folds and protocol:

Cora's public split, full-batch. After each epoch validation loss and test accuracy are taken; what counts is the test accuracy at the least
validation loss. Past half of the epochs a run stops when the validation loss exceeds the mean of the last `patience` ones.

MUTAG: ten stratified folds (of each repeat others), 200 epochs; what counts, as in GIN's paper, is the mean of the ten test accuracies at the
epoch where that mean is highest.

A seed gives PyG's initial weights and dropout here, so that runs are alike until rounding differs; the table counts those of equal accuracy.
A model holds against another where its mean is at least the other's less two standard errors of their difference.
"""
import argparse
import json
import math
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
FILE = os.path.join(HERE, "gnn_table_pyg.json")
# The paper's mean, its standard deviation and runs where it gives them, and what else is to be said.
PAPERS = {
    "GCN": (81.5, None, None, ""),
    "GAT": (83.0, 0.7, 100, ""),
    "SGC": (81.0, 0.0, 10, ""),
    "SGC (its paper's settings)": (81.0, 0.0, 10, ""),
    "ChebNet K=2": (80.0, None, None, "the first-order model of GCN's paper"),
    "ChebNet K=3": (81.2, None, None, "GCN's paper, whose K = 2 is of three terms"),
    "APPNP": (83.3, None, None, "of 20 other splits"),
    "GIN on MUTAG": (89.4, 5.6, 10, "deviation over folds"),
}
# lr, weight decay, epochs, patience (0: all epochs): as in bench/gnn_table.c
CORA = {
    "GCN": (0.01, 5e-4, 200, 10),
    "GAT": (0.005, 5e-4, 1000, 100),
    "SGC": (0.1, 5e-4, 200, 10),
    "SGC (its paper's settings)": (0.2, 1.3e-5, 100, 0),
    "ChebNet K=2": (0.01, 5e-4, 200, 10),
    "ChebNet K=3": (0.01, 5e-4, 200, 10),
    "APPNP": (0.01, 5e-4, 200, 10),
}


def say(text):
    if sys.stderr.isatty():
        print(f"\r{text:<60}", end="", file=sys.stderr, flush=True)


# -- PyG's side --
def pyg_nets():
    import torch
    import torch.nn.functional as F
    from torch_geometric import nn as pyg

    def drop(x, p, training):
        """Dropout; of sparse features what is stored, as the others stay 0 anyhow: torch's dense mask takes more time than all else."""
        if not x.is_sparse:
            return F.dropout(x, p, training)
        return torch.sparse_coo_tensor(x.indices(), F.dropout(x.values(), p, training), x.shape, is_coalesced=True) if training else x

    class TwoLayers(torch.nn.Module):
        def __init__(self, a, b, act, p, first):
            super().__init__()
            self.a, self.b, self.act, self.p, self.first = a, b, act, p, first

        def forward(self, x, edge_index):
            x = drop(x, self.p, self.training) if self.first else x
            x = F.dropout(self.act(self.a(x, edge_index)), self.p, self.training)
            return F.log_softmax(self.b(x, edge_index), 1)

    class SGC(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = pyg.SGConv(1433, 7, K=2, cached=True)

        def forward(self, x, edge_index):
            return F.log_softmax(self.conv(x, edge_index), 1)

    class APPNP(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = torch.nn.Linear(1433, 64), torch.nn.Linear(64, 7)
            self.prop = pyg.APPNP(10, 0.1, cached=True)

        def forward(self, x, edge_index):
            x = F.relu(torch.addmm(self.a.bias, drop(x, 0.5, self.training), self.a.weight.t()))
            x = F.dropout(x, 0.5, self.training)
            return F.log_softmax(self.prop(self.b(x), edge_index), 1)

    class ChebOfConstant(pyg.ChebConv):
        """ChebConv of features that are always the same: keeps what it propagated, which takes nearly all of its time."""
        def forward(self, x, edge_index):
            self.kept, self.calls = getattr(self, "kept", []), 0
            return super().forward(x, edge_index)

        def propagate(self, edge_index, **given):
            self.calls += 1
            if self.calls > len(self.kept):
                self.kept.append(super().propagate(edge_index, **given))
            return self.kept[self.calls - 1]

    class GIN(torch.nn.Module):
        def __init__(self, features, classes, hidden=32, layers=5):
            super().__init__()
            self.out = torch.nn.ModuleList([torch.nn.Linear(features, classes)])
            self.convs, self.norms = torch.nn.ModuleList(), torch.nn.ModuleList()
            for i in range(layers):
                self.convs.append(pyg.GINConv(torch.nn.Sequential(
                    torch.nn.Linear(hidden if i else features, hidden), torch.nn.BatchNorm1d(hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, hidden))))
                self.norms.append(torch.nn.BatchNorm1d(hidden))
                self.out.append(torch.nn.Linear(hidden, classes))

        def forward(self, x, edge_index, batch, graphs):
            score = F.dropout(self.out[0](pyg.global_add_pool(x, batch, graphs)), 0.5, self.training)
            for conv, norm, out in zip(self.convs, self.norms, self.out[1:]):
                x = norm(conv(x, edge_index)).relu()
                score = score + F.dropout(out(pyg.global_add_pool(x, batch, graphs)), 0.5, self.training)
            return score

    cheb = lambda K: TwoLayers(ChebOfConstant(1433, 16, K), pyg.ChebConv(16, 7, K), F.relu, 0.5, False)
    return {
        "GCN": lambda: TwoLayers(pyg.GCNConv(1433, 16, cached=True), pyg.GCNConv(16, 7, cached=True), F.relu, 0.5, False),
        "GAT": lambda: TwoLayers(pyg.GATConv(1433, 8, heads=8, dropout=0.6), pyg.GATConv(64, 7, heads=1, concat=False, dropout=0.6), F.elu, 0.6, True),
        "SGC": SGC, "SGC (its paper's settings)": SGC, "ChebNet K=2": lambda: cheb(2), "ChebNet K=3": lambda: cheb(3), "APPNP": APPNP, "GIN on MUTAG": GIN}


def pyg_cora(name, seed, folder, net):
    import torch
    import torch.nn.functional as F
    from safetensors.torch import load_file
    g = load_file(os.path.join(folder, "cora.safetensors"))
    x, edge_index, y = g["x"].float(), g["edge_index"], g["y"]
    if name != "SGC":
        x = x / x.sum(1, keepdim=True).clamp(min=1)
    if name in ("GCN", "GAT", "APPNP"):  # the others pass features on
        x = x.to_sparse()
    lr, weight_decay, epochs, patience = CORA[name]
    torch.manual_seed(seed)
    m = net()
    opt = torch.optim.Adam(m.parameters(), lr=lr, weight_decay=weight_decay)
    best, accuracy, losses = math.inf, 0.0, []
    for epoch in range(1, epochs + 1):
        m.train()
        opt.zero_grad()
        F.nll_loss(m(x, edge_index)[g["train_mask"]], y[g["train_mask"]]).backward()
        opt.step()
        m.eval()
        with torch.no_grad():
            out = m(x, edge_index)
            loss = F.nll_loss(out[g["val_mask"]], y[g["val_mask"]]).item()
            right = (out[g["test_mask"]].argmax(1) == y[g["test_mask"]]).float().mean().item()
        if loss < best:
            best, accuracy = loss, 100 * right
        losses.append(loss)
        if patience and epoch > epochs // 2 and loss > statistics.mean(losses[-patience - 1:-1]):
            break
    return {"model": name, "seed": seed, "test_acc": round(accuracy, 2), "val_loss": round(best, 4), "epochs": epoch}


def mutag_graphs(path):
    import torch
    from torch_geometric.data import Data
    with open(path) as f:
        lines = [[int(v) for v in line.split()] for line in f]
    at, graphs, tags, labels = 1, [], [], []
    for _ in range(lines[0][0]):
        n, label = lines[at]
        rows = lines[at + 1:at + 1 + n]
        at += 1 + n
        tags.append([r[0] for r in rows])
        labels.append(label)
        edges = [(i, j) for i, r in enumerate(rows) for j in r[2:]]
        graphs.append(torch.tensor(edges).t().contiguous())
    tag_of, label_of = ({v: i for i, v in enumerate(sorted(set(values)))} for values in ([t for row in tags for t in row], labels))
    one_hot = torch.eye(len(tag_of))
    return [Data(x=one_hot[[tag_of[t] for t in row]], edge_index=e, y=torch.tensor([label_of[l]])) for e, row, l in zip(graphs, tags, labels)]


def folds_of(labels, seed):
    """Each graph's fold: in a random order, those of one label after the other, they go to the folds in turn."""
    import torch
    order, fold, n = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed)).tolist(), [0] * len(labels), 0
    for label in sorted(set(labels)):
        for i in order:
            if labels[i] == label:
                fold[i], n = n % 10, n + 1
    return fold


def pyg_mutag(seed, folder, net):
    import torch
    import torch.nn.functional as F
    from torch_geometric.data import Batch
    from torch_geometric.loader import DataLoader
    graphs = mutag_graphs(os.path.join(folder, "mutag.txt"))
    fold = folds_of([g.y.item() for g in graphs], seed)
    curves = []
    for k in range(10):
        say(f"PyG GIN on MUTAG: repeat {seed}, fold {k}")
        torch.manual_seed(10 * seed + k)
        m = net(graphs[0].x.shape[1], 2)
        opt = torch.optim.Adam(m.parameters(), lr=0.01)
        schedule = torch.optim.lr_scheduler.StepLR(opt, 50, 0.5)
        loader = DataLoader([g for g, f in zip(graphs, fold) if f != k], batch_size=32, shuffle=True)
        test, curve = Batch.from_data_list([g for g, f in zip(graphs, fold) if f == k]), []
        for _ in range(200):
            m.train()
            for b in loader:
                opt.zero_grad()
                F.cross_entropy(m(b.x, b.edge_index, b.batch, b.num_graphs), b.y).backward()
                opt.step()
            schedule.step()
            m.eval()
            with torch.no_grad():
                curve.append(100 * (m(test.x, test.edge_index, test.batch, test.num_graphs).argmax(1) == test.y).float().mean().item())
        curves.append(curve)
    means = [statistics.mean(at) for at in zip(*curves)]
    epoch = max(range(200), key=lambda i: means[i])
    return {"model": "GIN on MUTAG", "seed": seed, "test_acc": round(means[epoch], 2), "fold_sd": round(statistics.stdev(c[epoch] for c in curves), 2), "epochs": epoch + 1}


def run_pyg(models, args):
    import warnings
    warnings.filterwarnings("ignore")
    import torch
    import torch_geometric
    torch.set_num_threads(1)
    nets, stored = pyg_nets(), read_pyg()
    stored["versions"] = {"torch": torch.__version__, "torch_geometric": torch_geometric.__version__}
    for name in models:
        runs = []
        for seed in range(args.repeats if name not in CORA else args.seeds):
            say(f"PyG {name}: seed {seed}")
            runs.append(pyg_cora(name, seed, args.data, nets[name]) if name in CORA else pyg_mutag(seed, args.data, nets[name]))
            print(json.dumps({"by": "PyG", **runs[-1]}), flush=True)
        stored["rows"][name] = row_of(runs)
        write_pyg(stored)


# -- the table --
def row_of(runs):
    values = [r["test_acc"] for r in runs]
    row = {"mean": round(statistics.mean(values), 3), "sd": round(statistics.stdev(values), 3) if len(values) > 1 else 0.0, "n": len(values), "runs": values}
    if "fold_sd" in runs[0]:
        row["fold_sd"] = round(statistics.mean(r["fold_sd"] for r in runs), 3)
    return row


def read_pyg():
    if not os.path.exists(FILE):
        return {"versions": {}, "rows": {}}
    with open(FILE) as f:
        return json.load(f)


def write_pyg(stored):
    """A line a model."""
    rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(stored['rows'][name])}" for name in PAPERS if name in stored["rows"])
    with open(FILE, "w") as f:
        f.write(f'{{"versions": {json.dumps(stored["versions"])},\n "rows": {{\n{rows}}}}}\n')


def run_ours(models, args):
    command = [os.path.join(os.path.dirname(HERE), "build", "gnn_table"), "--data", args.data, "--seeds", str(args.seeds), "--repeats", str(args.repeats), "--only", args.only]
    runs = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as p:
        for line in p.stdout:
            print(line, end="", flush=True)
            if line.startswith('{"model"'):
                r = json.loads(line)
                runs.setdefault(r["model"], []).append(r)
    if p.returncode:
        raise SystemExit(f"{command[0]} failed")
    return {name: row_of(r) for name, r in runs.items()}


def error_of(row):
    return row["sd"] / math.sqrt(row["n"])


def verdict(ours, mean, error):
    """Whether ours holds against a mean, the standard error of the difference given."""
    return "holds" if ours["mean"] >= mean - 2 * error else "LESS"


def table(models, ours, pyg):
    print(f"\n| model | ours (se) | PyG {pyg['versions'].get('torch_geometric', '')} (se) | runs alike | paper | against PyG | against the paper |\n|---|---|---|---|---|---|---|")
    for name in models:
        if name not in ours:
            continue
        o, p, (mean, sd, n, remark) = ours[name], pyg["rows"].get(name), PAPERS[name]
        cell = lambda r: f"{r['mean']:.2f} ± {r.get('fold_sd', r['sd']):.2f} ({error_of(r):.2f}, n={r['n']})" if r else "–"
        # Folds are the sample that a cross-validation has: its paper is met within the error of ten of them.
        own = o["fold_sd"] / math.sqrt(10) if "fold_sd" in o else error_of(o)
        paper = f"{mean}" + (f" ± {sd}" if sd else "") + (f" ({remark})" if remark else "")
        alike = f"{sum(a == b for a, b in zip(o['runs'], p['runs']))} of {min(o['n'], p['n'])}" if p else "–"
        against_pyg = verdict(o, p["mean"], math.hypot(error_of(o), error_of(p))) if p else "–"
        print(f"| {name} | {cell(o)} | {cell(p)} | {alike} | {paper} | {against_pyg} | {verdict(o, mean, math.hypot(own, sd / math.sqrt(n) if sd else 0))} |")


def data_folder():
    for folder in (os.path.join(os.path.dirname(HERE), "..", "shared", "data"), os.path.join(os.path.dirname(HERE), "data")):
        if os.path.exists(os.path.join(folder, "cora.safetensors")):
            return folder
    return "data"


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--only", default="", help="models, by the beginning of their names")
    a.add_argument("--seeds", type=int, default=20, help="runs of each net on Cora")
    a.add_argument("--repeats", type=int, default=3, help="cross-validations on MUTAG")
    a.add_argument("--data", default=data_folder(), help="where cora.safetensors and mutag.txt are; default ../shared/data, else data")
    a.add_argument("--pyg", action="store_true", help="train PyG's too")
    args = a.parse_args()
    models = [m for m in PAPERS if any(m.lower().startswith(o.strip().lower()) for o in args.only.split(","))]
    if args.pyg:
        run_pyg(models, args)
    table(models, run_ours(models, args), read_pyg())


if __name__ == "__main__":
    main()
