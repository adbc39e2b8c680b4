/* Results do not depend on the number of threads: ops on operands large enough to be cut into jobs, forward and backward,
   and fifty training steps, give the same bits with 1, 2, 3, 4 and 8. */
#include "tn_test.h"
#include <pthread.h>

static uint64_t hash_of(uint64_t h, tn_tensor *t) {
    tn_tensor *flat = tn_contiguous(t);
    const unsigned char *p = tn_test_values(flat);
    const size_t bytes = (size_t)tn_numel(flat) * tn_dtype_size(tn_get_dtype(flat));
    for (size_t i = 0; i < bytes; i++) h = (h ^ p[i]) * 1099511628211u;
    return h;
}
static tn_tensor *drawn(int64_t a, int64_t b, int64_t c, int64_t d) { /* sizes up to the first 0 */
    const int64_t shape[4] = {a, b, c, d};
    int n = 0;
    while (n < 4 && shape[n]) n++;
    return tn_randn(shape, n, NULL);
}
static tn_tensor *places(int64_t a, int64_t b, int64_t below) { return tn_randint(0, below, (int64_t[]){a, b}, b ? 2 : 1, NULL); }

/* Each gets x [64, 96, 40, 1] and y of the same shape, both asking for a gradient. */
#define OP(name, ex)                                                                                                   \
    static tn_tensor *name(tn_tensor *x, tn_tensor *y) {                                                               \
        (void)y;                                                                                                       \
        return ex;                                                                                                     \
    }
#define ROWS tn_reshape(x, (int64_t[]){1536, 160}, 2)
#define PLANES tn_reshape(x, (int64_t[]){6, 16, 64, 40}, 4)
#define OVER(d) (&(tn_reduce_opts){.dim = (d), .has_dim = true})
OP(add, tn_add(x, y))
OP(broadcast, tn_mul(x, tn_sum(y, &(tn_reduce_opts){.dim = 1, .has_dim = true, .keepdim = true})))
OP(chain, tn_tanh(tn_mul(tn_gelu(x, TN_GELU_NONE), tn_sigmoid(y))))
OP(pow_, tn_pow(tn_abs(x), 1.7))
OP(where, tn_where(tn_gt(x, y), tn_exp(x), tn_square(y)))
OP(copied, tn_contiguous(tn_permute(tn_reshape(x, (int64_t[]){64, 96, 40}, 3), (int[]){2, 0, 1}, 3)))
OP(cat, tn_cat((tn_tensor *[]){x, y, x}, 3, 1))
OP(sum_all, tn_sum(tn_mul(x, y), NULL))
OP(sum_first, tn_sum(x, OVER(0)))
OP(mean_middle, tn_mean(x, OVER(1)))
OP(prod, tn_prod(tn_add(tn_mul(x, 0.01), 1.0), OVER(1)))
OP(amax, tn_amax(x, OVER(0)))
OP(var, tn_var(x, NULL))
OP(norm, tn_linalg_vector_norm(x, 2, NULL))
OP(logsumexp, tn_logsumexp(ROWS, OVER(1)))
OP(cumsum, tn_cumsum(ROWS, 0, TN_DTYPE_DEFAULT))
OP(softmax, tn_softmax(ROWS, 1, TN_DTYPE_DEFAULT))
OP(softmax_first, tn_softmax(ROWS, 0, TN_DTYPE_DEFAULT))
OP(log_softmax, tn_log_softmax(ROWS, -1, TN_DTYPE_DEFAULT))
OP(matmul, tn_matmul(ROWS, tn_t(tn_reshape(y, (int64_t[]){1536, 160}, 2))))
OP(skinny, tn_matmul(tn_t(ROWS), tn_reshape(y, (int64_t[]){1536, 160}, 2)))
OP(bmm, tn_bmm(tn_reshape(x, (int64_t[]){64, 96, 40}, 3), tn_transpose(tn_reshape(y, (int64_t[]){64, 96, 40}, 3), 1, 2)))
OP(linear, tn_linear(ROWS, tn_reshape(tn_slice(tn_flatten(y, 0, -1), 0, 0, 160 * 96, 1), (int64_t[]){96, 160}, 2), tn_slice(tn_flatten(y, 0, -1), 0, 0, 96, 1)))
OP(conv, tn_conv2d(PLANES, tn_reshape(tn_slice(tn_flatten(y, 0, -1), 0, 0, 32 * 16 * 9, 1), (int64_t[]){32, 16, 3, 3}, 4), NULL, &(tn_conv_opts){.padding = 1}))
OP(conv_t, tn_conv_transpose2d(PLANES, tn_reshape(tn_slice(tn_flatten(y, 0, -1), 0, 0, 32 * 16 * 9, 1), (int64_t[]){16, 32, 3, 3}, 4), NULL, &(tn_conv_opts){.stride = 2}))
OP(max_pool, tn_max_pool2d(PLANES, 3, &(tn_pool_opts){.stride = 2}))
OP(avg_pool, tn_avg_pool2d(PLANES, 3, &(tn_pool_opts){.stride = 1, .padding = 1}))
OP(resize, tn_interpolate(PLANES, &(tn_interpolate_opts){.scale = {1.5}, .n_scale = 1, .mode = TN_BICUBIC}))
OP(unfold, tn_unfold(PLANES, &(tn_unfold_opts){.kernel = {3, 3}}))
OP(layer_norm, tn_layer_norm(ROWS, (int64_t[]){160}, 1, tn_slice(tn_flatten(y, 0, -1), 0, 0, 160, 1), tn_slice(tn_flatten(y, 0, -1), 0, 160, 320, 1), 1e-5))
OP(batch_norm, tn_batch_norm(PLANES, &(tn_batch_norm_opts){.training = true}))
OP(group_norm, tn_group_norm(PLANES, 4, NULL, NULL, 1e-5))
OP(index_select, tn_index_select(ROWS, 0, places(4000, 0, 1536)))
OP(index_add, tn_index_add(ROWS, 0, places(1536, 0, 1536), tn_reshape(y, (int64_t[]){1536, 160}, 2), 1))
OP(gather, tn_gather(ROWS, 1, places(1536, 300, 160)))
OP(scatter_add, tn_scatter_add(ROWS, 0, places(1536, 160, 1536), tn_reshape(y, (int64_t[]){1536, 160}, 2)))
OP(scatter_add_last, tn_scatter_add(ROWS, 1, places(1536, 160, 160), tn_reshape(y, (int64_t[]){1536, 160}, 2)))
OP(embedding, tn_embedding(places(64, 200, 1536), ROWS, NULL))
OP(sort, tn_sort(ROWS, 1, false, true).values)
OP(topk, tn_topk(ROWS, 7, NULL).values)
OP(attention, tn_scaled_dot_product_attention(tn_reshape(x, (int64_t[]){8, 8, 96, 40}, 4), tn_reshape(y, (int64_t[]){8, 8, 96, 40}, 4), tn_reshape(y, (int64_t[]){8, 8, 96, 40}, 4), &(tn_sdpa_opts){.is_causal = true}))
OP(cross_entropy, tn_cross_entropy(ROWS, places(1536, 0, 160), NULL))
OP(dropout, tn_dropout(x, 0.3, true))

