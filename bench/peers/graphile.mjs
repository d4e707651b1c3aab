// Jobs that do nothing through graphile-worker: added one by one by so many at once, then taken and finished by so many.
// node graphile.mjs URL CONCURRENCY JOBS; one line of JSON.
import { Logger, makeWorkerUtils, run } from "graphile-worker";
import pg from "pg";

const [url, concurrency, jobs] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const pgPool = new pg.Pool({ connectionString: url, max: concurrency + 4 });
const logger = new Logger(() => () => {});
const utils = await makeWorkerUtils({ pgPool, logger });
await utils.migrate();

let added = 0;
const addBegin = performance.now();
await Promise.all(
  Array.from({ length: concurrency }, async () => {
    while (added < jobs) {
      added++;
      await utils.addJob("nothing", { n: added });
    }
  }),
);
const addSeconds = (performance.now() - addBegin) / 1000;

let done = 0;
let finish;
const finished = new Promise((resolve) => (finish = resolve));
const takeBegin = performance.now();
const runner = await run({
  pgPool,
  logger,
  concurrency,
  noHandleSignals: true,
  pollInterval: 100,
  taskList: {
    nothing: () => {
      if (++done >= jobs) finish();
    },
  },
});
await finished;
const takeSeconds = (performance.now() - takeBegin) / 1000;
await runner.stop();
await utils.release();
await pgPool.end();
console.log(JSON.stringify({ count: jobs, add_seconds: addSeconds, take_seconds: takeSeconds }));
