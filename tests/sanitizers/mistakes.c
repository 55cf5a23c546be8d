/*
 * Deliberate mistakes, to see that sanitizers find such: linked into the program that is built with them, and into no
 * other. Each call of the module's goes through here (by the linker's --wrap), and, where WASMCAM_MISTAKE names one,
 * the call ends with it.
 */
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* As in board/wasm/src/runtime.rs: cells that lie on the stack of Rust's. */
enum { CELLS_MAX = 16, BLOCK_BYTES = 100 };

int __real_wasmcam_call(void *env, void *function, uint32_t count, uint32_t *cells);
int __wrap_wasmcam_call(void *env, void *function, uint32_t count, uint32_t *cells);

static void
make(const char *mistake, uint32_t *cells)
{
    volatile char *block = malloc(BLOCK_BYTES);
    volatile int many = INT_MAX;
    if (!strcmp(mistake, "past-rust"))
        cells[CELLS_MAX] = 1;
    else if (!strcmp(mistake, "past-block"))
        block[BLOCK_BYTES] = 1;
    else if (!strcmp(mistake, "overflow"))
        many++;
    free((void *)block);
    if (!strcmp(mistake, "after-free"))
        block[0] = 1;
}

int
__wrap_wasmcam_call(void *env, void *function, uint32_t count, uint32_t *cells)
{
    int end = __real_wasmcam_call(env, function, count, cells);
    const char *mistake = getenv("WASMCAM_MISTAKE");
    if (mistake)
        make(mistake, cells);
    return end;
}
