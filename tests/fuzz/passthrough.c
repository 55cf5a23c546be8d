/*
 * Target: the look at JPEG files that a sensor has made (assembly/jpeg/passthrough.ts), by the bytes that it delivers.
 * They lie at the very end of the module's memory, so that a byte looked at behind them is a trap. What is found whole
 * ends with its marker, is found so again without what lies behind it, and not without its last byte.
 */
#include <string.h>

#include "passthrough.h"
#include "runtime.h"

/* A Progress of assembly/jpeg/encoder.ts. */
enum { MORE, DONE, BROKEN };
enum { SLICE_BYTES = 65536 };

static Z_passthrough_instance_t module;

/* What it says of the bytes; `length` becomes the file's where it is DONE. */
static int look(const uint8_t *bytes, size_t *length) {
  const uint32_t at = module.w2c_memory.size - *length;
  memcpy(module.w2c_memory.data + at, bytes, *length);
  Z_passthroughZ_beginFile(&module, at, *length);
  for (size_t slices = 0; slices <= *length / SLICE_BYTES + 2; slices++) {
    const int progress = Z_passthroughZ_lookOn(&module);
    if (progress == MORE) continue;
    if (progress == DONE) *length = Z_passthroughZ_fileLength(&module);
    return progress;
  }
  fail("it goes on and on");
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  Z_passthrough_init_module();
  Z_passthrough_instantiate(&module);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  size_t length = size;
  if (size > 0x40000 || look(data, &length) != DONE) return 0;
  if (length < 4 || length > size) fail("a file longer than its bytes");
  if (memcmp(data, "\xff\xd8", 2) != 0 || memcmp(data + length - 2, "\xff\xd9", 2) != 0) fail("not a file's ends");
  size_t alone = length;
  if (look(data, &alone) != DONE || alone != length) fail("without what lies behind it, it is another file");
  size_t shorter = length - 1;
  if (look(data, &shorter) != BROKEN) fail("without its last byte it is whole");
  return 0;
}
