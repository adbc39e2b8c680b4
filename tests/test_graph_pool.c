#include "../ext/graph.h"
#include "gnn_golden.h"

static void give(golden_io *io, int n, tn_tensor *const *out) {
    for (int i = 0; i < n; i++) io->out[io->n_out++] = out[i];
}
static tn_tensor *maybe(const golden_io *io, int i) { return i < io->n ? io->in[i] : NULL; }
static void global_add(golden_io *io) { give(io, 1, (tn_tensor *[]){tn_gnn_global_add_pool(io->in[0], maybe(io, 1), -1)}); }
static void global_mean(golden_io *io) { give(io, 1, (tn_tensor *[]){tn_gnn_global_mean_pool(io->in[0], maybe(io, 1), -1)}); }
static void global_max(golden_io *io) { give(io, 1, (tn_tensor *[]){tn_gnn_global_max_pool(io->in[0], maybe(io, 1), -1)}); }
static void mean_more(golden_io *io) { give(io, 1, (tn_tensor *[]){tn_gnn_global_mean_pool(io->in[0], io->in[1], io->num_graphs + 1)}); }
static void max_more(golden_io *io) { give(io, 1, (tn_tensor *[]){tn_gnn_global_max_pool(io->in[0], io->in[1], io->num_graphs + 1)}); }
static bool no_normalize;
static double temp;
static void diff(golden_io *io) {
    const tn_gnn_diff_pool r = tn_gnn_dense_diff_pool(io->in[0], io->in[1], io->in[2], maybe(io, 3), no_normalize);
    give(io, 4, (tn_tensor *[]){r.x, r.adj, r.link_loss, r.entropy_loss});
}
static void mincut(golden_io *io) {
    const tn_gnn_mincut_pool r = tn_gnn_dense_mincut_pool(io->in[0], io->in[1], io->in[2], maybe(io, 3), temp);
    give(io, 4, (tn_tensor *[]){r.x, r.adj, r.mincut_loss, r.ortho_loss});
}
static void pooling(golden_io *io) {
    const tn_gnn_pooled r = tn_gnn_pooling_forward(io->module, io->in[0], io->in[1], io->in[2], io->in[3], NULL);
    give(io, 6, (tn_tensor *[]){r.x, r.edge_index, r.edge_attr, r.batch, r.perm, r.score});
}

TEST(goldens_global) {
    golden_case("pools", "add", NULL, global_add), golden_case("pools", "add_all", NULL, global_add);
    golden_case("pools", "mean", NULL, global_mean), golden_case("pools", "mean_all", NULL, global_mean);
    golden_case("pools", "max", NULL, global_max), golden_case("pools", "max_all", NULL, global_max);
    golden_case("pools", "mean_more", NULL, mean_more), golden_case("pools", "max_more", NULL, max_more);
}
TEST(goldens_dense) {
    golden_case("pools", "diff", NULL, diff), golden_case("pools", "diff_mask", NULL, diff);
    no_normalize = true;
    golden_case("pools", "diff_sum", NULL, diff);
    golden_case("pools", "mincut", NULL, mincut);
    temp = 2;
    golden_case("pools", "mincut_mask", NULL, mincut);
}
TEST(goldens_topk) {
    golden_case("pools", "topk", tn_gnn_topk_pooling(5, NULL), pooling);
    golden_case("pools", "topk_count", tn_gnn_topk_pooling(5, &(tn_gnn_pooling_opts){.ratio = 2, .multiplier = 1.5, .nonlinearity = tn_sigmoid}), pooling);
    golden_case("pools", "topk_score", tn_gnn_topk_pooling(5, &(tn_gnn_pooling_opts){.min_score = 0.3}), pooling);
}
TEST(goldens_sag) {
    golden_case("pools", "sag", tn_gnn_sag_pooling(tn_gnn_graph_conv(5, 1, NULL), NULL), pooling);
    golden_case("pools", "sag_gcn", tn_gnn_sag_pooling(tn_gnn_gcn_conv(5, 1, NULL), &(tn_gnn_pooling_opts){.ratio = 0.7}), pooling);
    golden_case("pools", "sag_score", tn_gnn_sag_pooling(tn_gnn_gat_conv(5, 1, NULL), &(tn_gnn_pooling_opts){.min_score = 0.3}), pooling);
}
TEST(goldens_all) { CHECK(golden_all_run("pools")); }

