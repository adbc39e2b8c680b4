/* What the plugin uses of OpenCL 1.2, reached by dlopen: no SDK is needed to build, no driver to load. Values are Khronos'. */
#ifndef TN_CL_H
#define TN_CL_H
#include <stddef.h>
#include <stdint.h>
typedef int32_t cl_int;
typedef uint32_t cl_uint;
typedef uint64_t cl_ulong;
typedef struct cl_platform *cl_platform_id;
typedef struct cl_device *cl_device_id;
typedef struct cl_context_ *cl_context;
typedef struct cl_queue *cl_command_queue;
typedef struct cl_memory *cl_mem;
typedef struct cl_program_ *cl_program;
typedef struct cl_kernel_ *cl_kernel;
typedef struct cl_event_ *cl_event;
enum {
    CL_SUCCESS = 0, CL_DEVICE_NOT_AVAILABLE = -2, CL_MEM_OBJECT_ALLOCATION_FAILURE = -4, CL_OUT_OF_RESOURCES = -5, CL_OUT_OF_HOST_MEMORY = -6,
    CL_INVALID_BUFFER_SIZE = -61, CL_PLATFORM_NAME = 0x0902, CL_DEVICE_TYPE_ALL_ = -1, CL_DEVICE_TYPE_CPU = 2, CL_DEVICE_TYPE_GPU = 4, CL_DEVICE_TYPE = 0x1000, CL_DEVICE_MAX_MEM_ALLOC_SIZE = 0x1010,
    CL_DEVICE_GLOBAL_MEM_SIZE = 0x101F, CL_DEVICE_MEM_BASE_ADDR_ALIGN = 0x1019, CL_DEVICE_NAME = 0x102B, CL_DEVICE_EXTENSIONS = 0x1030,
    CL_DEVICE_DOUBLE_FP_CONFIG = 0x1032, CL_DEVICE_SINGLE_FP_CONFIG = 0x101B, CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT = 1 << 7, CL_PROGRAM_BUILD_LOG = 0x1183, CL_MEM_READ_WRITE = 1, CL_MEM_COPY_HOST_PTR = 32, CL_DEVICE_MAX_COMPUTE_UNITS = 0x1002, CL_DEVICE_MAX_WORK_GROUP_SIZE = 0x1004,
    CL_DRIVER_VERSION = 0x102D, CL_PROGRAM_BINARY_SIZES = 0x1165, CL_PROGRAM_BINARIES = 0x1166
};
#define CL_FUNCTIONS(X)                                                                                                                    \
    X(clGetPlatformIDs, (cl_uint, cl_platform_id *, cl_uint *))                                                                            \
    X(clGetPlatformInfo, (cl_platform_id, cl_uint, size_t, void *, size_t *))                                                              \
    X(clGetDeviceIDs, (cl_platform_id, cl_ulong, cl_uint, cl_device_id *, cl_uint *))                                                      \
    X(clGetDeviceInfo, (cl_device_id, cl_uint, size_t, void *, size_t *))                                                                  \
    X(clReleaseMemObject, (cl_mem))                                                                                                        \
    X(clReleaseContext, (cl_context))                                                                                                      \
    X(clReleaseCommandQueue, (cl_command_queue))                                                                                           \
    X(clReleaseProgram, (cl_program))                                                                                                      \
    X(clReleaseEvent, (cl_event))                                                                                                          \
    X(clEnqueueReadBuffer, (cl_command_queue, cl_mem, cl_uint, size_t, size_t, void *, cl_uint, const cl_event *, cl_event *))             \
    X(clEnqueueWriteBuffer, (cl_command_queue, cl_mem, cl_uint, size_t, size_t, const void *, cl_uint, const cl_event *, cl_event *))      \
    X(clEnqueueCopyBuffer, (cl_command_queue, cl_mem, cl_mem, size_t, size_t, size_t, cl_uint, const cl_event *, cl_event *))              \
    X(clEnqueueFillBuffer, (cl_command_queue, cl_mem, const void *, size_t, size_t, size_t, cl_uint, const cl_event *, cl_event *))        \
    X(clEnqueueMarkerWithWaitList, (cl_command_queue, cl_uint, const cl_event *, cl_event *))                                              \
    X(clEnqueueNDRangeKernel, (cl_command_queue, cl_kernel, cl_uint, const size_t *, const size_t *, const size_t *, cl_uint, const cl_event *, cl_event *)) \
    X(clBuildProgram, (cl_program, cl_uint, const cl_device_id *, const char *, void (*)(cl_program, void *), void *))                     \
    X(clGetProgramBuildInfo, (cl_program, cl_device_id, cl_uint, size_t, void *, size_t *))                                                \
    X(clGetProgramInfo, (cl_program, cl_uint, size_t, void *, size_t *))                                                                   \
    X(clSetKernelArg, (cl_kernel, cl_uint, size_t, const void *))                                                                          \
    X(clFlush, (cl_command_queue))                                                                                                         \
    X(clFinish, (cl_command_queue))
#define CL_MAKERS(X)                                                                                                                       \
    X(cl_context, clCreateContext, (const intptr_t *, cl_uint, const cl_device_id *, void (*)(const char *, const void *, size_t, void *), void *, cl_int *)) \
    X(cl_command_queue, clCreateCommandQueue, (cl_context, cl_device_id, cl_ulong, cl_int *))                                              \
    X(cl_mem, clCreateBuffer, (cl_context, cl_ulong, size_t, void *, cl_int *))                                                            \
    X(cl_program, clCreateProgramWithSource, (cl_context, cl_uint, const char **, const size_t *, cl_int *))                               \
    X(cl_program, clCreateProgramWithBinary, (cl_context, cl_uint, const cl_device_id *, const size_t *, const unsigned char **, cl_int *, cl_int *)) \
    X(cl_kernel, clCreateKernel, (cl_program, const char *, cl_int *))
#endif
