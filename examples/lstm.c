// cc -O2 examples/lstm.c -o lstm -lm && ./lstm
//
// The adding problem: along 30 random numbers two are marked, and an LSTM says their sum at the end. Never answering
// anything but 1 costs 0.167; to do better, it has to carry the first marked number over many steps.
#define TENSOR_IMPLEMENTATION
#include "../tensor.h"
#include <math.h>
#include <stdio.h>

enum { STEPS = 30, BATCH = 64, HIDDEN = 32, UPDATES = 2000 };

// x [STEPS, BATCH, 2]: a number, and whether it counts; y [BATCH, 1]: the sum of the two that count.
static void make_batch(tn_tensor **x, tn_tensor **y) {
    *x = tn_rand((int64_t[]){STEPS, BATCH, 2}, 3, NULL);
    *y = tn_zeros((int64_t[]){BATCH, 1}, 2, NULL);
    float *at = tn_data(TN_CHECK(*x)), *sum = tn_data(TN_CHECK(*y));
    for (int b = 0; b < BATCH; b++) {
        int first = (int)(at[2 * b + 1] * STEPS / 2), second = STEPS / 2 + (int)(at[2 * (BATCH + b) + 1] * STEPS / 2);
        for (int t = 0; t < STEPS; t++) {
            float *p = at + 2 * (t * BATCH + b);
            p[1] = t == first || t == second;
            sum[b] += p[0] * p[1];
        }
    }
}

static tn_tensor *answer(tn_module *net, tn_tensor *x) {
    tn_rnn_result r = tn_nn_rnn_forward(tn_module_at(net, 0), x, NULL, NULL);
    return tn_forward(tn_module_at(net, 1), tn_select(r.h_n, 0, 0));
}

int main(void) {
    tn_manual_seed(0);
    tn_module *net = tn_nn_module_list((tn_module *[]){tn_nn_lstm(2, HIDDEN, NULL), tn_nn_linear(HIDDEN, 1, NULL)}, 2);
    tn_optimizer *opt = TN_CHECK(tn_optim_adamw(net, &(tn_adamw_opts){.lr = 5e-3}));
    tn_tensors parameters = tn_parameters(net);
    tn_progress bar = tn_progress_begin("lstm", UPDATES);
    double error = 1;
    for (int step = 0; step < UPDATES; step++) {
        TN_SCOPE;
        tn_tensor *x, *y;
        make_batch(&x, &y);
        tn_tensor *loss = tn_mse_loss(answer(net, x), y, NULL);
        TN_CHECK(tn_backward(loss));
        tn_clip_grad_norm_(parameters.at, parameters.n, 1, 2);
        TN_CHECK(tn_optim_step(opt));
        tn_optim_zero_grad(opt);
        tn_progress_step(&bar, "loss", loss);
    }
    {
        TN_SCOPE;
        TN_NO_GRAD;
        tn_tensor *x, *y;
        make_batch(&x, &y);
        tn_tensor *says = tn_contiguous(answer(net, x));
        error = tn_item(tn_mse_loss(says, y, NULL));
        tn_progress_end(&bar, "squared error %.4f on new numbers (0.167 by always saying 1)", error);
        const float *at = tn_data(x), *sum = tn_data(y), *said = tn_data(TN_CHECK(says));
        for (int b = 0; b < 5; b++) {
            const char *sign = "";
            for (int t = 0; t < STEPS; t++) {
                const float *p = at + 2 * (t * BATCH + b);
                if (p[1] != 0) printf("%s%.3f (step %2d)", sign, (double)p[0], t), sign = " + ";
            }
            printf(" = %.3f, the net says %.3f\n", (double)sum[b], (double)said[b]);
        }
    }
    return error < 0.02 ? 0 : 1;
}
