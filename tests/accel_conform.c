/* Judges a plugin's devices against the CPU: accel_conform PLUGIN.so [--op NAME,…] [--device N] [--seed N] [--shard I/N] [--plain] [--list].
   L0 what the plugin's record and table promise; L1 memory, queues, events and graphs, raw and through tn_; L3 every row of the op
   table by the same public call on the CPU and on the device, gradients too; L4 random chains of pointwise ops.
   The plugin's table is wrapped before the library sees it: every buffer gets guards, and calls are counted by row. Status 1
   when a case fails, when a row is never run, and when nothing ran. */
#define _DEFAULT_SOURCE /* mprotect, isatty */
#include "../tensor.h"
#include <dlfcn.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))
#define MAX_ROWS 1024
static struct { const char *path, *ops; uint64_t seed; int shard, shards, device; bool list, tty, plain; } opt = {NULL, NULL, 1, 0, 1, -1, false, false, false};
static char now[300] = "starting"; /* the case that runs */
static int bad, lines;             /* its faults; lines printed for its op */
static int64_t passed, refused, failed, judged; /* judged: cases of ops and chains */
static tn_device device;

__attribute__((format(printf, 1, 2))) static void fault(const char *fmt, ...) {
    va_list ap;
    bad++;
    if (lines++ >= 12) return;
    va_start(ap, fmt);
    printf("%sFAIL %s seed %" PRIu64 ": ", opt.tty ? "\r\033[K" : "", now, opt.seed);
    (void)vprintf(fmt, ap);
    printf("%s\n", lines == 12 ? " (and no more of this op)" : "");
    fflush(stdout);
    va_end(ap);
}
#define NEED(x, ...) ((x) ? (void)0 : fault(__VA_ARGS__))
__attribute__((format(printf, 1, 2))) static void begin(const char *fmt, ...) {
    static time_t drawn;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(now, sizeof now, fmt, ap);
    va_end(ap);
    bad = 0;
    tn_error_clear();
    if (opt.tty && drawn != time(NULL)) drawn = time(NULL), printf("\r\033[K%" PRId64 " passed, %" PRId64 " failed: %.60s", passed + refused, failed, now), fflush(stdout);
}
static void end(bool both_refused) {
    if (bad) failed++;
    else if (both_refused) refused++;
    else passed++;
    tn_error_clear();
}
static void crashed(int sig) {
    static const char what[] = "\nCRASH in ";
    (void)!write(1, what, sizeof what - 1);
    (void)!write(1, now, strlen(now));
    (void)!write(1, "\n", 1);
    _exit(sig == SIGALRM ? 2 : 1);
}
static uint64_t mix(uint64_t *s) {
    uint64_t z = *s += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}
static double unit(uint64_t *s) { return (double)(mix(s) >> 11) / 9007199254740992.0; }
static uint64_t hash(const char *s) {
    uint64_t h = 1469598103934665603u;
    while (*s) h = (h ^ (unsigned char)*s++) * 1099511628211u;
    return h;
}

/* ---- the wrapped table: guards round every buffer, counts of what ran ---- */
#define GUARD 4096u
#define GUARD_BYTE 0x5Bu
struct tn_accel_buffer { tn_accel_buffer *real; uint64_t bytes, low, high; int64_t failures; }; /* what was ever to be written: low to high */
static const tn_accel_api *real_api;
static tn_accel_api api;
static tn_accel_status (*real_init)(const tn_accel_host *, const tn_accel_api **, tn_accel_error *);
static struct { tn_accel_context *context; tn_accel_queue *queue; } opened[32];
static int n_opened;
static int64_t ran[MAX_ROWS], asked_longer[MAX_ROWS];
static uint64_t last_scratch;
static int64_t failures;                  /* of the queue so far: what waited then has not run, guards neither */
static tn_accel_status owed;              /* a failure that looking at guards was told, and the core was not */
static tn_accel_error owed_error;

static int row_of(int32_t id) {
    for (int i = 0; i < tn_op_count() && i < MAX_ROWS; i++)
        if (tn_op_id(i) == id) return i;
    return 0;
}
static tn_accel_queue *queue_of(const tn_accel_context *c) {
    for (int i = 0; i < n_opened; i++)
        if (opened[i].context == c) return opened[i].queue;
    return NULL;
}
static void touch(tn_accel_buffer *b, uint64_t at, uint64_t n) {
    if (n == 0) return;
    NEED(at <= b->bytes && n <= b->bytes - at, "the core asks for bytes %" PRIu64 " to %" PRIu64 " of a buffer of %" PRIu64, at, at + n, b->bytes);
    if (at < b->low) b->low = at;
    if (at + n > b->high) b->high = at + n;
}
static tn_accel_status my_info(int32_t i, tn_accel_info *info, tn_accel_error *e) {
    const tn_accel_status s = real_api->info(i, info, e);
    memset(info->location, 0, sizeof info->location); /* so that no other plugin's device takes its place */
    return s;
}
static tn_accel_status my_queue(tn_accel_context *c, tn_accel_queue **q, tn_accel_error *e) {
    const tn_accel_status s = real_api->queue(c, q, e);
    if (s == TN_ACCEL_OK && n_opened < COUNT(opened)) opened[n_opened].context = c, opened[n_opened++].queue = *q;
    return s;
}
static tn_accel_status my_alloc(tn_accel_context *c, uint64_t bytes, int32_t memory, tn_accel_buffer **out, void **host, tn_accel_error *e) {
    tn_accel_buffer *b = calloc(1, sizeof *b);
    if (!b) return TN_ACCEL_MEMORY;
    tn_accel_status s = real_api->alloc(c, bytes + 2 * GUARD, memory, &b->real, host, e);
    if (s == TN_ACCEL_OK && (s = real_api->fill(queue_of(c), b->real, 0, (bytes + 2 * GUARD) / 4 * 4, GUARD_BYTE * 0x01010101u, e)) != TN_ACCEL_OK) real_api->free(c, b->real);
    if (s != TN_ACCEL_OK) return free(b), s;
    if (host && *host) *host = (char *)*host + GUARD;
    b->bytes = bytes;
    b->low = bytes;
    b->failures = failures;
    *out = b;
    return s;
}
static void guards(tn_accel_context *c, tn_accel_buffer *b) {
    static unsigned char room[GUARD];
    tn_accel_error e = {0, {0}};
    const uint64_t at[2] = {b->low, b->high + GUARD}, end_at = (b->bytes + 2 * GUARD) / 4 * 4;
    for (int k = 0; k < 2; k++) {
        const uint64_t n = end_at - at[k] < GUARD ? end_at - at[k] : GUARD;
        const tn_accel_status s = real_api->read(queue_of(c), room, b->real, at[k], n, &e);
        if (s != TN_ACCEL_OK) failures++, owed = s, owed_error = e;
        if (b->failures != failures) return;
        for (uint64_t i = 0; i < n; i++) {
            if (room[i] == GUARD_BYTE) continue;
            fault("a byte %s the tensor was written: at %" PRId64 " of bytes %" PRIu64 " to %" PRIu64, k ? "after" : "before", (int64_t)(at[k] + i) - (int64_t)GUARD, b->low, b->high);
            break;
        }
    }
}
static void my_free(tn_accel_context *c, tn_accel_buffer *b) {
    if (b->high > b->low && b->failures == failures) guards(c, b);
    real_api->free(c, b->real);
    free(b);
}
static tn_accel_status my_copy(tn_accel_queue *q, tn_accel_buffer *to, uint64_t to_offset, tn_accel_buffer *from, uint64_t from_offset, uint64_t n, tn_accel_error *e) {
    touch(to, to_offset, n);
    return real_api->copy(q, to->real, to_offset + GUARD, from->real, from_offset + GUARD, n, e);
}
static tn_accel_status my_write(tn_accel_queue *q, tn_accel_buffer *to, uint64_t offset, const void *from, uint64_t n, tn_accel_error *e) {
    touch(to, offset, n);
    return real_api->write(q, to->real, offset + GUARD, from, n, e);
}
static tn_accel_status told(tn_accel_status s, tn_accel_error *e) {
    if (s != TN_ACCEL_OK) failures++;
    if (owed != TN_ACCEL_OK && s == TN_ACCEL_OK) s = owed, *e = owed_error;
    owed = TN_ACCEL_OK;
    return s;
}
static tn_accel_status my_read(tn_accel_queue *q, void *to, tn_accel_buffer *from, uint64_t offset, uint64_t n, tn_accel_error *e) { return told(real_api->read(q, to, from->real, offset + GUARD, n, e), e); }
static tn_accel_status my_sync(tn_accel_queue *q, tn_accel_error *e) { return told(real_api->sync(q, e), e); }
static tn_accel_status my_fill(tn_accel_queue *q, tn_accel_buffer *to, uint64_t offset, uint64_t n, uint32_t pattern, tn_accel_error *e) {
    touch(to, offset, n);
    return real_api->fill(q, to->real, offset + GUARD, n, pattern, e);
}
static bool unwrap(const tn_accel_call *call, tn_accel_call *c) { /* one call at a time: the core's lock */
    static tn_accel_tensor t[1024];
    if (call->n_in + call->n_out > COUNT(t)) return false;
    *c = *call;
    memcpy(t, call->in, (size_t)call->n_in * sizeof *t);
    memcpy(t + call->n_in, call->out, (size_t)call->n_out * sizeof *t);
    for (int i = 0; i < call->n_in + call->n_out; i++)
        if (t[i].buffer) t[i].buffer = t[i].buffer->real, t[i].offset += GUARD;
    c->in = t;
    c->out = t + call->n_in;
    return true;
}
static int32_t my_rate(tn_accel_context *x, const tn_accel_call *call, uint64_t *scratch) {
    static char longer[4096];
    tn_accel_call c;
    uint32_t size = 0;
    uint64_t unused = 0;
    const int row = row_of(call->op);
    if (!unwrap(call, &c)) return 0;
    const int32_t score = real_api->rate(x, &c, scratch);
    last_scratch = *scratch;
    if (call->attr) memcpy(&size, call->attr, sizeof size);
    if (score > 0 && size && size + 16 < sizeof longer && !asked_longer[row]++) { /* the same with more than the plugin can know */
        memcpy(longer, call->attr, size);
        memset(longer + size, 0xA5, 16);
        size += 16;
        memcpy(longer, &size, sizeof size);
        c.attr = longer;
        NEED(real_api->rate(x, &c, &unused) == 0, "rate takes %s with attributes longer than it knows", tn_op_name(row));
    }
    return score;
}
static tn_accel_status my_run(tn_accel_queue *q, const tn_accel_call *call, tn_accel_buffer *scratch, uint64_t scratch_offset, tn_accel_error *e) {
    tn_accel_call c;
    const int row = row_of(call->op);
    if (!unwrap(call, &c)) return TN_ACCEL_UNSUPPORTED;
    if (scratch) touch(scratch, scratch_offset, last_scratch);
    for (int k = 0; k < call->n_out; k++) {
        const tn_accel_tensor *t = &call->out[k];
        int64_t last = 0, empty = 0;
        for (int d = 0; d < t->ndim; d++) last += (t->shape[d] - 1) * t->strides[d], empty += t->shape[d] == 0;
        if (t->buffer && !empty) touch(t->buffer, t->offset, (uint64_t)(last + 1) * tn_dtype_size((tn_dtype)t->dtype));
    }
    const tn_accel_status s = real_api->run(q, &c, scratch ? scratch->real : NULL, scratch_offset + (scratch ? GUARD : 0), e);
    NEED(s != TN_ACCEL_UNSUPPORTED, "rate takes %s, run does not", tn_op_name(row));
    if (s == TN_ACCEL_OK) ran[row]++;
    else failures++;
    return s;
}
static tn_accel_status my_init(const tn_accel_host *host, const tn_accel_api **out, tn_accel_error *e) {
    const tn_accel_status s = real_init(host, &real_api, e);
    if (s != TN_ACCEL_OK || !real_api || real_api->size < sizeof *real_api) return *out = real_api, s;
    api = *real_api;
    api.size = (uint32_t)sizeof api;
    api.info = my_info, api.queue = my_queue, api.alloc = my_alloc, api.free = my_free, api.copy = my_copy, api.write = my_write;
    api.read = my_read, api.fill = my_fill, api.sync = my_sync, api.rate = my_rate, api.run = my_run;
    *out = &api;
    return s;
}
/* The record is read-only in the plugin's file; here its init becomes ours before the library looks for plugins. */
static const tn_accel_plugin *intercept(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    tn_accel_plugin *p = library ? (tn_accel_plugin *)dlsym(library, "tensor_accel_plugin_v1") : NULL;
    if (!p) return printf("%s\n", library ? "it has no symbol tensor_accel_plugin_v1" : dlerror()), NULL;
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = (uintptr_t)p / page * page, to = ((uintptr_t)p + sizeof *p + page - 1) / page * page;
    if (mprotect((void *)from, to - from, PROT_READ | PROT_WRITE) != 0) return perror("mprotect"), NULL;
    real_init = p->init;
    p->init = my_init;
    return p;
}

/* ---- operands: kind[number]:sizes. Kinds of the dtype that is tried: x any, p positive, u of (0, 1), e all different, c ascending.
   i indices below the number, j in i32, o one of them out of range, n a permutation, b bool, q the number, k 0 2 4 …, w another
   dtype, f f32. Layouts: how each is laid out, on both sides alike. ---- */
enum { PLAIN, PERMUTED, STEPPED, EXPANDED, SPECIAL, MIDDLE, LAYOUTS };
static const char *const layout_name[LAYOUTS] = {"plain", "permuted", "stepped", "expanded", "special", "middle"};
static const tn_dtype dtypes[] = {TN_F32, TN_F64, TN_F16, TN_BF16, TN_I64, TN_I32, TN_U8, TN_BOOL};
#define MAX_IN 8
typedef struct { char kind; int64_t number, shape[TN_MAX_DIMS]; int n; } operand;
static int parse(const char *p, operand *o, int sample) { /* of the sample; -1 when there is no such */
    int n = 0;
    while (sample > 0 && p) p = strchr(p, '|'), p = p ? p + 1 : NULL, sample--;
    if (!p) return -1;
    while (*p && *p != '|' && n < MAX_IN) {
        char *q;
        memset(&o[n], 0, sizeof o[n]);
        o[n].kind = *p;
        o[n].number = strtoll(p + 1, &q, 10);
        for (p = q + 1; *p >= '0' && *p <= '9'; p = q + (*q == ',')) o[n].shape[o[n].n++] = strtoll(p, &q, 10);
        n++;
        while (*p == ' ') p++;
    }
    return n;
}
static int64_t numel_of(const int64_t *shape, int n) {
    int64_t c = 1;
    for (int d = 0; d < n; d++) c *= shape[d];
    return c;
}
static tn_tensor *values(const operand *o, const int64_t *shape, int n, tn_dtype dt, int special, uint64_t *s) { /* special: 1, or 2 without huge numbers */
    const int64_t count = numel_of(shape, n);
    const char k = o->kind;
    const bool fixed = strchr("ijonqkb", k) != NULL;
    const tn_dtype to = k == 'j' ? TN_I32 : k == 'b' ? TN_BOOL : fixed ? TN_I64 : k == 'f' ? TN_F32 : k == 'w' ? (tn_dtype_is_floating(dt) ? TN_I32 : TN_F32) : dt;
    const bool real = tn_dtype_is_floating(to);
    const double huge = special == 2 ? 1e3 : to == TN_F16 ? 6e4 : to == TN_F64 ? 1e300 : 3e38;
    const double odd[8] = {(double)NAN, (double)INFINITY, -(double)INFINITY, -0.0, 0.0, huge, -huge, 1e-4};
    const int64_t odd_int[6] = {0, -1, 1, special == 2 ? 100 : to == TN_I64 ? INT64_MAX : to == TN_I32 ? INT32_MAX : 255, special == 2 ? (to == TN_U8 ? 3 : -100) : to == TN_I64 ? INT64_MIN : to == TN_I32 ? INT32_MIN : 128, 2};
    double *v = malloc((size_t)(count + 1) * sizeof *v);
    int64_t *w = malloc((size_t)(count + 1) * sizeof *w);
    if (!v || !w) abort();
    for (int64_t i = 0; i < count; i++) {
        const int64_t place = (i * 7919 + 3) % count, half = place - count / 2;
        const double u = unit(s);
        v[i] = k == 'p' ? 0.1 + 2 * u : k == 'u' ? 0.05 + 0.9 * u : k == 'e' ? 0.25 * (double)half : k == 'c' ? 0.5 * (double)(i - count / 2) : (u + unit(s) + unit(s) - 1.5) * 2.5;
        w[i] = k == 'i' || k == 'j' ? (int64_t)(u * (double)o->number) : k == 'o' ? (i == count - 1 ? o->number : 0) : k == 'n' ? place : k == 'q' ? o->number : k == 'k' ? 2 * i
             : k == 'b' || to == TN_BOOL || k == 'u' ? u > 0.5 : k == 'p' ? 1 + (int64_t)(u * 8) : k == 'e' ? half : k == 'c' ? i - (to == TN_U8 ? 0 : count / 2) : (int64_t)(u * 19) - (to == TN_U8 ? 0 : 9);
        if (special && !fixed && (mix(s) & 3) == 0) v[i] = odd[mix(s) & 7], w[i] = odd_int[mix(s) % 6];
    }
    tn_tensor *t = tn_to_dtype(tn_from(real ? (void *)v : (void *)w, shape, n, &(tn_tensor_opts){.dtype = real ? TN_F64 : TN_I64}), to);
    free(v);
    free(w);
    return t;
}
static bool base_shape(const operand *o, int layout, int64_t *shape, int *n) { /* false: the operand has no such layout */
    *n = o->n;
    for (int d = 0; d < o->n; d++) shape[d] = o->shape[layout == PERMUTED ? o->n - 1 - d : d];
    if (layout == PERMUTED) return o->n >= 2;
    if (layout == STEPPED && o->n >= 1) shape[0] += 2, shape[o->n - 1] = 2 * o->shape[o->n - 1] + (o->n == 1 ? 5 : 3);
    if (layout == STEPPED || layout == EXPANDED) {
        if (layout == EXPANDED && o->n >= 1 && o->shape[0] > 1) return shape[0] = 1, true;
        return layout == STEPPED && o->n >= 1;
    }
    if (layout == MIDDLE) shape[0] = numel_of(o->shape, o->n) + 7, *n = 1;
    return true;
}
static tn_tensor *laid(tn_tensor *base, const operand *o, int layout) {
    const int back[TN_MAX_DIMS] = {o->n - 1, o->n - 2, o->n - 3, o->n - 4, o->n - 5, o->n - 6, o->n - 7, o->n - 8};
    if (layout == PERMUTED) return tn_permute(base, back, o->n);
    if (layout == STEPPED) return tn_slice(o->n > 1 ? tn_slice(base, 0, 1, 1 + o->shape[0], 1) : base, -1, 2, 2 + 2 * o->shape[o->n - 1], 2);
    if (layout == EXPANDED) return tn_expand(base, o->shape, o->n);
    if (layout == MIDDLE) return tn_view(tn_narrow(base, 0, 3, tn_numel(base) - 7), o->shape, o->n);
    return base;
}

