/* Optimizers: ten steps of every kind and option, groups, state, errors. The numbers are PyTorch 2.15's. */
#include "tn_test.h"

enum { SGD, ADAM, ADAMW, RMSPROP, ADAGRAD };
static tn_optimizer *make(int kind, const void *opts) {
    switch (kind) {
    case SGD: return tn_optim_sgd(NULL, (const tn_sgd_opts *)opts);
    case ADAM: return tn_optim_adam(NULL, (const tn_adam_opts *)opts);
    case ADAMW: return tn_optim_adamw(NULL, (const tn_adamw_opts *)opts);
    case RMSPROP: return tn_optim_rmsprop(NULL, (const tn_rmsprop_opts *)opts);
    default: return tn_optim_adagrad(NULL, (const tn_adagrad_opts *)opts);
    }
}
static void parameters(tn_tensor **p) {
    p[0] = tn_requires_grad_(tn_test_wave(0.5, TN_F64, SHAPE(2, 3)), true);
    p[1] = tn_requires_grad_(tn_test_wave(0.9, TN_F64, SHAPE(2)), true);
}
/* Steps begin to end - 1. The second parameter has no gradient at step 3. */
static void steps(tn_optimizer *o, tn_tensor **p, int begin, int end) {
    for (int k = begin; k < end; k++) {
        TN_SCOPE;
        CHECK(tn_set_grad(p[0], tn_add(tn_mul(tn_detach(p[0]), 0.3), tn_test_wave(k, TN_F64, SHAPE(2, 3)))) == TN_OK);
        CHECK(tn_set_grad(p[1], k == 3 ? NULL : tn_add(tn_mul(tn_detach(p[1]), 0.3), tn_test_wave(k + 0.5, TN_F64, SHAPE(2)))) == TN_OK);
        CHECK(tn_optim_step(o) == TN_OK);
    }
}
static tn_tensor *p[2]; /* what the options below name */
#define P .params = p, .n_params = 2
static const struct { int kind; union { tn_sgd_opts sgd; tn_adam_opts adam; tn_adamw_opts adamw; tn_rmsprop_opts rmsprop; tn_adagrad_opts adagrad; } o; double want[2]; } cases[] = {
    {SGD, {.sgd = {P}}, {1.609642204513, 1.394919329862}},
    {SGD, {.sgd = {P, .lr = 0.1, .weight_decay = 0.05}}, {1.079517589278, 0.7723993140973}},
    {SGD, {.sgd = {P, .lr = 0.1, .momentum = 0.9}}, {-0.3840349354838, -0.8533430834334}},
    {SGD, {.sgd = {P, .lr = 0.1, .momentum = 0.9, .dampening = 0.3, .weight_decay = 0.01}}, {-0.2741661179148, -0.554437125191}},
    {SGD, {.sgd = {P, .lr = 0.1, .momentum = 0.8, .nesterov = true}}, {0.1057435506457, -0.383287155936}},
    {SGD, {.sgd = {P, .lr = 0.1, .momentum = 0.9, .nesterov = true, .weight_decay = 0.1, .maximize = true}}, {4.983935992111, 5.006608381302}},
    {ADAM, {.adam = {P}}, {1.605155036986, 1.391622279948}},
    {ADAM, {.adam = {P, .lr = 0.05, .beta1 = 0.7, .beta2 = 0.9, .eps = 1e-3}}, {1.191236699365, 0.9576021718594}},
    {ADAM, {.adam = {P, .lr = 0.05, .weight_decay = 0.1}}, {1.082605367085, 0.8850917305444}},
    {ADAM, {.adam = {P, .lr = 0.05, .amsgrad = true, .beta1 = 0.5, .beta2 = 0.6}}, {1.259410711282, 1.008825114927}},
    {ADAM, {.adam = {P, .lr = 0.05, .amsgrad = true, .maximize = true, .weight_decay = 0.2, .beta1 = 0.5, .beta2 = 0.6}}, {1.869114548513, 1.731420877046}},
    {ADAMW, {.adamw = {P}}, {1.604994219026, 1.391496674773}},
    {ADAMW, {.adamw = {P, .lr = 0.05, .weight_decay = 0.3}}, {0.9585170978369, 0.7780925060846}},
    {ADAMW, {.adamw = {P, .lr = 0.05, .weight_decay = TN_ZERO}}, {1.136620243504, 0.918302972018}},
    {ADAMW, {.adamw = {P, .lr = 0.05, .amsgrad = true, .beta1 = 0.5, .beta2 = 0.6, .maximize = true}}, {2.015173589734, 1.82795762127}},
    {RMSPROP, {.rmsprop = {P}}, {1.243034593391, 0.978530981675}},
    {RMSPROP, {.rmsprop = {P, .lr = 0.05, .alpha = 0.8, .eps = 1e-2}}, {1.202122943451, 0.8997732499911}},
    {RMSPROP, {.rmsprop = {P, .lr = 0.02, .momentum = 0.9}}, {-1.358892451567, -1.885037815691}},
    {RMSPROP, {.rmsprop = {P, .lr = 0.02, .centered = true, .weight_decay = 0.1}}, {0.8658206000956, 0.5715412260759}},
    {RMSPROP, {.rmsprop = {P, .lr = 0.02, .centered = true, .momentum = 0.5, .maximize = true}}, {3.851344393546, 3.58972894027}},
    {ADAGRAD, {.adagrad = {P}}, {1.574748968318, 1.356635820846}},
    {ADAGRAD, {.adagrad = {P, .lr = 0.1, .lr_decay = 0.2, .eps = 1e-3}}, {1.295498447405, 1.067352747854}},
    {ADAGRAD, {.adagrad = {P, .lr = 0.1, .initial_accumulator_value = 0.5, .weight_decay = 0.1}}, {1.267542258346, 0.9997129433654}},
    {ADAGRAD, {.adagrad = {P, .lr = 0.1, .maximize = true}}, {2.068094362636, 1.889879597817}},
};
#define N_CASES ((int)(sizeof cases / sizeof *cases))
static void check_end(int i) {
    if (fabs(tn_test_digest(p[0]) - cases[i].want[0]) > 1e-11 || fabs(tn_test_digest(p[1]) - cases[i].want[1]) > 1e-11)
        TN_TEST_FAIL("case %d: %.13g, %.13g are not %.13g, %.13g", i, tn_test_digest(p[0]), tn_test_digest(p[1]), cases[i].want[0], cases[i].want[1]);
}
TEST(ten_steps_of_every_option) {
    for (int i = 0; i < N_CASES; i++) {
        TN_SCOPE;
        parameters(p);
        tn_optimizer *o = make(cases[i].kind, &cases[i].o);
        steps(o, p, 0, 10);
        check_end(i);
    }
}
TEST(a_state_goes_on_in_another_optimizer) { /* after four steps; its own options are others, and are replaced */
    static const tn_sgd_opts plain = {P}; /* the fields of every kind begin like this */
    static const tn_adam_opts adam = {P};
    static const tn_rmsprop_opts rmsprop = {P};
    static const tn_adagrad_opts adagrad = {P};
    const void *none[] = {&plain, &adam, &adam, &rmsprop, &adagrad};
    for (int i = 0; i < N_CASES; i++) {
        TN_SCOPE;
        parameters(p);
        tn_optimizer *o = make(cases[i].kind, &cases[i].o);
        steps(o, p, 0, 4);
        tn_dict *d = tn_optim_state_dict(o);
        steps(o, p, 4, 5); /* the dict is a copy: what follows does not change it */
        parameters(p);
        tn_optimizer *before = make(cases[i].kind, &cases[i].o);
        steps(before, p, 0, 4);
        tn_optimizer *after = make(cases[i].kind, none[cases[i].kind]);
        CHECK(tn_optim_load_state_dict(after, d) == TN_OK);
        steps(after, p, 4, 10);
        check_end(i);
    }
}
TEST(groups_have_their_own_options) {
    parameters(p);
    tn_optimizer *o = tn_optim_sgd(NULL, &(tn_sgd_opts){.params = p, .n_params = 1, .lr = 0.1, .momentum = 0.9});
    CHECK(tn_optim_groups(o) == 1);
    CHECK(tn_optim_add_param_group(o, &(tn_sgd_opts){.params = p + 1, .n_params = 1, .lr = 0.5}) == TN_OK);
    CHECK(tn_optim_groups(o) == 2);
    CHECK_NEAR(tn_optim_get_lr(o, 1), 0.5, 0);
    steps(o, p, 0, 10);
    CHECK_NEAR(tn_test_digest(p[0]), -0.3840349354838, 1e-11);
    CHECK_NEAR(tn_test_digest(p[1]), -0.2950499925391, 1e-11);
    parameters(p);
    o = tn_optim_adam(NULL, &(tn_adam_opts){.params = p, .n_params = 1, .lr = 0.1});
    CHECK(tn_optim_add_param_group(o, &(tn_adam_opts){.params = p + 1, .n_params = 1, .lr = 0.5, .weight_decay = 0.1, .amsgrad = true}) == TN_OK);
    steps(o, p, 0, 10);
    CHECK_NEAR(tn_test_digest(p[0]), 0.7217738392871, 1e-11);
    CHECK_NEAR(tn_test_digest(p[1]), -1.4285832192, 1e-11);
}
TEST(dtypes_and_odd_lengths) { /* 37 elements: whole vectors and a rest */
    static const struct { tn_dtype dt; double want, tolerance; } c[] = {{TN_F32, 1.323153241602, 1e-5}, {TN_BF16, 1.348930115297, 0.2}, {TN_F16, 1.323958867094, 0.02}};
    for (int i = 0; i < 3; i++) {
        TN_SCOPE;
        tn_tensor *w = tn_requires_grad_(tn_test_wave(0.5, c[i].dt, SHAPE(37)), true);
        tn_optimizer *o = tn_optim_adam(NULL, &(tn_adam_opts){.params = &w, .n_params = 1, .lr = 0.05});
        for (int k = 0; k < 10; k++) {
            tn_tensor *g = tn_add(tn_mul(tn_to_dtype(tn_detach(w), TN_F32), 0.3), tn_test_wave(k, TN_F32, SHAPE(37)));
            CHECK(tn_set_grad(w, tn_to_dtype(g, c[i].dt)) == TN_OK && tn_optim_step(o) == TN_OK);
        }
        CHECK_NEAR(tn_test_digest(w), c[i].want, c[i].tolerance);
    }
}
TEST(a_transposed_parameter_is_stepped_in_its_places) {
    tn_tensor *base = tn_test_wave(0.5, TN_F64, SHAPE(3, 5)), *w = tn_requires_grad_(tn_t(base), true), *same = tn_requires_grad_(tn_clone(tn_contiguous(tn_t(base))), true), *both[2] = {w, same};
    CHECK(!tn_is_contiguous(w));
    tn_optimizer *o = tn_optim_adamw(NULL, &(tn_adamw_opts){.params = both, .n_params = 2, .lr = 0.1});
    for (int k = 0; k < 3; k++) {
        CHECK(tn_set_grad(w, tn_t(tn_test_wave(k, TN_F64, SHAPE(3, 5)))) == TN_OK);
        CHECK(tn_set_grad(same, tn_contiguous(tn_t(tn_test_wave(k, TN_F64, SHAPE(3, 5))))) == TN_OK);
        CHECK(tn_optim_step(o) == TN_OK);
    }
    CHECK_NEAR(tn_test_digest(w), tn_test_digest(same), 1e-14);
    CHECK_NEAR(tn_at(base, (int64_t[]){0, 1}, 2), tn_at(same, (int64_t[]){1, 0}, 2), 0); /* the view's base saw it */
}
TEST(a_module_is_trained_and_zero_grad_drops) {
    tn_manual_seed(0);
    tn_module *m = tn_nn_linear(3, 2, NULL);
    tn_optimizer *o = tn_optim_sgd(m, NULL);
    CHECK_NEAR(tn_optim_get_lr(o, 0), 1e-3, 0);
    tn_tensor *w = tn_module_get(m, "weight"), *before = tn_clone(tn_detach(w));
    const int64_t version = tn_version_of(w);
    CHECK(tn_optim_step(o) == TN_OK); /* no gradient, no step */
    CHECK(tn_version_of(w) == version);
    CHECK(tn_backward(tn_sum(tn_forward(m, tn_ones((int64_t[]){1, 3}, 2, NULL)), NULL)) == TN_OK && tn_optim_step(o) == TN_OK);
    CHECK(tn_version_of(w) > version);
    CHECK_NEAR(tn_item(tn_sum(tn_sub(before, tn_detach(w)), NULL)), 6e-3, 1e-6);
    tn_optim_zero_grad(o);
    CHECK(!tn_grad(w) && !tn_grad(tn_module_get(m, "bias")));
    CHECK(tn_optim_set_lr(o, 0, 0) == TN_OK);
    CHECK_NEAR(tn_optim_get_lr(o, 0), 0, 0);
}
TEST(nan_in_one_element_stays_there) {
    tn_tensor *w = tn_requires_grad_(tn_zeros((int64_t[]){20}, 1, NULL), true), *g = tn_ones((int64_t[]){20}, 1, NULL);
    tn_test_set(g, 17, NAN);
    tn_optimizer *o = tn_optim_adam(NULL, &(tn_adam_opts){.params = &w, .n_params = 1, .amsgrad = true});
    CHECK(tn_set_grad(w, g) == TN_OK && tn_optim_step(o) == TN_OK);
    for (int64_t i = 0; i < 20; i++) CHECK(i == 17 ? isnan(tn_at(w, &i, 1)) : fabs(tn_at(w, &i, 1) + 1e-3) < 1e-8);
}
TEST(empty_and_zero_dim_parameters) {
    tn_tensor *both[2] = {tn_requires_grad_(tn_zeros((int64_t[]){0, 3}, 2, NULL), true), tn_requires_grad_(tn_ones(NULL, 0, NULL), true)};
    tn_optimizer *o = tn_optim_rmsprop(NULL, &(tn_rmsprop_opts){.params = both, .n_params = 2, .lr = 0.5, .alpha = TN_ZERO});
    for (int i = 0; i < 2; i++) CHECK(tn_set_grad(both[i], tn_ones_like(both[i], NULL)) == TN_OK);
    CHECK(tn_optim_step(o) == TN_OK);
    CHECK_NEAR(tn_item(both[1]), 0.5, 1e-6);
}
TEST(state_has_pytorchs_names) {
    static const char *const names[] = {"state.0.step", "state.0.exp_avg", "state.0.exp_avg_sq", "state.0.max_exp_avg_sq", "state.1.exp_avg", "param_groups.0.lr", "param_groups.0.betas.1", "param_groups.0.amsgrad"};
    parameters(p);
    tn_optimizer *o = tn_optim_adam(NULL, &(tn_adam_opts){P, .amsgrad = true});
    CHECK(!tn_dict_get(tn_optim_state_dict(o), "state.0.step"));
    steps(o, p, 0, 4);
    tn_dict *d = tn_optim_state_dict(o);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) CHECK(tn_dict_get(d, names[i]));
    CHECK_NEAR(tn_item(tn_dict_get(d, "state.0.step")), 4, 0);
    CHECK_NEAR(tn_item(tn_dict_get(d, "state.1.step")), 3, 0); /* one step had no gradient for it */
}
TEST(a_state_that_does_not_fit_changes_nothing) {
    tn_tensor *q[2];
    parameters(p);
    parameters(q);
    tn_optimizer *o = tn_optim_adam(NULL, &(tn_adam_opts){P}), *one = tn_optim_adam(NULL, &(tn_adam_opts){.params = q, .n_params = 1});
    steps(o, p, 0, 2);
    tn_dict *d = tn_optim_state_dict(o);
    CHECK_ERROR(tn_optim_load_state_dict(one, d), TN_ERR_SHAPE); /* a parameter more than there are */
    CHECK(tn_optim_add_param_group(one, &(tn_adam_opts){.params = q + 1, .n_params = 1, .lr = 0.25}) == TN_OK);
    CHECK_ERROR(tn_optim_load_state_dict(o, tn_optim_state_dict(one)), TN_ERR_SHAPE); /* a group more */
    CHECK(tn_dict_set(d, "state.0.exp_avg_sq", tn_ones((int64_t[]){3, 2}, 2, NULL)) == TN_OK);
    CHECK_ERROR(tn_optim_load_state_dict(o, d), TN_ERR_SHAPE);
    d = tn_optim_state_dict(o);
    CHECK(tn_dict_set(d, "state.1.step", tn_full(NULL, 0, -1, NULL)) == TN_OK);
    CHECK_ERROR(tn_optim_load_state_dict(o, d), TN_ERR_FORMAT);
    CHECK(tn_dict_set(d, "state.1.step", tn_ones((int64_t[]){2}, 1, NULL)) == TN_OK);
    CHECK_ERROR(tn_optim_load_state_dict(o, d), TN_ERR_FORMAT);
    steps(o, p, 2, 10);
    check_end(6);
}
TEST(bad_options) {
    parameters(p);
    CHECK_ERROR(tn_optim_sgd(NULL, &(tn_sgd_opts){P, .lr = -1}), TN_ERR_INVALID);
    CHECK_ERROR(tn_optim_sgd(NULL, &(tn_sgd_opts){P, .lr = NAN}), TN_ERR_INVALID);
    CHECK_ERROR(tn_optim_sgd(NULL, &(tn_sgd_opts){P, .weight_decay = -1}), TN_ERR_INVALID);
    CHECK_ERROR(tn_optim_sgd(NULL, &(tn_sgd_opts){P, .momentum = -1}), TN_ERR_INVALID);
    CHECK_ERROR(tn_optim_sgd(NULL, &(tn_sgd_opts){P, .nesterov = true}), TN_ERR_INVALID);
    CHECK_ERROR(tn_optim_sgd(NULL, &(tn_sgd_opts){P, .nesterov = true, .momentum = 0.9, .dampening = 0.1}), TN_ERR_INVALID);
    CHECK_ERROR(tn_optim_adam(NULL, &(tn_adam_opts){P, .beta1 = 1}), TN_ERR_INVALID);
    CHECK_ERROR(tn_optim_adam(NULL, &(tn_adam_opts){P, .beta2 = -0.1}), TN_ERR_INVALID);
    CHECK_ERROR(tn_optim_adamw(NULL, &(tn_adamw_opts){P, .eps = -1}), TN_ERR_INVALID);
    CHECK_ERROR(tn_optim_rmsprop(NULL, &(tn_rmsprop_opts){P, .alpha = -1}), TN_ERR_INVALID);
    CHECK_ERROR(tn_optim_adagrad(NULL, &(tn_adagrad_opts){P, .lr_decay = -1}), TN_ERR_INVALID);
    CHECK_ERROR(tn_optim_adagrad(NULL, &(tn_adagrad_opts){P, .initial_accumulator_value = -1}), TN_ERR_INVALID);
}
TEST(bad_parameters) {
    tn_tensor *none = NULL, *whole = tn_zeros((int64_t[]){2}, 1, &(tn_tensor_opts){.dtype = TN_I64}), *w = tn_requires_grad_(tn_ones((int64_t[]){2}, 1, NULL), true), *made = tn_mul(w, 2.0), *twice[2] = {w, w};
    CHECK_ERROR(tn_optim_sgd(NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_optim_sgd(tn_nn_identity(), NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_optim_sgd(NULL, &(tn_sgd_opts){.params = &none, .n_params = 1}), TN_ERR_INVALID);
    CHECK_ERROR(tn_optim_sgd(NULL, &(tn_sgd_opts){.params = &whole, .n_params = 1}), TN_ERR_INVALID);
    CHECK_ERROR(tn_optim_sgd(NULL, &(tn_sgd_opts){.params = &made, .n_params = 1}), TN_ERR_INVALID);
    CHECK_ERROR(tn_optim_sgd(NULL, &(tn_sgd_opts){.params = twice, .n_params = 2}), TN_ERR_INVALID);
    CHECK_ERROR(tn_optim_sgd(NULL, &(tn_sgd_opts){.params = &w, .n_params = -1}), TN_ERR_INVALID);
    tn_optimizer *o = tn_optim_sgd(NULL, &(tn_sgd_opts){.params = &w, .n_params = 1});
    CHECK_ERROR(tn_optim_add_param_group(o, &(tn_sgd_opts){.params = &w, .n_params = 1}), TN_ERR_INVALID);
    CHECK_ERROR(tn_optim_add_param_group(o, &(tn_sgd_opts){.lr = 1}), TN_ERR_INVALID);
    CHECK_ERROR(tn_optim_add_param_group(o, &(tn_sgd_opts){.params = &whole, .n_params = 1, .lr = -1}), TN_ERR_INVALID);
    CHECK_ERROR(tn_optim_add_param_group(o, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_optim_add_param_group(NULL, &(tn_sgd_opts){.params = &w, .n_params = 1}), TN_ERR_INVALID);
    CHECK(tn_optim_groups(o) == 1);
    CHECK(tn_set_grad(w, tn_ones((int64_t[]){2}, 1, NULL)) == TN_OK && tn_optim_step(o) == TN_OK);
    CHECK_NEAR(tn_item(tn_sum(w, NULL)), 2 - 2e-3, 1e-6);
}
TEST(null_and_no_such_group) {
    parameters(p);
    tn_optimizer *o = tn_optim_sgd(NULL, &(tn_sgd_opts){P});
    CHECK_ERROR(tn_optim_step(NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_optim_groups(NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_optim_get_lr(NULL, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_optim_set_lr(NULL, 0, 1), TN_ERR_INVALID);
    CHECK_ERROR(tn_optim_state_dict(NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_optim_load_state_dict(NULL, tn_dict_new()), TN_ERR_INVALID);
    CHECK_ERROR(tn_optim_load_state_dict(o, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_optim_get_lr(o, 1), TN_ERR_INDEX);
    CHECK_ERROR(tn_optim_get_lr(o, -1), TN_ERR_INDEX);
    CHECK_ERROR(tn_optim_set_lr(o, 2, 1), TN_ERR_INDEX);
    CHECK_ERROR(tn_optim_set_lr(o, 0, -1), TN_ERR_INVALID);
    CHECK_ERROR(tn_optim_set_lr(o, 0, NAN), TN_ERR_INVALID);
    tn_optim_zero_grad(NULL); /* no more than a free(NULL) */
    CHECK_NEAR(tn_optim_get_lr(o, 0), 1e-3, 0);
}
RUN_ALL
