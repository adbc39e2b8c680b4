#include "../ext/graph.h"
#include "gnn_golden.h"

static void run(const char *name, tn_module *m) { golden_case("aggregations", name, m, NULL); }
static tn_module *multi(tn_module *a, tn_module *b) { return tn_gnn_multi_aggregation((tn_module *[]){a, b}, 2, TN_GNN_CAT, NULL); }

TEST(goldens_softmax_power) {
    run("softmax", tn_gnn_softmax_aggregation(NULL));
    run("softmax_learn", tn_gnn_softmax_aggregation(&(tn_gnn_softmax_aggregation_opts){.t = 0.5, .learn = true}));
    run("softmax_channels", tn_gnn_softmax_aggregation(&(tn_gnn_softmax_aggregation_opts){.learn = true, .channels = 3}));
    run("softmax_semi", tn_gnn_softmax_aggregation(&(tn_gnn_softmax_aggregation_opts){.t = 0.5, .semi_grad = true}));
    run("powermean", tn_gnn_power_mean_aggregation(&(tn_gnn_power_mean_aggregation_opts){.p = 2}));
    run("powermean_learn", tn_gnn_power_mean_aggregation(&(tn_gnn_power_mean_aggregation_opts){.p = 2, .learn = true, .channels = 3}));
}
TEST(goldens_order) {
    run("median", tn_gnn_median_aggregation(0));
    run("median_batch", tn_gnn_median_aggregation(-1));
    run("quantile", tn_gnn_quantile_aggregation((const double[]){0.25, 0.6}, 2, NULL));
    run("sort", tn_gnn_sort_aggregation(2));
    run("sort_more", tn_gnn_sort_aggregation(5));
}
TEST(goldens_moments) {
    run("std", tn_gnn_std_aggregation(false));
    run("var", tn_gnn_var_aggregation(false));
    run("var_semi", tn_gnn_var_aggregation(true));
}
TEST(goldens_nets) {
    run("set2set", tn_gnn_set2set(5, 3, NULL));
    run("lstm", tn_gnn_lstm_aggregation(5, 4, NULL));
    run("attentional", tn_gnn_attentional_aggregation(tn_nn_linear(3, 1, NULL), NULL));
    tn_module *nn = tn_nn_sequential(tn_nn_linear(5, 6, NULL), tn_nn_relu(), tn_nn_linear(6, 4, NULL), TN_END);
    run("attentional_nn", tn_gnn_attentional_aggregation(nn, tn_nn_linear(5, 4, NULL)));
}
TEST(goldens_scaler) {
    tn_tensor *deg = tn_test_of("i64 [4] 4 6 5 3");
    const tn_gnn_scaler three[] = {TN_GNN_IDENTITY, TN_GNN_AMPLIFICATION, TN_GNN_ATTENUATION}, two[] = {TN_GNN_SCALE_LINEAR, TN_GNN_INVERSE_LINEAR};
    tn_module *m = tn_gnn_degree_scaler_aggregation(multi(tn_gnn_mean_aggregation(), tn_gnn_max_aggregation()), three, 3, deg, false);
    CHECK_NEAR(tn_item(tn_module_get(m, "avg_deg_lin")), 25 / 18.0, 1e-6);
    CHECK_NEAR(tn_item(tn_module_get(m, "avg_deg_log")), (6 * log(2) + 5 * log(3) + 3 * log(4)) / 18, 1e-6);
    run("scaler", m);
    run("scaler_linear", tn_gnn_degree_scaler_aggregation(tn_gnn_sum_aggregation(), two, 1, deg, true));
    run("scaler_inverse", tn_gnn_degree_scaler_aggregation(multi(tn_gnn_std_aggregation(false), tn_gnn_min_aggregation()), two, 2, deg, true));
}
TEST(goldens_multi) {
    const int64_t wide[] = {10, 5};
    run("multi_proj", tn_gnn_multi_aggregation((tn_module *[]){tn_gnn_mean_aggregation(), tn_gnn_max_aggregation()}, 2, TN_GNN_COMBINE_PROJ,
                                               &(tn_gnn_multi_opts){.in_channels = 3, .out_channels = 4}));
    run("multi_proj_wide", tn_gnn_multi_aggregation((tn_module *[]){tn_gnn_sort_aggregation(2), tn_gnn_sum_aggregation()}, 2, TN_GNN_COMBINE_PROJ,
                                                    &(tn_gnn_multi_opts){.in_channels_of = wide, .out_channels = 3, .no_bias = true}));
    tn_module *three[] = {tn_gnn_mean_aggregation(), tn_gnn_max_aggregation(), tn_gnn_sum_aggregation()};
    run("multi_attn", tn_gnn_multi_aggregation(three, 3, TN_GNN_COMBINE_ATTN, &(tn_gnn_multi_opts){.in_channels = 3, .out_channels = 4, .num_heads = 2}));
    run("multi_attn_wide", tn_gnn_multi_aggregation((tn_module *[]){tn_gnn_sort_aggregation(2), tn_gnn_sum_aggregation()}, 2, TN_GNN_COMBINE_ATTN,
                                                    &(tn_gnn_multi_opts){.in_channels_of = wide, .out_channels = 3}));
    const char *names[] = {"multi_max", "multi_logsumexp", "multi_var"};
    const tn_gnn_combine modes[] = {TN_GNN_COMBINE_MAX, TN_GNN_COMBINE_LOGSUMEXP, TN_GNN_COMBINE_VAR};
    for (int i = 0; i < 3; i++) {
        tn_module *plain[] = {tn_gnn_mean_aggregation(), tn_gnn_sum_aggregation(), tn_gnn_min_aggregation()};
        run(names[i], tn_gnn_multi_aggregation(plain, 3, modes[i], NULL));
    }
}
TEST(multi_of_a_seed) { /* PyG's weights of torch.manual_seed(7) */
    tn_module *two[] = {tn_gnn_mean_aggregation(), tn_gnn_max_aggregation()};
    const tn_gnn_multi_opts o = {.in_channels = 3, .out_channels = 4, .num_heads = 2};
    tn_manual_seed(7);
    tn_module *m = tn_gnn_multi_aggregation(two, 2, TN_GNN_COMBINE_ATTN, &o);
    CHECK_NEAR(tn_item(tn_sum(tn_module_get(m, "lin_heads.lins.0.weight"), NULL)), 0.2728433, 1e-6);
    CHECK_NEAR(tn_item(tn_sum(tn_module_get(m, "lin_heads.lins.1.bias"), NULL)), -0.2995618, 1e-6);
    CHECK_NEAR(tn_item(tn_sum(tn_module_get(m, "multihead_attn.in_proj_weight"), NULL)), -3.4543109, 1e-5);
    CHECK_NEAR(tn_item(tn_sum(tn_module_get(m, "multihead_attn.out_proj.weight"), NULL)), 0.1425487, 1e-6);
    tn_manual_seed(7);
    m = tn_gnn_multi_aggregation(two, 2, TN_GNN_COMBINE_PROJ, &o);
    CHECK_NEAR(tn_item(tn_sum(tn_module_get(m, "lin.weight"), NULL)), 0.0683418, 1e-6);
}
TEST(goldens_all) { CHECK(golden_all_run("aggregations")); }

