/* Section embed of ext/graph.h: walks, and embeddings of knowledge graphs against PyTorch Geometric's. */
#include "../ext/graph.h"
#include "gnn_golden.h"

#define OPTS(type, ...) (&(type){__VA_ARGS__})
static tn_tensor *i64s(const int64_t *v, int64_t rows, int64_t n) {
    const int64_t shape[2] = {rows ? rows : n, n};
    return tn_from(v, shape, rows ? 2 : 1, OPTS(tn_tensor_opts, .dtype = TN_I64));
}
static tn_tensor *all; /* NULL: no batch */
static int64_t walk_at(tn_tensor *walks, int64_t i, int64_t k) { return ((const int64_t *)tn_test_values(walks))[tn_ndim(walks) == 1 ? i : i * tn_size(walks, 1) + k]; }

/* A circle 0 -> 1 -> 2 -> 3 -> 0: every walk is known. */
TEST(node2vec) {
    tn_tensor *circle = i64s((const int64_t[]){0, 1, 2, 3, 1, 2, 3, 0}, 2, 4), *batch = i64s((const int64_t[]){2, 0, 3}, 0, 3);
    tn_module *m = tn_gnn_node2vec(circle, 5, 4, 3, OPTS(tn_gnn_node2vec_opts, .walks_per_node = 2, .num_negative_samples = 3, .generator = tn_generator_new(1)));
    const tn_gnn_walks w = tn_gnn_walk_sample(m, batch);
    CHECK(w.pos && w.neg && tn_size(w.pos, 1) == 3 && tn_size(w.neg, 1) == 3);
    CHECK(tn_size(w.pos, 0) == 3 * 2 * 2 && tn_size(w.neg, 0) == 3 * 2 * 3 * 2);
    for (int64_t i = 0; w.pos && i < 12; i++) {
        CHECK(walk_at(w.pos, i, 0) == (walk_at(batch, i % 3, 0) + i / 6) % 4);
        CHECK(walk_at(w.pos, i, 1) == (walk_at(w.pos, i, 0) + 1) % 4 && walk_at(w.pos, i, 2) == (walk_at(w.pos, i, 0) + 2) % 4);
    }
    CHECK(w.neg && tn_item(tn_min(w.neg)) >= 0 && tn_item(tn_max(w.neg)) < 4);
    CHECK(tn_size(tn_call(m, &all, 1), 0) == 4 && tn_size(tn_forward(m, batch), 0) == 3);
    CHECK_ERROR(tn_gnn_node2vec(circle, 5, 2, 3, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_node2vec(circle, 0, 4, 3, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_node2vec(circle, 5, 4, 3, OPTS(tn_gnn_node2vec_opts, .num_nodes = 3)), TN_ERR_INDEX);
    CHECK_ERROR(tn_gnn_node2vec(NULL, 5, 4, 3, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_walk_sample(m, circle).pos, TN_ERR_SHAPE);
}
/* -mean(log sigmoid(first . other)) of walks, and -mean(log(1 - ...)) of the drawn. */
TEST(walk_loss) {
    tn_module *m = tn_gnn_node2vec(i64s((const int64_t[]){0, 1}, 2, 1), 3, 2, 2, NULL);
    tn_tensor *pos = i64s((const int64_t[]){0, 1, 1, 1, 0, 1}, 2, 3), *neg = i64s((const int64_t[]){0, 1}, 1, 2), *w = tn_call(m, &all, 1);
    double dot[2][2], sum = 0;
    for (int64_t i = 0; i < 2; i++)
        for (int64_t k = 0; k < 2; k++) dot[i][k] = tn_item(tn_dot(tn_select(w, 0, i), tn_select(w, 0, k)));
    const double of[4] = {dot[0][1], dot[0][1], dot[1][0], dot[1][1]};
    for (int i = 0; i < 4; i++) sum += log(1 + exp(-of[i])) / 4;
    tn_tensor *loss = tn_gnn_walk_loss(m, pos, neg);
    CHECK_NEAR(tn_item(loss), sum + log(1 + exp(dot[0][1])), 1e-5);
    CHECK(tn_backward(loss) == TN_OK && tn_grad(tn_module_get(m, "embedding.weight")));
    CHECK_ERROR(tn_gnn_walk_loss(m, pos, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_walk_loss(m, pos, tn_narrow(neg, 1, 0, 1)), TN_ERR_SHAPE);
}
/* Two authors, three papers, the last of which nobody wrote; rows: authors, papers, the dummy. */
TEST(metapath2vec) {
    static const char *const path[] = {"author__writes__paper", "paper__written__author"}, *const broken[] = {"author__writes__paper", "author__writes__paper"}, *const none[] = {"a__b__c"}, *const types[] = {"paper"};
    tn_dict *edges = tn_dict_new();
    (void)tn_dict_set(edges, path[1], i64s((const int64_t[]){0, 1, 0, 1}, 2, 2));
    (void)tn_dict_set(edges, path[0], i64s((const int64_t[]){0, 1, 0, 1}, 2, 2));
    const tn_gnn_metapath_opts opts = {types, (const int64_t[]){3}, 1, {.walks_per_node = 2, .generator = tn_generator_new(1)}};
    tn_module *m = tn_gnn_metapath2vec(edges, 4, path, 2, 3, 4, &opts);
    CHECK(m && tn_size(tn_call(m, &all, 1), 0) == 2 + 3 + 1);
    tn_gnn_walks w = tn_gnn_walk_sample(m, i64s((const int64_t[]){1, 0}, 0, 2));
    CHECK(w.pos && tn_size(w.pos, 0) == 4 && tn_size(w.pos, 1) == 4 && tn_size(w.neg, 0) == 4);
    for (int64_t i = 0; w.pos && i < 4; i++) {
        const int64_t author = i % 2 ? 0 : 1;
        CHECK(walk_at(w.pos, i, 0) == author && walk_at(w.pos, i, 1) == 2 + author && walk_at(w.pos, i, 2) == author && walk_at(w.pos, i, 3) == 2 + author);
        CHECK(walk_at(w.neg, i, 0) == author && walk_at(w.neg, i, 1) >= 2 && walk_at(w.neg, i, 1) < 5 && walk_at(w.neg, i, 2) < 2);
    }
    CHECK(isfinite(tn_item(tn_gnn_walk_loss(m, w.pos, w.neg))));
    CHECK(tn_size(tn_gnn_metapath2vec_embedding(m, "paper", NULL), 0) == 3);
    tn_module *back = tn_gnn_metapath2vec(edges, 4, (const char *const[]){path[1], path[0]}, 2, 2, 3, &opts); /* paper 2 has no author: a dummy from there on */
    w = tn_gnn_walk_sample(back, i64s((const int64_t[]){2}, 0, 1));
    CHECK(w.pos && walk_at(w.pos, 0, 0) == 4 && walk_at(w.pos, 0, 1) == 5 && walk_at(w.pos, 0, 2) == 5);
    CHECK_ERROR(tn_gnn_walk_sample(back, i64s((const int64_t[]){3}, 0, 1)).pos, TN_ERR_INDEX);
    CHECK_ERROR(tn_gnn_metapath2vec_embedding(m, "venue", NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_metapath2vec(edges, 4, broken, 2, 3, 4, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_metapath2vec(edges, 4, none, 1, 1, 2, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_metapath2vec(edges, 4, path, 1, 3, 4, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_metapath2vec(edges, 4, path, 2, 3, 5, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_metapath2vec(NULL, 4, path, 2, 3, 4, NULL), TN_ERR_INVALID);
}

TEST(knowledge_graphs) {
    golden_case("embeddings", "trans_e", tn_gnn_kge_trans_e(9, 3, 4, NULL), NULL);
    golden_case("embeddings", "trans_e_2", tn_gnn_kge_trans_e(9, 3, 4, OPTS(tn_gnn_kge_opts, .p_norm = 2)), NULL);
    golden_case("embeddings", "dist_mult", tn_gnn_kge_dist_mult(9, 3, 4, NULL), NULL);
    golden_case("embeddings", "compl_ex", tn_gnn_kge_compl_ex(9, 3, 4, NULL), NULL);
    golden_case("embeddings", "rotat_e", tn_gnn_kge_rotat_e(9, 3, 4, OPTS(tn_gnn_kge_opts, .margin = 2)), NULL);
    CHECK(golden_all_run("embeddings"));
}
TEST(kge_losses_and_ranks) {
    tn_tensor *head = i64s((const int64_t[]){0, 1, 2, 3}, 0, 4), *rel = i64s((const int64_t[]){0, 1, 0, 1}, 0, 4), *tail = i64s((const int64_t[]){4, 3, 2, 0}, 0, 4), *in[3] = {head, rel, tail};
    tn_module *m[4] = {tn_gnn_kge_trans_e(5, 2, 3, NULL), tn_gnn_kge_dist_mult(5, 2, 3, OPTS(tn_gnn_kge_opts, .margin = 0.5)), tn_gnn_kge_compl_ex(5, 2, 3, NULL), tn_gnn_kge_rotat_e(5, 2, 3, NULL)};
    for (int i = 0; i < 4; i++) {
        const tn_gnn_triples t = tn_gnn_kge_random_sample(m[i], head, rel, tail);
        tn_tensor *other[3] = {t.head, t.rel, t.tail};
        CHECK(t.rel == rel && walk_at(t.tail, 0, 0) == 4 && walk_at(t.tail, 1, 0) == 3 && walk_at(t.head, 2, 0) == 2 && walk_at(t.head, 3, 0) == 3);
        tn_tensor *pos = tn_call(m[i], in, 3), *neg = tn_call(m[i], other, 3), *wanted;
        if (i < 2) wanted = tn_mean(tn_relu(tn_add(tn_sub(neg, pos), i ? 0.5 : 1.0)), NULL);
        else wanted = tn_mul(tn_add(tn_mean(tn_softplus(tn_neg(pos), 1, 20), NULL), tn_mean(tn_softplus(neg, 1, 20), NULL)), 0.5);
        CHECK_NEAR(tn_item(tn_gnn_kge_loss(m[i], head, rel, tail, &t)), tn_item(wanted), 1e-5);
        CHECK(tn_backward(tn_gnn_kge_loss(m[i], head, rel, tail, NULL)) == TN_OK && tn_grad(tn_module_get(m[i], "node_emb.weight")));
        double rank = 0, mrr = 0, hits = 0;
        for (int64_t k = 0; k < 4; k++) {
            int better = 0;
            for (int64_t v = 0; v < 5; v++) {
                tn_tensor *one[3] = {tn_narrow(head, 0, k, 1), tn_narrow(rel, 0, k, 1), i64s(&v, 0, 1)};
                better += tn_item(tn_call(m[i], one, 3)) > tn_item(tn_select(pos, 0, k)) + 1e-6;
            }
            rank += better / 4.0, mrr += 0.25 / (better + 1), hits += better < 2 ? 0.25 : 0;
        }
        const tn_gnn_kge_scores s = tn_gnn_kge_test(m[i], head, rel, tail, 2, 2), whole = tn_gnn_kge_test(m[i], head, rel, tail, 0, 2);
        CHECK_NEAR(s.mean_rank, rank, 1e-9);
        CHECK_NEAR(s.mrr, mrr, 1e-9);
        CHECK_NEAR(s.hits, hits, 1e-9);
        CHECK(whole.mean_rank == s.mean_rank && whole.mrr == s.mrr);
    }
    CHECK_ERROR(tn_gnn_kge_trans_e(0, 2, 3, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_kge_loss(m[0], head, rel, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_kge_loss(m[0], head, rel, tn_narrow(tail, 0, 0, 2), NULL), TN_ERR_SHAPE);
    CHECK(isnan(tn_gnn_kge_test(m[0], tn_narrow(head, 0, 0, 0), tn_narrow(rel, 0, 0, 0), tn_narrow(tail, 0, 0, 0), 0, 2).mrr) && tn_error_code() == TN_ERR_INVALID);
    tn_error_clear();
}
RUN_ALL
