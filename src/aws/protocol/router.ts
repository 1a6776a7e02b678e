import type { Operation, ServiceModel } from "../model/model.ts";
import type { Headers } from "./types.ts";

/** A path pattern's tree: one node a segment; literals win over labels, labels over greedy ones. */
interface Node {
  readonly literals: Map<string, Node>;
  label: Node | undefined;
  readonly ends: Candidate[];
  /** Operations whose last label takes the rest of the path. */
  readonly greedy: Candidate[];
}

interface Candidate {
  readonly operation: Operation;
  readonly labels: readonly string[];
  readonly constants: readonly (readonly [key: string, value: string | undefined])[];
  readonly queryNames: readonly string[];
  readonly headerNames: readonly string[];
}

export interface RestMatch {
  readonly operation: Operation;
  readonly labels: Readonly<Record<string, string>>;
}

export interface RestRouter {
  /** `segments` are still percent-encoded. */
  match(
    method: string,
    segments: readonly string[],
    query: ReadonlyMap<string, string>,
    headers: Headers,
  ): RestMatch | undefined;
}

function node(): Node {
  return { literals: new Map(), label: undefined, ends: [], greedy: [] };
}

function candidate(operation: Operation, labels: readonly string[], query: string): Candidate {
  const constants = query
    .split("&")
    .filter((part) => part !== "" && !part.startsWith("x-id="))
    .map((part): [string, string | undefined] => {
      const at = part.indexOf("=");
      return at < 0 ? [part, undefined] : [part.slice(0, at), part.slice(at + 1)];
    });
  const required = operation.input.members.filter((member) => member.required);
  return {
    operation,
    labels,
    constants,
    queryNames: required.filter((m) => m.at === "querystring").map((m) => m.wire),
    headerNames: required.filter((m) => m.at === "header").map((m) => m.wire.toLowerCase()),
  };
}

/** Routes method and path to an operation. Built once a service, at its first request. */
export function createRestRouter(service: ServiceModel): RestRouter {
  const root = node();
  for (const operation of service.operations.values()) {
    const [path = "", query = ""] = operation.uri.split("?");
    let at = root;
    const labels: string[] = [];
    let greedy = false;
    for (const segment of path.split("/").filter((part) => part !== "")) {
      if (segment.startsWith("{")) {
        greedy = segment.endsWith("+}");
        labels.push(segment.slice(1, greedy ? -2 : -1));
        if (greedy) break;
        at.label ??= node();
        at = at.label;
      } else {
        let next = at.literals.get(segment);
        if (next === undefined) at.literals.set(segment, (next = node()));
        at = next;
      }
    }
    (greedy ? at.greedy : at.ends).push(candidate(operation, labels, query));
  }

  function fits(
    { constants, queryNames, headerNames, operation }: Candidate,
    method: string,
    query: ReadonlyMap<string, string>,
    headers: Headers,
  ): boolean {
    return (
      operation.method === method &&
      constants.every(
        ([key, value]) => query.has(key) && (value === undefined || query.get(key) === value),
      ) &&
      queryNames.every((name) => query.has(name)) &&
      headerNames.every((name) => headers[name] !== undefined)
    );
  }

  function best(
    candidates: readonly Candidate[],
    method: string,
    query: ReadonlyMap<string, string>,
    headers: Headers,
  ): Candidate | undefined {
    let found: Candidate | undefined;
    let weight = -1;
    for (const one of candidates) {
      // Some clients name the operation outright, which settles what the path leaves open.
      const named = query.get("x-id") === one.operation.name ? 1000 : 0;
      const own = named + one.constants.length * 100 + one.queryNames.length + one.headerNames.length;
      if (own > weight && fits(one, method, query, headers)) {
        found = one;
        weight = own;
      }
    }
    // A required member that is missing is the validation's to tell, when nothing else fits.
    if (found !== undefined || candidates.length === 0) return found;
    const sole = candidates.filter((one) => one.operation.method === method && one.constants.length === 0);
    return sole.length === 1 ? sole[0] : undefined;
  }

  return {
    match(method, segments, query, headers) {
      function walk(at: Node, index: number, taken: readonly string[]): RestMatch | undefined {
        const segment = segments[index];
        if (segment === undefined) {
          const end = best(at.ends, method, query, headers);
          return end === undefined ? undefined : bind(end, taken);
        }
        const literal = at.literals.get(segment);
        const exact = literal === undefined ? undefined : walk(literal, index + 1, taken);
        if (exact !== undefined) return exact;
        const labelled =
          at.label === undefined || segment === ""
            ? undefined
            : walk(at.label, index + 1, [...taken, segment]);
        if (labelled !== undefined) return labelled;
        const rest = segments.slice(index).join("/");
        const greedy = rest === "" ? undefined : best(at.greedy, method, query, headers);
        return greedy === undefined ? undefined : bind(greedy, [...taken, rest]);
      }
      return walk(root, 0, []);
    },
  };
}

function bind({ operation, labels }: Candidate, values: readonly string[]): RestMatch | undefined {
  const bound: Record<string, string> = {};
  for (const [index, label] of labels.entries()) {
    const text = decodeSegment(values[index] ?? "");
    if (text === undefined) return undefined;
    bound[label] = text;
  }
  return { operation, labels: bound };
}

function decodeSegment(text: string): string | undefined {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
