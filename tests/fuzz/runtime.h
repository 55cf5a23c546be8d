/* What wasm2c's code needs of a runtime, and how a target says that something is wrong. */
#ifndef RUNTIME_H
#define RUNTIME_H

#include <wasm-rt.h>

/** The file whose shared map the module's memory is, so that it can be mapped anew. */
extern int runtime_memory;

/** Ends the program with a line that says what is wrong, so that the fuzzer keeps the input. */
_Noreturn void fail(const char *what);

#endif
