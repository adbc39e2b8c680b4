/* Elements by index: what the op samples of tests/conform do not reach (compressed rows, bad input). */
#include "tn_test.h"

static tn_tensor *places(const int64_t *v, int64_t n) { return tn_from(v, &n, 1, &(tn_tensor_opts){.dtype = TN_I64}); }

/* torch.sparse_csr_tensor([0, 2, 2, 4], [1, 0, 2, 1], [1, 2, 3, 4], (3, 3)) @ x, x = [[1, 2], [3, 4], [5, 6]] */
TEST(compressed_rows_times_a_matrix) {
    const int64_t crow[4] = {0, 2, 2, 4}, col[4] = {1, 0, 2, 1}, four = 4, s32[2] = {3, 2}, s02[2] = {0, 2};
    const float v[4] = {1, 2, 3, 4}, x[6] = {1, 2, 3, 4, 5, 6}, want[6] = {5, 8, 0, 0, 27, 34}, ones[6] = {4, 6, 0, 0, 8, 10};
    const tn_dtype dtypes[4] = {TN_F32, TN_F64, TN_F16, TN_BF16};
    for (int d = 0; d < 4; d++) {
        tn_tensor *tx = tn_to_dtype(tn_test_f32(x, s32, 2), dtypes[d]), *tv = tn_to_dtype(tn_test_f32(v, &four, 1), dtypes[d]);
        tn_tensor *y = tn_sparse_mm(places(crow, 4), places(col, 4), tv, tx), *plain = tn_sparse_mm(tn_to_dtype(places(crow, 4), TN_I32), places(col, 4), NULL, tx);
        CHECK(y && tn_get_dtype(y) == dtypes[d]);
        for (int64_t i = 0; y && plain && i < 6; i++) {
            const int64_t at[2] = {i / 2, i % 2};
            CHECK_NEAR(tn_at(y, at, 2), want[i], 0);
            CHECK_NEAR(tn_at(plain, at, 2), ones[i], 0);
        }
    }
    const int64_t zero = 0;
    tn_tensor *none = tn_sparse_mm(places(&zero, 1), places(NULL, 0), NULL, tn_ones(s32, 2, NULL));
    CHECK(none && tn_size(none, 0) == 0 && tn_size(none, 1) == 2);
    const int64_t empty_rows[3] = {0, 0, 0};
    none = tn_sparse_mm(places(empty_rows, 3), places(NULL, 0), NULL, tn_ones(s02, 2, NULL));
    CHECK(none && tn_item(tn_sum(none, NULL)) == 0 && tn_numel(none) == 4);
}
TEST(compressed_rows_that_are_wrong) {
    const int64_t crow[4] = {0, 2, 2, 4}, falls[4] = {0, 3, 2, 4}, late[4] = {1, 2, 2, 4}, brief[4] = {0, 2, 2, 3}, col[4] = {1, 0, 2, 1}, far[4] = {1, 0, 3, 1}, less[4] = {1, 0, -1, 1}, s32[2] = {3, 2};
    tn_tensor *x = tn_ones(s32, 2, NULL), *c = places(col, 4);
    CHECK_ERROR(tn_sparse_mm(places(falls, 4), c, NULL, x), TN_ERR_INDEX);
    CHECK_ERROR(tn_sparse_mm(places(late, 4), c, NULL, x), TN_ERR_INDEX);
    CHECK_ERROR(tn_sparse_mm(places(brief, 4), c, NULL, x), TN_ERR_INDEX);
    CHECK_ERROR(tn_sparse_mm(places(crow, 4), places(far, 4), NULL, x), TN_ERR_INDEX);
    CHECK_ERROR(tn_sparse_mm(places(crow, 4), places(less, 4), NULL, x), TN_ERR_INDEX);
    CHECK_ERROR(tn_sparse_mm(places(crow, 4), c, tn_select(x, 1, 0), x), TN_ERR_SHAPE);
    CHECK_ERROR(tn_sparse_mm(places(crow, 4), c, NULL, tn_select(x, 1, 0)), TN_ERR_SHAPE);
    CHECK_ERROR(tn_sparse_mm(places(crow, 4), c, c, x), TN_ERR_DTYPE);
    CHECK_ERROR(tn_sparse_mm(x, c, NULL, x), TN_ERR_DTYPE);
    CHECK_ERROR(tn_sparse_mm(NULL, c, NULL, x), TN_ERR_INVALID);
    CHECK_ERROR(tn_sparse_mm(places(crow, 4), c, NULL, NULL), TN_ERR_INVALID);
}
RUN_ALL
