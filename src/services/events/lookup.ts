import type { Scope } from "../../kernel/scope.ts";
import { Conflict, type Statement } from "../../ports/database.ts";
import type { Deps } from "./deps.ts";
import * as errors from "./errors.ts";
import type { Bus, Rule } from "./model.ts";
import { busKeyOf, type BusKey, DEFAULT_BUS } from "./names.ts";

type Parts = Pick<Deps, "store" | "clock">;

/** The bus of this very name. Errors: ResourceNotFoundException. */
export async function busAt({ store, clock }: Parts, key: BusKey): Promise<Bus> {
  const found = await store.bus(key);
  if (found !== undefined) return found;
  if (key.bus === DEFAULT_BUS) {
    await store.ensureDefault(key, clock.now());
    const made = await store.bus(key);
    if (made !== undefined) return made;
  }
  throw errors.busNotFound(key.bus);
}

/** The bus that a name or an ARN means. Errors: ResourceNotFoundException. */
export function busOf(deps: Parts, scope: Scope, nameOrArn: string | undefined): Promise<Bus> {
  return busAt(deps, busKeyOf(scope, nameOrArn));
}

/** Errors: ResourceNotFoundException, of the bus or of the rule. */
export async function ruleOf(
  deps: Parts,
  scope: Scope,
  nameOrArn: string | undefined,
  rule: string | undefined,
): Promise<Rule> {
  const bus = await busOf(deps, scope, nameOrArn);
  return ruleAt(deps, bus, rule ?? "");
}

/** Errors: ResourceNotFoundException. */
export async function ruleAt({ store }: Pick<Deps, "store">, bus: BusKey, rule: string): Promise<Rule> {
  const { accountId, region } = bus;
  const found = await store.rule({ accountId, region, bus: bus.bus, rule });
  if (found === undefined) throw errors.ruleNotFound(rule, bus.bus);
  return found;
}

/** Commits what `make` makes of the present state; once more, when somebody else was faster. */
export async function changing<T>(
  { store }: Pick<Deps, "store">,
  make: () => Promise<{ readonly unit: readonly Statement[]; readonly result: T }>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const { unit, result } = await make();
    try {
      await store.commit(unit);
      return result;
    } catch (error) {
      if (!(error instanceof Conflict) || attempt === ATTEMPTS) throw error;
    }
  }
}

const ATTEMPTS = 5;
