/* A CUDA driver without a device, for tests of plugins/cuda: libcuda.so.1 with memory of the host's. Copies and fills happen at once;
   kernels are loaded and launched, which is counted, and compute nothing. */
#include "../../plugins/cuda/cu.h"
#include "fake_cuda.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* By cu.h's names and types, under the driver's symbols. */
#define DECLARE(name, symbol, args) __attribute__((visibility("default"))) extern CUresult name args __asm__(symbol);
CU_FUNCTIONS(DECLARE)
__attribute__((visibility("default"))) extern fake_cuda_state fake_cuda;
fake_cuda_state fake_cuda = {0, 0, 0, 0, 0, 1LL << 30, 0, 0};
static int lost; /* the code that every call gives from then on */
#define CALL(name, ...) CUresult name(__VA_ARGS__)
enum { UNSUPPORTED_PTX = 222, INVALID_IMAGE = 200, NOT_FOUND = 500, NOT_SUPPORTED = 801 };

CALL(cuInit, unsigned flags) { return (int)flags; }
CALL(cuDriverGetVersion, int *version) { return *version = 13000, lost; }
CALL(cuGetErrorString, CUresult code, const char **text) {
    *text = code == CUDA_ERROR_OUT_OF_MEMORY ? "out of memory" : code == CUDA_ERROR_ILLEGAL_ADDRESS ? "an illegal memory access was encountered" : "an error";
    return CUDA_SUCCESS;
}
CALL(cuDeviceGetCount, int *n) { return *n = 1, CUDA_SUCCESS; }
CALL(cuDeviceGet, CUdevice *device, int i) { return *device = i, CUDA_SUCCESS; }
CALL(cuDeviceGetName, char *name, int size, CUdevice device) { return (void)snprintf(name, (size_t)size, "fake %d", device), CUDA_SUCCESS; }
CALL(cuDeviceTotalMem, size_t *bytes, CUdevice device) { return (void)device, *bytes = (size_t)1 << 30, CUDA_SUCCESS; }
CALL(cuDeviceGetAttribute, int *value, int which, CUdevice device) {
    (void)device;
    *value = which == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR ? 9 : which == CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT ? 132 : 0;
    return CUDA_SUCCESS;
}
CALL(cuDeviceGetPCIBusId, char *id, int size, CUdevice device) { return (void)snprintf(id, (size_t)size, "0000:0%d:00.0", device), CUDA_SUCCESS; }
CALL(cuDevicePrimaryCtxRetain, CUcontext *context, CUdevice device) { return (void)device, *context = (CUcontext)(void *)&fake_cuda, CUDA_SUCCESS; }
CALL(cuDevicePrimaryCtxRelease, CUdevice device) { return (void)device, CUDA_SUCCESS; }
CALL(cuCtxSetCurrent, CUcontext context) { return (void)context, CUDA_SUCCESS; }

/* -- memory: each piece knows its size -- */
enum { HEAD = 64 };
CALL(cuMemAlloc, CUdeviceptr *at, size_t bytes) {
    if (lost) return lost;
    char *p = (long long)bytes <= fake_cuda.memory ? malloc(bytes + HEAD) : NULL;
    if (!p) return CUDA_ERROR_OUT_OF_MEMORY;
    memcpy(p, &bytes, sizeof bytes);
    memset(p + HEAD, 0x5A, bytes); /* nobody may take fresh memory for zeros */
    fake_cuda.memory -= (long long)bytes;
    fake_cuda.live++;
    *at = (CUdeviceptr)(uintptr_t)(p + HEAD);
    return CUDA_SUCCESS;
}
CALL(cuMemFree, CUdeviceptr at) {
    char *p = (char *)(uintptr_t)at - HEAD;
    size_t bytes;
    memcpy(&bytes, p, sizeof bytes);
    fake_cuda.memory += (long long)bytes;
    fake_cuda.live--;
    free(p);
    return lost;
}
CALL(cuMemHostAlloc, void **host, size_t bytes, unsigned flags) { return (void)flags, (*host = malloc(bytes)) ? lost : CUDA_ERROR_OUT_OF_MEMORY; }
CALL(cuMemHostGetDevicePointer, CUdeviceptr *at, void *host, unsigned flags) { return (void)flags, *at = (CUdeviceptr)(uintptr_t)host, lost; }
CALL(cuMemFreeHost, void *host) { return free(host), lost; }
static CUresult copied(CUdeviceptr to, CUdeviceptr from, size_t bytes) {
    if (!lost) memmove((void *)(uintptr_t)to, (const void *)(uintptr_t)from, bytes);
    return lost;
}
CALL(cuMemcpyHtoDAsync, CUdeviceptr to, const void *from, size_t bytes, CUstream stream) { return (void)stream, copied(to, (CUdeviceptr)(uintptr_t)from, bytes); }
CALL(cuMemcpyDtoHAsync, void *to, CUdeviceptr from, size_t bytes, CUstream stream) { return (void)stream, copied((CUdeviceptr)(uintptr_t)to, from, bytes); }
CALL(cuMemcpyAsync, CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) { return (void)stream, copied(to, from, bytes); }
CALL(cuMemsetD32Async, CUdeviceptr to, unsigned value, size_t words, CUstream stream) {
    (void)stream;
    for (size_t i = 0; !lost && i < words; i++) memcpy((char *)(uintptr_t)to + 4 * i, &value, 4);
    return lost;
}

