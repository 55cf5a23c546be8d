/** The request parser: each head read whole, and byte by byte, with the same outcome. */

import { Method, Outcome, Parser } from "../http/parser";
import { BODY_BYTES_MAX, HEAD_BYTES_MAX, TARGET_BYTES_MAX } from "../limits";

let parser: Parser = new Parser();
/** How many bytes of the last head were read. */
let used: u32 = 0;

/** Reads `text` cut into pieces of `step` bytes. */
function readIn(text: string, step: u32): Outcome {
  const bytes = String.UTF8.encode(text);
  const at = changetype<usize>(bytes);
  const length = <u32>bytes.byteLength;
  parser.begin();
  used = 0;
  while (used < length && parser.outcome == Outcome.MORE) used += parser.read(at + used, min(step, length - used));
  return parser.outcome;
}

/** Reads `text` whole and in every small cut, which has to come to the same. */
function read(text: string): Outcome {
  const cut = readIn(text, 1);
  const usedCut = used;
  for (let step: u32 = 2; step < 8; step++) {
    assert(readIn(text, step) == cut, "cut differently, the outcome differs");
  }
  const whole = readIn(text, u32.MAX_VALUE);
  assert(whole == cut && used == usedCut, "cut or whole, the outcome differs");
  return whole;
}

/** What the parser has kept. */
function text(at: usize, length: u32): string {
  return String.UTF8.decodeUnsafe(at, length);
}

const HOST = "Host: camera\r\n\r\n";

function get(target: string): Outcome {
  return read("GET " + target + " HTTP/1.1\r\n" + HOST);
}

function field(line: string): Outcome {
  return read("GET / HTTP/1.1\r\n" + line + "\r\n" + HOST);
}

