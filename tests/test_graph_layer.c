/* Section layer of ext/graph.h: its convolutions against PyTorch Geometric's. */
#include "../ext/graph.h"
#include "gnn_golden.h"

#define OPTS(type, ...) (&(type){__VA_ARGS__})
static tn_module *lin(int64_t in, int64_t out) { return tn_nn_linear(in, out, NULL); }
static tn_module *mlp(int64_t in, int64_t hidden, int64_t out) { return tn_nn_sequential(lin(in, hidden), tn_nn_relu(), lin(hidden, out), TN_END); }
static tn_tensor *i64s(const int64_t *v, int64_t rows, int64_t n) {
    const int64_t shape[2] = {rows ? rows : n, n};
    return tn_from(v, shape, rows ? 2 : 1, OPTS(tn_tensor_opts, .dtype = TN_I64));
}
static void more(const char *name, tn_module *m) { golden_case("more_convs", name, m, NULL); }
static tn_tensor *degrees(void) { return i64s((const int64_t[]){4, 6, 5, 3}, 0, 4); }

TEST(polynomials) {
    more("cheb_1", tn_gnn_cheb_conv(5, 4, 1, NULL));
    more("cheb_2", tn_gnn_cheb_conv(5, 4, 2, NULL));
    more("cheb_3", tn_gnn_cheb_conv(5, 4, 3, NULL));
    more("cheb_weight", tn_gnn_cheb_conv(5, 4, 3, NULL));
    more("cheb_rw", tn_gnn_cheb_conv(5, 4, 3, OPTS(tn_cheb_opts, .normalization = TN_LAPLACIAN_RW)));
    more("cheb_none", tn_gnn_cheb_conv(5, 4, 3, OPTS(tn_cheb_opts, .has_normalization = true)));
    more("sg", tn_gnn_sg_conv(5, 4, 2, NULL));
    more("sg_weight", tn_gnn_sg_conv(5, 4, 2, NULL));
    more("sg_no_loops", tn_gnn_sg_conv(5, 4, 2, OPTS(tn_sg_opts, .no_self_loops = true)));
    more("appnp", tn_gnn_appnp(3, 0.1, NULL));
    more("appnp_weight", tn_gnn_appnp(3, 0.1, NULL));
    more("appnp_no_loops", tn_gnn_appnp(3, 0.1, OPTS(tn_appnp_opts, .no_self_loops = true)));
    more("tag", tn_gnn_tag_conv(5, 4, NULL));
    more("tag_weight", tn_gnn_tag_conv(5, 4, OPTS(tn_gnn_tag_opts, .K = 2)));
    more("tag_raw", tn_gnn_tag_conv(5, 4, OPTS(tn_gnn_tag_opts, .K = 2, .no_bias = true, .no_normalize = true)));
    more("arma", tn_gnn_arma_conv(5, 4, NULL));
    more("arma_stacks", tn_gnn_arma_conv(5, 4, OPTS(tn_gnn_arma_opts, .num_stacks = 2, .num_layers = 3)));
    more("arma_shared", tn_gnn_arma_conv(5, 4, OPTS(tn_gnn_arma_opts, .num_stacks = 2, .num_layers = 3, .shared_weights = true, .no_act = true)));
    more("gcn2", tn_gnn_gcn2_conv(4, 0.1, NULL));
    more("gcn2_theta", tn_gnn_gcn2_conv(4, 0.2, OPTS(tn_gnn_gcn2_opts, .theta = 0.5, .layer = 3)));
    more("gcn2_split", tn_gnn_gcn2_conv(4, 0.2, OPTS(tn_gnn_gcn2_opts, .theta = 0.5, .layer = 3, .no_shared_weights = true)));
    more("mixhop", tn_gnn_mixhop_conv(5, 4, NULL));
    more("mixhop_weight", tn_gnn_mixhop_conv(5, 4, OPTS(tn_gnn_mixhop_opts, .powers = (const int64_t[]){1, 3}, .n = 2, .no_self_loops = true)));
    more("lg", tn_gnn_lg_conv(NULL));
    more("lg_weight", tn_gnn_lg_conv(NULL));
    more("lg_raw", tn_gnn_lg_conv(OPTS(tn_gnn_lg_opts, .no_normalize = true)));
    more("cluster", tn_gnn_cluster_gcn_conv(5, 4, NULL));
    more("cluster_lambda", tn_gnn_cluster_gcn_conv(5, 4, OPTS(tn_gnn_cluster_gcn_opts, .diag_lambda = 0.5)));
    golden_case("attention", "fa", tn_gnn_fa_conv(4, NULL), NULL);
    golden_case("attention", "fa_raw", tn_gnn_fa_conv(4, OPTS(tn_gnn_fa_opts, .eps = 0.3, .no_normalize = true)), NULL);
}
TEST(gin) {
    more("gin", tn_gnn_gin_conv(mlp(5, 6, 4), NULL));
    more("gin_eps", tn_gnn_gin_conv(mlp(5, 6, 4), OPTS(tn_gin_opts, .eps = 0.5, .train_eps = true)));
    more("gin_bipartite", tn_gnn_gin_conv(mlp(5, 6, 4), OPTS(tn_gin_opts, .train_eps = true)));
    more("gine", tn_gnn_gine_conv(mlp(5, 6, 4), OPTS(tn_gin_opts, .edge_dim = 3)));
    more("gine_eps", tn_gnn_gine_conv(mlp(5, 6, 4), OPTS(tn_gin_opts, .edge_dim = 3, .train_eps = true)));
    more("gine_bipartite", tn_gnn_gine_conv(mlp(5, 6, 4), OPTS(tn_gin_opts, .edge_dim = 3)));
}
TEST(edge_conv) {
    more("edge", tn_gnn_edge_conv(mlp(10, 6, 4), NULL));
    more("edge_mean", tn_gnn_edge_conv(mlp(10, 6, 4), OPTS(tn_edge_conv_opts, .aggr = TN_REDUCE_MEAN)));
    more("edge_add", tn_gnn_edge_conv(mlp(10, 6, 4), OPTS(tn_edge_conv_opts, .has_aggr = true)));
    more("edge_bipartite", tn_gnn_edge_conv(mlp(10, 6, 4), NULL));
}
TEST(pna) {
    static const char *const four[] = {"mean", "max", "min", "std"}, *const two[] = {"sum", "var"}, *const plain[] = {"mean", "max"};
    static const char *const logs[] = {"identity", "amplification", "attenuation"}, *const lins[] = {"linear", "inverse_linear"};
    more("pna", tn_gnn_pna_conv(5, 4, four, 4, logs, 3, degrees(), NULL));
    more("pna_edge", tn_gnn_pna_conv(5, 4, two, 2, lins, 2, degrees(), OPTS(tn_gnn_pna_opts, .edge_dim = 3)));
    more("pna_towers", tn_gnn_pna_conv(4, 4, plain, 2, logs, 2, degrees(), OPTS(tn_gnn_pna_opts, .towers = 2, .pre_layers = 2, .post_layers = 2, .divide_input = true, .train_norm = true)));
}
TEST(gen) {
    more("gen", tn_gnn_gen_conv(5, 4, NULL));
    more("gen_train", tn_gnn_gen_conv(5, 4, NULL));
    more("gen_learn", tn_gnn_gen_conv(5, 4, OPTS(tn_gnn_gen_opts, .learn_t = true, .msg_norm = true, .learn_msg_scale = true, .norm = TN_GNN_GEN_LAYER_NORM)));
    more("gen_power", tn_gnn_gen_conv(5, 4, OPTS(tn_gnn_gen_opts, .aggr = "powermean", .p = 2, .learn_p = true, .norm = TN_GNN_GEN_LAYER_NORM, .num_layers = 3, .bias = true)));
    more("gen_edge", tn_gnn_gen_conv(5, 4, OPTS(tn_gnn_gen_opts, .aggr = "add", .edge_dim = 3, .norm = TN_GNN_GEN_NO_NORM)));
    more("gen_bipartite", tn_gnn_gen_conv(5, 4, OPTS(tn_gnn_gen_opts, .in_channels_dst = 5, .norm = TN_GNN_GEN_LAYER_NORM)));
}
TEST(relations) {
    more("rgcn", tn_gnn_rgcn_conv(5, 4, 3, NULL));
    more("rgcn_add", tn_gnn_rgcn_conv(5, 4, 3, OPTS(tn_gnn_rgcn_opts, .aggr = "add", .no_root_weight = true)));
    more("rgcn_bases", tn_gnn_rgcn_conv(5, 4, 3, OPTS(tn_gnn_rgcn_opts, .num_bases = 2)));
    more("rgcn_blocks", tn_gnn_rgcn_conv(4, 4, 3, OPTS(tn_gnn_rgcn_opts, .num_blocks = 2)));
    more("rgcn_bipartite", tn_gnn_rgcn_conv(5, 4, 3, OPTS(tn_gnn_rgcn_opts, .in_channels_dst = 5)));
    more("film", tn_gnn_film_conv(5, 4, NULL));
    more("film_types", tn_gnn_film_conv(5, 4, OPTS(tn_gnn_film_opts, .num_relations = 3)));
    more("film_no_act", tn_gnn_film_conv(5, 4, OPTS(tn_gnn_film_opts, .num_relations = 3, .no_act = true, .aggr = "add")));
    more("film_bipartite", tn_gnn_film_conv(5, 4, OPTS(tn_gnn_film_opts, .in_channels_dst = 5)));
}
TEST(edges_with_features) {
    more("nn", tn_gnn_nn_conv(5, 4, lin(3, 20), NULL));
    more("nn_mean", tn_gnn_nn_conv(5, 4, mlp(3, 4, 20), OPTS(tn_gnn_nn_conv_opts, .aggr = "mean", .no_root_weight = true)));
    more("nn_bipartite", tn_gnn_nn_conv(5, 4, lin(3, 20), OPTS(tn_gnn_nn_conv_opts, .in_channels_dst = 5)));
    more("cg", tn_gnn_cg_conv(5, NULL));
    more("cg_edge", tn_gnn_cg_conv(5, OPTS(tn_gnn_cg_opts, .dim = 3)));
    more("cg_norm", tn_gnn_cg_conv(5, OPTS(tn_gnn_cg_opts, .dim = 3, .batch_norm = true)));
    more("cg_norm_train", tn_gnn_cg_conv(5, OPTS(tn_gnn_cg_opts, .dim = 3, .batch_norm = true)));
    more("cg_bipartite", tn_gnn_cg_conv(5, OPTS(tn_gnn_cg_opts, .dim = 3)));
    more("resgated", tn_gnn_res_gated_graph_conv(5, 4, NULL));
    more("resgated_edge", tn_gnn_res_gated_graph_conv(5, 4, OPTS(tn_gnn_res_gated_opts, .edge_dim = 3, .no_root_weight = true)));
    more("resgated_bipartite", tn_gnn_res_gated_graph_conv(5, 4, OPTS(tn_gnn_res_gated_opts, .in_channels_dst = 5)));
}
TEST(gated) {
    more("gated", tn_gnn_gated_graph_conv(5, 2, NULL));
    more("gated_weight", tn_gnn_gated_graph_conv(6, 2, OPTS(tn_gnn_gated_opts, .aggr = "mean")));
}
TEST(points_and_hyperedges) {
    more("pointnet", tn_gnn_pointnet_conv(mlp(8, 6, 4), lin(4, 4), NULL));
    more("pointnet_no_loops", tn_gnn_pointnet_conv(lin(8, 4), NULL, OPTS(tn_gnn_pointnet_opts, .no_self_loops = true)));
    more("pointnet_bare", tn_gnn_pointnet_conv(NULL, NULL, NULL));
    more("pointnet_bipartite", tn_gnn_pointnet_conv(lin(8, 4), NULL, OPTS(tn_gnn_pointnet_opts, .no_self_loops = true)));
    more("hyper", tn_gnn_hypergraph_conv(5, 4, NULL));
    more("hyper_weight", tn_gnn_hypergraph_conv(5, 4, NULL));
    more("hyper_attention", tn_gnn_hypergraph_conv(5, 4, OPTS(tn_gnn_hypergraph_opts, .use_attention = true, .heads = 2)));
    more("hyper_edges", tn_gnn_hypergraph_conv(5, 4, OPTS(tn_gnn_hypergraph_opts, .use_attention = true, .edge_mode = true, .heads = 2, .mean_heads = true)));
}

