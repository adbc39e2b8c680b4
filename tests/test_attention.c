/* Attention: values and gradients of every mask, blind rows, the functional multi-head form, errors. The numbers are PyTorch 2.15's. */
#include "tn_test.h"

static tn_tensor *wave(double phase, const int64_t *shape, int n) { return tn_test_wave(phase, TN_F64, shape, n); }
static tn_tensor *twice(double phase, const int64_t *shape, int n) { return tn_requires_grad_(tn_mul(wave(phase, shape, n), 2.0), true); }
static tn_tensor *attend(tn_tensor *q, tn_tensor *k, tn_tensor *v, const tn_sdpa_opts *o) { return tn_scaled_dot_product_attention(q, k, v, o); }
TEST(values_and_gradients) {
    tn_tensor *added = wave(0.9, SHAPE(4, 6)), *seen = tn_gt(wave(0.9, SHAPE(2, 1, 4, 6)), -0.3);
    const struct { const char *name; int n; int64_t q[4], k[4], v[4]; tn_sdpa_opts o; double want[4]; } c[] = {
        {"matrices", 2, {3, 4}, {5, 4}, {5, 2}, {0}, {2.42877627161, -0.0603647746956, 0.26240075851, 1.4355344804}},
        {"plain", 4, {2, 3, 4, 5}, {2, 3, 6, 5}, {2, 3, 6, 7}, {0}, {-0.547224246253, 2.06035983216, 2.316685156, -0.059955415516}},
        {"causal", 4, {2, 3, 4, 5}, {2, 3, 6, 5}, {2, 3, 6, 7}, {.is_causal = true}, {1.47580020753, 0.3248028203, -1.41205379864, -0.119720199827}},
        {"causal, tall", 4, {2, 3, 6, 5}, {2, 3, 4, 5}, {2, 3, 4, 7}, {.is_causal = true}, {-6.66057805074, -2.37297411743, -1.63026386392, 0.984968967538}},
        {"scale", 4, {2, 3, 4, 5}, {2, 3, 6, 5}, {2, 3, 6, 7}, {.scale = 0.9}, {-0.811010597675, 1.03410475786, 1.10675650613, -0.0316150611927}},
        {"added mask", 4, {2, 3, 4, 5}, {2, 3, 6, 5}, {2, 3, 6, 7}, {.attn_mask = added}, {0.179646435625, 3.00670845007, 0.59969270213, 1.12867026632}},
        {"bool mask", 4, {2, 3, 4, 5}, {2, 3, 6, 5}, {2, 3, 6, 7}, {.attn_mask = seen}, {1.31533623511, 3.21651376912, -1.6788116631, 3.8541554688}},
        {"grouped heads", 4, {2, 6, 4, 5}, {2, 3, 6, 5}, {2, 3, 6, 7}, {.enable_gqa = true}, {-1.75813588211, 4.41072539595, -9.82437033966, 1.80038292513}},
        {"one batch for all", 4, {2, 3, 4, 5}, {1, 3, 6, 5}, {1, 3, 6, 7}, {0}, {-0.5377213843, -4.67575234859, 3.55424493418, -0.149161751252}},
        {"long", 3, {1, 70, 9}, {1, 70, 9}, {1, 70, 9}, {.is_causal = true}, {2.37882218006, -0.0264864110018, 0.138706297587, 1.48855492398}}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        TN_SCOPE;
        tn_tensor *in[3] = {twice(0.1, c[i].q, c[i].n), twice(0.2, c[i].k, c[i].n), twice(0.3, c[i].v, c[i].n)}, *y = attend(in[0], in[1], in[2], &c[i].o);
        CHECK(y && tn_backward(tn_sum(tn_mul(y, wave(0.7, tn_shape(y), tn_ndim(y))), NULL)) == TN_OK);
        for (int k = 0; k < 4; k++) {
            const double got = tn_test_digest(k ? tn_grad(in[k - 1]) : y);
            if (!(fabs(got - c[i].want[k]) < 1e-10)) TN_TEST_FAIL("%s, number %d: %.12g is not %.12g", c[i].name, k, got, c[i].want[k]);
        }
        tn_tensor *view[3];
        for (int k = 0; k < 3; k++) view[k] = tn_transpose(tn_contiguous(tn_transpose(tn_detach(in[k]), -1, -2)), -1, -2);
        CHECK_NEAR(tn_test_digest(attend(view[0], view[1], view[2], &c[i].o)), c[i].want[0], 1e-10);
    }
}
/* -- the fused rows (f32 on the CPU) against the composed form, which f64 takes -- */
typedef struct { const char *name; int n; int64_t q[5], k[5], v[5], mask[5]; int mask_n, kind; bool causal, gqa, split; double scale; } fused; /* kind: 1 added, 2 bool; split: views of one [B, T, 3, H, E] */
static const fused fusions[] = {
    {.name = "matrices", .n = 2, .q = {20, 9}, .k = {33, 9}, .v = {33, 7}},
    {.name = "causal tiles", .n = 4, .q = {2, 3, 130, 64}, .k = {2, 3, 130, 64}, .v = {2, 3, 130, 64}, .causal = true},
    {.name = "many heads", .n = 4, .q = {4, 5, 70, 24}, .k = {4, 5, 101, 24}, .v = {4, 5, 101, 40}},
    {.name = "causal, wide", .n = 4, .q = {1, 2, 70, 33}, .k = {1, 2, 300, 33}, .v = {1, 2, 300, 65}, .causal = true},
    {.name = "causal, tall", .n = 4, .q = {1, 2, 300, 33}, .k = {1, 2, 70, 33}, .v = {1, 2, 70, 65}, .causal = true},
    {.name = "causal, tall, many heads", .n = 3, .q = {17, 200, 6}, .k = {17, 97, 6}, .v = {17, 97, 1}, .causal = true},
    {.name = "heads of one number", .n = 3, .q = {2, 30, 1}, .k = {2, 31, 1}, .v = {2, 31, 2}},
    {.name = "added mask", .n = 4, .q = {2, 3, 66, 16}, .k = {2, 3, 98, 16}, .v = {2, 3, 98, 16}, .mask = {66, 98}, .mask_n = 2, .kind = 1},
    {.name = "bool mask", .n = 4, .q = {2, 3, 66, 16}, .k = {2, 3, 98, 16}, .v = {2, 3, 98, 16}, .mask = {2, 1, 66, 98}, .mask_n = 4, .kind = 2},
    {.name = "bool mask of keys", .n = 4, .q = {2, 9, 66, 16}, .k = {2, 9, 98, 16}, .v = {2, 9, 98, 16}, .mask = {2, 1, 1, 98}, .mask_n = 4, .kind = 2},
    {.name = "added mask of queries and heads", .n = 4, .q = {2, 9, 66, 16}, .k = {2, 9, 98, 16}, .v = {2, 9, 98, 16}, .mask = {9, 66, 1}, .mask_n = 3, .kind = 1},
    {.name = "grouped heads", .n = 4, .q = {2, 6, 70, 20}, .k = {2, 3, 100, 20}, .v = {2, 3, 100, 12}, .gqa = true},
    {.name = "grouped heads, many", .n = 4, .q = {9, 6, 40, 32}, .k = {9, 2, 40, 32}, .v = {9, 2, 40, 32}, .gqa = true, .causal = true},
    {.name = "grouped heads, a mask a head", .n = 3, .q = {4, 70, 8}, .k = {2, 30, 8}, .v = {2, 30, 8}, .mask = {4, 70, 30}, .mask_n = 3, .kind = 2, .gqa = true},
    {.name = "one batch for all", .n = 4, .q = {3, 2, 40, 16}, .k = {1, 2, 50, 16}, .v = {1, 2, 50, 16}},
    {.name = "one query batch", .n = 4, .q = {1, 2, 40, 16}, .k = {3, 1, 50, 16}, .v = {3, 2, 50, 16}, .scale = 0.3},
    {.name = "split of one tensor", .n = 4, .q = {3, 4, 96, 32}, .k = {3, 4, 96, 32}, .v = {3, 4, 96, 32}, .causal = true, .split = true},
    {.name = "split, more heads", .n = 4, .q = {3, 6, 130, 48}, .k = {3, 6, 130, 48}, .v = {3, 6, 130, 48}, .split = true, .scale = -0.2},
    {.name = "one query, long", .n = 4, .q = {2, 2, 1, 64}, .k = {2, 2, 3000, 64}, .v = {2, 2, 3000, 64}},
    {.name = "few queries, causal", .n = 4, .q = {2, 2, 9, 20}, .k = {2, 2, 50, 20}, .v = {2, 2, 50, 36}, .causal = true},
    {.name = "few queries, bool mask", .n = 4, .q = {2, 2, 3, 20}, .k = {2, 2, 1000, 20}, .v = {2, 2, 1000, 70}, .mask = {2, 1, 3, 1000}, .mask_n = 4, .kind = 2},
    {.name = "few queries, added mask, grouped", .n = 4, .q = {2, 6, 2, 7}, .k = {2, 2, 700, 7}, .v = {2, 2, 700, 5}, .mask = {700}, .mask_n = 1, .kind = 1, .gqa = true}};
