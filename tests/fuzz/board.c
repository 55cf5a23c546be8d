/*
 * The imports of the module, and a client. See board.h for what it is for.
 *
 * Time stands still while a client talks, so that the same bytes get the same answer however they are cut.
 */
#define _GNU_SOURCE
#include "board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime.h"
#include "wasmcam.h"

/* assembly/board.ts */
enum { AGAIN = -1, CLOSED = -2, END = -3, REFUSED = -4, MISSING = -6 };
enum { READABLE = 1, WRITABLE = 2 };
enum { SENSOR = 0, CLIENT = 1, LISTENERS = 2 };
/* Listeners have the handles from LISTENERS on, by their doors. */
enum { DOORS = UPSTREAM + 1, HTTP_PORT = 80 };

/* BOARD_SECRET, as host/secrets.ts hashes it with so few rounds that trying it costs next to nothing. */
#define SECRET_HASH \
  "10$61646d696e2d6f662d7468652d746573$" \
  "6b77771dc0888f5abe93ed4b0f9af841af7aee2a98768ac2ad49e3eb65b1ab57"

#define MILLISECOND 1000
#define SECOND (1000 * MILLISECOND)
/* A step more is a camera that does not come to rest: a busy one takes a few for each byte and each deadline. */
#define STEPS_MAX 200000
#define ANSWER_MAX (4 * 1024 * 1024)
/* All deadlines of a client that has left are over by then. */
#define FORGOTTEN_AFTER (60LL * SECOND)

enum client { NOBODY, WAITING, CONNECTED, GONE };

/* All that changes, but for the module's own. */
static struct {
  int64_t now;
  uint32_t random;
  bool listening[DOORS];
  enum client client;
  /* The one at which the client is. */
  enum door door;
  bool client_ended;
  /* What of the client's bytes has arrived, and what of that was read. */
  const uint8_t *bytes;
  size_t arrived, read;
  /* Most bytes that the client takes at once, and takes until it is asked again. */
  size_t take_max, room;
  bool wants_bytes, wants_room, wants_client[DOORS];
  uint32_t frame_at, frame_length;
  int64_t frame_due;
  int frames;
} board, board_kept;

/* The setting `source`, NULL where there is none. */
static const char *source;
static Z_wasmcam_instance_t camera, camera_kept;
static uint8_t answer[ANSWER_MAX];
static size_t answer_length;

/* --- The imports */

typedef struct Z_board_instance_t *Board;

/* The module's bytes, which it may only name where it has them. */
static uint8_t *at(uint32_t address, uint32_t length) {
  if ((uint64_t)address + length > camera.w2c_memory.size) fail("an import was given an address out of bounds");
  return camera.w2c_memory.data + address;
}

static uint32_t put(const char *text, uint32_t address, uint32_t length) {
  const size_t count = strlen(text);
  uint8_t *to = at(address, length);
  if (count > length) return REFUSED;
  memcpy(to, text, count);
  return count;
}

static void check_client(uint32_t socket) {
  if (socket != CLIENT || (board.client != CONNECTED && board.client != GONE)) fail("a socket that there is not");
}

static bool client_has_more(void) { return board.read < board.arrived || board.client_ended; }

u32 Z_boardZ_events(Board self, u32 address, u32 length) {
  (void)self;
  uint8_t *to = at(address, length);
  uint32_t count = 0;
  uint32_t words[3];
  if (board.wants_client[board.door] && board.client == WAITING) {
    words[count++] = (LISTENERS + board.door) << 8 | READABLE;
    board.wants_client[board.door] = false;
  }
  uint32_t client = 0;
  if (board.wants_bytes && client_has_more()) client |= READABLE;
  if (board.wants_room && board.room > 0) client |= WRITABLE;
  if (board.client == CONNECTED && client) {
    words[count++] = CLIENT << 8 | client;
    if (client & READABLE) board.wants_bytes = false;
    if (client & WRITABLE) board.wants_room = false;
  }
  if (board.frame_due && board.frame_due <= board.now) words[count++] = SENSOR << 8 | READABLE;
  if (count * 4 > length) fail("no room for three events");
  memcpy(to, words, count * 4);
  return count;
}

u32 Z_boardZ_tcpListen(Board self, u32 port) {
  (void)self;
  const enum door door = port == HTTP_PORT ? HTTP : UPSTREAM;
  if (board.listening[door]) return REFUSED;
  board.listening[door] = true;
  board.wants_client[door] = true;
  return LISTENERS + door;
}

u32 Z_boardZ_tcpAccept(Board self, u32 listener) {
  (void)self;
  const u32 door = listener - LISTENERS;
  if (door >= DOORS || !board.listening[door]) fail("accept of what does not listen");
  if (board.client != WAITING || board.door != door) {
    board.wants_client[door] = true;
    return AGAIN;
  }
  board.client = CONNECTED;
  return CLIENT;
}

