/* What usual programs ask of a device: accel_usual DEVICE. Nets of the common kinds in f32, bf16 and f16, each trained for two steps
   with a whole batch and a rest of one, then layouts and products by themselves. It judges no values (accel_conform does); on the
   device record it fills the pack of the CUDA plugin, and on any other it tells which ops ran on the CPU: status 1 if one did. */
#include "../tensor.h"
#include <stdio.h>
#include <string.h>

#define SIZES(...) (int64_t[]){__VA_ARGS__}, (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))
#define DIMS(...) (int[]){__VA_ARGS__}, (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int))
static tn_dtype kind = TN_F32; /* what the nets compute in */
static tn_tensor *numbers(const int64_t *shape, int n) { return TN_CHECK(tn_to_dtype(tn_randn(shape, n, NULL), kind)); }
static tn_tensor *classes(int64_t n, int64_t count) { return TN_CHECK(tn_randint(0, count, &n, 1, &(tn_tensor_opts){.dtype = TN_I64})); }

/* -- nets: each makes a batch of n and gives the loss on it -- */
typedef tn_tensor *(*loss_fn)(tn_module *net, int64_t n);
static void accuracy(tn_tensor *y, tn_tensor *want) {
    TN_NO_GRAD;
    (void)tn_item(tn_sum(tn_eq(tn_argmax(y, &(tn_reduce_opts){.dim = 1, .has_dim = true}), want), NULL));
    (void)tn_item(tn_mean(tn_to_dtype(tn_eq(tn_argmax(y, &(tn_reduce_opts){.dim = 1, .has_dim = true}), want), TN_F32), NULL));
    (void)tn_contiguous(tn_select(tn_softmax(y, 1, TN_DTYPE_DEFAULT), 1, 1));
}
static tn_tensor *classified(tn_tensor *y) {
    tn_tensor *want = classes(tn_size(y, 0), tn_size(y, 1));
    accuracy(y, want);
    return tn_cross_entropy(y, want, NULL);
}
static tn_tensor *mlp_loss(tn_module *net, int64_t n) { return classified(tn_forward(net, numbers(SIZES(n, 784)))); }
static tn_tensor *image_loss(tn_module *net, int64_t n) { return classified(tn_forward(net, numbers(SIZES(n, 1, 28, 28)))); }
static tn_tensor *colour_loss(tn_module *net, int64_t n) { return classified(tn_forward(net, numbers(SIZES(n, 3, 32, 32)))); }
static tn_tensor *regression_loss(tn_module *net, int64_t n) {
    tn_tensor *x = numbers(SIZES(n, 8)), *y = tn_sum(tn_square(x), &(tn_reduce_opts){.dim = 1, .has_dim = true, .keepdim = true}), *p = tn_forward(net, x);
    tn_tensor *some = tn_add(tn_l1_loss(p, y, NULL), tn_add(tn_smooth_l1_loss(p, y, NULL), tn_huber_loss(p, y, NULL)));
    tn_tensor *truth = tn_to_dtype(tn_gt(y, 8.0), kind), *odds = tn_binary_cross_entropy(tn_sigmoid(p), truth, NULL);
    return tn_add(tn_mse_loss(p, y, NULL), tn_add(some, tn_add(odds, tn_binary_cross_entropy_with_logits(p, truth, NULL))));
}
static tn_tensor *encoder_loss(tn_module *net, int64_t n) {
    tn_tensor *x = numbers(SIZES(n, 1, 28, 28));
    return tn_mse_loss(tn_forward(net, x), x, NULL);
}
static tn_tensor *sequence_loss(tn_module *net, int64_t n) {
    tn_rnn_result r = tn_nn_rnn_forward(tn_module_at(net, 0), numbers(SIZES(9, n, 2)), NULL, NULL);
    return tn_add(tn_mse_loss(tn_forward(tn_module_at(net, 1), tn_select(r.h_n, 0, 0)), numbers(SIZES(n, 1)), NULL), tn_mean(tn_square(r.output), NULL));
}
/* Indices to a table's rows, places added, an encoder with a causal mask, and scores of every next one. */
static tn_tensor *text_loss(tn_module *net, int64_t n) {
    tn_tensor *x = tn_reshape(classes(n * 32, 65), SIZES(n, 32)), *y = classes(n * 32, 65);
    tn_tensor *at = tn_add(tn_forward(tn_module_at(net, 0), x), tn_forward(tn_module_at(net, 1), tn_arange(0, 32, 1, NULL)));
    tn_tensor *seen = tn_nn_transformer_forward(tn_module_at(net, 2), &at, 1, &(tn_transformer_masks){.src_is_causal = true});
    tn_tensor *scores = tn_forward(tn_module_at(net, 3), seen), *flat = tn_reshape(scores, SIZES(-1, 65));
    return tn_add(tn_cross_entropy(flat, y, NULL), tn_nll_loss(tn_log_softmax(flat, 1, TN_DTYPE_DEFAULT), y, NULL));
}
/* Attention as GPTs have it: one product for queries, keys and values, apart by permutations; then a gated net. */
static tn_tensor *heads_loss(tn_module *net, int64_t n) {
    tn_tensor *x = numbers(SIZES(n, 32, 64)), *m = tn_forward(tn_module_at(net, 1), tn_forward(tn_module_at(net, 0), x));
    m = tn_permute(tn_reshape(m, SIZES(n, 32, 3, 4, 16)), DIMS(2, 0, 3, 1, 4));
    tn_tensor *y = tn_scaled_dot_product_attention(tn_select(m, 0, 0), tn_select(m, 0, 1), tn_select(m, 0, 2), &(tn_sdpa_opts){.is_causal = true});
    x = tn_add(x, tn_forward(tn_module_at(net, 2), tn_reshape(tn_transpose(y, 1, 2), SIZES(n, 32, 64))));
    x = tn_add(x, tn_mul(tn_silu(tn_forward(tn_module_at(net, 3), x)), tn_forward(tn_module_at(net, 3), x)));
    return tn_mean(tn_square(tn_forward(tn_module_at(net, 4), x)), NULL);
}
/* Each layer by itself over a graph of n nodes, then pools and a head. */
static tn_tensor *graph_loss(tn_module *net, int64_t n) {
    tn_tensor *x = numbers(SIZES(n, 16)), *edges = tn_reshape(classes(8 * n, n), SIZES(2, 4 * n)), *weight = tn_sigmoid(numbers(SIZES(4 * n))), *batch = classes(n, 3), *sum = NULL;
    for (int i = 0; i < 6; i++) {
        tn_tensor *y = TN_CHECK(tn_call(tn_module_at(net, i), (tn_tensor *[]){x, edges, weight}, i == 1 ? 3 : 2));
        tn_tensor *pool[3] = {tn_gnn_global_add_pool(y, batch, 3), tn_gnn_global_mean_pool(y, batch, 3), tn_gnn_global_max_pool(y, batch, 3)}, *z = tn_cat(pool, 3, 1);
        sum = sum ? tn_add(sum, z) : z;
    }
    return classified(tn_forward(tn_module_at(net, 6), sum));
}
static tn_module *small_net(void) { /* 15 tensors: an optimizer takes eight at once, and what is left in every way */
    tn_module *net = tn_nn_sequential(tn_nn_linear(8, 32, NULL), tn_nn_tanh(), tn_nn_dropout(0.1), tn_nn_linear(32, 1, NULL), TN_END);
    for (int i = 0; i < 11; i++) (void)TN_CHECK(tn_module_param(net, (char[]){'p', (char)('a' + i), 0}, numbers(SIZES(7))));
    return net;
}
static tn_module *conv(int64_t from, int64_t to) { return tn_nn_conv2d(from, to, 3, &(tn_conv_opts){.padding = 1}); }
static tn_module *image_net(void) {
    return tn_nn_sequential(conv(1, 32), tn_nn_relu(), tn_nn_max_pool2d(2, NULL), conv(32, 64), tn_nn_relu(), tn_nn_max_pool2d(2, NULL), tn_nn_flatten(),
                            tn_nn_linear(64 * 7 * 7, 128, NULL), tn_nn_relu(), tn_nn_linear(128, 10, NULL), TN_END);
}
static tn_module *colour_net(void) {
    return tn_nn_sequential(conv(3, 16), tn_nn_batch_norm2d(16, NULL), tn_nn_silu(), tn_nn_dropout2d(0.1), tn_nn_conv2d(16, 32, 3, &(tn_conv_opts){.padding = 1, .stride = 2}),
                            tn_nn_group_norm(4, 32, NULL), tn_nn_leaky_relu(0.1), tn_nn_avg_pool2d(2, NULL), tn_nn_conv2d(32, 32, 3, &(tn_conv_opts){.padding = 1, .groups = 32}),
                            tn_nn_conv2d(32, 64, 1, NULL), tn_nn_gelu(TN_GELU_NONE), tn_nn_adaptive_avg_pool2d((int64_t[]){1, 1}, 2), tn_nn_flatten(), tn_nn_linear(64, 10, NULL), TN_END);
}
static tn_module *encoder_net(void) {
    return tn_nn_sequential(tn_nn_conv2d(1, 8, 3, &(tn_conv_opts){.padding = 1, .stride = 2}), tn_nn_elu(1), tn_nn_conv_transpose2d(8, 1, 2, &(tn_conv_opts){.stride = 2}), tn_nn_sigmoid(), TN_END);
}
static tn_module *text_net(void) {
    tn_module *layer = tn_nn_transformer_encoder_layer(64, 4, &(tn_transformer_opts){.dim_feedforward = 128, .batch_first = true, .norm_first = kind == TN_F32, .gelu = true});
    return tn_nn_module_list((tn_module *[]){tn_nn_embedding(65, 64, NULL), tn_nn_embedding(32, 64, NULL), tn_nn_transformer_encoder(layer, 1, NULL), tn_nn_linear(64, 65, NULL)}, 4);
}
static tn_module *heads_net(void) {
    const int64_t width = 64;
    return tn_nn_module_list((tn_module *[]){tn_nn_layer_norm(&width, 1, NULL), tn_nn_linear(64, 192, NULL), tn_nn_linear(64, 64, &(tn_linear_opts){.no_bias = true}),
                             tn_nn_sequential(tn_nn_linear(64, 256, NULL), tn_nn_gelu(TN_GELU_TANH), tn_nn_linear(256, 64, NULL), TN_END), tn_nn_rms_norm(&width, 1, NULL)}, 5);
}
static tn_module *graph_net(int64_t width) {
    const int64_t part = width / 4;
    return tn_nn_module_list((tn_module *[]){tn_gnn_gcn_conv(16, width, NULL), tn_gnn_graph_conv(16, width, NULL), tn_gnn_sage_conv(16, width, &(tn_sage_opts){.aggr = TN_REDUCE_AMAX, .has_aggr = true}),
                             tn_gnn_sage_conv(16, width, NULL), tn_gnn_gat_conv(16, part, &(tn_gat_opts){.heads = 4}), tn_gnn_transformer_conv(16, part, &(tn_transformer_conv_opts){.heads = 4}), tn_nn_linear(3 * width, 7, NULL)}, 7);
}
static tn_module *sequence_net(int which) {
    const tn_rnn_opts o = {.num_layers = which == 3 ? 2 : 1, .bidirectional = which == 3};
    tn_module *rnn = which == 0 ? tn_nn_rnn(2, 32, false, NULL) : which == 1 ? tn_nn_gru(2, 32, NULL) : tn_nn_lstm(2, 32, &o);
    return tn_nn_module_list((tn_module *[]){rnn, tn_nn_linear(32, 1, NULL)}, 2);
}
static tn_optimizer *optimizer(tn_module *net, int which) {
    switch (which % 7) {
    case 0: return tn_optim_adamw(net, NULL);
    case 1: return tn_optim_sgd(net, NULL);
    case 2: return tn_optim_sgd(net, &(tn_sgd_opts){.momentum = 0.9, .weight_decay = 1e-4});
    case 3: return tn_optim_sgd(net, &(tn_sgd_opts){.momentum = 0.9, .nesterov = true});
    case 4: return tn_optim_adam(net, NULL);
    case 5: return tn_optim_rmsprop(net, NULL);
    default: return tn_optim_adagrad(net, NULL);
    }
}
static void train(tn_module *net, loss_fn loss, int64_t whole, int which) {
    TN_SCOPE;
    TN_CHECK(net);
    TN_CHECK(tn_module_to_dtype(net, kind));
    tn_optimizer *opt = TN_CHECK(optimizer(net, which));
    tn_tensors p = tn_parameters(net);
    for (int step = 0; step < 3; step++) {
        TN_SCOPE;
        tn_tensor *l = TN_CHECK(loss(net, step == 1 ? whole / 3 + 1 : whole));
        TN_CHECK(tn_backward(l));
        if (step) (void)tn_clip_grad_norm_(p.at, p.n, 1, 2);
        TN_CHECK(tn_optim_step(opt));
        tn_optim_zero_grad(opt);
        (void)tn_item(l);
    }
    TN_NO_GRAD;
    tn_module_train(net, false);
    (void)tn_item(TN_CHECK(loss(net, 1)));
}
static void nets(void) {
    for (int i = 0; i < 7; i++)
        if (kind == TN_F32 || i == 0) train(small_net(), regression_loss, 16, i);
    train(tn_nn_sequential(tn_nn_linear(784, 512, NULL), tn_nn_relu(), tn_nn_linear(512, 512, NULL), tn_nn_relu(), tn_nn_linear(512, 10, NULL), TN_END), mlp_loss, 128, 0);
    train(tn_nn_sequential(tn_nn_linear(784, 64, NULL), tn_nn_batch_norm1d(64, NULL), tn_nn_mish(), tn_nn_linear(64, 10, NULL), TN_END), mlp_loss, 100, 4);
    train(image_net(), image_loss, kind == TN_F32 ? 128 : 32, 0);
    train(colour_net(), colour_loss, 16, kind == TN_F32 ? 2 : 0);
    train(encoder_net(), encoder_loss, 8, 4);
    for (int i = 0; i < 3; i++) train(sequence_net(i), sequence_loss, 64, 0);
    if (kind == TN_F32) train(sequence_net(3), sequence_loss, 20, 0);
    train(text_net(), text_loss, 16, 0);
    train(heads_net(), heads_loss, 8, 0);
    for (int64_t width = 16; width <= 64; width *= 4) train(graph_net(width), graph_loss, 300, 0);
}

