/* tensor_accel_opencl: devices of the OpenCL loader (libOpenCL.so.1, found at run time), with the ops of accel/, whose kernels are built at
   first use and kept in the user's cache folder. */
#define TN_STATIC
#define TENSOR_IMPLEMENTATION
#include "../../tensor.h"
#include "cl.h"
#include "../../accel/ops.h"
#include "../../accel/cache.h"

#define DECLARE(name, args) static cl_int(*name) args;
#define DECLARE_MAKER(type, name, args) static type(*name) args;
CL_FUNCTIONS(DECLARE)
CL_MAKERS(DECLARE_MAKER)

#define DEVICES 16
struct tn_accel_context {
    cl_device_id device;
    cl_context context;
    cl_ulong memory;
    const char *options;      /* of kernels whose reals are f32 */
    bool on_cpu;              /* the device is this process's own threads */
    kit kit;
};
struct tn_accel_queue {
    tn_accel_context *context;
    cl_command_queue queue;
    bool computes;               /* kernels run here, so that what they raised is read here */
};
struct tn_accel_buffer { cl_mem memory; };
struct tn_accel_event { cl_event event; };
static cl_device_id devices[DEVICES];
static char platforms[DEVICES][64];
static int32_t n_devices;

static tn_accel_status fail(tn_accel_error *e, cl_int code, const char *what) {
    e->code = 0;
    (void)snprintf(e->message, sizeof e->message, "%.400s: OpenCL error %d", what, (int)code);
    if (code == CL_MEM_OBJECT_ALLOCATION_FAILURE || code == CL_OUT_OF_HOST_MEMORY || code == CL_INVALID_BUFFER_SIZE || code == CL_OUT_OF_RESOURCES) return TN_ACCEL_MEMORY;
    return code == CL_DEVICE_NOT_AVAILABLE ? TN_ACCEL_LOST : TN_ACCEL_FAILED;
}
static tn_accel_status checked(tn_accel_error *e, cl_int code, const char *what) { return code == CL_SUCCESS ? TN_ACCEL_OK : fail(e, code, what); }

/* -- devices -- */
static bool library_open(tn_accel_error *e) {
    void *l = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL);
    const char *missing = NULL;
