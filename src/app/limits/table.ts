import { LAMBDA_ROWS } from "./lambda.ts";
import type { LimitRow } from "./row.ts";
import { SERVICE_ROWS } from "./services.ts";

/** `lambent limits` and GET /_lambent/limits: built from the constants that the code holds to. */
export const LIMIT_TABLE: readonly LimitRow[] = [...LAMBDA_ROWS, ...SERVICE_ROWS];
