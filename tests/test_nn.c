/* Attention and transformer modules, and initialisers, against PyTorch 2.15: the same seeds, its printed values. */
#include "tn_test.h"

static double at(tn_tensor *t, int64_t i) {
    const int64_t flat = -1;
    return tn_at(tn_reshape(t, &flat, 1), &i, 1);
}
/* The first three elements, and the sum of all absolute values. */
static void check(tn_tensor *t, double a, double b, double c, double total) {
    const double want[3] = {a, b, c};
    CHECK(t != NULL);
    for (int i = 0; t && i < 3; i++) CHECK_NEAR(at(t, i), want[i], 2e-5 * (1 + fabs(want[i])));
    if (t) CHECK_NEAR(tn_item(tn_sum(tn_abs(tn_detach(t)), NULL)), total, 2e-5 * (1 + total));
}
static void check_grad(tn_module *m, const char *name, double a, double b, double c, double total) { check(tn_grad(tn_module_get(m, name)), a, b, c, total); }
static tn_tensor *randn3(int64_t a, int64_t b, int64_t c) {
    const int64_t shape[3] = {a, b, c};
    return tn_randn(shape, 3, NULL);
}
static void backward(tn_tensor *y, double power) { CHECK(tn_backward(tn_sum(tn_pow(y, power), NULL)) == TN_OK); }
static void check_names(tn_module *m, const char *const *names, int n) {
    tn_dict *d = tn_state_dict(m);
    CHECK(tn_dict_len(d) == n);
    for (int i = 0; i < n && i < tn_dict_len(d); i++)
        if (strcmp(tn_dict_name(d, i), names[i]) != 0) TN_TEST_FAIL("name %d is %s, not %s", i, tn_dict_name(d, i), names[i]);
}
static tn_tensor *mask_of(const bool *v, int64_t rows, int64_t cols) {
    const int64_t shape[2] = {rows, cols};
    return tn_from(v, shape, 2, &(tn_tensor_opts){.dtype = TN_BOOL});
}
static tn_tensor *padding(void) { return mask_of((const bool[]){0, 0, 0, 0, 0, 1}, 2, 3); }

