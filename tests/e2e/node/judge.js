// Holds the first cause of a diff against what is known: `node judge.js DIFF.json SUBJECT 'TIMES TYPE' EDGE...`. The
// subject is all of it, TYPE the beginning of a type on the path, of which there are TIMES 8,000 more, and the edges are
// on the path in this order.
'use strict';
const [file, subject, counts, ...edges] = process.argv.slice(2);
const [times, type] = [parseInt(counts), counts.replace(/^\d+ /, '')];
const diff = JSON.parse(require('node:fs').readFileSync(file, 'utf8'));
const [first] = diff.causes;
const wrong = [];
if (!first || first.kind !== 'leak') wrong.push(`the first cause is no leak but ${first?.kind}`);
if (first?.subject !== subject) wrong.push(`it is about "${first?.subject}", not "${subject}"`);
const counted = first?.types.find(row => row.type.startsWith(type))?.objects_delta;
if (counted !== times * 8000) wrong.push(`it counts ${counted} more of ${type}, not ${times} times 8000`);
if (!(first?.share > 0.9)) wrong.push(`it has ${first?.share} of all growth`);
const path = first?.path ?? [];
if (!path.some(step => step.type.startsWith(type))) wrong.push(`no ${type} on its path`);
let at = 0;
for (const step of path) if (step.edge === edges[at]) at++;
if (at < edges.length) wrong.push(`no ${edges[at]} on its path: ${path.map(step => step.edge).join(' ')}`);
for (const line of wrong) console.log(`    ${line}`);
process.exit(wrong.length ? 1 : 0);
