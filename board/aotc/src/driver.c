/*
 * The least of WAMR's ahead-of-time compiler that the camera needs: one module in, one AOT file out, once a process.
 * WAMR's own `wamrc` (which the registry crate does not carry) does the same with many more options.
 * Which options are right for the board is main.rs's business.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bh_platform.h"
#include "wasm_export.h"
#include "aot_compiler.h" /* not aot_export.h: its declarations conflict with these */
#include "aot_emit_aot_file.h"
#include "aot_llvm.h"
#include <llvm-c/Support.h>
#include <llvm-c/TargetMachine.h>

/* The same as `Options` in main.rs. */
struct options {
    const char *arch, *abi;         /* or NULL: this machine's */
    const char *cpu, *features;     /* or NULL: this machine's, or the architecture's least */
    const char *passes;             /* LLVM's pass pipeline, or NULL for WAMR's */
    const char *const *llvm_args;   /* as for LLVM's own tools, the first being a program's name */
    int llvm_arg_count;
    const char *cold_prefix;
    uint32_t format;                /* AOT_FORMAT_FILE, AOT_OBJECT_FILE, AOT_LLVMIR_UNOPT_FILE, AOT_LLVMIR_OPT_FILE */
    const char *out_name;           /* only for formats that WAMR writes to a file itself */
};

/*
 * A memory whose minimum is its maximum cannot grow, and so never moves. WAMR takes any module for one whose memory may
 * move that has the instructions memory.size or memory.grow in it (AssemblyScript's runtime does), and then loads base
 * and bound anew at nearly each access, where no bounds check can be folded: a third more instructions in the encoder.
 */
static void
keep_in_place(WASMModule *module)
{
    if (module->memory_count == 1
        && module->memories[0].init_page_count == module->memories[0].max_page_count)
        module->possible_memory_grow = false;
}

/*
 * Exported functions whose names start with the prefix are rarely run: LLVM lays out what calls them so that the other
 * way is the straight one, and spends no registers on them.
 */
static void
mark_cold(AOTCompContext *ctx, const WASMModule *module, const char *prefix)
{
    unsigned kind = LLVMGetEnumAttributeKindForName("cold", 4);
    for (uint32_t i = 0; i < module->export_count; i++) {
        const WASMExport *export = &module->exports[i];
        if (export->kind != EXPORT_KIND_FUNC || strncmp(export->name, prefix, strlen(prefix)) != 0
            || export->index < module->import_function_count)
            continue;
        /* WAMR makes two LLVM functions of one: the body, and the entry with the runtime's calling convention. */
        static const char *const names[] = { "aot_func#%u", "aot_func_internal#%u" };
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            char name[64];
            snprintf(name, sizeof name, names[k], export->index - module->import_function_count);
            LLVMValueRef function = LLVMGetNamedFunction(ctx->module, name);
            if (function)
                LLVMAddAttributeAtIndex(function, LLVMAttributeFunctionIndex,
                                        LLVMCreateEnumAttribute(ctx->context, kind, 0));
        }
    }
}

/*
 * Compiles `wasm`. Answers 0 and, for AOT_FORMAT_FILE, a malloc'd file in `out`; or -1 and one line in `error`.
 */
int
aotc_compile(const uint8_t *wasm, uint32_t length, const struct options *options, uint8_t **out, uint32_t *out_length,
             char *error, uint32_t error_size)
{
    RuntimeInitArgs init = { 0 };
    AOTCompOption option = { 0 };
    wasm_module_t module = NULL;
    AOTCompData *data = NULL;
    AOTCompContext *ctx = NULL;
    uint8_t *copy = NULL;
    char *host_cpu = NULL, *host_features = NULL;
    int result = -1;

    init.mem_alloc_type = Alloc_With_Allocator;
    init.mem_alloc_option.allocator.malloc_func = malloc;
    init.mem_alloc_option.allocator.realloc_func = realloc;
    init.mem_alloc_option.allocator.free_func = free;
    if (!wasm_runtime_full_init(&init)) {
        snprintf(error, error_size, "WAMR did not start");
        return -1;
    }
    aot_call_stack_features_init_default(&option.call_stack_features);
    option.target_arch = (char *)options->arch;
    option.target_abi = (char *)options->abi;
    option.target_cpu = (char *)options->cpu;
    option.cpu_features = (char *)options->features;
    if (!options->arch) {
        option.target_abi = "gnu";
        if (!option.target_cpu)
            option.target_cpu = host_cpu = LLVMGetHostCPUName();
        /* Asked for, since a virtual machine may lack what processors of that name have. */
        if (!option.cpu_features)
            option.cpu_features = host_features = LLVMGetHostCPUFeatures();
    }
    option.llvm_passes = (char *)options->passes;
    option.output_format = options->format;
    option.opt_level = 3;
    option.size_level = 3; /* the code model: everything within reach of a branch */
    /* The runtime has no memory protection to lean on: what the module may not do is checked in the code. */
    option.bounds_checks = 1;
    option.stack_bounds_checks = 1;
    option.enable_aux_stack_check = true;
    /* WebAssembly's vectors: Thumb has none. (LLVM makes vectors by itself where the features say that it can.) */
    option.enable_simd = !options->arch || strncmp(options->arch, "thumb", 5) != 0;
    /* The same in the runtime's build (wasm/build.rs), or the file does not load. */
    option.enable_bulk_memory = option.enable_bulk_memory_opt = true;
    option.enable_ref_types = false;

    if (options->llvm_arg_count > 1)
        LLVMParseCommandLineOptions(options->llvm_arg_count, options->llvm_args, NULL);

    if (!(copy = malloc(length))) { /* the loader writes into its input */
        snprintf(error, error_size, "out of memory");
        goto end;
    }
    memcpy(copy, wasm, length);
    if (!(module = wasm_runtime_load(copy, length, error, error_size)))
        goto end;
    keep_in_place((WASMModule *)module);
    if (!(data = aot_create_comp_data((WASMModule *)module, option.target_arch, false))
        || !(ctx = aot_create_comp_context(data, &option)))
        goto aot_error;
    mark_cold(ctx, (WASMModule *)module, options->cold_prefix);
    if (!aot_compile_wasm(ctx))
        goto aot_error;
    if (options->format == AOT_FORMAT_FILE) {
        if (!(*out = aot_emit_aot_file_buf(ctx, data, out_length)))
            goto aot_error;
    }
    else if (options->format == AOT_OBJECT_FILE ? !aot_emit_object_file(ctx, (char *)options->out_name)
                                                : !aot_emit_llvm_file(ctx, options->out_name))
        goto aot_error;
    result = 0;
    goto end;

aot_error:
    snprintf(error, error_size, "%s", aot_get_last_error());
end:
    /* `out` came from malloc, which the runtime's allocator is: it outlives the runtime. */
    if (ctx)
        aot_destroy_comp_context(ctx);
    if (data)
        aot_destroy_comp_data(data);
    if (module)
        wasm_runtime_unload(module);
    free(copy);
    if (host_cpu)
        LLVMDisposeMessage(host_cpu);
    if (host_features)
        LLVMDisposeMessage(host_features);
    wasm_runtime_destroy();
    return result;
}