#define LOAD(name, args) *(void **)(void *)&name = l ? dlsym(l, #name) : NULL, missing = name ? missing : #name;
#define LOAD_MAKER(type, name, args) LOAD(name, args)
    CL_FUNCTIONS(LOAD)
    CL_MAKERS(LOAD_MAKER)
    if (!missing) return true;
    (void)snprintf(e->message, sizeof e->message, l ? "libOpenCL.so.1 has no %s" : "libOpenCL.so.1 is not there", missing);
    return false;
}
static void find_devices(void) {
    cl_platform_id platform[8];
    cl_uint n = 0;
    if (clGetPlatformIDs(8, platform, &n) != CL_SUCCESS) return;
    for (cl_uint p = 0; p < n && p < 8; p++) {
        cl_uint found = 0;
        if (n_devices == DEVICES || clGetDeviceIDs(platform[p], 0xFFFFFFFF, (cl_uint)(DEVICES - n_devices), devices + n_devices, &found) != CL_SUCCESS) continue;
        for (cl_uint i = 0; i < found && n_devices < DEVICES; i++) (void)clGetPlatformInfo(platform[p], CL_PLATFORM_NAME, sizeof platforms[0] - 1, platforms[n_devices], NULL), n_devices++;
    }
}
static int32_t opencl_count(void) { return n_devices; }
static tn_accel_status opencl_info(int32_t i, tn_accel_info *info, tn_accel_error *e) {
    char name[96] = "";
    cl_ulong type = 0;
    if (i < 0 || i >= n_devices) return fail(e, 0, "no such device");
    (void)clGetDeviceInfo(devices[i], CL_DEVICE_NAME, sizeof name - 1, name, NULL);
    (void)clGetDeviceInfo(devices[i], CL_DEVICE_TYPE, sizeof type, &type, NULL);
    (void)clGetDeviceInfo(devices[i], CL_DEVICE_GLOBAL_MEM_SIZE, sizeof info->memory, &info->memory, NULL);
    (void)clGetDeviceInfo(devices[i], CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof info->max_buffer, &info->max_buffer, NULL);
    (void)snprintf(info->name, sizeof info->name, "%s (%s)", name, platforms[i]);
    info->location[0] = 0;
    info->alignment = 0;
    info->kind = type & CL_DEVICE_TYPE_GPU ? 0 : type & CL_DEVICE_TYPE_CPU ? 1 : 2;
    return TN_ACCEL_OK;
}
static tn_accel_status opencl_alloc(tn_accel_context *c, uint64_t bytes, int32_t memory, tn_accel_buffer **buffer, void **host, tn_accel_error *e) {
    cl_int code;
    (void)host;
    if (c->memory && bytes > c->memory) return fail(e, CL_MEM_OBJECT_ALLOCATION_FAILURE, "more than the device has"); /* some drivers find out only at the first use */
    tn_accel_buffer *b = (tn_accel_buffer *)calloc(1, sizeof *b);
    if (!b) return fail(e, CL_OUT_OF_HOST_MEMORY, "allocating");
    if (memory == TN_ACCEL_PINNED) { /* what is mapped may not be copied from */
        free(b);
        (void)fail(e, 0, "there is no pinned memory");
        return TN_ACCEL_UNSUPPORTED;
    }
    b->memory = clCreateBuffer(c->context, CL_MEM_READ_WRITE, bytes ? bytes : 4, NULL, &code);
    if (code == CL_SUCCESS) *buffer = b;
    else free(b);
    return checked(e, code, "clCreateBuffer");
}
static void opencl_close(tn_accel_context *c) {
    (void)clReleaseContext(c->context);
    free(c);
}
static const kit_backend backend;
static tn_accel_status open_flag(tn_accel_context *c, tn_accel_error *e) {
    uint32_t zero = 0;
    cl_int code;
    if (!(c->kit.flag = (tn_accel_buffer *)calloc(1, sizeof *c->kit.flag))) return fail(e, CL_OUT_OF_HOST_MEMORY, "opening");
    c->kit.flag->memory = clCreateBuffer(c->context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, sizeof zero, &zero, &code);
    if (code != CL_SUCCESS) free(c->kit.flag), c->kit.flag = NULL;
    return checked(e, code, "clCreateBuffer");
}
static tn_accel_status open_kit(tn_accel_context *c, tn_accel_error *e) {
    kit *k = &c->kit;
    cl_ulong config = 0, single = 0, type = 0;
    size_t group = 256;
    char name[96] = "", driver[48] = "";
    (void)clGetDeviceInfo(c->device, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof c->memory, &c->memory, NULL);
    (void)clGetDeviceInfo(c->device, CL_DEVICE_TYPE, sizeof type, &type, NULL);
    c->on_cpu = (type & CL_DEVICE_TYPE_CPU) != 0;
    (void)clGetDeviceInfo(c->device, CL_DEVICE_SINGLE_FP_CONFIG, sizeof single, &single, NULL);
    (void)clGetDeviceInfo(c->device, CL_DEVICE_DOUBLE_FP_CONFIG, sizeof config, &config, NULL);
    c->options = single & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT ? "-cl-single-precision-constant -cl-fp32-correctly-rounded-divide-sqrt" : "-cl-single-precision-constant"; /* literals have no suffix */
    (void)clGetDeviceInfo(c->device, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof group, &group, NULL);
    (void)clGetDeviceInfo(c->device, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof k->units, &k->units, NULL);
    (void)clGetDeviceInfo(c->device, CL_DEVICE_NAME, sizeof name - 1, name, NULL);
    (void)clGetDeviceInfo(c->device, CL_DRIVER_VERSION, sizeof driver - 1, driver, NULL);
    (void)snprintf(k->cache, sizeof k->cache, "opencl %s %s", name, driver);
    k->backend = &backend;
    k->context = c;
    k->f64 = config != 0;
    k->group = (uint32_t)group;
    kit_fill_table();
    return open_flag(c, e);
}
static tn_accel_status opencl_open(int32_t i, tn_accel_context **out, tn_accel_error *e) {
    cl_int code;
    tn_accel_context *c = (tn_accel_context *)calloc(1, sizeof *c);
    if (!c) return fail(e, CL_OUT_OF_HOST_MEMORY, "opening");
    c->device = devices[i];
    c->context = clCreateContext(NULL, 1, &c->device, NULL, NULL, &code);
    if (code != CL_SUCCESS) {
        free(c);
        return fail(e, code, "clCreateContext");
    }
    tn_accel_status s = open_kit(c, e);
    if (s != TN_ACCEL_OK) {
        opencl_close(c);
        return s;
    }
    tn_set_log(NULL, NULL);
    *out = c;
    return TN_ACCEL_OK;
}
static void opencl_free(tn_accel_context *c, tn_accel_buffer *b) { /* the driver keeps the memory for what is still queued */
    (void)c;
    (void)clReleaseMemObject(b->memory);
    free(b);
}
static tn_accel_status opencl_fill(tn_accel_queue *q, tn_accel_buffer *to, uint64_t offset, uint64_t bytes, uint32_t pattern, tn_accel_error *e) {
    if (bytes == 0) return TN_ACCEL_OK;
    return checked(e, clEnqueueFillBuffer(q->queue, to->memory, &pattern, 4, offset, bytes, 0, NULL, NULL), "clEnqueueFillBuffer");
}
static tn_accel_status opencl_queue(tn_accel_context *c, tn_accel_queue **out, tn_accel_error *e) {
    cl_int code;
    tn_accel_queue *q = (tn_accel_queue *)calloc(1, sizeof *q);
    if (!q) return fail(e, CL_OUT_OF_HOST_MEMORY, "opening a queue");
    q->context = c;
    q->queue = clCreateCommandQueue(c->context, c->device, 0, &code);
    if (code != CL_SUCCESS) {
        free(q);
        return fail(e, code, "clCreateCommandQueue");
    }
    *out = q;
    return TN_ACCEL_OK;
}
static void opencl_queue_free(tn_accel_queue *q) {
    (void)clReleaseCommandQueue(q->queue);
    free(q);
}
static tn_accel_status opencl_copy(tn_accel_queue *q, tn_accel_buffer *to, uint64_t to_offset, tn_accel_buffer *from, uint64_t from_offset, uint64_t bytes, tn_accel_error *e) {
    if (bytes == 0) return TN_ACCEL_OK;
    return checked(e, clEnqueueCopyBuffer(q->queue, from->memory, to->memory, from_offset, to_offset, bytes, 0, NULL, NULL), "clEnqueueCopyBuffer");
}
static tn_accel_status opencl_write(tn_accel_queue *q, tn_accel_buffer *to, uint64_t offset, const void *from, uint64_t bytes, tn_accel_error *e) {
    if (bytes == 0) return TN_ACCEL_OK;
    return checked(e, clEnqueueWriteBuffer(q->queue, to->memory, 1, offset, bytes, from, 0, NULL, NULL), "clEnqueueWriteBuffer");
}
/* All before is done: did a kernel find something wrong? */
static tn_accel_status raised(tn_accel_queue *q, tn_accel_error *e) {
    uint32_t word = 0;
    const uint32_t zero = 0;
    kit *k = &q->context->kit;
    if (!q->computes || !k->flagged) return TN_ACCEL_OK;
    k->flagged = false;
    KIT_TRY(checked(e, clEnqueueReadBuffer(q->queue, k->flag->memory, 1, 0, 4, &word, 0, NULL, NULL), "clEnqueueReadBuffer"));
    if (word) KIT_TRY(checked(e, clEnqueueWriteBuffer(q->queue, k->flag->memory, 1, 0, 4, &zero, 0, NULL, NULL), "clEnqueueWriteBuffer"));
    return kit_raised(word, e);
}
static tn_accel_status opencl_sync(tn_accel_queue *q, tn_accel_error *e) {
    KIT_TRY(checked(e, clFinish(q->queue), "clFinish"));
    return raised(q, e);
}
static tn_accel_status opencl_read(tn_accel_queue *q, void *to, tn_accel_buffer *from, uint64_t offset, uint64_t bytes, tn_accel_error *e) {
    if (bytes == 0) return opencl_sync(q, e);
    KIT_TRY(checked(e, clEnqueueReadBuffer(q->queue, from->memory, 1, offset, bytes, to, 0, NULL, NULL), "clEnqueueReadBuffer"));
    return raised(q, e);
}
static tn_accel_status opencl_record(tn_accel_queue *q, tn_accel_event **out, tn_accel_error *e) {
    tn_accel_event *v = (tn_accel_event *)calloc(1, sizeof *v);
    if (!v) return fail(e, CL_OUT_OF_HOST_MEMORY, "an event");
    cl_int code = clEnqueueMarkerWithWaitList(q->queue, 0, NULL, &v->event);
    if (code != CL_SUCCESS) {
        free(v);
        return fail(e, code, "clEnqueueMarkerWithWaitList");
    }
    if ((code = clFlush(q->queue)) == CL_SUCCESS) *out = v; /* another queue that waits for it must not wait for ever */
    else (void)clReleaseEvent(v->event), free(v);
    return checked(e, code, "clFlush");
}
static tn_accel_status opencl_wait(tn_accel_queue *q, tn_accel_event *v, tn_accel_error *e) { return checked(e, clEnqueueMarkerWithWaitList(q->queue, 1, &v->event, NULL), "clEnqueueMarkerWithWaitList"); }
static void opencl_event_free(tn_accel_event *v) {
    (void)clReleaseEvent(v->event);
    free(v);
}

