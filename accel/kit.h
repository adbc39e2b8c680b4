/* kit: what plugins for GPUs are made from. A plugin includes tensor.h (TN_STATIC, TENSOR_IMPLEMENTATION: what it does not
   use is dropped), then this; it fills a kit_backend, two functions (build, launch), and gets every op that kernels/ has.

   An op here is a function over a call record: it takes scratch memory, and launches kernels of accel/kernels by name,
   with named buffers, sizes, numbers and compile-time constants. rate() runs the very same function dry, which launches
   nothing and adds up the scratch; so there is one place that knows what an op needs. */
#ifndef TN_KIT_H
#define TN_KIT_H
#include <fcntl.h>
#include <sys/stat.h>

typedef enum { KIT_OPENCL, KIT_CUDA, KIT_HIP, KIT_GLSL, KIT_LANGUAGES } kit_language;
/* What values are in a kernel: T, or what a buffer is read as. KIT_T: as the kernel's T. */
typedef enum { KIT_T, KIT_F32, KIT_F64, KIT_I64, KIT_U8, KIT_U16, KIT_U32, KIT_U64 } kit_type;
static const char *const kit_type_names[] = {"T", "f32", "f64", "i64", "u8", "u16", "u32", "u64"};

#define KIT_BUFFERS 48
#define KIT_WORDS 128
#define KIT_CONSTANTS 16
#define KIT_SIGNATURE 512
typedef struct { tn_accel_buffer *buffer; uint64_t offset; } kit_binding;
typedef struct kit kit;
struct kit_gemm_call; /* matmul.h */
typedef struct {
    kit_language language;
    bool pointers; /* launch binds a buffer at its offset; else the kernels add it */
    tn_accel_status (*build)(kit *, const char *text, void **program, tn_accel_error *);
    tn_accel_status (*launch)(kit *, void *program, const uint32_t groups[3], uint32_t group, const kit_binding *, int n, const uint32_t *words, int n_words, tn_accel_error *);
    tn_accel_status (*gemm)(kit *, const struct kit_gemm_call *, tn_accel_error *); /* a library's products of matrices; NULL: none */
} kit_backend;

typedef struct kit_program { uint64_t hash; void *program; uint8_t *signature; size_t size; bool missing; } kit_program;
struct kit {
    const kit_backend *backend;
    tn_accel_context *context;
    bool f64;                    /* the device has doubles */
    bool fixed;                  /* no compiler: rate() sees to it that there is a program for each of the call's launches */
    uint32_t units, group;       /* compute units; the largest group (256 is taken where it can be) */
    char cache[160];             /* names the driver and the device: built programs are kept for these; "" for none */
    kit_program *programs;       /* open addressing */
    size_t n_programs, room;
    tn_accel_buffer *flag;       /* a word, zero, that kernels set where an operand's values are wrong */
    bool flagged;                /* such a kernel ran; the plugin reads the word at sync, sets it to zero and calls kit_raised */
    /* the call under way */
    int32_t op;                  /* its row's id */
    tn_accel_queue *queue;
    tn_accel_buffer *scratch;
    uint64_t scratch_offset, scratch_used;
    bool dry, tf32, launched;    /* tf32: products of f32 may be less exact; launched: a part of the call is under way */
    tn_accel_error *error;
};
typedef tn_accel_status (*kit_op)(kit *, const tn_accel_call *);

/* What kernels.inc (made by embed.awk of kernels/ and prelude/) gives: sources by name, as lines. */
typedef struct { const char *name; const char *const *lines; } kit_source;
#include "kernels.inc"

/* -- a launch: what a kernel is given, and with it its text -- */
enum { KIT_READ, KIT_WRITE, KIT_VALUE };
typedef struct { const char *name; uint8_t use, dtype, as; } kit_buffer;
enum { KIT_SIZE, KIT_REAL, KIT_NUMBER, KIT_OFFSET };
typedef struct { const char *name; uint8_t kind, as; uint64_t bits; } kit_word;
typedef struct { const char *name, *text; int64_t value; } kit_constant;
typedef struct {
    kit *k;
    const char *kernel;
    kit_type type;
    uint32_t group;
    tn_accel_status status;
    bool wide;                   /* a size, or the place of an element, needs 64 bits */
    int n_buffers, n_words, n_constants, n_bindings;
    kit_buffer buffer[KIT_BUFFERS];
    kit_binding binding[KIT_BUFFERS];
    kit_word word[KIT_WORDS];
    kit_constant constant[KIT_CONSTANTS];
} kit_launch;

