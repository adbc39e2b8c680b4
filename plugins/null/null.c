/* tensor_accel_null: a device in host memory. It shows all that a plugin has to do, and plays what real devices do to
   programs: queues that run later, each for itself, memory that ends, calls that fail, a device that is lost. Its ops are tensor.h's own
   kernels, compiled into the plugin. */
#define TN_STATIC
#define TENSOR_IMPLEMENTATION
#include "../../tensor.h"
#include "null.h"

struct tn_accel_context { int open; };
struct tn_accel_buffer { char *data; uint64_t bytes; };
struct tn_accel_event { tn_accel_queue *queue; int64_t at; }; /* when so many of the queue's calls have run */

/* A call that waits: the record with its own copies of shapes, strides and attributes. */
enum { JOB_OP, JOB_COPY, JOB_WRITE, JOB_FILL, JOB_WAIT, JOB_GRAPH };
typedef struct job {
    int kind;
    tn_accel_call call;
    tn_accel_tensor *tensor;
    int64_t *sizes;
    void *bytes;                  /* attributes, or what is to be written */
    char *to, *from;
    uint64_t n;
    uint32_t pattern;
    tn_accel_event event;
    const tn_accel_graph *graph;  /* all of its jobs */
    struct job *next;
} job;
struct tn_accel_graph {
    job *first, **last;
    tn_accel_status failed;       /* what spoiled the recording */
    tn_accel_error error;
};
struct tn_accel_queue {
    job *first, **last;
    int64_t put, done;            /* calls so far */
    tn_accel_graph *recorded;     /* where calls go while a graph is recorded, else NULL */
    bool other;                   /* not the first of the queues */
    tn_accel_queue *next;
    tn_accel_status failed;       /* since the last sync */
    tn_accel_error error;
};
static tn_accel_context the_context;
static tn_accel_queue *the_queues; /* all of them, the latest first */
static bool lost, stuck, dry;
static tn_null_faults faults = {(uint32_t)sizeof(tn_null_faults), 0, 0, 0, 0, 0, 0, (int64_t)1 << 34, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

static tn_accel_status fail(tn_accel_error *e, tn_accel_status s, int32_t code, const char *message) {
    e->code = code;
    (void)snprintf(e->message, sizeof e->message, "%.507s", message);
    return s;
}
static bool due(int64_t *count) { return *count > 0 && --*count == 0; }
static tn_accel_status alive(tn_accel_error *e) {
    if (faults.revive) lost = stuck = false, faults.revive = 0;
    return lost ? fail(e, TN_ACCEL_LOST, 0, "the device is lost") : TN_ACCEL_OK;
}

static int32_t null_count(void) { return 1; }
static tn_accel_status null_info(int32_t device, tn_accel_info *info, tn_accel_error *e) {
    if (device != 0) return fail(e, TN_ACCEL_INVALID, 0, "there is one null device");
    (void)snprintf(info->name, sizeof info->name, "null: host memory, CPU kernels");
    info->location[0] = 0;
    info->memory = info->max_buffer = (uint64_t)faults.memory;
    info->alignment = 0;
    info->kind = 2;
    return TN_ACCEL_OK;
}
static tn_accel_status null_open(int32_t device, tn_accel_context **context, tn_accel_error *e) {
    if (device != 0) return fail(e, TN_ACCEL_INVALID, 0, "there is one null device");
    tn_set_log(NULL, NULL); /* errors go back through the interface */
    *context = &the_context;
    return alive(e);
}
static void null_close(tn_accel_context *context) { (void)context; }
static tn_accel_status null_alloc(tn_accel_context *context, uint64_t bytes, int32_t memory, tn_accel_buffer **buffer, void **host, tn_accel_error *e) {
    (void)context;
    if (alive(e) != TN_ACCEL_OK) return TN_ACCEL_LOST;
    if (memory == TN_ACCEL_PINNED && faults.no_pinned) return fail(e, TN_ACCEL_UNSUPPORTED, 0, "there is no pinned memory");
    faults.pinned += memory == TN_ACCEL_PINNED;
    faults.allocations++;
    if (!faults.sticky) dry = false;
    if (due(&faults.fail_alloc)) dry = true;
    const bool refuse = dry;
    dry = dry && faults.sticky;
    if (refuse || (int64_t)bytes > faults.memory - faults.in_use) return fail(e, TN_ACCEL_MEMORY, 0, "out of device memory");
    tn_accel_buffer *b = (tn_accel_buffer *)malloc(sizeof *b);
    if (b) b->data = (char *)malloc(bytes + 64);
    if (!b || !b->data) {
        free(b);
        return fail(e, TN_ACCEL_MEMORY, 0, "out of host memory");
    }
    memset(b->data, 0x5A, bytes); /* nobody may take fresh memory for zeros */
    b->bytes = bytes;
    faults.in_use += (int64_t)bytes;
    *buffer = b;
    if (host) *host = b->data;
    return TN_ACCEL_OK;
}

/* -- the queue -- */
/* A call that fails while a graph is recorded: the graph would lack it, so that end fails too. */
static tn_accel_status spoil(tn_accel_queue *q, tn_accel_status s, const tn_accel_error *e) {
    if (q->recorded && q->recorded->failed == TN_ACCEL_OK) q->recorded->failed = s, q->recorded->error = *e;
    return s;
}
static tn_accel_status no_room(tn_accel_queue *q, tn_accel_error *e) { return spoil(q, fail(e, TN_ACCEL_MEMORY, 0, "out of host memory"), e); }
static tn_accel_status refuse(tn_accel_queue *q, const char *message, tn_accel_error *e) { /* what no graph can hold */
    return q->recorded ? spoil(q, fail(e, TN_ACCEL_INVALID, TN_ERR_STATE, message), e) : TN_ACCEL_OK;
}
static void job_free(job *j) {
    free(j->tensor);
    free(j->sizes);
    free(j->bytes);
    free(j);
}
/* A tensor of the plugin's own library over the operand's bytes. */
static tn_tensor *view_of(const tn_accel_tensor *a) {
    int64_t last = 0, bytes;
    if (!a->buffer && a->ndim < 0) return NULL;
    const size_t size = tn__dsize((tn_dtype)a->dtype);
    if (!a->buffer) {
        tn_tensor_opts o = {(tn_dtype)a->dtype, {0, 0}, false, NULL};
        tn_tensor *t = tn_from(a->value, NULL, 0, &o);
        if (t && (a->flags & TN_ACCEL_WEAK)) t->flags |= TN__WRAPPED;
        return t;
    }
    bool empty = false;
    for (int d = 0; d < a->ndim; d++) last += (a->shape[d] - 1) * a->strides[d], empty = empty || a->shape[d] == 0;
    bytes = empty ? 0 : (last + 1) * (int64_t)size;
    tn_tensor_opts o = {TN_U8, {0, 0}, false, NULL};
    tn_tensor *room = tn_from_borrowed(a->buffer->data + a->offset, &bytes, 1, &o, NULL, NULL), *t = room ? tn__alias(room, a->shape, a->strides, a->ndim, 0) : NULL;
    if (t) t->dtype = (uint8_t)a->dtype;
    return t;
}
static const tn__row *row_of(int32_t id) {
    for (int i = 0; i < TN__OP_COUNT; i++)
        if (tn__rows[i].id == id) return &tn__rows[i];
    return NULL;
}
static bool job_op(const job *j) {
    tn_tensor *in[64];
    const tn__row *row = row_of(j->call.op);
    tn_scope s = tn_scope_open();
    tn__call c = {(int)(row - tn__rows), j->call.n_in, j->call.n_out, j->call.in_place != 0, in, {NULL, NULL, NULL, NULL}, j->call.attr, false};
    bool ok = true;
    for (int i = 0; i < c.n_in; i++) ok = ok && ((in[i] = view_of(&j->call.in[i])) != NULL || j->call.in[i].ndim < 0);
    for (int k = 0; k < c.n_out; k++) ok = ok && ((c.out[k] = c.in_place && k == 0 ? in[0] : view_of(&j->call.out[k])) != NULL || j->call.out[k].ndim < 0);
    tn_error_clear();
    ok = ok && row->kernel(&c);
    tn_scope_close(&s);
    return ok;
}
static void run_until(tn_accel_queue *q, int64_t at);
static void run_one(tn_accel_queue *q, const job *j) {
    if (j->kind == JOB_WAIT) run_until(j->event.queue, j->event.at);
    if (j->kind == JOB_COPY) memmove(j->to, j->from, j->n);
    if (j->kind == JOB_WRITE) memcpy(j->to, j->bytes, j->n);
    for (uint64_t i = 0; j->kind == JOB_FILL && i < j->n; i += 4) memcpy(j->to + i, &j->pattern, 4);
    for (const job *k = j->kind == JOB_GRAPH ? j->graph->first : NULL; k && q->failed == TN_ACCEL_OK; k = k->next) run_one(q, k);
    if (j->kind != JOB_OP) return;
    if (!faults.sticky) stuck = false;
    if (due(&faults.lose)) lost = true;
    if (due(&faults.fail_launch)) stuck = true;
    if (lost) q->failed = fail(&q->error, TN_ACCEL_LOST, 0, "the device is lost");
    else if (stuck) q->failed = fail(&q->error, TN_ACCEL_FAILED, 0, "a launch failed");
    else if (!job_op(j)) q->failed = fail(&q->error, TN_ACCEL_FAILED, (int32_t)tn_error_code(), tn_error());
}
/* In order; after a failure nothing more runs. */
static void run_until(tn_accel_queue *q, int64_t at) {
    while (q->first && q->done < at) {
        job *j = q->first;
        q->first = j->next;
        if (!q->first) q->last = &q->first;
        q->done++;
        if (q->failed == TN_ACCEL_OK) run_one(q, j);
        job_free(j);
    }
}
static tn_accel_status drain(tn_accel_queue *q, tn_accel_error *e) {
    run_until(q, q->put);
    const tn_accel_status s = q->failed;
    if (s != TN_ACCEL_OK) *e = q->error;
    q->failed = TN_ACCEL_OK;
    return s;
}
static tn_accel_status put(tn_accel_queue *q, job *j, tn_accel_error *e) {
    if (alive(e) != TN_ACCEL_OK) {
        job_free(j);
        return spoil(q, TN_ACCEL_LOST, e);
    }
    if (q->recorded) {
        *q->recorded->last = j;
        q->recorded->last = &j->next;
        return TN_ACCEL_OK;
    }
    *q->last = j;
    q->last = &j->next;
    return ++q->put - q->done > (q->other ? faults.other_delay : faults.delay) ? drain(q, e) : TN_ACCEL_OK;
}
static job *job_new(int kind) {
    job *j = (job *)calloc(1, sizeof *j);
    if (j) j->kind = kind;
    return j;
}
static void settle(void) { /* before what calls may wait for is freed */
    tn_accel_error e;
    for (tn_accel_queue *q = the_queues; q; q = q->next) {
        const tn_accel_status r = drain(q, &e);
        if (r != TN_ACCEL_OK) q->failed = r, q->error = e; /* the next call that waits tells it */
    }
}
static void null_free(tn_accel_context *context, tn_accel_buffer *buffer) {
    (void)context;
    settle();
    faults.in_use -= (int64_t)buffer->bytes;
    free(buffer->data);
    free(buffer);
}
static void graph_free(tn_accel_graph *g) {
    settle();
    for (job *j = g->first, *next; j; j = next) {
        next = j->next;
        job_free(j);
    }
    faults.graphs--;
    free(g);
}
static tn_accel_status null_queue(tn_accel_context *context, tn_accel_queue **queue, tn_accel_error *e) {
    (void)context;
    if (alive(e) != TN_ACCEL_OK) return TN_ACCEL_LOST;
    if (the_queues && faults.one_queue) return fail(e, TN_ACCEL_UNSUPPORTED, 0, "there is one queue");
    tn_accel_queue *q = (tn_accel_queue *)calloc(1, sizeof *q);
    if (!q) return fail(e, TN_ACCEL_MEMORY, 0, "out of host memory");
    q->last = &q->first;
    q->other = the_queues != NULL;
    q->next = the_queues;
    the_queues = *queue = q;
    faults.queues++;
    return TN_ACCEL_OK;
}
static void null_queue_free(tn_accel_queue *queue) { /* what others wait for of it has run then */
    tn_accel_error e;
    tn_accel_queue **at = &the_queues;
    for (tn_accel_queue *q = the_queues; q; q = q->next) (void)drain(q, &e);
    while (*at != queue) at = &(*at)->next;
    *at = queue->next;
    faults.queues--;
    if (queue->recorded) graph_free(queue->recorded);
    free(queue);
}
static tn_accel_status null_copy(tn_accel_queue *q, tn_accel_buffer *to, uint64_t to_offset, tn_accel_buffer *from, uint64_t from_offset, uint64_t bytes, tn_accel_error *e) {
    job *j = job_new(JOB_COPY);
    if (!j) return no_room(q, e);
    j->to = to->data + to_offset;
    j->from = from->data + from_offset;
    j->n = bytes;
    return put(q, j, e);
}
static tn_accel_status null_write(tn_accel_queue *q, tn_accel_buffer *to, uint64_t offset, const void *from, uint64_t bytes, tn_accel_error *e) {
    if (refuse(q, "a write from host memory cannot be recorded", e) != TN_ACCEL_OK) return TN_ACCEL_INVALID;
    job *j = job_new(JOB_WRITE);
    if (j) j->bytes = malloc(bytes ? bytes : 1);
    if (!j || !j->bytes) {
        free(j);
        return no_room(q, e);
    }
    memcpy(j->bytes, from, bytes);
    j->to = to->data + offset;
    j->n = bytes;
    return put(q, j, e);
}
static tn_accel_status null_sync(tn_accel_queue *q, tn_accel_error *e) {
    if (refuse(q, "nothing can be waited for while a graph is recorded", e) != TN_ACCEL_OK) return TN_ACCEL_INVALID;
    if (faults.hang_us) {
        const struct timespec t = {(time_t)(faults.hang_us / 1000000), (long)(faults.hang_us % 1000000) * 1000};
        (void)nanosleep(&t, NULL);
    }
    const tn_accel_status s = q->other && faults.ignore & TN_NULL_IGNORE_OTHER_SYNCS ? TN_ACCEL_OK : drain(q, e);
    return s == TN_ACCEL_OK ? alive(e) : s;
}
static tn_accel_status null_read(tn_accel_queue *q, void *to, tn_accel_buffer *from, uint64_t offset, uint64_t bytes, tn_accel_error *e) {
    if (refuse(q, "a read cannot be recorded", e) != TN_ACCEL_OK) return TN_ACCEL_INVALID;
    const tn_accel_status s = null_sync(q, e);
    if (s == TN_ACCEL_OK) memcpy(to, from->data + offset, bytes);
    return s;
}
static tn_accel_status null_fill(tn_accel_queue *q, tn_accel_buffer *to, uint64_t offset, uint64_t bytes, uint32_t pattern, tn_accel_error *e) {
    job *j = job_new(JOB_FILL);
    if (!j) return no_room(q, e);
    j->to = to->data + offset;
    j->n = bytes;
    j->pattern = pattern;
    return put(q, j, e);
}
static tn_accel_status null_record(tn_accel_queue *q, tn_accel_event **event, tn_accel_error *e) {
    if (refuse(q, "an event cannot be recorded in a graph", e) != TN_ACCEL_OK) return TN_ACCEL_INVALID;
    if (alive(e) != TN_ACCEL_OK) return TN_ACCEL_LOST;
    *event = (tn_accel_event *)calloc(1, sizeof **event);
    if (!*event) return fail(e, TN_ACCEL_MEMORY, 0, "out of host memory");
    (*event)->queue = q;
    (*event)->at = q->put;
    return TN_ACCEL_OK;
}
static tn_accel_status null_wait(tn_accel_queue *q, tn_accel_event *event, tn_accel_error *e) {
    if (refuse(q, "a wait for an event cannot be recorded", e) != TN_ACCEL_OK) return TN_ACCEL_INVALID;
    if (faults.ignore & (q->other ? TN_NULL_IGNORE_OTHER_WAITS : TN_NULL_IGNORE_FIRST_WAITS)) return TN_ACCEL_OK;
    job *j = job_new(JOB_WAIT);
    if (!j) return no_room(q, e);
    j->event = *event;
    return put(q, j, e);
}
static void null_event_free(tn_accel_event *event) { free(event); }

/* -- ops: every row that has a kernel, but for draws, which are the app's generator's -- */
/* The bytes of a row's attributes, as far as this file knows them. */
static size_t attributes_of(int row) {
#define IS(op) (row == TN__OP_##op)
    if (IS(as_strided_backward) || IS(as_strided_scatter)) return sizeof(tn__attr_strided);
    if (IS(pad) || IS(pad_backward)) return sizeof(tn__attr_pad);
    if (IS(flip)) return sizeof(tn__attr_dims);
    if (IS(pick) || IS(pick_backward)) return sizeof(tn__attr_pick);
    if (IS(unfold) || IS(fold) || IS(convolution) || IS(conv_input) || IS(conv_weight)) return sizeof(tn__attr_conv);
    if (IS(max_pool) || IS(max_unpool) || IS(max_pool_at) || IS(avg_pool) || IS(avg_pool_backward)) return sizeof(tn__attr_pool);
    if (IS(resize) || IS(resize_backward)) return sizeof(tn__attr_resize);
    if (IS(layer_norm) || IS(rms_norm) || IS(group_norm) || IS(norm_rows_backward)) return sizeof(tn__attr_norm);
    if (IS(batch_norm) || IS(batch_norm_backward)) return sizeof(tn__attr_batch);
    if (IS(rnn_layer) || IS(rnn_layer_backward)) return sizeof(tn__attr_rnn);
    if (IS(optim_step)) return sizeof(tn__attr_optim);
    if (tn__rows[row].infer == tn__infer_reduce) return sizeof(tn__attr_reduce);
    if (tn__rows[row].infer == tn__infer_pointwise || IS(fill_) || IS(nll_loss) || IS(cross_entropy) || IS(nll_backward)) return sizeof(tn__attr_num);
    return sizeof(tn__attr_dim);
#undef IS
}
static int32_t null_rate(tn_accel_context *context, const tn_accel_call *call, uint64_t *scratch) {
    (void)context, (void)scratch;
    const tn__row *row = row_of(call->op);
    uint32_t size = 0;
    if (call->attr) memcpy(&size, call->attr, sizeof size);
    if (!row || row->kernel == tn__kernel_none || (row->flags & TN__RANDOM) || call->n_in > 64 || call->n_out > TN__MAX_OUT) return 0;
    for (size_t i = attributes_of((int)(row - tn__rows)); i < size; i++) /* what a newer core says, and this does not understand */
        if (((const char *)call->attr)[i]) return 0;
    return 100;
}
static void keep_sizes(tn_accel_tensor *t, const tn_accel_tensor *from, int n, int64_t **room) {
    for (int i = 0; i < n; i++) {
        t[i] = from[i];
        if (from[i].ndim <= 0) continue;
        memcpy(*room, from[i].shape, (size_t)from[i].ndim * sizeof **room);
        memcpy(*room + TN_MAX_DIMS, from[i].strides, (size_t)from[i].ndim * sizeof **room);
        t[i].shape = *room;
        t[i].strides = *room + TN_MAX_DIMS;
        *room += 2 * TN_MAX_DIMS;
    }
}
static tn_accel_status null_run(tn_accel_queue *q, const tn_accel_call *call, tn_accel_buffer *scratch, uint64_t scratch_offset, tn_accel_error *e) {
    (void)scratch, (void)scratch_offset;
    job *j = job_new(JOB_OP);
    const size_t n = (size_t)(call->n_in + call->n_out);
    uint32_t attr_size = 0;
    if (call->attr) memcpy(&attr_size, call->attr, sizeof attr_size);
    faults.launches++;
    if (j) j->tensor = (tn_accel_tensor *)calloc(n ? n : 1, sizeof *j->tensor);
    if (j) j->sizes = (int64_t *)calloc(n ? n : 1, 2 * TN_MAX_DIMS * sizeof(int64_t));
    if (j) j->bytes = malloc(attr_size ? attr_size : 1);
    if (!j || !j->tensor || !j->sizes || !j->bytes) {
        if (j) job_free(j);
        return no_room(q, e);
    }
    int64_t *room = j->sizes;
    memcpy(&j->call, call, call->size < sizeof j->call ? call->size : sizeof j->call); /* an older core's is shorter */
    faults.flags = j->call.flags;
    keep_sizes(j->tensor, call->in, call->n_in, &room);
    keep_sizes(j->tensor + call->n_in, call->out, call->n_out, &room);
    if (attr_size) memcpy(j->bytes, call->attr, attr_size);
    j->call.in = j->tensor;
    j->call.out = j->tensor + call->n_in;
    j->call.attr = call->attr ? j->bytes : NULL;
    return put(q, j, e);
}
static void mark(const char *name) { faults.marks += name[0] != 0, faults.depth++; }
static void unmark(void) { faults.depth--; }
static const tn_accel_profile marks = {(uint32_t)sizeof marks, TN_ACCEL_MINOR, mark, unmark};

/* -- graphs: while one is recorded, put keeps the jobs there; a launch is one job that runs them -- */
static tn_accel_status capture_begin(tn_accel_queue *q, tn_accel_error *e) {
    if (alive(e) != TN_ACCEL_OK) return TN_ACCEL_LOST;
    if (refuse(q, "a graph is recorded already", e) != TN_ACCEL_OK) return TN_ACCEL_INVALID;
    tn_accel_graph *g = (tn_accel_graph *)calloc(1, sizeof *g);
    if (!g) return fail(e, TN_ACCEL_MEMORY, 0, "out of host memory");
    g->last = &g->first;
    q->recorded = g;
    faults.graphs++;
    return TN_ACCEL_OK;
}
static tn_accel_status capture_end(tn_accel_queue *q, tn_accel_graph **graph, tn_accel_error *e) {
    tn_accel_graph *g = q->recorded;
    if (!g) return fail(e, TN_ACCEL_INVALID, TN_ERR_STATE, "no graph is recorded");
    const tn_accel_status s = g->failed;
    q->recorded = NULL;
    if (s == TN_ACCEL_OK) *graph = g;
    else *e = g->error, graph_free(g);
    return s;
}
static tn_accel_status capture_launch(tn_accel_queue *q, tn_accel_graph *g, tn_accel_error *e) {
    if (refuse(q, "the launch of a graph cannot be recorded", e) != TN_ACCEL_OK) return TN_ACCEL_INVALID;
    job *j = job_new(JOB_GRAPH);
    if (!j) return no_room(q, e);
    j->graph = g;
    return put(q, j, e);
}
static const tn_accel_capture capture = {(uint32_t)sizeof capture, TN_ACCEL_MINOR, capture_begin, capture_end, capture_launch, graph_free};

static const void *null_extension(const char *name) {
    if (strcmp(name, "null.faults/1") == 0) return &faults;
    if (strcmp(name, "profile/1") == 0) return &marks;
    return strcmp(name, "capture/1") == 0 ? &capture : NULL;
}

static const tn_accel_api api = {
    (uint32_t)sizeof(tn_accel_api), TN_ACCEL_MINOR, null_count, null_info, null_open, null_close, null_alloc, null_free, null_queue, null_queue_free,
    null_copy, null_write, null_read, null_fill, null_record, null_wait, null_event_free, null_sync, null_rate, null_run, null_extension};
static tn_accel_status null_init(const tn_accel_host *host, const tn_accel_api **out, tn_accel_error *e) {
    (void)host, (void)e;
    const char *delay = getenv("TN_NULL_DELAY");
    if (delay) faults.delay = strtoll(delay, NULL, 10);
    *out = &api;
    return TN_ACCEL_OK;
}
static tn_accel_status null_probe(tn_accel_error *e) {
    (void)e;
    return TN_ACCEL_OK;
}
static void null_shutdown(void) {}

__attribute__((visibility("default"))) extern const tn_accel_plugin tensor_accel_plugin_v1;
const tn_accel_plugin tensor_accel_plugin_v1 = {TN_ACCEL_MAGIC, TN_ACCEL_MAJOR, TN_ACCEL_MINOR, (uint32_t)sizeof(tn_accel_plugin), "null", "1.0", null_probe, null_init, null_shutdown};
