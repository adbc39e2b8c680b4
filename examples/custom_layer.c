// cc -O2 examples/custom_layer.c -o custom_layer -lm && ./custom_layer
//
// A module of your own: a struct that begins with tn_module, children under names, a forward. Its parameters are found,
// initialised, saved and loaded under those names, as PyTorch would name them.
#define TENSOR_IMPLEMENTATION
#include "../tensor.h"
#include <stdio.h>

typedef struct { tn_module base; tn_module *linear1, *linear2; tn_tensor *scale; } net;

static tn_tensor *net_forward(tn_module *self, tn_tensor *const *in, int n) { // in[0] x
    net *m = (net *)self;
    tn_tensor *h = tn_relu(tn_call(m->linear1, in, n));
    h = tn_dropout(h, 0.1, tn_module_training(self));
    return tn_mul(tn_forward(m->linear2, h), m->scale);
}
tn_module *net_new(int features, int hidden, int classes);
tn_module *net_new(int features, int hidden, int classes) {
    net *m = (net *)tn_module_new(sizeof(net), "net", net_forward);
    if (!m) return NULL;
    m->linear1 = tn_module_child(&m->base, "linear1", tn_nn_linear(features, hidden, NULL));
    m->linear2 = tn_module_child(&m->base, "linear2", tn_nn_linear(hidden, classes, NULL));
    m->scale = tn_module_param(&m->base, "scale", tn_ones((int64_t[]){classes}, 1, NULL));
    return &m->base; // a failed child has failed the parent
}

int main(void) {
    tn_manual_seed(0);
    tn_module *m = TN_CHECK(net_new(4, 32, 3));
    tn_optimizer *opt = TN_CHECK(tn_optim_sgd(m, &(tn_sgd_opts){.lr = 0.1, .momentum = 0.9}));
    double first = 0, last = 0;
    for (int step = 0; step < 200; step++) { // learns which of three sums of its inputs is the largest
        TN_SCOPE;
        tn_tensor *x = tn_randn((int64_t[]){64, 4}, 2, NULL);
        tn_tensor *sums[3] = {tn_sub(tn_select(x, 1, 0), tn_select(x, 1, 1)), tn_add(tn_select(x, 1, 1), tn_select(x, 1, 2)), tn_select(x, 1, 3)};
        tn_tensor *y = tn_argmax(tn_stack(sums, 3, 1), &(tn_reduce_opts){.dim = 1, .has_dim = true});
        tn_tensor *loss = tn_cross_entropy(tn_forward(m, x), y, NULL);
        TN_CHECK(tn_backward(loss));
        TN_CHECK(tn_optim_step(opt));
        tn_optim_zero_grad(opt);
        last = tn_item(loss);
        if (step == 0) first = last;
    }
    printf("loss %.3f, then %.3f\n", first, last);
    tn_dict *state = TN_CHECK(tn_state_dict(m));
    for (int i = 0; i < tn_dict_len(state); i++) printf("%s, %lld elements\n", tn_dict_name(state, i), (long long)tn_numel(tn_dict_at(state, i)));
    return last < first / 2 ? 0 : 1;
}
