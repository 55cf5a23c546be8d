/**
 * Secrets as the camera's settings hold them (assembly/security/secret.ts): for who starts a camera with known ones.
 */

import { pbkdf2Sync, randomBytes } from "node:crypto";

/** As many as the camera itself does for a new secret (SECRET_ROUNDS in assembly/limits.ts). */
const ROUNDS = 10_000;
const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** The setting for a secret: `rounds$salt$hash`. */
export function hashSecret(secret: string, rounds = ROUNDS, salt: Buffer = randomBytes(SALT_BYTES)): string {
  const hash = pbkdf2Sync(secret, salt, rounds, HASH_BYTES, "sha256");
  return `${rounds}$${salt.toString("hex")}$${hash.toString("hex")}`;
}