static inline tn_accel_status kit_fail(kit *k, tn_accel_status s, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    k->error->code = 0;
    (void)vsnprintf(k->error->message, sizeof k->error->message, fmt, ap);
    va_end(ap);
    return s;
}
static inline size_t kit_size_of(int32_t dtype) { return tn__dsize((tn_dtype)dtype); }
static inline kit_type kit_raw_type(int32_t dtype) { /* for moving elements as they are */
    const size_t n = kit_size_of(dtype);
    return n == 1 ? KIT_U8 : n == 2 ? KIT_U16 : n == 4 ? KIT_U32 : KIT_U64;
}
/* What a dtype is computed in. */
static inline kit_type kit_compute(int32_t dtype) { return dtype == TN_F64 ? KIT_F64 : tn__is_float((tn_dtype)dtype) ? KIT_F32 : KIT_I64; }

static inline void kit_begin(kit *k, kit_launch *l, const char *kernel, kit_type type) {
    l->k = k;
    l->kernel = kernel;
    l->type = type;
    l->group = k->group < 256 ? k->group : 256;
    l->status = type == KIT_F64 && !k->f64 ? TN_ACCEL_UNSUPPORTED : TN_ACCEL_OK;
    l->wide = false;
    l->n_buffers = l->n_words = l->n_constants = l->n_bindings = 0;
}
static inline void kit_add_word(kit_launch *l, const char *name, int kind, kit_type as, uint64_t bits) {
    if (l->n_words == KIT_WORDS) {
        l->status = TN_ACCEL_UNSUPPORTED;
        return;
    }
    kit_word *w = &l->word[l->n_words++];
    w->name = name;
    w->kind = (uint8_t)kind;
    w->as = (uint8_t)as;
    w->bits = bits;
}
/* A size, count, index or stride: NAME in the kernel, of type I. */
static inline void kit_size(kit_launch *l, const char *name, int64_t v) {
    l->wide = l->wide || v > INT32_MAX;
    kit_add_word(l, name, KIT_SIZE, KIT_T, (uint64_t)v);
}
/* A number of the kernel's T. */
static inline void kit_real(kit_launch *l, const char *name, double v) {
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    if (l->type == KIT_F32 || l->type == KIT_F64) kit_add_word(l, name, KIT_REAL, l->type, bits);
    else kit_add_word(l, name, KIT_REAL, KIT_I64, (uint64_t)(int64_t)v);
}
/* A constant of the kernel's text: another value is another kernel. */
static inline void kit_const(kit_launch *l, const char *name, int64_t v) {
    if (l->n_constants == KIT_CONSTANTS) l->status = TN_ACCEL_UNSUPPORTED;
    else l->constant[l->n_constants].name = name, l->constant[l->n_constants].text = NULL, l->constant[l->n_constants++].value = v;
}
/* A u64 of any size. */
static inline void kit_number(kit_launch *l, const char *name, uint64_t v) { kit_add_word(l, name, KIT_REAL, KIT_U64, v); }
/* Text that NAME stands for. A launch knows it by its address: a literal, or text that is kept while the plugin is loaded. */
static inline void kit_text(kit_launch *l, const char *name, const char *text) {
    kit_const(l, name, 0);
    if (l->status == TN_ACCEL_OK) l->constant[l->n_constants - 1].text = text;
}
static uint64_t kit_value_bits(const tn_accel_tensor *t, kit_type as) { /* a number without a buffer */
    const char *v = (const char *)t->value;
    const double d = tn__get_f64((tn_dtype)t->dtype, v);
    uint64_t bits;
    if (as != KIT_F32 && as != KIT_F64) return (uint64_t)tn__get_i64((tn_dtype)t->dtype, v);
    memcpy(&bits, &d, sizeof bits);
    return bits;
}
/* The place of the operand's last element; many places may lie between elements of few. */
static uint64_t kit_last_place(const tn_accel_tensor *t) {
    uint64_t last = 0;
    for (int d = 0; d < t->ndim; d++) last += t->shape[d] > 0 ? (uint64_t)(t->shape[d] - 1) * (uint64_t)t->strides[d] : 0;
    return last;
}
static inline void kit_operand(kit_launch *l, const char *name, const tn_accel_tensor *t, kit_type as, int use) {
    if (l->n_buffers == KIT_BUFFERS || tn__is_complex((tn_dtype)t->dtype)) {
        l->status = TN_ACCEL_UNSUPPORTED;
        return;
    }
    kit_buffer *b = &l->buffer[l->n_buffers++];
    const kit_type real = as == KIT_T ? l->type : as;
    b->name = name;
    b->dtype = (uint8_t)t->dtype;
    b->as = (uint8_t)as;
    b->use = (uint8_t)(t->buffer ? use : KIT_VALUE);
    if (!t->buffer) {
        kit_add_word(l, name, KIT_NUMBER, real, kit_value_bits(t, real));
        return;
    }
    if (t->dtype == TN_F64 && real != KIT_U64 && !l->k->f64) l->status = TN_ACCEL_UNSUPPORTED;
    l->binding[l->n_bindings].buffer = t->buffer;
    l->binding[l->n_bindings++].offset = t->offset;
    const uint64_t first = l->k->backend->pointers ? 0 : t->offset / kit_size_of(t->dtype);
    if (!l->k->backend->pointers) kit_add_word(l, name, KIT_OFFSET, KIT_T, first);
    l->wide = l->wide || first + kit_last_place(t) > INT32_MAX;
}
/* Buffers: LD(name, i) and ST(name, i, v) in the kernel, element i counted from the operand's first. in, out: as T. A number
   that has no buffer is a buffer whose every element is it. as: read and written as that type. */
