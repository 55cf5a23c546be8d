/*
 * Calls the module, and ends a call that does not come back: an endless loop in the module must not be the camera's
 * end.
 *
 * A timer counts the time that the process computes, in ticks; their handler finds out whether the same call has run
 * for too many of them. Computing time, so that neither a busy machine nor a debugger's pause is taken for a loop. Then
 * it takes the right to execute the module's machine code away: an import, or the runtime, ends what it is at, and the
 * next instruction of the module's is a fault, whose handler leaves the call by a jump. So nothing is interrupted but
 * the module's own code, which holds no lock and owns nothing. Afterwards the instance is only dropped.
 */
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "aot_runtime.h"

#define TICK_US (100 * 1000)

/* What `wasmcam_call` answers: the same as in stop_linux.rs. */
enum { TRAPPED = 0, RETURNED = 1, STOPPED = 2 };

/* The call under way. There is one at a time, on one thread. */
static struct {
    sigjmp_buf back;
    uintptr_t code, code_bytes;
    volatile sig_atomic_t is_running;
    volatile sig_atomic_t ticks;
    /* Its code can't be executed. */
    volatile sig_atomic_t is_barred;
} call;
static int ticks_max;
static struct sigaction fault_before;

static void
set_executable(bool is_executable)
{
    /* Whole pages; what else lies in them is data, which stays readable and writable. */
    uintptr_t page = (uintptr_t)getpagesize(), start = call.code & ~(page - 1);
    int rights = PROT_READ | PROT_WRITE | (is_executable ? PROT_EXEC : 0);
    call.is_barred = mprotect((void *)start, call.code + call.code_bytes - start, rights) == 0 && !is_executable;
}

static void
on_tick(int signal)
{
    (void)signal;
    if (call.is_running && ++call.ticks == ticks_max)
        set_executable(false);
}

static void
on_fault(int signal, siginfo_t *info, void *context)
{
    (void)context;
    if (call.is_running && call.is_barred && (uintptr_t)info->si_addr - call.code < call.code_bytes) {
        call.is_running = 0;
        set_executable(true);
        siglongjmp(call.back, 1);
    }
    /* Not ours. It comes again, and to whoever was there before. */
    sigaction(signal, &fault_before, NULL);
}

/* Starts the ticks; a call may then take `seconds` of computing. */
bool
wasmcam_watch(uint32_t seconds)
{
    struct sigaction tick = { .sa_handler = on_tick, .sa_flags = SA_RESTART };
    /* Not deferred: the handler is left by a jump, which does not restore the mask. */
    struct sigaction fault = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
    struct itimerval every = { { 0, TICK_US }, { 0, TICK_US } };
    ticks_max = (int)(seconds * 1000 * 1000 / TICK_US);
    sigemptyset(&tick.sa_mask);
    sigemptyset(&fault.sa_mask);
    return sigaction(SIGPROF, &tick, NULL) == 0 && sigaction(SIGSEGV, &fault, &fault_before) == 0
           && setitimer(ITIMER_PROF, &every, NULL) == 0;
}

int
wasmcam_call(WASMExecEnv *env, WASMFunctionInstanceCommon *function, uint32_t count, uint32_t *cells)
{
    const AOTModule *module = (const AOTModule *)((AOTModuleInstance *)env->module_inst)->module;
    bool done;
    call.code = (uintptr_t)module->code;
    call.code_bytes = module->code_size;
    call.ticks = 0;
    if (sigsetjmp(call.back, 0) != 0)
        return STOPPED;
    call.is_running = 1;
    done = wasm_runtime_call_wasm(env, function, count, cells);
    call.is_running = 0;
    /* It came back just after all. */
    if (call.is_barred)
        set_executable(true);
    return done ? RETURNED : TRAPPED;
}

/* Of WAMR's other API, which is left out; natives made with it would call this. */
void
wasm_trap_delete(void *trap)
{
    (void)trap;
    abort();
}