/* ---- comparing ---- */
/* Of the mean square error, of each element, what rounding of operands near 1 leaves where a result cancels, and a rounding. */
static const struct { tn_dtype dt; double nmse, each, floor, unit; } bounds[] = {{TN_F32, 1e-10, 1e-4, 2.4e-7, 0x1p-24}, {TN_F64, 1e-24, 1e-10, 4.5e-16, 0x1p-53}, {TN_F16, 2e-6, 4e-3, 2e-3, 0x1p-11}, {TN_BF16, 1e-4, 3e-2, 1.6e-2, 0x1p-8}};
/* Ops that need more room, times these on the error of an element, and why. */
static const struct { const char *op; double times; const char *why; } loose[] = {
    {"chain", 100, "rounding errors of a dozen ops, through slopes above 1"},
    {"tan", 20, "its slope is without bound at the poles"},
    {"pow", 10, "the exponent multiplies the error of the logarithm"},
    {"prod", 10, "errors of many factors add up, in an order that is the device's"},
    {"multi_head_attention", 4, "five products, each rounded to the dtype, whose sums cancel"},
    {"index_add", 4, "a sum of a thousand rows, rounded at each in halves"},
    {"cumsum", 10, "partial sums may be grouped otherwise"},
};
static double looseness(void) {
    const size_t n = strcspn(now, " ");
    for (int i = 0; i < COUNT(loose); i++)
        if (strlen(loose[i].op) == n && strncmp(loose[i].op, now, n) == 0) return loose[i].times;
    return 1;
}
static tn_tensor *home(tn_tensor *t) { return tn_contiguous(tn_to(tn_detach(t), (tn_device){TN_CPU, 0})); }
static bool both_nan(tn_tensor *a, tn_tensor *b, int64_t n, int64_t i) { /* a NaN's sign and bits are nobody's promise */
    TN_SCOPE;
    return tn_dtype_is_floating(tn_get_dtype(a)) && isnan(tn_at(tn_reshape(a, &n, 1), &i, 1)) && isnan(tn_at(tn_reshape(b, &n, 1), &i, 1));
}
static bool kind_only;
static bool conditioned(const double *q, int64_t n);
/* want is the CPU's. */
static void same(const char *what, tn_tensor *want, tn_tensor *got, bool exact) {
    TN_SCOPE;
    if (!want != !got) fault("%s: %s on the CPU, %s on the device", what, want ? "there" : "absent", got ? "there" : "absent");
    if (!want || !got) return;
    const tn_device at = tn_get_device(got);
    NEED(at.kind == device.kind && at.index == device.index, "%s: is on %s", what, tn_device_name(at));
    bool alike = tn_get_dtype(want) == tn_get_dtype(got) && tn_ndim(want) == tn_ndim(got);
    for (int d = 0; alike && d < tn_ndim(want); d++) alike = tn_size(want, d) == tn_size(got, d);
    if (!alike) {
        fault("%s: %s of %d dims, %" PRId64 " elements, not %s of %d, %" PRId64, what, tn_dtype_name(tn_get_dtype(got)), tn_ndim(got), tn_numel(got), tn_dtype_name(tn_get_dtype(want)), tn_ndim(want), tn_numel(want));
        return;
    }
    if (kind_only) return;
    tn_tensor *a = home(want), *b = home(got);
    const tn_dtype dt = tn_get_dtype(want);
    const int64_t n = tn_numel(want);
    if (!a || !b) {
        fault("%s cannot be read: %s", what, tn_error());
        return;
    }
    if (exact || !tn_dtype_is_floating(dt)) {
        const size_t size = tn_dtype_size(dt);
        const char *p = tn_data(a), *q = tn_data(b);
        int64_t wrong = 0, first = -1;
        if (memcmp(p, q, size * (size_t)n) == 0) return;
        for (int64_t i = 0; i < n; i++)
            if (memcmp(p + (size_t)i * size, q + (size_t)i * size, size) != 0 && !(both_nan(a, b, n, i)) && wrong++ == 0) first = i;
        if (!wrong) return;
        tn_tensor *u = tn_reshape(a, &n, 1), *v = tn_reshape(b, &n, 1);
        fault("%s: %" PRId64 " of %" PRId64 " differ, first element %" PRId64 ": %.17g, not %.17g", what, wrong, n, first, tn_at(v, &first, 1), tn_at(u, &first, 1));
        return;
    }
    double each = 0, nmse = 0, sum = 0, square = 0, worst = -1, least = 0;
    int64_t at_worst = 0;
    for (int i = 0; i < COUNT(bounds); i++)
        if (bounds[i].dt == dt) each = bounds[i].each * looseness(), nmse = bounds[i].nmse * looseness() * looseness(), least = bounds[i].floor;
    const double *p = tn_data(tn_to_dtype(a, TN_F64)), *q = tn_data(tn_to_dtype(b, TN_F64));
    for (int64_t i = 0; i < n; i++) {
        const bool special = !isfinite(p[i]) || !isfinite(q[i]);
        const double scale = 1 + fabs(p[i]), d = special ? (isnan(p[i]) ? (isnan(q[i]) ? 0 : 1e9) : p[i] == q[i] ? 0 : 1e9) : fabs(p[i] - q[i]) / scale;
        if (d > worst) worst = d, at_worst = i;
        if (!special && fabs(p[i]) < 1e150) sum += (p[i] - q[i]) * (p[i] - q[i]), square += p[i] * p[i];
    }
    const bool missed = square > 0 && sum > nmse * square && sum > least * least * (double)n;
    if (worst > each || (missed && !conditioned(q, n))) fault("%s: element %" PRId64 " of %" PRId64 " is %.9g, not %.9g; nmse %.2g", what, at_worst, n, q[at_worst], p[at_worst], square > 0 ? sum / square : sum);
}

/* conv_input is without special values: where a stride leaves places out, a kernel may multiply the zeros there. */
/* ---- fused chains ---- */
static tn_fused_step step_of(const char *op, int a, int b, int c) { return (tn_fused_step){.op = tn_op_row(op), .a = a, .b = b, .c = c}; }
/* A gate: where(x > y, gelu(x y), 0.3 x) + y, and the last step softplus. */
static tn_tensor *gate(tn_tensor *x, tn_tensor *y) {
    tn_tensor *in[3] = {x, y, tn_arg_f(0.3)};
    tn_fused_step s[7] = {step_of("gt", 0, 1, 0), step_of("mul", 0, 1, 0), step_of("gelu", 4, 0, 0), step_of("mul", 2, 0, 0), step_of("where", 3, 5, 6), step_of("add", 7, 1, 0), step_of("softplus", 8, 0, 0)};
    s[6].p[0] = 1.5, s[6].p[1] = 3;
    return tn_fused_pointwise(s, COUNT(s), in, COUNT(in));
}
/* Every input of the most there are, sixteen steps, rows with numbers twice. */
static tn_tensor *longest(tn_tensor *const *x) {
    tn_fused_step s[16];
    for (int k = 0; k < 7; k++) s[k] = step_of(k & 1 ? "add" : "mul", k ? 7 + k : 0, k + 1, 0);
    s[7] = step_of("tanh", 14, 0, 0), s[8] = step_of("leaky_relu", 15, 0, 0), s[9] = step_of("add_alpha", 16, 14, 0), s[10] = step_of("sigmoid", 17, 0, 0), s[11] = step_of("lerp", 15, 0, 18);
    s[12] = step_of("clamp", 19, 15, 18), s[13] = step_of("add_alpha", 20, 1, 0), s[14] = step_of("sin", 21, 0, 0), s[15] = step_of("addcmul", 22, 18, 7);
    s[8].p[0] = 0.1, s[9].p[0] = 0.25, s[13].p[0] = -0.5, s[15].p[0] = 2;
    return tn_fused_pointwise(s, COUNT(s), x, 8);
}
static tn_tensor *one_step(tn_tensor *x, const char *op) {
    const tn_fused_step s = step_of(op, 0, 0, 0);
    return tn_fused_pointwise(&s, 1, &x, 1);
}

/* ---- the samples: S(name, operands, flags, call). The name is the row's, up to "__" where a row has several. ---- */
enum { NO_GRAD = 1, WRITES = 2 /* its operands */, NO_SPECIAL = 4, EXACT = 8, NO_HUGE = 16 /* fused or not, an intermediate result overflows */,
       NOT_EXPANDED = 32 /* equal elements: a variance of nothing but rounding errors, a thousand roundings alike, or one place that all channels write */,
       DRAWS = 64 /* a device with a generator of its own gives other numbers: their kind is compared here, the rest under random */ };
