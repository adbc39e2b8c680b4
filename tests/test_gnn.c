/* Section gnn: message passing and the usual layers, against PyTorch Geometric and central differences. */
#include "gnn_golden.h"

#define OPTS(type, ...) (&(type){__VA_ARGS__})

TEST(gcn) {
    golden_case("convs", "gcn", tn_gnn_gcn_conv(5, 4, NULL), NULL);
    golden_case("convs", "gcn_weight", tn_gnn_gcn_conv(5, 4, NULL), NULL);
    golden_case("convs", "gcn_raw", tn_gnn_gcn_conv(5, 4, OPTS(tn_gcn_opts, .no_normalize = true)), NULL);
    golden_case("convs", "gcn_raw_weight", tn_gnn_gcn_conv(5, 4, OPTS(tn_gcn_opts, .no_normalize = true)), NULL);
    golden_case("convs", "gcn_no_loops", tn_gnn_gcn_conv(5, 4, OPTS(tn_gcn_opts, .no_self_loops = true)), NULL);
    golden_case("convs", "gcn_improved", tn_gnn_gcn_conv(5, 4, OPTS(tn_gcn_opts, .improved = true)), NULL);
    golden_case("convs", "gcn_no_bias", tn_gnn_gcn_conv(5, 4, OPTS(tn_gcn_opts, .no_bias = true)), NULL);
}
TEST(sage) {
    golden_case("convs", "sage", tn_gnn_sage_conv(5, 4, NULL), NULL);
    golden_case("convs", "sage_max", tn_gnn_sage_conv(5, 4, OPTS(tn_sage_opts, .aggr = TN_REDUCE_AMAX)), NULL);
    golden_case("convs", "sage_sum", tn_gnn_sage_conv(5, 4, OPTS(tn_sage_opts, .aggr = TN_REDUCE_SUM, .has_aggr = true)), NULL);
    golden_case("convs", "sage_normalize", tn_gnn_sage_conv(5, 4, OPTS(tn_sage_opts, .normalize = true)), NULL);
    golden_case("convs", "sage_no_root", tn_gnn_sage_conv(5, 4, OPTS(tn_sage_opts, .no_root_weight = true)), NULL);
    golden_case("convs", "sage_project", tn_gnn_sage_conv(5, 4, OPTS(tn_sage_opts, .project = true)), NULL);
    golden_case("convs", "sage_bipartite", tn_gnn_sage_conv(5, 4, OPTS(tn_sage_opts, .in_channels_dst = 5)), NULL);
    golden_case("convs", "sage_bipartite_max", tn_gnn_sage_conv(5, 4, OPTS(tn_sage_opts, .aggr = TN_REDUCE_AMAX, .project = true)), NULL);
}
TEST(graph_conv) {
    golden_case("convs", "graph", tn_gnn_graph_conv(5, 4, NULL), NULL);
    golden_case("convs", "graph_weight", tn_gnn_graph_conv(5, 4, NULL), NULL);
    golden_case("convs", "graph_mean", tn_gnn_graph_conv(5, 4, OPTS(tn_graph_conv_opts, .aggr = TN_REDUCE_MEAN)), NULL);
    golden_case("convs", "graph_max", tn_gnn_graph_conv(5, 4, OPTS(tn_graph_conv_opts, .aggr = TN_REDUCE_AMAX)), NULL);
    golden_case("convs", "graph_bipartite", tn_gnn_graph_conv(5, 4, NULL), NULL);
    CHECK(golden_all_run("convs"));
}
TEST(gat) {
    golden_case("attention", "gat", tn_gnn_gat_conv(5, 4, NULL), NULL);
    golden_case("attention", "gat_concat", tn_gnn_gat_conv(5, 4, OPTS(tn_gat_opts, .heads = 3)), NULL);
    golden_case("attention", "gat_mean", tn_gnn_gat_conv(5, 4, OPTS(tn_gat_opts, .heads = 3, .mean_heads = true)), NULL);
    golden_case("attention", "gat_edge", tn_gnn_gat_conv(5, 4, OPTS(tn_gat_opts, .heads = 2, .edge_dim = 3)), NULL);
    golden_case("attention", "gat_fill", tn_gnn_gat_conv(5, 4, OPTS(tn_gat_opts, .heads = 2, .edge_dim = 3, .fill_value = 0.5, .has_fill_value = true)), NULL);
    golden_case("attention", "gat_no_loops", tn_gnn_gat_conv(5, 4, OPTS(tn_gat_opts, .heads = 2, .no_self_loops = true)), NULL);
    golden_case("attention", "gat_residual", tn_gnn_gat_conv(5, 4, OPTS(tn_gat_opts, .heads = 2, .residual = true)), NULL);
    golden_case("attention", "gat_bipartite", tn_gnn_gat_conv(5, 4, OPTS(tn_gat_opts, .in_channels_dst = 5, .heads = 2, .no_self_loops = true, .residual = true)), NULL);
    golden_case("attention", "gat_bipartite_loops", tn_gnn_gat_conv(5, 4, OPTS(tn_gat_opts, .in_channels_dst = 5, .edge_dim = 3)), NULL);
}
TEST(gatv2) {
    golden_case("attention", "gatv2", tn_gnn_gatv2_conv(5, 4, NULL), NULL);
    golden_case("attention", "gatv2_concat", tn_gnn_gatv2_conv(5, 4, OPTS(tn_gat_opts, .heads = 3)), NULL);
    golden_case("attention", "gatv2_mean", tn_gnn_gatv2_conv(5, 4, OPTS(tn_gat_opts, .heads = 3, .mean_heads = true)), NULL);
    golden_case("attention", "gatv2_edge", tn_gnn_gatv2_conv(5, 4, OPTS(tn_gat_opts, .heads = 2, .edge_dim = 3)), NULL);
    golden_case("attention", "gatv2_no_loops", tn_gnn_gatv2_conv(5, 4, OPTS(tn_gat_opts, .heads = 2, .no_self_loops = true)), NULL);
    golden_case("attention", "gatv2_residual", tn_gnn_gatv2_conv(5, 4, OPTS(tn_gat_opts, .heads = 2, .residual = true)), NULL);
    golden_case("attention", "gatv2_share", tn_gnn_gatv2_conv(5, 4, OPTS(tn_gat_opts, .heads = 2, .share_weights = true)), NULL);
    golden_case("attention", "gatv2_bipartite", tn_gnn_gatv2_conv(5, 4, OPTS(tn_gat_opts, .in_channels_dst = 5, .heads = 2, .no_self_loops = true, .residual = true)), NULL);
    golden_case("attention", "gatv2_bipartite_loops", tn_gnn_gatv2_conv(5, 4, OPTS(tn_gat_opts, .in_channels_dst = 5, .edge_dim = 3)), NULL);
}
TEST(transformer_conv) {
    golden_case("attention", "transformer", tn_gnn_transformer_conv(5, 4, OPTS(tn_transformer_conv_opts, .heads = 2)), NULL);
    golden_case("attention", "transformer_mean", tn_gnn_transformer_conv(5, 4, OPTS(tn_transformer_conv_opts, .heads = 2, .mean_heads = true)), NULL);
    golden_case("attention", "transformer_beta", tn_gnn_transformer_conv(5, 4, OPTS(tn_transformer_conv_opts, .heads = 2, .beta = true)), NULL);
    golden_case("attention", "transformer_edge", tn_gnn_transformer_conv(5, 4, OPTS(tn_transformer_conv_opts, .heads = 2, .mean_heads = true, .beta = true, .edge_dim = 3)), NULL);
    golden_case("attention", "transformer_no_root", tn_gnn_transformer_conv(5, 4, OPTS(tn_transformer_conv_opts, .heads = 2, .no_root_weight = true)), NULL);
    golden_case("attention", "transformer_bipartite", tn_gnn_transformer_conv(5, 4, OPTS(tn_transformer_conv_opts, .heads = 2, .in_channels_dst = 5)), NULL);
}