TEST(self_attention) {
    CPU_DRAWS;
    static const char *const names[] = {"in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"};
    tn_manual_seed(0);
    tn_module *m = tn_nn_multihead_attention(8, 2, NULL);
    tn_tensor *x = randn3(3, 2, 8), *mask = mask_of((const bool[]){0, 1, 1, 0, 0, 1, 0, 0, 0}, 3, 3);
    tn_mha_result r = tn_nn_multihead_attention_forward(m, x, x, x, &(tn_mha_opts){.attn_mask = mask, .key_padding_mask = padding(), .need_weights = true});
    check(r.output, 0.0994433463, 0.102476515, -0.31421265, 10.764480533);
    check(r.weights, 1, 0, 0, 6.0000001192);
    backward(r.output, 2);
    check_grad(m, "in_proj_weight", -0.0883073285, -0.0177743882, -0.0229296107, 61.280326983);
    check_grad(m, "in_proj_bias", 0.138861373, -0.0179393068, -0.0866345316, 8.128203456);
    check_grad(m, "out_proj.weight", -0.423398435, 0.0819648728, -0.620838165, 66.662209274);
    r = tn_nn_multihead_attention_forward(m, x, x, x, &(tn_mha_opts){.is_causal = true, .key_padding_mask = padding()});
    check(r.output, 0.0994433463, 0.102476515, -0.31421265, 10.764480533);
    CHECK(r.weights == NULL);
    tn_tensor *in[5] = {x, x, x, padding(), mask};
    check(tn_call(m, in, 5), 0.0994433463, 0.102476515, -0.31421265, 10.764480533);
    r = tn_nn_multihead_attention_forward(m, x, x, x, &(tn_mha_opts){.need_weights = true, .separate_head_weights = true});
    check(r.output, -0.0440737307, -0.130139574, -0.0856924951, 9.165850636);
    check(r.weights, 0.314318627, 0.316678584, 0.369002789, 12.000000142);
    tn_tensor *one = tn_select(x, 1, 0);
    r = tn_nn_multihead_attention_forward(m, one, one, one, &(tn_mha_opts){.need_weights = true});
    check(r.output, -0.0440736711, -0.13013953, -0.0856924951, 4.155933514);
    check(r.weights, 0.412642658, 0.216990471, 0.370366901, 3);
    check_names(m, names, 4);
}
TEST(cross_attention) {
    CPU_DRAWS;
    static const char *const names[] = {"q_proj_weight", "k_proj_weight", "v_proj_weight", "in_proj_bias", "bias_k", "bias_v", "out_proj.weight", "out_proj.bias"};
    tn_manual_seed(0);
    tn_module *m = tn_nn_multihead_attention(8, 2, &(tn_mha_module_opts){.kdim = 6, .vdim = 5, .batch_first = true, .add_bias_kv = true, .add_zero_attn = true});
    tn_tensor *q = randn3(2, 3, 8), *k = randn3(2, 4, 6), *v = randn3(2, 4, 5);
    const tn_mha_result r = tn_nn_multihead_attention_forward(m, q, k, v, &(tn_mha_opts){.need_weights = true});
    check(r.output, 0.218008369, 0.0801083148, 0.248651996, 7.781692632);
    check(r.weights, 0.148870006, 0.195313141, 0.1907949, 6);
    backward(r.output, 2);
    check_grad(m, "k_proj_weight", 0.501566052, 0.0539536327, -0.00342325121, 6.104171056);
    check_grad(m, "v_proj_weight", 0.166220918, 0.162011892, 0.291003883, 22.441920565);
    check_grad(m, "bias_k", -0.0777807236, -0.0671113506, 0.0904145166, 0.392764829);
    check_names(m, names, 8);
}
TEST(encoder_layer_with_dropout) {
    CPU_DRAWS;
    static const char *const names[] = {"self_attn.in_proj_weight", "self_attn.in_proj_bias", "self_attn.out_proj.weight", "self_attn.out_proj.bias", "linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias", "norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"};
    const tn_transformer_masks causal = {.src_is_causal = true};
    tn_manual_seed(0);
    tn_module *m = tn_nn_transformer_encoder_layer(8, 2, &(tn_transformer_opts){.dim_feedforward = 16});
    tn_tensor *x = randn3(3, 2, 8), *y = tn_forward(m, x);
    check(y, 1.5034399, 1.01278126, -0.158174336, 39.748915982);
    backward(y, 3);
    check_grad(m, "self_attn.in_proj_weight", -0.233271211, -0.0313409753, -0.301440805, 176.482293964);
    check_grad(m, "linear1.weight", 0.171823323, -0.396586359, 0.146434888, 235.249137121);
    tn_module_train(m, false);
    check(tn_nn_transformer_forward(m, &x, 1, &causal), 1.70732689, 0.57073319, 0.0932912081, 39.130335587);
    check_names(m, names, 12);
    tn_manual_seed(0);
    m = tn_nn_transformer_encoder_layer(8, 2, &(tn_transformer_opts){.dim_feedforward = 16, .norm_first = true, .gelu = true});
    x = randn3(3, 2, 8);
    y = tn_forward(m, x);
    check(y, 1.02847826, 0.456465214, -0.608162999, 38.194005837);
    backward(y, 3);
    check_grad(m, "self_attn.in_proj_weight", -1.31429756, 0.377045155, -0.985887587, 730.45786237);
    check_grad(m, "linear1.weight", -0.301928699, 0.656037152, -0.0280513465, 491.124560699);
    tn_module_train(m, false);
    check(tn_nn_transformer_forward(m, &x, 1, &causal), 1.6878773, 0.33089003, -0.172380716, 37.23373336);
}
TEST(encoder_of_two) {
    CPU_DRAWS;
    const int64_t width = 8;
    tn_manual_seed(0);
    tn_module *layer = tn_nn_transformer_encoder_layer(8, 2, &(tn_transformer_opts){.dim_feedforward = 16, .dropout = TN_ZERO, .batch_first = true});
    tn_module *m = tn_nn_transformer_encoder(layer, 2, tn_nn_layer_norm(&width, 1, NULL));
    tn_tensor *x = randn3(2, 3, 8);
    tn_tensor *y = tn_nn_transformer_forward(m, &x, 1, &(tn_transformer_masks){.src_key_padding_mask = padding()});
    check(y, 1.78567779, 0.786525309, -0.441639572, 40.846275514);
    backward(y, 3);
    check_grad(m, "layers.0.linear1.weight", 0.0444262512, 0.155164421, 0.113849841, 167.294749671);
    check_grad(m, "layers.1.linear1.weight", 0, 0, 0, 182.993399881);
    CHECK(tn_dict_len(tn_state_dict(m)) == 26 && strcmp(tn_dict_name(tn_state_dict(m), 12), "layers.1.self_attn.in_proj_weight") == 0 && strcmp(tn_dict_name(tn_state_dict(m), 24), "norm.weight") == 0);
    CHECK(at(tn_module_get(layer, "linear1.weight"), 5) == at(tn_module_get(m, "layers.1.linear1.weight"), 5));
    CHECK(tn_module_get(layer, "linear1.weight") != tn_module_get(m, "layers.0.linear1.weight"));
    CHECK(tn_module_to_dtype(layer, TN_F64) == TN_OK); /* a layer that is drawn already is copied at once */
    m = tn_nn_transformer_encoder(layer, 1, NULL);
    CHECK(tn_get_dtype(tn_module_get(m, "layers.0.linear1.weight")) == TN_F64 && at(tn_module_get(m, "layers.0.linear1.weight"), 5) == at(tn_module_get(layer, "linear1.weight"), 5));
}
TEST(stacks_draw_in_the_containers_order) {
    tn_manual_seed(0);
    tn_module *a = tn_nn_sequential(tn_nn_linear(8, 8, NULL), tn_nn_transformer_encoder(tn_nn_transformer_encoder_layer(8, 2, NULL), 2, NULL), tn_nn_linear(8, 8, NULL), TN_END);
    const double first = at(tn_module_get(a, "0.weight"), 0), mid = at(tn_module_get(a, "1.layers.1.linear1.weight"), 0), last = at(tn_module_get(a, "2.weight"), 0);
    tn_manual_seed(0);
    tn_module *l0 = tn_nn_linear(8, 8, NULL), *l1 = tn_nn_transformer_encoder_layer(8, 2, NULL), *l2 = tn_nn_linear(8, 8, NULL);
    CHECK(first == at(tn_module_get(l0, "weight"), 0) && mid == at(tn_module_get(l1, "linear1.weight"), 0) && last == at(tn_module_get(l2, "weight"), 0));
}
TEST(decoder_layer) {
    CPU_DRAWS;
    static const char *const names[] = {"self_attn.in_proj_weight", "self_attn.in_proj_bias", "self_attn.out_proj.weight", "self_attn.out_proj.bias", "multihead_attn.in_proj_weight", "multihead_attn.in_proj_bias", "multihead_attn.out_proj.weight", "multihead_attn.out_proj.bias", "linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias", "norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias", "norm3.weight", "norm3.bias"};
    tn_manual_seed(0);
    tn_module *m = tn_nn_transformer_decoder_layer(8, 2, &(tn_transformer_opts){.dim_feedforward = 16, .batch_first = true});
    tn_tensor *in[2];
    in[0] = randn3(2, 3, 8);
    in[1] = randn3(2, 4, 8);
    tn_tensor *y = tn_nn_transformer_forward(m, in, 2, &(tn_transformer_masks){.tgt_is_causal = true});
    check(y, -0.611722231, 0.074228242, 0.293052435, 40.470564459);
    backward(y, 3);
    check_grad(m, "multihead_attn.in_proj_weight", -0.600575864, 0.376708657, 0.370650023, 214.559989742);
    check_grad(m, "linear2.weight", -4.03572559, -2.31681848, 0, 343.789106265);
    check_names(m, names, 18);
}
TEST(whole_transformer) {
    CPU_DRAWS;
    tn_manual_seed(0);
    tn_module *m = tn_nn_transformer(8, 2, &(tn_transformer_opts){.num_encoder_layers = 2, .num_decoder_layers = 2, .dim_feedforward = 16});
    tn_tensor *in[2];
    in[0] = randn3(4, 2, 8);
    in[1] = randn3(3, 2, 8);
    tn_tensor *y = tn_nn_transformer_forward(m, in, 2, &(tn_transformer_masks){.tgt_is_causal = true});
    check(y, 0.773482502, -1.24972415, 0.401342422, 37.972407621);
    backward(y, 3);
    check_grad(m, "encoder.layers.1.linear1.weight", 0.545055985, 0.0755797774, -1.2892127, 231.258889144);
    check_grad(m, "decoder.layers.0.multihead_attn.in_proj_weight", -2.73829865, -1.67733157, 0.19758974, 484.514808112);
    check(tn_module_get(m, "decoder.layers.1.linear2.weight"), -0.382933617, -0.274493754, -0.0259764791, 32.352706254);
    tn_module_train(m, false);
    check(tn_call(m, in, 2), 0.798726261, -0.920287788, 0.663850963, 39.811474239);
    CHECK(tn_dict_len(tn_state_dict(m)) == 64 && strcmp(tn_dict_name(tn_state_dict(m), 62), "decoder.norm.weight") == 0);
}
TEST(initialisers) {
    CPU_DRAWS;
    const int64_t s57[2] = {5, 7}, s35[2] = {3, 5}, s53[2] = {5, 3}, s422[3] = {4, 2, 2}, s43[2] = {4, 3}, s4332[4] = {4, 3, 3, 2}, three = 3;
    tn_manual_seed(0);
    check(tn_init_trunc_normal_(tn_empty(s57, 2, NULL), 0, 1, -2, 2, NULL), -1.12583983, -1.1523602, -0.250578582, 25.030722644);
    check(tn_init_trunc_normal_(tn_empty(s57, 2, NULL), 0, 1, -.3, .5, NULL), -0.228241786, 0.279955, 0.0732460469, 6.331983712);
    check(tn_init_trunc_normal_(tn_empty(s57, 2, NULL), 0, 1, 2, 3, NULL), 2.45059657, 2.74790311, 2.18262434, 82.73151207);
    check(tn_init_trunc_normal_(tn_empty(&three, 1, NULL), 1, 2, 0, 2, NULL), 0.231698707, 0.669199765, 1.39967024, 2.300568715);
    tn_manual_seed(0);
    check(tn_init_orthogonal_(tn_empty(s35, 2, NULL), 2, NULL), 1.04446125, -0.198881179, -1.4767468, 10.836173266);
    check(tn_init_orthogonal_(tn_empty(s53, 2, NULL), 1, NULL), 0.0647163391, -0.402586371, -0.65604043, 5.841626436);
    check(tn_init_orthogonal_(tn_empty(s422, 3, NULL), 1, NULL), 0.251828909, 0.778047204, -0.488824844, 7.224316418);
    tn_manual_seed(0);
    tn_tensor *t = tn_init_sparse_(tn_empty(s43, 2, NULL), 0.3, 0.01, NULL);
    const double sparse[12] = {0, 0, 0, 0.005684312898665667, 0, 0, 0.004033468663692474, 0.008380263112485409, -0.007192575838416815, 0, -0.0059663536958396435, 0.0018203648505732417};
    for (int i = 0; i < 12; i++) CHECK_NEAR(at(t, i), sparse[i], 1e-8);
    t = tn_init_dirac_(tn_empty(s4332, 4, NULL), 2);
    CHECK(tn_item(tn_sum(t, NULL)) == 4 && at(t, 3) == 1 && at(t, 27) == 1 && at(t, 39) == 1 && at(t, 63) == 1);
    CHECK_ERROR(tn_init_dirac_(tn_empty(s43, 2, NULL), 1), TN_ERR_SHAPE);
    CHECK_ERROR(tn_init_trunc_normal_(tn_empty(s43, 2, NULL), 0, 0, -1, 1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_init_orthogonal_(tn_empty(&three, 1, NULL), 1, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_init_sparse_(tn_empty(s422, 3, NULL), 0.5, 1, NULL), TN_ERR_SHAPE);
}
TEST(wrong_shapes_and_options) {
    tn_module *m = tn_nn_multihead_attention(8, 2, NULL), *e = tn_nn_transformer_encoder_layer(8, 2, NULL), *d = tn_nn_transformer_decoder_layer(8, 2, NULL);
    tn_tensor *x = randn3(3, 2, 8), *y = randn3(3, 2, 6), *z = randn3(4, 1, 8);
    CHECK_ERROR(tn_nn_multihead_attention(8, 3, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_nn_transformer(8, 3, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_nn_transformer_encoder(d, 2, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_nn_transformer_encoder(NULL, 2, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_nn_multihead_attention_forward(m, y, x, x, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_nn_multihead_attention_forward(m, x, z, z, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_nn_multihead_attention_forward(m, x, tn_select(x, 0, 0), x, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_nn_multihead_attention_forward(m, x, x, x, &(tn_mha_opts){.attn_mask = mask_of((const bool[]){0, 0, 0}, 1, 3)}), TN_ERR_SHAPE);
    CHECK_ERROR(tn_nn_multihead_attention_forward(m, x, x, x, &(tn_mha_opts){.key_padding_mask = mask_of((const bool[]){0, 0, 0}, 1, 3)}), TN_ERR_SHAPE);
    CHECK_ERROR(tn_nn_multihead_attention_forward(e, x, x, x, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_nn_transformer_forward(e, &y, 1, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_nn_transformer_forward(d, &x, 1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_nn_transformer_forward(m, &x, 1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_forward(d, x), TN_ERR_INVALID);
}
TEST(upsample_interpolates) {
    TN_SCOPE;
    tn_module *up = tn_nn_upsample(&(tn_interpolate_opts){.scale = {2}, .n_scale = 1, .mode = TN_BILINEAR});
    tn_tensor *y = tn_forward(up, tn_reshape(tn_arange(0, 4, 1, &(tn_tensor_opts){.dtype = TN_F32}), (int64_t[]){1, 1, 2, 2}, 4));
    static const float row[4] = {0.5f, 0.75f, 1.25f, 1.5f}; /* PyTorch: the second line */
    for (int64_t i = 0; i < 4; i++) CHECK_NEAR(tn_at(y, (int64_t[]){0, 0, 1, i}, 4), row[i], 1e-6);
    CHECK_ERROR(tn_nn_upsample(NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_forward(tn_nn_upsample(&(tn_interpolate_opts){.size = {2}, .n_size = 1}), tn_ones((int64_t[]){2}, 1, NULL)), TN_ERR_SHAPE);
}
static double furthest(tn_tensor *a, tn_tensor *b) { return tn_item(tn_amax(tn_abs(tn_sub(a, b)), NULL)) / tn_item(tn_amax(tn_abs(a), NULL)); }
static tn_module *normed(tn_module *m, int64_t n, tn_module *bn) { /* statistics and parameters that are not the initial ones */
    for (int i = 0; i < 4; i++) {
        static const char *const names[4] = {"weight", "bias", "running_mean", "running_var"};
        tn_tensor *t = tn_module_get(bn, names[i]);
        TN_NO_GRAD;
        if (t) tn_copy_(t, tn_add(tn_rand(&n, 1, NULL), 0.5));
    }
    return m;
}
TEST(batch_norms_fold_into_what_is_before_them) {
    TN_SCOPE;
    tn_module *b1 = tn_nn_batch_norm2d(32, NULL), *b2 = tn_nn_batch_norm2d(24, &(tn_norm_opts){.no_affine = true, .eps = 0.1}), *b3 = tn_nn_batch_norm1d(10, NULL), *relu = tn_nn_relu();
    tn_module *conv = tn_nn_conv2d(3, 32, 3, &(tn_conv_opts){.padding = 1, .no_bias = true});
    tn_module *net = tn_nn_sequential(conv, b1, relu, tn_nn_sequential(tn_nn_conv2d(32, 24, 1, NULL), b2, TN_END), tn_nn_relu(), tn_nn_flatten(), tn_nn_linear(24 * 49, 10, NULL), b3, TN_END);
    normed(net, 32, b1), normed(net, 24, b2), normed(net, 10, b3);
    tn_tensor *x = tn_randn((int64_t[]){2, 3, 7, 7}, 4, NULL);
    CHECK_ERROR(tn_fuse_conv_bn_eval(conv, b1), TN_ERR_STATE); /* in training */
    tn_module_train(net, false);
    CHECK_ERROR(tn_fuse_conv_bn_eval(conv, b3), TN_ERR_INVALID);
    CHECK_ERROR(tn_fuse_conv_bn_eval(conv, b2), TN_ERR_INVALID); /* 24 features */
    CHECK_ERROR(tn_fuse_conv_bn_eval(b1, conv), TN_ERR_INVALID);
    CHECK_ERROR(tn_fuse_conv_bn_eval(NULL, b1), TN_ERR_INVALID);
    CHECK_ERROR(tn_fuse_modules(NULL), TN_ERR_INVALID);
    tn_tensor *y = tn_forward(net, x);
    CHECK(tn_fuse_modules(net) == 3);
    CHECK(furthest(y, tn_forward(net, x)) < 1e-5); /* recorded */
    {
        TN_NO_GRAD;
        CHECK(furthest(y, tn_forward(net, x)) < 1e-5);
        CHECK(furthest(y, tn_forward(net, x)) < 1e-5);
    }
    char text[600];
    tn_module_format(net, text, sizeof text);
    CHECK(!strstr(text, "BatchNorm") && strstr(text, "(2): Identity()") && tn_module_get(net, "0.bias") && tn_fuse_modules(net) == 0);
    tn_tensor *loss = tn_sum(tn_square(tn_forward(net, x)), NULL);
    CHECK(tn_backward(loss) == TN_OK && tn_grad(tn_module_get(net, "0.weight")) && tn_grad(tn_module_get(net, "0.bias")));
    tn_module *bare = tn_nn_sequential(tn_nn_conv2d(3, 4, 1, NULL), tn_nn_batch_norm2d(4, &(tn_norm_opts){.no_running_stats = true}), TN_END);
    tn_module_train(bare, false);
    CHECK(tn_fuse_modules(bare) == 0);
    CHECK_ERROR(tn_fuse_conv_bn_eval(tn_module_at(bare, 0), tn_module_at(bare, 1)), TN_ERR_STATE);
}
RUN_ALL
