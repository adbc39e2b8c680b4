/* Our side of bench/compare.py: reads workload names from stdin, measures each, prints one JSON line per figure and then
   an empty line. The shapes are those of bench/peer_torch.py. Wall clock, the median of several repeats. bench THREADS [DEVICE] */
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>
#include "../tensor.h"
#include "measure.h"
#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

static tn_device device; /* where tensors are made */
static bool on_cpu(void) { return device.kind == TN_CPU; }
static void finish(void) { TN_CHECK(tn_synchronize(device)); }
static double measure(void (*fn)(void *), void *arg, double seconds) { return measured(fn, arg, seconds, finish); }

/* -- the machine's limits, measured in the same run -- */
#define BURST_STEPS 200000
#define BURST(name, isa, bytes, reg)                                                                                   \
    typedef float name##_vec __attribute__((vector_size(bytes)));                                                      \
    __attribute__((target(isa), noinline)) static float name(void) {                                                   \
        name##_vec a0 = {0}, a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0, a8 = a0, a9 = a0;          \
        const name##_vec x = a0 + 1.0f, y = a0 + 1e-9f;                                                                \
        for (long i = 0; i < BURST_STEPS; i++) {                                                                       \
            a0 = a0 * x + y, a1 = a1 * x + y, a2 = a2 * x + y, a3 = a3 * x + y, a4 = a4 * x + y;                       \
            a5 = a5 * x + y, a6 = a6 * x + y, a7 = a7 * x + y, a8 = a8 * x + y, a9 = a9 * x + y;                       \
            __asm__ volatile("" : reg(a0), reg(a1), reg(a2), reg(a3), reg(a4), reg(a5), reg(a6), reg(a7), reg(a8), reg(a9)); \
        }                                                                                                              \
        const name##_vec s = a0 + a1 + a2 + a3 + a4 + a5 + a6 + a7 + a8 + a9;                                          \
        return s[0];                                                                                                   \
    }
#if defined(__x86_64__)
BURST(fma_avx2, "avx2,fma", 32, "+x")
BURST(fma_avx512, "avx512f", 64, "+v")
#else
BURST(fma_base, "", 16, "+w")
#endif
/* The best of many bursts that all threads run at once, in operations a second; each burst is of so many. */
typedef struct { float (*burst)(void); pthread_barrier_t *start; double best; } bursting;
static void *burst_thread(void *p) {
    bursting *b = p;
    for (int r = 0; r < 60; r++) {
        if (r % 10 == 0) (void)pthread_barrier_wait(b->start);
        const double t = now();
        volatile float sink = b->burst();
        (void)sink;
        const double d = now() - t;
        if (d < b->best) b->best = d;
    }
    return NULL;
}
static double burst_rate(float (*burst)(void), double operations) {
    enum { MOST = 256 };
    const int n = tn_get_num_threads() < MOST ? tn_get_num_threads() : MOST;
    pthread_t thread[MOST];
    bursting b[MOST];
    pthread_barrier_t start;
    double rate = 0;
    if (pthread_barrier_init(&start, NULL, (unsigned)n) != 0) return 0;
    for (int i = 0; i < n; i++) b[i] = (bursting){burst, &start, 1e9};
    for (int i = 1; i < n; i++)
        if (pthread_create(&thread[i], NULL, burst_thread, &b[i]) != 0) exit(1);
    (void)burst_thread(&b[0]);
    for (int i = 0; i < n; i++) {
        if (i) (void)pthread_join(thread[i], NULL);
        rate += operations / b[i].best;
    }
    (void)pthread_barrier_destroy(&start);
    return rate;
}
#if defined(__x86_64__)
/* The same of dot products: ten vectors that wait for none of the others. */
#define TEN(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9)
#define DECLARE(i) dots a##i = {0};
#define STEP(i) a##i = (dots)DOT(a##i, x); __asm__ volatile("" : "+v"(a##i));
#define ADD_UP(i) +a##i
typedef int dots __attribute__((vector_size(64)));
#define DOT_BURST(name, feature)                                                                                       \
    __attribute__((target("avx512f," feature), noinline)) static float name(void) {                                    \
        TEN(DECLARE)                                                                                                   \
        const dots x = a0 + 0x01010101;                                                                                \
        for (long i = 0; i < BURST_STEPS; i++) { TEN(STEP) }                                                           \
        const dots s = TEN(ADD_UP);                                                                                    \
        return (float)s[0];                                                                                            \
    }
#define DOT(a, x) _mm512_dpbf16_ps((__m512)(a), (__m512bh)(x), (__m512bh)(x))
DOT_BURST(dot_bf16, "avx512bf16")
#undef DOT
#define DOT(a, x) _mm512_dpbusd_epi32((__m512i)(a), (__m512i)(x), (__m512i)(x))
DOT_BURST(dot_int8, "avx512vnni")
#undef DOT
#if defined(__clang__) ? __clang_major__ >= 12 : __GNUC__ >= 11
/* And of tile registers: four products that wait for none of the others. */
#define TILE_BURST(name, multiply)                                                                                     \
    __attribute__((target("amx-tile,amx-int8,amx-bf16"), noinline)) static float name(void) {                          \
        static const unsigned char shape[64] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 64, 0, 64, 0, 64, 0, 64, 0, 64, 0, [48] = 16, 16, 16, 16, 16, 16}; \
        _tile_loadconfig(shape);                                                                                       \
        _tile_zero(0);                                                                                                 \
        _tile_zero(1);                                                                                                 \
        _tile_zero(2);                                                                                                 \
        _tile_zero(3);                                                                                                 \
        _tile_zero(4);                                                                                                 \
        _tile_zero(5);                                                                                                 \
        for (long i = 0; i < BURST_STEPS / 4; i++) {                                                                   \
            multiply(0, 4, 5);                                                                                         \
            multiply(1, 4, 5);                                                                                         \
            multiply(2, 4, 5);                                                                                         \
            multiply(3, 4, 5);                                                                                         \
        }                                                                                                              \
        _tile_release();                                                                                               \
        return 0;                                                                                                      \
    }