/* No setting names a host to connect to. */
u32 Z_boardZ_tcpConnect(Board self, u32 name, u32 length, u32 port) {
  (void)self, (void)port;
  at(name, length);
  fail("a connection that nobody asked for");
  return REFUSED;
}

u32 Z_boardZ_tcpPeer(Board self, u32 socket, u32 address, u32 length) {
  (void)self;
  check_client(socket);
  uint8_t *to = at(address, length);
  if (length < 4) return REFUSED;
  memcpy(to, "\x0a\x00\x00\x01", 4);
  return 4;
}

u32 Z_boardZ_tcpReceive(Board self, u32 socket, u32 address, u32 length) {
  (void)self;
  check_client(socket);
  uint8_t *to = at(address, length);
  const size_t left = board.arrived - board.read;
  if (left == 0 && board.client_ended) return END;
  const size_t count = left < length ? left : length;
  memcpy(to, board.bytes + board.read, count);
  board.read += count;
  if (count < length) board.wants_bytes = true;
  return count > 0 ? count : (u32)AGAIN;
}

u32 Z_boardZ_tcpSend(Board self, u32 socket, u32 address, u32 length) {
  (void)self;
  check_client(socket);
  const uint8_t *from = at(address, length);
  size_t count = length < board.room ? length : board.room;
  if (answer_length + count > ANSWER_MAX) fail("an endless answer");
  memcpy(answer + answer_length, from, count);
  answer_length += count;
  board.room -= count;
  if (count < length) board.wants_room = true;
  return count > 0 ? count : (u32)AGAIN;
}

void Z_boardZ_tcpClose(Board self, u32 socket, u32 how) {
  (void)self;
  check_client(socket);
  if (how > 1) fail("a close in an unknown way");
  board.client = NOBODY;
}

u32 Z_boardZ_random(Board self, u32 address, u32 length) {
  (void)self;
  uint8_t *to = at(address, length);
  for (u32 i = 0; i < length; i++) to[i] = (board.random = board.random * 1664525 + 1013904223) >> 24;
  return 0;
}

u32 Z_boardZ_sensorLines(Board self, u32 power, u32 reset, u32 clock) {
  (void)self, (void)power, (void)reset, (void)clock;
  return MISSING;
}

u32 Z_boardZ_busTransfer(Board self, u32 device, u32 write, u32 writes, u32 read, u32 reads) {
  (void)self, (void)device;
  at(write, writes);
  at(read, reads);
  return MISSING;
}

u32 Z_boardZ_softSensorSet(Board self, u32 width, u32 height, u32 format, u32 interval) {
  (void)self, (void)format, (void)interval;
  return width > 0 && height > 0 ? 0 : REFUSED;
}

u32 Z_boardZ_captureStart(Board self, u32 address, u32 length) {
  (void)self;
  at(address, length);
  board.frame_at = address;
  board.frame_length = length;
  board.frame_due = board.frames > 0 ? board.now + 33 * MILLISECOND : 0;
  return 0;
}

u32 Z_boardZ_capturePoll(Board self, u32 address, u32 length) {
  (void)self;
  uint8_t *to = at(address, length);
  if (board.frame_due == 0 || board.frame_due > board.now) return AGAIN;
  board.frame_due = 0;
  board.frames--;
  memset(at(board.frame_at, board.frame_length), 0x5a, board.frame_length);
  memcpy(to, &board.now, 8);
  return board.frame_length;
}

void Z_boardZ_captureStop(Board self) {
  (void)self;
  board.frame_due = 0;
}

u32 Z_boardZ_settingGet(Board self, u32 name, u32 name_length, u32 address, u32 length) {
  (void)self;
  static const char *const settings[][2] = {{"size", "16x16"}, {"hosts", "camera,a"}, {"admin_secret", SECRET_HASH}};
  const char *asked = (const char *)at(name, name_length);
  if (source && name_length == 6 && memcmp(asked, "source", 6) == 0) return put(source, address, length);
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
    if (strlen(settings[i][0]) != name_length || memcmp(asked, settings[i][0], name_length) != 0) continue;
    return put(settings[i][1], address, length);
  }
  at(address, length);
  return MISSING;
}

/* Alone: there are no other cameras. */
u32 Z_boardZ_frameOut(Board self, u32 file, u32 length, u32 sequence, u32 age, u32 size) {
  (void)self, (void)sequence, (void)age, (void)size;
  at(file, length);
  return MISSING;
}

u32 Z_boardZ_cameraAt(Board self, u32 index, u32 address, u32 length) {
  (void)self, (void)index;
  at(address, length);
  return MISSING;
}

u32 Z_boardZ_cameraFile(Board self, u32 name, u32 name_length, u32 address, u32 length) {
  (void)self;
  at(name, name_length);
  at(address, length);
  return MISSING;
}

u32 Z_boardZ_settingPut(Board self, u32 name, u32 name_length, u32 value, u32 value_length) {
  (void)self;
  at(name, name_length);
  at(value, value_length);
  return 0;
}

u32 Z_boardZ_identify(Board self, u32 what, u32 address, u32 length) {
  (void)self;
  return put(what == 0 ? "fuzzed" : "", address, length);
}

