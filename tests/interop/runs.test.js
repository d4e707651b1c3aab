// Runs through the unmodified client: streams, previews, tools, interrupts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema';
import { all, client, idle, limit, message, send, startSession, texts, types, watch } from './support.js';

const { events } = client.beta.sessions;
const weather = {
  type: 'custom',
  name: 'weather',
  description: 'Tells the weather of a city.',
  input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};
const askFirst = { type: 'agent_toolset_20260401', default_config: { permission_policy: { type: 'always_ask' } } };

test('a message is answered on the stream, event by event', limit, async () => {
  const session = await startSession();
  const stream = await watch(session);
  const sent = await send(session, message('!usage 7 5', '!text It is done.'));
  const end = await stream.until(idle);
  stream.close();

  assert.deepEqual(types(stream.seen), [
    'user.message',
    'session.status_running',
    'span.model_request_start',
    'agent.message',
    'span.model_request_end',
    'session.status_idle',
  ]);
  assert.equal(stream.seen[0].id, sent.data[0].id);
  assert.deepEqual(texts(stream.seen), ['It is done.']);
  assert.equal(end.stop_reason.type, 'end_turn');
  assert.equal(end.stop_details, null);
  assert.equal(new Set(stream.seen.map((event) => event.id)).size, stream.seen.length);
  const output = stream.seen.filter((event) => event.type !== 'user.message');
  assert.ok(output.every((event) => !Number.isNaN(Date.parse(event.processed_at))));
  assert.deepEqual(stream.seen[4].model_usage, {
    input_tokens: 7,
    output_tokens: 5,
    cache_read_input_tokens: 0,
    cache_creation_input_tokens: 0,
  });

  const after = await client.beta.sessions.retrieve(session.id);
  assert.equal(after.status, 'idle');
  assert.equal(after.usage.input_tokens, 7);
  assert.equal(after.usage.output_tokens, 5);
});

test('the history says what the stream said', limit, async () => {
  const session = await startSession();
  const stream = await watch(session);
  await send(session, message('!text One.'));
  await stream.until(idle);
  stream.close();

  const history = await all(events.list(session.id, { limit: 2 }));
  assert.deepEqual(history.map((event) => event.id), stream.seen.map((event) => event.id));
  assert.ok(history[0].processed_at, 'a message that was answered is processed');

  const newestFirst = await all(events.list(session.id, { order: 'desc', limit: 4 }));
  assert.deepEqual(newestFirst.map((event) => event.id), history.map((event) => event.id).reverse());

  const some = await all(events.list(session.id, { types: ['agent.message', 'user.message'] }));
  assert.deepEqual(types(some), ['user.message', 'agent.message']);

  const before = await all(events.list(session.id, { 'created_at[lt]': history[0].processed_at }));
  assert.ok(before.every((event) => Date.parse(event.processed_at) < Date.parse(history[0].processed_at)));
});

test('previews come only when asked for, and add up to the message', limit, async () => {
  const session = await startSession();
  const plain = await watch(session);
  const previewed = await watch(session, { event_deltas: ['agent.message'] });
  await send(session, message('!text A longer text that comes in several parts.'));
  await plain.until(idle);
  await previewed.until(idle);
  plain.close();
  previewed.close();

  assert.ok(!types(plain.seen).some((type) => type.startsWith('event_')));
  const start = previewed.seen.find((event) => event.type === 'event_start');
  const deltas = previewed.seen.filter((event) => event.type === 'event_delta');
  const whole = previewed.seen.find((event) => event.type === 'agent.message');
  assert.deepEqual(start.event, { id: whole.id, type: 'agent.message' });
  assert.ok(deltas.length > 1 && deltas.every((event) => event.event_id === whole.id && event.delta.type === 'content_delta'));
  assert.equal(deltas.map((event) => event.delta.content.text).join(''), whole.content[0].text);
  assert.ok(!types(await all(events.list(session.id))).some((type) => type.startsWith('event_')));
});

test('a stream goes on after the last event that the client saw', limit, async () => {
  const session = await startSession();
  const stream = await watch(session);
  await send(session, message('!text One.'));
  await stream.until(idle);
  stream.close();

  const resumed = await watch(session, {}, { headers: { 'Last-Event-ID': '2' } });
  await resumed.until(idle);
  resumed.close();
  assert.deepEqual(resumed.seen, stream.seen.slice(2));
});

test('a session begins with its initial events', limit, async () => {
  const { agent, environment_id } = await startSession();
  const session = await client.beta.sessions.create({ agent: agent.id, environment_id, initial_events: [message('!text Hello.')] });
  const stream = await watch(session, {}, { headers: { 'Last-Event-ID': '0' } });
  await stream.until(idle);
  stream.close();
  assert.deepEqual(texts(stream.seen), ['Hello.']);
});

