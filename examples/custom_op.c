// cc -O2 examples/custom_op.c -o custom_op -lm && ./custom_op
//
// A function with a gradient of your own: a rounding that passes gradients straight through, and a cube.
#define TENSOR_IMPLEMENTATION
#include "../tensor.h"
#include <stdio.h>

// Straight-through estimator: the forward rounds, the backward pretends that it did not.
static tn_tensor *round_forward(tn_function_ctx *ctx, tn_tensor *const *in, int n) {
    (void)ctx, (void)n;
    return tn_round(in[0]);
}
static tn_status round_backward(tn_function_ctx *ctx, tn_tensor *grad, tn_tensor **grads, int n) {
    (void)ctx, (void)n;
    grads[0] = grad;
    return TN_OK;
}

// Saves its input, and uses it in backward. Public ops in backward make it differentiable once more.
static tn_tensor *cube_forward(tn_function_ctx *ctx, tn_tensor *const *in, int n) {
    if (tn_save_for_backward(ctx, in, n) != TN_OK) return NULL;
    return tn_mul(tn_square(in[0]), in[0]);
}
static tn_status cube_backward(tn_function_ctx *ctx, tn_tensor *grad, tn_tensor **grads, int n) {
    (void)n;
    grads[0] = tn_mul(grad, tn_mul(tn_square(tn_saved(ctx, 0)), 3.0));
    return grads[0] ? TN_OK : tn_error_code();
}
static tn_tensor *cube(void *user, tn_tensor *const *in, int n) { return tn_function_apply(user, in, n); }

int main(void) {
    const tn_function straight = {"RoundThrough", round_forward, round_backward, NULL};
    tn_function cubed = {"Cube", cube_forward, cube_backward, NULL};
    double values[] = {-1.4, 0.3, 2.6};
    tn_tensor *x = tn_from(values, (int64_t[]){3}, 1, &(tn_tensor_opts){.dtype = TN_F64, .requires_grad = true});

    tn_tensor *y = tn_function_apply(&straight, &x, 1);
    TN_CHECK(tn_backward(tn_sum(tn_square(y), NULL)));
    printf("rounded: ");
    tn_print(y);
    printf("gradient of the sum of its squares, straight through: ");
    tn_print(tn_grad(x));

    tn_status s = tn_gradcheck(cube, &cubed, &x, 1, &(tn_gradcheck_opts){.second_order = true});
    printf("cube against differences, first and second order: %s\n", tn_status_name(s));
    return s == TN_OK ? 0 : 1;
}
