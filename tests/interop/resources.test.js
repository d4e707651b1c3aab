// Agents, environments and sessions through the unmodified client: shapes, versions, paging, refusals.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { all, client, connect, limit, message, send, startSession, watch } from './support.js';

const { agents, environments, sessions } = client.beta;
const unknown = (prefix) => `${prefix}_${'0'.repeat(21)}1`;

test('an agent has every field of its type', limit, async () => {
  const agent = await agents.create({
    name: 'complete',
    model: { id: 'claude-opus-5-5', effort: 'high', speed: 'standard' },
    description: 'Everything set.',
    system: 'Be brief.',
    metadata: { team: 'a' },
    mcp_servers: [{ type: 'url', name: 'files', url: 'https://files.example/mcp' }],
    tools: [
      {
        type: 'agent_toolset_20260401',
        configs: [
          { name: 'bash', enabled: false },
          { name: 'web_fetch', allowed_domains: ['docs.example'], permission_policy: { type: 'always_ask' } },
        ],
      },
      { type: 'mcp_toolset', mcp_server_name: 'files' },
      { type: 'custom', name: 'weather', description: 'Weather.', input_schema: { type: 'object', properties: {} } },
    ],
    skills: [{ type: 'anthropic', skill_id: 'xlsx' }],
  });
  const { id, created_at, updated_at, ...rest } = agent;
  assert.match(id, /^agent_/);
  assert.ok(Date.parse(created_at) && Date.parse(updated_at));
  assert.deepEqual(rest, {
    type: 'agent',
    version: 1,
    name: 'complete',
    description: 'Everything set.',
    model: { id: 'claude-opus-5-5', effort: { type: 'high' }, speed: 'standard' },
    system: 'Be brief.',
    tools: [
      {
        type: 'agent_toolset_20260401',
        default_config: { enabled: true, permission_policy: { type: 'always_allow' } },
        configs: [
          { type: 'bash', name: 'bash', enabled: false, permission_policy: { type: 'always_allow' } },
          {
            type: 'web_fetch',
            name: 'web_fetch',
            enabled: true,
            permission_policy: { type: 'always_ask' },
            allowed_domains: ['docs.example'],
            url_sources: null,
          },
        ],
      },
      {
        type: 'mcp_toolset',
        mcp_server_name: 'files',
        default_config: { enabled: true, permission_policy: { type: 'always_ask' } },
        configs: [],
      },
      { type: 'custom', name: 'weather', description: 'Weather.', input_schema: { type: 'object', properties: {} } },
    ],
    mcp_servers: [{ type: 'url', name: 'files', url: 'https://files.example/mcp' }],
    skills: [{ type: 'anthropic', skill_id: 'xlsx', version: 'latest' }],
    multiagent: null,
    execution_identity: { type: 'service_account' },
    metadata: { team: 'a' },
    archived_at: null,
  });
  assert.deepEqual(await agents.retrieve(id), agent);
});

test('an update makes a version, and only from the version it saw', limit, async () => {
  const first = await agents.create({ name: 'v', model: 'insula/scripted', system: 'One.', metadata: { a: '1', b: '2' } });
  const second = await agents.update(first.id, { version: 1, system: null, metadata: { a: null, c: '3' } });
  assert.deepEqual([second.version, second.system, second.metadata], [2, null, { b: '2', c: '3' }]);
  assert.equal((await agents.update(first.id, { name: 'v' })).version, 2, 'a change of nothing is no version');

  await assert.rejects(agents.update(first.id, { version: 1, name: 'late' }), (error) => {
    assert.ok(error instanceof Anthropic.ConflictError);
    assert.equal(error.type, 'conflict_error');
    return true;
  });
  assert.deepEqual(await agents.retrieve(first.id, { version: 1 }), first);
  assert.deepEqual((await all(agents.versions.list(first.id, { limit: 1 }))).map((agent) => agent.version), [2, 1]);

  const archived = await agents.archive(first.id);
  assert.ok(archived.archived_at);
  await assert.rejects(agents.update(first.id, { name: 'x' }), { status: 409 });
});

