/** The condition keys a policy asks for, in its conditions and in its variables, as it spells them. */
export function contextKeysOf(document: unknown): string[] {
  const { Statement: statements = [] } = document as { Statement?: unknown };
  const keys = new Map<string, string>();
  const add = (key: string): void => {
    if (!keys.has(key.toLowerCase())) keys.set(key.toLowerCase(), key);
  };
  for (const statement of Array.isArray(statements) ? (statements as unknown[]) : [statements]) {
    const {
      Condition: condition,
      Resource: resource,
      NotResource: notResource,
    } = statement as {
      readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
      readonly Resource?: unknown;
      readonly NotResource?: unknown;
    };
    for (const block of Object.values(condition ?? {})) Object.keys(block).forEach(add);
    for (const variable of variablesOf(JSON.stringify([condition, resource, notResource]))) add(variable);
  }
  return [...keys.values()];
}

function variablesOf(text: string): string[] {
  return [...text.matchAll(/\$\{\s*([^},*?$]+?)\s*(?:,[^}]*)?\}/g)].map((match) => match[1] ?? "");
}
