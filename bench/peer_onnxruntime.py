"""ONNX Runtime's side of bench/compare.py, for inference: reads workload names from stdin, prints one JSON line per figure, then an empty line.

usage: bench/peer_onnxruntime.py THREADS
"""
import json
import statistics
import sys
import time

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

random = np.random.default_rng(0)


class Graph:
    """Nodes in order; each call gives the name of its result."""

    def __init__(self):
        self.nodes, self.weights = [], []

    def weight(self, *shape, value=None):
        name = f"w{len(self.weights)}"
        data = random.standard_normal(shape) * 0.05 if value is None else np.full(shape, value)
        self.weights.append(numpy_helper.from_array(data.astype(np.float32), name))
        return name

    def __call__(self, op, *inputs, **attributes):
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], **attributes))
        return name

    def conv(self, x, i, o, kernel, stride):
        y = self("Conv", x, self.weight(o, i, kernel, kernel), strides=[stride] * 2, pads=[kernel // 2] * 4, kernel_shape=[kernel] * 2)
        return self("BatchNormalization", y, *(self.weight(o, value=v) for v in (1, 0, 0, 1)))


def resnet50():
    g, i = Graph(), 64
    x = g("MaxPool", g("Relu", g.conv("x", 3, 64, 7, 2)), kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    for stage, count in enumerate((3, 4, 6, 3)):
        for k in range(count):
            width, stride = 64 << stage, 2 if stage and not k else 1
            y = g("Relu", g.conv(x, i, width, 1, 1))
            y = g.conv(g("Relu", g.conv(y, width, width, 3, stride)), width, 4 * width, 1, 1)
            x = g("Relu", g("Add", y, g.conv(x, i, 4 * width, 1, stride) if stride != 1 or i != 4 * width else x))
            i = 4 * width
    x = g("Gemm", g("Flatten", g("GlobalAveragePool", x)), g.weight(1000, i), g.weight(1000), transB=1)
    graph = helper.make_graph(g.nodes, "resnet50", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 224, 224])],
                              [helper.make_tensor_value_info(x, TensorProto.FLOAT, [1, 1000])], g.weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(sys.argv[1])
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    image = random.standard_normal((1, 3, 224, 224)).astype(np.float32)
    times = []
    for _ in range(15):
        t = time.perf_counter()
        session.run(None, {"x": image})
        times.append(time.perf_counter() - t)
    print(json.dumps({"name": "resnet50/infer_b1_f32", "value": statistics.median(times[3:]) * 1e3, "unit": "ms"}), flush=True)


for line in sys.stdin:
    if line.strip() == "resnet50":
        resnet50()
    print(flush=True)
