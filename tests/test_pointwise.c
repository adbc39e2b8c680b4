#include "tn_test.h"
#include "../tools/accuracy.h"

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
/* The f32 functions within their bounds (docs/accuracy.md), in every pass that this machine has; make accuracy tries all inputs. */
static const char *const passes[] = {"scalar", "avx2", "avx512"};
static void check_pass(const char *name, tn_tensor *r, const float *x, const float *y, const double *want, double bound) {
    const float *got = (const float *)tn_data(r);
    for (int64_t i = 0, n = tn_numel(r); i < n; i++) {
        if (got[i] == (float)want[i] && bound >= 0.5 && got[i] != 0) continue;
        if (error_of(got[i], want[i]) <= bound) continue;
        TN_TEST_FAIL("%s, %s: of %a, %a gives %a, not %a", tn_get_isa(), name, (double)x[i], (double)y[i], (double)got[i], want[i]);
        return;
    }
}
static void check_one(const function1 *f, const float *x, int64_t n, double *want) {
    for (int64_t i = 0; i < n; i++) want[i] = f->ref((double)x[i]);
    for (int k = 0; k < 3; k++) {
        TN_SCOPE;
        if (tn_set_isa(passes[k]) == TN_OK) check_pass(f->name, f->ours(tn_from(x, &n, 1, NULL)), x, x, want, f->bound);
    }
    tn_error_clear();
}
TEST(functions_over_a_share_of_all_inputs) {
    enum { SHARE = 4099, N = 1047812 };
    float *x = (float *)malloc(N * sizeof *x);
    double *want = (double *)malloc(N * sizeof *want);
    const char *isa = tn_get_isa();
    if (tn_get_default_device().kind != TN_CPU) SKIP("of the CPU's functions");
    tn_set_log(NULL, NULL);
    for (uint32_t i = 0; i < N; i++) {
        const uint32_t bits = i * SHARE;
        memcpy(&x[i], &bits, 4);
    }
    for (size_t f = 0; f < N_ONES; f++) check_one(&ones[f], x, N, want);
    free(x);
    free(want);
    CHECK(tn_set_isa(isa) == TN_OK);
}
TEST(functions_at_the_edges) {
    float x[N_EDGES * N_EDGES], y[N_EDGES * N_EDGES];
    double want[N_EDGES * N_EDGES];
    const int64_t n = N_EDGES * N_EDGES;
    const char *isa = tn_get_isa();
    if (tn_get_default_device().kind != TN_CPU) SKIP("of the CPU's functions");
    tn_set_log(NULL, NULL);
    for (int64_t i = 0; i < n; i++) {
        x[i] = edge_at((size_t)i / N_EDGES);
        y[i] = edge_at((size_t)i % N_EDGES);
    }
    for (size_t f = 0; f < N_ONES; f++) check_one(&ones[f], y, N_EDGES, want);
    for (size_t f = 0; f < N_TWOS; f++) {
        for (int64_t i = 0; i < n; i++) want[i] = twos[f].ref((double)x[i], (double)y[i]);
        for (int k = 0; k < 3; k++)
            if (tn_set_isa(passes[k]) == TN_OK) check_pass(twos[f].name, twos[f].ours(tn_from(x, &n, 1, NULL), tn_from(y, &n, 1, NULL)), x, y, want, twos[f].bound);
    }
    CHECK(tn_set_isa(isa) == TN_OK);
    tn_error_clear();
}
/* The same bits for an element wherever it lies in a vector, and whatever lies beside it. */
TEST(functions_do_not_mind_where) {
    const int64_t n = 37, one_element = 1;
    float v[37];
    const float rare[6] = {0, -1e-41f, 1e30f, INFINITY, NAN, -4e6f};
    for (int i = 0; i < 37; i++) v[i] = i % 7 == 3 ? rare[i / 7] : (float)(i - 18) * 0.37f;
    tn_tensor *x = tn_from(v, &n, 1, NULL);
    for (size_t f = 0; f < N_ONES; f++) {
        tn_tensor *all = ones[f].ours(x), *p = tn_pow(x, 2.5), *q = tn_atan2(x, tn_arg_f(0.3)), *m = tn_fmod(x, 0.7);
        for (int i = 0; i < 37; i++) {
            tn_tensor *alone = tn_from(&v[i], &one_element, 1, NULL);
            CHECK_NEAR(at(all, i), at(ones[f].ours(alone), 0), 0);
            if (f) continue;
            CHECK_NEAR(at(p, i), at(tn_pow(alone, 2.5), 0), 0);
            CHECK_NEAR(at(q, i), at(tn_atan2(alone, tn_arg_f(0.3)), 0), 0);
            CHECK_NEAR(at(m, i), at(tn_fmod(alone, 0.7), 0), 0);
        }
    }
}
/* gelu's slope, which no table of functions holds: against f64, across the range of its table and past it. */
TEST(gelu_slope_in_every_pass) {
    enum { N = 4001 };
    const int64_t n = N;
    float x[N];
    const char *isa = tn_get_isa();
    if (tn_get_default_device().kind != TN_CPU) SKIP("of the CPU's functions");
    tn_set_log(NULL, NULL);
    for (int i = 0; i < N; i++) x[i] = (float)(i - 2000) * 0.004f;
    for (int k = 0; k < 3; k++) {
        if (tn_set_isa(passes[k]) != TN_OK) continue;
        tn_tensor *v = tn_requires_grad_(tn_from(x, &n, 1, NULL), true);
        CHECK(tn_backward(tn_sum(gelu(v), NULL)) == TN_OK);
        for (int i = 0; i < N; i++) {
            const double a = (double)x[i], want = 0.5 * erfc(a * -0.70710678118654752440) + a * exp(-0.5 * a * a) * 0.39894228040143267794, room = fabs(want) * 3e-7 + (fabs(a) < 2 ? 1e-7 : 0);
            CHECK_NEAR(at(tn_grad(v), i), want, room);
        }
    }
    CHECK(tn_set_isa(isa) == TN_OK);
    tn_error_clear();
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
TEST(every_length) { /* whole vectors, tails, and nothing past them */
    HOST_ONLY;
    for (int64_t n = 1; n <= 70; n++)
        for (int k = 0; k < 2; k++) {
            TN_SCOPE;
            const tn_tensor_opts o = {.dtype = k ? TN_F64 : TN_F32};
            tn_tensor *x = tn_arange(1, (double)n + 1, 1, &o), *y = tn_neg(x), *whole = tn_full(&(int64_t){n + 9}, 1, 5, &o), *part = tn_narrow(whole, 0, 3, n);
            tn_tensor *sum = tn_add(x, part), *product = tn_mul(y, 0.5), *over = tn_sub(part, tn_scalar(1, &o)), *larger = tn_gt(x, part), *mixed = tn_addcmul(x, y, part, 2);
            CHECK(tn_add_(part, x) == part && sum && product && over && larger && mixed);
            for (int64_t i = 0; i < n; i++) {
                const double v = (double)i + 1;
                CHECK(tn_at(sum, &i, 1) == v + 5 && tn_at(product, &i, 1) == -v / 2 && tn_at(over, &i, 1) == 4 && tn_at(larger, &i, 1) == (v > 5) && tn_at(mixed, &i, 1) == -9 * v);
                CHECK(tn_at(part, &i, 1) == v + 5);
            }
            for (int64_t i = 0; i < n + 9; i++) CHECK(tn_at(whole, &i, 1) == (i < 3 || i >= n + 3 ? 5 : (double)i + 3));
        }
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
/* Fused chains against the same steps one by one. */
static tn_fused_step step(const char *name, int a, int b, int c) { return (tn_fused_step){.op = tn_op_row(name), .a = a, .b = b, .c = c}; }
static void check_same(tn_tensor *got, tn_tensor *want, double tolerance) {
    CHECK(got && want && tn_get_dtype(got) == tn_get_dtype(want) && tn_numel(got) == tn_numel(want) && tn_ndim(got) == tn_ndim(want));
    if (!got || !want || tn_numel(got) == 0) return;
    CHECK_NEAR(tn_item(tn_amax(tn_abs(tn_sub(got, want)), NULL)), 0, tolerance);
}
static tn_tensor *gate(tn_tensor *x, tn_tensor *y, tn_tensor *s) { /* where(x > y, gelu(x y), s x) + y, fused */
    const tn_fused_step steps[5] = {step("gt", 0, 1, 0), step("mul", 0, 1, 0), step("gelu", 4, 0, 0), step("mul", 2, 0, 0), step("where", 3, 5, 6)};
    tn_fused_step all[6];
    tn_tensor *in[3] = {x, y, s};
    memcpy(all, steps, sizeof steps);
    all[5] = step("add", 7, 1, 0);
    return tn_fused_pointwise(all, 6, in, 3);
}
static tn_tensor *gate_by_ops(tn_tensor *x, tn_tensor *y, tn_tensor *s) { return tn_add(tn_where(tn_gt(x, y), tn_gelu(tn_mul(x, y), TN_GELU_NONE), tn_mul(s, x)), y); }
TEST(fused_is_its_steps) {
    const int64_t shape[2] = {37, 129}, line[1] = {129}, column[2] = {37, 1}, flat[1] = {100003}, none[2] = {0, 129};
    const int swap[2] = {1, 0};
    const tn_dtype dt[2] = {TN_F32, TN_F64};
    for (int k = 0; k < 2; k++) {
        const tn_tensor_opts o = {.dtype = dt[k]};
        tn_tensor *x = tn_randn(shape, 2, &o), *y = tn_randn(shape, 2, &o), *z = tn_randn(line, 1, &o), *u = tn_randn(column, 2, &o);
        tn_tensor *xt = tn_permute(tn_randn((int64_t[]){129, 37}, 2, &o), swap, 2), *half = tn_slice(tn_randn((int64_t[]){37, 258}, 2, &o), 1, 0, 258, 2);
        tn_tensor *number = tn_arg_f(0.3);
        const double near = dt[k] == TN_F32 ? 1e-6 : 1e-15;
        check_same(gate(x, y, number), gate_by_ops(x, y, number), near);
        check_same(gate(x, z, u), gate_by_ops(x, z, u), near);
        check_same(gate(xt, y, half), gate_by_ops(xt, y, half), near);
        check_same(gate(xt, xt, xt), gate_by_ops(xt, xt, xt), near);
        CHECK(tn_stride(gate(xt, xt, xt), 0) == 1);
        check_same(gate(half, z, x), gate_by_ops(half, z, x), near);
        x = tn_randn(flat, 1, &o);
        check_same(gate(x, x, number), gate_by_ops(x, x, number), near);
        check_same(gate(tn_ones(none, 2, &o), z, number), tn_ones(none, 2, &o), 0);
        check_same(gate(tn_select(x, 0, 0), tn_select(x, 0, 1), number), gate_by_ops(tn_select(x, 0, 0), tn_select(x, 0, 1), number), near);
    }
}
TEST(fused_halves_round_once) {
    const int64_t n = 3001;
    const tn_dtype dt[2] = {TN_F16, TN_BF16};
    for (int k = 0; k < 2; k++) {
        tn_tensor *x = tn_randn(&n, 1, &(tn_tensor_opts){.dtype = dt[k]}), *y = tn_randn(&n, 1, &(tn_tensor_opts){.dtype = dt[k]}), *s = tn_arg_f(0.3);
        tn_tensor *want = tn_to_dtype(gate_by_ops(tn_to_dtype(x, TN_F32), tn_to_dtype(y, TN_F32), s), dt[k]);
        check_same(gate(x, y, s), want, 0);
        CHECK(tn_get_dtype(gate(x, tn_to_dtype(y, TN_F32), s)) == TN_F32);
    }
}
TEST(fused_steps_of_every_kind) {
    const int64_t n = 1025;
    tn_tensor *x = tn_randn(&n, 1, NULL), *y = tn_add(tn_rand(&n, 1, NULL), 0.5), *in[3] = {x, y, tn_arg_i(2)};
    for (int row = 0; row < tn_op_count(); row++) { /* each row alone gives what the row gives */
        tn_fused_step s = {row, 1, 1, 1, {1.5, 1}};
        if (tn_op_id(row) < 100 || tn_op_id(row) > 178 || strncmp(tn_op_name(row), "bitwise", 7) == 0) continue;
        CHECK(tn_fused_pointwise(&s, 1, in, 2) != NULL);
    }
    tn_fused_step s = {tn_op_row("elu"), 0, 0, 0, {1.3, 1}};
    check_same(tn_fused_pointwise(&s, 1, in, 1), tn_elu(x, 1.3), 0);
    s = (tn_fused_step){tn_op_row("add_alpha"), 0, 1, 0, {0.25, 0}};
    check_same(tn_fused_pointwise(&s, 1, in, 2), tn_add_alpha(x, y, 0.25), 0);
    s = step("gt", 0, 1, 0);
    check_same(tn_fused_pointwise(&s, 1, in, 2), tn_to_dtype(tn_gt(x, y), TN_F32), 0);
    s = step("pow", 1, 2, 0);
    check_same(tn_fused_pointwise(&s, 1, in, 3), tn_pow(y, 2), 0);
    tn_fused_step many[16]; /* eight results alive at once */
    tn_tensor *want = x;
    for (int k = 0; k < 8; k++) many[k] = step("sin", k ? 2 + k : 0, 0, 0);
    for (int k = 0; k < 7; k++) many[8 + k] = step("add", k ? 10 + k : 3, 4 + k, 0);
    many[15] = step("mul", 17, 0, 0);
    tn_tensor *sines[8], *sum;
    for (int k = 0; k < 8; k++) sines[k] = want = tn_sin(want);
    sum = sines[0];
    for (int k = 1; k < 8; k++) sum = tn_add(sum, sines[k]);
    check_same(tn_fused_pointwise(many, 16, in, 3), tn_mul(sum, x), 0);
}
TEST(fused_errors_name_the_step) {
    const int64_t shape[2] = {2, 3}, two = 2;
    tn_tensor *x = tn_ones(shape, 2, NULL), *in[2] = {x, x};
    tn_fused_step s[2] = {step("exp", 0, 0, 0), step("add", 2, 3, 0)};
    tn_set_log(NULL, NULL);
    CHECK(tn_op_row("mul") >= 0 && strcmp(tn_op_name(tn_op_row("mul")), "mul") == 0 && tn_op_row("no such") == -1 && tn_op_row(NULL) == -1);
    CHECK(!tn_fused_pointwise(s, 2, in, 2));
    CHECK(tn_error_code() == TN_ERR_INVALID && strstr(tn_error(), "step 1 (add): operand b is 3") != NULL);
    tn_error_clear();
    s[1] = step("bitwise_and", 0, 1, 0);
    CHECK(!tn_fused_pointwise(s, 2, in, 2));
    CHECK(strstr(tn_error(), "step 1 (bitwise_and)") != NULL);
    tn_error_clear();
    s[1] = step("softmax", 0, 0, 0);
    CHECK_ERROR(tn_fused_pointwise(s, 2, in, 2), TN_ERR_INVALID);
    s[1].op = -1;
    CHECK_ERROR(tn_fused_pointwise(s, 2, in, 2), TN_ERR_INVALID);
    CHECK_ERROR(tn_fused_pointwise(s, 17, in, 2), TN_ERR_INVALID);
    CHECK_ERROR(tn_fused_pointwise(s, 1, in, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_fused_pointwise(NULL, 1, in, 1), TN_ERR_INVALID);
    in[1] = NULL;
    CHECK_ERROR(tn_fused_pointwise(s, 1, in, 2), TN_ERR_INVALID);
    in[1] = tn_ones(&two, 1, NULL);
    CHECK_ERROR(tn_fused_pointwise(s, 1, in, 2), TN_ERR_SHAPE);
    in[1] = tn_ones(shape, 2, &(tn_tensor_opts){.dtype = TN_I64});
    CHECK_ERROR(tn_fused_pointwise(s, 1, in, 2), TN_ERR_DTYPE);
}


/* Integers at the ends of their range against the same in unsigned 64 bits, cut to the dtype. */
static const tn_dtype whole_dtypes[] = {TN_U8, TN_I8, TN_I16, TN_I32, TN_I64};
static int64_t cut(tn_dtype dt, uint64_t v) {
    return dt == TN_U8 ? (int64_t)(uint8_t)v : dt == TN_I8 ? (int64_t)(int8_t)v : dt == TN_I16 ? (int64_t)(int16_t)v : dt == TN_I32 ? (int64_t)(int32_t)v : (int64_t)v;
}
static int ends(tn_dtype dt, int64_t *v) { /* the least, the greatest, and what is near them and near 0 */
    static const uint64_t near[] = {0, 1, 2, 3, 7, (uint64_t)-1, (uint64_t)-2, (uint64_t)-3};
    const int bits = 8 * (int)tn_dtype_size(dt) - (dt != TN_U8);
    int n = 0;
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < 8; i++) v[n++] = cut(dt, near[i] + ((uint64_t)k << bits >> (dt == TN_U8)));
    return n;
}
static tn_tensor *wholes(tn_dtype dt, const int64_t *v, int n) { return tn_to_dtype(tn_from(v, SHAPE(n), &(tn_tensor_opts){.dtype = TN_I64}), dt); }
static int64_t quotient(int64_t a, int64_t b, bool down) {
    if (b == -1) return (int64_t)(0 - (uint64_t)a);
    return a / b - (down && a % b != 0 && (a < 0) != (b < 0));
}
static int64_t rest(int64_t a, int64_t b, bool down) { return b == -1 ? 0 : a % b + (down && a % b != 0 && (a < 0) != (b < 0) ? b : 0); }
static uint64_t power(uint64_t a, int64_t b) {
    uint64_t r = 1;
    for (; b > 0; b >>= 1, a *= a) r *= b & 1 ? a : 1;
    return r;
}
static void check_wholes(const char *name, tn_tensor *y, tn_dtype dt, const uint64_t *want) {
    CHECK(y && tn_get_dtype(y) == dt);
    const int64_t *got = (const int64_t *)tn_test_values(tn_to_dtype(y, TN_I64));
    for (int64_t i = 0; i < tn_numel(y); i++)
        if (got[i] != cut(dt, want[i])) TN_TEST_FAIL("%s of %s, element %lld: %lld, not %lld", name, tn_dtype_name(dt), (long long)i, (long long)got[i], (long long)cut(dt, want[i]));
}
/* Each pair (a, b) of ends, and (a, b, a) where there are three; u and v are the same bits. */
#define FOR_WHOLES(name, made, ex)                                                                                     \
    do {                                                                                                               \
        for (int i = 0; i < n; i++) {                                                                                  \
            const int64_t a = x_at[i], b = y_at[i];                                                                    \
            const uint64_t u = (uint64_t)a, v = (uint64_t)b;                                                           \
            (void)a, (void)b, (void)u, (void)v;                                                                        \
            want[i] = (uint64_t)(ex);                                                                                  \
        }                                                                                                              \
        check_wholes(name, made, dt, want);                                                                            \
    } while (0)
TEST(integers_wrap) {
    for (int k = 0; k < 5; k++) {
        TN_SCOPE;
        const tn_dtype dt = whole_dtypes[k];
        int64_t end[16], x_at[256], y_at[256];
        uint64_t want[256];
        const int count = ends(dt, end), n = count * count;
        for (int i = 0; i < n; i++) x_at[i] = end[i / count], y_at[i] = end[i % count];
        tn_tensor *x = wholes(dt, x_at, n), *y = wholes(dt, y_at, n);
        FOR_WHOLES("neg", tn_neg(x), 0 - u);
        FOR_WHOLES("abs", tn_abs(x), a < 0 ? 0 - u : u);
        FOR_WHOLES("square", tn_square(x), u * u);
        FOR_WHOLES("relu", tn_relu(x), a < 0 ? 0 : a);
        FOR_WHOLES("sign", tn_sign(x), (a > 0) - (a < 0));
        FOR_WHOLES("bitwise_not", tn_bitwise_not(x), ~u);
        FOR_WHOLES("add", tn_add(x, y), u + v);
        FOR_WHOLES("sub", tn_sub(x, y), u - v);
        FOR_WHOLES("mul", tn_mul(x, y), u * v);
        FOR_WHOLES("maximum", tn_maximum(x, y), a > b ? a : b);
        FOR_WHOLES("minimum", tn_minimum(x, y), a < b ? a : b);
        FOR_WHOLES("add_alpha", tn_add_alpha(x, y, 3), u + 3 * v);
        FOR_WHOLES("sub_alpha", tn_sub_alpha(x, y, 3), u - 3 * v);
        FOR_WHOLES("addcmul", tn_addcmul(x, x, y, 5), u + 5 * u * v);
        FOR_WHOLES("clamp", tn_clamp(x, y, x), a);
        FOR_WHOLES("bitwise_xor", tn_bitwise_xor(x, y), u ^ v);
        for (int i = 0; i < n; i++)
            if (y_at[i] < 0) y_at[i] = 6;
        FOR_WHOLES("pow", tn_pow(x, wholes(dt, y_at, n)), power(u, b));
    }
}
TEST(integers_divide_at_the_ends) {
    for (int k = 0; k < 5; k++) {
        TN_SCOPE;
        const tn_dtype dt = whole_dtypes[k];
        int64_t end[16], x_at[256], y_at[256];
        uint64_t want[256];
        const int count = ends(dt, end), n = count * count;
        for (int i = 0; i < n; i++) x_at[i] = end[i / count], y_at[i] = end[i % count] ? end[i % count] : cut(dt, (uint64_t)-1);
        tn_tensor *x = wholes(dt, x_at, n), *y = wholes(dt, y_at, n);
        FOR_WHOLES("div_floor", tn_floor_divide(x, y), quotient(a, b, true));
        FOR_WHOLES("div_trunc", tn_div_rounded(x, y, TN_ROUND_TRUNC), quotient(a, b, false));
        FOR_WHOLES("remainder", tn_remainder(x, y), rest(a, b, true));
        FOR_WHOLES("fmod", tn_fmod(x, y), rest(a, b, false));
    }
}
/* x + value a b and its relatives round after each step, whatever the instruction set or the device can fuse. */
static void check_unfused(tn_dtype dt) {
    const int64_t n = 1001;
    tn_tensor *x = tn_test_wave(0.1, dt, &n, 1), *a = tn_test_wave(0.2, dt, &n, 1), *b = tn_test_wave(0.3, dt, &n, 1);
    const double huge = dt == TN_F32 ? 3e38 : 1e308;
    tn_test_set(x, 500, -huge), tn_test_set(a, 500, huge), tn_test_set(b, 500, 4); /* a fused sum would be finite */
    tn_tensor *ab = tn_mul(tn_mul(a, 0.5), b), *steps = tn_add(x, ab);
    CHECK(memcmp(tn_test_values(tn_addcmul(x, a, b, 0.5)), tn_test_values(steps), (size_t)n * tn_dtype_size(dt)) == 0);
    tn_tensor *apart = tn_sub(a, x), *w = tn_mul(b, 0.9);
    tn_tensor *near = tn_add(x, tn_mul(w, apart)), *far = tn_sub(a, tn_mul(apart, tn_add(tn_neg(w), 1.0))), *mixed = tn_where(tn_lt(tn_abs(w), 0.5), near, far);
    CHECK(memcmp(tn_test_values(tn_lerp(x, a, w)), tn_test_values(mixed), (size_t)n * tn_dtype_size(dt)) == 0);
}
TEST(rows_of_more_than_one_step_have_the_same_bits_in_every_pass) {
    static const char *const isas[] = {"scalar", "avx2", "avx512", "neon"};
    const char *first = tn_get_isa();
    for (int i = 0; i < 4; i++)
        if (tn_set_isa(isas[i]) == TN_OK) check_unfused(TN_F32), check_unfused(TN_F64);
    tn_error_clear();
    CHECK(tn_set_isa(first) == TN_OK);
}
RUN_ALL
