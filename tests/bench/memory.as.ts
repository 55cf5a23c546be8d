/** Hands out, compiled by itself, what `assembly/limits.ts` says, so that the benchmark need not repeat a number. */

export {
  BODY_BYTES_MAX,
  CONNECTIONS_MAX,
  FRAME_ARENA_BYTES,
  IN_BYTES,
  OUT_BYTES,
  SLOTS,
  SLOT_BYTES,
  VIEWERS_MAX,
} from "../../assembly/limits";
