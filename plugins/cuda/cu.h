/* What the plugin uses of the CUDA driver, NVRTC and cuBLASLt, reached by dlopen: no SDK is needed to build, no driver to load.
   Names and values are NVIDIA's. */
#ifndef TN_CU_H
#define TN_CU_H
#include <stddef.h>
#include <stdint.h>
typedef int CUresult;
typedef int CUdevice;
typedef unsigned long long CUdeviceptr;
typedef struct CUctx_st *CUcontext;
typedef struct CUmod_st *CUmodule;
typedef struct CUfunc_st *CUfunction;
typedef struct CUstream_st *CUstream;
typedef struct CUevent_st *CUevent;
typedef struct CUgraph_st *CUgraph;
typedef struct CUgraphExec_st *CUgraphExec;
enum {
    CUDA_SUCCESS = 0, CUDA_ERROR_OUT_OF_MEMORY = 2, CUDA_ERROR_NO_DEVICE = 100, CUDA_ERROR_INVALID_DEVICE = 101, CUDA_ERROR_DEVICE_UNAVAILABLE = 46, CUDA_ERROR_ECC_UNCORRECTABLE = 214,
    CUDA_ERROR_HARDWARE_STACK_ERROR = 714, CUDA_ERROR_ILLEGAL_ADDRESS = 700, CUDA_ERROR_LAUNCH_TIMEOUT = 702, CUDA_ERROR_ASSERT = 710, CUDA_ERROR_LAUNCH_FAILED = 719,
    CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT = 16, CU_DEVICE_ATTRIBUTE_INTEGRATED = 18, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR = 75,
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR = 76, CU_STREAM_NON_BLOCKING = 1, CU_EVENT_DISABLE_TIMING = 2, CU_MEMHOSTALLOC_PORTABLE = 1, CU_MEMHOSTALLOC_DEVICEMAP = 2,
    CU_STREAM_CAPTURE_MODE_RELAXED = 2
};
/* X(name, symbol, arguments) */
#define CU_FUNCTIONS(X)                                                                                                                    \
    X(cuInit, "cuInit", (unsigned))                                                                                                        \
    X(cuDriverGetVersion, "cuDriverGetVersion", (int *))                                                                                   \
    X(cuGetErrorString, "cuGetErrorString", (CUresult, const char **))                                                                     \
    X(cuDeviceGetCount, "cuDeviceGetCount", (int *))                                                                                       \
    X(cuDeviceGet, "cuDeviceGet", (CUdevice *, int))                                                                                       \
    X(cuDeviceGetName, "cuDeviceGetName", (char *, int, CUdevice))                                                                         \
    X(cuDeviceTotalMem, "cuDeviceTotalMem_v2", (size_t *, CUdevice))                                                                       \
    X(cuDeviceGetAttribute, "cuDeviceGetAttribute", (int *, int, CUdevice))                                                                \
    X(cuDeviceGetPCIBusId, "cuDeviceGetPCIBusId", (char *, int, CUdevice))                                                                 \
    X(cuDevicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain", (CUcontext *, CUdevice))                                                       \
    X(cuDevicePrimaryCtxRelease, "cuDevicePrimaryCtxRelease_v2", (CUdevice))                                                               \
    X(cuCtxSetCurrent, "cuCtxSetCurrent", (CUcontext))                                                                                     \
    X(cuMemAlloc, "cuMemAlloc_v2", (CUdeviceptr *, size_t))                                                                                \
    X(cuMemFree, "cuMemFree_v2", (CUdeviceptr))                                                                                            \
    X(cuMemHostAlloc, "cuMemHostAlloc", (void **, size_t, unsigned))                                                                       \
    X(cuMemHostGetDevicePointer, "cuMemHostGetDevicePointer_v2", (CUdeviceptr *, void *, unsigned))                                        \
    X(cuMemFreeHost, "cuMemFreeHost", (void *))                                                                                            \
    X(cuMemcpyHtoDAsync, "cuMemcpyHtoDAsync_v2", (CUdeviceptr, const void *, size_t, CUstream))                                            \
    X(cuMemcpyDtoHAsync, "cuMemcpyDtoHAsync_v2", (void *, CUdeviceptr, size_t, CUstream))                                                  \
    X(cuMemcpyAsync, "cuMemcpyAsync", (CUdeviceptr, CUdeviceptr, size_t, CUstream))                                                        \
    X(cuMemsetD32Async, "cuMemsetD32Async", (CUdeviceptr, unsigned, size_t, CUstream))                                                     \
    X(cuStreamCreate, "cuStreamCreate", (CUstream *, unsigned))                                                                            \
    X(cuStreamDestroy, "cuStreamDestroy_v2", (CUstream))                                                                                   \
    X(cuStreamSynchronize, "cuStreamSynchronize", (CUstream))                                                                              \
    X(cuStreamWaitEvent, "cuStreamWaitEvent", (CUstream, CUevent, unsigned))                                                               \
    X(cuEventCreate, "cuEventCreate", (CUevent *, unsigned))                                                                               \
    X(cuEventRecord, "cuEventRecord", (CUevent, CUstream))                                                                                 \
    X(cuEventSynchronize, "cuEventSynchronize", (CUevent))                                                                                 \
    X(cuEventDestroy, "cuEventDestroy_v2", (CUevent))                                                                                      \
    X(cuModuleLoadData, "cuModuleLoadData", (CUmodule *, const void *))                                                                    \
    X(cuModuleGetFunction, "cuModuleGetFunction", (CUfunction *, CUmodule, const char *))                                                  \
    X(cuLaunchKernel, "cuLaunchKernel", (CUfunction, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, CUstream, void **, void **))
/* Graphs, which a driver may lack. */
#define CU_GRAPH_FUNCTIONS(X)                                                                                                              \
    X(cuStreamBeginCapture, "cuStreamBeginCapture_v2", (CUstream, int))                                                                    \
    X(cuStreamEndCapture, "cuStreamEndCapture", (CUstream, CUgraph *))                                                                     \
    X(cuGraphInstantiate, "cuGraphInstantiateWithFlags", (CUgraphExec *, CUgraph, unsigned long long))                                     \
    X(cuGraphLaunch, "cuGraphLaunch", (CUgraphExec, CUstream))                                                                             \
    X(cuGraphDestroy, "cuGraphDestroy", (CUgraph))                                                                                         \
    X(cuGraphExecDestroy, "cuGraphExecDestroy", (CUgraphExec))

typedef struct _nvrtcProgram *nvrtcProgram;
#define NVRTC_FUNCTIONS(X)                                                                                                                 \
    X(nvrtcVersion, "nvrtcVersion", (int *, int *))                                                                                        \
    X(nvrtcCreateProgram, "nvrtcCreateProgram", (nvrtcProgram *, const char *, const char *, int, const char *const *, const char *const *)) \
    X(nvrtcDestroyProgram, "nvrtcDestroyProgram", (nvrtcProgram *))                                                                        \
    X(nvrtcCompileProgram, "nvrtcCompileProgram", (nvrtcProgram, int, const char *const *))                                                \
    X(nvrtcGetCUBINSize, "nvrtcGetCUBINSize", (nvrtcProgram, size_t *))                                                                    \
    X(nvrtcGetCUBIN, "nvrtcGetCUBIN", (nvrtcProgram, char *))                                                                              \
    X(nvrtcGetPTXSize, "nvrtcGetPTXSize", (nvrtcProgram, size_t *))                                                                        \
    X(nvrtcGetPTX, "nvrtcGetPTX", (nvrtcProgram, char *))                                                                                  \
    X(nvrtcGetProgramLogSize, "nvrtcGetProgramLogSize", (nvrtcProgram, size_t *))                                                          \
    X(nvrtcGetProgramLog, "nvrtcGetProgramLog", (nvrtcProgram, char *))
#endif
