/* Test accuracies of graph nets, which bench/gnn_table.py sets beside PyTorch Geometric's and the papers'.

   usage: gnn_table [--data DIR] [--only MODEL,...] [--seeds N] [--repeats N]

   On Cora's public split (DIR/cora.safetensors) each net is trained --seeds times (20), as in PyG's citation benchmark; on MUTAG (DIR/mutag.txt)
   GIN is cross-validated over ten folds --repeats times (3), as in its paper. One JSON line a run, then means, standard deviations and standard
   errors. DIR: ../shared/data, else data. A set that is not there is left out. One thread. */
#define TENSOR_GRAPH_IMPLEMENTATION
#include "../ext/graph.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* -- nets on Cora -- */
typedef struct { tn_module base; tn_module *a, *b, *propagate; tn_tensor *(*act)(tn_tensor *); double p; bool drop_input; } net;

/* Dropout of features most of which are 0, and stay so: draws for the stored ones alone (at: where they are in x), as PyG's side of the table does. */
static tn_tensor *drop_stored(tn_tensor *x, tn_tensor *at, double p) {
    const int64_t all[1] = {tn_numel(x)}, shape[2] = {tn_size(x, 0), tn_size(x, 1)};
    tn_tensor *kept = tn_dropout(tn_index_select(tn_reshape(x, all, 1), 0, at), p, true);
    return tn_reshape(tn_scatter_(tn_zeros(all, 1, NULL), 0, at, kept), shape, 2);
}

static tn_tensor *elu(tn_tensor *x) { return tn_elu(x, 1); }
/* (x, edge_index, where x is not 0): two layers, convolutions or, where propagate follows, linear ones. */
static tn_tensor *net_forward(tn_module *self, tn_tensor *const *in, int n) {
    const net *m = (const net *)self;
    const bool training = tn_module_training(self);
    tn_tensor *x = m->drop_input && training ? drop_stored(in[0], in[2], m->p) : in[0];
    n = m->propagate ? 1 : 2;
    x = tn_call(m->a, (tn_tensor *[]){x, in[1]}, n);
    x = tn_dropout(m->act(x), m->p, training);
    x = tn_call(m->b, (tn_tensor *[]){x, in[1]}, n);
    return m->propagate ? tn_call(m->propagate, (tn_tensor *[]){x, in[1]}, 2) : x;
}
static tn_module *net_new(tn_module *a, tn_module *b, tn_tensor *(*act)(tn_tensor *), double p, bool drop_input) {
    net *m = (net *)TN_CHECK(tn_module_new(sizeof *m, "Net", net_forward));
    m->a = tn_module_child(&m->base, "a", a);
    m->b = tn_module_child(&m->base, "b", b);
    m->act = act, m->p = p, m->drop_input = drop_input;
    return &m->base;
}
static tn_module *gcn(int64_t in, int64_t out) {
    tn_module *a = tn_gnn_gcn_conv(in, 16, NULL);
    return net_new(a, tn_gnn_gcn_conv(16, out, NULL), tn_relu, 0.5, false);
}
static tn_module *gat(int64_t in, int64_t out) {
    tn_module *a = tn_gnn_gat_conv(in, 8, &(tn_gat_opts){.heads = 8, .dropout = 0.6});
    return net_new(a, tn_gnn_gat_conv(64, out, &(tn_gat_opts){.mean_heads = true, .dropout = 0.6}), elu, 0.6, true);
}
static tn_module *sgc(int64_t in, int64_t out) { return tn_gnn_sg_conv(in, out, 2, &(tn_sg_opts){.cached = true}); }
static tn_module *cheb(int64_t in, int64_t out, int64_t K) {
    tn_module *a = tn_gnn_cheb_conv(in, 16, K, NULL);
    return net_new(a, tn_gnn_cheb_conv(16, out, K, NULL), tn_relu, 0.5, false);
}
static tn_module *cheb2(int64_t in, int64_t out) { return cheb(in, out, 2); }
static tn_module *cheb3(int64_t in, int64_t out) { return cheb(in, out, 3); }
static tn_module *appnp(int64_t in, int64_t out) {
    tn_module *a = tn_nn_linear(in, 64, NULL);
    net *m = (net *)net_new(a, tn_nn_linear(64, out, NULL), tn_relu, 0.5, true);
    m->propagate = tn_module_child(&m->base, "propagate", tn_gnn_appnp(10, 0.1, NULL));
    return &m->base;
}
/* As in bench/gnn_table.py. */
typedef struct {
    const char *name;
    tn_module *(*make)(int64_t features, int64_t classes);
    double lr, weight_decay;
    int epochs, patience; /* 0: all epochs */
    bool plain; /* features as they are, not divided by their sums */
} model;
static const model models[] = {
    {"GCN", gcn, 0.01, 5e-4, 200, 10, false},
    {"GAT", gat, 0.005, 5e-4, 1000, 100, false},
    {"SGC", sgc, 0.1, 5e-4, 200, 10, true},
    {"SGC (its paper's settings)", sgc, 0.2, 1.3e-5, 100, 0, false},
    {"ChebNet K=2", cheb2, 0.01, 5e-4, 200, 10, false},
    {"ChebNet K=3", cheb3, 0.01, 5e-4, 200, 10, false},
    {"APPNP", appnp, 0.01, 5e-4, 200, 10, false},
};