/* -- streams, events: everything is done already -- */
CALL(cuStreamCreate, CUstream *stream, unsigned flags) { return (void)flags, *stream = (CUstream)(void *)&fake_cuda, lost; }
CALL(cuStreamDestroy, CUstream stream) { return (void)stream, lost; }
CALL(cuStreamSynchronize, CUstream stream) { return (void)stream, lost; }
CALL(cuStreamWaitEvent, CUstream stream, CUevent event, unsigned flags) { return (void)stream, (void)event, (void)flags, lost; }
CALL(cuEventCreate, CUevent *event, unsigned flags) { return (void)flags, *event = (CUevent)(void *)&fake_cuda, lost; }
CALL(cuEventRecord, CUevent event, CUstream stream) { return (void)event, (void)stream, lost; }
CALL(cuEventSynchronize, CUevent event) { return (void)event, lost; }
CALL(cuEventDestroy, CUevent event) { return (void)event, lost; }
CALL(cuStreamBeginCapture, CUstream stream, int mode) { return (void)stream, (void)mode, NOT_SUPPORTED; }
CALL(cuStreamEndCapture, CUstream stream, CUgraph *graph) { return (void)stream, (void)graph, NOT_SUPPORTED; }
CALL(cuGraphInstantiate, CUgraphExec *exec, CUgraph graph, unsigned long long flags) { return (void)exec, (void)graph, (void)flags, NOT_SUPPORTED; }
CALL(cuGraphLaunch, CUgraphExec exec, CUstream stream) { return (void)exec, (void)stream, NOT_SUPPORTED; }
CALL(cuGraphDestroy, CUgraph graph) { return (void)graph, NOT_SUPPORTED; }
CALL(cuGraphExecDestroy, CUgraphExec exec) { return (void)exec, NOT_SUPPORTED; }

/* -- kernels -- */
static int is_ptx(const char *s) { /* a kernel named k, whose registers are below what it declares */
    const char *declared = strstr(s, ".reg .b32 %r<");
    if (strncmp(s, ".version 7.4\n.target sm_75\n", 27) != 0 || !strstr(s, ".visible .entry k(") || !declared || s[strlen(s) - 1] != '\n') return 0;
    const long most = strtol(declared + 13, NULL, 10);
    for (const char *r = strchr(strchr(declared, ';'), '%'); r; r = strchr(r + 1, '%'))
        if (r[1] == 'r' && r[2] != 'd' && r[2] != 's' && (r[2] < '0' || r[2] > '9' || strtol(r + 2, NULL, 10) >= most || strtol(r + 2, NULL, 10) < 1)) return 0;
    return 1;
}
CALL(cuModuleLoadData, CUmodule *module, const void *image) {
    const char *s = image;
    if (lost) return lost;
    const int binary = memcmp(s, "\177ELF", 4) == 0, ptx = !binary && is_ptx(s);
    *module = (CUmodule)(void *)&fake_cuda;
    if (ptx && fake_cuda.old) return UNSUPPORTED_PTX;
    fake_cuda.binaries += binary, fake_cuda.ptx += ptx, fake_cuda.refused += !binary && !ptx;
    return binary || ptx ? CUDA_SUCCESS : INVALID_IMAGE;
}
CALL(cuModuleGetFunction, CUfunction *function, CUmodule module, const char *name) {
    *function = (CUfunction)(void *)module;
    return strcmp(name, "k") == 0 ? lost : NOT_FOUND;
}
CALL(cuLaunchKernel, CUfunction function, unsigned x, unsigned y, unsigned z, unsigned bx, unsigned by, unsigned bz, unsigned shared, CUstream stream, void **arguments, void **more) {
    (void)function, (void)shared, (void)stream, (void)arguments, (void)more;
    if (!lost && fake_cuda.lose > 0 && --fake_cuda.lose == 0) lost = CUDA_ERROR_ILLEGAL_ADDRESS;
    if (!lost) fake_cuda.launches++;
    return x && y && z && bx == 256 && by == 1 && bz == 1 ? lost : 1;
}
__attribute__((visibility("default"))) extern void *const fake_cuda_has[];
void *const fake_cuda_has[] = {
#define HAS(name, symbol, args) (void *)(uintptr_t)name,
    CU_FUNCTIONS(HAS)}; /* so that one that cu.h has and this lacks does not link */
