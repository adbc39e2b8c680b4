/* Graphs that are made and graphs that are read. Values are PyTorch Geometric's, or a brute force's over the same points. */
#define TENSOR_GRAPH_IMPLEMENTATION
#include "../ext/graph.h"
#include "tn_test.h"
#include <sys/stat.h>

static const int64_t *ints(tn_tensor *t) { return (const int64_t *)tn_test_values(t); }
static int64_t edges_of(tn_tensor *t) { return t ? tn_size(t, 1) : -1; }
/* In order by row, then column, without repeats and self-loops, inside n; and with both directions. */
static bool proper(tn_tensor *edge_index, int64_t n, bool undirected) {
    const int64_t e = edges_of(edge_index), *row = ints(edge_index), *col = row + e;
    int64_t mirrored = 0;
    for (int64_t i = 0; i < e; i++) {
        if (row[i] < 0 || row[i] >= n || col[i] < 0 || col[i] >= n || row[i] == col[i]) return false;
        if (i && (row[i] < row[i - 1] || (row[i] == row[i - 1] && col[i] <= col[i - 1]))) return false;
        for (int64_t j = 0; undirected && e < 5000 && j < e; j++) mirrored += row[j] == col[i] && col[j] == row[i];
    }
    return !undirected || e >= 5000 || mirrored == e;
}

