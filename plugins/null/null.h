/* What the null device lets a test do: tn_device_extension(device, "null.faults/1") gives a pointer to this. A count of 1
   is the next one; 0 never. */
#ifndef TN_NULL_H
#define TN_NULL_H
#include <stdint.h>
typedef struct {
    uint32_t size;
    int32_t sticky;           /* an allocation or a launch that failed makes all later ones fail, until this is 0 again */
    int64_t fail_alloc;       /* the n-th allocation from now is out of memory */
    int64_t fail_launch;      /* the n-th call from now fails */
    int64_t lose;             /* the device is lost at the n-th call from now */
    int64_t hang_us;          /* every sync takes that long */
    int64_t delay;            /* calls wait in the queue until there are so many, or somebody reads */
    int64_t memory;           /* bytes that the device has */
    int64_t allocations, launches, in_use; /* so far; bytes now */
    int64_t revive;           /* non-zero: a lost device comes back, for the next test */
    uint32_t flags;           /* of the last call */
    uint32_t ignore;          /* TN_NULL_IGNORE_: what a plugin or the core might forget, to see that a test notices */
    int64_t other_delay;      /* delay of the queues but the first */
    int64_t pinned, queues;   /* pinned allocations so far; queues now */
    int64_t marks, depth;         /* ops marked so far; begun and not ended */
    int32_t no_pinned, one_queue; /* non-zero: there is no pinned memory, there are no more queues */
    int64_t graphs;               /* now, those that are recorded among them */
} tn_null_faults;
enum { TN_NULL_IGNORE_FIRST_WAITS = 1 /* of the first queue */, TN_NULL_IGNORE_OTHER_WAITS = 2, TN_NULL_IGNORE_OTHER_SYNCS = 4 };
#endif