static tn_tensor *more[3]; /* results after the first */
static tn_tensor *both(tn_values_indices r) { return more[0] = r.indices, r.values; }
static tn_tensor *all_of(tn_tensors r) {
    for (int i = 1; i < r.n && i <= 3; i++) more[i - 1] = r.at[i];
    return r.n ? r.at[0] : NULL;
}
static tn_tensor *seen(tn_rnn_result r) { return more[0] = r.h_n, more[1] = r.c_n, r.output; }
static tn_tensor *uniq(tn_unique_result r) { return more[0] = r.inverse, more[1] = r.counts, r.output; }
static tn_tensor *tracked(tn_tensor *out, tn_tensor *a, tn_tensor *b) { return more[0] = a, more[1] = b, out; }
static tn_tensor *squared(tn_function_ctx *c, tn_tensor *const *in, int n) { return n == 1 && tn_save_for_backward(c, in, 1) == TN_OK ? tn_square(in[0]) : NULL; }
static tn_status squared_back(tn_function_ctx *c, tn_tensor *grad, tn_tensor **grads, int n) {
    if (n == 1) grads[0] = tn_mul(tn_mul(grad, tn_saved(c, 0)), 2.0);
    return grads[0] ? TN_OK : tn_error_code();
}
static const tn_function function = {"squared", squared, squared_back, NULL};
static tn_tensor *trained(int kind, tn_tensor *x, tn_tensor *g) { /* two steps */
    tn_tensor *p = tn_requires_grad_(tn_clone(tn_detach(x)), true);
    tn_optimizer *o = !p ? NULL : kind == 0 ? tn_optim_sgd(NULL, &(tn_sgd_opts){.params = &p, .n_params = 1, .momentum = 0.9, .nesterov = true, .weight_decay = 0.1})
        : kind == 1 ? tn_optim_adam(NULL, &(tn_adam_opts){.params = &p, .n_params = 1, .amsgrad = true}) : kind == 2 ? tn_optim_adamw(NULL, &(tn_adamw_opts){.params = &p, .n_params = 1})
        : kind == 3 ? tn_optim_rmsprop(NULL, &(tn_rmsprop_opts){.params = &p, .n_params = 1, .centered = true, .momentum = 0.5}) : tn_optim_adagrad(NULL, &(tn_adagrad_opts){.params = &p, .n_params = 1});
    for (int i = 0; i < 2; i++)
        if (!o || tn_set_grad(p, tn_clone(tn_detach(g))) != TN_OK || tn_optim_step(o) != TN_OK) return NULL;
    return tn_detach(p);
}
static const tn_gnn_edges *edges(tn_tensor *edge_index, tn_tensor *x) {
    static tn_gnn_edges e;
    e.edge_index = edge_index, e.x = x;
    return &e;
}
static tn_tensor *normalized(tn_tensor *edge_index, tn_tensor *x) { /* weights that come of numbers of nodes */
    const tn_gnn_edge_list e = tn_gnn_gcn_norm(edge_index, NULL, tn_size(x, 0), &(tn_gcn_norm_opts){.dtype = tn_get_dtype(x)});
    return e.edge_index ? tn_gnn_spmm(e.edge_index, e.edge_attr, x, -1, TN_REDUCE_SUM) : NULL;
}
static tn_tensor *layered(tn_module *layer, tn_tensor *edge_index, tn_tensor *x) { /* in one row on the CPU, in several on a device */
    if (!layer || tn_module_to_dtype(layer, tn_get_dtype(x)) != TN_OK || tn_module_to(layer, tn_get_device(x)) != TN_OK) return NULL;
    return tn_call(layer, (tn_tensor *[]){x, edge_index}, 2);
}
static tn_tensor *attended(tn_tensor *edge_index, tn_tensor *x) { return layered(tn_gnn_gat_conv(tn_size(x, 1), 4, &(tn_gat_opts){.heads = 2}), edge_index, x); }
#define DIM(d) &(tn_reduce_opts){.dim = d, .has_dim = true}
#define KEEP(d) &(tn_reduce_opts){.dim = d, .has_dim = true, .keepdim = true}
#define DIMS(a, b) &(tn_reduce_opts){.dims = {a, b}, .n_dims = 2}
#define L(...) (tn_tensor *[]){__VA_ARGS__}, COUNT(((tn_tensor *[]){__VA_ARGS__}))
#define I64S(...) (int64_t[]){__VA_ARGS__}, COUNT(((int64_t[]){__VA_ARGS__}))
#define ANY "x:0|x:|x:1|x:7|x:127|x:1021|x:99991|x:3,5,7"
#define PAIR "x:0 x:0|x: x:|x:7 x:7|x:1021 x:1021|x:5,7 x:7|x:5,1 x:1,7|x:2,3,4 x:|x:99991 x:99991|x:3,7 w:7|x:4 x:3"
#define THREE "x:0 x:0 x:0|x:7 x:7 x:7|x:5,7 x:7 x:5,1|x:1021 x: x:1021|x:99991 x:99991 x:99991"
#define ROWS "x:3,5|x:4,127|x:2,3,5|x:13,1021|x:0,5|x:3,1|x:2,50021"
#define GROWS "e:3,5|e:4,31|e:2,3,5|e:1,1"
#define IMAGE "x:2,4,9,9|x:1,4,17,13|x:0,4,8,8|x:2,4,31,33"
#define POOLED "e:2,3,8,8|e:1,2,11,7|e:3,9,5|e:2,2,20,20"
#define U(name) S(name, ANY, 0, tn_##name(x))
#define B(name) S(name, PAIR, 0, tn_##name(x, y))
#define SAMPLES                                                                                                                                      \
    U(neg) U(abs) U(sign) U(square) U(sqrt) U(rsqrt) U(reciprocal) U(exp) U(expm1) U(log) U(log1p) U(log2) U(sin) U(cos) U(tan) U(tanh) U(sigmoid)   \
    U(erf) U(floor) U(ceil) U(trunc) U(round) U(isnan) U(isinf) U(isfinite) U(logical_not) U(bitwise_not) U(relu) U(relu6) U(selu) U(silu) U(mish)   \
    U(hardswish) U(hardsigmoid) U(logsigmoid) B(add) B(sub) B(mul) B(div) B(pow) B(remainder) B(fmod) B(floor_divide) B(atan2) B(maximum) B(minimum) \
    B(eq) B(ne) B(lt) B(le) B(gt) B(ge) B(logical_and) B(logical_or) B(logical_xor) B(bitwise_and) B(bitwise_or) B(bitwise_xor)                      \
    S(round_decimals, ANY, 0, tn_round_decimals(x, 1)) S(round_decimals__tens, ANY, 0, tn_round_decimals(x, -1))                                     \
    S(leaky_relu, ANY, 0, tn_leaky_relu(x, 0.1)) S(elu, ANY, 0, tn_elu(x, 1.3)) S(gelu, ANY, 0, tn_gelu(x, TN_GELU_NONE))                            \
    S(gelu_tanh, ANY, 0, tn_gelu(x, TN_GELU_TANH)) S(softplus, ANY, 0, tn_softplus(x, 1.5, 3)) S(hardtanh, ANY, 0, tn_hardtanh(x, -0.5, 0.75))       \
    S(div_floor, PAIR, 0, tn_div_rounded(x, y, TN_ROUND_FLOOR)) S(div_trunc, PAIR, 0, tn_div_rounded(x, y, TN_ROUND_TRUNC))                          \
    S(add_alpha, PAIR, 0, tn_add_alpha(x, y, 2)) S(add_alpha__sub, PAIR, 0, tn_sub_alpha(x, y, 0.5))                                                 \
    S(add__number, ANY, 0, tn_add(x, 2.5)) S(sub__number, ANY, 0, tn_sub(1.5, x)) S(mul__number, ANY, 0, tn_mul(x, 3)) S(pow__number, ANY, 0, tn_pow(x, 3)) \
    S(pow__root, ANY, 0, tn_pow(x, 0.5)) S(gt__number, ANY, 0, tn_gt(x, 0.5)) S(div__number, ANY, 0, tn_div(1, x)) S(maximum__same, ANY, 0, tn_maximum(x, x)) \
    S(clamp, THREE, 0, (tn_clamp)(x, y, z)) S(clamp_min, PAIR, 0, (tn_clamp)(x, y, NULL)) S(clamp_max, PAIR, 0, (tn_clamp)(x, NULL, y))              \
    S(clamp__numbers, ANY, 0, tn_clamp(x, -0.5, 1.0)) S(lerp, THREE, 0, tn_lerp(x, y, z)) S(lerp__number, PAIR, 0, tn_lerp(x, y, 0.25))              \
    S(addcmul, THREE, 0, tn_addcmul(x, y, z, 0.5)) S(addcdiv, "x:7 x:7 p:7|x:5,7 x:7 p:5,1|x:0 x:0 p:0|x:1021 x: p:1021", 0, tn_addcdiv(x, y, z, 0.5)) \
    S(where, "b:7 x:7 x:7|b:5,1 x:7 x:5,7|b:0 x:0 x:0|b:99991 x:99991 x:|x:7 x:7 x:7", 0, tn_where(x, y, z)) S(where__numbers, "b:5,7 x:5,7", 0, tn_where(x, y, 1.5)) \
    S(masked_fill, "x:5,7 b:5,7|x:5,7 b:7|x:1021 b:1021|x:0 b:0", 0, tn_masked_fill(x, y, -2)) S(prelu, "x:3,4,5 x:4|x:7 x:1|x:2,1021 x:1021", 0, tn_prelu(x, y)) \
    S(prelu_elementwise, "x:3,4,5 x:4|x:7 x:1", 0, tn_prelu(x, y)) S(glu, "x:3,8|x:2,6,5", 0, tn_glu(x, 1)) S(dropout, "x:5,7|x:1021", EXACT | DRAWS, tn_dropout(x, 0.3, true)) \
    S(fused_pointwise, PAIR, NO_HUGE, gate(x, y)) S(fused_pointwise__one, ANY, NO_HUGE, one_step(x, "silu")) S(fused_pointwise__truth, ANY, 0, one_step(x, "logical_not")) \
    S(fused_pointwise__eight, "x:5,7 x:7 x:5,1 x: x:5,7 x:1 x:7 x:5,7|x:3,4,5 x:5 x:4,1 x:3,1,1 x:3,4,5 x: x:4,5 x:3,1,5|x:99991 x:99991 x:1 x:99991 x:99991 x:99991 x:99991 x:99991", NO_HUGE, longest(in)) \
    S(dropout__channels, "x:3,4,5,5", EXACT | DRAWS, tn_dropout2d(x, 0.5, true))                                                                             \
    S(add__in_place, PAIR, WRITES, tn_add_(x, y)) S(sub__in_place, PAIR, WRITES, tn_sub_(x, y)) S(mul__in_place, PAIR, WRITES, tn_mul_(x, y))        \
    S(div__in_place, PAIR, WRITES, tn_div_(x, y)) S(pow__in_place, PAIR, WRITES, tn_pow_(x, y)) S(add_alpha__in_place, PAIR, WRITES, tn_add_alpha_(x, y, 2)) \
    S(addcmul__in_place, THREE, WRITES, tn_addcmul_(x, y, z, 0.5)) S(addcdiv__in_place, "x:7 x:7 p:7|x:5,7 x:7 p:5,1", WRITES, tn_addcdiv_(x, y, z, 0.5)) \
    S(lerp__in_place, THREE, WRITES, tn_lerp_(x, y, z)) S(clamp__in_place, ANY, WRITES, tn_clamp_(x, -1, 1)) S(masked_fill__in_place, "x:5,7 b:7", WRITES, tn_masked_fill_(x, y, 1.5)) \
    S(neg__in_place, ANY, WRITES, tn_neg_(x)) S(exp__in_place, ANY, WRITES, tn_exp_(x)) S(sqrt__in_place, ANY, WRITES, tn_sqrt_(x)) S(relu__in_place, ANY, WRITES, tn_relu_(x)) \
    S(sigmoid__in_place, ANY, WRITES, tn_sigmoid_(x)) S(tanh__in_place, ANY, WRITES, tn_tanh_(x)) S(mul__itself, ANY, WRITES, tn_mul_(x, x))         \
    S(add__its_transpose, "x:5,5|x:33,33", WRITES, tn_add_(x, tn_t(x))) S(add__its_neighbour, "x:9|x:1021", WRITES, (tn_add_(tn_slice(x, 0, 1, INT64_MAX, 1), tn_slice(x, 0, 0, -1, 1)), x)) \
    S(as_strided_scatter, "x:4,5", WRITES | NO_SPECIAL, (x = tn_mul(x, 1), tn_mul_(tn_as_strided(x, (int64_t[]){2, 3}, (int64_t[]){7, 2}, 2, 1), 2), x)) \
    S(clone, ANY, EXACT, tn_clone(x)) S(contiguous, ANY, EXACT, tn_contiguous(x)) S(to_dtype, ANY, NO_SPECIAL, tn_to_dtype(x, TN_F32))               \
    S(to_dtype__half, ANY, 0, tn_to_dtype(x, TN_F16)) S(to_dtype__bf16, ANY, 0, tn_to_dtype(x, TN_BF16)) S(to_dtype__int, ANY, NO_SPECIAL | NO_GRAD, tn_to_dtype(x, TN_I32)) \
    S(to_dtype__bool, ANY, NO_GRAD, tn_to_dtype(x, TN_BOOL)) S(to_dtype__long, ANY, NO_SPECIAL | NO_GRAD, tn_to_dtype(x, TN_I64)) S(to_device, ANY, EXACT, tn_to(tn_to(x, (tn_device){TN_CPU, 0}), tn_get_device(x))) \
    S(copy_, PAIR, WRITES | NO_SPECIAL, tn_copy_(x, y)) S(copy___from_host, "x:5,7|x:1021", WRITES, tn_copy_(x, tn_full(NULL, 0, 2, NULL)))           \
    S(copy___overlap, "x:9|x:1021|x:7,5", WRITES | EXACT, (tn_copy_(tn_slice(x, 0, 1, INT64_MAX, 1), tn_slice(x, 0, 0, -1, 1)), x))                   \
    S(fill_, ANY, WRITES | EXACT, tn_fill_(x, 3)) S(fill___zero, ANY, WRITES | EXACT, tn_zero_(x)) S(fill, "x:5,7 x:|x:1021 x:|x:0 x:", EXACT, tn_fill(x, y)) \
    S(view, "x:6,4|x:1021|x:0,3", EXACT, tn_view(x, (int64_t[]){-1}, 1)) S(expand, "x:5,1|x:1,1", EXACT, tn_expand(x, (int64_t[]){3, 5, 4}, 3))       \
    S(permute, "x:3,5,7", EXACT, tn_clone(tn_permute(x, (int[]){2, 0, 1}, 3))) S(as_strided, "x:4,5", EXACT | NO_SPECIAL, tn_as_strided(x, (int64_t[]){2, 3}, (int64_t[]){7, 2}, 2, 1)) \
    S(as_strided_backward, "x:4,5", NO_SPECIAL, tn_mul(tn_as_strided(x, (int64_t[]){3, 3}, (int64_t[]){2, 2}, 2, 0), 3))                              \
    S(detach, ANY, EXACT | NO_GRAD, tn_detach(x)) S(reshape, "x:6,4|x:3,5,8", EXACT, tn_reshape(tn_transpose(x, 0, 1), (int64_t[]){4, -1}, 2))        \
    S(slice, "x:9,7|x:1021,3", EXACT, tn_slice(x, 0, 1, -2, 3)) S(select, "x:9,7|x:3,4,5", EXACT, tn_select(x, 1, -2)) S(unfold_dim, "x:5,9", EXACT, tn_unfold_dim(x, 1, 4, 2)) \
    S(diagonal, "x:5,9|x:3,5,5", EXACT, tn_diagonal(x, 1, 0, 1)) S(cat, "x:3,5 x:2,5 x:4,5|x:0,5 x:3,5 x:1,5|x:1021 x:7 x:127|x:3 w:4 x:2", EXACT, tn_cat(L(x, y, z), 0)) \
    S(cat__columns, "x:3,5 x:3,2|x:2,50021 x:2,3", EXACT, tn_cat(L(x, y), 1)) S(stack, "x:3,5 x:3,5", EXACT, tn_stack(L(x, y), -1)) S(repeat, "x:3,5|x:127", EXACT, tn_repeat(x, (int64_t[]){2, 1, 3}, 3)) \
    S(repeat__interleave, "x:3,5", EXACT, tn_repeat_interleave(x, 3, 1)) S(repeat__counts, "x:3,5 i4:3", EXACT, tn_repeat_interleave_t(x, y, 0)) S(unbind, "x:3,5", EXACT, all_of(tn_unbind(x, 0))) \
    S(split, "x:7,5", EXACT, all_of(tn_split(x, 3, 0))) S(flip, ROWS, EXACT, tn_flip(x, (int[]){0, -1}, 2)) S(roll, ROWS, EXACT, tn_roll(x, (int64_t[]){2}, (int[]){1}, 1)) \
    S(tril, "x:5,7|x:3,8,8|x:0,4|x:127,127", EXACT, tn_tril(x, 1)) S(triu, "x:5,7|x:3,8,8|x:0,4|x:127,127", EXACT, tn_triu(x, -1))                    \
    S(pad, ROWS, EXACT, tn_pad(x, I64S(1, 2, 3, -1), &(tn_pad_opts){.value = 1.5})) S(pad__reflect, "x:3,5,7", EXACT, tn_pad(x, I64S(2, 3), &(tn_pad_opts){.mode = TN_PAD_REFLECT})) \
    S(pad__replicate, "x:3,5,7", EXACT, tn_pad(x, I64S(2, 3), &(tn_pad_opts){.mode = TN_PAD_REPLICATE})) S(pad__circular, "x:3,5,7", EXACT, tn_pad(x, I64S(2, 3), &(tn_pad_opts){.mode = TN_PAD_CIRCULAR})) \
    S(arange, "x:1", NO_GRAD | EXACT, tn_arange(0, 1021, 1, &(tn_tensor_opts){.device = tn_get_device(x)})) S(eye, "x:1", NO_GRAD | EXACT, tn_eye(7, 5, &(tn_tensor_opts){.device = tn_get_device(x)})) \
    S(linspace, "x:1", NO_GRAD, tn_linspace(-1, 1, 127, &(tn_tensor_opts){.device = tn_get_device(x)})) S(ones_like, ANY, NO_GRAD | EXACT, tn_ones_like(x, NULL)) \
    S(uniform_, ANY, WRITES | EXACT | DRAWS, tn_uniform_(x, -1, 3, NULL)) S(normal_, ANY, WRITES | EXACT | DRAWS, tn_normal_(x, 1, 2, NULL)) S(bernoulli_, ANY, WRITES | EXACT | DRAWS, tn_bernoulli_(x, 0.3, NULL)) \
    S(random_, ANY, WRITES | EXACT | DRAWS, tn_random_(x, 0, 100, NULL)) S(exponential_, ANY, WRITES | EXACT | DRAWS, tn_exponential_(x, 2, NULL)) S(bernoulli, "u:5,7|u:1021", EXACT | DRAWS, tn_bernoulli(x, NULL)) \
    S(normal, "x:7 p:7|x:5,7 p:7", NO_SPECIAL | EXACT | DRAWS, tn_normal(x, y, NULL)) S(multinomial, "u:5,9", NO_GRAD | NO_SPECIAL | EXACT | DRAWS, tn_multinomial(x, 3, false, NULL))      \
    S(randperm, "x:1", NO_GRAD | EXACT | DRAWS, tn_randperm(127, &(tn_tensor_opts){.device = tn_get_device(x)})) S(randint, "x:5,7", NO_GRAD | EXACT | DRAWS, tn_randint_like(x, 0, 9, NULL)) \
    SAMPLES_REDUCE SAMPLES_MATMUL SAMPLES_CONV SAMPLES_NORM SAMPLES_INDEX SAMPLES_LAST SAMPLES_GNN
#define SAMPLES_REDUCE                                                                                                                               \
    S(sum, ROWS "|x:0|x:|x:99991", 0, tn_sum(x, NULL)) S(sum__rows, ROWS, 0, tn_sum(x, DIM(-1))) S(sum__columns, ROWS, 0, tn_sum(x, KEEP(0)))        \
    S(sum__two, "x:3,5,7|x:7,31,5|x:2,0,3", 0, tn_sum(x, DIMS(0, 2))) S(sum__dtype, ROWS, 0, tn_sum(x, &(tn_reduce_opts){.dtype = TN_F64}))           \
    S(mean, ROWS "|x:0|x:99991", 0, tn_mean(x, NULL)) S(mean__rows, ROWS, 0, tn_mean(x, KEEP(1))) S(mean__two, "x:3,5,7", 0, tn_mean(x, DIMS(0, 2)))  \
    S(prod, "p:3,5|p:127|p:0", NO_SPECIAL, tn_prod(x, NULL)) S(prod__rows, "p:3,5|x:3,5|p:7,31|p:0,3", 0, tn_prod(x, DIM(0)))                         \
    S(amax, GROWS "|x:99991|x:0,3", 0, tn_amax(x, NULL)) S(amax__rows, ROWS, 0, tn_amax(x, DIM(-1))) S(amin, GROWS, 0, tn_amin(x, NULL)) S(amin__two, "x:3,5,7|x:7,31,5", 0, tn_amin(x, DIMS(0, 2))) \
    S(any, ROWS, 0, tn_any(x, NULL)) S(any__rows, ROWS, 0, tn_any(x, DIM(-1))) S(all, ROWS, 0, tn_all(x, NULL)) S(all__columns, ROWS, 0, tn_all(x, KEEP(0))) \
    S(count_nonzero, ROWS, 0, tn_count_nonzero(x, NULL)) S(count_nonzero__rows, ROWS, 0, tn_count_nonzero(x, DIM(1))) S(argmax, ROWS, 0, tn_argmax(x, NULL)) \
    S(argmax__rows, ROWS, 0, tn_argmax(x, DIM(-1))) S(argmin, ROWS, 0, tn_argmin(x, NULL)) S(argmin__columns, ROWS, 0, tn_argmin(x, KEEP(0)))         \
    S(pick, ROWS, 0, both(tn_max_dim(x, 1, false))) S(pick__min, ROWS, 0, both(tn_min_dim(x, 0, true))) S(max, ANY, 0, tn_max(x)) S(min, ROWS, 0, tn_min(x)) \
    S(var, ROWS, 0, tn_var(x, NULL)) S(var__rows, ROWS, 0, tn_var(x, &(tn_var_opts){.dim = 1, .has_dim = true})) S(std, "x:3,5|x:4,127", 0, tn_std(x, &(tn_var_opts){.dim = 0, .has_dim = true, .correction = TN_ZERO})) \
    S(linalg_vector_norm, ROWS, 0, tn_linalg_vector_norm(x, 2, DIM(-1))) S(linalg_vector_norm__three, ROWS, 0, tn_linalg_vector_norm(x, 3, NULL))     \
    S(linalg_vector_norm__max, "x:3,5|x:4,127", 0, tn_linalg_vector_norm(x, (double)INFINITY, NULL)) S(linalg_vector_norm__count, ROWS, 0, tn_linalg_vector_norm(x, 0, DIM(0))) \
    S(logsumexp, ROWS, 0, tn_logsumexp(x, DIM(1))) S(cumsum, ROWS, 0, tn_cumsum(x, 1, TN_DTYPE_DEFAULT)) S(cumsum__first, ROWS "|x:99991", 0, tn_cumsum(x, 0, TN_DTYPE_DEFAULT)) \
    S(softmax, ROWS, 0, tn_softmax(x, -1, TN_DTYPE_DEFAULT)) S(softmax__first, ROWS, 0, tn_softmax(x, 0, TN_DTYPE_DEFAULT)) S(softmax__double, "x:3,5", 0, tn_softmax(x, 1, TN_F64)) \
    S(log_softmax, ROWS, 0, tn_log_softmax(x, -1, TN_DTYPE_DEFAULT)) S(log_softmax__middle, "x:3,5,7|x:2,127,3", 0, tn_log_softmax(x, 1, TN_DTYPE_DEFAULT))
