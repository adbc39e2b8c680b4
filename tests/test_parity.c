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
    CPU_DRAWS;
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
    CPU_DRAWS;
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
    CPU_DRAWS;
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
TEST(draws_follow_memory) {
    CPU_DRAWS;
    const int64_t s54[2] = {5, 4}, s34[2] = {3, 4};
    const double n[] = {1.5410, -0.2934, -2.1788, 0.5684, -1.0845, -1.3986, 0.4033, 0.8380, -0.7193, -0.4033, -0.5966, 0.1820, -0.8567, 1.1006, -1.0712, 0.1227, -0.5663, 0.3731, -0.8920, -1.5091};
    const double d[] = {0, 0, 2, 0, 0, 0, 2, 2, 0, 2, 2, 2};
    tn_tensor *x = tn_empty(s54, 2, NULL);
    tn_manual_seed(0);
    CHECK(tn_normal_(tn_transpose(x, 0, 1), 0, 1, NULL) != NULL);
    check_all(x, n, 20, 6e-5);
    tn_manual_seed(0);
    check_all(tn_transpose(tn_dropout(tn_transpose(tn_ones(s34, 2, NULL), 0, 1), 0.5, true), 0, 1), d, 12, 0);
}
TEST(layers_begin_with_pytorchs_weights) {
    CPU_DRAWS;
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
    CPU_DRAWS;
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
/* The four nets of tools/make_goldens.py. */
typedef struct { tn_module *net; tn_optimizer *opt; tn_scheduler *sched; tn_tensor *x, *y; tn_tensor *(*loss)(tn_module **part, tn_tensor *x, tn_tensor *y); tn_module *part[4]; } run;
static tn_tensor *mlp_loss(tn_module **part, tn_tensor *x, tn_tensor *y) {
    const int64_t xs[2] = {32, 4};
    (void)x, (void)y;
    tn_tensor *input = tn_rand(xs, 2, NULL);
    return tn_cross_entropy(tn_forward(part[0], input), tn_randint(0, 3, xs, 1, NULL), NULL);
}
static run mlp(void) {
    const int64_t width = 16;
    run r = {0};
    r.net = r.part[0] = tn_nn_sequential(tn_nn_linear(4, 16, NULL), tn_nn_tanh(), tn_nn_layer_norm(&width, 1, NULL), tn_nn_linear(16, 3, NULL), TN_END);
    r.opt = tn_optim_adamw(r.net, &(tn_adamw_opts){.lr = 1e-2});
    r.sched = tn_sched_one_cycle_lr(r.opt, 1e-2, 100, NULL);
    r.loss = mlp_loss;
    return r;
}
static tn_tensor *cnn_loss(tn_module **part, tn_tensor *x, tn_tensor *y) {
    const int64_t xs[4] = {16, 1, 8, 8};
    (void)x, (void)y;
    tn_tensor *input = tn_rand(xs, 4, NULL);
    return tn_cross_entropy(tn_forward(part[0], input), tn_randint(0, 3, xs, 1, NULL), NULL);
}
static run cnn(void) {
    run r = {0};
    r.net = r.part[0] = tn_nn_sequential(tn_nn_conv2d(1, 4, 3, &(tn_conv_opts){.padding = 1}), tn_nn_batch_norm2d(4, NULL), tn_nn_relu(), tn_nn_max_pool2d(2, NULL), tn_nn_flatten(), tn_nn_linear(64, 3, NULL), TN_END);
    r.opt = tn_optim_sgd(r.net, &(tn_sgd_opts){.lr = 5e-2, .momentum = 0.9, .nesterov = true});
    r.loss = cnn_loss;
    return r;
}
static tn_tensor *lstm_loss(tn_module **part, tn_tensor *x, tn_tensor *y) {
    const int64_t xs[3] = {6, 8, 4}, ys = 8;
    (void)x, (void)y;
    tn_tensor *input = tn_rand(xs, 3, NULL);
    return tn_cross_entropy(tn_forward(part[1], tn_select(tn_forward(part[0], input), 0, -1)), tn_randint(0, 3, &ys, 1, NULL), NULL);
}
static run lstm(void) {
    run r = {0};
    r.part[0] = tn_nn_lstm(4, 16, NULL);
    r.part[1] = tn_nn_linear(16, 3, NULL);
    r.net = tn_nn_module_list(r.part, 2);
    r.opt = tn_optim_adamw(r.net, &(tn_adamw_opts){.lr = 1e-2});
    r.loss = lstm_loss;
    return r;
}
static tn_tensor *gpt_loss(tn_module **part, tn_tensor *x, tn_tensor *y) {
    const int64_t rows[2] = {-1, 11};
    tn_tensor *h = tn_add(tn_forward(part[0], x), tn_forward(part[1], tn_arange(0, 8, 1, &(tn_tensor_opts){.dtype = TN_I64})));
    h = tn_nn_transformer_forward(part[2], &h, 1, &(tn_transformer_masks){.src_is_causal = true});
    return tn_cross_entropy(tn_reshape(tn_forward(part[3], h), rows, 2), y, NULL);
}
static run gpt(void) {
    const int64_t width = 16, shape[2] = {4, 9}, flat = -1;
    const tn_transformer_opts o = {.dim_feedforward = 32, .dropout = TN_ZERO, .gelu = true, .batch_first = true, .norm_first = true};
    run r = {0};
    r.part[0] = tn_nn_embedding(11, 16, NULL);
    r.part[1] = tn_nn_embedding(8, 16, NULL);
    r.part[2] = tn_nn_transformer_encoder(tn_nn_transformer_encoder_layer(16, 2, &o), 2, tn_nn_layer_norm(&width, 1, NULL));
    r.part[3] = tn_nn_linear(16, 11, NULL);
    r.net = tn_nn_module_list(r.part, 4);
    tn_tensor *data = tn_randint(0, 11, shape, 2, NULL);
    r.x = tn_narrow(data, 1, 0, 8);
    r.y = tn_reshape(tn_narrow(data, 1, 1, 8), &flat, 1);
    r.opt = tn_optim_adamw(r.net, &(tn_adamw_opts){.lr = 1e-2});
    r.loss = gpt_loss;
    return r;
}
/* Steps first to last against PyTorch's loss of the same steps. */
static void follow(run *r, const char *name, int first, int last) {
    tn_dict *goldens = tn_load_safetensors("tests/data/parity.safetensors");
    tn_tensor *curve = goldens ? tn_dict_get(goldens, name) : NULL;
    CHECK(curve && tn_numel(curve) == 100);
    for (int i = first; curve && i < last; i++) {
        TN_SCOPE;
        tn_tensor *loss = r->loss(r->part, r->x, r->y);
        tn_optim_zero_grad(r->opt);
        CHECK(tn_backward(loss) == TN_OK && tn_optim_step(r->opt) == TN_OK);
        if (r->sched) CHECK(tn_sched_step(r->sched) == TN_OK);
        CHECK_NEAR(tn_item(loss), at(curve, i), 1e-4 * at(curve, i));
    }
}
static void follow_all(run (*make)(void), const char *name) {
    CPU_DRAWS;
    tn_manual_seed(0);
    run r = make();
    follow(&r, name, 0, 100);
}
TEST(mlp_follows_pytorchs_loss) { follow_all(mlp, "mlp"); }
TEST(cnn_follows_pytorchs_loss) { follow_all(cnn, "cnn"); }
TEST(lstm_follows_pytorchs_loss) { follow_all(lstm, "lstm"); }
TEST(gpt_follows_pytorchs_loss) { follow_all(gpt, "gpt"); }
/* PyTorch's file, model and AdamW after 50 steps, goes on here; and ours holds the same tensors under the same names
   (tools/make_goldens.py --check trains on from it in PyTorch). */
TEST(gpt_goes_on_from_pytorchs_file) {
    CPU_DRAWS;
    tn_manual_seed(0);
    run r = gpt();
    tn_checkpoint_state state = {.model = r.net, .optimizer = r.opt};
    CHECK_ERROR(tn_checkpoint_load("tests/data/gpt.safetensors", &state), TN_ERR_FORMAT);
    state.no_generator = true;
    CHECK(tn_checkpoint_load("tests/data/gpt.safetensors", &state) == TN_OK && state.step == 0);
    follow(&r, "gpt", 50, 100);
}
TEST(gpt_writes_what_pytorch_writes) {
    CPU_DRAWS;
    const char *const path = "build/gpt.safetensors";
    tn_dict *theirs = tn_load_safetensors("tests/data/gpt.safetensors");
    tn_manual_seed(0);
    run r = gpt();
    follow(&r, "gpt", 0, 50);
    CHECK(tn_checkpoint_save(path, &(tn_checkpoint_state){.model = r.net, .optimizer = r.opt}) == TN_OK);
    tn_dict *ours = tn_load_safetensors(path);
    CHECK(theirs && ours && tn_dict_len(theirs) == 130);
    for (int i = 0; theirs && ours && i < (int)tn_dict_len(theirs); i++) {
        const char *name = tn_dict_name(theirs, i);
        tn_tensor *want = tn_dict_get(theirs, name), *got = tn_dict_get(ours, name);
        if (!got && strstr(name, "param_groups")) continue; /* options that steer PyTorch's own implementations */
        CHECK(got && tn_get_dtype(got) == tn_get_dtype(want) && tn_ndim(got) == tn_ndim(want) && tn_numel(got) == tn_numel(want));
        const bool noise = strstr(name, "in_proj_bias") != NULL; /* softmax cancels the keys' bias: its gradient is rounding, which Adam scales up */
        for (int64_t k = 0; got && k < tn_numel(got); k++)
            if (!noise || k / 16 != 1) CHECK_NEAR(at(got, k), at(want, k), 1e-5 + 1e-4 * fabs(at(want, k)));
    }
}

RUN_ALL
