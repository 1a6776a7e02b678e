export { createRuntimeCatalog, PROVIDED_BOOTSTRAPS } from "./catalog.ts";
export type { InstallableRuntimeCatalog, RuntimeCatalogOptions } from "./catalog.ts";
export { freshLaunch, needsFreshProcess } from "./fresh-process.ts";