#define SAMPLES_MATMUL                                                                                                                               \
    S(mm, "x:7,5 x:5,3|x:1,1 x:1,1|x:0,5 x:5,3|x:3,0 x:0,4|x:31,127 x:127,17|x:130,64 x:64,70|x:7,5 x:4,3|x:127,1021 x:1021,7", 0, tn_mm(x, y))         \
    S(bmm, "x:2,7,5 x:2,5,3|x:0,3,4 x:0,4,5|x:5,31,17 x:5,17,33|x:2,3,4 x:3,4,5", 0, tn_bmm(x, y)) S(mv, "x:7,5 x:5|x:127,33 x:33", 0, tn_mv(x, y))     \
    S(linear, "x:7,5 x:3,5 x:3|x:2,3,5 x:4,5 x:4|x:5 x:3,5 x:3|x:0,5 x:3,5 x:3|x:33,127 x:65,127 x:65|x:7,5 x:3,4 x:3", 0, tn_linear(x, y, z))          \
    S(linear__no_bias, "x:7,5 x:3,5|x:31,64 x:33,64", 0, tn_linear(x, y, NULL)) S(matmul, "x:2,1,7,5 x:3,5,4|x:5 x:5,3|x:7,5 x:5|x:2,7,5 x:5,4", 0, tn_matmul(x, y)) \
    S(dot, "x:7 x:7|x:1021 x:1021|x:0 x:0", 0, tn_dot(x, y)) S(outer, "x:7 x:5|x:127 x:31", 0, tn_outer(x, y)) S(addmm, "x:7,3 x:7,5 x:5,3|x:3 x:7,5 x:5,3", 0, tn_addmm(x, y, z, 0.5, 2)) \
    S(baddbmm, "x:2,7,3 x:2,7,5 x:2,5,3", 0, tn_baddbmm(x, y, z, 0, 1.5)) S(einsum, "x:2,3,4 x:5,4|x:7,31,5 x:9,5", 0, tn_einsum("bij,kj->bki", (tn_tensor *[]){x, y}, 2)) \
    S(int_mm, "i9:7,5 i9:5,3|i9:0,5 i9:5,3|i9:31,127 i9:127,17|i9:7,5 i9:4,3", EXACT | NO_GRAD, tn_int_mm(tn_to_dtype(x, TN_I8), tn_to_dtype(y, TN_I8)))
#define SAMPLES_CONV                                                                                                                                 \
    S(convolution, "x:2,4,9,9 x:6,4,3,3 x:6|x:1,3,17,13 x:5,3,3,3 x:5|x:0,4,8,8 x:6,4,3,3 x:6|x:2,8,32,32 x:16,8,3,3 x:16|x:2,4,9,9 x:6,3,3,3 x:6", 0, tn_conv2d(x, y, z, &(tn_conv_opts){.padding = 1})) \
    S(convolution__groups, "x:2,4,9,9 x:8,2,3,3|x:1,6,12,12 x:6,3,3,3", 0, tn_conv2d(x, y, NULL, &(tn_conv_opts){.groups = 2, .stride = 2, .dilation = 2})) \
    S(convolution__depthwise, "x:2,4,9,9 x:4,1,3,3", 0, tn_conv2d(x, y, NULL, &(tn_conv_opts){.groups = 4, .padding_mode_same = TN_PADDING_SAME}))      \
    S(convolution__1x1, "x:2,8,9,7 x:5,8,1,1", 0, tn_conv2d(x, y, NULL, NULL)) S(convolution__1d, "x:2,3,31 x:4,3,5 x:4|x:3,31 x:4,3,5 x:4", 0, tn_conv1d(x, y, z, &(tn_conv_opts){.stride = 2})) \
    S(convolution__3d, "x:1,2,5,6,7 x:3,2,2,3,2 x:3", 0, tn_conv3d(x, y, z, &(tn_conv_opts){.padding = 1, .stride = 2}))                                \
    S(conv_input, "x:2,4,5,5 x:4,3,3,3 x:3|x:1,6,7,9 x:6,5,2,2 x:5", NO_SPECIAL, tn_conv_transpose2d(x, y, z, &(tn_conv_opts){.stride = 2, .padding = 1, .output_padding = 1})) \
    S(conv_input__1d, "x:2,4,9 x:4,3,4", NO_SPECIAL, tn_conv_transpose1d(x, y, NULL, &(tn_conv_opts){.dilation = 2})) S(conv_input__3d, "x:1,2,3,4,3 x:2,2,2,2,2", NO_SPECIAL, tn_conv_transpose3d(x, y, NULL, NULL)) \
    S(max_pool, POOLED, 0, both(tn_max_pool2d_indices(x, 2, &(tn_pool_opts){.stride = 1, .padding = 1}))) S(max_pool__wide, POOLED, 0, both(tn_max_pool2d_indices(x, 3, &(tn_pool_opts){.dilation = 2, .ceil_mode = true, .stride = 2}))) \
    S(max_pool__1d, "e:2,3,17|e:3,8", 0, both(tn_max_pool1d_indices(x, 3, NULL))) S(max_pool__adaptive, POOLED, 0, both(tn_adaptive_max_pool2d(x, (int64_t[]){3, 2}, 2))) \
    S(avg_pool, IMAGE, 0, tn_avg_pool2d(x, 3, &(tn_pool_opts){.stride = 2, .padding = 1})) S(avg_pool__exclude, IMAGE, 0, tn_avg_pool2d(x, 3, &(tn_pool_opts){.padding = 1, .exclude_pad = true, .ceil_mode = true})) \
    S(avg_pool__1d, "x:2,3,17", 0, tn_avg_pool1d(x, 4, NULL)) S(avg_pool__adaptive, IMAGE, 0, tn_adaptive_avg_pool2d(x, (int64_t[]){3, 2}, 2))          \
    S(unfold, "x:2,3,5,5|x:1,2,11,9", 0, tn_unfold(x, &windows)) S(fold, "x:2,18,12|x:1,6,12", 0, tn_fold(x, 5, 5, &windows))                           \
    S(resize, "x:2,3,5,5|x:1,2,11,7", 0, tn_interpolate(x, &(tn_interpolate_opts){.size = {7, 3}, .n_size = 2})) S(resize__exact, IMAGE, 0, tn_interpolate(x, &(tn_interpolate_opts){.scale = {1.6}, .n_scale = 1, .mode = TN_NEAREST_EXACT})) \
    S(resize__bilinear, "x:2,3,5,5|x:1,2,11,7", 0, tn_interpolate(x, &(tn_interpolate_opts){.size = {8, 9}, .n_size = 2, .mode = TN_BILINEAR})) S(resize__corners, "x:2,3,5,5", 0, tn_interpolate(x, &(tn_interpolate_opts){.size = {8, 9}, .n_size = 2, .mode = TN_BILINEAR, .align_corners = true})) \
    S(resize__bicubic, "x:2,3,5,5", 0, tn_interpolate(x, &(tn_interpolate_opts){.scale = {1.6}, .n_scale = 1, .mode = TN_BICUBIC})) S(resize__linear, "x:2,3,9", 0, tn_interpolate(x, &(tn_interpolate_opts){.size = {5}, .n_size = 1, .mode = TN_LINEAR})) \
    S(resize__trilinear, "x:1,2,3,4,5", 0, tn_interpolate(x, &(tn_interpolate_opts){.size = {4, 3, 7}, .n_size = 3, .mode = TN_TRILINEAR})) S(pixel_shuffle, "x:2,8,3,5", EXACT, tn_pixel_shuffle(x, 2))
#define SAMPLES_NORM                                                                                                                                 \
    S(layer_norm, "x:3,5 x:5 x:5|x:7,127 x:127 x:127|x:0,5 x:5 x:5|x:2,3,1021 x:1021 x:1021", 0, tn_layer_norm(x, (int64_t[]){tn_size(x, -1)}, 1, y, z, 1e-5)) \
    S(layer_norm__bare, "x:3,4,5", 0, tn_layer_norm(x, (int64_t[]){4, 5}, 2, NULL, NULL, 1e-5)) S(rms_norm, "x:3,5 p:5|x:7,127 p:127|x:2,3,1021 p:1021", 0, tn_rms_norm(x, (int64_t[]){tn_size(x, -1)}, 1, y, 1e-5)) \
    S(group_norm, "x:3,4,5 x:4 x:4|x:2,6,7,7 x:6 x:6|x:0,4,3 x:4 x:4", 0, tn_group_norm(x, 2, y, z, 1e-5)) S(batch_norm, "x:8,3 x:3 x:3|x:4,5,7 x:5 x:5|x:3,2,9,9 x:2 x:2", NOT_EXPANDED, tn_batch_norm(x, &(tn_batch_norm_opts){.training = true, .weight = y, .bias = z})) \
    S(batch_norm__running, "x:8,3 x:3 p:3|x:3,2,9,9 x:2 p:2", WRITES | NOT_EXPANDED, tracked(tn_batch_norm(x, &(tn_batch_norm_opts){.training = true, .running_mean = tn_detach(y), .running_var = tn_detach(z)}), y, z)) \
    S(batch_norm__eval, "x:8,3 x:3 p:3 x:3 x:3|x:3,2,9,9 x:2 p:2 x:2 x:2", 0, tn_batch_norm(x, &(tn_batch_norm_opts){.running_mean = tn_detach(y), .running_var = tn_detach(z), .weight = in[3], .bias = in[4]})) \
    S(instance_norm, "x:3,4,9|x:2,3,7,7", 0, tn_instance_norm(x, NULL)) S(normalize, "x:3,5|x:7,127", 0, tn_normalize(x, 2, 1, 1e-12)) S(cosine_similarity, "x:3,5 x:3,5|x:7,127 x:7,127", 0, tn_cosine_similarity(x, y, 1, 1e-8))
#define SAMPLES_INDEX                                                                                                                                \
    S(index_select, "x:5,7 i5:3|x:5,7 j5:9|x:5,7 i5:0|x:1021,9 i1021:127|x:5,7 o5:3", EXACT, tn_index_select(x, 0, y)) S(index_select__columns, "x:5,7 i7:3|x:3,1021 j1021:99", EXACT, tn_index_select(x, 1, y)) \
    S(index_add, "x:5,7 i5:3 x:3,7|x:5,7 i5:12 x:12,7|x:3,5 i3:3001 x:3001,5|x:5,7 o5:3 x:3,7", 0, tn_index_add(x, 0, y, z, 2)) S(index_add__in_place, "x:5,7 i7:3 x:5,3", WRITES, tn_index_add_(x, 1, y, z, 1)) \
    S(index, "x:5,7 i5:4|x:5,7 i5:2,3|x:5,7 b:5|x:5,7 o5:3", 0, tn_index(x, L(y))) S(index__second, "x:5,7 i7:4", 0, tn_index(x, L(NULL, y))) S(index__pairs, "x:5,7 i5:4 i7:4", 0, tn_index(x, L(y, z))) \
    S(index_copy, "x:5,7 n:5 x:5,7|x:31,3 n:31 x:31,3", 0, tn_index_put(x, L(y), z, false)) S(index_put, "x:5,7 i5:9 x:9,7", 0, tn_index_put(x, L(y), z, true)) S(index_put__in_place, "x:5,7 n:5 x:5,7|x:5,7 o5:5 x:5,7", WRITES, tn_index_put_(x, L(y), z, false)) \
    S(setitem, "x:5,7 x:7", WRITES | EXACT, tn_setitem_(x, &(tn_index_item){.kind = TN_INDEX_SLICE, .start = 1, .has_start = true, .step = 2}, 1, y)) S(getitem, "x:9,7", EXACT, tn_getitem(x, &(tn_index_item){.kind = TN_INDEX_SLICE, .step = 2}, 1)) \
    S(gather, "x:5,7 i5:3,7|x:5,7 i5:2,4|x:127,31 i127:99,31|x:5,7 o5:3,7|x:5,7 i5:0,7", EXACT, tn_gather(x, 0, y)) S(gather__columns, "x:5,7 i7:5,3|x:3,1021 i1021:3,99", EXACT, tn_gather(x, 1, y)) \
    S(scatter, "x:5,7 n:5 x:5,7|x:31,2 n:31 x:31,2", EXACT, tn_scatter(x, 0, tn_expand(tn_unsqueeze(y, 1), tn_shape(x), 2), z)) S(scatter__number, "x:5,7 i5:3,7|x:5,7 o5:3,7", 0, tn_scatter(x, 0, y, 1.5)) \
    S(scatter__in_place, "x:5,7 i7:5,1 x:5,1", WRITES | EXACT, tn_scatter_(x, 1, y, z)) S(scatter_add, "x:5,7 i5:9,7 x:9,7|x:5,7 i5:3,4 x:3,4|x:31,3 i31:127,3 x:127,3|x:5,7 o5:3,7 x:3,7", 0, tn_scatter_add(x, 0, y, z)) \
    S(scatter_add__in_place, "x:5,7 i5:9,7 x:9,7", WRITES, tn_scatter_add_(x, 0, y, z)) S(scatter_reduce, "x:5,7 i5:9,7 x:9,7", 0, tn_scatter_reduce(x, 0, y, z, TN_REDUCE_SUM, false)) \
    S(scatter_reduce__prod, "x:5,7 i5:9,7 x:9,7", 0, tn_scatter_reduce(x, 0, y, z, TN_REDUCE_PROD, false)) S(scatter_reduce__mean, "x:5,7 i5:9,7 x:9,7", 0, tn_scatter_reduce(x, 0, y, z, TN_REDUCE_MEAN, true)) \
    S(scatter_reduce__max, "x:5,7 i5:9,7 x:9,7", 0, tn_scatter_reduce(x, 0, y, z, TN_REDUCE_AMAX, false)) S(scatter_reduce__min, "x:5,7 i5:9,7 x:9,7", 0, tn_scatter_reduce(x, 0, y, z, TN_REDUCE_AMIN, true)) \
    S(nonzero, "x:5,7|x:1021|x:0|x:", 0, tn_nonzero(x)) S(masked_select, "x:5,7 b:5,7|x:5,7 b:7|x:1021 b:1021|x:0 b:0", EXACT, tn_masked_select(x, y))   \
    S(embedding, "i5:3,4 x:5,7|j5:9 x:5,7|i5:0 x:5,7|i127:31 x:127,33|o5:4 x:5,7", EXACT, tn_embedding(x, y, NULL)) S(embedding__scaled, "i5:9 x:5,7", 0, tn_embedding(x, y, &(tn_embedding_opts){.padding_idx = 1, .has_padding_idx = true, .scale_grad_by_freq = true})) \
    S(embedding__max_norm, "i5:9 x:5,7", WRITES | NO_GRAD | NO_SPECIAL, tn_embedding(x, y, &(tn_embedding_opts){.max_norm = 1, .has_max_norm = true})) S(one_hot, "i5:3,4", 0, tn_one_hot(x, 6)) \
    S(bincount, "i9:127|i9:0|j9:31", 0, tn_bincount(x, NULL, 12)) S(bincount__weights, "i9:127 x:127", 0, tn_bincount(x, y, 0)) S(segment_reduce, "x:6,3 q2:3", 0, tn_segment_reduce(x, TN_REDUCE_MEAN, &(tn_segment_reduce_opts){.lengths = y})) \
    S(sparse_mm, "k:4 i5:6 x:6 x:5,7|k:128 i31:254 x:254 x:31,9", 0, tn_sparse_mm(x, y, z, in[3])) S(sparse_mm__ones, "k:4 i5:6 x:5,7", 0, tn_sparse_mm(x, y, NULL, z))
