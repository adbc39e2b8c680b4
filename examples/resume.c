// cc -O2 examples/resume.c -o resume -lm && ./resume
//
// Training that is cut off and goes on from its checkpoint as if nothing had happened: bit for bit the same weights.
#define TENSOR_IMPLEMENTATION
#include "../tensor.h"
#include <stdio.h>
#include <string.h>

typedef struct { tn_module *net; tn_optimizer *opt; tn_scheduler *sched; tn_loader *loader; } run;

static run run_new(void) { // the same data, then everything that a run consists of
    run r;
    tn_manual_seed(1);
    tn_tensor *x = tn_randn((int64_t[]){256, 8}, 2, NULL), *y = tn_sum(tn_square(x), &(tn_reduce_opts){.dim = 1, .has_dim = true, .keepdim = true});
    r.net = TN_CHECK(tn_nn_sequential(tn_nn_linear(8, 32, NULL), tn_nn_tanh(), tn_nn_dropout(0.1), tn_nn_linear(32, 1, NULL), TN_END));
    r.opt = TN_CHECK(tn_optim_adamw(r.net, &(tn_adamw_opts){.lr = 1e-2}));
    r.sched = TN_CHECK(tn_sched_step_lr(r.opt, 1, 0.9));
    r.loader = TN_CHECK(tn_data_loader(tn_data_tensors(x, y), &(tn_loader_opts){.batch_size = 16, .shuffle = true}));
    return r;
}
static void train(run *r, int epochs) {
    for (int epoch = 0; epoch < epochs; epoch++) {
        for (tn_batch b; tn_loader_next(r->loader, &b);) {
            TN_SCOPE;
            TN_CHECK(tn_backward(tn_mse_loss(tn_forward(r->net, b.x), b.y, NULL)));
            TN_CHECK(tn_optim_step(r->opt));
            tn_optim_zero_grad(r->opt);
        }
        TN_CHECK(tn_loader_status(r->loader));
        TN_CHECK(tn_sched_step(r->sched));
    }
}
static bool same_weights(tn_module *a, tn_module *b) {
    tn_tensors p = tn_parameters(a), q = tn_parameters(b);
    for (int i = 0; i < p.n; i++)
        if (memcmp(tn_data(p.at[i]), tn_data(q.at[i]), (size_t)tn_numel(p.at[i]) * sizeof(float)) != 0) return false;
    return p.n == q.n;
}

int main(void) {
    run whole = run_new();
    train(&whole, 6);

    run first = run_new();
    train(&first, 2);
    tn_checkpoint_state s = {.model = first.net, .optimizer = first.opt, .scheduler = first.sched, .loader = first.loader, .epoch = 2};
    TN_CHECK(tn_checkpoint_save("resume.safetensors", &s));

    run second = run_new(); // as a new process would
    tn_checkpoint_state t = {.model = second.net, .optimizer = second.opt, .scheduler = second.sched, .loader = second.loader};
    TN_CHECK(tn_checkpoint_load("resume.safetensors", &t));
    train(&second, 6 - (int)t.epoch);

    bool same = same_weights(whole.net, second.net);
    printf("6 epochs at once, and 2 + 4 over a checkpoint: %s\n", same ? "the same bits" : "DIFFERENT");
    remove("resume.safetensors");
    return same ? 0 : 1;
}
