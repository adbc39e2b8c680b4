// cc -O2 examples/sage_sampled.c -o sage_sampled -lm && ./sage_sampled [nodes]
//
// A graph of a million nodes in sixteen communities, whose features say little of them and whose edges say more. GraphSAGE
// learns from batches of 512 nodes and the neighbours drawn around them: no step touches the whole graph.
#define TENSOR_IMPLEMENTATION
#include "../ext/graph.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CLASSES = 16, FEATURES = 32, HIDDEN = 64, BATCH = 512, TRAIN = 40000, TEST = 20000 };

static double now(void) {
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
// Communities of equal size; a node has about six neighbours in its own and four elsewhere. x is the community's point, and noise.
static tn_graph *make_graph(int64_t nodes) {
    TN_SCOPE;
    int64_t sizes[CLASSES];
    double probs[CLASSES * CLASSES], each = (double)nodes / CLASSES;
    for (int i = 0; i < CLASSES; i++) sizes[i] = nodes / CLASSES;
    for (int i = 0; i < CLASSES * CLASSES; i++) probs[i] = i % (CLASSES + 1) ? 4 / (each * (CLASSES - 1)) : 6 / each;
    tn_tensor *edge_index = TN_CHECK(tn_graph_stochastic_blockmodel(sizes, probs, CLASSES, NULL));
    tn_tensor *y = tn_repeat_interleave(tn_arange(0, CLASSES, 1, &(tn_tensor_opts){.dtype = TN_I64}), nodes / CLASSES, 0);
    tn_tensor *points = tn_mul(tn_randn((int64_t[]){CLASSES, FEATURES}, 2, NULL), 0.35);
    tn_tensor *x = tn_add_(tn_randn((int64_t[]){tn_size(y, 0), FEATURES}, 2, NULL), tn_index_select(points, 0, y));
    tn_graph *g = TN_CHECK(tn_graph_new(x, edge_index));
    TN_CHECK(tn_dict_set(g, "y", y));
    return tn_keep(g);
}

typedef struct { tn_module base; tn_module *conv1, *conv2; } net;
static tn_tensor *net_forward(tn_module *self, tn_tensor *const *in, int n) {
    net *m = (net *)self;
    return tn_call(m->conv2, (tn_tensor *[]){tn_relu(tn_call(m->conv1, in, n)), in[1]}, 2);
}
static tn_module *net_new(void) {
    net *m = (net *)tn_module_new(sizeof *m, "net", net_forward);
    if (!m) return NULL;
    m->conv1 = tn_module_child(&m->base, "conv1", tn_gnn_sage_conv(FEATURES, HIDDEN, NULL));
    m->conv2 = tn_module_child(&m->base, "conv2", tn_gnn_sage_conv(HIDDEN, CLASSES, NULL));
    return &m->base;
}
// The seeds come first among a batch's nodes: theirs are the rows that count.
static tn_tensor *logits_of(tn_module *m, const tn_batch *b) {
    return tn_narrow(tn_call(m, (tn_tensor *[]){tn_dict_get(b->graph, "x"), tn_dict_get(b->graph, "edge_index")}, 2), 0, 0, b->size);
}
static tn_tensor *classes_of(const tn_batch *b) { return tn_narrow(tn_dict_get(b->graph, "y"), 0, 0, b->size); }

int main(int argc, char **argv) {
    tn_manual_seed(0);
    double start = now();
    tn_graph *g = make_graph(argc > 1 ? atoll(argv[1]) : 1000000);
    int64_t nodes = tn_graph_num_nodes(g), edges = 0;
    printf("%lld nodes, %lld edges, made in %.1f s\n", (long long)nodes, (long long)tn_graph_num_edges(g), now() - start);
    tn_tensor *order = TN_CHECK(tn_randperm(nodes, NULL));
    int64_t n_train = nodes / 3 < TRAIN ? nodes / 3 : TRAIN, n_test = nodes / 3 < TEST ? nodes / 3 : TEST;
    tn_gnn_neighbor_opts near = {.num_neighbors = (int[]){10, 10}, .n_hops = 2, .input_nodes = tn_narrow(order, 0, 0, n_train)};
    tn_loader *train = TN_CHECK(tn_gnn_neighbor_loader(g, &near, &(tn_loader_opts){.batch_size = BATCH, .shuffle = true, .workers = 1}));
    near.input_nodes = tn_narrow(order, 0, n_train, n_test);
    tn_loader *test = TN_CHECK(tn_gnn_neighbor_loader(g, &near, &(tn_loader_opts){.batch_size = BATCH, .workers = 1}));
    tn_module *m = net_new();
    tn_optimizer *opt = TN_CHECK(tn_optim_adam(m, &(tn_adam_opts){.lr = 0.005}));
    for (int epoch = 0; epoch < 3; epoch++) {
        tn_progress bar = tn_progress_begin("epoch", tn_loader_len(train));
        start = now(), edges = 0;
        for (tn_batch b; tn_loader_next(train, &b);) {
            TN_SCOPE;
            tn_tensor *loss = tn_cross_entropy(logits_of(m, &b), classes_of(&b), NULL);
            TN_CHECK(tn_backward(loss));
            TN_CHECK(tn_optim_step(opt));
            tn_optim_zero_grad(opt);
            edges += tn_graph_num_edges(b.graph);
            tn_progress_step(&bar, "loss", loss);
        }
        TN_CHECK(tn_loader_status(train));
        tn_progress_end(&bar, "%.2f million edges a second drawn and learnt from", 1e-6 * (double)edges / (now() - start));
    }
    TN_NO_GRAD;
    double right = 0;
    for (tn_batch b; tn_loader_next(test, &b);) {
        TN_SCOPE;
        right += tn_item(tn_sum(tn_eq(tn_argmax(logits_of(m, &b), &(tn_reduce_opts){.dim = 1, .has_dim = true}), classes_of(&b)), NULL));
    }
    TN_CHECK(tn_loader_status(test));
    start = now(), edges = 0;
    for (tn_batch b; tn_loader_next(test, &b);) edges += tn_graph_num_edges(b.graph);
    printf("test accuracy %.1f %%, by chance %.1f %%; sampling alone: %.2f million edges a second\n", 100 * right / (double)n_test, 100.0 / CLASSES, 1e-6 * (double)edges / (now() - start));
    return 0;
}
