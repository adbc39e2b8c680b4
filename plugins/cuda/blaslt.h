/* Matrix products by cuBLASLt where its library is there: f32 (TF32 where the caller allows it), f64, f16, bf16, batches, a bias by
   column, sums. How a kind of call is done is asked for once and kept. The library's matrices lie by columns: C of m x n by rows is
   C' of n x m there, and so is C' = B' A'. */
typedef void *lt_handle;
typedef void *lt_desc;
typedef void *lt_layout;
typedef void *lt_preference;
typedef struct { uint64_t algo[8]; size_t workspace; int state; float waves; int reserved[4]; } lt_result;
enum {
    LT_F32 = 0, LT_F64 = 1, LT_F16 = 2, LT_BF16 = 14, LT_COMPUTE_F32 = 68, LT_COMPUTE_TF32 = 77, LT_COMPUTE_F64 = 70, LT_TRANSA = 3, LT_TRANSB = 4, LT_EPILOGUE = 7,
    LT_BIAS_POINTER = 8, LT_EPILOGUE_BIAS = 4, LT_BATCH_COUNT = 5, LT_BATCH_OFFSET = 6, LT_MAX_WORKSPACE = 1, LT_ALIGNMENT_A = 5, LT_OP_T = 1
};
#define LT_FUNCTIONS(X)                                                                                                                    \
    X(cublasLtCreate, "cublasLtCreate", (lt_handle *))                                                                                     \
    X(cublasLtMatmulDescCreate, "cublasLtMatmulDescCreate", (lt_desc *, int, int))                                                         \
    X(cublasLtMatmulDescDestroy, "cublasLtMatmulDescDestroy", (lt_desc))                                                                   \
    X(cublasLtMatmulDescSetAttribute, "cublasLtMatmulDescSetAttribute", (lt_desc, int, const void *, size_t))                              \
    X(cublasLtMatrixLayoutCreate, "cublasLtMatrixLayoutCreate", (lt_layout *, int, uint64_t, uint64_t, int64_t))                           \
    X(cublasLtMatrixLayoutDestroy, "cublasLtMatrixLayoutDestroy", (lt_layout))                                                             \
    X(cublasLtMatrixLayoutSetAttribute, "cublasLtMatrixLayoutSetAttribute", (lt_layout, int, const void *, size_t))                        \
    X(cublasLtMatmulPreferenceCreate, "cublasLtMatmulPreferenceCreate", (lt_preference *))                                                 \
    X(cublasLtMatmulPreferenceDestroy, "cublasLtMatmulPreferenceDestroy", (lt_preference))                                                 \
    X(cublasLtMatmulPreferenceSetAttribute, "cublasLtMatmulPreferenceSetAttribute", (lt_preference, int, const void *, size_t))            \
    X(cublasLtMatmulAlgoGetHeuristic, "cublasLtMatmulAlgoGetHeuristic", (lt_handle, lt_desc, lt_layout, lt_layout, lt_layout, lt_layout, lt_preference, int, lt_result *, int *)) \
    X(cublasLtMatmul, "cublasLtMatmul", (lt_handle, lt_desc, const void *, const void *, lt_layout, const void *, lt_layout, const void *, const void *, lt_layout, void *, lt_layout, const void *, void *, size_t, CUstream))
LT_FUNCTIONS(DECLARE)

#define LT_WORKSPACE ((size_t)32 << 20) /* what NVIDIA advises for Hopper */
/* What tells two kinds of products apart; compared as bytes. */
typedef struct { int64_t m, n, k, batch, lda, ldb, ldc, stride_a, stride_b, stride_c; int32_t type_a, type_c, compute, transposed_a, transposed_b, bias, align[4]; } lt_key;
typedef struct lt_plan { lt_key key; lt_desc desc; lt_layout a, b, c; lt_result how; struct lt_plan *next; } lt_plan; /* a, b as the library sees them */
struct lt_state { lt_handle handle; CUdeviceptr workspace; lt_plan *plans[256]; };
typedef struct lt_state lt_state;
static bool has_lt;

