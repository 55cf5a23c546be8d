/**
 * Every maximum of the camera, and the memory that they add up to. Nothing else in `assembly/` states a size.
 *
 * All of it is there at start, in places that the compiler lays out: asc refuses to compile what does not fit the
 * pages that `asconfig.json` gives (minimum = maximum, so nothing can grow).
 *
 *     holder                        board profile      how many x how large
 *     encoder's hot tables                 32,768      memoryBase in asconfig.json
 *     encoder's strip and tables     ~    130,000      jpeg/memory.ts
 *     frame buffers                     2,459,648      FRAME_ARENA_BYTES
 *     slots                             3,145,728      SLOTS x SLOT_BYTES
 *     connections                         106,496      CONNECTIONS_MAX x (IN_BYTES + OUT_BYTES + BODY_BYTES_MAX)
 *     requests' heads                      21,248      CONNECTIONS_MAX x (TARGET_BYTES_MAX + VALUES_BYTES + 24 + 24)
 *     upstreams                             7,056      UPSTREAMS_MAX x (IN_BYTES and a request's head)
 *     WebSocket viewers                    17,216      CONNECTIONS_MAX x (UNACKNOWLEDGED_MAX x 52 + some 240)
 *     another camera, pulled from   ~       7,000  relay/pull.ts, where that is the source
 *     pages, texts, tasks            ~     55,000
 *                                       ---------
 *                                     ~ 5.9 million    of 95 pages, 6,225,920 bytes
 */

/** Which column of numbers this module has: see `profile-server.ts`. */
// @ts-ignore: SERVER_PROFILE is there where that file is compiled in
const SERVER: bool = isDefined(SERVER_PROFILE);

// --- Frames

/** Pixels a row at most. */
export const WIDTH_MAX: u32 = 1280;
/** Rows of a frame at most. */
export const HEIGHT_MAX: u32 = 960;
/** Pixels a row, and rows, of a file that a camera makes by itself, at most: only its bytes take room. */
export const FILE_PIXELS_MAX: u32 = 4096;
/** Sizes and formats that a camera's frames may have: more are not offered. */
export const CAMERA_MODES_MAX: i32 = 64;
/** What a camera of the board's may have to set besides: more is not asked for. */
export const CAMERA_CONTROLS_MAX: i32 = 32;
/** Bytes that it takes in the answer of `/control`, at most: the rest of OUT_BYTES is for what else there is. */
export const CAMERA_CONTROLS_BYTES: u32 = 2400;
/** Bytes of the largest frame, at two bytes a pixel. */
export const FRAME_BYTES_MAX: u32 = WIDTH_MAX * HEIGHT_MAX * 2;
/**
 * Room before a frame's pixels: the file's header (629 bytes) is written there, so that it does not overtake the pixels
 * of a small frame; and the tables (420 bytes) that a sensor's own file may lack.
 */
export const JPEG_HEADROOM: u32 = 1024;
/**
 * The frame buffers' memory: two for frames up to half the largest (800x600), so that the sensor fills one while the
 * other is encoded; one for larger frames, which then take turns. A second one for those would cost the slots the
 * memory that their larger files need.
 */
export const FRAME_ARENA_BYTES: u32 = FRAME_BYTES_MAX + 2 * JPEG_HEADROOM;

// --- Viewers and connections

/** Viewers of the stream at once. */
export const VIEWERS_MAX: i32 = SERVER ? 256 : 8;
/** Snapshots on their way at once. */
export const SNAPSHOTS_MAX: i32 = SERVER ? 16 : 2;
/** Connections at once; those that viewers can't take stay free for the page, the state and snapshots. */
export const CONNECTIONS_MAX: i32 = SERVER ? 320 : 16;
/** Snapshots that may wait for a frame or a place. Two connections stay free of viewers and snapshots in any case. */
export const SNAPSHOTS_WAITING_MAX: i32 = CONNECTIONS_MAX - VIEWERS_MAX - SNAPSHOTS_MAX - 2;
/** Upstreams at once: the one whose frames are shown, and who would like to be. */
export const UPSTREAMS_MAX: i32 = 3;
/** Handles of sockets: all these, the listeners, those that the camera makes, and such as are only refused. */
export const HANDLES_MAX: i32 = CONNECTIONS_MAX + UPSTREAMS_MAX + 8;

