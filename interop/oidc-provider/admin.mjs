// What a test does behind the provider's back: change a secret, delete an account, revoke a grant, read the journal.

import { readJson } from './body.mjs';

export async function serveAdmin(provider, state, request, response) {
  const url = new URL(request.url, 'http://127.0.0.1');
  const [collection, id, member] = url.pathname.slice(1).split('/').map(decodeURIComponent);
  const action = ACTIONS[[request.method, collection, id && '*', member].filter(Boolean).join(' ')];
  if (!action) return reply(response, 404, { error: 'no such action; see interop/README.md' });
  try {
    return reply(response, 200, await action({ provider, state, id, query: url.searchParams, body: await readJson(request) }));
  } catch (error) {
    return reply(response, 400, { error: error.message });
  }
}

const ACTIONS = {
  'GET journal': ({ state, query }) => {
    const entries = state.journal.entries.slice(Number(query.get('after') ?? 0));
    return { token_requests: state.journal.entries.length, entries };
  },
  'GET grants': ({ state }) => state.grants().map(([id, grant]) => factsOf(id, grant)),
  'DELETE grants *': async ({ provider, state, id }) => {
    const known = state.grants().some(([grantId]) => grantId === id);
    if (!known) throw new Error('no such grant');
    await provider.AccessToken.revokeByGrantId(id);
    await provider.RefreshToken.revokeByGrantId(id);
    await (await provider.Grant.find(id)).destroy();
    return {};
  },
  'PUT clients * secret': ({ state, id, body }) => {
    const client = known(state, id);
    if (typeof body.client_secret !== 'string') throw new Error('client_secret is missing');
    state.clients.set(id, { ...client, client_secret: body.client_secret });
    return {};
  },
  'DELETE clients *': ({ state, id }) => {
    known(state, id);
    state.clients.delete(id);
    return {};
  },
  'DELETE accounts *': ({ state, id }) => {
    if (!state.accounts.delete(id)) throw new Error('no such account');
    return {};
  },
  'PUT accounts *': ({ state, id }) => {
    state.accounts.add(id);
    return {};
  },
};

function known(state, id) {
  const client = state.clients.get(id);
  if (!client) throw new Error('no such client');
  return client;
}

function factsOf(id, { accountId, clientId, openid }) {
  return { id, account: accountId, client_id: clientId, scope: openid?.scope };
}

function reply(response, status, value) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(value)}\n`);
}
