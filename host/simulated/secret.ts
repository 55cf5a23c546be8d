/**
 * What cameras in tests are known by: the admin secret that they start with unless a test says otherwise, and the name
 * that requests call them by.
 */

import { hashSecret } from "../secrets.ts";

export const ADMIN_SECRET = "admin-of-the-tests";

/** Few rounds and always the same salt: nothing here is worth guessing, and runs repeat. */
const ROUNDS = 10;

/** A secret's setting, the same each time. */
export function testHash(secret: string): string {
  return hashSecret(secret, ROUNDS, Buffer.alloc(16, secret));
}

/** The settings of a camera in a test, with those that the test gives; one that is "" is not set. */
export function testSettings(settings: Record<string, string>): Record<string, string> {
  const all = { admin_secret: testHash(ADMIN_SECRET), hosts: "camera,a", ...settings };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ""));
}

/** The header that shows a secret. */
export function bearer(secret: string): { Authorization: string } {
  return { Authorization: `Bearer ${secret}` };
}
