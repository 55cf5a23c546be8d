/*
 * The camera as a fuzzer sees it: the module, translated to C by wasm2c so that clang can count which of its branches
 * an input reaches, on a board of a few lines. One client at a time talks to it. After each input all is as it was: the
 * module's memory is a private map of a snapshot, of which only what was written is thrown away.
 */
#ifndef BOARD_H
#define BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What a client got from its connection to its end. */
struct answer {
  const uint8_t *bytes;
  size_t length;
  /** Whether the camera has ended the connection by itself. */
  bool closed;
};

/** How a client's bytes reach the camera, and the camera's the client. */
enum way {
  /** As one piece each. */
  WHOLE,
  /** One byte at a time. */
  BYTES,
  /** In pieces of every size up to 40, the sizes taken from the bytes themselves. */
  PIECES,
};

/** Where a client connects to. */
enum door {
  /** The server. */
  HTTP,
  /** Where upstreams send their frames, if the camera's source is "push". */
  UPSTREAM,
};

/**
 * Starts the camera, lets it publish a frame, and keeps what it then is. Once, before all else. `source` is the
 * setting, NULL for a sensor; without a sensor no frame is published.
 */
void board_start(const char *source);

/** Makes the camera what it was then. */
void board_restore(void);

/**
 * Lets a client connect and say `length` bytes; when the camera has come to rest the answer is what was sent so far.
 * The client then leaves, and time passes, until the camera has forgotten it. Fails where it does not, or does not
 * rest. The answer's bytes are there until the next call.
 */
struct answer board_talk(const uint8_t *bytes, size_t length, enum way way);

/** The same at another door than the server's. */
struct answer board_talk_at(enum door door, const uint8_t *bytes, size_t length, enum way way);

/** The secret that lets a client change something. */
#define BOARD_SECRET "admin-of-the-tests"

#endif