/* -- what both sets need -- */
typedef struct { double accuracy, loss, spread; int epochs; } outcome; /* loss: of validation; spread: over folds */

static double now(void) {
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
static double accuracy_of(tn_tensor *scores, tn_tensor *y) {
    tn_tensor *best = TN_CHECK(tn_argmax(scores, &(tn_reduce_opts){.dim = 1, .has_dim = true}));
    const int64_t *a = tn_data(best), *b = tn_data(y), n = tn_numel(y);
    int64_t right = 0;
    for (int64_t i = 0; i < n; i++) right += a[i] == b[i];
    return 100.0 * (double)right / (double)n;
}
static void learn(tn_optimizer *o, tn_tensor *loss) {
    TN_CHECK(tn_backward(loss));
    TN_CHECK(tn_optim_step(o));
    tn_optim_zero_grad(o);
}
static void summary(tn_progress *bar, const double *v, int n) {
    double mean = 0, square = 0;
    for (int i = 0; i < n; i++) mean += v[i] / n;
    for (int i = 0; i < n; i++) square += (v[i] - mean) * (v[i] - mean);
    const double sd = n > 1 ? sqrt(square / (n - 1)) : 0;
    tn_progress_end(bar, "%.2f ± %.2f, standard error %.2f, %d runs", mean, sd, sd / sqrt(n), n);
}

/* -- Cora -- */
typedef struct { tn_tensor *x, *plain, *stored, *edges, *rows[3], *y[3]; int64_t classes; } citations; /* rows and labels to train, validate, test */

/* Where x is not 0, by place in its memory. */
static tn_tensor *places_of(tn_tensor *x) { return TN_CHECK(tn_select(tn_nonzero(tn_reshape(x, (int64_t[]){-1}, 1)), 1, 0)); }
static citations citations_of(tn_graph *g) {
    static const char *const mask[3] = {"train_mask", "val_mask", "test_mask"};
    tn_tensor *y = tn_dict_get(g, "y");
    citations c = {.plain = tn_dict_get(g, "x"), .x = tn_dict_get(TN_CHECK(tn_graph_normalize_features(g)), "x"), .edges = tn_dict_get(g, "edge_index")};
    c.stored = places_of(c.x);
    for (int i = 0; i < 3; i++) {
        c.rows[i] = places_of(tn_dict_get(g, mask[i]));
        c.y[i] = TN_CHECK(tn_index_select(y, 0, c.rows[i]));
    }
    c.classes = (int64_t)tn_item(tn_max(y)) + 1;
    return c;
}
static double mean_of_last(const double *losses, int n, int most) {
    double sum = 0;
    const int from = n > most ? n - most : 0;
    for (int i = from; i < n; i++) sum += losses[i];
    return sum / (n - from);
}
static outcome train_cora(const model *spec, const citations *c, int seed) {
    TN_SCOPE;
    tn_manual_seed((uint64_t)seed);
    tn_tensor *in[3] = {spec->plain ? c->plain : c->x, c->edges, c->stored};
    const int n = spec->make == sgc ? 2 : 3;
    tn_module *m = TN_CHECK(spec->make(tn_size(in[0], 1), c->classes));
    tn_optimizer *o = TN_CHECK(tn_optim_adam(m, &(tn_adam_opts){.lr = spec->lr, .weight_decay = spec->weight_decay}));
    double losses[1000], best = INFINITY, accuracy = 0;
    int epoch = 0;
    while (epoch < spec->epochs) {
        TN_SCOPE;
        tn_module_train(m, true);
        learn(o, tn_cross_entropy(tn_index_select(tn_call(m, in, n), 0, c->rows[0]), c->y[0], NULL));
        tn_module_train(m, false);
        TN_NO_GRAD;
        tn_tensor *out = TN_CHECK(tn_call(m, in, n));
        const double loss = losses[epoch++] = tn_item(TN_CHECK(tn_cross_entropy(tn_index_select(out, 0, c->rows[1]), c->y[1], NULL)));
        if (loss < best) best = loss, accuracy = accuracy_of(tn_index_select(out, 0, c->rows[2]), c->y[2]);
        if (spec->patience && epoch > spec->epochs / 2 && loss > mean_of_last(losses, epoch - 1, spec->patience)) break;
    }
    return (outcome){accuracy, best, 0, epoch};
}
static void cora(const model *spec, const citations *c, int seeds) {
    double *v = (double *)TN_CHECK(malloc((size_t)seeds * sizeof *v));
    tn_progress bar = tn_progress_begin(spec->name, seeds);
    for (int seed = 0; seed < seeds; seed++) {
        const double start = now();
        const outcome r = train_cora(spec, c, seed);
        v[seed] = r.accuracy;
        printf("{\"model\": \"%s\", \"seed\": %d, \"test_acc\": %.2f, \"val_loss\": %.4f, \"epochs\": %d, \"seconds\": %.2f}\n", spec->name, seed, r.accuracy, r.loss, r.epochs, now() - start);
        fflush(stdout);
        tn_progress_step(&bar, NULL, NULL);
    }
    summary(&bar, v, seeds);
    free(v);
}

/* -- MUTAG -- */
enum { LAYERS = 5, HIDDEN = 32, FOLDS = 10, EPOCHS = 200 };
typedef struct { tn_module base; tn_module *convs[LAYERS], *norms[LAYERS], *out[LAYERS + 1]; } gin;

static tn_tensor *readout(tn_module *out, tn_tensor *x, tn_tensor *batch, int64_t graphs, bool training) {
    return tn_dropout(tn_forward(out, tn_gnn_global_add_pool(x, batch, graphs)), 0.5, training);
}
/* (x, edge_index, batch, y): scores of as many graphs as y has, the sum over layers of what each gives. */
static tn_tensor *gin_forward(tn_module *self, tn_tensor *const *in, int n) {
    const gin *m = (const gin *)self;
    const bool training = tn_module_training(self);
    const int64_t graphs = n > 3 ? tn_numel(in[3]) : -1;
    tn_tensor *x = in[0], *score = readout(m->out[0], x, in[2], graphs, training);
    for (int i = 0; i < LAYERS; i++) {
        x = tn_relu(tn_forward(m->norms[i], tn_call(m->convs[i], (tn_tensor *[]){x, in[1]}, 2)));
        score = tn_add(score, readout(m->out[i + 1], x, in[2], graphs, training));
    }
    return score;
}
static tn_module *child(tn_module *self, const char *kind, int i, tn_module *m) {
    char name[16];
    snprintf(name, sizeof name, "%s%d", kind, i);
    return tn_module_child(self, name, m);
}
static tn_module *gin_new(int64_t features, int64_t classes) {
    gin *m = (gin *)TN_CHECK(tn_module_new(sizeof *m, "GIN", gin_forward));
    m->out[0] = child(&m->base, "out", 0, tn_nn_linear(features, classes, NULL));
    for (int i = 0; i < LAYERS; i++) {
        tn_module *first = tn_nn_linear(i ? HIDDEN : features, HIDDEN, NULL), *norm = tn_nn_batch_norm1d(HIDDEN, NULL);
        tn_module *mlp = tn_nn_sequential(first, norm, tn_nn_relu(), tn_nn_linear(HIDDEN, HIDDEN, NULL), TN_END);
        m->convs[i] = child(&m->base, "convs", i, tn_gnn_gin_conv(mlp, NULL));
        m->norms[i] = child(&m->base, "norms", i, tn_nn_batch_norm1d(HIDDEN, NULL));
        m->out[i + 1] = child(&m->base, "out", i + 1, tn_nn_linear(HIDDEN, classes, NULL));
    }
    return &m->base;
}
static tn_tensor *scores_of(tn_module *m, const tn_graph *b) {
    return tn_call(m, (tn_tensor *[]){tn_dict_get(b, "x"), tn_dict_get(b, "edge_index"), tn_dict_get(b, "batch"), tn_dict_get(b, "y")}, 4);
}
/* Each graph's fold: in a random order, those of one label after the other, they go to the folds in turn. */
static void deal(const tn_graphs *set, int seed, int *fold) {
    TN_SCOPE;
    tn_tensor *order = TN_CHECK(tn_randperm(set->n, &(tn_tensor_opts){.generator = TN_CHECK(tn_generator_new((uint64_t)seed))}));
    const int64_t *at = (const int64_t *)tn_data(order);
    for (int64_t label = 0, dealt = 0; dealt < set->n; label++)
        for (int64_t i = 0; i < set->n; i++)
            if ((int64_t)tn_item(tn_dict_get(set->at[at[i]], "y")) == label) fold[at[i]] = (int)(dealt++ % FOLDS);
}
/* Trains on all but fold k: the test accuracy after each epoch. */
static void train_fold(const tn_graphs *set, const int *fold, int k, int seed, double *curve) {
    TN_SCOPE;
    tn_graph **graphs = (tn_graph **)TN_CHECK(malloc((size_t)set->n * sizeof *graphs));
    int train = 0, test = 0;
    for (int64_t i = 0; i < set->n; i++)
        if (fold[i] != k) graphs[train++] = set->at[i];
    for (int64_t i = 0; i < set->n; i++)
        if (fold[i] == k) graphs[train + test++] = set->at[i];
    tn_manual_seed((uint64_t)(FOLDS * seed + k));
    tn_module *m = gin_new(tn_size(tn_dict_get(graphs[0], "x"), 1), 2);
    tn_optimizer *o = TN_CHECK(tn_optim_adam(m, &(tn_adam_opts){.lr = 0.01}));
    tn_scheduler *schedule = TN_CHECK(tn_sched_step_lr(o, 50, 0.5));
    tn_loader *loader = TN_CHECK(tn_data_loader(tn_data_graphs(graphs, train), &(tn_loader_opts){.batch_size = 32, .shuffle = true}));
    tn_graph *tested = TN_CHECK(tn_graph_batch(graphs + train, test));
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        TN_SCOPE;
        tn_module_train(m, true);
        for (tn_batch b; tn_loader_next(loader, &b);) learn(o, tn_cross_entropy(scores_of(m, b.graph), tn_dict_get(b.graph, "y"), NULL));
        TN_CHECK(tn_loader_status(loader));
        TN_CHECK(tn_sched_step(schedule));
        tn_module_train(m, false);
        TN_NO_GRAD;
        curve[epoch] = accuracy_of(scores_of(m, tested), tn_dict_get(tested, "y"));
    }
    free(graphs);
}
/* The epoch of the highest mean over folds. */
static outcome validate(const tn_graphs *set, int seed, tn_progress *bar) {
    static double curves[FOLDS][EPOCHS];
    outcome best = {0, 0, 0, 0};
    int *fold = (int *)TN_CHECK(malloc((size_t)set->n * sizeof *fold));
    deal(set, seed, fold);
    for (int k = 0; k < FOLDS; k++) {
        train_fold(set, fold, k, seed, curves[k]);
        tn_progress_step(bar, NULL, NULL);
    }
    free(fold);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        double mean = 0, square = 0;
        for (int k = 0; k < FOLDS; k++) mean += curves[k][epoch] / FOLDS;
        for (int k = 0; k < FOLDS; k++) square += (curves[k][epoch] - mean) * (curves[k][epoch] - mean);
        if (mean > best.accuracy + 1e-9) best = (outcome){mean, 0, sqrt(square / (FOLDS - 1)), epoch + 1};
    }
    return best;
}
static void mutag(const char *name, const tn_graphs *set, int repeats) {
    double *v = (double *)TN_CHECK(malloc((size_t)repeats * sizeof *v));
    tn_progress bar = tn_progress_begin(name, repeats * FOLDS);
    for (int seed = 0; seed < repeats; seed++) {
        const double start = now();
        const outcome r = validate(set, seed, &bar);
        v[seed] = r.accuracy;
        printf("{\"model\": \"%s\", \"seed\": %d, \"test_acc\": %.2f, \"fold_sd\": %.2f, \"epochs\": %d, \"seconds\": %.2f}\n", name, seed, r.accuracy, r.spread, r.epochs, now() - start);
        fflush(stdout);
    }
    summary(&bar, v, repeats);
    free(v);
}

