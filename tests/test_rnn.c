/* Recurrent nets: gradients of both orders, what holds between their forms, errors, and the values that PyTorch gives. */
#include "tn_test.h"

enum { RNN, RELU, LSTM, GRU };
static const int gates[] = {1, 1, 4, 3};
typedef struct { int kind; bool bidirectional, batch_first, no_bias; int layers; } net;

static tn_tensor *values(const int64_t *shape, int n, double shift) {
    double v[256];
    int64_t count = 1;
    for (int d = 0; d < n; d++) count *= shape[d];
    for (int64_t i = 0; i < count && i < 256; i++) v[i] = 0.6 * sin(1.7 * (double)i + shift) + 0.003 * (double)i;
    CHECK(count <= 256);
    return tn_from(v, shape, n, &(tn_tensor_opts){.dtype = TN_F64, .requires_grad = true});
}
static tn_rnn_result run(const net *f, tn_tensor *x, tn_tensor *h0, tn_tensor *c0, tn_tensor *const *w, int n) {
    const tn_rnn_opts o = {.num_layers = f->layers, .bidirectional = f->bidirectional, .batch_first = f->batch_first, .no_bias = f->no_bias};
    if (f->kind == LSTM) return tn_lstm(x, h0, c0, w, n, &o);
    return f->kind == GRU ? tn_gru(x, h0, w, n, &o) : f->kind == RELU ? tn_rnn_relu(x, h0, w, n, &o) : tn_rnn_tanh(x, h0, w, n, &o);
}
/* in: x, h0, c0, then the weights of the first layer and direction; the others' are constants. Every output counts. */
static tn_tensor *outputs(void *user, tn_tensor *const *in, int n) {
    const net *f = user;
    const int64_t flat = -1;
    tn_tensor *w[32], *parts[3];
    const int per = n - 3, dirs = f->bidirectional ? 2 : 1, all = per * dirs * f->layers;
    for (int i = 0; i < all; i++) {
        const int64_t shape[2] = {gates[f->kind] * 2, i % per == 1 ? 2 : i / per < dirs ? 3 : 2 * dirs};
        w[i] = i < per ? in[3 + i] : tn_detach(values(shape, i % per > 1 ? 1 : 2, 0.2 * i));
    }
    const tn_rnn_result r = run(f, in[0], in[1], f->kind == LSTM ? in[2] : NULL, w, all);
    parts[0] = tn_reshape(r.output, &flat, 1), parts[1] = tn_reshape(r.h_n, &flat, 1);
    parts[2] = f->kind == LSTM ? tn_reshape(r.c_n, &flat, 1) : tn_reshape(tn_square(in[2]), &flat, 1);
    return tn_cat(parts, 3, 0);
}
static void check_gradients(net f) {
    TN_SCOPE;
    const int64_t x[3] = {3, 2, 3}, state[3] = {f.layers * (f.bidirectional ? 2 : 1), f.batch_first ? 3 : 2, 2}, ih[2] = {gates[f.kind] * 2, 3}, hh[2] = {gates[f.kind] * 2, 2};
    tn_tensor *in[7] = {values(x, 3, 0.1), values(state, 3, 0.7), values(state, 3, 1.3), values(ih, 2, 2), values(hh, 2, 3), values(ih, 1, 4), values(ih, 1, 5)};
    tn_error_clear();
    const tn_status s = tn_gradcheck(outputs, &f, in, f.no_bias ? 5 : 7, &(tn_gradcheck_opts){.eps = 1e-6, .atol = 1e-6, .rtol = 1e-5, .second_order = true});
    if (s != TN_OK) TN_TEST_FAIL("kind %d, %d layers: %s", f.kind, f.layers, tn_error());
}
TEST(gradients_of_both_orders) {
    for (int kind = RNN; kind <= GRU; kind++) {
        check_gradients((net){.kind = kind, .layers = 1});
        check_gradients((net){.kind = kind, .layers = 2, .bidirectional = true, .batch_first = true});
    }
    check_gradients((net){.kind = LSTM, .layers = 1, .no_bias = true});
}
/* The formulas, written out. */
static double sg(double x) { return 1 / (1 + exp(-x)); }
TEST(cells_by_hand) {
    const int64_t one[2] = {1, 1}, l[2] = {4, 1}, g[2] = {3, 1}, b3 = 3, b4 = 4;
    const double x = 0.6 * sin(0.3), h = 0.6 * sin(0.9), c = 0.6 * sin(1.1);
    tn_tensor *tx = values(one, 2, 0.3), *th = values(one, 2, 0.9), *tc = values(one, 2, 1.1);
    tn_tensor *w4 = values(l, 2, 1), *u4 = values(l, 2, 2), *a4 = values(&b4, 1, 3), *d4 = values(&b4, 1, 4);
    tn_tensor *w3 = values(g, 2, 1), *u3 = values(g, 2, 2), *a3 = values(&b3, 1, 3), *d3 = values(&b3, 1, 4);
    const double *w = tn_test_values(w4), *u = tn_test_values(u4), *a = tn_test_values(a4), *d = tn_test_values(d4);
    double v[4];
    for (int k = 0; k < 4; k++) v[k] = w[k] * x + a[k] + u[k] * h + d[k];
    const double c1 = sg(v[1]) * c + sg(v[0]) * tanh(v[2]);
    const tn_rnn_result r = tn_lstm_cell(tx, th, tc, w4, u4, a4, d4);
    CHECK_NEAR(tn_item(r.c_n), c1, 1e-12);
    CHECK_NEAR(tn_item(r.h_n), sg(v[3]) * tanh(c1), 1e-12);
    const double n = tanh(w[2] * x + a[2] + sg(v[0]) * (u[2] * h + d[2]));
    CHECK_NEAR(tn_item(tn_gru_cell(tx, th, w3, u3, a3, d3)), (1 - sg(v[1])) * n + sg(v[1]) * h, 1e-12);
    const int64_t two[2] = {1, 1};
    tn_tensor *w1 = values(two, 2, 1), *u1 = values(two, 2, 2);
    CHECK_NEAR(tn_item(tn_rnn_tanh_cell(tx, th, w1, u1, NULL, NULL)), tanh(0.6 * sin(1) * x + 0.6 * sin(2) * h), 1e-12);
    CHECK_NEAR(tn_item(tn_rnn_relu_cell(tx, th, w1, u1, NULL, NULL)), fmax(0.6 * sin(1) * x + 0.6 * sin(2) * h, 0), 1e-12);
}
static bool same(tn_tensor *a, tn_tensor *b) { return tn_item(tn_amax(tn_abs(tn_sub(a, b)), NULL)) < 2e-6; }
TEST(layers_are_cells_in_a_row) { /* a width beyond a vector; unbatched; batch first; halves */
    const int64_t xs[3] = {4, 3, 5};
    tn_manual_seed(1);
    tn_module *m = tn_nn_gru(5, 19, NULL), *l = tn_nn_lstm(5, 19, &(tn_rnn_opts){.bidirectional = true});
    tn_tensor *x = tn_randn(xs, 3, NULL), *h = NULL;
    const tn_rnn_result r = tn_nn_rnn_forward(m, x, NULL, NULL);
    for (int t = 0; t < 4; t++) h = tn_gru_cell(tn_select(x, 0, t), h, tn_module_get(m, "weight_ih_l0"), tn_module_get(m, "weight_hh_l0"), tn_module_get(m, "bias_ih_l0"), tn_module_get(m, "bias_hh_l0"));
    CHECK(same(tn_select(r.h_n, 0, 0), h));
    CHECK(same(tn_select(r.output, 0, 3), h));
    const tn_rnn_result both = tn_nn_rnn_forward(l, x, NULL, NULL), single = tn_nn_rnn_forward(l, tn_select(x, 1, 2), NULL, NULL);
    CHECK(tn_ndim(single.output) == 2 && tn_ndim(single.h_n) == 2 && tn_ndim(single.c_n) == 2);
    CHECK(same(single.output, tn_select(both.output, 1, 2)));
    CHECK(same(single.c_n, tn_select(both.c_n, 1, 2)));
    tn_module *half = tn_nn_lstm(5, 19, NULL);
    CHECK(tn_module_to_dtype(half, TN_BF16) == TN_OK);
    const tn_rnn_result low = tn_nn_rnn_forward(half, tn_to_dtype(x, TN_BF16), NULL, NULL);
    CHECK(low.c_n && tn_get_dtype(low.c_n) == TN_BF16 && tn_get_dtype(low.output) == TN_BF16);
    CHECK(tn_backward(tn_sum(tn_to_dtype(low.output, TN_F32), NULL)) == TN_OK && tn_grad(tn_module_get(half, "weight_hh_l0")));
}
/* Wide batches make each step's product in the jobs that go on with it; narrow ones before: lines of the one are lines of the other, whatever the threads. */
static tn_tensor *wide_run(int kind, tn_tensor *x, tn_tensor *const *w, tn_tensor **gx) {
    const net f = {kind, true, false, false, 1};
    const int64_t flat = -1;
    x = tn_requires_grad_(tn_clone(x), true);
    tn_tensor *y = run(&f, x, NULL, NULL, w, 8).output;
    CHECK(tn_backward(tn_sum(tn_square(tn_reshape(y, &flat, 1)), NULL)) == TN_OK);
    *gx = tn_grad(x);
    return tn_detach(y);
}
static void check_wide(const char *isa) {
    enum { STEPS = 3, BATCH = 45, WIDTH = 192 };
    const int threads = tn_get_num_threads();
    (void)isa;
    for (int kind = 0; kind < 4; kind++) {
        TN_SCOPE;
        tn_tensor *w[8], *x = tn_test_wave(0.3, TN_F32, SHAPE(STEPS, BATCH, 5)), *y[3], *gx[3];
        for (int i = 0; i < 8; i++) w[i] = tn_mul(i % 4 < 2 ? tn_test_wave(0.1 * i, TN_F32, SHAPE(gates[kind] * WIDTH, i % 4 ? WIDTH : 5)) : tn_test_wave(0.1 * i, TN_F32, SHAPE(gates[kind] * WIDTH)), 0.1);
        for (int i = 0; i < 2; i++) CHECK(tn_set_num_threads(i ? 3 : 1) == TN_OK), y[i] = wide_run(kind, x, w, &gx[i]);
        CHECK(memcmp(tn_test_values(y[0]), tn_test_values(y[1]), STEPS * BATCH * 2 * WIDTH * sizeof(float)) == 0);
        CHECK(memcmp(tn_test_values(gx[0]), tn_test_values(gx[1]), STEPS * BATCH * 5 * sizeof(float)) == 0);
        for (int i = 0; i < BATCH; i += 5) {
            y[2] = wide_run(kind, tn_narrow(x, 1, i, 5), w, &gx[2]);
            CHECK(tn_item(tn_amax(tn_abs(tn_sub(y[2], tn_narrow(y[0], 1, i, 5))), NULL)) < 2e-6);
            CHECK(tn_item(tn_amax(tn_abs(tn_sub(gx[2], tn_narrow(gx[0], 1, i, 5))), NULL)) < 2e-4 * tn_item(tn_amax(tn_abs(gx[0]), NULL)));
        }
    }
    CHECK(tn_set_num_threads(threads) == TN_OK);
}
TEST(wide_batches_are_narrow_ones) { tn_test_every_isa(check_wide); }
TEST(errors) {
    const int64_t xs[3] = {4, 3, 5}, wrong[3] = {4, 3, 6}, none[3] = {0, 3, 5}, hs[3] = {1, 2, 7};
    tn_module *m = tn_nn_lstm(5, 7, NULL), *cell = tn_nn_gru_cell(5, 7, NULL), *plain = tn_nn_linear(2, 2, NULL);
    tn_tensor *x = tn_zeros(xs, 3, NULL);
    CHECK_ERROR(tn_forward(m, tn_zeros(wrong, 3, NULL)), TN_ERR_SHAPE);
    CHECK_ERROR(tn_forward(m, tn_zeros(none, 3, NULL)), TN_ERR_SHAPE);
    CHECK_ERROR(tn_forward(m, tn_zeros(xs, 1, NULL)), TN_ERR_SHAPE);
    CHECK_ERROR(tn_nn_rnn_forward(m, x, tn_zeros(hs, 3, NULL), NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_forward(m, tn_to_dtype(x, TN_F64)), TN_ERR_DTYPE);
    CHECK_ERROR(tn_forward(cell, x), TN_ERR_SHAPE);
    CHECK_ERROR(tn_nn_rnn_forward(plain, x, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_lstm(x, NULL, NULL, &x, 1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_nn_lstm(0, 7, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_nn_lstm(5, 7, &(tn_rnn_opts){.dropout = 1.5}), TN_ERR_INVALID);
}
/* PyTorch 2.15 on the CPU, seed 0: module, input and dropout draw what they draw there. */
static double at(tn_tensor *t, int64_t i) {
    const int64_t flat = -1, n = tn_numel(t);
    i = i < 0 ? n + i : i;
    return tn_at(tn_reshape(t, &flat, 1), &i, 1);
}
static void check_parity(int kind, const double *want) {
    const int64_t xs[3] = {3, 2, 3};
    const tn_rnn_opts o = {.num_layers = 2, .bidirectional = true, .dropout = 0.5};
    tn_manual_seed(0);
    tn_module *m = kind == LSTM ? tn_nn_lstm(3, 4, &o) : kind == GRU ? tn_nn_gru(3, 4, &o) : tn_nn_rnn(3, 4, false, &o);
    const tn_rnn_result r = tn_nn_rnn_forward(m, tn_randn(xs, 3, NULL), NULL, NULL);
    CHECK(tn_backward(tn_sum(tn_square(r.output), NULL)) == TN_OK);
    CHECK_NEAR(at(tn_module_get(m, "weight_ih_l0"), 0), -0.003743410110473633, 0);
    CHECK_NEAR(at(tn_module_get(m, "weight_ih_l0"), 1), 0.26822179555892944, 0);
    CHECK_NEAR(at(r.output, 0), want[0], 1e-6);
    CHECK_NEAR(at(r.output, -1), want[1], 1e-6);
    CHECK_NEAR(at(kind == LSTM ? r.c_n : r.h_n, -1), want[2], 1e-6);
    CHECK_NEAR(tn_item(tn_sum(tn_grad(tn_module_get(m, "weight_ih_l0")), NULL)), want[3], 1e-5);
    CHECK_NEAR(at(tn_grad(tn_module_get(m, "weight_hh_l1_reverse")), 1), want[4], 1e-5);
    CHECK_NEAR(tn_item(tn_sum(tn_grad(tn_module_get(m, "bias_hh_l0_reverse")), NULL)), want[5], 1e-5);
}
TEST(values_and_gradients_of_pytorch) {
    CPU_DRAWS;
    const double lstm[] = {0.06537608057260513, 0.05393516644835472, 0.19318626821041107, 0.49920111894607544, -0.0015134348068386316, 0.19649654626846313};
    const double gru[] = {0.10271921753883362, -0.009229470044374466, -0.16824091970920563, -1.1320699453353882, -0.0011633143294602633, -1.0651060342788696};
    const double rnn[] = {-0.644431471824646, -0.4749884307384491, -0.8543736338615417, 1.1360771656036377, -0.0763741135597229, -3.4943161010742188};
    check_parity(LSTM, lstm);
    check_parity(GRU, gru);
    check_parity(RNN, rnn);
}
RUN_ALL
