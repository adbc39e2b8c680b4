// cc -O2 examples/hetero.c -o hetero -lm && ./hetero
//
// Nodes and edges of several kinds: authors write papers, which stand in venues, and papers cite papers. A made-up world of
// four fields, where nothing is told about papers but a noisy title; a venue's field or an author's has to be found through
// the edges. One layer a kind of edges (HeteroConv), summed where several lead to one kind of nodes.
#define TENSOR_IMPLEMENTATION
#include "../ext/graph.h"
#include <stdio.h>

enum { FIELDS = 4, PAPERS = 1200, AUTHORS = 400, VENUES = 20, WORDS = 16, HIDDEN = 32, KINDS = 5 };
static const char *const kinds[KINDS] = {"author__writes__paper", "paper__rev_writes__author", "paper__in__venue", "venue__rev_in__paper", "paper__cites__paper"};
static const int64_t no_shape[1] = {0};

// Node i of any kind is of field i % FIELDS. One of that field with a chance of 80 %, else any.
static int64_t draw(int64_t field, int64_t n) {
    int64_t any = (int64_t)tn_item(tn_randint(0, n, no_shape, 0, NULL));
    return tn_item(tn_rand(no_shape, 0, NULL)) < 0.8 ? any / FIELDS * FIELDS + field : any;
}
// each edges from every node of a kind to nodes of another.
static tn_tensor *make_edges(int64_t from, int64_t to, int64_t each) {
    tn_tensor *t = TN_CHECK(tn_zeros((int64_t[]){2, from * each}, 2, &(tn_tensor_opts){.dtype = TN_I64}));
    int64_t *source = tn_data(t), *target = source + from * each;
    for (int64_t k = 0; k < from * each; k++) {
        TN_SCOPE;
        source[k] = k / each;
        target[k] = draw(source[k] % FIELDS, to);
    }
    return t;
}
static tn_tensor *features(int64_t n, double signal) {
    tn_tensor *points = tn_mul(tn_eye(FIELDS, WORDS, NULL), signal), *field = tn_remainder(tn_arange(0, (double)n, 1, &(tn_tensor_opts){.dtype = TN_I64}), FIELDS);
    return TN_CHECK(tn_add(tn_randn((int64_t[]){n, WORDS}, 2, NULL), tn_index_select(points, 0, field)));
}
static tn_tensor *reversed(tn_tensor *edge_index) { return TN_CHECK(tn_flip(edge_index, (int[]){0}, 1)); }

typedef struct { tn_module *conv1, *conv2, *last; } net;
static tn_module *layer_new(int64_t in) { // each kind of edges has its own weights
    tn_module *convs[KINDS];
    for (int k = 0; k < KINDS; k++) convs[k] = tn_gnn_sage_conv(in, HIDDEN, &(tn_sage_opts){.in_channels_dst = in});
    return tn_gnn_hetero_conv(kinds, convs, KINDS, "sum");
}
static tn_dict *relu_all(tn_dict *x) {
    for (int i = 0; i < tn_dict_len(x); i++) TN_CHECK(tn_dict_set(x, tn_dict_name(x, i), tn_relu(tn_dict_at(x, i))));
    return x;
}
static tn_tensor *run(const net *m, tn_dict *x, tn_dict *edge_index) { // the papers' fields
    tn_dict *h = relu_all(TN_CHECK(tn_gnn_hetero_forward(m->conv1, x, edge_index, NULL)));
    h = relu_all(TN_CHECK(tn_gnn_hetero_forward(m->conv2, h, edge_index, NULL)));
    return tn_forward(m->last, tn_dict_get(h, "paper"));
}
static double accuracy(const net *m, tn_dict *x, tn_dict *edge_index, tn_tensor *y) {
    TN_SCOPE; TN_NO_GRAD;
    tn_tensor *hit = tn_eq(tn_argmax(run(m, x, edge_index), &(tn_reduce_opts){.dim = 1, .has_dim = true}), y);
    return 100 * tn_item(tn_mean(tn_to_dtype(tn_narrow(hit, 0, PAPERS / 2, PAPERS / 2), TN_F32), NULL)); // the second half
}

int main(void) {
    tn_manual_seed(0);
    tn_dict *x = tn_dict_new(), *edge_index = tn_dict_new(), *none = tn_dict_new();
    TN_CHECK(tn_dict_set(x, "paper", features(PAPERS, 0.8)));
    TN_CHECK(tn_dict_set(x, "author", features(AUTHORS, 0)));
    TN_CHECK(tn_dict_set(x, "venue", features(VENUES, 0)));
    tn_tensor *writes = make_edges(AUTHORS, PAPERS, 6), *stands = make_edges(PAPERS, VENUES, 1), *cites = make_edges(PAPERS, PAPERS, 2);
    tn_tensor *made[KINDS] = {writes, reversed(writes), stands, reversed(stands), cites};
    for (int k = 0; k < KINDS; k++) {
        TN_CHECK(tn_dict_set(edge_index, kinds[k], made[k]));
        TN_CHECK(tn_dict_set(none, kinds[k], TN_CHECK(tn_narrow(made[k], 1, 0, 0))));
    }
    tn_tensor *y = tn_remainder(tn_arange(0, PAPERS, 1, &(tn_tensor_opts){.dtype = TN_I64}), FIELDS);
    for (int with = 0; with < 2; with++) { // first by titles alone
        TN_SCOPE;
        net m = {layer_new(WORDS), layer_new(HIDDEN), tn_nn_linear(HIDDEN, FIELDS, NULL)};
        tn_module *all = TN_CHECK(tn_nn_module_list((tn_module *[]){m.conv1, m.conv2, m.last}, 3));
        tn_optimizer *opt = TN_CHECK(tn_optim_adam(all, &(tn_adam_opts){.lr = 0.005, .weight_decay = 1e-3}));
        tn_dict *edges = with ? edge_index : none;
        tn_progress bar = tn_progress_begin(with ? "with edges" : "titles alone", 60);
        for (int epoch = 0; epoch < 60; epoch++) {
            TN_SCOPE;
            tn_tensor *loss = tn_cross_entropy(tn_narrow(run(&m, x, edges), 0, 0, PAPERS / 2), tn_narrow(y, 0, 0, PAPERS / 2), NULL);
            TN_CHECK(tn_backward(loss));
            TN_CHECK(tn_optim_step(opt));
            tn_optim_zero_grad(opt);
            tn_progress_step(&bar, "loss", loss);
        }
        tn_progress_end(&bar, "test accuracy %.1f %%", accuracy(&m, x, edges, y));
    }
    return 0;
}