static tn_tensor *operand(const fused *f, int i, tn_dtype dt) { /* a leaf, of the same numbers in either dtype */
    const int64_t *shape = i == 0 ? f->q : i == 1 ? f->k : f->v;
    const int n = f->n;
    tn_tensor *x = tn_test_wave(0.1 + 0.31 * i, TN_F32, shape, n);
    if (f->split) { /* [B, H, T, E], where it stands in [B, T, 3, H, E] */
        tn_tensor *all = tn_zeros(SHAPE(shape[0], shape[2], 3, shape[1], shape[3]), NULL), *part = tn_transpose(tn_select(all, 2, i), 1, 2);
        x = dt == TN_F32 ? tn_copy_(part, x) : x;
    }
    return tn_requires_grad_(tn_detach(tn_to_dtype(x, dt)), true);
}
static tn_tensor *fused_mask(const fused *f, tn_dtype dt) {
    tn_tensor *m = f->kind ? tn_test_wave(0.9, TN_F32, f->mask, f->mask_n) : NULL;
    if (f->kind == 2) m = tn_gt(m, -0.2), m = f->mask[f->mask_n - 2] > 5 ? tn_logical_and(m, tn_ne(tn_unsqueeze(tn_arange(0, (double)f->mask[f->mask_n - 2], 1, NULL), 1), 5.0)) : m; /* query 5 sees nothing */
    return f->kind == 1 ? tn_to_dtype(m, dt) : m;
}
static tn_tensor *run_fused(const fused *f, tn_dtype dt, tn_tensor **in, bool twice_over) { /* in: the leaves; the result where no gradient is to follow */
    for (int i = 0; i < 3; i++) in[i] = operand(f, i, dt);
    const tn_sdpa_opts o = {.attn_mask = fused_mask(f, dt), .is_causal = f->causal, .enable_gqa = f->gqa, .scale = f->scale};
    tn_tensor *y = attend(in[0], in[1], in[2], &o);
    {
        TN_NO_GRAD;
        in[3] = attend(in[0], in[1], in[2], &o);
    }
    tn_tensor *loss = tn_sum(tn_mul(y, tn_to_dtype(tn_test_wave(0.7, TN_F32, tn_shape(y), tn_ndim(y)), dt)), NULL);
    if (!twice_over) return tn_backward(loss) == TN_OK ? y : NULL;
    tn_tensors g = tn_autograd_grad(&loss, 1, in, 3, NULL, &(tn_grad_opts){.create_graph = true}); /* the gradient of the gradients' length */
    for (int i = 0; i < 3; i++) loss = i ? tn_add(loss, tn_sum(tn_square(g.at[i]), NULL)) : tn_sum(tn_square(g.at[0]), NULL);
    return tn_backward(loss) == TN_OK ? y : NULL;
}
static double apart(tn_tensor *a, tn_tensor *b) { /* at most, of the largest number or 1 */
    b = tn_to_dtype(b, TN_F64);
    const double most = tn_item(tn_max(tn_abs(b)));
    return tn_item(tn_max(tn_abs(tn_sub(tn_to_dtype(a, TN_F64), b)))) / (most > 1 ? most : 1);
}
static bool same_bits(tn_tensor *a, tn_tensor *b) { return memcmp(tn_test_values(a), tn_test_values(b), (size_t)tn_numel(a) * sizeof(float)) == 0; }
TEST(fused_is_composed) {
    const char *isa[3] = {tn_get_isa(), "scalar", "avx2"};
    for (int way = 0; way < 3; way++) {
        if (tn_set_isa(isa[way]) != TN_OK) continue;
        for (size_t i = 0; i < sizeof fusions / sizeof *fusions; i++) {
            TN_SCOPE;
            tn_tensor *a[4], *b[4], *y = run_fused(&fusions[i], TN_F32, a, false), *want = run_fused(&fusions[i], TN_F64, b, false);
            CHECK(y && want && a[3]);
            for (int k = 0; y && want && a[3] && k < 5; k++) {
                const double far = k == 4 ? apart(a[3], want) : k ? apart(tn_grad(a[k - 1]), tn_grad(b[k - 1])) : apart(y, want);
                if (!(far < 1e-5)) TN_TEST_FAIL("%s, %s, number %d: %.3g apart", isa[way], fusions[i].name, k, far);
            }
        }
    }
    tn_error_clear();
    CHECK(tn_set_isa(isa[0]) == TN_OK);
}
TEST(large_scores_keep_their_weights) { /* a key that has all of a query's weight: 1, not 1 and a score's rounding; few queries and many */
    for (int64_t l = 3; l <= 40; l += 37) {
        TN_SCOPE;
        tn_tensor *q = tn_mul(tn_randn(SHAPE(l, 64), NULL), 6.0), *v = tn_requires_grad_(tn_test_wave(0.4, TN_F32, SHAPE(l, 64)), true);
        tn_tensor *y = attend(q, q, v, NULL), *g = tn_test_wave(0.7, TN_F32, SHAPE(l, 64)); /* a query's own key is far the nearest */
        tn_tensor *p = tn_softmax(tn_mul(tn_matmul(tn_to_dtype(q, TN_F64), tn_transpose(tn_to_dtype(q, TN_F64), 0, 1)), 0.125), -1, TN_F64);
        CHECK(y && tn_backward(tn_sum(tn_mul(y, g), NULL)) == TN_OK);
        CHECK(apart(tn_grad(v), tn_matmul(tn_transpose(p, 0, 1), tn_to_dtype(g, TN_F64))) < 1e-6);
    }
}
TEST(fused_differentiates_twice) {
    for (size_t i = 0; i < sizeof fusions / sizeof *fusions; i++) {
        TN_SCOPE;
        tn_tensor *a[4], *b[4], *y = run_fused(&fusions[i], TN_F32, a, true), *want = run_fused(&fusions[i], TN_F64, b, true);
        CHECK(y && want);
        for (int k = 0; y && want && k < 3; k++) {
            const double far = apart(tn_grad(a[k]), tn_grad(b[k]));
            if (!(far < 2e-5)) TN_TEST_FAIL("%s, number %d: %.3g apart", fusions[i].name, k, far);
        }
    }
}
TEST(any_number_of_threads) {
    const int was = tn_get_num_threads();
    for (size_t i = 0; i < sizeof fusions / sizeof *fusions; i++) {
        TN_SCOPE;
        tn_tensor *in[3][4], *y[3];
        for (int t = 0; t < 3; t++) {
            CHECK(tn_set_num_threads(t == 0 ? 1 : t == 1 ? 2 : 5) == TN_OK);
            y[t] = run_fused(&fusions[i], TN_F32, in[t], false);
        }
        for (int t = 1; t < 3; t++)
            for (int k = 0; k < 5; k++) CHECK(same_bits(k == 4 ? in[t][3] : k ? tn_grad(in[t][k - 1]) : y[t], k == 4 ? in[0][3] : k ? tn_grad(in[0][k - 1]) : y[0]));
    }
    CHECK(tn_set_num_threads(was) == TN_OK);
}
TEST(a_row_that_sees_nothing_gives_zeros) {
    tn_tensor *q = twice(0.1, SHAPE(3, 4)), *k = twice(0.2, SHAPE(5, 4)), *v = twice(0.3, SHAPE(5, 2)), *seen = tn_ones(SHAPE(3, 5), &(tn_tensor_opts){.dtype = TN_BOOL}), *minus = tn_zeros(SHAPE(3, 5), &(tn_tensor_opts){.dtype = TN_F64});
    for (int i = 0; i < 5; i++) tn_test_set(seen, 5 + i, 0), tn_test_set(minus, 5 + i, -INFINITY);
    for (int way = 0; way < 2; way++) {
        tn_tensor *y = attend(q, k, v, &(tn_sdpa_opts){.attn_mask = way ? minus : seen});
        static const double want[3][2] = {{0.5506, 1.6050}, {0, 0}, {-1.0393, 0.7724}};
        for (int64_t i = 0; i < 6; i++) CHECK_NEAR(tn_at(y, (int64_t[]){i / 2, i % 2}, 2), want[i / 2][i % 2], i / 2 == 1 ? 0 : 1e-4);
        CHECK(tn_backward(tn_sum(y, NULL)) == TN_OK);
        CHECK_NEAR(tn_item(tn_sum(tn_abs(tn_select(tn_grad(q), 0, 1)), NULL)), 0, 0); /* and no NaN flows back */
        CHECK(isfinite(tn_test_digest(tn_grad(k))));
    }
}
TEST(nothing_to_ask_or_to_see) {
    CHECK(tn_size(attend(tn_zeros(SHAPE(2, 0, 4), NULL), tn_zeros(SHAPE(2, 3, 4), NULL), tn_zeros(SHAPE(2, 3, 5), NULL), NULL), 2) == 5);
    tn_tensor *y = attend(tn_ones(SHAPE(2, 2, 4), NULL), tn_zeros(SHAPE(2, 0, 4), NULL), tn_zeros(SHAPE(2, 0, 5), NULL), NULL);
    CHECK(tn_numel(y) == 20);
    CHECK_NEAR(tn_item(tn_sum(tn_abs(y), NULL)), 0, 0);
}
TEST(nan_stays_in_its_batch) {
    tn_tensor *q = tn_test_wave(0.1, TN_F32, SHAPE(2, 3, 4)), *k = tn_test_wave(0.2, TN_F32, SHAPE(2, 5, 4)), *y;
    tn_test_set(k, 3, NAN);
    y = attend(q, k, k, NULL);
    for (int64_t i = 0; i < 24; i++) CHECK(isnan(tn_at(y, (int64_t[]){i / 12, i / 4 % 3, i % 4}, 3)) == (i < 12));
}
TEST(dropout_keeps_the_mean) {
    tn_tensor *q = tn_zeros(SHAPE(1, 100, 4), NULL), *v = tn_ones(SHAPE(1, 100, 4), NULL);
    tn_manual_seed(1);
    tn_tensor *y = attend(q, q, v, &(tn_sdpa_opts){.dropout_p = 0.5});
    CHECK_NEAR(tn_item(tn_mean(y, NULL)), 1, 0.05);
    CHECK(tn_item(tn_std(y, NULL)) > 0.01);
}
TEST(bad_operands) {
    tn_tensor *q = tn_ones(SHAPE(2, 4, 3, 5), NULL), *k = tn_ones(SHAPE(2, 4, 6, 5), NULL), *few = tn_ones(SHAPE(2, 3, 6, 5), NULL), *row = tn_ones(SHAPE(5), NULL), *off = tn_ones(SHAPE(2, 4, 6, 4), NULL), *more = tn_ones(SHAPE(2, 4, 7, 5), NULL);
    CHECK_ERROR(attend(NULL, k, k, NULL), TN_ERR_INVALID);
    CHECK_ERROR(attend(q, NULL, k, NULL), TN_ERR_INVALID);
    CHECK_ERROR(attend(q, k, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(attend(row, k, k, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(attend(q, off, k, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(attend(q, k, more, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(attend(q, few, few, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(attend(q, few, few, &(tn_sdpa_opts){.enable_gqa = true}), TN_ERR_SHAPE);
    CHECK_ERROR(attend(tn_select(tn_select(q, 0, 0), 0, 0), tn_select(tn_select(k, 0, 0), 0, 0), tn_select(tn_select(k, 0, 0), 0, 0), &(tn_sdpa_opts){.enable_gqa = true}), TN_ERR_SHAPE);
    CHECK_ERROR(attend(q, tn_to_dtype(k, TN_F64), k, NULL), TN_ERR_DTYPE);
    CHECK_ERROR(attend(tn_to_dtype(q, TN_I64), tn_to_dtype(k, TN_I64), tn_to_dtype(k, TN_I64), NULL), TN_ERR_DTYPE);
    CHECK_ERROR(attend(q, k, k, &(tn_sdpa_opts){.attn_mask = tn_ones(SHAPE(3, 6), NULL), .is_causal = true}), TN_ERR_INVALID);
    CHECK_ERROR(attend(q, k, k, &(tn_sdpa_opts){.attn_mask = tn_ones(SHAPE(3, 5), NULL)}), TN_ERR_SHAPE);
    CHECK_ERROR(attend(q, k, k, &(tn_sdpa_opts){.attn_mask = tn_ones(SHAPE(3, 6), &(tn_tensor_opts){.dtype = TN_I64})}), TN_ERR_DTYPE);
    CHECK_ERROR(attend(q, k, k, &(tn_sdpa_opts){.dropout_p = 1.5}), TN_ERR_INVALID);
}
enum { E = 6, HEADS = 2, N = 3, L = 4, S = 5 };
typedef struct { const char *name; bool single, no_bias, rows, zero, no_weights, separate; int width, pad, mask; double output, weights; } form; /* pad: 1 bool, 2 added; mask: 1 added, 2 bool, 3 a head's own */
static tn_tensor *padding(int kind) {
    if (kind == 2) return wave(1.1, SHAPE(N, S));
    tn_tensor *t = tn_zeros(SHAPE(N, S), &(tn_tensor_opts){.dtype = TN_BOOL});
    tn_test_set(t, 4, 1), tn_test_set(t, 5, 1), tn_test_set(t, 8, 1);
    return t;
}
static tn_mha_result heads(const form *f) {
    const int64_t width = f->width ? f->width : E, q[3] = {L, f->single ? E : N, E}, k[3] = {S, f->single ? width : N, width};
    const int n = f->single ? 2 : 3;
    tn_mha_opts o = {.out_proj_weight = wave(0.8, SHAPE(E, E)), .training = true, .need_weights = !f->no_weights, .separate_head_weights = f->separate, .add_zero_attn = f->zero};
    if (f->width) o.q_proj_weight = wave(0.4, SHAPE(E, E)), o.k_proj_weight = wave(0.45, SHAPE(E, width)), o.v_proj_weight = wave(0.5, SHAPE(E, width));
    else o.in_proj_weight = wave(0.4, SHAPE(3 * E, E));
    if (!f->no_bias) o.in_proj_bias = wave(0.5, SHAPE(3 * E)), o.out_proj_bias = wave(0.9, SHAPE(E));
    if (f->rows) o.bias_k = wave(0.6, SHAPE(1, 1, E)), o.bias_v = wave(0.7, SHAPE(1, 1, E));
    if (f->pad) o.key_padding_mask = f->single ? tn_select(padding(f->pad), 0, 0) : padding(f->pad);
    if (f->mask) o.attn_mask = f->mask == 3 ? wave(1.2, SHAPE(N * HEADS, L, S)) : f->mask == 2 ? tn_gt(wave(1.2, SHAPE(L, S)), 0.6) : wave(1.2, SHAPE(L, S));
    return tn_multi_head_attention_forward(wave(0.1, q, n), wave(0.2, k, n), wave(0.3, k, n), E, HEADS, &o);
}
TEST(multi_head) {
    static const form c[] = {{"plain", .output = 10.840883143, .weights = 0.335574068384}, {"without weights", .no_weights = true, .output = 10.840883143}, {"one sequence", .single = true, .output = 0.779273868447, .weights = 0.274625450595},
        {"no bias", .no_bias = true, .output = 6.87040183471, .weights = 0.656816050044}, {"other widths", .width = 3, .output = -0.483512326254, .weights = 0.59670080376}, {"rows and zero", .rows = true, .zero = true, .output = 10.8169899579, .weights = -1.38952872882},
        {"rows and zero, without weights", .rows = true, .zero = true, .no_weights = true, .output = 10.8169899579}, {"padding", .pad = 1, .output = 5.69815774397, .weights = 1.20491305843}, {"added padding", .pad = 2, .output = 9.21725335684, .weights = -0.00330514175939},
        {"mask", .mask = 1, .output = 9.9989576773, .weights = -0.0374576106034}, {"bool mask, padding and rows", .mask = 2, .pad = 1, .rows = true, .output = 5.97483524109, .weights = -0.442027755094}, {"a mask a head", .mask = 3, .output = 17.0280221919, .weights = -0.264501921471},
        {"each head's weights", .separate = true, .output = 10.840883143, .weights = 0.625373785726}, {"each head's, one sequence", .separate = true, .single = true, .pad = 1, .output = -0.768946740428, .weights = 1.64417397755},
        {"a mask a head and zero", .mask = 3, .zero = true, .no_weights = true, .output = 16.9110465747}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        TN_SCOPE;
        const tn_mha_result r = heads(&c[i]);
        CHECK(r.output && tn_ndim(r.output) == (c[i].single ? 2 : 3) && (r.weights != NULL) == !c[i].no_weights);
        CHECK(!r.weights || tn_ndim(r.weights) == 3 - c[i].single + c[i].separate);
        if (!(fabs(tn_test_digest(r.output) - c[i].output) < 1e-10 && (!r.weights || fabs(tn_test_digest(r.weights) - c[i].weights) < 1e-10)))
            TN_TEST_FAIL("%s: %.12g, %.12g are not %.12g, %.12g", c[i].name, tn_test_digest(r.output), tn_test_digest(r.weights), c[i].output, c[i].weights);
    }
}
TEST(causal_heads_see_what_was) { /* the same as the mask that says so */
    tn_tensor *x = wave(0.1, SHAPE(L, N, E)), *future = tn_triu(tn_ones(SHAPE(L, L), NULL), 1);
    tn_mha_opts o = {.in_proj_weight = wave(0.4, SHAPE(3 * E, E)), .out_proj_weight = wave(0.8, SHAPE(E, E)), .attn_mask = tn_to_dtype(future, TN_BOOL)}, causal = o;
    causal.attn_mask = NULL, causal.is_causal = true;
    const double want = tn_test_digest(tn_multi_head_attention_forward(x, x, x, E, HEADS, &o).output);
    for (int weights = 0; weights < 2; weights++) {
        causal.need_weights = weights;
        CHECK_NEAR(tn_test_digest(tn_multi_head_attention_forward(x, x, x, E, HEADS, &causal).output), want, 1e-12);
    }
}
TEST(heads_that_do_not_fit) {
    tn_tensor *q = wave(0.1, SHAPE(L, N, E)), *k = wave(0.2, SHAPE(S, N, E)), *w = wave(0.8, SHAPE(E, E));
    const tn_mha_opts good = {.in_proj_weight = wave(0.4, SHAPE(3 * E, E)), .out_proj_weight = w};
    tn_mha_opts o = good;
#define FORWARD(q, k, v, embed, heads) tn_multi_head_attention_forward(q, k, v, embed, heads, &o).output
    CHECK_ERROR(FORWARD(NULL, k, k, E, HEADS), TN_ERR_INVALID);
    CHECK_ERROR(FORWARD(q, NULL, k, E, HEADS), TN_ERR_INVALID);
    CHECK_ERROR(FORWARD(q, k, NULL, E, HEADS), TN_ERR_INVALID);
    CHECK_ERROR(tn_multi_head_attention_forward(q, k, k, E, HEADS, NULL).output, TN_ERR_INVALID);
    CHECK_ERROR(FORWARD(q, k, k, E, 4), TN_ERR_SHAPE);
    CHECK_ERROR(FORWARD(q, k, k, E, 0), TN_ERR_SHAPE);
    CHECK_ERROR(FORWARD(q, k, k, E + 1, 1), TN_ERR_SHAPE);
    CHECK_ERROR(FORWARD(q, tn_select(k, 1, 0), k, E, HEADS), TN_ERR_SHAPE);
    CHECK_ERROR(FORWARD(q, k, wave(0, SHAPE(L, N, E)), E, HEADS), TN_ERR_SHAPE);
    CHECK_ERROR(FORWARD(q, wave(0, SHAPE(S, 1, E)), k, E, HEADS), TN_ERR_SHAPE);
    CHECK_ERROR(FORWARD(q, wave(0, SHAPE(S, N, 4)), k, E, HEADS), TN_ERR_SHAPE);
    o.in_proj_weight = NULL;
    CHECK_ERROR(FORWARD(q, k, k, E, HEADS), TN_ERR_INVALID);
    o.in_proj_weight = wave(0.4, SHAPE(2 * E, E));
    CHECK_ERROR(FORWARD(q, k, k, E, HEADS), TN_ERR_SHAPE);
    o = good, o.in_proj_bias = wave(0.4, SHAPE(E));
    CHECK_ERROR(FORWARD(q, k, k, E, HEADS), TN_ERR_SHAPE);
    o = good, o.out_proj_weight = wave(0.4, SHAPE(E, E + 1));
    CHECK_ERROR(FORWARD(q, k, k, E, HEADS), TN_ERR_SHAPE);
    o = good, o.bias_k = wave(0.4, SHAPE(1, 1, E));
    CHECK_ERROR(FORWARD(q, k, k, E, HEADS), TN_ERR_INVALID);
    o = good, o.attn_mask = wave(0.4, SHAPE(L, L));
    CHECK_ERROR(FORWARD(q, k, k, E, HEADS), TN_ERR_SHAPE);
    o = good, o.attn_mask = wave(0.4, SHAPE(N, L, S));
    CHECK_ERROR(FORWARD(q, k, k, E, HEADS), TN_ERR_SHAPE);
    o = good, o.key_padding_mask = wave(0.4, SHAPE(S, N));
    CHECK_ERROR(FORWARD(q, k, k, E, HEADS), TN_ERR_SHAPE);
    o = good, o.dropout_p = 2, o.training = true;
    CHECK_ERROR(FORWARD(q, k, k, E, HEADS), TN_ERR_INVALID);
    o = good;
    CHECK(FORWARD(q, k, k, E, HEADS));
}
RUN_ALL