describe("a request's head", () => {
  it("is read up to its end and no further", () => {
    expect(read("GET / HTTP/1.1\r\n" + HOST + "GET /next")).toBe(Outcome.DONE);
    expect(used).toBe(32);
    expect(parser.method).toBe(Method.GET);
    expect(parser.pathIs("/")).toBeTruthy();
    expect(parser.keepAlive).toBeTruthy();
    expect(parser.acceptsGzip).toBeFalsy();
    expect(parser.bodyBytes).toBe(0);
  });

  it("may follow empty lines", () => {
    expect(read("\r\n\r\nHEAD /state HTTP/1.1\r\n" + HOST)).toBe(Outcome.DONE);
    expect(parser.method).toBe(Method.HEAD);
    expect(parser.pathIs("/state")).toBeTruthy();
  });

  it("is not whole before its empty line", () => {
    expect(read("GET / HTTP/1.1\r\nHost: camera\r\n")).toBe(Outcome.MORE);
    expect(read("GET / HTTP/1.1\r\nHost: camera\r\n\r")).toBe(Outcome.MORE);
    expect(read("")).toBe(Outcome.MORE);
    expect(parser.isIdle).toBeTruthy();
  });

  it("has a method that is a token, and target and version after one space each", () => {
    expect(read("BREW / HTTP/1.1\r\n" + HOST)).toBe(Outcome.DONE);
    expect(parser.method).toBe(Method.OTHER);
    expect(read("GETTINGVERYVERYLONGFORAMETHOD / HTTP/1.1\r\n" + HOST)).toBe(Outcome.DONE);
    expect(parser.method).toBe(Method.OTHER);
    expect(read(" GET / HTTP/1.1\r\n" + HOST)).toBe(Outcome.MALFORMED);
    expect(read("GET  / HTTP/1.1\r\n" + HOST)).toBe(Outcome.MALFORMED);
    expect(read("GET /  HTTP/1.1\r\n" + HOST)).toBe(Outcome.MALFORMED);
    expect(read("G(T / HTTP/1.1\r\n" + HOST)).toBe(Outcome.MALFORMED);
    expect(read("GET\t/ HTTP/1.1\r\n" + HOST)).toBe(Outcome.MALFORMED);
  });

  it("speaks HTTP/1", () => {
    expect(read("GET / HTTP/1.0\r\n\r\n")).toBe(Outcome.DONE);
    expect(parser.keepAlive).toBeFalsy();
    expect(read("GET / HTTP/2.0\r\n" + HOST)).toBe(Outcome.VERSION_UNKNOWN);
    expect(read("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")).toBe(Outcome.VERSION_UNKNOWN);
    expect(read("GET / http/1.1\r\n" + HOST)).toBe(Outcome.MALFORMED);
    expect(read("GET / HTTP/1.10\r\n" + HOST)).toBe(Outcome.MALFORMED);
    expect(read("GET / HTTP/11\r\n" + HOST)).toBe(Outcome.MALFORMED);
    expect(read("GET /\r\n")).toBe(Outcome.MALFORMED);
  });

  it("ends its lines with CR LF, both", () => {
    expect(read("GET / HTTP/1.1\nHost: camera\n\n")).toBe(Outcome.MALFORMED);
    expect(read("GET / HTTP/1.1\rHost: camera\r\n\r\n")).toBe(Outcome.MALFORMED);
    expect(read("GET / HTTP/1.1\r\nHost: camera\n\r\n")).toBe(Outcome.MALFORMED);
    expect(read("GET / HTTP/1.1\r\nHost: cam\rera\r\n\r\n")).toBe(Outcome.MALFORMED);
    expect(read("\nGET / HTTP/1.1\r\n" + HOST)).toBe(Outcome.MALFORMED);
  });

  it("has fields that are not folded, with the colon at the name", () => {
    expect(field("A : b")).toBe(Outcome.MALFORMED);
    expect(field("A: b\r\n c")).toBe(Outcome.MALFORMED);
    expect(field(": b")).toBe(Outcome.MALFORMED);
    expect(field("A: b\0c")).toBe(Outcome.MALFORMED);
    expect(field("A:")).toBe(Outcome.DONE);
    expect(field("A:\t b c \t")).toBe(Outcome.DONE);
    expect(field("A: caf\u00e9")).toBe(Outcome.DONE);
  });

  it("names its host once", () => {
    expect(read("GET / HTTP/1.1\r\n\r\n")).toBe(Outcome.MALFORMED);
    expect(field("Host: other")).toBe(Outcome.MALFORMED);
    expect(field("Host: a b")).toBe(Outcome.MALFORMED);
    expect(read("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n")).toBe(Outcome.MALFORMED);
    const good = ["a", "camera.local:8080", "10.0.0.1", "[::1]", "[fe80::1]:80", "a:", "under_score"];
    for (let i = 0; i < good.length; i++) {
      expect(read("GET / HTTP/1.1\r\nHost: " + good[i] + "\r\n\r\n")).toBe(Outcome.DONE, good[i]);
    }
    const bad = ["", ":80", "a:b", "a:80:80", "a/b", "me@a", "a,b", "[::1", "[]", "[::g]", "a%20b", "\u00e9"];
    for (let i = 0; i < bad.length; i++) {
      expect(read("GET / HTTP/1.1\r\nHost: " + bad[i] + "\r\n\r\n")).toBe(Outcome.MALFORMED, bad[i]);
    }
  });
});

