#!/usr/bin/env python3
"""Seeds for tests/fuzz/fuzz_files.c: one small valid file a parser, and a few variants. usage: make_seeds.py FOLDER"""
import gzip
import json
import os
import struct
import sys
import zlib


def safetensors(tensors, metadata=None):
    header, data = ({"__metadata__": metadata} if metadata else {}), b""
    for name, (dtype, shape, values) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def npy(descr, shape, data, order=False):
    text = f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}"
    text += " " * (63 - (len(text) + 10) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + data


f32 = struct.pack("<4f", 1, 2, 3, 4)
images, labels = struct.pack(">4i", 2051, 2, 2, 2) + bytes(8), struct.pack(">2i", 2049, 2) + b"\x01\x00"
seeds = {
    "0_plain": safetensors({"weight": ("F32", [2, 2], f32), "bias": ("F32", [0], b"")}, {"format": "pt"}),
    "0_types": safetensors({f"t{i}": (d, [n], bytes(n * s)) for i, (d, n, s) in enumerate((("BOOL", 1, 1), ("BF16", 3, 2), ("I64", 1, 8), ("F64", 2, 8)))}),
    "1_f4": npy("<f4", (2, 2), f32),
    "1_fortran": npy("<i8", (1, 2), bytes(16), True),
    "2_zlib": zlib.compress(b"tensor " * 40),
    "2_gzip": gzip.compress(bytes(range(256))),
    "2_stored": zlib.compress(b"abc", 0),
    "3_idx": images,
    "3_labels": labels,
    "3_gz": gzip.compress(images),
    "4_csv": b"a,b,label\n1,2.5,0\n-3e2,4,1\n",
    "5_state": safetensors({"model.weight": ("F32", [2, 2], f32), "model.bias": ("F32", [2], f32[:8])}, {"step": "1", "epoch": "0"}),
}
os.makedirs(sys.argv[1], exist_ok=True)
for name, data in seeds.items():
    with open(os.path.join(sys.argv[1], name), "wb") as out:
        out.write(bytes([int(name[0])]) + data)