/* -- layouts: rows, columns and numbers with matrices, up to four dims; transposed, cut, joined and converted -- */
static void mixed(tn_tensor *x, tn_tensor *y) {
    TN_SCOPE;
    (void)TN_CHECK(tn_requires_grad_(x, true)), (void)TN_CHECK(tn_requires_grad_(y, true));
    tn_tensor *z[] = {tn_add(x, y), tn_sub(x, y), tn_mul(x, y), tn_div(x, y), tn_add(y, x), tn_mul(y, x), tn_sub(y, x), tn_div(y, x), tn_maximum(x, y), tn_where(tn_gt(x, y), x, y)};
    for (size_t i = 0; i < sizeof z / sizeof *z; i++) TN_CHECK(tn_backward(tn_sum(TN_CHECK(z[i]), NULL)));
    TN_NO_GRAD;
    tn_tensor *w[] = {tn_lt(x, y), tn_eq(x, y), tn_ge(x, y), tn_minimum(x, y), tn_pow(x, 2), tn_pow(x, 0.5), tn_exp(tn_sub(x, tn_amax(x, &(tn_reduce_opts){.dim = -1, .has_dim = true, .keepdim = true})))};
    for (size_t i = 0; i < sizeof w / sizeof *w; i++) (void)TN_CHECK(w[i]);
    tn_tensor *to = tn_clone(x);
    (void)TN_CHECK(tn_add_(to, y)), (void)TN_CHECK(tn_mul_(to, y)), (void)TN_CHECK(tn_sub_(to, y)), (void)TN_CHECK(tn_div_(to, y)), (void)TN_CHECK(tn_copy_(to, y));
}
static void moved(tn_tensor *x) { /* [4, 6, 10, 34] */
    static const tn_dtype to[] = {TN_F32, TN_F16, TN_BF16, TN_F64, TN_I64, TN_I32, TN_U8, TN_BOOL};
    TN_SCOPE;
    TN_NO_GRAD;
    tn_tensor *flat = tn_view(x, SIZES(-1)), *cut = tn_slice(flat, 0, 1, -2, 1), *rows = tn_view(x, SIZES(-1, 34));
    tn_tensor *y[] = {tn_contiguous(tn_permute(x, DIMS(0, 2, 1, 3))), tn_contiguous(tn_permute(x, DIMS(0, 2, 3, 1))), tn_contiguous(tn_permute(x, DIMS(0, 3, 1, 2))), tn_contiguous(tn_permute(x, DIMS(1, 0, 2, 3))),
                      tn_contiguous(tn_permute(x, DIMS(3, 2, 1, 0))), tn_contiguous(tn_t(rows)), tn_contiguous(tn_transpose(tn_view(x, SIZES(24, 10, 34)), 1, 2)), tn_contiguous(tn_slice(rows, 1, 3, 20, 1)),
                      tn_contiguous(tn_slice(rows, 1, 0, 34, 2)), tn_contiguous(tn_expand(tn_select(rows, 0, 1), SIZES(7, 34))), tn_clone(cut), tn_add(cut, 1), tn_mul(cut, cut), tn_add(cut, cut), tn_contiguous(tn_slice(x, 2, 1, 9, 1)),
                      tn_cat((tn_tensor *[]){rows, rows}, 2, 0), tn_cat((tn_tensor *[]){rows, rows, rows}, 3, 1), tn_stack((tn_tensor *[]){rows, rows}, 2, 0), tn_flip(rows, DIMS(1)), tn_repeat(rows, SIZES(2, 2))};
    for (size_t i = 0; i < sizeof y / sizeof *y; i++) (void)TN_CHECK(y[i]);
    for (size_t i = 0; i < sizeof to / sizeof *to; i++) {
        tn_tensor *z = TN_CHECK(tn_to_dtype(x, to[i]));
        (void)TN_CHECK(tn_to_dtype(z, kind)), (void)TN_CHECK(tn_to_dtype(tn_t(rows), to[i])), (void)TN_CHECK(tn_fill_(z, 1)), (void)TN_CHECK(tn_contiguous(tn_permute(z, DIMS(0, 2, 1, 3))));
        (void)TN_CHECK(tn_eq(z, z)), (void)TN_CHECK(tn_sum(z, NULL)), (void)TN_CHECK(tn_ones(SIZES(7), &(tn_tensor_opts){.dtype = to[i]})), (void)TN_CHECK(tn_arange(0, 9, 1, &(tn_tensor_opts){.dtype = to[i] == TN_BOOL ? TN_F32 : to[i]}));
    }
}
static void layouts(void) {
    mixed(numbers(SIZES(33, 17)), numbers(SIZES(17)));
    mixed(numbers(SIZES(33, 17)), numbers(SIZES(33, 1)));
    mixed(numbers(SIZES(32, 16)), numbers(SIZES(32, 16)));
    mixed(numbers(SIZES(3, 5)), numbers(SIZES(3, 5)));
    mixed(numbers(SIZES(33, 17)), tn_t(numbers(SIZES(17, 33))));
    mixed(numbers(SIZES(4, 9, 6)), numbers(SIZES(9, 1)));
    mixed(numbers(SIZES(4, 9, 6)), numbers(SIZES(4, 1, 6)));
    mixed(numbers(SIZES(4, 9, 6)), numbers(SIZES(9, 6)));
    mixed(numbers(SIZES(4, 9, 6, 5)), numbers(SIZES(1, 9, 1, 1)));
    mixed(numbers(SIZES(4, 9, 6, 5)), numbers(SIZES(4, 1, 6, 1)));
    mixed(numbers(SIZES(4, 9, 6, 5)), tn_permute(numbers(SIZES(4, 6, 9, 5)), DIMS(0, 2, 1, 3)));
    mixed(numbers(SIZES(4, 9)), numbers(NULL, 0));
    moved(numbers(SIZES(4, 6, 10, 34)));
}

