/* What the kit of accel/ would launch: a backend that keeps the last kernel's text, and operands that are never read. */
#define TN_STATIC
#define TENSOR_IMPLEMENTATION
#include "tn_test.h"
#include "../accel/ops.h"

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
RUN_ALL