test('a custom tool is answered by the client', limit, async () => {
  const session = await startSession({ tools: [weather] });
  const stream = await watch(session);
  await send(session, message('!tool weather {"city":"Rome"}', '!text Thank you.'));
  const call = await stream.until((event) => event.type === 'agent.custom_tool_use');
  assert.deepEqual([call.name, call.input], ['weather', { city: 'Rome' }]);

  const waiting = await stream.until(idle);
  assert.deepEqual(waiting.stop_reason, { type: 'requires_action', event_ids: [call.id] });
  await send(session, { type: 'user.custom_tool_result', custom_tool_use_id: call.id, content: [{ type: 'text', text: 'Sunny.' }] });
  const end = await stream.until(idle);
  stream.close();
  assert.equal(end.stop_reason.type, 'end_turn');
  assert.deepEqual(texts(stream.seen), ['Thank you.']);

  const again = { type: 'user.custom_tool_result', custom_tool_use_id: call.id, content: [] };
  await assert.rejects(send(session, again), { status: 400, message: /waits for a result/ });
});

test("the client's own tool runner serves a session", limit, async () => {
  const session = await startSession({ tools: [weather] });
  const tool = betaTool({
    name: weather.name,
    description: weather.description,
    inputSchema: weather.input_schema,
    run: ({ city }) => `Rain in ${city}.`,
  });
  const runner = events.toolRunner(session.id, { tools: [tool], maxIdleMs: 200 });
  const calls = [];
  const served = (async () => {
    for await (const call of runner) calls.push(call);
  })();
  await send(session, message('!tool weather {"city":"Oslo"}', '!text Done.'));
  await served;

  assert.deepEqual(calls.map(({ name, posted, isError }) => ({ name, posted, isError })), [{ name: 'weather', posted: true, isError: false }]);
  const history = await all(events.list(session.id));
  assert.equal(history.find((event) => event.type === 'user.custom_tool_result').content[0].text, 'Rain in Oslo.');
  assert.deepEqual(texts(history), ['Done.']);
});

test('a tool that asks first runs when it is allowed', limit, async () => {
  const session = await startSession({ tools: [askFirst] });
  const stream = await watch(session);
  await send(session, message('!tool knowledge_search {"query":"placements"}', '!text Read.'));
  const call = await stream.until((event) => event.type === 'agent.tool_use');
  assert.equal(call.evaluated_permission, 'ask');
  await stream.until(idle);
  await send(session, { type: 'user.tool_confirmation', tool_use_id: call.id, result: 'allow' });
  const result = await stream.until((event) => event.type === 'agent.tool_result');
  assert.equal(result.tool_use_id, call.id);
  assert.equal((await stream.until(idle)).stop_reason.type, 'end_turn');
  stream.close();
});

test('a tool that is denied does not run, and the model is told why', limit, async () => {
  const session = await startSession({ tools: [askFirst] });
  const stream = await watch(session);
  await send(session, message('!tool knowledge_search {"query":"placements"}', '!text Then not.'));
  const call = await stream.until((event) => event.type === 'agent.tool_use');
  await stream.until(idle);
  await send(session, { type: 'user.tool_confirmation', tool_use_id: call.id, result: 'deny', deny_message: 'Not today.' });
  const result = await stream.until((event) => event.type === 'agent.tool_result');
  assert.equal(result.is_error, true);
  assert.match(result.content[0].text, /Not today\./);
  await stream.until(idle);
  stream.close();
});

test('an interrupt ends a run at once', limit, async () => {
  const session = await startSession();
  const stream = await watch(session);
  await send(session, message('!sleep 600000', '!text Too late.'));
  await stream.until((event) => event.type === 'span.model_request_start');
  await send(session, { type: 'user.interrupt' });
  const end = await stream.until(idle);
  stream.close();
  assert.equal(end.stop_reason.type, 'end_turn');
  assert.deepEqual(texts(stream.seen), []);

  const next = await watch(session);
  await send(session, message('!text Still here.'));
  await next.until(idle);
  next.close();
  assert.deepEqual(texts(next.seen), ['Still here.']);
});

test('a run goes on when its watcher leaves', limit, async () => {
  const session = await startSession();
  const stream = await watch(session);
  await send(session, message('!sleep 300', '!text Done alone.'));
  await stream.until((event) => event.type === 'span.model_request_start');
  stream.close();

  const later = await watch(session, {}, { headers: { 'Last-Event-ID': '0' } });
  await later.until(idle);
  later.close();
  assert.deepEqual(texts(later.seen), ['Done alone.']);
});

test('a stream ends with the session', limit, async () => {
  const session = await startSession();
  const stream = await watch(session);
  assert.deepEqual(await client.beta.sessions.delete(session.id), { id: session.id, type: 'session_deleted' });
  const last = await stream.until((event) => event.type === 'session.deleted');
  assert.ok(last.id && last.processed_at);
  await assert.rejects(stream.until(() => true), /stream ended/);
  await assert.rejects(events.list(session.id), { status: 404 });
});
