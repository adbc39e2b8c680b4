/* Schedules: the rates of the start and of twelve steps, state, errors. The numbers are PyTorch 2.15's. */
#include "tn_test.h"

enum { STEPS = 13 };
static tn_tensor *p[2];
static tn_optimizer *optimizer(void) { /* two groups, of rates 0.5 and 0.2 */
    for (int i = 0; i < 2; i++) p[i] = tn_requires_grad_(tn_zeros((int64_t[]){1}, 1, NULL), true);
    tn_optimizer *o = tn_optim_sgd(NULL, &(tn_sgd_opts){.params = p, .n_params = 1, .lr = 0.5, .momentum = 0.9});
    CHECK(tn_optim_add_param_group(o, &(tn_sgd_opts){.params = p + 1, .n_params = 1, .lr = 0.2, .momentum = 0.9}) == TN_OK);
    return o;
}
static double hyperbola(void *user, int64_t k) { return 1 / (1 + *(const double *)user * (double)k); }
static double nine_tenths(void *user, int64_t k) { return (void)user, (void)k, 0.9; }
static double rising(void *user, int64_t k) { return (void)user, 0.1 * (double)(k + 1); }
static double one = 1, tenth = 0.1;
enum { STEP, MULTI, CONSTANT, CONSTANT_0, LINEAR, LINEAR_0, EXPONENTIAL, POLYNOMIAL, COSINE, COSINE_1, RESTARTS, RESTARTS_1, ONE_CYCLE, ONE_CYCLE_3, LAMBDA, MULTIPLICATIVE,
       SEQ_COSINE, SEQ_THREE, SEQ_MULTIPLICATIVE, SEQ_LAMBDA, SEQ_RESTARTS, SEQ_POLYNOMIAL, SEQ_CONSTANT, SEQ_LINEAR, SEQ_ONE_CYCLE, CHAIN, CHAIN_3, KINDS };