static tn_tensor *gelu(tn_tensor *x) { return tn_gelu(x, TN_GELU_NONE); }
static tn_module *graph_norm(int64_t channels) { return tn_gnn_graph_norm(channels, 0); }
TEST(gps) {
    golden_case("attention", "gps", tn_gnn_gps_conv(4, tn_gnn_graph_conv(4, 4, NULL), OPTS(tn_gnn_gps_opts, .heads = 2)), NULL);
    golden_case_f64("attention", "gps_train", tn_gnn_gps_conv(4, tn_gnn_graph_conv(4, 4, NULL), OPTS(tn_gnn_gps_opts, .heads = 2)));
    golden_case("attention", "gps_graph_norm", tn_gnn_gps_conv(4, tn_gnn_sage_conv(4, 4, NULL), OPTS(tn_gnn_gps_opts, .heads = 2, .norm = graph_norm)), NULL);
    golden_case("attention", "gps_alone", tn_gnn_gps_conv(4, NULL, OPTS(tn_gnn_gps_opts, .heads = 2, .no_norm = true, .act = gelu)), NULL);
}
static tn_module *performer(tn_module *conv, int64_t heads, tn_gnn_performer_opts attn) {
    return tn_gnn_gps_conv(4, conv, OPTS(tn_gnn_gps_opts, .heads = heads, .performer = true, .attn = attn));
}
TEST(gps_performer) {
    golden_case("attention", "gps_performer", performer(tn_gnn_graph_conv(4, 4, NULL), 2, (tn_gnn_performer_opts){.head_channels = 8}), NULL);
    golden_case_f64("attention", "gps_performer_train", performer(NULL, 1, (tn_gnn_performer_opts){.head_channels = 3, .qkv_bias = true, .no_out_bias = true}));
}
TEST(performer_attention) { /* rows of projections are orthogonal, block by block; and drawn anew by a seed */
    tn_module *m = tn_gnn_performer_attention(4, 2, NULL), *small = tn_gnn_performer_attention(6, 2, OPTS(tn_gnn_performer_opts, .head_channels = 4));
    tn_tensor *p = tn_module_get(m, "fast_attn.projection_matrix"), *x = tn_randn((int64_t[]){2, 3, 4}, 3, NULL), *before;
    CHECK(tn_size(p, 0) == 266 && tn_size(p, 1) == 64);
    CHECK(tn_size(tn_module_get(small, "fast_attn.projection_matrix"), 0) == 5 && tn_size(tn_module_get(small, "q.weight"), 0) == 8);
    for (int64_t at = 0; at < 266; at += 64) {
        tn_tensor *rows = tn_narrow(p, 0, at, at + 64 > 266 ? 266 - at : 64), *eye = tn_eye(tn_size(rows, 0), tn_size(rows, 0), NULL);
        CHECK(tn_item(tn_max(tn_abs(tn_sub(tn_matmul(rows, tn_t(rows)), eye)))) < 1e-5);
    }
    before = tn_clone(p);
    CHECK(tn_gnn_performer_redraw(m, tn_generator_new(7)) == TN_OK && tn_item(tn_max(tn_abs(tn_sub(p, before)))) > 0.01);
    before = tn_clone(p);
    CHECK(tn_gnn_performer_redraw(m, tn_generator_new(7)) == TN_OK && tn_item(tn_max(tn_abs(tn_sub(p, before)))) == 0);
    tn_tensor *y = tn_forward(m, x);
    CHECK(tn_ndim(y) == 3 && tn_size(y, 2) == 4);
    CHECK_ERROR(tn_gnn_performer_redraw(NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_performer_redraw(tn_nn_linear(2, 2, NULL), NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_performer_attention(4, 3, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_performer_attention(4, 0, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_performer_attention(4, 2, OPTS(tn_gnn_performer_opts, .head_channels = 1)), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_performer_attention(4, 2, OPTS(tn_gnn_performer_opts, .dropout = 2)), TN_ERR_INVALID);
    CHECK_ERROR(performer(NULL, 3, (tn_gnn_performer_opts){0}), TN_ERR_INVALID);
    CHECK_ERROR(tn_forward(m, tn_select(x, 0, 0)), TN_ERR_SHAPE);
    CHECK_ERROR(tn_call(m, (tn_tensor *[]){x, x}, 2), TN_ERR_SHAPE);
    CHECK_ERROR(tn_call(m, NULL, 0), TN_ERR_INVALID);
}

static const char *const node_types[] = {"a", "b"}, *const edge_types[] = {"a__to__b", "b__back__a", "a__like__a"};
static const int64_t channels[] = {5, 4};
static const tn_gnn_metadata metadata = {node_types, channels, 2, edge_types, 3};
/* The parts of the inputs x and edge_index as dicts. */
static tn_dict *parts(const golden_io *io, const char *start) {
    tn_dict *d = tn_dict_new();
    for (int i = 0; i < io->n; i++)
        if (golden_starts(io->in_name[i], start)) (void)tn_dict_set(d, io->in_name[i] + strlen(start), io->in[i]);
    return d;
}
static void give_dict(golden_io *io, tn_dict *d) {
    io->out[0] = tn_dict_get(d, "a"), io->out[1] = tn_dict_get(d, "b"), io->n_out = 2;
    io->out_name[0] = "out/a", io->out_name[1] = "out/b";
}
static void hgt(golden_io *io) { give_dict(io, tn_gnn_hgt_forward(io->module, parts(io, "x/"), parts(io, "edge_index/"))); }
static void han(golden_io *io) { give_dict(io, tn_gnn_han_forward(io->module, parts(io, "x/"), parts(io, "edge_index/"))); }
static void hetero(golden_io *io) { give_dict(io, tn_gnn_hetero_forward(io->module, parts(io, "x/"), parts(io, "edge_index/"), NULL)); }
static tn_module *three(const char *aggr) {
    tn_module *convs[] = {tn_gnn_sage_conv(5, 4, OPTS(tn_sage_opts, .in_channels_dst = 4)), tn_gnn_graph_conv(4, 4, OPTS(tn_graph_conv_opts, .in_channels_dst = 5)), tn_gnn_gcn_conv(5, 4, NULL)};
    return tn_gnn_hetero_conv(edge_types, convs, 3, aggr);
}
TEST(kinds) {
    golden_case("more_convs", "hetero_sum", three(NULL), hetero);
    golden_case("more_convs", "hetero_mean", three("mean"), hetero);
    golden_case("more_convs", "hetero_max", three("max"), hetero);
    golden_case("more_convs", "hetero_cat", three("cat"), hetero);
    CHECK(golden_all_run("more_convs"));
    golden_case("attention", "hgt", tn_gnn_hgt_conv(&metadata, 4, 2), hgt);
    golden_case("attention", "han", tn_gnn_han_conv(&metadata, 4, OPTS(tn_gnn_han_opts, .heads = 2)), han);
}

static double sum_of(tn_tensor *t) { return tn_item(tn_sum(t, NULL)); }
TEST(absent_kinds) {
    tn_module *m = tn_gnn_hgt_conv(&metadata, 4, 2), *h = tn_gnn_han_conv(&metadata, 4, NULL);
    tn_dict *x = tn_dict_new(), *e = tn_dict_new(), *out;
    tn_tensor *a = tn_randn((int64_t[]){5, 5}, 2, NULL), *index = i64s((const int64_t[]){1, 2, 0, 1}, 2, 2);
    CHECK(tn_dict_set(x, "a", a) == TN_OK && tn_dict_set(e, "a__like__a", index) == TN_OK);
    out = tn_gnn_hgt_forward(m, x, e);
    CHECK(out && tn_dict_len(out) == 1 && tn_size(tn_dict_get(out, "a"), 0) == 5);
    const double before = out ? sum_of(tn_dict_get(out, "a")) : 0;
    out = tn_gnn_han_forward(h, x, e);
    CHECK(out && tn_dict_len(out) == 1 && tn_size(tn_dict_get(out, "a"), 1) == 4);
    tn_test_set(index, 0, 4); /* what was worked out of the old edges is not used */
    tn_mark_written(index);
    out = tn_gnn_hgt_forward(m, x, e);
    CHECK(out && fabs(sum_of(tn_dict_get(out, "a")) - before) > 1e-6);
    tn_test_set(index, 0, 7);
    tn_mark_written(index);
    CHECK_ERROR(tn_gnn_hgt_forward(m, x, e), TN_ERR_INDEX);
    tn_test_set(index, 0, 4);
    tn_mark_written(index);
    CHECK(tn_dict_set(e, "a__to__b", index) == TN_OK);
    CHECK_ERROR(tn_gnn_hgt_forward(m, x, e), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_han_forward(h, x, e), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_han_forward(m, x, e), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_hgt_forward(m, x, tn_dict_new()), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_hgt_forward(NULL, x, e), TN_ERR_INVALID);
    CHECK_ERROR(tn_forward(m, a), TN_ERR_INVALID);
}
TEST(names_of_kinds) {
    static const char *const bad[] = {"a__b"}, *const other[] = {"a__to__c"}, *const odd[] = {"a__is_part__of__b"};
    tn_gnn_metadata meta = metadata;
    meta.edge_types = bad, meta.n_edge_types = 1;
    CHECK_ERROR(tn_gnn_hgt_conv(&meta, 4, 2), TN_ERR_INVALID);
    meta.edge_types = other;
    CHECK_ERROR(tn_gnn_han_conv(&meta, 4, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_hgt_conv(NULL, 4, 2), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_hgt_conv(&metadata, 4, 3), TN_ERR_INVALID);
    tn_module *conv = tn_gnn_sage_conv(5, 4, NULL), *m = tn_gnn_hetero_conv(odd, &conv, 1, "stack");
    CHECK(m && tn_module_get(m, "convs.<a___is_part__of___b>.lin_l.weight"));
    CHECK_ERROR(tn_gnn_hetero_conv(odd, &conv, 1, "std"), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_hetero_conv(odd, &conv, 0, NULL), TN_ERR_INVALID);
}
/* A node's number alone, and its row of the unit matrix, are the same. */
TEST(rgcn_without_features) {
    tn_module *m = tn_gnn_rgcn_conv(5, 4, 3, OPTS(tn_gnn_rgcn_opts, .num_bases = 2));
    tn_tensor *index = i64s((const int64_t[]){0, 1, 4, 2, 0, 1, 1, 2, 3, 3}, 2, 5), *type = i64s((const int64_t[]){2, 0, 0, 2, 2}, 0, 5);
    tn_tensor *number = tn_arange(0, 5, 1, OPTS(tn_tensor_opts, .dtype = TN_I64)), *eye = tn_eye(5, 5, NULL);
    tn_tensor *x[3] = {eye, index, type}, *none[3] = {NULL, index, type}, *some[3] = {number, index, type};
    tn_tensor *y = tn_call(m, x, 3), *by_none = tn_call(m, none, 3), *by_number = tn_call(m, some, 3);
    CHECK(y && by_none && by_number);
    CHECK_NEAR(tn_item(tn_max(tn_abs(tn_sub(y, by_none)))), 0, 1e-6);
    CHECK_NEAR(tn_item(tn_max(tn_abs(tn_sub(y, by_number)))), 0, 1e-6);
    tn_test_set(type, 1, 1);
    tn_mark_written(type);
    tn_tensor *other = tn_call(m, x, 3);
    CHECK(other && tn_item(tn_max(tn_abs(tn_sub(y, other)))) > 1e-4);
    tn_test_set(type, 1, 3);
    tn_mark_written(type);
    CHECK_ERROR(tn_call(m, x, 3), TN_ERR_INDEX);
    CHECK_ERROR(tn_call(m, x, 2), TN_ERR_INVALID);
    tn_module *blocks = tn_gnn_rgcn_conv(4, 4, 3, OPTS(tn_gnn_rgcn_opts, .num_blocks = 2));
    CHECK_ERROR(tn_call(blocks, some, 3), TN_ERR_DTYPE);
}
/* Points on a line, two graphs: each node's two nearest are itself and the next. */
TEST(dynamic_edges) {
    tn_module *nn = lin(2, 3), *m = tn_gnn_dynamic_edge_conv(nn, 2, "mean"), *fixed = tn_gnn_edge_conv(nn, OPTS(tn_edge_conv_opts, .aggr = TN_REDUCE_MEAN));
    tn_tensor *x = tn_from((const float[]){0, 1, 3, 3.5f, 10, 11}, (int64_t[]){6, 1}, 2, NULL), *batch = i64s((const int64_t[]){0, 0, 0, 0, 1, 1}, 0, 6);
    tn_tensor *index = i64s((const int64_t[]){0, 1, 1, 0, 2, 3, 3, 2, 4, 5, 5, 4, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5}, 2, 12);
    tn_tensor *in[2] = {x, batch}, *given[2] = {x, index}, *pair[4] = {x, tn_narrow(x, 0, 4, 2), batch, tn_narrow(batch, 0, 4, 2)};
    tn_tensor *y = tn_call(m, in, 2), *z = tn_call(fixed, given, 2), *two = tn_call(m, pair, 4);
    CHECK(y && z && two && tn_size(two, 0) == 2);
    CHECK_NEAR(tn_item(tn_max(tn_abs(tn_sub(y, z)))), 0, 1e-6);
    CHECK_NEAR(tn_item(tn_max(tn_abs(tn_sub(tn_narrow(z, 0, 4, 2), two)))), 0, 1e-6);
    CHECK_ERROR(tn_gnn_dynamic_edge_conv(nn, 0, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_dynamic_edge_conv(NULL, 2, NULL), TN_ERR_INVALID);
}
TEST(cached_propagation) {
    tn_module *m = tn_gnn_sg_conv(5, 4, 2, OPTS(tn_sg_opts, .cached = true));
    tn_tensor *x = tn_randn((int64_t[]){3, 5}, 2, NULL), *index = i64s((const int64_t[]){0, 1, 1, 2}, 2, 2), *y = tn_call(m, (tn_tensor *[]){x, index}, 2);
    tn_tensor *again = tn_call(m, (tn_tensor *[]){tn_zeros_like(x, NULL), index}, 2);
    CHECK(y && again && tn_item(tn_max(tn_abs(tn_sub(y, again)))) == 0);
}
TEST(dropped_weights) { /* there have to be some; and none is dropped in evaluation */
    tn_tensor *x = tn_randn((int64_t[]){3, 5}, 2, NULL), *index = i64s((const int64_t[]){0, 1, 1, 2}, 2, 2), *in[2] = {x, index};
    tn_module *m = tn_gnn_appnp(2, 0.1, OPTS(tn_appnp_opts, .dropout = 1)), *raw = tn_gnn_appnp(2, 0.1, OPTS(tn_appnp_opts, .dropout = 0.5, .no_normalize = true));
    tn_tensor *y = tn_call(m, in, 2);
    CHECK(y && tn_item(tn_max(tn_abs(tn_sub(y, tn_mul(x, 0.1))))) < 1e-6);
    CHECK_ERROR(tn_call(raw, in, 2), TN_ERR_INVALID);
    tn_module_train(m, false), tn_module_train(raw, false);
    CHECK(tn_call(raw, in, 2));
    y = tn_call(m, in, 2);
    CHECK(y && tn_item(tn_max(tn_abs(tn_sub(y, tn_call(tn_gnn_appnp(2, 0.1, NULL), in, 2))))) == 0);
}
TEST(single_nodes) {
    tn_tensor *x = tn_randn((int64_t[]){1, 5}, 2, NULL), *none = tn_zeros((int64_t[]){2, 0}, 2, OPTS(tn_tensor_opts, .dtype = TN_I64)), *in[2] = {x, none};
    tn_module *m[] = {tn_gnn_tag_conv(5, 4, NULL), tn_gnn_arma_conv(5, 4, NULL), tn_gnn_gen_conv(5, 4, OPTS(tn_gnn_gen_opts, .norm = TN_GNN_GEN_NO_NORM)), tn_gnn_mixhop_conv(5, 4, NULL),
        tn_gnn_film_conv(5, 4, NULL), tn_gnn_res_gated_graph_conv(5, 4, NULL), tn_gnn_hypergraph_conv(5, 4, NULL), tn_gnn_cluster_gcn_conv(5, 4, NULL),
        tn_gnn_cheb_conv(5, 4, 3, NULL), tn_gnn_sg_conv(5, 4, 2, NULL), tn_gnn_appnp(2, 0.1, NULL), tn_gnn_edge_conv(mlp(10, 6, 4), NULL),
        tn_gnn_gin_conv(mlp(5, 6, 4), NULL)};
    for (size_t i = 0; i < sizeof m / sizeof m[0]; i++) {
        tn_tensor *y = tn_call(m[i], in, 2);
        CHECK(y && tn_size(y, 0) == 1 && isfinite(sum_of(y)));
    }
}
TEST(wrong_inputs) {
    tn_tensor *x = tn_ones((int64_t[]){3, 5}, 2, NULL), *good = i64s((const int64_t[]){0, 1, 1, 2}, 2, 2), *far = i64s((const int64_t[]){0, 3, 1, 2}, 2, 2), *less = i64s((const int64_t[]){0, 1, -1, 2}, 2, 2);
    tn_module *layers[] = {tn_gnn_cheb_conv(5, 4, 2, NULL), tn_gnn_sg_conv(5, 4, 2, NULL), tn_gnn_appnp(2, 0.1, NULL), tn_gnn_edge_conv(mlp(10, 6, 4), NULL), tn_gnn_gin_conv(mlp(5, 6, 4), NULL)};
    for (int i = 0; i < 5; i++) {
        tn_module *m = layers[i];
        CHECK(tn_call(m, (tn_tensor *[]){x, good}, 2));
        CHECK_ERROR(tn_call(m, (tn_tensor *[]){x, far}, 2), TN_ERR_INDEX);
        CHECK_ERROR(tn_call(m, (tn_tensor *[]){x, less}, 2), TN_ERR_INDEX);
        CHECK_ERROR(tn_call(m, (tn_tensor *[]){x, tn_select(good, 0, 0)}, 2), TN_ERR_SHAPE);
        CHECK_ERROR(tn_call(m, (tn_tensor *[]){x}, 1), TN_ERR_INVALID);
        CHECK_ERROR(tn_call(m, (tn_tensor *[]){NULL, good}, 2), TN_ERR_INVALID);
        if (i >= 3) continue; /* take a pair, and no weights */
        CHECK_ERROR(tn_call(m, (tn_tensor *[]){x, good, tn_ones((int64_t[]){3}, 1, NULL)}, 3), TN_ERR_SHAPE);
        CHECK_ERROR(tn_call(m, (tn_tensor *[]){x, x, good}, 3), TN_ERR_INVALID);
    }
}
TEST(wrong_inputs_of_gine) {
    tn_tensor *x = tn_ones((int64_t[]){3, 5}, 2, NULL), *good = i64s((const int64_t[]){0, 1, 1, 2}, 2, 2), *far = i64s((const int64_t[]){0, 3, 1, 2}, 2, 2), *attr = tn_ones((int64_t[]){2, 3}, 2, NULL);
    tn_module *m = tn_gnn_gine_conv(mlp(5, 6, 4), OPTS(tn_gin_opts, .edge_dim = 3)), *plain = tn_gnn_gine_conv(mlp(5, 6, 4), NULL);
    CHECK(tn_call(m, (tn_tensor *[]){x, good, attr}, 3));
    CHECK(tn_call(plain, (tn_tensor *[]){x, good, tn_ones((int64_t[]){2, 5}, 2, NULL)}, 3));
    CHECK_ERROR(tn_call(m, (tn_tensor *[]){x, far, attr}, 3), TN_ERR_INDEX);
    CHECK_ERROR(tn_call(m, (tn_tensor *[]){x, good}, 2), TN_ERR_INVALID);
    CHECK_ERROR(tn_call(m, (tn_tensor *[]){x, good, tn_ones((int64_t[]){3, 3}, 2, NULL)}, 3), TN_ERR_SHAPE);
    CHECK_ERROR(tn_call(m, (tn_tensor *[]){x, good, tn_ones((int64_t[]){2, 4}, 2, NULL)}, 3), TN_ERR_SHAPE);
    CHECK_ERROR(tn_call(plain, (tn_tensor *[]){x, good, attr}, 3), TN_ERR_SHAPE);
    CHECK_ERROR(tn_gnn_gine_conv(tn_nn_relu(), OPTS(tn_gin_opts, .edge_dim = 3)), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_gine_conv(tn_nn_sequential(tn_nn_relu(), lin(5, 4), TN_END), OPTS(tn_gin_opts, .edge_dim = 3)), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_gine_conv(mlp(5, 6, 4), OPTS(tn_gin_opts, .edge_dim = -1)), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_gine_conv(NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_gine_conv(NULL, OPTS(tn_gin_opts, .edge_dim = 3)), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_gin_conv(NULL, NULL), TN_ERR_INVALID);
}
TEST(width_of_gine) { /* of either Linear, in containers too; and nothing is drawn before its turn */
    tn_module *nn[] = {lin(7, 4), tn_gnn_linear(7, 4, NULL), mlp(7, 6, 4), tn_gnn_mlp((const int64_t[]){7, 6, 4}, 3, NULL)}, *m[2], *again[2];
    for (int i = 0; i < 4; i++) {
        tn_tensor *w = tn_module_get(tn_gnn_gine_conv(nn[i], OPTS(tn_gin_opts, .edge_dim = 3)), "lin.weight");
        CHECK(w && tn_size(w, 0) == 7 && tn_size(w, 1) == 3);
    }
    tn_manual_seed(3);
    for (int i = 0; i < 2; i++) m[i] = tn_gnn_gine_conv(mlp(5, 6, 5), OPTS(tn_gin_opts, .edge_dim = 3));
    const tn_tensors p = tn_parameters(tn_nn_sequential_of(m, 2));
    tn_manual_seed(3);
    for (int i = 1; i >= 0; i--) again[i] = tn_gnn_gine_conv(mlp(5, 6, 5), OPTS(tn_gin_opts, .edge_dim = 3));
    const tn_tensors q = tn_parameters(tn_nn_sequential_of(again, 2));
    CHECK(p.n == 12 && q.n == 12);
    for (int i = 0; i < p.n && i < q.n; i++) CHECK(tn_item(tn_max(tn_abs(tn_sub(p.at[i], q.at[i])))) == 0);
}
TEST(errors) {
    static const char *const mean[] = {"mean"}, *const no[] = {"average"}, *const same[] = {"identity"};
    tn_tensor *deg = degrees(), *x = tn_randn((int64_t[]){3, 5}, 2, NULL), *index = i64s((const int64_t[]){0, 1, 1, 2}, 2, 2), *in[4] = {x, index, NULL, NULL};
    CHECK_ERROR(tn_gnn_cheb_conv(5, 4, 0, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_cheb_conv(5, 0, 2, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_sg_conv(5, 4, -1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_sg_conv(0, 4, 2, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_appnp(-1, 0.1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_appnp(2, 0.1, OPTS(tn_appnp_opts, .dropout = 2)), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_edge_conv(NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_tag_conv(0, 4, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_tag_conv(5, 4, OPTS(tn_gnn_tag_opts, .K = -1)), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_arma_conv(5, 4, OPTS(tn_gnn_arma_opts, .dropout = 2)), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_gcn2_conv(5, 0.1, OPTS(tn_gnn_gcn2_opts, .theta = 1)), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_pna_conv(5, 4, no, 1, same, 1, deg, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_pna_conv(5, 4, mean, 1, mean, 1, deg, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_pna_conv(5, 4, mean, 1, same, 1, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_pna_conv(5, 4, mean, 1, same, 1, deg, OPTS(tn_gnn_pna_opts, .towers = 3)), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_gen_conv(5, 4, OPTS(tn_gnn_gen_opts, .aggr = "cat")), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_rgcn_conv(5, 4, 3, OPTS(tn_gnn_rgcn_opts, .num_bases = 2, .num_blocks = 1)), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_rgcn_conv(5, 4, 3, OPTS(tn_gnn_rgcn_opts, .num_blocks = 2)), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_nn_conv(5, 4, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_mixhop_conv(5, 4, OPTS(tn_gnn_mixhop_opts, .powers = (const int64_t[]){-1}, .n = 1)), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_hypergraph_conv(5, 4, OPTS(tn_gnn_hypergraph_opts, .use_attention = true, .heads = -1)), TN_ERR_INVALID);
    CHECK_ERROR(tn_call(tn_gnn_nn_conv(5, 4, lin(3, 20), NULL), in, 2), TN_ERR_INVALID);
    CHECK_ERROR(tn_call(tn_gnn_gcn2_conv(5, 0.1, NULL), in, 2), TN_ERR_INVALID);
    CHECK_ERROR(tn_call(tn_gnn_fa_conv(5, OPTS(tn_gnn_fa_opts, .no_normalize = true)), (tn_tensor *[]){x, x, index}, 3), TN_ERR_INVALID);
    CHECK_ERROR(tn_call(tn_gnn_gated_graph_conv(4, 2, NULL), in, 2), TN_ERR_SHAPE);
    CHECK_ERROR(tn_call(tn_gnn_cg_conv(5, OPTS(tn_gnn_cg_opts, .dim = 3)), in, 2), TN_ERR_SHAPE);
    CHECK_ERROR(tn_call(tn_gnn_film_conv(5, 4, OPTS(tn_gnn_film_opts, .num_relations = 2)), in, 2), TN_ERR_INVALID);
    CHECK_ERROR(tn_call(tn_gnn_hypergraph_conv(5, 4, OPTS(tn_gnn_hypergraph_opts, .use_attention = true)), in, 2), TN_ERR_INVALID);
    CHECK_ERROR(tn_call(tn_gnn_hypergraph_conv(5, 4, NULL), (tn_tensor *[]){x, index, x}, 3), TN_ERR_SHAPE);
    CHECK_ERROR(tn_call(tn_gnn_pna_conv(5, 4, mean, 1, same, 1, deg, NULL), (tn_tensor *[]){x, index, x}, 3), TN_ERR_SHAPE);
    CHECK_ERROR(tn_gnn_gps_conv(4, NULL, OPTS(tn_gnn_gps_opts, .heads = 3)), TN_ERR_INVALID);
    tn_tensor *histogram = tn_gnn_degree_histogram(index, 4);
    CHECK(histogram && tn_numel(histogram) == 2 && ((const int64_t *)tn_test_values(histogram))[0] == 2 && ((const int64_t *)tn_test_values(histogram))[1] == 2);
}

/* Layer i made and run once; false where an allocation failed. */
static bool run_one(int i, tn_tensor *x, tn_tensor *h, tn_tensor *index, tn_tensor *attr, tn_tensor *type, tn_dict *xs, tn_dict *es) {
    static const char *const aggrs[] = {"mean", "std"}, *const scalers[] = {"identity", "linear"};
    tn_tensor *in[4] = {x, index, i == 5 || i == 6 ? type : attr, x};
    tn_module *m = NULL;
    switch (i) {
    case 0: m = tn_gnn_arma_conv(5, 4, OPTS(tn_gnn_arma_opts, .num_layers = 2)); break;
    case 1: m = tn_gnn_mixhop_conv(5, 4, NULL); break;
    case 2: m = tn_gnn_pna_conv(5, 4, aggrs, 2, scalers, 2, degrees(), OPTS(tn_gnn_pna_opts, .towers = 2)); break;
    case 3: m = tn_gnn_pna_conv(5, 4, aggrs, 2, scalers, 2, degrees(), OPTS(tn_gnn_pna_opts, .edge_dim = 3)); break;
    case 4: m = tn_gnn_cg_conv(5, OPTS(tn_gnn_cg_opts, .dim = 3, .batch_norm = true)); break;
    case 5: m = tn_gnn_rgcn_conv(5, 4, 3, OPTS(tn_gnn_rgcn_opts, .num_bases = 2)); break;
    case 6: m = tn_gnn_film_conv(5, 4, OPTS(tn_gnn_film_opts, .num_relations = 3)); break;
    case 7: m = tn_gnn_sage_conv(5, 5, NULL), m = m ? tn_gnn_gps_conv(5, m, NULL) : NULL; break; /* NULL would be none */
    case 8: m = tn_gnn_hypergraph_conv(5, 4, OPTS(tn_gnn_hypergraph_opts, .use_attention = true)); in[2] = NULL; break;
    case 9: m = tn_gnn_hgt_conv(&metadata, 4, 2); return m && tn_gnn_hgt_forward(m, xs, es) != NULL;
    case 10: m = tn_gnn_han_conv(&metadata, 4, NULL); return m && tn_gnn_han_forward(m, xs, es) != NULL;
    case 11: m = performer(NULL, 2, (tn_gnn_performer_opts){.head_channels = 3}); in[0] = h, in[2] = NULL; break;
    case 12: m = tn_gnn_cheb_conv(5, 4, 3, NULL); in[2] = NULL; break;
    case 13: m = tn_gnn_sg_conv(5, 4, 2, OPTS(tn_sg_opts, .cached = true)); in[2] = NULL; break;
    case 14: m = tn_gnn_appnp(2, 0.1, OPTS(tn_appnp_opts, .dropout = 0.5)); in[2] = NULL; break;
    case 15: m = tn_gnn_edge_conv(mlp(10, 6, 4), NULL); break;
    case 16: m = tn_gnn_gin_conv(mlp(5, 6, 4), NULL); break;
    case 17: m = tn_gnn_gine_conv(mlp(5, 6, 4), OPTS(tn_gin_opts, .edge_dim = 3, .train_eps = true)); break;
    default: m = three("mean"); return m && tn_gnn_hetero_forward(m, xs, es, NULL) != NULL;
    }
    return m && tn_call(m, in, i == 8 ? 4 : i >= 3 && i != 7 ? 3 : 2) != NULL;
}
TEST(failures_of_memory) {
    tn_tensor *x = tn_randn((int64_t[]){5, 5}, 2, NULL), *h = tn_randn((int64_t[]){5, 4}, 2, NULL), *attr = tn_randn((int64_t[]){4, 3}, 2, NULL), *type = i64s((const int64_t[]){0, 1, 2, 1}, 0, 4);
    tn_dict *xs = tn_dict_new(), *es = tn_dict_new();
    (void)tn_dict_set(xs, "a", x), (void)tn_dict_set(xs, "b", h);
    for (int i = 0; i < 3; i++) (void)tn_dict_set(es, edge_types[i], i64s((const int64_t[]){0, 1, 2, 3, 4, 0, 1, 2}, 2, 4));
    tn_set_log(NULL, NULL);
    for (int i = 0; i < 19; i++) {
        int64_t n = 1;
        for (bool done = false; !done && n < 3000; n++) {
            tn_scope s = tn_scope_open();
            tn_tensor *index = i64s((const int64_t[]){0, 1, 2, 3, 4, 0, 1, 4}, 2, 4); /* of its own: nothing is worked out of it yet */
            tn_error_clear();
            tn_fault_alloc(n, false);
            done = run_one(i, x, h, index, attr, type, xs, es);
            tn_fault_alloc(0, false);
            if (!done && tn_error_code() != TN_ERR_MEMORY) TN_TEST_FAIL("layer %d, allocation %lld: %s", i, (long long)n, tn_error());
            tn_scope_close(&s);
        }
        tn_error_clear();
        if (n < 10 || n == 3000) TN_TEST_FAIL("layer %d: %lld allocations", i, (long long)n);
    }
}
RUN_ALL
