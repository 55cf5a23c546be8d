/**
 * Compiled beside `index.ts`, this makes the module of the profile `server`: the larger numbers of `limits.ts`, for
 * machines that have the memory. Without it they are those of the profile `board`.
 */

// @ts-ignore: decorator
@global const SERVER_PROFILE: bool = true;