describe("a target", () => {
  it("is a path, decoded, and a query as it came", () => {
    expect(get("/%73tate?a=%31&b")).toBe(Outcome.DONE);
    expect(parser.pathIs("/state")).toBeTruthy();
    expect(parser.queryIs("a=%31&b")).toBeTruthy();
    expect(get("/?")).toBe(Outcome.DONE);
    expect(parser.queryIs("")).toBeTruthy();
  });

  it("may come with its host", () => {
    expect(get("http://camera:80/state?x")).toBe(Outcome.DONE);
    expect(parser.pathIs("/state")).toBeTruthy();
    expect(parser.queryIs("x")).toBeTruthy();
    expect(get("HTTP://camera")).toBe(Outcome.DONE);
    expect(parser.pathIs("/")).toBeTruthy();
    expect(get("http:///state")).toBe(Outcome.MALFORMED);
    expect(get("http://me@camera/state")).toBe(Outcome.MALFORMED);
    expect(get("https://camera/")).toBe(Outcome.MALFORMED);
  });

  it("is nothing else", () => {
    expect(get("state")).toBe(Outcome.MALFORMED);
    expect(get("*")).toBe(Outcome.MALFORMED);
    expect(read("OPTIONS * HTTP/1.1\r\n" + HOST)).toBe(Outcome.DONE);
    expect(read("OPTIONS *?a HTTP/1.1\r\n" + HOST)).toBe(Outcome.MALFORMED);
    expect(read("CONNECT camera:80 HTTP/1.1\r\n" + HOST)).toBe(Outcome.MALFORMED);
    expect(get("/%0")).toBe(Outcome.MALFORMED);
    expect(get("/%zz")).toBe(Outcome.MALFORMED);
    expect(get("/%00")).toBe(Outcome.MALFORMED);
    expect(get("/%0d%0aSet-Cookie")).toBe(Outcome.MALFORMED);
    expect(get("/control%2Fsave")).toBe(Outcome.MALFORMED);
    expect(get("/..%5cstate")).toBe(Outcome.MALFORMED);
    expect(get("/#top")).toBe(Outcome.MALFORMED);
    expect(get("/caf\u00e9")).toBe(Outcome.MALFORMED);
  });

  it("has its limit", () => {
    const most = <i32>TARGET_BYTES_MAX;
    expect(get("/" + "a".repeat(most - 1))).toBe(Outcome.DONE);
    expect(get("/" + "a".repeat(most))).toBe(Outcome.TARGET_TOO_LONG);
    expect(get("/?" + "a".repeat(most - 1))).toBe(Outcome.TARGET_TOO_LONG);
    expect(get("http://" + "a".repeat(most))).toBe(Outcome.TARGET_TOO_LONG);
    expect(get("/" + "%61".repeat(most))).toBe(Outcome.TARGET_TOO_LONG);
  });
});

