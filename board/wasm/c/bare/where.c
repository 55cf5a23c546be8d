/*
 * Where in the module something happened: of an address in its machine code, the function's number in the module.
 */
#include "aot_runtime.h"

/* Where compiled code threw the exception of the present call, else 0. */
uintptr_t wasmcam_thrown_at;

/* Compiled code calls this for WAMR's own (build.rs names it so in the table of what it may call). */
void
wasmcam_throw(AOTModuleInstance *instance, uint32 id)
{
    if (wasmcam_thrown_at == 0)
        wasmcam_thrown_at = (uintptr_t)__builtin_return_address(0);
    aot_set_exception_with_id(instance, id);
}

/* The function's number among all of the module's, imports first, or -1. */
int
wasmcam_function_at(AOTModuleInstance *instance, uintptr_t address)
{
    const AOTModule *module = (const AOTModule *)instance->module;
    uintptr_t code = (uintptr_t)module->code, nearest = 0;
    int found = -1;
    if (address < code || address >= code + module->code_size)
        return -1;
    for (uint32 i = 0; i < module->func_count; i++) {
        /* Without the mark of Thumb code. */
        uintptr_t start = (uintptr_t)module->func_ptrs[i] & ~(uintptr_t)1;
        if (start <= address && start >= nearest) {
            nearest = start;
            found = (int)(module->import_func_count + i);
        }
    }
    return found;
}
