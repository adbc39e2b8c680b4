/* tensor.h - v0.1 - tensors, autograd, layers, optimizers and data in one C header - MIT-0 or public domain

   DO THIS
       #define TENSOR_IMPLEMENTATION
       #include "tensor.h"
   in one C (C11) or C++ (C++17) file, and include it without the define elsewhere:
       cc -O2 app.c -o app -lm

   A FIRST PROGRAM
       tn_manual_seed(0);
       tn_module *net = tn_nn_sequential(tn_nn_linear(2, 16, NULL), tn_nn_tanh(), tn_nn_linear(16, 1, NULL), TN_END);
       tn_optimizer *opt = tn_optim_adamw(net, &(tn_adamw_opts){.lr = 1e-2});
       for (int step = 0; step < 1000; step++) {
           TN_SCOPE;
           tn_tensor *x = tn_randn((int64_t[]){64, 2}, 2, NULL);
           tn_tensor *y = tn_sum(tn_square(x), &(tn_reduce_opts){.dim = 1, .has_dim = true, .keepdim = true});
           tn_tensor *loss = tn_mse_loss(tn_forward(net, x), y, NULL);
           TN_CHECK(tn_backward(loss));
           TN_CHECK(tn_optim_step(opt));
           tn_optim_zero_grad(opt);
       }

   ON NAMES
   Names, argument order and semantics are PyTorch's. tn_matmul is torch.matmul, tn_relu torch.nn.functional.relu,
   tn_nn_linear torch.nn.Linear, tn_optim_adamw torch.optim.AdamW. A trailing underscore works in place, as there.

   ON OPTIONS
   Required arguments stand by position; the rest is one options struct by pointer. NULL means all defaults, and a
   field left zero means that field's default. Booleans are named so that false is the default. Where a real field's
   true zero differs from its default, write TN_ZERO. Shapes and lists are a pointer and a count.

   ON LIFETIMES
   Whatever a call returns belongs to the innermost open scope of the calling thread, which frees it when it closes.
   TN_SCOPE; opens one until the end of the enclosing block. tn_keep moves a result to the parent scope; tn_retain and
   tn_release own by hand. A container owns its children. Do not free anything else.

   ON ERRORS
   A function that fails returns NULL, NaN, -1 or a status other than TN_OK, keeps a code and a message for the thread
   (tn_error), and tells the log callback, which prints it to stderr unless replaced. Functions given NULL where a
   tensor is required return NULL and leave the first error in place: check once, at the end of an expression.
   TN_CHECK(x) gives x back, or prints the error and exits; nothing else ends the process.

   ON THREADS
   Scope, error, grad mode and default generator belong to a thread. Two threads may train two nets at once. A tensor
   that two threads use at once has to be marked with tn_share first. tn_set_num_threads sets the kernels' pool, which
   all threads share; results do not depend on its size.

   X DOES NOT
   tensor.h does not abort, does not print except through the log callback and the progress bar, does not read the
   environment except for the variables that docs/embedding.md names, and defines no macro outside TN_ and TENSOR_.

   CONTENTS (search for the tag)
       >>config >>base >>dtype >>storage >>tensor >>random >>ops >>shape >>pointwise >>reduce >>matmul >>conv >>norm
       >>index >>sort >>attention >>rnn >>loss >>autograd >>init >>nn >>optim >>sched >>io >>data >>accel
   Each tag occurs twice: (Public) with the interface, (Private) with the implementation, in this order. A section
   calls only sections above it. Kernels that are compiled once per lane type and instruction set stand in >>kernels,
   which this file includes from itself.
*/
#ifndef TN__PASS
#ifndef TENSOR_H
#define TENSOR_H

/* ============================================================================================================== */
/* >>config (Public)                                                                                              */
/* Version, linkage and the switches that a user may set before the include. No switch changes a type.            */
/* TN_STATIC: every function static, for one-file programs. TN_API: your own linkage. TN_SELF: this file's name.  */
/* ============================================================================================================== */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TN_VERSION_MAJOR 0
#define TN_VERSION_MINOR 1
#define TN_VERSION_PATCH 0

#ifndef TN_API
#ifdef TN_STATIC
#define TN_API static __attribute__((unused))
#else
#define TN_API extern __attribute__((noinline)) /* its copies inside one another cost a tenth of the build time and save nothing */
#define TN__API_DATA extern
#endif
#endif
#ifndef TN__API_DATA
#define TN__API_DATA TN_API
#endif
#if defined(__GNUC__) && defined(__MINGW32__)
#define TN__PRINTF(fmt, args) __attribute__((format(gnu_printf, fmt, args)))
#elif defined(__GNUC__)
#define TN__PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define TN__PRINTF(fmt, args)
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define TN_MAX_DIMS 8
/* The true zero of a real option whose zero field means its default. */
#define TN_ZERO 1e-300

typedef struct tn_tensor tn_tensor;
typedef struct tn_module tn_module;
typedef struct tn_optimizer tn_optimizer;
typedef struct tn_scheduler tn_scheduler;
typedef struct tn_dataset tn_dataset;
typedef struct tn_sampler tn_sampler;
typedef struct tn_loader tn_loader;
typedef struct tn_generator tn_generator;
typedef struct tn_dict tn_dict;

/* The version of the implementation that is linked, as major * 10000 + minor * 100 + patch. */
TN_API int tn_version(void);

/* ============================================================================================================== */
/* >>base (Public)                                                                                                */
/* What everything stands on: status codes and the thread's error, the log callback, memory, scopes, the pool.     */
/* ============================================================================================================== */
typedef enum {
    TN_OK = 0,
    TN_ERR_INVALID,     /* an argument that makes no sense, or a NULL where a value is required */
    TN_ERR_SHAPE,       /* sizes that do not fit together */
    TN_ERR_DTYPE,       /* a dtype that the op does not take */
    TN_ERR_DEVICE,      /* tensors on different devices, or a device that is not there */
    TN_ERR_INDEX,       /* an index or a dim out of range */
    TN_ERR_MEMORY,      /* out of memory */
    TN_ERR_IO,          /* a file that cannot be opened, read or written */
    TN_ERR_FORMAT,      /* a file whose content is not what its format says */
    TN_ERR_STATE,       /* a call that does not fit the object's state: no graph, saved tensor changed, … */
    TN_ERR_UNSUPPORTED, /* a valid request that this build does not serve */
    TN_ERR_USER         /* a callback of the user's failed */
} tn_status;

/* The message of the thread's last error, "" if none is held. Valid until the thread's next failure. */
TN_API const char *tn_error(void);
/* The code of the thread's last error, TN_OK if none is held. */
TN_API tn_status tn_error_code(void);
/* Forgets the thread's error. Nothing else does. */
TN_API void tn_error_clear(void);
/* Sets the thread's error from a user's module, custom function or callback. Returns code. */
TN_API tn_status tn_error_set(tn_status code, const char *fmt, ...) TN__PRINTF(2, 3);
/* The name of a status code: "TN_ERR_SHAPE". */
TN_API const char *tn_status_name(tn_status code);

typedef enum { TN_LOG_ERROR = 0, TN_LOG_WARN, TN_LOG_INFO } tn_log_level;
typedef void (*tn_log_fn)(void *user, tn_log_level level, const char *message);
/* Replaces the log callback (default: errors and warnings to stderr). NULL silences it. */
TN_API void tn_set_log(tn_log_fn fn, void *user);

/* Where all memory comes from. realloc is never asked for; free gets the size that alloc was given. */
typedef struct tn_allocator {
    void *user;
    void *(*alloc)(void *user, size_t size, size_t align);
    void (*free)(void *user, void *p, size_t size);
} tn_allocator;
/* Replaces the allocator; NULL restores the default. Only while nothing of the library is alive: before first use. */
TN_API tn_status tn_set_allocator(const tn_allocator *a);
/* Bytes that tensors, handles and nodes hold now, and the most they held since the last reset. */
typedef struct { int64_t live_bytes, peak_bytes, live_objects, allocations; } tn_memory_stats_t;
TN_API tn_memory_stats_t tn_memory_stats(void);
TN_API void tn_memory_reset_peak(void);
/* Gives cached, unused memory of the calling thread and of the shared cache back to the system. */
TN_API void tn_memory_trim(void);
/* Fault test: the nth logical allocation from now fails (1 = the next), once or from then on; 0 = off. All threads. */
TN_API void tn_fault_alloc(int64_t nth, bool forever);

/* Threads that kernels use: the pool's size, the caller included. Default: the cores that the process may use. */
TN_API tn_status tn_set_num_threads(int n);
TN_API int tn_get_num_threads(void);
/* The instruction set that kernels use: "scalar", "avx2", "avx512", "neon". tn_set_isa takes one the machine has. */
TN_API const char *tn_get_isa(void);
TN_API tn_status tn_set_isa(const char *name);

/* Scopes: everything returned since tn_scope_open is freed by tn_scope_close, save what tn_keep moved up. */
typedef struct tn_scope { int32_t depth; } tn_scope;
TN_API tn_scope tn_scope_open(void);
TN_API void tn_scope_close(tn_scope *s);
/* Moves the result of a call from the innermost scope to its parent. Takes and gives any object; NULL stays NULL. */
TN_API void *tn_keep(void *object);
/* Owns any object by hand, beside its scope: each tn_retain needs one tn_release. */
TN_API void *tn_retain(void *object);
TN_API void tn_release(void *object);
/* Marks a tensor as used by several threads at once: its count becomes atomic. Before the second thread sees it. */
TN_API tn_tensor *tn_share(tn_tensor *t);

/* ============================================================================================================== */
/* >>dtype (Public)                                                                                               */
/* Element types, their sizes, names and promotion. Zero means "the default" in options.                           */
/* ============================================================================================================== */
typedef enum {
    TN_DTYPE_DEFAULT = 0,
    TN_BOOL, TN_U8, TN_I8, TN_I16, TN_I32, TN_I64, TN_F16, TN_BF16, TN_F32, TN_F64, TN_C64, TN_C128,
    TN_DTYPE_COUNT
} tn_dtype;
/* Bytes of one element; 0 for a value that is no dtype. */
TN_API size_t tn_dtype_size(tn_dtype dt);
/* "float32", as PyTorch prints it. */
TN_API const char *tn_dtype_name(tn_dtype dt);
/* The dtype of that name ("float32", "f32", "F32"), TN_DTYPE_DEFAULT if there is none. */
TN_API tn_dtype tn_dtype_from_name(const char *name);
TN_API bool tn_dtype_is_floating(tn_dtype dt);
TN_API bool tn_dtype_is_complex(tn_dtype dt);
/* torch.promote_types: the smallest dtype that both promote to. */
TN_API tn_dtype tn_promote_types(tn_dtype a, tn_dtype b);
/* torch.result_type: the dtype of a op b, where 0-d tensors and numbers count less than tensors with dims. */
TN_API tn_dtype tn_result_type(tn_tensor *a, tn_tensor *b);
/* The dtype of new float tensors (default TN_F32), for the calling thread. */
TN_API tn_status tn_set_default_dtype(tn_dtype dt);
TN_API tn_dtype tn_get_default_dtype(void);

/* ============================================================================================================== */
/* >>storage (Public)                                                                                             */
/* Devices, and the memory that tensors are views of.                                                             */
/* ============================================================================================================== */
typedef enum { TN_CPU = 0, TN_ACCELERATOR = 1 } tn_device_kind;
/* A device by value; all zero is the CPU. */
typedef struct tn_device { int32_t kind, index; } tn_device;
/* An accelerator if a plugin offers one, else the CPU. Heeds the variable TN_DEVICE ("cpu", "cuda:1", "opencl", "null"). */
TN_API tn_device tn_device_best(void);
/* A device by name ("cpu", "cuda", "cuda:1"); fails, and stays at the CPU, where it is not there. */
TN_API tn_status tn_device_named(const char *name, tn_device *device);
/* "cpu", "cuda:0". */
TN_API const char *tn_device_name(tn_device d);

/* ============================================================================================================== */
/* >>tensor (Public)                                                                                              */
/* The handle: sizes, strides, dtype, device, data. Nothing here computes.                                         */
/* ============================================================================================================== */
/* Several tensors that one call returned: at[0..n-1]. On failure at is NULL and n is 0. */
typedef struct tn_tensors { tn_tensor **at; int n; } tn_tensors;
/* Values with the indices that they came from (torch.return_types.max and the like). Both NULL on failure. */
typedef struct tn_values_indices { tn_tensor *values, *indices; } tn_values_indices;

TN_API int tn_ndim(const tn_tensor *t);                     /* -1 if t is NULL */
TN_API int64_t tn_size(const tn_tensor *t, int dim);        /* negative dims count from the end; -1 on failure */
TN_API int64_t tn_stride(const tn_tensor *t, int dim);      /* in elements; -1 on failure */
TN_API int64_t tn_numel(const tn_tensor *t);                /* -1 if t is NULL */
TN_API const int64_t *tn_shape(const tn_tensor *t);         /* tn_ndim(t) sizes, valid while t lives */
TN_API tn_dtype tn_get_dtype(const tn_tensor *t);
TN_API tn_device tn_get_device(const tn_tensor *t);
TN_API bool tn_is_contiguous(const tn_tensor *t);
/* The first element, at the tensor's offset; strides apply. NULL where t is not in host memory. Call
   tn_mark_written after writing through it, so that autograd notices. */
TN_API void *tn_data(const tn_tensor *t);
TN_API void tn_mark_written(tn_tensor *t);
/* The storage's version: in-place ops raise it. */
TN_API int64_t tn_version_of(const tn_tensor *t);
/* The one element as a double (complex: the real part); NaN, and an error, if there is not exactly one. */
TN_API double tn_item(const tn_tensor *t);
/* The one element as an integer, without the way over double; 0, and an error, if there is not exactly one. */
TN_API int64_t tn_item_i64(const tn_tensor *t);
/* An element by its indices, one a dim; NaN and an error if they do not fit. For looking, not for loops. */
TN_API double tn_at(const tn_tensor *t, const int64_t *index, int n);
/* Prints to stdout as PyTorch prints, long tensors summarised. */
TN_API void tn_print(const tn_tensor *t);
/* The same into a buffer: the length that the whole text has, as snprintf. */
TN_API size_t tn_format(const tn_tensor *t, char *buffer, size_t size);

/* ============================================================================================================== */
/* >>random (Public)                                                                                              */
/* Generators: PyTorch's CPU mt19937 and its streams. The same seed gives the same draws as there. Devices draw by  */
/* Philox, from the generator's seed and a count of their own: for a seed the same there whatever the device.      */
/* ============================================================================================================== */
/* Reseeds the thread's default generator, after the initialisations that layers still have queued. */
TN_API void tn_manual_seed(uint64_t seed);
/* A generator of its own, for options' .generator. */
TN_API tn_generator *tn_generator_new(uint64_t seed);
TN_API tn_generator *tn_default_generator(void);
TN_API tn_status tn_generator_seed(tn_generator *g, uint64_t seed);
/* The state as a u8 tensor (tn_generator_get_state), and back. */
TN_API tn_tensor *tn_generator_get_state(tn_generator *g);
TN_API tn_status tn_generator_set_state(tn_generator *g, const tn_tensor *state);
/* Performs the initialisations that layers have queued. Any draw, reseed, move or look at a parameter does so too. */
TN_API tn_status tn_init_flush(void);

/* ============================================================================================================== */
/* >>ops (Public)                                                                                                 */
/* How ops are called: numbers as operands, options that several ops share, the op table's names.                  */
/* ============================================================================================================== */
/* Numbers as tensors: 0-d, and weak in promotion (only their category counts). The macros tn_add(x, y) and so on
   call these for you. */
TN_API tn_tensor *tn_arg_t(tn_tensor *t);
TN_API tn_tensor *tn_arg_f(double v);
TN_API tn_tensor *tn_arg_i(int64_t v);
TN_API tn_tensor *tn_arg_b(bool v);

/* Options of functions that make tensors. dtype: default the default float type. */
typedef struct tn_tensor_opts {
    tn_dtype dtype;
    tn_device device;
    bool requires_grad;
    tn_generator *generator; /* of draws; default the thread's */
} tn_tensor_opts;

/* Options of reductions. Without a dim all dims are reduced. */
typedef struct tn_reduce_opts {
    int dim;                 /* with has_dim */
    bool has_dim;
    bool keepdim;
    int dims[TN_MAX_DIMS];   /* n_dims of them, instead of dim */
    int n_dims;
    tn_dtype dtype;          /* computed and returned in this dtype, where the op has it in PyTorch */
} tn_reduce_opts;

/* The op table, for tools and tests: rows 0 to tn_op_count() - 1 in id order. */
TN_API int tn_op_count(void);
TN_API const char *tn_op_name(int row);
/* The row of that name ("add"), -1 if there is none. */
TN_API int tn_op_row(const char *name);
TN_API int tn_op_id(int row);
/* Whether the row has a gradient. */
TN_API bool tn_op_differentiable(int row);

/* ============================================================================================================== */
/* >>shape (Public)                                                                                               */
/* Creation, draws, copies, views and joins. Views share storage with their input; their gradients do too.         */
/* ============================================================================================================== */
/* Creation. shape is ndim sizes; ndim 0 makes a 0-d tensor (shape may be NULL). opts NULL: default dtype, CPU. */
TN_API tn_tensor *tn_empty(const int64_t *shape, int ndim, const tn_tensor_opts *opts);
TN_API tn_tensor *tn_zeros(const int64_t *shape, int ndim, const tn_tensor_opts *opts);
TN_API tn_tensor *tn_ones(const int64_t *shape, int ndim, const tn_tensor_opts *opts);
/* Every element v. Unlike torch.full the dtype defaults to the default float type whatever v is. */
TN_API tn_tensor *tn_full(const int64_t *shape, int ndim, double v, const tn_tensor_opts *opts);
/* A tensor with a copy of the numel(shape) elements at data, which are of opts' dtype. */
TN_API tn_tensor *tn_from(const void *data, const int64_t *shape, int ndim, const tn_tensor_opts *opts);
/* The same without a copy: data has to stay until done(user, data) is called (NULL: never freed). */
TN_API tn_tensor *tn_from_borrowed(void *data, const int64_t *shape, int ndim, const tn_tensor_opts *opts,
                                   void (*done)(void *user, void *data), void *user);
/* A 0-d tensor of v. */
TN_API tn_tensor *tn_scalar(double v, const tn_tensor_opts *opts);
TN_API tn_tensor *tn_scalar_i64(int64_t v);
TN_API tn_tensor *tn_empty_like(tn_tensor *x, const tn_tensor_opts *opts);
TN_API tn_tensor *tn_zeros_like(tn_tensor *x, const tn_tensor_opts *opts);
TN_API tn_tensor *tn_ones_like(tn_tensor *x, const tn_tensor_opts *opts);
TN_API tn_tensor *tn_full_like(tn_tensor *x, double v, const tn_tensor_opts *opts);
/* n rows, m columns (m < 0: n), ones on the diagonal. */
TN_API tn_tensor *tn_eye(int64_t n, int64_t m, const tn_tensor_opts *opts);
/* start, start + step, … below end. dtype: default i64 if all three are whole numbers, else the default float. */
TN_API tn_tensor *tn_arange(double start, double end, double step, const tn_tensor_opts *opts);
/* steps values from start to end, both included. */
TN_API tn_tensor *tn_linspace(double start, double end, int64_t steps, const tn_tensor_opts *opts);
/* Draws: uniform on [0, 1), standard normal, integers of [low, high), a permutation of 0..n-1. */
TN_API tn_tensor *tn_rand(const int64_t *shape, int ndim, const tn_tensor_opts *opts);
TN_API tn_tensor *tn_randn(const int64_t *shape, int ndim, const tn_tensor_opts *opts);
TN_API tn_tensor *tn_randint(int64_t low, int64_t high, const int64_t *shape, int ndim, const tn_tensor_opts *opts);
TN_API tn_tensor *tn_randperm(int64_t n, const tn_tensor_opts *opts);
TN_API tn_tensor *tn_rand_like(tn_tensor *x, const tn_tensor_opts *opts);
TN_API tn_tensor *tn_randn_like(tn_tensor *x, const tn_tensor_opts *opts);
TN_API tn_tensor *tn_randint_like(tn_tensor *x, int64_t low, int64_t high, const tn_tensor_opts *opts);
/* torch.normal: mean and std are tensors that broadcast, or numbers. */
TN_API tn_tensor *tn_normal(tn_tensor *mean, tn_tensor *std, const tn_tensor_opts *opts);
/* 0 or 1 with the probabilities p, in p's dtype. */
TN_API tn_tensor *tn_bernoulli(tn_tensor *p, tn_generator *g);
/* Indices drawn by the weights of each row of p [n] or [m, n]; i64 [num] or [m, num]. */
TN_API tn_tensor *tn_multinomial(tn_tensor *p, int64_t num, bool replacement, tn_generator *g);
/* In-place draws; they return x. */
TN_API tn_tensor *tn_uniform_(tn_tensor *x, double low, double high, tn_generator *g);
TN_API tn_tensor *tn_normal_(tn_tensor *x, double mean, double std, tn_generator *g);
TN_API tn_tensor *tn_bernoulli_(tn_tensor *x, double p, tn_generator *g);
TN_API tn_tensor *tn_random_(tn_tensor *x, int64_t low, int64_t high, tn_generator *g);
TN_API tn_tensor *tn_exponential_(tn_tensor *x, double rate, tn_generator *g);

/* Copies. tn_contiguous and tn_to give x itself where nothing has to be done. */
TN_API tn_tensor *tn_clone(tn_tensor *x);
TN_API tn_tensor *tn_contiguous(tn_tensor *x);
TN_API tn_tensor *tn_to_dtype(tn_tensor *x, tn_dtype dtype);
/* x on that device: TN_ERR_DEVICE if it is not there. Differentiable: the gradient goes back to where x is. */
TN_API tn_tensor *tn_to(tn_tensor *x, tn_device device);
/* x = src, broadcast and converted. Differentiable in src. */
TN_API tn_tensor *tn_copy_(tn_tensor *x, tn_tensor *src);
TN_API tn_tensor *tn_fill_(tn_tensor *x, double v);
TN_API tn_tensor *tn_zero_(tn_tensor *x);
/* A copy of x with every element v. */
TN_API tn_tensor *tn_fill(tn_tensor *x, tn_tensor *v);

/* Views. A size of -1 in view, reshape, unflatten is inferred; in expand it keeps the size. */
TN_API tn_tensor *tn_view(tn_tensor *x, const int64_t *shape, int ndim);
TN_API tn_tensor *tn_reshape(tn_tensor *x, const int64_t *shape, int ndim);
TN_API tn_tensor *tn_flatten(tn_tensor *x, int start_dim, int end_dim);
TN_API tn_tensor *tn_unflatten(tn_tensor *x, int dim, const int64_t *sizes, int n);
TN_API tn_tensor *tn_squeeze(tn_tensor *x);
TN_API tn_tensor *tn_squeeze_dims(tn_tensor *x, const int *dims, int n);
TN_API tn_tensor *tn_unsqueeze(tn_tensor *x, int dim);
TN_API tn_tensor *tn_transpose(tn_tensor *x, int dim0, int dim1);
TN_API tn_tensor *tn_t(tn_tensor *x);
TN_API tn_tensor *tn_permute(tn_tensor *x, const int *dims, int n);
TN_API tn_tensor *tn_movedim(tn_tensor *x, const int *source, const int *destination, int n);
TN_API tn_tensor *tn_expand(tn_tensor *x, const int64_t *shape, int ndim);
TN_API tn_tensor *tn_broadcast_to(tn_tensor *x, const int64_t *shape, int ndim);
TN_API tn_tensor *tn_narrow(tn_tensor *x, int dim, int64_t start, int64_t length);
TN_API tn_tensor *tn_select(tn_tensor *x, int dim, int64_t index);
/* x[start:end:step] along dim; start and end may be negative or beyond, as in Python; step > 0. */
TN_API tn_tensor *tn_slice(tn_tensor *x, int dim, int64_t start, int64_t end, int64_t step);
/* Windows of size along dim, step apart, as a new last dim (Tensor.unfold; tn_unfold is im2col). */
TN_API tn_tensor *tn_unfold_dim(tn_tensor *x, int dim, int64_t size, int64_t step);
TN_API tn_tensor *tn_diagonal(tn_tensor *x, int64_t offset, int dim1, int dim2);
TN_API tn_tensor *tn_as_strided(tn_tensor *x, const int64_t *shape, const int64_t *strides, int ndim, int64_t offset);
TN_API tn_tensors tn_unbind(tn_tensor *x, int dim);
/* Pieces of size along dim, the last one shorter; the given sizes; at most chunks pieces. */
TN_API tn_tensors tn_split(tn_tensor *x, int64_t size, int dim);
TN_API tn_tensors tn_split_sizes(tn_tensor *x, const int64_t *sizes, int n, int dim);
TN_API tn_tensors tn_chunk(tn_tensor *x, int chunks, int dim);

/* Joins and rearrangements; these copy. */
TN_API tn_tensor *tn_cat(tn_tensor *const *tensors, int n, int dim);
TN_API tn_tensor *tn_stack(tn_tensor *const *tensors, int n, int dim);
TN_API tn_tensor *tn_repeat(tn_tensor *x, const int64_t *repeats, int n);
/* Each slice along dim repeated: by one number, or by an i64 tensor of one count a slice. dim TN_FLAT flattens. */
#define TN_FLAT (-100)
TN_API tn_tensor *tn_repeat_interleave(tn_tensor *x, int64_t repeats, int dim);
TN_API tn_tensor *tn_repeat_interleave_t(tn_tensor *x, tn_tensor *repeats, int dim);
TN_API tn_tensor *tn_flip(tn_tensor *x, const int *dims, int n);
/* Rotates along dims; n 0 rolls the flattened tensor by shifts[0]. */
TN_API tn_tensor *tn_roll(tn_tensor *x, const int64_t *shifts, const int *dims, int n);
TN_API tn_tensor *tn_tril(tn_tensor *x, int64_t diagonal);
TN_API tn_tensor *tn_triu(tn_tensor *x, int64_t diagonal);
typedef enum { TN_PAD_CONSTANT = 0, TN_PAD_REFLECT, TN_PAD_REPLICATE, TN_PAD_CIRCULAR } tn_pad_mode;
typedef struct { tn_pad_mode mode; double value; } tn_pad_opts;
/* pads: before and after of the last dim, then of the one before it, …; n numbers. Negative crops. */
TN_API tn_tensor *tn_pad(tn_tensor *x, const int64_t *pads, int n, const tn_pad_opts *opts);

/* ============================================================================================================== */
/* >>pointwise (Public)                                                                                           */
/* One result element from the elements that broadcasting brings together. Integers become the default float      */
/* where the function is a real one; comparisons give bool.                                                        */
/* ============================================================================================================== */
TN_API tn_tensor *tn_neg(tn_tensor *x);
TN_API tn_tensor *tn_abs(tn_tensor *x);
TN_API tn_tensor *tn_sign(tn_tensor *x);
TN_API tn_tensor *tn_square(tn_tensor *x);
TN_API tn_tensor *tn_sqrt(tn_tensor *x);
TN_API tn_tensor *tn_rsqrt(tn_tensor *x);
TN_API tn_tensor *tn_reciprocal(tn_tensor *x);
TN_API tn_tensor *tn_exp(tn_tensor *x);
TN_API tn_tensor *tn_expm1(tn_tensor *x);
TN_API tn_tensor *tn_log(tn_tensor *x);
TN_API tn_tensor *tn_log1p(tn_tensor *x);
TN_API tn_tensor *tn_log2(tn_tensor *x);
TN_API tn_tensor *tn_sin(tn_tensor *x);
TN_API tn_tensor *tn_cos(tn_tensor *x);
TN_API tn_tensor *tn_tan(tn_tensor *x);
TN_API tn_tensor *tn_tanh(tn_tensor *x);
TN_API tn_tensor *tn_sigmoid(tn_tensor *x);
TN_API tn_tensor *tn_erf(tn_tensor *x);
TN_API tn_tensor *tn_floor(tn_tensor *x);
TN_API tn_tensor *tn_ceil(tn_tensor *x);
TN_API tn_tensor *tn_trunc(tn_tensor *x);
/* To the nearest whole number, halves to even; tn_round_decimals to that many decimals (negative: tens). */
TN_API tn_tensor *tn_round(tn_tensor *x);
TN_API tn_tensor *tn_round_decimals(tn_tensor *x, int decimals);
TN_API tn_tensor *tn_isnan(tn_tensor *x);
TN_API tn_tensor *tn_isinf(tn_tensor *x);
TN_API tn_tensor *tn_isfinite(tn_tensor *x);
TN_API tn_tensor *tn_logical_not(tn_tensor *x);
TN_API tn_tensor *tn_bitwise_not(tn_tensor *x);

/* Binary; each of x and y may also be a number (see the macros below). */
TN_API tn_tensor *tn_add(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_sub(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_mul(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_div(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_pow(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_remainder(tn_tensor *x, tn_tensor *y); /* takes the sign of y, as Python's % */
TN_API tn_tensor *tn_fmod(tn_tensor *x, tn_tensor *y);      /* takes the sign of x, as C's fmod */
TN_API tn_tensor *tn_floor_divide(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_atan2(tn_tensor *y, tn_tensor *x);
TN_API tn_tensor *tn_maximum(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_minimum(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_eq(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_ne(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_lt(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_le(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_gt(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_ge(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_logical_and(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_logical_or(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_logical_xor(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_bitwise_and(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_bitwise_or(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_bitwise_xor(tn_tensor *x, tn_tensor *y);
/* x + alpha y and x - alpha y. */
TN_API tn_tensor *tn_add_alpha(tn_tensor *x, tn_tensor *y, double alpha);
TN_API tn_tensor *tn_sub_alpha(tn_tensor *x, tn_tensor *y, double alpha);
typedef enum { TN_ROUND_NONE = 0, TN_ROUND_TRUNC, TN_ROUND_FLOOR } tn_rounding;
TN_API tn_tensor *tn_div_rounded(tn_tensor *x, tn_tensor *y, tn_rounding mode);
/* min and max may be tensors, numbers or NULL. NaN stays. */
TN_API tn_tensor *tn_clamp(tn_tensor *x, tn_tensor *min, tn_tensor *max);
TN_API tn_tensor *tn_where(tn_tensor *condition, tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_lerp(tn_tensor *start, tn_tensor *end, tn_tensor *weight);
TN_API tn_tensor *tn_masked_fill(tn_tensor *x, tn_tensor *mask, tn_tensor *value);
TN_API tn_tensor *tn_addcmul(tn_tensor *x, tn_tensor *a, tn_tensor *b, double value); /* x + value a b */
TN_API tn_tensor *tn_addcdiv(tn_tensor *x, tn_tensor *a, tn_tensor *b, double value); /* x + value a / b */

/* In place; they return x. An error where x is a leaf that requires grad, or where the result does not fit x. */
TN_API tn_tensor *tn_add_(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_sub_(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_mul_(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_div_(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_pow_(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_add_alpha_(tn_tensor *x, tn_tensor *y, double alpha);
TN_API tn_tensor *tn_addcmul_(tn_tensor *x, tn_tensor *a, tn_tensor *b, double value);
TN_API tn_tensor *tn_addcdiv_(tn_tensor *x, tn_tensor *a, tn_tensor *b, double value);
TN_API tn_tensor *tn_lerp_(tn_tensor *x, tn_tensor *end, tn_tensor *weight);
TN_API tn_tensor *tn_clamp_(tn_tensor *x, tn_tensor *min, tn_tensor *max);
TN_API tn_tensor *tn_masked_fill_(tn_tensor *x, tn_tensor *mask, tn_tensor *value);
TN_API tn_tensor *tn_neg_(tn_tensor *x);
TN_API tn_tensor *tn_exp_(tn_tensor *x);
TN_API tn_tensor *tn_sqrt_(tn_tensor *x);
TN_API tn_tensor *tn_relu_(tn_tensor *x);
TN_API tn_tensor *tn_sigmoid_(tn_tensor *x);
TN_API tn_tensor *tn_tanh_(tn_tensor *x);

/* Activations. */
TN_API tn_tensor *tn_relu(tn_tensor *x);
TN_API tn_tensor *tn_relu6(tn_tensor *x);
TN_API tn_tensor *tn_leaky_relu(tn_tensor *x, double negative_slope); /* PyTorch's default: 0.01 */
TN_API tn_tensor *tn_elu(tn_tensor *x, double alpha);
TN_API tn_tensor *tn_selu(tn_tensor *x);
typedef enum { TN_GELU_NONE = 0, TN_GELU_TANH } tn_gelu_mode;
TN_API tn_tensor *tn_gelu(tn_tensor *x, tn_gelu_mode approximate);
TN_API tn_tensor *tn_silu(tn_tensor *x);
TN_API tn_tensor *tn_mish(tn_tensor *x);
/* log(1 + exp(beta x)) / beta, x itself where beta x > threshold. PyTorch's defaults: 1, 20. */
TN_API tn_tensor *tn_softplus(tn_tensor *x, double beta, double threshold);
TN_API tn_tensor *tn_hardtanh(tn_tensor *x, double min_val, double max_val);
TN_API tn_tensor *tn_hardswish(tn_tensor *x);
TN_API tn_tensor *tn_hardsigmoid(tn_tensor *x);
TN_API tn_tensor *tn_logsigmoid(tn_tensor *x);
TN_API tn_tensor *tn_prelu(tn_tensor *x, tn_tensor *weight); /* weight: one, or one a channel (dim 1) */
/* The first half of dim times the sigmoid of the second. */
TN_API tn_tensor *tn_glu(tn_tensor *x, int dim);
/* Zeroes elements with probability p and scales the rest by 1 / (1 - p); x itself unless training. The functions of
   modules pass tn_module_training(self); tn_dropout trains. dropout2d zeroes whole channels of [N, C, ...]. */
TN_API tn_tensor *tn_dropout(tn_tensor *x, double p, bool training);
TN_API tn_tensor *tn_dropout2d(tn_tensor *x, double p, bool training);

/* A chain of pointwise rows as one op, which reads its inputs and writes its result once. op: a row of the table
   (tn_op_row("gelu")), any pointwise one that floats have, comparisons too. a, b, c: its operands by number, as many as
   the row has; 0 to n - 1 are the inputs, n + k is the result of step k. p: the row's numbers: of add_alpha, addcmul,
   addcdiv and leaky_relu the factor, of elu the two slopes (alpha, 1), of softplus, hardtanh their two, of round_decimals
   10^|decimals| and whether decimals < 0; others have none. */
typedef struct { int op; int a, b, c; double p[2]; } tn_fused_step;
/* The last of 1 to 16 steps is the result, over the shape that the 1 to 8 inputs broadcast to. Inputs are floating, or
   numbers (tn_arg_f), and promote to one dtype, which the result has. Every step computes in f32 (f64 for f64), also
   where the inputs are halves, and the result is rounded once. Truth is 0 or 1 in that dtype, and what is not 0 is true.
   TN_ERR_INVALID names a step that is not possible; TN_ERR_DTYPE, TN_ERR_SHAPE as of other ops. Differentiable as often
   as its steps: the steps are computed again for the gradient, so that nothing but the inputs is kept. */
TN_API tn_tensor *tn_fused_pointwise(const tn_fused_step *steps, int n_steps, tn_tensor *const *in, int n);

#ifndef __cplusplus
/* Numbers as operands: an integer or floating number counts by its category alone in promotion. */
#define TN__ARG(v)                                                                                                     \
    _Generic((v), float: tn_arg_f, double: tn_arg_f, long double: tn_arg_f, bool: tn_arg_b, tn_tensor *: tn_arg_t,      \
        void *: tn_arg_t, default: tn_arg_i)(v)
#define tn_add(x, y) (tn_add)(TN__ARG(x), TN__ARG(y))
#define tn_sub(x, y) (tn_sub)(TN__ARG(x), TN__ARG(y))
#define tn_mul(x, y) (tn_mul)(TN__ARG(x), TN__ARG(y))
#define tn_div(x, y) (tn_div)(TN__ARG(x), TN__ARG(y))
#define tn_pow(x, y) (tn_pow)(TN__ARG(x), TN__ARG(y))
#define tn_remainder(x, y) (tn_remainder)(TN__ARG(x), TN__ARG(y))
#define tn_fmod(x, y) (tn_fmod)(TN__ARG(x), TN__ARG(y))
#define tn_floor_divide(x, y) (tn_floor_divide)(TN__ARG(x), TN__ARG(y))
#define tn_eq(x, y) (tn_eq)(TN__ARG(x), TN__ARG(y))
#define tn_ne(x, y) (tn_ne)(TN__ARG(x), TN__ARG(y))
#define tn_lt(x, y) (tn_lt)(TN__ARG(x), TN__ARG(y))
#define tn_le(x, y) (tn_le)(TN__ARG(x), TN__ARG(y))
#define tn_gt(x, y) (tn_gt)(TN__ARG(x), TN__ARG(y))
#define tn_ge(x, y) (tn_ge)(TN__ARG(x), TN__ARG(y))
#define tn_clamp(x, lo, hi) (tn_clamp)(x, TN__ARG(lo), TN__ARG(hi))
#define tn_where(c, x, y) (tn_where)(c, TN__ARG(x), TN__ARG(y))
#define tn_lerp(x, y, w) (tn_lerp)(x, y, TN__ARG(w))
#define tn_masked_fill(x, m, v) (tn_masked_fill)(x, m, TN__ARG(v))
#define tn_add_(x, y) (tn_add_)(x, TN__ARG(y))
#define tn_sub_(x, y) (tn_sub_)(x, TN__ARG(y))
#define tn_mul_(x, y) (tn_mul_)(x, TN__ARG(y))
#define tn_div_(x, y) (tn_div_)(x, TN__ARG(y))
#define tn_pow_(x, y) (tn_pow_)(x, TN__ARG(y))
#define tn_lerp_(x, y, w) (tn_lerp_)(x, y, TN__ARG(w))
#define tn_clamp_(x, lo, hi) (tn_clamp_)(x, TN__ARG(lo), TN__ARG(hi))
#define tn_masked_fill_(x, m, v) (tn_masked_fill_)(x, m, TN__ARG(v))
#define tn_fill(x, v) (tn_fill)(x, TN__ARG(v))
#define tn_normal(mean, std, opts) (tn_normal)(TN__ARG(mean), TN__ARG(std), opts)
#endif

/* ============================================================================================================== */
/* >>reduce (Public)                                                                                              */
/* Sums, extremes, moments, norms, running sums, softmax. Without options over all dims. bool and integers sum to  */
/* i64; f16 and bf16 accumulate in f32; f32 in blocks, so that the error does not grow with the length.             */
/* ============================================================================================================== */
TN_API tn_tensor *tn_sum(tn_tensor *x, const tn_reduce_opts *opts);
TN_API tn_tensor *tn_mean(tn_tensor *x, const tn_reduce_opts *opts);
TN_API tn_tensor *tn_prod(tn_tensor *x, const tn_reduce_opts *opts);   /* all dims or one */
TN_API tn_tensor *tn_amax(tn_tensor *x, const tn_reduce_opts *opts);   /* the gradient is shared among ties */
TN_API tn_tensor *tn_amin(tn_tensor *x, const tn_reduce_opts *opts);
TN_API tn_tensor *tn_any(tn_tensor *x, const tn_reduce_opts *opts);
TN_API tn_tensor *tn_all(tn_tensor *x, const tn_reduce_opts *opts);
TN_API tn_tensor *tn_count_nonzero(tn_tensor *x, const tn_reduce_opts *opts);
TN_API tn_tensor *tn_logsumexp(tn_tensor *x, const tn_reduce_opts *opts);
/* The first index of the extreme, i64; over the flattened tensor without a dim. NaN is the extreme of both. */
TN_API tn_tensor *tn_argmax(tn_tensor *x, const tn_reduce_opts *opts);
TN_API tn_tensor *tn_argmin(tn_tensor *x, const tn_reduce_opts *opts);
TN_API tn_tensor *tn_max(tn_tensor *x);
TN_API tn_tensor *tn_min(tn_tensor *x);
TN_API tn_values_indices tn_max_dim(tn_tensor *x, int dim, bool keepdim); /* the gradient goes to that index */
TN_API tn_values_indices tn_min_dim(tn_tensor *x, int dim, bool keepdim);
typedef struct {
    int dim;
    bool has_dim, keepdim;
    int dims[TN_MAX_DIMS], n_dims;
    double correction;       /* divides by n - correction; default 1, TN_ZERO for the population's */
} tn_var_opts;
typedef struct { tn_tensor *var, *mean; } tn_var_mean_result;
TN_API tn_tensor *tn_var(tn_tensor *x, const tn_var_opts *opts);
TN_API tn_tensor *tn_std(tn_tensor *x, const tn_var_opts *opts);
TN_API tn_var_mean_result tn_var_mean(tn_tensor *x, const tn_var_opts *opts);
/* torch.linalg.vector_norm: (sum |x|^ord)^(1/ord); INFINITY and -INFINITY for extremes, 0 counts. */
TN_API tn_tensor *tn_linalg_vector_norm(tn_tensor *x, double ord, const tn_reduce_opts *opts);
TN_API tn_tensor *tn_cumsum(tn_tensor *x, int dim, tn_dtype dtype);
/* dtype TN_DTYPE_DEFAULT: x's. */
TN_API tn_tensor *tn_softmax(tn_tensor *x, int dim, tn_dtype dtype);
TN_API tn_tensor *tn_log_softmax(tn_tensor *x, int dim, tn_dtype dtype);

/* ============================================================================================================== */
/* >>matmul (Public)                                                                                              */
/* Products of matrices, through one GEMM entry. All operands of one dtype.                                        */
/* ============================================================================================================== */
/* How exactly devices multiply f32 (torch.set_float32_matmul_precision): highest, the default, in f32; high and medium allow
   TF32, 10 bits of significand, with sums in f32. Of the process; the CPU always computes in f32. TN_ERR_INVALID: no such. */
typedef enum { TN_MATMUL_HIGHEST = 0, TN_MATMUL_HIGH, TN_MATMUL_MEDIUM } tn_matmul_precision;
TN_API tn_status tn_set_float32_matmul_precision(tn_matmul_precision precision);
TN_API tn_matmul_precision tn_get_float32_matmul_precision(void);
TN_API tn_tensor *tn_matmul(tn_tensor *a, tn_tensor *b);
TN_API tn_tensor *tn_mm(tn_tensor *a, tn_tensor *b);
TN_API tn_tensor *tn_bmm(tn_tensor *a, tn_tensor *b);
TN_API tn_tensor *tn_mv(tn_tensor *a, tn_tensor *x);
TN_API tn_tensor *tn_dot(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_outer(tn_tensor *x, tn_tensor *y);
/* beta c + alpha a b; where beta is 0, c is not read (its NaN do not count). */
TN_API tn_tensor *tn_addmm(tn_tensor *c, tn_tensor *a, tn_tensor *b, double beta, double alpha);
TN_API tn_tensor *tn_baddbmm(tn_tensor *c, tn_tensor *a, tn_tensor *b, double beta, double alpha);
/* x [..., in] times weight [out, in] transposed, plus bias [out] if not NULL. */
TN_API tn_tensor *tn_linear(tn_tensor *x, tn_tensor *weight, tn_tensor *bias);
/* "bij,bjk->bik", with ellipsis, repeated indices and the implicit output of torch.einsum. */
TN_API tn_tensor *tn_einsum(const char *equation, tn_tensor *const *operands, int n);

/* ============================================================================================================== */
/* >>conv (Public)                                                                                                */
/* Convolution, pooling, unfolding, resizing. Layout [N, C, D, H, W], trailing dims as there are; N may be absent.  */
/* ============================================================================================================== */
/* Per-axis fields count when their has_ flag or first element is non-zero; else the single value holds for all. */
typedef enum { TN_PADDING_NUMBERS = 0, TN_PADDING_VALID, TN_PADDING_SAME } tn_padding;
typedef struct {
    int64_t stride, strides[3];         /* default 1 */
    int64_t padding, paddings[3];       /* default 0; paddings with per_axis_padding */
    bool per_axis_padding;
    int64_t dilation, dilations[3];     /* default 1 */
    int64_t output_padding, output_paddings[3]; /* transposed only; per axis where any is non-zero */
    int64_t groups;                     /* default 1 */
    tn_padding padding_mode_same;       /* TN_PADDING_SAME: as padding="same" */
    int64_t kernel_sizes[3];            /* of a module, where its axes differ */
    bool no_bias;                       /* of a module */
    tn_pad_mode padding_mode;           /* of a module */
} tn_conv_opts;
/* x [N, C, *], weight [O, C / groups, *], bias [O] or NULL. One dtype, floating or i64. */
TN_API tn_tensor *tn_conv1d(tn_tensor *x, tn_tensor *weight, tn_tensor *bias, const tn_conv_opts *opts);
TN_API tn_tensor *tn_conv2d(tn_tensor *x, tn_tensor *weight, tn_tensor *bias, const tn_conv_opts *opts);
TN_API tn_tensor *tn_conv3d(tn_tensor *x, tn_tensor *weight, tn_tensor *bias, const tn_conv_opts *opts);
/* weight [C, O / groups, *]. */
TN_API tn_tensor *tn_conv_transpose1d(tn_tensor *x, tn_tensor *weight, tn_tensor *bias, const tn_conv_opts *opts);
TN_API tn_tensor *tn_conv_transpose2d(tn_tensor *x, tn_tensor *weight, tn_tensor *bias, const tn_conv_opts *opts);
TN_API tn_tensor *tn_conv_transpose3d(tn_tensor *x, tn_tensor *weight, tn_tensor *bias, const tn_conv_opts *opts);

typedef struct {
    int64_t kernel_sizes[3];            /* where the axes differ: instead of kernel_size */
    int64_t stride, strides[3];         /* default: the kernel size */
    int64_t padding, paddings[3];       /* paddings with per_axis_padding */
    bool per_axis_padding;
    int64_t dilation, dilations[3];     /* max pools; default 1 */
    bool ceil_mode;
    bool exclude_pad;                   /* average pools: count_include_pad=False */
    int64_t divisor_override;           /* average pools; 0: none */
} tn_pool_opts;
TN_API tn_tensor *tn_max_pool1d(tn_tensor *x, int64_t kernel_size, const tn_pool_opts *opts);
TN_API tn_tensor *tn_max_pool2d(tn_tensor *x, int64_t kernel_size, const tn_pool_opts *opts);
/* With the flat index of each maximum in its plane, i64. */
TN_API tn_values_indices tn_max_pool1d_indices(tn_tensor *x, int64_t kernel_size, const tn_pool_opts *opts);
TN_API tn_values_indices tn_max_pool2d_indices(tn_tensor *x, int64_t kernel_size, const tn_pool_opts *opts);
TN_API tn_tensor *tn_avg_pool1d(tn_tensor *x, int64_t kernel_size, const tn_pool_opts *opts);
TN_API tn_tensor *tn_avg_pool2d(tn_tensor *x, int64_t kernel_size, const tn_pool_opts *opts);
/* output sizes, n of them; -1 keeps the input's. */
TN_API tn_tensor *tn_adaptive_avg_pool2d(tn_tensor *x, const int64_t *output, int n);
TN_API tn_values_indices tn_adaptive_max_pool2d(tn_tensor *x, const int64_t *output, int n);
/* torch.nn.functional.unfold (im2col): the windows of x [N, C, H, W] or [C, H, W] as columns, [N, C kh kw, windows], and
   fold, its transpose, which sums overlaps into [N, C, height, width]. Floating dtypes. TN_ERR_SHAPE where no window fits
   or the columns are not those of that size. Differentiable any number of times. */
typedef struct {
    int64_t kernel[2], dilation[2], padding[2], stride[2]; /* of height and width; dilation and stride: 0 means 1 */
} tn_unfold_opts;
TN_API tn_tensor *tn_unfold(tn_tensor *x, const tn_unfold_opts *opts);
TN_API tn_tensor *tn_fold(tn_tensor *x, int64_t height, int64_t width, const tn_unfold_opts *opts);
/* torch.nn.functional.interpolate: x [N, C, *] with 1 to 3 axes resized to sizes or by factors; exactly one of the two.
   Floating dtypes. Linear takes one axis, bilinear and bicubic two, trilinear three; the others any. The factors that were
   given place the samples, unless recompute_scale_factor. No antialiasing. Differentiable any number of times. */
typedef enum { TN_NEAREST = 0, TN_NEAREST_EXACT, TN_LINEAR, TN_BILINEAR, TN_BICUBIC, TN_TRILINEAR, TN_AREA } tn_interpolation;
typedef struct {
    int64_t size[3]; int n_size;        /* the output's sizes: 1 (all axes) or one an axis; or … */
    double scale[3]; int n_scale;       /* … factors */
    tn_interpolation mode;
    bool align_corners;                 /* the linear modes and bicubic: corners keep their values */
    bool recompute_scale_factor;
} tn_interpolate_opts;
TN_API tn_tensor *tn_interpolate(tn_tensor *x, const tn_interpolate_opts *opts);
TN_API tn_tensor *tn_pixel_shuffle(tn_tensor *x, int64_t upscale_factor);

/* ============================================================================================================== */
/* >>norm (Public)                                                                                                */
/* Normalisations. eps fields: default 1e-5 unless said otherwise.                                                 */
/* ============================================================================================================== */
typedef struct {
    tn_tensor *weight, *bias;                 /* [C], optional */
    tn_tensor *running_mean, *running_var;    /* [C], optional; updated in place when training */
    bool training;
    double momentum;                          /* default 0.1 */
    double eps;                               /* default 1e-5 */
} tn_batch_norm_opts;
TN_API tn_tensor *tn_batch_norm(tn_tensor *x, const tn_batch_norm_opts *opts);
/* Statistics of each [n, c] plane; with running statistics and not use_running unless asked. */
typedef struct {
    tn_tensor *weight, *bias, *running_mean, *running_var;
    bool use_running_stats;                   /* use_input_stats=False */
    double momentum, eps;
} tn_instance_norm_opts;
TN_API tn_tensor *tn_instance_norm(tn_tensor *x, const tn_instance_norm_opts *opts);
/* Over the last n dims, whose sizes normalized_shape gives. weight, bias: that shape, or NULL. */
TN_API tn_tensor *tn_layer_norm(tn_tensor *x, const int64_t *normalized_shape, int n, tn_tensor *weight, tn_tensor *bias, double eps);
TN_API tn_tensor *tn_group_norm(tn_tensor *x, int64_t groups, tn_tensor *weight, tn_tensor *bias, double eps);
/* eps 0: the dtype's epsilon, as PyTorch. */
TN_API tn_tensor *tn_rms_norm(tn_tensor *x, const int64_t *normalized_shape, int n, tn_tensor *weight, double eps);
/* x / max(norm_p(x), eps) along dim. PyTorch's defaults: 2, 1, 1e-12. */
TN_API tn_tensor *tn_normalize(tn_tensor *x, double p, int dim, double eps);
TN_API tn_tensor *tn_cosine_similarity(tn_tensor *x, tn_tensor *y, int dim, double eps);

/* ============================================================================================================== */
/* >>index (Public)                                                                                               */
/* Elements chosen by indices and masks. Indices are i64 (i32 where PyTorch takes it), negative ones only in        */
/* tn_index. Out-of-range indices are errors that name the index and the size.                                     */
/* ============================================================================================================== */
typedef enum { TN_INDEX_INT = 0, TN_INDEX_SLICE, TN_INDEX_NONE, TN_INDEX_ELLIPSIS, TN_INDEX_TENSOR } tn_index_kind;
typedef struct {
    tn_index_kind kind;
    int64_t start, stop, step;          /* INT: start. SLICE: step 0 means 1 */
    bool has_start, has_stop;           /* SLICE: an absent bound */
    tn_tensor *tensor;                  /* TENSOR: i64, i32, u8 or bool */
} tn_index_item;
/* x[items…] as Python: ints, slices, None, ellipsis, bool and integer tensors. A view if no tensor is among them. */
TN_API tn_tensor *tn_getitem(tn_tensor *x, const tn_index_item *items, int n);
/* x[items…] = value, in place; returns x. */
TN_API tn_tensor *tn_setitem_(tn_tensor *x, const tn_index_item *items, int n, tn_tensor *value);
/* x[indices], one tensor a leading dim; a NULL takes the whole dim (the count n says how many there are). */
TN_API tn_tensor *tn_index(tn_tensor *x, tn_tensor *const *indices, int n);
TN_API tn_tensor *tn_index_put(tn_tensor *x, tn_tensor *const *indices, int n, tn_tensor *values, bool accumulate);
TN_API tn_tensor *tn_index_put_(tn_tensor *x, tn_tensor *const *indices, int n, tn_tensor *values, bool accumulate);
TN_API tn_tensor *tn_index_select(tn_tensor *x, int dim, tn_tensor *index);
TN_API tn_tensor *tn_index_add(tn_tensor *x, int dim, tn_tensor *index, tn_tensor *source, double alpha);
TN_API tn_tensor *tn_index_add_(tn_tensor *x, int dim, tn_tensor *index, tn_tensor *source, double alpha);
TN_API tn_tensor *tn_gather(tn_tensor *x, int dim, tn_tensor *index);
TN_API tn_tensor *tn_scatter(tn_tensor *x, int dim, tn_tensor *index, tn_tensor *src);   /* src: a tensor or a number */
TN_API tn_tensor *tn_scatter_(tn_tensor *x, int dim, tn_tensor *index, tn_tensor *src);
TN_API tn_tensor *tn_scatter_add(tn_tensor *x, int dim, tn_tensor *index, tn_tensor *src);
TN_API tn_tensor *tn_scatter_add_(tn_tensor *x, int dim, tn_tensor *index, tn_tensor *src);
typedef enum { TN_REDUCE_SUM = 0, TN_REDUCE_PROD, TN_REDUCE_MEAN, TN_REDUCE_AMAX, TN_REDUCE_AMIN } tn_reduction_kind;
TN_API tn_tensor *tn_scatter_reduce(tn_tensor *x, int dim, tn_tensor *index, tn_tensor *src, tn_reduction_kind reduce,
                                    bool exclude_self);
TN_API tn_tensor *tn_masked_select(tn_tensor *x, tn_tensor *mask);
/* i64 [count, ndim]. */
TN_API tn_tensor *tn_nonzero(tn_tensor *x);
typedef struct {
    int64_t padding_idx; bool has_padding_idx;
    double max_norm; bool has_max_norm; /* rows that are looked up are rescaled in place to that norm */
    double norm_type;                   /* default 2 */
    bool scale_grad_by_freq;
} tn_embedding_opts;
/* weight [count, width], index any shape: [..., width]. */
TN_API tn_tensor *tn_embedding(tn_tensor *index, tn_tensor *weight, const tn_embedding_opts *opts);
/* num_classes -1: the largest index + 1. i64. */
TN_API tn_tensor *tn_one_hot(tn_tensor *index, int64_t num_classes);
/* Counts (or sums of weights) of each value of a 1-d integer tensor. */
TN_API tn_tensor *tn_bincount(tn_tensor *x, tn_tensor *weights, int64_t minlength);
typedef struct {
    tn_tensor *lengths, *offsets;       /* one of them */
    int axis;
    bool unsafe;                        /* do not check that lengths sum to the size */
    double initial; bool has_initial;
} tn_segment_reduce_opts;
TN_API tn_tensor *tn_segment_reduce(tn_tensor *x, tn_reduction_kind reduce, const tn_segment_reduce_opts *opts);
/* torch.sparse.mm: A @ x for a sparse A [n, k] in compressed rows and x [k, m]. crow_indices [n + 1] and col_indices [nnz]
   are int64 or int32, values [nnz] of x's dtype, NULL for ones; a floating dtype. A is never made dense. Gradient for x and values. */
TN_API tn_tensor *tn_sparse_mm(tn_tensor *crow_indices, tn_tensor *col_indices, tn_tensor *values, tn_tensor *x);
#ifndef __cplusplus
#define tn_scatter(x, dim, index, src) (tn_scatter)(x, dim, index, TN__ARG(src))
#define tn_scatter_(x, dim, index, src) (tn_scatter_)(x, dim, index, TN__ARG(src))
#endif

/* ============================================================================================================== */
/* >>sort (Public)                                                                                                */
/* Order: sorting, selection, search, distinct values. NaN is the largest.                                         */
/* ============================================================================================================== */
TN_API tn_values_indices tn_sort(tn_tensor *x, int dim, bool descending, bool stable);
TN_API tn_tensor *tn_argsort(tn_tensor *x, int dim, bool descending, bool stable);
typedef struct { int dim; bool has_dim; bool smallest; bool unsorted; } tn_topk_opts; /* dim: default the last */
TN_API tn_values_indices tn_topk(tn_tensor *x, int64_t k, const tn_topk_opts *opts);
typedef struct { bool return_inverse, return_counts, unsorted; int dim; bool has_dim; } tn_unique_opts;
typedef struct { tn_tensor *output, *inverse, *counts; } tn_unique_result; /* what was not asked for is NULL */
TN_API tn_unique_result tn_unique(tn_tensor *x, const tn_unique_opts *opts);
typedef struct { bool right; bool out_int32; tn_tensor *sorter; } tn_searchsorted_opts;
TN_API tn_tensor *tn_searchsorted(tn_tensor *sorted, tn_tensor *values, const tn_searchsorted_opts *opts);

/* ============================================================================================================== */
/* >>attention (Public)                                                                                           */
/* Scaled dot-product attention and the functional form of multi-head attention.                                   */
/* ============================================================================================================== */
typedef struct {
    tn_tensor *attn_mask;               /* bool (true takes part) or floating (added); broadcasts to [..., L, S] */
    double dropout_p;
    bool is_causal;
    double scale;                       /* default 1 / sqrt(head width) */
    bool enable_gqa;                    /* heads of key and value divide the query's */
} tn_sdpa_opts;
/* query [..., L, E], key [..., S, E], value [..., S, V]: [..., L, V]. A fully masked row gives 0. */
TN_API tn_tensor *tn_scaled_dot_product_attention(tn_tensor *query, tn_tensor *key, tn_tensor *value, const tn_sdpa_opts *opts);
typedef struct {
    tn_tensor *in_proj_weight, *in_proj_bias;               /* [3E, E], [3E] or NULL */
    tn_tensor *q_proj_weight, *k_proj_weight, *v_proj_weight; /* instead of in_proj_weight where widths differ */
    tn_tensor *bias_k, *bias_v;
    bool add_zero_attn;
    double dropout_p;
    tn_tensor *out_proj_weight, *out_proj_bias;
    bool training;
    tn_tensor *key_padding_mask;                            /* [N, S], bool true = ignored, or floating */
    tn_tensor *attn_mask;                                   /* [L, S] or [N heads, L, S], bool true = ignored, or floating */
    bool is_causal;
    bool need_weights, separate_head_weights;               /* average_attn_weights=False */
} tn_mha_opts;
typedef struct { tn_tensor *output, *weights; } tn_mha_result;
/* query [L, N, E] or [L, E]. */
TN_API tn_mha_result tn_multi_head_attention_forward(tn_tensor *query, tn_tensor *key, tn_tensor *value, int64_t embed_dim,
                                                     int64_t num_heads, const tn_mha_opts *opts);

/* ============================================================================================================== */

/* ============================================================================================================== */
/* >>rnn (Public)                                                                                                 */
/* Recurrent nets over whole sequences: gates i, f, g, o (LSTM) and r, z, n (GRU), two biases, as PyTorch.         */
/* ============================================================================================================== */
/* On failure all are NULL. */
typedef struct { tn_tensor *output, *h_n, *c_n; } tn_rnn_result; /* c_n: LSTM only */
typedef struct {
    int num_layers;                     /* default 1 */
    bool bidirectional, batch_first, no_bias;
    double dropout;                     /* on each layer's output but the last's, while training */
    bool training;                      /* functions only: a module knows */
} tn_rnn_opts;
/* torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu: x [T, B, in], [B, T, in] under batch_first, or [T, in] for one
   sequence. h0, c0 [layers * directions, B, hidden] (no B for one sequence) or NULL for zeros. weights: n tensors, for each
   layer and direction w_ih [G hidden, in], w_hh [G hidden, hidden], b_ih, b_hh [G hidden] (no biases under no_bias), G the
   gates. output [T, B, directions * hidden], laid out as x; h_n, c_n as h0. One floating dtype (halves compute in f32).
   TN_ERR_SHAPE, TN_ERR_DTYPE where operands do not fit; T = 0 is refused. Differentiable twice in all operands. */
TN_API tn_rnn_result tn_lstm(tn_tensor *x, tn_tensor *h0, tn_tensor *c0, tn_tensor *const *weights, int n, const tn_rnn_opts *opts);
TN_API tn_rnn_result tn_gru(tn_tensor *x, tn_tensor *h0, tn_tensor *const *weights, int n, const tn_rnn_opts *opts);
TN_API tn_rnn_result tn_rnn_tanh(tn_tensor *x, tn_tensor *h0, tn_tensor *const *weights, int n, const tn_rnn_opts *opts);
TN_API tn_rnn_result tn_rnn_relu(tn_tensor *x, tn_tensor *h0, tn_tensor *const *weights, int n, const tn_rnn_opts *opts);
/* torch.lstm_cell and its kin: one step. x [B, in] or [in]; h, c [B, hidden] or [hidden], or NULL for zeros; biases both or
   neither. The new h (of the LSTM: output and h_n the same h, and c_n). Errors and gradient as above. */
TN_API tn_rnn_result tn_lstm_cell(tn_tensor *x, tn_tensor *h, tn_tensor *c, tn_tensor *w_ih, tn_tensor *w_hh, tn_tensor *b_ih, tn_tensor *b_hh);
TN_API tn_tensor *tn_gru_cell(tn_tensor *x, tn_tensor *h, tn_tensor *w_ih, tn_tensor *w_hh, tn_tensor *b_ih, tn_tensor *b_hh);
TN_API tn_tensor *tn_rnn_tanh_cell(tn_tensor *x, tn_tensor *h, tn_tensor *w_ih, tn_tensor *w_hh, tn_tensor *b_ih, tn_tensor *b_hh);
TN_API tn_tensor *tn_rnn_relu_cell(tn_tensor *x, tn_tensor *h, tn_tensor *w_ih, tn_tensor *w_hh, tn_tensor *b_ih, tn_tensor *b_hh);

/* ============================================================================================================== */
/* >>loss (Public)                                                                                                */
/* Losses: 0-d under mean and sum, the elements' own shape under none.                                             */
/* ============================================================================================================== */
typedef enum { TN_MEAN = 0, TN_SUM, TN_NONE, TN_BATCHMEAN } tn_reduction;
typedef struct {
    tn_tensor *weight;                  /* [C], one a class */
    int64_t ignore_index; bool has_ignore_index; /* default -100 */
    double label_smoothing;             /* cross_entropy only */
    tn_reduction reduction;
} tn_cross_entropy_opts;
/* x [N, C, *] or [C]; target i64 class indices [N, *], or probabilities of x's shape. */
TN_API tn_tensor *tn_cross_entropy(tn_tensor *x, tn_tensor *target, const tn_cross_entropy_opts *opts);
TN_API tn_tensor *tn_nll_loss(tn_tensor *x, tn_tensor *target, const tn_cross_entropy_opts *opts);
typedef struct {
    tn_reduction reduction;
    tn_tensor *weight, *pos_weight;     /* binary cross-entropies */
    double beta;                        /* smooth_l1, default 1 (TN_ZERO: l1) */
    double delta;                       /* huber, default 1 */
    bool log_target;                    /* kl_div */
} tn_loss_opts;
TN_API tn_tensor *tn_mse_loss(tn_tensor *x, tn_tensor *target, const tn_loss_opts *opts);
TN_API tn_tensor *tn_l1_loss(tn_tensor *x, tn_tensor *target, const tn_loss_opts *opts);
TN_API tn_tensor *tn_smooth_l1_loss(tn_tensor *x, tn_tensor *target, const tn_loss_opts *opts);
TN_API tn_tensor *tn_huber_loss(tn_tensor *x, tn_tensor *target, const tn_loss_opts *opts);
/* x and target are probabilities: TN_ERR_INVALID outside [0, 1]. */
TN_API tn_tensor *tn_binary_cross_entropy(tn_tensor *x, tn_tensor *target, const tn_loss_opts *opts);
TN_API tn_tensor *tn_binary_cross_entropy_with_logits(tn_tensor *x, tn_tensor *target, const tn_loss_opts *opts);
TN_API tn_tensor *tn_kl_div(tn_tensor *x, tn_tensor *target, const tn_loss_opts *opts);

/* ============================================================================================================== */
/* >>autograd (Public)                                                                                            */
/* The dynamic graph: what records it, walks it back, hooks into it, and checks it.                                */
/* ============================================================================================================== */
/* Backward from a one-element tensor; gradients add up in the leaves' tn_grad. */
TN_API tn_status tn_backward(tn_tensor *loss);
typedef struct {
    tn_tensor *gradient;                /* of the root's shape; required unless it has one element */
    bool retain_graph;
    bool create_graph;                  /* the backward is itself recorded, for higher derivatives */
} tn_backward_opts;
TN_API tn_status tn_backward_with(tn_tensor *root, const tn_backward_opts *opts);
/* torch.autograd.grad: d outputs / d inputs, without touching .grad. grad_outputs may be NULL (ones for one-element
   outputs). An input that the outputs do not depend on is an error, or NULL with allow_unused. */
typedef struct { bool retain_graph, create_graph, allow_unused; } tn_grad_opts;
TN_API tn_tensors tn_autograd_grad(tn_tensor *const *outputs, int n_outputs, tn_tensor *const *inputs, int n_inputs,
                                   tn_tensor *const *grad_outputs, const tn_grad_opts *opts);
TN_API bool tn_requires_grad(const tn_tensor *t);
/* Marks a leaf; returns it. Only floating dtypes. */
TN_API tn_tensor *tn_requires_grad_(tn_tensor *t, bool on);
TN_API bool tn_is_leaf(const tn_tensor *t);
/* The accumulated gradient, NULL if there is none (no error). It lives as long as t. */
TN_API tn_tensor *tn_grad(const tn_tensor *t);
TN_API tn_status tn_set_grad(tn_tensor *t, tn_tensor *grad); /* NULL drops it */
TN_API void tn_retain_grad(tn_tensor *t);                    /* a non-leaf keeps its gradient too */
TN_API tn_tensor *tn_detach(tn_tensor *t);                   /* the same data without a history */
TN_API tn_tensor *tn_detach_(tn_tensor *t);
/* The op that made t ("mul"), "" for a leaf. */
TN_API const char *tn_grad_fn_name(const tn_tensor *t);
TN_API bool tn_is_grad_enabled(void);
TN_API bool tn_set_grad_enabled(bool on);                    /* returns what it was */
/* Hooks: called with the gradient of t before it flows on; a tensor that they return takes its place. */
typedef tn_tensor *(*tn_hook_fn)(void *user, tn_tensor *grad);
TN_API tn_status tn_register_hook(tn_tensor *t, tn_hook_fn fn, void *user);
/* After a leaf's gradient was accumulated. */
TN_API tn_status tn_register_post_accumulate_grad_hook(tn_tensor *leaf, void (*fn)(void *user, tn_tensor *leaf), void *user);
/* A function of the user's with its own gradient. forward runs without recording, and may save tensors with
   tn_save_for_backward; backward gets the outputs' gradients and fills grads[] (NULL = none). */
typedef struct tn_function_ctx tn_function_ctx;
typedef struct {
    const char *name;
    tn_tensor *(*forward)(tn_function_ctx *ctx, tn_tensor *const *in, int n);
    tn_status (*backward)(tn_function_ctx *ctx, tn_tensor *grad, tn_tensor **grads, int n);
    void *user;
} tn_function;
TN_API tn_tensor *tn_function_apply(const tn_function *f, tn_tensor *const *in, int n);
TN_API tn_status tn_save_for_backward(tn_function_ctx *ctx, tn_tensor *const *tensors, int n);
TN_API tn_tensor *tn_saved(tn_function_ctx *ctx, int i);
TN_API bool tn_needs_input_grad(tn_function_ctx *ctx, int i);
TN_API void *tn_function_user(tn_function_ctx *ctx);
/* Runs fn(user, in, n) without keeping its activations and computes it again in backward, with the same draws. */
typedef tn_tensor *(*tn_checkpoint_fn)(void *user, tn_tensor *const *in, int n);
TN_API tn_tensor *tn_checkpoint(tn_checkpoint_fn fn, void *user, tn_tensor *const *in, int n);
/* Anomaly mode, for the thread: backward fails at the first NaN and names the op, and the op whose forward made it. */
TN_API bool tn_set_detect_anomaly(bool on);
typedef struct {
    double eps, atol, rtol;             /* defaults 1e-6, 1e-5, 1e-3 */
    bool second_order;                  /* checks the gradient of the gradient too */
} tn_gradcheck_opts;
/* Compares the gradient of fn(user, in, n) with central differences at in (f64, requiring grad). TN_OK, or
   TN_ERR_STATE with the worst element in the message. */
TN_API tn_status tn_gradcheck(tn_checkpoint_fn fn, void *user, tn_tensor *const *in, int n, const tn_gradcheck_opts *opts);
TN_API bool tn__grad_guard_open(void);
TN_API void tn__grad_guard_close(bool *was);

/* ============================================================================================================== */
/* >>init (Public)                                                                                                */
/* torch.nn.init: each fills t in place, without recording, and returns it. g NULL: the thread's generator.         */
/* ============================================================================================================== */
typedef enum { TN_FAN_IN = 0, TN_FAN_OUT } tn_fan_mode;
TN_API double tn_init_calculate_gain(const char *nonlinearity, double param);
TN_API tn_tensor *tn_init_constant_(tn_tensor *t, double v);
TN_API tn_tensor *tn_init_zeros_(tn_tensor *t);
TN_API tn_tensor *tn_init_ones_(tn_tensor *t);
TN_API tn_tensor *tn_init_eye_(tn_tensor *t);
TN_API tn_tensor *tn_init_uniform_(tn_tensor *t, double a, double b, tn_generator *g);
TN_API tn_tensor *tn_init_normal_(tn_tensor *t, double mean, double std, tn_generator *g);
TN_API tn_tensor *tn_init_xavier_uniform_(tn_tensor *t, double gain, tn_generator *g);
TN_API tn_tensor *tn_init_xavier_normal_(tn_tensor *t, double gain, tn_generator *g);
TN_API tn_tensor *tn_init_kaiming_uniform_(tn_tensor *t, double a, tn_fan_mode mode, const char *nonlinearity, tn_generator *g);
TN_API tn_tensor *tn_init_kaiming_normal_(tn_tensor *t, double a, tn_fan_mode mode, const char *nonlinearity, tn_generator *g);
/* torch.nn.init.dirac_: t [O, I, *], 3 to 5 dims, passes its channels on as they are, in each of groups (that divide O). */
TN_API tn_tensor *tn_init_dirac_(tn_tensor *t, int64_t groups);
/* torch.nn.init.trunc_normal_: normal draws, again where they fall outside [a, b]; PyTorch's are 0, 1, -2, 2. std > 0, a <= b. */
TN_API tn_tensor *tn_init_trunc_normal_(tn_tensor *t, double mean, double std, double a, double b, tn_generator *g);
/* torch.nn.init.orthogonal_: t [rows, *] as a matrix has orthonormal rows, or columns if those are fewer, times gain. */
TN_API tn_tensor *tn_init_orthogonal_(tn_tensor *t, double gain, tn_generator *g);
/* torch.nn.init.sparse_: normal draws (std is 0.01 in PyTorch) with the fraction sparsity of each column of the matrix t
   zero. Which ones, the thread's generator says, as in PyTorch. */
TN_API tn_tensor *tn_init_sparse_(tn_tensor *t, double sparsity, double std, tn_generator *g);

/* ============================================================================================================== */
/* >>nn (Public)                                                                                                  */
/* Modules: a tree of parameters, buffers and children under PyTorch's names, with a forward.                      */
/* ============================================================================================================== */
typedef tn_tensor *(*tn_forward_fn)(tn_module *self, tn_tensor *const *in, int n);
typedef struct tn__module_state tn__module_state;
/* The head of every module; a module of your own begins with it. The fields are the library's. */
struct tn_module {
    uint64_t object[3];
    tn_forward_fn forward;
    const char *kind;                   /* "Linear" */
    tn__module_state *state;
};
/* The end of a list of modules. It is not NULL, so that a failed element is noticed. */
TN__API_DATA tn_module tn__end_mark;
#define TN_END (&tn__end_mark)

/* Modules of your own: a struct that begins with a tn_module. size is the struct's; the rest of it is zero. */
TN_API tn_module *tn_module_new(size_t size, const char *kind, tn_forward_fn forward);
/* Adopts child under that name and returns it; NULL fails self. */
TN_API tn_module *tn_module_child(tn_module *self, const char *name, tn_module *child);
/* Registers a parameter (a leaf that requires grad) or a buffer under that name and returns it; NULL fails self. */
TN_API tn_tensor *tn_module_param(tn_module *self, const char *name, tn_tensor *t);
TN_API tn_tensor *tn_module_buffer(tn_module *self, const char *name, tn_tensor *t, bool not_persistent);
/* Queues the initialisation of self's own parameters: fn runs when the queue is drained, in order (see >>random). */
TN_API tn_status tn_module_init(tn_module *self, tn_status (*fn)(tn_module *self));
/* Called when self is freed, before its children. */
TN_API void tn_module_on_free(tn_module *self, void (*fn)(tn_module *self));
/* One tensor in, or several; hooks and a scope of its own round the forward. */
TN_API tn_tensor *tn_forward(tn_module *m, tn_tensor *x);
TN_API tn_tensor *tn_call(tn_module *m, tn_tensor *const *in, int n);
TN_API bool tn_module_training(const tn_module *m);
TN_API void tn_module_train(tn_module *m, bool on);          /* the whole tree */
/* Parameters, their gradients and buffers go there; the handles stay. Make optimizers after it: their state is where its parameter is. */
TN_API tn_status tn_module_to(tn_module *m, tn_device device);
TN_API tn_status tn_module_to_dtype(tn_module *m, tn_dtype dtype);
TN_API tn_status tn_module_requires_grad(tn_module *m, bool on);
TN_API void tn_module_zero_grad(tn_module *m);
TN_API tn_status tn_module_apply(tn_module *m, tn_status (*fn)(void *user, tn_module *m), void *user); /* children first */
/* Parameters of the tree, in PyTorch's order, each once. */
TN_API tn_tensors tn_parameters(tn_module *m);
TN_API int64_t tn_parameter_count(tn_module *m);             /* elements */
TN_API tn_tensor *tn_module_get(tn_module *m, const char *name);          /* "layers.0.weight": a parameter or buffer */
TN_API tn_module *tn_module_get_submodule(tn_module *m, const char *name);
TN_API tn_module *tn_module_at(tn_module *m, int i);         /* the i-th child, NULL past the last */
TN_API int tn_module_len(tn_module *m);                      /* children */
/* Names with tensors: parameters (named_parameters), parameters and persistent buffers (state_dict). */
TN_API tn_dict *tn_named_parameters(tn_module *m);
TN_API tn_dict *tn_state_dict(tn_module *m);
/* Copies values in. strict (not lax): every name has to match; the message lists what is missing or unexpected. */
typedef struct { bool lax; } tn_load_opts;
TN_API tn_status tn_load_state_dict(tn_module *m, tn_dict *d, const tn_load_opts *opts);
typedef tn_tensor *(*tn_module_hook_fn)(void *user, tn_module *m, tn_tensor *const *in, int n, tn_tensor *out);
TN_API tn_status tn_register_forward_hook(tn_module *m, tn_module_hook_fn fn, void *user); /* what it returns replaces out */
TN_API tn_status tn_register_forward_pre_hook(tn_module *m, tn_status (*fn)(void *user, tn_module *m, tn_tensor **in, int n), void *user);
/* Prints the tree as PyTorch does, into a buffer: the whole length. */
TN_API size_t tn_module_format(tn_module *m, char *buffer, size_t size);

/* Dicts: names with tensors, in order. */
TN_API tn_dict *tn_dict_new(void);
TN_API int tn_dict_len(const tn_dict *d);
TN_API const char *tn_dict_name(const tn_dict *d, int i);
TN_API tn_tensor *tn_dict_at(const tn_dict *d, int i);
TN_API tn_tensor *tn_dict_get(const tn_dict *d, const char *name);        /* NULL, and no error, if absent */
TN_API tn_status tn_dict_set(tn_dict *d, const char *name, tn_tensor *t);

/* Containers. Lists end in TN_END. */
TN_API tn_module *tn_nn_sequential(tn_module *first, ...);
TN_API tn_module *tn_nn_sequential_of(tn_module *const *modules, int n);
TN_API tn_module *tn_nn_module_list(tn_module *const *modules, int n);
TN_API tn_module *tn_nn_module_dict(const char *const *names, tn_module *const *modules, int n);
TN_API tn_module *tn_nn_parameter_list(tn_tensor *const *tensors, int n);
TN_API tn_module *tn_nn_parameter_dict(const char *const *names, tn_tensor *const *tensors, int n);
/* Adds to a container. */
TN_API tn_module *tn_nn_append(tn_module *container, tn_module *m);

typedef struct { bool no_bias; } tn_linear_opts;
TN_API tn_module *tn_nn_linear(int64_t in_features, int64_t out_features, const tn_linear_opts *opts);
TN_API tn_module *tn_nn_identity(void);
TN_API tn_module *tn_nn_flatten(void);                       /* dims 1 to the last */
TN_API tn_module *tn_nn_unflatten(int dim, const int64_t *sizes, int n);
TN_API tn_module *tn_nn_conv1d(int64_t in_channels, int64_t out_channels, int64_t kernel_size, const tn_conv_opts *opts);
TN_API tn_module *tn_nn_conv2d(int64_t in_channels, int64_t out_channels, int64_t kernel_size, const tn_conv_opts *opts);
TN_API tn_module *tn_nn_conv3d(int64_t in_channels, int64_t out_channels, int64_t kernel_size, const tn_conv_opts *opts);
TN_API tn_module *tn_nn_conv_transpose1d(int64_t in_channels, int64_t out_channels, int64_t kernel_size, const tn_conv_opts *opts);
TN_API tn_module *tn_nn_conv_transpose2d(int64_t in_channels, int64_t out_channels, int64_t kernel_size, const tn_conv_opts *opts);
TN_API tn_module *tn_nn_max_pool1d(int64_t kernel_size, const tn_pool_opts *opts);
TN_API tn_module *tn_nn_max_pool2d(int64_t kernel_size, const tn_pool_opts *opts);
TN_API tn_module *tn_nn_avg_pool1d(int64_t kernel_size, const tn_pool_opts *opts);
TN_API tn_module *tn_nn_avg_pool2d(int64_t kernel_size, const tn_pool_opts *opts);
TN_API tn_module *tn_nn_adaptive_avg_pool2d(const int64_t *output, int n);
TN_API tn_module *tn_nn_adaptive_max_pool2d(const int64_t *output, int n);
typedef struct {
    double eps, momentum;               /* defaults 1e-5, 0.1 */
    bool no_affine, no_bias;            /* layer, group, rms and batch norms have weights unless no_affine */
    bool affine;                        /* instance norms have none unless affine */
    bool no_running_stats, track_running_stats; /* batch norms track unless no_…; instance norms track if asked */
} tn_norm_opts;
TN_API tn_module *tn_nn_batch_norm1d(int64_t features, const tn_norm_opts *opts);
TN_API tn_module *tn_nn_batch_norm2d(int64_t features, const tn_norm_opts *opts);
TN_API tn_module *tn_nn_instance_norm2d(int64_t features, const tn_norm_opts *opts);
TN_API tn_module *tn_nn_layer_norm(const int64_t *normalized_shape, int n, const tn_norm_opts *opts);
TN_API tn_module *tn_nn_group_norm(int64_t groups, int64_t channels, const tn_norm_opts *opts);
TN_API tn_module *tn_nn_rms_norm(const int64_t *normalized_shape, int n, const tn_norm_opts *opts);
TN_API tn_module *tn_nn_dropout(double p);
TN_API tn_module *tn_nn_dropout2d(double p);
TN_API tn_module *tn_nn_embedding(int64_t count, int64_t width, const tn_embedding_opts *opts);
/* torch.nn.RNN, LSTM, GRU: parameters weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_ih_l0_reverse, ..., drawn
   from U(+-1 / sqrt(hidden_size)) in this order. Sizes below 1, a dropout outside [0, 1]: TN_ERR_INVALID. opts->training is
   not read. tn_call takes (x, [h0, [c0]]) and gives the output. */
TN_API tn_module *tn_nn_rnn(int64_t input_size, int64_t hidden_size, bool relu, const tn_rnn_opts *opts);
TN_API tn_module *tn_nn_lstm(int64_t input_size, int64_t hidden_size, const tn_rnn_opts *opts);
TN_API tn_module *tn_nn_gru(int64_t input_size, int64_t hidden_size, const tn_rnn_opts *opts);
/* torch.nn.RNNCell, LSTMCell, GRUCell: parameters weight_ih, weight_hh, bias_ih, bias_hh; of opts only no_bias counts.
   tn_call takes (x, [h, [c]]) and gives the new h. */
TN_API tn_module *tn_nn_rnn_cell(int64_t input_size, int64_t hidden_size, bool relu, const tn_rnn_opts *opts);
TN_API tn_module *tn_nn_lstm_cell(int64_t input_size, int64_t hidden_size, const tn_rnn_opts *opts);
TN_API tn_module *tn_nn_gru_cell(int64_t input_size, int64_t hidden_size, const tn_rnn_opts *opts);
/* Runs one of the six, and gives the last states too; h0, c0 may be NULL. Forward hooks do not run. */
TN_API tn_rnn_result tn_nn_rnn_forward(tn_module *rnn, tn_tensor *x, tn_tensor *h0, tn_tensor *c0);
/* torch.nn.MultiheadAttention. embed_dim is a multiple of num_heads, else TN_ERR_INVALID. Parameters in_proj_weight [3E, E],
   or q_, k_ and v_proj_weight where kdim or vdim differ, in_proj_bias, bias_k, bias_v, out_proj.weight, out_proj.bias. */
typedef struct {
    double dropout;                     /* of the attention weights, in training */
    bool no_bias, add_bias_kv, add_zero_attn, batch_first;
    int64_t kdim, vdim;                 /* default embed_dim */
} tn_mha_module_opts;
TN_API tn_module *tn_nn_multihead_attention(int64_t embed_dim, int64_t num_heads, const tn_mha_module_opts *opts);
/* query [L, N, E], key [S, N, kdim], value [S, N, vdim] (batch_first: [N, L, E], …), or all without N: output in query's
   layout. Of opts the masks, is_causal (a causal mask unless attn_mask is given), need_weights and separate_head_weights
   count: weights [N, L, S] or [N, heads, L, S]. NULLs and TN_ERR_SHAPE if shapes do not fit. Differentiable. Hooks do not
   run; tn_call(m, {query, key, value[, key_padding_mask[, attn_mask]]}, n) runs them and gives the output alone. */
TN_API tn_mha_result tn_nn_multihead_attention_forward(tn_module *m, tn_tensor *query, tn_tensor *key, tn_tensor *value, const tn_mha_opts *opts);
typedef struct {
    int64_t dim_feedforward;            /* default 2048 */
    double dropout;                     /* default 0.1; TN_ZERO for none */
    bool gelu;                          /* default relu */
    double layer_norm_eps;              /* default 1e-5 */
    bool batch_first, norm_first, no_bias;
    int num_encoder_layers, num_decoder_layers; /* default 6, tn_nn_transformer */
} tn_transformer_opts;
/* torch.nn.TransformerEncoderLayer and TransformerDecoderLayer: attention, for the decoder attention to memory, and two
   linear layers, each with dropout, a residual and a layer norm. TN_ERR_INVALID if heads do not divide d_model. */
TN_API tn_module *tn_nn_transformer_encoder_layer(int64_t d_model, int64_t heads, const tn_transformer_opts *opts);
TN_API tn_module *tn_nn_transformer_decoder_layer(int64_t d_model, int64_t heads, const tn_transformer_opts *opts);
/* torch.nn.TransformerEncoder and TransformerDecoder: n copies of such a layer, which begin equal; norm, which may be NULL,
   is not copied and comes last. */
TN_API tn_module *tn_nn_transformer_encoder(tn_module *layer, int n, tn_module *norm);
TN_API tn_module *tn_nn_transformer_decoder(tn_module *layer, int n, tn_module *norm);
/* torch.nn.Transformer: encoder and decoder, each with a last norm; every matrix drawn by xavier_uniform_. */
TN_API tn_module *tn_nn_transformer(int64_t d_model, int64_t heads, const tn_transformer_opts *opts);
/* Masks are [L, S] or [N heads, L, S], padding masks [N, S]: bool (true = ignored) or floating (added). */
typedef struct {
    tn_tensor *src_mask, *src_key_padding_mask, *tgt_mask, *memory_mask, *tgt_key_padding_mask, *memory_key_padding_mask;
    bool src_is_causal, tgt_is_causal, memory_is_causal; /* a causal mask, where none is given */
} tn_transformer_masks;
/* Runs one of these modules. in: (src) for an encoder and its layer, (tgt, memory) for a decoder and its layer, (src, tgt)
   for the whole; [L, N, E], [N, L, E] if batch_first, or [L, E]. The result has src's or, with a decoder, tgt's shape. masks may be NULL. NULL
   and TN_ERR_SHAPE if shapes do not fit. Differentiable. tn_call does the same with PyTorch's forward's order of tensors:
   (src, src_mask, src_key_padding_mask), (tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask),
   (src, tgt, src_mask, tgt_mask, memory_mask, src_, tgt_ and memory_key_padding_mask); NULL or absent: no mask. */
TN_API tn_tensor *tn_nn_transformer_forward(tn_module *m, tn_tensor *const *in, int n, const tn_transformer_masks *masks);
TN_API tn_module *tn_nn_relu(void);
TN_API tn_module *tn_nn_relu6(void);
TN_API tn_module *tn_nn_leaky_relu(double negative_slope);
TN_API tn_module *tn_nn_elu(double alpha);
TN_API tn_module *tn_nn_selu(void);
TN_API tn_module *tn_nn_gelu(tn_gelu_mode approximate);
TN_API tn_module *tn_nn_silu(void);
TN_API tn_module *tn_nn_mish(void);
TN_API tn_module *tn_nn_softplus(double beta, double threshold);
TN_API tn_module *tn_nn_hardtanh(double min_val, double max_val);
TN_API tn_module *tn_nn_hardswish(void);
TN_API tn_module *tn_nn_hardsigmoid(void);
TN_API tn_module *tn_nn_logsigmoid(void);
TN_API tn_module *tn_nn_sigmoid(void);
TN_API tn_module *tn_nn_tanh(void);
TN_API tn_module *tn_nn_softmax(int dim);
TN_API tn_module *tn_nn_log_softmax(int dim);
TN_API tn_module *tn_nn_glu(int dim);
TN_API tn_module *tn_nn_prelu(int64_t num_parameters, double init); /* PyTorch's: 1, 0.25 */
TN_API tn_module *tn_nn_pixel_shuffle(int64_t upscale_factor);
/* torch.nn.Upsample: tn_interpolate with these options. NULL and TN_ERR_INVALID without a size or a factor. */
TN_API tn_module *tn_nn_upsample(const tn_interpolate_opts *opts);
TN_API tn_module *tn_nn_zero_pad2d(int64_t left, int64_t right, int64_t top, int64_t bottom);
/* Losses as modules: tn_call takes (x, target). */
TN_API tn_module *tn_nn_cross_entropy_loss(const tn_cross_entropy_opts *opts);
TN_API tn_module *tn_nn_nll_loss(const tn_cross_entropy_opts *opts);
TN_API tn_module *tn_nn_mse_loss(const tn_loss_opts *opts);
TN_API tn_module *tn_nn_l1_loss(const tn_loss_opts *opts);
TN_API tn_module *tn_nn_smooth_l1_loss(const tn_loss_opts *opts);
TN_API tn_module *tn_nn_huber_loss(const tn_loss_opts *opts);
TN_API tn_module *tn_nn_bce_loss(const tn_loss_opts *opts);
TN_API tn_module *tn_nn_bce_with_logits_loss(const tn_loss_opts *opts);
TN_API tn_module *tn_nn_kl_div_loss(const tn_loss_opts *opts);
/* torch.nn.utils: clip the gradients of the parameters; the norm before. NaN on failure. */
TN_API double tn_clip_grad_norm_(tn_tensor *const *parameters, int n, double max_norm, double norm_type);
TN_API tn_status tn_clip_grad_value_(tn_tensor *const *parameters, int n, double clip_value);
TN_API tn_tensor *tn_parameters_to_vector(tn_tensor *const *parameters, int n);
TN_API tn_status tn_vector_to_parameters(tn_tensor *vec, tn_tensor *const *parameters, int n);

/* ============================================================================================================== */
/* >>optim (Public)                                                                                               */
/* Optimizers. Each takes a module (its parameters), or NULL and a list in opts. state_dict is PyTorch's, flattened: */
/* "state.0.exp_avg", "param_groups.0.lr".                                                                         */
/* ============================================================================================================== */
#define TN__OPTIM_FIELDS                                                                                               \
    double lr;                     /* TN_ZERO for none */                                                              \
    double weight_decay;           /* TN_ZERO for none */                                                              \
    bool maximize;                                                                                                     \
    tn_tensor *const *params;      /* instead of a module's */                                                         \
    int n_params
typedef struct { TN__OPTIM_FIELDS; double momentum, dampening; bool nesterov; } tn_sgd_opts;      /* lr 1e-3 */
typedef struct { TN__OPTIM_FIELDS; double beta1, beta2, eps; bool amsgrad; } tn_adam_opts;        /* 1e-3; 0.9, 0.999, 1e-8 */
typedef struct { TN__OPTIM_FIELDS; double beta1, beta2, eps; bool amsgrad; } tn_adamw_opts;       /* weight_decay 1e-2 */
typedef struct { TN__OPTIM_FIELDS; double alpha, eps, momentum; bool centered; } tn_rmsprop_opts; /* lr 1e-2; 0.99, 1e-8 */
typedef struct { TN__OPTIM_FIELDS; double lr_decay, eps, initial_accumulator_value; } tn_adagrad_opts; /* lr 1e-2; 1e-10 */
TN_API tn_optimizer *tn_optim_sgd(tn_module *m, const tn_sgd_opts *opts);
TN_API tn_optimizer *tn_optim_adam(tn_module *m, const tn_adam_opts *opts);
TN_API tn_optimizer *tn_optim_adamw(tn_module *m, const tn_adamw_opts *opts);
TN_API tn_optimizer *tn_optim_rmsprop(tn_module *m, const tn_rmsprop_opts *opts);
TN_API tn_optimizer *tn_optim_adagrad(tn_module *m, const tn_adagrad_opts *opts);
/* Another group with its own options: the same options type as the optimizer's, by pointer; params in it. */
TN_API tn_status tn_optim_add_param_group(tn_optimizer *o, const void *opts);
TN_API tn_status tn_optim_step(tn_optimizer *o);
TN_API void tn_optim_zero_grad(tn_optimizer *o);
TN_API int tn_optim_groups(const tn_optimizer *o);
TN_API double tn_optim_get_lr(const tn_optimizer *o, int group);
TN_API tn_status tn_optim_set_lr(tn_optimizer *o, int group, double lr);
TN_API tn_dict *tn_optim_state_dict(tn_optimizer *o);
/* Shapes are checked before anything changes; an option that the dict lacks keeps its value. */
TN_API tn_status tn_optim_load_state_dict(tn_optimizer *o, tn_dict *d);

/* ============================================================================================================== */
/* >>sched (Public)                                                                                               */
/* Learning-rate schedules: tn_sched_step after each epoch or step, as in PyTorch.                                 */
/* ============================================================================================================== */
TN_API tn_scheduler *tn_sched_step_lr(tn_optimizer *o, int64_t step_size, double gamma);
TN_API tn_scheduler *tn_sched_multi_step_lr(tn_optimizer *o, const int64_t *milestones, int n, double gamma);
TN_API tn_scheduler *tn_sched_constant_lr(tn_optimizer *o, double factor, int64_t total_iters);
TN_API tn_scheduler *tn_sched_linear_lr(tn_optimizer *o, double start_factor, double end_factor, int64_t total_iters);
TN_API tn_scheduler *tn_sched_exponential_lr(tn_optimizer *o, double gamma);
TN_API tn_scheduler *tn_sched_polynomial_lr(tn_optimizer *o, int64_t total_iters, double power);
TN_API tn_scheduler *tn_sched_cosine_annealing_lr(tn_optimizer *o, int64_t t_max, double eta_min);
TN_API tn_scheduler *tn_sched_cosine_annealing_warm_restarts(tn_optimizer *o, int64_t t_0, int64_t t_mult, double eta_min);
typedef struct { double pct_start, div_factor, final_div_factor; bool linear, three_phase, no_cycle_momentum; double base_momentum, max_momentum; } tn_one_cycle_opts;
TN_API tn_scheduler *tn_sched_one_cycle_lr(tn_optimizer *o, double max_lr, int64_t total_steps, const tn_one_cycle_opts *opts);
typedef struct { bool mode_max, threshold_abs; double factor, threshold, min_lr, eps; int64_t patience, cooldown; bool has_patience; } tn_plateau_opts;
TN_API tn_scheduler *tn_sched_reduce_lr_on_plateau(tn_optimizer *o, const tn_plateau_opts *opts);
/* lr = base * fn(user, step). */
TN_API tn_scheduler *tn_sched_lambda_lr(tn_optimizer *o, double (*fn)(void *user, int64_t step), void *user);
TN_API tn_scheduler *tn_sched_multiplicative_lr(tn_optimizer *o, double (*fn)(void *user, int64_t step), void *user);
TN_API tn_scheduler *tn_sched_sequential_lr(tn_optimizer *o, tn_scheduler *const *schedulers, int n, const int64_t *milestones);
TN_API tn_scheduler *tn_sched_chained(tn_scheduler *const *schedulers, int n);
TN_API tn_status tn_sched_step(tn_scheduler *s);
TN_API tn_status tn_sched_step_metric(tn_scheduler *s, double metric); /* reduce_lr_on_plateau */
TN_API double tn_sched_get_last_lr(const tn_scheduler *s, int group);
TN_API tn_dict *tn_sched_state_dict(tn_scheduler *s);
TN_API tn_status tn_sched_load_state_dict(tn_scheduler *s, tn_dict *d);

/* ============================================================================================================== */
/* >>io (Public)                                                                                                  */
/* Files: safetensors, npy, gzip, checkpoints. Saves are atomic: the old file or the new, never a torn one.         */
/* Parsers check every size before they allocate.                                                                  */
/* ============================================================================================================== */
/* All file access. A user's own (an archive, a network) takes its place with tn_set_file_io; NULL restores. */
typedef struct tn_file_io {
    void *user;
    void *(*open)(void *user, const char *path, bool write, int64_t *size);  /* NULL on failure */
    int64_t (*read)(void *user, void *file, void *buffer, int64_t bytes, int64_t offset);
    int64_t (*write)(void *user, void *file, const void *buffer, int64_t bytes);
    tn_status (*commit)(void *user, void *file);      /* of a write: everything is durable under the path, or nothing */
    void (*close)(void *user, void *file);            /* of a write without commit: the path is as it was */
} tn_file_io;
TN_API void tn_set_file_io(const tn_file_io *io);
/* A module's state_dict, as safetensors. */
TN_API tn_status tn_save(tn_module *m, const char *path);
TN_API tn_status tn_load(tn_module *m, const char *path, const tn_load_opts *opts);
/* Tensors by name. metadata: pairs of strings, NULL-terminated, or NULL. */
TN_API tn_status tn_save_safetensors(tn_dict *d, const char *path, const char *const *metadata);
TN_API tn_dict *tn_load_safetensors(const char *path);
/* The value of a key of the file's __metadata__ in a dict that tn_load_safetensors gave; NULL if absent. */
TN_API const char *tn_dict_metadata(const tn_dict *d, const char *key);
TN_API tn_tensor *tn_load_npy(const char *path);
TN_API tn_status tn_save_npy(tn_tensor *t, const char *path);
/* Everything that a run needs to go on bit for bit: what is NULL is left out. */
typedef struct {
    tn_module *model;
    tn_optimizer *optimizer;
    tn_scheduler *scheduler;
    tn_loader *loader;
    int64_t step, epoch;                /* the user's own counters */
    bool no_generator;                  /* leave the thread's generator out */
} tn_checkpoint_state;
TN_API tn_status tn_checkpoint_save(const char *path, const tn_checkpoint_state *s);
/* Restores into the objects of s, and sets s->step and s->epoch. Nothing changes unless all of it fits. */
TN_API tn_status tn_checkpoint_load(const char *path, tn_checkpoint_state *s);
/* Inflates gzip or zlib data, at most cap bytes of it. Scope-owned u8 tensor [n]. */
TN_API tn_tensor *tn_inflate(const void *data, size_t size, int64_t cap);

/* ============================================================================================================== */
/* >>data (Public)                                                                                                */
/* Data sets, samplers, the loader, the progress bar.                                                              */
/* ============================================================================================================== */
typedef enum { TN_TRAIN = 0, TN_TEST } tn_split_kind;
/* One sample, or one batch. x and y may be NULL where a set has none; extra fields are the set's own. */
typedef struct tn_batch { tn_tensor *x, *y, *extra[4]; int64_t size; } tn_batch;
/* A data set of the user's: get fills the sample (its tensors belong to the open scope). A loader with workers calls
   len and get from several threads at once; tensors that get gives, or gives views of, again and again need tn_share. */
typedef struct {
    int64_t (*len)(void *user);
    tn_status (*get)(void *user, int64_t index, tn_batch *sample);
    void (*free)(void *user);           /* may be NULL */
    void *user;
} tn_dataset_fns;
TN_API tn_dataset *tn_data_custom(const tn_dataset_fns *fns);
/* IDX (MNIST's format), plain or .gz, from a folder with the usual four names. x f32 [1, H, W] in 0..1, y i64. */
TN_API tn_dataset *tn_data_idx(const char *folder, tn_split_kind split);
/* Rows of tensors: x[i], y[i]; y may be NULL. */
TN_API tn_dataset *tn_data_tensors(tn_tensor *x, tn_tensor *y);
typedef struct { char separator; bool no_header; int label_column; bool has_label_column; bool label_is_float; } tn_csv_opts;
/* Numbers, one sample a line: x f32 [columns], y the label column (i64; default: none). Text is an error with its line. */
TN_API tn_dataset *tn_data_csv(const char *path, const tn_csv_opts *opts);
TN_API tn_dataset *tn_data_npy(const char *x_path, const char *y_path);
TN_API tn_dataset *tn_data_subset(tn_dataset *d, const int64_t *indices, int64_t n);
/* n >= 1 sets, one after the other (ConcatDataset); their lengths are taken now. */
TN_API tn_dataset *tn_data_concat(tn_dataset *const *sets, int n);
/* Parts of the given lengths, drawn with g (NULL: the thread's): torch.utils.data.random_split. out gets n sets. */
TN_API tn_status tn_data_random_split(tn_dataset *d, const int64_t *lengths, int n, tn_generator *g, tn_dataset **out);
TN_API int64_t tn_dataset_len(tn_dataset *d);
TN_API tn_status tn_dataset_get(tn_dataset *d, int64_t index, tn_batch *sample);
/* Samplers give the order of an epoch, with PyTorch's draws. g is the sampler's generator; NULL: the thread's, as there.
   0 to n - 1 in order (SequentialSampler). */
TN_API tn_sampler *tn_sampler_sequential(int64_t n);
/* num_samples (0: n) of 0 to n - 1, by permutations or with replacement (RandomSampler). */
TN_API tn_sampler *tn_sampler_random(int64_t n, bool replacement, int64_t num_samples, tn_generator *g);
/* The n indices, shuffled (SubsetRandomSampler). */
TN_API tn_sampler *tn_sampler_subset_random(const int64_t *indices, int64_t n, tn_generator *g);
/* num_samples of 0 to n - 1, each as likely as its weight (WeightedRandomSampler). TN_ERR_INVALID where a weight is
   negative or not finite, all are zero, or fewer are there to draw without replacement. */
TN_API tn_sampler *tn_sampler_weighted_random(const double *weights, int64_t n, int64_t num_samples, bool no_replacement, tn_generator *g);
typedef struct {
    int64_t batch_size;                 /* default 1 */
    bool shuffle, drop_last;
    int workers;                        /* threads that prepare batches, at most 256; 0: the caller does */
    int prefetch;                       /* batches ahead a worker, at most 1024; default 2 */
    tn_sampler *sampler;                /* instead of shuffle */
    tn_generator *generator;            /* of the shuffle; default the thread's, as PyTorch draws it */
    tn_device device;                   /* where batches are put */
    tn_status (*collate)(void *user, const tn_batch *samples, int64_t n, tn_batch *batch); /* default: stack */
    void *user;
} tn_loader_opts;
/* Batches of d (DataLoader). Batches and their order do not depend on workers; kernels that a worker calls run in it.
   With workers, get and collate run in their threads, with the caller's default dtype and without autograd, and
   draws of theirs from the default generator depend on the batch alone; a batch that is ready ahead is copied to the
   device while that works on the one before, where the device has a second queue and pinned memory. Where no thread can be had the caller
   prepares. TN_ERR_INVALID: sampler and shuffle at once, or counts out of range. */
TN_API tn_loader *tn_data_loader(tn_dataset *d, const tn_loader_opts *opts);
/* The next batch; false at the end of the epoch (the next call begins another) and on failure (see the status), which
   ends the epoch as well. The batch is the loader's, until the next call. A loader is one thread's at a time. */
TN_API bool tn_loader_next(tn_loader *l, tn_batch *b);
/* TN_OK, or why the last tn_loader_next failed; tn_error has the message, also of what failed in a worker. */
TN_API tn_status tn_loader_status(tn_loader *l);
TN_API int64_t tn_loader_len(tn_loader *l);                  /* batches an epoch */
/* The order and the place in it (batches handed out, whatever was prepared ahead), and the states of its generators. */
TN_API tn_dict *tn_loader_state_dict(tn_loader *l);
TN_API tn_status tn_loader_load_state_dict(tn_loader *l, tn_dict *d);
/* A progress bar: redrawn on a terminal at most ten times a second, silent in a pipe but for the last line of end. */
typedef struct tn_progress { char label[32]; int64_t total, done; double started, drawn, value; char name[16]; bool tty, has_value; } tn_progress;
TN_API tn_progress tn_progress_begin(const char *label, int64_t total);
TN_API void tn_progress_step(tn_progress *p, const char *name, tn_tensor *value); /* value is read only when drawn */
TN_API void tn_progress_end(tn_progress *p, const char *fmt, ...) TN__PRINTF(2, 3);

/* ============================================================================================================== */
/* >>accel (Public)                                                                                               */
/* Accelerators: files tensor_accel_<id>.so that stand beside the app. First what an app calls, then the interface */
/* that a plugin fills (plugins/README.md). tn_to, tn_module_to and .device put tensors there; ops run where their  */
/* operands are.                                                                                                   */
/* ============================================================================================================== */
/* Devices that plugins offer, in the order in which they were found. The first call of these looks for plugins. */
TN_API int tn_device_count(void);
TN_API tn_device tn_device_at(int i);
/* Where the calling thread makes tensors whose options name no device. */
TN_API tn_status tn_set_default_device(tn_device d);
TN_API tn_device tn_get_default_device(void);
/* Waits for all that was asked of the device; an error that happened there since comes out here. */
TN_API tn_status tn_synchronize(tn_device d);
/* Bytes: in tensors now and at most, taken from the device now and at most, how often an allocation had to give cached
   memory back first, and the device's size. On the CPU as tn_memory_stats. */
typedef struct { int64_t allocated, peak_allocated, reserved, peak_reserved, retries, total; } tn_device_stats_t;
TN_API tn_status tn_device_stats(tn_device d, tn_device_stats_t *out);
/* Gives cached memory that no tensor uses back to the device. */
TN_API tn_status tn_empty_cache(tn_device d);
/* Whether freed device memory is kept for the next tensor (it is); off, to find faults, every tensor is its own. */
TN_API bool tn_set_device_caching(bool on);
/* An op that a device lacks runs on the CPU: with a warning once an op (the default), silently, or as an error. */
typedef enum { TN_FALLBACK_WARN = 0, TN_FALLBACK_ALLOW, TN_FALLBACK_ERROR } tn_fallback;
TN_API tn_fallback tn_set_fallback(tn_fallback mode);
/* How often that happened; of the op of a row of the table, or of all (row < 0). */
TN_API int64_t tn_fallback_count(int row);
/* Ops on devices are marked by name for the device's profiler, where the plugin has marks (CUDA: ranges of NVTX, which Nsight
   shows). Of the process, off at first; gives what it was. */
TN_API bool tn_set_profiling(bool on);
/* Every file that was looked at, and what became of it, a line each. The text is the library's. */
TN_API const char *tn_accel_report(void);
/* A plugin by its path. */
TN_API tn_status tn_accel_load(const char *path);
/* What the plugin says of its device. */
struct tn_accel_info;
TN_API tn_status tn_device_info(tn_device d, struct tn_accel_info *out);
/* What the plugin of a device gives under a name and revision ("null.faults/1"), or NULL. */
TN_API const void *tn_device_extension(tn_device d, const char *name);

/* -- what a plugin fills. Structs that begin with a size grow at their end only, and a reader asks the size first; the
   others never change within a major version. Nothing crosses but what stands here: no malloc, FILE or exception. -- */
#define TN_ACCEL_MAGIC 0x434C4154u /* "TALC" */
#define TN_ACCEL_MAJOR 1u
#define TN_ACCEL_MINOR 1u /* 1: flags of a call; key and counter of draws */
typedef struct tn_accel_context tn_accel_context; /* an open device; the plugin's */
typedef struct tn_accel_buffer tn_accel_buffer;
typedef struct tn_accel_queue tn_accel_queue;
typedef struct tn_accel_event tn_accel_event;
typedef enum {
    TN_ACCEL_OK = 0,
    TN_ACCEL_INVALID = -1,
    TN_ACCEL_MEMORY = -2,       /* out of device memory: nothing happened */
    TN_ACCEL_UNSUPPORTED = -3,  /* not this call; the core does it elsewhere */
    TN_ACCEL_NO_DRIVER = -4,    /* the message names what is missing */
    TN_ACCEL_LOST = -5,         /* the device is gone; every later call says so too */
    TN_ACCEL_FAILED = -6
} tn_accel_status;
/* The caller's; the plugin fills it on failure. code: a TN_ERR_ code where one says more than the status, else 0. */
typedef struct { int32_t code; char message[508]; } tn_accel_error;
typedef struct {
    uint32_t size, abi;
    void *context;
    void (*log)(void *context, int32_t level, const char *message);
    const void *(*extension)(void *context, const char *name);
} tn_accel_host;
typedef struct tn_accel_info {
    uint32_t size, abi;
    char name[128], location[32];  /* "NVIDIA H100", "pci:0000:c1:00.0" (the same device under two plugins counts once) */
    uint64_t memory, max_buffer;   /* bytes; 0: not known */
    uint32_t alignment;            /* of offsets in a buffer that ops take; 0: any element's */
    uint32_t kind;                 /* 0 GPU, 1 CPU, 2 other: what tn_device_best prefers */
} tn_accel_info;
/* A tensor operand. Element i is at offset plus the sum of index times stride times the dtype's size. Without a buffer
   it is a number (0-d), whose bytes stand in value. buffer NULL and ndim -1: an operand that is absent. */
enum { TN_ACCEL_WEAK = 1 }; /* flags: a number that does not count in promotion but by its category */
typedef struct {
    tn_accel_buffer *buffer;
    uint64_t offset;
    int32_t dtype, ndim;
    uint32_t flags, reserved;
    const int64_t *shape, *strides;
    uint64_t value[2];
} tn_accel_tensor;
/* A call of an op: op is tn_op_id's, attr its fixed-width struct, which begins with its size in bytes. */
enum { TN_ACCEL_TF32 = 1 }; /* flags of a call: products of f32 may be of TF32 */
typedef struct {
    uint32_t size, abi;
    int32_t op, n_in, n_out, in_place; /* in_place: out[0] is in[0] */
    const tn_accel_tensor *in, *out;
    const void *attr;
    uint32_t flags, reserved;          /* since minor 1 */
} tn_accel_call;
enum { TN_ACCEL_DEVICE = 0, TN_ACCEL_PINNED = 1 }; /* memory: the device's; the host's, which copies to it overlap with work */
/* All calls on one queue come from one thread at a time, and run in order. write and fill may return before they have run,
   but write has taken its source; read and sync return when all before is done, with an error if something failed. Any
   bytes may be 0. */
typedef struct {
    uint32_t size, abi;
    int32_t (*count)(void);
    tn_accel_status (*info)(int32_t device, tn_accel_info *, tn_accel_error *);
    tn_accel_status (*open)(int32_t device, tn_accel_context **, tn_accel_error *);
    void (*close)(tn_accel_context *);
    tn_accel_status (*alloc)(tn_accel_context *, uint64_t bytes, int32_t memory, tn_accel_buffer **, void **host, tn_accel_error *);
    void (*free)(tn_accel_context *, tn_accel_buffer *);
    tn_accel_status (*queue)(tn_accel_context *, tn_accel_queue **, tn_accel_error *);
    void (*queue_free)(tn_accel_queue *);
    tn_accel_status (*copy)(tn_accel_queue *, tn_accel_buffer *to, uint64_t to_offset, tn_accel_buffer *from, uint64_t from_offset, uint64_t bytes, tn_accel_error *);
    tn_accel_status (*write)(tn_accel_queue *, tn_accel_buffer *to, uint64_t offset, const void *from, uint64_t bytes, tn_accel_error *);
    tn_accel_status (*read)(tn_accel_queue *, void *to, tn_accel_buffer *from, uint64_t offset, uint64_t bytes, tn_accel_error *);
    tn_accel_status (*fill)(tn_accel_queue *, tn_accel_buffer *to, uint64_t offset, uint64_t bytes, uint32_t pattern, tn_accel_error *); /* offset and bytes divide by 4 */
    tn_accel_status (*record)(tn_accel_queue *, tn_accel_event **, tn_accel_error *);
    tn_accel_status (*wait)(tn_accel_queue *, tn_accel_event *, tn_accel_error *); /* the queue waits */
    void (*event_free)(tn_accel_event *);        /* also right after wait */
    tn_accel_status (*sync)(tn_accel_queue *, tn_accel_error *);
    /* How well the plugin does the call: 0 not at all (also where attr has more than it knows), else higher is better. */
    int32_t (*rate)(tn_accel_context *, const tn_accel_call *, uint64_t *scratch);
    tn_accel_status (*run)(tn_accel_queue *, const tn_accel_call *, tn_accel_buffer *scratch, uint64_t scratch_offset, tn_accel_error *);
    const void *(*extension)(const char *name);
} tn_accel_api;
/* The extension "profile/1": push and pop stand around each op whose operands are on one of the plugin's devices, in its thread,
   and may nest. */
typedef struct tn_accel_profile {
    uint32_t size, abi;
    void (*push)(const char *name);
    void (*pop)(void);
} tn_accel_profile;
/* The extension "capture/1": from begin to end the queue's run, copy and fill are recorded, not run. end gives a graph; each launch,
   on any queue of the context, runs all of it, in order with the queue's other work, and fails as those calls do. Buffers that were
   recorded, scratch too, have to live as long as it is launched; their bytes may change in between. While a queue records, its write, read,
   sync, record, wait and launch are refused (TN_ACCEL_INVALID), and so is another begin. A call that fails, or is refused, spoils the recording: end
   fails with the first such error, and the queue is as before. graph_free may come right after a launch. */
typedef struct tn_accel_graph tn_accel_graph;
typedef struct tn_accel_capture {
    uint32_t size, abi;
    tn_accel_status (*begin)(tn_accel_queue *, tn_accel_error *);
    tn_accel_status (*end)(tn_accel_queue *, tn_accel_graph **, tn_accel_error *);
    tn_accel_status (*launch)(tn_accel_queue *, tn_accel_graph *, tn_accel_error *);
    void (*graph_free)(tn_accel_graph *);
} tn_accel_capture;
/* What a plugin file exports, and all of it: extern const tn_accel_plugin tensor_accel_plugin_v1. */
typedef struct {
    uint32_t magic, major, minor, size;
    const char *id, *version;
    tn_accel_status (*probe)(tn_accel_error *);  /* may the driver be there? starts nothing */
    tn_accel_status (*init)(const tn_accel_host *, const tn_accel_api **, tn_accel_error *);
    void (*shutdown)(void);
} tn_accel_plugin;

TN_API void *tn__check_ptr(void *p, const char *file, int line);
TN_API tn_status tn__check_status(tn_status s, const char *file, int line);

#ifdef __cplusplus
} /* extern "C" */
#include <type_traits>
/* Numbers as operands in C++, by overloads. */
inline tn_tensor *tn__arg(tn_tensor *t) { return t; }
inline tn_tensor *tn__arg(decltype(nullptr)) { return nullptr; }
inline tn_tensor *tn__arg(bool v) { return tn_arg_b(v); }
template <class N> inline typename std::enable_if<std::is_floating_point<N>::value, tn_tensor *>::type tn__arg(N v) { return tn_arg_f(static_cast<double>(v)); }
template <class N> inline typename std::enable_if<std::is_integral<N>::value, tn_tensor *>::type tn__arg(N v) { return tn_arg_i(static_cast<int64_t>(v)); }
template <class A> struct tn__is_number { static const bool value = std::is_arithmetic<A>::value; };
#define TN__OVER2(op)                                                                                                  \
    template <class N> inline typename std::enable_if<tn__is_number<N>::value, tn_tensor *>::type op(tn_tensor *x, N y) { return op(x, tn__arg(y)); } \
    template <class N> inline typename std::enable_if<tn__is_number<N>::value, tn_tensor *>::type op(N x, tn_tensor *y) { return op(tn__arg(x), y); }
#define TN__OVER_(op)                                                                                                  \
    template <class N> inline typename std::enable_if<tn__is_number<N>::value, tn_tensor *>::type op(tn_tensor *x, N y) { return op(x, tn__arg(y)); }
TN__OVER2(tn_add) TN__OVER2(tn_sub) TN__OVER2(tn_mul) TN__OVER2(tn_div) TN__OVER2(tn_pow) TN__OVER2(tn_remainder)
TN__OVER2(tn_fmod) TN__OVER2(tn_floor_divide)
TN__OVER2(tn_eq) TN__OVER2(tn_ne) TN__OVER2(tn_lt) TN__OVER2(tn_le) TN__OVER2(tn_gt) TN__OVER2(tn_ge)
TN__OVER_(tn_add_) TN__OVER_(tn_sub_) TN__OVER_(tn_mul_) TN__OVER_(tn_div_) TN__OVER_(tn_pow_) TN__OVER_(tn_fill)
template <class A, class B> inline typename std::enable_if<tn__is_number<A>::value || tn__is_number<B>::value, tn_tensor *>::type
tn_clamp(tn_tensor *x, A lo, B hi) { return tn_clamp(x, tn__arg(lo), tn__arg(hi)); }
template <class A, class B> inline typename std::enable_if<tn__is_number<A>::value || tn__is_number<B>::value, tn_tensor *>::type
tn_clamp_(tn_tensor *x, A lo, B hi) { return tn_clamp_(x, tn__arg(lo), tn__arg(hi)); }
template <class A, class B> inline typename std::enable_if<tn__is_number<A>::value || tn__is_number<B>::value, tn_tensor *>::type
tn_where(tn_tensor *c, A x, B y) { return tn_where(c, tn__arg(x), tn__arg(y)); }
template <class N> inline typename std::enable_if<tn__is_number<N>::value, tn_tensor *>::type tn_lerp(tn_tensor *x, tn_tensor *y, N w) { return tn_lerp(x, y, tn__arg(w)); }
template <class N> inline typename std::enable_if<tn__is_number<N>::value, tn_tensor *>::type tn_lerp_(tn_tensor *x, tn_tensor *y, N w) { return tn_lerp_(x, y, tn__arg(w)); }
template <class N> inline typename std::enable_if<tn__is_number<N>::value, tn_tensor *>::type tn_masked_fill_(tn_tensor *x, tn_tensor *m, N v) { return tn_masked_fill_(x, m, tn__arg(v)); }
template <class N> inline typename std::enable_if<tn__is_number<N>::value, tn_tensor *>::type tn_scatter(tn_tensor *x, int d, tn_tensor *i, N v) { return tn_scatter(x, d, i, tn__arg(v)); }
template <class N> inline typename std::enable_if<tn__is_number<N>::value, tn_tensor *>::type tn_scatter_(tn_tensor *x, int d, tn_tensor *i, N v) { return tn_scatter_(x, d, i, tn__arg(v)); }
template <class N> inline typename std::enable_if<tn__is_number<N>::value, tn_tensor *>::type tn_masked_fill(tn_tensor *x, tn_tensor *m, N v) { return tn_masked_fill(x, m, tn__arg(v)); }
#undef TN__OVER2
#undef TN__OVER_
template <class T> inline T *tn__check(T *p, const char *f, int l) { return static_cast<T *>(tn__check_ptr(p, f, l)); }
inline tn_status tn__check(tn_status s, const char *f, int l) { return tn__check_status(s, f, l); }
#define TN_CHECK(x) tn__check((x), __FILE__, __LINE__)
struct tn__scope_guard {
    tn_scope s;
    tn__scope_guard() : s(tn_scope_open()) {}
    ~tn__scope_guard() { tn_scope_close(&s); }
    tn__scope_guard(const tn__scope_guard &) = delete;
    tn__scope_guard &operator=(const tn__scope_guard &) = delete;
};
struct tn__no_grad_guard {
    bool was;
    tn__no_grad_guard() : was(tn__grad_guard_open()) {}
    ~tn__no_grad_guard() { tn__grad_guard_close(&was); }
    tn__no_grad_guard(const tn__no_grad_guard &) = delete;
    tn__no_grad_guard &operator=(const tn__no_grad_guard &) = delete;
};
#define TN_SCOPE tn__scope_guard TN__UNIQUE(tn__scope_at_)
#define TN_NO_GRAD tn__no_grad_guard TN__UNIQUE(tn__no_grad_at_)
#else
#define TN_CHECK(x) _Generic((x), tn_status: tn__check_status, default: tn__check_ptr)((x), __FILE__, __LINE__)
/* TN_SCOPE; frees at the end of the block what calls in it returned. TN_NO_GRAD; records nothing until there. */
#define TN_SCOPE __attribute__((cleanup(tn_scope_close), unused)) tn_scope TN__UNIQUE(tn__scope_at_) = tn_scope_open()
#define TN_NO_GRAD __attribute__((cleanup(tn__grad_guard_close), unused)) bool TN__UNIQUE(tn__no_grad_at_) = tn__grad_guard_open()
#endif
#define TN__GLUE_(a, b) a##b
#define TN__GLUE(a, b) TN__GLUE_(a, b)
#define TN__UNIQUE(prefix) TN__GLUE(prefix, __LINE__)
#endif /* TENSOR_H */
#endif /* !TN__PASS */

/* ============================================================================================================== */
/* >>kernels                                                                                                      */
/* What is compiled once per (lane type, instruction set): this file includes itself with TN__PASS set, so these are */
/* ordinary functions over vector_size types, each with its pass's target attribute. A pointwise row is a name and   */
/* an expression; one macro stamps its loop over whole vectors. Strides, other dtypes and tails are the driver's     */
/* (section pointwise). Expressions say FMA(a, b, c) or MUL(a, b) + c where both happen, so that no compiler's        */
/* contraction changes the bits.                                                                                    */
/* ============================================================================================================== */
#ifdef TN__PASS
#define TN__F static inline __attribute__((always_inline, unused)) TN__TGT
#define TN__K static __attribute__((unused)) TN__TGT
#define TN__W (TN__BYTES / sizeof(TN__T))
typedef TN__T TN__N(V) __attribute__((vector_size(TN__BYTES)));
typedef TN__T TN__N(VU) __attribute__((vector_size(TN__BYTES), aligned(sizeof(TN__T)), may_alias)); /* for memory: gcc calls it another type than V in ?: */
typedef TN__I TN__N(VI) __attribute__((vector_size(TN__BYTES)));
typedef int8_t TN__N(VB) __attribute__((vector_size(TN__BYTES / sizeof(TN__T)))); /* a bool a lane */
#define TN__V TN__N(V)
#define TN__VI TN__N(VI)
#define C(x) ((TN__T)(x))
TN__F TN__V TN__N(splat)(TN__T s) {
    const TN__V zero = {0};
    return s - zero; /* zero + s would lose -0 and is not folded */
}
TN__F TN__V TN__N(load)(const TN__T *p) { return (TN__V)*(const TN__N(VU) *)(const void *)p; }
TN__F void TN__N(store)(TN__T *p, TN__V v) { *(TN__N(VU) *)(void *)p = (TN__N(VU))v; }
TN__F TN__V TN__N(sel)(TN__VI m, TN__V a, TN__V b) { return (TN__V)(((TN__VI)a & m) | ((TN__VI)b & ~m)); }
TN__K void TN__N(k_splat)(void *to, const void *lane) { /* a vector of that lane: one store, which loads of vectors need not wait for */
    TN__T s;
    memcpy(&s, lane, sizeof s);
    TN__N(store)((TN__T *)to, TN__N(splat)(s));
}
#define SPL(s) TN__N(splat)((TN__T)(s))
#define SEL(m, a, b) TN__N(sel)(m, a, b)
#define P(i) TN__N(splat)((TN__T)p[i])
/* A function of the C library, or of ours, lane by lane. */
#define TN__LANES1(name, call)                                                                                         \
    TN__F TN__V TN__N(v_##name)(TN__V x) {                                                                             \
        for (size_t i = 0; i < TN__W; i++) x[i] = call(x[i]);                                                          \
        return x;                                                                                                      \
    }
#define TN__LANES2(name, call)                                                                                         \
    TN__F TN__V TN__N(v_##name)(TN__V x, TN__V y) {                                                                    \
        for (size_t i = 0; i < TN__W; i++) x[i] = call(x[i], y[i]);                                                    \
        return x;                                                                                                      \
    }

#if TN__FLOAT
TN__F TN__V TN__N(fma)(TN__V a, TN__V b, TN__V c) { return TN__FMA(a, b, c); }
TN__F TN__V TN__N(mul)(TN__V a, TN__V b) { /* a product that is not fused into an addition */
    TN__V r = a * b;
    __asm__("" : "+" TN__REG(r));
    return r;
}
#define FMA(a, b, c) TN__N(fma)(a, b, c)
#define MUL(a, b) TN__N(mul)(a, b)
#define NEG(x) (-(x))
#define ADD(a, b) ((a) + (b))
#define SUB(a, b) ((a) - (b))
#define TIMES(a, b) ((a) * (b))
#define ABS(x) ((TN__V)((TN__VI)(x) & ~(TN__VI)SPL(-0.0)))
#if !defined(__x86_64__) && !defined(__aarch64__)
TN__LANES1(sqrt, TN__M(sqrt))
#endif
TN__LANES1(log, TN__M(log))
TN__LANES1(log1p, TN__M(log1p))
TN__LANES1(log2, TN__M(log2))
TN__LANES1(expm1, TN__M(expm1))
TN__LANES1(sin, TN__M(sin))
TN__LANES1(cos, TN__M(cos))
TN__LANES1(tan, TN__M(tan))
TN__LANES1(erf, TN__M(erf))
TN__LANES1(floor, TN__M(floor))
TN__LANES1(ceil, TN__M(ceil))
TN__LANES1(trunc, TN__M(trunc))
TN__LANES1(rint, TN__M(rint))
TN__LANES2(pow, TN__M(pow))
TN__LANES2(fmod, TN__M(fmod))
TN__LANES2(atan2, TN__M(atan2))
TN__F TN__T TN__N(s_remainder)(TN__T a, TN__T b) {
    const TN__T m = TN__M(fmod)(a, b);
    return m != 0 && (b < 0) != (m < 0) ? m + b : m;
}
TN__F TN__T TN__N(s_div_floor)(TN__T a, TN__T b) {
    if (b == 0) return a / b;
    const TN__T m = TN__M(fmod)(a, b), q = (a - m) / b - (m != 0 && (b < 0) != (m < 0) ? C(1) : C(0));
    if (q == 0) return TN__M(copysign)(C(0), a / b);
    const TN__T f = TN__M(floor)(q);
    return q - f > C(0.5) ? f + C(1) : f;
}
TN__LANES2(remainder, TN__N(s_remainder))
TN__LANES2(div_floor, TN__N(s_div_floor))
#if TN__F64
TN__LANES1(exp, exp)
TN__LANES1(tanh, tanh)
#else
/* exp by n = round(x / ln 2) and a polynomial of the rest, 2^n put together from two halves (subnormals). */
TN__F TN__V TN__N(v_exp)(TN__V x) {
    TN__V c = SEL(x < C(-104), SPL(-104), x);
    c = SEL(c > C(89), SPL(89), c);
    TN__V n = FMA(c, SPL(1.44269504088896341), SPL(12582912));
    const TN__VI whole = (TN__VI)n - 0x4B400000;
    n = n - C(12582912);
    TN__V r = FMA(n, SPL(-0.693359375), c);
    r = FMA(n, SPL(2.12194440e-4), r);
    TN__V q = FMA(SPL(1.9875691500e-4), r, SPL(1.3981999507e-3));
    q = FMA(q, r, SPL(8.3334519073e-3));
    q = FMA(q, r, SPL(4.1665795894e-2));
    q = FMA(q, r, SPL(1.6666665459e-1));
    q = FMA(q, r, SPL(5.0000001201e-1));
    q = FMA(MUL(r, r), q, r) + C(1);
    const TN__VI half = whole >> 1, rest = whole - half;
    q = q * (TN__V)((half + 127) << 23) * (TN__V)((rest + 127) << 23);
    return SEL(x != x, x, q);
}
TN__F TN__V TN__N(v_tanh)(TN__V x) {
    const TN__V z = ABS(x), e = TN__N(v_exp)(z * C(-2)), t = (C(1) - e) / (C(1) + e), s = MUL(x, x);
    TN__V q = FMA(SPL(-5.70498872745e-3), s, SPL(2.06390887954e-2));
    q = FMA(q, s, SPL(-5.37397155531e-2));
    q = FMA(q, s, SPL(1.33314422036e-1));
    q = FMA(q, s, SPL(-3.33332819422e-1));
    return SEL(z < C(0.625), FMA(MUL(q, s), x, x), SEL(x < C(0), -t, t));
}
#endif
#define SQRT(x) TN__SQRT(x)
#define EXP(x) TN__N(v_exp)(x)
#define LOG(x) TN__N(v_log)(x)
#define LOG1P(x) TN__N(v_log1p)(x)
#define LOG2(x) TN__N(v_log2)(x)
#define EXPM1(x) TN__N(v_expm1)(x)
#define SIN(x) TN__N(v_sin)(x)
#define COS(x) TN__N(v_cos)(x)
#define TAN(x) TN__N(v_tan)(x)
#define TANH(x) TN__N(v_tanh)(x)
#define ERF(x) TN__N(v_erf)(x)
#define FLOOR(x) TN__N(v_floor)(x)
#define CEIL(x) TN__N(v_ceil)(x)
#define TRUNC(x) TN__N(v_trunc)(x)
#define RINT(x) TN__N(v_rint)(x)
#define POW(x, y) TN__N(v_pow)(x, y)
#define FMOD(x, y) TN__N(v_fmod)(x, y)
#define ATAN2(x, y) TN__N(v_atan2)(x, y)
#define REMAINDER(x, y) TN__N(v_remainder)(x, y)
#define DIV_FLOOR(x, y) TN__N(v_div_floor)(x, y)
#define DIV_TRUNC(x, y) TN__N(v_trunc)((x) / (y))
#define SIGMOID(x) (C(1) / (C(1) + EXP(-(x))))
#define SOFTPLUS(x) (SEL((x) > C(0), x, SPL(0)) + LOG1P(EXP(-ABS(x))))
#else
/* Integers wrap, which only unsigned ones do in C; the driver has refused zero divisors. */
typedef TN__U TN__N(VN) __attribute__((vector_size(TN__BYTES)));
#define TN__BITS(x) ((TN__N(VN))(x))
#define NEG(x) ((TN__V)-TN__BITS(x))
#define ADD(a, b) ((TN__V)(TN__BITS(a) + TN__BITS(b)))
#define SUB(a, b) ((TN__V)(TN__BITS(a) - TN__BITS(b)))
#define TIMES(a, b) ((TN__V)(TN__BITS(a) * TN__BITS(b)))
#define FMA(a, b, c) ADD(TIMES(a, b), c)
#define MUL(a, b) TIMES(a, b)
#define ABS(x) SEL((x) < C(0), NEG(x), x)
TN__F TN__T TN__N(s_div_trunc)(TN__T a, TN__T b) { return b == -1 ? (TN__T)(0 - (TN__U)a) : b == 0 ? 0 : (TN__T)(a / b); }
TN__F TN__T TN__N(s_fmod)(TN__T a, TN__T b) { return b == -1 || b == 0 ? 0 : (TN__T)(a % b); }
TN__F TN__T TN__N(s_remainder)(TN__T a, TN__T b) {
    const TN__T m = TN__N(s_fmod)(a, b);
    return m != 0 && (b < 0) != (m < 0) ? (TN__T)(m + b) : m;
}
TN__F TN__T TN__N(s_div_floor)(TN__T a, TN__T b) {
    const TN__T q = TN__N(s_div_trunc)(a, b), m = TN__N(s_fmod)(a, b);
    return m != 0 && (b < 0) != (m < 0) ? (TN__T)(q - 1) : q;
}
TN__F TN__T TN__N(s_pow)(TN__T a, TN__T b) {
    if (b < 0) return a == 1 ? 1 : a == -1 ? (TN__T)(b % 2 ? -1 : 1) : 0;
    TN__U r = 1, s = (TN__U)a;
    for (; b; b >>= 1, s *= s)
        if (b & 1) r *= s;
    return (TN__T)r;
}
TN__LANES2(div_trunc, TN__N(s_div_trunc))
TN__LANES2(fmod, TN__N(s_fmod))
TN__LANES2(remainder, TN__N(s_remainder))
TN__LANES2(div_floor, TN__N(s_div_floor))
TN__LANES2(pow, TN__N(s_pow))
#define POW(x, y) TN__N(v_pow)(x, y)
#define FMOD(x, y) TN__N(v_fmod)(x, y)
#define REMAINDER(x, y) TN__N(v_remainder)(x, y)
#define DIV_FLOOR(x, y) TN__N(v_div_floor)(x, y)
#define DIV_TRUNC(x, y) TN__N(v_div_trunc)(x, y)
#endif

/* nv whole vectors; an operand whose bit is set in still does not advance; p are the row's numbers. */
#define TN__IN(name, i)                                                                                                \
    const char *name##_at = (const char *)in[i];                                                                       \
    const size_t name##_step = still >> (i) & 1u ? 0 : TN__BYTES
#define TN__GET(name) const TN__V name = (TN__V)*(const TN__N(VU) *)(const void *)name##_at
#define TN__HEAD(op) TN__K void TN__N(k_##op)(size_t nv, void *out, const void *const *in, unsigned still, const double *p)
#define TN__PUT(ex) *o++ = (TN__N(VU))(ex)
#define TN__PUT_BOOL(ex)                                                                                               \
    const TN__N(VB) bits = __builtin_convertvector((TN__VI)(ex), TN__N(VB)) & 1;                                       \
    memcpy(o, &bits, sizeof bits);                                                                                     \
    o += sizeof bits
#define TN__LOOP1(op, O, put, ex)                                                                                      \
    TN__HEAD(op) {                                                                                                     \
        O *o = (O *)out;                                                                                               \
        TN__IN(x, 0);                                                                                                  \
        (void)p;                                                                                                       \
        do {                                                                                                           \
            TN__GET(x);                                                                                                \
            put(ex);                                                                                                   \
            x_at += x_step;                                                                                            \
        } while (--nv);                                                                                                \
    }
#define TN__LOOP2(op, O, put, ex)                                                                                      \
    TN__HEAD(op) {                                                                                                     \
        O *o = (O *)out;                                                                                               \
        TN__IN(x, 0);                                                                                                  \
        TN__IN(y, 1);                                                                                                  \
        (void)p;                                                                                                       \
        do {                                                                                                           \
            TN__GET(x);                                                                                                \
            TN__GET(y);                                                                                                \
            put(ex);                                                                                                   \
            x_at += x_step;                                                                                            \
            y_at += y_step;                                                                                            \
        } while (--nv);                                                                                                \
    }
#define TN__LOOP3(op, O, put, ex)                                                                                      \
    TN__HEAD(op) {                                                                                                     \
        O *o = (O *)out;                                                                                               \
        TN__IN(x, 0);                                                                                                  \
        TN__IN(y, 1);                                                                                                  \
        TN__IN(z, 2);                                                                                                  \
        (void)p;                                                                                                       \
        do {                                                                                                           \
            TN__GET(x);                                                                                                \
            TN__GET(y);                                                                                                \
            TN__GET(z);                                                                                                \
            put(ex);                                                                                                   \
            x_at += x_step;                                                                                            \
            y_at += y_step;                                                                                            \
            z_at += z_step;                                                                                            \
        } while (--nv);                                                                                                \
    }
#define TN__STAMP1(op, ex) TN__LOOP1(op, TN__N(VU), TN__PUT, ex)
#define TN__STAMP2(op, ex) TN__LOOP2(op, TN__N(VU), TN__PUT, ex)
#define TN__STAMP3(op, ex) TN__LOOP3(op, TN__N(VU), TN__PUT, ex)
#define TN__STAMP1B(op, ex) TN__LOOP1(op, char, TN__PUT_BOOL, ex)
#define TN__STAMP2B(op, ex) TN__LOOP2(op, char, TN__PUT_BOOL, ex)
#define TN__CASE(op, ex)                                                                                               \
    case TN__OP_##op: return TN__N(k_##op);

TN__PW1_ANY(TN__STAMP1)
TN__PW2_ANY(TN__STAMP2)
#if TN__FLOAT
TN__PW1_HOT(TN__STAMP1)
TN__PW2_HOT(TN__STAMP2)
#if TN__ALL
TN__PW1_COLD(TN__STAMP1)
TN__PW2_COLD(TN__STAMP2)
TN__PW3_COLD(TN__STAMP3)
TN__CMP1_FLOAT(TN__STAMP1B)
#endif
#else
TN__PW1_INT(TN__STAMP1)
TN__PW2_INT(TN__STAMP2)
#endif
#if TN__ALL
TN__PW2_MORE(TN__STAMP2)
TN__PW3_ANY(TN__STAMP3)
TN__CMP1_ANY(TN__STAMP1B)
TN__CMP2_ANY(TN__STAMP2B)
#endif
/* The kernel of an op in this pass, NULL if it has none. */
static tn__pw_fn TN__N(pointwise)(int op) {
    switch (op) {
        TN__PW1_ANY(TN__CASE)
        TN__PW2_ANY(TN__CASE)
#if TN__FLOAT
        TN__PW1_HOT(TN__CASE)
        TN__PW2_HOT(TN__CASE)
#if TN__ALL
        TN__PW1_COLD(TN__CASE)
        TN__PW2_COLD(TN__CASE)
        TN__PW3_COLD(TN__CASE)
        TN__CMP1_FLOAT(TN__CASE)
#endif
#else
        TN__PW1_INT(TN__CASE)
        TN__PW2_INT(TN__CASE)
#endif
#if TN__ALL
        TN__PW2_MORE(TN__CASE)
        TN__PW3_ANY(TN__CASE)
        TN__CMP1_ANY(TN__CASE)
        TN__CMP2_ANY(TN__CASE)
#endif
    default: return NULL;
    }
}
#if TN__FLOAT
/* -- optimizer steps over nv whole vectors: a[0] the parameter, a[1] its gradient, a[2..] the state; c the constants,
   named in section optim. The operations stand in PyTorch's order. -- */
#define TN__AT(i) ((TN__N(VU) *)a[i])[k]
#define TN__READ(i) ((TN__V)TN__AT(i))
#define TN__CONST(i) TN__N(splat)((TN__T)c[i])
TN__K void TN__N(k_sgd)(size_t nv, void *const *a, const double *c) {
    for (size_t k = 0; k < nv; k++) {
        TN__V w = TN__READ(0), g = TN__READ(1) * TN__CONST(TN__OPT_SIGN);
        if (c[TN__OPT_DECAY] != 0) g = FMA(w, TN__CONST(TN__OPT_DECAY), g);
        if (c[TN__OPT_MOMENTUM] != 0) {
            const TN__V b = c[TN__OPT_FIRST] != 0 ? g : FMA(g, TN__CONST(TN__OPT_UNDAMPED), MUL(TN__READ(2), TN__CONST(TN__OPT_MOMENTUM)));
            TN__AT(2) = (TN__N(VU))b;
            g = c[TN__OPT_FLAG] != 0 ? FMA(b, TN__CONST(TN__OPT_MOMENTUM), g) : b;
        }
        TN__AT(0) = (TN__N(VU))FMA(g, TN__CONST(TN__OPT_STEP), w);
    }
}
TN__K void TN__N(k_adam)(size_t nv, void *const *a, const double *c) {
    for (size_t k = 0; k < nv; k++) {
        TN__V w = MUL(TN__READ(0), TN__CONST(TN__OPT_SHRINK)), g = TN__READ(1) * TN__CONST(TN__OPT_SIGN);
        if (c[TN__OPT_DECAY] != 0) g = FMA(w, TN__CONST(TN__OPT_DECAY), g);
        const TN__V m0 = TN__READ(2), m = FMA(g - m0, TN__CONST(TN__OPT_WEIGHT1), m0);
        TN__V v = FMA(MUL(g, TN__CONST(TN__OPT_WEIGHT2)), g, MUL(TN__READ(3), TN__CONST(TN__OPT_BETA2)));
        TN__AT(2) = (TN__N(VU))m;
        TN__AT(3) = (TN__N(VU))v;
        if (c[TN__OPT_FLAG] != 0) {
            const TN__V most = TN__READ(4);
            v = SEL((v > most) | (v != v), v, most);
            TN__AT(4) = (TN__N(VU))v;
        }
        TN__AT(0) = (TN__N(VU))(w + MUL(TN__CONST(TN__OPT_STEP), m) / (SQRT(v) / TN__CONST(TN__OPT_ROOT) + TN__CONST(TN__OPT_EPS)));
    }
}
TN__K void TN__N(k_rmsprop)(size_t nv, void *const *a, const double *c) {
    for (size_t k = 0; k < nv; k++) {
        const TN__V w = TN__READ(0);
        TN__V g = TN__READ(1) * TN__CONST(TN__OPT_SIGN);
        if (c[TN__OPT_DECAY] != 0) g = FMA(w, TN__CONST(TN__OPT_DECAY), g);
        TN__V v = FMA(MUL(g, TN__CONST(TN__OPT_WEIGHT2)), g, MUL(TN__READ(2), TN__CONST(TN__OPT_BETA2)));
        TN__AT(2) = (TN__N(VU))v;
        if (c[TN__OPT_FLAG] != 0) {
            const TN__V m0 = TN__READ(4), m = FMA(g - m0, TN__CONST(TN__OPT_WEIGHT2), m0);
            TN__AT(4) = (TN__N(VU))m;
            v = v - MUL(m, m);
        }
        TN__V step = g / (SQRT(v) + TN__CONST(TN__OPT_EPS));
        if (c[TN__OPT_MOMENTUM] != 0) {
            step = MUL(TN__READ(3), TN__CONST(TN__OPT_MOMENTUM)) + step;
            TN__AT(3) = (TN__N(VU))step;
        }
        TN__AT(0) = (TN__N(VU))FMA(step, TN__CONST(TN__OPT_STEP), w);
    }
}
TN__K void TN__N(k_adagrad)(size_t nv, void *const *a, const double *c) {
    for (size_t k = 0; k < nv; k++) {
        const TN__V w = TN__READ(0);
        TN__V g = TN__READ(1) * TN__CONST(TN__OPT_SIGN);
        if (c[TN__OPT_DECAY] != 0) g = FMA(w, TN__CONST(TN__OPT_DECAY), g);
        const TN__V v = FMA(g, g, TN__READ(2));
        TN__AT(2) = (TN__N(VU))v;
        TN__AT(0) = (TN__N(VU))(w + MUL(TN__CONST(TN__OPT_STEP), g) / (SQRT(v) + TN__CONST(TN__OPT_EPS)));
    }
}
#undef TN__AT
#undef TN__READ
#undef TN__CONST
/* -- rows of norms: n elements, any number; w and b one a place (many) or one for all, or NULL. Sums in blocks, the blocks
   in f64. -- */
TN__K __attribute__((noinline)) TN__V TN__N(some)(const TN__T *p, size_t n) { /* the first n lanes, the rest zero: of tails, so it may be a call */
    TN__V v = SPL(0);
    memcpy(&v, p, n * sizeof(TN__T));
    return v;
}
TN__F double TN__N(total)(TN__V v) {
    double s = 0;
    for (size_t i = 0; i < TN__W; i++) s += (double)v[i];
    return s;
}
#define TN__ROW_BLOCK ((size_t)512)
/* Adds up ex (of vectors x and, where loaded, g) into s[0..1], two vectors at a time. */
TN__K double TN__N(k_sum)(size_t n, const void *xv) {
    const TN__T *x = (const TN__T *)xv;
    double s = 0;
    while (n) {
        const size_t m = n < TN__ROW_BLOCK ? n : TN__ROW_BLOCK;
        TN__V a = SPL(0), b = SPL(0);
        size_t i = 0;
        for (; i + 2 * TN__W <= m; i += 2 * TN__W) a = a + TN__N(load)(x + i), b = b + TN__N(load)(x + i + TN__W);
        for (; i + TN__W <= m; i += TN__W) a = a + TN__N(load)(x + i);
        if (i < m) b = b + TN__N(some)(x + i, m - i);
        s += TN__N(total)(a + b);
        x += m;
        n -= m;
    }
    return s;
}
TN__K double TN__N(k_squares)(size_t n, const void *xv, double mean) {
    const TN__T *x = (const TN__T *)xv;
    const TN__V m0 = TN__N(splat)((TN__T)mean);
    double s = 0;
    while (n) {
        const size_t m = n < TN__ROW_BLOCK ? n : TN__ROW_BLOCK;
        TN__V a = SPL(0), b = SPL(0);
        size_t i = 0;
        for (; i + 2 * TN__W <= m; i += 2 * TN__W) {
            const TN__V d = TN__N(load)(x + i) - m0, e = TN__N(load)(x + i + TN__W) - m0;
            a = FMA(d, d, a), b = FMA(e, e, b);
        }
        for (; i < m; i++) {
            const double d = (double)x[i] - (double)(TN__T)mean;
            s += d * d;
        }
        s += TN__N(total)(a + b);
        x += m;
        n -= m;
    }
    return s;
}
TN__K void TN__N(k_norm_apply)(size_t n, void *yv, const void *xv, double mean, double rstd, const void *wv, const void *bv, bool many) {
    TN__T *y = (TN__T *)yv;
    const TN__T *x = (const TN__T *)xv, *w = (const TN__T *)wv, *b = (const TN__T *)bv;
    const TN__V m = TN__N(splat)((TN__T)mean), r = TN__N(splat)((TN__T)rstd);
    TN__V w1 = w ? TN__N(splat)(w[0]) : SPL(1), b1 = b ? TN__N(splat)(b[0]) : SPL(0);
    for (size_t i = 0; i < n; i += TN__W) {
        const size_t left = n - i < TN__W ? n - i : TN__W;
        const TN__V v = left == TN__W ? TN__N(load)(x + i) : TN__N(some)(x + i, left);
        if (many && w) w1 = left == TN__W ? TN__N(load)(w + i) : TN__N(some)(w + i, left);
        if (many && b) b1 = left == TN__W ? TN__N(load)(b + i) : TN__N(some)(b + i, left);
        const TN__V o = FMA(MUL(v - m, r), w1, b1);
        if (left == TN__W) TN__N(store)(y + i, o);
        else memcpy(y + i, &o, left * sizeof(TN__T));
    }
}
/* s[0] = sum g w, s[1] = sum g w (x - mean) rstd. */
TN__K void TN__N(k_norm_sums)(size_t n, const void *gv, const void *xv, const void *wv, bool many, double mean, double rstd, double *s) {
    const TN__T *g = (const TN__T *)gv, *x = (const TN__T *)xv, *w = (const TN__T *)wv;
    const TN__V m0 = TN__N(splat)((TN__T)mean);
    TN__V w1 = w ? TN__N(splat)(w[0]) : SPL(1);
    s[0] = s[1] = 0;
    for (size_t at = 0; at < n; at += TN__ROW_BLOCK) {
        const size_t end = n - at < TN__ROW_BLOCK ? n : at + TN__ROW_BLOCK;
        TN__V a = SPL(0), b = SPL(0);
        for (size_t i = at; i < end; i += TN__W) {
            const size_t left = end - i < TN__W ? end - i : TN__W;
            if (many && w) w1 = left == TN__W ? TN__N(load)(w + i) : TN__N(some)(w + i, left);
            const TN__V gw = (left == TN__W ? TN__N(load)(g + i) : TN__N(some)(g + i, left)) * w1;
            const TN__V d = (left == TN__W ? TN__N(load)(x + i) : TN__N(some)(x + i, left)) - m0;
            a = a + gw;
            b = FMA(gw, d, b);
        }
        s[0] += TN__N(total)(a);
        s[1] += TN__N(total)(b);
    }
    s[1] *= rstd;
}
/* gx = rstd (g w - c1 - (x - mean) rstd c2) */
TN__K void TN__N(k_norm_back)(size_t n, void *ov, const void *gv, const void *xv, const void *wv, bool many, double mean, double rstd, double c1, double c2) {
    TN__T *o = (TN__T *)ov;
    const TN__T *g = (const TN__T *)gv, *x = (const TN__T *)xv, *w = (const TN__T *)wv;
    const TN__V m0 = TN__N(splat)((TN__T)mean), r = TN__N(splat)((TN__T)rstd), k1 = TN__N(splat)((TN__T)c1), k2 = TN__N(splat)((TN__T)(-c2 * rstd));
    TN__V w1 = w ? TN__N(splat)(w[0]) : SPL(1);
    for (size_t i = 0; i < n; i += TN__W) {
        const size_t left = n - i < TN__W ? n - i : TN__W;
        if (many && w) w1 = left == TN__W ? TN__N(load)(w + i) : TN__N(some)(w + i, left);
        const TN__V gw = MUL(left == TN__W ? TN__N(load)(g + i) : TN__N(some)(g + i, left), w1);
        const TN__V d = (left == TN__W ? TN__N(load)(x + i) : TN__N(some)(x + i, left)) - m0;
        const TN__V v = r * FMA(d, k2, gw - k1);
        if (left == TN__W) TN__N(store)(o + i, v);
        else memcpy(o + i, &v, left * sizeof(TN__T));
    }
}
/* gw += g (x - mean) rstd and gb += g, place by place (many) or all into one. */
TN__K void TN__N(k_norm_params)(size_t n, void *wv, void *bv, const void *gv, const void *xv, double mean, double rstd, bool many) {
    TN__T *w = (TN__T *)wv, *b = (TN__T *)bv;
    const TN__T *g = (const TN__T *)gv, *x = (const TN__T *)xv;
    const TN__V m0 = TN__N(splat)((TN__T)mean), r = TN__N(splat)((TN__T)rstd);
    if (!many) {
        double s[2];
        TN__N(k_norm_sums)(n, g, x, NULL, false, mean, rstd, s);
        b[0] = (TN__T)((double)b[0] + s[0]);
        w[0] = (TN__T)((double)w[0] + s[1]);
        return;
    }
    for (size_t i = 0; i < n; i += TN__W) {
        const size_t left = n - i < TN__W ? n - i : TN__W;
        const TN__V gg = left == TN__W ? TN__N(load)(g + i) : TN__N(some)(g + i, left), d = ((left == TN__W ? TN__N(load)(x + i) : TN__N(some)(x + i, left)) - m0) * r;
        const TN__V ww = FMA(gg, d, left == TN__W ? TN__N(load)(w + i) : TN__N(some)(w + i, left)), bb = (left == TN__W ? TN__N(load)(b + i) : TN__N(some)(b + i, left)) + gg;
        memcpy(w + i, &ww, left * sizeof(TN__T));
        memcpy(b + i, &bb, left * sizeof(TN__T));
    }
}
#undef TN__ROW_BLOCK
/* -- recurrent nets: one sample's step over n hidden units. in: the gates' share of x and of h, the h and c before; out: the
   new h, what section rnn keeps (LSTM c, GRU the hidden side's n), the gates. -- */
TN__F TN__V TN__N(get)(const void *p, size_t at, size_t i, size_t n) { /* the lanes at + i on, of which n - i count */
    const TN__T *x = (const TN__T *)p + at + i;
    return n - i < TN__W ? TN__N(some)(x, n - i) : TN__N(load)(x);
}
TN__F void TN__N(put)(void *p, size_t at, size_t i, size_t n, TN__V v) {
    memcpy((TN__T *)p + at + i, &v, (n - i < TN__W ? n - i : TN__W) * sizeof(TN__T));
}
#define TN__IN2(k) (TN__N(get)(in[0], (k) * n, i, n) + TN__N(get)(in[1], (k) * n, i, n))
TN__K void TN__N(k_rnn)(int kind, size_t n, const void *const *in, void *const *out) {
    for (size_t i = 0; i < n; i += TN__W) {
        if (kind == TN__RNN_LSTM) {
            const TN__V a = SIGMOID(TN__IN2(0)), f = SIGMOID(TN__IN2(1)), g = TANH(TN__IN2(2)), o = SIGMOID(TN__IN2(3));
            const TN__V c = FMA(f, TN__N(get)(in[3], 0, i, n), MUL(a, g));
            TN__N(put)(out[0], 0, i, n, o * TANH(c));
            TN__N(put)(out[1], 0, i, n, c);
            TN__N(put)(out[2], 0, i, n, a);
            TN__N(put)(out[2], n, i, n, f);
            TN__N(put)(out[2], 2 * n, i, n, g);
            TN__N(put)(out[2], 3 * n, i, n, o);
        } else if (kind == TN__RNN_GRU) {
            const TN__V r = SIGMOID(TN__IN2(0)), z = SIGMOID(TN__IN2(1)), q = TN__N(get)(in[1], 2 * n, i, n), g = TANH(FMA(r, q, TN__N(get)(in[0], 2 * n, i, n)));
            TN__N(put)(out[0], 0, i, n, FMA(z, TN__N(get)(in[2], 0, i, n) - g, g));
            TN__N(put)(out[1], 0, i, n, q);
            TN__N(put)(out[2], 0, i, n, r);
            TN__N(put)(out[2], n, i, n, z);
            TN__N(put)(out[2], 2 * n, i, n, g);
        } else {
            const TN__V v = TN__IN2(0);
            TN__N(put)(out[0], 0, i, n, kind == TN__RNN_RELU ? SEL(v < C(0), SPL(0), v) : TANH(v));
        }
    }
}
#undef TN__IN2
/* in: the gradient of h, the gates, what was kept, the state before (LSTM c, GRU h), h, the gradient of c or NULL. out: the
   gradients that come from the step after and go on to the step before (h, c), of the gates' share of x, and of h. */
TN__K void TN__N(k_rnn_back)(int kind, size_t n, const void *const *in, void *const *out) {
    for (size_t i = 0; i < n; i += TN__W) {
        const TN__V d = TN__N(get)(in[0], 0, i, n) + TN__N(get)(out[0], 0, i, n), one = SPL(1);
        if (kind == TN__RNN_LSTM) {
            const TN__V a = TN__N(get)(in[1], 0, i, n), f = TN__N(get)(in[1], n, i, n), g = TN__N(get)(in[1], 2 * n, i, n), o = TN__N(get)(in[1], 3 * n, i, n);
            const TN__V t = TANH(TN__N(get)(in[2], 0, i, n));
            TN__V c = FMA(MUL(d, o), one - MUL(t, t), TN__N(get)(out[1], 0, i, n));
            if (in[5]) c = c + TN__N(get)(in[5], 0, i, n);
            TN__N(put)(out[2], 0, i, n, c * g * a * (one - a));
            TN__N(put)(out[2], n, i, n, c * TN__N(get)(in[3], 0, i, n) * f * (one - f));
            TN__N(put)(out[2], 2 * n, i, n, c * a * (one - MUL(g, g)));
            TN__N(put)(out[2], 3 * n, i, n, d * t * o * (one - o));
            TN__N(put)(out[1], 0, i, n, c * f);
        } else if (kind == TN__RNN_GRU) {
            const TN__V r = TN__N(get)(in[1], 0, i, n), z = TN__N(get)(in[1], n, i, n), g = TN__N(get)(in[1], 2 * n, i, n);
            const TN__V dg = d * (one - z) * (one - MUL(g, g)), dr = dg * TN__N(get)(in[2], 0, i, n) * r * (one - r), dz = d * (TN__N(get)(in[3], 0, i, n) - g) * z * (one - z);
            for (int k = 2; k < 4; k++) {
                TN__N(put)(out[k], 0, i, n, dr);
                TN__N(put)(out[k], n, i, n, dz);
                TN__N(put)(out[k], 2 * n, i, n, k == 2 ? dg : dg * r);
            }
            TN__N(put)(out[0], 0, i, n, d * z);
        } else {
            const TN__V y = TN__N(get)(in[4], 0, i, n);
            TN__N(put)(out[2], 0, i, n, kind == TN__RNN_RELU ? SEL(y <= C(0), SPL(0), d) : d * (one - MUL(y, y)));
        }
    }
}
#define TN__RNN_KERNELS {TN__N(k_rnn), TN__N(k_rnn_back)}
#define TN__NORM_KERNELS {TN__N(k_sum), TN__N(k_squares), TN__N(k_norm_apply), TN__N(k_norm_sums), TN__N(k_norm_back), TN__N(k_norm_params)}
/* -- GEMM: C[6 x nr] = (C +) A B over k steps. Accumulators are named: arrays of them spill. -- */
#define TN__ROWS6(X) X(0) X(1) X(2) X(3) X(4) X(5)
#define TN__ACC(i) TN__V c##i##0 = SPL(0), c##i##1 = SPL(0);
#define TN__STEP(i)                                                                                                    \
    {                                                                                                                  \
        const TN__V s = TN__N(splat)(a[(i) * a_row]);                                                                  \
        c##i##0 = FMA(s, b0, c##i##0), c##i##1 = FMA(s, b1, c##i##1);                                                  \
    }
#define TN__ACC4(i) TN__V c##i##0 = SPL(0), c##i##1 = SPL(0), c##i##2 = SPL(0), c##i##3 = SPL(0);
#define TN__STEP4(i)                                                                                                   \
    {                                                                                                                  \
        const TN__V s = TN__N(splat)(a[(i) * a_row]);                                                                  \
        c##i##0 = FMA(s, b0, c##i##0), c##i##1 = FMA(s, b1, c##i##1), c##i##2 = FMA(s, b2, c##i##2), c##i##3 = FMA(s, b3, c##i##3); \
    }
#define TN__OUT1(i, j)                                                                                                 \
    {                                                                                                                  \
        TN__T *o = c + (i) * ldc + (j) * (int64_t)TN__W;                                                               \
        TN__N(store)(o, accumulate ? TN__N(load)(o) + c##i##j : c##i##j);                                              \
    }
#define TN__OUT(i) TN__OUT1(i, 0) TN__OUT1(i, 1)
#define TN__OUT4(i) TN__OUT1(i, 0) TN__OUT1(i, 1) TN__OUT1(i, 2) TN__OUT1(i, 3)
TN__K void TN__N(k_gemm)(int64_t k, const void *av, int64_t a_row, int64_t a_step, const void *bv, int64_t b_step, void *cv, int64_t ldc, bool accumulate) {
    const TN__T *a = (const TN__T *)av, *b = (const TN__T *)bv;
    TN__T *c = (TN__T *)cv;
#if TN__WIDE
    TN__ROWS6(TN__ACC4)
    for (; k; k--, a += a_step, b += b_step) {
        const TN__V b0 = TN__N(load)(b), b1 = TN__N(load)(b + TN__W), b2 = TN__N(load)(b + 2 * TN__W), b3 = TN__N(load)(b + 3 * TN__W);
        TN__ROWS6(TN__STEP4)
    }
    TN__ROWS6(TN__OUT4)
#else
    TN__ROWS6(TN__ACC)
    for (; k; k--, a += a_step, b += b_step) {
        const TN__V b0 = TN__N(load)(b), b1 = TN__N(load)(b + TN__W);
        TN__ROWS6(TN__STEP)
    }
    TN__ROWS6(TN__OUT)
#endif
}
TN__K double TN__N(k_dot)(int64_t k, const void *av, const void *bv) {
    const TN__T *a = (const TN__T *)av, *b = (const TN__T *)bv;
    TN__V s0 = SPL(0), s1 = SPL(0);
    int64_t i = 0;
    for (; i + 2 * (int64_t)TN__W <= k; i += 2 * (int64_t)TN__W) {
        s0 = FMA(TN__N(load)(a + i), TN__N(load)(b + i), s0);
        s1 = FMA(TN__N(load)(a + i + TN__W), TN__N(load)(b + i + TN__W), s1);
    }
    double s = TN__N(total)(s0 + s1);
    for (; i < k; i++) s += (double)a[i] * (double)b[i];
    return s;
}
#undef TN__ROWS6
#undef TN__ACC
#undef TN__ACC4
#undef TN__STEP
#undef TN__STEP4
#undef TN__OUT1
#undef TN__OUT
#undef TN__OUT4
#define TN__GEMM_KERNELS {TN__N(k_gemm), TN__N(k_dot), TN__WIDE ? 4 * (int64_t)TN__W : 2 * (int64_t)TN__W}
#define TN__OPTIM_KERNELS {TN__N(k_sgd), TN__N(k_adam), TN__N(k_rmsprop), TN__N(k_adagrad)}
#else
#define TN__OPTIM_KERNELS {NULL, NULL, NULL, NULL}
#define TN__NORM_KERNELS {NULL, NULL, NULL, NULL, NULL, NULL}
#define TN__GEMM_KERNELS {NULL, NULL, 0}
#define TN__RNN_KERNELS {NULL, NULL}
#endif
static const tn__kernels TN__N(kernels) = {TN__BYTES, TN__N(k_splat), TN__N(pointwise), TN__OPTIM_KERNELS, TN__NORM_KERNELS, TN__GEMM_KERNELS, TN__RNN_KERNELS};
#undef TN__GEMM_KERNELS
#undef TN__RNN_KERNELS
#undef TN__OPTIM_KERNELS
#undef TN__NORM_KERNELS
#undef TN__F
#undef TN__K
#undef TN__W
#undef TN__V
#undef TN__VI
#undef C
#undef SPL
#undef SEL
#undef P
#undef FMA
#undef MUL
#undef NEG
#undef ADD
#undef SUB
#undef TIMES
#undef TN__BITS
#undef ABS
#undef SQRT
#undef EXP
#undef LOG
#undef LOG1P
#undef LOG2
#undef EXPM1
#undef SIN
#undef COS
#undef TAN
#undef TANH
#undef ERF
#undef FLOOR
#undef CEIL
#undef TRUNC
#undef RINT
#undef POW
#undef FMOD
#undef ATAN2
#undef REMAINDER
#undef DIV_FLOOR
#undef DIV_TRUNC
#undef SIGMOID
#undef SOFTPLUS
#undef TN__LANES1
#undef TN__LANES2
#undef TN__IN
#undef TN__GET
#undef TN__HEAD
#undef TN__PUT
#undef TN__PUT_BOOL
#undef TN__LOOP1
#undef TN__LOOP2
#undef TN__LOOP3
#undef TN__STAMP1
#undef TN__STAMP2
#undef TN__STAMP3
#undef TN__STAMP1B
#undef TN__STAMP2B
#undef TN__CASE
/* the pass's parameters */
#undef TN__N
#undef TN__T
#undef TN__I
#undef TN__U
#undef TN__BYTES
#undef TN__FLOAT
#undef TN__WIDE
#undef TN__F64
#undef TN__ALL
#undef TN__TGT
#undef TN__FMA
#undef TN__SQRT
#undef TN__REG
#undef TN__M
#endif /* TN__PASS */

#if defined(TENSOR_IMPLEMENTATION) && !defined(TN__PASS) && !defined(TN__IMPLEMENTED)
#define TN__IMPLEMENTED

/* ============================================================================================================== */
/* >>config (Private)                                                                                             */
/* System includes, and the few attributes that the rest is written with. The implementation has to build under     */
/* -std=c11 after any includes of the user's, so what strict headers hide is declared here.                         */
/* ============================================================================================================== */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/auxv.h>
#include <sys/mman.h>
#endif
#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif
#ifdef __cplusplus
#define TN__TLS thread_local
extern "C" {
#else
#define TN__TLS _Thread_local
#endif
#if defined(__linux__) && !defined(__USE_MISC)
extern int madvise(void *, size_t, int);
#endif
#if defined(__linux__) && !defined(__USE_XOPEN2K8)
extern ssize_t pread(int, void *, size_t, off_t);
extern int fsync(int);
extern ssize_t readlink(const char *, char *, size_t);
extern char *realpath(const char *, char *);
#define TN__O_CLOEXEC 02000000
#else
#define TN__O_CLOEXEC O_CLOEXEC
#endif
#if defined(__linux__) && !defined(__USE_GNU)
extern int sched_getaffinity(int, size_t, void *);
typedef struct { const char *dli_fname; void *dli_fbase; const char *dli_sname; void *dli_saddr; } tn__dl_info;
extern int dladdr(const void *, tn__dl_info *);
#else
typedef Dl_info tn__dl_info;
#endif
#ifdef __cplusplus
}
#endif

#define TN__HOT static inline __attribute__((always_inline, unused))
#define TN__COLD __attribute__((noinline, cold))
#define TN__NOINLINE __attribute__((noinline)) /* of small functions that many call: for the build time */
#define TN__UNUSED __attribute__((unused))
#define TN__LIKELY(x) __builtin_expect(!!(x), 1)
#define TN__UNLIKELY(x) __builtin_expect(!!(x), 0)
#define TN__COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TN__MIN(a, b) ((a) < (b) ? (a) : (b))
#define TN__MAX(a, b) ((a) > (b) ? (a) : (b))
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TN__NO_CACHE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define TN__NO_CACHE 1
#endif
#endif
#ifndef TN__NO_CACHE
#define TN__NO_CACHE 0 /* under sanitizers the caches step aside, so that every use after free is seen */
#endif

TN_API int tn_version(void) { return TN_VERSION_MAJOR * 10000 + TN_VERSION_MINOR * 100 + TN_VERSION_PATCH; }

/* ============================================================================================================== */
/* >>base (Private)                                                                                               */
/* The thread's state is one struct, read once an op. Everything that scopes own begins with a tn__object.         */
/* ============================================================================================================== */
typedef struct tn__object {
    int32_t refs;                         /* plain while one thread owns it, atomic once TN__SHARED is set */
    int32_t slot;                         /* its place in the owning scope's list, -1 if none */
    void (*destroy)(struct tn__object *); /* NULL: a tensor, which is freed on a path of its own */
    uint32_t flags;
    uint32_t tag;                         /* what it is: TN__TAG_… */
} tn__object;
enum { TN__SHARED = 1, TN__KEEP = 2 };
enum { TN__TAG_TENSOR = 1, TN__TAG_ARRAY, TN__TAG_GENERATOR, TN__TAG_MODULE, TN__TAG_OPTIMIZER, TN__TAG_SCHEDULER,
       TN__TAG_DATASET, TN__TAG_SAMPLER, TN__TAG_LOADER, TN__TAG_DICT };

#define TN__CLASSES 104          /* size classes: 64-byte steps to 256, then four a power of two, up to 1 GiB */
#define TN__SMALL_CLASSES 40     /* of those, cached by thread (up to 128 KiB) */
#define TN__TEXTS 8
struct tn__node;
typedef struct tn__thread {
    uint32_t layers;             /* dispatch layers that are on for this thread whatever the operands are */
    uint32_t mask;               /* … and those that operands may turn on (grad mode) */
    tn__object **item;           /* what open scopes own, in order */
    int32_t n_items, cap_items;
    int32_t *mark;               /* where each open scope begins */
    int32_t depth, cap_marks;
    bool started, warned_root, in_pool, anomaly;
    tn_dtype default_dtype;
    tn_device device, home;      /* where new tensors are made: while an op runs its operands', else home */
    void *free_list[TN__SMALL_CLASSES];
    size_t cached_bytes;
    int64_t live_bytes, peak_bytes, live_objects, allocations; /* set by TN__SET: other threads read them */
    struct tn__node *dead;       /* nodes whose count reached zero, freed iteratively */
    bool freeing;
    uint64_t sequence;           /* of nodes, in order of creation */
    struct tn_generator *generator;
    struct tn__thread *next;     /* all threads, for statistics */
    const char *op_name;         /* of the op that runs, for messages */
    tn_status code;
    char message[768];
    char text[TN__TEXTS][192];
    uint32_t next_text;
} tn__thread;
static TN__TLS tn__thread tn__tls;
TN__HOT tn__thread *tn__self(void) { return &tn__tls; }

static pthread_mutex_t tn__global_lock = PTHREAD_MUTEX_INITIALIZER;
#define TN__SET(count, v) __atomic_store_n(&(count), v, __ATOMIC_RELAXED)
static tn__thread *tn__threads;                     /* started threads, under the lock */
static int64_t tn__gone_bytes, tn__gone_objects, tn__gone_allocations, tn__gone_peak; /* of threads that have ended */

/* -- log and errors -- */
static void tn__log_stderr(void *user, tn_log_level level, const char *message) {
    (void)user;
    fprintf(stderr, "%s%s\n", level == TN_LOG_WARN ? "warning: " : "", message);
}
static tn_log_fn tn__log_fn = tn__log_stderr;
static void *tn__log_user;
TN_API void tn_set_log(tn_log_fn fn, void *user) {
    tn__log_fn = fn;
    tn__log_user = user;
}
TN__COLD TN__PRINTF(2, 3) TN__UNUSED static void tn__log(tn_log_level level, const char *fmt, ...) {
    char line[768];
    va_list ap;
    if (!tn__log_fn) return;
    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    tn__log_fn(tn__log_user, level, line);
}
static void tn__set_error(tn_status code, const char *fmt, va_list ap) {
    tn__thread *t = tn__self();
    char line[sizeof t->message];              /* the arguments may point into the message held */
    (void)vsnprintf(line, sizeof line, fmt, ap);
    memcpy(t->message, line, sizeof line);
    t->code = code;
    if (tn__log_fn) tn__log_fn(tn__log_user, TN_LOG_ERROR, t->message);
}
/* Sets the thread's error; always false, so that a function that gives a bool can return it. */
TN__COLD TN__PRINTF(2, 3) static bool tn__fail(tn_status code, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    tn__set_error(code, fmt, ap);
    va_end(ap);
    return false;
}
/* For functions that give a pointer or a status. */
#define TN__FAIL_NULL(...) ((void)tn__fail(__VA_ARGS__), NULL)
#define TN__FAIL_STATUS(code, ...) ((void)tn__fail(code, __VA_ARGS__), code)
/* A NULL where something is required: the error that is held stays; one is set where none is held. */
TN__COLD static bool tn__fail_null(const char *what) {
    if (tn__self()->code == TN_OK) tn__fail(TN_ERR_INVALID, "%s is NULL", what);
    return false;
}
TN__COLD TN__UNUSED static tn_status tn__fail_null_status(const char *what) { /* the status to return for it */
    tn__fail_null(what);
    return tn__self()->code;
}
/* The status of what just failed. */
TN__NOINLINE TN__UNUSED static tn_status tn__status(bool ok) { return ok ? TN_OK : tn__self()->code != TN_OK ? tn__self()->code : TN_ERR_INVALID; }
TN_API const char *tn_error(void) { return tn__self()->code == TN_OK ? "" : tn__self()->message; }
TN_API tn_status tn_error_code(void) { return tn__self()->code; }
TN_API void tn_error_clear(void) { tn__self()->code = TN_OK; }
TN_API tn_status tn_error_set(tn_status code, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    tn__set_error(code == TN_OK ? TN_ERR_USER : code, fmt, ap);
    va_end(ap);
    return tn__self()->code;
}
TN_API const char *tn_status_name(tn_status code) {
    static const char *const names[] = {"TN_OK", "TN_ERR_INVALID", "TN_ERR_SHAPE", "TN_ERR_DTYPE", "TN_ERR_DEVICE", "TN_ERR_INDEX",
        "TN_ERR_MEMORY", "TN_ERR_IO", "TN_ERR_FORMAT", "TN_ERR_STATE", "TN_ERR_UNSUPPORTED", "TN_ERR_USER"};
    return (size_t)code < TN__COUNT(names) ? names[code] : "unknown status";
}
TN__COLD static void tn__check_exit(const char *file, int line) {
    fprintf(stderr, "%s:%d: %s\n", file, line, tn_error_code() == TN_OK ? "NULL" : tn_error());
    exit(1);
}
TN_API void *tn__check_ptr(void *p, const char *file, int line) {
    if (!p) tn__check_exit(file, line);
    return p;
}
TN_API tn_status tn__check_status(tn_status s, const char *file, int line) {
    if (s != TN_OK) tn__check_exit(file, line);
    return s;
}

/* -- memory: the user's allocator below, size classes with free lists above, logical counts on top -- */
static void *tn__system_alloc(void *user, size_t size, size_t align) {
    (void)user;
    void *p = size >> 40 ? NULL : aligned_alloc(align, (size + align - 1) / align * align); /* a terabyte is a mistake */
#if defined(__linux__)
    if (p && align >= ((size_t)2 << 20)) (void)madvise(p, size, 14 /* MADV_HUGEPAGE */);
#endif
    return p;
}
static void tn__system_free(void *user, void *p, size_t size) {
    (void)user;
    (void)size;
    free(p);
}
static tn_allocator tn__allocator = {NULL, tn__system_alloc, tn__system_free};
static bool tn__allocator_used;
static void *tn__large_list[TN__CLASSES];           /* cached large blocks, under the lock */
static int64_t tn__fault_at;                        /* logical allocations until the fault; 0: off. Atomic. */
static bool tn__fault_forever;                      /* atomic */

TN__HOT int tn__size_class(size_t n) { /* TN__CLASSES for what is not cached */
    if (n <= 256) return (int)((n + 63) >> 6);
    if (n > ((size_t)1 << 30)) return TN__CLASSES;
    const int lg = 63 - __builtin_clzll((unsigned long long)(n - 1));
    return 5 + (lg - 8) * 4 + (int)(((n - 1) >> (lg - 2)) - 4);
}
TN__HOT size_t tn__class_size(int c) {
    if (c < 5) return (size_t)c << 6;
    return ((size_t)((c - 5) % 4) + 5) << ((c - 5) / 4 + 6);
}
TN__HOT size_t tn__block_size(size_t n, int c) { return c < TN__CLASSES ? tn__class_size(c) : (n + 63) & ~(size_t)63; }
static size_t tn__block_align(size_t size) { return size >= ((size_t)4 << 20) ? (size_t)2 << 20 : 64; }

TN__COLD static void tn__trim_large(void) {
    pthread_mutex_lock(&tn__global_lock);
    for (int c = 0; c < TN__CLASSES; c++)
        while (tn__large_list[c]) {
            void *p = tn__large_list[c];
            memcpy(&tn__large_list[c], p, sizeof p);
            tn__allocator.free(tn__allocator.user, p, tn__class_size(c));
        }
    pthread_mutex_unlock(&tn__global_lock);
}
static void tn__trim_thread(tn__thread *t) {
    for (int c = 0; c < TN__SMALL_CLASSES; c++)
        while (t->free_list[c]) {
            void *p = t->free_list[c];
            memcpy(&t->free_list[c], p, sizeof p);
            tn__allocator.free(tn__allocator.user, p, tn__class_size(c));
        }
    t->cached_bytes = 0;
}
TN_API void tn_memory_trim(void) {
    tn__trim_thread(tn__self());
    tn__trim_large();
}
TN__COLD static bool tn__fault_hit(void) {
    const int64_t left = __atomic_load_n(&tn__fault_at, __ATOMIC_RELAXED);
    if (left <= 0) return false;
    if (left == 1 && __atomic_load_n(&tn__fault_forever, __ATOMIC_RELAXED)) return true;
    return __atomic_sub_fetch(&tn__fault_at, 1, __ATOMIC_RELAXED) == 0;
}
TN_API void tn_fault_alloc(int64_t nth, bool forever) {
    __atomic_store_n(&tn__fault_forever, forever, __ATOMIC_RELAXED);
    __atomic_store_n(&tn__fault_at, nth, __ATOMIC_RELAXED);
}
static void tn__thread_start(tn__thread *t);
TN__COLD static void *tn__alloc_slow(tn__thread *t, size_t n, int c) {
    if (!t->started) tn__thread_start(t);
    __atomic_store_n(&tn__allocator_used, true, __ATOMIC_RELAXED);
    const size_t size = tn__block_size(n, c);
    void *p = NULL;
    if (c >= TN__SMALL_CLASSES && c < TN__CLASSES && !TN__NO_CACHE) {
        pthread_mutex_lock(&tn__global_lock);
        if ((p = tn__large_list[c])) memcpy(&tn__large_list[c], p, sizeof p);
        pthread_mutex_unlock(&tn__global_lock);
        if (p) return p;
    }
    p = tn__allocator.alloc(tn__allocator.user, size, tn__block_align(size));
    if (!p) { /* what the caches hold may be enough */
        tn_memory_trim();
        p = tn__allocator.alloc(tn__allocator.user, size, tn__block_align(size));
    }
    return p;
}
/* A cached block of a small class, or NULL. */
TN__HOT void *tn__take(tn__thread *t, size_t n, int c) {
    void *p = t->free_list[c];
    if (TN__UNLIKELY(!p)) return NULL;
    memcpy(&t->free_list[c], p, sizeof p);
    t->cached_bytes -= tn__class_size(c);
    TN__SET(t->live_bytes, t->live_bytes + (int64_t)n);
    TN__SET(t->live_objects, t->live_objects + 1);
    TN__SET(t->allocations, t->allocations + 1);
    if (t->live_bytes > t->peak_bytes) TN__SET(t->peak_bytes, t->live_bytes);
    return p;
}
/* n bytes, 64-byte aligned, not cleared; NULL on failure, without an error: for workspace that can be done without. */
static void *tn__try_alloc(size_t n) {
    tn__thread *t = tn__self();
    if (n == 0) n = 1;
    const int c = tn__size_class(n);
    if (TN__UNLIKELY(__atomic_load_n(&tn__fault_at, __ATOMIC_RELAXED) != 0) && tn__fault_hit()) return NULL;
    void *p = c < TN__SMALL_CLASSES ? tn__take(t, n, c) : NULL;
    if (p || !(p = tn__alloc_slow(t, n, c))) return p;
    TN__SET(t->live_bytes, t->live_bytes + (int64_t)n);
    TN__SET(t->live_objects, t->live_objects + 1);
    TN__SET(t->allocations, t->allocations + 1);
    if (t->live_bytes > t->peak_bytes) TN__SET(t->peak_bytes, t->live_bytes);
    return p;
}
/* The same with an error on failure. Both are freed with the same n. */
static void *tn__alloc(size_t n) {
    void *p = tn__try_alloc(n);
    const tn__thread *t = tn__self();
    if (TN__UNLIKELY(!p)) tn__fail(TN_ERR_MEMORY, "%s%sout of memory: %zu bytes", t->op_name ? t->op_name : "", t->op_name ? ": " : "", n);
    return p;
}
/* The same for n of at most 256 where each nanosecond counts: handles, storage of few elements. */
TN__HOT void *tn__alloc_small(size_t n) {
    void *p = TN__UNLIKELY(__atomic_load_n(&tn__fault_at, __ATOMIC_RELAXED) != 0) ? NULL : tn__take(tn__self(), n, (int)((n + 63) >> 6));
    return TN__LIKELY(p != NULL) ? p : tn__alloc(n);
}
static void tn__free(void *p, size_t n) {
    tn__thread *t = tn__self();
    if (!p) return;
    if (n == 0) n = 1;
    const int c = tn__size_class(n);
    TN__SET(t->live_bytes, t->live_bytes - (int64_t)n);
    TN__SET(t->live_objects, t->live_objects - 1);
    if (c < TN__SMALL_CLASSES && !TN__NO_CACHE && t->cached_bytes < ((size_t)16 << 20) && t->started) {
        memcpy(p, &t->free_list[c], sizeof p);
        t->free_list[c] = p;
        t->cached_bytes += tn__class_size(c);
    } else if (c >= TN__SMALL_CLASSES && c < TN__CLASSES && !TN__NO_CACHE) {
        pthread_mutex_lock(&tn__global_lock);
        memcpy(p, &tn__large_list[c], sizeof p);
        tn__large_list[c] = p;
        pthread_mutex_unlock(&tn__global_lock);
    } else
        tn__allocator.free(tn__allocator.user, p, tn__block_size(n, c));
}
TN__HOT void tn__free_small(void *p, size_t n) {
    tn__thread *t = tn__self();
    const int c = (int)((n + 63) >> 6);
    if (TN__UNLIKELY(TN__NO_CACHE || t->cached_bytes >= ((size_t)16 << 20) || !t->started)) {
        tn__free(p, n);
        return;
    }
    TN__SET(t->live_bytes, t->live_bytes - (int64_t)n);
    TN__SET(t->live_objects, t->live_objects - 1);
    memcpy(p, &t->free_list[c], sizeof p);
    t->free_list[c] = p;
    t->cached_bytes += tn__class_size(c);
}
TN__NOINLINE TN__UNUSED static void *tn__alloc_zero(size_t n) {
    void *p = tn__alloc(n);
    if (p) memset(p, 0, n);
    return p;
}
/* Grows an array to hold at least want elements of size; *cap counts elements. False on failure, the array intact. */
static bool tn__grow(void *array, int32_t *cap, int64_t want, size_t size) {
    void *old, *p;
    memcpy(&old, array, sizeof old);
    if (want <= *cap) return true;
    int64_t n = *cap ? (int64_t)*cap * 2 : 16;
    if (n < want) n = want;
    if (n > INT32_MAX / 2) return tn__fail(TN_ERR_MEMORY, "a list of %lld entries is too long", (long long)n);
    if (!(p = tn__alloc((size_t)n * size))) return false;
    if (old) memcpy(p, old, (size_t)*cap * size);
    tn__free(old, (size_t)*cap * size);
    memcpy(array, &p, sizeof p);
    *cap = (int32_t)n;
    return true;
}
TN__NOINLINE TN__UNUSED static char *tn__strdup(const char *s) {
    const size_t n = strlen(s) + 1;
    char *p = (char *)tn__alloc(n);
    if (p) memcpy(p, s, n);
    return p;
}
TN__UNUSED static void tn__strfree(char *s) {
    if (s) tn__free(s, strlen(s) + 1);
}
TN_API tn_status tn_set_allocator(const tn_allocator *a) {
    static const tn_allocator standard = {NULL, tn__system_alloc, tn__system_free};
    if (__atomic_load_n(&tn__allocator_used, __ATOMIC_RELAXED)) return TN__FAIL_STATUS(TN_ERR_STATE, "tn_set_allocator: memory of the present allocator is in use");
    if (a && (!a->alloc || !a->free)) return TN__FAIL_STATUS(TN_ERR_INVALID, "tn_set_allocator: alloc and free are both required");
    tn__allocator = a ? *a : standard;
    return TN_OK;
}
TN_API tn_memory_stats_t tn_memory_stats(void) {
    tn_memory_stats_t s = {0, 0, 0, 0};
    pthread_mutex_lock(&tn__global_lock);
    s.live_bytes = tn__gone_bytes;
    s.live_objects = tn__gone_objects;
    s.allocations = tn__gone_allocations;
    s.peak_bytes = tn__gone_peak;
    for (const tn__thread *t = tn__threads; t; t = t->next) {
        s.live_bytes += __atomic_load_n(&t->live_bytes, __ATOMIC_RELAXED);
        s.live_objects += __atomic_load_n(&t->live_objects, __ATOMIC_RELAXED);
        s.allocations += __atomic_load_n(&t->allocations, __ATOMIC_RELAXED);
        s.peak_bytes += __atomic_load_n(&t->peak_bytes, __ATOMIC_RELAXED);
    }
    pthread_mutex_unlock(&tn__global_lock);
    return s;
}
TN_API void tn_memory_reset_peak(void) { TN__SET(tn__self()->peak_bytes, tn__self()->live_bytes); }

/* -- objects and scopes -- */
static void tn__tensor_free(tn__object *o); /* slot: section tensor fills it */
TN__HOT void tn__ref(tn__object *o) {
    if (TN__UNLIKELY(o->flags & TN__SHARED)) (void)__atomic_fetch_add(&o->refs, 1, __ATOMIC_RELAXED);
    else o->refs++;
}
TN__HOT bool tn__unref(tn__object *o) { /* true when it was the last */
    if (TN__UNLIKELY(o->flags & TN__SHARED)) return __atomic_sub_fetch(&o->refs, 1, __ATOMIC_ACQ_REL) == 0;
    return --o->refs == 0;
}
static void tn__put(tn__object *o) {
    if (!tn__unref(o)) return;
    if (o->destroy) o->destroy(o);
    else tn__tensor_free(o);
}
TN_API void *tn_retain(void *object) {
    if (object) tn__ref((tn__object *)object);
    return object;
}
TN_API void tn_release(void *object) {
    if (object) tn__put((tn__object *)object);
}
#define TN__ROOT_BOUND 1000000
TN__COLD static bool tn__scope_grow(tn__thread *t) {
    if (!t->started) tn__thread_start(t);
    return tn__grow(&t->item, &t->cap_items, (int64_t)t->n_items + 1, sizeof *t->item);
}
/* Gives a new object (one reference) to the innermost scope. On failure the object is still the caller's. */
TN__HOT bool tn__own(tn__thread *t, tn__object *o) {
    if (TN__UNLIKELY(t->n_items == t->cap_items) && !tn__scope_grow(t)) return false;
    if (TN__UNLIKELY(t->n_items > TN__ROOT_BOUND) && t->depth == 0 && !t->warned_root) {
        t->warned_root = true;
        tn__log(TN_LOG_WARN, "%s: the root scope holds over %d results; open a TN_SCOPE in the loop", t->op_name ? t->op_name : "tensor.h", TN__ROOT_BOUND);
    }
    o->slot = t->n_items;
    t->item[t->n_items++] = o;
    return true;
}
/* A zeroed object of size bytes with its head filled in, owned by the scope; NULL on failure. */
TN__UNUSED static void *tn__object_new(size_t size, uint32_t tag, void (*destroy)(tn__object *)) {
    tn__object *o = (tn__object *)tn__alloc_zero(size);
    if (!o) return NULL;
    o->refs = 1;
    o->tag = tag;
    o->destroy = destroy;
    if (!tn__own(tn__self(), o)) {
        tn__free(o, size);
        return NULL;
    }
    return o;
}
TN_API tn_scope tn_scope_open(void) {
    tn__thread *t = tn__self();
    tn_scope s = {-1};
    if (TN__UNLIKELY(t->depth == t->cap_marks)) {
        if (!t->started) tn__thread_start(t);
        if (!tn__grow(&t->mark, &t->cap_marks, (int64_t)t->depth + 1, sizeof *t->mark)) return s; /* its results go to the parent */
    }
    s.depth = t->depth;
    t->mark[t->depth++] = t->n_items;
    return s;
}
TN_API void tn_scope_close(tn_scope *s) {
    tn__thread *t = tn__self();
    if (s->depth < 0 || t->depth <= s->depth) return;
    const int32_t begin = t->mark[s->depth];
    int32_t kept = begin;
    t->depth = s->depth;
    for (int32_t i = begin; i < t->n_items; i++) { /* freeing owns nothing new: n_items stays */
        tn__object *o = t->item[i];
        if (TN__UNLIKELY(o->flags & TN__KEEP) && o->slot == i) {
            o->flags &= ~(uint32_t)TN__KEEP;
            o->slot = kept;
            t->item[kept++] = o;
            continue;
        }
        if (o->slot == i) o->slot = -1;
        tn__put(o);
    }
    t->n_items = kept;
    s->depth = -1;
}
TN_API void *tn_keep(void *object) {
    tn__thread *t = tn__self();
    tn__object *o = (tn__object *)object;
    if (!o || t->depth == 0) return object;
    if (o->slot >= t->mark[t->depth - 1] && o->slot < t->n_items && t->item[o->slot] == o) o->flags |= TN__KEEP;
    return object;
}
TN__COLD static void tn__thread_end(void *p) {
    tn__thread *t = (tn__thread *)p;
    tn_scope root = {0};
    for (t->depth = 1, t->mark ? (void)(t->mark[0] = 0) : (void)0; t->mark && t->n_items;) { /* root scope; destroyers may own more */
        t->mark[0] = 0;
        t->depth = 1;
        root.depth = 0;
        tn_scope_close(&root);
    }
    if (t->generator) tn_release(t->generator);
    tn__free(t->item, (size_t)t->cap_items * sizeof *t->item);
    tn__free(t->mark, (size_t)t->cap_marks * sizeof *t->mark);
    tn__trim_thread(t);
    pthread_mutex_lock(&tn__global_lock);
    for (tn__thread **at = &tn__threads; *at; at = &(*at)->next)
        if (*at == t) {
            *at = t->next;
            break;
        }
    tn__gone_bytes += t->live_bytes;
    tn__gone_objects += t->live_objects;
    tn__gone_allocations += t->allocations;
    tn__gone_peak = TN__MAX(tn__gone_peak, t->peak_bytes);
    pthread_mutex_unlock(&tn__global_lock);
    memset(t, 0, sizeof *t);
    t->mask = ~0u;
}
static pthread_key_t tn__thread_key;
static pthread_once_t tn__once = PTHREAD_ONCE_INIT;
static void tn__pool_stop(void);
static void tn__process_end(void) { /* at exit: the main thread's root scope, the pool, the caches */
    tn__thread_end(tn__self());
    tn__pool_stop();
    tn__trim_large();
}
static void tn__process_start(void) {
    (void)pthread_key_create(&tn__thread_key, tn__thread_end);
    (void)atexit(tn__process_end);
}
TN__COLD static void tn__thread_start(tn__thread *t) {
    t->started = true; /* first: what follows may allocate */
    t->mask = ~0u;
    t->default_dtype = TN_F32;
    (void)pthread_once(&tn__once, tn__process_start);
    (void)pthread_setspecific(tn__thread_key, t);
    pthread_mutex_lock(&tn__global_lock);
    t->next = tn__threads;
    tn__threads = t;
    pthread_mutex_unlock(&tn__global_lock);
    if (!t->mark) (void)tn__grow(&t->mark, &t->cap_marks, 16, sizeof *t->mark);
}
TN__HOT tn__thread *tn__ready(void) {
    tn__thread *t = tn__self();
    if (TN__UNLIKELY(!t->started)) tn__thread_start(t);
    return t;
}

/* A formatted text that lives until TN__TEXTS more are made: for messages. */
TN__COLD TN__PRINTF(1, 2) TN__UNUSED static const char *tn__text(const char *fmt, ...) {
    tn__thread *t = tn__self();
    char *s = t->text[t->next_text++ % TN__TEXTS];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(s, sizeof t->text[0], fmt, ap);
    va_end(ap);
    return s;
}
/* "[64, 784]" */
TN__COLD static const char *tn__sizes_text(const int64_t *v, int n) {
    tn__thread *t = tn__self();
    char *s = t->text[t->next_text++ % TN__TEXTS];
    size_t used = 1;
    s[0] = '[';
    for (int i = 0; i < n && used < sizeof t->text[0] - 24; i++)
        used += (size_t)snprintf(s + used, sizeof t->text[0] - used, i ? ", %lld" : "%lld", (long long)v[i]);
    (void)snprintf(s + used, sizeof t->text[0] - used, "]");
    return s;
}

/* -- the pool: persistent threads that take the jobs of one call, the caller among them. Which thread runs a job never
   changes a result: jobs are cut by shape alone. A pool that is busy, or a call from inside a job, runs serially. -- */
typedef void (*tn__job_fn)(void *arg, int64_t job);
#define TN__POOL_MAX 256
static struct {
    pthread_mutex_t use;         /* held by the caller whose jobs run */
    pthread_mutex_t lock;        /* of sleep and wake */
    pthread_cond_t wake;
    pthread_t thread[TN__POOL_MAX];
    int workers, wanted;         /* running now; asked for, the caller included (0: not decided yet) */
    tn__job_fn fn;
    void *arg;
    int64_t n, next;             /* next: atomic */
    int open, inside;            /* atomic: jobs may be taken; workers that look */
    uint32_t generation;         /* atomic */
    int sleeping;                /* under lock */
    bool stop;                   /* under lock */
} tn__pool = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, {0}, 0, 0, NULL, NULL, 0, 0, 0, 0, 0, 0, false};

static double tn__now(void) {
    struct timespec ts;
    (void)timespec_get(&ts, TIME_UTC);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}
static void tn__pool_take(void) {
    for (;;) {
        const int64_t i = __atomic_fetch_add(&tn__pool.next, 1, __ATOMIC_RELAXED);
        if (i >= tn__pool.n) return;
        tn__pool.fn(tn__pool.arg, i);
    }
}
static void *tn__pool_main(void *arg) {
    uint32_t seen = (uint32_t)(uintptr_t)arg;
    tn__ready()->in_pool = true;
    for (;;) {
        const double start = tn__now();
        while (__atomic_load_n(&tn__pool.generation, __ATOMIC_ACQUIRE) == seen && tn__now() - start < 50e-6) { }
        if (__atomic_load_n(&tn__pool.generation, __ATOMIC_ACQUIRE) == seen) {
            pthread_mutex_lock(&tn__pool.lock);
            tn__pool.sleeping++;
            while (__atomic_load_n(&tn__pool.generation, __ATOMIC_ACQUIRE) == seen && !tn__pool.stop) pthread_cond_wait(&tn__pool.wake, &tn__pool.lock);
            tn__pool.sleeping--;
            const bool stop = tn__pool.stop;
            pthread_mutex_unlock(&tn__pool.lock);
            if (stop) return NULL;
        }
        seen = __atomic_load_n(&tn__pool.generation, __ATOMIC_ACQUIRE);
        (void)__atomic_fetch_add(&tn__pool.inside, 1, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&tn__pool.open, __ATOMIC_SEQ_CST)) tn__pool_take();
        (void)__atomic_fetch_sub(&tn__pool.inside, 1, __ATOMIC_SEQ_CST);
    }
}
static void tn__pool_stop(void) { /* the caller holds use, or is the last thread */
    pthread_mutex_lock(&tn__pool.lock);
    tn__pool.stop = true;
    (void)pthread_cond_broadcast(&tn__pool.wake);
    pthread_mutex_unlock(&tn__pool.lock);
    (void)__atomic_fetch_add(&tn__pool.generation, 0, __ATOMIC_SEQ_CST);
    for (int i = 0; i < tn__pool.workers; i++) (void)pthread_join(tn__pool.thread[i], NULL);
    tn__pool.workers = 0;
    tn__pool.stop = false;
}
static int tn__cores(void) {
#if defined(__linux__)
    unsigned long set[16];
    int n = 0;
    memset(set, 0, sizeof set);
    if (sched_getaffinity(0, sizeof set,
#ifdef __USE_GNU
                          (cpu_set_t *)(void *)set
#else
                          set
#endif
                          ) >= 0)
        for (size_t i = 0; i < TN__COUNT(set); i++) n += __builtin_popcountl(set[i]);
    if (n > 0) return n;
#endif
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}
TN_API tn_status tn_set_num_threads(int n) {
    if (n < 1 || n > TN__POOL_MAX) return TN__FAIL_STATUS(TN_ERR_INVALID, "tn_set_num_threads: %d threads, 1 to %d wanted", n, TN__POOL_MAX);
    pthread_mutex_lock(&tn__pool.use);
    if (tn__pool.workers != n - 1) tn__pool_stop();
    tn__pool.wanted = n;
    pthread_mutex_unlock(&tn__pool.use);
    return TN_OK;
}
TN_API int tn_get_num_threads(void) {
    pthread_mutex_lock(&tn__pool.use);
    if (!tn__pool.wanted) tn__pool.wanted = TN__MIN(tn__cores(), TN__POOL_MAX);
    const int n = tn__pool.wanted;
    pthread_mutex_unlock(&tn__pool.use);
    return n;
}
static void tn__pool_fill(void) { /* fewer threads where no more can be had */
    (void)tn__ready();
    if (!tn__pool.wanted) tn__pool.wanted = TN__MIN(tn__cores(), TN__POOL_MAX);
    while (tn__pool.workers < tn__pool.wanted - 1) {
        const uintptr_t seen = __atomic_load_n(&tn__pool.generation, __ATOMIC_ACQUIRE);
        if (pthread_create(&tn__pool.thread[tn__pool.workers], NULL, tn__pool_main, (void *)seen) != 0) break;
        tn__pool.workers++;
    }
}
/* fn(arg, 0) to fn(arg, n - 1), in any order, on the pool; returns when all are done. fn may not fail or allocate tensors. */
TN__UNUSED static void tn__parallel(int64_t n, tn__job_fn fn, void *arg) {
    if (n <= 1 || tn__self()->in_pool || pthread_mutex_trylock(&tn__pool.use) != 0) {
        for (int64_t i = 0; i < n; i++) fn(arg, i);
        return;
    }
    if (tn__pool.workers == 0 && tn__pool.wanted != 1) tn__pool_fill();
    if (tn__pool.workers == 0) {
        pthread_mutex_unlock(&tn__pool.use);
        for (int64_t i = 0; i < n; i++) fn(arg, i);
        return;
    }
    tn__self()->in_pool = true;
    tn__pool.fn = fn;
    tn__pool.arg = arg;
    tn__pool.n = n;
    __atomic_store_n(&tn__pool.next, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&tn__pool.open, 1, __ATOMIC_SEQ_CST);
    (void)__atomic_fetch_add(&tn__pool.generation, 1, __ATOMIC_SEQ_CST);
    pthread_mutex_lock(&tn__pool.lock);
    if (tn__pool.sleeping) (void)pthread_cond_broadcast(&tn__pool.wake);
    pthread_mutex_unlock(&tn__pool.lock);
    tn__pool_take();
    __atomic_store_n(&tn__pool.open, 0, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&tn__pool.inside, __ATOMIC_SEQ_CST) != 0) (void)sched_yield();
    tn__self()->in_pool = false;
    pthread_mutex_unlock(&tn__pool.use);
}

/* -- the instruction set, by cpuid and xgetbv of our own -- */
enum { TN__ISA_BASE, TN__ISA_AVX2, TN__ISA_AVX512, TN__ISA_COUNT };
static int tn__isa_chosen = -1; /* atomic */
TN__COLD static int tn__isa_best(void) {
#if defined(__x86_64__)
    unsigned a, b, c, d, lo, hi;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & (1u << 27)) || !(c & (1u << 12))) return TN__ISA_BASE;
    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    (void)hi;
    if ((lo & 6) != 6 || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & (1u << 5))) return TN__ISA_BASE;
    const unsigned need = (1u << 16) | (1u << 17) | (1u << 30) | (1u << 31); /* F, DQ, BW, VL */
    return (lo & 0xE6) == 0xE6 && (b & need) == need ? TN__ISA_AVX512 : TN__ISA_AVX2;
#else
    return TN__ISA_BASE;
#endif
}
TN__HOT int tn__isa(void) {
    int isa = __atomic_load_n(&tn__isa_chosen, __ATOMIC_RELAXED);
    if (TN__UNLIKELY(isa < 0)) {
        isa = tn__isa_best();
        __atomic_store_n(&tn__isa_chosen, isa, __ATOMIC_RELAXED);
    }
    return isa;
}
#if defined(__aarch64__)
static const char *const tn__isa_names[TN__ISA_COUNT] = {"neon", "-", "-"};
#else
static const char *const tn__isa_names[TN__ISA_COUNT] = {"scalar", "avx2", "avx512"};
#endif
TN_API const char *tn_get_isa(void) { return tn__isa_names[tn__isa()]; }
TN_API tn_status tn_set_isa(const char *name) {
    for (int i = 0; name && i <= tn__isa_best(); i++)
        if (strcmp(name, tn__isa_names[i]) == 0) {
            __atomic_store_n(&tn__isa_chosen, i, __ATOMIC_RELAXED);
            return TN_OK;
        }
    return TN__FAIL_STATUS(TN_ERR_INVALID, "tn_set_isa: this machine does not have '%s'", name ? name : "(null)");
}

/* ============================================================================================================== */
/* >>dtype (Private)                                                                                              */
/* Kernels compute in four lane types (f32, f64, i32, i64); every dtype is loaded into one and stored from one,     */
/* in blocks. That is all that f16, bf16, bool and narrow integers need.                                            */
/* ============================================================================================================== */
static const struct { const char *name, *brief, *tag; uint8_t size, category, rank; } tn__dtypes[TN_DTYPE_COUNT] = {
    {"default", "default", "", 0, 0, 0}, {"bool", "bool", "BOOL", 1, 0, 0}, {"uint8", "u8", "U8", 1, 1, 1}, {"int8", "i8", "I8", 1, 1, 1},
    {"int16", "i16", "I16", 2, 1, 2}, {"int32", "i32", "I32", 4, 1, 3}, {"int64", "i64", "I64", 8, 1, 4}, {"float16", "f16", "F16", 2, 2, 5},
    {"bfloat16", "bf16", "BF16", 2, 2, 5}, {"float32", "f32", "F32", 4, 2, 6}, {"float64", "f64", "F64", 8, 2, 7},
    {"complex64", "c64", "C64", 8, 3, 8}, {"complex128", "c128", "C128", 16, 3, 9}};
TN__HOT bool tn__is_dtype(tn_dtype dt) { return (unsigned)dt > TN_DTYPE_DEFAULT && (unsigned)dt < TN_DTYPE_COUNT; }
TN__HOT size_t tn__dsize(tn_dtype dt) { return tn__dtypes[dt].size; }
TN__HOT bool tn__is_half(tn_dtype dt) { return dt == TN_F16 || dt == TN_BF16; }
TN__HOT bool tn__is_float(tn_dtype dt) { return dt >= TN_F16 && dt <= TN_F64; }
TN__HOT bool tn__is_complex(tn_dtype dt) { return dt >= TN_C64; }
TN__HOT bool tn__is_int(tn_dtype dt) { return dt <= TN_I64; } /* bool included */
TN_API size_t tn_dtype_size(tn_dtype dt) { return tn__is_dtype(dt) ? tn__dsize(dt) : 0; }
TN_API const char *tn_dtype_name(tn_dtype dt) { return (unsigned)dt < TN_DTYPE_COUNT ? tn__dtypes[dt].name : "unknown"; }
TN_API tn_dtype tn_dtype_from_name(const char *name) {
    for (int i = 1; name && i < TN_DTYPE_COUNT; i++)
        if (strcmp(name, tn__dtypes[i].name) == 0 || strcmp(name, tn__dtypes[i].brief) == 0 || strcmp(name, tn__dtypes[i].tag) == 0) return (tn_dtype)i;
    return TN_DTYPE_DEFAULT;
}
TN_API bool tn_dtype_is_floating(tn_dtype dt) { return tn__is_float(dt); }
TN_API bool tn_dtype_is_complex(tn_dtype dt) { return tn__is_dtype(dt) && tn__is_complex(dt); }
TN_API tn_dtype tn_promote_types(tn_dtype a, tn_dtype b) {
    if (!tn__is_dtype(a) || !tn__is_dtype(b)) return TN_DTYPE_DEFAULT;
    if (a == b) return a;
    if (tn__is_complex(a) || tn__is_complex(b)) return a == TN_C128 || b == TN_C128 || a == TN_F64 || b == TN_F64 ? TN_C128 : TN_C64;
    if (tn__is_float(a) && tn__is_float(b)) return tn__dtypes[a].rank == tn__dtypes[b].rank ? TN_F32 : tn__dtypes[a].rank > tn__dtypes[b].rank ? a : b;
    if (tn__dtypes[a].rank == tn__dtypes[b].rank) return TN_I16; /* u8 with i8 */
    return tn__dtypes[a].rank > tn__dtypes[b].rank ? a : b;
}
TN_API tn_status tn_set_default_dtype(tn_dtype dt) {
    if (!tn__is_float(dt)) return TN__FAIL_STATUS(TN_ERR_DTYPE, "tn_set_default_dtype: a floating dtype is wanted, got %s", tn_dtype_name(dt));
    tn__ready()->default_dtype = dt;
    return TN_OK;
}
TN__HOT tn_dtype tn__default_dtype(void) { return tn__ready()->default_dtype; }
TN_API tn_dtype tn_get_default_dtype(void) { return tn__default_dtype(); }

TN__HOT float tn__f16_to_f32(uint16_t h) {
    const uint32_t sign = (uint32_t)(h & 0x8000u) << 16, e = (h >> 10) & 31u, m = h & 1023u;
    uint32_t bits;
    float f;
    if (e == 31) bits = sign | 0x7F800000u | (m << 13);
    else if (e) bits = sign | ((e + 112) << 23) | (m << 13);
    else { /* zero and subnormals: m * 2^-24 is exact */
        f = (float)m * 5.9604644775390625e-8f;
        memcpy(&bits, &f, 4);
        bits |= sign;
    }
    memcpy(&f, &bits, 4);
    return f;
}
TN__HOT uint16_t tn__f32_to_f16(float f) { /* to nearest, ties to even */
    uint32_t x;
    memcpy(&x, &f, 4);
    const uint32_t sign = (x >> 16) & 0x8000u, a = x & 0x7FFFFFFFu;
    if (a >= 0x47800000u) return (uint16_t)(sign | (a > 0x7F800000u ? 0x7E00u : 0x7C00u));
    if (a < 0x38800000u) { /* subnormal: adding 0.5 leaves the rounded mantissa in the low bits */
        float g, half = 0.5f;
        uint32_t r;
        memcpy(&g, &a, 4);
        g += half;
        memcpy(&r, &g, 4);
        return (uint16_t)(sign | (r - 0x3F000000u));
    }
    return (uint16_t)(sign | ((a - 0x38000000u + 0xFFFu + ((a >> 13) & 1u)) >> 13));
}
TN__HOT float tn__bf16_to_f32(uint16_t h) {
    const uint32_t x = (uint32_t)h << 16;
    float f;
    memcpy(&f, &x, 4);
    return f;
}
TN__HOT uint16_t tn__f32_to_bf16(float f) {
    uint32_t x;
    memcpy(&x, &f, 4);
    if ((x & 0x7FFFFFFFu) > 0x7F800000u) return 0x7FC0u;
    return (uint16_t)((x + 0x7FFFu + ((x >> 16) & 1u)) >> 16);
}
/* What the hardware gives for values out of range (C leaves it open): the least integer. */
TN__HOT int64_t tn__f64_to_i64(double v) { return v >= -9223372036854775808.0 && v < 9223372036854775808.0 ? (int64_t)v : INT64_MIN; }
TN__HOT int32_t tn__f64_to_i32(double v) { return v > -2147483649.0 && v < 2147483648.0 ? (int32_t)v : INT32_MIN; }

enum { TN__LANE_F32, TN__LANE_F64, TN__LANE_I32, TN__LANE_I64, TN__LANES };
static const uint8_t tn__lane_size[TN__LANES] = {4, 8, 4, 8};
/* The lane type in which a dtype is computed. */
TN__HOT int tn__lane_of(tn_dtype dt) { return dt == TN_F64 ? TN__LANE_F64 : tn__is_float(dt) ? TN__LANE_F32 : dt == TN_I64 ? TN__LANE_I64 : TN__LANE_I32; }
static const tn_dtype tn__lane_dtype[TN__LANES] = {TN_F32, TN_F64, TN_I32, TN_I64};

#define TN__SAME(v) (v)
#define TN__NOT0(v) ((v) != 0)
#define TN__F2F(v) ((float)(v))
#define TN__F2D(v) ((double)(v))
#define TN__I2I32(v) ((int32_t)(v))
#define TN__I2I64(v) ((int64_t)(v))
#define TN__R2I32(v) tn__f64_to_i32((double)(v))
#define TN__R2I64(v) tn__f64_to_i64((double)(v))
#define TN__TO_U8(v) ((uint8_t)(uint64_t)(v))
#define TN__TO_I8(v) ((int8_t)(uint8_t)(uint64_t)(v))
#define TN__TO_I16(v) ((int16_t)(uint16_t)(uint64_t)(v))
#define TN__TO_I32(v) ((int32_t)(uint32_t)(uint64_t)(v))
#define TN__TO_BOOL(v) ((uint8_t)((v) != 0))
#define TN__RU8(v) TN__TO_U8(tn__f64_to_i64((double)(v)))
#define TN__RI8(v) TN__TO_I8(tn__f64_to_i64((double)(v)))
#define TN__RI16(v) TN__TO_I16(tn__f64_to_i64((double)(v)))
#define TN__RI32(v) tn__f64_to_i32((double)(v))
#define TN__TO_F16(v) tn__f32_to_f16((float)(v))
#define TN__TO_BF16(v) tn__f32_to_bf16((float)(v))
/* from dtype, C type; to f32, f64, i32, i64 */
#define TN__LOADS(X)                                                                                                   \
    X(BOOL, uint8_t, TN__F2F, TN__F2D, TN__I2I32, TN__I2I64) X(U8, uint8_t, TN__F2F, TN__F2D, TN__I2I32, TN__I2I64)    \
    X(I8, int8_t, TN__F2F, TN__F2D, TN__I2I32, TN__I2I64) X(I16, int16_t, TN__F2F, TN__F2D, TN__I2I32, TN__I2I64)      \
    X(I32, int32_t, TN__F2F, TN__F2D, TN__I2I32, TN__I2I64) X(I64, int64_t, TN__F2F, TN__F2D, TN__TO_I32, TN__I2I64)   \
    X(F16, uint16_t, TN__LF16F, TN__LF16D, TN__LF16I, TN__LF16L) X(BF16, uint16_t, TN__LBF16F, TN__LBF16D, TN__LBF16I, TN__LBF16L) \
    X(F32, float, TN__SAME, TN__F2D, TN__R2I32, TN__R2I64) X(F64, double, TN__F2F, TN__SAME, TN__R2I32, TN__R2I64)
#define TN__LF16F(v) tn__f16_to_f32(v)
#define TN__LF16D(v) ((double)tn__f16_to_f32(v))
#define TN__LF16I(v) TN__R2I32(tn__f16_to_f32(v))
#define TN__LF16L(v) TN__R2I64(tn__f16_to_f32(v))
#define TN__LBF16F(v) tn__bf16_to_f32(v)
#define TN__LBF16D(v) ((double)tn__bf16_to_f32(v))
#define TN__LBF16I(v) TN__R2I32(tn__bf16_to_f32(v))
#define TN__LBF16L(v) TN__R2I64(tn__bf16_to_f32(v))
/* to dtype, C type; from f32, f64, i32, i64 */
#define TN__STORES(X)                                                                                                  \
    X(BOOL, uint8_t, TN__TO_BOOL, TN__TO_BOOL, TN__TO_BOOL, TN__TO_BOOL) X(U8, uint8_t, TN__RU8, TN__RU8, TN__TO_U8, TN__TO_U8) \
    X(I8, int8_t, TN__RI8, TN__RI8, TN__TO_I8, TN__TO_I8) X(I16, int16_t, TN__RI16, TN__RI16, TN__TO_I16, TN__TO_I16)  \
    X(I32, int32_t, TN__RI32, TN__RI32, TN__SAME, TN__TO_I32) X(I64, int64_t, TN__R2I64, TN__R2I64, TN__I2I64, TN__SAME) \
    X(F16, uint16_t, TN__TO_F16, TN__TO_F16, TN__TO_F16, TN__TO_F16) X(BF16, uint16_t, TN__TO_BF16, TN__TO_BF16, TN__TO_BF16, TN__TO_BF16) \
    X(F32, float, TN__SAME, TN__F2F, TN__F2F, TN__F2F) X(F64, double, TN__F2D, TN__SAME, TN__F2D, TN__F2D)
/* n elements, step bytes apart on the dtype's side, contiguous on the lane's. */
typedef void (*tn__lane_load_fn)(size_t n, void *lanes, const void *src, ptrdiff_t step);
typedef void (*tn__lane_store_fn)(size_t n, void *dst, ptrdiff_t step, const void *lanes);
#define TN__LOAD1(name, T, L, conv)                                                                                    \
    static void name(size_t n, void *lanes, const void *src, ptrdiff_t step) {                                         \
        L *o = (L *)lanes;                                                                                             \
        const char *s = (const char *)src;                                                                             \
        if (step == (ptrdiff_t)sizeof(T)) {                                                                            \
            const T *a = (const T *)src;                                                                               \
            for (size_t i = 0; i < n; i++) o[i] = (L)conv(a[i]);                                                       \
        } else                                                                                                         \
            for (size_t i = 0; i < n; i++, s += step) o[i] = (L)conv(*(const T *)(const void *)s);                     \
    }
#define TN__LOAD4(D, T, f, d, i, l)                                                                                    \
    TN__LOAD1(tn__load_##D##_f32, T, float, f) TN__LOAD1(tn__load_##D##_f64, T, double, d)                             \
    TN__LOAD1(tn__load_##D##_i32, T, int32_t, i) TN__LOAD1(tn__load_##D##_i64, T, int64_t, l)
#define TN__STORE1(name, T, L, conv)                                                                                   \
    static void name(size_t n, void *dst, ptrdiff_t step, const void *lanes) {                                         \
        const L *a = (const L *)lanes;                                                                                 \
        char *d = (char *)dst;                                                                                         \
        if (step == (ptrdiff_t)sizeof(T)) {                                                                            \
            T *o = (T *)dst;                                                                                           \
            for (size_t i = 0; i < n; i++) o[i] = (T)conv(a[i]);                                                       \
        } else                                                                                                         \
            for (size_t i = 0; i < n; i++, d += step) *(T *)(void *)d = (T)conv(a[i]);                                 \
    }
#define TN__STORE4(D, T, f, d, i, l)                                                                                   \
    TN__STORE1(tn__store_##D##_f32, T, float, f) TN__STORE1(tn__store_##D##_f64, T, double, d)                         \
    TN__STORE1(tn__store_##D##_i32, T, int32_t, i) TN__STORE1(tn__store_##D##_i64, T, int64_t, l)
TN__LOADS(TN__LOAD4)
TN__STORES(TN__STORE4)
#define TN__LOAD_ROW(D, T, f, d, i, l) {tn__load_##D##_f32, tn__load_##D##_f64, tn__load_##D##_i32, tn__load_##D##_i64},
#define TN__STORE_ROW(D, T, f, d, i, l) {tn__store_##D##_f32, tn__store_##D##_f64, tn__store_##D##_i32, tn__store_##D##_i64},
static const tn__lane_load_fn tn__lane_load[TN_DTYPE_COUNT][TN__LANES] = {{NULL, NULL, NULL, NULL}, TN__LOADS(TN__LOAD_ROW)};
static const tn__lane_store_fn tn__lane_store[TN_DTYPE_COUNT][TN__LANES] = {{NULL, NULL, NULL, NULL}, TN__STORES(TN__STORE_ROW)};

/* One element of any dtype as a double or an integer, and back. */
TN__UNUSED static double tn__get_f64(tn_dtype dt, const void *p) {
    double v = 0;
    float f;
    if (tn__is_complex(dt)) { /* the real part */
        if (dt == TN_C128) return memcpy(&v, p, 8), v;
        return memcpy(&f, p, 4), (double)f;
    }
    tn__lane_load[dt][TN__LANE_F64](1, &v, p, 0);
    return v;
}
TN__UNUSED static int64_t tn__get_i64(tn_dtype dt, const void *p) {
    int64_t v = 0;
    if (tn__is_complex(dt)) return tn__f64_to_i64(tn__get_f64(dt, p));
    tn__lane_load[dt][TN__LANE_I64](1, &v, p, 0);
    return v;
}
TN__UNUSED static void tn__set_f64(tn_dtype dt, void *p, double v) {
    const float f[2] = {(float)v, 0};
    const double d[2] = {v, 0};
    if (dt == TN_C128) memcpy(p, d, sizeof d);
    else if (tn__is_complex(dt)) memcpy(p, f, sizeof f);
    else tn__lane_store[dt][TN__LANE_F64](1, p, 0, &v);
}
TN__UNUSED static void tn__set_i64(tn_dtype dt, void *p, int64_t v) {
    if (tn__is_complex(dt)) tn__set_f64(dt, p, (double)v);
    else tn__lane_store[dt][TN__LANE_I64](1, p, 0, &v);
}

/* ============================================================================================================== */
/* >>storage (Private)                                                                                            */
/* Reference-counted memory on a device. In-place ops raise its version; autograd compares it with what it saved.   */
/* ============================================================================================================== */
typedef struct tn__storage {
    int32_t refs;
    bool shared;
    tn_device device;
    int64_t version;
    char *data;
    size_t bytes;
    void (*done)(void *user, void *data); /* of borrowed memory */
    void *user;                  /* … or a device's block */
} tn__storage;
static bool tn__device_alloc(tn__storage *s); /* slot: accel. Memory for s->bytes on s->device */
static void tn__device_free(tn__storage *s);  /* slot: accel */
static bool tn__device_ok(tn_device d, const char *who); /* slot: accel. Fails if it is not there */
#define TN__NOWHERE ((char *)(uintptr_t)4096) /* data of storage on a device: offsets count from it, nothing may read it */
#define TN__PAD 64 /* bytes past the end that whole vectors may read and write */
static tn__storage *tn__storage_new(size_t bytes) {
    const size_t head = sizeof(tn__storage) <= 128 ? 128 : sizeof(tn__storage);
    if (bytes > (size_t)INT64_MAX / 2) return (tn__storage *)TN__FAIL_NULL(TN_ERR_MEMORY, "out of memory: %zu bytes", bytes);
    const size_t all = head + bytes + TN__PAD;
    tn__storage *s = (tn__storage *)(all <= 256 ? tn__alloc_small(all) : tn__alloc(all));
    if (!s) return NULL;
    s->refs = 1;
    s->shared = false;
    s->device.kind = s->device.index = 0;
    s->version = 0;
    s->data = (char *)s + head;
    s->bytes = bytes;
    s->done = NULL;
    s->user = NULL;
    return s;
}
static tn__storage *tn__storage_on(tn_device device, size_t bytes) {
    if (device.kind == TN_CPU) return tn__storage_new(bytes);
    tn__storage *s = (tn__storage *)tn__alloc_zero(sizeof *s);
    if (!s) return NULL;
    s->refs = 1;
    s->device = device;
    s->data = TN__NOWHERE;
    s->bytes = bytes;
    if (tn__device_alloc(s)) return s;
    tn__free(s, sizeof *s);
    return NULL;
}
TN__HOT void tn__storage_ref(tn__storage *s) {
    if (s->shared) (void)__atomic_fetch_add(&s->refs, 1, __ATOMIC_RELAXED);
    else s->refs++;
}
static void tn__storage_put(tn__storage *s) {
    const size_t head = sizeof(tn__storage) <= 128 ? 128 : sizeof(tn__storage);
    if (s->shared ? __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) != 0 : --s->refs != 0) return;
    if (s->data != (char *)s + head) {
        if (s->device.kind != TN_CPU) tn__device_free(s);
        else if (s->done) s->done(s->user, s->data);
        tn__free(s, sizeof *s);
        return;
    }
    const size_t all = head + s->bytes + TN__PAD;
    if (all <= 256) tn__free_small(s, all);
    else tn__free(s, all);
}
static const char *tn__device_text(tn_device d); /* slot: accel. The name of one that is not the CPU */
TN_API const char *tn_device_name(tn_device d) { return d.kind == TN_CPU ? "cpu" : tn__device_text(d); }
TN__HOT bool tn__same_device(tn_device a, tn_device b) { return a.kind == b.kind && a.index == b.index; }
static tn_device tn__cpu(void) {
    const tn_device cpu = {TN_CPU, 0};
    return cpu;
}

/* ============================================================================================================== */
/* >>tensor (Private)                                                                                             */
/* The handle. It dispatches nothing; what it holds for autograd (node, grad, base, hooks) it only keeps.           */
/* ============================================================================================================== */
enum { TN__REQUIRES = 1, TN__WRAPPED = 2, TN__RETAINS = 4, TN__ON_DEVICE = 16 }; /* flags of a tensor: autograd on; a number; keeps its grad; not on the CPU */
typedef struct tn__hook tn__hook;
struct tn_tensor {
    tn__object object;
    uint8_t dtype, ndim, contiguous, flags;
    int32_t out_nr;              /* which output of node */
    tn__storage *storage;
    char *data;
    int64_t numel;
    int64_t shape[TN_MAX_DIMS], strides[TN_MAX_DIMS];
    struct tn__node *node;       /* what made it; NULL for leaves */
    tn_tensor *grad;
    tn_tensor *base;             /* of a view that autograd may have to know: the tensor it views */
    int64_t base_epoch;          /* the base's epoch that node belongs to */
    int64_t epoch;               /* raised when an in-place op through a view rewrites the history */
    tn__hook *hooks;             /* of a leaf */
};
static void tn__node_put(struct tn__node *n);                       /* slot: autograd */
static void tn__hooks_free(tn__hook *h);                            /* slot: autograd */
static void tn__retained_gone(tn_tensor *t);                        /* slot: autograd */
/* slot: autograd fills tn_grad_fn_name(), which printing asks. */

TN__HOT tn_dtype tn__dt(const tn_tensor *t) { return (tn_dtype)t->dtype; }
/* Marks the op that runs, for messages of what it calls. */
#define TN__SHAPE_TEXT(t) tn__sizes_text((t)->shape, (t)->ndim)
static void tn__tensor_free(tn__object *o) {
    tn_tensor *t = (tn_tensor *)o;
    if (t->flags & TN__RETAINS) tn__retained_gone(t);
    if (t->storage) tn__storage_put(t->storage);
    if (t->node) tn__node_put(t->node);
    if (t->grad) tn_release(t->grad);
    if (t->base) tn_release(t->base);
    if (t->hooks) tn__hooks_free(t->hooks);
    tn__free_small(t, sizeof *t);
}
/* A handle without storage that no scope owns yet: one reference, the caller's. */
TN__HOT tn_tensor *tn__handle_raw(void) {
    tn_tensor *t = (tn_tensor *)tn__alloc_small(sizeof *t);
    if (TN__UNLIKELY(!t)) return NULL;
    memset(&t->object, 0, sizeof t->object);
    t->object.refs = 1;
    t->object.slot = -1;
    t->object.tag = TN__TAG_TENSOR;
    t->flags = 0;
    t->out_nr = 0;
    t->storage = NULL;
    t->node = NULL;
    t->grad = t->base = NULL;
    t->base_epoch = t->epoch = 0;
    t->hooks = NULL;
    return t;
}
TN__HOT tn_tensor *tn__handle(void) {
    tn_tensor *t = tn__handle_raw();
    if (TN__UNLIKELY(!t) || TN__LIKELY(tn__own(tn__self(), &t->object))) return t;
    tn__free(t, sizeof *t);
    return NULL;
}
TN__HOT bool tn__strides_contiguous(const int64_t *shape, const int64_t *strides, int ndim) {
    int64_t want = 1;
    for (int d = ndim - 1; d >= 0; d--) {
        if (shape[d] != 1 && strides[d] != want) return false;
        want *= shape[d];
    }
    return true;
}
/* The number of elements, or -1 and an error: negative sizes, too many dims, more bytes than there are. */
TN__HOT int64_t tn__count(const char *who, const int64_t *shape, int ndim, size_t element) {
    int64_t n = 1;
    bool empty = false;
    if (ndim < 0 || ndim > TN_MAX_DIMS) return tn__fail(TN_ERR_SHAPE, "%s: %d dims, 0 to %d wanted", who, ndim, TN_MAX_DIMS), -1;
    if (ndim && !shape) return tn__fail(TN_ERR_INVALID, "%s: shape is NULL", who), -1;
    for (int d = 0; d < ndim; d++) {
        if (shape[d] < 0) return tn__fail(TN_ERR_SHAPE, "%s: negative size in %s", who, tn__sizes_text(shape, ndim)), -1;
        if (shape[d] == 0) empty = true;
        else if (__builtin_mul_overflow(n, shape[d], &n)) return tn__fail(TN_ERR_SHAPE, "%s: %s is too large", who, tn__sizes_text(shape, ndim)), -1;
    }
    if (n > INT64_MAX / 4 / (int64_t)element) return tn__fail(TN_ERR_SHAPE, "%s: %s is too large", who, tn__sizes_text(shape, ndim)), -1;
    return empty ? 0 : n;
}
TN__HOT void tn__set_layout(tn_tensor *t, tn_dtype dt, const int64_t *shape, int ndim, int64_t numel) {
    int64_t step = 1;
    t->dtype = (uint8_t)dt;
    t->ndim = (uint8_t)ndim;
    t->numel = numel;
    t->contiguous = 1;
    for (int d = ndim - 1; d >= 0; d--) {
        t->shape[d] = shape[d];
        t->strides[d] = step;
        step *= shape[d] > 0 ? shape[d] : 1;
    }
}
/* A new contiguous tensor of n elements, not cleared, owned by the innermost scope. */
static tn_tensor *tn__new_of(tn_dtype dt, const int64_t *shape, int ndim, int64_t n) {
    const tn_device device = tn__self()->device;
    tn__storage *s = TN__LIKELY(device.kind == TN_CPU) ? tn__storage_new((size_t)n * tn__dsize(dt)) : tn__storage_on(device, (size_t)n * tn__dsize(dt));
    tn_tensor *t = s ? tn__handle() : NULL;
    if (TN__UNLIKELY(!t)) {
        if (s) tn__storage_put(s);
        return NULL;
    }
    if (TN__UNLIKELY(device.kind != TN_CPU)) t->flags |= TN__ON_DEVICE;
    tn__set_layout(t, dt, shape, ndim, n);
    t->storage = s;
    t->data = s->data;
    return t;
}
static tn_tensor *tn__new(tn_dtype dt, const int64_t *shape, int ndim) {
    const int64_t n = tn__count(tn__self()->op_name ? tn__self()->op_name : "tensor", shape, ndim, tn__dsize(dt));
    return n < 0 ? NULL : tn__new_of(dt, shape, ndim, n);
}
/* A handle on x's storage with another layout; offset in elements from x's first. No checks, no autograd. */
static tn_tensor *tn__alias_raw(const tn_tensor *x, tn_tensor *t, const int64_t *shape, const int64_t *strides, int ndim, int64_t offset) {
    if (!t) return NULL;
    t->dtype = x->dtype;
    t->ndim = (uint8_t)ndim;
    t->numel = 1;
    for (int d = 0; d < ndim; d++) {
        t->shape[d] = shape[d];
        t->strides[d] = strides[d];
        t->numel *= shape[d];
    }
    t->contiguous = (uint8_t)tn__strides_contiguous(shape, strides, ndim);
    t->storage = x->storage;
    t->flags |= (uint8_t)(x->flags & TN__ON_DEVICE);
    tn__storage_ref(t->storage);
    t->data = x->data + offset * (int64_t)tn__dsize(tn__dt(x));
    return t;
}
TN__UNUSED static tn_tensor *tn__alias(const tn_tensor *x, const int64_t *shape, const int64_t *strides, int ndim, int64_t offset) {
    return tn__alias_raw(x, tn__handle(), shape, strides, ndim, offset);
}
/* A list that owns a reference to each of its tensors. */
typedef struct tn__array {
    tn__object object;
    int32_t n;
    tn_tensor *at[1];
} tn__array;
static size_t tn__array_bytes(int n) { return sizeof(tn__array) + (size_t)n * sizeof(tn_tensor *); }
static void tn__array_free(tn__object *o) {
    tn__array *a = (tn__array *)o;
    for (int i = 0; i < a->n; i++)
        if (a->at[i]) tn_release(a->at[i]);
    tn__free(a, tn__array_bytes(a->n));
}
TN__NOINLINE TN__UNUSED static tn_tensors tn__tensors_new(int n) {
    tn_tensors r = {NULL, 0};
    tn__array *a = (tn__array *)tn__object_new(tn__array_bytes(n), TN__TAG_ARRAY, tn__array_free);
    if (!a) return r;
    a->n = n;
    r.at = a->at;
    r.n = n;
    return r;
}
TN__UNUSED static void tn__tensors_set(tn_tensors *r, int i, tn_tensor *t) { r->at[i] = (tn_tensor *)tn_retain(t); }
/* Makes y a view of x for autograd: an in-place op through it reaches x's history. */
TN__UNUSED static void tn__view_of(tn_tensor *y, tn_tensor *x) {
    tn_tensor *base = x->base ? x->base : x;
    if (y->base == base) return;
    y->base = (tn_tensor *)tn_retain(base);
    y->base_epoch = base->epoch;
}
/* dim counted from the front, -1 and an error where out of range. A 0-d tensor has a dim 0 to wrap to. */
TN__NOINLINE static int tn__wrap_dim(const char *who, int dim, int ndim) {
    const int n = ndim ? ndim : 1;
    if (dim < -n || dim >= n) return tn__fail(TN_ERR_INDEX, "%s: dim %d is out of range for %d dims", who, dim, ndim), -1;
    return dim < 0 ? dim + n : dim;
}
TN_API int tn_ndim(const tn_tensor *t) { return t ? t->ndim : (tn__fail_null("tn_ndim: t"), -1); }
TN_API int64_t tn_size(const tn_tensor *t, int dim) {
    if (!t) return tn__fail_null("tn_size: t"), -1;
    if (t->ndim == 0) return tn__fail(TN_ERR_INDEX, "tn_size: dim %d of a 0-d tensor", dim), -1;
    const int d = tn__wrap_dim("tn_size", dim, t->ndim);
    return d < 0 ? -1 : t->shape[d];
}
TN_API int64_t tn_stride(const tn_tensor *t, int dim) {
    if (!t) return tn__fail_null("tn_stride: t"), -1;
    if (t->ndim == 0) return tn__fail(TN_ERR_INDEX, "tn_stride: dim %d of a 0-d tensor", dim), -1;
    const int d = tn__wrap_dim("tn_stride", dim, t->ndim);
    return d < 0 ? -1 : t->strides[d];
}
TN_API int64_t tn_numel(const tn_tensor *t) { return t ? t->numel : (tn__fail_null("tn_numel: t"), (int64_t)-1); }
TN_API const int64_t *tn_shape(const tn_tensor *t) { return t ? t->shape : (tn__fail_null("tn_shape: t"), (const int64_t *)NULL); }
TN_API tn_dtype tn_get_dtype(const tn_tensor *t) { return t ? tn__dt(t) : (tn__fail_null("tn_get_dtype: t"), (tn_dtype)TN_DTYPE_DEFAULT); }
TN_API tn_device tn_get_device(const tn_tensor *t) {
    const tn_device cpu = {TN_CPU, 0};
    return t ? t->storage->device : (tn__fail_null("tn_get_device: t"), cpu);
}
TN_API bool tn_is_contiguous(const tn_tensor *t) { return t ? t->contiguous != 0 : tn__fail_null("tn_is_contiguous: t"); }
/* -- tensors on devices: what the host may do with them -- */
static const tn_tensor *tn__host(const tn_tensor *t);  /* slot: accel. t, or a copy of it on the CPU with the same layout; NULL on failure */
/* While it lasts, the thread makes its tensors on that device. Gives the one before, for the call that ends it. */
TN__NOINLINE static tn_device tn__device_enter(tn_device d) {
    tn__thread *t = tn__self();
    const tn_device outer = t->device;
    t->device = d;
    t->layers = d.kind == TN_CPU ? t->layers & ~(uint32_t)TN__ON_DEVICE : t->layers | TN__ON_DEVICE;
    return outer;
}
static void tn__device_leave(const tn_device *outer) { (void)tn__device_enter(*outer); }
/* To the end of the block. */
#define TN__MAKE_ON(device) __attribute__((cleanup(tn__device_leave), unused)) const tn_device tn__outer = tn__device_enter(device)
TN_API void *tn_data(const tn_tensor *t) {
    if (!t) return tn__fail_null("tn_data: t"), (void *)NULL;
    if (t->flags & TN__ON_DEVICE) return (void *)TN__FAIL_NULL(TN_ERR_DEVICE, "tn_data: the tensor is on %s", tn_device_name(t->storage->device));
    return t->data;
}
TN_API void tn_mark_written(tn_tensor *t) {
    if (t) t->storage->version++;
}
TN_API int64_t tn_version_of(const tn_tensor *t) { return t ? t->storage->version : (tn__fail_null("tn_version_of: t"), (int64_t)-1); }
static bool tn__node_share(struct tn__node *n); /* slot: autograd */
TN_API tn_tensor *tn_share(tn_tensor *t) {
    if (!t || !tn__node_share(t->node)) return NULL;
    t->object.flags |= TN__SHARED;
    t->storage->shared = true;
    return t;
}
/* The bytes of one element of a tensor on a device, in the thread's room for them. */
static const char *tn__device_element(const tn_tensor *t, const char *at); /* slot: accel */
static const char *tn__one_element(const tn_tensor *t, const char *who) {
    if (!t) return (const char *)(tn__fail_null(who), NULL);
    if (t->numel != 1) return (const char *)TN__FAIL_NULL(TN_ERR_SHAPE, "%s: one element is wanted, got %s", who, TN__SHAPE_TEXT(t));
    if (t->flags & TN__ON_DEVICE) return tn__device_element(t, t->data);
    return t->data;
}
TN_API double tn_item(const tn_tensor *t) {
    const char *p = tn__one_element(t, "tn_item");
    return p ? tn__get_f64(tn__dt(t), p) : (double)NAN;
}
TN_API int64_t tn_item_i64(const tn_tensor *t) {
    const char *p = tn__one_element(t, "tn_item_i64");
    return p ? tn__get_i64(tn__dt(t), p) : 0;
}
TN_API double tn_at(const tn_tensor *t, const int64_t *index, int n) {
    int64_t at = 0;
    if (!t) return tn__fail_null("tn_at: t"), (double)NAN;
    if (n != t->ndim || (n && !index)) return tn__fail(TN_ERR_INDEX, "tn_at: %d indices for %d dims", n, t->ndim), (double)NAN;
    for (int d = 0; d < n; d++) {
        const int64_t i = index[d] < 0 ? index[d] + t->shape[d] : index[d];
        if (i < 0 || i >= t->shape[d]) return tn__fail(TN_ERR_INDEX, "tn_at: index %lld is out of range for size %lld", (long long)index[d], (long long)t->shape[d]), (double)NAN;
        at += i * t->strides[d];
    }
    const char *p = t->data + at * (int64_t)tn__dsize(tn__dt(t));
    if (t->flags & TN__ON_DEVICE) p = tn__device_element(t, p);
    return p ? tn__get_f64(tn__dt(t), p) : (double)NAN;
}

/* ============================================================================================================== */
/* >>random (Private)                                                                                             */
/* mt19937 with PyTorch's way of taking numbers from it (ATen/native/cpu/DistributionTemplates.h), and the queue of  */
/* initialisations: layers are initialised lazily, in the order that their container gives them.                   */
/* ============================================================================================================== */
struct tn_generator {
    tn__object object;
    uint32_t state[624];
    int32_t left;                /* numbers not yet taken of the block; 0: make the next */
    bool seeded, has_next_normal;
    double next_normal;
    uint64_t seed;
    uint64_t drawn;              /* by devices, which draw by seed and count (Philox): blocks of four numbers */
};
static void tn__generator_free(tn__object *o) { tn__free(o, sizeof(tn_generator)); }
static void tn__generator_seed(tn_generator *g, uint64_t seed) {
    g->state[0] = (uint32_t)seed;
    for (uint32_t i = 1; i < 624; i++) g->state[i] = 1812433253u * (g->state[i - 1] ^ (g->state[i - 1] >> 30)) + i;
    g->left = 0;
    g->seeded = true;
    g->has_next_normal = false;
    g->next_normal = 0;
    g->seed = seed;
    g->drawn = 0;
}
static void tn__generator_block(tn_generator *g) {
    uint32_t *s = g->state;
    for (int i = 0; i < 624; i++) {
        const uint32_t y = (s[i] & 0x80000000u) | (s[(i + 1) % 624] & 0x7FFFFFFFu);
        s[i] = s[(i + 397) % 624] ^ (y >> 1) ^ (y & 1u ? 0x9908B0DFu : 0u);
    }
    g->left = 624;
}
TN__HOT uint32_t tn__draw32(tn_generator *g) {
    if (TN__UNLIKELY(g->left == 0)) tn__generator_block(g);
    uint32_t y = g->state[624 - g->left--];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9D2C5680u;
    y ^= (y << 15) & 0xEFC60000u;
    return y ^ (y >> 18);
}
TN__HOT uint64_t tn__draw64(tn_generator *g) {
    const uint64_t high = tn__draw32(g);
    return high << 32 | tn__draw32(g);
}
TN__HOT float tn__draw_f32(tn_generator *g) { return (float)(tn__draw32(g) & 0xFFFFFFu) * 5.9604644775390625e-8f; }
TN__HOT double tn__draw_f64(tn_generator *g) { return (double)(tn__draw64(g) & 0x1FFFFFFFFFFFFFull) * 1.1102230246251565e-16; }
/* An integer below range, as random_ takes it: 64 bits from 2^28 on. */
TN__HOT uint64_t tn__draw_below(tn_generator *g, uint64_t range) { return range >= (1ull << 28) ? tn__draw64(g) % range : tn__draw32(g) % range; }
#define TN__TWO_PI 6.283185307179586476925286766559
/* One standard normal at a time: Box-Muller in f64, the sine kept for the next call. */
TN__UNUSED static double tn__draw_normal(tn_generator *g) {
    if (g->has_next_normal) {
        g->has_next_normal = false;
        return g->next_normal;
    }
    const double u1 = tn__draw_f64(g), u2 = tn__draw_f64(g);
    const double r = sqrt(-2.0 * log1p(-u2)), theta = TN__TWO_PI * u1;
    g->next_normal = r * sin(theta);
    g->has_next_normal = true;
    return r * cos(theta);
}
static tn_generator *tn__generator_alloc(uint64_t seed) { /* no scope owns it */
    tn_generator *g = (tn_generator *)tn__alloc_zero(sizeof *g);
    if (!g) return NULL;
    g->object.refs = 1;
    g->object.slot = -1;
    g->object.tag = TN__TAG_GENERATOR;
    g->object.destroy = tn__generator_free;
    tn__generator_seed(g, seed);
    return g;
}
TN_API tn_generator *tn_generator_new(uint64_t seed) {
    tn_generator *g = (tn_generator *)tn__object_new(sizeof *g, TN__TAG_GENERATOR, tn__generator_free);
    if (g) tn__generator_seed(g, seed);
    return g;
}
#define TN__DEFAULT_SEED 67280421310721ull /* PyTorch's default_rng_seed_val */
TN_API tn_generator *tn_default_generator(void) {
    tn__thread *t = tn__ready();
    if (!t->generator) t->generator = tn__generator_alloc(TN__DEFAULT_SEED);
    return t->generator;
}

/* -- the queue of initialisations, one a thread. An entry belongs to a module; containers reorder the entries of their
   children (tn__init_adopt) so that C's order of argument evaluation does not matter. -- */
typedef struct tn__init_entry {
    tn_module *module;
    tn_status (*fn)(tn_module *);
} tn__init_entry;
static TN__TLS struct { tn__init_entry *at; int32_t n, cap; bool running; } tn__init;
static void tn__init_drop(int32_t i) {
    memmove(tn__init.at + i, tn__init.at + i + 1, (size_t)(tn__init.n - i - 1) * sizeof *tn__init.at);
    if (--tn__init.n > 0) return;
    tn__free(tn__init.at, (size_t)tn__init.cap * sizeof *tn__init.at);
    tn__init.at = NULL;
    tn__init.cap = 0;
}
TN__COLD static tn_status tn__init_run(void) {
    tn_status status = TN_OK;
    if (tn__init.running) return TN_OK; /* a draw of the initialisation itself */
    tn__init.running = true;
    while (tn__init.n) {
        const tn__init_entry e = tn__init.at[0];
        tn__init_drop(0);
        const tn_status s = e.fn(e.module);
        if (s != TN_OK) status = s;
    }
    tn__init.running = false;
    return status;
}
TN_API tn_status tn_init_flush(void) { return tn__init.n ? tn__init_run() : TN_OK; }
TN__UNUSED static bool tn__init_queue(tn_module *m, tn_status (*fn)(tn_module *)) {
    (void)tn__ready();
    if (!tn__grow(&tn__init.at, &tn__init.cap, (int64_t)tn__init.n + 1, sizeof *tn__init.at)) return false;
    tn__init.at[tn__init.n].module = m;
    tn__init.at[tn__init.n++].fn = fn;
    return true;
}
/* A module that is freed, or initialised by other means, leaves the queue. */
TN__UNUSED static void tn__init_forget(const tn_module *m) {
    for (int32_t i = tn__init.n - 1; i >= 0; i--)
        if (tn__init.at[i].module == m) tn__init_drop(i);
}
/* The generator to draw from: g, or the thread's, after what is queued. NULL on failure. */
TN__UNUSED static tn_generator *tn__generator(tn_generator *g) {
    if (tn__init.n && tn_init_flush() != TN_OK) return NULL;
    return g ? g : tn_default_generator();
}
TN_API void tn_manual_seed(uint64_t seed) {
    tn_generator *g = tn__generator(NULL);
    if (g) tn__generator_seed(g, seed);
}
TN_API tn_status tn_generator_seed(tn_generator *g, uint64_t seed) {
    if (!g) return tn__fail_null_status("tn_generator_seed: g");
    if (tn__init.n && tn_init_flush() != TN_OK) return tn_error_code();
    tn__generator_seed(g, seed);
    return TN_OK;
}
#define TN__GENERATOR_BYTES (624 * 4 + 4 + 4 + 8 + 8 + 8)
TN_API tn_tensor *tn_generator_get_state(tn_generator *g) {
    const int64_t n = TN__GENERATOR_BYTES;
    if (!g) return (tn_tensor *)(tn__fail_null("tn_generator_get_state: g"), NULL);
    if (tn__init.n && tn_init_flush() != TN_OK) return NULL;
    TN__MAKE_ON(tn__cpu());
    tn_tensor *t = tn__new(TN_U8, &n, 1);
    if (!t) return NULL;
    const int32_t flags = g->has_next_normal;
    memcpy(t->data, g->state, 624 * 4);
    memcpy(t->data + 2496, &g->left, 4);
    memcpy(t->data + 2500, &flags, 4);
    memcpy(t->data + 2504, &g->next_normal, 8);
    memcpy(t->data + 2512, &g->seed, 8);
    memcpy(t->data + 2520, &g->drawn, 8);
    return t;
}
TN_API tn_status tn_generator_set_state(tn_generator *g, const tn_tensor *state) {
    int32_t left, flags;
    if (!g || !(state = state ? tn__host(state) : NULL)) return tn_error_code() != TN_OK ? tn_error_code() : tn__fail_null_status("tn_generator_set_state: argument");
    if (tn__dt(state) != TN_U8 || (state->numel != TN__GENERATOR_BYTES && state->numel != TN__GENERATOR_BYTES - 8) || !state->contiguous) /* files of before devices drew lack the end */
        return TN__FAIL_STATUS(TN_ERR_SHAPE, "tn_generator_set_state: uint8 [%d] is wanted, got %s %s", TN__GENERATOR_BYTES, tn_dtype_name(tn__dt(state)), TN__SHAPE_TEXT(state));
    memcpy(&left, state->data + 2496, 4);
    memcpy(&flags, state->data + 2500, 4);
    if (left < 0 || left > 624 || flags < 0 || flags > 1) return TN__FAIL_STATUS(TN_ERR_FORMAT, "tn_generator_set_state: not a generator's state");
    memcpy(g->state, state->data, 624 * 4);
    memcpy(&g->next_normal, state->data + 2504, 8);
    memcpy(&g->seed, state->data + 2512, 8);
    g->drawn = 0;
    if (state->numel == TN__GENERATOR_BYTES) memcpy(&g->drawn, state->data + 2520, 8);
    g->left = left;
    g->has_next_normal = flags != 0;
    g->seeded = true;
    return TN_OK;
}

/* ============================================================================================================== */
/* >>ops (Private)                                                                                                */
/* The op table, the call record and the one way to call. A public function fills a record and dispatches it; the   */
/* row's infer checks the operands and makes the outputs; its kernel computes. Autograd and what comes later are     */
/* layers between. To add an op: a row here, infer, kernel and gradient in its section (CONTRIBUTING.md).          */
/* ============================================================================================================== */
#define TN__MAX_OUT 4
typedef struct tn__call {
    int op;                      /* TN__OP_… */
    int n_in, n_out;
    bool in_place;               /* out[0] is in[0] */
    tn_tensor **in;              /* the only place for tensors; NULL for an optional one that is absent */
    tn_tensor *out[TN__MAX_OUT];
    const void *attr;            /* a fixed-width struct that begins with its size (uint32_t), or NULL */
    bool on_device;              /* the device layer has seen it */
} tn__call;
/* attr structs begin with this and are zeroed: TN__ATTR(tn__attr_dim, a); a.dim = 1; … tn__op1(op, x, &a) */
#define TN__ATTR(type, name)                                                                                           \
    type name;                                                                                                         \
    memset(&name, 0, sizeof name);                                                                                     \
    name.size = (uint32_t)sizeof name
typedef struct { uint32_t size, flags; double v[6]; } tn__attr_num;                       /* numbers */
typedef struct { uint32_t size; int32_t dim; int64_t v[4]; } tn__attr_dim;                /* a dim and integers */
typedef struct { uint32_t size; int32_t n; int64_t a[TN_MAX_DIMS], b[TN_MAX_DIMS], offset; } tn__attr_dims; /* a shape or dims, a second list */

/* What a gradient is written with. It fills gx[i] for every input that tn__want says, from g (the output's gradient),
   saved inputs x[i] and outputs y[k], and attr, by calling public differentiable ops, and returns false on failure.
   The engine sums gx[i] to the input's shape and converts it to its dtype; NULL means none. Under create_graph the
   calls are recorded; a fused gradient asks tn__recording and takes the composed way then. */
typedef struct tn__back {
    struct tn__node *node;
    const void *attr;
    int n_in, n_out;
    tn_tensor *g;                /* gs[0] */
    tn_tensor **gs;              /* of every output; NULL where none flowed */
    tn_tensor **x, **y;          /* what the row saves; else NULL */
    tn_tensor **gx;
} tn__back;

typedef struct tn__row {
    int16_t id;                  /* stable, append-only: in files and the accelerators' ABI */
    uint8_t min_in, max_in;      /* operands required; at most (255: a list) */
    uint8_t n_out;
    uint8_t rule;                /* pointwise: the dtype rule */
    uint16_t flags;
    uint32_t save;               /* what the gradient needs: TN__X(i) inputs, TN__Y(k) outputs */
    const char *name;
    bool (*infer)(tn__call *);
    bool (*kernel)(tn__call *);
    bool (*grad)(tn__back *);
} tn__row;
#define TN__X(i) (1u << (i))
#define TN__Y(k) (1u << (16 + (k)))
#define TN__XLIST 0x8000u        /* every input of a list */
enum {
    TN__VIEW = 1,                /* outputs are views of in[0] */
    TN__COMPOSITE = 2,           /* infer calls other ops, which record themselves; there is no kernel */
    TN__NO_GRAD_OUT = 4,         /* outputs but the first are not differentiable (indices) */
    TN__RANDOM = 8,              /* draws */
    TN__CORE = 16,               /* the kernel knows devices itself, and takes operands of several */
    TN__COMPOSED = 32,           /* on a device the kernel calls other ops: the size of its result is among the values */
    TN__WRITES = 64              /* the kernel writes operands beside its results and the first: see tn__writes */
};
/* dtype rules of pointwise rows */
enum { TN__R_SAME, TN__R_FLOAT, TN__R_COMPARE, TN__R_BOOL, TN__R_BITS, TN__R_ARITH /* no bool */, TN__R_WHERE };

/* The table. X(id, name, min_in, max_in, n_out, rule, flags, save, infer, kernel, grad); "none" where there is none.
   Ids are by section: 1.. shape, 100.. pointwise, 250.. reduce, 300.. matmul, 320.. conv, 360.. norm, 380.. index,
   420.. sort, 440.. attention, 460.. loss, 470.. rnn, 490.. autograd, 510.. optim. */
#define TN__OPS_SHAPE(X)                                                                                               \
    X(1, clone, 1, 1, 1, 0, TN__CORE, 0, like, copy, same)                                                             \
    X(2, to_dtype, 1, 1, 1, 0, TN__CORE, 0, to_dtype, copy, same)                                                      \
    X(3, copy_, 2, 2, 1, 0, TN__CORE, 0, copy_, copy_, copy_)                                                          \
    X(4, fill_, 1, 1, 1, 0, TN__CORE, 0, self, fill_, zero_self)                                                       \
    X(5, view, 1, 1, 1, 0, TN__VIEW, 0, view, none, view)                                                              \
    X(6, expand, 1, 1, 1, 0, TN__VIEW, 0, expand, none, same)                                                          \
    X(7, permute, 1, 1, 1, 0, TN__VIEW, 0, permute, none, permute)                                                     \
    X(8, as_strided, 1, 1, 1, 0, TN__VIEW, 0, as_strided, none, as_strided)                                            \
    X(9, as_strided_scatter, 2, 2, 1, 0, 0, 0, as_strided_scatter, as_strided_scatter, as_strided_scatter)             \
    X(10, as_strided_backward, 1, 1, 1, 0, 0, 0, as_strided_backward, as_strided_backward, as_strided_backward)        \
    X(11, detach, 1, 1, 1, 0, TN__VIEW, 0, detach, none, none)                                                         \
    X(12, contiguous, 1, 1, 1, 0, TN__CORE, 0, contiguous, copy, same)                                                 \
    X(13, reshape, 1, 1, 1, 0, TN__COMPOSITE, 0, reshape, none, none)                                                  \
    X(14, slice, 1, 1, 1, 0, TN__VIEW, 0, cut, none, cut)                                                              \
    X(15, select, 1, 1, 1, 0, TN__VIEW, 0, cut, none, cut)                                                             \
    X(16, unfold_dim, 1, 1, 1, 0, TN__VIEW, 0, cut, none, cut)                                                         \
    X(17, diagonal, 1, 1, 1, 0, TN__VIEW, 0, cut, none, cut)                                                           \
    X(18, cat, 1, 255, 1, 0, 0, 0, cat, cat, cat)                                                                      \
    X(19, stack, 1, 255, 1, 0, TN__COMPOSITE, 0, stack, none, none)                                                    \
    X(20, repeat, 1, 1, 1, 0, TN__COMPOSITE, 0, repeat, none, none)                                                    \
    X(21, flip, 1, 1, 1, 0, 0, 0, plain, flip, flip)                                                                   \
    X(22, tril, 1, 1, 1, 0, 0, 0, tri, tri, tri)                                                                       \
    X(23, triu, 1, 1, 1, 0, 0, 0, tri, tri, tri)                                                                       \
    X(24, pad, 1, 1, 1, 0, 0, 0, pad, pad, pad)                                                                        \
    X(25, pad_backward, 1, 1, 1, 0, 0, 0, pad_backward, pad_backward, pad_backward)                                    \
    X(26, fill, 2, 2, 1, 0, 0, 0, fill, fill, fill)                                                                    \
    X(27, uniform_, 1, 1, 1, 0, TN__RANDOM, 0, draw, draw, zero_self)                                                  \
    X(28, normal_, 1, 1, 1, 0, TN__RANDOM, 0, draw, draw, zero_self)                                                   \
    X(29, bernoulli_, 1, 1, 1, 0, TN__RANDOM, 0, draw, draw, zero_self)                                                \
    X(30, random_, 1, 1, 1, 0, TN__RANDOM, 0, draw, draw, zero_self)                                                   \
    X(31, exponential_, 1, 1, 1, 0, TN__RANDOM, 0, draw, draw, zero_self)                                              \
    X(32, bernoulli, 1, 1, 1, 0, TN__RANDOM, 0, bernoulli, bernoulli, zero)                                            \
    X(33, to_device, 1, 1, 1, 0, TN__CORE, 0, to_device, copy, to_device)
#define TN__OPS_POINTWISE(X)                                                                                           \
    X(100, neg, 1, 1, 1, TN__R_ARITH, 0, 0, pointwise, pointwise, neg)                                                 \
    X(101, abs, 1, 1, 1, TN__R_SAME, 0, TN__X(0), pointwise, pointwise, abs)                                           \
    X(102, sign, 1, 1, 1, TN__R_SAME, 0, 0, pointwise, pointwise, zero)                                                \
    X(103, square, 1, 1, 1, TN__R_SAME, 0, TN__X(0), pointwise, pointwise, square)                                     \
    X(104, sqrt, 1, 1, 1, TN__R_FLOAT, 0, TN__Y(0), pointwise, pointwise, sqrt)                                        \
    X(105, rsqrt, 1, 1, 1, TN__R_FLOAT, 0, TN__X(0), pointwise, pointwise, rsqrt)                                      \
    X(106, reciprocal, 1, 1, 1, TN__R_FLOAT, 0, TN__Y(0), pointwise, pointwise, reciprocal)                            \
    X(107, exp, 1, 1, 1, TN__R_FLOAT, 0, TN__Y(0), pointwise, pointwise, exp)                                          \
    X(108, expm1, 1, 1, 1, TN__R_FLOAT, 0, TN__Y(0), pointwise, pointwise, expm1)                                      \
    X(109, log, 1, 1, 1, TN__R_FLOAT, 0, TN__X(0), pointwise, pointwise, log)                                          \
    X(110, log1p, 1, 1, 1, TN__R_FLOAT, 0, TN__X(0), pointwise, pointwise, log1p)                                      \
    X(111, log2, 1, 1, 1, TN__R_FLOAT, 0, TN__X(0), pointwise, pointwise, log2)                                        \
    X(112, sin, 1, 1, 1, TN__R_FLOAT, 0, TN__X(0), pointwise, pointwise, sin)                                          \
    X(113, cos, 1, 1, 1, TN__R_FLOAT, 0, TN__X(0), pointwise, pointwise, cos)                                          \
    X(114, tan, 1, 1, 1, TN__R_FLOAT, 0, TN__Y(0), pointwise, pointwise, tan)                                          \
    X(115, tanh, 1, 1, 1, TN__R_FLOAT, 0, TN__Y(0), pointwise, pointwise, tanh)                                        \
    X(116, sigmoid, 1, 1, 1, TN__R_FLOAT, 0, TN__Y(0), pointwise, pointwise, sigmoid)                                  \
    X(117, erf, 1, 1, 1, TN__R_FLOAT, 0, TN__X(0), pointwise, pointwise, erf)                                          \
    X(118, floor, 1, 1, 1, TN__R_SAME, 0, 0, pointwise, pointwise, zero)                                               \
    X(119, ceil, 1, 1, 1, TN__R_SAME, 0, 0, pointwise, pointwise, zero)                                                \
    X(120, trunc, 1, 1, 1, TN__R_SAME, 0, 0, pointwise, pointwise, zero)                                               \
    X(121, round, 1, 1, 1, TN__R_SAME, 0, 0, pointwise, pointwise, zero)                                               \
    X(122, round_decimals, 1, 1, 1, TN__R_SAME, 0, 0, pointwise, pointwise, zero)                                      \
    X(123, isnan, 1, 1, 1, TN__R_COMPARE, 0, 0, pointwise, pointwise, none)                                            \
    X(124, isinf, 1, 1, 1, TN__R_COMPARE, 0, 0, pointwise, pointwise, none)                                            \
    X(125, isfinite, 1, 1, 1, TN__R_COMPARE, 0, 0, pointwise, pointwise, none)                                         \
    X(126, logical_not, 1, 1, 1, TN__R_BOOL, 0, 0, pointwise, pointwise, none)                                         \
    X(127, bitwise_not, 1, 1, 1, TN__R_BITS, 0, 0, pointwise, pointwise, none)                                         \
    X(128, add, 2, 2, 1, TN__R_SAME, 0, 0, pointwise, pointwise, add)                                                  \
    X(129, sub, 2, 2, 1, TN__R_ARITH, 0, 0, pointwise, pointwise, sub)                                                 \
    X(130, mul, 2, 2, 1, TN__R_SAME, 0, TN__X(0) | TN__X(1), pointwise, pointwise, mul)                                \
    X(131, div, 2, 2, 1, TN__R_FLOAT, 0, TN__X(1) | TN__Y(0), pointwise, pointwise, div)                               \
    X(132, pow, 2, 2, 1, TN__R_SAME, 0, TN__X(0) | TN__X(1) | TN__Y(0), pointwise, pointwise, pow)                     \
    X(133, remainder, 2, 2, 1, TN__R_SAME, 0, TN__X(0) | TN__X(1), pointwise, pointwise, remainder)                    \
    X(134, fmod, 2, 2, 1, TN__R_SAME, 0, TN__X(0) | TN__X(1), pointwise, pointwise, fmod)                              \
    X(135, div_floor, 2, 2, 1, TN__R_SAME, 0, 0, pointwise, pointwise, zero)                                           \
    X(136, div_trunc, 2, 2, 1, TN__R_SAME, 0, 0, pointwise, pointwise, zero)                                           \
    X(137, atan2, 2, 2, 1, TN__R_FLOAT, 0, TN__X(0) | TN__X(1), pointwise, pointwise, atan2)                           \
    X(138, maximum, 2, 2, 1, TN__R_SAME, 0, TN__X(0) | TN__X(1), pointwise, pointwise, maximum)                        \
    X(139, minimum, 2, 2, 1, TN__R_SAME, 0, TN__X(0) | TN__X(1), pointwise, pointwise, minimum)                        \
    X(140, eq, 2, 2, 1, TN__R_COMPARE, 0, 0, pointwise, pointwise, none)                                               \
    X(141, ne, 2, 2, 1, TN__R_COMPARE, 0, 0, pointwise, pointwise, none)                                               \
    X(142, lt, 2, 2, 1, TN__R_COMPARE, 0, 0, pointwise, pointwise, none)                                               \
    X(143, le, 2, 2, 1, TN__R_COMPARE, 0, 0, pointwise, pointwise, none)                                               \
    X(144, gt, 2, 2, 1, TN__R_COMPARE, 0, 0, pointwise, pointwise, none)                                               \
    X(145, ge, 2, 2, 1, TN__R_COMPARE, 0, 0, pointwise, pointwise, none)                                               \
    X(146, logical_and, 2, 2, 1, TN__R_BOOL, 0, 0, pointwise, pointwise, none)                                         \
    X(147, logical_or, 2, 2, 1, TN__R_BOOL, 0, 0, pointwise, pointwise, none)                                          \
    X(148, logical_xor, 2, 2, 1, TN__R_BOOL, 0, 0, pointwise, pointwise, none)                                         \
    X(149, bitwise_and, 2, 2, 1, TN__R_BITS, 0, 0, pointwise, pointwise, none)                                         \
    X(150, bitwise_or, 2, 2, 1, TN__R_BITS, 0, 0, pointwise, pointwise, none)                                          \
    X(151, bitwise_xor, 2, 2, 1, TN__R_BITS, 0, 0, pointwise, pointwise, none)                                         \
    X(152, add_alpha, 2, 2, 1, TN__R_SAME, 0, 0, pointwise, pointwise, add_alpha)                                      \
    X(153, clamp, 3, 3, 1, TN__R_SAME, 0, TN__X(0) | TN__X(1) | TN__X(2), pointwise, pointwise, clamp)                 \
    X(154, clamp_min, 2, 2, 1, TN__R_SAME, 0, TN__X(0) | TN__X(1), pointwise, pointwise, clamp_min)                    \
    X(155, clamp_max, 2, 2, 1, TN__R_SAME, 0, TN__X(0) | TN__X(1), pointwise, pointwise, clamp_max)                    \
    X(156, where, 3, 3, 1, TN__R_WHERE, 0, TN__X(0), pointwise, pointwise, where)                                      \
    X(157, lerp, 3, 3, 1, TN__R_SAME, 0, TN__X(0) | TN__X(1) | TN__X(2), pointwise, pointwise, lerp)                   \
    X(158, addcmul, 3, 3, 1, TN__R_SAME, 0, TN__X(1) | TN__X(2), pointwise, pointwise, addcmul)                        \
    X(159, addcdiv, 3, 3, 1, TN__R_FLOAT, 0, TN__X(1) | TN__X(2), pointwise, pointwise, addcdiv)                       \
    X(160, relu, 1, 1, 1, TN__R_SAME, 0, TN__Y(0), pointwise, pointwise, relu)                                         \
    X(161, leaky_relu, 1, 1, 1, TN__R_SAME, 0, TN__X(0), pointwise, pointwise, leaky_relu)                             \
    X(162, elu, 1, 1, 1, TN__R_SAME, 0, TN__X(0), pointwise, pointwise, elu)                                           \
    X(163, gelu, 1, 1, 1, TN__R_SAME, 0, TN__X(0), pointwise, pointwise, gelu)                                         \
    X(164, gelu_tanh, 1, 1, 1, TN__R_SAME, 0, TN__X(0), pointwise, pointwise, gelu_tanh)                               \
    X(165, silu, 1, 1, 1, TN__R_SAME, 0, TN__X(0), pointwise, pointwise, silu)                                         \
    X(166, mish, 1, 1, 1, TN__R_SAME, 0, TN__X(0), pointwise, pointwise, mish)                                         \
    X(167, softplus, 1, 1, 1, TN__R_SAME, 0, TN__X(0), pointwise, pointwise, softplus)                                 \
    X(168, hardtanh, 1, 1, 1, TN__R_SAME, 0, TN__X(0), pointwise, pointwise, hardtanh)                                 \
    X(169, hardswish, 1, 1, 1, TN__R_SAME, 0, TN__X(0), pointwise, pointwise, hardswish)                               \
    X(170, hardsigmoid, 1, 1, 1, TN__R_SAME, 0, TN__X(0), pointwise, pointwise, hardsigmoid)                           \
    X(171, logsigmoid, 1, 1, 1, TN__R_SAME, 0, TN__X(0), pointwise, pointwise, logsigmoid)                             \
    X(172, prelu_elementwise, 2, 2, 1, TN__R_SAME, 0, TN__X(0) | TN__X(1), pointwise, pointwise, prelu_elementwise)    \
    X(173, relu_backward, 2, 2, 1, TN__R_SAME, 0, TN__X(1), pointwise, pointwise, relu_backward)                       \
    X(174, sigmoid_backward, 2, 2, 1, TN__R_SAME, 0, TN__X(0) | TN__X(1), pointwise, pointwise, sigmoid_backward)      \
    X(175, tanh_backward, 2, 2, 1, TN__R_SAME, 0, TN__X(0) | TN__X(1), pointwise, pointwise, tanh_backward)            \
    X(176, gelu_backward, 2, 2, 1, TN__R_SAME, 0, TN__X(0) | TN__X(1), pointwise, pointwise, gelu_backward)            \
    X(177, gelu_tanh_backward, 2, 2, 1, TN__R_SAME, 0, TN__X(0) | TN__X(1), pointwise, pointwise, gelu_tanh_backward)  \
    X(178, silu_backward, 2, 2, 1, TN__R_SAME, 0, TN__X(0) | TN__X(1), pointwise, pointwise, silu_backward) \
    X(179, masked_fill, 3, 3, 1, 0, TN__COMPOSITE, 0, masked_fill, none, none) \
    X(180, prelu, 2, 2, 1, 0, TN__COMPOSITE, 0, prelu, none, none) \
    X(181, glu, 1, 1, 1, 0, TN__COMPOSITE, 0, glu, none, none) \
    X(182, dropout, 1, 1, 1, 0, TN__COMPOSITE | TN__RANDOM, 0, dropout, none, none) \
    X(183, fused_pointwise, 1, 8, 1, 0, 0, 0xFFu, fused_pointwise, fused_pointwise, fused_pointwise)
#define TN__OPS_REDUCE(X)                                                                                              \
    X(250, sum, 1, 1, 1, 0, 0, 0, reduce, reduce, sum)                                                                 \
    X(251, mean, 1, 1, 1, 0, 0, 0, reduce, reduce, mean)                                                               \
    X(252, prod, 1, 1, 1, 0, 0, TN__X(0), reduce, reduce, prod)                                                        \
    X(253, amax, 1, 1, 1, 0, 0, TN__X(0) | TN__Y(0), reduce, reduce, extreme)                                          \
    X(254, amin, 1, 1, 1, 0, 0, TN__X(0) | TN__Y(0), reduce, reduce, extreme)                                          \
    X(255, any, 1, 1, 1, 0, 0, 0, reduce, reduce, none)                                                                \
    X(256, all, 1, 1, 1, 0, 0, 0, reduce, reduce, none)                                                                \
    X(257, count_nonzero, 1, 1, 1, 0, 0, 0, reduce, reduce, none)                                                      \
    X(258, argmax, 1, 1, 1, 0, 0, 0, reduce, reduce, none)                                                             \
    X(259, argmin, 1, 1, 1, 0, 0, 0, reduce, reduce, none)                                                             \
    X(260, pick, 2, 2, 1, 0, 0, TN__X(1), pick, pick, pick)                                                            \
    X(261, pick_backward, 2, 2, 1, 0, 0, TN__X(1), pick_backward, pick_backward, pick_backward)                        \
    X(262, var, 1, 1, 2, 0, TN__COMPOSITE, 0, wide_var, none, none)                                                         \
    X(263, linalg_vector_norm, 1, 1, 1, 0, TN__COMPOSITE, 0, wide_vector_norm, none, none)                                  \
    X(264, logsumexp, 1, 1, 1, 0, TN__COMPOSITE, 0, logsumexp, none, none)                                             \
    X(265, cumsum, 1, 1, 1, 0, 0, 0, cumsum, cumsum, cumsum)                                                           \
    X(266, softmax, 1, 1, 1, 0, 0, TN__Y(0), softmax, softmax, softmax)                                                \
    X(267, log_softmax, 1, 1, 1, 0, 0, TN__Y(0), softmax, softmax, softmax)                                            \
    X(268, softmax_backward, 2, 2, 1, 0, 0, 0, softmax, softmax_backward, none)                                        \
    X(269, log_softmax_backward, 2, 2, 1, 0, 0, 0, softmax, softmax_backward, none)
#define TN__OPS_MATMUL(X)                                                                                              \
    X(300, mm, 2, 2, 1, 0, 0, TN__X(0) | TN__X(1), mm, mm, mm)                                                         \
    X(301, bmm, 2, 2, 1, 0, 0, TN__X(0) | TN__X(1), mm, mm, mm)                                                        \
    X(302, linear, 2, 3, 1, 0, 0, TN__X(0) | TN__X(1), linear, linear, linear)                                         \
    X(303, matmul, 2, 2, 1, 0, TN__COMPOSITE, 0, matmul, none, none)                                                   \
    X(304, mv, 2, 2, 1, 0, TN__COMPOSITE, 0, mv, none, none)                                                           \
    X(305, dot, 2, 2, 1, 0, TN__COMPOSITE, 0, dot, none, none)                                                         \
    X(306, outer, 2, 2, 1, 0, TN__COMPOSITE, 0, outer, none, none)                                                     \
    X(307, addmm, 3, 3, 1, 0, TN__COMPOSITE, 0, wide_addmm, none, none)                                                     \
    X(308, baddbmm, 3, 3, 1, 0, TN__COMPOSITE, 0, wide_addmm, none, none)
#define TN__OPS_CONV(X)                                                                                                \
    X(320, convolution, 2, 2, 1, 0, 0, TN__X(0) | TN__X(1), convolution, convolution, convolution)                     \
    X(321, conv_input, 2, 2, 1, 0, 0, TN__X(0) | TN__X(1), conv_input, conv_input, conv_input)                         \
    X(322, conv_weight, 2, 2, 1, 0, 0, TN__X(0) | TN__X(1), conv_weight, conv_weight, conv_weight)                     \
    X(323, max_pool, 1, 1, 2, 0, TN__NO_GRAD_OUT, TN__Y(1), max_pool, max_pool, max_pool)                              \
    X(324, max_unpool, 2, 2, 1, 0, 0, TN__X(1), unpool, unpool, unpool)                                                \
    X(325, max_pool_at, 2, 2, 1, 0, 0, TN__X(1), unpool, unpool, unpool)                                               \
    X(326, avg_pool, 1, 1, 1, 0, 0, 0, avg_pool, avg_pool, avg_pool)                                                   \
    X(327, avg_pool_backward, 1, 1, 1, 0, 0, 0, avg_pool_backward, avg_pool, avg_pool_backward)                        \
    X(328, unfold, 1, 1, 1, 0, 0, 0, unfold, unfold, unfold)                                                           \
    X(329, fold, 1, 1, 1, 0, 0, 0, fold, unfold, unfold)                                                               \
    X(330, resize, 1, 1, 1, 0, 0, 0, resize, resize, resize)                                                           \
    X(331, resize_backward, 1, 1, 1, 0, 0, 0, resize, resize, resize)
#define TN__OPS_NORM(X)                                                                                                \
    X(360, layer_norm, 1, 3, 3, 0, TN__NO_GRAD_OUT, TN__X(0) | TN__X(1) | TN__Y(1) | TN__Y(2), norm_rows, norm_rows, norm_rows) \
    X(361, rms_norm, 1, 3, 3, 0, TN__NO_GRAD_OUT, TN__X(0) | TN__X(1) | TN__Y(1) | TN__Y(2), norm_rows, norm_rows, norm_rows) \
    X(362, group_norm, 1, 3, 3, 0, TN__NO_GRAD_OUT, TN__X(0) | TN__X(1) | TN__Y(1) | TN__Y(2), norm_rows, norm_rows, norm_rows) \
    X(363, norm_rows_backward, 4, 5, 3, 0, 0, 0, norm_rows_backward, norm_rows_backward, none)                         \
    X(364, batch_norm, 1, 5, 3, 0, TN__NO_GRAD_OUT | TN__WRITES, TN__X(0) | TN__X(1) | TN__Y(1) | TN__Y(2), batch_norm, batch_norm, batch_norm) \
    X(365, batch_norm_backward, 4, 5, 3, 0, 0, 0, batch_norm_backward, batch_norm_backward, none)                      \
    X(366, instance_norm, 1, 5, 1, 0, TN__COMPOSITE, 0, wide_instance_norm, none, none)                                     \
    X(367, normalize, 1, 1, 1, 0, TN__COMPOSITE, 0, wide_normalize, none, none)                                             \
    X(368, cosine_similarity, 2, 2, 1, 0, TN__COMPOSITE, 0, wide_cosine_similarity, none, none)
#define TN__OPS_INDEX(X)                                                                                               \
    X(380, index_select, 2, 2, 1, 0, 0, TN__X(1), index_select, index_select, index_select)                            \
    X(381, index_add, 3, 3, 1, 0, 0, TN__X(1), index_add, index_add, index_add)                                        \
    X(382, index_copy, 3, 3, 1, 0, 0, TN__X(1), index_add, index_add, index_add)                                       \
    X(383, gather, 2, 2, 1, 0, 0, TN__X(1), gather, gather, gather)                                                    \
    X(384, scatter, 3, 3, 1, 0, 0, TN__X(1), scatter, scatter, scatter)                                                \
    X(385, scatter_add, 3, 3, 1, 0, 0, TN__X(1), scatter, scatter, scatter)                                            \
    X(386, scatter_reduce, 3, 3, 1, 0, 0, TN__X(0) | TN__X(1) | TN__X(2) | TN__Y(0), scatter, scatter, scatter_reduce)  \
    X(387, nonzero, 1, 1, 1, 0, TN__COMPOSED, 0, none, nonzero, none)                                                             \
    X(388, masked_select, 2, 2, 1, 0, TN__COMPOSITE, 0, masked_select, none, none)                                     \
    X(389, embedding, 2, 2, 1, 0, 0, TN__X(0), embedding, embedding, embedding)                                        \
    X(390, bincount, 1, 2, 1, 0, TN__COMPOSED, 0, none, bincount, none)                                                           \
    X(391, sparse_mm, 3, 4, 1, 0, 0, TN__X(0) | TN__X(1) | TN__X(2) | TN__X(3), sparse_mm, sparse_mm, sparse_mm)       \
    X(392, sparse_mm_t, 3, 4, 1, 0, 0, TN__X(0) | TN__X(1) | TN__X(2) | TN__X(3), sparse_mm, sparse_mm, sparse_mm)
#define TN__OPS_SORT(X)                                                                                                \
    X(420, sort, 1, 1, 2, 0, TN__NO_GRAD_OUT, TN__Y(1), sort, sort, sort)                                              \
    X(421, topk, 1, 1, 2, 0, TN__NO_GRAD_OUT, TN__Y(1), sort, sort, sort)                                              \
    X(422, searchsorted, 2, 3, 1, 0, 0, 0, searchsorted, searchsorted, none)                                           \
    X(423, unique, 1, 1, 3, 0, TN__COMPOSED, 0, none, unique, none)                                                               \
    X(424, normal, 2, 2, 1, 0, TN__RANDOM | TN__COMPOSED, 0, normal, normal, normal)
#define TN__OPS_ATTENTION(X)                                                                                           \
    X(440, scaled_dot_product_attention, 3, 4, 1, 0, TN__COMPOSITE, 0, wide_sdpa, none, none)
#define TN__OPS_RNN(X)                                                                                                 \
    X(470, rnn_layer, 3, 5, 3, 0, 0, TN__X(0) | TN__X(1) | TN__X(2) | TN__X(3) | TN__X(4) | TN__Y(0) | TN__Y(1) | TN__Y(2), rnn_layer, rnn_layer, rnn_layer) \
    X(471, rnn_layer_backward, 4, 8, 4, 0, 0, 0, rnn_layer_backward, rnn_layer_backward, none)
#define TN__OPS_LOSS(X)                                                                                                \
    X(460, mse_loss, 2, 4, 1, 0, TN__COMPOSITE, 0, wide_mse_loss, none, none)                                               \
    X(461, l1_loss, 2, 4, 1, 0, TN__COMPOSITE, 0, wide_l1_loss, none, none)                                                 \
    X(462, smooth_l1_loss, 2, 4, 1, 0, TN__COMPOSITE, 0, wide_smooth_l1_loss, none, none)                                   \
    X(463, huber_loss, 2, 4, 1, 0, TN__COMPOSITE, 0, wide_huber_loss, none, none)                                           \
    X(464, binary_cross_entropy, 2, 4, 1, 0, TN__COMPOSITE, 0, wide_binary_cross_entropy, none, none)                       \
    X(465, binary_cross_entropy_with_logits, 2, 4, 1, 0, TN__COMPOSITE, 0, wide_binary_cross_entropy_with_logits, none, none) \
    X(466, kl_div, 2, 4, 1, 0, TN__COMPOSITE, 0, wide_kl_div, none, none)                                                   \
    X(467, nll_loss, 2, 3, 3, 0, TN__NO_GRAD_OUT, TN__X(0) | TN__X(1) | TN__X(2) | TN__Y(1) | TN__Y(2), nll, nll, nll)  \
    X(468, cross_entropy, 2, 3, 3, 0, TN__NO_GRAD_OUT, TN__X(0) | TN__X(1) | TN__X(2) | TN__Y(1) | TN__Y(2), nll, nll, nll) \
    X(469, nll_backward, 3, 6, 1, 0, 0, 0, nll_backward, nll_backward, none)
#define TN__OPS_AUTOGRAD(X)                                                                                            \
    X(490, function, 1, 255, 1, 0, 0, 0, function, none, function)
#define TN__OPS_OPTIM(X) X(510, optim_step, 2, 255, 1, 0, TN__WRITES, 0, optim_step, optim_step, none)
#define TN__OPS(X)                                                                                                     \
    TN__OPS_SHAPE(X) TN__OPS_POINTWISE(X) TN__OPS_REDUCE(X) TN__OPS_MATMUL(X) TN__OPS_CONV(X) TN__OPS_NORM(X)          \
    TN__OPS_INDEX(X) TN__OPS_SORT(X) TN__OPS_ATTENTION(X) TN__OPS_RNN(X) TN__OPS_LOSS(X) TN__OPS_AUTOGRAD(X) TN__OPS_OPTIM(X)

#define TN__ROW_ENUM(id, name, lo, hi, n, rule, flags, save, inf, ker, gra) TN__OP_##name,
enum { TN__OPS(TN__ROW_ENUM) TN__OP_COUNT };
#define TN__ROW_DECLARE(id, name, lo, hi, n, rule, flags, save, inf, ker, gra)                                         \
    static bool tn__infer_##inf(tn__call *);                                                                           \
    static bool tn__kernel_##ker(tn__call *);                                                                          \
    static bool tn__grad_##gra(tn__back *);
TN__OPS(TN__ROW_DECLARE)
#define TN__ROW_ENTRY(id, name, lo, hi, n, rule, flags, save, inf, ker, gra)                                           \
    {id, lo, hi, n, rule, flags, save, "tn_" #name, tn__infer_##inf, tn__kernel_##ker, tn__grad_##gra},
static const tn__row tn__rows[] = {TN__OPS(TN__ROW_ENTRY)};

TN__UNUSED static bool tn__infer_none(tn__call *c) { return c != NULL; }
static bool tn__kernel_none(tn__call *c) { return c != NULL; }
static bool tn__grad_none(tn__back *b) { return b != NULL; }
/* Differentiable with a gradient of zero everywhere (floor, sign): zeros, so that .grad is there as in PyTorch. */
static bool tn__grad_zero(tn__back *b); /* slot: pointwise */

TN_API int tn_op_count(void) { return TN__OP_COUNT; }
TN_API const char *tn_op_name(int row) { return row >= 0 && row < TN__OP_COUNT ? tn__rows[row].name + 3 : ""; }
TN_API int tn_op_row(const char *name) {
    int row = name ? TN__OP_COUNT - 1 : -1;
    while (row >= 0 && strcmp(tn__rows[row].name + 3, name) != 0) row--;
    return row;
}
TN_API int tn_op_id(int row) { return row >= 0 && row < TN__OP_COUNT ? tn__rows[row].id : 0; }
TN_API bool tn_op_differentiable(int row) { return row >= 0 && row < TN__OP_COUNT && tn__rows[row].grad != tn__grad_none; }

/* Layers between a call and its kernel; each bit of a thread's or an operand's flags turns one on. */
enum { TN__LAYER_AUTOGRAD = TN__REQUIRES, TN__LAYER_ANOMALY = 8, TN__LAYER_DEVICE = TN__ON_DEVICE };
static bool tn__layer_autograd(tn__call *c, uint32_t on); /* slot: autograd */
static bool tn__layer_anomaly(tn__call *c, uint32_t on);  /* slot: autograd */
static bool tn__next_layer(tn__call *c, uint32_t on);

static bool tn__device_kernel(tn__call *c);               /* slot: accel. The kernel of a call whose operands are on a device */
static bool tn__writes(const tn__call *c, int i);         /* slot: optim. Whether a row with TN__WRITES writes its operand i, of those after the first */
static void tn__written(const tn__call *c) {
    for (int i = 1; i < c->n_in; i++)
        if (c->in[i] && tn__writes(c, i)) c->in[i]->storage->version++;
}

static int tn__pw_quick(tn__call *c);                     /* slot: pointwise. 1: done, 0: not a call for it, -1: failed */
TN__HOT bool tn__run(tn__call *c) {
    const tn__row *row = &tn__rows[c->op];
    const int done = TN__LIKELY(row->infer == tn__infer_pointwise && !c->on_device) ? tn__pw_quick(c) : 0;
    if (done < 0 || (!done && !row->infer(c))) return false;
    if (done) {
        if (c->in_place) c->out[0]->storage->version++;
        return true;
    }
    if (!(TN__UNLIKELY(c->on_device) && row->kernel != tn__kernel_none && !(row->flags & (TN__CORE | TN__COMPOSED)) ? tn__device_kernel(c) : row->kernel(c))) return false;
    if (c->in_place) c->out[0]->storage->version++;
    if (TN__UNLIKELY(row->flags & TN__WRITES)) tn__written(c);
    return true;
}
static bool tn__profiling;                                /* of the process */
static const struct tn_accel_profile *tn__profile_of(tn_device d); /* slot: accel. The plugin's marks, or NULL */
static bool tn__marked(tn__call *c, uint32_t on, tn_device d) {
    const struct tn_accel_profile *p = __atomic_load_n(&tn__profiling, __ATOMIC_RELAXED) ? tn__profile_of(d) : NULL;
    if (p) p->push(tn__rows[c->op].name);
    const bool ok = tn__next_layer(c, on);
    if (p) p->pop();
    return ok;
}
/* The device that the operands are on: one for all, but for numbers (0-d) on the CPU. */
static bool tn__layer_device(tn__call *c, uint32_t on) {
    tn_device d = tn__cpu();
    for (int i = 0; i < c->n_in && d.kind == TN_CPU; i++)
        if (c->in[i]) d = c->in[i]->storage->device;
    for (int i = 0; i < c->n_in && !(tn__rows[c->op].flags & TN__CORE); i++) {
        const tn_tensor *x = c->in[i];
        if (!x || tn__same_device(x->storage->device, d) || (x->storage->device.kind == TN_CPU && x->ndim == 0 && !(c->in_place && i == 0))) continue;
        return tn__fail(TN_ERR_DEVICE, "%s: operands on %s and %s", tn__rows[c->op].name, tn_device_name(d), tn_device_name(x->storage->device));
    }
    if (tn__rows[c->op].flags & TN__CORE) d = c->in[0]->storage->device;
    const tn_device outer = tn__device_enter(d);
    c->on_device = d.kind != TN_CPU;
    const bool ok = tn__marked(c, on, d);
    (void)tn__device_enter(outer);
    return ok;
}
static bool tn__next_layer(tn__call *c, uint32_t on) {
    if (on & TN__LAYER_DEVICE) return tn__layer_device(c, on & ~(uint32_t)TN__LAYER_DEVICE);
    if (on & TN__LAYER_ANOMALY) return tn__layer_anomaly(c, on & ~(uint32_t)TN__LAYER_ANOMALY);
    if (on & TN__LAYER_AUTOGRAD) return tn__layer_autograd(c, on & ~(uint32_t)TN__LAYER_AUTOGRAD);
    return tn__run(c);
}
TN__COLD static bool tn__bad_operand(const tn__call *c, int i) {
    if (tn__self()->code == TN_OK) tn__fail(TN_ERR_INVALID, "%s: operand %d is NULL", tn__rows[c->op].name, i + 1);
    return false;
}
/* The one way to call an op. False on failure, with the error set and out[] NULL. */
TN__HOT bool tn__dispatch_here(tn__call *c) {
    tn__thread *t = tn__ready();
    const tn__row *row = &tn__rows[c->op];
    const char *outer = t->op_name;
    uint32_t on = t->layers;
    for (int i = 0; i < c->n_in; i++) {
        if (TN__LIKELY(c->in[i] != NULL)) on |= (c->in[i]->flags | (TN__UNLIKELY(c->in[i]->base != NULL) ? c->in[i]->base->flags : 0u)) & (TN__REQUIRES | TN__ON_DEVICE);
        else if (i < row->min_in || row->max_in == 255 || t->code != TN_OK) return tn__bad_operand(c, i);
    }
    on &= t->mask | TN__LAYER_DEVICE;
    t->op_name = row->name;
    const bool ok = TN__LIKELY(on == 0) ? tn__run(c) : tn__next_layer(c, on);
    t->op_name = outer;
    if (TN__UNLIKELY(!ok)) memset(c->out, 0, sizeof c->out);
    return ok;
}
static bool tn__dispatch(tn__call *c) { return tn__dispatch_here(c); }
/* These are called from everywhere, so they are calls themselves; the dispatch is copied into them instead. */
TN__HOT tn_tensor *tn__op_here(int op, tn_tensor **in, int n, const void *attr) {
    tn__call c = {op, n, tn__rows[op].n_out, false, in, {NULL, NULL, NULL, NULL}, attr, false};
    return tn__dispatch_here(&c) ? c.out[0] : NULL;
}
TN__NOINLINE TN__UNUSED static tn_tensor *tn__opn(int op, tn_tensor **in, int n, const void *attr) { return tn__op_here(op, in, n, attr); }
TN__NOINLINE TN__UNUSED static tn_tensor *tn__op1(int op, tn_tensor *x, const void *attr) { return tn__op_here(op, &x, 1, attr); }
TN__NOINLINE TN__UNUSED static tn_tensor *tn__op2(int op, tn_tensor *x, tn_tensor *y, const void *attr) {
    tn_tensor *in[2] = {x, y};
    return tn__op_here(op, in, 2, attr);
}
TN__NOINLINE TN__UNUSED static tn_tensor *tn__op3(int op, tn_tensor *x, tn_tensor *y, tn_tensor *z, const void *attr) {
    tn_tensor *in[3] = {x, y, z};
    return tn__op_here(op, in, 3, attr);
}
/* In place: the result is written into in[0], which is returned. */
TN__NOINLINE TN__UNUSED static tn_tensor *tn__op_(int op, tn_tensor **in, int n, const void *attr) {
    tn__call c = {op, n, 1, true, in, {in[0], NULL, NULL, NULL}, attr, false};
    return tn__dispatch_here(&c) ? in[0] : NULL;
}
/* For kernels that need several outputs, or a call of their own: fill in, attr, then this. */
TN__UNUSED static tn__call tn__call_of(int op, tn_tensor **in, int n, const void *attr) {
    tn__call c = {op, n, tn__rows[op].n_out, false, in, {NULL, NULL, NULL, NULL}, attr, false};
    return c;
}
/* Fails with the op's name in front: return tn__op_fail(c, TN_ERR_SHAPE, "…", …); */
TN__COLD TN__PRINTF(3, 4) TN__UNUSED static bool tn__op_fail(const tn__call *c, tn_status code, const char *fmt, ...) {
    char line[600];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    return tn__fail(code, "%s: %s", tn__rows[c->op].name, line);
}
/* Whether calls made now are recorded: grad mode. */
TN__HOT bool tn__recording(void) { return (tn__ready()->mask & TN__LAYER_AUTOGRAD) != 0; }

/* Turns recording on or off; gives what it was. */
TN__NOINLINE static bool tn__set_recording(bool on) {
    tn__thread *t = tn__ready();
    const bool was = (t->mask & TN__LAYER_AUTOGRAD) != 0;
    t->mask = on ? t->mask | TN__LAYER_AUTOGRAD : t->mask & ~(uint32_t)TN__LAYER_AUTOGRAD;
    return was;
}

/* -- numbers as operands -- */
TN_API tn_tensor *tn_arg_t(tn_tensor *t) { return t; }
static tn_tensor *tn__number(tn_dtype dt) {
    (void)tn__ready();
    TN__MAKE_ON(tn__cpu());
    tn_tensor *t = tn__new(dt, NULL, 0);
    if (t) t->flags |= TN__WRAPPED;
    return t;
}
TN_API tn_tensor *tn_arg_f(double v) {
    tn_tensor *t = tn__number(TN_F64);
    if (t) memcpy(t->data, &v, sizeof v);
    return t;
}
TN_API tn_tensor *tn_arg_i(int64_t v) {
    tn_tensor *t = tn__number(TN_I64);
    if (t) memcpy(t->data, &v, sizeof v);
    return t;
}
TN_API tn_tensor *tn_arg_b(bool v) {
    tn_tensor *t = tn__number(TN_BOOL);
    if (t) t->data[0] = (char)v;
    return t;
}

/* -- promotion: tensors with dims count before 0-d ones, those before numbers; within a higher class only the
   category of a lower one counts -- */
static tn_dtype tn__category_dtype(tn_dtype dt) { /* what a number of that category becomes by itself */
    return tn__is_complex(dt) ? TN_C64 : tn__is_float(dt) ? tn__default_dtype() : dt == TN_BOOL ? TN_BOOL : TN_I64;
}
static tn_dtype tn__result_type(tn_tensor *const *in, int n) {
    tn_dtype best[3] = {TN_DTYPE_DEFAULT, TN_DTYPE_DEFAULT, TN_DTYPE_DEFAULT};
    for (int i = 0; i < n; i++) {
        const int k = in[i]->ndim ? 0 : in[i]->flags & TN__WRAPPED ? 2 : 1;
        const tn_dtype dt = k == 2 ? tn__category_dtype(tn__dt(in[i])) : tn__dt(in[i]);
        best[k] = best[k] == TN_DTYPE_DEFAULT ? dt : tn_promote_types(best[k], dt);
    }
    tn_dtype r = best[0];
    for (int k = 1; k < 3; k++) {
        if (best[k] == TN_DTYPE_DEFAULT) continue;
        if (r == TN_DTYPE_DEFAULT) r = best[k];
        else if (tn__dtypes[best[k]].category > tn__dtypes[r].category) r = tn__is_complex(best[k]) && r == TN_F64 ? TN_C128 : best[k];
    }
    return r;
}
TN_API tn_dtype tn_result_type(tn_tensor *a, tn_tensor *b) {
    tn_tensor *in[2] = {a, b};
    if (!a || !b) return tn__fail_null("tn_result_type: operand"), TN_DTYPE_DEFAULT;
    return tn__result_type(in, 2);
}

/* -- broadcasting, and the loop over strided operands -- */
/* The shape that in[] broadcast to. */
static bool tn__broadcast(const tn__call *c, tn_tensor *const *in, int n, int64_t *shape, int *ndim) {
    int nd = 0;
    for (int i = 0; i < n; i++) nd = TN__MAX(nd, in[i]->ndim);
    for (int d = 0; d < nd; d++) shape[d] = 1;
    for (int i = 0; i < n; i++)
        for (int d = 0; d < in[i]->ndim; d++) {
            int64_t *s = &shape[nd - in[i]->ndim + d];
            const int64_t v = in[i]->shape[d];
            if (v == *s || v == 1) continue;
            if (*s != 1) return tn__op_fail(c, TN_ERR_SHAPE, "shapes do not broadcast: %s and %s", TN__SHAPE_TEXT(in[0]), TN__SHAPE_TEXT(in[i == 0 ? n - 1 : i]));
            *s = v;
        }
    *ndim = nd;
    return true;
}
#define TN__ITER_MAX 9
/* Operands over a common shape, strides in bytes (0 where broadcast), dims reordered so that operand 0 runs fastest in
   the last one, and merged where all operands allow it. */
typedef struct tn__iter {
    int n, ndim;
    int64_t numel;
    int64_t shape[TN_MAX_DIMS];
    int64_t strides[TN__ITER_MAX][TN_MAX_DIMS];
    char *data[TN__ITER_MAX];
} tn__iter;
static void tn__iter_swap(tn__iter *it, int a, int b) {
    const int64_t s = it->shape[a];
    it->shape[a] = it->shape[b];
    it->shape[b] = s;
    for (int k = 0; k < it->n; k++) {
        const int64_t v = it->strides[k][a];
        it->strides[k][a] = it->strides[k][b];
        it->strides[k][b] = v;
    }
}
static bool tn__iter_before(const tn__iter *it, int a, int b) { /* dim a should be inside dim b */
    for (int k = 0; k < it->n; k++) {
        const int64_t x = it->strides[k][a], y = it->strides[k][b];
        if (x == 0 || y == 0 || x == y) continue;
        return x < y;
    }
    return false;
}
static void tn__iter_merge(tn__iter *it) {
    int out = 0;
    for (int d = 0; d < it->ndim; d++)
        if (it->shape[d] != 1 || it->ndim == 1) {
            it->shape[out] = it->shape[d];
            for (int k = 0; k < it->n; k++) it->strides[k][out] = it->strides[k][d];
            out++;
        }
    it->ndim = out;
    out = 0;
    for (int d = 1; d < it->ndim; d++) {
        bool fits = true;
        for (int k = 0; k < it->n; k++) fits = fits && it->strides[k][out] == it->strides[k][d] * it->shape[d];
        if (fits) it->shape[out] *= it->shape[d];
        else it->shape[++out] = it->shape[d];
        for (int k = 0; k < it->n; k++) it->strides[k][out] = it->strides[k][d];
    }
    if (it->ndim) it->ndim = out + 1;
    if (it->ndim == 0) {
        it->ndim = 1;
        it->shape[0] = 1;
        for (int k = 0; k < it->n; k++) it->strides[k][0] = 0;
    }
}
/* t[0..n-1] over shape, to which each broadcasts. ordered: keep the order of dims (for index-bearing kernels). */
static void tn__iter_make(tn__iter *it, tn_tensor *const *t, int n, const int64_t *shape, int ndim, bool ordered) {
    it->n = n;
    it->ndim = ndim;
    it->numel = 1;
    for (int d = 0; d < ndim; d++) {
        it->shape[d] = shape[d];
        it->numel *= shape[d];
    }
    for (int k = 0; k < n; k++) {
        const int lead = ndim - t[k]->ndim;
        const int64_t size = (int64_t)tn__dsize(tn__dt(t[k]));
        it->data[k] = t[k]->data;
        for (int d = 0; d < ndim; d++)
            it->strides[k][d] = d < lead || (t[k]->shape[d - lead] == 1 && shape[d] != 1) ? 0 : t[k]->strides[d - lead] * size;
    }
    if (!ordered)
        for (int i = 1; i < ndim; i++) /* insertion sort: outermost first */
            for (int d = i; d > 0 && tn__iter_before(it, d - 1, d); d--) tn__iter_swap(it, d - 1, d);
    tn__iter_merge(it);
}
/* Calls run(arg, ptrs, count) for each innermost run of the elements [begin, end) in iteration order. */
typedef void (*tn__run_fn)(void *arg, char *const *ptr, const tn__iter *it, int64_t count);
TN__UNUSED static void tn__iter_range(const tn__iter *it, int64_t begin, int64_t end, tn__run_fn run, void *arg) {
    int64_t index[TN_MAX_DIMS], left = begin;
    char *ptr[TN__ITER_MAX];
    const int last = it->ndim - 1;
    for (int k = 0; k < it->n; k++) ptr[k] = it->data[k];
    for (int d = last; d >= 0; d--) {
        index[d] = left % it->shape[d];
        left /= it->shape[d];
        for (int k = 0; k < it->n; k++) ptr[k] += index[d] * it->strides[k][d];
    }
    while (begin < end) {
        const int64_t count = TN__MIN(it->shape[last] - index[last], end - begin);
        run(arg, ptr, it, count);
        begin += count;
        if (begin >= end) return;
        for (int k = 0; k < it->n; k++) ptr[k] -= index[last] * it->strides[k][last];
        index[last] = 0;
        for (int d = last - 1; d >= 0; d--) {
            for (int k = 0; k < it->n; k++) ptr[k] += it->strides[k][d];
            if (++index[d] < it->shape[d]) break;
            for (int k = 0; k < it->n; k++) ptr[k] -= it->shape[d] * it->strides[k][d];
            index[d] = 0;
        }
    }
}
#define TN__GRAIN 32768 /* elements a job: cut by shape alone */
typedef struct { const tn__iter *it; tn__run_fn run; void *arg; } tn__iter_jobs;
static void tn__iter_job(void *p, int64_t job) {
    const tn__iter_jobs *j = (const tn__iter_jobs *)p;
    const int64_t begin = job * TN__GRAIN;
    tn__iter_range(j->it, begin, TN__MIN(begin + TN__GRAIN, j->it->numel), j->run, j->arg);
}
TN__UNUSED static void tn__iter_each(const tn__iter *it, tn__run_fn run, void *arg) {
    tn__iter_jobs j = {it, run, arg};
    if (it->numel <= TN__GRAIN) {
        if (it->numel) tn__iter_range(it, 0, it->numel, run, arg);
    } else
        tn__parallel((it->numel + TN__GRAIN - 1) / TN__GRAIN, tn__iter_job, &j);
}
/* Whether two tensors' elements may share memory without being the same elements in the same places. */
TN__UNUSED static bool tn__overlaps(const tn_tensor *a, const tn_tensor *b) {
    if (a->storage != b->storage || a->numel == 0 || b->numel == 0) return false;
    if (a->data == b->data && a->ndim == b->ndim && memcmp(a->shape, b->shape, a->ndim * sizeof a->shape[0]) == 0 &&
        memcmp(a->strides, b->strides, a->ndim * sizeof a->strides[0]) == 0) return false;
    const char *ea = a->data, *eb = b->data;
    for (int d = 0; d < a->ndim; d++) ea += (a->shape[d] - 1) * a->strides[d] * (int64_t)tn__dsize(tn__dt(a));
    for (int d = 0; d < b->ndim; d++) eb += (b->shape[d] - 1) * b->strides[d] * (int64_t)tn__dsize(tn__dt(b));
    return a->data <= eb && b->data <= ea;
}
/* An in-place target may not have several elements in one place (an expanded view). */
static bool tn__writable(const tn__call *c, const tn_tensor *t) {
    for (int d = 0; d < t->ndim; d++)
        if (t->strides[d] == 0 && t->shape[d] > 1) return tn__op_fail(c, TN_ERR_INVALID, "an expanded view %s cannot be written in place: clone it first", TN__SHAPE_TEXT(t));
    return true;
}
/* A new output over shape that keeps the order of in[0..n-1]'s strides, as PyTorch's pointwise ops do. */
static tn_tensor *tn__new_like_inputs(tn_dtype dt, tn_tensor *const *in, int n, const int64_t *shape, int ndim) {
    tn_tensor *r = tn__new(dt, shape, ndim);
    bool plain = true;
    for (int i = 0; i < n; i++) plain = plain && (in[i]->contiguous || in[i]->ndim < 2);
    if (!r || plain || ndim < 2) return r;
    tn__iter it;
    int order[TN_MAX_DIMS];
    it.n = n < TN__ITER_MAX ? n : TN__ITER_MAX;
    it.ndim = ndim;
    for (int k = 0; k < it.n; k++)
        for (int d = 0; d < ndim; d++) {
            const int lead = ndim - in[k]->ndim;
            it.strides[k][d] = d < lead || in[k]->shape[d - lead] == 1 ? 0 : in[k]->strides[d - lead];
        }
    for (int d = 0; d < ndim; d++) order[d] = d;
    for (int i = 1; i < ndim; i++)
        for (int d = i; d > 0 && tn__iter_before(&it, order[d - 1], order[d]); d--) {
            const int o = order[d];
            order[d] = order[d - 1];
            order[d - 1] = o;
        }
    int64_t step = 1;
    for (int i = ndim - 1; i >= 0; i--) {
        r->strides[order[i]] = step;
        step *= shape[order[i]] > 0 ? shape[order[i]] : 1;
    }
    r->contiguous = (uint8_t)tn__strides_contiguous(r->shape, r->strides, ndim);
    return r;
}

/* -- the pointwise rows' arithmetic: a name of the table and an expression of x, y, z and the numbers P(i). The CPU's
   passes read it, and so can a renderer for devices. HOT rows have a kernel in every pass, the others in the base pass
   of each lane type, which may not be able to fuse: MUL gives them the same bits everywhere; ANY rows serve floats and integers, so their sums are NEG, ADD, SUB, TIMES, FMA and MUL: these wrap. -- */
#define TN__PW1_ANY(X)                                                                                                 \
    X(neg, NEG(x)) X(abs, ABS(x)) X(square, TIMES(x, x)) X(relu, SEL(x < C(0), SPL(0), x))                                       \
    X(sign, SEL(x > C(0), SPL(1), SEL(x < C(0), SPL(-1), SPL(0))))
#define TN__PW2_ANY(X)                                                                                                 \
    X(add, ADD(x, y)) X(sub, SUB(x, y)) X(mul, TIMES(x, y)) X(maximum, SEL((x > y) | (x != x), x, y)) X(minimum, SEL((x < y) | (x != x), x, y)) \
    X(add_alpha, FMA(y, P(0), x)) X(relu_backward, SEL(y <= C(0), SPL(0), x))
#define TN__PW1_HOT(X)                                                                                                 \
    X(sqrt, SQRT(x)) X(rsqrt, C(1) / SQRT(x)) X(reciprocal, C(1) / x) X(exp, EXP(x)) X(log, LOG(x)) X(tanh, TANH(x))    \
    X(sigmoid, SIGMOID(x)) X(silu, x / (C(1) + EXP(-x))) X(gelu, x * C(0.5) * (C(1) + ERF(x * C(0.70710678118654752440)))) \
    X(gelu_tanh, C(0.5) * x * (C(1) + TANH(C(0.79788456080286535588) * FMA(MUL(x, x) * x, SPL(0.044715), x))))         \
    X(erf, ERF(x))
#define TN__PW2_HOT(X)                                                                                                 \
    X(div, x / y) X(sigmoid_backward, x * (C(1) - y) * y) X(tanh_backward, x * (C(1) - MUL(y, y)))                     \
    X(silu_backward, x * SIGMOID(y) * (C(1) + y * (C(1) - SIGMOID(y))))                                                \
    X(gelu_backward, x * FMA(y * EXP(y * y * C(-0.5)), SPL(0.39894228040143267794), C(0.5) * (C(1) + ERF(y * C(0.70710678118654752440))))) \
    X(gelu_tanh_backward, x * TN__GELU_TANH_SLOPE(y, TANH(C(0.79788456080286535588) * FMA(MUL(y, y) * y, SPL(0.044715), y))))
#define TN__GELU_TANH_SLOPE(v, t)                                                                                      \
    FMA(C(0.5) * v * (C(1) - MUL(t, t)), C(0.79788456080286535588) * FMA(MUL(v, v), SPL(0.134145), SPL(1)), C(0.5) * (C(1) + (t)))
#define TN__PW1_COLD(X)                                                                                                \
    X(expm1, EXPM1(x)) X(log1p, LOG1P(x)) X(log2, LOG2(x)) X(sin, SIN(x)) X(cos, COS(x)) X(tan, TAN(x))                \
    X(floor, FLOOR(x)) X(ceil, CEIL(x)) X(trunc, TRUNC(x)) X(round, RINT(x))                                           \
    X(round_decimals, SEL(P(1) != C(0), RINT(x / P(0)) * P(0), RINT(x * P(0)) / P(0)))                                 \
    X(mish, x * TANH(LOG1P(EXP(x)))) X(softplus, SEL(x * P(0) > P(1), x, LOG1P(EXP(x * P(0))) / P(0)))                 \
    X(hardswish, x * SEL(x + C(3) < C(0), SPL(0), SEL(x + C(3) > C(6), SPL(6), x + C(3))) / C(6))                      \
    X(hardsigmoid, SEL(x + C(3) < C(0), SPL(0), SEL(x + C(3) > C(6), SPL(6), x + C(3))) / C(6))                        \
    X(logsigmoid, SEL(x < C(0), x, SPL(0)) - LOG1P(EXP(-ABS(x))))                                                      \
    X(hardtanh, TN__CLAMPED(TN__CLAMPED_LOW(x, P(0)), P(1))) \
    X(leaky_relu, SEL(x > C(0), x, x * P(0))) X(elu, SEL(x <= C(0), EXPM1(x) * P(0), x * P(1)))
#define TN__PW2_COLD(X) X(atan2, ATAN2(x, y)) X(prelu_elementwise, SEL(x > C(0), x, x * y))
#define TN__PW3_COLD(X)                                                                                                \
    X(lerp, SEL(ABS(z) < C(0.5), x + MUL(z, y - x), y - MUL(y - x, C(1) - z))) X(addcdiv, x + MUL(P(0), y) / z)
#define TN__PW1_INT(X)                                                                                                 \
    X(bitwise_not, ~x) X(floor, x) X(ceil, x) X(trunc, x) X(round, x)
#define TN__PW2_INT(X) X(bitwise_and, x & y) X(bitwise_or, x | y) X(bitwise_xor, x ^ y)
#define TN__PW2_MORE(X)                                                                                                \
    X(pow, POW(x, y)) X(remainder, REMAINDER(x, y)) X(fmod, FMOD(x, y)) X(div_floor, DIV_FLOOR(x, y)) X(div_trunc, DIV_TRUNC(x, y)) \
    X(clamp_min, SEL((x > y) | (x != x), x, y)) X(clamp_max, SEL((x < y) | (x != x), x, y))
#define TN__PW3_ANY(X)                                                                                                 \
    X(where, SEL(x != C(0), y, z)) X(addcmul, ADD(x, MUL(MUL(P(0), y), z)))                                                 \
    X(clamp, TN__CLAMPED(TN__CLAMPED_LOW(x, y), z))
#define TN__CLAMPED_LOW(v, lo) SEL(((v) > (lo)) | ((v) != (v)), v, lo)
#define TN__CLAMPED(v, hi) SEL(((v) < (hi)) | ((v) != (v)), v, hi)
#define TN__CMP1_ANY(X) X(logical_not, x == C(0))
#define TN__CMP1_FLOAT(X) X(isnan, x != x) X(isinf, ABS(x) == C(INFINITY)) X(isfinite, ABS(x) < C(INFINITY))
#define TN__CMP2_ANY(X)                                                                                                \
    X(eq, x == y) X(ne, x != y) X(lt, x < y) X(le, x <= y) X(gt, x > y) X(ge, x >= y) X(logical_and, (x != C(0)) & (y != C(0))) \
    X(logical_or, (x != C(0)) | (y != C(0))) X(logical_xor, (x != C(0)) ^ (y != C(0)))

typedef void (*tn__pw_fn)(size_t nv, void *out, const void *const *in, unsigned still, const double *p);
/* Kinds of optimizer, and the constants that a step's kernel reads. */
enum { TN__OPT_SGD, TN__OPT_ADAM, TN__OPT_RMSPROP, TN__OPT_ADAGRAD, TN__OPT_KERNELS };
enum { TN__OPT_SIGN, TN__OPT_STEP, TN__OPT_DECAY, TN__OPT_SHRINK, TN__OPT_MOMENTUM, TN__OPT_UNDAMPED, TN__OPT_FIRST, TN__OPT_FLAG,
       TN__OPT_WEIGHT1, TN__OPT_WEIGHT2, TN__OPT_BETA2, TN__OPT_ROOT, TN__OPT_EPS, TN__OPT_CONSTANTS };
enum { TN__RNN_TANH, TN__RNN_RELU, TN__RNN_LSTM, TN__RNN_GRU };
typedef struct tn__norm_kernels { /* rows of n elements; see >>kernels */
    double (*sum)(size_t n, const void *x);
    double (*squares)(size_t n, const void *x, double mean);
    void (*apply)(size_t n, void *y, const void *x, double mean, double rstd, const void *w, const void *b, bool many);
    void (*sums)(size_t n, const void *g, const void *x, const void *w, bool many, double mean, double rstd, double *s);
    void (*back)(size_t n, void *gx, const void *g, const void *x, const void *w, bool many, double mean, double rstd, double c1, double c2);
    void (*params)(size_t n, void *gw, void *gb, const void *g, const void *x, double mean, double rstd, bool many);
} tn__norm_kernels;
/* What a pass of >>kernels gives for GEMM: C[6 x nr] = (C +) A B over k steps, element i of A's step p at
   a + i * a_row + p * a_step, row p of B at b + p * b_step; and a dot product. */
typedef struct tn__gemm_kernels {
    void (*micro)(int64_t k, const void *a, int64_t a_row, int64_t a_step, const void *b, int64_t b_step, void *c, int64_t ldc, bool accumulate);
    double (*dot)(int64_t k, const void *a, const void *b);
    int64_t nr;
} tn__gemm_kernels;
typedef struct tn__kernels {
    size_t bytes;                          /* of a vector */
    void (*splat)(void *to, const void *lane);
    tn__pw_fn (*pointwise)(int op);
    void (*optim[TN__OPT_KERNELS])(size_t nv, void *const *a, const double *c);
    tn__norm_kernels norm;
    tn__gemm_kernels gemm;
    void (*rnn[2])(int kind, size_t n, const void *const *in, void *const *out); /* a step, its gradient */
} tn__kernels;

#ifndef TN_SELF
#define TN_SELF "tensor.h"
#endif
#define TN__PASS
#define TN__N(x) tn__f32_base_##x
#define TN__T float
#define TN__I int32_t
#define TN__BYTES 16
#define TN__WIDE 0
#define TN__FLOAT 1
#define TN__F64 0
#define TN__ALL 1
#define TN__TGT
#define TN__M(fn) fn##f
#if defined(__aarch64__)
#define TN__FMA(a, b, c) ((TN__V)vfmaq_f32((float32x4_t)(c), (float32x4_t)(a), (float32x4_t)(b)))
#define TN__SQRT(x) ((TN__V)vsqrtq_f32((float32x4_t)(x)))
#define TN__REG(v) "w"(v)
#elif defined(__x86_64__)
#define TN__FMA(a, b, c) ((a) * (b) + (c))
#define TN__SQRT(x) ((TN__V)_mm_sqrt_ps((__m128)(x)))
#define TN__REG(v) "x"(v)
#else
#define TN__FMA(a, b, c) ((a) * (b) + (c))
#define TN__SQRT(x) TN__N(v_sqrt)(x)
#define TN__REG(v) "m"(v)
#endif
#include TN_SELF
#define TN__N(x) tn__f64_base_##x
#define TN__T double
#define TN__I int64_t
#define TN__BYTES 16
#define TN__WIDE 0
#define TN__FLOAT 1
#define TN__F64 1
#define TN__ALL 1
#define TN__TGT
#define TN__M(fn) fn
#if defined(__aarch64__)
#define TN__FMA(a, b, c) ((TN__V)vfmaq_f64((float64x2_t)(c), (float64x2_t)(a), (float64x2_t)(b)))
#define TN__SQRT(x) ((TN__V)vsqrtq_f64((float64x2_t)(x)))
#define TN__REG(v) "w"(v)
#elif defined(__x86_64__)
#define TN__FMA(a, b, c) ((a) * (b) + (c))
#define TN__SQRT(x) ((TN__V)_mm_sqrt_pd((__m128d)(x)))
#define TN__REG(v) "x"(v)
#else
#define TN__FMA(a, b, c) ((a) * (b) + (c))
#define TN__SQRT(x) TN__N(v_sqrt)(x)
#define TN__REG(v) "m"(v)
#endif
#include TN_SELF
#define TN__N(x) tn__i32_base_##x
#define TN__T int32_t
#define TN__I int32_t
#define TN__U uint32_t
#define TN__BYTES 16
#define TN__FLOAT 0
#define TN__ALL 1
#define TN__TGT
#include TN_SELF
#define TN__N(x) tn__i64_base_##x
#define TN__T int64_t
#define TN__I int64_t
#define TN__U uint64_t
#define TN__BYTES 16
#define TN__FLOAT 0
#define TN__ALL 1
#define TN__TGT
#include TN_SELF
#if defined(__x86_64__)
#define TN__N(x) tn__f32_avx2_##x
#define TN__T float
#define TN__I int32_t
#define TN__BYTES 32
#define TN__WIDE 0
#define TN__FLOAT 1
#define TN__F64 0
#define TN__ALL 0
#define TN__TGT __attribute__((target("avx2,fma")))
#define TN__M(fn) fn##f
#define TN__FMA(a, b, c) ((TN__V)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
#define TN__SQRT(x) ((TN__V)_mm256_sqrt_ps((__m256)(x)))
#define TN__REG(v) "x"(v)
#include TN_SELF
#define TN__N(x) tn__f64_avx2_##x
#define TN__T double
#define TN__I int64_t
#define TN__BYTES 32
#define TN__WIDE 0
#define TN__FLOAT 1
#define TN__F64 1
#define TN__ALL 0
#define TN__TGT __attribute__((target("avx2,fma")))
#define TN__M(fn) fn
#define TN__FMA(a, b, c) ((TN__V)_mm256_fmadd_pd((__m256d)(a), (__m256d)(b), (__m256d)(c)))
#define TN__SQRT(x) ((TN__V)_mm256_sqrt_pd((__m256d)(x)))
#define TN__REG(v) "x"(v)
#include TN_SELF
#define TN__N(x) tn__f32_avx512_##x
#define TN__T float
#define TN__I int32_t
#define TN__BYTES 64
#define TN__WIDE 1
#define TN__FLOAT 1
#define TN__F64 0
#define TN__ALL 0
#define TN__TGT __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma")))
#define TN__M(fn) fn##f
#define TN__FMA(a, b, c) ((TN__V)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#define TN__SQRT(x) ((TN__V)_mm512_maskz_sqrt_ps((__mmask16)0xFFFF, (__m512)(x)))
#define TN__REG(v) "v"(v)
#include TN_SELF
#endif
#undef TN__PASS
static const tn__kernels *const tn__kernel_sets[TN__ISA_COUNT][TN__LANES] = {
    {&tn__f32_base_kernels, &tn__f64_base_kernels, &tn__i32_base_kernels, &tn__i64_base_kernels},
#if defined(__x86_64__)
    {&tn__f32_avx2_kernels, &tn__f64_avx2_kernels, &tn__i32_base_kernels, &tn__i64_base_kernels},
    {&tn__f32_avx512_kernels, &tn__f64_avx2_kernels, &tn__i32_base_kernels, &tn__i64_base_kernels},
#else
    {&tn__f32_base_kernels, &tn__f64_base_kernels, &tn__i32_base_kernels, &tn__i64_base_kernels},
    {&tn__f32_base_kernels, &tn__f64_base_kernels, &tn__i32_base_kernels, &tn__i64_base_kernels},
#endif
};
/* The kernels of a lane type on this machine. */
TN__UNUSED static const tn__kernels *tn__kernels_for(int lane) { return tn__kernel_sets[tn__isa()][lane]; }

/* ================================================================================================================ */
/* >>shape (Private)                                                                                                */
/* Creation, draws, copies, views and joins. The rows that everything else is built on stand first.                 */
/* ================================================================================================================ */

/* -- gradients: what a row's grad function asks -- */
static bool tn__want(const tn__back *b, int i);                       /* slot: autograd. Whether input i needs a gradient */
static const int64_t *tn__in_shape(const tn__back *b, int i, int *ndim); /* slot: autograd. The shape that input i had */
static tn_dtype tn__in_dtype(const tn__back *b, int i);               /* slot: autograd */
static int tn__back_op(const tn__back *b);                            /* slot: autograd. The row whose gradient is asked */

/* -- creation -- */
static bool tn__device_move(tn_tensor *t, tn_device d);               /* slot: accel. The storage goes there, the handle stays */
static bool tn__device_copy(tn_tensor *out, tn_tensor *src);          /* slot: accel. tn__copy_raw where one is on a device */
static bool tn__device_fill(tn_tensor *t, double v);                  /* slot: accel */
static const tn_tensor_opts *tn__opts_or(const tn_tensor_opts *opts, tn_tensor_opts *mine, tn_dtype fallback, const char *who) {
    static const tn_tensor_opts none = {TN_DTYPE_DEFAULT, {0, 0}, false, NULL};
    *mine = opts ? *opts : none;
    if (mine->dtype == TN_DTYPE_DEFAULT) mine->dtype = fallback;
    if (!tn__is_dtype(mine->dtype)) return (const tn_tensor_opts *)TN__FAIL_NULL(TN_ERR_DTYPE, "%s: %d is no dtype", who, (int)mine->dtype);
    if (!tn__device_ok(mine->device, who)) return NULL;
    if (mine->requires_grad && !tn__is_float(mine->dtype) && !tn__is_complex(mine->dtype))
        return (const tn_tensor_opts *)TN__FAIL_NULL(TN_ERR_DTYPE, "%s: only floating dtypes can require gradients, not %s", who, tn_dtype_name(mine->dtype));
    return mine;
}
/* A new leaf for a creating function: who names it in messages. Not cleared. */
static tn_tensor *tn__create(const char *who, const int64_t *shape, int ndim, const tn_tensor_opts *opts, tn_dtype fallback) {
    tn__thread *t = tn__ready();
    const char *outer = t->op_name;
    tn_tensor_opts o;
    if (!tn__opts_or(opts, &o, fallback, who)) return NULL;
    const tn_device before = tn__device_enter(o.device.kind == TN_CPU ? t->device : o.device);
    t->op_name = who;
    tn_tensor *r = tn__new(o.dtype, shape, ndim);
    t->op_name = outer;
    (void)tn__device_enter(before);
    if (r && o.requires_grad) r->flags |= TN__REQUIRES;
    return r;
}
/* For what the host writes element by element: tn__create on the CPU, then tn__placed puts it where it was to be. */
static tn_tensor *tn__create_host(const char *who, const int64_t *shape, int ndim, const tn_tensor_opts *opts, tn_dtype fallback) {
    tn_tensor_opts o;
    if (!tn__opts_or(opts, &o, fallback, who)) return NULL;
    o.device = tn__cpu();
    TN__MAKE_ON(o.device);
    return tn__create(who, shape, ndim, &o, fallback);
}
static tn_tensor *tn__placed(tn_tensor *t, const tn_tensor_opts *opts) {
    const tn_device d = opts && opts->device.kind != TN_CPU ? opts->device : tn__self()->device;
    return !t || d.kind == TN_CPU || tn__device_move(t, d) ? t : NULL;
}
TN_API tn_tensor *tn_empty(const int64_t *shape, int ndim, const tn_tensor_opts *opts) { return tn__create("tn_empty", shape, ndim, opts, tn__default_dtype()); }
static tn_tensor *tn__zeroed(tn_tensor *t) {
    if (!t || (t->flags & TN__ON_DEVICE)) return t && tn__device_fill(t, 0) ? t : NULL;
    memset(t->data, 0, (size_t)t->numel * tn__dsize(tn__dt(t)));
    return t;
}
TN_API tn_tensor *tn_zeros(const int64_t *shape, int ndim, const tn_tensor_opts *opts) {
    return tn__zeroed(tn__create("tn_zeros", shape, ndim, opts, tn__default_dtype()));
}
/* Every element of a tensor (any strides) from one element's bytes. */
typedef struct { size_t size; char value[16]; } tn__fill_arg;
static void tn__fill_run(void *arg, char *const *ptr, const tn__iter *it, int64_t count) {
    const tn__fill_arg *f = (const tn__fill_arg *)arg;
    const int64_t step = it->strides[0][it->ndim - 1];
    char *p = ptr[0];
    if (f->size == 4 && step == 4) {
        uint32_t v;
        memcpy(&v, f->value, 4);
        for (int64_t i = 0; i < count; i++) ((uint32_t *)(void *)p)[i] = v;
    } else if (f->size == 8 && step == 8) {
        uint64_t v;
        memcpy(&v, f->value, 8);
        for (int64_t i = 0; i < count; i++) ((uint64_t *)(void *)p)[i] = v;
    } else
        for (int64_t i = 0; i < count; i++, p += step) memcpy(p, f->value, f->size);
}
static void tn__fill_raw(tn_tensor *t, const void *value) {
    tn__fill_arg f;
    tn__iter it;
    f.size = tn__dsize(tn__dt(t));
    memcpy(f.value, value, f.size);
    tn__iter_make(&it, &t, 1, t->shape, t->ndim, false);
    tn__iter_each(&it, tn__fill_run, &f);
}
static tn_tensor *tn__filled(tn_tensor *t, double v) {
    char value[16];
    if (!t) return NULL;
    if (t->flags & TN__ON_DEVICE) return tn__device_fill(t, v) ? t : NULL;
    tn__set_f64(tn__dt(t), value, v);
    tn__fill_raw(t, value);
    return t;
}
TN_API tn_tensor *tn_ones(const int64_t *shape, int ndim, const tn_tensor_opts *opts) {
    return tn__filled(tn__create("tn_ones", shape, ndim, opts, tn__default_dtype()), 1);
}
TN_API tn_tensor *tn_full(const int64_t *shape, int ndim, double v, const tn_tensor_opts *opts) {
    return tn__filled(tn__create("tn_full", shape, ndim, opts, tn__default_dtype()), v);
}
TN_API tn_tensor *tn_from(const void *data, const int64_t *shape, int ndim, const tn_tensor_opts *opts) {
    tn_tensor *t = tn__create_host("tn_from", shape, ndim, opts, tn__default_dtype());
    if (!t) return NULL;
    if (!data && t->numel) return (tn_tensor *)(tn__fail_null("tn_from: data"), NULL);
    if (t->numel) memcpy(t->data, data, (size_t)t->numel * tn__dsize(tn__dt(t)));
    return tn__placed(t, opts);
}

/* -- copies: any strides, any dtypes; blocks go through the lane type that loses nothing -- */
#define TN__BLOCK 512
typedef struct { tn_dtype from, to; int lane; } tn__copy_arg;
static void tn__copy_run(void *arg, char *const *ptr, const tn__iter *it, int64_t count) { /* operand 0 = operand 1 */
    const tn__copy_arg *c = (const tn__copy_arg *)arg;
    const int64_t to = it->strides[0][it->ndim - 1], from = it->strides[1][it->ndim - 1];
    const size_t size = tn__dsize(c->to);
    char *o = ptr[0];
    const char *a = ptr[1];
    if (c->from == c->to) {
        if (to == (int64_t)size && from == to) memcpy(o, a, (size_t)count * size);
        else if (size == 4)
            for (int64_t i = 0; i < count; i++, o += to, a += from) memcpy(o, a, 4);
        else if (size == 8)
            for (int64_t i = 0; i < count; i++, o += to, a += from) memcpy(o, a, 8);
        else
            for (int64_t i = 0; i < count; i++, o += to, a += from) memcpy(o, a, size);
        return;
    }
    if (c->lane < 0) { /* complex on either side */
        for (int64_t i = 0; i < count; i++, o += to, a += from) {
            double re = tn__get_f64(c->from, a), im = 0;
            float f[2];
            if (c->from == TN_C64) memcpy(f, a, 8), im = (double)f[1];
            if (c->from == TN_C128) memcpy(&im, a + 8, 8);
            f[0] = (float)re;
            f[1] = (float)im;
            if (c->to == TN_C64) memcpy(o, f, 8);
            else if (c->to == TN_C128) memcpy(o, &re, 8), memcpy(o + 8, &im, 8);
            else tn__set_f64(c->to, o, re);
        }
        return;
    }
    double block[TN__BLOCK]; /* of any lane type */
    for (int64_t i = 0; i < count; i += TN__BLOCK) {
        const size_t n = (size_t)TN__MIN(count - i, TN__BLOCK);
        tn__lane_load[c->from][c->lane](n, block, a + i * from, (ptrdiff_t)from);
        tn__lane_store[c->to][c->lane](n, o + i * to, (ptrdiff_t)to, block);
    }
}
/* out = src, where src broadcasts to out and may not overlap it. False only where a device fails. */
static bool tn__copy_raw(tn_tensor *out, tn_tensor *src) {
    if (TN__UNLIKELY((out->flags | src->flags) & TN__ON_DEVICE)) return tn__device_copy(out, src);
    tn_tensor *t[2] = {out, src};
    tn__copy_arg c = {tn__dt(src), tn__dt(out), -1};
    tn__iter it;
    if (!tn__is_complex(c.from) && !tn__is_complex(c.to))
        c.lane = c.to == TN_F64 || (c.from == TN_F64 && tn__is_int(c.to)) ? TN__LANE_F64 : tn__is_float(c.to) ? TN__LANE_F32 : tn__is_float(c.from) ? TN__LANE_F32 : TN__LANE_I64;
    if (c.to == TN_BOOL && c.from == TN_F64) c.lane = TN__LANE_F64;
    tn__iter_make(&it, t, 2, out->shape, out->ndim, false);
    tn__iter_each(&it, tn__copy_run, &c);
    return true;
}
/* x itself if its elements stand in order, else a copy; without autograd, for kernels. */
TN__UNUSED static tn_tensor *tn__dense(tn_tensor *x) {
    if (!x || x->contiguous) return x;
    tn_tensor *r = tn__new(tn__dt(x), x->shape, x->ndim);
    return r && tn__copy_raw(r, x) ? r : NULL;
}
/* The same, in dtype dt. */
TN__UNUSED static tn_tensor *tn__dense_as(tn_tensor *x, tn_dtype dt) {
    if (!x || (x->contiguous && tn__dt(x) == dt)) return x;
    tn_tensor *r = tn__new(dt, x->shape, x->ndim);
    return r && tn__copy_raw(r, x) ? r : NULL;
}
static bool tn__infer_like(tn__call *c) { return (c->out[0] = tn__new_like_inputs(tn__dt(c->in[0]), c->in, 1, c->in[0]->shape, c->in[0]->ndim)) != NULL; }
static bool tn__kernel_copy(tn__call *c) { return tn__copy_raw(c->out[0], c->in[0]); }
static bool tn__grad_same(tn__back *b) {
    b->gx[0] = b->g;
    return true;
}
TN_API tn_tensor *tn_clone(tn_tensor *x) { return tn__op1(TN__OP_clone, x, NULL); }
/* A copy whose elements stand in order, for a tensor whose do not. */
static bool tn__infer_contiguous(tn__call *c) { return (c->out[0] = tn__new(tn__dt(c->in[0]), c->in[0]->shape, c->in[0]->ndim)) != NULL; }
TN_API tn_tensor *tn_contiguous(tn_tensor *x) { return x && x->contiguous ? x : tn__op1(TN__OP_contiguous, x, NULL); }
static bool tn__infer_to_dtype(tn__call *c) {
    const tn_dtype dt = (tn_dtype)((const tn__attr_dim *)c->attr)->dim;
    if (!tn__is_dtype(dt)) return tn__op_fail(c, TN_ERR_DTYPE, "%d is no dtype", (int)dt);
    return (c->out[0] = tn__new_like_inputs(dt, c->in, 1, c->in[0]->shape, c->in[0]->ndim)) != NULL;
}
TN_API tn_tensor *tn_to_dtype(tn_tensor *x, tn_dtype dtype) {
    TN__ATTR(tn__attr_dim, a);
    a.dim = (int32_t)dtype;
    return x && tn__dt(x) == dtype && !(x->flags & TN__WRAPPED) ? x : tn__op1(TN__OP_to_dtype, x, &a);
}
TN_API tn_tensor *tn_to(tn_tensor *x, tn_device device) {
    TN__ATTR(tn__attr_dim, a);
    if (!x) return (tn_tensor *)(tn__fail_null("tn_to: x"), NULL);
    if (!tn__device_ok(device, "tn_to")) return NULL;
    if (tn__same_device(x->storage->device, device)) return x;
    a.v[0] = device.kind, a.v[1] = device.index;
    a.v[2] = x->storage->device.kind, a.v[3] = x->storage->device.index;
    return tn__op1(TN__OP_to_device, x, &a);
}
static tn_device tn__device_at(const int64_t *v) {
    const tn_device d = {(int32_t)v[0], (int32_t)v[1]};
    return d;
}
static bool tn__infer_to_device(tn__call *c) {
    TN__MAKE_ON(tn__device_at(((const tn__attr_dim *)c->attr)->v));
    return (c->out[0] = tn__new_like_inputs(tn__dt(c->in[0]), c->in, 1, c->in[0]->shape, c->in[0]->ndim)) != NULL;
}
static bool tn__grad_to_device(tn__back *b) { return (b->gx[0] = tn_to(b->g, tn__device_at(((const tn__attr_dim *)b->attr)->v + 2))) != NULL; }
static bool tn__infer_self(tn__call *c) { return tn__writable(c, c->in[0]); }
static bool tn__infer_copy_(tn__call *c) {
    tn_tensor *x = c->in[0], *src = c->in[1];
    int64_t shape[TN_MAX_DIMS];
    int ndim;
    if (!tn__writable(c, x)) return false;
    if (!tn__broadcast(c, c->in, 2, shape, &ndim)) return false;
    if (ndim != x->ndim || memcmp(shape, x->shape, (size_t)ndim * sizeof *shape) != 0)
        return tn__op_fail(c, TN_ERR_SHAPE, "%s does not broadcast to %s", TN__SHAPE_TEXT(src), TN__SHAPE_TEXT(x));
    return true;
}
static bool tn__kernel_copy_(tn__call *c) {
    tn_tensor *src = c->in[1];
    if (tn__overlaps(c->in[0], src)) {
        tn_tensor *r = tn__new(tn__dt(src), src->shape, src->ndim);
        if (!r || !tn__copy_raw(r, src)) return false;
        src = r;
    }
    return tn__copy_raw(c->in[0], src);
}
static bool tn__grad_copy_(tn__back *b) { /* nothing of the old value is left */
    if (tn__want(b, 0)) b->gx[0] = tn_zeros_like(b->g, NULL);
    b->gx[1] = b->g;
    return !tn__want(b, 0) || b->gx[0];
}
TN_API tn_tensor *tn_copy_(tn_tensor *x, tn_tensor *src) {
    tn_tensor *in[2] = {x, src};
    return tn__op_(TN__OP_copy_, in, 2, NULL);
}
static bool tn__kernel_fill_(tn__call *c) {
    return tn__filled(c->in[0], ((const tn__attr_num *)c->attr)->v[0]) != NULL;
}
static bool tn__grad_zero_self(tn__back *b) { return (b->gx[0] = tn_zeros_like(b->g, NULL)) != NULL; }
TN_API tn_tensor *tn_fill_(tn_tensor *x, double v) {
    TN__ATTR(tn__attr_num, a);
    a.v[0] = v;
    return tn__op_(TN__OP_fill_, &x, 1, &a);
}
TN_API tn_tensor *tn_zero_(tn_tensor *x) { return tn_fill_(x, 0); }
static tn_tensor *tn__like(const char *who, tn_tensor *x, const tn_tensor_opts *opts) {
    if (!x) return (tn_tensor *)(tn__fail_null(who), NULL);
    TN__MAKE_ON(opts && opts->device.kind != TN_CPU ? opts->device : x->storage->device);
    tn_tensor *t = tn__create(who, x->shape, x->ndim, opts, tn__dt(x));
    if (!t || x->contiguous) return t;
    tn_tensor *like = tn__new_like_inputs(tn__dt(t), &x, 1, x->shape, x->ndim); /* keeps the order of x's strides */
    if (like) like->flags |= t->flags;
    return like;
}
TN_API tn_tensor *tn_zeros_like(tn_tensor *x, const tn_tensor_opts *opts) { return tn__zeroed(tn__like("tn_zeros_like", x, opts)); }

/* -- the core views: everything else that views is one of these or stands below with a row of its own -- */
/* Makes c->out[0] a view of c->in[0]. */
static bool tn__view_out(tn__call *c, const int64_t *shape, const int64_t *strides, int ndim, int64_t offset) {
    c->out[0] = tn__alias(c->in[0], shape, strides, ndim, offset);
    if (c->out[0] && tn__recording()) tn__view_of(c->out[0], c->in[0]);
    return c->out[0] != NULL;
}
/* Resolves one -1 of a shape against a count of elements. */
static bool tn__resolve_shape(const tn__call *c, const int64_t *want, int ndim, int64_t numel, int64_t *shape) {
    int unknown = -1;
    int64_t known = 1;
    for (int d = 0; d < ndim; d++) {
        shape[d] = want[d];
        if (want[d] == -1 && unknown < 0) unknown = d;
        else if (want[d] < 0) return tn__op_fail(c, TN_ERR_SHAPE, "bad shape %s", tn__sizes_text(want, ndim));
        else if (__builtin_mul_overflow(known, want[d], &known)) return tn__op_fail(c, TN_ERR_SHAPE, "%s is too large", tn__sizes_text(want, ndim));
    }
    if (unknown >= 0 && known > 0 && numel % known == 0) shape[unknown] = numel / known;
    else if (unknown >= 0 || known != numel)
        return tn__op_fail(c, TN_ERR_SHAPE, "shape %s does not fit %s", tn__sizes_text(want, ndim), TN__SHAPE_TEXT(c->in[0]));
    return true;
}
/* Strides under which x reads as shape without a copy; false if there are none. */
static bool tn__view_strides(const tn_tensor *x, const int64_t *shape, int ndim, int64_t *strides) {
    int d = ndim - 1;
    if (x->numel == 0 || x->contiguous) {
        int64_t step = 1;
        for (; d >= 0; d--) {
            strides[d] = step;
            step *= shape[d] > 0 ? shape[d] : 1;
        }
        return true;
    }
    for (int e = x->ndim - 1; e >= 0;) { /* runs of x's dims that are contiguous among themselves */
        int64_t run = x->shape[e], left = 1, step = x->strides[e];
        while (e > 0 && (x->shape[e - 1] == 1 || x->strides[e - 1] == run * step)) run *= x->shape[--e];
        while (d >= 0 && (left < run || shape[d] == 1)) {
            strides[d] = step * left;
            left *= shape[d--];
        }
        if (left != run) return false;
        e--;
    }
    for (; d >= 0; d--) strides[d] = 1; /* sizes of 1 are left */
    return true;
}
static bool tn__infer_view(tn__call *c) {
    const tn__attr_dims *a = (const tn__attr_dims *)c->attr;
    int64_t shape[TN_MAX_DIMS], strides[TN_MAX_DIMS];
    if (!tn__resolve_shape(c, a->a, a->n, c->in[0]->numel, shape)) return false;
    if (!tn__view_strides(c->in[0], shape, a->n, strides))
        return tn__op_fail(c, TN_ERR_SHAPE, "%s with its strides cannot be viewed as %s: use tn_reshape", TN__SHAPE_TEXT(c->in[0]), tn__sizes_text(shape, a->n));
    return tn__view_out(c, shape, strides, a->n, 0);
}
static bool tn__grad_view(tn__back *b) {
    int n;
    const int64_t *shape = tn__in_shape(b, 0, &n);
    return (b->gx[0] = tn_reshape(b->g, shape, n)) != NULL;
}
static tn_tensor *tn__shaped(int op, tn_tensor *x, const int64_t *shape, int ndim) {
    TN__ATTR(tn__attr_dims, a);
    if (ndim < 0 || ndim > TN_MAX_DIMS || (ndim && !shape)) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "%s: 0 to %d sizes are wanted, got %d", tn__rows[op].name, TN_MAX_DIMS, ndim);
    a.n = ndim;
    if (ndim) memcpy(a.a, shape, (size_t)ndim * sizeof *shape);
    return tn__op1(op, x, &a);
}
TN_API tn_tensor *tn_view(tn_tensor *x, const int64_t *shape, int ndim) { return tn__shaped(TN__OP_view, x, shape, ndim); }
static bool tn__infer_reshape(tn__call *c) {
    const tn__attr_dims *a = (const tn__attr_dims *)c->attr;
    int64_t shape[TN_MAX_DIMS], strides[TN_MAX_DIMS];
    tn_tensor *x = c->in[0];
    if (!tn__resolve_shape(c, a->a, a->n, x->numel, shape)) return false;
    if (!tn__view_strides(x, shape, a->n, strides)) x = tn__op1(TN__OP_contiguous, x, NULL);
    return (c->out[0] = tn_view(x, shape, a->n)) != NULL;
}
TN_API tn_tensor *tn_reshape(tn_tensor *x, const int64_t *shape, int ndim) { return tn__shaped(TN__OP_reshape, x, shape, ndim); }
static bool tn__infer_expand(tn__call *c) {
    const tn__attr_dims *a = (const tn__attr_dims *)c->attr;
    const tn_tensor *x = c->in[0];
    int64_t shape[TN_MAX_DIMS], strides[TN_MAX_DIMS];
    const int lead = a->n - x->ndim;
    if (lead < 0) return tn__op_fail(c, TN_ERR_SHAPE, "%s has more dims than %s", TN__SHAPE_TEXT(x), tn__sizes_text(a->a, a->n));
    for (int d = 0; d < a->n; d++) {
        const int64_t have = d < lead ? 1 : x->shape[d - lead], want = a->a[d] == -1 && d >= lead ? have : a->a[d];
        if (want < 0 || (have != want && have != 1)) return tn__op_fail(c, TN_ERR_SHAPE, "%s does not expand to %s", TN__SHAPE_TEXT(x), tn__sizes_text(a->a, a->n));
        shape[d] = want;
        strides[d] = d < lead || (have == 1 && want != 1) ? 0 : x->strides[d - lead];
    }
    if (tn__count("tn_expand", shape, a->n, 1) < 0) return false;
    return tn__view_out(c, shape, strides, a->n, 0);
}
TN_API tn_tensor *tn_expand(tn_tensor *x, const int64_t *shape, int ndim) { return tn__shaped(TN__OP_expand, x, shape, ndim); }
static bool tn__infer_permute(tn__call *c) {
    const tn__attr_dims *a = (const tn__attr_dims *)c->attr;
    const tn_tensor *x = c->in[0];
    int64_t shape[TN_MAX_DIMS], strides[TN_MAX_DIMS];
    unsigned seen = 0;
    if (a->n != x->ndim) return tn__op_fail(c, TN_ERR_SHAPE, "%d dims for a tensor of %d", (int)a->n, x->ndim);
    for (int i = 0; i < a->n; i++) {
        const int d = tn__wrap_dim("tn_permute", (int)a->a[i], x->ndim);
        if (d < 0) return false;
        if (seen >> d & 1u) return tn__op_fail(c, TN_ERR_INVALID, "dim %d occurs twice", d);
        seen |= 1u << d;
        shape[i] = x->shape[d];
        strides[i] = x->strides[d];
    }
    return tn__view_out(c, shape, strides, a->n, 0);
}
static bool tn__grad_permute(tn__back *b) {
    const tn__attr_dims *a = (const tn__attr_dims *)b->attr;
    int inverse[TN_MAX_DIMS];
    for (int i = 0; i < a->n; i++) inverse[a->a[i] < 0 ? a->a[i] + a->n : a->a[i]] = i;
    return (b->gx[0] = tn_permute(b->g, inverse, a->n)) != NULL;
}
TN_API tn_tensor *tn_permute(tn_tensor *x, const int *dims, int n) {
    TN__ATTR(tn__attr_dims, a);
    if (n < 0 || n > TN_MAX_DIMS || (n && !dims)) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "tn_permute: 0 to %d dims are wanted, got %d", TN_MAX_DIMS, n);
    a.n = n;
    for (int i = 0; i < n; i++) a.a[i] = dims[i];
    return tn__op1(TN__OP_permute, x, &a);
}
/* as_strided and its relatives. shape, strides and offset (in elements from the storage's first) are the view's;
   base_offset and in_shape tell where the input stood, which has to be contiguous for a gradient. */
typedef struct { uint32_t size; int32_t n, in_n, dense; int64_t shape[TN_MAX_DIMS], strides[TN_MAX_DIMS], offset, base_offset, in_shape[TN_MAX_DIMS]; } tn__attr_strided;
static int64_t tn__offset_of(const tn_tensor *x) { return (x->data - x->storage->data) / (int64_t)tn__dsize(tn__dt(x)); }
static void tn__strided_attr(tn__attr_strided *a, const tn_tensor *x, const int64_t *shape, const int64_t *strides, int ndim, int64_t offset) {
    memset(a, 0, sizeof *a);
    a->size = (uint32_t)sizeof *a;
    a->n = ndim;
    a->in_n = x->ndim;
    a->dense = x->contiguous;
    a->offset = offset;
    a->base_offset = tn__offset_of(x);
    if (ndim) memcpy(a->shape, shape, (size_t)ndim * sizeof *shape), memcpy(a->strides, strides, (size_t)ndim * sizeof *strides);
    memcpy(a->in_shape, x->shape, x->ndim * sizeof *x->shape);
}
static bool tn__infer_as_strided(tn__call *c) {
    const tn__attr_strided *a = (const tn__attr_strided *)c->attr;
    const tn_tensor *x = c->in[0];
    const int64_t size = (int64_t)tn__dsize(tn__dt(x)), room = (int64_t)(x->storage->bytes / (size_t)size);
    const int64_t numel = tn__count("tn_as_strided", a->shape, a->n, (size_t)size);
    int64_t last = a->offset, reach;
    if (numel < 0) return false;
    for (int d = 0; d < a->n; d++) {
        if (a->strides[d] < 0) return tn__op_fail(c, TN_ERR_INVALID, "negative stride in %s", tn__sizes_text(a->strides, a->n));
        if (a->shape[d] && (__builtin_mul_overflow(a->shape[d] - 1, a->strides[d], &reach) || __builtin_add_overflow(last, reach, &last)))
            return tn__op_fail(c, TN_ERR_SHAPE, "strides %s are too large", tn__sizes_text(a->strides, a->n));
    }
    if (a->offset < 0 || (numel && last >= room))
        return tn__op_fail(c, TN_ERR_SHAPE, "%s with strides %s at %lld leaves the storage of %lld elements", tn__sizes_text(a->shape, a->n),
                           tn__sizes_text(a->strides, a->n), (long long)a->offset, (long long)room);
    return tn__view_out(c, a->shape, a->strides, a->n, a->offset - tn__offset_of(x));
}
static bool tn__strided_dense(const tn__attr_strided *a) {
    return a->dense || tn__fail(TN_ERR_UNSUPPORTED, "tn_as_strided: the gradient through a view of a tensor whose elements are not in order; make it tn_contiguous first");
}
static bool tn__grad_as_strided(tn__back *b) {
    return tn__strided_dense((const tn__attr_strided *)b->attr) && (b->gx[0] = tn__op1(TN__OP_as_strided_backward, b->g, b->attr)) != NULL;
}
TN_API tn_tensor *tn_as_strided(tn_tensor *x, const int64_t *shape, const int64_t *strides, int ndim, int64_t offset) {
    tn__attr_strided a;
    if (!x) return (tn_tensor *)(tn__fail_null("tn_as_strided: x"), NULL);
    if (ndim < 0 || ndim > TN_MAX_DIMS || (ndim && (!shape || !strides)))
        return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "tn_as_strided: 0 to %d sizes and strides are wanted, got %d", TN_MAX_DIMS, ndim);
    tn__strided_attr(&a, x, shape, strides, ndim, offset);
    return tn__op1(TN__OP_as_strided, x, &a);
}
/* A view may show places of the storage that its input does not; a gradient has none for them. */
static bool tn__strided_inside(tn__call *c) {
    const tn__attr_strided *a = (const tn__attr_strided *)c->attr;
    int64_t first = a->offset - a->base_offset, last = first, room = 1, numel = 1;
    for (int d = 0; d < a->n; d++) last += (a->shape[d] - 1) * a->strides[d], numel *= a->shape[d];
    for (int d = 0; d < a->in_n; d++) room *= a->in_shape[d];
    return numel == 0 || (first >= 0 && last < room) || tn__op_fail(c, TN_ERR_UNSUPPORTED, "the gradient through a view that leaves its tensor: places %lld to %lld of %lld", (long long)first, (long long)last, (long long)room);
}
/* The view's gradient summed into zeros of the input's shape. */
static bool tn__infer_as_strided_backward(tn__call *c) {
    const tn__attr_strided *a = (const tn__attr_strided *)c->attr;
    return tn__strided_inside(c) && (c->out[0] = tn__zeroed(tn__new(tn__dt(c->in[0]), a->in_shape, a->in_n))) != NULL;
}
/* Whether no two elements of a geometry share a place: dims in order of stride, each beyond the reach of those inside. */
static bool tn__places_differ(const int64_t *shape, const int64_t *strides, int n) {
    int64_t reach = 0;
    unsigned done = 0;
    for (int k = 0; k < n; k++) {
        int next = -1;
        for (int d = 0; d < n; d++)
            if (!(done >> d & 1u) && (next < 0 || strides[d] < strides[next])) next = d;
        done |= 1u << next;
        if (shape[next] > 1 && strides[next] <= reach) return false;
        if (shape[next] > 1) reach += (shape[next] - 1) * strides[next];
    }
    return true;
}
static bool tn__kernel_as_strided_backward(tn__call *c) { /* serial, in order, where places coincide */
    const tn__attr_strided *a = (const tn__attr_strided *)c->attr;
    if (tn__places_differ(a->shape, a->strides, a->n)) {
        tn_tensor *v = tn__alias(c->out[0], a->shape, a->strides, a->n, a->offset - a->base_offset);
        if (v) tn__copy_raw(v, c->in[0]);
        return v != NULL;
    }
    const tn_tensor *g = c->in[0];
    const tn_dtype dt = tn__dt(g);
    const int64_t size = (int64_t)tn__dsize(dt);
    int64_t index[TN_MAX_DIMS] = {0, 0, 0, 0, 0, 0, 0, 0};
    for (int64_t i = 0; i < g->numel; i++) {
        int64_t to = a->offset - a->base_offset, from = 0;
        for (int d = 0; d < a->n; d++) {
            to += index[d] * a->strides[d];
            from += index[d] * g->strides[d];
        }
        char *o = c->out[0]->data + to * size;
        tn__set_f64(dt, o, tn__get_f64(dt, o) + tn__get_f64(dt, g->data + from * size));
        for (int d = a->n - 1; d >= 0 && ++index[d] == g->shape[d]; d--) index[d] = 0;
    }
    return true;
}
static bool tn__grad_as_strided_backward(tn__back *b) {
    const tn__attr_strided *a = (const tn__attr_strided *)b->attr;
    tn_tensor *g = tn_contiguous(b->g);
    return g && (b->gx[0] = tn_as_strided(g, a->shape, a->strides, a->n, a->offset - a->base_offset + tn__offset_of(g))) != NULL;
}
/* x with the elements that the view of attr's geometry has replaced by src. */
static bool tn__infer_as_strided_scatter(tn__call *c) { return tn__strided_inside(c) && (c->out[0] = tn__new(tn__dt(c->in[0]), c->in[0]->shape, c->in[0]->ndim)) != NULL; }
static bool tn__kernel_as_strided_scatter(tn__call *c) {
    const tn__attr_strided *a = (const tn__attr_strided *)c->attr;
    tn__copy_raw(c->out[0], c->in[0]);
    tn_tensor *v = tn__alias(c->out[0], a->shape, a->strides, a->n, a->offset - a->base_offset);
    if (!v) return false;
    tn__copy_raw(v, c->in[1]);
    return true;
}
static bool tn__grad_as_strided_scatter(tn__back *b) {
    const tn__attr_strided *a = (const tn__attr_strided *)b->attr;
    tn_tensor *g = tn_contiguous(b->g);
    if (!g || !tn__strided_dense(a)) return false;
    if (tn__want(b, 0)) {
        tn_tensor_opts o = {tn__dt(g), {0, 0}, false, NULL};
        b->gx[0] = tn__op2(TN__OP_as_strided_scatter, g, tn_zeros(a->shape, a->n, &o), a);
    }
    if (tn__want(b, 1)) b->gx[1] = tn_as_strided(g, a->shape, a->strides, a->n, a->offset - a->base_offset + tn__offset_of(g));
    return (!tn__want(b, 0) || b->gx[0]) && (!tn__want(b, 1) || b->gx[1]);
}
static bool tn__infer_detach(tn__call *c) { /* no view for autograd: what is done to it stays out of the graph */
    const tn_tensor *x = c->in[0];
    return (c->out[0] = tn__alias(x, x->shape, x->strides, x->ndim, 0)) != NULL;
}

/* -- views that cut: one geometry function serves the view and, over the input's shape laid out in order, its gradient -- */
static bool tn__geometry(int op, const void *attr, const int64_t *in, const int64_t *step, int n, int64_t *shape, int64_t *strides, int *out_n, int64_t *offset) {
    const tn__attr_dim *a = (const tn__attr_dim *)attr;
    const int d = a->dim;
    memcpy(shape, in, (size_t)n * sizeof *in);
    memcpy(strides, step, (size_t)n * sizeof *step);
    *out_n = n;
    *offset = 0;
    if (op == TN__OP_slice) { /* v: start, length, step */
        shape[d] = a->v[1];
        strides[d] = step[d] * a->v[2];
        *offset = a->v[0] * step[d];
    } else if (op == TN__OP_select) { /* v: index */
        *offset = a->v[0] * step[d];
        for (int i = d; i + 1 < n; i++) shape[i] = shape[i + 1], strides[i] = strides[i + 1];
        *out_n = n - 1;
    } else if (op == TN__OP_unfold_dim) { /* v: size, step; a 0-d tensor unfolds as one element */
        shape[n] = a->v[0];
        strides[n] = n ? step[d] : 1;
        if (n) shape[d] = (in[d] - a->v[0]) / a->v[1] + 1, strides[d] = step[d] * a->v[1];
        *out_n = n + 1;
    } else { /* diagonal: dim and v[0] the dims, v[1] the offset */
        const int e = (int)a->v[0], lo = TN__MIN(d, e), hi = TN__MAX(d, e);
        const int64_t skip = a->v[1], length = skip >= 0 ? TN__MIN(in[d], in[e] - skip) : TN__MIN(in[d] + skip, in[e]);
        *offset = length > 0 ? (skip >= 0 ? skip * step[e] : -skip * step[d]) : 0;
        const int64_t both = step[d] + step[e];
        for (int i = hi; i + 1 < n; i++) shape[i] = shape[i + 1], strides[i] = strides[i + 1];
        for (int i = lo; i + 2 < n; i++) shape[i] = shape[i + 1], strides[i] = strides[i + 1];
        shape[n - 2] = TN__MAX(length, 0);
        strides[n - 2] = both;
        *out_n = n - 1;
    }
    return true;
}
static bool tn__infer_cut(tn__call *c) {
    int64_t shape[TN_MAX_DIMS + 1], strides[TN_MAX_DIMS + 1], offset;
    int n;
    const tn_tensor *x = c->in[0];
    (void)tn__geometry(c->op, c->attr, x->shape, x->strides, x->ndim, shape, strides, &n, &offset);
    if (n > TN_MAX_DIMS) return tn__op_fail(c, TN_ERR_SHAPE, "more than %d dims", TN_MAX_DIMS);
    return tn__view_out(c, shape, strides, n, offset);
}
static bool tn__grad_cut(tn__back *b) {
    int64_t shape[TN_MAX_DIMS + 1], strides[TN_MAX_DIMS + 1], plain[TN_MAX_DIMS], offset, step = 1;
    TN__ATTR(tn__attr_strided, a);
    int in_n, n;
    const int64_t *in = tn__in_shape(b, 0, &in_n);
    for (int d = in_n - 1; d >= 0; d--) {
        plain[d] = step;
        step *= TN__MAX(in[d], 1);
    }
    (void)tn__geometry(tn__back_op(b), b->attr, in, plain, in_n, shape, strides, &n, &offset);
    a.n = n;
    a.in_n = in_n;
    a.dense = 1;
    a.offset = offset;
    memcpy(a.shape, shape, (size_t)n * sizeof *shape);
    memcpy(a.strides, strides, (size_t)n * sizeof *strides);
    memcpy(a.in_shape, in, (size_t)in_n * sizeof *in);
    return (b->gx[0] = tn__op1(TN__OP_as_strided_backward, b->g, &a)) != NULL;
}
static tn_tensor *tn__cut(int op, tn_tensor *x, int dim, int64_t a, int64_t b, int64_t c) {
    TN__ATTR(tn__attr_dim, attr);
    attr.dim = dim;
    attr.v[0] = a;
    attr.v[1] = b;
    attr.v[2] = c;
    return tn__op1(op, x, &attr);
}
/* dim of x as a number from the front for a view; -1 and an error. */
static int tn__dim_of(const char *who, const tn_tensor *x, int dim) {
    if (!x) return tn__fail_null(who), -1;
    if (x->ndim == 0) return tn__fail(TN_ERR_INDEX, "%s: a 0-d tensor has no dims", who), -1;
    return tn__wrap_dim(who, dim, x->ndim);
}
TN_API tn_tensor *tn_narrow(tn_tensor *x, int dim, int64_t start, int64_t length) {
    const int d = tn__dim_of("tn_narrow", x, dim);
    if (d < 0) return NULL;
    const int64_t size = x->shape[d], from = start < 0 ? start + size : start;
    if (length < 0 || from < 0 || from > size - length) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INDEX, "tn_narrow: %lld from %lld leaves dim %d of %s", (long long)length, (long long)start, d, TN__SHAPE_TEXT(x));
    return tn__cut(TN__OP_slice, x, d, from, length, 1);
}
TN_API tn_tensor *tn_select(tn_tensor *x, int dim, int64_t index) {
    const int d = tn__dim_of("tn_select", x, dim);
    if (d < 0) return NULL;
    const int64_t size = x->shape[d], at = index < 0 ? index + size : index;
    if (at < 0 || at >= size) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INDEX, "tn_select: index %lld is out of range for dim %d of %s", (long long)index, d, TN__SHAPE_TEXT(x));
    return tn__cut(TN__OP_select, x, d, at, 0, 0);
}
TN_API tn_tensor *tn_slice(tn_tensor *x, int dim, int64_t start, int64_t end, int64_t step) {
    const int d = tn__dim_of("tn_slice", x, dim);
    if (d < 0) return NULL;
    if (step <= 0) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_slice: a step of %lld", (long long)step);
    const int64_t size = x->shape[d];
    start = TN__MIN(TN__MAX(start < 0 ? start + size : start, 0), size);
    end = TN__MIN(TN__MAX(end < 0 ? end + size : end, start), size);
    step = TN__MIN(step, TN__MAX(end - start, 1)); /* the next place is beyond the end all the same */
    return tn__cut(TN__OP_slice, x, d, start, (end - start) / step + ((end - start) % step != 0), step);
}
TN_API tn_tensor *tn_unfold_dim(tn_tensor *x, int dim, int64_t size, int64_t step) {
    if (!x) return (tn_tensor *)(tn__fail_null("tn_unfold_dim: x"), NULL);
    const int d = tn__wrap_dim("tn_unfold_dim", dim, x->ndim);
    if (d < 0) return NULL;
    const int64_t have = x->ndim ? x->shape[d] : 1;
    if (size < 0 || size > have || step <= 0) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "tn_unfold_dim: windows of %lld, %lld apart, of dim %d of %s", (long long)size, (long long)step, d, TN__SHAPE_TEXT(x));
    step = TN__MIN(step, have - size + 1); /* the next window is beyond the end all the same */
    return tn__cut(TN__OP_unfold_dim, x, d, size, step, 0);
}
TN_API tn_tensor *tn_diagonal(tn_tensor *x, int64_t offset, int dim1, int dim2) {
    const int d = tn__dim_of("tn_diagonal", x, dim1), e = d < 0 ? -1 : tn__dim_of("tn_diagonal", x, dim2);
    if (d < 0 || e < 0) return NULL;
    if (d == e) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_diagonal: dims %d and %d are the same", dim1, dim2);
    return tn__cut(TN__OP_diagonal, x, d, e, offset, 0);
}

/* -- views over the core rows -- */
TN_API tn_tensor *tn_flatten(tn_tensor *x, int start_dim, int end_dim) {
    int64_t shape[TN_MAX_DIMS];
    int n = 0;
    if (!x) return (tn_tensor *)(tn__fail_null("tn_flatten: x"), NULL);
    const int s = tn__wrap_dim("tn_flatten", start_dim, x->ndim), e = s < 0 ? -1 : tn__wrap_dim("tn_flatten", end_dim, x->ndim);
    if (s < 0 || e < 0) return NULL;
    if (s > e) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_flatten: dims %d to %d", start_dim, end_dim);
    if (x->ndim == 0) return tn_reshape(x, (shape[0] = 1, shape), 1);
    for (int d = 0; d < x->ndim; d++)
        if (d > s && d <= e) shape[n - 1] *= x->shape[d];
        else shape[n++] = x->shape[d];
    return tn_reshape(x, shape, n);
}
TN_API tn_tensor *tn_unflatten(tn_tensor *x, int dim, const int64_t *sizes, int count) {
    int64_t shape[TN_MAX_DIMS], known = 1;
    const int d = tn__dim_of("tn_unflatten", x, dim);
    int n = 0, unknown = -1;
    if (d < 0) return NULL;
    if (!sizes || count < 1 || x->ndim - 1 + count > TN_MAX_DIMS) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "tn_unflatten: %d sizes for dim %d of %s", count, d, TN__SHAPE_TEXT(x));
    for (int i = 0; i < d; i++) shape[n++] = x->shape[i];
    for (int i = 0; i < count; i++) {
        if (sizes[i] == -1 && unknown < 0) unknown = n;
        else if (sizes[i] < 0 || __builtin_mul_overflow(known, sizes[i], &known)) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "tn_unflatten: bad sizes %s", tn__sizes_text(sizes, count));
        shape[n++] = sizes[i];
    }
    if (unknown >= 0 && known > 0 && x->shape[d] % known == 0) shape[unknown] = x->shape[d] / known;
    else if (unknown >= 0 || known != x->shape[d]) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "tn_unflatten: sizes %s for dim %d of %s", tn__sizes_text(sizes, count), d, TN__SHAPE_TEXT(x));
    for (int i = d + 1; i < x->ndim; i++) shape[n++] = x->shape[i];
    return tn_view(x, shape, n);
}
TN_API tn_tensor *tn_squeeze_dims(tn_tensor *x, const int *dims, int n) {
    int64_t shape[TN_MAX_DIMS];
    unsigned goes = 0;
    int out = 0;
    if (!x || n < 0 || (n && !dims)) return (tn_tensor *)(tn__fail_null("tn_squeeze_dims: argument"), NULL);
    for (int i = 0; i < n; i++) {
        const int d = tn__wrap_dim("tn_squeeze_dims", dims[i], x->ndim);
        if (d < 0) return NULL;
        goes |= 1u << d;
    }
    for (int d = 0; d < x->ndim; d++)
        if (!(goes >> d & 1u) || x->shape[d] != 1) shape[out++] = x->shape[d];
    return tn_view(x, shape, out);
}
TN_API tn_tensor *tn_squeeze(tn_tensor *x) {
    static const int all[TN_MAX_DIMS] = {0, 1, 2, 3, 4, 5, 6, 7};
    return tn_squeeze_dims(x, all, x ? x->ndim : 0);
}
TN_API tn_tensor *tn_unsqueeze(tn_tensor *x, int dim) {
    int64_t shape[TN_MAX_DIMS + 1];
    if (!x) return (tn_tensor *)(tn__fail_null("tn_unsqueeze: x"), NULL);
    const int d = tn__wrap_dim("tn_unsqueeze", dim, x->ndim + 1);
    if (d < 0) return NULL;
    for (int i = 0; i <= x->ndim; i++) shape[i] = i < d ? x->shape[i] : i == d ? 1 : x->shape[i - 1];
    return tn_view(x, shape, x->ndim + 1);
}
TN_API tn_tensor *tn_transpose(tn_tensor *x, int dim0, int dim1) {
    int dims[TN_MAX_DIMS];
    if (!x) return (tn_tensor *)(tn__fail_null("tn_transpose: x"), NULL);
    const int a = tn__wrap_dim("tn_transpose", dim0, x->ndim), b = a < 0 ? -1 : tn__wrap_dim("tn_transpose", dim1, x->ndim);
    if (a < 0 || b < 0) return NULL;
    for (int i = 0; i < x->ndim; i++) dims[i] = i == a ? b : i == b ? a : i;
    return tn_permute(x, dims, x->ndim);
}
TN_API tn_tensor *tn_t(tn_tensor *x) {
    if (x && x->ndim > 2) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "tn_t: at most 2 dims are wanted, got %s", TN__SHAPE_TEXT(x));
    return tn_transpose(x, 0, x && x->ndim == 2 ? 1 : 0);
}
TN_API tn_tensor *tn_movedim(tn_tensor *x, const int *source, const int *destination, int n) {
    int dims[TN_MAX_DIMS], next = 0;
    unsigned taken = 0, used = 0;
    if (!x || n < 0 || (n && (!source || !destination))) return (tn_tensor *)(tn__fail_null("tn_movedim: argument"), NULL);
    for (int i = 0; i < n; i++) {
        const int s = tn__wrap_dim("tn_movedim", source[i], x->ndim), d = s < 0 ? -1 : tn__wrap_dim("tn_movedim", destination[i], x->ndim);
        if (s < 0 || d < 0) return NULL;
        if ((taken >> s & 1u) || (used >> d & 1u)) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_movedim: a dim occurs twice");
        taken |= 1u << s;
        used |= 1u << d;
        if (x->ndim) dims[d] = s;
    }
    for (int d = 0; d < x->ndim; d++) {
        if (used >> d & 1u) continue;
        while (taken >> next & 1u) next++;
        dims[d] = next++;
    }
    return tn_permute(x, dims, x->ndim);
}
TN_API tn_tensor *tn_broadcast_to(tn_tensor *x, const int64_t *shape, int ndim) { return tn_expand(x, shape, ndim); }
/* A list of pieces of x: fn makes the i-th. */
static tn_tensors tn__pieces(int n, tn_tensor *(*fn)(tn_tensor *x, const void *arg, int i), tn_tensor *x, const void *arg) {
    tn_tensors r = {NULL, 0};
    const tn_tensors none = {NULL, 0};
    if (n < 0) return none;
    r = tn__tensors_new(n);
    for (int i = 0; r.at && i < n; i++) {
        tn_tensor *t = fn(x, arg, i);
        if (!t) return none;
        tn__tensors_set(&r, i, t);
    }
    return r;
}
typedef struct { int dim; const int64_t *sizes; int64_t size; } tn__piece_arg;
static tn_tensor *tn__piece_select(tn_tensor *x, const void *arg, int i) { return tn_select(x, ((const tn__piece_arg *)arg)->dim, i); }
static tn_tensor *tn__piece_split(tn_tensor *x, const void *arg, int i) {
    const tn__piece_arg *a = (const tn__piece_arg *)arg;
    int64_t start = a->size * i, length;
    if (a->sizes) {
        start = 0;
        for (int k = 0; k < i; k++) start += a->sizes[k];
        length = a->sizes[i];
    } else
        length = TN__MIN(a->size, x->shape[a->dim] - start);
    return tn_narrow(x, a->dim, start, length);
}
TN_API tn_tensors tn_unbind(tn_tensor *x, int dim) {
    const tn__piece_arg a = {tn__dim_of("tn_unbind", x, dim), NULL, 0};
    return tn__pieces(a.dim < 0 ? -1 : (int)x->shape[a.dim], tn__piece_select, x, &a);
}
TN_API tn_tensors tn_split(tn_tensor *x, int64_t size, int dim) {
    const tn__piece_arg a = {tn__dim_of("tn_split", x, dim), NULL, size};
    const tn_tensors none = {NULL, 0};
    if (a.dim < 0) return none;
    const int64_t have = x->shape[a.dim];
    if (size < 0 || (size == 0 && have) || (size && have / size > INT32_MAX / 2)) return tn__fail(TN_ERR_INVALID, "tn_split: pieces of %lld of dim %d of %s", (long long)size, a.dim, TN__SHAPE_TEXT(x)), none;
    return tn__pieces(have ? (int)((have + size - 1) / size) : 1, tn__piece_split, x, &a);
}
TN_API tn_tensors tn_split_sizes(tn_tensor *x, const int64_t *sizes, int n, int dim) {
    const tn__piece_arg a = {tn__dim_of("tn_split_sizes", x, dim), sizes, 0};
    const tn_tensors none = {NULL, 0};
    int64_t sum = 0;
    if (a.dim < 0) return none;
    if (!sizes || n < 0) return tn__fail_null("tn_split_sizes: sizes"), none;
    for (int i = 0; i < n; i++)
        if (sizes[i] < 0 || __builtin_add_overflow(sum, sizes[i], &sum)) return tn__fail(TN_ERR_INVALID, "tn_split_sizes: a size of %lld", (long long)sizes[i]), none;
    if (sum != x->shape[a.dim]) return tn__fail(TN_ERR_SHAPE, "tn_split_sizes: the sizes sum to %lld, dim %d of %s does not", (long long)sum, a.dim, TN__SHAPE_TEXT(x)), none;
    return tn__pieces(n, tn__piece_split, x, &a);
}
TN_API tn_tensors tn_chunk(tn_tensor *x, int chunks, int dim) {
    const tn_tensors none = {NULL, 0};
    const int d = tn__dim_of("tn_chunk", x, dim);
    if (d < 0) return none;
    if (chunks < 1) return tn__fail(TN_ERR_INVALID, "tn_chunk: %d chunks", chunks), none;
    const int64_t size = (x->shape[d] + chunks - 1) / chunks;
    if (size) return tn_split(x, size, d);
    const tn__piece_arg a = {d, NULL, 0}; /* so many empty ones */
    return tn__pieces(chunks, tn__piece_split, x, &a);
}

/* -- joins -- */
static bool tn__skipped(const tn_tensor *t) { return t->ndim == 1 && t->numel == 0; } /* a 1-d empty tensor joins with anything */
static bool tn__infer_cat(tn__call *c) {
    const tn__attr_dim *a = (const tn__attr_dim *)c->attr;
    const tn_tensor *like = c->in[0];
    int64_t shape[TN_MAX_DIMS];
    for (int i = 0; i < c->n_in && tn__skipped(like); i++) like = c->in[i];
    const int d = tn__wrap_dim("tn_cat", a->dim, like->ndim);
    if (d < 0) return false;
    if (like->ndim == 0) return tn__op_fail(c, TN_ERR_SHAPE, "0-d tensors cannot be joined; use tn_stack");
    memcpy(shape, like->shape, sizeof shape);
    shape[d] = 0;
    for (int i = 0; i < c->n_in; i++) {
        const tn_tensor *t = c->in[i];
        if (tn__skipped(t)) continue;
        bool fits = t->ndim == like->ndim;
        for (int k = 0; fits && k < t->ndim; k++) fits = k == d || t->shape[k] == like->shape[k];
        if (!fits) return tn__op_fail(c, TN_ERR_SHAPE, "%s does not join %s along dim %d", TN__SHAPE_TEXT(t), TN__SHAPE_TEXT(like), d);
        shape[d] += t->shape[d];
    }
    return (c->out[0] = tn__new(tn__result_type(c->in, c->n_in), shape, like->ndim)) != NULL;
}
static bool tn__kernel_cat(tn__call *c) {
    tn_tensor *y = c->out[0];
    const int d = ((const tn__attr_dim *)c->attr)->dim < 0 ? ((const tn__attr_dim *)c->attr)->dim + y->ndim : ((const tn__attr_dim *)c->attr)->dim;
    int64_t at = 0;
    for (int i = 0; i < c->n_in; i++) {
        if (tn__skipped(c->in[i])) continue;
        tn_tensor *part = tn__alias(y, c->in[i]->shape, y->strides, y->ndim, at * y->strides[d]);
        if (!part) return false;
        tn__copy_raw(part, c->in[i]);
        at += c->in[i]->shape[d];
    }
    return true;
}
static bool tn__grad_cat(tn__back *b) {
    const int dim = ((const tn__attr_dim *)b->attr)->dim, d = dim < 0 ? dim + b->g->ndim : dim;
    int64_t at = 0;
    for (int i = 0; i < b->n_in; i++) {
        int n;
        const int64_t *shape = tn__in_shape(b, i, &n);
        const bool skipped = n == 1 && shape[0] == 0 && b->g->ndim != 1;
        if (tn__want(b, i) && !(b->gx[i] = skipped ? tn_zeros(shape, n, NULL) : tn_narrow(b->g, d, at, shape[d]))) return false;
        at += skipped ? 0 : shape[d];
    }
    return true;
}
TN_API tn_tensor *tn_cat(tn_tensor *const *tensors, int n, int dim) {
    TN__ATTR(tn__attr_dim, a);
    if (!tensors || n < 1) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_cat: no tensors");
    a.dim = dim;
    return tn__opn(TN__OP_cat, (tn_tensor **)(uintptr_t)tensors, n, &a);
}
static bool tn__infer_stack(tn__call *c) {
    const int dim = ((const tn__attr_dim *)c->attr)->dim;
    tn_tensors list = tn__tensors_new(c->n_in);
    if (!list.at) return false;
    for (int i = 0; i < c->n_in; i++) {
        const tn_tensor *t = c->in[i], *f = c->in[0];
        if (t->ndim != f->ndim || memcmp(t->shape, f->shape, t->ndim * sizeof *t->shape) != 0) return tn__op_fail(c, TN_ERR_SHAPE, "%s does not stack with %s", TN__SHAPE_TEXT(t), TN__SHAPE_TEXT(f));
        tn_tensor *u = tn_unsqueeze(c->in[i], dim);
        if (!u) return false;
        tn__tensors_set(&list, i, u);
    }
    return (c->out[0] = tn_cat(list.at, list.n, dim < 0 ? dim + c->in[0]->ndim + 1 : dim)) != NULL;
}
TN_API tn_tensor *tn_stack(tn_tensor *const *tensors, int n, int dim) {
    TN__ATTR(tn__attr_dim, a);
    if (!tensors || n < 1) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_stack: no tensors");
    a.dim = dim;
    return tn__opn(TN__OP_stack, (tn_tensor **)(uintptr_t)tensors, n, &a);
}
/* Each dim of size s as [r, s], expanded, folded back. */
static bool tn__infer_repeat(tn__call *c) {
    const tn__attr_dims *a = (const tn__attr_dims *)c->attr;
    tn_tensor *x = c->in[0], *y = x;
    int64_t shape[TN_MAX_DIMS];
    const int lead = a->n - x->ndim;
    for (int d = 0; d < a->n; d++) shape[d] = d < lead ? 1 : x->shape[d - lead];
    y = tn_reshape(y, shape, a->n);
    for (int d = 0; y && d < a->n; d++) { /* one dim at a time: more than eight dims would be needed for all at once */
        int64_t wide[TN_MAX_DIMS + 1];
        if (a->a[d] == 1) continue;
        if (a->n == TN_MAX_DIMS) {
            if (a->a[d] > INT32_MAX / 2) return tn__op_fail(c, TN_ERR_SHAPE, "%lld times %s is too large", (long long)a->a[d], TN__SHAPE_TEXT(x));
            tn_tensors same = tn__tensors_new((int)a->a[d]);
            for (int64_t i = 0; same.at && i < a->a[d]; i++) tn__tensors_set(&same, (int)i, y);
            y = a->a[d] == 0 ? tn_narrow(y, d, 0, 0) : same.at ? tn_cat(same.at, same.n, d) : NULL;
            continue;
        }
        y = tn_unsqueeze(y, d);
        for (int k = 0; y && k <= a->n; k++) wide[k] = k == d ? a->a[d] : y->shape[k];
        if (!(y = tn_expand(y, wide, a->n + 1))) return false;
        shape[d] *= a->a[d];
        for (int k = 0; y && k < a->n; k++) wide[k] = k == d ? shape[d] : y->shape[k < d ? k : k + 1];
        y = tn_reshape(y, wide, a->n);
    }
    if (y && (!y->contiguous || y->storage == x->storage)) y = tn__op1(TN__OP_contiguous, y, NULL); /* dims of one were only expanded */
    return (c->out[0] = y) != NULL;
}
TN_API tn_tensor *tn_repeat(tn_tensor *x, const int64_t *repeats, int n) {
    TN__ATTR(tn__attr_dims, a);
    if (!x || (n && !repeats)) return (tn_tensor *)(tn__fail_null("tn_repeat: argument"), NULL);
    if (n < x->ndim || n > TN_MAX_DIMS) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "tn_repeat: %d repeats for %s", n, TN__SHAPE_TEXT(x));
    a.n = n;
    for (int i = 0; i < n; i++)
        if ((a.a[i] = repeats[i]) < 0) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_repeat: negative repeats %s", tn__sizes_text(repeats, n));
    return tn__op1(TN__OP_repeat, x, &a);
}
TN_API tn_tensor *tn_repeat_interleave(tn_tensor *x, int64_t repeats, int dim) {
    int64_t shape[TN_MAX_DIMS];
    if (dim == TN_FLAT) x = tn_flatten(x, 0, -1), dim = 0;
    const int d = tn__dim_of("tn_repeat_interleave", x, dim);
    if (d < 0) return NULL;
    if (repeats < 0) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_repeat_interleave: %lld repeats", (long long)repeats);
    int64_t three[3] = {1, 1, 1}; /* [slices, repeats, what each holds] */
    for (int k = 0; k < x->ndim; k++) three[k <= d ? 0 : 2] *= shape[k] = x->shape[k];
    tn_tensor *wide = tn_reshape(x, three, 3);
    three[1] = repeats;
    if (!(wide = tn_expand(wide, three, 3))) return NULL;
    shape[d] *= repeats;
    wide = tn_reshape(wide, shape, x->ndim);
    return wide && (!wide->contiguous || wide->storage == x->storage) ? tn__op1(TN__OP_contiguous, wide, NULL) : wide;
}
/* attr a[d]: whether dim d is turned round. */
static bool tn__infer_plain(tn__call *c) { return (c->out[0] = tn__new(tn__dt(c->in[0]), c->in[0]->shape, c->in[0]->ndim)) != NULL; }
static bool tn__kernel_flip(tn__call *c) {
    const tn__attr_dims *a = (const tn__attr_dims *)c->attr;
    const tn_tensor *x = c->in[0];
    int64_t strides[TN_MAX_DIMS], offset = 0;
    if (x->numel == 0) return true;
    for (int d = 0; d < x->ndim; d++) {
        strides[d] = a->a[d] ? -x->strides[d] : x->strides[d];
        if (a->a[d]) offset += (x->shape[d] - 1) * x->strides[d];
    }
    tn_tensor *v = tn__alias(x, x->shape, strides, x->ndim, offset); /* negative strides: only here, only to read */
    if (!v) return false;
    v->contiguous = 0;
    tn_tensor *t[2] = {c->out[0], v};
    tn__copy_arg arg = {tn__dt(x), tn__dt(x), -1};
    tn__iter it;
    tn__iter_make(&it, t, 2, x->shape, x->ndim, true);
    tn__iter_each(&it, tn__copy_run, &arg);
    return true;
}
static bool tn__grad_flip(tn__back *b) { return (b->gx[0] = tn__op1(TN__OP_flip, b->g, b->attr)) != NULL; }
TN_API tn_tensor *tn_flip(tn_tensor *x, const int *dims, int n) {
    TN__ATTR(tn__attr_dims, a);
    if (!x || n < 0 || (n && !dims)) return (tn_tensor *)(tn__fail_null("tn_flip: argument"), NULL);
    for (int i = 0; i < n; i++) {
        const int d = tn__wrap_dim("tn_flip", dims[i], x->ndim);
        if (d < 0) return NULL;
        if (a.a[d]) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_flip: dim %d occurs twice", d);
        a.a[d] = 1;
    }
    return tn__op1(TN__OP_flip, x, &a);
}
static tn_tensor *tn__roll_one(tn_tensor *x, int64_t shift, int dim) {
    const int d = tn__dim_of("tn_roll", x, dim);
    if (d < 0) return NULL;
    const int64_t size = x->shape[d], s = size ? ((shift % size) + size) % size : 0;
    if (s == 0) return tn_clone(x);
    tn_tensor *parts[2] = {tn_narrow(x, d, size - s, s), tn_narrow(x, d, 0, size - s)};
    return tn_cat(parts, 2, d);
}
TN_API tn_tensor *tn_roll(tn_tensor *x, const int64_t *shifts, const int *dims, int n) {
    if (!x || !shifts || n < 0 || (n && !dims)) return (tn_tensor *)(tn__fail_null("tn_roll: argument"), NULL);
    if (n == 0) return x->ndim == 0 ? tn_clone(x) : tn_reshape(tn__roll_one(tn_flatten(x, 0, -1), shifts[0], 0), x->shape, x->ndim);
    for (int i = 0; x && i < n; i++) x = tn__roll_one(x, shifts[i], dims[i]);
    return x;
}
/* tril (v[0] the diagonal) and triu (v[1] 1). */
static bool tn__infer_tri(tn__call *c) {
    if (c->in[0]->ndim < 2) return tn__op_fail(c, TN_ERR_SHAPE, "at least 2 dims are wanted, got %s", TN__SHAPE_TEXT(c->in[0]));
    return tn__infer_plain(c);
}
static bool tn__kernel_tri(tn__call *c) {
    const tn__attr_dim *a = (const tn__attr_dim *)c->attr;
    tn_tensor *y = c->out[0];
    const int64_t rows = y->shape[y->ndim - 2], cols = y->shape[y->ndim - 1], size = (int64_t)tn__dsize(tn__dt(y));
    tn__copy_raw(y, c->in[0]);
    for (int64_t r = 0; cols && r < y->numel / cols; r++) { /* row r of a matrix keeps columns up to, or from, its diagonal */
        const int64_t edge = TN__MIN(TN__MAX(r % rows + a->v[0] + (a->v[1] ? 0 : 1), 0), cols);
        char *row = y->data + r * cols * size;
        if (a->v[1]) memset(row, 0, (size_t)(edge * size));
        else memset(row + edge * size, 0, (size_t)((cols - edge) * size));
    }
    return true;
}
static bool tn__grad_tri(tn__back *b) { return (b->gx[0] = tn__op1(TN__OP_tril, b->g, b->attr)) != NULL; }
static tn_tensor *tn__tri(int op, tn_tensor *x, int64_t diagonal, bool upper) {
    TN__ATTR(tn__attr_dim, a);
    a.v[0] = diagonal < -(int64_t)INT32_MAX ? -(int64_t)INT32_MAX : diagonal > INT32_MAX ? INT32_MAX : diagonal;
    a.v[1] = upper;
    return tn__op1(op, x, &a);
}
TN_API tn_tensor *tn_tril(tn_tensor *x, int64_t diagonal) { return tn__tri(TN__OP_tril, x, diagonal, false); }
TN_API tn_tensor *tn_triu(tn_tensor *x, int64_t diagonal) { return tn__tri(TN__OP_triu, x, diagonal, true); }

/* -- pad: a before, b after, by dim; the mode in offset -- */
typedef struct { uint32_t size; int32_t n, mode, reserved; int64_t before[TN_MAX_DIMS], after[TN_MAX_DIMS], in_shape[TN_MAX_DIMS]; double value; } tn__attr_pad;
/* Where place i of dim d (before the pad: negative) comes from; -1: the value. Wrapping goes round what negative pads leave. */
static int64_t tn__pad_source(const tn__attr_pad *a, int d, int64_t i, int64_t size) {
    if (a->mode == TN_PAD_CIRCULAR) {
        const int64_t first = TN__MAX(-a->before[d], 0), left = size - first - TN__MAX(-a->after[d], 0);
        return first + ((i - first) % left + left) % left;
    }
    if (i >= 0 && i < size) return i;
    if (a->mode == TN_PAD_CONSTANT) return -1;
    if (a->mode == TN_PAD_REPLICATE) return i < 0 ? 0 : size - 1;
    return i < 0 ? -i : 2 * (size - 1) - i;
}
static bool tn__infer_pad(tn__call *c) {
    const tn__attr_pad *a = (const tn__attr_pad *)c->attr;
    const tn_tensor *x = c->in[0];
    int64_t shape[TN_MAX_DIMS];
    for (int d = 0; d < x->ndim; d++) {
        const int64_t lo = a->before[d], hi = a->after[d], size = x->shape[d];
        shape[d] = size + lo + hi;
        if (shape[d] < 0) return tn__op_fail(c, TN_ERR_SHAPE, "pads %lld and %lld leave nothing of dim %d of %s", (long long)lo, (long long)hi, d, TN__SHAPE_TEXT(x));
        if (a->mode == TN_PAD_REFLECT && (lo >= TN__MAX(size, 1) || hi >= TN__MAX(size, 1))) return tn__op_fail(c, TN_ERR_SHAPE, "reflecting %lld and %lld places of dim %d of %s", (long long)lo, (long long)hi, d, TN__SHAPE_TEXT(x));
        const int64_t left = size + TN__MIN(lo, 0) + TN__MIN(hi, 0);
        if (a->mode == TN_PAD_CIRCULAR && shape[d] && (lo > left || hi > left)) return tn__op_fail(c, TN_ERR_SHAPE, "wrapping %lld and %lld places of dim %d of %s", (long long)lo, (long long)hi, d, TN__SHAPE_TEXT(x));
        if (a->mode != TN_PAD_CONSTANT && size == 0 && shape[d]) return tn__op_fail(c, TN_ERR_SHAPE, "nothing to pad from in dim %d of %s", d, TN__SHAPE_TEXT(x));
    }
    return (c->out[0] = tn__new(tn__dt(x), shape, x->ndim)) != NULL;
}
/* Visits every place of the padded tensor with the place that it comes from: gather for pad, scatter for its gradient. */
static void tn__pad_walk(const tn__attr_pad *a, tn_tensor *wide, tn_tensor *small, bool backward) {
    const tn_dtype dt = tn__dt(wide);
    const int64_t size = (int64_t)tn__dsize(dt);
    int64_t index[TN_MAX_DIMS] = {0, 0, 0, 0, 0, 0, 0, 0};
    char fill[16];
    tn__set_f64(dt, fill, a->value);
    for (int64_t i = 0; i < wide->numel; i++) {
        int64_t from = 0, at = 0;
        bool inside = true;
        for (int d = 0; d < wide->ndim; d++) {
            const int64_t s = tn__pad_source(a, d, index[d] - a->before[d], small->shape[d]);
            inside = inside && s >= 0;
            from += s * small->strides[d];
            at += index[d] * wide->strides[d];
        }
        char *w = wide->data + at * size, *s = small->data + from * size;
        if (!backward) memcpy(w, inside ? s : fill, (size_t)size);
        else if (inside) tn__set_f64(dt, s, tn__get_f64(dt, s) + tn__get_f64(dt, w));
        for (int d = wide->ndim - 1; d >= 0 && ++index[d] == wide->shape[d]; d--) index[d] = 0;
    }
}
static bool tn__kernel_pad(tn__call *c) {
    tn__pad_walk((const tn__attr_pad *)c->attr, c->out[0], c->in[0], false);
    return true;
}
static bool tn__grad_pad(tn__back *b) { return (b->gx[0] = tn__op1(TN__OP_pad_backward, b->g, b->attr)) != NULL; }
static bool tn__infer_pad_backward(tn__call *c) {
    const tn__attr_pad *a = (const tn__attr_pad *)c->attr;
    return (c->out[0] = tn__zeroed(tn__new(tn__dt(c->in[0]), a->in_shape, a->n))) != NULL;
}
static bool tn__kernel_pad_backward(tn__call *c) {
    tn__pad_walk((const tn__attr_pad *)c->attr, c->in[0], c->out[0], true);
    return true;
}
static bool tn__grad_pad_backward(tn__back *b) {
    tn__attr_pad a = *(const tn__attr_pad *)b->attr;
    a.value = 0;
    return (b->gx[0] = tn__op1(TN__OP_pad, b->g, &a)) != NULL;
}
TN_API tn_tensor *tn_pad(tn_tensor *x, const int64_t *pads, int n, const tn_pad_opts *opts) {
    TN__ATTR(tn__attr_pad, a);
    if (!x || (n && !pads)) return (tn_tensor *)(tn__fail_null("tn_pad: argument"), NULL);
    if (n < 0 || n % 2 || n / 2 > x->ndim) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "tn_pad: %d pads for %s", n, TN__SHAPE_TEXT(x));
    a.n = x->ndim;
    a.mode = opts ? (int32_t)opts->mode : TN_PAD_CONSTANT;
    a.value = opts ? opts->value : 0;
    if ((unsigned)a.mode > TN_PAD_CIRCULAR) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_pad: %d is no mode", (int)a.mode);
    for (int i = 0; i < n; i++)
        if (pads[i] > INT64_MAX / 4 || pads[i] < INT64_MIN / 4) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "tn_pad: %lld places", (long long)pads[i]);
    memcpy(a.in_shape, x->shape, x->ndim * sizeof *x->shape);
    for (int i = 0; i < n / 2; i++) a.before[x->ndim - 1 - i] = pads[2 * i], a.after[x->ndim - 1 - i] = pads[2 * i + 1];
    return tn__op1(TN__OP_pad, x, &a);
}

/* -- more creation -- */
static void tn__no_free(void *user, void *data) { (void)user, (void)data; }
TN_API tn_tensor *tn_from_borrowed(void *data, const int64_t *shape, int ndim, const tn_tensor_opts *opts, void (*done)(void *user, void *data), void *user) {
    tn_tensor_opts o;
    if (!data) return (tn_tensor *)(tn__fail_null("tn_from_borrowed: data"), NULL);
    if (!tn__opts_or(opts, &o, tn__default_dtype(), "tn_from_borrowed")) return NULL;
    const int64_t n = tn__count("tn_from_borrowed", shape, ndim, tn__dsize(o.dtype));
    if (n < 0) return NULL;
    tn__storage *s = (tn__storage *)tn__alloc(sizeof *s);
    tn_tensor *t = s ? tn__handle() : NULL;
    if (!t) {
        tn__free(s, sizeof *s);
        return NULL;
    }
    memset(s, 0, sizeof *s);
    s->refs = 1;
    s->data = (char *)data;
    s->bytes = (size_t)n * tn__dsize(o.dtype);
    s->done = done ? done : tn__no_free;
    s->user = user;
    tn__set_layout(t, o.dtype, shape, ndim, n);
    t->storage = s;
    t->data = s->data;
    if (o.requires_grad) t->flags |= TN__REQUIRES;
    return t;
}
TN_API tn_tensor *tn_scalar(double v, const tn_tensor_opts *opts) { return tn__filled(tn__create("tn_scalar", NULL, 0, opts, tn__default_dtype()), v); }
TN_API tn_tensor *tn_scalar_i64(int64_t v) {
    (void)tn__ready();
    const tn_tensor_opts o = {TN_I64, {0, 0}, false, NULL};
    return tn_from(&v, NULL, 0, &o);
}
TN_API tn_tensor *tn_empty_like(tn_tensor *x, const tn_tensor_opts *opts) { return tn__like("tn_empty_like", x, opts); }
TN_API tn_tensor *tn_ones_like(tn_tensor *x, const tn_tensor_opts *opts) { return tn__filled(tn__like("tn_ones_like", x, opts), 1); }
TN_API tn_tensor *tn_full_like(tn_tensor *x, double v, const tn_tensor_opts *opts) { return tn__filled(tn__like("tn_full_like", x, opts), v); }
static bool tn__infer_fill(tn__call *c) {
    if (c->in[1]->ndim) return tn__op_fail(c, TN_ERR_SHAPE, "the value has to be a number or 0-d, got %s", TN__SHAPE_TEXT(c->in[1]));
    return tn__infer_plain(c);
}
static bool tn__kernel_fill(tn__call *c) {
    tn_tensor *v = tn__dense_as(c->in[1], tn__dt(c->out[0]));
    if (v) tn__fill_raw(c->out[0], v->data);
    return v != NULL;
}
static bool tn__grad_fill(tn__back *b) {
    if (tn__want(b, 0)) b->gx[0] = tn_zeros_like(b->g, NULL);
    b->gx[1] = b->g;
    return !tn__want(b, 0) || b->gx[0];
}
TN_API tn_tensor *(tn_fill)(tn_tensor *x, tn_tensor *v) { return tn__op2(TN__OP_fill, x, v, NULL); }
TN_API tn_tensor *tn_eye(int64_t n, int64_t m, const tn_tensor_opts *opts) {
    const int64_t shape[2] = {n, m < 0 ? n : m};
    tn_tensor *t = tn__zeroed(tn__create_host("tn_eye", shape, 2, opts, tn__default_dtype()));
    for (int64_t i = 0; t && i < TN__MIN(shape[0], shape[1]); i++) tn__set_f64(tn__dt(t), t->data + i * (shape[1] + 1) * (int64_t)tn__dsize(tn__dt(t)), 1);
    return tn__placed(t, opts);
}
static bool tn__whole(double v) { return v == floor(v) && fabs(v) < 9007199254740992.0; }
TN_API tn_tensor *tn_arange(double start, double end, double step, const tn_tensor_opts *opts) {
    const tn_dtype fallback = tn__whole(start) && tn__whole(end) && tn__whole(step) ? TN_I64 : tn__default_dtype();
    const double count = ceil((end - start) / step);
    if (!(step != 0) || isinf(step) || !(count >= 0) || !(count < 4e18)) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_arange: from %g to %g by %g", start, end, step);
    const int64_t n = (int64_t)count;
    tn_tensor *t = tn__create_host("tn_arange", &n, 1, opts, fallback);
    for (int64_t i = 0; t && i < n; i++) {
        char *p = t->data + i * (int64_t)tn__dsize(tn__dt(t));
        if (tn__is_int(tn__dt(t))) tn__set_i64(tn__dt(t), p, (int64_t)start + i * (int64_t)step);
        else if (tn__dt(t) == TN_F32) tn__set_f64(TN_F32, p, start + step * (double)i);
        else tn__set_f64(tn__dt(t), p, start + step * (double)i);
    }
    return tn__placed(t, opts);
}
TN_API tn_tensor *tn_linspace(double start, double end, int64_t steps, const tn_tensor_opts *opts) {
    tn_tensor *t = tn__create_host("tn_linspace", &steps, 1, opts, tn__default_dtype());
    if (!t || steps == 0) return tn__placed(t, opts);
    const tn_dtype dt = tn__dt(t);
    const bool single = dt != TN_F64 && tn__is_float(dt);
    if (!tn__is_float(dt)) start = trunc(start), end = trunc(end); /* as PyTorch: the bounds are of the dtype too */
    const double a = single ? (double)(float)start : start, b = single ? (double)(float)end : end, step = steps > 1 ? (b - a) / (double)(steps - 1) : 0;
    for (int64_t i = 0; i < steps; i++) { /* from both ends, so that it is symmetric */
        double v = i < steps / 2 ? a + step * (double)i : b - step * (double)(steps - 1 - i);
        if (single) {
            const float f = (float)step;
            v = (double)(i < steps / 2 ? (float)a + f * (float)i : (float)b - f * (float)(steps - 1 - i));
        }
        if (steps == 1) v = a;
        tn__set_f64(dt, t->data + i * (int64_t)tn__dsize(dt), v);
    }
    return tn__placed(t, opts);
}

/* Runs a composite row with its halves as f32, and rounds its results once, as PyTorch's own kernels do. */
static bool tn__wide(tn__call *c, bool (*body)(tn__call *c)) {
    const tn_dtype dt = tn__dt(c->in[0]);
    tn_tensor *in[8];
    if ((dt != TN_F16 && dt != TN_BF16) || c->n_in > 8) return body(c);
    tn__call w = *c;
    w.in = in;
    for (int i = 0; i < c->n_in; i++) {
        in[i] = c->in[i];
        if (in[i] && tn__dt(in[i]) == dt && !(in[i] = tn_to_dtype(in[i], TN_F32))) return false;
    }
    if (!body(&w)) return false;
    for (int k = 0; k < c->n_out; k++)
        if (w.out[k] && !(c->out[k] = tn__dt(w.out[k]) == TN_F32 ? tn_to_dtype(w.out[k], dt) : w.out[k])) return false;
    return true;
}
#define TN__WIDE(name) static bool tn__infer_wide_##name(tn__call *c) { return tn__wide(c, tn__infer_##name); }

/* -- draws: rows that fill in[0] in the order of its strides; mt19937 is serial. A device gets no generator but key and counter:
   numbers 4 i to 4 i + 3, in the order of indices, come of Philox4x32-10 at counter + i -- */
enum { TN__DRAW_UNIFORM, TN__DRAW_NORMAL, TN__DRAW_BERNOULLI, TN__DRAW_RANDOM, TN__DRAW_EXPONENTIAL };
typedef struct { uint32_t size; int32_t kind; double a, b; int64_t low; uint64_t range; tn_generator *generator; uint64_t key, counter; } tn__attr_draw;
static double tn__uniform01(tn_generator *g, tn_dtype dt) { return dt == TN_F64 ? tn__draw_f64(g) : (double)tn__draw_f32(g); }
/* Sixteen uniforms in place to normals: j with j + 8. */
static void tn__normal_16(tn_dtype dt, char *p, double mean, double std) {
    for (int j = 0; j < 8; j++) {
        if (dt == TN_F64) {
            double *d = (double *)(void *)p;
            const double r = sqrt(-2 * log(1 - d[j])), theta = TN__TWO_PI * d[j + 8];
            d[j] = r * cos(theta) * std + mean;
            d[j + 8] = r * sin(theta) * std + mean;
        } else {
            float *f = (float *)(void *)p;
            const float r = sqrtf(-2 * logf(1 - f[j])), theta = (float)TN__TWO_PI * f[j + 8];
            f[j] = r * cosf(theta) * (float)std + (float)mean;
            f[j + 8] = r * sinf(theta) * (float)std + (float)mean;
        }
    }
}
/* t is dense. In blocks of sixteen; one value after another where there are fewer, or the tensor drawn for is not contiguous. */
static void tn__draw_normals(tn_generator *g, tn_tensor *t, double mean, double std, bool serial) {
    const tn_dtype dt = tn__dt(t);
    const int64_t n = t->numel, size = (int64_t)tn__dsize(dt);
    if (n < 16 || serial) {
        for (int64_t i = 0; i < n; i++) tn__set_f64(dt, t->data + i * size, tn__draw_normal(g) * std + mean);
        return;
    }
    for (int64_t i = 0; i < n; i++) tn__set_f64(dt, t->data + i * size, tn__uniform01(g, dt));
    for (int64_t i = 0; i + 16 <= n; i += 16) tn__normal_16(dt, t->data + i * size, mean, std);
    if (n % 16 == 0) return;
    for (int64_t i = n - 16; i < n; i++) tn__set_f64(dt, t->data + i * size, tn__uniform01(g, dt)); /* the last sixteen again */
    tn__normal_16(dt, t->data + (n - 16) * size, mean, std);
}
static bool tn__draw_elements(const tn__attr_draw *a, tn_generator *g, tn_tensor *t) {
    const tn_dtype dt = tn__dt(t);
    const int64_t size = (int64_t)tn__dsize(dt);
    for (int64_t i = 0; i < t->numel; i++) {
        char *p = t->data + i * size;
        if (a->kind == TN__DRAW_UNIFORM && dt == TN_F64) tn__set_f64(dt, p, tn__draw_f64(g) * (a->b - a->a) + a->a);
        else if (a->kind == TN__DRAW_UNIFORM) {
            tn__set_f64(dt, p, (double)tn__draw_f32(g) * (double)((float)a->b - (float)a->a) + (double)(float)a->a);
            if (dt != TN_F32 && tn__get_f64(dt, p) >= a->b) tn__set_f64(dt, p, a->a); /* a half that was rounded up to the bound */
        }
        else if (a->kind == TN__DRAW_BERNOULLI) tn__set_f64(dt, p, tn__draw_f64(g) < a->a);
        else if (a->kind == TN__DRAW_RANDOM) tn__set_i64(dt, p, (int64_t)((uint64_t)a->low + tn__draw_below(g, a->range)));
        else tn__set_f64(dt, p, -log1p(-tn__draw_f64(g)) / a->a);
    }
    return true;
}
/* Halves are drawn as f32. PyTorch draws whole sixteens; the places past them belong to one more, which fills the last sixteen. */
static bool tn__draw_halves(tn_generator *g, tn_tensor *x, double mean, double std) {
    const int64_t n = x->numel, whole = n < 16 ? n : n & ~(int64_t)15, drawn = n < 16 ? n : (n + 15) & ~(int64_t)15;
    tn_tensor *wide = tn__new(TN_F32, &drawn, 1), *t = tn__new(TN_F32, x->shape, x->ndim);
    if (!wide || !t) return false;
    tn__draw_normals(g, wide, mean, std, false);
    memcpy(t->data, wide->data, (size_t)whole * sizeof(float));
    if (whole < n) memcpy(t->data + (n - 16) * (int64_t)sizeof(float), wide->data + whole * (int64_t)sizeof(float), 16 * sizeof(float));
    tn__copy_raw(x, t);
    return true;
}
static bool tn__kernel_draw(tn__call *c) {
    const tn__attr_draw *a = (const tn__attr_draw *)c->attr;
    tn_generator *g = tn__generator(a->generator);
    tn_tensor *x = c->in[0], *t = x;
    const bool wide = a->kind == TN__DRAW_NORMAL && tn__dt(x) != TN_F64 && tn__dt(x) != TN_F32 && x->contiguous;
    if (!g) return false;
    if (wide) return tn__draw_halves(g, x, a->a, a->b);
    if (!x->contiguous) t = tn__new_like_inputs(tn__dt(x), &x, 1, x->shape, x->ndim); /* in the order of memory, as PyTorch */
    if (!t) return false;
    if (a->kind == TN__DRAW_NORMAL) tn__draw_normals(g, t, a->a, a->b, t != x);
    else if (!tn__draw_elements(a, g, t)) return false;
    if (t != x) tn__copy_raw(x, t);
    return true;
}
static bool tn__infer_draw(tn__call *c) {
    const tn__attr_draw *a = (const tn__attr_draw *)c->attr;
    const tn_tensor *x = c->in[0];
    if (a->kind != TN__DRAW_BERNOULLI && a->kind != TN__DRAW_RANDOM && !tn__is_float(tn__dt(x))) return tn__op_fail(c, TN_ERR_DTYPE, "a floating dtype is wanted, got %s", tn_dtype_name(tn__dt(x)));
    if (tn__is_complex(tn__dt(x))) return tn__op_fail(c, TN_ERR_DTYPE, "%s is not supported", tn_dtype_name(tn__dt(x)));
    return tn__writable(c, x);
}
static tn_tensor *tn__drawn(int op, int kind, tn_tensor *x, double a, double b, tn_generator *g) {
    TN__ATTR(tn__attr_draw, attr);
    attr.kind = kind;
    attr.a = a;
    attr.b = b;
    attr.generator = g;
    return tn__op_(op, &x, 1, &attr);
}
TN_API tn_tensor *tn_uniform_(tn_tensor *x, double low, double high, tn_generator *g) {
    if (!(low <= high)) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_uniform_: from %g to %g", low, high);
    return tn__drawn(TN__OP_uniform_, TN__DRAW_UNIFORM, x, low, high, g);
}
TN_API tn_tensor *tn_normal_(tn_tensor *x, double mean, double std, tn_generator *g) {
    if (!(std >= 0)) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_normal_: a deviation of %g", std);
    return tn__drawn(TN__OP_normal_, TN__DRAW_NORMAL, x, mean, std, g);
}
TN_API tn_tensor *tn_bernoulli_(tn_tensor *x, double p, tn_generator *g) {
    if (!(p >= 0 && p <= 1)) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_bernoulli_: a probability of %g", p);
    return tn__drawn(TN__OP_bernoulli_, TN__DRAW_BERNOULLI, x, p, 0, g);
}
TN_API tn_tensor *tn_exponential_(tn_tensor *x, double rate, tn_generator *g) {
    if (!(rate > 0)) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_exponential_: a rate of %g", rate);
    return tn__drawn(TN__OP_exponential_, TN__DRAW_EXPONENTIAL, x, rate, 0, g);
}
TN_API tn_tensor *tn_random_(tn_tensor *x, int64_t low, int64_t high, tn_generator *g) {
    TN__ATTR(tn__attr_draw, a);
    if (low >= high) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_random_: from %lld to %lld", (long long)low, (long long)high);
    a.kind = TN__DRAW_RANDOM;
    a.low = low;
    a.range = (uint64_t)high - (uint64_t)low;
    a.generator = g;
    return tn__op_(TN__OP_random_, &x, 1, &a);
}
/* Makes without requires_grad, draws, then marks the leaf. */
static tn_tensor *tn__made(tn_tensor *t, const tn_tensor_opts *opts) {
    if (t && opts && opts->requires_grad) t->flags |= TN__REQUIRES;
    return t;
}
static tn_tensor *tn__unmarked(tn_tensor *t) {
    if (t) t->flags &= (uint8_t)~TN__REQUIRES;
    return t;
}
#define TN__GEN(opts) ((opts) ? (opts)->generator : NULL)
TN_API tn_tensor *tn_rand(const int64_t *shape, int ndim, const tn_tensor_opts *opts) {
    return tn__made(tn_uniform_(tn__unmarked(tn__create("tn_rand", shape, ndim, opts, tn__default_dtype())), 0, 1, TN__GEN(opts)), opts);
}
TN_API tn_tensor *tn_randn(const int64_t *shape, int ndim, const tn_tensor_opts *opts) {
    return tn__made(tn_normal_(tn__unmarked(tn__create("tn_randn", shape, ndim, opts, tn__default_dtype())), 0, 1, TN__GEN(opts)), opts);
}
TN_API tn_tensor *tn_randint(int64_t low, int64_t high, const int64_t *shape, int ndim, const tn_tensor_opts *opts) {
    return tn__made(tn_random_(tn__unmarked(tn__create("tn_randint", shape, ndim, opts, TN_I64)), low, high, TN__GEN(opts)), opts);
}
TN_API tn_tensor *tn_rand_like(tn_tensor *x, const tn_tensor_opts *opts) {
    return x ? tn__made(tn_uniform_(tn__unmarked(tn__like("tn_rand_like", x, opts)), 0, 1, TN__GEN(opts)), opts) : (tn_tensor *)(tn__fail_null("tn_rand_like: x"), NULL);
}
TN_API tn_tensor *tn_randn_like(tn_tensor *x, const tn_tensor_opts *opts) {
    return x ? tn__made(tn_normal_(tn__unmarked(tn__like("tn_randn_like", x, opts)), 0, 1, TN__GEN(opts)), opts) : (tn_tensor *)(tn__fail_null("tn_randn_like: x"), NULL);
}
TN_API tn_tensor *tn_randint_like(tn_tensor *x, int64_t low, int64_t high, const tn_tensor_opts *opts) {
    return x ? tn__made(tn_random_(tn__unmarked(tn__like("tn_randint_like", x, opts)), low, high, TN__GEN(opts)), opts) : (tn_tensor *)(tn__fail_null("tn_randint_like: x"), NULL);
}
TN_API tn_tensor *tn_randperm(int64_t n, const tn_tensor_opts *opts) {
    tn_generator *g = tn__generator(TN__GEN(opts));
    tn_tensor *t = g ? tn__create_host("tn_randperm", &n, 1, opts, TN_I64) : NULL;
    if (!t) return NULL;
    const int64_t size = (int64_t)tn__dsize(tn__dt(t));
    for (int64_t i = 0; i < n; i++) tn__set_i64(tn__dt(t), t->data + i * size, i);
    for (int64_t i = 0; i + 1 < n; i++) {
        char *a = t->data + i * size, *b = a + (int64_t)(tn__draw32(g) % (uint64_t)(n - i)) * size, keep[16];
        memcpy(keep, a, (size_t)size);
        memcpy(a, b, (size_t)size);
        memcpy(b, keep, (size_t)size);
    }
    return tn__placed(t, opts);
}
static bool tn__infer_bernoulli(tn__call *c) {
    if (!tn__is_float(tn__dt(c->in[0]))) return tn__op_fail(c, TN_ERR_DTYPE, "floating probabilities are wanted, got %s", tn_dtype_name(tn__dt(c->in[0])));
    return tn__infer_plain(c);
}
static bool tn__kernel_bernoulli(tn__call *c) {
    tn_generator *g = tn__generator(((const tn__attr_draw *)c->attr)->generator);
    tn_tensor *p = tn__dense(c->in[0]);
    if (!g || !p) return false;
    const tn_dtype dt = tn__dt(p);
    const int64_t size = (int64_t)tn__dsize(dt);
    for (int64_t i = 0; i < p->numel; i++) {
        const double v = tn__get_f64(dt, p->data + i * size);
        if (!(v >= 0 && v <= 1)) return tn__op_fail(c, TN_ERR_INVALID, "a probability of %g", v);
        tn__set_f64(dt, c->out[0]->data + i * size, tn__uniform01(g, dt) < v);
    }
    return true;
}
TN_API tn_tensor *tn_bernoulli(tn_tensor *p, tn_generator *g) {
    TN__ATTR(tn__attr_draw, a);
    a.generator = g;
    return tn__op1(TN__OP_bernoulli, p, &a);
}
/* -- printing, as PyTorch does -- */
typedef struct tn__form { double least, most; bool integers, scientific; int width; } tn__form; /* of the real or the imaginary parts */
typedef struct tn__printer { char *out; size_t size, used; } tn__printer;
typedef struct tn__sheet { tn__printer text; size_t line; int64_t edge; tn__form form[2]; } tn__sheet; /* line: where the last one begins */
TN__PRINTF(2, 3) static void tn__emit(tn__printer *p, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    const int n = vsnprintf(p->used < p->size ? p->out + p->used : NULL, p->used < p->size ? p->size - p->used : 0, fmt, ap);
    va_end(ap);
    if (n > 0) p->used += (size_t)n;
}
static void tn__emit_lines(tn__sheet *p, int lines, int indent) {
    for (int k = 0; k < lines; k++) tn__emit(&p->text, "\n");
    p->line = p->text.used;
    tn__emit(&p->text, "%*s", indent, "");
}
static int tn__number_text(const tn__form *f, double v, char *text, size_t size) {
    if (isnan(v)) return snprintf(text, size, "nan");
    if (isinf(v)) return snprintf(text, size, v < 0 ? "-inf" : "inf");
    return f->scientific ? snprintf(text, size, "%.4e", v) : f->integers ? snprintf(text, size, "%.0f.", v) : snprintf(text, size, "%.4f", v);
}
enum { TN__PRINT_RANGE, TN__PRINT_WIDTH, TN__PRINT_EMIT };
static void tn__print_element(tn__sheet *p, tn_dtype dt, const char *at, int pass) {
    char text[512];
    if (tn__is_int(dt)) {
        const int n = dt == TN_BOOL ? snprintf(text, sizeof text, "%s", *at ? "True" : "False") : snprintf(text, sizeof text, "%lld", (long long)tn__get_i64(dt, at));
        if (pass == TN__PRINT_EMIT) tn__emit(&p->text, "%*s", p->form[0].width, text);
        else p->form[0].width = TN__MAX(p->form[0].width, n);
        return;
    }
    const tn_dtype part = dt == TN_C64 ? TN_F32 : dt == TN_C128 ? TN_F64 : dt;
    for (int k = 0; k < (tn__is_complex(dt) ? 2 : 1); k++) {
        tn__form *f = &p->form[k];
        const double v = tn__get_f64(part, at + (size_t)k * tn__dsize(part));
        const int n = tn__number_text(f, v, text, sizeof text);
        if (pass == TN__PRINT_EMIT) {
            if (k) tn__emit(&p->text, "%s%sj", text[0] == '-' ? "" : "+", text);
            else tn__emit(&p->text, "%*s", f->width, text);
        }
        else if (isfinite(v) && v != 0 && pass == TN__PRINT_WIDTH) f->width = TN__MAX(f->width, n);
        else if (isfinite(v) && v != 0) {
            f->least = fmin(f->least, fabs(v));
            f->most = fmax(f->most, fabs(v));
            f->integers = f->integers && v == floor(v);
        }
    }
}
/* Visits the elements that are shown, in each pass. */
static void tn__print_dim(tn__sheet *p, const tn_tensor *t, int dim, const char *at, int indent, int pass) {
    const int64_t size = (int64_t)tn__dsize(tn__dt(t));
    if (dim == t->ndim) {
        tn__print_element(p, tn__dt(t), at, pass);
        return;
    }
    const bool last = dim == t->ndim - 1, emit = pass == TN__PRINT_EMIT;
    const int wide = p->form[0].width + 2 + (tn__is_complex(tn__dt(t)) ? p->form[1].width + 1 : 0), per_line = TN__MAX(1, (80 - indent) / wide);
    if (emit) tn__emit(&p->text, "[");
    for (int64_t i = 0, k = 0; i < t->shape[dim]; i++, k++) {
        const bool cut = p->edge && t->shape[dim] > 2 * p->edge && i == p->edge;
        if (emit && k > 0) {
            tn__emit(&p->text, last && k % per_line ? ", " : ",");
            if (!last || k % per_line == 0) tn__emit_lines(p, last ? 1 : t->ndim - dim - 1, indent + 1);
        }
        if (!cut) tn__print_dim(p, t, dim + 1, at + i * t->strides[dim] * size, indent + 1, pass);
        else if (emit) tn__emit(&p->text, last ? " ..." : "...");
        if (cut) i = t->shape[dim] - p->edge - 1;
    }
    if (emit) tn__emit(&p->text, "]");
}
/* ", name=value", on a line of its own where this one would grow beyond 80. */
TN__PRINTF(2, 3) static void tn__emit_suffix(tn__sheet *p, const char *fmt, ...) {
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    const int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    const bool fits = p->text.used - p->line + (size_t)TN__MAX(n, 0) + 4 <= 80;
    tn__emit(&p->text, fits ? ", " : ",");
    if (!fits) tn__emit_lines(p, 1, 7);
    tn__emit(&p->text, "%s", text);
}
TN_API size_t tn_format(const tn_tensor *t, char *buffer, size_t size) {
    tn__sheet p;
    memset(&p, 0, sizeof p);
    p.text.out = buffer;
    p.text.size = size;
    if (!t) {
        tn__emit(&p.text, "NULL");
        return p.text.used;
    }
    const tn_device device = t->storage->device;
    const tn_tensor *asked = t;
    if (!(t = tn__host(t))) {
        tn__emit(&p.text, "tensor(lost, device='%s')", tn_device_name(device));
        return p.text.used;
    }
    p.edge = t->numel > 1000 ? 3 : 0;
    for (int k = 0; k < 2; k++) p.form[k].least = INFINITY, p.form[k].integers = true, p.form[k].width = 1;
    if (t->numel) tn__print_dim(&p, t, 0, t->data, 7, TN__PRINT_RANGE);
    for (int k = 0; k < 2; k++) {
        tn__form *f = &p.form[k];
        f->scientific = f->most > 0 && (f->most / f->least > 1000 || f->most > 1e8 || (!f->integers && f->least < 1e-4));
    }
    if (t->numel) tn__print_dim(&p, t, 0, t->data, 7, TN__PRINT_WIDTH);
    tn__emit(&p.text, "tensor(");
    if (t->numel) tn__print_dim(&p, t, 0, t->data, 7, TN__PRINT_EMIT);
    else tn__emit(&p.text, "[]");
    const tn_dtype dt = tn__dt(t), real = tn__default_dtype();
    if (!t->numel && t->ndim != 1) {
        const char *sizes = TN__SHAPE_TEXT(t);
        tn__emit_suffix(&p, "size=(%.*s)", (int)strlen(sizes) - 2, sizes + 1);
    }
    if (dt != real && (!t->numel || (dt != TN_I64 && dt != TN_BOOL && !(dt == TN_C64 && real != TN_F64) && !(dt == TN_C128 && real == TN_F64)))) tn__emit_suffix(&p, "dtype=%s", tn_dtype_name(dt));
    if (device.kind != TN_CPU) tn__emit_suffix(&p, "device='%s'", tn_device_name(device));
    if (asked->node) tn__emit_suffix(&p, "grad_fn=<%s>", tn_grad_fn_name(asked));
    else if (asked->flags & TN__REQUIRES) tn__emit_suffix(&p, "requires_grad=True");
    tn__emit(&p.text, ")");
    return p.text.used;
}
TN_API void tn_print(const tn_tensor *t) {
    char small[2048];
    const size_t n = tn_format(t, small, sizeof small);
    if (n < sizeof small) {
        printf("%s\n", small);
        return;
    }
    char *text = (char *)tn__alloc(n + 1);
    if (!text) return;
    (void)tn_format(t, text, n + 1);
    printf("%s\n", text);
    tn__free(text, n + 1);
}

/* ================================================================================================================ */
/* >>pointwise (Private)                                                                                            */
/* The pointwise rows: one infer, one kernel over the loops of >>kernels, their gradients.                          */
/* ================================================================================================================ */

/* -- the driver: dtype rules, broadcasting, then blocks of whole vectors for the row's kernel -- */
typedef struct tn__pw_plan {
    tn__pw_fn fn;
    void (*splat)(void *to, const void *lane);
    const double *p;                     /* the row's numbers */
    int n_in, lane;
    bool to_bool;                        /* the kernel writes a byte a lane */
    size_t lane_size, out_size;          /* bytes of a lane, of a kernel's result */
    int width_log2;                      /* of the lanes of a vector */
    tn_dtype out_dtype, in_dtype[3];
} tn__pw_plan;
static const double tn__pw_zeros[6] = {0, 0, 0, 0, 0, 0};
#define TN__VECTOR_MAX 64

/* A vector that is one value throughout. */
TN__HOT void tn__pw_splat(const tn__pw_plan *w, char *v, const void *from, tn_dtype dt) {
    double lane;
    if (TN__UNLIKELY(dt != tn__lane_dtype[w->lane])) {
        tn__lane_load[dt][w->lane](1, &lane, from, 0);
        from = &lane;
    }
    w->splat(v, from);
}
/* One kernel call over n elements, operands contiguous lanes (or one lane that is repeated: still). roomy: a whole vector may
   be written where out's last elements are. */
static void tn__pw_lanes(const tn__pw_plan *w, int64_t n, void *out, const void *const *in, unsigned still, bool roomy) {
    const int64_t whole = n >> w->width_log2, done = whole << w->width_log2, tail = n - done;
    char pad[4][TN__VECTOR_MAX] __attribute__((aligned(64)));
    const void *at[3];
    if (whole) w->fn((size_t)whole, out, in, still, w->p);
    if (!tail) return;
    for (int k = 0; k < w->n_in; k++) { /* the tail runs in a vector of its own; its spare lanes repeat the first */
        at[k] = in[k];
        if (still >> k & 1u) continue;
        const char *from = (const char *)in[k] + (size_t)done * w->lane_size;
        w->splat(pad[k], from);
        if (tail > 1) memcpy(pad[k], from, (size_t)tail * w->lane_size);
        at[k] = pad[k];
    }
    char *to = (char *)out + (size_t)done * w->out_size;
    w->fn(1, roomy ? to : pad[3], at, still, w->p);
    if (!roomy) memcpy(to, pad[3], (size_t)tail * w->out_size);
}
static void tn__pw_run(void *arg, char *const *ptr, const tn__iter *it, int64_t count) { /* operand 0 is the output */
    const tn__pw_plan *w = (const tn__pw_plan *)arg;
    const int inner = it->ndim - 1;
    char splat[3][TN__VECTOR_MAX] __attribute__((aligned(64)));
    double block[4][TN__BLOCK];
    const void *in[3] = {NULL, NULL, NULL};
    unsigned still = 0, gathered = 0;
    for (int k = 0; k < w->n_in; k++) {
        const int64_t step = it->strides[k + 1][inner];
        if (step == 0 || count == 1) { /* one value for the whole run */
            tn__pw_splat(w, splat[k], ptr[k + 1], w->in_dtype[k]);
            still |= 1u << k;
            in[k] = splat[k];
        } else if (w->in_dtype[k] != tn__lane_dtype[w->lane] || step != (int64_t)w->lane_size)
            gathered |= 1u << k;
    }
    const int64_t out_step = it->strides[0][inner];
    const bool out_direct = (count == 1 || out_step == (int64_t)w->out_size) && (w->to_bool ? w->out_dtype == TN_BOOL : w->out_dtype == tn__lane_dtype[w->lane]);
    const int64_t piece = gathered || !out_direct ? TN__BLOCK : count;
    for (int64_t i = 0; i < count; i += piece) {
        const int64_t n = TN__MIN(piece, count - i);
        for (int k = 0; k < w->n_in; k++) {
            if (still >> k & 1u) continue;
            const int64_t step = it->strides[k + 1][inner];
            in[k] = ptr[k + 1] + i * step;
            if (!(gathered >> k & 1u)) continue;
            tn__lane_load[w->in_dtype[k]][w->lane]((size_t)n, block[k], in[k], (ptrdiff_t)step);
            in[k] = block[k];
        }
        char *out = ptr[0] + i * out_step;
        tn__pw_lanes(w, n, out_direct ? (void *)out : (void *)block[3], in, still, !out_direct);
        if (out_direct) continue;
        if (!w->to_bool) tn__lane_store[w->out_dtype][w->lane]((size_t)n, out, (ptrdiff_t)out_step, block[3]);
        else if (w->out_dtype == TN_BOOL || w->out_dtype == TN_U8)
            for (int64_t j = 0; j < n; j++) out[j * out_step] = ((const char *)block[3])[j];
        else
            for (int64_t j = 0; j < n; j++) tn__set_i64(w->out_dtype, out + j * out_step, ((const char *)block[3])[j]);
    }
}

/* The dtype that a row computes in and the one that it gives. */
static bool tn__pw_dtypes(tn__call *c, tn_dtype *compute, tn_dtype *result) {
    const tn__row *row = &tn__rows[c->op];
    tn_dtype dt = row->rule == TN__R_WHERE ? tn__result_type(c->in + 1, 2) : tn__result_type(c->in, c->n_in);
    if (tn__is_complex(dt)) return tn__op_fail(c, TN_ERR_DTYPE, "%s is not supported", tn_dtype_name(dt));
    *result = dt;
    switch (row->rule) {
    case TN__R_FLOAT: *result = dt = tn__is_float(dt) ? dt : tn__default_dtype(); break;
    case TN__R_COMPARE:
    case TN__R_BOOL: *result = TN_BOOL; break;
    case TN__R_BITS:
        if (tn__is_float(dt)) return tn__op_fail(c, TN_ERR_DTYPE, "integers or bool are wanted, got %s", tn_dtype_name(dt));
        break;
    case TN__R_ARITH:
        if (dt == TN_BOOL) return tn__op_fail(c, TN_ERR_DTYPE, "bool has no subtraction or negation; use tn_logical_not or tn_logical_xor");
        break;
    case TN__R_WHERE:
        if (tn__dt(c->in[0]) != TN_BOOL && tn__dt(c->in[0]) != TN_U8) return tn__op_fail(c, TN_ERR_DTYPE, "the condition has to be bool, got %s", tn_dtype_name(tn__dt(c->in[0])));
        break;
    default: break;
    }
    *compute = dt;
    return true;
}
static bool tn__infer_pointwise(tn__call *c) {
    tn_dtype compute, result;
    int64_t shape[TN_MAX_DIMS];
    int ndim = 0;
    if (!tn__pw_dtypes(c, &compute, &result)) return false;
    if (!tn__broadcast(c, c->in, c->n_in, shape, &ndim)) return false;
    if (!c->in_place) return (c->out[0] = tn__new_like_inputs(result, c->in, c->n_in, shape, ndim)) != NULL;
    tn_tensor *x = c->out[0];
    if (!tn__writable(c, x)) return false;
    if (ndim != x->ndim || memcmp(shape, x->shape, (size_t)ndim * sizeof *shape) != 0)
        return tn__op_fail(c, TN_ERR_SHAPE, "the result %s does not fit into %s in place", tn__sizes_text(shape, ndim), TN__SHAPE_TEXT(x));
    if (tn__dtypes[result].category > tn__dtypes[tn__dt(x)].category)
        return tn__op_fail(c, TN_ERR_DTYPE, "the result is %s, which %s cannot take in place", tn_dtype_name(result), tn_dtype_name(tn__dt(x)));
    return true;
}
/* bool computes as bits: add is or, mul is and. */
static int tn__pw_bool_op(int op) {
    switch (op) {
    case TN__OP_add:
    case TN__OP_maximum: return TN__OP_logical_or;
    case TN__OP_mul:
    case TN__OP_minimum: return TN__OP_logical_and;
    case TN__OP_bitwise_not: return TN__OP_logical_not;
    default: return op;
    }
}
static bool tn__pw_divisors(tn__call *c, tn_dtype dt) { /* integer division by zero is an error, before anything is written */
    if (!tn__is_int(dt) || (c->op != TN__OP_div_floor && c->op != TN__OP_div_trunc && c->op != TN__OP_remainder && c->op != TN__OP_fmod)) return true;
    const tn_tensor *y = tn__host(c->in[1]);
    int64_t index[TN_MAX_DIMS] = {0, 0, 0, 0, 0, 0, 0, 0};
    if (!y) return false;
    for (int64_t i = 0; i < y->numel; i++) {
        int64_t at = 0;
        for (int d = 0; d < y->ndim; d++) at += index[d] * y->strides[d];
        if (tn__get_i64(tn__dt(y), y->data + at * (int64_t)tn__dsize(tn__dt(y))) == 0) return tn__op_fail(c, TN_ERR_INVALID, "integer division by zero");
        for (int d = y->ndim - 1; d >= 0 && ++index[d] == y->shape[d]; d--) index[d] = 0;
    }
    return true;
}
/* A row's kernel in a lane type and what follows from it; false where there is none. */
static bool tn__pw_plan_of(tn__pw_plan *w, int op, int lane) {
    const tn__kernels *set = tn__kernels_for(lane);
    w->fn = set->pointwise(op);
    if (!w->fn) {
        set = tn__kernel_sets[TN__ISA_BASE][lane];
        w->fn = set->pointwise(op);
    }
    if (!w->fn) return false;
    w->splat = set->splat;
    w->p = tn__pw_zeros;
    w->lane = lane;
    w->lane_size = tn__lane_size[lane];
    w->width_log2 = __builtin_ctz((unsigned)set->bytes) - (w->lane_size == 8 ? 3 : 2);
    w->to_bool = tn__rows[op].rule == TN__R_COMPARE || tn__rows[op].rule == TN__R_BOOL;
    w->out_size = w->to_bool ? 1 : w->lane_size;
    return true;
}
static bool tn__kernel_pointwise(tn__call *c) {
    const tn__attr_num *a = (const tn__attr_num *)c->attr;
    tn__pw_plan w;
    tn_dtype compute, result;
    tn_tensor *t[4];
    tn__iter it;
    if (!tn__pw_dtypes(c, &compute, &result) || !tn__pw_divisors(c, compute)) return false;
    if (!tn__pw_plan_of(&w, compute == TN_BOOL ? tn__pw_bool_op(c->op) : c->op, tn__lane_of(compute)))
        return tn__op_fail(c, TN_ERR_DTYPE, "%s is not supported", tn_dtype_name(compute));
    w.n_in = c->n_in;
    w.out_dtype = tn__dt(c->out[0]);
    if (a) w.p = a->v;
    t[0] = c->out[0];
    for (int k = 0; k < c->n_in; k++) {
        t[k + 1] = c->in[k];
        if (c->in_place && tn__overlaps(c->out[0], c->in[k]) && !(t[k + 1] = tn__dense(tn__op1(TN__OP_clone, c->in[k], NULL)))) return false;
        w.in_dtype[k] = tn__dt(t[k + 1]);
    }
    tn__iter_make(&it, t, c->n_in + 1, c->out[0]->shape, c->out[0]->ndim, false);
    tn__iter_each(&it, tn__pw_run, &w);
    return true;
}

/* -- the short way. Most calls have operands of one float dtype and one shape, in order, or numbers beside such. They need no
   promotion, broadcasting or strides, and where they are small the op's own cost is what a program waits for. -- */
/* Whether y is a number beside x: it changes neither dtype nor shape. */
TN__HOT bool tn__pw_number(const tn_tensor *y, const tn_tensor *x) {
    return y->ndim == 0 && (x->ndim > 0 || (y->flags & ~x->flags & TN__WRAPPED)) && y->dtype != TN_C64 && y->dtype != TN_C128;
}
TN__HOT bool tn__pw_alike(const tn_tensor *y, const tn_tensor *x) {
    if (y->dtype != x->dtype || y->ndim != x->ndim || !y->contiguous) return false;
    for (int d = 0; d < x->ndim; d++)
        if (y->shape[d] != x->shape[d]) return false;
    return x->ndim > 0 || !((x->flags | y->flags) & TN__WRAPPED);
}
/* An operand that is no number, or NULL where the call takes the long way. */
TN__HOT const tn_tensor *tn__pw_plain(const tn__call *c, int rule) {
    const tn_tensor *x = c->in[0];
    for (int k = 1; k < c->n_in && tn__pw_number(x, c->in[k]); k++) x = c->in[k];
    if (!x->contiguous || (x->dtype != TN_F32 && x->dtype != TN_F64) || rule == TN__R_BITS || rule == TN__R_WHERE || x->numel > TN__GRAIN || x->numel == 0) return NULL;
    if (c->in_place && (x != c->in[0] || rule == TN__R_COMPARE || rule == TN__R_BOOL)) return NULL;
    for (int k = 0; k < c->n_in; k++) {
        const tn_tensor *y = c->in[k];
        if (y == x) continue;
        if (!tn__pw_alike(y, x) && !tn__pw_number(y, x)) return NULL;
        if (c->in_place && y->storage == x->storage) return NULL;
    }
    return x;
}
static int tn__pw_quick(tn__call *c) {
    const int rule = tn__rows[c->op].rule;
    const tn_tensor *x = tn__pw_plain(c, rule);
    const tn__attr_num *a = (const tn__attr_num *)c->attr;
    char splat[3][TN__VECTOR_MAX] __attribute__((aligned(64)));
    const void *in[3] = {NULL, NULL, NULL};
    unsigned still = 0;
    tn__pw_plan w;
    if (!x || !tn__pw_plan_of(&w, c->op, x->dtype == TN_F64 ? TN__LANE_F64 : TN__LANE_F32)) return 0;
    if (!c->in_place && !(c->out[0] = tn__new_of(w.to_bool ? TN_BOOL : tn__dt(x), x->shape, x->ndim, x->numel))) return -1;
    w.n_in = c->n_in;
    if (a) w.p = a->v;
    for (int k = 0; k < c->n_in; k++) {
        const tn_tensor *y = c->in[k];
        in[k] = y->data;
        if (y->numel != 1) continue;
        tn__pw_splat(&w, splat[k], y->data, tn__dt(y));
        still |= 1u << k;
        in[k] = splat[k];
    }
    tn__pw_lanes(&w, x->numel, c->out[0]->data, in, still, !c->in_place); /* storage of our own has room for a vector past its end */
    return 1;
}
/* -- public ops -- */
#define TN__PUBLIC1(op)                                                                                                \
    TN_API tn_tensor *tn_##op(tn_tensor *x) { return tn__op1(TN__OP_##op, x, NULL); }
#define TN__PUBLIC1_(op)                                                                                               \
    TN_API tn_tensor *tn_##op##_(tn_tensor *x) { return tn__op_(TN__OP_##op, &x, 1, NULL); }
#define TN__PUBLIC2(op)                                                                                                \
    TN_API tn_tensor *(tn_##op)(tn_tensor *x, tn_tensor *y) { return tn__op2(TN__OP_##op, x, y, NULL); }
#define TN__PUBLIC2_(op)                                                                                               \
    TN_API tn_tensor *(tn_##op##_)(tn_tensor *x, tn_tensor *y) {                                                       \
        tn_tensor *in[2] = {x, y};                                                                                     \
        return tn__op_(TN__OP_##op, in, 2, NULL);                                                                      \
    }
TN_API tn_tensor *tn_square(tn_tensor *x) { return tn__op1(TN__OP_square, x && tn__dt(x) == TN_BOOL ? tn_to_dtype(x, TN_I64) : x, NULL); }
TN__PUBLIC1(neg) TN__PUBLIC1(abs) TN__PUBLIC1(sign) TN__PUBLIC1(sqrt) TN__PUBLIC1(rsqrt) TN__PUBLIC1(reciprocal)
TN__PUBLIC1(exp) TN__PUBLIC1(expm1) TN__PUBLIC1(log) TN__PUBLIC1(log1p) TN__PUBLIC1(log2) TN__PUBLIC1(sin) TN__PUBLIC1(cos)
TN__PUBLIC1(tan) TN__PUBLIC1(tanh) TN__PUBLIC1(sigmoid) TN__PUBLIC1(erf) TN__PUBLIC1(floor) TN__PUBLIC1(ceil) TN__PUBLIC1(trunc)
TN__PUBLIC1(round) TN__PUBLIC1(logical_not) TN__PUBLIC1(bitwise_not) TN__PUBLIC1(relu) TN__PUBLIC1(silu)
TN__PUBLIC1(mish) TN__PUBLIC1(hardswish) TN__PUBLIC1(hardsigmoid) TN__PUBLIC1(logsigmoid)
TN__PUBLIC1_(neg) TN__PUBLIC1_(exp) TN__PUBLIC1_(sqrt) TN__PUBLIC1_(relu) TN__PUBLIC1_(sigmoid) TN__PUBLIC1_(tanh)
TN__PUBLIC2(add) TN__PUBLIC2(sub) TN__PUBLIC2(mul) TN__PUBLIC2(div) TN__PUBLIC2(pow) TN__PUBLIC2(remainder) TN__PUBLIC2(fmod)
TN__PUBLIC2(atan2) TN__PUBLIC2(maximum) TN__PUBLIC2(minimum) TN__PUBLIC2(eq) TN__PUBLIC2(ne) TN__PUBLIC2(lt) TN__PUBLIC2(le)
TN__PUBLIC2(gt) TN__PUBLIC2(ge) TN__PUBLIC2(logical_and) TN__PUBLIC2(logical_or) TN__PUBLIC2(logical_xor) TN__PUBLIC2(bitwise_and)
TN__PUBLIC2(bitwise_or) TN__PUBLIC2(bitwise_xor)
TN__PUBLIC2_(add) TN__PUBLIC2_(sub) TN__PUBLIC2_(mul) TN__PUBLIC2_(div) TN__PUBLIC2_(pow)
/* Integers are never NaN or infinite, and there is no kernel that would say so. */
static tn_tensor *tn__classify(int op, tn_tensor *x, bool integers) {
    if (!x || tn__is_float(tn__dt(x)) || tn__is_complex(tn__dt(x))) return tn__op1(op, x, NULL);
    TN__MAKE_ON(x->storage->device);
    return tn__filled(tn__new(TN_BOOL, x->shape, x->ndim), integers);
}
TN_API tn_tensor *tn_isnan(tn_tensor *x) { return tn__classify(TN__OP_isnan, x, false); }
TN_API tn_tensor *tn_isinf(tn_tensor *x) { return tn__classify(TN__OP_isinf, x, false); }
TN_API tn_tensor *tn_isfinite(tn_tensor *x) { return tn__classify(TN__OP_isfinite, x, true); }
TN__NOINLINE static tn_tensor *tn__numbered(int op, tn_tensor **in, int n, double a, double b, bool in_place) {
    TN__ATTR(tn__attr_num, attr);
    attr.v[0] = a;
    attr.v[1] = b;
    return in_place ? tn__op_(op, in, n, &attr) : tn__opn(op, in, n, &attr);
}
TN_API tn_tensor *tn_round_decimals(tn_tensor *x, int decimals) {
    if (x && tn__is_int(tn__dt(x))) return tn_round(x);
    return tn__numbered(TN__OP_round_decimals, &x, 1, pow(10, decimals < 0 ? -decimals : decimals), decimals < 0, false);
}
TN_API tn_tensor *tn_add_alpha(tn_tensor *x, tn_tensor *y, double alpha) {
    tn_tensor *in[2] = {x, y};
    return tn__numbered(TN__OP_add_alpha, in, 2, alpha, 0, false);
}
TN_API tn_tensor *tn_sub_alpha(tn_tensor *x, tn_tensor *y, double alpha) { return tn_add_alpha(x, y, -alpha); }
TN_API tn_tensor *tn_add_alpha_(tn_tensor *x, tn_tensor *y, double alpha) {
    tn_tensor *in[2] = {x, y};
    return tn__numbered(TN__OP_add_alpha, in, 2, alpha, 0, true);
}
TN_API tn_tensor *tn_div_rounded(tn_tensor *x, tn_tensor *y, tn_rounding mode) {
    switch (mode) {
    case TN_ROUND_NONE: return (tn_div)(x, y);
    case TN_ROUND_TRUNC: return tn__op2(TN__OP_div_trunc, x, y, NULL);
    case TN_ROUND_FLOOR: return tn__op2(TN__OP_div_floor, x, y, NULL);
    default: return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_div_rounded: %d is no rounding mode", (int)mode);
    }
}
TN_API tn_tensor *(tn_floor_divide)(tn_tensor *x, tn_tensor *y) { return tn_div_rounded(x, y, TN_ROUND_FLOOR); }
static tn_tensor *tn__clamped(tn_tensor *x, tn_tensor *lo, tn_tensor *hi, bool in_place) {
    tn_tensor *in[3] = {x, lo ? lo : hi, hi};
    if (!lo && !hi) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_clamp: min and max are both absent");
    const int op = lo && hi ? TN__OP_clamp : lo ? TN__OP_clamp_min : TN__OP_clamp_max;
    return tn__numbered(op, in, lo && hi ? 3 : 2, 0, 0, in_place);
}
/* Bounded below by a number. (NULL among numbers would be one in C++.) */
static tn_tensor *tn__at_least(tn_tensor *x, double v) { return tn__clamped(x, tn_arg_f(v), NULL, false); }
TN_API tn_tensor *(tn_clamp)(tn_tensor *x, tn_tensor *lo, tn_tensor *hi) { return tn__clamped(x, lo, hi, false); }
TN_API tn_tensor *(tn_clamp_)(tn_tensor *x, tn_tensor *lo, tn_tensor *hi) { return tn__clamped(x, lo, hi, true); }
TN_API tn_tensor *(tn_where)(tn_tensor *condition, tn_tensor *x, tn_tensor *y) { return tn__op3(TN__OP_where, condition, x, y, NULL); }
TN_API tn_tensor *(tn_lerp)(tn_tensor *start, tn_tensor *end, tn_tensor *weight) { return tn__op3(TN__OP_lerp, start, end, weight, NULL); }
TN_API tn_tensor *(tn_lerp_)(tn_tensor *x, tn_tensor *end, tn_tensor *weight) {
    tn_tensor *in[3] = {x, end, weight};
    return tn__op_(TN__OP_lerp, in, 3, NULL);
}
TN_API tn_tensor *tn_addcmul(tn_tensor *x, tn_tensor *a, tn_tensor *b, double value) {
    tn_tensor *in[3] = {x, a, b};
    return tn__numbered(TN__OP_addcmul, in, 3, value, 0, false);
}
TN_API tn_tensor *tn_addcmul_(tn_tensor *x, tn_tensor *a, tn_tensor *b, double value) {
    tn_tensor *in[3] = {x, a, b};
    return tn__numbered(TN__OP_addcmul, in, 3, value, 0, true);
}
TN_API tn_tensor *tn_addcdiv(tn_tensor *x, tn_tensor *a, tn_tensor *b, double value) {
    tn_tensor *in[3] = {x, a, b};
    return tn__numbered(TN__OP_addcdiv, in, 3, value, 0, false);
}
TN_API tn_tensor *tn_addcdiv_(tn_tensor *x, tn_tensor *a, tn_tensor *b, double value) {
    tn_tensor *in[3] = {x, a, b};
    return tn__numbered(TN__OP_addcdiv, in, 3, value, 0, true);
}
/* masked_fill is where(mask, value, x) in x's dtype. */
static tn_tensor *tn__fill_value(tn_tensor *x, tn_tensor *value) {
    if (!x || !value) return (tn_tensor *)(tn__fail_null("tn_masked_fill: operand"), NULL);
    if (value->ndim) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "tn_masked_fill: the value has to be a number or 0-d, got %s", TN__SHAPE_TEXT(value));
    const bool number = (value->flags & TN__WRAPPED) != 0 && tn__is_int(tn__dt(x)) && tn__is_int(tn__dt(value)); /* 1 into bool: true */
    if (!number && tn__dtypes[tn__dt(value)].category > tn__dtypes[tn__dt(x)].category)
        return (tn_tensor *)TN__FAIL_NULL(TN_ERR_DTYPE, "tn_masked_fill: a %s value does not fit into %s", tn_dtype_name(tn__dt(value)), tn_dtype_name(tn__dt(x)));
    return tn__dt(value) == tn__dt(x) && !(value->flags & TN__WRAPPED) ? value : tn_to_dtype(value, tn__dt(x));
}
static bool tn__infer_masked_fill(tn__call *c) { return (c->out[0] = (tn_where)(c->in[1], tn__fill_value(c->in[0], c->in[2]), c->in[0])) != NULL; }
TN_API tn_tensor *(tn_masked_fill)(tn_tensor *x, tn_tensor *mask, tn_tensor *value) { return tn__op3(TN__OP_masked_fill, x, mask, value, NULL); }
TN_API tn_tensor *(tn_masked_fill_)(tn_tensor *x, tn_tensor *mask, tn_tensor *value) { return tn_copy_(x, (tn_masked_fill)(x, mask, value)); }

TN_API tn_tensor *tn_hardtanh(tn_tensor *x, double min_val, double max_val) {
    if (x && tn__is_int(tn__dt(x)) && tn__dt(x) != TN_BOOL) return (tn_clamp)(x, tn_arg_i((int64_t)min_val), tn_arg_i((int64_t)max_val));
    return tn__numbered(TN__OP_hardtanh, &x, 1, min_val, max_val, false);
}
TN_API tn_tensor *tn_relu6(tn_tensor *x) { return tn_hardtanh(x, 0, 6); }
TN_API tn_tensor *tn_leaky_relu(tn_tensor *x, double negative_slope) { return tn__numbered(TN__OP_leaky_relu, &x, 1, negative_slope, 0, false); }
TN_API tn_tensor *tn_elu(tn_tensor *x, double alpha) { return tn__numbered(TN__OP_elu, &x, 1, alpha, 1, false); }
#define TN__SELU_ALPHA 1.6732632423543772848170429916717
#define TN__SELU_SCALE 1.0507009873554804934193349852946
TN_API tn_tensor *tn_selu(tn_tensor *x) { return tn__numbered(TN__OP_elu, &x, 1, TN__SELU_ALPHA * TN__SELU_SCALE, TN__SELU_SCALE, false); }
TN_API tn_tensor *tn_gelu(tn_tensor *x, tn_gelu_mode approximate) { return tn__op1(approximate == TN_GELU_TANH ? TN__OP_gelu_tanh : TN__OP_gelu, x, NULL); }
TN_API tn_tensor *tn_softplus(tn_tensor *x, double beta, double threshold) { return tn__numbered(TN__OP_softplus, &x, 1, beta, threshold, false); }
static bool tn__infer_prelu(tn__call *c) {
    tn_tensor *x = c->in[0], *w = c->in[1];
    int64_t shape[TN_MAX_DIMS];
    const int64_t channels = x->ndim > 1 ? x->shape[1] : 1;
    if (w->ndim > 1) return tn__op_fail(c, TN_ERR_SHAPE, "the weight has to be 0-d or 1-d, got %s", TN__SHAPE_TEXT(w));
    if (w->numel != 1 && w->numel != channels) return tn__op_fail(c, TN_ERR_SHAPE, "%lld weights for %lld channels of %s", (long long)w->numel, (long long)channels, TN__SHAPE_TEXT(x));
    for (int d = 0; d < x->ndim; d++) shape[d] = 1;
    if (x->ndim > 1) shape[1] = w->numel;
    return (c->out[0] = tn__op2(TN__OP_prelu_elementwise, x, tn_reshape(w, shape, x->ndim), NULL)) != NULL;
}
TN_API tn_tensor *tn_prelu(tn_tensor *x, tn_tensor *weight) { return tn__op2(TN__OP_prelu, x, weight, NULL); }
static bool tn__infer_glu(tn__call *c) {
    tn_tensor *x = c->in[0];
    const int dim = tn__wrap_dim("tn_glu", ((const tn__attr_dim *)c->attr)->dim, x->ndim);
    if (dim < 0) return false;
    if (x->ndim == 0 || x->shape[dim] % 2) return tn__op_fail(c, TN_ERR_SHAPE, "the size of dim %d has to be even in %s", dim, TN__SHAPE_TEXT(x));
    const int64_t half = x->shape[dim] / 2;
    return (c->out[0] = (tn_mul)(tn_narrow(x, dim, 0, half), tn_sigmoid(tn_narrow(x, dim, half, half)))) != NULL;
}
TN_API tn_tensor *tn_glu(tn_tensor *x, int dim) {
    TN__ATTR(tn__attr_dim, a);
    a.dim = dim;
    return tn__op1(TN__OP_glu, x, &a);
}
/* The mask is drawn as PyTorch draws it: keep with 1 - p, scaled by 1 / (1 - p). attr v[0] is p; flags 1: by channel. */
static bool tn__infer_dropout(tn__call *c) {
    const tn__attr_num *a = (const tn__attr_num *)c->attr;
    tn_tensor *x = c->in[0];
    int64_t shape[TN_MAX_DIMS];
    const double p = a->v[0];
    if (!(p >= 0 && p <= 1)) return tn__op_fail(c, TN_ERR_INVALID, "a probability of %g", p);
    if (!tn__is_float(tn__dt(x))) return tn__op_fail(c, TN_ERR_DTYPE, "a floating dtype is wanted, got %s", tn_dtype_name(tn__dt(x)));
    if (p == 0 || x->numel == 0) return (c->out[0] = x) != NULL;
    if (p == 1) return (c->out[0] = tn_mul(x, tn_zeros_like(x, NULL))) != NULL;
    for (int d = 0; d < x->ndim; d++) shape[d] = a->flags && d >= 2 ? 1 : x->shape[d];
    const tn_tensor_opts o = {tn__dt(x), {0, 0}, false, NULL};
    tn_tensor *mask = tn_bernoulli_(a->flags ? tn_empty(shape, x->ndim, &o) : tn_empty_like(x, NULL), 1 - p, NULL);
    return (c->out[0] = (tn_mul)(x, tn_div_(mask, 1 - p))) != NULL;
}
static tn_tensor *tn__dropped(tn_tensor *x, double p, bool training, bool channels) {
    TN__ATTR(tn__attr_num, a);
    if (!training) return x;
    a.v[0] = p;
    a.flags = channels;
    return tn__op1(TN__OP_dropout, x, &a);
}
TN_API tn_tensor *tn_dropout(tn_tensor *x, double p, bool training) { return tn__dropped(x, p, training, false); }
TN_API tn_tensor *tn_dropout2d(tn_tensor *x, double p, bool training) {
    if (x && x->ndim < 2) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "tn_dropout2d: [N, C, ...] is wanted, got %s", TN__SHAPE_TEXT(x));
    return tn__dropped(x, p, training, true);
}

/* -- a chain as one op. Blocks of the inputs go through the steps' kernels; what is between lies on the stack -- */
#define TN__FUSED_IN 8
#define TN__FUSED_STEPS 16
#define TN__FUSED_BYTES 4096 /* of a block: 1024 lanes of f32, so that a chain's blocks stay in the first cache */
typedef struct { int32_t id, a[3]; double p[2]; } tn__fused_line;
typedef struct { uint32_t size; int32_t n; tn__fused_line step[TN__FUSED_STEPS]; } tn__attr_fused;
typedef struct tn__fused_plan {
    int n_in, n, lane;
    tn_dtype in_dtype[TN__FUSED_IN], out_dtype;
    tn__pw_plan step[TN__FUSED_STEPS];
    const tn__fused_line *line;
    int slot[TN__FUSED_STEPS];           /* the block of a step's result; -1: nothing needs it */
} tn__fused_plan;
typedef struct tn__fused_room {
    char slot[TN__FUSED_STEPS][TN__FUSED_BYTES], in[TN__FUSED_IN][TN__FUSED_BYTES], splat[TN__FUSED_IN][TN__VECTOR_MAX], truth[TN__FUSED_BYTES];
    const void *at[TN__FUSED_IN];        /* the inputs' lanes of this block */
    unsigned still, gathered;            /* inputs of one value; inputs that go through in */
} tn__fused_room;

static int tn__pw_row(int id) { /* ids of the section ascend, almost without gaps */
    int row = TN__OP_neg + id - tn__rows[TN__OP_neg].id;
    while (row > TN__OP_neg && tn__rows[row].id > id) row--;
    return row;
}
static bool tn__pw_numbered(int op) { /* the row reads P(0) */
    switch (op) {
    case TN__OP_round_decimals:
    case TN__OP_add_alpha:
    case TN__OP_addcmul:
    case TN__OP_addcdiv:
    case TN__OP_leaky_relu:
    case TN__OP_elu:
    case TN__OP_softplus:
    case TN__OP_hardtanh: return true;
    default: return false;
    }
}
/* From the last step back: a result's block is free before its step, so a step may write over its own operand. */
static void tn__fused_slots(tn__fused_plan *f) {
    unsigned taken = 1;
    for (int k = 0; k < f->n; k++) f->slot[k] = k == f->n - 1 ? 0 : -1;
    for (int k = f->n - 1; k >= 0; k--) {
        if (f->slot[k] < 0) continue;
        taken &= ~(1u << f->slot[k]);
        for (int i = 0; i < f->step[k].n_in; i++) {
            const int from = f->line[k].a[i] - f->n_in;
            if (from < 0 || f->slot[from] >= 0) continue;
            f->slot[from] = __builtin_ctz(~taken);
            taken |= 1u << f->slot[from];
        }
    }
}
static void tn__fused_begin(const tn__fused_plan *f, tn__fused_room *r, char *const *ptr, const tn__iter *it, int64_t count) {
    const size_t size = tn__lane_size[f->lane];
    r->still = r->gathered = 0;
    for (int k = 0; k < f->n_in; k++) {
        const int64_t step = it->strides[k + 1][it->ndim - 1];
        if (step == 0 || count == 1) {
            tn__lane_load[f->in_dtype[k]][f->lane](1, r->splat[k], ptr[k + 1], 0);
            for (size_t i = size; i < TN__VECTOR_MAX; i += size) memcpy(r->splat[k] + i, r->splat[k], size);
            r->still |= 1u << k;
            r->at[k] = r->splat[k];
        } else if (f->in_dtype[k] != tn__lane_dtype[f->lane] || step != (int64_t)size)
            r->gathered |= 1u << k;
    }
}
static void tn__fused_load(const tn__fused_plan *f, tn__fused_room *r, char *const *ptr, const tn__iter *it, int64_t i, int64_t n) {
    for (int k = 0; k < f->n_in; k++) {
        const int64_t step = it->strides[k + 1][it->ndim - 1];
        if (r->still >> k & 1u) continue;
        r->at[k] = ptr[k + 1] + i * step;
        if (!(r->gathered >> k & 1u)) continue;
        tn__lane_load[f->in_dtype[k]][f->lane]((size_t)n, r->in[k], r->at[k], (ptrdiff_t)step);
        r->at[k] = r->in[k];
    }
}
static void tn__fused_go(const tn__fused_plan *f, tn__fused_room *r, int k, int64_t n, void *out) {
    const tn__pw_plan *w = &f->step[k];
    const void *in[3] = {NULL, NULL, NULL};
    unsigned still = 0;
    for (int i = 0; i < w->n_in; i++) {
        const int from = f->line[k].a[i];
        in[i] = from < f->n_in ? r->at[from] : r->slot[f->slot[from - f->n_in]];
        if (from < f->n_in) still |= (r->still >> from & 1u) << i;
    }
    tn__pw_lanes(w, n, w->to_bool ? (void *)r->truth : out, in, still, false);
    if (w->to_bool) tn__lane_load[TN_BOOL][f->lane]((size_t)n, out, r->truth, 1);
}
static void tn__fused_run(void *arg, char *const *ptr, const tn__iter *it, int64_t count) { /* operand 0 is the output */
    const tn__fused_plan *f = (const tn__fused_plan *)arg;
    const int64_t size = tn__lane_size[f->lane], out_step = it->strides[0][it->ndim - 1], piece = TN__FUSED_BYTES / size;
    const bool direct = f->out_dtype == tn__lane_dtype[f->lane] && (count == 1 || out_step == size);
    tn__fused_room r __attribute__((aligned(64)));
    tn__fused_begin(f, &r, ptr, it, count);
    for (int64_t i = 0; i < count; i += piece) {
        const int64_t n = TN__MIN(piece, count - i);
        char *out = ptr[0] + i * out_step;
        tn__fused_load(f, &r, ptr, it, i, n);
        for (int k = 0; k < f->n; k++)
            if (f->slot[k] >= 0) tn__fused_go(f, &r, k, n, k == f->n - 1 && direct ? out : r.slot[f->slot[k]]);
        if (!direct) tn__lane_store[f->out_dtype][f->lane]((size_t)n, out, (ptrdiff_t)out_step, r.slot[f->slot[f->n - 1]]);
    }
}
static bool tn__infer_fused_pointwise(tn__call *c) {
    int64_t shape[TN_MAX_DIMS];
    int ndim = 0;
    for (int i = 0; i < c->n_in; i++) {
        if (!c->in[i]) return tn__op_fail(c, TN_ERR_INVALID, "operand %d is NULL", i + 1);
        const tn_dtype dt = tn__dt(c->in[i]);
        if (!tn__is_float(dt) && (tn__is_complex(dt) || !(c->in[i]->flags & TN__WRAPPED)))
            return tn__op_fail(c, TN_ERR_DTYPE, "operand %d is %s: floating operands or numbers are wanted", i + 1, tn_dtype_name(dt));
    }
    const tn_dtype dt = tn__result_type(c->in, c->n_in);
    if (!tn__broadcast(c, c->in, c->n_in, shape, &ndim)) return false;
    return (c->out[0] = tn__new_like_inputs(tn__is_float(dt) ? dt : tn__default_dtype(), c->in, c->n_in, shape, ndim)) != NULL;
}
static bool tn__kernel_fused_pointwise(tn__call *c) {
    const tn__attr_fused *a = (const tn__attr_fused *)c->attr;
    tn__fused_plan f;
    tn_tensor *t[TN__FUSED_IN + 1];
    tn__iter it;
    f.n_in = c->n_in;
    f.n = a->n;
    f.line = a->step;
    f.out_dtype = tn__dt(t[0] = c->out[0]);
    f.lane = tn__lane_of(f.out_dtype);
    for (int i = 0; i < c->n_in; i++) f.in_dtype[i] = tn__dt(t[i + 1] = c->in[i]);
    for (int k = 0; k < f.n; k++) {
        const int op = tn__pw_row(a->step[k].id);
        if (!tn__pw_plan_of(&f.step[k], op, f.lane)) return tn__op_fail(c, TN_ERR_DTYPE, "step %d (%s): no kernel", k, tn_op_name(op));
        f.step[k].n_in = tn__rows[op].min_in;
        f.step[k].p = a->step[k].p;
    }
    tn__fused_slots(&f);
    tn__iter_make(&it, t, c->n_in + 1, c->out[0]->shape, c->out[0]->ndim, false);
    tn__iter_each(&it, tn__fused_run, &f);
    return true;
}
/* Step k as it stands in the record: by id, without what its row does not read. */
static bool tn__fused_step_ok(tn__fused_line *to, const tn_fused_step *s, int k, int n) {
    const int from[3] = {s->a, s->b, s->c};
    const bool there = s->op >= 0 && s->op < TN__OP_COUNT;
    tn__pw_plan w;
    if (!there || tn__rows[s->op].infer != tn__infer_pointwise || !tn__pw_plan_of(&w, s->op, TN__LANE_F32))
        return tn__fail(TN_ERR_INVALID, "tn_fused_pointwise: step %d (%s): row %d is no pointwise op that floats have", k, there ? tn_op_name(s->op) : "?", s->op);
    to->id = tn__rows[s->op].id;
    for (int i = 0; i < tn__rows[s->op].min_in; i++) {
        if (from[i] < 0 || from[i] >= n + k)
            return tn__fail(TN_ERR_INVALID, "tn_fused_pointwise: step %d (%s): operand %c is %d; %d inputs and %d steps come before", k, tn_op_name(s->op), "abc"[i], from[i], n, k);
        to->a[i] = from[i];
    }
    if (tn__pw_numbered(s->op)) memcpy(to->p, s->p, sizeof to->p);
    return true;
}
TN_API tn_tensor *tn_fused_pointwise(const tn_fused_step *steps, int n_steps, tn_tensor *const *in, int n) {
    TN__ATTR(tn__attr_fused, a);
    if (!steps || !in || n_steps < 1 || n_steps > TN__FUSED_STEPS || n < 1 || n > TN__FUSED_IN)
        return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_fused_pointwise: 1 to %d steps and 1 to %d inputs are wanted, got %d and %d", TN__FUSED_STEPS, TN__FUSED_IN, n_steps, n);
    a.n = n_steps;
    for (int k = 0; k < n_steps; k++)
        if (!tn__fused_step_ok(&a.step[k], &steps[k], k, n)) return NULL;
    return tn__opn(TN__OP_fused_pointwise, (tn_tensor **)(uintptr_t)in, n, &a);
}

/* -- gradients. The engine sums to an operand's shape; composed forms are differentiable again -- */
static bool tn__grad_zero(tn__back *b) {
    for (int i = 0; i < b->n_in; i++)
        if (tn__want(b, i)) b->gx[i] = tn_zeros_like(b->g, NULL);
    return true;
}
#define TN__GRAD1(op, ex)                                                                                              \
    static bool tn__grad_##op(tn__back *b) {                                                                           \
        tn_tensor *g = b->g, *x = b->x[0], *y = b->y[0];                                                               \
        (void)x, (void)y;                                                                                              \
        return (b->gx[0] = (ex)) != NULL;                                                                              \
    }
#define TN__GRAD2(op, ex, ey)                                                                                          \
    static bool tn__grad_##op(tn__back *b) {                                                                           \
        tn_tensor *g = b->g, *x = b->x[0], *y = b->x[1], *r = b->y[0];                                                 \
        (void)x, (void)y, (void)r;                                                                                     \
        return (!tn__want(b, 0) || (b->gx[0] = (ex)) != NULL) && (!tn__want(b, 1) || (b->gx[1] = (ey)) != NULL);        \
    }
TN__GRAD1(neg, tn_neg(g))
TN__GRAD1(abs, tn_mul(g, tn_sign(x)))
TN__GRAD1(square, tn_mul(g, tn_mul(x, 2.0)))
TN__GRAD1(sqrt, tn_div(g, tn_mul(y, 2.0)))
TN__GRAD1(rsqrt, tn_div(tn_mul(tn_mul(g, -0.5), tn_rsqrt(x)), x))
TN__GRAD1(reciprocal, tn_neg(tn_mul(g, tn_square(y))))
TN__GRAD1(exp, tn_mul(g, y))
TN__GRAD1(expm1, tn_mul(g, tn_add(y, 1.0)))
TN__GRAD1(log, tn_div(g, x))
TN__GRAD1(log1p, tn_div(g, tn_add(x, 1.0)))
TN__GRAD1(log2, tn_div(g, tn_mul(x, 0.69314718055994530942)))
TN__GRAD1(sin, tn_mul(g, tn_cos(x)))
TN__GRAD1(cos, tn_neg(tn_mul(g, tn_sin(x))))
TN__GRAD1(tan, tn_mul(g, tn_add(tn_square(y), 1.0)))
TN__GRAD1(erf, tn_mul(g, tn_mul(tn_exp(tn_neg(tn_square(x))), 1.12837916709551257390)))
TN__GRAD1(tanh, tn__recording() ? tn_mul(g, tn_sub(1.0, tn_square(y))) : tn__op2(TN__OP_tanh_backward, g, y, NULL))
TN__GRAD1(sigmoid, tn__recording() ? tn_mul(g, tn_mul(y, tn_sub(1.0, y))) : tn__op2(TN__OP_sigmoid_backward, g, y, NULL))
TN__GRAD1(relu, tn__op2(TN__OP_relu_backward, g, y, NULL))
static bool tn__grad_relu_backward(tn__back *b) {
    if (tn__want(b, 0)) b->gx[0] = tn__op2(TN__OP_relu_backward, b->g, b->x[1], NULL);
    if (tn__want(b, 1)) b->gx[1] = tn_zeros_like(b->g, NULL);
    return (!tn__want(b, 0) || b->gx[0]) && (!tn__want(b, 1) || b->gx[1]);
}
/* d/dx of the fused backward rows, for whoever differentiates them: by their composed forms. */
TN__GRAD2(sigmoid_backward, tn_mul(g, tn_mul(y, tn_sub(1.0, y))), tn_mul(g, tn_mul(x, tn_sub(1.0, tn_mul(y, 2.0)))))
TN__GRAD2(tanh_backward, tn_mul(g, tn_sub(1.0, tn_square(y))), tn_mul(g, tn_mul(x, tn_mul(y, -2.0))))
static tn_tensor *tn__normal_density(tn_tensor *x) { return tn_mul(tn_exp(tn_mul(tn_square(x), -0.5)), 0.39894228040143267794); }
static tn_tensor *tn__gelu_slope(tn_tensor *x) {
    tn_tensor *cdf = tn_mul(tn_add(tn_erf(tn_mul(x, 0.70710678118654752440)), 1.0), 0.5);
    return tn_add(cdf, tn_mul(x, tn__normal_density(x)));
}
static tn_tensor *tn__gelu_tanh_slope(tn_tensor *x) {
    tn_tensor *x2 = tn_square(x), *t = tn_tanh(tn_mul(tn_add(tn_mul(tn_mul(x2, x), 0.044715), x), 0.79788456080286535588));
    tn_tensor *inner = tn_mul(tn_add(tn_mul(x2, 0.134145), 1.0), 0.79788456080286535588);
    return tn_add(tn_mul(tn_add(t, 1.0), 0.5), tn_mul(tn_mul(tn_mul(x, 0.5), tn_sub(1.0, tn_square(t))), inner));
}
static tn_tensor *tn__silu_slope(tn_tensor *x) {
    tn_tensor *s = tn_sigmoid(x);
    return tn_mul(s, tn_add(tn_mul(x, tn_sub(1.0, s)), 1.0));
}
TN__GRAD1(gelu, tn__recording() ? tn_mul(g, tn__gelu_slope(x)) : tn__op2(TN__OP_gelu_backward, g, x, NULL))
TN__GRAD1(gelu_tanh, tn__recording() ? tn_mul(g, tn__gelu_tanh_slope(x)) : tn__op2(TN__OP_gelu_tanh_backward, g, x, NULL))
TN__GRAD1(silu, tn__recording() ? tn_mul(g, tn__silu_slope(x)) : tn__op2(TN__OP_silu_backward, g, x, NULL))
/* The slope rows are only called where nothing is recorded; their own slope in x is not needed by anything. */
static bool tn__grad_slope(tn__back *b, tn_tensor *(*slope)(tn_tensor *)) {
    if (tn__want(b, 1)) return tn__fail(TN_ERR_STATE, "%s: differentiate the composed form", tn__self()->op_name ? tn__self()->op_name : "slope");
    return (b->gx[0] = tn_mul(b->g, slope(b->x[1]))) != NULL;
}
static bool tn__grad_gelu_backward(tn__back *b) { return tn__grad_slope(b, tn__gelu_slope); }
static bool tn__grad_gelu_tanh_backward(tn__back *b) { return tn__grad_slope(b, tn__gelu_tanh_slope); }
static bool tn__grad_silu_backward(tn__back *b) { return tn__grad_slope(b, tn__silu_slope); }
static tn_tensor *tn__mish_slope(tn_tensor *x) {
    tn_tensor *t = tn_tanh(tn_softplus(x, 1, 20)), *s = tn_sigmoid(x);
    return tn_add(t, tn_mul(tn_mul(x, s), tn_sub(1.0, tn_square(t))));
}
TN__GRAD1(mish, tn_mul(g, tn__mish_slope(x)))
TN__NOINLINE static tn_tensor *tn__number_of(const tn__back *b, int i) { return tn_arg_f(((const tn__attr_num *)b->attr)->v[i]); }
TN__GRAD1(softplus, (tn_mul)(g, (tn_where)(tn_gt((tn_mul)(x, tn__number_of(b, 0)), tn__number_of(b, 1)), tn_arg_f(1), tn_sigmoid((tn_mul)(x, tn__number_of(b, 0))))))
TN__GRAD1(hardtanh, tn_where(tn_logical_or(tn_le(x, tn__number_of(b, 0)), tn_ge(x, tn__number_of(b, 1))), 0.0, g))
TN__GRAD1(hardswish, (tn_mul)(g, (tn_where)(tn_lt(x, -3.0), tn_arg_f(0), (tn_where)(tn_le(x, 3.0), tn_add(tn_div(x, 3.0), 0.5), tn_arg_f(1)))))
TN__GRAD1(hardsigmoid, tn_where(tn_logical_and(tn_gt(x, -3.0), tn_lt(x, 3.0)), tn_div(g, 6.0), 0.0))
TN__GRAD1(logsigmoid, tn_mul(g, tn_sigmoid(tn_neg(x))))
TN__GRAD1(leaky_relu, tn_where(tn_gt(x, 0.0), g, (tn_mul)(g, tn__number_of(b, 0))))
TN__GRAD1(elu, (tn_where)(tn_le(x, 0.0), (tn_mul)(g, (tn_mul)(tn_exp(x), tn__number_of(b, 0))), (tn_mul)(g, tn__number_of(b, 1))))
TN__GRAD2(prelu_elementwise, tn_where(tn_gt(x, 0.0), g, tn_mul(g, y)), tn_where(tn_gt(x, 0.0), 0.0, tn_mul(g, x)))
static bool tn__grad_add(tn__back *b) {
    b->gx[0] = b->gx[1] = b->g;
    return true;
}
TN__GRAD2(sub, g, tn_neg(g))
TN__GRAD2(mul, tn_mul(g, y), tn_mul(g, x))
TN__GRAD2(div, tn_div(g, y), tn_neg(tn_div(tn_mul(g, r), y)))
TN__GRAD2(add_alpha, g, (tn_mul)(g, tn__number_of(b, 0)))
/* 0 where the exponent is 0; and where the base is 0 and the exponent is not negative, for the exponent. */
static tn_tensor *tn__less_one(tn_tensor *y) { return y->flags & TN__WRAPPED ? tn_arg_f(tn_item(y) - 1) : tn_sub(y, 1.0); } /* a number keeps its f64 */
TN__GRAD2(pow, tn_where(tn_eq(y, 0.0), 0.0, tn_mul(g, tn_mul(y, tn_pow(x, tn__less_one(y))))),
          tn_mul(g, tn_where(tn_logical_and(tn_eq(x, 0.0), tn_ge(y, 0.0)), 0.0, tn_mul(r, tn_log(x)))))
TN__GRAD2(remainder, g, tn_neg(tn_mul(g, tn_floor_divide(x, y))))
TN__GRAD2(fmod, g, tn_neg(tn_mul(g, tn_div_rounded(x, y, TN_ROUND_TRUNC))))
TN__GRAD2(atan2, tn_mul(g, tn_div(y, tn_add(tn_square(x), tn_square(y)))), tn_mul(g, tn_div(tn_neg(x), tn_add(tn_square(x), tn_square(y)))))
/* Ties share the gradient evenly. */
static tn_tensor *tn__share_ties(tn_tensor *g, tn_tensor *x, tn_tensor *y, tn_tensor *wins) {
    return tn_where(tn_eq(x, y), tn_mul(g, 0.5), tn_where(wins, g, 0.0));
}
TN__GRAD2(maximum, tn__share_ties(g, x, y, tn_gt(x, y)), tn__share_ties(g, x, y, tn_gt(y, x)))
TN__GRAD2(minimum, tn__share_ties(g, x, y, tn_lt(x, y)), tn__share_ties(g, x, y, tn_lt(y, x)))
TN__GRAD2(clamp_min, tn_where(tn_ge(x, y), g, 0.0), tn_where(tn_lt(x, y), g, 0.0))
TN__GRAD2(clamp_max, tn_where(tn_le(x, y), g, 0.0), tn_where(tn_gt(x, y), g, 0.0))
static bool tn__grad_clamp(tn__back *b) {
    tn_tensor *g = b->g, *x = b->x[0], *lo = b->x[1], *hi = b->x[2];
    if (tn__want(b, 0)) b->gx[0] = tn_where(tn_logical_and(tn_ge(x, lo), tn_le(x, hi)), g, 0.0);
    if (tn__want(b, 1)) b->gx[1] = tn_where(tn_logical_and(tn_lt(x, lo), tn_lt(lo, hi)), g, 0.0);
    if (tn__want(b, 2)) b->gx[2] = tn_where(tn_logical_or(tn_gt(x, hi), tn_lt(hi, lo)), g, 0.0);
    return (!tn__want(b, 0) || b->gx[0]) && (!tn__want(b, 1) || b->gx[1]) && (!tn__want(b, 2) || b->gx[2]);
}
static bool tn__grad_where(tn__back *b) {
    if (tn__want(b, 1)) b->gx[1] = tn_where(b->x[0], b->g, 0.0);
    if (tn__want(b, 2)) b->gx[2] = tn_where(b->x[0], 0.0, b->g);
    return (!tn__want(b, 1) || b->gx[1]) && (!tn__want(b, 2) || b->gx[2]);
}
static bool tn__grad_lerp(tn__back *b) {
    if (tn__want(b, 0)) b->gx[0] = tn_mul(b->g, tn_sub(1.0, b->x[2]));
    if (tn__want(b, 1)) b->gx[1] = tn_mul(b->g, b->x[2]);
    if (tn__want(b, 2)) b->gx[2] = tn_mul(b->g, tn_sub(b->x[1], b->x[0]));
    return (!tn__want(b, 0) || b->gx[0]) && (!tn__want(b, 1) || b->gx[1]) && (!tn__want(b, 2) || b->gx[2]);
}
static bool tn__grad_addcmul(tn__back *b) {
    b->gx[0] = b->g;
    if (tn__want(b, 1)) b->gx[1] = (tn_mul)(b->g, (tn_mul)(b->x[2], tn__number_of(b, 0)));
    if (tn__want(b, 2)) b->gx[2] = (tn_mul)(b->g, (tn_mul)(b->x[1], tn__number_of(b, 0)));
    return (!tn__want(b, 1) || b->gx[1]) && (!tn__want(b, 2) || b->gx[2]);
}
static bool tn__grad_addcdiv(tn__back *b) {
    b->gx[0] = b->g;
    if (tn__want(b, 1)) b->gx[1] = (tn_mul)(b->g, (tn_div)(tn__number_of(b, 0), b->x[2]));
    if (tn__want(b, 2)) b->gx[2] = tn_neg((tn_mul)(b->g, tn_div((tn_mul)(b->x[1], tn__number_of(b, 0)), tn_square(b->x[2]))));
    return (!tn__want(b, 1) || b->gx[1]) && (!tn__want(b, 2) || b->gx[2]);
}

/* ================================================================================================================ */
/* >>reduce (Private)                                                                                               */
/* Reductions.                                                                                                      */
/* ================================================================================================================ */

/* Every reduction runs over rows: the kept dims in front, the reduced ones behind, in order and in the dtype that is
   computed in (f32, f64 or i64). What is not laid out so is copied first. */
typedef struct { uint32_t size, keepdim, mask; int32_t kind; double v[2]; tn_dtype dtype; } tn__attr_reduce; /* mask: bit d, dim d goes */
enum { TN__RED_SUM, TN__RED_MEAN, TN__RED_PROD, TN__RED_AMAX, TN__RED_AMIN, TN__RED_ANY, TN__RED_ALL, TN__RED_COUNT, TN__RED_ARGMAX, TN__RED_ARGMIN };
static void tn__reduced_shape(const int64_t *in, int n, uint32_t mask, bool keepdim, int64_t *shape, int *out) {
    *out = 0;
    for (int d = 0; d < n; d++) {
        if (!(mask >> d & 1u)) shape[(*out)++] = in[d];
        else if (keepdim) shape[(*out)++] = 1;
    }
}
/* x as [rows, len] of dtype dt in order; NULL on failure. */
static tn_tensor *tn__rows_of_dims(tn_tensor *x, uint32_t mask, tn_dtype dt, int64_t *rows, int64_t *len) {
    int64_t shape[TN_MAX_DIMS], strides[TN_MAX_DIMS];
    int n = 0;
    *rows = *len = 1;
    for (int pass = 0; pass < 2; pass++)
        for (int d = 0; d < x->ndim; d++) {
            if ((int)(mask >> d & 1u) != pass) continue;
            shape[n] = x->shape[d];
            strides[n++] = x->strides[d];
            *(pass ? len : rows) *= x->shape[d];
        }
    tn_tensor *v = tn__alias(x, shape, strides, n, 0);
    return tn__dense_as(v, dt);
}
typedef struct tn__row_args {
    tn_dtype dt;
    int64_t rows, len, block, size;
    const char *x;
    char *y;
    int kind;
    const tn__kernels *k;
    double *parts;               /* of a single long row */
} tn__row_args;
#define TN__ROW_EXTREME(T, BETTER)                                                                                     \
    do {                                                                                                               \
        const T *p = (const T *)(const void *)x;                                                                       \
        for (int64_t i = 1; i < n; i++) {                                                                              \
            if (p[at] != p[at]) break;                                                                                 \
            if (p[i] BETTER p[at] || p[i] != p[i]) at = i;                                                             \
        }                                                                                                              \
    } while (0)
/* The first place of a row's extreme; a NaN is the extreme of both kinds. */
static int64_t tn__row_extreme(tn_dtype dt, const char *x, int64_t n, bool most) {
    int64_t at = 0;
    if (dt == TN_F32) {
        if (most) TN__ROW_EXTREME(float, >);
        else TN__ROW_EXTREME(float, <);
    } else if (dt == TN_F64) {
        if (most) TN__ROW_EXTREME(double, >);
        else TN__ROW_EXTREME(double, <);
    } else {
        if (most) TN__ROW_EXTREME(int64_t, >);
        else TN__ROW_EXTREME(int64_t, <);
    }
    return at;
}
static double tn__row_sum(const tn__row_args *r, const char *x, int64_t n) { return r->k->norm.sum((size_t)n, x); }
static void tn__row_reduce(const tn__row_args *r, const char *x, char *y) {
    const bool whole = r->dt == TN_I64;
    const int64_t *xi = (const int64_t *)(const void *)x;
    int64_t count = 0, si = 0;
    double s = 0;
    switch (r->kind) {
    case TN__RED_SUM:
    case TN__RED_MEAN:
        if (!whole) s = tn__row_sum(r, x, r->len);
        for (int64_t i = 0; whole && i < r->len; i++) si = (int64_t)((uint64_t)si + (uint64_t)xi[i]);
        if (r->kind == TN__RED_MEAN) s /= (double)r->len;
        break;
    case TN__RED_PROD:
        s = 1, si = 1;
        for (int64_t i = 0; i < r->len; i++) {
            if (whole) si = (int64_t)((uint64_t)si * (uint64_t)xi[i]);
            else s *= tn__get_f64(r->dt, x + i * r->size);
        }
        break;
    case TN__RED_AMAX:
    case TN__RED_AMIN: memcpy(y, x + tn__row_extreme(r->dt, x, r->len, r->kind == TN__RED_AMAX) * r->size, (size_t)r->size); return;
    case TN__RED_ARGMAX:
    case TN__RED_ARGMIN: tn__set_i64(TN_I64, y, tn__row_extreme(r->dt, x, r->len, r->kind == TN__RED_ARGMAX)); return;
    default:
        for (int64_t i = 0; i < r->len; i++) count += tn__get_f64(r->dt, x + i * r->size) != 0;
        tn__set_i64(TN_I64, y, r->kind == TN__RED_COUNT ? count : r->kind == TN__RED_ANY ? count > 0 : count == r->len);
        return;
    }
    if (whole) tn__set_i64(TN_I64, y, si);
    else tn__set_f64(r->dt, y, s);
}
static void tn__rows_job(void *arg, int64_t job) {
    const tn__row_args *r = (const tn__row_args *)arg;
    const int64_t out = r->kind >= TN__RED_ANY ? 8 : r->size;
    for (int64_t i = job * r->block; i < TN__MIN((job + 1) * r->block, r->rows); i++) tn__row_reduce(r, r->x + i * r->len * r->size, r->y + i * out);
}
static void tn__long_row_job(void *arg, int64_t job) {
    const tn__row_args *r = (const tn__row_args *)arg;
    r->parts[job] = tn__row_sum(r, r->x + job * TN__GRAIN * r->size, TN__MIN(TN__GRAIN, r->len - job * TN__GRAIN));
}
/* Sums of the columns of [len, rows] in order: the reduced dims stand in front. Block by block, each in f64. */
typedef struct { const char *x; double *y; tn_dtype dt; int64_t len, cols; } tn__columns;
#define TN__COLUMN_BLOCK 512
static void tn__columns_job(void *arg, int64_t job) {
    const tn__columns *c = (const tn__columns *)arg;
    const int64_t begin = job * TN__COLUMN_BLOCK, n = TN__MIN(TN__COLUMN_BLOCK, c->cols - begin);
    double sum[TN__COLUMN_BLOCK];
    memset(sum, 0, sizeof sum);
    for (int64_t i = 0; i < c->len; i++) {
        if (c->dt == TN_F32) {
            const float *x = (const float *)(const void *)c->x + i * c->cols + begin;
            for (int64_t j = 0; j < n; j++) sum[j] += (double)x[j];
        } else {
            const double *x = (const double *)(const void *)c->x + i * c->cols + begin;
            for (int64_t j = 0; j < n; j++) sum[j] += x[j];
        }
    }
    memcpy(c->y + begin, sum, (size_t)n * sizeof *sum);
}
static bool tn__sum_columns(tn__call *c, tn_tensor *x, int kind) { /* false: not laid out so */
    const tn__attr_reduce *a = (const tn__attr_reduce *)c->attr;
    int lead = 0;
    tn__columns s = {x->data, NULL, tn__dt(x), 1, 1};
    while (lead < x->ndim && (a->mask >> lead & 1u)) s.len *= x->shape[lead++];
    if (lead == 0 || lead == x->ndim || a->mask >> lead || !x->contiguous || (s.dt != TN_F32 && s.dt != TN_F64)) return false;
    for (int d = lead; d < x->ndim; d++) s.cols *= x->shape[d];
    tn_tensor *sums = tn__new(TN_F64, &s.cols, 1);
    if (!sums) return false;
    s.y = (double *)(void *)sums->data;
    tn__parallel((s.cols + TN__COLUMN_BLOCK - 1) / TN__COLUMN_BLOCK, tn__columns_job, &s);
    for (int64_t j = 0; j < s.cols; j++) tn__set_f64(tn__dt(c->out[0]), c->out[0]->data + j * (int64_t)tn__dsize(tn__dt(c->out[0])), kind == TN__RED_MEAN ? s.y[j] / (double)s.len : s.y[j]);
    return true;
}
static tn_dtype tn__reduce_out(const tn__call *c, int kind, tn_dtype dt) {
    if (kind == TN__RED_ANY || kind == TN__RED_ALL) return dt == TN_U8 ? TN_U8 : TN_BOOL;
    if (kind >= TN__RED_COUNT) return TN_I64;
    const tn_dtype asked = (tn_dtype)((const tn__attr_reduce *)c->attr)->dtype;
    return asked != TN_DTYPE_DEFAULT ? asked : (kind == TN__RED_SUM || kind == TN__RED_PROD) && tn__is_int(dt) ? TN_I64 : dt;
}
static bool tn__infer_reduce(tn__call *c) {
    const tn__attr_reduce *a = (const tn__attr_reduce *)c->attr;
    const tn_tensor *x = c->in[0];
    int64_t shape[TN_MAX_DIMS];
    int n;
    if (tn__is_complex(tn__dt(x))) return tn__op_fail(c, TN_ERR_DTYPE, "%s is not supported", tn_dtype_name(tn__dt(x)));
    if (a->kind == TN__RED_MEAN && !tn__is_float(tn__dt(x))) return tn__op_fail(c, TN_ERR_DTYPE, "a floating dtype is wanted, got %s (give .dtype)", tn_dtype_name(tn__dt(x)));
    const bool extreme = a->kind == TN__RED_AMAX || a->kind == TN__RED_AMIN || a->kind == TN__RED_ARGMAX || a->kind == TN__RED_ARGMIN;
    for (int d = 0; extreme && d < x->ndim; d++)
        if ((a->mask >> d & 1u) && x->shape[d] == 0) return tn__op_fail(c, TN_ERR_SHAPE, "no extreme of nothing: dim %d of %s", d, TN__SHAPE_TEXT(x));
    tn__reduced_shape(x->shape, x->ndim, a->mask, a->keepdim != 0, shape, &n);
    return (c->out[0] = tn__new(tn__reduce_out(c, a->kind, tn__dt(x)), shape, n)) != NULL;
}
static bool tn__kernel_reduce(tn__call *c) {
    const tn__attr_reduce *a = (const tn__attr_reduce *)c->attr;
    const tn_dtype in = tn__dt(c->in[0]), dt = in == TN_F64 ? TN_F64 : tn__is_float(in) ? TN_F32 : TN_I64;
    tn__row_args r;
    if ((a->kind == TN__RED_SUM || a->kind == TN__RED_MEAN) && c->in[0]->numel && tn__sum_columns(c, c->in[0], a->kind)) return true;
    memset(&r, 0, sizeof r);
    tn_tensor *x = tn__rows_of_dims(c->in[0], a->mask, dt, &r.rows, &r.len);
    const tn_dtype made = a->kind >= TN__RED_ANY ? TN_I64 : dt;
    tn_tensor *y = x ? (tn__dt(c->out[0]) == made ? c->out[0] : tn__new(made, c->out[0]->shape, c->out[0]->ndim)) : NULL;
    if (!y) return false;
    r.dt = dt;
    r.size = (int64_t)tn__dsize(dt);
    r.x = x->data;
    r.y = y->data;
    r.kind = a->kind;
    r.k = tn__kernels_for(dt == TN_F64 ? TN__LANE_F64 : TN__LANE_F32);
    r.block = TN__MAX(1, TN__GRAIN / TN__MAX(r.len, 1));
    const int64_t pieces = (r.len + TN__GRAIN - 1) / TN__GRAIN;
    if (r.rows == 1 && pieces > 1 && a->kind <= TN__RED_MEAN && dt != TN_I64) { /* one long sum: pieces, added in order */
        tn_tensor *parts = tn__new(TN_F64, &pieces, 1);
        double s = 0;
        if (!parts) return false;
        r.parts = (double *)(void *)parts->data;
        tn__parallel(pieces, tn__long_row_job, &r);
        for (int64_t i = 0; i < pieces; i++) s += r.parts[i];
        tn__set_f64(dt, y->data, a->kind == TN__RED_MEAN ? s / (double)r.len : s);
    } else
        tn__parallel((r.rows + r.block - 1) / r.block, tn__rows_job, &r);
    if (y != c->out[0]) tn__copy_raw(c->out[0], y);
    return true;
}
/* g with the reduced dims back as ones, spread over the input's shape. */
static tn_tensor *tn__unreduced(tn__back *b, tn_tensor *g, bool spread) {
    const tn__attr_reduce *a = (const tn__attr_reduce *)b->attr;
    int64_t shape[TN_MAX_DIMS];
    int n;
    const int64_t *in = tn__in_shape(b, 0, &n);
    for (int d = 0; d < n; d++) shape[d] = a->mask >> d & 1u ? 1 : in[d];
    g = tn_reshape(g, shape, n);
    return spread ? tn_expand(g, in, n) : g;
}
static int64_t tn__reduced_count(const tn__back *b) {
    const tn__attr_reduce *a = (const tn__attr_reduce *)b->attr;
    int64_t count = 1;
    int n;
    const int64_t *in = tn__in_shape(b, 0, &n);
    for (int d = 0; d < n; d++)
        if (a->mask >> d & 1u) count *= in[d];
    return count;
}
static bool tn__grad_sum(tn__back *b) { return (b->gx[0] = tn__unreduced(b, b->g, true)) != NULL; }
static bool tn__grad_mean(tn__back *b) {
    int n;
    const int64_t *in = tn__in_shape(b, 0, &n);
    return (b->gx[0] = tn_expand(tn_div(tn__unreduced(b, b->g, false), (double)tn__reduced_count(b)), in, n)) != NULL;
}
/* Ties share. */
static bool tn__grad_extreme(tn__back *b) {
    const tn__attr_reduce *a = (const tn__attr_reduce *)b->attr;
    tn_tensor *hit = tn_to_dtype(tn_eq(b->x[0], tn__unreduced(b, b->y[0], false)), tn__dt(b->g));
    TN__ATTR(tn__attr_reduce, s);
    s.mask = a->mask;
    s.keepdim = 1;
    return (b->gx[0] = tn_mul(tn__unreduced(b, b->g, false), tn_div(hit, tn__op1(TN__OP_sum, hit, &s)))) != NULL;
}
/* The product of the others, for each: running products from both sides, by public ops. */
static bool tn__grad_prod(tn__back *b) {
    const tn__attr_reduce *a = (const tn__attr_reduce *)b->attr;
    int64_t flat[TN_MAX_DIMS], len = tn__reduced_count(b);
    tn_tensor *x = b->x[0], *row = x;
    int n = 0, order[TN_MAX_DIMS], back[TN_MAX_DIMS];
    if (len == 0 || x->numel == 0) return (b->gx[0] = tn_zeros_like(x, NULL)) != NULL;
    for (int pass = 0; pass < 2; pass++)
        for (int d = 0; d < x->ndim; d++)
            if ((int)(a->mask >> d & 1u) == pass) order[n++] = d;
    for (int i = 0; i < n; i++) back[order[i]] = i, flat[i] = x->shape[order[i]];
    const int64_t two[2] = {x->numel / len, len};
    row = tn_reshape(tn_permute(x, order, n), two, 2);
    if (!row || len > INT32_MAX / 4) return false;
    tn_tensors before = tn__tensors_new((int)len), others = tn__tensors_new((int)len);
    tn_tensor *p = tn_ones_like(tn_select(row, 1, 0), NULL);
    if (!before.at || !others.at) return false;
    for (int64_t i = 0; p && i < len; i++) {
        tn__tensors_set(&before, (int)i, p);
        p = tn_mul(p, tn_select(row, 1, i));
    }
    p = p ? tn_ones_like(p, NULL) : NULL;
    for (int64_t i = len - 1; p && i >= 0; i--) {
        tn_tensor *t = tn_mul(before.at[i], p);
        if (!t) return false;
        tn__tensors_set(&others, (int)i, t);
        p = tn_mul(p, tn_select(row, 1, i));
    }
    if (!p) return false;
    tn_tensor *all = tn_permute(tn_reshape(tn_stack(others.at, others.n, 1), flat, n), back, n);
    return (b->gx[0] = tn_mul(tn__unreduced(b, b->g, false), all)) != NULL;
}
/* The dims that options name, as a mask; false and an error if one is out of range. Without any: all. */
static bool tn__dims_mask(const char *who, const tn_tensor *x, bool has_dim, int dim, const int *dims, int n_dims, uint32_t *mask) {
    *mask = 0;
    if (!has_dim && n_dims == 0) *mask = (1u << x->ndim) - 1;
    for (int i = 0; i < (n_dims ? n_dims : has_dim); i++) {
        const int d = tn__wrap_dim(who, n_dims ? dims[i] : dim, x->ndim);
        if (d < 0) return false;
        if (*mask >> d & 1u) return tn__fail(TN_ERR_INVALID, "%s: dim %d occurs twice", who, d);
        *mask |= 1u << d;
    }
    if (x->ndim == 0) *mask = 0;
    return true;
}
static tn_tensor *tn__reduce(int op, int kind, tn_tensor *x, const tn_reduce_opts *opts) {
    TN__ATTR(tn__attr_reduce, a);
    tn_reduce_opts o;
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    if (!x) return (tn_tensor *)(tn__fail_null(tn__rows[op].name), NULL);
    if (o.n_dims < 0 || o.n_dims > TN_MAX_DIMS) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "%s: %d dims", tn__rows[op].name, o.n_dims);
    if (!tn__dims_mask(tn__rows[op].name, x, o.has_dim, o.dim, o.dims, o.n_dims, &a.mask)) return NULL;
    if (o.dtype != TN_DTYPE_DEFAULT && kind <= TN__RED_PROD) x = tn_to_dtype(x, o.dtype);
    a.keepdim = o.keepdim;
    a.kind = kind;
    if (kind <= TN__RED_PROD) a.dtype = o.dtype;
    return tn__op1(op, x, &a);
}
TN_API tn_tensor *tn_sum(tn_tensor *x, const tn_reduce_opts *opts) { return tn__reduce(TN__OP_sum, TN__RED_SUM, x, opts); }
TN_API tn_tensor *tn_mean(tn_tensor *x, const tn_reduce_opts *opts) { return tn__reduce(TN__OP_mean, TN__RED_MEAN, x, opts); }
TN_API tn_tensor *tn_prod(tn_tensor *x, const tn_reduce_opts *opts) { return tn__reduce(TN__OP_prod, TN__RED_PROD, x, opts); }
TN_API tn_tensor *tn_amax(tn_tensor *x, const tn_reduce_opts *opts) { return tn__reduce(TN__OP_amax, TN__RED_AMAX, x, opts); }
TN_API tn_tensor *tn_amin(tn_tensor *x, const tn_reduce_opts *opts) { return tn__reduce(TN__OP_amin, TN__RED_AMIN, x, opts); }
TN_API tn_tensor *tn_any(tn_tensor *x, const tn_reduce_opts *opts) { return tn__reduce(TN__OP_any, TN__RED_ANY, x, opts); }
TN_API tn_tensor *tn_all(tn_tensor *x, const tn_reduce_opts *opts) { return tn__reduce(TN__OP_all, TN__RED_ALL, x, opts); }
TN_API tn_tensor *tn_count_nonzero(tn_tensor *x, const tn_reduce_opts *opts) { return tn__reduce(TN__OP_count_nonzero, TN__RED_COUNT, x, opts); }
TN_API tn_tensor *tn_argmax(tn_tensor *x, const tn_reduce_opts *opts) { return tn__reduce(TN__OP_argmax, TN__RED_ARGMAX, x, opts); }
TN_API tn_tensor *tn_argmin(tn_tensor *x, const tn_reduce_opts *opts) { return tn__reduce(TN__OP_argmin, TN__RED_ARGMIN, x, opts); }
TN_API tn_tensor *tn_max(tn_tensor *x) { return tn_amax(x, NULL); }
TN_API tn_tensor *tn_min(tn_tensor *x) { return tn_amin(x, NULL); }

/* -- one element of each row, by its index: the values of max_dim; and its transpose, the gradient -- */
typedef struct { uint32_t size; int32_t dim, n; int64_t shape[TN_MAX_DIMS]; } tn__attr_pick; /* shape: of the whole */
static void tn__pick_walk(tn_tensor *whole, const tn_tensor *index, tn_tensor *part, int dim, bool backward) { /* index, part: dim kept as 1 */
    const int64_t size = (int64_t)tn__dsize(tn__dt(whole));
    int64_t at[TN_MAX_DIMS] = {0, 0, 0, 0, 0, 0, 0, 0};
    for (int64_t i = 0; i < index->numel; i++) {
        int64_t w = 0, p = 0, k = 0;
        for (int d = 0; d < index->ndim; d++) {
            k += at[d] * index->strides[d];
            p += at[d] * part->strides[d];
            if (d != dim) w += at[d] * whole->strides[d];
        }
        w += ((const int64_t *)(const void *)index->data)[k] * (whole->ndim ? whole->strides[dim] : 0);
        if (backward) memcpy(whole->data + w * size, part->data + p * size, (size_t)size);
        else memcpy(part->data + p * size, whole->data + w * size, (size_t)size);
        for (int d = index->ndim - 1; d >= 0 && ++at[d] == index->shape[d]; d--) at[d] = 0;
    }
}
static bool tn__infer_pick(tn__call *c) { return (c->out[0] = tn__new(tn__dt(c->in[0]), c->in[1]->shape, c->in[1]->ndim)) != NULL; }
static bool tn__kernel_pick(tn__call *c) {
    tn__pick_walk(c->in[0], c->in[1], c->out[0], ((const tn__attr_pick *)c->attr)->dim, false);
    return true;
}
static bool tn__grad_pick(tn__back *b) { return (b->gx[0] = tn__op2(TN__OP_pick_backward, b->g, b->x[1], b->attr)) != NULL; }
static bool tn__infer_pick_backward(tn__call *c) {
    const tn__attr_pick *a = (const tn__attr_pick *)c->attr;
    return (c->out[0] = tn__zeroed(tn__new(tn__dt(c->in[0]), a->shape, a->n))) != NULL;
}
static bool tn__kernel_pick_backward(tn__call *c) {
    tn__pick_walk(c->out[0], c->in[1], c->in[0], ((const tn__attr_pick *)c->attr)->dim, true);
    return true;
}
static bool tn__grad_pick_backward(tn__back *b) { return (b->gx[0] = tn__op2(TN__OP_pick, b->g, b->x[1], b->attr)) != NULL; }
static tn_values_indices tn__extreme_dim(int op, int kind, tn_tensor *x, int dim, bool keepdim) {
    const tn_values_indices none = {NULL, NULL};
    tn_values_indices r;
    TN__ATTR(tn__attr_pick, a);
    tn_reduce_opts o;
    memset(&o, 0, sizeof o);
    if (!x) return tn__fail_null(tn__rows[op].name), none;
    const int d = tn__wrap_dim(tn__rows[op].name, dim, x->ndim);
    if (d < 0) return none;
    o.dim = d;
    o.has_dim = o.keepdim = true;
    r.indices = tn__reduce(op, kind, x, &o);
    a.dim = d;
    a.n = x->ndim;
    memcpy(a.shape, x->shape, x->ndim * sizeof *x->shape);
    r.values = tn__op2(TN__OP_pick, x, r.indices, &a);
    if (!keepdim && x->ndim) r.values = tn_squeeze_dims(r.values, &d, 1), r.indices = tn_squeeze_dims(r.indices, &d, 1);
    return r.values && r.indices ? r : none;
}
TN_API tn_values_indices tn_max_dim(tn_tensor *x, int dim, bool keepdim) { return tn__extreme_dim(TN__OP_argmax, TN__RED_ARGMAX, x, dim, keepdim); }
TN_API tn_values_indices tn_min_dim(tn_tensor *x, int dim, bool keepdim) { return tn__extreme_dim(TN__OP_argmin, TN__RED_ARGMIN, x, dim, keepdim); }

/* -- moments and norms, composed -- */
static tn_reduce_opts tn__reduce_of_mask(uint32_t mask, bool keepdim) {
    tn_reduce_opts o;
    memset(&o, 0, sizeof o);
    o.keepdim = keepdim;
    for (int d = 0; d < TN_MAX_DIMS; d++)
        if (mask >> d & 1u) o.dims[o.n_dims++] = d;
    return o;
}
/* The root of v, with a gradient of zero where v is zero. */
static tn_tensor *tn__safe_root(tn_tensor *v) {
    tn_tensor *zero = tn_eq(v, 0.0);
    return tn_where(zero, 0.0, tn_sqrt(tn_where(zero, 1.0, v)));
}
static bool tn__infer_var(tn__call *c) { /* attr kind: 0 var, 1 std, 2 var_mean */
    const tn__attr_reduce *a = (const tn__attr_reduce *)c->attr;
    tn_tensor *x = c->in[0];
    double count = 1;
    if (!tn__is_float(tn__dt(x))) return tn__op_fail(c, TN_ERR_DTYPE, "a floating dtype is wanted, got %s", tn_dtype_name(tn__dt(x)));
    for (int d = 0; d < x->ndim; d++)
        if (a->mask >> d & 1u) count *= (double)x->shape[d];
    const tn_reduce_opts keep = tn__reduce_of_mask(a->mask, true), out = tn__reduce_of_mask(a->mask, a->keepdim != 0);
    tn_tensor *mean = x->ndim && a->mask ? tn_mean(x, &keep) : x, *squares = tn_square(tn_sub(x, mean));
    tn_tensor *v = tn_div(a->mask ? tn_sum(squares, &out) : squares, fmax(count - a->v[0], 0));
    if (a->kind == 1) v = tn__safe_root(v);
    c->out[0] = v;
    c->out[1] = a->kind != 2 ? NULL : a->mask ? tn_mean(x, &out) : tn_clone(x);
    return v && (a->kind != 2 || c->out[1]);
}
TN__WIDE(var)
static tn__call tn__var(int kind, tn_tensor **x, const tn_var_opts *opts, tn__attr_reduce *a) {
    tn_var_opts o;
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    memset(a, 0, sizeof *a);
    a->size = (uint32_t)sizeof *a;
    a->keepdim = o.keepdim;
    a->kind = kind;
    a->v[0] = o.correction == 0 ? 1 : o.correction == TN_ZERO ? 0 : o.correction;
    tn__call c = tn__call_of(TN__OP_var, x, 1, a);
    if (*x && (o.n_dims < 0 || o.n_dims > TN_MAX_DIMS || !tn__dims_mask("tn_var", *x, o.has_dim, o.dim, o.dims, o.n_dims, &a->mask))) *x = NULL;
    (void)tn__dispatch(&c);
    return c;
}
TN_API tn_tensor *tn_var(tn_tensor *x, const tn_var_opts *opts) {
    tn__attr_reduce a;
    return tn__var(0, &x, opts, &a).out[0];
}
TN_API tn_tensor *tn_std(tn_tensor *x, const tn_var_opts *opts) {
    tn__attr_reduce a;
    return tn__var(1, &x, opts, &a).out[0];
}
TN_API tn_var_mean_result tn_var_mean(tn_tensor *x, const tn_var_opts *opts) {
    tn__attr_reduce a;
    const tn__call c = tn__var(2, &x, opts, &a);
    const tn_var_mean_result r = {c.out[0], c.out[1]};
    return r;
}
static bool tn__infer_vector_norm(tn__call *c) {
    const tn__attr_reduce *a = (const tn__attr_reduce *)c->attr;
    tn_tensor *x = c->in[0], *m;
    const double p = a->v[0];
    tn_reduce_opts o = tn__reduce_of_mask(a->mask, a->keepdim != 0);
    if (!tn__is_float(tn__dt(x))) return tn__op_fail(c, TN_ERR_DTYPE, "a floating dtype is wanted, got %s", tn_dtype_name(tn__dt(x)));
    for (int i = 0; p < 0 && i < o.n_dims && x->ndim; i++)
        if (x->shape[o.dims[i]] == 0) return tn__op_fail(c, TN_ERR_SHAPE, "no norm of order %g of nothing: dim %d of %s", p, o.dims[i], TN__SHAPE_TEXT(x));
    if (x->ndim == 0) o.n_dims = 0;
    m = tn_abs(x);
    if (p == 0) c->out[0] = tn_to_dtype(tn_sum(tn_mul(tn_ne(x, 0.0), 1.0), &o), tn__dt(x));
    else if (p == 1) c->out[0] = tn_sum(m, &o);
    else if (p == 2) c->out[0] = tn__safe_root(tn_sum(tn_square(x), &o));
    else if (isinf(p)) c->out[0] = p > 0 ? tn_amax(m, &o) : tn_amin(m, &o);
    else { /* zeros apart: their slope is zero, or infinite */
        tn_tensor *zero = tn_eq(m, 0.0), *s = tn_sum(tn_where(zero, p > 0 ? 0.0 : INFINITY, tn_pow(tn_where(zero, 1.0, m), p)), &o), *none = tn_eq(s, 0.0);
        c->out[0] = tn_where(none, p > 0 ? 0.0 : INFINITY, tn_pow(tn_where(none, 1.0, s), 1 / p));
    }
    return c->out[0] != NULL;
}
TN__WIDE(vector_norm)
TN_API tn_tensor *tn_linalg_vector_norm(tn_tensor *x, double ord, const tn_reduce_opts *opts) {
    TN__ATTR(tn__attr_reduce, a);
    tn_reduce_opts o;
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    if (!x) return (tn_tensor *)(tn__fail_null("tn_linalg_vector_norm: x"), NULL);
    if (o.n_dims < 0 || o.n_dims > TN_MAX_DIMS || !tn__dims_mask("tn_linalg_vector_norm", x, o.has_dim, o.dim, o.dims, o.n_dims, &a.mask)) return NULL;
    a.keepdim = o.keepdim;
    a.v[0] = ord;
    return tn__op1(TN__OP_linalg_vector_norm, o.dtype == TN_DTYPE_DEFAULT ? x : tn_to_dtype(x, o.dtype), &a);
}
static bool tn__infer_logsumexp(tn__call *c) {
    const tn__attr_reduce *a = (const tn__attr_reduce *)c->attr;
    tn_tensor *x = tn__is_float(tn__dt(c->in[0])) ? c->in[0] : tn_to_dtype(c->in[0], tn__default_dtype());
    tn_reduce_opts keep = tn__reduce_of_mask(a->mask, true), out = tn__reduce_of_mask(a->mask, a->keepdim != 0);
    int64_t shape[TN_MAX_DIMS];
    int n;
    if (!x) return false;
    if (tn__is_complex(tn__dt(c->in[0]))) return tn__op_fail(c, TN_ERR_DTYPE, "%s is not supported", tn_dtype_name(tn__dt(c->in[0])));
    if (x->numel == 0) return (c->out[0] = tn_log(tn_sum(tn_exp(x), &out))) != NULL;
    if (x->ndim == 0) keep.n_dims = out.n_dims = 0;
    const bool was = tn__set_recording(false); /* the largest only keeps the exponentials small: no gradient of its own */
    tn_tensor *most = tn_amax(x, &keep);
    most = tn_where(tn_isinf(most), 0.0, most);
    (void)tn__set_recording(was);
    tn__reduced_shape(x->shape, x->ndim, a->mask, a->keepdim != 0, shape, &n);
    return (c->out[0] = tn_add(tn_log(tn_sum(tn_exp(tn_sub(x, most)), &out)), tn_reshape(most, shape, n))) != NULL;
}
TN_API tn_tensor *tn_logsumexp(tn_tensor *x, const tn_reduce_opts *opts) { return tn__reduce(TN__OP_logsumexp, TN__RED_AMAX, x, opts); }

/* -- along one dim: running sums, softmax. Rows in place of strided columns, as above. -- */
static tn_tensor *tn__rows_last(tn_tensor *x, int dim) { /* an alias with dim last */
    int64_t shape[TN_MAX_DIMS], strides[TN_MAX_DIMS];
    int n = 0;
    for (int d = 0; d < x->ndim; d++)
        if (d != dim) shape[n] = x->shape[d], strides[n++] = x->strides[d];
    if (x->ndim) shape[n] = x->shape[dim], strides[n++] = x->strides[dim];
    return tn__alias(x, shape, strides, n, 0);
}
typedef struct tn__along {
    tn_dtype dt;
    int64_t rows, len, size, block;
    const char *x, *g;
    char *y;
    bool log;
    const tn__kernels *k;
    tn__pw_fn exp;
} tn__along;
/* Runs job over the rows of x (and g) along dim, into out, in dtype dt. */
static bool tn__along_dim(tn__along *a, tn_tensor *x, tn_tensor *g, tn_tensor *out, int dim, tn_dtype dt, tn__job_fn job) {
    tn_tensor *last = tn__rows_last(out, dim), *vx = tn__rows_last(x, dim), *vg = g ? tn__rows_last(g, dim) : NULL, *y = last;
    if (!last || !vx || (g && !vg)) return false;
    vx = tn__dense_as(vx, dt);
    vg = vg ? tn__dense_as(vg, dt) : NULL;
    if (!last->contiguous || tn__dt(out) != dt) y = tn__new(dt, last->shape, last->ndim);
    if (!vx || (g && !vg) || !y) return false;
    a->dt = dt;
    a->size = (int64_t)tn__dsize(dt);
    a->len = x->ndim ? x->shape[dim] : 1;
    a->rows = a->len ? x->numel / a->len : 0;
    a->block = TN__MAX(1, TN__GRAIN / TN__MAX(a->len, 1));
    a->x = vx->data;
    a->g = vg ? vg->data : NULL;
    a->y = y->data;
    if (dt != TN_I64) {
        a->k = tn__kernels_for(tn__lane_of(dt));
        a->exp = a->k->pointwise(TN__OP_exp);
    }
    tn__parallel((a->rows + a->block - 1) / a->block, job, a);
    if (y != last) tn__copy_raw(last, y);
    return true;
}
static void tn__cumsum_job(void *arg, int64_t job) {
    const tn__along *a = (const tn__along *)arg;
    for (int64_t r = job * a->block; r < TN__MIN((job + 1) * a->block, a->rows); r++) {
        double s = 0;
        int64_t si = 0;
        for (int64_t i = r * a->len; i < (r + 1) * a->len; i++) {
            if (a->dt == TN_I64) ((int64_t *)(void *)a->y)[i] = si = (int64_t)((uint64_t)si + (uint64_t)((const int64_t *)(const void *)a->x)[i]);
            else tn__set_f64(a->dt, a->y + i * a->size, s += tn__get_f64(a->dt, a->x + i * a->size));
        }
    }
}
static bool tn__infer_cumsum(tn__call *c) {
    const tn_tensor *x = c->in[0];
    if (tn__is_complex(tn__dt(x))) return tn__op_fail(c, TN_ERR_DTYPE, "%s is not supported", tn_dtype_name(tn__dt(x)));
    return (c->out[0] = tn__new(tn__is_int(tn__dt(x)) ? TN_I64 : tn__dt(x), x->shape, x->ndim)) != NULL;
}
static bool tn__kernel_cumsum(tn__call *c) {
    tn__along a;
    const tn_dtype dt = tn__dt(c->out[0]);
    memset(&a, 0, sizeof a);
    return tn__along_dim(&a, c->in[0], NULL, c->out[0], ((const tn__attr_dim *)c->attr)->dim, dt == TN_I64 || dt == TN_F64 ? dt : TN_F32, tn__cumsum_job);
}
static bool tn__grad_cumsum(tn__back *b) {
    const int d = ((const tn__attr_dim *)b->attr)->dim;
    if (b->g->ndim == 0) return (b->gx[0] = b->g) != NULL;
    return (b->gx[0] = tn_flip(tn_cumsum(tn_flip(b->g, &d, 1), d, TN_DTYPE_DEFAULT), &d, 1)) != NULL;
}
static tn_tensor *tn__with_dim(int op, tn_tensor *x, int dim, tn_dtype dtype) {
    TN__ATTR(tn__attr_dim, a);
    if (!x) return (tn_tensor *)(tn__fail_null(tn__rows[op].name), NULL);
    a.dim = tn__wrap_dim(tn__rows[op].name, dim, x->ndim);
    if (a.dim < 0) return NULL;
    return tn__op1(op, dtype == TN_DTYPE_DEFAULT ? x : tn_to_dtype(x, dtype), &a);
}
TN_API tn_tensor *tn_cumsum(tn_tensor *x, int dim, tn_dtype dtype) { return tn__with_dim(TN__OP_cumsum, x, dim, dtype); }
/* exp over n lanes, the tail in a vector of its own. */
static void tn__row_exp(const tn__along *a, char *y, int64_t n) {
    const int64_t width = (int64_t)a->k->bytes / a->size, whole = n / width, rest = n % width;
    char pad[TN__VECTOR_MAX] __attribute__((aligned(64)));
    const void *in[1] = {y};
    if (whole) a->exp((size_t)whole, y, in, 0, NULL);
    if (!rest) return;
    memset(pad, 0, sizeof pad);
    memcpy(pad, y + whole * width * a->size, (size_t)(rest * a->size));
    in[0] = pad;
    a->exp(1, pad, in, 0, NULL);
    memcpy(y + whole * width * a->size, pad, (size_t)(rest * a->size));
}
#define TN__SOFTMAX_ROW(T)                                                                                             \
    do {                                                                                                               \
        const T *x = (const T *)(const void *)a->x + r * n;                                                            \
        T *y = (T *)(void *)a->y + r * n;                                                                              \
        T most = x[0];                                                                                                 \
        for (int64_t i = 1; i < n; i++) most = x[i] > most || x[i] != x[i] ? x[i] : most;                              \
        if (most == (T)-INFINITY) most = (T)NAN;                                                                       \
        for (int64_t i = 0; i < n; i++) y[i] = x[i] - most;                                                            \
        tn__row_exp(a, (char *)y, n);                                                                                  \
        const double sum = a->k->norm.sum((size_t)n, y);                                                               \
        const T shift = (T)log(sum), scale = (T)(1 / sum);                                                             \
        if (a->log) for (int64_t i = 0; i < n; i++) y[i] = x[i] - most - shift;                                        \
        else for (int64_t i = 0; i < n; i++) y[i] *= scale;                                                            \
    } while (0)
static void tn__softmax_job(void *arg, int64_t job) {
    const tn__along *a = (const tn__along *)arg;
    const int64_t n = a->len;
    for (int64_t r = job * a->block; r < TN__MIN((job + 1) * a->block, a->rows); r++) {
        if (a->dt == TN_F32) TN__SOFTMAX_ROW(float);
        else TN__SOFTMAX_ROW(double);
    }
}
/* softmax: y (g - sum g y); log_softmax: g - exp(y) sum g. Here x is y. */
#define TN__SOFTMAX_BACK(T)                                                                                            \
    do {                                                                                                               \
        const T *y = (const T *)(const void *)a->x + r * n, *g = (const T *)(const void *)a->g + r * n;                \
        T *o = (T *)(void *)a->y + r * n;                                                                              \
        double s = 0;                                                                                                  \
        if (a->log) {                                                                                                  \
            memcpy(o, y, (size_t)n * sizeof(T));                                                                       \
            tn__row_exp(a, (char *)o, n);                                                                              \
            s = a->k->norm.sum((size_t)n, g);                                                                          \
            for (int64_t i = 0; i < n; i++) o[i] = g[i] - o[i] * (T)s;                                                 \
        } else {                                                                                                       \
            for (int64_t i = 0; i < n; i++) s += (double)(g[i] * y[i]);                                                \
            for (int64_t i = 0; i < n; i++) o[i] = y[i] * (g[i] - (T)s);                                               \
        }                                                                                                              \
    } while (0)
static void tn__softmax_back_job(void *arg, int64_t job) {
    const tn__along *a = (const tn__along *)arg;
    const int64_t n = a->len;
    for (int64_t r = job * a->block; r < TN__MIN((job + 1) * a->block, a->rows); r++) {
        if (a->dt == TN_F32) TN__SOFTMAX_BACK(float);
        else TN__SOFTMAX_BACK(double);
    }
}
static bool tn__infer_softmax(tn__call *c) {
    if (!tn__is_float(tn__dt(c->in[0]))) return tn__op_fail(c, TN_ERR_DTYPE, "a floating dtype is wanted, got %s (give a dtype)", tn_dtype_name(tn__dt(c->in[0])));
    return tn__infer_plain(c);
}
static bool tn__softmax_run(tn__call *c, bool log, tn_tensor *g, tn__job_fn job) {
    tn__along a;
    memset(&a, 0, sizeof a);
    a.log = log;
    return tn__along_dim(&a, c->in[0], g, c->out[0], ((const tn__attr_dim *)c->attr)->dim, tn__dt(c->out[0]) == TN_F64 ? TN_F64 : TN_F32, job);
}
static bool tn__kernel_softmax(tn__call *c) { return tn__softmax_run(c, c->op == TN__OP_log_softmax, NULL, tn__softmax_job); }
static bool tn__kernel_softmax_backward(tn__call *c) { return tn__softmax_run(c, c->op == TN__OP_log_softmax_backward, c->in[1], tn__softmax_back_job); }
static bool tn__grad_softmax(tn__back *b) {
    const bool log = tn__back_op(b) == TN__OP_log_softmax;
    tn_tensor *y = b->y[0], *g = b->g;
    const tn_reduce_opts over = {((const tn__attr_dim *)b->attr)->dim, true, true, {0}, 0, TN_DTYPE_DEFAULT};
    if (!tn__recording()) b->gx[0] = tn__op2(log ? TN__OP_log_softmax_backward : TN__OP_softmax_backward, y, g, b->attr);
    else if (log) b->gx[0] = tn_sub(g, tn_mul(tn_exp(y), tn_sum(g, &over)));
    else b->gx[0] = tn_mul(y, tn_sub(g, tn_sum(tn_mul(g, y), &over)));
    return b->gx[0] != NULL;
}
TN_API tn_tensor *tn_softmax(tn_tensor *x, int dim, tn_dtype dtype) { return tn__with_dim(TN__OP_softmax, x, dim, dtype); }
TN_API tn_tensor *tn_log_softmax(tn_tensor *x, int dim, tn_dtype dtype) { return tn__with_dim(TN__OP_log_softmax, x, dim, dtype); }

/* ================================================================================================================ */
/* >>matmul (Private)                                                                                               */
/* Products, through one GEMM entry.                                                                                */
/* ================================================================================================================ */

static int tn__matmul_precision;
TN_API tn_status tn_set_float32_matmul_precision(tn_matmul_precision precision) {
    const int p = (int)precision;
    if (p < TN_MATMUL_HIGHEST || p > TN_MATMUL_MEDIUM) return TN__FAIL_STATUS(TN_ERR_INVALID, "tn_set_float32_matmul_precision: %d is no precision", p);
    __atomic_store_n(&tn__matmul_precision, p, __ATOMIC_RELAXED);
    return TN_OK;
}
TN_API tn_matmul_precision tn_get_float32_matmul_precision(void) { return (tn_matmul_precision)__atomic_load_n(&tn__matmul_precision, __ATOMIC_RELAXED); }

static const tn__gemm_kernels *tn__gemm_kernels_of(tn_dtype dt) { return &tn__kernels_for(tn__lane_of(dt))->gemm; }

/* -- the one GEMM entry. Goto's loops: B is packed into panels of nr columns, A into panels of six rows, and a
   micro-kernel makes a 6 x nr tile of C in registers. The sum over k is cut every TN__GEMM_KC steps whatever the tile,
   so that an element's bits depend on the shape alone. Tiles are the jobs; k is never split between them. -- */
#define TN__GEMM_MR ((int64_t)6)
#define TN__GEMM_KC ((int64_t)384)
#define TN__GEMM_MC ((int64_t)96)
#define TN__GEMM_MB ((int64_t)1536)
#define TN__GEMM_NB ((int64_t)3072)
#define TN__GEMM_NR_MAX ((int64_t)64)
typedef struct tn__gemm_args {
    tn_dtype dt;
    int64_t size;                    /* of an element */
    const tn__gemm_kernels *kernel;
    int64_t m, n, k;
    const char *a, *b;               /* A(i, p) at i * a_row + p * a_col, in elements; B(p, j) likewise */
    int64_t a_row, a_col, b_row, b_col;
    char *c;
    int64_t ldc;
    bool accumulate;
    char *pack_a, *pack_b;           /* this block, packed */
    int64_t i0, j0, p0, mb, nb, kb;  /* the block */
    int64_t a_jobs;
} tn__gemm_args;

/* dst[p][z] = src[p * step + z * lane]: panels of w lanes, those past lanes zero. Blocks of 64 steps stay in L1. */
#define TN__PACK_OF(name, T)                                                                                           \
    static void name(T *dst, int64_t w, const T *src, int64_t step, int64_t lane, int64_t steps, int64_t lanes) {      \
        if (lanes < w) memset(dst, 0, (size_t)(steps * w) * sizeof(T));                                                \
        if (lane == 1) {                                                                                               \
            for (int64_t p = 0; p < steps; p++) memcpy(dst + p * w, src + p * step, (size_t)lanes * sizeof(T));        \
            return;                                                                                                    \
        }                                                                                                              \
        for (int64_t p0 = 0; p0 < steps; p0 += 64) {                                                                   \
            const int64_t p1 = TN__MIN(p0 + 64, steps);                                                                \
            int64_t z = 0;                                                                                             \
            for (; z + 4 <= lanes; z += 4) {                                                                           \
                const T *s = src + z * lane;                                                                           \
                for (int64_t p = p0; p < p1; p++) {                                                                    \
                    T *d = dst + p * w + z;                                                                            \
                    const T *q = s + p * step;                                                                         \
                    d[0] = q[0];                                                                                       \
                    d[1] = q[lane];                                                                                    \
                    d[2] = q[2 * lane];                                                                                \
                    d[3] = q[3 * lane];                                                                                \
                }                                                                                                      \
            }                                                                                                          \
            for (; z < lanes; z++)                                                                                     \
                for (int64_t p = p0; p < p1; p++) dst[p * w + z] = src[p * step + z * lane];                           \
        }                                                                                                              \
    }
TN__PACK_OF(tn__pack_f32, float)
TN__PACK_OF(tn__pack_f64, double)
static void tn__pack(tn_dtype dt, char *dst, int64_t w, const char *src, int64_t step, int64_t lane, int64_t steps, int64_t lanes) {
    if (dt == TN_F32) tn__pack_f32((float *)(void *)dst, w, (const float *)(const void *)src, step, lane, steps, lanes);
    else tn__pack_f64((double *)(void *)dst, w, (const double *)(const void *)src, step, lane, steps, lanes);
}
/* c = (c +) the first rows x cols of a tile of nr columns. */
static void tn__gemm_edge(tn_dtype dt, char *c, int64_t ldc, const char *tile, int64_t nr, int64_t rows, int64_t cols, bool accumulate) {
    const int64_t size = dt == TN_F32 ? 4 : 8;
    for (int64_t i = 0; i < rows; i++, c += ldc * size, tile += nr * size) {
        if (!accumulate) memcpy(c, tile, (size_t)(cols * size));
        else if (dt == TN_F32)
            for (int64_t j = 0; j < cols; j++) ((float *)(void *)c)[j] += ((const float *)(const void *)tile)[j];
        else
            for (int64_t j = 0; j < cols; j++) ((double *)(void *)c)[j] += ((const double *)(const void *)tile)[j];
    }
}
/* One tile of C: rows x cols of it lie inside. */
static void tn__gemm_tile(const tn__gemm_args *g, const char *a, int64_t a_row, int64_t a_step, const char *b, int64_t b_step, int64_t i, int64_t j, int64_t kb, bool accumulate) {
    const int64_t nr = g->kernel->nr, rows = TN__MIN(g->m - i, TN__GEMM_MR), cols = TN__MIN(g->n - j, nr);
    char *c = g->c + (i * g->ldc + j) * g->size;
    if (rows == TN__GEMM_MR && cols == nr) {
        g->kernel->micro(kb, a, a_row, a_step, b, b_step, c, g->ldc, accumulate);
        return;
    }
    double tile[TN__GEMM_MR * TN__GEMM_NR_MAX];
    g->kernel->micro(kb, a, a_row, a_step, b, b_step, tile, nr, false);
    tn__gemm_edge(g->dt, c, g->ldc, (const char *)tile, nr, rows, cols, accumulate);
}
static void tn__gemm_pack_job(void *arg, int64_t job) {
    const tn__gemm_args *g = (const tn__gemm_args *)arg;
    const int64_t nr = g->kernel->nr;
    if (job >= g->a_jobs) {
        const int64_t j = (job - g->a_jobs) * nr;
        tn__pack(g->dt, g->pack_b + j * g->kb * g->size, nr, g->b + (g->p0 * g->b_row + (g->j0 + j) * g->b_col) * g->size, g->b_row, g->b_col, g->kb, TN__MIN(nr, g->nb - j));
        return;
    }
    const int64_t end = TN__MIN((job + 1) * TN__GEMM_MC, g->mb);
    for (int64_t i = job * TN__GEMM_MC; i < end; i += TN__GEMM_MR)
        tn__pack(g->dt, g->pack_a + i * g->kb * g->size, TN__GEMM_MR, g->a + ((g->i0 + i) * g->a_row + g->p0 * g->a_col) * g->size, g->a_col, g->a_row, g->kb, TN__MIN(TN__GEMM_MR, g->mb - i));
}
/* A job's tiles: TN__GEMM_MC rows, two panels of columns. */
static void tn__gemm_tile_job(void *arg, int64_t job) {
    const tn__gemm_args *g = (const tn__gemm_args *)arg;
    const int64_t nr = g->kernel->nr, row_jobs = (g->mb + TN__GEMM_MC - 1) / TN__GEMM_MC;
    const int64_t i0 = job % row_jobs * TN__GEMM_MC, j0 = job / row_jobs * 2 * nr;
    const int64_t i1 = TN__MIN(i0 + TN__GEMM_MC, g->mb), j1 = TN__MIN(j0 + 2 * nr, g->nb);
    for (int64_t j = j0; j < j1; j += nr)
        for (int64_t i = i0; i < i1; i += TN__GEMM_MR)
            tn__gemm_tile(g, g->pack_a + i * g->kb * g->size, 1, TN__GEMM_MR, g->pack_b + j * g->kb * g->size, nr, g->i0 + i, g->j0 + j, g->kb, g->accumulate || g->p0 > 0);
}
static void tn__gemm_jobs(bool serial, int64_t n, tn__job_fn fn, tn__gemm_args *g) {
    if (!serial) {
        tn__parallel(n, fn, g);
        return;
    }
    for (int64_t i = 0; i < n; i++) fn(g, i);
}
/* False where there is no memory to pack into. */
static bool tn__gemm_packed(tn__gemm_args *g) {
    const int64_t nr = g->kernel->nr, mb = TN__MIN((g->m + 5) / 6 * 6, TN__GEMM_MB), nb = TN__MIN((g->n + nr - 1) / nr * nr, TN__GEMM_NB), kb = TN__MIN(g->k, TN__GEMM_KC);
    const size_t bytes_a = (size_t)(mb * kb * g->size + 63) & ~(size_t)63, bytes = bytes_a + (size_t)(nb * kb * g->size);
    const bool serial = (double)g->m * (double)g->n * (double)g->k < 1e6;
    g->pack_a = (char *)tn__try_alloc(bytes);
    if (!g->pack_a) return false;
    g->pack_b = g->pack_a + bytes_a;
    for (g->j0 = 0; g->j0 < g->n; g->j0 += g->nb) {
        g->nb = TN__MIN(g->n - g->j0, TN__GEMM_NB);
        for (g->p0 = 0; g->p0 < g->k; g->p0 += g->kb) {
            g->kb = TN__MIN(g->k - g->p0, TN__GEMM_KC);
            for (g->i0 = 0; g->i0 < g->m; g->i0 += g->mb) {
                g->mb = TN__MIN(g->m - g->i0, TN__GEMM_MB);
                const int64_t row_jobs = (g->mb + TN__GEMM_MC - 1) / TN__GEMM_MC;
                g->a_jobs = row_jobs;
                tn__gemm_jobs(serial, row_jobs + (g->i0 ? 0 : (g->nb + nr - 1) / nr), tn__gemm_pack_job, g); /* B once for all rows */
                tn__gemm_jobs(serial, row_jobs * ((g->nb + 2 * nr - 1) / (2 * nr)), tn__gemm_tile_job, g);
            }
        }
    }
    tn__free(g->pack_a, bytes);
    return true;
}
/* Small products whose B has whole panels of contiguous columns: nothing is packed. */
static bool tn__gemm_unpacked(const tn__gemm_args *g) {
    const int64_t nr = g->kernel->nr;
    double tile[TN__GEMM_MR * TN__GEMM_NR_MAX];
    if (g->b_col != 1 || g->n % nr != 0 || g->m < TN__GEMM_MR || g->k > TN__GEMM_KC || (double)g->m * (double)g->n * (double)g->k > 3e6) return false;
    for (int64_t j = 0; j < g->n; j += nr) {
        int64_t i = 0;
        for (; i + TN__GEMM_MR <= g->m; i += TN__GEMM_MR)
            tn__gemm_tile(g, g->a + i * g->a_row * g->size, g->a_row, g->a_col, g->b + j * g->size, g->b_row, i, j, g->k, g->accumulate);
        if (i == g->m) continue;
        const int64_t back = g->m - TN__GEMM_MR; /* the last six rows again; only what is new of them counts */
        g->kernel->micro(g->k, g->a + back * g->a_row * g->size, g->a_row, g->a_col, g->b + j * g->size, g->b_row, tile, nr, false);
        tn__gemm_edge(g->dt, g->c + (i * g->ldc + j) * g->size, g->ldc, (const char *)tile + (i - back) * nr * g->size, nr, g->m - i, nr, g->accumulate);
    }
    return true;
}
/* Few rows by a B whose columns are contiguous (a linear layer's weight): dot products, B is read once a row. */
#define TN__GEMM_DOTS ((int64_t)64)
static void tn__gemm_dots_job(void *arg, int64_t job) {
    const tn__gemm_args *g = (const tn__gemm_args *)arg;
    const int64_t j1 = TN__MIN((job + 1) * TN__GEMM_DOTS, g->n);
    for (int64_t j = job * TN__GEMM_DOTS; j < j1; j++)
        for (int64_t i = 0; i < g->m; i++) {
            const double v = g->kernel->dot(g->k, g->a + i * g->a_row * g->size, g->b + j * g->b_col * g->size);
            char *c = g->c + (i * g->ldc + j) * g->size;
            if (g->dt == TN_F32) *(float *)(void *)c = g->accumulate ? *(float *)(void *)c + (float)v : (float)v;
            else *(double *)(void *)c = g->accumulate ? *(double *)(void *)c + v : v;
        }
}
static bool tn__gemm_dots(tn__gemm_args *g) {
    if (g->m > 4 || g->b_row != 1 || g->a_col != 1) return false;
    tn__gemm_jobs(g->n * g->k < 65536, (g->n + TN__GEMM_DOTS - 1) / TN__GEMM_DOTS, tn__gemm_dots_job, g);
    return true;
}
/* Plain loops, for the tiniest products and for want of memory. */
#define TN__GEMM_PLAIN(name, T)                                                                                        \
    static void name(const tn__gemm_args *g) {                                                                         \
        for (int64_t i = 0; i < g->m; i++) {                                                                           \
            T *c = (T *)(void *)g->c + i * g->ldc;                                                                     \
            const T *a = (const T *)(const void *)g->a + i * g->a_row;                                                 \
            if (!g->accumulate)                                                                                        \
                for (int64_t j = 0; j < g->n; j++) c[j] = 0;                                                           \
            for (int64_t p = 0; p < g->k; p++) {                                                                       \
                const T v = a[p * g->a_col], *b = (const T *)(const void *)g->b + p * g->b_row;                        \
                for (int64_t j = 0; j < g->n; j++) c[j] = (T)(c[j] + (T)(v * b[j * g->b_col]));                        \
            }                                                                                                          \
        }                                                                                                              \
    }
TN__GEMM_PLAIN(tn__gemm_plain_f32, float)
TN__GEMM_PLAIN(tn__gemm_plain_f64, double)
TN__GEMM_PLAIN(tn__gemm_plain_i32, uint32_t) /* unsigned: integers wrap */
TN__GEMM_PLAIN(tn__gemm_plain_i64, uint64_t)
/* C = (C +) A B for any strides of A and B, in elements; rows of C are contiguous. dt: f32, f64, i32 or i64. */
static void tn__gemm_strided(tn_dtype dt, int64_t m, int64_t n, int64_t k, const void *a, int64_t a_row, int64_t a_col, const void *b, int64_t b_row, int64_t b_col,
                             void *c, int64_t ldc, bool accumulate) {
    tn__gemm_args g;
    memset(&g, 0, sizeof g);
    g.dt = dt;
    g.size = (int64_t)tn__dsize(dt);
    g.m = m, g.n = n, g.k = k;
    g.a = (const char *)a, g.a_row = a_row, g.a_col = a_col;
    g.b = (const char *)b, g.b_row = b_row, g.b_col = b_col;
    g.c = (char *)c, g.ldc = ldc;
    g.accumulate = accumulate;
    if (m == 0 || n == 0) return;
    if (dt == TN_I32) tn__gemm_plain_i32(&g);
    else if (dt == TN_I64) tn__gemm_plain_i64(&g);
    else {
        const bool tiny = k == 0 || (double)m * (double)n * (double)k <= 128;
        g.kernel = tn__gemm_kernels_of(dt);
        if (!tiny && (tn__gemm_dots(&g) || tn__gemm_unpacked(&g) || tn__gemm_packed(&g))) return;
        if (dt == TN_F32) tn__gemm_plain_f32(&g);
        else tn__gemm_plain_f64(&g);
    }
}
/* C = (C +) op(A) op(B), row-major: A is m x k (k x m where ta), B k x n (n x k where tb), C m x n. k = 0 gives zeros.
   Cannot fail; may be called inside a job, where it runs serially. */
TN__UNUSED static void tn__gemm(tn_dtype dt, bool ta, bool tb, int64_t m, int64_t n, int64_t k, const void *a, int64_t lda, const void *b, int64_t ldb, void *c, int64_t ldc, bool accumulate) {
    tn__gemm_strided(dt, m, n, k, a, ta ? 1 : lda, ta ? lda : 1, b, tb ? 1 : ldb, tb ? ldb : 1, c, ldc, accumulate);
}

/* -- products. Operands keep their strides; halves compute in f32, narrow integers in i32. -- */
static tn_dtype tn__mm_dtype(tn_dtype dt) { return tn__lane_dtype[tn__lane_of(dt)]; }
typedef struct { tn_dtype dt; int64_t m, n, k, a_row, a_col, b_row, b_col, a_batch, b_batch, size; const char *a, *b; char *c; bool accumulate; } tn__mm_args;
static void tn__mm_one(const tn__mm_args *p, int64_t i) {
    tn__gemm_strided(p->dt, p->m, p->n, p->k, p->a + i * p->a_batch * p->size, p->a_row, p->a_col, p->b + i * p->b_batch * p->size, p->b_row, p->b_col,
                     p->c + i * p->m * p->n * p->size, p->n, p->accumulate);
}
static void tn__mm_job(void *arg, int64_t job) { tn__mm_one((const tn__mm_args *)arg, job); }
/* out (in order, [batch,] m, n) = a b; the last two dims of a and b are the matrices. */
static bool tn__mm_run(tn_tensor *out, tn_tensor *a, tn_tensor *b, bool accumulate) {
    const tn_dtype dt = tn__mm_dtype(tn__dt(out));
    const int nd = a->ndim;
    tn__mm_args p;
    tn_tensor *y = tn__dt(out) == dt ? out : tn__new(dt, out->shape, out->ndim), *x = tn__dt(a) == dt ? a : tn__dense_as(a, dt), *w = tn__dt(b) == dt ? b : tn__dense_as(b, dt);
    if (!y || !x || !w) return false;
    memset(&p, 0, sizeof p);
    p.dt = dt;
    p.size = (int64_t)tn__dsize(dt);
    p.m = x->shape[nd - 2], p.k = x->shape[nd - 1], p.n = w->shape[nd - 1];
    p.a_row = x->strides[nd - 2], p.a_col = x->strides[nd - 1];
    p.b_row = w->strides[nd - 2], p.b_col = w->strides[nd - 1];
    p.a = x->data, p.b = w->data, p.c = y->data;
    p.accumulate = accumulate;
    const int64_t batch = nd == 3 ? x->shape[0] : 1;
    if (nd == 3) p.a_batch = x->strides[0], p.b_batch = w->strides[0];
    if (batch > 1 && (double)p.m * (double)p.n * (double)p.k < 4e6) tn__parallel(batch, tn__mm_job, &p); /* small ones side by side */
    else
        for (int64_t i = 0; i < batch; i++) tn__mm_one(&p, i);
    if (y != out) tn__copy_raw(out, y);
    return true;
}
static bool tn__mm_check(const tn__call *c, const tn_tensor *a, const tn_tensor *b, int nd) {
    if (tn__dt(a) != tn__dt(b)) return tn__op_fail(c, TN_ERR_DTYPE, "operands of one dtype are wanted, got %s and %s", tn_dtype_name(tn__dt(a)), tn_dtype_name(tn__dt(b)));
    if (tn__is_complex(tn__dt(a)) || tn__dt(a) == TN_BOOL) return tn__op_fail(c, TN_ERR_DTYPE, "%s is not supported", tn_dtype_name(tn__dt(a)));
    if (a->ndim != nd || b->ndim != nd) return tn__op_fail(c, TN_ERR_SHAPE, "operands of %d dims are wanted, got %s and %s", nd, TN__SHAPE_TEXT(a), TN__SHAPE_TEXT(b));
    if (nd == 3 && a->shape[0] != b->shape[0]) return tn__op_fail(c, TN_ERR_SHAPE, "batches differ: %s x %s", TN__SHAPE_TEXT(a), TN__SHAPE_TEXT(b));
    if (a->shape[nd - 1] != b->shape[nd - 2]) return tn__op_fail(c, TN_ERR_SHAPE, "inner dimensions differ: %s x %s", TN__SHAPE_TEXT(a), TN__SHAPE_TEXT(b));
    return true;
}
static bool tn__infer_mm(tn__call *c) {
    const int nd = c->op == TN__OP_bmm ? 3 : 2;
    if (!tn__mm_check(c, c->in[0], c->in[1], nd)) return false;
    const int64_t shape[3] = {c->in[0]->shape[0], c->in[0]->shape[nd - 2], c->in[1]->shape[nd - 1]};
    return (c->out[0] = tn__new(tn__dt(c->in[0]), shape + (3 - nd), nd)) != NULL;
}
static bool tn__kernel_mm(tn__call *c) { return tn__mm_run(c->out[0], c->in[0], c->in[1], false); }
static bool tn__grad_mm(tn__back *b) {
    const int op = tn__back_op(b);
    if (tn__want(b, 0) && !(b->gx[0] = tn__op2(op, b->g, tn_transpose(b->x[1], -2, -1), NULL))) return false;
    return !tn__want(b, 1) || (b->gx[1] = tn__op2(op, tn_transpose(b->x[0], -2, -1), b->g, NULL)) != NULL;
}
TN_API tn_tensor *tn_mm(tn_tensor *a, tn_tensor *b) { return tn__op2(TN__OP_mm, a, b, NULL); }
TN_API tn_tensor *tn_bmm(tn_tensor *a, tn_tensor *b) { return tn__op2(TN__OP_bmm, a, b, NULL); }
/* linear: x [..., in] by weight [out, in], the bias put under the product. */
static bool tn__infer_linear(tn__call *c) {
    const tn_tensor *x = c->in[0], *w = c->in[1], *b = c->in[2];
    int64_t shape[TN_MAX_DIMS];
    int n = 0;
    if (x->ndim < 1 || w->ndim < 1 || w->ndim > 2) return tn__op_fail(c, TN_ERR_SHAPE, "[..., in] and [out, in] are wanted, got %s and %s", TN__SHAPE_TEXT(x), TN__SHAPE_TEXT(w));
    if (tn__dt(x) != tn__dt(w) || (b && tn__dt(b) != tn__dt(w))) return tn__op_fail(c, TN_ERR_DTYPE, "operands of one dtype are wanted, got %s, %s%s%s", tn_dtype_name(tn__dt(x)), tn_dtype_name(tn__dt(w)), b ? ", " : "", b ? tn_dtype_name(tn__dt(b)) : "");
    if (tn__is_complex(tn__dt(x)) || tn__dt(x) == TN_BOOL) return tn__op_fail(c, TN_ERR_DTYPE, "%s is not supported", tn_dtype_name(tn__dt(x)));
    if (x->shape[x->ndim - 1] != w->shape[w->ndim - 1]) return tn__op_fail(c, TN_ERR_SHAPE, "inner dimensions differ: %s x %s transposed", TN__SHAPE_TEXT(x), TN__SHAPE_TEXT(w));
    for (int d = 0; d + 1 < x->ndim; d++) shape[n++] = x->shape[d];
    if (w->ndim == 2) shape[n++] = w->shape[0];
    if (b && (b->ndim > 1 || (b->ndim == 1 && b->numel != (w->ndim == 2 ? w->shape[0] : 1)))) return tn__op_fail(c, TN_ERR_SHAPE, "the bias is %s, the weight %s", TN__SHAPE_TEXT(b), TN__SHAPE_TEXT(w));
    return (c->out[0] = tn__new(tn__dt(x), shape, n)) != NULL;
}
static bool tn__kernel_linear(tn__call *c) {
    tn_tensor *x = tn__dense(c->in[0]), *w = c->in[1], *b = c->in[2], *y = c->out[0];
    const int64_t in = w->shape[w->ndim - 1], out = w->ndim == 2 ? w->shape[0] : 1, rows = x && in ? x->numel / in : y->numel / TN__MAX(out, 1);
    const int64_t xs[2] = {rows, in}, xt[2] = {in, 1}, ws[2] = {in, out}, wt[2] = {w->strides[w->ndim - 1], w->ndim == 2 ? w->strides[0] : 1}, ys[2] = {rows, out}, yt[2] = {out, 1};
    const bool same = tn__mm_dtype(tn__dt(y)) == tn__dt(y);
    if (!x) return false;
    const bool wide = b && !same; /* halves: product and bias in f32, rounded once */
    tn_tensor *x2 = tn__alias(x, xs, xt, 2, 0), *w2 = tn__alias(w, ws, wt, 2, 0), *y2 = tn__alias(y, ys, yt, 2, 0), *sum = wide ? tn__new(tn__mm_dtype(tn__dt(y)), ys, 2) : y2;
    if (wide) x2 = tn_to_dtype(x2, tn__mm_dtype(tn__dt(y))), w2 = tn_to_dtype(w2, tn__mm_dtype(tn__dt(y)));
    if (!x2 || !w2 || !y2 || !sum) return false;
    if (b) tn__copy_raw(sum, b);
    if (!tn__mm_run(sum, x2, w2, b != NULL)) return false;
    if (wide) tn__copy_raw(y2, sum);
    return true;
}
static bool tn__grad_linear(tn__back *b) {
    int n, wn;
    const int64_t *in = tn__in_shape(b, 0, &n), *ws = tn__in_shape(b, 1, &wn);
    const int64_t out = wn == 2 ? ws[0] : 1, lines = out ? b->g->numel / out : 0, gs[2] = {lines, out}, xs[2] = {lines, ws[wn - 1]}, w2[2] = {out, ws[wn - 1]};
    const tn_reduce_opts rows = {0, true, false, {0}, 0, TN_DTYPE_DEFAULT};
    if (b->g->numel == 0) { /* no lines, or no columns: every gradient is zero */
        for (int i = 0; i < b->n_in; i++) {
            int k;
            const int64_t *shape = tn__in_shape(b, i, &k);
            if (tn__want(b, i) && !(b->gx[i] = tn_zeros(shape, k, NULL))) return false;
        }
        return true;
    }
    tn_tensor *g = tn_reshape(b->g, gs, 2);
    if (tn__want(b, 0) && !(b->gx[0] = tn_reshape(tn_mm(g, tn_reshape(b->x[1], w2, 2)), in, n))) return false;
    if (tn__want(b, 1) && !(b->gx[1] = tn_reshape(tn_mm(tn_t(g), tn_reshape(b->x[0], xs, 2)), ws, wn))) return false;
    if (!tn__want(b, 2)) return true;
    const int64_t *bs = tn__in_shape(b, 2, &wn);
    return (b->gx[2] = tn_reshape(tn_sum(g, &rows), bs, wn)) != NULL;
}
TN_API tn_tensor *tn_linear(tn_tensor *x, tn_tensor *weight, tn_tensor *bias) {
    tn_tensor *in[3] = {x, weight, bias};
    return tn__opn(TN__OP_linear, in, 3, NULL);
}
/* torch.matmul: vectors become matrices for the time of the product, batches broadcast. */
static bool tn__infer_matmul(tn__call *c) {
    tn_tensor *a = c->in[0], *b = c->in[1];
    int64_t shape[TN_MAX_DIMS], wide[TN_MAX_DIMS], flat[3];
    if (!a->ndim || !b->ndim) return tn__op_fail(c, TN_ERR_SHAPE, "0-d operands: %s x %s", TN__SHAPE_TEXT(a), TN__SHAPE_TEXT(b));
    if (tn__dt(a) != tn__dt(b)) return tn__op_fail(c, TN_ERR_DTYPE, "operands of one dtype are wanted, got %s and %s", tn_dtype_name(tn__dt(a)), tn_dtype_name(tn__dt(b)));
    if (a->shape[a->ndim - 1] != b->shape[b->ndim > 1 ? b->ndim - 2 : 0]) return tn__op_fail(c, TN_ERR_SHAPE, "inner dimensions differ: %s x %s", TN__SHAPE_TEXT(a), TN__SHAPE_TEXT(b));
    const bool va = a->ndim == 1, vb = b->ndim == 1;
    if (va) a = tn_unsqueeze(a, 0);
    if (vb) b = tn_unsqueeze(b, 1);
    if (!a || !b) return false;
    tn_tensor *y;
    if (a->ndim == 2 && b->ndim == 2) y = tn_mm(a, b);
    else if (b->ndim == 2) { /* one matrix for all: the batch is more rows */
        const int64_t rows[2] = {a->numel / TN__MAX(a->shape[a->ndim - 1], 1), a->shape[a->ndim - 1]};
        memcpy(shape, a->shape, sizeof shape);
        shape[a->ndim - 1] = b->shape[1];
        const int nd = a->ndim;
        int64_t count = 1;
        for (int d = 0; d + 1 < nd; d++) count *= shape[d];
        const int64_t exact[2] = {count, rows[1]};
        y = tn_reshape(tn_mm(tn_reshape(a, exact, 2), b), shape, nd);
    } else {
        const int nd = TN__MAX(a->ndim, b->ndim);
        int64_t batch = 1;
        for (int d = 0; d < nd - 2; d++) {
            const int da = d - (nd - a->ndim), db = d - (nd - b->ndim);
            const int64_t sa = da < 0 ? 1 : a->shape[da], sb = db < 0 ? 1 : b->shape[db];
            if (sa != sb && sa != 1 && sb != 1) return tn__op_fail(c, TN_ERR_SHAPE, "batches do not broadcast: %s x %s", TN__SHAPE_TEXT(c->in[0]), TN__SHAPE_TEXT(c->in[1]));
            shape[d] = sa == 1 ? sb : sa;
            batch *= shape[d];
        }
        memcpy(wide, shape, sizeof wide);
        wide[nd - 2] = a->shape[a->ndim - 2], wide[nd - 1] = a->shape[a->ndim - 1];
        flat[0] = batch, flat[1] = wide[nd - 2], flat[2] = wide[nd - 1];
        a = tn_reshape(tn_expand(a, wide, nd), flat, 3);
        shape[nd - 2] = wide[nd - 2], shape[nd - 1] = b->shape[b->ndim - 1];
        wide[nd - 2] = b->shape[b->ndim - 2], wide[nd - 1] = b->shape[b->ndim - 1];
        flat[1] = wide[nd - 2], flat[2] = wide[nd - 1];
        b = tn_reshape(tn_expand(b, wide, nd), flat, 3);
        y = tn_reshape(tn_bmm(a, b), shape, nd);
    }
    const int last = y ? y->ndim - 1 : 0, before = last - 1, zero = 0;
    if (y && vb) y = tn_squeeze_dims(y, &last, 1);
    if (y && va) y = tn_squeeze_dims(y, vb ? &zero : &before, 1);
    return (c->out[0] = y) != NULL;
}
TN_API tn_tensor *tn_matmul(tn_tensor *a, tn_tensor *b) { return tn__op2(TN__OP_matmul, a, b, NULL); }
static bool tn__infer_mv(tn__call *c) {
    tn_tensor *a = c->in[0], *x = c->in[1];
    const int one = 1;
    if (a->ndim != 2 || x->ndim != 1) return tn__op_fail(c, TN_ERR_SHAPE, "a matrix and a vector are wanted, got %s and %s", TN__SHAPE_TEXT(a), TN__SHAPE_TEXT(x));
    return (c->out[0] = tn_squeeze_dims(tn_mm(a, tn_unsqueeze(x, 1)), &one, 1)) != NULL;
}
TN_API tn_tensor *tn_mv(tn_tensor *a, tn_tensor *x) { return tn__op2(TN__OP_mv, a, x, NULL); }
static bool tn__infer_dot(tn__call *c) {
    tn_tensor *x = c->in[0], *y = c->in[1];
    if (x->ndim != 1 || y->ndim != 1 || x->numel != y->numel) return tn__op_fail(c, TN_ERR_SHAPE, "two vectors of one length are wanted, got %s and %s", TN__SHAPE_TEXT(x), TN__SHAPE_TEXT(y));
    return (c->out[0] = tn_reshape(tn_mm(tn_unsqueeze(x, 0), tn_unsqueeze(y, 1)), NULL, 0)) != NULL;
}
TN_API tn_tensor *tn_dot(tn_tensor *x, tn_tensor *y) { return tn__op2(TN__OP_dot, x, y, NULL); }
static bool tn__infer_outer(tn__call *c) {
    if (c->in[0]->ndim != 1 || c->in[1]->ndim != 1) return tn__op_fail(c, TN_ERR_SHAPE, "two vectors are wanted, got %s and %s", TN__SHAPE_TEXT(c->in[0]), TN__SHAPE_TEXT(c->in[1]));
    return (c->out[0] = tn_mul(tn_unsqueeze(c->in[0], 1), tn_unsqueeze(c->in[1], 0))) != NULL;
}
TN_API tn_tensor *tn_outer(tn_tensor *x, tn_tensor *y) { return tn__op2(TN__OP_outer, x, y, NULL); }
/* beta c + alpha a b, for matrices and batches of them. */
static bool tn__infer_addmm(tn__call *c) {
    const tn__attr_num *a = (const tn__attr_num *)c->attr;
    tn_tensor *p = tn__op2(c->op == TN__OP_baddbmm ? TN__OP_bmm : TN__OP_mm, c->in[1], c->in[2], NULL), *base = c->in[0];
    int64_t shape[TN_MAX_DIMS];
    int n;
    if (!p) return false;
    tn_tensor *both[2] = {base, p};
    if (!tn__broadcast(c, both, 2, shape, &n)) return false;
    if (n != p->ndim || memcmp(shape, p->shape, (size_t)n * sizeof *shape) != 0) return tn__op_fail(c, TN_ERR_SHAPE, "%s does not broadcast to %s", TN__SHAPE_TEXT(base), TN__SHAPE_TEXT(p));
    if (a->v[1] != 1) p = (tn_mul)(p, tn__is_int(tn__dt(p)) ? tn_arg_i((int64_t)a->v[1]) : tn_arg_f(a->v[1]));
    if (a->v[0] == 0) return (c->out[0] = p) != NULL; /* base is not read: its NaN do not count */
    if (a->v[0] != 1) base = (tn_mul)(base, tn__is_int(tn__dt(p)) ? tn_arg_i((int64_t)a->v[0]) : tn_arg_f(a->v[0]));
    return (c->out[0] = tn_add(base, p)) != NULL;
}
TN__WIDE(addmm)
static tn_tensor *tn__addmm(int op, tn_tensor *c, tn_tensor *a, tn_tensor *b, double beta, double alpha) {
    TN__ATTR(tn__attr_num, attr);
    attr.v[0] = beta;
    attr.v[1] = alpha;
    return tn__op3(op, c, a, b, &attr);
}
TN_API tn_tensor *tn_addmm(tn_tensor *c, tn_tensor *a, tn_tensor *b, double beta, double alpha) { return tn__addmm(TN__OP_addmm, c, a, b, beta, alpha); }
TN_API tn_tensor *tn_baddbmm(tn_tensor *c, tn_tensor *a, tn_tensor *b, double beta, double alpha) { return tn__addmm(TN__OP_baddbmm, c, a, b, beta, alpha); }

/* -- einsum: operands are contracted from left to right; a label is an upper or lower case letter, or one of the places
   of the ellipsis (numbered 52 and on) -- */
typedef struct { tn_tensor *t; int n; int label[TN_MAX_DIMS]; } tn__labelled;
static int tn__label_at(const tn__labelled *a, int label) {
    for (int i = 0; i < a->n; i++)
        if (a->label[i] == label) return i;
    return -1;
}
static int tn__letter(char ch) { return ch >= 'a' && ch <= 'z' ? ch - 'a' : ch >= 'A' && ch <= 'Z' ? ch - 'A' + 26 : -1; }
/* Reads one operand's labels from s to its end or a comma or arrow; dots counts the ellipsis's dims. */
static const char *tn__einsum_labels(const char *s, int ndim, tn__labelled *a, int *dots) {
    const char *p = s;
    int letters = 0, at = 0;
    bool ellipsis = false;
    for (; *p && *p != ',' && !(p[0] == '-' && p[1] == '>'); p++) {
        if (*p == ' ') continue;
        if (*p == '.') {
            if (ellipsis || p[1] != '.' || p[2] != '.') return (const char *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_einsum: a misplaced dot in '%s'", s);
            ellipsis = true;
            p += 2;
        } else if (tn__letter(*p) < 0) return (const char *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_einsum: '%c' is no label", *p);
        else letters++;
    }
    const int wide = ndim < 0 ? *dots : ellipsis ? ndim - letters : 0; /* ndim < 0: the output */
    if (letters + (ellipsis ? wide : 0) > TN_MAX_DIMS || (ndim >= 0 && (wide < 0 || letters + wide != ndim))) return (const char *)TN__FAIL_NULL(TN_ERR_SHAPE, "tn_einsum: %d labels for %d dims", letters, ndim);
    for (const char *q = s; q < p; q++) {
        if (*q == ' ') continue;
        if (*q != '.') {
            a->label[at++] = tn__letter(*q);
            continue;
        }
        for (int k = 0; k < wide; k++) a->label[at++] = 52 + TN_MAX_DIMS - wide + k; /* aligned at the end */
        q += 2;
    }
    if (ndim >= 0 && wide > *dots) *dots = wide;
    a->n = at;
    return p;
}
/* A label that occurs twice is a diagonal. */
static bool tn__einsum_diagonals(tn__labelled *a) {
    for (int i = 0; i < a->n; i++)
        for (int k = i + 1; k < a->n; k++) {
            if (a->label[k] != a->label[i]) continue;
            if (a->t->shape[i] != a->t->shape[k]) return tn__fail(TN_ERR_SHAPE, "tn_einsum: a label for sizes %lld and %lld", (long long)a->t->shape[i], (long long)a->t->shape[k]);
            const int label = a->label[i];
            if (!(a->t = tn_diagonal(a->t, 0, i, k))) return false;
            memmove(a->label + k, a->label + k + 1, (size_t)(a->n - k - 1) * sizeof *a->label);
            memmove(a->label + i, a->label + i + 1, (size_t)(a->n - 1 - i - 1) * sizeof *a->label);
            a->label[--a->n - 1] = label;
            return tn__einsum_diagonals(a);
        }
    return true;
}
static bool tn__einsum_sum(tn__labelled *a, uint64_t needed) { /* what nobody else needs is summed away */
    tn_reduce_opts o;
    int n = 0;
    memset(&o, 0, sizeof o);
    for (int i = 0; i < a->n; i++)
        if (!(needed >> a->label[i] & 1u)) o.dims[o.n_dims++] = i;
        else a->label[n++] = a->label[i];
    a->n = n;
    return !o.n_dims || (a->t = tn_sum(a->t, &o)) != NULL;
}
/* Brings a's labels into the order of list (those that it lacks get size 1), as a tensor of n dims. */
static tn_tensor *tn__einsum_arrange(const tn__labelled *a, const int *list, int n) {
    int order[TN_MAX_DIMS], used = 0;
    int64_t shape[TN_MAX_DIMS];
    for (int i = 0; i < n; i++) {
        const int at = tn__label_at(a, list[i]);
        shape[i] = at < 0 ? 1 : a->t->shape[at];
        if (at >= 0) order[used++] = at;
    }
    return tn_reshape(tn_permute(a->t, order, used), shape, n);
}
static int64_t tn__einsum_size(const tn__labelled *a, const tn__labelled *b, int label) {
    const int i = tn__label_at(a, label), k = tn__label_at(b, label);
    const int64_t sa = i < 0 ? 1 : a->t->shape[i], sb = k < 0 ? 1 : b->t->shape[k];
    return sa != sb && sa != 1 && sb != 1 ? -1 : sa == 1 ? sb : sa;
}
/* a and b to one operand with the labels that are needed: a batched product of matrices. */
static bool tn__einsum_pair(tn__labelled *a, const tn__labelled *b, uint64_t needed) {
    int batch[TN_MAX_DIMS], left[TN_MAX_DIMS], right[TN_MAX_DIMS], inner[TN_MAX_DIMS], nb = 0, nl = 0, nr = 0, ni = 0, list[3 * TN_MAX_DIMS];
    int64_t sizes[3] = {1, 1, 1}, k = 1, shape[TN_MAX_DIMS];
    for (int i = 0; i < a->n; i++) {
        const int l = a->label[i];
        const int64_t size = tn__einsum_size(a, b, l);
        if (size < 0) return tn__fail(TN_ERR_SHAPE, "tn_einsum: a label has two sizes: %s, %s", TN__SHAPE_TEXT(a->t), TN__SHAPE_TEXT(b->t));
        if (tn__label_at(b, l) < 0) left[nl++] = l, sizes[1] *= size;
        else if (needed >> l & 1u) batch[nb++] = l, sizes[0] *= size;
        else inner[ni++] = l, k *= size;
    }
    for (int i = 0; i < b->n; i++)
        if (tn__label_at(a, b->label[i]) < 0) right[nr++] = b->label[i], sizes[2] *= b->t->shape[i];
    if (nb + nl + ni > TN_MAX_DIMS || nb + nr + ni > TN_MAX_DIMS || nb + nl + nr > TN_MAX_DIMS) return tn__fail(TN_ERR_SHAPE, "tn_einsum: more than %d labels at once", TN_MAX_DIMS);
    tn_tensor *m[2];
    for (int side = 0; side < 2; side++) { /* [batch, left, inner] and [batch, inner, right] */
        const tn__labelled *o = side ? b : a;
        int n = 0;
        for (int i = 0; i < nb; i++) list[n++] = batch[i];
        for (int i = 0; side ? i < ni : i < nl; i++) list[n++] = side ? inner[i] : left[i];
        for (int i = 0; side ? i < nr : i < ni; i++) list[n++] = side ? right[i] : inner[i];
        m[side] = tn__einsum_arrange(o, list, n);
        for (int i = 0; i < n; i++) shape[i] = tn__einsum_size(a, b, list[i]);
        const int64_t flat[3] = {sizes[0], side ? k : sizes[1], side ? sizes[2] : k};
        m[side] = tn_reshape(tn_expand(m[side], shape, n), flat, 3);
    }
    int n = 0;
    for (int i = 0; i < nb; i++) list[n++] = batch[i];
    for (int i = 0; i < nl; i++) list[n++] = left[i];
    for (int i = 0; i < nr; i++) list[n++] = right[i];
    for (int i = 0; i < n; i++) shape[i] = tn__einsum_size(a, b, list[i]);
    if (!(a->t = tn_reshape(tn_bmm(m[0], m[1]), shape, n))) return false;
    memcpy(a->label, list, (size_t)n * sizeof *list);
    a->n = n;
    return true;
}
#define TN__EINSUM_MAX 32
static bool tn__einsum_parse(const char *eq, tn_tensor *const *operands, int n, tn__labelled *a, tn__labelled *out) {
    const char *p = eq;
    int dots = 0, count[64];
    memset(count, 0, sizeof count);
    for (int i = 0; i < n; i++) {
        if (!operands[i]) return tn__fail_null("tn_einsum: operand");
        a[i].t = operands[i];
        if (!(p = tn__einsum_labels(p, operands[i]->ndim, &a[i], &dots))) return false;
        for (int k = 0; k < a[i].n; k++) count[a[i].label[k]]++;
        if (i + 1 < n && *p++ != ',') return tn__fail(TN_ERR_INVALID, "tn_einsum: '%s' has labels for fewer than %d operands", eq, n);
    }
    if (*p == ',') return tn__fail(TN_ERR_INVALID, "tn_einsum: '%s' has labels for more than %d operands", eq, n);
    out->n = 0;
    if (*p) {
        if (!(p = tn__einsum_labels(p + 2, -1, out, &dots))) return false;
        for (int k = 0; k < out->n; k++) {
            if (out->label[k] < 52 && !count[out->label[k]]) return tn__fail(TN_ERR_INVALID, "tn_einsum: the result has a label that no operand has");
            if (tn__label_at(out, out->label[k]) < k) return tn__fail(TN_ERR_INVALID, "tn_einsum: the result has a label twice");
        }
        return *p == 0 || tn__fail(TN_ERR_INVALID, "tn_einsum: '%s' goes on after the result", eq);
    }
    for (int k = TN_MAX_DIMS - dots; k < TN_MAX_DIMS; k++) out->label[out->n++] = 52 + k; /* implicit: the ellipsis, then single labels, A before a */
    for (int l = 0; l < 52; l++) {
        const int label = l < 26 ? l + 26 : l - 26;
        if (count[label] != 1) continue;
        if (out->n == TN_MAX_DIMS) return tn__fail(TN_ERR_SHAPE, "tn_einsum: more than %d dims", TN_MAX_DIMS);
        out->label[out->n++] = label;
    }
    return true;
}
TN_API tn_tensor *tn_einsum(const char *equation, tn_tensor *const *operands, int n) {
    tn__labelled a[TN__EINSUM_MAX], out;
    uint64_t result = 0;
    if (!equation || !operands || n < 1 || n > TN__EINSUM_MAX) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_einsum: an equation and 1 to %d operands are wanted", TN__EINSUM_MAX);
    if (!tn__einsum_parse(equation, operands, n, a, &out)) return NULL;
    for (int k = 0; k < out.n; k++) result |= 1ull << out.label[k];
    for (int i = 0; i < n; i++)
        if (!tn__einsum_diagonals(&a[i])) return NULL;
    for (int i = 0; i < n; i++) { /* a[0] takes in one operand after another */
        uint64_t later = result, other = 0;
        for (int k = i + 1; k < n; k++)
            for (int q = 0; q < a[k].n; q++) later |= 1ull << a[k].label[q];
        for (int q = 0; i && q < a[0].n; q++) other |= 1ull << a[0].label[q];
        if (!tn__einsum_sum(&a[i], later | other)) return NULL;
        if (i && !tn__einsum_pair(&a[0], &a[i], later)) return NULL;
    }
    if (!tn__einsum_sum(&a[0], result)) return NULL;
    return tn__einsum_arrange(&a[0], out.label, out.n);
}

/* ================================================================================================================ */
/* >>conv (Private)                                                                                                 */
/* Convolution, pooling, resizing.                                                                                  */
/* ================================================================================================================ */

static tn_dtype tn__norm_dtype(tn_dtype dt) { return dt == TN_F64 ? TN_F64 : TN_F32; }
TN__NOINLINE static bool tn__floating(const tn__call *c, const tn_tensor *x) {
    return tn__is_float(tn__dt(x)) || tn__op_fail(c, TN_ERR_DTYPE, "a floating dtype is wanted, got %s", tn_dtype_name(tn__dt(x)));
}
/* The output, or what stands in for it where it is of another dtype than is computed in. */
TN__NOINLINE static tn_tensor *tn__norm_target(tn_tensor *y, tn_dtype dt) { return tn__dt(y) == dt ? y : tn__new(dt, y->shape, y->ndim); }
/* Convolution has three rows that are one another's gradients: convolution (x, weight), conv_input (g, weight), which is
   also the transposed convolution, and conv_weight (g, x). All work over three axes; absent ones have size 1. For each
   sample and group the patches are laid out as a matrix [channels * kernel, places] and go through the one GEMM. */
typedef struct tn__attr_conv {
    uint32_t size;
    int32_t axes;                        /* 1 to 3 */
    int64_t stride[3], padding[3], dilation[3], groups;
    int64_t in[3], kernel[3];            /* sizes of the input's places and of the kernel: for conv_input and conv_weight */
} tn__attr_conv;
typedef struct tn__conv_args {
    tn_dtype dt;
    int64_t n, c, o, groups, cg, og, size; /* samples, channels in and out, of a group; bytes an element */
    int64_t in[3], k[3], out[3], places_in, places, patch; /* patch: cg * kernel */
    const tn__attr_conv *a;
    const char *x, *w, *g;
    char *y, *col;
    int64_t slots, first;
} tn__conv_args;
#define TN__CONV_SLOTS 16
static tn_dtype tn__conv_dtype(tn_dtype dt) { return dt == TN_I64 ? dt : tn__norm_dtype(dt); }
static bool tn__conv_takes(const tn__call *c, const tn_tensor *x) { return tn__dt(x) == TN_I64 || tn__floating(c, x); }
/* Three-axis sizes from the last axes dims of a shape. */
static void tn__conv_sizes(const int64_t *shape, int ndim, int axes, int64_t *out) {
    for (int k = 0; k < 3; k++) out[k] = k < 3 - axes ? 1 : shape[ndim - 3 + k];
}
/* Of a line of out windows, those that begin at first + w * step inside [0, in): [*from, *to). */
static void tn__conv_inside(int64_t first, int64_t step, int64_t in, int64_t out, int64_t *from, int64_t *to) {
    *from = TN__MIN(first >= 0 ? 0 : (-first + step - 1) / step, out);
    *to = first >= in ? *from : TN__MAX(TN__MIN((in - first + step - 1) / step, out), *from);
}
#define TN__IM2COL(name, T)                                                                                            \
    static void name(const tn__conv_args *v, const char *xv, char *colv, bool back) {                                  \
        const tn__attr_conv *a = v->a;                                                                                 \
        T *x = (T *)(uintptr_t)xv, *col = (T *)(void *)colv;                                                           \
        const int64_t width = v->out[2], s = a->stride[2];                                                             \
        for (int64_t c = 0; c < v->cg; c++)                                                                            \
            for (int64_t kd = 0; kd < v->k[0]; kd++)                                                                   \
                for (int64_t kh = 0; kh < v->k[1]; kh++)                                                               \
                    for (int64_t kw = 0; kw < v->k[2]; kw++) {                                                         \
                        const int64_t iw = kw * a->dilation[2] - a->padding[2];                                        \
                        int64_t from, to;                                                                              \
                        tn__conv_inside(iw, s, v->in[2], width, &from, &to);                                           \
                        for (int64_t d = 0; d < v->out[0]; d++)                                                        \
                            for (int64_t h = 0; h < v->out[1]; h++, col += width) {                                    \
                                const int64_t id = d * a->stride[0] - a->padding[0] + kd * a->dilation[0];             \
                                const int64_t ih = h * a->stride[1] - a->padding[1] + kh * a->dilation[1];             \
                                const bool row = id >= 0 && id < v->in[0] && ih >= 0 && ih < v->in[1] && from < to;    \
                                T *line = row ? x + ((c * v->in[0] + id) * v->in[1] + ih) * v->in[2] + iw : NULL;      \
                                if (back) {                                                                            \
                                    for (int64_t w = from; row && w < to; w++) line[w * s] += col[w];                  \
                                    continue;                                                                          \
                                }                                                                                      \
                                for (int64_t w = 0; w < (row ? from : width); w++) col[w] = 0;                         \
                                if (row && s == 1) memcpy(col + from, line + from, (size_t)(to - from) * sizeof(T));   \
                                for (int64_t w = from; row && s != 1 && w < to; w++) col[w] = line[w * s];             \
                                for (int64_t w = to; row && w < width; w++) col[w] = 0;                                \
                            }                                                                                          \
                    }                                                                                                  \
    }
TN__IM2COL(tn__im2col_f32, float)
TN__IM2COL(tn__im2col_f64, double)
TN__IM2COL(tn__im2col_i64, int64_t)
static void tn__im2col(const tn__conv_args *v, const char *x, char *col, bool back) { /* back: adds the columns into x */
    if (v->dt == TN_F32) tn__im2col_f32(v, x, col, back);
    else if (v->dt == TN_F64) tn__im2col_f64(v, x, col, back);
    else tn__im2col_i64(v, x, col, back);
}
static bool tn__conv_plain(const tn__conv_args *v) { /* 1x1, stride 1: the input is the matrix */
    const tn__attr_conv *a = v->a;
    bool plain = true;
    for (int k = 0; k < 3; k++) plain = plain && v->k[k] == 1 && a->stride[k] == 1 && a->padding[k] == 0;
    return plain;
}
static void tn__conv_forward_job(void *arg, int64_t slot) {
    const tn__conv_args *v = (const tn__conv_args *)arg;
    const int64_t job = v->first + slot, i = job / v->groups, q = job % v->groups;
    const char *x = v->x + (i * v->c + q * v->cg) * v->places_in * v->size;
    char *col = v->col + slot * v->patch * v->places * v->size;
    const bool plain = tn__conv_plain(v);
    if (!plain) tn__im2col(v, x, col, false);
    tn__gemm(v->dt, false, false, v->og, v->places, v->patch, v->w + q * v->og * v->patch * v->size, v->patch, plain ? x : col, v->places, v->y + (i * v->o + q * v->og) * v->places * v->size, v->places, false);
}
static void tn__conv_input_job(void *arg, int64_t slot) {
    const tn__conv_args *v = (const tn__conv_args *)arg;
    const int64_t job = v->first + slot, i = job / v->groups, q = job % v->groups;
    char *col = v->col + slot * v->patch * v->places * v->size, *x = v->y + (i * v->c + q * v->cg) * v->places_in * v->size;
    tn__gemm(v->dt, true, false, v->patch, v->places, v->og, v->w + q * v->og * v->patch * v->size, v->patch, v->g + (i * v->o + q * v->og) * v->places * v->size, v->places, col, v->places, false);
    memset(x, 0, (size_t)(v->cg * v->places_in * v->size));
    tn__im2col(v, x, col, true);
}
static void tn__conv_weight_job(void *arg, int64_t slot) { /* a slot takes every slots-th sample, and has a sum of its own */
    const tn__conv_args *v = (const tn__conv_args *)arg;
    char *col = v->col + slot * v->patch * v->places * v->size, *w = v->y + slot * v->o * v->patch * v->size;
    memset(w, 0, (size_t)(v->o * v->patch * v->size));
    for (int64_t i = slot; i < v->n; i += v->slots)
        for (int64_t q = 0; q < v->groups; q++) {
            const char *x = v->x + (i * v->c + q * v->cg) * v->places_in * v->size;
            const bool plain = tn__conv_plain(v);
            if (!plain) tn__im2col(v, x, col, false);
            tn__gemm(v->dt, false, true, v->og, v->patch, v->places, v->g + (i * v->o + q * v->og) * v->places * v->size, v->places, plain ? x : col, v->places, w + q * v->og * v->patch * v->size, v->patch, true);
        }
}
static void tn__conv_layout(tn__conv_args *v, const tn__attr_conv *a, tn_dtype dt, int64_t n, int64_t c, int64_t o, const int64_t *in, const int64_t *kernel, const int64_t *out) {
    memset(v, 0, sizeof *v);
    v->a = a;
    v->dt = dt;
    v->size = (int64_t)tn__dsize(dt);
    v->n = n, v->c = c, v->o = o;
    v->groups = a->groups, v->cg = c / a->groups, v->og = o / a->groups;
    v->places = v->places_in = 1;
    v->patch = v->cg;
    for (int k = 0; k < 3; k++) {
        v->in[k] = in[k], v->k[k] = kernel[k], v->out[k] = out[k];
        v->places_in *= in[k];
        v->places *= out[k];
        v->patch *= kernel[k];
    }
}
/* Runs a job for each sample and group, TN__CONV_SLOTS matrices at a time. */
static bool tn__conv_each(tn__conv_args *v, tn__job_fn job) {
    const int64_t jobs = v->n * v->groups;
    v->slots = TN__MIN(jobs, TN__CONV_SLOTS);
    const size_t bytes = (size_t)(v->slots * v->patch * v->places * v->size);
    if (jobs == 0) return true;
    if (!(v->col = (char *)tn__alloc(bytes))) return false;
    for (v->first = 0; v->first < jobs; v->first += v->slots) tn__parallel(TN__MIN(v->slots, jobs - v->first), job, v);
    tn__free(v->col, bytes);
    return true;
}
static bool tn__infer_convolution(tn__call *c) { /* (x [N, C, ...], weight [O, C / groups, ...]) */
    const tn__attr_conv *a = (const tn__attr_conv *)c->attr;
    const tn_tensor *x = c->in[0], *w = c->in[1];
    int64_t shape[TN_MAX_DIMS];
    if (!tn__conv_takes(c, x)) return false;
    if (tn__dt(w) != tn__dt(x)) return tn__op_fail(c, TN_ERR_DTYPE, "the weight is %s, the input %s", tn_dtype_name(tn__dt(w)), tn_dtype_name(tn__dt(x)));
    if (x->ndim != a->axes + 2 || w->ndim != a->axes + 2 || x->shape[1] != w->shape[1] * a->groups || w->shape[0] % a->groups)
        return tn__op_fail(c, TN_ERR_SHAPE, "input %s, weight %s, %lld groups do not fit", TN__SHAPE_TEXT(x), TN__SHAPE_TEXT(w), (long long)a->groups);
    shape[0] = x->shape[0], shape[1] = w->shape[0];
    for (int k = 0; k < a->axes; k++) {
        const int m = 3 - a->axes + k;
        const int64_t room = x->shape[2 + k] + 2 * a->padding[m] - a->dilation[m] * (w->shape[2 + k] - 1) - 1;
        if (room < 0 || w->shape[2 + k] == 0) return tn__op_fail(c, TN_ERR_SHAPE, "the kernel %s is larger than the padded input %s", TN__SHAPE_TEXT(w), TN__SHAPE_TEXT(x));
        shape[2 + k] = room / a->stride[m] + 1;
    }
    return (c->out[0] = tn__new(tn__dt(x), shape, x->ndim)) != NULL;
}
static bool tn__kernel_convolution(tn__call *c) {
    const tn__attr_conv *a = (const tn__attr_conv *)c->attr;
    const tn_dtype dt = tn__conv_dtype(tn__dt(c->in[0]));
    tn_tensor *x = tn__dense_as(c->in[0], dt), *w = tn__dense_as(c->in[1], dt), *y = tn__norm_target(c->out[0], dt);
    tn__conv_args v;
    int64_t in[3], k[3], out[3];
    if (!x || !w || !y) return false;
    tn__conv_sizes(x->shape, x->ndim, a->axes, in), tn__conv_sizes(w->shape, w->ndim, a->axes, k), tn__conv_sizes(y->shape, y->ndim, a->axes, out);
    tn__conv_layout(&v, a, dt, x->shape[0], x->shape[1], w->shape[0], in, k, out);
    v.x = x->data, v.w = w->data, v.y = y->data;
    if (!tn__conv_each(&v, tn__conv_forward_job)) return false;
    if (y != c->out[0]) tn__copy_raw(c->out[0], y);
    return true;
}
static bool tn__infer_conv_input(tn__call *c) { /* (g [N, O, ...], weight): the input's shape, from attr.in */
    const tn__attr_conv *a = (const tn__attr_conv *)c->attr;
    const tn_tensor *g = c->in[0], *w = c->in[1];
    int64_t shape[TN_MAX_DIMS];
    if (!tn__conv_takes(c, g)) return false;
    if (g->ndim != a->axes + 2 || w->ndim != a->axes + 2 || g->shape[1] != w->shape[0] || w->shape[0] % a->groups || tn__dt(g) != tn__dt(w))
        return tn__op_fail(c, TN_ERR_SHAPE, "input %s %s, weight %s %s, %lld groups do not fit", tn_dtype_name(tn__dt(g)), TN__SHAPE_TEXT(g), tn_dtype_name(tn__dt(w)), TN__SHAPE_TEXT(w), (long long)a->groups);
    shape[0] = g->shape[0], shape[1] = w->shape[1] * a->groups;
    for (int k = 0; k < a->axes; k++) shape[2 + k] = a->in[3 - a->axes + k];
    return (c->out[0] = tn__new(tn__dt(g), shape, g->ndim)) != NULL;
}
static bool tn__kernel_conv_input(tn__call *c) {
    const tn__attr_conv *a = (const tn__attr_conv *)c->attr;
    const tn_dtype dt = tn__conv_dtype(tn__dt(c->in[0]));
    tn_tensor *g = tn__dense_as(c->in[0], dt), *w = tn__dense_as(c->in[1], dt), *y = tn__norm_target(c->out[0], dt);
    tn__conv_args v;
    int64_t in[3], k[3], out[3];
    if (!g || !w || !y) return false;
    tn__conv_sizes(y->shape, y->ndim, a->axes, in), tn__conv_sizes(w->shape, w->ndim, a->axes, k), tn__conv_sizes(g->shape, g->ndim, a->axes, out);
    tn__conv_layout(&v, a, dt, g->shape[0], y->shape[1], g->shape[1], in, k, out);
    v.g = g->data, v.w = w->data, v.y = y->data;
    if (!tn__conv_each(&v, tn__conv_input_job)) return false;
    if (y != c->out[0]) tn__copy_raw(c->out[0], y);
    return true;
}
static bool tn__infer_conv_weight(tn__call *c) { /* (g, x): the weight's shape, from attr.kernel */
    const tn__attr_conv *a = (const tn__attr_conv *)c->attr;
    int64_t shape[TN_MAX_DIMS];
    shape[0] = c->in[0]->shape[1], shape[1] = c->in[1]->shape[1] / a->groups;
    for (int k = 0; k < a->axes; k++) shape[2 + k] = a->kernel[3 - a->axes + k];
    return (c->out[0] = tn__zeroed(tn__new(tn__dt(c->in[0]), shape, a->axes + 2))) != NULL;
}
static bool tn__kernel_conv_weight(tn__call *c) {
    const tn__attr_conv *a = (const tn__attr_conv *)c->attr;
    const tn_dtype dt = tn__norm_dtype(tn__dt(c->in[0]));
    tn_tensor *g = tn__dense_as(c->in[0], dt), *x = tn__dense_as(c->in[1], dt);
    tn__conv_args v;
    int64_t in[3], k[3], out[3];
    if (!g || !x) return false;
    tn__conv_sizes(x->shape, x->ndim, a->axes, in), tn__conv_sizes(c->out[0]->shape, a->axes + 2, a->axes, k), tn__conv_sizes(g->shape, g->ndim, a->axes, out);
    tn__conv_layout(&v, a, dt, x->shape[0], x->shape[1], g->shape[1], in, k, out);
    v.g = g->data, v.x = x->data;
    v.slots = TN__MIN(v.n, TN__CONV_SLOTS / 2);
    if (v.slots == 0) return true;
    const int64_t sums[2] = {v.slots, v.o * v.patch}, columns[2] = {v.slots, v.patch * v.places};
    tn_tensor *partial = tn__new(dt, sums, 2), *col = tn__new(dt, columns, 2);
    if (!partial || !col) return false;
    v.y = partial->data;
    v.col = col->data;
    tn__parallel(v.slots, tn__conv_weight_job, &v);
    for (int64_t i = 0; i < sums[1]; i++) {
        double s = 0;
        for (int64_t k2 = 0; k2 < v.slots; k2++) s += tn__get_f64(dt, v.y + (k2 * sums[1] + i) * v.size);
        tn__set_f64(tn__dt(c->out[0]), c->out[0]->data + i * (int64_t)tn__dsize(tn__dt(c->out[0])), s);
    }
    return true;
}
static tn_tensor *tn__conv_call(int op, tn_tensor *a, tn_tensor *b, const void *attr) { return tn__op2(op, a, b, attr); }
static bool tn__grad_convolution(tn__back *b) {
    if (tn__want(b, 0) && !(b->gx[0] = tn__conv_call(TN__OP_conv_input, b->g, b->x[1], b->attr))) return false;
    return !tn__want(b, 1) || (b->gx[1] = tn__conv_call(TN__OP_conv_weight, b->g, b->x[0], b->attr)) != NULL;
}
static bool tn__grad_conv_input(tn__back *b) {
    if (tn__want(b, 0)) { /* an output padding of a stride or more makes room for more windows than there were */
        int n;
        const int64_t *shape = tn__in_shape(b, 0, &n);
        tn_tensor *g = tn__conv_call(TN__OP_convolution, b->g, b->x[1], b->attr);
        for (int d = 2; g && d < n; d++)
            if (g->shape[d] != shape[d]) g = tn_narrow(g, d, 0, shape[d]);
        if (!(b->gx[0] = g)) return false;
    }
    return !tn__want(b, 1) || (b->gx[1] = tn__conv_call(TN__OP_conv_weight, b->x[0], b->g, b->attr)) != NULL;
}
static bool tn__grad_conv_weight(tn__back *b) {
    if (tn__want(b, 0) && !(b->gx[0] = tn__conv_call(TN__OP_convolution, b->x[1], b->g, b->attr))) return false;
    return !tn__want(b, 1) || (b->gx[1] = tn__conv_call(TN__OP_conv_input, b->x[0], b->g, b->attr)) != NULL;
}
/* The options of a convolution over axes, defaults filled in; false and an error if they make no sense. */
static bool tn__conv_options(const char *who, const tn_conv_opts *opts, int axes, tn__attr_conv *a, int64_t *output_padding) {
    tn_conv_opts o;
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    memset(a, 0, sizeof *a);
    a->size = (uint32_t)sizeof *a;
    a->axes = axes;
    a->groups = o.groups ? o.groups : 1;
    bool each_out = o.output_paddings[0] || o.output_paddings[1] || o.output_paddings[2];
    for (int m = 0; m < 3; m++) {
        const int k = m - (3 - axes);
        a->stride[m] = k < 0 ? 1 : o.strides[0] ? o.strides[k] : o.stride ? o.stride : 1;
        a->dilation[m] = k < 0 ? 1 : o.dilations[0] ? o.dilations[k] : o.dilation ? o.dilation : 1;
        a->padding[m] = k < 0 || o.padding_mode_same ? 0 : o.per_axis_padding ? o.paddings[k] : o.padding;
        output_padding[m] = k < 0 ? 0 : each_out ? o.output_paddings[k] : o.output_padding;
        if (a->stride[m] < 1 || a->dilation[m] < 1 || a->padding[m] < 0 || output_padding[m] < 0) return tn__fail(TN_ERR_INVALID, "%s: stride %lld, padding %lld, dilation %lld", who, (long long)a->stride[m], (long long)a->padding[m], (long long)a->dilation[m]);
    }
    return a->groups >= 1 || tn__fail(TN_ERR_INVALID, "%s: %lld groups", who, (long long)a->groups);
}
static tn_tensor *tn__conv_bias(tn_tensor *y, tn_tensor *bias, int axes) {
    int64_t shape[TN_MAX_DIMS] = {1, -1, 1, 1, 1, 1, 1, 1};
    if (!bias) return y;
    if (y && (bias->ndim != 1 || bias->numel != y->shape[1])) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "tn_conv: the bias is %s, the result %s", TN__SHAPE_TEXT(bias), TN__SHAPE_TEXT(y));
    return tn_add(y, tn_reshape(bias, shape, axes + 2));
}
static tn_tensor *tn__conv(const char *who, tn_tensor *x, tn_tensor *w, tn_tensor *bias, const tn_conv_opts *opts, int axes, bool transposed) {
    tn__attr_conv a;
    int64_t more[3], pads[6];
    if (!x || !w) return (tn_tensor *)(tn__fail_null(who), NULL);
    if (!tn__conv_options(who, opts, axes, &a, more)) return NULL;
    if ((x->ndim != axes + 2 && x->ndim != axes + 1) || w->ndim != axes + 2) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "%s: input and weight of %d dims are wanted, got %s and %s", who, axes + 2, TN__SHAPE_TEXT(x), TN__SHAPE_TEXT(w));
    const bool single = x->ndim == axes + 1;
    const tn_dtype dt = tn__dt(x);
    if (single) x = tn_unsqueeze(x, 0);
    if (x && bias && dt != TN_F64 && tn__is_float(dt) && tn__dt(w) == dt) { /* halves: the bias before the one rounding */
        x = tn_to_dtype(x, TN_F32), w = tn_to_dtype(w, TN_F32), bias = tn_to_dtype(bias, TN_F32);
        if (!x || !w || !bias) return NULL;
    }
    if (opts && opts->padding_mode_same == TN_PADDING_SAME && !transposed) { /* the odd place goes to the end */
        bool even = true;
        for (int k = 0; k < axes; k++) {
            const int m = 3 - axes + k;
            const int64_t all = a.dilation[m] * (w->shape[2 + k] - 1);
            if (a.stride[m] != 1) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "%s: padding same needs stride 1", who);
            a.padding[m] = all / 2;
            pads[2 * (axes - 1 - k)] = 0, pads[2 * (axes - 1 - k) + 1] = all % 2;
            even = even && all % 2 == 0;
        }
        if (!even) x = tn_pad(x, pads, 2 * axes, NULL);
    }
    tn_tensor *y = NULL;
    if (!transposed) {
        for (int k = 0; x && k < axes; k++) a.in[3 - axes + k] = x->shape[2 + k], a.kernel[3 - axes + k] = w->shape[2 + k];
        for (int m = 0; m < 3 - axes; m++) a.in[m] = a.kernel[m] = 1;
        y = tn__conv_call(TN__OP_convolution, x, w, &a);
    } else {
        for (int m = 0; m < 3; m++) {
            const int k = m - (3 - axes);
            a.in[m] = a.kernel[m] = 1;
            if (k < 0) continue;
            a.kernel[m] = w->shape[2 + k];
            a.in[m] = (x->shape[2 + k] - 1) * a.stride[m] - 2 * a.padding[m] + a.dilation[m] * (w->shape[2 + k] - 1) + more[m] + 1;
            if (a.in[m] < 0 || (more[m] && more[m] >= TN__MAX(a.stride[m], a.dilation[m]))) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "%s: a result of size %lld, output padding %lld", who, (long long)a.in[m], (long long)more[m]);
        }
        y = tn__conv_call(TN__OP_conv_input, x, w, &a);
    }
    y = tn__conv_bias(y, bias, axes);
    if (y && tn__dt(y) != dt) y = tn_to_dtype(y, dt);
    return single ? tn_select(y, 0, 0) : y;
}
TN_API tn_tensor *tn_conv1d(tn_tensor *x, tn_tensor *weight, tn_tensor *bias, const tn_conv_opts *opts) { return tn__conv("tn_conv1d", x, weight, bias, opts, 1, false); }
TN_API tn_tensor *tn_conv2d(tn_tensor *x, tn_tensor *weight, tn_tensor *bias, const tn_conv_opts *opts) { return tn__conv("tn_conv2d", x, weight, bias, opts, 2, false); }
TN_API tn_tensor *tn_conv3d(tn_tensor *x, tn_tensor *weight, tn_tensor *bias, const tn_conv_opts *opts) { return tn__conv("tn_conv3d", x, weight, bias, opts, 3, false); }
TN_API tn_tensor *tn_conv_transpose1d(tn_tensor *x, tn_tensor *weight, tn_tensor *bias, const tn_conv_opts *opts) { return tn__conv("tn_conv_transpose1d", x, weight, bias, opts, 1, true); }
TN_API tn_tensor *tn_conv_transpose2d(tn_tensor *x, tn_tensor *weight, tn_tensor *bias, const tn_conv_opts *opts) { return tn__conv("tn_conv_transpose2d", x, weight, bias, opts, 2, true); }
TN_API tn_tensor *tn_conv_transpose3d(tn_tensor *x, tn_tensor *weight, tn_tensor *bias, const tn_conv_opts *opts) { return tn__conv("tn_conv_transpose3d", x, weight, bias, opts, 3, true); }

/* -- pools over planes [..., H, W]; one-axis pools have H 1. Adaptive windows share the input out evenly. -- */
typedef struct tn__attr_pool { uint32_t size; int32_t ceil_mode, include_pad, adaptive; int64_t kernel[2], stride[2], padding[2], dilation[2], in[2], out[2], divisor; } tn__attr_pool;
typedef struct tn__pool_args { const tn__attr_pool *a; tn_dtype dt; int64_t in[2], out[2], size; const char *x; char *y; int64_t *at; bool back; } tn__pool_args;
static int64_t tn__pool_out(const tn__attr_pool *a, int m, int64_t in) {
    if (a->adaptive) return a->out[m] < 0 ? in : a->out[m];
    const int64_t room = in + 2 * a->padding[m] - a->dilation[m] * (a->kernel[m] - 1) - 1;
    if (room < 0) return 0;
    int64_t out = (a->ceil_mode ? (room + a->stride[m] - 1) / a->stride[m] : room / a->stride[m]) + 1;
    if (a->ceil_mode && (out - 1) * a->stride[m] >= in + a->padding[m]) out--; /* the last window begins inside */
    return out;
}
/* Places of window i along axis m: from, up to and not with, by step; all: how many count for an average that includes the padding. */
TN__HOT void tn__pool_window(const tn__pool_args *p, int m, int64_t i, int64_t *from, int64_t *to, int64_t *step, int64_t *all) {
    const tn__attr_pool *a = p->a;
    const int64_t in = p->in[m];
    if (a->adaptive) {
        *from = i * in / p->out[m];
        *to = ((i + 1) * in + p->out[m] - 1) / p->out[m];
        *step = 1;
        *all = *to - *from;
        return;
    }
    const int64_t start = i * a->stride[m] - a->padding[m], end = start + a->dilation[m] * (a->kernel[m] - 1) + 1;
    *step = a->dilation[m];
    *all = TN__MIN(end, in + a->padding[m]) - start;
    *from = start >= 0 ? start : start + (-start + *step - 1) / *step * *step;
    *to = TN__MIN(end, in);
}
static double tn__plane_get(const tn__pool_args *p, const char *x, int64_t i) { return p->dt == TN_F32 ? (double)((const float *)(const void *)x)[i] : tn__get_f64(p->dt, x + i * p->size); }
/* Windows of a line that lie inside the plane, where they are taken a place of the window at a time: only floats are. */
static void tn__pool_whole(const tn__pool_args *p, int64_t *from, int64_t *to) {
    const tn__attr_pool *a = p->a;
    const int64_t last = p->in[1] - 1 - a->dilation[1] * (a->kernel[1] - 1) + a->padding[1]; /* the last that begins early enough */
    *from = *to = 0;
    if (a->adaptive || p->dt != TN_F32 || last < 0) return;
    *to = TN__MIN(last / a->stride[1] + 1, p->out[1]);
    *from = TN__MIN((a->padding[1] + a->stride[1] - 1) / a->stride[1], *to);
}
static void tn__max_pool_line(const tn__pool_args *p, const char *xv, int64_t h, int64_t from, int64_t to, char *yv, int64_t *at) {
    const tn__attr_pool *a = p->a;
    const float *x = (const float *)(const void *)xv;
    float *y = (float *)(void *)yv;
    const int64_t stride = a->stride[1], kernel = a->kernel[1], dilation = a->dilation[1], line = p->in[1], padding = a->padding[1];
    int64_t h0, h1, hs, all;
    tn__pool_window(p, 0, h, &h0, &h1, &hs, &all);
    for (int64_t w = from; w < to; w++) {
        int64_t best = h0 * line + w * stride - padding;
        float most = x[best];
        for (int64_t i = h0; i < h1; i += hs)
            for (int64_t k = 0, place = i * line + w * stride - padding; k < kernel; k++, place += dilation) {
                const float v = x[place];
                const int64_t more = -(int64_t)((v > most) | (v != v)); /* by bits: a branch would be mispredicted every other time */
                best = (place & more) | (best & ~more);
                most = x[best];
            }
        y[w] = most;
        at[w] = best;
    }
}
#define TN__POOL_GET(T, x, i) ((double)((const T *)(const void *)(x))[i])
#define TN__POOL_ADD(T, x, i, v) (((T *)(void *)(x))[i] += (T)(v))
#define TN__POOL_SET(T, x, i, v) (((T *)(void *)(x))[i] = (T)(v))
#define TN__ANY_GET(T, x, i) tn__plane_get(p, x, i)
#define TN__ANY_ADD(T, x, i, v) tn__set_f64(p->dt, (x) + (i) * p->size, tn__plane_get(p, x, i) + (v))
#define TN__ANY_SET(T, x, i, v) tn__set_f64(p->dt, (x) + (i) * p->size, v)
#define TN__POOL_JOBS(tag, T, V, GET, ADD, SET) /* average, back: y is the small gradient, x the wide one */              \
    static void tn__max_pool_window_##tag(const tn__pool_args *p, const char *x, int64_t h, int64_t w, char *y, int64_t *at) { \
        int64_t h0, h1, hs, w0, w1, ws, all;                                                                           \
        tn__pool_window(p, 0, h, &h0, &h1, &hs, &all);                                                                 \
        tn__pool_window(p, 1, w, &w0, &w1, &ws, &all);                                                                 \
        int64_t best = h0 < h1 && w0 < w1 ? h0 * p->in[1] + w0 : -1;                                                   \
        V most = best < 0 ? 0 : (V)GET(T, x, best);                                                                    \
        for (int64_t i = h0; i < h1; i += hs)                                                                          \
            for (int64_t k = i * p->in[1] + w0; k < i * p->in[1] + w1; k += ws) {                                      \
                const V v = (V)GET(T, x, k);                                                                           \
                if (v > most || v != v) most = v, best = k;                                                            \
            }                                                                                                          \
        if (best >= 0) memcpy(y + w * p->size, x + best * p->size, (size_t)p->size);                                   \
        else tn__set_f64(p->dt, y + w * p->size, -INFINITY);                                                           \
        at[w] = TN__MAX(best, 0);                                                                                      \
    }                                                                                                                  \
    static void tn__max_pool_##tag(void *arg, int64_t plane) {                                                         \
        const tn__pool_args *p = (const tn__pool_args *)arg;                                                           \
        const char *x = p->x + plane * p->in[0] * p->in[1] * p->size;                                                  \
        int64_t whole_from, whole_to, h0, h1, hs, all;                                                                 \
        tn__pool_whole(p, &whole_from, &whole_to);                                                                     \
        for (int64_t h = 0; h < p->out[0]; h++) {                                                                      \
            const int64_t o = (plane * p->out[0] + h) * p->out[1];                                                     \
            char *y = p->y + o * p->size;                                                                              \
            int64_t *at = p->at + o;                                                                                   \
            tn__pool_window(p, 0, h, &h0, &h1, &hs, &all);                                                             \
            const int64_t from = h0 < h1 ? whole_from : 0, to = h0 < h1 ? whole_to : 0;                                \
            for (int64_t w = 0; w < from; w++) tn__max_pool_window_##tag(p, x, h, w, y, at);                           \
            if (from < to) tn__max_pool_line(p, x, h, from, to, y, at);                                                \
            for (int64_t w = to; w < p->out[1]; w++) tn__max_pool_window_##tag(p, x, h, w, y, at);                     \
        }                                                                                                              \
    }                                                                                                                  \
    static void tn__unpool_##tag(void *arg, int64_t plane) { /* back: wide planes get what small ones have */          \
        const tn__pool_args *p = (const tn__pool_args *)arg;                                                           \
        const int64_t per = p->out[0] * p->out[1], *at = p->at + plane * per;                                          \
        char *wide = (char *)(uintptr_t)p->x + plane * p->in[0] * p->in[1] * p->size, *small = p->y + plane * per * p->size; \
        for (int64_t i = 0; i < per; i++) {                                                                            \
            if (p->back) ADD(T, wide, at[i], GET(T, small, i));                                                        \
            else SET(T, small, i, GET(T, wide, at[i]));                                                                \
        }                                                                                                              \
    }                                                                                                                  \
    static void tn__avg_pool_##tag(void *arg, int64_t plane) {                                                         \
        const tn__pool_args *p = (const tn__pool_args *)arg;                                                           \
        char *x = (char *)(uintptr_t)p->x + plane * p->in[0] * p->in[1] * p->size, *y = p->y + plane * p->out[0] * p->out[1] * p->size; \
        for (int64_t h = 0; h < p->out[0]; h++) {                                                                      \
            int64_t h0, h1, hs, w0, w1, ws, ah, aw;                                                                    \
            tn__pool_window(p, 0, h, &h0, &h1, &hs, &ah);                                                              \
            for (int64_t w = 0; w < p->out[1]; w++) {                                                                  \
                tn__pool_window(p, 1, w, &w0, &w1, &ws, &aw);                                                          \
                const int64_t inside = TN__MAX(h1 - h0, 0) * TN__MAX(w1 - w0, 0), o = h * p->out[1] + w;               \
                const double n = (double)(p->a->divisor ? p->a->divisor : p->a->include_pad ? ah * aw : inside);       \
                double s = p->back ? GET(T, y, o) / n : 0;                                                             \
                for (int64_t i = h0; i < h1; i++)                                                                      \
                    for (int64_t k = w0; k < w1; k++) {                                                                \
                        if (p->back) ADD(T, x, i * p->in[1] + k, s);                                                   \
                        else s += GET(T, x, i * p->in[1] + k);                                                         \
                    }                                                                                                  \
                if (!p->back) SET(T, y, o, s / n);                                                                     \
            }                                                                                                          \
        }                                                                                                              \
    }
TN__POOL_JOBS(f32, float, float, TN__POOL_GET, TN__POOL_ADD, TN__POOL_SET)
TN__POOL_JOBS(any, char, double, TN__ANY_GET, TN__ANY_ADD, TN__ANY_SET)
static bool tn__pool_shape(const tn__call *c, const tn_tensor *x, const tn__attr_pool *a, int64_t *shape) {
    const bool takes = tn__is_float(tn__dt(x)) || (c->op == TN__OP_max_pool && tn__is_int(tn__dt(x)) && tn__dt(x) != TN_BOOL) || tn__dt(x) == TN_I64;
    if (x->ndim < 2 || !takes) return tn__op_fail(c, TN_ERR_SHAPE, "floating planes are wanted, got %s %s", tn_dtype_name(tn__dt(x)), TN__SHAPE_TEXT(x));
    memcpy(shape, x->shape, x->ndim * sizeof *shape);
    for (int m = 0; m < 2; m++) {
        const int d = x->ndim - 2 + m;
        shape[d] = tn__pool_out(a, m, x->shape[d]);
        if (x->shape[d] == 0 || (!a->adaptive && shape[d] < 1)) return tn__op_fail(c, TN_ERR_SHAPE, "windows of %lld do not fit %s", (long long)a->kernel[m], TN__SHAPE_TEXT(x));
    }
    return true;
}
static int64_t tn__planes(const tn_tensor *x) {
    int64_t n = 1;
    for (int d = 0; d + 2 < x->ndim; d++) n *= x->shape[d];
    return n;
}
static void tn__pool_layout(tn__pool_args *p, const void *attr, const tn_tensor *wide, const tn_tensor *small) {
    memset(p, 0, sizeof *p);
    p->a = (const tn__attr_pool *)attr;
    p->dt = tn__dt(wide);
    p->size = (int64_t)tn__dsize(p->dt);
    for (int m = 0; m < 2; m++) p->in[m] = wide->shape[wide->ndim - 2 + m], p->out[m] = small->shape[small->ndim - 2 + m];
}
static bool tn__infer_max_pool(tn__call *c) {
    int64_t shape[TN_MAX_DIMS];
    if (!tn__pool_shape(c, c->in[0], (const tn__attr_pool *)c->attr, shape)) return false;
    c->out[0] = tn__new(tn__dt(c->in[0]), shape, c->in[0]->ndim);
    c->out[1] = tn__new(TN_I64, shape, c->in[0]->ndim);
    return c->out[0] && c->out[1];
}
static bool tn__kernel_max_pool(tn__call *c) {
    tn_tensor *x = tn__dense(c->in[0]);
    tn__pool_args p;
    if (!x) return false;
    tn__pool_layout(&p, c->attr, x, c->out[0]);
    p.x = x->data, p.y = c->out[0]->data, p.at = (int64_t *)(void *)c->out[1]->data;
    tn__parallel(tn__planes(x), p.dt == TN_F32 ? tn__max_pool_f32 : tn__max_pool_any, &p);
    return true;
}
/* The transposes of one another: small planes put to their places in wide ones (attr.in), wide ones read at those places. */
static bool tn__infer_unpool(tn__call *c) {
    const tn__attr_pool *a = (const tn__attr_pool *)c->attr;
    const bool put = c->op == TN__OP_max_unpool;
    int64_t shape[TN_MAX_DIMS];
    const tn_tensor *like = put ? c->in[0] : c->in[1];
    memcpy(shape, like->shape, sizeof shape);
    if (put) shape[like->ndim - 2] = a->in[0], shape[like->ndim - 1] = a->in[1];
    return (c->out[0] = tn__zeroed(tn__new(tn__dt(c->in[0]), shape, like->ndim))) != NULL;
}
static bool tn__kernel_unpool(tn__call *c) {
    const bool put = c->op == TN__OP_max_unpool;
    tn_tensor *g = tn__dense(c->in[0]), *at = tn__dense(c->in[1]), *y = c->out[0];
    tn__pool_args p;
    if (!g || !at) return false;
    tn__pool_layout(&p, c->attr, put ? y : g, put ? g : y);
    p.back = put;
    p.x = put ? y->data : g->data, p.y = put ? g->data : y->data;
    p.at = (int64_t *)(void *)at->data;
    tn__parallel(tn__planes(at), p.dt == TN_F32 ? tn__unpool_f32 : tn__unpool_any, &p);
    return true;
}
static bool tn__grad_max_pool(tn__back *b) {
    tn__attr_pool a = *(const tn__attr_pool *)b->attr;
    int n;
    const int64_t *in = tn__in_shape(b, 0, &n);
    a.in[0] = in[n - 2], a.in[1] = in[n - 1];
    return (b->gx[0] = tn__op2(TN__OP_max_unpool, b->g, b->y[1], &a)) != NULL;
}
static bool tn__grad_unpool(tn__back *b) {
    return (b->gx[0] = tn__op2(tn__back_op(b) == TN__OP_max_unpool ? TN__OP_max_pool_at : TN__OP_max_unpool, b->g, b->x[1], b->attr)) != NULL;
}
static bool tn__infer_avg_pool(tn__call *c) {
    int64_t shape[TN_MAX_DIMS];
    if (!tn__pool_shape(c, c->in[0], (const tn__attr_pool *)c->attr, shape)) return false;
    return (c->out[0] = tn__new(tn__dt(c->in[0]), shape, c->in[0]->ndim)) != NULL;
}
static bool tn__kernel_avg_pool(tn__call *c) {
    const bool back = c->op == TN__OP_avg_pool_backward;
    tn_tensor *x = tn__dense(c->in[0]);
    tn__pool_args p;
    if (!x) return false;
    tn__pool_layout(&p, c->attr, back ? c->out[0] : x, back ? x : c->out[0]);
    p.back = back;
    p.x = back ? c->out[0]->data : x->data;
    p.y = back ? x->data : c->out[0]->data;
    tn__parallel(tn__planes(x), p.dt == TN_F32 ? tn__avg_pool_f32 : tn__avg_pool_any, &p);
    return true;
}
static bool tn__infer_avg_pool_backward(tn__call *c) {
    const tn__attr_pool *a = (const tn__attr_pool *)c->attr;
    int64_t shape[TN_MAX_DIMS];
    memcpy(shape, c->in[0]->shape, sizeof shape);
    shape[c->in[0]->ndim - 2] = a->in[0], shape[c->in[0]->ndim - 1] = a->in[1];
    return (c->out[0] = tn__zeroed(tn__new(tn__dt(c->in[0]), shape, c->in[0]->ndim))) != NULL;
}
static bool tn__grad_avg_pool(tn__back *b) {
    tn__attr_pool a = *(const tn__attr_pool *)b->attr;
    int n;
    const int64_t *in = tn__in_shape(b, 0, &n);
    a.in[0] = in[n - 2], a.in[1] = in[n - 1];
    return (b->gx[0] = tn__op1(TN__OP_avg_pool_backward, b->g, &a)) != NULL;
}
static bool tn__grad_avg_pool_backward(tn__back *b) { return (b->gx[0] = tn__op1(TN__OP_avg_pool, b->g, b->attr)) != NULL; }
static bool tn__pool_options(const char *who, int64_t kernel, const tn_pool_opts *opts, int axes, bool average, tn__attr_pool *a) {
    tn_pool_opts o;
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    memset(a, 0, sizeof *a);
    a->size = (uint32_t)sizeof *a;
    a->ceil_mode = o.ceil_mode;
    a->include_pad = !o.exclude_pad;
    a->divisor = o.divisor_override;
    for (int m = 0; m < 2; m++) {
        const int k = m - (2 - axes);
        a->kernel[m] = k < 0 ? 1 : o.kernel_sizes[0] ? o.kernel_sizes[k] : kernel;
        a->stride[m] = k < 0 ? 1 : o.strides[0] ? o.strides[k] : o.stride ? o.stride : a->kernel[m];
        a->padding[m] = k < 0 ? 0 : o.per_axis_padding ? o.paddings[k] : o.padding;
        a->dilation[m] = k < 0 || average ? 1 : o.dilations[0] ? o.dilations[k] : o.dilation ? o.dilation : 1;
        if (a->kernel[m] < 1 || a->stride[m] < 1 || a->dilation[m] < 1 || a->padding[m] < 0 || 2 * a->padding[m] > a->kernel[m])
            return tn__fail(TN_ERR_INVALID, "%s: kernel %lld, stride %lld, padding %lld, dilation %lld", who, (long long)a->kernel[m], (long long)a->stride[m], (long long)a->padding[m], (long long)a->dilation[m]);
    }
    return true;
}
/* x as planes: a one-axis input gets a height of 1. */
static tn_tensor *tn__pool_input(const char *who, tn_tensor *x, int axes) {
    if (!x) return (tn_tensor *)(tn__fail_null(who), NULL);
    if (x->ndim != axes + 1 && x->ndim != axes + 2) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "%s: %d or %d dims are wanted, got %s", who, axes + 1, axes + 2, TN__SHAPE_TEXT(x));
    return axes == 1 ? tn_unsqueeze(x, -2) : x;
}
static tn_values_indices tn__max_pooled(const char *who, tn_tensor *x, const tn__attr_pool *a, int axes) {
    const tn_values_indices none = {NULL, NULL};
    static const int height = -2;
    x = tn__pool_input(who, x, axes);
    tn__call c = tn__call_of(TN__OP_max_pool, &x, 1, a);
    if (!x || !tn__dispatch(&c)) return none;
    tn_values_indices r = {c.out[0], c.out[1]};
    if (axes == 1) r.values = tn_squeeze_dims(r.values, &height, 1), r.indices = tn_squeeze_dims(r.indices, &height, 1);
    return r;
}
static tn_values_indices tn__max_pool(const char *who, tn_tensor *x, int64_t kernel, const tn_pool_opts *opts, int axes) {
    const tn_values_indices none = {NULL, NULL};
    tn__attr_pool a;
    return tn__pool_options(who, kernel, opts, axes, false, &a) ? tn__max_pooled(who, x, &a, axes) : none;
}
static tn_tensor *tn__avg_pooled(const char *who, tn_tensor *x, const tn__attr_pool *a, int axes) {
    static const int height = -2;
    x = tn__pool_input(who, x, axes);
    tn_tensor *y = x ? tn__op1(TN__OP_avg_pool, x, a) : NULL;
    return axes == 1 ? tn_squeeze_dims(y, &height, 1) : y;
}
TN_API tn_values_indices tn_max_pool1d_indices(tn_tensor *x, int64_t kernel_size, const tn_pool_opts *opts) { return tn__max_pool("tn_max_pool1d", x, kernel_size, opts, 1); }
TN_API tn_values_indices tn_max_pool2d_indices(tn_tensor *x, int64_t kernel_size, const tn_pool_opts *opts) { return tn__max_pool("tn_max_pool2d", x, kernel_size, opts, 2); }
TN_API tn_tensor *tn_max_pool1d(tn_tensor *x, int64_t kernel_size, const tn_pool_opts *opts) { return tn_max_pool1d_indices(x, kernel_size, opts).values; }
TN_API tn_tensor *tn_max_pool2d(tn_tensor *x, int64_t kernel_size, const tn_pool_opts *opts) { return tn_max_pool2d_indices(x, kernel_size, opts).values; }
TN_API tn_tensor *tn_avg_pool1d(tn_tensor *x, int64_t kernel_size, const tn_pool_opts *opts) {
    tn__attr_pool a;
    return tn__pool_options("tn_avg_pool1d", kernel_size, opts, 1, true, &a) ? tn__avg_pooled("tn_avg_pool1d", x, &a, 1) : NULL;
}
TN_API tn_tensor *tn_avg_pool2d(tn_tensor *x, int64_t kernel_size, const tn_pool_opts *opts) {
    tn__attr_pool a;
    return tn__pool_options("tn_avg_pool2d", kernel_size, opts, 2, true, &a) ? tn__avg_pooled("tn_avg_pool2d", x, &a, 2) : NULL;
}
static bool tn__adaptive(const char *who, const int64_t *output, int n, tn__attr_pool *a) {
    memset(a, 0, sizeof *a);
    a->size = (uint32_t)sizeof *a;
    a->adaptive = 1;
    a->include_pad = 1;
    if (!output || n < 1 || n > 2) return tn__fail(TN_ERR_INVALID, "%s: one or two output sizes are wanted", who);
    for (int m = 0; m < 2; m++) a->out[m] = output[n == 1 ? 0 : m];
    return true;
}
TN_API tn_tensor *tn_adaptive_avg_pool2d(tn_tensor *x, const int64_t *output, int n) {
    tn__attr_pool a;
    return tn__adaptive("tn_adaptive_avg_pool2d", output, n, &a) ? tn__avg_pooled("tn_adaptive_avg_pool2d", x, &a, 2) : NULL;
}
TN_API tn_values_indices tn_adaptive_max_pool2d(tn_tensor *x, const int64_t *output, int n) {
    const tn_values_indices none = {NULL, NULL};
    tn__attr_pool a;
    return tn__adaptive("tn_adaptive_max_pool2d", output, n, &a) ? tn__max_pooled("tn_adaptive_max_pool2d", x, &a, 2) : none;
}
/* -- unfold and fold: the columns of a convolution by themselves, and their sums -- */
static bool tn__infer_unfold(tn__call *c) {
    const tn__attr_conv *a = (const tn__attr_conv *)c->attr;
    const tn_tensor *x = c->in[0];
    int64_t shape[3] = {x->shape[0], x->shape[1] * a->kernel[1] * a->kernel[2], 1};
    for (int m = 1; m < 3; m++) {
        const int64_t room = a->in[m] + 2 * a->padding[m] - a->dilation[m] * (a->kernel[m] - 1) - 1;
        if (room < 0) return tn__op_fail(c, TN_ERR_SHAPE, "a window of %lld does not fit %s", (long long)a->kernel[m], TN__SHAPE_TEXT(x));
        shape[2] *= room / a->stride[m] + 1;
    }
    return (tn__dt(x) == TN_BOOL || tn__floating(c, x)) && (c->out[0] = tn__new(tn__dt(x), shape, 3)) != NULL;
}
static bool tn__infer_fold(tn__call *c) {
    const tn__attr_conv *a = (const tn__attr_conv *)c->attr;
    const tn_tensor *x = c->in[0];
    const int64_t kernel = a->kernel[1] * a->kernel[2];
    int64_t places = 1;
    for (int m = 1; m < 3; m++) {
        const int64_t room = a->in[m] + 2 * a->padding[m] - a->dilation[m] * (a->kernel[m] - 1) - 1;
        places *= room < 0 ? 0 : room / a->stride[m] + 1;
    }
    if (x->ndim != 3 || x->shape[1] % kernel || places == 0 || x->shape[2] != places)
        return tn__op_fail(c, TN_ERR_SHAPE, "%s is not [N, C * %lld, %lld]", TN__SHAPE_TEXT(x), (long long)kernel, (long long)places);
    const int64_t shape[4] = {x->shape[0], x->shape[1] / kernel, a->in[1], a->in[2]};
    return tn__floating(c, x) && (c->out[0] = tn__new(tn__dt(x), shape, 4)) != NULL;
}
static void tn__unfold_job(void *arg, int64_t i) {
    const tn__conv_args *v = (const tn__conv_args *)arg;
    char *x = v->y + i * v->c * v->places_in * v->size, *col = v->col + i * v->patch * v->places * v->size;
    if (v->first) memset(x, 0, (size_t)(v->c * v->places_in * v->size));
    tn__im2col(v, x, col, v->first != 0);
}
static bool tn__kernel_unfold(tn__call *c) {
    const tn__attr_conv *a = (const tn__attr_conv *)c->attr;
    const bool back = c->op == TN__OP_fold;
    const tn_dtype dt = tn__norm_dtype(tn__dt(c->in[0]));
    tn_tensor *in = tn__dense_as(c->in[0], dt), *y = tn__norm_target(c->out[0], dt), *image = back ? y : in;
    int64_t out[3] = {1, 1, 1};
    tn__conv_args v;
    if (!in || !y) return false;
    for (int m = 1; m < 3; m++) out[m] = (a->in[m] + 2 * a->padding[m] - a->dilation[m] * (a->kernel[m] - 1) - 1) / a->stride[m] + 1;
    tn__conv_layout(&v, a, dt, image->shape[0], image->shape[1], 1, a->in, a->kernel, out);
    v.first = back;
    v.y = image->data, v.col = back ? in->data : y->data;
    tn__parallel(v.n, tn__unfold_job, &v);
    if (y != c->out[0]) tn__copy_raw(c->out[0], y);
    return true;
}
static bool tn__grad_unfold(tn__back *b) { return (b->gx[0] = tn__op1(tn__back_op(b) == TN__OP_fold ? TN__OP_unfold : TN__OP_fold, b->g, b->attr)) != NULL; }
static bool tn__unfold_options(const char *who, const tn_unfold_opts *o, tn__attr_conv *a) {
    memset(a, 0, sizeof *a);
    a->size = (uint32_t)sizeof *a;
    a->axes = 2;
    a->groups = 1;
    if (!o) return tn__fail(TN_ERR_INVALID, "%s: a kernel size is wanted", who);
    for (int m = 0; m < 3; m++) {
        const int k = m - 1;
        a->in[m] = 1;
        a->kernel[m] = k < 0 ? 1 : o->kernel[k];
        a->padding[m] = k < 0 ? 0 : o->padding[k];
        a->stride[m] = k < 0 || !o->stride[k] ? 1 : o->stride[k];
        a->dilation[m] = k < 0 || !o->dilation[k] ? 1 : o->dilation[k];
        if (a->kernel[m] < 1 || a->padding[m] < 0 || a->stride[m] < 1 || a->dilation[m] < 1)
            return tn__fail(TN_ERR_INVALID, "%s: kernel %lld, stride %lld, padding %lld, dilation %lld", who, (long long)a->kernel[m], (long long)a->stride[m], (long long)a->padding[m], (long long)a->dilation[m]);
    }
    return true;
}
TN_API tn_tensor *tn_unfold(tn_tensor *x, const tn_unfold_opts *opts) {
    tn__attr_conv a;
    if (!x) return (tn_tensor *)(tn__fail_null("tn_unfold: x"), NULL);
    if (!tn__unfold_options("tn_unfold", opts, &a)) return NULL;
    if (x->ndim == 3) return tn_select(tn_unfold(tn_unsqueeze(x, 0), opts), 0, 0);
    if (x->ndim != 4) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "tn_unfold: [N, C, H, W] or [C, H, W] is wanted, got %s", TN__SHAPE_TEXT(x));
    a.in[1] = x->shape[2], a.in[2] = x->shape[3];
    return tn__op1(TN__OP_unfold, x, &a);
}
TN_API tn_tensor *tn_fold(tn_tensor *x, int64_t height, int64_t width, const tn_unfold_opts *opts) {
    tn__attr_conv a;
    if (!x) return (tn_tensor *)(tn__fail_null("tn_fold: x"), NULL);
    if (!tn__unfold_options("tn_fold", opts, &a)) return NULL;
    if (x->ndim == 2) return tn_select(tn_fold(tn_unsqueeze(x, 0), height, width, opts), 0, 0);
    if (height < 1 || width < 1) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_fold: an image of %lld by %lld", (long long)height, (long long)width);
    a.in[1] = height, a.in[2] = width;
    return tn__op1(TN__OP_fold, x, &a);
}

/* -- resizing: every mode is a weighted sum of places along one axis, so axes go one after another through one row -- */
typedef struct tn__attr_resize { uint32_t size; int32_t dim, mode, align; int64_t in, out; double scale; } tn__attr_resize; /* scale 0: of the sizes */
typedef struct tn__resize_tap { int64_t at; double weight; } tn__resize_tap;
typedef struct tn__resize_args { tn_dtype dt; int64_t outer, in, out, inner; int taps; bool back; const tn__resize_tap *tap; const char *x; char *y; } tn__resize_args;
/* A coordinate as PyTorch computes it: in float unless the tensor is f64. */
static double tn__resize_source(const tn__attr_resize *a, int64_t o, bool wide) {
    const bool nearest = a->mode == TN_NEAREST || a->mode == TN_NEAREST_EXACT;
    double scale = a->scale != 0 ? 1 / a->scale : (double)a->in / (double)a->out;
    if (a->align) scale = a->out > 1 ? (double)(a->in - 1) / (double)(a->out - 1) : 0;
    const double half = a->align || a->mode == TN_NEAREST ? 0 : 0.5;
    if (wide && !nearest) return scale * ((double)o + half) - half;
    const float s = a->align || a->scale != 0 ? (float)scale : (float)a->in / (float)a->out, product = s * ((float)o + (float)half);
    return nearest ? (double)product : (double)(product - (float)half);
}
static int tn__resize_taps(const tn__attr_resize *a) {
    if (a->mode == TN_AREA) return (int)TN__MIN(a->in, (a->in + a->out - 1) / a->out + 1);
    return a->mode == TN_BICUBIC ? 4 : a->mode == TN_LINEAR ? 2 : 1;
}
/* The places that output o is made of; those that are not needed have weight 0. */
static void tn__resize_window(const tn__attr_resize *a, int64_t o, bool wide, int taps, tn__resize_tap *tap) {
    const int64_t last = a->in - 1;
    for (int k = 0; k < taps; k++) tap[k].at = 0, tap[k].weight = 0;
    if (a->mode == TN_AREA) {
        const int64_t from = o * a->in / a->out, to = ((o + 1) * a->in + a->out - 1) / a->out;
        for (int64_t k = from; k < to; k++) tap[k - from].at = k, tap[k - from].weight = 1 / (double)(to - from);
        return;
    }
    double at = tn__resize_source(a, o, wide);
    if (a->mode == TN_NEAREST || a->mode == TN_NEAREST_EXACT) {
        tap[0].at = a->in == a->out ? o : TN__MIN((int64_t)at, last);
        tap[0].weight = 1;
        return;
    }
    if (a->mode == TN_LINEAR) at = a->in == a->out ? (double)o : TN__MAX(at, 0.0);
    const int64_t first = TN__MIN((int64_t)floor(at), last);
    const double t = TN__MIN(TN__MAX(at - (double)first, 0.0), 1.0), u = 1 - t, k = -0.75;
    if (a->mode == TN_LINEAR) {
        tap[0].at = first, tap[0].weight = u;
        tap[1].at = TN__MIN(first + 1, last), tap[1].weight = t;
        return;
    }
    const double weight[4] = {((k * (t + 1) - 5 * k) * (t + 1) + 8 * k) * (t + 1) - 4 * k, ((k + 2) * t - (k + 3)) * t * t + 1, ((k + 2) * u - (k + 3)) * u * u + 1, ((k * (u + 1) - 5 * k) * (u + 1) + 8 * k) * (u + 1) - 4 * k};
    for (int i = 0; i < 4; i++) tap[i].at = TN__MIN(TN__MAX(first - 1 + i, 0), last), tap[i].weight = weight[i];
}
#define TN__RESIZE(name, T) /* forward: out row from in rows; back: in rows get their shares of the out row */         \
    static void name(const tn__resize_args *v, int64_t outer) {                                                        \
        const T *x = (const T *)(const void *)v->x + outer * (v->back ? v->out : v->in) * v->inner;                    \
        T *y = (T *)(void *)v->y + outer * (v->back ? v->in : v->out) * v->inner;                                      \
        for (int64_t o = 0; o < v->out; o++)                                                                           \
            for (int k = 0; k < v->taps; k++) {                                                                        \
                const tn__resize_tap *tap = v->tap + o * v->taps + k;                                                  \
                const T w = (T)tap->weight, *from = x + (v->back ? o : tap->at) * v->inner;                            \
                T *to = y + (v->back ? tap->at : o) * v->inner;                                                        \
                if (tap->weight == 0) continue;                                                                        \
                for (int64_t i = 0; i < v->inner; i++) to[i] = tap->weight == 1 && !v->back ? from[i] : to[i] + w * from[i]; \
            }                                                                                                          \
    }
TN__RESIZE(tn__resize_f32, float)
TN__RESIZE(tn__resize_f64, double)
static void tn__resize_job(void *arg, int64_t outer) {
    const tn__resize_args *v = (const tn__resize_args *)arg;
    if (v->dt == TN_F32) tn__resize_f32(v, outer);
    else tn__resize_f64(v, outer);
}
static bool tn__infer_resize(tn__call *c) {
    const tn__attr_resize *a = (const tn__attr_resize *)c->attr;
    const tn_tensor *x = c->in[0];
    int64_t shape[TN_MAX_DIMS];
    if (!tn__floating(c, x)) return false;
    memcpy(shape, x->shape, sizeof shape);
    shape[a->dim] = c->op == TN__OP_resize ? a->out : a->in;
    return (c->out[0] = tn__new(tn__dt(x), shape, x->ndim)) != NULL;
}
static bool tn__kernel_resize(tn__call *c) {
    const tn__attr_resize *a = (const tn__attr_resize *)c->attr;
    const tn_dtype dt = tn__norm_dtype(tn__dt(c->in[0]));
    tn_tensor *x = tn__dense_as(c->in[0], dt), *y = tn__zeroed(tn__norm_target(c->out[0], dt));
    tn__resize_args v;
    if (!x || !y) return false;
    const int taps = tn__resize_taps(a);
    const size_t bytes = (size_t)a->out * (size_t)taps * sizeof(tn__resize_tap);
    tn__resize_tap *tap = (tn__resize_tap *)tn__alloc(bytes);
    if (!tap) return false;
    for (int64_t o = 0; o < a->out; o++) tn__resize_window(a, o, dt == TN_F64, taps, tap + o * taps);
    memset(&v, 0, sizeof v);
    v.dt = dt, v.in = a->in, v.out = a->out, v.taps = taps, v.tap = tap, v.back = c->op != TN__OP_resize;
    v.x = x->data, v.y = y->data;
    v.outer = v.inner = 1;
    for (int d = 0; d < x->ndim; d++)
        if (d != a->dim) *(d < a->dim ? &v.outer : &v.inner) *= x->shape[d];
    tn__parallel(v.outer, tn__resize_job, &v);
    tn__free(tap, bytes);
    if (y != c->out[0]) tn__copy_raw(c->out[0], y);
    return true;
}
static bool tn__grad_resize(tn__back *b) { return (b->gx[0] = tn__op1(tn__back_op(b) == TN__OP_resize ? TN__OP_resize_backward : TN__OP_resize, b->g, b->attr)) != NULL; }
TN_API tn_tensor *tn_interpolate(tn_tensor *x, const tn_interpolate_opts *opts) {
    static const int wanted[] = {0, 0, 1, 2, 2, 3, 0}; /* axes of a mode; 0: any */
    TN__ATTR(tn__attr_resize, a);
    if (!x || !opts) return (tn_tensor *)(tn__fail_null("tn_interpolate: x and a size"), NULL);
    const int axes = x->ndim - 2, mode = (int)opts->mode, n = opts->n_size ? opts->n_size : opts->n_scale;
    if (mode < 0 || mode > TN_AREA) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_interpolate: mode %d", mode);
    if (axes < 1 || axes > 3 || (wanted[mode] && axes != wanted[mode]))
        return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "tn_interpolate: [N, C] and %d axes are wanted, got %s", wanted[mode] ? wanted[mode] : 3, TN__SHAPE_TEXT(x));
    if ((opts->n_size != 0) == (opts->n_scale != 0) || (n != 1 && n != axes)) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_interpolate: 1 or %d sizes or factors are wanted", axes);
    a.mode = mode == TN_BILINEAR || mode == TN_TRILINEAR ? TN_LINEAR : mode;
    a.align = opts->align_corners && (a.mode == TN_LINEAR || a.mode == TN_BICUBIC);
    const tn_dtype dt = tn__dt(x);
    if (tn__is_float(dt) && dt != TN_F64) x = tn_to_dtype(x, TN_F32); /* halves are rounded once, after the last axis */
    for (int k = axes - 1; k >= 0 && x; k--) { /* the last axis first: the rows stay short */
        const double factor = opts->n_scale ? opts->scale[n == 1 ? 0 : k] : 0;
        a.dim = k + 2;
        a.in = x->shape[a.dim];
        const double places = opts->n_scale ? floor((double)a.in * factor) : (double)opts->size[n == 1 ? 0 : k];
        if (!(places >= 1 && places < 9e15) || a.in < 1) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "tn_interpolate: axis %d of %s to a size of %g", a.dim, TN__SHAPE_TEXT(x), places);
        a.out = (int64_t)places;
        a.scale = opts->recompute_scale_factor ? 0 : factor;
        if (a.in == a.out && a.scale == 0) continue;
        x = tn__op1(TN__OP_resize, x, &a);
    }
    return x && tn__dt(x) != dt ? tn_to_dtype(x, dt) : x;
}
/* [..., C r r, H, W] to [..., C, H r, W r] */
TN_API tn_tensor *tn_pixel_shuffle(tn_tensor *x, int64_t upscale_factor) {
    int64_t shape[TN_MAX_DIMS];
    int order[TN_MAX_DIMS];
    const int64_t r = upscale_factor;
    if (!x) return (tn_tensor *)(tn__fail_null("tn_pixel_shuffle: x"), NULL);
    const int n = x->ndim, lead = n - 3;
    if (n < 3 || n + 2 > TN_MAX_DIMS || r < 1 || x->shape[lead] % (r * r)) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "tn_pixel_shuffle: %s by %lld", TN__SHAPE_TEXT(x), (long long)r);
    for (int d = 0; d < lead; d++) shape[d] = x->shape[d], order[d] = d;
    const int64_t split[5] = {x->shape[lead] / (r * r), r, r, x->shape[n - 2], x->shape[n - 1]};
    static const int places[5] = {0, 3, 1, 4, 2};
    for (int k = 0; k < 5; k++) shape[lead + k] = split[k], order[lead + k] = lead + places[k];
    tn_tensor *y = tn_permute(tn_reshape(x, shape, n + 2), order, n + 2);
    shape[lead + 1] = split[3] * r, shape[lead + 2] = split[4] * r;
    return tn_reshape(y, shape, n);
}

/* ================================================================================================================ */
/* >>norm (Private)                                                                                                 */
/* Normalisations.                                                                                                  */
/* ================================================================================================================ */

/* layer_norm, rms_norm and group_norm are one thing: rows of len elements that follow one another, each brought to mean 0
   and variance 1 (rms: only divided by its root mean square), then scaled and shifted by weights of which element j of
   row r takes number (r % period) * stride + j / span. batch_norm takes its statistics across rows. */
typedef struct tn__attr_norm {
    uint32_t size, rms;
    int64_t rows, len, period, stride, span;
    double eps;
} tn__attr_norm;
/* Operands in the lane type that is computed in, in order. The result is computed in it too. */
typedef struct tn__norm_args {
    const tn__norm_kernels *k;
    const tn__attr_norm *a;
    int64_t size, block, blocks;         /* bytes an element; rows a job */
    const char *x, *g, *w, *b;
    char *y;
    double *mean, *rstd;
    char *gw, *gb;                       /* a slice of count elements a job, or NULL */
    int64_t count;
} tn__norm_args;
#define TN__NORM_BLOCKS 64
static int64_t tn__norm_block(int64_t rows, int64_t len) { /* rows a job: enough work, and not too many slices of sums */
    const int64_t enough = (TN__GRAIN + len - 1) / (len ? len : 1), few = (rows + TN__NORM_BLOCKS - 1) / TN__NORM_BLOCKS;
    return TN__MAX(TN__MAX(enough, few), 1);
}
static const tn__norm_kernels *tn__norm_set(tn_dtype dt) { return &tn__kernels_for(tn__lane_of(dt))->norm; }
/* The weights of element j of row r on, for as long as one number or one after another holds: returns how many. */
static int64_t tn__norm_run(const tn__attr_norm *a, int64_t r, int64_t j, int64_t *at) {
    *at = (r % a->period) * a->stride + j / a->span;
    return a->span == 1 ? a->len - j : TN__MIN(a->span - j % a->span, a->len - j);
}
static void tn__norm_forward_job(void *arg, int64_t job) {
    const tn__norm_args *n = (const tn__norm_args *)arg;
    const tn__attr_norm *a = n->a;
    for (int64_t r = job * n->block; r < TN__MIN((job + 1) * n->block, a->rows); r++) {
        const char *x = n->x + r * a->len * n->size;
        char *y = n->y + r * a->len * n->size;
        const double mean = a->rms ? 0 : n->k->sum((size_t)a->len, x) / (double)a->len;
        const double rstd = 1 / sqrt(n->k->squares((size_t)a->len, x, mean) / (double)a->len + a->eps);
        n->mean[r] = mean;
        n->rstd[r] = rstd;
        for (int64_t j = 0, at, run; j < a->len; j += run) {
            run = tn__norm_run(a, r, j, &at);
            n->k->apply((size_t)run, y + j * n->size, x + j * n->size, mean, rstd, n->w ? n->w + at * n->size : NULL, n->b ? n->b + at * n->size : NULL, a->span == 1);
        }
    }
}
static void tn__norm_backward_job(void *arg, int64_t job) {
    const tn__norm_args *n = (const tn__norm_args *)arg;
    const tn__attr_norm *a = n->a;
    char *gw = n->gw ? n->gw + job * n->count * n->size : NULL, *gb = n->gb ? n->gb + job * n->count * n->size : NULL;
    if (gw) memset(gw, 0, (size_t)(n->count * n->size)), memset(gb, 0, (size_t)(n->count * n->size));
    for (int64_t r = job * n->block; r < TN__MIN((job + 1) * n->block, a->rows); r++) {
        const int64_t base = r * a->len * n->size;
        double sums[2] = {0, 0};
        for (int64_t j = 0, at, run; j < a->len; j += run) {
            double part[2];
            run = tn__norm_run(a, r, j, &at);
            n->k->sums((size_t)run, n->g + base + j * n->size, n->x + base + j * n->size, n->w ? n->w + at * n->size : NULL, a->span == 1, n->mean[r], n->rstd[r], part);
            sums[0] += part[0];
            sums[1] += part[1];
        }
        const double c1 = a->rms ? 0 : sums[0] / (double)a->len, c2 = sums[1] / (double)a->len;
        for (int64_t j = 0, at, run; j < a->len; j += run) {
            run = tn__norm_run(a, r, j, &at);
            const char *g = n->g + base + j * n->size, *x = n->x + base + j * n->size;
            if (gw) n->k->params((size_t)run, gw + at * n->size, gb + at * n->size, g, x, n->mean[r], n->rstd[r], a->span == 1);
            n->k->back((size_t)run, n->y + base + j * n->size, g, x, n->w ? n->w + at * n->size : NULL, a->span == 1, n->mean[r], n->rstd[r], c1, c2);
        }
    }
}
static bool tn__norm_weight(const tn__call *c, const tn_tensor *w, const char *what, const int64_t *shape, int n) {
    if (!w) return true;
    if (tn__dt(w) != tn__dt(c->in[0])) return tn__op_fail(c, TN_ERR_DTYPE, "%s is %s, the input %s", what, tn_dtype_name(tn__dt(w)), tn_dtype_name(tn__dt(c->in[0])));
    if (w->ndim != n || memcmp(w->shape, shape, (size_t)n * sizeof *shape) != 0) return tn__op_fail(c, TN_ERR_SHAPE, "%s is %s, %s is wanted", what, TN__SHAPE_TEXT(w), tn__sizes_text(shape, n));
    return true;
}
/* Outputs: the result, and f64 [rows] mean and 1 / deviation for the gradient. */
static bool tn__infer_norm_rows(tn__call *c) {
    const tn__attr_norm *a = (const tn__attr_norm *)c->attr;
    const tn_tensor *x = c->in[0];
    if (!tn__floating(c, x)) return false;
    c->out[0] = tn__new(tn__dt(x), x->shape, x->ndim);
    c->out[1] = tn__new(TN_F64, &a->rows, 1);
    c->out[2] = tn__new(TN_F64, &a->rows, 1);
    return c->out[0] && c->out[1] && c->out[2];
}
static bool tn__norm_operands(tn__norm_args *n, const tn__attr_norm *a, tn_dtype dt, tn_tensor *x, tn_tensor *w, tn_tensor *b, tn_tensor *g) {
    memset(n, 0, sizeof *n);
    if ((x && !(x = tn__dense_as(x, dt))) || (w && !(w = tn__dense_as(w, dt))) || (b && !(b = tn__dense_as(b, dt))) || (g && !(g = tn__dense_as(g, dt)))) return false;
    n->k = tn__norm_set(dt);
    n->a = a;
    n->size = (int64_t)tn__dsize(dt);
    n->block = tn__norm_block(a->rows, a->len);
    n->blocks = (a->rows + n->block - 1) / n->block;
    n->x = x ? x->data : NULL;
    n->w = w ? w->data : NULL;
    n->b = b ? b->data : NULL;
    n->g = g ? g->data : NULL;
    return true;
}
static bool tn__kernel_norm_rows(tn__call *c) {
    const tn__attr_norm *a = (const tn__attr_norm *)c->attr;
    const tn_dtype dt = tn__norm_dtype(tn__dt(c->in[0]));
    tn__norm_args n;
    tn_tensor *y = tn__norm_target(c->out[0], dt);
    if (!y || !tn__norm_operands(&n, a, dt, c->in[0], c->in[1], c->n_in > 2 ? c->in[2] : NULL, NULL)) return false;
    n.y = y->data;
    n.mean = (double *)(void *)c->out[1]->data;
    n.rstd = (double *)(void *)c->out[2]->data;
    if (a->len) tn__parallel(n.blocks, tn__norm_forward_job, &n);
    if (y != c->out[0]) tn__copy_raw(c->out[0], y);
    return true;
}
/* Not where weights follow one another but begin anew in each group: tn_group_norm applies those as ops of their own. */
static bool tn__norm_has_weights(const tn__attr_norm *a) { return a->span != 1 || a->period == 1; }
/* (g, x, mean, rstd, weight): the gradients of x, weight and bias; of the latter two [count], zeros where there are none. */
static bool tn__infer_norm_rows_backward(tn__call *c) {
    const tn__attr_norm *a = (const tn__attr_norm *)c->attr;
    const int64_t count = a->span == 1 ? a->len : a->period * a->stride;
    c->out[0] = tn__new(tn__dt(c->in[0]), c->in[1]->shape, c->in[1]->ndim);
    c->out[1] = tn__zeroed(tn__new(tn__dt(c->in[0]), &count, 1));
    c->out[2] = tn__zeroed(tn__new(tn__dt(c->in[0]), &count, 1));
    return c->out[0] && c->out[1] && c->out[2];
}
static void tn__norm_join(const tn__norm_args *n, tn_tensor *const *out) { /* the jobs' slices, in order, to the gradients of weight and bias */
    const tn_dtype from = n->size == 4 ? TN_F32 : TN_F64, to = tn__dt(out[0]);
    for (int64_t j = 0; j < n->count; j++)
        for (int k = 0; k < 2; k++) {
            double s = 0;
            for (int64_t i = 0; i < n->blocks; i++) s += tn__get_f64(from, (k ? n->gb : n->gw) + (i * n->count + j) * n->size);
            tn__set_f64(to, out[k]->data + j * (int64_t)tn__dsize(to), s);
        }
}
static bool tn__kernel_norm_rows_backward(tn__call *c) {
    const tn__attr_norm *a = (const tn__attr_norm *)c->attr;
    const tn_dtype dt = tn__norm_dtype(tn__dt(c->in[0]));
    tn__norm_args n;
    tn_tensor *gx = tn__norm_target(c->out[0], dt);
    if (!gx || !tn__norm_operands(&n, a, dt, c->in[1], c->n_in > 4 ? c->in[4] : NULL, NULL, c->in[0])) return false;
    if (!a->len) return true; /* the sums over nothing are the zeros that stand there */
    if (tn__norm_has_weights(a)) {
        const int64_t parts[2] = {n.blocks * 2, c->out[1]->numel};
        const tn_tensor *sums = tn__new(dt, parts, 2); /* a slice a job */
        if (!sums) return false;
        n.count = c->out[1]->numel;
        n.gw = sums->data;
        n.gb = sums->data + n.blocks * n.count * n.size;
    }
    n.y = gx->data;
    n.mean = (double *)(void *)c->in[2]->data;
    n.rstd = (double *)(void *)c->in[3]->data;
    tn__parallel(n.blocks, tn__norm_backward_job, &n);
    tn__norm_join(&n, c->out + 1);
    if (gx != c->out[0]) tn__copy_raw(c->out[0], gx);
    return true;
}
/* The composed gradient, from x anew: differentiable. */
static bool tn__norm_composed(tn__back *b) {
    const tn__attr_norm *a = (const tn__attr_norm *)b->attr;
    const tn_reduce_opts row = {1, true, true, {0}, 0, TN_DTYPE_DEFAULT};
    const int64_t flat[2] = {a->rows, a->len}, channels = a->period * a->stride, grouped[3] = {a->span == 1 ? 1 : a->rows / a->period, channels, a->span};
    int n, wn;
    const int64_t *shape = tn__in_shape(b, 0, &n), *wshape = b->n_in > 1 ? tn__in_shape(b, 1, &wn) : NULL;
    tn_tensor *x = tn_reshape(b->x[0], flat, 2), *g = tn_reshape(b->g, flat, 2), *w = b->n_in > 1 ? b->x[1] : NULL, *gh = g;
    tn_tensor *centered = a->rms ? x : tn_sub(x, tn_mean(x, &row));
    tn_tensor *rstd = tn_rsqrt(tn_add(tn_mean(tn_square(centered), &row), a->eps)), *hat = tn_mul(centered, rstd);
    const int64_t per_channel[3] = {1, channels, 1};
    if (w && a->span == 1) gh = tn_mul(g, tn_reshape(w, flat + 1, 1));
    else if (w) gh = tn_reshape(tn_mul(tn_reshape(g, grouped, 3), tn_reshape(w, per_channel, 3)), flat, 2);
    if (tn__want(b, 0)) {
        tn_tensor *inner = tn_sub(gh, tn_mul(hat, tn_mean(tn_mul(gh, hat), &row)));
        if (!a->rms) inner = tn_sub(inner, tn_mean(gh, &row));
        if (!(b->gx[0] = tn_reshape(tn_mul(inner, rstd), shape, n))) return false;
    }
    for (int i = 1; i < b->n_in && i < 3; i++) {
        if (!tn__want(b, i)) continue;
        tn_reduce_opts over = {0, false, false, {0, 2}, 2, TN_DTYPE_DEFAULT};
        tn_tensor *t = i == 1 ? tn_mul(g, hat) : g;
        if (a->span == 1) over.n_dims = 1;
        t = tn_sum(a->span == 1 ? t : tn_reshape(t, grouped, 3), &over);
        const int64_t *shape_i = tn__in_shape(b, i, &wn);
        if (!(b->gx[i] = tn_reshape(t, shape_i, wn))) return false;
    }
    (void)wshape;
    return true;
}
static bool tn__grad_norm_rows(tn__back *b) {
    if (tn__recording()) return tn__norm_composed(b);
    tn_tensor *in[5] = {b->g, b->x[0], b->y[1], b->y[2], b->n_in > 1 ? b->x[1] : NULL};
    tn__call c = tn__call_of(TN__OP_norm_rows_backward, in, 5, b->attr);
    if (!tn__dispatch(&c)) return false;
    b->gx[0] = c.out[0];
    for (int i = 1; i < b->n_in && i < 3; i++) {
        int n;
        const int64_t *shape = tn__in_shape(b, i, &n);
        if (tn__want(b, i) && !(b->gx[i] = tn_reshape(c.out[i], shape, n))) return false;
    }
    return true;
}
static double tn__eps_or(double eps, double fallback) { return eps == 0 ? fallback : eps == TN_ZERO ? 0 : eps; }
static tn_tensor *tn__normed(int op, tn_tensor *x, tn_tensor *w, tn_tensor *b, const tn__attr_norm *a) {
    tn_tensor *in[3] = {x, w, b};
    tn__call c = tn__call_of(op, in, 3, a);
    return tn__dispatch(&c) ? c.out[0] : NULL;
}
static bool tn__norm_tail(const char *who, tn_tensor *x, const int64_t *shape, int n, tn__attr_norm *a) {
    if (!x) return tn__fail_null(who);
    if (!shape || n < 1 || n > x->ndim || memcmp(x->shape + x->ndim - n, shape, (size_t)n * sizeof *shape) != 0)
        return tn__fail(TN_ERR_SHAPE, "%s: normalized shape %s is not the end of %s", who, shape && n > 0 && n <= TN_MAX_DIMS ? tn__sizes_text(shape, n) : "(none)", TN__SHAPE_TEXT(x));
    a->len = a->rows = 1;
    for (int d = 0; d < x->ndim; d++) *(d < x->ndim - n ? &a->rows : &a->len) *= x->shape[d];
    a->period = a->span = 1;
    return true;
}
static bool tn__norm_affine(const char *who, const tn_tensor *x, const tn_tensor *w, const char *what, const int64_t *shape, int n) {
    if (!w) return true;
    if (tn__dt(w) != tn__dt(x)) return tn__fail(TN_ERR_DTYPE, "%s: %s is %s, the input %s", who, what, tn_dtype_name(tn__dt(w)), tn_dtype_name(tn__dt(x)));
    if (w->ndim != n || memcmp(w->shape, shape, (size_t)n * sizeof *shape) != 0) return tn__fail(TN_ERR_SHAPE, "%s: %s is %s, %s is wanted", who, what, TN__SHAPE_TEXT(w), tn__sizes_text(shape, n));
    return true;
}
TN_API tn_tensor *tn_layer_norm(tn_tensor *x, const int64_t *normalized_shape, int n, tn_tensor *weight, tn_tensor *bias, double eps) {
    TN__ATTR(tn__attr_norm, a);
    if (!tn__norm_tail("tn_layer_norm", x, normalized_shape, n, &a) || !tn__norm_affine("tn_layer_norm", x, weight, "the weight", normalized_shape, n) ||
        !tn__norm_affine("tn_layer_norm", x, bias, "the bias", normalized_shape, n)) return NULL;
    a.eps = tn__eps_or(eps, 1e-5);
    return tn__normed(TN__OP_layer_norm, x, weight, bias, &a);
}
TN_API tn_tensor *tn_rms_norm(tn_tensor *x, const int64_t *normalized_shape, int n, tn_tensor *weight, double eps) {
    TN__ATTR(tn__attr_norm, a);
    if (!tn__norm_tail("tn_rms_norm", x, normalized_shape, n, &a) || !tn__norm_affine("tn_rms_norm", x, weight, "the weight", normalized_shape, n)) return NULL;
    a.rms = 1;
    a.eps = tn__eps_or(eps, tn__dt(x) == TN_F64 ? 2.220446049250313e-16 : 1.1920928955078125e-07);
    return tn__normed(TN__OP_rms_norm, x, weight, NULL, &a);
}
TN_API tn_tensor *tn_group_norm(tn_tensor *x, int64_t groups, tn_tensor *weight, tn_tensor *bias, double eps) {
    TN__ATTR(tn__attr_norm, a);
    if (!x) return (tn_tensor *)(tn__fail_null("tn_group_norm: x"), NULL);
    if (x->ndim < 2 || groups < 1 || x->shape[1] % groups) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "tn_group_norm: %lld groups of the channels of %s", (long long)groups, TN__SHAPE_TEXT(x));
    if (!tn__norm_affine("tn_group_norm", x, weight, "the weight", x->shape + 1, 1) || !tn__norm_affine("tn_group_norm", x, bias, "the bias", x->shape + 1, 1)) return NULL;
    a.span = 1;
    for (int d = 2; d < x->ndim; d++) a.span *= x->shape[d];
    a.period = groups;
    a.stride = x->shape[1] / groups;
    a.rows = x->shape[0] * groups;
    a.len = a.stride * a.span;
    a.eps = tn__eps_or(eps, 1e-5);
    if (a.span == 1) { /* one place a channel: weights follow one another, but begin anew in each group */
        tn_tensor *y = tn__normed(TN__OP_group_norm, x, NULL, NULL, &a);
        int64_t shape[TN_MAX_DIMS];
        for (int d = 0; d < x->ndim; d++) shape[d] = d == 1 ? x->shape[1] : 1;
        if (weight) y = tn_mul(y, tn_reshape(weight, shape, x->ndim));
        return bias ? tn_add(y, tn_reshape(bias, shape, x->ndim)) : y;
    }
    return tn__normed(TN__OP_group_norm, x, weight, bias, &a);
}

/* -- batch norm: statistics of each channel over the batch and all places -- */
typedef struct tn__attr_batch { uint32_t size, training; double momentum, eps; } tn__attr_batch;
typedef struct tn__batch_args {
    const tn__norm_kernels *k;
    int64_t n, c, span, size;
    const char *x, *g, *w, *b;
    char *y, *gw, *gb;
    double *mean, *rstd, eps;
    bool training;
} tn__batch_args;
static void tn__batch_forward_job(void *arg, int64_t ch) {
    const tn__batch_args *b = (const tn__batch_args *)arg;
    const int64_t step = b->c * b->span * b->size, count = b->n * b->span;
    const char *x = b->x + ch * b->span * b->size;
    if (b->training) {
        double sum = 0, squares = 0;
        for (int64_t i = 0; i < b->n; i++) sum += b->k->sum((size_t)b->span, x + i * step);
        const double mean = sum / (double)count;
        for (int64_t i = 0; i < b->n; i++) squares += b->k->squares((size_t)b->span, x + i * step, mean);
        b->mean[ch] = mean;
        b->rstd[ch] = squares / (double)count; /* the variance: the caller wants it first */
    }
    const double rstd = 1 / sqrt(b->rstd[ch] + b->eps);
    for (int64_t i = 0; i < b->n; i++)
        b->k->apply((size_t)b->span, b->y + ch * b->span * b->size + i * step, x + i * step, b->mean[ch], rstd, b->w ? b->w + ch * b->size : NULL, b->b ? b->b + ch * b->size : NULL, false);
}
static void tn__batch_backward_job(void *arg, int64_t ch) {
    const tn__batch_args *b = (const tn__batch_args *)arg;
    const int64_t step = b->c * b->span * b->size, first = ch * b->span * b->size;
    double sums[2] = {0, 0};
    for (int64_t i = 0; i < b->n; i++) {
        double part[2];
        b->k->sums((size_t)b->span, b->g + first + i * step, b->x + first + i * step, NULL, false, b->mean[ch], b->rstd[ch], part);
        sums[0] += part[0];
        sums[1] += part[1];
    }
    const double count = (double)(b->n * b->span), w = b->w ? (b->size == 4 ? (double)*(const float *)(const void *)(b->w + ch * b->size) : *(const double *)(const void *)(b->w + ch * b->size)) : 1;
    const double c1 = b->training ? w * sums[0] / count : 0, c2 = b->training ? w * sums[1] / count : 0;
    for (int64_t i = 0; i < b->n; i++)
        b->k->back((size_t)b->span, b->y + first + i * step, b->g + first + i * step, b->x + first + i * step, b->w ? b->w + ch * b->size : NULL, false, b->mean[ch], b->rstd[ch], c1, c2);
    if (b->size == 4) ((float *)(void *)b->gw)[ch] = (float)sums[1], ((float *)(void *)b->gb)[ch] = (float)sums[0];
    else ((double *)(void *)b->gw)[ch] = sums[1], ((double *)(void *)b->gb)[ch] = sums[0];
}
/* (x, weight, bias, running_mean, running_var): the result, f64 [C] mean and 1 / deviation that were used. */
static bool tn__infer_batch_norm(tn__call *c) {
    const tn__attr_batch *a = (const tn__attr_batch *)c->attr;
    const tn_tensor *x = c->in[0];
    static const char *const what[5] = {"", "the weight", "the bias", "running_mean", "running_var"};
    if (!tn__floating(c, x)) return false;
    if (x->ndim < 2) return tn__op_fail(c, TN_ERR_SHAPE, "[N, C, ...] is wanted, got %s", TN__SHAPE_TEXT(x));
    for (int i = 1; i < 5; i++)
        if (!tn__norm_weight(c, c->in[i], what[i], x->shape + 1, 1)) return false;
    if (!a->training && (!c->in[3] || !c->in[4])) return tn__op_fail(c, TN_ERR_INVALID, "running_mean and running_var are required unless training");
    if (a->training && x->shape[1] && x->numel / x->shape[1] == 1) return tn__op_fail(c, TN_ERR_SHAPE, "more than one value a channel is wanted when training, got %s", TN__SHAPE_TEXT(x));
    c->out[0] = tn__new(tn__dt(x), x->shape, x->ndim);
    c->out[1] = tn__new(TN_F64, x->shape + 1, 1);
    c->out[2] = tn__new(TN_F64, x->shape + 1, 1);
    return c->out[0] && c->out[1] && c->out[2];
}
static bool tn__batch_operands(tn__batch_args *b, const tn__attr_batch *a, tn_dtype dt, tn_tensor *x, tn_tensor *w, tn_tensor *bias, tn_tensor *g) {
    memset(b, 0, sizeof *b);
    const tn_tensor *dx = tn__dense_as(x, dt), *dw = w ? tn__dense_as(w, dt) : NULL, *db = bias ? tn__dense_as(bias, dt) : NULL, *dg = g ? tn__dense_as(g, dt) : NULL;
    if (!dx || (w && !dw) || (bias && !db) || (g && !dg)) return false;
    b->k = tn__norm_set(dt);
    b->n = x->shape[0];
    b->c = x->shape[1];
    b->span = 1;
    for (int d = 2; d < x->ndim; d++) b->span *= x->shape[d];
    b->size = (int64_t)tn__dsize(dt);
    b->x = dx->data;
    b->w = dw ? dw->data : NULL;
    b->b = db ? db->data : NULL;
    b->g = dg ? dg->data : NULL;
    b->training = a->training != 0;
    b->eps = a->eps;
    return true;
}
static bool tn__kernel_batch_norm(tn__call *c) {
    const tn__attr_batch *a = (const tn__attr_batch *)c->attr;
    const tn_dtype dt = tn__norm_dtype(tn__dt(c->in[0]));
    tn__batch_args b;
    tn_tensor *y = tn__norm_target(c->out[0], dt);
    if (!y || !tn__batch_operands(&b, a, dt, c->in[0], c->in[1], c->in[2], NULL)) return false;
    b.y = y->data;
    b.mean = (double *)(void *)c->out[1]->data;
    b.rstd = (double *)(void *)c->out[2]->data;
    for (int k = 0; k < 2 && !b.training; k++)
        for (int64_t ch = 0; ch < b.c; ch++) {
            const tn_tensor *r = c->in[3 + k];
            (k ? b.rstd : b.mean)[ch] = tn__get_f64(tn__dt(r), r->data + ch * r->strides[0] * (int64_t)tn__dsize(tn__dt(r)));
        }
    tn__parallel(c->in[0]->numel ? b.c : 0, tn__batch_forward_job, &b);
    const double count = (double)(b.n * b.span);
    for (int64_t ch = 0; ch < b.c; ch++) {
        for (int k = 0; k < 2 && b.training && c->in[0]->numel; k++) {
            tn_tensor *r = c->in[3 + k];
            if (!r) continue;
            char *at = r->data + ch * r->strides[0] * (int64_t)tn__dsize(tn__dt(r));
            const double now = k ? b.rstd[ch] * (count / (count - 1)) : b.mean[ch];
            tn__set_f64(tn__dt(r), at, (1 - a->momentum) * tn__get_f64(tn__dt(r), at) + a->momentum * now);
        }
        b.rstd[ch] = 1 / sqrt(b.rstd[ch] + a->eps);
    }
    if (y != c->out[0]) tn__copy_raw(c->out[0], y);
    return true;
}
static bool tn__infer_batch_norm_backward(tn__call *c) { /* (g, x, mean, rstd, weight) */
    const tn_tensor *x = c->in[1];
    c->out[0] = tn__new(tn__dt(x), x->shape, x->ndim);
    c->out[1] = tn__new(tn__dt(x), x->shape + 1, 1);
    c->out[2] = tn__new(tn__dt(x), x->shape + 1, 1);
    return c->out[0] && c->out[1] && c->out[2];
}
static bool tn__kernel_batch_norm_backward(tn__call *c) {
    const tn__attr_batch *a = (const tn__attr_batch *)c->attr;
    const tn_dtype dt = tn__norm_dtype(tn__dt(c->in[1]));
    tn__batch_args b;
    tn_tensor *y[3];
    for (int k = 0; k < 3; k++)
        if (!(y[k] = tn__norm_target(c->out[k], dt))) return false;
    if (!tn__batch_operands(&b, a, dt, c->in[1], c->in[4], NULL, c->in[0])) return false;
    b.y = y[0]->data;
    b.gw = y[1]->data;
    b.gb = y[2]->data;
    b.mean = (double *)(void *)c->in[2]->data;
    b.rstd = (double *)(void *)c->in[3]->data;
    tn__parallel(b.c, tn__batch_backward_job, &b);
    for (int k = 0; k < 3; k++)
        if (y[k] != c->out[k]) tn__copy_raw(c->out[k], y[k]);
    return true;
}
static bool tn__batch_composed(tn__back *b) {
    const tn__attr_batch *a = (const tn__attr_batch *)b->attr;
    int64_t shape[TN_MAX_DIMS];
    tn_tensor *x = b->x[0], *w = b->x[1], *g = b->g, *mean, *rstd;
    tn_reduce_opts over;
    memset(&over, 0, sizeof over);
    over.keepdim = true;
    for (int d = 0; d < x->ndim; d++) {
        shape[d] = d == 1 ? x->shape[1] : 1;
        if (d != 1) over.dims[over.n_dims++] = d;
    }
    if (a->training) {
        mean = tn_mean(x, &over);
        rstd = tn_rsqrt(tn_add(tn_mean(tn_square(tn_sub(x, mean)), &over), a->eps));
    } else {
        mean = tn_to_dtype(tn_reshape(b->y[1], shape, x->ndim), tn__dt(x));
        rstd = tn_to_dtype(tn_reshape(b->y[2], shape, x->ndim), tn__dt(x));
    }
    tn_tensor *hat = tn_mul(tn_sub(x, mean), rstd), *gh = w ? tn_mul(g, tn_reshape(w, shape, x->ndim)) : g;
    if (tn__want(b, 0)) {
        tn_tensor *inner = a->training ? tn_sub(tn_sub(gh, tn_mean(gh, &over)), tn_mul(hat, tn_mean(tn_mul(gh, hat), &over))) : gh;
        if (!(b->gx[0] = tn_mul(inner, rstd))) return false;
    }
    over.keepdim = false;
    if (tn__want(b, 1) && !(b->gx[1] = tn_sum(tn_mul(g, hat), &over))) return false;
    return !tn__want(b, 2) || (b->gx[2] = tn_sum(g, &over)) != NULL;
}
static bool tn__grad_batch_norm(tn__back *b) {
    if (tn__recording()) return tn__batch_composed(b);
    tn_tensor *in[5] = {b->g, b->x[0], b->y[1], b->y[2], b->x[1]};
    tn__call c = tn__call_of(TN__OP_batch_norm_backward, in, 5, b->attr);
    if (!tn__dispatch(&c)) return false;
    for (int i = 0; i < 3; i++) b->gx[i] = c.out[i];
    return true;
}
TN_API tn_tensor *tn_batch_norm(tn_tensor *x, const tn_batch_norm_opts *opts) {
    TN__ATTR(tn__attr_batch, a);
    tn_batch_norm_opts o;
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    a.training = o.training;
    a.momentum = o.momentum == 0 ? 0.1 : o.momentum == TN_ZERO ? 0 : o.momentum;
    a.eps = tn__eps_or(o.eps, 1e-5);
    if (x && x->ndim == 1 && x->numel == 0) return tn_clone(x); /* as PyTorch: nothing comes of nothing, whatever its dims */
    tn_tensor *in[5] = {x, o.weight, o.bias, o.running_mean, o.running_var};
    tn__call c = tn__call_of(TN__OP_batch_norm, in, 5, &a);
    return tn__dispatch(&c) ? c.out[0] : NULL;
}
/* The planes of all samples as so many channels of one: repeated weights and running statistics, whose updates are averaged. */
static bool tn__infer_instance_norm(tn__call *c) {
    const tn__attr_batch *a = (const tn__attr_batch *)c->attr;
    tn_tensor *x = c->in[0], *per[5] = {NULL, NULL, NULL, NULL, NULL};
    int64_t shape[TN_MAX_DIMS];
    if (x->ndim < 3) return tn__op_fail(c, TN_ERR_SHAPE, "[N, C, ...] with places is wanted, got %s", TN__SHAPE_TEXT(x));
    if (!tn__floating(c, x)) return false;
    const int64_t n = x->shape[0], ch = x->shape[1];
    int64_t span = 1;
    for (int d = 2; d < x->ndim; d++) span *= x->shape[d];
    if (a->training && span == 1) return tn__op_fail(c, TN_ERR_SHAPE, "more than one place a channel is wanted, got %s", TN__SHAPE_TEXT(x));
    for (int i = 1; i < 5; i++) {
        if (!c->in[i]) continue;
        if (!tn__norm_weight(c, c->in[i], "a weight or statistic", x->shape + 1, 1)) return false;
        if (!(per[i] = tn_repeat(c->in[i], &n, 1))) return false;
    }
    memcpy(shape, x->shape, sizeof shape);
    shape[0] = 1;
    shape[1] = n * ch;
    tn_batch_norm_opts o = {per[1], per[2], per[3], per[4], a->training != 0, a->momentum == 0 ? TN_ZERO : a->momentum, a->eps == 0 ? TN_ZERO : a->eps};
    if (!(c->out[0] = tn_reshape(tn_batch_norm(tn_reshape(x, shape, x->ndim), &o), x->shape, x->ndim))) return false;
    const int64_t rows[2] = {n, ch};
    const tn_reduce_opts first = {0, true, false, {0}, 0, TN_DTYPE_DEFAULT};
    for (int i = 3; i < 5 && a->training; i++) {
        const bool was = tn__set_recording(false);
        const bool ok = !c->in[i] || tn_copy_(c->in[i], tn_mean(tn_reshape(per[i], rows, 2), &first));
        (void)tn__set_recording(was);
        if (!ok) return false;
    }
    return true;
}
TN__WIDE(instance_norm)
TN_API tn_tensor *tn_instance_norm(tn_tensor *x, const tn_instance_norm_opts *opts) {
    TN__ATTR(tn__attr_batch, a);
    tn_instance_norm_opts o;
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    a.training = !o.use_running_stats;
    a.momentum = o.momentum == 0 ? 0.1 : o.momentum == TN_ZERO ? 0 : o.momentum;
    a.eps = tn__eps_or(o.eps, 1e-5);
    tn_tensor *in[5] = {x, o.weight, o.bias, o.running_mean, o.running_var};
    return tn__opn(TN__OP_instance_norm, in, 5, &a);
}
static bool tn__infer_normalize(tn__call *c) {
    const tn__attr_num *a = (const tn__attr_num *)c->attr;
    const tn_reduce_opts o = {(int)a->v[1], true, true, {0}, 0, TN_DTYPE_DEFAULT};
    tn_tensor *x = c->in[0], *norm = tn_linalg_vector_norm(x, a->v[0], &o);
    return (c->out[0] = tn_div(x, tn__at_least(norm, a->v[2]))) != NULL;
}
TN__WIDE(normalize)
TN_API tn_tensor *tn_normalize(tn_tensor *x, double p, int dim, double eps) {
    TN__ATTR(tn__attr_num, a);
    a.v[0] = p;
    a.v[1] = dim;
    a.v[2] = tn__eps_or(eps, 1e-12);
    return tn__op1(TN__OP_normalize, x, &a);
}
static bool tn__infer_cosine_similarity(tn__call *c) {
    const tn__attr_num *a = (const tn__attr_num *)c->attr;
    int64_t shape[TN_MAX_DIMS];
    int n;
    if (!tn__broadcast(c, c->in, 2, shape, &n)) return false;
    tn_tensor *x = tn_expand(c->in[0], shape, n), *y = tn_expand(c->in[1], shape, n);
    tn_reduce_opts o = {(int)a->v[0], true, true, {0}, 0, TN_DTYPE_DEFAULT};
    tn_tensor *nx = tn__at_least(tn_linalg_vector_norm(x, 2, &o), a->v[1]), *ny = tn__at_least(tn_linalg_vector_norm(y, 2, &o), a->v[1]);
    o.keepdim = false;
    return (c->out[0] = tn_sum(tn_mul(tn_div(x, nx), tn_div(y, ny)), &o)) != NULL;
}
TN__WIDE(cosine_similarity)
TN_API tn_tensor *tn_cosine_similarity(tn_tensor *x, tn_tensor *y, int dim, double eps) {
    TN__ATTR(tn__attr_num, a);
    a.v[0] = dim;
    a.v[1] = tn__eps_or(eps, 1e-8);
    return tn__op2(TN__OP_cosine_similarity, x, y, &a);
}

/* ================================================================================================================ */
/* >>index (Private)                                                                                                */
/* Elements by index and mask.                                                                                      */
/* ================================================================================================================ */

/* -- along one dim: whole slices by index. x as [outer, size, inner] in order. -- */
static bool tn__index_ok(const tn__call *c, const tn_tensor *index, int64_t size) { /* i64 in order */
    const int64_t *at = (const int64_t *)(const void *)index->data;
    for (int64_t i = 0; i < index->numel; i++)
        if (at[i] < 0 || at[i] >= size) return tn__op_fail(c, TN_ERR_INDEX, "index %lld is out of range for size %lld", (long long)at[i], (long long)size);
    return true;
}
static bool tn__index_dtype(const tn__call *c, const tn_tensor *index) {
    const tn_dtype dt = tn__dt(index);
    return dt == TN_I64 || dt == TN_I32 || index->numel == 0 || tn__op_fail(c, TN_ERR_DTYPE, "int64 or int32 indices are wanted, got %s", tn_dtype_name(dt));
}
typedef struct { int64_t outer, size, inner; } tn__block3;
static tn__block3 tn__blocks_of(const int64_t *shape, int n, int dim) {
    tn__block3 b = {1, n ? shape[dim] : 1, 1};
    for (int d = 0; d < n; d++)
        if (d < dim) b.outer *= shape[d];
        else if (d > dim) b.inner *= shape[d];
    return b;
}
static bool tn__infer_index_select(tn__call *c) {
    const tn_tensor *x = c->in[0], *index = c->in[1];
    int64_t shape[TN_MAX_DIMS];
    if (!tn__index_dtype(c, index)) return false;
    if (index->ndim > 1) return tn__op_fail(c, TN_ERR_SHAPE, "a vector of indices is wanted, got %s", TN__SHAPE_TEXT(index));
    if (x->ndim == 0 && index->numel != 1) return tn__op_fail(c, TN_ERR_SHAPE, "%lld elements of a 0-d tensor", (long long)index->numel);
    memcpy(shape, x->shape, sizeof shape);
    if (x->ndim) shape[((const tn__attr_dim *)c->attr)->dim] = index->numel;
    return (c->out[0] = tn__new(tn__dt(x), shape, x->ndim)) != NULL;
}
typedef struct { const char *x; char *y; const int64_t *at; int64_t n, size, bytes; } tn__select_args;
static void tn__select_job(void *arg, int64_t outer) {
    const tn__select_args *s = (const tn__select_args *)arg;
    for (int64_t i = 0; i < s->n; i++) memcpy(s->y + (outer * s->n + i) * s->bytes, s->x + (outer * s->size + s->at[i]) * s->bytes, (size_t)s->bytes);
}
static bool tn__kernel_index_select(tn__call *c) {
    tn_tensor *x = tn__dense(c->in[0]), *index = tn__dense_as(c->in[1], TN_I64);
    if (!x || !index) return false;
    const tn__block3 b = tn__blocks_of(x->shape, x->ndim, ((const tn__attr_dim *)c->attr)->dim);
    if (!tn__index_ok(c, index, b.size)) return false;
    tn__select_args s = {x->data, c->out[0]->data, (const int64_t *)(const void *)index->data, index->numel, b.size, b.inner * (int64_t)tn__dsize(tn__dt(x))};
    tn__parallel(b.outer, tn__select_job, &s);
    return true;
}
static bool tn__grad_index_select(tn__back *b) {
    int n;
    const int64_t *shape = tn__in_shape(b, 0, &n);
    const tn_tensor_opts o = {tn__dt(b->g), {0, 0}, false, NULL};
    return (b->gx[0] = tn_index_add(tn_zeros(shape, n, &o), ((const tn__attr_dim *)b->attr)->dim, b->x[1], b->g, 1)) != NULL;
}
/* t in order, of dtype dt, and apart from what an in-place op writes. */
static tn_tensor *tn__apart(const tn__call *c, tn_tensor *t, tn_dtype dt) {
    if (!c->in_place || t->storage != c->in[0]->storage) return tn__dense_as(t, dt);
    tn_tensor *r = tn__new(dt, t->shape, t->ndim);
    if (r) tn__copy_raw(r, t);
    return r;
}
static tn_tensor *tn__dim_call(int op, tn_tensor **in, int n, int dim, double v, bool in_place) {
    TN__ATTR(tn__attr_dim, a);
    if (!in[0]) return (tn_tensor *)(tn__fail_null(tn__rows[op].name), NULL);
    a.dim = tn__wrap_dim(tn__rows[op].name, dim, in[0]->ndim);
    if (a.dim < 0) return NULL;
    memcpy(&a.v[0], &v, sizeof v);
    return in_place ? tn__op_(op, in, n, &a) : tn__opn(op, in, n, &a);
}
TN_API tn_tensor *tn_index_select(tn_tensor *x, int dim, tn_tensor *index) {
    tn_tensor *in[2] = {x, index};
    return tn__dim_call(TN__OP_index_select, in, 2, dim, 0, false);
}
/* x with source's slices added, alpha times, at index (index_add), or put in their place (index_copy). Serial over the
   indices of a slice's place, so that the order of additions is fixed. */
static bool tn__infer_index_add(tn__call *c) {
    const tn_tensor *x = c->in[0], *index = c->in[1], *s = c->in[2];
    const int dim = ((const tn__attr_dim *)c->attr)->dim;
    bool fits = s->ndim == x->ndim || (s->ndim == 0 && x->ndim == 1);
    if (!tn__index_dtype(c, index)) return false;
    if (c->op == TN__OP_index_add && tn__is_complex(tn__dt(x))) return tn__op_fail(c, TN_ERR_DTYPE, "%s is not supported", tn_dtype_name(tn__dt(x)));
    if (index->ndim > 1) return tn__op_fail(c, TN_ERR_SHAPE, "a vector of indices is wanted, got %s", TN__SHAPE_TEXT(index));
    if (tn__dt(s) != tn__dt(x)) return tn__op_fail(c, TN_ERR_DTYPE, "the source is %s, the input %s", tn_dtype_name(tn__dt(s)), tn_dtype_name(tn__dt(x)));
    for (int d = 0; fits && d < s->ndim; d++) fits = d == dim ? s->shape[d] == index->numel : s->shape[d] == x->shape[d];
    if (!fits) return tn__op_fail(c, TN_ERR_SHAPE, "source %s for %lld indices along dim %d of %s", TN__SHAPE_TEXT(s), (long long)index->numel, dim, TN__SHAPE_TEXT(x));
    if (c->in_place) return tn__writable(c, x);
    return tn__infer_plain(c);
}
typedef struct { char *y; const char *s; const int64_t *at; int64_t n, size, inner, esize; tn_dtype dt; double alpha; bool add; } tn__put_args;
static void tn__put_job(void *arg, int64_t outer) {
    const tn__put_args *p = (const tn__put_args *)arg;
    for (int64_t i = 0; i < p->n; i++) {
        char *y = p->y + (outer * p->size + p->at[i]) * p->inner * p->esize;
        const char *s = p->s + (outer * p->n + i) * p->inner * p->esize;
        if (!p->add) memcpy(y, s, (size_t)(p->inner * p->esize));
        else if (p->dt == TN_F32) {
            float *o = (float *)(void *)y;
            const float *v = (const float *)(const void *)s, a = (float)p->alpha;
            for (int64_t k = 0; k < p->inner; k++) o[k] += a * v[k];
        } else if (tn__is_int(p->dt))
            for (int64_t k = 0; k < p->inner; k++) tn__set_i64(p->dt, y + k * p->esize, (int64_t)((uint64_t)tn__get_i64(p->dt, y + k * p->esize) + (uint64_t)(int64_t)p->alpha * (uint64_t)tn__get_i64(p->dt, s + k * p->esize)));
        else
            for (int64_t k = 0; k < p->inner; k++) tn__set_f64(p->dt, y + k * p->esize, tn__get_f64(p->dt, y + k * p->esize) + p->alpha * tn__get_f64(p->dt, s + k * p->esize));
    }
}
static bool tn__kernel_index_add(tn__call *c) {
    const tn__attr_dim *a = (const tn__attr_dim *)c->attr;
    tn_tensor *x = c->in[0], *y = c->out[0]->contiguous ? c->out[0] : tn__new(tn__dt(x), x->shape, x->ndim), *index = tn__apart(c, c->in[1], TN_I64), *s = tn__apart(c, c->in[2], tn__dt(c->in[2]));
    if (!y || !index || !s) return false;
    if (y->data != x->data) tn__copy_raw(y, x);
    const tn__block3 b = tn__blocks_of(x->shape, x->ndim, a->dim);
    if (!tn__index_ok(c, index, b.size)) return false;
    tn__put_args p = {y->data, s->data, (const int64_t *)(const void *)index->data, index->numel, b.size, b.inner, (int64_t)tn__dsize(tn__dt(x)), tn__dt(x), 0, c->op == TN__OP_index_add};
    memcpy(&p.alpha, &a->v[0], sizeof p.alpha);
    tn__parallel(b.outer, tn__put_job, &p);
    if (y != c->out[0]) tn__copy_raw(c->out[0], y);
    return true;
}
static bool tn__grad_index_add(tn__back *b) {
    const tn__attr_dim *a = (const tn__attr_dim *)b->attr;
    const bool add = tn__back_op(b) == TN__OP_index_add;
    double alpha;
    int n;
    memcpy(&alpha, &a->v[0], sizeof alpha);
    const int64_t *shape = tn__in_shape(b, 2, &n);
    if (tn__want(b, 0)) {
        const tn_tensor_opts o = {tn__dt(b->g), {0, 0}, false, NULL};
        b->gx[0] = add ? b->g : tn__op3(TN__OP_index_copy, b->g, b->x[1], tn_zeros(shape, n, &o), a);
    }
    if (tn__want(b, 2)) {
        tn_tensor *g = tn_index_select(b->g, a->dim, b->x[1]);
        if (add && alpha != 1) g = tn_mul(g, alpha);
        b->gx[2] = tn_reshape(g, shape, n);
    }
    return (!tn__want(b, 0) || b->gx[0]) && (!tn__want(b, 2) || b->gx[2]);
}
TN_API tn_tensor *tn_index_add(tn_tensor *x, int dim, tn_tensor *index, tn_tensor *source, double alpha) {
    tn_tensor *in[3] = {x, index, source};
    return tn__dim_call(TN__OP_index_add, in, 3, dim, alpha, false);
}
TN_API tn_tensor *tn_index_add_(tn_tensor *x, int dim, tn_tensor *index, tn_tensor *source, double alpha) {
    tn_tensor *in[3] = {x, index, source};
    return tn__dim_call(TN__OP_index_add, in, 3, dim, alpha, true);
}

/* -- gather and scatter: element by element; index names the place along dim -- */
enum { TN__SC_GATHER, TN__SC_SET, TN__SC_SUM, TN__SC_PROD, TN__SC_MEAN, TN__SC_AMAX, TN__SC_AMIN };
static void tn__scatter_one(int mode, tn_dtype dt, char *o, const char *s) {
    const size_t size = tn__dsize(dt);
    if (mode == TN__SC_SET) {
        memcpy(o, s, size);
        return;
    }
    if (dt == TN_F32 && mode == TN__SC_SUM) {
        float a, b;
        memcpy(&a, o, 4), memcpy(&b, s, 4);
        a += b;
        memcpy(o, &a, 4);
    } else if (tn__is_int(dt)) {
        const int64_t a = tn__get_i64(dt, o), b = tn__get_i64(dt, s);
        tn__set_i64(dt, o, mode == TN__SC_PROD ? (int64_t)((uint64_t)a * (uint64_t)b) : mode == TN__SC_AMAX ? TN__MAX(a, b) : mode == TN__SC_AMIN ? TN__MIN(a, b) : (int64_t)((uint64_t)a + (uint64_t)b));
    } else {
        const double a = tn__get_f64(dt, o), b = tn__get_f64(dt, s);
        tn__set_f64(dt, o, mode == TN__SC_PROD ? a * b : mode == TN__SC_AMAX ? (b > a || b != b ? b : a) : mode == TN__SC_AMIN ? (b < a || b != b ? b : a) : a + b);
    }
}
/* Visits index's places: whole[…, index, …] and part[…]. part may be 0-d (a number). False, and an error, if out of range. */
static bool tn__scatter_walk(const tn__call *c, tn_tensor *whole, const tn_tensor *index, const tn_tensor *part, int dim, int mode) {
    const tn_dtype dt = tn__dt(whole);
    const int64_t size = (int64_t)tn__dsize(dt), room = whole->ndim ? whole->shape[dim] : 1;
    for (int pass = 0; pass < 2; pass++) { /* first the check, so that nothing is written in vain */
        int64_t at[TN_MAX_DIMS] = {0, 0, 0, 0, 0, 0, 0, 0};
        for (int64_t i = 0; i < index->numel; i++) {
            int64_t k = 0, w = 0, p = 0;
            for (int d = 0; d < index->ndim; d++) k += at[d] * index->strides[d];
            const int64_t v = ((const int64_t *)(const void *)index->data)[k];
            if (pass == 0) {
                if (v < 0 || v >= room) return tn__op_fail(c, TN_ERR_INDEX, "index %lld is out of range for dim %d of %s", (long long)v, dim, TN__SHAPE_TEXT(whole));
            } else {
                for (int d = 0; d < whole->ndim; d++) w += (d == dim ? v : index->ndim ? at[d] : 0) * whole->strides[d];
                for (int d = 0; d < part->ndim; d++) p += (index->ndim ? at[d] : 0) * part->strides[d];
                if (mode == TN__SC_GATHER) memcpy(part->data + p * size, whole->data + w * size, (size_t)size);
                else tn__scatter_one(mode, dt, whole->data + w * size, part->data + p * size);
            }
            for (int d = index->ndim - 1; d >= 0 && ++at[d] == index->shape[d]; d--) at[d] = 0;
        }
    }
    return true;
}
/* index may not be larger than other, dims but one of whole likewise. */
static bool tn__scatter_fits(const tn__call *c, const tn_tensor *whole, const tn_tensor *index, const tn_tensor *src, int dim) {
    const int nw = whole->ndim ? whole->ndim : 1, ni = index->ndim ? index->ndim : 1;
    if (!tn__index_dtype(c, index)) return false;
    bool fits = nw == ni || index->numel == 0;
    for (int d = 0; fits && index->numel && d < index->ndim && whole->ndim; d++) fits = d == dim || index->shape[d] <= whole->shape[d];
    if (!fits) return tn__op_fail(c, TN_ERR_SHAPE, "indices %s for dim %d of %s", TN__SHAPE_TEXT(index), dim, TN__SHAPE_TEXT(whole));
    if (!src || (src->ndim == 0 && (src->flags & TN__WRAPPED))) return true;
    fits = (src->ndim ? src->ndim : 1) == ni || index->numel == 0;
    for (int d = 0; fits && index->numel && d < index->ndim && src->ndim; d++) fits = index->shape[d] <= src->shape[d];
    return fits || tn__op_fail(c, TN_ERR_SHAPE, "indices %s for a source %s", TN__SHAPE_TEXT(index), TN__SHAPE_TEXT(src));
}
static bool tn__infer_gather(tn__call *c) {
    if (!tn__scatter_fits(c, c->in[0], c->in[1], NULL, ((const tn__attr_dim *)c->attr)->dim)) return false;
    return (c->out[0] = tn__new(tn__dt(c->in[0]), c->in[1]->shape, c->in[1]->ndim)) != NULL;
}
static bool tn__kernel_gather(tn__call *c) {
    tn_tensor *index = tn__dense_as(c->in[1], TN_I64);
    return index && tn__scatter_walk(c, c->in[0], index, c->out[0], ((const tn__attr_dim *)c->attr)->dim, TN__SC_GATHER);
}
static bool tn__grad_gather(tn__back *b) {
    int n;
    const int64_t *shape = tn__in_shape(b, 0, &n);
    const tn_tensor_opts o = {tn__dt(b->g), {0, 0}, false, NULL};
    return (b->gx[0] = tn_scatter_add(tn_zeros(shape, n, &o), ((const tn__attr_dim *)b->attr)->dim, b->x[1], b->g)) != NULL;
}
TN_API tn_tensor *tn_gather(tn_tensor *x, int dim, tn_tensor *index) {
    tn_tensor *in[2] = {x, index};
    return tn__dim_call(TN__OP_gather, in, 2, dim, 0, false);
}
/* attr v[1] the mode, v[2] whether x's own values stay out of it. */
static bool tn__infer_scatter(tn__call *c) {
    const tn_tensor *x = c->in[0], *s = c->in[2];
    if (((const tn__attr_dim *)c->attr)->v[1] != TN__SC_SET && tn__is_complex(tn__dt(x))) return tn__op_fail(c, TN_ERR_DTYPE, "%s is not supported", tn_dtype_name(tn__dt(x)));
    if (!tn__scatter_fits(c, x, c->in[1], s, ((const tn__attr_dim *)c->attr)->dim)) return false;
    if (tn__dt(s) != tn__dt(x) && !(s->flags & TN__WRAPPED)) return tn__op_fail(c, TN_ERR_DTYPE, "the source is %s, the input %s", tn_dtype_name(tn__dt(s)), tn_dtype_name(tn__dt(x)));
    return c->in_place ? tn__writable(c, x) : tn__infer_plain(c);
}
static bool tn__scatter_start(const tn__call *c, tn_tensor *y, const tn_tensor *index, int dim, int mode) { /* what is reduced into starts from nothing */
    char v[16];
    tn_tensor *start = tn__new(tn__dt(y), NULL, 0);
    const double first = mode == TN__SC_PROD ? 1 : mode == TN__SC_AMAX ? -INFINITY : mode == TN__SC_AMIN ? INFINITY : 0;
    if (!start) return false;
    if (tn__is_int(tn__dt(y)) && isinf(first)) tn__set_i64(tn__dt(y), v, first < 0 ? (tn__dt(y) == TN_U8 || tn__dt(y) == TN_BOOL ? 0 : (int64_t)((uint64_t)INT64_MAX + 1) >> (64 - 8 * (int)tn__dsize(tn__dt(y)))) : tn__dt(y) == TN_U8 ? 255 : INT64_MAX >> (64 - 8 * (int)tn__dsize(tn__dt(y))));
    else tn__set_f64(tn__dt(y), v, first);
    memcpy(start->data, v, tn__dsize(tn__dt(y)));
    return tn__scatter_walk(c, y, index, start, dim, TN__SC_SET);
}
static bool tn__kernel_scatter(tn__call *c) {
    const tn__attr_dim *a = (const tn__attr_dim *)c->attr;
    tn_tensor *y = c->out[0], *index = tn__apart(c, c->in[1], TN_I64), *s = tn__apart(c, c->in[2], tn__dt(y));
    const int mode = (int)a->v[1];
    if (!index || !s) return false;
    if (y != c->in[0]) tn__copy_raw(y, c->in[0]);
    if (a->v[2] && !tn__scatter_start(c, y, index, a->dim, mode)) return false;
    if (!tn__scatter_walk(c, y, index, s, a->dim, mode == TN__SC_MEAN ? TN__SC_SUM : mode)) return false;
    if (mode != TN__SC_MEAN) return true;
    tn_tensor *count = tn__filled(tn__new(TN_I64, y->shape, y->ndim), a->v[2] ? 0 : 1), *one = tn__filled(tn__new(TN_I64, NULL, 0), 1);
    if (!count || !one || !tn__scatter_walk(c, count, index, one, a->dim, TN__SC_SUM)) return false;
    const int64_t *n = (const int64_t *)(const void *)count->data;
    int64_t at[TN_MAX_DIMS] = {0, 0, 0, 0, 0, 0, 0, 0};
    for (int64_t i = 0; i < y->numel; i++) {
        int64_t w = 0;
        for (int d = 0; d < y->ndim; d++) w += at[d] * y->strides[d];
        char *p = y->data + w * (int64_t)tn__dsize(tn__dt(y));
        const double v = tn__get_f64(tn__dt(y), p) / (double)TN__MAX(n[i], 1);
        if (n[i] > 1) tn__set_f64(tn__dt(y), p, tn__is_int(tn__dt(y)) ? floor(v) : v);
        for (int d = y->ndim - 1; d >= 0 && ++at[d] == y->shape[d]; d--) at[d] = 0;
    }
    return true;
}
static bool tn__as_source(tn__back *b, tn_tensor *g) { /* g at index, as a gradient of the source, which may be larger */
    const tn__attr_dim *a = (const tn__attr_dim *)b->attr;
    int n;
    const int64_t *shape = tn__in_shape(b, 2, &n);
    tn_tensor *part = tn_gather(g, a->dim, b->x[1]);
    if (!part) return false;
    if (part->ndim == n && memcmp(part->shape, shape, (size_t)n * sizeof *shape) == 0) return (b->gx[2] = part) != NULL;
    if (n == 0) return (b->gx[2] = tn_sum(part, NULL)) != NULL;
    const tn_tensor_opts o = {tn__dt(g), {0, 0}, false, NULL};
    tn_tensor *wide = tn_zeros(shape, n, &o);
    int64_t pads[2 * TN_MAX_DIMS];
    for (int d = 0; d < n; d++) pads[2 * (n - 1 - d)] = 0, pads[2 * (n - 1 - d) + 1] = shape[d] - part->shape[d];
    return wide && (b->gx[2] = tn_pad(part, pads, 2 * n, NULL)) != NULL;
}
static bool tn__grad_scatter(tn__back *b) {
    const tn__attr_dim *a = (const tn__attr_dim *)b->attr;
    if (tn__want(b, 0)) b->gx[0] = a->v[1] == TN__SC_SUM ? b->g : tn_scatter(b->g, a->dim, b->x[1], 0.0);
    return (!tn__want(b, 0) || b->gx[0]) && (!tn__want(b, 2) || tn__as_source(b, b->g));
}
static tn_tensor *tn__scattered(int op, int mode, tn_tensor *x, int dim, tn_tensor *index, tn_tensor *src, bool alone, bool in_place) {
    TN__ATTR(tn__attr_dim, a);
    tn_tensor *in[3] = {x, index, src};
    if (!x) return (tn_tensor *)(tn__fail_null(tn__rows[op].name), NULL);
    a.dim = tn__wrap_dim(tn__rows[op].name, dim, x->ndim);
    if (a.dim < 0) return NULL;
    a.v[1] = mode;
    a.v[2] = alone;
    return in_place ? tn__op_(op, in, 3, &a) : tn__opn(op, in, 3, &a);
}
TN_API tn_tensor *(tn_scatter)(tn_tensor *x, int dim, tn_tensor *index, tn_tensor *src) { return tn__scattered(TN__OP_scatter, TN__SC_SET, x, dim, index, src, false, false); }
TN_API tn_tensor *(tn_scatter_)(tn_tensor *x, int dim, tn_tensor *index, tn_tensor *src) { return tn__scattered(TN__OP_scatter, TN__SC_SET, x, dim, index, src, false, true); }
TN_API tn_tensor *tn_scatter_add(tn_tensor *x, int dim, tn_tensor *index, tn_tensor *src) { return tn__scattered(TN__OP_scatter_add, TN__SC_SUM, x, dim, index, src, false, false); }
TN_API tn_tensor *tn_scatter_add_(tn_tensor *x, int dim, tn_tensor *index, tn_tensor *src) { return tn__scattered(TN__OP_scatter_add, TN__SC_SUM, x, dim, index, src, false, true); }
static const int tn__scatter_modes[] = {TN__SC_SUM, TN__SC_PROD, TN__SC_MEAN, TN__SC_AMAX, TN__SC_AMIN};
TN_API tn_tensor *tn_scatter_reduce(tn_tensor *x, int dim, tn_tensor *index, tn_tensor *src, tn_reduction_kind reduce, bool exclude_self) {
    if ((unsigned)reduce > TN_REDUCE_AMIN) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_scatter_reduce: %d is no reduction", (int)reduce);
    return tn__scattered(TN__OP_scatter_reduce, tn__scatter_modes[reduce], x, dim, index, src, exclude_self, false);
}
/* As PyTorch's scatter_reduce_backward. */
static bool tn__grad_scatter_reduce(tn__back *b) {
    const tn__attr_dim *a = (const tn__attr_dim *)b->attr;
    const int dim = a->dim, mode = (int)a->v[1];
    const bool alone = a->v[2] != 0;
    tn_tensor *x = b->x[0], *index = b->x[1], *src = b->x[2], *y = b->y[0], *g = b->g, *gs = NULL, *gx = NULL;
    if (mode == TN__SC_SUM) {
        gx = g;
        gs = tn_gather(g, dim, index);
    } else if (mode == TN__SC_MEAN) {
        tn_tensor *n = tn_scatter_add(tn_full_like(g, alone ? 0 : 1, NULL), dim, index, tn_ones_like(src, NULL));
        tn_tensor *share = tn_div(g, tn_where(tn_eq(n, 0.0), 1.0, n));
        gx = share;
        gs = tn_gather(share, dim, index);
    } else if (mode == TN__SC_PROD) {
        tn_tensor *safe = tn_where(tn_eq(x, 0.0), 1.0, x), *zero = tn_eq(src, 0.0);
        gx = tn_div(tn_mul(g, tn_scatter_reduce(safe, dim, index, src, TN_REDUCE_PROD, alone)), safe);
        tn_tensor *zeros = tn_gather(tn_scatter_add(tn_zeros_like(x, NULL), dim, index, tn_to_dtype(zero, tn__dt(x))), dim, index);
        tn_tensor *single = tn_logical_and(zero, tn_eq(zeros, 1.0));
        tn_tensor *other = tn_scatter_reduce(x, dim, index, tn_where(single, 1.0, src), TN_REDUCE_PROD, alone);
        gs = tn_where(single, tn_gather(tn_mul(g, other), dim, index), tn_div(tn_gather(tn_mul(g, y), dim, index), tn_where(zero, 1.0, src)));
    } else {
        tn_tensor *mine = tn_to_dtype(tn_eq(x, y), tn__dt(x)), *theirs = tn_to_dtype(tn_eq(src, tn_gather(y, dim, index)), tn__dt(x));
        tn_tensor *n = tn_scatter_add(alone ? tn_scatter(mine, dim, index, 0.0) : mine, dim, index, theirs);
        if (alone) mine = tn_scatter(mine, dim, index, 0.0);
        tn_tensor *share = tn_div(g, tn_where(tn_eq(n, 0.0), 1.0, n));
        gx = alone ? tn_where(tn_eq(tn_scatter(tn_ones_like(x, NULL), dim, index, 0.0), 1.0), g, 0.0) : tn_mul(mine, share);
        gs = tn_mul(theirs, tn_gather(share, dim, index));
    }
    if (alone && gx) gx = tn_scatter(gx, dim, index, 0.0);
    b->gx[0] = gx;
    b->gx[2] = gs;
    return gx && gs;
}

/* -- masks -- */
static bool tn__not_zero(tn_dtype dt, const char *p) {
    if (!tn__is_complex(dt)) return tn__get_f64(dt, p) != 0;
    const tn_dtype part = dt == TN_C64 ? TN_F32 : TN_F64;
    return tn__get_f64(part, p) != 0 || tn__get_f64(part, p + tn__dsize(part)) != 0;
}
/* On a device the size of such a result is the end of a running count, which is read back. */
typedef struct tn__composed { tn_scope scope; bool recorded; } tn__composed;
static tn__composed tn__compose(void) {
    tn__composed k;
    k.recorded = tn__set_recording(false);
    k.scope = tn_scope_open();
    return k;
}
static bool tn__composed_end(tn__composed *k, tn__call *c, int n) { /* c's outputs outlive the scope */
    bool ok = true;
    for (int i = 0; i < n; i++) ok = ok && tn_keep(c->out[i]) != NULL;
    tn_scope_close(&k->scope);
    (void)tn__set_recording(k->recorded);
    return ok;
}
static tn_tensor *tn__flat(tn_tensor *x) {
    const int64_t all = -1;
    return tn_reshape(x, &all, 1);
}
static tn_tensor *tn__count_up(int64_t n) {
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    o.dtype = TN_I64;
    o.device = tn__self()->device;
    return tn_arange(0, (double)n, 1, &o);
}
static tn_tensor *tn__minus_one(tn_tensor *x) { return tn__op2(TN__OP_sub, x, tn_arg_i(1), NULL); }
/* The indices of a flat mask's true elements: each goes to its rank, the others to a place past the end. */
static tn_tensor *tn__true_places(tn_tensor *mask) {
    const int64_t n = mask ? mask->numel : 0, none = 0;
    if (!mask) return NULL;
    if (n == 0) return tn__new(TN_I64, &none, 1);
    tn_tensor *rank = tn_cumsum(mask, 0, TN_I64), *last = rank ? tn_select(rank, 0, n - 1) : NULL;
    const double count = last ? tn_item(last) : (double)NAN;
    if (!(count >= 0)) return NULL;
    const int64_t room = (int64_t)count + 1;
    tn_tensor *to = tn__op3(TN__OP_where, mask, tn__minus_one(rank), tn_arg_i(room - 1), NULL);
    return to ? tn_narrow((tn_scatter)(tn__zeroed(tn__new(TN_I64, &room, 1)), 0, to, tn__count_up(n)), 0, 0, room - 1) : NULL;
}
static bool tn__nonzero_on_device(tn__call *c) {
    tn__composed k = tn__compose();
    tn_tensor *x = c->in[0], *at = tn__flat(x), *column[TN_MAX_DIMS];
    at = at ? tn__true_places(tn__op2(TN__OP_ne, at, tn_arg_i(0), NULL)) : NULL;
    const int64_t none[2] = {at ? at->numel : 0, 0};
    for (int d = x->ndim - 1; at && d >= 0; d--) {
        column[d] = d ? tn__op2(TN__OP_remainder, at, tn_arg_i(TN__MAX(x->shape[d], 1)), NULL) : at;
        at = tn__op2(TN__OP_div_floor, at, tn_arg_i(TN__MAX(x->shape[d], 1)), NULL);
    }
    c->out[0] = !at ? NULL : x->ndim ? tn_stack(column, x->ndim, 1) : tn__new(TN_I64, none, 2);
    return tn__composed_end(&k, c, 1);
}
static bool tn__kernel_nonzero(tn__call *c) { /* the result's size is known only now */
    if (c->on_device) return tn__nonzero_on_device(c);
    const tn_tensor *x = c->in[0];
    const int64_t size = (int64_t)tn__dsize(tn__dt(x));
    int64_t shape[2] = {0, x->ndim}, *out = NULL, at[TN_MAX_DIMS];
    for (int pass = 0; pass < 2; pass++) {
        memset(at, 0, sizeof at);
        for (int64_t i = 0; i < x->numel; i++) {
            int64_t w = 0;
            for (int d = 0; d < x->ndim; d++) w += at[d] * x->strides[d];
            if (tn__not_zero(tn__dt(x), x->data + w * size)) {
                if (pass == 0) shape[0]++;
                else
                    for (int d = 0; d < x->ndim; d++) *out++ = at[d];
            }
            for (int d = x->ndim - 1; d >= 0 && ++at[d] == x->shape[d]; d--) at[d] = 0;
        }
        if (pass == 0 && !(c->out[0] = tn__new(TN_I64, shape, 2))) return false;
        out = (int64_t *)(void *)c->out[0]->data;
    }
    return true;
}
TN_API tn_tensor *tn_nonzero(tn_tensor *x) { return tn__op1(TN__OP_nonzero, x, NULL); }
static bool tn__infer_masked_select(tn__call *c) {
    int64_t shape[TN_MAX_DIMS];
    int n;
    if (tn__dt(c->in[1]) != TN_BOOL) return tn__op_fail(c, TN_ERR_DTYPE, "a bool mask is wanted, got %s", tn_dtype_name(tn__dt(c->in[1])));
    if (!tn__broadcast(c, c->in, 2, shape, &n)) return false;
    tn_tensor *x = tn_expand(c->in[0], shape, n), *mask = tn_expand(c->in[1], shape, n);
    if (!x || !mask) return false;
    const int64_t all[1] = {x->numel};
    tn_tensor *where = tn_nonzero(tn_reshape(mask, all, 1));
    const int64_t found[1] = {where ? where->numel : 0};
    return where && (c->out[0] = tn_index_select(tn_reshape(x, all, 1), 0, tn_reshape(where, found, 1))) != NULL;
}
TN_API tn_tensor *tn_masked_select(tn_tensor *x, tn_tensor *mask) { return tn__op2(TN__OP_masked_select, x, mask, NULL); }

/* -- advanced indexing: the indexed dims come to the front as one, slices are taken by a running number, and the result
   goes where PyTorch puts it -- */
typedef struct tn__advanced {
    tn_tensor *linear;           /* i64 [count]: the running number of each element of the indices' common shape */
    int64_t common[TN_MAX_DIMS], rest[TN_MAX_DIMS], rows; /* rest: sizes of the dims that are not indexed */
    int n_common, n_rest, order[TN_MAX_DIMS], first; /* order: x's dims, the indexed in front; first: where the result goes */
} tn__advanced;
/* Masks become one index vector a dim of theirs; list grows accordingly. */
static int tn__expand_masks(const char *who, const tn_tensor *x, tn_tensor *const *indices, int n, tn_tensor **list) {
    int out = 0;
    for (int i = 0; i < n; i++) {
        tn_tensor *t = indices[i];
        if (t && (tn__dt(t) == TN_BOOL || tn__dt(t) == TN_U8)) {
            for (int d = 0; d < t->ndim; d++)
                if (out + d >= x->ndim || t->shape[d] != x->shape[out + d]) return tn__fail(TN_ERR_INDEX, "%s: mask %s for dims %d and on of %s", who, TN__SHAPE_TEXT(t), out, TN__SHAPE_TEXT(x)), -1;
            tn_tensor *where = tn_nonzero(t);
            for (int d = 0; d < t->ndim; d++)
                if (!(list[out++] = tn_select(where, 1, d))) return -1;
            continue;
        }
        if (out >= x->ndim) return tn__fail(TN_ERR_INDEX, "%s: more than %d indices for %s", who, x->ndim, TN__SHAPE_TEXT(x)), -1;
        if (t && tn__dt(t) != TN_I64 && tn__dt(t) != TN_I32) return tn__fail(TN_ERR_DTYPE, "%s: int64, int32 or bool indices are wanted, got %s", who, tn_dtype_name(tn__dt(t))), -1;
        list[out++] = t;
    }
    return out;
}
/* Indices are read on the host; the linear ones go to where x is. */
static bool tn__advanced_plan(const char *who, tn_tensor *x, tn_tensor *const *indices, int n, tn__advanced *p) {
    TN__MAKE_ON(tn__cpu());
    tn_tensor *list[TN_MAX_DIMS + 1], *used[TN_MAX_DIMS];
    int which[TN_MAX_DIMS], k = 0, last = -1;
    bool adjacent = true;
    memset(p, 0, sizeof *p);
    if (n > TN_MAX_DIMS) return tn__fail(TN_ERR_INDEX, "%s: %d indices", who, n);
    const int count = tn__expand_masks(who, x, indices, n, list);
    if (count < 0) return false;
    for (int i = 0; i < count; i++) {
        if (!list[i]) continue;
        if (last >= 0 && last != i - 1) adjacent = false;
        last = i;
        used[k] = list[i];
        which[k++] = i;
    }
    if (k == 0) return tn__fail(TN_ERR_INVALID, "%s: no index tensors", who);
    tn__call fake = tn__call_of(TN__OP_index_select, used, k, NULL);
    if (!tn__broadcast(&fake, used, k, p->common, &p->n_common)) return false;
    int64_t total = 1;
    for (int d = 0; d < p->n_common; d++) total *= p->common[d];
    if (!(p->linear = tn__zeroed(tn__new(TN_I64, &total, 1)))) return false;
    p->rows = 1;
    for (int i = 0; i < k; i++) {
        tn_tensor *wide = (tn_tensor *)(uintptr_t)tn__host(used[i]);
        tn_tensor *all = wide ? tn__new(TN_I64, p->common, p->n_common) : NULL;
        if (!all || !tn__copy_raw(all, wide)) return false;
        const int64_t size = x->shape[which[i]];
        const int64_t *v = (const int64_t *)(const void *)all->data;
        int64_t *to = (int64_t *)(void *)p->linear->data;
        for (int64_t j = 0; j < total; j++) {
            if (v[j] < -size || v[j] >= size) return tn__fail(TN_ERR_INDEX, "%s: index %lld is out of range for dim %d of %s", who, (long long)v[j], which[i], TN__SHAPE_TEXT(x));
            to[j] = to[j] * size + (v[j] < 0 ? v[j] + size : v[j]);
        }
        p->rows *= size;
        p->order[i] = which[i];
    }
    for (int d = 0, o = k; d < x->ndim; d++) {
        bool indexed = false;
        for (int i = 0; i < k; i++) indexed = indexed || which[i] == d;
        if (indexed) continue;
        p->order[o++] = d;
        p->rest[p->n_rest++] = x->shape[d];
    }
    p->first = adjacent ? which[0] : 0;
    if (!(p->linear = tn_to(p->linear, x->storage->device))) return false;
    return p->n_common + p->n_rest <= TN_MAX_DIMS || tn__fail(TN_ERR_SHAPE, "%s: more than %d dims", who, TN_MAX_DIMS);
}
/* x with the indexed dims in front as one: [rows, rest...] */
static tn_tensor *tn__advanced_rows(const tn__advanced *p, tn_tensor *x) {
    int64_t shape[TN_MAX_DIMS];
    shape[0] = p->rows;
    memcpy(shape + 1, p->rest, (size_t)p->n_rest * sizeof *shape);
    return tn_reshape(tn_permute(x, p->order, x->ndim), shape, p->n_rest + 1);
}
/* Between [common..., rest...] and where the result has the common dims. */
static tn_tensor *tn__advanced_place(const tn__advanced *p, tn_tensor *t, bool back) {
    int order[TN_MAX_DIMS], inverse[TN_MAX_DIMS], n = 0;
    for (int d = 0; d < p->first; d++) order[n++] = p->n_common + d;
    for (int d = 0; d < p->n_common; d++) order[n++] = d;
    for (int d = p->first; d < p->n_rest; d++) order[n++] = p->n_common + d;
    for (int d = 0; d < n; d++) inverse[order[d]] = d;
    return tn_permute(t, back ? inverse : order, n);
}
TN_API tn_tensor *tn_index(tn_tensor *x, tn_tensor *const *indices, int n) {
    tn__advanced p;
    int64_t shape[TN_MAX_DIMS];
    if (!x || !indices) return (tn_tensor *)(tn__fail_null("tn_index: argument"), NULL);
    if (!tn__advanced_plan("tn_index", x, indices, n, &p)) return NULL;
    memcpy(shape, p.common, sizeof shape);
    memcpy(shape + p.n_common, p.rest, (size_t)p.n_rest * sizeof *shape);
    tn_tensor *picked = tn_index_select(tn__advanced_rows(&p, x), 0, p.linear);
    return tn__advanced_place(&p, tn_reshape(picked, shape, p.n_common + p.n_rest), false);
}
TN_API tn_tensor *tn_index_put(tn_tensor *x, tn_tensor *const *indices, int n, tn_tensor *values, bool accumulate) {
    tn__advanced p;
    int64_t shape[TN_MAX_DIMS];
    int inverse[TN_MAX_DIMS];
    if (!x || !indices || !values) return (tn_tensor *)(tn__fail_null("tn_index_put: argument"), NULL);
    if (!tn__advanced_plan("tn_index_put", x, indices, n, &p)) return NULL;
    if (tn__dt(values) != tn__dt(x)) {
        if (!(values->flags & TN__WRAPPED)) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_DTYPE, "tn_index_put: values are %s, the input %s", tn_dtype_name(tn__dt(values)), tn_dtype_name(tn__dt(x)));
        values = tn_to_dtype(values, tn__dt(x));
    }
    if (values && values->ndim == 0 && !(values = tn_to(values, x->storage->device))) return NULL; /* a number is wherever it is wanted */
    for (int d = 0; d < p.first; d++) shape[d] = p.rest[d];
    for (int d = 0; d < p.n_common; d++) shape[p.first + d] = p.common[d];
    for (int d = p.first; d < p.n_rest; d++) shape[p.n_common + d] = p.rest[d];
    tn_tensor *v = tn__advanced_place(&p, tn_expand(values, shape, p.n_common + p.n_rest), true);
    int64_t rows[TN_MAX_DIMS + 1];
    rows[0] = p.linear->numel;
    memcpy(rows + 1, p.rest, (size_t)p.n_rest * sizeof *rows);
    v = tn_reshape(v, rows, p.n_rest + 1);
    tn_tensor *in[3] = {tn__advanced_rows(&p, x), p.linear, v};
    tn_tensor *y = tn__dim_call(accumulate ? TN__OP_index_add : TN__OP_index_copy, in, 3, 0, 1, false);
    for (int d = 0; d < x->ndim; d++) shape[d] = x->shape[p.order[d]], inverse[p.order[d]] = d;
    return tn_contiguous(tn_permute(tn_reshape(y, shape, x->ndim), inverse, x->ndim));
}
TN_API tn_tensor *tn_index_put_(tn_tensor *x, tn_tensor *const *indices, int n, tn_tensor *values, bool accumulate) { return tn_copy_(x, tn_index_put(x, indices, n, values, accumulate)); }
/* The views of the items, and the index tensors that are left, one a dim of the view (NULL for a whole dim); how many dims that is. */
static tn_tensor *tn__getitem_view(tn_tensor *x, const tn_index_item *items, int n, tn_tensor **indices, int *n_indices) {
    int dim = 0, taken = 0;
    int ellipses = 0;
    for (int i = 0; i < n; i++) {
        if ((unsigned)items[i].kind > TN_INDEX_TENSOR) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_getitem: %d is no kind of index", (int)items[i].kind);
        if ((ellipses += items[i].kind == TN_INDEX_ELLIPSIS) > 1) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_getitem: more than one ellipsis");
        if (items[i].kind == TN_INDEX_TENSOR && !items[i].tensor) return (tn_tensor *)(tn__fail_null("tn_getitem: an index tensor"), NULL);
        taken += items[i].kind == TN_INDEX_TENSOR && (tn__dt(items[i].tensor) == TN_BOOL || tn__dt(items[i].tensor) == TN_U8) ? items[i].tensor->ndim : items[i].kind == TN_INDEX_INT || items[i].kind == TN_INDEX_SLICE || items[i].kind == TN_INDEX_TENSOR;
    }
    if (taken > x->ndim) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INDEX, "tn_getitem: %d indices for %s", taken, TN__SHAPE_TEXT(x));
    const int skip = x->ndim - taken;
    *n_indices = 0;
    for (int i = 0; x && i < n; i++) {
        const tn_index_item *it = &items[i];
        if (dim >= TN_MAX_DIMS && it->kind != TN_INDEX_INT) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "tn_getitem: more than %d dims", TN_MAX_DIMS);
        switch (it->kind) {
        case TN_INDEX_INT: x = tn_select(x, dim, it->start); break;
        case TN_INDEX_SLICE: x = tn_slice(x, dim, it->has_start ? it->start : 0, it->has_stop ? it->stop : INT64_MAX, it->step ? it->step : 1), indices[dim++] = NULL; break;
        case TN_INDEX_NONE: x = tn_unsqueeze(x, dim), indices[dim++] = NULL; break;
        case TN_INDEX_ELLIPSIS:
            for (int k = 0; k < skip; k++) indices[dim++] = NULL;
            break;
        default:
            indices[dim] = it->tensor;
            *n_indices = 1;
            if (it->tensor->ndim == 0 && (tn__dt(it->tensor) == TN_BOOL || tn__dt(it->tensor) == TN_U8)) { /* of a new dim of one */
                x = tn_unsqueeze(x, dim);
                indices[dim] = tn_unsqueeze(it->tensor, 0);
                if (!indices[dim]) return NULL;
            }
            dim++;
            if (tn__dt(it->tensor) == TN_BOOL || tn__dt(it->tensor) == TN_U8) { /* a mask takes several dims: those after it hold a mark */
                for (int k = 1; k < it->tensor->ndim; k++) indices[dim++] = it->tensor;
            }
            break;
        }
    }
    if (*n_indices) *n_indices = dim;
    return x;
}
static int tn__getitem_list(tn_tensor **indices, int n, tn_tensor **list) { /* a mask once, though it takes several dims */
    int out = 0;
    for (int i = 0; i < n; i++) {
        list[out++] = indices[i];
        if (indices[i] && (tn__dt(indices[i]) == TN_BOOL || tn__dt(indices[i]) == TN_U8)) i += TN__MAX(indices[i]->ndim - 1, 0);
    }
    return out;
}
TN_API tn_tensor *tn_getitem(tn_tensor *x, const tn_index_item *items, int n) {
    tn_tensor *indices[2 * TN_MAX_DIMS], *list[2 * TN_MAX_DIMS];
    int count;
    if (!x || (n && !items)) return (tn_tensor *)(tn__fail_null("tn_getitem: argument"), NULL);
    if (n < 0 || n > TN_MAX_DIMS) return (tn_tensor *)TN__FAIL_NULL(n < 0 ? TN_ERR_INVALID : TN_ERR_INDEX, "tn_getitem: %d items", n);
    tn_tensor *v = tn__getitem_view(x, items, n, indices, &count);
    if (!v || !count) return v;
    return tn_index(v, list, tn__getitem_list(indices, count, list));
}
static int tn__leading_ones(const tn_tensor *t) {
    int n = 0;
    while (n < t->ndim && t->shape[n] == 1) n++;
    return n;
}
TN_API tn_tensor *tn_setitem_(tn_tensor *x, const tn_index_item *items, int n, tn_tensor *value) {
    tn_tensor *indices[2 * TN_MAX_DIMS], *list[2 * TN_MAX_DIMS];
    int count;
    if (!x || !value || (n && !items)) return (tn_tensor *)(tn__fail_null("tn_setitem_: argument"), NULL);
    if (n < 0 || n > TN_MAX_DIMS) return (tn_tensor *)TN__FAIL_NULL(n < 0 ? TN_ERR_INVALID : TN_ERR_INDEX, "tn_setitem_: %d items", n);
    tn_tensor *v = tn__getitem_view(x, items, n, indices, &count);
    if (!v) return NULL;
    const int ones = tn__leading_ones(value);
    if (ones) value = tn_reshape(value, value->shape + ones, value->ndim - ones); /* as PyTorch: they may be more than x's dims */
    if (!value) return NULL;
    if (tn__dt(value) != tn__dt(v) && count) value = tn_to_dtype(value, tn__dt(v));
    return (count ? tn_index_put_(v, list, tn__getitem_list(indices, count, list), value, false) : tn_copy_(v, value)) ? x : NULL;
}

/* -- what stands on these -- */
static bool tn__infer_embedding(tn__call *c) { /* in: index, weight. attr v[0] padding_idx, v[1] whether there is one, v[2] by frequency */
    const tn__attr_dim *a = (const tn__attr_dim *)c->attr;
    tn_tensor *index = c->in[0], *w = c->in[1];
    int64_t shape[TN_MAX_DIMS];
    (void)a;
    if (!tn__index_dtype(c, index)) return false;
    if (w->ndim != 2) return tn__op_fail(c, TN_ERR_SHAPE, "a weight [count, width] is wanted, got %s", TN__SHAPE_TEXT(w));
    if (index->ndim + 1 > TN_MAX_DIMS) return tn__op_fail(c, TN_ERR_SHAPE, "more than %d dims", TN_MAX_DIMS);
    memcpy(shape, index->shape, sizeof shape);
    shape[index->ndim] = w->shape[1];
    return (c->out[0] = tn__new(tn__dt(w), shape, index->ndim + 1)) != NULL;
}
static bool tn__kernel_embedding(tn__call *c) {
    tn_tensor *index = tn__dense_as(c->in[0], TN_I64), *w = tn__dense(c->in[1]);
    if (!index || !w || !tn__index_ok(c, index, w->shape[0])) return false;
    tn__select_args s = {w->data, c->out[0]->data, (const int64_t *)(const void *)index->data, index->numel, w->shape[0], w->shape[1] * (int64_t)tn__dsize(tn__dt(w))};
    tn__select_job(&s, 0);
    return true;
}
static bool tn__grad_embedding(tn__back *b) {
    const tn__attr_dim *a = (const tn__attr_dim *)b->attr;
    int n, wn;
    const int64_t *shape = tn__in_shape(b, 0, &n), *ws = tn__in_shape(b, 1, &wn);
    int64_t count = 1;
    for (int d = 0; d < n; d++) count *= shape[d];
    const int64_t rows[2] = {count, ws[1]}, column[2] = {count, 1};
    const tn_tensor_opts o = {tn__dt(b->g), {0, 0}, false, NULL};
    tn_tensor *g = tn_reshape(b->g, rows, 2), *index = tn_reshape(b->x[0], rows, 1);
    if (a->v[1]) g = tn_where(tn_reshape(tn_eq(index, a->v[0]), column, 2), 0.0, g);
    if (a->v[2] && count) g = tn_div(g, tn_to_dtype(tn_reshape(tn_index_select(tn_bincount(index, NULL, ws[0]), 0, index), column, 2), tn__dt(b->g)));
    return (b->gx[1] = tn_index_add(tn_zeros(ws, 2, &o), 0, index, g, 1)) != NULL;
}
static bool tn__embedding_renorm(tn_tensor *index, tn_tensor *w, const tn_embedding_opts *o) { /* in place, without recording */
    const tn__call c = tn__call_of(TN__OP_embedding, &index, 1, NULL);
    if (!tn__index_dtype(&c, index)) return false;
    if (w->ndim != 2) return tn__op_fail(&c, TN_ERR_SHAPE, "a weight [count, width] is wanted, got %s", TN__SHAPE_TEXT(w));
    tn_tensor *places = tn_to_dtype(index, TN_I64), *seen = places ? tn_contiguous(tn_to(places, tn__cpu())) : NULL;
    if (!seen || !tn__index_ok(&c, seen, w->shape[0])) return false;
    const bool was = tn__set_recording(false);
    const int64_t flat = -1;
    const double p = o->norm_type == 0 ? 2 : o->norm_type;
    const tn_reduce_opts rows = {1, true, true, {0}, 0, TN_DTYPE_DEFAULT};
    tn_tensor *at = tn_reshape(places, &flat, 1), *norm = tn_linalg_vector_norm(w, p, &rows);
    tn_tensor *hit = tn_gt(tn_bincount(at, NULL, w->shape[0]), 0), *large = tn_gt(norm, o->max_norm);
    tn_tensor *scale = tn_where(tn_logical_and(tn_unsqueeze(hit, 1), large), (tn_div)(tn_arg_f(o->max_norm), tn_add(norm, 1e-7)), 1.0);
    const bool ok = tn_mul_(w, scale) != NULL;
    (void)tn__set_recording(was);
    return ok;
}
TN_API tn_tensor *tn_embedding(tn_tensor *index, tn_tensor *weight, const tn_embedding_opts *opts) {
    TN__ATTR(tn__attr_dim, a);
    if (opts && (opts->has_max_norm || opts->max_norm != 0) && index && weight && !tn__embedding_renorm(index, weight, opts)) return NULL;
    if (opts && opts->has_padding_idx) {
        if (!weight || weight->ndim != 2 || opts->padding_idx >= weight->shape[0] || opts->padding_idx < -weight->shape[0]) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INDEX, "tn_embedding: padding_idx %lld", (long long)opts->padding_idx);
        a.v[0] = opts->padding_idx < 0 ? opts->padding_idx + weight->shape[0] : opts->padding_idx;
        a.v[1] = 1;
    }
    a.v[2] = opts && opts->scale_grad_by_freq;
    return tn__op2(TN__OP_embedding, index, weight, &a);
}
TN_API tn_tensor *tn_one_hot(tn_tensor *index, int64_t num_classes) {
    int64_t shape[TN_MAX_DIMS];
    if (!index) return (tn_tensor *)(tn__fail_null("tn_one_hot: index"), NULL);
    const tn_tensor_opts o = {TN_I64, {0, 0}, false, NULL};
    TN__MAKE_ON(index->storage->device);
    if (tn__dt(index) != TN_I64 || index->ndim >= TN_MAX_DIMS) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_DTYPE, "tn_one_hot: int64 indices are wanted, got %s %s", tn_dtype_name(tn__dt(index)), TN__SHAPE_TEXT(index));
    if (num_classes < -1) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_one_hot: %lld classes", (long long)num_classes);
    if (num_classes < 0) {
        if (index->numel == 0) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_one_hot: how many classes, of no index?");
        tn_tensor *most = tn_max(index);
        if (!most) return NULL;
        num_classes = TN__MIN(tn_item_i64(most), INT64_MAX - 1) + 1;
    }
    memcpy(shape, index->shape, sizeof shape);
    shape[index->ndim] = num_classes;
    return tn_scatter(tn_zeros(shape, index->ndim + 1, &o), -1, tn_unsqueeze(index, -1), 1);
}
static bool tn__bincount_on_device(tn__call *c, tn_tensor *w, int64_t size) {
    tn__composed k = tn__compose();
    tn_tensor *x = tn_to_dtype(c->in[0], TN_I64);
    const tn_dtype dt = !w ? TN_I64 : tn__dt(w) == TN_F32 ? TN_F32 : TN_F64;
    const double least = x && x->numel ? tn_item(tn_amin(x, NULL)) : 0, most = x && x->numel ? tn_item(tn_amax(x, NULL)) : -1;
    if (x && least < 0) (void)tn__op_fail(c, TN_ERR_INDEX, "a value of %lld", (long long)least);
    else if (x && least >= 0 && most >= -1) { /* numbers: they were read */
        size = TN__MAX(size, (int64_t)most + 1);
        tn_tensor *sums = tn__zeroed(tn__new(dt, &size, 1)), *add = w ? tn_to_dtype(w, dt) : tn__filled(tn__new(TN_I64, x->shape, 1), 1);
        c->out[0] = sums && add ? (tn_scatter_add)(sums, 0, x, tn__flat(add)) : NULL;
    }
    return tn__composed_end(&k, c, 1);
}
static bool tn__kernel_bincount(tn__call *c) { /* attr v[0] minlength */
    tn_tensor *x = c->on_device ? c->in[0] : tn__dense_as(c->in[0], TN_I64), *w = c->n_in > 1 ? c->in[1] : NULL;
    int64_t size = ((const tn__attr_dim *)c->attr)->v[0];
    if (!tn__is_int(tn__dt(c->in[0]))) return tn__op_fail(c, TN_ERR_DTYPE, "integers are wanted, got %s", tn_dtype_name(tn__dt(c->in[0])));
    if (w && tn__is_complex(tn__dt(w))) return tn__op_fail(c, TN_ERR_DTYPE, "weights of %s are not supported", tn_dtype_name(tn__dt(w)));
    if (c->in[0]->ndim != 1) return tn__op_fail(c, TN_ERR_SHAPE, "a vector is wanted, got %s", TN__SHAPE_TEXT(c->in[0]));
    if (w && w->numel != c->in[0]->numel) return tn__op_fail(c, TN_ERR_SHAPE, "weights %s for %s", TN__SHAPE_TEXT(w), TN__SHAPE_TEXT(c->in[0]));
    if (c->on_device) return tn__bincount_on_device(c, w, size);
    if (!x) return false;
    const int64_t *at = (const int64_t *)(const void *)x->data;
    for (int64_t i = 0; i < x->numel; i++) {
        if (at[i] < 0 || at[i] == INT64_MAX) return tn__op_fail(c, TN_ERR_INDEX, "a value of %lld", (long long)at[i]);
        size = TN__MAX(size, at[i] + 1);
    }
    const tn_dtype dt = !w ? TN_I64 : tn__dt(w) == TN_F32 ? TN_F32 : TN_F64;
    if (w && !(w = tn__dense_as(w, dt))) return false;
    if (!(c->out[0] = tn__zeroed(tn__new(dt, &size, 1)))) return false;
    for (int64_t i = 0; i < x->numel; i++) {
        char *o = c->out[0]->data + at[i] * (int64_t)tn__dsize(dt);
        tn__set_f64(dt, o, tn__get_f64(dt, o) + (w ? tn__get_f64(dt, w->data + i * (int64_t)tn__dsize(dt)) : 1));
    }
    return true;
}
TN_API tn_tensor *tn_bincount(tn_tensor *x, tn_tensor *weights, int64_t minlength) {
    TN__ATTR(tn__attr_dim, a);
    tn_tensor *in[2] = {x, weights};
    if (minlength < 0) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_bincount: minlength %lld", (long long)minlength);
    a.v[0] = minlength;
    return tn__opn(TN__OP_bincount, in, 2, &a);
}
TN_API tn_tensor *tn_repeat_interleave_t(tn_tensor *x, tn_tensor *repeats, int dim) {
    if (dim == TN_FLAT) x = tn_flatten(x, 0, -1), dim = 0;
    const int d = tn__dim_of("tn_repeat_interleave", x, dim);
    if (d >= 0 && repeats && !tn__is_int(tn__dt(repeats))) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_DTYPE, "tn_repeat_interleave: int64 or int32 repeats are wanted, got %s", tn_dtype_name(tn__dt(repeats)));
    TN__MAKE_ON(tn__cpu());
    tn_tensor *r = d < 0 || !repeats ? NULL : tn__dense_as((tn_tensor *)(uintptr_t)tn__host(repeats), TN_I64);
    if (!r) return (tn_tensor *)(d < 0 ? NULL : (tn__fail_null("tn_repeat_interleave: repeats"), NULL));
    const int64_t *v = (const int64_t *)(const void *)r->data, size = x->shape[d];
    int64_t total = 0;
    if (r->ndim > 1 || (r->numel != 1 && r->numel != size)) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "tn_repeat_interleave: repeats %s for dim %d of %s", TN__SHAPE_TEXT(r), d, TN__SHAPE_TEXT(x));
    if (r->numel == 1) return tn_repeat_interleave(x, v[0], d);
    for (int64_t i = 0; i < size; i++)
        if (v[i] < 0 || __builtin_add_overflow(total, v[i], &total)) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_repeat_interleave: %lld repeats", (long long)v[i]);
    tn_tensor *index = tn__new(TN_I64, &total, 1);
    int64_t *to = index ? (int64_t *)(void *)index->data : NULL;
    for (int64_t i = 0; index && i < size; i++)
        for (int64_t k = 0; k < v[i]; k++) *to++ = i;
    return index ? tn_index_select(x, d, tn_to(index, x->storage->device)) : NULL;
}
/* Segments of an axis, by lengths or offsets: the number of each place's segment, then scatter_reduce. */
static tn_tensor *tn__segment_numbers(const tn_tensor *x, const tn_tensor *lengths, const tn_tensor *offsets, int axis, bool unsafe, int64_t *segments, tn_tensor **counts) {
    TN__MAKE_ON(tn__cpu());
    tn_tensor *given = tn__dense_as((tn_tensor *)(uintptr_t)tn__host(lengths ? lengths : offsets), TN_I64);
    int64_t shape[TN_MAX_DIMS], outer = 1;
    if (!given) return NULL;
    bool fits = given->ndim == axis + 1;
    for (int d = 0; fits && d < axis; d++) fits = given->shape[d] == x->shape[d], outer *= x->shape[d];
    if (!fits) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "tn_segment_reduce: %s %s for axis %d of %s", lengths ? "lengths" : "offsets", TN__SHAPE_TEXT(given), axis, TN__SHAPE_TEXT(x));
    const int64_t per = given->shape[axis], size = x->shape[axis];
    *segments = lengths ? per : per - 1;
    memcpy(shape, x->shape, sizeof shape);
    tn_tensor *number = tn__new(TN_I64, shape, axis + 1);
    shape[axis] = TN__MAX(*segments, 0);
    *counts = *segments >= 0 ? tn__new(TN_I64, shape, axis + 1) : NULL;
    if (!number || !*counts) return *segments < 0 ? (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "tn_segment_reduce: no offsets") : NULL;
    for (int64_t o = 0; o < outer; o++) {
        const int64_t *g = (const int64_t *)(const void *)given->data + o * per;
        int64_t *n = (int64_t *)(void *)number->data + o * size, *count = (int64_t *)(void *)(*counts)->data + o * *segments, at = lengths ? 0 : g[0];
        for (int64_t k = 0; k < size; k++) n[k] = *segments; /* unless a segment takes it */
        for (int64_t s = 0; s < *segments; s++) {
            const int64_t end = lengths ? 0 : g[s + 1], length = lengths ? g[s] : at < 0 || end < 0 ? -1 : end - at;
            if (length < 0 || at < 0 || length > size - at) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INDEX, "tn_segment_reduce: a segment of %lld from %lld, of %lld", (long long)length, (long long)at, (long long)size);
            count[s] = length;
            for (int64_t k = 0; k < length; k++) n[at + k] = s;
            at += length;
        }
        if (at != size && !unsafe) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "tn_segment_reduce: the segments cover %lld of %lld", (long long)at, (long long)size);
    }
    return (*counts = tn_to(*counts, x->storage->device)) ? tn_to(number, x->storage->device) : NULL;
}
TN_API tn_tensor *tn_segment_reduce(tn_tensor *x, tn_reduction_kind reduce, const tn_segment_reduce_opts *opts) {
    int64_t segments = 0, shape[TN_MAX_DIMS], one[TN_MAX_DIMS];
    tn_tensor *counts = NULL;
    if ((unsigned)reduce > TN_REDUCE_AMIN) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_segment_reduce: %d is no reduction", (int)reduce);
    if (!x || !opts || (!opts->lengths && !opts->offsets)) return (tn_tensor *)(tn__fail_null("tn_segment_reduce: lengths and offsets"), NULL);
    const int axis = tn__dim_of("tn_segment_reduce", x, opts->axis);
    if (axis < 0) return NULL;
    tn_tensor *number = tn__segment_numbers(x, opts->lengths, opts->offsets, axis, opts->unsafe, &segments, &counts);
    if (!number) return NULL;
    for (int d = 0; d < x->ndim; d++) shape[d] = x->shape[d], one[d] = d <= axis ? x->shape[d] : 1;
    tn_tensor *index = tn_expand(tn_reshape(number, one, x->ndim), shape, x->ndim);
    one[axis] = segments;
    shape[axis] = segments + 1; /* one for the places that no segment covers, cut off below */
    static const double start[] = {0, 1, 0, -INFINITY, INFINITY};
    const tn_tensor_opts o = {tn__dt(x), {0, 0}, false, NULL};
    TN__MAKE_ON(x->storage->device);
    tn_tensor *base = tn_full(shape, x->ndim, opts->has_initial ? opts->initial : start[reduce], &o);
    if (reduce != TN_REDUCE_MEAN) return tn_narrow(tn_scatter_reduce(base, axis, index, x, reduce, false), axis, 0, segments);
    tn_tensor *n = tn_to_dtype(tn_reshape(counts, one, x->ndim), tn__dt(x)), *sum = tn_narrow(tn_scatter_add(base, axis, index, x), axis, 0, segments);
    return opts->has_initial ? tn_div(sum, tn_where(tn_eq(n, 0.0), 1.0, n)) : tn_div(sum, n);
}

/* -- compressed rows: operands crow, col, x, values (may be absent). sparse_mm is A @ x; sparse_mm_t its transpose's, A.T @ x with
   attr v[0] columns of A. A job has rows of the result, or columns where the rows are those of A.T: it alone adds there, in order. -- */
typedef struct { const int64_t *crow, *col; const char *x, *value; char *y; int64_t rows, width, step; bool transposed; } tn__spmm;
#define TN__SPMM_ROWS 64
static bool tn__infer_sparse_mm(tn__call *c) {
    const tn_tensor *crow = c->in[0], *col = c->in[1], *x = c->in[2], *values = c->n_in > 3 ? c->in[3] : NULL;
    const bool transposed = c->op == TN__OP_sparse_mm_t;
    if (!tn__index_dtype(c, crow) || !tn__index_dtype(c, col)) return false;
    if (crow->ndim != 1 || crow->numel < 1 || col->ndim != 1 || x->ndim != 2) return tn__op_fail(c, TN_ERR_SHAPE, "row bounds [n + 1], columns [nnz] and a matrix are wanted, got %s, %s and %s", TN__SHAPE_TEXT(crow), TN__SHAPE_TEXT(col), TN__SHAPE_TEXT(x));
    if (values && (values->ndim != 1 || values->numel != col->numel)) return tn__op_fail(c, TN_ERR_SHAPE, "values %s for columns %s", TN__SHAPE_TEXT(values), TN__SHAPE_TEXT(col));
    if (!tn__is_float(tn__dt(x)) || (values && tn__dt(values) != tn__dt(x))) return tn__op_fail(c, TN_ERR_DTYPE, "one floating dtype is wanted, got %s and %s", tn_dtype_name(values ? tn__dt(values) : tn__dt(x)), tn_dtype_name(tn__dt(x)));
    if (transposed && x->shape[0] != crow->numel - 1) return tn__op_fail(c, TN_ERR_SHAPE, "%s for %lld rows", TN__SHAPE_TEXT(x), (long long)(crow->numel - 1));
    const int64_t shape[2] = {transposed ? ((const tn__attr_dim *)c->attr)->v[0] : crow->numel - 1, x->shape[1]};
    return (c->out[0] = tn__new(tn__dt(x), shape, 2)) != NULL;
}
static bool tn__crow_ok(const tn__call *c, const tn_tensor *crow, int64_t nnz) {
    const int64_t *at = (const int64_t *)(const void *)crow->data, n = crow->numel - 1;
    if (at[0] != 0 || at[n] != nnz) return tn__op_fail(c, TN_ERR_INDEX, "row bounds from %lld to %lld for %lld entries", (long long)at[0], (long long)at[n], (long long)nnz);
    for (int64_t i = 0; i < n; i++)
        if (at[i] > at[i + 1]) return tn__op_fail(c, TN_ERR_INDEX, "row %lld ends before it begins", (long long)i);
    return true;
}
#define TN__SPMM_JOB(T)                                                                                                 \
    static void tn__spmm_##T(void *arg, int64_t job) {                                                                  \
        const tn__spmm *s = (const tn__spmm *)arg;                                                                      \
        const int64_t first = s->transposed ? 0 : job * s->step, last = s->transposed ? s->rows : TN__MIN(s->rows, first + s->step); \
        const int64_t from = s->transposed ? job * s->step : 0, to = s->transposed ? TN__MIN(s->width, from + s->step) : s->width; \
        for (int64_t r = first; r < last; r++)                                                                          \
            for (int64_t e = s->crow[r]; e < s->crow[r + 1]; e++) {                                                     \
                const T v = s->value ? ((const T *)(const void *)s->value)[e] : 1;                                      \
                const T *x = (const T *)(const void *)s->x + (s->transposed ? r : s->col[e]) * s->width;                \
                T *y = (T *)(void *)s->y + (s->transposed ? s->col[e] : r) * s->width;                                  \
                for (int64_t k = from; k < to; k++) y[k] += v * x[k];                                                   \
            }                                                                                                           \
    }
TN__SPMM_JOB(float)
TN__SPMM_JOB(double)
static bool tn__kernel_sparse_mm(tn__call *c) {
    tn_tensor *out = c->out[0];
    const tn_dtype dt = tn__dt(out) == TN_F64 ? TN_F64 : TN_F32; /* halves as f32 */
    const bool transposed = c->op == TN__OP_sparse_mm_t;
    tn_tensor *crow = tn__dense_as(c->in[0], TN_I64), *col = tn__dense_as(c->in[1], TN_I64), *x = tn__dense_as(c->in[2], dt), *values = c->n_in > 3 ? tn__dense_as(c->in[3], dt) : NULL;
    tn_tensor *y = tn__zeroed(tn__dt(out) == dt ? out : tn__new(dt, out->shape, 2));
    if (!crow || !col || !x || !y || (c->n_in > 3 && !values)) return false;
    if (!tn__crow_ok(c, crow, col->numel) || !tn__index_ok(c, col, transposed ? out->shape[0] : x->shape[0])) return false;
    tn__spmm s = {(const int64_t *)(const void *)crow->data, (const int64_t *)(const void *)col->data, x->data, values ? values->data : NULL, y->data, crow->numel - 1, x->shape[1], transposed ? 16 : TN__SPMM_ROWS, transposed};
    const int64_t over = transposed ? s.width : s.rows;
    tn__parallel((over + s.step - 1) / s.step, dt == TN_F64 ? tn__spmm_double : tn__spmm_float, &s);
    if (y != out) tn__copy_raw(out, y);
    return true;
}
/* Each entry's row, for the gradient of the values. */
static tn_tensor *tn__crow_expanded(tn_tensor *crow, int64_t nnz) {
    TN__MAKE_ON(tn__cpu());
    tn_tensor *row = tn__new(TN_I64, &nnz, 1), *bounds = tn__dense_as((tn_tensor *)(uintptr_t)tn__host(crow), TN_I64);
    for (int64_t r = 0; row && bounds && r + 1 < bounds->numel; r++)
        for (int64_t e = ((int64_t *)(void *)bounds->data)[r]; e < ((int64_t *)(void *)bounds->data)[r + 1]; e++) ((int64_t *)(void *)row->data)[e] = r;
    return bounds && row ? tn_to(row, crow->storage->device) : NULL;
}
static tn_tensor *tn__sparse_mm(int op, tn_tensor *crow, tn_tensor *col, tn_tensor *x, tn_tensor *values, int64_t columns) {
    tn_tensor *in[4];
    TN__ATTR(tn__attr_dim, a);
    in[0] = crow, in[1] = col, in[2] = x, in[3] = values;
    a.v[0] = columns;
    return tn__opn(op, in, values ? 4 : 3, &a);
}
static bool tn__grad_sparse_mm(tn__back *b) {
    const bool transposed = tn__back_op(b) == TN__OP_sparse_mm_t;
    tn_tensor *values = b->n_in > 3 ? b->x[3] : NULL;
    if (tn__want(b, 2) && !(b->gx[2] = tn__sparse_mm(transposed ? TN__OP_sparse_mm : TN__OP_sparse_mm_t, b->x[0], b->x[1], b->g, values, b->x[2]->shape[0]))) return false;
    if (!tn__want(b, 3)) return true;
    tn_reduce_opts along;
    memset(&along, 0, sizeof along);
    along.dim = 1;
    along.has_dim = true;
    tn_tensor *row = tn__crow_expanded(b->x[0], b->x[1]->numel), *col = b->x[1];
    tn_tensor *g = row ? tn_index_select(b->g, 0, transposed ? col : row) : NULL, *x = g ? tn_index_select(b->x[2], 0, transposed ? row : col) : NULL;
    return x && (b->gx[3] = tn_sum(tn_mul(g, x), &along)) != NULL;
}
TN_API tn_tensor *tn_sparse_mm(tn_tensor *crow_indices, tn_tensor *col_indices, tn_tensor *values, tn_tensor *x) {
    return tn__sparse_mm(TN__OP_sparse_mm, crow_indices, col_indices, x, values, 0);
}

/* ================================================================================================================ */
/* >>sort (Private)                                                                                                 */
/* Order.                                                                                                           */
/* ================================================================================================================ */

/* Values become integers that order as they do: NaN above all, -0 with 0. Then one stable merge sort serves. */
typedef struct { int64_t key, index; } tn__key;
static int64_t tn__order_key(tn_dtype dt, const char *p) {
    int64_t bits;
    if (!tn__is_float(dt)) return tn__get_i64(dt, p);
    double v = tn__get_f64(dt, p);
    if (v != v) return INT64_MAX;
    if (v == 0) v = 0; /* -0 */
    memcpy(&bits, &v, sizeof bits);
    return bits < 0 ? (int64_t)(~(uint64_t)bits ^ 0x8000000000000000ull) : bits;
}
static void tn__merge_sort(tn__key *a, tn__key *room, int64_t n, bool descending) {
    for (int64_t width = 1; width < n; width *= 2) {
        for (int64_t i = 0; i < n; i += 2 * width) {
            const int64_t mid = TN__MIN(i + width, n), end = TN__MIN(i + 2 * width, n);
            int64_t l = i, r = mid;
            for (int64_t o = i; o < end; o++) {
                const bool left = r >= end || (l < mid && (descending ? a[l].key >= a[r].key : a[l].key <= a[r].key));
                room[o] = left ? a[l++] : a[r++];
            }
        }
        memcpy(a, room, (size_t)n * sizeof *a);
    }
}
typedef struct tn__sort_args {
    tn_dtype dt;
    int64_t rows, len, k, size;
    const char *x;
    char *values;
    int64_t *indices;
    tn__key *keys;               /* two a row's element */
    bool descending;
} tn__sort_args;
static void tn__sort_job(void *arg, int64_t r) {
    const tn__sort_args *s = (const tn__sort_args *)arg;
    tn__key *a = s->keys + 2 * r * s->len;
    for (int64_t i = 0; i < s->len; i++) a[i].key = tn__order_key(s->dt, s->x + (r * s->len + i) * s->size), a[i].index = i;
    tn__merge_sort(a, a + s->len, s->len, s->descending);
    for (int64_t i = 0; i < s->k; i++) {
        s->indices[r * s->k + i] = a[i].index;
        memcpy(s->values + (r * s->k + i) * s->size, s->x + (r * s->len + a[i].index) * s->size, (size_t)s->size);
    }
}
/* attr dim, v: k (-1 all), descending. Outputs values and indices. */
static bool tn__infer_sort(tn__call *c) {
    const tn__attr_dim *a = (const tn__attr_dim *)c->attr;
    const tn_tensor *x = c->in[0];
    int64_t shape[TN_MAX_DIMS];
    if (tn__is_complex(tn__dt(x))) return tn__op_fail(c, TN_ERR_DTYPE, "%s has no order", tn_dtype_name(tn__dt(x)));
    memcpy(shape, x->shape, sizeof shape);
    const int64_t len = x->ndim ? x->shape[a->dim] : 1;
    if (a->v[0] > len) return tn__op_fail(c, TN_ERR_INDEX, "the first %lld of %lld", (long long)a->v[0], (long long)len);
    if (x->ndim && a->v[0] >= 0) shape[a->dim] = a->v[0];
    c->out[0] = tn__new(tn__dt(x), shape, x->ndim);
    c->out[1] = tn__new(TN_I64, shape, x->ndim);
    return c->out[0] && c->out[1];
}
static bool tn__kernel_sort(tn__call *c) {
    const tn__attr_dim *a = (const tn__attr_dim *)c->attr;
    tn__sort_args s;
    memset(&s, 0, sizeof s);
    tn_tensor *lv = tn__rows_last(c->out[0], a->dim), *li = tn__rows_last(c->out[1], a->dim), *x = tn__rows_last(c->in[0], a->dim);
    if (!lv || !li || !(x = tn__dense(x))) return false;
    s.dt = tn__dt(x);
    s.size = (int64_t)tn__dsize(s.dt);
    s.len = x->ndim ? x->shape[x->ndim - 1] : 1;
    s.k = lv->ndim ? lv->shape[lv->ndim - 1] : 1;
    s.rows = s.len ? x->numel / s.len : 0;
    s.descending = a->v[1] != 0;
    tn_tensor *v = lv->contiguous ? lv : tn__new(s.dt, lv->shape, lv->ndim), *i = li->contiguous ? li : tn__new(TN_I64, li->shape, li->ndim);
    const size_t bytes = (size_t)x->numel * 2 * sizeof(tn__key);
    if (!v || !i || !(s.keys = (tn__key *)tn__alloc(bytes))) return false;
    s.x = x->data;
    s.values = v->data;
    s.indices = (int64_t *)(void *)i->data;
    tn__parallel(s.rows, tn__sort_job, &s);
    tn__free(s.keys, bytes);
    if (v != lv) tn__copy_raw(lv, v);
    if (i != li) tn__copy_raw(li, i);
    return true;
}
static bool tn__grad_sort(tn__back *b) {
    int n;
    const int64_t *shape = tn__in_shape(b, 0, &n);
    const tn_tensor_opts o = {tn__dt(b->g), {0, 0}, false, NULL};
    return (b->gx[0] = tn_scatter(tn_zeros(shape, n, &o), ((const tn__attr_dim *)b->attr)->dim, b->y[1], b->g)) != NULL;
}
static tn_values_indices tn__sorted(tn_tensor *x, int dim, int64_t k, bool descending, int op) {
    const tn_values_indices none = {NULL, NULL};
    TN__ATTR(tn__attr_dim, a);
    if (!x) return tn__fail_null(tn__rows[op].name), none;
    a.dim = tn__wrap_dim(tn__rows[op].name, dim, x->ndim);
    if (a.dim < 0) return none;
    a.v[0] = k;
    a.v[1] = descending;
    tn__call c = tn__call_of(op, &x, 1, &a);
    if (!tn__dispatch(&c)) return none;
    const tn_values_indices r = {c.out[0], c.out[1]};
    return r;
}
TN_API tn_values_indices tn_sort(tn_tensor *x, int dim, bool descending, bool stable) {
    (void)stable; /* it always is */
    return tn__sorted(x, dim, -1, descending, TN__OP_sort);
}
TN_API tn_tensor *tn_argsort(tn_tensor *x, int dim, bool descending, bool stable) { return tn_sort(x, dim, descending, stable).indices; }
TN_API tn_values_indices tn_topk(tn_tensor *x, int64_t k, const tn_topk_opts *opts) {
    const tn_values_indices none = {NULL, NULL};
    if (k < 0) return tn__fail(TN_ERR_INVALID, "tn_topk: the first %lld", (long long)k), none;
    return tn__sorted(x, opts && opts->has_dim ? opts->dim : -1, k, !(opts && opts->smallest), TN__OP_topk);
}
/* The place of each value among sorted rows: attr v: right, i32 result. in: sorted, values, sorter. */
static bool tn__infer_searchsorted(tn__call *c) {
    const tn__attr_dim *a = (const tn__attr_dim *)c->attr;
    const tn_tensor *s = c->in[0], *v = c->in[1], *o = c->in[2];
    bool fits = s->ndim >= 1 && (s->ndim == 1 || s->ndim == v->ndim);
    if (tn__is_complex(tn__dt(s)) || tn__is_complex(tn__dt(v))) return tn__op_fail(c, TN_ERR_DTYPE, "%s among %s: complex numbers have no order", tn_dtype_name(tn__dt(v)), tn_dtype_name(tn__dt(s)));
    for (int d = 0; fits && s->ndim > 1 && d + 1 < s->ndim; d++) fits = s->shape[d] == v->shape[d];
    if (!fits) return tn__op_fail(c, TN_ERR_SHAPE, "values %s among sorted %s", TN__SHAPE_TEXT(v), TN__SHAPE_TEXT(s));
    if (o && (tn__dt(o) != TN_I64 || o->ndim != s->ndim || memcmp(o->shape, s->shape, s->ndim * sizeof *s->shape) != 0)) return tn__op_fail(c, TN_ERR_SHAPE, "an int64 sorter %s is wanted, got %s %s", TN__SHAPE_TEXT(s), tn_dtype_name(tn__dt(o)), TN__SHAPE_TEXT(o));
    return (c->out[0] = tn__new(a->v[1] ? TN_I32 : TN_I64, v->shape, v->ndim)) != NULL;
}
static bool tn__kernel_searchsorted(tn__call *c) {
    const tn__attr_dim *a = (const tn__attr_dim *)c->attr;
    tn_tensor *pair[2] = {c->in[0], c->in[1]};
    const tn_dtype dt = tn__result_type(pair, 2);
    tn_tensor *s = tn__dense_as(c->in[0], dt), *v = tn__dense_as(c->in[1], dt), *o = c->in[2] ? tn__dense(c->in[2]) : NULL;
    if (!s || !v || (c->in[2] && !o)) return false;
    const int64_t len = s->shape[s->ndim - 1], per = s->ndim == 1 ? TN__MAX(v->numel, 1) : TN__MAX(v->shape[v->ndim - 1], 1), size = (int64_t)tn__dsize(dt);
    for (int64_t i = 0; i < v->numel; i++) {
        const int64_t row = s->ndim == 1 ? 0 : i / per, key = tn__order_key(dt, v->data + i * size);
        int64_t lo = 0, hi = len;
        while (lo < hi) {
            const int64_t mid = lo + (hi - lo) / 2;
            int64_t at = mid;
            if (o) at = ((const int64_t *)(const void *)o->data)[row * len + mid];
            if (at < 0 || at >= len) return tn__op_fail(c, TN_ERR_INDEX, "the sorter has %lld for size %lld", (long long)at, (long long)len);
            const int64_t k = tn__order_key(dt, s->data + (row * len + at) * size);
            if (a->v[0] ? k <= key : k < key) lo = mid + 1;
            else hi = mid;
        }
        tn__set_i64(tn__dt(c->out[0]), c->out[0]->data + i * (int64_t)tn__dsize(tn__dt(c->out[0])), lo);
    }
    return true;
}
TN_API tn_tensor *tn_searchsorted(tn_tensor *sorted, tn_tensor *values, const tn_searchsorted_opts *opts) {
    TN__ATTR(tn__attr_dim, a);
    tn_tensor *in[3] = {sorted, values, opts ? opts->sorter : NULL};
    a.v[0] = opts && opts->right;
    a.v[1] = opts && opts->out_int32;
    return tn__opn(TN__OP_searchsorted, in, 3, &a);
}
/* Distinct elements, or slices along a dim, in order; the place of each in the result, and how often it occurs. */
typedef struct { const int64_t *key; int64_t width; } tn__slices;
static int tn__slice_compare(const tn__slices *s, int64_t a, int64_t b) {
    for (int64_t i = 0; i < s->width; i++) {
        const int64_t x = s->key[a * s->width + i], y = s->key[b * s->width + i];
        if (x != y) return x < y ? -1 : 1;
    }
    return 0;
}
static void tn__slice_sort(const tn__slices *s, int64_t *at, int64_t *room, int64_t n) {
    for (int64_t width = 1; width < n; width *= 2) {
        for (int64_t i = 0; i < n; i += 2 * width) {
            const int64_t mid = TN__MIN(i + width, n), end = TN__MIN(i + 2 * width, n);
            int64_t l = i, r = mid;
            for (int64_t o = i; o < end; o++) room[o] = r >= end || (l < mid && tn__slice_compare(s, at[l], at[r]) <= 0) ? at[l++] : at[r++];
        }
        memcpy(at, room, (size_t)n * sizeof *at);
    }
}
/* On a device: rows [n, width] in order, by stable sorts from the last column to the first. */
static tn_tensor *tn__row_order(tn_tensor *rows) {
    tn_tensor *order = tn__count_up(rows->shape[0]);
    for (int64_t j = rows->shape[1] - 1; order && j >= 0; j--) {
        tn_tensor *column = tn_index_select(tn_select(rows, 1, j), 0, order), *at = column ? tn_argsort(column, 0, false, true) : NULL;
        order = at ? tn_index_select(order, 0, at) : NULL;
    }
    return order;
}
/* Which rows of a sorted [n, width] differ from the one before; the first does. A NaN differs from all where it stands alone. */
static tn_tensor *tn__row_starts(tn_tensor *rows) {
    const int64_t n = rows->shape[0], one = 1;
    const tn_reduce_opts last = {1, true, false, {0}, 0, TN_DTYPE_DEFAULT};
    tn_tensor *a = tn_narrow(rows, 0, 1, n - 1), *b = tn_narrow(rows, 0, 0, n - 1), *differ = a && b ? tn__op2(TN__OP_ne, a, b, NULL) : NULL;
    if (differ && rows->shape[1] > 1 && tn__is_float(tn__dt(rows))) {
        tn_tensor *both = tn__op2(TN__OP_logical_and, tn_isnan(a), tn_isnan(b), NULL);
        differ = tn__op2(TN__OP_logical_and, differ, tn__op1(TN__OP_logical_not, both, NULL), NULL);
    }
    tn_tensor *in[2] = {tn__filled(tn__new(TN_BOOL, &one, 1), 1), differ ? tn_any(differ, &last) : NULL};
    return in[0] && in[1] ? tn_cat(in, 2, 0) : NULL;
}
static bool tn__unique_on_device(tn__call *c, int64_t n, int64_t width, int dim, bool along) {
    tn__composed k = tn__compose();
    const int64_t shape[2] = {n, width}, all[1] = {n};
    const int to = 0;
    tn_tensor *x = c->in[0], *front = along ? tn_movedim(x, &dim, &to, 1) : x, *rows = front ? tn_reshape(front, shape, 2) : NULL;
    tn_tensor *order = rows ? tn__row_order(rows) : NULL, *sorted = order ? tn_index_select(rows, 0, order) : NULL, *starts = sorted ? tn__row_starts(sorted) : NULL;
    tn_tensor *first = starts ? tn__true_places(starts) : NULL, *group = first ? tn__minus_one(tn_cumsum(starts, 0, TN_I64)) : NULL;
    tn_tensor *kept = group ? tn_index_select(order, 0, first) : NULL, *inverse = kept ? (tn_scatter)(tn__zeroed(tn__new(TN_I64, all, 1)), 0, order, group) : NULL;
    c->out[0] = !inverse ? NULL : along ? tn_index_select(x, dim, kept) : tn_index_select(tn__flat(x), 0, kept);
    c->out[1] = !inverse || along ? inverse : tn_reshape(inverse, x->shape, x->ndim);
    c->out[2] = inverse ? tn_bincount(group, NULL, 0) : NULL;
    return tn__composed_end(&k, c, 3);
}
static bool tn__kernel_unique(tn__call *c) { /* attr v[0]: along dim; x otherwise flat */
    const tn__attr_dim *a = (const tn__attr_dim *)c->attr;
    tn_tensor *x = c->in[0], *rows = x;
    int order[TN_MAX_DIMS], k = 0;
    int64_t shape[TN_MAX_DIMS], strides[TN_MAX_DIMS];
    if (tn__is_complex(tn__dt(x))) return tn__op_fail(c, TN_ERR_DTYPE, "%s has no order", tn_dtype_name(tn__dt(x)));
    if (c->on_device && x->numel) return tn__unique_on_device(c, a->v[0] ? x->shape[a->dim] : x->numel, a->v[0] ? x->numel / x->shape[a->dim] : 1, a->dim, a->v[0] != 0);
    if (a->v[0]) { /* the dim in front */
        order[k++] = a->dim;
        for (int d = 0; d < x->ndim; d++)
            if (d != a->dim) order[k++] = d;
        for (int d = 0; d < x->ndim; d++) shape[d] = x->shape[order[d]], strides[d] = x->strides[order[d]];
        rows = tn__alias(x, shape, strides, x->ndim, 0);
    }
    if (!rows || !(rows = tn__dense(rows))) return false;
    const int64_t n = a->v[0] ? shape[0] : x->numel, size = (int64_t)tn__dsize(tn__dt(x)), three = 3 * n;
    const int64_t width = a->v[0] ? (n ? x->numel / n : 0) : 1, keys = n * width;
    if (a->v[0] && n && width == 0) return tn__op_fail(c, TN_ERR_SHAPE, "slices of nothing in %s", TN__SHAPE_TEXT(x));
    tn_tensor *key = tn__new(TN_I64, &keys, 1), *work = tn__new(TN_I64, &three, 1);
    if (!key || !work) return false;
    int64_t *kv = (int64_t *)(void *)key->data, *at = (int64_t *)(void *)work->data, *place = at + 2 * n, found = 0;
    for (int64_t i = 0; i < keys; i++) kv[i] = tn__order_key(tn__dt(x), rows->data + i * size);
    for (int64_t i = 0; i < n; i++) at[i] = i;
    const tn__slices s = {kv, width};
    tn__slice_sort(&s, at, at + n, n);
    int64_t *first = at + n; /* free again: where each distinct one stands in at */
    for (int64_t i = 0; i < n; i++) {
        const bool nan = tn__is_float(tn__dt(x)) && width == 1 && kv[at[i]] == INT64_MAX; /* a NaN equals nothing */
        if (i == 0 || nan || tn__slice_compare(&s, at[i - 1], at[i]) != 0) first[found++] = i;
        place[at[i]] = found - 1;
    }
    int64_t moved[TN_MAX_DIMS];
    memcpy(moved, a->v[0] ? shape : &found, sizeof(int64_t) * (size_t)(a->v[0] ? x->ndim : 1));
    moved[0] = found;
    tn_tensor *y = tn__new(tn__dt(x), moved, a->v[0] ? x->ndim : 1), *inverse = tn__new(TN_I64, a->v[0] ? &n : x->shape, a->v[0] ? 1 : x->ndim), *counts = tn__new(TN_I64, &found, 1);
    if (!y || !inverse || !counts) return false;
    for (int64_t i = 0; i < found; i++) {
        memcpy(y->data + i * width * size, rows->data + at[first[i]] * width * size, (size_t)(width * size));
        ((int64_t *)(void *)counts->data)[i] = (i + 1 < found ? first[i + 1] : n) - first[i];
    }
    memcpy(inverse->data, place, (size_t)n * sizeof *place);
    if (a->v[0]) { /* the dim back to its place */
        int64_t back[TN_MAX_DIMS], step[TN_MAX_DIMS];
        for (int d = 0; d < x->ndim; d++) back[order[d]] = y->shape[d], step[order[d]] = y->strides[d];
        y = tn__alias(y, back, step, x->ndim, 0);
        if (!y || !(y = tn__dense(y))) return false;
    }
    c->out[0] = y;
    c->out[1] = inverse;
    c->out[2] = counts;
    return true;
}
TN_API tn_unique_result tn_unique(tn_tensor *x, const tn_unique_opts *opts) {
    const tn_unique_result none = {NULL, NULL, NULL};
    TN__ATTR(tn__attr_dim, a);
    if (!x) return tn__fail_null("tn_unique: x"), none;
    if (opts && opts->has_dim) {
        a.dim = tn__dim_of("tn_unique", x, opts->dim);
        a.v[0] = 1;
        if (a.dim < 0) return none;
    }
    tn__call c = tn__call_of(TN__OP_unique, &x, 1, &a);
    if (!tn__dispatch(&c)) return none;
    const tn_unique_result r = {c.out[0], opts && opts->return_inverse ? c.out[1] : NULL, opts && opts->return_counts ? c.out[2] : NULL};
    return r;
}
/* multinomial, as PyTorch draws: without replacement the largest of p / exponential; with it, by the running sum. */
static tn_tensor *tn__multinomial_replaced(tn_tensor *p, int64_t num, tn_generator *g) {
    const int64_t len = p->shape[p->ndim - 1], rows = p->numel / len, shape[2] = {p->ndim == 2 ? rows : num, num};
    TN__MAKE_ON(tn__cpu());
    tn_tensor *x = tn__dense((tn_tensor *)(uintptr_t)tn__host(p)), *y = tn__new(TN_I64, shape, p->ndim);
    const size_t bytes = (size_t)len * sizeof(double);
    double *sum = x && y ? (double *)tn__alloc(bytes) : NULL;
    if (!sum) return NULL;
    const tn_dtype dt = tn__dt(x);
    for (int64_t r = 0; r < rows; r++) {
        double total = 0;
        for (int64_t i = 0; i < len; i++) {
            total += tn__get_f64(dt, x->data + (r * len + i) * (int64_t)tn__dsize(dt));
            sum[i] = dt == TN_F64 ? total : (double)(float)total;
        }
        for (int64_t i = 0; i < len; i++) sum[i] = dt == TN_F64 ? sum[i] / total : (double)((float)sum[i] / (float)total);
        for (int64_t k = 0; k < num; k++) {
            const double u = tn__draw_f64(g);
            int64_t lo = 0, hi = len;
            while (lo < hi) {
                const int64_t mid = lo + (hi - lo) / 2;
                if (sum[mid] < u) lo = mid + 1;
                else hi = mid;
            }
            ((int64_t *)(void *)y->data)[r * num + k] = TN__MIN(lo, len - 1);
        }
    }
    tn__free(sum, bytes);
    return tn_to(y, p->storage->device);
}
TN_API tn_tensor *tn_multinomial(tn_tensor *p, int64_t num, bool replacement, tn_generator *g) {
    if (!p) return (tn_tensor *)(tn__fail_null("tn_multinomial: p"), NULL);
    const int64_t len = p->ndim ? p->shape[p->ndim - 1] : 0;
    if (p->ndim < 1 || p->ndim > 2 || !tn__is_float(tn__dt(p)) || len == 0) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "tn_multinomial: floating weights [n] or [m, n] are wanted, got %s %s", tn_dtype_name(tn__dt(p)), TN__SHAPE_TEXT(p));
    if (num <= 0 || (!replacement && num > len)) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_multinomial: %lld of %lld", (long long)num, (long long)len);
    const bool was = tn__set_recording(false);
    const tn_reduce_opts row = {-1, true, false, {0}, 0, TN_DTYPE_DEFAULT};
    tn_tensor *least = p->numel ? tn_amin(p, NULL) : p, *most = p->numel ? tn_amax(p, NULL) : p, *weakest = p->numel ? tn_amin(tn_amax(p, &row), NULL) : p, *y = NULL;
    tn_generator *gen = least && most && weakest ? tn__generator(g) : NULL;
    const bool some = gen && p->numel;
    const double low = some ? tn_item(least) : 0, high = some ? tn_item(most) : 0;
    if (!(low >= 0 && high < INFINITY)) tn__fail(TN_ERR_INVALID, "tn_multinomial: a weight of %g", low >= 0 ? high : low);
    else if (some && tn_item(weakest) == 0) tn__fail(TN_ERR_INVALID, "tn_multinomial: weights of zero alone");
    else if (gen && replacement && num > 1) y = tn__multinomial_replaced(p, num, gen);
    else if (gen) {
        tn_tensor *q = tn_div(p, tn_exponential_(tn_empty_like(p, NULL), 1, gen));
        const tn_reduce_opts last = {-1, true, true, {0}, 0, TN_DTYPE_DEFAULT};
        y = num == 1 ? tn_argmax(q, &last) : tn_topk(q, num, NULL).indices;
    }
    (void)tn__set_recording(was);
    return y;
}
static bool tn__infer_normal(tn__call *c) {
    int64_t shape[TN_MAX_DIMS];
    int n;
    if (!tn__broadcast(c, c->in, 2, shape, &n)) return false;
    const tn_dtype dt = tn__result_type(c->in, 2);
    return (c->out[0] = tn__new(tn__is_float(dt) ? dt : tn__default_dtype(), shape, n)) != NULL;
}
static bool tn__kernel_normal(tn__call *c) { /* PyTorch: a standard draw of the common shape, times std, plus mean */
    tn_tensor *y = c->out[0];
    if (!tn_normal_(y, 0, 1, ((const tn__attr_draw *)c->attr)->generator)) return false;
    tn_tensor *drawn = tn_add(tn_mul(tn_detach(y), tn_detach(c->in[1])), tn_detach(c->in[0]));
    if (!drawn) return false;
    tn__copy_raw(y, drawn);
    return true;
}
static bool tn__grad_normal(tn__back *b) { /* PyTorch's: a draw does not vary with its parameters */
    for (int i = 0; i < 2; i++) {
        int n;
        const int64_t *shape = tn__in_shape(b, i, &n);
        if (tn__want(b, i) && !(b->gx[i] = tn_zeros(shape, n, NULL))) return false;
    }
    return true;
}
TN_API tn_tensor *(tn_normal)(tn_tensor *mean, tn_tensor *std, const tn_tensor_opts *opts) {
    TN__ATTR(tn__attr_draw, a);
    a.generator = TN__GEN(opts);
    return tn__op2(TN__OP_normal, mean, std, &a);
}

/* ================================================================================================================ */
/* >>attention (Private)                                                                                            */
/* Attention.                                                                                                       */
/* ================================================================================================================ */

/* Scores, mask, softmax, values. attr v: scale, dropout; flags 1 causal, 2 grouped heads. in: query, key, value, mask. */
static tn_tensor *tn__causal_mask(int64_t rows, int64_t cols) { /* what is not seen: -inf */
    const int64_t shape[2] = {rows, cols};
    tn_tensor *t = tn_full(shape, 2, -INFINITY, NULL);
    return tn_triu(t, 1);
}
static tn_tensor *tn__repeat_heads(tn_tensor *x, int64_t heads) {
    const int64_t have = x->shape[x->ndim - 3];
    return have == heads ? x : tn_repeat_interleave(x, heads / have, -3);
}
static bool tn__infer_sdpa(tn__call *c) {
    const tn__attr_num *a = (const tn__attr_num *)c->attr;
    tn_tensor *q = c->in[0], *k = c->in[1], *v = c->in[2], *mask = c->in[3];
    if (q->ndim < 2 || k->ndim < 2 || v->ndim < 2) return tn__op_fail(c, TN_ERR_SHAPE, "[..., L, E] is wanted, got %s, %s, %s", TN__SHAPE_TEXT(q), TN__SHAPE_TEXT(k), TN__SHAPE_TEXT(v));
    if (!tn__floating(c, q)) return false;
    if (mask && tn__dt(mask) != TN_BOOL && !tn__floating(c, mask)) return false;
    if (mask && (a->flags & 1u)) return tn__op_fail(c, TN_ERR_INVALID, "a mask and is_causal exclude one another");
    if (a->flags & 2u) {
        if (q->ndim < 3 || k->ndim < 3 || v->ndim < 3) return tn__op_fail(c, TN_ERR_SHAPE, "grouped heads need [..., H, L, E], got %s", TN__SHAPE_TEXT(q));
        const int64_t heads = q->shape[q->ndim - 3];
        if (heads % TN__MAX(k->shape[k->ndim - 3], 1) || heads % TN__MAX(v->shape[v->ndim - 3], 1)) return tn__op_fail(c, TN_ERR_SHAPE, "heads of %s and %s do not divide those of %s", TN__SHAPE_TEXT(k), TN__SHAPE_TEXT(v), TN__SHAPE_TEXT(q));
        k = tn__repeat_heads(k, heads);
        v = tn__repeat_heads(v, heads);
        if (!k || !v) return false;
    }
    const int64_t rows = q->shape[q->ndim - 2], cols = k->shape[k->ndim - 2], width = q->shape[q->ndim - 1];
    const double scale = a->v[0] == 0 ? 1 / sqrt((double)TN__MAX(width, 1)) : a->v[0];
    tn_tensor *scores = tn_matmul(tn_mul(q, scale), tn_transpose(k, -2, -1)), *hidden = NULL;
    if (a->flags & 1u) scores = tn_add(scores, tn_to_dtype(tn__causal_mask(rows, cols), tn__dt(q)));
    if (mask && tn__dt(mask) == TN_BOOL) {
        hidden = tn_logical_not(mask);
        scores = tn_masked_fill(scores, hidden, -INFINITY);
    } else if (mask)
        scores = tn_add(scores, mask);
    tn_tensor *blind = NULL;
    if (mask && scores) { /* a row that sees nothing gives zeros, not NaN, and no gradient */
        const tn_reduce_opts last = {-1, true, true, {0}, 0, TN_DTYPE_DEFAULT};
        const bool was = tn__set_recording(false);
        blind = tn_all(tn_eq(scores, -INFINITY), &last);
        (void)tn__set_recording(was);
        scores = tn_where(blind, 0.0, scores);
    }
    tn_tensor *p = tn_softmax(scores, -1, TN_DTYPE_DEFAULT);
    if (blind) p = tn_where(blind, 0.0, p);
    return (c->out[0] = tn_matmul(a->v[1] > 0 ? tn_dropout(p, a->v[1], true) : p, v)) != NULL;
}
TN__WIDE(sdpa)
TN_API tn_tensor *tn_scaled_dot_product_attention(tn_tensor *query, tn_tensor *key, tn_tensor *value, const tn_sdpa_opts *opts) {
    TN__ATTR(tn__attr_num, a);
    tn_tensor *in[4] = {query, key, value, opts ? opts->attn_mask : NULL};
    if (opts) {
        a.v[0] = opts->scale;
        a.v[1] = opts->dropout_p;
        a.flags = (opts->is_causal ? 1u : 0u) | (opts->enable_gqa ? 2u : 0u);
    }
    return tn__opn(TN__OP_scaled_dot_product_attention, in, 4, &a);
}
/* -- multi-head attention, as torch.nn.functional.multi_head_attention_forward -- */
static bool tn__mha_project(const tn_mha_opts *o, tn_tensor *q, tn_tensor *k, tn_tensor *v, int64_t embed, tn_tensor **out) {
    tn_tensor *in[3] = {q, k, v}, *own[3] = {o->q_proj_weight, o->k_proj_weight, o->v_proj_weight};
    for (int i = 0; i < 3; i++) {
        tn_tensor *w = o->in_proj_weight ? tn_narrow(o->in_proj_weight, 0, i * embed, embed) : own[i];
        tn_tensor *b = o->in_proj_bias ? tn_narrow(o->in_proj_bias, 0, i * embed, embed) : NULL;
        if (!(out[i] = tn_linear(in[i], w, b))) return false;
    }
    return true;
}
/* [L, N, E] to [N, heads, L, E / heads] */
static tn_tensor *tn__mha_heads(tn_tensor *x, int64_t heads) {
    if (!x) return NULL;
    const int64_t split[4] = {x->shape[0], x->shape[1], heads, x->shape[2] / heads};
    static const int order[4] = {1, 2, 0, 3};
    return tn_permute(tn_reshape(x, split, 4), order, 4);
}
static tn_tensor *tn__mha_append(tn_tensor *x, tn_tensor *row) { /* one more place, the same for every sample */
    const int64_t shape[3] = {1, x->shape[1], x->shape[2]};
    tn_tensor *both[2] = {x, tn_expand(row, shape, 3)};
    return tn_cat(both, 2, 0);
}
static tn_tensor *tn__mha_additive(tn_tensor *mask, tn_dtype dt) { /* bool true = ignored */
    if (!mask) return NULL;
    if (tn__dt(mask) != TN_BOOL) return tn_to_dtype(mask, dt);
    const tn_tensor_opts o = {dt, {0, 0}, false, NULL};
    return tn_masked_fill(tn_zeros(mask->shape, mask->ndim, &o), mask, -INFINITY);
}
/* What broadcasting would let pass. */
static bool tn__mha_check(const tn_mha_opts *o, const tn_tensor *q, const tn_tensor *k, const tn_tensor *v, int64_t heads) {
    const tn_tensor *mask = o->attn_mask, *pad = o->key_padding_mask;
    const int64_t rows = q->shape[0], n = q->shape[1], cols = k->shape[0], three = 3 * q->shape[2];
    if ((o->in_proj_weight && (o->in_proj_weight->ndim != 2 || o->in_proj_weight->shape[0] != three)) || (o->in_proj_bias && (o->in_proj_bias->ndim != 1 || o->in_proj_bias->numel != three)))
        return tn__fail(TN_ERR_SHAPE, "tn_multi_head_attention_forward: in_proj_weight [%lld, E] and in_proj_bias [%lld] are wanted", (long long)three, (long long)three);
    if (!o->bias_k != !o->bias_v) return tn__fail(TN_ERR_INVALID, "tn_multi_head_attention_forward: bias_k and bias_v go together");
    if (k->shape[1] != n || v->shape[1] != n || v->shape[0] != cols) return tn__fail(TN_ERR_SHAPE, "tn_multi_head_attention_forward: query %s, key %s and value %s do not go together", TN__SHAPE_TEXT(q), TN__SHAPE_TEXT(k), TN__SHAPE_TEXT(v));
    const bool mask_ok = !mask || ((mask->ndim == 2 || (mask->ndim == 3 && mask->shape[0] == n * heads)) && mask->shape[mask->ndim - 2] == rows && mask->shape[mask->ndim - 1] == cols);
    if (!mask_ok) return tn__fail(TN_ERR_SHAPE, "tn_multi_head_attention_forward: attn_mask [%lld, %lld] or [%lld, …] is wanted, got %s", (long long)rows, (long long)cols, (long long)(n * heads), TN__SHAPE_TEXT(mask));
    if (pad && (pad->ndim != 2 || pad->shape[0] != n || pad->shape[1] != cols)) return tn__fail(TN_ERR_SHAPE, "tn_multi_head_attention_forward: key_padding_mask [%lld, %lld] is wanted, got %s", (long long)n, (long long)cols, TN__SHAPE_TEXT(pad));
    return true;
}
static tn_tensor *tn__mha_mask(const tn_mha_opts *o, tn_dtype dt, int64_t n, int64_t heads, int64_t rows, int64_t cols, int extra) {
    tn_tensor *mask = tn__mha_additive(o->attn_mask, dt), *pad = tn__mha_additive(o->key_padding_mask, dt);
    const int64_t grow[2] = {0, extra};
    if (mask && extra) mask = tn_pad(mask, grow, 2, NULL);
    if (pad && extra) pad = tn_pad(pad, grow, 2, NULL);
    if (mask && mask->ndim == 3) {
        const int64_t shape[4] = {n, heads, rows, cols};
        mask = tn_reshape(mask, shape, 4);
    }
    if (!pad) return mask;
    const int64_t shape[4] = {n, 1, 1, cols};
    pad = tn_reshape(pad, shape, 4);
    return mask ? tn_add(mask, pad) : pad;
}
TN_API tn_mha_result tn_multi_head_attention_forward(tn_tensor *query, tn_tensor *key, tn_tensor *value, int64_t embed_dim, int64_t num_heads, const tn_mha_opts *opts) {
    const tn_mha_result none = {NULL, NULL};
    tn_mha_result r = none;
    tn_mha_opts o;
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    if (!query || !key || !value || !o.out_proj_weight) return tn__fail_null("tn_multi_head_attention_forward: query, key, value or out_proj_weight"), none;
    const bool single = query->ndim == 2;
    if (single) query = tn_unsqueeze(query, 1), key = tn_unsqueeze(key, 1), value = tn_unsqueeze(value, 1);
    if (single && o.key_padding_mask) o.key_padding_mask = tn_unsqueeze(o.key_padding_mask, 0);
    if (!query || !key || !value || query->ndim != 3 || key->ndim != 3 || value->ndim != 3 || query->shape[2] != embed_dim || num_heads < 1 || embed_dim % num_heads)
        return tn__fail(TN_ERR_SHAPE, "tn_multi_head_attention_forward: [L, N, %lld] in %lld heads is wanted, got %s", (long long)embed_dim, (long long)num_heads, query ? TN__SHAPE_TEXT(query) : "NULL"), none;
    if (!tn__mha_check(&o, query, key, value, num_heads)) return none;
    tn_tensor *p[3];
    const int64_t rows = query->shape[0], n = query->shape[1];
    int64_t cols = key->shape[0];
    int extra = 0;
    if (!tn__mha_project(&o, query, key, value, embed_dim, p)) return none;
    if (o.bias_k && o.bias_v) p[1] = tn__mha_append(p[1], o.bias_k), p[2] = tn__mha_append(p[2], o.bias_v), cols++, extra++;
    for (int i = 0; i < 3; i++)
        if (!(p[i] = tn__mha_heads(p[i], num_heads))) return none;
    if (o.add_zero_attn) {
        const int64_t one[4] = {0, 0, 0, 1};
        p[1] = tn_pad(p[1], one, 4, NULL), p[2] = tn_pad(p[2], one, 4, NULL), cols++, extra++;
    }
    if (o.is_causal && !o.attn_mask) o.attn_mask = tn__causal_mask(rows, cols - extra);
    tn_tensor *mask = tn__mha_mask(&o, tn__dt(query), n, num_heads, rows, cols, extra), *y;
    if (!mask && (o.attn_mask || o.key_padding_mask)) return none;
    const double dropout = o.training ? o.dropout_p : 0;
    if (o.need_weights) {
        tn_tensor *scores = tn_matmul(tn_mul(p[0], sqrt((double)num_heads / (double)embed_dim)), tn_transpose(p[1], -2, -1));
        if (mask) scores = tn_add(scores, mask);
        tn_tensor *w = tn_softmax(scores, -1, TN_DTYPE_DEFAULT);
        if (dropout > 0) w = tn_dropout(w, dropout, true);
        y = tn_matmul(w, p[2]);
        const tn_reduce_opts heads = {1, true, false, {0}, 0, TN_DTYPE_DEFAULT};
        r.weights = o.separate_head_weights ? w : tn_mean(w, &heads);
        if (single) r.weights = tn_select(r.weights, 0, 0);
    } else {
        const tn_sdpa_opts s = {mask, dropout, false, 0, false};
        y = tn_scaled_dot_product_attention(p[0], p[1], p[2], &s);
    }
    static const int order[4] = {2, 0, 1, 3};
    const int64_t joined[3] = {rows, n, embed_dim};
    r.output = tn_linear(tn_reshape(tn_permute(y, order, 4), joined, 3), o.out_proj_weight, o.out_proj_bias);
    if (single) r.output = tn_select(r.output, 1, 0);
    return r.output && (!o.need_weights || r.weights) ? r : none;
}

/* ================================================================================================================ */
/* >>rnn (Private)                                                                                                  */
/* Recurrent nets. One product gives x's share of the gates for all steps of a layer and direction; one row runs    */
/* through the steps. Its gradient is a loop of its own, or, where it is recorded, one of public ops.               */
/* ================================================================================================================ */

/* rnn_layer (x's share of the gates [T, B, G H], h0 [B, H], w_hh [G H, H], b_hh, c0): h of every step [T, B, H]; and for the
   gradient, in the dtype that is computed in: the LSTM's c or the GRU's hidden side of n [T, B, H], the gates [T, B, G H]. */
typedef struct tn__attr_rnn { uint32_t size; int32_t kind; int64_t reverse; } tn__attr_rnn;
static int64_t tn__rnn_gates(int kind) { return kind == TN__RNN_LSTM ? 4 : kind == TN__RNN_GRU ? 3 : 1; }
static bool tn__infer_rnn_layer(tn__call *c) {
    const int kind = ((const tn__attr_rnn *)c->attr)->kind;
    const tn_tensor *x = c->in[0];
    const tn_dtype dt = tn__norm_dtype(tn__dt(x));
    const int64_t shape[3] = {x->shape[0], x->shape[1], c->in[2]->shape[1]};
    if (!tn__floating(c, x)) return false;
    c->out[0] = tn__new(tn__dt(x), shape, 3);
    if (kind >= TN__RNN_LSTM) c->out[1] = tn__new(dt, shape, 3), c->out[2] = tn__new(dt, x->shape, 3);
    return c->out[0] && (kind < TN__RNN_LSTM || (c->out[1] && c->out[2]));
}
/* Rows of operands that a step's kernel reads and writes; those that are absent are NULL. */
typedef struct tn__rnn_args {
    void (*fn)(int kind, size_t n, const void *const *in, void *const *out);
    int kind;
    int64_t b, h, block, in_row[6], out_row[4];
    const char *in[6];
    char *out[4];
} tn__rnn_args;
static void tn__rnn_job(void *arg, int64_t job) {
    const tn__rnn_args *p = (const tn__rnn_args *)arg;
    for (int64_t r = job * p->block; r < TN__MIN((job + 1) * p->block, p->b); r++) {
        const void *in[6];
        void *out[4];
        for (int k = 0; k < 6; k++) in[k] = p->in[k] ? p->in[k] + r * p->in_row[k] : NULL;
        for (int k = 0; k < 4; k++) out[k] = p->out[k] ? p->out[k] + r * p->out_row[k] : NULL;
        p->fn(p->kind, (size_t)p->h, in, out);
    }
}
static tn__rnn_args tn__rnn_rows(tn_dtype dt, int kind, int back, int64_t b, int64_t h) {
    tn__rnn_args p;
    memset(&p, 0, sizeof p);
    p.fn = tn__kernels_for(tn__lane_of(dt))->rnn[back];
    p.kind = kind;
    p.b = b;
    p.h = h;
    p.block = TN__MAX(4096 / h, 1);
    for (int k = 0; k < 6; k++) p.in_row[k] = h * (int64_t)tn__dsize(dt) * ((back ? k == 1 : k < 2) ? tn__rnn_gates(kind) : 1);
    for (int k = 0; k < 4; k++) p.out_row[k] = h * (int64_t)tn__dsize(dt) * (k >= 2 ? tn__rnn_gates(kind) : 1);
    return p;
}
static const char *tn__rnn_at(const tn_tensor *t, int64_t step) { return t ? t->data + step * t->strides[0] * (int64_t)tn__dsize(tn__dt(t)) : NULL; }
static bool tn__kernel_rnn_layer(tn__call *c) {
    const tn__attr_rnn *a = (const tn__attr_rnn *)c->attr;
    const tn_dtype dt = tn__norm_dtype(tn__dt(c->in[0]));
    tn_tensor *x = tn__dense_as(c->in[0], dt), *h0 = tn__dense_as(c->in[1], dt), *w = tn__dense_as(c->in[2], dt), *bias = c->in[3], *c0 = tn__dense_as(c->in[4], dt), *y = tn__norm_target(c->out[0], dt);
    if (!x || !h0 || !w || (c->in[4] && !c0) || !y) return false;
    const int64_t steps = x->shape[0], b = x->shape[1], h = w->shape[1], wide = w->shape[0], shape[2] = {b, wide};
    tn_tensor *hidden = tn__new(dt, shape, 2);
    tn__rnn_args p = tn__rnn_rows(dt, a->kind, 0, b, h);
    if (!hidden) return false;
    for (int64_t i = 0; b && i < steps; i++) {
        const int64_t t = a->reverse ? steps - 1 - i : i, last = a->reverse ? t + 1 : t - 1;
        p.in[2] = i ? tn__rnn_at(y, last) : h0->data;
        p.in[3] = !c0 ? NULL : i ? tn__rnn_at(c->out[1], last) : c0->data;
        if (bias) tn__copy_raw(hidden, bias);
        tn__gemm(dt, false, true, b, wide, h, p.in[2], h, w->data, h, hidden->data, wide, bias != NULL);
        p.in[0] = tn__rnn_at(x, t);
        p.in[1] = hidden->data;
        p.out[0] = y->data + t * b * p.out_row[0];
        for (int k = 1; k < 3; k++) p.out[k] = c->out[k] ? c->out[k]->data + t * b * p.out_row[k] : NULL;
        tn__parallel((b + p.block - 1) / p.block, tn__rnn_job, &p);
    }
    if (y != c->out[0]) tn__copy_raw(c->out[0], y);
    return true;
}
/* (g, h of every step, h0, w_hh, what was kept, the gates, c0, g of c): the gradients of x's share, h0, c0, and where it is
   another (GRU) of the hidden share, all in the dtype that is computed in. */
static bool tn__infer_rnn_layer_backward(tn__call *c) {
    const int kind = ((const tn__attr_rnn *)c->attr)->kind;
    const tn_tensor *g = c->in[0], *h0 = c->in[2];
    const tn_dtype dt = tn__norm_dtype(tn__dt(c->in[3]));
    const int64_t wide[3] = {g->shape[0], g->shape[1], c->in[3]->shape[0]};
    c->out[0] = tn__new(dt, wide, 3);
    c->out[1] = tn__zeroed(tn__new(dt, h0->shape, 2));
    if (kind == TN__RNN_LSTM) c->out[2] = tn__zeroed(tn__new(dt, h0->shape, 2));
    if (kind == TN__RNN_GRU) c->out[3] = tn__new(dt, wide, 3);
    return c->out[0] && c->out[1] && (kind != TN__RNN_LSTM || c->out[2]) && (kind != TN__RNN_GRU || c->out[3]);
}
static bool tn__kernel_rnn_layer_backward(tn__call *c) {
    const tn__attr_rnn *a = (const tn__attr_rnn *)c->attr;
    const tn_dtype dt = tn__norm_dtype(tn__dt(c->in[3]));
    const bool gru = a->kind == TN__RNN_GRU;
    const tn_tensor *in[8];
    for (int k = 0; k < 8; k++)
        if (!(in[k] = tn__dense_as(c->in[k], dt)) && c->in[k]) return false;
    const int64_t steps = in[0]->shape[0], b = in[0]->shape[1], h = in[3]->shape[1], wide = in[3]->shape[0];
    const tn_tensor *state = gru ? in[1] : in[4], *first = gru ? in[2] : in[6], *through = c->out[gru ? 3 : 0];
    tn__rnn_args p = tn__rnn_rows(dt, a->kind, 1, b, h);
    for (int64_t i = steps - 1; b && i >= 0; i--) {
        const int64_t t = a->reverse ? steps - 1 - i : i, last = a->reverse ? t + 1 : t - 1;
        p.in[0] = tn__rnn_at(in[0], t);
        p.in[1] = tn__rnn_at(in[5], t);
        p.in[2] = tn__rnn_at(in[4], t);
        p.in[3] = i ? tn__rnn_at(state, last) : first ? first->data : NULL;
        p.in[4] = tn__rnn_at(in[1], t);
        p.in[5] = tn__rnn_at(in[7], t);
        p.out[0] = c->out[1]->data;
        p.out[1] = c->out[2] ? c->out[2]->data : NULL;
        p.out[2] = c->out[0]->data + t * b * p.out_row[2];
        p.out[3] = gru ? c->out[3]->data + t * b * p.out_row[3] : NULL;
        tn__parallel((b + p.block - 1) / p.block, tn__rnn_job, &p);
        tn__gemm(dt, false, false, b, h, wide, tn__rnn_at(through, t), wide, in[3]->data, h, p.out[0], h, gru);
    }
    return true;
}
static tn_tensor *tn__rnn_before(tn_tensor *first, tn_tensor *seq, bool reverse) { /* the state before every step */
    const int64_t steps = seq->shape[0];
    first = tn_unsqueeze(tn_to_dtype(first, tn__dt(seq)), 0);
    if (steps == 1) return first;
    tn_tensor *rest = tn_narrow(seq, 0, reverse, steps - 1), *both[2] = {reverse ? rest : first, reverse ? first : rest};
    return tn_cat(both, 2, 0);
}
static tn_tensor *tn__rnn_slope(tn_tensor *y, bool sigmoid) { return sigmoid ? tn_sub(y, tn_square(y)) : tn_sub(1.0, tn_square(y)); }
/* The gradient of public ops: the gates anew for all steps at once, then the steps backwards. A step's d (of h) and, LSTM, e
   (of c) times slope are the gates' gradient, times hidden (GRU) the hidden share's. */
static bool tn__rnn_composed(tn__back *b, tn_tensor **out) {
    const tn__attr_rnn *a = (const tn__attr_rnn *)b->attr;
    const tn_dtype dt = tn__norm_dtype(tn__dt(b->x[2]));
    const bool reverse = a->reverse != 0, lstm = a->kind == TN__RNN_LSTM;
    tn_tensor *w = tn_to_dtype(b->x[2], dt), *y = tn_to_dtype(b->y[0], dt), *g = tn_to_dtype(b->g, dt), *h = y ? tn__rnn_before(b->x[1], y, reverse) : NULL;
    tn_tensor *slope = NULL, *hidden = NULL, *stay = NULL, *turn = NULL, *list[4], *d = NULL, *e = NULL;
    if (a->kind < TN__RNN_LSTM) slope = a->kind == TN__RNN_RELU ? tn_to_dtype(tn_gt(y, 0.0), dt) : tn__rnn_slope(y, false);
    else {
        const int n = lstm ? 4 : 3;
        tn_tensor *share = tn_linear(h, w, b->x[3] ? tn_to_dtype(b->x[3], dt) : NULL);
        tn_tensors x = tn_chunk(tn_to_dtype(b->x[0], dt), n, 2), q = tn_chunk(share, n, 2);
        if (!x.at || !q.at) return false;
        tn_tensor *s0 = tn_sigmoid(tn_add(x.at[0], q.at[0])), *s1 = tn_sigmoid(tn_add(x.at[1], q.at[1]));
        if (lstm) {
            tn_tensor *t = tn_tanh(b->y[1]), *m = tn_tanh(tn_add(x.at[2], q.at[2])), *o = tn_sigmoid(tn_add(x.at[3], q.at[3]));
            list[0] = tn_mul(m, tn__rnn_slope(s0, true));
            list[1] = tn_mul(tn__rnn_before(b->x[4], b->y[1], reverse), tn__rnn_slope(s1, true));
            list[2] = tn_mul(s0, tn__rnn_slope(m, false));
            list[3] = tn_mul(t, tn__rnn_slope(o, true));
            turn = tn_mul(o, tn__rnn_slope(t, false));
        } else {
            tn_tensor *m = tn_tanh(tn_add(x.at[2], tn_mul(s0, q.at[2]))), *ones = m ? tn_ones_like(m, NULL) : NULL, *scale[3] = {ones, ones, s0};
            list[2] = tn_mul(tn_sub(1.0, s1), tn__rnn_slope(m, false));
            list[1] = tn_mul(tn_sub(h, m), tn__rnn_slope(s1, true));
            list[0] = tn_mul(tn_mul(list[2], q.at[2]), tn__rnn_slope(s0, true));
            if (!ones || !(hidden = tn_cat(scale, 3, 2))) return false;
        }
        stay = s1;
        slope = tn_cat(list, n, 2);
    }
    if (!slope || !stay != (a->kind < TN__RNN_LSTM)) return false;
    const int steps = (int)y->shape[0], n = (int)tn__rnn_gates(a->kind);
    tn_tensors gx = tn__tensors_new(steps), gh = tn__tensors_new(steps);
    if (!gx.at || !gh.at) return false;
    for (int i = steps - 1; i >= 0; i--) {
        const int t = reverse ? steps - 1 - i : i;
        tn_tensor *now = tn_select(g, 0, t);
        d = d ? tn_add(now, d) : now;
        if (lstm) {
            tn_tensor *c = tn_mul(d, tn_select(turn, 0, t));
            if (b->gs[1]) c = tn_add(c, tn_select(b->gs[1], 0, t));
            e = e ? tn_add(c, e) : c;
        }
        for (int k = 0; k < n; k++) list[k] = lstm && k < 3 ? e : d;
        tn_tensor *dx = tn_mul(tn_cat(list, n, 1), tn_select(slope, 0, t)), *dh = hidden ? tn_mul(dx, tn_select(hidden, 0, t)) : dx, *back = tn_mm(dh, w);
        if (!back) return false;
        if (lstm) e = tn_mul(e, tn_select(stay, 0, t));
        d = hidden ? tn_add(back, tn_mul(d, tn_select(stay, 0, t))) : back;
        tn__tensors_set(&gx, t, dx);
        tn__tensors_set(&gh, t, dh);
    }
    out[0] = tn_stack(gx.at, steps, 0);
    out[1] = d;
    out[2] = e;
    out[3] = hidden ? tn_stack(gh.at, steps, 0) : NULL;
    return out[0] && d && (!lstm || e) && (!hidden || out[3]);
}
static bool tn__grad_rnn_layer(tn__back *b) {
    const tn__attr_rnn *a = (const tn__attr_rnn *)b->attr;
    const bool lstm = a->kind == TN__RNN_LSTM;
    tn_tensor *in[8] = {b->g, b->y[0], b->x[1], b->x[2], b->y[1], b->y[2], b->x[4], lstm ? b->gs[1] : NULL};
    tn__call c = tn__call_of(TN__OP_rnn_layer_backward, in, 8, a);
    if (!(tn__recording() ? tn__rnn_composed(b, c.out) : tn__dispatch(&c))) return false;
    b->gx[0] = c.out[0];
    b->gx[1] = c.out[1];
    b->gx[4] = c.out[2];
    tn_tensor *share = c.out[3] ? c.out[3] : c.out[0];
    const int64_t rows = share->shape[0] * share->shape[1], gates[2] = {rows, share->shape[2]}, states[2] = {rows, b->x[2]->shape[1]};
    const tn_reduce_opts all = {0, true, false, {0}, 0, TN_DTYPE_DEFAULT};
    share = tn_reshape(share, gates, 2);
    if (tn__want(b, 2)) {
        tn_tensor *h = tn_reshape(tn_to_dtype(tn__rnn_before(b->x[1], b->y[0], a->reverse != 0), tn__dt(share)), states, 2);
        if (!(b->gx[2] = tn_mm(tn_t(share), h))) return false;
    }
    return !tn__want(b, 3) || (b->gx[3] = tn_sum(share, &all)) != NULL;
}

/* -- layers over one another -- */
static bool tn__rnn_fits(const char *who, const char *what, const tn_tensor *t, const tn_tensor *x, const int64_t *shape, int n) {
    if (!t) return tn__fail_null(who);
    if (tn__dt(t) != tn__dt(x)) return tn__fail(TN_ERR_DTYPE, "%s: %s is %s, the input %s", who, what, tn_dtype_name(tn__dt(t)), tn_dtype_name(tn__dt(x)));
    if (t->ndim != n || memcmp(t->shape, shape, (size_t)n * sizeof *shape) != 0) return tn__fail(TN_ERR_SHAPE, "%s: %s is %s, %s is wanted", who, what, TN__SHAPE_TEXT(t), tn__sizes_text(shape, n));
    return true;
}
typedef struct tn__rnn_run {
    const char *who;
    int kind, per;                                /* per: weights a layer and direction */
    tn_tensor *x, *h0, *c0;                       /* x [T, B, in] */
    tn_tensor *const *weights;
} tn__rnn_run;
/* One layer in one direction, the k-th of all: h of every step, and the last states. */
static tn_tensor *tn__rnn_direction(const tn__rnn_run *r, tn_tensor *x, int k, bool reverse, tn_tensor **h_n, tn_tensor **c_n) {
    TN__ATTR(tn__attr_rnn, a);
    tn_tensor *const *w = r->weights + k * r->per;
    const tn_tensor_opts like = {tn__dt(x), {0, 0}, false, NULL};
    TN__MAKE_ON(x->storage->device);
    const int64_t steps = x->shape[0], b = x->shape[1], h = w[1]->shape[1], wide = tn__rnn_gates(r->kind) * h;
    const int64_t state[2] = {b, h}, ih[2] = {wide, x->shape[2]}, hh[2] = {wide, h};
    if (!tn__rnn_fits(r->who, "w_ih", w[0], x, ih, 2) || !tn__rnn_fits(r->who, "w_hh", w[1], x, hh, 2)) return NULL;
    if (r->per > 2 && (!tn__rnn_fits(r->who, "b_ih", w[2], x, hh, 1) || !tn__rnn_fits(r->who, "b_hh", w[3], x, hh, 1))) return NULL;
    tn_tensor *in[5] = {tn_linear(x, w[0], r->per > 2 ? w[2] : NULL), r->h0 ? tn_select(r->h0, 0, k) : tn_zeros(state, 2, &like), w[1], r->per > 2 ? w[3] : NULL, NULL};
    if (r->kind == TN__RNN_LSTM && !(in[4] = r->c0 ? tn_select(r->c0, 0, k) : tn_zeros(state, 2, &like))) return NULL;
    a.kind = r->kind;
    a.reverse = reverse;
    tn__call c = tn__call_of(TN__OP_rnn_layer, in, 5, &a);
    if (!tn__dispatch(&c)) return NULL;
    *h_n = tn_select(c.out[0], 0, reverse ? 0 : steps - 1);
    *c_n = r->kind == TN__RNN_LSTM ? tn_to_dtype(tn_select(c.out[1], 0, reverse ? 0 : steps - 1), tn__dt(x)) : NULL;
    return *h_n && (*c_n || !in[4]) ? c.out[0] : NULL;
}
static bool tn__rnn_layers(tn__rnn_run *r, const tn_rnn_opts *o, int layers, tn_rnn_result *out) {
    const int dirs = o->bidirectional ? 2 : 1;
    const bool single = r->x->ndim == 2, lstm = r->kind == TN__RNN_LSTM;
    tn_tensors hs = tn__tensors_new(layers * dirs), cs = tn__tensors_new(layers * dirs);
    tn_tensor *y = single ? tn_unsqueeze(r->x, 1) : o->batch_first ? tn_transpose(r->x, 0, 1) : r->x;
    if (!y || !hs.at || !cs.at) return false;
    if (y->shape[0] < 1) return tn__fail(TN_ERR_SHAPE, "%s: at least one step is wanted, got %s", r->who, TN__SHAPE_TEXT(r->x));
    const int64_t h = r->weights[1]->shape[1], states[3] = {layers * dirs, single ? h : y->shape[1], h};
    if ((r->h0 && !tn__rnn_fits(r->who, "h0", r->h0, y, states, single ? 2 : 3)) || (r->c0 && !tn__rnn_fits(r->who, "c0", r->c0, y, states, single ? 2 : 3))) return false;
    if (single && r->h0) r->h0 = tn_unsqueeze(r->h0, 1);
    if (single && r->c0) r->c0 = tn_unsqueeze(r->c0, 1);
    for (int l = 0; l < layers; l++) {
        tn_tensor *ys[2] = {NULL, NULL}, *h_n, *c_n;
        for (int d = 0; d < dirs; d++) {
            if (!(ys[d] = tn__rnn_direction(r, y, l * dirs + d, d == 1, &h_n, &c_n))) return false;
            tn__tensors_set(&hs, l * dirs + d, h_n);
            if (lstm) tn__tensors_set(&cs, l * dirs + d, c_n);
        }
        y = dirs == 2 ? tn_cat(ys, 2, 2) : ys[0];
        if (l + 1 < layers && o->dropout > 0 && o->training) y = tn_dropout(y, o->dropout, true);
        if (!y) return false;
    }
    out->output = single ? tn_select(y, 1, 0) : o->batch_first ? tn_transpose(y, 0, 1) : y;
    out->h_n = tn_stack(hs.at, hs.n, 0);
    if (lstm) out->c_n = tn_stack(cs.at, cs.n, 0);
    if (single) out->h_n = tn_select(out->h_n, 1, 0);
    if (single && lstm) out->c_n = tn_select(out->c_n, 1, 0);
    return out->output && out->h_n && (out->c_n || !lstm);
}
static tn_rnn_result tn__rnn(const char *who, int kind, tn_tensor *x, tn_tensor *h0, tn_tensor *c0, tn_tensor *const *weights, int n, const tn_rnn_opts *opts) {
    tn_rnn_result r = {NULL, NULL, NULL};
    const tn_rnn_result none = {NULL, NULL, NULL};
    tn_rnn_opts o;
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    const int layers = o.num_layers ? o.num_layers : 1, per = o.no_bias ? 2 : 4;
    tn__rnn_run run = {who, kind, per, x, h0, c0, weights};
    if (!x || !weights) return tn__fail_null(who), none;
    if (layers < 1 || n != layers * (o.bidirectional ? 2 : 1) * per) return tn__fail(TN_ERR_INVALID, "%s: %d weights for %d layers of %d", who, n, layers, (o.bidirectional ? 2 : 1) * per), none;
    if (!(o.dropout >= 0 && o.dropout <= 1)) return tn__fail(TN_ERR_INVALID, "%s: a dropout of %g", who, o.dropout), none;
    for (int i = 0; i < n; i++)
        if (!weights[i]) return tn__fail_null(who), none;
    if ((x->ndim != 2 && x->ndim != 3) || weights[1]->ndim != 2 || weights[1]->shape[1] < 1)
        return tn__fail(TN_ERR_SHAPE, "%s: an input of 2 or 3 dims and w_hh [gates, hidden] are wanted, got %s and %s", who, TN__SHAPE_TEXT(x), TN__SHAPE_TEXT(weights[1])), none;
    tn_scope s = tn_scope_open();
    if (!tn__rnn_layers(&run, &o, layers, &r)) r = none;
    tn_keep(r.output);
    tn_keep(r.h_n);
    tn_keep(r.c_n);
    tn_scope_close(&s);
    return r;
}
TN_API tn_rnn_result tn_lstm(tn_tensor *x, tn_tensor *h0, tn_tensor *c0, tn_tensor *const *weights, int n, const tn_rnn_opts *opts) { return tn__rnn("tn_lstm", TN__RNN_LSTM, x, h0, c0, weights, n, opts); }
TN_API tn_rnn_result tn_gru(tn_tensor *x, tn_tensor *h0, tn_tensor *const *weights, int n, const tn_rnn_opts *opts) { return tn__rnn("tn_gru", TN__RNN_GRU, x, h0, NULL, weights, n, opts); }
TN_API tn_rnn_result tn_rnn_tanh(tn_tensor *x, tn_tensor *h0, tn_tensor *const *weights, int n, const tn_rnn_opts *opts) { return tn__rnn("tn_rnn_tanh", TN__RNN_TANH, x, h0, NULL, weights, n, opts); }
TN_API tn_rnn_result tn_rnn_relu(tn_tensor *x, tn_tensor *h0, tn_tensor *const *weights, int n, const tn_rnn_opts *opts) { return tn__rnn("tn_rnn_relu", TN__RNN_RELU, x, h0, NULL, weights, n, opts); }
/* A cell is a layer of one step. */
static tn_rnn_result tn__rnn_cell(const char *who, int kind, tn_tensor *x, tn_tensor *h, tn_tensor *c, tn_tensor *const *w) {
    const tn_rnn_result none = {NULL, NULL, NULL};
    tn_rnn_opts o;
    memset(&o, 0, sizeof o);
    o.no_bias = !w[2] && !w[3];
    if (!x) return tn__fail_null(who), none;
    if (x->ndim != 1 && x->ndim != 2) return tn__fail(TN_ERR_SHAPE, "%s: [B, in] or [in] is wanted, got %s", who, TN__SHAPE_TEXT(x)), none;
    tn_scope s = tn_scope_open();
    tn_rnn_result r = tn__rnn(who, kind, tn_unsqueeze(x, 0), h ? tn_unsqueeze(h, 0) : NULL, c ? tn_unsqueeze(c, 0) : NULL, w, o.no_bias ? 2 : 4, &o);
    if (r.output) {
        r.output = r.h_n = (tn_tensor *)tn_keep(tn_select(r.h_n, 0, 0));
        if (r.c_n) r.c_n = (tn_tensor *)tn_keep(tn_select(r.c_n, 0, 0));
    }
    tn_scope_close(&s);
    return r;
}
#define TN__RNN_CELL(name, kind)                                                                                       \
    TN_API tn_tensor *name(tn_tensor *x, tn_tensor *h, tn_tensor *w_ih, tn_tensor *w_hh, tn_tensor *b_ih, tn_tensor *b_hh) { \
        tn_tensor *const w[4] = {w_ih, w_hh, b_ih, b_hh};                                                              \
        return tn__rnn_cell(#name, kind, x, h, NULL, w).output;                                                        \
    }
TN__RNN_CELL(tn_gru_cell, TN__RNN_GRU)
TN__RNN_CELL(tn_rnn_tanh_cell, TN__RNN_TANH)
TN__RNN_CELL(tn_rnn_relu_cell, TN__RNN_RELU)
TN_API tn_rnn_result tn_lstm_cell(tn_tensor *x, tn_tensor *h, tn_tensor *c, tn_tensor *w_ih, tn_tensor *w_hh, tn_tensor *b_ih, tn_tensor *b_hh) {
    tn_tensor *const w[4] = {w_ih, w_hh, b_ih, b_hh};
    return tn__rnn_cell("tn_lstm_cell", TN__RNN_LSTM, x, h, c, w);
}

/* ================================================================================================================ */
/* >>loss (Private)                                                                                                 */
/* Losses.                                                                                                          */
/* ================================================================================================================ */

/* The elements of a loss, then its reduction. */
static tn_tensor *tn__reduced(tn_tensor *x, int reduction) {
    switch (reduction) {
    case TN_MEAN: return tn_mean(x, NULL);
    case TN_SUM: return tn_sum(x, NULL);
    case TN_NONE: return x;
    case TN_BATCHMEAN: return x && x->ndim == 0 ? tn_sum(x, NULL) : tn_div(tn_sum(x, NULL), x ? (double)x->shape[0] : 1.0);
    default: return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "%d is no reduction", reduction);
    }
}
static tn_loss_opts tn__loss_or(const tn_loss_opts *opts) {
    tn_loss_opts o;
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    o.beta = o.beta == 0 ? 1 : o.beta == TN_ZERO ? 0 : o.beta;
    o.delta = o.delta == 0 ? 1 : o.delta == TN_ZERO ? 0 : o.delta;
    return o;
}
/* x and target of one shape is what is meant; another that broadcasts is allowed, and said. */
static bool tn__loss_shapes(const char *who, const tn_tensor *x, const tn_tensor *target) {
    if (!x || !target) return tn__fail_null(who);
    if (x->ndim != target->ndim || memcmp(x->shape, target->shape, x->ndim * sizeof *x->shape) != 0)
        tn__log(TN_LOG_WARN, "%s: input %s and target %s differ in shape; they will be broadcast", who, TN__SHAPE_TEXT(x), TN__SHAPE_TEXT(target));
    return true;
}
/* A row's attr: the reduction in flags, numbers in v. */
static tn_tensor *tn__loss(int op, tn_tensor *x, tn_tensor *target, tn_tensor *w, tn_tensor *pw, int reduction, double a, double b) {
    TN__ATTR(tn__attr_num, attr);
    if ((unsigned)reduction > (op == TN__OP_kl_div ? TN_BATCHMEAN : TN_NONE)) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "%d is no reduction of this loss", reduction);
    tn_tensor *in[4] = {x, target, w, pw};
    attr.flags = (uint32_t)reduction;
    attr.v[0] = a;
    attr.v[1] = b;
    return tn__opn(op, in, 4, &attr);
}
#define TN__LOSS_ROW(name, ex)                                                                                         \
    static bool tn__infer_##name(tn__call *c) {                                                                        \
        const tn__attr_num *a = (const tn__attr_num *)c->attr;                                                         \
        tn_tensor *x = c->in[0], *y = c->in[1], *w = c->in[2], *pw = c->in[3];                                         \
        (void)w, (void)pw;                                                                                             \
        return (c->out[0] = tn__reduced(ex, (int)a->flags)) != NULL;                                                   \
    }                                                                                                                  \
    TN__WIDE(name)
static tn_tensor *tn__weighted(tn_tensor *x, tn_tensor *w) { return w ? tn_mul(x, w) : x; }
/* d * d / 2 / beta below beta, |d| - beta / 2 above; beta 0 is l1. */
static tn_tensor *tn__smooth_l1_elements(tn_tensor *d, double beta) {
    tn_tensor *m = tn_abs(d);
    if (beta == 0) return m;
    return tn_where(tn_lt(m, beta), tn_div(tn_mul(tn_square(d), 0.5), beta), tn_sub(m, 0.5 * beta));
}
static tn_tensor *tn__huber_elements(tn_tensor *d, double delta) {
    tn_tensor *m = tn_abs(d);
    return tn_where(tn_le(m, delta), tn_mul(tn_square(d), 0.5), tn_mul(tn_sub(m, 0.5 * delta), delta));
}
static tn_tensor *tn__bce_elements(tn_tensor *x, tn_tensor *y) {
    tn_tensor *a = tn__at_least(tn_log(x), -100.0), *b = tn__at_least(tn_log1p(tn_neg(x)), -100.0);
    return tn_sub(tn_mul(tn_sub(y, 1.0), b), tn_mul(y, a));
}
static tn_tensor *tn__bce_logits_elements(tn_tensor *x, tn_tensor *y, tn_tensor *pw) {
    tn_tensor *ls = tn_logsigmoid(x), *rest = tn_mul(tn_sub(1.0, y), x);
    if (!pw) return tn_sub(rest, ls);
    return tn_sub(rest, tn_mul(tn_add(tn_mul(tn_sub(pw, 1.0), y), 1.0), ls));
}
static tn_tensor *tn__kl_elements(tn_tensor *x, tn_tensor *y, bool log_target) {
    if (log_target) return tn_mul(tn_exp(y), tn_sub(y, x));
    tn_tensor *ylogy = tn_where(tn_eq(y, 0.0), 0.0, tn_mul(y, tn_log(tn_where(tn_eq(y, 0.0), 1.0, y))));
    return tn_sub(ylogy, tn_mul(y, x));
}
TN__LOSS_ROW(mse_loss, tn_square(tn_sub(x, y)))
TN__LOSS_ROW(l1_loss, tn_abs(tn_sub(x, y)))
TN__LOSS_ROW(smooth_l1_loss, tn__smooth_l1_elements(tn_sub(x, y), a->v[0]))
TN__LOSS_ROW(huber_loss, tn__huber_elements(tn_sub(x, y), a->v[0]))
TN__LOSS_ROW(binary_cross_entropy, tn__weighted(tn__bce_elements(x, y), w))
TN__LOSS_ROW(binary_cross_entropy_with_logits, tn__weighted(tn__bce_logits_elements(x, y, pw), w))
TN__LOSS_ROW(kl_div, tn__kl_elements(x, y, a->v[0] != 0))
TN_API tn_tensor *tn_mse_loss(tn_tensor *x, tn_tensor *target, const tn_loss_opts *opts) {
    const tn_loss_opts o = tn__loss_or(opts);
    if (!tn__loss_shapes("tn_mse_loss", x, target)) return NULL;
    return tn__loss(TN__OP_mse_loss, x, target, NULL, NULL, (int)o.reduction, 0, 0);
}
TN_API tn_tensor *tn_l1_loss(tn_tensor *x, tn_tensor *target, const tn_loss_opts *opts) {
    const tn_loss_opts o = tn__loss_or(opts);
    if (!tn__loss_shapes("tn_l1_loss", x, target)) return NULL;
    return tn__loss(TN__OP_l1_loss, x, target, NULL, NULL, (int)o.reduction, 0, 0);
}
TN_API tn_tensor *tn_smooth_l1_loss(tn_tensor *x, tn_tensor *target, const tn_loss_opts *opts) {
    const tn_loss_opts o = tn__loss_or(opts);
    if (!tn__loss_shapes("tn_smooth_l1_loss", x, target)) return NULL;
    if (!(o.beta >= 0)) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_smooth_l1_loss: a beta of %g", o.beta);
    return tn__loss(TN__OP_smooth_l1_loss, x, target, NULL, NULL, (int)o.reduction, o.beta, 0);
}
TN_API tn_tensor *tn_huber_loss(tn_tensor *x, tn_tensor *target, const tn_loss_opts *opts) {
    const tn_loss_opts o = tn__loss_or(opts);
    if (!tn__loss_shapes("tn_huber_loss", x, target)) return NULL;
    if (!(o.delta > 0)) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_huber_loss: a delta of %g", o.delta);
    return tn__loss(TN__OP_huber_loss, x, target, NULL, NULL, (int)o.reduction, o.delta, 0);
}
static bool tn__same_shapes(const char *who, const tn_tensor *x, const tn_tensor *target) {
    if (!x || !target) return tn__fail_null(who);
    if (x->ndim == target->ndim && memcmp(x->shape, target->shape, x->ndim * sizeof *x->shape) == 0) return true;
    return tn__fail(TN_ERR_SHAPE, "%s: the target is %s, the input %s", who, TN__SHAPE_TEXT(target), TN__SHAPE_TEXT(x));
}
static bool tn__probabilities(tn_tensor *t, const char *what) { /* NaN is none */
    if (!t->numel) return true;
    const bool was = tn__set_recording(false);
    tn_scope s = tn_scope_open();
    const tn_tensor *least = tn_amin(t, NULL), *most = tn_amax(t, NULL);
    const double low = least && most ? tn_item(least) : 0, high = least && most ? tn_item(most) : 0;
    const bool ok = least && most && (low >= 0 && high <= 1 ? true : tn__fail(TN_ERR_INVALID, "tn_binary_cross_entropy: %s of %g to %g, [0, 1] is wanted", what, low, high));
    tn_scope_close(&s);
    (void)tn__set_recording(was);
    return ok;
}
TN_API tn_tensor *tn_binary_cross_entropy(tn_tensor *x, tn_tensor *target, const tn_loss_opts *opts) {
    const tn_loss_opts o = tn__loss_or(opts);
    if (!tn__same_shapes("tn_binary_cross_entropy", x, target) || !tn__probabilities(x, "an input") || !tn__probabilities(target, "a target")) return NULL;
    return tn__loss(TN__OP_binary_cross_entropy, x, target, o.weight, NULL, (int)o.reduction, 0, 0);
}
TN_API tn_tensor *tn_binary_cross_entropy_with_logits(tn_tensor *x, tn_tensor *target, const tn_loss_opts *opts) {
    const tn_loss_opts o = tn__loss_or(opts);
    if (!tn__same_shapes("tn_binary_cross_entropy_with_logits", x, target)) return NULL;
    return tn__loss(TN__OP_binary_cross_entropy_with_logits, x, target, o.weight, o.pos_weight, (int)o.reduction, 0, 0);
}
TN_API tn_tensor *tn_kl_div(tn_tensor *x, tn_tensor *target, const tn_loss_opts *opts) {
    const tn_loss_opts o = tn__loss_or(opts);
    return tn__loss(TN__OP_kl_div, x, target, NULL, NULL, (int)o.reduction, o.log_target, 0);
}

/* -- nll_loss and cross_entropy: a row over [N, C, places], in one pass; the target names a class a place. attr: flags the
   reduction, v[0] ignore_index, v[1] whether x is logits (then log-softmax comes first, and its logarithm of the sum is
   kept for the gradient). -- */
typedef struct tn__nll_args {
    tn_dtype dt;
    int64_t n, classes, places, size, ignore;
    const char *x;
    const int64_t *y;
    const char *w, *g, *lse_in;
    char *loss, *lse, *gx;
    bool logits, g_each;
    double scale, *sums;
} tn__nll_args;
static double tn__nll_get(const tn__nll_args *a, const char *p, int64_t i) { return a->size == 4 ? (double)((const float *)(const void *)p)[i] : ((const double *)(const void *)p)[i]; }
static void tn__nll_put(const tn__nll_args *a, char *p, int64_t i, double v) {
    if (a->size == 4) ((float *)(void *)p)[i] = (float)v;
    else ((double *)(void *)p)[i] = v;
}
static double tn__nll_lse(const tn__nll_args *a, int64_t row, int64_t place) { /* log sum exp over the classes of a place */
    const int64_t first = row * a->classes * a->places + place;
    double most = -INFINITY, sum = 0;
    for (int64_t k = 0; k < a->classes; k++) {
        const double v = tn__nll_get(a, a->x, first + k * a->places);
        if (!(v <= most)) most = v;
    }
    if (isinf(most)) return most < 0 ? most : (double)NAN; /* inf - inf, as log_softmax has it */
    for (int64_t k = 0; k < a->classes; k++) sum += a->size == 4 ? (double)expf((float)(tn__nll_get(a, a->x, first + k * a->places) - most)) : exp(tn__nll_get(a, a->x, first + k * a->places) - most);
    return most + log(sum);
}
static void tn__nll_forward_job(void *arg, int64_t row) {
    const tn__nll_args *a = (const tn__nll_args *)arg;
    double loss = 0, weight = 0;
    for (int64_t s = 0; s < a->places; s++) {
        const int64_t at = row * a->places + s, class_ = a->y[at];
        const bool counts = class_ != a->ignore;
        const double lse = a->logits ? tn__nll_lse(a, row, s) : 0;
        const double w = !counts ? 0 : a->w ? tn__nll_get(a, a->w, class_) : 1;
        const double v = counts ? w * (lse - tn__nll_get(a, a->x, (row * a->classes + class_) * a->places + s)) : 0;
        if (a->lse) tn__nll_put(a, a->lse, at, lse);
        if (a->loss) tn__nll_put(a, a->loss, at, v);
        loss += v;
        weight += w;
    }
    a->sums[2 * row] = loss;
    a->sums[2 * row + 1] = weight;
}
static void tn__nll_backward_job(void *arg, int64_t row) {
    const tn__nll_args *a = (const tn__nll_args *)arg;
    const int64_t base = row * a->classes * a->places;
    if (!a->logits) memset(a->gx + base * a->size, 0, (size_t)(a->classes * a->places * a->size));
    for (int64_t s = 0; s < a->places; s++) {
        const int64_t at = row * a->places + s, class_ = a->y[at];
        const bool counts = class_ != a->ignore;
        const double w = counts ? (a->w ? tn__nll_get(a, a->w, class_) : 1) * a->scale * tn__nll_get(a, a->g, a->g_each ? at : 0) : 0;
        const double lse = a->logits ? tn__nll_get(a, a->lse_in, at) : 0;
        for (int64_t k = 0; a->logits && k < a->classes; k++) {
            const double d = tn__nll_get(a, a->x, base + k * a->places + s) - lse;
            tn__nll_put(a, a->gx, base + k * a->places + s, counts ? w * (a->size == 4 ? (double)expf((float)d) : exp(d)) : 0);
        }
        if (counts) tn__nll_put(a, a->gx, base + class_ * a->places + s, tn__nll_get(a, a->gx, base + class_ * a->places + s) - w);
    }
}
static bool tn__nll_layout(const tn__call *c, const tn_tensor *x, const tn_tensor *y, tn__nll_args *a) {
    const tn__attr_num *attr = (const tn__attr_num *)c->attr;
    memset(a, 0, sizeof *a);
    a->dt = tn__norm_dtype(tn__dt(x));
    a->size = (int64_t)tn__dsize(a->dt);
    a->n = x->ndim > 1 ? x->shape[0] : 1;
    a->classes = x->ndim > 1 ? x->shape[1] : x->shape[0];
    a->places = 1;
    for (int d = 2; d < x->ndim; d++) a->places *= x->shape[d];
    a->ignore = (int64_t)attr->v[0];
    a->logits = attr->v[1] != 0;
    (void)y;
    return true;
}
/* (x, target, weight): the loss, the sum of weights (f64, for the mean), and for logits the log-sum-exps. */
static bool tn__infer_nll(tn__call *c) {
    const tn__attr_num *a = (const tn__attr_num *)c->attr;
    const tn_tensor *x = c->in[0], *y = c->in[1], *w = c->in[2];
    int64_t shape[TN_MAX_DIMS];
    int n = 0;
    if (!tn__floating(c, x)) return false;
    if (x->ndim < 1) return tn__op_fail(c, TN_ERR_SHAPE, "[C], [N, C] or [N, C, ...] is wanted, got a 0-d tensor");
    for (int d = 0; d < x->ndim; d++)
        if (d != (x->ndim > 1)) shape[n++] = x->shape[d];
    if (x->ndim == 1) n = 0;
    if (tn__dt(y) != TN_I64 || y->ndim != n || memcmp(y->shape, shape, (size_t)n * sizeof *shape) != 0)
        return tn__op_fail(c, TN_ERR_SHAPE, "an int64 target %s is wanted for %s, got %s %s", tn__sizes_text(shape, n), TN__SHAPE_TEXT(x), tn_dtype_name(tn__dt(y)), TN__SHAPE_TEXT(y));
    const int64_t classes = x->shape[x->ndim > 1], one = 1;
    if (w && (w->ndim != 1 || w->numel != classes || tn__dt(w) != tn__dt(x))) return tn__op_fail(c, TN_ERR_SHAPE, "a %s weight [%lld] is wanted, got %s %s", tn_dtype_name(tn__dt(x)), (long long)classes, tn_dtype_name(tn__dt(w)), TN__SHAPE_TEXT(w));
    c->out[0] = tn__new(tn__dt(x), shape, a->flags == TN_NONE ? n : 0);
    c->out[1] = tn__new(TN_F64, &one, 1);
    c->out[2] = tn__new(tn__norm_dtype(tn__dt(x)), shape, a->v[1] != 0 ? n : 0);
    return c->out[0] && c->out[1] && c->out[2];
}
static bool tn__kernel_nll(tn__call *c) {
    const tn__attr_num *attr = (const tn__attr_num *)c->attr;
    tn__nll_args a;
    const int64_t classes = c->in[0]->ndim > 1 ? c->in[0]->shape[1] : c->in[0]->shape[0];
    tn_tensor *y = tn__dense(c->in[1]);
    if (!y || !tn__nll_layout(c, c->in[0], y, &a)) return false;
    tn_tensor *x = tn__dense_as(c->in[0], a.dt), *w = c->in[2] ? tn__dense_as(c->in[2], a.dt) : NULL;
    tn_tensor *each = attr->flags == TN_NONE ? tn__norm_target(c->out[0], a.dt) : NULL;
    const int64_t pairs = 2 * a.n;
    tn_tensor *sums = tn__new(TN_F64, &pairs, 1);
    if (!x || (c->in[2] && !w) || !sums || (attr->flags == TN_NONE && !each)) return false;
    a.y = (const int64_t *)(const void *)y->data;
    for (int64_t i = 0; i < y->numel; i++)
        if (a.y[i] != a.ignore && (a.y[i] < 0 || a.y[i] >= classes)) return tn__op_fail(c, TN_ERR_INDEX, "target %lld is out of range for %lld classes", (long long)a.y[i], (long long)classes);
    a.x = x->data;
    a.w = w ? w->data : NULL;
    a.loss = each ? each->data : NULL;
    a.lse = a.logits ? c->out[2]->data : NULL;
    a.sums = (double *)(void *)sums->data;
    tn__parallel(a.n, tn__nll_forward_job, &a);
    double loss = 0, weight = 0;
    for (int64_t i = 0; i < a.n; i++) loss += a.sums[2 * i], weight += a.sums[2 * i + 1];
    tn__set_f64(TN_F64, c->out[1]->data, weight);
    if (attr->flags == TN_NONE) {
        if (each != c->out[0]) tn__copy_raw(c->out[0], each);
    } else
        tn__set_f64(tn__dt(c->out[0]), c->out[0]->data, attr->flags == TN_SUM ? loss : loss / weight);
    return true;
}
/* (g, x, target, weight, sum of weights, log-sum-exps) */
static bool tn__infer_nll_backward(tn__call *c) { return (c->out[0] = tn__new(tn__dt(c->in[1]), c->in[1]->shape, c->in[1]->ndim)) != NULL; }
static bool tn__kernel_nll_backward(tn__call *c) {
    const tn__attr_num *attr = (const tn__attr_num *)c->attr;
    tn__nll_args a;
    tn_tensor *y = tn__dense(c->in[2]);
    if (!y || !tn__nll_layout(c, c->in[1], y, &a)) return false;
    tn_tensor *g = tn__dense_as(c->in[0], a.dt), *x = tn__dense_as(c->in[1], a.dt), *w = c->in[3] ? tn__dense_as(c->in[3], a.dt) : NULL, *gx = tn__norm_target(c->out[0], a.dt);
    if (!g || !x || (c->in[3] && !w) || !gx) return false;
    a.y = (const int64_t *)(const void *)y->data;
    a.x = x->data;
    a.w = w ? w->data : NULL;
    a.g = g->data;
    a.g_each = attr->flags == TN_NONE;
    a.gx = gx->data;
    a.lse_in = a.logits ? c->in[5]->data : NULL;
    a.scale = attr->flags == TN_MEAN ? 1 / tn__get_f64(TN_F64, c->in[4]->data) : 1;
    tn__parallel(a.n, tn__nll_backward_job, &a);
    if (gx != c->out[0]) tn__copy_raw(c->out[0], gx);
    return true;
}
/* The composed gradient: -weight[target] g at the target's place; through log-softmax for logits. */
static tn_tensor *tn__nll_composed(tn__back *b) {
    const tn__attr_num *a = (const tn__attr_num *)b->attr;
    tn_tensor *x = b->x[0], *y = b->x[1], *w = b->x[2], *g = b->g;
    const int dim = x->ndim > 1;
    int64_t shape[TN_MAX_DIMS];
    tn_tensor *counts = tn_ne(y, (int64_t)a->v[0]), *safe = tn_where(counts, y, 0);
    for (int d = 0; d < TN_MAX_DIMS; d++) shape[d] = 1;
    if (w) {
        shape[dim] = w->numel;
        tn_tensor *each = tn_gather(tn_expand(tn_reshape(w, shape, x->ndim), x->shape, x->ndim), dim, tn_unsqueeze(safe, dim));
        counts = tn_where(counts, tn_squeeze_dims(each, &dim, 1), 0.0);
    }
    tn_tensor *scaled = tn_mul(tn_to_dtype(counts, tn__dt(x)), g);
    if (a->flags == TN_MEAN) scaled = tn_div(scaled, tn_to_dtype(tn_reshape(b->y[1], NULL, 0), tn__dt(x)));
    scaled = tn_unsqueeze(scaled, dim);
    tn_tensor *zero = tn_zeros_like(x, NULL), *hit = tn_scatter_add(zero, dim, tn_unsqueeze(safe, dim), tn_neg(scaled));
    return a->v[1] != 0 ? tn_add(hit, tn_mul(tn_softmax(x, dim, TN_DTYPE_DEFAULT), scaled)) : hit;
}
static bool tn__grad_nll(tn__back *b) {
    if (!tn__want(b, 0)) return true;
    if (tn__recording()) return (b->gx[0] = tn__nll_composed(b)) != NULL;
    tn_tensor *in[6] = {b->g, b->x[0], b->x[1], b->x[2], b->y[1], b->y[2]};
    return (b->gx[0] = tn__opn(TN__OP_nll_backward, in, 6, b->attr)) != NULL;
}
static tn_tensor *tn__nll(int op, tn_tensor *x, tn_tensor *target, const tn_cross_entropy_opts *o, bool logits) {
    TN__ATTR(tn__attr_num, a);
    tn_tensor *in[3] = {x, target, o->weight};
    a.flags = (uint32_t)o->reduction;
    a.v[0] = o->has_ignore_index || o->ignore_index ? (double)o->ignore_index : -100;
    a.v[1] = logits;
    return tn__opn(op, in, 3, &a);
}
static tn_cross_entropy_opts tn__ce_or(const tn_cross_entropy_opts *opts) {
    tn_cross_entropy_opts o;
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    return o;
}
TN_API tn_tensor *tn_nll_loss(tn_tensor *x, tn_tensor *target, const tn_cross_entropy_opts *opts) {
    const tn_cross_entropy_opts o = tn__ce_or(opts);
    if ((unsigned)o.reduction > TN_NONE) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_nll_loss: %d is no reduction of it", (int)o.reduction);
    return tn__nll(TN__OP_nll_loss, x, target, &o, false);
}
/* Probabilities as targets, or smoothed labels: composed of log-softmax. */
static tn_tensor *tn__weight_shaped(tn_tensor *w, const tn_tensor *x, int dim) {
    int64_t shape[TN_MAX_DIMS];
    for (int d = 0; d < x->ndim; d++) shape[d] = d == dim ? x->shape[dim] : 1;
    return tn_reshape(w, shape, x->ndim);
}
static tn_tensor *tn__ce_probabilities(tn_tensor *x, tn_tensor *target, const tn_cross_entropy_opts *o, int dim) {
    const double classes = (double)x->shape[dim], eps = o->label_smoothing;
    const tn_reduce_opts over = {dim, true, false, {0}, 0, TN_DTYPE_DEFAULT};
    tn_tensor *p = eps > 0 ? tn_add(tn_mul(target, 1 - eps), eps / classes) : target, *terms = tn_mul(tn_log_softmax(x, dim, TN_DTYPE_DEFAULT), p);
    if (o->weight) terms = tn_mul(terms, tn__weight_shaped(o->weight, x, dim));
    terms = tn_neg(tn_sum(terms, &over));
    if (o->reduction != TN_MEAN) return tn__reduced(terms, (int)o->reduction);
    return tn_div(tn_sum(terms, NULL), x->ndim > 1 ? (double)(x->numel / TN__MAX(x->shape[dim], 1)) : 1.0);
}
static tn_tensor *tn__ce_smoothed(tn_tensor *x, tn_tensor *target, const tn_cross_entropy_opts *o, int dim) {
    const double classes = (double)x->shape[dim], eps = o->label_smoothing;
    const tn_reduce_opts over = {dim, true, false, {0}, 0, TN_DTYPE_DEFAULT};
    tn_tensor *logp = tn_log_softmax(x, dim, TN_DTYPE_DEFAULT), *nll = tn_nll_loss(logp, target, o);
    const int64_t ignore = o->has_ignore_index || o->ignore_index ? o->ignore_index : -100;
    tn_tensor *counts = tn_ne(target, ignore), *smooth = tn_neg(tn_sum(o->weight ? tn_mul(logp, tn__weight_shaped(o->weight, x, dim)) : logp, &over));
    smooth = tn_where(counts, smooth, 0.0);
    if (o->reduction == TN_MEAN && o->weight) { /* by the weights of the classes that count */
        const int64_t flat = -1;
        tn_tensor *each = tn_index_select(o->weight, 0, tn_reshape(tn_where(counts, target, 0), &flat, 1));
        smooth = tn_div(tn_sum(smooth, NULL), tn_sum(tn_where(counts, tn_reshape(each, target->shape, target->ndim), 0.0), NULL));
    } else if (o->reduction == TN_MEAN) smooth = tn_div(tn_sum(smooth, NULL), tn_to_dtype(tn_sum(counts, NULL), tn__dt(x)));
    else smooth = tn__reduced(smooth, (int)o->reduction);
    return tn_add(tn_mul(nll, 1 - eps), tn_mul(smooth, eps / classes));
}
static tn_tensor *tn__ce_composed(tn_tensor *x, tn_tensor *target, const tn_cross_entropy_opts *o) {
    const int dim = x->ndim > 1;
    if (!tn__is_float(tn__dt(target))) return tn__ce_smoothed(x, target, o, dim);
    return tn__same_shapes("tn_cross_entropy", x, target) ? tn__ce_probabilities(x, target, o, dim) : NULL;
}
TN_API tn_tensor *tn_cross_entropy(tn_tensor *x, tn_tensor *target, const tn_cross_entropy_opts *opts) {
    const tn_cross_entropy_opts o = tn__ce_or(opts);
    if (!x || !target) return (tn_tensor *)(tn__fail_null("tn_cross_entropy: operand"), NULL);
    if ((unsigned)o.reduction > TN_NONE) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_cross_entropy: %d is no reduction of it", (int)o.reduction);
    if (!(o.label_smoothing >= 0 && o.label_smoothing <= 1)) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_cross_entropy: a label smoothing of %g", o.label_smoothing);
    if (x->ndim < 1) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "tn_cross_entropy: [C], [N, C] or [N, C, ...] is wanted, got a 0-d tensor");
    if (tn__is_float(tn__dt(target)) || o.label_smoothing > 0) return tn__ce_composed(x, target, &o);
    return tn__nll(TN__OP_cross_entropy, x, target, &o, true);
}
/* ================================================================================================================ */
/* >>autograd (Private)                                                                                             */
/* The graph, the engine that walks it back, hooks, functions of the user's, checkpointing, gradcheck. It hangs     */
/* on dispatch as a layer.                                                                                          */
/* ================================================================================================================ */

/* A node is one allocation: the head, then edges (one an input), saved inputs and outputs, shapes, attr. Output tensors
   own it, and so do the edges of later nodes. What it saves is an input's handle, or a nameless alias of an output,
   never the output's handle: there are no cycles. */
struct tn__hook {
    tn__hook *next;
    int32_t nr;                  /* which output of the node */
    tn_hook_fn fn;
    void (*after)(void *user, tn_tensor *leaf); /* of a leaf, once its gradient is there */
    tn_tensor *retains;          /* whose .grad is kept; the tensor takes the hook away when it goes */
    void *user;
};
typedef struct tn__edge {
    struct tn__node *node;       /* what made the input, or … */
    tn_tensor *leaf;             /* … the leaf that it is; neither: no gradient wanted */
    const int64_t *shape;
    int32_t nr;
    uint8_t dtype, ndim;
    bool skip;                   /* in the walk that runs: it leads to none of the inputs asked for */
} tn__edge;
typedef struct tn__saved { tn_tensor *t; int64_t version; } tn__saved;
typedef struct tn__node {
    int32_t refs;
    int32_t op, n_in, n_out;
    bool shared;                 /* its count is atomic: tn_share */
    bool released;               /* what it saved is gone */
    bool halves;                 /* an operand or a result is of f16 or bf16 */
    bool wanted;                 /* in the walk that runs: an edge of it is not skipped */
    uint64_t sequence, mark;
    size_t bytes;
    struct tn__node *next;       /* of the dead */
    tn__edge *edge;
    tn__saved *x, *y;
    tn_tensor **gs;              /* gradients of the outputs that have arrived */
    tn__edge *out;               /* shape and dtype of the outputs */
    tn__hook *hooks;
    tn_function_ctx *ctx;        /* of a custom function */
    const void *attr;
} tn__node;

static void tn__hooks_free(tn__hook *h) {
    while (h) {
        tn__hook *next = h->next;
        tn__free(h, sizeof *h);
        h = next;
    }
}
static void tn__retained_gone(tn_tensor *t) { /* t kept its gradient and is freed: its hook must not outlive it */
    for (tn__hook **at = t->node ? &t->node->hooks : NULL; at && *at;) {
        tn__hook *h = *at;
        if (h->retains != t) at = &h->next;
        else *at = h->next, tn__free(h, sizeof *h);
    }
}
static void tn__node_release_saved(tn__node *n) {
    n->released = true;
    for (int i = 0; i < n->n_in; i++)
        if (n->x[i].t) tn_release(n->x[i].t), n->x[i].t = NULL;
    for (int k = 0; k < n->n_out; k++)
        if (n->y[k].t) tn_release(n->y[k].t), n->y[k].t = NULL;
    if (n->ctx) tn_release(n->ctx), n->ctx = NULL;
}
static void tn__node_destroy(tn__node *n) {
    tn__node_release_saved(n);
    for (int i = 0; i < n->n_in; i++) {
        if (n->edge[i].node) tn__node_put(n->edge[i].node);
        if (n->edge[i].leaf) tn_release(n->edge[i].leaf);
    }
    for (int k = 0; k < n->n_out; k++)
        if (n->gs[k]) tn_release(n->gs[k]);
    tn__hooks_free(n->hooks);
    tn__free(n, n->bytes);
}
/* Iterative: a node's end ends others, which wait in the thread's list, so that a long chain does not recurse. */
static void tn__node_put(tn__node *n) {
    tn__thread *t = tn__self();
    if (TN__UNLIKELY(n->shared) ? __atomic_sub_fetch(&n->refs, 1, __ATOMIC_ACQ_REL) != 0 : --n->refs != 0) return;
    n->next = t->dead;
    t->dead = n;
    if (t->freeing) return;
    t->freeing = true;
    while (t->dead) {
        n = t->dead;
        t->dead = n->next;
        tn__node_destroy(n);
    }
    t->freeing = false;
}
TN__HOT void tn__node_ref(tn__node *n) {
    if (TN__UNLIKELY(n->shared)) (void)__atomic_fetch_add(&n->refs, 1, __ATOMIC_RELAXED);
    else n->refs++;
}
/* A node that several threads may hold, and all that it leads to. */
static bool tn__node_share(tn__node *n) {
    tn__node **list = NULL;
    int32_t count = 0, cap = 0;
    bool ok = true;
    while (n && ok) {
        n->shared = true;
        for (int i = 0; i < n->n_in && ok; i++) {
            tn__node *to = n->edge[i].node;
            if (to && !to->shared && (ok = tn__grow(&list, &cap, (int64_t)count + 1, sizeof *list))) list[count++] = to;
        }
        n = count ? list[--count] : NULL;
    }
    tn__free(list, (size_t)cap * sizeof *list);
    return ok;
}

/* Whether gradients flow into t: itself marked, or a view of what an in-place op has drawn into a graph. */
TN__HOT bool tn__needs(const tn_tensor *t) { return (t->flags & TN__REQUIRES) || (t->base && (t->base->flags & TN__REQUIRES)); }
static tn__node *tn__node_new(int op, int n_in, int n_out, int64_t sizes, const void *attr) {
    uint32_t attr_size = 0;
    if (attr) memcpy(&attr_size, attr, sizeof attr_size);
    attr_size = (attr_size + 7u) & ~7u;
    const size_t in = (size_t)n_in, out = (size_t)n_out;
    const size_t bytes = sizeof(tn__node) + (in + out) * (sizeof(tn__edge) + sizeof(tn__saved)) + out * sizeof(tn_tensor *) + (size_t)sizes * sizeof(int64_t) + attr_size;
    tn__node *n = (tn__node *)tn__alloc_zero(bytes);
    if (!n) return NULL;
    char *p = (char *)(n + 1);
    n->refs = 1;
    n->op = op;
    n->n_in = n_in;
    n->n_out = n_out;
    n->bytes = bytes;
    n->sequence = ++tn__self()->sequence;
    n->edge = (tn__edge *)(void *)p;
    n->out = n->edge + in;
    p += (in + out) * sizeof(tn__edge);
    n->x = (tn__saved *)(void *)p;
    n->y = n->x + in;
    p += (in + out) * sizeof(tn__saved);
    n->gs = (tn_tensor **)(void *)p;
    p += out * sizeof(tn_tensor *);
    if (attr_size) { /* shapes follow behind attr */
        uint32_t used;
        memcpy(&used, attr, sizeof used);
        memcpy(p, attr, used);
        n->attr = p;
    }
    return n;
}
static int64_t *tn__node_sizes(tn__node *n) { return (int64_t *)(void *)((char *)n + n->bytes); }
static bool tn__view_history(tn_tensor *t);
/* Fills an edge to t; shapes go to *sizes, which moves on. */
static bool tn__edge_to(tn__edge *e, tn_tensor *t, int64_t **sizes) {
    *sizes -= t->ndim;
    memcpy(*sizes, t->shape, t->ndim * sizeof *t->shape);
    e->shape = *sizes;
    e->dtype = t->dtype;
    e->ndim = t->ndim;
    if (!tn__needs(t)) return true;
    if (t->base && t->base_epoch != t->base->epoch && !tn__view_history(t)) return false;
    e->nr = t->out_nr;
    if ((e->node = t->node)) tn__node_ref(e->node);
    else if (t->flags & TN__REQUIRES) e->leaf = (tn_tensor *)tn_retain(t);
    return true;
}
static void tn__set_history(tn_tensor *t, tn__node *n, int nr) { /* takes over nothing: the tensor gets a reference of its own */
    if (t->flags & TN__RETAINS) tn__retained_gone(t), t->flags &= (uint8_t)~TN__RETAINS;
    tn__node_ref(n);
    if (t->node) tn__node_put(t->node);
    t->node = n;
    t->out_nr = nr;
    t->flags |= TN__REQUIRES;
}
/* A node of one of the strided rows, made by hand: it never ran. */
static tn__node *tn__strided_node(int op, tn_tensor *base, const tn_tensor *view, tn__node *second) {
    tn__attr_strided a;
    tn__strided_attr(&a, base, view->shape, view->strides, view->ndim, tn__offset_of(view));
    const int n_in = second ? 2 : 1;
    tn__node *n = tn__node_new(op, n_in, 1, base->ndim + 2 * view->ndim + base->ndim, &a);
    if (!n) return NULL;
    int64_t *sizes = tn__node_sizes(n);
    tn_tensor *const like = second ? base : (tn_tensor *)(uintptr_t)view;
    sizes -= like->ndim;
    memcpy(sizes, like->shape, like->ndim * sizeof *like->shape);
    n->out[0].shape = sizes;
    n->out[0].dtype = like->dtype;
    n->out[0].ndim = like->ndim;
    bool ok = tn__edge_to(&n->edge[0], base, &sizes);
    if (ok && second) {
        sizes -= view->ndim;
        memcpy(sizes, view->shape, view->ndim * sizeof *view->shape);
        n->edge[1].shape = sizes;
        n->edge[1].dtype = view->dtype;
        n->edge[1].ndim = view->ndim;
        n->edge[1].node = second;
        tn__node_ref(second);
    }
    if (ok) return n;
    tn__node_put(n);
    return NULL;
}
/* The history of a view whose base was changed in place: it now comes from the base's new value. */
static bool tn__view_history(tn_tensor *t) {
    if (!(t->base->flags & TN__REQUIRES)) return true;
    tn__node *n = tn__strided_node(TN__OP_as_strided, t->base, t, NULL);
    if (!n) return false;
    tn__set_history(t, n, 0);
    tn__node_put(n);
    t->base_epoch = t->base->epoch;
    return true;
}
/* In place: x's value is what node made. Through a view, the base's value is its old one with that part replaced. */
static bool tn__rebase(tn_tensor *x, tn__node *node) {
    if (!x->base) {
        tn__set_history(x, node, 0);
        x->epoch++;
        return true;
    }
    tn__node *whole = tn__strided_node(TN__OP_as_strided_scatter, x->base, x, node);
    if (!whole) return false;
    tn__set_history(x->base, whole, 0);
    tn__node_put(whole);
    x->base->epoch++;
    x->flags |= TN__REQUIRES;
    return tn__view_history(x);
}

static bool tn__in_place_allowed(const tn__call *c) {
    const tn_tensor *x = c->in[0];
    if (tn__needs(x) && !x->node && !x->base) return tn__op_fail(c, TN_ERR_STATE, "a leaf that requires grad cannot be changed in place (use TN_NO_GRAD)");
    if (x->base && (x->base->flags & TN__REQUIRES) && !x->base->node)
        return tn__op_fail(c, TN_ERR_STATE, "a view of a leaf that requires grad cannot be changed in place (use TN_NO_GRAD)");
    return true;
}
static bool tn__save_outputs(tn__node *n, const tn__call *c, uint32_t save) {
    for (int k = 0; k < c->n_out; k++) {
        const tn_tensor *y = c->out[k];
        if (!(save & TN__Y(k)) || !y) continue;
        n->y[k].t = tn__alias_raw(y, tn__handle_raw(), y->shape, y->strides, y->ndim, 0);
        if (!n->y[k].t) return false;
        n->y[k].version = y->storage->version;
    }
    return true;
}
static tn__node *tn__record_inputs(const tn__call *c, tn_tensor *old) {
    const tn__row *row = &tn__rows[c->op];
    int64_t sizes = 0;
    for (int i = 0; i < c->n_in; i++) sizes += c->in[i] ? c->in[i]->ndim : 0;
    for (int k = 0; k < c->n_out; k++) sizes += TN_MAX_DIMS;
    tn__node *n = tn__node_new(c->op, c->n_in, c->n_out, sizes, c->attr);
    if (!n) return NULL;
    int64_t *at = tn__node_sizes(n) - c->n_out * TN_MAX_DIMS;
    for (int i = 0; i < c->n_in; i++) {
        tn_tensor *x = c->in[i];
        if (!x) continue;
        n->halves = n->halves || tn__is_half(tn__dt(x));
        if (!tn__edge_to(&n->edge[i], x, &at)) {
            tn__node_put(n);
            return NULL;
        }
        if (!(row->save & (row->max_in == 255 ? TN__XLIST : i < 15 ? TN__X(i) : 0))) continue;
        n->x[i].t = (tn_tensor *)tn_retain(i == 0 && old ? old : x);
        n->x[i].version = n->x[i].t->storage->version;
    }
    return n;
}
/* The layer: runs the call without recording what is inside, then makes its node. */
static bool tn__layer_autograd(tn__call *c, uint32_t on) {
    tn__thread *t = tn__self();
    const tn__row *row = &tn__rows[c->op];
    tn_tensor *old = NULL;
    if ((row->flags & TN__COMPOSITE) || row->grad == tn__grad_none) return tn__next_layer(c, on);
    if (c->in_place && !tn__in_place_allowed(c)) return false;
    const uint32_t mask = t->mask;
    t->mask &= ~(uint32_t)TN__LAYER_AUTOGRAD;
    bool ok = !(c->in_place && (row->save & TN__X(0))) || (old = tn_clone(c->in[0])) != NULL;
    tn__node *n = ok ? tn__record_inputs(c, old) : NULL; /* before the call: it may change an input's history */
    ok = n && tn__next_layer(c, on);
    t->mask = mask;
    if (ok && c->n_out && !tn__is_float(tn__dt(c->out[0])) && !tn__is_complex(tn__dt(c->out[0]))) { /* a result without gradient */
        tn__node_put(n);
        return true;
    }
    ok = ok && tn__save_outputs(n, c, row->save);
    for (int k = 0; ok && k < c->n_out; k++) {
        tn_tensor *y = c->out[k];
        if (!y) continue;
        int64_t *shape = tn__node_sizes(n) - (k + 1) * TN_MAX_DIMS;
        memcpy(shape, y->shape, y->ndim * sizeof *shape);
        n->out[k].shape = shape;
        n->out[k].dtype = y->dtype;
        n->out[k].ndim = y->ndim;
        n->halves = n->halves || tn__is_half(tn__dt(y));
        if (k && ((row->flags & TN__NO_GRAD_OUT) || !tn__is_float(tn__dt(y)))) continue;
        if (c->in_place) ok = tn__rebase(y, n);
        else tn__set_history(y, n, k);
        if ((row->flags & TN__VIEW) && ok && (mask & TN__LAYER_AUTOGRAD)) tn__view_of(y, c->in[0]);
    }
    if (n) tn__node_put(n);
    return ok;
}
static bool tn__has_nan(const tn_tensor *t) {
    int64_t index[TN_MAX_DIMS] = {0, 0, 0, 0, 0, 0, 0, 0};
    if (!t || !tn__is_float(tn__dt(t)) || !(t = tn__host(t))) return false;
    for (int64_t i = 0; i < t->numel; i++) {
        int64_t at = 0;
        for (int d = 0; d < t->ndim; d++) at += index[d] * t->strides[d];
        const double v = tn__get_f64(tn__dt(t), t->data + at * (int64_t)tn__dsize(tn__dt(t)));
        if (v != v) return true;
        for (int d = t->ndim - 1; d >= 0 && ++index[d] == t->shape[d]; d--) index[d] = 0;
    }
    return false;
}
/* Names the op in which a NaN arises: its result has one and its operands have none. */
static bool tn__layer_anomaly(tn__call *c, uint32_t on) {
    bool before = false;
    for (int i = 0; i < c->n_in; i++) before = before || tn__has_nan(c->in[i]);
    if (!tn__next_layer(c, on)) return false;
    for (int k = 0; k < c->n_out && !before; k++)
        if (tn__has_nan(c->out[k]) && !(tn__rows[c->op].flags & (TN__VIEW | TN__COMPOSITE | TN__RANDOM)))
            tn__log(TN_LOG_WARN, "%s: the first NaN arose here, in output %d %s", tn__rows[c->op].name, k, TN__SHAPE_TEXT(c->out[k]));
    return true;
}
TN_API bool tn_set_detect_anomaly(bool on) {
    tn__thread *t = tn__ready();
    const bool was = t->anomaly;
    t->anomaly = on;
    t->layers = on ? t->layers | TN__LAYER_ANOMALY : t->layers & ~(uint32_t)TN__LAYER_ANOMALY;
    return was;
}

/* -- what gradients ask -- */
TN__NOINLINE static bool tn__want(const tn__back *b, int i) { return i < b->n_in && !b->node->edge[i].skip && (b->node->edge[i].node || b->node->edge[i].leaf); }
static const int64_t *tn__in_shape(const tn__back *b, int i, int *ndim) {
    *ndim = b->node->edge[i].ndim;
    return b->node->edge[i].shape;
}
static int tn__back_op(const tn__back *b) { return b->node->op; }
TN__UNUSED static tn_dtype tn__in_dtype(const tn__back *b, int i) { return (tn_dtype)b->node->edge[i].dtype; }

/* -- the engine -- */
typedef struct tn__capture { tn__node *node; tn_tensor *leaf; int32_t nr; tn_tensor *grad; } tn__capture;
typedef struct tn__engine {
    tn__node **node;             /* reachable, each held; sorted latest first */
    int32_t n, cap;
    bool retain, create;
    tn__capture *capture;        /* tn_autograd_grad: gradients go here, not to leaves */
    int n_capture;
} tn__engine;
static uint64_t tn__mark_counter; /* atomic: a walk's mark is its own */

static bool tn__collect_one(tn__engine *e, tn__node *n, uint64_t mark) {
    if (n->mark == mark) return true;
    if (!tn__grow(&e->node, &e->cap, (int64_t)e->n + 1, sizeof *e->node)) return false;
    n->mark = mark;
    tn__node_ref(n);
    e->node[e->n++] = n;
    return true;
}
static int tn__later_first(const void *a, const void *b) {
    const tn__node *x = *(tn__node *const *)a, *y = *(tn__node *const *)b;
    return x->sequence < y->sequence ? 1 : x->sequence > y->sequence ? -1 : 0;
}
/* Everything that the roots depend on; a node's inputs were made before it, so the order of creation, backwards, visits
   each node after all that used its outputs. */
static bool tn__collect(tn__engine *e, tn_tensor *const *roots, int n) {
    const uint64_t mark = __atomic_add_fetch(&tn__mark_counter, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < n; i++)
        if (roots[i]->node && !tn__collect_one(e, roots[i]->node, mark)) return false;
    for (int32_t i = 0; i < e->n; i++) /* the list grows as it is read */
        for (int k = 0; k < e->node[i]->n_in; k++)
            if (e->node[i]->edge[k].node && !tn__collect_one(e, e->node[i]->edge[k].node, mark)) return false;
    for (int32_t i = 1; i < e->n; i++)
        if (e->node[i]->sequence > e->node[i - 1]->sequence) { /* a chain is in order as it is */
            qsort(e->node, (size_t)e->n, sizeof *e->node, tn__later_first);
            break;
        }
    return true;
}
static bool tn__captured(const tn__engine *e, const tn__node *node, const tn_tensor *leaf) {
    for (int i = 0; i < e->n_capture; i++)
        if (node ? e->capture[i].node == node : e->capture[i].leaf == leaf) return true;
    return false;
}
/* Leaves out what leads to none of the captures. From the oldest node on, so that what it leads to is known. */
static void tn__prune(tn__engine *e) {
    for (int32_t i = e->n - 1; i >= 0; i--) {
        tn__node *n = e->node[i];
        n->wanted = !e->capture;
        for (int k = 0; k < n->n_in; k++) {
            tn__edge *to = &n->edge[k];
            const bool leads = to->node ? to->node->wanted || tn__captured(e, to->node, NULL) : to->leaf && tn__captured(e, NULL, to->leaf);
            to->skip = e->capture && !leads;
            n->wanted = n->wanted || leads;
        }
    }
}
/* slot += g; slot holds a reference of its own. */
static bool tn__accumulate(tn_tensor **slot, tn_tensor *g) {
    if (!*slot) {
        *slot = (tn_tensor *)tn_retain(g);
        return true;
    }
    tn_tensor *sum = tn_add(*slot, g);
    if (!sum) return false;
    tn_retain(sum);
    tn_release(*slot);
    *slot = sum;
    return true;
}
/* A gradient as the input was: summed over what broadcasting repeated, in its dtype. */
static tn_tensor *tn__grad_as(tn_tensor *g, const int64_t *shape, int ndim, tn_dtype dt) {
    tn_reduce_opts o;
    memset(&o, 0, sizeof o);
    const int lead = g->ndim - ndim;
    if (g->ndim != ndim || memcmp(g->shape, shape, (size_t)ndim * sizeof *shape) != 0) {
        for (int d = 0; d < g->ndim; d++)
            if (d < lead || (shape[d - lead] == 1 && g->shape[d] != 1)) o.dims[o.n_dims++] = d;
        o.keepdim = true;
        if (o.n_dims) g = tn_sum(g, &o);
        if (g && (g->ndim != ndim || memcmp(g->shape, shape, (size_t)ndim * sizeof *shape) != 0)) g = tn_reshape(g, shape, ndim);
    }
    return g && tn__dt(g) != dt ? tn_to_dtype(g, dt) : g;
}
static tn_tensor *tn__run_hooks(tn__hook *h, int nr, tn_tensor *g) {
    for (; h && g; h = h->next) {
        if (h->nr != nr) continue;
        if (h->retains) {
            if (!tn__accumulate(&h->retains->grad, g)) return NULL;
        } else if (h->fn) {
            tn_tensor *r = h->fn(h->user, g);
            if (r) g = r;
        }
    }
    return g;
}
/* A leaf's gradient has come: into its capture, or into .grad. A fresh one is taken over, another copied. */
static bool tn__leaf_grad(tn__engine *e, tn_tensor *leaf, tn_tensor *g) {
    if (!(g = tn__run_hooks(leaf->hooks, 0, g))) return false;
    if (e->capture) {
        for (int i = 0; i < e->n_capture; i++)
            if (e->capture[i].leaf == leaf && !tn__accumulate(&e->capture[i].grad, g)) return false;
        return true;
    }
    if (leaf->grad && !e->create) {
        if (!tn_add_(leaf->grad, g)) return false;
    } else {
        const bool fresh = e->create || leaf->grad || (g->object.refs == 1 && g->storage->refs == 1 && g->contiguous && !g->base && !g->node);
        if (!fresh) {
            const tn_dtype dt = tn__dt(g);
            TN__MAKE_ON(g->storage->device);
            tn_tensor *copy = tn__new(dt, g->shape, g->ndim);
            if (!copy || !tn__copy_raw(copy, g)) return false;
            g = copy;
        }
        if (!tn__accumulate(&leaf->grad, g)) return false;
    }
    for (tn__hook *h = leaf->hooks; h; h = h->next)
        if (h->after) h->after(h->user, leaf);
    return true;
}
static bool tn__unpack(const tn__node *n, const tn__saved *s, const char *what, int i) {
    if (!s->t) return true;
    if (s->t->storage->version == s->version) return true;
    return tn__fail(TN_ERR_STATE, "%s: %s %d %s that its gradient needs was changed in place: it is at version %lld, %lld was saved", tn__rows[n->op].name, what, i,
                    TN__SHAPE_TEXT(s->t), (long long)s->t->storage->version, (long long)s->version);
}
#define TN__FEW 16
/* Runs one node's gradient and hands the results on. */
/* Halves as f32: a pointwise row's gradient is several ops, and is to be rounded once. */
static bool tn__widen(tn_tensor **t, int n) {
    for (int i = 0; i < n; i++)
        if (t[i] && tn__is_half(tn__dt(t[i])) && !(t[i] = tn_to_dtype(t[i], TN_F32))) return false;
    return true;
}
static bool tn__run_node(tn__engine *e, tn__node *n) {
    tn_tensor *few[4 * TN__FEW];
    const size_t many = (size_t)(2 * n->n_in + 2 * n->n_out), bytes = many * sizeof(tn_tensor *);
    tn_tensor **room = many <= 4 * TN__FEW ? few : (tn_tensor **)tn__alloc(bytes);
    tn__back b;
    if (!room) return false;
    memset(room, 0, bytes);
    b.node = n;
    b.attr = n->attr;
    b.n_in = n->n_in;
    b.n_out = n->n_out;
    b.x = room;
    b.gx = b.x + n->n_in;
    b.y = b.gx + n->n_in;
    b.gs = b.y + n->n_out;
    bool ok = !n->released || tn__fail(TN_ERR_STATE, "tn_backward: the graph was freed by an earlier backward at %s; pass retain_graph to keep it", tn__rows[n->op].name);
    for (int i = 0; ok && i < n->n_in; i++) ok = tn__unpack(n, &n->x[i], "operand", i + 1), b.x[i] = n->x[i].t;
    for (int k = 0; ok && k < n->n_out; k++) {
        if (!(ok = tn__unpack(n, &n->y[k], "result", k))) break;
        b.gs[k] = n->gs[k];
        b.y[k] = n->y[k].t;
        if (!b.y[k] || !e->create) continue;
        b.y[k] = tn__alias(b.y[k], b.y[k]->shape, b.y[k]->strides, b.y[k]->ndim, 0); /* for higher derivatives: the result with its history */
        if ((ok = b.y[k] != NULL)) tn__set_history(b.y[k], n, k);
    }
    b.g = b.gs[0];
    if (ok && !b.g) { /* other outputs had gradients: a zero one for the first */
        const tn_tensor_opts o = {(tn_dtype)n->out[0].dtype, {0, 0}, false, NULL};
        tn_device d = tn__self()->device;
        for (int k = 1; k < n->n_out; k++)
            if (n->gs[k]) d = n->gs[k]->storage->device;
        TN__MAKE_ON(d);
        ok = (b.g = b.gs[0] = tn_zeros(n->out[0].shape, n->out[0].ndim, &o)) != NULL;
    }
    ok = ok && (!n->halves || tn__rows[n->op].infer != tn__infer_pointwise || (tn__widen(b.gs, n->n_out) && tn__widen(b.x, n->n_in) && tn__widen(b.y, n->n_out)));
    b.g = b.gs[0];
    tn__thread *t = tn__self();
    const char *outer = t->op_name;
    TN__MAKE_ON(b.g ? b.g->storage->device : t->device);
    t->op_name = tn__rows[n->op].name;
    ok = ok && tn__rows[n->op].grad(&b);
    t->op_name = outer;
    for (int i = 0; ok && i < n->n_in; i++) {
        const tn__edge *edge = &n->edge[i];
        if (!b.gx[i] || !tn__want(&b, i)) continue;
        tn_tensor *g = tn__grad_as(b.gx[i], edge->shape, edge->ndim, (tn_dtype)edge->dtype);
        ok = g != NULL;
        if (ok && t->anomaly && tn__has_nan(g))
            ok = tn__fail(TN_ERR_STATE, "tn_backward: the gradient of %s for operand %d %s has a NaN", tn__rows[n->op].name, i + 1, TN__SHAPE_TEXT(g));
        if (ok) ok = edge->node ? tn__accumulate(&edge->node->gs[edge->nr], g) : tn__leaf_grad(e, edge->leaf, g);
    }
    if (room != few) tn__free(room, bytes);
    return ok;
}
static bool tn__visit(tn__engine *e, tn__node *n) {
    bool any = false;
    for (int k = 0; k < n->n_out; k++) {
        if (!n->gs[k]) continue;
        tn_tensor *g = tn__run_hooks(n->hooks, k, n->gs[k]);
        if (!g) return false;
        if (g != n->gs[k]) {
            tn_retain(g);
            tn_release(n->gs[k]);
            n->gs[k] = g;
        }
        for (int i = 0; i < e->n_capture; i++)
            if (e->capture[i].node == n && e->capture[i].nr == k && !tn__accumulate(&e->capture[i].grad, n->gs[k])) return false;
        any = true;
    }
    return !any || !n->wanted || tn__run_node(e, n);
}
static bool tn__engine_run(tn__engine *e, tn_tensor *const *roots, tn_tensor *const *grads, int n) {
    tn__thread *t = tn__ready();
    const uint32_t mask = t->mask;
    t->mask = e->create ? mask | TN__LAYER_AUTOGRAD : mask & ~(uint32_t)TN__LAYER_AUTOGRAD;
    bool ok = tn__collect(e, roots, n);
    if (ok) tn__prune(e);
    for (int i = 0; ok && i < n; i++) ok = roots[i]->node ? tn__accumulate(&roots[i]->node->gs[roots[i]->out_nr], grads[i]) : tn__leaf_grad(e, roots[i], grads[i]);
    for (int32_t i = 0; i < e->n; i++) {
        tn__node *node = e->node[i];
        if (ok) {
            tn_scope s = tn_scope_open();
            ok = tn__visit(e, node);
            tn_scope_close(&s);
            if (!e->retain && ok && node->wanted) tn__node_release_saved(node);
        }
        for (int k = 0; k < node->n_out; k++)
            if (node->gs[k]) tn_release(node->gs[k]), node->gs[k] = NULL;
        tn__node_put(node);
    }
    tn__free(e->node, (size_t)e->cap * sizeof *e->node);
    t->mask = mask;
    return ok;
}
/* The gradient to start from: given, or one for a one-element root. */
static tn_tensor *tn__seed_grad(const char *who, tn_tensor *root, tn_tensor *given) {
    if (!root) return (tn_tensor *)(tn__fail_null(who), NULL);
    if (!tn__needs(root)) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_STATE, "%s: %s does not require grad and has no history", who, TN__SHAPE_TEXT(root));
    if (root->base && root->base_epoch != root->base->epoch && !tn__view_history(root)) return NULL;
    if (!given) {
        const tn_tensor_opts o = {tn__dt(root), {0, 0}, false, NULL};
        TN__MAKE_ON(root->storage->device);
        if (root->numel != 1) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "%s: a one-element tensor is wanted without a gradient, got %s", who, TN__SHAPE_TEXT(root));
        return tn_ones(root->shape, root->ndim, &o);
    }
    if (given->ndim != root->ndim || memcmp(given->shape, root->shape, root->ndim * sizeof *root->shape) != 0)
        return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "%s: the gradient is %s, the root %s", who, TN__SHAPE_TEXT(given), TN__SHAPE_TEXT(root));
    return tn__dt(given) == tn__dt(root) ? given : tn_to_dtype(given, tn__dt(root));
}
TN_API tn_status tn_backward_with(tn_tensor *root, const tn_backward_opts *opts) {
    static const tn_backward_opts none = {NULL, false, false};
    const tn_backward_opts *o = opts ? opts : &none;
    tn__engine e;
    tn_scope s = tn_scope_open();
    memset(&e, 0, sizeof e);
    e.create = o->create_graph;
    e.retain = o->retain_graph || o->create_graph;
    tn_tensor *g = tn__seed_grad("tn_backward", root, o->gradient);
    const bool ok = g && tn__engine_run(&e, &root, &g, 1);
    tn_scope_close(&s);
    return tn__status(ok);
}
TN_API tn_status tn_backward(tn_tensor *loss) { return tn_backward_with(loss, NULL); }
TN_API tn_tensors tn_autograd_grad(tn_tensor *const *outputs, int n_outputs, tn_tensor *const *inputs, int n_inputs, tn_tensor *const *grad_outputs, const tn_grad_opts *opts) {
    static const tn_grad_opts none = {false, false, false};
    const tn_grad_opts *o = opts ? opts : &none;
    const tn_tensors failed = {NULL, 0};
    tn_tensors result = failed;
    tn__engine e;
    if (!outputs || !inputs || n_outputs < 1 || n_inputs < 1) return tn__fail(TN_ERR_INVALID, "tn_autograd_grad: at least one output and one input are wanted"), failed;
    const size_t bytes = (size_t)n_inputs * sizeof(tn__capture), seeds = (size_t)n_outputs * sizeof(tn_tensor *);
    memset(&e, 0, sizeof e);
    e.create = o->create_graph;
    e.retain = o->retain_graph || o->create_graph;
    e.n_capture = n_inputs;
    tn_scope s = tn_scope_open();
    e.capture = (tn__capture *)tn__alloc_zero(bytes);
    tn_tensor **seed = e.capture ? (tn_tensor **)tn__alloc_zero(seeds) : NULL;
    bool ok = seed != NULL;
    for (int i = 0; ok && i < n_inputs; i++) {
        if (!inputs[i]) ok = tn__fail_null("tn_autograd_grad: input");
        else if (!tn__needs(inputs[i])) ok = tn__fail(TN_ERR_STATE, "tn_autograd_grad: input %d does not require grad", i);
        else if (inputs[i]->base && inputs[i]->base_epoch != inputs[i]->base->epoch) ok = tn__view_history(inputs[i]);
        if (!ok) break;
        e.capture[i].node = inputs[i]->node;
        e.capture[i].leaf = inputs[i]->node ? NULL : inputs[i];
        e.capture[i].nr = inputs[i]->out_nr;
    }
    for (int i = 0; ok && i < n_outputs; i++) ok = (seed[i] = tn__seed_grad("tn_autograd_grad", outputs[i], grad_outputs ? grad_outputs[i] : NULL)) != NULL;
    ok = ok && tn__engine_run(&e, outputs, seed, n_outputs);
    for (int i = 0; ok && i < n_inputs; i++)
        if (!e.capture[i].grad && !o->allow_unused) ok = tn__fail(TN_ERR_STATE, "tn_autograd_grad: the outputs do not depend on input %d (allow_unused permits it)", i);
    tn_scope_close(&s);
    if (ok) result = tn__tensors_new(n_inputs);
    for (int i = 0; e.capture && i < n_inputs; i++) {
        tn_tensor *g = e.capture[i].grad;
        if (!g) continue;
        if (result.at) {
            tn__tensors_set(&result, i, g);
        }
        tn_release(g);
    }
    if (e.capture) tn__free(e.capture, bytes);
    if (seed) tn__free(seed, seeds);
    return result;
}

/* -- leaves, flags, hooks -- */
TN_API bool tn_requires_grad(const tn_tensor *t) { return t && tn__needs(t); }
TN_API tn_tensor *tn_requires_grad_(tn_tensor *t, bool on) {
    if (!t) return (tn_tensor *)(tn__fail_null("tn_requires_grad_: t"), NULL);
    if (on && !tn__is_float(tn__dt(t)) && !tn__is_complex(tn__dt(t)))
        return (tn_tensor *)TN__FAIL_NULL(TN_ERR_DTYPE, "tn_requires_grad_: only floating dtypes can require gradients, not %s", tn_dtype_name(tn__dt(t)));
    if (!on && t->node) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_STATE, "tn_requires_grad_: %s made this tensor; only leaves can be changed (tn_detach)", tn__rows[t->node->op].name);
    if (on) t->flags |= TN__REQUIRES;
    else t->flags &= (uint8_t)~TN__REQUIRES;
    return t;
}
TN_API bool tn_is_leaf(const tn_tensor *t) { return t && !t->node; }
TN_API tn_tensor *tn_grad(const tn_tensor *t) { return t ? t->grad : (tn__fail_null("tn_grad: t"), (tn_tensor *)NULL); }
TN_API tn_status tn_set_grad(tn_tensor *t, tn_tensor *grad) {
    if (!t) return tn__fail_null_status("tn_set_grad: t");
    if (grad && (grad->ndim != t->ndim || memcmp(grad->shape, t->shape, t->ndim * sizeof *t->shape) != 0 || tn__dt(grad) != tn__dt(t)))
        return TN__FAIL_STATUS(TN_ERR_SHAPE, "tn_set_grad: %s %s for a tensor of %s %s", tn_dtype_name(tn__dt(grad)), TN__SHAPE_TEXT(grad), tn_dtype_name(tn__dt(t)), TN__SHAPE_TEXT(t));
    tn_retain(grad);
    if (t->grad) tn_release(t->grad);
    t->grad = grad;
    return TN_OK;
}
TN_API tn_tensor *tn_detach(tn_tensor *t) { return tn__op1(TN__OP_detach, t, NULL); }
TN_API tn_tensor *tn_detach_(tn_tensor *t) {
    if (!t) return (tn_tensor *)(tn__fail_null("tn_detach_: t"), NULL);
    if (t->base) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_STATE, "tn_detach_: a view cannot be detached in place; use tn_detach");
    if (t->flags & TN__RETAINS) tn__retained_gone(t);
    if (t->node) tn__node_put(t->node);
    t->node = NULL;
    t->flags &= (uint8_t)~(TN__REQUIRES | TN__RETAINS);
    return t;
}
TN_API const char *tn_grad_fn_name(const tn_tensor *t) { return t && t->node ? tn__rows[t->node->op].name + 3 : ""; }
TN_API bool tn_is_grad_enabled(void) { return tn__recording(); }
TN_API bool tn_set_grad_enabled(bool on) { return tn__set_recording(on); }
TN_API bool tn__grad_guard_open(void) { return tn_set_grad_enabled(false); }
TN_API void tn__grad_guard_close(bool *was) { (void)tn_set_grad_enabled(*was); }
static tn__hook *tn__hook_add(tn_tensor *t, const char *who) {
    if (!t) return (tn__hook *)(tn__fail_null(who), NULL);
    if (!tn__needs(t)) return (tn__hook *)TN__FAIL_NULL(TN_ERR_STATE, "%s: the tensor does not require grad", who);
    if (t->base && t->base_epoch != t->base->epoch && !tn__view_history(t)) return NULL;
    tn__hook *h = (tn__hook *)tn__alloc_zero(sizeof *h);
    if (!h) return NULL;
    tn__hook **end = t->node ? &t->node->hooks : &t->hooks;
    while (*end) end = &(*end)->next;
    *end = h;
    h->nr = t->node ? t->out_nr : 0;
    return h;
}
TN_API tn_status tn_register_hook(tn_tensor *t, tn_hook_fn fn, void *user) {
    tn__hook *h = tn__hook_add(t, "tn_register_hook");
    if (!h) return tn__status(false);
    h->fn = fn;
    h->user = user;
    return TN_OK;
}
TN_API tn_status tn_register_post_accumulate_grad_hook(tn_tensor *leaf, void (*fn)(void *user, tn_tensor *leaf), void *user) {
    if (leaf && leaf->node) return TN__FAIL_STATUS(TN_ERR_STATE, "tn_register_post_accumulate_grad_hook: a leaf is wanted, %s made this tensor", tn__rows[leaf->node->op].name);
    tn__hook *h = tn__hook_add(leaf, "tn_register_post_accumulate_grad_hook");
    if (!h) return tn__status(false);
    h->after = fn;
    h->user = user;
    return TN_OK;
}
TN_API void tn_retain_grad(tn_tensor *t) {
    if (!t || !t->node || (t->flags & TN__RETAINS)) return;
    tn__hook *h = tn__hook_add(t, "tn_retain_grad");
    if (!h) return;
    h->retains = t;
    t->flags |= TN__RETAINS;
}

/* -- functions of the user's -- */
struct tn_function_ctx {
    tn__object object;
    tn_function f;
    tn__saved *saved;
    int n_saved;
    const tn__back *back;        /* while backward runs */
    void *owned;                 /* a checkpoint's own */
    void (*owned_free)(void *);
};
typedef struct { uint32_t size, reserved; tn_function_ctx *ctx; } tn__attr_function;
static void tn__ctx_free(tn__object *o) {
    tn_function_ctx *ctx = (tn_function_ctx *)o;
    for (int i = 0; i < ctx->n_saved; i++)
        if (ctx->saved[i].t) tn_release(ctx->saved[i].t);
    tn__free(ctx->saved, (size_t)ctx->n_saved * sizeof *ctx->saved);
    if (ctx->owned_free) ctx->owned_free(ctx->owned);
    tn__free(ctx, sizeof *ctx);
}
TN_API tn_status tn_save_for_backward(tn_function_ctx *ctx, tn_tensor *const *tensors, int n) {
    if (!ctx || (n && !tensors) || n < 0) return tn__fail_null_status("tn_save_for_backward: argument");
    if (ctx->saved || ctx->back) return TN__FAIL_STATUS(TN_ERR_STATE, "tn_save_for_backward: once, in forward");
    if (n == 0) return TN_OK;
    ctx->saved = (tn__saved *)tn__alloc_zero((size_t)n * sizeof *ctx->saved);
    if (!ctx->saved) return tn__status(false);
    ctx->n_saved = n;
    for (int i = 0; i < n; i++) {
        tn_tensor *t = tensors[i];
        if (!t) continue;
        /* what has no history yet may become the result: an alias, so that nothing owns itself */
        ctx->saved[i].t = tn__needs(t) ? (tn_tensor *)tn_retain(t) : tn__alias_raw(t, tn__handle_raw(), t->shape, t->strides, t->ndim, 0);
        if (!ctx->saved[i].t) return tn__status(false);
        ctx->saved[i].version = t->storage->version;
    }
    return TN_OK;
}
TN_API tn_tensor *tn_saved(tn_function_ctx *ctx, int i) {
    if (!ctx || i < 0 || i >= ctx->n_saved) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INDEX, "tn_saved: %d of %d saved tensors", i, ctx ? ctx->n_saved : 0);
    const tn__saved *s = &ctx->saved[i];
    if (s->t && s->t->storage->version != s->version) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_STATE, "tn_saved: tensor %d of %s was changed in place since it was saved", i, ctx->f.name ? ctx->f.name : "a function");
    return s->t;
}
TN_API bool tn_needs_input_grad(tn_function_ctx *ctx, int i) { return ctx && ctx->back && tn__want(ctx->back, i); }
TN_API void *tn_function_user(tn_function_ctx *ctx) { return ctx ? ctx->f.user : NULL; }
static bool tn__infer_function(tn__call *c) {
    tn_function_ctx *ctx = ((const tn__attr_function *)c->attr)->ctx;
    tn_tensor *y = ctx->f.forward(ctx, c->in, c->n_in);
    if (!y && tn__self()->code == TN_OK) return tn__fail(TN_ERR_USER, "%s: forward returned NULL", ctx->f.name ? ctx->f.name : "tn_function_apply");
    if (!y) return false;
    for (int i = 0; i < c->n_in; i++)
        if (y == c->in[i]) return (c->out[0] = tn__alias(y, y->shape, y->strides, y->ndim, 0)) != NULL;
    c->out[0] = y->node ? tn__alias(y, y->shape, y->strides, y->ndim, 0) : y;
    return c->out[0] != NULL;
}
static bool tn__grad_function(tn__back *b) {
    tn_function_ctx *ctx = ((const tn__attr_function *)b->attr)->ctx;
    ctx->back = b;
    const tn_status s = ctx->f.backward(ctx, b->g, b->gx, b->n_in);
    ctx->back = NULL;
    if (s != TN_OK && tn__self()->code == TN_OK) return tn__fail(s, "%s: backward failed", ctx->f.name ? ctx->f.name : "tn_function_apply");
    return s == TN_OK;
}
static tn_tensor *tn__apply(tn_function_ctx *ctx, tn_tensor *const *in, int n) {
    TN__ATTR(tn__attr_function, a);
    a.ctx = ctx;
    tn_tensor *y = tn__opn(TN__OP_function, (tn_tensor **)(uintptr_t)in, n, &a);
    if (y && y->node && y->node->op == TN__OP_function && !y->node->ctx) y->node->ctx = (tn_function_ctx *)tn_retain(ctx);
    return y;
}
static tn_function_ctx *tn__ctx_new(const tn_function *f) {
    tn_function_ctx *ctx = (tn_function_ctx *)tn__object_new(sizeof *ctx, TN__TAG_ARRAY, tn__ctx_free);
    if (ctx) ctx->f = *f;
    return ctx;
}
TN_API tn_tensor *tn_function_apply(const tn_function *f, tn_tensor *const *in, int n) {
    if (!f || !f->forward || !f->backward || !in || n < 1) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_function_apply: forward, backward and at least one input are required");
    tn_function_ctx *ctx = tn__ctx_new(f);
    return ctx ? tn__apply(ctx, in, n) : NULL;
}

/* -- fused_pointwise: its steps again as ordinary ops, then their rows' own gradients, the last step's first. Under
   create_graph all that is recorded, as any row's gradient is, so higher derivatives need nothing more. -- */
typedef struct tn__fused_tape {
    const tn__attr_fused *a;
    tn_dtype dt;                                             /* what the steps compute in */
    int n;                                                   /* inputs; values are numbered as operands are */
    tn_tensor *v[TN__FUSED_IN + TN__FUSED_STEPS], *g[TN__FUSED_IN + TN__FUSED_STEPS];
    bool want[TN__FUSED_IN + TN__FUSED_STEPS];
} tn__fused_tape;
/* Step k's operands as its row takes them, and its numbers. */
static int tn__fused_operands(const tn__fused_tape *t, int k, tn_tensor **x, tn__attr_num *num) {
    const tn__fused_line *line = &t->a->step[k];
    const int op = tn__pw_row(line->id), n = tn__rows[op].min_in;
    memset(num, 0, sizeof *num);
    num->size = (uint32_t)sizeof *num;
    memcpy(num->v, line->p, sizeof line->p);
    for (int i = 0; i < n; i++) x[i] = t->v[line->a[i]];
    if (op == TN__OP_where) x[0] = tn_ne(x[0], 0.0);
    return n;
}
static bool tn__fused_again(tn__fused_tape *t, int k) {
    const int op = tn__pw_row(t->a->step[k].id), to = t->n + k;
    tn_tensor *x[3] = {NULL, NULL, NULL};
    tn__attr_num num;
    const int n = tn__fused_operands(t, k, x, &num);
    t->v[to] = tn__opn(op, x, n, tn__pw_numbered(op) ? &num : NULL);
    if (t->v[to] && tn__dt(t->v[to]) != t->dt) t->v[to] = tn_to_dtype(t->v[to], t->dt); /* truth as 0 or 1 */
    for (int i = 0; i < n; i++) t->want[to] = t->want[to] || (t->want[t->a->step[k].a[i]] && tn__rows[op].grad != tn__grad_none);
    return t->v[to] != NULL;
}
/* The row's gradient sees a node that is there for what tn__want asks alone. */
static bool tn__fused_back(tn__fused_tape *t, int k) {
    const int op = tn__pw_row(t->a->step[k].id);
    const int32_t *from = t->a->step[k].a;
    tn_tensor *x[3] = {NULL, NULL, NULL}, *gx[3] = {NULL, NULL, NULL};
    tn__edge edge[3];
    tn__node node;
    tn__attr_num num;
    memset(&node, 0, sizeof node);
    memset(edge, 0, sizeof edge);
    const int n = tn__fused_operands(t, k, x, &num);
    node.edge = edge;
    for (int i = 0; i < n; i++) edge[i].leaf = t->want[from[i]] ? x[i] : NULL;
    tn__back b = {&node, &num, n, 1, t->g[t->n + k], &t->g[t->n + k], x, &t->v[t->n + k], gx};
    if (!tn__rows[op].grad(&b)) return false;
    for (int i = 0; i < n; i++) {
        if (!gx[i] || !edge[i].leaf) continue;
        tn_tensor **sum = &t->g[from[i]], *g = tn__grad_as(gx[i], x[i]->shape, x[i]->ndim, t->dt);
        if (!g || !(*sum = *sum ? (tn_add)(*sum, g) : g)) return false;
    }
    return true;
}
static bool tn__grad_fused_pointwise(tn__back *b) {
    tn__fused_tape t;
    memset(&t, 0, sizeof t);
    t.a = (const tn__attr_fused *)b->attr;
    t.n = b->n_in;
    t.dt = tn__dt(b->g) == TN_F64 ? TN_F64 : TN_F32;
    const int last = t.n + t.a->n - 1;
    for (int i = 0; i < t.n; i++) {
        t.want[i] = tn__want(b, i);
        if (!(t.v[i] = tn_to_dtype(b->x[i], t.dt))) return false;
    }
    for (int k = 0; k < t.a->n; k++)
        if (!tn__fused_again(&t, k)) return false;
    t.g[last] = tn__grad_as(b->g, t.v[last]->shape, t.v[last]->ndim, t.dt); /* not every input need be in the result */
    if (!t.g[last]) return false;
    for (int k = t.a->n - 1; k >= 0; k--)
        if (t.want[t.n + k] && t.g[t.n + k] && !tn__fused_back(&t, k)) return false;
    for (int i = 0; i < t.n; i++) b->gx[i] = t.g[i];
    return true;
}

/* -- checkpointing: a function whose backward computes the region again, with the draws that it had -- */
typedef struct { tn_checkpoint_fn fn; void *user; tn_generator before; } tn__checkpoint;
static void tn__checkpoint_free(void *p) { tn__free(p, sizeof(tn__checkpoint)); }
static tn_tensor *tn__checkpoint_forward(tn_function_ctx *ctx, tn_tensor *const *in, int n) {
    tn__checkpoint *c = (tn__checkpoint *)ctx->owned;
    if (tn_save_for_backward(ctx, in, n) != TN_OK) return NULL;
    tn_scope s = tn_scope_open();
    tn_tensor *y = (tn_tensor *)tn_keep(c->fn(c->user, in, n - 1)); /* the last input is the mark, see tn_checkpoint */
    tn_scope_close(&s);
    return y;
}
static tn_status tn__checkpoint_backward(tn_function_ctx *ctx, tn_tensor *grad, tn_tensor **grads, int n) {
    tn__checkpoint *c = (tn__checkpoint *)ctx->owned;
    tn_generator *g = tn_default_generator();
    const size_t bytes = (size_t)n * sizeof(tn_tensor *);
    tn_tensor **in = g ? (tn_tensor **)tn__alloc_zero(bytes) : NULL;
    bool ok = in != NULL;
    if (!ok) return tn__status(false);
    const bool was = tn_set_grad_enabled(true);
    for (int i = 0; ok && i < n - 1; i++) {
        tn_tensor *x = tn_saved(ctx, i);
        ok = x && (in[i] = tn_detach(x)) != NULL;
        if (ok && tn_needs_input_grad(ctx, i)) (void)tn_requires_grad_(in[i], true);
    }
    const tn_generator after = *g;
    memcpy(g->state, c->before.state, sizeof g->state);
    g->left = c->before.left;
    g->has_next_normal = c->before.has_next_normal;
    g->next_normal = c->before.next_normal;
    tn_tensor *y = ok ? c->fn(c->user, in, n - 1) : NULL;
    memcpy(g->state, after.state, sizeof g->state);
    g->left = after.left;
    g->has_next_normal = after.has_next_normal;
    g->next_normal = after.next_normal;
    const tn_backward_opts o = {grad, false, false};
    ok = y && (!tn__needs(y) || tn_backward_with(y, &o) == TN_OK);
    for (int i = 0; ok && i < n - 1; i++) grads[i] = in[i]->grad;
    (void)tn_set_grad_enabled(was);
    tn__free(in, bytes);
    return tn__status(ok);
}
TN_API tn_tensor *tn_checkpoint(tn_checkpoint_fn fn, void *user, tn_tensor *const *in, int n) {
    static const int64_t one = 1;
    tn_tensor *marked[TN__FEW + 1];
    if (!fn || (n && !in) || n < 0 || n > TN__FEW) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_checkpoint: a function and 0 to %d inputs are wanted", TN__FEW);
    if (!tn__recording()) return fn(user, in, n);
    tn_function f = {"tn_checkpoint", tn__checkpoint_forward, tn__checkpoint_backward, NULL};
    tn_function_ctx *ctx = tn__ctx_new(&f);
    tn_generator *g = tn__generator(NULL);
    if (!ctx || !g) return NULL;
    tn__checkpoint *c = (tn__checkpoint *)tn__alloc(sizeof *c);
    if (!c) return NULL;
    c->fn = fn;
    c->user = user;
    c->before = *g;
    ctx->owned = c;
    ctx->owned_free = tn__checkpoint_free;
    for (int i = 0; i < n; i++) marked[i] = in[i];
    /* a leaf that requires grad, so that the region is recorded for its parameters' sake even if no input asks */
    marked[n] = tn_requires_grad_(tn__new(TN_F32, &one, 1), true);
    return marked[n] ? tn__apply(ctx, marked, n + 1) : NULL;
}

/* -- gradcheck: the Jacobian by backward against central differences -- */
typedef struct { tn_checkpoint_fn fn; void *user; int n; } tn__second;
/* The gradients of fn's inputs for given output gradients, as one vector: what the second-order check differentiates. */
static tn_tensor *tn__second_fn(void *user, tn_tensor *const *in, int n) {
    const tn__second *s = (const tn__second *)user;
    const tn_grad_opts o = {true, true, true};
    const int64_t flat = -1;
    tn_tensor *y = s->fn(s->user, in, s->n), *out = in[n - 1], *parts[TN__FEW];
    int count = 0;
    if (!y) return NULL;
    tn_tensors g = tn_autograd_grad(&y, 1, in, s->n, &out, &o);
    if (!g.at) return NULL;
    for (int i = 0; i < g.n; i++)
        if (g.at[i] && !(parts[count++] = tn_reshape(g.at[i], &flat, 1))) return NULL;
    return count ? tn_cat(parts, count, 0) : NULL;
}
static tn_tensor *tn__gradcheck_value(tn_checkpoint_fn fn, void *user, tn_tensor *const *in, int n) {
    tn_tensor *y = fn(user, in, n);
    if (!y && tn__self()->code == TN_OK) tn__fail(TN_ERR_USER, "tn_gradcheck: the function returned NULL");
    if (y && tn__dt(y) != TN_F64) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_DTYPE, "tn_gradcheck: the function has to compute in float64, got %s", tn_dtype_name(tn__dt(y)));
    return tn_contiguous(y);
}
/* Dense, of its own, and on the CPU. */
static tn_tensor *tn__host_copy(const tn_tensor *t) {
    TN__MAKE_ON(tn__cpu());
    tn_tensor *h = tn__new(tn__dt(t), t->shape, t->ndim);
    return h && tn__copy_raw(h, (tn_tensor *)(uintptr_t)t) ? h : NULL;
}
/* Element k of a contiguous f64 tensor, wherever it is. */
static bool tn__gradcheck_set(const tn_tensor *t, int64_t k, double v) {
    tn_tensor *at = tn__alias(t, NULL, NULL, 0, k), *value = at ? tn_arg_f(v) : NULL;
    return value && tn__copy_raw(at, value);
}
static bool tn__gradcheck_column(tn_checkpoint_fn fn, void *user, tn_tensor *const *in, int n, int i, int64_t k, double eps, tn_tensor *const *rows, const tn_gradcheck_opts *o) {
    bool ok = true;
    tn_scope s = tn_scope_open();
    const tn_tensor *at = tn__host(in[i]);
    const double was = at ? ((const double *)(const void *)at->data)[k] : 0;
    const bool grad = tn_set_grad_enabled(o->second_order); /* a second-order function differentiates inside */
    tn_tensor *up = at && tn__gradcheck_set(in[i], k, was + eps) ? tn__gradcheck_value(fn, user, in, n) : NULL;
    const tn_tensor *hold = up ? tn__host_copy(up) : NULL; /* the function may return its input */
    const tn_tensor *down = hold && tn__gradcheck_set(in[i], k, was - eps) ? tn__gradcheck_value(fn, user, in, n) : NULL;
    down = down ? tn__host_copy(down) : NULL;
    ok = down && down->numel == hold->numel;
    for (int64_t j = 0; ok && j < down->numel; j++) {
        const double numeric = (((const double *)(const void *)hold->data)[j] - ((const double *)(const void *)down->data)[j]) / (2 * eps);
        const double got = rows[j] ? ((double *)(void *)rows[j]->data)[k] : 0;
        if (!(fabs(got - numeric) <= o->atol + o->rtol * fabs(numeric)) && !(got != got && numeric != numeric))
            ok = tn__fail(TN_ERR_STATE, "tn_gradcheck: d output[%lld] / d input %d[%lld] is %.10g, differences give %.10g", (long long)j, i, (long long)k, got, numeric);
    }
    ok = at && tn__gradcheck_set(in[i], k, was) && ok;
    (void)tn_set_grad_enabled(grad);
    tn_scope_close(&s);
    return ok;
}
static bool tn__gradcheck_first(tn_checkpoint_fn fn, void *user, tn_tensor *const *in, int n, const tn_gradcheck_opts *o) {
    const tn_grad_opts keep = {true, false, true};
    tn_tensor *y = tn__gradcheck_value(fn, user, in, n);
    if (!y) return false;
    const bool constant = !tn__needs(y); /* a first derivative may be: the second is zero */
    if (constant && !o->second_order) return tn__fail(TN_ERR_STATE, "tn_gradcheck: the result does not depend on the inputs");
    const int64_t m = y->numel;
    const size_t bytes = (size_t)m * sizeof(tn_tensor *);
    tn_tensor **rows = (tn_tensor **)tn__alloc_zero(bytes ? bytes : 1);
    bool ok = rows != NULL;
    for (int i = 0; ok && i < n; i++) { /* an input at a time: its rows of the Jacobian, then its columns by differences */
        tn_scope s = tn_scope_open();
        for (int64_t j = 0; ok && !constant && tn__needs(in[i]) && j < m; j++) {
            TN__MAKE_ON(y->storage->device);
            tn_tensor *one = tn__zeroed(tn__new(TN_F64, y->shape, y->ndim));
            if (!(ok = one && tn__gradcheck_set(one, j, 1))) break;
            tn_tensors g = tn_autograd_grad(&y, 1, in + i, 1, &one, &keep);
            ok = g.at != NULL;
            rows[j] = ok && g.at[0] ? tn__host_copy(g.at[0]) : NULL;
            ok = ok && (!g.at[0] || rows[j]);
        }
        for (int64_t k = 0; ok && tn__needs(in[i]) && k < in[i]->numel; k++) ok = tn__gradcheck_column(fn, user, in, n, i, k, o->eps, rows, o);
        tn_scope_close(&s);
    }
    if (rows) tn__free(rows, bytes ? bytes : 1);
    return ok;
}
TN_API tn_status tn_gradcheck(tn_checkpoint_fn fn, void *user, tn_tensor *const *in, int n, const tn_gradcheck_opts *opts) {
    tn_gradcheck_opts o = {0, 0, 0, false};
    if (opts) o = *opts;
    if (o.eps == 0) o.eps = 1e-6;
    if (o.atol == 0) o.atol = 1e-5;
    if (o.rtol == 0) o.rtol = 1e-3;
    if (!fn || !in || n < 1 || n >= TN__FEW) return TN__FAIL_STATUS(TN_ERR_INVALID, "tn_gradcheck: a function and 1 to %d inputs are wanted", TN__FEW - 1);
    for (int i = 0; i < n; i++) {
        if (!in[i]) return tn__fail_null_status("tn_gradcheck: input");
        if (tn__needs(in[i]) && (tn__dt(in[i]) != TN_F64 || !in[i]->contiguous || in[i]->node))
            return TN__FAIL_STATUS(TN_ERR_DTYPE, "tn_gradcheck: input %d has to be a contiguous float64 leaf, got %s %s", i, tn_dtype_name(tn__dt(in[i])), TN__SHAPE_TEXT(in[i]));
    }
    tn_scope s = tn_scope_open();
    const bool second = o.second_order;
    o.second_order = false;
    bool ok = tn__gradcheck_first(fn, user, in, n, &o);
    if (ok && second) {
        tn_tensor *all[TN__FEW];
        tn__second again = {fn, user, n};
        tn_tensor *y = fn(user, in, n);
        for (int i = 0; i < n; i++) all[i] = in[i];
        all[n] = y ? tn_empty_like(y, NULL) : NULL;
        ok = all[n] && (all[n] = tn_contiguous(all[n])) != NULL;
        for (int64_t j = 0; ok && j < y->numel; j++) ok = tn__gradcheck_set(all[n], j, 0.3 + 0.11 * (double)(j % 7)); /* any output gradient */
        o.second_order = true;
        ok = ok && tn_requires_grad_(all[n], true) && tn__gradcheck_first(tn__second_fn, &again, all, n + 1, &o);
    }
    tn_scope_close(&s);
    return tn__status(ok);
}

/* ================================================================================================================ */
/* >>init (Private)                                                                                                 */
/* Initialisation.                                                                                                  */
/* ================================================================================================================ */

/* Each draws into t in place, outside any graph. */
static tn_tensor *tn__init_done(bool was, tn_tensor *r) {
    (void)tn__set_recording(was);
    return r;
}
#define TN__INIT_PLAIN(call)                                                                                           \
    const bool was = tn__set_recording(false);                                                                         \
    return tn__init_done(was, call)
/* fan_in and fan_out as PyTorch counts them; false, and an error, below two dims. */
static bool tn__fans(const char *who, const tn_tensor *t, double *in, double *out) {
    double field = 1;
    if (!t) return tn__fail_null(who);
    if (t->ndim < 2) return tn__fail(TN_ERR_SHAPE, "%s: at least 2 dims are wanted, got %s", who, TN__SHAPE_TEXT(t));
    for (int d = 2; d < t->ndim; d++) field *= (double)t->shape[d];
    *in = (double)t->shape[1] * field;
    *out = (double)t->shape[0] * field;
    return true;
}
TN_API double tn_init_calculate_gain(const char *nonlinearity, double param) {
    static const struct { const char *name; double gain; } gains[] = {{"linear", 1}, {"conv1d", 1}, {"conv2d", 1}, {"conv3d", 1}, {"conv_transpose1d", 1}, {"conv_transpose2d", 1}, {"conv_transpose3d", 1}, {"sigmoid", 1}, {"tanh", 5.0 / 3}, {"relu", 1.41421356237309504880}, {"selu", 0.75}};
    for (size_t i = 0; nonlinearity && i < TN__COUNT(gains); i++)
        if (strcmp(nonlinearity, gains[i].name) == 0) return gains[i].gain;
    if (nonlinearity && strcmp(nonlinearity, "leaky_relu") == 0) return sqrt(2 / (1 + param * param));
    return tn__fail(TN_ERR_INVALID, "tn_init_calculate_gain: '%s' is not known", nonlinearity ? nonlinearity : "(null)"), (double)NAN;
}
TN_API tn_tensor *tn_init_constant_(tn_tensor *t, double v) { TN__INIT_PLAIN(tn_fill_(t, v)); }
TN_API tn_tensor *tn_init_zeros_(tn_tensor *t) { return tn_init_constant_(t, 0); }
TN_API tn_tensor *tn_init_ones_(tn_tensor *t) { return tn_init_constant_(t, 1); }
TN_API tn_tensor *tn_init_uniform_(tn_tensor *t, double a, double b, tn_generator *g) { TN__INIT_PLAIN(tn_uniform_(t, a, b, g)); }
TN_API tn_tensor *tn_init_normal_(tn_tensor *t, double mean, double std, tn_generator *g) { TN__INIT_PLAIN(tn_normal_(t, mean, std, g)); }
TN_API tn_tensor *tn_init_eye_(tn_tensor *t) {
    if (t && t->ndim != 2) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "tn_init_eye_: a matrix is wanted, got %s", TN__SHAPE_TEXT(t));
    TN__INIT_PLAIN(t ? tn_copy_(t, tn_eye(t->shape[0], t->shape[1], NULL)) : (tn_tensor *)(tn__fail_null("tn_init_eye_: t"), NULL));
}
TN_API tn_tensor *tn_init_xavier_uniform_(tn_tensor *t, double gain, tn_generator *g) {
    double in, out;
    if (!tn__fans("tn_init_xavier_uniform_", t, &in, &out)) return NULL;
    const double a = sqrt(3.0) * gain * sqrt(2 / (in + out));
    return tn_init_uniform_(t, -a, a, g);
}
TN_API tn_tensor *tn_init_xavier_normal_(tn_tensor *t, double gain, tn_generator *g) {
    double in, out;
    return tn__fans("tn_init_xavier_normal_", t, &in, &out) ? tn_init_normal_(t, 0, gain * sqrt(2 / (in + out)), g) : NULL;
}
static bool tn__kaiming(const char *who, const tn_tensor *t, double a, tn_fan_mode mode, const char *nonlinearity, double *std) {
    double in, out;
    if (!tn__fans(who, t, &in, &out)) return false;
    const double gain = tn_init_calculate_gain(nonlinearity ? nonlinearity : "leaky_relu", a);
    *std = gain / sqrt(mode == TN_FAN_OUT ? out : in);
    return gain == gain;
}
TN_API tn_tensor *tn_init_kaiming_uniform_(tn_tensor *t, double a, tn_fan_mode mode, const char *nonlinearity, tn_generator *g) {
    double std;
    if (t && t->numel == 0) return t;
    if (!tn__kaiming("tn_init_kaiming_uniform_", t, a, mode, nonlinearity, &std)) return NULL;
    return tn_init_uniform_(t, -sqrt(3.0) * std, sqrt(3.0) * std, g);
}
TN_API tn_tensor *tn_init_kaiming_normal_(tn_tensor *t, double a, tn_fan_mode mode, const char *nonlinearity, tn_generator *g) {
    double std;
    if (t && t->numel == 0) return t;
    return tn__kaiming("tn_init_kaiming_normal_", t, a, mode, nonlinearity, &std) ? tn_init_normal_(t, 0, std, g) : NULL;
}
TN_API tn_tensor *tn_init_dirac_(tn_tensor *t, int64_t groups) {
    if (!t) return (tn_tensor *)(tn__fail_null("tn_init_dirac_: t"), NULL);
    if (t->ndim < 3 || t->ndim > 5 || groups < 1 || t->shape[0] % groups) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "tn_init_dirac_: 3 to 5 dims, the first in %lld groups, are wanted, got %s", (long long)groups, TN__SHAPE_TEXT(t));
    const int64_t per = t->shape[0] / groups, in = t->shape[1];
    int64_t field = 1, centre = 0;
    for (int d = 2; d < t->ndim; d++) field *= t->shape[d], centre = centre * t->shape[d] + t->shape[d] / 2;
    tn_scope s = tn_scope_open();
    const tn_tensor_opts as_bool = {TN_BOOL, {0, 0}, false, NULL};
    TN__MAKE_ON(tn__cpu());
    tn_tensor *ones = tn_zeros(t->shape, t->ndim, &as_bool);
    for (int64_t i = 0; ones && field && i < groups * per; i++)
        if (i % per < in) ((uint8_t *)ones->data)[(i * in + i % per) * field + centre] = 1;
    const bool was = tn__set_recording(false);
    t = tn_copy_(t, ones);
    tn_scope_close(&s);
    return tn__init_done(was, t);
}
/* Which of the candidates rejection sampling refuses: accepted with the density over its peak. */
static tn_tensor *tn__trunc_refused(tn_tensor *x, double mean, double std, double log_peak, tn_generator *g) {
    tn_tensor *z = tn_div(tn_sub(x, mean), std);
    tn_tensor *log_p = tn_sub(tn_mul(tn_mul(z, z), -0.5), log_peak);
    return tn_gt(tn_log(tn_uniform_(tn_empty_like(x, NULL), 0, 1, g)), log_p);
}
/* Draws again where a draw was refused until none is. Normals outside [a, b] are refused; where most would be, uniform
   draws are taken instead, as many as the density says. */
static bool tn__trunc_normal(tn_tensor *t, double mean, double std, double a, double b, tn_generator *g) {
    const double p = 0.5 * (erf((b - mean) / (std * sqrt(2.0))) - erf((a - mean) / (std * sqrt(2.0)))), mode = fmax(a, fmin(mean, b)), log_peak = -0.5 * ((mode - mean) / std) * ((mode - mean) / std);
    const bool normal = p > 0.3;
    tn_tensor *refused = NULL;
    for (bool again = t->numel > 0; again;) {
        tn_scope s = tn_scope_open();
        tn_tensor *x = refused ? tn_empty_like(t, NULL) : t;
        x = normal ? tn_normal_(x, mean, std, g) : tn_uniform_(x, a, b, g);
        tn_tensor *bad = normal ? tn_logical_or(tn_lt(x, a), tn_gt(x, b)) : tn__trunc_refused(x, mean, std, log_peak, g);
        if (refused) bad = tn_logical_and(refused, bad);
        const bool ok = bad && (!refused || tn_copy_(t, tn_where(refused, x, t)));
        again = ok && tn_item(tn_any(bad, NULL)) != 0;
        refused = (tn_tensor *)tn_keep(bad);
        tn_scope_close(&s);
        if (!ok) return false;
    }
    return true;
}
TN_API tn_tensor *tn_init_trunc_normal_(tn_tensor *t, double mean, double std, double a, double b, tn_generator *g) {
    if (!t) return (tn_tensor *)(tn__fail_null("tn_init_trunc_normal_: t"), NULL);
    if (!(std > 0) || !(a <= b) || !isfinite(mean)) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_init_trunc_normal_: std %g within [%g, %g]", std, a, b);
    tn_scope s = tn_scope_open();
    const bool was = tn__set_recording(false), ok = tn__trunc_normal(t, mean, std, a, b, g);
    tn_scope_close(&s);
    return tn__init_done(was, ok ? t : NULL);
}
/* Gram-Schmidt, each vector twice, which leaves nothing to f64: the Q of A = QR with a positive diagonal in R, that is
   LAPACK's Q with PyTorch's sign correction. v: n vectors of len elements. */
static void tn__orthonormalise(double *v, int64_t n, int64_t len) {
    for (int64_t i = 0; i < n; i++) {
        double *x = v + i * len, norm = 0;
        for (int64_t k = 0; k < 2 * i; k++) {
            const double *q = v + k % i * len;
            double dot = 0;
            for (int64_t j = 0; j < len; j++) dot += q[j] * x[j];
            for (int64_t j = 0; j < len; j++) x[j] -= dot * q[j];
        }
        for (int64_t j = 0; j < len; j++) norm += x[j] * x[j];
        norm = sqrt(norm);
        for (int64_t j = 0; norm > 0 && j < len; j++) x[j] /= norm;
    }
}
TN_API tn_tensor *tn_init_orthogonal_(tn_tensor *t, double gain, tn_generator *g) {
    double fan_in, fan_out;
    if (!tn__fans("tn_init_orthogonal_", t, &fan_in, &fan_out)) return NULL;
    if (t->numel == 0) return t;
    const int64_t shape[2] = {t->shape[0], t->numel / t->shape[0]};
    const bool tall = shape[0] >= shape[1], was = tn__set_recording(false);
    const tn_tensor_opts o = {tn__dt(t), {0, 0}, false, NULL};
    tn_scope s = tn_scope_open();
    TN__MAKE_ON(tn__cpu());
    tn_tensor *x = tn_to_dtype(tn_normal_(tn_empty(shape, 2, &o), 0, 1, g), TN_F64);
    x = tn_contiguous(tall ? tn_t(x) : x);
    if (x) tn__orthonormalise((double *)(void *)x->data, x->shape[0], x->shape[1]);
    t = tn_mul_(tn_copy_(t, tn_reshape(tall ? tn_t(x) : x, t->shape, t->ndim)), gain);
    tn_scope_close(&s);
    return tn__init_done(was, t);
}
TN_API tn_tensor *tn_init_sparse_(tn_tensor *t, double sparsity, double std, tn_generator *g) {
    if (!t) return (tn_tensor *)(tn__fail_null("tn_init_sparse_: t"), NULL);
    if (t->ndim != 2 || !(sparsity >= 0 && sparsity <= 1)) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "tn_init_sparse_: a matrix and a fraction are wanted, got %s and %g", TN__SHAPE_TEXT(t), sparsity);
    const int64_t rows = t->shape[0], cols = t->shape[1], zeros = (int64_t)ceil(sparsity * (double)rows);
    const tn_tensor_opts as_bool = {TN_BOOL, {0, 0}, false, NULL};
    const bool was = tn__set_recording(false);
    tn_scope s = tn_scope_open();
    TN__MAKE_ON(tn__cpu());
    tn_tensor *mask = tn_zeros(t->shape, 2, &as_bool);
    bool ok = mask && tn_normal_(t, 0, std, g);
    for (int64_t c = 0; ok && c < cols; c++) {
        tn_scope inner = tn_scope_open();
        const tn_tensor *order = tn_randperm(rows, NULL);
        for (int64_t i = 0; order && i < zeros; i++) ((uint8_t *)mask->data)[((const int64_t *)(const void *)order->data)[i] * cols + c] = 1;
        ok = order != NULL;
        tn_scope_close(&inner);
    }
    ok = ok && tn_masked_fill_(t, tn_to(mask, t->storage->device), 0);
    tn_scope_close(&s);
    return tn__init_done(was, ok ? t : NULL);
}

/* ================================================================================================================ */
/* >>nn (Private)                                                                                                   */
/* Modules.                                                                                                         */
/* ================================================================================================================ */

/* -- dicts: names with tensors, in order -- */
typedef struct tn__entry { char *name; tn_tensor *t; char *value; } tn__entry; /* value: of a metadata entry */
struct tn_dict {
    tn__object object;
    tn__entry *at, *meta;
    int32_t n, cap, n_meta, cap_meta;
};
static void tn__entries_free(tn__entry *at, int32_t n, int32_t cap) {
    for (int32_t i = 0; i < n; i++) {
        tn__strfree(at[i].name);
        tn__strfree(at[i].value);
        if (at[i].t) tn_release(at[i].t);
    }
    tn__free(at, (size_t)cap * sizeof *at);
}
static void tn__dict_free(tn__object *o) {
    tn_dict *d = (tn_dict *)o;
    tn__entries_free(d->at, d->n, d->cap);
    tn__entries_free(d->meta, d->n_meta, d->cap_meta);
    tn__free(d, sizeof *d);
}
TN_API tn_dict *tn_dict_new(void) { return (tn_dict *)tn__object_new(sizeof(tn_dict), TN__TAG_DICT, tn__dict_free); }
TN_API int tn_dict_len(const tn_dict *d) { return d ? d->n : (tn__fail_null("tn_dict_len: dict"), -1); }
static const tn__entry *tn__dict_entry(const tn_dict *d, int i, const char *who) {
    if (!d) return (const tn__entry *)(tn__fail_null(who), NULL);
    return i >= 0 && i < d->n ? &d->at[i] : (const tn__entry *)TN__FAIL_NULL(TN_ERR_INDEX, "%s: entry %d of %d", who, i, (int)d->n);
}
TN_API const char *tn_dict_name(const tn_dict *d, int i) {
    const tn__entry *e = tn__dict_entry(d, i, "tn_dict_name");
    return e ? e->name : NULL;
}
TN_API tn_tensor *tn_dict_at(const tn_dict *d, int i) {
    const tn__entry *e = tn__dict_entry(d, i, "tn_dict_at");
    return e ? e->t : NULL;
}
TN_API tn_tensor *tn_dict_get(const tn_dict *d, const char *name) {
    for (int32_t i = 0; d && name && i < d->n; i++)
        if (strcmp(d->at[i].name, name) == 0) return d->at[i].t;
    return NULL;
}
TN_API tn_status tn_dict_set(tn_dict *d, const char *name, tn_tensor *t) {
    if (!d || !name || !t) return tn__fail_null_status("tn_dict_set: argument");
    for (int32_t i = 0; i < d->n; i++) {
        if (strcmp(d->at[i].name, name) != 0) continue;
        tn_retain(t);
        tn_release(d->at[i].t);
        d->at[i].t = t;
        return TN_OK;
    }
    if (!tn__grow(&d->at, &d->cap, (int64_t)d->n + 1, sizeof *d->at)) return tn__status(false);
    tn__entry e = {tn__strdup(name), t, NULL};
    if (!e.name) return tn__status(false);
    tn_retain(t);
    d->at[d->n++] = e;
    return TN_OK;
}
TN__UNUSED static tn_status tn__dict_metadata_set(tn_dict *d, const char *key, const char *value) {
    if (!tn__grow(&d->meta, &d->cap_meta, (int64_t)d->n_meta + 1, sizeof *d->meta)) return tn__status(false);
    tn__entry e = {tn__strdup(key), NULL, NULL};
    if (e.name && (e.value = tn__strdup(value))) {
        d->meta[d->n_meta++] = e;
        return TN_OK;
    }
    tn__strfree(e.name);
    return tn__status(false);
}
TN_API const char *tn_dict_metadata(const tn_dict *d, const char *key) {
    for (int32_t i = 0; d && key && i < d->n_meta; i++)
        if (strcmp(d->meta[i].name, key) == 0) return d->meta[i].value;
    return NULL;
}

/* -- modules -- */
typedef struct tn__child { char *name; tn_module *m; } tn__child;
typedef struct tn__param { char *name; tn_tensor *t; uint8_t buffer, transient; } tn__param;
typedef struct tn__module_hook { tn_module_hook_fn after; tn_status (*before)(void *user, tn_module *m, tn_tensor **in, int n); void *user; } tn__module_hook;
#define TN__OPTS_MAX 320
struct tn__module_state {
    size_t size;                 /* of the user's struct */
    tn_module *parent;           /* whose queue entries move with its own */
    tn_module *source;           /* a stack's layer, until its values are drawn and copied */
    tn__child *child;
    tn__param *param;
    tn__module_hook *hook;
    int32_t n_child, cap_child, n_param, cap_param, n_hook, cap_hook;
    bool evaluating;
    tn_status failed;            /* what a NULL child or parameter left behind, and its words */
    char *why;
    void (*on_free)(tn_module *);
    double v[8];                 /* a layer's numbers, and its options */
    int64_t k[8];
    char opts[TN__OPTS_MAX] __attribute__((aligned(16)));
    char text[160];              /* what the printed form has in its brackets */
};
#ifndef TN_STATIC
tn_module tn__end_mark = {{0, 0, 0}, NULL, NULL, NULL};
#endif
static void tn__module_source(tn_module *m, tn_module *source) {
    tn_module *old = m->state->source;
    if (source && !source->state->parent) source->state->parent = m;
    m->state->source = source ? (tn_module *)tn_retain(source) : NULL;
    if (old && old->state->parent == m) old->state->parent = NULL;
    if (old) tn_release(old);
}
static void tn__module_destroy(tn__object *o) {
    tn_module *m = (tn_module *)(void *)o;
    tn__module_state *s = m->state;
    tn__init_forget(m);
    if (s->on_free) s->on_free(m);
    tn__module_source(m, NULL);
    for (int32_t i = 0; i < s->n_child; i++) {
        s->child[i].m->state->parent = NULL;
        tn_release(s->child[i].m);
        tn__strfree(s->child[i].name);
    }
    for (int32_t i = 0; i < s->n_param; i++) {
        tn_release(s->param[i].t);
        tn__strfree(s->param[i].name);
    }
    tn__free(s->child, (size_t)s->cap_child * sizeof *s->child);
    tn__free(s->param, (size_t)s->cap_param * sizeof *s->param);
    tn__free(s->hook, (size_t)s->cap_hook * sizeof *s->hook);
    tn__strfree(s->why);
    const size_t size = s->size;
    tn__free(s, sizeof *s);
    tn__free(m, size);
}
TN_API tn_module *tn_module_new(size_t size, const char *kind, tn_forward_fn forward) {
    if (size < sizeof(tn_module) || !kind || !forward) return (tn_module *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_module_new: a struct that begins with a tn_module, a kind and a forward are wanted");
    tn__module_state *s = (tn__module_state *)tn__alloc_zero(sizeof *s);
    if (!s) return NULL;
    tn_module *m = (tn_module *)tn__alloc_zero(size);
    if (!m) {
        tn__free(s, sizeof *s);
        return NULL;
    }
    tn__object *o = (tn__object *)(void *)m;
    m->state = s;
    m->kind = kind;
    m->forward = forward;
    s->size = size;
    o->refs = 1;
    o->slot = -1;
    o->tag = TN__TAG_MODULE;
    o->destroy = tn__module_destroy;
    if (tn__own(tn__ready(), o)) return m;
    tn__free(s, sizeof *s);
    tn__free(m, size);
    return NULL;
}
static void tn__module_fail(tn_module *m, tn_status code, const char *why) { /* the first failure stays */
    tn__module_state *s = m->state;
    if (s->failed != TN_OK) return;
    s->failed = code == TN_OK ? TN_ERR_INVALID : code;
    s->why = tn__strdup(why);
}
/* Whether m may be used; a failed module fails again with what its child said. */
static bool tn__module_ok(const tn_module *m, const char *who) {
    if (!m) return tn__fail_null(who);
    if (m->state->failed == TN_OK) return true;
    return tn__fail(m->state->failed, "%s: %s could not be made: %s", who, m->kind, m->state->why ? m->state->why : "out of memory");
}
static bool tn__inside(const tn_module *m, const tn_module *root) {
    while (m && m != root) m = m->state->parent;
    return m == root;
}
/* Puts the queue's entries of a child's tree behind those that are self's already: a container's order, not C's order of
   evaluating arguments. The entries that move are few, and so is the queue. */
static void tn__init_adopt(const tn_module *self, const tn_module *child) {
    int32_t end = 0;
    bool any = false;
    for (int32_t i = 0; i < tn__init.n; i++)
        if (tn__inside(tn__init.at[i].module, self) && !tn__inside(tn__init.at[i].module, child)) end = i + 1, any = true;
    if (!any) { /* its first: where the earliest of the siblings to come may stand does not matter, entries move behind it */
        return;
    }
    int32_t early = 0, i = 0;
    for (int32_t k = 0; k < end; k++) early += tn__inside(tn__init.at[k].module, child);
    while (early) { /* entries of the child that stand too early go behind, in their order */
        if (!tn__inside(tn__init.at[i].module, child)) {
            i++;
            continue;
        }
        const tn__init_entry e = tn__init.at[i];
        memmove(tn__init.at + i, tn__init.at + i + 1, (size_t)(end - 1 - i) * sizeof e);
        tn__init.at[end - 1] = e;
        early--;
    }
}
TN_API tn_module *tn_module_child(tn_module *self, const char *name, tn_module *child) {
    if (!self) return child;
    tn__module_state *s = self->state;
    if (!child || !name) {
        if (tn__self()->code == TN_OK) tn__fail(TN_ERR_INVALID, "tn_module_child: %s of %s is NULL", child ? "the name" : name ? name : "a child", self->kind);
        tn__module_fail(self, tn_error_code(), tn_error());
        return child;
    }
    if (child->state->failed != TN_OK) tn__module_fail(self, child->state->failed, child->state->why ? child->state->why : "a child failed");
    tn__child c = {NULL, child};
    if (!tn__grow(&s->child, &s->cap_child, (int64_t)s->n_child + 1, sizeof *s->child) || !(c.name = tn__strdup(name))) {
        tn__module_fail(self, TN_ERR_MEMORY, "out of memory");
        return child;
    }
    tn_retain(child);
    s->child[s->n_child++] = c;
    if (!child->state->parent) child->state->parent = self;
    tn__init_adopt(self, child);
    return child;
}
static tn_tensor *tn__module_register(tn_module *self, const char *name, tn_tensor *t, bool buffer, bool transient) {
    if (!self) return t;
    tn__module_state *s = self->state;
    tn__param p = {NULL, t, buffer, transient};
    if (!t || !name) {
        if (tn__self()->code == TN_OK) tn__fail(TN_ERR_INVALID, "tn_module_param: %s of %s is NULL", name ? name : "a name", self->kind);
        tn__module_fail(self, tn_error_code(), tn_error());
        return t;
    }
    if (!buffer && !tn_requires_grad_(t, true)) {
        tn__module_fail(self, tn_error_code(), tn_error());
        return t;
    }
    if (!tn__grow(&s->param, &s->cap_param, (int64_t)s->n_param + 1, sizeof *s->param) || !(p.name = tn__strdup(name))) {
        tn__module_fail(self, TN_ERR_MEMORY, "out of memory");
        return t;
    }
    tn_retain(t);
    s->param[s->n_param++] = p;
    return t;
}
TN_API tn_tensor *tn_module_param(tn_module *self, const char *name, tn_tensor *t) { return tn__module_register(self, name, t, false, false); }
TN_API tn_tensor *tn_module_buffer(tn_module *self, const char *name, tn_tensor *t, bool not_persistent) { return tn__module_register(self, name, t, true, not_persistent); }
TN_API tn_status tn_module_init(tn_module *self, tn_status (*fn)(tn_module *self)) {
    if (!self || !fn) return tn__fail_null_status("tn_module_init: argument");
    if (self->state->failed != TN_OK) return self->state->failed; /* its parameters may not be there */
    if (tn__init_queue(self, fn)) return TN_OK;
    tn__module_fail(self, TN_ERR_MEMORY, "out of memory");
    return tn__status(false);
}
TN_API void tn_module_on_free(tn_module *self, void (*fn)(tn_module *self)) {
    if (self) self->state->on_free = fn;
}
TN_API tn_tensor *tn_call(tn_module *m, tn_tensor *const *in, int n) {
    tn_tensor *given[TN__FEW];
    if (!tn__module_ok(m, "tn_call")) return NULL;
    if (tn__init.n && tn_init_flush() != TN_OK) return NULL;
    if (n < 0 || n > TN__FEW || (n && !in)) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_call: 0 to %d inputs are wanted, got %d", TN__FEW, n);
    const tn__module_state *s = m->state;
    tn_scope scope = tn_scope_open();
    bool ok = true;
    memcpy(given, in, (size_t)n * sizeof *in);
    for (int32_t i = 0; ok && i < s->n_hook; i++)
        if (s->hook[i].before) ok = s->hook[i].before(s->hook[i].user, m, given, n) == TN_OK;
    tn_tensor *y = ok ? m->forward(m, given, n) : NULL;
    for (int32_t i = 0; y && i < s->n_hook; i++) {
        tn_tensor *r = s->hook[i].after ? s->hook[i].after(s->hook[i].user, m, given, n, y) : NULL;
        if (r) y = r;
    }
    if (!y && tn__self()->code == TN_OK) tn__fail(TN_ERR_USER, "tn_call: the forward of %s returned NULL", m->kind);
    tn_keep(y);
    tn_scope_close(&scope);
    return y;
}
TN_API tn_tensor *tn_forward(tn_module *m, tn_tensor *x) {
    if (!x) return (tn_tensor *)(m && m->state->failed != TN_OK ? (tn__module_ok(m, "tn_forward"), NULL) : (tn__fail_null("tn_forward: x"), NULL));
    return tn_call(m, &x, 1);
}
TN_API bool tn_module_training(const tn_module *m) { return m && !m->state->evaluating; }
TN_API void tn_module_train(tn_module *m, bool on) {
    if (!m) return;
    m->state->evaluating = !on;
    for (int32_t i = 0; i < m->state->n_child; i++) tn_module_train(m->state->child[i].m, on);
}
/* Visits the tree's parameters and buffers under their full names, in PyTorch's order: a module's own, then its children's. */
typedef bool (*tn__param_fn)(void *arg, const char *name, tn__param *p);
static bool tn__each_param(tn_module *m, const char *prefix, tn__param_fn fn, void *arg) {
    char name[512];
    for (int pass = 0; pass < 2; pass++) /* parameters before buffers */
        for (int32_t i = 0; i < m->state->n_param; i++) {
            if (m->state->param[i].buffer != pass) continue;
            if (snprintf(name, sizeof name, "%s%s", prefix, m->state->param[i].name) >= (int)sizeof name) return tn__fail(TN_ERR_INVALID, "a parameter's name is too long: %.60s…", name);
            if (!fn(arg, name, &m->state->param[i])) return false;
        }
    for (int32_t i = 0; i < m->state->n_child; i++) {
        if (snprintf(name, sizeof name, "%s%s.", prefix, m->state->child[i].name) >= (int)sizeof name) return tn__fail(TN_ERR_INVALID, "a module's name is too long: %.60s…", name);
        char inner[512];
        memcpy(inner, name, sizeof inner);
        if (!tn__each_param(m->state->child[i].m, inner, fn, arg)) return false;
    }
    return true;
}
static bool tn__ready_params(tn_module *m, const char *who) { return tn__module_ok(m, who) && tn_init_flush() == TN_OK; }
typedef struct { tn_tensor **at; int32_t n, cap; tn_dict *dict; bool buffers; const char *want; tn_tensor *found; } tn__collect_arg;
static bool tn__collect_param(void *arg, const char *name, tn__param *p) {
    tn__collect_arg *c = (tn__collect_arg *)arg;
    (void)name;
    if (p->buffer) return true;
    for (int32_t i = 0; i < c->n; i++)
        if (c->at[i] == p->t) return true; /* shared: once */
    if (!tn__grow(&c->at, &c->cap, (int64_t)c->n + 1, sizeof *c->at)) return false;
    c->at[c->n++] = p->t;
    return true;
}
TN_API tn_tensors tn_parameters(tn_module *m) {
    tn__collect_arg c;
    tn_tensors r = {NULL, 0};
    memset(&c, 0, sizeof c);
    if (tn__ready_params(m, "tn_parameters") && tn__each_param(m, "", tn__collect_param, &c)) r = tn__tensors_new(c.n);
    for (int32_t i = 0; r.at && i < c.n; i++) tn__tensors_set(&r, i, c.at[i]);
    tn__free(c.at, (size_t)c.cap * sizeof *c.at);
    return r;
}
TN_API int64_t tn_parameter_count(tn_module *m) {
    tn_scope s = tn_scope_open();
    const tn_tensors p = tn_parameters(m);
    int64_t n = p.at ? 0 : -1;
    for (int i = 0; i < p.n; i++) n += p.at[i]->numel;
    tn_scope_close(&s);
    return n;
}
static bool tn__collect_named(void *arg, const char *name, tn__param *p) {
    tn__collect_arg *c = (tn__collect_arg *)arg;
    if (p->buffer && (!c->buffers || p->transient)) return true;
    return tn_dict_set(c->dict, name, p->t) == TN_OK;
}
static tn_dict *tn__named(tn_module *m, const char *who, bool buffers) {
    tn__collect_arg c;
    memset(&c, 0, sizeof c);
    c.buffers = buffers;
    if (!tn__ready_params(m, who) || !(c.dict = tn_dict_new())) return NULL;
    return tn__each_param(m, "", tn__collect_named, &c) ? c.dict : NULL;
}
TN_API tn_dict *tn_named_parameters(tn_module *m) { return tn__named(m, "tn_named_parameters", false); }
TN_API tn_dict *tn_state_dict(tn_module *m) { return tn__named(m, "tn_state_dict", true); }
static bool tn__find_param(void *arg, const char *name, tn__param *p) {
    tn__collect_arg *c = (tn__collect_arg *)arg;
    if (strcmp(name, c->want) == 0) c->found = p->t;
    return true;
}
TN_API tn_tensor *tn_module_get(tn_module *m, const char *name) {
    tn__collect_arg c;
    memset(&c, 0, sizeof c);
    c.want = name;
    if (!name || !tn__ready_params(m, "tn_module_get")) return name ? NULL : (tn_tensor *)(tn__fail_null("tn_module_get: name"), NULL);
    (void)tn__each_param(m, "", tn__find_param, &c);
    return c.found ? c.found : (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_module_get: %s has no '%s'", m->kind, name);
}
TN_API tn_module *tn_module_get_submodule(tn_module *m, const char *name) {
    if (!m || !name) return (tn_module *)(tn__fail_null("tn_module_get_submodule: argument"), NULL);
    const char *rest = name;
    while (*rest) {
        const size_t n = strcspn(rest, ".");
        tn_module *next = NULL;
        for (int32_t i = 0; i < m->state->n_child; i++)
            if (strlen(m->state->child[i].name) == n && memcmp(m->state->child[i].name, rest, n) == 0) next = m->state->child[i].m;
        if (!next) return (tn_module *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_module_get_submodule: there is no '%s'", name);
        m = next;
        rest += n + (rest[n] == '.');
    }
    return m;
}
TN_API tn_module *tn_module_at(tn_module *m, int i) { return m && i >= 0 && i < m->state->n_child ? m->state->child[i].m : NULL; }
TN_API int tn_module_len(tn_module *m) { return m ? m->state->n_child : (tn__fail_null("tn_module_len: module"), -1); }
TN_API void tn_module_zero_grad(tn_module *m) {
    for (int32_t i = 0; m && i < m->state->n_param; i++) (void)tn_set_grad(m->state->param[i].t, NULL);
    for (int32_t i = 0; m && i < m->state->n_child; i++) tn_module_zero_grad(m->state->child[i].m);
}
TN_API tn_status tn_module_apply(tn_module *m, tn_status (*fn)(void *user, tn_module *m), void *user) {
    if (!m || !fn) return tn__fail_null_status("tn_module_apply: argument");
    if (tn_init_flush() != TN_OK) return tn_error_code();
    for (int32_t i = 0; i < m->state->n_child; i++) {
        const tn_status s = tn_module_apply(m->state->child[i].m, fn, user);
        if (s != TN_OK) return s;
    }
    return fn(user, m);
}
static bool tn__require_param(void *arg, const char *name, tn__param *p) {
    (void)name;
    return p->buffer || tn_requires_grad_(p->t, *(bool *)arg) != NULL;
}
TN_API tn_status tn_module_requires_grad(tn_module *m, bool on) { return tn__status(tn__ready_params(m, "tn_module_requires_grad") && tn__each_param(m, "", tn__require_param, &on)); }
static bool tn__move_param(void *arg, const char *name, tn__param *p) { /* the handle stays: optimizers and users hold it */
    const tn_device d = *(const tn_device *)arg;
    (void)name;
    return tn__device_move(p->t, d) && (!p->t->grad || tn__device_move(p->t->grad, d));
}
TN_API tn_status tn_module_to(tn_module *m, tn_device device) {
    if (!tn__module_ok(m, "tn_module_to") || tn_init_flush() != TN_OK) return tn_error_code();
    tn_device to = device;
    return tn__status(tn__device_ok(device, "tn_module_to") && tn__each_param(m, "", tn__move_param, &to));
}
static bool tn__convert_param(void *arg, const char *name, tn__param *p) { /* the handle stays: optimizers and users hold it */
    const tn_dtype dt = *(const tn_dtype *)arg;
    (void)name;
    if (!tn__is_float(tn__dt(p->t)) || tn__dt(p->t) == dt) return true;
    TN__MAKE_ON(p->t->storage->device);
    tn_tensor *c = tn__new(dt, p->t->shape, p->t->ndim);
    if (!c || !tn__copy_raw(c, p->t)) return false;
    tn__storage_ref(c->storage);
    tn__storage_put(p->t->storage);
    p->t->storage = c->storage;
    p->t->data = c->data;
    p->t->dtype = (uint8_t)dt;
    memcpy(p->t->strides, c->strides, sizeof c->strides);
    p->t->contiguous = 1;
    return tn_set_grad(p->t, NULL) == TN_OK;
}
TN_API tn_status tn_module_to_dtype(tn_module *m, tn_dtype dtype) {
    if (!tn__is_float(dtype)) return TN__FAIL_STATUS(TN_ERR_DTYPE, "tn_module_to_dtype: a floating dtype is wanted, got %s", tn_dtype_name(dtype));
    return tn__status(tn__ready_params(m, "tn_module_to_dtype") && tn__each_param(m, "", tn__convert_param, &dtype));
}
/* Names that do not match, gathered for the message. */
typedef struct { tn_dict *d; char text[400]; size_t used; int missing, wrong; bool apply; } tn__load_arg;
static bool tn__load_param(void *arg, const char *name, tn__param *p) {
    tn__load_arg *l = (tn__load_arg *)arg;
    if (p->transient) return true;
    const tn_tensor *t = tn_dict_get(l->d, name);
    if (!t) {
        l->missing++;
        if (l->used < sizeof l->text - 1) l->used += (size_t)snprintf(l->text + l->used, sizeof l->text - l->used, "%smissing %s", l->used ? ", " : "", name);
        return true;
    }
    if (t->ndim != p->t->ndim || memcmp(t->shape, p->t->shape, t->ndim * sizeof *t->shape) != 0) return tn__fail(TN_ERR_SHAPE, "tn_load_state_dict: %s is %s, the module's %s", name, TN__SHAPE_TEXT(t), TN__SHAPE_TEXT(p->t));
    if (tn__is_complex(tn__dt(t)) != tn__is_complex(tn__dt(p->t))) return tn__fail(TN_ERR_DTYPE, "tn_load_state_dict: %s is %s, the module's %s", name, tn_dtype_name(tn__dt(t)), tn_dtype_name(tn__dt(p->t)));
    if (l->apply) {
        if (!tn__copy_raw(p->t, (tn_tensor *)(uintptr_t)t)) return false;
        p->t->storage->version++;
    }
    return true;
}
static bool tn__load_check(tn_module *m, tn_dict *d, bool lax) {
    tn__load_arg l;
    memset(&l, 0, sizeof l);
    l.d = d;
    if (!tn__ready_params(m, "tn_load_state_dict") || !tn__each_param(m, "", tn__load_param, &l)) return false;
    tn__collect_arg c;
    memset(&c, 0, sizeof c);
    for (int32_t i = 0; !lax && i < d->n; i++) {
        c.want = d->at[i].name;
        c.found = NULL;
        (void)tn__each_param(m, "", tn__find_param, &c);
        if (c.found) continue;
        l.wrong++;
        if (l.used < sizeof l.text - 1) l.used += (size_t)snprintf(l.text + l.used, sizeof l.text - l.used, "%sunexpected %s", l.used ? ", " : "", d->at[i].name);
    }
    return lax || (!l.missing && !l.wrong) || tn__fail(TN_ERR_FORMAT, "tn_load_state_dict: %s", l.text);
}
static bool tn__load_apply(tn_module *m, tn_dict *d) {
    tn__load_arg l;
    memset(&l, 0, sizeof l);
    l.d = d;
    l.apply = true;
    return tn__each_param(m, "", tn__load_param, &l);
}
TN_API tn_status tn_load_state_dict(tn_module *m, tn_dict *d, const tn_load_opts *opts) {
    if (!m || !d) return tn__fail_null_status("tn_load_state_dict: argument");
    return tn__status(tn__load_check(m, d, opts && opts->lax) && tn__load_apply(m, d));
}
static tn_status tn__add_hook(tn_module *m, tn_module_hook_fn after, tn_status (*before)(void *user, tn_module *m, tn_tensor **in, int n), void *user) {
    if (!m || (!after && !before)) return tn__fail_null_status("tn_register_forward_hook: argument");
    if (!tn__grow(&m->state->hook, &m->state->cap_hook, (int64_t)m->state->n_hook + 1, sizeof *m->state->hook)) return tn__status(false);
    tn__module_hook h = {after, before, user};
    m->state->hook[m->state->n_hook++] = h;
    return TN_OK;
}
TN_API tn_status tn_register_forward_hook(tn_module *m, tn_module_hook_fn fn, void *user) { return tn__add_hook(m, fn, NULL, user); }
TN_API tn_status tn_register_forward_pre_hook(tn_module *m, tn_status (*fn)(void *user, tn_module *m, tn_tensor **in, int n), void *user) { return tn__add_hook(m, NULL, fn, user); }
static void tn__module_print(tn__printer *p, const tn_module *m, int indent) {
    const tn__module_state *s = m->state;
    tn__emit(p, "%s(%s", m->kind, s->text);
    if (!s->n_child) {
        tn__emit(p, ")");
        return;
    }
    for (int32_t i = 0; i < s->n_child; i++) {
        tn__emit(p, "\n%*s(%s): ", indent + 2, "", s->child[i].name);
        tn__module_print(p, s->child[i].m, indent + 2);
    }
    tn__emit(p, "\n%*s)", indent, "");
}
TN_API size_t tn_module_format(tn_module *m, char *buffer, size_t size) {
    tn__printer p = {buffer, size, 0};
    if (m) tn__module_print(&p, m, 0);
    else tn__emit(&p, "NULL");
    return p.used;
}

/* -- containers -- */
static tn_tensor *tn__sequential_forward(tn_module *self, tn_tensor *const *in, int n) {
    tn_tensor *x = n ? in[0] : NULL;
    for (int32_t i = 0; i < self->state->n_child; i++) x = i == 0 ? tn_call(self->state->child[i].m, in, n) : tn_forward(self->state->child[i].m, x);
    return x;
}
static tn_tensor *tn__list_forward(tn_module *self, tn_tensor *const *in, int n) {
    (void)in, (void)n;
    return (tn_tensor *)TN__FAIL_NULL(TN_ERR_STATE, "tn_call: a %s has no forward; call its members", self->kind);
}
TN_API tn_module *tn_nn_append(tn_module *container, tn_module *m) {
    char name[16];
    if (!container) return NULL;
    (void)snprintf(name, sizeof name, "%d", (int)container->state->n_child);
    (void)tn_module_child(container, name, m);
    return container;
}
TN_API tn_module *tn_nn_sequential_of(tn_module *const *modules, int n) {
    tn_module *m = tn_module_new(sizeof *m, "Sequential", tn__sequential_forward);
    if (n && !modules) return (tn_module *)(tn__fail_null("tn_nn_sequential_of: modules"), NULL);
    for (int i = 0; m && i < n; i++) (void)tn_nn_append(m, modules[i]);
    return m;
}
TN_API tn_module *tn_nn_sequential(tn_module *first, ...) {
    tn_module *m = tn_module_new(sizeof *m, "Sequential", tn__sequential_forward), *next = first;
    va_list ap;
    va_start(ap, first);
    for (; next != TN_END; next = va_arg(ap, tn_module *)) (void)tn_nn_append(m, next);
    va_end(ap);
    return m;
}
TN_API tn_module *tn_nn_module_list(tn_module *const *modules, int n) {
    tn_module *m = tn_module_new(sizeof *m, "ModuleList", tn__list_forward);
    for (int i = 0; m && i < n; i++) (void)tn_nn_append(m, modules[i]);
    return m;
}
TN_API tn_module *tn_nn_module_dict(const char *const *names, tn_module *const *modules, int n) {
    tn_module *m = tn_module_new(sizeof *m, "ModuleDict", tn__list_forward);
    for (int i = 0; m && i < n; i++) (void)tn_module_child(m, names[i], modules[i]);
    return m;
}
TN_API tn_module *tn_nn_parameter_list(tn_tensor *const *tensors, int n) {
    tn_module *m = tn_module_new(sizeof *m, "ParameterList", tn__list_forward);
    char name[16];
    for (int i = 0; m && i < n; i++) {
        (void)snprintf(name, sizeof name, "%d", i);
        (void)tn_module_param(m, name, tensors[i]);
    }
    return m;
}
TN_API tn_module *tn_nn_parameter_dict(const char *const *names, tn_tensor *const *tensors, int n) {
    tn_module *m = tn_module_new(sizeof *m, "ParameterDict", tn__list_forward);
    for (int i = 0; m && i < n; i++) (void)tn_module_param(m, names[i], tensors[i]);
    return m;
}

/* -- layers. Parameters are found by their place: param[0] the weight, param[1] the bias, as registered. -- */
static tn_tensor *tn__p(const tn_module *m, int i) { return i < m->state->n_param ? m->state->param[i].t : NULL; }
TN__PRINTF(4, 5) static tn_module *tn__layer(const char *kind, tn_forward_fn forward, bool ok, const char *fmt, ...) {
    va_list ap;
    tn_module *m = ok ? tn_module_new(sizeof *m, kind, forward) : NULL;
    if (!m) return NULL;
    va_start(ap, fmt);
    (void)vsnprintf(m->state->text, sizeof m->state->text, fmt, ap);
    va_end(ap);
    return m;
}
TN__NOINLINE static void tn__layer_param(tn_module *m, const char *name, const int64_t *shape, int n) {
    if (m) (void)tn_module_param(m, name, tn_empty(shape, n, NULL));
}
/* Weight by kaiming_uniform(sqrt 5), bias by U(+-1 / sqrt fan_in): Linear and the convolutions. */
static tn_status tn__init_affine(tn_module *m) {
    tn_scope s = tn_scope_open();
    tn_tensor *w = tn__p(m, 0), *b = tn__p(m, 1);
    double in = 1, out;
    bool ok = tn_init_kaiming_uniform_(w, sqrt(5.0), TN_FAN_IN, "leaky_relu", NULL) != NULL;
    if (ok && b) ok = tn__fans("initialisation", w, &in, &out) && tn_init_uniform_(b, in > 0 ? -1 / sqrt(in) : 0, in > 0 ? 1 / sqrt(in) : 0, NULL) != NULL;
    tn_scope_close(&s);
    return tn__status(ok);
}
static tn_tensor *tn__linear_forward(tn_module *self, tn_tensor *const *in, int n) { return n ? tn_linear(in[0], tn__p(self, 0), tn__p(self, 1)) : NULL; }
TN_API tn_module *tn_nn_linear(int64_t in_features, int64_t out_features, const tn_linear_opts *opts) {
    const int64_t shape[2] = {out_features, in_features};
    const bool bias = !(opts && opts->no_bias), ok = (in_features >= 0 && out_features >= 0) || tn__fail(TN_ERR_INVALID, "tn_nn_linear: %lld to %lld features", (long long)in_features, (long long)out_features);
    tn_module *m = tn__layer("Linear", tn__linear_forward, ok, "in_features=%lld, out_features=%lld, bias=%s", (long long)in_features, (long long)out_features, bias ? "True" : "False");
    tn__layer_param(m, "weight", shape, 2);
    if (bias) tn__layer_param(m, "bias", shape, 1);
    if (m) (void)tn_module_init(m, tn__init_affine);
    return m;
}
/* Layers without parameters: a function of x and the layer's numbers. */
#define TN__LAYER_PLAIN(fn, ex)                                                                                        \
    static tn_tensor *tn__##fn##_forward(tn_module *self, tn_tensor *const *in, int n) {                               \
        const double *v = self->state->v;                                                                              \
        const int64_t *k = self->state->k;                                                                             \
        tn_tensor *x = n ? in[0] : NULL;                                                                               \
        (void)v, (void)k;                                                                                              \
        return ex;                                                                                                     \
    }
#define TN__LAYER0(fn, kind, ex)                                                                                       \
    TN__LAYER_PLAIN(fn, ex)                                                                                            \
    TN_API tn_module *tn_nn_##fn(void) { return tn__layer(kind, tn__##fn##_forward, true, "%s", ""); }
static tn_module *tn__numbers(tn_module *m, double a, double b) {
    if (m) m->state->v[0] = a, m->state->v[1] = b;
    return m;
}
TN__LAYER0(identity, "Identity", x)
TN__LAYER0(flatten, "Flatten", tn_flatten(x, 1, -1))
TN__LAYER0(relu, "ReLU", tn_relu(x))
TN__LAYER0(relu6, "ReLU6", tn_relu6(x))
TN__LAYER0(selu, "SELU", tn_selu(x))
TN__LAYER0(silu, "SiLU", tn_silu(x))
TN__LAYER0(mish, "Mish", tn_mish(x))
TN__LAYER0(hardswish, "Hardswish", tn_hardswish(x))
TN__LAYER0(hardsigmoid, "Hardsigmoid", tn_hardsigmoid(x))
TN__LAYER0(logsigmoid, "LogSigmoid", tn_logsigmoid(x))
TN__LAYER0(sigmoid, "Sigmoid", tn_sigmoid(x))
TN__LAYER0(tanh, "Tanh", tn_tanh(x))
TN__LAYER_PLAIN(leaky_relu, tn_leaky_relu(x, v[0]))
TN__LAYER_PLAIN(elu, tn_elu(x, v[0]))
TN__LAYER_PLAIN(gelu, tn_gelu(x, v[0] != 0 ? TN_GELU_TANH : TN_GELU_NONE))
TN__LAYER_PLAIN(softplus, tn_softplus(x, v[0], v[1]))
TN__LAYER_PLAIN(hardtanh, tn_hardtanh(x, v[0], v[1]))
TN__LAYER_PLAIN(softmax, tn_softmax(x, (int)v[0], TN_DTYPE_DEFAULT))
TN__LAYER_PLAIN(log_softmax, tn_log_softmax(x, (int)v[0], TN_DTYPE_DEFAULT))
TN__LAYER_PLAIN(glu, tn_glu(x, (int)v[0]))
TN__LAYER_PLAIN(dropout, tn_dropout(x, v[0], tn_module_training(self)))
TN__LAYER_PLAIN(dropout2d, tn_dropout2d(x, v[0], tn_module_training(self)))
TN__LAYER_PLAIN(zero_pad2d, tn_pad(x, k, 4, NULL))
TN__LAYER_PLAIN(unflatten, tn_unflatten(x, (int)v[0], k, (int)v[1]))
TN__LAYER_PLAIN(prelu, tn_prelu(x, tn__p(self, 0)))
TN_API tn_module *tn_nn_leaky_relu(double negative_slope) { return tn__numbers(tn__layer("LeakyReLU", tn__leaky_relu_forward, true, "negative_slope=%g", negative_slope), negative_slope, 0); }
TN_API tn_module *tn_nn_elu(double alpha) { return tn__numbers(tn__layer("ELU", tn__elu_forward, true, "alpha=%.1f", alpha), alpha, 0); }
TN_API tn_module *tn_nn_gelu(tn_gelu_mode approximate) { return tn__numbers(tn__layer("GELU", tn__gelu_forward, true, "approximate='%s'", approximate ? "tanh" : "none"), approximate, 0); }
TN_API tn_module *tn_nn_softplus(double beta, double threshold) { return tn__numbers(tn__layer("Softplus", tn__softplus_forward, true, "beta=%.1f, threshold=%.1f", beta, threshold), beta, threshold); }
TN_API tn_module *tn_nn_hardtanh(double lo, double hi) { return tn__numbers(tn__layer("Hardtanh", tn__hardtanh_forward, true, "min_val=%.1f, max_val=%.1f", lo, hi), lo, hi); }
TN_API tn_module *tn_nn_softmax(int dim) { return tn__numbers(tn__layer("Softmax", tn__softmax_forward, true, "dim=%d", dim), dim, 0); }
TN_API tn_module *tn_nn_log_softmax(int dim) { return tn__numbers(tn__layer("LogSoftmax", tn__log_softmax_forward, true, "dim=%d", dim), dim, 0); }
TN_API tn_module *tn_nn_glu(int dim) { return tn__numbers(tn__layer("GLU", tn__glu_forward, true, "dim=%d", dim), dim, 0); }
static bool tn__probability(const char *who, double p) { return (p >= 0 && p <= 1) || tn__fail(TN_ERR_INVALID, "%s: a probability of %g", who, p); }
TN_API tn_module *tn_nn_dropout(double p) { return tn__numbers(tn__layer("Dropout", tn__dropout_forward, tn__probability("tn_nn_dropout", p), "p=%g, inplace=False", p), p, 0); }
TN_API tn_module *tn_nn_dropout2d(double p) { return tn__numbers(tn__layer("Dropout2d", tn__dropout2d_forward, tn__probability("tn_nn_dropout2d", p), "p=%g, inplace=False", p), p, 0); }
TN_API tn_module *tn_nn_zero_pad2d(int64_t left, int64_t right, int64_t top, int64_t bottom) {
    const int64_t k[4] = {left, right, top, bottom};
    tn_module *m = tn__layer("ZeroPad2d", tn__zero_pad2d_forward, true, "(%lld, %lld, %lld, %lld)", (long long)left, (long long)right, (long long)top, (long long)bottom);
    if (m) memcpy(m->state->k, k, sizeof k);
    return m;
}
TN_API tn_module *tn_nn_unflatten(int dim, const int64_t *sizes, int n) {
    tn_module *m = tn__layer("Unflatten", tn__unflatten_forward, (sizes && n > 0 && n <= TN_MAX_DIMS) || tn__fail(TN_ERR_INVALID, "tn_nn_unflatten: %d sizes", n), "dim=%d", dim);
    if (m) memcpy(m->state->k, sizes, (size_t)n * sizeof *sizes);
    return tn__numbers(m, dim, n);
}
TN_API tn_module *tn_nn_prelu(int64_t num_parameters, double init) {
    tn_module *m = tn__layer("PReLU", tn__prelu_forward, true, "num_parameters=%lld", (long long)num_parameters);
    if (m) (void)tn_module_param(m, "weight", tn_full(&num_parameters, 1, init, NULL));
    return m;
}
/* Options are kept in the layer's state. */
TN__NOINLINE static bool tn__keep_opts(tn_module *m, const void *opts, size_t size) {
    if (!m) return false;
    if (size > TN__OPTS_MAX) return tn__fail(TN_ERR_INVALID, "options of %zu bytes", size);
    if (opts) memcpy(m->state->opts, opts, size);
    return true;
}
static tn_tensor *tn__embedding_forward(tn_module *self, tn_tensor *const *in, int n) { return n ? tn_embedding(in[0], tn__p(self, 0), (const tn_embedding_opts *)(const void *)self->state->opts) : NULL; }
static tn_status tn__init_embedding(tn_module *m) {
    const tn_embedding_opts *o = (const tn_embedding_opts *)(const void *)m->state->opts;
    tn_scope s = tn_scope_open();
    const bool was = tn__set_recording(false);
    bool ok = tn_normal_(tn__p(m, 0), 0, 1, NULL) != NULL;
    if (ok && o->has_padding_idx) ok = tn_fill_(tn_select(tn__p(m, 0), 0, o->padding_idx), 0) != NULL;
    (void)tn__set_recording(was);
    tn_scope_close(&s);
    return tn__status(ok);
}
TN_API tn_module *tn_nn_embedding(int64_t count, int64_t width, const tn_embedding_opts *opts) {
    const int64_t shape[2] = {count, width};
    const bool ok = !(opts && opts->has_padding_idx) || (opts->padding_idx < count && opts->padding_idx >= -count) || tn__fail(TN_ERR_INDEX, "tn_nn_embedding: padding_idx %lld of %lld", (long long)opts->padding_idx, (long long)count);
    tn_module *m = tn__layer("Embedding", tn__embedding_forward, ok, "%lld, %lld", (long long)count, (long long)width);
    if (!tn__keep_opts(m, opts, sizeof *opts)) return NULL;
    tn__layer_param(m, "weight", shape, 2);
    (void)tn_module_init(m, tn__init_embedding);
    return m;
}
/* Recurrent nets and their cells. k[0] the kind, k[1] whether it is a cell, k[2] the hidden size. */
static tn_status tn__init_rnn(tn_module *m) {
    const double a = 1 / sqrt((double)m->state->k[2]);
    for (int32_t i = 0; i < m->state->n_param; i++)
        if (!tn_init_uniform_(tn__p(m, i), -a, a, NULL)) return tn__status(false);
    return TN_OK;
}
static tn_rnn_result tn__rnn_module(tn_module *m, tn_tensor *x, tn_tensor *h0, tn_tensor *c0) {
    const tn__module_state *s = m->state;
    tn_rnn_opts o = *(const tn_rnn_opts *)(const void *)s->opts;
    tn_rnn_result r = {NULL, NULL, NULL};
    tn_tensor *cell[4] = {NULL, NULL, NULL, NULL};
    o.training = tn_module_training(m);
    const size_t bytes = (size_t)s->n_param * sizeof(tn_tensor *);
    tn_tensor **w = s->k[1] ? cell : (tn_tensor **)tn__alloc(bytes);
    if (!w) return r;
    for (int32_t i = 0; i < s->n_param; i++) w[i] = s->param[i].t;
    if (s->k[1]) return tn__rnn_cell(m->kind, (int)s->k[0], x, h0, c0, w);
    r = tn__rnn(m->kind, (int)s->k[0], x, h0, c0, w, s->n_param, &o);
    tn__free(w, bytes);
    return r;
}
static tn_tensor *tn__rnn_forward(tn_module *self, tn_tensor *const *in, int n) {
    if (n < 1 || n > (self->state->k[0] == TN__RNN_LSTM ? 3 : 2)) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_call: %s does not take %d inputs", self->kind, n);
    return tn__rnn_module(self, in[0], n > 1 ? in[1] : NULL, n > 2 ? in[2] : NULL).output;
}
TN_API tn_rnn_result tn_nn_rnn_forward(tn_module *rnn, tn_tensor *x, tn_tensor *h0, tn_tensor *c0) {
    const tn_rnn_result none = {NULL, NULL, NULL};
    if (!tn__module_ok(rnn, "tn_nn_rnn_forward") || tn_init_flush() != TN_OK) return none;
    if (rnn->forward != tn__rnn_forward) return tn__fail(TN_ERR_INVALID, "tn_nn_rnn_forward: %s is not a recurrent net", rnn->kind), none;
    return tn__rnn_module(rnn, x, h0, c0);
}
static tn_module *tn__rnn_new(const char *title, int kind, bool cell, int64_t in, int64_t hidden, const tn_rnn_opts *opts) {
    static const char *const names[4] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
    tn_rnn_opts o;
    char more[96], name[48];
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    if (cell) o.num_layers = 1, o.bidirectional = o.batch_first = false, o.dropout = 0;
    const int layers = o.num_layers ? o.num_layers : 1, dirs = o.bidirectional ? 2 : 1;
    const bool ok = (in > 0 && hidden > 0 && layers > 0) || tn__fail(TN_ERR_INVALID, "%s: %d layers of %lld to %lld features", title, layers, (long long)in, (long long)hidden);
    int at = 0;
    more[0] = 0;
    if (layers != 1) at += snprintf(more, sizeof more, ", num_layers=%d", layers);
    if (o.dropout > 0) at += snprintf(more + at, sizeof more - (size_t)at, ", dropout=%g", o.dropout);
    (void)snprintf(more + at, sizeof more - (size_t)at, "%s%s%s%s", o.no_bias ? ", bias=False" : "", o.batch_first ? ", batch_first=True" : "", o.bidirectional ? ", bidirectional=True" : "", kind == TN__RNN_RELU && cell ? ", nonlinearity=relu" : "");
    tn_module *m = tn__layer(title, tn__rnn_forward, ok && tn__probability(title, o.dropout), "%lld, %lld%s", (long long)in, (long long)hidden, more);
    if (!tn__keep_opts(m, &o, sizeof o)) return NULL;
    m->state->k[0] = kind;
    m->state->k[1] = cell;
    m->state->k[2] = hidden;
    for (int i = 0; i < layers * dirs * 4; i++) {
        const int64_t shape[2] = {tn__rnn_gates(kind) * hidden, i % 4 == 1 ? hidden : i / 4 < dirs ? in : hidden * dirs};
        if (i % 4 > 1 && o.no_bias) continue;
        if (cell) (void)snprintf(name, sizeof name, "%s", names[i % 4]);
        else (void)snprintf(name, sizeof name, "%s_l%d%s", names[i % 4], i / 4 / dirs, i / 4 % dirs ? "_reverse" : "");
        tn__layer_param(m, name, shape, i % 4 > 1 ? 1 : 2);
    }
    (void)tn_module_init(m, tn__init_rnn);
    return m;
}
TN_API tn_module *tn_nn_rnn(int64_t input_size, int64_t hidden_size, bool relu, const tn_rnn_opts *opts) { return tn__rnn_new("RNN", relu ? TN__RNN_RELU : TN__RNN_TANH, false, input_size, hidden_size, opts); }
TN_API tn_module *tn_nn_lstm(int64_t input_size, int64_t hidden_size, const tn_rnn_opts *opts) { return tn__rnn_new("LSTM", TN__RNN_LSTM, false, input_size, hidden_size, opts); }
TN_API tn_module *tn_nn_gru(int64_t input_size, int64_t hidden_size, const tn_rnn_opts *opts) { return tn__rnn_new("GRU", TN__RNN_GRU, false, input_size, hidden_size, opts); }
TN_API tn_module *tn_nn_rnn_cell(int64_t input_size, int64_t hidden_size, bool relu, const tn_rnn_opts *opts) { return tn__rnn_new("RNNCell", relu ? TN__RNN_RELU : TN__RNN_TANH, true, input_size, hidden_size, opts); }
TN_API tn_module *tn_nn_lstm_cell(int64_t input_size, int64_t hidden_size, const tn_rnn_opts *opts) { return tn__rnn_new("LSTMCell", TN__RNN_LSTM, true, input_size, hidden_size, opts); }
TN_API tn_module *tn_nn_gru_cell(int64_t input_size, int64_t hidden_size, const tn_rnn_opts *opts) { return tn__rnn_new("GRUCell", TN__RNN_GRU, true, input_size, hidden_size, opts); }
/* Norms: weight and bias of ones and zeros, which draw nothing. */
static void tn__layer_affine(tn_module *m, const int64_t *shape, int n, bool bias) {
    if (!m) return;
    (void)tn_module_param(m, "weight", tn_ones(shape, n, NULL));
    if (bias) (void)tn_module_param(m, "bias", tn_zeros(shape, n, NULL));
}
static tn_norm_opts tn__norm_or(const tn_norm_opts *opts) {
    tn_norm_opts o;
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    return o;
}
static tn_tensor *tn__layer_norm_forward(tn_module *self, tn_tensor *const *in, int n) { return n ? tn_layer_norm(in[0], self->state->k, (int)self->state->v[0], tn__p(self, 0), tn__p(self, 1), self->state->v[1]) : NULL; }
static tn_tensor *tn__rms_norm_forward(tn_module *self, tn_tensor *const *in, int n) { return n ? tn_rms_norm(in[0], self->state->k, (int)self->state->v[0], tn__p(self, 0), self->state->v[1]) : NULL; }
static tn_tensor *tn__group_norm_forward(tn_module *self, tn_tensor *const *in, int n) { return n ? tn_group_norm(in[0], self->state->k[0], tn__p(self, 0), tn__p(self, 1), self->state->v[1]) : NULL; }
static tn_module *tn__shaped_norm(const char *kind, tn_forward_fn forward, const int64_t *shape, int n, const tn_norm_opts *opts, bool bias) {
    const tn_norm_opts o = tn__norm_or(opts);
    tn_module *m = tn__layer(kind, forward, (shape && n > 0 && n <= TN_MAX_DIMS) || tn__fail(TN_ERR_SHAPE, "tn_nn: a normalized shape of %d dims", n), "%s, elementwise_affine=%s", shape && n > 0 && n <= TN_MAX_DIMS ? tn__sizes_text(shape, n) : "", o.no_affine ? "False" : "True");
    if (m) memcpy(m->state->k, shape, (size_t)n * sizeof *shape);
    if (!o.no_affine) tn__layer_affine(m, shape, n, bias && !o.no_bias);
    return tn__numbers(m, n, o.eps);
}
TN_API tn_module *tn_nn_layer_norm(const int64_t *normalized_shape, int n, const tn_norm_opts *opts) { return tn__shaped_norm("LayerNorm", tn__layer_norm_forward, normalized_shape, n, opts, true); }
TN_API tn_module *tn_nn_rms_norm(const int64_t *normalized_shape, int n, const tn_norm_opts *opts) { return tn__shaped_norm("RMSNorm", tn__rms_norm_forward, normalized_shape, n, opts, false); }
TN_API tn_module *tn_nn_group_norm(int64_t groups, int64_t channels, const tn_norm_opts *opts) {
    const tn_norm_opts o = tn__norm_or(opts);
    tn_module *m = tn__layer("GroupNorm", tn__group_norm_forward, (groups > 0 && channels % groups == 0) || tn__fail(TN_ERR_INVALID, "tn_nn_group_norm: %lld groups of %lld channels", (long long)groups, (long long)channels), "%lld, %lld", (long long)groups, (long long)channels);
    if (m) m->state->k[0] = groups;
    if (!o.no_affine) tn__layer_affine(m, &channels, 1, !o.no_bias);
    return tn__numbers(m, 1, o.eps);
}
/* Batch and instance norm. Buffers running_mean, running_var, num_batches_tracked; k[0] the dims wanted, k[1] the channels. */
TN__NOINLINE static tn_tensor *tn__named_here(const tn_module *m, const char *name) {
    for (int32_t i = 0; i < m->state->n_param; i++)
        if (strcmp(m->state->param[i].name, name) == 0) return m->state->param[i].t;
    return NULL;
}
static tn_tensor *tn__batch_norm_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_norm_opts *o = (const tn_norm_opts *)(const void *)self->state->opts;
    tn_tensor *x = n ? in[0] : NULL, *count = tn__named_here(self, "num_batches_tracked");
    tn_batch_norm_opts b = {tn__named_here(self, "weight"), tn__named_here(self, "bias"), tn__named_here(self, "running_mean"), tn__named_here(self, "running_var"), false, o->momentum, o->eps};
    if (!x) return (tn_tensor *)(tn__fail_null("tn_nn_batch_norm: x"), NULL);
    const int64_t want = self->state->k[0];
    if (want == 1 ? x->ndim != 2 && x->ndim != 3 : x->ndim != 4) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_SHAPE, "%s: %s is wanted, got %s", self->kind, want == 1 ? "[N, C] or [N, C, L]" : "[N, C, H, W]", TN__SHAPE_TEXT(x));
    b.training = tn_module_training(self) || !b.running_mean;
    if (b.training && count && !tn_add_(count, 1)) return NULL;
    return tn_batch_norm(x, &b);
}
static void tn__running(tn_module *m, const int64_t *features) {
    const tn_tensor_opts i64 = {TN_I64, {0, 0}, false, NULL};
    if (!m) return;
    (void)tn_module_buffer(m, "running_mean", tn_zeros(features, 1, NULL), false);
    (void)tn_module_buffer(m, "running_var", tn_ones(features, 1, NULL), false);
    (void)tn_module_buffer(m, "num_batches_tracked", tn_zeros(NULL, 0, &i64), false);
}
static tn_module *tn__batch_norm_new(const char *kind, int64_t features, const tn_norm_opts *opts, int64_t dims) {
    const tn_norm_opts o = tn__norm_or(opts);
    tn_module *m = tn__layer(kind, tn__batch_norm_forward, features > 0 || tn__fail(TN_ERR_INVALID, "%s: %lld features", kind, (long long)features), "%lld", (long long)features);
    if (!tn__keep_opts(m, &o, sizeof o)) return NULL;
    m->state->k[0] = dims;
    if (!o.no_affine) tn__layer_affine(m, &features, 1, !o.no_bias);
    if (!o.no_running_stats) tn__running(m, &features);
    return m;
}
TN_API tn_module *tn_nn_batch_norm1d(int64_t features, const tn_norm_opts *opts) { return tn__batch_norm_new("BatchNorm1d", features, opts, 1); }
TN_API tn_module *tn_nn_batch_norm2d(int64_t features, const tn_norm_opts *opts) { return tn__batch_norm_new("BatchNorm2d", features, opts, 2); }
static tn_tensor *tn__instance_norm_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_norm_opts *o = (const tn_norm_opts *)(const void *)self->state->opts;
    tn_tensor *mean = tn__named_here(self, "running_mean");
    const tn_instance_norm_opts i = {tn__named_here(self, "weight"), tn__named_here(self, "bias"), mean, tn__named_here(self, "running_var"), mean && !tn_module_training(self), o->momentum, o->eps};
    return n ? tn_instance_norm(in[0], &i) : NULL;
}
TN_API tn_module *tn_nn_instance_norm2d(int64_t features, const tn_norm_opts *opts) {
    const tn_norm_opts o = tn__norm_or(opts);
    tn_module *m = tn__layer("InstanceNorm2d", tn__instance_norm_forward, features > 0 || tn__fail(TN_ERR_INVALID, "tn_nn_instance_norm2d: %lld features", (long long)features), "%lld", (long long)features);
    if (!tn__keep_opts(m, &o, sizeof o)) return NULL;
    if (o.affine) tn__layer_affine(m, &features, 1, !o.no_bias);
    if (o.track_running_stats) tn__running(m, &features);
    return m;
}
/* -- convolutions and pools as layers -- */
#define TN__CONV_LAYER(fn, title, call, axes, transposed)                                                              \
    static tn_tensor *tn__##fn##_forward(tn_module *self, tn_tensor *const *in, int n) {                               \
        return n ? tn__conv_padded(self, in[0], axes, call) : NULL;                                                    \
    }                                                                                                                  \
    TN_API tn_module *tn_nn_##fn(int64_t in_channels, int64_t out_channels, int64_t kernel_size, const tn_conv_opts *opts) { \
        return tn__conv_layer(title, tn__##fn##_forward, in_channels, out_channels, kernel_size, opts, axes, transposed); \
    }
static tn_tensor *tn__conv_padded(tn_module *self, tn_tensor *x, int axes, tn_tensor *(*call)(tn_tensor *, tn_tensor *, tn_tensor *, const tn_conv_opts *)) {
    tn_conv_opts o = *(const tn_conv_opts *)(const void *)self->state->opts;
    const tn_pad_opts mode = {o.padding_mode, 0};
    int64_t pads[6];
    if (o.padding_mode == TN_PAD_CONSTANT) return call(x, tn__p(self, 0), tn__p(self, 1), &o);
    for (int k = 0; k < axes; k++) pads[2 * (axes - 1 - k)] = pads[2 * (axes - 1 - k) + 1] = o.per_axis_padding ? o.paddings[k] : o.padding;
    o.padding = 0;
    o.per_axis_padding = false;
    return call(tn_pad(x, pads, 2 * axes, &mode), tn__p(self, 0), tn__p(self, 1), &o);
}
static tn_module *tn__conv_layer(const char *title, tn_forward_fn forward, int64_t in, int64_t out, int64_t kernel, const tn_conv_opts *opts, int axes, bool transposed) {
    int64_t shape[5], groups = opts && opts->groups ? opts->groups : 1;
    const bool ok = (in > 0 && out > 0 && groups > 0 && in % groups == 0 && out % groups == 0) || tn__fail(TN_ERR_INVALID, "%s: %lld to %lld channels in %lld groups", title, (long long)in, (long long)out, (long long)groups);
    tn_module *m = tn__layer(title, forward, ok, "%lld, %lld, kernel_size=%lld", (long long)in, (long long)out, (long long)kernel);
    if (!tn__keep_opts(m, opts, sizeof *opts)) return NULL;
    shape[0] = transposed ? in : out;
    shape[1] = (transposed ? out : in) / groups;
    for (int k = 0; k < axes; k++) shape[2 + k] = opts && opts->kernel_sizes[0] ? opts->kernel_sizes[k] : kernel;
    tn__layer_param(m, "weight", shape, axes + 2);
    if (!opts || !opts->no_bias) tn__layer_param(m, "bias", &out, 1);
    (void)tn_module_init(m, tn__init_affine);
    return m;
}
TN__CONV_LAYER(conv1d, "Conv1d", tn_conv1d, 1, false)
TN__CONV_LAYER(conv2d, "Conv2d", tn_conv2d, 2, false)
TN__CONV_LAYER(conv3d, "Conv3d", tn_conv3d, 3, false)
TN__CONV_LAYER(conv_transpose1d, "ConvTranspose1d", tn_conv_transpose1d, 1, true)
TN__CONV_LAYER(conv_transpose2d, "ConvTranspose2d", tn_conv_transpose2d, 2, true)
#define TN__POOL_LAYER(fn, title)                                                                                      \
    static tn_tensor *tn__##fn##_forward(tn_module *self, tn_tensor *const *in, int n) {                               \
        return n ? tn_##fn(in[0], self->state->k[0], (const tn_pool_opts *)(const void *)self->state->opts) : NULL;    \
    }                                                                                                                  \
    TN_API tn_module *tn_nn_##fn(int64_t kernel_size, const tn_pool_opts *opts) {                                      \
        tn_module *m = tn__layer(title, tn__##fn##_forward, true, "kernel_size=%lld", (long long)kernel_size);         \
        if (!tn__keep_opts(m, opts, sizeof *opts)) return NULL;                                                        \
        m->state->k[0] = kernel_size;                                                                                  \
        return m;                                                                                                      \
    }
TN__POOL_LAYER(max_pool1d, "MaxPool1d")
TN__POOL_LAYER(max_pool2d, "MaxPool2d")
TN__POOL_LAYER(avg_pool1d, "AvgPool1d")
TN__POOL_LAYER(avg_pool2d, "AvgPool2d")
TN__LAYER_PLAIN(adaptive_avg_pool2d, tn_adaptive_avg_pool2d(x, k, 2))
TN__LAYER_PLAIN(adaptive_max_pool2d, tn_adaptive_max_pool2d(x, k, 2).values)
TN__LAYER_PLAIN(pixel_shuffle, tn_pixel_shuffle(x, k[0]))
static tn_module *tn__adaptive_layer(const char *title, tn_forward_fn forward, const int64_t *output, int n) {
    tn_module *m = tn__layer(title, forward, (output && (n == 1 || n == 2)) || tn__fail(TN_ERR_INVALID, "%s: one or two output sizes are wanted", title), "output_size=%s", output && (n == 1 || n == 2) ? tn__sizes_text(output, n) : "");
    if (m) m->state->k[0] = output[0], m->state->k[1] = output[n - 1];
    return m;
}
TN_API tn_module *tn_nn_adaptive_avg_pool2d(const int64_t *output, int n) { return tn__adaptive_layer("AdaptiveAvgPool2d", tn__adaptive_avg_pool2d_forward, output, n); }
TN_API tn_module *tn_nn_adaptive_max_pool2d(const int64_t *output, int n) { return tn__adaptive_layer("AdaptiveMaxPool2d", tn__adaptive_max_pool2d_forward, output, n); }
TN_API tn_module *tn_nn_pixel_shuffle(int64_t upscale_factor) {
    tn_module *m = tn__layer("PixelShuffle", tn__pixel_shuffle_forward, true, "upscale_factor=%lld", (long long)upscale_factor);
    if (m) m->state->k[0] = upscale_factor;
    return m;
}
static tn_tensor *tn__upsample_forward(tn_module *self, tn_tensor *const *in, int n) {
    return n ? tn_interpolate(in[0], (const tn_interpolate_opts *)(const void *)self->state->opts) : NULL;
}
TN_API tn_module *tn_nn_upsample(const tn_interpolate_opts *opts) {
    static const char *const modes[] = {"nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear", "area"};
    const bool ok = (opts && (opts->n_size || opts->n_scale) && opts->mode >= TN_NEAREST && opts->mode <= TN_AREA) || tn__fail(TN_ERR_INVALID, "tn_nn_upsample: a size or a factor, and a mode, are wanted");
    tn_module *m = tn__layer("Upsample", tn__upsample_forward, ok, "mode='%s'", ok ? modes[opts->mode] : "");
    return tn__keep_opts(m, opts, sizeof *opts) ? m : NULL;
}
/* -- losses as modules -- */
#define TN__LOSS_LAYER(fn, title, call, type)                                                                           \
    static tn_tensor *tn__##fn##_forward(tn_module *self, tn_tensor *const *in, int n) {                               \
        if (n != 2) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_call: %s takes (x, target), got %d inputs", self->kind, n); \
        return call(in[0], in[1], (const type *)(const void *)self->state->opts);                                      \
    }                                                                                                                  \
    TN_API tn_module *tn_nn_##fn(const type *opts) {                                                                   \
        tn_module *m = tn__layer(title, tn__##fn##_forward, true, "%s", "");                                            \
        return tn__keep_opts(m, opts, sizeof *opts) && tn__keep_weights(m, opts ? opts->weight : NULL, NULL) ? m : NULL; \
    }
static bool tn__keep_weights(tn_module *m, tn_tensor *a, tn_tensor *b) { /* the options' tensors live as long as the module */
    if (a) (void)tn_module_buffer(m, "weight", a, false);
    if (b) (void)tn_module_buffer(m, "pos_weight", b, false);
    return true;
}
TN__LOSS_LAYER(cross_entropy_loss, "CrossEntropyLoss", tn_cross_entropy, tn_cross_entropy_opts)
TN__LOSS_LAYER(nll_loss, "NLLLoss", tn_nll_loss, tn_cross_entropy_opts)
TN__LOSS_LAYER(mse_loss, "MSELoss", tn_mse_loss, tn_loss_opts)
TN__LOSS_LAYER(l1_loss, "L1Loss", tn_l1_loss, tn_loss_opts)
TN__LOSS_LAYER(smooth_l1_loss, "SmoothL1Loss", tn_smooth_l1_loss, tn_loss_opts)
TN__LOSS_LAYER(huber_loss, "HuberLoss", tn_huber_loss, tn_loss_opts)
TN__LOSS_LAYER(bce_loss, "BCELoss", tn_binary_cross_entropy, tn_loss_opts)
TN__LOSS_LAYER(bce_with_logits_loss, "BCEWithLogitsLoss", tn_binary_cross_entropy_with_logits, tn_loss_opts)
TN__LOSS_LAYER(kl_div_loss, "KLDivLoss", tn_kl_div, tn_loss_opts)

/* -- multi-head attention and transformers. k[0] the width, k[1] the heads. -- */
static tn_tensor *tn__given(tn_tensor *const *in, int n, int i) { return i < n ? in[i] : NULL; }
static tn_mha_result tn__mha_run(tn_module *m, tn_tensor *q, tn_tensor *k, tn_tensor *v, tn_mha_opts o) {
    const tn_mha_module_opts *own = (const tn_mha_module_opts *)(const void *)m->state->opts;
    const bool swap = own->batch_first && q && q->ndim == 3;
    o.in_proj_weight = tn__named_here(m, "in_proj_weight");
    o.q_proj_weight = tn__named_here(m, "q_proj_weight");
    o.k_proj_weight = tn__named_here(m, "k_proj_weight");
    o.v_proj_weight = tn__named_here(m, "v_proj_weight");
    o.in_proj_bias = tn__named_here(m, "in_proj_bias");
    o.bias_k = tn__named_here(m, "bias_k");
    o.bias_v = tn__named_here(m, "bias_v");
    o.out_proj_weight = tn__p(m->state->child[0].m, 0);
    o.out_proj_bias = tn__p(m->state->child[0].m, 1);
    o.add_zero_attn = own->add_zero_attn;
    o.dropout_p = own->dropout;
    o.training = tn_module_training(m);
    if (swap) q = tn_transpose(q, 0, 1), k = tn_transpose(k, 0, 1), v = tn_transpose(v, 0, 1);
    tn_mha_result r = tn_multi_head_attention_forward(q, k, v, m->state->k[0], m->state->k[1], &o);
    if (swap && r.output) r.output = tn_transpose(r.output, 0, 1);
    return r;
}
static tn_tensor *tn__mha_forward(tn_module *self, tn_tensor *const *in, int n) {
    tn_mha_opts o;
    memset(&o, 0, sizeof o);
    o.key_padding_mask = tn__given(in, n, 3);
    o.attn_mask = tn__given(in, n, 4);
    return tn__mha_run(self, tn__given(in, n, 0), tn__given(in, n, 1), tn__given(in, n, 2), o).output;
}
TN_API tn_mha_result tn_nn_multihead_attention_forward(tn_module *m, tn_tensor *query, tn_tensor *key, tn_tensor *value, const tn_mha_opts *opts) {
    tn_mha_result r = {NULL, NULL};
    tn_mha_opts o;
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    if (!tn__ready_params(m, "tn_nn_multihead_attention_forward")) return r;
    if (m->forward != tn__mha_forward) return tn__fail(TN_ERR_INVALID, "tn_nn_multihead_attention_forward: a MultiheadAttention is wanted, got a %s", m->kind), r;
    tn_scope s = tn_scope_open();
    r = tn__mha_run(m, query, key, value, o);
    tn_keep(r.output);
    tn_keep(r.weights);
    tn_scope_close(&s);
    return r;
}
/* After out_proj, which draws as a Linear does. */
static tn_status tn__init_mha(tn_module *m) {
    tn_tensor *bias = tn__p(m->state->child[0].m, 1);
    bool ok = !bias || tn_init_zeros_(bias);
    for (int i = 0; ok && i < m->state->n_param; i++) {
        tn_tensor *t = m->state->param[i].t;
        ok = (t->ndim == 1 ? tn_init_zeros_(t) : t->ndim == 2 ? tn_init_xavier_uniform_(t, 1, NULL) : tn_init_xavier_normal_(t, 1, NULL)) != NULL;
    }
    return tn__status(ok);
}
TN_API tn_module *tn_nn_multihead_attention(int64_t embed_dim, int64_t num_heads, const tn_mha_module_opts *opts) {
    tn_mha_module_opts o;
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    const int64_t e = embed_dim, kdim = o.kdim ? o.kdim : e, vdim = o.vdim ? o.vdim : e, packed[2] = {3 * e, e}, q[2] = {e, e}, k[2] = {e, kdim}, v[2] = {e, vdim}, row[3] = {1, 1, e};
    const bool ok = (e > 0 && num_heads > 0 && e % num_heads == 0 && kdim > 0 && vdim > 0) || tn__fail(TN_ERR_INVALID, "tn_nn_multihead_attention: a width of %lld in %lld heads", (long long)e, (long long)num_heads);
    tn_module *m = ok && tn__probability("tn_nn_multihead_attention", o.dropout) ? tn__layer("MultiheadAttention", tn__mha_forward, true, "%s", "") : NULL;
    if (!tn__keep_opts(m, &o, sizeof o)) return NULL;
    m->state->k[0] = e, m->state->k[1] = num_heads;
    if (kdim == e && vdim == e) tn__layer_param(m, "in_proj_weight", packed, 2);
    else {
        tn__layer_param(m, "q_proj_weight", q, 2);
        tn__layer_param(m, "k_proj_weight", k, 2);
        tn__layer_param(m, "v_proj_weight", v, 2);
    }
    if (!o.no_bias) tn__layer_param(m, "in_proj_bias", packed, 1);
    if (o.add_bias_kv) tn__layer_param(m, "bias_k", row, 3), tn__layer_param(m, "bias_v", row, 3);
    const tn_linear_opts linear = {o.no_bias};
    tn_module *out = tn_module_child(m, "out_proj", tn_nn_linear(e, e, &linear));
    if (out) out->kind = "NonDynamicallyQuantizableLinear";
    (void)tn_module_init(m, tn__init_mha);
    return m;
}
/* What a layer, a stack of them and the whole keep. A layer's blocks: 2 in an encoder, 3 in a decoder. Its children are the
   attentions (blocks - 1), linear1, dropout, linear2, the blocks' norms, the blocks' dropouts. */
typedef struct { int64_t width, heads; int blocks; tn_transformer_opts o; } tn__transformer;
static const tn__transformer *tn__transformer_of(const tn_module *m) { return (const tn__transformer *)(const void *)m->state->opts; }
static tn_tensor *tn__transformer_block(tn_module *self, int i, tn_tensor *x, tn_tensor *const *in, int n) {
    const int b = tn__transformer_of(self)->blocks;
    if (i < b - 1) {
        tn_tensor *memory = i ? in[1] : x, *attend[5] = {x, memory, memory, tn__given(in, n, b == 3 ? 4 + i : 2), tn__given(in, n, b == 3 ? 2 + i : 1)};
        return tn_call(tn_module_at(self, i), attend, 5);
    }
    x = tn_forward(tn_module_at(self, b - 1), x);
    x = tn__transformer_of(self)->o.gelu ? tn_gelu(x, TN_GELU_NONE) : tn_relu(x);
    return tn_forward(tn_module_at(self, b + 1), tn_forward(tn_module_at(self, b), x));
}
static bool tn__transformer_inputs(const tn_module *m, tn_tensor *const *in, int n, int want) {
    for (int i = 0; i < want; i++)
        if (!tn__given(in, n, i)) return tn__fail_null(want == 1 ? "tn_call: src of a transformer" : "tn_call: an input of a transformer with a decoder");
    const tn__transformer *t = tn__transformer_of(m);
    const int dims = in[0]->ndim;
    if (dims < 2 || dims > 3 || in[0]->shape[dims - 1] != t->width) return tn__fail(TN_ERR_SHAPE, "tn_call: %s takes [%s, %lld], got %s", m->kind, t->o.batch_first ? "N, L" : "L, N", (long long)t->width, TN__SHAPE_TEXT(in[0]));
    return true;
}
static tn_tensor *tn__transformer_layer_forward(tn_module *self, tn_tensor *const *in, int n) {
    const int b = tn__transformer_of(self)->blocks;
    const bool first = tn__transformer_of(self)->o.norm_first;
    if (!tn__transformer_inputs(self, in, n, b - 1)) return NULL;
    tn_tensor *x = in[0];
    for (int i = 0; x && i < b; i++) {
        tn_module *norm = tn_module_at(self, b + 2 + i);
        tn_tensor *y = tn__transformer_block(self, i, first ? tn_forward(norm, x) : x, in, n);
        const bool swap = tn__transformer_of(self)->o.batch_first && i < b - 1 && x->ndim == 3; /* PyTorch draws in the order of memory: [L, N, E] */
        if (swap) y = tn_transpose(y, 0, 1);
        y = tn_forward(tn_module_at(self, 2 * b + 2 + i), y);
        x = tn_add(x, swap ? tn_transpose(y, 0, 1) : y);
        if (!first) x = tn_forward(norm, x);
    }
    return x;
}
static void tn__numbered_child(tn_module *m, const char *stem, int i, tn_module *child) {
    char name[24];
    (void)snprintf(name, sizeof name, "%s%d", stem, i);
    (void)tn_module_child(m, name, child);
}
static tn_module *tn__transformer_layer(const tn__transformer *t) {
    const double dropout = tn__eps_or(t->o.dropout, 0.1);
    const int64_t wide = t->o.dim_feedforward ? t->o.dim_feedforward : 2048;
    const tn_mha_module_opts mha = {dropout, t->o.no_bias, false, false, t->o.batch_first, 0, 0};
    const tn_linear_opts linear = {t->o.no_bias};
    tn_norm_opts norm = tn__norm_or(NULL);
    norm.eps = t->o.layer_norm_eps;
    norm.no_bias = t->o.no_bias;
    const bool ok = (t->width > 0 && t->heads > 0 && t->width % t->heads == 0 && wide > 0) || tn__fail(TN_ERR_INVALID, "tn_nn_transformer: a width of %lld in %lld heads, %lld within", (long long)t->width, (long long)t->heads, (long long)wide);
    tn_module *m = ok && tn__probability("tn_nn_transformer", dropout) ? tn__layer(t->blocks == 2 ? "TransformerEncoderLayer" : "TransformerDecoderLayer", tn__transformer_layer_forward, true, "%s", "") : NULL;
    if (!tn__keep_opts(m, t, sizeof *t)) return NULL;
    (void)tn_module_child(m, "self_attn", tn_nn_multihead_attention(t->width, t->heads, &mha));
    if (t->blocks == 3) (void)tn_module_child(m, "multihead_attn", tn_nn_multihead_attention(t->width, t->heads, &mha));
    (void)tn_module_child(m, "linear1", tn_nn_linear(t->width, wide, &linear));
    (void)tn_module_child(m, "dropout", tn_nn_dropout(dropout));
    (void)tn_module_child(m, "linear2", tn_nn_linear(wide, t->width, &linear));
    for (int i = 1; i <= t->blocks; i++) tn__numbered_child(m, "norm", i, tn_nn_layer_norm(&t->width, 1, &norm));
    for (int i = 1; i <= t->blocks; i++) tn__numbered_child(m, "dropout", i, tn_nn_dropout(dropout));
    return m;
}
static tn__transformer tn__transformer_conf(int64_t width, int64_t heads, int blocks, const tn_transformer_opts *opts) {
    tn__transformer t;
    memset(&t, 0, sizeof t);
    t.width = width;
    t.heads = heads;
    t.blocks = blocks;
    if (opts) t.o = *opts;
    return t;
}
TN_API tn_module *tn_nn_transformer_encoder_layer(int64_t d_model, int64_t heads, const tn_transformer_opts *opts) {
    const tn__transformer t = tn__transformer_conf(d_model, heads, 2, opts);
    return tn__transformer_layer(&t);
}
TN_API tn_module *tn_nn_transformer_decoder_layer(int64_t d_model, int64_t heads, const tn_transformer_opts *opts) {
    const tn__transformer t = tn__transformer_conf(d_model, heads, 3, opts);
    return tn__transformer_layer(&t);
}
/* A stack's children: the list of layers, and perhaps the norm. */
static tn_tensor *tn__stack_forward(tn_module *self, tn_tensor *const *in, int n) {
    tn_tensor *args[TN__FEW];
    tn_module *layers = tn_module_at(self, 0), *norm = tn_module_at(self, 1);
    if (!tn__transformer_inputs(self, in, n, tn__transformer_of(self)->blocks - 1)) return NULL;
    memcpy(args, in, (size_t)n * sizeof *in);
    for (int32_t i = 0; args[0] && i < layers->state->n_child; i++) args[0] = tn_call(layers->state->child[i].m, args, n);
    return norm && args[0] ? tn_forward(norm, args[0]) : args[0];
}
static void tn__copy_module(tn_module *to, const tn_module *from) { /* values, of a tree that was built alike */
    tn__init_forget(to);
    to->state->evaluating = from->state->evaluating;
    for (int32_t i = 0; i < to->state->n_param && i < from->state->n_param; i++) {
        tn__copy_raw(to->state->param[i].t, from->state->param[i].t);
        (void)tn_requires_grad_(to->state->param[i].t, tn_requires_grad(from->state->param[i].t));
    }
    for (int32_t i = 0; i < to->state->n_child && i < from->state->n_child; i++) tn__copy_module(to->state->child[i].m, from->state->child[i].m);
}
static tn_status tn__init_stack(tn_module *m) {
    const tn_module *layers = tn_module_at(m, 0);
    for (int32_t i = 0; m->state->source && i < layers->state->n_child; i++) tn__copy_module(layers->state->child[i].m, m->state->source);
    tn__module_source(m, NULL);
    return TN_OK;
}
static tn_module *tn__stack(const char *kind, tn_module *layer, int blocks, int n, tn_module *norm) {
    if (!tn__module_ok(layer, kind)) return NULL;
    if (layer->forward != tn__transformer_layer_forward || tn__transformer_of(layer)->blocks != blocks || n < 1) return (tn_module *)TN__FAIL_NULL(TN_ERR_INVALID, "%s: 1 or more of a %sLayer are wanted, got %d of a %s", kind, kind, n, layer->kind);
    tn_module *m = tn__layer(kind, tn__stack_forward, true, "%s", ""), *list = tn_nn_module_list(NULL, 0);
    tn_dtype dtype = tn__dt(tn__p(tn_module_at(layer, 0), 0));
    bool drawn = true;
    if (!tn__keep_opts(m, tn__transformer_of(layer), sizeof(tn__transformer))) return NULL;
    for (int32_t i = 0; i < tn__init.n; i++) drawn = drawn && !tn__inside(tn__init.at[i].module, layer);
    (void)tn_module_child(m, "layers", list);
    for (int i = 0; list && i < n; i++) {
        tn_module *copy = tn__transformer_layer(tn__transformer_of(layer));
        if (copy && !tn__each_param(copy, "", tn__convert_param, &dtype)) copy = NULL;
        if (copy) tn__copy_module(copy, layer);
        (void)tn_nn_append(list, copy);
    }
    if (m->state->failed == TN_OK && list && list->state->failed != TN_OK) tn__module_fail(m, list->state->failed, list->state->why);
    if (norm) (void)tn_module_child(m, "norm", norm);
    if (!drawn) {
        tn__module_source(m, layer);
        (void)tn_module_init(m, tn__init_stack);
    }
    return m;
}
TN_API tn_module *tn_nn_transformer_encoder(tn_module *layer, int n, tn_module *norm) { return tn__stack("TransformerEncoder", layer, 2, n, norm); }
TN_API tn_module *tn_nn_transformer_decoder(tn_module *layer, int n, tn_module *norm) { return tn__stack("TransformerDecoder", layer, 3, n, norm); }
static tn_tensor *tn__transformer_forward(tn_module *self, tn_tensor *const *in, int n) {
    if (!tn__transformer_inputs(self, in, n, 2)) return NULL;
    tn_tensor *src[3] = {in[0], tn__given(in, n, 2), tn__given(in, n, 5)};
    tn_tensor *tgt[6] = {in[1], tn_call(tn_module_at(self, 0), src, 3), tn__given(in, n, 3), tn__given(in, n, 4), tn__given(in, n, 6), tn__given(in, n, 7)};
    return tgt[1] ? tn_call(tn_module_at(self, 1), tgt, 6) : NULL;
}
static bool tn__xavier_param(void *arg, const char *name, tn__param *p) {
    (void)arg, (void)name;
    return p->buffer || p->t->ndim < 2 || tn_init_xavier_uniform_(p->t, 1, NULL);
}
static tn_status tn__init_transformer(tn_module *m) { return tn__status(tn__each_param(m, "", tn__xavier_param, NULL)); }
TN_API tn_module *tn_nn_transformer(int64_t d_model, int64_t heads, const tn_transformer_opts *opts) {
    const tn__transformer t = tn__transformer_conf(d_model, heads, 3, opts);
    tn_norm_opts norm = tn__norm_or(NULL);
    norm.eps = t.o.layer_norm_eps;
    norm.no_bias = t.o.no_bias;
    tn_module *layer = tn_nn_transformer_encoder_layer(d_model, heads, opts), *m = layer ? tn__layer("Transformer", tn__transformer_forward, true, "%s", "") : NULL;
    if (!tn__keep_opts(m, &t, sizeof t)) return NULL;
    (void)tn_module_child(m, "encoder", tn_nn_transformer_encoder(layer, t.o.num_encoder_layers ? t.o.num_encoder_layers : 6, tn_nn_layer_norm(&d_model, 1, &norm)));
    layer = tn_nn_transformer_decoder_layer(d_model, heads, opts);
    (void)tn_module_child(m, "decoder", tn_nn_transformer_decoder(layer, t.o.num_decoder_layers ? t.o.num_decoder_layers : 6, tn_nn_layer_norm(&d_model, 1, &norm)));
    (void)tn_module_init(m, tn__init_transformer);
    return m;
}
/* The mask that is given, or a causal one. */
static tn_tensor *tn__transformer_mask(tn_tensor *mask, bool causal, const tn_tensor *x, const tn_tensor *seen, bool batch_first) {
    if (mask || !causal || !x || !seen || x->ndim < 2 || seen->ndim < 2) return mask;
    return tn_to_dtype(tn__causal_mask(x->shape[x->ndim == 3 && batch_first], seen->shape[seen->ndim == 3 && batch_first]), tn__dt(x));
}
TN_API tn_tensor *tn_nn_transformer_forward(tn_module *m, tn_tensor *const *in, int n, const tn_transformer_masks *masks) {
    tn_transformer_masks k;
    memset(&k, 0, sizeof k);
    if (masks) k = *masks;
    if (!tn__ready_params(m, "tn_nn_transformer_forward")) return NULL;
    const bool whole = m->forward == tn__transformer_forward;
    if (!whole && m->forward != tn__stack_forward && m->forward != tn__transformer_layer_forward) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_nn_transformer_forward: a transformer module is wanted, got a %s", m->kind);
    const tn__transformer *t = tn__transformer_of(m);
    const int want = t->blocks - 1;
    if (n != want || !in) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_nn_transformer_forward: %s takes %d inputs, got %d", m->kind, want, n);
    tn_scope s = tn_scope_open();
    const bool first = t->o.batch_first;
    tn_tensor *a = in[0], *b = n > 1 ? in[1] : NULL, *tgt = whole ? b : a, *memory = whole ? a : b, *y;
    k.src_mask = tn__transformer_mask(k.src_mask, k.src_is_causal, a, a, first);
    k.tgt_mask = tn__transformer_mask(k.tgt_mask, k.tgt_is_causal, tgt, tgt, first);
    k.memory_mask = tn__transformer_mask(k.memory_mask, k.memory_is_causal, tgt, memory, first);
    tn_tensor *encode[3] = {a, k.src_mask, k.src_key_padding_mask};
    tn_tensor *decode[6] = {a, b, k.tgt_mask, k.memory_mask, k.tgt_key_padding_mask, k.memory_key_padding_mask};
    tn_tensor *both[8] = {a, b, k.src_mask, k.tgt_mask, k.memory_mask, k.src_key_padding_mask, k.tgt_key_padding_mask, k.memory_key_padding_mask};
    y = whole ? tn_call(m, both, 8) : want == 1 ? tn_call(m, encode, 3) : tn_call(m, decode, 6);
    tn_keep(y);
    tn_scope_close(&s);
    return y;
}

/* -- torch.nn.utils -- */
TN_API double tn_clip_grad_norm_(tn_tensor *const *parameters, int n, double max_norm, double norm_type) {
    double total = 0;
    bool any = false, ok = parameters || n == 0 || tn__fail_null("tn_clip_grad_norm_: parameters");
    const bool was = tn__set_recording(false);
    tn_scope s = tn_scope_open();
    for (int i = 0; ok && i < n; i++) {
        if (!parameters[i] || !parameters[i]->grad) continue;
        const double v = tn_item(tn_linalg_vector_norm(parameters[i]->grad, norm_type, NULL));
        any = true;
        if (isinf(norm_type)) total = fmax(total, v);
        else total += pow(v, norm_type);
        if (v != v) total = v;
    }
    if (!isinf(norm_type)) total = pow(total, 1 / norm_type);
    const double scale = fmin(max_norm / (total + 1e-6), 1);
    for (int i = 0; ok && any && scale < 1 && i < n; i++)
        if (parameters[i] && parameters[i]->grad) ok = tn_mul_(parameters[i]->grad, scale) != NULL;
    tn_scope_close(&s);
    (void)tn__set_recording(was);
    return ok ? total : (double)NAN;
}
TN_API tn_status tn_clip_grad_value_(tn_tensor *const *parameters, int n, double clip_value) {
    bool ok = parameters || n == 0 || tn__fail_null("tn_clip_grad_value_: parameters");
    const bool was = tn__set_recording(false);
    tn_scope s = tn_scope_open();
    for (int i = 0; ok && i < n; i++)
        if (parameters[i] && parameters[i]->grad) ok = tn_clamp_(parameters[i]->grad, -clip_value, clip_value) != NULL;
    tn_scope_close(&s);
    (void)tn__set_recording(was);
    return tn__status(ok);
}
TN_API tn_tensor *tn_parameters_to_vector(tn_tensor *const *parameters, int n) {
    const int64_t flat = -1;
    tn_tensors parts = tn__tensors_new(n);
    for (int i = 0; parts.at && i < n; i++) {
        tn_tensor *t = tn_reshape(parameters[i], &flat, 1);
        if (!t) return NULL;
        tn__tensors_set(&parts, i, t);
    }
    return parts.at ? tn_cat(parts.at, n, 0) : NULL;
}
TN_API tn_status tn_vector_to_parameters(tn_tensor *vec, tn_tensor *const *parameters, int n) {
    int64_t total = 0, at = 0;
    if (!vec || (n && !parameters)) return tn__fail_null_status("tn_vector_to_parameters: argument");
    for (int i = 0; i < n; i++) total += parameters[i] ? parameters[i]->numel : 0;
    if (vec->ndim != 1 || vec->numel != total) return TN__FAIL_STATUS(TN_ERR_SHAPE, "tn_vector_to_parameters: %s for %lld elements", TN__SHAPE_TEXT(vec), (long long)total);
    const bool was = tn__set_recording(false);
    tn_scope s = tn_scope_open();
    bool ok = true;
    for (int i = 0; ok && i < n; at += parameters[i++]->numel)
        ok = parameters[i] && tn_copy_(parameters[i], tn_reshape(tn_narrow(vec, 0, at, parameters[i]->numel), parameters[i]->shape, parameters[i]->ndim)) != NULL;
    tn_scope_close(&s);
    (void)tn__set_recording(was);
    return tn__status(ok);
}

/* ================================================================================================================ */
/* >>optim (Private)                                                                                                */
/* Optimizers.                                                                                                      */
/* ================================================================================================================ */

#define TN__OPT_STATES 3
/* What a kind of optimizer is called, keeps and defaults to. */
static const struct { const char *name; int kernel; const char *states[TN__OPT_STATES]; bool counts; } tn__optim_kinds[] = {
    {"SGD", TN__OPT_SGD, {"momentum_buffer", NULL, NULL}, false},
    {"Adam", TN__OPT_ADAM, {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"}, true},
    {"AdamW", TN__OPT_ADAM, {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"}, true},
    {"RMSprop", TN__OPT_RMSPROP, {"square_avg", "momentum_buffer", "grad_avg"}, true},
    {"Adagrad", TN__OPT_ADAGRAD, {"sum", NULL, NULL}, true}};
enum { TN__KIND_SGD, TN__KIND_ADAM, TN__KIND_ADAMW, TN__KIND_RMSPROP, TN__KIND_ADAGRAD };
/* Options of a group, whatever the kind, defaults filled in. As doubles, in the order of tn__group_names. */
enum { TN__G_LR, TN__G_DECAY, TN__G_MOMENTUM, TN__G_DAMPENING, TN__G_BETA1, TN__G_BETA2, TN__G_EPS, TN__G_ALPHA, TN__G_LR_DECAY,
       TN__G_INITIAL, TN__G_NESTEROV, TN__G_AMSGRAD, TN__G_CENTERED, TN__G_MAXIMIZE, TN__G_INITIAL_LR, TN__G_MAX_LR, TN__G_MIN_LR, TN__G_COUNT };
static const char *const tn__group_names[TN__G_COUNT] = {"lr", "weight_decay", "momentum", "dampening", "betas.0", "betas.1", "eps", "alpha",
    "lr_decay", "initial_accumulator_value", "nesterov", "amsgrad", "centered", "maximize", "initial_lr", "max_lr", "min_lr"};
typedef struct tn__slot { /* a parameter and its state */
    tn_tensor *param, *state[TN__OPT_STATES];
    int64_t step;
    int32_t group;
} tn__slot;
typedef struct tn__group { double v[TN__G_COUNT]; } tn__group;
struct tn_optimizer {
    tn__object object;
    int kind;
    tn__slot *slot;
    int32_t n_slots, cap_slots;
    tn__group *group;
    int32_t n_groups, cap_groups;
};
static void tn__optim_free(tn__object *object) {
    tn_optimizer *o = (tn_optimizer *)object;
    for (int32_t i = 0; i < o->n_slots; i++) {
        tn_release(o->slot[i].param);
        for (int k = 0; k < TN__OPT_STATES; k++)
            if (o->slot[i].state[k]) tn_release(o->slot[i].state[k]);
    }
    tn__free(o->slot, (size_t)o->cap_slots * sizeof *o->slot);
    tn__free(o->group, (size_t)o->cap_groups * sizeof *o->group);
    tn__free(o, sizeof *o);
}
/* A real option: zero means its default, TN_ZERO zero. */
static double tn__or(double v, double fallback) { return v == 0 ? fallback : v == TN_ZERO ? 0 : v; }
static bool tn__group_fill(int kind, const void *opts, double *v, tn_tensor *const **params, int *n) {
    memset(v, 0, TN__G_COUNT * sizeof *v);
#define TN__COMMON(o, lr_default, decay_default)                                                                       \
    v[TN__G_LR] = tn__or((o)->lr, lr_default), v[TN__G_DECAY] = tn__or((o)->weight_decay, decay_default), v[TN__G_MAXIMIZE] = (o)->maximize, \
    *params = (o)->params, *n = (o)->n_params
    if (kind == TN__KIND_SGD) {
        const tn_sgd_opts *o = (const tn_sgd_opts *)opts;
        TN__COMMON(o, 1e-3, 0);
        v[TN__G_MOMENTUM] = tn__or(o->momentum, 0);
        v[TN__G_DAMPENING] = tn__or(o->dampening, 0);
        v[TN__G_NESTEROV] = o->nesterov;
        if (o->nesterov && (v[TN__G_MOMENTUM] <= 0 || v[TN__G_DAMPENING] != 0)) return tn__fail(TN_ERR_INVALID, "tn_optim_sgd: nesterov needs a momentum and no dampening");
    } else if (kind == TN__KIND_ADAM || kind == TN__KIND_ADAMW) { /* the two structs have the same fields */
        const tn_adam_opts *o = (const tn_adam_opts *)opts;
        TN__COMMON(o, 1e-3, kind == TN__KIND_ADAMW ? 1e-2 : 0);
        v[TN__G_BETA1] = tn__or(o->beta1, 0.9);
        v[TN__G_BETA2] = tn__or(o->beta2, 0.999);
        v[TN__G_EPS] = tn__or(o->eps, 1e-8);
        v[TN__G_AMSGRAD] = o->amsgrad;
    } else if (kind == TN__KIND_RMSPROP) {
        const tn_rmsprop_opts *o = (const tn_rmsprop_opts *)opts;
        TN__COMMON(o, 1e-2, 0);
        v[TN__G_ALPHA] = tn__or(o->alpha, 0.99);
        v[TN__G_EPS] = tn__or(o->eps, 1e-8);
        v[TN__G_MOMENTUM] = tn__or(o->momentum, 0);
        v[TN__G_CENTERED] = o->centered;
    } else {
        const tn_adagrad_opts *o = (const tn_adagrad_opts *)opts;
        TN__COMMON(o, 1e-2, 0);
        v[TN__G_LR_DECAY] = tn__or(o->lr_decay, 0);
        v[TN__G_EPS] = tn__or(o->eps, 1e-10);
        v[TN__G_INITIAL] = tn__or(o->initial_accumulator_value, 0);
    }
#undef TN__COMMON
    for (int k = 0; k <= TN__G_INITIAL; k++)
        if (!(v[k] >= 0) || ((k == TN__G_BETA1 || k == TN__G_BETA2) && v[k] >= 1))
            return tn__fail(TN_ERR_INVALID, "%s: %s cannot be %g", tn__optim_kinds[kind].name, tn__group_names[k], v[k]);
    v[TN__G_INITIAL_LR] = v[TN__G_LR];
    return true;
}
static tn_tensor *tn__state_new(const tn_tensor *like, double v) { /* owned by the slot alone */
    tn_scope s = tn_scope_open();
    TN__MAKE_ON(like->storage->device);
    tn_tensor *t = (tn_tensor *)tn_retain(tn__filled(tn__new(tn__dt(like), like->shape, like->ndim), v));
    tn_scope_close(&s);
    return t;
}
static bool tn__optim_add(tn_optimizer *o, const double *v, tn_tensor *const *params, int n) {
    if (!tn__grow(&o->group, &o->cap_groups, (int64_t)o->n_groups + 1, sizeof *o->group)) return false;
    if (!tn__grow(&o->slot, &o->cap_slots, (int64_t)o->n_slots + n, sizeof *o->slot)) return false;
    for (int i = 0; i < n; i++) {
        if (!params[i]) return tn__fail_null("tn_optim: a parameter");
        if (!tn__is_float(tn__dt(params[i])) || params[i]->node) return tn__fail(TN_ERR_INVALID, "tn_optim: parameter %d has to be a floating leaf", i);
        for (int32_t k = 0; k < o->n_slots + i; k++)
            if (o->slot[k].param == params[i]) return tn__fail(TN_ERR_INVALID, "tn_optim: parameter %d is in the optimizer already", i);
        memset(&o->slot[o->n_slots + i], 0, sizeof *o->slot);
        o->slot[o->n_slots + i].param = params[i];
        o->slot[o->n_slots + i].group = o->n_groups;
    }
    memcpy(o->group[o->n_groups].v, v, TN__G_COUNT * sizeof *v);
    for (int i = 0; i < n; i++) tn_retain(params[i]);
    o->n_slots += n;
    o->n_groups++;
    return true;
}
static tn_optimizer *tn__optim_new(int kind, tn_module *m, const void *opts) {
    double v[TN__G_COUNT];
    tn_tensor *const *params = NULL;
    int n = 0;
    if (!tn__group_fill(kind, opts, v, &params, &n)) return NULL;
    if (!m && !params && n == 0) return (tn_optimizer *)(tn__fail_null("tn_optim: module (and no params)"), NULL);
    tn_scope s = tn_scope_open();
    bool ok = tn_init_flush() == TN_OK;
    if (ok && !params) {
        const tn_tensors all = tn_parameters(m);
        params = all.at;
        n = all.n;
        ok = all.at != NULL;
    }
    if (ok && n < 1) ok = tn__fail(TN_ERR_INVALID, "tn_optim: no parameters");
    tn_optimizer *o = ok ? (tn_optimizer *)tn__object_new(sizeof *o, TN__TAG_OPTIMIZER, tn__optim_free) : NULL;
    if (o) o->kind = kind;
    if (o && tn__optim_add(o, v, params, n)) tn_keep(o);
    else o = NULL; /* the scope frees it */
    tn_scope_close(&s);
    return o;
}
#define TN__OPTIM_PUBLIC(name, type, kind)                                                                             \
    TN_API tn_optimizer *tn_optim_##name(tn_module *m, const type *opts) {                                             \
        type none;                                                                                                     \
        memset(&none, 0, sizeof none);                                                                                 \
        return tn__optim_new(kind, m, opts ? opts : &none);                                                            \
    }
TN__OPTIM_PUBLIC(sgd, tn_sgd_opts, TN__KIND_SGD)
TN__OPTIM_PUBLIC(adam, tn_adam_opts, TN__KIND_ADAM)
TN__OPTIM_PUBLIC(adamw, tn_adamw_opts, TN__KIND_ADAMW)
TN__OPTIM_PUBLIC(rmsprop, tn_rmsprop_opts, TN__KIND_RMSPROP)
TN__OPTIM_PUBLIC(adagrad, tn_adagrad_opts, TN__KIND_ADAGRAD)
TN_API tn_status tn_optim_add_param_group(tn_optimizer *o, const void *opts) {
    double v[TN__G_COUNT];
    tn_tensor *const *params = NULL;
    int n = 0;
    if (!o || !opts) return tn__fail_null_status("tn_optim_add_param_group: argument");
    if (!tn__group_fill(o->kind, opts, v, &params, &n)) return tn__status(false);
    if (!params || n < 1) return TN__FAIL_STATUS(TN_ERR_INVALID, "tn_optim_add_param_group: no parameters");
    return tn__status(tn__optim_add(o, v, params, n));
}

/* -- the step -- */
static void tn__optim_constants(const tn_optimizer *o, const tn__slot *s, double *c) {
    const double *v = o->group[s->group].v, step = (double)s->step;
    memset(c, 0, TN__OPT_CONSTANTS * sizeof *c);
    c[TN__OPT_SIGN] = v[TN__G_MAXIMIZE] != 0 ? -1 : 1;
    c[TN__OPT_STEP] = -v[TN__G_LR];
    c[TN__OPT_DECAY] = v[TN__G_DECAY];
    c[TN__OPT_SHRINK] = 1;
    c[TN__OPT_MOMENTUM] = v[TN__G_MOMENTUM];
    c[TN__OPT_EPS] = v[TN__G_EPS];
    switch (o->kind) {
    case TN__KIND_SGD:
        c[TN__OPT_UNDAMPED] = 1 - v[TN__G_DAMPENING];
        c[TN__OPT_FIRST] = s->step == 1;
        c[TN__OPT_FLAG] = v[TN__G_NESTEROV];
        break;
    case TN__KIND_ADAMW:
        c[TN__OPT_SHRINK] = 1 - v[TN__G_LR] * v[TN__G_DECAY];
        c[TN__OPT_DECAY] = 0; /* fall through */
    case TN__KIND_ADAM:
        c[TN__OPT_WEIGHT1] = 1 - v[TN__G_BETA1];
        c[TN__OPT_BETA2] = v[TN__G_BETA2];
        c[TN__OPT_WEIGHT2] = 1 - v[TN__G_BETA2];
        c[TN__OPT_STEP] = -(v[TN__G_LR] / (1 - pow(v[TN__G_BETA1], step)));
        c[TN__OPT_ROOT] = sqrt(1 - pow(v[TN__G_BETA2], step));
        c[TN__OPT_FLAG] = v[TN__G_AMSGRAD];
        break;
    case TN__KIND_RMSPROP:
        c[TN__OPT_BETA2] = v[TN__G_ALPHA];
        c[TN__OPT_WEIGHT2] = 1 - v[TN__G_ALPHA];
        c[TN__OPT_FLAG] = v[TN__G_CENTERED];
        break;
    default: c[TN__OPT_STEP] = -(v[TN__G_LR] / (1 + (step - 1) * v[TN__G_LR_DECAY])); break;
    }
}
/* Which of the kind's states this group uses. */
static bool tn__optim_uses(const tn_optimizer *o, const double *v, int k) {
    if (!tn__optim_kinds[o->kind].states[k]) return false;
    if (o->kind == TN__KIND_SGD) return v[TN__G_MOMENTUM] != 0;
    if (o->kind == TN__KIND_RMSPROP && k == 1) return v[TN__G_MOMENTUM] > 0;
    if (o->kind == TN__KIND_RMSPROP && k == 2) return v[TN__G_CENTERED] != 0;
    return k < 2 || v[TN__G_AMSGRAD] != 0;
}
typedef struct { uint32_t size; int32_t kernel; double c[TN__OPT_CONSTANTS]; int32_t per; uint32_t states; } tn__attr_optim; /* operands a parameter; which states are among them */
typedef struct tn__optim_job {
    void (*kernel)(size_t nv, void *const *a, const double *c);
    double c[TN__OPT_CONSTANTS];
    char *data[2 + TN__OPT_STATES];
    int lane;
    size_t width;
    tn_dtype dt;
    int64_t n;
} tn__optim_job;
/* n elements from each operand's place, which are lanes: whole vectors, then the rest in padded ones. */
static void tn__optim_lanes(const tn__optim_job *j, char *const *at, int64_t n) {
    char pad[2 + TN__OPT_STATES][TN__VECTOR_MAX] __attribute__((aligned(64)));
    void *a[2 + TN__OPT_STATES];
    const size_t lane = tn__lane_size[j->lane], whole = (size_t)n / j->width, rest = (size_t)n % j->width;
    for (int k = 0; k < 2 + TN__OPT_STATES; k++) a[k] = at[k];
    if (whole) j->kernel(whole, a, j->c);
    if (!rest) return;
    memset(pad, 0, sizeof pad);
    for (int k = 0; k < 2 + TN__OPT_STATES; k++) {
        if (at[k]) memcpy(pad[k], at[k] + whole * j->width * lane, rest * lane);
        a[k] = pad[k];
    }
    j->kernel(1, a, j->c);
    for (int k = 0; k < 2 + TN__OPT_STATES; k++)
        if (at[k] && k != 1) memcpy(at[k] + whole * j->width * lane, pad[k], rest * lane);
}
static void tn__optim_run(void *arg, int64_t job) {
    const tn__optim_job *j = (const tn__optim_job *)arg;
    const int64_t begin = job * TN__GRAIN, end = TN__MIN(begin + TN__GRAIN, j->n), size = (int64_t)tn__dsize(j->dt);
    char *at[2 + TN__OPT_STATES];
    double block[2 + TN__OPT_STATES][TN__BLOCK];
    const bool direct = j->dt == tn__lane_dtype[j->lane];
    const int64_t piece = direct ? TN__GRAIN : TN__BLOCK;
    for (int64_t i = begin; i < end; i += piece) {
        const int64_t n = TN__MIN(piece, end - i);
        for (int k = 0; k < 2 + TN__OPT_STATES; k++) {
            at[k] = j->data[k] ? j->data[k] + i * size : NULL;
            if (direct || !at[k]) continue;
            tn__lane_load[j->dt][j->lane]((size_t)n, block[k], at[k], (ptrdiff_t)size);
            at[k] = (char *)block[k];
        }
        tn__optim_lanes(j, at, n);
        for (int k = 0; !direct && k < 2 + TN__OPT_STATES; k++)
            if (at[k] && k != 1) tn__lane_store[j->dt][j->lane]((size_t)n, j->data[k] + i * size, (ptrdiff_t)size, block[k]);
    }
}
static bool tn__optim_prepare(tn_optimizer *o, tn__slot *s) { /* the state, made at the first step */
    const double *v = o->group[s->group].v;
    for (int k = 0; k < TN__OPT_STATES; k++)
        if (!s->state[k] && tn__optim_uses(o, v, k) && !(s->state[k] = tn__state_new(s->param, o->kind == TN__KIND_ADAGRAD ? v[TN__G_INITIAL] : 0))) return false;
    return true;
}
/* optim_step: a list; for each parameter itself, its gradient, and the states that the mask names. All but the gradients are written. */
static bool tn__infer_optim_step(tn__call *c) {
    const int per = ((const tn__attr_optim *)c->attr)->per;
    for (int i = 0; i < c->n_in; i += per) {
        const tn_tensor *p = c->in[i], *g = c->in[i + 1];
        if (tn__dt(g) != tn__dt(p) || g->numel != p->numel) return tn__op_fail(c, TN_ERR_SHAPE, "a gradient %s %s for a parameter %s %s", tn_dtype_name(tn__dt(g)), TN__SHAPE_TEXT(g), tn_dtype_name(tn__dt(p)), TN__SHAPE_TEXT(p));
        if (!tn__writable(c, p)) return false;
    }
    return true;
}
static bool tn__optim_one(const tn__attr_optim *a, tn_tensor **in) {
    tn_tensor *p = in[0], *g = tn__dense(in[1]), *w = tn__dense(p); /* a parameter with odd strides goes through a copy */
    tn__optim_job j;
    int at = 2;
    if (!g || !w) return false;
    memset(&j, 0, sizeof j);
    memcpy(j.c, a->c, sizeof j.c);
    j.dt = tn__dt(p);
    j.lane = tn__lane_of(j.dt);
    j.kernel = tn__kernels_for(j.lane)->optim[a->kernel];
    j.width = tn__kernels_for(j.lane)->bytes / tn__lane_size[j.lane];
    j.n = p->numel;
    j.data[0] = w->data;
    j.data[1] = g->data;
    for (int k = 0; k < TN__OPT_STATES; k++)
        if (a->states >> k & 1u) j.data[2 + k] = in[at++]->data;
    tn__parallel((j.n + TN__GRAIN - 1) / TN__GRAIN, tn__optim_run, &j);
    if (w != p) (void)tn__copy_raw(p, w);
    return true;
}
static bool tn__writes(const tn__call *c, int i) { /* batch_norm its running statistics, optim_step all but the gradients */
    if (c->op == TN__OP_batch_norm) return i >= 3 && ((const tn__attr_batch *)c->attr)->training;
    return i % ((const tn__attr_optim *)c->attr)->per != 1;
}
static bool tn__kernel_optim_step(tn__call *c) {
    const tn__attr_optim *a = (const tn__attr_optim *)c->attr;
    bool ok = true;
    for (int i = 0; ok && i < c->n_in; i += a->per) ok = tn__optim_one(a, c->in + i);
    return ok;
}
/* Steps that wait for the next parameter: a device takes those with the same constants at once. */
#define TN__OPTIM_MANY 40
typedef struct tn__optim_batch { tn__attr_optim attr; int n; tn_tensor *in[TN__OPTIM_MANY]; } tn__optim_batch;
static bool tn__optim_flush(tn__optim_batch *b) {
    if (b->n == 0) return true;
    const bool was = tn__set_recording(false), ok = tn__op_(TN__OP_optim_step, b->in, b->n, &b->attr) != NULL;
    (void)tn__set_recording(was);
    b->n = 0;
    return ok;
}
static bool tn__optim_update(tn_optimizer *o, tn__slot *s, tn__optim_batch *b) {
    TN__ATTR(tn__attr_optim, a);
    if (!tn__optim_prepare(o, s)) return false;
    s->step++;
    a.kernel = tn__optim_kinds[o->kind].kernel;
    a.per = 2;
    tn__optim_constants(o, s, a.c);
    for (int k = 0; k < TN__OPT_STATES; k++)
        if (s->state[k] && tn__optim_uses(o, o->group[s->group].v, k)) a.states |= 1u << k, a.per++;
    const bool joins = b->n && b->n + a.per <= TN__OPTIM_MANY && memcmp(&a, &b->attr, sizeof a) == 0 && tn__dt(s->param) == tn__dt(b->in[0])
        && (s->param->flags & TN__ON_DEVICE) && tn__same_device(s->param->storage->device, b->in[0]->storage->device);
    if (!joins && !tn__optim_flush(b)) return false;
    b->attr = a;
    b->in[b->n++] = s->param;
    b->in[b->n++] = s->param->grad;
    for (int k = 0; k < TN__OPT_STATES; k++)
        if (a.states >> k & 1u) b->in[b->n++] = s->state[k];
    return true;
}
TN_API tn_status tn_optim_step(tn_optimizer *o) {
    tn__optim_batch b;
    if (!o) return tn__fail_null_status("tn_optim_step: optimizer");
    b.n = 0;
    tn_scope scope = tn_scope_open();
    bool ok = tn_init_flush() == TN_OK;
    for (int32_t i = 0; ok && i < o->n_slots; i++) ok = !o->slot[i].param->grad || tn__optim_prepare(o, &o->slot[i]); /* before anything changes */
    for (int32_t i = 0; ok && i < o->n_slots; i++)
        if (o->slot[i].param->grad) ok = tn__optim_update(o, &o->slot[i], &b);
    ok = ok && tn__optim_flush(&b);
    tn_scope_close(&scope);
    return tn__status(ok);
}
TN_API void tn_optim_zero_grad(tn_optimizer *o) {
    for (int32_t i = 0; o && i < o->n_slots; i++) (void)tn_set_grad(o->slot[i].param, NULL);
}
TN_API int tn_optim_groups(const tn_optimizer *o) { return o ? o->n_groups : (tn__fail_null("tn_optim_groups: optimizer"), -1); }
static tn__group *tn__group_at(const tn_optimizer *o, int group, const char *who) {
    if (!o) return (tn__group *)(tn__fail_null(who), NULL);
    if (group < 0 || group >= o->n_groups) return (tn__group *)TN__FAIL_NULL(TN_ERR_INDEX, "%s: group %d of %d", who, group, (int)o->n_groups);
    return &o->group[group];
}
TN_API double tn_optim_get_lr(const tn_optimizer *o, int group) {
    const tn__group *g = tn__group_at(o, group, "tn_optim_get_lr");
    return g ? g->v[TN__G_LR] : (double)NAN;
}
TN_API tn_status tn_optim_set_lr(tn_optimizer *o, int group, double lr) {
    tn__group *g = tn__group_at(o, group, "tn_optim_set_lr");
    if (!g) return tn__status(false);
    if (!(lr >= 0)) return TN__FAIL_STATUS(TN_ERR_INVALID, "tn_optim_set_lr: a learning rate of %g", lr);
    g->v[TN__G_LR] = lr;
    return TN_OK;
}

/* -- state dict: PyTorch's, flattened -- */
static bool tn__dict_number(tn_dict *d, const char *name, double v, tn_dtype dt) {
    tn_tensor *t = tn__filled(tn__new(dt, NULL, 0), v);
    return t && tn_dict_set(d, name, t) == TN_OK;
}
/* The number under a name; false, and an error, if it is not there. */
static bool tn__dict_read(tn_dict *d, const char *name, double *v) {
    const tn_tensor *t = tn_dict_get(d, name);
    if (!t || t->numel != 1) return tn__fail(TN_ERR_FORMAT, "the state has no number '%s'", name);
    *v = tn_item(t);
    return true;
}
TN_API tn_dict *tn_optim_state_dict(tn_optimizer *o) {
    char name[96];
    if (!o) return (tn_dict *)(tn__fail_null("tn_optim_state_dict: optimizer"), NULL);
    tn_dict *d = tn_dict_new();
    bool ok = d != NULL;
    tn_scope s = tn_scope_open(); /* the dict owns what it holds */
    for (int32_t i = 0; ok && i < o->n_slots; i++) {
        const tn__slot *slot = &o->slot[i];
        if (slot->step && tn__optim_kinds[o->kind].counts) {
            (void)snprintf(name, sizeof name, "state.%d.step", (int)i);
            ok = tn__dict_number(d, name, (double)slot->step, TN_F32);
        }
        for (int k = 0; ok && k < TN__OPT_STATES; k++) {
            if (!slot->state[k]) continue;
            (void)snprintf(name, sizeof name, "state.%d.%s", (int)i, tn__optim_kinds[o->kind].states[k]);
            ok = tn_dict_set(d, name, tn_clone(tn_detach(slot->state[k]))) == TN_OK;
        }
    }
    for (int32_t g = 0; ok && g < o->n_groups; g++)
        for (int k = 0; ok && k < TN__G_COUNT; k++) {
            (void)snprintf(name, sizeof name, "param_groups.%d.%s", (int)g, tn__group_names[k]);
            ok = tn__dict_number(d, name, o->group[g].v[k], TN_F64);
        }
    tn_scope_close(&s);
    return ok ? d : NULL;
}
/* A state of more parameters, or of other groups, is another optimizer's. */
static bool tn__optim_counts(const tn_optimizer *o, const tn_dict *d) {
    int groups = 0;
    for (int i = 0; i < tn_dict_len(d); i++) {
        int k;
        if (sscanf(tn_dict_name(d, i), "state.%d.", &k) == 1 && k >= o->n_slots) return tn__fail(TN_ERR_SHAPE, "tn_optim_load_state_dict: a state for parameter %d of %d", k, (int)o->n_slots);
        if (sscanf(tn_dict_name(d, i), "param_groups.%d.", &k) == 1 && k >= groups) groups = k + 1;
    }
    return !groups || groups == o->n_groups || tn__fail(TN_ERR_SHAPE, "tn_optim_load_state_dict: %d groups for %d", groups, (int)o->n_groups);
}
/* Checks that every entry fits (apply false), then copies (true). */
static bool tn__optim_load(tn_optimizer *o, tn_dict *d, bool apply) {
    char name[96];
    for (int32_t i = 0; i < o->n_slots; i++) {
        tn__slot *slot = &o->slot[i];
        double step = 0;
        (void)snprintf(name, sizeof name, "state.%d.step", (int)i);
        if (tn_dict_get(d, name) && !tn__dict_read(d, name, &step)) return false;
        if (!(step >= 0 && step < 9e15)) return tn__fail(TN_ERR_FORMAT, "tn_optim_load_state_dict: %s is %g", name, step);
        for (int k = 0; k < TN__OPT_STATES; k++) {
            if (!tn__optim_kinds[o->kind].states[k]) continue;
            (void)snprintf(name, sizeof name, "state.%d.%s", (int)i, tn__optim_kinds[o->kind].states[k]);
            tn_tensor *t = tn_dict_get(d, name);
            if (t && (t->ndim != slot->param->ndim || memcmp(t->shape, slot->param->shape, t->ndim * sizeof *t->shape) != 0))
                return tn__fail(TN_ERR_SHAPE, "tn_optim_load_state_dict: %s is %s, the parameter %s", name, TN__SHAPE_TEXT(t), TN__SHAPE_TEXT(slot->param));
            if (t && !slot->state[k] && !(slot->state[k] = tn__state_new(slot->param, 0))) return false;
            if (t && apply) tn__copy_raw(slot->state[k], t);
            if (t && !tn__optim_kinds[o->kind].counts) step = 2; /* SGD keeps no count: a buffer means that the first step is over */
            if (!t && apply && slot->state[k]) tn_release(slot->state[k]), slot->state[k] = NULL;
        }
        if (apply) slot->step = (int64_t)step;
    }
    for (int32_t g = 0; g < o->n_groups; g++)
        for (int k = 0; k < TN__G_COUNT; k++) {
            double v = 0;
            (void)snprintf(name, sizeof name, "param_groups.%d.%s", (int)g, tn__group_names[k]);
            if (!tn_dict_get(d, name)) continue; /* PyTorch's optimizers keep only their own options */
            if (!tn__dict_read(d, name, &v)) return false;
            if (apply) o->group[g].v[k] = v;
        }
    return true;
}
TN_API tn_status tn_optim_load_state_dict(tn_optimizer *o, tn_dict *d) {
    if (!o || !d) return tn__fail_null_status("tn_optim_load_state_dict: argument");
    return tn__status(tn__optim_counts(o, d) && tn__optim_load(o, d, false) && tn__optim_load(o, d, true));
}

/* ================================================================================================================ */
/* >>sched (Private)                                                                                                */
/* Schedules.                                                                                                       */
/* ================================================================================================================ */

/* Each schedule is a kind with a few numbers; "next" gives a group's rate from its present one, in the chained form that
   PyTorch uses, so that schedules can follow and combine with one another. */
enum { TN__S_STEP, TN__S_MULTI_STEP, TN__S_CONSTANT, TN__S_LINEAR, TN__S_EXPONENTIAL, TN__S_POLYNOMIAL, TN__S_COSINE, TN__S_RESTARTS,
       TN__S_ONE_CYCLE, TN__S_PLATEAU, TN__S_LAMBDA, TN__S_MULTIPLICATIVE, TN__S_SEQUENTIAL, TN__S_CHAINED };
struct tn_scheduler {
    tn__object object;
    int kind;
    tn_optimizer *optimizer;
    int64_t last_epoch;
    double v[12];                /* the kind's numbers */
    int64_t *milestones;
    tn_scheduler **children;
    int32_t n_milestones, n_children;
    double (*fn)(void *user, int64_t step);
    void *user;
};
static void tn__sched_free(tn__object *object) {
    tn_scheduler *s = (tn_scheduler *)object;
    for (int32_t i = 0; i < s->n_children; i++) tn_release(s->children[i]);
    tn__free(s->children, (size_t)s->n_children * sizeof *s->children);
    tn__free(s->milestones, (size_t)s->n_milestones * sizeof *s->milestones);
    tn_release(s->optimizer);
    tn__free(s, sizeof *s);
}
#define TN__PI 3.14159265358979323846264338327950288
static double tn__count_at(const tn_scheduler *s, int64_t step) { /* how often step is a milestone */
    double n = 0;
    for (int32_t i = 0; i < s->n_milestones; i++) n += s->milestones[i] == step;
    return n;
}
/* One-cycle: where step lies among the phases, and the rate there. v: 0 total, 1 end of the first phase, 2 of the second, 3 linear, 4 three phases. */
static double tn__one_cycle(const tn_scheduler *s, const double *g, double top, double low, double end) {
    const double step = (double)s->last_epoch, total = s->v[0], first = s->v[1], second = s->v[2];
    double from = low, to = top, begin = 0, stop = first;
    (void)g;
    if (step > first) {
        from = top, to = s->v[4] != 0 ? low : end, begin = first, stop = s->v[4] != 0 ? second : total - 1;
        if (s->v[4] != 0 && step > second) from = low, to = end, begin = second, stop = total - 1;
    }
    const double share = stop > begin ? (step - begin) / (stop - begin) : 1;
    return s->v[3] != 0 ? (to - from) * share + from : to + (from - to) / 2 * (1 + cos(TN__PI * share));
}
static double tn__sched_next(const tn_scheduler *s, const double *g) {
    const int64_t e = s->last_epoch;
    const double lr = g[TN__G_LR], base = g[TN__G_INITIAL_LR], *v = s->v, t = (double)e;
    switch (s->kind) {
    case TN__S_STEP: return e == 0 || e % (int64_t)v[0] != 0 ? lr : lr * v[1];
    case TN__S_MULTI_STEP: return tn__count_at(s, e) > 0 ? lr * pow(v[0], tn__count_at(s, e)) : lr;
    case TN__S_CONSTANT: return e == 0 ? lr * v[0] : t != v[1] ? lr : lr * (1 / v[0]);
    case TN__S_LINEAR:
        if (e == 0) return lr * v[0];
        if (t > v[2]) return lr;
        return lr * (1 + (v[1] - v[0]) / (v[2] * v[0] + (t - 1) * (v[1] - v[0])));
    case TN__S_EXPONENTIAL: return e == 0 ? lr : lr * v[0];
    case TN__S_POLYNOMIAL: return e == 0 || t > v[0] ? lr : lr * pow((1 - t / v[0]) / (1 - (t - 1) / v[0]), v[1]);
    case TN__S_COSINE:
        if (e == 0) return lr;
        if (e > 0 && fmod(t - 1 - v[0], 2 * v[0]) == 0) return lr + (base - v[1]) * (1 - cos(TN__PI / v[0])) / 2;
        return (1 + cos(TN__PI * t / v[0])) / (1 + cos(TN__PI * (t - 1) / v[0])) * (lr - v[1]) + v[1];
    case TN__S_RESTARTS: return v[2] + (base - v[2]) * (1 + cos(TN__PI * v[3] / v[4])) / 2;
    case TN__S_ONE_CYCLE: return tn__one_cycle(s, g, g[TN__G_MAX_LR], base, g[TN__G_MIN_LR]);
    case TN__S_LAMBDA: return base * s->fn(s->user, e);
    case TN__S_MULTIPLICATIVE: return e == 0 && v[0] == 0 ? lr : lr * s->fn(s->user, e);
    default: return lr;
    }
}
static void tn__sched_apply(tn_scheduler *s) {
    for (int32_t i = 0; i < s->optimizer->n_groups; i++) s->optimizer->group[i].v[TN__G_LR] = tn__sched_next(s, s->optimizer->group[i].v);
    if (s->kind != TN__S_ONE_CYCLE || s->v[5] != 0) return;
    for (int32_t i = 0; i < s->optimizer->n_groups; i++) { /* momentum runs against the rate */
        double *g = s->optimizer->group[i].v;
        const double m = tn__one_cycle(s, g, s->v[6], s->v[7], s->v[7]);
        if (s->optimizer->kind == TN__KIND_ADAM || s->optimizer->kind == TN__KIND_ADAMW) g[TN__G_BETA1] = m;
        else g[TN__G_MOMENTUM] = m;
    }
}
TN__NOINLINE static tn_scheduler *tn__sched_alloc(tn_optimizer *o, int kind, const char *who) {
    if (!o) return (tn_scheduler *)(tn__fail_null(who), NULL);
    tn_scheduler *s = (tn_scheduler *)tn__object_new(sizeof *s, TN__TAG_SCHEDULER, tn__sched_free);
    if (!s) return NULL;
    s->optimizer = (tn_optimizer *)tn_retain(o);
    s->kind = kind;
    return s;
}
/* A schedule of the plain kinds; its first rate is set at once, as PyTorch does. */
static tn_scheduler *tn__sched_new(tn_optimizer *o, int kind, const char *who, double a, double b, double c) {
    tn_scheduler *s = tn__sched_alloc(o, kind, who);
    if (!s) return NULL;
    s->v[0] = a;
    s->v[1] = b;
    s->v[2] = c;
    if (kind != TN__S_MULTI_STEP && kind != TN__S_ONE_CYCLE && kind != TN__S_RESTARTS && kind != TN__S_LAMBDA && kind != TN__S_MULTIPLICATIVE) tn__sched_apply(s);
    return s;
}
#define TN__SCHED_CHECK(ok, ...)                                                                                       \
    if (!(ok)) return (tn_scheduler *)TN__FAIL_NULL(TN_ERR_INVALID, __VA_ARGS__)
TN_API tn_scheduler *tn_sched_step_lr(tn_optimizer *o, int64_t step_size, double gamma) {
    TN__SCHED_CHECK(step_size > 0, "tn_sched_step_lr: a step size of %lld", (long long)step_size);
    return tn__sched_new(o, TN__S_STEP, "tn_sched_step_lr: optimizer", (double)step_size, gamma, 0);
}
static bool tn__sched_milestones(tn_scheduler *s, const int64_t *milestones, int n) {
    if (!s || n < 1) return s != NULL;
    if (!milestones) return tn__fail_null("tn_sched: milestones");
    if (!(s->milestones = (int64_t *)tn__alloc((size_t)n * sizeof *milestones))) return false;
    memcpy(s->milestones, milestones, (size_t)n * sizeof *milestones);
    s->n_milestones = n;
    return true;
}
TN_API tn_scheduler *tn_sched_multi_step_lr(tn_optimizer *o, const int64_t *milestones, int n, double gamma) {
    tn_scheduler *s = tn__sched_new(o, TN__S_MULTI_STEP, "tn_sched_multi_step_lr: optimizer", gamma, 0, 0);
    if (!tn__sched_milestones(s, milestones, n)) return NULL;
    tn__sched_apply(s);
    return s;
}
TN_API tn_scheduler *tn_sched_constant_lr(tn_optimizer *o, double factor, int64_t total_iters) {
    TN__SCHED_CHECK(factor > 0 && factor <= 1, "tn_sched_constant_lr: a factor of %g, (0, 1] wanted", factor);
    return tn__sched_new(o, TN__S_CONSTANT, "tn_sched_constant_lr: optimizer", factor, (double)total_iters, 0);
}
TN_API tn_scheduler *tn_sched_linear_lr(tn_optimizer *o, double start_factor, double end_factor, int64_t total_iters) {
    TN__SCHED_CHECK(start_factor > 0 && start_factor <= 1 && end_factor >= 0 && end_factor <= 1, "tn_sched_linear_lr: factors %g and %g", start_factor, end_factor);
    return tn__sched_new(o, TN__S_LINEAR, "tn_sched_linear_lr: optimizer", start_factor, end_factor, (double)total_iters);
}
TN_API tn_scheduler *tn_sched_exponential_lr(tn_optimizer *o, double gamma) { return tn__sched_new(o, TN__S_EXPONENTIAL, "tn_sched_exponential_lr: optimizer", gamma, 0, 0); }
TN_API tn_scheduler *tn_sched_polynomial_lr(tn_optimizer *o, int64_t total_iters, double power) {
    TN__SCHED_CHECK(total_iters > 0, "tn_sched_polynomial_lr: %lld iterations", (long long)total_iters);
    return tn__sched_new(o, TN__S_POLYNOMIAL, "tn_sched_polynomial_lr: optimizer", (double)total_iters, power, 0);
}
TN_API tn_scheduler *tn_sched_cosine_annealing_lr(tn_optimizer *o, int64_t t_max, double eta_min) {
    TN__SCHED_CHECK(t_max > 0, "tn_sched_cosine_annealing_lr: t_max is %lld", (long long)t_max);
    return tn__sched_new(o, TN__S_COSINE, "tn_sched_cosine_annealing_lr: optimizer", (double)t_max, eta_min, 0);
}
TN_API tn_scheduler *tn_sched_cosine_annealing_warm_restarts(tn_optimizer *o, int64_t t_0, int64_t t_mult, double eta_min) {
    TN__SCHED_CHECK(t_0 > 0 && t_mult >= 1, "tn_sched_cosine_annealing_warm_restarts: t_0 %lld, t_mult %lld", (long long)t_0, (long long)t_mult);
    tn_scheduler *s = tn__sched_new(o, TN__S_RESTARTS, "tn_sched_cosine_annealing_warm_restarts: optimizer", (double)t_0, (double)t_mult, eta_min);
    if (!s) return NULL;
    s->v[3] = 0; /* steps since the last restart */
    s->v[4] = (double)t_0; /* length of this cycle */
    tn__sched_apply(s);
    return s;
}
TN_API tn_scheduler *tn_sched_one_cycle_lr(tn_optimizer *o, double max_lr, int64_t total_steps, const tn_one_cycle_opts *opts) {
    tn_one_cycle_opts d;
    memset(&d, 0, sizeof d);
    if (opts) d = *opts;
    const double start = tn__or(d.pct_start, 0.3), div = tn__or(d.div_factor, 25), last = tn__or(d.final_div_factor, 1e4), total = (double)total_steps;
    TN__SCHED_CHECK(total_steps > 0 && start >= 0 && start <= 1 && max_lr > 0, "tn_sched_one_cycle_lr: max_lr %g, %lld steps, pct_start %g", max_lr, (long long)total_steps, start);
    TN__SCHED_CHECK(!o || o->kind != TN__KIND_ADAGRAD || d.no_cycle_momentum, "tn_sched_one_cycle_lr: the optimizer has no momentum to cycle");
    tn_scheduler *s = tn__sched_new(o, TN__S_ONE_CYCLE, "tn_sched_one_cycle_lr: optimizer", total, start * total - 1, 2 * start * total - 2);
    if (!s) return NULL;
    s->v[3] = d.linear;
    s->v[4] = d.three_phase;
    s->v[5] = d.no_cycle_momentum;
    s->v[6] = tn__or(d.base_momentum, 0.85); /* where the rate is highest */
    s->v[7] = tn__or(d.max_momentum, 0.95);
    for (int32_t i = 0; i < o->n_groups; i++) {
        double *g = o->group[i].v;
        g[TN__G_INITIAL_LR] = max_lr / div;
        g[TN__G_MAX_LR] = max_lr;
        g[TN__G_MIN_LR] = max_lr / div / last;
    }
    tn__sched_apply(s);
    return s;
}
/* v: 0 max mode, 1 absolute threshold, 2 factor, 3 threshold, 4 min_lr, 5 eps, 6 patience, 7 cooldown, 8 best, 9 bad epochs, 10 cooling */
TN_API tn_scheduler *tn_sched_reduce_lr_on_plateau(tn_optimizer *o, const tn_plateau_opts *opts) {
    tn_plateau_opts d;
    memset(&d, 0, sizeof d);
    if (opts) d = *opts;
    tn_scheduler *s = tn__sched_alloc(o, TN__S_PLATEAU, "tn_sched_reduce_lr_on_plateau: optimizer");
    if (!s) return NULL;
    s->v[0] = d.mode_max;
    s->v[1] = d.threshold_abs;
    s->v[2] = tn__or(d.factor, 0.1);
    s->v[3] = tn__or(d.threshold, 1e-4);
    s->v[4] = d.min_lr;
    s->v[5] = tn__or(d.eps, 1e-8);
    s->v[6] = d.has_patience || d.patience ? (double)d.patience : 10;
    s->v[7] = (double)d.cooldown;
    s->v[8] = d.mode_max ? -INFINITY : INFINITY;
    TN__SCHED_CHECK(s->v[2] < 1, "tn_sched_reduce_lr_on_plateau: a factor of %g", s->v[2]);
    return s;
}
static tn_scheduler *tn__sched_fn(tn_optimizer *o, int kind, const char *who, double (*fn)(void *user, int64_t step), void *user) {
    if (!fn) return (tn_scheduler *)(tn__fail_null(who), NULL);
    tn_scheduler *s = tn__sched_new(o, kind, who, 0, 0, 0);
    if (!s) return NULL;
    s->fn = fn;
    s->user = user;
    tn__sched_apply(s);
    return s;
}
TN_API tn_scheduler *tn_sched_lambda_lr(tn_optimizer *o, double (*fn)(void *user, int64_t step), void *user) {
    return tn__sched_fn(o, TN__S_LAMBDA, "tn_sched_lambda_lr: argument", fn, user);
}
TN_API tn_scheduler *tn_sched_multiplicative_lr(tn_optimizer *o, double (*fn)(void *user, int64_t step), void *user) {
    return tn__sched_fn(o, TN__S_MULTIPLICATIVE, "tn_sched_multiplicative_lr: argument", fn, user);
}
static bool tn__sched_adopt(tn_scheduler *s, tn_scheduler *const *children, int n) {
    if (!(s->children = (tn_scheduler **)tn__alloc_zero((size_t)n * sizeof *children))) return false;
    s->n_children = n;
    for (int i = 0; i < n; i++) s->children[i] = (tn_scheduler *)tn_retain(children[i]);
    return true;
}
static bool tn__sched_list(tn_scheduler *const *schedulers, int n, const char *who) {
    if (!schedulers || n < 1) return tn__fail(TN_ERR_INVALID, "%s: no schedulers", who);
    for (int i = 0; i < n; i++) {
        if (!schedulers[i]) return tn__fail_null(who);
        if (schedulers[i]->kind == TN__S_PLATEAU) return tn__fail(TN_ERR_INVALID, "%s: reduce_lr_on_plateau needs a metric at each step", who);
        if (schedulers[i]->optimizer != schedulers[0]->optimizer) return tn__fail(TN_ERR_INVALID, "%s: the schedulers are of different optimizers", who);
    }
    return true;
}
/* A schedule's first rates, from those that the groups have. */
static void tn__sched_begin(tn_scheduler *s) {
    s->last_epoch = 0;
    for (int32_t i = 0; i < (s->kind == TN__S_SEQUENTIAL ? 1 : s->n_children); i++) tn__sched_begin(s->children[i]);
    tn__sched_apply(s);
}
static void tn__sched_reset(tn_optimizer *o) {
    for (int32_t i = 0; i < o->n_groups; i++) o->group[i].v[TN__G_LR] = o->group[i].v[TN__G_INITIAL_LR];
}
/* Milestone i is where scheduler i + 1 takes over. The first one's initial rate is set again, since the others have set theirs. */
TN_API tn_scheduler *tn_sched_sequential_lr(tn_optimizer *o, tn_scheduler *const *schedulers, int n, const int64_t *milestones) {
    if (!tn__sched_list(schedulers, n, "tn_sched_sequential_lr: scheduler")) return NULL;
    TN__SCHED_CHECK(schedulers[0]->optimizer == o, "tn_sched_sequential_lr: the schedulers are of another optimizer");
    tn_scheduler *s = tn__sched_alloc(o, TN__S_SEQUENTIAL, "tn_sched_sequential_lr: optimizer");
    if (!s || !tn__sched_milestones(s, milestones, n - 1) || !tn__sched_adopt(s, schedulers, n)) return NULL;
    tn__sched_reset(o);
    tn__sched_begin(schedulers[0]);
    return s;
}
TN_API tn_scheduler *tn_sched_chained(tn_scheduler *const *schedulers, int n) {
    if (!tn__sched_list(schedulers, n, "tn_sched_chained: scheduler")) return NULL;
    tn_scheduler *s = tn__sched_alloc(schedulers[0]->optimizer, TN__S_CHAINED, "tn_sched_chained: optimizer");
    return s && tn__sched_adopt(s, schedulers, n) ? s : NULL;
}
TN_API tn_status tn_sched_step(tn_scheduler *s) {
    if (!s) return tn__fail_null_status("tn_sched_step: scheduler");
    if (s->kind == TN__S_PLATEAU) return TN__FAIL_STATUS(TN_ERR_INVALID, "tn_sched_step: reduce_lr_on_plateau needs a metric (tn_sched_step_metric)");
    s->last_epoch++;
    if (s->kind == TN__S_CHAINED) {
        for (int32_t i = 0; i < s->n_children; i++)
            if (tn_sched_step(s->children[i]) != TN_OK) return tn_error_code();
        return TN_OK;
    }
    if (s->kind == TN__S_SEQUENTIAL) {
        int32_t i = 0;
        while (i < s->n_milestones && s->milestones[i] <= s->last_epoch) i++;
        if (i == 0 || s->milestones[i - 1] != s->last_epoch) return tn_sched_step(s->children[i]);
        tn_scheduler *next = s->children[i]; /* it begins here from the initial rates, but a multiplicative one goes on from the present */
        if (next->kind == TN__S_MULTIPLICATIVE) {
            next->last_epoch = -1;
            next->v[0] = 1; /* its first step counts too */
            return tn_sched_step(next);
        }
        tn__sched_reset(s->optimizer);
        tn__sched_begin(next);
        return TN_OK;
    }
    if (s->kind == TN__S_ONE_CYCLE && (double)s->last_epoch > s->v[0]) {
        s->last_epoch--;
        return TN__FAIL_STATUS(TN_ERR_STATE, "tn_sched_step: the cycle's %g steps are over", s->v[0]);
    }
    if (s->kind == TN__S_RESTARTS && ++s->v[3] >= s->v[4]) s->v[3] -= s->v[4], s->v[4] *= s->v[1];
    tn__sched_apply(s);
    return TN_OK;
}
TN_API tn_status tn_sched_step_metric(tn_scheduler *s, double metric) {
    if (!s) return tn__fail_null_status("tn_sched_step_metric: scheduler");
    if (s->kind != TN__S_PLATEAU) return tn_sched_step(s);
    double *v = s->v;
    const double margin = v[1] != 0 ? v[3] : v[3] * fabs(v[8]);
    const bool better = v[0] != 0 ? metric > (isinf(v[8]) ? v[8] : v[1] != 0 ? v[8] + margin : v[8] * (1 + v[3])) : metric < (isinf(v[8]) ? v[8] : v[1] != 0 ? v[8] - margin : v[8] * (1 - v[3]));
    s->last_epoch++;
    if (better) v[8] = metric, v[9] = 0;
    else v[9]++;
    if (v[10] > 0) v[10]--, v[9] = 0;
    if (v[9] <= v[6]) return TN_OK;
    for (int32_t i = 0; i < s->optimizer->n_groups; i++) {
        double *g = s->optimizer->group[i].v;
        const double lr = fmax(g[TN__G_LR] * v[2], v[4]);
        if (g[TN__G_LR] - lr > v[5]) g[TN__G_LR] = lr;
    }
    v[10] = v[7];
    v[9] = 0;
    return TN_OK;
}
TN_API double tn_sched_get_last_lr(const tn_scheduler *s, int group) { return s ? tn_optim_get_lr(s->optimizer, group) : (tn__fail_null("tn_sched_get_last_lr: scheduler"), (double)NAN); }
/* last_epoch and the kind's numbers, and the children's under "0.", "1.", …; rates stand in the optimizer's state. */
static bool tn__sched_save(tn_scheduler *s, tn_dict *d, const char *prefix) {
    char name[96];
    (void)snprintf(name, sizeof name, "%slast_epoch", prefix);
    if (!tn__dict_number(d, name, (double)s->last_epoch, TN_F64)) return false;
    for (int k = 0; k < (int)TN__COUNT(s->v); k++) {
        (void)snprintf(name, sizeof name, "%sv.%d", prefix, k);
        if (!tn__dict_number(d, name, s->v[k], TN_F64)) return false;
    }
    for (int32_t i = 0; i < s->n_children; i++) {
        (void)snprintf(name, sizeof name, "%.60s%d.", prefix, (int)i);
        if (!tn__sched_save(s->children[i], d, name)) return false;
    }
    return true;
}
TN_API tn_dict *tn_sched_state_dict(tn_scheduler *s) {
    if (!s) return (tn_dict *)(tn__fail_null("tn_sched_state_dict: scheduler"), NULL);
    tn_dict *d = tn_dict_new();
    tn_scope scope = tn_scope_open();
    const bool ok = d && tn__sched_save(s, d, "");
    tn_scope_close(&scope);
    return ok ? d : NULL;
}
static bool tn__sched_load(tn_scheduler *s, tn_dict *d, const char *prefix, bool apply) {
    char name[96];
    double epoch = 0, v[TN__COUNT(s->v)];
    (void)snprintf(name, sizeof name, "%slast_epoch", prefix);
    if (!tn__dict_read(d, name, &epoch)) return false;
    for (int k = 0; k < (int)TN__COUNT(s->v); k++) {
        (void)snprintf(name, sizeof name, "%sv.%d", prefix, k);
        if (!tn__dict_read(d, name, &v[k])) return false;
    }
    if (!(epoch >= 0 && epoch < 9e15)) return tn__fail(TN_ERR_FORMAT, "tn_sched_load_state_dict: an epoch of %g", epoch);
    if (apply) memcpy(s->v, v, sizeof v), s->last_epoch = (int64_t)epoch;
    for (int32_t i = 0; i < s->n_children; i++) {
        (void)snprintf(name, sizeof name, "%.60s%d.", prefix, (int)i);
        if (!tn__sched_load(s->children[i], d, name, apply)) return false;
    }
    return true;
}
TN_API tn_status tn_sched_load_state_dict(tn_scheduler *s, tn_dict *d) {
    if (!s || !d) return tn__fail_null_status("tn_sched_load_state_dict: argument");
    return tn__status(tn__sched_load(s, d, "", false) && tn__sched_load(s, d, "", true));
}

/* ================================================================================================================ */
/* >>io (Private)                                                                                                   */
/* Files.                                                                                                           */
/* ================================================================================================================ */

/* -- file access. A write goes to a temporary file beside the path, which commit syncs and renames over it. -- */
typedef struct tn__file { int fd; bool writing, committed; char *path, *temp; } tn__file;
static tn__file *tn__file_free(tn__file *f) {
    if (!f) return NULL;
    tn__strfree(f->path);
    tn__strfree(f->temp);
    tn__free(f, sizeof *f);
    return NULL;
}
static void *tn__posix_open(void *user, const char *path, bool writing, int64_t *size) {
    static uint32_t serial; /* atomic */
    (void)user;
    tn__file *f = (tn__file *)tn__alloc_zero(sizeof *f);
    if (!f) return NULL;
    f->writing = writing;
    f->fd = -1;
    if (writing) {
        const size_t n = strlen(path) + 40;
        char *name = (char *)tn__alloc(n);
        if (name) (void)snprintf(name, n, "%s.%ld-%u.tmp", path, (long)getpid(), (unsigned)__atomic_fetch_add(&serial, 1, __ATOMIC_RELAXED));
        f->temp = name ? tn__strdup(name) : NULL;
        tn__free(name, n);
        f->path = tn__strdup(path);
        if (!f->temp || !f->path) return tn__file_free(f);
        f->fd = open(f->temp, O_WRONLY | O_CREAT | O_EXCL | TN__O_CLOEXEC, 0666);
        if (f->fd < 0) tn__fail(TN_ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
    } else {
        f->fd = open(path, O_RDONLY | TN__O_CLOEXEC);
        if (f->fd < 0) tn__fail(TN_ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
        else if ((*size = (int64_t)lseek(f->fd, 0, SEEK_END)) < 0) tn__fail(TN_ERR_IO, "%s: has no size: %s", path, strerror(errno));
    }
    if (f->fd >= 0 && (writing || *size >= 0)) return f;
    if (f->fd >= 0) (void)close(f->fd);
    return tn__file_free(f);
}
static int64_t tn__posix_read(void *user, void *file, void *buffer, int64_t bytes, int64_t offset) {
    const tn__file *f = (const tn__file *)file;
    int64_t done = 0;
    (void)user;
    while (done < bytes) {
        const ssize_t n = pread(f->fd, (char *)buffer + done, (size_t)(bytes - done), (off_t)(offset + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        if (n == 0) break;
        done += n;
    }
    return done;
}
static int64_t tn__posix_write(void *user, void *file, const void *buffer, int64_t bytes) {
    const tn__file *f = (const tn__file *)file;
    int64_t done = 0;
    (void)user;
    while (done < bytes) {
        const ssize_t n = write(f->fd, (const char *)buffer + done, (size_t)(bytes - done));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return -1;
        done += n;
    }
    return done;
}
static bool tn__sync_folder(const char *path) { /* the rename itself has to last */
    char folder[4096];
    const char *slash = strrchr(path, '/');
    const size_t n = slash ? (size_t)(slash - path) : 0;
    if (n >= sizeof folder) return false;
    memcpy(folder, path, n);
    folder[n] = 0;
    const int fd = open(n ? folder : slash ? "/" : ".", O_RDONLY | TN__O_CLOEXEC);
    if (fd < 0) return false;
    const bool ok = fsync(fd) == 0 || errno == EINVAL; /* some file systems sync no folders */
    (void)close(fd);
    return ok;
}
static tn_status tn__posix_commit(void *user, void *file) {
    tn__file *f = (tn__file *)file;
    (void)user;
    if (fsync(f->fd) != 0 || rename(f->temp, f->path) != 0) return TN__FAIL_STATUS(TN_ERR_IO, "%s: cannot be written: %s", f->path, strerror(errno));
    f->committed = true;
    return tn__sync_folder(f->path) ? TN_OK : TN__FAIL_STATUS(TN_ERR_IO, "%s: its folder cannot be synced: %s", f->path, strerror(errno));
}
static void tn__posix_close(void *user, void *file) {
    tn__file *f = (tn__file *)file;
    (void)user;
    (void)close(f->fd);
    if (f->writing && !f->committed) (void)unlink(f->temp);
    (void)tn__file_free(f);
}
static const tn_file_io tn__posix_io = {NULL, tn__posix_open, tn__posix_read, tn__posix_write, tn__posix_commit, tn__posix_close};
static tn_file_io tn__io = {NULL, tn__posix_open, tn__posix_read, tn__posix_write, tn__posix_commit, tn__posix_close};
TN_API void tn_set_file_io(const tn_file_io *io) { tn__io = io ? *io : tn__posix_io; }
/* A whole file in one block, with a zero behind it; freed with *size + 1. */
static char *tn__read_file(const char *path, int64_t *size) {
    if (!path) return (char *)(tn__fail_null("path"), NULL);
    void *f = tn__io.open(tn__io.user, path, false, size);
    if (!f) return NULL;
    char *p = *size < INT64_MAX / 2 ? (char *)tn__alloc((size_t)*size + 1) : NULL;
    if (p && tn__io.read(tn__io.user, f, p, *size, 0) != *size) {
        tn__fail(TN_ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
        tn__free(p, (size_t)*size + 1);
        p = NULL;
    }
    if (p) p[*size] = 0;
    tn__io.close(tn__io.user, f);
    return p;
}

/* -- safetensors: eight bytes of length, a JSON header, the data without holes -- */
#define TN__HEADER_MAX 100000000
typedef struct tn__json { const char *p, *end, *path; } tn__json;
static bool tn__json_bad(const tn__json *j, const char *what) { return tn__fail(TN_ERR_FORMAT, "%s: the header is no safetensors header: %s", j->path, what); }
static void tn__json_blank(tn__json *j) {
    while (j->p < j->end && (*j->p == ' ' || *j->p == '\t' || *j->p == '\n' || *j->p == '\r')) j->p++;
}
static bool tn__json_take(tn__json *j, char ch) {
    tn__json_blank(j);
    if (j->p >= j->end || *j->p != ch) return false;
    j->p++;
    return true;
}
static int tn__hex4(const char *p) {
    int v = 0;
    for (int i = 0; i < 4; i++) {
        const char c = p[i];
        const int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (d < 0) return -1;
        v = v * 16 + d;
    }
    return v;
}
/* A string into out, UTF-8, escapes resolved. */
static bool tn__json_string(tn__json *j, char *out, size_t size) {
    size_t n = 0;
    if (!tn__json_take(j, '"')) return tn__json_bad(j, "a string is wanted");
    while (j->p < j->end && *j->p != '"') {
        unsigned ch = (unsigned char)*j->p++;
        if (ch < 0x20) return tn__json_bad(j, "a control character in a string");
        if (n + 5 > size) return tn__json_bad(j, "a string is too long");
        if (ch != '\\') {
            out[n++] = (char)ch;
            continue;
        }
        if (j->p >= j->end) break;
        ch = (unsigned char)*j->p++;
        const char *plain = "\"\"\\\\//b\bf\fn\nr\rt\t";
        bool found = false;
        for (const char *q = plain; *q && !found; q += 2)
            if ((unsigned char)*q == ch) out[n++] = q[1], found = true;
        if (found) continue;
        int u = ch == 'u' && j->end - j->p >= 4 ? tn__hex4(j->p) : -1;
        if (u <= 0) return tn__json_bad(j, "a bad escape");
        j->p += 4;
        if (u >= 0xD800 && u < 0xDC00) { /* a pair */
            const int low = j->end - j->p >= 6 && j->p[0] == '\\' && j->p[1] == 'u' ? tn__hex4(j->p + 2) : -1;
            if (low < 0xDC00 || low > 0xDFFF) return tn__json_bad(j, "a bad escape");
            j->p += 6;
            u = 0x10000 + ((u - 0xD800) << 10) + (low - 0xDC00);
        } else if (u >= 0xDC00 && u <= 0xDFFF) return tn__json_bad(j, "a bad escape");
        if (u < 0x80) out[n++] = (char)u;
        else if (u < 0x800) out[n++] = (char)(0xC0 | u >> 6), out[n++] = (char)(0x80 | (u & 63));
        else if (u < 0x10000) out[n++] = (char)(0xE0 | u >> 12), out[n++] = (char)(0x80 | (u >> 6 & 63)), out[n++] = (char)(0x80 | (u & 63));
        else out[n++] = (char)(0xF0 | u >> 18), out[n++] = (char)(0x80 | (u >> 12 & 63)), out[n++] = (char)(0x80 | (u >> 6 & 63)), out[n++] = (char)(0x80 | (u & 63));
    }
    if (!tn__json_take(j, '"')) return tn__json_bad(j, "a string has no end");
    out[n] = 0;
    return true;
}
static bool tn__json_number(tn__json *j, int64_t *v) { /* a whole number that is not negative */
    tn__json_blank(j);
    const char *start = j->p;
    for (*v = 0; j->p < j->end && *j->p >= '0' && *j->p <= '9'; j->p++)
        if (__builtin_mul_overflow(*v, 10, v) || __builtin_add_overflow(*v, *j->p - '0', v)) return tn__json_bad(j, "a number is too large");
    return (j->p > start && (j->p - start == 1 || *start != '0')) || tn__json_bad(j, "a number is wanted");
}
static bool tn__json_numbers(tn__json *j, int64_t *v, int most, int *n) {
    *n = 0;
    if (!tn__json_take(j, '[')) return tn__json_bad(j, "a list is wanted");
    if (tn__json_take(j, ']')) return true;
    do {
        if (*n == most) return tn__json_bad(j, "a list is too long");
        if (!tn__json_number(j, &v[(*n)++])) return false;
    } while (tn__json_take(j, ','));
    return tn__json_take(j, ']') || tn__json_bad(j, "a list has no end");
}
#define TN__NAME_MAX 512
typedef struct tn__st_entry { char name[TN__NAME_MAX]; tn_dtype dt; int64_t shape[TN_MAX_DIMS], span[2]; int n; } tn__st_entry;
static bool tn__st_tensor(tn__json *j, tn__st_entry *e) { /* {"dtype": …, "shape": […], "data_offsets": […]} in any order */
    char key[32], dtype[16];
    unsigned seen = 0;
    int n;
    if (!tn__json_take(j, '{')) return tn__json_bad(j, "an object is wanted");
    do {
        if (!tn__json_string(j, key, sizeof key) || !tn__json_take(j, ':')) return tn__json_bad(j, "a key is wanted");
        const unsigned bit = strcmp(key, "dtype") == 0 ? 1 : strcmp(key, "shape") == 0 ? 2 : strcmp(key, "data_offsets") == 0 ? 4 : 0;
        if (!bit || (seen & bit)) return tn__json_bad(j, "an unknown or repeated key");
        seen |= bit;
        if (bit == 1) {
            if (!tn__json_string(j, dtype, sizeof dtype)) return false;
            e->dt = TN_DTYPE_DEFAULT;
            for (int i = 1; i < TN_DTYPE_COUNT; i++)
                if (strcmp(dtype, tn__dtypes[i].tag) == 0) e->dt = (tn_dtype)i;
            if (e->dt == TN_DTYPE_DEFAULT) return tn__fail(TN_ERR_UNSUPPORTED, "%s: dtype '%s' of '%s' is not supported", j->path, dtype, e->name);
        } else if (bit == 2) {
            if (!tn__json_numbers(j, e->shape, TN_MAX_DIMS, &e->n)) return false;
        } else if (!tn__json_numbers(j, e->span, 2, &n) || n != 2) return tn__json_bad(j, "two offsets are wanted");
    } while (tn__json_take(j, ','));
    return (tn__json_take(j, '}') && seen == 7) || tn__json_bad(j, "dtype, shape and data_offsets are wanted");
}
static bool tn__st_metadata(tn__json *j, tn_dict *d) {
    char key[TN__NAME_MAX], value[4 * TN__NAME_MAX];
    if (!tn__json_take(j, '{')) return tn__json_bad(j, "an object is wanted");
    if (tn__json_take(j, '}')) return true;
    do {
        if (!tn__json_string(j, key, sizeof key) || !tn__json_take(j, ':') || !tn__json_string(j, value, sizeof value)) return tn__json_bad(j, "metadata are strings");
        if (tn__dict_metadata_set(d, key, value) != TN_OK) return false;
    } while (tn__json_take(j, ','));
    return tn__json_take(j, '}') || tn__json_bad(j, "an object has no end");
}
static int tn__st_order(const void *a, const void *b) {
    const tn__st_entry *x = *(tn__st_entry *const *)a, *y = *(tn__st_entry *const *)b;
    return x->span[0] != y->span[0] ? (x->span[0] < y->span[0] ? -1 : 1) : x->span[1] < y->span[1] ? -1 : x->span[1] > y->span[1];
}
/* Every entry's bytes are what its dtype and shape say, and together they fill the data without hole or overlap. */
static bool tn__st_check(tn__json *j, tn__st_entry **list, int32_t n, int64_t data) {
    int64_t at = 0;
    if (n > 1) qsort(list, (size_t)n, sizeof *list, tn__st_order);
    for (int32_t i = 0; i < n; i++) {
        const tn__st_entry *e = list[i];
        int64_t bytes = (int64_t)tn__dsize(e->dt);
        for (int d = 0; d < e->n; d++)
            if (__builtin_mul_overflow(bytes, e->shape[d], &bytes)) return tn__json_bad(j, "a shape is too large");
        if (e->span[0] != at || e->span[1] < at || e->span[1] - at != bytes || e->span[1] > data)
            return tn__fail(TN_ERR_FORMAT, "%s: '%s' %s %s does not fit its bytes %lld to %lld of %lld", j->path, e->name, tn_dtype_name(e->dt), tn__sizes_text(e->shape, e->n), (long long)e->span[0], (long long)e->span[1], (long long)data);
        at = e->span[1];
    }
    return at == data || tn__json_bad(j, "there are bytes that no tensor has");
}
static bool tn__st_parse(tn__json *j, tn_dict *d, tn__st_entry ***list, int32_t *n, int32_t *cap) {
    if (!tn__json_take(j, '{')) return tn__json_bad(j, "it has to begin with {");
    if (!tn__json_take(j, '}')) {
        do {
            tn__st_entry *e = (tn__st_entry *)tn__alloc_zero(sizeof *e);
            if (!e) return false;
            if (!tn__grow(list, cap, (int64_t)*n + 1, sizeof **list)) {
                tn__free(e, sizeof *e);
                return false;
            }
            (*list)[(*n)++] = e;
            if (!tn__json_string(j, e->name, sizeof e->name) || !tn__json_take(j, ':')) return tn__json_bad(j, "a name is wanted");
            if (strcmp(e->name, "__metadata__") == 0) {
                (*n)--;
                tn__free(e, sizeof *e);
                if (!tn__st_metadata(j, d)) return false;
                continue;
            }
            for (int32_t i = 0; i + 1 < *n; i++)
                if (strcmp((*list)[i]->name, e->name) == 0) return tn__json_bad(j, "a name occurs twice");
            if (!tn__st_tensor(j, e)) return false;
        } while (tn__json_take(j, ','));
        if (!tn__json_take(j, '}')) return tn__json_bad(j, "it has no end");
    }
    tn__json_blank(j);
    return j->p == j->end || tn__json_bad(j, "something follows it");
}
static bool tn__st_read(void *f, const char *path, int64_t size, tn_dict *d, char **header, int64_t *length) {
    unsigned char head[8];
    tn__st_entry **list = NULL;
    int32_t n = 0, cap = 0;
    uint64_t len = 0;
    if (size < 8 || tn__io.read(tn__io.user, f, head, 8, 0) != 8) return tn__fail(TN_ERR_FORMAT, "%s: too short for a safetensors file", path);
    for (int i = 7; i >= 0; i--) len = len << 8 | head[i];
    if (len > TN__HEADER_MAX || (int64_t)len > size - 8) return tn__fail(TN_ERR_FORMAT, "%s: a header of %llu bytes in a file of %lld", path, (unsigned long long)len, (long long)size);
    *length = (int64_t)len;
    if (!(*header = (char *)tn__alloc((size_t)len + 1))) return false;
    if (tn__io.read(tn__io.user, f, *header, *length, 8) != *length) return tn__fail(TN_ERR_IO, "%s: cannot be read", path);
    tn__json j = {*header, *header + *length, path};
    bool ok = tn__st_parse(&j, d, &list, &n, &cap) && tn__st_check(&j, list, n, size - 8 - *length);
    for (int32_t i = 0; ok && i < n; i++) {
        tn_scope s = tn_scope_open();
        tn_tensor *t = tn__new(list[i]->dt, list[i]->shape, list[i]->n);
        const int64_t bytes = list[i]->span[1] - list[i]->span[0];
        ok = t && (tn__io.read(tn__io.user, f, t->data, bytes, 8 + *length + list[i]->span[0]) == bytes || tn__fail(TN_ERR_IO, "%s: cannot be read", path)) && tn_dict_set(d, list[i]->name, t) == TN_OK;
        tn_scope_close(&s);
    }
    for (int32_t i = 0; i < n; i++) tn__free(list[i], sizeof *list[i]);
    tn__free(list, (size_t)cap * sizeof *list);
    return ok;
}
TN_API tn_dict *tn_load_safetensors(const char *path) {
    TN__MAKE_ON(tn__cpu());
    int64_t size = 0, length = 0;
    char *header = NULL;
    if (!path) return (tn_dict *)(tn__fail_null("tn_load_safetensors: path"), NULL);
    tn_dict *d = tn_dict_new();
    void *f = d ? tn__io.open(tn__io.user, path, false, &size) : NULL;
    if (!f) return NULL;
    const bool ok = tn__st_read(f, path, size, d, &header, &length);
    if (header) tn__free(header, (size_t)length + 1);
    tn__io.close(tn__io.user, f);
    return ok ? d : NULL;
}
static void tn__json_quote(tn__printer *p, const char *s) {
    tn__emit(p, "\"");
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') tn__emit(p, "\\%c", *s);
        else if ((unsigned char)*s < 0x20) tn__emit(p, "\\u%04x", (unsigned)(unsigned char)*s);
        else tn__emit(p, "%c", *s);
    }
    tn__emit(p, "\"");
}
static void tn__st_header(tn__printer *p, const tn_dict *d, const char *const *metadata) {
    int64_t at = 0;
    bool first = true;
    tn__emit(p, "{");
    if (metadata && metadata[0]) {
        tn__emit(p, "\"__metadata__\":{");
        for (int i = 0; metadata[i]; i += 2) {
            if (i) tn__emit(p, ",");
            tn__json_quote(p, metadata[i]);
            tn__emit(p, ":");
            tn__json_quote(p, metadata[i + 1] ? metadata[i + 1] : "");
            if (!metadata[i + 1]) break;
        }
        tn__emit(p, "}");
        first = false;
    }
    for (int32_t i = 0; i < d->n; i++) {
        const tn_tensor *t = d->at[i].t;
        const int64_t bytes = t->numel * (int64_t)tn__dsize(tn__dt(t));
        if (!first) tn__emit(p, ",");
        first = false;
        tn__json_quote(p, d->at[i].name);
        tn__emit(p, ":{\"dtype\":\"%s\",\"shape\":[", tn__dtypes[t->dtype].tag);
        for (int k = 0; k < t->ndim; k++) tn__emit(p, k ? ",%lld" : "%lld", (long long)t->shape[k]);
        tn__emit(p, "],\"data_offsets\":[%lld,%lld]}", (long long)at, (long long)(at + bytes));
        at += bytes;
    }
    tn__emit(p, "}");
    while (p->used % 8) tn__emit(p, " ");
}
static bool tn__st_write(void *f, const char *path, const tn_dict *d, const char *header, size_t length) {
    unsigned char head[8];
    for (int i = 0; i < 8; i++) head[i] = (unsigned char)((uint64_t)length >> (8 * i));
    bool ok = tn__io.write(tn__io.user, f, head, 8) == 8 && tn__io.write(tn__io.user, f, header, (int64_t)length) == (int64_t)length;
    for (int32_t i = 0; ok && i < d->n; i++) {
        tn_scope s = tn_scope_open();
        TN__MAKE_ON(tn__cpu());
        const tn_tensor *t = tn__dense((tn_tensor *)(uintptr_t)tn__host(d->at[i].t));
        const int64_t bytes = t ? t->numel * (int64_t)tn__dsize(tn__dt(t)) : 0;
        if (!t) {
            tn_scope_close(&s);
            return false;
        }
        ok = tn__io.write(tn__io.user, f, t->data, bytes) == bytes;
        tn_scope_close(&s);
    }
    if (!ok) return tn__fail(TN_ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
    return tn__io.commit(tn__io.user, f) == TN_OK;
}
TN_API tn_status tn_save_safetensors(tn_dict *d, const char *path, const char *const *metadata) {
    tn__printer p = {NULL, 0, 0};
    if (!d || !path) return tn__fail_null_status("tn_save_safetensors: argument");
    tn__st_header(&p, d, metadata); /* its length, then itself */
    const size_t length = p.used;
    if (length > TN__HEADER_MAX) return TN__FAIL_STATUS(TN_ERR_INVALID, "tn_save_safetensors: a header of %zu bytes", length);
    p.out = (char *)tn__alloc(length + 1);
    if (!p.out) return tn__status(false);
    p.size = length + 1;
    p.used = 0;
    tn__st_header(&p, d, metadata);
    void *f = tn__io.open(tn__io.user, path, true, NULL);
    const bool ok = f && tn__st_write(f, path, d, p.out, length);
    if (f) tn__io.close(tn__io.user, f);
    tn__free(p.out, length + 1);
    return tn__status(ok);
}
TN_API tn_status tn_save(tn_module *m, const char *path) {
    static const char *const metadata[] = {"format", "pt", NULL};
    tn_scope s = tn_scope_open();
    tn_dict *d = tn_state_dict(m);
    const tn_status r = d ? tn_save_safetensors(d, path, metadata) : tn__status(false);
    tn_scope_close(&s);
    return r;
}
TN_API tn_status tn_load(tn_module *m, const char *path, const tn_load_opts *opts) {
    tn_scope s = tn_scope_open();
    tn_dict *d = tn_load_safetensors(path);
    const tn_status r = d ? tn_load_state_dict(m, d, opts) : tn__status(false);
    tn_scope_close(&s);
    return r;
}

/* -- npy -- */
static const struct { const char *descr; tn_dtype dt; } tn__npy_types[] = {{"|b1", TN_BOOL}, {"|u1", TN_U8}, {"|i1", TN_I8}, {"<i2", TN_I16}, {"<i4", TN_I32}, {"<i8", TN_I64}, {"<f2", TN_F16}, {"<f4", TN_F32}, {"<f8", TN_F64}, {"<c8", TN_C64}, {"<c16", TN_C128}};
static const char *tn__npy_value(const char *header, const char *key) { /* what follows 'key': */
    const char *p = strstr(header, key);
    if (!p) return NULL;
    p += strlen(key);
    while (*p == ' ' || *p == ':' || *p == '\'') p++;
    return p;
}
static tn_tensor *tn__npy_parse(const char *path, const char *p, int64_t size) {
    int64_t shape[TN_MAX_DIMS], header, at;
    int n = 0;
    tn_dtype dt = TN_DTYPE_DEFAULT;
    if (size < 12 || memcmp(p, "\x93NUMPY", 6) != 0 || p[6] < 1 || p[6] > 3) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_FORMAT, "%s: not an npy file", path);
    const unsigned char *u = (const unsigned char *)p;
    at = u[6] == 1 ? 10 : 12;
    header = u[6] == 1 ? u[8] | u[9] << 8 : (int64_t)((uint32_t)u[8] | (uint32_t)u[9] << 8 | (uint32_t)u[10] << 16 | (uint32_t)u[11] << 24);
    if (header > size - at || header > 65536) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_FORMAT, "%s: a header of %lld bytes", path, (long long)header);
    char *text = (char *)tn__alloc((size_t)header + 1);
    if (!text) return NULL;
    memcpy(text, p + at, (size_t)header);
    text[header] = 0;
    at += header;
    const char *descr = tn__npy_value(text, "'descr'"), *order = tn__npy_value(text, "'fortran_order'"), *s = tn__npy_value(text, "'shape'");
    const bool fortran = order && strncmp(order, "True", 4) == 0;
    for (size_t i = 0; descr && i < TN__COUNT(tn__npy_types); i++)
        if (strncmp(descr, tn__npy_types[i].descr, strlen(tn__npy_types[i].descr)) == 0) dt = tn__npy_types[i].dt;
    bool ok = dt != TN_DTYPE_DEFAULT && order && s && *s == '(';
    for (s = ok ? s + 1 : ""; ok && *s && *s != ')';) {
        char *end;
        if (n == TN_MAX_DIMS || *s < '0' || *s > '9') ok = false;
        else {
            errno = 0;
            shape[n] = strtoll(s, &end, 10);
            ok = errno == 0;
            n++;
            for (s = end; *s == ',' || *s == ' ' || *s == 'L'; s++) { }
        }
    }
    ok = ok && *s == ')';
    tn__free(text, (size_t)header + 1);
    if (!ok) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_FORMAT, "%s: its npy header is not one that can be read", path);
    const int64_t count = tn__count("tn_load_npy", shape, n, tn__dsize(dt));
    if (count < 0) return NULL;
    if (count != (size - at) / (int64_t)tn__dsize(dt) || (size - at) % (int64_t)tn__dsize(dt)) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_FORMAT, "%s: %lld bytes of data for %s of %s", path, (long long)(size - at), tn__sizes_text(shape, n), tn_dtype_name(dt));
    int64_t turned[TN_MAX_DIMS];
    int back[TN_MAX_DIMS];
    for (int d = 0; d < n; d++) turned[d] = shape[fortran ? n - 1 - d : d], back[d] = n - 1 - d;
    tn_tensor *t = tn__new(dt, turned, n);
    if (!t) return NULL;
    if (count) memcpy(t->data, p + at, (size_t)count * tn__dsize(dt));
    return fortran ? tn_contiguous(tn_permute(t, back, n)) : t;
}
TN_API tn_tensor *tn_load_npy(const char *path) {
    TN__MAKE_ON(tn__cpu());
    int64_t size = 0;
    char *p = tn__read_file(path, &size);
    tn_tensor *t = p ? tn__npy_parse(path, p, size) : NULL;
    if (p) tn__free(p, (size_t)size + 1);
    return t;
}
TN_API tn_status tn_save_npy(tn_tensor *t, const char *path) {
    char header[256], shape[160];
    const char *descr = NULL;
    tn__printer p = {shape, sizeof shape, 0};
    if (!t || !path) return tn__fail_null_status("tn_save_npy: argument");
    for (size_t i = 0; i < TN__COUNT(tn__npy_types); i++)
        if (tn__npy_types[i].dt == tn__dt(t)) descr = tn__npy_types[i].descr;
    if (!descr) return TN__FAIL_STATUS(TN_ERR_DTYPE, "tn_save_npy: NumPy has no %s", tn_dtype_name(tn__dt(t)));
    for (int d = 0; d < t->ndim; d++) tn__emit(&p, t->ndim == 1 ? "%lld," : d ? ", %lld" : "%lld", (long long)t->shape[d]);
    shape[p.used] = 0;
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    int n = 10 + snprintf(header + 10, sizeof header - 10, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, shape);
    while ((n + 1) % 64) header[n++] = ' ';
    header[n++] = '\n';
    header[8] = (char)((n - 10) & 255);
    header[9] = (char)((n - 10) >> 8);
    tn_scope s = tn_scope_open();
    TN__MAKE_ON(tn__cpu());
    const tn_tensor *dense = tn__dense((tn_tensor *)(uintptr_t)tn__host(t));
    void *f = dense ? tn__io.open(tn__io.user, path, true, NULL) : NULL;
    bool ok = f != NULL;
    const int64_t bytes = t->numel * (int64_t)tn__dsize(tn__dt(t));
    if (ok && (tn__io.write(tn__io.user, f, header, n) != n || tn__io.write(tn__io.user, f, dense->data, bytes) != bytes)) ok = tn__fail(TN_ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
    ok = ok && tn__io.commit(tn__io.user, f) == TN_OK;
    if (f) tn__io.close(tn__io.user, f);
    tn_scope_close(&s);
    return tn__status(ok);
}

/* -- inflate (RFC 1951) with gzip or zlib round it; every read and write is checked -- */
typedef struct tn__flate { const unsigned char *in, *end; unsigned char *out; size_t n, cap, limit; uint32_t bits; int count; bool bad; } tn__flate;
typedef struct tn__huffman { uint16_t count[16], symbol[288]; } tn__huffman;
static unsigned tn__flate_bits(tn__flate *z, int n) {
    while (z->count < n) {
        if (z->in >= z->end) {
            z->bad = true;
            return 0;
        }
        z->bits |= (uint32_t)*z->in++ << z->count;
        z->count += 8;
    }
    const unsigned v = z->bits & ((1u << n) - 1);
    z->bits >>= n;
    z->count -= n;
    return v;
}
static bool tn__flate_put(tn__flate *z, unsigned char v) {
    if (z->n == z->cap) {
        const size_t cap = z->cap ? z->cap * 2 : 65536;
        if (z->n >= z->limit) return false;
        unsigned char *p = (unsigned char *)tn__alloc(cap);
        if (!p) return false;
        if (z->n) memcpy(p, z->out, z->n);
        tn__free(z->out, z->cap);
        z->out = p;
        z->cap = cap;
    }
    if (z->n >= z->limit) return false;
    z->out[z->n++] = v;
    return true;
}
static bool tn__huffman_make(tn__huffman *h, const uint8_t *length, int n) {
    uint16_t at[16];
    int left = 1;
    memset(h->count, 0, sizeof h->count);
    for (int i = 0; i < n; i++) h->count[length[i]]++;
    h->count[0] = 0;
    for (int i = 1; i < 16; i++)
        if ((left = left * 2 - h->count[i]) < 0) return false;
    at[1] = 0;
    for (int i = 1; i < 15; i++) at[i + 1] = (uint16_t)(at[i] + h->count[i]);
    for (int i = 0; i < n; i++)
        if (length[i]) h->symbol[at[length[i]]++] = (uint16_t)i;
    return true;
}
static int tn__huffman_take(tn__flate *z, const tn__huffman *h) {
    int code = 0, first = 0, index = 0;
    for (int length = 1; length < 16; length++) {
        code |= (int)tn__flate_bits(z, 1);
        if (z->bad) return -1;
        const int count = h->count[length];
        if (code - count < first) return h->symbol[index + (code - first)];
        index += count;
        first = (first + count) * 2;
        code *= 2;
    }
    return -1;
}
static bool tn__flate_block(tn__flate *z, const tn__huffman *literal, const tn__huffman *distance) {
    static const uint16_t base[29] = {3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
    static const uint8_t extra[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    static const uint16_t far[30] = {1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
    for (;;) {
        int s = tn__huffman_take(z, literal);
        if (s < 0 || s > 285) return false;
        if (s == 256) return true;
        if (s < 256) {
            if (!tn__flate_put(z, (unsigned char)s)) return false;
            continue;
        }
        size_t length = base[s - 257] + tn__flate_bits(z, extra[s - 257]);
        s = tn__huffman_take(z, distance);
        if (s < 0 || s > 29) return false;
        const size_t back = far[s] + tn__flate_bits(z, s < 2 ? 0 : s / 2 - 1);
        if (z->bad || back > z->n) return false;
        while (length--)
            if (!tn__flate_put(z, z->out[z->n - back])) return false;
    }
}
static bool tn__flate_dynamic(tn__flate *z) {
    static const uint8_t order[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    uint8_t length[320];
    tn__huffman a, b;
    const int literals = (int)tn__flate_bits(z, 5) + 257, distances = (int)tn__flate_bits(z, 5) + 1, codes = (int)tn__flate_bits(z, 4) + 4;
    if (z->bad || literals > 286 || distances > 30) return false;
    memset(length, 0, sizeof length);
    for (int i = 0; i < codes; i++) length[order[i]] = (uint8_t)tn__flate_bits(z, 3);
    if (!tn__huffman_make(&a, length, 19)) return false;
    memset(length, 0, sizeof length);
    for (int i = 0; i < literals + distances;) {
        const int s = tn__huffman_take(z, &a);
        if (s < 0) return false;
        if (s < 16) {
            length[i++] = (uint8_t)s;
            continue;
        }
        if (s == 16 && i == 0) return false;
        const uint8_t v = s == 16 ? length[i - 1] : 0;
        int times = s == 16 ? 3 + (int)tn__flate_bits(z, 2) : s == 17 ? 3 + (int)tn__flate_bits(z, 3) : 11 + (int)tn__flate_bits(z, 7);
        if (i + times > literals + distances) return false;
        while (times--) length[i++] = v;
    }
    return tn__huffman_make(&a, length, literals) && tn__huffman_make(&b, length + literals, distances) && tn__flate_block(z, &a, &b);
}
static bool tn__flate_fixed(tn__flate *z) {
    uint8_t length[320];
    tn__huffman a, b;
    for (int i = 0; i < 288; i++) length[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    for (int i = 0; i < 30; i++) length[288 + i] = 5;
    return tn__huffman_make(&a, length, 288) && tn__huffman_make(&b, length + 288, 30) && tn__flate_block(z, &a, &b);
}
static bool tn__flate_stored(tn__flate *z) {
    z->bits = 0;
    z->count = 0;
    if (z->end - z->in < 4) return false;
    unsigned n = (unsigned)(z->in[0] | z->in[1] << 8);
    if (n != (unsigned)(~(z->in[2] | z->in[3] << 8) & 0xFFFF)) return false;
    z->in += 4;
    if ((size_t)(z->end - z->in) < n) return false;
    while (n--)
        if (!tn__flate_put(z, *z->in++)) return false;
    return true;
}
static bool tn__flate_run(tn__flate *z) {
    for (bool last = false; !last;) {
        last = tn__flate_bits(z, 1) != 0;
        const unsigned kind = tn__flate_bits(z, 2);
        if (z->bad || kind == 3) return false;
        if (!(kind == 0 ? tn__flate_stored(z) : kind == 1 ? tn__flate_fixed(z) : tn__flate_dynamic(z)) || z->bad) return false;
    }
    return true;
}
static uint32_t tn__crc32(const unsigned char *p, size_t n) {
    uint32_t table[256], c = 0xFFFFFFFFu;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t v = i;
        for (int k = 0; k < 8; k++) v = v & 1u ? 0xEDB88320u ^ (v >> 1) : v >> 1;
        table[i] = v;
    }
    while (n--) c = table[(c ^ *p++) & 255u] ^ (c >> 8);
    return ~c;
}
static const unsigned char *tn__gzip_skip(const unsigned char *p, const unsigned char *end) { /* past gzip's head; NULL if cut */
    if (end - p < 18 || p[2] != 8) return NULL;
    const int flags = p[3];
    p += 10;
    if (flags & 4) {
        if (end - p < 2 || end - p - 2 < (p[0] | p[1] << 8)) return NULL;
        p += 2 + (p[0] | p[1] << 8);
    }
    for (int k = 8; k <= 16; k *= 2) { /* a name, a comment */
        if (!(flags & k)) continue;
        while (p < end && *p) p++;
        if (p++ >= end) return NULL;
    }
    return flags & 2 ? (end - p < 2 ? NULL : p + 2) : p;
}
TN_API tn_tensor *tn_inflate(const void *data, size_t size, int64_t cap) {
    TN__MAKE_ON(tn__cpu());
    const unsigned char *p = (const unsigned char *)data, *end = p ? p + size : NULL;
    tn__flate z;
    memset(&z, 0, sizeof z);
    if (!p || cap < 0) return (tn_tensor *)(tn__fail_null("tn_inflate: data"), NULL);
    const bool gzip = size >= 2 && p[0] == 0x1F && p[1] == 0x8B;
    z.in = gzip ? tn__gzip_skip(p, end) : size >= 6 && (p[0] & 15) == 8 && (p[0] << 8 | p[1]) % 31 == 0 && !(p[1] & 32) ? p + 2 : NULL;
    z.end = end - (gzip ? 8 : 4);
    z.limit = (size_t)cap;
    if (!z.in || z.in > z.end) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_FORMAT, "tn_inflate: neither gzip nor zlib data");
    bool ok = tn__flate_run(&z);
    if (!ok && tn__self()->code != TN_ERR_MEMORY) tn__fail(TN_ERR_FORMAT, z.n >= z.limit ? "tn_inflate: more than %lld bytes" : "tn_inflate: the data are damaged (after %lld bytes)", (long long)z.n);
    if (ok) {
        const unsigned char *q = z.in;
        uint32_t want = gzip ? (uint32_t)q[0] | (uint32_t)q[1] << 8 | (uint32_t)q[2] << 16 | (uint32_t)q[3] << 24 : (uint32_t)q[0] << 24 | (uint32_t)q[1] << 16 | (uint32_t)q[2] << 8 | (uint32_t)q[3], a = 1, b = 0;
        for (size_t i = 0; !gzip && i < z.n; i++) a = (a + z.out[i]) % 65521, b = (b + a) % 65521;
        if (want != (gzip ? tn__crc32(z.out, z.n) : b << 16 | a)) ok = tn__fail(TN_ERR_FORMAT, "tn_inflate: the checksum is wrong");
    }
    const int64_t n = (int64_t)z.n;
    tn_tensor *t = ok ? tn__new(TN_U8, &n, 1) : NULL;
    if (t && n) memcpy(t->data, z.out, z.n);
    tn__free(z.out, z.cap);
    return t;
}

/* ================================================================================================================ */
/* >>data (Private)                                                                                                 */
/* Data sets and loaders.                                                                                           */
/* ================================================================================================================ */

struct tn_dataset {
    tn__object object;
    tn_dataset_fns fns;
    void *owned;                 /* of the library's own sets: freed with owned_size */
    size_t owned_size;
};
static void tn__dataset_free(tn__object *o) {
    tn_dataset *d = (tn_dataset *)o;
    if (d->fns.free) d->fns.free(d->fns.user);
    if (d->owned) tn__free(d->owned, d->owned_size);
    tn__free(d, sizeof *d);
}
TN_API tn_dataset *tn_data_custom(const tn_dataset_fns *fns) {
    if (!fns || !fns->len || !fns->get) return (tn_dataset *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_data_custom: len and get are required");
    tn_dataset *d = (tn_dataset *)tn__object_new(sizeof *d, TN__TAG_DATASET, tn__dataset_free);
    if (d) d->fns = *fns;
    return d;
}
TN_API int64_t tn_dataset_len(tn_dataset *d) { return d ? d->fns.len(d->fns.user) : (tn__fail_null("tn_dataset_len: set"), (int64_t)-1); }
TN_API tn_status tn_dataset_get(tn_dataset *d, int64_t index, tn_batch *sample) {
    TN__MAKE_ON(tn__cpu());
    if (!d || !sample) return tn__fail_null_status("tn_dataset_get: argument");
    const int64_t n = tn_dataset_len(d);
    if (index < 0 || index >= n) return TN__FAIL_STATUS(TN_ERR_INDEX, "tn_dataset_get: sample %lld of %lld", (long long)index, (long long)n);
    memset(sample, 0, sizeof *sample);
    sample->size = 1;
    return d->fns.get(d->fns.user, index, sample);
}
/* A set of the library's own: its state is one block, which dies with it. */
static tn_dataset *tn__dataset_new(size_t size, void **state, int64_t (*len)(void *), tn_status (*get)(void *, int64_t, tn_batch *), void (*drop)(void *)) {
    void *p = tn__alloc_zero(size);
    const tn_dataset_fns fns = {len, get, drop, p};
    tn_dataset *d = p ? tn_data_custom(&fns) : NULL;
    if (!d) {
        if (p) tn__free(p, size);
        return NULL;
    }
    d->owned = p;
    d->owned_size = size;
    *state = p;
    return d;
}
/* -- rows of tensors -- */
typedef struct { tn_tensor *x, *y; } tn__rows_set;
static int64_t tn__rows_len(void *user) { return ((tn__rows_set *)user)->x->shape[0]; }
/* Row i of x for any thread: it refers to x's storage, which is marked as shared, and to nothing else of x. */
static tn_tensor *tn__row_of(const tn_tensor *x, int64_t i) { return tn__alias(x, x->shape + 1, x->strides + 1, x->ndim - 1, i * x->strides[0]); }
static tn_status tn__rows_get(void *user, int64_t i, tn_batch *s) {
    const tn__rows_set *r = (const tn__rows_set *)user;
    s->x = tn__row_of(r->x, i);
    s->y = r->y ? tn__row_of(r->y, i) : NULL;
    return tn__status(s->x && (!r->y || s->y));
}
static void tn__rows_drop(void *user) {
    tn__rows_set *r = (tn__rows_set *)user;
    if (r->x) tn_release(r->x);
    if (r->y) tn_release(r->y);
}
TN_API tn_dataset *tn_data_tensors(tn_tensor *x, tn_tensor *y) {
    tn__rows_set *r = NULL;
    if (!x) return (tn_dataset *)(tn__fail_null("tn_data_tensors: x"), NULL);
    if (x->ndim < 1 || (y && (y->ndim < 1 || y->shape[0] != x->shape[0]))) return (tn_dataset *)TN__FAIL_NULL(TN_ERR_SHAPE, "tn_data_tensors: rows of %s and %s", TN__SHAPE_TEXT(x), y ? TN__SHAPE_TEXT(y) : "nothing");
    tn_dataset *d = tn__dataset_new(sizeof *r, (void **)(void *)&r, tn__rows_len, tn__rows_get, tn__rows_drop);
    if (!d) return NULL;
    r->x = (tn_tensor *)tn_retain(x);
    r->y = (tn_tensor *)tn_retain(y);
    if (!x->storage->shared) x->storage->shared = true;
    if (y && !y->storage->shared) y->storage->shared = true;
    return d;
}
TN_API tn_dataset *tn_data_npy(const char *x_path, const char *y_path) {
    TN__MAKE_ON(tn__cpu());
    tn_scope s = tn_scope_open();
    tn_tensor *x = tn_load_npy(x_path), *y = y_path ? tn_load_npy(y_path) : NULL;
    tn_dataset *d = x && (!y_path || y) ? (tn_dataset *)tn_keep(tn_data_tensors(x, y)) : NULL;
    tn_scope_close(&s);
    return d;
}
/* -- IDX: MNIST's format -- */
static int64_t tn__be32(const unsigned char *p) { return (int64_t)((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3]); }
/* A u8 tensor from an IDX file, plain or gzipped; name may have a '.' for its second '-'. */
static tn_tensor *tn__idx_load(const char *folder, const char *name, int dims) {
    static const char *const endings[] = {"", ".gz"};
    char path[4096];
    int64_t size = 0, shape[TN_MAX_DIMS], numel = 1;
    for (size_t i = 0; i < 2; i++) {
        if (snprintf(path, sizeof path, "%s/%s%s", folder, name, endings[i]) >= (int)sizeof path) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_data_idx: the path is too long");
        if (access(path, R_OK) == 0) break;
        if (i == 1) return (tn_tensor *)TN__FAIL_NULL(TN_ERR_IO, "tn_data_idx: neither %s/%s nor %s.gz can be read", folder, name, name);
    }
    char *file = tn__read_file(path, &size);
    if (!file) return NULL;
    const unsigned char *p = (const unsigned char *)file;
    tn_tensor *inflated = NULL, *t = NULL;
    int64_t n = size;
    if (size >= 2 && p[0] == 0x1F && p[1] == 0x8B) {
        inflated = tn_inflate(file, (size_t)size, (int64_t)1 << 30);
        p = inflated ? (const unsigned char *)inflated->data : NULL;
        n = inflated ? inflated->numel : 0;
    }
    bool ok = p && ((n >= 4 + 4 * dims && p[0] == 0 && p[1] == 0 && p[2] == 8 && p[3] == dims) || tn__fail(TN_ERR_FORMAT, "%s: not an IDX file of bytes with %d dims", path, dims));
    for (int d = 0; ok && d < dims; d++) {
        shape[d] = tn__be32(p + 4 + 4 * d);
        ok = !__builtin_mul_overflow(numel, shape[d], &numel) || tn__fail(TN_ERR_FORMAT, "%s: its sizes are too large", path);
    }
    ok = ok && (numel == n - 4 - 4 * dims || tn__fail(TN_ERR_FORMAT, "%s: %lld bytes of data for %s", path, (long long)(n - 4 - 4 * dims), tn__sizes_text(shape, dims)));
    if (ok && (t = tn__new(TN_U8, shape, dims)) && numel) memcpy(t->data, p + 4 + 4 * dims, (size_t)numel);
    tn__free(file, (size_t)size + 1);
    return t;
}
static tn_status tn__idx_get(void *user, int64_t i, tn_batch *s) {
    const tn__rows_set *r = (const tn__rows_set *)user;
    const int64_t shape[3] = {1, r->x->shape[1], r->x->shape[2]}, n = shape[1] * shape[2];
    tn_tensor *x = tn__new(TN_F32, shape, 3), *y = tn__new(TN_I64, NULL, 0);
    if (!x || !y) return tn__status(false);
    const unsigned char *from = (const unsigned char *)r->x->data + i * n;
    float *to = (float *)(void *)x->data;
    for (int64_t k = 0; k < n; k++) to[k] = (float)from[k] / 255.0f;
    tn__set_i64(TN_I64, y->data, (unsigned char)r->y->data[i]);
    s->x = x;
    s->y = y;
    return TN_OK;
}
TN_API tn_dataset *tn_data_idx(const char *folder, tn_split_kind split) {
    TN__MAKE_ON(tn__cpu());
    tn__rows_set *r = NULL;
    if (!folder) return (tn_dataset *)(tn__fail_null("tn_data_idx: folder"), NULL);
    tn_scope s = tn_scope_open();
    tn_dataset *d = NULL;
    tn_tensor *x = tn__idx_load(folder, split == TN_TEST ? "t10k-images-idx3-ubyte" : "train-images-idx3-ubyte", 3), *y = x ? tn__idx_load(folder, split == TN_TEST ? "t10k-labels-idx1-ubyte" : "train-labels-idx1-ubyte", 1) : NULL;
    if (x && y && x->shape[0] != y->shape[0]) tn__fail(TN_ERR_FORMAT, "tn_data_idx: %lld images and %lld labels", (long long)x->shape[0], (long long)y->shape[0]);
    else if (x && y && (d = tn__dataset_new(sizeof *r, (void **)(void *)&r, tn__rows_len, tn__idx_get, tn__rows_drop))) {
        r->x = (tn_tensor *)tn_retain(x);
        r->y = (tn_tensor *)tn_retain(y);
        tn_keep(d);
    }
    tn_scope_close(&s);
    return d;
}
/* -- CSV: numbers, a sample a line -- */
typedef struct tn__csv { const char *path; char sep; int label, columns; bool label_float; int64_t line; tn_tensor *x, *y; int64_t row; } tn__csv;
/* One line's numbers; counts the columns (x NULL) or stores them. Returns the next line, NULL and an error on text. */
static const char *tn__csv_line(tn__csv *c, const char *p, int *columns) {
    int at = 0, column = 0;
    for (;;) {
        char *end;
        while (*p == ' ' || *p == '\t') p++;
        const double v = strtod(p, &end);
        if (end == p) return (const char *)TN__FAIL_NULL(TN_ERR_FORMAT, "%s:%lld: column %d is no number", c->path, (long long)c->line, column + 1);
        if (c->x && column == c->label && c->label_float) ((float *)(void *)c->y->data)[c->row] = (float)v;
        else if (c->x && column == c->label) {
            if (v != floor(v)) return (const char *)TN__FAIL_NULL(TN_ERR_FORMAT, "%s:%lld: the label %g is no whole number", c->path, (long long)c->line, v);
            ((int64_t *)(void *)c->y->data)[c->row] = tn__f64_to_i64(v);
        } else if (c->x && at < c->columns) ((float *)(void *)c->x->data)[c->row * c->columns + at] = (float)v;
        if (column != c->label) at++;
        column++;
        p = end;
        while (*p == ' ' || *p == '\t') p++;
        if (*p == c->sep) {
            p++;
            continue;
        }
        if (*p == '\r') p++;
        if (*p != '\n' && *p != 0) return (const char *)TN__FAIL_NULL(TN_ERR_FORMAT, "%s:%lld: text after column %d", c->path, (long long)c->line, column);
        *columns = at;
        return *p ? p + 1 : p;
    }
}
static bool tn__csv_read(tn__csv *c, const char *text, bool header) {
    const char *p = text;
    int64_t rows = 0;
    int columns = -1, n;
    c->line = 1;
    if (header) {
        p += strcspn(p, "\n");
        if (*p) p++;
        c->line++;
    }
    while (*p) {
        if (*p == '\n' || (*p == '\r' && p[1] == '\n')) { /* an empty line */
            p += *p == '\r' ? 2 : 1;
            c->line++;
            continue;
        }
        if (!(p = tn__csv_line(c, p, &n))) return false;
        if (columns >= 0 && n != columns) return tn__fail(TN_ERR_FORMAT, "%s:%lld: %d columns, %d before", c->path, (long long)c->line, n, columns);
        columns = n;
        rows++;
        c->row++;
        c->line++;
    }
    if (rows == 0) return tn__fail(TN_ERR_FORMAT, "%s: no samples", c->path);
    c->columns = columns;
    c->row = rows;
    return true;
}
TN_API tn_dataset *tn_data_csv(const char *path, const tn_csv_opts *opts) {
    TN__MAKE_ON(tn__cpu());
    tn_csv_opts o;
    tn__csv c;
    int64_t size = 0;
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    memset(&c, 0, sizeof c);
    c.path = path;
    c.sep = o.separator ? o.separator : ',';
    c.label = o.has_label_column ? o.label_column : -1;
    c.label_float = o.label_is_float;
    char *text = tn__read_file(path, &size);
    if (!text) return NULL;
    tn_scope s = tn_scope_open();
    tn_dataset *d = NULL;
    if (tn__csv_read(&c, text, !o.no_header)) { /* counted; now stored */
        const int64_t shape[2] = {c.row, c.columns};
        if (c.label >= 0) c.y = tn__zeroed(tn__new(c.label_float ? TN_F32 : TN_I64, shape, 1));
        c.x = tn__new(TN_F32, shape, 2);
        c.row = 0;
        if (c.x && (c.label < 0 || c.y) && tn__csv_read(&c, text, !o.no_header)) d = (tn_dataset *)tn_keep(tn_data_tensors(c.x, c.y));
    }
    tn_scope_close(&s);
    tn__free(text, (size_t)size + 1);
    return d;
}
/* -- sets of sets -- */
typedef struct { tn_dataset *d; int64_t *index, n; } tn__subset;
static int64_t tn__subset_len(void *user) { return ((tn__subset *)user)->n; }
static tn_status tn__subset_get(void *user, int64_t i, tn_batch *s) { return tn_dataset_get(((tn__subset *)user)->d, ((tn__subset *)user)->index[i], s); }
static void tn__subset_drop(void *user) {
    tn__subset *s = (tn__subset *)user;
    if (s->d) tn_release(s->d);
    if (s->index) tn__free(s->index, (size_t)s->n * sizeof *s->index);
}
TN_API tn_dataset *tn_data_subset(tn_dataset *d, const int64_t *indices, int64_t n) {
    tn__subset *s = NULL;
    if (!d || (n && !indices) || n < 0) return (tn_dataset *)(tn__fail_null("tn_data_subset: argument"), NULL);
    const int64_t len = tn_dataset_len(d);
    for (int64_t i = 0; i < n; i++)
        if (indices[i] < 0 || indices[i] >= len) return (tn_dataset *)TN__FAIL_NULL(TN_ERR_INDEX, "tn_data_subset: sample %lld of %lld", (long long)indices[i], (long long)len);
    tn_dataset *r = tn__dataset_new(sizeof *s, (void **)(void *)&s, tn__subset_len, tn__subset_get, tn__subset_drop);
    if (!r || !(s->index = (int64_t *)tn__alloc((size_t)n * sizeof *indices))) return NULL;
    if (n) memcpy(s->index, indices, (size_t)n * sizeof *indices);
    s->n = n;
    s->d = (tn_dataset *)tn_retain(d);
    return r;
}
typedef struct { tn_dataset **at; int64_t *end; int n; } tn__concat; /* end: of each set in the whole */
static int64_t tn__concat_len(void *user) { return ((tn__concat *)user)->end[((tn__concat *)user)->n - 1]; }
static tn_status tn__concat_get(void *user, int64_t i, tn_batch *s) {
    const tn__concat *c = (const tn__concat *)user;
    int k = 0;
    while (i >= c->end[k]) k++;
    return tn_dataset_get(c->at[k], k ? i - c->end[k - 1] : i, s);
}
static void tn__concat_drop(void *user) {
    const tn__concat *c = (const tn__concat *)user;
    for (int k = 0; c->at && k < c->n; k++)
        if (c->at[k]) tn_release(c->at[k]);
    tn__free(c->at, (size_t)c->n * sizeof *c->at);
    tn__free(c->end, (size_t)c->n * sizeof *c->end);
}
TN_API tn_dataset *tn_data_concat(tn_dataset *const *sets, int n) {
    tn__concat *c = NULL;
    int64_t total = 0;
    if (!sets) return (tn_dataset *)(tn__fail_null("tn_data_concat: sets"), NULL);
    if (n < 1) return (tn_dataset *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_data_concat: no sets");
    tn_dataset *d = tn__dataset_new(sizeof *c, (void **)(void *)&c, tn__concat_len, tn__concat_get, tn__concat_drop);
    if (!d) return NULL;
    c->n = n;
    c->at = (tn_dataset **)tn__alloc_zero((size_t)n * sizeof *c->at);
    c->end = (int64_t *)tn__alloc_zero((size_t)n * sizeof *c->end);
    if (!c->at || !c->end) return NULL;
    for (int k = 0; k < n; k++) {
        const int64_t len = tn_dataset_len(sets[k]);
        if (len < 0) return (tn_dataset *)(tn__fail_null("tn_data_concat: a set"), NULL);
        c->at[k] = (tn_dataset *)tn_retain(sets[k]);
        c->end[k] = total += len;
    }
    return d;
}
TN_API tn_status tn_data_random_split(tn_dataset *d, const int64_t *lengths, int n, tn_generator *g, tn_dataset **out) {
    const tn_tensor_opts o = {TN_I64, {0, 0}, false, g};
    int64_t at = 0, total = 0;
    if (!d || !lengths || !out || n < 1) return tn__fail_null_status("tn_data_random_split: argument");
    TN__MAKE_ON(tn__cpu());
    for (int i = 0; i < n; i++) total += lengths[i];
    if (total != tn_dataset_len(d)) return TN__FAIL_STATUS(TN_ERR_INVALID, "tn_data_random_split: the lengths sum to %lld, the set has %lld", (long long)total, (long long)tn_dataset_len(d));
    const tn_tensor *order = tn_randperm(total, &o);
    for (int i = 0; order && i < n; at += lengths[i++])
        if (!(out[i] = tn_data_subset(d, (const int64_t *)(const void *)order->data + at, lengths[i]))) return tn__status(false);
    return tn__status(order != NULL);
}

/* -- samplers -- */
enum { TN__SAMPLE_SEQUENTIAL, TN__SAMPLE_RANDOM, TN__SAMPLE_SUBSET, TN__SAMPLE_WEIGHTED };
struct tn_sampler {
    tn__object object;
    int kind;
    bool replacement;
    int64_t n, num;              /* how many there are; drawn an epoch */
    tn_tensor *values;           /* of a subset i64 indices, of weights f64 */
    tn_generator *generator;     /* NULL: the thread's */
};
static void tn__sampler_free(tn__object *object) {
    tn_sampler *s = (tn_sampler *)object;
    if (s->values) tn_release(s->values);
    if (s->generator) tn_release(s->generator);
    tn__free(s, sizeof *s);
}
static tn_sampler *tn__sampler_new(int kind, int64_t n, int64_t num, bool replacement, tn_generator *g) {
    tn_sampler *s = (tn_sampler *)tn__object_new(sizeof *s, TN__TAG_SAMPLER, tn__sampler_free);
    if (!s) return NULL;
    s->kind = kind;
    s->replacement = replacement;
    s->n = n;
    s->num = num;
    s->generator = (tn_generator *)tn_retain(g);
    return s;
}
/* A copy of n values that the sampler owns; NULL and the error on failure. */
static tn_sampler *tn__sampler_values(tn_sampler *s, tn_dtype dt, const void *values) {
    TN__MAKE_ON(tn__cpu());
    tn_scope scope = tn_scope_open();
    tn_tensor *t = s ? tn__new(dt, &s->n, 1) : NULL;
    if (t) memcpy(t->data, values, (size_t)s->n * tn__dsize(dt)), s->values = (tn_tensor *)tn_retain(t);
    tn_scope_close(&scope);
    return t ? s : NULL;
}
TN_API tn_sampler *tn_sampler_sequential(int64_t n) {
    if (n < 0) return (tn_sampler *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_sampler_sequential: %lld samples", (long long)n);
    return tn__sampler_new(TN__SAMPLE_SEQUENTIAL, n, n, false, NULL);
}
TN_API tn_sampler *tn_sampler_random(int64_t n, bool replacement, int64_t num_samples, tn_generator *g) {
    if (n < 0 || num_samples < 0 || (n == 0 && num_samples > 0)) return (tn_sampler *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_sampler_random: %lld samples of %lld", (long long)num_samples, (long long)n);
    return tn__sampler_new(TN__SAMPLE_RANDOM, n, num_samples ? num_samples : n, replacement, g);
}
TN_API tn_sampler *tn_sampler_subset_random(const int64_t *indices, int64_t n, tn_generator *g) {
    if (!indices) return (tn_sampler *)(tn__fail_null("tn_sampler_subset_random: indices"), NULL);
    if (n < 1) return (tn_sampler *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_sampler_subset_random: %lld indices", (long long)n);
    return tn__sampler_values(tn__sampler_new(TN__SAMPLE_SUBSET, n, n, false, g), TN_I64, indices);
}
TN_API tn_sampler *tn_sampler_weighted_random(const double *weights, int64_t n, int64_t num_samples, bool no_replacement, tn_generator *g) {
    int64_t positive = 0;
    if (!weights) return (tn_sampler *)(tn__fail_null("tn_sampler_weighted_random: weights"), NULL);
    for (int64_t i = 0; i < n; i++) {
        if (!(weights[i] >= 0) || isinf(weights[i])) return (tn_sampler *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_sampler_weighted_random: weight %lld is %g", (long long)i, weights[i]);
        positive += weights[i] > 0;
    }
    if (num_samples < 1 || positive < 1 || (no_replacement && num_samples > positive)) return (tn_sampler *)TN__FAIL_NULL(TN_ERR_INVALID, "tn_sampler_weighted_random: %lld samples of %lld with a weight", (long long)num_samples, (long long)positive);
    return tn__sampler_values(tn__sampler_new(TN__SAMPLE_WEIGHTED, n, num_samples, !no_replacement, g), TN_F64, weights);
}
/* RandomSampler's order: num of n, from own or from a generator that the thread's seeds. */
static tn_tensor *tn__order_random(int64_t n, int64_t num, bool replacement, tn_generator *own) {
    tn_tensor_opts o = {TN_I64, {0, 0}, false, own};
    tn_generator *g = own ? own : tn__generator(NULL);
    if (!own && !(o.generator = g ? tn_generator_new(tn__draw64(g) & 0x7FFFFFFFFFFFFFFFull) : NULL)) return NULL;
    tn_tensor *order = tn__new(TN_I64, &num, 1);
    for (int64_t done = 0, take; order && done < num; done += take) {
        take = TN__MIN(num - done, replacement ? 32 : n);
        tn_scope s = tn_scope_open();
        const tn_tensor *part = replacement ? tn_randint(0, n, &take, 1, &o) : tn_randperm(n, &o);
        if (part) memcpy(order->data + done * 8, part->data, (size_t)take * 8);
        else order = NULL;
        tn_scope_close(&s);
    }
    return order;
}
/* RandomSampler draws a permutation at its end, of which it takes num % n: where that is none, nothing shows but this. */
static void tn__order_end(int64_t n, int64_t num, bool replacement, tn_generator *own) {
    const tn_tensor_opts o = {TN_I64, {0, 0}, false, own};
    if (!own || replacement || n == 0 || num % n != 0) return;
    tn_scope s = tn_scope_open();
    (void)tn_randperm(n, &o);
    tn_scope_close(&s);
}
static tn_tensor *tn__sampler_draw(const tn_sampler *s) {
    const tn_tensor_opts o = {TN_I64, {0, 0}, false, s->generator};
    if (s->kind == TN__SAMPLE_SEQUENTIAL) return tn_arange(0, (double)s->n, 1, &o);
    if (s->kind == TN__SAMPLE_RANDOM) return tn__order_random(s->n, s->num, s->replacement, s->generator);
    if (s->kind == TN__SAMPLE_WEIGHTED) return tn_multinomial(s->values, s->num, s->replacement, s->generator);
    tn_tensor *order = tn_randperm(s->n, &o);
    int64_t *at = order ? (int64_t *)(void *)order->data : NULL;
    for (int64_t i = 0; at && i < s->n; i++) at[i] = ((const int64_t *)(const void *)s->values->data)[at[i]];
    return order;
}

/* -- the loader -- */
typedef struct tn__crew tn__crew;
typedef struct tn__copier tn__copier;
struct tn_loader {
    tn__object object;
    tn_dataset *set;
    tn_loader_opts o;
    tn_tensor *order;            /* of this epoch, i64; NULL between epochs */
    int64_t at;                  /* the next sample's place in it */
    uint64_t seed;               /* of the draws in workers, this epoch */
    tn_batch held;               /* what the caller has until the next call */
    tn_status status;
    tn__crew *crew;              /* the workers; NULL before the first batch, and without */
    tn__copier *copier;          /* brings batches of workers to the device ahead; NULL where that cannot be had */
    tn_device copies_to;         /* its device, or the one that was asked in vain */
};
/* Copies to a device beside what runs there, from pinned memory. One thread's at a time. */
static tn__copier *tn__copier_new(tn_device d);                       /* slot: accel. NULL without an error where the device cannot */
static void tn__copier_free(tn__copier *c);                           /* slot: accel. No event of it is left */
/* The n tensors on the CPU at t (NULL where there is none) begin to be copied; to gets the device's, retained. They may be
   touched, or let go of, once tn__copier_meet was called with the event. False, with an error or without: nothing was done. */
static bool tn__copier_send(tn__copier *c, tn_tensor *const *t, int n, tn_tensor **to, tn_accel_event **event); /* slot: accel */
static bool tn__copier_meet(tn__copier *c, tn_accel_event *event);    /* slot: accel. What the device does from now on is after the copies */
static void tn__batch_hold(tn_batch *b, bool hold) {
    tn_tensor *all[6] = {b->x, b->y, b->extra[0], b->extra[1], b->extra[2], b->extra[3]};
    for (int i = 0; i < 6; i++) {
        if (!all[i]) continue;
        if (hold) tn_retain(all[i]);
        else tn_release(all[i]);
    }
    if (!hold) memset(b, 0, sizeof *b);
}
static tn_tensor *tn__stack_field(tn_tensor *const *at, int64_t n) { return at[0] ? tn_stack(at, (int)n, 0) : NULL; }
/* The status of a callback, with an error set where it set none. */
static tn_status tn__callback(tn_status s, const char *what) {
    if (s != TN_OK && tn_error_code() == TN_OK) tn__fail(s, "%s gave %s", what, tn_status_name(s));
    return s;
}
static tn_status tn__collate(const tn_loader *l, const tn_batch *s, tn_tensor **field, int64_t n, tn_batch *b) {
    if (l->o.collate) return tn__callback(l->o.collate(l->o.user, s, n, b), "the loader's collate");
    for (int k = 0; k < 6; k++) {
        for (int64_t i = 0; i < n; i++) field[i] = k == 0 ? s[i].x : k == 1 ? s[i].y : s[i].extra[k - 2];
        tn_tensor *t = tn__stack_field(field, n);
        if (!t && field[0]) return tn__status(false);
        if (k == 0) b->x = t;
        else if (k == 1) b->y = t;
        else b->extra[k - 2] = t;
    }
    return TN_OK;
}
/* The n samples at index as a batch that out owns: no scope of this thread refers to it when this returns. */
static tn_status tn__loader_fill(const tn_loader *l, const int64_t *index, int64_t n, tn_batch *out) {
    TN__MAKE_ON(tn__cpu());
    const size_t bytes = (size_t)n * (sizeof(tn_batch) + sizeof(tn_tensor *));
    tn_scope scope = tn_scope_open();
    char *room = scope.depth < 0 ? NULL : (char *)tn__alloc_zero(bytes);
    tn_batch *s = (tn_batch *)(void *)room, b;
    const bool was = tn__set_recording(false);
    tn_status status = tn__status(room != NULL);
    memset(&b, 0, sizeof b);
    for (int64_t i = 0; status == TN_OK && i < n; i++) status = tn__callback(tn_dataset_get(l->set, index[i], &s[i]), "the data set");
    if (status == TN_OK) status = tn__collate(l, s, (tn_tensor **)(void *)(room + (size_t)n * sizeof *s), n, &b);
    if (status == TN_OK) {
        b.size = n;
        tn__batch_hold(&b, true);
        *out = b;
    }
    (void)tn__set_recording(was);
    tn_scope_close(&scope);
    tn__free(room, bytes);
    return status;
}

/* -- workers: threads that prepare batches ahead. The caller asks for them and takes them in the order of the epoch;
   all order is drawn by the caller, so that nothing depends on which worker does what, or when. -- */
typedef struct tn__ahead {       /* a batch that was asked for */
    const int64_t *index;
    int64_t n;
    uint64_t seed;
    tn_dtype dtype;              /* the caller's default */
    tn_batch batch;
    tn_accel_event *event;       /* the batch is on its way to the device, until then */
    tn_status status;
    bool done;
    char message[sizeof(((tn__thread *)0)->message)];
} tn__ahead;
struct tn__crew {
    pthread_mutex_t lock;        /* of all below */
    pthread_cond_t work, done;   /* the workers wait for work, the caller for done */
    const tn_loader *loader;
    pthread_t thread[TN__POOL_MAX];
    int threads, busy;
    bool stop;
    int64_t given, taken, asked; /* batches so far: handed out, begun by a worker, asked for */
    int64_t at;                  /* the place of the next sample to ask for */
    int64_t cap;
    tn__ahead ring[1];           /* batch k stands at k % cap */
};
static void *tn__crew_main(void *arg) {
    tn__crew *c = (tn__crew *)arg;
    tn__thread *t = tn__ready();
    t->in_pool = true; /* kernels run in this thread */
    pthread_mutex_lock(&c->lock);
    for (;;) {
        while (!c->stop && c->taken == c->asked) pthread_cond_wait(&c->work, &c->lock);
        if (c->stop) break;
        tn__ahead *a = &c->ring[c->taken++ % c->cap];
        c->busy++;
        pthread_mutex_unlock(&c->lock);
        tn_generator *g = tn_default_generator();
        if (g) tn__generator_seed(g, a->seed);
        t->default_dtype = a->dtype;
        tn_error_clear();
        a->status = tn__loader_fill(c->loader, a->index, a->n, &a->batch);
        (void)snprintf(a->message, sizeof a->message, "%.*s", (int)sizeof a->message - 1, tn_error());
        pthread_mutex_lock(&c->lock);
        a->done = true;
        c->busy--;
        (void)pthread_cond_signal(&c->done);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}
static size_t tn__crew_bytes(int64_t cap) { return sizeof(tn__crew) + (size_t)cap * sizeof(tn__ahead); }
/* Waits until no worker has a batch of the loader's, and lets go of what is ready; asks for nothing more. */
static void tn__crew_drop(tn__crew *c) {
    pthread_mutex_lock(&c->lock);
    c->asked = c->taken;
    while (c->busy) (void)pthread_cond_wait(&c->done, &c->lock);
    pthread_mutex_unlock(&c->lock); /* the workers rest: no lock is held where the device is waited for */
    for (; c->given < c->taken; c->given++) {
        tn__ahead *a = &c->ring[c->given % c->cap];
        if (a->event) (void)tn__copier_meet(c->loader->copier, a->event), a->event = NULL;
        tn__batch_hold(&a->batch, false);
    }
}
static void tn__crew_free(tn__crew *c) {
    tn__crew_drop(c);
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    (void)pthread_cond_broadcast(&c->work);
    pthread_mutex_unlock(&c->lock);
    for (int i = 0; i < c->threads; i++) (void)pthread_join(c->thread[i], NULL);
    (void)pthread_cond_destroy(&c->work);
    (void)pthread_cond_destroy(&c->done);
    (void)pthread_mutex_destroy(&c->lock);
    tn__free(c, tn__crew_bytes(c->cap));
}
/* Starts the workers, fewer where no more can be had; where none can, the caller prepares from now on. */
static bool tn__crew_start(tn_loader *l) {
    const int64_t cap = (int64_t)l->o.workers * (l->o.prefetch ? l->o.prefetch : 2);
    if (l->crew || l->o.workers == 0) return l->crew != NULL;
    tn__crew *c = (tn__crew *)tn__try_alloc(tn__crew_bytes(cap));
    if (!c) return false;
    memset(c, 0, tn__crew_bytes(cap));
    (void)pthread_mutex_init(&c->lock, NULL);
    (void)pthread_cond_init(&c->work, NULL);
    (void)pthread_cond_init(&c->done, NULL);
    c->loader = l;
    c->cap = cap;
    (void)tn__ready();
    while (c->threads < l->o.workers && pthread_create(&c->thread[c->threads], NULL, tn__crew_main, c) == 0) c->threads++;
    if (c->threads) l->crew = c;
    else tn__crew_free(c), l->o.workers = 0;
    return l->crew != NULL;
}
/* How many samples the batch at that place of the epoch has; 0 at the end. */
static int64_t tn__loader_count(const tn_loader *l, int64_t at) {
    const int64_t n = TN__MIN(l->order->numel - at, l->o.batch_size);
    return l->o.drop_last && n < l->o.batch_size ? 0 : n;
}
static void tn__crew_ask(const tn_loader *l, tn__crew *c) { /* fills the ring; the lock is held */
    if (c->given == c->asked) c->at = l->at;
    while (c->asked - c->given < c->cap) {
        tn__ahead *a = &c->ring[c->asked % c->cap];
        if ((a->n = tn__loader_count(l, c->at)) == 0) return;
        a->index = (const int64_t *)(const void *)l->order->data + c->at;
        a->seed = l->seed + (uint64_t)(c->at / l->o.batch_size);
        a->dtype = tn_get_default_dtype();
        a->done = false;
        c->at += a->n;
        c->asked++;
        (void)pthread_cond_signal(&c->work);
    }
}
static tn_device tn__loader_device(const tn_loader *l) { return l->o.device.kind != TN_CPU ? l->o.device : tn__self()->home; }
/* The batch is copied while the device works on another. Where it fails the batch stays, and is moved when its turn comes. */
static void tn__ahead_send(tn_loader *l, tn__ahead *a) {
    tn_batch *b = &a->batch;
    tn_tensor *from[6] = {b->x, b->y, b->extra[0], b->extra[1], b->extra[2], b->extra[3]}, *to[6];
    const bool failed = tn_error_code() != TN_OK;
    if (tn__copier_send(l->copier, from, 6, to, &a->event)) {
        const int64_t size = b->size;
        tn__batch_hold(b, false);
        b->x = to[0];
        b->y = to[1];
        memcpy(b->extra, to + 2, sizeof b->extra);
        b->size = size;
    } else if (!failed)
        tn_error_clear();
}
/* The batch after the one that was handed out, where it is ready. */
static void tn__loader_send(tn_loader *l) {
    tn__crew *c = l->crew;
    const tn_device d = tn__loader_device(l);
    if (!c || d.kind == TN_CPU) return;
    tn__ahead *a = &c->ring[c->given % c->cap];
    pthread_mutex_lock(&c->lock);
    const bool ready = c->given < c->taken && a->done && a->status == TN_OK && !a->event;
    pthread_mutex_unlock(&c->lock);
    if (!ready) return;
    if (!tn__same_device(l->copies_to, d)) { /* nothing is under way: the batch that was is handed out */
        if (l->copier) tn__copier_free(l->copier);
        l->copier = tn__copier_new(d);
        l->copies_to = d;
    }
    if (l->copier) tn__ahead_send(l, a);
}
/* The next batch into held, from whoever prepares it. */
static tn_status tn__loader_take(tn_loader *l, int64_t n) {
    tn__crew *c = tn__crew_start(l) ? l->crew : NULL;
    if (!c) {
        const tn_status s = tn__loader_fill(l, (const int64_t *)(const void *)l->order->data + l->at, n, &l->held);
        if (s == TN_OK) l->at += n;
        return s;
    }
    pthread_mutex_lock(&c->lock);
    tn__crew_ask(l, c);
    tn__ahead *a = &c->ring[c->given % c->cap];
    while (!a->done) (void)pthread_cond_wait(&c->done, &c->lock);
    tn_status status = a->status;
    tn_accel_event *event = a->event;
    l->held = a->batch;
    memset(&a->batch, 0, sizeof a->batch);
    a->event = NULL;
    if (status != TN_OK) { /* the error was logged where it happened */
        memcpy(tn__self()->message, a->message, sizeof a->message);
        tn__self()->code = status;
    }
    c->given++;
    if (status == TN_OK) {
        l->at += n;
        tn__crew_ask(l, c);
    }
    pthread_mutex_unlock(&c->lock);
    if (event && !tn__copier_meet(l->copier, event)) status = tn_error_code();
    return status;
}
static void tn__loader_free(tn__object *object) {
    tn_loader *l = (tn_loader *)object;
    if (l->crew) tn__crew_free(l->crew);
    if (l->copier) tn__copier_free(l->copier);
    tn__batch_hold(&l->held, false);
    if (l->order) tn_release(l->order);
    if (l->o.generator) tn_release(l->o.generator);
    if (l->o.sampler) tn_release(l->o.sampler);
    tn_release(l->set);
    tn__free(l, sizeof *l);
}
static bool tn__loader_opts_ok(const tn_loader_opts *o) {
    if (o->batch_size < 0) return tn__fail(TN_ERR_INVALID, "tn_data_loader: batches of %lld", (long long)o->batch_size);
    if (o->workers < 0 || o->workers > TN__POOL_MAX || o->prefetch < 0 || o->prefetch > 1024) return tn__fail(TN_ERR_INVALID, "tn_data_loader: %d workers, %d batches ahead", o->workers, o->prefetch);
    if (o->sampler && o->shuffle) return tn__fail(TN_ERR_INVALID, "tn_data_loader: a sampler and shuffle exclude each other");
    return tn__device_ok(o->device, "tn_data_loader");
}
TN_API tn_loader *tn_data_loader(tn_dataset *d, const tn_loader_opts *opts) {
    if (!d) return (tn_loader *)(tn__fail_null("tn_data_loader: set"), NULL);
    if (opts && !tn__loader_opts_ok(opts)) return NULL;
    tn_loader *l = (tn_loader *)tn__object_new(sizeof *l, TN__TAG_LOADER, tn__loader_free);
    if (!l) return NULL;
    if (opts) l->o = *opts;
    if (l->o.batch_size == 0) l->o.batch_size = 1;
    l->set = (tn_dataset *)tn_retain(d);
    tn_retain(l->o.generator);
    tn_retain(l->o.sampler);
    return l;
}
static int64_t tn__loader_samples(const tn_loader *l) { return l->o.sampler ? l->o.sampler->num : tn_dataset_len(l->set); }
TN_API int64_t tn_loader_len(tn_loader *l) {
    if (!l) return tn__fail_null("tn_loader_len: loader"), -1;
    const int64_t n = tn__loader_samples(l), b = l->o.batch_size;
    return l->o.drop_last ? n / b : (n + b - 1) / b;
}
/* The epoch's order, drawn as PyTorch draws it: the iterator's own seed, then the sampler's, whose generator permutes. */
static bool tn__loader_begin(tn_loader *l) {
    TN__MAKE_ON(tn__cpu());
    const int64_t n = tn__loader_samples(l);
    tn_generator *g = tn__generator(l->o.generator);
    const tn_tensor_opts o = {TN_I64, {0, 0}, false, NULL};
    if (!g || n < 0) return false;
    tn_scope s = tn_scope_open();
    l->seed = tn__draw64(g); /* base_seed */
    tn_tensor *order = l->o.sampler ? tn__sampler_draw(l->o.sampler) : l->o.shuffle ? tn__order_random(n, n, false, l->o.generator) : tn_arange(0, (double)n, 1, &o);
    l->order = (tn_tensor *)tn_retain(order);
    l->at = 0;
    tn_scope_close(&s);
    return l->order != NULL;
}
static void tn__loader_end(tn_loader *l, bool whole) {
    const tn_sampler *s = l->o.sampler;
    if (l->crew) tn__crew_drop(l->crew);
    if (whole && s && s->kind == TN__SAMPLE_RANDOM) tn__order_end(s->n, s->num, s->replacement, s->generator);
    else if (whole && !s && l->o.shuffle) tn__order_end(l->order->numel, l->order->numel, false, l->o.generator);
    tn_release(l->order);
    l->order = NULL;
}
static bool tn__batch_move(tn_batch *b, tn_device d) {
    tn_tensor **all[6] = {&b->x, &b->y, &b->extra[0], &b->extra[1], &b->extra[2], &b->extra[3]};
    bool ok = true;
    tn_scope s = tn_scope_open();
    for (int i = 0; ok && d.kind != TN_CPU && i < 6; i++) {
        tn_tensor *t = *all[i] ? tn_to(*all[i], d) : NULL;
        if (!*all[i] || t == *all[i]) continue;
        if ((ok = t != NULL)) tn_retain(t), tn_release(*all[i]), *all[i] = t;
    }
    tn_scope_close(&s);
    return ok;
}
TN_API bool tn_loader_next(tn_loader *l, tn_batch *b) {
    if (!l || !b) return tn__fail_null("tn_loader_next: argument");
    tn__batch_hold(&l->held, false);
    memset(b, 0, sizeof *b);
    l->status = TN_OK;
    if (!l->order && !tn__loader_begin(l)) {
        l->status = tn__status(false);
        return false;
    }
    const int64_t n = tn__loader_count(l, l->at);
    if (n) l->status = tn__loader_take(l, n);
    if (n && l->status == TN_OK) l->status = tn__status(tn__batch_move(&l->held, tn__loader_device(l)));
    if (n == 0 || l->status != TN_OK) {
        tn__loader_end(l, n == 0);
        return false;
    }
    tn__loader_send(l);
    *b = l->held;
    return true;
}
TN_API tn_status tn_loader_status(tn_loader *l) { return l ? l->status : tn__fail_null_status("tn_loader_status: loader"); }
TN_API tn_dict *tn_loader_state_dict(tn_loader *l) {
    TN__MAKE_ON(tn__cpu());
    if (!l) return (tn_dict *)(tn__fail_null("tn_loader_state_dict: loader"), NULL);
    tn_dict *d = tn_dict_new();
    tn_generator *own = l->o.sampler ? l->o.sampler->generator : NULL;
    tn_scope s = tn_scope_open();
    bool ok = d && tn_dict_set(d, "at", tn_scalar_i64(l->at)) == TN_OK && tn_dict_set(d, "seed", tn_scalar_i64((int64_t)l->seed)) == TN_OK;
    if (ok && l->order) ok = tn_dict_set(d, "order", l->order) == TN_OK;
    if (ok && l->o.generator) ok = tn_dict_set(d, "generator", tn_generator_get_state(l->o.generator)) == TN_OK;
    if (ok && own) ok = tn_dict_set(d, "sampler", tn_generator_get_state(own)) == TN_OK;
    tn_scope_close(&s);
    return ok ? d : NULL;
}
static tn_tensor *tn__state_at(const tn_dict *d, const char *name) { /* in host memory: a state may have been moved with a model */
    const tn_tensor *t = tn_dict_get(d, name);
    return t ? (tn_tensor *)(uintptr_t)tn__host(t) : NULL;
}
static bool tn__loader_load(tn_loader *l, tn_dict *d, bool apply) {
    tn_tensor *at = tn__state_at(d, "at"), *order = tn__state_at(d, "order"), *g = tn_dict_get(d, "generator"), *own = tn_dict_get(d, "sampler"), *seed = tn__state_at(d, "seed");
    const int64_t n = tn_dataset_len(l->set), num = tn__loader_samples(l), place = at && at->numel == 1 ? tn__get_i64(tn__dt(at), at->data) : -1;
    if (place < 0 || (seed && seed->numel != 1) || (order && (tn__dt(order) != TN_I64 || order->ndim != 1 || !order->contiguous || order->numel != num || place > num))) return tn__fail(TN_ERR_FORMAT, "tn_loader_load_state_dict: the state is of another set of data");
    for (int64_t i = 0; order && i < num; i++) {
        const int64_t v = ((const int64_t *)(const void *)order->data)[i];
        if (v < 0 || v >= n) return tn__fail(TN_ERR_FORMAT, "tn_loader_load_state_dict: sample %lld of %lld", (long long)v, (long long)n);
    }
    if (!apply) return true;
    if (g && l->o.generator && tn_generator_set_state(l->o.generator, g) != TN_OK) return false;
    if (own && l->o.sampler && l->o.sampler->generator && tn_generator_set_state(l->o.sampler->generator, own) != TN_OK) return false;
    if (l->crew) tn__crew_drop(l->crew);
    tn__batch_hold(&l->held, false);
    tn_retain(order);
    if (l->order) tn_release(l->order);
    l->order = order;
    l->at = place;
    if (seed) l->seed = (uint64_t)tn__get_i64(tn__dt(seed), seed->data);
    return true;
}
TN_API tn_status tn_loader_load_state_dict(tn_loader *l, tn_dict *d) {
    TN__MAKE_ON(tn__cpu());
    if (!l || !d) return tn__fail_null_status("tn_loader_load_state_dict: argument");
    return tn__status(tn__loader_load(l, d, true));
}

/* -- checkpoints: one safetensors file, each part under its prefix -- */
static bool tn__merge(tn_dict *all, const char *prefix, tn_dict *part) {
    char name[TN__NAME_MAX];
    for (int32_t i = 0; part && i < part->n; i++) {
        if (snprintf(name, sizeof name, "%s%s", prefix, part->at[i].name) >= (int)sizeof name) return tn__fail(TN_ERR_INVALID, "tn_checkpoint_save: a name is too long");
        if (tn_dict_set(all, name, part->at[i].t) != TN_OK) return false;
    }
    return part != NULL;
}
static tn_dict *tn__part(tn_dict *all, const char *prefix) {
    const size_t n = strlen(prefix);
    tn_dict *d = tn_dict_new();
    for (int32_t i = 0; d && i < all->n; i++)
        if (strncmp(all->at[i].name, prefix, n) == 0 && tn_dict_set(d, all->at[i].name + n, all->at[i].t) != TN_OK) return NULL;
    return d;
}
TN_API tn_status tn_checkpoint_save(const char *path, const tn_checkpoint_state *s) {
    char step[32], epoch[32];
    const char *metadata[] = {"format", "tensor.h checkpoint", "step", step, "epoch", epoch, NULL};
    if (!path || !s) return tn__fail_null_status("tn_checkpoint_save: argument");
    (void)snprintf(step, sizeof step, "%lld", (long long)s->step);
    (void)snprintf(epoch, sizeof epoch, "%lld", (long long)s->epoch);
    tn_scope scope = tn_scope_open();
    tn_dict *all = tn_dict_new();
    bool ok = all != NULL && (!s->model || tn__merge(all, "model.", tn_state_dict(s->model))) && (!s->optimizer || tn__merge(all, "optimizer.", tn_optim_state_dict(s->optimizer))) &&
              (!s->scheduler || tn__merge(all, "scheduler.", tn_sched_state_dict(s->scheduler))) && (!s->loader || tn__merge(all, "loader.", tn_loader_state_dict(s->loader)));
    if (ok && !s->no_generator) ok = tn_dict_set(all, "generator", tn_generator_get_state(tn_default_generator())) == TN_OK;
    const tn_status r = ok ? tn_save_safetensors(all, path, metadata) : tn__status(false);
    tn_scope_close(&scope);
    return r;
}
/* Everything is checked before anything is changed. */
static bool tn__checkpoint_restore(tn_dict *all, tn_checkpoint_state *s) {
    tn_dict *model = s->model ? tn__part(all, "model.") : NULL, *opt = s->optimizer ? tn__part(all, "optimizer.") : NULL, *sched = s->scheduler ? tn__part(all, "scheduler.") : NULL, *loader = s->loader ? tn__part(all, "loader.") : NULL;
    tn_tensor *g = s->no_generator ? NULL : tn_dict_get(all, "generator");
    tn_generator *now = tn__generator(NULL);
    const char *step = tn_dict_metadata(all, "step"), *epoch = tn_dict_metadata(all, "epoch");
    if (!now || (s->model && !model) || (s->optimizer && !opt) || (s->scheduler && !sched) || (s->loader && !loader)) return false;
    if (!s->no_generator && !g) return tn__fail(TN_ERR_FORMAT, "tn_checkpoint_load: the file has no generator's state; .no_generator goes on without");
    if ((model && !tn__load_check(s->model, model, false)) || (opt && !tn__optim_load(s->optimizer, opt, false)) || (sched && !tn__sched_load(s->scheduler, sched, "", false)) || (loader && !tn__loader_load(s->loader, loader, false))) return false;
    if (g && tn_generator_set_state(now, g) != TN_OK) return false;
    if ((model && !tn__load_apply(s->model, model)) || (opt && !tn__optim_load(s->optimizer, opt, true)) || (sched && !tn__sched_load(s->scheduler, sched, "", true)) || (loader && !tn__loader_load(s->loader, loader, true))) return false;
    s->step = step ? strtoll(step, NULL, 10) : 0; /* PyTorch's files have no counters */
    s->epoch = epoch ? strtoll(epoch, NULL, 10) : 0;
    return true;
}
TN_API tn_status tn_checkpoint_load(const char *path, tn_checkpoint_state *s) {
    if (!path || !s) return tn__fail_null_status("tn_checkpoint_load: argument");
    if (tn_init_flush() != TN_OK) return tn_error_code();
    tn_scope scope = tn_scope_open();
    tn_dict *all = tn_load_safetensors(path);
    const tn_status r = tn__status(all && tn__checkpoint_restore(all, s));
    tn_scope_close(&scope);
    return r;
}

/* -- progress -- */
TN_API tn_progress tn_progress_begin(const char *label, int64_t total) {
    tn_progress p;
    memset(&p, 0, sizeof p);
    (void)snprintf(p.label, sizeof p.label, "%s", label ? label : "");
    p.total = total;
    p.started = tn__now();
    p.tty = isatty(2) != 0;
    return p;
}
static void tn__progress_draw(const tn_progress *p) {
    char bar[25];
    const double spent = tn__now() - p->started, rate = spent > 0 ? (double)p->done / spent : 0;
    const int full = p->total > 0 ? (int)(24 * TN__MIN(p->done, p->total) / p->total) : 0;
    for (int i = 0; i < 24; i++) bar[i] = i < full ? '#' : '.';
    bar[24] = 0;
    fprintf(stderr, "\r%s [%s] %lld/%lld %.1f/s", p->label, bar, (long long)p->done, (long long)p->total, rate);
    if (rate > 0 && p->total > p->done) fprintf(stderr, " eta %.0fs", (double)(p->total - p->done) / rate);
    if (p->has_value) fprintf(stderr, " %s %.4g", p->name, p->value);
    fprintf(stderr, "\033[K");
    fflush(stderr);
}
TN_API void tn_progress_step(tn_progress *p, const char *name, tn_tensor *value) {
    if (!p) return;
    p->done++;
    if (!p->tty) return;
    const double now = tn__now();
    if (now - p->drawn < 0.1 && p->done < p->total) return;
    p->drawn = now;
    if (value && value->numel == 1) { /* read only now: on a device this waits */
        (void)snprintf(p->name, sizeof p->name, "%s", name ? name : "");
        p->value = tn_item(value);
        p->has_value = true;
    }
    tn__progress_draw(p);
}
TN_API void tn_progress_end(tn_progress *p, const char *fmt, ...) {
    va_list ap;
    if (!p) return;
    if (p->tty) fprintf(stderr, "\r\033[K");
    printf("%s %.1fs ", p->label, tn__now() - p->started);
    va_start(ap, fmt);
    (void)vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    fflush(stdout);
}

/* ================================================================================================================ */
/* >>accel (Private)                                                                                                */
/* Finding plugins, their devices' memory, and calls that run there. It fills the slots of storage, tensor and ops; */
/* without a device in sight none of it runs.                                                                       */
/* ================================================================================================================ */

/* -- files: where they may stand, and what is checked before the loader sees one -- */
#define TN__ACCEL_PLUGINS 16
#define TN__ACCEL_DEVICES 32
typedef struct tn__block { /* a piece of a segment; neighbours are linked by address, the free ones by size */
    tn_accel_buffer *buffer;
    uint64_t offset, bytes;
    struct tn__block *before, *after, *next; /* next: of the free list */
    bool used, small;
} tn__block;
typedef struct tn__accel {
    const tn_accel_api *api;
    const tn_accel_plugin *plugin;
    int32_t index;               /* the plugin's number of it */
    tn_accel_info info;
    char name[48];
    tn_accel_context *context;   /* once opened */
    tn_accel_queue *queue;
    tn__block *free_blocks;
    tn_device_stats_t memory;
    bool lost;
    tn_device id;
} tn__accel;
static pthread_mutex_t tn__acc_lock = PTHREAD_MUTEX_INITIALIZER; /* for lists, allocators and queues: a queue is one thread's at a time */
static struct {
    const tn_accel_plugin *plugin[TN__ACCEL_PLUGINS];
    tn__accel device[TN__ACCEL_DEVICES];
    int n_plugins, n_devices;
    bool scanned, forked, uncached;
    char *report;
    size_t used, cap;
    tn_fallback fallback;
    int64_t fallbacks[TN__OP_COUNT];
} tn__acc;

TN__PRINTF(1, 2) static void tn__accel_note(const char *fmt, ...) {
    char line[1024];
    va_list ap;
    va_start(ap, fmt);
    const int n = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    const size_t length = n < 0 ? 0 : TN__MIN((size_t)n, sizeof line - 1);
    if (tn__acc.used + length + 2 > tn__acc.cap) {
        const size_t cap = (tn__acc.used + length + 2) * 2;
        char *grown = (char *)realloc(tn__acc.report, cap); /* not tn__alloc: it outlives every thread */
        if (!grown) return;
        tn__acc.report = grown;
        tn__acc.cap = cap;
    }
    memcpy(tn__acc.report + tn__acc.used, line, length);
    tn__acc.used += length;
    memcpy(tn__acc.report + tn__acc.used, "\n", 2);
    tn__acc.used++;
}
static uint64_t tn__elf_get(const unsigned char *p, int bytes) {
    uint64_t v = 0;
    for (int i = bytes - 1; i >= 0; i--) v = v << 8 | p[i];
    return v;
}
/* A cut or foreign file kills the process inside the loader: NULL if it may go there, else why not. */
/* tools/plugsum ends a plugin with "TNSUM001" and the FNV-1a hash of all before: bytes that changed are found before they run.
   It guards against accidents, not against people. A file without it is taken as it is. */
static const char *tn__sum_fault(int fd, off_t size) {
    unsigned char block[4096], end[16];
    uint64_t hash = 14695981039346656037u;
    if (size < 16 || pread(fd, end, sizeof end, size - 16) != 16 || memcmp(end, "TNSUM001", 8) != 0) return NULL;
    for (off_t at = 0; at < size - 16;) {
        const ssize_t n = pread(fd, block, (size_t)TN__MIN((off_t)sizeof block, size - 16 - at), at);
        if (n <= 0) return "it cannot be read";
        for (ssize_t i = 0; i < n; i++) hash = (hash ^ block[i]) * 1099511628211u;
        at += n;
    }
    return hash == tn__elf_get(end + 8, 8) ? NULL : "its bytes changed since it was built (checksum)";
}
static const char *tn__elf_fault(const char *path) {
    unsigned char h[64];
    const int fd = open(path, O_RDONLY | TN__O_CLOEXEC);
    if (fd < 0) return strerror(errno);
    const off_t size = lseek(fd, 0, SEEK_END);
    const char *fault = NULL;
#if defined(__x86_64__)
    const unsigned machine = 62;
#elif defined(__aarch64__)
    const unsigned machine = 183;
#else
    const unsigned machine = 0;
#endif
    if (size <= 0) fault = "the file is empty";
    else if (pread(fd, h, sizeof h, 0) != (ssize_t)sizeof h) fault = "too short for a shared object";
    else if (memcmp(h, "\177ELF", 4) != 0) fault = "not a shared object (ELF)";
    else if (h[4] != 2 || h[5] != 1) fault = "not a 64-bit little-endian file";
    else if (tn__elf_get(h + 16, 2) != 3) fault = "not a shared object";
    else if (machine && tn__elf_get(h + 18, 2) != machine) fault = "built for another machine";
    else {
        const uint64_t phoff = tn__elf_get(h + 32, 8), shoff = tn__elf_get(h + 40, 8), phsize = tn__elf_get(h + 54, 2), phnum = tn__elf_get(h + 56, 2), shsize = tn__elf_get(h + 58, 2), shnum = tn__elf_get(h + 60, 2), end = (uint64_t)size;
        if (phoff > end || phnum * phsize > end - phoff || phsize < 56 || shoff > end || shnum * shsize > end - shoff) fault = "cut short, or not whole";
        for (uint64_t i = 0; !fault && i < phnum; i++) {
            unsigned char p[56];
            if (pread(fd, p, sizeof p, (off_t)(phoff + i * phsize)) != (ssize_t)sizeof p) fault = "cut short, or not whole";
            else if (tn__elf_get(p + 8, 8) > end || tn__elf_get(p + 32, 8) > end - tn__elf_get(p + 8, 8)) fault = "cut short, or not whole";
        }
        if (!fault) fault = tn__sum_fault(fd, size);
    }
    (void)close(fd);
    return fault;
}
static void tn__accel_log(void *context, int32_t level, const char *message) {
    (void)context;
    tn__log(level <= 0 ? TN_LOG_ERROR : level == 1 ? TN_LOG_WARN : TN_LOG_INFO, "%s", message ? message : "");
}
static const void *tn__accel_extension(void *context, const char *name) {
    (void)context, (void)name;
    return NULL;
}
static const tn_accel_host tn__accel_host = {(uint32_t)sizeof(tn_accel_host), TN_ACCEL_MINOR, NULL, tn__accel_log, tn__accel_extension};

/* The plugin's devices join the list; one that another plugin already offers does not. */
static void tn__accel_devices(const char *path, const tn_accel_plugin *p, const tn_accel_api *api) {
    const int32_t n = api->count();
    int taken = 0;
    for (int32_t i = 0; i < n && tn__acc.n_devices < TN__ACCEL_DEVICES; i++) {
        tn__accel *d = &tn__acc.device[tn__acc.n_devices];
        tn_accel_error e = {0, {0}};
        memset(d, 0, sizeof *d);
        d->info.size = (uint32_t)sizeof d->info;
        if (api->info(i, &d->info, &e) != TN_ACCEL_OK) {
            tn__accel_note("%s: device %d: %.400s", path, (int)i, e.message);
            continue;
        }
        bool known = false;
        for (int k = 0; k < tn__acc.n_devices; k++)
            known = known || (d->info.location[0] && tn__acc.device[k].plugin != p && strncmp(tn__acc.device[k].info.location, d->info.location, sizeof d->info.location) == 0);
        if (known) {
            tn__accel_note("%s: device %d (%.32s) is there already under another plugin", path, (int)i, d->info.location);
            continue;
        }
        d->api = api;
        d->plugin = p;
        d->index = i;
        d->memory.total = (int64_t)d->info.memory;
        d->id.kind = TN_ACCELERATOR;
        d->id.index = tn__acc.n_devices;
        (void)snprintf(d->name, sizeof d->name, "%.32s:%d", p->id, taken++);
        tn__accel_note("%s: %s is %.128s", path, d->name, d->info.name);
        tn__acc.n_devices++;
    }
    if (n <= 0) tn__accel_note("%s: no devices", path);
}
/* What keeps a plugin out, or NULL; its devices are listed then. */
static const char *tn__accel_take(const char *path, const tn_accel_plugin *p) {
    static char why[600];
    tn_accel_error e = {0, {0}};
    const tn_accel_api *api = NULL;
    if (p->magic != TN_ACCEL_MAGIC) return "tensor_accel_plugin_v1 is no plugin record";
    if (p->major != TN_ACCEL_MAJOR) return "it is of another major version of the interface";
    if (p->size < sizeof(tn_accel_plugin) || !p->id || !p->init) return "its plugin record is too small";
    for (int i = 0; i < tn__acc.n_plugins; i++)
        if (tn__acc.plugin[i] == p || strcmp(tn__acc.plugin[i]->id, p->id) == 0) return "the plugin is loaded already";
    if (tn__acc.n_plugins == TN__ACCEL_PLUGINS) return "too many plugins";
    if ((p->probe && p->probe(&e) != TN_ACCEL_OK) || p->init(&tn__accel_host, &api, &e) != TN_ACCEL_OK) {
        (void)snprintf(why, sizeof why, "%.500s", e.message[0] ? e.message : "it does not start");
        return why;
    }
    if (!api || api->size < sizeof(tn_accel_api)) return "its function table is too small";
    tn__acc.plugin[tn__acc.n_plugins++] = p;
    tn__accel_devices(path, p, api);
    return NULL;
}
static const char *tn__accel_open_file(const char *path) {
    static char why[600];
    const char *fault = tn__elf_fault(path);
    if (fault) return fault;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char *e = dlerror();
        (void)snprintf(why, sizeof why, "%s", e ? e : "it cannot be loaded");
        return why;
    }
    const tn_accel_plugin *p = (const tn_accel_plugin *)dlsym(library, "tensor_accel_plugin_v1");
    fault = p ? tn__accel_take(path, p) : "it has no symbol tensor_accel_plugin_v1";
    if (!p) (void)dlclose(library); /* nothing of it ran; a plugin that did is never unloaded */
    return fault;
}
static void tn__accel_try(const char *path) {
    const char *fault = tn__accel_open_file(path);
    if (!fault) return;
    tn__accel_note("%s: %s", path, fault);
    if (strcmp(fault, "the plugin is loaded already") != 0) tn__log(TN_LOG_WARN, "%s: %s", path, fault);
}
static int tn__accel_order(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }
static void tn__accel_folder(const char *folder) {
    char path[4096], *names[64];
    int n = 0;
    DIR *d = folder[0] == '/' ? opendir(folder) : NULL; /* never the current folder */
    if (!d) {
        tn__accel_note("%s: %s", folder, folder[0] == '/' ? strerror(errno) : "not an absolute path");
        return;
    }
    for (const struct dirent *e; n < 64 && (e = readdir(d)) != NULL;) {
        const size_t length = strlen(e->d_name);
        if (strncmp(e->d_name, "tensor_accel_", 13) != 0 || length < 17 || strcmp(e->d_name + length - 3, ".so") != 0) continue;
        if (snprintf(path, sizeof path, "%s/%s", folder, e->d_name) >= (int)sizeof path) continue;
        if ((names[n] = (char *)malloc(strlen(path) + 1)) != NULL) strcpy(names[n++], path);
    }
    (void)closedir(d);
    qsort(names, (size_t)n, sizeof *names, tn__accel_order);
    if (n == 0) tn__accel_note("%s: no plugins", folder);
    for (int i = 0; i < n; i++) {
        tn__accel_try(names[i]);
        free(names[i]);
    }
}
/* The folder of a file, then plugins/ under it. */
static void tn__accel_beside(const char *file) {
    char folder[4096];
    const char *slash = strrchr(file, '/');
    const int length = slash ? (int)(slash - file) : 0;
    if (file[0] != '/' || length <= 0) return;
    if (snprintf(folder, sizeof folder, "%.*s", length, file) < (int)sizeof folder) tn__accel_folder(folder);
    if (snprintf(folder, sizeof folder, "%.*s/plugins", length, file) < (int)sizeof folder) tn__accel_folder(folder);
}
static void tn__accel_forked(void) { /* a driver does not live on in a forked child */
    tn__acc.forked = true;
    for (int i = 0; i < tn__acc.n_devices; i++) tn__acc.device[i].lost = tn__acc.device[i].context != NULL;
}
static void tn__accel_scan(void) {
    char module[4096] = "", program[4096];
    tn__dl_info where;
    tn__acc.scanned = true;
    (void)pthread_atfork(NULL, NULL, tn__accel_forked);
    const char *list = getauxval(AT_SECURE) ? NULL : getenv("TN_ACCEL_PATH");
    while (list && *list) {
        const size_t length = strcspn(list, ":");
        if (length && length < sizeof program) {
            memcpy(program, list, length);
            program[length] = 0;
            tn__accel_folder(program);
        }
        list += length + (list[length] == ':');
    }
    if (dladdr((const void *)(uintptr_t)&tn__acc, &where) && where.dli_fname && realpath(where.dli_fname, module)) tn__accel_beside(module);
    const ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n > 0) {
        program[n] = 0;
        if (strcmp(program, module) != 0) tn__accel_beside(program);
    }
#ifdef TN_ACCEL_DIR
    tn__accel_folder(TN_ACCEL_DIR);
#endif
}
TN__NOINLINE static void tn__accel_lock(void) {
    (void)tn__ready();
    pthread_mutex_lock(&tn__acc_lock);
    if (!tn__acc.scanned) tn__accel_scan();
}
static void tn__accel_unlock(void) { pthread_mutex_unlock(&tn__acc_lock); }
TN_API tn_status tn_accel_load(const char *path) {
    if (!path) return tn__fail_null_status("tn_accel_load: path");
    tn__accel_lock();
    const char *fault = tn__accel_open_file(path);
    if (fault) tn__accel_note("%s: %s", path, fault);
    const tn_status r = fault ? TN__FAIL_STATUS(TN_ERR_DEVICE, "tn_accel_load: %s: %s", path, fault) : TN_OK;
    tn__accel_unlock();
    return r;
}
TN_API const char *tn_accel_report(void) {
    tn__accel_lock();
    const char *text = tn__acc.report ? tn__acc.report : "";
    tn__accel_unlock();
    return text;
}

/* -- devices -- */
TN_API int tn_device_count(void) {
    tn__accel_lock();
    const int n = tn__acc.n_devices;
    tn__accel_unlock();
    return n;
}
TN_API tn_device tn_device_at(int i) {
    const tn_device d = {TN_ACCELERATOR, i};
    return i >= 0 && i < tn_device_count() ? d : (tn__fail(TN_ERR_INDEX, "tn_device_at: device %d of %d", i, tn_device_count()), tn__cpu());
}
static const char *tn__device_text(tn_device d) {
    return d.kind == TN_ACCELERATOR && d.index >= 0 && d.index < tn__acc.n_devices ? tn__acc.device[d.index].name : "unknown device";
}
/* "cuda" is the first of its plugin, "cuda:1" the second. */
static bool tn__accel_find(const char *name, tn_device *device) {
    *device = tn__cpu();
    if (strcmp(name, "cpu") == 0) return true;
    const size_t length = strlen(name);
    tn__accel_lock();
    int found = -1;
    for (int i = 0; i < tn__acc.n_devices && found < 0; i++) {
        const char *own = tn__acc.device[i].name;
        if (strcmp(own, name) == 0 || (strncmp(own, name, length) == 0 && strcmp(own + length, ":0") == 0)) found = i;
    }
    tn__accel_unlock();
    if (found >= 0) *device = tn__acc.device[found].id;
    return found >= 0;
}
TN_API tn_status tn_device_named(const char *name, tn_device *device) {
    if (!name || !device) return tn__fail_null_status("tn_device_named: argument");
    if (tn__accel_find(name, device)) return TN_OK;
    return TN__FAIL_STATUS(TN_ERR_DEVICE, "tn_device_named: there is no device '%s'; tn_accel_report() says what was looked at", name);
}
TN_API tn_device tn_device_best(void) {
    const char *want = getenv("TN_DEVICE");
    tn_device d;
    if (want && *want) {
        if (!tn__accel_find(want, &d)) tn__log(TN_LOG_WARN, "tn_device_best: TN_DEVICE=%s is not there, using cpu; tn_accel_report() says what was looked at", want);
        return d;
    }
    d = tn__cpu();
    tn__accel_lock();
    for (int i = 0; i < tn__acc.n_devices && d.kind == TN_CPU; i++)
        if (tn__acc.device[i].info.kind == 0) d = tn__acc.device[i].id; /* a GPU; never one that only plays it */
    tn__accel_unlock();
    return d;
}
static bool tn__accel_failed(tn__accel *d, tn_accel_status s, const tn_accel_error *e, const char *what) {
    if (s == TN_ACCEL_LOST) d->lost = true;
    return tn__fail(e->code > TN_OK && e->code <= TN_ERR_USER ? (tn_status)e->code : s == TN_ACCEL_MEMORY ? TN_ERR_MEMORY : s == TN_ACCEL_UNSUPPORTED ? TN_ERR_UNSUPPORTED : TN_ERR_DEVICE, "%s: %s: %.400s", d->name, what, e->message[0] ? e->message : "failed");
}
/* The device, opened; under the lock. */
static tn__accel *tn__accel_ready(tn_device id) {
    if (id.kind != TN_ACCELERATOR || id.index < 0 || id.index >= tn__acc.n_devices) return (tn__accel *)TN__FAIL_NULL(TN_ERR_DEVICE, "device %d:%d is not there", (int)id.kind, (int)id.index);
    tn__accel *d = &tn__acc.device[id.index];
    tn_accel_error e = {0, {0}};
    if (d->lost) return (tn__accel *)TN__FAIL_NULL(TN_ERR_DEVICE, "%s: %s", d->name, tn__acc.forked ? "the device does not live on in a forked process" : "the device is lost");
    if (d->context) return d;
    tn_accel_status s = d->api->open(d->index, &d->context, &e);
    if (s == TN_ACCEL_OK && (s = d->api->queue(d->context, &d->queue, &e)) != TN_ACCEL_OK) d->api->close(d->context), d->context = NULL;
    if (s == TN_ACCEL_OK) return d;
    d->context = NULL;
    return tn__accel_failed(d, s, &e, "it cannot be opened") ? d : NULL;
}
static bool tn__device_ok(tn_device d, const char *who) {
    if (d.kind == TN_CPU) return true;
    tn__accel_lock();
    const bool ok = tn__accel_ready(d) != NULL;
    tn__accel_unlock();
    return ok || tn__fail(TN_ERR_DEVICE, "%s: %s", who, tn_error());
}
TN_API tn_status tn_device_info(tn_device d, tn_accel_info *out) {
    if (!out) return tn__fail_null_status("tn_device_info: out");
    memset(out, 0, sizeof *out);
    if (d.kind == TN_CPU) return (void)snprintf(out->name, sizeof out->name, "the CPU"), TN_OK;
    if (d.index < 0 || d.index >= tn_device_count()) return TN__FAIL_STATUS(TN_ERR_DEVICE, "tn_device_info: device %d is not there", (int)d.index);
    *out = tn__acc.device[d.index].info;
    return TN_OK;
}
TN_API const void *tn_device_extension(tn_device d, const char *name) {
    if (!name) return tn__fail_null("tn_device_extension: name"), (const void *)NULL;
    if (d.kind == TN_CPU || !tn__device_ok(d, "tn_device_extension")) return NULL;
    const tn_accel_api *api = tn__acc.device[d.index].api;
    return api->extension ? api->extension(name) : NULL;
}
static const tn_accel_profile *tn__profile_of(tn_device d) {
    if (d.kind == TN_CPU) return NULL;
    const tn_accel_api *api = tn__acc.device[d.index].api; /* a tensor is there: the device was opened */
    const tn_accel_profile *p = api->extension ? (const tn_accel_profile *)api->extension("profile/1") : NULL;
    return p && p->size >= sizeof *p ? p : NULL;
}
TN_API bool tn_set_profiling(bool on) { return __atomic_exchange_n(&tn__profiling, on, __ATOMIC_RELAXED); }
TN_API tn_status tn_set_default_device(tn_device d) {
    if (!tn__device_ok(d, "tn_set_default_device")) return tn_error_code();
    tn__ready()->home = d;
    (void)tn__device_enter(d);
    return TN_OK;
}
TN_API tn_device tn_get_default_device(void) { return tn__ready()->home; }
static tn_status tn__accel_sync(tn__accel *d) {
    tn_accel_error e = {0, {0}};
    const tn_accel_status s = d->api->sync(d->queue, &e);
    return tn__status(s == TN_ACCEL_OK || tn__accel_failed(d, s, &e, "while it worked"));
}
TN_API tn_status tn_synchronize(tn_device id) {
    if (id.kind == TN_CPU) return TN_OK;
    tn__accel_lock();
    tn__accel *d = tn__accel_ready(id);
    const tn_status r = d ? tn__accel_sync(d) : tn_error_code();
    tn__accel_unlock();
    return r;
}

/* -- memory: PyTorch's caching allocator. Sizes are rounded to 512 bytes; up to 1 MiB they come from segments of 2 MiB, up
   to 10 MiB from segments of 20 MiB, above from one of their own, rounded to 2 MiB. -- */
#define TN__MIB ((uint64_t)1 << 20)
static uint64_t tn__block_round(uint64_t bytes) { return bytes < 512 ? 512 : (bytes + 511) & ~(uint64_t)511; }
static uint64_t tn__segment_bytes(uint64_t bytes) { return bytes <= TN__MIB ? 2 * TN__MIB : bytes < 10 * TN__MIB ? 20 * TN__MIB : (bytes + 2 * TN__MIB - 1) & ~(2 * TN__MIB - 1); }
static void tn__block_list(tn__accel *d, tn__block *b) { /* by size, then as it comes */
    tn__block **at = &d->free_blocks;
    while (*at && (*at)->bytes < b->bytes) at = &(*at)->next;
    b->next = *at;
    *at = b;
}
static void tn__block_unlist(tn__accel *d, tn__block *b) {
    tn__block **at = &d->free_blocks;
    while (*at && *at != b) at = &(*at)->next;
    if (*at) *at = b->next;
}
static bool tn__accel_flush(tn__accel *d) { /* whole free segments go back; after the queue has done with them */
    tn_accel_error e = {0, {0}};
    if (d->api->sync(d->queue, &e) != TN_ACCEL_OK) return false;
    for (tn__block **at = &d->free_blocks; *at;) {
        tn__block *b = *at;
        if (b->before || b->after) {
            at = &b->next;
            continue;
        }
        *at = b->next;
        d->memory.reserved -= (int64_t)b->bytes;
        d->api->free(d->context, b->buffer);
        free(b);
    }
    return true;
}
static tn__block *tn__segment_new(tn__accel *d, uint64_t bytes) {
    tn_accel_error e = {0, {0}};
    tn__block *b = (tn__block *)calloc(1, sizeof *b);
    if (!b) return (tn__block *)TN__FAIL_NULL(TN_ERR_MEMORY, "out of memory");
    b->bytes = tn__acc.uncached ? bytes : tn__segment_bytes(bytes);
    b->small = bytes <= TN__MIB;
    tn_accel_status s = d->api->alloc(d->context, b->bytes, TN_ACCEL_DEVICE, &b->buffer, NULL, &e);
    if (s == TN_ACCEL_MEMORY && tn__accel_flush(d)) {
        d->memory.retries++;
        s = d->api->alloc(d->context, b->bytes, TN_ACCEL_DEVICE, &b->buffer, NULL, &e);
        if (s == TN_ACCEL_MEMORY && b->bytes > bytes) { /* the rounding may be what does not fit */
            b->bytes = bytes;
            s = d->api->alloc(d->context, b->bytes, TN_ACCEL_DEVICE, &b->buffer, NULL, &e);
        }
    }
    if (s == TN_ACCEL_OK) {
        d->memory.reserved += (int64_t)b->bytes;
        d->memory.peak_reserved = TN__MAX(d->memory.peak_reserved, d->memory.reserved);
        return b;
    }
    (void)tn__accel_failed(d, s, &e, tn__text("%llu bytes for a tensor, %lld in tensors now", (unsigned long long)bytes, (long long)d->memory.allocated));
    free(b);
    return NULL;
}
static tn__block *tn__block_new(tn__accel *d, uint64_t bytes) {
    bytes = tn__block_round(bytes);
    const bool small = bytes <= TN__MIB;
    tn__block *b = tn__acc.uncached ? NULL : d->free_blocks;
    while (b && (b->bytes < bytes || b->small != small || (!small && b->bytes > bytes + 20 * TN__MIB))) b = b->next;
    if (b) tn__block_unlist(d, b);
    else if (!(b = tn__segment_new(d, bytes))) return NULL;
    if (b->bytes - bytes >= (small ? 512 : TN__MIB + 512)) { /* what is over stays free */
        tn__block *rest = (tn__block *)calloc(1, sizeof *rest);
        if (rest) {
            *rest = *b;
            rest->offset += bytes;
            rest->bytes -= bytes;
            rest->before = b;
            if (rest->after) rest->after->before = rest;
            b->after = rest;
            b->bytes = bytes;
            tn__block_list(d, rest);
        }
    }
    b->used = true;
    d->memory.allocated += (int64_t)b->bytes;
    d->memory.peak_allocated = TN__MAX(d->memory.peak_allocated, d->memory.allocated);
    return b;
}
static void tn__block_join(tn__block *a, tn__block *b) { /* b, after a, into a; both free, neither listed */
    a->bytes += b->bytes;
    a->after = b->after;
    if (a->after) a->after->before = a;
    free(b);
}
static void tn__block_put(tn__accel *d, tn__block *b) {
    d->memory.allocated -= (int64_t)b->bytes;
    b->used = false;
    if (b->after && !b->after->used) tn__block_unlist(d, b->after), tn__block_join(b, b->after);
    if (b->before && !b->before->used) {
        tn__block *a = b->before;
        tn__block_unlist(d, a);
        tn__block_join(a, b);
        b = a;
    }
    if (tn__acc.uncached && !b->before && !b->after) {
        d->memory.reserved -= (int64_t)b->bytes;
        d->api->free(d->context, b->buffer);
        free(b);
    } else
        tn__block_list(d, b);
}
TN_API bool tn_set_device_caching(bool on) {
    tn__accel_lock();
    const bool was = !tn__acc.uncached;
    tn__acc.uncached = !on;
    tn__accel_unlock();
    return was;
}
static bool tn__device_alloc(tn__storage *s) {
    tn__accel_lock();
    tn__accel *d = tn__accel_ready(s->device);
    s->user = d ? tn__block_new(d, s->bytes) : NULL;
    tn__accel_unlock();
    return s->user != NULL;
}
static void tn__device_free(tn__storage *s) {
    tn__accel_lock();
    tn__block_put(&tn__acc.device[s->device.index], (tn__block *)s->user);
    tn__accel_unlock();
}
TN_API tn_status tn_device_stats(tn_device id, tn_device_stats_t *out) {
    if (!out) return tn__fail_null_status("tn_device_stats: out");
    memset(out, 0, sizeof *out);
    if (id.kind == TN_CPU) {
        const tn_memory_stats_t m = tn_memory_stats();
        out->allocated = out->reserved = m.live_bytes;
        out->peak_allocated = out->peak_reserved = m.peak_bytes;
        return TN_OK;
    }
    tn__accel_lock();
    const bool there = id.index >= 0 && id.index < tn__acc.n_devices;
    if (there) *out = tn__acc.device[id.index].memory;
    tn__accel_unlock();
    return tn__status(there || tn__fail(TN_ERR_DEVICE, "tn_device_stats: device %d is not there", (int)id.index));
}
TN_API tn_status tn_empty_cache(tn_device id) {
    if (id.kind == TN_CPU) return TN_OK;
    tn__accel_lock();
    tn__accel *d = tn__accel_ready(id);
    const bool ok = d && tn__accel_flush(d);
    tn__accel_unlock();
    return tn__status(ok || tn__fail(TN_ERR_DEVICE, "tn_empty_cache: %s", tn_device_name(id)));
}

/* -- bytes between host and device -- */
static uint64_t tn__device_offset(const tn_tensor *t) { return ((const tn__block *)t->storage->user)->offset + (uint64_t)(t->data - t->storage->data); }
static tn_accel_buffer *tn__device_buffer(const tn_tensor *t) { return ((const tn__block *)t->storage->user)->buffer; }
static size_t tn__span(const tn_tensor *t) { /* bytes from the first to past the last element */
    int64_t last = 0;
    if (t->numel == 0) return 0;
    for (int d = 0; d < t->ndim; d++) last += (t->shape[d] - 1) * t->strides[d];
    return (size_t)(last + 1) * tn__dsize(tn__dt(t));
}
static bool tn__device_read(const tn_tensor *t, const char *at, void *to, size_t bytes) {
    tn_accel_error e = {0, {0}};
    if (bytes == 0) return true;
    tn__accel_lock();
    tn__accel *d = tn__accel_ready(t->storage->device);
    const tn_accel_status s = d ? d->api->read(d->queue, to, tn__device_buffer(t), tn__device_offset(t) + (uint64_t)(at - t->data), bytes, &e) : TN_ACCEL_OK;
    if (s != TN_ACCEL_OK) (void)tn__accel_failed(d, s, &e, "reading");
    tn__accel_unlock();
    return d && s == TN_ACCEL_OK;
}
static bool tn__device_write(const tn_tensor *t, const void *from, size_t bytes) {
    tn_accel_error e = {0, {0}};
    if (bytes == 0) return true;
    tn__accel_lock();
    tn__accel *d = tn__accel_ready(t->storage->device);
    const tn_accel_status s = d ? d->api->write(d->queue, tn__device_buffer(t), tn__device_offset(t), from, bytes, &e) : TN_ACCEL_OK;
    if (s != TN_ACCEL_OK) (void)tn__accel_failed(d, s, &e, "writing");
    tn__accel_unlock();
    return d && s == TN_ACCEL_OK;
}
static const char *tn__device_element(const tn_tensor *t, const char *at) {
    static TN__TLS char room[16];
    return tn__device_read(t, at, room, tn__dsize(tn__dt(t))) ? room : NULL;
}
/* On the CPU, with t's layout and room for its span; filled with its bytes if asked. */
static tn_tensor *tn__host_like(const tn_tensor *t, bool filled) {
    TN__MAKE_ON(tn__cpu());
    const int64_t bytes = (int64_t)tn__span(t);
    tn_tensor *room = tn__new(TN_U8, &bytes, 1), *h = room ? tn__alias(room, t->shape, t->strides, t->ndim, 0) : NULL;
    if (!h || (filled && !tn__device_read(t, t->data, h->data, (size_t)bytes))) return NULL;
    h->dtype = t->dtype;
    h->contiguous = t->contiguous;
    return h;
}
static const tn_tensor *tn__host(const tn_tensor *t) { return t->flags & TN__ON_DEVICE ? tn__host_like(t, true) : t; }
static bool tn__host_back(const tn_tensor *t, const tn_tensor *host) { return tn__device_write(t, host->data, tn__span(t)); }
/* Does the span have bytes between the elements, which a write of all of it must not change? */
static bool tn__gaps(const tn_tensor *t) { return tn__span(t) != (size_t)t->numel * tn__dsize(tn__dt(t)); }
static bool tn__device_move(tn_tensor *t, tn_device device) {
    if (tn__same_device(t->storage->device, device)) return true;
    tn_scope s = tn_scope_open();
    TN__MAKE_ON(device);
    tn_tensor *c = tn__new(tn__dt(t), t->shape, t->ndim);
    const bool ok = c && tn__copy_raw(c, t);
    if (ok) {
        tn__storage_ref(c->storage);
        tn__storage_put(t->storage);
        t->storage = c->storage;
        t->data = c->data;
        t->flags = (uint8_t)((t->flags & ~TN__ON_DEVICE) | (c->flags & TN__ON_DEVICE));
        memcpy(t->strides, c->strides, sizeof c->strides);
        t->contiguous = 1;
    }
    tn_scope_close(&s);
    return ok;
}
/* A call of the core's own on a device: no inference, no graph. */
static bool tn__device_call(int op, tn_tensor **in, int n, const void *attr) {
    tn__call c = {op, n, 1, true, in, {in[0], NULL, NULL, NULL}, attr, true};
    TN__MAKE_ON(in[0]->storage->device);
    return tn__device_kernel(&c);
}
static bool tn__device_copy(tn_tensor *out, tn_tensor *src) {
    tn_tensor *in[2] = {out, src};
    if (out->numel == 0) return true;
    if (tn__same_device(out->storage->device, src->storage->device)) {
        if (tn__dt(out) != tn__dt(src) || !out->contiguous || !src->contiguous || out->numel != src->numel) return tn__device_call(TN__OP_copy_, in, 2, NULL);
        tn_accel_error e = {0, {0}};
        tn__accel_lock();
        tn__accel *d = tn__accel_ready(out->storage->device);
        const tn_accel_status s = d ? d->api->copy(d->queue, tn__device_buffer(out), tn__device_offset(out), tn__device_buffer(src), tn__device_offset(src), tn__span(out), &e) : TN_ACCEL_OK;
        if (s != TN_ACCEL_OK) (void)tn__accel_failed(d, s, &e, "copying");
        tn__accel_unlock();
        return d && s == TN_ACCEL_OK;
    }
    tn_scope scope = tn_scope_open();
    TN__MAKE_ON(tn__cpu());
    tn_tensor *from = (tn_tensor *)(uintptr_t)tn__host(src), *to = out->flags & TN__ON_DEVICE ? tn__host_like(out, tn__gaps(out)) : out;
    const bool ok = from && to && tn__copy_raw(to, from) && (to == out || tn__host_back(out, to));
    tn_scope_close(&scope);
    return ok;
}
static bool tn__device_fill(tn_tensor *t, double v) {
    char value[16] = {0};
    uint32_t word[2];
    const size_t size = tn__dsize(tn__dt(t)), bytes = tn__span(t);
    if (t->numel == 0) return true;
    tn__set_f64(tn__dt(t), value, v);
    for (size_t i = size; i < 8; i++) value[i] = value[i - size];
    memcpy(word, value, 8);
    if (t->contiguous && size <= 8 && word[0] == word[1] && bytes % 4 == 0 && tn__device_offset(t) % 4 == 0) {
        tn_accel_error e = {0, {0}};
        tn__accel_lock();
        tn__accel *d = tn__accel_ready(t->storage->device);
        const tn_accel_status s = d ? d->api->fill(d->queue, tn__device_buffer(t), tn__device_offset(t), bytes, word[0], &e) : TN_ACCEL_OK;
        if (s != TN_ACCEL_OK) (void)tn__accel_failed(d, s, &e, "filling");
        tn__accel_unlock();
        return d && s == TN_ACCEL_OK;
    }
    TN__ATTR(tn__attr_num, a);
    a.v[0] = v;
    return tn__device_call(TN__OP_fill_, &t, 1, &a);
}

/* -- copies beside the work: two lanes in turn, each a queue with a pinned buffer, which is free again when its queue is done -- */
typedef struct { tn_accel_queue *queue; tn_accel_buffer *stage; char *host; uint64_t bytes; } tn__lane;
struct tn__copier { tn_device device; bool refused; int at; tn__lane lane[2]; };
static void tn__lane_clear(const tn__accel *d, tn__lane *l) {
    if (l->stage) d->api->free(d->context, l->stage);
    l->stage = NULL;
    l->host = NULL;
    l->bytes = 0;
}
static void tn__copier_free(tn__copier *c) {
    tn_accel_error e;
    tn__accel_lock();
    const tn__accel *d = &tn__acc.device[c->device.index];
    for (int i = 0; i < 2 && !tn__acc.forked; i++) {
        if (c->lane[i].queue) (void)d->api->sync(c->lane[i].queue, &e);
        tn__lane_clear(d, &c->lane[i]);
        if (c->lane[i].queue) d->api->queue_free(c->lane[i].queue);
    }
    tn__accel_unlock();
    tn__free(c, sizeof *c);
}
static tn__copier *tn__copier_new(tn_device device) {
    tn_accel_error e;
    tn__copier *c = (tn__copier *)tn__try_alloc(sizeof *c);
    if (!c) return NULL;
    memset(c, 0, sizeof *c);
    c->device = device;
    tn__accel_lock();
    tn__accel *d = &tn__acc.device[device.index];
    bool ok = d->context && !d->lost;
    for (int i = 0; ok && i < 2; i++)
        if ((ok = d->api->queue(d->context, &c->lane[i].queue, &e) == TN_ACCEL_OK) == false) c->lane[i].queue = NULL;
    tn__accel_unlock();
    if (ok) return c;
    tn__copier_free(c);
    return NULL;
}
/* The lane's last copies are done, and its buffer has room for so many bytes. False without an error where there is no such memory. */
static bool tn__lane_ready(tn__copier *c, tn__lane *l, uint64_t bytes) {
    tn_accel_error e = {0, {0}};
    tn__accel_lock();
    tn__accel *d = tn__accel_ready(c->device);
    tn_accel_status s = d ? d->api->sync(l->queue, &e) : TN_ACCEL_LOST;
    if (d && s != TN_ACCEL_OK) (void)tn__accel_failed(d, s, &e, "copying a batch");
    if (s == TN_ACCEL_OK && bytes > l->bytes) {
        void *host = NULL;
        tn__lane_clear(d, l);
        s = d->api->alloc(d->context, bytes, TN_ACCEL_PINNED, &l->stage, &host, &e);
        if (s != TN_ACCEL_OK) l->stage = NULL;
        l->host = (char *)host;
        l->bytes = bytes;
        if (!host) {
            tn__lane_clear(d, l);
            c->refused = s != TN_ACCEL_MEMORY; /* which may be there again */
            s = TN_ACCEL_UNSUPPORTED;
        }
    }
    tn__accel_unlock();
    return s == TN_ACCEL_OK;
}
static uint64_t tn__lane_room(const tn_tensor *t) { return t ? tn__block_round(tn__span(t)) : 0; }
/* The lane's queue, after what the device was asked so far: memory of new tensors may have been another's, whose use is in the queue. */
static tn_accel_status tn__lane_copy(tn__accel *d, tn__lane *l, tn_tensor *const *to, int n, tn_accel_event **event, tn_accel_error *e) {
    tn_accel_event *before;
    uint64_t at = 0;
    tn_accel_status s = d->api->record(d->queue, &before, e);
    if (s != TN_ACCEL_OK) return s;
    s = d->api->wait(l->queue, before, e);
    d->api->event_free(before);
    for (int i = 0; s == TN_ACCEL_OK && i < n; at += tn__lane_room(to[i++]))
        if (to[i] && to[i]->numel) s = d->api->copy(l->queue, tn__device_buffer(to[i]), tn__device_offset(to[i]), l->stage, at, tn__span(to[i]), e);
    if (s == TN_ACCEL_OK) s = d->api->record(l->queue, event, e);
    if (s != TN_ACCEL_OK) {
        tn_accel_error other;
        (void)d->api->sync(l->queue, &other); /* what was begun is over when the tensors go */
    }
    return s;
}
static bool tn__copier_send(tn__copier *c, tn_tensor *const *t, int n, tn_tensor **to, tn_accel_event **event) {
    tn__lane *l = &c->lane[c->at];
    tn_accel_error e = {0, {0}};
    uint64_t bytes = 0, at = 0;
    for (int i = 0; i < n; at += tn__lane_room(t[i++])) {
        if (t[i] && (t[i]->flags & (TN__ON_DEVICE | TN__REQUIRES) || !t[i]->contiguous)) return false;
        bytes += tn__lane_room(t[i]);
    }
    if (c->refused || !tn__lane_ready(c, l, bytes)) return false;
    tn_scope scope = tn_scope_open();
    TN__MAKE_ON(c->device);
    bool ok = true;
    at = 0;
    for (int i = 0; i < n; at += tn__lane_room(t[i++])) {
        to[i] = ok && t[i] ? tn__new(tn__dt(t[i]), t[i]->shape, t[i]->ndim) : NULL;
        if (t[i] && !to[i]) ok = false;
        else if (t[i]) memcpy(l->host + at, t[i]->data, tn__span(t[i]));
    }
    if (ok) {
        tn__accel_lock();
        tn__accel *d = tn__accel_ready(c->device);
        const tn_accel_status s = d ? tn__lane_copy(d, l, to, n, event, &e) : TN_ACCEL_LOST;
        if (d && s != TN_ACCEL_OK) (void)tn__accel_failed(d, s, &e, "copying a batch");
        tn__accel_unlock();
        ok = s == TN_ACCEL_OK;
    }
    for (int i = 0; ok && i < n; i++) tn_retain(to[i]);
    tn_scope_close(&scope);
    if (ok) c->at = !c->at;
    return ok;
}
static bool tn__copier_meet(tn__copier *c, tn_accel_event *event) {
    tn_accel_error e = {0, {0}};
    tn__accel_lock();
    tn__accel *d = &tn__acc.device[c->device.index];
    const bool ready = tn__accel_ready(c->device) != NULL;
    const tn_accel_status s = ready ? d->api->wait(d->queue, event, &e) : TN_ACCEL_LOST;
    if (ready && s != TN_ACCEL_OK) {
        tn_accel_error other;
        (void)tn__accel_failed(d, s, &e, "waiting for a batch");
        for (int i = 0; i < 2; i++) (void)d->api->sync(c->lane[i].queue, &other); /* the tensors go: nothing may write there any more */
    }
    if (!tn__acc.forked) d->api->event_free(event);
    tn__accel_unlock();
    return s == TN_ACCEL_OK;
}

/* -- calls: the plugin's, or the CPU's on copies -- */
#define TN__ACCEL_FEW 8
static void tn__accel_operand(tn_accel_tensor *a, const tn_tensor *t) {
    memset(a, 0, sizeof *a);
    a->ndim = -1;
    if (!t) return;
    a->dtype = t->dtype;
    a->ndim = t->ndim;
    a->shape = t->shape;
    a->strides = t->strides;
    if (!(t->flags & TN__ON_DEVICE)) {
        memcpy(a->value, t->data, tn__dsize(tn__dt(t)));
        a->flags = t->flags & TN__WRAPPED ? TN_ACCEL_WEAK : 0;
        return;
    }
    a->buffer = tn__device_buffer(t);
    a->offset = tn__device_offset(t);
}
/* 1: the plugin has run it, 0: it does not, -1: it failed. Scratch is a block that is free for the next call at once. */
static int tn__accel_run(tn__accel *d, const tn__call *c) {
    tn_accel_tensor few[TN__ACCEL_FEW + TN__MAX_OUT], *in = few;
    tn_accel_error e = {0, {0}};
    uint64_t scratch = 0;
    tn__block *room = NULL;
    if (c->n_in > TN__ACCEL_FEW && !(in = (tn_accel_tensor *)malloc(((size_t)c->n_in + TN__MAX_OUT) * sizeof *in))) return tn__fail(TN_ERR_MEMORY, "out of memory"), -1;
    for (int i = 0; i < c->n_in; i++) tn__accel_operand(&in[i], c->in[i]);
    for (int k = 0; k < c->n_out; k++) tn__accel_operand(&in[c->n_in + k], c->out[k]);
    const uint32_t flags = tn_get_float32_matmul_precision() == TN_MATMUL_HIGHEST ? 0 : TN_ACCEL_TF32;
    const tn_accel_call call = {(uint32_t)sizeof call, TN_ACCEL_MINOR, tn__rows[c->op].id, c->n_in, c->n_out, c->in_place, in, in + c->n_in, c->attr, flags, 0};
    tn_accel_status s = d->api->rate(d->context, &call, &scratch) > 0 ? TN_ACCEL_OK : TN_ACCEL_UNSUPPORTED;
    if (s == TN_ACCEL_OK && scratch && !(room = tn__block_new(d, scratch))) s = TN_ACCEL_INVALID;
    else if (s == TN_ACCEL_OK && (s = d->api->run(d->queue, &call, room ? room->buffer : NULL, room ? room->offset : 0, &e)) != TN_ACCEL_OK && s != TN_ACCEL_UNSUPPORTED) (void)tn__accel_failed(d, s, &e, tn__rows[c->op].name);
    if (room) tn__block_put(d, room);
    if (in != few) free(in);
    return s == TN_ACCEL_OK ? 1 : s == TN_ACCEL_UNSUPPORTED ? 0 : -1;
}
/* A plugin sees buffers, not that a call writes what it still reads: such operands go as copies. */
static bool tn__accel_apart(tn__call *c, tn_tensor **room) {
    for (int i = 0; i < c->n_in; i++) room[i] = c->in[i];
    for (int i = 1; i < c->n_in; i++) {
        const bool shares = room[i] && room[i]->storage == c->in[0]->storage;
        if (!shares || (tn__rows[c->op].infer == tn__infer_pointwise && !tn__overlaps(c->in[0], c->in[i]))) continue; /* element by element it may be the very same */
        room[i] = tn__new(tn__dt(c->in[i]), c->in[i]->shape, c->in[i]->ndim);
        if (!room[i] || !tn__copy_raw(room[i], c->in[i])) return false;
    }
    c->in = room;
    return true;
}
static bool tn__accel_may_fall_back(const tn__call *c) {
    const int64_t before = __atomic_fetch_add(&tn__acc.fallbacks[c->op], 1, __ATOMIC_RELAXED);
    if (tn__acc.fallback == TN_FALLBACK_ERROR) return tn__op_fail(c, TN_ERR_UNSUPPORTED, "%s does not have it, and tn_set_fallback says that this is an error", tn_device_name(tn__self()->device));
    if (tn__acc.fallback == TN_FALLBACK_WARN && before == 0) tn__log(TN_LOG_WARN, "%s: not on %s; it runs on the CPU", tn__rows[c->op].name, tn_device_name(tn__self()->device));
    return true;
}
/* On copies of the operands; what the kernel wrote goes back: its results, and the operands that the row says. */
static bool tn__accel_on_cpu(tn__call *c) {
    const tn_device device = tn__self()->device;
    tn__call h = *c;
    tn_tensor *few[TN__ACCEL_FEW];
    tn_scope scope = tn_scope_open();
    tn_tensor **in = c->n_in <= TN__ACCEL_FEW ? few : (tn_tensor **)malloc((size_t)c->n_in * sizeof *in);
    bool ok = in != NULL || tn__fail(TN_ERR_MEMORY, "out of memory");
    for (int i = 0; ok && i < c->n_in; i++) ok = !(in[i] = c->in[i]) || (in[i] = (tn_tensor *)(uintptr_t)tn__host(c->in[i])) != NULL;
    for (int k = 0; ok && k < c->n_out; k++)
        ok = !(h.out[k] = c->in_place && k == 0 ? in[0] : c->out[k]) || h.out[k] == in[0] || (h.out[k] = tn__host_like(c->out[k], true)) != NULL; /* infer may have begun it, with zeros */
    h.in = in;
    h.on_device = false;
    if (ok) {
        TN__MAKE_ON(tn__cpu());
        ok = tn__rows[c->op].kernel(&h);
    }
    for (int i = 0; ok && i < c->n_in; i++)
        if (i && in[i] && in[i] != c->in[i] && tn__rows[c->op].flags & TN__WRITES && tn__writes(c, i)) ok = tn__host_back(c->in[i], in[i]);
    for (int k = 0; ok && k < c->n_out; k++) {
        if (c->out[k]) ok = tn__host_back(c->out[k], h.out[k]);
        else if (h.out[k]) ok = (c->out[k] = (tn_tensor *)tn_keep(tn_to(h.out[k], device))) != NULL; /* a size that only the kernel knew */
    }
    if (in != few) free(in);
    tn_scope_close(&scope);
    return ok;
}
/* A draw as a plugin gets it; the generator, which the device has then drawn from, or NULL on failure. */
static tn_generator *tn__accel_draw(tn__call *c, tn__attr_draw *a) {
    *a = *(const tn__attr_draw *)c->attr;
    tn_generator *g = tn__generator(a->generator);
    if (!g) return NULL;
    a->generator = NULL;
    a->key = g->seed;
    a->counter = g->drawn;
    c->attr = a;
    return g;
}
static bool tn__device_kernel(tn__call *c) {
    const tn__row *row = &tn__rows[c->op];
    const bool draws = (row->flags & TN__RANDOM) != 0;
    tn_generator *g = NULL;
    tn_tensor *room[TN__ACCEL_FEW];
    tn__attr_draw drawing;
    tn__call apart = *c;
    int ran = 0;
    if (c->in_place && c->n_in <= TN__ACCEL_FEW && !tn__accel_apart(&apart, room)) return false;
    if (draws && !(g = tn__accel_draw(&apart, &drawing))) return false;
    tn__accel_lock();
    tn__accel *d = tn__accel_ready(tn__self()->device);
    if (!d) ran = -1;
    else if (row->infer != tn__infer_none) ran = tn__accel_run(d, &apart);
    tn__accel_unlock();
    if (g && ran > 0) g->drawn += (uint64_t)(c->out[0]->numel + 3) / 4;
    if (ran != 0) return ran > 0;
    return tn__accel_may_fall_back(c) && tn__accel_on_cpu(c);
}
TN_API tn_fallback tn_set_fallback(tn_fallback mode) {
    const tn_fallback was = tn__acc.fallback;
    tn__acc.fallback = mode;
    return was;
}
TN_API int64_t tn_fallback_count(int row) {
    int64_t n = 0;
    for (int i = 0; i < TN__OP_COUNT; i++)
        if (row < 0 || row == i) n += __atomic_load_n(&tn__acc.fallbacks[i], __ATOMIC_RELAXED);
    return n;
}

#endif /* TENSOR_IMPLEMENTATION */
