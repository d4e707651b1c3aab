// Runs of N steps of a LangGraph graph with its PostgreSQL checkpointer: each step a node and its checkpoint, durable
// before the next one begins. node langgraph.mjs URL CONCURRENCY STEPS SECONDS; one line of JSON.
import { Annotation, END, START, StateGraph } from "@langchain/langgraph";
import { PostgresSaver } from "@langchain/langgraph-checkpoint-postgres";
import pg from "pg";

const [url, concurrency, steps, seconds] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const pool = new pg.Pool({ connectionString: url, max: Math.max(2, concurrency) });
const checkpointer = new PostgresSaver(pool);
await checkpointer.setup();

const State = Annotation.Root({ n: Annotation(), text: Annotation() });
const graph = new StateGraph(State)
  .addNode("step", (state) => ({ n: state.n + 1, text: "x".repeat(100) }))
  .addEdge(START, "step")
  .addConditionalEdges("step", (state) => (state.n < steps ? "step" : END))
  .compile({ checkpointer });

let thread = 0;
async function run() {
  const config = { configurable: { thread_id: `${process.pid}-${thread++}` }, recursionLimit: steps + 10, durability: "sync" };
  const end = await graph.invoke({ n: 0, text: "" }, config);
  if (end.n !== steps) throw new Error(`It made ${end.n} steps.`);
}

// Until Node.js has compiled what is timed.
const warm = performance.now();
await Promise.all(
  Array.from({ length: concurrency }, async () => {
    do await run();
    while (performance.now() - warm < 3000);
  }),
);
const before = Number((await pool.query("select count(*) from checkpoints")).rows[0].count);
let done = 0;
const begin = performance.now();
await Promise.all(
  Array.from({ length: concurrency }, async () => {
    while (performance.now() - begin < seconds * 1000) {
      await run();
      done += steps;
    }
  }),
);
const took = (performance.now() - begin) / 1000;
const kept = Number((await pool.query("select count(*) from checkpoints")).rows[0].count) - before;
if (kept < done) throw new Error(`${done} steps and only ${kept} checkpoints.`);
await pool.end();
console.log(JSON.stringify({ count: done, seconds: took }));