TILE_BURST(tile_bf16, _tile_dpbf16ps)
TILE_BURST(tile_int8, _tile_dpbssd)
static bool tiles(void) { /* asks the system for them */
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 22 & 13) == 13 && syscall(SYS_arch_prctl, 0x1023, 18) == 0;
}
#else
static bool tiles(void) { return false; }
#define tile_bf16 dot_bf16
#define tile_int8 dot_int8
#endif
#endif
/* What the same launches cost through CUDA's driver alone: a sum of one number, three pointers, 256 work items. */
static int (*cu_launch)(void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void *, void **, void **), (*cu_wait)(void *);
typedef struct { void *function, *stream, *arguments[3]; } raw_add;
static void raw_thousand(void *p) {
    raw_add *r = p;
    for (int i = 0; i < 1000; i++) (void)cu_launch(r->function, 1, 1, 1, 256, 1, 1, 0, r->stream, r->arguments, NULL);
    (void)cu_wait(r->stream);
}
static void raw_launch(void) {
    static const char ptx[] = ".version 7.0\n.target sm_70\n.address_size 64\n.visible .entry k(.param .u64 x, .param .u64 y, .param .u64 z) {\n.reg .pred %p;\n.reg .b32 %t;\n.reg .f32 %a, %b;\n"
                              ".reg .b64 %x, %y, %z;\nmov.u32 %t, %tid.x;\nsetp.ne.u32 %p, %t, 0;\n@%p ret;\nld.param.u64 %x, [x];\nld.param.u64 %y, [y];\nld.param.u64 %z, [z];\n"
                              "ld.global.f32 %a, [%x];\nld.global.f32 %b, [%y];\nadd.f32 %a, %a, %b;\nst.global.f32 [%z], %a;\nret;\n}\n";
    void *l = dlopen("libcuda.so.1", RTLD_NOW), *context = NULL, *module = NULL, *room[3];
    raw_add r = {NULL, NULL, {&room[0], &room[1], &room[2]}};
    if (!l) return;
#define CU(type, name, symbol) type; *(void **)(void *)&name = dlsym(l, symbol)
    CU(int (*init)(unsigned), init, "cuInit");
    CU(int (*retain)(void **, int), retain, "cuDevicePrimaryCtxRetain");
    CU(int (*enter)(void *), enter, "cuCtxSetCurrent");
    CU(int (*alloc)(void **, size_t), alloc, "cuMemAlloc_v2");
    CU(int (*load)(void **, const void *), load, "cuModuleLoadData");
    CU(int (*get)(void **, void *, const char *), get, "cuModuleGetFunction");
    CU(int (*create)(void **, unsigned), create, "cuStreamCreate");
#undef CU
    *(void **)(void *)&cu_launch = dlsym(l, "cuLaunchKernel");
    *(void **)(void *)&cu_wait = dlsym(l, "cuStreamSynchronize");
    if (init(0) || retain(&context, 0) || enter(context) || load(&module, ptx) || get(&r.function, module, "k") || create(&r.stream, 1)) return;
    for (int i = 0; i < 3; i++)
        if (alloc(&room[i], 4)) return;
    emit("limit/launch", measure(raw_thousand, &r, 0.6) * 1e6 / 1000, "us");
}
static void limits(void) {
    double best = 1e9;
    if (!on_cpu()) {
        raw_launch();
        return;
    }
#if defined(__x86_64__)
    unsigned a1, b1, c1, d1;
    const bool wide = strcmp(tn_get_isa(), "avx512") == 0, tiled = wide && tiles();
    const bool vnni = wide && __get_cpuid_count(7, 0, &a1, &b1, &c1, &d1) && (c1 & (1u << 11)), bf16 = wide && __get_cpuid_count(7, 1, &a1, &b1, &c1, &d1) && (a1 & (1u << 5));
    const double avx2 = burst_rate(fma_avx2, 10.0 * 8 * 2 * BURST_STEPS), avx512 = wide ? burst_rate(fma_avx512, 10.0 * 16 * 2 * BURST_STEPS) : 0;
    emit("limit/fma", (avx512 > avx2 ? avx512 : avx2) / 1e9, "GFLOP/s");
    if (vnni || tiled) emit("limit/int8", (tiled ? burst_rate(tile_int8, 16 * 16 * 64 * 2.0 * BURST_STEPS) : burst_rate(dot_int8, 10.0 * 64 * 2 * BURST_STEPS)) / 1e9, "GOP/s");
    if (bf16 || tiled) emit("limit/bf16", (tiled ? burst_rate(tile_bf16, 16 * 16 * 32 * 2.0 * BURST_STEPS) : burst_rate(dot_bf16, 10.0 * 32 * 2 * BURST_STEPS)) / 1e9, "GFLOP/s");
#else
    emit("limit/fma", burst_rate(fma_base, 10.0 * 4 * 2 * BURST_STEPS) / 1e9, "GFLOP/s");
#endif
    const size_t bytes = (size_t)128 << 20;
    char *a = malloc(bytes), *b = malloc(bytes);
    if (!a || !b) return;
    memset(a, 1, bytes), memset(b, 2, bytes);
    for (int r = 0; r < 5; r++) {
        const double t = now();
        memcpy(a, b, bytes);
        const double d = now() - t;
        if (d < best) best = d;
    }
    emit("limit/copy_1t", 2.0 * (double)bytes / best / 1e9, "GB/s");
    free(a), free(b);
}

