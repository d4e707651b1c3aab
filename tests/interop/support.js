import Anthropic from '@anthropic-ai/sdk';

const { INSULA_URL: baseURL, INSULA_KEY: apiKey } = process.env;
if (!baseURL || !apiKey) throw new Error('INSULA_URL and INSULA_KEY must name a running server; run.sh starts one.');

/** Nothing here takes long; a test that waits for what never comes must fail and not hang. */
export const limit = { timeout: 30_000 };

/** The client as its users make it. Retries would hide an answer that should have come at once. */
export const connect = (key = apiKey) => new Anthropic({ baseURL, apiKey: key, maxRetries: 0, timeout: 20_000 });

export const client = connect();

/** A fetch for a client that retries by itself, and the statuses that it was answered with. */
export function watched() {
  const statuses = [];
  return {
    statuses,
    fetch: async (...call) => {
      const answer = await fetch(...call);
      statuses.push(answer.status);
      return answer;
    },
  };
}

/** A call of Insula's own API, which no vendor's client knows. */
export async function ask(method, path, key, body, status) {
  const answer = await fetch(new URL(path, baseURL), {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (answer.status !== status) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}
const { agents, environments, sessions } = client.beta;

/** A session with an agent on the scripted model, which plays the directives in a message. */
export async function startSession({ tools = [], title } = {}) {
  const agent = await agents.create({ name: 'scripted', model: 'insula/scripted', tools });
  const environment = await environments.create({ name: 'interop' });
  return sessions.create({ agent: agent.id, environment_id: environment.id, ...(title && { title }) });
}

export const message = (...lines) => ({ type: 'user.message', content: [{ type: 'text', text: lines.join('\n') }] });

export const send = (session, ...events) => sessions.events.send(session.id, { events });

/** Opens a stream and reads events into a list until one fits; the stream stays open for more. */
export async function watch(session, params, options) {
  const stream = await sessions.events.stream(session.id, params, options);
  const iterator = stream[Symbol.asyncIterator]();
  const seen = [];
  return {
    seen,
    async until(fits) {
      for (;;) {
        const { value, done } = await iterator.next();
        if (done) throw new Error(`The stream ended after ${seen.map((e) => e.type).join(', ') || 'nothing'}.`);
        seen.push(value);
        if (fits(value)) return value;
      }
    },
    close: () => stream.controller.abort(),
  };
}

export const idle = (event) => event.type === 'session.status_idle';

export const types = (events) => events.map((event) => event.type);

export const texts = (events) =>
  events.filter((event) => event.type === 'agent.message').map((event) => event.content.map((block) => block.text).join(''));

export async function all(page) {
  const items = [];
  for await (const item of page) items.push(item);
  return items;
}
