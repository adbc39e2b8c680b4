#!/usr/bin/env python3
"""Compiles kernel texts for the four languages of accel/, without hardware: tools/check_kernels.py FOLDER [--each N] [--sources FOLDER].

FOLDER holds what a plugin wrote there under TN_KIT_DUMP=FOLDER: name_type_count.{cl,cu,hip,comp}. OpenCL C and HIP go through
clang, GLSL through glslangValidator, CUDA C++ through NVRTC (of a CUDA toolkit or of the package nvidia-cuda-nvrtc).
With --each, at most N texts of a kernel in a type are compiled; with --sources, a kernel of that folder without a text is a failure.
Prints what fails, and ends with "N passed, N failed"."""
import argparse, concurrent.futures, ctypes, glob, os, re, subprocess, sys

# In f64 GLSL has no transcendental functions: these texts do not compile, and the Vulkan plugin leaves the call to the CPU.
GLSL_F64_LACKS = re.compile(r"no matching overloaded function|cannot convert from ' temp double'")


def find_nvrtc():
    places = glob.glob("/usr/local/cuda*/lib*") + glob.glob("/usr/local/cuda*/targets/x86_64-linux/lib") + glob.glob(os.path.join(sys.prefix, "lib/python3*/site-packages/nvidia/*/lib"))
    for place in places:
        for path in sorted(glob.glob(os.path.join(place, "libnvrtc.so.*"))):
            try:
                return ctypes.CDLL(path)
            except OSError:
                pass
    return None


def cuda(nvrtc, path):
    """A text as PTX of the oldest devices that CUDA 13 has, by the options of plugins/cuda/cuda.c: (PTX, None) or (None, the log)."""
    text = open(path, "rb").read()
    program = ctypes.c_void_p()
    if nvrtc.nvrtcCreateProgram(ctypes.byref(program), text, b"k.cu", 0, None, None) != 0:
        return None, "nvrtcCreateProgram failed"
    options = (ctypes.c_char_p * 3)(b"--gpu-architecture=compute_75", b"--fmad=false", b"--std=c++17")
    ok = nvrtc.nvrtcCompileProgram(program, 3, options) == 0
    size_of, get = (nvrtc.nvrtcGetPTXSize, nvrtc.nvrtcGetPTX) if ok else (nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog)
    size = ctypes.c_size_t()
    size_of(program, ctypes.byref(size))
    told = ctypes.create_string_buffer(size.value + 1)
    get(program, told)
    nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
    told = told.value.decode(errors="replace")
    return (told, None) if ok else (None, told or "it does not compile")


COMMANDS = {
    ".cl": ["clang", "-x", "cl", "-cl-std=CL1.2", "-target", "spir64", "-Xclang", "-finclude-default-header", "-fsyntax-only", "-Werror", "-Wno-unused-value"],
    ".hip": ["clang", "-x", "hip", "--offload-arch=gfx90a", "--cuda-device-only", "-nogpuinc", "-nogpulib", "-fsyntax-only", "-std=c++17"],
    ".comp": ["glslangValidator", "--target-env", "vulkan1.2", "-S", "comp", "-o", "/dev/null"],
}


def check(path, nvrtc):
    suffix = os.path.splitext(path)[1]
    if suffix == ".cu":
        return cuda(nvrtc, path)[1]
    run = subprocess.run(COMMANDS[suffix] + [path], capture_output=True, text=True)
    if run.returncode == 0:
        return None
    if suffix == ".comp" and "#define DOUBLES 1" in open(path).read() and GLSL_F64_LACKS.search(run.stdout):
        return "lacks"
    return run.stdout + run.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--each", type=int, default=0)
    parser.add_argument("--sources")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    args = parser.parse_args()
    files, seen, kernels = [], {}, set()
    for path in sorted(glob.glob(os.path.join(args.folder, "*_*_*.*"))):
        kernel, _, rest = os.path.basename(path).rpartition("_")
        kernels.add(kernel.rpartition("_")[0])
        key = (kernel, rest.rpartition(".")[2])
        seen[key] = seen.get(key, 0) + 1
        if not args.each or seen[key] <= args.each:
            files.append(path)
    nvrtc = find_nvrtc()
    if not nvrtc:
        print("no NVRTC: pip install nvidia-cuda-nvrtc")
    failed, passed, lacks, skipped = 0, {}, 0, 0
    for path in sorted(glob.glob(os.path.join(args.sources, "*.k"))) if args.sources else []:
        text = open(path).read()
        for kernel in re.findall(r"^@kernel (\w+)", text, re.M):
            if kernel not in kernels:
                failed += 1
                print("FAIL no text of kernel %s (%s)" % (kernel, path))
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        wanted = [f for f in files if nvrtc or not f.endswith(".cu")]
        skipped = len(files) - len(wanted)
        for path, error in zip(wanted, pool.map(lambda f: check(f, nvrtc), wanted)):
            if error == "lacks":
                lacks += 1
            elif error:
                failed += 1
                if failed <= 20:
                    print("FAIL %s\n%s" % (path, error[:1500]))
            else:
                suffix = os.path.splitext(path)[1]
                passed[suffix] = passed.get(suffix, 0) + 1
    print("compiled: %s; %d texts in f64 that GLSL has no functions for; %d left out" % (", ".join("%d %s" % (n, s) for s, n in sorted(passed.items())), lacks, skipped))
    if not files or skipped:
        failed += 1
    print("%d passed, %d failed" % (sum(passed.values()), failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