typedef struct { tn_tensor *a, *b; } pair;
static void add_thousand(void *p) {
    const pair *x = p;
    for (int i = 0; i < 1000; i++) {
        TN_SCOPE;
        tn_add(x->a, x->b);
    }
}
static void mul_chain(void *p) {
    const pair *x = p;
    TN_SCOPE;
    tn_tensor *y = x->a;
    for (int i = 0; i < 100; i++) y = tn_mul(y, x->b);
    TN_CHECK(tn_backward(y));
    tn_set_grad(x->a, NULL);
}
static void op_latency(void) {
    TN_SCOPE;
    const int64_t one = 1;
    pair p = {tn_ones(&one, 1, NULL), tn_ones(&one, 1, NULL)};
    emit("op_latency/add1", measure(add_thousand, &p, 0.6) * 1e6 / 1000, "us/op");
    p.a = tn_ones(&one, 1, &(tn_tensor_opts){.requires_grad = true});
    emit("op_latency/mul1_fwd_bwd", measure(mul_chain, &p, 0.6) * 1e6 / 100, "us/op");
}
static void multiply(void *p) {
    const pair *x = p;
    TN_SCOPE;
    TN_CHECK(tn_matmul(x->a, x->b));
}
static void gemm_of(const char *kind, tn_dtype dt, int64_t n) {
    TN_SCOPE;
    char name[64];
    const int64_t shape[2] = {n, n};
    pair p = {tn_to_dtype(tn_randn(shape, 2, NULL), dt), tn_to_dtype(tn_randn(shape, 2, NULL), dt)};
    snprintf(name, sizeof name, "gemm/%s/%d", kind, (int)n);
    emit(name, 2.0 * (double)(n * n * n) / measure(multiply, &p, 0.6) / 1e9, "GFLOP/s");
}
static void multiply_bytes(void *p) {
    const pair *x = p;
    TN_SCOPE;
    TN_CHECK(tn_int_mm(x->a, x->b));
}
/* Halves and bytes on the CPU; a linear layer of one line, which reads its weight once. */
static void gemm_narrow(void) {
    static const int64_t sizes[] = {256, 1024, 2048};
    for (int i = 0; on_cpu() && i < 3; i++) {
        TN_SCOPE;
        char name[64];
        const int64_t n = sizes[i], shape[2] = {n, n};
        gemm_of("bf16", TN_BF16, n);
        pair p = {tn_randint(-128, 128, shape, 2, &(tn_tensor_opts){.dtype = TN_I8}), tn_randint(-128, 128, shape, 2, &(tn_tensor_opts){.dtype = TN_I8})};
        snprintf(name, sizeof name, "gemm/int8/%d", (int)n);
        emit(name, 2.0 * (double)(n * n * n) / measure(multiply_bytes, &p, 0.6) / 1e9, "GOP/s");
    }
    if (!on_cpu()) return;
    TN_SCOPE;
    const int64_t n = 2048;
    pair p = {tn_to_dtype(tn_randn((int64_t[]){1, n}, 2, NULL), TN_BF16), tn_t(tn_to_dtype(tn_randn((int64_t[]){n, n}, 2, NULL), TN_BF16))};
    emit("gemm/bf16/1x2048x2048", 2.0 * (double)(n * n) / measure(multiply, &p, 0.6) / 1e9, "GFLOP/s");
}
static void gemm(void) {
    static const int64_t host[] = {256, 512, 1024, 2048}, big[] = {1024, 4096, 8192};
    for (int i = 0; i < (on_cpu() ? 4 : 3); i++) {
        gemm_of("f32", TN_F32, on_cpu() ? host[i] : big[i]);
        if (!on_cpu()) gemm_of("bf16", TN_BF16, big[i]);
    }
    if (on_cpu()) return;
    const tn_matmul_precision was = tn_get_float32_matmul_precision();
    TN_CHECK(tn_set_float32_matmul_precision(TN_MATMUL_HIGH));
    gemm_of("tf32", TN_F32, 8192);
    TN_CHECK(tn_set_float32_matmul_precision(was));
}

static void multiply_layer(void *p) {
    const pair *x = p;
    TN_SCOPE;
    TN_CHECK(tn_linear(x->a, x->b, NULL));
}
static void multiply_batch(void *p) {
    const pair *x = p;
    TN_SCOPE;
    TN_CHECK(tn_bmm(x->a, x->b));
}
static void products(const product *p, size_t n, bool layer) {
    for (size_t i = 0; i < n; i++, p++) {
        TN_SCOPE;
        const int64_t a[3] = {p->b, p->m, p->k}, b[3] = {p->b, layer ? p->n : p->k, layer ? p->k : p->n};
        const int skip = p->b == 1, dims = 3 - skip;
        pair x = {tn_randn(a + skip, dims, NULL), tn_randn(b + skip, dims, NULL)};
        emit(p->name, 2.0 * p->b * p->m * p->n * p->k / measure(layer ? multiply_layer : skip ? multiply : multiply_batch, &x, 0.6) / 1e9, "GFLOP/s");
    }
}
static void small(void) { products(small_products, COUNT(small_products), false); }
static void layers(void) { products(layer_products, COUNT(layer_products), true); }

/* -- one pass over memory; bytes are those that the op has to move -- */
typedef struct { tn_tensor *x, *y, *m, *w; } plane;
#define PASS(name, call)                                                                                               \
    static void pass_##name(void *p) {                                                                                 \
        const plane *a = p;                                                                                            \
        TN_SCOPE;                                                                                                      \
        (void)a;                                                                                                       \
        TN_CHECK(call);                                                                                                \
    }
