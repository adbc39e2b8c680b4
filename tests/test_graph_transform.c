/* Transforms. Values are PyTorch Geometric's for the same two graphs, draws included. */
#define TENSOR_GRAPH_IMPLEMENTATION
#include "../ext/graph.h"
#include "tn_test.h"

/* Six nodes, one alone; directed, with a self-loop and an edge that is there twice. */
static tn_graph *directed(void) {
    tn_graph *g = tn_dict_new();
    (void)tn_dict_set(g, "x", tn_test_of("f32 [6, 2] 1 -1 0 2 3 1 2 2 0 0 5 1"));
    (void)tn_dict_set(g, "edge_index", tn_test_of("i64 [2, 7] 0 1 1 2 3 3 4 1 0 2 2 1 1 0"));
    (void)tn_dict_set(g, "edge_weight", tn_test_of("f32 [7] .5 1 2 4 1 3 2"));
    (void)tn_dict_set(g, "edge_attr", tn_test_of("f32 [7, 2] 0 0 1 -1 2 -2 3 -3 4 -4 5 -5 6 -6"));
    (void)tn_dict_set(g, "y", tn_test_of("i64 [6] 0 1 0 1 2 2"));
    (void)tn_dict_set(g, "pos", tn_test_of("f32 [6, 2] 0 0 1 0 1 1 3 0 0 2 -1 1"));
    return g;
}
static tn_graph *undirected(void) {
    tn_graph *g = tn_dict_new();
    const tn_gnn_edge_list e = tn_gnn_to_undirected(tn_test_of("i64 [2, 8] 0 0 1 1 2 3 3 4 1 2 2 3 3 4 5 5"), tn_test_of("f32 [8] 1 2 1 3 1 1 .5 2"), 6, TN_REDUCE_SUM);
    (void)tn_dict_set(g, "x", tn_test_of("f32 [6, 2] 1 -1 0 2 3 1 2 2 0 0 5 1"));
    (void)tn_dict_set(g, "edge_index", e.edge_index);
    (void)tn_dict_set(g, "edge_weight", e.edge_attr);
    return g;
}
static tn_graph *of(const char *edges, int64_t nodes) {
    tn_graph *g = tn_dict_new();
    (void)tn_dict_set(g, "edge_index", tn_test_of(edges));
    (void)tn_dict_set(g, "num_nodes", tn_scalar_i64(nodes));
    return g;
}
static tn_tensor *get(const tn_graph *g, const char *name) { return g ? tn_dict_get(g, name) : NULL; }
#define IS(g, name, text) CHECK_IS(get(g, name), text)

