/* tensor_accel_opencl: devices of the OpenCL loader (libOpenCL.so.1, found at run time). Ops so far: the pointwise rows, copies and
   fills, rendered from tensor.h's own expressions and built at first use; what is left out runs on the CPU. */
#define TN_STATIC
#define TENSOR_IMPLEMENTATION
#include "../../tensor.h"
#include "cl.h"

#define DECLARE(name, args) static cl_int(*name) args;
#define DECLARE_MAKER(type, name, args) static type(*name) args;
CL_FUNCTIONS(DECLARE)
CL_MAKERS(DECLARE_MAKER)

#define DEVICES 16
typedef struct program { /* built once a key */
    char *key;
    cl_kernel kernel;
    struct program *next;
} program;
struct tn_accel_context {
    cl_device_id device;
    cl_context context;
    bool f64;
    program *programs[64];
};
struct tn_accel_queue { tn_accel_context *context; cl_command_queue queue; };
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
    info->kind = type & 4 ? 0 : type & 2 ? 1 : 2;
    return TN_ACCEL_OK;
}
static tn_accel_status opencl_open(int32_t i, tn_accel_context **out, tn_accel_error *e) {
    cl_int code;
    cl_ulong config = 0;
    tn_accel_context *c = (tn_accel_context *)calloc(1, sizeof *c);
    if (!c) return fail(e, CL_OUT_OF_HOST_MEMORY, "opening");
    c->device = devices[i];
    c->context = clCreateContext(NULL, 1, &c->device, NULL, NULL, &code);
    if (code != CL_SUCCESS) {
        free(c);
        return fail(e, code, "clCreateContext");
    }
    (void)clGetDeviceInfo(c->device, CL_DEVICE_DOUBLE_FP_CONFIG, sizeof config, &config, NULL);
    c->f64 = config != 0;
    tn_set_log(NULL, NULL);
    *out = c;
    return TN_ACCEL_OK;
}
static void opencl_close(tn_accel_context *c) {
    (void)clReleaseContext(c->context);
    free(c);
}
static tn_accel_status opencl_alloc(tn_accel_context *c, uint64_t bytes, int32_t memory, tn_accel_buffer **buffer, void **host, tn_accel_error *e) {
    cl_int code;
    tn_accel_buffer *b = (tn_accel_buffer *)calloc(1, sizeof *b);
    (void)memory, (void)host;
    if (!b) return fail(e, CL_OUT_OF_HOST_MEMORY, "allocating");
    b->memory = clCreateBuffer(c->context, CL_MEM_READ_WRITE, bytes ? bytes : 4, NULL, &code);
    if (code == CL_SUCCESS) *buffer = b;
    else free(b);
    return checked(e, code, "clCreateBuffer");
}
static void opencl_free(tn_accel_context *c, tn_accel_buffer *b) { /* the driver keeps the memory for what is still queued */
    (void)c;
    (void)clReleaseMemObject(b->memory);
    free(b);
}
static tn_accel_status opencl_queue(tn_accel_context *c, tn_accel_queue **out, tn_accel_error *e) {
    cl_int code;
    tn_accel_queue *q = (tn_accel_queue *)calloc(1, sizeof *q);
    if (!q) return fail(e, CL_OUT_OF_HOST_MEMORY, "opening a queue");
    q->context = c;
    q->queue = clCreateCommandQueue(c->context, c->device, 0, &code);
    if (code == CL_SUCCESS) *out = q;
    else free(q);
    return checked(e, code, "clCreateCommandQueue");
}
static void opencl_queue_free(tn_accel_queue *q) {
    (void)clReleaseCommandQueue(q->queue);
    free(q);
}
static tn_accel_status opencl_copy(tn_accel_queue *q, tn_accel_buffer *to, uint64_t to_offset, tn_accel_buffer *from, uint64_t from_offset, uint64_t bytes, tn_accel_error *e) {
    return checked(e, clEnqueueCopyBuffer(q->queue, from->memory, to->memory, from_offset, to_offset, bytes, 0, NULL, NULL), "clEnqueueCopyBuffer");
}
static tn_accel_status opencl_write(tn_accel_queue *q, tn_accel_buffer *to, uint64_t offset, const void *from, uint64_t bytes, tn_accel_error *e) {
    return checked(e, clEnqueueWriteBuffer(q->queue, to->memory, 1, offset, bytes, from, 0, NULL, NULL), "clEnqueueWriteBuffer");
}
static tn_accel_status opencl_read(tn_accel_queue *q, void *to, tn_accel_buffer *from, uint64_t offset, uint64_t bytes, tn_accel_error *e) {
    return checked(e, clEnqueueReadBuffer(q->queue, from->memory, 1, offset, bytes, to, 0, NULL, NULL), "clEnqueueReadBuffer");
}
static tn_accel_status opencl_fill(tn_accel_queue *q, tn_accel_buffer *to, uint64_t offset, uint64_t bytes, uint32_t pattern, tn_accel_error *e) {
    return checked(e, clEnqueueFillBuffer(q->queue, to->memory, &pattern, 4, offset, bytes, 0, NULL, NULL), "clEnqueueFillBuffer");
}
static tn_accel_status opencl_record(tn_accel_queue *q, tn_accel_event **out, tn_accel_error *e) {
    tn_accel_event *v = (tn_accel_event *)calloc(1, sizeof *v);
    if (!v) return fail(e, CL_OUT_OF_HOST_MEMORY, "an event");
    const cl_int code = clEnqueueMarkerWithWaitList(q->queue, 0, NULL, &v->event);
    if (code == CL_SUCCESS) *out = v;
    else free(v);
    return checked(e, code, "clEnqueueMarkerWithWaitList");
}
static tn_accel_status opencl_wait(tn_accel_queue *q, tn_accel_event *v, tn_accel_error *e) { return checked(e, clEnqueueMarkerWithWaitList(q->queue, 1, &v->event, NULL), "clEnqueueMarkerWithWaitList"); }
static void opencl_event_free(tn_accel_event *v) {
    (void)clReleaseEvent(v->event);
    free(v);
}
static tn_accel_status opencl_sync(tn_accel_queue *q, tn_accel_error *e) { return checked(e, clFinish(q->queue), "clFinish"); }

