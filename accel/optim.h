/* kit: the rows of section optim. */
#define KIT_OPS_OPTIM(X)