TEST(normalize_features) {
    IS(tn_graph_normalize_features(directed()), "x", "f32 [6, 2] 1 0 0.25 0.75 0.66666667 0.33333333 0.5 0.5 0.5 0.5 0.75 0.25");
    tn_graph *g = tn_dict_new();
    (void)tn_dict_set(g, "paper.x", tn_test_of("f32 [1, 2] 1 4"));
    (void)tn_dict_set(g, "author.x", tn_test_of("f32 [0, 2]"));
    tn_graph *n = tn_graph_normalize_features(g);
    IS(n, "paper.x", "f32 [1, 2] 0 1");
    CHECK(get(n, "author.x") == get(g, "author.x"));
    CHECK_ERROR(tn_graph_normalize_features(NULL), TN_ERR_INVALID);
}
TEST(what_does_not_change_is_shared) {
    tn_graph *g = directed(), *n = tn_graph_gcn_norm(g, false);
    CHECK(get(n, "x") == get(g, "x") && get(n, "edge_attr") == get(g, "edge_attr") && get(n, "edge_index") != get(g, "edge_index"));
    IS(g, "edge_weight", "f32 [7] .5 1 2 4 1 3 2");
}
TEST(self_loops) {
    tn_graph_self_loop_opts two = {2, NULL}, none = {TN_ZERO, "edge_attr"};
    tn_graph *g = tn_graph_add_self_loops(directed(), &two);
    IS(g, "edge_index", "i64 [2, 13] 0 1 1 2 3 3 4 0 1 2 3 4 5 1 0 2 2 1 1 0 0 1 2 3 4 5");
    IS(g, "edge_weight", "f32 [13] 0.5 1 2 4 1 3 2 2 2 2 2 2 2");
    IS(tn_graph_add_self_loops(directed(), &none), "edge_attr", "f32 [13, 2] 0 0 1 -1 2 -2 3 -3 4 -4 5 -5 6 -6 0 0 0 0 0 0 0 0 0 0 0 0");
    g = tn_graph_add_remaining_self_loops(directed(), NULL);
    IS(g, "edge_index", "i64 [2, 12] 0 1 1 3 3 4 0 1 2 3 4 5 1 0 2 1 1 0 0 1 2 3 4 5");
    IS(g, "edge_weight", "f32 [12] 0.5 1 2 1 3 2 1 1 4 1 1 1");
    g = tn_graph_remove_self_loops(directed());
    IS(g, "edge_index", "i64 [2, 6] 0 1 1 3 3 4 1 0 2 1 1 0");
    IS(g, "edge_weight", "f32 [6] 0.5 1 2 1 3 2");
    IS(g, "edge_attr", "f32 [6, 2] 0 0 1 -1 2 -2 4 -4 5 -5 6 -6");
    IS(tn_graph_add_self_loops(of("i64 [2, 0]", 2), NULL), "edge_index", "i64 [2, 2] 0 1 0 1");
    CHECK_ERROR(tn_graph_add_self_loops(tn_dict_new(), NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_graph_add_self_loops(of("i64 [2, 1] 0 2", 2), NULL), TN_ERR_INDEX);
    CHECK_ERROR(tn_graph_remove_self_loops(of("f32 [2, 1] 0 1", 2)), TN_ERR_DTYPE);
    CHECK_ERROR(tn_graph_remove_self_loops(of("i64 [3, 1] 0 1 1", 2)), TN_ERR_SHAPE);
}
TEST(to_undirected) {
    tn_graph *g = tn_graph_to_undirected(directed(), TN_REDUCE_SUM);
    IS(g, "edge_index", "i64 [2, 9] 0 0 1 1 1 2 2 3 4 1 4 0 2 3 1 2 1 0");
    IS(g, "edge_weight", "f32 [9] 1.5 2 1.5 2 4 2 8 4 2");
    IS(g, "edge_attr", "f32 [9, 2] 1 -1 6 -6 1 -1 2 -2 9 -9 2 -2 6 -6 9 -9 6 -6");
    CHECK(get(g, "y") != NULL);
    g = tn_dict_new();
    (void)tn_dict_set(g, "author.writes.paper.edge_index", tn_test_of("i64 [2, 2] 0 1 2 0"));
    (void)tn_dict_set(g, "author.writes.paper.edge_attr", tn_test_of("f32 [2, 1] 5 6"));
    (void)tn_dict_set(g, "paper.cites.paper.edge_index", tn_test_of("i64 [2, 1] 0 1"));
    (void)tn_dict_set(g, "paper.cites.paper.edge_weight", tn_test_of("f32 [1] 7"));
    (void)tn_dict_set(g, "paper.x", tn_test_of("f32 [3, 1] 1 2 3"));
    tn_graph *u = tn_graph_to_undirected(g, TN_REDUCE_SUM);
    IS(u, "paper.rev_writes.author.edge_index", "i64 [2, 2] 2 0 0 1");
    IS(u, "paper.rev_writes.author.edge_attr", "f32 [2, 1] 5 6");
    IS(u, "paper.cites.paper.edge_index", "i64 [2, 2] 0 1 1 0");
    IS(u, "paper.cites.paper.edge_weight", "f32 [2] 7 7");
    CHECK(tn_dict_len(u) == 7);
    (void)tn_dict_set(g, "strange.edge_index", tn_test_of("i64 [2, 1] 0 1"));
    CHECK_ERROR(tn_graph_to_undirected(g, TN_REDUCE_SUM), TN_ERR_INVALID);
}
TEST(gcn_norm) {
    tn_graph *g = tn_graph_gcn_norm(directed(), false);
    IS(g, "edge_index", "i64 [2, 12] 0 1 1 3 3 4 0 1 2 3 4 5 1 0 2 1 1 0 0 1 2 3 4 5");
    IS(g, "edge_weight", "f32 [12] 0.1066004 0.2132007 0.3481553 0.4264014 1.279204 1 0.25 0.1818182 0.6666666 1 1 1");
    IS(tn_graph_gcn_norm(directed(), true), "edge_weight", "f32 [7] 0.1360828 0.2721655 0.3849002 0.6666666 0 0 0");
}
TEST(subgraph) {
    tn_graph *g = tn_graph_subgraph(directed(), tn_test_of("i64 [3] 3 1 2"));
    IS(g, "edge_index", "i64 [2, 4] 1 2 0 0 2 2 1 1");
    IS(g, "edge_weight", "f32 [4] 2 4 1 3");
    IS(g, "edge_attr", "f32 [4, 2] 2 -2 3 -3 4 -4 5 -5");
    IS(g, "x", "f32 [3, 2] 2 2 0 2 3 1");
    IS(g, "y", "i64 [3] 1 1 0");
    IS(tn_graph_subgraph(directed(), tn_test_of("bool [6] 1 0 0 0 1 1")), "edge_index", "i64 [2, 1] 1 0");
    IS(tn_graph_subgraph(of("i64 [2, 1] 0 1", 3), tn_test_of("i64 [0]")), "num_nodes", "i64 [] 0");
    CHECK_ERROR(tn_graph_subgraph(directed(), tn_test_of("i64 [1] 6")), TN_ERR_INDEX);
    CHECK_ERROR(tn_graph_subgraph(directed(), tn_test_of("bool [5] 1 0 0 0 1")), TN_ERR_SHAPE);
    CHECK_ERROR(tn_graph_subgraph(directed(), NULL), TN_ERR_INVALID);
}
TEST(what_is_not_needed_goes) {
    tn_graph *g = tn_graph_remove_duplicated_edges(directed(), TN_REDUCE_SUM);
    IS(g, "edge_index", "i64 [2, 6] 0 1 1 2 3 4 1 0 2 2 1 0");
    IS(g, "edge_weight", "f32 [6] .5 1 2 4 4 2");
    g = tn_graph_remove_isolated_nodes(directed());
    IS(g, "x", "f32 [5, 2] 1 -1 0 2 3 1 2 2 0 0");
    IS(g, "edge_index", "i64 [2, 7] 0 1 1 2 3 3 4 1 0 2 2 1 1 0");
    g = tn_graph_remove_isolated_nodes(of("i64 [2, 2] 1 4 1 3", 6));
    IS(g, "edge_index", "i64 [2, 2] 0 2 0 1");
    IS(g, "num_nodes", "i64 [] 3");
    CHECK_ERROR(tn_graph_remove_isolated_nodes(NULL), TN_ERR_INVALID);
}

/* -- splits -- */

TEST(node_split) {
    CPU_DRAWS;
    tn_graph_node_split_opts o;
    memset(&o, 0, sizeof o);
    o.num_val = 2;
    o.num_test = 1;
    tn_manual_seed(7);
    tn_graph *g = tn_graph_random_node_split(directed(), &o);
    IS(g, "train_mask", "bool [6] 0 0 1 0 1 1");
    IS(g, "val_mask", "bool [6] 1 0 0 1 0 0");
    IS(g, "test_mask", "bool [6] 0 1 0 0 0 0");
    o.num_val = 0.3;
    o.num_test = 0.4;
    o.num_splits = 2;
    o.generator = tn_generator_new(7);
    g = tn_graph_random_node_split(directed(), &o);
    IS(g, "train_mask", "bool [6, 2] 0 0 0 1 1 1 0 0 1 0 0 0");
    IS(g, "val_mask", "bool [6, 2] 1 1 0 0 0 0 1 1 0 0 0 0");
    IS(g, "test_mask", "bool [6, 2] 0 0 1 0 0 0 0 0 0 1 1 1");
    memset(&o, 0, sizeof o);
    o.split = TN_GRAPH_RANDOM;
    o.num_train_per_class = 1;
    o.num_val = o.num_test = 1;
    tn_manual_seed(7);
    g = tn_graph_random_node_split(directed(), &o);
    IS(g, "train_mask", "bool [6] 0 1 1 0 0 1");
    IS(g, "val_mask", "bool [6] 0 0 0 0 1 0");
    IS(g, "test_mask", "bool [6] 1 0 0 0 0 0");
    o.split = TN_GRAPH_TEST_REST;
    tn_manual_seed(7);
    IS(tn_graph_random_node_split(directed(), &o), "test_mask", "bool [6] 1 0 0 1 0 0");
    IS(tn_graph_random_node_split(directed(), NULL), "val_mask", "bool [6] 1 1 1 1 1 1");
    CHECK_ERROR(tn_graph_random_node_split(of("i64 [2, 0]", 3), &o), TN_ERR_INVALID);
    o.num_val = -1;
    CHECK_ERROR(tn_graph_random_node_split(directed(), &o), TN_ERR_INVALID);
}
static bool is_edge(tn_graph *g, int64_t a, int64_t b) {
    tn_tensor *e = get(g, "edge_index");
    const int64_t *row = (const int64_t *)tn_test_values(e), n = tn_size(e, 1);
    for (int64_t i = 0; i < n; i++)
        if (row[i] == a && row[n + i] == b) return true;
    return false;
}
TEST(link_split) {
    CPU_DRAWS;
    tn_graph_link_split_opts o;
    memset(&o, 0, sizeof o);
    o.num_val = o.num_test = 0.2;
    o.no_negative_train_samples = true;
    tn_manual_seed(7);
    tn_graph_link_split s = tn_graph_random_link_split(directed(), &o);
    IS(s.train, "edge_index", "i64 [2, 5] 3 0 2 1 1 1 1 2 0 2");
    IS(s.train, "edge_weight", "f32 [5] 3 0.5 4 1 2");
    IS(s.train, "edge_label", "f32 [5] 1 1 1 1 1");
    IS(s.train, "edge_label_index", "i64 [2, 5] 3 0 2 1 1 1 1 2 0 2");
    IS(s.val, "edge_attr", "f32 [5, 2] 5 -5 0 0 3 -3 1 -1 2 -2");
    IS(s.val, "edge_label", "f32 [2] 1 0");
    CHECK_IS(tn_narrow(get(s.val, "edge_label_index"), 1, 0, 1), "i64 [2, 1] 4 0");
    IS(s.test, "edge_index", "i64 [2, 6] 3 0 2 1 1 4 1 1 2 0 2 0");
    IS(s.test, "edge_label", "f32 [2] 1 0");
    CHECK_IS(tn_narrow(get(s.test, "edge_label_index"), 1, 0, 1), "i64 [2, 1] 3 1");
    memset(&o, 0, sizeof o);
    o.num_val = 2;
    o.num_test = 1;
    o.is_undirected = true;
    o.disjoint_train_ratio = 0.4;
    o.neg_sampling_ratio = TN_ZERO;
    tn_manual_seed(7);
    s = tn_graph_random_link_split(undirected(), &o);
    IS(s.train, "edge_index", "i64 [2, 6] 1 2 0 3 3 2 3 3 2 1 2 0");
    IS(s.train, "edge_weight", "f32 [6] 3 1 2 3 1 2");
    IS(s.train, "edge_label", "f32 [2] 1 1");
    IS(s.train, "edge_label_index", "i64 [2, 2] 4 0 5 1");
    IS(s.val, "edge_index", "i64 [2, 10] 4 0 1 2 0 5 1 3 3 2 5 1 3 3 2 4 0 1 2 0");
    IS(s.val, "edge_label_index", "i64 [2, 2] 3 1 4 2");
    IS(s.test, "edge_weight", "f32 [14] 2 1 3 1 2 1 1 2 1 3 1 2 1 1");
    IS(s.test, "edge_label_index", "i64 [2, 1] 3 5");
    o.num_val = 20;
    CHECK_ERROR(tn_graph_random_link_split(undirected(), &o), TN_ERR_INVALID);
    CHECK(tn_graph_random_link_split(tn_dict_new(), NULL).train == NULL);
    tn_error_clear();
}
TEST(link_labels) {
    tn_graph_link_split_opts o;
    tn_graph *g = directed();
    (void)tn_dict_set(g, "edge_label", tn_test_of("i64 [7] 0 1 0 1 0 1 0"));
    memset(&o, 0, sizeof o);
    o.split_labels = true;
    o.num_val = 2;
    o.num_test = TN_ZERO;
    o.neg_sampling_ratio = 1.5;
    o.generator = tn_generator_new(2);
    tn_graph_link_split s = tn_graph_random_link_split(g, &o);
    CHECK(!get(s.val, "edge_label"));
    CHECK(tn_numel(get(s.val, "pos_edge_label")) == 2 && tn_item(tn_min(get(s.train, "pos_edge_label"))) == 1 && tn_item(tn_max(get(s.train, "pos_edge_label"))) == 2);
    IS(s.val, "neg_edge_label", "i64 [3] 0 0 0");
    CHECK(tn_size(get(s.train, "neg_edge_label_index"), 1) == 7);
    CHECK(tn_numel(get(s.test, "pos_edge_label")) == 0 && !get(s.test, "neg_edge_label"));
    (void)tn_dict_set(g, "edge_label", tn_test_of("f32 [7] 0 1 0 1 0 1 0"));
    CHECK_ERROR(tn_graph_random_link_split(g, &o), TN_ERR_DTYPE);
}
static tn_graph *library(void) {
    static const char *const entries[][2] = {
        {"author.x", "f32 [4, 1] 0 0 0 0"}, {"paper.x", "f32 [6, 1] 0 0 0 0 0 0"}, {"paper.y", "i64 [6] 0 1 0 1 2 2"}, {"venue.x", "f32 [3, 1] 0 0 0"},
        {"venue.y", "i64 [3] 0 0 1"}, {"author.writes.paper.edge_index", "i64 [2, 8] 0 0 1 1 2 2 3 3 0 1 1 2 3 5 4 0"},
        {"author.writes.paper.edge_attr", "f32 [8] 0 1 2 3 4 5 6 7"}, {"author.writes.paper.time", "i64 [3] 0 1 2"},
        {"paper.rev_writes.author.edge_index", "i64 [2, 8] 0 1 1 2 3 5 4 0 0 0 1 1 2 2 3 3"}, {"paper.rev_writes.author.edge_attr", "f32 [8] 0 1 2 3 4 5 6 7"},
        {"paper.rev_writes.author.old", "i64 [8] 0 1 2 3 4 5 6 7"}, {"author.knows.author.edge_index", "i64 [2, 8] 0 1 1 2 2 3 0 3 1 0 2 1 3 2 3 0"},
        {"author.knows.author.edge_weight", "f32 [8] 1 1 2 2 3 3 4 4"}};
    tn_graph *g = tn_dict_new();
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) (void)tn_dict_set(g, entries[i][0], tn_test_of(entries[i][1]));
    return g;
}
TEST(node_split_of_kinds) {
    CPU_DRAWS;
    tn_graph_node_split_opts o = {.num_val = 2, .num_test = 0.34};
    tn_manual_seed(3);
    tn_graph *g = tn_graph_random_node_split(library(), &o);
    IS(g, "paper.train_mask", "bool [6] 0 1 0 0 0 1");
    IS(g, "paper.val_mask", "bool [6] 1 0 0 0 1 0");
    IS(g, "paper.test_mask", "bool [6] 0 0 1 1 0 0");
    IS(g, "venue.val_mask", "bool [3] 1 1 0");
    IS(g, "venue.test_mask", "bool [3] 0 0 1");
    CHECK(!get(g, "author.train_mask") && !get(g, "train_mask"));
    tn_manual_seed(3);
    g = tn_graph_random_node_split(library(), &(tn_graph_node_split_opts){.split = TN_GRAPH_RANDOM, .num_train_per_class = 1, .num_val = 1, .num_test = 1});
    IS(g, "paper.train_mask", "bool [6] 1 1 0 0 0 1");
    IS(g, "paper.test_mask", "bool [6] 0 0 0 1 0 0");
    IS(g, "venue.train_mask", "bool [3] 1 0 1");
    IS(g, "venue.val_mask", "bool [3] 0 1 0");
    o.no_key = true;
    CHECK(get(tn_graph_random_node_split(library(), &o), "author.train_mask") != NULL);
    o.no_key = false, o.key = "edge_attr"; /* of no nodes */
    g = tn_graph_random_node_split(library(), &o);
    CHECK(g && tn_dict_len(g) == tn_dict_len(library()));
    o.no_key = true, o.split = TN_GRAPH_RANDOM;
    CHECK_ERROR(tn_graph_random_node_split(library(), &o), TN_ERR_INVALID);
    g = library();
    (void)tn_dict_set(g, "paper.y", tn_test_of("i64 [2] 0 1"));
    CHECK_ERROR(tn_graph_random_node_split(g, &(tn_graph_node_split_opts){.split = TN_GRAPH_RANDOM}), TN_ERR_SHAPE);
}
TEST(link_split_of_kinds) {
    CPU_DRAWS;
    const char *types[] = {"author.writes.paper", "author.knows.author"}, *back[] = {"paper.rev_writes.author", NULL};
    tn_graph_link_split_opts o = {.num_val = 0.25, .num_test = 0.25, .neg_sampling_ratio = TN_ZERO, .edge_types = types, .rev_edge_types = back, .n_edge_types = 1};
    tn_manual_seed(3);
    tn_graph_link_split s = tn_graph_random_link_split(library(), &o);
    IS(s.train, "author.writes.paper.edge_index", "i64 [2, 4] 1 2 1 2 1 3 2 5");
    IS(s.train, "author.writes.paper.edge_attr", "f32 [4] 2 4 3 5");
    IS(s.train, "author.writes.paper.time", "i64 [3] 0 1 2");
    IS(s.train, "author.writes.paper.edge_label", "f32 [4] 1 1 1 1");
    IS(s.train, "paper.rev_writes.author.edge_index", "i64 [2, 4] 1 3 2 5 1 2 1 2");
    IS(s.train, "paper.rev_writes.author.edge_attr", "f32 [4] 2 4 3 5");
    CHECK(!get(s.train, "paper.rev_writes.author.old") && !get(s.train, "author.knows.author.edge_label"));
    IS(s.val, "author.writes.paper.edge_index", "i64 [2, 4] 1 2 1 2 1 3 2 5");
    IS(s.val, "author.writes.paper.edge_label_index", "i64 [2, 2] 0 0 1 0");
    IS(s.test, "paper.rev_writes.author.edge_index", "i64 [2, 6] 1 3 2 5 1 0 1 2 1 2 0 0");
    IS(s.test, "author.writes.paper.edge_label_index", "i64 [2, 2] 3 3 4 0");
    o = (tn_graph_link_split_opts){.num_val = 1, .num_test = 1, .is_undirected = true, .no_negative_train_samples = true, .disjoint_train_ratio = 0.4,
                                   .edge_types = types, .rev_edge_types = back, .n_edge_types = 2};
    tn_manual_seed(3);
    s = tn_graph_random_link_split(library(), &o);
    IS(s.train, "author.writes.paper.edge_index", "i64 [2, 4] 1 2 0 0 2 5 1 0");
    IS(s.train, "author.writes.paper.edge_label_index", "i64 [2, 2] 1 2 1 3");
    IS(s.train, "author.knows.author.edge_index", "i64 [2, 4] 1 2 2 3 2 3 1 2");
    IS(s.train, "author.knows.author.edge_weight", "f32 [4] 2 3 2 3");
    IS(s.train, "author.knows.author.edge_label_index", "i64 [2, 2] 1 2 2 3");
    IS(s.test, "paper.rev_writes.author.edge_attr", "f32 [7] 2 4 3 5 1 0 6");
    IS(s.test, "author.knows.author.edge_index", "i64 [2, 6] 1 2 0 2 3 3 2 3 3 1 2 0");
    IS(s.test, "author.knows.author.edge_label", "f32 [2] 1 0");
    CHECK_IS(tn_narrow(get(s.test, "author.knows.author.edge_label_index"), 1, 0, 1), "i64 [2, 1] 0 1");
    types[0] = back[0] = "author.knows.author";
    o = (tn_graph_link_split_opts){.num_val = 1, .num_test = 1, .is_undirected = true, .neg_sampling_ratio = TN_ZERO, .edge_types = types, .rev_edge_types = back, .n_edge_types = 1};
    tn_manual_seed(3);
    s = tn_graph_random_link_split(library(), &o);
    IS(s.train, "author.knows.author.edge_index", "i64 [2, 4] 3 3 2 0 2 0 3 3");
    IS(s.test, "author.knows.author.edge_weight", "f32 [6] 3 4 2 3 4 2");
}
/* Negatives between two kinds: no edge, each once, and as many as there are. */
TEST(link_split_of_kinds_negatives) {
    const char *types[] = {"author.writes.paper"};
    tn_graph_link_split_opts o = {.num_val = 2, .num_test = 2, .neg_sampling_ratio = 2, .split_labels = true, .edge_types = types, .n_edge_types = 1};
    tn_graph *g = library();
    for (int round = 0; round < 20; round++) {
        tn_graph_link_split s = tn_graph_random_link_split(g, &o);
        tn_graph *part[] = {s.train, s.val, s.test};
        bool there[4][6] = {{false}};
        const int64_t *e = (const int64_t *)tn_test_values(get(g, "author.writes.paper.edge_index"));
        for (int i = 0; i < 8; i++) there[e[i]][e[8 + i]] = true;
        for (int i = 0; i < 3; i++) {
            tn_tensor *neg = get(part[i], "author.writes.paper.neg_edge_label_index");
            const int64_t *v = (const int64_t *)tn_test_values(neg), n = tn_size(neg, 1);
            CHECK(n == (i ? 4 : 8) && tn_numel(get(part[i], "author.writes.paper.neg_edge_label")) == n);
            for (int64_t j = 0; j < n; j++) {
                CHECK(v[j] >= 0 && v[j] < 4 && v[n + j] >= 0 && v[n + j] < 6 && !there[v[j]][v[n + j]]);
                there[v[j]][v[n + j]] = true;
            }
        }
    }
    o.neg_sampling_ratio = 10; /* 16 pairs are free, 80 are asked for */
    tn_graph_link_split s = tn_graph_random_link_split(g, &o);
    CHECK(tn_numel(get(s.train, "author.writes.paper.neg_edge_label")) == 8 && tn_numel(get(s.val, "author.writes.paper.neg_edge_label")) == 4);
    CHECK(tn_numel(get(s.test, "author.writes.paper.neg_edge_label")) == 4);
}
TEST(link_split_of_kinds_errors) {
    const char *types[] = {"author.writes.paper"}, *back[] = {"paper.none.author"};
    tn_graph_link_split_opts o = {.edge_types = types, .rev_edge_types = back, .n_edge_types = 1};
    CHECK_ERROR(tn_graph_random_link_split(library(), &o), TN_ERR_INVALID);
    o.rev_edge_types = NULL, types[0] = "author.paper";
    CHECK_ERROR(tn_graph_random_link_split(library(), &o), TN_ERR_INVALID);
    types[0] = "author.reads.paper";
    CHECK_ERROR(tn_graph_random_link_split(library(), &o), TN_ERR_INVALID);
    types[0] = NULL;
    CHECK_ERROR(tn_graph_random_link_split(library(), &o), TN_ERR_INVALID);
    o.edge_types = NULL;
    CHECK_ERROR(tn_graph_random_link_split(library(), &o), TN_ERR_INVALID);
    CHECK_ERROR(tn_graph_random_link_split(library(), NULL), TN_ERR_INVALID);
    tn_graph *g = library();
    types[0] = "author.writes.paper", o.edge_types = types;
    (void)tn_dict_set(g, "author.x", tn_test_of("f32 [2, 1] 0 0"));
    CHECK_ERROR(tn_graph_random_link_split(g, &o), TN_ERR_INDEX);
}
/* Distinct, no loops, no edges; returns how many. */
static int64_t free_pairs(tn_graph *g, tn_tensor *pairs) {
    const int64_t n = tn_size(pairs, 1), *row = (const int64_t *)tn_test_values(pairs), *col = row + n;
    for (int64_t i = 0; i < n; i++) {
        if (row[i] == col[i] || is_edge(g, row[i], col[i])) return -1;
        for (int64_t j = 0; j < i; j++)
            if (row[i] == row[j] && col[i] == col[j]) return -1;
    }
    return n;
}
TEST(negatives_are_pairs_without_an_edge) {
    HOST_ONLY;
    tn_gnn_dropout_edge_opts o = {false, tn_generator_new(3)};
    for (int64_t n = 8; n <= 300; n += 292) { /* nearly all pairs, and few of many */
        tn_graph *g = of("i64 [2, 7] 0 1 1 2 3 3 4 1 0 2 2 1 1 0", n);
        tn_graph__edges e;
        CHECK(tn_graph__edges_read("test", get(g, "edge_index"), n, &e));
        for (int64_t wanted = 3; wanted < 300; wanted *= 5) {
            tn_graph__list row = {NULL, 0, 0, false}, col = {NULL, 0, 0, false};
            CHECK(tn_graph__negatives("test", &e, wanted, true, o.generator, &row, &col));
            const int64_t all = n * (n - 1) - 5;
            CHECK(free_pairs(g, tn_graph__pairs(row.at, col.at, row.n)) == (wanted < all ? wanted : all));
            free(row.at);
            free(col.at);
        }
    }
    tn_graph *g = of("i64 [2, 2] 0 1 1 0", 4), *ring = of("i64 [2, 8] 0 1 2 3 1 2 3 0 1 2 3 0 0 1 2 3", 4);
    o.force_undirected = true;
    tn_gnn_added_edges r = tn_gnn_add_random_edge(get(ring, "edge_index"), 1, 4, true, &o);
    CHECK(tn_gnn_is_undirected(r.edge_index, NULL, 4) && free_pairs(ring, r.added) == 4 && tn_size(r.edge_index, 1) == 12);
    CHECK(tn_size(tn_gnn_add_random_edge(get(g, "edge_index"), 1, 4, false, &o).added, 1) == 0);
    CHECK_ERROR(tn_gnn_add_random_edge(get(g, "edge_index"), -1, 4, true, &o), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_add_random_edge(get(g, "edge_index"), 1.5, 4, true, &o), TN_ERR_INVALID);
    int count[4][4] = {{0}};
    o.force_undirected = false;
    for (int k = 0; k < 1000; k++) {
        tn_scope s = tn_scope_open();
        const int64_t *v = (const int64_t *)tn_test_values(tn_gnn_add_random_edge(get(g, "edge_index"), 1, 4, true, &o).added);
        count[v[0]][v[2]]++, count[v[1]][v[3]]++;
        tn_scope_close(&s);
    }
    for (int a = 0; a < 4; a++)
        for (int b = 0; b < 4; b++) CHECK_NEAR(count[a][b], a == b || is_edge(g, a, b) ? 0 : 200, 65); /* 13 the deviation */
}