PASS(copy, tn_copy_(a->y, a->x))
PASS(add, tn_add(a->x, a->y))
PASS(chain, tn_sub(tn_add(tn_mul(tn_sigmoid(a->x), a->x), tn_mul(a->y, 0.5)), tn_abs(a->x)))
PASS(exp, tn_exp(a->x))
PASS(gelu, tn_gelu(a->x, TN_GELU_NONE))
PASS(sum, tn_sum(a->x, NULL))
PASS(gelu_tanh, tn_gelu(a->x, TN_GELU_TANH))
PASS(softmax, tn_softmax(a->m, -1, TN_DTYPE_DEFAULT))
PASS(layernorm, tn_layer_norm(a->m, (int64_t[]){1024}, 1, a->w, a->w, 1e-5))
PASS(layernorm_cache, tn_layer_norm(a->m, (int64_t[]){512}, 1, a->w, a->w, 1e-5))
PASS(transpose, tn_contiguous(tn_transpose(a->m, 0, 1)))
static void cache(void) { /* 512 x 512, which stay in cache */
    static const struct { const char *name; void (*fn)(void *); } passes[] = {
        {"cache/exp", pass_exp}, {"cache/gelu", pass_gelu}, {"cache/gelu_tanh", pass_gelu_tanh}, {"cache/softmax", pass_softmax}, {"cache/layernorm", pass_layernorm_cache}};
    TN_SCOPE;
    const int64_t side = 512, shape[2] = {side, side};
    plane p = {tn_randn(shape, 2, NULL), NULL, NULL, tn_ones(&side, 1, NULL)};
    p.m = p.x;
    for (size_t i = 0; i < COUNT(passes); i++) emit(passes[i].name, (double)(side * side) / measure(passes[i].fn, &p, 0.6) / 1e9, "Gelem/s");
}
static void bandwidth(void) {
    static const struct { const char *name; void (*fn)(void *); double bytes; } passes[] = {
        {"bw/copy", pass_copy, 8}, {"bw/add", pass_add, 12}, {"bw/chain_eager", pass_chain, 12}, {"bw/exp", pass_exp, 8}, {"bw/gelu", pass_gelu, 8},
        {"bw/sum", pass_sum, 4}, {"bw/softmax", pass_softmax, 8}, {"bw/layernorm", pass_layernorm, 8}, {"bw/transpose", pass_transpose, 8}};
    TN_SCOPE;
    const int64_t n = (int64_t)1 << (on_cpu() ? 24 : 28), width = 1024, rows[2] = {-1, width};
    plane p = {tn_randn(&n, 1, NULL), tn_randn(&n, 1, NULL), NULL, tn_ones(&width, 1, NULL)};
    p.m = TN_CHECK(tn_reshape(p.x, rows, 2));
    for (size_t i = 0; i < sizeof passes / sizeof *passes; i++) emit(passes[i].name, passes[i].bytes * (double)n / measure(passes[i].fn, &p, 0.6) / 1e9, "GB/s");
}

/* -- attention: operations that count are the two products' (causal: half), and twice and a half as many backward -- */
typedef struct { tn_tensor *q, *k, *v, *g; bool causal; } heads;
static void attend(void *p) {
    const heads *h = p;
    TN_SCOPE;
    TN_CHECK(tn_scaled_dot_product_attention(h->q, h->k, h->v, &(tn_sdpa_opts){.is_causal = h->causal}));
}
static void attend_and_back(void *p) {
    const heads *h = p;
    tn_tensor *in[3] = {h->q, h->k, h->v}, *g = h->g;
    TN_SCOPE;
    tn_tensor *y = TN_CHECK(tn_scaled_dot_product_attention(h->q, h->k, h->v, &(tn_sdpa_opts){.is_causal = h->causal}));
    TN_CHECK(tn_autograd_grad(&y, 1, in, 3, &g, NULL).at);
}
static void attn(void) {
    const int64_t shape[4] = {4, 12, 1024, 64}, one[4] = {1, 12, 1, 64}, past[4] = {1, 12, 4096, 64};
    const double flops = 2.0 * 4 * 12 * 1024 * 1024 * 64;
    TN_SCOPE;
    heads h = {tn_randn(shape, 4, NULL), tn_randn(shape, 4, NULL), tn_randn(shape, 4, NULL), tn_randn(shape, 4, NULL), true};
    emit("attn/forward", flops / measure(attend, &h, 1.0) / 1e9, "GFLOP/s");
    tn_requires_grad_(h.q, true), tn_requires_grad_(h.k, true), tn_requires_grad_(h.v, true);
    emit("attn/fwd_bwd", 3.5 * flops / measure(attend_and_back, &h, 2.0) / 1e9, "GFLOP/s");
    heads d = {tn_randn(one, 4, NULL), tn_randn(past, 4, NULL), tn_randn(past, 4, NULL), NULL, false};
    emit("attn/decode_t4096", measure(attend, &d, 0.6) * 1e6, "us");
}

