// cc -O2 examples/molecule_explain.c -o molecule_explain -lm && ./molecule_explain [mutag.txt]
//
// Why does the net say so? A GIN learns which molecules of MUTAG change genes; GNNExplainer then finds the bonds that its word
// on one of them rests on. Chemists name nitro groups, NO2. Without the file: made-up molecules, where NO2 is the whole truth.
#define TENSOR_IMPLEMENTATION
#include "../ext/graph.h"
#include <stdio.h>
#include <stdlib.h>

enum { ATOMS = 7, HIDDEN = 32, LAYERS = 3, EPOCHS = 100, MADE = 200 };
static const char *const symbols[ATOMS] = {"Br", "Cl", "C", "F", "I", "N", "O"}; // MUTAG's tags
enum { CARBON = 2, NITROGEN = 5, OXYGEN = 6 };

typedef struct { tn_module base; tn_module *conv[LAYERS], *last; } net;
static tn_tensor *net_forward(tn_module *self, tn_tensor *const *in, int n) { // x, edge_index, and of several graphs batch
    net *m = (net *)self;
    tn_tensor *x = in[0];
    for (int i = 0; i < LAYERS; i++) x = tn_relu(tn_call(m->conv[i], (tn_tensor *[]){x, in[1]}, 2));
    return tn_forward(m->last, tn_gnn_global_mean_pool(x, n > 2 ? in[2] : NULL, -1));
}
static tn_module *net_new(void) {
    net *m = (net *)tn_module_new(sizeof *m, "net", net_forward);
    for (int i = 0; m && i < LAYERS; i++) {
        char name[16];
        snprintf(name, sizeof name, "conv%d", i);
        m->conv[i] = tn_module_child(&m->base, name, tn_gnn_gin_conv(tn_nn_sequential(tn_nn_linear(i ? HIDDEN : ATOMS, HIDDEN, NULL), tn_nn_relu(), tn_nn_linear(HIDDEN, HIDDEN, NULL), TN_END), NULL));
    }
    if (m) m->last = tn_module_child(&m->base, "last", tn_nn_linear(HIDDEN, 2, NULL));
    return m ? &m->base : NULL;
}

// A ring of eight carbons; on it a nitrogen, and two to five oxygens, of which two are on the nitrogen, or at most one. Of the
// other bonds some are broken, so that they tell nothing.
static int64_t draw(int64_t n) { return (int64_t)tn_item(tn_randint(0, n, (int64_t[]){0}, 0, NULL)); }
static tn_graph *made_molecule(int64_t nitro) {
    const tn_tensor_opts i64 = {.dtype = TN_I64};
    int64_t atom[14], from[14], to[14], n = 11 + draw(4), on_nitrogen = nitro ? 2 : draw(2), e = 0;
    for (int64_t i = 0; i < n; i++) {
        bool joined = i > 8 && i <= 8 + on_nitrogen; // N and O
        atom[i] = i < 8 ? CARBON : i == 8 ? NITROGEN : OXYGEN;
        if (joined || draw(3)) from[e] = i, to[e++] = joined ? 8 : i < 8 ? (i + 1) % 8 : draw(8);
    }
    tn_tensor *ends[2] = {tn_from(from, &e, 1, &i64), tn_from(to, &e, 1, &i64)};
    tn_graph *g = TN_CHECK(tn_graph_new(tn_to_dtype(tn_one_hot(tn_from(atom, &n, 1, &i64), ATOMS), TN_F32), tn_stack(ends, 2, 0)));
    TN_CHECK(tn_dict_set(g, "y", tn_from(&nitro, (int64_t[]){1}, 1, &i64)));
    return TN_CHECK(tn_graph_to_undirected(g, TN_REDUCE_SUM));
}
static tn_graphs read_graphs(const char *path) {
    static tn_graph *made[MADE];
    FILE *f = fopen(path, "rb");
    if (f) {
        fclose(f);
        tn_graphs all = tn_graphs_read_dgcnn(path);
        TN_CHECK(all.at);
        return all;
    }
    printf("%s is not there: made-up molecules instead\n", path);
    for (int i = 0; i < MADE; i++) made[i] = made_molecule(i % 2);
    return (tn_graphs){.at = made, .n = MADE};
}

