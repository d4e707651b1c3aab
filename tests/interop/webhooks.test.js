// A delivery is verified by the vendor's own client: users need no library of ours.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { test } from 'node:test';
import { client, idle, limit, message, send, startSession, watch } from './support.js';

const { INSULA_URL, INSULA_KEY } = process.env;

const call = async (method, path, body) => {
  const answer = await fetch(new URL(path, INSULA_URL), {
    method,
    headers: { authorization: `Bearer ${INSULA_KEY}`, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  return { status: answer.status, body: answer.status === 204 ? null : await answer.json() };
};

test('the end of a run is told, and the client unwraps it', limit, async (t) => {
  const receiver = createServer();
  const arrived = new Promise((resolve) => {
    receiver.on('request', (request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += chunk));
      request.on('end', () => {
        response.writeHead(204).end();
        resolve({ body, headers: request.headers });
      });
    });
  });
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  t.after(() => receiver.close());

  const made = await call('POST', '/api/v1/webhooks', { url: `http://127.0.0.1:${receiver.address().port}/`, events: ['run.ended'] });
  if (made.status === 400 && made.body.field === 'url') return t.skip('the server refuses webhooks on this machine (INSULA_WEBHOOKS_PRIVATE)');
  assert.equal(made.status, 201);
  t.after(() => call('DELETE', `/api/v1/webhooks/${made.body.id}`));

  const session = await startSession();
  const stream = await watch(session);
  await send(session, message('!text done'));
  await stream.until(idle);
  stream.close();

  const { body, headers } = await arrived;
  const key = made.body.secret;
  const event = client.beta.webhooks.unwrap(body, { headers, key });
  assert.equal(event.type, 'run.ended');
  assert.equal(event.data.session_id, session.id);
  assert.throws(() => client.beta.webhooks.unwrap(body.replace('run.ended', 'run.begun'), { headers, key }));
});
