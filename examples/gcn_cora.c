// cc -O2 examples/gcn_cora.c -o gcn_cora -lm && ./gcn_cora [cora.safetensors]
//
// A graph net of one's own: two convolutions tell the subjects of Cora's 2708 papers by their words and citations, as Kipf
// and Welling did, and get about 82 % of the test papers right. Without the file it divides a karate club.
#define TENSOR_IMPLEMENTATION
#include "../ext/graph.h"
#include <stdio.h>

typedef struct { tn_module base; tn_module *conv1, *conv2; } net;

static tn_tensor *net_forward(tn_module *self, tn_tensor *const *in, int n) {     /* in[0] x, in[1] edge_index */
    net *m = (net *)self;
    tn_tensor *h = tn_relu(tn_call(m->conv1, in, n));
    h = tn_dropout(h, 0.5, tn_module_training(self));
    return tn_call(m->conv2, (tn_tensor *[]){h, in[1]}, 2);
}

tn_module *net_new(int features, int hidden, int classes) {
    net *m = (net *)tn_module_new(sizeof(net), "net", net_forward);
    if (!m) return NULL;
    m->conv1 = tn_module_child(&m->base, "conv1", tn_gnn_gcn_conv(features, hidden, NULL));
    m->conv2 = tn_module_child(&m->base, "conv2", tn_gnn_gcn_conv(hidden, classes, NULL));
    return &m->base;                                  /* a failed child has failed the parent */
}

// The papers, their words made shares of one; or the club, whose test is on all whose side nobody told.
static tn_graph *read_graph(const char *path) {
    FILE *f = fopen(path, "rb");
    if (f) {
        fclose(f);
        return tn_graph_normalize_features(TN_CHECK(tn_graph_planetoid(path)));
    }
    printf("%s is not there: a karate club instead\n", path);
    tn_graph *g = TN_CHECK(tn_graph_karate_club());
    tn_tensor *rest = tn_logical_not(tn_dict_get(g, "train_mask"));
    TN_CHECK(tn_dict_set(g, "val_mask", rest));
    TN_CHECK(tn_dict_set(g, "test_mask", rest));
    return g;
}

// The share of the masked nodes that are told right, in percent.
static double accuracy(tn_module *m, tn_graph *g, const char *mask) {
    TN_SCOPE; TN_NO_GRAD;
    tn_module_train(m, false);
    tn_tensor *logits = tn_call(m, (tn_tensor *[]){tn_dict_get(g, "x"), tn_dict_get(g, "edge_index")}, 2);
    tn_tensor *hit = tn_eq(tn_argmax(logits, &(tn_reduce_opts){.dim = 1, .has_dim = true}), tn_dict_get(g, "y"));
    tn_module_train(m, true);
    return 100 * tn_item(tn_mean(tn_to_dtype(tn_masked_select(hit, tn_dict_get(g, mask)), TN_F32), NULL));
}

int main(int argc, char **argv) {
    tn_manual_seed(0);
    tn_device dev = tn_device_best();                 /* an accelerator if a plugin offers one, else the CPU */
    tn_graph *g = TN_CHECK(tn_graph_to(TN_CHECK(read_graph(argc > 1 ? argv[1] : "data/cora.safetensors")), dev));
    tn_tensor *x = tn_dict_get(g, "x"), *edge_index = tn_dict_get(g, "edge_index");
    tn_tensor *train = tn_select(TN_CHECK(tn_nonzero(tn_dict_get(g, "train_mask"))), 1, 0), *y = tn_index_select(tn_dict_get(g, "y"), 0, train);
    tn_module *m = net_new((int)tn_size(x, 1), 16, (int)tn_item(tn_max(tn_dict_get(g, "y"))) + 1);
    TN_CHECK(tn_module_to(m, dev));
    // weight decay on the first layer only, as there
    tn_optimizer *opt = TN_CHECK(tn_optim_adam(((net *)m)->conv1, &(tn_adam_opts){.lr = 0.01, .weight_decay = 5e-4}));
    tn_tensors last = tn_parameters(((net *)m)->conv2);
    TN_CHECK(tn_optim_add_param_group(opt, &(tn_adam_opts){.lr = 0.01, .params = last.at, .n_params = last.n}));
    tn_progress bar = tn_progress_begin("gcn", 200);
    for (int epoch = 0; epoch < 200; epoch++) {
        TN_SCOPE;
        tn_tensor *logits = tn_call(m, (tn_tensor *[]){tn_dropout(x, 0.5, true), edge_index}, 2);
        tn_tensor *loss = tn_cross_entropy(tn_index_select(logits, 0, train), y, NULL);
        TN_CHECK(tn_backward(loss));
        TN_CHECK(tn_optim_step(opt));
        tn_optim_zero_grad(opt);
        tn_progress_step(&bar, "loss", loss);
    }
    tn_progress_end(&bar, "accuracy: train %.1f %%, val %.1f %%, test %.1f %%", accuracy(m, g, "train_mask"), accuracy(m, g, "val_mask"), accuracy(m, g, "test_mask"));
    return 0;
}
