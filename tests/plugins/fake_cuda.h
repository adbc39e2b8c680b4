/* What the CUDA driver of the tests counts, and the faults that it plays: its symbol fake_cuda. */
typedef struct {
    int ptx, binaries, refused; /* images that were loaded, and what was none */
    int launches;
    int live;                   /* allocations of device memory */
    long long memory;           /* bytes that it has left to give */
    int lose;                   /* when counted down to 0, a launch loses the device */
    int old;                    /* it knows no PTX of this version */
} fake_cuda_state;