// --- Slots

/** Frames that are kept at once. Whoever sends one holds it, so this is what lets capture never wait for a viewer. */
export const SLOTS: i32 =
  1 + // the newest
  1 + // being written
  VIEWERS_MAX + // each may still be sending an older one
  SNAPSHOTS_MAX; // and so may each of these
/** Bytes of a slot: a part's header, the JPEG file, and the boundary behind it. */
export const SLOT_BYTES: u32 = 256 * 1024;
/** Room for a part's header in front of the file. */
export const PART_HEAD_BYTES: u32 = 160;
/** Room for the boundary behind the file. */
export const PART_TAIL_BYTES: u32 = 16;
/** The largest file that a slot holds. */
export const JPEG_BYTES_MAX: u32 = SLOT_BYTES - PART_HEAD_BYTES - PART_TAIL_BYTES;

// --- HTTP

/** Bytes of a request that are received ahead of the parser. */
export const IN_BYTES: u32 = 1024;
/** Bytes of an answer's head, with its body where that is text. The longest are the controls and the state. */
export const OUT_BYTES: u32 = 4096 + <u32>VIEWERS_MAX * 64;
/** Bytes of the log that `/log` shows at most, in a slot that is lent for it. */
export const LOG_BYTES: u32 = 16 * 1024;
/** Bytes of a request's body, where a route takes one: 413 above. */
export const BODY_BYTES_MAX: u32 = 1024;
/** Bytes of a request's target (path and query): 414 above. */
export const TARGET_BYTES_MAX: u32 = 256;
/** Bytes of a header's value that are kept of those that matter to us: 431 above. */
export const VALUE_BYTES_MAX: u32 = 256;
/** Bytes of all values that are kept until the answer (host, origin, authorization) and of the one being read. */
export const VALUES_BYTES: u32 = 4 * VALUE_BYTES_MAX;
/** Bytes of a request's head: 431 above. */
export const HEAD_BYTES_MAX: u32 = 8192;

// --- Other cameras

/** Cameras that a list of those that are heard has at most: each takes up to 200 bytes of a slot. */
export const CAMERAS_MAX: i32 = 64;

// --- WebSocket

/** Bytes of a handshake's key: 16 in base64. */
export const WEBSOCKET_KEY_BYTES: u32 = 24;
/** Bytes of a message that a viewer sends, which is a number: more is refused with 1009. */
export const MESSAGE_BYTES_MAX: u32 = 64;
/** Frames that a viewer was sent and has not acknowledged: at 30 a second those of half a second. */
export const UNACKNOWLEDGED_MAX: i32 = 16;

// --- Relay

/** Bytes of a stream that are received, and then looked at, at once. */
export const RELAY_PIECE_BYTES: u32 = 32 * 1024;
/** An upstream is cut off when none of so many bytes belong to a file that is whole and fits. */
export const RELAY_WASTE_MAX: u32 = 8 * SLOT_BYTES;

// --- Secrets

/** Bytes of a setting's value. */
export const SETTING_BYTES: u32 = 256;
/** Bytes of a secret, at least and at most; a request shows it within VALUE_BYTES_MAX. */
export const SECRET_BYTES_MIN: u32 = 8;
export const SECRET_BYTES_MAX: u32 = 128;
/**
 * Rounds of a new secret's hash, of some 8,000 instructions each: a fifth of a second at 480 MHz, which whoever shows
 * it waits for once. And the most that a setting may ask for.
 */
export const SECRET_ROUNDS: u32 = 10_000;
export const SECRET_ROUNDS_MAX: u32 = 1_000_000;
/** Rounds that are done at once: some 400,000 instructions. */
export const SECRET_ROUNDS_PER_RUN: u32 = 50;
/** Wrong secrets from one address before no more are looked at until their minute is over. */
export const TRIES_MAX: u32 = 5;
/** Addresses that are told apart: of those who showed no right secret yet, and of those who did. */
export const STRANGERS_MAX: i32 = SERVER ? 256 : 24;
export const FRIENDS_MAX: i32 = SERVER ? 128 : 16;

