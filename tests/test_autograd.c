#include "tn_test.h"

static const int64_t three = 3;
static tn_tensor *leaf(double a, double b, double c) {
    const double v[3] = {a, b, c};
    return tn_from(v, &three, 1, &(tn_tensor_opts){.dtype = TN_F64, .requires_grad = true});
}
static double at(tn_tensor *t, int64_t i) { return tn_at(t, &i, 1); }

TEST(gradients_add_up) {
    tn_tensor *x = leaf(1, 2, 3);
    CHECK(tn_backward(tn_sum(tn_mul(x, x), NULL)) == TN_OK);
    CHECK_NEAR(at(tn_grad(x), 2), 6, 0);
    CHECK(tn_backward(tn_sum(x, NULL)) == TN_OK);
    CHECK_NEAR(at(tn_grad(x), 2), 7, 0);
    CHECK_NEAR(at(tn_grad(x), 0), 3, 0);
}
TEST(broadcast_and_dtype) {
    const int64_t shape[2] = {2, 3};
    tn_tensor *x = tn_requires_grad_(tn_ones(&three, 1, NULL), true), *y = tn_ones(shape, 2, &(tn_tensor_opts){.dtype = TN_F64});
    CHECK(tn_backward(tn_sum(tn_mul(x, y), NULL)) == TN_OK);
    CHECK(tn_get_dtype(tn_grad(x)) == TN_F32);
    CHECK_NEAR(at(tn_grad(x), 0), 2, 0);
}
TEST(graph_is_freed_once) {
    tn_tensor *x = leaf(1, 2, 3), *y = tn_sum(tn_exp(x), NULL);
    CHECK(tn_backward_with(y, &(tn_backward_opts){.retain_graph = true}) == TN_OK);
    CHECK(tn_backward(y) == TN_OK);
    CHECK_ERROR(tn_backward(y), TN_ERR_STATE);
    CHECK_ERROR(tn_backward(tn_exp(x)), TN_ERR_SHAPE);
    CHECK_ERROR(tn_backward(tn_detach(y)), TN_ERR_STATE);
}
TEST(higher_derivatives) {
    tn_tensor *x = leaf(1, 2, 3), *y = tn_sum(tn_pow(x, 4), NULL);
    const tn_grad_opts o = {.create_graph = true};
    for (int order = 0; order < 3; order++) {
        tn_tensors g = tn_autograd_grad(&y, 1, &x, 1, NULL, &o);
        CHECK(g.at != NULL);
        if (!g.at) return;
        y = tn_sum(g.at[0], NULL);
    }
    CHECK_NEAR(tn_item(y), 24 * (1 + 2 + 3), 1e-9);
}
TEST(no_grad_and_detach) {
    tn_tensor *x = leaf(1, 2, 3);
    {
        TN_NO_GRAD;
        CHECK(!tn_requires_grad(tn_exp(x)));
        CHECK(!tn_is_grad_enabled());
    }
    CHECK(tn_requires_grad(tn_exp(x)));
    CHECK(!tn_requires_grad(tn_detach(tn_exp(x))));
    CHECK(strcmp(tn_grad_fn_name(tn_exp(x)), "exp") == 0);
}
static tn_tensor *twice(void *user, tn_tensor *g) {
    ++*(int *)user;
    return tn_mul(g, 2.0);
}
static void count_leaf(void *user, tn_tensor *t) {
    (void)t;
    ++*(int *)user;
}
TEST(hooks) {
    int calls = 0, leaves = 0;
    tn_tensor *x = leaf(1, 2, 3), *y = tn_exp(x);
    CHECK(tn_register_hook(y, twice, &calls) == TN_OK);
    CHECK(tn_register_hook(x, twice, &calls) == TN_OK);
    CHECK(tn_register_post_accumulate_grad_hook(x, count_leaf, &leaves) == TN_OK);
    tn_retain_grad(y);
    CHECK(tn_backward(tn_sum(y, NULL)) == TN_OK);
    CHECK(calls == 2 && leaves == 1);
    CHECK_NEAR(at(tn_grad(x), 0), 4 * exp(1), 1e-12);
    CHECK_NEAR(at(tn_grad(y), 0), 2, 0);
}
TEST(in_place_through_a_view) {
    const int64_t two = 2, step = 1;
    tn_tensor *x = leaf(1, 2, 3), *y = tn_mul(x, 1.0), *v = tn_as_strided(y, &two, &step, 1, 1), *w = leaf(5, 6, 7);
    tn_mul_(v, tn_as_strided(w, &two, &step, 1, 0));
    CHECK(tn_backward(tn_sum(tn_mul(y, y), NULL)) == TN_OK); /* y = x0, x1 w0, x2 w1 */
    CHECK_NEAR(at(tn_grad(x), 0), 2, 1e-12);
    CHECK_NEAR(at(tn_grad(x), 1), 2 * 2 * 25, 1e-12);
    CHECK_NEAR(at(tn_grad(w), 1), 2 * 18 * 3, 1e-12);
    CHECK_NEAR(at(tn_grad(w), 2), 0, 0);
    tn_tensor *z = tn_zeros(&three, 1, &(tn_tensor_opts){.dtype = TN_F64}), *slot = tn_as_strided(z, &step, &step, 1, 2), *a = leaf(2, 3, 4);
    tn_copy_(slot, tn_sum(tn_square(a), NULL)); /* draws z into the graph */
    CHECK(tn_requires_grad(z));
    CHECK(tn_backward(tn_sum(z, NULL)) == TN_OK);
    CHECK_NEAR(at(tn_grad(a), 2), 8, 1e-12);
    CHECK_ERROR(tn_mul_(tn_as_strided(x, &two, &step, 1, 0), 2.0), TN_ERR_STATE);
}
static tn_tensor *cube_forward(tn_function_ctx *ctx, tn_tensor *const *in, int n) {
    if (tn_save_for_backward(ctx, in, n) != TN_OK) return NULL;
    return tn_mul(tn_square(in[0]), in[0]);
}
static tn_status cube_backward(tn_function_ctx *ctx, tn_tensor *g, tn_tensor **grads, int n) {
    (void)n;
    grads[0] = tn_mul(g, tn_mul(tn_square(tn_saved(ctx, 0)), *(double *)tn_function_user(ctx)));
    return grads[0] ? TN_OK : TN_ERR_USER;
}
static tn_tensor *apply(void *user, tn_tensor *const *in, int n) { return tn_function_apply(user, in, n); }
TEST(custom_function_and_gradcheck) {
    double right = 3, wrong = 2.9;
    tn_function f = {"cube", cube_forward, cube_backward, &right}, g = {"cube", cube_forward, cube_backward, &wrong};
    tn_tensor *x = leaf(1, -2, 0.5);
    CHECK(tn_gradcheck(apply, &f, &x, 1, &(tn_gradcheck_opts){.second_order = true}) == TN_OK);
    CHECK_ERROR(tn_gradcheck(apply, &g, &x, 1, NULL), TN_ERR_STATE);
}
static tn_tensor *region(void *user, tn_tensor *const *in, int n) {
    tn_tensor *w = user;
    (void)n;
    return tn_tanh(tn_mul(tn_exp(in[0]), w));
}
TEST(checkpoint) {
    tn_tensor *x = leaf(0.1, 0.2, 0.3), *w = leaf(1, 2, 3);
    CHECK(tn_backward(tn_sum(region(w, &x, 1), NULL)) == TN_OK);
    const double gx = at(tn_grad(x), 1), gw = at(tn_grad(w), 2);
    tn_set_grad(x, NULL);
    tn_set_grad(w, NULL);
    CHECK(tn_backward(tn_sum(tn_checkpoint(region, w, &x, 1), NULL)) == TN_OK);
    CHECK_NEAR(at(tn_grad(x), 1), gx, 0);
    CHECK_NEAR(at(tn_grad(w), 2), gw, 0);
}
static char logged[512];
static void keep_log(void *user, tn_log_level level, const char *message) {
    (void)user;
    if (level == TN_LOG_WARN) snprintf(logged, sizeof logged, "%s", message);
}
TEST(anomaly_names_the_op) {
    tn_tensor *x = leaf(-1, 2, 3);
    tn_set_detect_anomaly(true);
    tn_set_log(keep_log, NULL);
    tn_tensor *y = tn_exp(tn_log(tn_mul(x, 1.0)));
    CHECK(strstr(logged, "tn_log") != NULL);
    CHECK(tn_backward(tn_sum(y, NULL)) != TN_OK);
    CHECK(strstr(tn_error(), "tn_exp") != NULL);
    tn_error_clear();
    tn_set_detect_anomaly(false);
    tn_set_log(NULL, NULL);
}
TEST(a_long_chain_is_freed_without_recursion) {
    tn_tensor *x = leaf(1, 2, 3), *y = x;
    for (int i = 0; i < 200000; i++) {
        TN_SCOPE;
        y = tn_keep(tn_mul(y, 1.0));
    }
    CHECK(tn_backward(tn_sum(y, NULL)) == TN_OK);
    CHECK_NEAR(at(tn_grad(x), 0), 1, 0);
}