static tn_reduction_kind reduce;
static tn_laplacian_kind laplacian_kind;
static tn_gcn_norm_opts norm_opts;
static tn_tensor *either(golden_io *io, const char *a, const char *b) {
    for (int i = 0; i < io->n; i++)
        if (strcmp(io->in_name[i], a) == 0 || strcmp(io->in_name[i], b) == 0) return io->in[i];
    return NULL;
}
static void give(golden_io *io, tn_gnn_edge_list l) { io->out[0] = l.edge_index, io->out[1] = l.edge_attr, io->n_out = 2; }
static void one(golden_io *io, tn_tensor *t) { io->out[0] = t, io->n_out = 1; }
static void pool(golden_io *io) {
    tn_tensor *x = golden_in(io, "x"), *batch = either(io, "batch", "batch");
    const int64_t size = either(io, "num_graphs", "num_graphs") ? io->num_graphs + 1 : -1;
    one(io, reduce == TN_REDUCE_SUM ? tn_gnn_global_add_pool(x, batch, size) : reduce == TN_REDUCE_MEAN ? tn_gnn_global_mean_pool(x, batch, size) : tn_gnn_global_max_pool(x, batch, size));
}
static void scatter(golden_io *io) { one(io, tn_gnn_scatter(golden_in(io, "edge_attr"), tn_select(golden_in(io, "edge_index"), 0, 1), io->num_nodes, reduce)); }
static void softmax(golden_io *io) { one(io, tn_gnn_softmax(golden_in(io, "edge_attr"), tn_select(golden_in(io, "edge_index"), 0, 1), io->num_nodes)); }
static void degree_in(golden_io *io) { one(io, tn_gnn_degree(tn_select(golden_in(io, "edge_index"), 0, 1), io->num_nodes, TN_DTYPE_DEFAULT)); }
static void degree_out(golden_io *io) { one(io, tn_gnn_degree(tn_select(golden_in(io, "edge_index"), 0, 0), io->num_nodes, TN_I64)); }
static void add_loops(golden_io *io) { give(io, tn_gnn_add_self_loops(golden_in(io, "edge_index"), either(io, "edge_weight", "edge_weight"), io->num_nodes, 2, NULL)); }
static void add_loops_mean(golden_io *io) {
    tn_tensor *index = golden_in(io, "edge_index"), *attr = golden_in(io, "edge_attr");
    give(io, tn_gnn_add_self_loops(index, attr, io->num_nodes, 1, tn_gnn_scatter(attr, tn_select(index, 0, 1), io->num_nodes, TN_REDUCE_MEAN)));
}
static void remaining(golden_io *io) { give(io, tn_gnn_add_remaining_self_loops(golden_in(io, "edge_index"), golden_in(io, "edge_weight"), io->num_nodes, 2, NULL)); }
static void remaining_add(golden_io *io) {
    tn_tensor *index = golden_in(io, "edge_index"), *attr = golden_in(io, "edge_attr");
    give(io, tn_gnn_add_remaining_self_loops(index, attr, io->num_nodes, 1, tn_gnn_scatter(attr, tn_select(index, 0, 1), io->num_nodes, TN_REDUCE_SUM)));
}
static void norm(golden_io *io) { give(io, tn_gnn_gcn_norm(golden_in(io, "edge_index"), either(io, "edge_weight", "edge_weight"), io->num_nodes, &norm_opts)); }
static void laplacian(golden_io *io) { give(io, tn_gnn_get_laplacian(golden_in(io, "edge_index"), either(io, "edge_weight", "edge_weight"), laplacian_kind, io->num_nodes)); }