/* -- rows: how many work items share one, and how many elements each takes at once, goes by their width and number -- */
static void along(int64_t n, int64_t width) {
    TN_SCOPE;
    const tn_reduce_opts last = {.dim = 1, .has_dim = true}, first = {.dim = 0, .has_dim = true, .keepdim = true};
    tn_tensor *x = TN_CHECK(tn_requires_grad_(numbers(SIZES(n, width)), true)), *w = TN_CHECK(tn_requires_grad_(numbers(SIZES(width)), true)), *b = TN_CHECK(tn_requires_grad_(numbers(SIZES(width)), true));
    tn_tensor *g = numbers(SIZES(n, width)); /* with a gradient of its own; a sum's is one number */
    tn_tensor *y[] = {tn_softmax(x, 1, TN_DTYPE_DEFAULT), tn_log_softmax(x, 1, TN_DTYPE_DEFAULT), tn_layer_norm(x, &width, 1, w, b, 1e-5), tn_rms_norm(x, &width, 1, w, 1e-5), n == 1 ? x : tn_batch_norm(x, &(tn_batch_norm_opts){.training = true, .weight = w, .bias = b})};
    for (size_t i = 0; i < sizeof y / sizeof *y; i++)
        TN_CHECK(tn_backward(tn_sum(tn_mul(TN_CHECK(y[i]), g), NULL)));
    TN_CHECK(tn_backward(tn_cross_entropy(x, classes(n, width), NULL)));
    TN_CHECK(tn_backward(tn_sum(tn_square(tn_mean(x, &last)), NULL)));
    TN_NO_GRAD;
    tn_tensor *z[] = {tn_sum(x, NULL), tn_mean(x, NULL), tn_max(x), tn_min(x), tn_sum(x, &last), tn_sum(x, &first), tn_mean(x, &last), tn_mean(x, &first), tn_amax(x, &last), tn_amax(x, &first), tn_argmax(x, &last), tn_argmax(x, &first),
                      tn_max_dim(x, 1, false).values, tn_var(x, NULL), tn_var(x, &(tn_var_opts){.dim = 1, .has_dim = true}), tn_var(x, &(tn_var_opts){.dim = 0, .has_dim = true}), tn_linalg_vector_norm(x, 2, NULL),
                      tn_linalg_vector_norm(x, 2, &last), tn_logsumexp(x, &last), tn_softmax(x, 0, TN_DTYPE_DEFAULT), tn_cumsum(x, 1, TN_DTYPE_DEFAULT), tn_sort(x, 1, true, false).values, tn_topk(x, width < 5 ? 1 : 5, NULL).values,
                      tn_sum(tn_gt(x, 0.0), NULL), tn_any(tn_gt(x, 9.0), NULL), tn_all(tn_gt(x, 9.0), NULL), tn_count_nonzero(x, NULL), tn_normalize(x, 2, 1, 1e-12), tn_index_select(x, 0, classes(9, n)), tn_embedding(classes(9, n), x, NULL)};
    for (size_t i = 0; i < sizeof z / sizeof *z; i++) (void)TN_CHECK(z[i]);
}
static void rows(void) {
    static const int64_t n[] = {1, 33, 3000, 9000}, width[] = {1, 3, 10, 64, 100, 128, 257, 768, 1000, 1024, 4096, 10000};
    for (size_t i = 0; i < sizeof n / sizeof *n; i++)
        for (size_t j = 0; j < sizeof width / sizeof *width; j++)
            if (n[i] * width[j] < 800000 && (kind == TN_F32 || width[j] % 4 == 0)) along(n[i], width[j]);
}

