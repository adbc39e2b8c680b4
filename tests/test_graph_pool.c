#define TENSOR_GRAPH_IMPLEMENTATION
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
RUN_ALL
