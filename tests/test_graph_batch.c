/* Graphs, batches and their loader. Values are PyTorch Geometric's. */
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
static tn_tensor *floats(int64_t rows, int64_t cols, double from) {
    return tn_reshape(tn_arange(from, from + (double)(rows * cols), 1, &(tn_tensor_opts){.dtype = TN_F32}), (const int64_t[]){rows, cols}, 2);
}
static void two_graphs(tn_graph *g[2]) {
    g[0] = tn_graph_new(floats(3, 2, 0), INTS(2, 3, 0, 1, 2, 1, 2, 0));
    tn_dict_set(g[0], "y", tn_scalar_i64(1));
    tn_dict_set(g[0], "edge_attr", tn_arange(1, 4, 1, NULL));
    tn_dict_set(g[0], "face", INTS(3, 1, 0, 1, 2));
    tn_dict_set(g[0], "s_index", INTS1(2, 2, 0));
    g[1] = tn_graph_new(floats(2, 2, 0), INTS(2, 1, 0, 1));
    tn_dict_set(g[1], "s_index", INTS1(1, 1)); /* in another order */
    tn_dict_set(g[1], "y", tn_scalar_i64(0));
    tn_dict_set(g[1], "face", INTS(3, 2, 0, 1, 1, 0, 1, 1));
    tn_dict_set(g[1], "edge_attr", tn_arange(4, 5, 1, NULL));
}
TEST(sizes) {
    tn_graph *g = tn_graph_new(floats(5, 2, 0), INTS(2, 2, 0, 1, 1, 0)), *e = tn_graph_new(NULL, INTS(2, 2, 0, 6, 1, 0)), *none = tn_graph_new(NULL, NULL);
    CHECK(tn_graph_num_nodes(g) == 5 && tn_graph_num_edges(g) == 2);
    CHECK(tn_graph_num_nodes(e) == 7);
    CHECK(tn_error_code() == TN_OK);
    tn_dict_set(e, "my_node_mark", floats(9, 1, 0));
    CHECK(tn_graph_num_nodes(e) == 9);
    tn_dict_set(e, "pos", floats(8, 3, 0));
    CHECK(tn_graph_num_nodes(e) == 8);
    tn_dict_set(e, "num_nodes", tn_scalar_i64(11));
    CHECK(tn_graph_num_nodes(e) == 11);
    CHECK_ERROR(tn_graph_num_nodes(none), TN_ERR_SHAPE);
    CHECK(tn_graph_num_edges(none) == 0);
    CHECK_ERROR(tn_graph_num_nodes(NULL), TN_ERR_INVALID);
    CHECK(tn_graph_num_nodes(tn_graph_new(NULL, tn_zeros((const int64_t[]){2, 0}, 2, &(tn_tensor_opts){.dtype = TN_I64}))) == 0);
    tn_graph *h = tn_dict_new();
    tn_dict_set(h, "a.x", floats(3, 1, 0));
    tn_dict_set(h, "a.to.b.edge_index", INTS(2, 2, 0, 2, 4, 1));
    tn_dict_set(h, "b.is.b.edge_index", INTS(2, 1, 6, 0));
    CHECK(tn_graph_num_nodes_of(h, "a") == 3 && tn_graph_num_nodes_of(h, "b") == 7 && tn_graph_num_nodes(h) == 10 && tn_graph_num_edges(h) == 3);
    CHECK_ERROR(tn_graph_num_nodes_of(h, "c"), TN_ERR_SHAPE);
}
TEST(validation) {
    tn_graph *g = tn_graph_new(floats(3, 2, 0), INTS(2, 2, 0, 2, 1, 0));
    CHECK(tn_graph_validate(g) == TN_OK);
    tn_dict_set(g, "edge_index", INTS(2, 2, 0, 3, 1, 0));
    CHECK_ERROR(tn_graph_validate(g), TN_ERR_INDEX);
    tn_set_log(NULL, NULL);
    (void)tn_graph_validate(g);
    CHECK(strstr(tn_error(), "\"edge_index\" [0, 1] is 3, of 3 nodes"));
    tn_dict_set(g, "edge_index", INTS(2, 2, 0, 0, 1, -1));
    CHECK_ERROR(tn_graph_validate(g), TN_ERR_INDEX);
    tn_dict_set(g, "edge_index", INTS(1, 2, 0, 0));
    CHECK_ERROR(tn_graph_validate(g), TN_ERR_SHAPE);
    tn_dict_set(g, "edge_index", floats(2, 2, 0));
    CHECK_ERROR(tn_graph_validate(g), TN_ERR_DTYPE);
    tn_graph *h = tn_dict_new();
    tn_dict_set(h, "a.x", floats(3, 1, 0));
    tn_dict_set(h, "b.num_nodes", tn_scalar_i64(2));
    tn_dict_set(h, "a.to.b.edge_index", INTS(2, 2, 0, 2, 1, 1));
    CHECK(tn_graph_validate(h) == TN_OK);
    tn_dict_set(h, "a.to.b.edge_index", INTS(2, 2, 0, 2, 1, 2));
    CHECK_ERROR(tn_graph_validate(h), TN_ERR_INDEX);
}
TEST(batches) {
    tn_graph *g[2];
    two_graphs(g);
    tn_graph *b = tn_graph_batch(g, 2);
    CHECK(SAME(tn_dict_get(b, "edge_index"), 2, 4, 0, 1, 2, 3, 1, 2, 0, 4));
    CHECK(SAME(tn_dict_get(b, "face"), 3, 3, 0, 3, 4, 1, 4, 3, 2, 4, 4));
    CHECK(SAME1(tn_dict_get(b, "s_index"), 3, 2, 0, 4));
    CHECK(SAME1(tn_dict_get(b, "y"), 2, 1, 0));
    CHECK(SAME1(tn_dict_get(b, "batch"), 5, 0, 0, 0, 1, 1));
    CHECK(SAME1(tn_dict_get(b, "ptr"), 3, 0, 3, 5));
    CHECK(tn_size(tn_dict_get(b, "x"), 0) == 5 && tn_at(tn_dict_get(b, "x"), (const int64_t[]){4, 1}, 2) == 3);
    CHECK(tn_graph_num_graphs(b) == 2 && tn_graph_num_nodes(b) == 5 && tn_graph_num_edges(b) == 4);
    tn_graph *one = tn_graph_unbatch(b, 1);
    CHECK(tn_dict_len(one) == 6);
    CHECK(SAME(tn_dict_get(one, "edge_index"), 2, 1, 0, 1) && SAME(tn_dict_get(one, "face"), 3, 2, 0, 1, 1, 0, 1, 1) && SAME1(tn_dict_get(one, "s_index"), 1, 1));
    CHECK(SAME1(tn_dict_get(one, "y"), 1, 0) && tn_size(tn_dict_get(one, "x"), 0) == 2 && tn_item(tn_dict_get(one, "edge_attr")) == 4);
    CHECK_ERROR(tn_graph_unbatch(b, 2), TN_ERR_INDEX);
    CHECK_ERROR(tn_graph_unbatch(g[0], 0), TN_ERR_STATE);
    CHECK_ERROR(tn_graph_batch(g, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_graph_batch(NULL, 1), TN_ERR_INVALID);
    tn_graph *twice[2] = {b, b}, *bb = tn_graph_batch(twice, 2); /* a batch of batches: "batch" is made anew */
    CHECK(SAME1(tn_dict_get(bb, "batch"), 10, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1) && SAME1(tn_dict_get(bb, "ptr"), 3, 0, 5, 10));
    CHECK(tn_dict_get(tn_graph_to(b, (tn_device){0, 0}), "x") && tn_graph_num_graphs(tn_graph_to(b, (tn_device){0, 0})) == 2);
    tn_dict_set(g[0], "more", tn_scalar_i64(1));
    CHECK_ERROR(tn_graph_batch(g, 2), TN_ERR_INVALID);
    tn_dict_set(g[1], "more", floats(1, 1, 0));
    CHECK_ERROR(tn_graph_batch(g, 2), TN_ERR_SHAPE);
    tn_dict_set(g[0], "more", tn_zeros((const int64_t[]){2, 2}, 2, NULL));
    CHECK_ERROR(tn_graph_batch(g, 2), TN_ERR_SHAPE);
}
TEST(batches_of_transposed_and_empty_graphs) {
    tn_graph *g[3] = {tn_graph_new(floats(2, 1, 0), tn_t(INTS(2, 2, 0, 1, 1, 0))), tn_graph_new(floats(1, 1, 0), tn_t(tn_zeros((const int64_t[]){0, 2}, 2, &(tn_tensor_opts){.dtype = TN_I64}))),
                      tn_graph_new(floats(2, 1, 0), tn_t(INTS(1, 2, 0, 1)))};
    tn_graph *b = tn_graph_batch(g, 3);
    CHECK(SAME(tn_dict_get(b, "edge_index"), 2, 3, 0, 1, 3, 1, 0, 4));
    CHECK(SAME1(tn_dict_get(b, "batch"), 5, 0, 0, 1, 2, 2));
    CHECK(tn_graph_num_edges(tn_graph_unbatch(b, 1)) == 0 && tn_graph_num_nodes(tn_graph_unbatch(b, 1)) == 1);
    b = tn_graph_batch(g + 1, 1);
    CHECK(SAME1(tn_dict_get(b, "ptr"), 2, 0, 1));
}
TEST(batches_keep_gradients) {
    tn_tensor *x = tn_ones((const int64_t[]){2, 2}, 2, &(tn_tensor_opts){.requires_grad = true});
    tn_graph *g = tn_graph_new(x, INTS(2, 1, 0, 1)), *two[2] = {g, g};
    CHECK(tn_backward(tn_sum(tn_dict_get(tn_graph_batch(two, 2), "x"), NULL)) == TN_OK);
    CHECK_NEAR(tn_item(tn_sum(tn_grad(x), NULL)), 8, 0);
}
TEST(batches_of_several_kinds) {
    tn_graph *g[2] = {tn_dict_new(), tn_dict_new()};
    tn_dict_set(g[0], "p.x", tn_zeros((const int64_t[]){2, 1}, 2, NULL));
    tn_dict_set(g[0], "q.num_nodes", tn_scalar_i64(3));
    tn_dict_set(g[0], "p.to.q.edge_index", INTS(2, 2, 0, 1, 2, 0));
    tn_dict_set(g[0], "q.r.q.edge_index", INTS(2, 1, 0, 2));
    tn_dict_set(g[0], "y", INTS1(1, 7));
    tn_dict_set(g[1], "p.x", tn_ones((const int64_t[]){1, 1}, 2, NULL));
    tn_dict_set(g[1], "q.num_nodes", tn_scalar_i64(4));
    tn_dict_set(g[1], "p.to.q.edge_index", INTS(2, 1, 0, 3));
    tn_dict_set(g[1], "q.r.q.edge_index", INTS(2, 1, 3, 1));
    tn_dict_set(g[1], "y", INTS1(1, 8));
    tn_graph *b = tn_graph_batch(g, 2);
    CHECK(SAME(tn_dict_get(b, "p.to.q.edge_index"), 2, 3, 0, 1, 2, 2, 0, 6));
    CHECK(SAME(tn_dict_get(b, "q.r.q.edge_index"), 2, 2, 0, 6, 2, 4));
    CHECK(SAME1(tn_dict_get(b, "q.batch"), 7, 0, 0, 0, 1, 1, 1, 1) && SAME1(tn_dict_get(b, "q.ptr"), 3, 0, 3, 7) && SAME1(tn_dict_get(b, "p.ptr"), 3, 0, 2, 3));
    CHECK(SAME1(tn_dict_get(b, "y"), 2, 7, 8) && tn_item_i64(tn_dict_get(b, "q.num_nodes")) == 7 && tn_graph_num_nodes(b) == 10);
    tn_graph *one = tn_graph_unbatch(b, 1);
    CHECK(SAME(tn_dict_get(one, "p.to.q.edge_index"), 2, 1, 0, 3) && SAME(tn_dict_get(one, "q.r.q.edge_index"), 2, 1, 3, 1) && tn_item_i64(tn_dict_get(one, "q.num_nodes")) == 4);
}
/* Graph i has i + 1 nodes in a ring, x = i. */
static tn_dataset *rings(int n) {
    tn_graph *g[32];
    for (int i = 0; i < n; i++) {
        const int64_t nodes = i + 1;
        tn_tensor *at = tn_arange(0, (double)nodes, 1, NULL);
        tn_tensor *ends[2] = {at, tn_roll(at, (const int64_t[]){1}, NULL, 0)};
        g[i] = tn_graph_new(tn_full((const int64_t[]){nodes, 1}, 2, i, NULL), tn_stack(ends, 2, 0));
        tn_dict_set(g[i], "y", tn_scalar_i64(i));
    }
    return tn_data_graphs(g, n);
}
TEST(loaders_give_graphs) {
    double sums[3][64];
    for (int kind = 0; kind < 3; kind++) {
        TN_SCOPE;
        tn_manual_seed(3);
        tn_loader *l = tn_data_loader(kind == 2 ? tn_data_subset(rings(20), (const int64_t[]){3, 1, 19}, 3) : rings(20), &(tn_loader_opts){.batch_size = 8, .shuffle = true, .workers = kind ? 2 : 0});
        int at = 0;
        for (int epoch = 0; epoch < 3; epoch++)
            for (tn_batch b; tn_loader_next(l, &b);) {
                TN_SCOPE;
                CHECK(b.size == tn_graph_num_graphs(b.graph) && !b.x && tn_numel(tn_dict_get(b.graph, "y")) == b.size);
                CHECK(tn_graph_validate(b.graph) == TN_OK && tn_graph_num_edges(b.graph) == tn_graph_num_nodes(b.graph));
                tn_tensor *mean = tn_sub(tn_dict_get(b.graph, "x"), tn_index_select(tn_unsqueeze(tn_dict_get(b.graph, "y"), 1), 0, tn_dict_get(b.graph, "batch")));
                CHECK(tn_item(tn_sum(tn_abs(mean), NULL)) == 0);
                sums[kind][at++] = tn_item(tn_sum(tn_dict_get(b.graph, "x"), NULL));
            }
        CHECK(tn_loader_status(l) == TN_OK && at == (kind == 2 ? 3 : 9));
    }
    CHECK(memcmp(sums[0], sums[1], 9 * sizeof(double)) == 0);
    CHECK_ERROR(tn_data_graphs(NULL, 1), TN_ERR_INVALID);
    CHECK_ERROR(tn_data_graphs((tn_graph *[]){NULL}, 1), TN_ERR_INVALID);
}
static int64_t hundred(void *user) { return (void)user, 100; }
static tn_status whole_batch(void *user, const int64_t *index, int64_t n, uint64_t seed, tn_batch *b) {
    (void)user;
    b->x = tn_from(index, &n, 1, &(tn_tensor_opts){.dtype = TN_I64});
    b->y = tn_scalar_i64((int64_t)(seed >> 1));
    return b->x && b->y ? TN_OK : TN_ERR_USER;
}
TEST(sets_may_fill_whole_batches) {
    int64_t seen[2][10];
    tn_dataset *d = tn_data_custom(&(tn_dataset_fns){.len = hundred, .get_batch = whole_batch});
    for (int workers = 0; workers < 3; workers += 2) {
        tn_manual_seed(1);
        tn_loader *l = tn_data_loader(d, &(tn_loader_opts){.batch_size = 10, .workers = workers, .shuffle = true});
        int at = 0;
        for (tn_batch b; tn_loader_next(l, &b); at++) seen[workers / 2][at] = tn_item_i64(b.y) ^ tn_item_i64(tn_sum(tn_mul(b.x, b.x), NULL));
        CHECK(at == 10);
    }
    CHECK(memcmp(seen[0], seen[1], sizeof seen[0]) == 0 && seen[0][0] != seen[0][1]);
    tn_batch b;
    CHECK(tn_dataset_get(d, 7, &b) == TN_OK && tn_item_i64(b.x) == 7);
    CHECK_ERROR(tn_data_custom(&(tn_dataset_fns){.len = hundred}), TN_ERR_INVALID);
}
TEST(graphs_on_a_device) {
    const tn_device d = tn_device_best(), cpu = {0, 0};
    if (d.kind == TN_CPU) SKIP("no accelerator");
    for (int workers = 0; workers < 3; workers += 2) {
        tn_manual_seed(1);
        tn_loader *l = tn_data_loader(rings(20), &(tn_loader_opts){.batch_size = 4, .device = d, .workers = workers});
        int64_t seen = 0;
        for (tn_batch b; tn_loader_next(l, &b);) {
            TN_SCOPE;
            for (int i = 0; i < tn_dict_len(b.graph); i++) CHECK(tn_get_device(tn_dict_at(b.graph, i)).kind == d.kind);
            CHECK(tn_graph_validate(b.graph) == TN_OK && b.size == 4 && tn_graph_num_graphs(b.graph) == 4);
            CHECK(SAME1(tn_dict_get(b.graph, "y"), 4, seen, seen + 1, seen + 2, seen + 3));
            CHECK(SAME1(tn_dict_get(tn_graph_unbatch(b.graph, 1), "y"), 1, seen + 1));
            seen += b.size;
        }
        CHECK(seen == 20 && tn_loader_status(l) == TN_OK);
    }
    tn_graph *g[2];
    two_graphs(g);
    g[0] = tn_graph_to(g[0], d), g[1] = tn_graph_to(g[1], d);
    tn_graph *b = tn_graph_batch(g, 2), *one = tn_graph_unbatch(b, 1);
    CHECK(tn_get_device(tn_dict_get(b, "batch")).kind == d.kind && tn_get_device(tn_dict_get(one, "face")).kind == d.kind);
    CHECK(SAME(tn_dict_get(b, "face"), 3, 3, 0, 3, 4, 1, 4, 3, 2, 4, 4) && SAME(tn_dict_get(tn_graph_to(one, cpu), "face"), 3, 2, 0, 1, 1, 0, 1, 1));
}
/* Everything that is made here, with the nth allocation failing: an error, and nothing lost. */
static bool all_of_it(tn_graph *const *g, tn_graph *around) {
    TN_SCOPE;
    tn_batch b;
    tn_graph *joined = tn_graph_batch(g, 2), *one = tn_graph_unbatch(joined, 1);
    if (!one || tn_graph_num_nodes(one) != 2 || !tn_graph_to(joined, (tn_device){0, 0})) return false;
    if (!tn_loader_next(tn_data_loader(tn_data_graphs(g, 2), &(tn_loader_opts){.batch_size = 2}), &b)) return false;
    for (int k = 0; k < 2; k++)
        if (!tn_loader_next(tn_gnn_neighbor_loader(around, &(tn_gnn_neighbor_opts){.num_neighbors = (int[]){2, 40}, .n_hops = 2, .disjoint = k == 1}, &(tn_loader_opts){.batch_size = 3}), &b)) return false;
    return true;
}
TEST(out_of_memory) {
    tn_graph *g[2];
    two_graphs(g);
    tn_graph *around = tn_graph_new(floats(100, 2, 0), tn_randint(0, 100, (const int64_t[]){2, 6000}, 2, &(tn_tensor_opts){.dtype = TN_I64}));
    CHECK(all_of_it(g, around));
    tn_set_log(NULL, NULL);
    const int64_t before = tn_memory_stats().live_objects;
    int64_t n = 1;
    for (bool done = false; !done && n < 10000; n++) {
        tn_error_clear();
        tn_fault_alloc(n, false);
        done = all_of_it(g, around);
        tn_fault_alloc(0, false);
        if (!done) CHECK(tn_error_code() == TN_ERR_MEMORY);
    }
    tn_error_clear();
    CHECK(n > 100 && n < 10000);
    CHECK(tn_memory_stats().live_objects == before);
}
RUN_ALL
