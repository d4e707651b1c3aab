// What the unmodified client does when it is refused: it waits as told when throttled, and asks once when it is final.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Anthropic, { RateLimitError } from '@anthropic-ai/sdk';
import { ask, watched } from './support.js';

const { INSULA_URL: baseURL, INSULA_KEY: apiKey, INTEROP_OPERATOR_KEY: operatorKey } = process.env;
const limit = { timeout: 60_000 };

function retrying(key) {
  const { fetch, statuses } = watched();
  return { client: new Anthropic({ baseURL, apiKey: key, fetch, maxRetries: 2 }), statuses };
}

const agent = { name: 'limited', model: 'insula/scripted' };

test('a client that is throttled waits as told and succeeds', limit, async () => {
  const { secret } = await ask('POST', '/api/v1/keys', apiKey, { name: 'throttled', limits: { requests_per_minute: 30 } }, 201);
  const { client, statuses } = retrying(secret);
  for (let call = 0; call < 60 || !statuses.includes(429); call++) {
    assert.ok(call < 200, 'The limit never refused.');
    await client.beta.environments.create({ name: `throttled ${call}` });
  }

  assert.equal(statuses.filter((status) => status === 429).length, 1);
  assert.equal(statuses.at(-1), 200);
});

test('a client whose tenant has used up a quota asks once', { ...limit, skip: operatorKey ? false : 'needs a server of its own' }, async () => {
  const tenant = await ask('POST', '/api/v1/tenants', operatorKey, { name: 'full', limits: { agents: 1 } }, 201);
  const { client, statuses } = retrying(tenant.key.secret);
  await client.beta.agents.create(agent);
  await assert.rejects(client.beta.agents.create(agent), (error) => {
    assert.ok(error instanceof RateLimitError);
    assert.match(error.message, /has 1 agents; its limit is 1/);
    return true;
  });
  assert.deepEqual(statuses, [200, 429]);
});
