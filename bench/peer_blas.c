/* A BLAS library's side of bench/compare.py: products of f32 matrices through what the library at PATH has, oneDNN's
   dnnl_sgemm or cblas_sgemm. bench_blas PATH THREADS */
#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>
#include "measure.h"

static int (*dnnl)(char, char, long, long, long, float, const float *, long, const float *, long, float, float *, long);
static void (*cblas)(int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *, int);
typedef struct { const product *p; bool layer; float *a, *b, *c; } call;
static void nothing(void) {}
static void multiply(void *arg) {
    const call *x = arg;
    const int m = x->p->m, n = x->p->n, k = x->p->k, ldb = x->layer ? k : n;
    for (int i = 0; i < x->p->b; i++) {
        const float *a = x->a + (size_t)i * (size_t)(m * k), *b = x->b + (size_t)i * (size_t)(n * k);
        float *c = x->c + (size_t)i * (size_t)(m * n);
        if (dnnl) (void)dnnl('N', x->layer ? 'T' : 'N', m, n, k, 1, a, k, b, ldb, 0, c, n);
        else cblas(101, 111, x->layer ? 112 : 111, m, n, k, 1, a, k, b, ldb, 0, c, n);
    }
}
static float *filled(size_t n) {
    float *p = malloc(n * sizeof *p);
    if (!p) exit(1);
    for (size_t i = 0; i < n; i++) p[i] = (float)((i * 7919) % 1000) / 1000 - 0.5f;
    return p;
}
static void products(const product *p, size_t n, bool layer) {
    for (size_t i = 0; i < n; i++, p++) {
        call x = {p, layer, filled((size_t)p->b * (size_t)p->m * (size_t)p->k), filled((size_t)p->b * (size_t)p->n * (size_t)p->k), filled((size_t)p->b * (size_t)p->m * (size_t)p->n)};
        emit(p->name, 2.0 * p->b * p->m * p->n * p->k / measured(multiply, &x, 0.6, nothing) / 1e9, "GFLOP/s");
        free(x.a), free(x.b), free(x.c);
    }
}
int main(int argc, char **argv) {
    static const product squares[] = {{"gemm/f32/256", 1, 256, 256, 256}, {"gemm/f32/512", 1, 512, 512, 512}, {"gemm/f32/1024", 1, 1024, 1024, 1024}, {"gemm/f32/2048", 1, 2048, 2048, 2048}};
    char line[64];
    void *l = argc > 2 ? dlopen(argv[1], RTLD_NOW) : NULL;
    void (*set_threads)(int);
    if (!l) return fprintf(stderr, "%s\n", argc > 2 ? dlerror() : "usage: bench_blas PATH THREADS"), 1;
    *(void **)(void *)&dnnl = dlsym(l, "dnnl_sgemm");
    *(void **)(void *)&cblas = dlsym(l, "cblas_sgemm");
    *(void **)(void *)&set_threads = dlsym(l, "openblas_set_num_threads");
    if (!dnnl && !cblas) return fprintf(stderr, "%s has no sgemm\n", argv[1]), 1;
    if (set_threads) set_threads(atoi(argv[2])); /* oneDNN heeds OMP_NUM_THREADS */
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        if (strcmp(line, "gemm") == 0) products(squares, COUNT(squares), false);
        if (strcmp(line, "small") == 0) products(small_products, COUNT(small_products), false);
        if (strcmp(line, "layers") == 0) products(layer_products, COUNT(layer_products), true);
        puts("");
        fflush(stdout);
    }
    return 0;
}
