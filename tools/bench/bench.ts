import type { Lambent } from "./lambent.ts";

/** What the parts of the bench share. */
export interface Bench {
  /** The launcher of the package under test, to start more servers of it. */
  readonly launcher: string;
  /** The server that all parts use which need no fresh one. */
  readonly lambent: Lambent;
  /** How often a measurement is repeated; the median counts. */
  readonly rounds: number;
  /** Length of one measurement under load. */
  readonly milliseconds: number;
  readonly withPeers: boolean;
  row(what: string, value: string, bar: string, met: boolean): void;
  /** A row that could not be measured, and why. It misses nothing. */
  notMeasured(what: string, why: unknown): void;
}