/* PyG 2.8.1 of the same rows. */
TEST(groups_by_ptr_and_none) {
    tn_tensor *x = tn_test_of("f32 [4, 1] 1 2 3 4"), *ptr = tn_test_of("i64 [4] 0 3 3 4"), *index = tn_test_of("i64 [4] 2 0 2 0");
    CHECK_IS(tn_call(tn_gnn_mean_aggregation(), (tn_tensor *[]){x, NULL, ptr}, 3), "f32 [3, 1] 2 0 4");
    CHECK_IS(tn_call(tn_gnn_sum_aggregation(), &x, 1), "f32 [1, 1] 10");
    CHECK_IS(tn_call(tn_gnn_median_aggregation(0), (tn_tensor *[]){x, tn_to_dtype(index, TN_I32)}, 2), "f32 [3, 1] 2 0 1");
    CHECK_IS(tn_call(tn_gnn_mul_aggregation(), (tn_tensor *[]){x, index}, 2), "f32 [3, 1] 8 1 3");
    CHECK_IS(tn_call(tn_gnn_max_aggregation(), (tn_tensor *[]){x, index, NULL, tn_scalar_i64(4)}, 4), "f32 [4, 1] 4 0 3 0");
    CHECK_IS(tn_call(tn_gnn_min_aggregation(), (tn_tensor *[]){tn_test_of("f32 [0, 2]"), tn_test_of("i64 [0]"), NULL, tn_scalar_i64(1)}, 4), "f32 [1, 2] 0 0");
    CHECK_IS(tn_call(tn_gnn_median_aggregation(7), (tn_tensor *[]){tn_test_of("f32 [0, 2]"), tn_test_of("i64 [0]"), NULL, tn_scalar_i64(1)}, 4), "f32 [1, 2] 7 7");
}
TEST(interpolations) {
    const double q[] = {0.5};
    tn_tensor *x = tn_test_of("f32 [6, 1] 5 1 9 2 4 3"), *index = tn_test_of("i64 [6] 1 1 1 0 0 1");
    const char *want[] = {"f32 [2, 1] 3 4", "f32 [2, 1] 2 3", "f32 [2, 1] 4 5", "f32 [2, 1] 2 5", "f32 [2, 1] 3 4"};
    for (int i = 0; i < 5; i++) {
        tn_module *m = tn_gnn_quantile_aggregation(q, 1, &(tn_gnn_quantile_opts){.interpolation = (tn_gnn_interpolation)i});
        CHECK_IS(tn_call(m, (tn_tensor *[]){x, index}, 2), want[i]);
    }
}
TEST(combined) {
    tn_tensor *x = tn_test_of("f32 [3, 1] 1 2 6"), *in[] = {x, tn_test_of("i64 [3] 0 0 0")};
    const double want[] = {0, 15, 5, 9, 3, sqrt(12), 12, 9 + log(1 + exp(-6.0) + exp(-6.0)), 0};
    for (int mode = 1; mode <= 7; mode++) {
        tn_module *parts[] = {tn_gnn_sum_aggregation(), tn_gnn_mean_aggregation(), tn_gnn_mean_aggregation()};
        CHECK_NEAR(tn_item(tn_call(tn_gnn_multi_aggregation(parts, 3, (tn_gnn_combine)mode, NULL), in, 2)), want[mode], 1e-5);
    }
}
TEST(errors) {
    tn_tensor *x = tn_test_of("f32 [2, 1] 1 2"), *index = tn_test_of("i64 [2] 0 5"), *two = tn_scalar_i64(2);
    CHECK_ERROR(tn_call(tn_gnn_sum_aggregation(), &x, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_call(tn_gnn_sum_aggregation(), (tn_tensor *[]){x, tn_test_of("i64 [3] 0 0 0")}, 2), TN_ERR_SHAPE);
    CHECK_ERROR(tn_call(tn_gnn_sum_aggregation(), (tn_tensor *[]){x, x}, 2), TN_ERR_DTYPE);
    CHECK_ERROR(tn_call(tn_gnn_sum_aggregation(), (tn_tensor *[]){tn_test_of("f32 [2] 1 2"), index}, 2), TN_ERR_SHAPE);
    CHECK_ERROR(tn_call(tn_gnn_sum_aggregation(), (tn_tensor *[]){x, index, NULL, two}, 4), TN_ERR_INDEX);
    CHECK_ERROR(tn_call(tn_gnn_median_aggregation(0), (tn_tensor *[]){x, index, NULL, two}, 4), TN_ERR_INDEX);
    CHECK_ERROR(tn_call(tn_gnn_sort_aggregation(1), (tn_tensor *[]){x, index, NULL, two}, 4), TN_ERR_INDEX);
    CHECK_ERROR(tn_call(tn_gnn_sum_aggregation(), (tn_tensor *[]){x, NULL, tn_test_of("i64 [2] 0 1")}, 3), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_softmax_aggregation(&(tn_gnn_softmax_aggregation_opts){.learn = true, .semi_grad = true}), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_softmax_aggregation(&(tn_gnn_softmax_aggregation_opts){.channels = 2}), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_quantile_aggregation((const double[]){1.5}, 1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_sort_aggregation(0), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_set2set(3, 0, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_multi_aggregation(NULL, 0, TN_GNN_CAT, NULL), TN_ERR_INVALID);
    tn_module *two_sums[] = {tn_gnn_sum_aggregation(), tn_gnn_sum_aggregation()};
    CHECK_ERROR(tn_gnn_multi_aggregation(two_sums, 2, TN_GNN_COMBINE_PROJ, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_multi_aggregation(two_sums, 2, TN_GNN_COMBINE_ATTN, &(tn_gnn_multi_opts){.in_channels = 3}), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_multi_aggregation(two_sums, 1, TN_GNN_COMBINE_PROJ, &(tn_gnn_multi_opts){.in_channels = 3, .out_channels = 2}), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_multi_aggregation(two_sums, 2, TN_GNN_COMBINE_ATTN, &(tn_gnn_multi_opts){.in_channels = 3, .out_channels = 4, .num_heads = 3}), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_degree_scaler_aggregation(tn_gnn_sum_aggregation(), NULL, 1, index, false), TN_ERR_INVALID);
}
RUN_ALL