static tn_tensor *count_call(void *user, tn_tensor *g) {
    (void)g;
    ++*(int *)user;
    return NULL;
}
TEST(grad_walks_only_to_its_inputs) {
    const tn_tensor_opts leaf = {.dtype = TN_F32, .requires_grad = true};
    int calls = 0;
    tn_tensor *a = tn_full(&three, 1, 2, &leaf), *b = tn_full(&three, 1, 1, &leaf), *e = tn_exp(b), *y = tn_sum(tn_mul(a, e), NULL);
    (void)tn_register_hook(b, count_call, &calls);
    tn_tensors g = tn_autograd_grad(&y, 1, &a, 1, NULL, NULL);
    CHECK(g.n == 1 && calls == 0);
    if (g.n == 1) CHECK_NEAR(tn_item(tn_sum(g.at[0], NULL)), 3 * 2.718281828, 1e-5);
    CHECK(tn_backward(tn_sum(e, NULL)) == TN_OK && calls == 1); /* exp kept what it saved: the walk did not come by */
    CHECK_ERROR(tn_backward(y), TN_ERR_STATE);                  /* mul did not */
}
TEST(a_walk_for_some_inputs_leaves_the_next_its_own) {
    tn_tensor *a = leaf(1, 2, 3), *b = leaf(4, 5, 6), *y = tn_sum(tn_mul(tn_mul(a, 2.0), tn_exp(b)), NULL);
    for (int k = 0; k < 2; k++) {
        const tn_tensors g = tn_autograd_grad(&y, 1, k ? &b : &a, 1, NULL, &(tn_grad_opts){.retain_graph = true});
        CHECK(g.n == 1 && !tn_grad(a) && !tn_grad(b));
        if (g.n == 1) CHECK_NEAR(at(g.at[0], 1), k ? 4 * exp(5) : 2 * exp(5), 1e-9);
    }
    CHECK(tn_backward(y) == TN_OK && tn_grad(a) && tn_grad(b));
    CHECK_NEAR(at(tn_grad(a), 2), 2 * exp(6), 1e-9);
    CHECK_NEAR(at(tn_grad(b), 2), 6 * exp(6), 1e-9);
}
TEST(gradients_of_what_has_gone) { /* shapes and dtypes stand in the graph: handles of constants and results may be freed before */
    tn_tensor *x = leaf(1, 2, 3), *y;
    {
        TN_SCOPE;
        const int64_t column[2] = {2, 1};
        tn_tensor *c = tn_full(column, 2, 3, &(tn_tensor_opts){.dtype = TN_F32}); /* broadcasts, and is of another dtype */
        y = tn_keep(tn_sum(tn_mul(tn_sub(tn_mul(x, c), 1.0), tn_neg(c)), NULL));
    }
    for (int i = 0; i < 20; i++) tn_ones(&three, 1, NULL);
    CHECK(tn_backward(y) == TN_OK && tn_grad(x) && tn_get_dtype(tn_grad(x)) == TN_F64);
    for (int i = 0; i < 3; i++) CHECK_NEAR(at(tn_grad(x), i), -18, 0);
}
RUN_ALL
