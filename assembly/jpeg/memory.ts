/**
 * The encoder's memory, on one page: where everything lies, in bytes, and why there.
 *
 * Two rules make WebAssembly's bounds checks cost nothing where it matters, without switching them off:
 *
 * - A constant address inside the module's smallest memory needs no check. What is hot therefore has a fixed place, and
 *   that place is below 4096, which one ARM load or store reaches from the memory's base without an extra instruction.
 *   asc leaves everything below `memoryBase` (asconfig.json) to us.
 * - A changing address is masked to {@link LOW} or {@link WINDOW}, after one call of {@link guard} in the same function.
 *   The guard is a checked access above everything that masked addresses reach; where it has passed, the compiler knows
 *   that a masked address is inside memory and drops the checks. In a smaller memory the guard itself traps.
 */

import { WIDTH_MAX } from "../limits";

// --- Below 4096

/** A block after its columns' transform: [pair of columns 0..3][row 0..7] words. */
export const COLUMNS: usize = 256; // 128 bytes
/** A block after its rows' transform: [pair of rows 0..3][column 0..7] words, the upper row in the lower half. */
export const COEFFICIENTS: usize = 384; // 128 bytes
/** Multipliers that are loaded rather than written as numbers, so that LLVM picks the multiplications meant here. */
export const MULTIPLIERS: usize = 512; // 64 bytes
/** The bits' way out: see `entropy.ts`. */
export const OUT_AT: usize = 576; // usize: where the file's next bytes go
export const BITS: usize = 580; // u32: bits that are not a whole word yet, in the lower end
export const BITS_FREE: usize = 584; // i32: how many more fit, 1..32
/** For each component, what its blocks need: see `encoder.ts`. */
export const COMPONENTS: usize = 640; // 3 x COMPONENT_BYTES
export const COMPONENT_BYTES: usize = 32;
/** For luma, then for chroma: reciprocals of the quantisation steps in zigzag order, and the DC differences' codes. */
export const SCALES: usize = 768; // 2 x SCALES_BYTES
export const SCALES_BYTES: usize = 512;
export const DC_CODES: usize = 256; // from a table's beginning: u32 codes by size 0..11
export const ROW_LIMITS: usize = 320; // from a table's beginning: i32 for rows 4..7, see `transform.ts`
/** The coefficients of one block that are not zero: see `entropy.ts`. */
export const NONZERO: usize = 1792; // 64 x u16
/** The samples of one MCU, block after block: [pair of columns 0..3][row 0..7] words, see `colour.ts`. */
export const SAMPLES: usize = 2048; // up to 6 x BLOCK_BYTES
export const BLOCK_BYTES: usize = 128;
/** The pixels of one MCU, where they are not all there: see `window.ts`. */
export const PATCH: usize = 2816; // 16 x 16 x 2 bytes
export const HOT_END: usize = 3328;

if (ASC_MEMORY_BASE < 4096) ERROR("the encoder's hot memory reaches to 4096: memoryBase must not be lower");

// --- Anywhere

/** Codes of AC coefficients, for luma, then for chroma: [zeros before it 0..62][value -32..31] u32, see `entropy.ts`. */
export const AC_CODES: usize = memory.data(2 * 16384, 16);
export const AC_CODES_BYTES: usize = 16384;
/** Codes of AC coefficients without values, for luma, then for chroma: [zeros << 4 | size] u32. */
export const AC_SYMBOLS: usize = memory.data(2 * 1024, 16);
export const AC_SYMBOLS_BYTES: usize = 1024;
/** For luma, then for chroma: what the precise transform multiplies coefficients by, 8 rows of 8 f32. */
export const PRECISE_SCALES: usize = memory.data(2 * 256, 16);
export const PRECISE_SCALES_BYTES: usize = 256;
/** Pixels of one row of MCUs that the file grows over: see `window.ts`. */
export const STRIP: usize = memory.data(<i32>WIDTH_MAX * 16 * 2, 16);
/** Bytes that may not fit the file, the header or those of one MCU: see `encoder.ts`. */
export const OVERFLOW_BYTES: usize = 3072;
export const OVERFLOW_AREA: usize = memory.data(3072, 16);

// --- Masks

/** Masked with this, an address is in the hot memory. */
export const LOW: usize = 0xfff;
/** Masked with this, an address is in the first 4 MB, where frame buffers, their files and the strip must be. */
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
