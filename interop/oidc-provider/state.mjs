// What the tests may change while the server runs: clients, accounts, grants; and the journal that they read.

import { randomBytes } from 'node:crypto';

// Exact matching is the engine's business; for native clients it ignores the port of a loopback redirect URI
// (RFC 8252 7.3), so a test may listen wherever it likes.
const REDIRECT_URIS = ['http://127.0.0.1/callback'];

export function createState(options) {
  const clients = new Map(defaultClients(options).map((client) => [client.client_id, client]));
  const accounts = new Set(['alice', 'bob']);
  const models = new Map();
  return {
    clients,
    accounts,
    journal: createJournal(),
    grants: () => [...(models.get('Grant')?.records ?? [])],
    account: (id) => (accounts.has(id) ? accountOf(id) : undefined),
    adapter(model) {
      const adapter = model === 'Client' ? clientAdapter(clients) : new Records(models);
      models.set(model, adapter);
      return adapter;
    },
  };
}

function defaultClients(options) {
  const common = {
    application_type: 'native',
    redirect_uris: [...REDIRECT_URIS, ...(options.redirect_uris ?? [])],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  };
  const secret = () => randomBytes(24).toString('base64url');
  return [
    { ...common, client_id: 'basic', client_secret: secret(), token_endpoint_auth_method: 'client_secret_basic' },
    { ...common, client_id: 'post', client_secret: secret(), token_endpoint_auth_method: 'client_secret_post' },
    { ...common, client_id: 'public', token_endpoint_auth_method: 'none' },
  ];
}

function accountOf(id) {
  return {
    accountId: id,
    claims: async () => ({ sub: id, email: `${id}@example.test`, email_verified: true }),
  };
}

function clientAdapter(clients) {
  return { find: async (id) => clients.get(id) };
}

// The engine's storage contract over plain maps. Entries are never evicted: the engine itself checks every
// expiry, and a test wants to see "expired", not "unknown".
class Records {
  constructor(models) {
    this.models = models;
    this.records = new Map();
  }

  async upsert(id, payload) {
    this.records.set(id, payload);
  }

  async find(id) {
    return this.records.get(id);
  }

  async findByUid(uid) {
    return [...this.records.values()].find((payload) => payload.uid === uid);
  }

  async findByUserCode(userCode) {
    return [...this.records.values()].find((payload) => payload.userCode === userCode);
  }

  async consume(id) {
    this.records.get(id).consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    this.records.delete(id);
  }

  async revokeByGrantId(grantId) {
    for (const [id, payload] of this.records) {
      if (payload.grantId === grantId) this.records.delete(id);
    }
  }
}

// One entry for each request that reached the token endpoint, without any secret. `detail` is the engine's own
// reason, which it does not tell the client.
function createJournal() {
  const entries = [];
  const open = new WeakMap();
  const entryOf = (context) => open.get(context.req) ?? {};
  return {
    entries,
    open(request, response) {
      const entry = { number: entries.length + 1, status: null, revoked_grants: [] };
      entries.push(entry);
      open.set(request, entry);
      response.on('finish', () => {
        entry.status = response.statusCode;
      });
    },
    settle(context, error) {
      const entry = entryOf(context);
      entry.grant_type = context.oidc?.params?.grant_type;
      entry.client_id = context.oidc?.client?.clientId;
      entry.error = error?.error;
      entry.detail = error?.error_detail;
    },
    revoked(context, grantId) {
      entryOf(context).revoked_grants?.push(grantId);
    },
  };
}