static void train(tn_module *m, tn_graphs all) {
    tn_optimizer *opt = TN_CHECK(tn_optim_adam(m, &(tn_adam_opts){.lr = 0.005}));
    tn_loader *loader = TN_CHECK(tn_data_loader(TN_CHECK(tn_data_graphs(all.at, all.n)), &(tn_loader_opts){.batch_size = 32, .shuffle = true}));
    tn_progress bar = tn_progress_begin("gin", EPOCHS * tn_loader_len(loader));
    double right = 0;
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        right = 0;
        for (tn_batch b; tn_loader_next(loader, &b);) {
            TN_SCOPE;
            tn_tensor *y = tn_dict_get(b.graph, "y"), *logits = tn_call(m, (tn_tensor *[]){tn_dict_get(b.graph, "x"), tn_dict_get(b.graph, "edge_index"), tn_dict_get(b.graph, "batch")}, 3);
            tn_tensor *loss = tn_cross_entropy(logits, y, NULL);
            TN_CHECK(tn_backward(loss));
            TN_CHECK(tn_optim_step(opt));
            tn_optim_zero_grad(opt);
            right += tn_item(tn_sum(tn_eq(tn_argmax(logits, &(tn_reduce_opts){.dim = 1, .has_dim = true}), y), NULL));
            tn_progress_step(&bar, "loss", loss);
        }
    }
    TN_CHECK(tn_loader_status(loader));
    tn_progress_end(&bar, "accuracy %.1f %%", 100 * right / (double)all.n);
}

// A bond, by the larger weight of its two directions.
typedef struct { int64_t a, b; float weight; } bond;
static int by_weight(const void *p, const void *q) { return ((const bond *)p)->weight < ((const bond *)q)->weight ? 1 : -1; }
static void print_bonds(tn_graph *g, tn_tensor *edge_mask, tn_tensor *atoms) {
    tn_tensor *edge_index = tn_dict_get(g, "edge_index");
    int64_t n = tn_size(edge_index, 1), count = 0;
    const int64_t *from = tn_data(edge_index), *to = from + n, *atom = tn_data(atoms);
    const float *w = tn_data(edge_mask);
    bond *bonds = malloc((size_t)n * sizeof *bonds);
    for (int64_t i = 0; bonds && i < n; i++)
        for (int64_t k = 0; from[i] < to[i] && k < n; k++)
            if (from[k] == to[i] && to[k] == from[i]) bonds[count++] = (bond){from[i], to[i], w[i] > w[k] ? w[i] : w[k]};
    qsort(bonds, (size_t)count, sizeof *bonds, by_weight);
    for (int64_t i = 0; i < count; i++) {
        printf("  %2s%-3d- %2s%-3d %.3f ", symbols[atom[bonds[i].a]], (int)bonds[i].a, symbols[atom[bonds[i].b]], (int)bonds[i].b, (double)bonds[i].weight);
        for (int k = 0; k < (int)(bonds[i].weight * 40); k++) putchar('#');
        putchar('\n');
    }
    free(bonds);
}

int main(int argc, char **argv) {
    tn_manual_seed(0);
    tn_graphs all = read_graphs(argc > 1 ? argv[1] : "data/mutag.txt");
    tn_module *m = TN_CHECK(net_new());
    train(m, all);
    const tn_gnn_explain_opts opts = {.node_mask = TN_GNN_MASK_NONE};
    double sum = 0;
    int explained = 0;
    for (int64_t i = 0; i < all.n && explained < 20; i++) {
        TN_SCOPE;
        tn_tensor *in[2] = {tn_dict_get(all.at[i], "x"), tn_dict_get(all.at[i], "edge_index")};
        tn_tensor *atoms = TN_CHECK(tn_argmax(in[0], &(tn_reduce_opts){.dim = 1, .has_dim = true}));
        tn_tensor *ends = TN_CHECK(tn_reshape(tn_index_select(atoms, 0, tn_reshape(in[1], (int64_t[]){-1}, 1)), (int64_t[]){2, -1}, 2));
        tn_tensor *nitro = tn_eq(tn_add(tn_select(ends, 0, 0), tn_select(ends, 0, 1)), NITROGEN + OXYGEN); // which bonds join N and O
        if (tn_item(tn_dict_get(all.at[i], "y")) != 1 || tn_item(tn_sum(nitro, NULL)) == 0) continue;
        tn_gnn_explanation e = tn_gnn_explain(m, in, 2, &opts, &(tn_gnn_explainer_opts){.epochs = 200, .lr = 0.05});
        TN_CHECK(e.edge_mask);
        if (tn_item(e.target) != 1) continue;
        if (explained++ == 0) {
            tn_gnn_fidelities f = tn_gnn_fidelity(m, in, 2, &e, &opts);
            printf("molecule %d: %d atoms, changes genes, and the net says so; its bonds, those first that this rests on:\n", (int)i, (int)tn_size(in[0], 0));
            print_bonds(all.at[i], e.edge_mask, atoms);
            printf("without them the word changes: %s; with nothing else it stays: %s\n", f.pos > 0 ? "yes" : "no", f.neg == 0 ? "yes" : "no");
        }
        sum += tn_gnn_roc_auc(nitro, e.edge_mask);
    }
    printf("bonds of N and O against all others, over %d molecules: AUC %.2f\n", explained, sum / explained);
    return 0;
}
