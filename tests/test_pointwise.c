#include "tn_test.h"

static tn_tensor *row(double a, double b, double c, tn_dtype dt) {
    const double v[3] = {a, b, c};
    const int64_t n = 3;
    return tn_to_dtype(tn_from(v, &n, 1, &(tn_tensor_opts){.dtype = TN_F64}), dt);
}
static double at(tn_tensor *t, int64_t i) { return tn_at(t, &i, 1); }

TEST(promotion) {
    const int64_t one = 1;
    tn_tensor *f = tn_ones(&one, 1, NULL), *d0 = tn_full(NULL, 0, 2, &(tn_tensor_opts){.dtype = TN_F64});
    tn_tensor *i32 = tn_ones(&one, 1, &(tn_tensor_opts){.dtype = TN_I32}), *u8 = tn_ones(&one, 1, &(tn_tensor_opts){.dtype = TN_U8});
    tn_tensor *i8 = tn_ones(&one, 1, &(tn_tensor_opts){.dtype = TN_I8}), *f16 = tn_ones(&one, 1, &(tn_tensor_opts){.dtype = TN_F16});
    tn_tensor *bf16 = tn_ones(&one, 1, &(tn_tensor_opts){.dtype = TN_BF16}), *i64 = tn_ones(&one, 1, &(tn_tensor_opts){.dtype = TN_I64});
    CHECK(tn_get_dtype(tn_add(f, d0)) == TN_F32);
    CHECK(tn_get_dtype(tn_add(i32, 2.5)) == TN_F32);
    CHECK(tn_get_dtype(tn_add(u8, 300)) == TN_U8);
    CHECK_NEAR(tn_item(tn_add(u8, 300)), 45, 0);
    CHECK(tn_get_dtype(tn_add(u8, i8)) == TN_I16);
    CHECK(tn_get_dtype(tn_add(f16, bf16)) == TN_F32);
    CHECK(tn_get_dtype(tn_add(i64, f16)) == TN_F16);
    CHECK(tn_get_dtype(tn_div(i64, i64)) == TN_F32);
    CHECK(tn_get_dtype(tn_eq(f, 1)) == TN_BOOL);
}
TEST(division) {
    tn_tensor *x = row(-7, 7, -7, TN_I64), *y = row(2, -2, -2, TN_I64);
    CHECK_NEAR(at(tn_floor_divide(x, y), 0), -4, 0);
    CHECK_NEAR(at(tn_div_rounded(x, y, TN_ROUND_TRUNC), 0), -3, 0);
    CHECK_NEAR(at(tn_remainder(x, y), 0), 1, 0);
    CHECK_NEAR(at(tn_remainder(x, y), 1), -1, 0);
    CHECK_NEAR(at(tn_fmod(x, y), 0), -1, 0);
    CHECK_ERROR(tn_floor_divide(x, 0), TN_ERR_INVALID);
    CHECK_NEAR(at(tn_remainder(row(1, 1, 1, TN_F32), 0), 0), NAN, 0);
    CHECK_NEAR(tn_item(tn_floor_divide(tn_scalar_i64(INT64_MIN), -1)), (double)INT64_MIN, 0);
}
TEST(nan_and_ties) {
    tn_tensor *x = row(NAN, 1, -0.0, TN_F32), *y = row(0, NAN, 0, TN_F32);
    CHECK_NEAR(at(tn_maximum(x, y), 0), NAN, 0);
    CHECK_NEAR(at(tn_minimum(x, y), 1), NAN, 0);
    CHECK_NEAR(at(tn_clamp(x, 0, 1), 0), NAN, 0);
    CHECK_NEAR(at(tn_sign(x), 0), 0, 0);
    CHECK_NEAR(at(tn_round(row(0.5, 1.5, 2.5, TN_F32)), 1), 2, 0);
    CHECK_NEAR(at(tn_round(row(0.5, 1.5, 2.5, TN_F32)), 2), 2, 0);
}
TEST(exp_over_its_range) {
    const int64_t n = 4001;
    tn_tensor *x = tn_arange(-105, 95.05, 0.05, NULL), *y = tn_exp(x);
    CHECK(tn_numel(x) == n);
    for (int64_t i = 0; i < tn_numel(x); i++) {
        const double want = exp(tn_at(x, &i, 1)), got = tn_at(y, &i, 1);
        if (want < 3.4e38) CHECK(fabs(got - want) <= 2.5e-7 * want + 1.5e-45);
        else CHECK(got > 3e38);
    }
}
TEST(in_place) {
    const int64_t shape[2] = {2, 3};
    tn_tensor *x = tn_ones(shape, 2, NULL), *leaf = tn_requires_grad_(tn_ones(shape, 2, NULL), true);
    CHECK(tn_add_(x, 1.0) == x);
    CHECK_NEAR(tn_item(tn_sum(x, NULL)), 12, 0);
    CHECK_ERROR(tn_add_(leaf, 1.0), TN_ERR_STATE);
    CHECK_ERROR(tn_add_(tn_ones(shape, 2, &(tn_tensor_opts){.dtype = TN_I64}), 0.5), TN_ERR_DTYPE);
    CHECK_ERROR(tn_add_(tn_ones(shape + 1, 1, NULL), x), TN_ERR_SHAPE);
    CHECK_ERROR(tn_add_(tn_expand(tn_ones(NULL, 0, NULL), shape, 2), 1.0), TN_ERR_INVALID);
    tn_tensor *y = tn_exp(leaf);
    CHECK(tn_mul_(y, 2.0) == y);
    CHECK_ERROR(tn_backward(tn_sum(y, NULL)), TN_ERR_STATE); /* exp's result was needed */
}
TEST(errors_name_the_op_and_shapes) {
    const int64_t a[2] = {2, 3}, b[1] = {2};
    tn_set_log(NULL, NULL);
    CHECK(tn_add(tn_ones(a, 2, NULL), tn_ones(b, 1, NULL)) == NULL);
    CHECK(strstr(tn_error(), "tn_add") && strstr(tn_error(), "[2, 3]") && strstr(tn_error(), "[2]"));
    const char *held = tn_error();
    CHECK(tn_mul(NULL, tn_exp(NULL)) == NULL);
    CHECK(strstr(held, "tn_add") != NULL);
    tn_error_clear();
    CHECK_ERROR(tn_neg(tn_full(b, 1, 1, &(tn_tensor_opts){.dtype = TN_BOOL})), TN_ERR_DTYPE);
    CHECK_ERROR(tn_bitwise_and(tn_ones(b, 1, NULL), tn_ones(b, 1, NULL)), TN_ERR_DTYPE);
}
TEST(strided_operands) {
    const int64_t shape[2] = {3, 4};
    const int swap[2] = {1, 0};
    tn_tensor *x = tn_reshape(tn_arange(0, 12, 1, NULL), shape, 2), *t = tn_permute(x, swap, 2);
    tn_tensor *y = tn_add(t, t);
    CHECK(tn_stride(y, 0) == 1 && tn_stride(y, 1) == 4); /* keeps the order of its operands */
    const int64_t i[2] = {1, 2};
    CHECK_NEAR(tn_at(y, i, 2), 18, 0);
    tn_tensor *h = tn_to_dtype(t, TN_F16);
    CHECK_NEAR(tn_item(tn_sum(tn_mul(h, 0.5), NULL)), 33, 0);
}

RUN_ALL
