// What a used-up budget looks like to the unmodified client: final, after one request.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Anthropic, { APIError } from '@anthropic-ai/sdk';
import { ask, client, limit, message, watched } from './support.js';

const { INSULA_URL: baseURL, INSULA_KEY: apiKey } = process.env;

test('a message to a spent budget is refused for good, and the client asks once', limit, async () => {
  const agent = await client.beta.agents.create({ name: 'broke', model: 'anthropic/claude-opus-5-5' });
  const environment = await client.beta.environments.create({ name: 'interop' });
  const session = await client.beta.sessions.create({ agent: agent.id, environment_id: environment.id });
  await ask('PUT', `/api/v1/budgets/agent:${agent.id}`, apiKey, { limit_micros: 0 }, 200);

  const { fetch, statuses } = watched();
  const counting = new Anthropic({ baseURL, apiKey, timeout: 20_000, fetch });
  assert.ok(counting.maxRetries > 0, 'the client would try again if it were told to');
  await assert.rejects(counting.beta.sessions.events.send(session.id, { events: [message('hello')] }), (error) => {
    assert.ok(error instanceof APIError);
    assert.equal(error.status, 402);
    assert.equal(error.error.error.type, 'billing_error');
    assert.match(error.message, /An administrator of this tenant can raise it/);
    return true;
  });
  assert.deepEqual(statuses, [402]);
});