/* -- what the kit is given: programs and launches -- */
static cl_program program_from_source(kit *k, const char *text, cl_int *code) {
    cl_program p = clCreateProgramWithSource(k->context->context, 1, &text, NULL, code);
    const char *options = strstr(text, "#define T f64") ? "" : k->context->options;
    if (*code == CL_SUCCESS) *code = clBuildProgram(p, 1, &k->context->device, options, NULL, NULL);
    return p;
}
static cl_program program_from_cache(kit *k, const char *text) {
    size_t size;
    cl_int code, status = CL_SUCCESS;
    unsigned char *bytes = (unsigned char *)kit_cache_get(k, text, &size);
    const unsigned char *const binary = bytes;
    if (!bytes) return NULL;
    cl_program p = clCreateProgramWithBinary(k->context->context, 1, &k->context->device, &size, (const unsigned char **)(uintptr_t)&binary, &status, &code);
    free(bytes);
    if (code == CL_SUCCESS && status == CL_SUCCESS && clBuildProgram(p, 1, &k->context->device, "", NULL, NULL) == CL_SUCCESS) return p;
    if (p) (void)clReleaseProgram(p);
    return NULL;
}
static void keep_program(kit *k, const char *text, cl_program p) {
    size_t size = 0;
    unsigned char *bytes = clGetProgramInfo(p, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL) == CL_SUCCESS && size ? (unsigned char *)malloc(size) : NULL;
    if (bytes && clGetProgramInfo(p, CL_PROGRAM_BINARIES, sizeof bytes, &bytes, NULL) == CL_SUCCESS) kit_cache_put(k, text, bytes, size);
    free(bytes);
}
/* The log from its first error on: warnings come before. */
static void build_error(kit *k, cl_program p, char *to, size_t size) {
    size_t n = 0;
    char *log = clGetProgramBuildInfo(p, k->context->device, CL_PROGRAM_BUILD_LOG, 0, NULL, &n) == CL_SUCCESS ? (char *)calloc(1, n + 1) : NULL;
    if (!log) return;
    (void)clGetProgramBuildInfo(p, k->context->device, CL_PROGRAM_BUILD_LOG, n, log, NULL);
    const char *error = strstr(log, "error");
    (void)snprintf(to, size, "%s", error ? error : log);
    free(log);
}
static tn_accel_status opencl_build(kit *k, const char *text, void **out, tn_accel_error *e) {
    cl_int code = CL_SUCCESS;
    cl_program p = program_from_cache(k, text);
    const bool cached = p != NULL;
    if (!p) p = program_from_source(k, text, &code);
    cl_kernel kernel = code == CL_SUCCESS ? clCreateKernel(p, "k", &code) : NULL;
    if (!kernel) {
        char log[400] = "";
        if (p) build_error(k, p, log, sizeof log);
        const tn_accel_status s = fail(e, code, log[0] ? log : "building a kernel");
        if (p) (void)clReleaseProgram(p);
        return s;
    }
    if (!cached) keep_program(k, text, p);
    (void)clReleaseProgram(p); /* the kernel keeps it */
    *out = kernel;
    return TN_ACCEL_OK;
}
/* A driver on the CPU (PoCL) compiles a kernel for its group when it first runs, on a thread of its own. Were that still to come when the
   program ends, exit would have taken the compiler down: what it set up while it compiled is undone before any handler of ours. So no launch is
   left waiting there; the host would compete with it for the same cores anyway. */