static inline void kit_in(kit_launch *l, const char *name, const tn_accel_tensor *t) { kit_operand(l, name, t, KIT_T, KIT_READ); }
static inline void kit_out(kit_launch *l, const char *name, const tn_accel_tensor *t) { kit_operand(l, name, t, KIT_T, KIT_WRITE); }
static inline void kit_in_as(kit_launch *l, const char *name, const tn_accel_tensor *t, kit_type as) { kit_operand(l, name, t, as, KIT_READ); }
static inline void kit_out_as(kit_launch *l, const char *name, const tn_accel_tensor *t, kit_type as) { kit_operand(l, name, t, as, KIT_WRITE); }
/* The word that RAISE(INDEX), RAISE(DIVISION) or RAISE(PROBABILITY) sets. The core hears of it at the next sync. */
static inline void kit_flag(kit_launch *l) {
    tn_accel_tensor t;
    memset(&t, 0, sizeof t);
    t.buffer = l->k->flag;
    t.dtype = TN_I32;
    kit_operand(l, "flag", &t, KIT_U32, KIT_WRITE);
    kit_size(l, "RAISED_BY", l->k->op);
    if (!l->k->dry) l->k->flagged = true;
}

static inline const char *kit_name(int32_t id) {
#define KIT_NAME(id, name, ...) case id: return #name;
    switch (id) { TN__OPS(KIT_NAME) }
    return "op";
}
/* What the word that was read means for the status of a sync: a reason, and from bit 4 the id of the row that raised it. */
static inline tn_accel_status kit_raised(uint32_t word, tn_accel_error *e) {
    static const char *const reasons[] = {"a wrong operand", "an index is out of range", "integer division by zero", "a probability is not in 0 to 1"};
    if (!word) return TN_ACCEL_OK;
    e->code = (word & 15) == 1 ? TN_ERR_INDEX : TN_ERR_INVALID;
    (void)snprintf(e->message, sizeof e->message, "tn_%s: %s", kit_name((int32_t)(word >> 4)), reasons[word & 3]);
    return TN_ACCEL_FAILED;
}

