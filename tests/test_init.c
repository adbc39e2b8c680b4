/* torch.nn.init: each from seed 7, gains, errors. The numbers are PyTorch 2.15's. */
#include "tn_test.h"

static tn_tensor *fill(int which, tn_tensor *t) {
    switch (which) {
    case 0: return tn_init_uniform_(t, -1, 2, NULL);
    case 1: return tn_init_normal_(t, 1, 2, NULL);
    case 2: return tn_init_xavier_uniform_(t, 1, NULL);
    case 3: return tn_init_xavier_uniform_(t, 2, NULL);
    case 4: return tn_init_xavier_normal_(t, 0.5, NULL);
    case 5: return tn_init_kaiming_uniform_(t, 0, TN_FAN_IN, NULL, NULL);
    case 6: return tn_init_kaiming_uniform_(t, sqrt(5), TN_FAN_IN, "leaky_relu", NULL);
    case 7: return tn_init_kaiming_uniform_(t, 0, TN_FAN_OUT, "relu", NULL);
    case 8: return tn_init_kaiming_normal_(t, 0, TN_FAN_IN, NULL, NULL);
    case 9: return tn_init_kaiming_normal_(t, 0, TN_FAN_OUT, "tanh", NULL);
    case 10: return tn_init_eye_(t);
    case 11: case 13: return tn_init_dirac_(t, 1);
    case 12: return tn_init_dirac_(t, 2);
    case 14: return tn_init_trunc_normal_(t, 0, 1, -2, 2, NULL);
    case 15: return tn_init_trunc_normal_(t, 0, 1, -0.3, 0.1, NULL);
    case 16: return tn_init_trunc_normal_(t, 0, 1, 1, 3, NULL);
    case 17: case 19: return tn_init_orthogonal_(t, 1, NULL);
    case 18: return tn_init_orthogonal_(t, 2, NULL);
    case 20: return tn_init_sparse_(t, 0.4, 0.01, NULL);
    case 21: return tn_init_sparse_(t, 0.1, 1, NULL);
    default: return tn_init_kaiming_uniform_(t, 0, TN_FAN_IN, NULL, NULL);
    }
}
static const struct { int n; int64_t shape[5]; double want[3]; } cases[] = { /* digest, last element, the next uniform draw */
    {2, {3, 4}, {3.25817831, 0.652805626, 0.286839008}}, {2, {5, 4}, {-5.38180378, 0.286554933, 0.38874197}}, {2, {5, 4}, {1.89238103, -0.640481949, 0.882877588}},
    {3, {5, 4, 3}, {2.94431558, 0.417357653, 0.441367507}}, {2, {5, 4}, {-0.845030979, -0.0840803087, 0.38874197}}, {2, {5, 4}, {2.83857161, -0.960722864, 0.882877588}},
    {3, {5, 4, 3}, {0.901508831, 0.127789155, 0.441367507}}, {2, {5, 4}, {2.53889569, -0.859296679, 0.882877588}}, {2, {5, 4}, {-2.53509288, -0.252240926, 0.38874197}},
    {3, {5, 4, 3}, {-2.01347345, -0.0619418919, 0.592086256}}, {2, {3, 5}, {-0.00954947546, 0, 0.53492254}}, {3, {4, 3, 3}, {0.0365605484, 0, 0.53492254}},
    {4, {4, 3, 3, 5}, {-1.43867464, 0, 0.53492254}}, {5, {2, 3, 2, 3, 3}, {-1.92967662, 0, 0.53492254}}, {2, {5, 8}, {1.64880043, -0.0916771665, 0.619161427}},
    {2, {5, 8}, {0.249249976, -0.221896753, 0.368357897}}, {2, {5, 8}, {-0.273137177, 1.39051628, 0.886214852}}, {2, {5, 4}, {-2.113824, -0.541546404, 0.38874197}},
    {3, {3, 4, 2}, {-2.81302301, 0.649180532, 0.740523994}}, {2, {4, 4}, {-1.53764005, -0.164061352, 0.626650572}}, {2, {6, 5}, {0.0234943137, 0, 0.30550766}},
    {2, {6, 5}, {-0.71678295, -0.25013262, 0.30550766}}, {2, {0, 4}, {0, 0, 0.53492254}},
};
#define N_CASES ((int)(sizeof cases / sizeof *cases))
TEST(every_fill_is_pytorchs) {
    CPU_DRAWS;
    for (int i = 0; i < N_CASES; i++) {
        TN_SCOPE;
        tn_manual_seed(7);
        tn_tensor *t = tn_full(cases[i].shape, cases[i].n, 9, &(tn_tensor_opts){.dtype = i == 19 ? TN_F64 : TN_F32}), *r = fill(i, t);
        CHECK(r == t);
        const double after = tn_item(tn_rand(NULL, 0, NULL)), digest = tn_test_digest(t), last = tn_numel(t) ? tn_item(tn_select(tn_flatten(t, 0, -1), 0, -1)) : 0;
        if (!(fabs(digest - cases[i].want[0]) < 1e-5 && fabs(last - cases[i].want[1]) < 1e-6 && fabs(after - cases[i].want[2]) < 1e-8))
            TN_TEST_FAIL("fill %d: %.9g, %.9g, %.9g are not %.9g, %.9g, %.9g", i, digest, last, after, cases[i].want[0], cases[i].want[1], cases[i].want[2]);
    }
}
TEST(a_parameter_is_filled_without_a_graph) {
    for (int i = 0; i < N_CASES; i++) {
        TN_SCOPE;
        tn_tensor *t = tn_requires_grad_(tn_zeros(cases[i].shape, cases[i].n, NULL), true);
        const int64_t version = tn_version_of(t);
        CHECK(fill(i, t) == t && tn_is_leaf(t) && tn_is_grad_enabled());
        CHECK(i == N_CASES - 1 || tn_version_of(t) > version);
    }
}
TEST(a_generator_of_its_own) { /* the draws that the thread's would give */
    CPU_DRAWS;
    for (int i = 0; i < 2; i++) {
        tn_generator *g = tn_generator_new(7);
        tn_tensor *t = tn_zeros(cases[i].shape, 2, NULL);
        CHECK(i ? tn_init_normal_(t, 1, 2, g) : tn_init_uniform_(t, -1, 2, g));
        CHECK_NEAR(tn_test_digest(t), cases[i].want[0], 1e-5);
    }
}
TEST(constants) {
    tn_tensor *t = tn_empty(SHAPE(2, 3), NULL), *view = tn_t(t), *scalar = tn_empty(NULL, 0, NULL);
    CHECK(tn_init_constant_(view, 2.5) == view);
    CHECK_NEAR(tn_item(tn_sum(t, NULL)), 15, 0);
    CHECK_NEAR(tn_item(tn_sum(tn_init_ones_(t), NULL)), 6, 0);
    CHECK_NEAR(tn_item(tn_sum(tn_init_zeros_(t), NULL)), 0, 0);
    CHECK_NEAR(tn_item(tn_init_ones_(scalar)), 1, 0);
    CHECK(tn_init_eye_(view) && tn_at(t, (int64_t[]){1, 1}, 2) == 1 && tn_at(t, (int64_t[]){1, 2}, 2) == 0);
}
TEST(orthogonal_rows_through_a_view) {
    tn_tensor *t = tn_t(tn_empty(SHAPE(7, 3), &(tn_tensor_opts){.dtype = TN_F64})), *eye = tn_mul(tn_eye(3, -1, &(tn_tensor_opts){.dtype = TN_F64}), 4.0);
    CHECK(tn_init_orthogonal_(t, 2, NULL) == t);
    CHECK_NEAR(tn_item(tn_amax(tn_abs(tn_sub(tn_mm(t, tn_t(t)), eye)), NULL)), 0, 1e-14);
}
TEST(gains) {
    static const struct { const char *name; double param, gain; } c[] = {{"linear", 0, 1}, {"conv1d", 0, 1}, {"conv2d", 0, 1}, {"conv3d", 0, 1}, {"conv_transpose1d", 0, 1}, {"conv_transpose2d", 0, 1}, {"conv_transpose3d", 0, 1}, {"sigmoid", 0, 1},
        {"tanh", 0, 1.6666666666666667}, {"relu", 0, 1.4142135623730951}, {"selu", 0, 0.75}, {"leaky_relu", 0.01, 1.4141428569978354}, {"leaky_relu", 0.2, 1.3867504905630728}, {"leaky_relu", 0, 1.4142135623730951}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) CHECK_NEAR(tn_init_calculate_gain(c[i].name, c[i].param), c[i].gain, 1e-15);
    CHECK_ERROR(tn_init_calculate_gain("gelu", 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_init_calculate_gain(NULL, 0), TN_ERR_INVALID);
}
TEST(nothing_is_filled_where_it_makes_no_sense) {
    tn_tensor *row = tn_zeros(SHAPE(3), NULL), *m = tn_zeros(SHAPE(3, 4), NULL), *whole = tn_zeros(SHAPE(3, 4), &(tn_tensor_opts){.dtype = TN_I64});
    for (int i = 0; i < N_CASES; i++) CHECK_ERROR(fill(i, NULL), TN_ERR_INVALID);
    for (int i = 2; i < 14; i++) CHECK_ERROR(fill(i, row), TN_ERR_SHAPE);
    for (int i = 17; i < 22; i++) CHECK_ERROR(fill(i, row), TN_ERR_SHAPE);
    for (int i = 0; i < 10; i++) CHECK_ERROR(fill(i, whole), TN_ERR_DTYPE);
    for (int i = 14; i < 22; i++) CHECK_ERROR(fill(i, whole), TN_ERR_DTYPE);
    CHECK_ERROR(tn_init_constant_(NULL, 1), TN_ERR_INVALID);
    CHECK_ERROR(tn_init_zeros_(NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_init_ones_(NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_init_uniform_(m, 2, 1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_init_normal_(m, 0, -1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_init_kaiming_normal_(m, 0, TN_FAN_IN, "gelu", NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_init_kaiming_uniform_(m, 0, TN_FAN_IN, "gelu", NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_init_trunc_normal_(m, 0, 1, 2, 1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_init_trunc_normal_(m, 0, 0, -2, 2, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_init_dirac_(tn_zeros(SHAPE(3, 2, 2), NULL), 2), TN_ERR_SHAPE);
    CHECK_ERROR(tn_init_dirac_(tn_zeros(SHAPE(3, 2, 2), NULL), 0), TN_ERR_SHAPE);
    CHECK_ERROR(tn_init_sparse_(m, 1.5, 1, NULL), TN_ERR_SHAPE);
    CHECK_NEAR(tn_item(tn_sum(m, NULL)), 0, 0);
    CHECK(tn_is_grad_enabled());
}
RUN_ALL
