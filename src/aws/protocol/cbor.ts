import type { Shape, Structure } from "../model/model.ts";
import { serializationError } from "./text.ts";
import type { Value } from "./types.ts";

/** Concise binary objects as `@smithy/core` reads and writes them; loaded when first spoken. */
export interface Cbor {
  decode(body: Uint8Array, shape: Structure): Value;
  encode(value: Value, shape: Structure): Uint8Array;
  encodePlain(value: Value): Uint8Array;
}

const EPOCH_TAG = 1;
const DEPTH_MAX = 200;

let loading: Promise<Cbor> | undefined;

export function loadCbor(): Promise<Cbor> {
  loading ??= import("@smithy/core/cbor").then(({ cbor, tag }) => {
    function fromPlain(value: unknown, shape: Shape, depth: number): unknown {
      if (value === null || value === undefined) return undefined;
      if (depth > DEPTH_MAX) throw serializationError("The request body is nested too deeply");
      switch (shape.type) {
        case "structure": {
          if (typeof value !== "object" || Array.isArray(value)) throw mismatch(shape);
          const result: Value = {};
          for (const member of shape.members) {
            const item = fromPlain((value as Value)[member.name], member.shape, depth + 1);
            if (item !== undefined) result[member.name] = item;
          }
          return result;
        }
        case "list":
          if (!Array.isArray(value)) throw mismatch(shape);
          return value.map((item) => fromPlain(item, shape.member.shape, depth + 1) ?? null);
        case "map":
          if (typeof value !== "object" || Array.isArray(value)) throw mismatch(shape);
          return Object.fromEntries(
            Object.entries(value).map(([key, item]) => [
              key,
              fromPlain(item, shape.value.shape, depth + 1) ?? null,
            ]),
          );
        case "timestamp": {
          const { tag: number, value: seconds } = value as { tag?: unknown; value?: unknown };
          const epoch =
            typeof value === "number" ? value : Number(number) === EPOCH_TAG ? Number(seconds) : Number.NaN;
          if (Number.isNaN(epoch)) throw mismatch(shape);
          return new Date(Math.round(epoch * 1000));
        }
        case "blob":
          if (!(value instanceof Uint8Array)) throw mismatch(shape);
          return value;
        case "string":
          if (typeof value !== "string") throw mismatch(shape);
          return value;
        case "boolean":
          if (typeof value !== "boolean") throw mismatch(shape);
          return value;
        case "integer":
        case "long":
          if (typeof value === "bigint") return Number(value);
          if (!Number.isInteger(value)) throw mismatch(shape);
          return value;
        case "float":
        case "double":
          if (typeof value === "bigint") return Number(value);
          if (typeof value !== "number") throw mismatch(shape);
          return value;
        case "document":
          return value;
      }
    }

    function toPlain(value: unknown, shape: Shape): unknown {
      if (value === null || value === undefined) return null;
      switch (shape.type) {
        case "structure": {
          const result: Value = {};
          for (const member of shape.members) {
            const item = (value as Value)[member.name];
            if (item !== undefined && item !== null) result[member.name] = toPlain(item, member.shape);
          }
          return result;
        }
        case "list":
          return (value as unknown[]).map((item) => toPlain(item, shape.member.shape));
        case "map":
          return Object.fromEntries(
            Object.entries(value as Value).map(([key, item]) => [key, toPlain(item, shape.value.shape)]),
          );
        case "timestamp":
          return value instanceof Date ? tag({ tag: EPOCH_TAG, value: value.getTime() / 1000 }) : value;
        default:
          return value;
      }
    }

    return {
      decode(body, shape) {
        if (body.length === 0) return {};
        let plain: unknown;
        try {
          plain = cbor.deserialize(body);
        } catch {
          throw serializationError("The request body is not valid CBOR");
        }
        return (fromPlain(plain, shape, 0) as Value | undefined) ?? {};
      },
      // The serialiser's buffer is shared; its answer must be copied before the next call.
      encode: (value, shape) => Uint8Array.from(cbor.serialize(toPlain(value, shape))),
      encodePlain: (value) => Uint8Array.from(cbor.serialize(value)),
    };
  });
  return loading;
}

function mismatch(shape: Shape): Error {
  return serializationError(`The value of a ${shape.type} has another type`);
}