#define SAMPLES_LAST                                                                                                                                 \
    S(sort, "e:7|e:5,31|e:0|x:127|e:13,1021|x:2,10007", 0, both(tn_sort(x, -1, false, true))) S(sort__descending, "x:7,5|e:31,3", 0, both(tn_sort(x, 0, true, true))) S(argsort, "x:5,31", 0, tn_argsort(x, 1, false, true)) \
    S(topk, "e:31|e:5,31|e:3,101", NO_SPECIAL, both(tn_topk(x, 4, NULL))) S(topk__smallest, "e:5,31", NO_SPECIAL, both(tn_topk(x, 7, &(tn_topk_opts){.dim = 1, .has_dim = true, .smallest = true}))) \
    S(searchsorted, "c:31 x:5,7|c:1021 x:127|c:0 x:5", NO_SPECIAL, tn_searchsorted(x, y, NULL)) S(searchsorted__right, "c:31 x:5,7", NO_SPECIAL, tn_searchsorted(x, y, &(tn_searchsorted_opts){.right = true, .out_int32 = true})) \
    S(unique, "x:31|x:5,7|x:1021|x:0", NO_SPECIAL, uniq(tn_unique(x, &(tn_unique_opts){.return_inverse = true, .return_counts = true})))                \
    S(scaled_dot_product_attention, "x:2,3,5,4 x:2,3,7,4 x:2,3,7,6|x:1,2,33,8 x:1,2,33,8 x:1,2,33,8", 0, tn_scaled_dot_product_attention(x, y, z, NULL)) \
    S(scaled_dot_product_attention__causal, "x:2,3,5,4 x:2,3,5,4 x:2,3,5,4|x:2,2,70,8 x:2,2,100,8 x:2,2,100,8", NO_SPECIAL /* a NaN that is not seen */, tn_scaled_dot_product_attention(x, y, z, &(tn_sdpa_opts){.is_causal = true})) \
    S(scaled_dot_product_attention__mask, "x:2,5,4 x:2,7,4 x:2,7,4 b:5,7", 0, tn_scaled_dot_product_attention(x, y, z, &(tn_sdpa_opts){.attn_mask = in[3]})) \
    S(attend, "x:1,2,33,8 x:1,2,70,8 x:1,2,70,6", 0, tn_scaled_dot_product_attention(x, y, z, NULL)) \
    S(attend_backward, "x:2,4,19,8 x:2,2,19,8 x:2,2,19,8", 0, tn_scaled_dot_product_attention(x, y, z, &(tn_sdpa_opts){.enable_gqa = true})) \
    S(multi_head_attention, "x:5,2,6 x:18,6 x:18 x:6,6 x:6", 0, tn_multi_head_attention_forward(x, x, x, 6, 2, &(tn_mha_opts){.in_proj_weight = y, .in_proj_bias = z, .out_proj_weight = in[3], .out_proj_bias = in[4]}).output) \
    S(rnn_layer, "x:5,2,3 x:16,3 x:16,4 x:16 x:16|x:1,2,3 x:16,3 x:16,4 x:16 x:16", 0, seen(tn_lstm(x, NULL, NULL, &in[1], 4, NULL))) S(rnn_layer__gru, "x:5,2,3 x:12,3 x:12,4 x:12 x:12 x:1,2,4", 0, seen(tn_gru(x, in[5], &in[1], 4, NULL))) \
    S(rnn_layer__tanh, "x:5,2,3 x:4,3 x:4,4 x:4 x:4", 0, seen(tn_rnn_tanh(x, NULL, &in[1], 4, NULL))) S(rnn_layer__relu, "x:5,3 x:4,3 x:4,4", 0, seen(tn_rnn_relu(x, NULL, &in[1], 2, &(tn_rnn_opts){.no_bias = true}))) \
    S(lstm_cell, "x:2,3 x:2,4 x:2,4 x:16,3 x:16,4", 0, seen(tn_lstm_cell(x, y, z, in[3], in[4], NULL, NULL))) S(mse_loss, "x:5,7 x:5,7|x:1021 x:1021|x:0 x:0", 0, tn_mse_loss(x, y, NULL)) S(l1_loss, "x:5,7 x:5,7", 0, tn_l1_loss(x, y, &(tn_loss_opts){.reduction = TN_SUM})) \
    S(smooth_l1_loss, "x:5,7 x:5,7", 0, tn_smooth_l1_loss(x, y, NULL)) S(huber_loss, "x:5,7 x:5,7", 0, tn_huber_loss(x, y, &(tn_loss_opts){.reduction = TN_NONE, .delta = 0.7})) \
    S(binary_cross_entropy, "u:5,7 u:5,7|x:5,7 u:5,7", 0, tn_binary_cross_entropy(x, y, NULL)) S(binary_cross_entropy_with_logits, "x:5,7 u:5,7", 0, tn_binary_cross_entropy_with_logits(x, y, NULL)) S(kl_div, "x:5,7 u:5,7", 0, tn_kl_div(x, y, &(tn_loss_opts){.reduction = TN_BATCHMEAN})) \
    S(nll_loss, "x:5,7 i7:5|x:3,4,5 i4:3,5|x:31,127 i127:31|x:5,7 o7:5", 0, tn_nll_loss(x, y, NULL)) S(nll_loss__weight, "x:5,7 i7:5 p:7", 0, tn_nll_loss(x, y, &(tn_cross_entropy_opts){.weight = z, .ignore_index = 1, .has_ignore_index = true})) \
    S(cross_entropy, "x:5,7 i7:5|x:3,4,5 i4:3,5|x:31,127 i127:31|x:7,1021 i1021:7|x:5,7 o7:5", 0, tn_cross_entropy(x, y, NULL)) S(cross_entropy__weight, "x:5,7 i7:5 p:7", 0, tn_cross_entropy(x, y, &(tn_cross_entropy_opts){.weight = z, .label_smoothing = 0.1, .reduction = TN_NONE})) \
    S(cross_entropy__probabilities, "x:5,7 u:5,7", 0, tn_cross_entropy(x, y, NULL)) S(function, "x:5,7|x:0", 0, tn_function_apply(&function, &x, 1))      \
    S(optim_step, "x:5,7 x:5,7|x:1021 x:1021|x:0 x:0", NO_GRAD, trained(0, x, y)) S(optim_step__adam, "x:5,7 x:5,7|x:99991 x:99991", NO_GRAD, trained(1, x, y)) S(optim_step__adamw, "x:5,7 x:5,7", NO_GRAD, trained(2, x, y)) \
    S(optim_step__rmsprop, "x:5,7 x:5,7", NO_GRAD, trained(3, x, y)) S(optim_step__adagrad, "x:5,7 x:5,7", NO_GRAD, trained(4, x, y))
#define EDGES "i5:2,9 x:5,7|i5:2,0 x:5,7|i5:2,9 x:5|j31:2,127 x:31,2,16|i3:2,3001 x:3,9|o5:2,9 x:5,7"
#define SCORES "i5:2,9 x:9,3|i5:2,0 x:0,3|j31:2,127 x:127|i1:2,999 x:999,2|i3:2,3001 x:3001,9"
#define SCATTERED "x:9,7 i5:9|x:9,7 q2:9|x:0,7 i5:0|x:127,16 j31:127|x:999,2 q1:999|x:999 i1:999"
#define WEIGHTED "i5:2,9 x:9 x:5,7|i5:2,9 x:9,3 x:5,3,4|j31:2,127 x:127,2 x:31,2,16|i1:2,999 x:999,2 x:1,2,3|i5:2,9 x:9 x:5|i5:2,9 x:8 x:5,7"
#define SAMPLES_GNN                                                                                                                                  \
    S(propagate, EDGES, 0, tn_gnn_spmm(x, NULL, y, -1, TN_REDUCE_SUM)) S(propagate__weights, WEIGHTED, NOT_EXPANDED, tn_gnn_spmm(x, y, z, -1, TN_REDUCE_SUM))      \
    S(propagate__mean, WEIGHTED, NOT_EXPANDED, tn_gnn_spmm(x, y, z, tn_size(z, 0) + 2, TN_REDUCE_MEAN)) S(propagate__nodes, EDGES, 0, normalized(x, y))            \
    S(propagate__scatter, SCATTERED, NOT_EXPANDED, tn_gnn_scatter(x, y, 40, TN_REDUCE_SUM)) S(propagate__scatter_mean, SCATTERED, NOT_EXPANDED, tn_gnn_scatter(x, y, -1, TN_REDUCE_MEAN)) \
    S(propagate__lift, EDGES, 0, tn_gnn_x_j(edges(x, y), y)) S(propagate__lift_targets, EDGES, 0, tn_gnn_x_i(edges(x, y), tn_mul(y, y)))                \
    S(propagate_max, EDGES, 0, tn_gnn_spmm(x, NULL, y, -1, TN_REDUCE_AMAX)) S(propagate_max__min, EDGES, 0, tn_gnn_spmm(x, NULL, y, tn_size(y, 0) + 2, TN_REDUCE_AMIN)) \
    S(propagate_max__scatter, SCATTERED, 0, tn_gnn_scatter(x, y, 40, TN_REDUCE_AMIN)) S(propagate_equal, SCATTERED, 0, tn_gnn_global_max_pool(x, y, 40)) \
    S(propagate_equal__edges, EDGES, 0, tn_gnn_spmm(x, NULL, tn_mul(y, y), -1, TN_REDUCE_AMAX))                                                         \
    S(edge_dot, "i5:2,9 x:5,3,4 x:5,3,4|i5:2,0 x:5,3,4 x:5,3,4|j31:2,127 x:31,2,16 x:31,2,16|i1:2,999 x:1,2,3 x:1,2,3|i3:2,3001 x:3,1,130 x:3,1,130|o5:2,9 x:5,1,4 x:5,1,4", 0, tn_gnn_edge_dot(edges(x, y), y, z)) \
    S(edge_softmax, SCORES, NOT_EXPANDED, tn_gnn_edge_softmax(edges(x, tn_ones((int64_t[]){31, 1}, 2, NULL)), y)) S(edge_softmax__index, SCATTERED, NOT_EXPANDED, tn_gnn_softmax(x, y, -1)) \
    S(edge_softmax_backward, SCORES, NOT_EXPANDED, tn_gnn_edge_softmax(edges(x, tn_ones((int64_t[]){31, 1}, 2, NULL)), tn_square(y))) \
    S(gat_attend, "i5:2,9 x:5,7|j31:2,127 x:31,16", 0, attended(x, y)) S(gat_attend_backward, "i9:2,40 x:9,5|i31:2,127 x:31,3", 0, attended(x, tn_square(y))) \
    S(linear_sum, "i5:2,9 x:5,7|j31:2,127 x:31,16", 0, layered(tn_gnn_sage_conv(tn_size(y, 1), 20, NULL), x, y))
static const tn_unfold_opts windows = {.kernel = {3, 2}, .stride = {2, 1}, .padding = {1, 0}};
#define S(name, operands, flags, ...)                                                                                  \
    static tn_tensor *op_##name(tn_tensor *const *in) {                                                                \
        tn_tensor *x = in[0], *y = in[1], *z = in[2];                                                                  \
        (void)x, (void)y, (void)z;                                                                                     \
        return __VA_ARGS__;                                                                                            \
    }
SAMPLES
#undef S
typedef struct { const char *name, *operands; int flags; tn_tensor *(*call)(tn_tensor *const *); } spec;
#define S(name, operands, flags, ...) {#name, operands, flags, op_##name},
static const spec specs[] = {SAMPLES};
#undef S

/* ---- L3: a call on both sides ---- */
enum { FORWARD, GRADIENT, SECOND };
static const char *const mode_name[3] = {"", " gradient", " second"};
typedef struct { tn_tensor *base[MAX_IN], *view[MAX_IN], *out, *extra[3], *grad[MAX_IN + 1]; tn_status code; } side; /* the last gradient: of the weights */
static tn_tensor *weights_for(tn_tensor *out, bool there) {
    const int64_t n = tn_numel(out);
    double *v = malloc((size_t)(n + 1) * sizeof *v);
    if (!v) abort();
    for (int64_t i = 0; i < n; i++) v[i] = 0.25 + sin(0.7 * (double)i);
    tn_tensor *w = tn_from(v, tn_shape(out), tn_ndim(out), &(tn_tensor_opts){.dtype = TN_F64});
    w = tn_to_dtype(tn_to_dtype(w, TN_BF16), tn_get_dtype(out)); /* alike in every dtype */
    free(v);
    return there ? tn_to(w, device) : w;
}
static void differentiate(side *s, int n, int mode, bool there) {
    if (!s->out || !tn_dtype_is_floating(tn_get_dtype(s->out)) || !tn_requires_grad(s->out)) return;
    tn_tensor *w = weights_for(s->out, there), *loss;
    if (w && mode == SECOND) (void)tn_requires_grad_(w, true); /* what is linear in its operands has its second gradient there */
    loss = tn_sum(tn_mul(s->out, w), NULL);
    if (mode == SECOND) {
        tn_tensor *in[MAX_IN], *sum = NULL;
        int k = 0;
        for (int i = 0; i < n; i++)
            if (tn_requires_grad(s->base[i])) in[k++] = s->base[i];
        const tn_tensors g = tn_autograd_grad(&loss, 1, in, k, NULL, &(tn_grad_opts){.create_graph = true, .allow_unused = true});
        for (int i = 0; i < g.n; i++) {
            tn_tensor *part = g.at[i] ? tn_sum(tn_square(g.at[i]), NULL) : NULL;
            sum = !part ? sum : sum ? tn_add(sum, part) : part;
        }
        if (!sum || !tn_requires_grad(sum)) return;
        loss = sum;
    }
    if (!loss || tn_backward(loss) != TN_OK) return;
    s->grad[MAX_IN] = w ? tn_grad(w) : NULL;
    for (int i = 0; i < n; i++) s->grad[i] = tn_requires_grad(s->base[i]) ? tn_grad(s->base[i]) : NULL;
}
static void play(side *s, const spec *sp, const operand *o, const int *layout, int n, int mode, uint64_t seed, bool there) {
    for (int i = 0; i < n; i++) {
        if (mode && s->base[i] && tn_dtype_is_floating(tn_get_dtype(s->base[i]))) (void)tn_requires_grad_(s->base[i], true);
        s->view[i] = laid(s->base[i], &o[i], layout[i]);
        if (mode && (sp->flags & WRITES) && s->view[i] && tn_requires_grad(s->view[i])) s->view[i] = tn_mul(s->view[i], 1.0);
    }
    memset(more, 0, sizeof more);
    tn_manual_seed(seed);
    s->out = sp->call(s->view);
    memcpy(s->extra, more, sizeof more);
    if (mode) differentiate(s, n, mode, there);
    if (there && tn_synchronize(device) != TN_OK) s->out = NULL;
    s->code = tn_error_code();
    if (s->code != TN_OK) s->out = NULL;
    else NEED(s->out, "no result, and no error, on the %s", there ? "device" : "CPU");
}
/* The case that is judged, and which of its tensors, so that it can be played again. */
enum { RESULT, EXTRA, AFTER = EXTRA + 3, GRADS = AFTER + MAX_IN };
static struct { const spec *sp; const operand *o; int layout[MAX_IN], n, mode, place; uint64_t seed; tn_tensor *was[MAX_IN]; } again;
static tn_tensor *part_of(const side *s, int place) {
    return place == RESULT ? s->out : place < AFTER ? s->extra[place - EXTRA] : place < GRADS ? s->base[place - AFTER] : s->grad[place - GRADS];
}
/* The case in f64 on the CPU, its operands moved by a rounding of their dtype each, up or down; exactly as they are for draw 0. */
static const double *played_again(int draw, int64_t n) {
    side s = {.code = TN_OK};
    for (int i = 0; i < again.n; i++) {
        const tn_dtype dt = tn_get_dtype(again.was[i]);
        s.base[i] = tn_dtype_is_floating(dt) ? tn_clone(tn_to_dtype(again.was[i], TN_F64)) : tn_clone(again.was[i]);
        if (!s.base[i]) return NULL;
        double unit = 0;
        for (int k = 0; k < COUNT(bounds); k++)
            if (bounds[k].dt == dt) unit = bounds[k].unit;
        double *v = unit > 0 ? tn_data(s.base[i]) : NULL;
        uint64_t state = again.seed + 77 * (uint64_t)draw + (uint64_t)i;
        for (int64_t e = 0; v && draw && e < tn_numel(s.base[i]); e++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            v[e] *= state >> 63 ? 1 + unit : 1 - unit;
        }
    }
    play(&s, again.sp, again.o, again.layout, again.n, again.mode, again.seed, false);
    tn_tensor *t = s.out ? part_of(&s, again.place) : NULL;
    return t && tn_numel(t) == n && tn_get_dtype(t) == TN_F64 ? tn_data(home(t)) : NULL;
}
/* Sums that cancel have no more digits than their operands leave them. Where a result misses its mean square bound against the
   CPU's, which is rounded as well, it must be nearer to the exact one than that moves where each operand moves by one rounding. */