// --- Hosts to which the camera connects

/** Bytes of a host's name (RFC 1035, 2.3.4, as text). */
export const HOST_BYTES_MAX: u32 = 253;
/** Bytes of the request for a stream: an address, twice in parts of it, and as much for what stands around. */
export const REQUEST_BYTES_MAX: u32 = 1024;
/** Bytes of the head of what is answered. */
export const ANSWER_BYTES_MAX: u32 = 4096;

// --- Times, in µs

export const SECOND: i64 = 1_000_000;
/** From a request's first byte to its head's end: 408 after it. */
export const HEAD_DEADLINE: i64 = 5 * SECOND;
/** From a head's end to its body's: 408 after it. */
export const BODY_DEADLINE: i64 = 10 * SECOND;
/** A connection on which nothing was asked is closed after this. */
export const IDLE_DEADLINE: i64 = 30 * SECOND;
/** A peer that takes no byte of what it asked for is cut after this. */
export const WRITE_DEADLINE: i64 = 10 * SECOND;
/** An answer that is under way for longer gives its place to whoever needs it, however steadily it is taken. */
export const ANSWER_GRACE: i64 = SECOND;
/** How long a snapshot may wait for capture to wake up before it gets the last frame, old as it is. */
export const SNAPSHOT_DEADLINE: i64 = 2 * SECOND;
/** How long it waits at most before it tries again to get one of the places for snapshots. */
export const SNAPSHOT_RETRY: i64 = SECOND / 100;
/** A snapshot on its way of which nothing was taken for so long gives its place to the next. */
export const SNAPSHOT_STALL: i64 = SECOND / 20;
/** A frame older than this is not "the newest" to a snapshot while capture can make a fresh one. */
export const SNAPSHOT_FRESH: i64 = SECOND;
/**
 * What a viewer by WebSocket owes an acknowledgement for when a further frame begins, it must be taking in this time:
 * the least and the most of what the path's round trip asks for. See `websocket/window.ts`.
 */
export const ACKNOWLEDGED_WITHIN_MIN: i64 = SECOND / 10;
export const ACKNOWLEDGED_WITHIN_MAX: i64 = SECOND / 5;
/** From one measurement of the round trip to the next, at least. */
export const PING_EVERY: i64 = SECOND;
/** The least round trip of this time, and of as long before, counts. */
export const ROUND_TRIP_PERIOD: i64 = 5 * SECOND;
/** Capture rests after this time in which nobody wanted a frame. */
export const REST_AFTER: i64 = 10 * SECOND;
/** The log tells that all viewers' places are taken no more often than this. */
export const TELL_FULL_EVERY: i64 = 60 * SECOND;
/** A sensor that delivers nothing for this long (and two frames' time) has stalled. */
export const STALL_DEADLINE: i64 = SECOND;
/** Pause before the sensor is asked again after a fault, doubled with each further one up to the longest. */
export const RETRY_PAUSE_MIN: i64 = SECOND / 10;
export const RETRY_PAUSE_MAX: i64 = 8 * SECOND;
/** A camera that is being made ready is asked again after this, if it does not tell before. */
export const READY_PAUSE: i64 = SECOND / 5;
/** From asking for a connection to its first byte. */
export const CONNECT_DEADLINE: i64 = 10 * SECOND;
/** A connection that was of use for so long works: the next failure is named again, and tried again soon. */
export const SETTLE_AFTER: i64 = SECOND;
/** A part of an upstream's stream must be whole in this time from its first byte. */
export const PART_DEADLINE: i64 = 30 * SECOND;
/** An upstream of which no whole frame came for so long gives its place to another one. */
export const UPSTREAM_SILENCE: i64 = 10 * SECOND;
/** A relay's newest frame is stale after this where no upstream is there, and after UPSTREAM_SILENCE where one is. */
export const STALE_AFTER: i64 = 3 * SECOND;
/** The log tells of upstreams that come and go, or are refused, no more often than this. */
export const TELL_UPSTREAM_EVERY: i64 = 5 * SECOND;
/** Wrong secrets are counted for this long. */
export const TRIES_WINDOW: i64 = 60 * SECOND;