test('lists page through everything once, newest first', limit, async () => {
  const made = [];
  for (let i = 0; i < 5; i++) made.push((await agents.create({ name: `page ${i}`, model: 'insula/scripted' })).id);
  const listed = (await all(agents.list({ limit: 2 }))).map((agent) => agent.id);
  assert.deepEqual(listed.filter((id) => made.includes(id)), [...made].reverse());
  assert.equal(new Set(listed).size, listed.length);

  await agents.archive(made[0]);
  const live = (await all(agents.list({ limit: 100 }))).map((agent) => agent.id);
  const archivedToo = (await all(agents.list({ limit: 100, include_archived: true }))).map((agent) => agent.id);
  assert.ok(!live.includes(made[0]) && archivedToo.includes(made[0]));
});

test('an environment is completed, patched, archived and deleted', limit, async () => {
  const environment = await environments.create({
    name: 'limited',
    config: { type: 'cloud', networking: { type: 'limited', allowed_hosts: ['api.example'] } },
    metadata: { a: '1', b: '2' },
  });
  assert.equal(environment.type, 'environment');
  assert.deepEqual(environment.config, {
    type: 'cloud',
    networking: { type: 'limited', allowed_hosts: ['api.example'], allow_mcp_servers: false, allow_package_managers: false },
    packages: { type: 'packages', apt: [], cargo: [], gem: [], go: [], npm: [], pip: [] },
  });

  const patched = await environments.update(environment.id, {
    description: 'New.',
    config: { type: 'cloud', networking: { type: 'limited', allow_package_managers: true }, packages: { npm: ['vitest'] } },
    metadata: { a: '', c: '3' },
  });
  assert.deepEqual(patched.config.networking.allowed_hosts, ['api.example']);
  assert.deepEqual(patched.config.packages.npm, ['vitest']);
  assert.deepEqual(patched.metadata, { b: '2', c: '3' });

  await assert.rejects(environments.update(environment.id, { config: { type: 'self_hosted' } }), { errorCode: 'invalid_config_type_change' });
  await assert.rejects(environments.update(environment.id, { metadata: { k: 'x'.repeat(513) } }), { errorCode: 'invalid_metadata' });
  assert.ok((await environments.archive(environment.id)).archived_at);
  await assert.rejects(environments.update(environment.id, { name: 'x' }), (error) => {
    assert.equal(error.constructor.name, 'BetaEnvironmentArchivedError');
    return true;
  });

  const agent = await agents.create({ name: 'a', model: 'insula/scripted' });
  await assert.rejects(sessions.create({ agent: agent.id, environment_id: environment.id }), { status: 400, errorCode: 'environment_archived' });
  assert.deepEqual(await environments.delete(environment.id), { id: environment.id, type: 'environment_deleted' });
  await assert.rejects(environments.retrieve(environment.id), { status: 404, errorCode: 'environment_not_found' });
});

test('a session has every field of its type', limit, async () => {
  const agent = await agents.create({ name: 'base', model: 'insula/scripted', system: 'Old.' });
  const environment = await environments.create({ name: 'e' });
  const session = await sessions.create({
    agent: { type: 'agent_with_overrides', id: agent.id, version: 1, system: 'New.' },
    environment_id: environment.id,
    title: 'All of it',
    metadata: { k: 'v' },
    budget: { type: 'limit', max_list_cost: { amount: '2500', currency: 'USD' } },
  });
  const { id, created_at, updated_at, stats, usage, agent: snapshot, ...rest } = session;
  assert.match(id, /^sesn_/);
  assert.ok(Date.parse(created_at) && Date.parse(updated_at));
  assert.equal(stats.active_seconds, 0);
  assert.ok(stats.duration_seconds >= 0);
  assert.deepEqual(usage, {
    input_tokens: 0,
    output_tokens: 0,
    cache_read_input_tokens: 0,
    cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
    active_seconds: 0,
  });
  const { metadata, archived_at, created_at: c, updated_at: u, ...base } = agent;
  assert.deepEqual(snapshot, { ...base, system: 'New.' });
  assert.deepEqual(rest, {
    type: 'session',
    environment_id: environment.id,
    title: 'All of it',
    status: 'idle',
    metadata: { k: 'v' },
    budget: { type: 'limit', max_list_cost: { amount: '2500', currency: 'USD' } },
    archived_at: null,
    outcome_evaluations: [],
    resources: [],
    vault_ids: [],
    deployment_id: null,
  });
});

test('a session tells its watchers what an update changed', limit, async () => {
  const session = await startSession({ title: 'Before' });
  const stream = await watch(session);
  const updated = await sessions.update(session.id, { title: 'After', metadata: { a: '1' } });
  assert.deepEqual([updated.title, updated.metadata], ['After', { a: '1' }]);
  const { id, processed_at, ...said } = await stream.until((event) => event.type === 'session.updated');
  stream.close();
  assert.deepEqual(said, { type: 'session.updated', title: 'After', metadata: { a: '1' } });
});

