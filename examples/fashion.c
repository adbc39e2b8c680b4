// cc -O2 examples/fashion.c -o fashion -lm && ./fashion
#define TENSOR_IMPLEMENTATION
#include "../tensor.h"

static double accuracy(tn_module *net, tn_loader *loader) {
    TN_SCOPE; TN_NO_GRAD;
    tn_module_train(net, false);
    double right = 0, seen = 0;
    for (tn_batch b; tn_loader_next(loader, &b);) {
        TN_SCOPE;
        tn_tensor *hit = tn_eq(tn_argmax(tn_forward(net, b.x), &(tn_reduce_opts){.dim = 1, .has_dim = true}), b.y);
        right += tn_item(tn_sum(hit, NULL));
        seen += (double)tn_size(b.y, 0);
    }
    tn_module_train(net, true);
    return 100 * right / seen;
}

int main(int argc, char **argv) {
    const char *folder = argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist";
    tn_manual_seed(0);
    tn_device dev = tn_device_best();                 /* an accelerator if a plugin offers one, else the CPU */
    tn_dataset *train = TN_CHECK(tn_data_idx(folder, TN_TRAIN)), *test = TN_CHECK(tn_data_idx(folder, TN_TEST));
    tn_module *net = tn_nn_sequential(
        tn_nn_conv2d(1, 32, 3, &(tn_conv_opts){.padding = 1}), tn_nn_relu(), tn_nn_max_pool2d(2, NULL),
        tn_nn_conv2d(32, 64, 3, &(tn_conv_opts){.padding = 1}), tn_nn_relu(), tn_nn_max_pool2d(2, NULL),
        tn_nn_flatten(), tn_nn_linear(64 * 7 * 7, 128, NULL), tn_nn_relu(), tn_nn_linear(128, 10, NULL), TN_END);
    TN_CHECK(tn_module_to(net, dev));
    tn_optimizer *opt = TN_CHECK(tn_optim_adamw(net, &(tn_adamw_opts){.lr = 1e-3}));
    tn_loader *loader = TN_CHECK(tn_data_loader(train, &(tn_loader_opts){.batch_size = 128, .shuffle = true, .workers = 1, .device = dev}));
    tn_loader *held = TN_CHECK(tn_data_loader(test, &(tn_loader_opts){.batch_size = 512, .device = dev}));
    for (int epoch = 0; epoch < 5; epoch++) {
        tn_progress bar = tn_progress_begin("epoch", tn_loader_len(loader));
        for (tn_batch b; tn_loader_next(loader, &b);) {
            TN_SCOPE;
            tn_tensor *loss = tn_cross_entropy(tn_forward(net, b.x), b.y, NULL);
            TN_CHECK(tn_backward(loss));
            TN_CHECK(tn_optim_step(opt));
            tn_optim_zero_grad(opt);
            tn_progress_step(&bar, "loss", loss);     /* read from the device only when the bar is redrawn */
        }
        TN_CHECK(tn_loader_status(loader));
        tn_progress_end(&bar, "accuracy %.2f %%", accuracy(net, held));
    }
    TN_CHECK(tn_save(net, "fashion.safetensors"));
    return 0;
}
