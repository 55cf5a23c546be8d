/**
 * What the stages need to know of each block: where it is, its component's tables, and what the component's last block
 * left behind.
 */

import {
  AC_CODES,
  BLOCKS,
  BLOCK_COMPONENTS,
  BLOCK_PLACES,
  COMPONENTS,
  COMPONENT_BYTES,
  DC_CODES,
  DC_TABLE_CODES,
  DC_VALUE_MAX,
  LOW,
  PAIR_BYTES,
  PAIR_SCALES,
  RUN_CODES,
  SCALES,
  SCALES_BYTES,
  TABLE_CODES,
  VALUE_MAX,
} from "./memory";

/** A component's record in COMPONENTS: five words. */
const SCALES_AT: usize = 0; // where its table in SCALES is
const AC_ORIGIN: usize = 4; // the place in CODES of an AC coefficient k of value 0 with k zeros before, less RUN_CODES
const DC_ORIGIN: usize = 8; // that of a DC difference of 0
const ZERO: usize = 12; // the DC coefficient of medium gray, before quantisation
const LAST_DC: usize = 16; // the DC coefficient of the component's last block, after it

/** A group has six blocks at most. */
const BLOCK_MASK: usize = 7;

/**
 * @param n which component
 * @param table LUMA or CHROMA
 * @param zero the DC coefficient of medium gray, before quantisation
 */
export function setComponent(n: i32, table: i32, zero: i32): void {
  const record = COMPONENTS + <usize>n * COMPONENT_BYTES;
  store<usize>(record, SCALES + <usize>table * SCALES_BYTES, SCALES_AT);
  store<i32>(record, AC_CODES + table * TABLE_CODES + VALUE_MAX + 1 - RUN_CODES, AC_ORIGIN);
  store<i32>(record, DC_CODES + table * DC_TABLE_CODES + DC_VALUE_MAX + 1, DC_ORIGIN);
  store<i32>(record, zero, ZERO);
}

/** Forgets what the component's last block left behind: a frame begins. */
export function resetComponent(n: i32): void {
  store<i32>(COMPONENTS + <usize>n * COMPONENT_BYTES, 0, LAST_DC);
}

/**
 * Says what block n of a group is, in the file's order.
 * @param pair which pair it is in
 * @param upper whether in the upper halves of its words
 */
export function setBlock(n: i32, component: i32, pair: i32, upper: bool): void {
  const record = COMPONENTS + <usize>component * COMPONENT_BYTES;
  const blocks = BLOCKS + <usize>pair * PAIR_BYTES;
  store<usize>(BLOCK_COMPONENTS + (<usize>n << 2), record);
  store<usize>(BLOCK_PLACES + (<usize>n << 2), blocks + (upper ? 2 : 0));
  store<usize>(blocks, load<usize>(record, SCALES_AT), PAIR_SCALES);
}

/** Where block n is, masked: in the lower halves of a pair's words, or in the upper ones. */
// @ts-ignore: decorator
@inline
export function placeOf(n: usize): usize {
  return load<usize>(BLOCK_PLACES + ((n & BLOCK_MASK) << 2)) & LOW;
}

/** The record of block n's component, masked. */
// @ts-ignore: decorator
@inline
export function componentOf(n: usize): usize {
  return load<usize>(BLOCK_COMPONENTS + ((n & BLOCK_MASK) << 2)) & LOW;
}

// @ts-ignore: decorator
@inline
export function scalesOf(component: usize): usize {
  return load<usize>(component, SCALES_AT) & LOW;
}

// @ts-ignore: decorator
@inline
export function acOriginOf(component: usize): i32 {
  return load<i32>(component, AC_ORIGIN);
}

// @ts-ignore: decorator
@inline
export function dcOriginOf(component: usize): i32 {
  return load<i32>(component, DC_ORIGIN);
}

/** LUMA or CHROMA. */
export function tableOf(component: usize): usize {
  return <usize>(load<i32>(component, DC_ORIGIN) > DC_CODES + DC_TABLE_CODES);
}

// @ts-ignore: decorator
@inline
export function zeroOf(component: usize): i32 {
  return load<i32>(component, ZERO);
}

/** Keeps the DC coefficient of a component's block and returns how much it differs from the one before. */
// @ts-ignore: decorator
@inline
export function dcDifference(component: usize, dc: i32): i32 {
  const last = load<i32>(component, LAST_DC);
  store<i32>(component, dc, LAST_DC);
  return dc - last;
}