TEST(karate_club) {
    tn_graph *g = tn_graph_karate_club();
    CHECK(g != NULL);
    tn_tensor *e = tn_dict_get(g, "edge_index");
    CHECK(edges_of(e) == 156 && proper(e, 34, true));
    CHECK_NEAR(tn_test_digest(e), 193.871499, 1e-4);
    CHECK_NEAR(tn_test_digest(tn_dict_get(g, "y")), -2.8737, 1e-4);
    CHECK_NEAR(tn_item(tn_sum(tn_dict_get(g, "train_mask"), NULL)), 4, 0);
    CHECK_NEAR(tn_test_digest(tn_dict_get(g, "train_mask")), 0.372665, 1e-4);
    CHECK_IS(tn_select(tn_dict_get(g, "x"), 0, 0), "f32 [34] 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0");
    CHECK(tn_dict_len(g) == 4);
}
TEST(erdos_renyi) {
    CPU_DRAWS;
    tn_graph_random_opts o = {false, tn_generator_new(3)};
    tn_tensor *e = tn_graph_erdos_renyi(60, 0.2, &o);
    CHECK(proper(e, 60, true));
    CHECK(edges_of(e) > 2 * 260 && edges_of(e) < 2 * 450); /* 354 expected, 17 the deviation */
    o.generator = tn_generator_new(3);
    tn_tensor *again = tn_graph_erdos_renyi(60, 0.2, &o);
    CHECK(edges_of(again) == edges_of(e) && memcmp(ints(e), ints(again), (size_t)edges_of(e) * 16) == 0);
    o.directed = true;
    e = tn_graph_erdos_renyi(60, 0.2, &o);
    CHECK(proper(e, 60, false));
    CHECK(edges_of(e) > 560 && edges_of(e) < 860);
    CHECK(edges_of(tn_graph_erdos_renyi(5, 1, NULL)) == 20 && edges_of(tn_graph_erdos_renyi(5, 1, &o)) == 20);
    CHECK(edges_of(tn_graph_erdos_renyi(5, 0, NULL)) == 0 && edges_of(tn_graph_erdos_renyi(0, 1, NULL)) == 0 && edges_of(tn_graph_erdos_renyi(1, 1, NULL)) == 0);
    e = tn_graph_erdos_renyi(100000, 1e-5, NULL); /* 50,000 pairs of 5e9 */
    CHECK(edges_of(e) > 2 * 48500 && edges_of(e) < 2 * 51500 && proper(e, 100000, true));
    CHECK_ERROR(tn_graph_erdos_renyi(5, 1.5, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_graph_erdos_renyi(-1, 0.5, NULL), TN_ERR_INVALID);
}
TEST(every_pair_is_as_likely) {
    tn_graph_random_opts o = {true, tn_generator_new(5)};
    int count[4][4] = {{0}};
    for (int k = 0; k < 2000; k++) {
        tn_scope s = tn_scope_open();
        tn_tensor *e = tn_graph_erdos_renyi(4, 0.3, &o);
        const int64_t *row = ints(e), n = edges_of(e);
        for (int64_t i = 0; i < n; i++) count[row[i]][row[n + i]]++;
        tn_scope_close(&s);
    }
    for (int a = 0; a < 4; a++)
        for (int b = 0; b < 4; b++) CHECK_NEAR(count[a][b], a == b ? 0 : 600, 100); /* 20 the deviation */
}
TEST(blocks) {
    const int64_t sizes[] = {30, 0, 40};
    const double probs[] = {0.5, 0.5, 0.1, 0.5, 0.5, 0.5, 0.1, 0.5, 0.3};
    tn_graph_random_opts o = {false, tn_generator_new(7)};
    tn_tensor *e = tn_graph_stochastic_blockmodel(sizes, probs, 3, &o);
    CHECK(proper(e, 70, true));
    int64_t within = 0, across = 0;
    for (int64_t i = 0; i < edges_of(e); i++) *((ints(e)[i] < 30) == (ints(e)[edges_of(e) + i] < 30) ? &within : &across) += 1;
    CHECK_NEAR((double)within, 2 * (0.5 * 435 + 0.3 * 780), 150);
    CHECK_NEAR((double)across, 2 * 0.1 * 1200, 100);
    const double lopsided[] = {0, 1, 0, 0};
    const int64_t two[] = {2, 3};
    o.directed = true;
    CHECK_IS(tn_graph_stochastic_blockmodel(two, lopsided, 2, &o), "i64 [2, 6] 0 0 0 1 1 1 2 3 4 2 3 4");
    CHECK_ERROR(tn_graph_stochastic_blockmodel(two, lopsided, 2, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_graph_stochastic_blockmodel(NULL, lopsided, 2, NULL), TN_ERR_INVALID);
}
TEST(barabasi_albert) {
    tn_tensor *e = tn_graph_barabasi_albert(200, 3, tn_generator_new(1));
    CHECK(proper(e, 200, true));
    CHECK(edges_of(e) > 2 * 450 && edges_of(e) <= 2 * 600);
    tn_tensor *degree = tn_bincount(tn_select(e, 0, 0), NULL, 200);
    CHECK(tn_item(tn_max(degree)) > 20);
    CHECK_ERROR(tn_graph_barabasi_albert(3, 3, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_graph_barabasi_albert(3, 0, NULL), TN_ERR_INVALID);
}
TEST(grid) {
    tn_graph *g = tn_graph_grid(2, 3);
    CHECK_IS(tn_dict_get(g, "edge_index"), "i64 [2, 28] 0 0 0 0 1 1 1 1 1 1 2 2 2 2 3 3 3 3 4 4 4 4 4 4 5 5 5 5"
                                           " 0 1 3 4 0 1 2 3 4 5 1 2 4 5 0 1 3 4 0 1 2 3 4 5 1 2 4 5");
    CHECK_IS(tn_dict_get(g, "pos"), "f32 [6, 2] 0 1 1 1 2 1 0 0 1 0 2 0");
    CHECK_IS(tn_dict_get(tn_graph_grid(1, 1), "edge_index"), "i64 [2, 1] 0 0");
    CHECK(edges_of(tn_dict_get(tn_graph_grid(0, 4), "edge_index")) == 0);
    CHECK_ERROR(tn_graph_grid(-1, 2), TN_ERR_INVALID);
}

/* -- neighbours -- */

typedef struct { double square; int64_t id; } near_t;
static int by_distance(const void *a, const void *b) {
    const near_t *x = (const near_t *)a, *y = (const near_t *)b;
    return x->square != y->square ? (x->square > y->square) - (x->square < y->square) : (x->id > y->id) - (x->id < y->id);
}
/* The pairs that knn (radius < 0) or radius gives, by looking at all of them; false where they are others. */
static bool brute_force(tn_tensor *x, tn_tensor *y, const int64_t *bx, const int64_t *by, int64_t limit, double radius, bool skip, const int64_t *row, const int64_t *col, int64_t n_pairs) {
    const int64_t n = tn_size(x, 0), dims = tn_size(x, 1);
    const double *p = (const double *)tn_test_values(x), *q = (const double *)tn_test_values(y);
    near_t *near = (near_t *)malloc((size_t)n * sizeof *near);
    int64_t at = 0;
    bool same = near != NULL;
    for (int64_t i = 0; same && i < tn_size(y, 0); i++) {
        int64_t m = 0, given = 0;
        for (int64_t j = 0; j < n; j++) {
            double square = 0;
            for (int64_t d = 0; d < dims; d++) square += (p[j * dims + d] - q[i * dims + d]) * (p[j * dims + d] - q[i * dims + d]);
            if ((bx && bx[j] != by[i]) || (skip && i == j) || (radius >= 0 && square > radius * radius)) continue;
            near[m].square = square;
            near[m++].id = j;
        }
        if (radius < 0) qsort(near, (size_t)m, sizeof *near, by_distance);
        for (; same && given < m && given < limit; given++, at++) same = at < n_pairs && row[at] == i && col[at] == near[given].id;
    }
    free(near);
    return same && at == n_pairs;
}
TEST(knn_is_brute_force) {
    tn_tensor_opts o = {TN_F64, {0, 0}, false, tn_generator_new(9)};
    for (int dims = 1; dims <= 20; dims += dims < 6 ? 1 : 7) {
        tn_tensor *x = tn_rand(SHAPE(150, dims), &o), *y = tn_rand(SHAPE(40, dims), &o);
        if (dims == 2 || dims == 13) x = tn_div(tn_floor(tn_mul(x, 8)), 8), y = tn_div(tn_floor(tn_mul(y, 8)), 8); /* many equal distances, and points */
        for (int64_t k = 1; k <= 200; k += 33) {
            tn_tensor *pairs = tn_gnn_knn(x, y, k, NULL, NULL, false);
            CHECK(pairs && brute_force(x, y, NULL, NULL, k, -1, false, ints(pairs), ints(pairs) + edges_of(pairs), edges_of(pairs)));
            tn_graph_knn_opts self = {NULL, false, false, true};
            pairs = tn_graph_knn(x, k, &self);
            CHECK(pairs && brute_force(x, x, NULL, NULL, k, -1, true, ints(pairs), ints(pairs) + edges_of(pairs), edges_of(pairs)));
            pairs = tn_gnn_radius(x, y, 0.01 * (double)k, NULL, NULL, k);
            CHECK(pairs && brute_force(x, y, NULL, NULL, k, 0.01 * (double)k, false, ints(pairs), ints(pairs) + edges_of(pairs), edges_of(pairs)));
        }
    }
}
TEST(knn_keeps_graphs_apart) {
    tn_tensor_opts o = {TN_F64, {0, 0}, false, tn_generator_new(4)};
    tn_tensor *x = tn_rand(SHAPE(90, 3), &o), *y = tn_rand(SHAPE(31, 3), &o);
    int64_t bx[90], by[31];
    for (int i = 0; i < 90; i++) bx[i] = i < 20 ? 0 : i < 22 ? 2 : 3;
    for (int i = 0; i < 31; i++) by[i] = i < 10 ? 0 : i < 12 ? 1 : i < 15 ? 2 : i < 30 ? 3 : 5;
    tn_tensor_opts i64 = {TN_I64, {0, 0}, false, NULL};
    tn_tensor *batch_x = tn_from(bx, SHAPE(90), &i64), *batch_y = tn_from(by, SHAPE(31), &i64);
    tn_tensor *pairs = tn_gnn_knn(x, y, 5, batch_x, batch_y, false);
    CHECK(pairs && brute_force(x, y, bx, by, 5, -1, false, ints(pairs), ints(pairs) + edges_of(pairs), edges_of(pairs)));
    pairs = tn_gnn_radius(x, y, 0.4, batch_x, batch_y, 0);
    CHECK(pairs && brute_force(x, y, bx, by, 32, 0.4, false, ints(pairs), ints(pairs) + edges_of(pairs), edges_of(pairs)));
    tn_graph_radius_opts r = {batch_x, true, true, 7};
    pairs = tn_graph_radius(x, 0.5, &r);
    CHECK(pairs && brute_force(x, x, bx, bx, 7, 0.5, false, ints(pairs), ints(pairs) + edges_of(pairs), edges_of(pairs)));
}
TEST(knn_graph) {
    tn_tensor *x = tn_test_of("f32 [5, 1] 0 1 3 7 7");
    CHECK_IS(tn_graph_knn(x, 2, NULL), "i64 [2, 10] 1 2 0 2 1 0 4 2 3 2 0 0 1 1 2 2 3 3 4 4");
    tn_graph_knn_opts o = {NULL, true, false, true};
    CHECK_IS(tn_graph_knn(x, 2, &o), "i64 [2, 10] 0 0 1 1 2 2 3 3 4 4 0 1 1 0 2 1 3 4 3 4");
    CHECK_IS(tn_graph_radius(tn_test_of("f32 [3] 0 1 3"), 2, NULL), "i64 [2, 4] 1 0 2 1 0 1 1 2");
    tn_graph_knn_opts angle = {NULL, false, true, false};
    CHECK_IS(tn_graph_knn(tn_test_of("f32 [3, 2] 1 0 9 1 0 2"), 1, &angle), "i64 [2, 3] 1 0 1 0 1 2");
    CHECK_IS(tn_graph_knn(tn_test_of("f32 [0, 3]"), 2, NULL), "i64 [2, 0]");
    CHECK_IS(tn_graph_knn(tn_test_of("f32 [1, 3] 1 2 3"), 2, NULL), "i64 [2, 0]");
    CHECK_IS(tn_graph_knn(x, 0, NULL), "i64 [2, 0]");
    CHECK_ERROR(tn_graph_knn(x, -1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_graph_knn(NULL, 1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_graph_knn(tn_test_of("f32 [2, 1] 0 nan"), 1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_knn(x, tn_test_of("f32 [1, 2] 0 0"), 1, NULL, NULL, false), TN_ERR_SHAPE);
    CHECK_ERROR(tn_gnn_knn(x, x, 1, tn_test_of("i64 [5] 0 1 0 1 1"), NULL, false), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_knn(x, x, 1, tn_test_of("i64 [4] 0 1 1 1"), NULL, false), TN_ERR_SHAPE);
    CHECK_ERROR(tn_graph_radius(x, -2, NULL), TN_ERR_INVALID);
}
TEST(fps) {
    tn_gnn_fps_opts first = {true, NULL};
    CHECK_IS(tn_gnn_fps(tn_test_of("f32 [4, 2] -1 -1 -1 1 1 -1 1 1"), NULL, 0.5, &first), "i64 [2] 0 3");
    CHECK_IS(tn_gnn_fps(tn_test_of("f32 [6, 1] 0 1 5 10 13 14"), tn_test_of("i64 [6] 0 0 0 2 2 2"), 0.6, &first), "i64 [4] 0 2 3 5");
    CHECK(tn_numel(tn_gnn_fps(tn_test_of("f32 [5, 1] 0 1 5 10 13"), NULL, 1, NULL)) == 5);
    CHECK(tn_numel(tn_gnn_fps(tn_test_of("f32 [0, 1]"), NULL, 1, NULL)) == 0);
    CHECK_ERROR(tn_gnn_fps(tn_test_of("f32 [5, 1] 0 1 5 10 13"), NULL, 0, NULL), TN_ERR_INVALID);
}

/* -- files -- */

static const char *const file = "build/made_graph_data.tmp";
static const char *written(const char *path, const void *bytes, size_t n) {
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f) != 0) fprintf(stderr, "cannot write %s\n", path), abort();
    return path;
}
static const char *text(const char *content) { return written(file, content, strlen(content)); }
static tn_graph *edge_list(const char *content, const tn_graph_edge_list_opts *o) { return tn_graph_read_edge_list(text(content), o); }
#define CHECK_LINE(call, line) /* that a reader says which line is wrong */                                            \
    do {                                                                                                               \
        tn_set_log(NULL, NULL);                                                                                        \
        tn_error_clear();                                                                                              \
        (void)(call);                                                                                                  \
        if (tn_error_code() != TN_ERR_FORMAT || !strstr(tn_error(), "line " line) || !strstr(tn_error(), file)) TN_TEST_FAIL("%s gave %s", #call, tn_error()); \
        tn_error_clear();                                                                                              \
    } while (0)

TEST(edge_lists) {
    tn_graph *g = edge_list("# from to\n0\t1\r\n2 1\n\n 1,2 9 9\n5; 0", NULL);
    CHECK_IS(tn_dict_get(g, "edge_index"), "i64 [2, 4] 0 2 1 5 1 1 2 0");
    CHECK(tn_dict_len(g) == 1);
    tn_graph_edge_list_opts o;
    memset(&o, 0, sizeof o);
    o.weighted = true;
    o.comment = '%';
    o.separator = '|';
    o.num_nodes = 4;
    g = edge_list("%c\n0|1|2.5\n1 | 0 | -1e-3\n0|1|.5\n3|2|1E2\n", &o);
    CHECK_IS(tn_dict_get(g, "edge_weight"), "f32 [4] 2.5 -0.001 0.5 100");
    CHECK_NEAR(tn_item(tn_dict_get(g, "num_nodes")), 4, 0);
    o.undirected = true;
    g = edge_list("0|1|2.5\n1|0|1\n3|2|100\n", &o);
    CHECK_IS(tn_dict_get(g, "edge_index"), "i64 [2, 4] 0 1 2 3 1 0 3 2");
    CHECK_IS(tn_dict_get(g, "edge_weight"), "f32 [4] 3.5 3.5 100 100");
    CHECK_IS(tn_dict_get(edge_list("", NULL), "edge_index"), "i64 [2, 0]");
    CHECK_IS(tn_dict_get(edge_list("", &o), "edge_weight"), "f32 [0]");
    CHECK_LINE(edge_list("0 1\n2\n", NULL), "2");
    CHECK_LINE(edge_list("0 1\n\n#\n1 x\n", NULL), "4");
    CHECK_LINE(edge_list("0 1\n1 -2\n", NULL), "2");
    CHECK_LINE(edge_list("0 1.5\n", NULL), "1");
    CHECK_LINE(edge_list("0 99999999999999999999\n", NULL), "1");
    CHECK_LINE(edge_list("0|1|2\n0|4|2\n", &o), "2");
    CHECK_LINE(edge_list("0|1|2\n0|1\n", &o), "2");
    CHECK_ERROR(tn_graph_read_edge_list("build/no such file", NULL), TN_ERR_IO);
    CHECK_ERROR(tn_graph_read_edge_list(NULL, NULL), TN_ERR_IO);
    CHECK_ERROR(tn_graph_read_edge_list("build", NULL), TN_ERR_IO);
}
TEST(numbers) {
    static const char *const numbers[] = {"0", "-0.1", "123456789012345678901234567890", "1e-40", "3.4028235e38", "1e-400", "7.", ".5", "2.2250738585072014e-308", "0.30000000000000004",
                                          "1e22", "-9007199254740993", "6.02214076e+23", "0.000000000000000000000000000001234"};
    tn_graph_edge_list_opts o;
    memset(&o, 0, sizeof o);
    o.weighted = true;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char line[128];
        (void)snprintf(line, sizeof line, "0 1 %s\n", numbers[i]);
        const double want = strtod(numbers[i], NULL), got = tn_item(tn_dict_get(edge_list(line, &o), "edge_weight"));
        CHECK((float)want == (float)got);
        const char *p = numbers[i];
        double v = 0;
        CHECK(tn_graph__scan_f64(&p, p + strlen(p), &v) && *p == 0);
        CHECK_NEAR(v, want, fabs(want) * 3e-16);
    }
    CHECK(isnan(tn_item(tn_dict_get(edge_list("0 1 NaN", &o), "edge_weight"))));
    CHECK(tn_item(tn_dict_get(edge_list("0 1 -inf\n", &o), "edge_weight")) == -INFINITY);
    CHECK_LINE(edge_list("0 1 1e\n", &o), "1");
    CHECK_LINE(edge_list("0 1 1.2.3\n", &o), "1");
    CHECK_LINE(edge_list("0 1 -\n", &o), "1");
}
TEST(dgcnn_text) {
    tn_scope s = tn_scope_open();
    tn_graphs g = tn_graphs_keep(tn_graphs_read_dgcnn(text("3\n3 7\n4 1 1\n2 2 0 2\n4 1 1\n1 -1\n9 0\n2 7\n2 1 1\n2 1 0\n")));
    tn_scope_close(&s);
    CHECK(g.n == 3 && g.at);
    CHECK_IS(tn_dict_get(g.at[0], "x"), "f32 [3, 3] 0 1 0 1 0 0 0 1 0");
    CHECK_IS(tn_dict_get(g.at[0], "edge_index"), "i64 [2, 4] 0 1 1 2 1 0 2 1");
    CHECK_IS(tn_dict_get(g.at[0], "y"), "i64 [1] 1");
    CHECK_IS(tn_dict_get(g.at[1], "x"), "f32 [1, 3] 0 0 1");
    CHECK_IS(tn_dict_get(g.at[1], "edge_index"), "i64 [2, 0]");
    CHECK_IS(tn_dict_get(g.at[1], "y"), "i64 [1] 0");
    CHECK_IS(tn_dict_get(g.at[2], "edge_index"), "i64 [2, 2] 0 1 1 0");
    g = tn_graphs_read_dgcnn(text("1\n2 0\n1 1 1 0.5 -2\n0 1 0 1.5 3\n"));
    CHECK(g.n == 1);
    CHECK_IS(tn_dict_get(g.at[0], "x"), "f32 [2, 4] 0.5 -2 0 1 1.5 3 1 0");
    CHECK(tn_graphs_read_dgcnn(text("0\n")).at != NULL);
    CHECK_LINE(tn_graphs_read_dgcnn(text("1\n2 0\n1 1 1\n")), "4");
    CHECK_LINE(tn_graphs_read_dgcnn(text("1\n2 0\n1 1 1\n1 1 2\n")), "4");
    CHECK_LINE(tn_graphs_read_dgcnn(text("1\n2 0\n1 2 1\n1 1 0\n")), "3");
    CHECK_LINE(tn_graphs_read_dgcnn(text("1\n1 0\n1 0\n1 0\n")), "4");
    CHECK_LINE(tn_graphs_read_dgcnn(text("1\n2 0\n1 1 1 5\n1 1 0\n")), "4");
    CHECK_LINE(tn_graphs_read_dgcnn(text("")), "1");
    CHECK_ERROR(tn_graphs_read_dgcnn("build/no such file"), TN_ERR_IO);
}
static void tu_file(const char *name, const char *content) {
    char path[128];
    (void)snprintf(path, sizeof path, "build/TOY_%s.txt", name);
    if (content) (void)written(path, content, strlen(content));
    else (void)remove(path);
}
TEST(tu_text) {
    tu_file("A", "1, 2\n2, 1\n2, 3\n3, 2\n2, 3\n3, 3\n5, 4\n4, 5\n7, 6\n");
    tu_file("graph_indicator", "1\n1\n1\n2\n2\n3\n3\n3\n");
    tu_file("graph_labels", "5\n-1\n5\n");
    tu_file("node_labels", "3\n4\n3\n6\n6\n4\n4\n3\n");
    tu_file("node_attributes", "0.5, -0e-1\n1.5, -1e-1\n2.5, -2e-1\n3.5, -3e-1\n4.5, -4e-1\n5.5, -5e-1\n6.5, -6e-1\n7.5, -7e-1\n");
    tu_file("edge_labels", "0\n0\n1\n1\n1\n0\n2\n2\n0\n");
    tu_file("edge_attributes", "0.25\n1.25\n2.25\n3.25\n4.25\n5.25\n6.25\n7.25\n8.25\n");
    tn_graphs_tu_opts o = {true, true};
    tn_graphs g = tn_graphs_read_tu("build", "TOY", &o);
    CHECK(g.n == 3);
    CHECK_IS(tn_dict_get(g.at[0], "x"), "f32 [3, 6] 0.5 0 1 0 0 0 1.5 -0.1 0 1 0 0 2.5 -0.2 1 0 0 0");
    CHECK_IS(tn_dict_get(g.at[0], "edge_index"), "i64 [2, 4] 0 1 1 2 1 0 2 1");
    CHECK_IS(tn_dict_get(g.at[0], "edge_attr"), "f32 [4, 4] 0.25 1 0 0 1.25 1 0 0 6.5 0 2 0 3.25 0 1 0");
    CHECK_IS(tn_dict_get(g.at[0], "y"), "i64 [1] 1");
    CHECK_IS(tn_dict_get(g.at[1], "y"), "i64 [1] 0");
    CHECK_IS(tn_dict_get(g.at[2], "edge_index"), "i64 [2, 1] 1 0");
    CHECK_IS(tn_dict_get(g.at[2], "edge_attr"), "f32 [1, 4] 8.25 1 0 0");
    g = tn_graphs_read_tu("build", "TOY", NULL);
    CHECK_IS(tn_dict_get(g.at[1], "x"), "f32 [2, 4] 0 0 0 1 0 0 0 1");
    CHECK_IS(tn_dict_get(g.at[1], "edge_attr"), "f32 [2, 3] 0 0 1 0 0 1");
    tu_file("node_labels", NULL);
    tu_file("edge_labels", NULL);
    tu_file("graph_attributes", "0.5\n1.5\n2.5\n");
    g = tn_graphs_read_tu("build", "TOY", NULL);
    CHECK(g.n == 3 && !tn_dict_get(g.at[2], "x") && !tn_dict_get(g.at[2], "edge_attr"));
    CHECK_NEAR(tn_item(tn_dict_get(g.at[2], "num_nodes")), 3, 0);
    CHECK_IS(tn_dict_get(g.at[2], "y"), "f32 [1] 2.5");
    tu_file("A", "1, 2\n2, 4\n");
    CHECK_ERROR(tn_graphs_read_tu("build", "TOY", NULL), TN_ERR_FORMAT);
    tu_file("A", "1, 2\n2, 3, 4\n");
    CHECK_ERROR(tn_graphs_read_tu("build", "TOY", NULL), TN_ERR_FORMAT);
    tu_file("A", "1, 2\n");
    tu_file("graph_indicator", "1\n3\n2\n");
    CHECK_ERROR(tn_graphs_read_tu("build", "TOY", NULL), TN_ERR_FORMAT);
    tu_file("graph_indicator", "1\n1\n");
    CHECK_ERROR(tn_graphs_read_tu("build", "TOY", NULL), TN_ERR_FORMAT); /* three labels of one graph */
    tu_file("graph_indicator", NULL);
    CHECK_ERROR(tn_graphs_read_tu("build", "TOY", NULL), TN_ERR_IO);
    CHECK_ERROR(tn_graphs_read_tu(NULL, "TOY", NULL), TN_ERR_INVALID);
    static const char *const left[] = {"A", "graph_labels", "graph_attributes", "node_attributes", "edge_attributes"};
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) tu_file(left[i], NULL);
}
TEST(planetoid) {
    tn_dict *d = tn_dict_new();
    (void)tn_dict_set(d, "y", tn_test_of("i64 [3] 0 1 0"));
    (void)tn_dict_set(d, "x", tn_test_of("u8 [3, 2] 1 0 0 1 1 1"));
    (void)tn_dict_set(d, "edge_index", tn_test_of("i64 [2, 2] 0 2 2 0"));
    CHECK(tn_save_safetensors(d, file, NULL) == TN_OK);
    tn_graph *g = tn_graph_planetoid(file);
    CHECK_IS(tn_dict_get(g, "x"), "f32 [3, 2] 1 0 0 1 1 1");
    CHECK_IS(tn_dict_get(g, "y"), "i64 [3] 0 1 0");
    (void)tn_dict_set(d, "edge_index", tn_test_of("i64 [2, 2] 0 3 2 0"));
    CHECK(tn_save_safetensors(d, file, NULL) == TN_OK);
    CHECK_ERROR(tn_graph_planetoid(file), TN_ERR_INDEX);
    CHECK_ERROR(tn_graph_planetoid("build/no such file"), TN_ERR_IO);
}
TEST(csv) {
    const char *nodes = "build/made_graph_nodes.tmp", *content = "id,kind,a,b\n31336, Neural ,1,0.5\n\"x,1\",Theory,0,2\nlast,Agents,3,4\n";
    (void)written(nodes, content, strlen(content));
    tn_graph_csv_opts o;
    memset(&o, 0, sizeof o);
    o.label_column = 1;
    o.has_label_column = true;
    tn_graph *g = tn_graph_read_csv(nodes, text("from,to,w\n31336,\"x,1\",2\nlast,31336,0.25\n"), &o);
    CHECK_IS(tn_dict_get(g, "x"), "f32 [3, 2] 1 0.5 0 2 3 4");
    CHECK_IS(tn_dict_get(g, "y"), "i64 [3] 1 2 0");
    CHECK_IS(tn_dict_get(g, "edge_index"), "i64 [2, 2] 0 2 1 0");
    CHECK_IS(tn_dict_get(g, "edge_attr"), "f32 [2, 1] 2 0.25");
    o.undirected = true;
    g = tn_graph_read_csv(nodes, text("from,to,w\n31336,last,2\nlast,31336,0.25\n"), &o);
    CHECK_IS(tn_dict_get(g, "edge_index"), "i64 [2, 2] 0 2 2 0");
    CHECK_IS(tn_dict_get(g, "edge_attr"), "f32 [2, 1] 2.25 2.25");
    CHECK_LINE(tn_graph_read_csv(nodes, text("from,to\n31336,last\nlost,31336\n"), &o), "3");
    CHECK_LINE(tn_graph_read_csv(nodes, text("from,to\n31336,last\nlast\n"), &o), "3");
    CHECK_LINE(tn_graph_read_csv(nodes, text("from,to,w\nlast,last,x\n"), &o), "2");
    o.label_column = 9;
    CHECK_ERROR(tn_graph_read_csv(nodes, file, &o), TN_ERR_INVALID);
    o.label_column = 0;
    CHECK_ERROR(tn_graph_read_csv(nodes, file, &o), TN_ERR_INVALID);
    memset(&o, 0, sizeof o);
    o.no_header = o.no_id = o.has_label_column = true;
    o.separator = ' ';
    (void)written(nodes, "4 1.5\n-2 2.5\n", 13);
    g = tn_graph_read_csv(nodes, text("0 1\n"), &o);
    CHECK_IS(tn_dict_get(g, "x"), "f32 [2, 1] 1.5 2.5");
    CHECK_IS(tn_dict_get(g, "y"), "i64 [2] 4 -2");
    CHECK(!tn_dict_get(g, "edge_attr"));
    CHECK_LINE(tn_graph_read_csv(nodes, text("0 1\n0 2\n"), &o), "2");
    g = tn_graph_read_csv(NULL, text("0 7\n"), &o);
    CHECK_IS(tn_dict_get(g, "edge_index"), "i64 [2, 1] 0 7");
    (void)written(nodes, "a 1\na 2\n", 8);
    o.no_id = o.has_label_column = false;
    CHECK_ERROR(tn_graph_read_csv(nodes, file, &o), TN_ERR_FORMAT);
    CHECK_ERROR(tn_graph_read_csv("build/no such file", file, &o), TN_ERR_IO);
    (void)remove(nodes);
}
TEST(ogb) {
    static const unsigned char feat_gz[] = {31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 51, 212, 49, 210, 51, 229, 50, 214, 209, 53, 73, 213, 53, 230, 2, 0, 215, 176, 181, 61, 14, 0, 0, 0}; /* 1,2.5 and 3,-4e-3 */
    static const char *const files[][2] = {{"raw/num-node-list.csv", "2\n"}, {"raw/edge.csv", "0,1\n1,1\n"}, {"raw/edge-feat.csv", "5\n6\n"}, {"raw/node-label.csv", "3\n4\n"},
                                           {"split/species/train.csv", "1\n"}, {"split/species/valid.csv", ""}, {"split/species/test.csv", "0\n"}};
    char path[256];
    (void)mkdir("build/made_ogb", 0777), (void)mkdir("build/made_ogb/raw", 0777), (void)mkdir("build/made_ogb/split", 0777), (void)mkdir("build/made_ogb/split/species", 0777);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        (void)snprintf(path, sizeof path, "build/made_ogb/%s", files[i][0]);
        (void)written(path, files[i][1], strlen(files[i][1]));
    }
    (void)written("build/made_ogb/raw/node-feat.csv.gz", feat_gz, sizeof feat_gz);
    tn_graph *g = tn_graph_read_ogb("build/made_ogb", NULL);
    CHECK_IS(tn_dict_get(g, "x"), "f32 [2, 2] 1 2.5 3 -0.004");
    CHECK_IS(tn_dict_get(g, "edge_index"), "i64 [2, 2] 0 1 1 1");
    CHECK_IS(tn_dict_get(g, "edge_attr"), "f32 [2, 1] 5 6");
    CHECK_IS(tn_dict_get(g, "y"), "i64 [2, 1] 3 4");
    CHECK_IS(tn_dict_get(g, "train_mask"), "bool [2] 0 1");
    CHECK_IS(tn_dict_get(g, "val_mask"), "bool [2] 0 0");
    CHECK_IS(tn_dict_get(g, "test_mask"), "bool [2] 1 0");
    CHECK_NEAR(tn_item(tn_dict_get(g, "num_nodes")), 2, 0);
    tn_graph_ogb_opts o = {"species", true};
    g = tn_graph_read_ogb("build/made_ogb", &o);
    CHECK_IS(tn_dict_get(g, "edge_index"), "i64 [2, 4] 0 1 1 1 1 0 1 1");
    CHECK_IS(tn_dict_get(g, "edge_attr"), "f32 [4, 1] 5 5 6 6");
    o.split = "time";
    CHECK_ERROR(tn_graph_read_ogb("build/made_ogb", &o), TN_ERR_IO);
    (void)written("build/made_ogb/raw/edge.csv", "0,1\n1,2\n", 8);
    CHECK_ERROR(tn_graph_read_ogb("build/made_ogb", NULL), TN_ERR_FORMAT);
    (void)written("build/made_ogb/raw/num-node-list.csv", "2\n2\n", 4);
    CHECK_ERROR(tn_graph_read_ogb("build/made_ogb", NULL), TN_ERR_UNSUPPORTED);
    (void)written("build/made_ogb/raw/node-feat.csv.gz", feat_gz, sizeof feat_gz - 4);
    (void)written("build/made_ogb/raw/num-node-list.csv", "2\n", 2);
    CHECK_ERROR(tn_graph_read_ogb("build/made_ogb", NULL), TN_ERR_FORMAT);
    CHECK_ERROR(tn_graph_read_ogb("build/no such folder", NULL), TN_ERR_IO);
    CHECK_ERROR(tn_graph_read_ogb(NULL, NULL), TN_ERR_INVALID);
}

/* Bytes changed, cut and doubled at random: a graph or an error, and nothing out of bounds (for the sanitizers). */
TEST(mangled_files) {
    static const char *const good[] = {"3\n3 7\n4 1 1\n2 2 0 2\n4 1 1\n1 -1\n9 0\n2 7\n2 1 1\n2 1 0\n", "id,kind,a,b\n31336,Neural,1,0.5\n\"x,1\",Theory,0,2\nlast,Agents,3,4\n",
                                       "from,to,w\n31336,\"x,1\",2\nlast,31336,0.25\n", "# c\n0\t1\t2.5e3\n2 1 -inf\n1,2 9 9\n5; 0 .5"};
    uint32_t state = 1;
    tn_set_log(NULL, NULL);
    const char *nodes = "build/made_graph_nodes.tmp";
    (void)written(nodes, good[1], strlen(good[1]));
    for (int turn = 0; turn < 1200; turn++) {
        char line[256];
        size_t n = strlen(good[turn % 4]);
        memcpy(line, good[turn % 4], n);
        for (int k = 0; k < 3; k++) {
            state = state * 1664525u + 1013904223u;
            const size_t at = (state >> 8) % n;
            if (state >> 30 == 0) n = at + 1;
            else line[at] = "0123456789-.,\"\n\t e#\0x\xff"[(state >> 16) % 23];
        }
        tn_scope s = tn_scope_open();
        tn_graph_csv_opts csv;
        tn_graph_edge_list_opts list;
        memset(&csv, 0, sizeof csv);
        memset(&list, 0, sizeof list);
        csv.has_label_column = true;
        csv.label_column = 1;
        list.weighted = turn % 8 > 3;
        (void)written(file, line, n);
        tn_error_clear();
        const bool ok = turn % 4 == 0 ? tn_graphs_read_dgcnn(file).at != NULL
                        : turn % 4 == 1 ? tn_graph_read_csv(file, "build/no such file", &csv) != NULL
                        : turn % 4 == 2 ? tn_graph_read_csv(nodes, file, &csv) != NULL
                                        : tn_graph_read_edge_list(file, &list) != NULL;
        CHECK(ok == (tn_error_code() == TN_OK));
        tn_scope_close(&s);
    }
    tn_error_clear();
    (void)remove(nodes);
}

RUN_ALL
