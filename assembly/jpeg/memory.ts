/**
 * The encoder's memory, on one page: where everything lies, in bytes, and why there.
 *
 * Two rules make WebAssembly's bounds checks cost nothing where it matters, without switching them off:
 *
 * - A constant address inside the module's smallest memory needs no check. What is hot therefore has a fixed place, and
 *   that place is below 4096, which one ARM load or store reaches from the memory's base without an extra instruction.
 *   asc leaves everything below `memoryBase` (asconfig.json) to us.
 * - A changing address is masked to {@link LOW} or {@link WINDOW}, after a call of {@link guard} in the same function.
 *   The guard is a checked access above everything that masked addresses reach; where it has passed, the compiler knows
 *   that a masked address is inside memory and drops the checks. In a smaller memory the guard itself traps.
 */

import { WIDTH_MAX } from "../limits";

// --- Below 4096

/** A pair of blocks between its columns' and its rows' transform: [row 0..7][column 0..7] words. */
export const COLUMNS: usize = 1792; // 256 bytes
/** COLUMNS and BLOCKS themselves: see `transform.ts`. */
export const COLUMNS_AT: usize = 384; // usize
export const BLOCKS_AT: usize = 388; // usize
/** The way out: see `entropy.ts`. */
export const PENDING_BITS: usize = 392; // u32: bits that are not a whole word yet, the last one lowest
export const PENDING_ROOM: usize = 396; // u32: how many more fit less one, 0..31, above ROOM_SHIFT
export const CODED_BYTES: usize = 400; // usize: of whole words in CODED
/** The components' records: see `components.ts`. */
export const COMPONENTS: usize = 416; // 3 x COMPONENT_BYTES
export const COMPONENT_BYTES: usize = 32;
/** For each block of a group, in the file's order: where it is, and its component's record. */
export const BLOCK_PLACES: usize = 576; // 8 x usize
export const BLOCK_COMPONENTS: usize = 608; // 8 x usize
/** Multipliers that are loaded rather than written as numbers, so that LLVM picks the multiplications meant here. */
export const MULTIPLIERS: usize = 640; // 128 bytes
/** For luma, then for chroma: reciprocals of the quantisation steps in zigzag order, and limits of rows. */
export const SCALES: usize = 768; // 2 x SCALES_BYTES
export const SCALES_BYTES: usize = 512;
export const ROW_LIMITS: usize = 256; // from a table's beginning: i32 for rows 4..7, see `transform.ts`
/**
 * One group of MCUs, in pairs of blocks: first samples, [column 0..7][row 0..7] words, then coefficients, [row
 * 0..7][column 0..7] words. A word has a value of the one block in its lower half, and of the other in its upper one.
 * Behind these are where the blocks' table in SCALES is, and whether they are quiet: see `transform.ts`.
 */
export const BLOCKS: usize = 2048; // up to 3 x PAIR_BYTES
export const PAIR_SCALES: usize = 256; // usize
export const PAIR_QUIET: usize = 260; // u32
export const PAIR_BYTES: usize = 264;
if (ASC_MEMORY_BASE < 4096) ERROR("the encoder's hot memory reaches to 4096: memoryBase must not be lower");

// --- Anywhere

/**
 * Codes with the bits of their values, u32 (`tables.ts`), RARE where there is none: for AC coefficients of luma, then
 * of chroma, by how many zeros are before (0..63) and by value; for differences of DC of luma, then of chroma, by
 * value.
 */
export const CODES: usize = memory.data(4 * (2 * 8192 + 2 * 512), 16);
export const CODES_COUNT: i32 = 2 * 8192 + 2 * 512;
/** Masked with this, a number is a place in CODES, or so near behind that it is in the encoder's window. */
export const CODES_MASK: i32 = 0x7fff;
/** Values -64 to 63. The outermost have no codes: they stand for those beyond, too. */
export const VALUE_MAX: i32 = 63;
export const RUN_CODES: i32 = 128;
/** Places in CODES: where the tables begin, and how many codes they have. */
export const AC_CODES: i32 = 0;
export const TABLE_CODES: i32 = 8192;
export const DC_CODES: i32 = 2 * 8192;
export const DC_TABLE_CODES: i32 = 512;
/** Differences of DC from -256 to 255, and again the outermost have no codes. */
export const DC_VALUE_MAX: i32 = 255;
/** Codes without values: for AC of luma, then of chroma, by zeros << 4 | size; for DC, by size. */
export const SYMBOLS: usize = memory.data(4 * (2 * 256 + 2 * 16), 16);
export const AC_SYMBOLS: i32 = 0;
export const DC_SYMBOLS: i32 = 512;
/** For luma, then for chroma: what the precise transform multiplies coefficients by, 8 rows of 8 f32. */
export const PRECISE_SCALES: usize = memory.data(2 * 256, 16);
export const PRECISE_SCALES_BYTES: usize = 256;
/**
 * The bits of one group in words, the first bit in the most significant place, with no stuffing yet: six blocks, each
 * of 22 bits of DC and 63 x 26 of AC at most, and what was pending.
 */
export const CODED: usize = memory.data(2048, 16);
export const CODED_MASK: usize = 2047;
/** The file's header before it is known to fit. */
export const HEADER: usize = memory.data(640, 16);
/** The pixels of one group, where they are not all there: see `window.ts`. */
export const PATCH: usize = memory.data(16 * 16 * 2, 16);
/** The pixels of one group as `precise.ts` has them. */
export const WIDE_PIXELS: usize = memory.data(16 * 16 * 4, 16);
/** Pixels of one row of MCUs that the file grows over, and always those of Bayer: see `window.ts`, `bayer.ts`. */
export const STRIP_BYTES: i32 = <i32>WIDTH_MAX * 16 * 2;
export const STRIP: usize = memory.data(STRIP_BYTES, 16);

// --- Masks

/** Masked with this, an address is in the hot memory. */
export const LOW: usize = 0xfff;
/** Masked with this, an address is in the first 4 MB, where frame buffers, their files and the above must be. */
export const WINDOW: usize = 0x3fffff;
/** What masked addresses reach, with the offsets that are added to them, lies below this. */
const TOP: usize = WINDOW + 0x10000;

/**
 * One checked access of each width at the end of what masked addresses reach. `moving` is any value that is not known
 * when compiling, since an access at a constant address would teach the compiler nothing.
 */
// @ts-ignore: decorator
@inline
export function guard(moving: usize): void {
  load<u8>((moving & 1) + TOP);
  load<u16>((moving & 1) + TOP);
  load<u32>((moving & 1) + TOP);
}
