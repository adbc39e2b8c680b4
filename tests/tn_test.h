/* A small harness: TEST(name) { CHECK(…); } …, then RUN_ALL at the end of the file. A test program runs the tests whose
   names contain one of its arguments (all without), prints what fails, and ends with "N passed, N failed". */
#ifndef TN_TEST_H
#define TN_TEST_H
#include "../tensor.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct tn_test { const char *name; void (*fn)(void); struct tn_test *next; } tn_test;
static tn_test *tn_tests, **tn_tests_end = &tn_tests;
static int tn_test_failures;
static const char *tn_test_skipped;

#define TEST(title)                                                                                                    \
    static void title(void);                                                                                           \
    static tn_test title##_entry = {#title, title, NULL};                                                              \
    __attribute__((constructor)) static void title##_add(void) {                                                       \
        *tn_tests_end = &title##_entry;                                                                                \
        tn_tests_end = &title##_entry.next;                                                                            \
    }                                                                                                                  \
    static void title(void)
#define TN_TEST_FAIL(...) (tn_test_failures++, fprintf(stderr, "%s:%d: ", __FILE__, __LINE__), fprintf(stderr, __VA_ARGS__), fputc('\n', stderr))
#define CHECK(x) ((x) ? (void)0 : (void)TN_TEST_FAIL("not so: %s %s", #x, tn_error()))
/* Within tol, or both NaN, or the same infinity. */
#define CHECK_NEAR(a, b, tol)                                                                                          \
    do {                                                                                                               \
        const double tn_a = (double)(a), tn_b = (double)(b);                                                           \
        if (!(fabs(tn_a - tn_b) <= (tol)) && !(isnan(tn_a) && isnan(tn_b)) && !(isinf(tn_a) && isinf(tn_b) && (tn_a > 0) == (tn_b > 0))) \
            TN_TEST_FAIL("%s is %.9g, not %.9g %s", #a, tn_a, tn_b, tn_error());                                       \
    } while (0)
/* The expression fails with that code; the error is cleared. */
#define CHECK_ERROR(expression, expected)                                                                              \
    do {                                                                                                               \
        tn_error_clear();                                                                                              \
        tn_set_log(NULL, NULL);                                                                                        \
        (void)(expression);                                                                                            \
        if (tn_error_code() == TN_OK) (void)tn_synchronize(tn_get_default_device()); /* a device may find it later */  \
        if (tn_error_code() != (expected)) TN_TEST_FAIL("%s gave %s (%s), not %s", #expression, tn_status_name(tn_error_code()), tn_error(), tn_status_name(expected)); \
        else if (!tn_error()[0]) TN_TEST_FAIL("%s gave no message", #expression);                                      \
        tn_error_clear();                                                                                              \
    } while (0)
#define SKIP(reason)                                                                                                   \
    do {                                                                                                               \
        tn_test_skipped = (reason);                                                                                    \
        return;                                                                                                        \
    } while (0)

__attribute__((unused)) static tn_tensor *tn_test_f32(const float *v, const int64_t *shape, int n) {
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    o.dtype = TN_F32;
    return tn_from(v, shape, n, &o);
}
/* The elements in order, in host memory, wherever the tensor is. */
__attribute__((unused)) static const void *tn_test_values(tn_tensor *t) {
    const tn_device cpu = {0, 0};
    return tn_data(tn_contiguous(tn_to(tn_detach(t), cpu)));
}
/* Element k, in order, of a contiguous tensor, wherever it is. */
__attribute__((unused)) static void tn_test_set(tn_tensor *t, int64_t k, double v) {
    const int64_t flat = -1;
    tn_fill_(tn_select(tn_reshape(tn_detach(t), &flat, 1), 0, k), v);
}
/* For tests that look at host memory itself. */
#define HOST_ONLY                                                                                                      \
    do {                                                                                                               \
        if (getenv("TN_TEST_DEVICE")) SKIP("it looks at host memory");                                                 \
    } while (0)
/* Whether the device under test draws by itself, from the same seed other numbers than the CPU. */
__attribute__((unused)) static int tn_test_device_draws(void) {
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    if (!getenv("TN_TEST_DEVICE")) return 0;
    o.generator = tn_generator_new(1);
    const int64_t n = 8;
    tn_tensor *there = tn_rand(&n, 1, &o);
    const tn_device home = tn_get_default_device(), cpu = {0, 0};
    tn_set_default_device(cpu);
    o.generator = tn_generator_new(1);
    tn_tensor *here = tn_rand(&n, 1, &o);
    const int differ = there && here && memcmp(tn_test_values(there), tn_test_values(here), (size_t)n * 4) != 0;
    tn_set_default_device(home);
    return differ;
}
/* For tests whose numbers are of the CPU's generator. TN_KIT_LEAVE=uniform_,normal_,bernoulli_,random_,exponential_,bernoulli has a
   plugin of the kit leave draws to it, so that they run. */
#define CPU_DRAWS                                                                                                      \
    do {                                                                                                               \
        if (tn_test_device_draws()) SKIP("its numbers are of the CPU's generator, and the device draws by its own");    \
    } while (0)
/* Tensors as text: "f32 [2, 3] 1 2 3 4 nan -inf" is a dtype, sizes, and the elements in order. */
__attribute__((unused)) static tn_tensor *tn_test_of(const char *text) {
    char name[8] = "", *p = (char *)(uintptr_t)text, *end;
    int used = 0, n = 0;
    int64_t shape[TN_MAX_DIMS], count = 1;
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    o.dtype = TN_F64;
    if (sscanf(text, "%7[a-z0-9] [%n", name, &used) != 1 || !used) fprintf(stderr, "no tensor: %s\n", text), abort();
    for (p += used; *p != ']'; p += strspn(p, ", ")) count *= shape[n++] = strtoll(p, &p, 10);
    double *v = (double *)calloc((size_t)(count > 0 ? count : 1), sizeof *v);
    if (!v) return NULL;
    p++;
    for (int64_t i = 0; i < count; i++, p = end) {
        v[i] = strtod(p, &end);
        if (end == p) fprintf(stderr, "too few elements: %s\n", text), abort();
    }
    if (*p) fprintf(stderr, "too many elements: %s\n", text), abort();
    tn_tensor *t = tn_to_dtype(tn_from(v, shape, n, &o), tn_dtype_from_name(name));
    free(v);
    return t;
}
static int tn_test_same(const tn_tensor *a, const tn_tensor *b) { /* dtype, sizes, and elements to 2e-6 */
    if (!a || tn_get_dtype(a) != tn_get_dtype(b) || tn_ndim(a) != tn_ndim(b)) return 0;
    int64_t at[TN_MAX_DIMS] = {0, 0, 0, 0, 0, 0, 0, 0};
    for (int d = 0; d < tn_ndim(a); d++)
        if (tn_size(a, d) != tn_size(b, d)) return 0;
    for (int64_t i = 0; i < tn_numel(a); i++) {
        const double x = tn_at(a, at, tn_ndim(a)), y = tn_at(b, at, tn_ndim(b));
        if (!(fabs(x - y) <= 2e-6 * (1 + fabs(y))) && !(isnan(x) && isnan(y)) && !(isinf(x) && isinf(y) && (x > 0) == (y > 0))) return 0;
        for (int d = tn_ndim(a) - 1; d >= 0 && ++at[d] == tn_size(a, d); d--) at[d] = 0;
    }
    return 1;
}
__attribute__((unused)) static void tn_test_is(const char *file, int line, const char *what, const tn_tensor *t, const char *text) {
    char got[1024];
    if (tn_test_same(t, tn_test_of(text))) return;
    (void)tn_format(t, got, sizeof got);
    tn_test_failures++;
    fprintf(stderr, "%s:%d: %s is %s, not %s %s\n", file, line, what, got, text, tn_error());
}
#define CHECK_IS(x, text) tn_test_is(__FILE__, __LINE__, #x, x, text)
/* A shape and its dims, as two arguments. */
#define SHAPE(...) (const int64_t[]){__VA_ARGS__}, (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))
/* The check by each instruction set that is here, with no error held: an optional operand that is NULL fails a call while there is one. */
__attribute__((unused)) static void tn_test_every_isa(void (*check)(const char *isa)) {
    static const char *const isas[] = {"scalar", "avx2", "avx512", "neon"};
    char first[16];
    (void)snprintf(first, sizeof first, "%s", tn_get_isa());
    tn_set_log(NULL, NULL); /* of those that are not here */
    for (int i = 0; i < 4; i++) {
        if (tn_set_isa(isas[i]) == TN_OK) check(isas[i]);
        tn_error_clear();
    }
    CHECK(tn_set_isa(first) == TN_OK);
}
/* sin(1.3 i + phase), which is easily made in PyTorch too; and one number that tells the values and their order. */
__attribute__((unused)) static tn_tensor *tn_test_wave(double phase, tn_dtype dt, const int64_t *shape, int n) {
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    o.dtype = TN_F64;
    int64_t count = 1;
    for (int d = 0; d < n; d++) count *= shape[d];
    double *p = (double *)malloc((size_t)(count + 1) * sizeof *p);
    if (!p) return NULL;
    for (int64_t i = 0; i < count; i++) p[i] = sin(1.3 * (double)i + phase);
    tn_tensor *t = tn_to_dtype(tn_from(p, shape, n, &o), dt);
    free(p);
    return t;
}
__attribute__((unused)) static double tn_test_digest(tn_tensor *t) { /* sum of element i times cos(0.7 i) */
    if (!t) return NAN;
    tn_scope s = tn_scope_open();
    tn_tensor *flat = tn_to_dtype(tn_detach(t), TN_F64);
    const double *p = (const double *)tn_test_values(flat);
    double sum = 0;
    for (int64_t i = 0; i < tn_numel(flat); i++) sum += p[i] * cos(0.7 * (double)i);
    tn_scope_close(&s);
    return sum;
}
static int tn_test_wanted(const char *name, int argc, char **argv) {
    if (argc < 2) return 1;
    for (int i = 1; i < argc; i++)
        if (strstr(name, argv[i])) return 1;
    return 0;
}
/* TN_TEST_DEVICE runs all of it with that device as the default: a thread's own, so that threads of tests call this too. */
static int tn_test_on_device(void) {
    tn_device device;
    const char *name = getenv("TN_TEST_DEVICE");
    return !name || (tn_device_named(name, &device) == TN_OK && tn_set_default_device(device) == TN_OK);
}
static int tn_test_main(int argc, char **argv) {
    int passed = 0, failed = 0;
    if (!tn_test_on_device()) {
        printf("%s\n0 passed, 1 failed\n", tn_accel_report());
        return 1;
    }
    for (tn_test *t = tn_tests; t; t = t->next) {
        if (!tn_test_wanted(t->name, argc, argv)) continue;
        tn_test_failures = 0;
        tn_test_skipped = NULL;
        tn_error_clear();
        tn_scope s = tn_scope_open();
        t->fn();
        tn_scope_close(&s);
        if (tn_test_skipped) {
            printf("SKIP %s: %s\n", t->name, tn_test_skipped);
            continue;
        }
        if (tn_test_failures) printf("FAIL %s\n", t->name), failed++;
        else passed++;
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
#define RUN_ALL                                                                                                        \
    int main(int argc, char **argv) { return tn_test_main(argc, argv); }
#endif
