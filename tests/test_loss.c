/* Losses: values and gradients under every reduction, what is not finite, empty and half, errors. The numbers are PyTorch 2.15's. */
#include "tn_test.h"

static tn_tensor *wave(double phase, const int64_t *shape, int n) { return tn_test_wave(phase, TN_F64, shape, n); }
/* Under mean, sum and none: the digest of the loss and of its gradient, none's weighted by a wave. */
typedef tn_tensor *(*loss_fn)(tn_tensor *x, tn_reduction r);
static void check(const char *name, loss_fn fn, tn_tensor *x, const double *want) {
    for (int r = TN_MEAN; r <= TN_NONE; r++) {
        TN_SCOPE;
        tn_tensor *leaf = tn_requires_grad_(tn_clone(x), true), *y = fn(leaf, (tn_reduction)r);
        CHECK(y && (r == TN_NONE || tn_ndim(y) == 0));
        CHECK(y && tn_backward(r == TN_NONE ? tn_sum(tn_mul(y, wave(0.7, tn_shape(y), tn_ndim(y))), NULL) : y) == TN_OK);
        if (!(fabs(tn_test_digest(y) - want[2 * r]) < 1e-10 && fabs(tn_test_digest(tn_grad(leaf)) - want[2 * r + 1]) < 1e-10))
            TN_TEST_FAIL("%s, reduction %d: %.12g, %.12g are not %.12g, %.12g", name, r, tn_test_digest(y), tn_test_digest(tn_grad(leaf)), want[2 * r], want[2 * r + 1]);
    }
}
#define LOSS(name, ...) static tn_tensor *name(tn_tensor *x, tn_reduction r) { return __VA_ARGS__; }
static tn_tensor *other(void) { return wave(0.6, SHAPE(3, 4)); }
static tn_tensor *half_of(double phase, const int64_t *shape, int n) { return tn_div(tn_add(wave(phase, shape, n), 1.0), 2.0); } /* in [0, 1] */
static tn_tensor *above(double phase, double by) { return tn_add(wave(phase, SHAPE(4)), by); }
LOSS(mse, tn_mse_loss(x, other(), &(tn_loss_opts){.reduction = r}))
LOSS(l1, tn_l1_loss(x, other(), &(tn_loss_opts){.reduction = r}))
LOSS(smooth, tn_smooth_l1_loss(x, other(), &(tn_loss_opts){.reduction = r}))
LOSS(smooth_3, tn_smooth_l1_loss(x, other(), &(tn_loss_opts){.reduction = r, .beta = 0.3}))
LOSS(smooth_0, tn_smooth_l1_loss(x, other(), &(tn_loss_opts){.reduction = r, .beta = TN_ZERO}))
LOSS(huber, tn_huber_loss(x, other(), &(tn_loss_opts){.reduction = r}))
LOSS(huber_3, tn_huber_loss(x, other(), &(tn_loss_opts){.reduction = r, .delta = 0.3}))
LOSS(bce, tn_binary_cross_entropy(x, half_of(0.9, SHAPE(3, 4)), &(tn_loss_opts){.reduction = r}))
LOSS(bce_weighted, tn_binary_cross_entropy(x, half_of(0.9, SHAPE(3, 4)), &(tn_loss_opts){.reduction = r, .weight = above(0.3, 1.5)}))
LOSS(logits, tn_binary_cross_entropy_with_logits(x, half_of(0.9, SHAPE(3, 4)), &(tn_loss_opts){.reduction = r}))
LOSS(logits_weighted, tn_binary_cross_entropy_with_logits(x, half_of(0.9, SHAPE(3, 4)), &(tn_loss_opts){.reduction = r, .weight = above(0.3, 1.5), .pos_weight = above(0.8, 2)}))
LOSS(kl, tn_kl_div(x, half_of(0.9, SHAPE(3, 4)), &(tn_loss_opts){.reduction = r}))
LOSS(kl_log, tn_kl_div(x, tn_log(half_of(0.9, SHAPE(3, 4))), &(tn_loss_opts){.reduction = r, .log_target = true}))
TEST(elementwise) {
    tn_tensor *x = tn_mul(wave(0.1, SHAPE(3, 4)), 2.0), *p = tn_add(tn_mul(half_of(0.2, SHAPE(3, 4)), 0.98), 0.01), *log_p = tn_log_softmax(x, 1, TN_DTYPE_DEFAULT);
    const struct { const char *name; loss_fn fn; tn_tensor *x; double want[6]; } c[] = {
        {"mse", mse, x, {0.741849971262, 0.0399264192818, 8.90219965514, 0.479117031382, 0.973727146348, 0.687643118268}},
        {"l1", l1, x, {0.771270170552, 0.0955364676928, 9.25524204663, 1.14643761231, 1.39396699302, 1.17357981909}},
        {"smooth_l1", smooth, x, {0.365929807964, 0.0162034795138, 4.39115769557, 0.194441754166, 0.499500451398, 0.411945025907}},
        {"smooth_l1 0.3", smooth_3, x, {0.629297725143, 0.0153387687522, 7.55157270172, 0.184065225026, 1.0709005452, 0.369752001759}},
        {"smooth_l1 0", smooth_0, x, {0.771270170552, 0.0955364676928, 9.25524204663, 1.14643761231, 1.39396699302, 1.17357981909}},
        {"huber", huber, x, {0.365929807964, 0.0162034795138, 4.39115769557, 0.194441754166, 0.499500451398, 0.411945025907}},
        {"huber 0.3", huber_3, x, {0.188789317543, 0.00460163062565, 2.26547181052, 0.0552195675078, 0.321270163561, 0.110925600528}},
        {"bce", bce, p, {0.580496647141, 0.127983380293, 6.96595976569, 1.53580056351, 0.876014543224, 0.490532238916}},
        {"bce weighted", bce_weighted, p, {0.970986767966, 0.493971075524, 11.6518412156, 5.92765290629, 1.95675367338, 4.58839396739}},
        {"logits", logits, x, {0.56531837492, -0.018068434703, 6.78382049904, -0.216821216436, 1.04777680629, -0.272671148592}},
        {"logits weighted", logits_weighted, x, {1.87036188252, -0.14971647711, 22.4443425903, -1.79659772532, 4.56357898687, -0.581751932061}},
        {"kl_div", kl, log_p, {0.699549863334, -0.115828271729, 8.39459836001, -1.38993926075, 1.82188082044, -0.937195390167}},
        {"kl_div log", kl_log, log_p, {0.699549863334, -0.115828271729, 8.39459836001, -1.38993926075, 1.82188082044, -0.937195390167}}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        check(c[i].name, c[i].fn, c[i].x, c[i].want);
        check(c[i].name, c[i].fn, tn_t(tn_contiguous(tn_t(c[i].x))), c[i].want); /* laid by columns */
    }
    CHECK_NEAR(tn_item(tn_kl_div(log_p, half_of(0.9, SHAPE(3, 4)), &(tn_loss_opts){.reduction = TN_BATCHMEAN})), 2.79819945334, 1e-11);
}
static tn_tensor *classes(const int64_t *v, const int64_t *shape, int n) { return tn_from(v, shape, n, &(tn_tensor_opts){.dtype = TN_I64}); }
static const int64_t all_count[6] = {0, 3, 1, 2, 2, 0}, one_does_not[6] = {0, 3, -100, 2, 1, 0}, in_turn[12] = {0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3}, two = 2;
static tn_tensor *shares(const int64_t *shape, int n) { return tn_div(half_of(0.9, shape, n), 2.0); }
LOSS(nll, tn_nll_loss(x, classes(all_count, SHAPE(6)), &(tn_cross_entropy_opts){.reduction = r}))
LOSS(nll_weighted, tn_nll_loss(x, classes(all_count, SHAPE(6)), &(tn_cross_entropy_opts){.reduction = r, .weight = above(0.3, 1.5), .ignore_index = 2}))
LOSS(ce, tn_cross_entropy(x, classes(all_count, SHAPE(6)), &(tn_cross_entropy_opts){.reduction = r}))
LOSS(ce_weighted, tn_cross_entropy(x, classes(one_does_not, SHAPE(6)), &(tn_cross_entropy_opts){.reduction = r, .weight = above(0.3, 1.5)}))
LOSS(ce_without_0, tn_cross_entropy(x, classes(all_count, SHAPE(6)), &(tn_cross_entropy_opts){.reduction = r, .has_ignore_index = true}))
LOSS(ce_smooth, tn_cross_entropy(x, classes(one_does_not, SHAPE(6)), &(tn_cross_entropy_opts){.reduction = r, .label_smoothing = 0.2}))
LOSS(ce_smooth_weighted, tn_cross_entropy(x, classes(one_does_not, SHAPE(6)), &(tn_cross_entropy_opts){.reduction = r, .label_smoothing = 0.2, .weight = above(0.3, 1.5)}))
LOSS(ce_shares, tn_cross_entropy(x, shares(SHAPE(6, 4)), &(tn_cross_entropy_opts){.reduction = r}))
LOSS(ce_shares_smooth, tn_cross_entropy(x, shares(SHAPE(6, 4)), &(tn_cross_entropy_opts){.reduction = r, .label_smoothing = 0.3, .weight = above(0.3, 1.5)}))
LOSS(ce_places, tn_cross_entropy(x, classes(all_count, SHAPE(2, 3)), &(tn_cross_entropy_opts){.reduction = r, .weight = above(0.3, 1.5)}))
LOSS(ce_places_smooth, tn_cross_entropy(x, classes(one_does_not, SHAPE(2, 3)), &(tn_cross_entropy_opts){.reduction = r, .label_smoothing = 0.1, .weight = above(0.3, 1.5)}))
LOSS(ce_places_shares, tn_cross_entropy(x, shares(SHAPE(2, 4, 3)), &(tn_cross_entropy_opts){.reduction = r, .weight = above(0.3, 1.5)}))
LOSS(ce_one, tn_cross_entropy(x, classes(&two, NULL, 0), &(tn_cross_entropy_opts){.reduction = r, .weight = above(0.3, 1.5)}))
LOSS(ce_one_shares, tn_cross_entropy(x, shares(SHAPE(4)), &(tn_cross_entropy_opts){.reduction = r}))
LOSS(nll_images, tn_nll_loss(x, classes(in_turn, SHAPE(2, 2, 3)), &(tn_cross_entropy_opts){.reduction = r}))
TEST(of_classes) {
    tn_tensor *x = tn_mul(wave(0.1, SHAPE(6, 4)), 2.0), *places = tn_mul(wave(0.1, SHAPE(2, 4, 3)), 2.0), *one = tn_mul(wave(0.1, SHAPE(4)), 2.0), *images = tn_mul(wave(0.1, SHAPE(2, 4, 2, 3)), 2.0);
    const struct { const char *name; loss_fn fn; tn_tensor *x; double want[6]; } c[] = {
        {"nll", nll, x, {0.355953123633, -0.398686089568, 2.1357187418, -2.39211653741, -1.17103499185, -1.31550439266}},
        {"nll weighted, without 2", nll_weighted, x, {-0.0190849884603, -0.693174174908, -0.12823276735, -4.65746379092, 2.7852625394, -1.0638993045}},
        {"ce", ce, x, {2.54134525304, -0.386616071588, 15.2480715182, -2.31969642953, -1.45871263811, -1.16351879751}},
        {"ce weighted, without one", ce_weighted, x, {2.0276401754, -0.259757781531, 17.1503636984, -2.19710601556, -4.32201390663, -1.56392061773}},
        {"ce without 0", ce_without_0, x, {3.08928677005, -0.399735124791, 12.3571470802, -1.59894049916, -3.00280504435, -0.645571454379}},
        {"ce smooth", ce_smooth, x, {2.02282728979, -0.212383815565, 10.114136449, -1.06191907782, -0.826141392038, -0.9835454875}},
        {"ce smooth weighted", ce_smooth_weighted, x, {2.01922920786, -0.188619396936, 17.0792213162, -1.59539710116, -4.09806213371, -1.1265781643}},
        {"ce shares", ce_shares, x, {1.49278238296, -0.0464231453367, 8.95669429778, -0.27853887202, 0.382433554768, 0.124672568404}},
        {"ce shares smooth weighted", ce_shares_smooth, x, {2.87392110112, -0.0339093121668, 17.2435266067, -0.203455873001, 1.07963731156, 0.449615334931}},
        {"ce places", ce_places, places, {2.56360854576, -0.169556758986, 26.1424927487, -1.7290613068, -7.81213777457, 2.59311882559}},
        {"ce places smooth", ce_places_smooth, places, {2.08185551388, -0.326931170859, 17.6089326222, -2.76527785976, -4.38270867844, 2.49788638619}},
        {"ce places shares", ce_places_shares, places, {2.46984694401, 0.136474738646, 14.819081664, 0.818848431874, 0.319950343941, 0.665531729089}},
        {"ce one", ce_one, one, {1.54031787472, 0.468082957139, 2.67899683038, 0.81411296922, 2.67899683038, 0.524465974181}},
        {"ce one shares", ce_one_shares, one, {1.42431284773, -0.141626817435, 1.42431284773, -0.141626817435, 1.42431284773, -0.0912385007791}},
        {"nll images", nll_images, images, {-0.0246774771697, 0.0284847980415, -0.296129726037, 0.341817576498, 0.629799798598, -1.13513024175}}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        check(c[i].name, c[i].fn, c[i].x, c[i].want);
        check(c[i].name, c[i].fn, tn_transpose(tn_contiguous(tn_transpose(c[i].x, 0, -1)), 0, -1), c[i].want); /* laid the other way */
    }
}
static tn_tensor *pair(double a, double b, const int64_t *shape, int n) { return tn_test_f32((const float[]){(float)a, (float)b}, shape, n); }
TEST(what_is_not_finite) {
    static const struct { double a, b; int64_t target; double want; } ce_of[] = {{INFINITY, 0, 1, NAN}, {INFINITY, 0, 0, NAN}, {-INFINITY, 0, 0, INFINITY}, {-INFINITY, 0, 1, 0}, {-INFINITY, -INFINITY, 1, NAN}, {NAN, 0, 1, NAN}, {0, NAN, 0, NAN}, {1, 0, -100, NAN}};
    static const struct { double a, b, ta, tb, wa, wb; } logit[] = {{1000, -1000, 1, 0, 0, 0}, {1000, -1000, 0, 1, 1000, 1000}, {INFINITY, -INFINITY, 1, 0, NAN, NAN}};
    static const struct { double a, b, want; } prob[] = {{0, 1, 0}, {1, 0, 100}}; /* targets 0 and 1; logarithms stop at -100 */
    const tn_loss_opts none = {.reduction = TN_NONE};
    for (size_t i = 0; i < sizeof ce_of / sizeof *ce_of; i++) CHECK_NEAR(tn_item(tn_cross_entropy(pair(ce_of[i].a, ce_of[i].b, SHAPE(1, 2)), classes(&ce_of[i].target, SHAPE(1)), NULL)), ce_of[i].want, 0);
    for (size_t i = 0; i < 3; i++) {
        tn_tensor *y = tn_binary_cross_entropy_with_logits(pair(logit[i].a, logit[i].b, SHAPE(2)), pair(logit[i].ta, logit[i].tb, SHAPE(2)), &none);
        CHECK_NEAR(tn_at(y, (int64_t[]){0}, 1), logit[i].wa, 0);
        CHECK_NEAR(tn_at(y, (int64_t[]){1}, 1), logit[i].wb, 0);
    }
    for (size_t i = 0; i < 2; i++) CHECK_NEAR(tn_item(tn_binary_cross_entropy(pair(prob[i].a, prob[i].b, SHAPE(2)), pair(0, 1, SHAPE(2)), NULL)), prob[i].want, 0);
    tn_tensor *y = tn_kl_div(pair(-INFINITY, 0, SHAPE(2)), pair(0, 1, SHAPE(2)), &none), *z = tn_kl_div(pair(-1, 0, SHAPE(2)), pair(-1, NAN, SHAPE(2)), &none);
    CHECK(isnan(tn_at(y, (int64_t[]){0}, 1)) && tn_at(y, (int64_t[]){1}, 1) == 0);
    CHECK(isnan(tn_at(z, (int64_t[]){0}, 1)) && isnan(tn_at(z, (int64_t[]){1}, 1)));
    tn_tensor *(*const far[])(tn_tensor *, tn_tensor *, const tn_loss_opts *) = {tn_huber_loss, tn_smooth_l1_loss, tn_mse_loss, tn_l1_loss};
    for (int i = 0; i < 4; i++) {
        tn_tensor *d = far[i](pair(NAN, INFINITY, SHAPE(2)), pair(0, 0, SHAPE(2)), &none);
        CHECK(isnan(tn_at(d, (int64_t[]){0}, 1)) && isinf(tn_at(d, (int64_t[]){1}, 1)));
    }
    CHECK(isnan(tn_item(tn_nll_loss(pair(1, 2, SHAPE(1, 2)), classes((int64_t[]){1}, SHAPE(1)), &(tn_cross_entropy_opts){.weight = pair(1, 0, SHAPE(2))}))));
}
TEST(nothing_and_one_number) {
    tn_tensor *none = tn_zeros(SHAPE(0, 3), NULL), *no_class = tn_zeros(SHAPE(0), &(tn_tensor_opts){.dtype = TN_I64}), *a = tn_full(NULL, 0, 1, NULL), *b = tn_full(NULL, 0, 3, NULL);
    CHECK(isnan(tn_item(tn_cross_entropy(none, no_class, NULL))));
    CHECK(isnan(tn_item(tn_cross_entropy(none, none, NULL))));
    CHECK_NEAR(tn_item(tn_cross_entropy(none, no_class, &(tn_cross_entropy_opts){.reduction = TN_SUM})), 0, 0);
    CHECK(tn_numel(tn_nll_loss(none, no_class, &(tn_cross_entropy_opts){.reduction = TN_NONE})) == 0);
    CHECK(isnan(tn_item(tn_mse_loss(none, none, NULL))));
    CHECK_NEAR(tn_item(tn_l1_loss(none, none, &(tn_loss_opts){.reduction = TN_SUM})), 0, 0);
    CHECK_NEAR(tn_item(tn_mse_loss(a, b, NULL)), 4, 0);
    CHECK_NEAR(tn_item(tn_kl_div(tn_neg(a), tn_mul(a, 0.5), &(tn_loss_opts){.reduction = TN_BATCHMEAN})), 0.153426409720027, 1e-7);
    tn_tensor *ignored = tn_requires_grad_(tn_ones(SHAPE(1, 2), NULL), true);
    CHECK(tn_backward(tn_cross_entropy(ignored, classes((int64_t[]){-100}, SHAPE(1)), &(tn_cross_entropy_opts){.reduction = TN_SUM})) == TN_OK);
    CHECK_NEAR(tn_item(tn_sum(tn_abs(tn_grad(ignored)), NULL)), 0, 0);
}
static int warnings;
static void count(void *user, tn_log_level level, const char *message) { (void)user, (void)message, warnings += level == TN_LOG_WARN; }
TEST(shapes_that_broadcast_are_said) {
    warnings = 0;
    tn_set_log(count, NULL);
    CHECK_NEAR(tn_item(tn_mse_loss(tn_ones(SHAPE(2, 1), NULL), tn_zeros(SHAPE(3), NULL), NULL)), 1, 0);
    CHECK(warnings == 1);
    CHECK_NEAR(tn_item(tn_mse_loss(tn_ones(SHAPE(3), NULL), tn_zeros(SHAPE(3), NULL), NULL)), 1, 0);
    CHECK(warnings == 1);
    tn_set_log(NULL, NULL);
    CHECK_NEAR(tn_item(tn_kl_div(tn_ones(SHAPE(2, 3), NULL), tn_ones(SHAPE(3), NULL), &(tn_loss_opts){.reduction = TN_BATCHMEAN})), -3, 0);
}
TEST(halves) {
    static const struct { tn_dtype dt; double ce, mse; } c[] = {{TN_BF16, 2.546875, 0.7421875}, {TN_F16, 2.54101562, 0.741699219}};
    for (int i = 0; i < 2; i++) {
        tn_tensor *x = tn_to_dtype(tn_mul(wave(0.1, SHAPE(6, 4)), 2.0), c[i].dt), *y = tn_cross_entropy(x, classes(all_count, SHAPE(6)), NULL);
        CHECK(tn_get_dtype(y) == c[i].dt);
        CHECK_NEAR(tn_item(y), c[i].ce, i ? 0.002 : 0.016);
        y = tn_mse_loss(tn_to_dtype(tn_mul(wave(0.1, SHAPE(3, 4)), 2.0), c[i].dt), tn_to_dtype(other(), c[i].dt), NULL);
        CHECK_NEAR(tn_item(y), c[i].mse, i ? 0.001 : 0.004);
    }
}
TEST(bad_arguments) {
    tn_tensor *x = tn_full(SHAPE(2, 3), 0.5, NULL), *column = tn_full(SHAPE(2, 1), 0.5, NULL), *wide = tn_ones(SHAPE(2, 4), NULL), *whole = tn_ones(SHAPE(2, 3), &(tn_tensor_opts){.dtype = TN_I64}), *flags = tn_ones(SHAPE(2, 3), &(tn_tensor_opts){.dtype = TN_BOOL});
    tn_tensor *(*const fns[])(tn_tensor *, tn_tensor *, const tn_loss_opts *) = {tn_mse_loss, tn_l1_loss, tn_smooth_l1_loss, tn_huber_loss, tn_binary_cross_entropy, tn_binary_cross_entropy_with_logits, tn_kl_div};
    for (int i = 0; i < 7; i++) {
        CHECK_ERROR(fns[i](NULL, x, NULL), TN_ERR_INVALID);
        CHECK_ERROR(fns[i](x, NULL, NULL), TN_ERR_INVALID);
        CHECK_ERROR(fns[i](x, wide, NULL), TN_ERR_SHAPE);
        CHECK_ERROR(fns[i](x, x, &(tn_loss_opts){.reduction = (tn_reduction)4}), TN_ERR_INVALID);
        CHECK_ERROR(fns[i](x, x, &(tn_loss_opts){.reduction = (tn_reduction)-1}), TN_ERR_INVALID);
        if (fns[i] != tn_kl_div) CHECK_ERROR(fns[i](x, x, &(tn_loss_opts){.reduction = TN_BATCHMEAN}), TN_ERR_INVALID);
    }
    CHECK_ERROR(tn_mse_loss(whole, whole, NULL), TN_ERR_DTYPE);
    CHECK_ERROR(tn_mse_loss(flags, flags, NULL), TN_ERR_DTYPE);
    CHECK_ERROR(tn_smooth_l1_loss(x, x, &(tn_loss_opts){.beta = -1}), TN_ERR_INVALID);
    CHECK_ERROR(tn_smooth_l1_loss(x, x, &(tn_loss_opts){.beta = NAN}), TN_ERR_INVALID);
    CHECK_ERROR(tn_huber_loss(x, x, &(tn_loss_opts){.delta = -1}), TN_ERR_INVALID);
    CHECK_ERROR(tn_huber_loss(x, x, &(tn_loss_opts){.delta = TN_ZERO}), TN_ERR_INVALID);
    CHECK_ERROR(tn_binary_cross_entropy(x, column, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_binary_cross_entropy_with_logits(x, column, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_binary_cross_entropy(x, x, &(tn_loss_opts){.weight = wide}), TN_ERR_SHAPE);
    CHECK_ERROR(tn_binary_cross_entropy_with_logits(x, x, &(tn_loss_opts){.pos_weight = wide}), TN_ERR_SHAPE);
}
TEST(probabilities_beyond_0_and_1) {
    tn_tensor *half = tn_full(SHAPE(1), 0.5, NULL);
    static const double bad[] = {-0.1, 1.5, NAN};
    for (int i = 0; i < 3; i++) CHECK_ERROR(tn_binary_cross_entropy(tn_full(SHAPE(1), bad[i], NULL), half, NULL), TN_ERR_INVALID);
    for (int i = 0; i < 3; i++) CHECK_ERROR(tn_binary_cross_entropy(half, tn_full(SHAPE(1), bad[i], NULL), NULL), TN_ERR_INVALID);
}
TEST(bad_classes) {
    static const int64_t off[] = {0, 3}, below[] = {0, -1};
    tn_tensor *x = tn_ones(SHAPE(2, 3), NULL), *y = classes((int64_t[]){0, 2}, SHAPE(2)), *small = tn_to_dtype(y, TN_I32), *one = tn_full(NULL, 0, 1, NULL);
    tn_tensor *(*const fns[])(tn_tensor *, tn_tensor *, const tn_cross_entropy_opts *) = {tn_nll_loss, tn_cross_entropy};
    for (int i = 0; i < 2; i++) {
        CHECK_ERROR(fns[i](NULL, y, NULL), TN_ERR_INVALID);
        CHECK_ERROR(fns[i](x, NULL, NULL), TN_ERR_INVALID);
        CHECK_ERROR(fns[i](one, y, NULL), TN_ERR_SHAPE);
        CHECK_ERROR(fns[i](x, classes(all_count, SHAPE(3)), NULL), TN_ERR_SHAPE);
        CHECK_ERROR(fns[i](x, classes(all_count, SHAPE(2, 3)), NULL), TN_ERR_SHAPE);
        CHECK_ERROR(fns[i](x, small, NULL), TN_ERR_SHAPE);
        CHECK_ERROR(fns[i](tn_to_dtype(x, TN_I64), y, NULL), TN_ERR_DTYPE);
        CHECK_ERROR(fns[i](x, classes(off, SHAPE(2)), NULL), TN_ERR_INDEX);
        CHECK_ERROR(fns[i](x, classes(below, SHAPE(2)), NULL), TN_ERR_INDEX);
        CHECK_ERROR(fns[i](x, y, &(tn_cross_entropy_opts){.weight = tn_ones(SHAPE(4), NULL)}), TN_ERR_SHAPE);
        CHECK_ERROR(fns[i](x, y, &(tn_cross_entropy_opts){.weight = tn_ones(SHAPE(3), &(tn_tensor_opts){.dtype = TN_F64})}), TN_ERR_SHAPE);
        CHECK_ERROR(fns[i](x, y, &(tn_cross_entropy_opts){.reduction = TN_BATCHMEAN}), TN_ERR_INVALID);
    }
    CHECK_ERROR(tn_cross_entropy(x, y, &(tn_cross_entropy_opts){.label_smoothing = 1.5}), TN_ERR_INVALID);
    CHECK_ERROR(tn_cross_entropy(x, y, &(tn_cross_entropy_opts){.label_smoothing = -0.5}), TN_ERR_INVALID);
    CHECK_ERROR(tn_cross_entropy(x, tn_ones(SHAPE(2, 4), NULL), NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_cross_entropy(x, tn_ones(SHAPE(2, 3), NULL), &(tn_cross_entropy_opts){.weight = tn_ones(SHAPE(4), NULL)}), TN_ERR_SHAPE);
    const tn_cross_entropy_opts smooth = {.label_smoothing = 0.1};
    CHECK_ERROR(tn_cross_entropy(x, classes(all_count, SHAPE(3)), &smooth), TN_ERR_SHAPE);
    CHECK_ERROR(tn_cross_entropy(x, small, &smooth), TN_ERR_SHAPE);
    CHECK_ERROR(tn_cross_entropy(x, classes(off, SHAPE(2)), &smooth), TN_ERR_INDEX);
}
TEST(cross_entropy_of_rows_and_places) {
    static const int64_t shapes[][3] = {{1, 1, 1}, {3, 5, 1}, {2, 7, 4}, {2, 70, 65}, {33, 1000, 1}, {2, 5000, 3}};
    for (int i = 0; i < 6; i++)
        for (int reduction = 0; reduction < 3; reduction++) {
            TN_SCOPE;
            tn_manual_seed(3);
            const int64_t *s = shapes[i], target[2] = {s[0], s[2]};
            tn_tensor *x = tn_mul(tn_randn(s, 3, NULL), 4), *y = tn_randint(0, s[1], target, 2, &(tn_tensor_opts){.dtype = TN_I64}), *w = tn_add(tn_rand(&s[1], 1, NULL), 0.5);
            tn_fill_(tn_select(tn_select(y, 0, 0), 0, 0), s[0] * s[2] > 1 ? -100 : 0);
            tn_tensor *a = tn_requires_grad_(tn_detach(x), true), *b = tn_requires_grad_(tn_detach(x), true);
            const tn_cross_entropy_opts o = {.weight = w, .reduction = (tn_reduction)reduction};
            tn_tensor *fused = tn_cross_entropy(a, y, &o), *composed = tn_nll_loss(tn_log_softmax(b, 1, TN_DTYPE_DEFAULT), y, &o);
            CHECK_NEAR(tn_item(tn_amax(tn_abs(tn_sub(fused, composed)), NULL)), 0, reduction == TN_SUM ? 2e-3 : 2e-5);
            CHECK(tn_backward(tn_sum(fused, NULL)) == TN_OK && tn_backward(tn_sum(composed, NULL)) == TN_OK);
            CHECK_NEAR(tn_item(tn_amax(tn_abs(tn_sub(tn_grad(a), tn_grad(b))), NULL)), 0, 2e-5);
        }
    tn_tensor *x = tn_zeros(SHAPE(3, 4), NULL), *y = classes(all_count, SHAPE(3));
    tn_fill_(tn_select(x, 0, 0), -INFINITY);
    tn_fill_(tn_select(tn_select(x, 0, 1), 0, 1), INFINITY);
    tn_fill_(tn_select(tn_select(x, 0, 2), 0, 0), NAN);
    tn_tensor *each = tn_cross_entropy(x, y, &(tn_cross_entropy_opts){.reduction = TN_NONE});
    for (int i = 0; i < 3; i++) CHECK(isnan(tn_item(tn_select(each, 0, i))));
}
RUN_ALL
