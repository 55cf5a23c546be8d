/* See runtime.h. A trap is a find; a memory is as large as it will ever be; types are compared as wasm2c asks. */
#define _GNU_SOURCE
#include "runtime.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int runtime_memory;
uint32_t wasm_rt_call_stack_depth;

_Noreturn void fail(const char *what) {
  fprintf(stderr, "FOUND: %s\n", what);
  abort();
}

bool wasm_rt_is_initialized(void) { return true; }

_Noreturn void wasm_rt_trap(wasm_rt_trap_t trap) {
  static const char *const names[] = {"none",   "a memory access out of bounds", "an integer overflow",
                                      "a division by zero", "an invalid conversion", "unreachable",
                                      "an indirect call", "an exception", "the stack is exhausted"};
  fail(names[trap]);
}

void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint32_t pages, uint32_t pages_max) {
  const size_t size = (size_t)pages * 65536;
  runtime_memory = memfd_create("memory", 0);
  if (runtime_memory < 0 || ftruncate(runtime_memory, size) != 0) fail("no memory for the module");
  memory->data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, runtime_memory, 0);
  if (memory->data == MAP_FAILED) fail("no memory");
  memory->pages = pages;
  memory->max_pages = pages_max;
  memory->size = size;
}

uint32_t wasm_rt_grow_memory(wasm_rt_memory_t *memory, uint32_t delta) {
  return delta == 0 ? memory->pages : (uint32_t)-1;
}

void wasm_rt_free_memory(wasm_rt_memory_t *memory) { munmap(memory->data, memory->size); }

void wasm_rt_allocate_funcref_table(wasm_rt_funcref_table_t *table, uint32_t elements, uint32_t most) {
  table->data = calloc(elements, sizeof *table->data);
  table->size = elements;
  table->max_size = most;
}

void wasm_rt_free_funcref_table(wasm_rt_funcref_table_t *table) { free(table->data); }

/* Types are the same where their lists of parameters and results are: numbered in the order in which they come. */
uint32_t wasm_rt_register_func_type(uint32_t parameters, uint32_t results, ...) {
  static struct {
    uint32_t parameters, results;
    wasm_rt_type_t types[16];
  } known[64];
  static uint32_t count;
  if (parameters + results > 16 || count == 64) fail("more types than there is room for");
  memset(&known[count], 0, sizeof known[count]);
  known[count].parameters = parameters;
  known[count].results = results;
  va_list list;
  va_start(list, results);
  for (uint32_t i = 0; i < parameters + results; i++) known[count].types[i] = va_arg(list, wasm_rt_type_t);
  va_end(list);
  uint32_t at = 0;
  while (memcmp(&known[at], &known[count], sizeof known[at]) != 0) at++;
  if (at == count) count++;
  return at + 1;
}
