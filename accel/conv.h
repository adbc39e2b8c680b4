/* kit: the rows of section conv. */
#define KIT_OPS_CONV(X)
