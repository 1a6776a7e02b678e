import type { Constraints } from "./table.ts";

/**
 * Where AWS's published model is not AWS's behaviour. Keyed by service, then shape. A value given as
 * `undefined` lifts the model's constraint.
 */
type Override = { readonly [K in keyof Constraints]?: Constraints[K] | undefined };

const OVERRIDES: Readonly<Record<string, Readonly<Record<string, Override>>>> = {
  lambda: {
    // The model already speaks of durable functions' and managed instances' larger figures.
    Timeout: { max: 900 },
    MemorySize: { max: 10_240 },
  },
  // The service says these in sentences of its own.
  s3: {
    BucketLocationConstraint: { enum: undefined },
    Event: { enum: undefined },
    FilterRuleName: { enum: undefined },
  },
  sqs: {
    QueueAttributeName: { enum: undefined },
    MessageSystemAttributeName: { enum: undefined },
    MessageSystemAttributeNameForSends: { enum: undefined },
  },
  dynamodb: { BatchGetRequestMap: { min: undefined }, BatchWriteItemRequestMap: { min: undefined } },
  logs: { LogGroupName: { max: undefined }, LogStreamName: { max: undefined } },
};

/** The constraints of a shape as they are enforced. */
export function constraintsFor(service: string, shape: string, row: Constraints): Constraints {
  const override = OVERRIDES[service]?.[shape];
  const picked: Record<string, unknown> = {};
  for (const key of ["min", "max", "pattern", "enum"] as const) {
    const value = override !== undefined && key in override ? override[key] : row[key];
    if (value !== undefined) picked[key] = value;
  }
  return picked;
}
