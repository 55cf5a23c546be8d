/** SHA-256, SHA-1, HMAC and PBKDF2 against the vectors of NIST's FIPS 180 examples, RFC 4231 and RFC 7914. */

import { Hmac } from "../security/hmac";
import { Derivation } from "../security/pbkdf2";
import { SHA1_BYTES, sha1To } from "../security/sha1";
import { HASH_BYTES, Sha256 } from "../security/sha256";

const result: usize = memory.data(32);
const input: usize = memory.data(4096);

function put(text: string): u32 {
  for (let i = 0; i < text.length; i++) store<u8>(input + i, text.charCodeAt(i));
  return text.length;
}

function hex(bytes: u32 = HASH_BYTES): string {
  let text = "";
  for (let i: u32 = 0; i < bytes; i++) text += (<u32>load<u8>(result + i) + 0x100).toString(16).slice(1);
  return text;
}

function sha(text: string): string {
  new Sha256().begin().add(input, put(text)).endTo(result);
  return hex();
}

function sha1(text: string): string {
  sha1To(result, input, put(text));
  return hex(SHA1_BYTES);
}

function mac(key: string, message: string): string {
  const keyBytes = put(key);
  const at = input + keyBytes;
  for (let i = 0; i < message.length; i++) store<u8>(at + i, message.charCodeAt(i));
  new Hmac().codeTo(result, input, keyBytes, at, message.length);
  return hex();
}

describe("SHA-256", () => {
  it("of the examples of FIPS 180", () => {
    expect(sha("")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect(sha("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(sha("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")).toBe(
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    );
  });

  it("of a million letters a", () => {
    const hash = new Sha256().begin();
    for (let i = 0; i < 1_000_000; i++) hash.addByte(0x61);
    hash.endTo(result);
    expect(hex()).toBe("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  });
});

describe("SHA-1", () => {
  it("of the examples of FIPS 180", () => {
    expect(sha1("")).toBe("da39a3ee5e6b4b0d3255bfef95601890afd80709");
    expect(sha1("abc")).toBe("a9993e364706816aba3e25717850c26c9cd0d89d");
    expect(sha1("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")).toBe(
      "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
    );
  });

  it("of a million letters a", () => {
    const letters = heap.alloc(1_000_000);
    memory.fill(letters, 0x61, 1_000_000);
    sha1To(result, letters, 1_000_000);
    expect(hex(SHA1_BYTES)).toBe("34aa973cd4c4daa4f61eeb2bdbad27316534016f");
  });

  it("of every length about a block's, as node:crypto has them", () => {
    let all = "";
    for (let length = 54; length < 66; length++) all += sha1("x".repeat(length));
    expect(sha1(all)).toBe("aa9f09e2c620cc6547f59e482b5dd374d6bf12c8");
  });
});

describe("HMAC-SHA-256", () => {
  it("of RFC 4231", () => {
    expect(mac("\x0b".repeat(20), "Hi There")).toBe("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    expect(mac("Jefe", "what do ya want for nothing?")).toBe(
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    );
    expect(mac("\xaa".repeat(131), "Test Using Larger Than Block-Size Key - Hash Key First")).toBe(
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    );
  });

  it("of a hash again is that of its bytes", () => {
    const hmac = new Hmac();
    hmac.setKey(input, put("key"));
    hmac.begin();
    hmac.add(input, put("message"));
    const words = heap.alloc(HASH_BYTES);
    hmac.end(words);
    hmac.again(words);
    // As node:crypto has its first word: HMAC("key", HMAC("key", "message")).
    expect(load<u32>(words)).toBe(0x9f5fb349);
  });
});

describe("PBKDF2-HMAC-SHA-256", () => {
  it("of RFC 7914, section 11, in slices of any size", () => {
    const derivation = new Derivation();
    for (let slice: u32 = 1; slice < 5; slice++) {
      put("passwdsalt");
      derivation.begin(input, 6, input + 6, 4, 1);
      expect(derivation.work(slice)).toBe(true);
      derivation.copyTo(result);
      expect(hex()).toBe("55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc");
    }
    put("PasswordNaCl");
    derivation.begin(input, 8, input + 8, 4, 80000);
    let slices = 1;
    while (!derivation.work(777)) slices++;
    expect(slices).toBe(103);
    derivation.copyTo(result);
    expect(hex()).toBe("4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56");
  });
});