static void load_lt(void) {
    static const char *const names[] = {"libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so", "/usr/local/cuda/lib64/libcublasLt.so", NULL};
    const char *missing = NULL;
    void *l = open_any(names);
    LT_FUNCTIONS(LOAD)
    has_lt = l && !missing;
}
static int lt_type(int32_t dtype) { return dtype == TN_F32 ? LT_F32 : dtype == TN_F64 ? LT_F64 : dtype == TN_F16 ? LT_F16 : dtype == TN_BF16 ? LT_BF16 : -1; }
/* A matrix by rows, or its transpose by rows: the leading dimension, or 0 where it is neither. */
static int64_t lt_leading(const kit_steps *s, int64_t rows, int64_t columns, int32_t *transposed) {
    const bool plain = (s->col == 1 || columns == 1) && (s->row >= columns || rows == 1), other = (s->row == 1 || rows == 1) && (s->col >= rows || columns == 1);
    *transposed = !plain;
    if (plain) return rows == 1 || s->row < columns ? columns : s->row;
    return !other ? 0 : columns == 1 || s->col < rows ? rows : s->col;
}
static int32_t lt_alignment(const tn_accel_tensor *t) { /* a power of two up to 256 */
    const uint64_t at = t->buffer->at + t->offset;
    int32_t a = 256;
    while (a > 1 && at % (uint64_t)a) a /= 2;
    return a;
}
static bool lt_key_of(const kit_gemm_call *g, bool tf32, lt_key *key) {
    int32_t transposed_c;
    memset(key, 0, sizeof *key);
    key->type_a = lt_type(g->a.dtype);
    key->type_c = lt_type(g->c.dtype);
    key->bias = !kit_absent(&g->bias);
    if (key->type_a < 0 || g->b.dtype != g->a.dtype || key->type_c < 0 || (key->type_c != key->type_a && key->type_c != LT_F32) || !g->a.buffer || !g->b.buffer) return false;
    if (g->m < 1 || g->n < 1 || g->k < 1 || g->m > INT32_MAX || g->n > INT32_MAX || g->k > INT32_MAX || g->batch > INT32_MAX) return false;
    if (key->bias && (g->bias.dtype != g->c.dtype || !g->bias.buffer || g->bias_step.row != 0 || (g->bias_step.col != 1 && g->n > 1) || g->batch > 1)) return false;
    key->m = g->m, key->n = g->n, key->k = g->k, key->batch = g->batch;
    key->lda = lt_leading(&g->a_step, g->m, g->k, &key->transposed_a);
    key->ldb = lt_leading(&g->b_step, g->k, g->n, &key->transposed_b);
    key->ldc = lt_leading(&g->c_step, g->m, g->n, &transposed_c);
    if (!key->lda || !key->ldb || !key->ldc || transposed_c) return false;
    key->stride_a = g->batch > 1 ? g->a_step.batch : 0;
    key->stride_b = g->batch > 1 ? g->b_step.batch : 0;
    key->stride_c = g->batch > 1 ? g->c_step.batch : 0;
    key->compute = key->type_a == LT_F64 ? LT_COMPUTE_F64 : key->type_a == LT_F32 && tf32 ? LT_COMPUTE_TF32 : LT_COMPUTE_F32;
    key->align[0] = lt_alignment(&g->a), key->align[1] = lt_alignment(&g->b), key->align[2] = lt_alignment(&g->c);
    key->align[3] = key->bias ? lt_alignment(&g->bias) : 0;
    return true;
}
static bool lt_layout_of(lt_layout *l, int type, int64_t rows, int64_t columns, int64_t leading, int64_t batch, int64_t stride) {
    const int32_t count = (int32_t)batch;
    if (cublasLtMatrixLayoutCreate(l, type, (uint64_t)rows, (uint64_t)columns, leading) != 0) return false;
    return batch <= 1 || (cublasLtMatrixLayoutSetAttribute(*l, LT_BATCH_COUNT, &count, sizeof count) == 0 && cublasLtMatrixLayoutSetAttribute(*l, LT_BATCH_OFFSET, &stride, sizeof stride) == 0);
}
static bool lt_ask(lt_state *lt, lt_plan *p) {
    const uint32_t align[4] = {(uint32_t)p->key.align[1], (uint32_t)p->key.align[0], (uint32_t)p->key.align[2], (uint32_t)p->key.align[2]};
    const size_t workspace = LT_WORKSPACE;
    lt_preference pref = NULL;
    int found = 0;
    bool ok = cublasLtMatmulPreferenceCreate(&pref) == 0 && cublasLtMatmulPreferenceSetAttribute(pref, LT_MAX_WORKSPACE, &workspace, sizeof workspace) == 0;
    for (int i = 0; ok && i < 4; i++) ok = cublasLtMatmulPreferenceSetAttribute(pref, LT_ALIGNMENT_A + i, &align[i], sizeof align[i]) == 0;
    ok = ok && cublasLtMatmulAlgoGetHeuristic(lt->handle, p->desc, p->a, p->b, p->c, p->c, pref, 1, &p->how, &found) == 0 && found == 1 && p->how.state == 0;
    if (pref) (void)cublasLtMatmulPreferenceDestroy(pref);
    return ok;
}
static bool lt_fill(lt_state *lt, lt_plan *p) {
    const lt_key *k = &p->key;
    const int32_t t = LT_OP_T, epilogue = LT_EPILOGUE_BIAS;
    const void *bias = (const void *)(uintptr_t)k->align[3]; /* the heuristic asks its alignment alone */
    bool ok = cublasLtMatmulDescCreate(&p->desc, k->compute, k->compute == LT_COMPUTE_F64 ? LT_F64 : LT_F32) == 0;
    ok = ok && (!k->transposed_b || cublasLtMatmulDescSetAttribute(p->desc, LT_TRANSA, &t, sizeof t) == 0);
    ok = ok && (!k->transposed_a || cublasLtMatmulDescSetAttribute(p->desc, LT_TRANSB, &t, sizeof t) == 0);
    ok = ok && (!k->bias || (cublasLtMatmulDescSetAttribute(p->desc, LT_EPILOGUE, &epilogue, sizeof epilogue) == 0 && cublasLtMatmulDescSetAttribute(p->desc, LT_BIAS_POINTER, &bias, sizeof bias) == 0));
    ok = ok && lt_layout_of(&p->a, k->type_a, k->transposed_b ? k->k : k->n, k->transposed_b ? k->n : k->k, k->ldb, k->batch, k->stride_b);
    ok = ok && lt_layout_of(&p->b, k->type_a, k->transposed_a ? k->m : k->k, k->transposed_a ? k->k : k->m, k->lda, k->batch, k->stride_a);
    return ok && lt_layout_of(&p->c, k->type_c, k->n, k->m, k->ldc, k->batch, k->stride_c) && lt_ask(lt, p);
}
/* The plan of a kind of products; one that the library does not take stays, with a state that says so. */
static const lt_plan *lt_plan_of(lt_state *lt, const lt_key *key) {
    lt_plan **list = &lt->plans[kit_hash(key, sizeof *key) % 256], *p = *list;
    while (p && memcmp(&p->key, key, sizeof *key) != 0) p = p->next;
    if (p) return p;
    p = (lt_plan *)calloc(1, sizeof *p);
    if (!p) return NULL;
    p->key = *key;
    if (!lt_fill(lt, p)) p->how.state = -1;
    p->next = *list;
    *list = p;
    return p;
}
static bool lt_ready(lt_state *lt) {
    if (!has_lt) return false;
    if (!lt->handle && cublasLtCreate(&lt->handle) != 0) return lt->handle = NULL, false;
    return lt->workspace || cuMemAlloc(&lt->workspace, LT_WORKSPACE) == CUDA_SUCCESS;
}
static tn_accel_status lt_gemm(lt_state *lt, CUstream stream, const kit_gemm_call *g, bool tf32, tn_accel_error *e) {
    const float one = 1, zero = 0;
    const double one64 = 1, zero64 = 0;
    lt_key key;
    if (!lt_key_of(g, tf32, &key) || !lt_ready(lt)) return TN_ACCEL_UNSUPPORTED;
    const lt_plan *p = lt_plan_of(lt, &key);
    if (!p || p->how.state != 0) return TN_ACCEL_UNSUPPORTED;
    const bool wide = key.compute == LT_COMPUTE_F64;
    const void *a = (const void *)(uintptr_t)(g->b.buffer->at + g->b.offset), *b = (const void *)(uintptr_t)(g->a.buffer->at + g->a.offset);
    void *c = (void *)(uintptr_t)(g->c.buffer->at + g->c.offset);
    if (key.bias) {
        const void *bias = (const void *)(uintptr_t)(g->bias.buffer->at + g->bias.offset);
        if (cublasLtMatmulDescSetAttribute(p->desc, LT_BIAS_POINTER, &bias, sizeof bias) != 0) return TN_ACCEL_UNSUPPORTED;
    }
    const CUresult code = cublasLtMatmul(lt->handle, p->desc, wide ? (const void *)&one64 : &one, a, p->a, b, p->b, g->add ? (wide ? (const void *)&one64 : &one) : (wide ? (const void *)&zero64 : &zero), c, p->c, c, p->c,
                                         p->how.algo, (void *)(uintptr_t)lt->workspace, LT_WORKSPACE, stream);
    if (code == 0) return TN_ACCEL_OK;
    e->code = 0;
    (void)snprintf(e->message, sizeof e->message, "cublasLtMatmul: status %d", code);
    return TN_ACCEL_FAILED;
}
