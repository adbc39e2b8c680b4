"""An optimizer's state as tensor.h's files name it ("state.0.exp_avg", "param_groups.0.lr"), to and from torch.optim.

from torch_checkpoint import flatten, restore
save_file({**{"model." + k: v for k, v in net.state_dict().items()}, **flatten(opt, "optimizer.")}, "run.safetensors")
restore(opt, load_file("run.safetensors"), "optimizer.")    # a file of tn_checkpoint_save, or of the line above
"""
import torch


def numbers(group):
    """The numeric options of a parameter group, by flat name, with the way back into the group."""
    for key, value in group.items():
        if key == "params":
            continue
        if isinstance(value, (tuple, list)):
            for i, v in enumerate(value):
                yield f"{key}.{i}", v, key, i
        elif isinstance(value, (bool, int, float)):
            yield key, value, key, None


def flatten(optimizer, prefix=""):
    state = optimizer.state_dict()
    out = {}
    for i, values in state["state"].items():
        for key, value in values.items():
            if value is not None:
                out[f"{prefix}state.{i}.{key}"] = torch.as_tensor(value).detach().clone().contiguous()
    for g, group in enumerate(state["param_groups"]):
        for name, value, _, _ in numbers(group):
            out[f"{prefix}param_groups.{g}.{name}"] = torch.tensor(float(value), dtype=torch.float64)
    return out


def restore(optimizer, tensors, prefix=""):
    """Puts state and options into an optimizer over the same parameters in the same order."""
    state = optimizer.state_dict()
    state["state"] = {}
    for name, t in tensors.items():
        if name.startswith(prefix + "state."):
            _, i, key = name[len(prefix):].split(".", 2)
            state["state"].setdefault(int(i), {})[key] = t
    for g, group in enumerate(state["param_groups"]):
        for name, value, key, i in list(numbers(group)):
            t = tensors.get(f"{prefix}param_groups.{g}.{name}")
            if t is None:
                continue
            new = type(value)(t.item())
            group[key] = new if i is None else tuple(new if j == i else v for j, v in enumerate(group[key]))
    optimizer.load_state_dict(state)
