/* Normalisations: values and every gradient, running statistics, degenerate rows, errors. The numbers are PyTorch 2.15's. */
#include "tn_test.h"

static tn_tensor *wave(double phase, const int64_t *shape, int n) { return tn_test_wave(phase, TN_F64, shape, n); }
static tn_tensor *leaf(tn_tensor *t) { return tn_requires_grad_(tn_clone(t), true); }
static tn_tensor *scale(const int64_t *shape, int n) { return leaf(tn_add(wave(0.2, shape, n), 1.5)); }
static tn_tensor *shift(const int64_t *shape, int n) { return leaf(wave(0.3, shape, n)); }
/* The digests of y and of the gradients of in[0..n-1]; y weighted by a wave. */
static void check(const char *name, tn_tensor *y, tn_tensor *const *in, int n, const double *want) {
    CHECK(y && tn_backward(tn_sum(tn_mul(y, wave(0.7, tn_shape(y), tn_ndim(y))), NULL)) == TN_OK);
    for (int i = 0; i <= n; i++) {
        const double got = tn_test_digest(i ? tn_grad(in[i - 1]) : y);
        if (!(fabs(got - want[i]) < 1e-10)) TN_TEST_FAIL("%s, number %d: %.12g is not %.12g", name, i, got, want[i]);
    }
}
/* x as it is, and one whose memory runs the other way. */
static tn_tensor *laid(int way, const int64_t *shape, int n) {
    tn_tensor *x = wave(0.1, shape, n);
    return tn_requires_grad_(way ? tn_transpose(tn_clone(tn_contiguous(tn_transpose(x, 0, -1))), 0, -1) : tn_clone(x), true);
}
TEST(layer_and_rms_norm) {
    static const struct { int n, over; int64_t shape[3]; double eps, want[4]; } c[] = {
        {3, 1, {3, 4, 5}, 0, {4.88252822018, -0.429132917638, 5.32461367391, 2.671056925}}, {3, 2, {3, 4, 5}, 1e-3, {4.49869785624, -0.857935096473, 3.32121102156, 0.327876785078}}, {2, 1, {3, 37}, 0, {7.37075201852, -0.0853495937896, 1.88115668966, 0.0193363948976}}};
    static const double rms[2][3] = {{3.02576285161, 0.655532689495, 5.00963293633}, {2.82402137109, 1.19803595318, 3.0291154585}};
    for (int i = 0; i < 3; i++)
        for (int way = 0; way < 2; way++) {
            TN_SCOPE;
            const int64_t *end = c[i].shape + c[i].n - c[i].over;
            tn_tensor *in[3] = {laid(way, c[i].shape, c[i].n), scale(end, c[i].over), shift(end, c[i].over)};
            check("layer_norm", tn_layer_norm(in[0], end, c[i].over, in[1], in[2], c[i].eps), in, 3, c[i].want);
            if (i == 2) continue;
            tn_tensor *two[2] = {laid(way, c[i].shape, c[i].n), scale(end, c[i].over)};
            check("rms_norm", tn_rms_norm(two[0], end, c[i].over, two[1], i ? 0.1 : 0), two, 2, rms[i]);
        }
}
TEST(group_norm) {
    static const struct { int n; int64_t shape[4], groups; double eps, want[4]; } c[] = {{3, {2, 6, 5}, 3, 0, {2.15599837488, -3.44115545755, -2.75445598901, -0.224406534959}},
        {4, {2, 6, 2, 3}, 1, 1e-2, {0.916089368473, -0.519691675098, -4.20439600564, -0.191239737694}}, {2, {4, 6}, 2, 0, {-3.27844301936, 0.826018626077, -2.7992206162, -0.276740619822}}};
    for (int i = 0; i < 3; i++)
        for (int way = 0; way < 2; way++) {
            tn_tensor *in[3] = {laid(way, c[i].shape, c[i].n), scale(SHAPE(6)), shift(SHAPE(6))};
            check("group_norm", tn_group_norm(in[0], c[i].groups, in[1], in[2], c[i].eps), in, 3, c[i].want);
        }
}
static double apart(tn_tensor *a, tn_tensor *b) { return tn_item(tn_amax(tn_abs(tn_sub(tn_detach(a), tn_detach(b))), NULL)); }
/* The same by rows of layer_norm, whose weights are ops of their own. */
static tn_tensor *grouped(tn_tensor *x, int64_t groups, tn_tensor *w, tn_tensor *b) {
    const int64_t n = tn_size(x, 0), channels = tn_size(x, 1), per = channels / groups;
    tn_tensor *y = tn_reshape(tn_layer_norm(tn_reshape(x, SHAPE(n, groups, per)), &per, 1, NULL, NULL, 0), tn_shape(x), tn_ndim(x));
    int64_t shape[3] = {1, channels, 1};
    return tn_add(tn_mul(y, tn_reshape(w, shape, tn_ndim(x))), tn_reshape(b, shape, tn_ndim(x)));
}
TEST(groups_of_channels_without_places) {
    static const struct { int64_t n, channels, groups; } c[] = {{8, 6, 1}, {8, 6, 2}, {8, 6, 3}, {8, 6, 6}, {1, 4096, 2048}, {300, 64, 16}, {2, 30000, 3}, {5000, 12, 4}};
    for (int i = 0; i < 8; i++)
        for (int threads = 1; threads <= 4; threads++)
            for (int places = 0; places < 2; places++) {
                TN_SCOPE;
                CHECK(tn_set_num_threads(threads) == TN_OK);
                const int64_t shape[3] = {c[i].n, c[i].channels, 1};
                tn_tensor *in[2][3], *y[2];
                for (int k = 0; k < 2; k++) in[k][0] = laid(0, shape, 2 + places), in[k][1] = scale(shape + 1, 1), in[k][2] = shift(shape + 1, 1);
                y[0] = tn_group_norm(in[0][0], c[i].groups, in[0][1], in[0][2], 0);
                y[1] = grouped(in[1][0], c[i].groups, in[1][1], in[1][2]);
                for (int k = 0; k < 2; k++) CHECK(tn_backward(tn_sum(tn_mul(y[k], wave(0.7, shape, 2 + places)), NULL)) == TN_OK);
                CHECK(apart(y[0], y[1]) < 1e-12);
                for (int k = 0; k < 3; k++) CHECK(apart(tn_grad(in[0][k]), tn_grad(in[1][k])) < 1e-9);
            }
    CHECK(tn_set_num_threads(2) == TN_OK);
}
TEST(the_gradients_of_weights_of_nothing_are_zeros) {
    TN_SCOPE;
    for (int i = 0; i < 50; i++) (void)tn_full(SHAPE(8), 7, NULL); /* memory that was used before */
    tn_tensor *w = leaf(tn_ones(SHAPE(4), NULL)), *b = leaf(tn_ones(SHAPE(4), NULL));
    CHECK(tn_backward(tn_sum(tn_group_norm(tn_zeros(SHAPE(2, 4, 0), NULL), 2, w, b, 0), NULL)) == TN_OK);
    for (int i = 0; i < 4; i++) CHECK(tn_item(tn_select(tn_grad(w), 0, i)) == 0 && tn_item(tn_select(tn_grad(b), 0, i)) == 0);
}
TEST(batch_norm) {
    static const struct { int n; int64_t shape[5]; bool training; double momentum, eps, want[4], mean, var; } c[] = {
        {2, {4, 3}, true, 0, 0, {4.21829064811, 0.809384356266, 4.41839185644, 1.15510789404}, 1.06631736715, 4.71412559227},
        {3, {2, 3, 5}, true, 0.3, 1e-2, {0.040574001607, -0.317689333783, 10.986784758, 0.370300293685}, 0.820448172687, 3.88210779102},
        {4, {2, 3, 4, 2}, false, 0, 0, {2.04830718895, 2.23522178753, 7.25973678233, 1.91503937112}, 1.17187118956, 5.10095129745},
        {4, {2, 3, 4, 2}, true, 0, 0, {6.93787772485, -0.306966382636, 17.5481943865, 1.91503937112}, 1.06230376259, 4.68508283936},
        {5, {2, 2, 2, 3, 2}, true, 0, 0, {3.96884868736, -0.069078414062, 24.3179853904, 0.811385409416}, 1.0363126876, 4.36886600357}};
    for (int i = 0; i < 5; i++)
        for (int way = 0; way < 2; way++) {
            TN_SCOPE;
            const int64_t *channels = c[i].shape + 1;
            tn_tensor *in[3] = {laid(way, c[i].shape, c[i].n), scale(channels, 1), shift(channels, 1)}, *mean = wave(0.4, channels, 1), *var = tn_add(wave(0.5, channels, 1), 2.0);
            const tn_batch_norm_opts o = {.weight = in[1], .bias = in[2], .running_mean = mean, .running_var = var, .training = c[i].training, .momentum = c[i].momentum, .eps = c[i].eps};
            check("batch_norm", tn_batch_norm(in[0], &o), in, 3, c[i].want);
            CHECK_NEAR(tn_test_digest(mean), c[i].mean, 1e-10);
            CHECK_NEAR(tn_test_digest(var), c[i].var, 1e-10);
        }
}
/* Small planes are taken several samples at a time: a channel has the same statistics whether its numbers are many samples or one plane. */
TEST(batch_norm_of_small_planes) {
    static const int64_t n[5] = {40, 3000, 700, 33, 2}, span[5] = {64, 1, 3, 65, 5};
    for (int i = 0; i < 10; i++) {
        TN_SCOPE;
        const tn_dtype dt = i % 2 ? TN_F64 : TN_F32;
        const int64_t shape[3] = {n[i / 2], 3, span[i / 2]}, c = 3, flat[3] = {1, 3, shape[0] * shape[2]};
        tn_tensor *x = tn_requires_grad_(tn_test_wave(0.3, dt, shape, 3), true), *w = tn_requires_grad_(tn_test_wave(0.5, dt, &c, 1), true), *g = tn_test_wave(0.8, dt, shape, 3), *got[2][3];
        for (int one = 0; one < 2; one++) {
            tn_tensor *in = one ? tn_reshape(tn_transpose(x, 0, 1), flat, 3) : x, *seed = one ? tn_reshape(tn_transpose(g, 0, 1), flat, 3) : g, *leaves[2] = {x, w};
            tn_tensor *y = tn_batch_norm(in, &(tn_batch_norm_opts){.weight = w, .training = true});
            const tn_tensors back = tn_autograd_grad(&y, 1, leaves, 2, &seed, NULL);
            got[one][0] = one ? tn_transpose(tn_reshape(y, SHAPE(3, shape[0], shape[2])), 0, 1) : y;
            got[one][1] = back.at[0], got[one][2] = back.at[1];
        }
        for (int k = 0; k < 3; k++) CHECK(tn_item(tn_max(tn_abs(tn_sub(got[0][k], got[1][k])))) <= (dt == TN_F32 ? 1e-5 : 1e-12) * tn_item(tn_max(tn_abs(got[1][k]))));
    }
}
TEST(instance_norm) {
    static const struct { int n; int64_t shape[4]; bool running; double want[4], mean, var; } c[] = {{3, {2, 3, 5}, false, {0.00676488543224, -0.279568542156, 11.0983026593, 0.370300293685}, 1.05473018394, 4.70761592164},
        {3, {2, 3, 5}, true, {1.49164399449, 0.50819045899, 4.63522279603, 0.370300293685}, 1.17187118956, 5.10095129745}, {4, {2, 3, 4, 2}, false, {7.10840565581, -0.580419957147, 17.5456543811, 1.91503937112}, 1.06230376259, 4.6917873056}};
    static const double bare[2] = {2.39826040802, 0.429321400985};
    for (int i = 0; i < 3; i++)
        for (int way = 0; way < 2; way++) {
            TN_SCOPE;
            tn_tensor *in[3] = {laid(way, c[i].shape, c[i].n), scale(SHAPE(3)), shift(SHAPE(3))}, *mean = wave(0.4, SHAPE(3)), *var = tn_add(wave(0.5, SHAPE(3)), 2.0);
            const tn_instance_norm_opts o = {.weight = in[1], .bias = in[2], .running_mean = mean, .running_var = var, .use_running_stats = c[i].running};
            check("instance_norm", tn_instance_norm(in[0], &o), in, 3, c[i].want);
            CHECK_NEAR(tn_test_digest(mean), c[i].mean, 1e-10);
            CHECK_NEAR(tn_test_digest(var), c[i].var, 1e-10);
        }
    tn_tensor *x = laid(0, SHAPE(2, 3, 4));
    check("instance_norm", tn_instance_norm(x, NULL), &x, 1, bare);
}
TEST(normalize_and_cosine_similarity) {
    static const struct { double p; int dim; double want[2]; } unit[] = {{2, 1, {0.485738838228, 0.146218841734}}, {1, 0, {0.271603769292, -0.0722208960034}}, {3, -1, {0.52359311043, 0.232359013473}}, {INFINITY, 1, {0.497765016252, -0.181373714373}}};
    static const struct { int dim; double want[3]; } angle[] = {{0, {1.25322945982, -0.0502829226101, -0.0439693027316}}, {1, {1.67081714738, -0.272728105295, 0.384315498555}}, {-1, {1.67081714738, -0.272728105295, 0.384315498555}}};
    static const double broadcast[3] = {0.547510661426, -0.579596661383, -0.0983336731527};
    for (int way = 0; way < 2; way++) {
        for (int i = 0; i < 4; i++) {
            tn_tensor *x = laid(way, SHAPE(3, 4));
            check("normalize", tn_normalize(x, unit[i].p, unit[i].dim, 0), &x, 1, unit[i].want);
        }
        for (int i = 0; i < 3; i++) {
            tn_tensor *in[2] = {laid(way, SHAPE(3, 4)), leaf(wave(0.6, SHAPE(3, 4)))};
            check("cosine_similarity", tn_cosine_similarity(in[0], in[1], angle[i].dim, 0), in, 2, angle[i].want);
        }
    }
    tn_tensor *in[2] = {laid(0, SHAPE(3, 4)), leaf(wave(0.6, SHAPE(1, 4)))};
    check("cosine_similarity, broadcast", tn_cosine_similarity(in[0], in[1], 1, 0), in, 2, broadcast);
}
static double at(tn_tensor *t, int64_t i) { return tn_item(tn_select(tn_flatten(t, 0, -1), 0, (int)i)); }
/* Rows are taken some at a time: each has to come out as it does alone, and right. */
TEST(norms_of_any_number_of_rows) {
    static const char *const isa[] = {"scalar", "avx2", "avx512"};
    static const int64_t lengths[] = {1, 3, 15, 16, 37, 512, 1040, 4096, 4097};
    const char *best = tn_get_isa();
    for (int i = 0; i < 3 * 9; i++) {
        tn_set_log(NULL, NULL);
        const bool there = tn_set_isa(isa[i % 3]) == TN_OK;
        tn_error_clear();
        for (int64_t rows = 1, n = lengths[i / 3]; there && rows < 8; rows++) {
            TN_SCOPE;
            tn_tensor *x = tn_add(tn_randn(SHAPE(rows, n), NULL), 7), *w = tn_randn(SHAPE(n), NULL), *b = rows % 2 ? tn_randn(SHAPE(n), NULL) : NULL;
            tn_tensor *y = tn_layer_norm(x, &n, 1, w, b, 1e-5), *rms = tn_rms_norm(x, &n, 1, rows % 3 ? w : NULL, 0), *last = tn_narrow(x, 0, rows - 1, 1);
            CHECK(tn_item(tn_all(tn_eq(tn_layer_norm(last, &n, 1, w, b, 1e-5), tn_narrow(y, 0, rows - 1, 1)), NULL)) != 0);
            CHECK(tn_item(tn_all(tn_eq(tn_rms_norm(last, &n, 1, rows % 3 ? w : NULL, 0), tn_narrow(rms, 0, rows - 1, 1)), NULL)) != 0);
            tn_tensor *x64 = tn_to_dtype(x, TN_F64), *w64 = tn_to_dtype(w, TN_F64), *b64 = b ? tn_to_dtype(b, TN_F64) : NULL;
            CHECK_NEAR(tn_item(tn_amax(tn_abs(tn_sub(y, tn_layer_norm(x64, &n, 1, w64, b64, 1e-5))), NULL)), 0, 1e-5);
            CHECK_NEAR(tn_item(tn_amax(tn_abs(tn_sub(rms, tn_rms_norm(x64, &n, 1, rows % 3 ? w64 : NULL, 1.1920928955078125e-07))), NULL)), 0, 1e-5);
        }
    }
    CHECK(tn_set_isa(best) == TN_OK);
}
TEST(rows_that_have_no_spread) {
    tn_tensor *odd = tn_test_f32((const float[]){1, 2, NAN, 1, 2, 3}, SHAPE(2, 3)), *y = tn_layer_norm(odd, SHAPE(3), NULL, NULL, 0);
    for (int i = 0; i < 3; i++) CHECK(isnan(at(y, i)));
    CHECK_NEAR(at(y, 3), -1.2247356, 1e-6);
    CHECK(isnan(at(tn_layer_norm(tn_test_f32((const float[]){1, 1, INFINITY}, SHAPE(1, 3)), SHAPE(3), NULL, NULL, 0), 0)));
    CHECK_NEAR(at(tn_layer_norm(tn_full(SHAPE(1, 4), 7, NULL), SHAPE(4), NULL, NULL, 0), 2), 0, 0);
    CHECK_NEAR(at(tn_layer_norm(tn_full(SHAPE(1, 1), 5, NULL), SHAPE(1), NULL, NULL, 0), 0), 0, 0);
    CHECK_NEAR(at(tn_normalize(tn_zeros(SHAPE(3), NULL), 2, 0, 0), 1), 0, 0);
    CHECK(isnan(at(tn_normalize(tn_test_f32((const float[]){3, NAN}, SHAPE(2)), 2, 0, 0), 0)));
    y = tn_normalize(tn_test_f32((const float[]){3, INFINITY}, SHAPE(2)), 2, 0, 0);
    CHECK(at(y, 0) == 0 && isnan(at(y, 1)));
    CHECK_NEAR(tn_item(tn_normalize(tn_full(NULL, 0, -3, NULL), 2, 0, 0)), -1, 1e-7);
    CHECK_NEAR(tn_item(tn_cosine_similarity(tn_zeros(SHAPE(3), NULL), tn_ones(SHAPE(3), NULL), 0, 0)), 0, 0);
}
TEST(a_mean_far_from_zero) { /* x * x would have lost the variance */
    tn_tensor *x = tn_add(tn_test_wave(0.1, TN_F32, SHAPE(2, 4096)), 1000.0);
    CHECK_NEAR(tn_test_digest(tn_layer_norm(x, SHAPE(4096), NULL, NULL, 0)), 1.80551757, 2e-3);
}
TEST(nothing) {
    tn_tensor *none = tn_zeros(SHAPE(0, 3), NULL), *mean = tn_zeros(SHAPE(3), NULL), *var = tn_ones(SHAPE(3), NULL);
    CHECK(tn_numel(tn_layer_norm(none, SHAPE(3), NULL, NULL, 0)) == 0);
    CHECK(tn_size(tn_layer_norm(tn_zeros(SHAPE(2, 0), NULL), SHAPE(0), NULL, NULL, 0), 0) == 2);
    CHECK(tn_numel(tn_rms_norm(none, SHAPE(3), NULL, 0)) == 0);
    CHECK(tn_numel(tn_group_norm(tn_zeros(SHAPE(0, 4), NULL), 2, NULL, NULL, 0)) == 0);
    CHECK(tn_numel(tn_batch_norm(none, &(tn_batch_norm_opts){.training = true})) == 0);
    CHECK(tn_numel(tn_batch_norm(none, &(tn_batch_norm_opts){.running_mean = mean, .running_var = var})) == 0);
    CHECK(tn_numel(tn_normalize(none, 2, 1, 0)) == 0 && tn_numel(tn_cosine_similarity(none, none, 1, 0)) == 0);
}
TEST(halves_compute_in_f32) {
    static const struct { tn_dtype dt; double layer, rms, tolerance; } c[] = {{TN_BF16, 7.33804778, 3.71708294, 0.05}, {TN_F16, 7.37202725, 3.70287639, 0.006}};
    for (int i = 0; i < 2; i++) {
        tn_tensor *x = tn_test_wave(0.1, c[i].dt, SHAPE(3, 37)), *w = tn_to_dtype(tn_detach(scale(SHAPE(37))), c[i].dt), *b = tn_test_wave(0.3, c[i].dt, SHAPE(37)), *y = tn_layer_norm(x, SHAPE(37), w, b, 0);
        CHECK(tn_get_dtype(y) == c[i].dt);
        CHECK_NEAR(tn_test_digest(y), c[i].layer, c[i].tolerance);
        CHECK_NEAR(tn_test_digest(tn_rms_norm(x, SHAPE(37), w, 0)), c[i].rms, c[i].tolerance);
    }
}
TEST(bad_rows) {
    tn_tensor *x = tn_ones(SHAPE(2, 4), NULL), *w = tn_ones(SHAPE(4), NULL), *short_w = tn_ones(SHAPE(3), NULL), *wide = tn_ones(SHAPE(4), &(tn_tensor_opts){.dtype = TN_F64}), *whole = tn_ones(SHAPE(2, 4), &(tn_tensor_opts){.dtype = TN_I64});
    const int64_t four = 4, five = 5;
    CHECK_ERROR(tn_layer_norm(NULL, &four, 1, NULL, NULL, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_rms_norm(NULL, &four, 1, NULL, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_group_norm(NULL, 2, NULL, NULL, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_layer_norm(x, NULL, 1, NULL, NULL, 0), TN_ERR_SHAPE);
    CHECK_ERROR(tn_layer_norm(x, &four, 0, NULL, NULL, 0), TN_ERR_SHAPE);
    CHECK_ERROR(tn_layer_norm(x, SHAPE(1, 2, 4), NULL, NULL, 0), TN_ERR_SHAPE);
    CHECK_ERROR(tn_layer_norm(x, &five, 1, NULL, NULL, 0), TN_ERR_SHAPE);
    CHECK_ERROR(tn_rms_norm(x, &five, 1, NULL, 0), TN_ERR_SHAPE);
    CHECK_ERROR(tn_layer_norm(x, &four, 1, short_w, NULL, 0), TN_ERR_SHAPE);
    CHECK_ERROR(tn_layer_norm(x, &four, 1, w, x, 0), TN_ERR_SHAPE);
    CHECK_ERROR(tn_layer_norm(x, &four, 1, wide, NULL, 0), TN_ERR_DTYPE);
    CHECK_ERROR(tn_rms_norm(x, &four, 1, wide, 0), TN_ERR_DTYPE);
    CHECK_ERROR(tn_layer_norm(whole, &four, 1, NULL, NULL, 0), TN_ERR_DTYPE);
    CHECK_ERROR(tn_rms_norm(whole, &four, 1, NULL, 0), TN_ERR_DTYPE);
    CHECK_ERROR(tn_group_norm(x, 3, NULL, NULL, 0), TN_ERR_SHAPE);
    CHECK_ERROR(tn_group_norm(x, 0, NULL, NULL, 0), TN_ERR_SHAPE);
    CHECK_ERROR(tn_group_norm(w, 1, NULL, NULL, 0), TN_ERR_SHAPE);
    CHECK_ERROR(tn_group_norm(x, 2, short_w, NULL, 0), TN_ERR_SHAPE);
    CHECK_ERROR(tn_group_norm(whole, 2, NULL, NULL, 0), TN_ERR_DTYPE);
}
TEST(bad_channels) {
    tn_tensor *x = tn_ones(SHAPE(2, 4, 3), NULL), *flat = tn_ones(SHAPE(4), NULL), *short_one = tn_ones(SHAPE(3), NULL), *wide = tn_ones(SHAPE(4), &(tn_tensor_opts){.dtype = TN_F64}), *whole = tn_ones(SHAPE(2, 4, 3), &(tn_tensor_opts){.dtype = TN_I64});
    const tn_batch_norm_opts training = {.training = true};
    CHECK_ERROR(tn_batch_norm(NULL, &training), TN_ERR_INVALID);
    CHECK_ERROR(tn_batch_norm(x, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_batch_norm(x, &(tn_batch_norm_opts){.running_mean = flat}), TN_ERR_INVALID);
    CHECK_ERROR(tn_batch_norm(flat, &training), TN_ERR_SHAPE);
    CHECK_ERROR(tn_batch_norm(tn_ones(SHAPE(1, 4), NULL), &training), TN_ERR_SHAPE);
    CHECK_ERROR(tn_batch_norm(whole, &training), TN_ERR_DTYPE);
    CHECK_ERROR(tn_batch_norm(x, &(tn_batch_norm_opts){.training = true, .weight = short_one}), TN_ERR_SHAPE);
    CHECK_ERROR(tn_batch_norm(x, &(tn_batch_norm_opts){.training = true, .bias = wide}), TN_ERR_DTYPE);
    CHECK_ERROR(tn_batch_norm(x, &(tn_batch_norm_opts){.running_mean = flat, .running_var = short_one}), TN_ERR_SHAPE);
    CHECK_ERROR(tn_instance_norm(NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_instance_norm(tn_ones(SHAPE(2, 3), NULL), NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_instance_norm(tn_ones(SHAPE(2, 3, 1), NULL), NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_instance_norm(x, &(tn_instance_norm_opts){.weight = short_one}), TN_ERR_SHAPE);
    CHECK_ERROR(tn_instance_norm(x, &(tn_instance_norm_opts){.use_running_stats = true}), TN_ERR_INVALID);
    CHECK_ERROR(tn_instance_norm(whole, NULL), TN_ERR_DTYPE);
    CHECK_ERROR(tn_normalize(NULL, 2, 1, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_normalize(x, 2, 3, 0), TN_ERR_INDEX);
    CHECK_ERROR(tn_normalize(whole, 2, 1, 0), TN_ERR_DTYPE);
    CHECK_ERROR(tn_cosine_similarity(x, NULL, 1, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_cosine_similarity(x, x, -4, 0), TN_ERR_INDEX);
    CHECK_ERROR(tn_cosine_similarity(x, flat, 1, 0), TN_ERR_SHAPE);
    CHECK_ERROR(tn_cosine_similarity(whole, whole, 1, 0), TN_ERR_DTYPE);
}
RUN_ALL