/* What follows, against PyG 2.8.1 on this graph, with parameters sin(1.3 i + k), k the parameter's number. */
static tn_tensor *edges(void) { return tn_test_of("i64 [2, 11] 0 1 1 2 3 0 4 5 6 5 2 1 0 2 1 2 3 5 4 5 6 2"); }
static tn_tensor *graphs(void) { return tn_test_of("i64 [7] 0 0 0 0 1 1 1"); }
static tn_tensor *nodes(void) { return tn_requires_grad_(tn_test_wave(0.5, TN_F32, SHAPE(7, 3)), true); }
static tn_tensor *weights(void) { return tn_add(tn_test_wave(1, TN_F32, SHAPE(11)), 1.5); }
static tn_module *filled(tn_module *m) {
    tn_dict *d = tn_named_parameters(m), *to = tn_dict_new();
    for (int i = 0; i < tn_dict_len(d); i++)
        (void)tn_dict_set(to, tn_dict_name(d, i), tn_test_wave(i, TN_F32, tn_shape(tn_dict_at(d, i)), tn_ndim(tn_dict_at(d, i))));
    CHECK(tn_load_state_dict(m, to, NULL) == TN_OK);
    return m;
}
static tn_tensor *loss_of(tn_tensor *t) { /* what tn_test_digest gives, with a gradient */
    const int64_t flat = -1;
    return tn_sum(tn_mul(tn_reshape(t, &flat, 1), tn_cos(tn_mul(tn_to_dtype(tn_arange(0, (double)tn_numel(t), 1, NULL), tn_get_dtype(t)), 0.7))), NULL);
}
TEST(edge_pooling) {
    const double want[3][5] = {{-0.0493506416, 2.3480500962, -1.0861646162, 4.6218759132, -0.0602906223},
                               {-0.1152272885, 2.3552383874, -1.0861646162, 4.7539360612, 0.0029769648},
                               {-0.1433058610, 2.2466417958, -1.0861646162, 4.6722542729, 0.1075176084}};
    for (int i = 0; i < 3; i++) {
        tn_module *m = filled(tn_gnn_edge_pooling(3, &(tn_gnn_edge_pooling_opts){.score = (tn_gnn_edge_score)i}));
        tn_tensor *x = nodes();
        const tn_gnn_edge_pooled r = tn_gnn_edge_pooling_forward(m, x, edges(), graphs());
        CHECK_NEAR(tn_test_digest(r.x), want[i][0], 2e-5);
        CHECK_NEAR(tn_test_digest(r.score), want[i][1], 2e-5);
        CHECK_IS(r.edge_index, "i64 [2, 7] 0 0 1 1 2 2 3 0 2 1 3 0 2 1");
        CHECK_IS(r.batch, "i64 [4] 0 1 0 1");
        CHECK_IS(r.cluster, "i64 [7] 0 0 2 2 1 1 3");
        CHECK_NEAR(tn_test_digest(tn_gnn_edge_unpool(r.x, &r)), want[i][2], 2e-5);
        CHECK(tn_backward(loss_of(r.x)) == TN_OK);
        CHECK_NEAR(tn_test_digest(tn_grad(x)), want[i][3], 5e-5);
        CHECK_NEAR(tn_test_digest(tn_grad(tn_module_get(m, "lin.weight"))), want[i][4], 5e-5);
    }
    tn_tensor *in[] = {nodes(), tn_test_of("i64 [2, 0]")};
    CHECK(tn_size(tn_call(tn_gnn_edge_pooling(3, NULL), in, 2), 0) == 7);
}
TEST(asa_pooling) {
    tn_tensor *x = nodes();
    tn_module *m = filled(tn_gnn_asa_pooling(3, NULL, NULL));
    tn_gnn_pooled r = tn_gnn_pooling_forward(m, x, edges(), NULL, graphs(), NULL);
    CHECK_NEAR(tn_test_digest(r.x), -0.3643842403, 2e-5);
    CHECK_IS(r.edge_index, "i64 [2, 4] 0 1 2 3 1 0 3 2");
    CHECK(!r.edge_attr);
    CHECK_IS(r.batch, "i64 [4] 0 0 1 1");
    CHECK_IS(r.perm, "i64 [4] 0 1 4 6");
    CHECK(tn_backward(loss_of(r.x)) == TN_OK);
    CHECK_NEAR(tn_test_digest(tn_grad(x)), 0.7039618728, 5e-5);
    r = tn_gnn_pooling_forward(m, x, edges(), weights(), graphs(), NULL);
    CHECK_NEAR(tn_test_digest(r.edge_attr), 2.6762527758, 2e-5);
    m = filled(tn_gnn_asa_pooling(3, NULL, &(tn_gnn_asa_pooling_opts){.ratio = 2, .add_self_loops = true}));
    r = tn_gnn_pooling_forward(m, x, edges(), weights(), graphs(), NULL);
    CHECK_IS(r.edge_index, "i64 [2, 8] 0 1 2 3 0 1 2 3 1 0 3 2 0 1 2 3");
    CHECK_NEAR(tn_test_digest(r.edge_attr), -0.6544871770, 2e-5);
    m = filled(tn_gnn_asa_pooling(3, tn_gnn_graph_conv(3, 3, NULL), &(tn_gnn_asa_pooling_opts){.ratio = 0.7}));
    r = tn_gnn_pooling_forward(m, x, edges(), weights(), graphs(), NULL);
    CHECK_NEAR(tn_test_digest(r.x), -0.2000439069, 2e-5);
    CHECK_IS(r.edge_index, "i64 [2, 12] 0 0 1 1 2 2 3 3 4 4 5 5 1 2 0 2 0 1 4 5 3 5 3 4"); /* PyG's in order */
    CHECK_NEAR(tn_test_digest(r.edge_attr), 0.2719067597, 2e-5);
}
/* PyG has no gradient of these edges. */
static tn_tensor *asa_edges(void *m, tn_tensor *const *in, int n) {
    (void)n;
    const tn_gnn_pooled r = tn_gnn_pooling_forward((tn_module *)m, in[0], edges(), in[1], graphs(), NULL);
    return tn_add(loss_of(r.x), loss_of(r.edge_attr));
}
TEST(asa_gradients) {
    tn_module *m = filled(tn_gnn_asa_pooling(3, NULL, NULL));
    CHECK(tn_module_to_dtype(m, TN_F64) == TN_OK);
    tn_tensor *in[] = {tn_test_wave(0.5, TN_F64, SHAPE(7, 3)), tn_detach(tn_to_dtype(weights(), TN_F64))};
    for (int i = 0; i < 2; i++) (void)tn_requires_grad_(in[i], true);
    CHECK(tn_gradcheck(asa_edges, m, in, 2, NULL) == TN_OK);
}
TEST(clusters) {
    tn_graph *g = tn_dict_new();
    tn_tensor *cluster = tn_test_of("i64 [7] 5 5 2 2 9 9 7"), *x = tn_detach(nodes());
    CHECK_ERROR(tn_gnn_max_pool(cluster, g), TN_ERR_INVALID);
    (void)tn_dict_set(g, "x", x), (void)tn_dict_set(g, "edge_index", edges()), (void)tn_dict_set(g, "edge_attr", weights());
    (void)tn_dict_set(g, "pos", tn_test_wave(2, TN_F32, SHAPE(7, 2))), (void)tn_dict_set(g, "batch", graphs());
    const double want[] = {2.4811826834, 1.3986360479};
    for (int i = 0; i < 2; i++) {
        tn_graph *p = i ? tn_gnn_avg_pool(cluster, g) : tn_gnn_max_pool(cluster, g);
        CHECK_NEAR(tn_test_digest(tn_dict_get(p, "x")), want[i], 2e-5);
        CHECK_IS(tn_dict_get(p, "edge_index"), "i64 [2, 4] 0 1 2 3 1 0 3 2");
        CHECK_NEAR(tn_test_digest(tn_dict_get(p, "edge_attr")), 2.4652018368, 2e-5);
        CHECK_NEAR(tn_test_digest(tn_dict_get(p, "pos")), 1.0260736366, 2e-5);
        CHECK_IS(tn_dict_get(p, "batch"), "i64 [4] 0 0 1 1");
        CHECK_NEAR(tn_test_digest((i ? tn_gnn_avg_pool_x(cluster, x, NULL) : tn_gnn_max_pool_x(cluster, x, NULL)).x), want[i], 2e-5);
    }
    CHECK_IS(tn_gnn_max_pool_x(cluster, x, graphs()).batch, "i64 [4] 0 0 1 1");
    CHECK_IS(tn_gnn_consecutive_cluster(cluster).cluster, "i64 [7] 1 1 0 0 3 3 2");
    CHECK_IS(tn_gnn_consecutive_cluster(cluster).perm, "i64 [4] 3 1 6 5");
    CHECK_NEAR(tn_test_digest(tn_gnn_max_pool_neighbor_x(x, edges())), 2.0463963934, 2e-5);
    CHECK_NEAR(tn_test_digest(tn_gnn_avg_pool_neighbor_x(x, edges())), 1.3045195071, 2e-5);
}
/* By hand: every pair is an edge or a node by itself, named by its smaller node; no two free neighbours are left. */
TEST(graclus) {
    const int64_t *row = (const int64_t *)tn_test_values(edges());
    for (uint64_t seed = 0; seed < 20; seed++) {
        const int64_t *c = (const int64_t *)tn_test_values(tn_gnn_graclus(edges(), NULL, 7, tn_generator_new(seed)));
        int size[7] = {0}, apart[7] = {0};
        for (int i = 0; i < 7; i++) size[c[i]]++, CHECK(c[i] <= i), CHECK(c[c[i]] == c[i]);
        for (int i = 0; i < 7; i++) CHECK(size[i] <= 2), apart[i] = size[c[i]] == 1;
        for (int i = 0; i < 4; i++) CHECK(row[i] == row[11 + i] || !apart[row[i]] || !apart[row[11 + i]]);
    }
    tn_tensor *path = tn_test_of("i64 [2, 6] 0 1 1 2 2 3 1 0 2 1 3 2"), *heavy = tn_test_of("f32 [6] 1 1 5 5 1 1");
    for (uint64_t seed = 0; seed < 20; seed++) { /* 1 and 2, whoever of them is asked; 0 and 3 may be asked before */
        const int64_t *c = (const int64_t *)tn_test_values(tn_gnn_graclus(path, heavy, -1, tn_generator_new(seed)));
        CHECK((c[1] == 1 && c[2] == 1 && c[3] == 3) || (c[1] == 0 && c[2] == 2 && c[3] == 2));
    }
    CHECK(tn_numel(tn_gnn_graclus(tn_test_of("i64 [2, 0]"), NULL, -1, NULL)) == 0);
}
/* By hand: cells of 5 by 5 from (0, 0), 2 of them along x; then as the published code numbers them. */
TEST(voxel_grid) {
    tn_tensor *pos = tn_test_of("f32 [5, 2] 0 0 4 4 6 1 1 9 9 9"), *batch = tn_test_of("i64 [5] 0 0 0 1 1");
    CHECK_IS(tn_gnn_voxel_grid(pos, (const double[]){5}, 1, NULL, NULL, NULL), "i64 [5] 0 0 1 2 3");
    CHECK_IS(tn_gnn_voxel_grid(pos, (const double[]){5, 5}, 2, batch, NULL, NULL), "i64 [5] 0 0 1 6 7");
    CHECK_IS(tn_gnn_voxel_grid(pos, (const double[]){5, 5}, 2, NULL, (const double[]){-5, 0}, (const double[]){19, 9}), "i64 [5] 1 1 2 6 7");
    CHECK_IS(tn_gnn_voxel_grid(tn_test_of("f32 [0, 2]"), (const double[]){5}, 1, NULL, NULL, NULL), "i64 [0]");
    CHECK_ERROR(tn_gnn_voxel_grid(pos, (const double[]){0}, 1, NULL, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_voxel_grid(pos, (const double[]){1e-30}, 1, NULL, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_voxel_grid(pos, (const double[]){1, 1, 1}, 3, NULL, NULL, NULL), TN_ERR_SHAPE);
}
/* PyG's first and last parameter, and the draw after them. */
static void draws(const char *name, tn_module *(*make)(void), double first, double last, double next) {
    CPU_DRAWS;
    tn_manual_seed(3);
    tn_dict *d = tn_named_parameters(make());
    const int64_t one = 1;
    const double a = *(const float *)tn_test_values(tn_dict_at(d, 0)), b = *(const float *)tn_test_values(tn_dict_at(d, tn_dict_len(d) - 1));
    const double c = tn_item(tn_rand(&one, 1, NULL));
    if (fabs(a - first) > 1e-6 || fabs(b - last) > 1e-6 || fabs(c - next) > 1e-6)
        TN_TEST_FAIL("%s draws %.7g, %.7g, then %.7g, not %.7g, %.7g, %.7g", name, a, b, c, first, last, next);
}
static tn_module *a_topk(void) { return tn_gnn_topk_pooling(5, NULL); }
static tn_module *a_sag(void) { return tn_gnn_sag_pooling(tn_gnn_graph_conv(5, 1, NULL), NULL); }
static tn_module *an_asa(void) { return tn_gnn_asa_pooling(5, NULL, NULL); }
static tn_module *an_edge(void) { return tn_gnn_edge_pooling(5, NULL); }
static tn_module *a_diff(void) { return tn_gnn_diff_group_norm(5, 3, NULL); }
static tn_module *a_set2set(void) { return tn_gnn_set2set(5, 3, NULL); }
static tn_module *an_lstm(void) { return tn_gnn_lstm_aggregation(5, 4, NULL); }
TEST(seeds) {
    draws("TopKPooling", a_topk, -0.3934439421, -0.3934439421, 0.4510313272);
    draws("SAGPooling", a_sag, -0.4363832474, -0.8667083979, 0.2539573908);
    draws("ASAPooling", an_asa, 0.0541838258, -0.7501841784, 0.5978047848);
    draws("EdgePooling", an_edge, 0.1894145012, -0.1804030389, 0.9493049979);
    draws("DiffGroupNorm", a_diff, -0.0363090523, 0, 0.2608796358);
    draws("Set2Set", a_set2set, -0.2989199460, -0.2036362141, 0.0131453276);
    draws("LSTMAggregation", an_lstm, -0.2582247257, -0.2169359922, 0.2495062947);
}
TEST(errors) {
    tn_tensor *x = nodes(), *e = edges(), *s = tn_test_of("f32 [2, 1] 1 1");
    CHECK_ERROR(tn_gnn_dense_diff_pool(x, x, x, NULL, false), TN_ERR_SHAPE);
    CHECK_ERROR(tn_gnn_dense_diff_pool(x, NULL, x, NULL, false), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_dense_mincut_pool(s, tn_test_of("f32 [2, 2] 0 1 1 0"), s, tn_test_of("bool [3] 1 1 1"), 0), TN_ERR_SHAPE);
    CHECK_ERROR(tn_gnn_graclus(e, s, -1, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_gnn_consecutive_cluster(x), TN_ERR_DTYPE);
    CHECK_ERROR(tn_gnn_topk_pooling(0, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_topk_pooling(3, &(tn_gnn_pooling_opts){.ratio = -1}), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_sag_pooling(NULL, NULL) ? tn_gnn_pooling_forward(tn_gnn_sag_pooling(NULL, NULL), x, e, NULL, NULL, NULL).x : NULL, TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_pooling_forward(tn_nn_relu(), x, e, NULL, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_pooling_forward(tn_gnn_topk_pooling(3, NULL), x, NULL, NULL, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_pooling_forward(tn_gnn_topk_pooling(3, NULL), x, e, NULL, tn_test_of("i64 [2] 0 1"), NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_gnn_pooling_forward(tn_gnn_topk_pooling(3, NULL), x, tn_test_of("i64 [2, 1] 0 7"), NULL, NULL, NULL), TN_ERR_INDEX);
    CHECK_ERROR(tn_gnn_edge_pooling_forward(tn_gnn_edge_pooling(3, NULL), x, tn_test_of("i64 [2, 1] 0 7"), NULL), TN_ERR_INDEX);
    CHECK_ERROR(tn_gnn_asa_pooling(3, NULL, &(tn_gnn_asa_pooling_opts){.dropout = 2}), TN_ERR_INVALID);
}
RUN_ALL
