/* The error of the f32 functions, in units in the last place, for each instruction set that this machine has: functions of
   one argument over all 2^32 inputs, those of two over random pairs and all pairs of edge cases, against the C library's
   f64 functions.

   make accuracy ARGS='[--share N] [--pairs N] [--isa NAME] [--threads N] [FUNCTION ...]'
   --share N: every Nth input (a quick look: 4099). --pairs N: how many (default 2^28; K, M, G are 2^10, 2^20, 2^30). */
#define _GNU_SOURCE
#include "../tensor.h"
#include "accuracy.h"
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE 65536
#define CHUNK (64 * PIECE)
enum { MAX_THREADS = 256, MAX_ISAS = 3 };
static const char *isa[MAX_ISAS];
static int n_isa, threads;
static uint64_t pairs = (uint64_t)1 << 28;
static uint32_t share = 1;
typedef struct { double error; float x, y, got; double want; } worst;
/* One chunk: the inputs, what is wanted; each thread takes pieces and keeps its own worst. */
static struct {
    const function1 *f1;
    const function2 *f2;
    float *x, *y;
    double *want;
    size_t n, next;
    bool reference;
    worst seen[MAX_THREADS];
} job;

static void piece_of(size_t at, worst *w) {
    const size_t n = job.n - at < PIECE ? job.n - at : PIECE;
    if (job.reference) {
        for (size_t i = at; i < at + n; i++) job.want[i] = job.f1 ? job.f1->ref((double)job.x[i]) : job.f2->ref((double)job.x[i], (double)job.y[i]);
        return;
    }
    TN_SCOPE;
    const int64_t shape = (int64_t)n;
    tn_tensor *x = tn_from(job.x + at, &shape, 1, NULL), *y = job.f2 ? tn_from(job.y + at, &shape, 1, NULL) : NULL;
    tn_tensor *r = job.f1 ? job.f1->ours(x) : job.f2->ours(x, y);
    if (!r) {
        fprintf(stderr, "%s\n", tn_error());
        exit(1);
    }
    const float *got = (const float *)tn_data(r);
    for (size_t i = 0; i < n; i++) {
        if (got[i] == (float)job.want[at + i] && got[i] != 0 && fabsf(got[i]) < FLT_MAX && w->error >= 0.5) continue; /* rounded rightly: half at most */
        const double e = error_of(got[i], job.want[at + i]);
        if (e > w->error) *w = (worst){e, job.x[at + i], job.y ? job.y[at + i] : 0, got[i], job.want[at + i]};
    }
}
static void *work(void *w) {
    for (;;) {
        const size_t at = __atomic_fetch_add(&job.next, PIECE, __ATOMIC_RELAXED);
        if (at >= job.n) return NULL;
        piece_of(at, (worst *)w);
    }
}
static void in_threads(void) {
    pthread_t t[MAX_THREADS];
    job.next = 0;
    for (int i = 1; i < threads; i++) (void)pthread_create(&t[i], NULL, work, &job.seen[i]);
    (void)work(&job.seen[0]);
    for (int i = 1; i < threads; i++) (void)pthread_join(t[i], NULL);
}
static void chunk(worst *w) {
    job.reference = true;
    in_threads();
    job.reference = false;
    for (int k = 0; k < n_isa; k++) {
        (void)tn_set_isa(isa[k]);
        for (int i = 0; i < threads; i++) job.seen[i] = w[k];
        in_threads();
        for (int i = 0; i < threads; i++)
            if (job.seen[i].error > w[k].error) w[k] = job.seen[i];
    }
}
static void progress(const char *name, double done) {
    if (isatty(2)) fprintf(stderr, done < 1 ? "\r%-12s %3.0f %%" : "\r                  \r", name, 100 * done);
}
static int report(const char *name, double bound, const worst *w, bool pair) {
    int bad = 0;
    for (int k = 0; k < n_isa; k++) {
        printf("| %s | %s | %.3f | ", name, isa[k], w[k].error);
        if (w[k].error == 0) (void)fputs("-", stdout);
        else if (pair) printf("%a, %a: %a, not %a", (double)w[k].x, (double)w[k].y, (double)w[k].got, w[k].want);
        else printf("%a (%.9g): %a, not %a", (double)w[k].x, (double)w[k].x, (double)w[k].got, w[k].want);
        printf(" |%s\n", w[k].error <= bound ? "" : " over its bound");
        bad += !(w[k].error <= bound);
    }
    fflush(stdout);
    return bad;
}
static int run_one(const function1 *f) {
    worst w[MAX_ISAS] = {{0, 0, 0, 0, 0}};
    job.f1 = f, job.f2 = NULL;
    for (uint64_t at = 0; at < (uint64_t)1 << 32;) {
        progress(f->name, (double)at / 4294967296.0);
        for (job.n = 0; job.n < CHUNK && at < (uint64_t)1 << 32; at += share) {
            const uint32_t bits = (uint32_t)at;
            memcpy(&job.x[job.n++], &bits, 4);
        }
        chunk(w);
    }
    progress(f->name, 1);
    return report(f->name, f->bound, w, false);
}
static uint64_t state = 1;
static uint64_t draw(void) { /* splitmix64 */
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}
static float from_bits(uint32_t b) {
    float f;
    memcpy(&f, &b, 4);
    return f;
}
/* A quarter any two; the rest such that the result is neither 0 nor infinite (pow), or near in size (the others). */
static void pair_of(const function2 *f, float *x, float *y) {
    const uint64_t r = draw(), s = draw();
    *x = from_bits((uint32_t)r);
    *y = from_bits((uint32_t)(r >> 32));
    if ((s & 3) == 0) return;
    if (f->ref != pow) {
        const uint32_t near = (uint32_t)(s >> 8) % 48;
        *y = from_bits((uint32_t)(((r >> 32) & 0x807FFFFFu) | ((((r >> 23) & 255) + near) & 255) << 23));
        if ((s & 3) == 1) {
            const float z = *x;
            *x = *y;
            *y = z;
        }
        return;
    }
    if (s & 4) *x = from_bits((uint32_t)((r & 0x007FFFFF) | (0x3F000000 + ((s >> 8 & 1) << 23))));
    *y = (float)(((double)(s >> 11) * 0x1p-53 * 280 - 151) / log2(fabs((double)*x)));
    if ((s & 3) == 1) *y = rintf(*y);
    if (s & 8) *x = fabsf(*x);
}
static int run_two(const function2 *f) {
    worst w[MAX_ISAS] = {{0, 0, 0, 0, 0}};
    job.f1 = NULL, job.f2 = f;
    job.n = 0;
    for (size_t i = 0; i < N_EDGES * N_EDGES; i++, job.n++) {
        job.x[i] = edge_at(i / N_EDGES);
        job.y[i] = edge_at(i % N_EDGES);
    }
    chunk(w);
    for (uint64_t at = 0; at < pairs;) {
        progress(f->name, (double)at / (double)pairs);
        for (job.n = 0; job.n < CHUNK && at < pairs; job.n++, at++) pair_of(f, &job.x[job.n], &job.y[job.n]);
        chunk(w);
    }
    progress(f->name, 1);
    return report(f->name, f->bound, w, true);
}
static uint64_t number(const char *s) {
    char *end;
    const uint64_t v = strtoull(s, &end, 0);
    return *end == 'G' ? v << 30 : *end == 'M' ? v << 20 : *end == 'K' ? v << 10 : v;
}
int main(int argc, char **argv) {
    const char *only = NULL, *known[3] = {"scalar", "avx2", "avx512"};
    int bad = 0, first = 1;
    threads = (int)sysconf(_SC_NPROCESSORS_ONLN);
    for (; first + 1 < argc && strncmp(argv[first], "--", 2) == 0; first += 2) {
        if (strcmp(argv[first], "--share") == 0) share = (uint32_t)number(argv[first + 1]);
        else if (strcmp(argv[first], "--pairs") == 0) pairs = number(argv[first + 1]);
        else if (strcmp(argv[first], "--threads") == 0) threads = (int)number(argv[first + 1]);
        else if (strcmp(argv[first], "--isa") == 0) only = argv[first + 1];
        else break;
    }
    if (share < 1 || threads < 1 || (first < argc && argv[first][0] == '-')) {
        fprintf(stderr, "usage: accuracy [--share N] [--pairs N] [--isa NAME] [--threads N] [FUNCTION ...]\n");
        return 2;
    }
    if (threads > MAX_THREADS) threads = MAX_THREADS;
    tn_set_log(NULL, NULL);
    (void)tn_set_num_threads(1); /* the threads here are of this program */
    for (int k = 0; k < 3; k++)
        if ((!only || strcmp(only, known[k]) == 0) && tn_set_isa(known[k]) == TN_OK) isa[n_isa++] = known[k];
    if (n_isa == 0) isa[n_isa++] = tn_get_isa();
    tn_error_clear();
    job.x = (float *)malloc(CHUNK * sizeof(float));
    job.y = (float *)malloc(CHUNK * sizeof(float));
    job.want = (double *)malloc(CHUNK * sizeof(double));
    if (!job.x || !job.y || !job.want) return 1;
    memset(job.y, 0, CHUNK * sizeof(float));
    printf("| function | instruction set | worst error, ULP | at: what it gives, and should |\n|---|---|---|---|\n");
    for (size_t i = 0; i < N_ONES + N_TWOS; i++) {
        const char *name = i < N_ONES ? ones[i].name : twos[i - N_ONES].name;
        bool wanted = first >= argc;
        for (int a = first; a < argc; a++) wanted = wanted || strcmp(argv[a], name) == 0;
        if (wanted) bad += i < N_ONES ? run_one(&ones[i]) : run_two(&twos[i - N_ONES]);
    }
    return bad ? 1 : 0;
}
