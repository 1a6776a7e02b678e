/** Sets of document paths: which may not stand beside each other, and what they show of an item. */
import type { AttributeValue, Item } from "../value/item.ts";
import { attributeOf } from "../value/item.ts";
import { showPath, type Path } from "./ast.ts";
import { parseProjection } from "./parser.ts";
import { refuseReserved, type Placeholders } from "./placeholders.ts";
import { invalidExpression, type ExpressionKind } from "./tokens.ts";

/** Errors: ValidationException when one path lies within another, or takes for a list what another takes for a map. */
export function refuseOverlaps(kind: ExpressionKind, paths: readonly Path[]): void {
  for (const [index, path] of paths.entries()) {
    for (const other of paths.slice(0, index)) {
      const clash = clashOf(other, path);
      if (clash !== undefined) {
        throw invalidExpression(
          kind,
          `Two document paths ${clash} with each other; must remove or rewrite one of these paths; path one: ${showPath(other)}, path two: ${showPath(path)}`,
        );
      }
    }
  }
}

function clashOf(a: Path, b: Path): "overlap" | "conflict" | undefined {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    if (typeof a[i] !== typeof b[i]) return "conflict";
    if (a[i] !== b[i]) return undefined;
  }
  return "overlap";
}

/** Errors: ValidationException, "Invalid ProjectionExpression: …". */
export function readProjection(text: string, placeholders: Placeholders): Path[] {
  const kind = "ProjectionExpression";
  const raw = parseProjection(text);
  for (const path of raw) refuseReserved(kind, path);
  const paths = raw.map((path) => placeholders.path(kind, path));
  refuseOverlaps(kind, paths);
  return paths;
}

interface Tree {
  readonly children: Map<string | number, Tree>;
}

/** Those parts of the item, in its own shape; elements of lists keep their order and close ranks. */
export function project(item: Item, paths: readonly Path[]): Item {
  return projectAttributes(item, treeOf(paths));
}

function treeOf(paths: readonly Path[]): Tree {
  const root: Tree = { children: new Map() };
  for (const path of paths) {
    let at = root;
    for (const part of path) {
      let next = at.children.get(part);
      if (next === undefined) at.children.set(part, (next = { children: new Map() }));
      at = next;
    }
  }
  return root;
}

function projectAttributes(item: Item, tree: Tree): Item {
  const shown: [string, AttributeValue][] = [];
  for (const [name, branch] of tree.children) {
    const value = typeof name === "string" ? attributeOf(item, name) : undefined;
    const part = value === undefined ? undefined : projectValue(value, branch);
    if (part !== undefined) shown.push([String(name), part]);
  }
  return Object.fromEntries(shown);
}

function projectValue(value: AttributeValue, tree: Tree): AttributeValue | undefined {
  if (tree.children.size === 0) return value;
  if (value.M !== undefined) {
    const shown = projectAttributes(value.M, tree);
    return Object.keys(shown).length === 0 ? undefined : { M: shown };
  }
  const list = value.L;
  if (list === undefined) return undefined;
  const indexes = [...tree.children.keys()]
    .filter((key) => typeof key === "number")
    .toSorted((a, b) => a - b);
  const shown = indexes.flatMap((index) => {
    const element = list[index];
    const part = element === undefined ? undefined : projectValue(element, tree.children.get(index) as Tree);
    return part === undefined ? [] : [part];
  });
  return shown.length === 0 ? undefined : { L: shown };
}
