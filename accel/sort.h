/* kit: the rows of section sort. */
#define KIT_OPS_SORT(X)
