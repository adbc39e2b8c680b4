/* Reductions over all dims, some, or none: what PyTorch 2.15 gives, in text (see CHECK_IS), and what it refuses. */
#include "tn_test.h"
#define of tn_test_of
#define DIM(d) (&(tn_reduce_opts){.dim = (d), .has_dim = true})
#define KEEP(d) (&(tn_reduce_opts){.dim = (d), .has_dim = true, .keepdim = true})
#define DTYPE(t) (&(tn_reduce_opts){.dtype = (t)})
static const char *const X = "f32 [2, 3] 3 -1 2 0 5 -4", *const W = "f32 [2, 3] 1 nan 2 inf -inf 5", *const I = "i32 [2, 3] 3 -1 2 0 5 -4", *const B = "bool [2, 3] 1 0 1 1 1 1", *const NONE = "f32 [0, 3]";
typedef tn_tensor *(*reduction)(tn_tensor *x, const tn_reduce_opts *opts);

TEST(each_reduction_over_all_one_and_kept_dims) {
    static const struct { reduction fn; const char *all, *rows, *columns; } c[] = { /* all; dim 1; dim -2 kept */
        {tn_sum, "f32 [] 5", "f32 [2] 4 1", "f32 [1, 3] 3 4 -2"},
        {tn_mean, "f32 [] 0.8333333", "f32 [2] 1.333333 0.3333333", "f32 [1, 3] 1.5 2 -1"},
        {tn_prod, "f32 [] 0", "f32 [2] -6 -0", "f32 [1, 3] 0 -5 -8"},
        {tn_amax, "f32 [] 5", "f32 [2] 3 5", "f32 [1, 3] 3 5 2"},
        {tn_amin, "f32 [] -4", "f32 [2] -1 -4", "f32 [1, 3] 0 -1 -4"},
        {tn_any, "bool [] 1", "bool [2] 1 1", "bool [1, 3] 1 1 1"},
        {tn_all, "bool [] 0", "bool [2] 1 0", "bool [1, 3] 0 1 1"},
        {tn_count_nonzero, "i64 [] 5", "i64 [2] 3 2", "i64 [1, 3] 1 2 2"},
        {tn_logsumexp, "f32 [] 5.177696", "f32 [2] 3.326563 5.006838", "f32 [1, 3] 3.048587 5.002476 2.002476"},
        {tn_argmax, "i64 [] 4", "i64 [2] 0 1", "i64 [1, 3] 0 1 0"},
        {tn_argmin, "i64 [] 5", "i64 [2] 1 2", "i64 [1, 3] 1 0 1"},
    };
    for (size_t k = 0; k < sizeof c / sizeof *c; k++) {
        tn_tensor *x = of(X), *crossed = tn_transpose(tn_contiguous(tn_t(x)), 0, 1); /* the same, stored by columns */
        CHECK_IS(c[k].fn(x, NULL), c[k].all);
        CHECK_IS(c[k].fn(x, DIM(1)), c[k].rows);
        CHECK_IS(c[k].fn(x, KEEP(-2)), c[k].columns);
        CHECK(!tn_is_contiguous(crossed));
        CHECK_IS(c[k].fn(crossed, NULL), c[k].all);
        CHECK_IS(c[k].fn(crossed, DIM(-1)), c[k].rows);
        CHECK_IS(c[k].fn(crossed, KEEP(0)), c[k].columns);
    }
}
TEST(nan_and_infinities) {
    tn_tensor *w = of(W);
    CHECK_IS(tn_sum(w, DIM(1)), "f32 [2] nan nan");
    CHECK_IS(tn_amax(w, DIM(1)), "f32 [2] nan inf");
    CHECK_IS(tn_amin(w, DIM(0)), "f32 [3] 1 nan 2");
    CHECK_IS(tn_argmax(w, DIM(0)), "i64 [3] 1 0 1");
    CHECK_IS(tn_argmin(w, NULL), "i64 [] 1");
    CHECK_IS(tn_any(of("f32 [2] 0 nan"), NULL), "bool [] 1");
    CHECK_IS(tn_count_nonzero(w, DIM(0)), "i64 [3] 2 2 2");
    CHECK_IS(tn_logsumexp(w, DIM(0)), "f32 [3] inf nan 5.048587");
    CHECK_IS(tn_logsumexp(of("f32 [3] -inf -inf -inf"), NULL), "f32 [] -inf");
    CHECK_IS(tn_logsumexp(of("f32 [2] 1000 1000"), NULL), "f32 [] 1000.693");
    CHECK_IS(tn_softmax(w, 0, TN_DTYPE_DEFAULT), "f32 [2, 3] nan nan 0.04742587 nan nan 0.9525741");
    CHECK_IS(tn_softmax(of("f32 [2] -inf -inf"), 0, TN_DTYPE_DEFAULT), "f32 [2] nan nan");
    CHECK_IS(tn_cumsum(w, 1, TN_DTYPE_DEFAULT), "f32 [2, 3] 1 nan nan inf nan nan");
}
TEST(the_first_of_equal_extremes) {
    tn_tensor *t = of("f32 [2, 4] 7 1 7 1 2 2 2 2");
    CHECK_IS(tn_argmax(t, DIM(1)), "i64 [2] 0 0");
    CHECK_IS(tn_argmin(t, DIM(1)), "i64 [2] 1 0");
    tn_values_indices m = tn_max_dim(t, 1, false), k = tn_min_dim(t, -2, true);
    CHECK_IS(m.values, "f32 [2] 7 2");
    CHECK_IS(m.indices, "i64 [2] 0 0");
    CHECK_IS(k.values, "f32 [1, 4] 2 1 2 1");
    CHECK_IS(k.indices, "i64 [1, 4] 1 0 1 0");
    m = tn_max_dim(of(W), 1, false);
    CHECK_IS(m.values, "f32 [2] nan inf");
    CHECK_IS(m.indices, "i64 [2] 1 0");
    m = tn_max_dim(tn_scalar(5, NULL), -1, false);
    CHECK_IS(m.values, "f32 [] 5");
    CHECK_IS(m.indices, "i64 [] 0");
    CHECK_IS(tn_max(t), "f32 [] 7");
    CHECK_IS(tn_min(t), "f32 [] 1");
    CHECK_IS(tn_max(of(B)), "bool [] 1");
    CHECK_IS(tn_min(of("u8 [2] 255 3")), "u8 [] 3");
}
TEST(a_tie_shares_amax_and_gives_max_to_the_first) {
    tn_tensor *t = tn_requires_grad_(of("f32 [4] 7 1 7 0"), true);
    CHECK(tn_backward(tn_max(t)) == TN_OK);
    CHECK_IS(tn_grad(t), "f32 [4] 0.5 0 0.5 0");
    tn_set_grad(t, NULL);
    CHECK(tn_backward(tn_max_dim(t, 0, false).values) == TN_OK);
    CHECK_IS(tn_grad(t), "f32 [4] 1 0 0 0");
}
TEST(dtypes_of_results) {
    CHECK_IS(tn_sum(of(I), DIM(0)), "i64 [3] 3 4 -2");
    CHECK_IS(tn_sum(of(B), NULL), "i64 [] 5");
    CHECK_IS(tn_prod(of(B), NULL), "i64 [] 0");
    CHECK_IS(tn_prod(of(I), DIM(1)), "i64 [2] -6 0");
    CHECK_IS(tn_amax(of(I), DIM(1)), "i32 [2] 3 5");
    CHECK_IS(tn_any(of("u8 [2] 0 3"), NULL), "u8 [] 1");
    CHECK_IS(tn_all(of("i16 [2] 0 3"), NULL), "bool [] 0");
    CHECK_IS(tn_logsumexp(of(I), DIM(1)), "f32 [2] 3.326563 5.006838");
    CHECK_IS(tn_cumsum(of(B), 0, TN_DTYPE_DEFAULT), "i64 [2, 3] 1 0 1 2 1 2");
    CHECK_IS(tn_cumsum(of(I), 1, TN_F64), "f64 [2, 3] 3 2 4 0 5 1");
    CHECK_IS(tn_sum(of("u8 [2] 200 100"), DTYPE(TN_U8)), "u8 [] 44");
    CHECK_IS(tn_mean(of(I), DTYPE(TN_F32)), "f32 [] 0.8333333");
    CHECK_IS(tn_sum(of("f16 [2] 60000 60000"), DTYPE(TN_F32)), "f32 [] 120000");
    CHECK_IS(tn_sum(of("f16 [3] 60000 60000 -60000"), NULL), "f16 [] 60000");
    CHECK_IS(tn_mean(of("bf16 [3] 1 2 4"), NULL), "bf16 [] 2.328125");
    CHECK_IS(tn_softmax(of(I), -1, TN_F64), "f64 [2, 3] 0.7213992 0.01321289 0.2653879 0.006692031 0.9931854 0.0001225688");
    CHECK(tn_item_i64(tn_sum(tn_full(&(int64_t){3}, 1, 4611686018427387904.0, &(tn_tensor_opts){.dtype = TN_I64}), NULL)) == -4611686018427387904LL); /* wraps, as PyTorch's */
}
TEST(several_dims) {
    tn_tensor *x = tn_reshape(tn_arange(0, 24, 1, &(tn_tensor_opts){.dtype = TN_F32}), (int64_t[]){2, 3, 4}, 3);
    CHECK_IS(tn_sum(x, &(tn_reduce_opts){.dims = {0, -1}, .n_dims = 2}), "f32 [3] 60 92 124");
    CHECK_IS(tn_amax(x, &(tn_reduce_opts){.dims = {-2, 0}, .n_dims = 2, .keepdim = true}), "f32 [1, 1, 4] 20 21 22 23");
    CHECK_IS(tn_mean(tn_permute(x, (int[]){2, 0, 1}, 3), &(tn_reduce_opts){.dims = {0, 2}, .n_dims = 2}), "f32 [2] 5.5 17.5");
    CHECK_IS(tn_var(x, &(tn_var_opts){.dims = {0, 2}, .n_dims = 2}), "f32 [3] 42.57143 42.57143 42.57143");
    CHECK_IS(tn_logsumexp(x, &(tn_reduce_opts){.dims = {0, 1}, .n_dims = 2}), "f32 [4] 20.01849 21.01849 22.01849 23.01849");
    CHECK_IS(tn_sum(tn_expand(tn_scalar(2, NULL), (int64_t[]){3, 4}, 2), DIM(0)), "f32 [4] 6 6 6 6"); /* strides of 0 */
}
TEST(nothing_and_no_dims) {
    tn_tensor *e = of(NONE), *s = tn_scalar(3, NULL);
    CHECK_IS(tn_sum(e, DIM(0)), "f32 [3] 0 0 0");
    CHECK_IS(tn_sum(e, DIM(1)), "f32 [0]");
    CHECK_IS(tn_prod(e, NULL), "f32 [] 1");
    CHECK_IS(tn_mean(e, DIM(0)), "f32 [3] nan nan nan");
    CHECK_IS(tn_any(e, NULL), "bool [] 0");
    CHECK_IS(tn_all(e, DIM(0)), "bool [3] 1 1 1");
    CHECK_IS(tn_count_nonzero(e, NULL), "i64 [] 0");
    CHECK_IS(tn_logsumexp(e, DIM(0)), "f32 [3] -inf -inf -inf");
    CHECK_IS(tn_var(e, NULL), "f32 [] nan");
    CHECK_IS(tn_amax(e, DIM(1)), "f32 [0]");
    CHECK_IS(tn_argmin(e, DIM(1)), "i64 [0]");
    CHECK_IS(tn_cumsum(e, 0, TN_DTYPE_DEFAULT), "f32 [0, 3]");
    CHECK_IS(tn_softmax(e, 0, TN_DTYPE_DEFAULT), "f32 [0, 3]");
    CHECK_IS(tn_log_softmax(e, 1, TN_DTYPE_DEFAULT), "f32 [0, 3]");
    CHECK_IS(tn_linalg_vector_norm(e, 2, NULL), "f32 [] 0");
    CHECK_ERROR(tn_amax(e, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_amin(e, DIM(0)), TN_ERR_SHAPE);
    CHECK_ERROR(tn_max(e), TN_ERR_SHAPE);
    CHECK_ERROR(tn_argmax(e, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_argmin(e, DIM(0)), TN_ERR_SHAPE);
    CHECK_ERROR(tn_max_dim(e, 0, false).values, TN_ERR_SHAPE);
    CHECK_ERROR(tn_linalg_vector_norm(e, INFINITY, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_linalg_vector_norm(e, -1, NULL), TN_ERR_SHAPE);
    CHECK_IS(tn_sum(s, NULL), "f32 [] 3");
    CHECK_IS(tn_sum(s, KEEP(0)), "f32 [] 3");
    CHECK_IS(tn_mean(s, DIM(-1)), "f32 [] 3");
    CHECK_IS(tn_argmax(s, DIM(0)), "i64 [] 0");
    CHECK_IS(tn_logsumexp(s, DIM(0)), "f32 [] 3");
    CHECK_IS(tn_var(s, NULL), "f32 [] nan");
    CHECK_IS(tn_cumsum(s, -1, TN_DTYPE_DEFAULT), "f32 [] 3");
    CHECK_IS(tn_softmax(s, 0, TN_DTYPE_DEFAULT), "f32 [] 1");
    CHECK_IS(tn_linalg_vector_norm(tn_neg(s), 3, NULL), "f32 [] 3");
}
TEST(moments) {
    tn_tensor *x = of(X);
    CHECK_IS(tn_var(x, NULL), "f32 [] 10.16667");
    CHECK_IS(tn_var(x, &(tn_var_opts){.dim = 1, .has_dim = true, .correction = TN_ZERO}), "f32 [2] 2.888889 13.55556");
    CHECK_IS(tn_std(x, &(tn_var_opts){.dim = -2, .has_dim = true, .keepdim = true}), "f32 [1, 3] 2.12132 4.24264 4.24264");
    CHECK_IS(tn_std(x, &(tn_var_opts){.correction = 2.5}), "f32 [] 3.811012");
    CHECK_IS(tn_var(tn_ones((int64_t[]){2}, 1, NULL), &(tn_var_opts){.correction = 5}), "f32 [] nan");
    CHECK_IS(tn_var(of("f32 [2] 1 2"), &(tn_var_opts){.correction = 5}), "f32 [] inf");
    CHECK_IS(tn_var(of(W), &(tn_var_opts){.dim = 0, .has_dim = true}), "f32 [3] nan nan 4.5");
    const tn_var_mean_result r = tn_var_mean(x, &(tn_var_opts){.dim = 1, .has_dim = true});
    CHECK_IS(r.var, "f32 [2] 4.333333 20.33333");
    CHECK_IS(r.mean, "f32 [2] 1.333333 0.3333333");
    CHECK_IS(tn_var(of("f64 [3] 1000000001 1000000002 1000000003"), NULL), "f64 [] 1"); /* no cancellation */
}
TEST(norms) {
    static const struct { double ord; const char *all, *rows; } c[] = {
        {0, "f32 [] 5", "f32 [2] 3 2"},
        {1, "f32 [] 15", "f32 [2] 6 9"},
        {2, "f32 [] 7.416198", "f32 [2] 3.741657 6.403124"},
        {2.5, "f32 [] 6.558267", "f32 [2] 3.458561 5.992374"},
        {-1, "f32 [] 0", "f32 [2] 0.5454546 0"},
        {INFINITY, "f32 [] 5", "f32 [2] 3 5"},
        {-INFINITY, "f32 [] 0", "f32 [2] 1 0"},
    };
    for (size_t k = 0; k < sizeof c / sizeof *c; k++) {
        CHECK_IS(tn_linalg_vector_norm(of(X), c[k].ord, NULL), c[k].all);
        CHECK_IS(tn_linalg_vector_norm(of(X), c[k].ord, DIM(1)), c[k].rows);
    }
    CHECK_IS(tn_linalg_vector_norm(of("f16 [2] 300 400"), 2, NULL), "f16 [] 500"); /* the squares need f32 */
}
TEST(running_sums_and_softmax) {
    tn_tensor *x = of(X), *crossed = tn_t(x);
    CHECK_IS(tn_cumsum(x, 0, TN_DTYPE_DEFAULT), "f32 [2, 3] 3 -1 2 3 4 -2");
    CHECK_IS(tn_cumsum(x, -1, TN_DTYPE_DEFAULT), "f32 [2, 3] 3 2 4 0 5 1");
    CHECK_IS(tn_cumsum(crossed, 0, TN_DTYPE_DEFAULT), "f32 [3, 2] 3 0 2 5 4 1");
    CHECK_IS(tn_softmax(x, 1, TN_DTYPE_DEFAULT), "f32 [2, 3] 0.7213991 0.01321289 0.2653879 0.00669203 0.9931854 0.0001225688");
    CHECK_IS(tn_softmax(crossed, -1, TN_DTYPE_DEFAULT), "f32 [3, 2] 0.9525741 0.04742587 0.002472623 0.9975274 0.9975274 0.002472623");
    CHECK_IS(tn_log_softmax(x, 0, TN_F64), "f64 [2, 3] -0.04858735 -6.002476 -0.002475685 -3.048587 -0.002475685 -6.002476");
    CHECK_IS(tn_log_softmax(of("f32 [2] 0 200"), 0, TN_DTYPE_DEFAULT), "f32 [2] -200 0");
    CHECK_IS(tn_softmax(of("f16 [2] 1 2"), 0, TN_DTYPE_DEFAULT), "f16 [2] 0.269043 0.730957");
}
TEST(a_sum_is_the_sum_of_its_pieces) {
    tn_manual_seed(1);
    tn_tensor *x = tn_randn((int64_t[]){70001}, 1, NULL), *total = tn_scalar(0, &(tn_tensor_opts){.dtype = TN_F64});
    tn_tensors pieces = tn_chunk(x, 7, 0);
    for (int i = 0; i < pieces.n; i++) total = tn_add(total, tn_sum(pieces.at[i], DTYPE(TN_F64)));
    CHECK_NEAR(tn_item(tn_sum(x, NULL)), tn_item(total), 1e-4);
    CHECK_NEAR(tn_item(tn_select(tn_cumsum(x, 0, TN_DTYPE_DEFAULT), 0, -1)), tn_item(total), 1e-3);
    CHECK_NEAR(tn_item(tn_sum(tn_full((int64_t[]){1 << 24}, 1, 0.1, NULL), NULL)), 1677721.6, 0.5); /* the error does not grow with the length */
    tn_tensor *rows = tn_reshape(tn_narrow(x, 0, 0, 70000), (int64_t[]){100, 700}, 2), *p = tn_softmax(rows, 1, TN_DTYPE_DEFAULT);
    CHECK_NEAR(tn_item(tn_amax(tn_abs(tn_sub(tn_sum(p, DIM(1)), 1)), NULL)), 0, 1e-5);
    CHECK_NEAR(tn_item(tn_amax(tn_abs(tn_sub(tn_log(p), tn_log_softmax(rows, 1, TN_DTYPE_DEFAULT))), NULL)), 0, 2e-5);
    tn_values_indices m = tn_max_dim(rows, 1, true);
    CHECK_NEAR(tn_item(tn_amax(tn_abs(tn_sub(tn_gather(rows, 1, m.indices), m.values)), NULL)), 0, 0);
}
TEST(what_is_refused) {
    static const reduction all[] = {tn_sum, tn_mean, tn_prod, tn_amax, tn_amin, tn_any, tn_all, tn_count_nonzero, tn_logsumexp, tn_argmax, tn_argmin};
    tn_tensor *x = of(X), *complex = tn_to_dtype(x, TN_C64);
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        CHECK_ERROR(all[k](NULL, NULL), TN_ERR_INVALID);
        CHECK_ERROR(all[k](x, DIM(2)), TN_ERR_INDEX);
        CHECK_ERROR(all[k](x, DIM(-3)), TN_ERR_INDEX);
        CHECK_ERROR(all[k](tn_scalar(1, NULL), DIM(1)), TN_ERR_INDEX);
        CHECK_ERROR(all[k](x, &(tn_reduce_opts){.dims = {0, -2}, .n_dims = 2}), TN_ERR_INVALID);
        CHECK_ERROR(all[k](x, &(tn_reduce_opts){.n_dims = TN_MAX_DIMS + 1}), TN_ERR_INVALID);
        CHECK_ERROR(all[k](x, &(tn_reduce_opts){.n_dims = -1}), TN_ERR_INVALID);
        CHECK_ERROR(all[k](complex, NULL), TN_ERR_DTYPE);
    }
    CHECK_ERROR(tn_mean(of(I), NULL), TN_ERR_DTYPE);
    CHECK_ERROR(tn_sum(x, DTYPE((tn_dtype)99)), TN_ERR_DTYPE);
    CHECK_ERROR(tn_max(NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_min(NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_max_dim(NULL, 0, false).values, TN_ERR_INVALID);
    CHECK_ERROR(tn_max_dim(x, 2, false).values, TN_ERR_INDEX);
    CHECK_ERROR(tn_min_dim(x, -3, false).indices, TN_ERR_INDEX);
    CHECK_ERROR(tn_var(NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_std(of(I), NULL), TN_ERR_DTYPE);
    CHECK_ERROR(tn_var(complex, NULL), TN_ERR_DTYPE);
    CHECK_ERROR(tn_var_mean(x, &(tn_var_opts){.dim = 5, .has_dim = true}).mean, TN_ERR_INDEX);
    CHECK_ERROR(tn_var(x, &(tn_var_opts){.n_dims = 9}), TN_ERR_INVALID);
    CHECK_ERROR(tn_linalg_vector_norm(NULL, 2, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_linalg_vector_norm(of(I), 2, NULL), TN_ERR_DTYPE);
    CHECK_ERROR(tn_linalg_vector_norm(x, 2, DIM(2)), TN_ERR_INDEX);
    CHECK_ERROR(tn_cumsum(NULL, 0, TN_DTYPE_DEFAULT), TN_ERR_INVALID);
    CHECK_ERROR(tn_cumsum(x, 2, TN_DTYPE_DEFAULT), TN_ERR_INDEX);
    CHECK_ERROR(tn_cumsum(complex, 0, TN_DTYPE_DEFAULT), TN_ERR_DTYPE);
    CHECK_ERROR(tn_softmax(NULL, 0, TN_DTYPE_DEFAULT), TN_ERR_INVALID);
    CHECK_ERROR(tn_softmax(x, -3, TN_DTYPE_DEFAULT), TN_ERR_INDEX);
    CHECK_ERROR(tn_softmax(of(I), 0, TN_DTYPE_DEFAULT), TN_ERR_DTYPE);
    CHECK_ERROR(tn_log_softmax(complex, 0, TN_DTYPE_DEFAULT), TN_ERR_DTYPE);
}
static tn_tensor *drawn_rows(int64_t rows, int64_t n) {
    tn_manual_seed((uint64_t)n);
    return tn_mul(tn_randn((int64_t[]){rows, n}, 2, NULL), 3);
}
static void softmax_of_rows(void) {
    static const int64_t lengths[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 63, 64, 65, 127, 500, 2047, 2049, 4097, 5001};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        TN_SCOPE;
        tn_tensor *x = drawn_rows(7, lengths[i]), *exact = tn_to_dtype(x, TN_F64), *g = drawn_rows(7, lengths[i]);
        tn_tensor *e = tn_exp(tn_sub(exact, tn_amax(exact, &(tn_reduce_opts){.dim = 1, .has_dim = true, .keepdim = true})));
        tn_tensor *total = tn_sum(e, &(tn_reduce_opts){.dim = 1, .has_dim = true, .keepdim = true}), *p = tn_div(e, total);
        CHECK_NEAR(tn_item(tn_amax(tn_abs(tn_sub(tn_softmax(x, 1, TN_DTYPE_DEFAULT), p)), NULL)), 0, 1e-6);
        CHECK_NEAR(tn_item(tn_amax(tn_abs(tn_sub(tn_log_softmax(x, 1, TN_DTYPE_DEFAULT), tn_log(p))), NULL)), 0, 1e-5);
        CHECK_NEAR(tn_item(tn_amax(tn_abs(tn_sub(tn_logsumexp(x, DIM(1)), tn_logsumexp(exact, DIM(1)))), NULL)), 0, 2e-6);
        CHECK_NEAR(tn_item(tn_amax(tn_abs(tn_sub(tn_softmax(tn_t(x), 0, TN_DTYPE_DEFAULT), tn_t(p))), NULL)), 0, 1e-6);
        for (int log = 0; log < 2; log++) { /* the fused gradient against the composed one, which is recorded */
            tn_tensor *a = tn_requires_grad_(tn_detach(x), true), *y = log ? tn_log_softmax(a, 1, TN_DTYPE_DEFAULT) : tn_softmax(a, 1, TN_DTYPE_DEFAULT);
            CHECK(tn_backward_with(y, &(tn_backward_opts){.gradient = g, .retain_graph = true}) == TN_OK);
            tn_tensor *fused = tn_clone(tn_grad(a));
            tn_set_grad(a, NULL);
            CHECK(tn_backward_with(y, &(tn_backward_opts){.gradient = g, .create_graph = true}) == TN_OK);
            CHECK_NEAR(tn_item(tn_amax(tn_abs(tn_sub(fused, tn_detach(tn_grad(a)))), NULL)), 0, log ? 2e-3 : 2e-5);
            tn_set_grad(a, NULL);
        }
    }
}
/* Rows that begin near 0 are not shifted by their largest number unless it is too large. */
static void softmax_far_from_zero(void) {
    static const double begin[] = {0, 15.9, -15.9, 16, -16, 40, -90, 3000}, late[] = {0, 60, 68, 70, 88, 500, -1e30, 1e38};
    for (int i = 0; i < 64; i++) {
        TN_SCOPE;
        tn_tensor *x = drawn_rows(1, 100);
        tn_fill_(tn_narrow(x, 1, 0, 1), begin[i / 8]);
        tn_fill_(tn_narrow(x, 1, 50, 1), late[i % 8]);
        tn_tensor *exact = tn_to_dtype(x, TN_F64);
        CHECK_NEAR(tn_item(tn_amax(tn_abs(tn_sub(tn_softmax(x, 1, TN_DTYPE_DEFAULT), tn_softmax(exact, 1, TN_DTYPE_DEFAULT))), NULL)), 0, 1e-6);
        tn_tensor *l = tn_log_softmax(exact, 1, TN_DTYPE_DEFAULT);
        CHECK_NEAR(tn_item(tn_amax(tn_div(tn_abs(tn_sub(tn_log_softmax(x, 1, TN_DTYPE_DEFAULT), l)), tn_add(tn_abs(l), 1)), NULL)), 0, 1e-6);
        CHECK_NEAR(tn_item(tn_div(tn_logsumexp(x, DIM(1)), tn_logsumexp(exact, DIM(1)))), 1, 1e-6);
    }
}
static void softmax_of_odd_rows(void) {
    tn_tensor *x = tn_zeros((int64_t[]){5, 70}, 2, NULL);
    tn_fill_(tn_select(x, 0, 0), -INFINITY);
    tn_fill_(tn_narrow(tn_select(x, 0, 1), 0, 0, 69), -INFINITY);
    tn_fill_(tn_select(tn_select(x, 0, 2), 0, 69), NAN);
    tn_fill_(tn_select(tn_select(x, 0, 3), 0, 2), INFINITY);
    tn_fill_(tn_select(tn_select(x, 0, 4), 0, 2), NAN);
    tn_fill_(tn_narrow(tn_select(x, 0, 4), 0, 3, 67), -INFINITY);
    tn_tensor *p = tn_softmax(x, 1, TN_DTYPE_DEFAULT), *l = tn_log_softmax(x, 1, TN_DTYPE_DEFAULT);
    for (int r = 0; r < 5; r++) CHECK(tn_item(tn_sum(tn_isnan(tn_select(p, 0, r)), NULL)) == (r == 1 ? 0 : 70) && tn_item(tn_sum(tn_isnan(tn_select(l, 0, r)), NULL)) == (r == 1 ? 0 : 70));
    CHECK(tn_item(tn_select(tn_select(p, 0, 1), 0, 69)) == 1 && tn_item(tn_sum(tn_select(p, 0, 1), NULL)) == 1 && tn_item(tn_select(tn_select(l, 0, 1), 0, 0)) == -INFINITY);
    CHECK_IS(tn_logsumexp(x, DIM(1)), "f32 [5] -inf 0 nan inf nan");
    CHECK_IS(tn_amax(x, DIM(1)), "f32 [5] -inf 0 nan inf nan");
    CHECK_IS(tn_argmax(x, DIM(1)), "i64 [5] 0 69 69 2 2");
    CHECK_IS(tn_argmin(x, DIM(1)), "i64 [5] 0 0 69 0 2");
    CHECK(tn_numel(tn_softmax(tn_zeros((int64_t[]){0, 3}, 2, NULL), 1, TN_DTYPE_DEFAULT)) == 0 && tn_numel(tn_softmax(tn_zeros((int64_t[]){3, 0}, 2, NULL), 1, TN_DTYPE_DEFAULT)) == 0);
}
static void first_extremes(void) {
    static const int64_t lengths[] = {1, 5, 64, 127, 128, 511, 512, 513, 1500, 5000};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (int64_t at = 0; at < lengths[i]; at += 1 + lengths[i] / 9) {
            TN_SCOPE;
            tn_tensor *x = tn_zeros(&lengths[i], 1, NULL), *d = tn_zeros(&lengths[i], 1, &(tn_tensor_opts){.dtype = TN_F64});
            for (int sign = -1; sign < 2; sign += 2) {
                tn_fill_(tn_narrow(x, 0, at, lengths[i] - at < 3 ? lengths[i] - at : 3), sign); /* and ties behind it */
                tn_fill_(tn_select(d, 0, at), sign * 2);
                CHECK(tn_item_i64(sign > 0 ? tn_argmax(x, DIM(0)) : tn_argmin(x, DIM(0))) == at && tn_item(sign > 0 ? tn_amax(x, NULL) : tn_amin(x, NULL)) == sign);
                CHECK(tn_item_i64(sign > 0 ? tn_argmax(d, DIM(0)) : tn_argmin(d, DIM(0))) == at && tn_item(sign > 0 ? tn_amax(d, NULL) : tn_amin(d, NULL)) == sign * 2);
            }
            tn_fill_(tn_select(x, 0, at), NAN);
            tn_fill_(tn_select(x, 0, lengths[i] - 1), NAN);
            CHECK(tn_item_i64(tn_argmax(x, DIM(0))) == at && tn_item_i64(tn_argmin(x, DIM(0))) == at && isnan(tn_item(tn_amax(x, NULL))) && isnan(tn_item(tn_amin(x, NULL))));
        }
}
static void sums_of_columns(void) {
    static const int64_t shapes[][2] = {{1, 1}, {3, 5}, {64, 17}, {65, 1024}, {130, 1025}, {5000, 3}, {300, 2100}, {70000, 2}};
    for (int i = 0; i < 8; i++) {
        TN_SCOPE;
        tn_manual_seed(5);
        tn_tensor *x = tn_randn(shapes[i], 2, NULL), *exact = tn_sum(tn_contiguous(tn_t(tn_to_dtype(x, TN_F64))), DIM(1));
        CHECK_NEAR(tn_item(tn_amax(tn_abs(tn_sub(tn_sum(x, DIM(0)), exact)), NULL)), 0, 1e-4);
        CHECK_NEAR(tn_item(tn_amax(tn_abs(tn_sub(tn_mean(x, DIM(0)), tn_div(exact, (double)shapes[i][0]))), NULL)), 0, 1e-6);
        CHECK_NEAR(tn_item(tn_amax(tn_abs(tn_sub(tn_sum(tn_to_dtype(x, TN_F64), DIM(0)), exact)), NULL)), 0, 1e-11);
    }
}
static void sums_on_both_sides(void) { /* of what stands before and after a dim, as a bias has it */
    static const int64_t shapes[][4] = {{2, 3, 8, 1}, {5, 4, 3, 11}, {300, 7, 3, 3}, {2, 2, 70, 300}};
    const tn_reduce_opts o = {.dims = {0, 2, 3}, .n_dims = 3}, rest = {.dims = {1}, .n_dims = 1};
    for (int i = 0; i < 4; i++) {
        TN_SCOPE;
        const int64_t flat[2] = {shapes[i][1], shapes[i][0] * shapes[i][2] * shapes[i][3]};
        tn_tensor *x = tn_randn(shapes[i], 4, NULL), *exact = tn_sum(tn_reshape(tn_contiguous(tn_transpose(tn_to_dtype(x, TN_F64), 0, 1)), flat, 2), &rest);
        CHECK_NEAR(tn_item(tn_amax(tn_abs(tn_sub(tn_sum(x, &o), exact)), NULL)), 0, 1e-4);
        CHECK_NEAR(tn_item(tn_amax(tn_abs(tn_sub(tn_mean(x, &o), tn_div(exact, (double)flat[1]))), NULL)), 0, 1e-6);
        CHECK_NEAR(tn_item(tn_amax(tn_abs(tn_sub(tn_sum(tn_to_dtype(x, TN_F64), &o), exact)), NULL)), 0, 1e-11);
    }
}
/* On every instruction set of this machine. */
static void on_all(void (*fn)(void)) {
    static const char *const names[] = {"scalar", "avx2", "avx512"};
    const char *best = tn_get_isa();
    for (int i = 0; i < 3; i++) {
        const char *name = i == 0 && strcmp(best, "neon") == 0 ? best : names[i];
        tn_set_log(NULL, NULL);
        if (tn_set_isa(name) == TN_OK) fn();
        tn_error_clear();
    }
    CHECK(tn_set_isa(best) == TN_OK);
}
TEST(softmax_of_rows_of_all_lengths) { on_all(softmax_of_rows); }
TEST(softmax_of_rows_far_from_zero) { on_all(softmax_far_from_zero); }
TEST(softmax_of_what_is_not_finite) { on_all(softmax_of_odd_rows); }
TEST(extremes_are_the_first_of_their_kind) { on_all(first_extremes); }
TEST(sums_of_leading_dims) { on_all(sums_of_columns); }
TEST(sums_of_leading_and_trailing_dims) { on_all(sums_on_both_sides); }
TEST(rows_are_the_same_on_any_number_of_threads) {
    HOST_ONLY;
    const int before = tn_get_num_threads();
    tn_tensor *x = drawn_rows(900, 700), *first[6];
    for (int threads = 1; threads < 4; threads++) {
        CHECK(tn_set_num_threads(threads) == TN_OK);
        tn_tensor *now[6] = {tn_softmax(x, 1, TN_DTYPE_DEFAULT), tn_log_softmax(x, 0, TN_DTYPE_DEFAULT), tn_sum(x, DIM(0)), tn_sum(x, NULL), tn_logsumexp(x, DIM(1)), tn_contiguous(tn_t(x))};
        for (int k = 0; k < 6; k++) {
            if (threads == 1) first[k] = now[k];
            CHECK(tn_item(tn_all(tn_eq(first[k], now[k]), NULL)) != 0);
        }
    }
    CHECK(tn_set_num_threads(before) == TN_OK);
}
RUN_ALL