typedef struct { tn_module *net; tn_optimizer *opt; tn_tensor *x, *y; } training;
static void train_step(void *p) {
    const training *t = p;
    TN_SCOPE;
    tn_optim_zero_grad(t->opt);
    tn_tensor *out = tn_forward(t->net, t->x);
    const int64_t flat[2] = {-1, tn_size(out, -1)};
    tn_tensor *loss = tn_cross_entropy(tn_reshape(out, flat, 2), tn_reshape(t->y, flat, 1), NULL);
    TN_CHECK(tn_backward(loss));
    TN_CHECK(tn_optim_step(t->opt));
}
static bool only_memory; /* a few steps, whose memory counts and not their time */
static void train(const char *name, tn_module *net, tn_tensor *x, tn_tensor *y, double units, const char *unit) {
    training t = {TN_CHECK(net), TN_CHECK(tn_optim_adamw(net, &(tn_adamw_opts){.lr = 1e-4})), TN_CHECK(x), TN_CHECK(y)};
    if (only_memory) {
        for (int i = 0; i < 5; i++) train_step(&t);
        return;
    }
    emit(name, units / measure(train_step, &t, 1.0), unit);
}
static void mlp(void) {
    TN_SCOPE;
    const int64_t b = 128;
    train("mlp/train", tn_nn_sequential(tn_nn_linear(784, 512, NULL), tn_nn_relu(), tn_nn_linear(512, 512, NULL), tn_nn_relu(), tn_nn_linear(512, 10, NULL), TN_END),
          tn_randn((int64_t[]){b, 784}, 2, NULL), tn_randint(0, 10, &b, 1, &(tn_tensor_opts){.dtype = TN_I64}), 128, "samples/s");
}
static void cnn(void) {
    TN_SCOPE;
    const int64_t b = 128;
    const tn_conv_opts same = {.padding = 1};
    train("cnn/train", tn_nn_sequential(tn_nn_conv2d(1, 32, 3, &same), tn_nn_relu(), tn_nn_max_pool2d(2, NULL), tn_nn_conv2d(32, 64, 3, &same), tn_nn_relu(), tn_nn_max_pool2d(2, NULL),
                                        tn_nn_flatten(), tn_nn_linear(64 * 49, 128, NULL), tn_nn_relu(), tn_nn_linear(128, 10, NULL), TN_END),
          tn_randn((int64_t[]){b, 1, 28, 28}, 4, NULL), tn_randint(0, 10, &b, 1, &(tn_tensor_opts){.dtype = TN_I64}), 128, "images/s");
}

/* The GPT of the peer, the head tied to the embedding. */
typedef struct { int64_t vocabulary, places, layers, heads, width; } gpt_size;
static const gpt_size char_gpt = {256, 128, 4, 4, 128}, gpt2_124m = {50304, 1024, 12, 12, 768};
typedef struct { tn_module base; int64_t heads; tn_module *ln1, *qkv, *proj, *ln2, *fc, *fc2; } block;
static tn_tensor *block_forward(tn_module *self, tn_tensor *const *in, int n) {
    block *m = (block *)self;
    tn_tensor *x = in[0];
    const int64_t b = tn_size(x, 0), t = tn_size(x, 1), c = tn_size(x, 2);
    (void)n;
    tn_tensor *qkv = tn_permute(tn_reshape(tn_forward(m->qkv, tn_forward(m->ln1, x)), (int64_t[]){b, t, 3, m->heads, c / m->heads}, 5), (int[]){2, 0, 3, 1, 4}, 5);
    tn_tensor *y = tn_scaled_dot_product_attention(tn_select(qkv, 0, 0), tn_select(qkv, 0, 1), tn_select(qkv, 0, 2), &(tn_sdpa_opts){.is_causal = true});
    x = tn_add(x, tn_forward(m->proj, tn_reshape(tn_transpose(y, 1, 2), (int64_t[]){b, t, c}, 3)));
    return tn_add(x, tn_forward(m->fc2, tn_gelu(tn_forward(m->fc, tn_forward(m->ln2, x)), TN_GELU_TANH)));
}
static tn_module *block_new(const gpt_size *s) {
    const int64_t width = s->width;
    block *m = (block *)tn_module_new(sizeof(block), "Block", block_forward);
    if (!m) return NULL;
    m->heads = s->heads;
    m->ln1 = tn_module_child(&m->base, "ln1", tn_nn_layer_norm(&width, 1, NULL));
    m->qkv = tn_module_child(&m->base, "qkv", tn_nn_linear(width, 3 * width, NULL));
    m->proj = tn_module_child(&m->base, "proj", tn_nn_linear(width, width, NULL));
    m->ln2 = tn_module_child(&m->base, "ln2", tn_nn_layer_norm(&width, 1, NULL));
    m->fc = tn_module_child(&m->base, "fc", tn_nn_linear(width, 4 * width, NULL));
    m->fc2 = tn_module_child(&m->base, "fc2", tn_nn_linear(4 * width, width, NULL));
    return &m->base;
}
typedef struct { tn_module base; tn_module *wte, *wpe, *blocks, *ln; } gpt;
static tn_tensor *gpt_forward(tn_module *self, tn_tensor *const *in, int n) {
    gpt *m = (gpt *)self;
    (void)n;
    tn_tensor *places = tn_narrow(tn_module_get(m->wpe, "weight"), 0, 0, tn_size(in[0], 1));
    tn_tensor *h = tn_forward(m->ln, tn_forward(m->blocks, tn_add(tn_forward(m->wte, in[0]), places)));
    return tn_linear(h, tn_module_get(m->wte, "weight"), NULL);
}
static tn_module *gpt_new(const gpt_size *s) {
    gpt *m = (gpt *)tn_module_new(sizeof(gpt), "GPT", gpt_forward);
    tn_module *blocks[16];
    if (!m) return NULL;
    for (int64_t i = 0; i < s->layers; i++) blocks[i] = block_new(s);
    m->wte = tn_module_child(&m->base, "wte", tn_nn_embedding(s->vocabulary, s->width, NULL));
    m->wpe = tn_module_child(&m->base, "wpe", tn_nn_embedding(s->places, s->width, NULL));
    m->blocks = tn_module_child(&m->base, "h", tn_nn_sequential_of(blocks, (int)s->layers));
    m->ln = tn_module_child(&m->base, "ln", tn_nn_layer_norm(&s->width, 1, NULL));
    return &m->base;
}
static void gpt_char(void) {
    TN_SCOPE;
    tn_tensor *x = tn_randint(0, 255, (int64_t[]){16, 128}, 2, &(tn_tensor_opts){.dtype = TN_I64});
    train("gpt_char_0.8m/train_f32_b16_t128", gpt_new(&char_gpt), x, x, 2048, "tokens/s");
}
static void gpt2(void) {
    TN_SCOPE;
    tn_tensor *x = tn_randint(0, 50257, (int64_t[]){4, 64}, 2, &(tn_tensor_opts){.dtype = TN_I64});
    train("gpt2_124m/train_f32_b4_t64", gpt_new(&gpt2_124m), x, x, 256, "tokens/s");
}