/* -- operands -- */
static int64_t kit_numel(const tn_accel_tensor *t) {
    int64_t n = 1;
    for (int d = 0; d < t->ndim; d++) n *= t->shape[d];
    return n;
}
static inline bool kit_absent(const tn_accel_tensor *t) { return t->ndim < 0; }
static inline bool kit_contiguous(const tn_accel_tensor *t) {
    int64_t want = 1;
    if (!t->buffer) return true;
    for (int d = t->ndim - 1; d >= 0; want *= t->shape[d], d--)
        if (t->shape[d] != 1 && t->strides[d] != want) return kit_numel(t) == 0;
    return true;
}
/* shape as outer, n (dim), inner; a 0-d tensor is one of one element. */
static inline void kit_split(const tn_accel_tensor *t, int dim, int64_t *outer, int64_t *n, int64_t *inner) {
    *outer = *inner = 1;
    *n = t->ndim ? t->shape[dim] : 1;
    for (int d = 0; d < t->ndim; d++)
        if (d != dim) *(d < dim ? outer : inner) *= t->shape[d];
}
/* Scratch for n elements, as a tensor of one dim; its shape is the caller's room. */
static inline void kit_scratch(kit *k, tn_accel_tensor *t, int32_t dtype, const int64_t *n) {
    static const int64_t one = 1;
    memset(t, 0, sizeof *t);
    t->buffer = k->dry ? (tn_accel_buffer *)(uintptr_t)16 : k->scratch;
    t->offset = k->scratch_offset + k->scratch_used;
    t->dtype = dtype;
    t->ndim = 1;
    t->shape = n;
    t->strides = &one;
    k->scratch_used += ((uint64_t)*n * kit_size_of(dtype) + 511) & ~(uint64_t)511;
}
/* The same bytes under another contiguous shape. */
static inline tn_accel_tensor kit_reshaped(const tn_accel_tensor *t, const int64_t *shape, const int64_t *strides, int ndim) {
    tn_accel_tensor r = *t;
    r.shape = shape;
    r.strides = strides;
    r.ndim = ndim;
    return r;
}
typedef struct { tn_accel_tensor t; int64_t n, strides[TN_MAX_DIMS]; } kit_dense;
static tn_accel_status kit_copy(kit *k, const tn_accel_tensor *to, const tn_accel_tensor *from); /* pointwise.h */
static inline void kit_dense_room(kit *k, kit_dense *d, const tn_accel_tensor *t) {
    d->n = kit_numel(t);
    kit_scratch(k, &d->t, t->dtype, &d->n);
    d->t.shape = t->shape;
    d->t.strides = d->strides;
    d->t.ndim = t->ndim;
    for (int i = t->ndim - 1; i >= 0; i--) d->strides[i] = i == t->ndim - 1 ? 1 : d->strides[i + 1] * t->shape[i + 1];
}
/* The operand where it is contiguous, else a copy in scratch. */
static inline tn_accel_status kit_densely(kit *k, kit_dense *d, const tn_accel_tensor *t) {
    if (kit_absent(t) || kit_contiguous(t)) {
        d->t = *t;
        return TN_ACCEL_OK;
    }
    kit_dense_room(k, d, t);
    return kit_copy(k, &d->t, t);
}
/* For results: d.t is where to write; kit_dense_back brings it to where it belongs. */
static inline void kit_dense_out(kit *k, kit_dense *d, const tn_accel_tensor *t) {
    if (kit_absent(t) || kit_contiguous(t)) d->t = *t;
    else kit_dense_room(k, d, t);
}
static inline tn_accel_status kit_dense_back(kit *k, const kit_dense *d, const tn_accel_tensor *t) {
    return kit_absent(t) || (d->t.buffer == t->buffer && d->t.offset == t->offset) ? TN_ACCEL_OK : kit_copy(k, t, &d->t);
}
/* The call's attributes, or NULL where they hold more than this kit knows. */
static const void *kit_attr(const tn_accel_call *c, size_t size) {
    uint32_t has = 0;
    if (!c->attr) return NULL;
    memcpy(&has, c->attr, sizeof has);
    for (size_t i = size; i < has; i++)
        if (((const char *)c->attr)[i]) return NULL;
    return has < size ? NULL : c->attr;
}
/* Whether products of f32 may be of TF32; a core of minor 0 does not say. */
static inline bool kit_tf32(const tn_accel_call *c) { return c->size > offsetof(tn_accel_call, flags) && (c->flags & TN_ACCEL_TF32); }
#define KIT_ATTR(type, a, c)                                                                                           \
    const type *const a = (const type *)kit_attr(c, sizeof(type));                                                     \
    if (!a) return TN_ACCEL_UNSUPPORTED
#define KIT_TRY(x)                                                                                                     \
    do {                                                                                                               \
        const tn_accel_status kit_s = (x);                                                                             \
        if (kit_s != TN_ACCEL_OK) return kit_s;                                                                        \
    } while (0)