u32 Z_boardZ_logRead(Board self, u32 address, u32 length) {
  (void)self;
  return put("0.000000 INFO nothing happened\n", address, length);
}

void Z_boardZ_log(Board self, u32 level, u32 address, u32 length) {
  (void)self;
  const char *text = (const char *)at(address, length);
  if (getenv("SHOW")) fprintf(stderr, "log %u: %.*s\n", level, (int)length, text);
}

/* --- A client */

/* Runs the camera until nothing is left to do at this moment. */
static void rest(void) {
  for (int steps = 0;; steps++) {
    if (steps == STEPS_MAX) fail("the camera does not come to rest");
    const int64_t due = (int64_t)Z_wasmcamZ_step(&camera, board.now);
    const bool has_event = (board.wants_client[board.door] && board.client == WAITING) ||
                           (board.client == CONNECTED && board.wants_bytes && client_has_more());
    if (board.room == 0 && board.wants_room) board.room = board.take_max;
    else if (due > board.now && !has_event) return;
  }
}

/* Lets time pass: to each moment at which the camera or the sensor has something to do, up to `end`. */
static void pass(int64_t end, bool until_forgotten) {
  while (board.now < end && !(until_forgotten && board.client == NOBODY)) {
    int64_t due = (int64_t)Z_wasmcamZ_step(&camera, board.now);
    if (board.frame_due && board.frame_due < due) due = board.frame_due;
    board.now = due > end ? end : due > board.now ? due : board.now + 1;
    rest();
  }
}

static void check_picture(void) {
  static const char hello[] = "GET /snapshot.jpg HTTP/1.1\r\nHost: camera\r\n\r\n";
  const struct answer picture = board_talk((const uint8_t *)hello, sizeof hello - 1, WHOLE);
  if (picture.length < 12 || memcmp(picture.bytes, "HTTP/1.1 200", 12) != 0) fail("the camera has no picture at first");
}

void board_start(const char *from) {
  source = from;
  board.random = 1;
  board.frames = 1000;
  Z_wasmcam_init_module();
  Z_wasmcam_instantiate(&camera, NULL);
  Z_wasmcamZ_begin(&camera);
  pass(2 * SECOND, false);

  if (!source) check_picture();
  static const char change[] =
      "POST /control HTTP/1.1\r\nHost: camera\r\nAuthorization: Bearer " BOARD_SECRET "\r\n\r\n";
  const struct answer controls = board_talk((const uint8_t *)change, sizeof change - 1, WHOLE);
  if (controls.length < 12 || memcmp(controls.bytes, "HTTP/1.1 200", 12) != 0) fail("the secret is of no use");
  /* No frame comes from here on: a camera's time stands still while a client talks, and frames take time. */
  pass(board.now + 100 * MILLISECOND, false);
  board.frames = 0;
  board.frame_due = 0;

  /* From here on the memory is a private map of what it is now. */
  wasm_rt_memory_t *memory = &camera.w2c_memory;
  uint8_t *map = mmap(memory->data, memory->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, runtime_memory, 0);
  if (map != memory->data) fail("no private map of the snapshot");
  board_kept = board;
  camera_kept = camera;
}

void board_restore(void) {
  madvise(camera.w2c_memory.data, camera.w2c_memory.size, MADV_DONTNEED);
  board = board_kept;
  camera = camera_kept;
}

struct answer board_talk(const uint8_t *bytes, size_t length, enum way way) {
  return board_talk_at(HTTP, bytes, length, way);
}

struct answer board_talk_at(enum door door, const uint8_t *bytes, size_t length, enum way way) {
  answer_length = 0;
  board.door = door;
  board.bytes = bytes;
  board.arrived = 0;
  board.read = 0;
  board.client = WAITING;
  board.client_ended = false;
  board.wants_bytes = false;
  board.wants_room = false;
  uint32_t chance = 2166136261u;
  for (size_t i = 0; i < length; i++) chance = (chance ^ bytes[i]) * 16777619u;
  while (board.arrived < length) {
    chance = chance * 1664525 + 1013904223;
    const size_t left = length - board.arrived;
    const size_t piece = way == WHOLE ? left : way == BYTES ? 1 : 1 + (chance >> 16) % 40;
    /* An interim answer to an upstream is sent whole or not at all. */
    board.take_max = way == WHOLE ? ANSWER_MAX : (door == UPSTREAM ? 100 : 1) + (chance >> 8) % 1500;
    board.room = board.take_max;
    board.arrived += piece < left ? piece : left;
    rest();
  }
  const struct answer said = {answer, answer_length, board.client == NOBODY};

  /* The client leaves, and is forgotten. What it is still sent is no part of the answer. */
  board.client_ended = true;
  board.room = board.take_max = ANSWER_MAX;
  pass(board.now + FORGOTTEN_AFTER, true);
  if (board.client != NOBODY) fail("a client that has left is not forgotten");
  return said;
}
