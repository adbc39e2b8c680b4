#include "../ext/graph.h"
#include "gnn_golden.h"

static void edges_out(golden_io *io, tn_gnn_edge_list r, bool attr, bool mask) {
    io->out[io->n_out++] = r.edge_index;
    if (attr || mask) io->out[io->n_out++] = r.edge_attr;
    if (mask) io->out[io->n_out++] = r.mask;
}
static tn_tensor *maybe(golden_io *io, const char *name) { /* an input, or NULL where the case has none */
    for (int i = 0; i < io->n; i++)
        if (strcmp(io->in_name[i], name) == 0) return io->in[i];
    return NULL;
}
static tn_reduction_kind reduce;
static bool by_column;
static void coalesce(golden_io *io) {
    tn_tensor *attr = maybe(io, "edge_attr") ? maybe(io, "edge_attr") : maybe(io, "edge_weight");
    const tn_gnn_coalesce_opts opts = {reduce, by_column};
    edges_out(io, tn_gnn_coalesce(golden_in(io, "edge_index"), attr, io->num_nodes, &opts), true, false);
}
static void undirected(golden_io *io) {
    tn_tensor *attr = maybe(io, "edge_attr") ? maybe(io, "edge_attr") : maybe(io, "edge_weight");
    edges_out(io, tn_gnn_to_undirected(golden_in(io, "edge_index"), attr, io->num_nodes, reduce), true, false);
}
static void remove_self_loops(golden_io *io) {
    edges_out(io, tn_gnn_remove_self_loops(golden_in(io, "edge_index"), golden_in(io, "edge_attr")), true, false);
}
static void subgraph(golden_io *io) {
    tn_gnn_edge_list r = tn_gnn_subgraph(tn_test_of("i64 [3] 1 0 2"), golden_in(io, "edge_index"), golden_in(io, "edge_attr"), io->num_nodes, false);
    edges_out(io, r, true, true);
}
static void subgraph_relabel(golden_io *io) {
    tn_gnn_edge_list r = tn_gnn_subgraph(tn_test_of("i64 [3] 3 1 0"), golden_in(io, "edge_index"), golden_in(io, "edge_attr"), io->num_nodes, true);
    edges_out(io, r, true, false);
}
static void hops_out(golden_io *io, tn_gnn_k_hop r) {
    io->out[0] = r.subset, io->out[1] = r.edge_index, io->out[2] = r.mapping, io->out[3] = r.edge_mask, io->n_out = 4;
}
static void k_hop_1(golden_io *io) { hops_out(io, tn_gnn_k_hop_subgraph(tn_test_of("i64 [1] 2"), 1, golden_in(io, "edge_index"), io->num_nodes, NULL)); }
static void k_hop_2(golden_io *io) {
    const tn_gnn_k_hop_opts opts = {.relabel_nodes = true};
    hops_out(io, tn_gnn_k_hop_subgraph(tn_test_of("i64 [2] 3 1"), 2, golden_in(io, "edge_index"), io->num_nodes, &opts));
}
static void k_hop_out(golden_io *io) {
    const tn_gnn_k_hop_opts opts = {.target_to_source = true, .directed = true};
    hops_out(io, tn_gnn_k_hop_subgraph(tn_test_of("i64 [1] 2"), 2, golden_in(io, "edge_index"), io->num_nodes, &opts));
}
static void dense_adj(golden_io *io) {
    const tn_gnn_dense_opts opts = {.max_num_nodes = maybe(io, "batch") ? 0 : io->num_nodes};
    tn_tensor *attr = maybe(io, "edge_attr") ? maybe(io, "edge_attr") : maybe(io, "edge_weight");
    io->out[io->n_out++] = tn_gnn_to_dense_adj(golden_in(io, "edge_index"), maybe(io, "batch"), attr, &opts);
}
static tn_gnn_dense_opts dense_opts;
static void dense_batch(golden_io *io) {
    if (dense_opts.max_num_nodes) dense_opts.batch_size = io->num_graphs + 1;
    const tn_gnn_dense r = tn_gnn_to_dense_batch(golden_in(io, "x"), golden_in(io, "batch"), &dense_opts);
    io->out[0] = r.x, io->out[1] = r.mask, io->n_out = 2;
}

