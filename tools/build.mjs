// Compiles src/ to dist/ for the published package: Node does not strip types below node_modules.
import { execFileSync } from "node:child_process";
import { cpSync, globSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);
rmSync("dist", { recursive: true, force: true });
execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.build.json"], {
  stdio: "inherit",
});
// Tables and other data that are not TypeScript go along as they are.
for (const file of globSync("src/**/*.{json,html,txt}")) {
  cpSync(file, join("dist", file.slice("src/".length)));
}
