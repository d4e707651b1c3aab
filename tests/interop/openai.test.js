// What the other vendor's unmodified client does when it is refused. It has no methods for what Insula serves so far; its
// own post() goes the same way as they do, retries and errors included.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI, { APIError, RateLimitError } from 'openai';
import { ask, client, message, watched } from './support.js';

const { INSULA_URL: baseURL, INSULA_KEY: apiKey, INTEROP_OPERATOR_KEY: operatorKey } = process.env;
const limit = { timeout: 60_000 };

function retrying(key) {
  const { fetch, statuses } = watched();
  const openai = new OpenAI({ baseURL: `${baseURL}/v1`, apiKey: key, fetch, timeout: 20_000 });
  assert.ok(openai.maxRetries > 0, 'the client would try again if it were told to');
  return { openai, statuses };
}

test('a client that is throttled waits as told and succeeds', limit, async () => {
  const { secret } = await ask('POST', '/api/v1/keys', apiKey, { name: 'throttled', limits: { requests_per_minute: 30 } }, 201);
  const { openai, statuses } = retrying(secret);
  for (let call = 0; call < 60 || !statuses.includes(429); call++) {
    assert.ok(call < 200, 'The limit never refused.');
    await openai.post('/environments', { body: { name: `throttled ${call}` } });
  }

  assert.equal(statuses.filter((status) => status === 429).length, 1);
  assert.equal(statuses.at(-1), 200);
});

test('a client whose tenant has used up a quota asks once', { ...limit, skip: operatorKey ? false : 'needs a server of its own' }, async () => {
  const tenant = await ask('POST', '/api/v1/tenants', operatorKey, { name: 'full', limits: { agents: 1 } }, 201);
  const { openai, statuses } = retrying(tenant.key.secret);
  const agent = { name: 'limited', model: 'insula/scripted' };
  await openai.post('/agents', { body: agent });
  await assert.rejects(openai.post('/agents', { body: agent }), (error) => {
    assert.ok(error instanceof RateLimitError);
    assert.match(error.message, /has 1 agents; its limit is 1/);
    return true;
  });
  assert.deepEqual(statuses, [200, 429]);
});

test('a message to a spent budget is refused for good, and the client asks once', limit, async () => {
  const agent = await client.beta.agents.create({ name: 'broke', model: 'anthropic/claude-opus-5-5' });
  const environment = await client.beta.environments.create({ name: 'interop' });
  const session = await client.beta.sessions.create({ agent: agent.id, environment_id: environment.id });
  await ask('PUT', `/api/v1/budgets/agent:${agent.id}`, apiKey, { limit_micros: 0 }, 200);
  const { openai, statuses } = retrying(apiKey);
  await assert.rejects(openai.post(`/sessions/${session.id}/events`, { body: { events: [message('hello')] } }), (error) => {
    assert.ok(error instanceof APIError);
    assert.equal(error.status, 402);
    assert.match(error.message, /An administrator of this tenant can raise it/);
    return true;
  });
  assert.deepEqual(statuses, [402]);
});