static const tn_one_cycle_opts three = {.pct_start = 0.4, .three_phase = true, .linear = true, .div_factor = 10, .final_div_factor = 100, .base_momentum = 0.8, .max_momentum = 0.9};
static tn_scheduler *in_turn(tn_optimizer *o, tn_scheduler *a, tn_scheduler *b, tn_scheduler *c, int64_t m, int64_t n) {
    return tn_sched_sequential_lr(o, (tn_scheduler *[]){a, b, c}, c ? 3 : 2, (int64_t[]){m, n});
}
static tn_scheduler *make(tn_optimizer *o, int kind) {
    tn_scheduler *a = NULL, *b = NULL;
    switch (kind) {
    case STEP: return tn_sched_step_lr(o, 3, 0.5);
    case MULTI: return tn_sched_multi_step_lr(o, (int64_t[]){2, 5, 5, 11}, 4, 0.5);
    case CONSTANT: return tn_sched_constant_lr(o, 0.25, 4);
    case CONSTANT_0: return tn_sched_constant_lr(o, 0.25, 0);
    case LINEAR: return tn_sched_linear_lr(o, 0.2, 0.8, 5);
    case LINEAR_0: return tn_sched_linear_lr(o, 0.2, 0, 5);
    case EXPONENTIAL: return tn_sched_exponential_lr(o, 0.9);
    case POLYNOMIAL: return tn_sched_polynomial_lr(o, 7, 2);
    case COSINE: return tn_sched_cosine_annealing_lr(o, 4, 0.01);
    case COSINE_1: return tn_sched_cosine_annealing_lr(o, 1, 0.01);
    case RESTARTS: return tn_sched_cosine_annealing_warm_restarts(o, 3, 2, 0.01);
    case RESTARTS_1: return tn_sched_cosine_annealing_warm_restarts(o, 4, 1, 0);
    case ONE_CYCLE: return tn_sched_one_cycle_lr(o, 1, 13, NULL);
    case ONE_CYCLE_3: return tn_sched_one_cycle_lr(o, 1, 13, &three);
    case LAMBDA: return tn_sched_lambda_lr(o, hyperbola, &one);
    case MULTIPLICATIVE: return tn_sched_multiplicative_lr(o, hyperbola, &tenth);
    case SEQ_COSINE: return a = tn_sched_linear_lr(o, 0.1, 1, 4), in_turn(o, a, tn_sched_cosine_annealing_lr(o, 8, 0.01), NULL, 4, 0);
    case SEQ_THREE: return a = tn_sched_constant_lr(o, 0.1, 3), b = tn_sched_exponential_lr(o, 0.8), in_turn(o, a, b, tn_sched_step_lr(o, 2, 0.5), 3, 7);
    case SEQ_MULTIPLICATIVE: return a = tn_sched_exponential_lr(o, 0.5), in_turn(o, a, tn_sched_multiplicative_lr(o, nine_tenths, NULL), NULL, 4, 0);
    case SEQ_LAMBDA: return a = tn_sched_lambda_lr(o, rising, NULL), in_turn(o, a, tn_sched_multi_step_lr(o, (int64_t[]){2, 4}, 2, 0.5), NULL, 5, 0);
    case SEQ_RESTARTS: return a = tn_sched_linear_lr(o, 0.1, 1, 4), in_turn(o, a, tn_sched_cosine_annealing_warm_restarts(o, 3, 1, 0), NULL, 4, 0);
    case SEQ_POLYNOMIAL: return a = tn_sched_linear_lr(o, 0.1, 1, 3), in_turn(o, a, tn_sched_polynomial_lr(o, 6, 1), NULL, 3, 0);
    case SEQ_CONSTANT: return a = tn_sched_constant_lr(o, 1, 3), in_turn(o, a, tn_sched_constant_lr(o, 0.1, 4), NULL, 3, 0);
    case SEQ_LINEAR: return a = tn_sched_constant_lr(o, 1, 3), in_turn(o, a, tn_sched_linear_lr(o, 0.1, 1, 4), NULL, 3, 0);
    case SEQ_ONE_CYCLE: return a = tn_sched_constant_lr(o, 0.1, 3), in_turn(o, a, tn_sched_one_cycle_lr(o, 1, 9, NULL), NULL, 3, 0);
    case CHAIN: return a = tn_sched_constant_lr(o, 0.1, 2), b = tn_sched_exponential_lr(o, 0.9), tn_sched_chained((tn_scheduler *[]){a, b}, 2);
    default: return a = tn_sched_linear_lr(o, 0.5, 1, 4), b = tn_sched_step_lr(o, 3, 0.5), tn_sched_chained((tn_scheduler *[]){a, b, tn_sched_cosine_annealing_lr(o, 6, 0)}, 3);
    }
}
static const double rates[KINDS][STEPS] = { /* of the first group */
    {0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125, 0.125, 0.125, 0.0625, 0.0625, 0.0625, 0.03125},
    {0.5, 0.5, 0.25, 0.25, 0.25, 0.0625, 0.0625, 0.0625, 0.0625, 0.0625, 0.0625, 0.03125, 0.03125},
    {0.125, 0.125, 0.125, 0.125, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5},
    {0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125},
    {0.1, 0.16, 0.22, 0.28, 0.34, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4},
    {0.1, 0.08, 0.06, 0.04, 0.02, 0, 0, 0, 0, 0, 0, 0, 0},
    {0.5, 0.45, 0.405, 0.3645, 0.32805, 0.295245, 0.2657205, 0.23914845, 0.215233605, 0.1937102445, 0.17433922005, 0.156905298045, 0.141214768241},
    {0.5, 0.367346938776, 0.255102040816, 0.163265306122, 0.0918367346939, 0.0408163265306, 0.0102040816327, 0, 0, 0, 0, 0, 0},
    {0.5, 0.428241161391, 0.255, 0.0817588386093, 0.01, 0.0817588386093, 0.255, 0.428241161391, 0.5, 0.428241161391, 0.255, 0.0817588386093, 0.01},
    {0.5, 0.01, 0.5, 0.01, 0.5, 0.01, 0.5, 0.01, 0.5, 0.01, 0.5, 0.01, 0.5},
    {0.5, 0.3775, 0.1325, 0.5, 0.467176223927, 0.3775, 0.255, 0.1325, 0.0428237760728, 0.5, 0.491651827441, 0.467176223927, 0.428241161391},
    {0.5, 0.426776695297, 0.25, 0.0732233047034, 0.5, 0.426776695297, 0.25, 0.0732233047034, 0.5, 0.426776695297, 0.25, 0.0732233047034, 0.5},
    {0.04, 0.295163948464, 0.789369791374, 0.999702071467, 0.96437826255, 0.874255877064, 0.739969779105, 0.577366357936, 0.405633579749, 0.24503671767, 0.114526954509, 0.0295050543141, 4e-06},
    {0.1, 0.314285714286, 0.528571428571, 0.742857142857, 0.957142857143, 0.828571428571, 0.614285714286, 0.4, 0.185714285714, 0.0835, 0.056, 0.0285, 0.001},
    {0.5, 0.25, 0.166666666667, 0.125, 0.1, 0.0833333333333, 0.0714285714286, 0.0625, 0.0555555555556, 0.05, 0.0454545454545, 0.0416666666667, 0.0384615384615},
    {0.5, 0.454545454545, 0.378787878788, 0.291375291375, 0.208125208125, 0.13875013875, 0.0867188367188, 0.0510110804228, 0.0283394891238, 0.0149155205915, 0.00745776029574, 0.00355131442654, 0.00161423383025},
    {0.05, 0.1625, 0.275, 0.3875, 0.5, 0.481350485465, 0.428241161391, 0.348757440929, 0.255, 0.161242559071, 0.0817588386093, 0.0286495145347, 0.01},
    {0.05, 0.05, 0.05, 0.5, 0.4, 0.32, 0.256, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125},
    {0.5, 0.25, 0.125, 0.0625, 0.05625, 0.050625, 0.0455625, 0.04100625, 0.036905625, 0.0332150625, 0.02989355625, 0.026904200625, 0.0242137805625},
    {0.05, 0.1, 0.15, 0.2, 0.25, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125, 0.125, 0.125},
    {0.05, 0.1625, 0.275, 0.3875, 0.5, 0.375, 0.125, 0.5, 0.375, 0.125, 0.5, 0.375, 0.125},
    {0.05, 0.2, 0.35, 0.5, 0.416666666667, 0.333333333333, 0.25, 0.166666666667, 0.0833333333333, 0, 0, 0, 0},
    {0.5, 0.5, 0.5, 0.05, 0.05, 0.05, 0.05, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5},
    {0.5, 0.5, 0.5, 0.05, 0.1625, 0.275, 0.3875, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5},
    {0.004, 0.004, 0.004, 0.04, 0.651358235235, 0.994415435451, 0.898566659346, 0.705644728991, 0.462637102667, 0.22872995316, 0.060892969758, 4e-06, 0.060892969758},
    {0.05, 0.045, 0.405, 0.3645, 0.32805, 0.295245, 0.2657205, 0.23914845, 0.215233605, 0.1937102445, 0.17433922005, 0.156905298045, 0.141214768241},
    {0.25, 0.291566469341, 0.28125, 0.109375, 0.0625, 0.0167468245269, 0, 0.0334936490539, 0.125, 0.125, 0.1875, 0.233253175473, 0.125},
};
static void check_rate(const tn_scheduler *s, int kind, int step) {
    const double lr = tn_sched_get_last_lr(s, 0);
    if (!(fabs(lr - rates[kind][step]) < 2e-12)) TN_TEST_FAIL("kind %d, step %d: %.12g is not %.12g", kind, step, lr, rates[kind][step]);
}
TEST(twelve_steps_of_each) {
    for (int kind = 0; kind < KINDS; kind++) {
        TN_SCOPE;
        tn_optimizer *o = optimizer();
        tn_scheduler *s = make(o, kind);
        for (int k = 0; k < STEPS; k++) {
            if (k) CHECK(tn_sched_step(s) == TN_OK);
            check_rate(s, kind, k);
            CHECK_NEAR(tn_optim_get_lr(o, 0), tn_sched_get_last_lr(s, 0), 0);
        }
    }
}
TEST(each_group_has_its_rate) {
    static const double want[STEPS] = {0.02, 0.065, 0.11, 0.155, 0.2, 0.192768555589, 0.172175144213, 0.141354926075, 0.105, 0.0686450739253, 0.0378248557873, 0.0172314444114, 0.01};
    tn_scheduler *s = make(optimizer(), SEQ_COSINE);
    for (int k = 0; k < STEPS; k++) {
        if (k) CHECK(tn_sched_step(s) == TN_OK);
        CHECK_NEAR(tn_sched_get_last_lr(s, 1), want[k], 2e-12);
    }
}
TEST(state_goes_on_in_another_schedule) { /* each state is taken at every step of the first six; rates go with the optimizer's */
    for (int kind = 0; kind < KINDS; kind++)
        for (int at = 0; at < 7; at++) {
            TN_SCOPE;
            tn_optimizer *o = optimizer(), *to = optimizer();
            tn_scheduler *s = make(o, kind), *t = make(to, kind);
            for (int k = 0; k < at; k++) CHECK(tn_sched_step(s) == TN_OK);
            tn_dict *rest = tn_sched_state_dict(s), *options = tn_optim_state_dict(o);
            CHECK(tn_sched_step(s) == TN_OK);
            CHECK(tn_sched_load_state_dict(t, rest) == TN_OK && tn_optim_load_state_dict(to, options) == TN_OK);
            check_rate(t, kind, at);
            for (int k = at + 1; k < STEPS; k++) {
                CHECK(tn_sched_step(t) == TN_OK);
                check_rate(t, kind, k);
            }
        }
}
static double option(tn_optimizer *o, const char *name) { return tn_item(tn_dict_get(tn_optim_state_dict(o), name)); }
TEST(one_cycle_turns_the_momentum_too) {
    static const double two[STEPS] = {0.95, 0.923420422035, 0.871940646732, 0.850029792972, 0.853562187994, 0.862574462591, 0.876003126102, 0.89226353326, 0.909436879773, 0.92549663022, 0.93854765874, 0.947049882768, 0.95};
    static const double of_three[STEPS] = {0.9, 0.87619047619, 0.852380952381, 0.828571428571, 0.804761904762, 0.819047619048, 0.842857142857, 0.866666666667, 0.890476190476, 0.9, 0.9, 0.9, 0.9};
    tn_optimizer *a = optimizer(), *b = optimizer(), *adam = tn_optim_adam(NULL, &(tn_adam_opts){.params = p, .n_params = 1}), *still = tn_optim_sgd(NULL, &(tn_sgd_opts){.params = p, .n_params = 1, .momentum = 0.5});
    tn_scheduler *s[4] = {make(a, ONE_CYCLE), make(b, ONE_CYCLE_3), tn_sched_one_cycle_lr(adam, 1, 13, NULL), tn_sched_one_cycle_lr(still, 1, 13, &(tn_one_cycle_opts){.no_cycle_momentum = true})};
    for (int k = 0; k < STEPS; k++) {
        for (int i = 0; k && i < 4; i++) CHECK(tn_sched_step(s[i]) == TN_OK);
        CHECK_NEAR(option(a, "param_groups.0.momentum"), two[k], 2e-12);
        CHECK_NEAR(option(b, "param_groups.1.momentum"), of_three[k], 2e-12);
        CHECK_NEAR(option(adam, "param_groups.0.betas.0"), two[k], 2e-12);
        CHECK_NEAR(option(still, "param_groups.0.momentum"), 0.5, 0);
        CHECK_NEAR(tn_sched_get_last_lr(s[2], 0), rates[ONE_CYCLE][k], 2e-12);
    }
}
TEST(a_cycle_ends) {
    static const double want[7] = {0.04, 0.994415435451, 0.81174565395, 0.462637102667, 0.133477530189, 4e-06, 0.133477530189};
    tn_scheduler *s = tn_sched_one_cycle_lr(optimizer(), 1, 6, NULL);
    for (int k = 0; k < 7; k++) {
        if (k) CHECK(tn_sched_step(s) == TN_OK);
        CHECK_NEAR(tn_sched_get_last_lr(s, 0), want[k], 2e-12);
    }
    for (int again = 0; again < 2; again++) CHECK_ERROR(tn_sched_step(s), TN_ERR_STATE);
    CHECK_NEAR(tn_sched_get_last_lr(s, 0), want[6], 2e-12);
}
TEST(plateaus) {
    static const struct { tn_plateau_opts o; double sign; bool nan; double want[STEPS]; } c[] = {
        {{.factor = 0.5, .patience = 1}, 1, false, {0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125, 0.125, 0.0625, 0.0625, 0.03125, 0.03125}},
        {{.factor = 0.5, .has_patience = true, .cooldown = 2}, 1, false, {0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125, 0.125, 0.125, 0.0625, 0.0625, 0.0625, 0.03125}},
        {{.mode_max = true, .threshold_abs = true, .threshold = 0.01, .patience = 2, .min_lr = 0.1, .factor = 0.3}, 1, false, {0.5, 0.5, 0.5, 0.5, 0.15, 0.15, 0.15, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1}},
        {{.mode_max = true, .patience = 1, .factor = 0.5, .eps = 0.1}, 1, false, {0.5, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125}},
        {{.threshold_abs = true, .threshold = 0.06, .patience = 1}, 1, true, {0.5, 0.5, 0.05, 0.05, 0.05, 0.05, 0.005, 0.005, 0.005, 0.0005, 0.0005, 5e-05, 5e-05}},
        {{.mode_max = true, .threshold = 0.1, .has_patience = true, .factor = 0.5}, -1, false, {0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5}},
    };
    static const double metric[STEPS - 1] = {1, 0.9, 0.9, 0.95, 0.9, 0.89999, 0.85, 0.86, 0.87, 0.88, 0.89, 0.9};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        TN_SCOPE;
        tn_optimizer *o = optimizer(), *to = optimizer();
        tn_scheduler *s = tn_sched_reduce_lr_on_plateau(o, &c[i].o);
        for (int k = 0; k < STEPS; k++) {
            if (k) CHECK(tn_sched_step_metric(s, c[i].nan && k < 4 ? (double)NAN : c[i].sign * metric[k - 1]) == TN_OK);
            if (!(fabs(tn_sched_get_last_lr(s, 0) - c[i].want[k]) < 1e-12)) TN_TEST_FAIL("case %d, step %d: %g is not %g", (int)i, k, tn_sched_get_last_lr(s, 0), c[i].want[k]);
            if (k != 5) continue; /* goes on in another */
            tn_scheduler *t = tn_sched_reduce_lr_on_plateau(to, NULL);
            CHECK(tn_sched_load_state_dict(t, tn_sched_state_dict(s)) == TN_OK && tn_optim_load_state_dict(to, tn_optim_state_dict(o)) == TN_OK);
            s = t;
        }
    }
}
TEST(plateau_defaults) { /* ten bad epochs are borne */
    tn_scheduler *s = tn_sched_reduce_lr_on_plateau(optimizer(), NULL);
    for (int k = 1; k <= 12; k++) {
        CHECK(tn_sched_step_metric(s, 1) == TN_OK);
        CHECK_NEAR(tn_sched_get_last_lr(s, 0), k < 12 ? 0.5 : 0.05, 1e-15);
    }
    CHECK_ERROR(tn_sched_step(s), TN_ERR_INVALID); /* no metric */
}
TEST(a_metric_is_no_matter_to_the_others) {
    tn_scheduler *s = make(optimizer(), STEP);
    for (int k = 1; k < 4; k++) CHECK(tn_sched_step_metric(s, 3) == TN_OK);
    CHECK_NEAR(tn_sched_get_last_lr(s, 0), 0.25, 0);
}
TEST(schedules_nest) { /* a chain first, and one that takes over: each begins with its own first rates */
    static const double want[9] = {0.125, 0.125, 0.1, 0.05, 0.045, 0.0405, 0.36450, 0.32805, 0.295245};
    tn_optimizer *o = optimizer();
    tn_scheduler *a = tn_sched_constant_lr(o, 0.25, 9), *b = tn_sched_multi_step_lr(o, (int64_t[]){2}, 1, 0.8), *c = tn_sched_constant_lr(o, 0.1, 3), *d = tn_sched_exponential_lr(o, 0.9);
    tn_scheduler *first = tn_sched_chained((tn_scheduler *[]){a, b}, 2), *second = tn_sched_chained((tn_scheduler *[]){c, d}, 2), *s = in_turn(o, first, second, NULL, 3, 0);
    for (int k = 0; k < 9; k++) {
        if (k) CHECK(tn_sched_step(s) == TN_OK);
        CHECK_NEAR(tn_sched_get_last_lr(s, 0), want[k], 1e-12);
    }
}
TEST(a_schedule_keeps_its_optimizer) {
    tn_scope inner = tn_scope_open();
    tn_scheduler *s = (tn_scheduler *)tn_retain(make(optimizer(), EXPONENTIAL));
    tn_scope_close(&inner);
    CHECK(tn_sched_step(s) == TN_OK);
    CHECK_NEAR(tn_sched_get_last_lr(s, 1), 0.18, 1e-15);
    tn_release(s);
}
TEST(bad_arguments) {
    tn_optimizer *o = optimizer(), *adagrad = tn_optim_adagrad(NULL, &(tn_adagrad_opts){.params = p, .n_params = 2});
    CHECK_ERROR(tn_sched_step_lr(o, 0, 0.5), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_multi_step_lr(o, NULL, 2, 0.5), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_constant_lr(o, 0, 3), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_constant_lr(o, 1.5, 3), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_linear_lr(o, 0, 1, 3), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_linear_lr(o, 0.5, 1.5, 3), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_linear_lr(o, NAN, 1, 3), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_polynomial_lr(o, 0, 1), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_cosine_annealing_lr(o, 0, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_cosine_annealing_warm_restarts(o, 0, 1, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_cosine_annealing_warm_restarts(o, 1, 0, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_one_cycle_lr(o, 1, 0, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_one_cycle_lr(o, 1, 5, &(tn_one_cycle_opts){.pct_start = 1.5}), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_one_cycle_lr(adagrad, 1, 5, NULL), TN_ERR_INVALID); /* has no momentum */
    CHECK(tn_sched_one_cycle_lr(adagrad, 1, 5, &(tn_one_cycle_opts){.no_cycle_momentum = true}));
    CHECK_ERROR(tn_sched_reduce_lr_on_plateau(o, &(tn_plateau_opts){.factor = 1}), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_lambda_lr(o, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_multiplicative_lr(o, NULL, NULL), TN_ERR_INVALID);
    CHECK_NEAR(tn_optim_get_lr(o, 0), 0.5, 0); /* none of it was begun */
}
TEST(lists_that_do_not_go_together) {
    tn_optimizer *o = optimizer(), *other = optimizer();
    tn_scheduler *s[2] = {tn_sched_constant_lr(o, 1, 1), NULL}, *mixed[2] = {s[0], tn_sched_constant_lr(other, 1, 1)}, *plateau[2] = {s[0], tn_sched_reduce_lr_on_plateau(o, NULL)};
    const int64_t m[1] = {3};
    CHECK_ERROR(tn_sched_sequential_lr(o, s, 2, m), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_sequential_lr(o, NULL, 2, m), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_sequential_lr(o, s, 0, m), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_sequential_lr(o, mixed, 2, m), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_sequential_lr(other, s, 1, m), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_sequential_lr(o, (tn_scheduler *[]){s[0], s[0]}, 2, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_sequential_lr(o, plateau, 2, m), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_chained(plateau, 2), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_chained(s, 2), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_chained(NULL, 1), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_chained(mixed, 2), TN_ERR_INVALID);
}
TEST(null_and_bad_state) {
    tn_scheduler *s = make(optimizer(), STEP);
    for (int kind = 0; kind < SEQ_COSINE; kind++) CHECK_ERROR(make(NULL, kind), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_reduce_lr_on_plateau(NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_sequential_lr(NULL, &s, 1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_step(NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_step_metric(NULL, 1), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_get_last_lr(NULL, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_get_last_lr(s, 2), TN_ERR_INDEX);
    CHECK_ERROR(tn_sched_state_dict(NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_load_state_dict(NULL, tn_dict_new()), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_load_state_dict(s, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_sched_load_state_dict(s, tn_dict_new()), TN_ERR_FORMAT);
    tn_dict *d = tn_sched_state_dict(s);
    CHECK(tn_dict_set(d, "last_epoch", tn_full(NULL, 0, -2, NULL)) == TN_OK);
    CHECK_ERROR(tn_sched_load_state_dict(s, d), TN_ERR_FORMAT);
    for (int k = 1; k < 4; k++) CHECK(tn_sched_step(s) == TN_OK);
    CHECK_NEAR(tn_sched_get_last_lr(s, 0), 0.25, 0);
}
RUN_ALL