static tn_accel_status opencl_launch(kit *k, void *program, const uint32_t groups[3], uint32_t group, const kit_binding *b, int n, const uint32_t *words, int n_words, tn_accel_error *e) {
    cl_kernel kernel = (cl_kernel)program;
    const size_t local[3] = {group, 1, 1}, global[3] = {(size_t)groups[0] * group, groups[1], groups[2]};
    cl_int code = CL_SUCCESS;
    for (int i = 0; i < n && code == CL_SUCCESS; i++) code = clSetKernelArg(kernel, (cl_uint)i, sizeof(cl_mem), &b[i].buffer->memory);
    if (code == CL_SUCCESS) code = clSetKernelArg(kernel, (cl_uint)n, (size_t)n_words * sizeof *words, words);
    if (code == CL_SUCCESS) code = clEnqueueNDRangeKernel(k->queue->queue, kernel, 3, NULL, global, local, 0, NULL, NULL);
    if (code == CL_SUCCESS && k->context->on_cpu) code = clFinish(k->queue->queue);
    return checked(e, code, "launching a kernel");
}
static const kit_backend backend = {KIT_OPENCL, false, opencl_build, opencl_launch, NULL};
static int32_t opencl_rate(tn_accel_context *c, const tn_accel_call *call, uint64_t *scratch) { return kit_rate(&c->kit, call, scratch); }
static tn_accel_status opencl_run(tn_accel_queue *q, const tn_accel_call *call, tn_accel_buffer *scratch, uint64_t scratch_offset, tn_accel_error *e) {
    q->computes = true;
    return kit_run(&q->context->kit, q, call, scratch, scratch_offset, e);
}
static const void *opencl_extension(const char *name) {
    (void)name;
    return NULL;
}