/* One token after 256, with the keys and values of those kept: the products of 12 layers and the head, each read once. */
typedef struct { tn_tensor *weights[12][4], *head, *keys[12], *values[12], *ln; } decoder;
static tn_tensor *normed(const decoder *d, tn_tensor *x) { return tn_layer_norm(x, (int64_t[]){768}, 1, d->ln, NULL, 1e-5); }
static void decode_token(void *p) {
    const decoder *d = p;
    const int64_t at = 256, split[3] = {3, 12, 64}, one[4] = {1, 12, 1, 64}, flat = 768;
    TN_SCOPE;
    TN_NO_GRAD;
    tn_tensor *x = tn_select(d->head, 0, 5);
    for (int l = 0; l < 12; l++) {
        tn_tensor *qkv = tn_reshape(tn_linear(normed(d, x), d->weights[l][0], NULL), split, 3);
        TN_CHECK(tn_copy_(tn_select(d->keys[l], 2, at), tn_unsqueeze(tn_select(qkv, 0, 1), 0)));
        TN_CHECK(tn_copy_(tn_select(d->values[l], 2, at), tn_unsqueeze(tn_select(qkv, 0, 2), 0)));
        tn_tensor *y = tn_scaled_dot_product_attention(tn_reshape(tn_select(qkv, 0, 0), one, 4), tn_slice(d->keys[l], 2, 0, at + 1, 1), tn_slice(d->values[l], 2, 0, at + 1, 1), NULL);
        x = tn_add(x, tn_linear(tn_reshape(y, &flat, 1), d->weights[l][1], NULL));
        x = tn_add(x, tn_linear(tn_gelu(tn_linear(normed(d, x), d->weights[l][2], NULL), TN_GELU_TANH), d->weights[l][3], NULL));
    }
    TN_CHECK(tn_argmax(tn_linear(normed(d, x), d->head, NULL), NULL));
}
static void decode(void) {
    static const int64_t shapes[4][2] = {{2304, 768}, {768, 768}, {3072, 768}, {768, 3072}}, head[2] = {50304, 768}, past[4] = {1, 12, 512, 64}, width = 768;
    TN_SCOPE;
    decoder d = {.head = tn_mul(tn_randn(head, 2, NULL), 0.02), .ln = tn_ones(&width, 1, NULL)};
    for (int l = 0; l < 12; l++) {
        for (int i = 0; i < 4; i++) d.weights[l][i] = tn_mul(tn_randn(shapes[i], 2, NULL), 0.02);
        d.keys[l] = tn_zeros(past, 4, NULL), d.values[l] = tn_zeros(past, 4, NULL);
    }
    emit("decode/gpt2_124m_b1", 1 / measure(decode_token, &d, 1.5), "tokens/s");
}

