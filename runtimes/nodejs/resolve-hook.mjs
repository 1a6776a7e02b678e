/** The same rule as in loader.cjs for Node versions whose hooks run in a thread of their own. */
let folders = [];

export function initialize(data) {
  folders = data.folders;
}

export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    if (error?.code !== "ERR_MODULE_NOT_FOUND" || /^[./]|^[a-z]+:/i.test(specifier)) throw error;
    for (const folder of folders) {
      try {
        return await next(specifier, { ...context, parentURL: `file://${folder}/../_` });
      } catch {
        continue;
      }
    }
    throw error;
  }
}