/* -- text -- */
typedef struct { char *s; size_t n, room; bool failed; } kit_string;
static void kit_emit(kit_string *t, const char *fmt, ...) {
    va_list ap;
    for (;;) {
        va_start(ap, fmt);
        const int n = vsnprintf(t->s ? t->s + t->n : NULL, t->room - t->n, fmt, ap);
        va_end(ap);
        if (n >= 0 && t->n + (size_t)n < t->room) {
            t->n += (size_t)n;
            return;
        }
        char *s = n < 0 || t->failed ? NULL : (char *)realloc(t->s, t->room * 2 + (size_t)n + 4096);
        if (!s) {
            t->failed = true;
            return;
        }
        t->room = t->room * 2 + (size_t)n + 4096;
        t->s = s;
    }
}
static void kit_emit_source(kit_string *t, const char *name) {
    for (size_t i = 0; i < sizeof kit_sources / sizeof *kit_sources; i++)
        if (strcmp(kit_sources[i].name, name) == 0) {
            for (const char *const *line = kit_sources[i].lines; *line; line++) {
                if (strncmp(*line, "@use ", 5) == 0) kit_emit_source(t, *line + 5);
                else kit_emit(t, "%s\n", *line);
            }
            return;
        }
    t->failed = true;
}
/* By dtype: the type in memory, how a value is read, how one (of the type named second) is written. */
static const struct { const char *type, *load, *store; } kit_formats[] = {
    [TN_BOOL] = {"u8", "%s", "AS(u8, %s != AS(%s, 0))"}, [TN_U8] = {"u8", "%s", "AS(u8, WHOLE(%s, %s))"}, [TN_I8] = {"i8", "%s", "AS(i8, WHOLE(%s, %s))"},
    [TN_I16] = {"i16", "%s", "AS(i16, WHOLE(%s, %s))"}, [TN_I32] = {"i32", "%s", "WHOLE32(%s, %s)"}, [TN_I64] = {"i64", "%s", "WHOLE(%s, %s)"},
    [TN_F16] = {"u16", "from_f16(%s)", "to_f16(AS(f32, %s))"}, [TN_BF16] = {"u16", "from_bf16(%s)", "to_bf16(AS(f32, %s))"},
    [TN_F32] = {"f32", "%s", "AS(f32, %s)"}, [TN_F64] = {"f64", "%s", "AS(f64, %s)"}};
