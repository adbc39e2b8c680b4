/* Every op here against central differences, first and second order, in f64. */
#include "tn_test.h"

static tn_tensor *values(const int64_t *shape, int n, double shift) {
    double v[128];
    int64_t count = 1;
    for (int d = 0; d < n; d++) count *= shape[d];
    for (int64_t i = 0; i < count && i < 128; i++) v[i] = shift + sin(1.7 * (double)i + shift) + 0.013 * (double)i;
    CHECK(count <= 128);
    return tn_from(v, shape, n, &(tn_tensor_opts){.dtype = TN_F64, .requires_grad = true});
}
static const int64_t s3[3] = {2, 3, 4}, s2[2] = {3, 4}, s44[4] = {2, 2, 5, 5}, w44[4] = {4, 1, 3, 3}, wt[4] = {2, 2, 3, 3}, four = 4;
static tn_tensor *places(const int64_t *v, int64_t n) { return tn_from(v, &n, 1, &(tn_tensor_opts){.dtype = TN_I64}); }
#define OP(name, ex)                                                                                                   \
    static tn_tensor *name(void *user, tn_tensor *const *in, int n) {                                                  \
        tn_tensor *x = in[0], *y = n > 1 ? in[1] : NULL;                                                               \
        (void)user, (void)y;                                                                                           \
        return ex;                                                                                                     \
    }
