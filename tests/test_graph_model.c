/* Section model of ext/graph.h: whole nets against PyTorch Geometric's, and the scores of links against scikit-learn's. */
#include "../ext/graph.h"
#include "gnn_golden.h"

#define OPTS(type, ...) (&(type){__VA_ARGS__})
static const tn_gnn_net_opts four = {.out_channels = 4};
static tn_tensor *i64s(const int64_t *v, int64_t rows, int64_t n) {
    const int64_t shape[2] = {rows ? rows : n, n};
    return tn_from(v, shape, rows ? 2 : 1, OPTS(tn_tensor_opts, .dtype = TN_I64));
}
static tn_tensor *f32s(const float *v, int64_t rows, int64_t n) {
    const int64_t shape[2] = {rows ? rows : n, n};
    return tn_from(v, shape, rows ? 2 : 1, NULL);
}
static void model(const char *name, tn_module *m) { golden_case("models", name, m, NULL); }
static tn_module *graph_norm(int64_t channels) { return tn_gnn_graph_norm(channels, 0); }

TEST(mlp) {
    model("mlp", tn_gnn_mlp((const int64_t[]){5, 6, 7, 4}, 4, NULL));
    model("mlp_plain", tn_gnn_mlp((const int64_t[]){5, 6, 4}, 3, OPTS(tn_gnn_mlp_opts, .no_norm = true, .act = tn_tanh, .no_bias = true)));
    golden_case_f64("models", "mlp_first", tn_gnn_mlp((const int64_t[]){5, 6, 4}, 3, OPTS(tn_gnn_mlp_opts, .norm = graph_norm, .act_first = true, .no_plain_last = true)));
    CHECK_ERROR(tn_gnn_mlp((const int64_t[]){5}, 1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_mlp((const int64_t[]){5, 0}, 2, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_mlp((const int64_t[]){5, 4}, 2, OPTS(tn_gnn_mlp_opts, .dropout = 1.5)), TN_ERR_INVALID);
}
TEST(nets) {
    static const char *const aggrs[] = {"mean", "max"}, *const scalers[] = {"identity", "linear"};
    model("gcn", tn_gnn_gcn(5, 6, 3, &four, NULL));
    model("gcn_hidden", tn_gnn_gcn(5, 6, 1, NULL, OPTS(tn_gcn_opts, .no_self_loops = true)));
    model("gcn_last", tn_gnn_gcn(5, 6, 2, OPTS(tn_gnn_net_opts, .out_channels = 4, .jk = "last"), NULL));
    model("sage_cat", tn_gnn_graph_sage(5, 6, 3, OPTS(tn_gnn_net_opts, .out_channels = 4, .jk = "cat"), OPTS(tn_sage_opts, .aggr = TN_REDUCE_AMAX)));
    model("sage_norm", tn_gnn_graph_sage(5, 6, 2, OPTS(tn_gnn_net_opts, .out_channels = 4, .act = tn_tanh, .norm = graph_norm, .act_first = true), NULL));
    model("gin", tn_gnn_gin(5, 6, 2, &four, NULL));
    model("gin_norm", tn_gnn_gin(5, 6, 2, OPTS(tn_gnn_net_opts, .norm = tn_gnn_batch_norm, .jk = "max"), OPTS(tn_gin_opts, .train_eps = true)));
    model("gat", tn_gnn_gat(5, 6, 3, &four, false, OPTS(tn_gat_opts, .heads = 2)));
    model("gatv2", tn_gnn_gat(5, 6, 2, OPTS(tn_gnn_net_opts, .out_channels = 4, .jk = "lstm"), true, OPTS(tn_gat_opts, .heads = 3, .edge_dim = 3)));
    model("pna", tn_gnn_pna(5, 6, 2, &four, aggrs, 2, scalers, 2, i64s((const int64_t[]){4, 6, 5, 3}, 0, 4), NULL));
    model("edge_cnn", tn_gnn_edge_cnn(5, 6, 2, &four, NULL));
}
TEST(more_nets) {
    model("light", tn_gnn_light_gcn(9, 4, 2, NULL));
    model("light_alpha", tn_gnn_light_gcn(7, 4, 2, OPTS(tn_gnn_light_gcn_opts, .alpha = 0.5)));
    model("schnet", tn_gnn_schnet(OPTS(tn_gnn_schnet_opts, .hidden_channels = 6, .num_filters = 8, .num_interactions = 2, .num_gaussians = 5, .cutoff = 4)));
    model("schnet_mean", tn_gnn_schnet(OPTS(tn_gnn_schnet_opts, .hidden_channels = 6, .num_filters = 8, .num_interactions = 1, .num_gaussians = 5, .cutoff = 4, .aggr = "mean", .mean = 0.5, .std = 2)));
    model("unet", tn_gnn_graph_unet(5, 6, 4, 2, NULL));
    model("unet_cat", tn_gnn_graph_unet(5, 6, 4, 2, OPTS(tn_gnn_unet_opts, .pool_ratios = (const double[]){0.8, 0.5}, .concat = true)));
}

static void one(golden_io *io, tn_tensor *t) { io->out[0] = t, io->n_out = 1; }
static void labels(golden_io *io) { one(io, tn_gnn_label_propagation(golden_in(io, "y"), golden_in(io, "edge_index"), golden_in(io, "known"), NULL, 3, 0.7)); }
static void labels_weight(golden_io *io) { one(io, tn_gnn_label_propagation(golden_in(io, "y_soft"), golden_in(io, "edge_index"), NULL, golden_in(io, "edge_weight"), 2, 0.5)); }
static tn_gnn_correct_opts spread = {.num_correction_layers = 3, .correction_alpha = 0.8, .num_smoothing_layers = 2, .smoothing_alpha = 0.6};
static tn_tensor *known_y(golden_io *io) { return tn_index_select(golden_in(io, "y"), 0, golden_in(io, "known")); }
static void correct(golden_io *io) { one(io, tn_gnn_correct(golden_in(io, "y_soft"), known_y(io), golden_in(io, "known"), golden_in(io, "edge_index"), NULL, &spread)); }
static void correct_scale(golden_io *io) {
    tn_gnn_correct_opts o = spread;
    o.no_autoscale = true, o.scale = 1.5;
    one(io, tn_gnn_correct(golden_in(io, "y_soft"), known_y(io), golden_in(io, "known"), golden_in(io, "edge_index"), golden_in(io, "edge_weight"), &o));
}
static void smooth(golden_io *io) { /* the known nodes as a mask */
    const int64_t n = io->num_nodes;
    tn_tensor *known = golden_in(io, "known"), *mask = tn_index_put(tn_zeros(&n, 1, OPTS(tn_tensor_opts, .dtype = TN_BOOL)), &known, 1, tn_ones((int64_t[]){tn_size(known, 0)}, 1, OPTS(tn_tensor_opts, .dtype = TN_BOOL)), false);
    one(io, tn_gnn_smooth(golden_in(io, "y_soft"), known_y(io), mask, golden_in(io, "edge_index"), NULL, &spread));
}
TEST(label_spreading) {
    golden_case("models", "labels", NULL, labels);
    golden_case("models", "labels_weight", NULL, labels_weight);
    golden_case("models", "correct", NULL, correct);
    golden_case("models", "correct_scale", NULL, correct_scale);
    golden_case("models", "smooth", NULL, smooth);
}
static void decode(golden_io *io) { one(io, tn_gnn_inner_product_decode(golden_in(io, "x"), golden_in(io, "edge_index"), false)); }
static void decode_all(golden_io *io) { one(io, tn_gnn_inner_product_decode_all(golden_in(io, "x"), true)); }
static void recon(golden_io *io) {
    const int64_t by = 1;
    one(io, tn_gnn_recon_loss(golden_in(io, "x"), golden_in(io, "edge_index"), tn_roll(golden_in(io, "edge_index"), &by, NULL, 0)));
}
static void kl(golden_io *io) { one(io, tn_gnn_kl_loss(golden_in(io, "h"), golden_in(io, "x0"))); }
static void bpr(golden_io *io) { one(io, tn_gnn_bpr_loss(golden_in(io, "edge_weight"), tn_select(golden_in(io, "edge_attr"), 1, 0), golden_in(io, "x"), 0.01)); }
TEST(losses) {
    golden_case("models", "decode", NULL, decode);
    golden_case("models", "decode_all", NULL, decode_all);
    golden_case("models", "recon", NULL, recon);
    golden_case("models", "kl", NULL, kl);
    golden_case("models", "bpr", NULL, bpr);
    CHECK(golden_all_run("models"));
}
TEST(scores) {
    tn_tensor *score = f32s((const float[]){0.9f, 0.8f, 0.8f, 0.3f, 0.3f, 0.1f, 0.5f}, 0, 7), *y = i64s((const int64_t[]){1, 0, 1, 1, 0, 0, 1}, 0, 7), *none = i64s((const int64_t[]){0, 0, 0, 0, 0, 0, 0}, 0, 7);
    CHECK_NEAR(tn_gnn_roc_auc(y, score), 9.0 / 12, 1e-12);
    CHECK_NEAR(tn_gnn_average_precision(y, score), 1.0 / 4 * (1 + 2.0 / 3 + 3.0 / 4 + 4.0 / 6), 1e-12);
    CHECK(isnan(tn_gnn_roc_auc(none, score)) && isnan(tn_gnn_average_precision(none, score)));
    CHECK(isnan(tn_gnn_roc_auc(y, tn_narrow(score, 0, 0, 3))) && tn_error_code() == TN_ERR_SHAPE);
    CHECK(isnan(tn_gnn_roc_auc(NULL, score)));
    tn_error_clear();
    tn_tensor *z = f32s((const float[]){1, 0, 2, 0, 0, 1, 0, 3}, 4, 2);
    const tn_gnn_link_scores v = tn_gnn_link_test(z, i64s((const int64_t[]){0, 2, 1, 3}, 2, 2), i64s((const int64_t[]){0, 3, 2, 3}, 2, 2));
    CHECK_NEAR(v.auc, 0.5, 1e-12); /* 2 and 3 against 0 and 9 */
    CHECK_NEAR(v.ap, 0.5 * (1.0 / 2 + 2.0 / 3), 1e-12);
}
/* Pairs that are found are those that are given; a far atom has none. */
TEST(pairs_of_atoms) {
    tn_module *m = tn_gnn_schnet(OPTS(tn_gnn_schnet_opts, .hidden_channels = 6, .num_filters = 8, .num_interactions = 1, .num_gaussians = 5, .cutoff = 2, .atomref = tn_ones((int64_t[]){100, 1}, 2, NULL)));
    tn_tensor *z = i64s((const int64_t[]){1, 6, 8, 1}, 0, 4), *pos = f32s((const float[]){0, 0, 0, 1, 0, 0, 1, 1, 0, 9, 9, 9}, 4, 3), *batch = i64s((const int64_t[]){0, 0, 0, 1}, 0, 4);
    tn_tensor *given[4] = {z, pos, batch, i64s((const int64_t[]){0, 0, 1, 1, 2, 2, 1, 2, 0, 2, 0, 1}, 2, 6)}, *y = tn_call(m, given, 3), *same = tn_call(m, given, 4), *one = tn_call(m, given, 2);
    CHECK(y && same && one && tn_size(y, 0) == 2 && tn_size(y, 1) == 1 && tn_size(one, 0) == 1);
    CHECK_NEAR(tn_item(tn_max(tn_abs(tn_sub(y, same)))), 0, 1e-6);
    CHECK_NEAR(tn_item(tn_sum(y, NULL)), tn_item(one), 1e-5);
    CHECK_ERROR(tn_call(m, given, 1), TN_ERR_INVALID);
}
TEST(variational) {
    tn_module *m = tn_gnn_vgae(tn_gnn_gcn_conv(5, 6, NULL), NULL);
    tn_tensor *in[2] = {tn_randn((int64_t[]){4, 5}, 2, NULL), i64s((const int64_t[]){0, 1, 2, 1, 2, 3}, 2, 3)};
    tn_gnn_vgae_result r = tn_gnn_vgae_encode(m, in, 2);
    CHECK(r.z && tn_size(r.z, 1) == 3 && tn_item(tn_max(tn_abs(tn_sub(r.z, r.mu)))) > 1e-3);
    CHECK(tn_backward(tn_add(tn_gnn_kl_loss(r.mu, r.logstd), tn_gnn_recon_loss(r.z, in[1], tn_flip(in[1], (int[]){1}, 1)))) == TN_OK);
    CHECK(tn_grad(tn_module_get(m, "encoder.lin.weight")));
    tn_module_train(m, false);
    r = tn_gnn_vgae_encode(m, in, 2);
    CHECK(r.z && r.z == r.mu);
    CHECK_ERROR(tn_call(tn_gnn_vgae(tn_gnn_gcn_conv(5, 3, NULL), NULL), in, 2), TN_ERR_SHAPE);
    CHECK_ERROR(tn_gnn_vgae_encode(tn_gnn_gcn_conv(5, 4, NULL), in, 2).z, TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_vgae(NULL, NULL), TN_ERR_INVALID);
}
/* The summary is the sigmoid of the mean, scores z W s, the other z that of exchanged rows. */
TEST(infomax) {
    tn_generator *g = tn_generator_new(5);
    tn_module *m = tn_gnn_deep_graph_infomax(4, tn_gnn_gcn_conv(5, 4, NULL), OPTS(tn_gnn_infomax_opts, .generator = g));
    tn_tensor *in[2] = {tn_randn((int64_t[]){4, 5}, 2, NULL), i64s((const int64_t[]){0, 1, 2, 1, 2, 3}, 2, 3)};
    tn_gnn_infomax r = tn_gnn_infomax_forward(m, in, 2);
    CHECK(r.pos_z && r.neg_z && r.summary && tn_ndim(r.summary) == 1);
    tn_tensor *w = tn_module_get(m, "weight"), *pos = tn_sigmoid(tn_mv(r.pos_z, tn_mv(w, r.summary))), *neg = tn_sigmoid(tn_mv(r.neg_z, tn_mv(w, r.summary)));
    CHECK_NEAR(tn_item(tn_gnn_infomax_loss(m, &r)), -tn_item(tn_mean(tn_log(pos), NULL)) - tn_item(tn_mean(tn_log(tn_sub(1.0, neg)), NULL)), 1e-5);
    (void)tn_generator_seed(g, 5);
    tn_tensor *mixed[2] = {tn_index_select(in[0], 0, tn_randperm(4, OPTS(tn_tensor_opts, .dtype = TN_I64, .generator = g))), in[1]};
    CHECK_NEAR(tn_item(tn_max(tn_abs(tn_sub(tn_call(m, mixed, 2), r.neg_z)))), 0, 1e-6);
    CHECK(tn_backward(tn_gnn_infomax_loss(m, &r)) == TN_OK && tn_grad(w));
    CHECK_ERROR(tn_gnn_deep_graph_infomax(0, m, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_deep_graph_infomax(4, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_infomax_loss(m, NULL), TN_ERR_INVALID);
}
TEST(recommend) {
    tn_module *m = tn_gnn_light_gcn(4, 3, 1, NULL);
    tn_tensor *index = i64s((const int64_t[]){0, 1, 2, 2, 3, 3}, 2, 3), *dst = i64s((const int64_t[]){2, 3}, 0, 2);
    tn_tensor *x = tn_gnn_light_gcn_embedding(m, index, NULL), *top = tn_gnn_light_gcn_recommend(m, index, NULL, i64s((const int64_t[]){1}, 0, 1), dst, 1);
    CHECK(x && top && tn_ndim(top) == 2 && tn_numel(top) == 1);
    const double two = tn_item(tn_dot(tn_select(x, 0, 1), tn_select(x, 0, 2))), three = tn_item(tn_dot(tn_select(x, 0, 1), tn_select(x, 0, 3)));
    CHECK(tn_item_i64(top) == (two > three ? 2 : 3));
    CHECK_ERROR(tn_gnn_light_gcn(4, 0, 1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_light_gcn_embedding(m, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_light_gcn_recommend(m, index, NULL, NULL, dst, 3), TN_ERR_INDEX);
}
static tn_module *my_conv(void *user, int64_t in, int64_t out, bool last) {
    if (last) *(int *)user += 1;
    return tn_gnn_graph_conv(in, out, NULL);
}
TEST(frame) {
    int lasts = 0;
    tn_module *m = tn_gnn_basic_gnn(5, 6, 3, &four, my_conv, &lasts);
    tn_tensor *x = tn_randn((int64_t[]){1, 5}, 2, NULL), *none = tn_zeros((int64_t[]){2, 0}, 2, OPTS(tn_tensor_opts, .dtype = TN_I64)), *in[2] = {x, none}, *y = tn_call(m, in, 2);
    CHECK(lasts == 1 && y && tn_size(y, 0) == 1 && tn_size(y, 1) == 4);
    CHECK_ERROR(tn_gnn_basic_gnn(5, 6, 3, NULL, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_gcn(5, 6, 0, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_gcn(5, 6, 2, OPTS(tn_gnn_net_opts, .jk = "sum"), NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_gat(5, 6, 2, NULL, false, OPTS(tn_gat_opts, .heads = 4)), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_jumping_knowledge("lstm", 0, 2), TN_ERR_INVALID);
    CHECK_ERROR(tn_call(m, in, 1), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_schnet(OPTS(tn_gnn_schnet_opts, .cutoff = -1)), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_graph_unet(5, 6, 4, 0, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_label_propagation(x, NULL, NULL, NULL, 1, 0.5), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_smooth(x, i64s((const int64_t[]){1, 2}, 0, 2), i64s((const int64_t[]){0}, 0, 1), none, NULL, &spread), TN_ERR_SHAPE);
    CHECK_ERROR(tn_gnn_recon_loss(x, NULL, none), TN_ERR_INVALID);
    CHECK(isfinite(tn_item(tn_gnn_recon_loss(tn_randn((int64_t[]){4, 3}, 2, NULL), i64s((const int64_t[]){0, 1, 2, 3}, 2, 2), NULL)))); /* draws what is not there */
    tn_module *unet = tn_gnn_graph_unet(5, 6, 4, 2, NULL);
    y = tn_call(unet, in, 2);
    CHECK(y && tn_size(y, 0) == 1 && isfinite(tn_item(tn_sum(y, NULL))));
}

/* Net i made and run once; false where an allocation failed. */
static bool run_one(int i, tn_tensor *x, tn_tensor *index, tn_tensor *y) {
    tn_tensor *in[4] = {x, index, NULL, NULL};
    tn_module *m = NULL;
    tn_gnn_infomax r;
    switch (i) {
    case 0: m = tn_gnn_gcn(5, 6, 2, OPTS(tn_gnn_net_opts, .norm = tn_gnn_batch_norm, .jk = "lstm"), NULL); break;
    case 1: m = tn_gnn_gin(5, 6, 2, OPTS(tn_gnn_net_opts, .norm = tn_gnn_batch_norm), NULL); break;
    case 2: m = tn_gnn_gat(5, 6, 2, &four, true, OPTS(tn_gat_opts, .heads = 2)); break;
    case 3: m = tn_gnn_graph_unet(5, 6, 4, 2, NULL); break;
    case 4: m = tn_gnn_schnet(OPTS(tn_gnn_schnet_opts, .hidden_channels = 4, .num_filters = 4, .num_interactions = 1, .num_gaussians = 3)); in[0] = y, in[1] = tn_narrow(x, 1, 0, 3), in[3] = index; break;
    case 5: m = tn_gnn_light_gcn(5, 3, 2, NULL); in[0] = index, in[1] = NULL; break;
    case 6: return tn_gnn_label_propagation(y, index, NULL, NULL, 2, 0.5) != NULL;
    case 7: return tn_gnn_correct(tn_narrow(x, 1, 0, 3), y, y, index, NULL, &spread) != NULL;
    case 8: return !isnan(tn_gnn_link_test(x, index, index).auc);
    default:
        m = tn_gnn_deep_graph_infomax(4, tn_gnn_gcn_conv(5, 4, NULL), NULL);
        if (!m) return false;
        r = tn_gnn_infomax_forward(m, in, 2);
        return r.pos_z && tn_gnn_infomax_loss(m, &r) != NULL;
    }
    return m && tn_call(m, in, 4) != NULL;
}
TEST(failures_of_memory) {
    tn_tensor *x = tn_randn((int64_t[]){5, 5}, 2, NULL), *y = i64s((const int64_t[]){0, 1, 2, 1, 0}, 0, 5);
    tn_set_log(NULL, NULL);
    for (int i = 0; i < 10; i++) {
        int64_t n = 1;
        for (bool done = false; !done && n < 3000; n++) {
            tn_scope s = tn_scope_open();
            tn_tensor *index = i64s((const int64_t[]){0, 1, 2, 3, 4, 0, 1, 4}, 2, 4);
            tn_error_clear();
            tn_fault_alloc(n, false);
            done = run_one(i, x, index, y);
            tn_fault_alloc(0, false);
            if (!done && tn_error_code() != TN_ERR_MEMORY) TN_TEST_FAIL("net %d, allocation %lld: %s", i, (long long)n, tn_error());
            tn_scope_close(&s);
        }
        tn_error_clear();
        if (n < 10 || n == 3000) TN_TEST_FAIL("net %d: %lld allocations", i, (long long)n);
    }
}
RUN_ALL