static bool conditioned(const double *q, int64_t n) {
    TN_SCOPE;
    const double *exact = again.sp ? played_again(0, n) : NULL;
    double error = 0, most = 0;
    for (int64_t i = 0; exact && i < n; i++) error += (q[i] - exact[i]) * (q[i] - exact[i]);
    for (int draw = 1; exact && draw <= 8; draw++) {
        const double *moved = played_again(draw, n);
        double change = 0;
        for (int64_t i = 0; moved && i < n; i++) change += (moved[i] - exact[i]) * (moved[i] - exact[i]);
        most = change > most ? change : most;
    }
    return exact && error <= most;
}
static const char *row_name(const char *name, char *room, size_t size) {
    (void)snprintf(room, size, "%s", name);
    for (size_t n = strlen(room); n-- > 1;)
        if (room[n] == '_' && room[n - 1] == '_') return room[n - 1] = 0, room;
    return room;
}
/* Of huge numbers a sum overflows or cancels in one order and not in another: only pointwise rows, movements and sorts get them. */
static bool sums(const spec *sp) {
    char room[64];
    int id = 1000;
    for (int i = 0; i < tn_op_count(); i++)
        if (strcmp(tn_op_name(i), row_name(sp->name, room, sizeof room)) == 0) id = tn_op_id(i);
    return id >= 250 && (id < 420 || id > 423);
}
static bool judge_in_scope(const spec *sp, const operand *o, int n, tn_dtype dt, int layout, int mode, uint64_t seed) {
    TN_SCOPE;
    side c = {.code = TN_OK}, d = {.code = TN_OK};
    tn_tensor *was[MAX_IN] = {NULL};
    int each[MAX_IN] = {0};
    uint64_t s = seed;
    for (int i = 0; i < n; i++) {
        int64_t shape[TN_MAX_DIMS];
        int m;
        each[i] = layout;
        if (!base_shape(&o[i], layout, shape, &m)) each[i] = PLAIN, (void)base_shape(&o[i], PLAIN, shape, &m);
        c.base[i] = values(&o[i], shape, m, dt, layout != SPECIAL ? 0 : sp->flags & NO_HUGE || sums(sp) ? 2 : 1, &s);
        was[i] = tn_clone(c.base[i]);
        d.base[i] = tn_to(c.base[i], device);
        if (!c.base[i] || !was[i] || !d.base[i]) return fault("an operand does not get there: %s", tn_error()), false;
    }
    play(&c, sp, o, each, n, mode, seed, false);
    char why[200];
    (void)snprintf(why, sizeof why, "%s", tn_error());
    tn_error_clear();
    const int64_t fallbacks = tn_fallback_count(-1);
    play(&d, sp, o, each, n, mode, seed, true);
    kind_only = (sp->flags & DRAWS) && tn_fallback_count(-1) == fallbacks;
    if (c.code != d.code) return fault("the CPU gives %s (%s), the device %s (%s)", tn_status_name(c.code), why, tn_status_name(d.code), tn_error()), false;
    tn_error_clear();
    if (c.code != TN_OK) return true;
    char what[32];
    const bool exact = (sp->flags & EXACT) && mode == FORWARD;
    again.sp = sp, again.o = o, again.n = n, again.mode = mode, again.seed = seed, again.place = RESULT;
    memcpy(again.layout, each, sizeof each);
    memcpy(again.was, was, sizeof was);
    same("result", c.out, d.out, exact);
    for (int k = 0; k < 3; k++) again.place = EXTRA + k, (void)snprintf(what, sizeof what, "result %d", k + 2), same(what, c.extra[k], d.extra[k], exact);
    for (int i = 0; i < n; i++) {
        (void)snprintf(what, sizeof what, "operand %d, after,", i + 1);
        again.place = AFTER + i;
        if (!(sp->flags & WRITES)) same(what, was[i], d.base[i], true);
        else if (!mode) same(what, c.base[i], d.base[i], exact);
        (void)snprintf(what, sizeof what, "gradient %d", i + 1);
        again.place = GRADS + i;
        if (mode) same(what, c.grad[i], d.grad[i], false);
    }
    again.place = GRADS + MAX_IN;
    if (mode == SECOND) same("gradient of the weights", c.grad[MAX_IN], d.grad[MAX_IN], false);
    kind_only = false;
    again.sp = NULL;
    return false;
}
/* --plain: what usual programs ask for, contiguous operands of f32, halves and i64. */
static bool unusual(tn_dtype dt, int layout) { return layout != PLAIN || (dt != TN_F32 && dt != TN_F16 && dt != TN_BF16 && dt != TN_I64); }
static int64_t visit(const spec *sp) { /* runs or lists an op's cases; gives how many */
    operand o[MAX_IN];
    int64_t cases = 0;
    int n;
    for (int k = 0; (n = parse(sp->operands, o, k)) >= 0; k++)
        for (int t = 0; t < COUNT(dtypes); t++)
            for (int layout = 0; layout < LAYOUTS; layout++)
                for (int mode = FORWARD; mode <= SECOND; mode++) {
                    int64_t shape[TN_MAX_DIMS], count = 0;
                    int m;
                    bool typed = false, laid_so = false, special = false;
                    for (int i = 0; i < n; i++) {
                        const int64_t c = numel_of(o[i].shape, o[i].n);
                        count = c > count ? c : count;
                        typed = typed || strchr("xpuecw", o[i].kind);
                        special = special || strchr("xpuec", o[i].kind);
                        laid_so = base_shape(&o[i], layout, shape, &m) || laid_so;
                    }
                    if ((t && !typed) || !laid_so || (layout == SPECIAL && (!special || (sp->flags & NO_SPECIAL))) || (layout == EXPANDED && (sp->flags & NOT_EXPANDED))) continue;
                    if (opt.plain && unusual(dtypes[t], layout)) continue;
                    if (count > 2000 && ((layout != PLAIN && layout != MIDDLE) || (t & 1))) continue;
                    if (mode && (t > 1 || layout == SPECIAL || count > 2000 || (sp->flags & NO_GRAD))) continue;
                    if (mode == SECOND && (dtypes[t] != TN_F64 || layout != PLAIN || count > 300)) continue;
                    char place[32];
                    (void)snprintf(place, sizeof place, "%s", tn_dtype_name(dtypes[t]));
                    const char *text = sp->operands;
                    for (int i = 0; i < k; i++) text = strchr(text, '|') + 1;
                    begin("%s %s [%.*s] %s%s", sp->name, place, (int)strcspn(text, "|"), text, layout_name[layout], mode_name[mode]);
                    cases++;
                    if (opt.list) printf("%s\n", now);
                    else end(judge_in_scope(sp, o, n, dtypes[t], layout, mode, opt.seed + hash(now)));
                }
    judged += cases;
    return cases;
}

/* ---- L4: chains ---- */
typedef struct { int op, a, b, to; } step;
static const char *const step_name[] = {"neg", "abs", "sin", "cos", "tanh", "sigmoid", "relu", "gelu", "silu", "erf", "exp(-abs)", "clamp", "add", "sub", "tanh(mul)", "maximum", "where(gt)", "lerp", "add row", "half"};
static tn_tensor *take(int op, tn_tensor *a, tn_tensor *b) {
    switch (op) {
    case 0: return tn_neg(a);
    case 1: return tn_abs(a);
    case 2: return tn_sin(a);
    case 3: return tn_cos(a);
    case 4: return tn_tanh(a);
    case 5: return tn_sigmoid(a);
    case 6: return tn_relu(a);
    case 7: return tn_gelu(a, TN_GELU_NONE);
    case 8: return tn_silu(a);
    case 9: return tn_erf(a);
    case 10: return tn_exp(tn_neg(tn_abs(a)));
    case 11: return tn_clamp(a, -0.75, 0.75);
    case 12: return tn_add(a, b);
    case 13: return tn_sub(a, b);
    case 14: return tn_tanh(tn_mul(a, b));
    case 15: return tn_maximum(a, b);
    case 16: return tn_where(tn_gt(a, b), a, tn_mul(b, 0.5));
    case 17: return tn_lerp(a, b, 0.25);
    case 18: return tn_add(a, tn_select(b, 0, 0));
    default: return tn_mul(a, 0.5);
    }
}
static tn_tensor *walk(const step *st, int n, tn_tensor *const *in, bool differentiable, bool there) {
    tn_tensor *at[3] = {in[0], in[1], tn_mul(in[0], in[1])};
    for (int i = 0; i < n; i++) at[st[i].to] = take(st[i].op, at[st[i].a], at[st[i].b]);
    tn_tensor *out = tn_add(tn_add(at[0], at[1]), at[2]);
    if (differentiable && out) (void)tn_backward(tn_sum(tn_mul(out, weights_for(out, there)), NULL));
    return out;
}
/* The same chain as a program, its numbers as inputs; false where it has too many steps, or one that is not pointwise. */
typedef struct { tn_fused_step step[16]; int n, n_in; tn_tensor *in[8]; } program;
static int add_step(program *p, const char *op, int a, int b, int c) {
    if (p->n == COUNT(p->step)) return p->n = COUNT(p->step) + 1, 0;
    if (p->n < COUNT(p->step)) p->step[p->n++] = step_of(op, a, b, c);
    return p->n_in + p->n - 1;
}
enum { HALF = 2, QUARTER, LOW, HIGH, INPUTS };
static int add_take(program *p, int op, int a, int b) {
    static const char *const alone[10] = {"neg", "abs", "sin", "cos", "tanh", "sigmoid", "relu", "gelu", "silu", "erf"};
    switch (op) {
    case 10: return add_step(p, "exp", add_step(p, "neg", add_step(p, "abs", a, 0, 0), 0, 0), 0, 0);
    case 11: return add_step(p, "clamp", a, LOW, HIGH);
    case 12: return add_step(p, "add", a, b, 0);
    case 13: return add_step(p, "sub", a, b, 0);
    case 14: return add_step(p, "tanh", add_step(p, "mul", a, b, 0), 0, 0);
    case 15: return add_step(p, "maximum", a, b, 0);
    case 16: return add_step(p, "where", add_step(p, "gt", a, b, 0), a, add_step(p, "mul", b, HALF, 0));
    case 17: return add_step(p, "lerp", a, b, QUARTER);
    case 19: return add_step(p, "mul", a, HALF, 0);
    default: return add_step(p, alone[op], a, 0, 0);
    }
}
static bool program_of(program *p, const step *st, int n) {
    memset(p, 0, sizeof *p);
    p->n_in = INPUTS;
    int at[3] = {0, 1, add_step(p, "mul", 0, 1, 0)};
    for (int i = 0; i < n; i++) {
        if (st[i].op == 18) return false;
        at[st[i].to] = add_take(p, st[i].op, at[st[i].a], at[st[i].b]);
    }
    (void)add_step(p, "add", add_step(p, "add", at[0], at[1], 0), at[2], 0);
    return p->n <= COUNT(p->step);
}
static tn_tensor *fused(program *p, tn_tensor *const *in, bool differentiable, bool there) {
    const double numbers[4] = {0.5, 0.25, -0.75, 0.75};
    for (int i = 0; i < 2; i++) p->in[i] = in[i];
    for (int i = 0; i < 4; i++) p->in[HALF + i] = tn_arg_f(numbers[i]);
    tn_tensor *out = tn_fused_pointwise(p->step, p->n, p->in, p->n_in);
    if (differentiable && out) (void)tn_backward(tn_sum(tn_mul(out, weights_for(out, there)), NULL));
    return out;
}
/* The chain as one op, on the CPU and on the device, against its steps on the CPU: those of halves in f32, since a chain rounds
   once. layout 0: dense, 1: both permuted, 2: the second is one row, 3: the second is one column, the first permuted. */
static void fused_chain(program *p, const step *st, int n, const operand *o, tn_dtype dt, int layout, uint64_t s) {
    TN_SCOPE;
    const bool half = dt == TN_F16 || dt == TN_BF16, slopes = dt == TN_F64;
    const operand second = {'x', 0, {layout == 2 ? 1 : o->shape[0], layout == 3 ? 1 : o->shape[1]}, 2};
    const operand *each[2] = {o, &second};
    tn_tensor *base[3][2], *view[3][2];
    for (int i = 0; i < 2; i++) {
        int64_t shape[TN_MAX_DIMS];
        int m;
        const int laid_so = layout == 1 || (layout == 3 && i == 0) ? PERMUTED : PLAIN;
        (void)base_shape(each[i], laid_so, shape, &m);
        tn_tensor *x = values(each[i], shape, m, dt, 0, &s);
        base[0][i] = half ? tn_to_dtype(x, TN_F32) : tn_clone(x);
        base[1][i] = x;
        base[2][i] = tn_to(x, device);
        for (int k = 0; k < 3; k++) {
            if (slopes) (void)tn_requires_grad_(base[k][i], true);
            view[k][i] = laid(base[k][i], each[i], laid_so);
            if (k == 0) view[k][i] = tn_expand(view[k][i], o->shape, 2); /* a chain may end without an input; the op has all of their shape */
        }
    }
    tn_tensor *want = tn_to_dtype(walk(st, n, view[0], slopes, false), dt), *here = fused(p, view[1], slopes, false), *got = fused(p, view[2], slopes, true);
    NEED(tn_synchronize(device) == TN_OK && tn_error_code() == TN_OK, "%s", tn_error());
    same("result on the CPU", want, tn_to(here, device), false);
    same("result", want, got, false);
    for (int i = 0; i < 2 && slopes; i++) {
        same(i ? "gradient 2 on the CPU" : "gradient 1 on the CPU", tn_grad(base[0][i]), tn_to(tn_grad(base[1][i]), device), false);
        same(i ? "gradient 2" : "gradient 1", tn_grad(base[0][i]), tn_grad(base[2][i]), false);
    }
}
static void fused_chains(const step *st, int n, const operand *o, int k, const char *text, uint64_t s) {
    static const tn_dtype kinds[4] = {TN_F32, TN_F64, TN_F16, TN_BF16};
    static const char *const how[4] = {"dense", "permuted", "row", "column"};
    program p;
    if (!program_of(&p, st, n)) return;
    for (int t = 0; t < 4; t++) {
        const int layout = (k + t) % 4; /* every dtype and every layout, not every pair of each chain */
        judged++;
        begin("chain %d fused %s %s [%d,%d]%.200s", k, tn_dtype_name(kinds[t]), how[layout], (int)o->shape[0], (int)o->shape[1], text);
        lines = 0;
        fused_chain(&p, st, n, o, kinds[t], layout, s);
        end(false);
    }
}
static void chains(int count) {
    for (int k = 0; k < count; k++) {
        TN_SCOPE;
        static const tn_dtype kinds[4] = {TN_F32, TN_F64, TN_F32, TN_F16};
        uint64_t s = opt.seed * 1000003 + (uint64_t)k;
        step st[12];
        const int n = 3 + (int)(mix(&s) % 10);
        const operand o = {'x', 0, {1 + (int64_t)(mix(&s) % 9), 1 + (int64_t)(mix(&s) % 130)}, 2};
        char text[512] = "";
        size_t used = 0;
        for (int i = 0; i < n; i++) {
            st[i] = (step){(int)(mix(&s) % COUNT(step_name)), (int)(mix(&s) % 3), (int)(mix(&s) % 3), (int)(mix(&s) % 3)};
            if (used < sizeof text) used += (size_t)snprintf(text + used, sizeof text - used, " %d=%s %d %d;", st[i].to, step_name[st[i].op], st[i].a, st[i].b);
        }
        judged++;
        begin("chain %d %s [%d,%d]%.200s", k, tn_dtype_name(kinds[k & 3]), (int)o.shape[0], (int)o.shape[1], text);
        lines = 0;
        tn_tensor *c[2], *d[2];
        for (int i = 0; i < 2; i++) {
            c[i] = values(&o, o.shape, 2, kinds[k & 3], 0, &s);
            d[i] = tn_to(c[i], device);
            if ((k & 3) != 3) (void)tn_requires_grad_(c[i], true), (void)tn_requires_grad_(d[i], true);
        }
        tn_tensor *want = walk(st, n, c, (k & 3) != 3, false), *got = walk(st, n, d, (k & 3) != 3, true);
        NEED(tn_synchronize(device) == TN_OK && tn_error_code() == TN_OK, "%s", tn_error());
        same("result", want, got, false);
        for (int i = 0; i < 2 && (k & 3) != 3; i++) same(i ? "gradient 2" : "gradient 1", tn_grad(c[i]), tn_grad(d[i]), false);
        end(false);
        fused_chains(st, n, &o, k, text, s);
    }
}

