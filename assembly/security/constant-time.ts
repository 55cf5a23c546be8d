/** Comparisons whose time says nothing of where two texts differ. */

/** Whether `length` bytes at both places are the same: looks at each of them, whatever the ones before were. */
export function isSame(one: usize, other: usize, length: u32): bool {
  let difference: u32 = 0;
  for (let i: u32 = 0; i < length; i++) difference |= load<u8>(one + i) ^ load<u8>(other + i);
  return difference == 0;
}
