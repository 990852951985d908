// Browsers have `crypto`, and Node from 19 on.
import { webcrypto } from "node:crypto";

globalThis.crypto ??= webcrypto;
await import("./out/journey.js");