/* ResNets as torchvision has them: basic blocks (18), bottlenecks (50). */
typedef struct { tn_module base; tn_module *main, *shortcut, *last; bool folded; } residual;
static tn_tensor *residual_forward(tn_module *self, tn_tensor *const *in, int n) {
    residual *m = (residual *)self;
    (void)n;
    tn_tensor *y = tn_forward(m->main, in[0]), *shortcut = m->shortcut ? tn_forward(m->shortcut, in[0]) : in[0];
    if (m->folded) /* the last batch norm is in these: sum and activation are part of the convolution */
        return tn_conv2d(y, tn_module_get(m->last, "0.weight"), tn_module_get(m->last, "0.bias"), &(tn_conv_opts){.residual = shortcut, .activation = TN_CONV_RELU});
    return tn_relu(tn_add(tn_forward(m->last, y), shortcut));
}
static tn_module *conv_of(int64_t in, int64_t out, int64_t kernel, int64_t stride) {
    return tn_nn_conv2d(in, out, kernel, &(tn_conv_opts){.stride = stride, .padding = kernel / 2, .no_bias = true});
}
static tn_module *residual_new(int64_t in, int64_t width, int64_t stride, bool deep) {
    residual *m = (residual *)tn_module_new(sizeof(residual), "Residual", residual_forward);
    const int64_t out = deep ? 4 * width : width;
    if (!m) return NULL;
    tn_module *layers = deep ? tn_nn_sequential(conv_of(in, width, 1, 1), tn_nn_batch_norm2d(width, NULL), tn_nn_relu(), conv_of(width, width, 3, stride), tn_nn_batch_norm2d(width, NULL), tn_nn_relu(), TN_END)
                             : tn_nn_sequential(conv_of(in, width, 3, stride), tn_nn_batch_norm2d(width, NULL), tn_nn_relu(), TN_END);
    m->main = tn_module_child(&m->base, "main", layers);
    m->last = tn_module_child(&m->base, "last", tn_nn_sequential(conv_of(width, out, deep ? 1 : 3, 1), tn_nn_batch_norm2d(out, NULL), TN_END));
    if (stride != 1 || in != out) m->shortcut = tn_module_child(&m->base, "shortcut", tn_nn_sequential(conv_of(in, out, 1, stride), tn_nn_batch_norm2d(out, NULL), TN_END));
    return &m->base;
}
static tn_module *resnet_new(const int *counts, bool deep, int64_t classes) {
    static const int64_t one[2] = {1, 1};
    tn_module *layers[32] = {conv_of(3, 64, 7, 2), tn_nn_batch_norm2d(64, NULL), tn_nn_relu(), tn_nn_max_pool2d(3, &(tn_pool_opts){.stride = 2, .padding = 1})};
    int n = 4;
    int64_t in = 64;
    for (int stage = 0; stage < 4; stage++)
        for (int i = 0; i < counts[stage]; i++) {
            layers[n++] = residual_new(in, (int64_t)64 << stage, stage && !i ? 2 : 1, deep);
            in = ((int64_t)64 << stage) * (deep ? 4 : 1);
        }
    layers[n++] = tn_nn_adaptive_avg_pool2d(one, 2);
    layers[n++] = tn_nn_flatten();
    layers[n++] = tn_nn_linear(in, classes, NULL);
    return tn_nn_sequential_of(layers, n);
}
static void infer(void *p) {
    const training *t = p;
    TN_SCOPE;
    TN_NO_GRAD;
    TN_CHECK(tn_forward(t->net, t->x));
}
static void resnet18(void) {
    static const int counts[4] = {2, 2, 2, 2};
    const int64_t b = 32;
    TN_SCOPE;
    train("resnet18_32px/train", resnet_new(counts, false, 10), tn_randn((int64_t[]){b, 3, 32, 32}, 4, NULL), tn_randint(0, 10, &b, 1, &(tn_tensor_opts){.dtype = TN_I64}), 32, "images/s");
}
static tn_status residual_fold(void *user, tn_module *m) {
    (void)user;
    if (m->forward == residual_forward) ((residual *)m)->folded = true;
    return TN_OK;
}
static void resnet50(void) {
    static const int counts[4] = {3, 4, 6, 3};
    TN_SCOPE;
    training t = {.net = TN_CHECK(resnet_new(counts, true, 1000)), .x = tn_randn((int64_t[]){1, 3, 224, 224}, 4, NULL)};
    tn_module_train(t.net, false);
    if (tn_fuse_modules(t.net) < 0) TN_CHECK(NULL);
    TN_CHECK(tn_module_apply(t.net, residual_fold, NULL));
    emit("resnet50/infer_b1_f32", measure(infer, &t, 1.5) * 1e3, "ms");
}
static void lstm_step(void *p) {
    const training *t = p;
    TN_SCOPE;
    tn_optim_zero_grad(t->opt);
    TN_CHECK(tn_backward(tn_mean(tn_square(tn_forward(t->net, t->x)), NULL)));
    TN_CHECK(tn_optim_step(t->opt));
}
static void lstm(void) {
    TN_SCOPE;
    training t = {.net = TN_CHECK(tn_nn_lstm(128, 256, &(tn_rnn_opts){.num_layers = 2, .batch_first = true})), .x = tn_randn((int64_t[]){32, 64, 128}, 3, NULL)};
    t.opt = TN_CHECK(tn_optim_adamw(t.net, &(tn_adamw_opts){.lr = 1e-4}));
    emit("lstm/train_b32_t64_h256x2", 32 * 64 / measure(lstm_step, &t, 1.0), "steps/s");
}
static void sort_million(void *p) {
    TN_SCOPE;
    TN_CHECK(tn_sort(((const pair *)p)->a, 0, false, false).values);
}
typedef struct { tn_tensor *x, *index, *source; } scattering;
static void add_rows(void *p) {
    const scattering *s = p;
    TN_SCOPE;
    TN_CHECK(tn_index_add(s->x, 0, s->index, s->source, 1));
}
static void indices(void) {
    const int64_t million = 1 << 20, rows = 100000, shape[2] = {rows, 64};
    TN_SCOPE;
    pair p = {tn_randn(&million, 1, NULL), NULL};
    emit("sort_1m", measure(sort_million, &p, 0.6) * 1e3, "ms");
    scattering s = {tn_zeros(shape, 2, NULL), tn_randint(0, rows, &rows, 1, &(tn_tensor_opts){.dtype = TN_I64}), tn_randn(shape, 2, NULL)};
    emit("index_add_100kx64", measure(add_rows, &s, 0.6) * 1e3, "ms");
}

/* A file of 125 square layers, 500 MB, read and used once: BENCH_FILE names it. */
static void load_and_use(void *p) {
    char name[16];
    const int64_t shape[2] = {1, 1000};
    TN_SCOPE;
    TN_NO_GRAD;
    tn_dict *d = TN_CHECK(tn_map_safetensors(p));
    tn_tensor *x = tn_ones(shape, 2, NULL);
    for (int i = 0; i < 125; i++) {
        snprintf(name, sizeof name, "l%d.weight", i);
        x = tn_relu(tn_linear(x, TN_CHECK(tn_dict_get(d, name)), NULL));
    }
    TN_CHECK(x);
}
static void load(void) {
    char *path = getenv("BENCH_FILE");
    if (path) emit("load/safetensors_500mb", measure(load_and_use, path, 2) * 1e3, "ms");
}

/* -- the memory that a training step takes at most, over what the process had before its net was made; Linux only. Each in a
   process of its own. -- */
static double status_mb(const char *key) {
    char line[128];
    double kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, key, strlen(key)) == 0) kb = atof(line + strlen(key));
    if (f) fclose(f);
    return kb / 1024;
}
static void memory_of(const char *workload, void (*fn)(void)) {
    char name[64];
    FILE *f = fopen("/proc/self/clear_refs", "w"); /* 5: the peak is what there is now */
    if (f) fputs("5", f), fclose(f);
    const double before = status_mb("VmRSS:");
    only_memory = true;
    fn();
    only_memory = false;
    snprintf(name, sizeof name, "memory/%s", workload);
    emit(name, status_mb("VmHWM:") - before, "MB");
}

