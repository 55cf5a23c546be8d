/*
 * Target: forms for POST /control, from the owner. Each is applied whole (200) or not at all (400), and whatever it
 * was, the controls can still be read.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "runtime.h"

static const char READ[] = "GET /control HTTP/1.1\r\nHost: camera\r\nConnection: close\r\n\r\n";
static uint8_t before[64 * 1024];
static size_t before_length;

static int status(struct answer answer) {
  if (answer.length < 12 || memcmp(answer.bytes, "HTTP/1.1 ", 9) != 0) fail("no answer");
  return atoi((const char *)answer.bytes + 9);
}

static struct answer controls(void) {
  const struct answer answer = board_talk((const uint8_t *)READ, sizeof READ - 1, WHOLE);
  if (status(answer) != 200) fail("the controls can't be read");
  if (answer.length > sizeof before) fail("endless controls");
  return answer;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  board_start(NULL);
  board_restore();
  const struct answer answer = controls();
  before_length = answer.length;
  memcpy(before, answer.bytes, answer.length);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static uint8_t request[4096];
  if (size > 2048) return -1;
  const int head = snprintf((char *)request, sizeof request,
                            "POST /control HTTP/1.1\r\nHost: camera\r\nAuthorization: Bearer " BOARD_SECRET "\r\n"
                            "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                            size);
  memcpy(request + head, data, size);
  board_restore();
  const struct answer answer = board_talk(request, head + size, PIECES);
  const int code = status(answer);
  if (getenv("SHOW")) fprintf(stderr, "%.*s\n", (int)answer.length, (const char *)answer.bytes);
  if (size > 1024 ? code != 413 : code != 200 && code != 400) fail("another answer than there is");
  const struct answer after = controls();
  const bool same = after.length == before_length && memcmp(after.bytes, before, before_length) == 0;
  if (code != 200 && !same) fail("refused, and yet something was set");
  return 0;
}
