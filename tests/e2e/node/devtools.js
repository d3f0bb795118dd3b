// Counts a heap snapshot as DevTools does, by a JSON.parse of all of it: `node devtools.js FILE`, rows of
// "type<TAB>objects<TAB>bytes".
'use strict';
const s = JSON.parse(require('node:fs').readFileSync(process.argv[2], 'utf8'));
const meta = s.snapshot.meta, fields = meta.node_fields, width = fields.length;
const at = name => fields.indexOf(name);
const kinds = meta.node_types[at('type')];
const rows = new Map();
for (let i = 0; i < s.nodes.length; i += width) {
  const kind = kinds[s.nodes[i + at('type')]], size = s.nodes[i + at('self_size')];
  if (!size && kind !== 'native') continue;
  let name = s.strings[s.nodes[i + at('name')]];
  if (kind === 'hidden') name = '(system)';
  else if (kind === 'code') name = '(compiled code)';
  else if (!['object', 'native', 'synthetic'].includes(kind)) name = `(${kind})`;
  if (name === '') name = `(${kind})`;
  if (['object', 'native'].includes(kind) && s.nodes[i + at('detachedness')] === 2) name = `Detached ${name}`;
  const row = rows.get(name) ?? [0, 0];
  row[0]++;
  row[1] += size;
  rows.set(name, row);
}
for (const [name, [objects, bytes]] of rows) console.log(`${name}\t${objects}\t${bytes}`);