/* -- graph nets: two layers, trained on random graphs of Cora's and ogbn-arxiv's sizes -- */
typedef struct { tn_module base; tn_module *a, *b; tn_tensor *edges; } graph_net;
static tn_tensor *graph_net_forward(tn_module *self, tn_tensor *const *in, int n) {
    const graph_net *net = (const graph_net *)self;
    tn_tensor *h = tn_relu(tn_call(net->a, (tn_tensor *[]){in[0], net->edges}, n + 1));
    return tn_call(net->b, (tn_tensor *[]){h, net->edges}, 2);
}
static tn_module *graph_layer(int kind, int64_t in, int64_t out) { return kind == 0 ? tn_gnn_gcn_conv(in, out, NULL) : kind == 1 ? tn_gnn_sage_conv(in, out, NULL) : tn_gnn_gat_conv(in, out, NULL); }
static void train_graph(const char *name, int kind, int64_t nodes, int64_t edges, int64_t features, int64_t hidden, int64_t classes) {
    const int64_t pairs[2] = {2, edges}, shape[2] = {nodes, features};
    TN_SCOPE;
    graph_net *net = (graph_net *)TN_CHECK(tn_module_new(sizeof *net, "GraphNet", graph_net_forward));
    net->edges = tn_randint(0, nodes, pairs, 2, &(tn_tensor_opts){.dtype = TN_I64});
    net->a = tn_module_child(&net->base, "a", graph_layer(kind, features, hidden));
    net->b = tn_module_child(&net->base, "b", graph_layer(kind, hidden, classes));
    train(name, &net->base, tn_randn(shape, 2, NULL), tn_randint(0, classes, &nodes, 1, &(tn_tensor_opts){.dtype = TN_I64}), 1, "epochs/s");
}
static void gnn_cora(void) {
    static const char *const name[3] = {"gnn/gcn_cora_h16", "gnn/sage_cora_h16", "gnn/gat_cora_h16"};
    for (int kind = 0; kind < 3; kind++) train_graph(name[kind], kind, 2708, 10556, 1433, 16, 7);
}
static void gcn_arxiv(void) { train_graph("gnn/gcn_arxiv_h64", 0, 169343, 2332486, 128, 64, 40); }
static void sage_arxiv(void) { train_graph("gnn/sage_arxiv_h64", 1, 169343, 2332486, 128, 64, 40); }
static void gat_arxiv(void) { train_graph("gnn/gat_arxiv_h64", 2, 169343, 2332486, 128, 64, 40); }
/* How the cost of an epoch grows with the edges, ten a node: no peer's memory lasts that far. */
static void gnn_sizes(void) {
    char name[64];
    for (int64_t edges = 500000; edges <= 50000000; edges *= 10) {
        snprintf(name, sizeof name, "gnn/sizes/gcn_%lldk_edges", (long long)edges / 1000);
        train_graph(name, 0, edges / 10, edges, 32, 16, 8);
    }
}
/* Three hops of 15, 10 and 5 neighbours round batches of 1024, of a million nodes and ten million edges. */
static void sampling_batch(void *p) {
    tn_batch b;
    if (tn_loader_next((tn_loader *)p, &b)) return;
    TN_CHECK(tn_loader_status((tn_loader *)p));
    (void)tn_loader_next((tn_loader *)p, &b); /* of the next epoch */
}
static void gnn_sampling(void) {
    const int64_t nodes = 1000000, pairs[2] = {2, 10000000}, shape[2] = {nodes, 32};
    const int hops[3] = {15, 10, 5};
    TN_SCOPE;
    tn_graph *g = tn_graph_new(tn_randn(shape, 2, NULL), tn_randint(0, nodes, pairs, 2, &(tn_tensor_opts){.dtype = TN_I64}));
    tn_loader *l = tn_gnn_neighbor_loader(g, &(tn_gnn_neighbor_opts){.num_neighbors = hops, .n_hops = 3}, &(tn_loader_opts){.batch_size = 1024, .shuffle = true});
    emit("gnn/sampling_15_10_5", 1024 / measure(sampling_batch, TN_CHECK(l), 2.0), "seeds/s");
}

int main(int argc, char **argv) {
    static const struct { const char *name; void (*fn)(void); } workloads[] = {{"limits", limits}, {"op_latency", op_latency}, {"gemm", gemm}, {"gemm_narrow", gemm_narrow}, {"small", small}, {"layers", layers}, {"cache", cache}, {"bandwidth", bandwidth}, {"attn", attn}, {"mlp", mlp}, {"cnn", cnn}, {"gpt_char", gpt_char}, {"gpt2", gpt2}, {"decode", decode}, {"resnet18", resnet18}, {"resnet50", resnet50}, {"lstm", lstm}, {"indices", indices}, {"load", load},
        {"gnn_cora", gnn_cora}, {"gcn_arxiv", gcn_arxiv}, {"sage_arxiv", sage_arxiv}, {"gat_arxiv", gat_arxiv}, {"gnn_sampling", gnn_sampling}, {"gnn_sizes", gnn_sizes}};
    char line[64];
    if (argc > 1) TN_CHECK(tn_set_num_threads(atoi(argv[1])));
    if (argc > 2) TN_CHECK(tn_device_named(argv[2], &device));
    TN_CHECK(tn_set_default_device(device));
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        const bool memory = strncmp(line, "memory:", 7) == 0;
        for (size_t i = 0; i < COUNT(workloads); i++)
            if (strcmp(memory ? line + 7 : line, workloads[i].name) == 0) memory ? memory_of(workloads[i].name, workloads[i].fn) : workloads[i].fn();
        puts("");
        fflush(stdout);
    }
    return 0;
}
