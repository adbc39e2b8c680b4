/* tensor_accel_cuda: NVIDIA's devices over the driver's API (libcuda.so.1, found at run time), with the ops of accel/. Kernels come
   from the pack that the plugin may carry, or are built by NVRTC at first use and kept in the user's cache folder; matrix products go
   to cuBLASLt where it is there. */
#define TN_STATIC
#define TENSOR_IMPLEMENTATION
#include "../../tensor.h"
#include "cu.h"
#include "../../accel/ops.h"
#include "../../accel/cache.h"
#include "pack.h"

#define DECLARE(name, symbol, args) static CUresult(*name) args;
CU_FUNCTIONS(DECLARE)
CU_GRAPH_FUNCTIONS(DECLARE)
NVRTC_FUNCTIONS(DECLARE)

#define DEVICES 16
#define STAGE ((uint64_t)4 << 20)    /* bytes of each of the two pinned buffers through which writes go */
#define SMALL_READ ((uint64_t)64 << 10)
struct tn_accel_buffer { CUdeviceptr at; void *host; };
struct lt_state;
struct tn_accel_context {
    CUdevice device;
    CUcontext context;
    int capability;                  /* 90: 9.0 */
    tn_accel_buffer flag;
    struct lt_state *lt;             /* cuBLASLt's */
    kit kit;
};
struct tn_accel_queue {
    tn_accel_context *context;
    CUstream stream;
    bool computes;                   /* kernels run here, so that what they raised is read here */
    char *stage[2], *small;          /* pinned */
    CUevent staged[2];               /* the copies out of stage[i] are done */
    int at;
    uint64_t used;                   /* of stage[at] */
    bool recording, raises;          /* a graph is recorded; a kernel of it may set the context's flag */
    tn_accel_status spoiled;         /* what the first call said that failed meanwhile */
    tn_accel_error why;
};
struct tn_accel_graph { tn_accel_context *context; CUgraphExec exec; bool raises; };
struct tn_accel_event { CUevent event; };
static int32_t n_devices;
static bool has_nvrtc, has_graphs;
static const tn_accel_host *the_host;

