// cc -O2 examples/lstm.c -o lstm -lm && ./lstm
//
// An LSTM that adds: it reads a sequence of numbers of which two are marked, and has to give the sum of those two. The
// baseline that ignores the sequence has an error of 0.167.
#define TENSOR_IMPLEMENTATION
#include "../tensor.h"
#include <stdio.h>

enum { LENGTH = 20, BATCH = 64, HIDDEN = 64, STEPS = 1500 };

typedef struct { tn_module base; tn_module *lstm, *head; } adder;

static tn_tensor *adder_forward(tn_module *self, tn_tensor *const *in, int n) { // in[0] [BATCH, LENGTH, 2]: [BATCH]
    adder *m = (adder *)self;
    (void)n;
    tn_rnn_result r = tn_nn_rnn_forward(m->lstm, in[0], NULL, NULL);
    return tn_squeeze_dims(tn_forward(m->head, tn_select(r.output, 1, LENGTH - 1)), (int[]){1}, 1);
}
static tn_module *adder_new(void) {
    adder *m = (adder *)tn_module_new(sizeof(adder), "Adder", adder_forward);
    if (!m) return NULL;
    m->lstm = tn_module_child(&m->base, "lstm", tn_nn_lstm(2, HIDDEN, &(tn_rnn_opts){.batch_first = true}));
    m->head = tn_module_child(&m->base, "head", tn_nn_linear(HIDDEN, 1, NULL));
    return &m->base;
}
static void make_batch(tn_tensor **x, tn_tensor **y) {
    *x = tn_rand((int64_t[]){BATCH, LENGTH, 2}, 3, NULL);
    *y = tn_zeros((int64_t[]){BATCH}, 1, NULL);
    tn_tensor *where = tn_randint(0, LENGTH / 2, (int64_t[]){BATCH, 2}, 2, &(tn_tensor_opts){.dtype = TN_I64});
    float *in = tn_data(TN_CHECK(*x)), *out = tn_data(TN_CHECK(*y));
    const int64_t *at = tn_data(TN_CHECK(where));
    for (int b = 0; b < BATCH; b++) {
        float *row = in + b * LENGTH * 2;
        int64_t first = at[2 * b], second = LENGTH / 2 + at[2 * b + 1];
        for (int t = 0; t < LENGTH; t++) row[2 * t + 1] = t == first || t == second;
        out[b] = row[2 * first] + row[2 * second];
    }
}

int main(void) {
    tn_manual_seed(0);
    tn_module *net = TN_CHECK(adder_new());
    tn_optimizer *opt = TN_CHECK(tn_optim_adam(net, &(tn_adam_opts){.lr = 4e-3}));
    tn_progress bar = tn_progress_begin("lstm", STEPS);
    double mean = 0.167;
    for (int step = 0; step < STEPS; step++) {
        TN_SCOPE;
        tn_tensor *x, *y;
        make_batch(&x, &y);
        tn_tensor *loss = tn_mse_loss(tn_forward(net, x), y, NULL);
        TN_CHECK(tn_backward(loss));
        tn_tensors p = tn_parameters(net);
        tn_clip_grad_norm_(p.at, p.n, 1.0, 2);
        TN_CHECK(tn_optim_step(opt));
        tn_optim_zero_grad(opt);
        mean += 0.02 * (tn_item(loss) - mean);
        tn_progress_step(&bar, "loss", loss);
    }
    tn_progress_end(&bar, "mean squared error %.4f (0.167 without reading)", mean);
    return mean < 0.02 ? 0 : 1;
}
