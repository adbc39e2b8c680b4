/* What the kit of accel/ would launch: a backend that keeps the last kernel's text, and operands that are never read. */
#define _DEFAULT_SOURCE /* setenv, mkdtemp */
#define TN_STATIC
#define TENSOR_IMPLEMENTATION
#include "tn_test.h"
#include "../accel/ops.h"
#include "../accel/cache.h"

static char *text; /* of the last kernel that was built */
static tn_accel_status keep_text(kit *k, const char *source, void **program, tn_accel_error *e) {
    (void)k, (void)e;
    free(text);
    const size_t n = strlen(source) + 1;
    if ((text = (char *)malloc(n)) != NULL) memcpy(text, source, n);
    *program = NULL;
    return TN_ACCEL_OK;
}
static tn_accel_status launch_nothing(kit *k, void *program, const uint32_t groups[3], uint32_t group, const kit_binding *b, int n, const uint32_t *words, int n_words, tn_accel_error *e) {
    (void)k, (void)program, (void)groups, (void)group, (void)b, (void)n, (void)words, (void)n_words, (void)e;
    return TN_ACCEL_OK;
}
static const kit_backend with_pointers = {KIT_CUDA, true, keep_text, launch_nothing, NULL}, with_offsets = {KIT_OPENCL, false, keep_text, launch_nothing, NULL};
static tn_accel_tensor operand(const int64_t *shape, const int64_t *strides, int ndim, uint64_t offset) {
    tn_accel_tensor t;
    memset(&t, 0, sizeof t);
    t.buffer = (tn_accel_buffer *)(uintptr_t)16;
    t.offset = offset;
    t.dtype = TN_F32;
    t.ndim = ndim;
    t.shape = shape;
    t.strides = strides;
    return t;
}
/* Whether the kernel that copies x [n, n] of those strides counts in 64 bits. */
static int wide(const kit_backend *backend, int64_t n, int64_t rows, int64_t columns, uint64_t offset) {
    const int64_t shape[2] = {n, n}, from[2] = {rows, columns}, to[2] = {n, 1};
    const tn_accel_tensor in[2] = {operand(shape, to, 2, 0), operand(shape, from, 2, offset)};
    const tn_accel_call c = {(uint32_t)sizeof c, TN_ACCEL_MINOR, KIT_ID_copy_, 2, 1, 1, in, in, NULL, 0, 0};
    uint64_t scratch;
    tn_accel_error e;
    kit k;
    memset(&k, 0, sizeof k);
    k.backend = backend;
    k.group = 256;
    k.units = 8;
    kit_fill_table();
    CHECK(kit_rate(&k, &c, &scratch) > 0 && scratch == 0);
    CHECK(kit_run(&k, NULL, &c, NULL, 0, &e) == TN_ACCEL_OK && text);
    for (size_t i = 0; i < k.room; i++) free(k.programs[i].signature);
    free(k.programs);
    return text && strstr(text, "#define I u64") != NULL;
}
TEST(places_beyond_32_bits) { /* no size, stride or offset is that large by itself */
    CHECK(!wide(&with_pointers, 4, 8, 2, 0));
    CHECK(wide(&with_pointers, 4, 2000000000, 2, 0));     /* by strides */
    CHECK(!wide(&with_pointers, 64, 1, 1000, 0));
    CHECK(wide(&with_pointers, 64, 1, 100000000, 0));     /* a transposition */
    CHECK(!wide(&with_offsets, 64, 64, 1, 4096));
    CHECK(wide(&with_offsets, 4, 600000000, 2, 2000000000)); /* the offset and the strides together */
    free(text);
    text = NULL;
}
/* A device without a compiler, which has every kernel but the one that joins the parts of a product. */
static int launches, asked;
static tn_accel_status all_but_joins(kit *k, const char *source, void **program, tn_accel_error *e) {
    (void)k, (void)e;
    *program = NULL;
    asked++;
    return strstr(source, "#define LD_part(") ? TN_ACCEL_UNSUPPORTED : TN_ACCEL_OK;
}
static tn_accel_status count_launch(kit *k, void *program, const uint32_t groups[3], uint32_t group, const kit_binding *b, int n, const uint32_t *words, int n_words, tn_accel_error *e) {
    launches++;
    return launch_nothing(k, program, groups, group, b, n, words, n_words, e);
}
static tn_accel_status no_library(kit *k, const struct kit_gemm_call *g, tn_accel_error *e) { return (void)k, (void)g, (void)e, TN_ACCEL_UNSUPPORTED; }
static int32_t product_rate(kit *k, int64_t depth, tn_accel_status *ran) { /* [64, depth] by [depth, 64] */
    const int64_t a[2] = {64, depth}, b[2] = {depth, 64}, y[2] = {64, 64}, along[2] = {depth, 1}, across[2] = {64, 1};
    const tn_accel_tensor in[2] = {operand(a, along, 2, 0), operand(b, across, 2, 0)}, out = operand(y, across, 2, 0);
    const tn_accel_call c = {(uint32_t)sizeof c, TN_ACCEL_MINOR, KIT_ID_mm, 2, 1, 0, in, &out, NULL, 0, 0};
    uint64_t scratch;
    tn_accel_error e = {0, {0}};
    const int32_t rate = kit_rate(k, &c, &scratch);
    *ran = kit_run(k, NULL, &c, (tn_accel_buffer *)(uintptr_t)16, 0, &e);
    return rate;
}
TEST(without_a_compiler) {
    static const kit_backend plain = {KIT_CUDA, true, all_but_joins, count_launch, NULL}, library = {KIT_CUDA, true, all_but_joins, count_launch, no_library};
    tn_accel_status ran;
    kit k;
    memset(&k, 0, sizeof k);
    k.backend = &plain;
    k.fixed = true;
    k.group = 256;
    k.units = 132;
    kit_fill_table();
    CHECK(product_rate(&k, 64, &ran) > 0 && ran == TN_ACCEL_OK && launches == 1);
    CHECK(product_rate(&k, 8192, &ran) == 0); /* refused before the first of two launches */
    CHECK(ran == TN_ACCEL_FAILED && launches == 2); /* run all the same, it is no call that the CPU may begin anew */
    const int builds = asked;
    CHECK(product_rate(&k, 8192, &ran) == 0 && asked == builds); /* what is missing is not asked for again */
    k.backend = &library; /* which is believed to do it */
    CHECK(product_rate(&k, 8192, &ran) > 0 && ran == TN_ACCEL_FAILED);
    for (size_t i = 0; i < k.room; i++) free(k.programs[i].signature);
    free(k.programs);
}
static const char *cache_file(char *path, size_t size) {
    kit k;
    memset(&k, 0, sizeof k);
    (void)snprintf(k.cache, sizeof k.cache, "driver 1");
    return kit_cache_path(&k, "text", path, size) ? path : NULL;
}
static bool kept(const char *driver, const char *source, const char *want) {
    kit k;
    size_t n = 0;
    memset(&k, 0, sizeof k);
    (void)snprintf(k.cache, sizeof k.cache, "%s", driver);
    char *got = (char *)kit_cache_get(&k, source, &n);
    const bool same = want ? got && n == strlen(want) && memcmp(got, want, n) == 0 : !got;
    free(got);
    return same;
}
TEST(programs_are_kept_on_disk) {
    char folder[] = "/tmp/tn_kit_XXXXXX", path[512], sub[64];
    kit k;
    memset(&k, 0, sizeof k);
    (void)snprintf(k.cache, sizeof k.cache, "driver 1");
    CHECK(mkdtemp(folder) != NULL);
    (void)snprintf(sub, sizeof sub, "%s/a/b", folder); /* made with the folders above it */
    (void)setenv("TN_CACHE", sub, 1);
    CHECK(kept("driver 1", "text", NULL));
    kit_cache_put(&k, "text", "program", 7);
    CHECK(kept("driver 1", "text", "program"));
    CHECK(kept("driver 2", "text", NULL) && kept("driver 1", "other text", NULL) && kept("", "text", NULL));
    CHECK(cache_file(path, sizeof path) != NULL);
    CHECK(truncate(path, 40) == 0 && kept("driver 1", "text", NULL)); /* a file that is cut */
    kit_cache_put(&k, "text", "program", 7);                           /* is written again */
    CHECK(kept("driver 1", "text", "program"));
    FILE *f = fopen(path, "r+b"); /* another text under the same name */
    CHECK(f && fseek(f, (long)sizeof(kit_cache_head) + 9, SEEK_SET) == 0 && fputc('X', f) == 'X' && fclose(f) == 0);
    CHECK(kept("driver 1", "text", NULL));
    kit_cache_put(&k, "text", "program", 7);
    CHECK(chmod(sub, 0777) == 0 && kept("driver 1", "text", NULL)); /* others may write there */
    CHECK(chmod(sub, 0700) == 0 && kept("driver 1", "text", "program"));
    (void)setenv("TN_CACHE", "", 1);
    CHECK(kept("driver 1", "text", NULL));
    CHECK(unlink(path) == 0 && rmdir(sub) == 0);
    (void)snprintf(sub, sizeof sub, "%s/a", folder);
    CHECK(rmdir(sub) == 0 && rmdir(folder) == 0);
    (void)unsetenv("TN_CACHE");
}
/* A plugin built against an older header reads these as numbers out of attributes. */
TEST(numbers_that_plugins_read_stay) {
    CHECK(TN__RED_SUM == 0 && TN__RED_MEAN == 1 && TN__RED_PROD == 2 && TN__RED_AMAX == 3 && TN__RED_AMIN == 4 && TN__RED_ANY == 5 && TN__RED_ALL == 6 && TN__RED_COUNT == 7);
    CHECK(TN__RNN_TANH == 0 && TN__RNN_RELU == 1 && TN__RNN_LSTM == 2 && TN__RNN_GRU == 3);
    CHECK(TN__DRAW_UNIFORM == 0 && TN__DRAW_NORMAL == 1 && TN__DRAW_BERNOULLI == 2 && TN__DRAW_RANDOM == 3 && TN__DRAW_EXPONENTIAL == 4);
    CHECK(TN__SC_GATHER == 0 && TN__SC_SET == 1 && TN__SC_SUM == 2 && TN__SC_PROD == 3 && TN__SC_MEAN == 4 && TN__SC_AMAX == 5 && TN__SC_AMIN == 6);
    CHECK(TN__KIND_SGD == 0 && TN__KIND_ADAM == 1 && TN__KIND_ADAMW == 2 && TN__KIND_RMSPROP == 3 && TN__KIND_ADAGRAD == 4);
}
RUN_ALL