/* -- what is asked for -- */
static const char *only = "";

/* Whether name begins with one of the words of only, whatever the case. */
static bool asked(const char *name) {
    for (const char *word = only;; word++) {
        size_t i = 0;
        while (word[i] && word[i] != ',' && tolower((unsigned char)word[i]) == tolower((unsigned char)name[i])) i++;
        if (!word[i] || word[i] == ',') return true;
        word = strchr(word, ',');
        if (!word) return false;
    }
}
/* The set's path, or NULL and a message. */
static const char *found(const char *folder, const char *file, char *path, size_t size) {
    const char *const at[2] = {folder ? folder : "../shared/data", folder ? folder : "data"};
    for (int i = 0; i < 2; i++) {
        snprintf(path, size, "%s/%s", at[i], file);
        FILE *f = fopen(path, "rb");
        if (f) return fclose(f), path;
    }
    fprintf(stderr, "gnn_table: no %s in %s: left out (--data says where it is)\n", file, folder ? folder : "../shared/data or data");
    return NULL;
}
static int number_of(const char *text, int most) {
    const int n = atoi(text);
    if (n >= 1 && n <= most) return n;
    fprintf(stderr, "gnn_table: %s, 1 to %d wanted\n", text, most);
    exit(2);
}
int main(int argc, char **argv) {
    static const char gin_name[] = "GIN on MUTAG";
    const char *folder = NULL;
    char path[4096];
    int seeds = 20, repeats = 3;
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 < argc && strcmp(argv[i], "--data") == 0) folder = argv[i + 1];
        else if (i + 1 < argc && strcmp(argv[i], "--only") == 0) only = argv[i + 1];
        else if (i + 1 < argc && strcmp(argv[i], "--seeds") == 0) seeds = number_of(argv[i + 1], 10000);
        else if (i + 1 < argc && strcmp(argv[i], "--repeats") == 0) repeats = number_of(argv[i + 1], 10000);
        else return fprintf(stderr, "usage: gnn_table [--data DIR] [--only MODEL,...] [--seeds N] [--repeats N]\n"), 2;
    }
    TN_CHECK(tn_set_num_threads(1));
    TN_SCOPE;
    if (found(folder, "cora.safetensors", path, sizeof path)) {
        const citations c = citations_of(TN_CHECK(tn_graph_planetoid(path)));
        for (size_t i = 0; i < sizeof models / sizeof *models; i++)
            if (asked(models[i].name)) cora(&models[i], &c, seeds);
    }
    if (asked(gin_name) && found(folder, "mutag.txt", path, sizeof path)) {
        const tn_graphs set = tn_graphs_read_dgcnn(path);
        TN_CHECK(set.at);
        mutag(gin_name, &set, repeats);
    }
    return 0;
}
