/* What the programs of bench/ share: time, the median of several repeats, one JSON line per figure. */
#ifndef MEASURE_H
#define MEASURE_H
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}
/* Seconds a call, as the peers measure it: warm up, then five batches, the median. finish waits for what a device still has to do. */
static double measured(void (*fn)(void *), void *arg, double seconds, void (*finish)(void)) {
    double out[5];
    for (int i = 0; i < 3; i++) fn(arg);
    finish();
    double t = now();
    fn(arg);
    finish();
    const double one = now() - t > 1e-7 ? now() - t : 1e-7;
    long n = (long)(seconds / 5 / one);
    if (n < 1) n = 1;
    for (int r = 0; r < 5; r++) {
        t = now();
        for (long i = 0; i < n; i++) fn(arg);
        finish();
        out[r] = (now() - t) / (double)n;
    }
    qsort(out, 5, sizeof out[0], by_value);
    return out[2];
}
static void emit(const char *name, double value, const char *unit) {
    printf("{\"name\": \"%s\", \"value\": %.6g, \"unit\": \"%s\"}\n", name, value, unit);
}
/* Shapes that several peers measure: C[m, n] = A[m, k] B, b products of them; of a layer B is [n, k], transposed. */
typedef struct { const char *name; int b, m, n, k; } product;
static const product small_products[] = {{"gemm/f32/8", 1, 8, 8, 8}, {"gemm/f32/16", 1, 16, 16, 16}, {"gemm/f32/32", 1, 32, 32, 32}, {"gemm/f32/64", 1, 64, 64, 64},
                                         {"bmm/f32/256x16", 256, 16, 16, 16}, {"bmm/f32/64x64", 64, 64, 64, 64}};
static const product layer_products[] = {{"layer/64x512x784", 1, 64, 512, 784}, {"layer/256x768x768", 1, 256, 768, 768}, {"layer/256x3072x768", 1, 256, 3072, 768},
                                         {"layer/256x768x3072", 1, 256, 768, 3072}, {"layer/8x768x768", 1, 8, 768, 768}, {"layer/1x4096x4096", 1, 1, 4096, 4096}};
#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#endif