/* ---- L0 and L1 ---- */
static void level0(const tn_accel_plugin *p) {
    lines = 0;
    begin("abi record");
    NEED(p->magic == TN_ACCEL_MAGIC && p->major == TN_ACCEL_MAJOR && p->size >= sizeof *p, "magic %x, major %u, size %u", p->magic, p->major, p->size);
    NEED(p->id && p->id[0] && strlen(p->id) < 32 && !strchr(p->id, ':') && p->version && p->version[0], "no id or version");
    end(false);
    begin("abi table");
    NEED(real_api->size >= sizeof *real_api, "size %u, not %zu", real_api->size, sizeof *real_api);
#define THERE(f) NEED(real_api->f, "no function " #f);
    THERE(count) THERE(info) THERE(open) THERE(close) THERE(alloc) THERE(free) THERE(queue) THERE(queue_free) THERE(copy) THERE(write) THERE(read)
    THERE(fill) THERE(record) THERE(wait) THERE(event_free) THERE(sync) THERE(rate) THERE(run)
    end(false);
    begin("abi devices");
    tn_accel_error e = {0, {0}};
    for (int32_t i = 0; i < real_api->count(); i++) {
        struct { tn_accel_info info; char after[64]; } room;
        memset(&room, 0x5A, sizeof room);
        room.info.size = (uint32_t)sizeof room.info;
        NEED(real_api->info(i, &room.info, &e) == TN_ACCEL_OK, "info of device %d: %.500s", i, e.message);
        NEED(memchr(room.info.name, 0, sizeof room.info.name) && memchr(room.info.location, 0, sizeof room.info.location), "device %d: a name without an end", i);
        for (int k = 0; k < COUNT(room.after); k++) NEED(room.after[k] == 0x5A, "info writes beyond the size it was given");
    }
    tn_accel_info none = {(uint32_t)sizeof none, 0, {0}, {0}, 0, 0, 0, 0};
    NEED(real_api->info(real_api->count(), &none, &e) != TN_ACCEL_OK && e.message[0], "info takes a device that is not there, or gives no reason");
    end(false);
    begin("abi double_load");
    NEED(tn_accel_load(opt.path) == TN_ERR_DEVICE, "a second load gave no error");
    end(false);
    begin("abi extension");
    NEED(!real_api->extension || !real_api->extension("no.such/1"), "an extension that is not there is given");
    end(false);
}
static bool ok(tn_accel_status s, const tn_accel_error *e, const char *what) {
    NEED(s == TN_ACCEL_OK, "%s: status %d, %.300s", what, (int)s, e->message);
    return s == TN_ACCEL_OK;
}
static void raw(tn_accel_context *context) {
    const tn_accel_api *a = real_api;
    tn_accel_error e = {0, {0}};
    tn_accel_buffer *b = NULL, *b2 = NULL;
    tn_accel_queue *q = NULL, *q2 = NULL;
    enum { N = 5003 };
    static unsigned char host[N], back[N], model[N];
    uint64_t s = opt.seed, scratch = 0;
    begin("raw rate_of_unknown_ops");
    const int64_t shape[1] = {4}, stride[1] = {1};
    for (int32_t id = -1; id < 32000; id += id < 2000 ? 1 : 977) {
        bool known = false;
        for (int i = 0; i < tn_op_count(); i++) known = known || tn_op_id(i) == id;
        if (known) continue;
        tn_accel_tensor t[3];
        memset(t, 0, sizeof t);
        for (int i = 0; i < 3; i++) t[i].dtype = TN_F32, t[i].ndim = 1, t[i].shape = shape, t[i].strides = stride;
        const tn_accel_call call = {(uint32_t)sizeof call, TN_ACCEL_MINOR, id, 2, 1, 0, t, t + 2, NULL, 0, 0};
        if (a->rate(context, &call, &scratch) == 0) continue;
        fault("rate takes an op of id %d, which there is not", id);
        break;
    }
    end(false);
    begin("raw buffers");
    if (!ok(a->queue(context, &q, &e), &e, "queue") || !ok(a->queue(context, &q2, &e), &e, "a second queue") || !ok(a->alloc(context, N, TN_ACCEL_DEVICE, &b, NULL, &e), &e, "alloc") || !ok(a->alloc(context, N, TN_ACCEL_DEVICE, &b2, NULL, &e), &e, "alloc")) {
        end(false);
        return;
    }
    end(false);
    begin("raw write_read_copy_fill at odd places");
    for (int i = 0; i < N; i++) host[i] = model[i] = (unsigned char)mix(&s);
    (void)ok(a->write(q, b, 0, host, N, &e), &e, "write");
    for (int k = 0; k < 400 && !bad; k++) {
        const uint64_t at = mix(&s) % N, n = k % 7 == 0 ? 0 : mix(&s) % (N - at), from = mix(&s) % (N - n);
        for (uint64_t i = 0; i < n; i++) host[i] = (unsigned char)mix(&s);
        switch (k % 4) {
        case 0:
            (void)ok(a->write(q, b, at, host, n, &e), &e, "write");
            memcpy(model + at, host, n);
            memset(host, 0, n); /* write has taken its source */
            break;
        case 1:
            (void)ok(a->copy(q, b2, from, b, at, n, &e), &e, "copy"), (void)ok(a->copy(q, b, at, b2, from, n, &e), &e, "copy");
            break;
        case 2: {
            const uint64_t at4 = at / 4 * 4, n4 = n / 4 * 4;
            const uint32_t word = (uint32_t)mix(&s);
            (void)ok(a->fill(q, b, at4, n4, word, &e), &e, "fill");
            for (uint64_t i = 0; i < n4; i += 4) memcpy(model + at4 + i, &word, 4);
            break;
        }
        default:
            memset(back, 0, N);
            (void)ok(a->read(q, back, b, at, n, &e), &e, "read");
            NEED(memcmp(back, model + at, n) == 0, "round %d: bytes %" PRIu64 " to %" PRIu64 " are not what was written", k, at, at + n);
            for (uint64_t i = n; i < N; i++) NEED(!back[i] || bad, "round %d: read goes %" PRIu64 " bytes too far", k, i - n + 1);
        }
    }
    (void)ok(a->read(q, back, b, 0, N, &e), &e, "read");
    NEED(memcmp(back, model, N) == 0, "the buffer is not what was written");
    end(false);
    begin("raw overlapping_copy: refused, or right");
    for (int way = 0; way < 2; way++) {
        const uint64_t to = way ? 50 : 10, from = way ? 10 : 50;
        const tn_accel_status st = a->copy(q, b, to, b, from, 900, &e);
        if (st == TN_ACCEL_OK) memmove(model + to, model + from, 900);
        (void)ok(a->read(q, back, b, 0, N, &e), &e, "read");
        NEED(memcmp(back, model, N) == 0, st == TN_ACCEL_OK ? "it was taken, and is not what memmove gives" : "it was refused, and bytes changed");
        memcpy(model, back, N);
    }
    end(false);
    begin("raw events over two queues");
    for (int k = 0; k < 50 && !bad; k++) {
        tn_accel_event *event = NULL;
        memset(host, k + 1, N);
        if (!ok(a->write(q, b, 0, host, N, &e), &e, "write") || !ok(a->record(q, &event, &e), &e, "record")) break;
        (void)ok(a->wait(q2, event, &e), &e, "wait");
        (void)ok(a->copy(q2, b2, 0, b, 0, N, &e), &e, "copy");
        (void)ok(a->read(q2, back, b2, 0, N, &e), &e, "read");
        a->event_free(event);
        NEED(memcmp(back, host, N) == 0, "round %d: the second queue did not wait", k);
    }
    (void)ok(a->sync(q, &e), &e, "sync"), (void)ok(a->sync(q2, &e), &e, "sync"), (void)ok(a->sync(q2, &e), &e, "a second sync");
    end(false);
    begin("raw out_of_memory");
    tn_accel_buffer *huge = NULL;
    const tn_accel_status st = a->alloc(context, (uint64_t)1 << 46, TN_ACCEL_DEVICE, &huge, NULL, &e);
    NEED(st == TN_ACCEL_MEMORY && e.message[0], "status %d (%.200s), not TN_ACCEL_MEMORY", (int)st, e.message);
    (void)ok(a->write(q, b, 1, host, 5, &e), &e, "write"), (void)ok(a->read(q, back, b, 1, 5, &e), &e, "read");
    NEED(memcmp(back, host, 5) == 0, "it does not go on");
    end(false);
    begin("raw pinned_memory");
    tn_accel_buffer *pinned = NULL;
    void *seen_at = NULL;
    const tn_accel_status pin = a->alloc(context, N, TN_ACCEL_PINNED, &pinned, &seen_at, &e);
    if (pin == TN_ACCEL_OK && seen_at) memset(seen_at, 0x3C, N);
    if (pin == TN_ACCEL_OK) a->free(context, pinned);
    end(pin != TN_ACCEL_OK);
    begin("raw many_buffers");
    static tn_accel_buffer *many[1500];
    int made = 0;
    for (; made < COUNT(many) && !bad; made++) {
        const uint64_t n = 1 + mix(&s) % 3000;
        if (!ok(a->alloc(context, n, TN_ACCEL_DEVICE, &many[made], NULL, &e), &e, "alloc")) break;
        (void)ok(a->write(q, many[made], n - 1, &made, 1, &e), &e, "write");
        host[made] = (unsigned char)made;
        model[made] = (unsigned char)(n - 1), back[made] = (unsigned char)((n - 1) >> 8);
    }
    for (int i = 0; i < made; i++) {
        unsigned char v = 0;
        (void)ok(a->read(q, &v, many[i], (uint64_t)(model[i] | back[i] << 8), 1, &e), &e, "read");
        NEED(v == (unsigned char)i, "buffer %d holds another's byte", i);
        a->free(context, many[i]);
    }
    a->free(context, b), a->free(context, b2);
    a->queue_free(q), a->queue_free(q2);
    end(false);
}

/* ---- graphs, where the plugin has the extension "capture/1": buffers 0 and 1 go in, 2 comes out, 3 is to spare ---- */
enum { GRAPH_N = 4 * 4096 }; /* words of a buffer */
typedef struct { const tn_accel_api *a; const tn_accel_capture *c; tn_accel_context *context; tn_accel_queue *q; tn_accel_buffer *b[4], *scratch; tn_accel_event *event; tn_accel_graph *graph; } recorder;
static tn_accel_error why;
static float graph_x[GRAPH_N], graph_y[GRAPH_N], graph_z[GRAPH_N];
static const int64_t line[4] = {1, GRAPH_N, GRAPH_N, 1}, wide[4] = {4, 4096, 4096, 1}, tall[4] = {4096, 4, 4, 1}, square[4] = {4, 4, 4, 1}; /* a shape, and its strides */
static tn_accel_tensor matrix(tn_accel_buffer *b, tn_dtype dt, const int64_t *shape) {
    tn_accel_tensor t;
    memset(&t, 0, sizeof t);
    t.buffer = b;
    t.dtype = (int32_t)dt;
    t.ndim = 2;
    t.shape = shape;
    t.strides = shape + 2;
    return t;
}
static tn_accel_call graph_call(const char *op, const tn_accel_tensor *t) { /* t: two operands and the result */
    const tn_accel_call call = {(uint32_t)sizeof call, TN_ACCEL_MINOR, tn_op_id(tn_op_row(op)), 2, 1, 0, t, t + 2, NULL, 0, 0};
    return call;
}
/* Asks for the op's scratch, which lives as long as the case; false: the plugin does not do it. */
static bool graph_takes(recorder *g, const char *op, const tn_accel_tensor *t) {
    const tn_accel_call call = graph_call(op, t);
    uint64_t scratch = 0;
    if (g->a->rate(g->context, &call, &scratch) <= 0) return false;
    return !scratch || ok(g->a->alloc(g->context, scratch, TN_ACCEL_DEVICE, &g->scratch, NULL, &why), &why, "alloc");
}
static void graph_op(recorder *g, const char *op, const tn_accel_tensor *t) {
    const tn_accel_call call = graph_call(op, t);
    (void)ok(g->a->run(g->q, &call, g->scratch, 0, &why), &why, op);
}
static void graph_begin(recorder *g) { (void)ok(g->c->begin(g->q, &why), &why, "begin"); }
static bool graph_end(recorder *g) { return g->graph = NULL, ok(g->c->end(g->q, &g->graph, &why), &why, "end") && g->graph; }
static void graph_launch(recorder *g) { (void)ok(g->c->launch(g->q, g->graph, &why), &why, "launch"); }
static void graph_put(recorder *g, int i, const void *from) { (void)ok(g->a->write(g->q, g->b[i], 0, from, GRAPH_N * 4, &why), &why, "write"); }
static void graph_get(recorder *g, int i) { (void)ok(g->a->read(g->q, graph_z, g->b[i], 0, GRAPH_N * 4, &why), &why, "read"); }
static void graph_inputs(recorder *g, uint64_t *s, int below) { /* small whole numbers, whose sums are exact */
    for (int i = 0; i < GRAPH_N; i++) graph_x[i] = (float)(mix(s) % (uint64_t)below), graph_y[i] = (float)(mix(s) % (uint64_t)below);
    graph_put(g, 0, graph_x), graph_put(g, 1, graph_y);
}
static uint32_t bits_of(float v) {
    uint32_t u;
    memcpy(&u, &v, sizeof u);
    return u;
}
/* z = x in the first half, 0.5 in the second, + y. */
static void graph_of_three(recorder *g) {
    const tn_accel_tensor t[3] = {matrix(g->b[3], TN_F32, line), matrix(g->b[1], TN_F32, line), matrix(g->b[2], TN_F32, line)};
    uint64_t s = opt.seed;
    if (!graph_takes(g, "add", t)) return;
    (void)ok(g->a->fill(g->q, g->b[2], 0, GRAPH_N * 4, bits_of(-1), &why), &why, "fill");
    graph_begin(g);
    (void)ok(g->a->fill(g->q, g->b[3], 0, GRAPH_N * 4, bits_of(0.5f), &why), &why, "fill");
    (void)ok(g->a->copy(g->q, g->b[3], 0, g->b[0], 0, GRAPH_N * 2, &why), &why, "copy");
    graph_op(g, "add", t);
    if (!graph_end(g)) return;
    graph_get(g, 2);
    NEED(graph_z[0] == -1 && graph_z[GRAPH_N - 1] == -1, "what was recorded has run");
    for (int k = 0; k < 3 && !bad; k++) {
        graph_inputs(g, &s, 1000);
        graph_launch(g);
        if (k == 2) g->c->graph_free(g->graph); /* while it runs */
        graph_get(g, 2);
        for (int i = 0; i < GRAPH_N && !bad; i++) {
            const float want = (i < GRAPH_N / 2 ? graph_x[i] : 0.5f) + graph_y[i];
            NEED(graph_z[i] == want, "launch %d: element %d is %g, not %g", k, i, (double)graph_z[i], (double)want);
        }
    }
}
static void graph_in_order(recorder *g) {
    const tn_accel_tensor t[3] = {matrix(g->b[3], TN_F32, line), matrix(g->b[1], TN_F32, line), matrix(g->b[2], TN_F32, line)};
    if (!graph_takes(g, "add", t)) return;
    (void)ok(g->a->fill(g->q, g->b[2], 0, GRAPH_N * 4, 0, &why), &why, "fill");
    graph_begin(g);
    (void)ok(g->a->copy(g->q, g->b[3], 0, g->b[2], 0, GRAPH_N * 4, &why), &why, "copy");
    graph_op(g, "add", t);
    if (!graph_end(g)) return;
    for (int k = 1; k <= 50; k++) {
        (void)ok(g->a->fill(g->q, g->b[1], 0, GRAPH_N * 4, bits_of((float)k), &why), &why, "fill");
        graph_launch(g);
    }
    graph_get(g, 2);
    for (int i = 0; i < GRAPH_N && !bad; i++) NEED(graph_z[i] == 50 * 51 / 2, "element %d is %g, not %d", i, (double)graph_z[i], 50 * 51 / 2);
    g->c->graph_free(g->graph);
    graph_begin(g);
    if (!graph_end(g)) return;
    graph_launch(g); /* of nothing */
    g->c->graph_free(g->graph);
    (void)ok(g->a->sync(g->q, &why), &why, "sync");
}
static void graph_of_product(recorder *g) { /* a library's, or with scratch */
    const tn_accel_tensor t[3] = {matrix(g->b[0], TN_F32, wide), matrix(g->b[1], TN_F32, tall), matrix(g->b[2], TN_F32, square)};
    uint64_t s = opt.seed + 1;
    if (!graph_takes(g, "mm", t)) return;
    graph_begin(g);
    graph_op(g, "mm", t);
    if (!graph_end(g)) return;
    for (int k = 0; k < 3 && !bad; k++) {
        graph_inputs(g, &s, 4);
        graph_launch(g);
        graph_get(g, 2);
        for (int i = 0; i < 16 && !bad; i++) {
            float want = 0;
            for (int d = 0; d < 4096; d++) want += graph_x[i / 4 * 4096 + d] * graph_y[d * 4 + i % 4];
            NEED(graph_z[i] == want, "launch %d: element %d is %g, not %g", k, i, (double)graph_z[i], (double)want);
        }
    }
    g->c->graph_free(g->graph);
}
static void graph_that_raises(recorder *g) { /* at each launch whose operands are wrong, and at no other */
    static int32_t x[GRAPH_N], y[GRAPH_N];
    const tn_accel_tensor t[3] = {matrix(g->b[0], TN_I32, line), matrix(g->b[1], TN_I32, line), matrix(g->b[2], TN_I32, line)};
    if (!graph_takes(g, "remainder", t)) return;
    graph_begin(g);
    graph_op(g, "remainder", t);
    if (!graph_end(g)) return;
    for (int i = 0; i < GRAPH_N; i++) x[i] = i, y[i] = 7;
    graph_put(g, 0, x);
    for (int k = 0; k < 6; k++) {
        const bool wrong = k == 1 || k == 2 || k == 4;
        y[GRAPH_N / 2] = wrong ? 0 : 7;
        graph_put(g, 1, y);
        const tn_accel_status launched = g->c->launch(g->q, g->graph, &why), synced = g->a->sync(g->q, &why);
        NEED((launched != TN_ACCEL_OK || synced != TN_ACCEL_OK) == wrong, "launch %d, %s: status %d and %d", k, wrong ? "with a divisor 0" : "without fault", (int)launched, (int)synced);
        NEED(!wrong || strstr(why.message, "remainder"), "launch %d: \"%s\" does not name the op", k, why.message);
    }
    (void)ok(g->a->read(g->q, x, g->b[2], 0, GRAPH_N * 4, &why), &why, "read");
    for (int i = 0; i < GRAPH_N && !bad; i++) NEED(x[i] == i % 7, "element %d is %d, not %d", i, (int)x[i], i % 7);
    g->c->graph_free(g->graph);
}
static const char *const no_graph_holds[] = {"write", "read", "sync", "record", "wait", "begin", "launch"};
static tn_accel_status refused_call(recorder *g, int which) {
    static char byte[4];
    tn_accel_event *event = NULL;
    switch (which) {
    case 0: return g->a->write(g->q, g->b[0], 0, byte, sizeof byte, &why);
    case 1: return g->a->read(g->q, byte, g->b[0], 0, sizeof byte, &why);
    case 2: return g->a->sync(g->q, &why);
    case 3: return g->a->record(g->q, &event, &why);
    case 4: return g->a->wait(g->q, g->event, &why);
    case 5: return g->c->begin(g->q, &why);
    default: return g->c->launch(g->q, g->graph, &why);
    }
}
static void said_invalid(tn_accel_status s, const char *what, const char *who) {
    NEED(s == TN_ACCEL_INVALID && why.message[0], "%s of a recording with a %s: status %d (%.200s), not TN_ACCEL_INVALID", who, what, (int)s, why.message);
    memset(&why, 0, sizeof why);
}
static void graph_refusals(recorder *g) {
    tn_accel_graph *none = NULL;
    said_invalid(g->c->end(g->q, &none, &why), "begin that is missing", "end");
    (void)ok(g->a->record(g->q, &g->event, &why), &why, "record");
    graph_begin(g);
    if (!graph_end(g)) return;
    (void)ok(g->a->fill(g->q, g->b[0], 0, GRAPH_N * 4, bits_of(3), &why), &why, "fill");
    for (int i = 0; i < COUNT(no_graph_holds); i++) {
        graph_begin(g);
        (void)ok(g->a->fill(g->q, g->b[0], 0, GRAPH_N * 4, bits_of(5), &why), &why, "fill");
        said_invalid(refused_call(g, i), no_graph_holds[i], "a call");
        (void)ok(g->a->fill(g->q, g->b[0], 0, GRAPH_N * 4, bits_of(5), &why), &why, "a fill after it");
        said_invalid(g->c->end(g->q, &none, &why), no_graph_holds[i], "end");
        said_invalid(g->c->end(g->q, &none, &why), no_graph_holds[i], "a second end");
        NEED(!none, "a graph came of a recording with a %s", no_graph_holds[i]);
        graph_get(g, 0);
        NEED(graph_z[0] == 3 && graph_z[GRAPH_N - 1] == 3, "a recording with a %s has run", no_graph_holds[i]);
    }
    g->c->graph_free(g->graph);
    g->a->event_free(g->event);
}
static void graph_cut_off(recorder *g) { /* by the end of its queue */
    tn_accel_queue *q = NULL;
    (void)ok(g->a->fill(g->q, g->b[0], 0, GRAPH_N * 4, bits_of(3), &why), &why, "fill");
    if (ok(g->a->queue(g->context, &q, &why), &why, "queue") && ok(g->c->begin(q, &why), &why, "begin")) (void)ok(g->a->fill(q, g->b[0], 0, GRAPH_N * 4, bits_of(5), &why), &why, "fill");
    if (q) g->a->queue_free(q);
    graph_get(g, 0);
    NEED(graph_z[0] == 3, "it has run");
}
static const struct { const char *name; void (*run)(recorder *); } graph_cases[] = {
    {"fill, copy, op", graph_of_three}, {"in order with other work", graph_in_order}, {"product of matrices", graph_of_product},
    {"errors of a launch", graph_that_raises}, {"refusals", graph_refusals}, {"cut off", graph_cut_off}};
