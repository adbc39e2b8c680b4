#include "../ext/graph.h"
#include "gnn_golden.h"

static void run(const char *name, tn_module *m) { golden_case("norms", name, m, NULL); }

TEST(goldens_graph_pair_mean) {
    run("graph", tn_gnn_graph_norm(5, 0));
    run("graph_all", tn_gnn_graph_norm(5, 0));
    run("pair", tn_gnn_pair_norm(NULL));
    run("pair_all", tn_gnn_pair_norm(&(tn_gnn_pair_norm_opts){.scale = 2}));
    run("pair_each", tn_gnn_pair_norm(&(tn_gnn_pair_norm_opts){.scale = 0.5, .scale_individually = true}));
    run("pair_each_all", tn_gnn_pair_norm(&(tn_gnn_pair_norm_opts){.scale_individually = true}));
    run("mean", tn_gnn_mean_subtraction_norm());
    run("mean_all", tn_gnn_mean_subtraction_norm());
}
TEST(goldens_diff) {
    run("diff", tn_gnn_diff_group_norm(5, 3, NULL));
    run("diff_train", tn_gnn_diff_group_norm(5, 3, &(tn_gnn_diff_group_norm_opts){.lamda = 0.1}));
    run("diff_plain_train", tn_gnn_diff_group_norm(5, 2, &(tn_gnn_diff_group_norm_opts){.lamda = 0.5, .no_affine = true, .no_running_stats = true}));
}
TEST(goldens_instance) {
    run("instance", tn_gnn_instance_norm(5, NULL));
    run("instance_all", tn_gnn_instance_norm(5, &(tn_norm_opts){.affine = true}));
    run("instance_track", tn_gnn_instance_norm(5, &(tn_norm_opts){.affine = true, .track_running_stats = true}));
    run("instance_track_train", tn_gnn_instance_norm(5, &(tn_norm_opts){.affine = true, .track_running_stats = true}));
}
TEST(goldens_layer) {
    run("layer", tn_gnn_layer_norm(5, false, NULL));
    run("layer_all", tn_gnn_layer_norm(5, false, NULL));
    run("layer_plain", tn_gnn_layer_norm(5, false, &(tn_norm_opts){.no_affine = true}));
    run("layer_node", tn_gnn_layer_norm(5, true, NULL));
}
TEST(hetero) {
    run("hetero_layer", tn_gnn_hetero_layer_norm(5, 3, NULL));
    run("hetero_layer_plain", tn_gnn_hetero_layer_norm(5, 4, &(tn_norm_opts){.no_affine = true}));
    run("hetero_batch", tn_gnn_hetero_batch_norm(5, 3, NULL));
    run("hetero_batch_train", tn_gnn_hetero_batch_norm(5, 4, &(tn_norm_opts){.momentum = 0.3}));
    run("hetero_batch_plain_train", tn_gnn_hetero_batch_norm(5, 3, &(tn_norm_opts){.no_affine = true, .no_running_stats = true}));
}
TEST(hetero_sorted) { /* where types begin says the same as each node's type */
    tn_tensor *x = tn_test_of("f32 [4, 2] 1 2 3 5 8 6 7 9"), *w = tn_test_of("f32 [3, 2] 1 2 3 4 5 6");
    tn_module *m = tn_gnn_hetero_layer_norm(2, 3, NULL);
    tn_set_grad_enabled(false);
    CHECK(tn_copy_(tn_module_get(m, "weight"), w));
    tn_set_grad_enabled(true);
    tn_tensor *y = tn_call(m, (tn_tensor *[]){x, tn_test_of("i64 [4] 0 0 2 2")}, 2);
    CHECK(tn_item(tn_max(tn_abs(tn_sub(y, tn_call(m, (tn_tensor *[]){x, NULL, tn_test_of("i64 [4] 0 2 2 4")}, 3))))) == 0);
    CHECK_ERROR(tn_call(m, (tn_tensor *[]){x, NULL, tn_test_of("i64 [5] 0 1 2 3 4")}, 3), TN_ERR_INDEX);
    CHECK_ERROR(tn_call(m, (tn_tensor *[]){x, NULL, tn_test_of("i64 [2] 0 3")}, 3), TN_ERR_INVALID);
    CHECK_ERROR(tn_call(m, (tn_tensor *[]){x, tn_test_of("i64 [4] 0 0 2 3")}, 2), TN_ERR_INDEX);
    CHECK_ERROR(tn_call(m, (tn_tensor *[]){x, tn_test_of("i64 [3] 0 0 2")}, 2), TN_ERR_SHAPE);
    CHECK_ERROR(tn_forward(m, x), TN_ERR_INVALID);
    CHECK_ERROR(tn_forward(tn_gnn_hetero_batch_norm(2, 3, NULL), x), TN_ERR_INVALID);
    CHECK_ERROR(tn_call(tn_gnn_hetero_batch_norm(3, 3, NULL), (tn_tensor *[]){x, tn_test_of("i64 [4] 0 0 2 2")}, 2), TN_ERR_SHAPE);
    CHECK_ERROR(tn_gnn_hetero_batch_norm(0, 3, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_hetero_layer_norm(2, 0, NULL), TN_ERR_INVALID);
}
TEST(goldens_all) { CHECK(golden_all_run("norms")); }

TEST(sizes_and_messages) {
    tn_tensor *x = tn_test_of("f32 [5, 1] 2 2 2 2 3"), *batch = tn_test_of("i64 [5] 0 0 0 0 1");
    CHECK_IS(tn_call(tn_gnn_graph_size_norm(), (tn_tensor *[]){x, batch}, 2), "f32 [5, 1] 1 1 1 1 3");
    CHECK_NEAR(tn_item(tn_sum(tn_call(tn_gnn_graph_size_norm(), &x, 1), NULL)), 11 / sqrt(5), 1e-6);
    tn_module *m = tn_gnn_message_norm(true);
    tn_tensor *msg = tn_test_of("f32 [2, 2] 0 2 3 4"), *of = tn_test_of("f32 [2, 2] 3 4 0 10");
    tn_tensor *out = tn_call(m, (tn_tensor *[]){of, msg}, 2);
    CHECK_IS(out, "f32 [2, 2] 0 5 6 8");
    CHECK(tn_backward(tn_sum(out, NULL)) == TN_OK);
    CHECK_IS(tn_grad(tn_module_get(m, "scale")), "f32 [1] 19");
    CHECK(!tn_requires_grad(tn_module_get(tn_gnn_message_norm(false), "scale")));
}
TEST(one_node_and_none) {
    tn_tensor *one = tn_test_of("f32 [1, 2] 3 5"), *none = tn_test_of("f32 [0, 2]"), *no_batch = tn_test_of("i64 [0]");
    CHECK_IS(tn_forward(tn_gnn_graph_norm(2, 0), one), "f32 [1, 2] 0 0");
    CHECK_IS(tn_call(tn_gnn_instance_norm(2, NULL), (tn_tensor *[]){one, tn_test_of("i64 [1] 0")}, 2), "f32 [1, 2] 0 0");
    CHECK_IS(tn_call(tn_gnn_graph_norm(2, 0), (tn_tensor *[]){none, no_batch}, 2), "f32 [0, 2]");
    CHECK_IS(tn_call(tn_gnn_layer_norm(2, false, NULL), (tn_tensor *[]){none, no_batch}, 2), "f32 [0, 2]");
}
TEST(errors) {
    tn_tensor *x = tn_test_of("f32 [2, 3] 1 2 3 4 5 6");
    CHECK_ERROR(tn_gnn_graph_norm(0, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_diff_group_norm(3, 0, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_call(tn_gnn_graph_norm(3, 0), (tn_tensor *[]){x, tn_test_of("i64 [3] 0 0 0")}, 2), TN_ERR_SHAPE);
    CHECK_ERROR(tn_call(tn_gnn_graph_norm(3, 0), (tn_tensor *[]){x, x}, 2), TN_ERR_DTYPE);
    CHECK_ERROR(tn_call(tn_gnn_graph_norm(3, 0), (tn_tensor *[]){x, tn_test_of("i64 [2] -1 0")}, 2), TN_ERR_INDEX);
    CHECK_ERROR(tn_forward(tn_gnn_graph_norm(4, 0), x), TN_ERR_SHAPE);
    CHECK_ERROR(tn_call(tn_gnn_message_norm(false), &x, 1), TN_ERR_INVALID);
}
RUN_ALL