static const struct { const char *name; tn_tensor *(*fn)(tn_tensor *x, tn_tensor *y); } ops[] = {
#define ENTRY(name) {#name, name},
    ENTRY(add) ENTRY(broadcast) ENTRY(chain) ENTRY(pow_) ENTRY(where) ENTRY(copied) ENTRY(cat) ENTRY(sum_all) ENTRY(sum_first)
    ENTRY(mean_middle) ENTRY(prod) ENTRY(amax) ENTRY(var) ENTRY(norm) ENTRY(logsumexp) ENTRY(cumsum) ENTRY(softmax)
    ENTRY(softmax_first) ENTRY(log_softmax) ENTRY(matmul) ENTRY(skinny) ENTRY(bmm) ENTRY(linear) ENTRY(conv) ENTRY(conv_t)
    ENTRY(max_pool) ENTRY(avg_pool) ENTRY(resize) ENTRY(unfold) ENTRY(layer_norm) ENTRY(batch_norm) ENTRY(group_norm)
    ENTRY(index_select) ENTRY(index_add) ENTRY(gather) ENTRY(scatter_add) ENTRY(scatter_add_last) ENTRY(embedding) ENTRY(sort) ENTRY(topk)
    ENTRY(attention) ENTRY(cross_entropy) ENTRY(dropout)
};
static uint64_t op_bits(size_t i) {
    TN_SCOPE;
    tn_manual_seed(i);
    tn_tensor *x = tn_requires_grad_(drawn(64, 96, 40, 0), true), *y = tn_requires_grad_(drawn(64, 96, 40, 0), true);
    tn_tensor *out = ops[i].fn(x, y);
    CHECK(out && tn_backward(tn_sum(tn_mul(out, tn_detach(out)), NULL)) == TN_OK);
    uint64_t h = hash_of(14695981039346656037u, out);
    if (tn_grad(x)) h = hash_of(h, tn_grad(x));
    return tn_grad(y) ? hash_of(h, tn_grad(y)) : h;
}
static const int counts[] = {1, 2, 3, 4, 8};
TEST(an_op_gives_the_same_bits_with_any_number_of_threads) {
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        uint64_t first = 0;
        for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
            CHECK(tn_set_num_threads(counts[k]) == TN_OK);
            const uint64_t h = op_bits(i);
            if (k == 0) first = h;
            if (h != first) TN_TEST_FAIL("%s: other bits with %d threads", ops[i].name, counts[k]);
        }
    }
    CHECK(tn_set_num_threads(2) == TN_OK);
}
static uint64_t trained_bits(void) {
    TN_SCOPE;
    tn_manual_seed(0);
    tn_module *net = tn_nn_sequential(tn_nn_conv2d(1, 8, 3, &(tn_conv_opts){.padding = 1}), tn_nn_batch_norm2d(8, NULL), tn_nn_relu(), tn_nn_max_pool2d(2, NULL), tn_nn_flatten(),
                                      tn_nn_linear(8 * 10 * 10, 64, NULL), tn_nn_dropout(0.1), tn_nn_gelu(TN_GELU_NONE), tn_nn_layer_norm((int64_t[]){64}, 1, NULL), tn_nn_linear(64, 10, NULL), TN_END);
    tn_optimizer *opt = tn_optim_adamw(net, &(tn_adamw_opts){.lr = 1e-2});
    uint64_t h = 14695981039346656037u;
    for (int step = 0; step < 50; step++) {
        TN_SCOPE;
        tn_tensor *loss = tn_cross_entropy(tn_forward(net, drawn(32, 1, 20, 20)), places(32, 0, 10), NULL);
        CHECK(tn_backward(loss) == TN_OK && tn_optim_step(opt) == TN_OK);
        tn_optim_zero_grad(opt);
        h = hash_of(h, loss);
    }
    const tn_tensors p = tn_parameters(net);
    for (int i = 0; i < p.n; i++) h = hash_of(h, p.at[i]);
    return h;
}
TEST(fifty_steps_give_the_same_bits_with_any_number_of_threads) {
    uint64_t first = 0;
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        CHECK(tn_set_num_threads(counts[k]) == TN_OK);
        const uint64_t h = trained_bits();
        if (k == 0) first = h;
        if (h != first) TN_TEST_FAIL("other bits with %d threads", counts[k]);
    }
    CHECK(tn_set_num_threads(2) == TN_OK);
}
/* A shared result is part of two threads' graphs at once; its own graph goes when the last of them does. */
static void *uses(void *shared) {
    for (int i = 0; i < 2000; i++) {
        TN_SCOPE;
        tn_tensor *y = tn_mul(tn_add((tn_tensor *)shared, 1.0), (tn_tensor *)shared);
        if (!y || tn_item(y) != 12) return shared;
    }
    return NULL;
}
TEST(threads_share_a_graph) {
    tn_tensor *w = tn_full(NULL, 0, 1, &(tn_tensor_opts){.requires_grad = true});
    pthread_t other;
    void *bad = NULL;
    tn_tensor *y = tn_share(tn_mul(tn_add(w, 2.0), w)); /* 3 */
    CHECK(pthread_create(&other, NULL, uses, y) == 0);
    CHECK(uses(y) == NULL);
    CHECK(pthread_join(other, &bad) == 0 && bad == NULL);
    CHECK(tn_backward(y) == TN_OK && tn_item(tn_grad(w)) == 4); /* w (w + 2) */
}
typedef struct { tn_tensor *x, *w; double sum; } convolving;
static void *convolves(void *arg) {
    const convolving *c = arg;
    for (int i = 0; i < 50; i++) {
        TN_SCOPE;
        TN_NO_GRAD;
        if (tn_item(tn_sum(tn_conv2d(c->x, c->w, NULL, &(tn_conv_opts){.padding = 1, .activation = TN_CONV_RELU}), NULL)) != c->sum) return arg;
    }
    return NULL;
}
TEST(threads_share_packed_weights) {
    tn_tensor *x = tn_share(tn_ones((int64_t[]){1, 32, 9, 9}, 4, NULL)), *w = tn_share(tn_ones((int64_t[]){32, 32, 3, 3}, 4, NULL));
    convolving c = {x, w, 32.0 * 32 * 25 * 25};
    pthread_t other;
    void *bad = NULL;
    CHECK(pthread_create(&other, NULL, convolves, &c) == 0);
    CHECK(convolves(&c) == NULL);
    CHECK(pthread_join(other, &bad) == 0 && bad == NULL);
}
RUN_ALL
