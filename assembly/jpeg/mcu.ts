/**
 * One MCU (the blocks of all components that cover the same pixels): from samples to the file's bits.
 *
 * All that is hot meets here in one function, so that nothing is called for each block; `transform.ts` and `entropy.ts`
 * hold the parts.
 */

import { pack, quantisedDc, scan, scanUpperHalf } from "./entropy";
import {
  AC_CODES_BYTES,
  BLOCK_BYTES,
  COMPONENTS,
  COMPONENT_BYTES,
  LOW,
  SAMPLES,
  SCALES,
  SCALES_BYTES,
  guard,
} from "./memory";
import { transformPrecisely } from "./precise";
import { CHROMA, LUMA } from "./tables";
import { lowerHalfIsQuiet, transformColumns, transformLowerRows, transformUpperRows } from "./transform";

// A component's fields.
const SAMPLES_BYTES: usize = 0; // usize: of its blocks in an MCU
const SCALES_AT: usize = 4; // usize: its table in SCALES
const CODES_AT: usize = 8; // usize: where its table in AC_CODES begins
const ZERO: usize = 12; // i32: the DC coefficient, before quantisation, of medium gray
const PREDICTION: usize = 16; // i32: the last block's DC coefficient

/**
 * @param n which component
 * @param table LUMA or CHROMA
 * @param zero the DC coefficient, before quantisation, of medium gray
 */
export function setComponent(n: i32, blocks: i32, table: i32, zero: i32): void {
  const component = COMPONENTS + <usize>n * COMPONENT_BYTES;
  store<usize>(component + SAMPLES_BYTES, <usize>blocks * BLOCK_BYTES);
  store<usize>(component + SCALES_AT, SCALES + <usize>table * SCALES_BYTES);
  store<usize>(component + CODES_AT, <usize>table * AC_CODES_BYTES);
  store<i32>(component + ZERO, zero);
  store<i32>(component + PREDICTION, 0);
}

/**
 * Encodes SAMPLES.
 * @param components how many there are
 * @param precise whether SCALES are those of the precise transform
 */
export function encodeMcu(components: usize, precise: bool): void {
  guard(components);
  let block = SAMPLES;
  for (let n: usize = 0; n < components; n++) {
    const component = COMPONENTS + (n & 3) * COMPONENT_BYTES;
    const scales = load<usize>(component, SCALES_AT) & LOW;
    const codes = load<usize>(component, CODES_AT) & AC_CODES_BYTES;
    for (const end = block + load<usize>(component, SAMPLES_BYTES); block < end; block += BLOCK_BYTES) {
      let quiet = false;
      let zero = load<i32>(component, ZERO);
      if (precise) {
        transformPrecisely(block, codes == 0 ? LUMA : CHROMA, zero);
        zero = 0;
      } else {
        transformColumns(block & LOW);
        transformUpperRows();
        quiet = lowerHalfIsQuiet(scales);
        if (!quiet) transformLowerRows();
      }
      const list = quiet ? scanUpperHalf(scales) : scan(scales);
      const dc = quantisedDc(scales, zero);
      const difference = dc - load<i32>(component, PREDICTION);
      store<i32>(component, dc, PREDICTION);
      pack(difference, list, scales, codes);
    }
  }
}