static bool kit_is_raw(const kit_buffer *b) { return b->as >= KIT_U8; }
static const char *kit_memory_type(const kit_buffer *b) { return kit_is_raw(b) ? kit_type_names[b->as] : kit_formats[b->dtype].type; }
/* A read of place, or what to assign to it, in the buffer's format. */
static void kit_read_text(char *to, size_t size, const kit_buffer *b, const char *place) {
    char inner[96];
    (void)snprintf(inner, sizeof inner, kit_is_raw(b) ? "%s" : kit_formats[b->dtype].load, place);
    (void)snprintf(to, size, "AS(%s, %s)", kit_type_names[b->as], inner);
}
static void kit_written_text(char *to, size_t size, const kit_buffer *b, const char *value) {
    if (kit_is_raw(b)) (void)snprintf(to, size, "AS(%s, %s)", kit_type_names[b->as], value);
    else (void)snprintf(to, size, kit_formats[b->dtype].store, value, kit_type_names[b->as]);
}
/* LD(x, i), ST(x, i, v). */
static void kit_emit_access(kit_string *t, const kit_launch *l, const kit_buffer *b) {
    char place[96], text[160];
    if (b->use == KIT_VALUE) {
        kit_emit(t, "#define LD_%s(i) V_%s\n", b->name, b->name);
        return;
    }
    (void)snprintf(place, sizeof place, l->k->backend->pointers ? "%s[AT(i)]" : "%s[AT(O_%s + (i))]", b->name, b->name);
    kit_read_text(text, sizeof text, b, place);
    kit_emit(t, "#define LD_%s(i) %s\n", b->name, text);
    kit_written_text(text, sizeof text, b, "(v)");
    if (b->use == KIT_WRITE) kit_emit(t, "#define ST_%s(i, v) %s = %s\n#define PLACE_%s(i) %s\n", b->name, place, text, b->name, place);
}
/* LDV(x, i, a), STV(x, i, a): V elements at once, from and to an array. */
static void kit_emit_vector(kit_string *t, kit_language language, const kit_buffer *b) {
    const char *n = b->name, *type = kit_memory_type(b);
    char text[160];
    if (b->use == KIT_VALUE || (language != KIT_CUDA && language != KIT_HIP)) {
        kit_emit(t, "#define LDV_%s(i, a) for (int j_ = 0; j_ < V; j_++) a[j_] = LD_%s((i) + AS(I, j_))\n", n, n);
        if (b->use == KIT_WRITE) kit_emit(t, "#define STV_%s(i, a) for (int j_ = 0; j_ < V; j_++) ST_%s((i) + AS(I, j_), a[j_])\n", n, n);
        return;
    }
    kit_read_text(text, sizeof text, b, "p_.v[j_]");
    kit_emit(t, "#define LDV_%s(i, a) { const pack<%s, V> p_ = *(const pack<%s, V> *)(%s + (i)); for (int j_ = 0; j_ < V; j_++) a[j_] = %s; }\n", n, type, type, n, text);
    kit_written_text(text, sizeof text, b, "a[j_]");
    if (b->use == KIT_WRITE) kit_emit(t, "#define STV_%s(i, a) { pack<%s, V> p_; for (int j_ = 0; j_ < V; j_++) p_.v[j_] = %s; *(pack<%s, V> *)(%s + (i)) = p_; }\n", n, type, text, type, n);
}
static int kit_word_length(const kit_launch *l, const kit_word *w) { return w->kind == KIT_SIZE || w->kind == KIT_OFFSET ? l->wide ? 2 : 1 : w->as == KIT_F32 ? 1 : 2; }
static void kit_emit_words(kit_string *t, const kit_launch *l) {
    static const char *const prefix[] = {"", "", "V_", "O_"};
    int at = 0;
    for (int i = 0; i < l->n_words; at += kit_word_length(l, &l->word[i]), i++) {
        const kit_word *w = &l->word[i];
        kit_emit(t, "#define %s%s ", prefix[w->kind], w->name);
        if (w->kind == KIT_SIZE || w->kind == KIT_OFFSET) kit_emit(t, l->wide ? "WIDE(W(%d), W(%d))\n" : "W(%d)\n", at, at + 1);
        else if (w->as == KIT_F32) kit_emit(t, "REAL32(W(%d))\n", at);
        else if (w->as == KIT_F64) kit_emit(t, "REAL64(W(%d), W(%d))\n", at, at + 1);
        else kit_emit(t, "AS(%s, WIDE(W(%d), W(%d)))\n", kit_type_names[w->as], at, at + 1);
    }
    kit_emit(t, "#define WORDS %d\n", at ? at : 1);
}
static void kit_emit_arguments(kit_string *t, const kit_launch *l, kit_language language) {
    int bound = 0, words = 0;
    for (int i = 0; i < l->n_words; i++) words += kit_word_length(l, &l->word[i]); /* Vulkan has room for 32 at least */
    if (language != KIT_GLSL) kit_emit(t, "typedef struct { u32 w[WORDS]; } words_t;\n#define ARGUMENTS ");
    for (int i = 0; i < l->n_buffers; i++) {
        const kit_buffer *b = &l->buffer[i];
        if (b->use == KIT_VALUE) continue;
        if (language == KIT_GLSL) kit_emit(t, "layout(std430, binding = %d) %sbuffer B%d { %s %s[]; };\n", bound, b->use == KIT_READ ? "readonly " : "", bound, kit_memory_type(b), b->name);
        else kit_emit(t, "%s%s%s *%s, ", language == KIT_OPENCL ? "global " : "", b->use == KIT_READ ? "const " : "", kit_memory_type(b), b->name);
        bound++;
    }
    if (language != KIT_GLSL) kit_emit(t, "const words_t words\n");
    else kit_emit(t, words <= 32 ? "layout(push_constant) uniform words_t { u32 w[WORDS]; } words;\n" : "layout(std430, binding = %d) readonly buffer words_t { u32 w[WORDS]; } words;\n", bound);
}
/* GLSL joins truth values by operators of their own, and reserves names with __. */
static void kit_emit_constant(kit_string *t, const kit_constant *c, kit_language language) {
    const size_t from = t->n;
    if (!c->text) kit_emit(t, "#define %s %lld\n", c->name, (long long)c->value);
    else kit_emit(t, "#define %s %s\n", c->name, c->text);
    if (language != KIT_GLSL || !c->text || t->failed) return;
    char *copy = (char *)malloc(t->n - from + 1);
    if (!copy) {
        t->failed = true;
        return;
    }
    memcpy(copy, t->s + from, t->n - from + 1);
    t->n = from;
    for (const char *s = copy; *s; s++) {
        const bool joins = s > copy && s[-1] == ' ' && s[1] == ' ' && s[2] == '(' && s - copy > 1 && s[-2] == ')' && strchr("|&^", *s);
        kit_emit(t, joins ? "%c%c" : "%c", *s, *s);
    }
    free(copy);
}
static bool kit_is_real(kit_type t) { return t == KIT_F32 || t == KIT_F64 || t == KIT_T; }
static const char *kit_real_name(kit_type t) { return t == KIT_T ? "f32" : kit_type_names[t]; }
/* The whole text of a kernel; NULL when memory ran out, or there is no such kernel. */
static char *kit_render(const kit_launch *l, kit_language language) {
    static const char *const names[KIT_LANGUAGES] = {"opencl", "cuda", "hip", "glsl"};
    kit_string t = {NULL, 0, 0, false};
    bool vectors = false, doubles = l->type == KIT_F64;
    for (int i = 0; i < l->n_buffers; i++) doubles = doubles || (!kit_is_raw(&l->buffer[i]) && l->buffer[i].dtype == TN_F64);
    if (language == KIT_GLSL) kit_emit(&t, "#version 450\n");
    if (doubles) kit_emit(&t, "#define DOUBLES 1\n");
    kit_emit(&t, "#define GROUP %uu\n", (unsigned)l->group);
    kit_emit_source(&t, names[language]);
    kit_emit(&t, "#define T %s\n#define WHOLE_T(v) %s(v)\n#define WHOLE32_T(v) %s(v)\n#define T_IS_FLOAT %d\n#define I %s\n#define SI %s\n", kit_real_name(l->type), l->type == KIT_F64 ? "whole_f64" : kit_is_real(l->type) ? "whole" : "AS_I64", l->type == KIT_F64 ? "whole32_f64" : kit_is_real(l->type) ? "whole32" : "AS_I32", l->type == KIT_F32 || l->type == KIT_F64, l->wide ? "u64" : "u32", l->wide ? "i64" : "i32");
    for (int i = 0; i < l->n_constants; i++) {
        kit_emit_constant(&t, &l->constant[i], language);
        vectors = vectors || strcmp(l->constant[i].name, "V") == 0;
    }
    kit_emit_source(&t, "common");
    kit_emit_words(&t, l);
    kit_emit_arguments(&t, l, language);
    for (int i = 0; i < l->n_buffers; i++) kit_emit_access(&t, l, &l->buffer[i]);
    for (int i = 0; i < l->n_buffers && vectors; i++) kit_emit_vector(&t, language, &l->buffer[i]);
    kit_emit_source(&t, l->kernel);
    if (t.failed) free(t.s);
    return t.failed ? NULL : t.s;
}