describe("fields that matter", () => {
  it("say whether the connection goes on", () => {
    field("Connection: Close");
    expect(parser.keepAlive).toBeFalsy();
    field("connection: upgrade , close");
    expect(parser.keepAlive).toBeFalsy();
    field("Connection: closer");
    expect(parser.keepAlive).toBeTruthy();
    read("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    expect(parser.keepAlive).toBeTruthy();
    read("GET / HTTP/1.0\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n");
    expect(parser.keepAlive).toBeFalsy();
  });

  it("say whether gzip is understood", () => {
    field("Accept-Encoding: deflate, GZIP;q=0.5, br");
    expect(parser.acceptsGzip).toBeTruthy();
    field("Accept-Encoding: gzip;q=0, br");
    expect(parser.acceptsGzip).toBeFalsy();
    field("Accept-Encoding: gzip; q=0.000");
    expect(parser.acceptsGzip).toBeFalsy();
    field("Accept-Encoding: x-gzip");
    expect(parser.acceptsGzip).toBeFalsy();
  });

  it("say whether a body follows, without contradiction", () => {
    expect(field("Content-Length: 0")).toBe(Outcome.DONE);
    expect(parser.bodyBytes).toBe(0);
    expect(field("Content-Length: 0042")).toBe(Outcome.DONE);
    expect(parser.bodyBytes).toBe(42);
    expect(field("Content-Length: 99999999999999999999999")).toBe(Outcome.DONE);
    expect(parser.bodyBytes).toBeGreaterThan(BODY_BYTES_MAX);
    expect(field("Content-Length: +1")).toBe(Outcome.MALFORMED);
    expect(field("Content-Length: -0")).toBe(Outcome.MALFORMED);
    expect(field("Content-Length: 1 2")).toBe(Outcome.MALFORMED);
    expect(field("Content-Length: -1")).toBe(Outcome.MALFORMED);
    expect(field("Content-Length: 1, 1")).toBe(Outcome.MALFORMED);
    expect(field("Content-Length:")).toBe(Outcome.MALFORMED);
    expect(field("Content-Length: 3\r\nContent-Length: 3")).toBe(Outcome.MALFORMED);
    expect(field("Content-Length: 3\r\nTransfer-Encoding: chunked")).toBe(Outcome.MALFORMED);
  });

  it("name the body's coding, of which none is taken", () => {
    expect(field("Transfer-Encoding: Chunked")).toBe(Outcome.LENGTH_REQUIRED);
    expect(field("Transfer-Encoding: gzip , chunked")).toBe(Outcome.CODING_UNKNOWN);
    expect(field("Transfer-Encoding: a, ,b\r\nTransfer-Encoding: chunked")).toBe(Outcome.CODING_UNKNOWN);
    expect(field("Transfer-Encoding: chunked, gzip")).toBe(Outcome.MALFORMED);
    expect(field("Transfer-Encoding: chunked, chunked")).toBe(Outcome.MALFORMED);
    expect(field("Transfer-Encoding: gzip, chunked\r\nTransfer-Encoding: gzip")).toBe(Outcome.MALFORMED);
    expect(field("Transfer-Encoding: gzip")).toBe(Outcome.MALFORMED);
    expect(field("Transfer-Encoding: chunkedchunked")).toBe(Outcome.MALFORMED);
    expect(field("Transfer-Encoding: ,")).toBe(Outcome.MALFORMED);
    expect(read("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n")).toBe(Outcome.MALFORMED);
  });

  it("say what is expected", () => {
    expect(field("Expect: 100-Continue")).toBe(Outcome.DONE);
    expect(parser.expectsContinue).toBeTruthy();
    expect(field("Expect: 200-ok")).toBe(Outcome.EXPECTATION_UNKNOWN);
    expect(field("Expect: 100-continue\r\nExpect: more")).toBe(Outcome.EXPECTATION_UNKNOWN);
    expect(read("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n")).toBe(Outcome.DONE);
    expect(parser.expectsContinue).toBeFalsy();
  });

  it("are kept where they say who asks", () => {
    expect(field("Origin: http://a\r\nCookie: b\r\nAuthorization:  Basic YTpi \r\nAccept-Encoding: br")).toBe(
      Outcome.DONE,
    );
    expect(text(parser.host, parser.hostBytes)).toBe("camera");
    expect(text(parser.origin, parser.originBytes)).toBe("http://a");
    expect(text(parser.authorization, parser.authorizationBytes)).toBe("Basic YTpi");
    expect(field("A: b")).toBe(Outcome.DONE);
    expect(parser.originBytes + parser.authorizationBytes).toBe(0);
    expect(get("http://other:81/")).toBe(Outcome.DONE);
    expect(text(parser.host, parser.hostBytes)).toBe("other:81");
    expect(field("Origin: a\r\nOrigin: a")).toBe(Outcome.MALFORMED);
    expect(field("Authorization: a\r\nAuthorization: a")).toBe(Outcome.MALFORMED);
    expect(field("Authorization: " + "a".repeat(256) + "\r\nOrigin: " + "b".repeat(256))).toBe(Outcome.DONE);
    expect(field("Authorization: " + "a".repeat(257))).toBe(Outcome.HEAD_TOO_LARGE);
  });

  it("have their limits", () => {
    expect(field("Cookie: " + "a".repeat(4000))).toBe(Outcome.DONE);
    expect(field("Accept-Encoding: " + "a".repeat(4000))).toBe(Outcome.HEAD_TOO_LARGE);
    expect(field("Cookie: " + "a".repeat(<i32>HEAD_BYTES_MAX))).toBe(Outcome.HEAD_TOO_LARGE);
  });
});
