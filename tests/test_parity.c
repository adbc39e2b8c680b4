/* What PyTorch 2.15 on the CPU gives for the same seeds: the expected values were printed by it. */
#include "tn_test.h"

static double at(tn_tensor *t, int64_t i) {
    const int64_t flat = -1;
    return tn_at(tn_reshape(t, &flat, 1), &i, 1);
}
static void check_all(tn_tensor *t, const double *want, int64_t n, double tol) {
    CHECK(tn_numel(t) == n);
    for (int64_t i = 0; i < n && i < tn_numel(t); i++) CHECK_NEAR(at(t, i), want[i], tol);
}
TEST(uniform_integers_permutations) {
    const int64_t three = 3, five = 5, two = 2;
    const double u[] = {0.49625658988952637, 0.7682217955589294, 0.08847743272781372}, p[] = {4, 1, 7, 5, 3, 9, 0, 8, 6, 2};
    const double i[] = {44, 39, 33, 60, 63}, big[] = {192771779, 745841673}, huge[] = {909012193557, 1041261508388};
    tn_manual_seed(0);
    check_all(tn_rand(&three, 1, NULL), u, 3, 0);
    tn_manual_seed(0);
    check_all(tn_randperm(10, NULL), p, 10, 0);
    tn_manual_seed(0);
    check_all(tn_randint(0, 100, &five, 1, NULL), i, 5, 0);
    check_all(tn_randint(0, (int64_t)1 << 30, &two, 1, NULL), big, 2, 0);
    check_all(tn_randint(0, (int64_t)1 << 40, &two, 1, NULL), huge, 2, 0);
}
TEST(normals) {
    const int64_t five = 5, seventeen = 17;
    const double n5[] = {1.5409960746765137, -0.293428897857666, -2.1787893772125244, 0.5684312582015991, -1.0845223665237427};
    tn_manual_seed(0);
    check_all(tn_randn(&five, 1, NULL), n5, 5, 3e-7);
    tn_manual_seed(0);
    tn_tensor *n = tn_randn(&seventeen, 1, NULL);
    CHECK_NEAR(at(n, 0), -1.1258398294448853, 3e-7);
    CHECK_NEAR(at(n, 1), -1.6959311962127686, 5e-7);
    CHECK_NEAR(at(n, 2), 0.5666506290435791, 3e-7);
    CHECK_NEAR(at(tn_randn(&seventeen, 1, NULL), 16), 0.1885535717010498, 3e-7);
}
TEST(bernoulli_dropout_multinomial) {
    const int64_t eight = 8, four = 4;
    const double d[] = {0, 0, 2, 0, 0, 0, 2, 2}, b[] = {0, 0, 1, 1, 0, 0, 0, 0}, m3[] = {2, 3, 1}, m4[] = {2, 1, 2, 1};
    const float w[] = {0.1f, 0.2f, 0.3f, 0.4f};
    tn_manual_seed(0);
    check_all(tn_dropout(tn_ones(&eight, 1, NULL), 0.5, true), d, 8, 0);
    tn_manual_seed(0);
    check_all(tn_bernoulli(tn_full(&eight, 1, 0.3, NULL), NULL), b, 8, 0);
    tn_tensor *p = tn_test_f32(w, &four, 1);
    tn_manual_seed(0);
    CHECK(tn_item_i64(tn_multinomial(p, 1, false, NULL)) == 2);
    check_all(tn_multinomial(p, 3, false, NULL), m3, 3, 0);
    check_all(tn_multinomial(p, 4, true, NULL), m4, 4, 0);
}
TEST(layers_begin_with_pytorchs_weights) {
    const double w0[] = {-0.004322517663240433, 0.3097158372402191, -0.4751853346824646, -0.4248946011066437, -0.2223689705133438, 0.15482072532176971};
    const double b0[] = {-0.011439144611358643, 0.45777493715286255};
    const double w1[] = {-0.04437202215194702, 0.1323062777519226, -0.15110653638839722, -0.09828269481658936, -0.4776742458343506, -0.33114105463027954, -0.20611155033111572, 0.018521785736083984};
    const double w2[] = {-0.2613142132759094, 1.066699743270874, 0.41589120030403137, 0.8395664095878601, -0.8264687061309814, -0.7949366569519043};
    tn_manual_seed(0);
    tn_module *net = tn_nn_sequential(tn_nn_linear(3, 2, NULL), tn_nn_conv2d(1, 2, 2, NULL), tn_nn_embedding(3, 2, NULL), TN_END);
    check_all(tn_module_get(net, "0.weight"), w0, 6, 0);
    check_all(tn_module_get(net, "0.bias"), b0, 2, 0);
    check_all(tn_module_get(net, "1.weight"), w1, 8, 0);
    CHECK_NEAR(at(tn_module_get(net, "1.bias"), 1), 0.30001139640808105, 0);
    check_all(tn_module_get(net, "2.weight"), w2, 6, 3e-7);
}
TEST(loader_shuffles_as_pytorch) {
    const double first[] = {0, 4, 3, 5, 2, 1}, second[] = {2, 3, 1, 5, 4, 0}, own1[] = {1, 0, 4, 2, 3, 5}, own2[] = {0, 4, 5, 3, 2, 1};
    const int64_t one = 1;
    tn_dataset *set = tn_data_tensors(tn_arange(0, 6, 1, NULL), NULL);
    tn_batch b;
    tn_manual_seed(0);
    tn_loader *l = tn_data_loader(set, &(tn_loader_opts){.batch_size = 6, .shuffle = true});
    CHECK(tn_loader_next(l, &b));
    check_all(b.x, first, 6, 0);
    CHECK(!tn_loader_next(l, &b) && tn_loader_status(l) == TN_OK);
    CHECK(tn_loader_next(l, &b));
    check_all(b.x, second, 6, 0);
    l = tn_data_loader(set, &(tn_loader_opts){.batch_size = 6, .shuffle = true, .generator = tn_generator_new(5)});
    CHECK(tn_loader_next(l, &b));
    check_all(b.x, own1, 6, 0);
    CHECK(!tn_loader_next(l, &b));
    CHECK(tn_loader_next(l, &b));
    check_all(b.x, own2, 6, 0);
    tn_manual_seed(0);
    l = tn_data_loader(set, &(tn_loader_opts){.batch_size = 6});
    CHECK(tn_loader_next(l, &b));
    CHECK_NEAR(tn_item(tn_rand(&one, 1, NULL)), 0.08847743272781372, 0);
}
static double step(tn_module *net, tn_optimizer *opt, tn_tensor *x, tn_tensor *y) {
    tn_tensor *loss = tn_cross_entropy(tn_forward(net, x), y, NULL);
    tn_optim_zero_grad(opt);
    CHECK(tn_backward(loss) == TN_OK);
    CHECK(tn_optim_step(opt) == TN_OK);
    return tn_item(loss);
}
TEST(mlp_follows_pytorchs_loss) {
    const int64_t xs[2] = {32, 4}, width = 16;
    double loss[100];
    tn_manual_seed(0);
    tn_module *net = tn_nn_sequential(tn_nn_linear(4, 16, NULL), tn_nn_tanh(), tn_nn_layer_norm(&width, 1, NULL), tn_nn_linear(16, 3, NULL), TN_END);
    tn_optimizer *opt = tn_optim_adamw(net, &(tn_adamw_opts){.lr = 1e-2});
    tn_scheduler *s = tn_sched_one_cycle_lr(opt, 1e-2, 100, NULL);
    for (int i = 0; i < 100; i++) {
        TN_SCOPE;
        tn_tensor *x = tn_rand(xs, 2, NULL);
        loss[i] = step(net, opt, x, tn_randint(0, 3, xs, 1, NULL));
        CHECK(tn_sched_step(s) == TN_OK);
    }
    CHECK_NEAR(loss[0], 1.1565659046173096, 1e-4 * 1.15);
    CHECK_NEAR(loss[49], 1.0756323337554932, 1e-4 * 1.07);
    CHECK_NEAR(loss[99], 1.077347755432129, 1e-4 * 1.07);
}
TEST(cnn_follows_pytorchs_loss) {
    const int64_t xs[4] = {16, 1, 8, 8};
    double loss[100];
    tn_manual_seed(0);
    tn_module *net = tn_nn_sequential(tn_nn_conv2d(1, 4, 3, &(tn_conv_opts){.padding = 1}), tn_nn_batch_norm2d(4, NULL), tn_nn_relu(), tn_nn_max_pool2d(2, NULL), tn_nn_flatten(), tn_nn_linear(64, 3, NULL), TN_END);
    tn_optimizer *opt = tn_optim_sgd(net, &(tn_sgd_opts){.lr = 5e-2, .momentum = 0.9, .nesterov = true});
    for (int i = 0; i < 100; i++) {
        TN_SCOPE;
        tn_tensor *x = tn_rand(xs, 4, NULL);
        loss[i] = step(net, opt, x, tn_randint(0, 3, xs, 1, NULL));
    }
    CHECK_NEAR(loss[0], 1.3272953033447266, 1e-4 * 1.33);
    CHECK_NEAR(loss[49], 1.1054471731185913, 1e-4 * 1.1);
    CHECK_NEAR(loss[99], 1.063096523284912, 1e-4 * 1.06);
}

RUN_ALL