static const int64_t at3[3] = {2, 0, 2}, at4[4] = {1, 0, 2, 1}, seg[2] = {1, 2};
static tn_tensor *cat2(tn_tensor *a, tn_tensor *b, int dim, bool stack) {
    tn_tensor *list[2] = {a, b};
    return stack ? tn_stack(list, 2, dim) : tn_cat(list, 2, dim);
}
OP(reshape_, tn_mul(tn_transpose(tn_reshape(x, (int64_t[]){6, 4}, 2), 0, 1), 2.0))
OP(slice_, tn_add(tn_slice(x, 1, 0, 3, 2), tn_unsqueeze(tn_select(x, 1, 1), 1)))
OP(unfold_, tn_unfold_dim(x, 2, 2, 1))
OP(diagonal_, tn_diagonal(x, 1, 1, 2))
OP(cat_, cat2(x, tn_mul(x, x), 1, false))
OP(stack_, cat2(x, tn_exp(x), -1, true))
OP(repeat_, tn_repeat(x, (int64_t[]){2, 1, 2, 1}, 4))
OP(flip_, tn_mul(tn_flip(x, (int[]){0, 2}, 2), tn_roll(x, (int64_t[]){1}, (int[]){1}, 1)))
OP(pad_, tn_pad(tn_pad(x, (int64_t[]){1, 2}, 2, &(tn_pad_opts){.mode = TN_PAD_REFLECT}), (int64_t[]){0, -1, 1, 0}, 4, NULL))
OP(tril_, tn_add(tn_tril(x, 0), tn_mul(tn_triu(x, 1), x)))
OP(expand_, tn_mul(tn_expand(tn_unsqueeze(x, 0), (int64_t[]){2, 3, 4}, 3), 3.0))
OP(sum_, tn_sum(tn_square(x), &(tn_reduce_opts){.dims = {0, 2}, .n_dims = 2}))
OP(mean_, tn_mean(tn_exp(x), &(tn_reduce_opts){.dim = 1, .has_dim = true, .keepdim = true}))
OP(prod_, tn_prod(x, &(tn_reduce_opts){.dim = 2, .has_dim = true}))
OP(amax_, tn_add(tn_amax(x, NULL), tn_amin(x, &(tn_reduce_opts){.dim = 0, .has_dim = true})))
OP(max_dim_, tn_max_dim(x, 1, false).values)
OP(var_, tn_add(tn_var(x, &(tn_var_opts){.dim = 1, .has_dim = true}), tn_std(x, NULL)))
OP(norm_, tn_add(tn_linalg_vector_norm(x, 2, NULL), tn_linalg_vector_norm(x, 3, &(tn_reduce_opts){.dim = 1, .has_dim = true})))
OP(logsumexp_, tn_logsumexp(x, &(tn_reduce_opts){.dim = 1, .has_dim = true}))
OP(cumsum_, tn_cumsum(tn_square(x), 1, TN_DTYPE_DEFAULT))
OP(softmax_, tn_softmax(x, 1, TN_DTYPE_DEFAULT))
OP(log_softmax_, tn_log_softmax(x, -1, TN_DTYPE_DEFAULT))
OP(matmul_, tn_matmul(x, tn_t(y)))
OP(bmm_, tn_bmm(x, tn_transpose(x, 1, 2)))
OP(linear_, tn_linear(x, y, tn_select(y, 1, 0)))
OP(einsum_, tn_einsum("bij,kj->bki", (tn_tensor *[]){x, y}, 2))
OP(conv_, tn_conv2d(x, y, NULL, &(tn_conv_opts){.padding = 1, .stride = 2, .groups = 2}))
OP(conv_t_, tn_conv_transpose2d(x, y, NULL, &(tn_conv_opts){.stride = 2, .output_padding = 1, .dilation = 2}))
OP(max_pool_, tn_max_pool2d(x, 2, &(tn_pool_opts){.stride = 1, .padding = 1}))
OP(avg_pool_, tn_add(tn_avg_pool2d(x, 3, &(tn_pool_opts){.stride = 1, .padding = 1, .exclude_pad = true}), tn_sum(tn_adaptive_avg_pool2d(x, (int64_t[]){3, 2}, 2), NULL)))
OP(resize_, tn_add(tn_sum(tn_interpolate(x, &(tn_interpolate_opts){.size = {7, 3}, .n_size = 2, .mode = TN_AREA}), NULL), tn_interpolate(x, &(tn_interpolate_opts){.size = {7, 3}, .n_size = 2, .mode = TN_NEAREST_EXACT})))
OP(bicubic_, tn_interpolate(tn_square(x), &(tn_interpolate_opts){.scale = {1.6}, .n_scale = 1, .mode = TN_BICUBIC}))
OP(bilinear_, tn_interpolate(tn_square(x), &(tn_interpolate_opts){.size = {3, 8}, .n_size = 2, .mode = TN_BILINEAR, .align_corners = true}))
static const tn_unfold_opts windows = {.kernel = {3, 2}, .stride = {2, 1}, .padding = {1, 0}};
OP(im2col_, tn_fold(tn_square(tn_unfold(x, &windows)), 5, 5, &windows))
OP(rms_norm_, tn_rms_norm(x, &four, 1, tn_select(y, 0, 0), 1e-5))
OP(group_norm_, tn_group_norm(x, 1, tn_select(tn_select(y, 0, 0), 1, 0), tn_select(tn_select(y, 0, 0), 1, 1), 0))
OP(batch_norm_, tn_batch_norm(x, &(tn_batch_norm_opts){.training = true, .weight = tn_select(y, 1, 0), .bias = tn_select(y, 1, 1)}))
OP(normalize_, tn_normalize(x, 2, 1, 0))
OP(index_select_, tn_index_select(x, 0, places(at3, 3)))
static const int64_t crow4[4] = {0, 2, 2, 4}, col4[4] = {1, 0, 2, 1}; /* the middle row is empty */
OP(sparse_, tn_sparse_mm(places(crow4, 4), places(col4, 4), tn_select(y, 0, 1), tn_square(x)))
OP(index_add_, tn_index_add(x, 0, places(at3, 3), tn_mul(y, y), 2))
OP(index_, tn_index(x, (tn_tensor *[]){NULL, places(at3, 3)}, 2))
OP(index_put_, tn_index_put(x, (tn_tensor *[]){places(seg, 2)}, 1, tn_narrow(y, 0, 0, 2), false))
OP(gather_, tn_gather(x, 0, tn_reshape(places(at4, 4), (int64_t[]){1, 4}, 2)))
OP(scatter_, tn_scatter_add(tn_square(x), 0, tn_reshape(places(at4, 4), (int64_t[]){1, 4}, 2), y))
OP(scatter_mean_, tn_scatter_reduce(x, 0, tn_reshape(places(at4, 4), (int64_t[]){1, 4}, 2), tn_narrow(y, 0, 0, 1), TN_REDUCE_MEAN, false))
OP(masked_, tn_masked_select(x, tn_gt(x, 0.1)))
OP(embedding_, tn_embedding(places(at3, 3), x, NULL))
OP(segment_, tn_segment_reduce(x, TN_REDUCE_MEAN, &(tn_segment_reduce_opts){.lengths = places(seg, 2)}))
OP(sort_, tn_sort(x, 1, true, true).values)
OP(attention_, tn_scaled_dot_product_attention(x, tn_mul(x, 0.7), y, &(tn_sdpa_opts){.is_causal = true}))
OP(cross_entropy_, tn_cross_entropy(x, places(at3, 3), &(tn_cross_entropy_opts){.weight = tn_arange(1, 5, 1, &(tn_tensor_opts){.dtype = TN_F64}), .has_ignore_index = true, .ignore_index = 1}))
OP(smoothed_, tn_cross_entropy(x, places(at3, 3), &(tn_cross_entropy_opts){.label_smoothing = 0.1}))
OP(mse_, tn_mse_loss(x, y, NULL))
OP(huber_, tn_huber_loss(x, tn_mul(y, 2.0), &(tn_loss_opts){.reduction = TN_SUM, .delta = 0.7}))
OP(bce_logits_, tn_binary_cross_entropy_with_logits(x, tn_sigmoid(y), NULL))
OP(kl_, tn_kl_div(x, tn_sigmoid(y), &(tn_loss_opts){.reduction = TN_BATCHMEAN}))
OP(where_, tn_where(tn_gt(x, y), tn_mul(x, y), tn_square(y)))
OP(clamp_, tn_clamp(tn_mul(x, x), 0.2, 0.9))
OP(glu_, tn_glu(x, 1))
OP(prelu_, tn_prelu(x, tn_select(tn_select(y, 0, 0), 0, 0)))
/* a graph of three nodes: no edge goes to the last */
static tn_tensor *graph3(void) { return tn_from((const int64_t[]){0, 1, 2, 0, 2, 1, 1, 0, 0, 1}, (const int64_t[]){2, 5}, 2, &(tn_tensor_opts){.dtype = TN_I64}); }
static tn_tensor *firsts(tn_tensor *t, int64_t n, int64_t heads) { return tn_reshape(tn_narrow(tn_reshape(t, (int64_t[]){-1}, 1), 0, 0, n * heads), (int64_t[]){n, heads}, heads > 1 ? 2 : 1); }
static tn_tensor *heads2(tn_tensor *t) { return tn_reshape(t, (int64_t[]){3, 2, 2}, 3); }
#define EDGES3 (&(tn_gnn_edges){.edge_index = graph3(), .x = x})
OP(propagate_, tn_gnn_spmm(graph3(), firsts(y, 5, 1), tn_square(x), 4, TN_REDUCE_SUM))
OP(propagate_mean_, tn_gnn_spmm(graph3(), firsts(y, 5, 2), heads2(x), -1, TN_REDUCE_MEAN))
static tn_tensor *gcn_sum(tn_tensor *x) {
    const tn_gnn_edge_list e = tn_gnn_gcn_norm(graph3(), NULL, 3, &(tn_gcn_norm_opts){.dtype = TN_F64});
    return tn_gnn_spmm(e.edge_index, e.edge_attr, x, -1, TN_REDUCE_SUM);
}
OP(propagate_nodes_, gcn_sum(tn_square(x)))
OP(propagate_lift_, tn_mul(tn_gnn_x_j(EDGES3, x), tn_gnn_x_i(EDGES3, x)))
OP(propagate_max_, tn_add(tn_square(tn_gnn_spmm(graph3(), NULL, x, -1, TN_REDUCE_AMAX)), tn_gnn_spmm(graph3(), NULL, x, -1, TN_REDUCE_AMIN)))
OP(propagate_equal_, tn_gnn_global_max_pool(tn_mul(x, y), places(at3, 3), 4))
OP(edge_dot_, tn_gnn_edge_dot(EDGES3, heads2(x), heads2(y)))
OP(edge_softmax_, tn_gnn_edge_softmax(EDGES3, firsts(y, 5, 2)))
OP(edge_softmax_backward_, tn_square(tn_gnn_softmax(x, places(seg, 2), -1)))
static tn_fused_step st(const char *name, int a, int b, int c, double p, double q) { return (tn_fused_step){tn_op_row(name), a, b, c, {p, q}}; }
static tn_tensor *fused(const tn_fused_step *s, int n, tn_tensor *x, tn_tensor *y) {
    tn_tensor *in[4] = {x, y, tn_arg_f(0.7), tn_exp(x)}; /* the last depends on the first */
    return tn_fused_pointwise(s, n, in, 4);
}
#define STEPS(...) fused((tn_fused_step[]){__VA_ARGS__}, (int)(sizeof((tn_fused_step[]){__VA_ARGS__}) / sizeof(tn_fused_step)), x, y)
OP(fused_, STEPS(st("mul", 0, 1, 0, 0, 0), st("tanh", 4, 0, 0, 0, 0), st("gt", 0, 1, 0, 0, 0), st("lerp", 0, 1, 2, 0, 0), st("where", 6, 5, 7, 0, 0), st("addcmul", 8, 0, 3, 0.5, 0)))
OP(fused_slopes_, STEPS(st("gelu", 0, 0, 0, 0, 0), st("silu", 1, 0, 0, 0, 0), st("softplus", 3, 0, 0, 1.5, 20), st("elu", 4, 0, 0, 1.3, 1), st("add_alpha", 5, 7, 0, -2, 0), st("mul", 8, 6, 0, 0, 0),
                        st("sigmoid", 9, 0, 0, 0, 0), st("mul", 10, 10, 0, 0, 0)))
