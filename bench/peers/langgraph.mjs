// Runs of N steps of a LangGraph graph with its PostgreSQL checkpointer: each step a node and its checkpoint, durable
// before the next one begins. node langgraph.mjs GRAPH URL CONCURRENCY STEPS SECONDS; one line of JSON. GRAPH is "agent",
// which keeps its messages, or "counter", which keeps a number and a text of 100 characters.
import { AIMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { Annotation, END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { PostgresSaver } from "@langchain/langgraph-checkpoint-postgres";
import pg from "pg";

const [kind, url, concurrency, steps, seconds] = [...process.argv.slice(2, 4), ...process.argv.slice(4).map(Number)];
const pool = new pg.Pool({ connectionString: url, max: Math.max(2, concurrency) });
const checkpointer = new PostgresSaver(pool);
await checkpointer.setup();

// The model and a tool take turns, as in an agent's run; a model that is a script, and a tool that only refuses.
function agent() {
  const calls = (steps - 1) / 2;
  const answered = (messages) => messages.filter((message) => message.getType() === "tool").length;
  const answer = (n) => (n < calls ? new AIMessage({ content: "", tool_calls: [{ id: `call_${n}`, name: "nothing", args: { n } }] }) : new AIMessage("done"));
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("model", ({ messages }) => ({ messages: [answer(answered(messages))] }))
    .addNode("tool", ({ messages }) => {
      const [{ id, name }] = messages.at(-1).tool_calls;
      return { messages: [new ToolMessage({ tool_call_id: id, name, status: "error", content: `There is no tool called "${name}".` })] };
    })
    .addEdge(START, "model")
    .addConditionalEdges("model", ({ messages }) => (messages.at(-1).tool_calls?.length ? "tool" : END))
    .addEdge("tool", "model");
  return { graph, input: () => ({ messages: [new HumanMessage("go")] }), made: ({ messages }) => messages.length - 1 };
}

function counter() {
  const State = Annotation.Root({ n: Annotation(), text: Annotation() });
  const graph = new StateGraph(State)
    .addNode("step", (state) => ({ n: state.n + 1, text: "x".repeat(100) }))
    .addEdge(START, "step")
    .addConditionalEdges("step", (state) => (state.n < steps ? "step" : END));
  return { graph, input: () => ({ n: 0, text: "" }), made: ({ n }) => n };
}

const { graph, input, made } = { agent, counter }[kind]();
const compiled = graph.compile({ checkpointer });

let thread = 0;
async function run() {
  const config = { configurable: { thread_id: `${process.pid}-${thread++}` }, recursionLimit: steps + 10, durability: "sync" };
  const end = await compiled.invoke(input(), config);
  if (made(end) !== steps) throw new Error(`It made ${made(end)} steps.`);
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