/* -- columns -- */

TEST(columns_of_x) {
    IS(tn_graph_local_degree_profile(directed()), "x",
       "f32 [6, 7] 1 -1 1 2 2 2 0 0 2 2 1 1 1 0 3 1 1 1 1 1 0 2 2 2 2 2 2 0 0 0 1 1 1 1 0 5 1 0 0 0 0 0");
    IS(tn_graph_local_degree_profile(of("i64 [2, 5] 0 0 0 1 2 1 2 3 0 3", 4)), "x", "f32 [4, 5] 3 0 1 0.6666667 0.4714045 1 3 3 3 0 1 0 0 0 0 0 0 0 0 0");
    CHECK_ERROR(tn_graph_constant(tn_dict_new(), NULL), TN_ERR_SHAPE);
    tn_graph_constant_opts two = {2, false}, zero = {TN_ZERO, true};
    IS(tn_graph_constant(directed(), &two), "x", "f32 [6, 3] 1 -1 2 0 2 2 3 1 2 2 2 2 0 0 2 5 1 2");
    IS(tn_graph_constant(directed(), &zero), "x", "f32 [6, 1] 0 0 0 0 0 0");
    IS(tn_graph_constant(of("i64 [2, 0]", 2), NULL), "x", "f32 [2, 1] 1 1");
    IS(tn_graph_one_hot_degree(directed(), 3, NULL), "x", "f32 [6, 6] 1 -1 0 1 0 0 0 2 0 0 1 0 3 1 0 1 0 0 2 2 0 0 1 0 0 0 0 1 0 0 5 1 1 0 0 0");
    tn_graph_degree_opts in = {true, true};
    IS(tn_graph_one_hot_degree(directed(), 4, &in), "x", "f32 [6, 5] 0 0 1 0 0 0 0 0 1 0 0 0 1 0 0 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0");
    CHECK_ERROR(tn_graph_one_hot_degree(directed(), 1, NULL), TN_ERR_INDEX);
    CHECK_ERROR(tn_graph_one_hot_degree(directed(), -1, NULL), TN_ERR_INVALID);
}
TEST(columns_of_edge_attr) {
    tn_graph_pseudo_opts raw = {true, true, 0, 0, 0}, two = {false, true, 2, 0, 0}, around = {false, true, 2, -1, 1}, one_three = {false, true, 0, 1, 3};
    IS(tn_graph_target_indegree(directed(), NULL), "edge_attr",
       "f32 [7, 3] 0 0 1 1 -1 0.6666667 2 -2 0.6666667 3 -3 0.6666667 4 -4 1 5 -5 1 6 -6 0.6666667");
    IS(tn_graph_target_indegree(directed(), &raw), "edge_attr", "f32 [7, 1] 3 2 2 2 3 3 2");
    IS(tn_graph_target_indegree(directed(), &two), "edge_attr", "f32 [7, 1] 1.5 1 1 1 1.5 1.5 1");
    IS(tn_graph_cartesian(directed(), NULL), "edge_attr", "f32 [7, 4] 0 0 0.25 0.5 1 -1 0.75 0.5 2 -2 0.5 0.25 3 -3 0.5 0.5 4 -4 1 0.5 5 -5 1 0.5 6 -6 0.5 1");
    IS(tn_graph_cartesian(directed(), &raw), "edge_attr", "f32 [7, 2] -1 0 1 0 0 -1 0 0 2 0 2 0 0 2");
    IS(tn_graph_cartesian(directed(), &around), "edge_attr", "f32 [7, 2] -0.5 0 0.5 0 0 -0.5 0 0 1 0 1 0 0 1");
    IS(tn_graph_distance(directed(), NULL), "edge_attr", "f32 [7, 3] 0 0 0.5 1 -1 0.5 2 -2 0.5 3 -3 0 4 -4 1 5 -5 1 6 -6 1");
    IS(tn_graph_distance(directed(), &raw), "edge_attr", "f32 [7, 1] 1 1 1 0 2 2 2");
    IS(tn_graph_distance(directed(), &one_three), "edge_attr", "f32 [7, 1] 2 2 2 1 3 3 3");
    CHECK_ERROR(tn_graph_distance(undirected(), NULL), TN_ERR_INVALID);
    tn_graph *g = directed();
    tn_tensor *pos = tn_requires_grad_(get(g, "pos"), true);
    CHECK(tn_backward(tn_sum(get(tn_graph_cartesian(g, &raw), "edge_attr"), NULL)) == TN_OK);
    CHECK_IS(tn_grad(pos), "f32 [6, 2] -1 -1 -1 -1 -1 -1 2 2 1 1 0 0");
}