OP(fused_one_, STEPS(st("square", 1, 0, 0, 0, 0), st("mul", 4, 1, 0, 0, 0), st("exp", 0, 0, 0, 0, 0), st("sin", 5, 0, 0, 0, 0))) /* the result has fewer dims, a step is for nothing */

typedef struct { const char *name; tn_checkpoint_fn fn; const int64_t *shape; int n; const int64_t *second; int n2; double shift; } check;
static void run(const check *c) {
    TN_SCOPE;
    tn_tensor *in[2] = {values(c->shape, c->n, c->shift), c->second ? values(c->second, c->n2, 0.4) : NULL};
    tn_error_clear();
    const tn_status s = tn_gradcheck(c->fn, NULL, in, c->second ? 2 : 1, &(tn_gradcheck_opts){.eps = 1e-6, .atol = 1e-6, .rtol = 1e-5, .second_order = true});
    if (s != TN_OK) TN_TEST_FAIL("%s: %s", c->name, tn_error());
}
#define C1(f, s, n) {#f, f, s, n, NULL, 0, 0.3}
#define C2(f, s, n, t, m) {#f, f, s, n, t, m, 0.3}
TEST(shape_ops) {
    const check list[] = {C1(reshape_, s3, 3), C1(slice_, s3, 3), C1(unfold_, s3, 3), C1(diagonal_, s3, 3), C1(cat_, s3, 3), C1(stack_, s2, 2), C1(repeat_, s3, 3), C1(flip_, s3, 3),
                          C1(pad_, s3, 3), C1(tril_, s2, 2), C1(expand_, s2, 2)};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) run(&list[i]);
}
TEST(reductions) {
    const check list[] = {C1(sum_, s3, 3), C1(mean_, s3, 3), C1(prod_, s3, 3), C1(amax_, s2, 2), C1(max_dim_, s2, 2), C1(var_, s2, 2), C1(norm_, s2, 2), C1(logsumexp_, s2, 2),
                          C1(cumsum_, s2, 2), C1(softmax_, s2, 2), C1(log_softmax_, s2, 2)};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) run(&list[i]);
}
TEST(products_and_convolutions) {
    const check list[] = {C2(matmul_, s3, 3, s2, 2), C1(bmm_, s3, 3), C2(linear_, s3, 3, s2, 2), C2(einsum_, s3, 3, s2, 2), C2(conv_, s44, 4, w44, 4), C2(conv_t_, wt, 4, wt, 4),
                          C1(max_pool_, s44, 4), C1(avg_pool_, s44, 4), C1(resize_, s44, 4), C1(bicubic_, s44, 4), C1(bilinear_, s44, 4),
                          C1(im2col_, s44, 4)};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) run(&list[i]);
}
TEST(norms) {
    const int64_t y22[3] = {1, 3, 2}, yb[2] = {3, 2};
    const check list[] = {C2(group_norm_, s3, 3, y22, 3), C2(batch_norm_, s3, 3, yb, 2), C1(normalize_, s2, 2)};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) run(&list[i]);
    const int64_t t24[2] = {2, 4};
    const check rows[] = {C2(rms_norm_, s3, 3, t24, 2)};
    run(&rows[0]);
}
TEST(indices) {
    const check list[] = {C1(index_select_, s2, 2), C2(index_add_, s2, 2, s2, 2), C2(sparse_, s2, 2, s2, 2), C1(index_, s3, 3), C2(index_put_, s2, 2, s2, 2), C1(gather_, s2, 2), C2(scatter_, s2, 2, s2, 2),
                          C2(scatter_mean_, s2, 2, s2, 2), C1(masked_, s2, 2), C1(embedding_, s2, 2), C1(segment_, s2, 2), C1(sort_, s2, 2)};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) run(&list[i]);
}
TEST(graphs) {
    const check list[] = {C2(propagate_, s2, 2, s2, 2), C2(propagate_mean_, s2, 2, s2, 2), C1(propagate_nodes_, s2, 2), C1(propagate_lift_, s2, 2), C1(propagate_max_, s2, 2), C2(propagate_equal_, s2, 2, s2, 2),
                          C2(edge_dot_, s2, 2, s2, 2), C2(edge_softmax_, s2, 2, s2, 2), C1(edge_softmax_backward_, s3, 3)};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) run(&list[i]);
}
TEST(attention_and_losses) {
    const check list[] = {C2(attention_, s3, 3, s3, 3), C1(cross_entropy_, s2, 2), C1(smoothed_, s2, 2), C2(mse_, s2, 2, s2, 2), C2(huber_, s2, 2, s2, 2), C2(bce_logits_, s2, 2, s2, 2), C2(kl_, s2, 2, s2, 2),
                          C2(where_, s2, 2, s2, 2), C1(clamp_, s2, 2), C1(glu_, s2, 2), C2(prelu_, s2, 2, s2, 2)};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) run(&list[i]);
}
TEST(fused_chains) {
    const int64_t row = 4, column[2] = {3, 1};
    const check list[] = {C2(fused_, s2, 2, s2, 2), C2(fused_, s3, 3, s2, 2), C2(fused_, s2, 2, &row, 1), C2(fused_, column, 2, &row, 1), C2(fused_slopes_, s2, 2, s2, 2), C2(fused_slopes_, s3, 3, &row, 1),
                          C2(fused_one_, s2, 2, &row, 1)};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) run(&list[i]);
}
TEST(a_fused_gradient_of_halves_is_rounded_once) {
    tn_tensor *x = tn_requires_grad_(tn_to_dtype(tn_detach(values(s2, 2, 0.3)), TN_F16), true);
    const tn_fused_step s[2] = {st("exp", 0, 0, 0, 0, 0), st("mul", 1, 0, 0, 0, 0)};
    CHECK(tn_backward(tn_sum(tn_fused_pointwise(s, 2, &x, 1), NULL)) == TN_OK);
    tn_tensor *w = tn_to_dtype(tn_detach(x), TN_F32), *want = tn_to_dtype(tn_mul(tn_exp(w), tn_add(w, 1.0)), TN_F16);
    CHECK(tn_grad(x) && tn_get_dtype(tn_grad(x)) == TN_F16 && tn_item(tn_amax(tn_abs(tn_sub(tn_grad(x), want)), NULL)) <= 2e-3);
}
TEST(no_classes_at_all) {
    const int64_t none[2] = {2, 0};
    tn_tensor *x = tn_ones(none, 2, NULL);
    CHECK(tn_numel(tn_cross_entropy(x, x, NULL)) == 1); /* a number, not a division by zero */
}

RUN_ALL
