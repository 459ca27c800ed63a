/* Prints every number of the interface that a compiled program has built in: sizes, offsets, enum values, macros. */
#include <projectcor.h>
#include <stdio.h>

#define VALUE(x) printf(#x " = %lld\n", (long long)(x))
#define SIZE(type) printf("sizeof(" #type ") = %zu\n", sizeof(type))
#define MEMBER(type, member) printf(#type "." #member " at %zu\n", offsetof(type, member))

int main(void) {
#include "layout_values.h"
  return 0;
}