/* -- edges -- */

TEST(space_graphs) {
    tn_graph *g = tn_dict_new();
    (void)tn_dict_set(g, "pos", tn_test_of("f32 [5, 1] 0 1 3 10 11"));
    (void)tn_dict_set(g, "batch", tn_test_of("i64 [5] 0 0 0 1 1"));
    (void)tn_dict_set(g, "edge_attr", tn_test_of("f32 [1] 0"));
    tn_graph *k = tn_graph_knn_graph(g, 1, false, NULL);
    IS(k, "edge_index", "i64 [2, 5] 1 0 1 4 3 0 1 2 3 4");
    CHECK(!get(k, "edge_attr"));
    IS(tn_graph_knn_graph(g, 1, true, NULL), "edge_index", "i64 [2, 6] 0 1 1 2 3 4 1 0 2 1 4 3");
    IS(tn_graph_radius_graph(g, 1.5, NULL), "edge_index", "i64 [2, 4] 1 0 4 3 0 1 3 4");
    CHECK_ERROR(tn_graph_knn_graph(undirected(), 1, false, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_graph_radius_graph(g, -1, NULL), TN_ERR_INVALID);
}
TEST(line_graph) {
    tn_graph *g = tn_graph_line_graph(directed(), false);
    IS(g, "edge_index", "i64 [2, 8] 0 0 1 2 3 4 4 5 1 2 0 3 3 1 2 0");
    IS(g, "x", "f32 [6, 2] 0 0 1 -1 2 -2 3 -3 9 -9 6 -6");
    CHECK_NEAR(tn_item(get(g, "num_nodes")), 6, 0);
    g = undirected();
    const int64_t column[2] = {-1, 1};
    (void)tn_dict_set(g, "edge_attr", tn_reshape(get(g, "edge_weight"), column, 2));
    tn_graph *line = tn_graph_line_graph(g, false);
    IS(line, "edge_index", "i64 [2, 30] 0 0 0 1 1 1 2 2 2 2 3 3 3 3 3 4 4 4 4 4 5 5 5 5 6 6 6 6 7 7 1 2 3 0 2 4 0 1 3 4 0 2 4 5 6 1 2 3 5 6 3 4 6 7 3 4 5 7 5 6");
    IS(line, "x", "f32 [8, 1] 2 4 2 6 2 2 1 4");
    CHECK_NEAR(tn_item(get(line, "num_nodes")), 8, 0);
    CHECK(!get(line, "edge_weight") && !get(line, "edge_attr"));
    CHECK_NEAR(tn_item(get(tn_graph_line_graph(g, true), "num_nodes")), 16, 0);
    CHECK(tn_size(get(tn_graph_line_graph(of("i64 [2, 0]", 3), false), "edge_index"), 1) == 0);
}
TEST(virtual_node) {
    tn_graph *g = tn_graph_virtual_node(directed());
    IS(g, "edge_index", "i64 [2, 19] 0 1 1 2 3 3 4 0 1 2 3 4 5 6 6 6 6 6 6 1 0 2 2 1 1 0 6 6 6 6 6 6 0 1 2 3 4 5");
    IS(g, "edge_weight", "f32 [19] 0.5 1 2 4 1 3 2 1 1 1 1 1 1 1 1 1 1 1 1");
    IS(g, "edge_attr", "f32 [19, 2] 0 0 1 -1 2 -2 3 -3 4 -4 5 -5 6 -6 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0");
    IS(g, "edge_type", "i64 [19] 0 0 0 0 0 0 0 1 1 1 1 1 1 2 2 2 2 2 2");
    IS(g, "x", "f32 [7, 2] 1 -1 0 2 3 1 2 2 0 0 5 1 0 0");
    IS(g, "y", "i64 [7] 0 1 0 1 2 2 0");
    IS(tn_graph_virtual_node(of("i64 [2, 0]", 1)), "num_nodes", "i64 [] 2");
}
TEST(two_hop) {
    tn_graph *g = tn_graph_two_hop(directed());
    IS(g, "edge_index", "i64 [2, 10] 0 0 1 1 2 3 3 3 4 4 1 2 0 2 2 0 1 2 0 1");
    IS(g, "edge_attr", "f32 [10, 2] 0 0 0 0 1 -1 2 -2 3 -3 0 0 9 -9 0 0 6 -6 0 0");
    IS(g, "edge_weight", "f32 [10] 0.5 0 1 2 4 0 4 0 2 0");
}
TEST(components) {
    tn_graph *g = tn_graph_largest_connected_components(directed(), NULL);
    IS(g, "x", "f32 [5, 2] 1 -1 0 2 3 1 2 2 0 0");
    IS(g, "edge_index", "i64 [2, 7] 0 1 1 2 3 3 4 1 0 2 2 1 1 0");
    tn_graph_components_opts strong = {1, true}, two = {2, false};
    g = tn_graph_largest_connected_components(directed(), &strong);
    IS(g, "edge_index", "i64 [2, 2] 0 1 1 0");
    IS(g, "y", "i64 [2] 0 1");
    g = of("i64 [2, 8] 0 1 2 3 4 5 6 3 1 2 0 4 5 3 3 7", 8); /* two rings, one fed by 6, one feeding 7 */
    IS(tn_graph_largest_connected_components(g, &strong), "num_nodes", "i64 [] 3");
    strong.num_components = 2;
    IS(tn_graph_largest_connected_components(g, &strong), "edge_index", "i64 [2, 6] 0 1 2 3 4 5 1 2 0 4 5 3");
    IS(tn_graph_largest_connected_components(of("i64 [2, 3] 0 2 4 1 3 5", 7), &two), "num_nodes", "i64 [] 4");
    IS(tn_graph_largest_connected_components(of("i64 [2, 0]", 0), NULL), "num_nodes", "i64 [] 0");
    two.num_components = -1;
    CHECK_ERROR(tn_graph_largest_connected_components(g, &two), TN_ERR_INVALID);
}

/* -- diffusion and positions -- */

TEST(sign) {
    tn_graph *g = tn_graph_sign(undirected(), 2);
    IS(g, "x1", "f32 [6, 2] 1.732051 1.093748 2.073174 1.109563 1.003752 0.2962648 1.313802 1.492196 4.143849 1.222663 0.2696799 0.2696799");
    IS(g, "x2", "f32 [6, 2] 1.114808 0.4575365 1.423256 1.202303 1.743679 1.197719 2.456526 1.035282 0.520382 0.5642996 3.203393 1.094114");
    CHECK_ERROR(tn_graph_sign(of("i64 [2, 0]", 1), 2), TN_ERR_INVALID);
}
TEST(gdc) {
    static const double coeffs[] = {0.5, 0.25, 0.125};
    tn_graph *g = undirected(), *d;
    tn_graph_gdc_opts o;
    memset(&o, 0, sizeof o);
    (void)tn_dict_set(g, "edge_attr", get(g, "edge_weight"));
    o.topk = 2;
    d = tn_graph_gdc(g, &o);
    IS(d, "edge_index", "i64 [2, 12] 0 0 1 1 2 2 3 3 4 4 5 5 0 2 1 3 0 2 1 3 4 5 4 5");
    IS(d, "edge_attr", "f32 [12] 0.6169738 0.3747225 0.6117491 0.3877349 0.3830262 0.6252775 0.3882509 0.6122651 0.6064708 0.3955672 0.3935292 0.6044327");
    o.topk = 0;
    o.norm_in = o.norm_out = TN_GRAPH_NORM_ROW;
    o.method = TN_GRAPH_HEAT;
    o.t = 3;
    o.eps = 0.1;
    d = tn_graph_gdc(g, &o);
    IS(d, "edge_index", "i64 [2, 25] 0 0 0 0 1 1 1 1 2 2 2 2 3 3 3 3 3 3 4 4 4 4 5 5 5 0 1 2 3 0 1 2 3 0 1 2 3 0 1 2 3 4 5 1 3 4 5 3 4 5");
    IS(d, "edge_attr", "f32 [25] 0.2869998 0.2400369 0.2910261 0.1819372 0.1726837 0.3201967 0.2153577 0.2917619 0.2388125 0.2456474 0.3016736 0.2138666 0.106215 0.2367662"
                       " 0.1521536 0.2764351 0.1256285 0.1028015 0.1124687 0.2228499 0.3556409 0.3090405 0.2271515 0.3849524 0.3878961");
    memset(&o, 0, sizeof o);
    o.self_loop_weight = TN_ZERO;
    o.norm_in = o.norm_out = TN_GRAPH_NORM_NONE;
    o.method = TN_GRAPH_COEFF;
    o.coeffs = coeffs;
    o.n_coeffs = 3;
    o.avg_degree = 2;
    d = tn_graph_gdc(g, &o);
    IS(d, "edge_index", "i64 [2, 16] 0 0 0 1 1 1 2 2 2 2 3 3 3 3 4 5 0 2 3 1 2 3 0 1 2 3 0 1 2 3 4 5");
    IS(d, "edge_attr", "f32 [16] 1.125 0.625 0.625 1.875 0.875 0.875 0.625 0.875 1.25 0.625 0.625 0.875 0.625 1.90625 1.125 1.03125");
    memset(&o, 0, sizeof o);
    o.norm_in = TN_GRAPH_NORM_COL;
    o.norm_out = TN_GRAPH_NORM_SYM;
    o.alpha = 0.05;
    o.topk = 3;
    o.topk_dim = 1;
    d = tn_graph_gdc(g, &o);
    IS(d, "edge_index", "i64 [2, 18] 0 0 0 1 1 1 2 2 2 3 3 3 4 4 4 5 5 5 0 1 2 0 1 3 0 1 2 1 3 4 3 4 5 3 4 5");
    IS(d, "edge_attr", "f32 [18] 0.3380051 0.1988295 0.3239276 0.2982442 0.3220934 0.2777227 0.4049096 0.3087694 0.5943945 0.3008662 0.3701156 0.3208261 0.1974314 0.3731757"
                       " 0.3876855 0.2060901 0.3392247 0.5273717");
    CHECK(tn_size(get(tn_graph_gdc(of("i64 [2, 1] 0 1", 3), NULL), "edge_index"), 1) == 9);
    o.norm_in = TN_GRAPH_NORM_NONE;
    CHECK_ERROR(tn_graph_gdc(g, &o), TN_ERR_UNSUPPORTED);
    o.method = TN_GRAPH_COEFF;
    CHECK_ERROR(tn_graph_gdc(g, &o), TN_ERR_INVALID);
    CHECK_ERROR(tn_graph_gdc(directed(), NULL), TN_ERR_SHAPE);
}
TEST(random_walk_pe) {
    const tn_tensor *index = get(undirected(), "edge_index");
    tn_graph *g = tn_dict_new();
    (void)tn_dict_set(g, "edge_index", (tn_tensor *)(uintptr_t)index);
    IS(tn_graph_add_random_walk_pe(g, 3, NULL), "random_walk_pe",
       "f32 [6, 3] 0 0.3333333 0.1111111 0 0.3611111 0.1666667 0 0.3611111 0.1666667 0 0.4166667 0.1805556 0 0.375 0.125 0 0.375 0.125");
    tn_graph_pe_opts o = {NULL, true, NULL};
    IS(tn_graph_add_random_walk_pe(undirected(), 3, &o), "x", "f32 [6, 5] 1 -1 0 0.15 0.03333334 0 2 0 0.1530303 0.05151515 3 1 0 0.1787879 0.05151515 2 2 0 0.2151515"
                                                              " 0.06666667 0 0 0 0.1939394 0.04848485 5 1 0 0.2060606 0.04848485");
    CHECK_ERROR(tn_graph_add_random_walk_pe(g, 0, NULL), TN_ERR_INVALID);
}
/* |Lv - value v| and the value, of column c of a graph's pe; the values of a ring and of a grid are known. */
static double off(tn_graph *g, int64_t c, double *value) {
    tn_graph__edges e;
    tn_tensor *pe = get(g, "laplacian_eigenvector_pe"), *index = get(g, "edge_index");
    const int64_t n = tn_size(pe, 0), k = tn_size(pe, 1);
    const tn_gnn_edge_list l = tn_gnn_get_laplacian(index, NULL, TN_LAPLACIAN_SYM, n);
    const float *v = (const float *)tn_test_values(pe), *w = (const float *)tn_test_values(l.edge_attr);
    double *y = (double *)calloc((size_t)n, sizeof *y), sum = 0, length = 0;
    if (!y || !tn_graph__edges_read("off", l.edge_index, n, &e)) return NAN;
    for (int64_t i = 0; i < e.e; i++) y[e.row[i]] += (double)w[i] * (double)v[e.col[i] * k + c];
    *value = 0;
    for (int64_t i = 0; i < n; i++) *value += y[i] * (double)v[i * k + c], length += (double)v[i * k + c] * (double)v[i * k + c];
    for (int64_t i = 0; i < n; i++) sum += pow(y[i] - *value * (double)v[i * k + c], 2);
    free(y);
    CHECK_NEAR(length, 1, 1e-5);
    return sqrt(sum);
}
TEST(laplacian_eigenvector_pe) {
    static const double want[6][3] = {{0.3751117, -0.5138867, 0.4298163}, {0.2407247, 0.4600219, 0.5295681}, {0.3679214, -0.3852451, -0.5905921},
                                      {-0.005099609, 0.5446967, -0.4030282}, {-0.5772343, -0.163772, -0.02425896}, {-0.5768459, -0.2288463, 0.1516456}};
    tn_tensor *pe = get(tn_graph_add_laplacian_eigenvector_pe(undirected(), 3, NULL), "laplacian_eigenvector_pe");
    CHECK(tn_size(pe, 0) == 6 && tn_size(pe, 1) == 3);
    const float *v = (const float *)tn_test_values(pe);
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < 6; i++) CHECK_NEAR((double)v[3 * i + c] * (v[c] > 0 ? 1 : -1), want[i][c] * (want[0][c] > 0 ? 1 : -1), 1e-5);
    CHECK_ERROR(tn_graph_add_laplacian_eigenvector_pe(undirected(), 6, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_graph_add_laplacian_eigenvector_pe(undirected(), 0, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_graph_add_laplacian_eigenvector_pe(directed(), 1, NULL), TN_ERR_INVALID);
    int plus = 0;
    for (int i = 0; i < 64; i++) {
        tn_scope s = tn_scope_open();
        const float *p = (const float *)tn_test_values(get(tn_graph_add_laplacian_eigenvector_pe(undirected(), 1, NULL), "laplacian_eigenvector_pe"));
        plus += p[0] > 0;
        tn_scope_close(&s);
    }
    CHECK(plus > 10 && plus < 54);
}
TEST(eigenvectors_of_large_graphs) {
    /* Two rings of 500: the values are 1 - cos(2 pi j / 500), of the first there are two, of the others four. */
    int64_t e[2][2000];
    for (int64_t i = 0; i < 1000; i++) {
        const int64_t next = i % 500 == 499 ? i - 499 : i + 1;
        e[0][i] = e[1][1000 + i] = i, e[1][i] = e[0][1000 + i] = next;
    }
    tn_tensor_opts i64 = {TN_I64, {0, 0}, false, NULL};
    tn_graph *g = tn_dict_new();
    (void)tn_dict_set(g, "edge_index", tn_from(e, SHAPE(2, 2000), &i64));
    g = tn_graph_add_laplacian_eigenvector_pe(g, 7, NULL);
    CHECK(get(g, "laplacian_eigenvector_pe") != NULL);
    for (int64_t c = 0; c < 7 && g; c++) {
        double value = NAN;
        CHECK_NEAR(off(g, c, &value), 0, 2e-6);
        CHECK_NEAR(value, 1 - cos(2 * 3.14159265358979 * (double)((c + 3) / 4) / 500), 1e-6);
    }
}
TEST(svd_feature_reduction) {
    const float *v = (const float *)tn_test_values(get(tn_graph_svd_feature_reduction(directed(), 1), "x"));
    static const double want[] = {0.6182055, 0.6537306, 3.162078, 2.543872, 0, 5.05222};
    for (int i = 0; i < 6; i++) CHECK_NEAR((double)v[i] * (v[5] > 0 ? 1 : -1), want[i], 1e-5);
    IS(tn_graph_svd_feature_reduction(directed(), 2), "x", "f32 [6, 2] 1 -1 0 2 3 1 2 2 0 0 5 1");
    CHECK_ERROR(tn_graph_svd_feature_reduction(directed(), 0), TN_ERR_INVALID);
}

/* -- dropped -- */

TEST(dropout) {
    CPU_DRAWS;
    tn_tensor *index = get(directed(), "edge_index");
    tn_manual_seed(5);
    tn_gnn_kept_edges e = tn_gnn_dropout_edge(index, 0.5, true, NULL);
    CHECK_IS(e.edge_index, "i64 [2, 4] 0 1 2 3 1 2 2 1");
    CHECK_IS(e.edge_id, "i64 [4] 0 2 3 4");
    tn_gnn_dropout_edge_opts both = {true, tn_generator_new(5)};
    e = tn_gnn_dropout_edge(get(undirected(), "edge_index"), 0.3, true, &both);
    CHECK_IS(e.edge_index, "i64 [2, 14] 0 1 1 2 3 3 4 1 2 3 3 4 5 5 1 2 3 3 4 5 5 0 1 1 2 3 3 4");
    CHECK_IS(e.edge_id, "i64 [14] 0 3 4 7 10 11 13 0 3 4 7 10 11 13");
    CHECK(tn_gnn_dropout_edge(index, 0.5, false, NULL).edge_index == index);
    CHECK(tn_size(tn_gnn_dropout_edge(index, 1, true, NULL).edge_index, 1) == 0);
    CHECK_ERROR(tn_gnn_dropout_edge(index, 1.5, true, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_dropout_edge(NULL, 0.5, true, NULL), TN_ERR_INVALID);
    tn_gnn_dropout_node_opts o = {true, tn_generator_new(5)};
    tn_gnn_kept_nodes n = tn_gnn_dropout_node(index, 0.4, 6, true, &o);
    CHECK_IS(n.edge_index, "i64 [2, 2] 1 3 1 0");
    CHECK_IS(n.edge_mask, "bool [7] 0 0 0 1 0 0 1");
    CHECK_IS(n.node_mask, "bool [6] 1 0 1 1 1 0");
    tn_manual_seed(5);
    CHECK_IS(tn_gnn_dropout_node(index, 0.4, 6, true, NULL).edge_index, "i64 [2, 2] 2 4 2 0");
    CHECK_IS(tn_gnn_dropout_node(index, 0.4, 6, false, NULL).node_mask, "bool [6] 1 1 1 1 1 1");
}
TEST(mask_feature) {
    CPU_DRAWS;
    tn_tensor *x = tn_requires_grad_(tn_test_of("f32 [6, 2] 1 -1 0 2 3 1 2 2 0 0 5 1"), true);
    tn_gnn_mask_feature_opts o = {TN_GRAPH_MASK_ROW, -9, tn_generator_new(6)};
    tn_gnn_masked m = tn_gnn_mask_feature(x, 0.5, true, &o);
    CHECK_IS(m.x, "f32 [6, 2] 1 -1 0 2 3 1 2 2 -9 -9 -9 -9");
    CHECK_IS(m.mask, "bool [6, 1] 1 1 1 1 0 0");
    CHECK(tn_backward(tn_sum(m.x, NULL)) == TN_OK);
    CHECK_IS(tn_grad(x), "f32 [6, 2] 1 1 1 1 1 1 1 1 0 0 0 0");
    o.mode = TN_GRAPH_MASK_ALL;
    o.generator = tn_generator_new(6);
    CHECK_IS(tn_gnn_mask_feature(x, 0.5, true, &o).x, "f32 [6, 2] 1 -1 0 2 -9 -9 2 2 0 -9 -9 -9");
    tn_manual_seed(6);
    CHECK_IS(tn_gnn_mask_feature(x, 0.5, true, NULL).mask, "bool [1, 2] 1 1");
    CHECK(tn_gnn_mask_feature(x, 0.5, false, NULL).x == x);
    CHECK_ERROR(tn_gnn_mask_feature(x, 2, true, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_mask_feature(NULL, 0.5, true, NULL), TN_ERR_INVALID);
}

TEST(shuffle_node) {
    CPU_DRAWS;
    tn_tensor *x = tn_test_of("f32 [6, 1] 0 1 2 3 4 5");
    tn_manual_seed(7); /* torch.randperm(6) */
    tn_tensor *perm = tn_randperm(6, NULL);
    tn_gnn_shuffled r = tn_gnn_shuffle_node(x, NULL, true, tn_generator_new(7));
    CHECK(memcmp(tn_test_values(perm), tn_test_values(r.perm), 48) == 0);
    CHECK_NEAR(tn_test_digest(r.x), tn_test_digest(r.perm), 0);
    r = tn_gnn_shuffle_node(x, tn_test_of("i64 [6] 0 0 0 2 2 2"), true, NULL);
    CHECK_NEAR(tn_item(tn_sum(tn_narrow(r.x, 0, 0, 3), NULL)), 3, 0);
    CHECK(tn_gnn_shuffle_node(x, NULL, false, NULL).x == x);
    CHECK_ERROR(tn_gnn_shuffle_node(NULL, NULL, true, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_shuffle_node(x, tn_test_of("i64 [2] 0 0"), true, NULL), TN_ERR_SHAPE);
}

/* -- every allocation of each fails once: NULL and an error, or neither -- */

static bool call(int i, tn_graph *g, tn_graph *kinds) {
    tn_graph_link_split_opts link;
    tn_graph_gdc_opts gdc;
    tn_graph_node_split_opts node;
    const tn_graph_components_opts strong = {1, true};
    memset(&link, 0, sizeof link);
    memset(&gdc, 0, sizeof gdc);
    memset(&node, 0, sizeof node);
    gdc.topk = 3;
    gdc.alpha = 0.9;
    node.split = TN_GRAPH_RANDOM;
    tn_tensor *index = get(g, "edge_index"), *x = get(g, "x");
    switch (i) {
    case 0: return tn_graph_normalize_features(g) != NULL;
    case 1: return tn_graph_add_self_loops(g, NULL) != NULL;
    case 2: return tn_graph_remove_self_loops(g) != NULL;
    case 3: return tn_graph_to_undirected(g, TN_REDUCE_SUM) != NULL;
    case 4: return tn_graph_gcn_norm(g, false) != NULL;
    case 5: return tn_graph_random_node_split(g, &node) != NULL;
    case 6: return tn_graph_random_link_split(g, &link).train != NULL;
    case 7: return tn_graph_local_degree_profile(g) != NULL;
    case 8: return tn_graph_one_hot_degree(g, 20, NULL) != NULL;
    case 9: return tn_graph_target_indegree(g, NULL) != NULL;
    case 10: return tn_graph_line_graph(g, false) != NULL;
    case 11: return tn_graph_virtual_node(g) != NULL;
    case 12: return tn_graph_sign(g, 2) != NULL;
    case 13: return tn_graph_gdc(g, &gdc) != NULL;
    case 14: return tn_graph_two_hop(g) != NULL;
    case 15: return tn_graph_largest_connected_components(g, &strong) != NULL;
    case 16: return tn_graph_add_random_walk_pe(g, 4, NULL) != NULL;
    case 17: return tn_graph_add_laplacian_eigenvector_pe(g, 3, NULL) != NULL;
    case 18: return tn_graph_svd_feature_reduction(g, 1) != NULL;
    case 19: return tn_gnn_dropout_edge(index, 0.5, true, NULL).edge_index != NULL;
    case 20: return tn_gnn_dropout_node(index, 0.5, -1, true, NULL).edge_index != NULL;
    case 21: return tn_gnn_mask_feature(x, 0.5, true, NULL).x != NULL;
    case 22: return tn_gnn_add_random_edge(index, 0.5, -1, true, NULL).edge_index != NULL;
    case 23: return tn_graph_knn_graph(g, 2, true, NULL) != NULL;
    case 24: return tn_gnn_fps(get(g, "pos"), NULL, 0.5, NULL) != NULL;
    case 25: return tn_graph_karate_club() != NULL;
    case 26: return tn_graph_random_node_split(kinds, &node) != NULL;
    case 27: {
        const char *types[] = {"author.writes.paper", "author.knows.author"}, *back[] = {"paper.rev_writes.author", NULL};
        link.edge_types = types, link.rev_edge_types = back, link.n_edge_types = 2;
        return tn_graph_random_link_split(kinds, &link).train != NULL;
    }
    default: return tn_graph_barabasi_albert(9, 2, NULL) != NULL;
    }
}
TEST(out_of_memory) {
    HOST_ONLY;
    tn_graph *g = undirected(), *kinds = library();
    (void)tn_dict_set(g, "pos", tn_test_of("f32 [6, 2] 0 0 1 0 1 1 3 0 0 2 -1 1"));
    (void)tn_dict_set(g, "y", tn_test_of("i64 [6] 0 1 0 1 2 2"));
    tn_set_log(NULL, NULL);
    for (int i = 0; i < 29; i++) {
        bool done = false;
        for (int n = 1; n < 4000 && !done; n++) {
            tn_scope s = tn_scope_open();
            tn_fault_alloc(n, false);
            done = call(i, g, kinds);
            tn_fault_alloc(0, false);
            if (done != (tn_error_code() == TN_OK)) TN_TEST_FAIL("call %d, allocation %d: %s, %s", i, n, done ? "a result" : "NULL", tn_error());
            tn_error_clear();
            tn_scope_close(&s);
        }
        if (!done) TN_TEST_FAIL("call %d does not end", i);
    }
}
TEST(collect) {
    tn_graph *g = tn_dict_new();
    tn_tensor *t = tn_ones((const int64_t[]){2, 3}, 2, NULL);
    static const char *const names[] = {"paper.x", "author.x", "author.first_author.paper.edge_index", "author.y", "x"};
    for (int i = 0; i < 5; i++) CHECK(tn_dict_set(g, names[i], t) == TN_OK);
    tn_dict *x = tn_graph_collect(g, "x"), *edges = tn_graph_collect(g, "edge_index");
    CHECK(tn_dict_len(x) == 2 && tn_dict_get(x, "paper") == t && tn_dict_get(x, "author") == t);
    CHECK(tn_dict_len(edges) == 1 && tn_dict_get(edges, "author__first_author__paper") == t);
    CHECK(tn_dict_len(tn_graph_collect(g, "none")) == 0);
    CHECK_ERROR(tn_graph_collect(NULL, "x"), TN_ERR_INVALID);
    CHECK_ERROR(tn_graph_collect(g, NULL), TN_ERR_INVALID);
}
RUN_ALL
