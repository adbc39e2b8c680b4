/* Samplers of graphs and the loaders made of them. Values are PyTorch Geometric's. */
#define TENSOR_GRAPH_IMPLEMENTATION
#include "../ext/graph.h"
#include "tn_test.h"

static tn_tensor *ints(int n_dims, int64_t a, int64_t b, const int64_t *v) {
    return tn_from(v, (const int64_t[]){a, b}, n_dims, &(tn_tensor_opts){.dtype = TN_I64});
}
static bool same(tn_tensor *t, int n_dims, int64_t a, int64_t b, const int64_t *v) {
    return t && tn_get_dtype(t) == TN_I64 && tn_ndim(t) == n_dims && (n_dims < 1 || tn_size(t, 0) == a) && (n_dims < 2 || tn_size(t, 1) == b) &&
           memcmp(tn_test_values(t), v, (size_t)(a * b) * 8) == 0;
}
#define INTS(a, b, ...) ints(2, a, b, (const int64_t[]){__VA_ARGS__})
#define INTS1(a, ...) ints(1, a, 1, (const int64_t[]){__VA_ARGS__})
#define SAME(t, a, b, ...) same(t, 2, a, b, (const int64_t[]){__VA_ARGS__})
#define SAME1(t, a, ...) same(t, 1, a, 1, (const int64_t[]){__VA_ARGS__})
#define ALL (&(tn_tensor_opts){.dtype = TN_I64})
static const int64_t *values(tn_tensor *t) { return (const int64_t *)tn_test_values(t); }
static bool equal(tn_tensor *a, tn_tensor *b) {
    return a && b && tn_numel(a) == tn_numel(b) && memcmp(tn_test_values(a), tn_test_values(b), (size_t)tn_numel(a) * tn_dtype_size(tn_get_dtype(a))) == 0;
}
/* 8 nodes and 12 edges; x is the node times 10, edge_attr the edge times 100. */
static tn_graph *small_graph(void) {
    tn_graph *g = tn_graph_new(tn_arange(0, 80, 10, NULL), INTS(2, 12, 3, 0, 1, 5, 2, 4, 0, 6, 3, 5, 1, 7, 0, 2, 0, 1, 3, 1, 4, 3, 5, 6, 7, 2));
    tn_dict_set(g, "edge_attr", tn_arange(0, 1200, 100, NULL));
    tn_dict_set(g, "tag", INTS1(3, 1, 2, 3));
    return g;
}
TEST(neighbours_all) {
    tn_graph *g = small_graph();
    tn_loader *l = tn_gnn_neighbor_loader(g, &(tn_gnn_neighbor_opts){.num_neighbors = (int[]){-1, -1}, .n_hops = 2, .input_nodes = INTS1(3, 0, 6, 1)}, &(tn_loader_opts){.batch_size = 2});
    tn_batch b;
    CHECK(tn_loader_len(l) == 2 && tn_loader_next(l, &b) && b.size == 2);
    CHECK(SAME1(tn_dict_get(b.graph, "n_id"), 7, 0, 6, 3, 1, 5, 2, 4));
    CHECK(SAME(tn_dict_get(b.graph, "edge_index"), 2, 8, 2, 3, 4, 5, 1, 4, 6, 2, 0, 0, 1, 2, 2, 3, 3, 4));
    CHECK(SAME1(tn_dict_get(b.graph, "e_id"), 8, 0, 2, 9, 4, 7, 3, 5, 8));
    CHECK(SAME1(tn_dict_get(b.graph, "input_id"), 2, 0, 1) && SAME1(tn_dict_get(b.graph, "tag"), 3, 1, 2, 3));
    CHECK(SAME1(tn_dict_get(b.graph, "num_sampled_nodes"), 3, 2, 3, 2) && SAME1(tn_dict_get(b.graph, "num_sampled_edges"), 2, 3, 5));
    CHECK(tn_item_i64(tn_dict_get(b.graph, "batch_size")) == 2 && tn_item_i64(tn_dict_get(b.graph, "batch_size")) == b.size);
    CHECK(tn_at(tn_dict_get(b.graph, "x"), (const int64_t[]){4}, 1) == 50 && tn_at(tn_dict_get(b.graph, "edge_attr"), (const int64_t[]){2}, 1) == 900);
    CHECK(tn_graph_validate(b.graph) == TN_OK);
    CHECK(tn_loader_next(l, &b) && b.size == 1 && SAME1(tn_dict_get(b.graph, "n_id"), 5, 1, 5, 4, 3, 0) && SAME1(tn_dict_get(b.graph, "input_id"), 1, 2));
    CHECK(SAME(tn_dict_get(b.graph, "edge_index"), 2, 4, 1, 2, 3, 4, 0, 0, 1, 2));
    CHECK(!tn_loader_next(l, &b) && tn_loader_status(l) == TN_OK);
}
TEST(neighbours_of_a_mask_and_induced) {
    tn_graph *g = small_graph();
    tn_batch b;
    tn_tensor *mask = tn_zeros((const int64_t[]){8}, 1, &(tn_tensor_opts){.dtype = TN_BOOL});
    ((bool *)tn_data(mask))[1] = ((bool *)tn_data(mask))[7] = true;
    tn_loader *l = tn_gnn_neighbor_loader(g, &(tn_gnn_neighbor_opts){.num_neighbors = (int[]){-1}, .n_hops = 1, .input_nodes = mask}, &(tn_loader_opts){.batch_size = 2});
    CHECK(tn_loader_next(l, &b) && SAME1(tn_dict_get(b.graph, "n_id"), 4, 1, 7, 5, 4) && SAME1(tn_dict_get(b.graph, "input_id"), 2, 1, 7));
    CHECK(SAME(tn_dict_get(b.graph, "edge_index"), 2, 3, 2, 3, 0, 0, 0, 1) && SAME1(tn_dict_get(b.graph, "e_id"), 3, 3, 5, 10));
    l = tn_gnn_neighbor_loader(g, &(tn_gnn_neighbor_opts){.num_neighbors = (int[]){-1, -1}, .n_hops = 2, .induced = true, .input_nodes = INTS1(2, 0, 6)}, &(tn_loader_opts){.batch_size = 2});
    CHECK(tn_loader_next(l, &b) && SAME1(tn_dict_get(b.graph, "e_id"), 10, 0, 2, 9, 4, 7, 3, 5, 8, 1, 6));
    CHECK(SAME(tn_dict_get(b.graph, "edge_index"), 2, 10, 2, 3, 4, 5, 1, 4, 6, 2, 0, 0, 0, 0, 1, 2, 2, 3, 3, 4, 5, 6));
    l = tn_gnn_neighbor_loader(g, &(tn_gnn_neighbor_opts){.n_hops = 0}, &(tn_loader_opts){.batch_size = 8});
    CHECK(tn_loader_next(l, &b) && tn_graph_num_nodes(b.graph) == 8 && tn_graph_num_edges(b.graph) == 0);
}
TEST(neighbours_apart) {
    tn_gnn_sampler *s = tn_gnn_sampler_new(small_graph(), &(tn_gnn_neighbor_opts){.num_neighbors = (int[]){-1, -1}, .n_hops = 2, .disjoint = true});
    tn_graph *seeds = tn_dict_new();
    tn_dict_set(seeds, "n_id", INTS1(3, 0, 3, 0));
    tn_graph *b = tn_gnn_neighbor_sample(s, seeds, 1);
    CHECK(SAME1(tn_dict_get(b, "n_id"), 20, 0, 3, 0, 3, 1, 2, 6, 3, 1, 2, 6, 5, 4, 0, 7, 5, 2, 6, 5, 4));
    CHECK(SAME1(tn_dict_get(b, "batch"), 20, 0, 1, 2, 0, 0, 1, 1, 2, 2, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2));
    const int64_t n = tn_numel(tn_dict_get(b, "n_id")), e = tn_graph_num_edges(b), *tree = values(tn_dict_get(b, "batch")), *at = values(tn_dict_get(b, "edge_index")), *id = values(tn_dict_get(b, "n_id"));
    CHECK(tn_numel(tn_dict_get(b, "batch")) == n && tree[0] == 0 && tree[1] == 1 && tree[2] == 2);
    for (int64_t i = 0; i < e; i++) CHECK(tree[at[i]] == tree[at[e + i]]);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++) CHECK(id[i] != id[j] || tree[i] != tree[j]);
}
/* 300 nodes; node v has v edges that lead to it, from nodes 0 to v - 1. */
static tn_graph *fans(void) {
    const int64_t n = 300, e = n * (n - 1) / 2, shape[2] = {2, e};
    tn_tensor *t = tn_empty(shape, 2, ALL);
    int64_t *from = (int64_t *)tn_data(t), at = 0;
    for (int64_t u = 0; u < n; u++) /* by source, so that an order has to be found */
        for (int64_t v = u + 1; v < n; v++, at++) from[at] = u, from[e + at] = v;
    tn_graph *g = tn_graph_new(NULL, t);
    tn_dict_set(g, "num_nodes", tn_scalar_i64(n));
    return g;
}
TEST(neighbours_drawn) {
    tn_graph *g = fans(), *seeds = tn_dict_new();
    const int wants[] = {0, 3, 10, 40, 200, 1000};
    tn_dict_set(seeds, "n_id", INTS1(5, 299, 50, 70, 2, 0));
    const int64_t degree[] = {299, 50, 70, 2, 0}, *all = values(tn_dict_get(g, "edge_index")), edges = tn_graph_num_edges(g);
    for (int k = 0; k < 6; k++) {
        TN_SCOPE;
        tn_gnn_sampler *s = tn_gnn_sampler_new(g, &(tn_gnn_neighbor_opts){.num_neighbors = &wants[k], .n_hops = 1}), *r = tn_gnn_sampler_new(g, &(tn_gnn_neighbor_opts){.num_neighbors = &wants[k], .n_hops = 1, .replace = true});
        for (uint64_t seed = 0; seed < 5; seed++) {
            TN_SCOPE;
            int64_t count[5] = {0};
            tn_graph *b = tn_gnn_neighbor_sample(s, seeds, seed);
            const int64_t e = tn_graph_num_edges(b), *at = values(tn_dict_get(b, "edge_index")), *id = values(tn_dict_get(b, "n_id")), *edge = values(tn_dict_get(b, "e_id"));
            char *seen = (char *)calloc((size_t)edges, 1);
            for (int64_t i = 0; i < e; i++) {
                CHECK(all[edge[i]] == id[at[i]] && all[edges + edge[i]] == id[at[e + i]] && !seen[edge[i]]++);
                count[at[e + i]]++;
            }
            free(seen);
            for (int i = 0; i < 5; i++) CHECK(count[i] == (degree[i] < wants[k] ? degree[i] : wants[k]));
            CHECK(equal(tn_dict_get(tn_gnn_neighbor_sample(s, seeds, seed), "e_id"), tn_dict_get(b, "e_id")));
            b = tn_gnn_neighbor_sample(r, seeds, seed);
            CHECK(tn_graph_num_edges(b) == 4 * wants[k]);
        }
    }
}
TEST(neighbours_are_drawn_evenly) {
    const int wants[] = {3, 5, 40}; /* a mask of bits, a list, a table */
    const int64_t node[] = {20, 90, 100};
    tn_graph *g = fans(), *seeds = tn_dict_new();
    for (int k = 0; k < 6; k++) {
        TN_SCOPE;
        double count[128] = {0}, chi = 0;
        const int rounds = 2000;
        tn_gnn_sampler *s = tn_gnn_sampler_new(g, &(tn_gnn_neighbor_opts){.num_neighbors = &wants[k % 3], .n_hops = 1, .replace = k >= 3});
        tn_dict_set(seeds, "n_id", INTS1(1, node[k % 3]));
        for (int i = 0; i < rounds; i++) {
            TN_SCOPE;
            tn_graph *b = tn_gnn_neighbor_sample(s, seeds, (uint64_t)i);
            const int64_t e = tn_graph_num_edges(b), *at = values(tn_dict_get(b, "edge_index")), *id = values(tn_dict_get(b, "n_id"));
            for (int64_t j = 0; j < e; j++) count[id[at[j]]]++;
        }
        const double n = (double)node[k % 3], want = rounds * wants[k % 3] / n;
        for (int i = 0; i < node[k % 3]; i++) chi += (count[i] - want) * (count[i] - want) / want;
        CHECK(chi < n + 5 * sqrt(2 * n)); /* five deviations of a chi-squared */
        CHECK(chi > (k < 3 ? 0.2 : 0.5) * n);
    }
}
TEST(neighbours_do_not_depend_on_workers) {
    tn_graph *g = fans();
    tn_dict_set(g, "x", tn_rand((const int64_t[]){300, 3}, 2, NULL));
    double sums[3][20];
    for (int k = 0; k < 3; k++) {
        TN_SCOPE;
        tn_manual_seed(7);
        tn_loader *l = tn_gnn_neighbor_loader(g, &(tn_gnn_neighbor_opts){.num_neighbors = (int[]){4, 3}, .n_hops = 2}, &(tn_loader_opts){.batch_size = 32, .shuffle = true, .workers = k});
        int at = 0;
        for (int epoch = 0; epoch < 2; epoch++)
            for (tn_batch b; tn_loader_next(l, &b); at++) {
                TN_SCOPE;
                CHECK(tn_graph_validate(b.graph) == TN_OK);
                sums[k][at] = tn_item(tn_sum(tn_mul(tn_dict_get(b.graph, "e_id"), tn_arange(0, (double)tn_graph_num_edges(b.graph), 1, NULL)), NULL)) + tn_item(tn_sum(tn_dict_get(b.graph, "x"), NULL));
            }
        CHECK(at == 20);
    }
    CHECK(memcmp(sums[0], sums[1], sizeof sums[0]) == 0 && memcmp(sums[0], sums[2], sizeof sums[0]) == 0);
    CHECK(sums[0][0] != sums[0][10]);
}
static tn_graph *two_kinds(void) {
    tn_graph *h = tn_dict_new();
    tn_dict_set(h, "p.x", tn_arange(0, 4, 1, NULL));
    tn_dict_set(h, "q.x", tn_arange(0, 3, 1, NULL));
    tn_dict_set(h, "p.to.q.edge_index", INTS(2, 4, 0, 1, 2, 3, 1, 1, 0, 2));
    tn_dict_set(h, "q.re.p.edge_index", INTS(2, 4, 1, 0, 2, 2, 0, 2, 3, 1));
    tn_dict_set(h, "q.re.p.edge_attr", tn_arange(0, 4, 1, NULL));
    return h;
}
TEST(neighbours_of_several_kinds) {
    tn_batch b;
    tn_loader *l = tn_gnn_neighbor_loader(two_kinds(), &(tn_gnn_neighbor_opts){.num_neighbors = (int[]){-1, -1}, .n_hops = 2, .input_type = "q", .input_nodes = INTS1(2, 1, 2)}, NULL);
    CHECK(tn_loader_next(l, &b));
    CHECK(SAME1(tn_dict_get(b.graph, "p.n_id"), 2, 0, 1) && SAME1(tn_dict_get(b.graph, "q.n_id"), 2, 1, 2) && SAME1(tn_dict_get(b.graph, "q.input_id"), 1, 0));
    CHECK(SAME(tn_dict_get(b.graph, "p.to.q.edge_index"), 2, 2, 0, 1, 0, 0) && SAME(tn_dict_get(b.graph, "q.re.p.edge_index"), 2, 2, 0, 1, 0, 1));
    CHECK(SAME1(tn_dict_get(b.graph, "q.re.p.e_id"), 2, 0, 3) && tn_at(tn_dict_get(b.graph, "q.re.p.edge_attr"), (const int64_t[]){1}, 1) == 3 && tn_numel(tn_dict_get(b.graph, "p.x")) == 2);
    l = tn_gnn_neighbor_loader(two_kinds(), &(tn_gnn_neighbor_opts){.num_neighbors = (int[]){1, 0, 5, 5}, .n_hops = 2, .per_relation = true, .input_type = "q"}, &(tn_loader_opts){.batch_size = 3});
    CHECK(tn_loader_next(l, &b) && SAME1(tn_dict_get(b.graph, "p.to.q.num_sampled_edges"), 2, 3, 0));
    CHECK_ERROR(tn_gnn_neighbor_loader(two_kinds(), &(tn_gnn_neighbor_opts){.n_hops = 0}, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_neighbor_loader(two_kinds(), &(tn_gnn_neighbor_opts){.n_hops = 0, .input_type = "r"}, NULL), TN_ERR_INVALID);
}
TEST(neighbour_errors) {
    tn_graph *g = small_graph(), *seeds = tn_dict_new();
    tn_gnn_sampler *s = tn_gnn_sampler_new(g, &(tn_gnn_neighbor_opts){.n_hops = 0});
    CHECK_ERROR(tn_gnn_sampler_new(NULL, &(tn_gnn_neighbor_opts){.n_hops = 0}), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_sampler_new(g, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_sampler_new(g, &(tn_gnn_neighbor_opts){.n_hops = 1}), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_sampler_new(g, &(tn_gnn_neighbor_opts){.disjoint = true, .induced = true}), TN_ERR_UNSUPPORTED);
    CHECK_ERROR(tn_gnn_neighbor_sample(s, seeds, 0), TN_ERR_INVALID);
    tn_dict_set(seeds, "n_id", INTS1(1, 8));
    CHECK_ERROR(tn_gnn_neighbor_sample(s, seeds, 0), TN_ERR_INDEX);
    tn_dict_set(seeds, "n_id", tn_ones((const int64_t[]){1}, 1, NULL));
    CHECK_ERROR(tn_gnn_neighbor_sample(s, seeds, 0), TN_ERR_SHAPE);
    CHECK_ERROR(tn_gnn_neighbor_loader(g, &(tn_gnn_neighbor_opts){.input_nodes = INTS1(1, -1)}, NULL), TN_ERR_INDEX);
    CHECK_ERROR(tn_gnn_neighbor_loader(g, &(tn_gnn_neighbor_opts){.input_nodes = tn_ones((const int64_t[]){1}, 1, NULL)}, NULL), TN_ERR_SHAPE);
    tn_dict_set(g, "edge_index", INTS(2, 1, 0, 8));
    CHECK_ERROR(tn_gnn_sampler_new(g, &(tn_gnn_neighbor_opts){.n_hops = 0}), TN_ERR_INDEX);
    tn_graph *lone = tn_graph_new(tn_zeros((const int64_t[]){1, 2}, 2, NULL), tn_zeros((const int64_t[]){2, 0}, 2, ALL));
    tn_batch b;
    CHECK(tn_loader_next(tn_gnn_neighbor_loader(lone, &(tn_gnn_neighbor_opts){.num_neighbors = (int[]){3}, .n_hops = 1}, NULL), &b) && tn_graph_num_nodes(b.graph) == 1 && tn_graph_num_edges(b.graph) == 0);
}
RUN_ALL
