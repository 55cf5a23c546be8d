/**
 * What a register-level model of a sensor is: it answers on the bus as the chip does, and what leaves its port is what
 * its registers say, of what is in front of its lens. A wrong register gives a wrong picture, as in life. One file
 * beside this one for each chip; `bus-sensor.ts` puts a model onto the board.
 */

/** What is in front of the lens: a picture that changes with time. */
export interface View {
  readonly width: number;
  readonly height: number;
  /**
   * Writes the light that falls onto a grid of points of the sensor's array: red, green, blue, each 0 to 255, sRGB as
   * photographs have it, for each point of `columns` x `rows`, in rows.
   * @param xs for each column where it is, as a share (0 to 1) of the array's width
   * @param ys for each row where it is, as a share of the array's height
   * @param time µs
   */
  sample(xs: Float64Array, ys: Float64Array, time: number, to: Uint8Array): void;
}

export interface SensorModel {
  /** As the driver names the chip. */
  readonly name: string;
  /** Its address on the bus, 7 bits. */
  readonly device: number;
  /** Sets its lines: power off loses all registers. `clock` is its master clock in Hz. */
  lines(power: boolean, reset: boolean, clock: number, now: number): void;
  /** Bytes written to it in one transfer, the register's address first. @returns false where it does not acknowledge */
  write(bytes: Uint8Array, now: number): boolean;
  /** Reads on from the register whose address was written last. @returns undefined where it does not acknowledge */
  read(length: number, now: number): Uint8Array | undefined;
  /** µs from one frame to the next as its clocks and registers say; 0 while it does not stream. */
  frameInterval(): number;
  /** The bytes of the frame that is exposed at `time`, as they leave the port with the present registers. */
  frame(view: View, time: number): Uint8Array;
  /** Writes to registers, or of values, that the chip's documents do not have; each once, in words. */
  readonly unknownWrites: readonly string[];
}
