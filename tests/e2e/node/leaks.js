// One kind of leak a run: `node leaks.js KIND FOLDER` fills what holds it in three rounds, and writes a heap snapshot
// after each, FOLDER/KIND-1.heapsnapshot to -3, from an idle event loop.
'use strict';
const v8 = require('node:v8');
const { EventEmitter } = require('node:events');

class Session { constructor(i) { this.user = 'user ' + i; this.cart = [i, i + 1, i + 2]; } }
class Quote { constructor(i) { this.price = i; this.history = [i, i]; } }
class Sampler { constructor(i) { this.count = i; this.values = [i]; } }
class Job { constructor(i) { this.number = i; this.payload = [i, 'payload ' + i]; } }
class Tenant { constructor(i) { this.name = 'tenant ' + i; this.limits = { rate: i }; } }

const sessions = new Map();
function login(i) { sessions.set('session ' + i, new Session(i)); }

const market = new EventEmitter();
market.setMaxListeners(0);
function watch(i) {
  const quote = new Quote(i);
  market.on('price', function onPrice(price) { quote.price = price; });
}

function sample(i) {
  const sampler = new Sampler(i);
  setInterval(function tick() { sampler.count++; }, 3600000).unref();
}

const waiting = new Map();
async function runJob(i) {
  const job = new Job(i);
  await new Promise(resolve => waiting.set(i, resolve));
  return job.number;
}

globalThis.tenants = [];
function admit(i) { globalThis.tenants.push(new Tenant(i)); }

const kinds = { map: login, listener: watch, timer: sample, promise: runJob, global: admit };
// What keeps the module's variables alive, as a server's handlers would.
globalThis.serve = () => [sessions, market, waiting];

const [kind, folder] = process.argv.slice(2);
let made = 0, round = 0;
const keepAlive = setInterval(() => {
  for (const until = [100, 4100, 8100][round]; made < until; made++) kinds[kind](made);
  round++;
  setImmediate(() => {
    v8.writeHeapSnapshot(`${folder}/${kind}-${round}.heapsnapshot`);
    if (round === 3) { clearInterval(keepAlive); process.exit(0); }
  });
}, 50);
