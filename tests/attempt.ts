/** A request to a camera that may not listen yet, or be starting afresh: what is asked again until it is answered. */

/** Node 20's fetch has been seen to wait for ever where a connection was reset as soon as it stood. */
const PATIENCE_MS = 5000;

/** @returns undefined where nobody answers */
export async function attempt(url: string, init: RequestInit = {}): Promise<Response | undefined> {
  return fetch(url, { ...init, signal: AbortSignal.timeout(PATIENCE_MS) }).catch(() => undefined);
}
