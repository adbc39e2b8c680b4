/* A whole program, for its start: two layers forward and backward, one number out. */
#define TENSOR_IMPLEMENTATION
#include "../tensor.h"
#include <stdio.h>

int main(void) {
    const int64_t shape[2] = {8, 64};
    TN_SCOPE;
    tn_module *net = TN_CHECK(tn_nn_sequential(tn_nn_linear(64, 64, NULL), tn_nn_relu(), tn_nn_linear(64, 1, NULL), TN_END));
    tn_tensor *loss = TN_CHECK(tn_sum(tn_forward(net, tn_ones(shape, 2, NULL)), NULL));
    TN_CHECK(tn_backward(loss));
    printf("%g\n", tn_item(loss));
    return 0;
}
