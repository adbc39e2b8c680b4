/* Handles: sizes, strides, dtypes, promotion, versions, printing. PyTorch 2.15's values in text (see CHECK_IS). */
#include "tn_test.h"
#define of tn_test_of
#define OPTS(t) (&(tn_tensor_opts){.dtype = (t)})
#define S(...) ((int64_t[]){__VA_ARGS__})

TEST(sizes_and_strides) {
    HOST_ONLY;
    tn_tensor *x = tn_zeros(S(2, 3, 4), 3, NULL), *v = tn_permute(tn_slice(x, 2, 1, 4, 2), (int[]){2, 0, 1}, 3), *s = tn_scalar(1, NULL), *e = tn_zeros(S(2, 0, 3), 3, NULL);
    CHECK(tn_ndim(x) == 3 && tn_numel(x) == 24 && tn_is_contiguous(x));
    CHECK(tn_size(x, -1) == 4 && tn_size(x, -3) == 2 && tn_stride(x, 0) == 12 && tn_stride(x, -1) == 1);
    CHECK(tn_shape(v)[0] == 2 && tn_shape(v)[1] == 2 && tn_shape(v)[2] == 3);
    CHECK(tn_stride(v, 0) == 2 && tn_stride(v, 1) == 12 && tn_stride(v, 2) == 4 && !tn_is_contiguous(v));
    CHECK((char *)tn_data(v) - (char *)tn_data(x) == 4); /* the offset of a float */
    CHECK(tn_ndim(s) == 0 && tn_numel(s) == 1 && tn_is_contiguous(s));
    CHECK(tn_numel(e) == 0 && tn_size(e, 1) == 0 && tn_stride(e, 0) == 3 && tn_is_contiguous(e)); /* as PyTorch's strides */
    CHECK(tn_is_contiguous(tn_t(of("f32 [1, 3] 1 2 3")))); /* a dim of one does not matter */
    CHECK(tn_stride(tn_expand(s, S(3), 1), 0) == 0);
    CHECK(tn_get_device(x).kind == TN_CPU && strcmp(tn_device_name(tn_get_device(x)), "cpu") == 0);
    CHECK_ERROR(tn_size(x, 3), TN_ERR_INDEX);
    CHECK_ERROR(tn_size(x, -4), TN_ERR_INDEX);
    CHECK_ERROR(tn_stride(x, 3), TN_ERR_INDEX);
    CHECK_ERROR(tn_size(s, 0), TN_ERR_INDEX);
    CHECK_ERROR(tn_stride(s, -1), TN_ERR_INDEX);
}
TEST(nothing_of_a_null_handle) {
    CHECK_ERROR(tn_ndim(NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_size(NULL, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_stride(NULL, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_numel(NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_shape(NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_get_dtype(NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_get_device(NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_is_contiguous(NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_data(NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_version_of(NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_item(NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_item_i64(NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_at(NULL, NULL, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_result_type(NULL, tn_scalar(1, NULL)), TN_ERR_INVALID);
    tn_set_log(NULL, NULL);
    CHECK(tn_ndim(NULL) == -1 && tn_size(NULL, 0) == -1 && tn_numel(NULL) == -1 && !tn_shape(NULL) && !tn_data(NULL) && tn_version_of(NULL) == -1);
    tn_error_clear();
    tn_mark_written(NULL);
    CHECK(tn_share(NULL) == NULL && tn_keep(NULL) == NULL && tn_retain(NULL) == NULL);
    tn_release(NULL);
    CHECK(tn_error_code() == TN_OK);
}
TEST(elements) {
    tn_tensor *x = tn_t(of("f32 [2, 3] 1 2 3 4 5 6"));
    CHECK(tn_at(x, S(2, 1), 2) == 6 && tn_at(x, S(-3, -2), 2) == 1 && tn_at(x, S(0, 1), 2) == 4);
    CHECK(tn_item(of("bool [1, 1] 1")) == 1 && tn_item_i64(of("f32 [] -2.9")) == -2 && tn_item_i64(tn_scalar_i64(INT64_MAX)) == INT64_MAX);
    CHECK(tn_item(tn_to_dtype(tn_scalar(3, NULL), TN_C128)) == 3);
    CHECK_ERROR(tn_item(x), TN_ERR_SHAPE);
    CHECK_ERROR(tn_item_i64(of("i64 [0]")), TN_ERR_SHAPE);
    CHECK_ERROR(tn_at(x, S(3, 0), 2), TN_ERR_INDEX);
    CHECK_ERROR(tn_at(x, S(0, -3), 2), TN_ERR_INDEX);
    CHECK_ERROR(tn_at(x, S(0), 1), TN_ERR_INDEX);
    CHECK_ERROR(tn_at(x, NULL, 2), TN_ERR_INDEX);
}
TEST(a_view_outlives_what_it_views) {
    tn_tensor *v, *kept;
    {
        TN_SCOPE;
        tn_tensor *x = of("f32 [2, 3] 1 2 3 4 5 6");
        v = tn_retain(tn_select(x, 0, 1));
        kept = tn_keep(tn_select(x, 1, 2));
    }
    CHECK_IS(v, "f32 [3] 4 5 6");
    tn_fill_(v, 9);
    CHECK_IS(kept, "f32 [2] 3 9"); /* still one storage */
    tn_release(v);
    tn_memory_stats_t before = tn_memory_stats();
    for (int again = 0; again < 2; again++) { /* the scope's own list grows once */
        TN_SCOPE;
        before = tn_memory_stats();
        {
            TN_SCOPE;
            const tn_tensors parts = tn_split(tn_zeros(S(1000), 1, NULL), 10, 0);
            CHECK(parts.n == 100 && tn_memory_stats().live_objects >= before.live_objects + 100);
        }
    }
    CHECK(tn_memory_stats().live_bytes == before.live_bytes && tn_memory_stats().live_objects == before.live_objects);
}
static tn_tensor *same_gradient(void *user, tn_tensor *g) {
    (void)user;
    return g;
}
TEST(a_small_tensor_starts_afresh) { /* whatever the one before it in its memory went through */
    HOST_ONLY;
    const tn_memory_stats_t before = tn_memory_stats();
    for (int k = 0; k < 8; k++) {
        TN_SCOPE;
        tn_tensor *held;
        {
            TN_SCOPE;
            tn_tensor *x = tn_ones(S(3), 1, &(tn_tensor_opts){.requires_grad = k > 2}), *y = tn_mul(x, x), *z = tn_exp(y);
            if (k == 1) tn_add_(x, y), tn_mark_written(y);
            if (k == 2) y = tn_keep(y);
            if (k == 3) CHECK(tn_backward(tn_sum(z, NULL)) == TN_OK && tn_grad(x));
            if (k == 4) CHECK(tn_register_hook(x, same_gradient, NULL) == TN_OK && tn_register_hook(y, same_gradient, NULL) == TN_OK);
            if (k == 5) tn_retain_grad(y), CHECK(tn_backward(tn_sum(z, NULL)) == TN_OK && tn_grad(y));
            if (k == 6) tn_detach_(y);
            if (k == 7) tn_add_(tn_narrow(y, 0, 0, 2), 1.0), tn_share(z);
            held = tn_retain(tn_detach(y)); /* its bytes outlive the handle that they came with */
        }
        tn_tensor *r[6];
        for (int i = 0; i < 6; i++) {
            r[i] = i % 2 ? tn_zeros(S(3), 1, NULL) : tn_add(held, held);
            CHECK(tn_version_of(r[i]) == 0 && !tn_requires_grad(r[i]) && tn_is_leaf(r[i]) && !tn_grad(r[i]) && tn_data(r[i]) != tn_data(held));
            CHECK(tn_ndim(r[i]) == 1 && tn_size(r[i], 0) == 3 && tn_stride(r[i], 0) == 1);
        }
        for (int i = 0; i < 6; i++) CHECK_IS(r[i], i % 2 ? "f32 [3] 0 0 0" : k == 7 ? "f32 [3] 4 4 2" : "f32 [3] 2 2 2");
        tn_release(held);
    }
    CHECK(tn_memory_stats().live_bytes == before.live_bytes && tn_memory_stats().live_objects == before.live_objects);
}
TEST(a_handle_that_moves_leaves_its_bytes_to_others) {
    tn_memory_stats_t before = tn_memory_stats();
    for (int k = 0; k < 3; k++) { /* the scope's own lists grow once */
        TN_SCOPE;
        tn_tensor *old, *weight;
        if (k < 2) before = tn_memory_stats();
        {
            TN_SCOPE;
            tn_module *m = tn_nn_linear(2, 1, NULL);
            TN_NO_GRAD;
            weight = tn_parameters(m).at[0];
            old = tn_retain(tn_detach(tn_fill_(weight, 1)));
            CHECK(tn_module_to_dtype(m, TN_F64) == TN_OK && tn_fill_(weight, 2));
            tn_retain(weight);
        }
        CHECK_IS(old, "f32 [1, 2] 1 1");
        CHECK_IS(weight, "f64 [1, 2] 2 2");
        tn_release(k % 2 ? old : weight);
        CHECK_IS(k % 2 ? weight : old, k % 2 ? "f64 [1, 2] 2 2" : "f32 [1, 2] 1 1");
        tn_release(k % 2 ? weight : old);
    }
    CHECK(tn_memory_stats().live_bytes == before.live_bytes && tn_memory_stats().live_objects == before.live_objects);
}
TEST(promotion_of_every_pair) {
    static const char *const want[] = { /* bool u8 i8 i16 i32 i64 f16 bf16 f32 f64 c64 c128 */
        "bool u8 i8 i16 i32 i64 f16 bf16 f32 f64 c64 c128",
        "u8 u8 i16 i16 i32 i64 f16 bf16 f32 f64 c64 c128",
        "i8 i16 i8 i16 i32 i64 f16 bf16 f32 f64 c64 c128",
        "i16 i16 i16 i16 i32 i64 f16 bf16 f32 f64 c64 c128",
        "i32 i32 i32 i32 i32 i64 f16 bf16 f32 f64 c64 c128",
        "i64 i64 i64 i64 i64 i64 f16 bf16 f32 f64 c64 c128",
        "f16 f16 f16 f16 f16 f16 f16 f32 f32 f64 c64 c128",
        "bf16 bf16 bf16 bf16 bf16 bf16 f32 bf16 f32 f64 c64 c128",
        "f32 f32 f32 f32 f32 f32 f32 f32 f32 f64 c64 c128",
        "f64 f64 f64 f64 f64 f64 f64 f64 f64 f64 c128 c128",
        "c64 c64 c64 c64 c64 c64 c64 c64 c64 c128 c64 c128",
        "c128 c128 c128 c128 c128 c128 c128 c128 c128 c128 c128 c128",
    };
    for (int a = TN_BOOL; a < TN_DTYPE_COUNT; a++) {
        const char *p = want[a - 1];
        for (int b = TN_BOOL; b < TN_DTYPE_COUNT; b++) {
            char name[8];
            int used = 0;
            if (sscanf(p, "%7s%n", name, &used) != 1 || tn_promote_types((tn_dtype)a, (tn_dtype)b) != tn_dtype_from_name(name))
                TN_TEST_FAIL("%s with %s is %s, not %s", tn_dtype_name((tn_dtype)a), tn_dtype_name((tn_dtype)b), tn_dtype_name(tn_promote_types((tn_dtype)a, (tn_dtype)b)), name);
            p += used;
        }
    }
    CHECK(tn_promote_types((tn_dtype)99, TN_F32) == TN_DTYPE_DEFAULT && tn_promote_types(TN_F32, TN_DTYPE_DEFAULT) == TN_DTYPE_DEFAULT);
}
TEST(dims_weigh_more_than_numbers) {
    static const struct { const char *a, *b, *want; } c[] = {
        {"i32 [1] 1", "f64 [] 1", "f64"},
        {"f16 [1] 1", "f64 [] 1", "f16"},
        {"u8 [1] 1", "i64 [] 1", "u8"},
        {"bool [1] 1", "i8 [] 1", "i8"},
        {"f32 [] 1", "f64 [] 1", "f64"},
        {"i64 [0]", "f32 [1] 1", "f32"},
    };
    for (size_t k = 0; k < sizeof c / sizeof *c; k++) {
        CHECK(tn_result_type(of(c[k].a), of(c[k].b)) == tn_dtype_from_name(c[k].want));
        CHECK(tn_result_type(of(c[k].b), of(c[k].a)) == tn_dtype_from_name(c[k].want));
    }
    tn_tensor *i = of("i32 [1] 1"), *b = of("bf16 [1] 1"), *s = of("f64 [] 1");
    CHECK(tn_result_type(i, tn_arg_f(1)) == TN_F32 && tn_result_type(b, tn_arg_f(1)) == TN_BF16 && tn_result_type(s, tn_arg_f(1)) == TN_F64);
    CHECK(tn_result_type(i, tn_arg_i(1)) == TN_I32 && tn_result_type(of("bool [1] 1"), tn_arg_i(1)) == TN_I64 && tn_result_type(b, tn_arg_b(true)) == TN_BF16);
    CHECK(tn_result_type(tn_to_dtype(of("f32 [] 1"), TN_C64), of("f64 [1] 1")) == TN_C128);
}
TEST(names_and_sizes_of_dtypes) {
    static const struct { tn_dtype dt; const char *name, *brief; size_t size; } c[] = {
        {TN_BOOL, "bool", "BOOL", 1}, {TN_U8, "uint8", "u8", 1}, {TN_I8, "int8", "I8", 1}, {TN_I16, "int16", "i16", 2}, {TN_I32, "int32", "I32", 4}, {TN_I64, "int64", "i64", 8},
        {TN_F16, "float16", "F16", 2}, {TN_BF16, "bfloat16", "bf16", 2}, {TN_F32, "float32", "f32", 4}, {TN_F64, "float64", "F64", 8}, {TN_C64, "complex64", "c64", 8}, {TN_C128, "complex128", "C128", 16},
    };
    for (size_t k = 0; k < sizeof c / sizeof *c; k++) {
        CHECK(strcmp(tn_dtype_name(c[k].dt), c[k].name) == 0 && tn_dtype_size(c[k].dt) == c[k].size);
        CHECK(tn_dtype_from_name(c[k].name) == c[k].dt && tn_dtype_from_name(c[k].brief) == c[k].dt);
        CHECK(tn_dtype_is_floating(c[k].dt) == (strstr(c[k].name, "float") != NULL) && tn_dtype_is_complex(c[k].dt) == (strstr(c[k].name, "complex") != NULL));
    }
    CHECK(tn_dtype_size((tn_dtype)99) == 0 && tn_dtype_size(TN_DTYPE_DEFAULT) == 0 && tn_dtype_from_name("float7") == TN_DTYPE_DEFAULT && tn_dtype_from_name(NULL) == TN_DTYPE_DEFAULT);
    CHECK(!tn_dtype_is_complex((tn_dtype)99) && !tn_dtype_is_floating((tn_dtype)99) && strcmp(tn_dtype_name((tn_dtype)99), "unknown") == 0);
    CHECK(tn_dtype_from_name("") == TN_DTYPE_DEFAULT && tn_dtype_from_name("default") == TN_DTYPE_DEFAULT);
}
TEST(the_default_dtype) {
    CHECK(tn_get_default_dtype() == TN_F32);
    CHECK(tn_set_default_dtype(TN_F64) == TN_OK);
    CHECK(tn_get_dtype(tn_zeros(NULL, 0, NULL)) == TN_F64 && tn_get_dtype(tn_exp(of("i64 [] 0"))) == TN_F64 && tn_get_dtype(tn_add(of("i64 [1] 0"), 1.0)) == TN_F64);
    CHECK(tn_set_default_dtype(TN_F32) == TN_OK);
    CHECK_ERROR(tn_set_default_dtype(TN_I64), TN_ERR_DTYPE);
    CHECK_ERROR(tn_set_default_dtype((tn_dtype)99), TN_ERR_DTYPE);
    CHECK(tn_get_default_dtype() == TN_F32);
}
TEST(versions_count_the_writes) {
    tn_tensor *x = of("f32 [2, 3] 1 2 3 4 5 6"), *v = tn_select(tn_t(x), 0, 1);
    const int64_t start = tn_version_of(x);
    (void)tn_add(x, v ? 1 : 0), (void)tn_clone(x), (void)tn_reshape(x, S(6), 1);
    CHECK(tn_version_of(x) == start && tn_version_of(v) == start);
    tn_add_(v, 1);
    CHECK(tn_version_of(x) == start + 1 && tn_version_of(v) == start + 1);
    tn_copy_(x, tn_scalar(0, NULL)), tn_fill_(v, 2), tn_uniform_(x, 0, 1, NULL), tn_mark_written(v);
    CHECK(tn_version_of(x) == start + 5);
    tn_scatter_(v, 0, of("i64 [1] 0"), 1), tn_index_put_(x, (tn_tensor *[]){of("i64 [1] 0")}, 1, tn_scalar(3, NULL), false);
    CHECK(tn_version_of(x) == start + 7);
    const int64_t before = tn_version_of(x);
    CHECK_ERROR(tn_add_(x, of("f32 [4] 1 2 3 4")), TN_ERR_SHAPE);
    CHECK(tn_version_of(x) == before); /* nothing was written */
}
TEST(backward_refuses_what_changed_since) {
    static const char *const how[] = {"itself", "a view", "by hand", "detached"};
    for (size_t k = 0; k < sizeof how / sizeof *how; k++) {
        TN_SCOPE;
        tn_tensor *w = tn_requires_grad_(of("f32 [2] 1 2"), true), *x = tn_mul(w, 2), *y = tn_sum(tn_mul(x, x), NULL); /* the product keeps x */
        if (k == 0) tn_add_(x, 1);
        else if (k == 1) tn_fill_(tn_select(x, 0, 0), 1);
        else if (k == 2) tn_mark_written(x);
        else tn_zero_(tn_detach(x));
        CHECK_ERROR(tn_backward(y), TN_ERR_STATE);
    }
    tn_tensor *w = tn_requires_grad_(of("f32 [2] 1 2"), true), *x = tn_mul(w, 2), *y = tn_sum(x, NULL); /* a sum keeps nothing */
    tn_detach(x);
    tn_zero_(tn_detach(x));
    CHECK(tn_backward(y) == TN_OK);
    CHECK_ERROR(tn_add_(w, 1), TN_ERR_STATE); /* a leaf that requires grad */
    CHECK_ERROR(tn_fill_(tn_select(w, 0, 0), 1), TN_ERR_STATE);
    CHECK_ERROR(tn_copy_(w, x), TN_ERR_STATE);
    {
        TN_NO_GRAD;
        CHECK(tn_add_(w, 1) == w);
    }
    CHECK_IS(w, "f32 [2] 2 3");
}
TEST(in_place_over_itself) {
    tn_tensor *x = of("f32 [4] 1 2 3 4"), *m = of("f32 [2, 2] 1 2 3 4"), *e = tn_expand(of("f32 [1] 1"), S(3), 1);
    CHECK_IS(tn_add_(x, x), "f32 [4] 2 4 6 8");
    tn_add_(tn_narrow(x, 0, 1, 3), tn_narrow(x, 0, 0, 3)); /* what is read is read first */
    CHECK_IS(x, "f32 [4] 2 6 10 14");
    CHECK_IS(tn_mul_(m, tn_t(m)), "f32 [2, 2] 1 6 6 16");
    CHECK_ERROR(tn_add_(e, 1), TN_ERR_INVALID);
    CHECK_ERROR(tn_mul_(of("i32 [1] 2"), 1.5), TN_ERR_DTYPE); /* a float does not fit */
    CHECK_ERROR(tn_add_(of("f32 [1] 1"), of("f32 [2] 1 2")), TN_ERR_SHAPE);
    CHECK_ERROR(tn_add_(NULL, 1), TN_ERR_INVALID);
}
static void printed(tn_tensor *t, const char *want) {
    char text[4096];
    const size_t n = tn_format(t, text, sizeof text);
    if (n != strlen(want) || strcmp(text, want) != 0) TN_TEST_FAIL("printed\n%s\nnot\n%s", text, want);
}
TEST(prints_as_pytorch) {
    HOST_ONLY;
    static const struct { const char *text, *want; } c[] = {
        {"f32 [] 3", "tensor(3.)"},
        {"f32 [3] 1 2 3", "tensor([1., 2., 3.])"},
        {"f32 [3] 1.5 2 -3.25", "tensor([ 1.5000,  2.0000, -3.2500])"},
        {"f32 [2] 1e-5 1", "tensor([1.0000e-05, 1.0000e+00])"},
        {"f32 [2] 1e10 1", "tensor([1.0000e+10, 1.0000e+00])"},
        {"f32 [3] nan inf -1", "tensor([nan, inf, -1.])"},
        {"f32 [2] nan 1.5", "tensor([   nan, 1.5000])"},
        {"f64 [1] 0.1", "tensor([0.1000], dtype=float64)"},
        {"f16 [2] 1 2", "tensor([1., 2.], dtype=float16)"},
        {"bool [2] 1 0", "tensor([ True, False])"},
        {"bool [] 1", "tensor(True)"},
        {"u8 [2] 3 200", "tensor([  3, 200], dtype=uint8)"},
        {"i64 [2, 2] 1 -20 3 4", "tensor([[  1, -20],\n        [  3,   4]])"},
        {"f32 [0]", "tensor([])"},
        {"f32 [0, 3]", "tensor([], size=(0, 3))"},
        {"i64 [0]", "tensor([], dtype=int64)"},
        {"bool [2, 0]", "tensor([], size=(2, 0), dtype=bool)"},
        {"f32 [2, 2, 2] 1 2 3 4 5 6 7 8", "tensor([[[1., 2.],\n         [3., 4.]],\n\n        [[5., 6.],\n         [7., 8.]]])"},
        {"f32 [2] 0 0", "tensor([0., 0.])"},
        {"f32 [2] 1000000 1", "tensor([1.0000e+06, 1.0000e+00])"},
        {"f32 [1] 99999999", "tensor([100000000.])"},
        {"f32 [2] 0.0001 0.5", "tensor([1.0000e-04, 5.0000e-01])"},
        {"f32 [1] 123456789", "tensor([1.2346e+08])"},
        {"bf16 [] 0.5", "tensor(0.5000, dtype=bfloat16)"},
        {"f32 [2] inf 2", "tensor([inf, 2.])"},
        {"f32 [1] nan", "tensor([nan])"},
        {"f32 [2] 1 1001.5", "tensor([1.0000e+00, 1.0015e+03])"},
        {"f32 [2] 0 0.00001", "tensor([0.0000e+00, 1.0000e-05])"},
        {"f32 [] 1e20", "tensor(1.0000e+20)"},
        {"f32 [2] -0 1", "tensor([-0., 1.])"},
    };
    for (size_t k = 0; k < sizeof c / sizeof *c; k++) printed(of(c[k].text), c[k].want);
}
TEST(prints_long_ones_in_lines_or_in_part) {
    HOST_ONLY;
    const tn_tensor_opts f32 = {.dtype = TN_F32};
    printed(tn_arange(0, 30, 1, &f32), "tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11., 12., 13.,\n        14., 15., 16., 17., 18., 19., 20., 21., 22., 23., 24., 25., 26., 27.,\n        28., 29.])");
    printed(tn_reshape(tn_arange(0, 60, 1, NULL), S(2, 30), 2), "tensor([[ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,\n         18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29],\n        [30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47,\n         48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59]])");
    printed(tn_arange(0, 1001, 1, NULL), "tensor([   0,    1,    2,  ...,  998,  999, 1000])");
    printed(tn_mul(tn_arange(0, 1001, 1, NULL), 1.5), "tensor([   0.0000,    1.5000,    3.0000,  ..., 1497.0000, 1498.5000,\n        1500.0000])");
    printed(tn_reshape(tn_arange(0, 2000, 1, &f32), S(20, 100), 2), "tensor([[0.0000e+00, 1.0000e+00, 2.0000e+00,  ..., 9.7000e+01, 9.8000e+01,\n         9.9000e+01],\n        [1.0000e+02, 1.0100e+02, 1.0200e+02,  ..., 1.9700e+02, 1.9800e+02,\n         1.9900e+02],\n        [2.0000e+02, 2.0100e+02, 2.0200e+02,  ..., 2.9700e+02, 2.9800e+02,\n         2.9900e+02],\n        ...,\n        [1.7000e+03, 1.7010e+03, 1.7020e+03,  ..., 1.7970e+03, 1.7980e+03,\n         1.7990e+03],\n        [1.8000e+03, 1.8010e+03, 1.8020e+03,  ..., 1.8970e+03, 1.8980e+03,\n         1.8990e+03],\n        [1.9000e+03, 1.9010e+03, 1.9020e+03,  ..., 1.9970e+03, 1.9980e+03,\n         1.9990e+03]])");
    printed(tn_reshape(tn_arange(0, 1200, 1, NULL), S(100, 4, 3), 3), "tensor([[[   0,    1,    2],\n         [   3,    4,    5],\n         [   6,    7,    8],\n         [   9,   10,   11]],\n\n        [[  12,   13,   14],\n         [  15,   16,   17],\n         [  18,   19,   20],\n         [  21,   22,   23]],\n\n        [[  24,   25,   26],\n         [  27,   28,   29],\n         [  30,   31,   32],\n         [  33,   34,   35]],\n\n        ...,\n\n        [[1164, 1165, 1166],\n         [1167, 1168, 1169],\n         [1170, 1171, 1172],\n         [1173, 1174, 1175]],\n\n        [[1176, 1177, 1178],\n         [1179, 1180, 1181],\n         [1182, 1183, 1184],\n         [1185, 1186, 1187]],\n\n        [[1188, 1189, 1190],\n         [1191, 1192, 1193],\n         [1194, 1195, 1196],\n         [1197, 1198, 1199]]])");
    printed(tn_t(of("f32 [2, 3] 1 2 3 4 5 6")), "tensor([[1., 4.],\n        [2., 5.],\n        [3., 6.]])");
    printed(tn_eq(tn_arange(0, 20, 1, NULL), 3), "tensor([False, False, False,  True, False, False, False, False, False, False,\n        False, False, False, False, False, False, False, False, False, False])");
    printed(tn_linspace(0, 1, 11, OPTS(TN_F64)), "tensor([0.0000, 0.1000, 0.2000, 0.3000, 0.4000, 0.5000, 0.6000, 0.7000, 0.8000,\n        0.9000, 1.0000], dtype=float64)");
    printed(tn_linspace(0, 1, 8, OPTS(TN_F64)), "tensor([0.0000, 0.1429, 0.2857, 0.4286, 0.5714, 0.7143, 0.8571, 1.0000],\n       dtype=float64)"); /* the dtype on a line of its own */
    tn_tensor *c = tn_to_dtype(of("f32 [2] 1 3"), TN_C64);
    ((float *)tn_data(c))[1] = 2;
    printed(c, "tensor([1.+2.j, 3.+0.j])");
    ((float *)tn_data(c))[3] = -0.25F;
    printed(tn_to_dtype(c, TN_C128), "tensor([1.+2.0000j, 3.-0.2500j], dtype=complex128)");
    printed(tn_zeros(S(2), 1, &(tn_tensor_opts){.requires_grad = true}), "tensor([0., 0.], requires_grad=True)");
    printed(tn_neg(tn_zeros(S(2), 1, &(tn_tensor_opts){.requires_grad = true})), "tensor([-0., -0.], grad_fn=<neg>)"); /* ops have their own names */
    CHECK(tn_format(NULL, NULL, 0) == 4);
    char small[8];
    CHECK(tn_format(of("f32 [3] 1 2 3"), small, sizeof small) == 20 && strcmp(small, "tensor(") == 0);
    tn_set_default_dtype(TN_F64);
    printed(of("f64 [1] 1"), "tensor([1.])");
    printed(of("f32 [1] 1"), "tensor([1.], dtype=float32)");
    tn_set_default_dtype(TN_F32);
}
static const void *attempt(int k, tn_tensor *x, tn_tensor *i) { /* x f32 [4, 3], i i64 [4, 3] below 3; NULL where it failed, or past the last */
    tn_tensors parts;
    tn_tensor *some = k == 18 ? tn_gt(x, 2) : k == 19 ? tn_select(i, 0, 0) : x; /* a NULL index would be a whole dim */
    if (!some) return NULL;
    switch (k) {
    case 0: return tn_repeat(x, S(2, 2), 2);
    case 1: return tn_repeat_interleave(tn_t(x), 2, 0);
    case 2: return tn_roll(x, S(1), NULL, 0);
    case 3: return tn_flip(x, (int[]){0, 1}, 2);
    case 4: return tn_pad(x, S(1, 1), 2, &(tn_pad_opts){.mode = TN_PAD_REFLECT});
    case 5: return parts = tn_split(x, 1, 0), parts.at ? tn_cat(parts.at, parts.n, 1) : NULL;
    case 6: return parts = tn_unbind(x, 1), parts.at ? tn_stack(parts.at, parts.n, 0) : NULL;
    case 7: return tn_sum(tn_t(x), &(tn_reduce_opts){.dim = 0, .has_dim = true});
    case 8: return tn_var_mean(x, NULL).mean;
    case 9: return tn_logsumexp(x, NULL);
    case 10: return tn_linalg_vector_norm(x, 3, NULL);
    case 11: return tn_softmax(x, 0, TN_F64);
    case 12: return tn_cumsum(x, 0, TN_DTYPE_DEFAULT);
    case 13: return tn_max_dim(x, 0, false).values;
    case 14: return tn_sort(x, 0, true, true).indices;
    case 15: return tn_topk(tn_t(x), 2, NULL).values;
    case 16: return tn_unique(x, &(tn_unique_opts){.dim = 1, .has_dim = true}).output;
    case 17: return tn_searchsorted(x, tn_t(tn_t(x)), &(tn_searchsorted_opts){.sorter = i});
    case 18: return tn_index(x, &some, 1);
    case 19: return tn_index_put_(tn_clone(x), (tn_tensor *[]){NULL, some}, 2, tn_scalar(1, NULL), true);
    case 20: return tn_setitem_(tn_clone(x), &(tn_index_item){.kind = TN_INDEX_INT}, 1, tn_unsqueeze(tn_select(x, 0, 1), 0));
    case 21: return tn_scatter_reduce(x, 1, i, x, TN_REDUCE_MEAN, true);
    case 22: return tn_gather(tn_t(x), 0, tn_t(i));
    case 23: return tn_masked_select(x, tn_gt(x, 2));
    case 24: return tn_embedding(i, tn_clone(x), &(tn_embedding_opts){.max_norm = 1});
    case 25: return tn_one_hot(i, -1);
    case 26: return tn_bincount(tn_flatten(i, 0, -1), NULL, 0);
    case 27: return tn_segment_reduce(x, TN_REDUCE_MEAN, &(tn_segment_reduce_opts){.lengths = of("i64 [2] 1 3")});
    case 28: return tn_multinomial(x, 2, false, NULL);
    case 29: return tn_multinomial(x, 2, true, NULL);
    case 30: return tn_rand_like(tn_t(x), NULL);
    case 31: return tn_normal(x, 1.0, NULL);
    case 32: return tn_repeat_interleave_t(x, of("i64 [3] 1 0 2"), 1);
    case 33: return tn_scatter_(tn_clone(i), 1, i, 7);
    case 34: return tn_to_dtype(tn_t(x), TN_C64);
    case 35: return tn_sparse_mm(of("i64 [4] 0 1 2 3"), of("i64 [3] 0 1 2"), NULL, tn_narrow(x, 0, 0, 3));
    case 36: return tn_backward(tn_sum(tn_tanh(tn_mul(tn_requires_grad_(tn_clone(x), true), x)), NULL)) == TN_OK ? x : NULL;
    case 37: return tn_backward(tn_sum(tn_mul(tn_gt(x, 2), tn_div(3.0, tn_requires_grad_(tn_clone(x), true))), NULL)) == TN_OK ? x : NULL;
    default: return NULL;
    }
}
TEST(every_allocation_of_these_ops_may_fail) {
    tn_tensor *x = of("f32 [4, 3] 1 2 3 4 5 6 7 8 9 10 11 12"), *i = of("i64 [4, 3] 0 1 2 0 1 2 0 1 2 0 1 2");
    int k = 0, threads = tn_get_num_threads();
    tn_set_num_threads(1);
    tn_manual_seed(0); /* the thread's generator stays */
    tn_set_log(NULL, NULL);
    for (bool more = true; more; k++) {
        int64_t n = 1, objects = tn_memory_stats().live_objects;
        for (; n < 1000; n++) {
            TN_SCOPE;
            tn_fault_alloc(n, false);
            const void *r = attempt(k, x, i);
            tn_fault_alloc(0, false);
            more = r || tn_error_code() != TN_OK;
            if (tn_error_code() == TN_OK) break;
            if (tn_error_code() != TN_ERR_MEMORY || r) TN_TEST_FAIL("op %d, allocation %d: %s, %s", k, (int)n, r ? "a result" : "none", tn_error());
            tn_error_clear();
        }
        if (n == 1000 || (n == 1 && more) || tn_memory_stats().live_objects != objects) TN_TEST_FAIL("op %d: %d allocations, %d objects left", k, (int)n, (int)(tn_memory_stats().live_objects - objects));
    }
    CHECK(k == 39);
    tn_set_num_threads(threads);
}
RUN_ALL
