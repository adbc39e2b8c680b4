/* Order, as PyTorch 2.15 gives it: NaN above all, stable, along any dim. And multinomial, whose code stands here. */
#include "tn_test.h"
#define of tn_test_of
static const char *const X = "f32 [2, 4] 3 nan -1 3 -inf 0 inf 0";

TEST(sorts_along_each_dim) {
    static const struct { int dim; bool descending; const char *values, *indices; } c[] = {
        {-1, false, "f32 [2, 4] -1 3 3 nan -inf 0 0 inf", "i64 [2, 4] 2 0 3 1 0 1 3 2"},
        {1, true, "f32 [2, 4] nan 3 3 -1 inf 0 0 -inf", "i64 [2, 4] 1 0 3 2 2 1 3 0"},
        {0, false, "f32 [2, 4] -inf 0 -1 0 3 nan inf 3", "i64 [2, 4] 1 1 0 1 0 0 1 0"},
        {-2, true, "f32 [2, 4] 3 nan inf 3 -inf 0 -1 0", "i64 [2, 4] 0 0 1 0 1 1 0 1"},
    };
    for (size_t k = 0; k < sizeof c / sizeof *c; k++) {
        tn_tensor *x = of(X), *crossed = tn_transpose(tn_contiguous(tn_t(x)), 0, 1);
        const tn_values_indices a = tn_sort(x, c[k].dim, c[k].descending, true), b = tn_sort(crossed, c[k].dim, c[k].descending, false);
        CHECK_IS(a.values, c[k].values);
        CHECK_IS(a.indices, c[k].indices);
        CHECK_IS(b.values, c[k].values);
        CHECK_IS(b.indices, c[k].indices);
        CHECK_IS(tn_argsort(x, c[k].dim, c[k].descending, true), c[k].indices);
    }
}
TEST(sorts_every_dtype_nothing_and_no_dims) {
    static const char *const dtypes[] = {"u8", "i8", "i16", "i32", "i64", "f16", "bf16", "f32", "f64"};
    for (size_t k = 0; k < sizeof dtypes / sizeof *dtypes; k++) {
        char in[32], want[32];
        snprintf(in, sizeof in, "%s [4] 9 2 7 2", dtypes[k]);
        snprintf(want, sizeof want, "%s [4] 2 2 7 9", dtypes[k]);
        CHECK_IS(tn_sort(of(in), 0, false, false).values, want);
    }
    CHECK_IS(tn_sort(of("bool [3] 1 0 1"), 0, false, true).values, "bool [3] 0 1 1");
    CHECK_IS(tn_sort(of("i8 [3] -128 127 0"), 0, true, true).values, "i8 [3] 127 0 -128");
    const tn_values_indices s = tn_sort(tn_scalar(4, NULL), -1, false, false), none = tn_sort(of("f32 [0, 3]"), 1, false, false);
    CHECK_IS(s.values, "f32 [] 4");
    CHECK_IS(s.indices, "i64 [] 0");
    CHECK_IS(none.values, "f32 [0, 3]");
    CHECK_IS(none.indices, "i64 [0, 3]");
    CHECK(tn_item_i64(tn_select(tn_sort(tn_stack((tn_tensor *[]){tn_scalar_i64(INT64_MAX), tn_scalar_i64(INT64_MAX - 1)}, 2, 0), 0, false, false).values, 0, 0)) == INT64_MAX - 1); /* not by way of double */
}
TEST(minus_zero_equals_zero) {
    const tn_values_indices r = tn_sort(of("f32 [3] 0 -0 0"), 0, true, true);
    CHECK_IS(r.indices, "i64 [3] 0 1 2");
    CHECK(signbit(tn_at(r.values, (int64_t[]){1}, 1)));
}
TEST(sort_is_a_permutation_and_orders) {
    tn_manual_seed(2);
    tn_tensor *x = tn_randint(0, 50, (int64_t[]){40, 33}, 2, NULL);
    for (int dim = 0; dim < 2; dim++) {
        TN_SCOPE;
        const tn_values_indices r = tn_sort(x, dim, false, true);
        const int64_t n = tn_size(x, dim);
        CHECK(tn_item(tn_all(tn_eq(tn_gather(x, dim, r.indices), r.values), NULL)) == 1);
        CHECK(tn_item(tn_all(tn_eq(tn_scatter(tn_zeros_like(x, NULL), dim, r.indices, r.values), x), NULL)) == 1); /* back again */
        tn_tensor *low = tn_narrow(r.values, dim, 0, n - 1), *high = tn_narrow(r.values, dim, 1, n - 1);
        tn_tensor *first = tn_narrow(r.indices, dim, 0, n - 1), *second = tn_narrow(r.indices, dim, 1, n - 1);
        CHECK(tn_item(tn_all(tn_le(low, high), NULL)) == 1);
        CHECK(tn_item(tn_all(tn_logical_or(tn_lt(low, high), tn_lt(first, second)), NULL)) == 1); /* stable */
        const tn_values_indices top = tn_topk(x, 5, &(tn_topk_opts){.dim = dim, .has_dim = true, .smallest = true});
        CHECK(tn_item(tn_all(tn_eq(top.values, tn_narrow(r.values, dim, 0, 5)), NULL)) == 1);
    }
}
TEST(topk_of_either_end) {
    tn_tensor *y = of("f32 [2, 5] 1 5 2 4 3 nan 0 -1 7 inf");
    tn_values_indices r = tn_topk(y, 2, NULL);
    CHECK_IS(r.values, "f32 [2, 2] 5 4 nan inf");
    CHECK_IS(r.indices, "i64 [2, 2] 1 3 0 4");
    r = tn_topk(y, 3, &(tn_topk_opts){.smallest = true});
    CHECK_IS(r.values, "f32 [2, 3] 1 2 3 -1 0 7");
    CHECK_IS(r.indices, "i64 [2, 3] 0 2 4 2 1 3");
    r = tn_topk(y, 1, &(tn_topk_opts){.dim = 0, .has_dim = true});
    CHECK_IS(r.values, "f32 [1, 5] nan 5 2 7 inf");
    CHECK_IS(r.indices, "i64 [1, 5] 1 0 0 1 1");
    CHECK_IS(tn_topk(y, 0, NULL).values, "f32 [2, 0]");
    CHECK_IS(tn_topk(tn_scalar(1, NULL), 1, NULL).indices, "i64 [] 0");
    tn_tensor *w = tn_requires_grad_(of("f32 [4] 4 1 3 2"), true);
    CHECK(tn_backward(tn_sum(tn_topk(w, 2, NULL).values, NULL)) == TN_OK);
    CHECK_IS(tn_grad(w), "f32 [4] 1 0 1 0");
}
TEST(unique_flat_and_by_slices) {
    tn_unique_result r = tn_unique(of("i64 [2, 4] 3 1 3 2 1 1 9 3"), &(tn_unique_opts){.return_inverse = true, .return_counts = true});
    CHECK_IS(r.output, "i64 [4] 1 2 3 9");
    CHECK_IS(r.inverse, "i64 [2, 4] 2 0 2 1 0 0 3 2");
    CHECK_IS(r.counts, "i64 [4] 3 1 3 1");
    r = tn_unique(of("f32 [2, 4] 2 1 2 1 5 4 5 3"), &(tn_unique_opts){.return_inverse = true, .return_counts = true, .dim = -1, .has_dim = true});
    CHECK_IS(r.output, "f32 [2, 3] 1 1 2 3 4 5");
    CHECK_IS(r.inverse, "i64 [4] 2 1 2 0");
    CHECK_IS(r.counts, "i64 [3] 1 1 2");
    r = tn_unique(tn_t(of("f32 [2, 4] 2 1 2 1 5 4 5 3")), &(tn_unique_opts){.dim = 0, .has_dim = true}); /* the same slices, crossed */
    CHECK_IS(r.output, "f32 [3, 2] 1 3 1 4 2 5");
    CHECK(!r.inverse && !r.counts);
    CHECK_IS(tn_unique(of("f32 [4] nan 1 nan 1"), NULL).output, "f32 [3] 1 nan nan");
    CHECK_IS(tn_unique(of("bool [3] 1 0 1"), NULL).output, "bool [2] 0 1");
    CHECK_IS(tn_unique(of("f32 [0]"), NULL).output, "f32 [0]");
    CHECK_IS(tn_unique(tn_scalar(5, NULL), NULL).output, "f32 [1] 5");
}
TEST(searchsorted_left_right_and_through_a_sorter) {
    tn_tensor *a = of("f32 [5] 1 3 3 5 7"), *v = of("f32 [2, 3] 0 3 4 7 8 nan");
    CHECK_IS(tn_searchsorted(a, v, NULL), "i64 [2, 3] 0 1 3 4 5 5");
    CHECK_IS(tn_searchsorted(a, v, &(tn_searchsorted_opts){.right = true, .out_int32 = true}), "i32 [2, 3] 0 3 3 5 5 5");
    CHECK_IS(tn_searchsorted(of("f32 [2, 3] 1 2 3 10 20 30"), tn_t(of("f32 [2, 2] 2 20 9 9")), NULL), "i64 [2, 2] 1 3 1 0");
    CHECK_IS(tn_searchsorted(of("f32 [3] 5 1 3"), of("f32 [2] 2 4"), &(tn_searchsorted_opts){.sorter = of("i64 [3] 1 2 0")}), "i64 [2] 1 2");
    CHECK_IS(tn_searchsorted(of("f32 [0]"), of("f32 [2] 2 4"), NULL), "i64 [2] 0 0");
    CHECK_IS(tn_searchsorted(a, tn_scalar(4, NULL), NULL), "i64 [] 3");
}
TEST(multinomial_draws_by_weight) {
    CPU_DRAWS;
    tn_manual_seed(0);
    tn_tensor *p = of("f32 [2, 3] 1 0 3 0 2 0");
    CHECK_IS(tn_multinomial(p, 6, true, NULL), "i64 [2, 6] 2 2 2 2 2 2 1 1 1 1 1 1");
    CHECK_IS(tn_multinomial(of("f32 [5] 1 2 3 4 5"), 5, false, NULL), "i64 [5] 4 3 2 0 1");
    CHECK_IS(tn_multinomial(p, 1, false, NULL), "i64 [2, 1] 0 1");
    CHECK_IS(tn_multinomial(of("f32 [0, 3]"), 2, true, NULL), "i64 [0, 2]");
}
TEST(what_is_refused) {
    tn_tensor *x = of(X), *complex = tn_to_dtype(x, TN_C64), *a = of("f32 [3] 1 2 3");
    CHECK_ERROR(tn_sort(NULL, 0, false, false).values, TN_ERR_INVALID);
    CHECK_ERROR(tn_sort(x, 2, false, false).values, TN_ERR_INDEX);
    CHECK_ERROR(tn_sort(complex, 0, false, false).values, TN_ERR_DTYPE);
    CHECK_ERROR(tn_argsort(NULL, 0, false, false), TN_ERR_INVALID);
    CHECK_ERROR(tn_argsort(x, -3, false, false), TN_ERR_INDEX);
    CHECK_ERROR(tn_topk(NULL, 1, NULL).values, TN_ERR_INVALID);
    CHECK_ERROR(tn_topk(x, 5, NULL).values, TN_ERR_INDEX);
    CHECK_ERROR(tn_topk(x, -1, NULL).values, TN_ERR_INVALID);
    CHECK_ERROR(tn_topk(x, 1, &(tn_topk_opts){.dim = 2, .has_dim = true}).values, TN_ERR_INDEX);
    CHECK_ERROR(tn_topk(tn_scalar(1, NULL), 2, NULL).values, TN_ERR_INDEX);
    CHECK_ERROR(tn_unique(NULL, NULL).output, TN_ERR_INVALID);
    CHECK_ERROR(tn_unique(x, &(tn_unique_opts){.dim = 2, .has_dim = true}).output, TN_ERR_INDEX);
    CHECK_ERROR(tn_unique(complex, NULL).output, TN_ERR_DTYPE);
    CHECK_ERROR(tn_searchsorted(NULL, a, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_searchsorted(a, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_searchsorted(tn_scalar(1, NULL), a, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_searchsorted(x, a, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_searchsorted(complex, complex, NULL), TN_ERR_DTYPE);
    CHECK_ERROR(tn_searchsorted(a, a, &(tn_searchsorted_opts){.sorter = of("i64 [3] 0 1 3")}), TN_ERR_INDEX);
    CHECK_ERROR(tn_searchsorted(a, a, &(tn_searchsorted_opts){.sorter = of("i64 [2] 0 1")}), TN_ERR_SHAPE);
    CHECK_ERROR(tn_multinomial(NULL, 1, false, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_multinomial(tn_scalar(1, NULL), 1, false, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_multinomial(a, 0, true, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_multinomial(a, 4, false, NULL), TN_ERR_INVALID);
    static const char *const bad[] = {"f32 [2] -1 2", "f32 [2] nan 1", "f32 [2] inf 1", "f32 [2] 0 0", "f32 [2, 2] 1 1 0 0"};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        CHECK_ERROR(tn_multinomial(of(bad[k]), 1, false, NULL), TN_ERR_INVALID);
        CHECK_ERROR(tn_multinomial(of(bad[k]), 2, true, NULL), TN_ERR_INVALID);
    }
}
/* Whether b may follow a in a stable order. */
static bool follows(double a, int64_t at, double b, int64_t bt, bool descending) {
    const double low = descending ? b : a, high = descending ? a : b;
    if ((isnan(low) && isnan(high)) || low == high) return at < bt;
    return isnan(high) || low < high;
}
TEST(long_rows_are_sorted_stably_in_every_dtype) {
    HOST_ONLY;
    static const char *const dtypes[] = {"u8", "i8", "i16", "i32", "i64", "f16", "bf16", "f32", "f64"};
    static const int64_t lengths[] = {1023, 1024, 1025, 65536, 65537, 140000};
    for (int k = 0; k < 54; k++) {
        TN_SCOPE;
        char spec[16];
        const int64_t shape[2] = {2, lengths[k % 6]};
        snprintf(spec, sizeof spec, "%s [1] 0", dtypes[k / 6]);
        tn_manual_seed((uint64_t)k);
        const tn_dtype dt = tn_get_dtype(of(spec));
        tn_tensor *draw = tn_mul(tn_randn(shape, 2, NULL), k % 2 ? 1000 : 3);
        const bool floating = k / 6 > 4;
        if (floating) tn_fill_(tn_slice(draw, 1, 3, shape[1], 7), NAN), tn_fill_(tn_slice(draw, 1, 4, shape[1], 7), -0.0), tn_fill_(tn_slice(draw, 1, 5, shape[1], 7), 0), tn_fill_(tn_slice(draw, 1, 6, shape[1], 70), -INFINITY);
        else draw = tn_fmod(draw, 100.0);
        tn_tensor *x = tn_to_dtype(draw, dt);
        for (int descending = 0; descending < 2; descending++) {
            const tn_values_indices r = tn_sort(x, 1, descending, true), top = tn_topk(x, 5, &(tn_topk_opts){.smallest = !descending});
            const double *v = tn_data(tn_to_dtype(r.values, TN_F64));
            const int64_t *i = tn_data(r.indices);
            tn_tensor *taken = tn_gather(x, 1, r.indices);
            CHECK(memcmp(tn_data(taken), tn_data(r.values), (size_t)(2 * shape[1]) * (size_t)tn_dtype_size(dt)) == 0);
            CHECK(tn_item(tn_all(tn_eq(top.indices, tn_narrow(r.indices, 1, 0, 5)), NULL)) == 1);
            int64_t bad = 0;
            for (int64_t j = 1; j < 2 * shape[1]; j++) bad += j != shape[1] && !follows(v[j - 1], i[j - 1], v[j], i[j], descending);
            if (bad) TN_TEST_FAIL("%s, %d elements: %d out of order", dtypes[k / 6], (int)shape[1], (int)bad);
        }
    }
}
RUN_ALL