static tn_accel_status fail(tn_accel_error *e, CUresult code, const char *what) {
    const char *text = NULL;
    if (cuGetErrorString) (void)cuGetErrorString(code, &text);
    e->code = 0;
    (void)snprintf(e->message, sizeof e->message, "%.300s: %.150s (CUDA error %d)", what, text ? text : "failed", code);
    switch (code) {
    case CUDA_ERROR_OUT_OF_MEMORY: return TN_ACCEL_MEMORY;
    case CUDA_ERROR_DEVICE_UNAVAILABLE:
    case CUDA_ERROR_ECC_UNCORRECTABLE:
    case CUDA_ERROR_HARDWARE_STACK_ERROR:
    case CUDA_ERROR_ILLEGAL_ADDRESS:
    case CUDA_ERROR_LAUNCH_TIMEOUT:
    case CUDA_ERROR_ASSERT:
    case CUDA_ERROR_LAUNCH_FAILED: return TN_ACCEL_LOST; /* every later call of this context fails too */
    default: return TN_ACCEL_FAILED;
    }
}
#define CU_TRY(call)                                                                                                   \
    do {                                                                                                               \
        const CUresult cu_code = (call);                                                                               \
        if (cu_code != CUDA_SUCCESS) return fail(e, cu_code, #call);                                                   \
    } while (0)
static tn_accel_status host_memory(tn_accel_error *e) {
    e->code = 0;
    (void)snprintf(e->message, sizeof e->message, "out of host memory");
    return TN_ACCEL_MEMORY;
}

/* -- libraries -- */
static void *open_any(const char *const *names) {
    void *l = NULL;
    for (; *names && !l; names++) l = dlopen(*names, RTLD_NOW | RTLD_LOCAL);
    return l;
}
static const char *load_driver(void) { /* what is missing, or NULL */
    static const char *const names[] = {"libcuda.so.1", NULL};
    const char *missing = NULL;
    void *l = open_any(names);
#define LOAD(name, symbol, args) *(void **)(void *)&name = l ? dlsym(l, symbol) : NULL, missing = name ? missing : symbol;
    CU_FUNCTIONS(LOAD)
    return !l ? "libcuda.so.1" : missing;
}
static void load_graphs(void) {
    static const char *const names[] = {"libcuda.so.1", NULL};
    const char *missing = NULL;
    void *l = open_any(names);
    CU_GRAPH_FUNCTIONS(LOAD)
    has_graphs = l && !missing;
}
static void load_nvrtc(void) { /* TN_NVRTC names the library, or, empty, none */
    static const char *const usual[] = {"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so", "/usr/local/cuda/lib64/libnvrtc.so", "/usr/local/cuda/lib64/libnvrtc.so.13", "/usr/local/cuda/lib64/libnvrtc.so.12", NULL};
    const char *missing = NULL, *const own[] = {getauxval(AT_SECURE) ? NULL : getenv("TN_NVRTC"), NULL};
    void *l = open_any(!own[0] ? usual : *own[0] ? own : own + 1);
    NVRTC_FUNCTIONS(LOAD)
    has_nvrtc = l && !missing;
}
#include "blaslt.h"

/* -- devices -- */
static int32_t cuda_count(void) { return n_devices; }
static int attribute(CUdevice d, int which) {
    int v = 0;
    (void)cuDeviceGetAttribute(&v, which, d);
    return v;
}
static tn_accel_status cuda_info(int32_t i, tn_accel_info *info, tn_accel_error *e) {
    CUdevice d;
    size_t memory = 0;
    char pci[24] = "";
    if (i < 0 || i >= n_devices) return fail(e, CUDA_ERROR_INVALID_DEVICE, "cuda_info");
    CU_TRY(cuDeviceGet(&d, i));
    CU_TRY(cuDeviceGetName(info->name, (int)sizeof info->name, d));
    if (cuDeviceTotalMem(&memory, d) == CUDA_SUCCESS) info->memory = info->max_buffer = memory;
    info->location[0] = 0;
    if (cuDeviceGetPCIBusId(pci, (int)sizeof pci, d) == CUDA_SUCCESS) (void)snprintf(info->location, sizeof info->location, "pci:%.23s", pci);
    for (char *s = info->location; *s; s++)
        if (*s >= 'A' && *s <= 'Z') *s = (char)(*s + 32);
    info->alignment = 0;
    info->kind = 0;
    return TN_ACCEL_OK;
}
/* -- memory -- */
static tn_accel_status enter(const tn_accel_context *c, tn_accel_error *e) { /* any thread may come, and others use contexts of their own */
    CU_TRY(cuCtxSetCurrent(c->context));
    return TN_ACCEL_OK;
}
static tn_accel_status pinned(uint64_t bytes, tn_accel_buffer *b, tn_accel_error *e) {
    CU_TRY(cuMemHostAlloc(&b->host, bytes, CU_MEMHOSTALLOC_PORTABLE | CU_MEMHOSTALLOC_DEVICEMAP));
    const CUresult code = cuMemHostGetDevicePointer(&b->at, b->host, 0);
    if (code == CUDA_SUCCESS) return TN_ACCEL_OK;
    (void)cuMemFreeHost(b->host);
    b->host = NULL;
    return fail(e, code, "cuMemHostGetDevicePointer");
}
static tn_accel_status cuda_alloc(tn_accel_context *c, uint64_t bytes, int32_t memory, tn_accel_buffer **buffer, void **host, tn_accel_error *e) {
    KIT_TRY(enter(c, e));
    tn_accel_buffer *b = (tn_accel_buffer *)calloc(1, sizeof *b);
    if (!b) return host_memory(e);
    const CUresult code = memory == TN_ACCEL_PINNED ? CUDA_SUCCESS : cuMemAlloc(&b->at, bytes ? bytes : 4);
    const tn_accel_status s = code != CUDA_SUCCESS ? fail(e, code, "cuMemAlloc") : memory == TN_ACCEL_PINNED ? pinned(bytes ? bytes : 4, b, e) : TN_ACCEL_OK;
    if (s != TN_ACCEL_OK) {
        free(b);
        return s;
    }
    *buffer = b;
    if (host) *host = b->host;
    return TN_ACCEL_OK;
}
static void cuda_free(tn_accel_context *c, tn_accel_buffer *b) {
    tn_accel_error e;
    if (enter(c, &e) == TN_ACCEL_OK) (void)(b->host ? cuMemFreeHost(b->host) : cuMemFree(b->at));
    free(b);
}

/* -- the kit's two functions -- */
/* The core says once an op that it runs on the CPU, and knows not why. */
static tn_accel_status no_compiler(kit *k) {
    static const char why[] = "cuda: a kernel that is not in the plugin cannot be built, since NVRTC (libnvrtc.so) is not there; such ops run on the CPU";
    static bool said;
    if (!said && the_host && the_host->log) the_host->log(the_host->context, TN_LOG_WARN, why);
    said = true;
    return kit_fail(k, TN_ACCEL_UNSUPPORTED, "%s", why);
}
static tn_accel_status compile(kit *k, const char *text, char **binary, size_t *size, tn_accel_error *e) {
    nvrtcProgram p = NULL;
    char arch[48], log[400] = "";
    (void)snprintf(arch, sizeof arch, "--gpu-architecture=sm_%d", k->context->capability);
    const char *const options[] = {arch, "--fmad=false", "--std=c++17"}; /* products and sums are fused where a kernel says so */
    *binary = NULL;
    if (!has_nvrtc) return no_compiler(k);
    bool ok = nvrtcCreateProgram(&p, text, "kernel.cu", 0, NULL, NULL) == 0 && nvrtcCompileProgram(p, 3, options) == 0;
    ok = ok && nvrtcGetCUBINSize(p, size) == 0 && *size > 0 && (*binary = (char *)malloc(*size)) != NULL && nvrtcGetCUBIN(p, *binary) == 0;
    size_t n = 0;
    if (!ok && p && nvrtcGetProgramLogSize(p, &n) == 0 && n > 1) {
        char *all = (char *)calloc(1, n + 1);
        if (all && nvrtcGetProgramLog(p, all) == 0) (void)snprintf(log, sizeof log, "%.399s", all);
        free(all);
    }
    if (p) (void)nvrtcDestroyProgram(&p);
    if (ok) return TN_ACCEL_OK;
    free(*binary);
    (void)e;
    return kit_fail(k, TN_ACCEL_FAILED, "NVRTC: %s", log[0] ? log : "a kernel could not be built");
}
/* Frees the image. One that the driver does not take is as good as none, unless memory or the device is gone. */
static tn_accel_status load(CUmodule *module, char *image, tn_accel_error *e) {
    const CUresult code = image ? cuModuleLoadData(module, image) : CUDA_SUCCESS;
    free(image);
    if (code == CUDA_SUCCESS) return TN_ACCEL_OK;
    *module = NULL;
    const tn_accel_status s = fail(e, code, "cuModuleLoadData");
    return s == TN_ACCEL_FAILED ? TN_ACCEL_OK : s;
}
static tn_accel_status compile_and_load(kit *k, const char *text, CUmodule *module, tn_accel_error *e) {
    char *binary;
    size_t size = 0;
    KIT_TRY(compile(k, text, &binary, &size, e));
    const CUresult code = cuModuleLoadData(module, binary);
    if (code == CUDA_SUCCESS) kit_cache_put(k, text, binary, size);
    free(binary);
    return code == CUDA_SUCCESS ? TN_ACCEL_OK : fail(e, code, "cuModuleLoadData");
}
static tn_accel_status cuda_build(kit *k, const char *text, void **program, tn_accel_error *e) {
    CUmodule module = NULL;
    CUfunction function;
    size_t size = 0;
    KIT_TRY(enter(k->context, e));
    KIT_TRY(load(&module, pack_get(text), e));
    if (!module) KIT_TRY(load(&module, (char *)kit_cache_get(k, text, &size), e));
    if (!module) KIT_TRY(compile_and_load(k, text, &module, e));
    CU_TRY(cuModuleGetFunction(&function, module, "k"));
    *program = function;
    return TN_ACCEL_OK;
}
static tn_accel_status cuda_launch(kit *k, void *program, const uint32_t groups[3], uint32_t group, const kit_binding *b, int n, const uint32_t *words, int n_words, tn_accel_error *e) {
    CUdeviceptr at[KIT_BUFFERS];
    void *arguments[KIT_BUFFERS + 1];
    for (int i = 0; i < n; i++) at[i] = b[i].buffer->at + b[i].offset, arguments[i] = &at[i];
    arguments[n] = (void *)(uintptr_t)words;
    (void)n_words;
    CU_TRY(cuLaunchKernel((CUfunction)program, groups[0], groups[1], groups[2], group, 1, 1, 0, k->queue->stream, arguments, NULL));
    return TN_ACCEL_OK;
}
static tn_accel_status cuda_gemm(kit *k, const struct kit_gemm_call *g, tn_accel_error *e) { return lt_gemm(k->context->lt, k->queue->stream, g, k->tf32, e); }
static const kit_backend backend = {KIT_CUDA, true, cuda_build, cuda_launch, NULL}, backend_lt = {KIT_CUDA, true, cuda_build, cuda_launch, cuda_gemm};

/* -- contexts and queues -- */
static void cuda_close(tn_accel_context *c) {
    (void)cuDevicePrimaryCtxRelease(c->device);
    free(c->lt);
    free(c);
}
static tn_accel_status open_in(tn_accel_context *c, int32_t i, tn_accel_error *e) {
    int driver = 0;
    char name[96] = "";
    kit *k = &c->kit;
    CU_TRY(cuDeviceGet(&c->device, i));
    CU_TRY(cuDevicePrimaryCtxRetain(&c->context, c->device));
    KIT_TRY(enter(c, e));
    if (!(c->lt = (lt_state *)calloc(1, sizeof *c->lt))) return host_memory(e);
    KIT_TRY(pinned(4, &c->flag, e));
    memset(c->flag.host, 0, 4);
    c->capability = attribute(c->device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) * 10 + attribute(c->device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
    (void)cuDriverGetVersion(&driver);
    (void)cuDeviceGetName(name, (int)sizeof name - 1, c->device);
    k->backend = has_lt ? &backend_lt : &backend;
    k->context = c;
    k->f64 = true;
    k->fixed = !has_nvrtc;
    k->units = (uint32_t)attribute(c->device, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
    k->group = 256;
    k->flag = &c->flag;
    (void)snprintf(k->cache, sizeof k->cache, "cuda sm_%d driver %d", c->capability, driver);
    kit_fill_table();
    return TN_ACCEL_OK;
}
static tn_accel_status cuda_open(int32_t i, tn_accel_context **out, tn_accel_error *e) {
    tn_accel_context *c = (tn_accel_context *)calloc(1, sizeof *c);
    if (!c) return host_memory(e);
    const tn_accel_status s = open_in(c, i, e);
    if (s != TN_ACCEL_OK) {
        if (c->context) (void)cuDevicePrimaryCtxRelease(c->device);
        free(c->lt);
        free(c);
        return s;
    }
    tn_set_log(NULL, NULL); /* errors go back through the interface */
    *out = c;
    return TN_ACCEL_OK;
}
static void cuda_queue_free(tn_accel_queue *q) {
    tn_accel_error e;
    CUgraph recorded = NULL;
    if (enter(q->context, &e) == TN_ACCEL_OK) {
        for (int i = 0; i < 2; i++) {
            if (q->staged[i]) (void)cuEventDestroy(q->staged[i]);
            if (q->stage[i]) (void)cuMemFreeHost(q->stage[i]);
        }
        if (q->small) (void)cuMemFreeHost(q->small);
        if (q->recording && cuStreamEndCapture(q->stream, &recorded) == CUDA_SUCCESS) (void)cuGraphDestroy(recorded);
        if (q->stream) (void)cuStreamDestroy(q->stream);
    }
    free(q);
}
static tn_accel_status fill_queue(tn_accel_queue *q, tn_accel_error *e) {
    KIT_TRY(enter(q->context, e));
    CU_TRY(cuStreamCreate(&q->stream, CU_STREAM_NON_BLOCKING));
    CU_TRY(cuMemHostAlloc((void **)(void *)&q->small, SMALL_READ, CU_MEMHOSTALLOC_PORTABLE));
    return TN_ACCEL_OK;
}
static tn_accel_status cuda_queue(tn_accel_context *c, tn_accel_queue **out, tn_accel_error *e) {
    tn_accel_queue *q = (tn_accel_queue *)calloc(1, sizeof *q);
    if (!q) return host_memory(e);
    q->context = c;
    const tn_accel_status s = fill_queue(q, e);
    if (s == TN_ACCEL_OK) *out = q;
    else cuda_queue_free(q);
    return s;
}
/* A call that fails while a graph is recorded: the graph would lack it, so that end fails too. */
static tn_accel_status spoil(tn_accel_queue *q, tn_accel_status s, const tn_accel_error *e) {
    if (q->recording && q->spoiled == TN_ACCEL_OK) q->spoiled = s, q->why = *e;
    return s;
}
static tn_accel_status refuse(tn_accel_queue *q, const char *message, tn_accel_error *e) { /* what no graph can hold; the driver never hears of it, and stays in order */
    if (!q->recording) return TN_ACCEL_OK;
    e->code = TN_ERR_STATE;
    (void)snprintf(e->message, sizeof e->message, "%s", message);
    return spoil(q, TN_ACCEL_INVALID, e);
}
static tn_accel_status cuda_copy(tn_accel_queue *q, tn_accel_buffer *to, uint64_t to_offset, tn_accel_buffer *from, uint64_t from_offset, uint64_t bytes, tn_accel_error *e) {
    KIT_TRY(enter(q->context, e));
    const CUresult code = bytes ? cuMemcpyAsync(to->at + to_offset, from->at + from_offset, bytes, q->stream) : CUDA_SUCCESS;
    return code == CUDA_SUCCESS ? TN_ACCEL_OK : spoil(q, fail(e, code, "cuMemcpyAsync"), e);
}
/* Made at the first write: queues that only copy need none. What a failure leaves is used by the next try, or freed with the queue. */
static tn_accel_status stages(tn_accel_queue *q, tn_accel_error *e) {
    for (int i = 0; i < 2; i++) {
        if (!q->stage[i]) CU_TRY(cuMemHostAlloc((void **)(void *)&q->stage[i], STAGE, CU_MEMHOSTALLOC_PORTABLE));
        if (!q->staged[i]) CU_TRY(cuEventCreate(&q->staged[i], CU_EVENT_DISABLE_TIMING));
    }
    return TN_ACCEL_OK;
}
/* Through pinned buffers, two in turn, so that a write neither waits for the queue nor keeps its source. */
static tn_accel_status cuda_write(tn_accel_queue *q, tn_accel_buffer *to, uint64_t offset, const void *from, uint64_t bytes, tn_accel_error *e) {
    const char *s = (const char *)from;
    KIT_TRY(refuse(q, "a write from host memory cannot be recorded", e));
    KIT_TRY(enter(q->context, e));
    if (bytes) KIT_TRY(stages(q, e));
    while (bytes) {
        if (q->used == STAGE) {
            CU_TRY(cuEventRecord(q->staged[q->at], q->stream));
            q->at = !q->at;
            q->used = 0;
            CU_TRY(cuEventSynchronize(q->staged[q->at]));
        }
        const uint64_t n = bytes < STAGE - q->used ? bytes : STAGE - q->used;
        memcpy(q->stage[q->at] + q->used, s, n);
        CU_TRY(cuMemcpyHtoDAsync(to->at + offset, q->stage[q->at] + q->used, n, q->stream));
        q->used += (n + 63) & ~(uint64_t)63;
        if (q->used > STAGE) q->used = STAGE;
        s += n;
        offset += n;
        bytes -= n;
    }
    return TN_ACCEL_OK;
}
/* All before is done: did a kernel find something wrong? */
static tn_accel_status raised(tn_accel_queue *q, tn_accel_error *e) {
    kit *k = &q->context->kit;
    uint32_t *word = (uint32_t *)q->context->flag.host, found;
    if (!q->computes || !k->flagged) return TN_ACCEL_OK;
    k->flagged = false;
    found = __atomic_exchange_n(word, 0u, __ATOMIC_ACQUIRE);
    return kit_raised(found, e);
}
static tn_accel_status cuda_sync(tn_accel_queue *q, tn_accel_error *e) {
    KIT_TRY(refuse(q, "nothing can be waited for while a graph is recorded", e));
    KIT_TRY(enter(q->context, e));
    CU_TRY(cuStreamSynchronize(q->stream));
    return raised(q, e);
}
static tn_accel_status cuda_read(tn_accel_queue *q, void *to, tn_accel_buffer *from, uint64_t offset, uint64_t bytes, tn_accel_error *e) {
    const bool small = bytes <= SMALL_READ;
    KIT_TRY(refuse(q, "a read cannot be recorded", e));
    KIT_TRY(enter(q->context, e));
    if (bytes) CU_TRY(cuMemcpyDtoHAsync(small ? q->small : to, from->at + offset, bytes, q->stream));
    KIT_TRY(cuda_sync(q, e));
    if (small) memcpy(to, q->small, bytes);
    return TN_ACCEL_OK;
}
static tn_accel_status cuda_fill(tn_accel_queue *q, tn_accel_buffer *to, uint64_t offset, uint64_t bytes, uint32_t pattern, tn_accel_error *e) {
    KIT_TRY(enter(q->context, e));
    const CUresult code = bytes ? cuMemsetD32Async(to->at + offset, pattern, bytes / 4, q->stream) : CUDA_SUCCESS;
    return code == CUDA_SUCCESS ? TN_ACCEL_OK : spoil(q, fail(e, code, "cuMemsetD32Async"), e);
}
static tn_accel_status cuda_record(tn_accel_queue *q, tn_accel_event **out, tn_accel_error *e) {
    KIT_TRY(refuse(q, "an event cannot be recorded in a graph", e));
    KIT_TRY(enter(q->context, e));
    tn_accel_event *v = (tn_accel_event *)calloc(1, sizeof *v);
    if (!v) return host_memory(e);
    CUresult code = cuEventCreate(&v->event, CU_EVENT_DISABLE_TIMING);
    if (code == CUDA_SUCCESS && (code = cuEventRecord(v->event, q->stream)) != CUDA_SUCCESS) (void)cuEventDestroy(v->event);
    if (code != CUDA_SUCCESS) {
        free(v);
        return fail(e, code, "recording an event");
    }
    *out = v;
    return TN_ACCEL_OK;
}
static tn_accel_status cuda_wait(tn_accel_queue *q, tn_accel_event *v, tn_accel_error *e) {
    KIT_TRY(refuse(q, "a wait for an event cannot be recorded", e));
    KIT_TRY(enter(q->context, e));
    CU_TRY(cuStreamWaitEvent(q->stream, v->event, 0));
    return TN_ACCEL_OK;
}
static void cuda_event_free(tn_accel_event *v) {
    (void)cuEventDestroy(v->event);
    free(v);
}

static int32_t cuda_rate(tn_accel_context *c, const tn_accel_call *call, uint64_t *scratch) { return kit_rate(&c->kit, call, scratch); }
static tn_accel_status cuda_run(tn_accel_queue *q, const tn_accel_call *call, tn_accel_buffer *scratch, uint64_t scratch_offset, tn_accel_error *e) {
    kit *k = &q->context->kit;
    const bool flagged = k->flagged;
    KIT_TRY(enter(q->context, e));
    q->computes = true;
    if (!q->recording) return kit_run(k, q, call, scratch, scratch_offset, e);
    e->code = 0; /* the kit gives no message where it does not take a call */
    (void)snprintf(e->message, sizeof e->message, "a call cannot be recorded: the plugin does not take it");
    k->flagged = false;
    const tn_accel_status s = kit_run(k, q, call, scratch, scratch_offset, e);
    q->raises = q->raises || k->flagged;
    k->flagged = flagged; /* nothing has run */
    return s == TN_ACCEL_OK ? s : spoil(q, s, e);
}
/* -- graphs -- */
/* Relaxed, as kernels are built and cuBLASLt's workspace is made at the first call that needs them, which may be a recorded one. */
static tn_accel_status capture_begin(tn_accel_queue *q, tn_accel_error *e) {
    KIT_TRY(refuse(q, "a graph is recorded already", e));
    KIT_TRY(enter(q->context, e));
    CU_TRY(cuStreamBeginCapture(q->stream, CU_STREAM_CAPTURE_MODE_RELAXED));
    q->recording = true;
    q->raises = false;
    q->spoiled = TN_ACCEL_OK;
    return TN_ACCEL_OK;
}
static tn_accel_status instantiate(tn_accel_queue *q, CUgraph recorded, tn_accel_graph **out, tn_accel_error *e) {
    tn_accel_graph *g = (tn_accel_graph *)calloc(1, sizeof *g);
    if (!g) return host_memory(e);
    g->context = q->context;
    g->raises = q->raises;
    const CUresult code = cuGraphInstantiate(&g->exec, recorded, 0);
    if (code == CUDA_SUCCESS) *out = g;
    else free(g);
    return code == CUDA_SUCCESS ? TN_ACCEL_OK : fail(e, code, "cuGraphInstantiateWithFlags");
}
static tn_accel_status capture_end(tn_accel_queue *q, tn_accel_graph **out, tn_accel_error *e) {
    CUgraph recorded = NULL;
    if (!q->recording) {
        e->code = TN_ERR_STATE;
        (void)snprintf(e->message, sizeof e->message, "no graph is recorded");
        return TN_ACCEL_INVALID;
    }
    KIT_TRY(enter(q->context, e));
    q->recording = false;
    const CUresult code = cuStreamEndCapture(q->stream, &recorded); /* also where the driver gave it up: the stream runs calls again */
    tn_accel_status s = q->spoiled;
    if (s != TN_ACCEL_OK) *e = q->why;
    else s = code == CUDA_SUCCESS ? instantiate(q, recorded, out, e) : fail(e, code, "cuStreamEndCapture");
    if (code == CUDA_SUCCESS && recorded) (void)cuGraphDestroy(recorded);
    return s;
}
static tn_accel_status capture_launch(tn_accel_queue *q, tn_accel_graph *g, tn_accel_error *e) {
    KIT_TRY(refuse(q, "the launch of a graph cannot be recorded", e));
    KIT_TRY(enter(q->context, e));
    q->computes = true;
    q->context->kit.flagged = q->context->kit.flagged || g->raises; /* the next sync reads the word */
    CU_TRY(cuGraphLaunch(g->exec, q->stream));
    return TN_ACCEL_OK;
}
static void capture_free(tn_accel_graph *g) { /* the driver keeps what runs until it is done */
    tn_accel_error e;
    if (enter(g->context, &e) == TN_ACCEL_OK) (void)cuGraphExecDestroy(g->exec);
    free(g);
}
/* Marks for Nsight, where NVTX is there. */
static int (*nvtx_push)(const char *);
static int (*nvtx_pop)(void);
static void mark(const char *name) { (void)nvtx_push(name); }
static void unmark(void) { (void)nvtx_pop(); }
static void load_nvtx(void) {
    static const char *const names[] = {"libnvToolsExt.so.1", "libnvtx3interop.so.1", "libnvtx3interop.so", NULL};
    void *l = open_any(names);
    *(void **)(void *)&nvtx_push = l ? dlsym(l, "nvtxRangePushA") : NULL;
    *(void **)(void *)&nvtx_pop = l ? dlsym(l, "nvtxRangePop") : NULL;
}
static const void *cuda_extension(const char *name) {
    static const tn_accel_profile marks = {(uint32_t)sizeof marks, TN_ACCEL_MINOR, mark, unmark};
    static const tn_accel_capture graphs = {(uint32_t)sizeof graphs, TN_ACCEL_MINOR, capture_begin, capture_end, capture_launch, capture_free};
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (strcmp(name, "capture/1") == 0) return has_graphs ? &graphs : NULL;
    if (strcmp(name, "profile/1") != 0) return NULL;
    (void)pthread_once(&once, load_nvtx);
    return nvtx_push && nvtx_pop ? &marks : NULL;
}

static const tn_accel_api api = {
    (uint32_t)sizeof(tn_accel_api), TN_ACCEL_MINOR, cuda_count, cuda_info, cuda_open, cuda_close, cuda_alloc, cuda_free, cuda_queue, cuda_queue_free,
    cuda_copy, cuda_write, cuda_read, cuda_fill, cuda_record, cuda_wait, cuda_event_free, cuda_sync, cuda_rate, cuda_run, cuda_extension};
static tn_accel_status no_driver(tn_accel_error *e, const char *what) {
    e->code = 0;
    (void)snprintf(e->message, sizeof e->message, "%s is not there", what);
    return TN_ACCEL_NO_DRIVER;
}
static tn_accel_status cuda_init(const tn_accel_host *host, const tn_accel_api **out, tn_accel_error *e) {
    the_host = host;
    const char *missing = load_driver();
    if (missing) return no_driver(e, missing);
    const CUresult code = cuInit(0);
    if (code == CUDA_ERROR_NO_DEVICE) return no_driver(e, "a CUDA device");
    if (code != CUDA_SUCCESS) return fail(e, code, "cuInit");
    (void)cuDeviceGetCount(&n_devices);
    load_graphs();
    load_nvrtc();
    load_lt();
    *out = &api;
    return TN_ACCEL_OK;
}
/* The driver's library may be looked for, not started: a child of fork could not use it then. */
static tn_accel_status cuda_probe(tn_accel_error *e) {
    void *l = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
    return l ? TN_ACCEL_OK : no_driver(e, "libcuda.so.1");
}
static void cuda_shutdown(void) {}

__attribute__((visibility("default"))) extern const tn_accel_plugin tensor_accel_plugin_v1;
const tn_accel_plugin tensor_accel_plugin_v1 = {TN_ACCEL_MAGIC, TN_ACCEL_MAJOR, TN_ACCEL_MINOR, (uint32_t)sizeof(tn_accel_plugin), "cuda", "1.0", cuda_probe, cuda_init, cuda_shutdown};
