/* Elements by index: items, masks, gather and scatter, compressed rows. PyTorch 2.15's values in text (see CHECK_IS). */
#include "tn_test.h"
#define of tn_test_of
#define IT(...) ((tn_index_item[]){__VA_ARGS__}) /* x[…], item by item */
#define INT(i) {.kind = TN_INDEX_INT, .start = (i)}
#define ALL {.kind = TN_INDEX_SLICE}
#define FROM(a, b, by) {.kind = TN_INDEX_SLICE, .start = (a), .has_start = true, .stop = (b), .has_stop = true, .step = (by)}
#define NEW {.kind = TN_INDEX_NONE}
#define REST {.kind = TN_INDEX_ELLIPSIS}
#define AT(t) {.kind = TN_INDEX_TENSOR, .tensor = (t)}
static const char *const X = "f32 [2, 3, 4] 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23";

static tn_tensor *places(const int64_t *v, int64_t n) { return tn_from(v, &n, 1, &(tn_tensor_opts){.dtype = TN_I64}); }

/* torch.sparse_csr_tensor([0, 2, 2, 4], [1, 0, 2, 1], [1, 2, 3, 4], (3, 3)) @ x, x = [[1, 2], [3, 4], [5, 6]] */
TEST(compressed_rows_times_a_matrix) {
    const int64_t crow[4] = {0, 2, 2, 4}, col[4] = {1, 0, 2, 1}, four = 4, s32[2] = {3, 2}, s02[2] = {0, 2};
    const float v[4] = {1, 2, 3, 4}, x[6] = {1, 2, 3, 4, 5, 6}, want[6] = {5, 8, 0, 0, 27, 34}, ones[6] = {4, 6, 0, 0, 8, 10};
    const tn_dtype dtypes[4] = {TN_F32, TN_F64, TN_F16, TN_BF16};
    for (int d = 0; d < 4; d++) {
        tn_tensor *tx = tn_to_dtype(tn_test_f32(x, s32, 2), dtypes[d]), *tv = tn_to_dtype(tn_test_f32(v, &four, 1), dtypes[d]);
        tn_tensor *y = tn_sparse_mm(places(crow, 4), places(col, 4), tv, tx), *plain = tn_sparse_mm(tn_to_dtype(places(crow, 4), TN_I32), places(col, 4), NULL, tx);
        CHECK(y && tn_get_dtype(y) == dtypes[d]);
        for (int64_t i = 0; y && plain && i < 6; i++) {
            const int64_t at[2] = {i / 2, i % 2};
            CHECK_NEAR(tn_at(y, at, 2), want[i], 0);
            CHECK_NEAR(tn_at(plain, at, 2), ones[i], 0);
        }
    }
    const int64_t zero = 0;
    tn_tensor *none = tn_sparse_mm(places(&zero, 1), places(NULL, 0), NULL, tn_ones(s32, 2, NULL));
    CHECK(none && tn_size(none, 0) == 0 && tn_size(none, 1) == 2);
    const int64_t empty_rows[3] = {0, 0, 0};
    none = tn_sparse_mm(places(empty_rows, 3), places(NULL, 0), NULL, tn_ones(s02, 2, NULL));
    CHECK(none && tn_item(tn_sum(none, NULL)) == 0 && tn_numel(none) == 4);
}
TEST(compressed_rows_that_are_wrong) {
    const int64_t crow[4] = {0, 2, 2, 4}, falls[4] = {0, 3, 2, 4}, late[4] = {1, 2, 2, 4}, brief[4] = {0, 2, 2, 3}, col[4] = {1, 0, 2, 1}, far[4] = {1, 0, 3, 1}, less[4] = {1, 0, -1, 1}, s32[2] = {3, 2};
    tn_tensor *x = tn_ones(s32, 2, NULL), *c = places(col, 4);
    CHECK_ERROR(tn_sparse_mm(places(falls, 4), c, NULL, x), TN_ERR_INDEX);
    CHECK_ERROR(tn_sparse_mm(places(late, 4), c, NULL, x), TN_ERR_INDEX);
    CHECK_ERROR(tn_sparse_mm(places(brief, 4), c, NULL, x), TN_ERR_INDEX);
    CHECK_ERROR(tn_sparse_mm(places(crow, 4), places(far, 4), NULL, x), TN_ERR_INDEX);
    CHECK_ERROR(tn_sparse_mm(places(crow, 4), places(less, 4), NULL, x), TN_ERR_INDEX);
    CHECK_ERROR(tn_sparse_mm(places(crow, 4), c, tn_select(x, 1, 0), x), TN_ERR_SHAPE);
    CHECK_ERROR(tn_sparse_mm(places(crow, 4), c, NULL, tn_select(x, 1, 0)), TN_ERR_SHAPE);
    CHECK_ERROR(tn_sparse_mm(places(crow, 4), c, c, x), TN_ERR_DTYPE);
    CHECK_ERROR(tn_sparse_mm(x, c, NULL, x), TN_ERR_DTYPE);
    CHECK_ERROR(tn_sparse_mm(NULL, c, NULL, x), TN_ERR_INVALID);
    CHECK_ERROR(tn_sparse_mm(places(crow, 4), c, NULL, NULL), TN_ERR_INVALID);
}
TEST(items_as_in_python) {
    static const struct { tn_index_item at[4]; int n; const char *want; } c[] = {
        {{INT(1)}, 1, "f32 [3, 4] 12 13 14 15 16 17 18 19 20 21 22 23"},
        {{INT(-1), INT(-2), INT(3)}, 3, "f32 [] 19"},
        {{ALL, INT(0)}, 2, "f32 [2, 4] 0 1 2 3 12 13 14 15"},
        {{REST, INT(2)}, 2, "f32 [2, 3] 2 6 10 14 18 22"},
        {{INT(0), REST, FROM(1, 3, 1)}, 3, "f32 [3, 2] 1 2 5 6 9 10"},
        {{NEW, INT(0), NEW, FROM(-1, 9, 1)}, 4, "f32 [1, 1, 1, 4] 8 9 10 11"},
        {{FROM(0, 2, 1), FROM(2, 1, 1)}, 2, "f32 [2, 0, 4]"},
        {{REST, FROM(0, 4, 3)}, 2, "f32 [2, 3, 2] 0 3 4 7 8 11 12 15 16 19 20 23"},
        {{REST}, 1, "f32 [2, 3, 4] 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23"},
    };
    tn_tensor *x = of(X);
    for (size_t k = 0; k < sizeof c / sizeof *c; k++) {
        tn_tensor *y = tn_getitem(x, c[k].at, c[k].n);
        CHECK_IS(y, c[k].want);
        tn_add_(y, 100); /* a view of x */
        CHECK(tn_numel(y) == 0 || tn_item(tn_max(x)) > 100);
        x = of(X);
    }
}
TEST(items_with_tensors) {
    tn_tensor *x = of(X), *i = of("i64 [2] 2 -3"), *j = of("i32 [2, 1] 0 3"), *rows = of("bool [2] 0 1"), *mask = of("bool [2, 3] 1 0 0 0 1 1"), *yes = of("bool [] 1"), *no = of("bool [] 0");
    CHECK_IS(tn_getitem(x, IT(ALL, AT(i)), 2), "f32 [2, 2, 4] 8 9 10 11 0 1 2 3 20 21 22 23 12 13 14 15");
    CHECK_IS(tn_getitem(x, IT(ALL, AT(i), AT(j)), 3), "f32 [2, 2, 2] 8 0 11 3 20 12 23 15");
    CHECK_IS(tn_getitem(x, IT(AT(rows), ALL, AT(j)), 3), "f32 [2, 1, 3] 12 16 20 15 19 23"); /* apart: in front */
    CHECK_IS(tn_getitem(x, IT(AT(mask)), 1), "f32 [3, 4] 0 1 2 3 16 17 18 19 20 21 22 23");
    CHECK_IS(tn_getitem(x, IT(AT(mask), INT(1)), 2), "f32 [3] 1 17 21");
    CHECK_IS(tn_getitem(x, IT(INT(0), ALL, AT(i)), 3), "f32 [3, 2] 2 1 6 5 10 9");
    CHECK_IS(tn_getitem(x, IT(NEW, AT(rows), REST, INT(0)), 4), "f32 [1, 1, 3] 12 16 20");
    CHECK_IS(tn_getitem(x, IT(AT(yes)), 1), "f32 [1, 2, 3, 4] 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23");
    CHECK_IS(tn_getitem(x, IT(INT(1), AT(no)), 2), "f32 [0, 3, 4]");
    CHECK_IS(tn_getitem(x, IT(AT(of("i64 [] 1"))), 1), "f32 [3, 4] 12 13 14 15 16 17 18 19 20 21 22 23");
    CHECK_IS(tn_getitem(x, IT(AT(of("i64 [0]"))), 1), "f32 [0, 3, 4]");
    CHECK_IS(tn_index(x, (tn_tensor *[]){NULL, i, j}, 3), "f32 [2, 2, 2] 8 0 11 3 20 12 23 15");
    CHECK_IS(tn_index(tn_permute(x, (int[]){2, 1, 0}, 3), (tn_tensor *[]){i, i}, 2), "f32 [2, 2] 10 22 1 13");
}
TEST(items_are_set) {
    tn_tensor *x = of("f32 [2, 3] 1 2 3 4 5 6"), *mask = of("bool [2, 3] 1 0 0 0 1 1"), *i = of("i64 [2] 2 0");
    CHECK(tn_setitem_(x, IT(ALL, INT(1)), 2, of("f32 [2] 7 8")) == x);
    CHECK_IS(x, "f32 [2, 3] 1 7 3 4 8 6");
    tn_setitem_(x, IT(AT(mask)), 1, tn_arg_f(0));
    CHECK_IS(x, "f32 [2, 3] 0 7 3 4 0 0");
    tn_setitem_(x, IT(INT(0), AT(i)), 2, of("f64 [2] 10 20"));
    CHECK_IS(x, "f32 [2, 3] 20 7 10 4 0 0");
    tn_setitem_(x, IT(INT(1)), 1, of("f32 [1, 1, 3] 5 6 7")); /* ones in front are dropped */
    CHECK_IS(x, "f32 [2, 3] 20 7 10 5 6 7");
    tn_setitem_(x, IT(AT(i)), 0, tn_scalar(1, NULL));
    CHECK_IS(x, "f32 [2, 3] 1 1 1 1 1 1");
    tn_setitem_(x, IT(FROM(1, 1, 1)), 1, tn_scalar(9, NULL));
    CHECK_IS(x, "f32 [2, 3] 1 1 1 1 1 1");
    tn_tensor *square = of("f32 [2, 2] 1 2 3 4"); /* from itself, crossed */
    tn_setitem_(square, IT(REST), 1, tn_t(square));
    CHECK_IS(square, "f32 [2, 2] 1 3 2 4");
    CHECK_ERROR(tn_setitem_(x, IT(INT(0)), 1, of("f32 [2] 1 2")), TN_ERR_SHAPE);
    CHECK_ERROR(tn_setitem_(x, IT(AT(mask)), 1, of("f32 [2] 1 2")), TN_ERR_SHAPE);
    CHECK_ERROR(tn_setitem_(x, IT(INT(2)), 1, tn_scalar(1, NULL)), TN_ERR_INDEX);
    CHECK_ERROR(tn_setitem_(x, IT(INT(0)), 1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_setitem_(NULL, IT(INT(0)), 1, x), TN_ERR_INVALID);
    CHECK_ERROR(tn_setitem_(tn_expand(tn_scalar(1, NULL), (int64_t[]){3}, 1), IT(ALL), 1, tn_scalar(1, NULL)), TN_ERR_INVALID);
}
TEST(a_set_item_carries_the_gradient) {
    tn_tensor *v = tn_requires_grad_(of("f32 [1, 2] 3 4"), true), *x = tn_requires_grad_(of("f32 [2, 2] 1 2 3 4"), true), *z = tn_mul(x, 1);
    tn_setitem_(z, IT(INT(1)), 1, v);
    CHECK(tn_backward(tn_sum(tn_square(z), NULL)) == TN_OK);
    CHECK_IS(tn_grad(v), "f32 [1, 2] 6 8");
    CHECK_IS(tn_grad(x), "f32 [2, 2] 2 4 0 0");
    tn_set_grad(v, NULL);
    z = tn_zeros((int64_t[]){2, 2}, 2, NULL);
    tn_setitem_(z, IT(AT(of("bool [2, 2] 0 1 1 0"))), 1, v);
    CHECK(tn_backward(tn_sum(tn_square(z), NULL)) == TN_OK);
    CHECK_IS(tn_grad(v), "f32 [1, 2] 6 8");
}
TEST(items_that_are_wrong) {
    tn_tensor *x = of(X);
    tn_index_item many[9];
    memset(many, 0, sizeof many);
    CHECK_ERROR(tn_getitem(NULL, IT(INT(0)), 1), TN_ERR_INVALID);
    CHECK_ERROR(tn_getitem(x, NULL, 1), TN_ERR_INVALID);
    CHECK_ERROR(tn_getitem(x, IT(INT(0)), -1), TN_ERR_INVALID);
    CHECK_ERROR(tn_getitem(x, many, 9), TN_ERR_INDEX);
    CHECK_ERROR(tn_getitem(x, many, 4), TN_ERR_INDEX);
    CHECK_ERROR(tn_getitem(x, IT(INT(2)), 1), TN_ERR_INDEX);
    CHECK_ERROR(tn_getitem(x, IT(INT(-3)), 1), TN_ERR_INDEX);
    CHECK_ERROR(tn_getitem(x, IT(FROM(0, 2, -1)), 1), TN_ERR_INVALID);
    CHECK_ERROR(tn_getitem(x, IT(REST, REST), 2), TN_ERR_INVALID);
    CHECK_ERROR(tn_getitem(tn_ones((int64_t[]){1, 1, 1, 1, 1, 1, 1, 1}, 8, NULL), IT(REST, REST, REST, REST), 4), TN_ERR_INVALID);
    CHECK_ERROR(tn_getitem(x, &(tn_index_item){.kind = (tn_index_kind)9}, 1), TN_ERR_INVALID);
    CHECK_ERROR(tn_getitem(x, IT(AT(NULL)), 1), TN_ERR_INVALID);
    CHECK_ERROR(tn_getitem(x, IT(AT(of("f32 [1] 0"))), 1), TN_ERR_DTYPE);
    CHECK_ERROR(tn_getitem(x, IT(AT(of("i64 [2] 0 2"))), 1), TN_ERR_INDEX);
    CHECK_ERROR(tn_getitem(x, IT(AT(of("i64 [2] 0 1")), AT(of("i64 [3] 0 1 2"))), 2), TN_ERR_SHAPE);
    CHECK_ERROR(tn_getitem(x, IT(AT(of("bool [3] 0 1 1"))), 1), TN_ERR_INDEX);
    CHECK_ERROR(tn_getitem(tn_ones((int64_t[]){1, 1, 1, 1, 1, 1, 1, 1}, 8, NULL), IT(NEW), 1), TN_ERR_SHAPE);
    CHECK_ERROR(tn_index(x, NULL, 1), TN_ERR_INVALID);
    CHECK_ERROR(tn_index(x, (tn_tensor *[]){NULL, NULL}, 2), TN_ERR_INVALID);
    CHECK_ERROR(tn_index(x, (tn_tensor *[]){NULL, NULL, NULL, of("i64 [1] 0")}, 4), TN_ERR_INDEX);
    CHECK_ERROR(tn_index(NULL, &x, 1), TN_ERR_INVALID);
}
TEST(places_are_put_and_added_to) {
    tn_tensor *x = of("f32 [2, 2] 1 2 3 4"), *i = of("i64 [3] 0 -1 0"), *v = of("f32 [3, 2] 10 20 30 40 50 60");
    CHECK_IS(tn_index_put(x, &i, 1, v, true), "f32 [2, 2] 61 82 33 44");
    CHECK_IS(tn_index_put(tn_t(x), (tn_tensor *[]){NULL, of("i64 [1] 1")}, 2, tn_scalar(0, NULL), false), "f32 [2, 2] 1 0 2 0");
    CHECK_IS(x, "f32 [2, 2] 1 2 3 4");
    CHECK(tn_index_put_(x, (tn_tensor *[]){of("bool [2, 2] 1 0 0 1")}, 1, of("f32 [2] 8 9"), false) == x);
    CHECK_IS(x, "f32 [2, 2] 8 2 3 9");
    CHECK_ERROR(tn_index_put(x, &i, 1, of("f64 [3, 2] 1 1 1 1 1 1"), true), TN_ERR_DTYPE);
    CHECK_ERROR(tn_index_put(x, &i, 1, of("f32 [4, 2] 1 1 1 1 1 1 1 1"), true), TN_ERR_SHAPE);
    CHECK_ERROR(tn_index_put_(x, (tn_tensor *[]){of("i64 [1] 2")}, 1, v, false), TN_ERR_INDEX);
    CHECK_ERROR(tn_index_put(x, &i, 1, NULL, false), TN_ERR_INVALID);
    CHECK_ERROR(tn_index_put_(NULL, &i, 1, v, false), TN_ERR_INVALID);
    CHECK_IS(x, "f32 [2, 2] 8 2 3 9");
}
TEST(slices_are_selected_and_added) {
    tn_tensor *x = of("i32 [2, 3] 1 2 3 4 5 6"), *i = of("i64 [4] 2 0 0 1"), *s = of("i32 [2, 4] 1 1 1 1 2 2 2 2");
    CHECK_IS(tn_index_select(x, 1, i), "i32 [2, 4] 3 1 1 2 6 4 4 5");
    CHECK_IS(tn_index_select(tn_t(x), -2, of("i32 [1] 2")), "i32 [1, 2] 3 6");
    CHECK_IS(tn_index_select(x, 0, of("i64 [0]")), "i32 [0, 3]");
    CHECK_IS(tn_index_select(of("f32 [] 5"), 0, of("i64 [1] 0")), "f32 [] 5");
    CHECK_IS(tn_index_add(x, -1, i, s, 3), "i32 [2, 3] 7 5 6 16 11 12");
    tn_tensor *crossed = tn_t(of("f32 [2, 2] 1 2 3 4"));
    CHECK_IS(tn_index_add_(crossed, 0, of("i64 [2] 1 1"), of("f32 [2, 2] 1 2 3 4"), 0.5), "f32 [2, 2] 1 3 4 7");
    CHECK_ERROR(tn_index_select(x, 2, i), TN_ERR_INDEX);
    CHECK_ERROR(tn_index_select(x, 0, i), TN_ERR_INDEX);
    CHECK_ERROR(tn_index_select(x, 0, of("i64 [1] -1")), TN_ERR_INDEX);
    CHECK_ERROR(tn_index_select(x, 0, of("f32 [1] 0")), TN_ERR_DTYPE);
    CHECK_ERROR(tn_index_select(x, 0, of("i64 [1, 1] 0")), TN_ERR_SHAPE);
    CHECK_ERROR(tn_index_select(of("f32 [] 5"), 0, of("i64 [2] 0 0")), TN_ERR_SHAPE);
    CHECK_ERROR(tn_index_select(NULL, 0, i), TN_ERR_INVALID);
    CHECK_ERROR(tn_index_select(x, 0, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_index_add(x, 1, i, of("i32 [2, 3] 1 1 1 1 1 1"), 1), TN_ERR_SHAPE);
    CHECK_ERROR(tn_index_add(x, 1, i, tn_to_dtype(s, TN_F32), 1), TN_ERR_DTYPE);
    CHECK_ERROR(tn_index_add(x, 1, of("i64 [4] 0 0 0 3"), s, 1), TN_ERR_INDEX);
    CHECK_ERROR(tn_index_add_(tn_expand(of("i32 [1, 3] 1 2 3"), (int64_t[]){2, 3}, 2), 1, i, s, 1), TN_ERR_INVALID);
    CHECK_ERROR(tn_index_add_(x, 1, i, NULL, 1), TN_ERR_INVALID);
    CHECK_ERROR(tn_index_add(tn_to_dtype(x, TN_C64), 1, i, tn_to_dtype(s, TN_C64), 1), TN_ERR_DTYPE);
}
TEST(gather_and_scatter) {
    tn_tensor *x = of("f32 [2, 3] 1 2 3 4 5 6"), *i = of("i64 [2, 2] 2 0 1 1"), *s = of("f32 [3, 2] 10 20 30 40 50 60");
    CHECK_IS(tn_gather(x, 1, i), "f32 [2, 2] 3 1 5 5");
    CHECK_IS(tn_gather(tn_t(x), 0, tn_t(i)), "f32 [2, 2] 3 5 1 5");
    CHECK_IS(tn_gather(x, -2, of("i32 [1, 3] 0 1 0")), "f32 [1, 3] 1 5 3");
    CHECK_IS(tn_gather(x, 0, of("i64 [0, 3]")), "f32 [0, 3]");
    CHECK_IS(tn_gather(of("f32 [] 5"), 0, of("i64 [] 0")), "f32 [] 5");
    CHECK_IS(tn_scatter(x, 1, of("i64 [2, 2] 2 0 1 2"), s), "f32 [2, 3] 20 2 10 4 30 40");
    CHECK_IS(tn_scatter(x, 0, of("i64 [1, 3] 0 1 0"), 9), "f32 [2, 3] 9 2 9 4 9 6");
    CHECK_IS(tn_scatter_add(x, 1, i, s), "f32 [2, 3] 21 2 13 4 75 6");
    CHECK_IS(x, "f32 [2, 3] 1 2 3 4 5 6");
    CHECK(tn_scatter_(tn_t(x), 0, of("i64 [1, 2] 2 0"), 7.5) != NULL);
    CHECK_IS(x, "f32 [2, 3] 1 2 7.5 7.5 5 6");
    CHECK_IS(tn_scatter_add_(x, 1, i, s), "f32 [2, 3] 21 2 17.5 7.5 75 6");
    CHECK_ERROR(tn_gather(x, 1, of("i64 [2, 1] 3 0")), TN_ERR_INDEX);
    CHECK_ERROR(tn_gather(x, 1, of("i64 [2, 1] -1 0")), TN_ERR_INDEX);
    CHECK_ERROR(tn_gather(x, 2, i), TN_ERR_INDEX);
    CHECK_ERROR(tn_gather(x, 1, of("i64 [3, 1] 0 0 0")), TN_ERR_SHAPE);
    CHECK_ERROR(tn_gather(x, 1, of("i64 [2] 0 0")), TN_ERR_SHAPE);
    CHECK_ERROR(tn_gather(x, 1, of("f32 [2, 1] 0 0")), TN_ERR_DTYPE);
    CHECK_ERROR(tn_gather(NULL, 1, i), TN_ERR_INVALID);
    CHECK_ERROR(tn_gather(x, 1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_scatter(x, 1, i, of("f32 [1, 2] 1 2")), TN_ERR_SHAPE);
    CHECK_ERROR(tn_scatter(x, 1, i, tn_to_dtype(s, TN_F64)), TN_ERR_DTYPE);
    CHECK_ERROR(tn_scatter(x, 1, i, (tn_tensor *)NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_scatter_(x, 1, of("i64 [2, 2] 0 0 0 3"), 0), TN_ERR_INDEX);
    CHECK_IS(x, "f32 [2, 3] 21 2 17.5 7.5 75 6"); /* nothing is written before all is checked */
    CHECK_ERROR(tn_scatter_add_(tn_expand(of("f32 [1, 3] 1 2 3"), (int64_t[]){2, 3}, 2), 1, i, s), TN_ERR_INVALID);
    CHECK_ERROR(tn_scatter_add(tn_to_dtype(x, TN_C64), 1, i, tn_to_dtype(s, TN_C64)), TN_ERR_DTYPE);
}
TEST(an_op_in_place_may_read_what_it_writes) { /* PyTorch refuses; here what is read is read first */
    tn_tensor *i = of("i64 [2] 1 0"), *k = of("i64 [2] 1 0"), *f = of("f32 [3] 1 2 3");
    CHECK_IS(tn_index_add_(i, 0, i, of("i64 [2] 1000000 2000000"), 1), "i64 [2] 2000001 1000000");
    CHECK_IS(tn_scatter_(k, 0, k, of("i64 [2] 1000000 2000000")), "i64 [2] 2000000 1000000");
    CHECK_IS(tn_index_add_(f, 0, of("i64 [3] 1 2 0"), f, 1), "f32 [3] 4 3 5");
    f = of("f32 [3] 1 2 3");
    CHECK_IS(tn_scatter_(f, 0, of("i64 [2] 1 2"), tn_narrow(f, 0, 0, 2)), "f32 [3] 1 1 2");
}
TEST(scatter_reduces) {
    tn_tensor *x = of("f32 [4] 1 2 3 -4"), *i = of("i64 [5] 0 1 0 1 3"), *s = of("f32 [5] 5 6 nan 2 -8");
    static const struct { tn_reduction_kind kind; const char *with, *without; } c[] = {
        {TN_REDUCE_SUM, "f32 [4] nan 10 3 -12", "f32 [4] nan 8 3 -8"},
        {TN_REDUCE_PROD, "f32 [4] nan 24 3 32", "f32 [4] nan 12 3 -8"},
        {TN_REDUCE_MEAN, "f32 [4] nan 3.333333 3 -6", "f32 [4] nan 4 3 -8"},
        {TN_REDUCE_AMAX, "f32 [4] nan 6 3 -4", "f32 [4] nan 6 3 -8"},
        {TN_REDUCE_AMIN, "f32 [4] nan 2 3 -8", "f32 [4] nan 2 3 -8"},
    };
    for (size_t k = 0; k < sizeof c / sizeof *c; k++) {
        CHECK_IS(tn_scatter_reduce(x, 0, i, s, c[k].kind, false), c[k].with);
        CHECK_IS(tn_scatter_reduce(x, 0, i, s, c[k].kind, true), c[k].without);
    }
    CHECK_IS(tn_scatter_reduce(of("i8 [2] 1 2"), 0, of("i64 [2] 0 0"), of("i8 [2] -7 -8"), TN_REDUCE_AMAX, true), "i8 [2] -7 2");
    CHECK_IS(tn_scatter_reduce(of("i32 [2] 1 2"), 0, of("i64 [2] 0 0"), of("i32 [2] -7 -8"), TN_REDUCE_MEAN, false), "i32 [2] -5 2");
    CHECK_ERROR(tn_scatter_reduce(x, 0, i, s, (tn_reduction_kind)9, false), TN_ERR_INVALID);
    CHECK_ERROR(tn_scatter_reduce(x, 0, of("i64 [1] 4"), s, TN_REDUCE_SUM, false), TN_ERR_INDEX);
    CHECK_ERROR(tn_scatter_reduce(NULL, 0, i, s, TN_REDUCE_SUM, false), TN_ERR_INVALID);
}
TEST(gather_undoes_scatter) {
    tn_manual_seed(4);
    tn_tensor *x = tn_randn((int64_t[]){9, 20}, 2, NULL), *order = tn_argsort(tn_rand((int64_t[]){9, 20}, 2, NULL), 1, false, false);
    CHECK(tn_item(tn_all(tn_eq(tn_gather(tn_scatter(tn_zeros_like(x, NULL), 1, order, x), 1, order), x), NULL)) == 1);
    tn_tensor *mask = tn_gt(x, 0.3), *where = tn_nonzero(mask), *picked = tn_masked_select(x, mask);
    CHECK(tn_item(tn_all(tn_eq(tn_index(x, (tn_tensor *[]){tn_select(where, 1, 0), tn_select(where, 1, 1)}, 2), picked), NULL)) == 1);
    CHECK(tn_item_i64(tn_count_nonzero(mask, NULL)) == tn_numel(picked));
    tn_tensor *draws = tn_randint(0, 7, (int64_t[]){300}, 1, NULL), *counts = tn_bincount(draws, NULL, 0);
    CHECK(tn_item_i64(tn_sum(counts, NULL)) == 300);
    CHECK(tn_item(tn_all(tn_eq(tn_sum(tn_one_hot(draws, 7), &(tn_reduce_opts){.dim = 0, .has_dim = true}), tn_bincount(draws, NULL, 7)), NULL)) == 1);
}
TEST(masks) {
    tn_tensor *x = of("f32 [2, 3] 0 nan 2 -0 4 0");
    CHECK_IS(tn_nonzero(x), "i64 [3, 2] 0 1 0 2 1 1");
    CHECK_IS(tn_nonzero(tn_t(x)), "i64 [3, 2] 1 0 1 1 2 0");
    CHECK_IS(tn_nonzero(of("i64 [] 3")), "i64 [1, 0]");
    CHECK_IS(tn_nonzero(of("i64 [] 0")), "i64 [0, 0]");
    CHECK_IS(tn_nonzero(of("bool [0, 2]")), "i64 [0, 2]");
    CHECK_IS(tn_masked_select(x, of("bool [3] 1 0 1")), "f32 [4] 0 2 0 0");
    CHECK_IS(tn_masked_select(of("f32 [3] 1 2 3"), of("bool [2, 1] 1 0")), "f32 [3] 1 2 3");
    CHECK_IS(tn_masked_select(of("f32 [] 3"), of("bool [] 1")), "f32 [1] 3");
    CHECK_ERROR(tn_nonzero(NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_masked_select(x, of("u8 [3] 1 0 1")), TN_ERR_DTYPE);
    CHECK_ERROR(tn_masked_select(x, of("bool [2] 1 0")), TN_ERR_SHAPE);
    CHECK_ERROR(tn_masked_select(x, NULL), TN_ERR_INVALID);
    tn_tensor *c = tn_to_dtype(of("f32 [2] 0 0"), TN_C64); /* imaginary parts count */
    if (!getenv("TN_TEST_DEVICE")) {
        ((float *)tn_data(c))[1] = 1;
        CHECK_IS(tn_nonzero(c), "i64 [1, 1] 0");
    }
}
TEST(embeddings) {
    tn_tensor *w = of("f32 [4, 2] 3 4 0 1 6 8 0.1 0.2"), *i = of("i64 [2, 2] 2 0 2 1");
    CHECK_IS(tn_embedding(i, w, NULL), "f32 [2, 2, 2] 6 8 3 4 6 8 0 1");
    CHECK_IS(tn_embedding(of("i32 [] 3"), w, NULL), "f32 [2] 0.1 0.2");
    CHECK_IS(tn_embedding(of("i64 [0]"), w, NULL), "f32 [0, 2]");
    CHECK_IS(tn_embedding(i, tn_t(of("f32 [2, 3] 1 2 3 4 5 6")), NULL), "f32 [2, 2, 2] 3 6 1 4 3 6 2 5");
    CHECK_IS(tn_embedding(of("i64 [3] 2 0 2"), w, &(tn_embedding_opts){.max_norm = 2.5, .has_max_norm = true}), "f32 [3, 2] 1.5 2 1.5 2 1.5 2");
    CHECK_IS(w, "f32 [4, 2] 1.5 2 0 1 1.5 2 0.1 0.2"); /* rescaled in place */
    tn_tensor *v = tn_requires_grad_(of("f32 [3, 2] 1 2 3 4 5 6"), true);
    CHECK(tn_backward(tn_sum(tn_embedding(of("i64 [4] 1 0 1 2"), v, &(tn_embedding_opts){.padding_idx = -1, .has_padding_idx = true}), NULL)) == TN_OK);
    CHECK_IS(tn_grad(v), "f32 [3, 2] 1 1 2 2 0 0");
    tn_set_grad(v, NULL);
    CHECK(tn_backward(tn_sum(tn_embedding(of("i64 [3] 1 0 1"), v, &(tn_embedding_opts){.scale_grad_by_freq = true}), NULL)) == TN_OK);
    CHECK_IS(tn_grad(v), "f32 [3, 2] 1 1 1 1 0 0");
    CHECK_ERROR(tn_embedding(of("i64 [1] 4"), w, NULL), TN_ERR_INDEX);
    CHECK_ERROR(tn_embedding(of("i64 [1] -1"), w, NULL), TN_ERR_INDEX);
    CHECK_ERROR(tn_embedding(of("f32 [1] 1"), w, NULL), TN_ERR_DTYPE);
    CHECK_ERROR(tn_embedding(i, of("f32 [4] 1 2 3 4"), NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_embedding(NULL, w, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_embedding(i, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_embedding(i, w, &(tn_embedding_opts){.padding_idx = 4, .has_padding_idx = true}), TN_ERR_INDEX);
    CHECK_ERROR(tn_embedding(of("i64 [1] 4"), w, &(tn_embedding_opts){.max_norm = 1}), TN_ERR_INDEX);
    CHECK_ERROR(tn_embedding(of("i64 [1] -1"), w, &(tn_embedding_opts){.max_norm = 1}), TN_ERR_INDEX);
    CHECK_ERROR(tn_embedding(of("f32 [1] 1"), w, &(tn_embedding_opts){.max_norm = 1}), TN_ERR_DTYPE);
    CHECK_ERROR(tn_embedding(i, of("f32 [4] 1 2 3 4"), &(tn_embedding_opts){.max_norm = 1}), TN_ERR_SHAPE);
}
TEST(one_hot_and_counts) {
    CHECK_IS(tn_one_hot(of("i64 [3] 2 0 1"), -1), "i64 [3, 3] 0 0 1 1 0 0 0 1 0");
    CHECK_IS(tn_one_hot(of("i64 [2, 1] 1 0"), 3), "i64 [2, 1, 3] 0 1 0 1 0 0");
    CHECK_IS(tn_one_hot(of("i64 [] 1"), 2), "i64 [2] 0 1");
    CHECK_IS(tn_one_hot(of("i64 [0]"), 3), "i64 [0, 3]");
    CHECK_IS(tn_bincount(of("i32 [5] 1 3 1 0 3"), NULL, 6), "i64 [6] 1 2 0 2 0 0");
    CHECK_IS(tn_bincount(of("u8 [3] 1 1 0"), of("f32 [3] 0.5 1 2"), 0), "f32 [2] 2 1.5");
    CHECK_IS(tn_bincount(of("i64 [2] 1 1"), of("i32 [2] 5 6"), 0), "f64 [2] 0 11");
    CHECK_IS(tn_bincount(of("i64 [0]"), NULL, 2), "i64 [2] 0 0");
    CHECK_ERROR(tn_one_hot(of("i64 [2] 0 3"), 3), TN_ERR_INDEX);
    CHECK_ERROR(tn_one_hot(of("i64 [2] 0 -1"), -1), TN_ERR_INDEX);
    CHECK_ERROR(tn_one_hot(of("i64 [1] 0"), -2), TN_ERR_INVALID);
    CHECK_ERROR(tn_one_hot(of("i64 [0]"), -1), TN_ERR_INVALID);
    CHECK_ERROR(tn_one_hot(tn_scalar_i64(INT64_MAX), -1), TN_ERR_SHAPE);
    CHECK_ERROR(tn_one_hot(of("i32 [1] 0"), 2), TN_ERR_DTYPE);
    CHECK_ERROR(tn_one_hot(NULL, 2), TN_ERR_INVALID);
    CHECK_ERROR(tn_bincount(of("i64 [1] -1"), NULL, 0), TN_ERR_INDEX);
    CHECK_ERROR(tn_bincount(of("i64 [1, 1] 1"), NULL, 0), TN_ERR_SHAPE);
    CHECK_ERROR(tn_bincount(of("f32 [1] 1"), NULL, 0), TN_ERR_DTYPE);
    CHECK_ERROR(tn_bincount(tn_to_dtype(of("f32 [1] 1"), TN_C64), NULL, 0), TN_ERR_DTYPE);
    CHECK_ERROR(tn_bincount(of("i64 [2] 1 1"), of("f32 [1] 1"), 0), TN_ERR_SHAPE);
    CHECK_ERROR(tn_bincount(of("i64 [1] 1"), NULL, -1), TN_ERR_INVALID);
    CHECK_ERROR(tn_bincount(NULL, NULL, 0), TN_ERR_INVALID);
}
TEST(segments) {
    static const struct { tn_reduction_kind kind; const char *want; } c[] = {
        {TN_REDUCE_SUM, "f32 [3, 2] 1 2 0 0 15 18"},
        {TN_REDUCE_PROD, "f32 [3, 2] 1 2 1 1 105 192"},
        {TN_REDUCE_MEAN, "f32 [3, 2] 1 2 nan nan 5 6"},
        {TN_REDUCE_AMAX, "f32 [3, 2] 1 2 -inf -inf 7 8"},
        {TN_REDUCE_AMIN, "f32 [3, 2] 1 2 inf inf 3 4"},
    };
    tn_tensor *x = of("f32 [4, 2] 1 2 3 4 5 6 7 8"), *lengths = of("i64 [3] 1 0 3");
    for (size_t k = 0; k < sizeof c / sizeof *c; k++) {
        CHECK_IS(tn_segment_reduce(x, c[k].kind, &(tn_segment_reduce_opts){.lengths = lengths}), c[k].want);
        CHECK_IS(tn_segment_reduce(x, c[k].kind, &(tn_segment_reduce_opts){.offsets = of("i64 [4] 0 1 1 4")}), c[k].want);
    }
    CHECK_IS(tn_segment_reduce(x, TN_REDUCE_AMAX, &(tn_segment_reduce_opts){.lengths = lengths, .initial = 4, .has_initial = true}), "f32 [3, 2] 4 4 4 4 7 8");
    CHECK_ERROR(tn_segment_reduce(x, TN_REDUCE_SUM, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_segment_reduce(NULL, TN_REDUCE_SUM, &(tn_segment_reduce_opts){.lengths = lengths}), TN_ERR_INVALID);
    CHECK_ERROR(tn_segment_reduce(x, (tn_reduction_kind)9, &(tn_segment_reduce_opts){.lengths = lengths}), TN_ERR_INVALID);
    CHECK_ERROR(tn_segment_reduce(x, TN_REDUCE_SUM, &(tn_segment_reduce_opts){.lengths = of("i64 [2] 1 2")}), TN_ERR_SHAPE);
    CHECK_ERROR(tn_segment_reduce(x, TN_REDUCE_SUM, &(tn_segment_reduce_opts){.lengths = of("i64 [2] 5 -1")}), TN_ERR_INDEX);
    CHECK_ERROR(tn_segment_reduce(x, TN_REDUCE_SUM, &(tn_segment_reduce_opts){.lengths = tn_stack((tn_tensor *[]){tn_scalar_i64(1), tn_scalar_i64(INT64_MAX)}, 2, 0)}), TN_ERR_INDEX);
    CHECK_ERROR(tn_segment_reduce(x, TN_REDUCE_SUM, &(tn_segment_reduce_opts){.lengths = lengths, .axis = 2}), TN_ERR_INDEX);
    CHECK_ERROR(tn_segment_reduce(x, TN_REDUCE_SUM, &(tn_segment_reduce_opts){.offsets = of("i64 [0]")}), TN_ERR_SHAPE);
}
TEST(many_slices_are_added_in_order) { /* by several jobs, each with a part of the places */
    HOST_ONLY;
    const int64_t places[2] = {301, 65}, slices[2] = {6000, 65};
    tn_manual_seed(4);
    tn_tensor *x = tn_randn(places, 2, NULL), *s = tn_randn(slices, 2, NULL), *at = tn_randint(0, 301, slices, 1, &(tn_tensor_opts){.dtype = TN_I64}), *want = tn_clone(x);
    float *w = tn_data(want);
    const float *v = tn_data(s);
    const int64_t *i = tn_data(at);
    for (int64_t k = 0; k < 6000 * 65; k++) w[i[k / 65] * 65 + k % 65] += v[k];
    CHECK(tn_item(tn_all(tn_eq(tn_index_add(x, 0, at, s, 1), want), NULL)) == 1);
    tn_tensor *last = tn_index_add(tn_t(x), 1, at, tn_t(s), 1);
    CHECK(tn_item(tn_all(tn_eq(tn_t(last), want), NULL)) == 1);
    tn_tensor *rows = tn_randint(0, 301, slices, 2, &(tn_tensor_opts){.dtype = TN_I64}), *taken = tn_gather(x, 0, rows), *turned = tn_gather(tn_contiguous(tn_t(x)), 1, tn_t(rows));
    CHECK(tn_item(tn_all(tn_eq(tn_t(turned), taken), NULL)) == 1);
    for (int64_t k = 0; k < 6000 * 65; k += 997) CHECK(((const float *)tn_data(taken))[k] == ((const float *)tn_data(x))[((const int64_t *)tn_data(rows))[k] * 65 + k % 65]);
}
/* Places [outer, size, inner] of which some are never named, slices at random: as one addition after the other gives them,
   with any number of threads, out of place and in place, and the same by scatter_add with an index that is expanded. */
static void check_added(int64_t outer, int64_t size, int64_t inner, int64_t n, bool wide) {
    TN_SCOPE;
    const tn_dtype dt = wide ? TN_F64 : TN_F32;
    const int64_t places[3] = {outer, size, inner}, slices[3] = {outer, n, inner}, line[3] = {1, n, 1};
    tn_tensor *x = tn_to_dtype(tn_randn(places, 3, NULL), dt), *s = tn_to_dtype(tn_randn(slices, 3, NULL), dt), *at = tn_randint(0, size * 2 / 3 + 1, &n, 1, &(tn_tensor_opts){.dtype = TN_I64}), *want = tn_clone(x);
    const int64_t *i = tn_data(at);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < n * inner; k++) {
            const int64_t to = (o * size + i[k / inner]) * inner + k % inner, from = o * n * inner + k;
            if (wide) ((double *)tn_data(want))[to] += ((const double *)tn_data(s))[from];
            else ((float *)tn_data(want))[to] += ((const float *)tn_data(s))[from];
        }
    for (int threads = 1; threads <= 5; threads += 2) {
        CHECK(tn_set_num_threads(threads) == TN_OK);
        tn_tensor *got = tn_index_add(x, 1, at, s, 1), *same = tn_index_add_(tn_clone(x), 1, at, s, 1), *half = tn_index_add(x, 1, at, s, 0.5);
        CHECK(tn_item(tn_all(tn_eq(got, want), NULL)) == 1);
        CHECK(tn_item(tn_all(tn_eq(same, want), NULL)) == 1);
        CHECK(tn_item(tn_amax(tn_abs(tn_sub(tn_sub(half, x), tn_mul(tn_sub(want, x), 0.5))), NULL)) < 1e-3);
        CHECK(tn_item(tn_all(tn_eq(tn_scatter_add(x, 1, tn_expand(tn_reshape(at, line, 3), slices, 3), s), want), NULL)) == 1);
        CHECK(tn_item(tn_all(tn_eq(tn_scatter_add(x, 1, tn_contiguous(tn_expand(tn_reshape(at, line, 3), slices, 3)), s), want), NULL)) == 1);
    }
    CHECK(tn_set_num_threads(2) == TN_OK);
}
TEST(slices_are_added_whatever_their_size) {
    HOST_ONLY;
    tn_manual_seed(5);
    static const int64_t inner[] = {1, 2, 8, 15, 64, 65, 200};
    for (size_t k = 0; k < sizeof inner / sizeof *inner; k++)
        for (int wide = 0; wide < 2; wide++) check_added(1, 700, inner[k], 1500, wide), check_added(3, 50, inner[k], 40, wide);
    check_added(1, 3000, 16, 9, false);  /* few of many places */
    check_added(1, 3, 64, 5000, false);  /* many in one */
    check_added(1, 140000, 64, 300, false); /* results that go past the caches */
    check_added(1, 90000, 64, 90000, false);
    check_added(1, 1, 64, 0, false);
}
/* The gradient of a table is made once: a vocabulary's is as large as the net. */
TEST(gradients_of_tables_take_their_own_room) {
    HOST_ONLY;
    const int64_t rows = 20000, few = 100, bytes = rows * 64 * 4;
    tn_tensor *w = tn_requires_grad_(tn_randn((int64_t[]){rows, 64}, 2, NULL), true), *at = tn_randint(0, rows, &few, 1, &(tn_tensor_opts){.dtype = TN_I64});
    tn_tensor *wide = tn_expand(tn_unsqueeze(at, 1), (int64_t[]){few, 64}, 2);
    for (int i = 0; i < 3; i++) {
        TN_SCOPE;
        tn_tensor *loss = tn_sum(i == 0 ? tn_embedding(at, w, NULL) : i == 1 ? tn_index_select(w, 0, at) : tn_gather(w, 0, wide), NULL);
        tn_set_grad(w, NULL);
        tn_memory_reset_peak();
        const int64_t before = tn_memory_stats().live_bytes;
        CHECK(tn_backward(loss) == TN_OK);
        CHECK(tn_memory_stats().peak_bytes - before < bytes + bytes / 2);
        CHECK(tn_item(tn_sum(tn_grad(w), NULL)) == 6400);
    }
}
RUN_ALL
