/* kit: the rows of section random. */
#define KIT_OPS_RANDOM(X)
