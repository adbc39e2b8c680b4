// c++ -std=c++17 -O2 examples/cpp.cpp -o cpp -lm && ./cpp
//
// The same header in C++: numbers as operands by overloads, options in braces, scopes as guard objects.
#define TENSOR_IMPLEMENTATION
#include "../tensor.h"
#include <cstdio>
#include <vector>

int main() {
    tn_manual_seed(0);
    const std::vector<int64_t> shape = {128, 2};
    tn_module *net = tn_nn_sequential(tn_nn_linear(2, 32, nullptr), tn_nn_gelu(TN_GELU_NONE), tn_nn_linear(32, 1, nullptr), TN_END);
    tn_adamw_opts options = {};
    options.lr = 1e-2;
    tn_optimizer *opt = TN_CHECK(tn_optim_adamw(net, &options));
    double last = 0;
    for (int step = 0; step < 400; step++) { // learns x0 * x1
        TN_SCOPE;
        tn_tensor *x = tn_randn(shape.data(), 2, nullptr);
        tn_tensor *y = tn_unsqueeze(tn_mul(tn_select(x, 1, 0), tn_select(x, 1, 1)), 1);
        tn_tensor *loss = tn_mse_loss(tn_forward(net, x), y, nullptr);
        TN_CHECK(tn_backward(loss));
        TN_CHECK(tn_optim_step(opt));
        tn_optim_zero_grad(opt);
        last = tn_item(tn_mul(loss, 1.0));
    }
    std::printf("mean squared error after 400 steps: %.4f\n", last);
    return last < 0.3 ? 0 : 1;
}
