/**
 * Writes ASCII text (answers' heads, JSON, part headers) straight into memory of a known size, without allocating.
 * What does not fit is a mistake of ours: the sizes in `limits.ts` are made for the longest text.
 */

const digits: usize = memory.data(20);

export class Writer {
  /** Where the text begins. */
  start: usize = 0;
  /** Where the next byte goes. */
  at: usize = 0;
  /** The first address that is not ours. */
  end: usize = 0;

  /** Begins a text in the `length` bytes at `address`. */
  begin(address: usize, length: u32): this {
    this.start = address;
    this.at = address;
    this.end = address + length;
    return this;
  }

  /** Bytes written so far. */
  get length(): u32 {
    return u32(this.at - this.start);
  }

  byte(value: u32): this {
    assert(this.at < this.end, "text does not fit");
    store<u8>(this.at++, value);
    return this;
  }

  /** Text of ASCII characters. */
  text(value: string): this {
    for (let i = 0, n = value.length; i < n; i++) this.byte(value.charCodeAt(i));
    return this;
  }

  bytes(address: usize, length: u32): this {
    assert(this.end - this.at >= length, "text does not fit");
    memory.copy(this.at, address, length);
    this.at += length;
    return this;
  }

  number(value: u64): this {
    let at = digits + 20;
    do {
      store<u8>(--at, 0x30 + value % 10);
      value /= 10;
    } while (value);
    return this.bytes(at, u32(digits + 20 - at));
  }

  /** A number that may be below zero. */
  integer(value: i64): this {
    if (value < 0) this.byte(0x2d);
    return this.number(value < 0 ? u64(-value) : u64(value));
  }

  /** A number of µs as seconds with six decimals. Times before the clock's beginning do not occur. */
  seconds(time: i64): this {
    assert(time >= 0, "time before the clock's beginning");
    this.number(u64(time) / 1_000_000).byte(0x2e);
    let rest = u32(u64(time) % 1_000_000);
    for (let unit: u32 = 100_000; unit; unit /= 10) {
      this.byte(0x30 + rest / unit);
      rest %= unit;
    }
    return this;
  }

  /** A number of thousandths with three decimals. */
  thousandths(value: u32): this {
    const rest = value % 1000;
    this.number(value / 1000).byte(0x2e);
    return this.byte(0x30 + rest / 100).byte(0x30 + rest / 10 % 10).byte(0x30 + rest % 10);
  }

  /** Bytes as two hexadecimal digits each. */
  hexadecimal(address: usize, length: u32): this {
    for (let i: u32 = 0; i < length; i++) {
      const value: u32 = load<u8>(address + i);
      this.byte(hexadecimalDigit(value >> 4)).byte(hexadecimalDigit(value & 15));
    }
    return this;
  }

  /** An IP address of 4 or 16 bytes (RFC 4291, 2.2, without its abbreviations); `unknown` for none. */
  address(address: usize, length: u32): this {
    if (length == 0) return this.text("unknown");
    if (length == 4) {
      for (let i: u32 = 0; i < 4; i++) {
        if (i) this.byte(0x2e);
        this.number(load<u8>(address + i));
      }
      return this;
    }
    for (let i: u32 = 0; i < length; i += 2) {
      if (i) this.byte(0x3a);
      this.hexadecimal(address + i, 2);
    }
    return this;
  }

  /** Bytes from outside as text: what is not printable ASCII becomes `?`. */
  printable(address: usize, length: u32): this {
    for (let i: u32 = 0; i < length; i++) {
      const c = load<u8>(address + i);
      this.byte(c < 0x20 || c > 0x7e ? 0x3f : c);
    }
    return this;
  }

  /** UTF-8 text as a string of JSON in its quotes (RFC 8259, section 7). Control characters become `?`. */
  quoted(address: usize, length: u32): this {
    this.byte(0x22);
    for (let i: u32 = 0; i < length; i++) {
      const c = load<u8>(address + i);
      if (c == 0x22 || c == 0x5c) this.byte(0x5c);
      this.byte(c < 0x20 || c == 0x7f ? 0x3f : c);
    }
    return this.byte(0x22);
  }
}

function hexadecimalDigit(value: u32): u32 {
  return value < 10 ? 0x30 + value : 0x61 - 10 + value;
}
