/* kit: all op families, the table from a row's id to its function, and the two entries that a plugin's api needs. */
#define KIT_IDS(id, name, ...) KIT_ID_##name = id,
enum { TN__OPS(KIT_IDS) KIT_ID_END };
#include "kit.h"
#include "pointwise.h"
#include "sort.h"
#include "index.h"
#include "shape.h"
#include "random.h"
#include "reduce.h"
#include "matmul.h"
#include "conv.h"
#include "norm.h"
#include "rnn.h"
#include "loss.h"
#include "optim.h"
#include "gnn.h"

#define KIT_IDS_MAX 1024
static kit_op kit_ops[KIT_IDS_MAX]; /* by id */
#define KIT_SET(name, fn) kit_ops[KIT_ID_##name] = kit_op_##fn;
#define KIT_SET_POINTWISE(id, name, lo, hi, n, rule, flags, save, infer, kernel, grad) if (!((flags) & TN__COMPOSITE)) kit_ops[id] = kit_op_pointwise;
/* TN_KIT_LEAVE=name,name leaves those rows to the CPU: to find a kernel that is wrong, and for tests of what only the CPU draws. */
static bool kit_left(const char *list, const char *name) {
    const size_t length = strlen(name);
    for (; list && *list; list += strcspn(list, ","), list += *list == ',')
        if (strcspn(list, ",") == length && strncmp(list, name, length) == 0) return true;
    return false;
}
#define KIT_LEAVE(id, name, ...) if (kit_left(leave, #name)) kit_ops[id] = NULL;
static void kit_fill_table(void) {
    const char *leave = getenv("TN_KIT_LEAVE");
    TN__OPS_POINTWISE(KIT_SET_POINTWISE)
    KIT_OPS_POINTWISE(KIT_SET)
    KIT_OPS_SHAPE(KIT_SET)
    KIT_OPS_RANDOM(KIT_SET)
    KIT_OPS_REDUCE(KIT_SET)
    KIT_OPS_MATMUL(KIT_SET)
    KIT_OPS_CONV(KIT_SET)
    KIT_OPS_NORM(KIT_SET)
    KIT_OPS_INDEX(KIT_SET)
    KIT_OPS_SORT(KIT_SET)
    KIT_OPS_RNN(KIT_SET)
    KIT_OPS_LOSS(KIT_SET)
    KIT_OPS_OPTIM(KIT_SET)
    KIT_OPS_GNN(KIT_SET)
    if (leave) { TN__OPS(KIT_LEAVE) }
}
static tn_accel_status kit_call(kit *k, const tn_accel_call *c) {
    const kit_op fn = c->op >= 0 && c->op < KIT_IDS_MAX ? kit_ops[c->op] : NULL;
    k->op = c->op;
    return fn ? fn(k, c) : TN_ACCEL_UNSUPPORTED;
}
static int32_t kit_rate(kit *k, const tn_accel_call *c, uint64_t *scratch) {
    tn_accel_error e;
    k->error = &e;
    k->dry = true;
    k->scratch = NULL;
    k->scratch_offset = k->scratch_used = 0;
    const tn_accel_status s = kit_call(k, c);
    *scratch = k->scratch_used;
    return s == TN_ACCEL_OK ? 10 : 0;
}
static tn_accel_status kit_run(kit *k, tn_accel_queue *q, const tn_accel_call *c, tn_accel_buffer *scratch, uint64_t scratch_offset, tn_accel_error *e) {
    k->error = e;
    k->dry = false;
    k->queue = q;
    k->tf32 = kit_tf32(c);
    k->scratch = scratch;
    k->scratch_offset = scratch_offset;
    k->scratch_used = 0;
    k->launched = false;
    const tn_accel_status s = kit_call(k, c);
    return s == TN_ACCEL_UNSUPPORTED && k->launched ? TN_ACCEL_FAILED : s; /* the CPU would begin with what is half done */
}