/* -- products: every tile, by rows and transposed, with a bias and without, and gradients of all -- */
static void product(int64_t m, int64_t k, int64_t n) {
    for (int way = 0; way < 4; way++) {
        TN_SCOPE;
        tn_tensor *a = way & 1 ? tn_t(numbers(SIZES(k, m))) : numbers(SIZES(m, k)), *b = way & 2 ? tn_t(numbers(SIZES(n, k))) : numbers(SIZES(k, n));
        (void)TN_CHECK(tn_mm(a, b));
        (void)TN_CHECK(tn_addmm(numbers(SIZES(n)), a, b, 1, 1));
        if (m * k * n < 1000000) (void)TN_CHECK(tn_bmm(tn_expand(a, SIZES(3, m, k)), tn_expand(b, SIZES(3, k, n))));
    }
    tn_tensor *x = tn_requires_grad_(numbers(SIZES(m, k)), true), *w = tn_requires_grad_(numbers(SIZES(n, k)), true), *bias = tn_requires_grad_(numbers(SIZES(n)), true);
    TN_CHECK(tn_backward(tn_sum(TN_CHECK(tn_linear(x, w, bias)), NULL)));
    TN_CHECK(tn_backward(tn_sum(TN_CHECK(tn_linear(x, w, NULL)), NULL)));
}
static void products(void) {
    static const int64_t m[] = {1, 2, 4, 8, 12, 33, 130};
    for (size_t i = 0; i < sizeof m / sizeof *m; i++)
        for (size_t j = 0; j < sizeof m / sizeof *m; j++) {
            TN_SCOPE;
            product(m[i], 17, m[j]);
            product(m[i], 65, m[j]);
            product(m[i], 1040, m[j]);
            product(m[i], 2100, m[j]);
        }
}
int main(int argc, char **argv) {
    static const tn_dtype kinds[] = {TN_F32, TN_BF16, TN_F16};
    tn_device device;
    if (argc != 2) return fprintf(stderr, "usage: accel_usual DEVICE\n"), 2;
    TN_CHECK(tn_device_named(argv[1], &device));
    TN_CHECK(tn_set_default_device(device));
    (void)tn_set_fallback(TN_FALLBACK_ALLOW);
    tn_manual_seed(0);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        TN_SCOPE;
        kind = kinds[i];
        nets();
        layouts();
        rows();
        if (kind == TN_F32) products();
    }
    TN_CHECK(tn_synchronize(device));
    for (int i = 0; i < tn_op_count(); i++)
        if (tn_fallback_count(i)) printf("%s: on the CPU %lld times\n", tn_op_name(i), (long long)tn_fallback_count(i));
    return tn_fallback_count(-1) > 0;
}
