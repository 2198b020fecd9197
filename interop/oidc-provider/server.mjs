// An independent authorization server for Evergrant's tests: npm `oidc-provider`, unmodified, with rotation on
// every refresh and reuse detection. See ../README.md for the protocol (options, ready line, admin API).

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';

import { serveAdmin } from './admin.mjs';
import { answerInteraction } from './interaction.mjs';
import { createState } from './state.mjs';

// Stdout carries the ready line and nothing else; the package prints notices with console.info.
console.log = console.error;
console.info = console.error;

const { default: Provider } = await import('oidc-provider');

const options = JSON.parse(process.argv[2] ?? '{}');
const state = createState(options);
const server = createServer();
const issuer = await listen(server, options.port ?? 0);
const provider = new Provider(issuer, configuration());
const engine = provider.callback();

provider.on('server_error', (context, error) => console.error('server_error', error));
provider.on('grant.success', (context) => state.journal.settle(context));
provider.on('grant.error', (context, error) => state.journal.settle(context, error));
provider.on('grant.revoked', (context, grantId) => state.journal.revoked(context, grantId));

server.on('request', (request, response) => {
  if (request.url.startsWith('/interaction/')) {
    return answerInteraction(provider, state, request, response);
  }
  if (request.method === 'POST' && request.url.split('?')[0] === '/token') {
    state.journal.open(request, response);
  }
  return engine(request, response);
});

const admin = createServer((request, response) => serveAdmin(provider, state, request, response));
process.stdout.write(
  `${JSON.stringify({
    issuer,
    admin: await listen(admin, options.admin_port ?? 0),
    clients: [...state.clients.values()].map(publicFacts),
    accounts: [...state.accounts],
  })}\n`,
);

// The server lives as long as the test that holds the other end of its stdin: it cannot be left behind.
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));

function configuration() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return {
    adapter: state.adapter,
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'test' }] },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    scopes: ['openid', 'offline_access', 'email', 'api:read', 'api:write'],
    claims: { openid: ['sub'], email: ['email', 'email_verified'] },
    findAccount: (context, id) => state.account(id),
    interactions: { url: (context, interaction) => `/interaction/${interaction.uid}` },
    pkce: { required: () => true },
    rotateRefreshToken: options.rotate ?? true,
    features: {
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: ownTokens },
      revocation: { enabled: true, allowedPolicy: ownTokens },
    },
    ttl: {
      AccessToken: options.access_token_ttl ?? 3600,
      AuthorizationCode: 60,
      Grant: 86_400,
      IdToken: 3600,
      Interaction: 600,
      RefreshToken: options.refresh_token_ttl ?? 86_400,
      Session: 86_400,
    },
  };
}

function ownTokens(context, client, token) {
  return token.clientId === client.clientId;
}

function listen(target, port) {
  return new Promise((resolve, reject) => {
    target.once('error', reject);
    target.listen(port, '127.0.0.1', () => resolve(`http://127.0.0.1:${target.address().port}`));
  });
}

function publicFacts({ client_id, client_secret, token_endpoint_auth_method, redirect_uris }) {
  return { client_id, client_secret, token_endpoint_auth_method, redirect_uris };
}