TEST(pools) {
    static const struct { const char *name; tn_reduction_kind kind; } c[] = {{"add", TN_REDUCE_SUM}, {"mean", TN_REDUCE_MEAN}, {"max", TN_REDUCE_AMAX}, {"add_all", TN_REDUCE_SUM},
        {"mean_all", TN_REDUCE_MEAN}, {"max_all", TN_REDUCE_AMAX}, {"mean_more", TN_REDUCE_MEAN}, {"max_more", TN_REDUCE_AMAX}};
    for (size_t i = 0; i < sizeof c / sizeof c[0]; i++) reduce = c[i].kind, golden_case("pools", c[i].name, NULL, pool);
}
TEST(scatters) {
    static const char *const names[] = {"scatter_sum", "scatter_mul", "scatter_mean", "scatter_max", "scatter_min"};
    for (int i = 0; i < 5; i++) reduce = (tn_reduction_kind)i, golden_case("utils", names[i], NULL, scatter);
    golden_case("utils", "softmax", NULL, softmax);
    golden_case("utils", "degree_in", NULL, degree_in);
    golden_case("utils", "degree_out", NULL, degree_out);
}
TEST(softmax_of_large_scores) { /* exp(1000) is too large: the numbers are read once more */
    const float v[5] = {1, 1000, 2, 1000, 1.5f}, want[5] = {0, 0.5f, 1, 0.5f, 0};
    const int64_t at[5] = {0, 0, 1, 0, 0}, ordered[5] = {0, 0, 0, 0, 1}, n = 5;
    const tn_tensor_opts o = {.dtype = TN_I64};
    tn_tensor *y = tn_gnn_softmax(tn_from(v, &n, 1, NULL), tn_from(at, &n, 1, &o), -1);
    for (int64_t i = 0; i < 5; i++) CHECK_NEAR(tn_at(y, &i, 1), want[i], 1e-6);
    y = tn_gnn_softmax(tn_from(v, (int64_t[]){5, 1}, 2, NULL), tn_from(ordered, &n, 1, &o), 2);
    for (int64_t i = 0; i < 5; i++) CHECK_NEAR(tn_at(y, (int64_t[]){i, 0}, 2), i == 4 ? 1 : i % 2 ? 0.5 : 0, 1e-6);
    tn_module *gat = tn_gnn_gat_conv(1, 1, NULL);
    TN_NO_GRAD;
    const tn_tensors p = tn_parameters(gat);
    for (int i = 0; i < p.n; i++) (void)tn_fill_(p.at[i], 1);
    const int64_t edges[4] = {2, 1, 0, 0};
    y = tn_call(gat, (tn_tensor *[]){tn_from((const float[]){1, 1000, 2}, (int64_t[]){3, 1}, 2, NULL), tn_from(edges, (int64_t[]){2, 2}, 2, &o)}, 2);
    CHECK_NEAR(tn_at(y, (int64_t[]){0, 0}, 2), 1001, 1e-3);
}
TEST(edges_of_edges) {
    golden_case("utils", "add_self_loops_weight", NULL, add_loops);
    golden_case("utils", "add_self_loops_mean", NULL, add_loops_mean);
    golden_case("utils", "add_self_loops", NULL, add_loops);
    golden_case("utils", "add_remaining", NULL, remaining);
    golden_case("utils", "add_remaining_add", NULL, remaining_add);
    golden_case("utils", "gcn_norm", NULL, norm);
    golden_case("utils", "gcn_norm_ones", NULL, norm);
    norm_opts.improved = true;
    golden_case("utils", "gcn_norm_improved", NULL, norm);
    norm_opts.improved = false, norm_opts.no_self_loops = true;
    golden_case("utils", "gcn_norm_no_loops", NULL, norm);
    golden_case("utils", "laplacian", NULL, laplacian);
    laplacian_kind = TN_LAPLACIAN_SYM;
    golden_case("utils", "laplacian_sym", NULL, laplacian);
    golden_case("utils", "laplacian_ones", NULL, laplacian);
    laplacian_kind = TN_LAPLACIAN_RW;
    golden_case("utils", "laplacian_rw", NULL, laplacian);
}
static tn_tensor *edges(const int64_t *v, int64_t n) { return tn_from(v, (int64_t[]){2, n}, 2, OPTS(tn_tensor_opts, .dtype = TN_I64)); }
TEST(wrong_inputs) {
    tn_tensor *x = tn_ones((int64_t[]){3, 5}, 2, NULL), *good = edges((const int64_t[]){0, 1, 1, 2}, 2), *far = edges((const int64_t[]){0, 3, 1, 2}, 2), *less = edges((const int64_t[]){0, 1, -1, 2}, 2);
    tn_module *layers[] = {tn_gnn_gcn_conv(5, 4, NULL), tn_gnn_sage_conv(5, 4, NULL), tn_gnn_gat_conv(5, 4, NULL), tn_gnn_gatv2_conv(5, 4, NULL), tn_gnn_transformer_conv(5, 4, NULL), tn_gnn_graph_conv(5, 4, NULL)};
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        tn_module *m = layers[i];
        CHECK(tn_call(m, (tn_tensor *[]){x, good}, 2));
        CHECK_ERROR(tn_call(m, (tn_tensor *[]){x, far}, 2), TN_ERR_INDEX);
        CHECK_ERROR(tn_call(m, (tn_tensor *[]){x, less}, 2), TN_ERR_INDEX);
        CHECK_ERROR(tn_call(m, (tn_tensor *[]){x, tn_select(good, 0, 0)}, 2), TN_ERR_SHAPE);
        CHECK_ERROR(tn_call(m, (tn_tensor *[]){x}, 1), TN_ERR_INVALID);
        CHECK_ERROR(tn_call(m, (tn_tensor *[]){NULL, good}, 2), TN_ERR_INVALID);
        CHECK_ERROR(tn_call(m, (tn_tensor *[]){x, good, tn_ones((int64_t[]){3}, 1, NULL)}, 3), TN_ERR_SHAPE);
    }
    CHECK_ERROR(tn_gnn_gcn_conv(0, 4, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_gat_conv(5, 4, OPTS(tn_gat_opts, .dropout = 2)), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_scatter(x, tn_select(good, 0, 0), 3, TN_REDUCE_SUM), TN_ERR_SHAPE);
    CHECK_ERROR(tn_gnn_degree(x, 3, TN_DTYPE_DEFAULT), TN_ERR_DTYPE);
}
TEST(written_edges_are_looked_at_again) {
    tn_tensor *x = tn_arange(0, 4, 1, OPTS(tn_tensor_opts, .dtype = TN_F32)), *index = edges((const int64_t[]){0, 1, 2, 1, 2, 3}, 3);
    x = tn_reshape(x, (int64_t[]){4, 1}, 2);
    CHECK(tn_item(tn_select(tn_gnn_spmm(index, NULL, x, -1, TN_REDUCE_SUM), 0, 3)) == 2);
    CHECK(tn_item(tn_sum(tn_gnn_gcn_norm(index, NULL, 4, NULL).edge_attr, NULL)) > 0);
    tn_test_set(index, 2, 1); /* the last edge comes from node 1 now */
    CHECK(tn_item(tn_select(tn_gnn_spmm(index, NULL, x, -1, TN_REDUCE_SUM), 0, 3)) == 1);
    tn_test_set(index, 2, 9);
    CHECK_ERROR(tn_gnn_spmm(index, NULL, x, -1, TN_REDUCE_SUM), TN_ERR_INDEX);
    CHECK_ERROR(tn_gnn_gcn_norm(index, NULL, 4, NULL), TN_ERR_INDEX);
}
static tn_tensor *some_edges(int64_t n, int64_t count) { return tn_randint(0, n, (int64_t[]){2, count}, 2, OPTS(tn_tensor_opts, .dtype = TN_I64)); }
static void close_to(tn_tensor *a, tn_tensor *b, double tolerance) {
    CHECK(a && b);
    if (a && b) CHECK(tn_item(tn_max(tn_abs(tn_sub(a, b)))) <= tolerance * (1 + tn_item(tn_max(tn_abs(b)))));
}
/* A GAT without edge_attr and dropout has a row of its own, and a gradient; that which gives its weights is made of others. */
TEST(attention_in_one_pass) {
    static const int shape[][2] = {{1, 1}, {1, 7}, {3, 5}, {1, 16}, {8, 8}, {2, 20}, {1, 40}, {1, 64}, {2, 70}};
    for (size_t i = 0; i < sizeof shape / sizeof shape[0]; i++) {
        TN_SCOPE;
        tn_manual_seed(i);
        tn_tensor *index = some_edges(150, 900), *x = tn_requires_grad_(tn_randn((int64_t[]){200, 6}, 2, NULL), true); /* 50 have loops alone */
        tn_module *m = tn_gnn_gat_conv(6, shape[i][1], OPTS(tn_gat_opts, .heads = shape[i][0]));
        tn_tensor *y[2] = {tn_call(m, (tn_tensor *[]){x, index}, 2), tn_gnn_attention_forward(m, (tn_tensor *[]){x, index}, 2).out}, *ask[3] = {x, tn_module_get(m, "att_src"), tn_module_get(m, "att_dst")}, *g[2][3], *gg[2];
        close_to(y[0], y[1], 2e-6);
        for (int k = 0; k < 2; k++) {
            tn_tensors plain = tn_autograd_grad((tn_tensor *[]){tn_sum(tn_square(y[k]), NULL)}, 1, ask, 3, NULL, OPTS(tn_grad_opts, .retain_graph = true));
            for (int j = 0; j < 3; j++) g[k][j] = plain.at[j];
            tn_tensors again = tn_autograd_grad((tn_tensor *[]){tn_sum(tn_square(y[k]), NULL)}, 1, ask, 3, NULL, OPTS(tn_grad_opts, .create_graph = true));
            gg[k] = tn_autograd_grad((tn_tensor *[]){tn_add(tn_sum(tn_square(again.at[0]), NULL), tn_sum(tn_square(again.at[2]), NULL))}, 1, ask, 1, NULL, NULL).at[0];
            for (int j = 0; j < 3; j++) close_to(again.at[j], g[k][j], 1e-5);
        }
        for (int j = 0; j < 3; j++) close_to(g[0][j], g[1][j], 1e-5);
        close_to(gg[0], gg[1], 1e-4);
    }
}
/* The layer's result of data that have been seen, and of a copy that never was. */
static void as_of_a_copy(tn_module *m, tn_tensor *x, tn_tensor *index) {
    tn_tensor *y = tn_call(m, (tn_tensor *[]){x, index}, 2), *fresh = tn_call(m, (tn_tensor *[]){tn_clone(x), tn_clone(index)}, 2);
    CHECK(y && fresh && tn_item(tn_max(tn_abs(tn_sub(y, fresh)))) == 0);
}
TEST(sums_of_data_are_kept_while_they_hold) {
    const int64_t n = 300;
    tn_module *layers[] = {tn_gnn_gcn_conv(40, 24, NULL), tn_gnn_sage_conv(40, 24, NULL), tn_gnn_graph_conv(40, 24, NULL), tn_gnn_gcn_conv(40, 24, OPTS(tn_gcn_opts, .improved = true)),
                           tn_gnn_gcn_conv(40, 24, OPTS(tn_gcn_opts, .target_to_source = true)), tn_gnn_sage_conv(40, 24, OPTS(tn_sage_opts, .aggr = TN_REDUCE_AMAX))};
    for (int k = 0; k < 6; k++) {
        tn_tensor *x = tn_randn((int64_t[]){n, 40}, 2, NULL), *index = some_edges(n, 2000), *other = some_edges(n, 1000);
        for (int i = 0; i < 4; i++) as_of_a_copy(layers[k], x, index);
        for (int i = 0; i < 2; i++)
            for (int j = 0; j < 6; j++) as_of_a_copy(layers[j], x, i ? other : index);
        for (int i = 0; i < 3; i++) as_of_a_copy(layers[k], x, other);
        CHECK(tn_mul_(x, 2.0));
        for (int i = 0; i < 3; i++) as_of_a_copy(layers[k], x, other);
        CHECK(tn_copy_(index, some_edges(n, 2000)));
        CHECK(tn_copy_(other, some_edges(n, 1000)));
        for (int i = 0; i < 3; i++) as_of_a_copy(layers[k], x, other);
        tn_test_set(x, 5, 100); /* by its pointer, and told */
        for (int i = 0; i < 3; i++) as_of_a_copy(layers[k], x, other);
        float *shown = getenv("TN_TEST_DEVICE") ? NULL : (float *)tn_data(x);
        for (int i = 0; shown && i < 3; i++) {
            shown[i] += 1; /* and not told: what is shown is not kept */
            as_of_a_copy(layers[k], x, other);
        }
        CHECK(tn_requires_grad_(x, true));
        tn_tensor *y = tn_sum(tn_square(tn_call(layers[k], (tn_tensor *[]){x, other}, 2)), NULL);
        CHECK(tn_autograd_grad(&y, 1, &x, 1, NULL, NULL).n == 1);
    }
}
TEST(sums_are_kept_of_data_that_nobody_can_write_unseen) {
    HOST_ONLY;
    const int64_t n = 300, bytes = n * 40 * (int64_t)sizeof(float);
    tn_module *m = tn_gnn_gcn_conv(40, 24, NULL);
    tn_tensor *index = some_edges(n, 2000);
    for (int k = 0; k < 5; k++) { /* once for what belongs to the edges; then as it is, shown, shown and said to be written, with a gradient */
        tn_tensor *x = tn_randn((int64_t[]){n, 40}, 2, NULL);
        if (k == 2 || k == 3) CHECK(tn_data(x));
        if (k == 3) tn_mark_written(x);
        if (k == 4) CHECK(tn_requires_grad_(x, true));
        const int64_t before = tn_memory_stats().live_bytes;
        for (int i = 0; i < 3; i++) {
            TN_SCOPE;
            CHECK(tn_call(m, (tn_tensor *[]){x, index}, 2));
            if (i == 0 && k) CHECK(tn_memory_stats().live_bytes < before + bytes + 2 * n * 24 * (int64_t)sizeof(float));
        }
        if (k) CHECK((tn_memory_stats().live_bytes >= before + bytes) == (k == 1 || k == 3));
    }
}
TEST(no_thread_changes_a_bit_of_a_graph_net) {
    HOST_ONLY;
    const int before = tn_get_num_threads();
    const int64_t n = 3000;
    tn_manual_seed(5);
    tn_tensor *index = tn_randint(0, n, (int64_t[]){2, 20000}, 2, OPTS(tn_tensor_opts, .dtype = TN_I64)), *first[6] = {NULL, NULL, NULL, NULL, NULL, NULL};
    tn_tensor *x = tn_requires_grad_(tn_randn((int64_t[]){n, 40}, 2, NULL), true);
    tn_module *layers[3] = {tn_gnn_gcn_conv(40, 24, NULL), tn_gnn_sage_conv(40, 24, NULL), tn_gnn_gat_conv(40, 24, NULL)};
    for (int threads = 1; threads <= 3; threads++)
        for (int k = 0; k < 3; k++) {
            CHECK(tn_set_num_threads(threads) == TN_OK);
            tn_tensor *y = tn_call(layers[k], (tn_tensor *[]){x, index}, 2), *g = tn_autograd_grad((tn_tensor *[]){tn_sum(tn_square(y), NULL)}, 1, &x, 1, NULL, NULL).at[0];
            if (threads == 1) first[2 * k] = y, first[2 * k + 1] = g;
            CHECK(memcmp(tn_test_values(y), tn_test_values(first[2 * k]), (size_t)tn_numel(y) * sizeof(float)) == 0);
            CHECK(memcmp(tn_test_values(g), tn_test_values(first[2 * k + 1]), (size_t)tn_numel(g) * sizeof(float)) == 0);
        }
    CHECK(tn_set_num_threads(before) == TN_OK);
}
RUN_ALL