static void graphs(tn_accel_context *context) {
    recorder g;
    memset(&g, 0, sizeof g);
    g.a = real_api;
    g.context = context;
    g.c = real_api->extension ? (const tn_accel_capture *)real_api->extension("capture/1") : NULL;
    lines = 0;
    if (!g.c) return;
    begin("graph table");
    const bool whole = g.c->size >= sizeof *g.c && g.c->begin && g.c->end && g.c->launch && g.c->graph_free;
    NEED(whole, "size %u, not %zu, or no function", g.c->size, sizeof *g.c);
    bool made = whole && ok(g.a->queue(context, &g.q, &why), &why, "queue");
    for (int i = 0; i < 4; i++) made = made && ok(g.a->alloc(context, GRAPH_N * 4, TN_ACCEL_DEVICE, &g.b[i], NULL, &why), &why, "alloc");
    end(false);
    for (int i = 0; made && i < COUNT(graph_cases); i++) {
        lines = 0;
        begin("graph %s", graph_cases[i].name);
        graph_cases[i].run(&g);
        if (g.scratch) g.a->free(context, g.scratch);
        g.scratch = NULL;
        end(false);
    }
    for (int i = 0; i < 4; i++)
        if (g.b[i]) g.a->free(context, g.b[i]);
    if (g.q) g.a->queue_free(g.q);
}

static void *worker(void *arg) {
    const uint64_t me = *(const uint64_t *)arg;
    int64_t wrong = 0;
    for (uint64_t i = 0; i < 60; i++) {
        TN_SCOPE;
        uint64_t s = me + i;
        const operand o = {'x', 0, {7, 31}, 2};
        tn_tensor *x = values(&o, o.shape, 2, TN_F32, 0, &s), *d = tn_to(x, device);
        tn_tensor *c = tn_sum(tn_tanh(tn_add(tn_mul(x, x), 0.5)), DIM(0)), *y = home(tn_sum(tn_tanh(tn_add(tn_mul(d, d), 0.5)), DIM(0)));
        const float *p = c ? tn_data(c) : NULL, *q = y ? tn_data(y) : NULL;
        for (int k = 0; k < 31; k++) wrong += !p || !q || !(fabsf(p[k] - q[k]) < 1e-4f);
        tn_error_clear();
    }
    return wrong ? arg : NULL;
}
static void error_of_values(void) { /* known only when the op runs, which may be at the sync */
    begin("tn an index out of range");
    tn_tensor *x = tn_ones(I64S(4), &(tn_tensor_opts){.device = device}), *at = tn_full(I64S(2), 9, &(tn_tensor_opts){.dtype = TN_I64, .device = device});
    const bool passes = tn_index_select(x, 0, at) && tn_synchronize(device) == TN_OK;
    NEED(!passes && tn_error_code() == TN_ERR_INDEX && strstr(tn_error(), "index_select"), "%s, %s", tn_status_name(tn_error_code()), tn_error());
    end(false);
}
static void level1(void) {
    lines = 0;
    TN_SCOPE;
    begin("tn two_threads");
    uint64_t seeds[2] = {opt.seed, opt.seed + 1000};
    pthread_t other[2];
    void *r[2] = {NULL, NULL};
    for (int i = 0; i < 2; i++) NEED(pthread_create(&other[i], NULL, worker, &seeds[i]) == 0, "no thread");
    for (int i = 0; i < 2; i++) (void)pthread_join(other[i], &r[i]);
    NEED(!r[0] && !r[1], "a thread's results are not the CPU's");
    end(false);
    begin("tn out_of_memory");
    const int64_t far_too_many = (int64_t)1 << 46;
    NEED(!tn_empty(&far_too_many, 1, &(tn_tensor_opts){.dtype = TN_U8, .device = device}) && tn_error_code() == TN_ERR_MEMORY, "%s, %s", tn_status_name(tn_error_code()), tn_error());
    tn_error_clear();
    NEED(tn_item(tn_sum(tn_ones(I64S(9), &(tn_tensor_opts){.device = device}), NULL)) == 9, "it does not go on: %s", tn_error());
    end(false);
    begin("tn many_tensors, and queue order");
    tn_tensor *sum = tn_zeros(I64S(33), &(tn_tensor_opts){.device = device}), *kept[500];
    for (int i = 0; i < 500; i++) kept[i] = tn_full(I64S(i), (double)i, &(tn_tensor_opts){.device = device});
    for (int i = 1; i < 500; i++) (void)tn_add_(sum, tn_select(kept[i], 0, i - 1)), (void)tn_fill_(kept[i], -1);
    NEED(tn_item(tn_select(sum, 0, 5)) == 499 * 500 / 2, "%g: %s", tn_item(tn_select(sum, 0, 5)), tn_error());
    end(false);
    begin("tn draws: moments, and a seed that reproduces");
    tn_tensor *x = tn_empty(I64S(100000), &(tn_tensor_opts){.device = device});
    tn_manual_seed(opt.seed);
    const double mean = tn_item(tn_mean(tn_normal_(x, 2, 3, NULL), NULL)), dev = tn_item(tn_std(x, NULL));
    tn_tensor *first = tn_clone(x);
    NEED(fabs(mean - 2) < 0.06 && fabs(dev - 3) < 0.06, "normal_: mean %g, deviation %g", mean, dev);
    tn_manual_seed(opt.seed);
    NEED(tn_item(tn_sum(tn_ne(tn_normal_(x, 2, 3, NULL), first), NULL)) == 0, "a seed gives other numbers the second time");
    const double middle = tn_item(tn_mean(tn_uniform_(x, 1, 5, NULL), NULL)), low = tn_item(tn_min(x)), high = tn_item(tn_max(x));
    NEED(fabs(middle - 3) < 0.03 && low >= 1 && high < 5, "uniform_: mean %g, from %g to %g", middle, low, high);
    NEED(fabs(tn_item(tn_mean(tn_bernoulli_(x, 0.25, NULL), NULL)) - 0.25) < 0.01, "bernoulli_");
    NEED(fabs(tn_item(tn_mean(tn_exponential_(x, 2, NULL), NULL)) - 0.5) < 0.02, "exponential_");
    end(false);
    error_of_values();
}

/* ---- the whole ---- */
/* Rows without a kernel, those whose kernel is the core's, and those that a device is never asked for, since other rows
   express them there: their own samples stand for them, not a count. */
static const char uncounted[] = " view expand permute as_strided detach reshape slice select unfold_dim diagonal stack repeat masked_fill prelu glu dropout var linalg_vector_norm logsumexp matmul mv dot outer addmm"
    " baddbmm instance_norm normalize cosine_similarity masked_select scaled_dot_product_attention attend attend_backward mse_loss l1_loss smooth_l1_loss huber_loss binary_cross_entropy binary_cross_entropy_with_logits kl_div"
    " nonzero bincount unique normal function gat_attend gat_attend_backward linear_sum clone to_dtype copy_ fill_ contiguous to_device ";
static bool listed(const char *list, const char *name, char separator) {
    const size_t n = strlen(name);
    for (const char *p = list; (p = strstr(p, name)) != NULL; p++)
        if ((p == list || p[-1] == separator) && (p[n] == separator || p[n] == 0)) return true;
    return false;
}
static bool wanted(const char *name) {
    char room[64];
    return !opt.ops || listed(opt.ops, name, ',') || listed(opt.ops, row_name(name, room, sizeof room), ',');
}
static int64_t runs_of(int row) { return ran[row] + tn_fallback_count(row); }
static void all_ops(void) {
    static bool sampled[MAX_ROWS];
    static int64_t fell[MAX_ROWS];
    char room[64];
    const int rows = tn_op_count() < MAX_ROWS ? tn_op_count() : MAX_ROWS;
    memset(sampled, 0, sizeof sampled);
    for (int i = 0; i < rows; i++) ran[i] = 0, fell[i] = tn_fallback_count(i);
    for (int k = 0; k < COUNT(specs); k++) {
        if (!wanted(specs[k].name) || k % opt.shards != opt.shard) continue;
        int row = -1;
        for (int i = 0; i < rows; i++)
            if (strcmp(tn_op_name(i), row_name(specs[k].name, room, sizeof room)) == 0) row = i;
        const int64_t before = row >= 0 ? runs_of(row) : 0;
        lines = 0;
        const int64_t cases = visit(&specs[k]);
        begin("%s", specs[k].name);
        NEED(cases, "no case was run");
        if (row >= 0) {
            sampled[row] = true;
            NEED(strcmp(room, specs[k].name) != 0 || listed(uncounted, tn_op_name(row), ' ') || runs_of(row) > before, "its samples never reach the row's kernel");
        }
        if (bad) failed++;
    }
    int on_device = 0, fallen = 0, without = 0, never = 0;
    char names[3][8192] = {"", "", ""};
    for (int i = 0; i < rows; i++) {
        const int64_t fallbacks = tn_fallback_count(i) - fell[i];
        const bool none = listed(uncounted, tn_op_name(i), ' ');
        on_device += ran[i] > 0, fallen += fallbacks > 0, without += none && sampled[i];
        char *to = fallbacks > 0 ? names[ran[i] > 0 ? 1 : 0] : ran[i] == 0 && !(none && sampled[i]) ? names[2] : NULL;
        never += to == names[2];
        if (to) (void)snprintf(to + strlen(to), 8192 - strlen(to), " %s", tn_op_name(i));
    }
    printf("%s%s: rows run on the device %d, fallen back to the CPU %d, views and what the core does %d, of %d\n", opt.tty ? "\r\033[K" : "", tn_device_name(device), on_device, fallen, without, rows);
    if (names[0][0]) printf("  always fell back:%s\n", names[0]);
    if (names[1][0]) printf("  fell back at times:%s\n", names[1]);
    if (never && !opt.ops && !opt.plain && opt.shards == 1) {
        printf("FAIL rows never run:%s\n", names[2]);
        failed++;
    }
}
static int usage(void) { return fprintf(stderr, "accel_conform PLUGIN.so [--op NAME,...] [--device N] [--seed N] [--shard I/N] [--plain] [--list]\n"), 2; }
int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--list") == 0) opt.list = true;
        else if (strcmp(argv[i], "--plain") == 0) opt.plain = true;
        else if (strcmp(argv[i], "--op") == 0 && next) opt.ops = argv[++i];
        else if (strcmp(argv[i], "--device") == 0 && next) opt.device = atoi(argv[++i]);
        else if (strcmp(argv[i], "--seed") == 0 && next) opt.seed = strtoull(argv[++i], NULL, 0);
        else if (strcmp(argv[i], "--shard") == 0 && next && sscanf(next, "%d/%d", &opt.shard, &opt.shards) == 2 && opt.shard >= 0 && opt.shard < opt.shards) i++;
        else if (argv[i][0] != '-' && !opt.path) opt.path = argv[i];
        else return usage();
    }
    if (opt.list) {
        for (int k = 0; k < COUNT(specs); k++)
            if (wanted(specs[k].name) && k % opt.shards == opt.shard) (void)visit(&specs[k]);
        return 0;
    }
    if (!opt.path) return usage();
    opt.tty = isatty(1);
    const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    for (int i = 0; i < COUNT(signals); i++) (void)signal(signals[i], crashed);
    const tn_accel_plugin *p = intercept(opt.path);
    if (!p) return printf("0 cases passed, 1 failed\n"), 1;
    tn_set_log(NULL, NULL);
    (void)tn_set_fallback(TN_FALLBACK_ALLOW);
    if (tn_accel_load(opt.path) != TN_OK && !real_api) return printf("%s\n%s0 cases passed, 1 failed\n", tn_error(), tn_accel_report()), 1;
    tn_error_clear();
    int devices = 0;
    if (!opt.ops && opt.shard == 0) level0(p);
    for (int i = 0; i < tn_device_count(); i++) {
        device = tn_device_at(i);
        const size_t n = strlen(p->id);
        if (strncmp(tn_device_name(device), p->id, n) != 0 || tn_device_name(device)[n] != ':') continue;
        if (opt.device >= 0 && atoi(tn_device_name(device) + n + 1) != opt.device) continue;
        devices++;
        const int was = n_opened;
        lines = 0;
        begin("open %s", tn_device_name(device));
        NEED(tn_synchronize(device) == TN_OK && n_opened == was + 1, "%s", tn_error());
        const bool works = !bad;
        end(false);
        if (!works) continue;
        if (!opt.ops && opt.shard == 0) lines = 0, raw(opened[was].context), graphs(opened[was].context), level1();
        if (wanted("chain") && !opt.plain && (!opt.ops || listed(opt.ops, "chain", ',')) && opt.shard == 0) chains(150);
        (void)tn_empty_cache(device); /* its guards are looked at */
        const bool cached = tn_set_device_caching(false);
        all_ops();
        (void)tn_set_device_caching(cached);
        NEED(tn_synchronize(device) == TN_OK, "at the end: %s", tn_error());
    }
    if (!devices) printf("no device of %s:\n%s", p->id, tn_accel_report());
    printf("%" PRId64 " cases passed, of which %" PRId64 " refused alike, %" PRId64 " failed\n", passed + refused, refused, failed);
    if (devices && !judged) printf("no op was run%s%s\n", opt.ops ? ": " : "", opt.ops ? opt.ops : "");
    return failed || !judged || !devices;
}
