// cc -O2 examples/spiral.c -o spiral -lm && ./spiral
//
// Two spirals, told apart by a small MLP in a few seconds; then what it decided, drawn in the terminal.
#define TENSOR_IMPLEMENTATION
#include "../tensor.h"
#include <math.h>
#include <stdio.h>

enum { POINTS = 400, COLUMNS = 72, ROWS = 32 };

static void make_spirals(tn_tensor **x, tn_tensor **y) {
    *x = tn_randn((int64_t[]){POINTS, 2}, 2, NULL); // the noise
    *y = tn_zeros((int64_t[]){POINTS}, 1, &(tn_tensor_opts){.dtype = TN_I64});
    float *at = tn_data(TN_CHECK(*x));
    int64_t *arm = tn_data(TN_CHECK(*y));
    for (int i = 0; i < POINTS; i++) {
        arm[i] = i % 2;
        double r = (double)i / POINTS, angle = 9 * r + 3.14159265 * (double)arm[i];
        at[2 * i] = (float)(r * cos(angle) + 0.015 * at[2 * i]);
        at[2 * i + 1] = (float)(r * sin(angle) + 0.015 * at[2 * i + 1]);
    }
}

// A grid of the plane through the net: shades for its belief, letters for the points themselves.
static void draw(tn_module *net, tn_tensor *x, tn_tensor *y) {
    TN_SCOPE;
    TN_NO_GRAD;
    tn_tensor *grid = tn_empty((int64_t[]){ROWS * COLUMNS, 2}, 2, NULL);
    float *g = tn_data(TN_CHECK(grid));
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        g[2 * i] = (float)(i % COLUMNS) / COLUMNS * 2.4f - 1.2f;
        g[2 * i + 1] = 1.2f - (float)(i / COLUMNS) / ROWS * 2.4f;
    }
    tn_tensor *p = tn_contiguous(tn_select(tn_softmax(tn_forward(net, grid), 1, TN_DTYPE_DEFAULT), 1, 1));
    const float *belief = tn_data(TN_CHECK(p)), *at = tn_data(x);
    const int64_t *arm = tn_data(y);
    char picture[ROWS][COLUMNS + 1];
    for (int r = 0; r < ROWS; r++) {
        for (int c = 0; c < COLUMNS; c++) picture[r][c] = " .:+#"[(int)(belief[r * COLUMNS + c] * 4.999f)];
        picture[r][COLUMNS] = 0;
    }
    for (int i = 0; i < POINTS; i++) {
        int c = (int)((at[2 * i] + 1.2f) / 2.4f * COLUMNS), r = (int)((1.2f - at[2 * i + 1]) / 2.4f * ROWS);
        if (r >= 0 && r < ROWS && c >= 0 && c < COLUMNS) picture[r][c] = arm[i] ? 'B' : 'a';
    }
    for (int r = 0; r < ROWS; r++) puts(picture[r]);
}

int main(void) {
    tn_manual_seed(0);
    tn_tensor *x, *y;
    make_spirals(&x, &y);
    tn_module *net = tn_nn_sequential(tn_nn_linear(2, 64, NULL), tn_nn_relu(), tn_nn_linear(64, 64, NULL), tn_nn_relu(), tn_nn_linear(64, 2, NULL), TN_END);
    tn_optimizer *opt = TN_CHECK(tn_optim_adamw(net, &(tn_adamw_opts){.lr = 1e-2}));
    tn_progress bar = tn_progress_begin("spiral", 1000);
    double accuracy = 0;
    for (int step = 0; step < 1000; step++) {
        TN_SCOPE;
        tn_tensor *logits = tn_forward(net, x), *loss = tn_cross_entropy(logits, y, NULL);
        TN_CHECK(tn_backward(loss));
        TN_CHECK(tn_optim_step(opt));
        tn_optim_zero_grad(opt);
        tn_progress_step(&bar, "loss", loss);
        if (step == 999) accuracy = tn_item(tn_mean(tn_to_dtype(tn_eq(tn_argmax(logits, &(tn_reduce_opts){.dim = 1, .has_dim = true}), y), TN_F32), NULL));
    }
    tn_progress_end(&bar, "accuracy %.1f %%", 100 * accuracy);
    draw(net, x, y);
    return accuracy > 0.95 ? 0 : 1;
}