TEST(goldens_coalesce) {
    const struct { const char *name; tn_reduction_kind reduce; bool by_column; } c[] = {
        {"coalesce_sum", TN_REDUCE_SUM, false}, {"coalesce_mean", TN_REDUCE_MEAN, false}, {"coalesce_min", TN_REDUCE_AMIN, false},
        {"coalesce_max", TN_REDUCE_AMAX, false}, {"coalesce_mul", TN_REDUCE_PROD, false}, {"coalesce_by_column", TN_REDUCE_SUM, true},
        {"coalesce", TN_REDUCE_SUM, false},
    };
    for (int i = 0; i < 7; i++) reduce = c[i].reduce, by_column = c[i].by_column, golden_case("utils", c[i].name, NULL, coalesce);
    reduce = TN_REDUCE_SUM, by_column = false;
}
TEST(goldens_undirected) {
    reduce = TN_REDUCE_SUM;
    golden_case("utils", "to_undirected", NULL, undirected);
    golden_case("utils", "to_undirected_add", NULL, undirected);
    reduce = TN_REDUCE_MEAN;
    golden_case("utils", "to_undirected_mean", NULL, undirected);
    golden_case("utils", "remove_self_loops", NULL, remove_self_loops);
}
TEST(goldens_subgraph) {
    golden_case("utils", "subgraph", NULL, subgraph);
    golden_case("utils", "subgraph_relabel", NULL, subgraph_relabel);
    golden_case("utils", "k_hop_1", NULL, k_hop_1);
    golden_case("utils", "k_hop_2", NULL, k_hop_2);
    golden_case("utils", "k_hop_out", NULL, k_hop_out);
}
TEST(goldens_dense) {
    golden_case("utils", "to_dense_adj", NULL, dense_adj);
    golden_case("utils", "to_dense_adj_attr", NULL, dense_adj);
    golden_case("utils", "to_dense_adj_all", NULL, dense_adj);
    golden_case("utils", "to_dense_batch", NULL, dense_batch);
    dense_opts.fill_value = -1, dense_opts.max_num_nodes = 5;
    golden_case("utils", "to_dense_batch_fill", NULL, dense_batch);
}
TEST(undirected_and_loops) {
    tn_tensor *path = tn_test_of("i64 [2, 4] 0 1 1 2 1 0 2 1"), *more = tn_test_of("i64 [2, 3] 0 1 1 1 0 2");
    CHECK(tn_gnn_is_undirected(path, NULL, -1));
    CHECK(!tn_gnn_is_undirected(more, NULL, -1));
    CHECK(tn_gnn_is_undirected(path, tn_test_of("f32 [4] 1 1 3 3"), -1));
    CHECK(!tn_gnn_is_undirected(path, tn_test_of("f32 [4] 1 1 3 2"), -1));
    CHECK(tn_gnn_is_undirected(tn_test_of("i64 [2, 0]"), NULL, 3));
    CHECK(!tn_gnn_contains_self_loops(path));
    CHECK(tn_gnn_contains_self_loops(tn_test_of("i64 [2, 2] 0 1 1 1")));
    CHECK(tn_error_code() == TN_OK);
}
/* PyG 2.8.1 of the same edges. */
TEST(isolated) {
    tn_tensor *e = tn_test_of("i64 [2, 6] 0 1 4 2 1 1 1 0 1 2 1 1"), *w = tn_test_of("f32 [6] 1 2 3 4 5 6");
    CHECK(tn_gnn_contains_isolated_nodes(e, -1));
    CHECK(!tn_gnn_contains_isolated_nodes(tn_test_of("i64 [2, 2] 0 1 1 2"), -1));
    const tn_gnn_edge_list r = tn_gnn_remove_isolated_nodes(e, w, 6);
    CHECK_IS(r.edge_index, "i64 [2, 4] 0 1 2 1 1 0 1 1");
    CHECK_IS(r.edge_attr, "f32 [4] 1 2 3 6");
    CHECK_IS(r.mask, "bool [6] 1 1 0 0 1 0");
    CHECK_IS(tn_gnn_remove_isolated_nodes(tn_test_of("i64 [2, 0]"), NULL, 2).mask, "bool [2] 0 0");
}
TEST(subgraph_of_a_mask) {
    tn_tensor *e = tn_test_of("i64 [2, 4] 0 1 2 3 1 2 3 0");
    const tn_gnn_edge_list r = tn_gnn_subgraph(tn_test_of("bool [4] 0 1 1 1"), e, NULL, -1, true);
    CHECK_IS(r.edge_index, "i64 [2, 2] 0 1 1 2");
    CHECK_IS(r.mask, "bool [4] 0 1 1 0");
    CHECK(!r.edge_attr);
}
TEST(dense_to_sparse) {
    tn_tensor *flat = tn_test_of("f32 [2, 3] 3 0 1 0 2 0");
    tn_gnn_edge_list r = tn_gnn_dense_to_sparse(flat, NULL);
    CHECK_IS(r.edge_index, "i64 [2, 3] 0 0 1 0 2 1");
    CHECK_IS(r.edge_attr, "f32 [3] 3 1 2");
    tn_tensor *adj = tn_requires_grad_(tn_test_of("f32 [2, 2, 2] 3 1 2 0 0 1 0 2"), true);
    r = tn_gnn_dense_to_sparse(adj, NULL);
    CHECK_IS(r.edge_index, "i64 [2, 5] 0 0 1 2 3 0 1 0 3 3");
    CHECK(tn_backward(tn_sum(tn_mul(r.edge_attr, r.edge_attr), NULL)) == TN_OK);
    CHECK_IS(tn_grad(adj), "f32 [2, 2, 2] 6 2 4 0 0 2 0 4");
    r = tn_gnn_dense_to_sparse(tn_test_of("f32 [2, 2, 2] 3 0 0 0 0 1 0 2"), tn_test_of("bool [2, 2] 1 0 1 1"));
    CHECK_IS(r.edge_index, "i64 [2, 3] 0 1 2 0 2 2");
    CHECK_IS(r.edge_attr, "f32 [3] 3 1 2");
    CHECK_IS(tn_gnn_dense_to_sparse(tn_test_of("f32 [0, 0]"), NULL).edge_index, "i64 [2, 0]");
}
TEST(dense_batch_cut_and_one) {
    const tn_gnn_dense_opts two = {.max_num_nodes = 2};
    tn_tensor *x = tn_test_of("f32 [4, 1] 1 2 3 4"), *batch = tn_test_of("i64 [4] 0 0 0 1");
    tn_gnn_dense r = tn_gnn_to_dense_batch(x, batch, &two);
    CHECK_IS(r.x, "f32 [2, 2, 1] 1 2 4 0");
    CHECK_IS(r.mask, "bool [2, 2] 1 1 1 0");
    r = tn_gnn_to_dense_batch(x, NULL, NULL);
    CHECK_IS(r.x, "f32 [1, 4, 1] 1 2 3 4");
    CHECK_IS(tn_gnn_to_dense_adj(tn_test_of("i64 [2, 3] 0 2 3 1 1 3"), batch, NULL, &two), "f32 [2, 2, 2] 0 1 0 0 1 0 0 0");
    tn_tensors parts = tn_gnn_unbatch(x, batch, 0, 3);
    CHECK(parts.n == 3);
    CHECK_IS(parts.at[0], "f32 [3, 1] 1 2 3");
    CHECK_IS(parts.at[2], "f32 [0, 1]");
}
/* The first from PyG's documentation, the others by PyG 2.8.1. */
TEST(homophily) {
    tn_tensor *e = tn_test_of("i64 [2, 4] 0 1 2 3 1 2 0 4"), *y = tn_test_of("i64 [5] 0 0 0 0 1"), *batch = tn_test_of("i64 [5] 0 0 0 1 1");
    CHECK_IS(tn_gnn_homophily(e, y, NULL, TN_GNN_HOMOPHILY_EDGE), "f32 [] 0.75");
    CHECK_IS(tn_gnn_homophily(e, y, batch, TN_GNN_HOMOPHILY_EDGE), "f32 [2] 1 0");
    CHECK_IS(tn_gnn_homophily(e, y, NULL, TN_GNN_HOMOPHILY_NODE), "f32 [] 0.6");
    CHECK_IS(tn_gnn_homophily(e, y, batch, TN_GNN_HOMOPHILY_NODE), "f32 [2] 1 0");
    CHECK_IS(tn_gnn_homophily(e, y, NULL, TN_GNN_HOMOPHILY_EDGE_INSENSITIVE), "f32 [] 0.2");
    CHECK_IS(tn_gnn_homophily(e, tn_test_of("i64 [5] 0 1 0 1 1"), batch, TN_GNN_HOMOPHILY_EDGE_INSENSITIVE), "f32 [2] 0 0");
}
TEST(assortativity) {
    CHECK_NEAR(tn_gnn_assortativity(tn_test_of("i64 [2, 7] 0 1 2 3 2 0 0 1 2 0 1 3 1 4")), 0.198029026, 1e-6);
}
TEST(errors) {
    tn_tensor *e = tn_test_of("i64 [2, 2] 0 1 1 2"), *three = tn_test_of("f32 [3] 1 2 3"), *batch = tn_test_of("i64 [3] 0 1 1");
    CHECK_ERROR(tn_gnn_coalesce(NULL, NULL, -1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_coalesce(tn_test_of("f32 [2, 1] 0 1"), NULL, -1, NULL), TN_ERR_DTYPE);
    CHECK_ERROR(tn_gnn_coalesce(tn_test_of("i64 [3, 1] 0 1 2"), NULL, -1, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_gnn_coalesce(tn_test_of("i64 [2] 0 1"), NULL, -1, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_gnn_coalesce(e, three, -1, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_gnn_coalesce(e, NULL, 2, NULL), TN_ERR_INDEX);
    CHECK_ERROR(tn_gnn_coalesce(tn_test_of("i64 [2, 1] -1 0"), NULL, -1, NULL), TN_ERR_INDEX);
    CHECK_ERROR(tn_gnn_to_undirected(e, three, -1, TN_REDUCE_SUM), TN_ERR_SHAPE);
    CHECK_ERROR(tn_gnn_remove_self_loops(e, three), TN_ERR_SHAPE);
    CHECK_ERROR(tn_gnn_subgraph(tn_test_of("i64 [1] 3"), e, NULL, -1, false), TN_ERR_INDEX);
    CHECK_ERROR(tn_gnn_subgraph(tn_test_of("bool [2] 1 1"), e, NULL, -1, false), TN_ERR_INDEX);
    CHECK_ERROR(tn_gnn_subgraph(NULL, e, NULL, -1, false), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_k_hop_subgraph(tn_test_of("i64 [1] 9"), 1, e, -1, NULL), TN_ERR_INDEX);
    CHECK_ERROR(tn_gnn_to_dense_adj(e, batch, NULL, NULL), TN_ERR_INDEX);
    CHECK_ERROR(tn_gnn_to_dense_adj(e, tn_test_of("i64 [3] 0 1 0"), NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_dense_to_sparse(three, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_gnn_to_dense_batch(tn_test_of("f32 [2, 1] 1 2"), batch, NULL), TN_ERR_SHAPE);
    const tn_gnn_dense_opts huge = {.max_num_nodes = INT64_MAX / 2};
    CHECK_ERROR(tn_gnn_to_dense_batch(three, batch, &huge), TN_ERR_MEMORY);
    CHECK_ERROR(tn_gnn_homophily(e, tn_test_of("i64 [3] 0 0 0"), NULL, TN_GNN_HOMOPHILY_EDGE_INSENSITIVE), TN_ERR_INVALID);
}
RUN_ALL
