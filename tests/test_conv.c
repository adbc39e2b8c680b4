/* Resizing, unfolding and the gradients that PyTorch's samples found wrong once. Literals are PyTorch 2.15's. */
#include "tn_test.h"

static tn_tensor *counted(const int64_t *shape, int n) { /* 0, 1, 2, … */
    int64_t count = 1;
    for (int d = 0; d < n; d++) count *= shape[d];
    return tn_reshape(tn_arange(0, (double)count, 1, &(tn_tensor_opts){.dtype = TN_F32}), shape, n);
}
TEST(interpolate_gives_pytorchs_values) {
    static const struct { tn_interpolate_opts o; int64_t n; double first, fifth, second_last, sum; } c[] = {
        {{.size = {5, 3}, .n_size = 2, .mode = TN_NEAREST}, 15, 0, 0.142857, 11.571428, 58.42857},
        {{.size = {5, 3}, .n_size = 2, .mode = TN_NEAREST_EXACT}, 15, 0, 0.571429, 14.285714, 99.571426},
        {{.size = {5, 6}, .n_size = 2, .mode = TN_BILINEAR}, 30, 0, 0.928571, 15.785714, 178.885712},
        {{.size = {5, 6}, .n_size = 2, .mode = TN_BILINEAR, .align_corners = true}, 30, 0, 0.857143, 15.485715, 175.857162},
        {{.scale = {1.7}, .n_scale = 1, .mode = TN_BICUBIC}, 30, -0.225648, 0.22707, 15.630731, 164.249725},
        {{.scale = {1.7}, .n_scale = 1, .mode = TN_BICUBIC, .recompute_scale_factor = true}, 30, -0.222306, 0.46475, 16.983038, 179.823578},
        {{.size = {2, 3}, .n_size = 2, .mode = TN_AREA}, 6, 1.5, 8.642857, 8.642857, 33.57143},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        TN_SCOPE;
        tn_tensor *x = tn_div(tn_square(counted((int64_t[]){1, 1, 3, 4}, 4)), 7.0), *y = tn_flatten(tn_interpolate(x, &c[i].o), 0, -1);
        CHECK(tn_numel(y) == c[i].n);
        CHECK_NEAR(tn_item(tn_select(y, 0, 0)), c[i].first, 2e-6);
        CHECK_NEAR(tn_item(tn_select(y, 0, 4)), c[i].fifth, 2e-6);
        CHECK_NEAR(tn_item(tn_select(y, 0, -2)), c[i].second_last, 2e-5);
        CHECK_NEAR(tn_item(tn_sum(y, NULL)), c[i].sum, 2e-4);
    }
}
TEST(interpolate_refuses_what_makes_no_sense) {
    TN_SCOPE;
    tn_tensor *x = tn_ones((int64_t[]){1, 2, 4, 4}, 4, NULL), *whole = tn_ones((int64_t[]){1, 2, 4, 4}, 4, &(tn_tensor_opts){.dtype = TN_I64});
    CHECK_ERROR(tn_interpolate(x, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_interpolate(x, &(tn_interpolate_opts){.mode = TN_NEAREST}), TN_ERR_INVALID);
    CHECK_ERROR(tn_interpolate(x, &(tn_interpolate_opts){.size = {2}, .n_size = 1, .scale = {2}, .n_scale = 1}), TN_ERR_INVALID);
    CHECK_ERROR(tn_interpolate(x, &(tn_interpolate_opts){.size = {2, 2, 2}, .n_size = 3}), TN_ERR_INVALID);
    CHECK_ERROR(tn_interpolate(x, &(tn_interpolate_opts){.size = {2}, .n_size = 1, .mode = TN_TRILINEAR}), TN_ERR_SHAPE);
    CHECK_ERROR(tn_interpolate(x, &(tn_interpolate_opts){.size = {0}, .n_size = 1}), TN_ERR_SHAPE);
    CHECK_ERROR(tn_interpolate(x, &(tn_interpolate_opts){.scale = {-1}, .n_scale = 1}), TN_ERR_SHAPE);
    CHECK_ERROR(tn_interpolate(whole, &(tn_interpolate_opts){.size = {2}, .n_size = 1}), TN_ERR_DTYPE);
    CHECK_ERROR(tn_unfold(x, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_unfold(x, &(tn_unfold_opts){.kernel = {5, 1}}), TN_ERR_SHAPE);
    CHECK_ERROR(tn_fold(tn_ones((int64_t[]){1, 8, 8}, 3, NULL), 4, 4, &(tn_unfold_opts){.kernel = {2, 2}}), TN_ERR_SHAPE);
    CHECK_ERROR(tn_fold(tn_ones((int64_t[]){1, 7, 9}, 3, NULL), 4, 4, &(tn_unfold_opts){.kernel = {2, 2}}), TN_ERR_SHAPE);
}
TEST(fold_counts_the_windows_over_a_place) {
    TN_SCOPE;
    const tn_unfold_opts o = {.kernel = {2, 2}};
    tn_tensor *x = counted((int64_t[]){1, 1, 3, 3}, 4), *columns = tn_unfold(x, &o), *back = tn_fold(columns, 3, 3, &o);
    static const float first[4] = {0, 1, 3, 4}, times[9] = {1, 2, 1, 2, 4, 2, 1, 2, 1};
    CHECK(tn_ndim(columns) == 3 && tn_size(columns, 1) == 4 && tn_size(columns, 2) == 4);
    for (int64_t i = 0; i < 4; i++) CHECK_NEAR(tn_at(columns, (int64_t[]){0, 0, i}, 3), first[i], 0);
    for (int64_t i = 0; i < 9; i++) CHECK_NEAR(tn_at(back, (int64_t[]){0, 0, i / 3, i % 3}, 4), times[i] * (float)i, 0);
}
TEST(a_wide_output_padding_has_a_gradient) {
    TN_SCOPE;
    tn_tensor *x = tn_requires_grad_(tn_ones((int64_t[]){1, 1, 4, 4}, 4, NULL), true), *w = tn_requires_grad_(tn_ones((int64_t[]){1, 1, 4, 5}, 4, NULL), true);
    tn_tensor *y = tn_conv_transpose2d(x, w, NULL, &(tn_conv_opts){.strides = {3, 2}, .paddings = {1, 2}, .per_axis_padding = true, .output_paddings = {2, 3}, .dilation = 4});
    CHECK(tn_backward(tn_sum(y, NULL)) == TN_OK);
    CHECK(tn_grad(x) && tn_size(tn_grad(x), 3) == 4 && tn_grad(w) && tn_size(tn_grad(w), 3) == 5);
    CHECK_NEAR(tn_item(tn_sum(tn_mul(tn_grad(x), x), NULL)), tn_item(tn_sum(y, NULL)), 1e-4); /* linear in x */
}
TEST(linear_without_features_is_its_bias) {
    TN_SCOPE;
    tn_tensor *x = tn_zeros((int64_t[]){3, 0}, 2, NULL), *w = tn_requires_grad_(tn_zeros((int64_t[]){2, 0}, 2, NULL), true), *b = tn_requires_grad_(tn_ones((int64_t[]){2}, 1, NULL), true);
    CHECK(tn_backward(tn_sum(tn_linear(x, w, b), NULL)) == TN_OK);
    CHECK_NEAR(tn_at(tn_grad(b), (int64_t[]){1}, 1), 3, 0);
    CHECK(tn_numel(tn_grad(w)) == 0);
}
TEST(wrapping_goes_round_what_the_crop_leaves) {
    TN_SCOPE;
    static const float want[12] = {9, 10, 11, 9, 13, 14, 15, 13, 9, 10, 11, 9};
    tn_tensor *y = tn_flatten(tn_pad(counted((int64_t[]){1, 1, 4, 4}, 4), (int64_t[]){-1, 1, -2, 1}, 4, &(tn_pad_opts){.mode = TN_PAD_CIRCULAR}), 0, -1);
    CHECK(tn_numel(y) == 12);
    for (int64_t i = 0; i < 12; i++) CHECK_NEAR(tn_at(y, &i, 1), want[i], 0);
    CHECK_ERROR(tn_pad(counted((int64_t[]){1, 1, 4, 4}, 4), (int64_t[]){-2, 3}, 2, &(tn_pad_opts){.mode = TN_PAD_CIRCULAR}), TN_ERR_SHAPE);
}
TEST(dropout2d_of_three_dims_drops_lines) {
    TN_SCOPE;
    tn_manual_seed(3);
    tn_tensor *y = tn_dropout2d(tn_ones((int64_t[]){4, 5, 6}, 3, NULL), 0.5, true), *line = tn_sum(y, &(tn_reduce_opts){.dim = 2, .has_dim = true});
    for (int64_t i = 0; i < 20; i++) {
        const double s = tn_at(line, (int64_t[]){i / 5, i % 5}, 2);
        CHECK(s == 0 || s == 12);
    }
}
TEST(halves_are_drawn_in_sixteens) {
    CPU_DRAWS;
    TN_SCOPE;
    static const struct { int64_t at; double v; } want[] = {{0, 1.9296875}, {8, -0.75390625}, {9, 1.640625}, {24, 0.859375}};
    tn_manual_seed(42);
    tn_tensor *t = tn_randn((int64_t[]){25}, 1, &(tn_tensor_opts){.dtype = TN_BF16});
    for (size_t i = 0; i < 4; i++) CHECK_NEAR(tn_at(t, &want[i].at, 1), want[i].v, 0);
    tn_tensor *whole = tn_linspace(-4.3, -1.2, 5, &(tn_tensor_opts){.dtype = TN_I64});
    for (int64_t i = 0; i < 5; i++) CHECK_NEAR(tn_at(whole, &i, 1), i < 4 ? -4 + (double)i : -1, 0);
    CHECK(tn_get_dtype(tn_square(tn_ones(NULL, 0, &(tn_tensor_opts){.dtype = TN_BOOL}))) == TN_I64);
}
TEST(segments_may_leave_places_out) {
    TN_SCOPE;
    static const float v[5] = {5, 1, 2, 3, 9};
    static const int64_t lengths[2] = {1, 2}, n = 2, five = 5;
    tn_tensor *x = tn_test_f32(v, &five, 1), *l = tn_from(lengths, &n, 1, &(tn_tensor_opts){.dtype = TN_I64});
    tn_tensor *y = tn_segment_reduce(x, TN_REDUCE_SUM, &(tn_segment_reduce_opts){.lengths = l, .unsafe = true});
    CHECK_NEAR(tn_at(y, (int64_t[]){0}, 1), 5, 0);
    CHECK_NEAR(tn_at(y, (int64_t[]){1}, 1), 3, 0);
    CHECK_ERROR(tn_segment_reduce(x, TN_REDUCE_SUM, &(tn_segment_reduce_opts){.lengths = l}), TN_ERR_SHAPE);
    tn_tensor *none = tn_zeros((int64_t[]){0}, 1, &(tn_tensor_opts){.dtype = TN_U8});
    CHECK(tn_numel(tn_gather(x, 0, none)) == 0);
}
/* Whole numbers are exact, so floats, which go a way of their own, have to give what i64 gives. */
typedef struct { int64_t x[4], w[4]; tn_conv_opts o; } geometry;
static geometry any_geometry(void) {
    geometry g = {{0}, {0}, {0}};
    static const int64_t groups[] = {1, 1, 2, 3};
    g.o.groups = groups[rand() % 4];
    g.x[0] = 1 + rand() % 3, g.x[1] = g.o.groups * (1 + rand() % 4);
    g.w[0] = g.o.groups * (1 + rand() % 9), g.w[1] = g.x[1] / g.o.groups;
    g.o.per_axis_padding = true;
    for (int k = 0; k < 2; k++) {
        g.w[2 + k] = 1 + rand() % 4;
        g.o.strides[k] = 1 + rand() % 3, g.o.dilations[k] = 1 + rand() % 3, g.o.paddings[k] = rand() % 4;
        g.x[2 + k] = g.o.dilations[k] * (g.w[2 + k] - 1) + 1 + rand() % 24;
    }
    return g;
}
static tn_tensor *whole(const int64_t *shape, tn_dtype dt) { return tn_to_dtype(tn_randint(-4, 5, shape, 4, NULL), dt); }
static bool same(tn_tensor *a, tn_tensor *b) { return a && b && tn_item(tn_all(tn_eq(tn_to_dtype(a, TN_F64), tn_to_dtype(b, TN_F64)), NULL)) == 1; }
static void check_geometry(const geometry *g, tn_dtype dt) {
    TN_SCOPE;
    tn_tensor *x = whole(g->x, TN_I64), *w = whole(g->w, TN_I64), *y = tn_conv2d(x, w, NULL, &g->o);
    tn_tensor *xf = tn_requires_grad_(tn_to_dtype(x, dt), true), *wf = tn_requires_grad_(tn_to_dtype(w, dt), true), *yf = tn_conv2d(xf, wf, NULL, &g->o);
    CHECK(y && same(y, yf));
    /* sum(grad * y) is linear in x and in w: its gradients, taken with other operands, give it again */
    tn_tensor *grad = whole(tn_shape(y), dt), *other_x = whole(g->x, dt), *other_w = whole(g->w, dt);
    CHECK(tn_backward(tn_sum(tn_mul(yf, grad), NULL)) == TN_OK);
    CHECK(tn_item(tn_sum(tn_mul(tn_grad(wf), other_w), NULL)) == tn_item(tn_sum(tn_mul(tn_conv2d(tn_detach(xf), other_w, NULL, &g->o), grad), NULL)));
    CHECK(tn_item(tn_sum(tn_mul(tn_grad(xf), other_x), NULL)) == tn_item(tn_sum(tn_mul(tn_conv2d(other_x, tn_detach(wf), NULL, &g->o), grad), NULL)));
}
TEST(floats_give_what_integers_give) {
    static const geometry large = {{3, 64, 6, 6}, {256, 64, 3, 3}, {.groups = 1, .padding = 1}}; /* its weights outweigh its planes */
    srand(7);
    for (int i = 0; i < 120; i++) {
        const geometry g = any_geometry();
        check_geometry(&g, i % 3 ? TN_F32 : TN_F64);
    }
    check_geometry(&large, TN_F32);
    /* One sample: its channels and its outputs are shared out. 1 x 1, where its places are its patches, and where only their number is alike. */
    static const geometry alone[] = {{{1, 40, 20, 30}, {70, 20, 3, 3}, {.groups = 2, .padding = 1}}, {{1, 33, 5, 7}, {65, 33, 1, 1}, {.groups = 1}}, {{1, 12, 3, 4}, {10, 6, 1, 1}, {.groups = 2}},
                                     {{1, 5, 2, 2}, {9, 5, 1, 1}, {.groups = 1, .stride = 2, .padding = 1}}, {{1, 9, 1, 1}, {7, 9, 1, 1}, {.groups = 1, .stride = 2}}};
    for (size_t i = 0; i < sizeof alone / sizeof *alone; i++) check_geometry(&alone[i], i % 2 ? TN_F64 : TN_F32);
}
/* Small planes of many samples, whose samples are lanes: whole vectors of them and not, in one go and in several. */
static geometry many_samples(void) {
    geometry g = any_geometry();
    g.o.groups = 1 + rand() % 2;
    g.x[0] = rand() % 3 ? 30 + rand() % 36 : 200, g.x[1] = g.o.groups * (16 + rand() % 60);
    g.w[0] = g.o.groups * (16 + rand() % 60), g.w[1] = g.x[1] / g.o.groups;
    for (int k = 0; k < 2; k++) {
        const int64_t reach = g.o.dilations[k] * (g.w[2 + k] - 1) + 1 - 2 * g.o.paddings[k];
        g.x[2 + k] = (reach > 1 ? reach : 1) + rand() % 6;
    }
    return g;
}
TEST(samples_as_lanes_give_what_integers_give) {
    static const char *const isa[3] = {"avx512", "avx2", "scalar"};
    const char *was = tn_get_isa();
    const geometry one = {{40, 24, 1, 1}, {30, 24, 3, 3}, {.groups = 1, .padding = 1}}, eight = {{150, 64, 8, 8}, {64, 64, 3, 3}, {.groups = 1, .padding = 1}};
    srand(8);
    for (int i = 0; i < 30; i++) {
        const geometry g = many_samples();
        if (tn_set_isa(isa[i % 3]) == TN_OK) check_geometry(&g, i % 4 ? TN_F32 : TN_F64);
    }
    tn_error_clear();
    CHECK(tn_set_isa(was) == TN_OK);
    check_geometry(&one, TN_F32);
    check_geometry(&eight, TN_F32);
}
TEST(three_axes_of_many_samples) {
    const int64_t xs[5] = {33, 17, 3, 2, 4}, ws[5] = {18, 17, 2, 2, 3};
    const tn_conv_opts o = {.strides = {1, 2, 1}, .paddings = {1, 0, 2}, .per_axis_padding = true};
    tn_tensor *x = tn_randint(-4, 5, xs, 5, NULL), *w = tn_randint(-4, 5, ws, 5, NULL), *y = tn_conv3d(x, w, NULL, &o);
    CHECK(same(tn_conv3d(tn_to_dtype(x, TN_F32), tn_to_dtype(w, TN_F32), NULL, &o), y));
    tn_tensor *back = tn_conv_transpose3d(y, w, NULL, &o);
    CHECK(same(tn_conv_transpose3d(tn_to_dtype(y, TN_F64), tn_to_dtype(w, TN_F64), NULL, &o), back));
}
TEST(samples_as_lanes_on_any_number_of_threads) {
    const int64_t xs[4] = {40, 24, 5, 5}, ws[4] = {20, 24, 3, 3};
    const int was = tn_get_num_threads();
    tn_tensor *x = tn_requires_grad_(tn_randn(xs, 4, NULL), true), *w = tn_requires_grad_(tn_randn(ws, 4, NULL), true), *got[2][3];
    for (int t = 0; t < 2; t++) {
        CHECK(tn_set_num_threads(t ? 5 : 1) == TN_OK);
        tn_tensor *y = tn_conv2d(x, w, NULL, &(tn_conv_opts){.padding = 1}), *loss = tn_sum(tn_square(y), NULL), *in[2] = {x, w};
        const tn_tensors g = tn_autograd_grad(&loss, 1, in, 2, NULL, NULL);
        got[t][0] = y, got[t][1] = g.at[0], got[t][2] = g.at[1];
    }
    for (int i = 0; i < 3; i++) CHECK(same(got[0][i], got[1][i]));
    CHECK(tn_set_num_threads(was) == TN_OK);
}
static void check_pool(int64_t width, int64_t kernel, const tn_pool_opts *o) { /* f64 goes window by window */
    TN_SCOPE;
    const int64_t shape[4] = {2, 3, 5, width};
    tn_tensor *x = tn_to_dtype(tn_randint(-3, 4, shape, 4, NULL), TN_F32);
    if (width % 7 == 0) tn_fill_(tn_slice(x, 3, 1, 2, 1), NAN);
    const tn_values_indices f = tn_max_pool2d_indices(x, kernel, o), d = tn_max_pool2d_indices(tn_to_dtype(x, TN_F64), kernel, o);
    CHECK(f.values && tn_item(tn_all(tn_eq(f.indices, d.indices), NULL)) == 1);
    CHECK(tn_item(tn_all(tn_eq(tn_where(tn_ne(f.values, f.values), 9, f.values), tn_to_dtype(tn_where(tn_ne(d.values, d.values), 9, d.values), TN_F32)), NULL)) == 1);
}
TEST(pools_at_every_width) { /* lines are taken by vectors, the last one over some again */
    static const struct { int64_t kernel; tn_pool_opts o; } pools[] = {{2, {.stride = 0}}, {3, {.stride = 2, .padding = 1}}, {3, {.stride = 1, .padding = 1}}, {3, {.stride = 2}}, {2, {.stride = 1}},
                                                                      {1, {.stride = 2}}, {5, {.stride = 2, .padding = 2}}, {2, {.stride = 2, .dilation = 2}}, {2, {.stride = 3, .ceil_mode = true}}};
    for (int64_t width = 5; width < 75; width++)
        for (size_t i = 0; i < sizeof pools / sizeof *pools; i++) check_pool(width, pools[i].kernel, &pools[i].o);
}
/* Bias, residual and activation in the store, against the same by ops of their own in i64: small whole numbers, so exactly. */
static void check_store(const int64_t *xs, const int64_t *ws, const tn_conv_opts *opts, tn_dtype dt) {
    TN_SCOPE;
    tn_conv_opts o = *opts;
    tn_tensor *x = whole(xs, TN_I64), *w = whole(ws, TN_I64), *b = tn_randint(-9, 10, ws, 1, NULL), *plain = tn_conv2d(x, w, NULL, &o), *add = tn_randint(-9, 10, tn_shape(plain), 4, NULL);
    tn_tensor *want = tn_add(plain, tn_reshape(b, (int64_t[]){1, -1, 1, 1}, 4)), *fx = tn_to_dtype(x, dt), *fw = tn_to_dtype(w, dt), *fb = tn_to_dtype(b, dt);
    TN_NO_GRAD;
    for (int again = 0; again < 2; again++) CHECK(same(tn_conv2d(fx, fw, fb, &o), want)); /* then with weights that were packed */
    CHECK(same(tn_conv2d(fx, fw, NULL, &o), plain));
    o.activation = TN_CONV_RELU;
    CHECK(same(tn_conv2d(fx, fw, fb, &o), tn_relu(want)));
    o.residual = tn_to_dtype(add, dt);
    CHECK(same(tn_conv2d(fx, fw, fb, &o), tn_relu(tn_add(want, add))));
    CHECK(same(tn_conv2d(fx, fw, NULL, &o), tn_relu(tn_add(plain, add))));
    tn_conv_opts single = *opts; /* without the samples' dim */
    single.residual = tn_select(o.residual, 0, 0);
    CHECK(same(tn_select(tn_conv2d(tn_select(fx, 0, 0), fw, fb, &single), 0, 1), tn_select(tn_select(tn_add(want, add), 0, 0), 0, 1)));
}
TEST(bias_residual_and_activation_at_every_geometry) {
    static const struct { int64_t x[4], w[4]; tn_conv_opts o; } c[] = {
        {{1, 5, 7, 7}, {40, 5, 3, 3}, {.padding = 1}}, {{2, 30, 14, 14}, {32, 30, 1, 1}, {.stride = 1}}, {{1, 8, 14, 14}, {24, 8, 3, 3}, {.stride = 2, .padding = 1}},
        {{1, 3, 21, 19}, {64, 3, 7, 7}, {.stride = 2, .padding = 3}}, {{1, 9, 12, 17}, {33, 9, 1, 1}, {.stride = 2}}, {{3, 12, 8, 8}, {50, 6, 2, 3}, {.padding = 1, .groups = 2}},
        {{1, 90, 8, 7}, {64, 90, 3, 3}, {.padding = 0}} /* more than a block of the depth */, {{2, 10, 9, 7}, {32, 10, 3, 3}, {.padding = 1}}, {{1, 9, 11, 13}, {26, 9, 3, 5}, {.stride = 2, .paddings = {1, 2}, .per_axis_padding = true}},
        {{1, 8, 16, 15}, {24, 8, 2, 2}, {.stride = 3}}, {{1, 8, 13, 9}, {24, 8, 3, 3}, {.padding = 2, .dilation = 2}}, {{1, 8, 13, 14}, {24, 8, 5, 4}, {.stride = 2, .paddings = {4, 3}, .dilation = 2, .per_axis_padding = true}},
        {{1, 640, 14, 7}, {32, 640, 1, 1}, {.strides = {2, 1}}}, {{1, 650, 9, 8}, {40, 650, 1, 1}, {.stride = 1}}, {{1, 700, 7, 8}, {30, 700, 1, 1}, {.stride = 1}}, {{17, 16, 5, 5}, {24, 16, 3, 3}, {.padding = 1}} /* lanes */,
        {{2, 4, 9, 9}, {4, 1, 3, 3}, {.groups = 4}}, {{1, 16, 1, 1}, {32, 16, 1, 1}, {.stride = 1}}, {{1, 16, 6, 8}, {24, 16, 1, 1}, {.stride = 1}}, {{1, 16, 10, 10}, {24, 16, 1, 1}, {.stride = 1}}};
    const int was = tn_get_num_threads();
    for (int threads = 1; threads < 6; threads += 4) {
        CHECK(tn_set_num_threads(threads) == TN_OK);
        for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
            check_store(c[i].x, c[i].w, &c[i].o, TN_F32);
            check_store(c[i].x, c[i].w, &c[i].o, TN_F64);
        }
    }
    CHECK(tn_set_num_threads(was) == TN_OK);
}
TEST(panels_on_any_number_of_threads) {
    static const struct { int64_t x[4], w[4]; } c[] = {{{1, 150, 14, 14}, {70, 150, 3, 3}}, {{1, 800, 10, 9}, {66, 800, 1, 1}}, {{3, 20, 28, 28}, {24, 20, 3, 3}}};
    const int was = tn_get_num_threads();
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        TN_SCOPE;
        TN_NO_GRAD;
        tn_tensor *x = tn_randn(c[i].x, 4, NULL), *w = tn_randn(c[i].w, 4, NULL), *b = tn_randn(c[i].w, 1, NULL), *got[2];
        for (int t = 0; t < 2; t++) {
            CHECK(tn_set_num_threads(t ? 5 : 1) == TN_OK);
            got[t] = tn_conv2d(x, w, b, &(tn_conv_opts){.padding = c[i].w[2] / 2, .activation = TN_CONV_RELU});
        }
        CHECK(same(got[0], got[1]));
    }
    CHECK(tn_set_num_threads(was) == TN_OK);
}
TEST(not_a_number_stays_under_the_activation) {
    TN_SCOPE;
    TN_NO_GRAD;
    tn_tensor *x = tn_full((int64_t[]){1, 8, 7, 7}, 4, NAN, NULL), *w = tn_ones((int64_t[]){32, 8, 1, 1}, 4, NULL);
    CHECK(isnan(tn_item(tn_sum(tn_conv2d(x, w, NULL, &(tn_conv_opts){.activation = TN_CONV_RELU}), NULL))));
}
TEST(residual_and_activation_have_gradients) {
    TN_SCOPE;
    tn_tensor *x = tn_randn((int64_t[]){2, 6, 7, 7}, 4, NULL), *w = tn_randn((int64_t[]){32, 6, 3, 3}, 4, NULL), *b = tn_randn((int64_t[]){32}, 1, NULL), *r = tn_randn((int64_t[]){2, 32, 7, 7}, 4, NULL);
    tn_tensor *in[4] = {x, w, b, r};
    for (int i = 0; i < 4; i++) { /* each by itself, the others without */
        for (int k = 0; k < 4; k++) (void)tn_requires_grad_(in[k], k == i);
        tn_tensor *y = tn_sum(tn_square(tn_conv2d(x, w, b, &(tn_conv_opts){.padding = 1, .residual = r, .activation = TN_CONV_RELU})), NULL);
        tn_tensor *z = tn_sum(tn_square(tn_relu(tn_add(tn_conv2d(x, w, b, &(tn_conv_opts){.padding = 1}), r))), NULL);
        const tn_tensors g = tn_autograd_grad(&y, 1, in + i, 1, NULL, NULL), h = tn_autograd_grad(&z, 1, in + i, 1, NULL, NULL);
        CHECK(g.n == 1 && h.n == 1 && tn_item(tn_amax(tn_abs(tn_sub(g.at[0], h.at[0])), NULL)) <= 1e-4 * tn_item(tn_amax(tn_abs(h.at[0]), NULL)));
        tn_tensor *plain;
        {
            TN_NO_GRAD;
            plain = tn_conv2d(x, w, b, &(tn_conv_opts){.padding = 1, .residual = r, .activation = TN_CONV_RELU});
        }
        CHECK_NEAR(tn_item(tn_sum(tn_square(plain), NULL)) / tn_item(y), 1, 1e-5);
    }
    CHECK_ERROR(tn_conv2d(x, w, b, &(tn_conv_opts){.padding = 1, .residual = b}), TN_ERR_SHAPE);
    CHECK_ERROR(tn_conv2d(x, w, b, &(tn_conv_opts){.residual = r}), TN_ERR_SHAPE);
    CHECK_ERROR(tn_conv2d(x, w, b, &(tn_conv_opts){.activation = (tn_conv_activation)7}), TN_ERR_INVALID);
    TN_NO_GRAD;
    CHECK_ERROR(tn_conv2d(x, w, b, &(tn_conv_opts){.padding = 1, .residual = b}), TN_ERR_SHAPE);
    CHECK_ERROR(tn_conv2d(x, w, r, &(tn_conv_opts){.padding = 1}), TN_ERR_SHAPE);
    tn_tensor *t = tn_conv_transpose2d(x, tn_ones((int64_t[]){6, 4, 1, 1}, 4, NULL), NULL, &(tn_conv_opts){.activation = TN_CONV_RELU});
    CHECK(t && tn_item(tn_any(tn_lt(t, 0.0), NULL)) == 0);
}
static double conv_of(tn_tensor *x, tn_tensor *w) { return tn_item(tn_sum(tn_conv2d(x, w, NULL, NULL), NULL)); }
TEST(packed_weights_follow_what_is_written) {
    HOST_ONLY;
    const int64_t before = tn_memory_stats().live_bytes;
    {
        TN_SCOPE;
        TN_NO_GRAD;
        tn_tensor *x = tn_ones((int64_t[]){1, 128, 7, 7}, 4, NULL), *w = tn_ones((int64_t[]){64, 128, 1, 1}, 4, NULL);
        const double all = 64 * 128 * 49;
        const int64_t bare = tn_memory_stats().live_bytes;
        CHECK(conv_of(x, w) == all && conv_of(x, w) == all);
        CHECK(tn_memory_stats().live_bytes >= bare + 64 * 128 * 4); /* kept */
        tn_fill_(w, 2);
        CHECK(conv_of(x, w) == 2 * all);
        float *p = tn_data(w);
        p[0] = 3; /* and nothing said */
        CHECK(conv_of(x, w) == 2 * all + 49);
        p[1] = 3;
        CHECK(conv_of(x, w) == 2 * all + 98);
        tn_mark_written(w);
        const int64_t shown = tn_memory_stats().live_bytes;
        CHECK(conv_of(x, w) == 2 * all + 98 && conv_of(x, w) == 2 * all + 98 && tn_memory_stats().live_bytes >= shown + 64 * 128 * 4);
        tn_mul_(tn_select(w, 0, 5), 2); /* by a view */
        CHECK(conv_of(x, w) == 2 * all + 98 + 2 * 128 * 49);
        tn_tensor *square = tn_reshape(tn_detach(w), (int64_t[]){32, 64, 2, 2}, 4), *rest = tn_ones((int64_t[]){1, 64, 8, 8}, 4, NULL); /* the same storage, otherwise */
        CHECK(conv_of(rest, square) == conv_of(x, w)); /* 49 places too */
    }
    CHECK(tn_memory_stats().live_bytes <= before + 4096);
}
RUN_ALL
