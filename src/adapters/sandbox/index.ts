export { createNamespacesDriver } from "./namespaces.ts";
export type { NamespacesOptions } from "./namespaces.ts";
