/**
 * The encoder's files in 4:2:2 beside those of libjpeg-turbo's own program, cjpeg, since sharp has no 4:2:2. Other
 * samplings, and everything that needs no reference: `jpeg.test.ts`.
 */

import { cjpeg } from "./jpeg/cjpeg.ts";
import { testFaithfulness } from "./jpeg/faithful.ts";

testFaithfulness(
  (["rgb565", "yuyv", "bayer"] as const).map((format) => ({ format, sampling: "4:2:2" })),
  (picture, quality) => cjpeg(picture, ["-quality", `${quality}`, "-sample", "2x1"]),
);