/* -- programs, found by what makes their text -- */
static size_t kit_signature(const kit_launch *l, uint8_t *s) {
    size_t n = 0;
    memcpy(s, &l->kernel, sizeof l->kernel);
    n += sizeof l->kernel;
    s[n++] = (uint8_t)l->type;
    s[n++] = l->wide;
    s[n++] = (uint8_t)l->n_words;
    s[n++] = (uint8_t)(l->group / 16);
    for (int i = 0; i < l->n_buffers; i++, n += 3) s[n] = l->buffer[i].use, s[n + 1] = l->buffer[i].dtype, s[n + 2] = l->buffer[i].as;
    for (int i = 0; i < l->n_words; i++) s[n++] = (uint8_t)(l->word[i].kind * 16 + l->word[i].as);
    for (int i = 0; i < l->n_constants; i++) {
        memcpy(s + n, &l->constant[i].value, 8);
        memcpy(s + n + 8, &l->constant[i].text, sizeof(char *));
        n += 8 + sizeof(char *);
    }
    return n;
}
static uint64_t kit_hash(const void *data, size_t n) {
    const uint8_t *s = (const uint8_t *)data;
    uint64_t h = 0x9E3779B97F4A7C15u ^ n, v;
    for (; n >= 8; s += 8, n -= 8) memcpy(&v, s, 8), h = (h ^ v) * 0xD6E8FEB86659FD93u, h ^= h >> 32;
    for (v = 0; n > 0; n--) v = v << 8 | s[n - 1];
    h = (h ^ v) * 0xD6E8FEB86659FD93u;
    return h ^ h >> 32;
}
static bool kit_grow(kit *k) {
    const size_t room = k->room ? k->room * 2 : 256;
    kit_program *p = (kit_program *)calloc(room, sizeof *p);
    if (!p) return false;
    for (size_t i = 0; i < k->room; i++) {
        if (!k->programs[i].signature) continue;
        size_t at = k->programs[i].hash & (room - 1);
        while (p[at].signature) at = (at + 1) & (room - 1);
        p[at] = k->programs[i];
    }
    free(k->programs);
    k->programs = p;
    k->room = room;
    return true;
}
/* For the tests that compile every kernel for every language: with TN_KIT_DUMP=folder each new text is written there. */
static void kit_dump(const kit_launch *l) {
    static const char *const suffix[KIT_LANGUAGES] = {"cl", "cu", "hip", "comp"};
    static int count;
    const char *folder = getenv("TN_KIT_DUMP");
    if (folder && !*folder) folder = NULL;
    char path[512];
    for (int i = 0; folder && i < KIT_LANGUAGES; i++) {
        char *text = kit_render(l, (kit_language)i);
        (void)snprintf(path, sizeof path, "%s/%s_%s_%04d.%s", folder, l->kernel, kit_real_name(l->type), count, suffix[i]);
        FILE *f = text ? fopen(path, "w") : NULL;
        if (f) (void)fputs(text, f), (void)fclose(f);
        free(text);
    }
    count += folder != NULL;
}
static tn_accel_status kit_build(kit_launch *l, kit_program *p) {
    kit *k = l->k;
    char *text = kit_render(l, k->backend->language);
    if (!text) return kit_fail(k, TN_ACCEL_FAILED, "kernel %s could not be written", l->kernel);
    kit_dump(l);
    const tn_accel_status s = k->backend->build(k, text, &p->program, k->error);
    free(text);
    return s;
}
static tn_accel_status kit_missing(const kit_launch *l) { return kit_fail(l->k, TN_ACCEL_UNSUPPORTED, "kernel %s is not at hand, and there is no compiler to build it", l->kernel); }
static tn_accel_status kit_program_of(kit_launch *l, void **out) {
    kit *k = l->k;
    uint8_t s[sizeof(char *) + 4 + KIT_BUFFERS * 3 + KIT_WORDS + KIT_CONSTANTS * 16];
    const size_t n = kit_signature(l, s);
    const uint64_t hash = kit_hash(s, n);
    if (k->n_programs * 2 >= k->room && !kit_grow(k)) return kit_fail(k, TN_ACCEL_MEMORY, "out of host memory");
    size_t at = hash & (k->room - 1);
    for (; k->programs[at].signature; at = (at + 1) & (k->room - 1))
        if (k->programs[at].hash == hash && k->programs[at].size == n && memcmp(k->programs[at].signature, s, n) == 0) {
            *out = k->programs[at].program;
            return k->programs[at].missing ? kit_missing(l) : TN_ACCEL_OK;
        }
    kit_program p = {hash, NULL, (uint8_t *)malloc(n), n, false};
    if (!p.signature) return kit_fail(k, TN_ACCEL_MEMORY, "out of host memory");
    memcpy(p.signature, s, n);
    const tn_accel_status status = kit_build(l, &p);
    p.missing = status == TN_ACCEL_UNSUPPORTED; /* and will be: it is not looked for again */
    if (status != TN_ACCEL_OK && !p.missing) {
        free(p.signature);
        return status;
    }
    k->programs[at] = p;
    k->n_programs++;
    *out = p.program;
    return p.missing ? kit_missing(l) : TN_ACCEL_OK;
}
static int kit_pack_words(const kit_launch *l, uint32_t *w) {
    int n = 0;
    for (int i = 0; i < l->n_words; i++) {
        const kit_word *a = &l->word[i];
        double d;
        if (a->as == KIT_F32 && a->kind != KIT_SIZE && a->kind != KIT_OFFSET) {
            memcpy(&d, &a->bits, sizeof d);
            const float f = (float)d;
            memcpy(&w[n++], &f, sizeof f);
            continue;
        }
        w[n++] = (uint32_t)a->bits;
        if (kit_word_length(l, a) == 2) w[n++] = (uint32_t)(a->bits >> 32);
    }
    return n ? n : 1;
}
/* Runs the kernel over that many groups. What is refused is refused dry too: half a call's launches are of no use to anybody. */
static inline tn_accel_status kit_go3(kit_launch *l, uint64_t x, uint64_t y, uint64_t z) {
    uint32_t words[2 * KIT_WORDS] = {0};
    void *program = NULL;
    if (l->status != TN_ACCEL_OK || x == 0 || y == 0 || z == 0) return l->status;
    if (x > INT32_MAX || y > 65535 || z > 65535) return kit_fail(l->k, TN_ACCEL_UNSUPPORTED, "kernel %s: too many groups", l->kernel);
    if (l->k->dry && !l->k->fixed) return TN_ACCEL_OK;
    KIT_TRY(kit_program_of(l, &program));
    if (l->k->dry) return TN_ACCEL_OK;
    l->k->launched = true;
    const uint32_t groups[3] = {(uint32_t)x, (uint32_t)y, (uint32_t)z};
    const int n = kit_pack_words(l, words);
    return l->k->backend->launch(l->k, program, groups, l->group, l->binding, l->n_bindings, words, n, l->k->error);
}
static inline tn_accel_status kit_go(kit_launch *l, uint64_t groups) { return kit_go3(l, groups, 1, 1); }
/* One work item each. */
static inline tn_accel_status kit_go_items(kit_launch *l, int64_t n) { return kit_go3(l, ((uint64_t)n + l->group - 1) / l->group, 1, 1); }
#endif