/* -- pointwise kernels: tensor.h's expressions as text, in a compute type T, with loads and stores by dtype -- */
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define ROW(name, ex) {TN__OP_##name, TEXT(ex)},
static const struct { int op; const char *text; } any_rows[] = {TN__PW1_ANY(ROW) TN__PW2_ANY(ROW) TN__PW3_ANY(ROW) TN__CMP1_ANY(ROW) TN__CMP2_ANY(ROW)
    {TN__OP_clamp_min, "SEL((x > y) | (x != x), x, y)"}, {TN__OP_clamp_max, "SEL((x < y) | (x != x), x, y)"}};
static const struct { int op; const char *text; } float_rows[] = {TN__PW1_HOT(ROW) TN__PW2_HOT(ROW) TN__PW1_COLD(ROW) TN__PW2_COLD(ROW) TN__PW3_COLD(ROW) TN__CMP1_FLOAT(ROW)
    {TN__OP_pow, "pow(x, y)"}};
static const char prelude[] =
    "#define C(v) ((T)(v))\n#define SPL(v) ((T)(v))\n#define SEL(m, a, b) ((m) ? (a) : (b))\n#define MUL(a, b) ((a) * (b))\n#define P(i) ((T)p##i)\n"
    "#define __builtin_inff() INFINITY\n#define SQRT sqrt\n#define EXP exp\n#define LOG log\n#define TANH tanh\n#define ERF erf\n#define EXPM1 expm1\n#define LOG1P log1p\n"
    "#define LOG2 log2\n#define SIN sin\n#define COS cos\n#define TAN tan\n#define FLOOR floor\n#define CEIL ceil\n#define TRUNC trunc\n#define RINT rint\n#define ATAN2 atan2\n"
    "#define SIGMOID(x) (C(1) / (C(1) + exp(-(x))))\n"
    "#pragma OPENCL FP_CONTRACT OFF\n"
    "float from_bf16(ushort v) { return as_float((uint)v << 16); }\n"
    "ushort to_bf16(float f) { uint u = as_uint(f); return (ushort)(f != f ? (u >> 16) | 64 : (u + 0x7FFF + (u >> 16 & 1)) >> 16); }\n"
    "typedef struct { ulong n; ulong offset[4]; long stride[4][8]; uint shape[8]; uint ndim; uint unused; } layout;\n"
    "ulong at(const layout *l, int k, ulong i) { ulong r = l->offset[k]; for (int d = (int)l->ndim - 1; d >= 0; d--) { r += (i % l->shape[d]) * (ulong)l->stride[k][d]; i /= l->shape[d]; } return r; }\n";
typedef struct { uint64_t n, offset[4]; int64_t stride[4][8]; uint32_t shape[8], ndim, unused; } layout;
static const struct { const char *type, *load, *store; } formats[] = { /* by dtype; NULL: not here */
    [TN_BOOL] = {"uchar", "(T)%s[%s]", "%s[%s] = (uchar)(%s != 0)"},
    [TN_F32] = {"float", "(T)%s[%s]", "%s[%s] = (float)(%s)"}, [TN_F64] = {"double", "(T)%s[%s]", "%s[%s] = (double)(%s)"},
    [TN_F16] = {"half", "(T)vload_half(%2$s, %1$s)", "vstore_half_rte((float)(%3$s), %2$s, %1$s)"}, [TN_BF16] = {"ushort", "(T)from_bf16(%s[%s])", "%s[%s] = to_bf16((float)(%s))"},
    [TN_I64] = {"long", "(T)%s[%s]", "%s[%s] = (long)(%s)"}};
static bool accessible(int32_t dt) { return dt >= 0 && (size_t)dt < sizeof formats / sizeof *formats && formats[dt].type; }

/* What a call computes: the expression, its compute type, which operands feed it. NULL text: not a call for here. */
typedef struct { const char *text; tn_dtype compute; int first, n_in; double p[2]; } plan;
static const char *row_text(int op, tn_dtype compute) {
    for (size_t i = 0; i < sizeof any_rows / sizeof *any_rows; i++)
        if (any_rows[i].op == op) return any_rows[i].text;
    for (size_t i = 0; i < sizeof float_rows / sizeof *float_rows; i++)
        if (float_rows[i].op == op && tn__is_float(compute)) return float_rows[i].text;
    return NULL;
}
static int op_of(int32_t id) {
    for (int i = 0; i < TN__OP_COUNT; i++)
        if (tn__rows[i].id == id) return i;
    return -1;
}
static plan plan_of(const tn_accel_context *d, const tn_accel_call *call) {
    plan p = {NULL, TN_F32, 0, call->n_in, {0, 0}};
    const int op = op_of(call->op);
    if (op < 0 || call->n_out != 1 || call->n_in > 3 || call->in[0].ndim < 0) return p;
    if (op == TN__OP_copy_ && call->in[0].dtype == call->in[1].dtype) p.text = "x", p.first = 1, p.n_in = 1, p.compute = (tn_dtype)call->in[0].dtype;
    else if (op == TN__OP_copy_ && tn__is_float((tn_dtype)call->in[0].dtype) && tn__is_float((tn_dtype)call->in[1].dtype)) p.text = "x", p.first = 1, p.n_in = 1, p.compute = call->in[0].dtype == TN_F64 || call->in[1].dtype == TN_F64 ? TN_F64 : TN_F32;
    else if (op == TN__OP_fill_) p.text = "P(0)", p.n_in = 0, p.compute = (tn_dtype)call->in[0].dtype;
    else if (tn__rows[op].infer == tn__infer_pointwise) {
        tn_tensor operand[3], *in[3];
        tn_dtype result;
        memset(operand, 0, sizeof operand);
        for (int i = 0; i < call->n_in; i++) {
            if (call->in[i].ndim < 0) return p;
            operand[i].dtype = (uint8_t)call->in[i].dtype;
            operand[i].ndim = (uint8_t)call->in[i].ndim;
            operand[i].flags = call->in[i].flags & TN_ACCEL_WEAK ? TN__WRAPPED : 0;
            in[i] = &operand[i];
        }
        tn__call c = {op, call->n_in, 1, false, in, {NULL, NULL, NULL, NULL}, call->attr, false};
        if (!tn__pw_dtypes(&c, &p.compute, &result)) return p;
        const bool truth = tn__rows[op].rule == TN__R_COMPARE || tn__rows[op].rule == TN__R_BOOL;
        if (p.compute == TN_BOOL && truth) p.compute = TN_I64;
        if (p.compute == TN_BOOL || (truth && call->out[0].dtype != TN_BOOL)) return p;
        p.text = row_text(op, p.compute);
    }
    if (call->attr && p.text && op != TN__OP_copy_) memcpy(p.p, ((const tn__attr_num *)call->attr)->v, sizeof p.p);
    if (p.compute == TN_F16 || p.compute == TN_BF16) p.compute = TN_F32;
    if (p.compute != TN_F32 && p.compute != TN_I64 && (p.compute != TN_F64 || !d->f64) && !(p.compute == TN_BOOL && op == TN__OP_copy_)) p.text = NULL;
    if (!accessible(call->out[0].dtype) || (call->out[0].dtype == TN_F64 && !d->f64) || (p.compute != TN_I64 && call->out[0].dtype == TN_I64)) p.text = NULL;
    for (int k = 0; k < p.n_in && p.text; k++) {
        const tn_accel_tensor *a = &call->in[p.first + k];
        if (!accessible(a->dtype) || (a->dtype == TN_F64 && !d->f64 && a->buffer)) p.text = NULL;
    }
    return p;
}
static int32_t opencl_rate(tn_accel_context *c, const tn_accel_call *call, uint64_t *scratch) {
    (void)scratch;
    return plan_of(c, call).text ? 10 : 0;
}
static const char *type_of(tn_dtype compute) { return compute == TN_F64 ? "double" : compute == TN_I64 ? "long" : compute == TN_BOOL ? "uchar" : "float"; }
/* The kernel's text, which is its key too. */
static void render(char *text, size_t size, const plan *p, const tn_accel_call *call, bool dense) {
    static const char *const name[3] = {"x", "y", "z"};
    size_t used = 0;
    char place[32], value[96];
#define EMIT(...) used += used < size ? (size_t)snprintf(text + used, size - used, __VA_ARGS__) : 0
    EMIT("#define T %s\n#define FMA(a, b, c) %s\n#define ABS %s\n", type_of(p->compute), p->compute == TN_F32 || p->compute == TN_F64 ? "fma(a, b, c)" : "((a) * (b) + (c))", p->compute == TN_F32 || p->compute == TN_F64 ? "fabs" : "abs");
    EMIT("kernel void k(layout l, global %s *o, %s p0, %s p1", formats[call->out[0].dtype].type, p->compute == TN_F64 ? "double" : "float", p->compute == TN_F64 ? "double" : "float");
    for (int k = 0; k < p->n_in; k++) {
        const tn_accel_tensor *a = &call->in[p->first + k];
        if (a->buffer) EMIT(", global const %s *b%d", formats[a->dtype].type, k);
        else EMIT(", T s%d", k);
    }
    EMIT(") {\n  ulong i = get_global_id(0);\n  if (i >= l.n) return;\n");
    for (int k = 0; k < p->n_in; k++) {
        const tn_accel_tensor *a = &call->in[p->first + k];
        char source[16];
        (void)snprintf(source, sizeof source, "b%d", k);
        (void)snprintf(place, sizeof place, dense ? "i + l.offset[%d]" : "at(&l, %d, i)", k + 1);
        if (a->buffer) (void)snprintf(value, sizeof value, formats[a->dtype].load, source, place);
        else (void)snprintf(value, sizeof value, "s%d", k);
        EMIT("  T %s = %s;\n", name[k], value);
    }
    EMIT("  T r = %s;\n  ", p->text);
    EMIT(formats[call->out[0].dtype].store, "o", dense ? "i + l.offset[0]" : "at(&l, 0, i)", "r");
    EMIT(";\n}\n");
#undef EMIT
}
static cl_kernel kernel_for(tn_accel_context *c, const char *key, tn_dtype compute, tn_accel_error *e) {
    uint32_t hash = 2166136261u;
    for (const char *s = key; *s; s++) hash = (hash ^ (unsigned char)*s) * 16777619u;
    program **list = &c->programs[hash % 64];
    for (program *p = *list; p; p = p->next)
        if (strcmp(p->key, key) == 0) return p->kernel;
    const char *source[2] = {prelude, key};
    cl_int code;
    cl_program built = clCreateProgramWithSource(c->context, 2, source, NULL, &code);
    if (code == CL_SUCCESS) code = clBuildProgram(built, 1, &c->device, compute == TN_F64 ? "" : "-cl-single-precision-constant", NULL, NULL);
    cl_kernel kernel = code == CL_SUCCESS ? clCreateKernel(built, "k", &code) : NULL;
    program *p = kernel ? (program *)calloc(1, sizeof *p) : NULL;
    if (p) p->key = (char *)malloc(strlen(key) + 1);
    if (!p || !p->key) {
        char log[300] = "";
        if (built && !kernel) (void)clGetProgramBuildInfo(built, c->device, CL_PROGRAM_BUILD_LOG, sizeof log - 1, log, NULL);
        (void)fail(e, code, log[0] ? log : "building a kernel");
        return NULL;
    }
    strcpy(p->key, key);
    p->kernel = kernel;
    p->next = *list;
    *list = p;
    return kernel;
}
static bool same_and_dense(const tn_accel_tensor *a, const tn_accel_tensor *out) {
    if (!a->buffer) return true;
    if (a->ndim != out->ndim) return false;
    int64_t want = 1;
    for (int d = a->ndim - 1; d >= 0; d--) {
        if (a->shape[d] != out->shape[d] || (a->shape[d] != 1 && a->strides[d] != want)) return false;
        want *= a->shape[d];
    }
    return true;
}
static void lay_out(layout *l, int k, const tn_accel_tensor *a, const tn_accel_tensor *out) {
    const int lead = out->ndim - a->ndim;
    l->offset[k] = a->offset / tn__dsize((tn_dtype)a->dtype);
    for (int d = 0; d < out->ndim; d++) l->stride[k][d] = d < lead || (a->shape[d - lead] == 1 && out->shape[d] != 1) ? 0 : a->strides[d - lead];
}
static tn_accel_status opencl_run(tn_accel_queue *q, const tn_accel_call *call, tn_accel_buffer *scratch, uint64_t scratch_offset, tn_accel_error *e) {
    char key[4096];
    const plan p = plan_of(q->context, call);
    const tn_accel_tensor *out = &call->out[0];
    layout l;
    bool dense = same_and_dense(out, out);
    (void)scratch, (void)scratch_offset;
    memset(&l, 0, sizeof l);
    l.n = 1;
    l.ndim = (uint32_t)out->ndim;
    for (int d = 0; d < out->ndim; d++) l.shape[d] = (uint32_t)out->shape[d], l.n *= (uint64_t)out->shape[d];
    for (int d = 0; d < out->ndim; d++)
        if (out->shape[d] > (int64_t)UINT32_MAX) return TN_ACCEL_UNSUPPORTED;
    if (!p.text) return TN_ACCEL_UNSUPPORTED;
    if (l.n == 0) return TN_ACCEL_OK;
    lay_out(&l, 0, out, out);
    for (int k = 0; k < p.n_in; k++) {
        const tn_accel_tensor *a = &call->in[p.first + k];
        dense = dense && same_and_dense(a, out);
        if (a->buffer) lay_out(&l, k + 1, a, out);
    }
    render(key, sizeof key, &p, call, dense);
    cl_kernel kernel = kernel_for(q->context, key, p.compute, e);
    if (!kernel) return TN_ACCEL_FAILED;
    const float f[2] = {(float)p.p[0], (float)p.p[1]};
    const size_t global = (l.n + 63) / 64 * 64;
    cl_uint n = 0;
    cl_int code = clSetKernelArg(kernel, n++, sizeof l, &l);
    code |= clSetKernelArg(kernel, n++, sizeof(cl_mem), &out->buffer->memory);
    for (int k = 0; k < 2; k++) code |= p.compute == TN_F64 ? clSetKernelArg(kernel, n++, 8, &p.p[k]) : clSetKernelArg(kernel, n++, 4, &f[k]);
    for (int k = 0; k < p.n_in; k++) {
        const tn_accel_tensor *a = &call->in[p.first + k];
        const double v = a->buffer ? 0 : tn__get_f64((tn_dtype)a->dtype, (const char *)a->value);
        const float single = (float)v;
        const int64_t whole = a->buffer ? 0 : tn__get_i64((tn_dtype)a->dtype, (const char *)a->value);
        if (a->buffer) code |= clSetKernelArg(kernel, n++, sizeof(cl_mem), &a->buffer->memory);
        else code |= p.compute == TN_F64 ? clSetKernelArg(kernel, n++, 8, &v) : p.compute == TN_I64 ? clSetKernelArg(kernel, n++, 8, &whole) : clSetKernelArg(kernel, n++, 4, &single);
    }
    if (code == CL_SUCCESS) code = clEnqueueNDRangeKernel(q->queue, kernel, 1, NULL, &global, NULL, 0, NULL, NULL);
    return checked(e, code, "launching a kernel");
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
