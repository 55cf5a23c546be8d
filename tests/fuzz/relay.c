/*
 * Target: the relay (assembly/relay/), by the bytes of an upstream. Whatever it sends, the camera does not trap and
 * comes to rest; what it publishes is a file from its first to its last marker; and frames, counts and what the
 * upstream is told are the same however the bytes are cut up.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "runtime.h"

static const char STATE[] = "GET /state HTTP/1.1\r\nHost: camera\r\nConnection: close\r\n\r\n";
static const char SNAPSHOT[] = "GET /snapshot.jpg HTTP/1.1\r\nHost: camera\r\nConnection: close\r\n\r\n";

/* What came of an upstream's bytes. */
struct outcome {
  char told[4096], counts[512];
  uint8_t picture[300 * 1024];
  size_t told_length, picture_length;
  bool closed;
};
static struct outcome whole, cut;

static struct answer ask(const char *request) {
  return board_talk((const uint8_t *)request, strlen(request), WHOLE);
}

/* What `/state` counts: from the size of pictures to how often a part was longer than it said. */
static void read_counts(struct outcome *outcome) {
  const struct answer state = ask(STATE);
  const char *from = memmem(state.bytes, state.length, "\"width\":", 8);
  const char *to = memmem(state.bytes, state.length, ",\"form\":", 8);
  if (!from || !to || to < from || to - from >= (ptrdiff_t)sizeof outcome->counts) fail("no counts");
  memcpy(outcome->counts, from, to - from);
  outcome->counts[to - from] = 0;
}

static void read_picture(struct outcome *outcome) {
  const struct answer snapshot = ask(SNAPSHOT);
  outcome->picture_length = 0;
  if (snapshot.length > 12 && memcmp(snapshot.bytes, "HTTP/1.1 503", 12) == 0) return; /* there is none yet */
  const uint8_t *end = memmem(snapshot.bytes, snapshot.length, "\r\n\r\n", 4);
  if (!end || memcmp(snapshot.bytes, "HTTP/1.1 200", 12) != 0) fail("no answer for a picture");
  const uint8_t *file = end + 4;
  const size_t length = snapshot.bytes + snapshot.length - file;
  if (length > sizeof outcome->picture) fail("a picture that is larger than a slot");
  if (length < 4 || memcmp(file, "\xff\xd8", 2) != 0) fail("a picture without a beginning");
  if (memcmp(file + length - 2, "\xff\xd9", 2) != 0) fail("a picture without an end");
  memcpy(outcome->picture, file, length);
  outcome->picture_length = length;
}

static void send_as(struct outcome *outcome, const uint8_t *data, size_t size, enum way way) {
  board_restore();
  const struct answer told = board_talk_at(UPSTREAM, data, size, way);
  if (told.length > sizeof outcome->told) fail("an upstream is told too much");
  memcpy(outcome->told, told.bytes, told.length);
  outcome->told_length = told.length;
  outcome->closed = told.closed;
  read_counts(outcome);
  read_picture(outcome);
  if (getenv("SHOW")) {
    fprintf(stderr, "%.*s%s\npicture: %zu bytes\n", (int)told.length, outcome->told, outcome->counts,
            outcome->picture_length);
  }
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  board_start("push");
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  send_as(&whole, data, size, WHOLE);
  send_as(&cut, data, size, size < 200 ? BYTES : PIECES);
  if (strcmp(whole.counts, cut.counts) != 0) fail("cut up, it is counted otherwise");
  const bool same = whole.picture_length == cut.picture_length;
  if (!same || memcmp(whole.picture, cut.picture, cut.picture_length) != 0) fail("cut up, it is another picture");
  if (whole.told_length != cut.told_length) fail("cut up, it is told otherwise");
  if (memcmp(whole.told, cut.told, cut.told_length) != 0) fail("cut up, it is told otherwise");
  if (whole.closed != cut.closed) fail("cut up, the connection ends otherwise");
  return 0;
}
