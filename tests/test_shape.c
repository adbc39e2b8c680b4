/* Creation, draws, copies, views, joins: PyTorch 2.15's values in text (see CHECK_IS), strides, and what is refused. */
#include "tn_test.h"
#define of tn_test_of
#define OPTS(t) (&(tn_tensor_opts){.dtype = (t)})
#define S(...) ((int64_t[]){__VA_ARGS__})
#define D(...) ((int[]){__VA_ARGS__})
static const char *const X = "f32 [2, 3] 1 2 3 4 5 6", *const C = "i32 [2, 3, 2] 0 1 2 3 4 5 6 7 8 9 10 11";
static bool same(tn_tensor *a, tn_tensor *b) { return a && b && tn_ndim(a) == tn_ndim(b) && memcmp(tn_shape(a), tn_shape(b), sizeof(int64_t) * (size_t)tn_ndim(a)) == 0 && tn_item(tn_all(tn_eq(a, b), NULL)) == 1; }

TEST(creation) {
    CHECK_IS(tn_zeros(S(2, 1), 2, NULL), "f32 [2, 1] 0 0");
    CHECK_IS(tn_ones(NULL, 0, OPTS(TN_I64)), "i64 [] 1");
    CHECK_IS(tn_full(S(2), 1, 7.9, OPTS(TN_U8)), "u8 [2] 7 7");
    CHECK_IS(tn_full(S(2), 1, 0.5, OPTS(TN_BOOL)), "bool [2] 1 1");
    CHECK_IS(tn_full(S(0, 2), 2, 1, NULL), "f32 [0, 2]");
    CHECK_IS(tn_from(S(5, -6), S(2), 1, OPTS(TN_I64)), "i64 [2] 5 -6");
    CHECK_IS(tn_from(NULL, S(0), 1, NULL), "f32 [0]");
    CHECK_IS(tn_scalar(2.5, OPTS(TN_F16)), "f16 [] 2.5");
    CHECK(tn_item_i64(tn_scalar_i64(INT64_MIN)) == INT64_MIN);
    CHECK_IS(tn_eye(2, -1, NULL), "f32 [2, 2] 1 0 0 1");
    CHECK_IS(tn_eye(3, 2, OPTS(TN_BOOL)), "bool [3, 2] 1 0 0 1 0 0");
    CHECK_IS(tn_eye(0, 2, NULL), "f32 [0, 2]");
    CHECK_IS(tn_zeros_like(of(C), NULL), "i32 [2, 3, 2] 0 0 0 0 0 0 0 0 0 0 0 0");
    CHECK_IS(tn_ones_like(of(X), OPTS(TN_BOOL)), "bool [2, 3] 1 1 1 1 1 1");
    CHECK_IS(tn_full_like(of("f32 [2] 0 0"), -3, OPTS(TN_I8)), "i8 [2] -3 -3");
    CHECK(tn_get_dtype(tn_empty_like(of(C), NULL)) == TN_I32 && tn_numel(tn_empty_like(of(C), NULL)) == 12);
    CHECK(tn_requires_grad(tn_zeros(S(1), 1, &(tn_tensor_opts){.requires_grad = true})));
}
TEST(ranges) {
    static const struct { double start, end, step; tn_dtype dt; const char *want; } c[] = {
        {0, 3, 1, TN_DTYPE_DEFAULT, "i64 [3] 0 1 2"},
        {3, -2, -2, TN_DTYPE_DEFAULT, "i64 [3] 3 1 -1"},
        {1, 1, 1, TN_DTYPE_DEFAULT, "i64 [0]"},
        {0, 1, 0.3, TN_DTYPE_DEFAULT, "f32 [4] 0 0.3 0.6 0.9"},
        {1, 2, 0.25, TN_F64, "f64 [4] 1 1.25 1.5 1.75"},
        {0, 2, 0.5, TN_I64, "i64 [4] 0 0 0 0"},
        {0, 5, 2, TN_BF16, "bf16 [3] 0 2 4"},
    };
    for (size_t k = 0; k < sizeof c / sizeof *c; k++) CHECK_IS(tn_arange(c[k].start, c[k].end, c[k].step, OPTS(c[k].dt)), c[k].want);
    CHECK_IS(tn_linspace(0, 1, 4, NULL), "f32 [4] 0 0.3333333 0.6666666 1");
    CHECK_IS(tn_linspace(-3, 3, 5, OPTS(TN_I64)), "i64 [5] -3 -1 0 1 3");
    CHECK_IS(tn_linspace(2, 9, 1, NULL), "f32 [1] 2");
    CHECK_IS(tn_linspace(2, 9, 0, NULL), "f32 [0]");
    CHECK_ERROR(tn_arange(0, 3, 0, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_arange(3, 0, 1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_arange(0, NAN, 1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_arange(0, INFINITY, 1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_arange(0, 1, INFINITY, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_linspace(0, 1, -1, NULL), TN_ERR_SHAPE);
}
/* What is written into a shows in b: the version is the storage's. */
static bool shared(tn_tensor *a, tn_tensor *b) {
    const int64_t before = tn_version_of(b);
    tn_mark_written(a);
    return tn_version_of(b) != before;
}
static void freed(void *user, void *data) { *(void **)user = data; }
TEST(borrowed_memory_is_used_and_given_back) {
    HOST_ONLY;
    float v[4] = {1, 2, 3, 4};
    void *back = NULL;
    {
        TN_SCOPE;
        tn_tensor *t = tn_from_borrowed(v, S(2, 2), 2, NULL, freed, &back), *view = tn_select(t, 0, 1);
        CHECK(tn_data(t) == (void *)v);
        tn_fill_(view, 9);
        CHECK(v[3] == 9 && v[0] == 1);
        CHECK(!back);
    }
    CHECK(back == (void *)v);
    CHECK_ERROR(tn_from_borrowed(NULL, S(2), 1, NULL, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_from_borrowed(v, S(-2), 1, NULL, NULL, NULL), TN_ERR_SHAPE);
}
TEST(draws_have_their_range_and_follow_strides) {
    CPU_DRAWS;
    tn_manual_seed(0);
    CHECK_IS(tn_rand_like(tn_t(of(X)), NULL), "f32 [3, 2] 0.4962566 0.1320305 0.7682218 0.3074228 0.08847743 0.6340787"); /* in the order of memory */
    CHECK_IS(tn_randint_like(tn_t(of(X)), 0, 100, OPTS(TN_I64)), "i64 [3, 2] 27 83 3 1 97 66");
    CHECK_IS(tn_randn_like(tn_t(of(X)), NULL), "f32 [3, 2] 0.4033468 -0.4033435 0.8380263 -0.5966353 -0.7192576 0.1820365");
    CHECK_IS(tn_normal(of("f32 [3] 0 10 100"), 0.5, NULL), "f32 [3] -0.4283373 10.5503 99.46441");
    CHECK_IS(tn_bernoulli(of("f32 [4] 0 1 0.5 0.5"), NULL), "f32 [4] 0 1 1 1");
    CHECK_IS(tn_exponential_(tn_empty(S(3), 1, NULL), 2, NULL), "f32 [3] 0.5468693 0.7682655 0.1180932");
    CHECK_IS(tn_random_(tn_empty(S(3), 1, NULL), -5, 5, NULL), "f32 [3] 1 4 -4");
    CHECK_IS(tn_uniform_(tn_empty(S(3), 1, OPTS(TN_F64)), -1, 1, NULL), "f64 [3] 0.8757608 -0.30943 0.7113415");
    CHECK_IS(tn_bernoulli_(tn_empty(S(4), 1, NULL), 0.5, NULL), "f32 [4] 0 0 0 0");
    tn_tensor *p = tn_sort(tn_randperm(50, NULL), 0, false, false).values;
    CHECK(same(p, tn_arange(0, 50, 1, NULL)));
    CHECK_IS(tn_randperm(0, NULL), "i64 [0]");
    tn_tensor *leaf = tn_rand(S(2), 1, &(tn_tensor_opts){.requires_grad = true});
    CHECK(tn_requires_grad(leaf) && tn_is_leaf(leaf));
    CHECK_ERROR(tn_rand(S(2), 1, OPTS(TN_I64)), TN_ERR_DTYPE);
    CHECK_ERROR(tn_randn_like(of(C), NULL), TN_ERR_DTYPE);
    CHECK_ERROR(tn_rand_like(NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_randint(5, 5, S(2), 1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_randperm(-1, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_uniform_(of(X), 2, 1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_uniform_(NULL, 0, 1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_uniform_(of(C), 0, 1, NULL), TN_ERR_DTYPE);
    CHECK_ERROR(tn_normal_(of(X), 0, -1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_bernoulli_(of(X), 1.5, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_bernoulli_(tn_to_dtype(of(X), TN_C64), 0.5, NULL), TN_ERR_DTYPE);
    CHECK_ERROR(tn_bernoulli(of("f32 [1] 2"), NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_bernoulli(of("f32 [1] nan"), NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_bernoulli(of(C), NULL), TN_ERR_DTYPE);
    CHECK_ERROR(tn_exponential_(of(X), 0, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_normal(of("f32 [2] 1 2"), of("f32 [3] 1 1 1"), NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_uniform_(tn_expand(tn_scalar(1, NULL), S(3), 1), 0, 1, NULL), TN_ERR_INVALID);
}
TEST(likes_keep_the_order_of_strides) {
    tn_tensor *x = tn_t(of(X)); /* [3, 2], strides 1, 3 */
    tn_tensor *likes[] = {tn_empty_like(x, NULL), tn_zeros_like(x, NULL), tn_ones_like(x, NULL), tn_full_like(x, 4, NULL), tn_rand_like(x, NULL), tn_clone(x), tn_to_dtype(x, TN_F64)};
    for (size_t k = 0; k < sizeof likes / sizeof *likes; k++) CHECK(tn_stride(likes[k], 0) == 1 && tn_stride(likes[k], 1) == 3);
    CHECK(tn_stride(tn_contiguous(x), 0) == 2);
    CHECK_IS(likes[2], "f32 [3, 2] 1 1 1 1 1 1");
    CHECK_IS(likes[3], "f32 [3, 2] 4 4 4 4 4 4");
    CHECK(tn_is_contiguous(tn_zeros_like(tn_expand(tn_scalar(1, NULL), S(2, 3), 2), NULL)));
    CHECK_ERROR(tn_zeros_like(NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_ones_like(NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_empty_like(x, OPTS((tn_dtype)77)), TN_ERR_DTYPE);
    CHECK_ERROR(tn_full_like(x, 1, &(tn_tensor_opts){.dtype = TN_I32, .requires_grad = true}), TN_ERR_DTYPE);
}
TEST(copies) {
    tn_tensor *x = of(X);
    CHECK(tn_contiguous(x) == x && tn_to(x, tn_get_device(x)) == x && tn_to_dtype(x, TN_F32) == x);
    CHECK(!shared(tn_clone(x), x));
    CHECK_IS(tn_to_dtype(of("f32 [5] -1.7 2.9 -0.9 300 0.5"), TN_I32), "i32 [5] -1 2 0 300 0");
    static const char *const beyond = "f64 [5] nan 3e9 -3e9 inf -2147483648.5"; /* as x86 converts */
    CHECK_IS(tn_to_dtype(of(beyond), TN_I32), "i32 [5] -2.147484e+09 -2.147484e+09 -2.147484e+09 -2.147484e+09 -2.147484e+09");
    CHECK_IS(tn_to_dtype(tn_to_dtype(of(beyond), TN_F32), TN_I32), "i32 [5] -2.147484e+09 -2.147484e+09 -2.147484e+09 -2.147484e+09 -2.147484e+09");
    CHECK_IS(tn_to_dtype(of(beyond), TN_I64), "i64 [5] -9.223372e+18 3e+09 -3e+09 -9.223372e+18 -2.147484e+09");
    CHECK_IS(tn_to_dtype(of("f32 [4] -1 300 256.5 nan"), TN_U8), "u8 [4] 255 44 0 0");
    CHECK_IS(tn_to_dtype(of("f32 [3] 0 nan 0.1"), TN_BOOL), "bool [3] 0 1 1");
    CHECK_IS(tn_to_dtype(of("i32 [3] 255 256 -1"), TN_U8), "u8 [3] 255 0 255");
    CHECK_IS(tn_to_dtype(of("f32 [3] 65504 65520 0.1"), TN_F16), "f16 [3] 65504 inf 0.09997559");
    CHECK_IS(tn_to_dtype(tn_t(x), TN_BF16), "bf16 [3, 2] 1 4 2 5 3 6");
    tn_tensor *y = tn_zeros(S(2, 3), 2, OPTS(TN_I32));
    CHECK(tn_copy_(y, of("f32 [3] 1.5 2.5 3.5")) == y);
    CHECK_IS(y, "i32 [2, 3] 1 2 3 1 2 3");
    CHECK_IS(tn_fill_(y, 4), "i32 [2, 3] 4 4 4 4 4 4");
    CHECK_IS(tn_zero_(tn_select(y, 1, 1)), "i32 [2] 0 0");
    CHECK_IS(y, "i32 [2, 3] 4 0 4 4 0 4");
    CHECK_IS(tn_fill(y, 5), "i32 [2, 3] 5 5 5 5 5 5");
    CHECK_IS(y, "i32 [2, 3] 4 0 4 4 0 4");
    tn_tensor *z = of("f32 [4] 1 2 3 4"); /* a copy onto itself, shifted */
    tn_copy_(tn_narrow(z, 0, 1, 3), tn_narrow(z, 0, 0, 3));
    CHECK_IS(z, "f32 [4] 1 1 2 3");
    tn_tensor *square = of("f32 [2, 2] 1 2 3 4");
    CHECK_IS(tn_copy_(square, tn_t(square)), "f32 [2, 2] 1 3 2 4");
    CHECK_ERROR(tn_copy_(y, of("f32 [2] 1 2")), TN_ERR_SHAPE);
    CHECK_ERROR(tn_copy_(tn_select(y, 0, 0), y), TN_ERR_SHAPE);
    CHECK_ERROR(tn_copy_(NULL, y), TN_ERR_INVALID);
    CHECK_ERROR(tn_copy_(y, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_copy_(tn_expand(tn_scalar(1, NULL), S(3), 1), of("f32 [3] 1 2 3")), TN_ERR_INVALID);
    CHECK_ERROR(tn_fill_(NULL, 1), TN_ERR_INVALID);
    CHECK_ERROR(tn_zero_(tn_expand(of("f32 [1] 1"), S(3), 1)), TN_ERR_INVALID);
    CHECK_ERROR(tn_fill(y, of("f32 [2] 1 2")), TN_ERR_SHAPE);
    CHECK_ERROR(tn_clone(NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_contiguous(NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_to_dtype(x, (tn_dtype)50), TN_ERR_DTYPE);
    CHECK_ERROR(tn_to(x, (tn_device){TN_ACCELERATOR, 99}), TN_ERR_DEVICE);
    CHECK_ERROR(tn_to(NULL, (tn_device){0, 0}), TN_ERR_INVALID);
}
TEST(views_share_and_copy_where_they_must) {
    tn_tensor *x = of(X), *v = tn_view(x, S(3, -1), 2);
    CHECK_IS(v, "f32 [3, 2] 1 2 3 4 5 6");
    CHECK(shared(v, x) && shared(tn_reshape(x, S(6), 1), x));
    CHECK(!shared(tn_reshape(tn_t(x), S(6), 1), x));
    CHECK_IS(tn_reshape(tn_t(x), S(2, -1), 2), "f32 [2, 3] 1 4 2 5 3 6");
    CHECK_IS(tn_view(tn_t(x), S(3, 1, 2, 1), 4), "f32 [3, 1, 2, 1] 1 4 2 5 3 6");
    CHECK_IS(tn_view(tn_scalar(3, NULL), S(1, 1), 2), "f32 [1, 1] 3");
    CHECK_IS(tn_view(of("f32 [1, 1] 3"), NULL, 0), "f32 [] 3");
    CHECK_IS(tn_view(of("f32 [0, 3]"), S(3, -1), 2), "f32 [3, 0]");
    CHECK_IS(tn_flatten(tn_permute(of(C), D(2, 0, 1), 3), 0, 1), "i32 [4, 3] 0 2 4 6 8 10 1 3 5 7 9 11");
    CHECK_IS(tn_flatten(of(C), -2, -1), "i32 [2, 6] 0 1 2 3 4 5 6 7 8 9 10 11");
    CHECK_IS(tn_flatten(tn_scalar(2, NULL), 0, -1), "f32 [1] 2");
    CHECK_IS(tn_unflatten(x, 1, S(-1, 1), 2), "f32 [2, 3, 1] 1 2 3 4 5 6");
    CHECK_ERROR(tn_view(tn_t(x), S(6), 1), TN_ERR_SHAPE);
    CHECK_ERROR(tn_view(x, S(4), 1), TN_ERR_SHAPE);
    CHECK_ERROR(tn_view(x, S(-1, -1), 2), TN_ERR_SHAPE);
    CHECK_ERROR(tn_view(x, S(0, -1), 2), TN_ERR_SHAPE);
    CHECK_ERROR(tn_view(of("f32 [0]"), S(-1, 0), 2), TN_ERR_SHAPE);
    CHECK_ERROR(tn_view(x, S(-2, 3), 2), TN_ERR_SHAPE);
    CHECK_ERROR(tn_view(x, S(INT64_MAX, 4), 2), TN_ERR_SHAPE);
    CHECK_ERROR(tn_view(x, S(1, 1, 1, 1, 1, 1, 1, 2, 3), 9), TN_ERR_SHAPE);
    CHECK_ERROR(tn_view(NULL, S(1), 1), TN_ERR_INVALID);
    CHECK_ERROR(tn_reshape(x, S(5), 1), TN_ERR_SHAPE);
    CHECK_ERROR(tn_flatten(x, 1, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_flatten(x, 0, 2), TN_ERR_INDEX);
    CHECK_ERROR(tn_flatten(NULL, 0, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_unflatten(x, 1, S(2, 2), 2), TN_ERR_SHAPE);
    CHECK_ERROR(tn_unflatten(x, 1, S(-1, -1), 2), TN_ERR_SHAPE);
    CHECK_ERROR(tn_unflatten(x, 2, S(1, 1), 2), TN_ERR_INDEX);
    CHECK_ERROR(tn_unflatten(tn_scalar(1, NULL), 0, S(1, 1), 2), TN_ERR_INDEX);
    CHECK_ERROR(tn_unflatten(x, 0, NULL, 2), TN_ERR_SHAPE);
}
TEST(dims_are_dropped_added_and_turned) {
    tn_tensor *x = of(X), *one = of("f32 [1, 2, 1] 1 2");
    CHECK_IS(tn_squeeze(one), "f32 [2] 1 2");
    CHECK_IS(tn_squeeze(of("f32 [1, 1] 1")), "f32 [] 1");
    CHECK_IS(tn_squeeze_dims(one, D(-1, 1), 2), "f32 [1, 2] 1 2"); /* a dim of 2 stays */
    CHECK_IS(tn_squeeze_dims(tn_scalar(1, NULL), D(0), 1), "f32 [] 1");
    CHECK_IS(tn_unsqueeze(x, -1), "f32 [2, 3, 1] 1 2 3 4 5 6");
    CHECK_IS(tn_unsqueeze(tn_t(x), 1), "f32 [3, 1, 2] 1 4 2 5 3 6");
    CHECK_IS(tn_unsqueeze(tn_scalar(1, NULL), 0), "f32 [1] 1");
    CHECK_IS(tn_transpose(of(C), 0, -1), "i32 [2, 3, 2] 0 6 2 8 4 10 1 7 3 9 5 11");
    CHECK_IS(tn_transpose(tn_scalar(1, NULL), 0, -1), "f32 [] 1");
    CHECK_IS(tn_t(x), "f32 [3, 2] 1 4 2 5 3 6");
    CHECK_IS(tn_t(of("f32 [2] 1 2")), "f32 [2] 1 2");
    CHECK_IS(tn_permute(of(C), D(-1, 0, 1), 3), "i32 [2, 2, 3] 0 2 4 6 8 10 1 3 5 7 9 11");
    CHECK_IS(tn_permute(tn_scalar(1, NULL), NULL, 0), "f32 [] 1");
    CHECK_IS(tn_movedim(of(C), D(0, 1), D(-1, 0), 2), "i32 [3, 2, 2] 0 6 1 7 2 8 3 9 4 10 5 11");
    CHECK_IS(tn_movedim(tn_scalar(1, NULL), D(0), D(0), 1), "f32 [] 1");
    CHECK_IS(tn_expand(of("f32 [2, 1] 1 2"), S(2, -1, 3), 3), "f32 [2, 2, 3] 1 1 1 2 2 2 1 1 1 2 2 2");
    CHECK_ERROR(tn_squeeze(NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_squeeze_dims(x, D(2), 1), TN_ERR_INDEX);
    CHECK_ERROR(tn_squeeze_dims(x, NULL, 1), TN_ERR_INVALID);
    CHECK_ERROR(tn_squeeze_dims(x, D(0), -1), TN_ERR_INVALID);
    CHECK_ERROR(tn_unsqueeze(x, 3), TN_ERR_INDEX);
    CHECK_ERROR(tn_unsqueeze(x, -4), TN_ERR_INDEX);
    CHECK_ERROR(tn_unsqueeze(tn_ones(S(1, 1, 1, 1, 1, 1, 1, 1), 8, NULL), 0), TN_ERR_SHAPE);
    CHECK_ERROR(tn_transpose(x, 0, 2), TN_ERR_INDEX);
    CHECK_ERROR(tn_transpose(NULL, 0, 1), TN_ERR_INVALID);
    CHECK_ERROR(tn_t(of(C)), TN_ERR_SHAPE);
    CHECK_ERROR(tn_t(NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_permute(x, D(0), 1), TN_ERR_SHAPE);
    CHECK_ERROR(tn_permute(x, D(0, -2), 2), TN_ERR_INVALID);
    CHECK_ERROR(tn_permute(x, D(0, 2), 2), TN_ERR_INDEX);
    CHECK_ERROR(tn_movedim(x, D(0, 0), D(0, 1), 2), TN_ERR_INVALID);
    CHECK_ERROR(tn_movedim(x, D(2), D(0), 1), TN_ERR_INDEX);
    CHECK_ERROR(tn_movedim(x, D(0), D(0), -1), TN_ERR_INVALID);
    CHECK_ERROR(tn_expand(x, S(3), 1), TN_ERR_SHAPE);
    CHECK_ERROR(tn_expand(x, S(2, 4), 2), TN_ERR_SHAPE);
    CHECK_ERROR(tn_expand(x, S(-1, 2, 3), 3), TN_ERR_SHAPE);
    CHECK_ERROR(tn_broadcast_to(NULL, S(1), 1), TN_ERR_INVALID);
}
TEST(cuts) {
    tn_tensor *x = of(C), *m = of(X);
    CHECK_IS(tn_narrow(x, 1, -2, 2), "i32 [2, 2, 2] 2 3 4 5 8 9 10 11");
    CHECK_IS(tn_narrow(m, 0, 2, 0), "f32 [0, 3]");
    CHECK_IS(tn_select(x, -2, -1), "i32 [2, 2] 4 5 10 11");
    CHECK_IS(tn_slice(m, 1, 0, INT64_MAX, 2), "f32 [2, 2] 1 3 4 6");
    CHECK_IS(tn_slice(m, 1, -2, -1, 1), "f32 [2, 1] 2 5");
    CHECK_IS(tn_slice(m, 1, -99, 99, 2), "f32 [2, 2] 1 3 4 6");
    CHECK_IS(tn_slice(m, 0, 1, 0, 1), "f32 [0, 3]");
    CHECK_IS(tn_slice(m, 0, 0, 2, INT64_MAX), "f32 [1, 3] 1 2 3");
    CHECK_IS(tn_unfold_dim(m, 1, 2, 1), "f32 [2, 2, 2] 1 2 2 3 4 5 5 6");
    CHECK_IS(tn_unfold_dim(m, 0, 1, INT64_MAX), "f32 [1, 3, 1] 1 2 3");
    CHECK_IS(tn_unfold_dim(m, 1, 0, 1), "f32 [2, 4, 0]");
    CHECK_IS(tn_unfold_dim(tn_scalar(1, NULL), 0, 1, 1), "f32 [1] 1");
    CHECK_IS(tn_diagonal(m, 0, 0, 1), "f32 [2] 1 5");
    CHECK_IS(tn_diagonal(m, -1, 0, 1), "f32 [1] 4");
    CHECK_IS(tn_diagonal(x, 1, 2, 1), "i32 [2, 2] 2 5 8 11");
    CHECK_IS(tn_diagonal(m, 10, 0, 1), "f32 [0]");
    CHECK_IS(tn_diagonal(m, INT64_MIN, 0, 1), "f32 [0]");
    CHECK_IS(tn_as_strided(m, S(2, 2), S(1, 2), 2, 1), "f32 [2, 2] 2 4 3 5");
    CHECK_IS(tn_as_strided(tn_select(m, 0, 1), S(2), S(3), 1, 0), "f32 [2] 1 4"); /* from the storage's first */
    CHECK_ERROR(tn_narrow(m, 1, 2, 2), TN_ERR_INDEX);
    CHECK_ERROR(tn_narrow(m, 1, -4, 1), TN_ERR_INDEX);
    CHECK_ERROR(tn_narrow(m, 1, 0, -1), TN_ERR_INDEX);
    CHECK_ERROR(tn_narrow(m, 1, INT64_MAX, INT64_MAX), TN_ERR_INDEX);
    CHECK_ERROR(tn_narrow(tn_scalar(1, NULL), 0, 0, 1), TN_ERR_INDEX);
    CHECK_ERROR(tn_narrow(NULL, 0, 0, 1), TN_ERR_INVALID);
    CHECK_ERROR(tn_select(m, 0, 2), TN_ERR_INDEX);
    CHECK_ERROR(tn_select(m, 0, -3), TN_ERR_INDEX);
    CHECK_ERROR(tn_select(m, 2, 0), TN_ERR_INDEX);
    CHECK_ERROR(tn_select(tn_scalar(1, NULL), 0, 0), TN_ERR_INDEX);
    CHECK_ERROR(tn_slice(m, 0, 0, 1, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_slice(m, 0, 0, 1, -1), TN_ERR_INVALID);
    CHECK_ERROR(tn_slice(m, 2, 0, 1, 1), TN_ERR_INDEX);
    CHECK_ERROR(tn_unfold_dim(m, 1, 4, 1), TN_ERR_SHAPE);
    CHECK_ERROR(tn_unfold_dim(m, 1, 1, 0), TN_ERR_SHAPE);
    CHECK_ERROR(tn_unfold_dim(m, 1, -1, 1), TN_ERR_SHAPE);
    CHECK_ERROR(tn_diagonal(m, 0, 1, 1), TN_ERR_INVALID);
    CHECK_ERROR(tn_diagonal(m, 0, 0, 2), TN_ERR_INDEX);
    CHECK_ERROR(tn_diagonal(of("f32 [2] 1 2"), 0, 0, 1), TN_ERR_INDEX);
    CHECK_ERROR(tn_as_strided(m, S(3, 3), S(3, 1), 2, 0), TN_ERR_SHAPE);
    CHECK_ERROR(tn_as_strided(m, S(2), S(-1), 1, 3), TN_ERR_INVALID);
    CHECK_ERROR(tn_as_strided(m, S(1), S(1), 1, -1), TN_ERR_SHAPE);
    CHECK_ERROR(tn_as_strided(m, S(3), S(INT64_MAX), 1, 0), TN_ERR_SHAPE);
    CHECK_ERROR(tn_as_strided(m, NULL, NULL, 1, 0), TN_ERR_SHAPE);
    CHECK_ERROR(tn_as_strided(NULL, S(1), S(1), 1, 0), TN_ERR_INVALID);
}
TEST(cat_undoes_every_split) {
    tn_tensor *x = of(C);
    for (int dim = -3; dim < 3; dim++) {
        TN_SCOPE;
        const int64_t n = tn_size(x, dim), parts[2] = {1, n - 1};
        const tn_tensors all[] = {tn_split(x, 1, dim), tn_split(x, 2, dim), tn_split(x, 99, dim), tn_chunk(x, 2, dim), tn_chunk(x, 7, dim), tn_split_sizes(x, parts, 2, dim)};
        for (size_t k = 0; k < sizeof all / sizeof *all; k++) CHECK(all[k].n > 0 && same(tn_cat(all[k].at, all[k].n, dim), x));
        const tn_tensors slices = tn_unbind(x, dim);
        CHECK(slices.n == n && same(tn_stack(slices.at, slices.n, dim), x));
    }
}
TEST(pieces) {
    tn_tensor *x = of("f32 [5] 1 2 3 4 5");
    const tn_tensors s = tn_split(x, 2, 0), c = tn_chunk(x, 4, 0), none = tn_chunk(of("f32 [0]"), 3, 0), z = tn_split_sizes(x, S(0, 5), 2, 0);
    CHECK(s.n == 3 && c.n == 3 && none.n == 3 && z.n == 2 && tn_split(of("f32 [0]"), 2, 0).n == 1); /* as PyTorch: chunks of 2, 2, 1 */
    CHECK_IS(s.at[2], "f32 [1] 5");
    CHECK_IS(c.at[1], "f32 [2] 3 4");
    CHECK_IS(none.at[2], "f32 [0]");
    CHECK_IS(z.at[0], "f32 [0]");
    tn_fill_(s.at[0], 9); /* views */
    CHECK_IS(x, "f32 [5] 9 9 3 4 5");
    CHECK(tn_unbind(of("f32 [0, 2]"), 0).n == 0 && tn_error_code() == TN_OK);
    CHECK_ERROR(tn_split(x, 0, 0).at, TN_ERR_INVALID);
    CHECK_ERROR(tn_split(x, -1, 0).at, TN_ERR_INVALID);
    CHECK_ERROR(tn_split(x, 1, 1).at, TN_ERR_INDEX);
    CHECK_ERROR(tn_split(NULL, 1, 0).at, TN_ERR_INVALID);
    CHECK_ERROR(tn_split_sizes(x, S(2, 2), 2, 0).at, TN_ERR_SHAPE);
    CHECK_ERROR(tn_split_sizes(x, S(6, -1), 2, 0).at, TN_ERR_INVALID);
    CHECK_ERROR(tn_split_sizes(x, NULL, 2, 0).at, TN_ERR_INVALID);
    CHECK_ERROR(tn_chunk(x, 0, 0).at, TN_ERR_INVALID);
    CHECK_ERROR(tn_chunk(tn_scalar(1, NULL), 1, 0).at, TN_ERR_INDEX);
    CHECK_ERROR(tn_unbind(tn_scalar(1, NULL), 0).at, TN_ERR_INDEX);
    CHECK_ERROR(tn_unbind(NULL, 0).at, TN_ERR_INVALID);
}
TEST(joins) {
    tn_tensor *x = of(X), *i = of("i64 [1, 3] 7 8 9"), *none = of("f64 [0]"), *wide = of("f32 [2, 4] 0 0 0 0 0 0 0 0"), *s = tn_scalar(1, NULL);
    CHECK_IS(tn_cat((tn_tensor *[]){i, x}, 2, 0), "f32 [3, 3] 7 8 9 1 2 3 4 5 6");
    CHECK_IS(tn_cat((tn_tensor *[]){tn_t(x), tn_t(i)}, 2, -1), "f32 [3, 3] 1 4 7 2 5 8 3 6 9");
    CHECK_IS(tn_cat((tn_tensor *[]){none, x, none}, 3, 1), "f64 [2, 3] 1 2 3 4 5 6");
    CHECK_IS(tn_cat((tn_tensor *[]){of("bool [1] 1"), of("u8 [1] 7")}, 2, 0), "u8 [2] 1 7");
    CHECK_IS(tn_stack((tn_tensor *[]){s, s}, 2, 0), "f32 [2] 1 1");
    CHECK_IS(tn_stack((tn_tensor *[]){x, x}, 2, -1), "f32 [2, 3, 2] 1 1 2 2 3 3 4 4 5 5 6 6");
    CHECK_ERROR(tn_cat(NULL, 1, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_cat(&x, 0, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_cat((tn_tensor *[]){x, NULL}, 2, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_cat((tn_tensor *[]){x, wide}, 2, 0), TN_ERR_SHAPE);
    CHECK_ERROR(tn_cat(&x, 1, 2), TN_ERR_INDEX);
    CHECK_ERROR(tn_cat(&s, 1, 0), TN_ERR_SHAPE);
    CHECK_ERROR(tn_stack((tn_tensor *[]){x, wide}, 2, 0), TN_ERR_SHAPE);
    CHECK_ERROR(tn_stack(&x, 1, 3), TN_ERR_INDEX);
    CHECK_ERROR(tn_stack(NULL, 1, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_stack((tn_tensor *[]){NULL}, 1, 0), TN_ERR_INVALID);
}
TEST(repeats) {
    tn_tensor *x = of("f32 [2, 1] 1 2"), *eight = tn_reshape(x, S(1, 1, 1, 1, 1, 1, 1, 2), 8);
    CHECK_IS(tn_repeat(x, S(2, 1, 3), 3), "f32 [2, 2, 3] 1 1 1 2 2 2 1 1 1 2 2 2");
    CHECK_IS(tn_repeat(x, S(0, 2), 2), "f32 [0, 2]");
    CHECK_IS(tn_repeat(tn_scalar(3, NULL), S(2), 1), "f32 [2] 3 3");
    CHECK_IS(tn_repeat(tn_scalar(3, NULL), NULL, 0), "f32 [] 3");
    CHECK_IS(tn_repeat(eight, S(1, 1, 1, 1, 1, 2, 1, 2), 8), "f32 [1, 1, 1, 1, 1, 2, 1, 4] 1 2 1 2 1 2 1 2");
    CHECK(!shared(tn_repeat(x, S(1, 1), 2), x));
    CHECK_IS(tn_repeat_interleave(of(X), 2, 1), "f32 [2, 6] 1 1 2 2 3 3 4 4 5 5 6 6");
    CHECK_IS(tn_repeat_interleave(tn_t(of(X)), 2, TN_FLAT), "f32 [12] 1 1 4 4 2 2 5 5 3 3 6 6");
    CHECK_IS(tn_repeat_interleave(tn_scalar(3, NULL), 2, TN_FLAT), "f32 [2] 3 3");
    CHECK_IS(tn_repeat_interleave(x, 0, 0), "f32 [0, 1]");
    CHECK_IS(tn_repeat_interleave(eight, 2, 7), "f32 [1, 1, 1, 1, 1, 1, 1, 4] 1 1 2 2");
    CHECK(!shared(tn_repeat_interleave(x, 1, 0), x));
    CHECK_IS(tn_add_(tn_repeat(of("f32 [1, 1] 1"), S(3, 1), 2), 1), "f32 [3, 1] 2 2 2"); /* its own memory */
    CHECK_IS(tn_add_(tn_repeat(x, S(2, 3), 2), 1), "f32 [4, 3] 2 2 2 3 3 3 2 2 2 3 3 3");
    CHECK_IS(tn_add_(tn_repeat_interleave(tn_unsqueeze(tn_t(of("f32 [2, 2] 1 2 3 4")), 0), 2, 0), 1), "f32 [2, 2, 2] 2 4 3 5 2 4 3 5");
    CHECK_IS(tn_repeat_interleave_t(of(X), of("i64 [3] 0 2 1"), -1), "f32 [2, 3] 2 2 3 5 5 6");
    CHECK_IS(tn_repeat_interleave_t(of("f32 [2] 1 2"), of("i64 [1] 2"), TN_FLAT), "f32 [4] 1 1 2 2");
    CHECK_ERROR(tn_repeat(of(X), S(2), 1), TN_ERR_SHAPE);
    CHECK_ERROR(tn_repeat(x, S(2, -1), 2), TN_ERR_INVALID);
    CHECK_ERROR(tn_repeat(x, S(INT64_MAX, 4), 2), TN_ERR_SHAPE);
    CHECK_ERROR(tn_repeat(eight, S(1, 1, 1, 1, 1, 1, 1, ((int64_t)1 << 32) + 1), 8), TN_ERR_SHAPE);
    CHECK_ERROR(tn_repeat(NULL, S(1), 1), TN_ERR_INVALID);
    CHECK_ERROR(tn_repeat(x, NULL, 2), TN_ERR_INVALID);
    CHECK_ERROR(tn_repeat_interleave(x, -1, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_repeat_interleave(x, INT64_MAX, 0), TN_ERR_SHAPE);
    CHECK_ERROR(tn_repeat_interleave(x, 1, 2), TN_ERR_INDEX);
    CHECK_ERROR(tn_repeat_interleave(NULL, 1, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_repeat_interleave_t(x, of("i64 [3] 1 1 1"), 0), TN_ERR_SHAPE);
    CHECK_ERROR(tn_repeat_interleave_t(x, of("i64 [2] 1 -1"), 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_repeat_interleave_t(x, of("f32 [2] 1 1"), 0), TN_ERR_DTYPE);
    CHECK_ERROR(tn_repeat_interleave_t(x, NULL, 0), TN_ERR_INVALID);
}
TEST(flips_rolls_and_triangles) {
    tn_tensor *x = of(X), *c = of(C);
    CHECK_IS(tn_flip(c, D(0, -1), 2), "i32 [2, 3, 2] 7 6 9 8 11 10 1 0 3 2 5 4");
    CHECK_IS(tn_flip(tn_t(x), D(0), 1), "f32 [3, 2] 3 6 2 5 1 4");
    CHECK_IS(tn_flip(tn_scalar(1, NULL), D(0), 1), "f32 [] 1");
    CHECK_IS(tn_flip(of("f32 [0, 2]"), D(1), 1), "f32 [0, 2]");
    CHECK(same(tn_flip(tn_flip(c, D(1, 2), 2), D(1, 2), 2), c));
    CHECK_IS(tn_roll(x, S(1), D(1), 1), "f32 [2, 3] 3 1 2 6 4 5");
    CHECK_IS(tn_roll(x, S(-4, 3), D(-1, 0), 2), "f32 [2, 3] 5 6 4 2 3 1");
    CHECK_IS(tn_roll(x, S(2), NULL, 0), "f32 [2, 3] 5 6 1 2 3 4");
    CHECK_IS(tn_roll(tn_t(x), S(2), NULL, 0), "f32 [3, 2] 3 6 1 4 2 5");
    CHECK_IS(tn_roll(x, S(INT64_MIN), D(1), 1), "f32 [2, 3] 3 1 2 6 4 5");
    CHECK_IS(tn_roll(of("f32 [0]"), S(3), D(0), 1), "f32 [0]");
    CHECK_IS(tn_tril(x, 0), "f32 [2, 3] 1 0 0 4 5 0");
    CHECK_IS(tn_tril(tn_t(x), -1), "f32 [3, 2] 0 0 2 0 3 6");
    CHECK_IS(tn_triu(c, 1), "i32 [2, 3, 2] 0 1 0 0 0 0 0 7 0 0 0 0");
    CHECK_IS(tn_triu(x, INT64_MIN), X);
    CHECK_IS(tn_tril(x, INT64_MIN), "f32 [2, 3] 0 0 0 0 0 0");
    CHECK(same(tn_add(tn_tril(c, 0), tn_triu(c, 1)), c));
    CHECK_ERROR(tn_flip(x, D(0, -2), 2), TN_ERR_INVALID);
    CHECK_ERROR(tn_flip(x, D(2), 1), TN_ERR_INDEX);
    CHECK_ERROR(tn_flip(NULL, D(0), 1), TN_ERR_INVALID);
    CHECK_ERROR(tn_flip(x, D(0), -1), TN_ERR_INVALID);
    CHECK_ERROR(tn_roll(x, S(1), D(2), 1), TN_ERR_INDEX);
    CHECK_ERROR(tn_roll(tn_scalar(1, NULL), S(1), D(0), 1), TN_ERR_INDEX);
    CHECK_ERROR(tn_roll(x, NULL, NULL, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_roll(x, S(1), NULL, 1), TN_ERR_INVALID);
    CHECK_ERROR(tn_roll(x, S(1), D(0), -1), TN_ERR_INVALID);
    CHECK_ERROR(tn_tril(of("f32 [2] 1 2"), 0), TN_ERR_SHAPE);
    CHECK_ERROR(tn_triu(NULL, 0), TN_ERR_INVALID);
}
TEST(pads) {
    tn_tensor *x = of(X), *b = tn_unsqueeze(tn_unsqueeze(x, 0), 0);
    CHECK_IS(tn_pad(x, S(1, -1, 0, 1), 4, &(tn_pad_opts){.value = 9}), "f32 [3, 3] 9 1 2 9 4 5 9 9 9");
    CHECK_IS(tn_pad(of("i32 [2] 1 2"), S(1, 1), 2, &(tn_pad_opts){.value = 2.7}), "i32 [4] 2 1 2 2");
    CHECK_IS(tn_pad(tn_t(x), S(1, 0), 2, NULL), "f32 [3, 3] 0 1 4 0 2 5 0 3 6");
    CHECK_IS(tn_pad(of("f32 [0]"), S(1, 1), 2, NULL), "f32 [2] 0 0");
    CHECK_IS(tn_pad(x, NULL, 0, NULL), X);
    CHECK_IS(tn_pad(x, S(-1, -2), 2, NULL), "f32 [2, 0]");
    CHECK_IS(tn_pad(b, S(2, 1, 1, 0), 4, &(tn_pad_opts){.mode = TN_PAD_REFLECT}), "f32 [1, 1, 3, 6] 6 5 4 5 6 5 3 2 1 2 3 2 6 5 4 5 6 5");
    CHECK_IS(tn_pad(b, S(2, -1, 1, 3), 4, &(tn_pad_opts){.mode = TN_PAD_REPLICATE}), "f32 [1, 1, 6, 4] 1 1 1 2 1 1 1 2 4 4 4 5 4 4 4 5 4 4 4 5 4 4 4 5");
    CHECK_IS(tn_pad(b, S(3, 1, 1, 0), 4, &(tn_pad_opts){.mode = TN_PAD_CIRCULAR}), "f32 [1, 1, 3, 7] 4 5 6 4 5 6 4 1 2 3 1 2 3 1 4 5 6 4 5 6 4");
    CHECK_ERROR(tn_pad(x, S(1), 1, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_pad(x, S(1, 1, 1, 1, 1, 1), 6, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_pad(x, S(-2, -2), 2, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_pad(x, S(INT64_MAX, INT64_MAX), 2, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_pad(x, S(INT64_MIN, 0), 2, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_pad(x, S(3, 0), 2, &(tn_pad_opts){.mode = TN_PAD_REFLECT}), TN_ERR_SHAPE);
    CHECK_ERROR(tn_pad(x, S(4, 0), 2, &(tn_pad_opts){.mode = TN_PAD_CIRCULAR}), TN_ERR_SHAPE);
    CHECK_ERROR(tn_pad(of("f32 [0]"), S(1, 0), 2, &(tn_pad_opts){.mode = TN_PAD_REPLICATE}), TN_ERR_SHAPE);
    CHECK_ERROR(tn_pad(x, S(1, 0), 2, &(tn_pad_opts){.mode = (tn_pad_mode)9}), TN_ERR_INVALID);
    CHECK_ERROR(tn_pad(NULL, S(1, 1), 2, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_pad(x, NULL, 2, NULL), TN_ERR_INVALID);
}
TEST(a_gradient_stays_in_its_tensor) { /* it was written before the gradient's first element */
    tn_tensor *part = tn_requires_grad_(tn_detach(tn_narrow(tn_arange(0, 12, 1, &(tn_tensor_opts){.dtype = TN_F32}), 0, 4, 6)), true);
    CHECK(tn_backward(tn_sum(tn_as_strided(part, S(2, 2), S(2, 1), 2, 5), NULL)) == TN_OK);
    CHECK_IS(tn_grad(part), "f32 [6] 0 1 1 1 1 0");
    CHECK_ERROR(tn_backward(tn_sum(tn_as_strided(part, S(2, 2), S(3, 1), 2, 1), NULL)), TN_ERR_UNSUPPORTED);
    CHECK_ERROR(tn_backward(tn_sum(tn_as_strided(part, S(2, 2), S(3, 1), 2, 7), NULL)), TN_ERR_UNSUPPORTED);
}
TEST(gradients_go_back_through_views_and_joins) {
    tn_tensor *x = tn_requires_grad_(of(X), true);
    tn_tensor *y = tn_cat((tn_tensor *[]){tn_flatten(tn_narrow(tn_t(x), 0, 1, 2), 0, -1), tn_select(x, 0, 0)}, 2, 0);
    CHECK(tn_backward(tn_sum(tn_mul(y, y), NULL)) == TN_OK);
    CHECK_IS(tn_grad(x), "f32 [2, 3] 2 8 12 0 10 12");
    tn_set_grad(x, NULL);
    CHECK(tn_backward(tn_sum(tn_unfold_dim(x, 1, 2, 1), NULL)) == TN_OK); /* places that overlap add up */
    CHECK_IS(tn_grad(x), "f32 [2, 3] 1 2 1 1 2 1");
    tn_set_grad(x, NULL);
    CHECK(tn_backward(tn_sum(tn_pad(x, S(1, 1), 2, &(tn_pad_opts){.mode = TN_PAD_REFLECT}), NULL)) == TN_OK);
    CHECK_IS(tn_grad(x), "f32 [2, 3] 1 3 1 1 3 1");
    tn_tensor *many = tn_requires_grad_(tn_arange(0, 300, 1, OPTS(TN_F32)), true);
    const tn_tensors parts = tn_split(many, 1, 0);
    CHECK(parts.n == 300 && tn_backward(tn_sum(tn_square(tn_cat(parts.at, parts.n, 0)), NULL)) == TN_OK);
    CHECK(same(tn_grad(many), tn_mul(tn_detach(many), 2)));
    tn_set_grad(x, NULL);
    CHECK(tn_backward(tn_sum(tn_mul(tn_repeat_interleave(x, 2, 0), tn_repeat(x, S(2, 1), 2)), NULL)) == TN_OK);
    CHECK_IS(tn_grad(x), "f32 [2, 3] 10 14 18 10 14 18");
}
/* t[i0, i1, ...] of a permuted or cut view, element by element, against the copy. */
static bool copied(tn_tensor *view, tn_tensor *copy) {
    const size_t size = (size_t)tn_dtype_size(tn_get_dtype(view));
    const char *from = tn_data(view), *at = tn_data(copy);
    int64_t index[TN_MAX_DIMS] = {0};
    for (int64_t i = 0; i < tn_numel(view); i++, at += size) {
        int64_t offset = 0;
        for (int d = 0; d < tn_ndim(view); d++) offset += index[d] * tn_stride(view, d);
        if (memcmp(from + offset * (int64_t)size, at, size) != 0) return false;
        for (int d = tn_ndim(view) - 1; d >= 0 && ++index[d] == tn_shape(view)[d]; d--) index[d] = 0;
    }
    return tn_is_contiguous(copy);
}
TEST(transposes_of_all_element_sizes_around_the_tiles) {
    HOST_ONLY;
    static const int64_t sizes[] = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 48, 63, 64, 65, 130, 144};
    static const tn_dtype types[] = {TN_U8, TN_BF16, TN_F32, TN_F64, TN_C128};
    for (int t = 0; t < 5; t++)
        for (int i = 0; i < 16; i++)
            for (int j = 0; j < 16; j++) {
                TN_SCOPE;
                tn_tensor *x = tn_to_dtype(tn_remainder(tn_reshape(tn_arange(0, (double)(sizes[i] * sizes[j]), 1, NULL), S(sizes[i], sizes[j]), 2), 251), types[t]);
                if (!copied(tn_t(x), tn_contiguous(tn_t(x)))) TN_TEST_FAIL("%s [%d, %d]", tn_dtype_name(types[t]), (int)sizes[i], (int)sizes[j]);
            }
    tn_tensor *x = tn_reshape(tn_arange(0, 70 * 90, 1, OPTS(TN_F32)), S(70, 90), 2), *wide = tn_zeros(S(90, 140), 2, OPTS(TN_F32)), *cut = tn_slice(wide, 1, 0, 140, 2);
    CHECK(same(tn_to_dtype(tn_t(x), TN_F64), tn_to_dtype(tn_contiguous(tn_t(x)), TN_F64))); /* another dtype on the way */
    CHECK(same(tn_contiguous(tn_t(tn_slice(x, 1, 1, 90, 3))), tn_slice(tn_contiguous(tn_t(x)), 0, 1, 90, 3)));
    CHECK(tn_copy_(cut, tn_t(x)) != NULL); /* into a copy that has strides of its own */
    CHECK(same(tn_contiguous(cut), tn_contiguous(tn_t(x))) && tn_item(tn_sum(tn_slice(wide, 1, 1, 140, 2), NULL)) == 0);
    CHECK(same(tn_add(tn_t(x), tn_contiguous(tn_t(x))), tn_mul(tn_contiguous(tn_t(x)), 2)));
    CHECK(same(tn_contiguous(tn_add(tn_contiguous(tn_t(x)), tn_t(x))), tn_mul(tn_contiguous(tn_t(x)), 2)));
    tn_tensor *y = tn_clone(x);
    CHECK(tn_add_(y, tn_t(tn_contiguous(tn_t(x)))) != NULL && same(y, tn_mul(x, 2)));
}
TEST(permutes_of_five_dims) {
    HOST_ONLY;
    static const int64_t shapes[][5] = {{2, 3, 4, 5, 6}, {1, 17, 1, 33, 9}, {3, 2, 70, 1, 65}, {5, 1, 2, 66, 3}};
    for (int k = 0; k < 4; k++)
        for (int code = 0; code < 3125; code++) {
            TN_SCOPE;
            int dims[5], seen = 0;
            for (int d = 0, c = code; d < 5; d++, c /= 5) dims[d] = c % 5, seen |= 1 << dims[d];
            if (seen != 31) continue;
            int64_t n = 1;
            for (int d = 0; d < 5; d++) n *= shapes[k][d];
            tn_tensor *x = tn_reshape(tn_arange(0, (double)n, 1, OPTS(TN_F32)), shapes[k], 5), *view = tn_permute(x, dims, 5);
            if (!copied(view, tn_contiguous(view))) TN_TEST_FAIL("shape %d, permutation %d", k, code);
        }
}
TEST(large_transposes) { /* stored past the caches: lines that are whole vectors and others */
    HOST_ONLY;
    static const int64_t shapes[3][2] = {{2064, 4112}, {2070, 4104}, {4101, 2064}};
    for (int i = 0; i < 3; i++) {
        TN_SCOPE;
        tn_tensor *x = tn_reshape(tn_arange(0, (double)(shapes[i][0] * shapes[i][1]), 1, OPTS(TN_F32)), shapes[i], 2), *cut = tn_slice(x, 1, 3, shapes[i][1], 1);
        CHECK(copied(tn_t(x), tn_contiguous(tn_t(x))) && copied(tn_t(cut), tn_contiguous(tn_t(cut))));
    }
}
TEST(large_results_are_stored_past_the_caches) {
    HOST_ONLY;
    TN_SCOPE;
    const int64_t n = (int64_t)(9 << 20) + 5;
    tn_tensor *x = tn_arange(0, (double)n, 1, OPTS(TN_F32)), *y = tn_clone(x), *sum = tn_add(x, y), *odd = tn_narrow(sum, 0, 3, n - 3);
    CHECK(same(x, y) && same(sum, tn_mul(y, 2)));
    CHECK(tn_copy_(odd, tn_narrow(x, 0, 0, n - 3)) != NULL && same(odd, tn_narrow(x, 0, 0, n - 3)));
    tn_tensor *m = tn_reshape(tn_narrow(x, 0, 0, 9 << 20), S(3 << 10, 3 << 10), 2), *t = tn_contiguous(tn_t(m));
    CHECK(same(tn_contiguous(tn_t(t)), m) && same(tn_add(m, tn_t(t)), tn_mul(m, 2)));
}
RUN_ALL