test('an archived session takes no input', limit, async () => {
  const session = await startSession();
  assert.ok((await sessions.archive(session.id)).archived_at);
  await assert.rejects(send(session, message('hello')), { status: 409, message: /archived/ });
});

test('sessions are found by filter and paged both ways', limit, async () => {
  const { agent, environment_id } = await startSession();
  const made = [];
  for (let i = 0; i < 4; i++) made.push((await sessions.create({ agent: agent.id, environment_id })).id);
  const mine = await all(sessions.list({ agent_id: agent.id, statuses: ['idle', 'running'], limit: 2 }));
  assert.deepEqual(mine.map((session) => session.id).slice(0, 4), [...made].reverse());
  const oldestFirst = await all(sessions.list({ agent_id: agent.id, order: 'asc', limit: 3 }));
  assert.deepEqual(oldestFirst.map((session) => session.id), mine.map((session) => session.id).reverse());

  const first = await sessions.list({ agent_id: agent.id, limit: 2 });
  const second = await first.getNextPage();
  const back = await sessions.list({ agent_id: agent.id, limit: 2, page: second.prev_page });
  assert.deepEqual(back.data.map((session) => session.id), first.data.map((session) => session.id));
  assert.equal(first.prev_page, null);

  assert.deepEqual(await all(sessions.list({ agent_id: agent.id, statuses: ['terminated'] })), []);
  const since = await all(sessions.list({ agent_id: agent.id, 'created_at[gte]': mine[0].created_at }));
  assert.deepEqual(since.map((session) => session.id), [mine[0].id]);
});

test('every refusal has the class, type and words that a client needs', limit, async () => {
  const session = await startSession();
  const refusals = [
    [() => agents.retrieve(unknown('agent')), Anthropic.NotFoundError, 'not_found_error', /no such agent/],
    [() => sessions.retrieve('../../etc/passwd'), Anthropic.NotFoundError, 'not_found_error', /no such session/],
    [() => environments.archive(unknown('env')), Anthropic.NotFoundError, 'not_found_error', /no such environment/],
    [() => agents.create({ name: '', model: 'insula/scripted' }), Anthropic.BadRequestError, 'invalid_request_error', /name/],
    [() => agents.create({ name: 'x', model: { id: 7 } }), Anthropic.BadRequestError, 'invalid_request_error', /model\.id/],
    [() => agents.create({ name: 'x', model: 'm', tools: [{ type: 'magic' }] }), Anthropic.BadRequestError, 'invalid_request_error', /tools\[0\]/],
    [() => agents.create({ name: 'x', model: 'm', tools: [null] }), Anthropic.BadRequestError, 'invalid_request_error', /tools\[0\]/],
    [() => agents.list({ limit: 0 }), Anthropic.BadRequestError, 'invalid_request_error', /limit/],
    [() => agents.list({ page: 'made up' }), Anthropic.BadRequestError, 'invalid_request_error', /page/],
    [() => sessions.list({ statuses: ['busy'] }), Anthropic.BadRequestError, 'invalid_request_error', /statuses/],
    [() => send(session, { type: 'user.message', content: [] }), Anthropic.BadRequestError, 'invalid_request_error', /events\[0\]\.content/],
    [() => send(session, { type: 'user.define_outcome', description: 'x' }), Anthropic.BadRequestError, 'invalid_request_error', /not available/],
    [
      () => send(session, { type: 'user.tool_confirmation', tool_use_id: unknown('sevt'), result: 'allow' }),
      Anthropic.BadRequestError,
      'invalid_request_error',
      /waits for a confirmation/,
    ],
    [
      () => sessions.create({ agent: session.agent.id, environment_id: session.environment_id, vault_ids: ['vlt_1'] }),
      Anthropic.BadRequestError,
      'invalid_request_error',
      /vault_ids/,
    ],
    [() => connect('sk_tenant_wrong').beta.agents.list(), Anthropic.AuthenticationError, 'authentication_error', /key/],
  ];
  for (const [call, kind, type, words] of refusals) {
    await assert.rejects(async () => call(), (error) => {
      assert.ok(error instanceof kind, `${call}: ${error}`);
      assert.equal(error.type, type);
      assert.match(error.message, words);
      assert.match(error.requestID, /^req_/);
      return true;
    });
  }
});
