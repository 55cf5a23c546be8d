/*
 * Target: the whole server, by the bytes on a connection. Whatever a client says, the camera does not trap and comes to
 * rest, what it answers is HTTP to the last byte, and the same however the bytes are cut up; and who comes next is
 * answered as if nobody had been there before.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "runtime.h"

static uint8_t whole[4 * 1024 * 1024];

/* Who comes next asks for what stays the same for ever. */
static const char NEXT[] = "HEAD / HTTP/1.1\r\nHost: camera\r\nConnection: close\r\n\r\n";
static uint8_t next[4096];
static size_t next_length;

/* Bytes up to and with the next CR LF; 0 where there is none, or a CR or LF of another kind, or an unprintable byte. */
static size_t line_length(const uint8_t *at, size_t left) {
  for (size_t i = 0; i < left; i++) {
    if (at[i] == '\r') return i + 1 < left && at[i + 1] == '\n' ? i + 2 : 0;
    if (at[i] < 0x20 || at[i] > 0x7e) return 0;
  }
  return 0;
}

static bool begins(const uint8_t *at, size_t left, const char *text) {
  return left >= strlen(text) && memcmp(at, text, strlen(text)) == 0;
}

/* Reads header lines. Bytes with the empty line behind them, 0 if it is none. */
static size_t read_fields(const uint8_t *at, size_t left, long long *content_length, bool *closes, bool *streams) {
  size_t used = 0;
  for (;;) {
    const size_t line = line_length(at + used, left - used);
    if (line == 0) return 0;
    const char *field = (const char *)at + used;
    used += line;
    if (line == 2) return used;
    const char *colon = memchr(field, ':', line);
    if (!colon || colon == field || colon[1] != ' ') return 0;
    for (const char *c = field; c < colon; c++) if (!isalnum((unsigned char)*c) && *c != '-') return 0;
    if (strncasecmp(field, "Content-Length: ", 16) == 0) {
      if (*content_length >= 0) fail("two lengths");
      *content_length = strtoll(field + 16, NULL, 10);
    }
    if (strncasecmp(field, "Connection: close\r", 18) == 0) *closes = true;
    if (strncasecmp(field, "Connection: close, upgrade\r", 27) == 0) *closes = true;
    if (strncasecmp(field, "Content-Type: multipart/", 24) == 0) *streams = true;
  }
}

/* The parts of a stream, of which the last may be cut anywhere. */
static void check_stream(const uint8_t *at, size_t left) {
  while (left > 0) {
    const char *opening = "--frame\r\n";
    if (left < strlen(opening)) return;
    if (!begins(at, left, opening)) fail("no boundary between parts");
    at += strlen(opening);
    left -= strlen(opening);
    long long length = -1;
    bool ignored = false;
    const size_t head = read_fields(at, left, &length, &ignored, &ignored);
    if (head == 0 || length < 0) return;
    if (left < head + length + 2) return;
    if (memcmp(at + head + length, "\r\n", 2) != 0) fail("a part is longer than it says");
    at += head + length + 2;
    left -= head + length + 2;
  }
}

/* The frames of a WebSocket, of which the last may be cut anywhere. */
static void check_frames(const uint8_t *at, size_t left) {
  bool closed = false;
  while (left >= 2) {
    if (closed) fail("a frame behind the close");
    if (at[0] != 0x82 && at[0] != 0x88 && at[0] != 0x89 && at[0] != 0x8a) fail("not a frame");
    if (at[1] > 127) fail("a masked frame");
    closed = at[0] == 0x88;
    const size_t head = at[1] < 126 ? 2 : at[1] == 126 ? 4 : 10;
    if (left < head) return;
    size_t length = head == 2 ? at[1] : 0;
    for (size_t i = 2; i < head; i++) length = length << 8 | at[i];
    if (left < head + length) return;
    at += head + length;
    left -= head + length;
  }
}

static void check_answers(struct answer answer) {
  const uint8_t *at = answer.bytes;
  size_t left = answer.length;
  bool closes = false;
  while (left > 0) {
    if (closes) fail("bytes behind the last answer");
    const size_t line = line_length(at, left);
    if (line < 14 || !begins(at, left, "HTTP/1.1 ") || at[9] < '1' || at[9] > '5') fail("not a status line");
    const bool is_interim = at[9] == '1';
    const bool is_upgrade = begins(at, left, "HTTP/1.1 101");
    const bool is_empty = begins(at, left, "HTTP/1.1 204");
    const bool is_refusal = at[9] >= '4';
    at += line;
    left -= line;
    long long length = -1;
    bool streams = false;
    const size_t head = read_fields(at, left, &length, &closes, &streams);
    if (head == 0) fail("not a head");
    at += head;
    left -= head;
    if (is_refusal && !closes) fail("a refusal that does not close");
    if (is_upgrade) return check_frames(at, left);
    if (streams) return check_stream(at, left);
    if (is_interim || is_empty) continue;
    if (length < 0) fail("a body without a length");
    /* The answer to HEAD has a length and no body: no body of the camera's begins like the next answer. */
    if (left == 0 || begins(at, left, "HTTP/1.1 ")) continue;
    if ((unsigned long long)length > left) fail("a body that is cut short");
    at += length;
    left -= length;
  }
  if (closes && !answer.closed) fail("an answer that closes, and does not");
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  board_start(NULL);
  board_restore();
  const struct answer answer = board_talk((const uint8_t *)NEXT, sizeof NEXT - 1, WHOLE);
  if (answer.length < 15 || answer.length > sizeof next || memcmp(answer.bytes, "HTTP/1.1 200 OK", 15)) fail("no page");
  memcpy(next, answer.bytes, next_length = answer.length);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  board_restore();
  const struct answer once = board_talk(data, size, WHOLE);
  const struct answer first = {whole, once.length, once.closed};
  if (once.length > sizeof whole) fail("an endless answer");
  memcpy(whole, once.bytes, once.length);
  if (getenv("SHOW")) fprintf(stderr, "%.*s\n", (int)first.length, (const char *)whole);
  check_answers(first);
  const struct answer then = board_talk((const uint8_t *)NEXT, sizeof NEXT - 1, WHOLE);
  if (then.length != next_length || memcmp(then.bytes, next, next_length) != 0) fail("the next is told otherwise");

  board_restore();
  const struct answer cut = board_talk(data, size, size < 200 ? BYTES : PIECES);
  if (cut.length != first.length || memcmp(cut.bytes, whole, cut.length) != 0) fail("cut up, it is answered otherwise");
  if (cut.closed != first.closed) fail("cut up, the connection ends otherwise");
  return 0;
}