static const tn_accel_api api = {
    (uint32_t)sizeof(tn_accel_api), TN_ACCEL_MINOR, opencl_count, opencl_info, opencl_open, opencl_close, opencl_alloc, opencl_free, opencl_queue, opencl_queue_free,
    opencl_copy, opencl_write, opencl_read, opencl_fill, opencl_record, opencl_wait, opencl_event_free, opencl_sync, opencl_rate, opencl_run, opencl_extension};
static tn_accel_status opencl_init(const tn_accel_host *host, const tn_accel_api **out, tn_accel_error *e) {
    (void)host;
    if (!library_open(e)) return TN_ACCEL_NO_DRIVER;
    find_devices();
    *out = &api;
    return TN_ACCEL_OK;
}
static tn_accel_status opencl_probe(tn_accel_error *e) {
    (void)e;
    return TN_ACCEL_OK;
}
static void opencl_shutdown(void) {}

__attribute__((visibility("default"))) extern const tn_accel_plugin tensor_accel_plugin_v1;
const tn_accel_plugin tensor_accel_plugin_v1 = {TN_ACCEL_MAGIC, TN_ACCEL_MAJOR, TN_ACCEL_MINOR, (uint32_t)sizeof(tn_accel_plugin), "opencl", "1.0", opencl_probe, opencl_init, opencl_shutdown};
